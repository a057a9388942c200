// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/window.h"

static const char *const window_times[] = {"event", "arrival", NULL};

static const struct otc_field window_fields[] = {
    OTC_FIELD(otc_window_config, length, .def = "1h", .min = "1s", .max = "31d",
              .doc = "Span of time that is compared; a multiple of `pane`. `window: 1h` is short for it."),
    OTC_FIELD(otc_window_config, pane, .def = "5m", .min = "1s", .max = "31d",
              .doc = "Step of the window: an evaluation at the end of each pane. Equal to `length`: windows "
                     "do not overlap."),
    OTC_FIELD(otc_window_config, time, .def = "event", .choices = window_times,
              .doc = "Time that places a record: `event` (span end, point time, log time) or `arrival`."),
    OTC_FIELD(otc_window_config, allowed_lateness, .def = "30s", .min = "0s", .max = "24h",
              .doc = "How long a pane waits for records that come out of order."),
    OTC_FIELD(otc_window_config, max_age, .def = "24h", .min = "1s", .max = "366d",
              .doc = "Older records are counted as `too_old` and not used."),
    OTC_FIELD(otc_window_config, min_observations, .def = "200", .min = "1",
              .doc = "Records a window needs before it is evaluated."),
    OTC_FIELD_END,
};

static otc_status
check_window(const void *value, struct otc_error *err)
{
    const struct otc_window_config *config = value;
    char length[32], pane[32];

    otc_duration_format(config->length, length);
    otc_duration_format(config->pane, pane);
    if (config->pane.ns <= 0 || config->length.ns % config->pane.ns != 0) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "length: %s is no multiple of the pane, %s", length, pane);
    }
    if (config->length.ns / config->pane.ns > OTC_WINDOW_PANES_MAX) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "pane: %s cuts a window of %s into more than %d panes; take a longer pane", pane,
                        length, OTC_WINDOW_PANES_MAX);
    }
    return OTC_OK;
}

const struct otc_schema otc_window_schema = {.size = sizeof(struct otc_window_config),
                                             .fields = window_fields,
                                             .doc = "The span of live data, and how it moves.",
                                             .check = check_window,
                                             .scalar_key = "length"};

void
otc_window_label(const struct otc_window_config *config, char out[32])
{
    static const struct {
        int64_t ns;
        const char *unit;
    } units[] = {{OTC_HOUR, "h"}, {OTC_MINUTE, "m"}, {OTC_SECOND, "s"}, {OTC_MILLISECOND, "ms"}};
    int64_t rest = config->length.ns;
    size_t at = 0;

    out[0] = 0;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]) && at < 24; i++) {
        if (rest >= units[i].ns) {
            at +=
                (size_t)snprintf(out + at, 32 - at, "%lld%s", (long long)(rest / units[i].ns), units[i].unit);
            rest %= units[i].ns;
        }
    }
}

const char *
otc_placement_name(enum otc_placement placement)
{
    static const char *const names[] = {"placed", "late", "too_old", "future", "memory"};

    return names[placement];
}

void
otc_window_init(struct otc_window *window, const struct otc_window_config *config,
                const struct otc_pane_ops *ops, void *owner)
{
    *window = (struct otc_window){.config = config,
                                  .ops = ops,
                                  .owner = owner,
                                  .closing_end = INT64_MIN,
                                  .evaluated = INT64_MIN,
                                  .watermark = INT64_MIN,
                                  .highest = INT64_MIN,
                                  .last_arrival = INT64_MIN};
}

void
otc_window_release(struct otc_window *window)
{
    for (size_t i = 0; i < window->n_panes; i++) {
        window->ops->pane_free(window->owner, window->panes[i].payload);
    }
    free(window->panes);
    free(window->view);
    otc_window_init(window, window->config, window->ops, window->owner);
}

/* Start of the pane that holds a time; also for times before 1970. Mostly that is the last one, which saves a
 * division. */
static int64_t
pane_start(const struct otc_window *window, int64_t time_ns)
{
    int64_t pane = window->config->pane.ns, rest;

    if (window->last < window->n_panes &&
        (uint64_t)time_ns - (uint64_t)window->panes[window->last].start_ns < (uint64_t)pane) {
        return window->panes[window->last].start_ns;
    }
    rest = time_ns % pane;

    return time_ns - (rest < 0 ? rest + pane : rest);
}

/* Index of the first pane that starts at or after `start_ns`. */
static size_t
lower_bound(const struct otc_window *window, int64_t start_ns)
{
    size_t low = 0, high = window->n_panes;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (window->panes[middle].start_ns < start_ns) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool
grow(struct otc_window *window)
{
    size_t capacity = window->capacity ? window->capacity * 2 : 8;
    struct otc_pane *panes = reallocarray(window->panes, capacity, sizeof(*panes));

    if (!panes) {
        return false;
    }
    window->panes = panes;
    window->capacity = capacity;
    return true;
}

static struct otc_pane *
insert_pane(struct otc_window *window, size_t at, int64_t start_ns)
{
    void *payload;

    if (window->n_panes == window->capacity && !grow(window)) {
        return NULL;
    }
    payload = window->ops->pane_new(window->owner);
    if (!payload) {
        return NULL;
    }
    memmove(window->panes + at + 1, window->panes + at, (window->n_panes - at) * sizeof(*window->panes));
    window->panes[at] = (struct otc_pane){.start_ns = start_ns, .payload = payload};
    window->n_panes++;
    return &window->panes[at];
}

int64_t
otc_window_time(const struct otc_window *window, int64_t event_ns, int64_t now_ns)
{
    bool arrival = window->config->time.index == OTC_ARRIVAL_TIME || event_ns == 0;

    return arrival || event_ns > now_ns ? now_ns : event_ns;
}

/* Whether the watermark has reached the end of the pane that starts then; the end itself may lie beyond 64
 * bits. */
static bool
has_closed(const struct otc_window *window, int64_t start_ns)
{
    return window->watermark != INT64_MIN && start_ns <= window->watermark - window->config->pane.ns;
}

/* The time that counts for a record, and the start of its pane where that is of use. */
static enum otc_placement
classify(const struct otc_window *window, int64_t event_ns, int64_t now_ns, int64_t *time_ns, int64_t *start)
{
    bool arrival = window->config->time.index == OTC_ARRIVAL_TIME || event_ns == 0;

    *time_ns = arrival ? now_ns : event_ns;
    if (*time_ns > now_ns && *time_ns - now_ns > OTC_WINDOW_FUTURE_NS) {
        return OTC_FUTURE;
    }
    if (*time_ns < now_ns - window->config->max_age.ns) {
        return OTC_TOO_OLD;
    }
    *start = pane_start(window, *time_ns);
    return has_closed(window, *start) ? OTC_LATE : OTC_PLACED;
}

enum otc_placement
otc_window_classify(const struct otc_window *window, int64_t event_ns, int64_t now_ns, int64_t *time_ns)
{
    int64_t start;

    return classify(window, event_ns, now_ns, time_ns, &start);
}

/* The clock went back behind the watermark: what comes now must not be late until it has caught up. Not while
 * an evaluation reads panes: the next call will do. */
static void
follow_clock(struct otc_window *window, int64_t now_ns)
{
    int64_t lateness = window->config->allowed_lateness.ns, start;

    if (window->watermark == INT64_MIN || window->watermark - OTC_WINDOW_STEP_NS <= now_ns ||
        window->closing_end != INT64_MIN) {
        return;
    }
    window->watermark = now_ns - lateness;
    window->highest = window->highest < now_ns ? window->highest : now_ns;
    start = pane_start(window, window->watermark);
    window->evaluated = window->evaluated < start ? window->evaluated : start;
}

struct otc_pane *
otc_window_place(struct otc_window *window, int64_t event_ns, int64_t now_ns, enum otc_placement *placement)
{
    struct otc_pane *pane = NULL;
    int64_t time_ns, start;
    size_t at = window->last;

    follow_clock(window, now_ns);
    *placement = classify(window, event_ns, now_ns, &time_ns, &start);
    if (*placement != OTC_PLACED) {
        return NULL;
    }
    if (at >= window->n_panes || window->panes[at].start_ns != start) {
        at = lower_bound(window, start);
    }
    if (at < window->n_panes && window->panes[at].start_ns == start) {
        pane = &window->panes[at];
    } else {
        pane = insert_pane(window, at, start);
    }
    if (!pane) {
        *placement = OTC_NO_ROOM;
        return NULL;
    }
    window->last = at;
    time_ns = time_ns < now_ns ? time_ns : now_ns;
    window->highest = time_ns > window->highest ? time_ns : window->highest;
    pane->records++;
    pane->evaluated = false;
    return pane;
}

/* Start of the oldest pane that no evaluation has ended with, or INT64_MAX. */
static int64_t
first_unevaluated(const struct otc_window *window)
{
    int64_t from =
        window->evaluated == INT64_MIN ? INT64_MIN : window->evaluated - window->config->pane.ns + 1;
    size_t at = lower_bound(window, from);

    while (at < window->n_panes && window->panes[at].evaluated) {
        at++;
    }
    return at < window->n_panes ? window->panes[at].start_ns : INT64_MAX;
}

static bool
is_due(const struct otc_window *window)
{
    int64_t start = first_unevaluated(window);

    return start != INT64_MAX && has_closed(window, start);
}

int64_t
otc_window_due(const struct otc_window *window)
{
    return is_due(window) ? first_unevaluated(window) + window->config->pane.ns : INT64_MIN;
}

int64_t
otc_window_newest_end(const struct otc_window *window)
{
    return window->n_panes ? window->panes[window->n_panes - 1].start_ns + window->config->pane.ns
                           : INT64_MIN;
}

void
otc_window_follow(struct otc_window *window, const struct otc_window *leader)
{
    window->evaluated = leader->evaluated;
    window->watermark = leader->watermark;
    window->highest = leader->highest;
    window->last_arrival = leader->last_arrival;
}

bool
otc_window_advance(struct otc_window *window, int64_t now_ns, int64_t monotonic_ns, bool arrived)
{
    int64_t lateness = window->config->allowed_lateness.ns, mark;

    follow_clock(window, now_ns);
    mark = window->watermark;
    if (arrived) {
        window->last_arrival = monotonic_ns;
    }
    if (window->highest != INT64_MIN) {
        int64_t top = window->highest < now_ns ? window->highest : now_ns;

        mark = top - lateness > mark ? top - lateness : mark;
        if (monotonic_ns - window->last_arrival >= OTC_WINDOW_IDLE_NS && now_ns - lateness > mark) {
            mark = now_ns - lateness;
        }
    }
    window->watermark = mark;
    return is_due(window);
}

static bool
reserve_view(struct otc_window *window, size_t n)
{
    struct otc_pane *view;

    if (n <= window->view_capacity) {
        return true;
    }
    view = reallocarray(window->view, n, sizeof(*view));
    if (!view) {
        return false;
    }
    window->view = view;
    window->view_capacity = n;
    return true;
}

bool
otc_window_closing(struct otc_window *window, struct otc_window_view *view)
{
    int64_t length = window->config->length.ns, pane = window->config->pane.ns;
    int64_t end, all = length / pane;
    size_t from, to;

    if (!is_due(window)) {
        return false;
    }
    end = first_unevaluated(window) + pane;
    from = lower_bound(window, end - length);
    to = lower_bound(window, end);
    if (!reserve_view(window, to - from)) {
        return false; /* the next tick tries again */
    }
    memcpy(window->view, window->panes + from, (to - from) * sizeof(*window->view));
    *view = (struct otc_window_view){.start_ns = end - length,
                                     .end_ns = end,
                                     .panes = window->view,
                                     .n_panes = to - from,
                                     .coverage = (double)(to - from) / (double)all};
    for (size_t i = 0; i < view->n_panes; i++) {
        view->records += window->view[i].records;
    }
    window->closing_end = end;
    return true;
}

void
otc_window_closed(struct otc_window *window)
{
    int64_t keep_from;
    size_t n;

    if (window->closing_end == INT64_MIN) {
        return;
    }
    window->evaluated = window->closing_end;
    window->closing_end = INT64_MIN;
    n = lower_bound(window, window->evaluated - window->config->pane.ns);
    if (n < window->n_panes && window->panes[n].start_ns < window->evaluated) {
        window->panes[n].evaluated = true;
    }
    keep_from = window->evaluated + window->config->pane.ns - window->config->length.ns;
    n = lower_bound(window, keep_from);
    for (size_t i = 0; i < n; i++) {
        window->ops->pane_free(window->owner, window->panes[i].payload);
    }
    memmove(window->panes, window->panes + n, (window->n_panes - n) * sizeof(*window->panes));
    window->n_panes -= n;
    window->last = 0;
}
