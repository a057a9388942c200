// SPDX-License-Identifier: Apache-2.0
#include "common/prometheus/exemplar.h"

#include "common/otlp/value_text.h"
#include "common/otlp/wire.h"
#include "common/prometheus/text.h"

#include <math.h>

/* Room for what one exemplar may say; labels point into it, so that it never moves. */
#define TEXT_MAX 8192

static size_t
count_runes(struct otc_slice text)
{
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++) {
        n += (text.data[i] & 0xc0) != 0x80;
    }
    return n;
}

static struct otc_slice
tail(const struct otc_buf *text, size_t from)
{
    return otc_slice_of(text->data + from, text->len - from);
}

static void
put_id(struct otc_prom_exemplar_parts *parts, const char *name, struct otc_slice id)
{
    size_t start = parts->text.len;

    if (id.len == 0) {
        return;
    }
    for (size_t i = 0; i < id.len && i < 16; i++) {
        otc_buf_printf(&parts->text, "%02x", id.data[i]);
    }
    parts->labels[parts->n_labels++] =
        (struct otc_prom_label){otc_slice_str(name), tail(&parts->text, start)};
}

static bool
has_label(const struct otc_prom_exemplar_parts *parts, struct otc_slice name)
{
    for (size_t i = 0; i < parts->n_labels; i++) {
        if (otc_slice_equal(parts->labels[i].name, name)) {
            return true;
        }
    }
    return false;
}

/* False when it cannot be a label, or there is no more room. */
static bool
put_attribute(struct otc_prom_exemplar_parts *parts, struct otc_slice key, const struct otc_value *value)
{
    size_t name = parts->text.len, start;
    struct otc_prom_label label;
    OTC_AUTO_BUF struct otc_buf raw = {.limit = TEXT_MAX};

    if (parts->n_labels == OTC_PROM_EXEMPLAR_LABELS_MAX || !otc_value_text(value, &raw) ||
        otc_prometheus_label_name(OTC_UNDERSCORE_WITH_SUFFIXES, key, &parts->text, NULL) != OTC_OK) {
        return false;
    }
    start = parts->text.len;
    otc_prom_put_utf8(&parts->text, otc_buf_slice(&raw));
    label = (struct otc_prom_label){otc_slice_of(parts->text.data + name, start - name),
                                    tail(&parts->text, start)};
    if (label.value.len == 0 || has_label(parts, label.name)) {
        return !parts->text.failed;
    }
    parts->labels[parts->n_labels++] = label;
    return !parts->text.failed;
}

static size_t
runes_of(const struct otc_prom_exemplar_parts *parts)
{
    size_t runes = 0;

    for (size_t i = 0; i < parts->n_labels; i++) {
        runes += count_runes(parts->labels[i].name) + count_runes(parts->labels[i].value);
    }
    return runes;
}

/* An exemplar's filtered_attributes have the field number of a number point's attributes. */
static void
put_filtered(struct otc_prom_exemplar_parts *parts, struct otc_slice message)
{
    size_t n = parts->n_labels;
    struct otc_slice key;
    struct otc_value value;

    while (otc_attributes_next(OTC_ATTRIBUTES_NUMBER_POINT, &message, &key, &value)) {
        if (!put_attribute(parts, key, &value) && parts->text.failed) {
            break;
        }
    }
    if (parts->text.failed || runes_of(parts) > OTC_PROM_EXEMPLAR_RUNES_MAX) {
        parts->n_labels = n;
    }
}

bool
otc_prom_exemplar_parts_read(struct otc_prom_exemplar_parts *parts, struct otc_slice message)
{
    uint64_t bits = otc_message_scalar(message, 3, 1);

    parts->n_labels = 0;
    parts->text.limit = TEXT_MAX;
    otc_buf_clear(&parts->text);
    if (!otc_buf_reserve(&parts->text, TEXT_MAX)) {
        return false;
    }
    parts->value = bits == otc_message_scalar(message, 3, 2)
                       ? otc_wire_bits_double(bits)
                       : (double)(int64_t)otc_message_scalar(message, 6, 0);
    parts->time_unix_nano = otc_message_scalar(message, 2, 0);
    put_id(parts, "trace_id", otc_message_bytes(message, 5));
    put_id(parts, "span_id", otc_message_bytes(message, 4));
    put_filtered(parts, message);
    return !isnan(parts->value);
}

void
otc_prom_exemplar_parts_release(struct otc_prom_exemplar_parts *parts)
{
    otc_buf_release(&parts->text);
}

uint32_t
otc_prom_exemplar_field(enum otc_metric_type type)
{
    return type == OTC_METRIC_HISTOGRAM ? 8 : type == OTC_METRIC_EXPONENTIAL_HISTOGRAM ? 11 : 5;
}
