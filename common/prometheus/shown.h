// SPDX-License-Identifier: Apache-2.0
/** @file Labels as a page shows them, where a client takes no UTF-8 names. Private to common/prometheus. */
#ifndef OTC_PROMETHEUS_SHOWN_H
#define OTC_PROMETHEUS_SHOWN_H

#include "common/prometheus/series.h"

/** Bytes of the names of one series. */
#define OTC_PROM_SHOWN_MAX ((size_t)2 << 20)

/**
 * The names of a series' labels as one page shows them, each of them once: bytes that classic names do not
 * have are underscores; a name that would then be that of another label, or the format's own, ends in "_" and
 * 16 digits of a hash. Begins with `text` limited to OTC_PROM_SHOWN_MAX, and may be read into again and
 * again; otc_buf_release of `text` ends it.
 */
struct otc_prom_shown {
    /** All names are shown as they are; `text` and `ends` say nothing. */
    bool as_is;
    /** One name after another, and where each ends. */
    struct otc_buf text;
    size_t ends[OTC_PROM_LABELS_MAX];
};

/** Reads the labels of a series for a page. False out of memory. */
bool otc_prom_shown_read(struct otc_prom_shown *shown, const struct otc_prom_series *series, bool utf8_names);
/** The name of label `i` of the series that was read last. Borrowed from one of the two. */
struct otc_slice otc_prom_shown_name(const struct otc_prom_shown *shown, const struct otc_prom_series *series,
                                     size_t i);
/** Appends the key of the series that was read last: its family's name and its labels, as they are shown.
 * What has the same key is one series to the client. */
void otc_prom_shown_key(const struct otc_prom_shown *shown, struct otc_slice family,
                        const struct otc_prom_series *series, struct otc_buf *out);
/** True for labels that the format itself gives to samples of a type: `__name__`, `le`, `quantile`. */
bool otc_prom_is_reserved(enum otc_prom_type type, struct otc_slice label);

#endif
