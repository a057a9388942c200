// SPDX-License-Identifier: Apache-2.0
/** @file One unary Export call: made, sent, finished. */
#ifndef OTC_EXPORTERS_OTLP_GRPC_ATTEMPT_H
#define OTC_EXPORTERS_OTLP_GRPC_ATTEMPT_H

#include "common/component/otc.h"
#include "common/net/compress.h"

#include <grpc/grpc.h>

/** What the calls of one signal have in common. */
struct otlp_grpc_method {
    grpc_channel *channel;
    grpc_completion_queue *queue;
    void *method; /* registered */
    /** Nanoseconds an attempt may take; 0: no limit. */
    int64_t timeout_ns;
    bool wait_for_ready;
    /** NULL: no compression. Used by one push at a time. */
    struct otc_compressor *compressor;
    const grpc_metadata *headers;
    size_t n_headers;
    /** Asked for further headers of each attempt; NULL: none. */
    struct otc_authenticator *authenticator;
};

/** Opaque; what the completion queue's events carry as tag. */
struct otlp_grpc_attempt;

/**
 * Makes the message of an attempt from `batch` (whose reference is taken over): its parts one after the
 * other, by reference when not compressed. Compression costs 3 to 4 ms a MiB on the calling thread. `owner`
 * and `done` are remembered. NULL: out of memory.
 */
struct otlp_grpc_attempt *otlp_grpc_attempt_new(const struct otlp_grpc_method *method,
                                                struct otc_batch *batch, void *owner, struct otc_done *done);
/** Starts sending: PENDING, its event will come. Anything else with `err`: it will not, the attempt stays the
 * caller's. */
OTC_CHECK otc_status otlp_grpc_attempt_start(struct otlp_grpc_attempt *attempt,
                                             const struct otlp_grpc_method *method, struct otc_error *err);
/** Asks for an early end; the event comes all the same. */
void otlp_grpc_attempt_cancel(struct otlp_grpc_attempt *attempt);

/** What came of an attempt, for the call of otlp_grpc_attempt_result. */
struct otlp_grpc_result {
    struct otc_error error; /* OTC_OK: accepted */
    /** Partial success: items the server rejected, and its message (a copy, "" when none). */
    int64_t rejected;
    char message[512];
};
/** After its event: reads the reply. */
void otlp_grpc_attempt_result(struct otlp_grpc_attempt *attempt, struct otlp_grpc_result *out);
void *otlp_grpc_attempt_owner(const struct otlp_grpc_attempt *attempt);
struct otc_done *otlp_grpc_attempt_done(const struct otlp_grpc_attempt *attempt);
/** After its event, or never started. */
void otlp_grpc_attempt_free(struct otlp_grpc_attempt *attempt);

#endif
