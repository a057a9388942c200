// SPDX-License-Identifier: Apache-2.0
/**
 * @file The components inside a Collector written in Go: one component with a host of its own, as functions
 * that take bytes and numbers alone. Go owns every thread and the waiting; nothing here starts a thread,
 * keeps thread-local state or blocks but for a short lock.
 *
 * Order of calls: new, resource/pair…, create, connect, start, run and consume (any thread, several at a
 * time), shutdown, free. Results are not sent from here: they wait until the caller takes them
 * (otc_bridge_take), so that a consumer that blocks holds no lock of a component.
 */
#ifndef OTC_OCB_BRIDGE_H
#define OTC_OCB_BRIDGE_H

#include "common/component/otc.h"

/** A component and its host. Opaque. */
struct otc_bridge;

/** What the bridge asks of the program around it. Any thread; everything but `handle`, which is the
 * component's, is borrowed. */
struct otc_bridge_calls {
    void (*log)(uintptr_t handle, enum otc_log_level level, const char *message,
                const struct otc_log_field *fields, size_t n);
    /** `text`: of the error, or NULL. */
    void (*report)(uintptr_t handle, enum otc_component_state state, const char *text);
    /** There is something to run or to take earlier than otc_bridge_run said. */
    void (*wake)(uintptr_t handle);
};

/** Results that wait hold at most this many bytes; further ones are refused. */
#define OTC_BRIDGE_WAITING_MAX ((size_t)64 << 20)

/** The factory of this type and kind, or NULL. */
OTC_API const struct otc_factory *otc_bridge_factory(const char *type, enum otc_kind kind);

/**
 * The same of a plug-in's list (its `otc_plugin_factories`, NULL-ended), as this library knows factories; it
 * stays for good. NULL: `err` says that it is of another version of the interface, incomplete, or not there.
 */
OTC_API const struct otc_factory *otc_bridge_adopt(const struct otc_factory *const *factories,
                                                   const char *type, enum otc_kind kind,
                                                   struct otc_error *err);

/**
 * What the component's field table and own check say of a configuration, a JSON object (an empty text: all
 * defaults). INVALID_ARGUMENT: keys or types are wrong, in the Collector's words. FAILED_PRECONDITION: values
 * are, a line each that begins with the key path below `path` ("<path>::window::pane: must be …", or "<path>:
 * …"). Storage is refused: state is in memory.
 */
OTC_API OTC_CHECK otc_status otc_bridge_check(const struct otc_factory *factory, const char *json, size_t len,
                                              const char *path, struct otc_error *err);

/** `calls` is borrowed for good; `level`: the least that the log takes. NULL out of memory. */
OTC_API struct otc_bridge *otc_bridge_new(const struct otc_factory *factory,
                                          const struct otc_bridge_calls *calls, uintptr_t handle,
                                          enum otc_log_level level);
/** An attribute of the program's resource, in the order told. Copied. False out of memory, and at the 65th.
 */
OTC_API bool otc_bridge_resource(struct otc_bridge *bridge, const char *key, const char *value);
/** A direction in which the component is wired. False: its factory has none such. */
OTC_API bool otc_bridge_pair(struct otc_bridge *bridge, enum otc_signal from, enum otc_signal to);
/** Makes the component ("drift/credit") of a configuration as of otc_bridge_check and connects its outputs.
 */
OTC_API OTC_CHECK otc_status otc_bridge_create(struct otc_bridge *bridge, const char *id, const char *json,
                                               size_t len, struct otc_error *err);
OTC_API OTC_CHECK otc_status otc_bridge_start(struct otc_bridge *bridge, struct otc_error *err);
/**
 * The control loop, one thread at a time: runs one task or one timer that is due. Nanoseconds until there is
 * more to run (0: at once), -1: not before `wake` is called.
 */
OTC_API int64_t otc_bridge_run(struct otc_bridge *bridge);
/** Runs every armed timer as if its time had come, once: what is held is told now. As otc_bridge_run. */
OTC_API void otc_bridge_flush(struct otc_bridge *bridge);

/**
 * True when the component decides what is passed on: a processor, unless it stands in one pipeline alone
 * (`one_pipeline`) and edits nothing. False when it looks on: a connector, or a processor that tells results;
 * the caller passes on what came. After create.
 */
OTC_API bool otc_bridge_changes(const struct otc_bridge *bridge, enum otc_signal from);
struct otc_bridge_result;
/** What a component makes of a batch. */
struct otc_bridge_answer {
    /** From a component that changes data: the batch to pass on, the caller's reference; NULL: nothing is
     * left. Else NULL: what the component lets pass was passed on by the caller before. */
    struct otc_batch *out;
    /** `out` is what came. */
    bool same;
    /** Further batches to pass on: all are to be taken with otc_bridge_more. */
    struct otc_bridge_result *more;
    struct otc_error error;
};
/**
 * Gives the component one serialized Export request of `items` spans, points or records, which is copied.
 * `client`: who sent it, as "kind\0name\0value\0" triples (kind "a": address, "m": metadata, "u":
 * authentication), of `client_len` bytes; may be empty. `answer` is written in any case, its error when the
 * status is not OK.
 *
 * One that is to be changed is refused for good (INVALID_ARGUMENT) when its attributes nest deeper than 64,
 * as receivers of the sidecar do. A component that answers PENDING has accepted the batch: what it passes on
 * later is a result, and a refusal that it tells later is counted and logged.
 */
OTC_API OTC_CHECK otc_status otc_bridge_consume(struct otc_bridge *bridge, enum otc_signal from,
                                                const void *bytes, size_t len, size_t items,
                                                const char *client, size_t client_len,
                                                struct otc_bridge_answer *answer);
/** Takes the next one of `answer->more`, the caller's reference; NULL: there is none. */
OTC_API struct otc_batch *otc_bridge_more(struct otc_bridge_answer *answer);
/** The next result that waits, its signal, and all its parts in one piece; NULL: none. The caller gives the
 * reference back. */
OTC_API struct otc_batch *otc_bridge_take(struct otc_bridge *bridge);
/** A batch as one piece: borrowed from it, or (several parts) a copy in `*copy` for the caller to free. False
 * out of memory. */
OTC_API bool otc_bridge_bytes(const struct otc_batch *batch, void **copy, const void **bytes, size_t *len);
/** Counts `items` of a result that the next component refused. */
OTC_API void otc_bridge_refused(struct otc_bridge *bridge, enum otc_signal signal, size_t items);
/** The component's self-metrics as one serialized metrics request in `*bytes`, for the caller to free. False
 * out of memory. */
OTC_API bool otc_bridge_metrics(struct otc_bridge *bridge, void **bytes, size_t *len);

/** Stops the component; what it held waits to be taken. Safe without start, and twice. */
OTC_API OTC_CHECK otc_status otc_bridge_shutdown(struct otc_bridge *bridge, int64_t timeout_ns,
                                                 struct otc_error *err);
/** Runs what was posted, then frees everything; nobody may be in another call. NULL is allowed. */
OTC_API void otc_bridge_free(struct otc_bridge *bridge);
/** Bytes that the C allocator has given out in this process. */
OTC_API size_t otc_bridge_allocated(void);

#endif
