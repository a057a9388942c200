// SPDX-License-Identifier: Apache-2.0
/* Which file an open one is, by its first bytes. */
#include "common/base/clock.h"
#include "common/base/codec.h"
#include "receivers/otlp_json_file/tail_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Polls after which a file that is gone is forgotten: it may be on its way to another name. */
#define POLLS_GONE 3

static int64_t
changed_ns(const struct stat *stat)
{
    return (int64_t)stat->st_mtim.tv_sec * OTC_SECOND + stat->st_mtim.tv_nsec;
}

/* The file that an unchanged compressed one is, so that its beginning need not be decompressed each time. */
static struct followed *
find_unchanged(struct tail *tail, const struct stat *stat)
{
    for (size_t i = 0; i < tail->n; i++) {
        struct followed *file = &tail->files[i];

        if (file->at.packed && !file->seen && file->inode == stat->st_ino && file->device == stat->st_dev &&
            file->size == stat->st_size && file->changed_ns == changed_ns(stat)) {
            return file;
        }
    }
    return NULL;
}

/* The file whose first bytes the head begins with, not seen in this poll; of several that with the most.
 * `*copy`: one with just these first bytes was seen, under another name. A shorter one is another file: the
 * beginning of this one is all they share. */
static struct followed *
find(struct tail *tail, size_t n, bool *copy)
{
    struct followed *found = NULL;

    *copy = false;
    for (size_t i = 0; i < tail->n; i++) {
        struct followed *file = &tail->files[i];

        if (file->at.n_head <= n && memcmp(file->head, tail->head, file->at.n_head) == 0) {
            if (file->seen) {
                *copy = *copy || file->at.n_head == n;
            } else if (!found || file->at.n_head > found->at.n_head) {
                found = file;
            }
        }
    }
    return found;
}

/* Remembers the first bytes, of which there may be more than before. False out of memory. */
static bool
remember(struct tail *tail, struct followed *file, size_t n)
{
    uint8_t *head;

    if (n <= file->at.n_head) {
        return true;
    }
    head = realloc(file->head, n);
    if (!head) {
        return false;
    }
    memcpy(head, tail->head, n);
    file->head = head;
    file->at.n_head = n;
    return true;
}

static struct followed *
add(struct tail *tail, size_t n, int64_t size, bool packed)
{
    int64_t from = !tail->polled && !tail->settings.from_beginning ? size : 0;
    struct followed *file;

    if (tail->n == tail->settings.max_files) {
        return NULL;
    }
    file = &tail->files[tail->n];
    *file = (struct followed){
        .id = ++tail->ids,
        .written = POSITION_NONE,
        .at = {.offset = packed ? 0 : from, .base = packed ? from : 0, .read_to = from > 0 ? from : -1}};
    file->at.packed = packed;
    if (!remember(tail, file, n)) {
        return NULL;
    }
    tail->n++;
    return file;
}

void
otlp_json_file_forget_gone(struct tail *tail)
{
    size_t n = 0;

    for (size_t i = 0; i < tail->n; i++) {
        struct followed *file = &tail->files[i];

        file->gone = file->seen ? 0 : file->gone + 1;
        file->seen = false;
        if (file->gone <= POLLS_GONE) {
            tail->files[n++] = *file;
            continue;
        }
        if (tail->unpacking.owner == file->id) {
            otlp_json_file_stop_unpacking(tail);
        }
        otc_put_u64(&tail->forgotten, file->id);
        free(file->head);
    }
    tail->n = n;
}

/* ---- First bytes ----------------------------------------------------------------------------------- */

static bool
is_gzip(int fd)
{
    uint8_t magic[2];

    return pread(fd, magic, sizeof(magic), 0) == (ssize_t)sizeof(magic) && magic[0] == 0x1f &&
           magic[1] == 0x8b;
}

/* The first bytes that come out of it. When there are none, and there never will be, that is told. */
static size_t
unpack_head(struct tail *tail, int fd, const char *path)
{
    struct otc_gunzip *gunzip = otc_gunzip_new();
    enum otc_gunzip_state state = OTC_GUNZIP_MORE;
    size_t n = 0, room = tail->settings.fingerprint, written;
    int64_t at = 0;
    ssize_t given = 1;

    while (gunzip && given > 0 && n < room && state != OTC_GUNZIP_BAD) {
        struct otc_slice in;

        given = pread(fd, tail->packed, PACKED_BYTES, at);
        if (given < 0) {
            otlp_json_file_complain_of(tail, path, strerrordesc_np(errno));
        }
        in = otc_slice_of(tail->packed, given > 0 ? (size_t)given : 0);
        state = otc_gunzip_read(gunzip, &in, tail->head + n, room - n, &written);
        n += written;
        at += given;
    }
    otc_gunzip_free(gunzip);
    if (n == 0 && state == OTC_GUNZIP_BAD) {
        otlp_json_file_complain_of(tail, path, "bad gzip stream; nothing of it can be read");
    }
    return n;
}

/* The head of a file; 0: it has none that can be read. */
static size_t
read_head(struct tail *tail, int fd, const char *path, bool packed)
{
    ssize_t n;

    if (packed) {
        return unpack_head(tail, fd, path);
    }
    n = pread(fd, tail->head, tail->settings.fingerprint, 0);
    if (n < 0) {
        otlp_json_file_complain_of(tail, path, strerrordesc_np(errno));
    } else if (n > 0 && tail->settings.compression == TAIL_GZIP) {
        otlp_json_file_complain_of(tail, path, "no gzip file, which `compression: gzip` wants");
        return 0;
    }
    return n > 0 ? (size_t)n : 0;
}

/* ---- What became of it ----------------------------------------------------------------------------- */

static void
read_from(struct tail *tail, struct followed *file, int64_t offset)
{
    if (tail->unpacking.owner == file->id) {
        otlp_json_file_stop_unpacking(tail);
    }
    file->at.base = file->at.packed ? offset : 0;
    file->at.offset = file->at.packed ? 0 : offset;
    file->at.read_to = offset > 0 ? offset : -1;
    file->skipping = file->damaged = false;
    file->done = 0;
}

/* A file that was compressed goes on at the same line; one that was decompressed is read anew: where in it
 * the members began is not known. */
static void
change_form(struct tail *tail, struct followed *file, bool packed)
{
    int64_t offset = file->at.offset;
    unsigned done = file->done;

    file->at.packed = packed;
    read_from(tail, file, 0);
    file->at.offset = packed ? offset : 0;
    file->done = packed ? done : 0;
}

static void
notice_cut(struct tail *tail, struct followed *file, int64_t size)
{
    int64_t read = file->at.packed ? file->at.base : file->at.offset;

    if (size >= read) {
        return;
    }
    file->done = 0; /* another line will be there */
    if (tail->settings.truncated == TAIL_IGNORE) {
        return;
    }
    read_from(tail, file, tail->settings.truncated == TAIL_READ_NEW ? size : 0);
}

static void
update(struct tail *tail, struct followed *file, const struct stat *stat, int64_t monotonic_ns)
{
    file->seen = true;
    notice_cut(tail, file, stat->st_size);
    if (stat->st_size != file->size) {
        file->grown_ns = monotonic_ns;
        file->damaged = false;
    }
    file->size = stat->st_size;
    file->inode = stat->st_ino;
    file->device = stat->st_dev;
    file->changed_ns = changed_ns(stat);
}

static bool
is_old(const struct tail *tail, const struct stat *stat, int64_t unix_ns)
{
    return tail->settings.older_ns > 0 && unix_ns - changed_ns(stat) > tail->settings.older_ns;
}

struct followed *
otlp_json_file_identify(struct tail *tail, int fd, const char *path, const struct stat *stat,
                        int64_t monotonic_ns, int64_t unix_ns)
{
    struct followed *file = tail->settings.compression != TAIL_PLAIN ? find_unchanged(tail, stat) : NULL;
    bool packed, copy = false;
    size_t n;

    if (file) {
        file->seen = true;
        return file;
    }
    packed = tail->settings.compression != TAIL_PLAIN && is_gzip(fd);
    n = read_head(tail, fd, path, packed);
    if (n == 0) {
        return NULL;
    }
    file = find(tail, n, &copy);
    if (!file && !copy && !is_old(tail, stat, unix_ns)) { /* one that is known goes on whenever it grows */
        file = add(tail, n, stat->st_size, packed);
    }
    if (!file || !remember(tail, file, n)) {
        return NULL;
    }
    if (file->at.packed != packed) {
        change_form(tail, file, packed);
    }
    update(tail, file, stat, monotonic_ns);
    return file;
}
