// SPDX-License-Identifier: Apache-2.0
/** @file Settings of the filter, and what they compile to. */
#ifndef FILTER_FILTER_CONFIG_H
#define FILTER_FILTER_CONFIG_H

#include "common/config/schema.h"
#include "common/ottl/paths.h"
#include "common/transform/groups.h"
#include "common/transform/match.h"

struct filter_traces_config {
    otc_strings resource;
    otc_strings span;
    otc_strings spanevent;
};

struct filter_spans_config {
    struct otc_match_settings *include;
    struct otc_match_settings *exclude;
};

/** The older include and exclude of metrics. */
struct filter_metric_match {
    char *match_type;
    struct otc_match_cache *regexp;
    otc_strings metric_names;
    otc_list resource_attributes;
    otc_strings expressions;
};

struct filter_metrics_config {
    otc_strings resource;
    otc_strings metric;
    otc_strings datapoint;
    struct filter_metric_match *include;
    struct filter_metric_match *exclude;
};

/** The older include and exclude of log records. */
struct filter_log_match {
    char *match_type;
    otc_list resource_attributes;
    otc_list record_attributes;
    otc_strings severity_texts;
    struct otc_match_severity *severity_number;
    otc_strings bodies;
};

struct filter_logs_config {
    otc_strings resource;
    otc_strings log_record;
    struct filter_log_match *include;
    struct filter_log_match *exclude;
};

struct filter_config {
    otc_choice error_mode;
    otc_list trace_conditions; /* of struct otc_ottl_group */
    otc_list metric_conditions;
    otc_list log_conditions;
    struct filter_traces_config *traces;
    struct filter_metrics_config *metrics;
    struct filter_logs_config *logs;
    struct filter_spans_config *spans;
    bool profiles, profile_conditions; /* refused */
};

extern const struct otc_schema filter_schema;
otc_status filter_validate(const void *settings, struct otc_error *err);

/** Selections of one signal: what one of them does not take is dropped. */
#define FILTER_SELECTIONS_MAX 2

/** Conditions of one context, by what happens when one of them fails. */
struct filter_conditions {
    struct otc_ottl_conditions of_mode[OTC_N_OTTL_ERROR_MODES];
};

/** Compiled; immutable, any thread. */
struct filter_rules {
    struct filter_conditions conditions[OTC_N_SIGNALS][OTC_N_OTTL_CONTEXTS];
    struct otc_selection *selections[OTC_N_SIGNALS][FILTER_SELECTIONS_MAX];
    /** The older settings as those of common/transform, which the selections borrow. */
    struct otc_match_settings metric_include, metric_exclude_names, metric_exclude_resources;
    struct otc_match_settings log_include, log_exclude;
};

/** Zeroed rules from settings that outlive them; nothing to release after a failure. The rules must not move.
 */
OTC_CHECK otc_status filter_rules_init(struct filter_rules *rules, const struct filter_config *config,
                                       struct otc_error *err);
void filter_rules_release(struct filter_rules *rules);
/** Whether there are conditions of a context. */
bool filter_rules_has(const struct filter_rules *rules, enum otc_signal signal,
                      enum otc_ottl_context context);
/** Whether there is anything to do for a signal. */
bool filter_rules_concern(const struct filter_rules *rules, enum otc_signal signal);

#endif
