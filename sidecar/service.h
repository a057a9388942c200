// SPDX-License-Identifier: Apache-2.0
/**
 * @file The service: a configuration, the graph it describes, and its life. What the binary runs, and what a
 * scenario test runs on a virtual host with factories of its own:
 *
 *     otc_document_load(…, &doc, &err); otc_service_config_new(otc_document_root(doc), registry, &config,
 * &err); otc_service_config_validate(config, &err); otc_service_new(config, host, &service, &err);
 *     otc_service_start(service, &err); … otc_service_shutdown(service, deadline, &err);
 * otc_service_free(service);
 *
 * All of it belongs to one thread, the control loop's.
 */
#ifndef OTC_SIDECAR_SERVICE_H
#define OTC_SIDECAR_SERVICE_H

#include "common/component/otc.h"
#include "common/config/node.h"
#include "common/config/schema.h"

/** The binary's components, NULL-ended; generated from components.mk. */
extern const struct otc_factory *const otc_components[];

/* ---- Configuration
 * ---------------------------------------------------------------------------------------------- */

/** A decoded configuration: components, pipelines, telemetry. Opaque; it must outlive the service made of it.
 */
struct otc_service_config;

/**
 * Decodes a configuration against a NULL-ended registry. `root` and its document must live as long as the
 * result. INVALID_ARGUMENT "decoding failed due to the following error(s):\n\n…" with every error found.
 */
OTC_CHECK otc_status otc_service_config_new(const struct otc_node *root,
                                            const struct otc_factory *const *registry,
                                            struct otc_service_config **out, struct otc_error *err);
/** FAILED_PRECONDITION with every violation, one a line: "service::pipelines::traces: must have at least one
 * …". */
OTC_CHECK otc_status otc_service_config_validate(const struct otc_service_config *config,
                                                 struct otc_error *err);
/** What building the graph would refuse, without making any component: "failed to build pipelines: …". */
OTC_CHECK otc_status otc_service_config_check_graph(const struct otc_service_config *config,
                                                    struct otc_error *err);
void otc_service_config_free(struct otc_service_config *config);

/** One level of service::telemetry::metrics. */
enum otc_metrics_level { OTC_METRICS_NONE, OTC_METRICS_BASIC, OTC_METRICS_NORMAL, OTC_METRICS_DETAILED };

/** Calls `line(arg, text)` for what the components have to say of themselves (`validate --explain`). */
OTC_CHECK otc_status otc_service_config_explain(const struct otc_service_config *config,
                                                void (*line)(void *arg, const char *text), void *arg,
                                                struct otc_error *err);
/** Calls `note` for each deprecated key and each setting without effect. */
void otc_service_config_notes(const struct otc_service_config *config,
                              void (*note)(void *arg, const struct otc_config_note *note), void *arg);
/** The whole configuration with defaults, secrets redacted, in the memory of `doc`. NULL at its limits. */
struct otc_node *otc_service_config_describe(const struct otc_service_config *config,
                                             struct otc_document *doc);

/* ---- Service
 * ---------------------------------------------------------------------------------------------------- */

/** A graph of components. Opaque. */
struct otc_service;

/** Makes and connects every component in use. "failed to build pipelines: …". `host` must outlive the
 * service. */
OTC_CHECK otc_status otc_service_new(const struct otc_service_config *config, struct otc_host *host,
                                     struct otc_service **out, struct otc_error *err);
/** Extensions, then exporters first and receivers last. On failure what was started is shut down again. */
OTC_CHECK otc_status otc_service_start(struct otc_service *service, struct otc_error *err);
/**
 * Receivers first, exporters and then extensions last; each may take until `deadline_ns`
 * (host->monotonic_ns), receivers until half of the time is over. Returns the first error, but goes through
 * all. Safe twice, and without start.
 */
otc_status otc_service_shutdown(struct otc_service *service, int64_t deadline_ns, struct otc_error *err);
/**
 * Components of a service that was not started take over what those of `former`, which was shut down, know:
 * of the same kind, id, pipeline, directions and settings, when the resource is the same too. Both are freed
 * as ever.
 */
void otc_service_adopt(struct otc_service *service, const struct otc_service *former);
/** After shutdown. NULL is allowed. */
void otc_service_free(struct otc_service *service);
/** The extension of this id, or NULL: for host->extension. */
struct otc_component *otc_service_extension(const struct otc_service *service, const char *id);

#endif
