// SPDX-License-Identifier: Apache-2.0
#include "processors/drift/count.h"

#include "common/analysis/embedding.h"
#include "common/analysis/vocabulary.h"

static void
exclude(struct drift_version *version, enum drift_excluded reason, uint64_t n)
{
    version->excluded[reason] += n;
}

/* ---- One value ------------------------------------------------------------------------------------ */

/* Cell of a category that the reference lacks: one of its own while there is room, else the common one. */
static uint32_t
unseen_cell(struct drift_version *version, size_t index, struct otc_slice text)
{
    const struct drift_bound *bound = &version->binding->features[index];
    struct drift_feature *feature = &version->features[index];
    uint32_t common = (uint32_t)bound->reference->n_categories;
    struct otc_map *texts;
    size_t cell, *charged;

    feature->unseen += bound->reference->other == 0;
    if (bound->extra == 0) {
        feature->pooled++;
        return common;
    }
    texts = drift_unseen_texts(version, index, &charged);
    cell = texts ? (size_t)(uintptr_t)otc_map_get(texts, text) : 0;
    if (!cell && texts && otc_map_count(texts) < bound->extra &&
        drift_budget_take(&version->owner->budget, 64 + text.len)) {
        *charged += 64 + text.len;
        cell = common + 1 + otc_map_count(texts);
        cell = otc_map_put(texts, text, (void *)(uintptr_t)cell) ? cell : 0;
    }
    feature->pooled += cell == 0;
    return cell ? (uint32_t)cell : common;
}

/* Counts a value whose cell is known. `number` is 0 for a category. */
static inline void
count_in_cell(struct drift_version *version, size_t index, const struct otc_value *value, double number,
              uint32_t cell, struct drift_counts *counts)
{
    const struct drift_bound *bound = &version->binding->features[index];
    struct drift_feature *feature = &version->features[index];
    struct drift_budget *budget = &version->owner->budget;

    if (!drift_counts_add(counts, bound->shape, cell, number, budget)) {
        feature->overflow++;
        counts->overflow++;
        exclude(version, DRIFT_MEMORY, 1);
        return;
    }
    feature->values++;
    counts->values++;
    if (!counts->range_known || number < counts->min) {
        counts->min = number;
    }
    if (!counts->range_known || number > counts->max) {
        counts->max = number;
    }
    counts->range_known = true;
    if (bound->reference->components &&
        !drift_components_add(&counts->components, bound->reference, drift_is_dynamic(version->owner->config),
                              value, budget)) {
        exclude(version, DRIFT_MEMORY, 1);
    }
}

static inline void
count_number(struct drift_version *version, size_t index, const struct otc_value *value, double number,
             uint32_t cell, struct drift_counts *counts)
{
    const struct otc_reference_feature *reference = version->binding->features[index].reference;

    version->features[index].out_of_range += (number < reference->min) | (number > reference->max);
    count_in_cell(version, index, value, number, cell, counts);
}

static void
count_category(struct drift_version *version, size_t index, const struct otc_value *value,
               struct otc_slice text, struct drift_counts *counts)
{
    size_t known = (size_t)(uintptr_t)otc_map_get(version->binding->features[index].categories, text);

    count_in_cell(version, index, value, 0, known ? (uint32_t)(known - 1) : unseen_cell(version, index, text),
                  counts);
}

/* What a value is to its feature: a number, or a text that `scratch` may hold. */
static enum otc_value_class
measure(const struct drift_bound *bound, const struct otc_value *value, double *number, char scratch[32],
        struct otc_slice *text)
{
    const struct otc_reference_feature *reference = bound->reference;

    switch (bound->measure) {
    case DRIFT_NUMBER:
        break;
    case DRIFT_CATEGORY:
        return otc_value_category(value, scratch, text);
    case DRIFT_DISTANCE:
        return otc_value_distance(value, reference->center, reference->n_center, number);
    case DRIFT_FAMILIAR:
        return otc_value_familiar(value, reference->vocabulary, reference->n_vocabulary, number);
    }
    return otc_value_number(value, number);
}

void
drift_count_value(struct drift_version *version, size_t index, const struct otc_value *value,
                  struct drift_counts *counts)
{
    const struct drift_bound *bound = &version->binding->features[index];
    char scratch[32];
    struct otc_slice text = OTC_SLICE_NONE;
    double number = 0;
    enum otc_value_class class = measure(bound, value, &number, scratch, &text);

    if (class == OTC_CLASS_MISSING) {
        return;
    }
    if (class == OTC_CLASS_INVALID || text.len > DRIFT_CATEGORY_TEXT_MAX) {
        version->features[index].invalid++;
        counts->invalid++;
    } else if (bound->measure == DRIFT_CATEGORY) {
        count_category(version, index, value, text, counts);
    } else {
        count_number(version, index, value, number,
                     (uint32_t)otc_cells_find(&bound->reference->cells, number), counts);
    }
}

void
drift_note_unknown(struct drift_version *version, struct otc_slice name)
{
    if (name.len && name.len <= DRIFT_CATEGORY_TEXT_MAX) {
        (void)otc_map_put(version->unknown, name, version);
    }
}

/* ---- Numbers together ------------------------------------------------------------------------------ */

static inline void
add_to_range(struct drift_counts *counts, const double *values, size_t n)
{
    double min = counts->range_known ? counts->min : values[0],
           max = counts->range_known ? counts->max : values[0];

    for (size_t i = 0; i < n; i++) {
        min = values[i] < min ? values[i] : min;
        max = values[i] > max ? values[i] : max;
    }
    counts->min = min;
    counts->max = max;
    counts->range_known = true;
}

/* What count_number does, for all numbers that wait of a feature; components, which vectors alone have, are
 * none. */
static void
count_numbers(struct drift_waiting *waiting)
{
    struct drift_version *version = waiting->version;
    const struct drift_bound *bound = &version->binding->features[waiting->index];
    struct drift_feature *feature = &version->features[waiting->index];
    const double min = bound->reference->min, max = bound->reference->max;
    const size_t n = waiting->n;
    uint32_t cells[DRIFT_WAITING];
    size_t added;

    for (size_t i = 0; i < n; i++) {
        feature->out_of_range += (waiting->values[i] < min) | (waiting->values[i] > max);
    }
    otc_cells_find_all(&bound->reference->cells, waiting->values, n, cells);
    added = drift_counts_add_all(waiting->counts, bound->shape, cells, waiting->values, n,
                                 &version->owner->budget);
    feature->values += added;
    waiting->counts->values += added;
    if (added > 0) {
        add_to_range(waiting->counts, waiting->values, added);
    }
    if (added < n) {
        feature->overflow += n - added;
        waiting->counts->overflow += n - added;
        exclude(version, DRIFT_MEMORY, n - added);
    }
    waiting->n = 0;
}

void
drift_count_waiting(struct drift *drift)
{
    for (size_t i = 0; i < drift->n_waiting; i++) {
        struct drift_waiting *waiting = &drift->waiting[i];

        if (waiting->version) {
            count_numbers(waiting);
            waiting->version->features[waiting->index].waiting = NULL;
        }
    }
    drift->n_waiting = 0;
}

void
drift_forget_waiting(const struct drift_version *version)
{
    struct drift *drift = version->owner;

    for (size_t i = 0; i < drift->n_waiting; i++) {
        if (drift->waiting[i].version == version) {
            drift->waiting[i].version = NULL;
        }
    }
}

static struct drift_waiting *
begin_waiting(struct drift_version *version, size_t index, struct drift_counts *counts)
{
    struct drift *drift = version->owner;
    struct drift_waiting *waiting;

    if (drift->n_waiting == DRIFT_WAITING_FEATURES) {
        drift_count_waiting(drift);
    }
    waiting = version->features[index].waiting = &drift->waiting[drift->n_waiting++];
    waiting->version = version;
    waiting->index = index;
    waiting->counts = counts;
    waiting->n = 0;
    return waiting;
}

static inline void
let_wait(struct drift_version *version, size_t index, double number, struct drift_counts *counts)
{
    struct drift_waiting *waiting = version->features[index].waiting;

    if (!waiting) {
        waiting = begin_waiting(version, index, counts);
    }
    if (waiting->counts != counts) {
        count_numbers(waiting);
        waiting->counts = counts;
    }
    waiting->values[waiting->n++] = number;
    if (waiting->n == DRIFT_WAITING) {
        count_numbers(waiting);
    }
}

/* ---- One record ----------------------------------------------------------------------------------- */

/* Index of an observed feature in the binding. Attributes mostly come in the same order, so the last place is
 * tried first. */
static size_t
discovered_feature(struct drift_version *version, const struct otc_observed *observed, size_t place)
{
    const struct drift_binding *binding = version->binding;
    size_t hint = version->hints[place];

    if (hint < binding->n && binding->features[hint].reference->kind == observed->kind &&
        otc_slice_equal(binding->features[hint].reference->name, observed->name)) {
        return hint;
    }
    hint = drift_binding_find(binding, observed->kind, observed->name);
    if (hint != SIZE_MAX) {
        version->hints[place] = hint;
    }
    return hint;
}

/* The feature of a value that counts; SIZE_MAX: it does not. */
static inline size_t
feature_of(struct drift_version *version, const struct otc_observed *observed, size_t place)
{
    size_t index = observed->feature == OTC_FEATURE_DISCOVERED
                       ? discovered_feature(version, observed, place)
                       : version->binding->of_known[observed->feature];

    if (index == SIZE_MAX) {
        exclude(version, DRIFT_UNKNOWN_FEATURE, 1);
        drift_note_unknown(version, observed->name);
        return SIZE_MAX;
    }
    if (version->features[index].last_record == version->bound_records) {
        return SIZE_MAX;
    }
    version->features[index].last_record = version->bound_records;
    return index;
}

/* The most usual value, which goes the shortest way. */
static inline bool
is_number(const struct drift_bound *bound, const struct otc_value *value, double *number)
{
    return bound->measure == DRIFT_NUMBER && otc_value_number(value, number) == OTC_CLASS_VALUE;
}

void
drift_count_record(struct drift_version *version, const struct otc_observed *observed, size_t n,
                   struct drift_pane *pane)
{
    version->bound_records++;
    for (size_t i = 0; i < n; i++) {
        const struct otc_value *value = &observed[i].value;
        size_t index = feature_of(version, &observed[i], i);
        double number;

        if (index == SIZE_MAX) {
            continue;
        }
        if (is_number(&version->binding->features[index], value, &number)) {
            let_wait(version, index, number, &pane->features[index]);
        } else {
            drift_count_value(version, index, value, &pane->features[index]);
        }
    }
}
