// SPDX-License-Identifier: Apache-2.0
#include "exporters/file/writers.h"

#include "common/base/map.h"
#include "exporters/file/group_path.h"

#include <stdlib.h>
#include <string.h>

/* Paths that are remembered. Beyond, files are never emptied. */
#define KNOWN_MAX 100000
#define PATH_BYTES_MAX 16384

struct open_file {
    struct file_writer_settings settings;
    char *path;
    struct file_writer *writer;
    uint64_t used;
};

struct file_writers {
    const struct file_writer_settings *base;
    struct otc_map *open;  /* path to open_file */
    struct otc_map *known; /* paths that were open before, whose files go on */
    size_t max_open;
    uint64_t uses;
    struct otc_buf path;
};

struct file_writers *
file_writers_new(const struct file_writer_settings *base, size_t max_open)
{
    struct file_writers *writers = calloc(1, sizeof(*writers));

    if (!writers) {
        return NULL;
    }
    writers->base = base;
    writers->max_open = max_open;
    writers->path.limit = PATH_BYTES_MAX;
    writers->open = otc_map_new(max_open);
    writers->known = otc_map_new(KNOWN_MAX);
    if (!writers->open || !writers->known) {
        (void)file_writers_close(writers, NULL);
        return NULL;
    }
    return writers;
}

static otc_status
close_one(struct open_file *file, struct otc_error *err)
{
    otc_status status = file_writer_close(file->writer, err);

    free(file->path);
    free(file);
    return status;
}

otc_status
file_writers_close(struct file_writers *writers, struct otc_error *err)
{
    struct otc_slice path;
    size_t cursor = 0;
    void *value;
    otc_status status = OTC_OK;

    if (!writers) {
        return OTC_OK;
    }
    while (writers->open && otc_map_next(writers->open, &cursor, &path, &value)) {
        otc_status one = close_one(value, status == OTC_OK ? err : NULL);

        status = status == OTC_OK ? one : status;
    }
    otc_map_free(writers->open, NULL);
    otc_map_free(writers->known, NULL);
    otc_buf_release(&writers->path);
    free(writers);
    return status;
}

otc_status
file_writers_flush(struct file_writers *writers, struct otc_error *err)
{
    struct otc_slice path;
    size_t cursor = 0;
    void *value;
    otc_status status = OTC_OK;

    while (otc_map_next(writers->open, &cursor, &path, &value)) {
        const struct open_file *file = value;
        otc_status one = file_writer_flush(file->writer, status == OTC_OK ? err : NULL);

        status = status == OTC_OK ? one : status;
    }
    return status;
}

/* Closes the file that was not used for longest, when all it holds could be written. */
static otc_status
make_room(struct file_writers *writers, struct otc_error *err)
{
    struct open_file *oldest = NULL;
    struct otc_slice path;
    size_t cursor = 0;
    void *value;
    otc_status status;

    if (otc_map_count(writers->open) < writers->max_open) {
        return OTC_OK;
    }
    while (otc_map_next(writers->open, &cursor, &path, &value)) {
        struct open_file *file = value;

        oldest = !oldest || file->used < oldest->used ? file : oldest;
    }
    status = oldest ? file_writer_flush(oldest->writer, err) : OTC_OK;
    if (oldest && status == OTC_OK) {
        (void)otc_map_remove(writers->open, otc_slice_str(oldest->path));
        status = close_one(oldest, err);
    }
    return status;
}

/* The file of the path at hand, opened. `*out` is not NULL where it succeeds. */
static otc_status
open_one(struct file_writers *writers, struct open_file **out, struct otc_error *err)
{
    struct otc_slice path = otc_buf_slice(&writers->path);
    struct open_file *file = calloc(1, sizeof(*file));
    otc_status status;

    if (!file || !(file->path = strdup(otc_buf_cstr(&writers->path)))) {
        free(file);
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    file->settings = *writers->base;
    file->settings.path = file->path;
    file->settings.append = writers->base->append || otc_map_get(writers->known, path) ||
                            otc_map_count(writers->known) == KNOWN_MAX;
    status = file_writer_open(&file->settings, &file->writer, err);
    if (status == OTC_OK && !otc_map_put(writers->open, path, file)) {
        status = otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    if (status != OTC_OK) {
        (void)close_one(file, NULL);
        return status;
    }
    (void)otc_map_put(writers->known, path, writers);
    *out = file;
    return OTC_OK;
}

otc_status
file_writers_get(struct file_writers *writers, struct otc_slice segment, struct file_writer **out,
                 struct otc_error *err)
{
    otc_status status = file_group_path(writers->base->path, segment, &writers->path, err);
    struct open_file *file = NULL;

    if (status != OTC_OK) {
        return status;
    }
    file = otc_map_get(writers->open, otc_buf_slice(&writers->path));
    if (!file) {
        status = make_room(writers, err);
        status = status == OTC_OK ? open_one(writers, &file, err) : status;
    }
    if (status == OTC_OK && file) {
        file->used = ++writers->uses;
        *out = file->writer;
    }
    return status;
}

/* ---- From one configuration to the next -----------------------------------------------------------------
 */

void
file_writers_leave(const struct file_writers *writers, struct otc_buf *out)
{
    struct otc_slice path;
    size_t cursor = 0;
    void *value;

    otc_put_u64(out, otc_map_count(writers->known));
    while (otc_map_next(writers->known, &cursor, &path, &value)) {
        otc_put_bytes(out, path);
    }
}

void
file_writers_take(struct file_writers *writers, struct otc_reader *reader)
{
    for (size_t n = otc_take_count(reader, 1); n > 0; n--) {
        struct otc_slice path = otc_take_bytes(reader);

        if (reader->failed || !otc_map_put(writers->known, path, writers)) {
            return;
        }
    }
}
