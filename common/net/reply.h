// SPDX-License-Identifier: Apache-2.0
/** @file What an exchange is answered with: a response copied into one piece, completed and counted. Private
 * to this folder; on the server's loop, but for the first two. */
#ifndef OTC_NET_REPLY_H
#define OTC_NET_REPLY_H

#include "common/net/conn.h"

/** A copy in one piece, which takes over `owned`; NULL out of memory: `owned` is still the caller's then. */
struct otc_reply *otc_reply_new(const struct otc_response *response);
/** NULL is allowed. */
void otc_reply_free(struct otc_reply *reply);

/** Adds the headers that browsers and the configuration want to the exchange's reply. Out of memory there is
 * no reply any more. */
void otc_reply_complete(struct otc_exchange *exchange);
/** Counts the body among those that wait for their readers. Beyond 64 MiB in one server a page becomes a 503:
 * readers that take their time must not make us hold page upon page. */
void otc_reply_count(struct otc_exchange *exchange);
/** So many bytes of answers wait for their readers that no large one is taken any more. */
bool otc_replies_full(const struct otc_exchange *exchange);
/** It waits no longer. */
void otc_reply_uncount(struct otc_exchange *exchange);

#endif
