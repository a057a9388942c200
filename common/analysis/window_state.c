// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/window_state.h"

void
otc_window_save(const struct otc_window *window, struct otc_buf *out,
                void (*save)(const void *payload, struct otc_buf *out))
{
    otc_put_i64(out, window->evaluated);
    otc_put_i64(out, window->watermark);
    otc_put_i64(out, window->highest);
    otc_put_i64(out, window->last_arrival);
    otc_put_u64(out, window->n_panes);
    for (size_t i = 0; i < window->n_panes; i++) {
        otc_put_i64(out, window->panes[i].start_ns);
        otc_put_u64(out, window->panes[i].records);
        otc_put_bool(out, window->panes[i].evaluated);
        save(window->panes[i].payload, out);
    }
}

bool
otc_window_load(struct otc_window *window, struct otc_reader *in,
                bool (*load)(void *owner, void *payload, struct otc_reader *in))
{
    int64_t pane_ns = window->config->pane.ns, last = INT64_MIN;
    size_t n;

    window->evaluated = otc_take_i64(in);
    window->watermark = otc_take_i64(in);
    window->highest = otc_take_i64(in);
    window->last_arrival = otc_take_i64(in);
    n = otc_take_count(in, 3);
    window->panes = calloc(n ? n : 1, sizeof(*window->panes));
    if (!window->panes) {
        return false;
    }
    window->capacity = n ? n : 1;
    for (size_t i = 0; i < n; i++) {
        struct otc_pane *pane = &window->panes[i];

        pane->start_ns = otc_take_i64(in);
        pane->records = otc_take_u64(in);
        pane->evaluated = otc_take_bool(in);
        if (in->failed || pane->start_ns % pane_ns != 0 || (i > 0 && pane->start_ns <= last)) {
            return false;
        }
        last = pane->start_ns;
        pane->payload = window->ops->pane_new(window->owner);
        if (!pane->payload) {
            return false;
        }
        window->n_panes++;
        if (!load(window->owner, pane->payload, in)) {
            return false;
        }
    }
    return !in->failed;
}

void
otc_window_shift_monotonic(struct otc_window *window, int64_t by_ns)
{
    if (window->last_arrival != INT64_MIN) {
        window->last_arrival += by_ns;
    }
}
