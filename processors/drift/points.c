// SPDX-License-Identifier: Apache-2.0
#include "processors/drift/points.h"

void
drift_point_write(struct otc_buf *out, const struct drift_point *point)
{
    otc_put_bytes(out, point->key.name);
    otc_put_bytes(out, point->key.version);
    otc_put_bytes(out, point->key.arm);
    (void)otc_buf_append(out, &point->identity, sizeof(point->identity));
    otc_put_u64(out, point->n_uses);
    for (size_t i = 0; i < point->n_uses; i++) {
        otc_put_u64(out, point->uses[i].feature);
        otc_put_u64(out, point->uses[i].part);
        otc_put_u64(out, point->uses[i].rank);
    }
    otc_stream_point_save(&point->seen, out);
}

static struct otc_hash128
take_identity(struct otc_reader *in)
{
    struct otc_hash128 identity = {0, 0};

    if (in->failed || in->rest.len < sizeof(identity)) {
        in->failed = true;
        return identity;
    }
    memcpy(&identity, in->rest.data, sizeof(identity));
    in->rest = otc_slice_skip(in->rest, sizeof(identity));
    return identity;
}

bool
drift_point_read(struct otc_reader *in, const struct drift_points_room *room, struct drift_point *point)
{
    if (in->failed || in->rest.len == 0) {
        return false;
    }
    *point = (struct drift_point){.key = {.name = otc_take_bytes(in)}, .uses = room->uses};
    point->key.version = otc_take_bytes(in);
    point->key.arm = otc_take_bytes(in);
    point->identity = take_identity(in);
    point->n_uses = otc_take_count(in, 3);
    in->failed |= point->n_uses > room->max_uses;
    for (size_t i = 0; i < point->n_uses && !in->failed; i++) {
        struct otc_metric_use *use = &room->uses[i];
        uint64_t feature = otc_take_u64(in), part = otc_take_u64(in), rank = otc_take_u64(in);

        /* A key has four bits for each. */
        in->failed |= feature >= otc_metric_set_count(room->set) || part > 1 || rank > 15;
        *use = (struct otc_metric_use){
            .feature = (size_t)feature, .part = (unsigned)part, .rank = (unsigned)rank};
    }
    if (!in->failed) {
        in->failed = !otc_metric_streams_load_point(room->streams, in, &point->seen);
    }
    return !in->failed;
}
