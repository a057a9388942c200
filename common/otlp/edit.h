// SPDX-License-Identifier: Apache-2.0
/**
 * @file Editing a serialized request without decoding it: changes are noted as splices of the part, and one
 * pass makes the new part of them. What nobody changed is copied whole, with the lengths around a change put
 * right; a part without changes stays what it is.
 *
 * Messages are named by where their contents lie in the part, as the walker shows them (`span->encoded`,
 * otc_messages_next). The part must have been admitted. One thread.
 */
#ifndef OTC_OTLP_EDIT_H
#define OTC_OTLP_EDIT_H

#include "common/base/arena.h"
#include "common/base/buf.h"

struct otc_edit_splice;
struct otc_edit_step;

/** Everything noted for one part. Its memory serves part after part. */
struct otc_edit {
    struct otc_slice part;
    struct otc_edit_splice *splices;
    size_t n_splices;
    size_t splices_capacity;
    struct otc_edit_step *steps;
    size_t n_steps;
    size_t steps_capacity;
    /** What the splices put in. */
    struct otc_buf bytes;
    /** Texts made on the way, until the next otc_edit_begin. */
    struct otc_arena texts;
    bool unordered;
    bool failed;
};

/** A part, and what is put into it, are at most this long. */
#define OTC_EDIT_BYTES_MAX ((size_t)INT32_MAX)

/** Allocates nothing. */
void otc_edit_init(struct otc_edit *edit);
void otc_edit_release(struct otc_edit *edit);
#define OTC_AUTO_EDIT __attribute__((cleanup(otc_edit_release)))

/** Forgets everything; what follows is about `part`, which is borrowed until the next begin. */
void otc_edit_begin(struct otc_edit *edit, struct otc_slice part);
/**
 * In the contents of `message` (the part itself is one) `range` becomes `bytes`, which are copied. The range
 * lies in the message between fields; an empty one inserts. Ranges do not overlap, inside dropped messages
 * they are of no effect. What is inserted in one place keeps its order.
 */
void otc_edit_splice(struct otc_edit *edit, struct otc_slice message, struct otc_slice range,
                     struct otc_slice bytes);
/** The same with what was written to `edit->bytes` since it was `mark` bytes long. */
void otc_edit_splice_since(struct otc_edit *edit, struct otc_slice message, struct otc_slice range,
                           size_t mark);
/** Takes a message out of the one around it. `prune`: that one too when no other message stood under its
 * field, and so on. */
void otc_edit_drop(struct otc_edit *edit, struct otc_slice message, bool prune);
/** A copy that lives until the next otc_edit_begin; NULL data out of memory (the edit then fails). */
struct otc_slice otc_edit_keep(struct otc_edit *edit, struct otc_slice text);
/** Whether there is anything to do. */
static inline bool
otc_edit_changes(const struct otc_edit *edit)
{
    return edit->n_splices > 0;
}
/**
 * The new part, to be freed with free(); `*len` may be 0 when everything was taken out. RESOURCE_EXHAUSTED
 * when memory or OTC_EDIT_BYTES_MAX is; INTERNAL when a splice lies in no message of the part.
 */
OTC_CHECK otc_status otc_edit_finish(struct otc_edit *edit, uint8_t **out, size_t *len,
                                     struct otc_error *err);

#endif
