// SPDX-License-Identifier: Apache-2.0
/* Reading on in one file: what is new becomes lines. */
#include "receivers/otlp_json_file/tail_internal.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

void
otlp_json_file_complain(struct tail *tail, struct followed *file, const char *path, const char *text)
{
    if (!file->complained) {
        tail->calls.trouble(tail->calls.arg, path, text);
    }
    file->complained = true;
}

bool
otlp_json_file_at_end(const struct tail *tail, const struct followed *file)
{
    if (!file->at.packed) {
        return file->at.offset >= file->size;
    }
    return file->at.read_to == file->size && !(tail->unpacking.gunzip && tail->unpacking.owner == file->id);
}

/* ---- Lines ----------------------------------------------------------------------------------------- */

/* Gives a line to the caller; false: it is to come again. */
static bool
give(struct tail *tail, struct followed *file, const uint8_t *line, size_t len)
{
    if (len > 0 && line[len - 1] == '\r') {
        len--;
    }
    if (len > 0 && !tail->calls.line(tail->calls.arg, otc_slice_of(line, len), &file->done)) {
        tail->refused = true;
        return false;
    }
    file->done = 0;
    return true;
}

/* Gives the lines among bytes that begin at the file's offset, which then moves. False: no more now. */
static bool
take_lines(struct tail *tail, struct followed *file, const uint8_t *bytes, size_t n, size_t *taken)
{
    size_t at = 0;
    bool ok = true;

    while (ok && at < n) {
        const uint8_t *end = memchr(bytes + at, '\n', n - at);
        size_t len = end ? (size_t)(end - bytes) - at : 0;

        if (!end) {
            break;
        }
        ok = file->skipping || give(tail, file, bytes + at, len);
        if (ok) {
            file->skipping = false;
            at += len + 1;
        }
    }
    file->at.offset += (int64_t)at;
    *taken = at;
    return ok;
}

/* A line that fills the room has no end within the limit. */
static void
skip_line(struct tail *tail, struct followed *file, const char *path, size_t n)
{
    otlp_json_file_complain(tail, file, path, "a line is longer than max_log_size; it is skipped");
    file->skipping = true;
    file->at.offset += (int64_t)n;
}

static void
spend(size_t *left, size_t n)
{
    *left -= *left < n ? *left : n;
}

/* ---- Plain files ----------------------------------------------------------------------------------- */

/* The last line has no end, and the file has not grown for a while. */
static bool
is_over(const struct tail *tail, const struct followed *file, int64_t monotonic_ns)
{
    return tail->settings.flush_ns > 0 && monotonic_ns - file->grown_ns >= tail->settings.flush_ns;
}

/* Reads on in a file; false when it is to be left for now. */
static bool
read_some(struct tail *tail, struct followed *file, int fd, const char *path, int64_t monotonic_ns,
          size_t *left)
{
    size_t room = tail->settings.max_line + 1, taken;
    ssize_t n = pread(fd, tail->line, room, file->at.offset);

    if (n < 0) {
        otlp_json_file_complain(tail, file, path, strerrordesc_np(errno));
        return false;
    }
    spend(left, (size_t)n);
    if (n == 0 || !take_lines(tail, file, tail->line, (size_t)n, &taken)) {
        return false;
    }
    if (taken == 0 && (size_t)n == room) {
        skip_line(tail, file, path, room);
    } else if (taken == 0) { /* the beginning of a line */
        if (is_over(tail, file, monotonic_ns) &&
            (file->skipping || give(tail, file, tail->line, (size_t)n))) {
            file->skipping = false;
            file->at.offset += n;
        }
        return false;
    }
    return file->at.offset < file->size;
}

/* ---- Compressed files ------------------------------------------------------------------------------ */

void
otlp_json_file_stop_unpacking(struct tail *tail)
{
    otc_gunzip_free(tail->unpacking.gunzip);
    tail->unpacking = (struct unpacking){0};
}

/* Compressed bytes at their place. False: they cannot be read. */
static bool
fetch(struct tail *tail, struct followed *file, int fd, const char *path, struct otc_slice *in)
{
    ssize_t n = pread(fd, tail->packed, PACKED_BYTES, tail->unpacking.at);

    if (n < 0) {
        otlp_json_file_complain(tail, file, path, strerrordesc_np(errno));
        return false;
    }
    *in = otc_slice_of(tail->packed, (size_t)n);
    return true;
}

/* Decompresses until the room is full or the input used up, and passes over what was given before. Returns
 * how many bytes came out. */
static size_t
unpack(struct tail *tail, struct otc_slice *in, enum otc_gunzip_state *state)
{
    struct unpacking *unpacking = &tail->unpacking;
    uint8_t *to = tail->unpacked + unpacking->n;
    size_t n, skipped;

    *state = otc_gunzip_read(unpacking->gunzip, in, to, tail->settings.max_line + 1 - unpacking->n, &n);
    skipped = unpacking->skip < (int64_t)n ? (size_t)unpacking->skip : n;
    memmove(to, to + skipped, n - skipped);
    unpacking->skip -= (int64_t)skipped;
    unpacking->n += n - skipped;
    return n;
}

/* Gives the lines that came out. False: no more now. */
static bool
take_unpacked(struct tail *tail, struct followed *file, const char *path)
{
    struct unpacking *unpacking = &tail->unpacking;
    size_t taken;
    bool ok = take_lines(tail, file, tail->unpacked, unpacking->n, &taken);

    unpacking->n -= taken;
    memmove(tail->unpacked, tail->unpacked + taken, unpacking->n);
    if (ok && unpacking->n == tail->settings.max_line + 1) {
        skip_line(tail, file, path, unpacking->n);
        unpacking->n = 0;
    }
    return ok;
}

/* The file's end. Where a member ends too, a last line needs no end, and what comes later begins there.
 * False: the line is to come again. */
static bool
finish(struct tail *tail, struct followed *file, bool boundary)
{
    struct unpacking *unpacking = &tail->unpacking;

    if (boundary) {
        if (unpacking->n > 0 && !file->skipping && !give(tail, file, tail->unpacked, unpacking->n)) {
            return false;
        }
        file->skipping = false;
        file->at.base = unpacking->at;
        file->at.offset = 0;
    }
    file->at.read_to = file->size;
    otlp_json_file_stop_unpacking(tail);
    return true;
}

static void
give_up(struct tail *tail, struct followed *file, const char *path)
{
    otlp_json_file_complain(tail, file, path, "bad gzip stream; what follows in it is not read");
    file->damaged = true;
    file->at.read_to = file->size;
    otlp_json_file_stop_unpacking(tail);
}

/* One piece of it; false when the file is to be left for now. */
static bool
read_packed_some(struct tail *tail, struct followed *file, int fd, const char *path, size_t *left)
{
    struct unpacking *unpacking = &tail->unpacking;
    bool had_room = unpacking->n <= tail->settings.max_line;
    enum otc_gunzip_state state;
    struct otc_slice in;
    size_t given, n;

    if (!fetch(tail, file, fd, path, &in)) {
        return false;
    }
    given = in.len;
    n = unpack(tail, &in, &state);
    unpacking->at += (int64_t)(given - in.len);
    spend(left, n + (given - in.len) / 8);
    if (!take_unpacked(tail, file, path)) {
        return false;
    }
    if (state == OTC_GUNZIP_BAD) {
        give_up(tail, file, path);
        return false;
    }
    if (n == 0 && given == 0 && had_room) {
        (void)finish(tail, file, state == OTC_GUNZIP_BOUNDARY);
        return false;
    }
    return true;
}

static bool
begin_unpacking(struct tail *tail, struct followed *file)
{
    tail->unpacking = (struct unpacking){
        .gunzip = otc_gunzip_new(), .owner = file->id, .at = file->at.base, .skip = file->at.offset};
    return tail->unpacking.gunzip != NULL;
}

static void
read_packed(struct tail *tail, struct followed *file, int fd, const char *path, size_t *left)
{
    bool ours = tail->unpacking.gunzip && tail->unpacking.owner == file->id;

    if (file->at.read_to == file->size || (!ours && tail->unpacking.gunzip) ||
        (!ours && !begin_unpacking(tail, file))) {
        return;
    }
    while (*left > 0 && read_packed_some(tail, file, fd, path, left)) {
        continue;
    }
}

/* ---- Either ---------------------------------------------------------------------------------------- */

bool
otlp_json_file_read(struct tail *tail, struct followed *file, int fd, const char *path, int64_t monotonic_ns,
                    size_t *left)
{
    if (file->at.packed) {
        read_packed(tail, file, fd, path, left);
    } else {
        while (*left > 0 && read_some(tail, file, fd, path, monotonic_ns, left)) {
            continue;
        }
    }
    if (tail->settings.replay && otlp_json_file_at_end(tail, file)) {
        file->at.offset = file->at.base = 0;
        file->at.read_to = -1;
    }
    return *left > 0;
}
