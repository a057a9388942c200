// SPDX-License-Identifier: Apache-2.0
/** @file How a component gets the storage that its settings name. */
#ifndef OTC_COMPONENT_STORAGE_H
#define OTC_COMPONENT_STORAGE_H

#include "common/component/otc.h"

/**
 * The storage of a component in the extension `extension_id`; from the component's start on, closed by its
 * shutdown or free. FAILED_PRECONDITION: there is no such extension, or it is no storage.
 */
OTC_CHECK otc_status otc_storage_open(struct otc_host *host, const char *extension_id, enum otc_kind kind,
                                      const char *component_id, struct otc_storage **out,
                                      struct otc_error *err);
/** The same for the queue `name` of a component; `reader` is told what a former process left. */
OTC_CHECK otc_status otc_storage_queue_open(struct otc_host *host, const char *extension_id,
                                            enum otc_kind kind, const char *component_id, const char *name,
                                            struct otc_stored_reader reader, struct otc_storage_queue **out,
                                            struct otc_error *err);

/** What a reload carries in memory for this component, or NULL (see otc_host.handover). Close it when done.
 */
struct otc_storage *otc_handover(struct otc_host *host, enum otc_kind kind, const char *component_id);

#endif
