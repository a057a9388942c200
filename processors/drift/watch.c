// SPDX-License-Identifier: Apache-2.0
#include "processors/drift/watch.h"

#include "common/base/codec.h"
#include "common/stats/detector.h"

#include <math.h>

static const char *const types[] = {"adwin",  "page_hinkley", "cusum", "ddm", "eddm",
                                    "hddm_a", "hddm_w",       "kswin", NULL};
_Static_assert(sizeof(types) / sizeof(types[0]) == OTC_N_DETECTORS + 1, "a word for each type");
static const char *const series_names[] = {"value", "present", "missing", NULL};

static const struct otc_field detector_fields[] = {
    OTC_FIELD(drift_detector_config, feature, .required = true,
              .doc = "Name of a feature of the presets or of `features`."),
    OTC_FIELD(drift_detector_config, type, .def = "adwin", .choices = types, .doc = "Which detector."),
    OTC_FIELD(drift_detector_config, series, .def = "value", .choices = series_names,
              .doc =
                  "What it is fed: the `value` of each record that has one; or for each record whether the "
                  "feature is `present` or `missing`, 1 or 0."),
    OTC_FIELD(drift_detector_config, equals,
              .doc = "With `value`: feed 1 where the value as text is this, else 0: an error stream of a "
                     "category."),
    OTC_FIELD(drift_detector_config, parameters,
              .doc = "Settings of the detector, by name: see Sequential detectors above."),
    OTC_FIELD_END,
};
const struct otc_schema drift_detector_schema = {.size = sizeof(struct drift_detector_config),
                                                 .fields = detector_fields,
                                                 .doc = "One sequential detector on one feature."};

struct entry {
    const struct drift_detector_config *config;
    enum otc_detector_type type;
    enum drift_series series;
    size_t known; /* in the feature set; OTC_FEATURE_DISCOVERED: by name */
    double parameters[OTC_DETECTOR_PARAMETERS_MAX];
    size_t bytes;
};

struct drift_watch {
    size_t n;
    struct entry entries[];
};

/* ---- Configuration -------------------------------------------------------------------------------- */

static otc_status
fill_parameter(struct entry *entry, const struct otc_number_entry *given, struct otc_error *err)
{
    size_t at = otc_detector_parameter_find(entry->type, otc_slice_str(given->key));
    const struct otc_detector_parameter *parameter;
    char names[OTC_DETECTOR_NAMES_BYTES];

    if (at == OTC_DETECTOR_PARAMETERS_MAX) {
        otc_detector_parameter_names(entry->type, names);
        return otc_fail(err, OTC_INVALID_ARGUMENT, "detectors::parameters: %s has no '%s'; it has %s",
                        otc_detector_name(entry->type), given->key, names);
    }
    parameter = &otc_detector_parameters(entry->type)[at];
    if (!otc_detector_parameter_allows(parameter, given->value)) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "detectors::parameters::%s: %s must be %s from %g to %g, got %g", given->key,
                        otc_detector_name(entry->type), parameter->integer ? "a whole number" : "a number",
                        parameter->min, parameter->max, given->value);
    }
    entry->parameters[at] = given->value;
    return OTC_OK;
}

static otc_status
fill_parameters(struct entry *entry, struct otc_error *err)
{
    const otc_numbers *given = &entry->config->parameters;
    otc_status status = OTC_OK;

    for (size_t i = 0; i < OTC_DETECTOR_PARAMETERS_MAX; i++) {
        entry->parameters[i] = NAN;
    }
    for (size_t g = 0; g < given->n && status == OTC_OK; g++) {
        status = fill_parameter(entry, &given->items[g], err);
    }
    return status;
}

static otc_status
find_feature(struct entry *entry, const struct otc_feature_set *set, struct otc_error *err)
{
    struct otc_slice name = otc_slice_str(entry->config->feature);

    entry->known = OTC_FEATURE_DISCOVERED;
    for (size_t i = 0; i < otc_feature_set_count(set); i++) {
        if ((otc_feature_set_at(set, i)->vocabulary || otc_feature_set_at(set, i)->embedding) &&
            otc_slice_equal(otc_feature_set_at(set, i)->name, name)) {
            return otc_fail(err, OTC_INVALID_ARGUMENT,
                            "detectors::feature: '%s' is a number only beside its reference; take another of "
                            "the features beside it",
                            entry->config->feature);
        }
        if (otc_slice_equal(otc_feature_set_at(set, i)->name, name)) {
            entry->known = i;
            return OTC_OK;
        }
    }
    return otc_feature_set_discovers(set).ml || otc_feature_set_discovers(set).tensors
               ? OTC_OK
               : otc_fail(
                     err, OTC_INVALID_ARGUMENT,
                     "detectors::feature: '%s' is not watched; name it under `features`, or take a preset "
                     "that has it",
                     entry->config->feature);
}

static otc_status
make_entry(struct entry *entry, const struct drift_detector_config *config, const struct otc_feature_set *set,
           struct otc_error *err)
{
    otc_status status;

    entry->config = config;
    entry->type = (enum otc_detector_type)config->type.index;
    entry->series = (enum drift_series)config->series.index;
    if (!config->feature[0]) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "detectors::feature: must not be empty");
    }
    if (config->equals && entry->series != DRIFT_SERIES_VALUE) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "detectors::equals: goes with `series: value` alone");
    }
    status = fill_parameters(entry, err);
    entry->bytes = otc_detector_bytes(entry->type, entry->parameters);
    return status == OTC_OK ? find_feature(entry, set, err) : status;
}

/* Whether the last entry's results have the attributes of another's. */
static bool
is_twin(const struct drift_watch *watch)
{
    size_t last = watch->n - 1;

    for (size_t i = 0; i < last; i++) {
        if (watch->entries[i].type == watch->entries[last].type &&
            strcmp(watch->entries[i].config->feature, watch->entries[last].config->feature) == 0 &&
            strcmp(drift_watch_series(watch, i), drift_watch_series(watch, last)) == 0) {
            return true;
        }
    }
    return false;
}

otc_status
drift_watch_new(const otc_list *configs, const struct otc_feature_set *set, struct drift_watch **out,
                struct otc_error *err)
{
    const struct drift_detector_config *items = configs->items;
    struct drift_watch *watch;
    otc_status status = OTC_OK;

    if (configs->n > DRIFT_DETECTORS_MAX) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "detectors: at most %d, got %zu", DRIFT_DETECTORS_MAX,
                        configs->n);
    }
    watch = calloc(1, sizeof(*watch) + configs->n * sizeof(struct entry));
    if (!watch) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "detectors: out of memory");
    }
    while (status == OTC_OK && watch->n < configs->n) {
        status = make_entry(&watch->entries[watch->n], &items[watch->n], set, err);
        watch->n++;
        if (status == OTC_OK && is_twin(watch)) {
            status =
                otc_fail(err, OTC_INVALID_ARGUMENT,
                         "detectors: two entries of type %s on %s of '%s'; their results could not be told "
                         "apart",
                         otc_detector_name(watch->entries[watch->n - 1].type),
                         drift_watch_series(watch, watch->n - 1), items[watch->n - 1].feature);
        }
    }
    if (status != OTC_OK) {
        drift_watch_free(watch);
        return status;
    }
    *out = watch;
    return OTC_OK;
}

void
drift_watch_free(struct drift_watch *watch)
{
    free(watch);
}

size_t
drift_watch_count(const struct drift_watch *watch)
{
    return watch->n;
}

const struct drift_detector_config *
drift_watch_at(const struct drift_watch *watch, size_t index)
{
    return watch->entries[index].config;
}

const char *
drift_watch_type(const struct drift_watch *watch, size_t index)
{
    return otc_detector_name(watch->entries[index].type);
}

const char *
drift_watch_series(const struct drift_watch *watch, size_t index)
{
    const struct entry *entry = &watch->entries[index];

    return entry->config->equals ? entry->config->equals : series_names[entry->series];
}

void
drift_watch_explain(const struct drift_watch *watch, size_t index, char *out, size_t size)
{
    const struct drift_detector_config *config = watch->entries[index].config;

    (void)snprintf(out, size, "detector %s: of %s, its %s%s%s", otc_detector_name(watch->entries[index].type),
                   config->feature, series_names[config->series.index], config->equals ? " = " : "",
                   config->equals ? config->equals : "");
}

/* ---- State ---------------------------------------------------------------------------------------- */

static size_t
bytes_of(const struct drift_watch *watch)
{
    size_t bytes = watch->n * sizeof(struct drift_watched);

    for (size_t i = 0; i < watch->n; i++) {
        bytes += watch->entries[i].bytes;
    }
    return bytes;
}

struct drift_watched *
drift_watched_new(const struct drift_watch *watch, struct drift_budget *budget)
{
    struct drift_watched *watched;
    bool made;

    if (!drift_budget_take(budget, bytes_of(watch))) {
        return NULL;
    }
    watched = calloc(watch->n + 1, sizeof(*watched));
    made = watched != NULL;
    for (size_t i = 0; made && i < watch->n; i++) {
        watched[i].detector = otc_detector_new(watch->entries[i].type, watch->entries[i].parameters);
        made = watched[i].detector != NULL;
    }
    if (!made) {
        drift_watched_free(watch, watched, budget);
        if (!watched) {
            drift_budget_give(budget, bytes_of(watch));
        }
        return NULL;
    }
    return watched;
}

void
drift_watched_free(const struct drift_watch *watch, struct drift_watched *watched,
                   struct drift_budget *budget)
{
    if (!watched) {
        return;
    }
    for (size_t i = 0; i < watch->n; i++) {
        otc_detector_free(watched[i].detector);
    }
    free(watched);
    drift_budget_give(budget, bytes_of(watch));
}

static const struct otc_observed *
find(const struct entry *entry, const struct otc_observed *observed, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (observed[i].feature == entry->known &&
            (entry->known != OTC_FEATURE_DISCOVERED ||
             otc_slice_equal_str(observed[i].name, entry->config->feature))) {
            return &observed[i];
        }
    }
    return NULL;
}

/* What the detector is fed; NaN: nothing. */
static double
value_of(const struct entry *entry, const struct otc_observed *observed)
{
    char scratch[32];
    struct otc_slice text;
    double number = NAN;
    bool present = observed && otc_value_category(&observed->value, scratch, &text) != OTC_CLASS_MISSING;

    if (entry->series != DRIFT_SERIES_VALUE) {
        return present == (entry->series == DRIFT_SERIES_PRESENT);
    }
    if (!present) {
        return NAN;
    }
    if (entry->config->equals) {
        return otc_value_category(&observed->value, scratch, &text) == OTC_CLASS_VALUE &&
               otc_slice_equal_str(text, entry->config->equals);
    }
    if (observed->value.type == OTC_VALUE_BOOL) {
        return observed->value.as.boolean;
    }
    return otc_value_number(&observed->value, &number) == OTC_CLASS_VALUE ? number : NAN;
}

void
drift_watched_add(const struct drift_watch *watch, struct drift_watched *watched,
                  const struct otc_observed *observed, size_t n, int64_t now_ns)
{
    for (size_t i = 0; i < watch->n; i++) {
        double value = value_of(&watch->entries[i], find(&watch->entries[i], observed, n));
        enum otc_detector_signal signal;

        if (isnan(value)) {
            continue;
        }
        signal = otc_detector_add(watched[i].detector, value);
        watched[i].observations++;
        watched[i].warning = signal == OTC_DETECTOR_WARNING;
        if (signal == OTC_DETECTOR_CHANGE) {
            watched[i].changes++;
            watched[i].changed_ns = now_ns;
        }
    }
}

/* ---- Across a restart ----------------------------------------------------------------------------- */

void
drift_watched_save(const struct drift_watch *watch, const struct drift_watched *watched, struct otc_buf *out)
{
    for (size_t i = 0; i < watch->n; i++) {
        size_t bytes;
        const void *state = otc_detector_state(watched[i].detector, &bytes);

        otc_put_u64(out, watched[i].observations);
        otc_put_u64(out, watched[i].changes);
        otc_put_bool(out, watched[i].warning);
        otc_put_i64(out, watched[i].changed_ns);
        otc_put_bytes(out, otc_slice_of(state, bytes));
    }
}

bool
drift_watched_load(const struct drift_watch *watch, struct drift_watched *watched, struct otc_reader *in)
{
    for (size_t i = 0; i < watch->n; i++) {
        struct otc_slice state;

        watched[i].observations = otc_take_u64(in);
        watched[i].changes = otc_take_u64(in);
        watched[i].warning = otc_take_bool(in);
        watched[i].changed_ns = otc_take_i64(in);
        state = otc_take_bytes(in);
        if (in->failed || !otc_detector_restore(watched[i].detector, state.data, state.len)) {
            return false;
        }
    }
    return true;
}
