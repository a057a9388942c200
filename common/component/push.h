// SPDX-License-Identifier: Apache-2.0
/** @file What exporters that push have in common once a batch leaves the queue. */
#ifndef OTC_COMPONENT_PUSH_H
#define OTC_COMPONENT_PUSH_H

#include "common/component/otc.h"

/**
 * All parts in one piece, which is how protobuf joins messages: the one part itself, borrowed from the batch,
 * or a copy in `*copy` that the caller frees. False out of memory.
 */
OTC_CHECK bool otc_batch_joined(const struct otc_batch *batch, uint8_t **copy, struct otc_slice *out);
/** "otelcol-aimon/1.2.3 (linux/amd64)", of the host's resource. */
void otc_user_agent(struct otc_host *host, char out[256]);
/** The Collector's warning of a partial success; nothing when all was taken without a word. */
void otc_warn_partial(struct otc_host *host, const char *id, enum otc_signal signal, int64_t rejected,
                      struct otc_slice message);

#endif
