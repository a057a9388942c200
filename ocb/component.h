// SPDX-License-Identifier: Apache-2.0
/** @file What a bridged component is made of. Private to the folder. */
#ifndef OTC_OCB_COMPONENT_H
#define OTC_OCB_COMPONENT_H

#include "common/base/arena.h"
#include "common/config/node.h"
#include "common/config/schema.h"
#include "ocb/bridge.h"
#include "ocb/loop.h"

#include <stdatomic.h>

/** Attributes of a resource, and of a pair each direction, at most. */
#define OTC_BRIDGE_RESOURCE_MAX 64
#define OTC_BRIDGE_PAIRS_MAX ((size_t)OTC_N_SIGNALS * OTC_N_SIGNALS)

/** Where batches of one signal leave the component. */
struct otc_bridge_exit {
    struct otc_consumer consumer;
    struct otc_bridge *owner;
    enum otc_signal signal;
};

/** A batch that left the component and waits for the caller. */
struct otc_bridge_result {
    struct otc_bridge_result *next;
    struct otc_batch *batch;
};

/** The configuration and the text that it was read from. */
struct otc_bridge_config {
    struct otc_document *document;
    struct otc_config *config;
};

struct otc_bridge {
    struct otc_host host;
    struct otc_logger logger;
    struct otc_bridge_loop loop;
    const struct otc_factory *factory;
    const struct otc_bridge_calls *calls;
    uintptr_t handle;
    struct otc_arena arena; /* texts */
    const char *id;
    struct otc_label resource[OTC_BRIDGE_RESOURCE_MAX];
    size_t n_resource;
    struct otc_pair pairs[OTC_BRIDGE_PAIRS_MAX];
    size_t n_pairs;
    struct otc_bridge_config config;
    struct otc_component *component;
    struct otc_consumer *inputs[OTC_N_SIGNALS];
    struct otc_bridge_exit exits[OTC_N_SIGNALS];
    int64_t began_ns;
    atomic_bool ready;
    pthread_mutex_t lock; /* guards all below */
    struct otc_bridge_result *first, *last;
    size_t waiting_bytes;
};

/** Every component that is here, ended by NULL. */
extern const struct otc_factory *const otc_bridge_factories[];

/** Reads and checks a configuration: otc_bridge_check. */
OTC_CHECK otc_status otc_bridge_config_read(const struct otc_factory *factory, const char *json, size_t len,
                                            const char *path, struct otc_bridge_config *out,
                                            struct otc_error *err);
void otc_bridge_config_release(struct otc_bridge_config *config);

/** The client that otc_bridge_consume's text tells of; NULL for an empty one, and out of memory. */
struct otc_client *otc_bridge_client(const char *text, size_t len);

/** Makes the consumers that the component's outputs are connected with. */
void otc_bridge_exits_init(struct otc_bridge *bridge);

/** Fills in the host of a bridge. False out of memory. */
bool otc_bridge_host_init(struct otc_bridge *bridge, enum otc_log_level level);
void otc_bridge_host_release(struct otc_bridge *bridge);

#endif
