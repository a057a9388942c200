// SPDX-License-Identifier: Apache-2.0
/**
 * @file Chunks of a table's rows: windows that follow each other without overlap, by number of rows, by time
 * from the epoch (as the panes of the service), or by calendar (as pandas' periods). Pure functions.
 *
 * A position is a row's number from 0, or its time in unix nanoseconds, after what the rule goes by.
 */
#ifndef OTC_ANALYSIS_CHUNK_H
#define OTC_ANALYSIS_CHUNK_H

#include "common/base/slice.h"
#include "common/base/status.h"

enum otc_chunk_unit {
    OTC_CHUNK_ROWS,
    OTC_CHUNK_DURATION, /* [k size, (k + 1) size) from the epoch, UTC */
    OTC_CHUNK_WEEK,     /* Monday to Sunday, as pandas' "W" */
    OTC_CHUNK_MONTH,
    OTC_CHUNK_QUARTER,
    OTC_CHUNK_YEAR
};

struct otc_chunk_rule {
    enum otc_chunk_unit unit;
    int64_t size; /* rows, or nanoseconds; calendars have none */
};

/** [start, end) in positions. */
struct otc_chunk {
    int64_t start, end;
};

/** Bytes that a chunk's label takes, with its NUL. */
#define OTC_CHUNK_LABEL 48

/**
 * "1000" rows, "1h" or "7d" from the epoch, "H" "D" "W" "M" "Q" "Y" by calendar. INVALID_ARGUMENT: "'x' is
 * not …" with what is allowed.
 */
OTC_CHECK otc_status otc_chunk_parse(struct otc_slice text, struct otc_chunk_rule *out,
                                     struct otc_error *err);
/** The chunk that a position lies in. */
struct otc_chunk otc_chunk_at(const struct otc_chunk_rule *rule, int64_t position);
/** "rows 1 to 1000", "2021-06", "2021-Q2", "2021-06-01", "2021-06-01 05:00": what tells it from its
 * neighbours. */
void otc_chunk_label(const struct otc_chunk_rule *rule, struct otc_chunk chunk, char out[OTC_CHUNK_LABEL]);
/** "1000 rows", "1h30m", "a month". */
void otc_chunk_rule_text(const struct otc_chunk_rule *rule, char out[OTC_CHUNK_LABEL]);

/** What becomes of a last chunk that the rows do not fill: nannyml's words. */
enum otc_incomplete { OTC_INCOMPLETE_KEEP, OTC_INCOMPLETE_DROP, OTC_INCOMPLETE_APPEND };

/** How the rows of one table are cut. */
struct otc_chunk_plan {
    struct otc_chunk_rule rule;
    enum otc_incomplete incomplete;
    /** The incomplete chunk and the one before it; both empty: the last is complete. */
    struct otc_chunk cut, before;
};

/**
 * Of a table whose positions lie in [first, last], `rows` of them. A chunk of rows is incomplete when rows
 * lack; one of time when it goes on after the last row for more than a tenth of its length and for more than
 * three times the mean distance of rows. Appending to nothing keeps.
 */
void otc_chunk_plan_init(struct otc_chunk_plan *plan, const struct otc_chunk_rule *rule,
                         enum otc_incomplete incomplete, int64_t first, int64_t last, uint64_t rows);
/** The chunk of a position; false: it is in the dropped one. */
bool otc_chunk_plan_place(const struct otc_chunk_plan *plan, int64_t position, struct otc_chunk *out);
/** Whether a chunk is the incomplete one that was kept. */
bool otc_chunk_plan_is_incomplete(const struct otc_chunk_plan *plan, struct otc_chunk chunk);

#endif
