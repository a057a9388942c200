// SPDX-License-Identifier: Apache-2.0
/**
 * @file The component interface: everything a receiver, processor, connector, exporter or extension
 * sees of its host, of its neighbours and of the data.
 *
 * A *factory* is a constant table. The service makes one *component* of it for each id in the
 * configuration (processors: for each pipeline they stand in), asks it for its *consumers* (where to
 * send to it) and connects its outputs. Data moves as reference-counted, immutable *batches*.
 *
 * Order of calls on a component: create, input/connect for each signal, start, consume…, shutdown, free.
 * Start runs exporters first and receivers last, shutdown the other way round.
 */
#ifndef OTC_COMPONENT_OTC_H
#define OTC_COMPONENT_OTC_H

#include "common/base/log.h"
#include "common/base/slice.h"
#include "common/base/status.h"

#include <stddef.h>

/* ---- Signals ------------------------------------------------------------------------------------ */

enum otc_signal { OTC_TRACES, OTC_METRICS, OTC_LOGS };
#define OTC_N_SIGNALS 3

/** "traces", "metrics", "logs". */
OTC_API const char *otc_signal_name(enum otc_signal signal);
/** "spans", "metric_points", "log_records": as the Collector's self-metrics count them. */
OTC_API const char *otc_signal_items(enum otc_signal signal);

/* ---- Batches ------------------------------------------------------------------------------------ */

/**
 * One or more *parts* of one signal. A part is one complete serialized Export…ServiceRequest, contiguous.
 * Immutable and reference-counted; any thread may hold and read it.
 */
struct otc_batch;

/** A part as its maker gives it: `release(arg)` runs once when the last reference goes (any thread). */
struct otc_part {
    struct otc_slice bytes;
    void (*release)(void *arg);
    void *arg;
};

/** Who sent a batch: peer address, authentication data, metadata. Opaque, reference-counted. May be NULL. */
struct otc_client;

/**
 * A batch that owns `parts` (their release functions run even when this fails) with `items` spans, points or
 * records in all. `client` gets a reference of its own; NULL is allowed. NULL when out of memory.
 */
OTC_API struct otc_batch *otc_batch_new(enum otc_signal signal, const struct otc_part *parts, size_t n_parts,
                                        size_t items, struct otc_client *client);
/** A batch of one part, copied from `bytes`. */
OTC_API struct otc_batch *otc_batch_copy_of(enum otc_signal signal, struct otc_slice bytes, size_t items,
                                            struct otc_client *client);
OTC_API struct otc_batch *otc_batch_ref(struct otc_batch *batch);
/** Gives one reference back. NULL is allowed. */
OTC_API void otc_batch_unref(struct otc_batch *batch);
OTC_API enum otc_signal otc_batch_signal(const struct otc_batch *batch);
OTC_API size_t otc_batch_parts(const struct otc_batch *batch);
/** Borrowed for as long as the caller holds a reference. */
OTC_API struct otc_slice otc_batch_part(const struct otc_batch *batch, size_t index);
/** Spans, data points or log records in all parts. */
OTC_API size_t otc_batch_items(const struct otc_batch *batch);
/** Bytes of all parts. */
OTC_API size_t otc_batch_bytes(const struct otc_batch *batch);
OTC_API struct otc_client *otc_batch_client(const struct otc_batch *batch);
/** The batch as of another client (which may be NULL and gets a reference of its own). Takes the reference to
 * `batch` over; NULL out of memory. */
OTC_API struct otc_batch *otc_batch_as(struct otc_batch *batch, struct otc_client *client);

/* ---- Consumers ---------------------------------------------------------------------------------- */

/**
 * The result of a consume that answered PENDING. `fn` runs exactly once, from any thread, possibly before
 * consume returns. `result->status` OTC_OK: accepted. `result` is borrowed for the call. Allocated and freed
 * by the caller of consume, who may free it in `fn`.
 */
struct otc_done {
    struct otc_abi abi;
    void (*fn)(struct otc_done *self, const struct otc_error *result);
};

/** Anything that accepts batches. Lives as long as its component. */
struct otc_consumer {
    struct otc_abi abi;
    /** True when it edits what it passes on (it still never writes into a batch). */
    bool mutates_data;
    /**
     * True for an analysis stage: the fan-out calls it last, and only when the joined result of the others is
     * OK or PENDING, so that a client's retry is counted once.
     */
    bool observes_accepted;
    /**
     * True when the answer waits until the data is safe on a disk (or what stands behind does so). A stage
     * that answers before its data is passed on then holds the answers too. Set before the graph starts.
     */
    bool holds;
    /**
     * Takes over the batch reference, also on failure. Never blocks: no fsync, no network, no waiting for
     * room. OK: accepted. PENDING: done->fn runs exactly once, from any thread, possibly before this call
     * returns. Anything else: refused, err says why, done never runs. done == NULL: the caller does not wait,
     * and the answer PENDING then means accepted.
     */
    otc_status (*consume)(struct otc_consumer *self, struct otc_batch *batch, struct otc_done *done,
                          struct otc_error *err);
};

static inline otc_status
otc_consume(struct otc_consumer *consumer, struct otc_batch *batch, struct otc_done *done,
            struct otc_error *err)
{
    return consumer->consume(consumer, batch, done, err);
}

/* ---- Self-metrics ------------------------------------------------------------------------------- */

/** OTC_DURATION: a histogram that takes nanoseconds and tells seconds; its bounds are in seconds. */
enum otc_instrument_kind { OTC_COUNTER, OTC_UP_DOWN_COUNTER, OTC_GAUGE, OTC_HISTOGRAM, OTC_DURATION };

/** One instrument: the Collector's name where it has one ("otelcol_receiver_accepted_spans"), else "aimon_…".
 */
struct otc_instrument {
    const char *name;
    const char *unit;
    const char *description;
    enum otc_instrument_kind kind;
};

struct otc_label {
    const char *key;
    const char *value;
};

/** All self-metrics of a process. Any thread. */
struct otc_meter;
/** One time series of it; lives as long as the meter. */
struct otc_series;
/** A change of one series; for a gauge `delta` is the new value, for a histogram what was observed (at least
 * 0). */
struct otc_count {
    struct otc_series *series;
    int64_t delta;
};

/** The series of these labels, made at the first call. NULL out of memory or at the meter's limit (then
 * counts are no-ops). */
OTC_API struct otc_series *otc_meter_series(struct otc_meter *meter, const struct otc_instrument *instrument,
                                            const struct otc_label *labels, size_t n_labels);
#define OTC_HISTOGRAM_BOUNDS 32
/** The same for an instrument of kind OTC_HISTOGRAM or OTC_DURATION: ascending upper bounds (inclusive),
 * borrowed for good, OTC_HISTOGRAM_BOUNDS at most. */
OTC_API struct otc_series *otc_meter_histogram(struct otc_meter *meter,
                                               const struct otc_instrument *instrument, const double *bounds,
                                               size_t n_bounds, const struct otc_label *labels,
                                               size_t n_labels);
/** Changes several series at once: a scrape sees all of the changes or none. Entries with a NULL series are
 * skipped. */
OTC_API void otc_meter_add(struct otc_meter *meter, const struct otc_count *counts, size_t n_counts);
/** Current value, for tests and status pages; of a histogram the sum. */
OTC_API int64_t otc_series_value(const struct otc_series *series);
/**
 * True when the program tells details of itself (service::telemetry::metrics::level: detailed): instruments
 * of that level are made, and what costs time to measure is measured, then alone. Asked once, when a
 * component is created.
 */
OTC_API bool otc_meter_detailed(const struct otc_meter *meter);

struct otc_storage;

/* ---- The host ----------------------------------------------------------------------------------- */

enum otc_component_state {
    OTC_STATE_STARTING,
    OTC_STATE_OK,
    OTC_STATE_RECOVERABLE_ERROR,
    OTC_STATE_PERMANENT_ERROR,
    OTC_STATE_FATAL_ERROR,
    OTC_STATE_STOPPING,
    OTC_STATE_STOPPED
};

/** A timer of the control loop. */
struct otc_timer;

/**
 * What a component may ask of the program around it. No component reads a clock, starts a thread, calls
 * getenv or exits: in tests all of this is virtual. Every function may be called from any thread unless it
 * says otherwise.
 */
struct otc_host {
    struct otc_abi abi;
    struct otc_logger *logger;
    struct otc_meter *meter;
    /** Unix nanoseconds; may step. For stamps only. */
    int64_t (*now_ns)(struct otc_host *self);
    /** Monotonic nanoseconds, for timeouts. */
    int64_t (*monotonic_ns)(struct otc_host *self);
    /** Runs `fn(arg)` on the control loop, soon, in order. False when out of memory or shut down. */
    bool (*post)(struct otc_host *self, void (*fn)(void *arg), void *arg);
    /** A timer that calls `fn(arg)` on the control loop; disarmed. NULL out of memory. */
    struct otc_timer *(*timer_new)(struct otc_host *self, void (*fn)(void *arg), void *arg);
    /** (Re)arms: once, after `delay_ns`. */
    void (*timer_arm)(struct otc_host *self, struct otc_timer *timer, int64_t delay_ns);
    void (*timer_disarm)(struct otc_host *self, struct otc_timer *timer);
    /** After it returned `fn` neither runs nor will run. Not from `fn` itself on another thread. NULL is
     * allowed. */
    void (*timer_free)(struct otc_host *self, struct otc_timer *timer);
    /** Charges bytes that arrived to the process's memory budget; false: no room, charge nothing. */
    bool (*charge)(struct otc_host *self, size_t bytes);
    void (*discharge)(struct otc_host *self, size_t bytes);
    /** Tells a component's state; `err` may be NULL. FATAL_ERROR ends the process in order. */
    void (*report)(struct otc_host *self, const char *component_id, enum otc_component_state state,
                   const struct otc_error *err);
    /** The running extension of this id, or NULL. */
    struct otc_component *(*extension)(struct otc_host *self, const char *id);
    /** True from the moment every component is started until shutdown begins (what health_check answers). */
    bool (*ready)(struct otc_host *self);
    /** The sidecar's own resource: key-value pairs, service.name, service.version, service.instance.id first.
     */
    const struct otc_label *(*resource)(struct otc_host *self, size_t *n);
    /**
     * During a reload: what a component (kind and id as for `storage`) leaves in memory for its successor of
     * the same kind and id. At its shutdown a component stores what it would lose, at its start the successor
     * finds it there, and discards what a changed configuration cannot use. NULL at any other time. Its
     * journal takes nothing. Added later: look at `abi.size` (otc_handover does).
     */
    struct otc_storage *(*handover)(struct otc_host *self, const char *kind, const char *component_id);
};

/* ---- Storage ------------------------------------------------------------------------------------ */

/** One change of a store: the new value of a key, or its end. */
struct otc_storage_change {
    struct otc_slice key;
    struct otc_slice value;
    bool remove;
};

/** What came out of a replay. `complete` false: records may be missing at its end, for the reason `why`. */
struct otc_storage_replayed {
    uint64_t records;
    uint64_t bytes;
    bool complete;
    char why[160];
};

/**
 * What a storage extension keeps for one component across restarts: a small durable store, and a journal of
 * what came after the last snapshot in it. Functions are called by one thread at a time (the component's
 * lock), but that `apply`, which may wait for the disk, may run beside `append`, `roll`, `drop` and `usage`.
 * Those that are marked so wait for the disk and are no part of the path of data. Later releases append
 * members: look at `abi.size` before using one that this release did not have.
 */
struct otc_storage {
    struct otc_abi abi;
    /** Waits. Calls `fn` with the value, borrowed. NOT_FOUND: there is none (also when a damaged file was
     * moved aside: that is logged). */
    otc_status (*get)(struct otc_storage *self, struct otc_slice key,
                      void (*fn)(void *arg, struct otc_slice value), void *arg, struct otc_error *err);
    /** Waits: afterwards the changes are on the disk, all of them, or none after a failure. */
    otc_status (*apply)(struct otc_storage *self, const struct otc_storage_change *changes, size_t n,
                        struct otc_error *err);
    /**
     * Adds a record to the journal. Never waits: the record survives the end of the process, not a power cut.
     * After a failure everything is refused until the next roll, and a replay will say that it is incomplete.
     */
    otc_status (*append)(struct otc_storage *self, struct otc_slice record, struct otc_error *err);
    /** Further records go to a new generation of the journal; a snapshot that is taken now names it. */
    otc_status (*roll)(struct otc_storage *self, uint64_t *generation, struct otc_error *err);
    /** Waits. The records from a generation on; `fn` returns false for one that it cannot use. */
    otc_status (*replay)(struct otc_storage *self, uint64_t from,
                         bool (*fn)(void *arg, struct otc_slice record), void *arg,
                         struct otc_storage_replayed *out, struct otc_error *err);
    /** Removes the generations before this one. */
    void (*drop)(struct otc_storage *self, uint64_t before);
    /** Waits. The journal ends here on purpose: no power cut can shorten it unnoticed. */
    otc_status (*seal)(struct otc_storage *self, struct otc_error *err);
    /** Bytes of the journal's generations, and their ceiling. */
    void (*usage)(struct otc_storage *self, int64_t *bytes, int64_t *limit);
    /** Gives it back; nothing that was appended is lost. */
    void (*close)(struct otc_storage *self);
};

/* ---- Authentication ----------------------------------------------------------------------------- */

/** The head of a request, as far as an authenticator may look at it. */
struct otc_auth_request {
    struct otc_abi abi;
    /** The first value of this header (gRPC: metadata), whatever the case of its name; data NULL: there is
     * none. Borrowed until the next call. */
    struct otc_slice (*header)(const struct otc_auth_request *self, const char *name);
};

/** Takes names and values, one a call; borrowed for the call alone. */
struct otc_auth_sink {
    struct otc_abi abi;
    void (*put)(struct otc_auth_sink *self, struct otc_slice name, struct otc_slice value);
};

/**
 * What an authenticator extension does for the servers and clients that name it in `auth: {authenticator:
 * <id>}`. Any thread, several at a time; never waits. Lives as long as its extension runs. Later releases
 * append members.
 */
struct otc_authenticator {
    struct otc_abi abi;
    /**
     * Servers: looks at a request's head before anything else of it is read. OK: it may come in; what was
     * learnt of the client ("username", "raw") is put into `learnt` and goes with its data (otc_client_auth).
     * UNAUTHENTICATED: it may not; UNAVAILABLE: cannot tell now, the client may try again. `err->text` goes
     * to the client and holds nothing of what it sent. NULL: not for servers.
     */
    otc_status (*check)(struct otc_authenticator *self, const struct otc_auth_request *request,
                        struct otc_auth_sink *learnt, struct otc_error *err);
    /**
     * Clients: puts the headers of one request (names as configured, values secret: not for logs) into
     * `headers`, where they take the place of others of the same name. To be asked for each request, since
     * tokens change. NULL: not for clients.
     */
    otc_status (*headers)(struct otc_authenticator *self, struct otc_auth_sink *headers,
                          struct otc_error *err);
    /** What a refusal by HTTP says in WWW-Authenticate ("Bearer"); NULL: nothing. */
    const char *challenge;
};

/** A record of a queue in a storage: a handle, valid until it is removed or forgotten. */
struct otc_stored;

/** What runs when a record is on the disk, or cannot be (`record` NULL). Once, from the storage's thread. */
struct otc_storage_put {
    struct otc_abi abi;
    void (*fn)(struct otc_storage_put *self, struct otc_stored *record, const struct otc_error *result);
};

/**
 * A first-in-first-out queue on disk. A record whose put was told OK survives the end of the process and a
 * power cut; it comes again at the next start until it is removed. Any thread.
 */
struct otc_storage_queue {
    struct otc_abi abi;
    /**
     * Adds the slices, one after another, as one record; they are borrowed until `done` ran. Never waits. OK
     * is no answer: PENDING, or a refusal (at a limit: RESOURCE_EXHAUSTED), and `done` never runs.
     */
    otc_status (*put)(struct otc_storage_queue *self, const struct otc_slice *slices, size_t n,
                      struct otc_storage_put *done, struct otc_error *err);
    /** Waits for the disk. `*content` is malloced. DATA_LOSS: the record is damaged (logged and counted). */
    otc_status (*read)(struct otc_storage_queue *self, const struct otc_stored *record, uint8_t **content,
                       size_t *len, struct otc_error *err);
    /** The record is not needed any more; a full disk does not hinder it. */
    void (*remove)(struct otc_storage_queue *self, struct otc_stored *record);
    /** Frees the handle of a record that stays for the next start. */
    void (*forget)(struct otc_storage_queue *self, struct otc_stored *record);
    /** Waits until every put is told. */
    void (*close)(struct otc_storage_queue *self);
    /**
     * Takes room for the record's content from byte `skip` on among the dead letters: files of what nobody
     * wants. False: they are full or off. Quick, but for looking into their folder now and then. Added later,
     * with what follows: look at `abi.size`.
     */
    bool (*reserve)(struct otc_storage_queue *self, const struct otc_stored *record, size_t skip);
    /** Moves a record, for which room was taken, to the dead letters; one that cannot be written stays for
     * the next start (logged and counted). The handle ends. Never waits. */
    void (*reject)(struct otc_storage_queue *self, struct otc_stored *record, size_t skip, const char *why);
    /** Something begins with the record that may end the process, or it is over. */
    void (*mark)(struct otc_storage_queue *self, struct otc_stored *record, bool begins);
    /** How often in a row the process ended in between: 0 to 3. */
    unsigned (*crashes)(struct otc_storage_queue *self, const struct otc_stored *record);
    /** Dead letters are off. Added later: look at `abi.size`. */
    bool letters_off;
};

/** Most slices of one put. */
#define OTC_STORED_SLICES_MAX 256

/** Who is told of each record that a former process left, oldest first; the content is borrowed for the call.
 */
struct otc_stored_reader {
    void (*found)(void *arg, struct otc_stored *record, struct otc_slice content);
    void *arg;
};

/* ---- Components --------------------------------------------------------------------------------- */

struct otc_component;

struct otc_component_ops {
    struct otc_abi abi;
    /** Returns quickly; long work goes to the background. May be NULL. */
    otc_status (*start)(struct otc_component *self, struct otc_error *err);
    /**
     * Safe without start, and twice. Flushes what it holds, blocking until host->monotonic_ns() reaches
     * `deadline_ns` at most; must not need the control loop to run meanwhile. Afterwards no work of its own
     * remains. May be NULL.
     */
    otc_status (*shutdown)(struct otc_component *self, int64_t deadline_ns, struct otc_error *err);
    void (*free)(struct otc_component *self);
    /** Where batches of signal `from` enter. NULL function: receivers, extensions. Same answer each time. */
    struct otc_consumer *(*input)(struct otc_component *self, enum otc_signal from);
    /** Where batches of signal `to` leave. Called before start. NULL function: exporters, extensions. */
    otc_status (*connect)(struct otc_component *self, enum otc_signal to, struct otc_consumer *next,
                          struct otc_error *err);
    /**
     * Storage extensions: the storage of a component (kind "connector", id "drift/credit"), to be closed
     * before this extension shuts down. After start. NULL for everything else; components ask through
     * otc_storage_open (common/component/storage.h).
     */
    otc_status (*storage)(struct otc_component *self, const char *kind, const char *component_id,
                          struct otc_storage **out, struct otc_error *err);
    /**
     * Within a reload: takes what `former` knows, a component of the same factory, id, settings and resource
     * that was shut down and is freed soon; before the own start. Both stay whole. May be NULL: it begins
     * anew. Added later: look at `abi.size`.
     */
    void (*adopt)(struct otc_component *self, struct otc_component *former);
    /**
     * Authenticator extensions: after start, until shutdown. NULL for everything else; components ask through
     * otc_authenticator_find (common/net/auth.h).
     */
    struct otc_authenticator *(*authenticator)(struct otc_component *self);
    /**
     * The service is about to stop, receivers first: what waits for company is sent on, and nothing waits for
     * any from now on, so that who waits for an answer gets it. May be NULL.
     */
    void (*drain)(struct otc_component *self);
    /**
     * Storage extensions: a queue of a component (`name`: "traces"), to be closed before this extension shuts
     * down. After start. Waits for the disk. NULL for everything else; components ask through
     * otc_storage_queue_open (common/component/storage.h).
     */
    otc_status (*queue)(struct otc_component *self, const char *kind, const char *component_id,
                        const char *name, struct otc_stored_reader reader, struct otc_storage_queue **out,
                        struct otc_error *err);
};

/** Embedded as first member by each component. */
struct otc_component {
    struct otc_abi abi;
    const struct otc_component_ops *ops;
};

enum otc_kind { OTC_RECEIVER, OTC_PROCESSOR, OTC_EXPORTER, OTC_CONNECTOR, OTC_EXTENSION };
/** "receiver", "processor", … */
OTC_API const char *otc_kind_name(enum otc_kind kind);

enum otc_stability {
    OTC_STABILITY_DEVELOPMENT,
    OTC_STABILITY_ALPHA,
    OTC_STABILITY_BETA,
    OTC_STABILITY_STABLE,
    OTC_STABILITY_DEPRECATED
};

/** A supported direction; for receivers, processors and exporters both ends are the same signal. */
struct otc_pair {
    enum otc_signal from;
    enum otc_signal to;
    enum otc_stability stability;
};

/** What one component is made with. Borrowed for create() alone, but for `host` and `config`, which outlive
 * the component. */
struct otc_settings {
    struct otc_abi abi;
    /** "drift/credit". Borrowed for the component's life. */
    const char *id;
    /** The pipeline a processor stands in ("traces/2"); NULL for the other kinds. */
    const char *pipeline;
    struct otc_host *host;
    /** The parsed configuration: the struct that the factory's field table fills. */
    const void *config;
    /** The directions in which this id is wired. */
    const struct otc_pair *pairs;
    size_t n_pairs;
};

/** What an extension offers to components that name it. */
#define OTC_OFFERS_STORAGE 1u
#define OTC_OFFERS_SERVER_AUTH 2u
#define OTC_OFFERS_CLIENT_AUTH 4u

/** The field table of a component's configuration (common/config/schema.h). */
struct otc_schema;

/** One per component: immutable, and the only symbol others may name. */
struct otc_factory {
    struct otc_abi abi;
    enum otc_kind kind;
    /** The YAML type, and a former one that is still accepted with a warning (NULL: none). */
    const char *type;
    const char *deprecated_type;
    /** One sentence for `components` and the README. */
    const char *description;
    const struct otc_pair *pairs;
    size_t n_pairs;
    const struct otc_schema *config;
    /**
     * What needs two fields, or a look at the file system (a reference file). `err->text` begins with the key
     * path below the component ("window::pane: …"). May be NULL.
     */
    otc_status (*validate)(const void *config, struct otc_error *err);
    /** For `validate --explain`: calls `line(arg, text)` for each line. May be NULL. */
    otc_status (*explain)(const void *config, void (*line)(void *arg, const char *text), void *arg,
                          struct otc_error *err);
    otc_status (*create)(const struct otc_settings *settings, struct otc_component **out,
                         struct otc_error *err);
    /** Extensions: OTC_OFFERS_…, so that `validate` knows what may be named where. */
    unsigned offers;
    /** What the same folder is as another kind: an analysis stage that is a connector, as a processor. May be
     * NULL. */
    const struct otc_factory *face;
    /** Processors that keep state and tell results under their id: it may stand in one pipeline only, since
     * those of two pipelines could not be told apart. */
    bool one_pipeline;
};

#define OTC_CONTAINER(pointer, type, member)                                                                 \
    ((struct type *)(void *)((char *)(pointer)-offsetof(struct type, member)))

#endif
