// SPDX-License-Identifier: Apache-2.0
/** @file Segments of a queue on disk that somebody else wrote: opened, read and emptied without harm, and
 * what was put afterwards is there. The first byte says which of the first records count as removed; the rest
 * is records. */
#include "common/base/buf.h"
#include "common/storage/log_internal.h"
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FOUND_MAX 4096

static struct otc_log_record *found[FOUND_MAX];
static size_t n_found;

static void
note(void *arg, struct otc_log_record *record, struct otc_slice content)
{
    (void)arg;
    (void)content;
    if (n_found == FOUND_MAX) {
        abort();
    }
    found[n_found++] = record;
}

static char folder[64];

static void
write_segment(const uint8_t *data, size_t size)
{
    static uint8_t head[OTC__LOG_RECORDS];
    char path[512];
    int fd;

    (void)snprintf(path, sizeof(path), "%s/q.0000000000000001.segment", folder);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    memset(head, 0, sizeof(head));
    for (size_t i = 0; i < 8; i++) {
        const uint32_t removed = otc__log_note(1, (uint32_t)i, OTC__LOG_REMOVED);

        if (data[0] >> i & 1) {
            memcpy(head + OTC__LOG_PAGE + i * OTC__LOG_NOTE, &removed, sizeof(removed));
        }
    }
    if (fd < 0 || write(fd, head, sizeof(head)) != (ssize_t)sizeof(head) ||
        write(fd, data + 1, size - 1) != (ssize_t)(size - 1)) {
        abort();
    }
    close(fd);
}

/* Opens the log, reads all, and removes it or leaves it. */
static size_t
pass(struct otc_log_writer *writer, bool remove)
{
    const struct otc_log_options options = {
        .directory = folder, .base = "q", .segment_bytes = 65536, .max_bytes = 1 << 20, .found = note};
    struct otc_log_found what;
    struct otc_log *log;
    struct otc_error err = OTC_ERROR_INIT;
    size_t n;

    n_found = 0;
    if (otc_log_open(writer, &options, &what, &log, &err) != OTC_OK || what.records != n_found) {
        fprintf(stderr, "%s\n", err.text);
        abort();
    }
    n = n_found;
    for (size_t i = 0; i < n; i++) {
        OTC_AUTO_BUF struct otc_buf out = {.limit = 1 << 20};

        if (otc_log_read(log, found[i], &out, &err) != OTC_OK) {
            fprintf(stderr, "%s\n", err.text);
            abort();
        }
        if (remove) {
            otc_log_remove(log, found[i]);
        } else {
            otc_log_forget(log, found[i]);
        }
    }
    otc_log_close(log);
    return n;
}

static void
remove_folder(void)
{
    (void)rmdir(folder);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct otc_log_writer *writer;
    char aside[128];
    size_t n;

    if (size == 0) {
        return 0;
    }
    if (!writer) {
        (void)snprintf(folder, sizeof(folder), "/tmp/aimon-log-fuzz-XXXXXX");
        if (!mkdtemp(folder) || otc_log_writer_new(&writer, NULL) != OTC_OK) {
            abort();
        }
        (void)atexit(remove_folder);
    }
    write_segment(data, size);
    n = pass(writer, false);
    /* What was sound once is sound again, and gone when it was removed. */
    if (pass(writer, true) != n || pass(writer, true) != 0) {
        abort();
    }
    (void)snprintf(aside, sizeof(aside), "%s/q.0000000000000001.corrupt-0", folder);
    (void)unlink(aside);
    return 0;
}
