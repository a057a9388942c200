// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/table_internal.h"
#include "common/base/number.h"

#include <math.h>

/** pandas.read_csv's default na_values. */
static const char *const missing_tokens[] = {
    "",     "#N/A", "#N/A N/A", "#NA",  "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
    "<NA>", "N/A",  "NA",       "NULL", "NaN",     "None",     "n/a",  "nan",  "null"};
/** What pandas takes for booleans. */
static const char *const true_tokens[] = {"True", "TRUE", "true"};
static const char *const false_tokens[] = {"False", "FALSE", "false"};

/** Longest of them. */
#define MAX_TOKEN 9
#define LENGTH_OF(array) (sizeof(array) / sizeof((array)[0]))

static bool
is_one_of(struct otc_slice text, const char *const *tokens, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (otc_slice_equal_str(text, tokens[i])) {
            return true;
        }
    }
    return false;
}

/** A decimal number, blanks around it allowed as pandas does; no hexadecimal. */
static bool
read_number(struct otc_slice text, double *out)
{
    while (text.len > 0 && (text.data[0] == ' ' || text.data[0] == '\t')) {
        text = otc_slice_skip(text, 1);
    }
    while (text.len > 0 && (text.data[text.len - 1] == ' ' || text.data[text.len - 1] == '\t')) {
        text.len--;
    }
    if (text.len == 0 || memchr(text.data, 'x', text.len) || memchr(text.data, 'X', text.len)) {
        return false;
    }
    return otc_parse_double(text, out);
}

static void
classify(struct otc_slice text, struct otc_cell *cell)
{
    *cell = (struct otc_cell){.kind = OTC_CELL_TEXT, .text = text};
    if (read_number(text, &cell->number)) {
        cell->kind = isnan(cell->number) ? OTC_CELL_MISSING : OTC_CELL_NUMBER;
    } else if (text.len <= MAX_TOKEN && is_one_of(text, missing_tokens, LENGTH_OF(missing_tokens))) {
        cell->kind = OTC_CELL_MISSING;
    } else if (is_one_of(text, true_tokens, LENGTH_OF(true_tokens))) {
        cell->kind = OTC_CELL_BOOL;
        cell->truth = true;
    } else if (is_one_of(text, false_tokens, LENGTH_OF(false_tokens))) {
        cell->kind = OTC_CELL_BOOL;
    }
}

/** How a field ended. */
enum field_end { FIELD_COMMA, FIELD_LINE, FIELD_FILE, FIELD_BROKEN, FIELD_TOO_LONG };

/** Takes the rest of a line end that began with `byte`. */
static enum field_end
end_of_line(struct otc_table *table, int byte)
{
    if (byte == '\r') {
        int next = otc__table_byte(table);

        if (next != '\n' && next != EOF) {
            otc__table_unread(table);
        }
    }
    table->lines++;
    return FIELD_LINE;
}

/** The inside of quotes, up to the closing one; a doubled quote is one. */
static enum field_end
quoted_part(struct otc_table *table)
{
    for (;;) {
        int byte = otc__table_byte(table);

        if (byte == EOF) {
            return FIELD_BROKEN;
        }
        if (byte == '"') {
            byte = otc__table_byte(table);
            if (byte != '"') {
                if (byte != EOF) {
                    otc__table_unread(table);
                }
                return FIELD_COMMA;
            }
        }
        table->lines += byte == '\n';
        if (!otc_buf_append_byte(&table->row, (uint8_t)byte)) {
            return FIELD_TOO_LONG;
        }
    }
}

/** Appends one field to the row's bytes. */
static enum field_end
read_field(struct otc_table *table, struct otc__field *field)
{
    *field = (struct otc__field){.start = table->row.len};
    for (;;) {
        int byte = otc__table_byte(table);
        enum field_end end = FIELD_COMMA;

        field->len = table->row.len - field->start;
        if (byte == EOF) {
            return FIELD_FILE;
        }
        if (byte == ',') {
            return FIELD_COMMA;
        }
        if (byte == '\n' || byte == '\r') {
            return end_of_line(table, byte);
        }
        if (byte == '"' && field->len == 0 && !field->quoted) {
            field->quoted = true;
            end = quoted_part(table);
        } else if (!otc_buf_append_byte(&table->row, (uint8_t)byte)) {
            end = FIELD_TOO_LONG;
        }
        if (end != FIELD_COMMA) {
            return end;
        }
    }
}

static otc_status
field_failure(const struct otc_table *table, enum field_end end, struct otc_error *err)
{
    char what[96];

    if (end == FIELD_BROKEN) {
        return otc__table_fail(table, table->line, err, "a quoted field of this row never ends");
    }
    (void)snprintf(what, sizeof(what), "the row is longer than %zu MiB", OTC_TABLE_MAX_ROW >> 20);
    return otc__table_fail(table, table->line, err, what);
}

/** Header names: a separator other than the comma shows as one long name. */
static otc_status
add_names(struct otc_table *table, const struct otc__field *fields, size_t n, struct otc_error *err)
{
    char name[32];

    for (size_t i = 0; i < n; i++) {
        struct otc_slice text = otc_slice_of(table->row.data + fields[i].start, fields[i].len);

        if (n == 1 && !fields[0].quoted && text.len > 0 &&
            (memchr(text.data, ';', text.len) || memchr(text.data, '\t', text.len))) {
            return otc__table_fail(
                table, table->line, err,
                "the header has no comma but another separator; only comma-separated files are read");
        }
        if (text.len == 0) {
            (void)snprintf(name, sizeof(name), "Unnamed: %zu", i);
            text = otc_slice_str(name);
        }
        for (size_t j = 0; j < table->n; j++) {
            if (otc_slice_equal(table->names[j], text)) {
                return otc_fail(err, OTC_INVALID_ARGUMENT, "%s:%llu: column '%.*s' is there twice",
                                table->path, (unsigned long long)table->line, OTC_SLICE_ARG(text));
            }
        }
        if (otc__table_add_column(table, text) == SIZE_MAX) {
            return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
        }
    }
    return OTC_OK;
}

otc_status
otc__csv_header(struct otc_table *table, struct otc_error *err)
{
    struct otc__field *fields = calloc(OTC_TABLE_MAX_COLUMNS, sizeof(*fields));
    enum field_end end = FIELD_COMMA;
    otc_status status = OTC_OK;
    size_t n = 0;

    if (!fields) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    otc_buf_clear(&table->row);
    table->line = table->lines + 1;
    while (end == FIELD_COMMA && n < OTC_TABLE_MAX_COLUMNS) {
        end = read_field(table, &fields[n++]);
    }
    if (end == FIELD_COMMA) {
        status = otc_fail(err, OTC_INVALID_ARGUMENT, "%s:%llu: more than %d columns", table->path,
                          (unsigned long long)table->line, OTC_TABLE_MAX_COLUMNS);
    } else if (end == FIELD_BROKEN || end == FIELD_TOO_LONG) {
        status = field_failure(table, end, err);
    } else {
        status = add_names(table, fields, n, err);
    }
    free(fields);
    return status;
}

/** Offsets become slices once the row's bytes no longer move. */
static void
set_cells(struct otc_table *table)
{
    for (size_t i = 0; i < table->n; i++) {
        /* While the row was read, `number` held nothing and `text` the offset and length. */
        struct otc_slice text = table->cells[i].text;

        classify(otc_slice_of(table->row.data + (uintptr_t)text.data, text.len), &table->cells[i]);
    }
}

/** Reads fields until the line ends; counts them all, keeps those that have a column. */
static enum field_end
read_fields(struct otc_table *table, size_t *count)
{
    struct otc__field field;
    enum field_end end;

    *count = 0;
    do {
        end = read_field(table, &field);
        if (*count < table->n) {
            table->cells[*count].text =
                (struct otc_slice){(const uint8_t *)(uintptr_t)field.start, field.len};
        }
        (*count)++;
    } while (end == FIELD_COMMA);
    /* An empty line is no row. */
    if ((end == FIELD_LINE || end == FIELD_FILE) && *count == 1 && field.len == 0 && !field.quoted) {
        *count = 0;
    }
    return end;
}

otc_status
otc__csv_next(struct otc_table *table, bool *more, struct otc_error *err)
{
    enum field_end end;
    size_t count;

    do {
        otc_buf_clear(&table->row);
        table->line = table->lines + 1;
        end = read_fields(table, &count);
    } while (count == 0 && end == FIELD_LINE);
    if (end == FIELD_BROKEN || end == FIELD_TOO_LONG) {
        return field_failure(table, end, err);
    }
    *more = count > 0;
    if (count > 0 && count != table->n) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "%s:%llu: %zu fields, but the header has %zu", table->path,
                        (unsigned long long)table->line, count, table->n);
    }
    if (count > 0) {
        set_cells(table);
    }
    return OTC_OK;
}
