// SPDX-License-Identifier: Apache-2.0
#include "common/transform/match.h"

#include "common/base/number.h"
#include "common/otlp/value_text.h"
#include "common/regex/regex.h"

#include <stdlib.h>

#define TEXT_BYTES_MAX ((size_t)16 << 20)

/* A list of texts, one of which must match. */
struct texts {
    bool given;
    const otc_strings *strict; /* NULL: regexes */
    struct otc_regexes regexes;
};

/* An attribute at a place of the projection. */
struct attribute {
    size_t at;
    struct otc_value value; /* ABSENT: any */
    struct otc_regex *regex;
};

struct attributes {
    struct attribute *items;
    size_t n;
};

struct library {
    struct texts name;
    struct texts version;
    otc_strings name_list, version_list;
};

struct match {
    const struct otc_match_settings *settings;
    bool regexp;
    /* Nothing of it says something of the signal: nothing matches, as in the Collector. */
    bool nothing;
    struct texts services, span_names, span_kinds, log_bodies, log_severity_texts, metric_names;
    struct attributes attributes, resources;
    struct library *libraries;
    size_t n_libraries;
    size_t service_at;
};

struct otc_selection {
    struct match *include;
    struct match *exclude;
    struct otc_projection *projection;
    struct otc_wanted wanted[OTC_PROJECTION_MAX];
    size_t n_wanted;
};

/* ---- Compiling ---------------------------------------------------------------------------------- */

static otc_status
make_texts(const struct match *match, const otc_strings *list, const char *what, struct texts *out,
           struct otc_error *err)
{
    otc_status status = OTC_OK;

    out->given = list->n > 0;
    if (!match->regexp) {
        out->strict = list;
    } else if (out->given) {
        status = otc_regexes_new(&out->regexes, list->items, list->n, err);
    }
    return status == OTC_OK ? status : otc_error_prefix(err, "error creating %s filters", what);
}

/* A place in the projection. */
static otc_status
want(struct otc_selection *selection, const char *key, enum otc_attribute_level level, size_t *at,
     struct otc_error *err)
{
    if (selection->n_wanted == OTC_PROJECTION_MAX) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "more than %d attributes to match", OTC_PROJECTION_MAX);
    }
    *at = selection->n_wanted;
    selection->wanted[selection->n_wanted++] = (struct otc_wanted){.key = key, .level = level};
    return OTC_OK;
}

static otc_status
make_attribute(const struct match *match, const struct otc_match_attribute *settings, struct attribute *out,
               struct otc_error *err)
{
    OTC_AUTO_BUF struct otc_buf pattern = {.limit = OTC_REGEX_PATTERN_MAX + 1};

    out->value = settings->value.value;
    if (!match->regexp || out->value.type == OTC_VALUE_ABSENT) {
        return OTC_OK;
    }
    if (out->value.type != OTC_VALUE_STRING) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "match_type=regexp for \"%s\" only supports Str",
                        settings->key);
    }
    if (!otc_buf_append_slice(&pattern, out->value.as.slice) || !otc_buf_cstr(&pattern)) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "the expression for \"%s\" is too long", settings->key);
    }
    return otc_regex_new(otc_buf_cstr(&pattern), &out->regex, err);
}

static otc_status
make_attributes(struct otc_selection *selection, const struct match *match, const otc_list *list,
                enum otc_attribute_level level, struct attributes *out, struct otc_error *err)
{
    const struct otc_match_attribute *items = list->items;
    const char *what = level == OTC_AT_RESOURCE ? "resource" : "attribute";
    otc_status status = OTC_OK;

    if (list->n == 0) {
        return OTC_OK;
    }
    out->items = calloc(list->n, sizeof(*out->items));
    if (!out->items) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    out->n = list->n;
    for (size_t i = 0; i < list->n && status == OTC_OK; i++) {
        if (!items[i].key || !*items[i].key) {
            status = otc_fail(err, OTC_INVALID_ARGUMENT, "can't have empty key in the list of attributes");
        } else {
            status = want(selection, items[i].key, level, &out->items[i].at, err);
        }
        if (status == OTC_OK) {
            status = make_attribute(match, &items[i], &out->items[i], err);
        }
    }
    return status == OTC_OK ? status : otc_error_prefix(err, "error creating %s filters", what);
}

static otc_status
make_libraries(struct match *match, const otc_list *list, struct otc_error *err)
{
    struct otc_match_library *items = list->items;
    otc_status status = OTC_OK;

    match->libraries = calloc(list->n > 0 ? list->n : 1, sizeof(*match->libraries));
    if (!match->libraries) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    match->n_libraries = list->n;
    for (size_t i = 0; i < list->n && status == OTC_OK; i++) {
        struct library *library = &match->libraries[i];

        library->name_list = (otc_strings){&items[i].name, 1};
        library->version_list = (otc_strings){&items[i].version, items[i].version ? 1 : 0};
        status = make_texts(match, &library->name_list, "library name", &library->name, err);
        if (status == OTC_OK) {
            status = make_texts(match, &library->version_list, "library version", &library->version, err);
        }
    }
    return status;
}

static otc_status
make_all_texts(struct match *match, struct otc_error *err)
{
    const struct otc_match_settings *settings = match->settings;
    const struct {
        const otc_strings *list;
        const char *what;
        struct texts *out;
    } all[] = {{&settings->services, "service name", &match->services},
               {&settings->span_names, "span name", &match->span_names},
               {&settings->span_kinds, "span kind", &match->span_kinds},
               {&settings->log_bodies, "log record body", &match->log_bodies},
               {&settings->log_severity_texts, "log record severity text", &match->log_severity_texts},
               {&settings->metric_names, "metric name", &match->metric_names}};
    otc_status status = OTC_OK;

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]) && status == OTC_OK; i++) {
        status = make_texts(match, all[i].list, all[i].what, all[i].out, err);
    }
    return status;
}

/* ---- What may be given -------------------------------------------------------------------------- */

static otc_status
check_kinds(const struct match *match, struct otc_error *err)
{
    const otc_strings *kinds = &match->settings->span_kinds;

    for (size_t i = 0; i < kinds->n && !match->regexp; i++) {
        static const char *const valid[] = {"SPAN_KIND_CLIENT", "SPAN_KIND_CONSUMER", "SPAN_KIND_INTERNAL",
                                            "SPAN_KIND_PRODUCER", "SPAN_KIND_SERVER"};
        size_t at = 0;

        while (at < 5 && strcmp(kinds->items[i], valid[at]) != 0) {
            at++;
        }
        if (at == 5) {
            return otc_fail(err, OTC_INVALID_ARGUMENT,
                            "span_kinds string must match one of the standard span kinds when "
                            "match_type=strict: [SPAN_KIND_CLIENT SPAN_KIND_CONSUMER SPAN_KIND_INTERNAL "
                            "SPAN_KIND_PRODUCER SPAN_KIND_SERVER]");
        }
    }
    return OTC_OK;
}

static otc_status
check_signal(const struct match *match, enum otc_signal signal, struct otc_error *err)
{
    const struct otc_match_settings *s = match->settings;
    bool general = s->attributes.n > 0 || s->libraries.n > 0 || s->resources.n > 0;
    bool of_span = s->services.n > 0 || s->span_names.n > 0 || s->span_kinds.n > 0;
    bool of_log = s->log_bodies.n > 0 || s->log_severity_texts.n > 0 || s->log_severity_number;

    if (signal == OTC_TRACES && of_log) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "%s should not be specified for trace spans",
                        s->log_bodies.n > 0           ? "log_bodies"
                        : s->log_severity_texts.n > 0 ? "log_severity_texts"
                                                      : "log_severity_number");
    }
    if (signal == OTC_LOGS && of_span) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "services, span_names, and span_kinds are not valid for log records");
    }
    if (signal == OTC_TRACES && !general && !of_span) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "at least one of \"attributes\", \"libraries\",  or \"resources\" field must be "
                        "specified");
    }
    if (signal == OTC_LOGS && !general && !of_log) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "at least one of \"attributes\", \"libraries\", \"span_kinds\", \"resources\", "
                        "\"log_bodies\", \"log_severity_texts\" or \"log_severity_number\" field must be "
                        "specified");
    }
    return check_kinds(match, err);
}

/* There is no text to match then, and no type needed. */
static bool
is_by_severity_alone(const struct otc_match_settings *s)
{
    return s->log_severity_number && s->services.n + s->span_names.n + s->span_kinds.n + s->log_bodies.n +
                                             s->log_severity_texts.n + s->metric_names.n + s->attributes.n +
                                             s->resources.n + s->libraries.n ==
                                         0;
}

static otc_status
fill(struct otc_selection *selection, struct match *match, enum otc_signal signal, struct otc_error *err)
{
    const struct otc_match_settings *settings = match->settings;
    otc_status status;

    match->regexp = strcmp(settings->match_type, "regexp") == 0;
    if (!match->regexp && strcmp(settings->match_type, "strict") != 0 &&
        (*settings->match_type || !is_by_severity_alone(settings))) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "unrecognized match_type: '%s', valid types are: [regexp strict]",
                        settings->match_type);
    }
    match->nothing = signal == OTC_METRICS && settings->metric_names.n + settings->services.n +
                                                      settings->attributes.n + settings->resources.n +
                                                      settings->libraries.n ==
                                                  0;
    status = check_signal(match, signal, err);
    if (status == OTC_OK) {
        status = make_all_texts(match, err);
    }
    if (status == OTC_OK && match->services.given) {
        status = want(selection, "service.name", OTC_AT_RESOURCE, &match->service_at, err);
    }
    if (status == OTC_OK) {
        status =
            make_attributes(selection, match, &settings->attributes, OTC_AT_RECORD, &match->attributes, err);
    }
    if (status == OTC_OK) {
        status =
            make_attributes(selection, match, &settings->resources, OTC_AT_RESOURCE, &match->resources, err);
    }
    return status == OTC_OK ? make_libraries(match, &settings->libraries, err) : status;
}

static otc_status
make(struct otc_selection *selection, const struct otc_match_settings *settings, enum otc_signal signal,
     const char *name, struct match **out, struct otc_error *err)
{
    otc_status status;

    if (!settings) {
        return OTC_OK;
    }
    *out = calloc(1, sizeof(**out));
    if (!*out) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    (*out)->settings = settings;
    status = fill(selection, *out, signal, err);
    return status == OTC_OK ? OTC_OK : otc_error_prefix(err, "%s", name);
}

otc_status
otc_selection_new(const struct otc_match_settings *include, const struct otc_match_settings *exclude,
                  enum otc_signal signal, struct otc_selection **out, struct otc_error *err)
{
    struct otc_selection *selection = calloc(1, sizeof(*selection));
    otc_status status;

    if (!selection) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    status = make(selection, include, signal, "include", &selection->include, err);
    if (status == OTC_OK) {
        status = make(selection, exclude, signal, "exclude", &selection->exclude, err);
    }
    if (status == OTC_OK && selection->n_wanted > 0) {
        status = otc_projection_new(selection->wanted, selection->n_wanted, &selection->projection, err);
    }
    if (status != OTC_OK) {
        otc_selection_free(selection);
        return status;
    }
    *out = selection;
    return OTC_OK;
}

static void
free_attributes(struct attributes *attributes)
{
    for (size_t i = 0; i < attributes->n; i++) {
        otc_regex_free(attributes->items[i].regex);
    }
    free(attributes->items);
}

static void
free_match(struct match *match)
{
    if (!match) {
        return;
    }
    otc_regexes_release(&match->services.regexes);
    otc_regexes_release(&match->span_names.regexes);
    otc_regexes_release(&match->span_kinds.regexes);
    otc_regexes_release(&match->log_bodies.regexes);
    otc_regexes_release(&match->log_severity_texts.regexes);
    otc_regexes_release(&match->metric_names.regexes);
    free_attributes(&match->attributes);
    free_attributes(&match->resources);
    for (size_t i = 0; i < match->n_libraries; i++) {
        otc_regexes_release(&match->libraries[i].name.regexes);
        otc_regexes_release(&match->libraries[i].version.regexes);
    }
    free(match->libraries);
    free(match);
}

void
otc_selection_free(struct otc_selection *selection)
{
    if (selection) {
        free_match(selection->include);
        free_match(selection->exclude);
        otc_projection_free(selection->projection);
        free(selection);
    }
}

const struct otc_projection *
otc_selection_projection(const struct otc_selection *selection)
{
    return selection->projection;
}

/* ---- Matching ----------------------------------------------------------------------------------- */

/* What is looked at: of a record the parts that its signal has. */
struct subject {
    enum otc_signal signal;
    const struct otc_record *record;
    struct otc_slice name;
    int32_t kind;
    const struct otc_log_record *log;
};

static bool
texts_match(const struct texts *texts, struct otc_slice text)
{
    if (!texts->given) {
        return true;
    }
    if (!texts->strict) {
        return otc_regexes_match(&texts->regexes, text);
    }
    for (size_t i = 0; i < texts->strict->n; i++) {
        if (otc_slice_equal_str(text, texts->strict->items[i])) {
            return true;
        }
    }
    return false;
}

/* The same of a value's text. */
static bool
texts_match_value(const struct texts *texts, const struct otc_value *value)
{
    OTC_AUTO_BUF struct otc_buf text = {.limit = TEXT_BYTES_MAX};

    if (!texts->given || value->type == OTC_VALUE_STRING) {
        return texts_match(texts, texts->given ? value->as.slice : OTC_SLICE_NONE);
    }
    return otc_value_text(value, &text) && texts_match(texts, otc_buf_slice(&text));
}

static bool
regex_matches_value(const struct otc_regex *regex, const struct otc_value *value)
{
    char text[OTC_PLAIN_DOUBLE_TEXT_MAX];

    switch (value->type) {
    case OTC_VALUE_STRING:
        return otc_regex_matches(regex, value->as.slice);
    case OTC_VALUE_BOOL:
        return otc_regex_matches(regex, otc_slice_str(value->as.boolean ? "true" : "false"));
    case OTC_VALUE_INT:
        return otc_regex_matches(regex, otc_slice_of(text, otc_format_int64(value->as.integer, text)));
    case OTC_VALUE_DOUBLE:
        return otc_regex_matches(regex, otc_slice_of(text, otc_format_plain_double(value->as.real, text)));
    case OTC_VALUE_ABSENT:
    case OTC_VALUE_EMPTY:
    case OTC_VALUE_ARRAY:
    case OTC_VALUE_KVLIST:
    case OTC_VALUE_BYTES:
        break;
    }
    return false;
}

static bool
equal_values(const struct otc_value *a, const struct otc_value *b)
{
    if (a->type != b->type) {
        return false;
    }
    switch (a->type) {
    case OTC_VALUE_BOOL:
        return a->as.boolean == b->as.boolean;
    case OTC_VALUE_INT:
        return a->as.integer == b->as.integer;
    case OTC_VALUE_DOUBLE:
        return a->as.real == b->as.real;
    case OTC_VALUE_STRING:
    case OTC_VALUE_ARRAY:
    case OTC_VALUE_KVLIST:
    case OTC_VALUE_BYTES:
        return otc_slice_equal(a->as.slice, b->as.slice);
    case OTC_VALUE_ABSENT:
    case OTC_VALUE_EMPTY:
        break;
    }
    return true;
}

static bool
attributes_match(const struct attributes *attributes, const struct otc_record *record)
{
    for (size_t i = 0; i < attributes->n; i++) {
        const struct attribute *wanted = &attributes->items[i];
        const struct otc_value *value = &record->values[wanted->at];

        if (value->type == OTC_VALUE_ABSENT || (wanted->regex ? !regex_matches_value(wanted->regex, value)
                                                              : wanted->value.type != OTC_VALUE_ABSENT &&
                                                                    !equal_values(&wanted->value, value))) {
            return false;
        }
    }
    return true;
}

static bool
libraries_match(const struct match *match, const struct otc_record *record)
{
    for (size_t i = 0; i < match->n_libraries; i++) {
        if (!texts_match(&match->libraries[i].name, record->scope_name) ||
            !texts_match(&match->libraries[i].version, record->scope_version)) {
            return false;
        }
    }
    return true;
}

static bool
service_matches(const struct match *match, const struct otc_record *record)
{
    const struct otc_value *service;

    if (!match->services.given) {
        return true;
    }
    service = &record->values[match->service_at];
    return service->type == OTC_VALUE_ABSENT
               ? texts_match(&match->services, otc_slice_str("<nil-service-name>"))
               : texts_match_value(&match->services, service);
}

static const char *
kind_name(int32_t kind)
{
    static const char *const names[] = {"SPAN_KIND_UNSPECIFIED", "SPAN_KIND_INTERNAL", "SPAN_KIND_SERVER",
                                        "SPAN_KIND_CLIENT",      "SPAN_KIND_PRODUCER", "SPAN_KIND_CONSUMER"};

    return kind >= 0 && kind <= 5 ? names[kind] : "";
}

static bool
log_matches(const struct match *match, const struct otc_log_record *log)
{
    const struct otc_match_severity *severity = match->settings->log_severity_number;

    return texts_match_value(&match->log_bodies, &log->body) &&
           texts_match(&match->log_severity_texts, log->severity_text) &&
           (!severity ||
            (log->severity_number == 0 ? severity->match_undefined : log->severity_number >= severity->min));
}

static bool
matches(const struct match *match, const struct subject *subject)
{
    switch (subject->signal) {
    case OTC_TRACES:
        if (!texts_match(&match->span_names, subject->name) ||
            !texts_match(&match->span_kinds, otc_slice_str(kind_name(subject->kind)))) {
            return false;
        }
        break;
    case OTC_METRICS:
        if (match->nothing || !texts_match(&match->metric_names, subject->name)) {
            return false;
        }
        break;
    case OTC_LOGS:
        if (!log_matches(match, subject->log)) {
            return false;
        }
        break;
    }
    return service_matches(match, subject->record) && libraries_match(match, subject->record) &&
           attributes_match(&match->resources, subject->record) &&
           attributes_match(&match->attributes, subject->record);
}

static bool
takes(const struct otc_selection *selection, const struct subject *subject)
{
    return (!selection->include || matches(selection->include, subject)) &&
           !(selection->exclude && matches(selection->exclude, subject));
}

bool
otc_selection_takes_span(const struct otc_selection *selection, const struct otc_span *span)
{
    return takes(selection, &(struct subject){OTC_TRACES, &span->record, span->name, span->kind, NULL});
}

bool
otc_selection_takes_point(const struct otc_selection *selection, const struct otc_point *point)
{
    return takes(selection, &(struct subject){OTC_METRICS, &point->record, point->name, 0, NULL});
}

bool
otc_selection_takes_log(const struct otc_selection *selection, const struct otc_log_record *log)
{
    return takes(selection, &(struct subject){OTC_LOGS, &log->record, OTC_SLICE_NONE, 0, log});
}
