// SPDX-License-Identifier: Apache-2.0
#include "processors/drift/learn_internal.h"

/* What a sample and a new category cost in the builder, with the slack of growing arrays. */
#define SAMPLE_BYTES 32u
#define CATEGORY_BYTES 256u
#define COLUMN_BYTES 1024u

bool
drift_learn_charge(struct drift_learner *learner, size_t bytes)
{
    if (!drift_budget_take(learner->settings.budget, bytes)) {
        return false;
    }
    learner->charged += bytes;
    return true;
}

struct otc_slice
drift_learn_copy_name(struct otc_slice name)
{
    void *copy = malloc(name.len + 1);

    if (copy && name.len > 0) {
        memcpy(copy, name.data, name.len);
    }
    return otc_slice_of(copy, copy ? name.len : 0);
}

struct drift_learner *
drift_learner_new(const struct drift_learn_settings *settings, const struct otc_feature_set *set)
{
    struct drift_learner *learner = calloc(1, sizeof(*learner));
    struct otc_reference_limits limits = OTC_REFERENCE_LIMITS_DEFAULT;

    if (!learner) {
        return NULL;
    }
    learner->settings = *settings;
    learner->set = set;
    learner->first_ns = INT64_MAX;
    learner->last_ns = INT64_MIN;
    learner->max_samples =
        settings->observations > settings->cells ? settings->observations : settings->cells;
    limits.exact_points = settings->cells;
    limits.quantile_points =
        limits.quantile_points < settings->cells ? limits.quantile_points : settings->cells;
    limits.bins = settings->bins;
    limits.binning = settings->binning;
    limits.max_values = learner->max_samples;
    limits.trim = settings->trim;
    if (settings->grid) {
        limits.exact_points = limits.quantile_points =
            settings->cells < DRIFT_GRID_POINTS ? settings->cells : DRIFT_GRID_POINTS;
        limits.outer_points = DRIFT_GRID_OUTER_POINTS;
    }
    learner->builder = otc_reference_builder_new(&limits, settings->max_features);
    learner->columns = calloc(settings->max_features, sizeof(*learner->columns));
    learner->by_name = otc_map_new(settings->max_features);
    learner->of_known = calloc(otc_feature_set_count(set) + 1, sizeof(size_t));
    learner->of_metric = calloc(otc_metric_set_count(otc_feature_set_metrics(set)) + 1, sizeof(size_t));
    if (!learner->builder || !learner->columns || !learner->by_name || !learner->of_known ||
        !learner->of_metric) {
        drift_learner_free(learner);
        return NULL;
    }
    return learner;
}

void
drift_learner_free(struct drift_learner *learner)
{
    if (!learner) {
        return;
    }
    for (size_t i = 0; learner->columns && i < learner->n; i++) {
        free((void *)(uintptr_t)learner->columns[i].name.data);
        otc_map_free(learner->columns[i].texts, NULL);
        otc_vocabulary_free(learner->columns[i].vocabulary);
        free(learner->columns[i].words);
        free(learner->columns[i].sums);
    }
    drift_budget_give(learner->settings.budget, learner->charged);
    otc_reference_builder_free(learner->builder);
    otc_map_free(learner->by_name, NULL);
    free(learner->columns);
    free(learner->of_known);
    free(learner->of_metric);
    free(learner);
}

/* The type that the first value suggests; false when it suggests none. */
static bool
type_of(const struct drift_learner *learner, const struct otc_observed *observed, enum otc_feature_type *type)
{
    if (observed->feature != OTC_FEATURE_DISCOVERED) {
        *type = otc_feature_set_at(learner->set, observed->feature)->type;
        return true;
    }
    *type = observed->value.type == OTC_VALUE_INT || observed->value.type == OTC_VALUE_DOUBLE
                ? OTC_NUMERIC
                : OTC_CATEGORICAL;
    return *type == OTC_NUMERIC || observed->value.type == OTC_VALUE_BOOL ||
           (observed->value.type == OTC_VALUE_STRING && observed->value.as.slice.len > 0);
}

size_t
drift_learn_name_key(const struct otc_observed *observed, uint8_t out[1 + DRIFT_CATEGORY_TEXT_MAX])
{
    if (observed->name.len > DRIFT_CATEGORY_TEXT_MAX) {
        return 0;
    }
    out[0] = (uint8_t)observed->kind;
    if (observed->name.len > 0) {
        memcpy(out + 1, observed->name.data, observed->name.len);
    }
    return observed->name.len + 1;
}

struct otc_map *
drift_learn_texts(const struct drift_learner *learner, const struct otc_observed *observed)
{
    size_t max = observed->feature == OTC_FEATURE_DISCOVERED
                     ? 0
                     : otc_feature_set_at(learner->set, observed->feature)->max_categories;

    return otc_map_new(max > DRIFT_LEARN_CATEGORIES_MAX ? max : DRIFT_LEARN_CATEGORIES_MAX);
}

static bool
is_embedding(const struct drift_learner *learner, const struct otc_observed *observed)
{
    return observed->feature != OTC_FEATURE_DISCOVERED &&
           otc_feature_set_at(learner->set, observed->feature)->embedding;
}

static bool
is_vocabulary(const struct drift_learner *learner, const struct otc_observed *observed)
{
    return observed->feature != OTC_FEATURE_DISCOVERED &&
           otc_feature_set_at(learner->set, observed->feature)->vocabulary;
}

/* Index of the column made, or SIZE_MAX. */
static size_t
add_column(struct drift_learner *learner, const struct otc_observed *observed, struct otc_slice key)
{
    struct drift_column *column = &learner->columns[learner->n];
    enum otc_feature_type type;
    struct otc_slice name;

    if (!type_of(learner, observed, &type) || learner->n >= learner->settings.max_features ||
        !drift_learn_charge(learner, COLUMN_BYTES)) {
        return SIZE_MAX;
    }
    name = drift_learn_copy_name(observed->name);
    if (!name.data) {
        return SIZE_MAX;
    }
    *column = (struct drift_column){
        .name = name,
        .kind = observed->kind,
        .type = type,
        .index = otc_reference_builder_feature(learner->builder, observed->name, type, observed->kind),
        .texts = type == OTC_CATEGORICAL ? drift_learn_texts(learner, observed) : NULL};
    if (column->index == SIZE_MAX || (type == OTC_CATEGORICAL && !column->texts) ||
        (key.len && !otc_map_put(learner->by_name, key, (void *)(uintptr_t)(learner->n + 1)))) {
        otc_map_free(column->texts, NULL);
        free((void *)(uintptr_t)name.data);
        return SIZE_MAX;
    }
    if (observed->feature != OTC_FEATURE_DISCOVERED) {
        learner->of_known[observed->feature] = learner->n + 1;
        otc_reference_builder_max_categories(
            learner->builder, column->index,
            otc_feature_set_at(learner->set, observed->feature)->max_categories);
    }
    learner->n++;
    if (is_embedding(learner, observed)) {
        return drift_learn_begin_vector(learner, column) ? learner->n - 1 : SIZE_MAX;
    }
    if (is_vocabulary(learner, observed)) {
        return drift_learn_begin_familiar(learner, column) ? learner->n - 1 : SIZE_MAX;
    }
    for (uint64_t i = 1; i < learner->records; i++) {
        otc_reference_builder_missing(learner->builder, column->index);
    }
    return learner->n - 1;
}

static size_t
column_of(struct drift_learner *learner, const struct otc_observed *observed)
{
    uint8_t bytes[1 + DRIFT_CATEGORY_TEXT_MAX];
    struct otc_slice key = OTC_SLICE_NONE;
    size_t index;

    if (observed->feature != OTC_FEATURE_DISCOVERED) {
        index = learner->of_known[observed->feature];
    } else {
        key = otc_slice_of(bytes, drift_learn_name_key(observed, bytes));
        if (key.len == 0) {
            return SIZE_MAX;
        }
        index = (size_t)(uintptr_t)otc_map_get(learner->by_name, key);
    }
    return index ? index - 1 : add_column(learner, observed, key);
}

/* True when the builder may be given one more value of the column. */
static bool
pay_sample(struct drift_learner *learner, struct drift_column *column)
{
    if (column->samples < learner->max_samples) {
        if (!drift_learn_charge(learner, SAMPLE_BYTES)) {
            return false;
        }
        column->samples++;
    }
    return true;
}

bool
drift_learn_number(struct drift_learner *learner, struct drift_column *column, const struct otc_value *value,
                   int64_t time_ns)
{
    double number = 0;

    switch (otc_value_number(value, &number)) {
    case OTC_CLASS_VALUE:
        return pay_sample(learner, column) &&
               otc_reference_builder_number(learner->builder, column->index, number, time_ns);
    case OTC_CLASS_MISSING:
        otc_reference_builder_missing(learner->builder, column->index);
        return true;
    case OTC_CLASS_INVALID:
        break;
    }
    otc_reference_builder_invalid(learner->builder, column->index);
    return true;
}

static bool
pay_text(struct drift_learner *learner, struct drift_column *column, struct otc_slice text)
{
    if (otc_map_get(column->texts, text)) {
        return true;
    }
    if (!otc_map_put(column->texts, text, column)) {
        column->gave_up = true;
        return true;
    }
    return drift_learn_charge(learner, CATEGORY_BYTES + 2 * text.len);
}

static bool
learn_text(struct drift_learner *learner, struct drift_column *column, const struct otc_value *value,
           int64_t time_ns)
{
    char scratch[32];
    struct otc_slice text = OTC_SLICE_NONE;
    enum otc_value_class class = otc_value_category(value, scratch, &text);

    if (column->gave_up) {
        return true;
    }
    if (class == OTC_CLASS_MISSING) {
        otc_reference_builder_missing(learner->builder, column->index);
        return true;
    }
    if (class == OTC_CLASS_INVALID || text.len > DRIFT_CATEGORY_TEXT_MAX) {
        otc_reference_builder_invalid(learner->builder, column->index);
        return true;
    }
    return pay_text(learner, column, text) && pay_sample(learner, column) &&
           (column->gave_up || otc_reference_builder_text(learner->builder, column->index, text, time_ns));
}

static bool
learn_value(struct drift_learner *learner, struct drift_column *column, const struct otc_value *value,
            int64_t time_ns)
{
    if (column->gave_up) {
        return true;
    }
    if (column->sums) {
        return drift_learn_vector(learner, column, value, time_ns);
    }
    if (column->vocabulary || column->words) {
        return drift_learn_familiar(learner, column, value, time_ns);
    }
    return column->type == OTC_NUMERIC ? drift_learn_number(learner, column, value, time_ns)
                                       : learn_text(learner, column, value, time_ns);
}

size_t
drift_learner_add(struct drift_learner *learner, const struct otc_observed *observed, size_t n,
                  int64_t time_ns)
{
    size_t lost = 0;

    learner->records++;
    learner->first_ns = time_ns < learner->first_ns ? time_ns : learner->first_ns;
    learner->last_ns = time_ns > learner->last_ns ? time_ns : learner->last_ns;
    for (size_t i = 0; i < n; i++) {
        size_t index = column_of(learner, &observed[i]);
        struct drift_column *column = &learner->columns[index == SIZE_MAX ? 0 : index];

        if (index == SIZE_MAX || column->last_record == learner->records) {
            lost += index == SIZE_MAX;
            continue;
        }
        column->last_record = learner->records;
        lost += !learn_value(learner, column, &observed[i].value, time_ns);
    }
    for (size_t i = 0; i < learner->n; i++) {
        if (learner->columns[i].last_record != learner->records && !learner->columns[i].apart) {
            otc_reference_builder_missing(learner->builder, learner->columns[i].index);
        }
    }
    return lost;
}

/* Index of the column of a metric's feature, made at its first datum; SIZE_MAX: no room. */
static size_t
metric_column(struct drift_learner *learner, size_t index)
{
    const struct otc_metric_feature *feature =
        otc_metric_set_at(otc_feature_set_metrics(learner->set), index);
    struct drift_column *column = &learner->columns[learner->n];
    struct otc_slice name;

    if (learner->of_metric[index]) {
        return learner->of_metric[index] - 1;
    }
    if (learner->n >= learner->settings.max_features || !drift_learn_charge(learner, COLUMN_BYTES)) {
        return SIZE_MAX;
    }
    name = drift_learn_copy_name(feature->name);
    if (!name.data) {
        return SIZE_MAX;
    }
    *column = (struct drift_column){
        .name = name,
        .kind = feature->kind,
        .type = OTC_NUMERIC,
        .apart = true,
        .index = otc_reference_builder_feature(learner->builder, feature->name, OTC_NUMERIC, feature->kind)};
    if (column->index == SIZE_MAX) {
        free((void *)(uintptr_t)name.data);
        return SIZE_MAX;
    }
    learner->of_metric[index] = ++learner->n;
    return learner->n - 1;
}

static enum drift_learnt
learn_buckets(struct drift_learner *learner, struct drift_column *column, const struct otc_buckets *buckets,
              int64_t time_ns)
{
    if (!otc_reference_builder_takes_buckets(learner->builder, column->index, buckets)) {
        return DRIFT_LEARNT_OTHER_BOUNDS;
    }
    if (!otc_reference_builder_is_binned(learner->builder, column->index) &&
        !drift_learn_charge(learner, otc_reference_binned_bytes(buckets))) {
        return DRIFT_LEARNT_NO_ROOM;
    }
    column->observations += buckets->total;
    return otc_reference_builder_buckets(learner->builder, column->index, buckets, time_ns)
               ? DRIFT_LEARNT
               : DRIFT_LEARNT_NO_ROOM;
}

static enum drift_learnt
learn_datum(struct drift_learner *learner, struct drift_column *column, const struct drift_datum *datum,
            int64_t time_ns)
{
    const struct otc_value value = {.type = OTC_VALUE_DOUBLE, .as = {.real = datum->number}};

    if (datum->buckets) {
        return learn_buckets(learner, column, datum->buckets, time_ns);
    }
    if (otc_reference_builder_is_binned(learner->builder, column->index)) {
        return DRIFT_LEARNT_OTHER_BOUNDS;
    }
    column->observations++;
    return drift_learn_number(learner, column, &value, time_ns) ? DRIFT_LEARNT : DRIFT_LEARNT_NO_ROOM;
}

enum drift_learnt
drift_learner_add_datum(struct drift_learner *learner, const struct drift_datum *datum, int64_t time_ns)
{
    size_t index = metric_column(learner, datum->feature);
    struct drift_column *column = &learner->columns[index == SIZE_MAX ? 0 : index];
    enum drift_learnt learnt =
        index == SIZE_MAX ? DRIFT_LEARNT_NO_ROOM : learn_datum(learner, column, datum, time_ns);

    if (learnt == DRIFT_LEARNT) {
        learner->first_ns = time_ns < learner->first_ns ? time_ns : learner->first_ns;
        learner->last_ns = time_ns > learner->last_ns ? time_ns : learner->last_ns;
        learner->observations =
            column->observations > learner->observations ? column->observations : learner->observations;
    }
    return learnt;
}

double
drift_learner_progress(const struct drift_learner *learner)
{
    uint64_t most = learner->records > learner->observations ? learner->records : learner->observations;
    double seen = (double)most / (double)learner->settings.observations;
    double spanned = 1;

    if (learner->settings.duration_ns > 0) {
        spanned =
            most ? (double)(learner->last_ns - learner->first_ns) / (double)learner->settings.duration_ns : 0;
    }
    seen = seen < spanned ? seen : spanned;
    return seen > 1 ? 1 : seen;
}

otc_status
drift_learner_finish(struct drift_learner *learner, struct otc_slice model, int64_t now_ns,
                     struct otc_reference **out, struct otc_error *err)
{
    return otc_reference_builder_finish(learner->builder, model, learner->settings.grid ? "grid" : "learned",
                                        now_ns, out, err);
}

bool
drift_learner_gave_up(const void *arg, const struct otc_reference_feature *feature)
{
    const struct drift_learner *learner = arg;

    for (size_t i = 0; i < learner->n; i++) {
        const struct drift_column *column = &learner->columns[i];

        if (column->kind == feature->kind && otc_slice_equal(column->name, feature->name)) {
            return column->gave_up;
        }
    }
    return false;
}
