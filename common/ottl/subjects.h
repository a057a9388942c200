// SPDX-License-Identifier: Apache-2.0
/** @file What OTTL's conditions and statements look at in a request, one after another. */
#ifndef OTC_OTTL_SUBJECTS_H
#define OTC_OTTL_SUBJECTS_H

#include "common/ottl/paths.h"

/** The head (field 1) of a group, a resource or a scope; of several pieces joined, in `texts`. */
struct otc_slice otc_ottl_head(struct otc_slice group, struct otc_arena *texts);
/** Calls `fn` for everything of a context, in the order of the request. The part must have been admitted. */
void otc_ottl_each(enum otc_ottl_context context, struct otc_slice part, struct otc_arena *texts,
                   void (*fn)(void *arg, const struct otc_ottl_subject *subject), void *arg);
/** Whether a path of the text, outside quotes, begins with this ("span."). */
bool otc_ottl_names(const char *text, const char *prefix);

#endif
