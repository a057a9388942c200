// SPDX-License-Identifier: Apache-2.0
/*
 * ADWIN2 of Bifet and Gavalda: the window as an exponential histogram of buckets of 2^row values, up to
 * MAX_BUCKETS a row, each with sum and variance. Every `clock` values all cuts between buckets are tried;
 * where the means of both sides differ by more than the bound the oldest bucket goes. Order of operations as
 * in river, so that indices agree.
 */
#include "common/stats/detector_internal.h"

#include <math.h>
#include <string.h>

#define MAX_BUCKETS 5
/* 2^40 values and more. */
#define MAX_ROWS 40
#define MIN_SIDE 5
#define GRACE 10

enum { DELTA, CLOCK };

struct row {
    double sum[MAX_BUCKETS + 1];
    double variance[MAX_BUCKETS + 1];
    size_t n;
};

struct adwin {
    struct row rows[MAX_ROWS];
    size_t n_rows;
    double width, sum, variance;
    uint64_t ticks;
};

static size_t
bytes(const double *parameters)
{
    (void)parameters;
    return sizeof(struct adwin);
}

static void
reset(void *state, const double *parameters)
{
    struct adwin *adwin = state;

    (void)parameters;
    memset(adwin, 0, sizeof(*adwin));
    adwin->n_rows = 1;
}

static void
append(struct row *row, double sum, double variance)
{
    row->sum[row->n] = sum;
    row->variance[row->n++] = variance;
}

static void
drop_first(struct row *row, size_t n)
{
    row->n -= n;
    memmove(row->sum, row->sum + n, row->n * sizeof(double));
    memmove(row->variance, row->variance + n, row->n * sizeof(double));
}

/* Two buckets of a full row become one of the next. The last row stays as it is: it never fills in a life. */
static void
compress(struct adwin *adwin)
{
    for (size_t i = 0; i + 1 < MAX_ROWS && adwin->rows[i].n > MAX_BUCKETS; i++) {
        struct row *row = &adwin->rows[i];
        double n = ldexp(1, (int)i);
        double difference = row->sum[0] / n - row->sum[1] / n;

        append(&adwin->rows[i + 1], row->sum[0] + row->sum[1],
               row->variance[0] + row->variance[1] + n * n * difference * difference / (n + n));
        adwin->n_rows = i + 2 > adwin->n_rows ? i + 2 : adwin->n_rows;
        drop_first(row, 2);
    }
}

static void
insert(struct adwin *adwin, double value)
{
    append(&adwin->rows[0], value, 0);
    adwin->width++;
    if (adwin->width > 1) {
        double difference = value - adwin->sum / (adwin->width - 1);

        adwin->variance += (adwin->width - 1) * difference * difference / adwin->width;
    }
    adwin->sum += value;
    compress(adwin);
}

static void
delete_oldest(struct adwin *adwin)
{
    struct row *row = &adwin->rows[adwin->n_rows - 1];
    double n = ldexp(1, (int)adwin->n_rows - 1);
    double difference;

    adwin->width -= n;
    adwin->sum -= row->sum[0];
    difference = row->sum[0] / n - adwin->sum / adwin->width;
    adwin->variance -= row->variance[0] + n * adwin->width * difference * difference / (n + adwin->width);
    drop_first(row, 1);
    if (row->n == 0) {
        adwin->n_rows--;
    }
}

/* Whether the older n0 and the younger n1 values differ: the bound of Theorem 3.2 with the window's variance.
 */
static bool
differ(const struct adwin *adwin, double n0, double n1, double difference, double delta)
{
    double confidence = log(2 * log(adwin->width) / delta);
    double reciprocal = 1 / (n0 - MIN_SIDE + 1) + 1 / (n1 - MIN_SIDE + 1);
    double bound = sqrt(2 * reciprocal * (adwin->variance / adwin->width) * confidence) +
                   2.0 / 3 * confidence * reciprocal;

    return fabs(difference) > bound;
}

/* Whether some cut shows a change, trying the oldest first. */
static bool
has_cut(const struct adwin *adwin, double delta)
{
    double n0 = 0, n1 = adwin->width, sum0 = 0, sum1 = adwin->sum;

    for (size_t i = adwin->n_rows; i-- > 0;) {
        const struct row *row = &adwin->rows[i];
        double n = ldexp(1, (int)i);

        for (size_t k = 0; k < row->n && (i > 0 || k + 1 < row->n); k++) {
            n0 += n;
            n1 -= n;
            sum0 += row->sum[k];
            sum1 -= row->sum[k];
            if (n0 >= MIN_SIDE && n1 >= MIN_SIDE && differ(adwin, n0, n1, sum0 / n0 - sum1 / n1, delta)) {
                return true;
            }
        }
    }
    return false;
}

static enum otc_detector_signal
add(void *state, const double *parameters, double value)
{
    struct adwin *adwin = state;
    bool changed = false;

    insert(adwin, value);
    adwin->ticks++;
    if (adwin->ticks % (uint64_t)parameters[CLOCK] == 0 && adwin->width > GRACE) {
        while (adwin->width > MIN_SIDE && has_cut(adwin, parameters[DELTA])) {
            changed = true;
            delete_oldest(adwin);
        }
    }
    return changed ? OTC_DETECTOR_CHANGE : OTC_DETECTOR_STABLE;
}

static bool
holds(const void *state, const double *parameters)
{
    const struct adwin *adwin = state;
    double width = 0;

    (void)parameters;
    for (size_t i = 0; i < MAX_ROWS; i++) {
        bool used = i < adwin->n_rows, may_be_empty = !used || adwin->n_rows == 1;

        if (adwin->rows[i].n > (used ? (size_t)MAX_BUCKETS : 0) || (adwin->rows[i].n == 0 && !may_be_empty)) {
            return false;
        }
        width += ldexp((double)adwin->rows[i].n, (int)i);
    }
    return adwin->n_rows > 0 && adwin->n_rows <= MAX_ROWS && width == adwin->width;
}

static const struct otc_detector_parameter parameters[] = {
    [DELTA] = {"delta", 0.002, 1e-12, 1, false, "confidence: the lower, the fewer false alarms"},
    [CLOCK] = {"clock", 32, 1, 1e6, true, "values between two looks for a change"},
    {0},
};

const struct otc__detector_ops otc__adwin = {
    .name = "adwin", .parameters = parameters, .bytes = bytes, .reset = reset, .holds = holds, .add = add};
