// SPDX-License-Identifier: Apache-2.0
#include "tests/harness/vhost.h"

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/number.h"
#include "common/component/budget.h"
#include "common/component/meter.h"

#include <pthread.h>
#include <stdio.h>

#define MAX_EXTENSIONS 8
#define MAX_SERIES 100000

struct otc_timer {
    struct otc_vhost *vhost;
    struct otc_timer *next;
    void (*fn)(void *arg);
    void *arg;
    bool armed;
    int64_t due;
    uint64_t order;
};

struct task {
    struct task *next;
    void (*fn)(void *arg);
    void *arg;
};

struct log_entry {
    struct log_entry *next;
    struct otc_vhost_log record;
};

struct report {
    struct report *next; /* newest first */
    const char *id;
    enum otc_component_state state;
    const char *text;
};

struct otc_vhost {
    struct otc_host host;
    struct otc_logger logger;
    pthread_mutex_t lock; /* guards all below */
    struct otc_arena arena;
    int64_t now;
    int64_t monotonic;
    int64_t step;
    uint64_t orders;
    struct otc_timer *timers;
    struct task *first_task, *last_task;
    bool posts_refused;
    bool ready;
    struct log_entry *first_log, *last_log;
    size_t n_logs;
    struct report *reports;
    size_t n_reports;
    struct otc_budget budget;
    struct {
        const char *id;
        struct otc_component *component;
    } extensions[MAX_EXTENSIONS];
    size_t n_extensions;
};

static struct otc_vhost *
vhost_of(struct otc_host *host)
{
    return OTC_CONTAINER(host, otc_vhost, host);
}

/* ---- Clock and loop ---------------------------------------------------------------------------------------
 */

static int64_t
now_ns(struct otc_host *self)
{
    struct otc_vhost *vhost = vhost_of(self);
    int64_t now;

    pthread_mutex_lock(&vhost->lock);
    now = vhost->now;
    pthread_mutex_unlock(&vhost->lock);
    return now;
}

static int64_t
monotonic_ns(struct otc_host *self)
{
    struct otc_vhost *vhost = vhost_of(self);
    int64_t now;

    pthread_mutex_lock(&vhost->lock);
    vhost->monotonic += vhost->step;
    vhost->now += vhost->step;
    now = vhost->monotonic;
    pthread_mutex_unlock(&vhost->lock);
    return now;
}

static bool
post(struct otc_host *self, void (*fn)(void *arg), void *arg)
{
    struct otc_vhost *vhost = vhost_of(self);
    struct task *task = malloc(sizeof(*task));
    bool taken;

    if (!task) {
        return false;
    }
    *task = (struct task){NULL, fn, arg};
    pthread_mutex_lock(&vhost->lock);
    taken = !vhost->posts_refused;
    if (taken) {
        *(vhost->last_task ? &vhost->last_task->next : &vhost->first_task) = task;
        vhost->last_task = task;
    }
    pthread_mutex_unlock(&vhost->lock);
    if (!taken) {
        free(task);
    }
    return taken;
}

static struct otc_timer *
timer_new(struct otc_host *self, void (*fn)(void *arg), void *arg)
{
    struct otc_vhost *vhost = vhost_of(self);
    struct otc_timer *timer = calloc(1, sizeof(*timer));

    if (!timer) {
        return NULL;
    }
    timer->vhost = vhost;
    timer->fn = fn;
    timer->arg = arg;
    pthread_mutex_lock(&vhost->lock);
    timer->next = vhost->timers;
    vhost->timers = timer;
    pthread_mutex_unlock(&vhost->lock);
    return timer;
}

static void
timer_arm(struct otc_host *self, struct otc_timer *timer, int64_t delay_ns)
{
    struct otc_vhost *vhost = vhost_of(self);

    pthread_mutex_lock(&vhost->lock);
    timer->armed = true;
    timer->due = vhost->monotonic + (delay_ns > 0 ? delay_ns : 0);
    timer->order = vhost->orders++;
    pthread_mutex_unlock(&vhost->lock);
}

static void
timer_disarm(struct otc_host *self, struct otc_timer *timer)
{
    struct otc_vhost *vhost = vhost_of(self);

    pthread_mutex_lock(&vhost->lock);
    timer->armed = false;
    pthread_mutex_unlock(&vhost->lock);
}

static void
timer_free(struct otc_host *self, struct otc_timer *timer)
{
    struct otc_vhost *vhost = vhost_of(self);

    if (!timer) {
        return;
    }
    pthread_mutex_lock(&vhost->lock);
    for (struct otc_timer **at = &vhost->timers; *at; at = &(*at)->next) {
        if (*at == timer) {
            *at = timer->next;
            break;
        }
    }
    pthread_mutex_unlock(&vhost->lock);
    free(timer);
}

/* The armed timer that comes first, or NULL. The caller holds the lock. */
static struct otc_timer *
first_timer(struct otc_vhost *vhost)
{
    struct otc_timer *first = NULL;

    for (struct otc_timer *timer = vhost->timers; timer; timer = timer->next) {
        if (timer->armed && (!first || timer->due < first->due ||
                             (timer->due == first->due && timer->order < first->order))) {
            first = timer;
        }
    }
    return first;
}

static void
run_tasks(struct otc_vhost *vhost)
{
    for (;;) {
        struct task *task;

        pthread_mutex_lock(&vhost->lock);
        task = vhost->first_task;
        if (task) {
            vhost->first_task = task->next;
            vhost->last_task = task->next ? vhost->last_task : NULL;
        }
        pthread_mutex_unlock(&vhost->lock);
        if (!task) {
            return;
        }
        task->fn(task->arg);
        free(task);
    }
}

/* Fires the first timer that is due until `target`, at its time. False when there is none. */
static bool
fire_one(struct otc_vhost *vhost, int64_t target)
{
    struct otc_timer *timer;
    void (*fn)(void *) = NULL;
    void *arg = NULL;

    pthread_mutex_lock(&vhost->lock);
    timer = first_timer(vhost);
    if (timer && timer->due <= target) {
        timer->armed = false;
        if (timer->due > vhost->monotonic) {
            vhost->now += timer->due - vhost->monotonic;
            vhost->monotonic = timer->due;
        }
        fn = timer->fn;
        arg = timer->arg;
    }
    pthread_mutex_unlock(&vhost->lock);
    if (fn) {
        fn(arg);
    }
    return fn != NULL;
}

void
otc_vhost_advance(struct otc_vhost *vhost, int64_t ns)
{
    int64_t target;

    pthread_mutex_lock(&vhost->lock);
    target = vhost->monotonic + ns;
    pthread_mutex_unlock(&vhost->lock);
    run_tasks(vhost);
    while (fire_one(vhost, target)) {
        run_tasks(vhost);
    }
    pthread_mutex_lock(&vhost->lock);
    if (target > vhost->monotonic) {
        vhost->now += target - vhost->monotonic;
        vhost->monotonic = target;
    }
    pthread_mutex_unlock(&vhost->lock);
}

void
otc_vhost_run(struct otc_vhost *vhost)
{
    otc_vhost_advance(vhost, 0);
}

void
otc_vhost_set_now(struct otc_vhost *vhost, int64_t unix_ns)
{
    pthread_mutex_lock(&vhost->lock);
    vhost->now = unix_ns;
    pthread_mutex_unlock(&vhost->lock);
}

void
otc_vhost_set_step(struct otc_vhost *vhost, int64_t ns)
{
    pthread_mutex_lock(&vhost->lock);
    vhost->step = ns;
    pthread_mutex_unlock(&vhost->lock);
}

int64_t
otc_vhost_next_timer(struct otc_vhost *vhost)
{
    struct otc_timer *timer;
    int64_t wait = -1;

    pthread_mutex_lock(&vhost->lock);
    timer = first_timer(vhost);
    if (timer) {
        wait = timer->due > vhost->monotonic ? timer->due - vhost->monotonic : 0;
    }
    pthread_mutex_unlock(&vhost->lock);
    return wait;
}

void
otc_vhost_refuse_posts(struct otc_vhost *vhost)
{
    pthread_mutex_lock(&vhost->lock);
    vhost->posts_refused = true;
    pthread_mutex_unlock(&vhost->lock);
}

/* ---- Memory, extensions, resource
 * -------------------------------------------------------------------------- */

static bool
charge(struct otc_host *self, size_t bytes)
{
    return otc_budget_charge(&vhost_of(self)->budget, bytes);
}

static void
discharge(struct otc_host *self, size_t bytes)
{
    otc_budget_discharge(&vhost_of(self)->budget, bytes);
}

void
otc_vhost_set_memory_limit(struct otc_vhost *vhost, size_t bytes)
{
    vhost->budget.limit = bytes;
}

size_t
otc_vhost_charged(struct otc_vhost *vhost)
{
    return otc_budget_used(&vhost->budget);
}

static struct otc_component *
extension(struct otc_host *self, const char *id)
{
    struct otc_vhost *vhost = vhost_of(self);

    for (size_t i = 0; i < vhost->n_extensions; i++) {
        if (strcmp(vhost->extensions[i].id, id) == 0) {
            return vhost->extensions[i].component;
        }
    }
    return NULL;
}

void
otc_vhost_add_extension(struct otc_vhost *vhost, const char *id, struct otc_component *component)
{
    for (size_t i = 0; i < vhost->n_extensions; i++) {
        if (strcmp(vhost->extensions[i].id, id) == 0) {
            vhost->extensions[i].component = component;
            return;
        }
    }
    if (vhost->n_extensions < MAX_EXTENSIONS) {
        vhost->extensions[vhost->n_extensions].id = id;
        vhost->extensions[vhost->n_extensions++].component = component;
    }
}

static bool
ready(struct otc_host *self)
{
    struct otc_vhost *vhost = vhost_of(self);
    bool answer;

    pthread_mutex_lock(&vhost->lock);
    answer = vhost->ready;
    pthread_mutex_unlock(&vhost->lock);
    return answer;
}

void
otc_vhost_set_ready(struct otc_vhost *vhost, bool is_ready)
{
    pthread_mutex_lock(&vhost->lock);
    vhost->ready = is_ready;
    pthread_mutex_unlock(&vhost->lock);
}

static const struct otc_label *
resource(struct otc_host *self, size_t *n)
{
    static const struct otc_label labels[] = {
        {"service.name", "otelcol-aimon"},
        {"service.version", "0.0.0-test"},
        {"service.instance.id", "00000000-0000-4000-8000-000000000000"}};

    (void)self;
    *n = sizeof(labels) / sizeof(labels[0]);
    return labels;
}

/* ---- Logs and reports
 * --------------------------------------------------------------------------------------- */

/* A copy in the host's arena; the caller holds the lock. */
static const char *
keep(struct otc_vhost *vhost, const char *text)
{
    const char *copy = otc_arena_strndup(&vhost->arena, text, text ? strlen(text) : 0);

    return copy ? copy : "";
}

static void
write_fields(struct otc_buf *out, const struct otc_log_field *fields, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char number[OTC_DOUBLE_TEXT_MAX];

        otc_buf_printf(out, "%s%s=", i > 0 ? " " : "", fields[i].key);
        if (fields[i].text.data) {
            otc_buf_append_slice(out, fields[i].text);
        } else {
            otc_buf_append(out, number, otc_format_double(fields[i].number, number));
        }
    }
}

static void
write_log(struct otc_logger *self, enum otc_log_level level, const char *component, const char *message,
          const struct otc_log_field *fields, size_t n_fields)
{
    struct otc_vhost *vhost = OTC_CONTAINER(self, otc_vhost, logger);
    OTC_AUTO_BUF struct otc_buf text = {.limit = 65536};
    struct log_entry *entry;

    write_fields(&text, fields, n_fields);
    pthread_mutex_lock(&vhost->lock);
    entry = otc_arena_alloc(&vhost->arena, sizeof(*entry));
    if (entry) {
        entry->record = (struct otc_vhost_log){level, keep(vhost, component), keep(vhost, message),
                                               keep(vhost, otc_buf_cstr(&text))};
        *(vhost->last_log ? &vhost->last_log->next : &vhost->first_log) = entry;
        vhost->last_log = entry;
        vhost->n_logs++;
    }
    pthread_mutex_unlock(&vhost->lock);
}

size_t
otc_vhost_logs(struct otc_vhost *vhost)
{
    size_t n;

    pthread_mutex_lock(&vhost->lock);
    n = vhost->n_logs;
    pthread_mutex_unlock(&vhost->lock);
    return n;
}

struct otc_vhost_log
otc_vhost_log(struct otc_vhost *vhost, size_t index)
{
    struct otc_vhost_log record = {OTC_LOG_DEBUG, "", "", ""};
    struct log_entry *entry;

    pthread_mutex_lock(&vhost->lock);
    for (entry = vhost->first_log; entry && index > 0; entry = entry->next) {
        index--;
    }
    if (entry) {
        record = entry->record;
    }
    pthread_mutex_unlock(&vhost->lock);
    return record;
}

size_t
otc_vhost_logged(struct otc_vhost *vhost, const char *part)
{
    size_t n = 0;

    pthread_mutex_lock(&vhost->lock);
    for (const struct log_entry *entry = vhost->first_log; entry; entry = entry->next) {
        n += strstr(entry->record.message, part) != NULL;
    }
    pthread_mutex_unlock(&vhost->lock);
    return n;
}

static void
report(struct otc_host *self, const char *component_id, enum otc_component_state state,
       const struct otc_error *err)
{
    struct otc_vhost *vhost = vhost_of(self);
    struct report *made;

    pthread_mutex_lock(&vhost->lock);
    made = otc_arena_alloc(&vhost->arena, sizeof(*made));
    if (made) {
        *made = (struct report){vhost->reports, keep(vhost, component_id), state,
                                keep(vhost, err ? err->text : "")};
        vhost->reports = made;
        vhost->n_reports++;
    }
    pthread_mutex_unlock(&vhost->lock);
}

size_t
otc_vhost_reports(struct otc_vhost *vhost)
{
    size_t n;

    pthread_mutex_lock(&vhost->lock);
    n = vhost->n_reports;
    pthread_mutex_unlock(&vhost->lock);
    return n;
}

static struct report
last_report(struct otc_vhost *vhost, const char *component_id)
{
    struct report found = {NULL, "", OTC_STATE_STARTING, ""};

    pthread_mutex_lock(&vhost->lock);
    for (const struct report *at = vhost->reports; at; at = at->next) {
        if (strcmp(at->id, component_id) == 0) {
            found = *at;
            break;
        }
    }
    pthread_mutex_unlock(&vhost->lock);
    return found;
}

enum otc_component_state
otc_vhost_state(struct otc_vhost *vhost, const char *component_id)
{
    return last_report(vhost, component_id).state;
}

const char *
otc_vhost_state_text(struct otc_vhost *vhost, const char *component_id)
{
    return last_report(vhost, component_id).text;
}

/* ---- Self-metrics
 * --------------------------------------------------------------------------------------------- */

struct wanted_metric {
    const char *name;
    const char *labels; /* NULL: any */
    int64_t sum;
    bool found;
};

static bool
has_labels(const char *wanted, const struct otc_label *labels, size_t n)
{
    size_t n_wanted = *wanted ? 1 : 0;

    for (const char *p = wanted; *p; p++) {
        n_wanted += *p == ',';
    }
    for (size_t i = 0; i < n; i++) {
        char pair[512];
        size_t len = (size_t)snprintf(pair, sizeof(pair), "%s=%s", labels[i].key, labels[i].value);
        const char *at = wanted;

        while (at && !(strncmp(at, pair, len) == 0 && (at[len] == ',' || at[len] == '\0'))) {
            at = strchr(at, ',');
            at = at ? at + 1 : NULL;
        }
        if (!at) {
            return false;
        }
    }
    return n_wanted == n;
}

static void
sum_metric(void *arg, const struct otc_instrument *instrument, const struct otc_label *labels,
           size_t n_labels, int64_t value)
{
    struct wanted_metric *wanted = arg;

    if (strcmp(instrument->name, wanted->name) == 0 &&
        (!wanted->labels || has_labels(wanted->labels, labels, n_labels))) {
        wanted->sum += value;
        wanted->found = true;
    }
}

int64_t
otc_vhost_metric(struct otc_vhost *vhost, const char *name, const char *labels)
{
    struct wanted_metric wanted = {name, labels, 0, false};

    return otc_meter_visit(vhost->host.meter, sum_metric, &wanted) && wanted.found ? wanted.sum : -1;
}

int64_t
otc_vhost_metric_sum(struct otc_vhost *vhost, const char *name)
{
    struct wanted_metric wanted = {name, NULL, 0, false};

    return otc_meter_visit(vhost->host.meter, sum_metric, &wanted) ? wanted.sum : 0;
}

/* ---- Life
 * --------------------------------------------------------------------------------------------------- */

struct otc_vhost *
otc_vhost_new(void)
{
    struct otc_vhost *vhost = calloc(1, sizeof(*vhost));
    struct otc_meter *meter = otc_meter_new(MAX_SERIES);

    if (!vhost || !meter) {
        abort();
    }
    pthread_mutex_init(&vhost->lock, NULL);
    otc_arena_init(&vhost->arena, SIZE_MAX);
    vhost->now = OTC_VHOST_EPOCH_NS;
    vhost->monotonic = OTC_HOUR;
    vhost->ready = true;
    vhost->budget.limit = SIZE_MAX;
    vhost->logger = (struct otc_logger){write_log, OTC_LOG_DEBUG};
    vhost->host = (struct otc_host){
        .abi = OTC_ABI_OF(otc_host),
        .logger = &vhost->logger,
        .meter = meter,
        .now_ns = now_ns,
        .monotonic_ns = monotonic_ns,
        .post = post,
        .timer_new = timer_new,
        .timer_arm = timer_arm,
        .timer_disarm = timer_disarm,
        .timer_free = timer_free,
        .charge = charge,
        .discharge = discharge,
        .report = report,
        .extension = extension,
        .ready = ready,
        .resource = resource,
    };
    return vhost;
}

void
otc_vhost_free(struct otc_vhost *vhost)
{
    if (!vhost) {
        return;
    }
    run_tasks(vhost);
    if (vhost->timers || otc_budget_used(&vhost->budget) > 0) {
        fprintf(stderr, "virtual host: %s, %zu bytes still charged\n",
                vhost->timers ? "a timer was not freed" : "", otc_budget_used(&vhost->budget));
        abort();
    }
    otc_meter_free(vhost->host.meter);
    otc_arena_release(&vhost->arena);
    pthread_mutex_destroy(&vhost->lock);
    free(vhost);
}

struct otc_host *
otc_vhost_host(struct otc_vhost *vhost)
{
    return &vhost->host;
}
