// SPDX-License-Identifier: Apache-2.0
#include "exporters/prometheus_remote_write/encode.h"

#include "common/otlp/wire.h"

#define MAX_BODY ((size_t)1 << 30)
#define MAX_SYMBOLS ((size_t)1 << 24)

/* Field numbers: where the two versions differ, {1.0, 2.0}. */
static const uint32_t series_field[] = {1, 5}, exemplars_field[] = {3, 4}, histograms_field[] = {4, 3};
#define SYMBOLS 4
#define METADATA_V1 3

/* A request that is being filled. */
struct filling {
    const struct prw_encoding *encoding;
    struct prw_pieces *out;
    struct otc_buf series;  /* the bodies of all series so far */
    struct otc_buf one;     /* the series at hand */
    struct otc_buf symbols; /* 2.0: encoded */
    struct otc_map *refs;   /* 2.0: text to index + 1 */
    struct otc_slice *texts;
    size_t n_texts, texts_capacity;
    size_t samples, histograms, exemplars;
    bool failed;
};

/* ---- Symbols ------------------------------------------------------------------------------------ */

static bool
start_symbols(struct filling *f)
{
    otc_map_free(f->refs, NULL);
    f->refs = otc_map_new(MAX_SYMBOLS);
    f->n_texts = 0;
    otc_buf_clear(&f->symbols);
    /* The first one is the empty text. */
    otc_wire_put_bytes(&f->symbols, SYMBOLS, OTC_SLICE_NONE);
    return f->refs != NULL;
}

static bool
remember_text(struct filling *f, struct otc_slice text)
{
    if (f->n_texts == f->texts_capacity) {
        size_t capacity = f->texts_capacity ? 2 * f->texts_capacity : 256;
        struct otc_slice *more = realloc(f->texts, capacity * sizeof(*more));

        if (!more) {
            return false;
        }
        f->texts = more;
        f->texts_capacity = capacity;
    }
    f->texts[f->n_texts++] = text;
    return otc_map_put(f->refs, text, (void *)(uintptr_t)(f->n_texts + 1));
}

static uint32_t
symbol(struct filling *f, struct otc_slice text)
{
    uintptr_t found = text.len > 0 ? (uintptr_t)otc_map_get(f->refs, text) : 1;

    if (found == 0) {
        if (!remember_text(f, text)) {
            f->failed = true;
            return 0;
        }
        otc_wire_put_bytes(&f->symbols, SYMBOLS, text);
        found = f->n_texts + 1;
    }
    return (uint32_t)(found - 1);
}

/* Forgets the symbols of a series that goes into the next request. */
static void
take_back(struct filling *f, size_t n_texts, size_t symbols_len)
{
    while (f->n_texts > n_texts) {
        (void)otc_map_remove(f->refs, f->texts[--f->n_texts]);
    }
    f->symbols.len = symbols_len;
}

/* ---- Parts of a series -------------------------------------------------------------------------- */

static void
put_labels(struct filling *f, const struct otc_prom_label *labels, size_t n)
{
    size_t mark;

    if (f->encoding->v2) {
        mark = otc_wire_begin(&f->one, 1);
        for (size_t i = 0; i < n; i++) {
            otc_wire_put_varint(&f->one, symbol(f, labels[i].name));
            otc_wire_put_varint(&f->one, symbol(f, labels[i].value));
        }
        otc_wire_end(&f->one, mark);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        mark = otc_wire_begin(&f->one, 1);
        otc_wire_put_bytes(&f->one, 1, labels[i].name);
        otc_wire_put_bytes(&f->one, 2, labels[i].value);
        otc_wire_end(&f->one, mark);
    }
}

static size_t
put_samples(struct filling *f, const struct prw_series *series)
{
    size_t n = 0;

    for (struct prw_node *node = series->samples; node; node = node->next) {
        const struct prw_sample *sample = OTC_CONTAINER(node, prw_sample, node);
        size_t mark = otc_wire_begin(&f->one, 2);

        otc_wire_put_fixed64(&f->one, 1, sample->bits);
        otc_wire_put_number(&f->one, 2, (uint64_t)node->ms);
        if (f->encoding->v2 && sample->start_ms != 0) {
            otc_wire_put_number(&f->one, 3, (uint64_t)sample->start_ms);
        }
        otc_wire_end(&f->one, mark);
        n++;
    }
    return n;
}

static size_t
put_histograms(struct filling *f, const struct prw_series *series)
{
    size_t n = 0;

    for (struct prw_node *node = series->histograms; node; node = node->next) {
        const struct prw_histogram *histogram = OTC_CONTAINER(node, prw_histogram, node);
        size_t mark = otc_wire_begin(&f->one, histograms_field[f->encoding->v2]);

        otc_buf_append_slice(&f->one, histogram->encoded);
        otc_wire_put_number(&f->one, 15, (uint64_t)node->ms);
        if (f->encoding->v2 && histogram->start_ms != 0) {
            otc_wire_put_number(&f->one, 17, (uint64_t)histogram->start_ms);
        }
        otc_wire_end(&f->one, mark);
        n++;
    }
    return n;
}

static size_t
put_exemplars(struct filling *f, const struct prw_series *series)
{
    size_t n = 0;

    for (struct prw_node *node = series->exemplars; node; node = node->next) {
        const struct prw_exemplar *exemplar = OTC_CONTAINER(node, prw_exemplar, node);
        size_t mark = otc_wire_begin(&f->one, exemplars_field[f->encoding->v2]);

        put_labels(f, exemplar->labels, exemplar->n_labels);
        otc_wire_put_double(&f->one, 2, exemplar->value);
        otc_wire_put_number(&f->one, 3, (uint64_t)node->ms);
        otc_wire_end(&f->one, mark);
        n++;
    }
    return n;
}

/* prometheus.MetricMetadata.MetricType and io.prometheus.write.v2.Metadata.MetricType have the same numbers.
 */
static uint32_t
type_number(enum otc_prom_type type)
{
    switch (type) {
    case OTC_PROM_COUNTER:
        return 1;
    case OTC_PROM_GAUGE:
    case OTC_PROM_INFO:
        return 2;
    case OTC_PROM_HISTOGRAM:
        return 3;
    case OTC_PROM_SUMMARY:
        return 5;
    case OTC_PROM_UNKNOWN:
        break;
    }
    return 0;
}

static void
put_metadata(struct filling *f, const struct prw_series *series)
{
    size_t mark = otc_wire_begin(&f->one, 5);

    otc_wire_put_number(&f->one, 1, type_number(series->type));
    if (series->help.len > 0) {
        otc_wire_put_number(&f->one, 3, symbol(f, series->help));
    }
    if (series->unit.len > 0) {
        otc_wire_put_number(&f->one, 4, symbol(f, series->unit));
    }
    otc_wire_end(&f->one, mark);
}

/* ---- Requests ----------------------------------------------------------------------------------- */

static struct prw_piece *
new_piece(struct prw_pieces *out)
{
    if (out->n == out->capacity) {
        size_t capacity = out->capacity ? 2 * out->capacity : 4;
        struct prw_piece *more = realloc(out->items, capacity * sizeof(*more));

        if (!more) {
            return NULL;
        }
        out->items = more;
        out->capacity = capacity;
    }
    out->items[out->n] = (struct prw_piece){.body = {.limit = 2 * MAX_BODY}};
    return &out->items[out->n++];
}

/* What was gathered becomes a request. */
static void
close_piece(struct filling *f)
{
    struct prw_piece *piece;

    if (f->series.len == 0 || f->failed) {
        return;
    }
    piece = new_piece(f->out);
    if (!piece || !otc_buf_append_slice(&piece->body, otc_buf_slice(&f->symbols)) ||
        !otc_buf_append_slice(&piece->body, otc_buf_slice(&f->series))) {
        f->failed = true;
        return;
    }
    piece->samples = f->samples;
    piece->histograms = f->histograms;
    piece->exemplars = f->exemplars;
    f->samples = f->histograms = f->exemplars = 0;
    otc_buf_clear(&f->series);
    if (f->encoding->v2) {
        f->failed = !start_symbols(f);
    }
}

/* The series at hand as bytes; counts of what is in it. */
static void
write_series(struct filling *f, const struct prw_series *series, size_t counts[3])
{
    otc_buf_clear(&f->one);
    put_labels(f, series->labels, series->n_labels);
    counts[0] = put_samples(f, series);
    counts[1] = put_histograms(f, series);
    counts[2] = put_exemplars(f, series);
    if (f->encoding->v2) {
        put_metadata(f, series);
    }
}

static void
add_series(struct filling *f, const struct prw_series *series)
{
    size_t n_texts = f->n_texts, symbols_len = f->symbols.len, counts[3];

    write_series(f, series, counts);
    if (f->series.len > 0 && f->symbols.len + f->series.len + f->one.len + 8 > f->encoding->max_bytes) {
        take_back(f, n_texts, symbols_len);
        close_piece(f);
        if (f->failed) {
            return;
        }
        write_series(f, series, counts);
    }
    otc_wire_put_bytes(&f->series, series_field[f->encoding->v2], otc_buf_slice(&f->one));
    f->samples += counts[0];
    f->histograms += counts[1];
    f->exemplars += counts[2];
    f->failed = f->failed || f->series.failed || f->one.failed || f->symbols.failed;
}

/* One entry a family, in a request of its own. */
static void
add_metadata(struct filling *f, const struct prw_set *set)
{
    struct otc_map *seen = otc_map_new(MAX_SYMBOLS);
    struct prw_piece *piece = seen ? new_piece(f->out) : NULL;

    f->failed = f->failed || !piece;
    for (const struct prw_series *series = set->first; series && !f->failed; series = series->next) {
        size_t mark;

        if (otc_map_get(seen, series->family)) {
            continue;
        }
        f->failed = !otc_map_put(seen, series->family, f);
        mark = otc_wire_begin(&piece->body, METADATA_V1);
        otc_wire_put_number(&piece->body, 1, type_number(series->type));
        otc_wire_put_bytes(&piece->body, 2, series->family);
        otc_wire_put_bytes(&piece->body, 4, series->help);
        otc_wire_put_bytes(&piece->body, 5, series->unit);
        otc_wire_end(&piece->body, mark);
    }
    otc_map_free(seen, NULL);
}

otc_status
prometheus_remote_write_encode(const struct prw_set *set, const struct prw_encoding *encoding,
                               struct prw_pieces *out, struct otc_error *err)
{
    struct filling f = {.encoding = encoding,
                        .out = out,
                        .series = {.limit = MAX_BODY},
                        .one = {.limit = MAX_BODY},
                        .symbols = {.limit = MAX_BODY}};

    *out = (struct prw_pieces){0};
    if (encoding->v2) {
        f.failed = !start_symbols(&f);
    } else if (encoding->metadata && set->first) {
        add_metadata(&f, set);
    }
    for (const struct prw_series *series = set->first; series && !f.failed; series = series->next) {
        add_series(&f, series);
    }
    close_piece(&f);
    otc_map_free(f.refs, NULL);
    free(f.texts);
    otc_buf_release(&f.series);
    otc_buf_release(&f.one);
    otc_buf_release(&f.symbols);
    return f.failed ? otc_fail(err, OTC_UNAVAILABLE, "out of memory for a remote-write request") : OTC_OK;
}

void
prometheus_remote_write_pieces_release(struct prw_pieces *pieces)
{
    for (size_t i = 0; i < pieces->n; i++) {
        otc_buf_release(&pieces->items[i].body);
    }
    free(pieces->items);
    *pieces = (struct prw_pieces){0};
}
