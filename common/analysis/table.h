// SPDX-License-Identifier: Apache-2.0
/**
 * @file Tables of rows from files: CSV with a header (RFC 4180, byte order mark and CRLF allowed) and JSON
 * lines. Rows are streamed; a table may be read several times (standard input is spooled). Owned by one
 * thread.
 */
#ifndef OTC_ANALYSIS_TABLE_H
#define OTC_ANALYSIS_TABLE_H

#include "common/analysis/reference.h"
#include "common/json/json.h"

/** Most columns of a table, and bytes of a row (a row's cells together). */
#define OTC_TABLE_MAX_COLUMNS 10000
#define OTC_TABLE_MAX_ROW ((size_t)16 << 20)

enum otc_cell_kind {
    /** Nothing, JSON null, or in CSV one of the tokens that pandas.read_csv takes for missing. */
    OTC_CELL_MISSING,
    OTC_CELL_NUMBER,
    OTC_CELL_BOOL,
    OTC_CELL_TEXT,
    /** A JSON array. */
    OTC_CELL_NESTED
};

/** One value of the current row. `text` is as it stands in the file (JSON numbers: empty), borrowed until the
 * next row. */
struct otc_cell {
    enum otc_cell_kind kind;
    struct otc_slice text;
    double number;
    bool truth;
    const struct otc_json *nested; /* NESTED: the array, borrowed as the text is */
};

/** An open file. Opaque. */
struct otc_table;

/**
 * Opens a file, "-" standard input. JSON lines are told from CSV by their first character. INVALID_ARGUMENT
 * with the file's name for what cannot be read; Parquet is refused with the pandas command that converts it.
 */
OTC_CHECK otc_status otc_table_open(const char *path, struct otc_table **out, struct otc_error *err);
/** NULL is allowed. */
void otc_table_close(struct otc_table *table);
/** Back to before the first row. */
OTC_CHECK otc_status otc_table_rewind(struct otc_table *table, struct otc_error *err);
/** Reads the next row; `*more` false at the end. Errors name file and line; the table is then good for
 * closing only. */
OTC_CHECK otc_status otc_table_next(struct otc_table *table, bool *more, struct otc_error *err);
/** Columns so far: fixed for CSV, growing with the rows for JSON lines (members of nested objects are named
 * "a.b"). */
size_t otc_table_columns(const struct otc_table *table);
struct otc_slice otc_table_name(const struct otc_table *table, size_t column);
/** The cell of the current row; MISSING for a column that the row has not. */
const struct otc_cell *otc_table_cell(const struct otc_table *table, size_t column);
/** Rows read since the beginning, and the line on which the current one begins. */
uint64_t otc_table_rows(const struct otc_table *table);
uint64_t otc_table_line(const struct otc_table *table);
/** Share of the file that has been read, 0 to 1, for progress. */
double otc_table_progress(const struct otc_table *table);
/** The path as given, "-" for standard input. */
const char *otc_table_path(const struct otc_table *table);
/** XXH3-128 of the file's bytes. Rewinds. */
OTC_CHECK otc_status otc_table_hash(struct otc_table *table, char out[33], struct otc_error *err);

/** What a column holds besides missing cells; MIXED values all count as texts, as they stand. */
enum otc_column_content { OTC_COLUMN_EMPTY, OTC_COLUMN_NUMBERS, OTC_COLUMN_BOOLS, OTC_COLUMN_MIXED };

/** Bytes of the beginning of a value that is told, with the NUL. */
#define OTC_COLUMN_EXCERPT 41

/** What a first pass over a table found of one column. */
struct otc_column {
    struct otc_slice name;
    enum otc_column_content content;
    /** Only booleans, or any non-number: categorical; else numeric. */
    enum otc_feature_type type;
    /** Why it is no feature ("row numbers", "timestamps", "every value is different", …); NULL: it is one. */
    const char *left_out;
    bool timestamps;
    /** Every value may be a time, whatever the column's name says: true of `timestamps` too. */
    bool times;
    /** Of times: the first and the last, and whether no row's is before the row's above it. */
    int64_t first_ns, last_ns;
    bool ordered;
    uint64_t missing;
    /** Values that are numbers, and values that are none: texts, booleans, arrays. */
    uint64_t numbers, others;
    /** The first of the others: its row, from 1 (0: there is none), and how its text begins (an array's is
     * empty). */
    uint64_t other_row;
    char other[OTC_COLUMN_EXCERPT];
};

/** Every column of a table. `columns` is malloced, names and all. */
struct otc_columns {
    struct otc_column *columns;
    size_t n;
    uint64_t rows;
};

/** Reads the whole table once and rewinds. */
OTC_CHECK otc_status otc_columns_read(struct otc_table *table, struct otc_columns *out,
                                      struct otc_error *err);
void otc_columns_release(struct otc_columns *columns);
/** Index of a column, or SIZE_MAX. */
size_t otc_columns_find(const struct otc_columns *columns, struct otc_slice name);
/** The column that says when each row was: the only one that holds timestamps; SIZE_MAX when there is none,
 * or several. */
size_t otc_columns_time(const struct otc_columns *columns);
/**
 * The column that a user says holds the times of the rows: its name decides nothing, its values must be times
 * (RFC 3339, or unix seconds to nanoseconds). It then counts as one of timestamps, which is no feature.
 * INVALID_ARGUMENT, with `path`, when there is no such column, or its values are none.
 */
OTC_CHECK otc_status otc_columns_take_time(struct otc_columns *columns, const char *name, const char *path,
                                           size_t *out, struct otc_error *err);
/** Unix nanoseconds of a cell; INT64_MIN when it is none. */
int64_t otc_cell_time(const struct otc_cell *cell);

/** A cell as a feature of `type` sees it. */
enum otc_cell_use { OTC_USE_MISSING, OTC_USE_INVALID, OTC_USE_NUMBER, OTC_USE_TEXT };
struct otc_use {
    enum otc_cell_use use;
    double number;
    struct otc_slice text; /* canonical; borrows from the cell or from `scratch` */
    char scratch[32];
};
/** Fills `out`; `content` is the cell's column's. */
void otc_cell_use(const struct otc_cell *cell, enum otc_column_content content, enum otc_feature_type type,
                  struct otc_use *out);

#endif
