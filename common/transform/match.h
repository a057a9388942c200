// SPDX-License-Identifier: Apache-2.0
/**
 * @file Which spans, points and records a processor concerns: the Collector's `include` and `exclude` with
 * `match_type: strict` or `regexp`. Every property that is given must match; a property that is a list
 * matches when one of its items does, but all of `attributes`, `resources` and `libraries` must.
 */
#ifndef OTC_TRANSFORM_MATCH_H
#define OTC_TRANSFORM_MATCH_H

#include "common/component/otc.h"
#include "common/otlp/walk.h"
#include "common/transform/value_setting.h"

/** `{key: env, value: dev}`; without a value the key alone must be there. */
struct otc_match_attribute {
    char *key;
    struct otc_value_setting value;
};

struct otc_match_library {
    char *name;
    char *version; /* NULL: any */
};

struct otc_match_severity {
    int64_t min; /* a SeverityNumber */
    bool match_undefined;
};

struct otc_match_cache {
    bool cacheenabled;
    int64_t cachemaxnumentries;
};

/** One of include and exclude as it is configured. */
struct otc_match_settings {
    char *match_type;
    struct otc_match_cache *regexp;
    otc_strings services;
    otc_strings span_names;
    otc_strings span_kinds;
    otc_strings log_bodies;
    otc_strings log_severity_texts;
    struct otc_match_severity *log_severity_number;
    otc_strings metric_names;
    otc_list attributes;
    otc_list resources;
    otc_list libraries;
};
extern const struct otc_schema otc_match_schema;
extern const struct otc_schema otc_match_attribute_schema;
extern const struct otc_schema otc_match_severity_schema;
extern const struct otc_schema otc_match_cache_schema;

/** Compiled include and exclude; immutable, any thread. Opaque. */
struct otc_selection;

/**
 * Both may be NULL: everything is taken. `signal`: of what; properties that it has not are refused where the
 * Collector refuses them. INVALID_ARGUMENT in the Collector's words, after "include: " or "exclude: ".
 */
OTC_CHECK otc_status otc_selection_new(const struct otc_match_settings *include,
                                       const struct otc_match_settings *exclude, enum otc_signal signal,
                                       struct otc_selection **out, struct otc_error *err);
void otc_selection_free(struct otc_selection *selection);
/** What a walk must project for the following; NULL: nothing. */
const struct otc_projection *otc_selection_projection(const struct otc_selection *selection);
/** Whether the record is included and not excluded. */
bool otc_selection_takes_span(const struct otc_selection *selection, const struct otc_span *span);
bool otc_selection_takes_point(const struct otc_selection *selection, const struct otc_point *point);
bool otc_selection_takes_log(const struct otc_selection *selection, const struct otc_log_record *log);

#endif
