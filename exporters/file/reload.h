// SPDX-License-Identifier: Apache-2.0
/** @file What a reload tells the next exporter of the same id: which files this process writes. */
#ifndef OTC_FILE_RELOAD_H
#define OTC_FILE_RELOAD_H

#include "exporters/file/config.h"
#include "exporters/file/writers.h"

/** At the end of an exporter. `writers` NULL: without group_by. Only logs what goes wrong; nothing outside a
 * reload. */
void file_reload_leave(struct otc_host *host, const char *id, const struct file_config *config,
                       const struct file_writers *writers);
/**
 * At the start of one: true when this process has written to `path` in the same format, so that it is not to
 * be emptied. The files of groups become known to `writers`.
 */
bool file_reload_take(struct otc_host *host, const char *id, const struct file_config *config,
                      struct file_writers *writers);

#endif
