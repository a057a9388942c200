// SPDX-License-Identifier: Apache-2.0
/**
 * @file How far files were read, kept for a successor: in a storage extension over restarts, else in memory
 * over a reload. One thread.
 */
#ifndef OTC_OTLP_JSON_FILE_POSITIONS_H
#define OTC_OTLP_JSON_FILE_POSITIONS_H

#include "common/component/otc.h"
#include "receivers/otlp_json_file/tail.h"

/** Opaque. */
struct positions;

/**
 * Hands what a predecessor left to `tail`, before its first poll. `storage`: the extension's id, empty or
 * NULL without one. `id` and `tail` outlive the positions. What cannot be read is logged, and reading begins
 * where `start_at` says.
 */
OTC_CHECK otc_status otlp_json_file_positions_open(struct otc_host *host, const char *id, const char *storage,
                                                   struct tail *tail, struct positions **out,
                                                   struct otc_error *err);
/** After each poll: what moved goes to the journal, which survives the end of the process. */
void otlp_json_file_positions_keep(struct positions *positions);
/** Leaves them for the successor, on the disk, and frees. NULL is allowed. */
void otlp_json_file_positions_close(struct positions *positions);
/** Frees alone. NULL is allowed. */
void otlp_json_file_positions_free(struct positions *positions);

#endif
