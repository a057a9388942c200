// SPDX-License-Identifier: Apache-2.0
/* Where reading stands, written down and taken over. */
#include "common/base/codec.h"
#include "receivers/otlp_json_file/tail_internal.h"

#include <stdlib.h>
#include <string.h>

#define FORMAT 1
/* id, length of the head, one byte of it, four numbers */
#define ENTRY_BYTES_MIN 7

static bool
has_moved(const struct followed *file)
{
    const struct position *at = &file->at, *was = &file->written;

    return at->offset != was->offset || at->base != was->base || at->read_to != was->read_to ||
           at->n_head != was->n_head || at->packed != was->packed;
}

static void
write_file(const struct followed *file, struct otc_buf *out)
{
    otc_put_u64(out, file->id);
    otc_put_bytes(out, otc_slice_of(file->head, file->at.n_head));
    otc_put_i64(out, file->at.offset);
    otc_put_i64(out, file->at.base);
    otc_put_i64(out, file->at.read_to);
    otc_put_bool(out, file->at.packed);
}

bool
otlp_json_file_tail_write(struct tail *tail, bool all, struct otc_buf *out)
{
    size_t n = 0;

    all = all || tail->forgotten.failed;
    for (size_t i = 0; i < tail->n; i++) {
        n += all || has_moved(&tail->files[i]);
    }
    if (!all && n == 0 && tail->forgotten.len == 0) {
        return true;
    }
    otc_put_u64(out, FORMAT);
    otc_put_bool(out, all);
    otc_put_bytes(out, all ? OTC_SLICE_NONE : otc_buf_slice(&tail->forgotten));
    otc_put_u64(out, n);
    for (size_t i = 0; i < tail->n; i++) {
        if (all || has_moved(&tail->files[i])) {
            write_file(&tail->files[i], out);
        }
    }
    if (out->failed) {
        return false;
    }
    for (size_t i = 0; i < tail->n; i++) {
        tail->files[i].written = tail->files[i].at;
    }
    otc_buf_clear(&tail->forgotten);
    return true;
}

/* ---- Taking over ----------------------------------------------------------------------------------- */

static struct followed *
find(struct tail *tail, uint64_t id)
{
    for (size_t i = 0; i < tail->n; i++) {
        if (tail->files[i].id == id) {
            return &tail->files[i];
        }
    }
    return NULL;
}

static void
drop(struct tail *tail, struct followed *file)
{
    if (file) {
        free(file->head);
        *file = tail->files[--tail->n];
    }
}

static void
drop_forgotten(struct tail *tail, bool all, struct otc_slice ids)
{
    struct otc_reader reader = otc_reader_of(ids);

    for (size_t i = 0; all && i < tail->n; i++) {
        free(tail->files[i].head);
    }
    tail->n = all ? 0 : tail->n;
    while (reader.rest.len > 0 && !reader.failed) {
        drop(tail, find(tail, otc_take_u64(&reader)));
    }
}

/* One file, `known` when it may be there; false out of memory, or it makes no sense. */
static bool
take_file(struct tail *tail, struct otc_reader *reader, bool known)
{
    uint64_t id = otc_take_u64(reader);
    struct otc_slice head = otc_take_bytes(reader);
    struct followed taken = {.id = id, .written = POSITION_NONE};
    struct followed *file;

    taken.at.offset = otc_take_i64(reader);
    taken.at.base = otc_take_i64(reader);
    taken.at.read_to = otc_take_i64(reader);
    taken.at.packed = otc_take_bool(reader);
    /* A fingerprint_size that was larger then. */
    taken.at.n_head = head.len < tail->settings.fingerprint ? head.len : tail->settings.fingerprint;
    if (reader->failed || head.len == 0 || taken.at.offset < 0 || taken.at.base < 0) {
        return false;
    }
    drop(tail, known ? find(tail, id) : NULL);
    if (tail->n == tail->settings.max_files) {
        return true; /* a max_concurrent_files that was larger then */
    }
    taken.head = malloc(taken.at.n_head);
    if (!taken.head) {
        return false;
    }
    memcpy(taken.head, head.data, taken.at.n_head);
    file = &tail->files[tail->n++];
    *file = taken;
    tail->ids = id > tail->ids ? id : tail->ids;
    return true;
}

bool
otlp_json_file_tail_read(struct tail *tail, struct otc_slice written)
{
    struct otc_reader reader = otc_reader_of(written);
    uint64_t format = otc_take_u64(&reader);
    bool all = otc_take_bool(&reader);
    struct otc_slice forgotten = otc_take_bytes(&reader);
    size_t n = otc_take_count(&reader, ENTRY_BYTES_MIN);

    if (reader.failed || format != FORMAT) {
        return false;
    }
    drop_forgotten(tail, all, forgotten);
    for (size_t i = 0; i < n; i++) {
        if (!take_file(tail, &reader, !all)) {
            return false;
        }
    }
    tail->polled = true;
    return true;
}
