// SPDX-License-Identifier: Apache-2.0
#include "processors/drift/snapshot_version.h"

#include "common/analysis/window_state.h"
#include "processors/drift/snapshot_pane.h"
#include "processors/drift/snapshot_vectors.h"

/* Structures that are stored as they lie in memory, and only read by a build that lays them out the same
 * way: results of the last evaluation, which the next one replaces. */
#define RESULT_LAYOUT                                                                                        \
    (sizeof(struct drift_verdict) + 10000 * sizeof(struct otc_feature_result) +                              \
     100000000 * offsetof(struct otc_feature_result, tests))

/* ---- Writing -------------------------------------------------------------------------------------- */

static void
write_raw(struct otc_buf *out, const void *data, size_t size)
{
    otc_put_bytes(out, otc_slice_of(data, size));
}

/* Texts of a map in the order in which they came. */
static void
write_texts(const struct otc_map *map, struct otc_buf *out, bool with_values)
{
    struct otc_slice text;
    size_t cursor = 0;
    void *value;

    otc_put_u64(out, map ? otc_map_count(map) : 0);
    while (map && otc_map_next(map, &cursor, &text, &value)) {
        otc_put_bytes(out, text);
        if (with_values) {
            otc_put_u64(out, (uintptr_t)value);
        }
    }
}

static void
write_feature(const struct drift_feature *feature, struct otc_buf *out)
{
    otc_put_u64(out, feature->values);
    otc_put_u64(out, feature->invalid);
    otc_put_u64(out, feature->overflow);
    otc_put_u64(out, feature->unseen);
    otc_put_u64(out, feature->out_of_range);
    otc_put_u64(out, feature->missing);
    otc_put_u64(out, feature->pooled);
    otc_put_u64(out, feature->records_before);
    otc_put_u64(out, feature->last_record);
    otc_put_u64(out, feature->window_observations);
    otc_put_u64(out, feature->reference_observations);
    otc_put_u64(out, feature->ring.bits);
    otc_put_u64(out, feature->ring.filled);
    otc_put_bool(out, feature->ring.detected);
    write_texts(feature->unseen_texts, out, true);
    otc_put_u64(out, feature->n_bins);
    for (size_t i = 0; i < feature->n_bins; i++) {
        otc_put_u64(out, feature->bins[i]);
    }
}

static void
write_results(const struct drift_version *version, struct otc_buf *out)
{
    write_raw(out, &version->verdict, sizeof(version->verdict));
    write_raw(out, &version->shown, sizeof(version->shown));
    for (size_t i = 0; version->binding && i < version->binding->n; i++) {
        write_raw(out, &version->features[i].result, sizeof(version->features[i].result));
        write_raw(out, &version->features[i].shown, sizeof(version->features[i].shown));
    }
}

static void
write_counters(const struct drift_version *version, struct otc_buf *out)
{
    otc_put_bool(out, version->binding != NULL);
    otc_put_u64(out, version->records);
    otc_put_u64(out, version->weighted.whole);
    otc_put_u64(out, version->weighted.fraction);
    otc_put_u64(out, version->bound_records);
    otc_put_i64(out, version->start_ns);
    otc_put_i64(out, version->last_record_ns);
    otc_put_i64(out, version->evaluated_ns);
    otc_put_u64(out, DRIFT_N_EXCLUDED);
    for (size_t i = 0; i < DRIFT_N_EXCLUDED; i++) {
        otc_put_u64(out, version->excluded[i]);
    }
    write_texts(version->unknown, out, false);
}

static void
write_key(void *arg, uint64_t key)
{
    (void)otc_buf_append(arg, &key, sizeof(key));
}

/* Of the last evaluation, beside the bins of the window. */
static void
write_reference_bins(const struct drift_version *version, struct otc_buf *out)
{
    for (size_t i = 0; i < version->binding->n; i++) {
        const struct drift_feature *feature = &version->features[i];

        for (size_t b = 0; feature->reference_bins && b < feature->n_bins; b++) {
            otc_put_u64(out, feature->reference_bins[b]);
        }
    }
}

/* What it counted for its reference. */
static void
write_bound(const struct drift_version *version, struct otc_buf *out)
{
    size_t place = otc_put_section(out, "features", 1);

    otc_put_u64(out, version->binding->n);
    for (size_t i = 0; i < version->binding->n; i++) {
        write_feature(&version->features[i], out);
    }
    otc_end_section(out, place);
    place = otc_put_section(out, "dependence", 1);
    for (size_t i = 0; i < version->binding->n; i++) {
        otc_dependence_save(&version->features[i].dependence, out);
    }
    otc_end_section(out, place);
    if (drift_is_dynamic(version->owner->config)) {
        place = otc_put_section(out, "reference bins", 1);
        write_reference_bins(version, out);
        otc_end_section(out, place);
    }
}

static void
write_window(const struct drift_version *version, struct otc_buf *out)
{
    size_t place = otc_put_section(out, "window", DRIFT_PANE_LAYOUT);

    otc_window_save(&version->window, out, drift_snapshot_write_pane);
    otc_end_section(out, place);
    if (version->binding) {
        drift_snapshot_write_vectors(version->binding, &version->window, out);
    }
}

static void
write_own_counters(const struct drift_version *version, struct otc_buf *out)
{
    size_t place = otc_put_section(out, "counters", 1);

    write_counters(version, out);
    otc_end_section(out, place);
}

/* After a reload of the reference file: the former reference, which its windows are still compared with. It
 * stands before all that counts in its cells. */
static void
write_former_reference(const struct drift_version *version, struct otc_buf *out)
{
    size_t place;

    if (version->binding && version->binding != version->model->binding) {
        place = otc_put_section(out, "former reference", 1);
        drift_snapshot_write_reference(version->binding, out);
        otc_end_section(out, place);
    }
}

static void
write_successor(const struct drift_version *version, struct otc_buf *out)
{
    size_t place = otc_put_section(out, "successor", 1);

    otc_put_i64(out, version->next_from_ns);
    write_own_counters(version->next, out);
    write_bound(version->next, out);
    write_window(version->next, out);
    otc_end_section(out, place);
}

void
drift_snapshot_write_version(const struct otc_model_version *entry, struct otc_buf *out)
{
    const struct drift_version *version = entry->state;
    size_t whole, place;

    otc_put_bytes(out, entry->version);
    otc_put_bytes(out, entry->arm);
    whole = otc_put_section(out, "version", 1);
    otc_put_i64(out, entry->last_seen_ns);
    write_former_reference(version, out);
    write_own_counters(version, out);
    if (version->binding) {
        write_bound(version, out);
    }
    if (drift_watch_count(version->owner->watch) > 0) {
        place = otc_put_section(out, "detectors", 1);
        drift_watched_save(version->owner->watch, version->watched, out);
        otc_end_section(out, place);
    }
    if (version->recent) {
        place = otc_put_section(out, "duplicates", 1);
        otc_put_u64(out, version->duplicates);
        otc_recent_each(version->recent, write_key, out);
        otc_end_section(out, place);
    }
    write_window(version, out);
    place = otc_put_section(out, "results", RESULT_LAYOUT);
    write_results(version, out);
    otc_end_section(out, place);
    if (version->next) {
        write_successor(version, out);
    }
    otc_end_section(out, whole);
}

/* ---- Reading -------------------------------------------------------------------------------------- */

static bool
read_raw(struct otc_reader *in, void *data, size_t size)
{
    struct otc_slice bytes = otc_take_bytes(in);

    if (bytes.len != size) {
        return false;
    }
    memcpy(data, bytes.data, size);
    return true;
}

bool
drift_unseen_texts_read(const struct drift_bound *bound, struct otc_map **texts, size_t *charged,
                        struct drift_budget *budget, struct otc_reader *in)
{
    size_t n = otc_take_count(in, 2);

    if (n > bound->extra || (n > 0 && !(*texts = otc_map_new(bound->extra)))) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        struct otc_slice text = otc_take_bytes(in);
        uint64_t cell = otc_take_u64(in);

        if (in->failed || cell == 0 || cell >= bound->shape.cells ||
            !drift_budget_take(budget, 64 + text.len)) {
            return false;
        }
        *charged += 64 + text.len;
        if (!otc_map_put(*texts, text, (void *)(uintptr_t)cell)) {
            return false;
        }
    }
    return true;
}

static bool
read_feature(struct drift_version *version, size_t index, struct otc_reader *in)
{
    struct drift_feature *feature = &version->features[index];

    feature->values = otc_take_u64(in);
    feature->invalid = otc_take_u64(in);
    feature->overflow = otc_take_u64(in);
    feature->unseen = otc_take_u64(in);
    feature->out_of_range = otc_take_u64(in);
    feature->missing = otc_take_u64(in);
    feature->pooled = otc_take_u64(in);
    feature->records_before = otc_take_u64(in);
    feature->last_record = otc_take_u64(in);
    feature->window_observations = otc_take_u64(in);
    feature->reference_observations = otc_take_u64(in);
    feature->ring.bits = (uint32_t)otc_take_u64(in);
    feature->ring.filled = (uint8_t)otc_take_u64(in);
    feature->ring.detected = otc_take_bool(in);
    if (!drift_unseen_texts_read(&version->binding->features[index], &feature->unseen_texts,
                                 &version->charged, &version->owner->budget, in) ||
        otc_take_u64(in) != feature->n_bins) {
        return false;
    }
    for (size_t i = 0; i < feature->n_bins; i++) {
        feature->bins[i] = otc_take_u64(in);
    }
    return !in->failed;
}

static bool
read_features(struct drift_version *version, struct otc_reader *in)
{
    if (!version->binding || otc_take_u64(in) != version->binding->n) {
        return false;
    }
    for (size_t i = 0; i < version->binding->n; i++) {
        if (!read_feature(version, i, in)) {
            return false;
        }
    }
    return true;
}

static bool
read_reference_bins(struct drift_version *version, struct otc_reader *in)
{
    for (size_t i = 0; version->binding && i < version->binding->n; i++) {
        struct drift_feature *feature = &version->features[i];

        for (size_t b = 0; feature->reference_bins && b < feature->n_bins; b++) {
            feature->reference_bins[b] = otc_take_u64(in);
        }
    }
    return !in->failed && in->rest.len == 0;
}

static bool
read_results(struct drift_version *version, struct otc_reader *in)
{
    bool whole = read_raw(in, &version->verdict, sizeof(version->verdict)) &&
                 read_raw(in, &version->shown, sizeof(version->shown));

    for (size_t i = 0; whole && version->binding && i < version->binding->n; i++) {
        whole = read_raw(in, &version->features[i].result, sizeof(version->features[i].result)) &&
                read_raw(in, &version->features[i].shown, sizeof(version->features[i].shown));
    }
    return whole;
}

static bool
read_counters(struct drift_version *version, struct otc_reader *in)
{
    bool bound = otc_take_bool(in);
    size_t n;

    if (bound && !version->binding && (!version->model->binding || !drift_version_bind(version))) {
        return false;
    }
    version->records = otc_take_u64(in);
    version->weighted.whole = otc_take_u64(in);
    version->weighted.fraction = otc_take_u64(in);
    version->bound_records = otc_take_u64(in);
    version->start_ns = otc_take_i64(in);
    version->last_record_ns = otc_take_i64(in);
    version->evaluated_ns = otc_take_i64(in);
    n = otc_take_count(in, 1);
    for (size_t i = 0; i < n; i++) {
        uint64_t count = otc_take_u64(in);

        if (i < DRIFT_N_EXCLUDED) {
            version->excluded[i] = count;
        }
    }
    n = otc_take_count(in, 1);
    for (size_t i = 0; i < n; i++) {
        (void)otc_map_put(version->unknown, otc_take_bytes(in), version);
    }
    return !in->failed;
}

static bool
read_duplicates(struct drift_version *version, struct otc_reader *in)
{
    uint64_t key;

    version->duplicates = otc_take_u64(in);
    for (; !in->failed && in->rest.len >= sizeof(key); in->rest = otc_slice_skip(in->rest, sizeof(key))) {
        memcpy(&key, in->rest.data, sizeof(key));
        (void)otc_recent_add(version->recent, key);
    }
    return !in->failed;
}

static bool
read_dependence(struct drift_version *version, struct otc_reader *in)
{
    for (size_t i = 0; version->binding && i < version->binding->n; i++) {
        if (!otc_dependence_load(&version->features[i].dependence, in)) {
            return false;
        }
    }
    return !in->failed && in->rest.len == 0;
}

static bool
read_version_part(struct drift_version *version, struct otc_slice name, uint64_t number,
                  struct otc_reader *body)
{
    if (otc_slice_equal_str(name, "counters") && number == 1) {
        return read_counters(version, body);
    }
    if (otc_slice_equal_str(name, "features") && number == 1) {
        return read_features(version, body);
    }
    if (otc_slice_equal_str(name, "dependence") && number == 1) {
        return read_dependence(version, body);
    }
    if (otc_slice_equal_str(name, "reference bins") && number == 1) {
        return read_reference_bins(version, body);
    }
    if (otc_slice_equal_str(name, "detectors") && number == 1) {
        return drift_watched_load(version->owner->watch, version->watched, body);
    }
    if (otc_slice_equal_str(name, "duplicates") && number == 1 && version->recent) {
        return read_duplicates(version, body);
    }
    if (otc_slice_equal_str(name, "window") && number == DRIFT_PANE_LAYOUT) {
        return otc_window_load(&version->window, body, drift_snapshot_read_pane);
    }
    if (otc_slice_equal_str(name, "vectors") && number == DRIFT_PANE_LAYOUT) {
        return drift_snapshot_read_vectors(version, body);
    }
    if (otc_slice_equal_str(name, "results") && number == RESULT_LAYOUT) {
        return read_results(version, body);
    }
    return true;
}

/* The former reference takes the place of the model's. */
static bool
read_former_reference(struct drift_snapshot_reading *reading, struct drift_version *version,
                      struct otc_reader *in)
{
    struct otc_reader copy = *in;
    struct otc_slice hash = otc_take_bytes(&copy);

    if (!version->model->binding || drift_is_dynamic(version->owner->config) || version->window.n_panes > 0) {
        return false;
    }
    if (!reading->formerly || !otc_slice_equal_str(hash, reading->formerly->reference->hash)) {
        drift_binding_unref(reading->formerly);
        reading->formerly = drift_snapshot_read_reference(reading, in);
    }
    /* Without a successor, for lack of memory, it waits for the next look at the file. */
    version->owner->reloads.left++;
    return reading->formerly && drift_version_bind_to(version, reading->formerly);
}

static bool
read_successor(struct drift_version *version, struct otc_reader *in)
{
    struct otc_reader body;
    struct otc_slice name;
    uint64_t number;
    bool done = true;

    if (version->next || !version->binding || version->binding == version->model->binding) {
        return false;
    }
    version->next_from_ns = otc_take_i64(in);
    version->next = drift_version_successor(version);
    version->owner->reloads.left--;
    while (done && version->next && otc_take_section(in, &name, &number, &body)) {
        done = read_version_part(version->next, name, number, &body);
    }
    return done && version->next && version->next->binding && !in->failed;
}

bool
drift_snapshot_read_version(struct drift_snapshot_reading *reading, struct otc_model_version *entry,
                            struct otc_reader *in)
{
    struct otc_reader whole, body;
    struct otc_slice name;
    uint64_t number;
    bool done = true;

    if (!otc_take_section(in, &name, &number, &whole) || !otc_slice_equal_str(name, "version") ||
        number != 1) {
        return false;
    }
    entry->last_seen_ns = otc_take_i64(&whole);
    while (done && otc_take_section(&whole, &name, &number, &body)) {
        if (otc_slice_equal_str(name, "former reference") && number == 1) {
            done = read_former_reference(reading, entry->state, &body);
        } else if (otc_slice_equal_str(name, "successor") && number == 1) {
            done = read_successor(entry->state, &body);
        } else {
            done = read_version_part(entry->state, name, number, &body);
        }
    }
    return done && !whole.failed;
}
