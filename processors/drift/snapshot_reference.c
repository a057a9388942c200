// SPDX-License-Identifier: Apache-2.0
#include "processors/drift/snapshot_reference.h"

#include <stdlib.h>

/* Features that are not compared, by their place in the reference. */
void
drift_snapshot_write_reference(const struct drift_binding *binding, struct otc_buf *out)
{
    size_t n = binding->reference->n_features, left_out = 0;

    otc_put_bytes(out, otc_slice_str(binding->reference->hash));
    for (size_t i = 0; i < n; i++) {
        left_out += binding->of_reference[i] == SIZE_MAX;
    }
    otc_put_u64(out, left_out);
    for (size_t i = 0; i < n; i++) {
        if (binding->of_reference[i] == SIZE_MAX) {
            otc_put_u64(out, i);
        }
    }
}

/* Features of a reference that are not compared. */
struct left_out {
    const struct otc_reference *reference;
    size_t *places;
    size_t n;
};

static bool
is_left_out(const void *arg, const struct otc_reference_feature *feature)
{
    const struct left_out *list = arg;

    for (size_t i = 0; i < list->n; i++) {
        if (list->places[i] == (size_t)(feature - list->reference->features)) {
            return true;
        }
    }
    return false;
}

struct drift_binding *
drift_snapshot_read_reference(const struct drift_snapshot_reading *reading, struct otc_reader *in)
{
    const struct drift *drift = reading->drift;
    struct otc_reference *reference = reading->find(reading->arg, otc_take_bytes(in));
    struct left_out list = {.reference = reference, .n = otc_take_count(in, 1)};
    struct drift_binding *binding = NULL;

    list.places = calloc(list.n + 1, sizeof(*list.places));
    for (size_t i = 0; list.places && i < list.n; i++) {
        list.places[i] = (size_t)otc_take_u64(in);
    }
    if (reference && list.places && !in->failed &&
        drift_binding_new(reference, drift->set, (drift->statistics >> DRIFT_WASSERSTEIN) & 1,
                          (size_t)drift->config->limits.features, is_left_out, &list, &binding,
                          NULL) != OTC_OK) {
        binding = NULL;
    }
    otc_reference_unref(reference);
    free(list.places);
    return binding;
}
