// SPDX-License-Identifier: Apache-2.0
#include "processors/transform/statement.h"

#include <ctype.h>
#include <string.h>

#define TEXTS_MAX ((size_t)1 << 20)

enum pattern { NO_PATTERN, EXPRESSION, WILDCARDS };

static const char *const replaced[] = {"key", "value", NULL};
static const char *const strategies[] = {"insert", "update", "upsert", NULL};

static const struct {
    const char *name;
    size_t least, most; /* arguments behind the target */
    bool of_map;
    enum pattern pattern;
    size_t pattern_at;        /* among the arguments */
    const char *const *words; /* one of which an argument is */
    size_t word_at;
    enum transform_mode first; /* that of the first word */
} editors[] = {
    [TRANSFORM_DELETE_KEY] = {"delete_key", 1, 1, .of_map = true},
    [TRANSFORM_DELETE_MATCHING_KEYS] = {"delete_matching_keys", 1, 1, .of_map = true, .pattern = EXPRESSION},
    [TRANSFORM_FLATTEN] = {"flatten", 0, 2, .of_map = true},
    [TRANSFORM_KEEP_KEYS] = {"keep_keys", 1, 1, .of_map = true},
    [TRANSFORM_KEEP_MATCHING_KEYS] = {"keep_matching_keys", 1, 1, .of_map = true, .pattern = EXPRESSION},
    [TRANSFORM_LIMIT] = {"limit", 1, 2, .of_map = true},
    [TRANSFORM_MERGE_MAPS] = {"merge_maps", 2, 2, .of_map = true, .words = strategies, .word_at = 1,
                              .first = TRANSFORM_INSERT},
    [TRANSFORM_REPLACE_ALL_MATCHES] = {"replace_all_matches", 2, 2, .of_map = true, .pattern = WILDCARDS},
    [TRANSFORM_REPLACE_ALL_PATTERNS] = {"replace_all_patterns", 3, 3, .of_map = true, .pattern = EXPRESSION,
                                        .pattern_at = 1, .words = replaced, .first = TRANSFORM_KEYS},
    [TRANSFORM_REPLACE_MATCH] = {"replace_match", 2, 2, .pattern = WILDCARDS},
    [TRANSFORM_REPLACE_PATTERN] = {"replace_pattern", 2, 2, .pattern = EXPRESSION},
    [TRANSFORM_SET] = {"set", 1, 1, .of_map = false},
    [TRANSFORM_TRUNCATE_ALL] = {"truncate_all", 1, 1, .of_map = true},
};
#define N_EDITORS (sizeof(editors) / sizeof(editors[0]))

/* The text, and where its pieces lie. */
struct pieces {
    const char *text;
    size_t name, name_end;
    size_t starts[TRANSFORM_ARGUMENTS_MAX + 1], ends[TRANSFORM_ARGUMENTS_MAX + 1];
    size_t n;
    size_t where; /* behind the word; 0: there is none */
};

static otc_status
wrong(size_t at, const char *what, struct otc_error *err)
{
    return otc_fail(err, OTC_INVALID_ARGUMENT, "character %zu: expected %s", at + 1, what);
}

static size_t
skip_blanks(const char *text, size_t at)
{
    while (isspace((unsigned char)text[at])) {
        at++;
    }
    return at;
}

/* The end of an argument: a comma or parenthesis that is neither quoted nor inside brackets. */
static size_t
argument_end(const char *text, size_t at)
{
    size_t depth = 0;

    for (bool quoted = false; text[at]; at++) {
        if (quoted && text[at] == '\\' && text[at + 1]) {
            at++;
        } else if (text[at] == '"') {
            quoted = !quoted;
        } else if (!quoted && strchr("([{", text[at])) {
            depth++;
        } else if (!quoted && depth == 0 && strchr(",)", text[at])) {
            break;
        } else if (!quoted && strchr(")]}", text[at])) {
            depth -= depth > 0;
        }
    }
    return at;
}

static otc_status
cut_arguments(struct pieces *pieces, size_t *at, struct otc_error *err)
{
    const char *text = pieces->text;

    for (;;) {
        size_t end = argument_end(text, *at);

        if (pieces->n == TRANSFORM_ARGUMENTS_MAX + 1) {
            return wrong(*at, "at most 4 arguments", err);
        }
        pieces->starts[pieces->n] = *at;
        pieces->ends[pieces->n++] = end;
        *at = end;
        if (text[end] == '\0') {
            return wrong(end, "\",\" or \")\"", err);
        }
        (*at)++;
        if (text[end] == ')') {
            return OTC_OK;
        }
    }
}

static otc_status
cut(struct pieces *pieces, struct otc_error *err)
{
    const char *text = pieces->text;
    size_t at = skip_blanks(text, 0);
    otc_status status;

    pieces->name = at;
    while (islower((unsigned char)text[at]) || text[at] == '_') {
        at++;
    }
    pieces->name_end = at;
    at = skip_blanks(text, at);
    if (pieces->name_end == pieces->name || text[at] != '(') {
        return wrong(at, "an editor such as set(…)", err);
    }
    at++;
    status = cut_arguments(pieces, &at, err);
    if (status != OTC_OK) {
        return status;
    }
    at = skip_blanks(text, at);
    if (text[at] == '\0') {
        return OTC_OK;
    }
    if (strncmp(text + at, "where", 5) != 0 ||
        !(isspace((unsigned char)text[at + 5]) || text[at + 5] == '(')) {
        return wrong(at, "where, or the end", err);
    }
    pieces->where = at + 5;
    return OTC_OK;
}

/* A piece where it stands, with blanks before it: what is wrong in it has its place in the whole. */
static const char *
piece(struct transform_statement *statement, const char *text, size_t from, size_t to)
{
    char *copy = otc_arena_strndup(&statement->texts, text, to);

    if (copy) {
        memset(copy, ' ', from);
    }
    return copy;
}

static otc_status
find_editor(const struct pieces *pieces, enum transform_editor *out, struct otc_error *err)
{
    struct otc_slice name = otc_slice_of(pieces->text + pieces->name, pieces->name_end - pieces->name);

    for (size_t i = 0; i < N_EDITORS; i++) {
        if (otc_slice_equal_str(name, editors[i].name)) {
            *out = (enum transform_editor)i;
            if (pieces->n - 1 >= editors[i].least && pieces->n - 1 <= editors[i].most) {
                return OTC_OK;
            }
            return editors[i].least == editors[i].most
                       ? otc_fail(err, OTC_INVALID_ARGUMENT,
                                  "character %zu: %s takes %zu arguments in this build", pieces->name + 1,
                                  editors[i].name, editors[i].most + 1)
                       : otc_fail(err, OTC_INVALID_ARGUMENT,
                                  "character %zu: %s takes %zu to %zu arguments in this build",
                                  pieces->name + 1, editors[i].name, editors[i].least + 1,
                                  editors[i].most + 1);
        }
    }
    return otc_fail(err, OTC_INVALID_ARGUMENT,
                    "character %zu: undefined function \"%.*s\"; this build has delete_key, "
                    "delete_matching_keys, flatten, keep_keys, keep_matching_keys, limit, merge_maps, "
                    "replace_all_matches, replace_all_patterns, replace_match, replace_pattern, set, "
                    "truncate_all",
                    pieces->name + 1, OTC_SLICE_ARG(name));
}

static bool
edits_a_text(enum transform_editor editor)
{
    return editor == TRANSFORM_REPLACE_PATTERN || editor == TRANSFORM_REPLACE_MATCH;
}

static otc_status
check_target(const struct transform_statement *statement, size_t at, struct otc_error *err)
{
    enum otc_ottl_target_kind kind = statement->target.kind;
    bool is_map = kind == OTC_OTTL_ATTRIBUTES;
    bool is_text = kind == OTC_OTTL_ATTRIBUTE || kind == OTC_OTTL_TEXT || kind == OTC_OTTL_INSIDE_TEXT ||
                   kind == OTC_OTTL_BODY;

    if (is_map != editors[statement->editor].of_map) {
        return wrong(at,
                     is_map ? "one attribute: all of them cannot be set at once in this build"
                            : "attributes, a map",
                     err);
    }
    return !edits_a_text(statement->editor) || is_text ? OTC_OK : wrong(at, "a path of a text", err);
}

/* A literal argument's value. False: it is none. */
static bool
literal(struct transform_statement *statement, size_t i, struct otc_value *out)
{
    static const struct otc_ottl_subject nothing;
    char why[160];

    return otc_ottl_is_literal(&statement->arguments, i) &&
           otc_ottl_value(&statement->arguments, i, &nothing, &statement->texts, out, why);
}

/* Compiles the argument that is a pattern. */
static otc_status
compile_pattern(struct transform_statement *statement, const struct pieces *pieces, struct otc_error *err)
{
    size_t i = editors[statement->editor].pattern_at;
    size_t at = skip_blanks(pieces->text, pieces->starts[i + 1]);
    struct otc_value value = {.type = OTC_VALUE_ABSENT};
    struct otc_error why = OTC_ERROR_INIT;
    otc_status status;
    char *pattern;

    if (!literal(statement, i, &value) || value.type != OTC_VALUE_STRING) {
        return wrong(at, "a pattern in double quotes", err);
    }
    if (editors[statement->editor].pattern == WILDCARDS) {
        status = transform_glob(value.as.slice, &statement->regex, &why);
    } else {
        pattern = otc_arena_strndup(&statement->texts, value.as.slice.data, value.as.slice.len);
        status = pattern ? otc_regex_new(pattern, &statement->regex, &why)
                         : otc_fail(&why, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    return status == OTC_OK ? OTC_OK : otc_fail(err, why.status, "character %zu: %s", at + 1, why.text);
}

/* Finds the argument that is one of some words. */
static otc_status
read_word(struct transform_statement *statement, const struct pieces *pieces, struct otc_error *err)
{
    const char *const *words = editors[statement->editor].words;
    size_t i = editors[statement->editor].word_at;
    struct otc_value value = {.type = OTC_VALUE_ABSENT};

    if (literal(statement, i, &value) && value.type == OTC_VALUE_STRING) {
        for (size_t word = 0; words[word]; word++) {
            if (otc_slice_equal_str(value.as.slice, words[word])) {
                statement->mode = (enum transform_mode)(editors[statement->editor].first + word);
                return OTC_OK;
            }
        }
    }
    return wrong(skip_blanks(pieces->text, pieces->starts[i + 1]),
                 words == replaced ? "\"key\" or \"value\"" : "\"insert\", \"update\" or \"upsert\"", err);
}

static otc_status
check_flatten(struct transform_statement *statement, const struct pieces *pieces, struct otc_error *err)
{
    struct otc_value value = {.type = OTC_VALUE_ABSENT};

    if (statement->arguments.n > 0 && (!literal(statement, 0, &value) || value.type != OTC_VALUE_STRING)) {
        return wrong(skip_blanks(pieces->text, pieces->starts[1]), "a prefix in double quotes", err);
    }
    if (statement->arguments.n > 1 &&
        (!literal(statement, 1, &value) || value.type != OTC_VALUE_INT || value.as.integer < 1)) {
        return wrong(skip_blanks(pieces->text, pieces->starts[2]), "a number from 1", err);
    }
    return OTC_OK;
}

static otc_status
check_arguments(struct transform_statement *statement, const struct pieces *pieces, struct otc_error *err)
{
    struct otc_value value = {.type = OTC_VALUE_ABSENT};
    enum transform_editor editor = statement->editor;
    size_t at = pieces->n > 1 ? skip_blanks(pieces->text, pieces->starts[1]) : 0;
    otc_status status;

    if (editor == TRANSFORM_FLATTEN) {
        return check_flatten(statement, pieces, err);
    }
    if (editor == TRANSFORM_LIMIT || editor == TRANSFORM_TRUNCATE_ALL) {
        if (!literal(statement, 0, &value) || value.type != OTC_VALUE_INT || value.as.integer < 0) {
            return wrong(at, "a number from 0", err);
        }
    }
    if (editor == TRANSFORM_LIMIT && statement->arguments.n > 1 &&
        (!literal(statement, 1, &value) || value.type != OTC_VALUE_ARRAY)) {
        return wrong(skip_blanks(pieces->text, pieces->starts[2]), "a list of keys", err);
    }
    if (editor == TRANSFORM_KEEP_KEYS && (!literal(statement, 0, &value) || value.type != OTC_VALUE_ARRAY)) {
        return wrong(at, "a list of keys", err);
    }
    status = editors[editor].words ? read_word(statement, pieces, err) : OTC_OK;
    return status == OTC_OK && editors[editor].pattern != NO_PATTERN ? compile_pattern(statement, pieces, err)
                                                                     : status;
}

/* A piece without the blanks around it. */
static const char *
trimmed(struct transform_statement *statement, const char *text, size_t from, size_t to)
{
    from = skip_blanks(text, from);
    while (to > from && isspace((unsigned char)text[to - 1])) {
        to--;
    }
    return otc_arena_strndup(&statement->texts, text + from, to - from);
}

static otc_status
compile(struct transform_statement *statement, enum otc_ottl_context context, const struct pieces *pieces,
        struct otc_error *err)
{
    const char *text = piece(statement, pieces->text, pieces->starts[0], pieces->ends[0]);
    otc_status status = text
                            ? otc_ottl_target_parse(context, text, &statement->texts, &statement->target, err)
                            : otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");

    if (status == OTC_OK) {
        statement->rest = pieces->text + pieces->ends[0];
        statement->path = trimmed(statement, pieces->text, pieces->starts[0], pieces->ends[0]);
        status = statement->path ? OTC_OK : otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    if (status == OTC_OK) {
        status = check_target(statement, skip_blanks(pieces->text, pieces->starts[0]), err);
    }
    for (size_t i = 1; i < pieces->n && status == OTC_OK; i++) {
        text = piece(statement, pieces->text, pieces->starts[i], pieces->ends[i]);
        status = text ? otc_ottl_conditions_add_value(&statement->arguments, context, text, err)
                      : otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    if (status == OTC_OK) {
        status = check_arguments(statement, pieces, err);
    }
    if (status == OTC_OK && edits_a_text(statement->editor)) {
        /* What it changes is read as the third argument. */
        text = piece(statement, pieces->text, pieces->starts[0], pieces->ends[0]);
        status = text ? otc_ottl_conditions_add_value(&statement->arguments, context, text, err)
                      : otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    if (status == OTC_OK && pieces->where > 0) {
        text = piece(statement, pieces->text, pieces->where, strlen(pieces->text));
        status = text ? otc_ottl_conditions_add(&statement->where, context, text, err)
                      : otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    return status;
}

otc_status
transform_statement_init(struct transform_statement *statement, enum otc_ottl_context context,
                         const char *text, struct otc_error *err)
{
    struct pieces pieces = {.text = text};
    otc_status status = cut(&pieces, err);

    *statement = (struct transform_statement){0};
    otc_arena_init(&statement->texts, TEXTS_MAX);
    if (status == OTC_OK) {
        status = find_editor(&pieces, &statement->editor, err);
    }
    if (status == OTC_OK) {
        status = compile(statement, context, &pieces, err);
    }
    if (status != OTC_OK) {
        transform_statement_release(statement);
    }
    return status;
}

void
transform_statement_release(struct transform_statement *statement)
{
    otc_ottl_conditions_release(&statement->arguments);
    otc_ottl_conditions_release(&statement->where);
    otc_regex_free(statement->regex);
    otc_arena_release(&statement->texts);
}
