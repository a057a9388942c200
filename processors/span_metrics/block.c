// SPDX-License-Identifier: Apache-2.0
#include "processors/span_metrics/block.h"

#include "processors/span_metrics/dimensions.h"

/* Their keys take no more than this before they are counted, so that they stay in the cache. */
#define BLOCK_BYTES ((size_t)16 << 10)
/* Bytes at the front of a series that counting touches, about: with few bytes a count and a short key. */
#define SERIES_LINES 3
#define LINE 64
/* Field of a Span. */
#define SPAN_EVENTS 11

void
span_metrics_block_begin(struct span_metrics *stage, int64_t now_ns, int64_t monotonic_ns)
{
    struct span_metrics_block *block = &stage->block;

    block->now_ns = now_ns;
    block->monotonic_ns = monotonic_ns;
    block->n_spans = block->n_excluded = 0;
    block->last_excluded = UINT64_MAX;
}

/* ---- Counting what waits --------------------------------------------------------------------------- */

/* Hints alone: has the entries and then the series on their way before the first of them is needed. */
static void
fetch(const struct span_metrics_block *block)
{
    struct span_metrics_series **entries[SPAN_METRICS_BLOCK] = {0};

    for (size_t i = 0; i < block->n; i++) {
        entries[i] = span_metrics_table_expect_entry(block->waiting[i].table, block->waiting[i].hash);
    }
    for (size_t i = 0; i < block->n; i++) {
        for (size_t line = 0; entries[i] && line < SERIES_LINES; line++) {
            __builtin_prefetch((const uint8_t *)*entries[i] + line * LINE, 1);
        }
    }
}

static void
count_all(struct span_metrics *stage)
{
    struct span_metrics_block *block = &stage->block;

    fetch(block);
    for (size_t i = 0; i < block->n; i++) {
        const struct span_metrics_waiting *waiting = &block->waiting[i];
        const struct span_metrics_identity identity = {.bytes = block->keys.text.data + waiting->at,
                                                       .key_len = waiting->key_len,
                                                       .types_len = waiting->types_len,
                                                       .hash = waiting->hash};

        if (!span_metrics_count(stage, waiting, waiting->oversized ? NULL : &identity) &&
            block->last_excluded != waiting->span) {
            block->last_excluded = waiting->span;
            block->n_excluded++;
        }
    }
    block->n = 0;
    otc_buf_clear(&block->keys.text);
}

size_t
span_metrics_block_end(struct span_metrics *stage)
{
    count_all(stage);
    return stage->block.n_excluded;
}

/* ---- Taking note ----------------------------------------------------------------------------------- */

static void
keep_exemplar(struct span_metrics_waiting *waiting, const struct otc_span *span)
{
    struct span_metrics_exemplar *exemplar = &waiting->exemplar;

    waiting->has_exemplar = span->trace_id.len == sizeof(exemplar->trace_id);
    if (!waiting->has_exemplar) {
        return;
    }
    exemplar->value = waiting->duration;
    memcpy(exemplar->trace_id, span->trace_id.data, sizeof(exemplar->trace_id));
    memset(exemplar->span_id, 0, sizeof(exemplar->span_id));
    if (span->span_id.len == sizeof(exemplar->span_id)) {
        memcpy(exemplar->span_id, span->span_id.data, sizeof(exemplar->span_id));
    }
}

/* Counts what waits unless there is room for `n` more. */
static void
make_room(struct span_metrics *stage, size_t n)
{
    if (stage->block.n + n > SPAN_METRICS_BLOCK || stage->block.keys.text.len > BLOCK_BYTES) {
        count_all(stage);
    }
}

/* The span waits for the series of the key at hand, whose types go behind it. */
static void
wait_for(struct span_metrics *stage, struct span_metrics_resource *resource, enum span_metrics_table_of which,
         const struct span_metrics_seen *seen)
{
    struct span_metrics_block *block = &stage->block;
    struct span_metrics_keys *keys = &block->keys;
    struct span_metrics_waiting *waiting = &block->waiting[block->n++];
    size_t key_len = keys->text.len - keys->start;

    waiting->table = &resource->tables[which];
    waiting->which = which;
    waiting->span = block->n_spans;
    waiting->duration = seen->duration;
    waiting->denominator = seen->denominator;
    waiting->oversized = key_len > SPAN_METRICS_KEY_MAX || !span_metrics_key_put_types(keys);
    if (waiting->oversized) {
        waiting->at = waiting->key_len = waiting->types_len = waiting->hash = 0;
        keys->text.len = keys->start;
        keys->text.failed = keys->types.failed = false;
    } else {
        waiting->at = keys->start;
        waiting->key_len = (uint32_t)key_len;
        waiting->types_len = (uint32_t)keys->types.len;
        waiting->hash = span_metrics_hash(otc_slice_of(keys->text.data + keys->start, key_len));
        span_metrics_table_expect(waiting->table, waiting->hash);
    }
    waiting->has_exemplar = false;
    if (stage->layouts[which].n_exemplars > 0) {
        keep_exemplar(waiting, seen->span);
    }
}

static void
add_events(struct span_metrics *stage, struct span_metrics_resource *resource,
           const struct span_metrics_seen *seen)
{
    struct span_metrics_seen event = *seen;
    struct otc_slice rest = seen->span->events;

    while (otc_messages_next(&rest, SPAN_EVENTS, &event.event)) {
        make_room(stage, 1);
        span_metrics_key_begin(stage, &event, &stage->block.keys);
        span_metrics_key_end(stage, &event, LIST_EVENTS, &stage->block.keys);
        wait_for(stage, resource, TABLE_EVENTS, &event);
    }
}

void
span_metrics_block_add(struct span_metrics *stage, struct span_metrics_resource *resource,
                       const struct span_metrics_seen *seen)
{
    struct span_metrics_keys *keys = &stage->block.keys;

    make_room(stage, 2);
    span_metrics_key_begin(stage, seen, keys);
    span_metrics_key_end(stage, seen, span_metrics_list(stage, TABLE_CALLS), keys);
    wait_for(stage, resource, TABLE_CALLS, seen);
    if (!stage->shared && !stage->config->histogram.disable) {
        span_metrics_key_again(keys);
        span_metrics_key_end(stage, seen, span_metrics_list(stage, TABLE_DURATION), keys);
        wait_for(stage, resource, TABLE_DURATION, seen);
    }
    if (stage->config->events.enabled) {
        add_events(stage, resource, seen);
    }
    stage->block.n_spans++;
}
