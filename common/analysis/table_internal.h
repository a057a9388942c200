// SPDX-License-Identifier: Apache-2.0
/** @file The table reader's state, shared by its two formats. */
#ifndef OTC_ANALYSIS_TABLE_INTERNAL_H
#define OTC_ANALYSIS_TABLE_INTERNAL_H

#include "common/analysis/table.h"
#include "common/base/buf.h"
#include "common/base/map.h"
#include "common/json/json.h"

struct otc_table {
    char *path;
    FILE *file;
    bool json;
    long size; /* bytes; 0: unknown */
    uint8_t chunk[65536];
    size_t chunk_len, chunk_at;
    uint64_t offset; /* bytes taken from the file before `chunk` */
    uint64_t lines;  /* line ends passed */
    uint64_t line;   /* line of the current row */
    uint64_t rows;
    /** Columns. Names are malloced. */
    struct otc_slice *names;
    struct otc_cell *cells;
    size_t n, capacity;
    struct otc_map *index; /* JSON: name -> column + 1 */
    /** The current row: CSV cells one after another; a JSON line and its document. */
    struct otc_buf row;
    struct otc_json *document;
};

/** One field of a CSV record in `table->row`. */
struct otc__field {
    size_t start, len;
    bool quoted;
};

/** The next byte, or EOF. */
int otc__table_byte(struct otc_table *table);
/** Gives the byte just read back. */
void otc__table_unread(struct otc_table *table);
/** Adds a column (the name is copied): its index, or SIZE_MAX at the limit or out of memory. */
size_t otc__table_add_column(struct otc_table *table, struct otc_slice name);
/** "file:line" before what is wrong. */
otc_status otc__table_fail(const struct otc_table *table, uint64_t line, struct otc_error *err,
                           const char *what);

OTC_CHECK otc_status otc__csv_header(struct otc_table *table, struct otc_error *err);
OTC_CHECK otc_status otc__csv_next(struct otc_table *table, bool *more, struct otc_error *err);
OTC_CHECK otc_status otc__json_lines_next(struct otc_table *table, bool *more, struct otc_error *err);

#endif
