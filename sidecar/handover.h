// SPDX-License-Identifier: Apache-2.0
/** @file What a reload carries in memory from the components of one configuration to those of the next. */
#ifndef OTC_SIDECAR_HANDOVER_H
#define OTC_SIDECAR_HANDOVER_H

#include "common/component/otc.h"

/** More than this, of all components together, is refused to the component that leaves it. */
#define OTC_HANDOVER_BYTES_MAX ((size_t)1 << 30)

/** Opaque; one thread. */
struct otc_handover;

/** Empty. NULL out of memory. */
struct otc_handover *otc_handover_new(void);
/** NULL is allowed. Storages that it gave are gone with it. */
void otc_handover_free(struct otc_handover *handover);
/** What is left of (and for) the component of this kind and id: a store without a journal. NULL out of
 * memory. */
struct otc_storage *otc_handover_open(struct otc_handover *handover, const char *kind,
                                      const char *component_id);

#endif
