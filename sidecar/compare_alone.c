// SPDX-License-Identifier: Apache-2.0
/** @file Detectors over one table: `compare` without a reference. */
#include "sidecar/compare_run.h"

static otc_status
begin_row(void *arg, uint64_t row, int64_t time_ns, struct otc_error *err)
{
    struct otc_compare_run *run = arg;

    (void)time_ns;
    (void)err;
    run->comparison.detect.row = row + 1;
    return OTC_OK;
}

static bool
add_cell(void *arg, size_t feature, const struct otc_use *use, int64_t time_ns)
{
    struct otc_compare_run *run = arg;

    return otc_detect_add(&run->comparison.detect, feature, use, time_ns);
}

/** The table's features, of which nothing but names is known, and its other columns. */
static otc_status
list_features(struct otc_compare_run *run, struct otc_error *err)
{
    struct otc_comparison *c = &run->comparison;
    const struct otc_input *input = &run->current;

    run->named = calloc(input->n_features + 1, sizeof(*run->named));
    c->features = calloc(input->n_features + 1, sizeof(*c->features));
    c->others = calloc(input->columns.n + 1, sizeof(*c->others));
    if (!run->named || !c->features || !c->others) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    for (size_t i = 0; i < input->n_features; i++) {
        const struct otc_input_feature *feature = &input->features[i];

        run->named[i] = (struct otc_reference_feature){
            .name = feature->name, .type = feature->type, .kind = feature->kind};
        c->features[i].reference = &run->named[i];
    }
    c->n_features = input->n_features;
    for (size_t i = 0; i < input->columns.n; i++) {
        const char *reason = otc_input_left_out(input, i);

        if (reason) {
            c->others[c->n_others++] =
                (struct otc_not_compared){input->columns.columns[i].name, reason, false, true};
        }
    }
    return OTC_OK;
}

otc_status
otc_compare_alone(struct otc_compare_run *run, const struct otc_compare_options *options,
                  struct otc_error *err)
{
    const struct otc_input_visitor visitor = {run, begin_row, add_cell};
    otc_status status = otc_input_open(&run->current, options->current, &options->input, err);

    if (status == OTC_OK && run->current.n_features == 0) {
        status = otc_fail(err, OTC_INVALID_ARGUMENT, "%s: no column is a feature (choose with --columns)",
                          options->current);
    }
    if (status == OTC_OK) {
        status = list_features(run, err);
    }
    if (status == OTC_OK &&
        !otc_detect_init(&run->comparison.detect, &options->detectors, run->comparison.n_features)) {
        status = otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    if (status == OTC_OK) {
        run->comparison.current_path = options->current;
        run->comparison.current_rows = run->current.columns.rows;
        status = otc_input_visit(&run->current, &visitor, err);
    }
    return status;
}
