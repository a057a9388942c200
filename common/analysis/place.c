// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/place.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>

/* ---- Parsing ------------------------------------------------------------------------------------ */

#define PLACES                                                                                               \
    "a place is attributes[\"key\"], scope.attributes[\"key\"], resource.attributes[\"key\"], duration, "    \
    "name, kind, status, events[\"name\"].attributes[\"key\"], events[\"name\"].elapsed, "                   \
    "events[\"name\"].count, body, severity_number, severity_text, event_name, or json(place).member[0]"

struct parser {
    struct otc_slice text;
    size_t at;
    struct otc_error *err;
};

static otc_status
expected(const struct parser *parser, const char *what)
{
    return otc_fail(parser->err, OTC_INVALID_ARGUMENT, "character %zu: expected %s", parser->at + 1, what);
}

static bool
accept(struct parser *parser, const char *token)
{
    struct otc_slice literal = otc_slice_str(token);

    if (!otc_slice_starts(otc_slice_skip(parser->text, parser->at), literal)) {
        return false;
    }
    parser->at += literal.len;
    return true;
}

static bool
is_word(uint8_t c)
{
    return isalnum(c) || c == '_' || c == '-';
}

/* A word that ends there: `name`, not `names`. */
static bool
accept_word(struct parser *parser, const char *word)
{
    size_t before = parser->at;

    if (accept(parser, word) && (parser->at == parser->text.len || !is_word(parser->text.data[parser->at]))) {
        return true;
    }
    parser->at = before;
    return false;
}

char *
otc_place_quoted(struct otc_slice text, size_t *at, struct otc_error *err)
{
    struct parser parser = {text, *at, err};
    char *out = malloc(text.len + 1);
    size_t len = 0;

    if (!out) {
        (void)otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
        return NULL;
    }
    if (!accept(&parser, "\"")) {
        (void)expected(&parser, "a text in double quotes");
        free(out);
        return NULL;
    }
    while (parser.at < text.len && text.data[parser.at] != '"') {
        if (text.data[parser.at] == '\\' && parser.at + 1 < text.len &&
            strchr("\"\\", text.data[parser.at + 1])) {
            parser.at++;
        }
        out[len++] = (char)text.data[parser.at++];
    }
    if (!accept(&parser, "\"")) {
        (void)expected(&parser, "the closing double quote");
        free(out);
        return NULL;
    }
    out[len] = '\0';
    *at = parser.at;
    return out;
}

/* ["key"], into `*out` (malloced). */
static otc_status
parse_key(struct parser *parser, char **out)
{
    size_t begin;

    if (!accept(parser, "[")) {
        return expected(parser, "[\"key\"]");
    }
    begin = parser->at;
    *out = otc_place_quoted(parser->text, &parser->at, parser->err);
    if (!*out) {
        return OTC_INVALID_ARGUMENT;
    }
    if (!**out || strlen(*out) > OTC_JSON_KEY_MAX) {
        parser->at = begin;
        return expected(parser, "a key of 1 to 256 bytes");
    }
    return accept(parser, "]") ? OTC_OK : expected(parser, "]");
}

static otc_status
parse_index(struct parser *parser, size_t *out)
{
    size_t digits = 0;

    *out = 0;
    while (parser->at < parser->text.len && isdigit(parser->text.data[parser->at]) && digits++ < 9) {
        *out = *out * 10 + (size_t)(parser->text.data[parser->at++] - '0');
    }
    return digits && accept(parser, "]") ? OTC_OK : expected(parser, "[\"member\"] or [index]");
}

static otc_status
parse_step(struct parser *parser, struct otc_json_step *step)
{
    size_t begin = parser->at + 1;
    char *key = NULL;
    otc_status status;

    if (accept(parser, ".")) {
        while (parser->at < parser->text.len && is_word(parser->text.data[parser->at])) {
            parser->at++;
        }
        if (parser->at == begin) {
            return expected(parser, "the name of a member (others than letters, digits, _ and - take "
                                    "[\"member\"])");
        }
        key = strndup((const char *)parser->text.data + begin, parser->at - begin);
        if (!key) {
            return otc_fail(parser->err, OTC_RESOURCE_EXHAUSTED, "out of memory");
        }
        step->key = otc_slice_of(key, parser->at - begin);
        return OTC_OK;
    }
    if (begin < parser->text.len && parser->text.data[begin] != '"') {
        parser->at = begin;
        step->is_index = true;
        return parse_index(parser, &step->index);
    }
    status = parse_key(parser, &key);
    if (status != OTC_OK) {
        free(key);
        return status;
    }
    step->key = otc_slice_str(key);
    return OTC_OK;
}

static otc_status
parse_steps(struct parser *parser, struct otc_json_step **steps, size_t *n)
{
    while (parser->at < parser->text.len &&
           (parser->text.data[parser->at] == '.' || parser->text.data[parser->at] == '[')) {
        struct otc_json_step *grown;
        otc_status status;

        if (*n == OTC_PLACE_STEPS_MAX) {
            return expected(parser, "no more steps, there are 16");
        }
        grown = reallocarray(*steps, *n + 1, sizeof(**steps));
        if (!grown) {
            return otc_fail(parser->err, OTC_RESOURCE_EXHAUSTED, "out of memory");
        }
        *steps = grown;
        grown[*n] = (struct otc_json_step){.index = 0};
        status = parse_step(parser, &grown[*n]);
        if (status != OTC_OK) {
            return status;
        }
        ++*n;
    }
    return OTC_OK;
}

static otc_status
parse_event(struct parser *parser, struct otc_place *out)
{
    otc_status status = parse_key(parser, &out->event);

    if (status != OTC_OK) {
        return status;
    }
    if (accept_word(parser, ".elapsed")) {
        out->root = OTC_PLACE_EVENT_ELAPSED;
        return OTC_OK;
    }
    if (accept_word(parser, ".count")) {
        out->root = OTC_PLACE_EVENT_COUNT;
        return OTC_OK;
    }
    if (!accept(parser, ".attributes")) {
        return expected(parser, ".attributes[\"key\"], .elapsed or .count");
    }
    out->root = OTC_PLACE_EVENT_ATTRIBUTE;
    status = parse_key(parser, &out->key);
    return status == OTC_OK ? parse_steps(parser, &out->steps, &out->n_steps) : status;
}

static bool
parse_field(struct parser *parser, enum otc_place_root *root)
{
    static const struct {
        const char *name;
        enum otc_place_root root;
    } fields[] = {{"duration", OTC_PLACE_DURATION},
                  {"name", OTC_PLACE_NAME},
                  {"kind", OTC_PLACE_KIND},
                  {"status", OTC_PLACE_STATUS},
                  {"severity_number", OTC_PLACE_SEVERITY_NUMBER},
                  {"severity_text", OTC_PLACE_SEVERITY_TEXT},
                  {"event_name", OTC_PLACE_EVENT_NAME}};

    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (accept_word(parser, fields[i].name)) {
            *root = fields[i].root;
            return true;
        }
    }
    return false;
}

static otc_status
parse_base(struct parser *parser, struct otc_place *out)
{
    size_t begin = parser->at;
    otc_status status;

    if (parse_field(parser, &out->root)) {
        return OTC_OK;
    }
    if (accept_word(parser, "body")) {
        out->root = OTC_PLACE_BODY;
        return parse_steps(parser, &out->steps, &out->n_steps);
    }
    if (accept(parser, "events[")) {
        parser->at--;
        return parse_event(parser, out);
    }
    out->root = OTC_PLACE_ATTRIBUTE;
    out->level = accept(parser, "resource.")                ? OTC_AT_RESOURCE
                 : accept(parser, "scope.")                 ? OTC_AT_SCOPE
                 : accept(parser, "instrumentation_scope.") ? OTC_AT_SCOPE
                                                            : OTC_AT_RECORD;
    if (out->level == OTC_AT_RECORD && !accept(parser, "span.")) {
        (void)accept(parser, "log.");
    }
    if (!accept(parser, "attributes")) {
        parser->at = begin;
        return expected(parser, "a place; " PLACES);
    }
    status = parse_key(parser, &out->key);
    return status == OTC_OK ? parse_steps(parser, &out->steps, &out->n_steps) : status;
}

otc_status
otc_place_parse_at(struct otc_slice text, size_t *at, struct otc_place *out, struct otc_error *err)
{
    struct parser parser = {text, *at, err};
    otc_status status;

    *out = (struct otc_place){.root = OTC_PLACE_ATTRIBUTE};
    out->json = accept(&parser, "json(");
    status = parse_base(&parser, out);
    if (status == OTC_OK && out->json) {
        status = accept(&parser, ")") ? parse_steps(&parser, &out->json_steps, &out->n_json_steps)
                                      : expected(&parser, "\")\" after the place that holds the JSON text");
    }
    *at = parser.at;
    return status;
}

otc_status
otc_place_parse(struct otc_slice text, struct otc_place *out, struct otc_error *err)
{
    struct parser parser = {text, 0, err};
    otc_status status = otc_place_parse_at(text, &parser.at, out, err);

    if (status == OTC_OK && parser.at < text.len) {
        return expected(&parser, parser.at > 0 && text.data[parser.at - 1] == ']'
                                     ? "the end, .member, [\"member\"] or [index]"
                                     : "the end");
    }
    return status;
}

static void
release_steps(struct otc_json_step *steps, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free((void *)(uintptr_t)steps[i].key.data);
    }
    free(steps);
}

void
otc_place_release(struct otc_place *place)
{
    free(place->key);
    free(place->event);
    release_steps(place->steps, place->n_steps);
    release_steps(place->json_steps, place->n_json_steps);
    *place = (struct otc_place){.root = OTC_PLACE_ATTRIBUTE};
}

static bool
same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool
same_step(const struct otc_json_step *a, const struct otc_json_step *b)
{
    return a->is_index == b->is_index && a->index == b->index && otc_slice_equal(a->key, b->key);
}

static bool
same_steps(const struct otc_json_step *a, size_t n_a, const struct otc_json_step *b, size_t n_b)
{
    bool same = n_a == n_b;

    for (size_t i = 0; same && i < n_a; i++) {
        same = same_step(&a[i], &b[i]);
    }
    return same;
}

bool
otc_place_same_base(const struct otc_place *a, const struct otc_place *b)
{
    return a->root == b->root && a->level == b->level && same_text(a->key, b->key) &&
           same_text(a->event, b->event) && same_steps(a->steps, a->n_steps, b->steps, b->n_steps);
}

bool
otc_place_same(const struct otc_place *a, const struct otc_place *b)
{
    return otc_place_same_base(a, b) && a->json == b->json &&
           same_steps(a->json_steps, a->n_json_steps, b->json_steps, b->n_json_steps);
}

bool
otc_place_is_field(const struct otc_place *place)
{
    switch (place->root) {
    case OTC_PLACE_DURATION:
    case OTC_PLACE_NAME:
    case OTC_PLACE_KIND:
    case OTC_PLACE_STATUS:
    case OTC_PLACE_EVENT_COUNT:
    case OTC_PLACE_SEVERITY_NUMBER:
    case OTC_PLACE_SEVERITY_TEXT:
    case OTC_PLACE_EVENT_NAME:
        return true;
    case OTC_PLACE_ATTRIBUTE:
    case OTC_PLACE_EVENT_ATTRIBUTE:
    case OTC_PLACE_EVENT_ELAPSED:
    case OTC_PLACE_BODY:
        break;
    }
    return false;
}

/* ---- Reading ------------------------------------------------------------------------------------ */

/* Fields of a Span, and of its Event. */
#define SPAN_EVENTS 11u
#define EVENT_TIME 1u
#define EVENT_NAME 2u

static const struct otc_value absent = {.type = OTC_VALUE_ABSENT};

static struct otc_value
number(double value)
{
    return isnan(value) ? absent : (struct otc_value){.type = OTC_VALUE_DOUBLE, .as = {.real = value}};
}

static struct otc_value
whole(int64_t value)
{
    return (struct otc_value){.type = OTC_VALUE_INT, .as = {.integer = value}};
}

static struct otc_value
text(struct otc_slice value)
{
    return value.len ? (struct otc_value){.type = OTC_VALUE_STRING, .as = {.slice = value}} : absent;
}

static struct otc_value
word(const char *const *words, size_t n, int32_t index)
{
    return index >= 0 && (size_t)index < n ? text(otc_slice_str(words[index])) : whole(index);
}

double
otc_span_duration(const struct otc_span *span)
{
    return span->end_unix_nano >= span->start_unix_nano && span->start_unix_nano > 0
               ? (double)(span->end_unix_nano - span->start_unix_nano) / 1e9
               : NAN;
}

/* The first event of this name after `*rest`. */
static bool
next_event(struct otc_slice *rest, const char *name, struct otc_slice *event)
{
    while (otc_messages_next(rest, SPAN_EVENTS, event)) {
        if (otc_slice_equal_str(otc_message_bytes(*event, EVENT_NAME), name)) {
            return true;
        }
    }
    return false;
}

static struct otc_value
event_elapsed(const struct otc_span *span, struct otc_slice event)
{
    uint64_t at = otc_message_scalar(event, EVENT_TIME, 0);

    return number(span->start_unix_nano > 0 && at >= span->start_unix_nano
                      ? (double)(at - span->start_unix_nano) / 1e9
                      : NAN);
}

static struct otc_value
event_attribute(struct otc_slice event, const char *wanted)
{
    struct otc_value value, found = absent;
    struct otc_slice key;

    while (otc_attributes_next(OTC_ATTRIBUTES_EVENT, &event, &key, &value)) {
        if (otc_slice_equal_str(key, wanted)) {
            found = value; /* the last of duplicates, as everywhere */
        }
    }
    return found;
}

static struct otc_value
read_event(const struct otc_place *place, const struct otc_span *span)
{
    struct otc_slice rest = span->encoded, event;
    int64_t n = 0;

    if (place->root == OTC_PLACE_EVENT_COUNT) {
        while (next_event(&rest, place->event, &event)) {
            n++;
        }
        return whole(n);
    }
    if (!next_event(&rest, place->event, &event)) {
        return absent;
    }
    return place->root == OTC_PLACE_EVENT_ELAPSED
               ? event_elapsed(span, event)
               : otc_place_descend(event_attribute(event, place->key), place->steps, place->n_steps);
}

static struct otc_value
read_span(const struct otc_place *place, const struct otc_span *span)
{
    static const char *const kinds[] = {"unspecified", "internal", "server",
                                        "client",      "producer", "consumer"};
    static const char *const codes[] = {"unset", "ok", "error"};

    switch (place->root) {
    case OTC_PLACE_DURATION:
        return number(otc_span_duration(span));
    case OTC_PLACE_NAME:
        return text(span->name);
    case OTC_PLACE_KIND:
        return word(kinds, sizeof(kinds) / sizeof(kinds[0]), span->kind);
    case OTC_PLACE_STATUS:
        return word(codes, sizeof(codes) / sizeof(codes[0]), span->status_code);
    case OTC_PLACE_EVENT_ATTRIBUTE:
    case OTC_PLACE_EVENT_ELAPSED:
    case OTC_PLACE_EVENT_COUNT:
        return read_event(place, span);
    case OTC_PLACE_ATTRIBUTE:
    case OTC_PLACE_BODY:
    case OTC_PLACE_SEVERITY_NUMBER:
    case OTC_PLACE_SEVERITY_TEXT:
    case OTC_PLACE_EVENT_NAME:
        break;
    }
    return absent;
}

static struct otc_value
read_log(const struct otc_place *place, const struct otc_log_record *log)
{
    switch (place->root) {
    case OTC_PLACE_BODY:
        return otc_place_descend(log->body, place->steps, place->n_steps);
    case OTC_PLACE_SEVERITY_NUMBER:
        return log->severity_number ? whole(log->severity_number) : absent;
    case OTC_PLACE_SEVERITY_TEXT:
        return text(log->severity_text);
    case OTC_PLACE_EVENT_NAME:
        return text(log->event_name);
    case OTC_PLACE_ATTRIBUTE:
    case OTC_PLACE_DURATION:
    case OTC_PLACE_NAME:
    case OTC_PLACE_KIND:
    case OTC_PLACE_STATUS:
    case OTC_PLACE_EVENT_ATTRIBUTE:
    case OTC_PLACE_EVENT_ELAPSED:
    case OTC_PLACE_EVENT_COUNT:
        break;
    }
    return absent;
}

static struct otc_value
member(struct otc_value map, struct otc_slice wanted)
{
    struct otc_value value, found = absent;
    struct otc_slice rest = map.as.slice, key;

    while (map.type == OTC_VALUE_KVLIST && otc_attributes_next(OTC_ATTRIBUTES_KVLIST, &rest, &key, &value)) {
        if (otc_slice_equal(key, wanted)) {
            found = value;
        }
    }
    return found;
}

static struct otc_value
element(struct otc_value list, size_t index)
{
    struct otc_value value;
    struct otc_slice rest = list.as.slice;

    while (list.type == OTC_VALUE_ARRAY && otc_array_next(&rest, &value)) {
        if (index-- == 0) {
            return value;
        }
    }
    return absent;
}

struct otc_value
otc_place_descend(struct otc_value value, const struct otc_json_step *steps, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        value = steps[i].is_index ? element(value, steps[i].index) : member(value, steps[i].key);
    }
    return value;
}

struct otc_value
otc_place_read(const struct otc_place *place, const struct otc_subject *subject,
               const struct otc_value *attribute)
{
    if (place->root == OTC_PLACE_ATTRIBUTE) {
        return otc_place_descend(*attribute, place->steps, place->n_steps);
    }
    if (subject->span) {
        return read_span(place, subject->span);
    }
    return subject->log ? read_log(place, subject->log) : absent;
}
