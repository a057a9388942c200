// SPDX-License-Identifier: Apache-2.0
#include "common/prometheus/page.h"

#include "common/prometheus/text.h"

#define NAME_BYTES_MAX ((size_t)1 << 16)

const char *const *
otc_prom_suffixes(enum otc_prom_type type, bool openmetrics)
{
    static const char *const plain[] = {"", NULL};
    static const char *const counter[] = {"", "_total", "_created", NULL};
    static const char *const histogram[] = {"", "_bucket", "_sum", "_count", NULL};
    static const char *const summary[] = {"", "_sum", "_count", NULL};
    static const char *const om_histogram[] = {"", "_bucket", "_sum", "_count", "_created", NULL};
    static const char *const om_summary[] = {"", "_sum", "_count", "_created", NULL};
    static const char *const info[] = {"", "_info", NULL};

    switch (type) {
    case OTC_PROM_COUNTER:
        return openmetrics ? counter : plain;
    case OTC_PROM_HISTOGRAM:
        return openmetrics ? om_histogram : histogram;
    case OTC_PROM_SUMMARY:
        return openmetrics ? om_summary : summary;
    case OTC_PROM_INFO:
        return openmetrics ? info : plain;
    case OTC_PROM_UNKNOWN:
    case OTC_PROM_GAUGE:
    default:
        return plain;
    }
}

/* ---- Making ------------------------------------------------------------------------------------- */

static void
drop_entry(void *pointer)
{
    struct otc_prom_entry *entry = pointer;

    otc_prom_series_unref(entry->series);
    otc_prom_value_unref(entry->value);
    free(entry);
}

static void
drop_family(void *pointer)
{
    struct otc_prom_family *family = pointer;

    free(family->entries);
    free((void *)(uintptr_t)family->name.data);
    free(family);
}

struct otc_exposition *
otc_exposition_new(const struct otc_exposition_options *options, struct otc_exposition_type type)
{
    struct otc_exposition *page = calloc(1, sizeof(*page));
    size_t limit = options->max_series > 0 ? options->max_series : SIZE_MAX / 16;

    if (!page) {
        return NULL;
    }
    page->options = options;
    page->type = type;
    otc_buf_init(&page->shown.text, OTC_PROM_SHOWN_MAX);
    otc_buf_init(&page->key, 2 * OTC_PROM_SHOWN_MAX);
    page->families = otc_map_new(limit + 1);
    page->names = otc_map_new(limit > SIZE_MAX / 16 ? limit : limit * 8 + 8);
    page->entries = otc_map_new(limit);
    if (!page->families || !page->names || !page->entries) {
        otc_exposition_free(page);
        return NULL;
    }
    return page;
}

void
otc_exposition_free(struct otc_exposition *page)
{
    if (!page) {
        return;
    }
    otc_map_free(page->names, NULL);
    otc_map_free(page->families, drop_family);
    otc_map_free(page->entries, drop_entry);
    otc_buf_release(&page->shown.text);
    otc_buf_release(&page->key);
    free(page);
}

const struct otc_exposition_stats *
otc_exposition_stats_of(const struct otc_exposition *page)
{
    return &page->stats;
}

void
otc_exposition_count(struct otc_exposition_stats *stats, enum otc_prom_refusal refusal)
{
    switch (refusal) {
    case OTC_PROM_INVALID_NAME:
        stats->invalid_names++;
        break;
    case OTC_PROM_INVALID_VALUE:
        stats->invalid_values++;
        break;
    case OTC_PROM_UNSUPPORTED:
        stats->unsupported++;
        break;
    case OTC_PROM_NO_MEMORY:
        stats->over_limit++;
        break;
    case OTC_PROM_OK:
    default:
        break;
    }
}

/* ---- Families ----------------------------------------------------------------------------------- */

static bool
ends_with(struct otc_slice text, const char *suffix)
{
    size_t len = strlen(suffix);

    return text.len > len && memcmp(text.data + text.len - len, suffix, len) == 0;
}

/** Appends the family's name as this page shows it. */
static void
put_family_name(const struct otc_exposition *page, const struct otc_prom_series *series, struct otc_buf *out)
{
    struct otc_slice name = series->name;

    if (page->type.format == OTC_OPENMETRICS_1_0_0) {
        if (series->type == OTC_PROM_COUNTER && ends_with(name, "_total")) {
            name.len -= strlen("_total");
        } else if (series->type == OTC_PROM_INFO && ends_with(name, "_info")) {
            name.len -= strlen("_info");
        }
    }
    if (page->type.utf8_names) {
        otc_buf_append_slice(out, name);
    } else {
        otc_prom_put_classic(out, name, false);
    }
}

/** Calls for each sample name of a family: false once one is taken, or (with `take`) cannot be recorded. */
static bool
claim_names(struct otc_exposition *page, struct otc_prom_family *family, bool take)
{
    const char *const *suffix = otc_prom_suffixes(family->type, page->type.format == OTC_OPENMETRICS_1_0_0);

    for (; *suffix; suffix++) {
        OTC_AUTO_BUF struct otc_buf name = {.limit = NAME_BYTES_MAX};

        otc_buf_append_slice(&name, family->name);
        otc_buf_append_str(&name, *suffix);
        if (name.failed || (take ? !otc_map_put(page->names, otc_buf_slice(&name), family)
                                 : otc_map_get(page->names, otc_buf_slice(&name)) != NULL)) {
            return false;
        }
    }
    return true;
}

static void
note_conflict(struct otc_exposition *page, const struct otc_prom_series *series)
{
    size_t len = otc_prom_utf8_cut(series->name, sizeof(page->stats.first_conflict) - 1);

    if (page->stats.first_conflict[0] == '\0') {
        memcpy(page->stats.first_conflict, series->name.data, len);
        page->stats.first_conflict[len] = '\0';
    }
}

/** A new family under a free name; NULL on a conflict (counted) or out of memory (*failed). */
static struct otc_prom_family *
family_new(struct otc_exposition *page, struct otc_buf *name, const struct otc_prom_series *series,
           bool *failed)
{
    struct otc_prom_family *family = calloc(1, sizeof(*family));

    if (!family) {
        *failed = true;
        return NULL;
    }
    family->type = series->type;
    family->first = series;
    family->name.data = otc_buf_take(name, &family->name.len);
    if (!claim_names(page, family, false)) {
        page->stats.type_conflicts++;
        note_conflict(page, series);
        drop_family(family);
        return NULL;
    }
    if (!otc_map_put(page->families, family->name, family)) {
        drop_family(family);
        *failed = true;
        return NULL;
    }
    *failed = !claim_names(page, family, true);
    return *failed ? NULL : family;
}

static struct otc_prom_family *
family_of(struct otc_exposition *page, const struct otc_prom_series *series, bool *failed)
{
    OTC_AUTO_BUF struct otc_buf name = {.limit = NAME_BYTES_MAX};
    struct otc_prom_family *family;

    put_family_name(page, series, &name);
    if (name.failed) {
        *failed = true;
        return NULL;
    }
    family = otc_map_get(page->families, otc_buf_slice(&name));
    if (!family) {
        return family_new(page, &name, series, failed);
    }
    if (family->type != series->type) {
        page->stats.type_conflicts++;
        note_conflict(page, series);
        return NULL;
    }
    return family;
}

static bool
family_append(struct otc_prom_family *family, struct otc_prom_entry *entry)
{
    if (family->n == family->capacity) {
        size_t capacity = family->capacity > 0 ? family->capacity * 2 : 4;
        struct otc_prom_entry **entries =
            realloc(family->entries, capacity * sizeof(struct otc_prom_entry *));

        if (!entries) {
            return false;
        }
        family->entries = entries;
        family->capacity = capacity;
    }
    family->entries[family->n++] = entry;
    return true;
}

/* ---- Series ------------------------------------------------------------------------------------- */

/** What the client tells the series apart by, borrowed until the next call; no bytes out of memory. */
static struct otc_slice
key_of(struct otc_exposition *page, struct otc_slice family, const struct otc_prom_series *series)
{
    if (series->type == OTC_PROM_INFO) {
        return series->key;
    }
    otc_buf_clear(&page->key);
    if (!otc_prom_shown_read(&page->shown, series, page->type.utf8_names)) {
        return OTC_SLICE_NONE;
    }
    otc_prom_shown_key(&page->shown, family, series, &page->key);
    return page->key.failed ? OTC_SLICE_NONE : otc_buf_slice(&page->key);
}

/** A series that is there already: its later value replaces, another series that is shown the same way is
 * dropped. */
static void
merge_entry(struct otc_exposition *page, struct otc_prom_entry *entry, const struct otc_prom_series *series,
            struct otc_prom_value *value)
{
    if (entry->series->type != OTC_PROM_INFO && (!otc_slice_equal(entry->series->origin, series->origin) ||
                                                 !otc_slice_equal(entry->series->key, series->key))) {
        page->stats.duplicates++;
        note_conflict(page, series);
        return;
    }
    if (value->time_unix_nano >= entry->value->time_unix_nano) {
        otc_prom_value_unref(entry->value);
        entry->value = otc_prom_value_ref(value);
    }
}

static bool
add_series(struct otc_exposition *page, struct otc_prom_series *series, struct otc_prom_value *value)
{
    bool failed = false;
    struct otc_prom_family *family = family_of(page, series, &failed);
    struct otc_prom_entry *entry;
    struct otc_slice key;

    if (!family) {
        return !failed;
    }
    key = key_of(page, family->name, series);
    entry = key.len > 0 ? otc_map_get(page->entries, key) : NULL;
    if (entry) {
        merge_entry(page, entry, series, value);
        return true;
    }
    if (page->options->max_series > 0 && otc_map_count(page->entries) >= page->options->max_series) {
        page->stats.over_limit++;
        return true;
    }
    entry = key.len > 0 ? malloc(sizeof(*entry)) : NULL;
    if (!entry) {
        return false;
    }
    *entry = (struct otc_prom_entry){otc_prom_series_ref(series), otc_prom_value_ref(value)};
    if (!otc_map_put(page->entries, key, entry)) {
        drop_entry(entry);
        return false;
    }
    page->stats.series++;
    return family_append(family, entry);
}

bool
otc_exposition_add_target(struct otc_exposition *page, struct otc_prom_series *target, uint64_t time)
{
    struct otc_prom_entry *entry = otc_map_get(page->entries, target->key);
    struct otc_prom_value *value;
    bool added;

    if (entry && entry->value->time_unix_nano >= time) {
        return true;
    }
    value = calloc(1, sizeof(*value));
    if (!value) {
        return false;
    }
    atomic_init(&value->refs, 1);
    value->number = 1;
    value->time_unix_nano = time;
    added = add_series(page, target, value);
    otc_prom_value_unref(value);
    return added;
}

bool
otc_exposition_add(struct otc_exposition *page, struct otc_prom_series *series, struct otc_prom_value *value)
{
    return add_series(page, series, value) &&
           (!series->target || otc_exposition_add_target(page, series->target, value->time_unix_nano));
}

/* ---- Rendering ---------------------------------------------------------------------------------- */

static int
compare_families(const void *a, const void *b)
{
    const struct otc_prom_family *const *x = a;
    const struct otc_prom_family *const *y = b;

    return otc_slice_compare((*x)->name, (*y)->name);
}

static int
compare_entries(const void *a, const void *b)
{
    const struct otc_prom_entry *const *x = a;
    const struct otc_prom_entry *const *y = b;

    return otc_slice_compare((*x)->series->key, (*y)->series->key);
}

static void
render_families(struct otc_exposition *page, struct otc_prom_family **families, struct otc_buf *out)
{
    size_t cursor = 0;
    size_t n = 0;
    struct otc_slice key;
    void *value;

    while (otc_map_next(page->families, &cursor, &key, &value)) {
        families[n++] = value;
    }
    qsort(families, n, sizeof(struct otc_prom_family *), compare_families);
    for (size_t i = 0; i < n; i++) {
        /* A family whose only series fell to the limit has nothing to show. */
        if (families[i]->n > 0) {
            qsort(families[i]->entries, families[i]->n, sizeof(struct otc_prom_entry *), compare_entries);
            otc_prom_render_family(page, families[i], out);
        }
    }
}

otc_status
otc_exposition_render(struct otc_exposition *page, struct otc_buf *out, struct otc_error *err)
{
    size_t n = otc_map_count(page->families);
    struct otc_prom_family **families = calloc(n + 1, sizeof(struct otc_prom_family *));
    OTC_AUTO_BUF struct otc_buf body = {.limit = page->options->max_bytes};

    if (!families) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory for %zu metric families", n);
    }
    render_families(page, families, &body);
    free(families);
    if (page->type.format == OTC_OPENMETRICS_1_0_0) {
        otc_buf_append_str(&body, "# EOF\n");
    }
    if (body.failed || !otc_buf_append_slice(out, otc_buf_slice(&body))) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "metrics page exceeds %zu bytes",
                        page->options->max_bytes);
    }
    return OTC_OK;
}

/* ---- From requests ------------------------------------------------------------------------------ */

struct reading {
    const struct otc_exposition_options *options;
    struct otc_exposition *page;
    struct otc_prom_translator *translator;
    bool failed;
};

static bool
is_shown(const struct otc_point *point)
{
    bool has_temporality = point->type == OTC_METRIC_SUM || point->type == OTC_METRIC_HISTOGRAM ||
                           point->type == OTC_METRIC_EXPONENTIAL_HISTOGRAM;

    return !has_temporality || point->temporality == OTC_TEMPORALITY_CUMULATIVE;
}

static bool
read_point(void *arg, const struct otc_point *point)
{
    struct reading *reading = arg;
    struct otc_prom_series *series = NULL;
    struct otc_prom_value *value = NULL;
    enum otc_prom_refusal refusal = OTC_PROM_UNSUPPORTED;

    if (point->flags & OTC_POINT_NO_RECORDED_VALUE) {
        return true;
    }
    if (is_shown(point)) {
        refusal = otc_prom_translator_series(reading->translator, point, &series);
    }
    if (refusal == OTC_PROM_OK) {
        refusal = otc_prom_value_new(point, reading->options->exemplars, &value);
    }
    if (refusal == OTC_PROM_OK) {
        reading->failed = !otc_exposition_add(reading->page, series, value);
    } else {
        otc_exposition_count(&reading->page->stats, refusal);
    }
    otc_prom_series_unref(series);
    otc_prom_value_unref(value);
    return !reading->failed;
}

static otc_status
read_requests(struct reading *reading, const struct otc_slice *requests, size_t n, struct otc_error *err)
{
    for (size_t i = 0; i < n; i++) {
        otc_status status;

        otc_prom_translator_reset(reading->translator);
        status = otc_walk_points(NULL, requests[i], read_point, reading, err);
        if (status != OTC_OK) {
            return status;
        }
        if (reading->failed) {
            return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory for a metrics page");
        }
    }
    return OTC_OK;
}

otc_status
otc_exposition_of_requests(const struct otc_exposition_options *options, struct otc_exposition_type type,
                           const struct otc_slice *requests, size_t n, struct otc_buf *out,
                           struct otc_exposition_stats *stats, struct otc_error *err)
{
    struct reading reading = {.options = options,
                              .page = otc_exposition_new(options, type),
                              .translator = otc_prom_translator_new(options)};
    otc_status status = OTC_RESOURCE_EXHAUSTED;

    if (reading.page && reading.translator) {
        status = read_requests(&reading, requests, n, err);
        if (status == OTC_OK) {
            status = otc_exposition_render(reading.page, out, err);
        }
        if (stats) {
            *stats = reading.page->stats;
        }
    } else {
        otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory for a metrics page");
    }
    otc_prom_translator_free(reading.translator);
    otc_exposition_free(reading.page);
    return status;
}
