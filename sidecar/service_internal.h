// SPDX-License-Identifier: Apache-2.0
/** @file A service as its own files see it. */
#ifndef OTC_SIDECAR_SERVICE_INTERNAL_H
#define OTC_SIDECAR_SERVICE_INTERNAL_H

#include "sidecar/graph.h"

struct otc_service {
    struct otc_graph graph;
};

#endif
