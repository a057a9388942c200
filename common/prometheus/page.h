// SPDX-License-Identifier: Apache-2.0
/** @file The page under construction: families and their series. Private to common/prometheus. */
#ifndef OTC_PROMETHEUS_PAGE_H
#define OTC_PROMETHEUS_PAGE_H

#include "common/base/map.h"
#include "common/prometheus/shown.h"

/** One series of a family; holds references. */
struct otc_prom_entry {
    struct otc_prom_series *series;
    struct otc_prom_value *value;
};

/** A family: what HELP, TYPE and UNIT are written for. Help, unit and type are of its first series. */
struct otc_prom_family {
    /** As it is shown: without _total (counters) and _info in OpenMetrics. Owned. */
    struct otc_slice name;
    enum otc_prom_type type;
    const struct otc_prom_series *first;
    struct otc_prom_entry **entries;
    size_t n, capacity;
};

struct otc_exposition {
    const struct otc_exposition_options *options;
    struct otc_exposition_type type;
    struct otc_exposition_stats stats;
    /** By shown name; by every sample name that a family may write; by what the client
     * tells series apart by. */
    struct otc_map *families;
    struct otc_map *names;
    struct otc_map *entries;
    /** Of the series at hand. */
    struct otc_prom_shown shown;
    struct otc_buf key;
};

/** Suffixes of the sample names of a type, "" for the family's own name; NULL-ended. */
const char *const *otc_prom_suffixes(enum otc_prom_type type, bool openmetrics);
/** Writes one family. */
void otc_prom_render_family(struct otc_exposition *page, const struct otc_prom_family *family,
                            struct otc_buf *out);

#endif
