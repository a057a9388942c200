// SPDX-License-Identifier: Apache-2.0
/**
 * @file Ends of a pipeline for tests: a sink that keeps what it gets and answers what it is told, a source
 * that feeds a pipeline, and a `done` that remembers its result. All of it may be used from any thread.
 */
#ifndef OTC_TESTS_SINK_H
#define OTC_TESTS_SINK_H

#include "common/component/otc.h"

struct otc_sink;

/** Answers OK to everything. */
struct otc_sink *otc_sink_new(void);
/** PENDING batches that nobody completed are completed with CANCELLED first. NULL is allowed. */
void otc_sink_free(struct otc_sink *sink);
struct otc_consumer *otc_sink_consumer(struct otc_sink *sink);

/**
 * The answer from now on: OTC_OK, OTC_PENDING (otc_sink_complete follows), or a refusal with `text`
 * (borrowed). Refused batches are not kept, but counted.
 */
void otc_sink_answer(struct otc_sink *sink, otc_status status, const char *text);
/** The same with a retry delay and permanence for refusals. */
void otc_sink_refuse(struct otc_sink *sink, const struct otc_error *error);
/** Completes the oldest batch that is pending; false when there is none. `text` may be NULL. */
bool otc_sink_complete(struct otc_sink *sink, otc_status status, const char *text);
bool otc_sink_complete_with(struct otc_sink *sink, const struct otc_error *result);
size_t otc_sink_pending(struct otc_sink *sink);

/** Calls of consume so far; batches kept (accepted or pending), in order; items of those. */
size_t otc_sink_calls(struct otc_sink *sink);
size_t otc_sink_batches(struct otc_sink *sink);
size_t otc_sink_items(struct otc_sink *sink);
/** Borrowed from the sink; NULL beyond the end. */
struct otc_batch *otc_sink_batch(struct otc_sink *sink, size_t index);
/** Lets go of the batches kept. */
void otc_sink_clear(struct otc_sink *sink);
/** The order number of the last consume call over all sinks of the process (1, 2, …), 0 when never called. */
uint64_t otc_sink_last_call(struct otc_sink *sink);

/** A `done` that counts its calls and keeps the last result. Zero-initialise with OTC_TEST_DONE_INIT. */
struct otc_test_done {
    struct otc_done done;
    int calls;
    struct otc_error result;
};
void otc_test_done_fn(struct otc_done *self, const struct otc_error *result);
#define OTC_TEST_DONE_INIT                                                                                   \
    ((struct otc_test_done){.done = {OTC_ABI_OF(otc_done), otc_test_done_fn}, .result = OTC_ERROR_INIT})

/**
 * The same ends as components, for tests of whole graphs: exporter `test_sink` (all signals) and receiver
 * `test_source` (all signals). Instances are found by their id while they live.
 */
extern const struct otc_factory otc_test_sink_exporter_factory;
extern const struct otc_factory otc_test_source_receiver_factory;
/** The running sink of this id, or NULL. */
struct otc_sink *otc_test_sink_find(const char *id);
/** Sends a batch (whose reference is taken) into the pipeline behind the source. NOT_FOUND: no such source or
 * signal. */
otc_status otc_test_source_send(const char *id, struct otc_batch *batch, struct otc_done *done,
                                struct otc_error *err);

#endif
