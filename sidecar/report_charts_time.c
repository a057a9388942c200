// SPDX-License-Identifier: Apache-2.0
#include "sidecar/report_charts.h"
#include "sidecar/report_html.h"

#include <math.h>

/** Where the line is drawn, within 600 x 170. */
#define LEFT 52.0
#define TOP 10.0
#define WIDTH 540.0
#define HEIGHT 126.0
/** Windows that a strip or a line draws one by one; of more, the worst of several stands for them. */
#define MAX_CELLS 400
/** Windows named below a line, when their names are short. */
#define TICKS 3

/** The windows that a chart draws. */
struct drawn {
    const struct otc_chart_series *series;
    size_t windows[MAX_CELLS];
    size_t n;
};

static const struct otc_compared_feature *
feature_at(const struct drawn *drawn, size_t i)
{
    return &drawn->series->comparison->windows[drawn->windows[i]].features[drawn->series->feature];
}

static double
value_at(const struct drawn *drawn, size_t i)
{
    return otc_statistic_number(&feature_at(drawn, i)->result, drawn->series->value);
}

static double
x_of(const struct drawn *drawn, double i)
{
    return LEFT + WIDTH * i / (double)drawn->n;
}

/** All windows, or of each group the one with the highest value. */
static void
choose_windows(const struct otc_chart_series *series, struct drawn *drawn)
{
    const struct otc_comparison *comparison = series->comparison;
    size_t n = comparison->n_windows;

    drawn->series = series;
    drawn->n = n < MAX_CELLS ? n : MAX_CELLS;
    for (size_t i = 0; i < drawn->n; i++) {
        double most = -1;

        drawn->windows[i] = n * i / drawn->n;
        for (size_t w = n * i / drawn->n; w < n * (i + 1) / drawn->n; w++) {
            double value =
                otc_statistic_number(&comparison->windows[w].features[series->feature].result, series->value);

            if (value > most) {
                most = value;
                drawn->windows[i] = w;
            }
        }
    }
}

/** Spans of windows for which `is` holds, shaded. */
static void
shade(struct otc_buf *out, const struct drawn *drawn, const char *style,
      bool (*is)(const struct drawn *drawn, size_t i))
{
    size_t n = drawn->n;

    for (size_t i = 0; i < n;) {
        size_t end = i;

        while (end < n && is(drawn, end)) {
            end++;
        }
        if (end > i) {
            double x = x_of(drawn, (double)i);

            (void)otc_buf_printf(out,
                                 "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>",
                                 style, x, TOP, x_of(drawn, (double)end) - x, HEIGHT);
        }
        i = end > i ? end : i + 1;
    }
}

static bool
is_detected(const struct drawn *drawn, size_t i)
{
    return feature_at(drawn, i)->detected;
}

static bool
is_reference(const struct drawn *drawn, size_t i)
{
    return drawn->series->comparison->windows[drawn->windows[i]].of_reference;
}

/** The highest value, or the threshold. */
static double
top_of(const struct drawn *drawn)
{
    double top = isnan(drawn->series->threshold) ? 0 : 1.25 * drawn->series->threshold;

    for (size_t i = 0; i < drawn->n; i++) {
        double value = value_at(drawn, i);

        top = value > top ? value : top;
    }
    return top <= 0 ? 1 : top <= 1 ? fmin(1.05 * top, 1) : 1.05 * top;
}

static void
line(struct otc_buf *out, const struct drawn *drawn, double top)
{
    bool drawing = false;

    (void)otc_buf_append_str(out, "<path class=\"line\" d=\"");
    for (size_t i = 0; i < drawn->n; i++) {
        double value = value_at(drawn, i);

        if (isnan(value)) {
            drawing = false;
            continue;
        }
        (void)otc_buf_printf(out, "%s%.1f %.1f", drawing ? "L" : "M", x_of(drawn, (double)i + 0.5),
                             TOP + HEIGHT * (1 - value / top));
        drawing = true;
    }
    (void)otc_buf_append_str(out, "\"/>");
}

static void
points(struct otc_buf *out, const struct drawn *drawn, double top)
{
    const struct otc_comparison *comparison = drawn->series->comparison;
    char label[OTC_CHUNK_LABEL];

    for (size_t i = 0; i < drawn->n; i++) {
        double value = value_at(drawn, i);

        if (isnan(value)) {
            continue;
        }
        otc_chunk_label(&comparison->chunk_rule, comparison->windows[drawn->windows[i]].chunk, label);
        (void)otc_buf_printf(out, "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"%s\"><title>%s: %s %.4g",
                             feature_at(drawn, i)->result.rejected ? "bad" : "point",
                             x_of(drawn, (double)i + 0.5), TOP + HEIGHT * (1 - value / top),
                             drawn->n > 80 ? "2" : "3.5", label, drawn->series->name, value);
        (void)otc_buf_append_str(out, "</title></circle>");
    }
}

static void
axes(struct otc_buf *out, const struct drawn *drawn, double top)
{
    const struct otc_comparison *comparison = drawn->series->comparison;
    size_t ticks = TICKS;
    char label[OTC_CHUNK_LABEL];

    for (int i = 0; i <= 2; i++) {
        double y = TOP + HEIGHT * (1 - i / 2.0);

        (void)otc_buf_printf(out,
                             "<line class=\"%s\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>"
                             "<text class=\"tick\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%.2g</text>",
                             i ? "grid" : "ground", LEFT, LEFT + WIDTH, y, y, LEFT - 6, y + 4, top * i / 2);
    }
    otc_chunk_label(&comparison->chunk_rule, comparison->windows[0].chunk, label);
    if (strlen(label) > strlen("2021-12-31")) {
        ticks = 2;
    }
    for (size_t k = 0; k < ticks && k < drawn->n; k++) {
        size_t i = k * (drawn->n - 1) / (ticks - 1);

        otc_chunk_label(&comparison->chunk_rule, comparison->windows[drawn->windows[i]].chunk, label);
        (void)otc_buf_printf(out, "<text class=\"tick\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>",
                             x_of(drawn, (double)i + 0.5), TOP + HEIGHT + 18,
                             i == 0              ? "start"
                             : i + 1 == drawn->n ? "end"
                                                 : "middle",
                             comparison->chunk_rule.unit == OTC_CHUNK_ROWS ? label + strlen("rows ") : label);
    }
}

void
otc_chart_over_time(struct otc_buf *out, const struct otc_chart_series *series)
{
    struct drawn drawn;
    double top;

    choose_windows(series, &drawn);
    top = top_of(&drawn);
    (void)otc_buf_printf(out,
                         "<svg class=\"large\" viewBox=\"0 0 600 166\" role=\"img\" aria-label=\"%s in each "
                         "window\">",
                         series->name);
    shade(out, &drawn, "before", is_reference);
    shade(out, &drawn, "span", is_detected);
    axes(out, &drawn, top);
    if (!isnan(series->threshold)) {
        double y = TOP + HEIGHT * (1 - series->threshold / top);

        (void)otc_buf_printf(out, "<line class=\"limit\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>",
                             LEFT, LEFT + WIDTH, y, y);
    }
    line(out, &drawn, top);
    points(out, &drawn, top);
    (void)otc_buf_append_str(out, "</svg>");
}

/** What a cell of a strip is drawn as. */
static const char *
cell_style(const struct otc_comparison *comparison, size_t feature, size_t first, size_t end)
{
    static const char *const styles[] = {"s0", "s1", "s2", "s3", "s4", "s5"};
    size_t worst = 0;

    for (size_t w = first; w < end; w++) {
        const struct otc_compared_feature *f = &comparison->windows[w].features[feature];
        size_t style = f->result.skipped != OTC_SKIP_NONE ? 0
                       : f->result.rejected               ? (f->detected ? 4 : 3)
                       : f->detected                      ? 2
                                                          : 1;

        worst = style > worst ? style : worst;
    }
    return styles[worst == 1 && comparison->windows[first].of_reference ? 5 : worst];
}

void
otc_chart_strip(struct otc_buf *out, const struct otc_comparison *comparison, size_t feature)
{
    size_t n = comparison->n_windows;
    size_t cells = n < MAX_CELLS ? n : MAX_CELLS;

    (void)otc_buf_printf(out,
                         "<svg class=\"strip\" viewBox=\"0 0 %zu 10\" preserveAspectRatio=\"none\" "
                         "aria-hidden=\"true\">",
                         cells);
    for (size_t i = 0; i < cells;) {
        const char *style = cell_style(comparison, feature, n * i / cells, n * (i + 1) / cells);
        size_t end = i + 1;

        while (end < cells &&
               cell_style(comparison, feature, n * end / cells, n * (end + 1) / cells) == style) {
            end++;
        }
        (void)otc_buf_printf(out, "<path class=\"%s\" d=\"", style);
        for (; i < end; i++) {
            (void)otc_buf_printf(out, "M%.2f 0h%.2fv10h-%.2fz", (double)i + 0.04, 0.92, 0.92);
        }
        (void)otc_buf_append_str(out, "\"/>");
    }
    (void)otc_buf_append_str(out, "</svg>");
}
