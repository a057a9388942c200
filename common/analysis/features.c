// SPDX-License-Identifier: Apache-2.0
/* Compiling presets and `features:`. */
#include "common/analysis/features_internal.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const feature_types[] = {"numeric", "categorical", "text", "embedding", "kserve", NULL};
static const char *const feature_kinds[] = {"auto", "input", "prediction", "latency", "tokens", NULL};

static const struct otc_field feature_fields[] = {
    OTC_FIELD(otc_feature_config, name, .required = true, .doc = "Name of the feature in the results."),
    OTC_FIELD(otc_feature_config, from, .required = true,
              .doc = "Where its value is: `attributes[\"key\"]`, `duration`, "
                     "`json(attributes[\"key\"]).member[0]`, `attributes[\"list.*.member\"]`, "
                     "`metric[\"name\"]`, …; see below."),
    OTC_FIELD(
        otc_feature_config, type, .def = "numeric", .choices = feature_types,
        .doc =
            "What its values are. `text`: watched by its length, words and shares of characters; "
            "`embedding`: a list of numbers, watched by its distance to the reference's mean and its norm; "
            "`kserve`: the tensors of an inference request or answer."),
    OTC_FIELD(otc_feature_config, kind, .def = "auto", .choices = feature_kinds,
              .doc =
                  "`ml.feature.kind` in the results. `auto`: `prediction` for `ml.prediction.*`, `latency` "
                  "for `duration` and `elapsed`, else `input`."),
    OTC_FIELD(otc_feature_config, max_categories, .def = "200", .min = "1", .max = "10000",
              .doc = "Categories told apart; the rest is pooled."),
    OTC_FIELD_END,
};
const struct otc_schema otc_feature_schema = {
    .size = sizeof(struct otc_feature_config), .fields = feature_fields, .doc = "One feature to watch."};

otc_status
otc__features_no_memory(struct otc_error *err)
{
    return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "features: out of memory");
}

/* ---- Growing ------------------------------------------------------------------------------------ */

bool
otc__features_add_wanted(struct otc_feature_set *set, struct otc_wanted wanted)
{
    if (set->n_wanted == set->wanted_capacity) {
        size_t capacity = set->wanted_capacity ? set->wanted_capacity * 2 : 32;
        struct otc_wanted *grown = reallocarray(set->wanted, capacity, sizeof(*grown));

        if (!grown) {
            return false;
        }
        set->wanted = grown;
        set->wanted_capacity = capacity;
    }
    wanted.key = strdup(wanted.key);
    if (!wanted.key) {
        return false;
    }
    set->wanted[set->n_wanted++] = wanted;
    return true;
}

bool
otc__features_add(struct otc_feature_set *set, const struct otc_feature *feature,
                  const struct otc_source *source)
{
    if (set->n == set->capacity) {
        size_t capacity = set->capacity ? set->capacity * 2 : 16;
        struct otc_feature *features = reallocarray(set->features, capacity, sizeof(*features));
        struct otc_source *sources;

        if (!features) {
            return false;
        }
        set->features = features;
        sources = reallocarray(set->sources, capacity, sizeof(*sources));
        if (!sources) {
            return false;
        }
        set->sources = sources;
        set->capacity = capacity;
    }
    set->features[set->n] = *feature;
    set->sources[set->n] = *source;
    set->n++;
    return true;
}

/* A text of the set's own (malloced `text` is taken over, also on failure). NULL out of memory. */
const char *
otc__features_own(struct otc_feature_set *set, char *text)
{
    char **grown = text ? reallocarray(set->texts, set->n_texts + 1, sizeof(*grown)) : NULL;

    if (!grown) {
        free(text);
        return NULL;
    }
    set->texts = grown;
    return grown[set->n_texts++] = text;
}

/* ---- Places ------------------------------------------------------------------------------------- */

/* The document of a place with json(), made when it is the first that lies in it. */
static bool
add_document(struct otc_feature_set *set, struct otc_read_place *entry)
{
    struct otc_read_document *grown;
    size_t at = 0;

    while (at < set->n_documents &&
           !otc_place_same_base(&set->places[set->documents[at].place].place, &entry->place)) {
        at++;
    }
    if (at == set->n_documents) {
        grown = reallocarray(set->documents, at + 1, sizeof(*grown));
        if (!grown) {
            return false;
        }
        set->documents = grown;
        grown[at] = (struct otc_read_document){.place = set->n_places, .paths = otc_json_paths_new()};
        if (!grown[at].paths) {
            return false;
        }
        set->n_documents++;
    }
    entry->document = at;
    return otc_json_paths_add(set->documents[at].paths, entry->place.json_steps, entry->place.n_json_steps,
                              &entry->slot);
}

static size_t
find_wanted(const struct otc_feature_set *set, const struct otc_place *place)
{
    size_t at = 0;

    while (at < set->n_wanted && !(!set->wanted[at].prefix && set->wanted[at].level == place->level &&
                                   strcmp(set->wanted[at].key, place->key) == 0)) {
        at++;
    }
    return at;
}

otc_status
otc_feature_set_add_place(struct otc_feature_set *set, struct otc_place *place, size_t *index,
                          struct otc_error *err)
{
    struct otc_read_place entry = {*place, OTC_NOWHERE, OTC_NOWHERE, 0};
    struct otc_read_place *grown = reallocarray(set->places, set->n_places + 1, sizeof(*grown));
    bool ok = grown != NULL;

    if (ok) {
        set->places = grown;
    }
    if (ok && place->root == OTC_PLACE_ATTRIBUTE) {
        entry.wanted = find_wanted(set, place);
        ok = entry.wanted < set->n_wanted ||
             otc__features_add_wanted(set, (struct otc_wanted){.key = place->key, .level = place->level});
    }
    ok = ok && (!place->json || add_document(set, &entry));
    if (!ok) {
        otc_place_release(place);
        return otc__features_no_memory(err);
    }
    set->places[set->n_places] = entry;
    *index = set->n_places++;
    return OTC_OK;
}

void
otc__sites_release(struct otc__sites *sites)
{
    for (size_t i = 0; i < sites->n; i++) {
        otc_place_release(&sites->places[i]);
    }
}

static bool
is_plain(const struct otc__sites *sites)
{
    for (size_t i = 0; i < sites->n; i++) {
        const struct otc_place *place = &sites->places[i];

        if (place->root != OTC_PLACE_ATTRIBUTE || place->json || place->n_steps > 0) {
            return false;
        }
    }
    return sites->n > 0;
}

/* Gives a source its places. Plain ones stand side by side in the projection, which is read fastest. */
otc_status
otc__features_set_sites(struct otc_feature_set *set, struct otc__sites *sites, struct otc_source *source,
                        struct otc_error *err)
{
    size_t index;

    source->first_wanted = set->n_wanted;
    source->first_place = set->n_places;
    if (is_plain(sites)) {
        for (size_t i = 0; i < sites->n; i++, source->n_wanted++) {
            if (!otc__features_add_wanted(
                    set, (struct otc_wanted){.key = sites->places[i].key, .level = sites->places[i].level})) {
                return otc__features_no_memory(err);
            }
        }
        return OTC_OK;
    }
    for (size_t i = 0; i < sites->n; i++, source->n_places++) {
        struct otc_place place = sites->places[i];
        otc_status status;

        sites->places[i] = (struct otc_place){.root = OTC_PLACE_ATTRIBUTE};
        status = otc_feature_set_add_place(set, &place, &index, err);
        if (status != OTC_OK) {
            return status;
        }
    }
    return OTC_OK;
}

/* ---- features: ---------------------------------------------------------------------------------- */

/* The feature of this name and kind, or SIZE_MAX. */
static size_t
find_feature(const struct otc_feature_set *set, struct otc_slice name, enum otc_feature_kind kind)
{
    for (size_t i = 0; i < set->n; i++) {
        if (set->features[i].kind == kind && otc_slice_equal(set->features[i].name, name)) {
            return i;
        }
    }
    return SIZE_MAX;
}

static enum otc_feature_kind
kind_of(const struct otc_feature_config *config, const struct otc_place *place)
{
    static const struct otc_slice prediction = OTC_SLICE_LIT("ml.prediction.");

    if (config->kind.index > 0) {
        return (enum otc_feature_kind)(config->kind.index - 1);
    }
    if (place->root == OTC_PLACE_DURATION || place->root == OTC_PLACE_EVENT_ELAPSED) {
        return OTC_KIND_LATENCY;
    }
    return place->root == OTC_PLACE_ATTRIBUTE && otc_slice_starts(otc_slice_str(place->key), prediction)
               ? OTC_KIND_PREDICTION
               : OTC_KIND_INPUT;
}

static otc_status
add_named(struct otc_feature_set *set, const struct otc_feature *feature, const struct otc_source *source,
          struct otc_error *err)
{
    if (find_feature(set, feature->name, feature->kind) != SIZE_MAX) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "features::name: '%.*s' is named twice",
                        OTC_SLICE_ARG(feature->name));
    }
    return otc__features_add(set, feature, source) ? OTC_OK : otc__features_no_memory(err);
}

/* A text is watched by what is measured of it: <name>.length and so on. */
static otc_status
add_text(struct otc_feature_set *set, const struct otc_feature *text, struct otc_source source,
         struct otc_error *err)
{
    for (int i = 0; i <= OTC_N_TEXT_MEASURES; i++) {
        struct otc_feature feature = *text;
        const char *measure = otc_text_measure_name((enum otc_text_measure)i);
        char *name = NULL, *origin = NULL;
        otc_status status;

        if (asprintf(&name, "%.*s.%s", OTC_SLICE_ARG(text->name), measure) < 0) {
            return otc__features_no_memory(err);
        }
        feature.name = otc_slice_str(otc__features_own(set, name));
        if (!feature.name.data || asprintf(&origin, "%s of %s", measure, text->origin) < 0) {
            return otc__features_no_memory(err);
        }
        feature.type = OTC_NUMERIC;
        feature.origin = otc__features_own(set, origin);
        feature.vocabulary = i == OTC_N_TEXT_MEASURES;
        source.reader = feature.vocabulary ? OTC_READ_WORDS : OTC_READ_TEXT;
        source.measure = (enum otc_text_measure)i;
        status = feature.origin ? add_named(set, &feature, &source, err) : otc__features_no_memory(err);
        if (status != OTC_OK) {
            return status;
        }
    }
    return OTC_OK;
}

/* A vector is watched by its length, <name>.norm, and by <name>.cosine_distance. */
static otc_status
add_embedding(struct otc_feature_set *set, const struct otc_feature *vector, struct otc_source source,
              struct otc_error *err)
{
    static const char *const names[] = {"norm", "cosine_distance"};
    static const char *const origins[] = {"length of", "distance to the reference's mean of"};
    otc_status status = OTC_OK;

    source.vector = set->n_vectors++;
    for (size_t i = 0; status == OTC_OK && i < 2; i++) {
        struct otc_feature feature = *vector;
        char *name = NULL, *origin = NULL;

        if (asprintf(&name, "%.*s.%s", OTC_SLICE_ARG(vector->name), names[i]) < 0) {
            return otc__features_no_memory(err);
        }
        feature.name = otc_slice_str(otc__features_own(set, name));
        if (!feature.name.data || asprintf(&origin, "%s %s", origins[i], vector->origin) < 0) {
            return otc__features_no_memory(err);
        }
        feature.origin = otc__features_own(set, origin);
        feature.type = OTC_NUMERIC;
        feature.embedding = i == 1;
        source.reader = i == 0 ? OTC_READ_NORM : OTC_READ_VECTOR;
        status = feature.origin ? add_named(set, &feature, &source, err) : otc__features_no_memory(err);
    }
    return status;
}

/* Members of a request or answer are places in the same document. */
otc_status
otc__features_add_tensors(struct otc_feature_set *set, const char *from, struct otc_error *err)
{
    static const char *const members[] = {"instances", "predictions", "inputs", "outputs"};
    struct otc_tensor_source *grown = reallocarray(set->tensors, set->n_tensors + 1, sizeof(*grown));
    size_t at[4] = {0};

    if (!grown) {
        return otc__features_no_memory(err);
    }
    set->tensors = grown;
    for (size_t i = 0; i < 4; i++) {
        struct otc_place place;
        OTC_AUTO_BUF struct otc_buf text = {.limit = 1 << 20};
        otc_status status;

        (void)otc_buf_printf(&text, strncmp(from, "json(", 5) == 0 ? "%s.%s" : "json(%s).%s", from,
                             members[i]);
        if (text.failed) {
            return otc__features_no_memory(err);
        }
        status = otc_place_parse(otc_buf_slice(&text), &place, err);
        if (status != OTC_OK) {
            otc_place_release(&place);
            return status;
        }
        status = otc_feature_set_add_place(set, &place, &at[i], err);
        if (status != OTC_OK) {
            return status;
        }
    }
    grown[set->n_tensors++] = (struct otc_tensor_source){at[0], at[1], at[2], at[3]};
    return OTC_OK;
}

static otc_status
add_site(struct otc_feature_set *set, const struct otc_feature_config *config, struct otc__sites *sites,
         struct otc_error *err)
{
    const struct otc_feature feature = {.name = otc_slice_str(config->name),
                                        .kind = kind_of(config, &sites->places[0]),
                                        .type = config->type.index == OTC_WATCH_CATEGORICAL ? OTC_CATEGORICAL
                                                                                            : OTC_NUMERIC,
                                        .max_categories = (size_t)config->max_categories,
                                        .origin = config->from};
    struct otc_source source = {.reader = OTC_READ_VALUE,
                                .qualifies = !otc_place_is_field(&sites->places[0])};
    otc_status status = otc__features_element(set, &sites->places[0], &source, err);

    if (status == OTC_INVALID_ARGUMENT) {
        return otc_error_prefix(err, "features::from: '%s' (feature '%s')", config->from, config->name);
    }
    if (status == OTC_OK && source.element == 0) {
        status = otc__features_set_sites(set, sites, &source, err);
    }
    if (status != OTC_OK) {
        return status;
    }
    if (config->type.index == OTC_WATCH_EMBEDDING) {
        return add_embedding(set, &feature, source, err);
    }
    return config->type.index == OTC_WATCH_TEXT ? add_text(set, &feature, source, err)
                                                : add_named(set, &feature, &source, err);
}

static otc_status
add_explicit(struct otc_feature_set *set, const struct otc_feature_config *config, struct otc_error *err)
{
    const char *from = config->from ? config->from : "";
    struct otc__sites sites = {.n = 1};
    otc_status status;

    if (otc_is_metric_expression(config->from)) {
        return OTC_OK; /* of the metrics' set */
    }
    if (!config->name || !config->name[0]) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "features::name: must not be empty");
    }
    status = otc_place_parse(otc_slice_str(from), &sites.places[0], err);
    if (status == OTC_INVALID_ARGUMENT) {
        status = otc_error_prefix(err, "features::from: '%s' (feature '%s')", from, config->name);
    } else if (status == OTC_OK) {
        status = config->type.index == OTC_WATCH_KSERVE ? otc__features_add_tensors(set, from, err)
                                                        : add_site(set, config, &sites, err);
    }
    otc__sites_release(&sites);
    return status;
}

/* ---- The set ------------------------------------------------------------------------------------ */

/* Something must tell which records count. */
static otc_status
check_records(const struct otc_feature_set *set, struct otc_error *err)
{
    bool discovers = set->feature_prefix != OTC_NOWHERE || set->n_tensors > 0;
    bool told = set->select || discovers || set->n_markers > 0;

    if (set->n == 0 && !discovers) {
        return set->metrics
                   ? OTC_OK
                   : otc_fail(err, OTC_INVALID_ARGUMENT,
                              "features: nothing to watch; name presets (ml, gen_ai, vllm, …) or features");
    }
    for (size_t i = 0; i < set->n && !told; i++) {
        told = set->sources[i].qualifies;
    }
    return told ? OTC_OK
                : otc_fail(err, OTC_INVALID_ARGUMENT,
                           "features: every span or log record has these; say under `select` which of them "
                           "count, such as select: 'kind == \"server\"'");
}

static void
find_plain(struct otc_feature_set *set)
{
    for (size_t i = 0; i < set->n; i++) {
        struct otc_source *source = &set->sources[i];

        source->plain = source->reader == OTC_READ_VALUE && source->element == 0 && source->n_wanted == 1 &&
                        source->n_places == 0 && i != set->input_tokens && i != set->output_tokens;
    }
}

static otc_status
compile(struct otc_feature_set *set, const struct otc_feature_settings *settings, struct otc_error *err)
{
    const struct otc_feature_config *configs = settings->features ? settings->features->items : NULL;
    otc_status status = OTC_OK;

    for (size_t i = 0; status == OTC_OK && settings->features && i < settings->features->n; i++) {
        status = add_explicit(set, &configs[i], err);
    }
    set->n_explicit = set->n;
    if (status == OTC_OK && settings->presets) {
        status = otc__features_add_presets(set, settings->presets, err);
    }
    if (status == OTC_OK) {
        status = otc_metric_set_new(settings->presets, settings->features, &set->metrics, err);
    }
    if (status == OTC_OK && settings->select && settings->select[0]) {
        status = otc_select_parse(settings->select, set, &set->select, err);
        if (status == OTC_INVALID_ARGUMENT) {
            status = otc_error_prefix(err, "select: '%s'", settings->select);
        }
    }
    for (size_t i = 0; i < set->n_documents; i++) {
        set->documents[i].first_view = set->n_views;
        set->n_views += otc_json_paths_count(set->documents[i].paths);
    }
    find_plain(set);
    return status == OTC_OK ? check_records(set, err) : status;
}

otc_status
otc_feature_set_new(const struct otc_feature_settings *settings, struct otc_feature_set **out,
                    struct otc_error *err)
{
    struct otc_feature_set *set = calloc(1, sizeof(*set));
    otc_status status;

    if (!set) {
        return otc__features_no_memory(err);
    }
    set->feature_prefix = set->prediction_prefix = OTC_NOWHERE;
    set->completion_prefix = set->output_message_prefix = OTC_NOWHERE;
    set->input_tokens = set->output_tokens = SIZE_MAX;
    status = compile(set, settings, err);
    if (status != OTC_OK) {
        otc_feature_set_free(set);
        return status;
    }
    *out = set;
    return OTC_OK;
}

void
otc_feature_set_free(struct otc_feature_set *set)
{
    if (!set) {
        return;
    }
    for (size_t i = 0; i < set->n_wanted; i++) {
        free((void *)(uintptr_t)set->wanted[i].key);
    }
    for (size_t i = 0; i < set->n_places; i++) {
        otc_place_release(&set->places[i].place);
    }
    for (size_t i = 0; i < set->n_documents; i++) {
        otc_json_paths_free(set->documents[i].paths);
    }
    for (size_t i = 0; i < set->n_texts; i++) {
        free(set->texts[i]);
    }
    otc_select_free(set->select);
    otc_metric_set_free(set->metrics);
    free(set->wanted);
    free(set->places);
    free(set->documents);
    free(set->texts);
    free(set->markers);
    free(set->tensors);
    free(set->elements);
    free(set->features);
    free(set->sources);
    free(set);
}

const struct otc_metric_set *
otc_feature_set_metrics(const struct otc_feature_set *set)
{
    return set->metrics;
}

size_t
otc_feature_set_count(const struct otc_feature_set *set)
{
    return set->n;
}

const struct otc_feature *
otc_feature_set_at(const struct otc_feature_set *set, size_t index)
{
    return &set->features[index];
}

struct otc_discovers
otc_feature_set_discovers(const struct otc_feature_set *set)
{
    return (struct otc_discovers){set->feature_prefix != OTC_NOWHERE, set->n_tensors > 0};
}

size_t
otc_feature_set_wanted(const struct otc_feature_set *set, struct otc_wanted *out)
{
    if (out && set->n_wanted > 0) {
        memcpy(out, set->wanted, set->n_wanted * sizeof(*out));
    }
    return set->n_wanted;
}
