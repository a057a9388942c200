// SPDX-License-Identifier: Apache-2.0
/** @file What a factory is, and factories that were built elsewhere. */
#ifndef OTC_COMPONENT_FACTORY_H
#define OTC_COMPONENT_FACTORY_H

#include "common/component/otc.h"

/**
 * Fills `out` with a plug-in's factory as this program knows factories: members that its release did not have
 * are zero. FAILED_PRECONDITION: it is built for another version of the interface, or lacks what a factory
 * must have.
 */
OTC_CHECK otc_status otc_factory_copy(const struct otc_factory *theirs, struct otc_factory *out,
                                      struct otc_error *err);
/** What a component is as this kind, itself or its face; NULL: it is not of it. */
const struct otc_factory *otc_factory_as(const struct otc_factory *factory, enum otc_kind kind);

#endif
