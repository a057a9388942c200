// SPDX-License-Identifier: Apache-2.0
#include "processors/drift/snapshot_vectors.h"

#include "processors/drift/packed_components.h"
#include "processors/drift/snapshot_pane.h"

/* Components of the reference of a feature; NULL: it has none, or there is no such feature. */
static const struct otc_components *
components_at(const struct drift_binding *binding, uint64_t feature)
{
    return binding && feature < binding->n ? binding->features[feature].reference->components : NULL;
}

static bool
has_vectors(const struct drift_binding *binding)
{
    for (size_t i = 0; binding && i < binding->n; i++) {
        if (components_at(binding, i)) {
            return true;
        }
    }
    return false;
}

/* ---- Open panes ----------------------------------------------------------------------------------- */

static void
write_one(size_t place, size_t feature, const struct drift_components *components, struct otc_buf *out)
{
    struct otc_buf bytes = {.limit = out->limit};

    drift_components_save(components, &bytes);
    otc_put_u64(out, place);
    otc_put_u64(out, feature);
    otc_put_bytes(out, otc_buf_slice(&bytes));
    out->failed |= bytes.failed;
    otc_buf_release(&bytes);
}

void
drift_snapshot_write_vectors(const struct drift_binding *binding, const struct otc_window *window,
                             struct otc_buf *out)
{
    size_t section;

    if (!has_vectors(binding)) {
        return;
    }
    section = otc_put_section(out, "vectors", DRIFT_PANE_LAYOUT);
    for (size_t p = 0; p < window->n_panes; p++) {
        const struct drift_pane *pane = window->panes[p].payload;

        for (size_t i = 0; i < binding->n; i++) {
            if (pane->features[i].components) {
                write_one(p, i, pane->features[i].components, out);
            }
        }
    }
    otc_end_section(out, section);
}

bool
drift_snapshot_read_vectors(struct drift_version *version, struct otc_reader *body)
{
    bool squares = drift_is_dynamic(version->owner->config);

    while (body->rest.len > 0) {
        uint64_t place = otc_take_u64(body), feature = otc_take_u64(body);
        struct otc_slice bytes = otc_take_bytes(body);
        const struct otc_components *reference = components_at(version->binding, feature);
        struct drift_pane *pane;

        if (body->failed || !reference || place >= version->window.n_panes) {
            return false;
        }
        pane = version->window.panes[place].payload;
        if (pane->features[feature].components ||
            !drift_components_load(reference->n, squares, bytes, &version->owner->budget,
                                   &pane->features[feature].components)) {
            return false;
        }
    }
    return true;
}

/* ---- Closed panes --------------------------------------------------------------------------------- */

void
drift_snapshot_write_history_vectors(const struct drift_model *model, struct otc_buf *out)
{
    size_t section;

    if (!has_vectors(model->binding)) {
        return;
    }
    section = otc_put_section(out, "history vectors", DRIFT_PANE_LAYOUT);
    for (size_t s = 0; s < model->history.n; s++) {
        for (size_t i = 0; i < model->binding->n; i++) {
            const struct drift_packed_components *components =
                drift_packed_components_of(model->history.slots[s].packed, i);

            if (components) {
                otc_put_u64(out, s);
                otc_put_u64(out, i);
                otc_put_bytes(out, drift_packed_components_save(components));
            }
        }
    }
    otc_end_section(out, section);
}

bool
drift_snapshot_read_history_vectors(struct drift_model *model, struct otc_reader *body)
{
    while (body->rest.len > 0) {
        uint64_t slot = otc_take_u64(body), feature = otc_take_u64(body);
        struct otc_slice bytes = otc_take_bytes(body);
        const struct otc_components *grid = components_at(model->binding, feature);
        struct drift_packed *packed;
        struct drift_packed_components *components;

        if (body->failed || !grid || slot >= model->history.n) {
            return false;
        }
        packed = model->history.slots[slot].packed;
        components =
            drift_packed_components_of(packed, feature) ? NULL : drift_packed_components_load(grid->n, bytes);
        if (!components) {
            return false;
        }
        drift_history_restore_components(packed, feature, components, &model->owner->budget);
    }
    return true;
}
