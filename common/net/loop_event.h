// SPDX-License-Identifier: Apache-2.0
/** @file Inside common/net: the libevent base under a loop. */
#ifndef OTC_NET_LOOP_EVENT_H
#define OTC_NET_LOOP_EVENT_H

#include "common/net/loop.h"

struct event_base;

/** Borrowed. */
struct event_base *otc_loop_base(struct otc_loop *loop);

#endif
