// SPDX-License-Identifier: Apache-2.0
/* Compiling `presets:`. */
#include "common/analysis/features_internal.h"

#include <stdlib.h>

/* ---- presets: ----------------------------------------------------------------------------------- */

/* Presets of generative calls that were asked for, in that order. */
struct dialects {
    const struct otc_preset *presets[16];
    size_t n;
};

static bool
has_site(const struct otc__sites *sites, const struct otc_place *place)
{
    for (size_t i = 0; i < sites->n; i++) {
        if (otc_place_same(&sites->places[i], place)) {
            return true;
        }
    }
    return false;
}

/* All places of a feature in all dialects, without those that come again. */
static otc_status
gather(const struct dialects *dialects, const char *name, struct otc__sites *sites, bool *qualifies,
       struct otc_error *err)
{
    for (size_t i = 0; i < dialects->n; i++) {
        for (const struct otc_preset_feature *f = dialects->presets[i]->features; f->name; f++) {
            for (size_t k = 0; strcmp(f->name, name) == 0 && k < OTC_PRESET_PLACES_MAX && f->from[k]; k++) {
                struct otc_place *place = &sites->places[sites->n];
                otc_status status = sites->n < OTC__SITES_MAX
                                        ? otc_place_parse(otc_slice_str(f->from[k]), place, err)
                                        : otc_fail(err, OTC_RESOURCE_EXHAUSTED, "presets: too many places");

                if (status != OTC_OK) {
                    return status;
                }
                *qualifies = *qualifies || f->qualifies;
                if (has_site(sites, place)) {
                    otc_place_release(place);
                } else {
                    sites->n++;
                }
            }
        }
    }
    return OTC_OK;
}

/* "a or b" of the places, when the preset does not say it better. */
static const char *
origin_of(struct otc_feature_set *set, const struct dialects *dialects,
          const struct otc_preset_feature *preset)
{
    OTC_AUTO_BUF struct otc_buf text = {.limit = 4096};

    if (preset->origin) {
        return preset->origin;
    }
    for (size_t i = 0; i < dialects->n; i++) {
        for (const struct otc_preset_feature *f = dialects->presets[i]->features; f->name; f++) {
            for (size_t k = 0; strcmp(f->name, preset->name) == 0 && k < OTC_PRESET_PLACES_MAX && f->from[k];
                 k++) {
                if (!text.len || !strstr(otc_buf_cstr(&text), f->from[k])) {
                    (void)otc_buf_printf(&text, "%s%s", text.len ? " or " : "", f->from[k]);
                }
            }
        }
    }
    return otc_buf_cstr(&text) ? otc__features_own(set, strdup(otc_buf_cstr(&text))) : NULL;
}

static otc_status
add_marker(struct otc_feature_set *set, size_t wanted, struct otc_error *err)
{
    size_t *grown = reallocarray(set->markers, set->n_markers + 1, sizeof(*grown));

    if (!grown) {
        return otc__features_no_memory(err);
    }
    set->markers = grown;
    grown[set->n_markers++] = wanted;
    return OTC_OK;
}

/* Attributes at which a feature that only generative calls have is read. */
static otc_status
mark(struct otc_feature_set *set, const struct otc_source *source, struct otc_error *err)
{
    otc_status status = OTC_OK;

    for (size_t i = 0; status == OTC_OK && i < source->n_wanted; i++) {
        status = add_marker(set, source->first_wanted + i, err);
    }
    for (size_t i = 0; status == OTC_OK && i < source->n_places; i++) {
        const struct otc_read_place *place = &set->places[source->first_place + i];

        if (place->wanted != OTC_NOWHERE) {
            status = add_marker(set, place->wanted, err);
        }
    }
    return status;
}

static otc_status
add_generative_feature(struct otc_feature_set *set, const struct dialects *dialects,
                       const struct otc_preset_feature *preset, struct otc_error *err)
{
    struct otc_feature feature = {.name = otc_slice_str(preset->name),
                                  .kind = preset->kind,
                                  .type = preset->type,
                                  .max_categories = 200,
                                  .origin = origin_of(set, dialects, preset)};
    struct otc_source source = {.reader = preset->reader};
    struct otc__sites sites = {.n = 0};
    bool qualifies = false;
    otc_status status = feature.origin ? gather(dialects, preset->name, &sites, &qualifies, err)
                                       : otc__features_no_memory(err);

    if (status == OTC_OK) {
        status = otc__features_set_sites(set, &sites, &source, err);
    }
    if (status == OTC_OK && qualifies) {
        source.qualifies = true;
        status = mark(set, &source, err);
    }
    if (status == OTC_OK && !otc__features_add(set, &feature, &source)) {
        status = otc__features_no_memory(err);
    }
    otc__sites_release(&sites);
    return status;
}

static size_t
named(const struct otc_feature_set *set, const char *name)
{
    for (size_t i = 0; i < set->n; i++) {
        if (otc_slice_equal_str(set->features[i].name, name)) {
            return i;
        }
    }
    return SIZE_MAX;
}

static otc_status
add_markers(struct otc_feature_set *set, const struct dialects *dialects, struct otc_error *err)
{
    for (size_t i = 0; i < dialects->n; i++) {
        for (const char *const *key = dialects->presets[i]->markers; *key; key++) {
            if (!otc__features_add_wanted(set, (struct otc_wanted){.key = *key, .level = OTC_AT_RECORD})) {
                return otc__features_no_memory(err);
            }
            if (add_marker(set, set->n_wanted - 1, err) != OTC_OK) {
                return OTC_RESOURCE_EXHAUSTED;
            }
        }
    }
    return OTC_OK;
}

static bool
add_prefix(struct otc_feature_set *set, const char *prefix, size_t *place)
{
    *place = set->n_wanted;
    return otc__features_add_wanted(set, (struct otc_wanted){prefix, OTC_AT_RECORD, true});
}

/* Features of all dialects; the ratio after its parts. An entry of `features:` of the same name stands for
 * it. */
static otc_status
add_generative(struct otc_feature_set *set, const struct dialects *dialects, struct otc_error *err)
{
    otc_status status = add_markers(set, dialects, err);

    for (size_t i = 0; status == OTC_OK && i < dialects->n; i++) {
        for (const struct otc_preset_feature *f = dialects->presets[i]->features; status == OTC_OK && f->name;
             f++) {
            if (named(set, f->name) == SIZE_MAX) {
                status = add_generative_feature(set, dialects, f, err);
            }
        }
    }
    set->input_tokens = named(set, "input_tokens");
    set->output_tokens = named(set, "output_tokens");
    for (size_t i = 0; status == OTC_OK && i < dialects->n; i++) {
        bool openinference = strcmp(dialects->presets[i]->name, "openinference") == 0;
        size_t *prefix = openinference ? &set->output_message_prefix : &set->completion_prefix;

        if (strcmp(dialects->presets[i]->name, "mlflow") != 0 && *prefix == OTC_NOWHERE &&
            !add_prefix(set, openinference ? "llm.output_messages." : "gen_ai.completion.", prefix)) {
            status = otc__features_no_memory(err);
        }
    }
    return status;
}

static otc_status
add_kserve(struct otc_feature_set *set, struct otc_error *err)
{
    static const char *const bodies[] = {"body", "attributes[\"input.value\"]",
                                         "attributes[\"output.value\"]"};
    otc_status status = OTC_OK;

    for (size_t i = 0; status == OTC_OK && i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        status = otc__features_add_tensors(set, bodies[i], err);
    }
    return status;
}

static otc_status
unknown_preset(const char *name, struct otc_error *err)
{
    return otc_fail(
        err, OTC_INVALID_ARGUMENT,
        "presets: unknown preset '%s'; allowed are ml, gen_ai, openinference, openllmetry, mlflow, "
        "kserve, vllm, triton and tgi",
        name);
}

static otc_status
add_preset(struct otc_feature_set *set, const char *name, struct dialects *dialects, struct otc_error *err)
{
    size_t before = dialects->n;

    if (strcmp(name, "ml") == 0) {
        return add_prefix(set, "ml.feature.", &set->feature_prefix) &&
                       add_prefix(set, "ml.prediction.", &set->prediction_prefix)
                   ? OTC_OK
                   : otc__features_no_memory(err);
    }
    if (strcmp(name, "kserve") == 0) {
        return add_kserve(set, err);
    }
    for (const struct otc_preset *preset = otc_generative_presets; preset->name; preset++) {
        if (strcmp(preset->name, name) == 0) {
            dialects->presets[dialects->n++] = preset;
        }
    }
    return dialects->n > before || otc_is_metric_preset(name) ? OTC_OK : unknown_preset(name, err);
}

otc_status
otc__features_add_presets(struct otc_feature_set *set, const otc_strings *presets, struct otc_error *err)
{
    struct dialects dialects = {.n = 0};
    otc_status status = OTC_OK;

    for (size_t i = 0; status == OTC_OK && i < presets->n; i++) {
        for (size_t k = 0; k < i; k++) {
            if (strcmp(presets->items[i], presets->items[k]) == 0) {
                return otc_fail(err, OTC_INVALID_ARGUMENT, "presets: '%s' is named twice", presets->items[i]);
            }
        }
        status = add_preset(set, presets->items[i], &dialects, err);
    }
    return status == OTC_OK && dialects.n > 0 ? add_generative(set, &dialects, err) : status;
}
