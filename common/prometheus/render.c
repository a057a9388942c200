// SPDX-License-Identifier: Apache-2.0
#include "common/prometheus/buckets.h"
#include "common/prometheus/page.h"
#include "common/prometheus/text.h"

#include <inttypes.h>
#include <math.h>

/** What all samples of one series share. */
struct line {
    const struct otc_exposition *page;
    const struct otc_prom_family *family;
    const struct otc_prom_series *series;
    const struct otc_prom_value *value;
    struct otc_buf *out;
    bool openmetrics;
};

/* ---- Names and labels ---------------------------------------------------------------------------- */

/** A name as it stands outside braces, or quoted where it has to. */
static void
put_name(struct otc_buf *out, struct otc_slice name, const char *suffix)
{
    bool quoted = !otc_prom_is_classic(name, false);

    if (quoted) {
        otc_buf_append_byte(out, '"');
        otc_prom_put_escaped(out, name, true);
    } else {
        otc_buf_append_slice(out, name);
    }
    otc_buf_append_str(out, suffix);
    if (quoted) {
        otc_buf_append_byte(out, '"');
    }
}

static void
put_label_name(const struct line *line, size_t i)
{
    struct otc_slice name = otc_prom_shown_name(&line->page->shown, line->series, i);
    bool quoted = !otc_prom_is_classic(name, true);

    otc_buf_append_str(line->out, quoted ? "\"" : "");
    otc_prom_put_escaped(line->out, name, true);
    otc_buf_append_str(line->out, quoted ? "\"" : "");
}

/** Everything up to the value: name, labels, and `le` or `quantile` last. */
static void
put_head(const struct line *line, const char *suffix, const char *extra, double extra_value)
{
    struct otc_buf *out = line->out;
    struct otc_slice name = line->family->name;
    bool quoted = !otc_prom_is_classic(name, false);
    bool open = quoted;

    if (quoted) {
        otc_buf_append_byte(out, '{');
    }
    put_name(out, name, suffix);
    for (size_t i = 0; i < line->series->n_labels; i++) {
        otc_buf_append_byte(out, open ? ',' : '{');
        open = true;
        put_label_name(line, i);
        otc_buf_append_str(out, "=\"");
        otc_prom_put_escaped(out, otc_prom_series_label(line->series, i).value, true);
        otc_buf_append_byte(out, '"');
    }
    if (extra) {
        otc_buf_append_byte(out, open ? ',' : '{');
        open = true;
        otc_buf_append_str(out, extra);
        otc_buf_append_str(out, "=\"");
        otc_prom_put_number(out, extra_value, line->openmetrics);
        otc_buf_append_byte(out, '"');
    }
    otc_buf_append_str(out, open ? "} " : " ");
}

/* ---- Samples ------------------------------------------------------------------------------------ */

static void
put_exemplar(const struct line *line, const struct otc_prom_exemplar *exemplar)
{
    otc_buf_append_str(line->out, " # {");
    otc_buf_append_slice(line->out, exemplar->labels);
    otc_buf_append_str(line->out, "} ");
    otc_prom_put_number(line->out, exemplar->value, true);
    if (exemplar->time_unix_nano > 0) {
        otc_buf_append_byte(line->out, ' ');
        otc_prom_put_seconds(line->out, exemplar->time_unix_nano);
    }
}

/** The point's time where it is wanted, an exemplar where there is one, and the line's end. */
static void
put_tail(const struct line *line, const struct otc_prom_exemplar *exemplar)
{
    if (line->page->options->send_timestamps && line->value->time_unix_nano > 0) {
        otc_buf_append_byte(line->out, ' ');
        if (line->openmetrics) {
            otc_prom_put_seconds(line->out, line->value->time_unix_nano);
        } else {
            otc_buf_printf(line->out, "%" PRIu64, line->value->time_unix_nano / 1000000);
        }
    }
    if (exemplar && line->openmetrics) {
        put_exemplar(line, exemplar);
    }
    otc_buf_append_byte(line->out, '\n');
}

static void
put_sample(const struct line *line, const char *suffix, double value,
           const struct otc_prom_exemplar *exemplar)
{
    put_head(line, suffix, NULL, 0);
    otc_prom_put_number(line->out, value, line->openmetrics);
    put_tail(line, exemplar);
}

static void
put_count(const struct line *line, const char *suffix, uint64_t count)
{
    put_head(line, suffix, NULL, 0);
    otc_buf_printf(line->out, "%" PRIu64, count);
    put_tail(line, NULL);
}

static void
put_created(const struct line *line)
{
    uint64_t start = line->value->start_unix_nano;

    if (line->openmetrics && line->page->options->created_samples && start > 0 &&
        start <= line->value->time_unix_nano) {
        put_head(line, "_created", NULL, 0);
        otc_prom_put_seconds(line->out, start);
        otc_buf_append_byte(line->out, '\n');
    }
}

/** The latest exemplar with a value in (above, upto]; NULL when there is none. */
static const struct otc_prom_exemplar *
find_exemplar(const struct otc_prom_value *value, double above, double upto)
{
    const struct otc_prom_exemplar *found = NULL;

    for (size_t i = 0; i < value->n_exemplars; i++) {
        const struct otc_prom_exemplar *exemplar = &value->exemplars[i];

        if ((exemplar->value > above || (isinf(above) && above < 0)) && exemplar->value <= upto &&
            (!found || exemplar->time_unix_nano >= found->time_unix_nano)) {
            found = exemplar;
        }
    }
    return found;
}

/* ---- Histograms and summaries -------------------------------------------------------------------- */

struct buckets {
    const struct line *line;
    double above;
    bool negative;
};

static void
put_bucket(void *arg, double le, uint64_t count)
{
    struct buckets *buckets = arg;
    const struct line *line = buckets->line;

    buckets->negative = buckets->negative || le < 0;
    put_head(line, "_bucket", "le", le);
    otc_buf_printf(line->out, "%" PRIu64, count);
    put_tail(line, find_exemplar(line->value, buckets->above, le));
    buckets->above = le;
}

static void
put_histogram(const struct line *line)
{
    struct buckets buckets = {.line = line, .above = -(double)INFINITY, .negative = line->value->negative};
    uint64_t total = otc_prom_buckets_total(line->value);
    bool has_sum = line->value->has_sum;

    otc_prom_buckets(line->value, put_bucket, &buckets);
    put_bucket(&buckets, (double)INFINITY, total);
    /* OpenMetrics: no sum that could fall or is no number, and a count exactly where there is a sum. */
    if (line->openmetrics && (buckets.negative || !(line->value->sum >= 0))) {
        has_sum = false;
    }
    if (has_sum) {
        put_sample(line, "_sum", line->value->sum, NULL);
    }
    if (has_sum || !line->openmetrics) {
        put_count(line, "_count", total);
    }
    put_created(line);
}

static void
put_summary(const struct line *line)
{
    for (size_t i = 0; i < line->value->n_quantiles; i++) {
        const struct otc_prom_quantile *quantile = &line->value->quantiles[i];

        if (!(quantile->quantile >= 0 && quantile->quantile <= 1) ||
            (line->openmetrics && quantile->value < 0)) {
            continue;
        }
        put_head(line, "", "quantile", quantile->quantile);
        otc_prom_put_number(line->out, quantile->value, line->openmetrics);
        put_tail(line, NULL);
    }
    if (line->value->has_sum && (!line->openmetrics || line->value->sum >= 0)) {
        put_sample(line, "_sum", line->value->sum, NULL);
    }
    put_count(line, "_count", line->value->count);
    put_created(line);
}

static void
put_series(const struct line *line)
{
    switch (line->family->type) {
    case OTC_PROM_COUNTER:
        put_sample(line, line->openmetrics ? "_total" : "", line->value->number,
                   find_exemplar(line->value, -(double)INFINITY, (double)INFINITY));
        put_created(line);
        break;
    case OTC_PROM_HISTOGRAM:
        put_histogram(line);
        break;
    case OTC_PROM_SUMMARY:
        put_summary(line);
        break;
    case OTC_PROM_INFO:
        put_sample(line, line->openmetrics ? "_info" : "", line->value->number, NULL);
        break;
    case OTC_PROM_GAUGE:
    case OTC_PROM_UNKNOWN:
    default:
        put_sample(line, "", line->value->number, NULL);
    }
}

/* ---- Families ----------------------------------------------------------------------------------- */

static const char *
type_word(enum otc_prom_type type, bool openmetrics)
{
    switch (type) {
    case OTC_PROM_COUNTER:
        return "counter";
    case OTC_PROM_GAUGE:
        return "gauge";
    case OTC_PROM_HISTOGRAM:
        return "histogram";
    case OTC_PROM_SUMMARY:
        return "summary";
    case OTC_PROM_INFO:
        return openmetrics ? "info" : "gauge";
    case OTC_PROM_UNKNOWN:
    default:
        return openmetrics ? "unknown" : "untyped";
    }
}

static void
put_comments(const struct otc_prom_family *family, bool openmetrics, struct otc_buf *out)
{
    otc_buf_append_str(out, "# HELP ");
    put_name(out, family->name, "");
    otc_buf_append_byte(out, ' ');
    otc_prom_put_escaped(out, family->first->help, openmetrics);
    otc_buf_append_str(out, "\n# TYPE ");
    put_name(out, family->name, "");
    otc_buf_append_byte(out, ' ');
    otc_buf_append_str(out, type_word(family->type, openmetrics));
    otc_buf_append_byte(out, '\n');
    if (openmetrics && family->first->unit.len > 0 && family->type != OTC_PROM_INFO) {
        otc_buf_append_str(out, "# UNIT ");
        put_name(out, family->name, "");
        otc_buf_append_byte(out, ' ');
        otc_buf_append_slice(out, family->first->unit);
        otc_buf_append_byte(out, '\n');
    }
}

void
otc_prom_render_family(struct otc_exposition *page, const struct otc_prom_family *family, struct otc_buf *out)
{
    struct line line = {.page = page,
                        .family = family,
                        .out = out,
                        .openmetrics = page->type.format == OTC_OPENMETRICS_1_0_0};

    put_comments(family, line.openmetrics, out);
    for (size_t i = 0; i < family->n; i++) {
        line.series = family->entries[i]->series;
        line.value = family->entries[i]->value;
        if (!otc_prom_shown_read(&page->shown, line.series, page->type.utf8_names)) {
            out->failed = true;
            return;
        }
        put_series(&line);
    }
}
