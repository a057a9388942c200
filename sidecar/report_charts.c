// SPDX-License-Identifier: Apache-2.0
#include "sidecar/report_charts.h"

#include "sidecar/report_html.h"

#include <math.h>

/** A rectangle to draw in. */
struct area {
    double x, y, width, height;
};

static double
largest_share(const struct otc_report_bins *bins)
{
    double largest = 0;

    for (size_t i = 0; i < bins->n; i++) {
        largest = fmax(largest, fmax(bins->reference[i], bins->current[i]));
    }
    return largest > 0 ? largest : 1;
}

/** The outline of a histogram, from the ground up and back. */
static void
steps(struct otc_buf *out, const char *style, const double *shares, size_t n, double top,
      const struct area *area)
{
    double ground = area->y + area->height;
    double width = area->width / (double)n;

    (void)otc_buf_printf(out, "<path class=\"%s\" d=\"M%.2f %.2f", style, area->x, ground);
    for (size_t i = 0; i < n; i++) {
        (void)otc_buf_printf(out, "V%.2fH%.2f", ground - area->height * shares[i] / top,
                             area->x + width * (double)(i + 1));
    }
    (void)otc_buf_printf(out, "V%.2f\"/>", ground);
}

/** Two bars beside each other for each category. */
static void
pairs(struct otc_buf *out, const struct otc_report_bins *bins, const struct area *area)
{
    double top = largest_share(bins);
    double slot = area->width / (double)bins->n;
    double bar = fmin(slot * 0.42, 14);

    for (size_t i = 0; i < bins->n; i++) {
        double middle = area->x + slot * ((double)i + 0.5);
        double r = area->height * bins->reference[i] / top;
        double c = area->height * bins->current[i] / top;

        (void)otc_buf_printf(out,
                             "<rect class=\"ref\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\"/>"
                             "<rect class=\"cur\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\"/>",
                             middle - bar, area->y + area->height - r, bar, r, middle,
                             area->y + area->height - c, bar, c);
    }
}

void
otc_chart_small(struct otc_buf *out, const struct otc_report_bins *bins)
{
    const struct area area = {1, 2, 138, 34};

    if (bins->n == 0) {
        (void)otc_buf_append_str(out, "<span class=\"quiet\">no values</span>");
        return;
    }
    (void)otc_buf_append_str(out, "<svg class=\"small\" viewBox=\"0 0 140 38\" aria-hidden=\"true\">");
    if (bins->categories) {
        pairs(out, bins, &area);
    } else {
        double top = largest_share(bins);

        steps(out, "ref", bins->reference, bins->n, top, &area);
        steps(out, "cur", bins->current, bins->n, top, &area);
    }
    (void)otc_buf_append_str(out,
                             "<line class=\"ground\" x1=\"0\" x2=\"140\" y1=\"36.5\" y2=\"36.5\"/></svg>");
}

void
otc_chart_bin_name(struct otc_buf *out, const struct otc_report_bins *bins, size_t bin)
{
    if (bins->categories) {
        (void)otc_buf_append_str(out, "<bdi>");
        otc_html_str(out, bins->labels[bin]);
        (void)otc_buf_append_str(out, "</bdi>");
        return;
    }
    otc_html_number(out, bins->edges[bin], 4);
    (void)otc_buf_append_str(out, " to ");
    otc_html_number(out, bins->edges[bin + 1], 4);
}

/** Lines across, with the shares that they stand for. */
static void
share_axis(struct otc_buf *out, double top, const struct area *area)
{
    for (int i = 0; i <= 2; i++) {
        double y = area->y + area->height * (1 - i / 2.0);

        (void)otc_buf_printf(out,
                             "<line class=\"%s\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>"
                             "<text class=\"tick\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%.*f %%</text>",
                             i ? "grid" : "ground", area->x, area->x + area->width, y, y, area->x - 6, y + 4,
                             top < 0.1 ? 1 : 0, 50 * top * i);
    }
}

/** A few of the edges below the axis. */
static void
number_axis(struct otc_buf *out, const struct otc_report_bins *bins, const struct area *area)
{
    size_t every = (bins->n + 5) / 6;

    for (size_t i = 0; i <= bins->n; i += every) {
        double x = area->x + area->width * (double)i / (double)bins->n;
        double edge = bins->edges[i];

        (void)otc_buf_printf(out, "<text class=\"tick\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">", x,
                             area->y + area->height + 16);
        otc_html_number(out, fabs(edge) < 1e-12 * fabs(bins->edges[bins->n]) ? 0 : edge,
                        bins->logarithmic ? 3 : 5);
        (void)otc_buf_append_str(out, "</text>");
    }
}

/** What a pointer on a bin says. */
static void
hints(struct otc_buf *out, const struct otc_report_bins *bins, const struct area *area)
{
    double width = area->width / (double)bins->n;

    for (size_t i = 0; i < bins->n; i++) {
        (void)otc_buf_printf(
            out, "<rect class=\"hit\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"><title>",
            area->x + width * (double)i, area->y, width, area->height);
        otc_html_number(out, bins->edges[i], 4);
        (void)otc_buf_append_str(out, " to ");
        otc_html_number(out, bins->edges[i + 1], 4);
        (void)otc_buf_append_str(out, ": reference ");
        otc_html_percent(out, bins->reference[i]);
        (void)otc_buf_append_str(out, ", current ");
        otc_html_percent(out, bins->current[i]);
        (void)otc_buf_append_str(out, "</title></rect>");
    }
}

/** Categories read better in lines: their name, two bars, two shares. */
static void
category_lines(struct otc_buf *out, const struct otc_report_bins *bins)
{
    double top = largest_share(bins);

    (void)otc_buf_append_str(out, "<table class=\"bars\"><tbody>");
    for (size_t i = 0; i < bins->n; i++) {
        (void)otc_buf_append_str(out, "<tr><th scope=\"row\">");
        otc_chart_bin_name(out, bins, i);
        (void)otc_buf_printf(
            out,
            "</th><td class=\"bar\"><svg viewBox=\"0 0 100 20\" preserveAspectRatio=\"none\" "
            "aria-hidden=\"true\"><rect class=\"ref\" y=\"1\" width=\"%.2f\" height=\"8\"/>"
            "<rect class=\"cur\" y=\"11\" width=\"%.2f\" height=\"8\"/></svg></td><td>",
            fmax(100 * bins->reference[i] / top, 0.2), fmax(100 * bins->current[i] / top, 0.2));
        otc_html_percent(out, bins->reference[i]);
        (void)otc_buf_append_str(out, "</td><td>→</td><td>");
        otc_html_percent(out, bins->current[i]);
        (void)otc_buf_append_str(out, "</td></tr>");
    }
    (void)otc_buf_append_str(out, "</tbody></table>");
}

static void
histogram(struct otc_buf *out, const struct otc_report_bins *bins)
{
    const struct area area = {52, 10, 540, 170};
    double top = largest_share(bins);

    (void)otc_buf_append_str(out, "<svg class=\"large\" viewBox=\"0 0 600 206\" role=\"img\" "
                                  "aria-label=\"Histogram of the reference and the current values\">");
    share_axis(out, top, &area);
    steps(out, "ref", bins->reference, bins->n, top, &area);
    steps(out, "cur", bins->current, bins->n, top, &area);
    number_axis(out, bins, &area);
    hints(out, bins, &area);
    (void)otc_buf_append_str(out, "</svg>");
}

void
otc_chart_large(struct otc_buf *out, const struct otc_report_bins *bins)
{
    if (bins->n == 0) {
        (void)otc_buf_append_str(out, "<p class=\"quiet\">No values to draw.</p>");
    } else if (bins->categories) {
        category_lines(out, bins);
    } else {
        histogram(out, bins);
    }
    if (bins->reference_outside >= 0.0005 || bins->current_outside >= 0.0005) {
        (void)otc_buf_append_str(out, "<p class=\"note\">Not drawn, beyond the axis: ");
        otc_html_percent(out, bins->reference_outside);
        (void)otc_buf_append_str(out, " of the reference, ");
        otc_html_percent(out, bins->current_outside);
        (void)otc_buf_append_str(out, " of the current values.</p>");
    }
    if (bins->logarithmic) {
        (void)otc_buf_append_str(out, "<p class=\"note\">The axis is logarithmic.</p>");
    }
}
