// SPDX-License-Identifier: Apache-2.0
/**
 * @file Conditions in the Collector's OTTL: a parser and an evaluator that know nothing of what a path means.
 *
 *     condition  = terms joined by `or`, those of terms joined by `and`
 *     term       = not term | ( condition ) | operand (== | != | < | <= | > | >=) operand
 *                | true | false | Function(…)
 *     operand    = sums of products: operand (+ | - | * | /) operand, ( operand ), - operand
 *                | path | Function( operand, … ) | "text" | 12 | 0.5 | 0x0aff | true | false | nil
 *                | [operand, …] of literals | ENUM_CONSTANT
 *
 * Values of different types are unequal and in no order; integers and doubles compare as numbers, texts and
 * bytes byte by byte, false before true; nil is a value that is not there, equal to itself alone. Integers
 * wrap around; a division by 0, arithmetic on what is no number and functions that cannot do with what they
 * get are errors: the condition does not hold then, and the caller hears why.
 */
#ifndef OTC_OTTL_CONDITION_H
#define OTC_OTTL_CONDITION_H

#include "common/base/arena.h"
#include "common/base/status.h"
#include "common/otlp/value.h"

/** Most operators, operands and functions of a condition, and levels of not, parentheses and functions. */
#define OTC_CONDITION_NODES_MAX 512
#define OTC_CONDITION_DEPTH_MAX 32

/** What paths and constants mean where the condition stands. */
struct otc_condition_language {
    /** Parses the path at text[*at], moves `*at` behind it and gives its number. Errors "character 12: …". */
    otc_status (*path)(void *arg, struct otc_slice text, size_t *at, size_t *out, struct otc_error *err);
    /**
     * A function that only this place has, with literal arguments: gives the number of what reads it.
     * NOT_FOUND: there is none of this name. NULL: there are none.
     */
    otc_status (*function)(void *arg, struct otc_slice name, const struct otc_value *arguments, size_t n,
                           size_t *out, struct otc_error *err);
    /**
     * Whether a path is the id of a trace or span: equal to another id alone, and in no order. NULL: none is.
     */
    bool (*is_id)(void *arg, size_t path);
    /** The value of a constant such as STATUS_CODE_ERROR. NULL: there are none. */
    bool (*constant)(void *arg, struct otc_slice name, int64_t *out);
    void *arg;
};

/** A compiled condition; immutable, any thread. Opaque. */
struct otc_condition;
/** Errors "character 12: expected …". */
OTC_CHECK otc_status otc_condition_parse(const char *text, const struct otc_condition_language *language,
                                         struct otc_condition **out, struct otc_error *err);
/** A value alone: an operand of the above. */
OTC_CHECK otc_status otc_condition_parse_value(const char *text,
                                               const struct otc_condition_language *language,
                                               struct otc_condition **out, struct otc_error *err);
/** NULL is allowed. */
void otc_condition_free(struct otc_condition *condition);

/** Reads the paths of one evaluation. */
struct otc_condition_reader {
    struct otc_value (*read)(void *arg, size_t path);
    void *arg;
    /** For texts that functions make; released by the caller, when it likes. */
    struct otc_arena *texts;
    /** Set when the condition could not be evaluated. */
    bool failed;
    char why[160];
};
/** Whether the condition holds; false when it failed, see the reader. */
bool otc_condition_holds(const struct otc_condition *condition, struct otc_condition_reader *reader);
/** Whether a value alone is a literal. */
bool otc_condition_is_literal(const struct otc_condition *condition);
/** What a value alone is. False when it failed, see the reader. */
bool otc_condition_value(const struct otc_condition *condition, struct otc_condition_reader *reader,
                         struct otc_value *out);

#endif
