// SPDX-License-Identifier: Apache-2.0
#include "sidecar/compare_run.h"

#include "common/base/number.h"
#include "sidecar/input_text.h"
#include "sidecar/screen.h"

/** A reference file says so near its beginning; anything else is a table. */
static bool
is_reference_file(const char *path)
{
    char head[4096] = "";
    FILE *file = strcmp(path, "-") == 0 ? NULL : fopen(path, "rbe");
    size_t got = file ? fread(head, 1, sizeof(head) - 1, file) : 0;

    head[got] = 0;
    if (file) {
        (void)fclose(file);
    }
    return strstr(head, "\"otelcol-aimon reference\"") != NULL;
}

static otc_status
read_reference(struct otc_compare_run *run, const struct otc_compare_options *options, struct otc_error *err)
{
    struct otc_reference_limits limits = OTC_REFERENCE_LIMITS_DEFAULT;
    otc_status status;

    if (is_reference_file(options->reference)) {
        return otc_reference_load(options->reference, 0, &run->reference, err);
    }
    limits.exact_points = 0;
    limits.max_categories = 0;
    status = otc_input_open(&run->reference_input, options->reference, &options->input, err);
    return status == OTC_OK ? otc_input_reference(&run->reference_input, &limits, "", 0, &run->reference, err)
                            : status;
}

static otc_status
open_reference(struct otc_compare_run *run, const struct otc_compare_options *options, struct otc_error *err)
{
    otc_status status = read_reference(run, options, err);

    for (size_t i = 0; status == OTC_OK && run->independent && i < run->reference->n_features; i++) {
        run->reference->features[i].design_effect = 1;
    }
    return status;
}

/** The reference's feature that a column of the current table is; names under gen_ai also in their own right.
 */
static const struct otc_reference_feature *
feature_of(const struct otc_compare_run *run, struct otc_slice column, double *scale)
{
    const struct otc_reference_feature *feature = otc_reference_find(run->reference, column);
    const struct otc_column_meaning *meaning;

    *scale = 1;
    if (feature) {
        return feature;
    }
    meaning = otc_gen_ai_column(column);
    if (!meaning || !meaning->feature) {
        return NULL;
    }
    *scale = meaning->scale > 0 ? meaning->scale : 1;
    return otc_reference_find_kind(run->reference, meaning->kind, otc_slice_str(meaning->feature));
}

/** Whether a category is what a number or a boolean is called in canonical text. */
static bool
is_canonical(struct otc_slice name)
{
    char canonical[OTC_DOUBLE_TEXT_MAX];
    double number;

    if (otc_slice_equal_str(name, "true") || otc_slice_equal_str(name, "false")) {
        return true;
    }
    return otc_parse_double(name, &number) &&
           otc_slice_equal(name, otc_slice_of(canonical, otc_canonical_number(number, canonical)));
}

/**
 * How the current side's values are written as categories: as the reference's are. "007" stays "007" when the
 * reference has such texts, even where this table happens to hold numbers alone; and becomes 7 when every
 * category of the reference is a number, even where a stray text makes this table's column one of texts.
 */
static enum otc_column_content
content_of(const struct otc_reference_feature *feature, enum otc_column_content content)
{
    if (feature->type != OTC_CATEGORICAL || content == OTC_COLUMN_EMPTY) {
        return content;
    }
    for (size_t i = 0; i < feature->n_categories; i++) {
        if (!is_canonical(feature->categories[i].name)) {
            return OTC_COLUMN_MIXED;
        }
    }
    return OTC_COLUMN_NUMBERS;
}

/** Compares a feature of the current table with the reference's of its name. */
static otc_status
match(struct otc_compare_run *run, const struct otc_input_feature *as,
      const struct otc_reference_feature *feature, struct otc_error *err)
{
    size_t n = run->current.n_features;
    struct otc_input_feature *out = &run->current.features[n];

    *out = *as;
    out->kind = feature->kind;
    out->words = feature->vocabulary;
    out->n_words = feature->n_vocabulary;
    out->center = feature->center;
    out->n_center = feature->n_center;
    run->comparison.features[n].reference = feature;
    run->current.n_features++; /* what it owns is freed with the others, also after a failure */
    run->samples[n] = otc_sample_new(feature);
    if (!run->samples[n] ||
        !otc_input_components_new(out->embedding == OTC_INPUT_DISTANCE ? feature->components : NULL,
                                  &run->components[n])) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    return OTC_OK;
}

/** A column of vectors whose norm and distance the reference has. */
static otc_status
match_embedding(struct otc_compare_run *run, size_t column, struct otc_error *err)
{
    struct otc_input *current = &run->current;
    struct otc_input_feature vectors[OTC_INPUT_EMBEDDING_FEATURES];
    const struct otc_reference_feature *norm, *distance;
    otc_status status;

    if (!otc_input_embedding_features(current, column, current->columns.columns[column].name, OTC_KIND_INPUT,
                                      vectors)) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    norm = otc_reference_find(run->reference, vectors[0].name);
    distance = otc_reference_find(run->reference, vectors[1].name);
    if (!norm || !distance || norm->type != OTC_NUMERIC || distance->n_center == 0) {
        return OTC_OK;
    }
    status = match(run, &vectors[0], norm, err);
    return status == OTC_OK ? match(run, &vectors[1], distance, err) : status;
}

/** A column whose text the reference measured: its <column>.length and so on. */
static otc_status
match_text(struct otc_compare_run *run, size_t column, struct otc_error *err)
{
    struct otc_input *current = &run->current;
    struct otc_input_feature texts[OTC_INPUT_TEXT_FEATURES];

    if (!otc_input_text_features(current, column, current->columns.columns[column].name, OTC_KIND_INPUT,
                                 texts)) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    for (size_t i = 0; i < OTC_INPUT_TEXT_FEATURES; i++) {
        const struct otc_reference_feature *feature = otc_reference_find(run->reference, texts[i].name);
        otc_status status;

        /* The length comes first, and measures all. */
        if (!feature || feature->type != OTC_NUMERIC) {
            return OTC_OK;
        }
        status = match(run, &texts[i], feature, err);
        if (status != OTC_OK) {
            return status;
        }
    }
    return OTC_OK;
}

/** Chooses the current columns by what the reference knows, not by what they look like. */
static otc_status
match_columns(struct otc_compare_run *run, struct otc_error *err)
{
    struct otc_input *current = &run->current;
    size_t room = current->columns.n * (1 + OTC_INPUT_TEXT_FEATURES + OTC_INPUT_EMBEDDING_FEATURES) + 1;

    free(current->features);
    current->n_features = 0;
    current->features = calloc(room, sizeof(*current->features));
    run->samples = calloc(room, sizeof(struct otc_sample *));
    run->components = calloc(room, sizeof(struct otc_input_components *));
    run->comparison.features = calloc(room, sizeof(*run->comparison.features));
    if (!current->features || !run->components || !run->samples || !run->comparison.features) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    for (size_t i = 0; i < current->columns.n; i++) {
        double scale;
        struct otc_column *column = &current->columns.columns[i];
        const struct otc_reference_feature *feature = feature_of(run, column->name, &scale);
        otc_status status;

        if (!feature) {
            status = match_text(run, i, err);

            if (status == OTC_OK) {
                status = match_embedding(run, i, err);
            }
            if (status != OTC_OK) {
                return status;
            }
            continue;
        }
        column->content = content_of(feature, column->content);
        status = match(run,
                       &(struct otc_input_feature){
                           .column = i, .name = feature->name, .type = feature->type, .scale = scale},
                       feature, err);
        if (status != OTC_OK) {
            return status;
        }
    }
    run->comparison.n_features = current->n_features;
    return OTC_OK;
}

/** The current table's own column of --timestamp orders it too; a reference that is a file has no rows, so
 * that the column must then be the current table's. */
static otc_status
order_current(struct otc_compare_run *run, const struct otc_compare_options *options, struct otc_error *err)
{
    const char *name = options->input.timestamp;
    struct otc_columns *columns = &run->current.columns;

    if (!name || (run->reference_input.table && otc_columns_find(columns, otc_slice_str(name)) == SIZE_MAX)) {
        return OTC_OK;
    }
    return otc_columns_take_time(columns, name, options->current, &run->current.time_column, err);
}

static otc_status
begin_row(void *arg, uint64_t row, int64_t time_ns, struct otc_error *err)
{
    struct otc_compare_run *run = arg;

    run->comparison.detect.row = row + 1;
    return run->comparison.k > 0 ? otc_windowing_row(&run->windowing, row, time_ns, err) : OTC_OK;
}

static bool
add_to_sample(void *arg, size_t feature, const struct otc_use *use, int64_t time_ns)
{
    struct otc_compare_run *run = arg;

    if (use->use == OTC_USE_NUMBER) {
        otc_input_components_add(run->components[feature], &run->current);
    }
    /* Without times a sample measures no dependence. */
    return otc_sample_add(run->samples[feature], use, run->independent ? INT64_MIN : time_ns) &&
           otc_detect_add(&run->comparison.detect, feature, use, time_ns) &&
           (run->comparison.k == 0 || otc_windowing_cell(&run->windowing, feature, use, time_ns));
}

static bool
add_to_window(void *arg, size_t feature, const struct otc_use *use, int64_t time_ns)
{
    struct otc_compare_run *run = arg;

    return otc_windowing_cell(&run->windowing, feature, use, time_ns);
}

size_t *
otc_compare_places_of_reference(const struct otc_compare_run *run)
{
    const struct otc_input *input = &run->reference_input;
    size_t *places = calloc(input->n_features + 1, sizeof(*places));

    for (size_t i = 0; places && i < input->n_features; i++) {
        places[i] = SIZE_MAX;
        for (size_t f = 0; f < run->comparison.n_features; f++) {
            const struct otc_reference_feature *feature = run->comparison.features[f].reference;

            if (feature->kind == input->features[i].kind &&
                otc_slice_equal(feature->name, input->features[i].name)) {
                places[i] = f;
            }
        }
    }
    return places;
}

/** The reference's own rows, window by window. */
static otc_status
cut_reference(struct otc_compare_run *run, const struct otc_compare_options *options, struct otc_error *err)
{
    struct otc_input_visitor visitor = {run, begin_row, add_to_window};
    size_t *places = NULL;
    otc_status status;

    if (!run->reference_input.table) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "--reference-windows: %s is a reference file, which has no rows: name the table it "
                        "was built from",
                        options->reference);
    }
    status = otc_table_rewind(run->reference_input.table, err);
    if (status == OTC_OK) {
        status = otc_windowing_init(&run->windowing, &run->comparison, &run->reference_input,
                                    options->incomplete, err);
    }
    if (status == OTC_OK) {
        places = otc_compare_places_of_reference(run);
        run->windowing.features = places;
        run->windowing.independent = run->independent;
        run->windowing.of_reference = true;
        status = places ? otc_input_visit(&run->reference_input, &visitor, err)
                        : otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    if (status == OTC_OK) {
        status = otc_windowing_finish(&run->windowing, err);
    }
    otc_windowing_release(&run->windowing);
    free(places);
    return status;
}

/** Feeds the current side's rows to all that want them. */
static otc_status
read_current(struct otc_compare_run *run, const struct otc_compare_options *options, struct otc_error *err)
{
    struct otc_input_visitor visitor = {run, begin_row, add_to_sample};
    otc_status status = OTC_OK;

    if (!otc_detect_init(&run->comparison.detect, &options->detectors, run->comparison.n_features)) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }

    if (run->comparison.k > 0) {
        if (options->reference_windows) {
            status = cut_reference(run, options, err);
        }
        if (status == OTC_OK) {
            status = otc_windowing_init(&run->windowing, &run->comparison, &run->current, options->incomplete,
                                        err);
        }
        run->windowing.independent = run->independent;
    }
    if (status == OTC_OK) {
        status = otc_input_visit(&run->current, &visitor, err);
    }
    if (status == OTC_OK && run->comparison.k > 0) {
        status = otc_windowing_finish(&run->windowing, err);
    }
    if (status == OTC_OK && run->comparison.k > 0 && run->comparison.n_windows == 0) {
        status =
            otc_fail(err, OTC_INVALID_ARGUMENT,
                     "%s fills no window: choose a shorter --window, or --incomplete keep", options->current);
    }
    return status;
}

static bool
is_compared(const struct otc_compare_run *run, const struct otc_reference_feature *feature)
{
    for (size_t i = 0; i < run->comparison.n_features; i++) {
        if (run->comparison.features[i].reference == feature) {
            return true;
        }
    }
    return false;
}

/** Columns on one side only, and those that are no features. */
static otc_status
list_others(struct otc_compare_run *run, struct otc_error *err)
{
    struct otc_comparison *c = &run->comparison;
    const struct otc_columns *current = &run->current.columns;
    const struct otc_columns *left = &run->reference_input.columns;

    c->others = calloc(run->reference->n_features + left->n + current->n + 1, sizeof(*c->others));
    if (!c->others) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    for (size_t i = 0; i < left->n; i++) {
        const char *reason = otc_input_left_out(&run->reference_input, i);

        if (reason) {
            c->others[c->n_others++] = (struct otc_not_compared){left->columns[i].name, reason, true, false};
        }
    }
    for (size_t i = 0; i < run->reference->n_features; i++) {
        const struct otc_reference_feature *feature = &run->reference->features[i];

        if (!is_compared(run, feature)) {
            c->others[c->n_others++] = (struct otc_not_compared){feature->name, NULL, true, false};
        }
    }
    for (size_t i = 0; i < current->n; i++) {
        struct otc_slice name = current->columns[i].name;

        if (otc_input_left_out(&run->current, i) && otc_columns_find(left, name) == SIZE_MAX) {
            c->others[c->n_others++] =
                (struct otc_not_compared){name, current->columns[i].left_out, false, true};
        }
    }
    return OTC_OK;
}

otc_status
otc_compared_evaluate(const struct otc_comparison *comparison, struct otc_sample **samples,
                      struct otc_compared_feature *out, struct otc_error *err)
{
    struct otc_feature_result *results = calloc(comparison->n_features + 1, sizeof(*results));
    otc_status status = OTC_OK;

    if (!results) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    for (size_t i = 0; status == OTC_OK && i < comparison->n_features; i++) {
        status = otc_sample_evaluate(samples[i], &comparison->decision, &results[i], err);
    }
    if (status == OTC_OK) {
        status = otc_evaluate_family(&comparison->decision, results, comparison->n_features, err);
    }
    for (size_t i = 0; status == OTC_OK && i < comparison->n_features; i++) {
        out[i] = (struct otc_compared_feature){results[i], otc_sample_observations(samples[i]),
                                               otc_sample_unseen(samples[i]), results[i].rejected};
    }
    free(results);
    return status;
}

/** All rows of the current side together. */
static otc_status
evaluate(struct otc_compare_run *run, struct otc_error *err)
{
    struct otc_comparison *c = &run->comparison;
    struct otc_compared_feature *out = calloc(c->n_features + 1, sizeof(*out));
    otc_status status = out ? otc_compared_evaluate(c, run->samples, out, err)
                            : otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");

    for (size_t i = 0; out && status == OTC_OK && i < c->n_features; i++) {
        c->features[i].result = out[i].result;
        c->features[i].result.components_moved = otc_input_components_moved(run->components[i], 0);
        c->features[i].observations = out[i].observations;
        c->features[i].unseen = out[i].unseen;
        c->n_drifted += out[i].detected;
        if (run->charts) {
            c->features[i].chart = malloc(sizeof(*c->features[i].chart));
            if (!c->features[i].chart || !otc_report_bins_make(run->samples[i], c->features[i].chart)) {
                status = otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
            }
        }
    }
    free(out);
    return status;
}

/** Names what each side has, so that one sees how the two differ. */
static otc_status
nothing_in_common(const struct otc_compare_run *run, const struct otc_compare_options *options,
                  struct otc_error *err)
{
    char features[160] = "", columns[160] = "";
    char name[OTC_SCREEN_NAME_BYTES];

    for (size_t i = 0, at = 0; i < run->reference->n_features && at < sizeof(features); i++) {
        (void)otc_screen_name(run->reference->features[i].name, name);
        at += (size_t)snprintf(features + at, sizeof(features) - at, "%s%s", i ? ", " : "", name);
    }
    for (size_t i = 0, at = 0; i < run->current.columns.n && at < sizeof(columns); i++) {
        (void)otc_screen_name(run->current.columns.columns[i].name, name);
        at += (size_t)snprintf(columns + at, sizeof(columns) - at, "%s%s", i ? ", " : "", name);
    }
    return otc_fail(err, OTC_INVALID_ARGUMENT,
                    "%s and %s have no feature in common: the reference has %s; the current columns are %s",
                    options->reference, options->current, *features ? features : "none", columns);
}

otc_status
otc_compare(struct otc_compare_run *run, const struct otc_compare_options *options, struct otc_error *err)
{
    static const struct otc_input_options any; /* the reference chooses */
    otc_status status;

    *run = (struct otc_compare_run){.independent = options->independent,
                                    .charts = options->format == OTC_COMPARE_HTML,
                                    .comparison = {.decision = options->decision,
                                                   .statistics = options->statistics,
                                                   .chunk_rule = options->chunk_rule,
                                                   .k = options->k,
                                                   .n = options->n}};
    if (!options->reference) {
        return otc_compare_alone(run, options, err);
    }
    status = open_reference(run, options, err);
    if (status == OTC_OK) {
        status = otc_input_open(&run->current, options->current, &any, err);
    }
    if (status == OTC_OK) {
        status = order_current(run, options, err);
    }
    if (status == OTC_OK) {
        status = match_columns(run, err);
    }
    if (status == OTC_OK && run->comparison.n_features == 0) {
        status = nothing_in_common(run, options, err);
    }
    if (status == OTC_OK) {
        status = read_current(run, options, err);
    }
    if (status == OTC_OK) {
        status = list_others(run, err);
    }
    if (status == OTC_OK) {
        status = otc_compare_list_notes(run, &options->input.categorical, err);
    }
    if (status == OTC_OK) {
        run->comparison.reference_path = options->reference;
        run->comparison.current_path = options->current;
        run->comparison.reference_hash = run->reference->hash;
        run->comparison.reference_rows = run->reference->rows;
        run->comparison.current_rows = run->current.columns.rows;
        status = evaluate(run, err);
    }
    return status;
}

void
otc_compare_release(struct otc_compare_run *run)
{
    for (size_t i = 0; run->samples && i < run->current.n_features; i++) {
        otc_sample_free(run->samples[i]);
        otc_input_components_free(run->components[i]);
    }
    free(run->samples);
    free(run->components);
    otc_windowing_release(&run->windowing);
    for (size_t i = 0; run->comparison.windows && i < run->comparison.n_windows; i++) {
        free(run->comparison.windows[i].features);
    }
    free(run->comparison.windows);
    for (size_t i = 0; run->comparison.features && i < run->comparison.n_features; i++) {
        free(run->comparison.features[i].chart);
    }
    for (size_t i = 0; i < run->comparison.n_notes; i++) {
        free(run->comparison.notes[i]);
    }
    free((void *)run->comparison.notes);
    otc_detect_release(&run->comparison.detect);
    free(run->comparison.features);
    free(run->comparison.others);
    free(run->named);
    otc_reference_unref(run->reference);
    otc_input_close(&run->reference_input);
    otc_input_close(&run->current);
}
