// SPDX-License-Identifier: Apache-2.0
#include "common/otlp/edit.h"

#include "common/otlp/wire.h"

#include <stdlib.h>

/* Messages around a splice: those of OTLP, and AnyValues as deep as admission lets them nest. */
#define FRAMES_MAX 192
#define TEXTS_MAX ((size_t)64 << 20)

struct otc_edit_splice {
    /* Where the contents of the message begin that is spliced (or dropped). */
    size_t message;
    size_t from;
    size_t to;
    size_t bytes;
    size_t len;
    uint32_t order;
    bool drop;
    bool prune;
};

/* [from, to) of the part becomes `len` bytes: of `bytes`, or those of the varint of a length. */
struct otc_edit_step {
    size_t from;
    size_t to;
    size_t bytes;
    size_t len;
    uint8_t varint[10];
    bool is_length;
};

/* A message that is being passed. */
struct frame {
    size_t field_at; /* its tag, its length, its contents */
    size_t length_at;
    size_t begin;
    size_t end;
    size_t at;   /* fields before this one were passed */
    size_t step; /* where the step of its length is, or will be thrown away */
    int64_t delta;
    uint32_t field;
    /* Dropped members that may take it along, and their field. */
    size_t n_pruned;
    uint32_t pruned_field;
};

struct pass {
    struct otc_edit *edit;
    size_t next; /* splice */
    size_t depth;
    struct frame frames[FRAMES_MAX];
};

/* ---- Noting ------------------------------------------------------------------------------------- */

void
otc_edit_init(struct otc_edit *edit)
{
    memset(edit, 0, sizeof(*edit));
    otc_buf_init(&edit->bytes, OTC_EDIT_BYTES_MAX);
    otc_arena_init(&edit->texts, TEXTS_MAX);
}

void
otc_edit_release(struct otc_edit *edit)
{
    free(edit->splices);
    free(edit->steps);
    otc_buf_release(&edit->bytes);
    otc_arena_release(&edit->texts);
    memset(edit, 0, sizeof(*edit));
}

void
otc_edit_begin(struct otc_edit *edit, struct otc_slice part)
{
    edit->part = part.data ? part : otc_slice_of("", 0);
    edit->n_splices = edit->n_steps = 0;
    edit->unordered = edit->failed = false;
    otc_buf_clear(&edit->bytes);
    if (edit->texts.used > 0) {
        otc_arena_release(&edit->texts);
    }
}

/* The array with room for one more element; NULL (and `failed`) out of memory, when it stays as it was. */
static void *
grown(struct otc_edit *edit, void *array, size_t n, size_t *capacity, size_t size)
{
    size_t wanted = *capacity == 0 ? 64 : *capacity * 2;
    void *more;

    if (n < *capacity) {
        return array;
    }
    more = reallocarray(array, wanted, size);
    *capacity = more ? wanted : *capacity;
    edit->failed |= more == NULL;
    return more;
}

/* By place. What ends an inner message comes before what follows it; a drop before what lies in the dropped
 * message; else as noted. */
static int
compare_splices(const void *left, const void *right)
{
    const struct otc_edit_splice *a = left, *b = right;

    if (a->from != b->from) {
        return a->from < b->from ? -1 : 1;
    }
    if (a->message != b->message) {
        return a->message > b->message ? -1 : 1;
    }
    if (a->drop != b->drop) {
        return a->drop ? -1 : 1;
    }
    return a->order < b->order ? -1 : 1;
}

static void
note(struct otc_edit *edit, struct otc_edit_splice splice)
{
    struct otc_edit_splice *splices =
        grown(edit, edit->splices, edit->n_splices, &edit->splices_capacity, sizeof(splice));

    if (!splices) {
        return;
    }
    edit->splices = splices;
    splice.order = (uint32_t)edit->n_splices;
    edit->unordered |=
        edit->n_splices > 0 && compare_splices(&edit->splices[edit->n_splices - 1], &splice) > 0;
    edit->splices[edit->n_splices++] = splice;
}

static size_t
offset_of(const struct otc_edit *edit, struct otc_slice slice)
{
    return slice.data ? (size_t)(slice.data - edit->part.data) : 0;
}

void
otc_edit_splice_since(struct otc_edit *edit, struct otc_slice message, struct otc_slice range, size_t mark)
{
    size_t from = offset_of(edit, range);

    if (edit->bytes.failed) {
        edit->failed = true;
        return;
    }
    note(edit, (struct otc_edit_splice){.message = offset_of(edit, message),
                                        .from = from,
                                        .to = from + range.len,
                                        .bytes = mark,
                                        .len = edit->bytes.len - mark});
}

void
otc_edit_splice(struct otc_edit *edit, struct otc_slice message, struct otc_slice range,
                struct otc_slice bytes)
{
    size_t mark = edit->bytes.len;

    (void)otc_buf_append_slice(&edit->bytes, bytes);
    otc_edit_splice_since(edit, message, range, mark);
}

void
otc_edit_drop(struct otc_edit *edit, struct otc_slice message, bool prune)
{
    size_t at = offset_of(edit, message);

    note(edit, (struct otc_edit_splice){.message = at, .from = at, .to = at, .drop = true, .prune = prune});
}

struct otc_slice
otc_edit_keep(struct otc_edit *edit, struct otc_slice text)
{
    struct otc_slice copy = otc_arena_copy(&edit->texts, text);

    edit->failed |= !copy.data && text.len > 0;
    return copy;
}

/* ---- The pass ----------------------------------------------------------------------------------- */

static bool
add_step(struct otc_edit *edit, struct otc_edit_step step)
{
    struct otc_edit_step *steps =
        grown(edit, edit->steps, edit->n_steps, &edit->steps_capacity, sizeof(step));

    if (!steps) {
        return false;
    }
    edit->steps = steps;
    edit->steps[edit->n_steps++] = step;
    return true;
}

/* Whether the splice is one of the message, or of one in it. */
static bool
lies_in(const struct otc_edit_splice *splice, size_t begin, size_t end)
{
    return splice->message >= begin && splice->message <= end;
}

static const struct otc_edit_splice *
next_in(const struct pass *pass, const struct frame *frame)
{
    const struct otc_edit *edit = pass->edit;

    return pass->next < edit->n_splices && lies_in(&edit->splices[pass->next], frame->begin, frame->end)
               ? &edit->splices[pass->next]
               : NULL;
}

static otc_status
lost(struct otc_error *err)
{
    return otc_fail(err, OTC_INTERNAL, "otlp: an edit lies in no message of the request");
}

/* Takes the field [field_at, end) out. */
static bool
drop_field(struct pass *pass, struct frame *around, size_t field_at, size_t end, uint32_t field, bool prune)
{
    around->delta -= (int64_t)(end - field_at);
    around->at = end;
    if (prune) {
        around->n_pruned++;
        around->pruned_field = field;
    }
    return add_step(pass->edit, (struct otc_edit_step){.from = field_at, .to = end});
}

/* Passes to the member in which the next splice lies: down into it, or takes it out. */
static otc_status
enter(struct pass *pass, struct frame *frame, const struct otc_edit_splice *splice, struct otc_error *err)
{
    struct otc_edit *edit = pass->edit;
    const uint8_t *start = edit->part.data, *end = start + frame->end;

    while (frame->at < frame->end) {
        const uint8_t *field = start + frame->at, *length, *after = NULL;
        struct otc_slice contents;
        uint32_t tag;
        size_t begin;

        length = otc_wire_tag(field, end, &tag);
        if (length && (tag & 7) != OTC_WIRE_BYTES) {
            after = otc_wire_skip(length, end, tag);
        } else if (length) {
            after = otc_wire_bytes(length, end, &contents);
        }
        if (!after) {
            break;
        }
        frame->at = (size_t)(after - start);
        if ((tag & 7) != OTC_WIRE_BYTES) {
            continue;
        }
        begin = frame->at - contents.len;
        if (!lies_in(splice, begin, frame->at)) {
            continue;
        }
        if (splice->drop && splice->message == begin) {
            size_t past = frame->at;

            while (pass->next < edit->n_splices && lies_in(&edit->splices[pass->next], begin, past)) {
                pass->next++;
            }
            return drop_field(pass, frame, (size_t)(field - start), past, tag >> 3, splice->prune)
                       ? OTC_OK
                       : OTC_RESOURCE_EXHAUSTED;
        }
        if (pass->depth == FRAMES_MAX) {
            return lost(err);
        }
        pass->frames[pass->depth++] = (struct frame){.field_at = (size_t)(field - start),
                                                     .length_at = (size_t)(length - start),
                                                     .begin = begin,
                                                     .end = frame->at,
                                                     .at = begin,
                                                     .step = edit->n_steps,
                                                     .field = tag >> 3};
        return add_step(edit, (struct otc_edit_step){.is_length = true}) ? OTC_OK : OTC_RESOURCE_EXHAUSTED;
    }
    return lost(err);
}

/* Whether every member that the dropped ones stood among is gone. */
static bool
is_emptied(const struct otc_edit *edit, const struct frame *frame)
{
    struct otc_wire wire =
        otc_wire_of(otc_slice_of(edit->part.data + frame->begin, frame->end - frame->begin));
    struct otc_wire_field at;
    size_t n = 0;

    while (frame->n_pruned > 0 && otc_wire_next(&wire, &at)) {
        n += at.field == frame->pruned_field && at.type == OTC_WIRE_BYTES;
    }
    return frame->n_pruned > 0 && n == frame->n_pruned;
}

/* The frame is passed: its length changes, or it goes with its members. */
static bool
leave(struct pass *pass)
{
    struct otc_edit *edit = pass->edit;
    struct frame *frame = &pass->frames[--pass->depth], *around = &pass->frames[pass->depth - 1];
    struct otc_edit_step *step = &edit->steps[frame->step];
    size_t length = (size_t)((int64_t)(frame->end - frame->begin) + frame->delta);

    if (is_emptied(edit, frame)) {
        edit->n_steps = frame->step;
        return drop_field(pass, around, frame->field_at, frame->end, frame->field, true);
    }
    step->from = frame->length_at;
    step->to = frame->begin;
    while (length >= 0x80) {
        step->varint[step->len++] = (uint8_t)(length | 0x80);
        length >>= 7;
    }
    step->varint[step->len++] = (uint8_t)length;
    around->delta += frame->delta + (int64_t)step->len - (int64_t)(step->to - step->from);
    return true;
}

/* Makes steps of the splices. `*delta`: how much longer the part becomes. */
static otc_status
plan(struct otc_edit *edit, int64_t *delta, struct otc_error *err)
{
    struct pass pass = {.edit = edit, .depth = 1};
    otc_status status = OTC_OK;

    pass.frames[0] = (struct frame){.end = edit->part.len};
    while (status == OTC_OK) {
        struct frame *frame = &pass.frames[pass.depth - 1];
        const struct otc_edit_splice *splice = next_in(&pass, frame);

        if (!splice && pass.depth == 1) {
            break;
        }
        if (!splice) {
            status = leave(&pass) ? OTC_OK : OTC_RESOURCE_EXHAUSTED;
        } else if (splice->message != frame->begin || splice->drop) {
            status = enter(&pass, frame, splice, err);
        } else {
            frame->delta += (int64_t)splice->len - (int64_t)(splice->to - splice->from);
            frame->at = splice->to > frame->at ? splice->to : frame->at;
            pass.next++;
            status = add_step(edit, (struct otc_edit_step){.from = splice->from,
                                                           .to = splice->to,
                                                           .bytes = splice->bytes,
                                                           .len = splice->len})
                         ? OTC_OK
                         : OTC_RESOURCE_EXHAUSTED;
        }
    }
    *delta = pass.frames[0].delta;
    return status == OTC_OK && pass.next < edit->n_splices ? lost(err) : status;
}

static uint8_t *
put(uint8_t *to, const uint8_t *from, size_t len)
{
    if (len > 0) {
        memcpy(to, from, len);
    }
    return to + len;
}

static void
write_steps(const struct otc_edit *edit, uint8_t *out)
{
    size_t at = 0;

    for (size_t i = 0; i < edit->n_steps; i++) {
        const struct otc_edit_step *step = &edit->steps[i];

        out = put(out, edit->part.data + at, step->from - at);
        if (step->len > 0) {
            out = put(out, step->is_length ? step->varint : edit->bytes.data + step->bytes, step->len);
        }
        at = step->to;
    }
    put(out, edit->part.data + at, edit->part.len - at);
}

otc_status
otc_edit_finish(struct otc_edit *edit, uint8_t **out, size_t *len, struct otc_error *err)
{
    otc_status status = edit->failed ? OTC_RESOURCE_EXHAUSTED : OTC_OK;
    int64_t delta = 0;

    if (status == OTC_OK && edit->unordered) {
        qsort(edit->splices, edit->n_splices, sizeof(*edit->splices), compare_splices);
    }
    if (status == OTC_OK) {
        status = plan(edit, &delta, err);
    }
    if (status == OTC_OK) {
        *len = (size_t)((int64_t)edit->part.len + delta);
        *out = *len > OTC_EDIT_BYTES_MAX ? NULL : malloc(*len > 0 ? *len : 1);
        status = *out ? OTC_OK : OTC_RESOURCE_EXHAUSTED;
    }
    if (status == OTC_RESOURCE_EXHAUSTED) {
        return otc_fail(err, status, "otlp: out of memory for an edited request");
    }
    if (status == OTC_OK) {
        write_steps(edit, *out);
    }
    return status;
}
