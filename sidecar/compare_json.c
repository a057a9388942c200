// SPDX-License-Identifier: Apache-2.0
#include "common/json/json.h"
#include "sidecar/compare.h"

#include <math.h>

static void
json_number(struct otc_json_writer *writer, const char *key, double value)
{
    otc_json_key(writer, key);
    otc_json_write_number(writer, value);
}

static void
json_count(struct otc_json_writer *writer, const char *key, uint64_t value)
{
    otc_json_key(writer, key);
    otc_json_write_int(writer, (int64_t)value);
}

static void
json_text(struct otc_json_writer *writer, const char *key, const char *text)
{
    otc_json_key(writer, key);
    if (text) {
        otc_json_write_str(writer, text);
    } else {
        otc_json_write_null(writer);
    }
}

static void
json_statistic(struct otc_json_writer *writer, const struct otc_statistic *row,
               const struct otc_feature_result *result)
{
    otc_json_key(writer, row->name);
    otc_json_begin_object(writer);
    json_number(writer, "value", otc_statistic_number(result, row->value));
    for (size_t i = 0; i < OTC_STATISTIC_DETAILS && row->details[i].key; i++) {
        const struct otc_statistic_detail *detail = &row->details[i];

        if (detail->whole) {
            json_count(writer, detail->key, *(const size_t *)((const char *)result + detail->at));
        } else {
            json_number(writer, detail->key, otc_statistic_number(result, detail->at));
        }
    }
    otc_json_end_object(writer);
}

static void
json_statistics(struct otc_json_writer *writer, const struct otc_comparison *comparison,
                const struct otc_compared *compared)
{
    otc_json_key(writer, "statistics");
    otc_json_begin_object(writer);
    for (size_t i = 0; i < otc_n_statistics; i++) {
        const struct otc_statistic *row = &otc_statistics[i];

        if (otc_statistic_is_in(comparison->statistics, i) &&
            !(row->numeric && compared->reference->type != OTC_NUMERIC)) {
            json_statistic(writer, row, &compared->result);
        }
    }
    otc_json_end_object(writer);
}

/** The effect of the test that decided, or of the one nearest to it. */
static double
deciding_effect(const struct otc_feature_result *r)
{
    size_t best = OTC_N_TESTS;

    if (r->rejected) {
        return r->tests[r->rejected_by].effect;
    }
    for (size_t t = 0; t < OTC_N_TESTS; t++) {
        if (!isnan(r->tests[t].adjusted_p) &&
            (best == OTC_N_TESTS || r->tests[t].adjusted_p < r->tests[best].adjusted_p)) {
            best = t;
        }
    }
    return best < OTC_N_TESTS ? r->tests[best].effect : NAN;
}

static void
json_feature(struct otc_json_writer *writer, const struct otc_comparison *comparison,
             const struct otc_compared *compared)
{
    const struct otc_reference_feature *ref = compared->reference;
    const struct otc_feature_result *r = &compared->result;

    otc_json_begin_object(writer);
    otc_json_key(writer, "name");
    otc_json_write_text(writer, ref->name);
    json_text(writer, "kind", otc_feature_kind_name(ref->kind));
    json_text(writer, "type", ref->type == OTC_NUMERIC ? "numeric" : "categorical");
    json_count(writer, "reference_observations", ref->observations);
    json_count(writer, "window_observations", compared->observations);
    json_number(writer, "missing", r->missing_share);
    json_number(writer, "reference_missing", r->reference_missing_share);
    json_count(writer, "unseen", compared->unseen);
    json_number(writer, "design_effect", r->design_effect);
    json_statistics(writer, comparison, compared);
    json_number(writer, "p_adjusted", r->p_adjusted);
    json_number(writer, "effect", deciding_effect(r));
    json_text(writer, "rejected_by", r->rejected ? otc_test_name(r->rejected_by) : NULL);
    json_text(writer, "skipped", r->skipped != OTC_SKIP_NONE ? otc_skip_reason_name(r->skipped) : NULL);
    otc_json_key(writer, "detected");
    otc_json_write_bool(writer, r->rejected);
    otc_json_end_object(writer);
}

static void
json_others(struct otc_json_writer *writer, const struct otc_comparison *comparison)
{
    otc_json_key(writer, "not_compared");
    otc_json_begin_array(writer);
    for (size_t i = 0; i < comparison->n_others; i++) {
        const struct otc_not_compared *other = &comparison->others[i];

        otc_json_begin_object(writer);
        otc_json_key(writer, "name");
        otc_json_write_text(writer, other->name);
        json_text(writer, "reason",
                  other->reason         ? other->reason
                  : other->in_reference ? "only in the reference"
                                        : "only in the current data");
        otc_json_end_object(writer);
    }
    otc_json_end_array(writer);
}

bool
otc_comparison_print_json(const struct otc_comparison *comparison, FILE *to)
{
    OTC_AUTO_BUF struct otc_buf text = {.limit = SIZE_MAX / 2};
    struct otc_json_writer writer = {.out = &text, .indent = 2};

    otc_json_begin_object(&writer);
    otc_json_key(&writer, "features");
    otc_json_begin_array(&writer);
    for (size_t i = 0; i < comparison->n_features; i++) {
        json_feature(&writer, comparison, &comparison->features[i]);
    }
    otc_json_end_array(&writer);
    json_number(&writer, "drifted_share",
                comparison->n_features > 0 ? (double)comparison->n_drifted / (double)comparison->n_features
                                           : NAN);
    json_number(&writer, "level", comparison->decision.level);
    json_text(&writer, "reference_hash", comparison->reference_hash);
    json_others(&writer, comparison);
    otc_json_end_object(&writer);
    return otc_json_writer_ok(&writer) && otc_buf_append_byte(&text, '\n') &&
           fwrite(text.data, 1, text.len, to) == text.len && fflush(to) == 0;
}
