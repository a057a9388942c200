// SPDX-License-Identifier: Apache-2.0
#include "sidecar/host.h"

#include "common/base/number.h"
#include "sidecar/resource.h"

#include <malloc.h>
#include <sys/random.h>
#include <unistd.h>

#define RESOURCE_BYTES_MAX ((size_t)1 << 20)
#define BUDGET_LEAST ((size_t)64 << 20)
#define LOOK_NS OTC_SECOND

static struct otc_sidecar_host *
self_of(struct otc_host *host)
{
    return OTC_CONTAINER(host, otc_sidecar_host, host);
}

static int64_t
host_now(struct otc_host *self)
{
    (void)self;
    return otc_clock_unix_ns();
}

static int64_t
host_monotonic(struct otc_host *self)
{
    (void)self;
    return otc_clock_monotonic_ns();
}

static bool
host_post(struct otc_host *self, void (*fn)(void *arg), void *arg)
{
    return otc_loop_post(self_of(self)->loop, fn, arg);
}

/* A component's timer is the loop's under another name. */
static struct otc_timer *
host_timer_new(struct otc_host *self, void (*fn)(void *arg), void *arg)
{
    return (struct otc_timer *)(void *)otc_loop_timer_new(self_of(self)->loop, fn, arg);
}

static void
host_timer_arm(struct otc_host *self, struct otc_timer *timer, int64_t delay_ns)
{
    (void)self;
    otc_loop_timer_arm((struct otc_loop_timer *)(void *)timer, delay_ns);
}

static void
host_timer_disarm(struct otc_host *self, struct otc_timer *timer)
{
    (void)self;
    otc_loop_timer_disarm((struct otc_loop_timer *)(void *)timer);
}

static void
host_timer_free(struct otc_host *self, struct otc_timer *timer)
{
    (void)self;
    otc_loop_timer_free((struct otc_loop_timer *)(void *)timer);
}

static bool
host_charge(struct otc_host *self, size_t bytes)
{
    return otc_budget_charge(&self_of(self)->budget, bytes);
}

static void
host_discharge(struct otc_host *self, size_t bytes)
{
    otc_budget_discharge(&self_of(self)->budget, bytes);
}

static void
run_fatal(void *arg)
{
    struct otc_sidecar_host *host = arg;

    if (host->fatal != NULL) {
        host->fatal(host->fatal_arg);
    }
}

static void
host_report(struct otc_host *self, const char *component_id, enum otc_component_state state,
            const struct otc_error *err)
{
    static const char *const names[] = {"StatusStarting",       "StatusOK",         "StatusRecoverableError",
                                        "StatusPermanentError", "StatusFatalError", "StatusStopping",
                                        "StatusStopped"};
    static const enum otc_log_level levels[] = {OTC_LOG_DEBUG, OTC_LOG_DEBUG, OTC_LOG_WARN, OTC_LOG_ERROR,
                                                OTC_LOG_ERROR, OTC_LOG_DEBUG, OTC_LOG_DEBUG};
    struct otc_sidecar_host *host = self_of(self);

    if (err != NULL) {
        otc_log(self->logger, levels[state], component_id, "Component status changed",
                OTC_FIELD_TEXT("status", names[state]), OTC_FIELD_TEXT("error", err->text));
    } else {
        otc_log(self->logger, levels[state], component_id, "Component status changed",
                OTC_FIELD_TEXT("status", names[state]));
    }
    if (state == OTC_STATE_FATAL_ERROR && !atomic_exchange(&host->failed, true)) {
        (void)otc_loop_post(host->loop, run_fatal, host);
    }
}

static struct otc_component *
host_extension(struct otc_host *self, const char *id)
{
    struct otc_service *service = atomic_load(&self_of(self)->service);

    return service != NULL ? otc_service_extension(service, id) : NULL;
}

static struct otc_storage *
host_handover(struct otc_host *self, const char *kind, const char *component_id)
{
    struct otc_handover *handover = self_of(self)->handover;

    return handover != NULL ? otc_handover_open(handover, kind, component_id) : NULL;
}

static bool
host_ready(struct otc_host *self)
{
    return atomic_load(&self_of(self)->ready);
}

static const struct otc_label *
host_resource(struct otc_host *self, size_t *n)
{
    *n = self_of(self)->n_resource;
    return self_of(self)->resource;
}

/* The allocator keeps what a burst of requests, or a queue that has drained, took. */
static void
look_at_memory(void *arg)
{
    struct otc_sidecar_host *host = arg;

    if (otc_budget_spare(&host->budget, &host->most_held)) {
        malloc_trim(0);
    }
    otc_loop_timer_arm(host->looks, LOOK_NS);
}

/* Half of what the machine or the container's group (cgroup v2) has. */
static size_t
memory_budget(void)
{
    long pages = sysconf(_SC_PHYS_PAGES);
    long page = sysconf(_SC_PAGESIZE);
    size_t total = pages > 0 && page > 0 ? (size_t)pages * (size_t)page : 2 * BUDGET_LEAST;
    FILE *file = fopen("/sys/fs/cgroup/memory.max", "re");
    char line[64];
    int64_t limit;

    if (file != NULL) {
        /* Without a limit it says "max". */
        if (fgets(line, sizeof(line), file) != NULL &&
            otc_parse_int64(otc_slice_of(line, strcspn(line, "\n")), &limit) && limit > 0 &&
            (size_t)limit < total) {
            total = (size_t)limit;
        }
        (void)fclose(file);
    }
    return total / 2 > BUDGET_LEAST ? total / 2 : BUDGET_LEAST;
}

/* A UUID of version 4. */
static otc_status
random_id(char out[37], struct otc_error *err)
{
    uint8_t b[16];
    size_t at = 0;

    if (getrandom(b, sizeof(b), 0) != (ssize_t)sizeof(b)) {
        return otc_fail(err, OTC_INTERNAL, "the system gives no random numbers");
    }
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    for (size_t i = 0; i < sizeof(b); i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            out[at++] = '-';
        }
        at += (size_t)snprintf(out + at, 37 - at, "%02x", b[i]);
    }
    return OTC_OK;
}

otc_status
otc_sidecar_host_init(struct otc_sidecar_host *host, struct otc_loop *loop, struct otc_logger *logger,
                      struct otc_meter *meter, struct otc_error *err)
{
    otc_status status;

    *host = (struct otc_sidecar_host){
        .host = {.abi = OTC_ABI_OF(otc_host),
                 .logger = logger,
                 .meter = meter,
                 .now_ns = host_now,
                 .monotonic_ns = host_monotonic,
                 .post = host_post,
                 .timer_new = host_timer_new,
                 .timer_arm = host_timer_arm,
                 .timer_disarm = host_timer_disarm,
                 .timer_free = host_timer_free,
                 .charge = host_charge,
                 .discharge = host_discharge,
                 .report = host_report,
                 .extension = host_extension,
                 .ready = host_ready,
                 .resource = host_resource,
                 .handover = host_handover},
        .loop = loop,
        .budget = {.limit = memory_budget()},
    };
    otc_arena_init(&host->resource_arenas[0], RESOURCE_BYTES_MAX);
    otc_arena_init(&host->resource_arenas[1], RESOURCE_BYTES_MAX);
    host->looks = otc_loop_timer_new(loop, look_at_memory, host);
    if (host->looks == NULL) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    otc_loop_timer_arm(host->looks, LOOK_NS);
    status = random_id(host->instance_id, err);
    return status == OTC_OK ? otc_sidecar_host_set_resource(host, NULL, err) : status;
}

void
otc_sidecar_host_release(struct otc_sidecar_host *host)
{
    otc_loop_timer_free(host->looks);
    otc_arena_release(&host->resource_arenas[0]);
    otc_arena_release(&host->resource_arenas[1]);
}

/* ---- Resource ----------------------------------------------------------------------------------- */

static otc_status
put_label(void *arg, struct otc_slice key, const struct otc_node *value, struct otc_error *err)
{
    struct otc_sidecar_host *host = arg;
    struct otc_arena *arena = &host->resource_arenas[host->resource_turn];
    struct otc_slice text;
    size_t i = 0;

    while (i < host->n_resource && !otc_slice_equal_str(key, host->resource[i].key)) {
        i++;
    }
    if (otc_node_is_null(value)) {
        if (i < host->n_resource) {
            memmove(&host->resource[i], &host->resource[i + 1],
                    (host->n_resource - i - 1) * sizeof(struct otc_label));
            host->n_resource--;
        }
        return OTC_OK;
    }
    if (i == OTC_RESOURCE_MAX) {
        return otc_fail(err, OTC_INTERNAL, "more attributes of the resource than there is room for");
    }
    text = otc_node_string(value, &text) ? text : value->text;
    host->resource[i].key = otc_arena_strndup(arena, key.data, key.len);
    host->resource[i].value = otc_arena_strndup(arena, text.data, text.len);
    if (host->resource[i].key == NULL || host->resource[i].value == NULL) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "service::telemetry::resource: too large");
    }
    host->n_resource += i == host->n_resource;
    return OTC_OK;
}

otc_status
otc_sidecar_host_set_resource(struct otc_sidecar_host *host, const struct otc_node *resource,
                              struct otc_error *err)
{
    host->resource_turn ^= 1;
    otc_arena_release(&host->resource_arenas[host->resource_turn]);
    host->n_resource = 3;
    host->resource[0] = (struct otc_label){"service.name", "otelcol-aimon"};
    host->resource[1] = (struct otc_label){"service.version", OTC_VERSION};
    host->resource[2] = (struct otc_label){"service.instance.id", host->instance_id};
    return otc_resource_read(resource, put_label, host, err);
}
