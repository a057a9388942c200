// SPDX-License-Identifier: Apache-2.0
#include "common/base/number.h"
#include "common/config/node.h"
#include "common/transform/match.h"

#include <strings.h>

/* INFO, INFO2 … or the number itself. */
static otc_status
parse_severity(const struct otc_node *node, void *member, struct otc_config *owner, struct otc_error *err)
{
    static const char *const names[] = {"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"};
    int64_t *out = member;
    char text[16] = "";

    (void)owner;
    if (node->kind == OTC_NODE_INT && node->integer >= 0 && node->integer <= 24) {
        *out = node->integer;
        return OTC_OK;
    }
    if (node->kind == OTC_NODE_STRING && node->text.len < sizeof(text)) {
        memcpy(text, node->text.data, node->text.len);
    }
    if (strcasecmp(text, "UNDEFINED") == 0) {
        *out = 0;
        return OTC_OK;
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        size_t len = strlen(names[i]);
        const char *step = text + len;

        if (strncasecmp(text, names[i], len) == 0 && (!*step || (*step >= '2' && *step <= '4' && !step[1]))) {
            *out = (int64_t)(4 * i + 1) + (*step ? *step - '1' : 0);
            return OTC_OK;
        }
    }
    return otc_fail(
        err, OTC_INVALID_ARGUMENT,
        "must be one of TRACE, DEBUG, INFO, WARN, ERROR, FATAL, each of them with 2, 3 or 4 behind "
        "it, or a severity number from 0 to 24");
}

static const struct otc_field attribute_fields[] = {
    OTC_FIELD(otc_match_attribute, key, .def = "", .doc = "The attribute that must be there."),
    OTC_FIELD_VALUE(otc_match_attribute, value,
                    .doc = "Its value: equal, type included, or (regexp) an expression found in its text."),
    OTC_FIELD_END,
};

const struct otc_schema otc_match_attribute_schema =
    OTC_SCHEMA(otc_match_attribute, attribute_fields, "An attribute to match.");

static const struct otc_field library_fields[] = {
    OTC_FIELD(otc_match_library, name, .def = "", .doc = "Name of the instrumentation scope."),
    OTC_FIELD(otc_match_library, version,
              .doc = "Its version; absent: any, `\"\"`: only a scope without version."),
    OTC_FIELD_END,
};

static const struct otc_schema library_schema =
    OTC_SCHEMA(otc_match_library, library_fields, "An instrumentation scope to match.");

static const struct otc_field severity_fields[] = {
    {.key = "min",
     .type = OTC_TYPE_INT,
     .offset = offsetof(struct otc_match_severity, min),
     .parse = parse_severity,
     .doc = "Lowest severity that matches: a name (`INFO`, `WARN2`) or its number."},
    OTC_FIELD(otc_match_severity, match_undefined, .def = "false",
              .doc = "Whether records without a severity match."),
    OTC_FIELD_END,
};

const struct otc_schema otc_match_severity_schema =
    OTC_SCHEMA(otc_match_severity, severity_fields, "The severity of a log record.");

static const struct otc_field cache_fields[] = {
    OTC_FIELD(otc_match_cache, cacheenabled, .def = "false", .inert = true,
              .doc = "Matching needs no cache of results here."),
    OTC_FIELD(otc_match_cache, cachemaxnumentries, .def = "0", .inert = true,
              .doc = "Matching needs no cache of results here."),
    OTC_FIELD_END,
};

const struct otc_schema otc_match_cache_schema =
    OTC_SCHEMA(otc_match_cache, cache_fields, "The Collector's cache of results.");

static const struct otc_field fields[] = {
    OTC_FIELD(otc_match_settings, match_type, .def = "",
              .doc = "`strict` (equal) or `regexp` (an RE2 expression that is found)."),
    OTC_FIELD_OPTIONAL(otc_match_settings, regexp, otc_match_cache_schema,
                       .doc = "The Collector's cache of results."),
    OTC_FIELD(otc_match_settings, services, .doc = "Values of the resource's `service.name`; any of them."),
    OTC_FIELD(otc_match_settings, span_names, .doc = "Names of spans."),
    OTC_FIELD(otc_match_settings, span_kinds,
              .doc = "`SPAN_KIND_INTERNAL`, `…_CLIENT`, `…_SERVER`, `…_CONSUMER`, `…_PRODUCER`."),
    OTC_FIELD(otc_match_settings, log_bodies, .doc = "Bodies of log records, as text."),
    OTC_FIELD(otc_match_settings, log_severity_texts, .doc = "Severity texts of log records."),
    OTC_FIELD_OPTIONAL(otc_match_settings, log_severity_number, otc_match_severity_schema,
                       .null_is_absent = true, .doc = "Severities of log records."),
    OTC_FIELD(otc_match_settings, metric_names, .doc = "Names of metrics."),
    OTC_FIELD(otc_match_settings, attributes, .sub = &otc_match_attribute_schema,
              .doc = "Attributes of the span, point or record; all of them."),
    OTC_FIELD(otc_match_settings, resources, .sub = &otc_match_attribute_schema,
              .doc = "Attributes of the resource; all of them."),
    OTC_FIELD(otc_match_settings, libraries, .sub = &library_schema,
              .doc = "Instrumentation scopes; all of them."),
    OTC_FIELD_END,
};

const struct otc_schema otc_match_schema =
    OTC_SCHEMA(otc_match_settings, fields, "What must match; properties that are given must all match.");
