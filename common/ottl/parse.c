// SPDX-License-Identifier: Apache-2.0
#include "common/otlp/walk.h"
#include "common/ottl/condition_impl.h"
#include "common/ottl/literals.h"

#include <ctype.h>
#include <stdlib.h>

#define TEXTS_MAX ((size_t)1 << 20)

struct parser {
    struct otc_slice text;
    size_t at;
    unsigned depth;
    const struct otc_condition_language *language;
    struct otc_condition *condition;
    struct otc_error *err;
};

/* ---- Characters --------------------------------------------------------------------------------- */

static otc_status
expected(const struct parser *parser, const char *what)
{
    return otc_fail(parser->err, OTC_INVALID_ARGUMENT, "character %zu: expected %s", parser->at + 1, what);
}

static otc_status
out_of_memory(const struct parser *parser)
{
    return otc_fail(parser->err, OTC_RESOURCE_EXHAUSTED, "out of memory");
}

static uint8_t
peek(struct parser *parser)
{
    while (parser->at < parser->text.len && isspace(parser->text.data[parser->at])) {
        parser->at++;
    }
    return parser->at < parser->text.len ? parser->text.data[parser->at] : 0;
}

static bool
is_word(uint8_t c)
{
    return isalnum(c) || c == '_';
}

/* A sign, or a whole word. */
static bool
accept(struct parser *parser, const char *token)
{
    struct otc_slice literal = otc_slice_str(token), rest;

    (void)peek(parser);
    rest = otc_slice_skip(parser->text, parser->at);
    if (!otc_slice_starts(rest, literal) ||
        (isalpha(literal.data[0]) && rest.len > literal.len &&
         (is_word(rest.data[literal.len]) || strchr(".[", rest.data[literal.len])))) {
        return false;
    }
    parser->at += literal.len;
    return true;
}

static otc_status
add_node(struct parser *parser, const struct otc_ottl_node *node, uint16_t *out)
{
    struct otc_condition *condition = parser->condition;
    struct otc_ottl_node *grown;

    if (condition->n == OTC_CONDITION_NODES_MAX) {
        return otc_fail(parser->err, OTC_INVALID_ARGUMENT, "more than %d conditions",
                        OTC_CONDITION_NODES_MAX / 2);
    }
    grown = reallocarray(condition->nodes, condition->n + 1u, sizeof(*grown));
    if (!grown) {
        return out_of_memory(parser);
    }
    condition->nodes = grown;
    grown[condition->n] = *node;
    *out = condition->n++;
    return OTC_OK;
}

static bool
is_value(const struct parser *parser, uint16_t node)
{
    enum otc_node_type type = parser->condition->nodes[node].type;

    return type == OTC_OTTL_LITERAL || type == OTC_OTTL_PATH || type == OTC_OTTL_CALL ||
           type == OTC_OTTL_MATH || type == OTC_OTTL_LIST;
}

/* ---- Literals ----------------------------------------------------------------------------------- */

/* UPPER_CASE without a parenthesis behind it. */
static otc_status
parse_constant(struct parser *parser, struct otc_value *out)
{
    struct otc_slice name = otc_slice_skip(parser->text, parser->at);
    size_t len = 0;

    while (len < name.len && is_word(name.data[len])) {
        len++;
    }
    name.len = len;
    out->type = OTC_VALUE_INT;
    if (!parser->language->constant ||
        !parser->language->constant(parser->language->arg, name, &out->as.integer)) {
        return otc_fail(parser->err, OTC_INVALID_ARGUMENT, "character %zu: unknown constant %.*s",
                        parser->at + 1, OTC_SLICE_ARG(name));
    }
    parser->at += len;
    return OTC_OK;
}

/* `*found` false: there is none here. */
static otc_status
parse_literal(struct parser *parser, struct otc_value *out, bool *found)
{
    uint8_t next = peek(parser);
    bool is_hex =
        next == '0' && parser->at + 1 < parser->text.len && parser->text.data[parser->at + 1] == 'x';

    *found = true;
    if (next == '"') {
        out->type = OTC_VALUE_STRING;
        return otc_ottl_read_text(parser->text, &parser->at, &parser->condition->texts, &out->as.slice,
                                  parser->err);
    }
    if (is_hex) {
        return otc_ottl_read_bytes(parser->text, &parser->at, &parser->condition->texts, out, parser->err);
    }
    if (isdigit(next) || next == '.') {
        return otc_ottl_read_number(parser->text, &parser->at, out, parser->err);
    }
    if (accept(parser, "nil")) {
        out->type = OTC_VALUE_ABSENT;
        return OTC_OK;
    }
    if (accept(parser, "true") || accept(parser, "false")) {
        *out = (struct otc_value){OTC_VALUE_BOOL, {.boolean = parser->text.data[parser->at - 2] == 'u'}};
        return OTC_OK;
    }
    *found = false;
    return OTC_OK;
}

static otc_status parse_sum(struct parser *parser, uint16_t *out);

/* ---- Lists -------------------------------------------------------------------------------------- */

/* A list on its way: literals as the bytes of an ArrayValue, until there is another value: then nodes. */
struct list {
    struct otc_buf bytes;
    uint16_t first, last;
    bool all_literals;
};

static void
append_node(struct parser *parser, struct list *list, uint16_t node)
{
    if (list->last) {
        parser->condition->nodes[list->last].next = node;
    } else {
        list->first = node;
    }
    list->last = node;
}

/* The literals so far as nodes. */
static otc_status
make_nodes(struct parser *parser, struct list *list)
{
    struct otc_ottl_node node = {.type = OTC_OTTL_LITERAL};
    struct otc_slice rest = otc_arena_copy(&parser->condition->texts, otc_buf_slice(&list->bytes));
    otc_status status = list->bytes.len > 0 && !rest.data ? out_of_memory(parser) : OTC_OK;
    uint16_t index = 0;

    while (status == OTC_OK && otc_array_next(&rest, &node.literal)) {
        status = add_node(parser, &node, &index);
        if (status == OTC_OK) {
            append_node(parser, list, index);
        }
    }
    list->all_literals = false;
    return status;
}

static otc_status
parse_element(struct parser *parser, struct list *list)
{
    struct otc_value element = {.type = OTC_VALUE_ABSENT};
    size_t begin = parser->at;
    otc_status status;
    uint16_t node = 0;
    bool found = false;

    if (list->all_literals) {
        status = parse_literal(parser, &element, &found);
        if (status != OTC_OK) {
            return status;
        }
        if (found && (peek(parser) == ',' || peek(parser) == ']')) {
            otc_ottl_put_element(&list->bytes, &element);
            return list->bytes.failed ? out_of_memory(parser) : OTC_OK;
        }
        parser->at = begin;
        status = make_nodes(parser, list);
        if (status != OTC_OK) {
            return status;
        }
    }
    status = parse_sum(parser, &node);
    if (status == OTC_OK) {
        append_node(parser, list, node);
    }
    return status;
}

/* Negative numbers and nested lists have become nodes, and may all be literals after all. */
static bool
fold(const struct parser *parser, struct list *list)
{
    for (uint16_t i = list->first; i; i = parser->condition->nodes[i].next) {
        if (parser->condition->nodes[i].type != OTC_OTTL_LITERAL) {
            return false;
        }
    }
    otc_buf_clear(&list->bytes);
    for (uint16_t i = list->first; i; i = parser->condition->nodes[i].next) {
        otc_ottl_put_element(&list->bytes, &parser->condition->nodes[i].literal);
    }
    return true;
}

/* [1, "two"] as an ArrayValue; [name, attributes["a"]] as nodes that make one. */
static otc_status
parse_list(struct parser *parser, uint16_t *out)
{
    struct list list = {.bytes = {.limit = TEXTS_MAX}, .all_literals = true};
    struct otc_ottl_node node = {.type = OTC_OTTL_LIST, .literal.type = OTC_VALUE_ARRAY};
    otc_status status = OTC_OK;

    for (bool first = true; status == OTC_OK && !accept(parser, "]"); first = false) {
        status = first || accept(parser, ",") ? OTC_OK : expected(parser, "\",\" or \"]\"");
        if (status == OTC_OK) {
            status = parse_element(parser, &list);
        }
    }
    node.left = list.first;
    if (status == OTC_OK && (list.all_literals || fold(parser, &list))) {
        node.type = OTC_OTTL_LITERAL;
        node.left = 0;
        node.literal.as.slice = otc_arena_copy(&parser->condition->texts, otc_buf_slice(&list.bytes));
        status = list.bytes.failed || (list.bytes.len > 0 && !node.literal.as.slice.data)
                     ? out_of_memory(parser)
                     : OTC_OK;
    }
    otc_buf_release(&list.bytes);
    return status == OTC_OK ? add_node(parser, &node, out) : status;
}

/* ---- Functions ---------------------------------------------------------------------------------- */

static otc_status
parse_arguments(struct parser *parser, uint16_t *first, size_t *n)
{
    uint16_t last = 0, argument;
    otc_status status = OTC_OK;

    *first = 0;
    for (*n = 0; !accept(parser, ")"); (*n)++) {
        if (*n > 0 && !accept(parser, ",")) {
            return expected(parser, "\",\" or \")\"");
        }
        status = *n < OTC_OTTL_ARGUMENTS_MAX ? parse_sum(parser, &argument)
                                             : expected(parser, "at most 8 arguments");
        if (status != OTC_OK) {
            return status;
        }
        if (last) {
            parser->condition->nodes[last].next = argument;
        } else {
            *first = argument;
        }
        last = argument;
    }
    return OTC_OK;
}

static otc_status
unknown_function(struct parser *parser, size_t at, struct otc_slice name)
{
    OTC_AUTO_BUF struct otc_buf known = {.limit = 1024};

    otc_ottl_function_names(&known);
    return otc_fail(parser->err, OTC_INVALID_ARGUMENT,
                    "character %zu: undefined function \"%.*s\"; this build has %s", at + 1,
                    OTC_SLICE_ARG(name), otc_buf_cstr(&known));
}

/* A function of the place: its arguments are literals. */
static otc_status
bind_own(struct parser *parser, size_t at, struct otc_slice name, uint16_t first, struct otc_ottl_node *node)
{
    struct otc_value arguments[OTC_OTTL_ARGUMENTS_MAX];
    otc_status status = OTC_NOT_FOUND;
    size_t n = 0;

    for (uint16_t i = first; i && parser->language->function; i = parser->condition->nodes[i].next) {
        if (parser->condition->nodes[i].type != OTC_OTTL_LITERAL) {
            return unknown_function(parser, at, name);
        }
        arguments[n++] = parser->condition->nodes[i].literal;
    }
    if (parser->language->function) {
        struct otc_error why = OTC_ERROR_INIT;

        status = parser->language->function(parser->language->arg, name, arguments, n, &node->path, &why);
        if (status != OTC_OK && status != OTC_NOT_FOUND) {
            return otc_fail(parser->err, status, "character %zu: %s", at + 1, why.text);
        }
    }
    node->type = OTC_OTTL_PATH;
    node->is_call = true;
    return status == OTC_OK ? OTC_OK : unknown_function(parser, at, name);
}

/* IsMatch("…", "pattern"): compiled here, so that a wrong one is refused. */
static otc_status
compile_pattern(struct parser *parser, size_t at, struct otc_ottl_node *node)
{
    struct otc_error why = OTC_ERROR_INIT;
    uint16_t last = node->left;
    const struct otc_value *pattern;
    char *text;

    while (parser->condition->nodes[last].next) {
        last = parser->condition->nodes[last].next;
    }
    if (parser->condition->nodes[last].type != OTC_OTTL_LITERAL) {
        return OTC_OK;
    }
    pattern = &parser->condition->nodes[last].literal;
    if (pattern->type != OTC_VALUE_STRING) {
        return otc_fail(parser->err, OTC_INVALID_ARGUMENT, "character %zu: the pattern must be a text",
                        at + 1);
    }
    text = otc_arena_strndup(&parser->condition->texts, pattern->as.slice.data, pattern->as.slice.len);
    if (!text) {
        return out_of_memory(parser);
    }
    return otc_regex_new(text, &node->regex, &why) == OTC_OK
               ? OTC_OK
               : otc_fail(parser->err, OTC_INVALID_ARGUMENT, "character %zu: %s", at + 1, why.text);
}

static otc_status
parse_call(struct parser *parser, struct otc_slice name, uint16_t *out)
{
    struct otc_ottl_node node = {.type = OTC_OTTL_CALL, .function = otc_ottl_function_find(name)};
    size_t at = parser->at, n = 0;
    otc_status status;

    parser->at += name.len;
    (void)accept(parser, "(");
    status = parse_arguments(parser, &node.left, &n);
    if (status == OTC_OK && !node.function) {
        status = bind_own(parser, at, name, node.left, &node);
        node.left = 0;
    } else if (status == OTC_OK && (n < node.function->least || n > node.function->most)) {
        status =
            otc_fail(parser->err, OTC_INVALID_ARGUMENT, "character %zu: %s takes %u to %u arguments, not %zu",
                     at + 1, node.function->name, node.function->least, node.function->most, n);
    } else if (status == OTC_OK && node.function->takes_pattern) {
        status = compile_pattern(parser, at, &node);
    }
    if (status == OTC_OK) {
        node.is_id = node.function && node.function->gives_id;
        status = add_node(parser, &node, out);
    }
    if (status != OTC_OK) {
        otc_regex_free(node.regex);
    }
    return status;
}

/* ---- Values ------------------------------------------------------------------------------------- */

static otc_status parse_joined(struct parser *parser, bool any, uint16_t *out);
static otc_status parse_primary(struct parser *parser, uint16_t *out);

/* The name of a function here, with a capital and a parenthesis behind it; or an empty slice. */
static struct otc_slice
function_name(const struct parser *parser)
{
    struct otc_slice name = otc_slice_skip(parser->text, parser->at);
    size_t len = 0, paren;

    while (len < name.len && is_word(name.data[len])) {
        len++;
    }
    for (paren = len; paren < name.len && isspace(name.data[paren]); paren++) {
    }
    name.len = len > 0 && isupper(name.data[0]) && paren < name.len && name.data[paren] == '(' ? len : 0;
    return name;
}

static otc_status
parse_named(struct parser *parser, uint16_t *out)
{
    struct otc_ottl_node node = {.type = OTC_OTTL_LITERAL};
    struct otc_slice name = function_name(parser);
    otc_status status;

    if (name.len > 0) {
        return parse_call(parser, name, out);
    }
    if (isupper(peek(parser))) {
        status = parse_constant(parser, &node.literal);
    } else {
        node.type = OTC_OTTL_PATH;
        status =
            parser->language->path(parser->language->arg, parser->text, &parser->at, &node.path, parser->err);
        node.is_id = status == OTC_OK && parser->language->is_id &&
                     parser->language->is_id(parser->language->arg, node.path);
    }
    return status == OTC_OK ? add_node(parser, &node, out) : status;
}

/* What a sign may stand before: a path, a function, or a value in parentheses. */
static otc_status
parse_unsigned(struct parser *parser, uint16_t *out)
{
    otc_status status;

    if (peek(parser) != '(') {
        return parse_named(parser, out);
    }
    status = parse_primary(parser, out);
    return status != OTC_OK || is_value(parser, *out) ? status : expected(parser, "a value, not a condition");
}

/* What follows a sign. A literal keeps it: -0.0 and the least integer are numbers of their own. */
static otc_status
parse_signed(struct parser *parser, bool negative, uint16_t *out)
{
    struct otc_ottl_node zero = {.type = OTC_OTTL_LITERAL, .literal = {.type = OTC_VALUE_INT}};
    struct otc_ottl_node node = {.type = OTC_OTTL_MATH, .sign = '-'};
    uint8_t next = peek(parser);
    otc_status status;

    if (isdigit(next) || next == '.') {
        status = otc_ottl_read_number(parser->text, &parser->at, &zero.literal, parser->err);
        if (negative && zero.literal.type == OTC_VALUE_INT) {
            zero.literal.as.integer = (int64_t)(0 - (uint64_t)zero.literal.as.integer);
        } else if (negative) {
            zero.literal.as.real = -zero.literal.as.real;
        }
        return status == OTC_OK ? add_node(parser, &zero, out) : status;
    }
    if (!negative) {
        return parse_unsigned(parser, out);
    }
    status = add_node(parser, &zero, &node.left);
    if (status == OTC_OK) {
        status = parse_unsigned(parser, &node.right);
    }
    return status == OTC_OK ? add_node(parser, &node, out) : status;
}

/* A value, or a condition in parentheses. */
static otc_status
parse_primary(struct parser *parser, uint16_t *out)
{
    struct otc_ottl_node node = {.type = OTC_OTTL_LITERAL};
    otc_status status;
    bool found;

    if (peek(parser) == 0) {
        return expected(parser, "a path, a function or a value");
    }
    if (parser->depth == OTC_CONDITION_DEPTH_MAX) {
        return expected(parser, "at most 32 levels of not, parentheses and functions");
    }
    parser->depth++;
    if (accept(parser, "(")) {
        status = parse_joined(parser, true, out);
        if (status == OTC_OK && !accept(parser, ")")) {
            status = expected(parser, "\")\", and, or");
        }
    } else if (accept(parser, "-")) {
        status = parse_signed(parser, true, out);
    } else if (accept(parser, "+")) {
        status = parse_signed(parser, false, out);
    } else if (accept(parser, "[")) {
        status = parse_list(parser, out);
    } else {
        status = parse_literal(parser, &node.literal, &found);
        if (status == OTC_OK) {
            status = found ? add_node(parser, &node, out) : parse_named(parser, out);
        }
    }
    parser->depth--;
    return status;
}

static otc_status
add_math(struct parser *parser, char sign, uint16_t left, uint16_t right, uint16_t *out)
{
    const struct otc_ottl_node node = {.type = OTC_OTTL_MATH, .sign = sign, .left = left, .right = right};

    return is_value(parser, left) && is_value(parser, right)
               ? add_node(parser, &node, out)
               : expected(parser, "values on both sides of the operator, not conditions");
}

/* Products (`sums` false), or sums of them. */
static otc_status
parse_math(struct parser *parser, bool sums, uint16_t *out)
{
    otc_status status;

    *out = 0;
    status = sums ? parse_math(parser, false, out) : parse_primary(parser, out);
    for (;;) {
        uint8_t sign = peek(parser);
        uint16_t right = 0;

        if (status != OTC_OK || !sign || !strchr(sums ? "+-" : "*/", sign)) {
            return status;
        }
        parser->at++;
        status = sums ? parse_math(parser, false, &right) : parse_primary(parser, &right);
        if (status == OTC_OK) {
            status = add_math(parser, (char)sign, *out, right, out);
        }
    }
}

static otc_status
parse_sum(struct parser *parser, uint16_t *out)
{
    otc_status status = parse_math(parser, true, out);

    return status != OTC_OK || is_value(parser, *out) ? status : expected(parser, "a value, not a condition");
}

/* ---- Conditions --------------------------------------------------------------------------------- */

/* Makes a condition of a value that is one by itself: true, false, a function. */
static otc_status
make_condition(struct parser *parser, uint16_t *node)
{
    const struct otc_ottl_node *value = &parser->condition->nodes[*node];
    const struct otc_ottl_node truth = {.type = OTC_OTTL_TRUTH, .left = *node};

    if (!is_value(parser, *node)) {
        return OTC_OK;
    }
    if ((value->type == OTC_OTTL_LITERAL && value->literal.type == OTC_VALUE_BOOL) ||
        value->type == OTC_OTTL_CALL || value->is_call) {
        return add_node(parser, &truth, node);
    }
    return expected(parser, "==, !=, <, <=, > or >=");
}

static otc_status
parse_comparison(struct parser *parser, uint16_t *out)
{
    static const char *const signs[] = {"==", "!=", "<=", ">=", "<", ">"};
    struct otc_ottl_node node = {.type = OTC_OTTL_COMPARE};
    size_t sign = 0;
    otc_status status = parse_math(parser, true, &node.left);

    if (status != OTC_OK) {
        return status;
    }
    while (sign < sizeof(signs) / sizeof(signs[0]) && !accept(parser, signs[sign])) {
        sign++;
    }
    if (sign == sizeof(signs) / sizeof(signs[0])) {
        *out = node.left;
        /* In parentheses it may be a value. */
        return peek(parser) == ')' ? OTC_OK : make_condition(parser, out);
    }
    if (!is_value(parser, node.left)) {
        return expected(parser, "and, or, or the end: a condition cannot be compared");
    }
    node.comparison = (enum otc_comparison)sign;
    status = parse_sum(parser, &node.right);
    return status == OTC_OK ? add_node(parser, &node, out) : status;
}

static otc_status
parse_term(struct parser *parser, uint16_t *out)
{
    struct otc_ottl_node node = {.type = OTC_OTTL_NOT};
    otc_status status;

    if (!accept(parser, "not")) {
        return parse_comparison(parser, out);
    }
    if (parser->depth == OTC_CONDITION_DEPTH_MAX) {
        return expected(parser, "at most 32 levels of not, parentheses and functions");
    }
    parser->depth++;
    status = parse_term(parser, &node.left);
    parser->depth--;
    if (status == OTC_OK) {
        status = make_condition(parser, &node.left);
    }
    return status == OTC_OK ? add_node(parser, &node, out) : status;
}

/* Terms joined by `and`, or (with `any`) such joined by `or`. */
static otc_status
parse_joined(struct parser *parser, bool any, uint16_t *out)
{
    otc_status status = any ? parse_joined(parser, false, out) : parse_term(parser, out);

    while (status == OTC_OK && accept(parser, any ? "or" : "and")) {
        struct otc_ottl_node node = {.type = any ? OTC_OTTL_OR : OTC_OTTL_AND, .left = *out};

        status = any ? parse_joined(parser, false, &node.right) : parse_term(parser, &node.right);
        if (status == OTC_OK) {
            status = make_condition(parser, &node.left);
        }
        if (status == OTC_OK) {
            status = make_condition(parser, &node.right);
        }
        status = status == OTC_OK ? add_node(parser, &node, out) : status;
    }
    return status;
}

/* A condition, or (`value_alone`) a value. */
static otc_status
parse_whole(const char *text, const struct otc_condition_language *language, bool value_alone,
            struct otc_condition **out, struct otc_error *err)
{
    const struct otc_ottl_node none = {.type = OTC_OTTL_LITERAL};
    struct parser parser = {.text = otc_slice_str(text), .language = language, .err = err};
    otc_status status;
    uint16_t ignored;

    parser.condition = calloc(1, sizeof(*parser.condition));
    if (!parser.condition) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    otc_arena_init(&parser.condition->texts, TEXTS_MAX);
    status = add_node(&parser, &none, &ignored);
    if (status == OTC_OK) {
        status = value_alone ? parse_sum(&parser, &parser.condition->root)
                             : parse_joined(&parser, true, &parser.condition->root);
    }
    if (status == OTC_OK && peek(&parser) == 0 && !value_alone) {
        status = make_condition(&parser, &parser.condition->root);
    }
    if (status == OTC_OK && peek(&parser) != 0) {
        status = expected(&parser, value_alone ? "an operator, \",\" or \")\"" : "and, or, or the end");
    }
    if (status != OTC_OK) {
        otc_condition_free(parser.condition);
        return status;
    }
    *out = parser.condition;
    return OTC_OK;
}

otc_status
otc_condition_parse(const char *text, const struct otc_condition_language *language,
                    struct otc_condition **out, struct otc_error *err)
{
    return parse_whole(text, language, false, out, err);
}

otc_status
otc_condition_parse_value(const char *text, const struct otc_condition_language *language,
                          struct otc_condition **out, struct otc_error *err)
{
    return parse_whole(text, language, true, out, err);
}

void
otc_condition_free(struct otc_condition *condition)
{
    if (!condition) {
        return;
    }
    for (uint16_t i = 0; i < condition->n; i++) {
        otc_regex_free(condition->nodes[i].regex);
    }
    otc_arena_release(&condition->texts);
    free(condition->nodes);
    free(condition);
}
