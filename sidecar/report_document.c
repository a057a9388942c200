// SPDX-License-Identifier: Apache-2.0
#include "common/base/clock.h"
#include "sidecar/report.h"
#include "sidecar/report_charts.h"
#include "sidecar/report_feature.h"
#include "sidecar/report_html.h"

#include <math.h>

/** A document being written. */
struct document {
    const struct otc_comparison *comparison;
    size_t *order; /* features by falling severity */
    size_t charts; /* of them that are drawn */
    struct otc_buf out;
    FILE *to;
    bool failed;
};

/** Hands over what is there, so that the whole document is never in memory. */
static void
flush(struct document *d)
{
    d->failed = d->failed || d->out.failed || fwrite(d->out.data, 1, d->out.len, d->to) != d->out.len;
    otc_buf_clear(&d->out);
}

/** What orders the features: the verdict, then how far they are beyond what counts, in their worst window. */
static double
weight(const struct otc_comparison *comparison, size_t feature)
{
    double severity = otc_comparison_severity(comparison, &comparison->features[feature].result);

    for (size_t w = 0; w < comparison->n_windows; w++) {
        if (!comparison->windows[w].of_reference) {
            severity =
                fmax(severity,
                     otc_comparison_severity(comparison, &comparison->windows[w].features[feature].result));
        }
    }
    return 1e15 * (double)otc_report_verdict(comparison, feature) + severity;
}

struct weighted {
    size_t feature;
    double weight;
};

static int
by_weight(const void *a, const void *b)
{
    const struct weighted *x = a;
    const struct weighted *y = b;

    return x->weight != y->weight ? (x->weight < y->weight) - (x->weight > y->weight)
                                  : (x->feature > y->feature) - (x->feature < y->feature);
}

static bool
sort_features(struct document *d)
{
    size_t n = d->comparison->n_features;
    struct weighted *weighted = calloc(n + 1, sizeof(*weighted));

    d->order = calloc(n + 1, sizeof(*d->order));
    for (size_t i = 0; weighted && i < n; i++) {
        weighted[i] = (struct weighted){i, weight(d->comparison, i)};
    }
    if (weighted && d->order) {
        qsort(weighted, n, sizeof(*weighted), by_weight);
    }
    for (size_t i = 0; weighted && d->order && i < n; i++) {
        d->order[i] = weighted[i].feature;
    }
    d->charts = n < OTC_REPORT_MAX_CHARTS ? n : OTC_REPORT_MAX_CHARTS;
    free(weighted);
    return weighted && d->order;
}

static void
side(struct otc_buf *out, const char *style, const char *word, const char *path, uint64_t rows)
{
    (void)otc_buf_printf(out, "<dt><span class=\"key %s\">%s</span></dt><dd><bdi>", style, word);
    otc_html_str(out, strcmp(path, "-") == 0 ? "standard input" : path);
    (void)otc_buf_append_str(out, "</bdi>, ");
    otc_html_count(out, rows);
    (void)otc_buf_append_str(out, " rows</dd>");
}

static void
put_head(struct document *d, int64_t now_ns)
{
    const struct otc_comparison *c = d->comparison;
    size_t drifted = otc_comparison_drifted(c);
    char time[32];

    otc_time_format(now_ns, time);
    (void)otc_buf_append_str(&d->out,
                             "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta "
                             "name=\"viewport\" content=\"width=device-width,initial-scale=1\"><meta "
                             "http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                             "style-src 'unsafe-inline'\"><title>Drift: ");
    (void)otc_buf_printf(&d->out, "%zu of %zu features</title><style>%s%s%s%s</style></head><body><main>",
                         drifted, c->n_features, otc__report_colors, otc__report_page, otc__report_layout,
                         otc__report_parts);
    (void)otc_buf_printf(&d->out,
                         "<header class=\"card\"><h1>Drift report</h1><p class=\"verdict %s\">%s%zu of %zu "
                         "feature%s drifted</p>",
                         drifted > 0 ? "bad" : "good", drifted > 0 ? "▲ " : "✓ ", drifted, c->n_features,
                         c->n_features == 1 ? "" : "s");
    (void)otc_buf_append_str(&d->out, "<dl class=\"sides\">");
    side(&d->out, "r", "Reference", c->reference_path, c->reference_rows);
    side(&d->out, "c", "Current", c->current_path, c->current_rows);
    (void)otc_buf_printf(&d->out, "<dt>Compared</dt><dd>%.10s %.5s UTC, reference %.8s</dd></dl></header>\n",
                         time, time + 11, c->reference_hash);
}

static void
tile(struct otc_buf *out, size_t count, const char *what)
{
    (void)otc_buf_append_str(out, "<div class=\"tile\"><b>");
    otc_html_count(out, count);
    (void)otc_buf_printf(out, "</b><span>%s</span></div>", what);
}

static void
put_tiles(struct document *d)
{
    const struct otc_comparison *c = d->comparison;
    size_t verdicts[OTC_REPORT_DRIFT + 1] = {0};
    size_t windows = 0;

    for (size_t i = 0; i < c->n_features; i++) {
        verdicts[otc_report_verdict(c, i)]++;
    }
    for (size_t w = 0; w < c->n_windows; w++) {
        windows += !c->windows[w].of_reference;
    }
    (void)otc_buf_append_str(&d->out, "<div class=\"tiles\">");
    tile(&d->out, verdicts[OTC_REPORT_DRIFT], "drifted");
    if (c->k > 0) {
        tile(&d->out, verdicts[OTC_REPORT_ONCE], "drifted now and then");
    }
    tile(&d->out, verdicts[OTC_REPORT_STABLE], "stable");
    tile(&d->out, verdicts[OTC_REPORT_UNTESTED], "not tested");
    if (c->k > 0) {
        tile(&d->out, windows, "windows");
    }
    tile(&d->out, c->n_others, "columns not compared");
    (void)otc_buf_append_str(&d->out, "</div>\n");
}

/** Every drawn feature's verdicts, window by window. */
static void
put_windows(struct document *d)
{
    const struct otc_comparison *c = d->comparison;
    char rule[OTC_CHUNK_LABEL], first[OTC_CHUNK_LABEL], last[OTC_CHUNK_LABEL];

    if (c->n_windows == 0) {
        return;
    }
    otc_chunk_rule_text(&c->chunk_rule, rule);
    otc_chunk_label(&c->chunk_rule, c->windows[0].chunk, first);
    otc_chunk_label(&c->chunk_rule, c->windows[c->n_windows - 1].chunk, last);
    (void)otc_buf_printf(
        &d->out,
        "<h2>Over time</h2><p class=\"quiet\">Windows of %s%s. A feature is detected when %u of "
        "its last %u windows drifted.</p><div class=\"card\"><table class=\"over\"><tbody>",
        rule, c->windows[0].of_reference ? ", the reference's own first" : "", c->k, c->n);
    for (size_t i = 0; i < d->charts; i++) {
        (void)otc_buf_printf(&d->out, "<tr><th scope=\"row\"><a href=\"#f%zu\"><bdi>", d->order[i]);
        otc_html_text(&d->out, c->features[d->order[i]].reference->name);
        (void)otc_buf_append_str(&d->out, "</bdi></a></th><td class=\"strips\">");
        otc_chart_strip(&d->out, c, d->order[i]);
        (void)otc_buf_append_str(&d->out, "</td><td class=\"n\">");
        otc_report_chip(&d->out, c, d->order[i]);
        (void)otc_buf_append_str(&d->out, "</td></tr>\n");
        flush(d);
    }
    (void)otc_buf_printf(
        &d->out,
        "<tr><td></td><td class=\"strips\"><div class=\"ends\"><span>%s</span><span>%s%s</span>"
        "</div></td><td></td></tr></tbody></table>",
        first, last, c->windows[c->n_windows - 1].incomplete ? " (incomplete)" : "");
    (void)otc_buf_printf(&d->out,
                         "<p class=\"legend\">%s<span><i class=\"i1\"></i>stable</span><span><i class=\"i3\">"
                         "</i>drifted</span><span><i class=\"i4\"></i>drifted and detected</span><span><i "
                         "class=\"i2\"></i>detected still</span><span><i class=\"i0\"></i>not tested</span>"
                         "</p></div>\n",
                         c->windows[0].of_reference ? "<span><i class=\"i5\"></i>reference</span>" : "");
}

static void
put_table(struct document *d)
{
    const struct otc_comparison *c = d->comparison;

    (void)otc_buf_printf(&d->out,
                         "<h2>Features</h2><p class=\"quiet\">What drifted most comes first.%s</p><div "
                         "class=\"card\"><div class=\"scroll\"><table class=\"list\"><thead><tr><th "
                         "scope=\"col\">Feature</th><th scope=\"col\" class=\"left\">Verdict</th><th "
                         "scope=\"col\" class=\"left\"><span class=\"key r\"></span>to <span class=\"key "
                         "c\"></span></th>",
                         c->k > 0 ? " Verdicts are those of the windows, numbers those of all rows together."
                                  : "");
    for (size_t i = 0; i < otc_n_statistics; i++) {
        if (otc_comparison_shows(c, i)) {
            (void)otc_buf_printf(&d->out, "<th scope=\"col\"%s>%s</th>", i == 0 ? "" : " class=\"wide\"",
                                 otc_statistics[i].heading);
        }
    }
    (void)otc_buf_append_str(&d->out,
                             "<th scope=\"col\">Adjusted p</th><th scope=\"col\" class=\"wide\">Missing"
                             "</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < c->n_features; i++) {
        otc_report_line(&d->out, c, d->order[i], i < d->charts);
        flush(d);
    }
    (void)otc_buf_append_str(&d->out, "</tbody></table></div></div>\n");
}

static void
put_cards(struct document *d)
{
    const struct otc_comparison *c = d->comparison;

    (void)otc_buf_append_str(&d->out, "<h2>In detail</h2>");
    if (c->k > 0) {
        (void)otc_buf_append_str(&d->out,
                                 "<p class=\"quiet\">Over time: the dashed line is the smallest effect "
                                 "that counts, red points are windows that drifted, and the feature "
                                 "is detected where the ground is red.</p>");
    }
    if (d->charts < c->n_features) {
        (void)otc_buf_printf(&d->out,
                             "<p class=\"quiet\">The %zu features that drifted most; the other %zu are in "
                             "the table alone.</p>",
                             d->charts, c->n_features - d->charts);
    }
    for (size_t i = 0; i < d->charts; i++) {
        otc_report_card(&d->out, c, d->order[i]);
        flush(d);
    }
}

static void
put_foot(struct document *d)
{
    const struct otc_comparison *c = d->comparison;

    (void)otc_buf_append_str(&d->out, "<footer>");
    for (size_t i = 0; i < c->n_others; i++) {
        const struct otc_not_compared *other = &c->others[i];

        (void)otc_buf_append_str(&d->out, i == 0 ? "<p>Not compared: <bdi>" : ", <bdi>");
        otc_html_text(&d->out, other->name);
        (void)otc_buf_append_str(&d->out, "</bdi> (");
        otc_html_str(&d->out, otc_not_compared_reason(other));
        (void)otc_buf_append_byte(&d->out, ')');
    }
    (void)otc_buf_append_str(&d->out, c->n_others > 0 ? ".</p>" : "");
    for (size_t i = 0; i < c->n_notes; i++) {
        (void)otc_buf_append_str(&d->out, "<p>");
        otc_html_str(&d->out, c->notes[i]);
        (void)otc_buf_append_str(&d->out, ".</p>");
    }
    if (c->decision.rule == OTC_RULE_THRESHOLDS) {
        char rule[256];

        otc_comparison_rule_text(c, rule, sizeof(rule));
        (void)otc_buf_printf(
            &d->out,
            "<p>A feature drifts when a value reaches its threshold, however few rows it comes "
            "from: %s.</p>",
            rule);
    } else {
        (void)otc_buf_printf(
            &d->out,
            "<p>A feature drifts when the adjusted p-value of a test is at most %g (%s over all "
            "features%s) and its effect counts: KS D %g, PSI above its expectation %g, total "
            "variation %g, a difference of missing shares %g.</p>",
            c->decision.level, otc_correction_name(c->decision.correction), c->k > 0 ? " of a window" : "",
            c->decision.min_effect[OTC_TEST_KS], c->decision.min_effect[OTC_TEST_PSI],
            c->decision.min_effect[OTC_TEST_CHI_SQUARED], c->decision.min_effect[OTC_TEST_MISSING]);
    }
    (void)otc_buf_append_str(&d->out,
                             "<p>Made by otelcol-aimon compare.</p></footer></main></body></html>\n");
    flush(d);
}

bool
otc_report_write(const struct otc_comparison *comparison, int64_t now_ns, FILE *to)
{
    struct document d = {.comparison = comparison, .out = {.limit = SIZE_MAX / 2}, .to = to};

    if (sort_features(&d)) {
        put_head(&d, now_ns);
        put_tiles(&d);
        put_windows(&d);
        put_table(&d);
        put_cards(&d);
        put_foot(&d);
    } else {
        d.failed = true;
    }
    free(d.order);
    otc_buf_release(&d.out);
    return !d.failed && fflush(to) == 0 && !ferror(to);
}
