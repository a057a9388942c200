// SPDX-License-Identifier: Apache-2.0
/** @file A table as the offline commands take it: opened, typed, its features chosen. */
#ifndef OTC_SIDECAR_INPUT_H
#define OTC_SIDECAR_INPUT_H

#include "common/analysis/table.h"
#include "common/analysis/text.h"
#include "sidecar/columns.h"
#include "sidecar/options.h"

/** What the options say about columns. All borrowed. */
struct otc_input_options {
    struct otc_option_list columns;     /* only these; empty: all that are features */
    struct otc_option_list categorical; /* these are categories though they are numbers */
    struct otc_option_list predictions; /* these have kind prediction */
    struct otc_option_list texts;       /* these are texts, watched by what is measured of them */
    struct otc_option_list embeddings;  /* these are vectors, watched by norm and distance to their mean */
    const char *timestamp; /* the column that orders the rows; NULL: the only one of timestamps */
    const char *preset;    /* "gen_ai" names features as the connector does; NULL: by their columns */
};

enum otc_input_embedding { OTC_INPUT_NO_EMBEDDING, OTC_INPUT_NORM, OTC_INPUT_DISTANCE };

/** A column that is a feature. */
struct otc_input_feature {
    size_t column;
    struct otc_slice name; /* borrowed from the table's columns, or a constant */
    enum otc_feature_type type;
    enum otc_feature_kind kind;
    double scale; /* numbers are multiplied by it */
    /** A measure of a column of texts; OTC_N_TEXT_MEASURES: the share of its words in `words`. */
    bool is_text;
    enum otc_text_measure measure;
    const uint32_t *words; /* NULL: not known yet */
    size_t n_words;
    /** A measure of a column of vectors; the distance is that to `center` (NULL: not known yet). */
    enum otc_input_embedding embedding;
    const double *center;
    size_t n_center;
};

struct otc_input {
    struct otc_table *table;
    struct otc_columns columns;
    struct otc_input_feature *features;
    size_t n_features;
    size_t time_column;                   /* SIZE_MAX: the order of rows is unknown */
    double measures[OTC_N_TEXT_MEASURES]; /* of the cell at hand */
    double *vector;                       /* of the cell at hand; kept */
    size_t n_vector;
    void **kept; /* memory of names and words */
    size_t n_kept;
    bool progress; /* somebody watches: standard error is a terminal */
};

/** INVALID_ARGUMENT for the first name of an option's list that is no column of the table at `path`. */
OTC_CHECK otc_status otc_input_check_names(const struct otc_columns *columns, const char *path,
                                           const char *option, const struct otc_option_list *list,
                                           struct otc_error *err);
/** Opens and types a table and chooses its features. Close also after a failure. */
OTC_CHECK otc_status otc_input_open(struct otc_input *input, const char *path,
                                    const struct otc_input_options *options, struct otc_error *err);
void otc_input_close(struct otc_input *input);
/** Keeps malloced memory as long as the input; false (freed) out of memory, or for NULL. */
bool otc_input_keep(struct otc_input *input, void *memory);
/** What is told of the rows of a table. */
struct otc_input_visitor {
    void *arg;
    /** Before the cells of each row, may be NULL: its number from 0 and its time (INT64_MIN: unknown). */
    otc_status (*row)(void *arg, uint64_t row, int64_t time_ns, struct otc_error *err);
    /** For each feature of each row, in order; false fails out of memory. */
    bool (*cell)(void *arg, size_t feature, const struct otc_use *use, int64_t time_ns);
};
/** Tells every row that is left. */
OTC_CHECK otc_status otc_input_visit(struct otc_input *input, const struct otc_input_visitor *visitor,
                                     struct otc_error *err);
/** Calls fn(arg, cell's use, time) for each feature of each row, in order; fn answers false to fail out of
 * memory. */
OTC_CHECK otc_status otc_input_rows(struct otc_input *input,
                                    bool (*fn)(void *arg, size_t feature, const struct otc_use *use,
                                               int64_t time_ns),
                                    void *arg, struct otc_error *err);
/** The reference of a table's features. */
OTC_CHECK otc_status otc_input_reference(struct otc_input *input, const struct otc_reference_limits *limits,
                                         const char *model, int64_t now_ns, struct otc_reference **out,
                                         struct otc_error *err);
/** Prints the columns that are no features, with the reason, one a line; those that nobody asked for in one.
 */
void otc_input_print_left_out(const struct otc_input *input, const char *label, FILE *to);
/** The reason of columns that an option could have asked for; reasons are compared by address. */
extern const char otc_input_not_asked_for[];
/** Why a column is no feature; NULL: it is one. */
const char *otc_input_left_out(const struct otc_input *input, size_t column);

#endif
