// SPDX-License-Identifier: Apache-2.0
#include "sidecar/report_feature.h"

#include "sidecar/report_charts.h"
#include "sidecar/report_html.h"

#include <math.h>

enum otc_report_verdict
otc_report_verdict(const struct otc_comparison *comparison, size_t feature)
{
    const struct otc_feature_result *result = &comparison->features[feature].result;
    enum otc_report_verdict verdict = OTC_REPORT_UNTESTED;

    if (comparison->k == 0) {
        return result->skipped != OTC_SKIP_NONE ? OTC_REPORT_UNTESTED
               : result->rejected               ? OTC_REPORT_DRIFT
                                                : OTC_REPORT_STABLE;
    }
    for (size_t w = 0; w < comparison->n_windows; w++) {
        const struct otc_compared_feature *f = &comparison->windows[w].features[feature];
        enum otc_report_verdict one = f->detected                          ? OTC_REPORT_DRIFT
                                      : f->result.rejected                 ? OTC_REPORT_ONCE
                                      : f->result.skipped == OTC_SKIP_NONE ? OTC_REPORT_STABLE
                                                                           : OTC_REPORT_UNTESTED;

        if (!comparison->windows[w].of_reference && one > verdict) {
            verdict = one;
        }
    }
    return verdict;
}

void
otc_report_chip(struct otc_buf *out, const struct otc_comparison *comparison, size_t feature)
{
    static const char *const words[] = {"Not tested", "✓ Stable", "Once", "▲ Drift"};
    static const char *const styles[] = {"mild", "good", "mild", "bad"};
    enum otc_report_verdict verdict = otc_report_verdict(comparison, feature);

    (void)otc_buf_printf(out, "<span class=\"chip %s\">%s</span>", styles[verdict], words[verdict]);
}

static void
name(struct otc_buf *out, const struct otc_reference_feature *reference)
{
    (void)otc_buf_append_str(out, "<bdi>");
    otc_html_text(out, reference->name);
    (void)otc_buf_append_str(out, "</bdi>");
}

static void
kind(struct otc_buf *out, const struct otc_reference_feature *reference)
{
    (void)otc_buf_printf(out, "%s, %s", otc_feature_kind_name(reference->kind),
                         reference->type == OTC_NUMERIC ? "numeric" : "categorical");
}

void
otc_report_line(struct otc_buf *out, const struct otc_comparison *comparison, size_t feature, bool linked)
{
    const struct otc_compared *compared = &comparison->features[feature];
    const struct otc_feature_result *result = &compared->result;

    (void)otc_buf_append_str(out, "<tr><th scope=\"row\">");
    if (linked) {
        (void)otc_buf_printf(out, "<a href=\"#f%zu\">", feature);
    }
    name(out, compared->reference);
    (void)otc_buf_append_str(out, linked ? "</a><small>" : "<small>");
    kind(out, compared->reference);
    (void)otc_buf_append_str(out, "</small></th><td class=\"left\">");
    otc_report_chip(out, comparison, feature);
    (void)otc_buf_append_str(out, "</td><td>");
    if (linked && compared->chart) {
        otc_chart_small(out, compared->chart);
    }
    (void)otc_buf_append_str(out, "</td>");
    for (size_t i = 0; i < otc_n_statistics; i++) {
        const struct otc_statistic *row = &otc_statistics[i];

        if (otc_comparison_shows(comparison, i)) {
            (void)otc_buf_printf(out, "<td%s>", row == &otc_statistics[0] ? "" : " class=\"wide\"");
            otc_html_number(out, otc_statistic_number(result, row->column), 3);
            (void)otc_buf_append_str(out, "</td>");
        }
    }
    (void)otc_buf_append_str(out, "<td>");
    otc_html_p(out, result->p_adjusted);
    (void)otc_buf_append_str(out, "</td><td class=\"wide\">");
    if (result->reference_missing_share == 0 && result->missing_share == 0) {
        (void)otc_buf_append_str(out, "<span class=\"quiet\">none</span>");
    } else {
        otc_html_percent(out, result->reference_missing_share);
        (void)otc_buf_append_str(out, " → ");
        otc_html_percent(out, result->missing_share);
    }
    (void)otc_buf_append_str(out, "</td></tr>\n");
}

/** The bins that moved most, before and after. */
static void
moved(struct otc_buf *out, const struct otc_report_bins *bins)
{
    size_t most[OTC_REPORT_MOVED];
    size_t n = otc_report_bins_moved(bins, most);

    if (n == 0) {
        return;
    }
    (void)otc_buf_append_str(out, "<h4>What moved most</h4><ul class=\"moved\">");
    for (size_t i = 0; i < n; i++) {
        (void)otc_buf_append_str(out, "<li><span>");
        otc_chart_bin_name(out, bins, most[i]);
        (void)otc_buf_append_str(out, "</span><b>");
        otc_html_percent(out, bins->reference[most[i]]);
        (void)otc_buf_append_str(out, " → ");
        otc_html_percent(out, bins->current[most[i]]);
        (void)otc_buf_append_str(out, "</b></li>");
    }
    (void)otc_buf_append_str(out, "</ul>");
}

/** The p-value that belongs to a statistic, NaN when none does. */
static double
p_of(const struct otc_statistic *row, const struct otc_feature_result *result)
{
    for (size_t i = 0; i < OTC_STATISTIC_DETAILS && row->details[i].key; i++) {
        if (strcmp(row->details[i].key, "p_value") == 0) {
            return otc_statistic_number(result, row->details[i].at);
        }
    }
    return NAN;
}

static void
statistics(struct otc_buf *out, const struct otc_comparison *comparison, const struct otc_compared *compared)
{
    (void)otc_buf_append_str(out,
                             "<h4>Statistics</h4><table class=\"facts\"><thead><tr><th scope=\"col\">"
                             "Distance</th><th scope=\"col\">Value</th><th scope=\"col\">Plain p</th></tr>"
                             "</thead><tbody>");
    for (size_t i = 0; i < otc_n_statistics; i++) {
        const struct otc_statistic *row = &otc_statistics[i];
        double value = otc_statistic_number(&compared->result, row->value);

        if (!row->not_selected && otc_statistic_is_in(comparison->statistics, i) && !isnan(value)) {
            (void)otc_buf_printf(out, "<tr><th scope=\"row\">%s</th><td>", row->name);
            otc_html_number(out, value, 5);
            (void)otc_buf_append_str(out, "</td><td>");
            otc_html_p(out, p_of(row, &compared->result));
            (void)otc_buf_append_str(out, "</td></tr>");
        }
    }
    (void)otc_buf_append_str(out, "</tbody></table>");
}

static void
quality_line(struct otc_buf *out, const char *what, double before, double after)
{
    (void)otc_buf_printf(out, "<tr><th scope=\"row\">%s</th><td>", what);
    otc_html_percent(out, before);
    (void)otc_buf_append_str(out, "</td><td>");
    otc_html_percent(out, after);
    (void)otc_buf_append_str(out, "</td></tr>");
}

static void
quality(struct otc_buf *out, const struct otc_compared *compared)
{
    const struct otc_reference_feature *ref = compared->reference;
    const struct otc_feature_result *result = &compared->result;

    (void)otc_buf_append_str(out,
                             "<h4>Data quality</h4><table class=\"facts\"><thead><tr><th scope=\"col\">Share"
                             "</th><th scope=\"col\"><span class=\"key r\">Reference</span></th><th "
                             "scope=\"col\"><span class=\"key c\">Current</span></th></tr></thead><tbody>");
    (void)otc_buf_append_str(out, "<tr><th scope=\"row\">values</th><td>");
    otc_html_count(out, ref->observations);
    (void)otc_buf_append_str(out, "</td><td>");
    otc_html_count(out, compared->observations);
    (void)otc_buf_append_str(out, "</td></tr>");
    quality_line(out, "missing", result->reference_missing_share, result->missing_share);
    if (compared->chart && compared->chart->invalid > 0) {
        quality_line(out, "of these invalid", NAN, compared->chart->invalid);
    }
    if (ref->type == OTC_NUMERIC) {
        quality_line(out, "out of range", 0, compared->chart ? compared->chart->out_of_range : (double)NAN);
    } else {
        quality_line(out, "unseen category", 0, compared->chart ? compared->chart->unseen : (double)NAN);
    }
    (void)otc_buf_append_str(out, "</tbody></table>");
}

static void
over_time(struct otc_buf *out, const struct otc_comparison *comparison, size_t feature)
{
    bool numeric = comparison->features[feature].reference->type == OTC_NUMERIC;
    const struct otc_chart_series series = {
        comparison, feature, numeric ? "KS D" : "Total variation",
        numeric ? offsetof(struct otc_feature_result, ks)
                : offsetof(struct otc_feature_result, total_variation),
        comparison->decision.min_effect[numeric ? OTC_TEST_KS : OTC_TEST_CHI_SQUARED]};

    (void)otc_buf_printf(out, "<h4>%s over time</h4>", series.name);
    otc_chart_over_time(out, &series);
}

static void
by_thresholds(struct otc_buf *out, const struct otc_comparison *comparison,
              const struct otc_feature_result *result)
{
    if (!result->rejected) {
        (void)otc_buf_append_str(out, "No value reaches its threshold.");
        return;
    }
    (void)otc_buf_printf(out, "%s by %s: ", comparison->k > 0 ? "All rows together differ" : "Drifted",
                         otc_rejected_by(&comparison->decision, result));
    otc_html_number(out, otc_threshold_value(result, result->over_threshold), 3);
    (void)otc_buf_printf(out, ", drifted from %g on.",
                         comparison->decision.thresholds[result->over_threshold]);
}

/** Why the verdict is what it is, in a sentence. */
static void
reason(struct otc_buf *out, const struct otc_comparison *comparison, const struct otc_compared *compared)
{
    const struct otc_feature_result *result = &compared->result;

    (void)otc_buf_append_str(out, "<p class=\"note\">");
    if (result->skipped != OTC_SKIP_NONE) {
        (void)otc_buf_printf(out, "Not tested: %s.", otc_skip_reason_name(result->skipped));
    } else if (comparison->decision.rule == OTC_RULE_THRESHOLDS) {
        by_thresholds(out, comparison, result);
    } else if (result->rejected) {
        const struct otc_test_result *test = &result->tests[result->rejected_by];

        (void)otc_buf_printf(out, "%s by %s: effect ",
                             comparison->k > 0 ? "All rows together differ" : "Drifted",
                             otc_test_name(result->rejected_by));
        otc_html_number(out, test->effect, 3);
        (void)otc_buf_printf(out, " (%g counts), adjusted p ",
                             comparison->decision.min_effect[result->rejected_by]);
        otc_html_p(out, test->adjusted_p);
        (void)otc_buf_append_byte(out, '.');
    } else {
        (void)otc_buf_append_str(out, "Least adjusted p ");
        otc_html_p(out, result->p_adjusted);
        (void)otc_buf_printf(out, "; a test rejects up to %g and with an effect that counts.",
                             comparison->decision.level);
    }
    if (result->design_effect > 1) {
        (void)otc_buf_printf(out, " Rows resemble their neighbours in time: p-values count %.3g rows as one.",
                             result->design_effect);
    }
    (void)otc_buf_append_str(out, "</p>");
}

void
otc_report_card(struct otc_buf *out, const struct otc_comparison *comparison, size_t feature)
{
    const struct otc_compared *compared = &comparison->features[feature];

    (void)otc_buf_printf(out, "<section class=\"card\" id=\"f%zu\"><div class=\"head\"><h3>", feature);
    name(out, compared->reference);
    (void)otc_buf_append_str(out, "</h3>");
    otc_report_chip(out, comparison, feature);
    (void)otc_buf_append_str(out, "<span class=\"quiet\">");
    kind(out, compared->reference);
    (void)otc_buf_append_str(out, "</span></div>");
    reason(out, comparison, compared);
    (void)otc_buf_append_str(out, "<div class=\"two\"><div><h4><span class=\"key r\">Reference</span> &nbsp; "
                                  "<span class=\"key c\">Current</span></h4>");
    if (compared->chart) {
        otc_chart_large(out, compared->chart);
    }
    if (comparison->n_windows > 0) {
        over_time(out, comparison, feature);
    }
    (void)otc_buf_append_str(out, "</div><div>");
    if (compared->chart) {
        moved(out, compared->chart);
    }
    statistics(out, comparison, compared);
    quality(out, compared);
    (void)otc_buf_append_str(out, "</div></div></section>\n");
}
