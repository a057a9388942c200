// SPDX-License-Identifier: Apache-2.0
/* The receiver of files with OTLP/JSON, a request a line, as the file exporter writes them. All of it runs on
 * the control loop. */
#include "common/component/counters.h"
#include "common/otlp/admit.h"
#include "common/otlp/json.h"
#include "receivers/otlp_json_file/config.h"
#include "receivers/otlp_json_file/positions.h"
#include "receivers/otlp_json_file/tail.h"

#include <stdlib.h>

/* AnyValue nesting, and what a line may come to. */
#define MAX_DEPTH 64
#define MAX_DECODED ((size_t)256 << 20)
/* Read before others have their turn on the loop. */
#define TURN_BYTES ((size_t)4 << 20)

struct json_file {
    struct otc_component component;
    struct otc_host *host;
    const char *id;
    const struct otlp_json_file_config *config;
    struct otc_consumer *next[OTC_N_SIGNALS]; /* NULL: not wired */
    struct otc_receiver_counters counters[OTC_N_SIGNALS];
    struct tail *tail;
    struct positions *positions; /* NULL: kept in memory alone */
    struct otc_timer *timer;
    bool refused;    /* a line, in this poll */
    int64_t wait_ns; /* before the next poll, the longest that a refusal asked for */
};

/* Bytes of a message and what the memory budget holds for them. */
struct owned_bytes {
    struct otc_host *host;
    uint8_t *data;
    size_t charged;
};

static void
release_bytes(void *arg)
{
    struct owned_bytes *owner = arg;

    free(owner->data);
    owner->host->discharge(owner->host, owner->charged);
    free(owner);
}

/* A batch of the message; takes its bytes over. NULL without memory. */
static struct otc_batch *
make_batch(struct json_file *receiver, enum otc_signal signal, struct otc_buf *message, size_t items)
{
    struct owned_bytes *owner = calloc(1, sizeof(*owner));
    struct otc_part part = {.release = release_bytes, .arg = owner};
    size_t len;

    if (!owner || !receiver->host->charge(receiver->host, message->len)) {
        free(owner);
        return NULL;
    }
    owner->host = receiver->host;
    owner->charged = message->len;
    owner->data = otc_buf_take(message, &len);
    part.bytes = otc_slice_of(owner->data, len);
    return otc_batch_new(signal, &part, 1, items, NULL);
}

/* ---- A line ---------------------------------------------------------------------------------------- */

/* The line's top-level key of a signal, in both spellings: most lines are of one signal alone. */
static bool
may_hold(struct otc_slice line, enum otc_signal signal)
{
    static const char *const keys[OTC_N_SIGNALS][2] = {{"\"resourceSpans\"", "\"resource_spans\""},
                                                       {"\"resourceMetrics\"", "\"resource_metrics\""},
                                                       {"\"resourceLogs\"", "\"resource_logs\""}};

    return memmem(line.data, line.len, keys[signal][0], strlen(keys[signal][0])) ||
           memmem(line.data, line.len, keys[signal][1], strlen(keys[signal][1]));
}

/* The message of a line; nothing and no items when it holds none of this signal. */
static otc_status
translate(enum otc_signal signal, struct otc_slice line, struct otc_buf *message,
          struct otc_admitted *admitted, struct otc_error *err)
{
    static const struct otc_admission limits = {.max_depth = MAX_DEPTH, .max_decoded_bytes = MAX_DECODED};
    otc_status status = otc_json_to_protobuf(signal, line, MAX_DEPTH, message, err);

    return status == OTC_OK ? otc_admit(signal, otc_buf_slice(message), &limits, admitted, err) : status;
}

/* Counts a result, and says what is lost or has to wait. True: the line is done with for this signal. */
static bool
conclude(struct json_file *receiver, enum otc_signal signal, size_t items, otc_status status,
         const struct otc_error *err)
{
    bool accepted = status == OTC_OK || status == OTC_PENDING;

    otc_receiver_count(&receiver->counters[signal], items, accepted ? OTC_OK : status);
    if (accepted || err->permanent) {
        if (!accepted) {
            otc_log(receiver->host->logger, OTC_LOG_ERROR, receiver->id, "Line refused, not repeated",
                    OTC_FIELD_TEXT("signal", otc_signal_name(signal)), OTC_FIELD_TEXT("error", err->text));
        }
        return true;
    }
    receiver->refused = true;
    if (err->retry_after_ms * OTC_MILLISECOND > receiver->wait_ns) {
        receiver->wait_ns = err->retry_after_ms * OTC_MILLISECOND;
    }
    return false;
}

static bool
deliver(struct json_file *receiver, enum otc_signal signal, struct otc_slice line)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_admitted admitted = {0};
    OTC_AUTO_BUF struct otc_buf message = {.limit = MAX_DECODED};
    struct otc_batch *batch;
    otc_status status = translate(signal, line, &message, &admitted, &err);

    if (status != OTC_OK) {
        err.permanent = true; /* it will be no better next time */
        return conclude(receiver, signal, 0, status, &err);
    }
    if (admitted.items == 0) {
        return true;
    }
    batch = make_batch(receiver, signal, &message, admitted.items);
    if (!batch) {
        status = otc_fail(&err, OTC_UNAVAILABLE, "otlp_json_file: memory budget exhausted");
        return conclude(receiver, signal, admitted.items, status, &err);
    }
    status = otc_consume(receiver->next[signal], batch, NULL, &err);
    return conclude(receiver, signal, admitted.items, status, &err);
}

/* `*done`: a bit for each signal whose pipelines are done with the line, from when it was refused. */
static bool
on_line(void *arg, struct otc_slice line, unsigned *done)
{
    struct json_file *receiver = arg;

    for (int signal = 0; signal < OTC_N_SIGNALS; signal++) {
        bool wanted =
            receiver->next[signal] && !(*done >> signal & 1) && may_hold(line, (enum otc_signal)signal);

        if (wanted && !deliver(receiver, (enum otc_signal)signal, line)) {
            return false;
        }
        *done |= wanted ? 1u << signal : 0;
    }
    return true;
}

static void
on_trouble(void *arg, const char *path, const char *text)
{
    const struct json_file *receiver = arg;

    otc_log(receiver->host->logger, OTC_LOG_WARN, receiver->id, "File not read", OTC_FIELD_TEXT("path", path),
            OTC_FIELD_TEXT("error", text));
}

/* ---- Component ------------------------------------------------------------------------------------- */

static void
poll_files(void *arg)
{
    struct json_file *receiver = arg;
    bool more;

    receiver->refused = false;
    receiver->wait_ns = receiver->config->poll_interval.ns;
    more = otlp_json_file_tail_poll(receiver->tail, receiver->host->monotonic_ns(receiver->host),
                                    receiver->host->now_ns(receiver->host), TURN_BYTES);
    otlp_json_file_positions_keep(receiver->positions);
    receiver->host->timer_arm(receiver->host, receiver->timer,
                              more && !receiver->refused ? 0 : receiver->wait_ns);
}

static struct tail_settings
tail_settings(const struct otlp_json_file_config *config)
{
    return (struct tail_settings){.include = config->include.items,
                                  .n_include = config->include.n,
                                  .exclude = config->exclude.items,
                                  .n_exclude = config->exclude.n,
                                  .older_ns = config->exclude_older_than.ns,
                                  .from_beginning = config->start_at.index == OTLP_JSON_FILE_BEGINNING,
                                  .replay = config->replay_file,
                                  .remove = config->delete_after_read,
                                  .lock = config->acquire_fs_lock,
                                  .compression = (enum tail_compression)config->compression.index,
                                  .truncated = (enum tail_truncated)config->on_truncate.index,
                                  .fingerprint = (size_t)config->fingerprint_size.n,
                                  .max_line = (size_t)config->max_log_size.n,
                                  .max_files = (size_t)config->max_concurrent_files,
                                  .flush_ns = config->force_flush_period.ns};
}

static otc_status
start(struct otc_component *self, struct otc_error *err)
{
    struct json_file *receiver = OTC_CONTAINER(self, json_file, component);
    const struct tail_settings settings = tail_settings(receiver->config);
    const struct tail_calls calls = {on_line, on_trouble, receiver};
    otc_status status;

    for (int signal = 0; signal < OTC_N_SIGNALS; signal++) {
        if (receiver->next[signal]) {
            otc_receiver_counters_init(&receiver->counters[signal], receiver->host->meter, receiver->id,
                                       "file", (enum otc_signal)signal);
        }
    }
    receiver->tail = otlp_json_file_tail_new(&settings, &calls);
    receiver->timer = receiver->host->timer_new(receiver->host, poll_files, receiver);
    if (!receiver->tail || !receiver->timer) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    status = otlp_json_file_positions_open(receiver->host, receiver->id, receiver->config->storage,
                                           receiver->tail, &receiver->positions, err);
    if (status == OTC_OK) {
        receiver->host->timer_arm(receiver->host, receiver->timer, 0);
    }
    return status;
}

static otc_status
shut_down(struct otc_component *self, int64_t deadline_ns, struct otc_error *err)
{
    struct json_file *receiver = OTC_CONTAINER(self, json_file, component);

    (void)deadline_ns;
    (void)err;
    receiver->host->timer_free(receiver->host, receiver->timer);
    receiver->timer = NULL;
    otlp_json_file_positions_close(receiver->positions);
    receiver->positions = NULL;
    return OTC_OK;
}

static void
destroy(struct otc_component *self)
{
    struct json_file *receiver = OTC_CONTAINER(self, json_file, component);

    receiver->host->timer_free(receiver->host, receiver->timer);
    otlp_json_file_positions_free(receiver->positions);
    otlp_json_file_tail_free(receiver->tail);
    free(receiver);
}

static otc_status
connect(struct otc_component *self, enum otc_signal to, struct otc_consumer *next, struct otc_error *err)
{
    (void)err;
    OTC_CONTAINER(self, json_file, component)->next[to] = next;
    return OTC_OK;
}

static const struct otc_component_ops ops = {.abi = OTC_ABI_OF(otc_component_ops),
                                             .start = start,
                                             .shutdown = shut_down,
                                             .free = destroy,
                                             .connect = connect};

static otc_status
create(const struct otc_settings *settings, struct otc_component **out, struct otc_error *err)
{
    struct json_file *receiver = calloc(1, sizeof(*receiver));

    if (!receiver) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    receiver->component = (struct otc_component){OTC_ABI_OF(otc_component), &ops};
    receiver->host = settings->host;
    receiver->id = settings->id;
    receiver->config = settings->config;
    *out = &receiver->component;
    return OTC_OK;
}

static const struct otc_pair pairs[] = {{OTC_TRACES, OTC_TRACES, OTC_STABILITY_ALPHA},
                                        {OTC_METRICS, OTC_METRICS, OTC_STABILITY_ALPHA},
                                        {OTC_LOGS, OTC_LOGS, OTC_STABILITY_ALPHA}};

OTC_API const struct otc_factory otc_otlp_json_file_receiver_factory = {
    .abi = OTC_ABI_OF(otc_factory),
    .kind = OTC_RECEIVER,
    .type = "otlp_json_file",
    .deprecated_type = "otlpjsonfile",
    .description = "Reads traces, metrics and logs from files of OTLP/JSON, a request a line.",
    .pairs = pairs,
    .n_pairs = sizeof(pairs) / sizeof(pairs[0]),
    .config = &otlp_json_file_schema,
    .validate = otlp_json_file_validate,
    .create = create,
};
