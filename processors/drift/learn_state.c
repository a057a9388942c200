// SPDX-License-Identifier: Apache-2.0
/* A learner across a restart. */
#include "processors/drift/learn_internal.h"

#include "common/base/codec.h"

/* Which feature of `n` has this column, from 1 on; 0: none. */
static size_t
feature_of(const size_t *columns, size_t n, size_t index)
{
    for (size_t i = 0; i < n; i++) {
        if (columns[i] == index + 1) {
            return i + 1;
        }
    }
    return 0;
}

static void
save_column(const struct drift_learner *learner, size_t index, struct otc_buf *out)
{
    const struct drift_column *column = &learner->columns[index];
    size_t cursor = 0;
    struct otc_slice text;
    void *value;

    otc_put_u64(out, feature_of(learner->of_known, otc_feature_set_count(learner->set), index));
    otc_put_u64(out, feature_of(learner->of_metric,
                                otc_metric_set_count(otc_feature_set_metrics(learner->set)), index));
    otc_put_bytes(out, column->name);
    otc_put_u64(out, column->kind);
    otc_put_u64(out, column->type);
    otc_put_u64(out, column->index);
    otc_put_u64(out, column->last_record);
    otc_put_u64(out, column->samples);
    otc_put_bool(out, column->gave_up);
    otc_put_u64(out, column->observations);
    otc_put_u64(out, column->texts ? otc_map_count(column->texts) : 0);
    while (column->texts && otc_map_next(column->texts, &cursor, &text, &value)) {
        otc_put_bytes(out, text);
    }
}

void
drift_learner_save(const struct drift_learner *learner, struct otc_buf *out)
{
    otc_put_u64(out, learner->records);
    otc_put_i64(out, learner->first_ns);
    otc_put_i64(out, learner->last_ns);
    otc_put_u64(out, learner->charged);
    otc_put_u64(out, learner->n);
    for (size_t i = 0; i < learner->n; i++) {
        save_column(learner, i, out);
    }
    otc_reference_builder_save(learner->builder, out);
}

static bool
load_texts(struct drift_learner *learner, struct drift_column *column, const struct otc_observed *observed,
           struct otc_reader *in)
{
    size_t n = otc_take_count(in, 1);

    column->texts = column->type == OTC_CATEGORICAL ? drift_learn_texts(learner, observed) : NULL;
    for (size_t i = 0; i < n; i++) {
        if (!column->texts || !otc_map_put(column->texts, otc_take_bytes(in), column)) {
            return false;
        }
    }
    return !in->failed && (column->type != OTC_CATEGORICAL || column->texts);
}

static bool
load_column(struct drift_learner *learner, struct otc_reader *in)
{
    uint64_t known = otc_take_u64(in), metric = otc_take_u64(in);
    struct otc_slice name = otc_take_bytes(in);
    struct otc_observed observed = {.feature = known ? known - 1 : OTC_FEATURE_DISCOVERED, .name = name};
    struct drift_column *column = &learner->columns[learner->n];
    uint8_t bytes[1 + DRIFT_CATEGORY_TEXT_MAX];
    uint64_t kind = otc_take_u64(in);
    struct otc_slice copy = drift_learn_copy_name(name);

    if (!copy.data) {
        return false;
    }
    observed.kind = (enum otc_feature_kind)kind;
    *column = (struct drift_column){.name = copy, .kind = observed.kind};
    learner->n++;
    column->type = otc_take_u64(in) ? OTC_CATEGORICAL : OTC_NUMERIC;
    column->index = otc_take_u64(in);
    column->last_record = otc_take_u64(in);
    column->samples = otc_take_u64(in);
    column->gave_up = otc_take_bool(in);
    column->observations = otc_take_u64(in);
    column->apart = metric > 0;
    if (in->failed || known > otc_feature_set_count(learner->set) ||
        metric > otc_metric_set_count(otc_feature_set_metrics(learner->set)) ||
        !load_texts(learner, column, &observed, in)) {
        return false;
    }
    if (known) {
        const struct otc_feature *feature = otc_feature_set_at(learner->set, known - 1);

        /* One that found no memory at its begin has no contents that say so. */
        column->apart = column->gave_up && (feature->vocabulary || feature->embedding);
        learner->of_known[known - 1] = learner->n;
        return true;
    }
    if (metric) {
        learner->of_metric[metric - 1] = learner->n;
        learner->observations =
            column->observations > learner->observations ? column->observations : learner->observations;
        return column->type == OTC_NUMERIC;
    }
    observed.name = column->name;
    return otc_map_put(learner->by_name, otc_slice_of(bytes, drift_learn_name_key(&observed, bytes)),
                       (void *)(uintptr_t)learner->n);
}

bool
drift_learner_load(struct drift_learner *learner, struct otc_reader *in)
{
    size_t charged, n;

    learner->records = otc_take_u64(in);
    learner->first_ns = otc_take_i64(in);
    learner->last_ns = otc_take_i64(in);
    charged = otc_take_u64(in);
    n = otc_take_count(in, 8);
    if (in->failed || n > learner->settings.max_features || !drift_learn_charge(learner, charged)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (!load_column(learner, in)) {
            return false;
        }
    }
    if (!otc_reference_builder_load(learner->builder, in)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (learner->columns[i].index >= n) {
            return false;
        }
    }
    return true;
}
