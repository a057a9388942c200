// SPDX-License-Identifier: Apache-2.0
/** @file Readers of the program's own metrics (service::telemetry::metrics::readers), as decoded. Private to
 * the sidecar. */
#ifndef OTC_SIDECAR_READERS_H
#define OTC_SIDECAR_READERS_H

#include "common/component/otc.h"
#include "common/config/node.h"
#include "common/config/schema.h"

/** More readers than this are somebody's mistake. */
#define OTC_READERS_MAX 16u

/** Resource attributes by name; `*` and `?` stand for anything. Without `included`: all. */
struct otc_resource_labels {
    otc_strings included;
    otc_strings excluded;
};

/** `pull::exporter::prometheus`. */
struct otc_prometheus_reader {
    char *host;
    int64_t port;
    bool without_scope_info;
    bool without_units;
    bool without_type_suffix;
    /** Those that become labels of every series, or NULL. */
    struct otc_resource_labels *with_resource_constant_labels;
};

enum otc_temporality_preference { OTC_PREFER_CUMULATIVE, OTC_PREFER_DELTA, OTC_PREFER_LOW_MEMORY };

/** `periodic::exporter::otlp`, as OpenTelemetry's declarative configuration 0.3 has it. */
struct otc_otlp_reader {
    char *protocol;
    char *endpoint; /* NULL: the protocol's on localhost */
    otc_headers headers;
    otc_secret headers_list; /* "name=value,name=value", values percent-encoded */
    bool insecure;           /* no TLS where the endpoint does not say */
    char *certificate;
    char *client_certificate;
    char *client_key;
    otc_choice compression; /* none, gzip */
    int64_t timeout;        /* milliseconds; 0: 10 s */
    otc_choice temporality_preference;
    otc_choice default_histogram_aggregation;
};

struct otc_push_exporter {
    struct otc_otlp_reader *otlp;
    const struct otc_node *console;
};

/** `periodic`. Both in milliseconds; 0: as nothing said. */
struct otc_periodic_reader {
    int64_t interval;
    int64_t timeout;
    struct otc_push_exporter exporter;
};

/** One reader. */
struct otc_reader {
    struct otc_config *config;
    /** One of the two, the other is NULL. */
    const struct otc_prometheus_reader *pull;
    const struct otc_periodic_reader *periodic;
    /** Of a periodic one: the exporter that sends for it, and what it is told. */
    const struct otc_factory *factory;
    struct otc_config *exporter;
    char id[96];
};

/** Milliseconds that one export may take. */
int64_t otc_periodic_timeout_ms(const struct otc_periodic_reader *periodic);

/**
 * Decodes the reader at `index` of its list; `node` NULL: what reads when nobody says otherwise.
 * INVALID_ARGUMENT with paths relative to the reader, FAILED_PRECONDITION with full ones. `registry` has the
 * exporters, NULL-ended.
 */
OTC_CHECK otc_status otc_reader_decode(const struct otc_node *node, size_t index,
                                       const struct otc_factory *const *registry, struct otc_reader *out,
                                       struct otc_error *err);
void otc_reader_release(struct otc_reader *reader);

/** What the exporter of a periodic reader is told (reader_exporter.c). Errors as above, with paths relative
 * to `otlp`. */
OTC_CHECK otc_status otc_reader_exporter(const struct otc_periodic_reader *periodic,
                                         const struct otc_factory *const *registry, struct otc_reader *out,
                                         struct otc_error *err);

#endif
