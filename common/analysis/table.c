// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/table.h"

#include "common/analysis/table_internal.h"
#include "common/base/hash.h"

#include <errno.h>

int
otc__table_byte(struct otc_table *table)
{
    if (table->chunk_at == table->chunk_len) {
        table->offset += table->chunk_len;
        table->chunk_at = 0;
        table->chunk_len = fread(table->chunk, 1, sizeof(table->chunk), table->file);
        if (table->chunk_len == 0) {
            return EOF;
        }
    }
    return table->chunk[table->chunk_at++];
}

void
otc__table_unread(struct otc_table *table)
{
    table->chunk_at--;
}

otc_status
otc__table_fail(const struct otc_table *table, uint64_t line, struct otc_error *err, const char *what)
{
    return otc_fail(err, OTC_INVALID_ARGUMENT, "%s:%llu: %s", table->path, (unsigned long long)line, what);
}

size_t
otc__table_add_column(struct otc_table *table, struct otc_slice name)
{
    size_t capacity = table->capacity ? table->capacity * 2 : 32;
    uint8_t *copy;

    if (table->n >= OTC_TABLE_MAX_COLUMNS) {
        return SIZE_MAX;
    }
    if (table->n == table->capacity) {
        struct otc_slice *names = realloc(table->names, capacity * sizeof(*names));
        struct otc_cell *cells;

        table->names = names ? names : table->names;
        cells = names ? realloc(table->cells, capacity * sizeof(*cells)) : NULL;
        if (!cells) {
            return SIZE_MAX;
        }
        table->cells = cells;
        table->capacity = capacity;
    }
    copy = malloc(name.len + 1);
    if (!copy) {
        return SIZE_MAX;
    }
    if (name.len > 0) {
        memcpy(copy, name.data, name.len);
    }
    copy[name.len] = 0;
    table->names[table->n] = otc_slice_of(copy, name.len);
    table->cells[table->n] = (struct otc_cell){.kind = OTC_CELL_MISSING};
    return table->n++;
}

/** Copies standard input to a file without a name, so that it can be read twice. */
static FILE *
spool_stdin(void)
{
    FILE *spool = tmpfile();
    uint8_t chunk[65536];
    size_t got;

    while (spool && (got = fread(chunk, 1, sizeof(chunk), stdin)) > 0) {
        if (fwrite(chunk, 1, got, spool) != got) {
            (void)fclose(spool);
            return NULL;
        }
    }
    if (spool && (ferror(stdin) || fflush(spool) != 0)) {
        (void)fclose(spool);
        return NULL;
    }
    return spool;
}

/** What the first bytes show to be no table of text; NULL: nothing. */
static const char *
not_a_table(const uint8_t *head, size_t len)
{
    static const char gzip[] = {0x1f, (char)0x8b};
    static const char reference[] = "\"otelcol-aimon reference\"";
    size_t brace = 1;

    if (len >= 2 && memcmp(head, gzip, 2) == 0) {
        return "gzip is not read here; pipe it in: gzip -dc FILE | otelcol-aimon … -";
    }
    if (memchr(head, 0, len)) {
        return "this is no UTF-8 text; only CSV with a header and JSON lines are read (UTF-16: iconv -f "
               "UTF-16 "
               "-t UTF-8 FILE | otelcol-aimon … -)";
    }
    while (len > 0 && head[0] == '[' && brace < len && strchr(" \t\r\n", head[brace])) {
        brace++;
    }
    if (memmem(head, len, reference, sizeof(reference) - 1)) {
        return "this is a reference file; a table of rows is expected here";
    }
    if (len > brace && head[0] == '[' && (head[brace] == '{' || head[brace] == ']')) {
        return "a JSON array is not read here, JSON lines are: jq -c '.[]' FILE | otelcol-aimon … -";
    }
    return NULL;
}

/** Reads the beginning again: what the file is, and a CSV's header. */
static otc_status
begin(struct otc_table *table, struct otc_error *err)
{
    static const uint8_t mark[] = {0xef, 0xbb, 0xbf};
    const char *what;
    int byte;

    if (fseek(table->file, 0, SEEK_SET) != 0) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "%s: %s", table->path, strerrordesc_np(errno));
    }
    table->chunk_len = fread(table->chunk, 1, sizeof(table->chunk), table->file);
    if (ferror(table->file)) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "%s: %s", table->path, strerrordesc_np(errno));
    }
    table->chunk_at = table->chunk_len >= 3 && memcmp(table->chunk, mark, 3) == 0 ? 3 : 0;
    table->offset = 0;
    table->lines = 0;
    table->line = 1;
    table->rows = 0;
    if (table->chunk_len >= 4 && memcmp(table->chunk, "PAR1", 4) == 0) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "%s: Parquet is not read here; pipe it in as CSV: python3 -c \"import pandas, sys; "
                        "pandas.read_parquet('%s').to_csv(sys.stdout, index=False)\" | otelcol-aimon … -",
                        table->path, table->path);
    }
    what = not_a_table(table->chunk, table->chunk_len);
    if (what) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "%s: %s", table->path, what);
    }
    do {
        byte = otc__table_byte(table);
        table->lines += byte == '\n';
    } while (byte == '\n' || byte == '\r');
    if (byte == EOF) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "%s: the file is empty", table->path);
    }
    otc__table_unread(table);
    table->json = byte == '{';
    return table->json ? OTC_OK : otc__csv_header(table, err);
}

static otc_status
open_file(struct otc_table *table, struct otc_error *err)
{
    bool is_stdin = strcmp(table->path, "-") == 0;

    table->file = is_stdin ? spool_stdin() : fopen(table->path, "rbe");
    if (!table->file) {
        return otc_fail(err, errno == ENOENT ? OTC_NOT_FOUND : OTC_INVALID_ARGUMENT, "%s: %s",
                        is_stdin ? "standard input" : table->path, strerrordesc_np(errno));
    }
    if (fseek(table->file, 0, SEEK_END) != 0 || (table->size = ftell(table->file)) < 0) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "%s: %s (pipe it in with `-`)", table->path,
                        strerrordesc_np(errno));
    }
    return begin(table, err);
}

otc_status
otc_table_open(const char *path, struct otc_table **out, struct otc_error *err)
{
    struct otc_table *table = calloc(1, sizeof(*table));
    otc_status status;

    if (table) {
        otc_buf_init(&table->row, OTC_TABLE_MAX_ROW);
        table->path = strdup(path);
        table->index = otc_map_new(OTC_TABLE_MAX_COLUMNS);
    }
    if (!table || !table->path || !table->index) {
        otc_table_close(table);
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    status = open_file(table, err);
    if (status != OTC_OK) {
        otc_table_close(table);
        return status;
    }
    *out = table;
    return OTC_OK;
}

static void
drop_columns(struct otc_table *table)
{
    for (size_t i = 0; i < table->n; i++) {
        free((void *)(uintptr_t)table->names[i].data);
    }
    table->n = 0;
}

void
otc_table_close(struct otc_table *table)
{
    if (!table) {
        return;
    }
    if (table->file) {
        (void)fclose(table->file);
    }
    drop_columns(table);
    free(table->names);
    free(table->cells);
    otc_map_free(table->index, NULL);
    otc_json_free(table->document);
    otc_buf_release(&table->row);
    free(table->path);
    free(table);
}

otc_status
otc_table_rewind(struct otc_table *table, struct otc_error *err)
{
    if (!table->json) {
        drop_columns(table);
    }
    return begin(table, err);
}

otc_status
otc_table_next(struct otc_table *table, bool *more, struct otc_error *err)
{
    otc_status status =
        table->json ? otc__json_lines_next(table, more, err) : otc__csv_next(table, more, err);

    if (status == OTC_OK && ferror(table->file)) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "%s: %s", table->path, strerrordesc_np(errno));
    }
    table->rows += status == OTC_OK && *more;
    return status;
}

size_t
otc_table_columns(const struct otc_table *table)
{
    return table->n;
}

struct otc_slice
otc_table_name(const struct otc_table *table, size_t column)
{
    return table->names[column];
}

const struct otc_cell *
otc_table_cell(const struct otc_table *table, size_t column)
{
    return &table->cells[column];
}

uint64_t
otc_table_rows(const struct otc_table *table)
{
    return table->rows;
}

uint64_t
otc_table_line(const struct otc_table *table)
{
    return table->line;
}

double
otc_table_progress(const struct otc_table *table)
{
    double read = (double)(table->offset + table->chunk_at);

    return table->size > 0 ? read / (double)table->size : 0;
}

const char *
otc_table_path(const struct otc_table *table)
{
    return table->path;
}

otc_status
otc_table_hash(struct otc_table *table, char out[OTC_HASH_TEXT], struct otc_error *err)
{
    struct otc_hasher *hasher = otc_hasher_new();
    size_t got;

    if (!hasher || fseek(table->file, 0, SEEK_SET) != 0) {
        otc_hasher_free(hasher);
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "%s: cannot be read again", table->path);
    }
    while ((got = fread(table->chunk, 1, sizeof(table->chunk), table->file)) > 0) {
        otc_hasher_add(hasher, otc_slice_of(table->chunk, got));
    }
    otc_hasher_hex(hasher, out);
    otc_hasher_free(hasher);
    return otc_table_rewind(table, err);
}
