// SPDX-License-Identifier: Apache-2.0
#include "processors/drift/snapshot_dynamic.h"

#include "common/base/codec.h"
#include "processors/drift/snapshot_pane.h"
#include "processors/drift/snapshot_vectors.h"

/* ---- Slots ---------------------------------------------------------------------------------------- */

static void
write_history(const struct drift_history *history, struct otc_buf *out)
{
    otc_put_i64(out, history->first_ns);
    otc_put_i64(out, history->newest_ns);
    otc_put_u64(out, history->n);
    for (size_t i = 0; i < history->n; i++) {
        otc_put_i64(out, history->slots[i].start_ns);
        drift_packed_save(history->slots[i].packed, out);
    }
}

static uint32_t
cells_of(const void *arg, size_t index)
{
    const struct drift_binding *binding = arg;

    return binding->features[index].shape.cells;
}

static bool
read_history(struct drift_model *model, struct otc_reader *in)
{
    struct drift_history *history = &model->history;
    size_t n;

    history->first_ns = otc_take_i64(in);
    history->newest_ns = otc_take_i64(in);
    n = otc_take_count(in, 2);
    for (size_t i = 0; i < n; i++) {
        int64_t start = otc_take_i64(in);
        struct drift_packed *packed = drift_packed_load(model->binding->n, cells_of, model->binding, in);

        if (!packed || !drift_history_restore(history, start, packed, &model->owner->budget)) {
            return false;
        }
    }
    return !in->failed;
}

/* ---- Categories ----------------------------------------------------------------------------------- */

static void
write_texts(const struct drift_model *model, struct otc_buf *out)
{
    for (size_t i = 0; i < model->binding->n; i++) {
        struct otc_slice text;
        size_t cursor = 0;
        void *cell;

        otc_put_u64(out, model->texts[i] ? otc_map_count(model->texts[i]) : 0);
        while (model->texts[i] && otc_map_next(model->texts[i], &cursor, &text, &cell)) {
            otc_put_bytes(out, text);
            otc_put_u64(out, (uintptr_t)cell);
        }
    }
}

static bool
read_texts(struct drift_model *model, struct otc_reader *in)
{
    for (size_t i = 0; i < model->binding->n; i++) {
        if (!drift_unseen_texts_read(&model->binding->features[i], &model->texts[i], &model->charged,
                                     &model->owner->budget, in)) {
            return false;
        }
    }
    return true;
}

/* ---- Records that wait ---------------------------------------------------------------------------- */

static void
write_kept(const struct drift_kept_list *list, struct otc_buf *out)
{
    for (const struct drift_kept *kept = list->first; kept; kept = kept->next) {
        if (!kept->batch) {
            otc_put_i64(out, kept->now_ns);
            otc_put_i64(out, kept->monotonic_ns);
            otc_put_bytes(out, otc_buf_slice(&kept->records));
        }
    }
}

static bool
read_kept(struct drift_model *model, struct otc_reader *in)
{
    while (!in->failed && in->rest.len > 0) {
        struct drift_kept kept = {.call = DRIFT_KEPT_FORMERLY, .now_ns = otc_take_i64(in)};

        kept.monotonic_ns = otc_take_i64(in);
        if (!drift_kept_add_records(&model->kept, &kept, otc_take_bytes(in), &model->owner->budget)) {
            return false;
        }
    }
    return !in->failed;
}

/* ---- All ------------------------------------------------------------------------------------------ */

void
drift_snapshot_write_dynamic(const struct drift_model *model, struct otc_buf *out)
{
    size_t place;

    if (model->binding) {
        place = otc_put_section(out, "history", DRIFT_PANE_LAYOUT);
        write_history(&model->history, out);
        otc_end_section(out, place);
        drift_snapshot_write_history_vectors(model, out);
        place = otc_put_section(out, "texts", 1);
        write_texts(model, out);
        otc_end_section(out, place);
    }
    if (model->kept.first) {
        place = otc_put_section(out, "kept", 1);
        write_kept(&model->kept, out);
        otc_end_section(out, place);
    }
}

bool
drift_snapshot_read_dynamic(struct drift_model *model, struct otc_slice name, uint64_t version,
                            struct otc_reader *body)
{
    if (otc_slice_equal_str(name, "history") && version == DRIFT_PANE_LAYOUT) {
        return model->texts && read_history(model, body);
    }
    if (otc_slice_equal_str(name, "history vectors") && version == DRIFT_PANE_LAYOUT) {
        return drift_snapshot_read_history_vectors(model, body);
    }
    if (otc_slice_equal_str(name, "texts") && version == 1) {
        return model->texts && read_texts(model, body);
    }
    if (otc_slice_equal_str(name, "kept") && version == 1) {
        return read_kept(model, body);
    }
    return true;
}
