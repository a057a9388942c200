// SPDX-License-Identifier: Apache-2.0
/** @file Compiled conditions, shared between the files that make and evaluate them. */
#ifndef OTC_OTTL_CONDITION_IMPL_H
#define OTC_OTTL_CONDITION_IMPL_H

#include "common/ottl/condition.h"
#include "common/regex/regex.h"

enum otc_node_type {
    OTC_OTTL_AND,
    OTC_OTTL_OR,
    OTC_OTTL_NOT,
    OTC_OTTL_TRUTH, /* a value that must be true or false */
    OTC_OTTL_COMPARE,
    OTC_OTTL_MATH,
    OTC_OTTL_LITERAL,
    OTC_OTTL_PATH,
    OTC_OTTL_LIST, /* of values, which only the data has */
    OTC_OTTL_CALL
};

enum otc_comparison { OTC_EQUAL, OTC_UNEQUAL, OTC_LESS_EQUAL, OTC_GREATER_EQUAL, OTC_LESS, OTC_GREATER };

struct otc_ottl_node {
    enum otc_node_type type;
    /** Other nodes: of a call its first argument, of a list its first element, which the others follow by
     * `next`. 0: none. */
    uint16_t left, right, next;
    enum otc_comparison comparison;
    char sign;    /* of MATH */
    bool is_call; /* PATH: a function of the place */
    bool is_id;   /* PATH, CALL: the id of a trace or span */
    const struct otc_ottl_function *function;
    struct otc_regex *regex; /* of IsMatch with a literal pattern */
    size_t path;
    struct otc_value literal;
};

/** Node 0 is no node. */
struct otc_condition {
    struct otc_ottl_node *nodes;
    uint16_t n;
    uint16_t root;
    struct otc_arena texts;
};

#define OTC_OTTL_ARGUMENTS_MAX 8

/** What a function gets, and where its value goes. */
#define OTC_OTTL_ARGUMENTS                                                                                   \
    const struct otc_ottl_node *node, struct otc_condition_reader *reader,                                   \
        const struct otc_value *arguments, size_t n, struct otc_value *out

/** A function of every place. False: `reader->failed` and `why` are set. */
struct otc_ottl_function {
    const char *name;
    unsigned least, most;
    bool (*call)(OTC_OTTL_ARGUMENTS);
    /** The last argument is a pattern, compiled beforehand when it is a literal. */
    bool takes_pattern;
    /** What it gives is the id of a trace or span, not bytes. */
    bool gives_id;
};
/** NULL: there is none of this name. */
const struct otc_ottl_function *otc_ottl_function_find(struct otc_slice name);
/**
 * Order of two values: -1, 0, 1; OTC_OTTL_SAME: equal, but neither above nor below anything;
 * OTC_OTTL_UNORDERED: neither equal nor in an order. Working memory of the reader: a map of which the order
 * differs is sorted.
 */
#define OTC_OTTL_UNORDERED 2
#define OTC_OTTL_SAME 3
int otc_ottl_compare(struct otc_condition_reader *reader, const struct otc_value *a,
                     const struct otc_value *b);
/** An integer or double, in `*out`; false: it is neither. */
bool otc_ottl_as_number(const struct otc_value *value, double *out);
/** Names of all, joined by ", ". */
void otc_ottl_function_names(struct otc_buf *out);

/** Those of texts, for the table of all. */
bool otc_ottl_to_case(OTC_OTTL_ARGUMENTS);
bool otc_ottl_trim(OTC_OTTL_ARGUMENTS);
bool otc_ottl_trim_end(OTC_OTTL_ARGUMENTS);
bool otc_ottl_split(OTC_OTTL_ARGUMENTS);
bool otc_ottl_fnv(OTC_OTTL_ARGUMENTS);
bool otc_ottl_parse_json(OTC_OTTL_ARGUMENTS);

/** Appends a character in UTF-8. */
void otc_ottl_put_character(struct otc_buf *out, uint32_t c);

/**
 * A value as the text that functions make of it: bytes in hex, lists and maps as JSON that is safe within
 * HTML. False: failed, as it does for NaN and infinity. Borrowed, or working memory of the reader.
 */
bool otc_ottl_text_of(struct otc_condition_reader *reader, const struct otc_value *value,
                      struct otc_slice *out);

/** Marks the evaluation as failed; returns false. */
bool otc_ottl_fail(struct otc_condition_reader *reader, const char *format, ...) OTC_PRINTF(2, 3);
/** Bytes that one function makes, at most. */
#define OTC_OTTL_MADE_MAX ((size_t)16 << 20)
/** What a function made, a buffer of that limit, as its result. False: it is too large, or out of memory. */
bool otc_ottl_keep(struct otc_condition_reader *reader, const struct otc_buf *made, enum otc_value_type type,
                   struct otc_value *out);

static inline bool
otc_ottl_is_nil(const struct otc_value *value)
{
    return value->type == OTC_VALUE_ABSENT || value->type == OTC_VALUE_EMPTY;
}

#endif
