// SPDX-License-Identifier: Apache-2.0
/** @file The host of the real program: control loop, clocks, memory budget, resource. */
#ifndef OTC_SIDECAR_HOST_H
#define OTC_SIDECAR_HOST_H

#include "common/base/arena.h"
#include "common/component/budget.h"
#include "common/net/loop.h"
#include "sidecar/handover.h"
#include "sidecar/resource.h"
#include "sidecar/service.h"

#include <stdatomic.h>

struct otc_sidecar_host {
    struct otc_host host;
    struct otc_loop *loop;
    struct otc_budget budget;
    /** Looks whether memory should go back to the system; of the control loop. */
    struct otc_loop_timer *looks;
    size_t most_held;
    /** The running service, for extension(); set by the control loop's thread while nothing else runs. */
    _Atomic(struct otc_service *) service;
    atomic_bool ready;
    /** During a reload what goes from one service to the next; of the control loop. */
    struct otc_handover *handover;
    /** Called on the control loop when a component reports a fatal error. */
    void (*fatal)(void *arg);
    void *fatal_arg;
    atomic_bool failed;
    /** Texts of the present resource, and of the one before: what a stopped service may still refer to. */
    struct otc_arena resource_arenas[2];
    unsigned resource_turn;
    struct otc_label resource[OTC_RESOURCE_MAX];
    size_t n_resource;
    /** Random, constant for the process. */
    char instance_id[37];
};

/** `loop`, `logger` and `meter` are borrowed. The budget is half of the memory the process may use. */
OTC_CHECK otc_status otc_sidecar_host_init(struct otc_sidecar_host *host, struct otc_loop *loop,
                                           struct otc_logger *logger, struct otc_meter *meter,
                                           struct otc_error *err);
/** Before its loop is freed; also of a host that was not initialised, or not wholly, and is zero. */
void otc_sidecar_host_release(struct otc_sidecar_host *host);
/**
 * The resource of service::telemetry::resource over the defaults (service.name, service.version,
 * service.instance.id); a null drops one. Not while components run. `resource` may be NULL. Texts that
 * resource() gave are valid until it is set for the second time.
 */
OTC_CHECK otc_status otc_sidecar_host_set_resource(struct otc_sidecar_host *host,
                                                   const struct otc_node *resource, struct otc_error *err);

#endif
