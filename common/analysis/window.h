// SPDX-License-Identifier: Apache-2.0
/**
 * @file Windows of event time, cut into panes, and the `window:` settings that every analysis stage takes.
 *
 * Panes are [k * pane, (k + 1) * pane) from the epoch, UTC. The watermark of a window is min(now, highest
 * event time) - allowed lateness; after 60 s without a record: now - allowed lateness; it never goes back,
 * but where the clock itself does: a watermark ahead of the clock by more than a second begins anew from it,
 * and panes that were evaluated too early are evaluated again once they had records. A stamp ahead of the
 * clock counts as now. A pane closes when the watermark reaches its end; a record for a closed pane is late.
 * What a pane holds is the caller's: an opaque payload.
 *
 *     lock; pane = otc_window_place(&w, event, now, &why); count into pane->payload; … ; due =
 * otc_window_advance(…); unlock while (otc_window_closing(&w, &view)) { evaluate view.panes;
 * otc_window_closed(&w); }
 *
 * A closed pane gets no further record and is freed by otc_window_closed() alone, so its payload may be read
 * without the caller's lock between otc_window_closing() and otc_window_closed(); every call itself needs the
 * lock.
 */
#ifndef OTC_ANALYSIS_WINDOW_H
#define OTC_ANALYSIS_WINDOW_H

#include "common/base/clock.h"
#include "common/config/schema.h"

/** Without a record for this long the watermark follows the clock. */
#define OTC_WINDOW_IDLE_NS (60 * OTC_SECOND)
/** Records stamped further ahead of the clock than this are not windowed. */
#define OTC_WINDOW_FUTURE_NS (5 * OTC_MINUTE)
/** A clock that goes back by less is waited for. */
#define OTC_WINDOW_STEP_NS OTC_SECOND
/** Most panes a window may be cut into. */
#define OTC_WINDOW_PANES_MAX 1440

enum otc_window_time { OTC_EVENT_TIME, OTC_ARRIVAL_TIME };

/** The settings `window:`; `window: 1h` is short for {length: 1h}. */
struct otc_window_config {
    otc_duration length;
    otc_duration pane;
    otc_choice time; /* enum otc_window_time */
    otc_duration allowed_lateness;
    otc_duration max_age;
    int64_t min_observations;
};
/** Field table; its check refuses a length that is no multiple of the pane, and too many panes. */
extern const struct otc_schema otc_window_schema;
/** "1h", "90m", "1m30s": the length as `ml.drift.window` tells it (zero units left out). */
void otc_window_label(const struct otc_window_config *config, char out[32]);

enum otc_placement { OTC_PLACED, OTC_LATE, OTC_TOO_OLD, OTC_FUTURE, OTC_NO_ROOM };
#define OTC_N_PLACEMENTS 5
/** "late", "too_old", "future", "memory": the reason attribute of what was excluded. */
const char *otc_placement_name(enum otc_placement placement);

/** Makes and ends what a pane holds. `owner` is the window's. */
struct otc_pane_ops {
    /** A fresh payload, or NULL when there is no room (the record is then OTC_NO_ROOM). */
    void *(*pane_new)(void *owner);
    void (*pane_free)(void *owner, void *payload);
};

struct otc_pane {
    int64_t start_ns;
    /** Records placed here. */
    uint64_t records;
    void *payload;
    /** A window that ends with it was evaluated since its last record. */
    bool evaluated;
};

/** The panes of one evaluation, oldest first, each with at least one record. */
struct otc_window_view {
    /** The window is [start_ns, end_ns). */
    int64_t start_ns;
    int64_t end_ns;
    const struct otc_pane *panes;
    size_t n_panes;
    /** Records in them. */
    uint64_t records;
    /** Panes with records over all panes of the window, 0 to 1. */
    double coverage;
};

/** One window; locked by its owner. Members are private. */
struct otc_window {
    const struct otc_window_config *config;
    const struct otc_pane_ops *ops;
    void *owner;
    struct otc_pane *panes; /* by start */
    size_t n_panes;
    size_t capacity;
    size_t last;           /* where the last record went */
    struct otc_pane *view; /* copy for the evaluation under way */
    size_t view_capacity;
    int64_t closing_end; /* INT64_MIN: none */
    int64_t evaluated;   /* panes that end here or before have been evaluated */
    int64_t watermark;
    int64_t highest;
    int64_t last_arrival; /* monotonic */
};

/** `config` and `ops` outlive the window. Allocates nothing. */
void otc_window_init(struct otc_window *window, const struct otc_window_config *config,
                     const struct otc_pane_ops *ops, void *owner);
/** Frees every pane. */
void otc_window_release(struct otc_window *window);
/** The time that counts for a record: its own, or that of its arrival; not ahead of the clock. */
int64_t otc_window_time(const struct otc_window *window, int64_t event_ns, int64_t now_ns);
/**
 * Where a record of this time belongs, without placing it: OTC_PLACED, OTC_LATE, OTC_TOO_OLD or OTC_FUTURE,
 * and the time that counts for it.
 */
enum otc_placement otc_window_classify(const struct otc_window *window, int64_t event_ns, int64_t now_ns,
                                       int64_t *time_ns);
/**
 * The pane of a record, with its `records` already counted; NULL with the reason otherwise. `event_ns` 0
 * means that the record has no time: it then gets `now_ns`, as with `time: arrival`. The pane is valid until
 * the next call.
 */
struct otc_pane *otc_window_place(struct otc_window *window, int64_t event_ns, int64_t now_ns,
                                  enum otc_placement *placement);
/**
 * Moves the watermark: after each batch with `arrived` true, by a timer with false. True when a pane waits
 * for its evaluation.
 */
bool otc_window_advance(struct otc_window *window, int64_t now_ns, int64_t monotonic_ns, bool arrived);
/** The next closed pane that was not evaluated: the window that ends with it. False when there is none. */
bool otc_window_closing(struct otc_window *window, struct otc_window_view *view);
/** End of the window that otc_window_closing would give; INT64_MIN: none is due. */
int64_t otc_window_due(const struct otc_window *window);
/** End of the newest pane, closed or not; INT64_MIN: there is none. */
int64_t otc_window_newest_end(const struct otc_window *window);
/** Lets an empty window place and close as another one does from now on: same watermark, same panes past. */
void otc_window_follow(struct otc_window *window, const struct otc_window *leader);
/** The evaluation of the view is over: frees the panes that no later window needs. */
void otc_window_closed(struct otc_window *window);
/** INT64_MIN before the first record. */
static inline int64_t
otc_window_watermark(const struct otc_window *window)
{
    return window->watermark;
}

#endif
