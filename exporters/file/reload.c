// SPDX-License-Identifier: Apache-2.0
#include "exporters/file/reload.h"

#include "common/component/storage.h"

/* Of all paths of groups together. */
#define RECORD_BYTES_MAX ((size_t)256 << 20)

/* Files that are written in another way are not gone on with: nobody could read them. */
static struct otc_slice
format_of(const struct file_config *config)
{
    static const char *const names[2][2] = {{"json", "json, zstd"}, {"proto", "proto, zstd"}};

    return otc_slice_str(names[config->format.index == FILE_PROTO][config->compression.index == FILE_ZSTD]);
}

void
file_reload_leave(struct otc_host *host, const char *id, const struct file_config *config,
                  const struct file_writers *writers)
{
    struct otc_storage *left = otc_handover(host, OTC_EXPORTER, id);
    OTC_AUTO_BUF struct otc_buf record = {.limit = RECORD_BYTES_MAX};
    struct otc_storage_change change = {.key = otc_slice_str(config->path)};
    struct otc_error err = OTC_ERROR_INIT;
    otc_status status;

    if (!left) {
        return;
    }
    otc_put_bytes(&record, format_of(config));
    if (writers) {
        file_writers_leave(writers, &record);
    }
    change.value = otc_buf_slice(&record);
    status = record.failed ? otc_fail(&err, OTC_RESOURCE_EXHAUSTED, "no memory, or too many paths")
                           : left->apply(left, &change, 1, &err);
    if (status != OTC_OK) {
        otc_log(host->logger, OTC_LOG_WARN, id, "The reload empties files that were written before it",
                OTC_FIELD_TEXT("error", err.text));
    }
    left->close(left);
}

static void
copy(void *arg, struct otc_slice value)
{
    (void)otc_buf_append_slice(arg, value);
}

bool
file_reload_take(struct otc_host *host, const char *id, const struct file_config *config,
                 struct file_writers *writers)
{
    struct otc_storage *left = otc_handover(host, OTC_EXPORTER, id);
    OTC_AUTO_BUF struct otc_buf record = {.limit = RECORD_BYTES_MAX};
    struct otc_reader reader;
    bool same = false;

    if (!left) {
        return false;
    }
    if (left->get(left, otc_slice_str(config->path), copy, &record, NULL) == OTC_OK && !record.failed) {
        reader = otc_reader_of(otc_buf_slice(&record));
        same = otc_slice_equal(otc_take_bytes(&reader), format_of(config));
        if (same && writers) {
            file_writers_take(writers, &reader);
        }
    }
    left->close(left);
    return same;
}
