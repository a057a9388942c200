// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/select.h"

#include "common/analysis/features_internal.h"
#include "common/base/number.h"

#include <ctype.h>
#include <stdlib.h>

/* Most comparisons of a condition, and levels of not and parentheses. */
#define NODES_MAX 256
#define DEPTH_MAX 32

enum node_type { NODE_AND, NODE_OR, NODE_NOT, NODE_COMPARE };
enum comparison { EQUAL, UNEQUAL, LESS, LESS_EQUAL, GREATER, GREATER_EQUAL };

/* A place, or a literal. */
struct operand {
    size_t place; /* OTC_NOWHERE: a literal */
    struct otc_value literal;
    char *text;
};

struct node {
    enum node_type type;
    uint16_t left, right; /* nodes; of NOT the left one */
    enum comparison comparison;
    struct operand operands[2];
};

struct otc_select {
    struct node *nodes;
    size_t n;
    uint16_t root;
};

/* ---- Parsing ------------------------------------------------------------------------------------ */

struct parser {
    struct otc_slice text;
    size_t at;
    unsigned depth;
    struct otc_feature_set *set;
    struct otc_select *select;
    struct otc_error *err;
};

static otc_status
expected(const struct parser *parser, const char *what)
{
    return otc_fail(parser->err, OTC_INVALID_ARGUMENT, "character %zu: expected %s", parser->at + 1, what);
}

static void
skip_blanks(struct parser *parser)
{
    while (parser->at < parser->text.len && isspace(parser->text.data[parser->at])) {
        parser->at++;
    }
}

static bool
accept(struct parser *parser, const char *token)
{
    struct otc_slice literal = otc_slice_str(token);
    struct otc_slice rest;

    skip_blanks(parser);
    rest = otc_slice_skip(parser->text, parser->at);
    if (!otc_slice_starts(rest, literal) ||
        (isalpha(literal.data[0]) && rest.len > literal.len &&
         (isalnum(rest.data[literal.len]) || strchr("_.[", rest.data[literal.len])))) {
        return false;
    }
    parser->at += literal.len;
    return true;
}

static otc_status
add_node(struct parser *parser, const struct node *node, uint16_t *out)
{
    struct otc_select *select = parser->select;
    struct node *grown;

    if (select->n == NODES_MAX) {
        return otc_fail(parser->err, OTC_INVALID_ARGUMENT, "more than %d conditions", NODES_MAX);
    }
    grown = reallocarray(select->nodes, select->n + 1, sizeof(*grown));
    if (!grown) {
        return otc_fail(parser->err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    select->nodes = grown;
    grown[select->n] = *node;
    *out = (uint16_t)select->n++;
    return OTC_OK;
}

static bool
parse_number(struct parser *parser, struct otc_value *out)
{
    size_t end = parser->at;
    struct otc_slice text;

    while (end < parser->text.len &&
           (isalnum(parser->text.data[end]) || strchr("+-.", parser->text.data[end]))) {
        end++;
    }
    text = otc_slice_of(parser->text.data + parser->at, end - parser->at);
    if (otc_parse_int64(text, &out->as.integer)) {
        out->type = OTC_VALUE_INT;
    } else if (otc_parse_double(text, &out->as.real)) {
        out->type = OTC_VALUE_DOUBLE;
    } else {
        return false;
    }
    parser->at = end;
    return true;
}

static otc_status
parse_place(struct parser *parser, struct operand *out)
{
    struct otc_place place;
    otc_status status = otc_place_parse_at(parser->text, &parser->at, &place, parser->err);

    if (status != OTC_OK) {
        otc_place_release(&place);
        return status;
    }
    return otc_feature_set_add_place(parser->set, &place, &out->place, parser->err);
}

static otc_status
parse_operand(struct parser *parser, struct operand *out)
{
    uint8_t next;

    skip_blanks(parser);
    out->place = OTC_NOWHERE;
    if (parser->at == parser->text.len) {
        return expected(parser, "a place or a value");
    }
    next = parser->text.data[parser->at];
    if (next == '"') {
        out->text = otc_place_quoted(parser->text, &parser->at, parser->err);
        out->literal.type = OTC_VALUE_STRING;
        out->literal.as.slice = otc_slice_str(out->text);
        return out->text ? OTC_OK : OTC_INVALID_ARGUMENT;
    }
    if (isdigit(next) || next == '-' || next == '+') {
        return parse_number(parser, &out->literal) ? OTC_OK : expected(parser, "a number");
    }
    if (accept(parser, "nil")) {
        out->literal.type = OTC_VALUE_ABSENT;
        return OTC_OK;
    }
    if (accept(parser, "true") || accept(parser, "false")) {
        out->literal.type = OTC_VALUE_BOOL;
        out->literal.as.boolean = parser->text.data[parser->at - 2] == 'u';
        return OTC_OK;
    }
    return parse_place(parser, out);
}

static otc_status
parse_comparison(struct parser *parser, uint16_t *out)
{
    static const char *const signs[] = {"==", "!=", "<=", ">=", "<", ">"};
    static const enum comparison meaning[] = {EQUAL, UNEQUAL, LESS_EQUAL, GREATER_EQUAL, LESS, GREATER};
    struct node node = {.type = NODE_COMPARE};
    size_t sign = 0;
    otc_status status = parse_operand(parser, &node.operands[0]);

    if (status == OTC_OK) {
        while (sign < sizeof(signs) / sizeof(signs[0]) && !accept(parser, signs[sign])) {
            sign++;
        }
        status =
            sign < sizeof(signs) / sizeof(signs[0]) ? OTC_OK : expected(parser, "==, !=, <, <=, > or >=");
    }
    if (status == OTC_OK) {
        node.comparison = meaning[sign];
        status = parse_operand(parser, &node.operands[1]);
    }
    if (status == OTC_OK) {
        status = add_node(parser, &node, out);
    }
    if (status != OTC_OK) {
        free(node.operands[0].text);
        free(node.operands[1].text);
    }
    return status;
}

static otc_status parse_or(struct parser *parser, uint16_t *out);

static otc_status
parse_term(struct parser *parser, uint16_t *out)
{
    struct node node = {.type = NODE_NOT};
    otc_status status;

    if (parser->depth == DEPTH_MAX) {
        return expected(parser, "at most 32 levels of not and parentheses");
    }
    parser->depth++;
    if (accept(parser, "not")) {
        status = parse_term(parser, &node.left);
        status = status == OTC_OK ? add_node(parser, &node, out) : status;
    } else if (accept(parser, "(")) {
        status = parse_or(parser, out);
        if (status == OTC_OK && !accept(parser, ")")) {
            status = expected(parser, "\")\", and, or");
        }
    } else {
        status = parse_comparison(parser, out);
    }
    parser->depth--;
    return status;
}

/* Terms joined by `and`, or (with `any`) such joined by `or`. */
static otc_status
parse_joined(struct parser *parser, bool any, uint16_t *out)
{
    otc_status status = any ? parse_joined(parser, false, out) : parse_term(parser, out);

    while (status == OTC_OK && accept(parser, any ? "or" : "and")) {
        struct node node = {.type = any ? NODE_OR : NODE_AND, .left = *out};

        status = any ? parse_joined(parser, false, &node.right) : parse_term(parser, &node.right);
        status = status == OTC_OK ? add_node(parser, &node, out) : status;
    }
    return status;
}

static otc_status
parse_or(struct parser *parser, uint16_t *out)
{
    return parse_joined(parser, true, out);
}

otc_status
otc_select_parse(const char *text, struct otc_feature_set *set, struct otc_select **out,
                 struct otc_error *err)
{
    struct parser parser = {.text = otc_slice_str(text), .set = set, .err = err};
    otc_status status;

    parser.select = calloc(1, sizeof(*parser.select));
    if (!parser.select) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    status = parse_or(&parser, &parser.select->root);
    if (status == OTC_OK) {
        skip_blanks(&parser);
        status = parser.at == parser.text.len ? OTC_OK : expected(&parser, "and, or, or the end");
    }
    if (status != OTC_OK) {
        otc_select_free(parser.select);
        return status;
    }
    *out = parser.select;
    return OTC_OK;
}

void
otc_select_free(struct otc_select *select)
{
    for (size_t i = 0; select && i < select->n; i++) {
        free(select->nodes[i].operands[0].text);
        free(select->nodes[i].operands[1].text);
    }
    if (select) {
        free(select->nodes);
    }
    free(select);
}

/* ---- Matching ----------------------------------------------------------------------------------- */

static bool
as_number(const struct otc_value *value, double *out)
{
    *out = value->type == OTC_VALUE_INT ? (double)value->as.integer : value->as.real;
    return value->type == OTC_VALUE_INT || value->type == OTC_VALUE_DOUBLE;
}

static bool
is_nil(const struct otc_value *value)
{
    return value->type == OTC_VALUE_ABSENT || value->type == OTC_VALUE_EMPTY;
}

/* Order of two values: -1, 0, 1; 2: they are in no order. */
static int
compare(const struct otc_value *a, const struct otc_value *b)
{
    double x, y;

    if (is_nil(a) && is_nil(b)) {
        return 0;
    }
    if (a->type == OTC_VALUE_INT && b->type == OTC_VALUE_INT) {
        return (a->as.integer > b->as.integer) - (a->as.integer < b->as.integer);
    }
    if (as_number(a, &x) && as_number(b, &y)) {
        return x < y ? -1 : x > y ? 1 : x == y ? 0 : 2;
    }
    if (a->type == OTC_VALUE_STRING && b->type == OTC_VALUE_STRING) {
        int order = otc_slice_compare(a->as.slice, b->as.slice);

        return (order > 0) - (order < 0);
    }
    if (a->type == OTC_VALUE_BOOL && b->type == OTC_VALUE_BOOL) {
        return a->as.boolean - b->as.boolean;
    }
    return 2;
}

static bool
holds(enum comparison comparison, int order)
{
    switch (comparison) {
    case EQUAL:
        return order == 0;
    case UNEQUAL:
        return order != 0;
    case LESS:
        return order == -1;
    case LESS_EQUAL:
        return order == -1 || order == 0;
    case GREATER:
        return order == 1;
    case GREATER_EQUAL:
        return order == 1 || order == 0;
    }
    return false;
}

static struct otc_value
value_of(const struct operand *operand, struct otc_feature_reader *reader)
{
    return operand->place == OTC_NOWHERE ? operand->literal
                                         : otc_feature_reader_value(reader, operand->place);
}

/* Left before right, and a node's number is above those below it: the depth is the text's own. */
static bool
matches(const struct otc_select *select, uint16_t index, struct otc_feature_reader *reader)
{
    const struct node *node = &select->nodes[index];
    struct otc_value a, b;

    switch (node->type) {
    case NODE_AND:
        return matches(select, node->left, reader) && matches(select, node->right, reader);
    case NODE_OR:
        return matches(select, node->left, reader) || matches(select, node->right, reader);
    case NODE_NOT:
        return !matches(select, node->left, reader);
    case NODE_COMPARE:
        break;
    }
    a = value_of(&node->operands[0], reader);
    b = value_of(&node->operands[1], reader);
    return holds(node->comparison, compare(&a, &b));
}

bool
otc_select_matches(const struct otc_select *select, struct otc_feature_reader *reader)
{
    return matches(select, select->root, reader);
}
