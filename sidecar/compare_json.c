// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/decision.h"
#include "common/base/clock.h"
#include "common/json/json.h"
#include "sidecar/compare.h"

#include <math.h>

static void
json_statistic(struct otc_json_writer *writer, const struct otc_statistic *row,
               const struct otc_feature_result *result)
{
    otc_json_key(writer, row->name);
    otc_json_begin_object(writer);
    otc_json_member_number(writer, "value", otc_statistic_number(result, row->value));
    for (size_t i = 0; i < OTC_STATISTIC_DETAILS && row->details[i].key; i++) {
        const struct otc_statistic_detail *detail = &row->details[i];

        if (detail->whole) {
            otc_json_member_count(writer, detail->key, *(const size_t *)((const char *)result + detail->at));
        } else {
            otc_json_member_number(writer, detail->key, otc_statistic_number(result, detail->at));
        }
    }
    otc_json_end_object(writer);
}

static void
json_statistics(struct otc_json_writer *writer, const struct otc_comparison *comparison,
                const struct otc_reference_feature *reference, const struct otc_feature_result *result)
{
    otc_json_key(writer, "statistics");
    otc_json_begin_object(writer);
    for (size_t i = 0; i < otc_n_statistics; i++) {
        const struct otc_statistic *row = &otc_statistics[i];

        if (otc_statistic_is_in(comparison->statistics, i) &&
            !(row->numeric && reference->type != OTC_NUMERIC)) {
            json_statistic(writer, row, result);
        }
    }
    otc_json_end_object(writer);
}

/** The effect of the test that decided, or of the one nearest to it. */
static double
deciding_effect(const struct otc_feature_result *r)
{
    enum otc_test best = otc_deciding_test(r);

    return best < OTC_N_TESTS ? r->tests[best].effect : NAN;
}

static void
json_moved(struct otc_json_writer *writer, const struct otc_feature_result *r)
{
    otc_json_key(writer, "moved");
    otc_json_begin_array(writer);
    for (size_t i = 0; i < r->n_moved; i++) {
        otc_json_begin_object(writer);
        otc_json_member_str(writer, "bin", r->moved[i].name);
        otc_json_member_number(writer, "reference_share", r->moved[i].reference_share);
        otc_json_member_number(writer, "current_share", r->moved[i].current_share);
        otc_json_end_object(writer);
    }
    otc_json_end_array(writer);
}

/** What a feature is called; the object stays open. */
static void
json_begin_named(struct otc_json_writer *writer, const struct otc_reference_feature *ref)
{
    otc_json_begin_object(writer);
    otc_json_key(writer, "name");
    otc_json_write_text(writer, ref->name);
    otc_json_member_str(writer, "kind", otc_feature_kind_name(ref->kind));
    otc_json_member_str(writer, "type", ref->type == OTC_NUMERIC ? "numeric" : "categorical");
}

/** What a feature of all rows and one of a window have in common; the object stays open. */
static void
json_begin_feature(struct otc_json_writer *writer, const struct otc_comparison *comparison,
                   const struct otc_reference_feature *ref, const struct otc_compared_feature *feature)
{
    const struct otc_feature_result *r = &feature->result;

    json_begin_named(writer, ref);
    otc_json_member_count(writer, "reference_observations", ref->observations);
    otc_json_member_count(writer, "window_observations", feature->observations);
    otc_json_member_number(writer, "missing", r->missing_share);
    otc_json_member_number(writer, "reference_missing", r->reference_missing_share);
    otc_json_member_count(writer, "unseen", feature->unseen);
    otc_json_member_number(writer, "design_effect", r->design_effect);
    json_statistics(writer, comparison, ref, r);
    otc_json_member_number(writer, "p_adjusted", r->p_adjusted);
    otc_json_member_number(writer, "effect", deciding_effect(r));
    otc_json_member_str(writer, "rejected_by",
                        r->rejected ? otc_rejected_by(&comparison->decision, r) : NULL);
    otc_json_member_str(writer, "skipped",
                        r->skipped != OTC_SKIP_NONE ? otc_skip_reason_name(r->skipped) : NULL);
    json_moved(writer, r);
    otc_json_member_bool(writer, "detected", feature->detected);
}

/** Rows from 1; the first OTC_DETECT_LISTED of them. */
static void
json_detectors(struct otc_json_writer *writer, const struct otc_detect *detect, size_t feature)
{
    if (detect->rules.n == 0) {
        return;
    }
    otc_json_key(writer, "detectors");
    otc_json_begin_object(writer);
    for (size_t rule = 0; rule < detect->rules.n; rule++) {
        const struct otc_detections *found = otc_detect_of(detect, feature, rule);

        otc_json_key(writer, otc_detector_name(detect->rules.items[rule].type));
        otc_json_begin_object(writer);
        otc_json_member_count(writer, "observations", found->observations);
        otc_json_member_count(writer, "changes", found->changes);
        otc_json_key(writer, "rows");
        otc_json_begin_array(writer);
        for (size_t i = 0; i < found->n_listed; i++) {
            otc_json_write_int(writer, (int64_t)found->listed[i].row);
        }
        otc_json_end_array(writer);
        otc_json_end_object(writer);
    }
    otc_json_end_object(writer);
}

static void
json_feature(struct otc_json_writer *writer, const struct otc_comparison *comparison,
             const struct otc_compared *compared)
{
    const struct otc_compared_feature feature = {compared->result, compared->observations, compared->unseen,
                                                 compared->result.rejected};

    if (comparison->reference_path) {
        json_begin_feature(writer, comparison, compared->reference, &feature);
    } else {
        json_begin_named(writer, compared->reference);
    }
    json_detectors(writer, &comparison->detect, (size_t)(compared - comparison->features));
    otc_json_end_object(writer);
}

/** Where a window begins and ends: rows counted from 1, or times. */
static void
json_chunk(struct otc_json_writer *writer, const struct otc_comparison *comparison, struct otc_chunk chunk)
{
    char time[32];

    if (comparison->chunk_rule.unit == OTC_CHUNK_ROWS) {
        otc_json_member_count(writer, "start", (uint64_t)chunk.start + 1);
        otc_json_member_count(writer, "end", (uint64_t)chunk.end);
        return;
    }
    otc_time_format(chunk.start, time);
    otc_json_member_str(writer, "start", time);
    otc_time_format(chunk.end, time);
    otc_json_member_str(writer, "end", time);
}

static void
json_window(struct otc_json_writer *writer, const struct otc_comparison *comparison,
            const struct otc_compared_window *window)
{
    otc_json_begin_object(writer);
    json_chunk(writer, comparison, window->chunk);
    otc_json_member_count(writer, "rows", window->rows);
    otc_json_member_bool(writer, "incomplete", window->incomplete);
    otc_json_member_bool(writer, "reference", window->of_reference);
    otc_json_key(writer, "features");
    otc_json_begin_array(writer);
    for (size_t i = 0; i < comparison->n_features; i++) {
        json_begin_feature(writer, comparison, comparison->features[i].reference, &window->features[i]);
        otc_json_member_bool(writer, "rejected", window->features[i].result.rejected);
        otc_json_end_object(writer);
    }
    otc_json_end_array(writer);
    otc_json_end_object(writer);
}

/** Writes what is there, so that a document of many windows takes little memory. */
static bool
flush_text(struct otc_buf *text, FILE *to)
{
    bool written = fwrite(text->data, 1, text->len, to) == text->len;

    otc_buf_clear(text);
    return written;
}

static bool
json_windows(struct otc_json_writer *writer, const struct otc_comparison *comparison, FILE *to)
{
    char text[OTC_CHUNK_LABEL];
    bool written = true;

    otc_chunk_rule_text(&comparison->chunk_rule, text);
    otc_json_member_str(writer, "window", text);
    (void)snprintf(text, sizeof(text), "%u of %u", comparison->k, comparison->n);
    otc_json_member_str(writer, "windows_rule", text);
    otc_json_member_count(writer, "rows_without_time", comparison->rows_without_time);
    otc_json_member_count(writer, "rows_dropped", comparison->rows_dropped);
    otc_json_key(writer, "windows");
    otc_json_begin_array(writer);
    for (size_t w = 0; w < comparison->n_windows && written; w++) {
        json_window(writer, comparison, &comparison->windows[w]);
        written = flush_text(writer->out, to);
    }
    otc_json_end_array(writer);
    return written;
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
        otc_json_member_str(writer, "reason", otc_not_compared_reason(other));
        otc_json_end_object(writer);
    }
    otc_json_end_array(writer);
}

static void
json_decision(struct otc_json_writer *writer, const struct otc_comparison *comparison)
{
    double drifted = (double)otc_comparison_drifted(comparison);

    otc_json_member_number(writer, "drifted_share",
                           comparison->n_features > 0 ? drifted / (double)comparison->n_features : NAN);
    otc_json_member_str(writer, "rule", otc_rule_words[comparison->decision.rule]);
    otc_json_member_str(writer, "correction", otc_correction_words[comparison->decision.correction]);
    otc_json_member_number(writer, "level", comparison->decision.level);
    otc_json_member_str(writer, "reference_hash", comparison->reference_hash);
}

static void
json_notes(struct otc_json_writer *writer, const struct otc_comparison *comparison)
{
    otc_json_key(writer, "notes");
    otc_json_begin_array(writer);
    for (size_t i = 0; i < comparison->n_notes; i++) {
        otc_json_write_text(writer, otc_slice_str(comparison->notes[i]));
    }
    otc_json_end_array(writer);
}

bool
otc_comparison_print_json(const struct otc_comparison *comparison, FILE *to)
{
    OTC_AUTO_BUF struct otc_buf text = {.limit = SIZE_MAX / 2};
    struct otc_json_writer writer = {.out = &text, .indent = 2};
    bool written = true;

    otc_json_begin_object(&writer);
    otc_json_key(&writer, "features");
    otc_json_begin_array(&writer);
    for (size_t i = 0; i < comparison->n_features; i++) {
        json_feature(&writer, comparison, &comparison->features[i]);
    }
    otc_json_end_array(&writer);
    if (comparison->reference_path) {
        json_decision(&writer, comparison);
    }
    json_others(&writer, comparison);
    json_notes(&writer, comparison);
    if (comparison->k > 0) {
        written = json_windows(&writer, comparison, to);
    }
    otc_json_end_object(&writer);
    return written && otc_json_writer_ok(&writer) && otc_buf_append_byte(&text, '\n') &&
           flush_text(&text, to) && fflush(to) == 0;
}
