// SPDX-License-Identifier: Apache-2.0
/** @file What the Go files of this package see of C. */
#ifndef OTC_OCB_GATEWAY_H
#define OTC_OCB_GATEWAY_H

#if defined(__has_include) && !__has_include("library.h")
#error "run `make bridge` in the repository first: it makes lib/libotelcol_aimon.a and library.h"
#endif
#include "library.h"

#include "ocb/bridge.h"

#include <stdlib.h>

/** The exported functions of calls.go. */
extern const struct otc_bridge_calls gateway_calls;

#endif
