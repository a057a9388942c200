// SPDX-License-Identifier: Apache-2.0
/**
 * @file Reference files: what is read is written and read back as the same reference, and its own counts do
 * not differ from it.
 */
#include "common/analysis/evaluate.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>

/** A window with the reference's own counts. */
static void
check_feature(const struct otc_reference_feature *feature)
{
    const struct otc_decision any = {OTC_CORRECTION_NONE, 0.001, {0}, 0, OTC_RULE_TESTS, {0},
                                     OTC_EMPTY_LAPLACE,   0.5};
    struct otc_feature_window window = {.reference = feature,
                                        .observations = feature->observations,
                                        .missing = feature->missing,
                                        .invalid = feature->invalid,
                                        .design_effect = 1};
    uint64_t *known = calloc(feature->n_categories + 1, sizeof(*known));
    struct otc_feature_result result;

    if (!known) {
        abort();
    }
    for (size_t i = 0; i < feature->n_categories; i++) {
        known[i] = feature->categories[i].count;
    }
    window.categories.known = known;
    window.categories.unseen = feature->other;
    if (feature->type == OTC_NUMERIC) {
        /* Evaluation only reads the counts. */
        window.cells =
            (struct otc_cell_counts){(uint64_t *)(uintptr_t)feature->cells.eq,
                                     (uint64_t *)(uintptr_t)feature->cells.gap, NULL, feature->cells.total};
    }
    /* The exact p-value of huge samples is not what this looks for. */
    if (feature->observations < 1000 && (otc_evaluate_feature(&window, &any, &result, NULL) != OTC_OK ||
                                         result.ks > 1e-12 || result.total_variation > 1e-12)) {
        abort();
    }
    free(known);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    OTC_AUTO_BUF struct otc_buf text = {.limit = (size_t)1 << 24};
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_reference *first = NULL;
    struct otc_reference *second = NULL;

    if (otc_reference_parse(otc_slice_of(data, size), "input", 10000, &first, &err) != OTC_OK) {
        if (strncmp(err.text, "input: ", 7) != 0 || err.text[7] == '\0') {
            abort();
        }
        return 0;
    }
    for (size_t i = 0; i < first->n_features; i++) {
        check_feature(&first->features[i]);
    }
    if (otc_reference_format(first, &text, &err) != OTC_OK ||
        otc_reference_parse(otc_buf_slice(&text), "written", 0, &second, &err) != OTC_OK ||
        strcmp(first->hash, second->hash) != 0) {
        fprintf(stderr, "%s\n", err.text);
        abort();
    }
    otc_reference_unref(first);
    otc_reference_unref(second);
    return 0;
}
