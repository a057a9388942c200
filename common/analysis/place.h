// SPDX-License-Identifier: Apache-2.0
/**
 * @file Where a value of a span or log record is: the texts of `features[].from`, parsed.
 *
 *     place = attributes["key"] steps, span. and log. before it; scope., resource.
 *           | duration | name | kind | status                                          of spans
 *           | events["event.name"].attributes["key"] steps                             the first of that name
 *           | events["event.name"].elapsed | events["event.name"].count
 *           | body steps | severity_number | severity_text | event_name                of log records
 *           | json( place ) steps                                                      not of another json()
 *     steps = any of .member ["member"] [3]
 */
#ifndef OTC_ANALYSIS_PLACE_H
#define OTC_ANALYSIS_PLACE_H

#include "common/json/scan.h"
#include "common/otlp/walk.h"

enum otc_place_root {
    OTC_PLACE_ATTRIBUTE,
    OTC_PLACE_DURATION, /* seconds from start to end */
    OTC_PLACE_NAME,
    OTC_PLACE_KIND,   /* "unspecified", "internal", "server", "client", "producer", "consumer" */
    OTC_PLACE_STATUS, /* "unset", "ok", "error" */
    OTC_PLACE_EVENT_ATTRIBUTE,
    OTC_PLACE_EVENT_ELAPSED, /* seconds from the span's start to the first event of the name */
    OTC_PLACE_EVENT_COUNT,   /* events of the name */
    OTC_PLACE_BODY,
    OTC_PLACE_SEVERITY_NUMBER,
    OTC_PLACE_SEVERITY_TEXT,
    OTC_PLACE_EVENT_NAME
};

/** Most steps of a place, those of its json() not counted. */
#define OTC_PLACE_STEPS_MAX 16

struct otc_place {
    enum otc_place_root root;
    enum otc_attribute_level level;
    char *key;   /* of an attribute */
    char *event; /* name of the event */
    struct otc_json_step *steps;
    size_t n_steps;
    /** json(…): the value is a JSON text, and these steps lead into it. */
    bool json;
    struct otc_json_step *json_steps;
    size_t n_json_steps;
};

/**
 * Parses all of `text`. INVALID_ARGUMENT "character 12: expected …" says what the grammar has there. The
 * place is to be released, also after a failure.
 */
OTC_CHECK otc_status otc_place_parse(struct otc_slice text, struct otc_place *out, struct otc_error *err);
/** Parses the place that begins at text[*at] and moves `*at` behind it: for grammars that hold places. */
OTC_CHECK otc_status otc_place_parse_at(struct otc_slice text, size_t *at, struct otc_place *out,
                                        struct otc_error *err);
/** A string in double quotes at text[*at], `\"` and `\\` in it; malloced. NULL, with `err`, when there is
 * none.
 */
char *otc_place_quoted(struct otc_slice text, size_t *at, struct otc_error *err);
void otc_place_release(struct otc_place *place);
/** True when both read the same value, json steps not looked at. */
bool otc_place_same_base(const struct otc_place *a, const struct otc_place *b);

/** The same with them. */
bool otc_place_same(const struct otc_place *a, const struct otc_place *b);

/** What every span, or every log record, has: carrying it says nothing. */
bool otc_place_is_field(const struct otc_place *place);

/** A span or a log record, borrowed. */
struct otc_subject {
    const struct otc_record *record;
    /** One of both, the other is NULL. */
    const struct otc_span *span;
    const struct otc_log_record *log;
};
/**
 * The value at a place's base: what json() is applied to, or the place itself. `attribute` is that of the
 * record at the place's key (not looked at for other roots). ABSENT: the record has nothing there.
 */
struct otc_value otc_place_read(const struct otc_place *place, const struct otc_subject *subject,
                                const struct otc_value *attribute);
/** What is in a list or map of values after `n` steps; ABSENT: nothing. */
struct otc_value otc_place_descend(struct otc_value value, const struct otc_json_step *steps, size_t n);
/** Seconds from a span's start to its end; NaN: it does not say. */
double otc_span_duration(const struct otc_span *span);

#endif
