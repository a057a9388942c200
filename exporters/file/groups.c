// SPDX-License-Identifier: Apache-2.0
#include "exporters/file/groups.h"

#include "common/base/map.h"
#include "common/otlp/admit.h"
#include "common/otlp/by_resource.h"

#include <stdlib.h>

/* Groups that are gathered before they are written; a request may have more. */
#define GATHERED_MAX 4096

struct group {
    struct otc_slice segment; /* borrowed from the request */
    struct otc_buf request;
};

struct file_groups {
    struct file_writers *writers;
    struct file_encoder *encoder;
    struct otc_slice attribute;
    struct group *items;
    size_t n;
    /* Of the request at hand. */
    enum otc_signal signal;
    int64_t now_ns;
    struct otc_map *by_segment; /* to items */
    struct file_grouped grouped;
    bool refused; /* nothing was written, and all of it may come again */
    otc_status status;
    struct otc_error why;
};

struct file_groups *
file_groups_new(const struct file_writer_settings *base, const struct file_group_by_config *config,
                struct file_encoder *encoder)
{
    struct file_groups *groups = calloc(1, sizeof(*groups));

    if (!groups) {
        return NULL;
    }
    groups->encoder = encoder;
    groups->attribute = otc_slice_str(config->resource_attribute);
    groups->items = calloc(GATHERED_MAX, sizeof(*groups->items));
    groups->writers = file_writers_new(base, (size_t)config->max_open_files);
    if (!groups->items || !groups->writers) {
        (void)file_groups_close(groups, NULL);
        return NULL;
    }
    return groups;
}

otc_status
file_groups_close(struct file_groups *groups, struct otc_error *err)
{
    otc_status status;

    if (!groups) {
        return OTC_OK;
    }
    status = file_writers_close(groups->writers, err);
    free(groups->items);
    free(groups);
    return status;
}

otc_status
file_groups_flush(struct file_groups *groups, struct otc_error *err)
{
    return file_writers_flush(groups->writers, err);
}

struct file_writers *
file_groups_writers(struct file_groups *groups)
{
    return groups->writers;
}

/* ---- One request ----------------------------------------------------------------------------------- */

static size_t
count_items(const struct file_groups *groups, struct otc_slice request)
{
    static const struct otc_admission limits = {.max_depth = 256, .max_decoded_bytes = SIZE_MAX};
    struct otc_admitted admitted = {0};

    return otc_admit(groups->signal, request, &limits, &admitted, NULL) == OTC_OK ? admitted.items : 0;
}

static void
write_group(struct file_groups *groups, struct group *group)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct file_writer *writer = NULL;
    otc_status status = group->request.failed
                            ? otc_fail(&err, OTC_RESOURCE_EXHAUSTED, "out of memory")
                            : file_writers_get(groups->writers, group->segment, &writer, &err);

    if (status == OTC_OK) {
        status = file_encoder_write(groups->encoder, writer, groups->signal, otc_buf_slice(&group->request),
                                    groups->now_ns, &err);
    }
    groups->grouped.written = groups->grouped.written || status == OTC_OK;
    /* After one that failed for good nobody sends the others again. */
    groups->refused = status == OTC_UNAVAILABLE && !groups->grouped.written && groups->status == OTC_OK;
    if (status != OTC_OK) {
        groups->grouped.failed += count_items(groups, otc_buf_slice(&group->request));
    }
    if (status != OTC_OK && groups->status == OTC_OK) {
        groups->status = status;
        groups->why = err;
    }
}

/* Writes what is gathered; where one fails for good the others are tried. */
static void
write_all(struct file_groups *groups)
{
    for (size_t i = 0; i < groups->n; i++) {
        if (!groups->refused) {
            write_group(groups, &groups->items[i]);
        }
        otc_buf_release(&groups->items[i].request);
    }
    groups->n = 0;
    otc_map_free(groups->by_segment, NULL);
    groups->by_segment = NULL;
}

static struct group *
group_of(struct file_groups *groups, struct otc_slice segment)
{
    struct group *group = groups->by_segment ? otc_map_get(groups->by_segment, segment) : NULL;

    if (group) {
        return group;
    }
    if (groups->n == GATHERED_MAX) {
        write_all(groups);
    }
    if (!groups->by_segment && !(groups->by_segment = otc_map_new(GATHERED_MAX))) {
        return NULL;
    }
    group = &groups->items[groups->n];
    *group = (struct group){segment, {.limit = FILE_RECORD_BYTES_MAX}};
    if (!otc_map_put(groups->by_segment, segment, group)) {
        return NULL;
    }
    groups->n++;
    return group;
}

static bool
gather(void *arg, const struct otc_resource_piece *piece)
{
    struct file_groups *groups = arg;
    struct group *group;

    if (piece->value.type != OTC_VALUE_STRING) {
        groups->grouped.dropped += count_items(groups, piece->request);
        return true;
    }
    group = group_of(groups, piece->value.as.slice);
    if (!group) {
        groups->grouped.failed += count_items(groups, piece->request);
        groups->status = otc_fail(&groups->why, OTC_RESOURCE_EXHAUSTED, "out of memory");
        return true;
    }
    (void)otc_buf_append_slice(&group->request, piece->request);
    return !groups->refused;
}

otc_status
file_groups_write(struct file_groups *groups, enum otc_signal signal, struct otc_slice request,
                  int64_t now_ns, struct file_grouped *out, struct otc_error *err)
{
    otc_status status;

    groups->signal = signal;
    groups->now_ns = now_ns;
    groups->grouped = (struct file_grouped){0};
    groups->refused = false;
    groups->status = OTC_OK;
    groups->why = OTC_ERROR_INIT;
    status = otc_each_resource(request, groups->attribute, gather, groups, err);
    write_all(groups);
    *out = groups->grouped;
    if (status == OTC_OK && groups->status != OTC_OK) {
        status = otc_fail(err, groups->status, "%s", groups->why.text);
    }
    if (status != OTC_OK && err && groups->grouped.written) {
        err->permanent = true;
    }
    return status;
}
