// SPDX-License-Identifier: Apache-2.0
#include "processors/filter/filter_config.h"

#include "common/config/refused.h"
#include "common/ottl/subjects.h"

/* ---- Settings ----------------------------------------------------------------------------------- */

static const struct otc_field traces_fields[] = {
    OTC_FIELD(filter_traces_config, resource, .doc = "Conditions on resources: everything of one goes."),
    OTC_FIELD(filter_traces_config, span, .doc = "Conditions on spans."),
    OTC_FIELD(filter_traces_config, spanevent, .doc = "Conditions on the events of spans."),
    OTC_FIELD_END,
};
static const struct otc_schema traces_schema =
    OTC_SCHEMA(filter_traces_config, traces_fields, "Conditions on traces.");

static const struct otc_field spans_fields[] = {
    OTC_FIELD_OPTIONAL(filter_spans_config, include, otc_match_schema, .null_is_absent = true,
                       .doc = "Spans that stay."),
    OTC_FIELD_OPTIONAL(filter_spans_config, exclude, otc_match_schema, .null_is_absent = true,
                       .doc = "Of those, spans that go."),
    OTC_FIELD_END,
};
static const struct otc_schema spans_schema =
    OTC_SCHEMA(filter_spans_config, spans_fields, "The older form for spans.");

static const struct otc_field metric_match_fields[] = {
    OTC_FIELD(filter_metric_match, match_type, .def = "", .doc = "`strict` or `regexp` (RE2)."),
    OTC_FIELD_OPTIONAL(filter_metric_match, regexp, otc_match_cache_schema,
                       .doc = "The Collector's cache of results."),
    OTC_FIELD(filter_metric_match, metric_names, .doc = "Names of metrics; any of them."),
    OTC_FIELD(filter_metric_match, resource_attributes, .sub = &otc_match_attribute_schema,
              .doc = "Attributes of the resource; all of them."),
    OTC_FIELD(filter_metric_match, expressions, .doc = "Not supported: write conditions instead."),
    OTC_FIELD_END,
};
static const struct otc_schema metric_match_schema =
    OTC_SCHEMA(filter_metric_match, metric_match_fields, "Metrics to match.");

static const struct otc_field metrics_fields[] = {
    OTC_FIELD(filter_metrics_config, resource, .doc = "Conditions on resources: everything of one goes."),
    OTC_FIELD(filter_metrics_config, metric, .doc = "Conditions on metrics: all points of one go."),
    OTC_FIELD(filter_metrics_config, datapoint, .doc = "Conditions on data points."),
    OTC_FIELD_OPTIONAL(filter_metrics_config, include, metric_match_schema, .null_is_absent = true,
                       .doc = "The older form: metrics that stay."),
    OTC_FIELD_OPTIONAL(filter_metrics_config, exclude, metric_match_schema, .null_is_absent = true,
                       .doc = "The older form: of those, metrics that go."),
    OTC_FIELD_END,
};
static const struct otc_schema metrics_schema =
    OTC_SCHEMA(filter_metrics_config, metrics_fields, "Conditions on metrics.");

static const struct otc_field log_match_fields[] = {
    OTC_FIELD(filter_log_match, match_type, .def = "", .doc = "`strict` or `regexp` (RE2)."),
    OTC_FIELD(filter_log_match, resource_attributes, .sub = &otc_match_attribute_schema,
              .doc = "Attributes of the resource; all of them."),
    OTC_FIELD(filter_log_match, record_attributes, .sub = &otc_match_attribute_schema,
              .doc = "Attributes of the record; all of them."),
    OTC_FIELD(filter_log_match, severity_texts, .doc = "Severity texts; any of them."),
    OTC_FIELD_OPTIONAL(filter_log_match, severity_number, otc_match_severity_schema, .null_is_absent = true,
                       .doc = "Severities."),
    OTC_FIELD(filter_log_match, bodies, .doc = "Bodies as text; any of them."),
    OTC_FIELD_END,
};
static const struct otc_schema log_match_schema =
    OTC_SCHEMA(filter_log_match, log_match_fields, "Log records to match.");

static const struct otc_field logs_fields[] = {
    OTC_FIELD(filter_logs_config, resource, .doc = "Conditions on resources: everything of one goes."),
    OTC_FIELD(filter_logs_config, log_record, .doc = "Conditions on log records."),
    OTC_FIELD_OPTIONAL(filter_logs_config, include, log_match_schema, .null_is_absent = true,
                       .doc = "The older form: records that stay."),
    OTC_FIELD_OPTIONAL(filter_logs_config, exclude, log_match_schema, .null_is_absent = true,
                       .doc = "The older form: of those, records that go."),
    OTC_FIELD_END,
};
static const struct otc_schema logs_schema =
    OTC_SCHEMA(filter_logs_config, logs_fields, "Conditions on logs.");

static const struct otc_field fields[] = {
    OTC_FIELD(filter_config, error_mode, .def = "ignore", .choices = otc_ottl_error_modes,
              .doc =
                  "When a condition cannot be evaluated: `ignore` logs it and keeps the item, `silent` keeps "
                  "it, `propagate` refuses the batch."),
    OTC_FIELD(filter_config, trace_conditions, .sub = &otc_ottl_conditions_schema,
              .parse = otc_ottl_read_conditions,
              .doc = "Conditions, or groups of them, whose context follows from their paths: `span.…`, "
                     "`spanevent.…`, `scope.…`, `resource.…`."),
    OTC_FIELD(filter_config, metric_conditions, .sub = &otc_ottl_conditions_schema,
              .parse = otc_ottl_read_conditions,
              .doc = "The same with `metric.…`, `datapoint.…`, `scope.…`, `resource.…`."),
    OTC_FIELD(filter_config, log_conditions, .sub = &otc_ottl_conditions_schema,
              .parse = otc_ottl_read_conditions, .doc = "The same with `log.…`, `scope.…`, `resource.…`."),
    OTC_FIELD_OPTIONAL(filter_config, traces, traces_schema, .doc = "Conditions on traces, by context."),
    OTC_FIELD_OPTIONAL(filter_config, metrics, metrics_schema, .doc = "Conditions on metrics, by context."),
    OTC_FIELD_OPTIONAL(filter_config, logs, logs_schema, .doc = "Conditions on logs, by context."),
    OTC_FIELD_OPTIONAL(filter_config, spans, spans_schema, .doc = "The older form for spans."),
    OTC_FIELD(filter_config, profiles, .parse = otc_parse_refused,
              .doc = "Not supported: there are no profiles here."),
    OTC_FIELD(filter_config, profile_conditions, .parse = otc_parse_refused,
              .doc = "Not supported: there are no profiles here."),
    OTC_FIELD_END,
};

const struct otc_schema filter_schema = OTC_SCHEMA(filter_config, fields, "Drops what meets a condition.");

/* ---- Conditions --------------------------------------------------------------------------------- */

static otc_status
add_conditions(struct filter_conditions *conditions, enum otc_ottl_context context,
               enum otc_ottl_error_mode mode, const otc_strings *texts, struct otc_error *err)
{
    for (size_t i = 0; i < texts->n; i++) {
        otc_status status =
            otc_ottl_conditions_add(&conditions->of_mode[mode], context, texts->items[i], err);

        if (status != OTC_OK) {
            return otc_error_prefix(err, "unable to parse OTTL condition \"%s\"", texts->items[i]);
        }
    }
    return OTC_OK;
}

/* Adds the conditions of groups to the contexts that they say or name. */
static otc_status
add_groups(struct filter_rules *rules, enum otc_signal signal, const otc_list *list,
           enum otc_ottl_error_mode inherited, struct otc_error *err)
{
    static const char *const keys[OTC_N_SIGNALS] = {"trace_conditions", "metric_conditions",
                                                    "log_conditions"};
    const struct otc_ottl_group *groups = list->items;

    for (size_t i = 0; i < list->n; i++) {
        const char *name = NULL;
        enum otc_ottl_context context = OTC_OTTL_RESOURCE;
        enum otc_ottl_error_mode mode = inherited;
        otc_status status = otc_ottl_group_context(&groups[i], signal, otc_ottl_names, &name, err);

        if (status == OTC_OK) {
            status = otc_ottl_group_error_mode(&groups[i], inherited, &mode, err);
        }
        if (status == OTC_OK) {
            context = otc_ottl_context_of(name);
            status = add_conditions(&rules->conditions[signal][context], context, mode, &groups[i].conditions,
                                    err);
        }
        if (status != OTC_OK) {
            return otc_error_prefix(err, "%s[%zu]", keys[signal], i);
        }
    }
    return OTC_OK;
}

static otc_status
compile_conditions(struct filter_rules *rules, const struct filter_config *config, struct otc_error *err)
{
    static const otc_strings none;
    const struct filter_traces_config *traces = config->traces;
    const struct filter_metrics_config *metrics = config->metrics;
    const struct filter_logs_config *logs = config->logs;
    const struct {
        enum otc_signal signal;
        enum otc_ottl_context context;
        const otc_strings *texts;
        const char *path;
    } lists[] = {
        {OTC_TRACES, OTC_OTTL_RESOURCE, traces ? &traces->resource : &none, "traces::resource"},
        {OTC_TRACES, OTC_OTTL_SPAN, traces ? &traces->span : &none, "traces::span"},
        {OTC_TRACES, OTC_OTTL_SPANEVENT, traces ? &traces->spanevent : &none, "traces::spanevent"},
        {OTC_METRICS, OTC_OTTL_RESOURCE, metrics ? &metrics->resource : &none, "metrics::resource"},
        {OTC_METRICS, OTC_OTTL_METRIC, metrics ? &metrics->metric : &none, "metrics::metric"},
        {OTC_METRICS, OTC_OTTL_DATAPOINT, metrics ? &metrics->datapoint : &none, "metrics::datapoint"},
        {OTC_LOGS, OTC_OTTL_RESOURCE, logs ? &logs->resource : &none, "logs::resource"},
        {OTC_LOGS, OTC_OTTL_LOG, logs ? &logs->log_record : &none, "logs::log_record"},
    };
    const otc_list *const groups[OTC_N_SIGNALS] = {&config->trace_conditions, &config->metric_conditions,
                                                   &config->log_conditions};
    enum otc_ottl_error_mode mode = (enum otc_ottl_error_mode)config->error_mode.index;
    otc_status status = OTC_OK;

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]) && status == OTC_OK; i++) {
        status = add_conditions(&rules->conditions[lists[i].signal][lists[i].context], lists[i].context, mode,
                                lists[i].texts, err);
        if (status != OTC_OK) {
            return otc_error_prefix(err, "%s", lists[i].path);
        }
    }
    for (size_t i = 0; i < OTC_N_SIGNALS && status == OTC_OK; i++) {
        status = add_groups(rules, (enum otc_signal)i, groups[i], mode, err);
    }
    return status;
}

/* ---- The older form ----------------------------------------------------------------------------- */

static otc_status
check_expressions(const struct filter_metric_match *match, struct otc_error *err)
{
    bool is_expr = match && (match->expressions.n > 0 || strcmp(match->match_type, "expr") == 0);

    return is_expr
               ? otc_fail(
                     err, OTC_INVALID_ARGUMENT,
                     "metrics: match_type expr is an OpenTelemetry Collector option that this build does not "
                     "support; write conditions under metrics::datapoint instead")
               : OTC_OK;
}

static otc_status
select_metrics(struct filter_rules *rules, const struct filter_metrics_config *metrics, struct otc_error *err)
{
    const struct filter_metric_match *include = metrics->include, *exclude = metrics->exclude;
    const struct otc_match_settings *in = NULL, *names_out = NULL;
    struct otc_selection **out = rules->selections[OTC_METRICS];
    otc_status status = check_expressions(include, err);

    if (status == OTC_OK) {
        status = check_expressions(exclude, err);
    }
    if (status == OTC_OK && include && include->metric_names.n + include->resource_attributes.n > 0) {
        rules->metric_include = (struct otc_match_settings){.match_type = include->match_type,
                                                            .metric_names = include->metric_names,
                                                            .resources = include->resource_attributes};
        in = &rules->metric_include;
    }
    /* Of what is excluded either is enough: names go with what is included, resources by themselves. */
    if (status == OTC_OK && exclude && exclude->metric_names.n > 0) {
        rules->metric_exclude_names = (struct otc_match_settings){.match_type = exclude->match_type,
                                                                  .metric_names = exclude->metric_names};
        names_out = &rules->metric_exclude_names;
    }
    if (status == OTC_OK && (in || names_out)) {
        status = otc_selection_new(in, names_out, OTC_METRICS, &out[0], err);
    }
    if (status == OTC_OK && exclude && exclude->resource_attributes.n > 0) {
        rules->metric_exclude_resources = (struct otc_match_settings){
            .match_type = exclude->match_type, .resources = exclude->resource_attributes};
        status = otc_selection_new(NULL, &rules->metric_exclude_resources, OTC_METRICS, &out[1], err);
    }
    return status == OTC_OK ? OTC_OK : otc_error_prefix(err, "metrics");
}

/* False: there is nothing to match in it. */
static bool
adapt_log_match(const struct filter_log_match *match, struct otc_match_settings *out)
{
    if (!match || (match->resource_attributes.n + match->record_attributes.n + match->severity_texts.n +
                           match->bodies.n ==
                       0 &&
                   !match->severity_number)) {
        return false;
    }
    *out = (struct otc_match_settings){.match_type = match->match_type,
                                       .resources = match->resource_attributes,
                                       .attributes = match->record_attributes,
                                       .log_severity_texts = match->severity_texts,
                                       .log_severity_number = match->severity_number,
                                       .log_bodies = match->bodies};
    return true;
}

static otc_status
select_logs(struct filter_rules *rules, const struct filter_logs_config *logs, struct otc_error *err)
{
    bool include = adapt_log_match(logs->include, &rules->log_include);
    bool exclude = adapt_log_match(logs->exclude, &rules->log_exclude);
    otc_status status = OTC_OK;

    if (include || exclude) {
        status = otc_selection_new(include ? &rules->log_include : NULL, exclude ? &rules->log_exclude : NULL,
                                   OTC_LOGS, &rules->selections[OTC_LOGS][0], err);
    }
    return status == OTC_OK ? OTC_OK : otc_error_prefix(err, "logs");
}

static otc_status
compile_selections(struct filter_rules *rules, const struct filter_config *config, struct otc_error *err)
{
    otc_status status = OTC_OK;

    if (config->spans && (config->spans->include || config->spans->exclude)) {
        status = otc_selection_new(config->spans->include, config->spans->exclude, OTC_TRACES,
                                   &rules->selections[OTC_TRACES][0], err);
        if (status != OTC_OK) {
            return otc_error_prefix(err, "spans");
        }
    }
    if (config->metrics) {
        status = select_metrics(rules, config->metrics, err);
    }
    if (status == OTC_OK && config->logs) {
        status = select_logs(rules, config->logs, err);
    }
    return status;
}

/* ---- Rules -------------------------------------------------------------------------------------- */

static otc_status
check_mix(const struct filter_config *config, struct otc_error *err)
{
    const char *signal = NULL;

    if (config->traces && config->traces->span.n + config->traces->spanevent.n > 0 && config->spans &&
        (config->spans->include || config->spans->exclude)) {
        signal = "spans";
    } else if (config->metrics && config->metrics->metric.n + config->metrics->datapoint.n > 0 &&
               (config->metrics->include || config->metrics->exclude)) {
        signal = "metrics";
    } else if (config->logs && config->logs->log_record.n > 0 &&
               (config->logs->include || config->logs->exclude)) {
        signal = "logs";
    }
    return signal ? otc_fail(err, OTC_INVALID_ARGUMENT,
                             "cannot use ottl conditions and include/exclude for %s at the same time", signal)
                  : OTC_OK;
}

otc_status
filter_rules_init(struct filter_rules *rules, const struct filter_config *config, struct otc_error *err)
{
    otc_status status = check_mix(config, err);

    if (status == OTC_OK) {
        status = compile_conditions(rules, config, err);
    }
    if (status == OTC_OK) {
        status = compile_selections(rules, config, err);
    }
    if (status != OTC_OK) {
        filter_rules_release(rules);
    }
    return status;
}

void
filter_rules_release(struct filter_rules *rules)
{
    for (size_t signal = 0; signal < OTC_N_SIGNALS; signal++) {
        for (size_t i = 0; i < OTC_N_OTTL_CONTEXTS; i++) {
            for (size_t mode = 0; mode < OTC_N_OTTL_ERROR_MODES; mode++) {
                otc_ottl_conditions_release(&rules->conditions[signal][i].of_mode[mode]);
            }
        }
        for (size_t i = 0; i < FILTER_SELECTIONS_MAX; i++) {
            otc_selection_free(rules->selections[signal][i]);
            rules->selections[signal][i] = NULL;
        }
    }
}

bool
filter_rules_has(const struct filter_rules *rules, enum otc_signal signal, enum otc_ottl_context context)
{
    const struct otc_ottl_conditions *of_mode = rules->conditions[signal][context].of_mode;

    return of_mode[OTC_OTTL_PROPAGATE].n + of_mode[OTC_OTTL_IGNORE].n + of_mode[OTC_OTTL_SILENT].n > 0;
}

bool
filter_rules_concern(const struct filter_rules *rules, enum otc_signal signal)
{
    bool concern = false;

    for (size_t i = 0; i < OTC_N_OTTL_CONTEXTS; i++) {
        concern |= filter_rules_has(rules, signal, (enum otc_ottl_context)i);
    }
    for (size_t i = 0; i < FILTER_SELECTIONS_MAX; i++) {
        concern |= rules->selections[signal][i] != NULL;
    }
    return concern;
}

otc_status
filter_validate(const void *settings, struct otc_error *err)
{
    struct filter_rules rules = {0};
    otc_status status = filter_rules_init(&rules, settings, err);

    if (status == OTC_OK) {
        filter_rules_release(&rules);
    }
    return status;
}
