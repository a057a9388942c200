// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/table.h"
#include "common/base/clock.h"
#include "common/base/map.h"

#include <math.h>
#include <strings.h>

/** Rows below which nothing is concluded from values that ascend one by one or all differ. */
#define MIN_ROWS 10
/** Different texts remembered a column; a column that gets there counts as all different. */
#define MAX_DISTINCT 1000000
/** Numbers that may be unix times: 1973 in seconds to 2096 in nanoseconds. */
#define MIN_UNIX_TIME 1e8
#define MAX_UNIX_TIME 4e18

/** Running facts of one column. */
struct profile {
    uint64_t missing, numbers, bools, texts, nested;
    double previous;
    bool sequence;   /* each number is the one before plus 1 */
    bool times;      /* every text is a stamp */
    bool unix_times; /* every number may be a unix time */
    bool repeated;   /* a text came twice */
    struct otc_map *texts_seen;
    int64_t first_ns, last_ns, previous_ns;
    bool timed, unordered;
    uint64_t other_row; /* of the first value that is no number, from 1; 0: none yet */
    char other[OTC_COLUMN_EXCERPT];
};

/** Notes when a row was, while the column may be one of times. */
static void
profile_time(struct profile *profile, int64_t ns)
{
    if (!profile->timed || ns < profile->first_ns) {
        profile->first_ns = ns;
    }
    if (!profile->timed || ns > profile->last_ns) {
        profile->last_ns = ns;
    }
    profile->unordered = profile->unordered || (profile->timed && ns < profile->previous_ns);
    profile->previous_ns = ns;
    profile->timed = true;
}

static void
profile_text(struct profile *profile, struct otc_slice text)
{
    int64_t ns;

    profile->texts++;
    profile->times = profile->times && otc_time_parse(text, &ns, NULL) == OTC_OK;
    if (profile->times) {
        profile_time(profile, ns);
    }
    if (profile->repeated) {
        return;
    }
    if (!profile->texts_seen) {
        profile->texts_seen = otc_map_new(MAX_DISTINCT);
    }
    if (!profile->texts_seen || otc_map_get(profile->texts_seen, text)) {
        profile->repeated = true;
        otc_map_free(profile->texts_seen, NULL);
        profile->texts_seen = NULL;
    } else {
        (void)otc_map_put(profile->texts_seen, text, profile);
    }
}

/** Keeps how the first value that is no number begins; whole characters. */
static void
profile_other(struct profile *profile, const struct otc_cell *cell)
{
    struct otc_slice text = cell->text;
    size_t len;

    if (profile->other_row > 0) {
        return;
    }
    if (cell->kind == OTC_CELL_BOOL && text.len == 0) {
        text = otc_slice_str(cell->truth ? "true" : "false");
    }
    len = text.len < OTC_COLUMN_EXCERPT ? text.len : OTC_COLUMN_EXCERPT - 1;
    while (len < text.len && len > 0 && (text.data[len] & 0xc0) == 0x80) {
        len--;
    }
    if (len > 0) {
        memcpy(profile->other, text.data, len);
    }
    profile->other[len] = 0;
    profile->other_row =
        1 + profile->missing + profile->numbers + profile->bools + profile->texts + profile->nested;
}

static void
profile_cell(struct profile *profile, const struct otc_cell *cell)
{
    if (cell->kind != OTC_CELL_MISSING && cell->kind != OTC_CELL_NUMBER) {
        profile_other(profile, cell);
    }
    switch (cell->kind) {
    case OTC_CELL_MISSING:
        profile->missing++;
        break;
    case OTC_CELL_NUMBER:
        /* From 2^53 on, adding 1 may give the same number. */
        profile->sequence = profile->sequence &&
                            (profile->numbers == 0 ||
                             (cell->number > profile->previous && cell->number == profile->previous + 1));
        profile->unix_times = profile->unix_times && otc_cell_time(cell) != INT64_MIN;
        if (profile->unix_times) {
            profile_time(profile, otc_cell_time(cell));
        }
        profile->previous = cell->number;
        profile->numbers++;
        break;
    case OTC_CELL_BOOL:
        profile->bools++;
        profile->repeated = true;
        break;
    case OTC_CELL_TEXT:
        profile_text(profile, cell->text);
        break;
    case OTC_CELL_NESTED:
        profile->nested++;
        break;
    }
}

/** Names under which numbers are taken for unix times. */
static bool
is_time_name(struct otc_slice name)
{
    static const char *const names[] = {"timestamp", "time",        "ts",         "datetime",
                                        "date",      "created_at",  "event_time", "start_time",
                                        "unix_time", "arrival_time"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (name.len == strlen(names[i]) && strncasecmp((const char *)name.data, names[i], name.len) == 0) {
            return true;
        }
    }
    return false;
}

/** What the facts mean. */
static void
conclude(const struct profile *profile, struct otc_column *column)
{
    uint64_t values = profile->numbers + profile->bools + profile->texts;
    bool numbers = profile->numbers > 0 && profile->numbers == values;

    column->missing = profile->missing;
    column->numbers = profile->numbers;
    column->others = profile->bools + profile->texts + profile->nested;
    column->other_row = profile->other_row;
    memcpy(column->other, profile->other, sizeof(column->other));
    column->content = values == 0                ? OTC_COLUMN_EMPTY
                      : numbers                  ? OTC_COLUMN_NUMBERS
                      : profile->bools == values ? OTC_COLUMN_BOOLS
                                                 : OTC_COLUMN_MIXED;
    column->type = numbers || values == 0 ? OTC_NUMERIC : OTC_CATEGORICAL;
    column->times = (numbers && profile->unix_times) ||
                    (profile->texts > 0 && profile->texts == values && profile->times);
    column->timestamps = column->times && (!numbers || is_time_name(column->name));
    column->first_ns = profile->first_ns;
    column->last_ns = profile->last_ns;
    column->ordered = column->times && !profile->unordered;
    if (profile->nested > 0) {
        column->left_out = "it holds arrays";
    } else if (values == 0) {
        column->left_out = "no values";
    } else if (column->timestamps) {
        column->left_out = "timestamps";
    } else if (numbers && profile->sequence && profile->missing == 0 && values >= MIN_ROWS) {
        column->left_out = "row numbers";
    } else if (profile->texts == values && !profile->repeated && values >= MIN_ROWS) {
        column->left_out = "every value is different";
    }
}

/** Makes room for the columns that a row added. */
static bool
grow_profiles(struct profile **profiles, size_t *n, size_t wanted, uint64_t rows_before)
{
    struct profile *more;

    if (wanted <= *n) {
        return true;
    }
    more = realloc(*profiles, wanted * sizeof(*more));
    if (!more) {
        return false;
    }
    for (size_t i = *n; i < wanted; i++) {
        more[i] =
            (struct profile){.sequence = true, .times = true, .unix_times = true, .missing = rows_before};
    }
    *profiles = more;
    *n = wanted;
    return true;
}

static otc_status
profile_rows(struct otc_table *table, struct profile **profiles, size_t *n, struct otc_error *err)
{
    for (;;) {
        bool more;
        otc_status status = otc_table_next(table, &more, err);

        if (status != OTC_OK || !more) {
            return status;
        }
        if (!grow_profiles(profiles, n, otc_table_columns(table), otc_table_rows(table) - 1)) {
            return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
        }
        for (size_t i = 0; i < *n; i++) {
            profile_cell(&(*profiles)[i], otc_table_cell(table, i));
        }
    }
}

/** Copies names and conclusions out of the pass. */
static bool
fill_columns(const struct otc_table *table, const struct profile *profiles, struct otc_columns *out)
{
    out->columns = calloc(out->n + 1, sizeof(*out->columns));
    for (size_t i = 0; out->columns && i < out->n; i++) {
        struct otc_slice name = otc_table_name(table, i);
        char *copy = strndup((const char *)name.data, name.len);

        if (!copy) {
            return false;
        }
        out->columns[i].name = otc_slice_of(copy, name.len);
        if (profiles) {
            conclude(&profiles[i], &out->columns[i]);
        }
    }
    return out->columns != NULL;
}

otc_status
otc_columns_read(struct otc_table *table, struct otc_columns *out, struct otc_error *err)
{
    struct otc_columns columns = {0};
    struct profile *profiles = NULL;
    size_t n = 0;
    otc_status status = profile_rows(table, &profiles, &n, err);

    if (status == OTC_OK && otc_table_rows(table) == 0) {
        status = otc_fail(err, OTC_INVALID_ARGUMENT, "%s: no rows below the header", otc_table_path(table));
    }
    if (status == OTC_OK) {
        columns.n = n;
        columns.rows = otc_table_rows(table);
        if (!fill_columns(table, profiles, &columns)) {
            status = otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
        }
    }
    for (size_t i = 0; i < n; i++) {
        otc_map_free(profiles[i].texts_seen, NULL);
    }
    free(profiles);
    if (status == OTC_OK) {
        status = otc_table_rewind(table, err);
    }
    if (status != OTC_OK) {
        otc_columns_release(&columns);
        return status;
    }
    *out = columns;
    return OTC_OK;
}

void
otc_columns_release(struct otc_columns *columns)
{
    for (size_t i = 0; columns->columns && i < columns->n; i++) {
        free((void *)(uintptr_t)columns->columns[i].name.data);
    }
    free(columns->columns);
    *columns = (struct otc_columns){0};
}

size_t
otc_columns_find(const struct otc_columns *columns, struct otc_slice name)
{
    for (size_t i = 0; i < columns->n; i++) {
        if (otc_slice_equal(columns->columns[i].name, name)) {
            return i;
        }
    }
    return SIZE_MAX;
}

size_t
otc_columns_time(const struct otc_columns *columns)
{
    size_t found = SIZE_MAX;

    for (size_t i = 0; i < columns->n; i++) {
        if (columns->columns[i].timestamps) {
            if (found != SIZE_MAX) {
                return SIZE_MAX;
            }
            found = i;
        }
    }
    return found;
}

otc_status
otc_columns_take_time(struct otc_columns *columns, const char *name, const char *path, size_t *out,
                      struct otc_error *err)
{
    size_t found = otc_columns_find(columns, otc_slice_str(name));

    if (found == SIZE_MAX) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "--timestamp: %s has no column '%s'", path, name);
    }
    if (!columns->columns[found].times) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "--timestamp: column '%s' of %s holds no timestamps (RFC 3339, or unix time in "
                        "seconds, milliseconds, microseconds or nanoseconds, in every row that has one)",
                        name, path);
    }
    columns->columns[found].timestamps = true;
    columns->columns[found].left_out = "timestamps";
    *out = found;
    return OTC_OK;
}

/** Unix seconds, milliseconds, microseconds or nanoseconds, told apart by magnitude. */
static int64_t
unix_time(double number)
{
    double scale = 1e9;

    if (!(number >= MIN_UNIX_TIME && number <= MAX_UNIX_TIME)) {
        return INT64_MIN;
    }
    while (number * scale >= 1e20) {
        scale /= 1e3;
    }
    return number * scale < 0x1p63 ? (int64_t)(number * scale) : INT64_MIN; /* later than 2262: no time */
}

int64_t
otc_cell_time(const struct otc_cell *cell)
{
    int64_t ns;

    if (cell->kind == OTC_CELL_NUMBER) {
        return unix_time(cell->number);
    }
    return cell->kind == OTC_CELL_TEXT && otc_time_parse(cell->text, &ns, NULL) == OTC_OK ? ns : INT64_MIN;
}

/** The text of a value that counts as a category. */
static void
use_text(const struct otc_cell *cell, enum otc_column_content content, struct otc_use *out)
{
    out->use = OTC_USE_TEXT;
    if (cell->kind == OTC_CELL_NUMBER && (content != OTC_COLUMN_MIXED || cell->text.len == 0)) {
        out->text = otc_slice_of(out->scratch, otc_canonical_number(cell->number, out->scratch));
    } else if (cell->kind == OTC_CELL_BOOL && content != OTC_COLUMN_MIXED) {
        out->text = otc_slice_str(cell->truth ? "true" : "false");
    } else {
        out->text = cell->text;
    }
}

void
otc_cell_use(const struct otc_cell *cell, enum otc_column_content content, enum otc_feature_type type,
             struct otc_use *out)
{
    out->use = OTC_USE_INVALID;
    if (cell->kind == OTC_CELL_MISSING || (cell->kind == OTC_CELL_NUMBER && isnan(cell->number))) {
        out->use = OTC_USE_MISSING;
    } else if (cell->kind == OTC_CELL_NESTED || (cell->kind == OTC_CELL_NUMBER && isinf(cell->number))) {
        out->use = OTC_USE_INVALID;
    } else if (type == OTC_CATEGORICAL) {
        use_text(cell, content, out);
    } else if (cell->kind == OTC_CELL_NUMBER) {
        out->use = OTC_USE_NUMBER;
        out->number = cell->number;
    }
}
