// SPDX-License-Identifier: Apache-2.0
/**
 * @file The paths of OTTL over serialized OTLP: `attributes["k"]`, `resource.attributes["k"]`, `status.code`,
 * `metric.type`, … by context, with and without the context's name before them. Times and durations are
 * nanoseconds.
 */
#ifndef OTC_OTTL_PATHS_H
#define OTC_OTTL_PATHS_H

#include "common/otlp/walk.h"
#include "common/ottl/condition.h"

enum otc_ottl_context {
    OTC_OTTL_RESOURCE,
    OTC_OTTL_SCOPE,
    OTC_OTTL_SPAN,
    OTC_OTTL_SPANEVENT,
    OTC_OTTL_METRIC,
    OTC_OTTL_DATAPOINT,
    OTC_OTTL_LOG,
    OTC_N_OTTL_CONTEXTS
};
/** "resource", "scope", "span", "spanevent", "metric", "datapoint", "log". */
const char *otc_ottl_context_name(enum otc_ottl_context context);
/** The context of such a name; of another one OTC_N_OTTL_CONTEXTS. */
enum otc_ottl_context otc_ottl_context_of(const char *name);

/** What a condition looks at: encoded messages, those of its context and around it. */
struct otc_ottl_subject {
    /** The group (ResourceSpans …) and the Resource in it; the same of the scope. */
    struct otc_slice resource_group, resource;
    struct otc_slice scope_group, scope;
    /** SPAN, LOG, DATAPOINT: the item; SPANEVENT: the span. */
    struct otc_slice item;
    struct otc_slice event;
    int64_t event_index;
    struct otc_slice metric;
    enum otc_metric_type metric_type;
};
/** The type of a metric, and its data (Gauge, Sum, …). */
enum otc_metric_type otc_ottl_metric_data(struct otc_slice metric, struct otc_slice *data);

/** Conditions of one context, any of which may hold; zero-initialised there are none. */
struct otc_ottl_conditions {
    struct otc_condition **items;
    size_t n;
    struct otc_ottl_path *paths;
    size_t n_paths;
    struct otc_arena texts;
    enum otc_ottl_context context;
};
/** Adds a condition. Errors "character 12: …". Once a text was compiled, the context must stay the same. */
OTC_CHECK otc_status otc_ottl_conditions_add(struct otc_ottl_conditions *conditions,
                                             enum otc_ottl_context context, const char *text,
                                             struct otc_error *err);
/** Adds a value instead, for otc_ottl_value. */
OTC_CHECK otc_status otc_ottl_conditions_add_value(struct otc_ottl_conditions *conditions,
                                                   enum otc_ottl_context context, const char *text,
                                                   struct otc_error *err);
void otc_ottl_conditions_release(struct otc_ottl_conditions *conditions);

/** How an evaluation went. */
enum otc_ottl_answer { OTC_OTTL_NONE_HOLDS, OTC_OTTL_ONE_HOLDS, OTC_OTTL_FAILED };
/**
 * Whether any condition holds of the subject. One that fails does not hold; FAILED when one did and none
 * after it holds, `why` says why (160 bytes). `texts` is working memory that the caller releases.
 */
enum otc_ottl_answer otc_ottl_any_holds(const struct otc_ottl_conditions *conditions,
                                        const struct otc_ottl_subject *subject, struct otc_arena *texts,
                                        char why[160]);
/** The i-th of them, a value. False: it failed, see `why`. */
bool otc_ottl_value(const struct otc_ottl_conditions *values, size_t i,
                    const struct otc_ottl_subject *subject, struct otc_arena *texts, struct otc_value *out,
                    char why[160]);

/** Whether the i-th of them is written down as it is: no path, function or operator. */
bool otc_ottl_is_literal(const struct otc_ottl_conditions *values, size_t i);

/** What a path that is written to is. */
enum otc_ottl_target_kind {
    OTC_OTTL_ATTRIBUTES, /* all of them */
    OTC_OTTL_ATTRIBUTE,  /* that of `key` */
    OTC_OTTL_TEXT,       /* the field `number` */
    OTC_OTTL_VARINT,
    OTC_OTTL_FIXED64,
    OTC_OTTL_FIXED32,
    OTC_OTTL_INSIDE, /* the varint `inside` of the message in the field */
    OTC_OTTL_INSIDE_TEXT,
    OTC_OTTL_BODY /* any value */
};
struct otc_ottl_target {
    enum otc_ottl_target_kind kind;
    /** Whose it is: the context itself, or one around it. */
    enum otc_ottl_context owner;
    uint32_t number;
    uint32_t inside;
    struct otc_slice key;
};
/** Parses a path that can be written to; `texts` keeps the key. Errors "character 12: …". */
OTC_CHECK otc_status otc_ottl_target_parse(enum otc_ottl_context context, const char *text,
                                           struct otc_arena *texts, struct otc_ottl_target *out,
                                           struct otc_error *err);

#endif
