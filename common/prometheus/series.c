// SPDX-License-Identifier: Apache-2.0
#include "common/prometheus/series.h"

#include "common/base/hash.h"
#include "common/otlp/value_text.h"
#include "common/prometheus/shown.h"
#include "common/prometheus/text.h"

#define LABEL_NAME_MAX 8192
#define HELP_MAX 4096
#define SERIES_TEXT_MAX ((size_t)1 << 20)
/** What the name of an attribute begins with when its own is taken. */
#define EXPORTED "exported_"

/** A label on its way: its parts lie in the draft's text, so that the text may grow. */
struct draft_label {
    struct otc_slice raw;
    size_t name, name_len;
    size_t value, value_len;
};

struct draft {
    struct otc_buf text;
    struct draft_label labels[OTC_PROM_LABELS_MAX];
    size_t n;
    size_t max_value;
    bool invalid;
};

/** Names remembered; a power of two. */
#define KNOWN_NAMES 32

/** The name of a label, and the attribute's key that it was made of. */
struct known_name {
    struct otc_buf key;
    struct otc_buf name; /* empty: none yet */
};

struct otc_prom_translator {
    const struct otc_exposition_options *options;
    struct draft draft;
    /* By the attribute's place in its point: points mostly have the attributes of the one before. */
    struct known_name known[KNOWN_NAMES];
    size_t n_names; /* of the point at hand */
    struct otc_buf scratch;
    /* Of the resource last seen. */
    bool has_resource;
    size_t resource_index;
    struct otc_prom_series *target;
    struct otc_buf job;
    struct otc_buf instance;
    /* Of the metric last seen. */
    const uint8_t *metric;
    enum otc_prom_refusal metric_refusal;
    enum otc_prom_type type;
    struct otc_buf name;
    struct otc_buf help;
    struct otc_buf unit;
};

/* ---- Drafts ------------------------------------------------------------------------------------- */

static struct otc_slice
draft_name(const struct draft *draft, size_t i)
{
    return otc_slice_of(draft->text.data + draft->labels[i].name, draft->labels[i].name_len);
}

static struct otc_slice
draft_value(const struct draft *draft, size_t i)
{
    return otc_slice_of(draft->text.data + draft->labels[i].value, draft->labels[i].value_len);
}

static void
draft_clear(struct draft *draft)
{
    otc_buf_clear(&draft->text);
    draft->n = 0;
    draft->invalid = false;
}

static bool
draft_has(const struct draft *draft, struct otc_slice name)
{
    for (size_t i = 0; i < draft->n; i++) {
        if (otc_slice_equal(draft_name(draft, i), name)) {
            return true;
        }
    }
    return false;
}

/** The slot of this raw key (a duplicate key: the last wins), or a new one; NULL when there are too many. */
static struct draft_label *
draft_slot(struct draft *draft, struct otc_slice raw)
{
    for (size_t i = 0; raw.len > 0 && i < draft->n; i++) {
        if (otc_slice_equal(draft->labels[i].raw, raw)) {
            return &draft->labels[i];
        }
    }
    if (draft->n == OTC_PROM_LABELS_MAX) {
        draft->invalid = true;
        return NULL;
    }
    return &draft->labels[draft->n++];
}

/** Adds name and value as they are, but for UTF-8 repair and the length limit of values. */
static void
draft_put(struct draft *draft, struct otc_slice raw, struct otc_slice name, struct otc_slice value)
{
    struct draft_label *label = draft_slot(draft, raw);

    if (!label) {
        return;
    }
    label->raw = raw;
    label->name = draft->text.len;
    otc_prom_put_utf8(&draft->text, name);
    label->name_len = draft->text.len - label->name;
    label->value = draft->text.len;
    if (value.len > draft->max_value) {
        otc_prom_put_utf8(&draft->text, otc_slice_of(value.data, otc_prom_utf8_cut(value, draft->max_value)));
        otc_buf_printf(&draft->text, "#%016llx", (unsigned long long)otc_hash_fnv1a(value));
    } else {
        otc_prom_put_utf8(&draft->text, value);
    }
    label->value_len = draft->text.len - label->value;
}

static void
draft_put_text(struct draft *draft, const char *name, struct otc_slice value)
{
    if (value.len > 0) {
        draft_put(draft, OTC_SLICE_NONE, otc_slice_str(name), value);
    }
}

static int
draft_order(const struct draft *draft, size_t a, size_t b)
{
    int order = otc_slice_compare(draft_name(draft, a), draft_name(draft, b));

    return order != 0 ? order : otc_slice_compare(draft->labels[a].raw, draft->labels[b].raw);
}

/** By name, then by the original key. Insertion sort: labels are few and nearly in order. */
static void
draft_sort(struct draft *draft)
{
    for (size_t i = 1; i < draft->n; i++) {
        for (size_t j = i; j > 0 && draft_order(draft, j - 1, j) > 0; j--) {
            struct draft_label swap = draft->labels[j];

            draft->labels[j] = draft->labels[j - 1];
            draft->labels[j - 1] = swap;
        }
    }
}

/** An empty value is no label to Prometheus: with it and without it, a series is the same. */
static void
draft_drop_empty(struct draft *draft)
{
    size_t kept = 0;

    for (size_t i = 0; i < draft->n; i++) {
        if (draft->labels[i].value_len > 0) {
            draft->labels[kept++] = draft->labels[i];
        }
    }
    draft->n = kept;
}

/** Labels that got the same name become one: their values joined by ';', in the order of the original keys.
 * Then those without a value go. */
static void
draft_merge(struct draft *draft)
{
    size_t kept = 0;

    draft_sort(draft);
    for (size_t i = 1; i < draft->n; i++) {
        size_t start;

        if (!otc_slice_equal(draft_name(draft, kept), draft_name(draft, i))) {
            draft->labels[++kept] = draft->labels[i];
            continue;
        }
        start = draft->text.len;
        if (!otc_buf_reserve(&draft->text, draft->labels[kept].value_len + 1 + draft->labels[i].value_len)) {
            return;
        }
        otc_buf_append_slice(&draft->text, draft_value(draft, kept));
        otc_buf_append_byte(&draft->text, ';');
        otc_buf_append_slice(&draft->text, draft_value(draft, i));
        draft->labels[kept].value = start;
        draft->labels[kept].value_len = draft->text.len - start;
    }
    draft->n = draft->n > 0 ? kept + 1 : 0;
    draft_drop_empty(draft);
}

/* ---- Attributes to labels ----------------------------------------------------------------------- */

static bool
is_identity(struct otc_slice key)
{
    return otc_slice_equal_str(key, "service.name") || otc_slice_equal_str(key, "service.namespace") ||
           otc_slice_equal_str(key, "service.instance.id");
}

/** True for label names that belong to the format or to the resource; attributes step aside to exported_*. */
static bool
is_taken(const struct otc_prom_translator *t, struct otc_slice name)
{
    return otc_prom_is_reserved(t->type, name) || (t->job.len > 0 && otc_slice_equal_str(name, "job")) ||
           (t->instance.len > 0 && otc_slice_equal_str(name, "instance"));
}

static bool
is_scope_label(struct otc_slice name)
{
    return otc_slice_equal_str(name, "otel_scope_name") || otc_slice_equal_str(name, "otel_scope_version") ||
           otc_slice_equal_str(name, "otel_scope_schema_url");
}

/** The label's name for an attribute's key, borrowed until the next call; empty: there is none. */
static struct otc_slice
label_name(struct otc_prom_translator *t, struct otc_slice key)
{
    struct known_name *known = &t->known[t->n_names++ % KNOWN_NAMES];

    if (known->name.len > 0 && otc_slice_equal(otc_buf_slice(&known->key), key)) {
        return otc_buf_slice(&known->name);
    }
    otc_buf_clear(&known->key);
    otc_buf_clear(&known->name);
    if (otc_prometheus_label_name(t->options->translation, key, &known->name, NULL) != OTC_OK ||
        !otc_buf_append_slice(&known->key, key)) {
        otc_buf_clear(&known->name);
    }
    return otc_buf_slice(&known->name);
}

static void
put_attribute(struct otc_prom_translator *t, struct otc_slice key, const struct otc_value *value)
{
    OTC_AUTO_BUF struct otc_buf exported = {.limit = LABEL_NAME_MAX};
    struct otc_slice name = label_name(t, key);

    otc_buf_clear(&t->scratch);
    if (name.len == 0 || !otc_value_text(value, &t->scratch)) {
        t->draft.invalid = true;
        return;
    }
    if (is_taken(t, name) || (!t->options->without_scope_info && is_scope_label(name))) {
        otc_buf_append_str(&exported, EXPORTED);
        otc_buf_append_slice(&exported, name);
        name = otc_buf_slice(&exported);
    }
    draft_put(&t->draft, key, name, otc_buf_slice(&t->scratch));
}

static void
put_resource_labels(struct otc_prom_translator *t, const struct otc_record *record, bool with_identity)
{
    struct otc_slice rest = record->resource;
    struct otc_slice key;
    struct otc_value value;

    while (otc_attributes_next(OTC_ATTRIBUTES_RESOURCE, &rest, &key, &value)) {
        if (with_identity || !is_identity(key)) {
            put_attribute(t, key, &value);
        }
    }
}

/** Scope attributes as otel_scope_<key>; those that would be one of the three names are dropped. */
static void
put_scope_attributes(struct otc_prom_translator *t, const struct otc_record *record)
{
    struct otc_slice rest = record->scope;
    struct otc_slice key;
    struct otc_value value;

    while (otc_attributes_next(OTC_ATTRIBUTES_SCOPE, &rest, &key, &value)) {
        OTC_AUTO_BUF struct otc_buf raw = {.limit = LABEL_NAME_MAX};
        OTC_AUTO_BUF struct otc_buf name = {.limit = LABEL_NAME_MAX};

        otc_buf_append_str(&raw, "otel_scope_");
        otc_buf_append_slice(&raw, key);
        otc_buf_clear(&t->scratch);
        if (otc_prometheus_label_name(t->options->translation, otc_buf_slice(&raw), &name, NULL) != OTC_OK ||
            !otc_value_text(&value, &t->scratch)) {
            t->draft.invalid = true;
        } else if (!is_scope_label(otc_buf_slice(&name))) {
            draft_put(&t->draft, OTC_SLICE_NONE, otc_buf_slice(&name), otc_buf_slice(&t->scratch));
        }
    }
}

/** Names that the format keeps for itself step aside here too: self-metrics have their resource's attributes
 * as such labels. */
static void
put_const_labels(struct otc_prom_translator *t)
{
    for (size_t i = 0; i < t->options->n_const_labels; i++) {
        const struct otc_const_label *label = &t->options->const_labels[i];
        OTC_AUTO_BUF struct otc_buf exported = {.limit = LABEL_NAME_MAX};
        struct otc_slice name, value;

        otc_buf_append_str(&exported, EXPORTED);
        if (otc_prometheus_label_name(t->options->translation, otc_slice_str(label->name), &exported, NULL) !=
            OTC_OK) {
            t->draft.invalid = true;
            continue;
        }
        name = otc_slice_skip(otc_buf_slice(&exported), strlen(EXPORTED));
        name = otc_prom_is_reserved(t->type, name) ? otc_buf_slice(&exported) : name;
        value = otc_slice_str(label->value);
        if (value.len > 0 && !draft_has(&t->draft, name)) {
            draft_put(&t->draft, OTC_SLICE_NONE, name, value);
        }
    }
}

/** All labels of a point, merged and sorted. */
static void
draft_point(struct otc_prom_translator *t, const struct otc_point *point)
{
    const struct otc_exposition_options *options = t->options;
    struct otc_slice rest = point->encoded;
    struct otc_slice key;
    struct otc_value value;

    draft_clear(&t->draft);
    t->n_names = 0;
    while (otc_attributes_next(otc_point_attributes(point->type), &rest, &key, &value)) {
        put_attribute(t, key, &value);
    }
    if (options->resource_labels) {
        put_resource_labels(t, &point->record, !options->resource_labels_without_service);
    }
    if (!options->without_scope_info) {
        put_scope_attributes(t, &point->record);
    }
    draft_merge(&t->draft);
    if (!options->without_scope_info) {
        draft_put_text(&t->draft, "otel_scope_name", point->record.scope_name);
        draft_put_text(&t->draft, "otel_scope_version", point->record.scope_version);
        draft_put_text(&t->draft, "otel_scope_schema_url", point->record.scope_schema_url);
    }
    draft_put_text(&t->draft, "job", otc_buf_slice(&t->job));
    draft_put_text(&t->draft, "instance", otc_buf_slice(&t->instance));
    put_const_labels(t);
    draft_sort(&t->draft);
}

/* ---- Series out of drafts ------------------------------------------------------------------------ */

struct series_text {
    struct otc_slice name, help, unit, origin;
    /** Only job and instance in the key. */
    bool target;
};

/** Appends label `i` of the draft to the scratch; says where it lies there. */
static struct otc_prom_label_place
put_label(struct otc_prom_translator *t, size_t i)
{
    struct otc_slice name = draft_name(&t->draft, i), value = draft_value(&t->draft, i);
    struct otc_prom_label_place place;

    otc_buf_append_byte(&t->scratch, OTC_PROM_KEY_BREAK);
    place = (struct otc_prom_label_place){(uint32_t)t->scratch.len, (uint32_t)name.len, (uint32_t)value.len};
    otc_buf_append_slice(&t->scratch, name);
    otc_buf_append_byte(&t->scratch, OTC_PROM_KEY_BREAK);
    otc_buf_append_slice(&t->scratch, value);
    return place;
}

static bool
is_in_key(const struct otc_prom_translator *t, const struct series_text *text, size_t i)
{
    struct otc_slice name = draft_name(&t->draft, i);

    return !text->target || otc_slice_equal_str(name, "job") || otc_slice_equal_str(name, "instance");
}

/** Name and labels to the scratch, those first that belong to the key, whose length is returned. */
static size_t
put_key(struct otc_prom_translator *t, const struct series_text *text,
        struct otc_prom_label_place places[OTC_PROM_LABELS_MAX])
{
    size_t key_len;

    otc_buf_clear(&t->scratch);
    otc_buf_append_slice(&t->scratch, text->name);
    for (size_t i = 0; i < t->draft.n; i++) {
        if (is_in_key(t, text, i)) {
            places[i] = put_label(t, i);
        }
    }
    key_len = t->scratch.len;
    for (size_t i = 0; i < t->draft.n; i++) {
        if (!is_in_key(t, text, i)) {
            places[i] = put_label(t, i);
        }
    }
    return key_len;
}

static struct otc_prom_series *
series_of_draft(struct otc_prom_translator *t, enum otc_prom_type type, const struct series_text *text)
{
    const struct draft *draft = &t->draft;
    struct otc_prom_label_place places[OTC_PROM_LABELS_MAX];
    size_t head = sizeof(struct otc_prom_series) + draft->n * sizeof(places[0]), key_len;
    struct otc_prom_series *series;
    uint8_t *at;

    key_len = put_key(t, text, places);
    if (t->scratch.failed || draft->text.failed) {
        return NULL;
    }
    series = malloc(head + t->scratch.len + text->help.len + text->unit.len + text->origin.len);
    if (!series) {
        return NULL;
    }
    at = (uint8_t *)series + head;
    *series = (struct otc_prom_series){.type = type, .n_labels = draft->n};
    atomic_init(&series->refs, 1);
    series->key = otc_slice_of(otc_slice_place(&at, otc_buf_slice(&t->scratch)).data, key_len);
    series->name = otc_slice_of(series->key.data, text->name.len);
    series->help = otc_slice_place(&at, text->help);
    series->unit = otc_slice_place(&at, text->unit);
    series->origin = otc_slice_place(&at, text->origin);
    if (draft->n > 0) {
        memcpy(series->labels, places, draft->n * sizeof(places[0]));
    }
    return series;
}

struct otc_prom_series *
otc_prom_series_ref(struct otc_prom_series *series)
{
    atomic_fetch_add_explicit(&series->refs, 1, memory_order_relaxed);
    return series;
}

void
otc_prom_series_unref(struct otc_prom_series *series)
{
    if (series && atomic_fetch_sub_explicit(&series->refs, 1, memory_order_acq_rel) == 1) {
        otc_prom_series_unref(series->target);
        free(series);
    }
}

/* ---- Resources ---------------------------------------------------------------------------------- */

/** Writes job and instance; true when the resource says more than its identity. */
static bool
read_identity(struct otc_prom_translator *t, const struct otc_record *record)
{
    struct otc_slice rest = record->resource;
    struct otc_slice key;
    struct otc_value value;
    struct otc_value name = {.type = OTC_VALUE_ABSENT};
    struct otc_value name_space = {.type = OTC_VALUE_ABSENT};
    struct otc_value instance = {.type = OTC_VALUE_ABSENT};
    bool more = false;

    while (otc_attributes_next(OTC_ATTRIBUTES_RESOURCE, &rest, &key, &value)) {
        if (otc_slice_equal_str(key, "service.name")) {
            name = value;
        } else if (otc_slice_equal_str(key, "service.namespace")) {
            name_space = value;
        } else if (otc_slice_equal_str(key, "service.instance.id")) {
            instance = value;
        } else {
            more = true;
        }
    }
    if (name.type != OTC_VALUE_ABSENT) {
        otc_value_text(&name_space, &t->job);
        if (t->job.len > 0) {
            otc_buf_append_byte(&t->job, '/');
        }
        otc_value_text(&name, &t->job);
    }
    otc_value_text(&instance, &t->instance);
    return more;
}

/** The target_info series of the resource; NULL when it would say nothing or cannot be made. */
static struct otc_prom_series *
make_target(struct otc_prom_translator *t, const struct otc_record *record)
{
    OTC_AUTO_BUF struct otc_buf name = {.limit = LABEL_NAME_MAX};
    struct series_text text = {.help = OTC_SLICE_LIT("Target metadata"), .target = true};

    if (otc_prometheus_metric_name(OTC_UNDERSCORE_WITHOUT_SUFFIXES, otc_slice_str("target_info"),
                                   OTC_SLICE_NONE, OTC_METRIC_GAUGE, false, t->options->name_space, &name,
                                   NULL) != OTC_OK) {
        return NULL;
    }
    draft_clear(&t->draft);
    t->n_names = 0;
    put_resource_labels(t, record, false);
    draft_merge(&t->draft);
    draft_put_text(&t->draft, "job", otc_buf_slice(&t->job));
    draft_put_text(&t->draft, "instance", otc_buf_slice(&t->instance));
    if (t->options->const_labels_of_target) {
        put_const_labels(t);
    }
    draft_sort(&t->draft);
    text.name = otc_buf_slice(&name);
    return t->draft.invalid ? NULL : series_of_draft(t, OTC_PROM_INFO, &text);
}

static void
learn_resource(struct otc_prom_translator *t, const struct otc_record *record)
{
    if (t->has_resource && t->resource_index == record->resource_index) {
        return;
    }
    otc_prom_series_unref(t->target);
    t->target = NULL;
    otc_buf_clear(&t->job);
    otc_buf_clear(&t->instance);
    t->has_resource = true;
    t->resource_index = record->resource_index;
    t->type = OTC_PROM_INFO;
    if (!t->options->without_target && read_identity(t, record) && t->job.len + t->instance.len > 0) {
        t->target = make_target(t, record);
    }
}

/* ---- Metrics ------------------------------------------------------------------------------------ */

/** True when the metric's metadata says prometheus.type = unknown. */
static bool
is_unknown_gauge(struct otc_slice metric)
{
    struct otc_slice pair;

    while (otc_messages_next(&metric, 12, &pair)) {
        if (otc_slice_equal_str(otc_message_bytes(pair, 1), "prometheus.type") &&
            otc_slice_equal_str(otc_message_bytes(otc_message_bytes(pair, 2), 1), "unknown")) {
            return true;
        }
    }
    return false;
}

static bool
type_of_point(const struct otc_point *point, enum otc_prom_type *type)
{
    switch (point->type) {
    case OTC_METRIC_GAUGE:
        *type = is_unknown_gauge(point->metric) ? OTC_PROM_UNKNOWN : OTC_PROM_GAUGE;
        return true;
    case OTC_METRIC_SUM:
        *type = point->monotonic ? OTC_PROM_COUNTER : OTC_PROM_GAUGE;
        return true;
    case OTC_METRIC_HISTOGRAM:
    case OTC_METRIC_EXPONENTIAL_HISTOGRAM:
        *type = OTC_PROM_HISTOGRAM;
        return true;
    case OTC_METRIC_SUMMARY:
        *type = OTC_PROM_SUMMARY;
        return true;
    case OTC_METRIC_NONE:
    default:
        return false;
    }
}

/** Forgets the unit when the name (without _total) does not end in it: OpenMetrics forbids such a UNIT. */
static void
check_unit(struct otc_prom_translator *t)
{
    struct otc_slice name = otc_buf_slice(&t->name);
    size_t unit = t->unit.len;

    if (t->type == OTC_PROM_COUNTER && name.len > 6 && memcmp(name.data + name.len - 6, "_total", 6) == 0) {
        name.len -= 6;
    }
    if (unit == 0 || name.len < unit + 1 || name.data[name.len - unit - 1] != '_' ||
        memcmp(name.data + name.len - unit, t->unit.data, unit) != 0) {
        otc_buf_clear(&t->unit);
    }
}

static enum otc_prom_refusal
learn_metric(struct otc_prom_translator *t, const struct otc_point *point)
{
    OTC_AUTO_BUF struct otc_buf name = {.limit = 2 * (size_t)LABEL_NAME_MAX};
    struct otc_slice help = point->description;

    otc_buf_clear(&t->name);
    otc_buf_clear(&t->help);
    otc_buf_clear(&t->unit);
    if (!type_of_point(point, &t->type)) {
        return OTC_PROM_UNSUPPORTED;
    }
    if (otc_prometheus_metric_name(t->options->translation, point->name, point->unit, point->type,
                                   point->monotonic, t->options->name_space, &name, NULL) != OTC_OK) {
        return OTC_PROM_INVALID_NAME;
    }
    otc_prom_put_utf8(&t->name, otc_buf_slice(&name));
    help.len = otc_prom_utf8_cut(help, HELP_MAX);
    otc_prom_put_utf8(&t->help, help);
    otc_prometheus_unit_name(point->unit, &t->unit);
    if (t->name.failed || t->help.failed || t->unit.failed) {
        return OTC_PROM_NO_MEMORY;
    }
    check_unit(t);
    return OTC_PROM_OK;
}

/* ---- Translator --------------------------------------------------------------------------------- */

struct otc_prom_translator *
otc_prom_translator_new(const struct otc_exposition_options *options)
{
    struct otc_prom_translator *t = calloc(1, sizeof(*t));

    if (t) {
        t->options = options;
        otc_buf_init(&t->draft.text, SERIES_TEXT_MAX);
        t->draft.max_value = options->max_value_bytes ? options->max_value_bytes : OTC_PROM_VALUE_MAX;
        for (size_t i = 0; i < KNOWN_NAMES; i++) {
            otc_buf_init(&t->known[i].key, LABEL_NAME_MAX);
            otc_buf_init(&t->known[i].name, LABEL_NAME_MAX);
        }
        otc_buf_init(&t->scratch, SERIES_TEXT_MAX);
        otc_buf_init(&t->job, SERIES_TEXT_MAX);
        otc_buf_init(&t->instance, SERIES_TEXT_MAX);
        otc_buf_init(&t->name, SERIES_TEXT_MAX);
        otc_buf_init(&t->help, SERIES_TEXT_MAX);
        otc_buf_init(&t->unit, SERIES_TEXT_MAX);
    }
    return t;
}

void
otc_prom_translator_reset(struct otc_prom_translator *t)
{
    otc_prom_series_unref(t->target);
    t->target = NULL;
    t->has_resource = false;
    t->metric = NULL;
}

void
otc_prom_translator_free(struct otc_prom_translator *t)
{
    if (!t) {
        return;
    }
    otc_prom_translator_reset(t);
    otc_buf_release(&t->draft.text);
    for (size_t i = 0; i < KNOWN_NAMES; i++) {
        otc_buf_release(&t->known[i].key);
        otc_buf_release(&t->known[i].name);
    }
    otc_buf_release(&t->scratch);
    otc_buf_release(&t->job);
    otc_buf_release(&t->instance);
    otc_buf_release(&t->name);
    otc_buf_release(&t->help);
    otc_buf_release(&t->unit);
    free(t);
}

enum otc_prom_refusal
otc_prom_translator_series(struct otc_prom_translator *t, const struct otc_point *point,
                           struct otc_prom_series **out)
{
    OTC_AUTO_BUF struct otc_buf origin = {.limit = SERIES_TEXT_MAX};
    struct series_text text;

    learn_resource(t, &point->record);
    if (t->metric != point->metric.data || !t->metric) {
        t->metric_refusal = learn_metric(t, point);
        t->metric = point->metric.data;
    }
    if (t->metric_refusal != OTC_PROM_OK) {
        return t->metric_refusal;
    }
    draft_point(t, point);
    if (t->draft.invalid) {
        return OTC_PROM_INVALID_NAME;
    }
    otc_buf_append_slice(&origin, point->record.scope_name);
    otc_buf_append_byte(&origin, OTC_PROM_KEY_BREAK);
    otc_buf_append_slice(&origin, point->name);
    text = (struct series_text){.name = otc_buf_slice(&t->name),
                                .help = otc_buf_slice(&t->help),
                                .unit = otc_buf_slice(&t->unit),
                                .origin = otc_buf_slice(&origin)};
    *out = origin.failed ? NULL : series_of_draft(t, t->type, &text);
    if (!*out) {
        return OTC_PROM_NO_MEMORY;
    }
    (*out)->target = t->target ? otc_prom_series_ref(t->target) : NULL;
    return OTC_PROM_OK;
}
