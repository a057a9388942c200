// SPDX-License-Identifier: Apache-2.0
/**
 * @file A serialized request in pieces of a limited size, cut at the boundaries of spans, data points and log
 * records.
 *
 * Each piece is a complete request: what stands around an item (resource, scope, the metric and its
 * temporality, schema URLs, unknown fields at any of these levels) is repeated in every piece that holds
 * items of it. Items keep their order and their bytes; each is in exactly one piece. A metric with many
 * points is cut inside. Resources, scopes and metrics without items go out once. A metric whose data comes in
 * several fields (of a oneof the last one counts) is not cut: it is one unit of as many items as otc_admit
 * counts.
 *
 * The pieces are made one at a time, so that a large resource above many items never takes more memory than
 * its caller lets it. Each item is copied once.
 */
#ifndef OTC_OTLP_SPLIT_H
#define OTC_OTLP_SPLIT_H

#include "common/component/otc.h"
#include "common/otlp/wire.h"

enum otc_split_unit { OTC_SPLIT_ITEMS, OTC_SPLIT_BYTES };

/** A message that is being cut. Private to the splitter. */
struct otc_split_level {
    struct otc_wire rest;   /* from the next child on */
    uint32_t field;         /* of this message in the one above */
    uint32_t child;         /* field of its children; 0: it has none */
    struct otc_buf context; /* all fields but the children */
    size_t mark;            /* where its contents begin in the piece, when open */
    bool open;              /* in this piece */
    bool emitted;           /* in any piece */
};

#define OTC_SPLIT_LEVELS 5

/** The state of one cut. Caller's storage; one thread at a time. */
struct otc_split {
    enum otc_signal signal;
    size_t depth; /* 0: everything was taken */
    struct otc_split_level levels[OTC_SPLIT_LEVELS];
};

/** Begins to cut `part` (borrowed until the release), which was admitted. UNAVAILABLE out of memory,
 * INVALID_ARGUMENT when it is no sound request after all. Release it in either case. */
OTC_CHECK otc_status otc_split_init(struct otc_split *split, enum otc_signal signal, struct otc_slice part,
                                    struct otc_error *err);
void otc_split_release(struct otc_split *split);
/** True when every item was taken. */
static inline bool
otc_split_ended(const struct otc_split *split)
{
    return split->depth == 0;
}
/**
 * Appends the next piece to `out` (at its end): at most `room` items or bytes (of the piece as a message of
 * its own). `*items`: how many. With `must` a unit that is larger than `room` goes out alone, else such a
 * piece is empty: nothing was appended. After a failure (UNAVAILABLE out of memory or at the buffer's limit;
 * INVALID_ARGUMENT) the split is of no use any more.
 */
OTC_CHECK otc_status otc_split_next(struct otc_split *split, enum otc_split_unit unit, size_t room, bool must,
                                    struct otc_buf *out, size_t *items, struct otc_error *err);

/** Spans, points or records of an admitted part, as otc_admit counts them; of a malformed one those before
 * the fault. */
size_t otc_split_count(enum otc_signal signal, struct otc_slice part);

#endif
