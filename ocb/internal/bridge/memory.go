// SPDX-License-Identifier: Apache-2.0

package bridge

// #include "gateway.h"
import "C"

// allocated is how many bytes C has of its allocator, in this process.
func allocated() int { return int(C.otc_bridge_allocated()) }
