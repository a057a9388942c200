// SPDX-License-Identifier: Apache-2.0
#include "sidecar/report_bins.h"

#include <float.h>
#include <math.h>

/** Numbers looked at to see where the bulk of a side lies. */
#define PICKED 20000
/** Share of the numbers that may lie outside of the plot, on each end. */
#define TAIL 0.005
/** Bins aimed at. */
#define BINS 32
/** A tail this many times as long as the other end is shown on a logarithmic axis. */
#define SKEW 12
/** Categories told by name; the rest is "other". */
#define NAMED 8

/** The range that holds the bulk of a side, and its middle. */
struct bulk {
    double low, middle, high;
};

static struct bulk
bulk_of_sorted(const double *sorted, size_t n)
{
    return (struct bulk){sorted[(size_t)((double)(n - 1) * TAIL)], sorted[(n - 1) / 2],
                         sorted[(size_t)ceil((double)(n - 1) * (1 - TAIL))]};
}

/** Of the reference's cells: the points at which so many of its values are passed. */
static struct bulk
bulk_of_cells(const struct otc_cells *cells)
{
    const double wanted[3] = {TAIL * (double)cells->total, 0.5 * (double)cells->total,
                              (1 - TAIL) * (double)cells->total};
    double found[3] = {cells->points[0], cells->points[0], cells->points[0]};
    double passed = 0;
    size_t k = 0;

    for (size_t i = 0; i < cells->n && k < 3; i++) {
        passed += (double)cells->gap[i] + (double)cells->eq[i];
        while (k < 3 && passed >= wanted[k]) {
            found[k++] = cells->points[i];
        }
    }
    while (k < 3) {
        found[k++] = cells->points[cells->n - 1];
    }
    return (struct bulk){found[0], found[1], found[2]};
}

/** 1, 2, 2.5 or 5 times a power of ten, at least `step`. */
static double
nice_step(double step)
{
    double power = pow(10, floor(log10(step)));
    double lead = step / power;

    return (lead <= 1 ? 1 : lead <= 2 ? 2 : lead <= 2.5 ? 2.5 : lead <= 5 ? 5 : 10) * power;
}

static bool
all_integers(const struct otc_cells *cells)
{
    for (size_t i = 0; i < cells->n; i++) {
        if (cells->eq[i] > 0 && cells->points[i] != floor(cells->points[i])) {
            return false;
        }
    }
    return true;
}

static void
linear_edges(const struct bulk *bulk, bool integers, struct otc_report_bins *out)
{
    double width = fmin(bulk->high - bulk->low, DBL_MAX); /* a range may be longer than the largest double */
    double step = nice_step((width > 0 ? width : fmax(1, fabs(bulk->low))) / BINS);
    double first;

    step = integers ? fmax(1, round(step)) : step;
    first = floor(bulk->low / step);
    for (size_t i = 0; i <= OTC_REPORT_MAX_BINS; i++) {
        out->edges[i] = fmax(-DBL_MAX, fmin(DBL_MAX, (first + (double)i) * step));
        if (i > 0 && (out->edges[i] > bulk->high || out->edges[i] == DBL_MAX)) {
            out->n = i;
            return;
        }
    }
    out->n = OTC_REPORT_MAX_BINS;
}

static void
logarithmic_edges(const struct bulk *bulk, struct otc_report_bins *out)
{
    double low = log10(bulk->low);
    double end = fmin(nextafter(bulk->high, INFINITY), DBL_MAX), high = end;

    high = log10(high) > low ? log10(high) : low + 1;
    out->logarithmic = true;
    out->n = BINS;
    for (size_t i = 0; i <= BINS; i++) {
        out->edges[i] = fmin(pow(10, low + (high - low) * (double)i / BINS), DBL_MAX);
    }
    out->edges[0] = bulk->low;
    out->edges[BINS] = fmax(out->edges[BINS], end);
}

/** (high - low) / (to - from), also where a difference is beyond the largest double. */
static double
part(double low, double high, double from, double to)
{
    return isinf(to - from) ? (high / 2 - low / 2) / (to / 2 - from / 2) : (high - low) / (to - from);
}

/** Spreads what a capped reference has between two points evenly over the bins in between. */
static void
add_gap(double from, double to, double count, struct otc_report_bins *out)
{
    for (size_t b = 0; b < out->n; b++) {
        double low = fmax(from, out->edges[b]);
        double high = fmin(to, out->edges[b + 1]);

        if (high > low) {
            out->reference[b] += count * part(low, high, from, to);
        }
    }
}

static void
count_reference(const struct otc_cells *cells, struct otc_report_bins *out)
{
    size_t b = 0;

    for (size_t i = 0; i < cells->n; i++) {
        double point = cells->points[i];

        while (b < out->n && out->edges[b + 1] <= point) {
            b++;
        }
        if (b < out->n && point >= out->edges[0]) {
            out->reference[b] += (double)cells->eq[i];
        }
        if (i > 0 && cells->gap[i] > 0) {
            add_gap(cells->points[i - 1], point, (double)cells->gap[i], out);
        }
    }
}

/** Counts become shares of all values of their side. */
static void
make_shares(double reference_total, double current_total, struct otc_report_bins *out)
{
    out->reference_outside = 1;
    out->current_outside = 1;
    for (size_t i = 0; i < out->n; i++) {
        out->reference[i] = reference_total > 0 ? out->reference[i] / reference_total : 0;
        out->current[i] = current_total > 0 ? out->current[i] / current_total : 0;
        out->reference_outside -= out->reference[i];
        out->current_outside -= out->current[i];
    }
    out->reference_outside = reference_total > 0 ? fmax(0, out->reference_outside) : 0;
    out->current_outside = current_total > 0 ? fmax(0, out->current_outside) : 0;
}

/** Edges around the bulk of the values, and the reference's counts between them. */
static void
cut(const struct otc_cells *cells, const struct bulk *bulk, struct otc_report_bins *out)
{
    if (bulk->low > 0 && bulk->high - bulk->middle > SKEW * (bulk->middle - bulk->low)) {
        logarithmic_edges(bulk, out);
    } else {
        linear_edges(bulk, all_integers(cells), out);
    }
    count_reference(cells, out);
}

void
otc_report_bins_of_reference(const struct otc_reference_feature *feature, struct otc_report_bins *out)
{
    struct bulk bulk = bulk_of_cells(&feature->cells);

    *out = (struct otc_report_bins){0};
    cut(&feature->cells, &bulk, out);
    make_shares((double)feature->cells.total, 0, out);
}

static bool
number_bins(const struct otc_sample *sample, struct otc_report_bins *out)
{
    const struct otc_feature_window *window = otc_sample_window(sample);
    const struct otc_cells *cells = &window->reference->cells;
    struct bulk bulk = bulk_of_cells(cells);
    double *picked = malloc(PICKED * sizeof(*picked));
    uint64_t counts[OTC_REPORT_MAX_BINS];
    size_t n = picked ? otc_sample_pick(sample, picked, PICKED) : 0;

    if (n > 0) {
        struct bulk current = bulk_of_sorted(picked, n);

        bulk.low = fmin(bulk.low, current.low);
        bulk.high = fmax(bulk.high, current.high);
    }
    free(picked);
    cut(cells, &bulk, out);
    otc_sample_histogram(sample, out->edges, out->n + 1, counts);
    for (size_t i = 0; i < out->n; i++) {
        out->current[i] = (double)counts[i];
    }
    make_shares((double)cells->total, (double)window->observations, out);
    return picked != NULL;
}

static void
add_category(struct otc_report_bins *out, struct otc_slice name, uint64_t reference, uint64_t current)
{
    (void)snprintf(out->labels[out->n], OTC_REPORT_LABEL, "%.*s", OTC_SLICE_ARG(name));
    out->reference[out->n] = (double)reference;
    out->current[out->n++] = (double)current;
}

/** A feature of few distinct numbers: a bar for each. */
static bool
value_bins(const struct otc_sample *sample, struct otc_report_bins *out)
{
    const struct otc_feature_window *window = otc_sample_window(sample);
    const struct otc_reference_feature *ref = window->reference;
    size_t bins = otc_reference_bins(ref);
    uint64_t *counts = calloc(2 * bins + 1, sizeof(*counts));
    char number[32];

    if (!counts) {
        return false;
    }
    otc_reference_bin_counts(ref, ref->cells.eq, ref->cells.gap, counts);
    otc_reference_bin_counts(ref, window->cells.eq, window->cells.gap, counts + bins);
    for (size_t i = 0; i < bins && i < OTC_REPORT_MAX_CATEGORIES; i++) {
        if (i < ref->n_edges) {
            add_category(out, otc_slice_of(number, otc_canonical_number(ref->edges[i], number)), counts[i],
                         counts[bins + i]);
        } else if (counts[i] + counts[bins + i] > 0) {
            add_category(out, otc_slice_str("other values"), counts[i], counts[bins + i]);
        }
    }
    free(counts);
    out->categories = true;
    make_shares((double)ref->cells.total, (double)window->observations, out);
    return true;
}

/** A category of either side. */
struct candidate {
    struct otc_slice name;
    uint64_t reference, current;
    double weight;
};

static int
by_weight(const void *a, const void *b)
{
    const struct candidate *x = a;
    const struct candidate *y = b;

    return (x->weight < y->weight) - (x->weight > y->weight);
}

/** Those with the largest share on either side by name, the rest together. */
static void
tell_categories(struct candidate *all, size_t n, const struct otc_feature_window *window,
                struct otc_report_bins *out)
{
    const struct otc_reference_feature *ref = window->reference;
    uint64_t told_reference = 0, told_current = 0;
    uint64_t other;

    qsort(all, n, sizeof(*all), by_weight);
    for (size_t i = 0; i < n && i < NAMED; i++) {
        add_category(out, all[i].name, all[i].reference, all[i].current);
        told_reference += all[i].reference;
        told_current += all[i].current;
    }
    other = ref->observations > told_reference ? ref->observations - told_reference : 0;
    if (other > 0 || window->observations > told_current) {
        add_category(out, otc_slice_str("all others"), other,
                     window->observations > told_current ? window->observations - told_current : 0);
        out->rest = true;
    }
    out->categories = true;
    make_shares((double)ref->observations, (double)window->observations, out);
}

static bool
category_bins(const struct otc_sample *sample, struct otc_report_bins *out)
{
    const struct otc_feature_window *window = otc_sample_window(sample);
    const struct otc_reference_feature *ref = window->reference;
    const struct otc_category_counts *counts = &window->categories;
    struct candidate *all = calloc(ref->n_categories + counts->n_unseen_categories + 1, sizeof(*all));
    double n = fmax(1, (double)ref->observations);
    double m = fmax(1, (double)window->observations);
    size_t at = 0;

    for (size_t i = 0; all && i < ref->n_categories; i++) {
        all[at++] =
            (struct candidate){ref->categories[i].name, ref->categories[i].count, counts->known[i], 0};
    }
    for (size_t i = 0; all && i < counts->n_unseen_categories; i++) {
        all[at++] =
            (struct candidate){counts->unseen_categories[i].name, 0, counts->unseen_categories[i].count, 0};
    }
    for (size_t i = 0; i < at; i++) {
        all[i].weight = fmax((double)all[i].reference / n, (double)all[i].current / m);
    }
    if (all) {
        tell_categories(all, at, window, out);
    }
    free(all);
    return all != NULL;
}

static void
tell_quality(const struct otc_feature_window *window, struct otc_report_bins *out)
{
    const struct otc_cells *cells = &window->reference->cells;
    double records = (double)window->observations + (double)window->missing + (double)window->invalid;

    if (window->observations > 0 && window->reference->type == OTC_NUMERIC) {
        out->out_of_range =
            ((double)window->cells.gap[0] + (double)(cells->n > 0 ? window->cells.gap[cells->n] : 0)) /
            (double)window->observations;
    } else if (window->observations > 0) {
        out->unseen = (double)window->categories.unseen / (double)window->observations;
    }
    out->invalid = records > 0 ? (double)window->invalid / records : 0;
}

bool
otc_report_bins_make(const struct otc_sample *sample, struct otc_report_bins *out)
{
    const struct otc_reference_feature *ref = otc_sample_window(sample)->reference;

    *out = (struct otc_report_bins){0};
    tell_quality(otc_sample_window(sample), out);
    if (ref->type == OTC_CATEGORICAL) {
        return category_bins(sample, out);
    }
    if (ref->cells.n == 0) {
        return true;
    }
    return ref->value_bins ? value_bins(sample, out) : number_bins(sample, out);
}

size_t
otc_report_bins_moved(const struct otc_report_bins *bins, size_t out[OTC_REPORT_MOVED])
{
    size_t n = 0;

    while (n < OTC_REPORT_MOVED && n < bins->n) {
        size_t best = SIZE_MAX;

        for (size_t i = 0; i < bins->n - bins->rest; i++) {
            bool told = false;

            for (size_t k = 0; k < n; k++) {
                told = told || out[k] == i;
            }
            if (!told && (best == SIZE_MAX || fabs(bins->current[i] - bins->reference[i]) >
                                                  fabs(bins->current[best] - bins->reference[best]))) {
                best = i;
            }
        }
        if (best == SIZE_MAX || bins->current[best] == bins->reference[best]) {
            break;
        }
        out[n++] = best;
    }
    return n;
}
