// SPDX-License-Identifier: Apache-2.0
/** @file Components from shared objects that `service::plugins` names. Private to the sidecar. */
#ifndef OTC_SIDECAR_PLUGINS_H
#define OTC_SIDECAR_PLUGINS_H

#include "common/base/arena.h"
#include "common/component/otc.h"
#include "common/config/schema.h"

/**
 * Loads the shared objects `paths` and puts their factories behind those of `builtin` (NULL-ended): `*out`,
 * NULL-ended, in the arena; `builtin` itself without paths. What is loaded stays until the process ends,
 * since components may outlive a configuration: a file that was replaced is noticed at the next start.
 * FAILED_PRECONDITION "service::plugins: "<path>": …", `*bad` its index. Control loop's thread.
 */
OTC_CHECK otc_status otc_plugins_load(const otc_strings *paths, const struct otc_factory *const *builtin,
                                      struct otc_arena *arena, const struct otc_factory *const **out,
                                      size_t *bad, struct otc_error *err);
/** The same for factories that are there already, of the plug-in `path`: `*n` in `list`, which has room for
 * them. */
OTC_CHECK otc_status otc_plugins_add(const char *path, const struct otc_factory *const *factories,
                                     struct otc_arena *arena, const struct otc_factory **list, size_t *n,
                                     struct otc_error *err);

#endif
