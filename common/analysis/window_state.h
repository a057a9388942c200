// SPDX-License-Identifier: Apache-2.0
/** @file A window's panes and marks as bytes, for a restart. The caller's lock guards the window. */
#ifndef OTC_ANALYSIS_WINDOW_STATE_H
#define OTC_ANALYSIS_WINDOW_STATE_H

#include "common/analysis/window.h"
#include "common/base/codec.h"

/** Appends the window; `save` appends what a pane holds. No evaluation may be under way. */
void otc_window_save(const struct otc_window *window, struct otc_buf *out,
                     void (*save)(const void *payload, struct otc_buf *out));
/**
 * Fills a fresh window of the same settings; `load` fills a pane that pane_new just made for `owner`. False:
 * no memory, or not what a window of these settings can be (the window is to be released then, as in any
 * case).
 */
OTC_CHECK bool otc_window_load(struct otc_window *window, struct otc_reader *in,
                               bool (*load)(void *owner, void *payload, struct otc_reader *in));
/** The monotonic clock has another origin than when the window was saved. */
void otc_window_shift_monotonic(struct otc_window *window, int64_t by_ns);

#endif
