// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/table_internal.h"

/** Objects within objects that are flattened to "a.b.c". */
#define MAX_NESTING 8
/** Longest flattened name. */
#define MAX_NAME 512

/** A level of the iterative walk through nested objects. */
struct level {
    const struct otc_json *object;
    void *cursor;
    size_t prefix; /* bytes of `name` that belong to the levels above */
};

static otc_status
read_line(struct otc_table *table, bool *more, struct otc_error *err)
{
    int byte;

    do {
        otc_buf_clear(&table->row);
        table->line = table->lines + 1;
        while ((byte = otc__table_byte(table)) != EOF && byte != '\n') {
            if (!otc_buf_append_byte(&table->row, (uint8_t)byte)) {
                return otc__table_fail(table, table->line, err, "the row is too long");
            }
        }
        table->lines++;
        while (table->row.len > 0 &&
               (table->row.data[table->row.len - 1] == '\r' || table->row.data[table->row.len - 1] == ' ')) {
            table->row.len--;
        }
    } while (table->row.len == 0 && byte != EOF);
    *more = table->row.len > 0;
    return OTC_OK;
}

/** The cell that a value is. */
static struct otc_cell
cell_of(const struct otc_json *value)
{
    struct otc_cell cell = {.kind = OTC_CELL_NESTED, .nested = value};

    if (otc_json_number(value, &cell.number)) {
        cell.kind = OTC_CELL_NUMBER;
    } else if (otc_json_bool(value, &cell.truth)) {
        cell.kind = OTC_CELL_BOOL;
        cell.text = otc_slice_str(cell.truth ? "true" : "false");
    } else if (otc_json_type_of(value) == OTC_JSON_STRING) {
        cell.text = otc_json_text(value);
        cell.kind = cell.text.len > 0 ? OTC_CELL_TEXT : OTC_CELL_MISSING;
    } else if (otc_json_type_of(value) == OTC_JSON_NULL) {
        cell.kind = OTC_CELL_MISSING;
    }
    return cell;
}

static otc_status
set_cell(struct otc_table *table, struct otc_slice name, const struct otc_json *value, struct otc_error *err)
{
    size_t column = (uintptr_t)otc_map_get(table->index, name);

    if (column == 0) {
        column = otc__table_add_column(table, name);
        if (column == SIZE_MAX || !otc_map_put(table->index, name, (void *)(uintptr_t)(column + 1))) {
            return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "%s:%llu: more than %d columns, or out of memory",
                            table->path, (unsigned long long)table->line, OTC_TABLE_MAX_COLUMNS);
        }
        column++;
    }
    table->cells[column - 1] = cell_of(value);
    return OTC_OK;
}

/** Sets the cells of all members, those of nested objects by their dotted names. */
static otc_status
set_cells(struct otc_table *table, struct otc_error *err)
{
    struct level levels[MAX_NESTING] = {{.object = table->document}};
    char name[MAX_NAME];
    size_t depth = 1;
    const char *key;
    const struct otc_json *value;

    while (depth > 0) {
        struct level *level = &levels[depth - 1];
        size_t len;

        if (!otc_json_next(level->object, &level->cursor, &key, &value)) {
            depth--;
            continue;
        }
        len = level->prefix + strlen(key);
        if (len + 1 >= sizeof(name)) {
            return otc__table_fail(table, table->line, err, "a member's name is longer than 510 bytes");
        }
        memcpy(name + level->prefix, key, len - level->prefix);
        if (otc_json_type_of(value) != OTC_JSON_OBJECT) {
            otc_status status = set_cell(table, otc_slice_of(name, len), value, err);

            if (status != OTC_OK) {
                return status;
            }
        } else if (depth == MAX_NESTING) {
            return otc__table_fail(table, table->line, err, "objects are nested more than 8 deep");
        } else {
            name[len] = '.';
            levels[depth++] = (struct level){.object = value, .prefix = len + 1};
        }
    }
    return OTC_OK;
}

otc_status
otc__json_lines_next(struct otc_table *table, bool *more, struct otc_error *err)
{
    struct otc_error why = OTC_ERROR_INIT;
    otc_status status = read_line(table, more, err);

    otc_json_free(table->document);
    table->document = NULL;
    for (size_t i = 0; i < table->n; i++) {
        table->cells[i] = (struct otc_cell){.kind = OTC_CELL_MISSING};
    }
    if (status != OTC_OK || !*more) {
        return status;
    }
    if (otc_json_parse(otc_buf_slice(&table->row), NULL, &table->document, &why) != OTC_OK) {
        /* In the first row: most likely one document over many lines. */
        return otc_fail(
            err, OTC_INVALID_ARGUMENT, "%s:%llu: %s%s", table->path, (unsigned long long)table->line,
            why.text,
            table->rows > 0 ? "" : "; one JSON object a line is read: jq -c . FILE | otelcol-aimon … -");
    }
    if (otc_json_type_of(table->document) != OTC_JSON_OBJECT) {
        return otc__table_fail(table, table->line, err, "expected one JSON object a line");
    }
    return set_cells(table, err);
}
