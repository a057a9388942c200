// SPDX-License-Identifier: Apache-2.0
/**
 * @file A host whose time is virtual: nothing happens until a test advances the clock, and then in order.
 *
 * Timers and posts run on the thread that calls otc_vhost_advance() or otc_vhost_run(). The other functions
 * of the otc_host may be called from any thread, as its contract says.
 */
#ifndef OTC_TESTS_VHOST_H
#define OTC_TESTS_VHOST_H

#include "common/component/otc.h"

struct otc_vhost;

/** 2026-01-01T00:00:00Z, where a virtual clock starts unless told otherwise. */
#define OTC_VHOST_EPOCH_NS INT64_C(1767225600000000000)

/** A host at OTC_VHOST_EPOCH_NS (monotonic 1 h), ready, without a limit on memory, logging at debug level. */
struct otc_vhost *otc_vhost_new(void);
/** Fails the test (message and abort) when timers were not freed or bytes not discharged. NULL is allowed. */
void otc_vhost_free(struct otc_vhost *vhost);
struct otc_host *otc_vhost_host(struct otc_vhost *vhost);

/** Runs what was posted, then every timer due within `ns`, each at its own time, in order of due time and
 * arming. */
void otc_vhost_advance(struct otc_vhost *vhost, int64_t ns);
/** Runs what was posted and what is due now. */
void otc_vhost_run(struct otc_vhost *vhost);
/** Sets the wall clock (the monotonic one goes on as it was). */
void otc_vhost_set_now(struct otc_vhost *vhost, int64_t unix_ns);
/** Each look at the monotonic clock moves it (and the wall clock) on by `ns`: for code that waits for a
 * deadline. */
void otc_vhost_set_step(struct otc_vhost *vhost, int64_t ns);
/** Time until the next armed timer, or -1 without one. */
int64_t otc_vhost_next_timer(struct otc_vhost *vhost);
/** From now on post() is refused, as after the end of the loop. */
void otc_vhost_refuse_posts(struct otc_vhost *vhost);

/** Limit of charge(); SIZE_MAX at first. */
void otc_vhost_set_memory_limit(struct otc_vhost *vhost, size_t bytes);
size_t otc_vhost_charged(struct otc_vhost *vhost);
void otc_vhost_set_ready(struct otc_vhost *vhost, bool ready);
/** What extension(id) answers; the text is borrowed. At most 8; one of the same
 * id is replaced. */
void otc_vhost_add_extension(struct otc_vhost *vhost, const char *id, struct otc_component *extension);

/** One captured log record, borrowed until the host is freed. */
struct otc_vhost_log {
    enum otc_log_level level;
    const char *component; /* "" for the service */
    const char *message;
    /** `key=value` pairs, separated by blanks, numbers shortest. */
    const char *fields;
};
size_t otc_vhost_logs(struct otc_vhost *vhost);
struct otc_vhost_log otc_vhost_log(struct otc_vhost *vhost, size_t index);
/** Records whose message holds `part`. */
size_t otc_vhost_logged(struct otc_vhost *vhost, const char *part);

/** Reports of component states so far, and the last one of a component (STARTING when it never reported). */
size_t otc_vhost_reports(struct otc_vhost *vhost);
enum otc_component_state otc_vhost_state(struct otc_vhost *vhost, const char *component_id);
/** Text of the last report's error of a component, "" without one. */
const char *otc_vhost_state_text(struct otc_vhost *vhost, const char *component_id);

/** Value of a self-metric: labels as "key=value,key=value" in any order, all of them; -1 when there is no
 * such series. */
int64_t otc_vhost_metric(struct otc_vhost *vhost, const char *name, const char *labels);
/** Sum over all series of a self-metric; 0 without one. */
int64_t otc_vhost_metric_sum(struct otc_vhost *vhost, const char *name);

#endif
