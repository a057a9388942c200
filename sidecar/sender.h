// SPDX-License-Identifier: Apache-2.0
/** @file Sends batches over OTLP/gRPC with the otlp_grpc exporter, for programs that have no service graph.
 */
#ifndef OTC_SIDECAR_SENDER_H
#define OTC_SIDECAR_SENDER_H

#include "common/component/otc.h"

/** Opaque; owned by one thread. It runs a control loop on a thread of its own. */
struct otc_sender;

/** What became of the batches. */
struct otc_sender_counts {
    uint64_t requests, items; /* accepted */
    uint64_t retries;
};

/** `endpoint` as the exporter's setting: host:port without TLS, https://host:port with it. Connects at the
 * first batch. */
OTC_CHECK otc_status otc_sender_new(const char *endpoint, struct otc_sender **out, struct otc_error *err);
/**
 * Takes the batch over once the one before it was answered: over gRPC several requests may overtake each
 * other, and what a receiver gets out of order by more than it allows for is late. The first batch is waited
 * for, so that a wrong endpoint shows at once; later a failure that may pass is tried again for 30 s. Answers
 * the error of this or an earlier batch.
 */
OTC_CHECK otc_status otc_sender_send(struct otc_sender *sender, struct otc_batch *batch,
                                     struct otc_error *err);
/** Waits until every batch was answered. */
OTC_CHECK otc_status otc_sender_flush(struct otc_sender *sender, struct otc_error *err);
struct otc_sender_counts otc_sender_counts(struct otc_sender *sender);
/** Gives up what is under way. NULL is allowed. */
void otc_sender_free(struct otc_sender *sender);

#endif
