// SPDX-License-Identifier: Apache-2.0
#include "common/ottl/condition_impl.h"
#include "common/ottl/literals.h"

#include <stdarg.h>
#include <stdio.h>

bool
otc_ottl_fail(struct otc_condition_reader *reader, const char *format, ...)
{
    va_list args;

    if (!reader->failed) {
        va_start(args, format);
        (void)vsnprintf(reader->why, sizeof(reader->why), format, args);
        va_end(args);
    }
    reader->failed = true;
    return false;
}

/* ---- Comparing ---------------------------------------------------------------------------------- */

bool
otc_ottl_as_number(const struct otc_value *value, double *out)
{
    *out = value->type == OTC_VALUE_INT ? (double)value->as.integer : value->as.real;
    return value->type == OTC_VALUE_INT || value->type == OTC_VALUE_DOUBLE;
}

static bool
holds(enum otc_comparison comparison, int order)
{
    switch (comparison) {
    case OTC_EQUAL:
        return order == 0 || order == OTC_OTTL_SAME;
    case OTC_UNEQUAL:
        return order != 0 && order != OTC_OTTL_SAME;
    case OTC_LESS:
        return order == -1;
    case OTC_GREATER:
        return order == 1;
    case OTC_LESS_EQUAL:
        return order == -1 || order == 0;
    case OTC_GREATER_EQUAL:
        return order == 1 || order == 0;
    }
    return false;
}

/* ---- Values ------------------------------------------------------------------------------------- */

static bool value_of(const struct otc_condition *condition, uint16_t index,
                     struct otc_condition_reader *reader, struct otc_value *out);

static int64_t
integer_math(char sign, int64_t a, int64_t b)
{
    uint64_t x = (uint64_t)a, y = (uint64_t)b;

    switch (sign) {
    case '+':
        return (int64_t)(x + y);
    case '-':
        return (int64_t)(x - y);
    case '*':
        return (int64_t)(x * y);
    default:
        return b == -1 ? (int64_t)(0 - x) : a / b;
    }
}

static double
real_math(char sign, double a, double b)
{
    return sign == '+' ? a + b : sign == '-' ? a - b : sign == '*' ? a * b : a / b;
}

static bool
calculate(const struct otc_ottl_node *node, struct otc_condition_reader *reader, const struct otc_value *a,
          const struct otc_value *b, struct otc_value *out)
{
    double x, y;

    if (!otc_ottl_as_number(a, &x) || !otc_ottl_as_number(b, &y)) {
        return otc_ottl_fail(reader, "arithmetic (%c) on a value that is no number", node->sign);
    }
    if (node->sign == '/' && y == 0) {
        return otc_ottl_fail(reader, "division by zero");
    }
    if (a->type == OTC_VALUE_INT && b->type == OTC_VALUE_INT) {
        *out = (struct otc_value){OTC_VALUE_INT,
                                  {.integer = integer_math(node->sign, a->as.integer, b->as.integer)}};
    } else {
        *out = (struct otc_value){OTC_VALUE_DOUBLE, {.real = real_math(node->sign, x, y)}};
    }
    return true;
}

static bool
call(const struct otc_condition *condition, const struct otc_ottl_node *node,
     struct otc_condition_reader *reader, struct otc_value *out)
{
    struct otc_value arguments[OTC_OTTL_ARGUMENTS_MAX] = {{0}};
    size_t n = 0;

    for (uint16_t i = node->left; i; i = condition->nodes[i].next) {
        if (!value_of(condition, i, reader, &arguments[n++])) {
            return false;
        }
    }
    return node->function->call(node, reader, arguments, n, out);
}

static bool
make_list(const struct otc_condition *condition, const struct otc_ottl_node *node,
          struct otc_condition_reader *reader, struct otc_value *out)
{
    OTC_AUTO_BUF struct otc_buf bytes = {.limit = OTC_OTTL_MADE_MAX};

    for (uint16_t i = node->left; i; i = condition->nodes[i].next) {
        struct otc_value element = {.type = OTC_VALUE_ABSENT};

        if (!value_of(condition, i, reader, &element)) {
            return false;
        }
        otc_ottl_put_element(&bytes, &element);
    }
    return otc_ottl_keep(reader, &bytes, OTC_VALUE_ARRAY, out);
}

static bool
value_of(const struct otc_condition *condition, uint16_t index, struct otc_condition_reader *reader,
         struct otc_value *out)
{
    const struct otc_ottl_node *node = &condition->nodes[index];
    struct otc_value a = {.type = OTC_VALUE_ABSENT}, b = a;

    switch (node->type) {
    case OTC_OTTL_LITERAL:
        *out = node->literal;
        return true;
    case OTC_OTTL_PATH:
        *out = reader->read(reader->arg, node->path);
        return !reader->failed;
    case OTC_OTTL_CALL:
        return call(condition, node, reader, out);
    case OTC_OTTL_LIST:
        return make_list(condition, node, reader, out);
    case OTC_OTTL_MATH:
        return value_of(condition, node->left, reader, &a) && value_of(condition, node->right, reader, &b) &&
               calculate(node, reader, &a, &b, out);
    case OTC_OTTL_AND:
    case OTC_OTTL_OR:
    case OTC_OTTL_NOT:
    case OTC_OTTL_TRUTH:
    case OTC_OTTL_COMPARE:
        break;
    }
    return otc_ottl_fail(reader, "a condition stands for a value");
}

/* ---- Conditions --------------------------------------------------------------------------------- */

/* Ids are equal or not, and to each other alone. */
static int
compare_ids(const struct otc_ottl_node *left, const struct otc_ottl_node *right, const struct otc_value *a,
            const struct otc_value *b)
{
    return left->is_id && right->is_id && otc_slice_equal(a->as.slice, b->as.slice) ? OTC_OTTL_SAME
                                                                                    : OTC_OTTL_UNORDERED;
}

static bool
compares(const struct otc_condition *condition, const struct otc_ottl_node *node,
         struct otc_condition_reader *reader)
{
    const struct otc_ottl_node *left = &condition->nodes[node->left], *right = &condition->nodes[node->right];
    struct otc_value a = {.type = OTC_VALUE_ABSENT}, b = a;

    return value_of(condition, node->left, reader, &a) && value_of(condition, node->right, reader, &b) &&
           holds(node->comparison, left->is_id || right->is_id ? compare_ids(left, right, &a, &b)
                                                               : otc_ottl_compare(reader, &a, &b));
}

static bool
is_true(const struct otc_condition *condition, const struct otc_ottl_node *node,
        struct otc_condition_reader *reader)
{
    struct otc_value value = {.type = OTC_VALUE_ABSENT};

    if (!value_of(condition, node->left, reader, &value)) {
        return false;
    }
    return value.type == OTC_VALUE_BOOL ? value.as.boolean
                                        : otc_ottl_fail(reader, "a function gives neither true nor false");
}

/* A node's number is above those below it: the depth is the text's own. */
static bool
evaluate(const struct otc_condition *condition, uint16_t index, struct otc_condition_reader *reader)
{
    const struct otc_ottl_node *node = &condition->nodes[index];
    bool left;

    switch (node->type) {
    case OTC_OTTL_AND:
        return evaluate(condition, node->left, reader) && evaluate(condition, node->right, reader);
    case OTC_OTTL_OR:
        left = evaluate(condition, node->left, reader);
        return !reader->failed && (left || evaluate(condition, node->right, reader));
    case OTC_OTTL_NOT:
        left = evaluate(condition, node->left, reader);
        return !reader->failed && !left;
    case OTC_OTTL_TRUTH:
        return is_true(condition, node, reader);
    case OTC_OTTL_COMPARE:
        return compares(condition, node, reader);
    case OTC_OTTL_MATH:
    case OTC_OTTL_LITERAL:
    case OTC_OTTL_PATH:
    case OTC_OTTL_LIST:
    case OTC_OTTL_CALL:
        break;
    }
    return otc_ottl_fail(reader, "a value stands for a condition");
}

bool
otc_condition_holds(const struct otc_condition *condition, struct otc_condition_reader *reader)
{
    bool holds_true;

    reader->failed = false;
    holds_true = evaluate(condition, condition->root, reader);
    return holds_true && !reader->failed;
}

bool
otc_condition_value(const struct otc_condition *condition, struct otc_condition_reader *reader,
                    struct otc_value *out)
{
    reader->failed = false;
    return value_of(condition, condition->root, reader, out) && !reader->failed;
}

bool
otc_condition_is_literal(const struct otc_condition *condition)
{
    return condition->nodes[condition->root].type == OTC_OTTL_LITERAL;
}
