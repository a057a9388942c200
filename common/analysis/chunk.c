// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/chunk.h"

#include "common/base/clock.h"
#include "common/base/number.h"

/** Rows of a chunk, at most. */
#define MAX_ROWS INT64_C(1000000000000)
/** 1970-01-01 was a Thursday: a week began three days before. */
#define MONDAY (-3)

static int64_t
floor_to(int64_t position, int64_t size)
{
    return (position / size - (position % size < 0)) * size;
}

otc_status
otc_chunk_parse(struct otc_slice text, struct otc_chunk_rule *out, struct otc_error *err)
{
    static const struct {
        const char *word;
        struct otc_chunk_rule rule;
    } words[] = {{"H", {OTC_CHUNK_DURATION, OTC_HOUR}},
                 {"D", {OTC_CHUNK_DURATION, OTC_DAY}},
                 {"W", {OTC_CHUNK_WEEK, 0}},
                 {"M", {OTC_CHUNK_MONTH, 0}},
                 {"Q", {OTC_CHUNK_QUARTER, 0}},
                 {"Y", {OTC_CHUNK_YEAR, 0}}};
    otc_duration duration;
    int64_t rows;

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (otc_slice_equal_str(text, words[i].word)) {
            *out = words[i].rule;
            return OTC_OK;
        }
    }
    if (otc_parse_int64(text, &rows) && rows >= 1 && rows <= MAX_ROWS) {
        *out = (struct otc_chunk_rule){OTC_CHUNK_ROWS, rows};
        return OTC_OK;
    }
    if (!otc_parse_int64(text, &rows) && otc_duration_parse(text, &duration, NULL) == OTC_OK &&
        duration.ns >= OTC_MILLISECOND) {
        *out = (struct otc_chunk_rule){OTC_CHUNK_DURATION, duration.ns};
        return OTC_OK;
    }
    return otc_fail(
        err, OTC_INVALID_ARGUMENT,
        "'%.*s' is not allowed (1000: rows; 1h, 7d: a span of time; H, D, W, M, Q, Y: hours, days, "
        "weeks, months, quarters, years of the calendar)",
        OTC_SLICE_ARG(text));
}

/** Months of a calendar unit. */
static unsigned
months_of(enum otc_chunk_unit unit)
{
    return unit == OTC_CHUNK_MONTH ? 1 : unit == OTC_CHUNK_QUARTER ? 3 : 12;
}

static struct otc_chunk
calendar_chunk(enum otc_chunk_unit unit, int64_t position)
{
    unsigned width = months_of(unit);
    unsigned month, day;
    int64_t year;

    otc_date_from_days(floor_to(position, OTC_DAY) / OTC_DAY, &year, &month, &day);
    month = (month - 1) / width * width + 1;

    int64_t start = otc_days_from_date(year, month, 1);
    int64_t end = month + width > 12 ? otc_days_from_date(year + 1, month + width - 12, 1)
                                     : otc_days_from_date(year, month + width, 1);

    return (struct otc_chunk){start * OTC_DAY, end * OTC_DAY};
}

struct otc_chunk
otc_chunk_at(const struct otc_chunk_rule *rule, int64_t position)
{
    int64_t start;

    switch (rule->unit) {
    case OTC_CHUNK_ROWS:
    case OTC_CHUNK_DURATION:
        start = floor_to(position, rule->size);
        return (struct otc_chunk){start, start + rule->size};
    case OTC_CHUNK_WEEK:
        start = floor_to(position - MONDAY * OTC_DAY, 7 * OTC_DAY) + MONDAY * OTC_DAY;
        return (struct otc_chunk){start, start + 7 * OTC_DAY};
    case OTC_CHUNK_MONTH:
    case OTC_CHUNK_QUARTER:
    case OTC_CHUNK_YEAR:
        break;
    }
    return calendar_chunk(rule->unit, position);
}

void
otc_chunk_label(const struct otc_chunk_rule *rule, struct otc_chunk chunk, char out[OTC_CHUNK_LABEL])
{
    char time[32];
    int len = 10; /* the date */

    if (rule->unit == OTC_CHUNK_ROWS) {
        (void)snprintf(out, OTC_CHUNK_LABEL, "rows %lld to %lld", (long long)chunk.start + 1,
                       (long long)chunk.end);
        return;
    }
    otc_time_format(chunk.start, time);
    if (rule->unit == OTC_CHUNK_QUARTER) {
        (void)snprintf(out, OTC_CHUNK_LABEL, "%.4s-Q%c", time,
                       (char)('1' + (10 * (time[5] - '0') + (time[6] - '1')) / 3));
        return;
    }
    if (rule->unit == OTC_CHUNK_MONTH || rule->unit == OTC_CHUNK_YEAR) {
        len = rule->unit == OTC_CHUNK_MONTH ? 7 : 4;
    } else if (rule->unit == OTC_CHUNK_DURATION && rule->size % OTC_DAY != 0) {
        len = rule->size % OTC_MINUTE == 0 ? 16 : rule->size % OTC_SECOND == 0 ? 19 : 23;
        time[10] = ' ';
    }
    (void)snprintf(out, OTC_CHUNK_LABEL, "%.*s", len, time);
}

/** Go's spelling without the zeros at its end: "5m", "1h30m". */
static void
short_duration(int64_t ns, char out[32])
{
    size_t len;

    otc_duration_format((otc_duration){ns}, out);
    len = strlen(out);
    if (len > 2 && strcmp(out + len - 3, "m0s") == 0) {
        out[len - 2] = 0;
        len -= 2;
    }
    if (len > 2 && strcmp(out + len - 3, "h0m") == 0) {
        out[len - 2] = 0;
    }
}

void
otc_chunk_rule_text(const struct otc_chunk_rule *rule, char out[OTC_CHUNK_LABEL])
{
    char text[32];

    switch (rule->unit) {
    case OTC_CHUNK_ROWS:
        (void)snprintf(out, OTC_CHUNK_LABEL, "%lld row%s", (long long)rule->size, rule->size == 1 ? "" : "s");
        return;
    case OTC_CHUNK_DURATION:
        short_duration(rule->size, text);
        (void)snprintf(out, OTC_CHUNK_LABEL, "%s",
                       rule->size == OTC_DAY    ? "a day"
                       : rule->size == OTC_HOUR ? "an hour"
                                                : text);
        if (rule->size % OTC_DAY == 0 && rule->size != OTC_DAY) {
            (void)snprintf(out, OTC_CHUNK_LABEL, "%lld days", (long long)(rule->size / OTC_DAY));
        }
        return;
    case OTC_CHUNK_WEEK:
    case OTC_CHUNK_MONTH:
    case OTC_CHUNK_QUARTER:
    case OTC_CHUNK_YEAR:
        break;
    }
    (void)snprintf(out, OTC_CHUNK_LABEL, "a %s",
                   rule->unit == OTC_CHUNK_WEEK      ? "week"
                   : rule->unit == OTC_CHUNK_MONTH   ? "month"
                   : rule->unit == OTC_CHUNK_QUARTER ? "quarter"
                                                     : "year");
}

/** Whether a chunk goes on after the last row for longer than rows are apart. */
static bool
is_cut(const struct otc_chunk_rule *rule, struct otc_chunk chunk, int64_t first, int64_t last, uint64_t rows)
{
    double rest = (double)(chunk.end - last);
    double distance = rows > 1 ? (double)(last - first) / (double)(rows - 1) : 0;

    if (rule->unit == OTC_CHUNK_ROWS) {
        return last + 1 < chunk.end;
    }
    return rest > 0.1 * (double)(chunk.end - chunk.start) && rest > 3 * distance;
}

void
otc_chunk_plan_init(struct otc_chunk_plan *plan, const struct otc_chunk_rule *rule,
                    enum otc_incomplete incomplete, int64_t first, int64_t last, uint64_t rows)
{
    struct otc_chunk chunk = otc_chunk_at(rule, last);

    *plan = (struct otc_chunk_plan){.rule = *rule, .incomplete = incomplete};
    if (rows > 0 && is_cut(rule, chunk, first, last, rows)) {
        plan->cut = chunk;
        if (incomplete == OTC_INCOMPLETE_APPEND && chunk.start > first) {
            plan->before = otc_chunk_at(rule, chunk.start - 1);
        }
    }
}

bool
otc_chunk_plan_place(const struct otc_chunk_plan *plan, int64_t position, struct otc_chunk *out)
{
    bool last = position >= plan->cut.start && position < plan->cut.end;

    if (last && plan->incomplete == OTC_INCOMPLETE_DROP) {
        return false;
    }
    *out = otc_chunk_at(&plan->rule, position);
    if (plan->before.start < plan->before.end && (last || out->start == plan->before.start)) {
        *out = (struct otc_chunk){plan->before.start, plan->cut.end};
    }
    return true;
}

bool
otc_chunk_plan_is_incomplete(const struct otc_chunk_plan *plan, struct otc_chunk chunk)
{
    return plan->cut.start < plan->cut.end && chunk.start == plan->cut.start;
}
