// SPDX-License-Identifier: Apache-2.0
#include "processors/drift/snapshot.h"

#include "common/analysis/window_state.h"
#include "processors/drift/dynamic.h"
#include "processors/drift/snapshot_dynamic.h"

/* Structures that are stored as they lie in memory, and only read by a build that lays them out the same
 * way: results of the last evaluation, which the next one replaces. */
#define RESULT_LAYOUT                                                                                        \
    (sizeof(struct drift_verdict) + 10000 * sizeof(struct otc_feature_result) +                              \
     100000000 * offsetof(struct otc_feature_result, tests))

/* ---- Writing -------------------------------------------------------------------------------------- */

struct cells {
    struct otc_buf *out;
    bool sums;
    uint64_t n;
};

static void
count_cell(void *arg, uint32_t cell, uint32_t count, double sum)
{
    struct cells *cells = arg;

    (void)cell;
    (void)count;
    (void)sum;
    cells->n++;
}

static void
write_cell(void *arg, uint32_t cell, uint32_t count, double sum)
{
    struct cells *cells = arg;

    otc_put_u64(cells->out, cell);
    otc_put_u64(cells->out, count);
    if (cells->sums && cell % 2 == 0) {
        otc_put_f64(cells->out, sum);
    }
}

static void
write_values(const struct drift_raw *raw, struct otc_buf *out)
{
    uint32_t n = raw ? raw->n : 0;

    otc_put_u64(out, n);
    otc_put_u64(out, raw ? raw->limit : 0);
    otc_put_u64(out, raw ? raw->next : 0);
    for (uint32_t i = 0; i < n; i++) {
        otc_put_f64(out, raw->values[i]);
    }
}

static void
write_pane(const void *payload, struct otc_buf *out)
{
    const struct drift_pane *pane = payload;

    otc_put_u64(out, pane->duplicates);
    otc_put_u64(out, pane->apart);
    otc_put_u64(out, pane->binding->n);
    for (size_t i = 0; i < pane->binding->n; i++) {
        const struct drift_counts *counts = &pane->features[i];
        struct drift_shape shape = pane->binding->features[i].shape;
        struct cells cells = {out, shape.sums, 0};

        otc_put_u64(out, counts->values);
        otc_put_u64(out, counts->invalid);
        otc_put_u64(out, counts->overflow);
        otc_put_u64(out, counts->missing);
        otc_put_u64(out, counts->coarser);
        otc_put_bool(out, counts->range_known);
        otc_put_f64(out, counts->min);
        otc_put_f64(out, counts->max);
        write_values(counts->raw, out);
        drift_counts_each(counts, shape, count_cell, &cells);
        otc_put_u64(out, cells.n);
        drift_counts_each(counts, shape, write_cell, &cells);
    }
}

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

/* Which of a version's windows goes on after a restart: that of the reference that its model has now, which
 * after a reload of the file is the successor's; NULL: none. */
static const struct drift_version *
lasting(const struct drift_version *version)
{
    const struct drift_version *last = version->next ? version->next : version;

    return last->binding && last->binding == version->model->binding ? last : NULL;
}

static void
write_counters(const struct drift_version *version, struct otc_buf *out)
{
    const struct drift_version *last = lasting(version);

    otc_put_bool(out, last != NULL);
    otc_put_u64(out, version->records);
    otc_put_u64(out, version->weighted.whole);
    otc_put_u64(out, version->weighted.fraction);
    otc_put_u64(out, last ? last->bound_records : 0);
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

static void
write_version(const struct otc_model_version *entry, struct otc_buf *out)
{
    const struct drift_version *version = entry->state, *last = lasting(version);
    size_t whole, place;

    otc_put_bytes(out, entry->version);
    otc_put_bytes(out, entry->arm);
    whole = otc_put_section(out, "version", 1);
    otc_put_i64(out, entry->last_seen_ns);
    place = otc_put_section(out, "counters", 1);
    write_counters(version, out);
    otc_end_section(out, place);
    if (last) {
        place = otc_put_section(out, "features", 1);
        otc_put_u64(out, last->binding->n);
        for (size_t i = 0; i < last->binding->n; i++) {
            write_feature(&last->features[i], out);
        }
        otc_end_section(out, place);
    }
    if (last && drift_is_dynamic(version->owner->config)) {
        place = otc_put_section(out, "reference bins", 1);
        write_reference_bins(last, out);
        otc_end_section(out, place);
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
    if (last || !version->binding) {
        place = otc_put_section(out, "window", 1);
        otc_window_save(last ? &last->window : &version->window, out, write_pane);
        otc_end_section(out, place);
    }
    if (last == version || !version->binding) {
        place = otc_put_section(out, "results", RESULT_LAYOUT);
        write_results(version, out);
        otc_end_section(out, place);
    }
    otc_end_section(out, whole);
}

/* Features of a learned reference that learning gave up, by their place in it. */
static void
write_reference(const struct drift_binding *binding, struct otc_buf *out)
{
    size_t n = binding->reference->n_features, left_out = 0;

    otc_put_bytes(out, otc_slice_str(binding->reference->hash));
    for (size_t i = 0; i < n; i++) {
        left_out += binding->of_reference[i] == SIZE_MAX;
    }
    otc_put_u64(out, left_out);
    for (size_t i = 0; i < n; i++) {
        if (binding->of_reference[i] == SIZE_MAX) {
            otc_put_u64(out, i);
        }
    }
}

static void
write_model(const struct drift *drift, const struct otc_model *entry, struct otc_buf *out)
{
    const struct drift_model *model = entry->state;
    size_t whole, place;

    otc_put_bytes(out, entry->name);
    otc_put_i64(out, entry->last_seen_ns);
    otc_put_u64(out, model->phase);
    otc_put_f64(out, model->progress);
    whole = otc_put_section(out, "model", 1);
    if (model->learner && drift_learner_lasts(model->learner)) {
        place = otc_put_section(out, "learner", 1);
        drift_learner_save(model->learner, out);
        otc_end_section(out, place);
    }
    if (model->binding && model->binding != drift->file) {
        place = otc_put_section(out, "reference", 1);
        write_reference(model->binding, out);
        otc_end_section(out, place);
    }
    if (drift_is_dynamic(drift->config)) {
        drift_snapshot_write_dynamic(model, out);
    }
    otc_end_section(out, whole);
    otc_put_u64(out, entry->n_versions);
    for (size_t j = 0; j < entry->n_versions; j++) {
        write_version(entry->versions[j], out);
    }
}

/* Something that the snapshot cannot hold: windows of a reference that a reload has replaced. */
static bool
lacks_windows(const struct drift *drift)
{
    for (size_t i = 0; i < otc_models_count(drift->models); i++) {
        const struct otc_model *model = otc_models_at(drift->models, i);

        for (size_t j = 0; j < model->n_versions; j++) {
            const struct drift_version *version = model->versions[j]->state;

            if (version->binding && lasting(version) != version) {
                return true;
            }
        }
    }
    return false;
}

void
drift_snapshot_write(const struct drift *drift, struct otc_buf *out)
{
    size_t place = otc_put_section(out, "stage", 1);

    otc_put_i64(out, drift->start_ns);
    otc_put_i64(out, lacks_windows(drift) ? INT64_MAX : drift->since_ns);
    otc_put_u64(out, drift->reloads.good);
    otc_put_u64(out, drift->reloads.bad);
    otc_put_u64(out, drift->malformed);
    otc_put_u64(out, otc_models_overflow(drift->models));
    otc_put_u64(out, otc_models_forgotten(drift->models));
    otc_end_section(out, place);
    place = otc_put_section(out, "models", 1);
    otc_put_u64(out, otc_models_count(drift->models));
    for (size_t i = 0; i < otc_models_count(drift->models); i++) {
        write_model(drift, otc_models_at(drift->models, i), out);
    }
    otc_end_section(out, place);
}

/* ---- Reading -------------------------------------------------------------------------------------- */

static bool
read_values(struct drift_raw *raw, struct drift_budget *budget, struct otc_reader *in)
{
    size_t n = otc_take_u64(in);
    uint64_t limit = otc_take_u64(in), next = otc_take_u64(in);

    if (in->failed || n > in->rest.len / sizeof(double) || (n > 0 && (!raw || n > raw->limit || next >= n))) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        drift_raw_add(raw, otc_take_f64(in), 1, budget);
    }
    if (n > 0) {
        raw->limit = (uint32_t)(limit < raw->limit ? limit : raw->limit);
        raw->next = (uint32_t)next;
    }
    return !raw || raw->n == n;
}

static bool
read_counts(struct drift_version *version, struct drift_counts *counts, struct drift_shape shape,
            struct otc_reader *in)
{
    size_t n;

    counts->values = otc_take_u64(in);
    counts->invalid = otc_take_u64(in);
    counts->overflow = otc_take_u64(in);
    counts->missing = otc_take_u64(in);
    counts->coarser = (uint32_t)otc_take_u64(in);
    counts->range_known = otc_take_bool(in);
    counts->min = otc_take_f64(in);
    counts->max = otc_take_f64(in);
    if (!read_values(counts->raw, &version->owner->budget, in)) {
        return false;
    }
    n = otc_take_count(in, 2);
    for (size_t i = 0; i < n; i++) {
        uint64_t cell = otc_take_u64(in), count = otc_take_u64(in);
        double sum = shape.sums && cell % 2 == 0 ? otc_take_f64(in) : 0;

        if (in->failed || cell >= shape.cells || count == 0 || count > UINT32_MAX ||
            !drift_counts_set(counts, shape, (uint32_t)cell, (uint32_t)count, sum, &version->owner->budget)) {
            return false;
        }
    }
    return !in->failed;
}

static bool
read_pane(void *owner, void *payload, struct otc_reader *in)
{
    struct drift_pane *pane = payload;

    pane->duplicates = otc_take_u64(in);
    pane->apart = otc_take_u64(in);
    if (otc_take_u64(in) != pane->binding->n) {
        return false;
    }
    for (size_t i = 0; i < pane->binding->n; i++) {
        if (!read_counts(owner, &pane->features[i], pane->binding->features[i].shape, in)) {
            return false;
        }
    }
    return true;
}

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
read_version_part(struct drift_version *version, struct otc_slice name, uint64_t number,
                  struct otc_reader *body)
{
    if (otc_slice_equal_str(name, "counters") && number == 1) {
        return read_counters(version, body);
    }
    if (otc_slice_equal_str(name, "features") && number == 1) {
        return read_features(version, body);
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
    if (otc_slice_equal_str(name, "window") && number == 1) {
        return otc_window_load(&version->window, body, read_pane);
    }
    if (otc_slice_equal_str(name, "results") && number == RESULT_LAYOUT) {
        return read_results(version, body);
    }
    return true;
}

struct reading {
    struct drift *drift;
    drift_find_reference find;
    void *arg;
};

/* Features of a reference that are not compared. */
struct left_out {
    const struct otc_reference *reference;
    size_t *places;
    size_t n;
};

static bool
is_left_out(const void *arg, const struct otc_reference_feature *feature)
{
    const struct left_out *list = arg;

    for (size_t i = 0; i < list->n; i++) {
        if (list->places[i] == (size_t)(feature - list->reference->features)) {
            return true;
        }
    }
    return false;
}

/* Takes the learned reference that the bytes name. */
static bool
read_reference(const struct reading *reading, struct drift_model *model, struct otc_reader *in)
{
    const struct drift *drift = reading->drift;
    struct otc_reference *reference = reading->find(reading->arg, otc_take_bytes(in));
    struct left_out list = {.reference = reference, .n = otc_take_count(in, 1)};
    bool bound = false;

    list.places = calloc(list.n + 1, sizeof(*list.places));
    for (size_t i = 0; list.places && i < list.n; i++) {
        list.places[i] = (size_t)otc_take_u64(in);
    }
    if (reference && list.places && !in->failed) {
        bound = drift_binding_new(reference, drift->set, (drift->statistics >> DRIFT_WASSERSTEIN) & 1,
                                  (size_t)drift->config->limits.features, is_left_out, &list, &model->binding,
                                  NULL) == OTC_OK;
    }
    otc_reference_unref(reference);
    free(list.places);
    return bound;
}

static bool
read_model_parts(const struct reading *reading, struct drift_model *model, enum drift_phase phase,
                 struct otc_reader in)
{
    struct otc_reader body;
    struct otc_slice name;
    uint64_t number;
    bool done = true, learner = false;

    while (done && otc_take_section(&in, &name, &number, &body)) {
        if (otc_slice_equal_str(name, "learner") && number == 1) {
            learner = true;
            done = model->learner && drift_learner_load(model->learner, &body);
        } else if (otc_slice_equal_str(name, "reference") && number == 1) {
            done = read_reference(reading, model, &body) &&
                   (!drift_is_dynamic(reading->drift->config) || drift_dynamic_bind(model));
        } else {
            done = drift_snapshot_read_dynamic(model, name, number, &body);
        }
    }
    if (phase != DRIFT_LEARNING) {
        drift_learner_free(model->learner);
        model->learner = NULL;
    } else if (!learner) {
        model->progress = 0; /* it begins anew */
    }
    return done && !in.failed;
}

/* A version of the model `head`, whose own parts come with its first one. */
static bool
read_version(const struct reading *reading, struct otc_slice model_name, struct otc_reader *in,
             struct otc_model_version **out)
{
    struct otc_model_key key = {.name = model_name, .version = otc_take_bytes(in)};

    key.arm = otc_take_bytes(in);
    *out = in->failed ? NULL : otc_models_get(reading->drift->models, &key, 0);
    return *out != NULL;
}

static bool
read_version_parts(struct otc_model_version *entry, struct otc_reader *in)
{
    struct otc_reader whole, body;
    struct otc_slice name;
    uint64_t number;

    if (!otc_take_section(in, &name, &number, &whole) || !otc_slice_equal_str(name, "version") ||
        number != 1) {
        return false;
    }
    entry->last_seen_ns = otc_take_i64(&whole);
    while (otc_take_section(&whole, &name, &number, &body)) {
        if (!read_version_part(entry->state, name, number, &body)) {
            return false;
        }
    }
    return !whole.failed;
}

static bool
read_model(const struct reading *reading, struct otc_reader *in)
{
    struct otc_slice model_name = otc_take_bytes(in), name;
    int64_t last_seen_ns = otc_take_i64(in);
    uint64_t phase = otc_take_u64(in), number;
    double progress = otc_take_f64(in);
    struct otc_reader parts;
    struct otc_model_version *entry = NULL;
    size_t n;

    if (!otc_take_section(in, &name, &number, &parts) || phase > DRIFT_UNREFERENCED ||
        phase == DRIFT_FREEZING) {
        return false;
    }
    n = otc_take_count(in, 2);
    for (size_t i = 0; i < n; i++) {
        struct drift_model *model;

        if (!read_version(reading, model_name, in, &entry)) {
            return false;
        }
        model = entry->model->state;
        if (i == 0) {
            model->progress = progress;
            if (!read_model_parts(reading, model, (enum drift_phase)phase, parts) ||
                (phase == DRIFT_LEARNING && !model->learner) || (phase == DRIFT_READY && !model->binding)) {
                return false;
            }
        }
        if (!read_version_parts(entry, in)) {
            return false;
        }
    }
    if (entry) {
        struct drift_model *model = entry->model->state;

        entry->model->last_seen_ns = last_seen_ns;
        /* Not before: a version made meanwhile would be bound at once, and not all were. */
        model->phase = (enum drift_phase)phase;
    }
    return !in->failed;
}

static bool
read_stage(const struct reading *reading, struct otc_reader *in)
{
    struct drift *drift = reading->drift;
    uint64_t overflow, forgotten;

    drift->start_ns = otc_take_i64(in);
    drift->since_ns = otc_take_i64(in);
    drift->reloads.good = otc_take_u64(in);
    drift->reloads.bad = otc_take_u64(in);
    drift->malformed = otc_take_u64(in);
    overflow = otc_take_u64(in);
    forgotten = otc_take_u64(in);
    otc_models_set_counts(drift->models, overflow, forgotten);
    return !in->failed;
}

static bool
read_models(const struct reading *reading, struct otc_reader *in)
{
    size_t n = otc_take_count(in, 12);

    for (size_t i = 0; i < n; i++) {
        if (!read_model(reading, in)) {
            return false;
        }
    }
    return !in->failed;
}

bool
drift_snapshot_read(struct drift *drift, struct otc_reader in, drift_find_reference find, void *arg,
                    struct otc_error *err)
{
    const struct reading reading = {drift, find, arg};
    struct otc_reader body;
    struct otc_slice name;
    uint64_t number;

    while (otc_take_section(&in, &name, &number, &body)) {
        bool done = true;

        if (otc_slice_equal_str(name, "stage") && number == 1) {
            done = read_stage(&reading, &body);
        } else if (otc_slice_equal_str(name, "models") && number == 1) {
            done = read_models(&reading, &body);
        }
        if (!done) {
            (void)otc_fail(err, OTC_DATA_LOSS, "the section %.*s is not understood, or has no room",
                           OTC_SLICE_ARG(name));
            return false;
        }
    }
    if (in.failed) {
        (void)otc_fail(err, OTC_DATA_LOSS, "it is cut off");
    }
    return !in.failed;
}

bool
drift_forget(struct drift *drift)
{
    const struct otc_models_limits limits = drift_models_limits(drift->config);

    otc_models_free(drift->models);
    drift->models = otc_models_new(&limits, &drift_model_ops, drift);
    drift->start_ns = drift->host->now_ns(drift->host);
    drift->since_ns = INT64_MAX;
    drift->malformed = 0;
    drift->reloads.good = drift->reloads.bad = 0;
    return drift->models != NULL;
}

void
drift_shift_monotonic(struct drift *drift, int64_t by_ns)
{
    for (size_t i = 0; i < otc_models_count(drift->models); i++) {
        struct otc_model *model = otc_models_at(drift->models, i);

        drift_kept_shift_monotonic(&((struct drift_model *)model->state)->kept, by_ns);
        model->last_seen_ns += by_ns;
        for (size_t j = 0; j < model->n_versions; j++) {
            struct drift_version *version = model->versions[j]->state;

            model->versions[j]->last_seen_ns += by_ns;
            version->last_record_ns += by_ns;
            otc_window_shift_monotonic(&version->window, by_ns);
        }
    }
}
