// SPDX-License-Identifier: Apache-2.0
#include "sidecar/input_text.h"

#include "common/analysis/vocabulary.h"

#include <math.h>

bool
otc_input_text_features(struct otc_input *input, size_t column, struct otc_slice name,
                        enum otc_feature_kind kind, struct otc_input_feature *out)
{
    for (size_t i = 0; i < OTC_INPUT_TEXT_FEATURES; i++) {
        enum otc_text_measure measure = (enum otc_text_measure)i;
        char *text = NULL;

        if (asprintf(&text, "%.*s.%s", OTC_SLICE_ARG(name), otc_text_measure_name(measure)) < 0 ||
            !otc_input_keep(input, text)) {
            return false;
        }
        out[i] = (struct otc_input_feature){.column = column,
                                            .name = otc_slice_str(text),
                                            .type = OTC_NUMERIC,
                                            .kind = kind,
                                            .scale = 1,
                                            .is_text = true,
                                            .measure = measure};
    }
    return true;
}

static void
number(struct otc_use *use, double value)
{
    use->use = isnan(value) ? OTC_USE_MISSING : OTC_USE_NUMBER;
    use->number = value;
}

void
otc_input_text_use(struct otc_input *input, const struct otc_input_feature *feature, struct otc_use *use)
{
    const struct otc_cell *cell = otc_table_cell(input->table, feature->column);
    struct otc_value value = {.type = OTC_VALUE_STRING, .as = {.slice = cell->text}};
    double share = NAN;

    use->use = OTC_USE_INVALID;
    if (cell->kind == OTC_CELL_MISSING) {
        use->use = OTC_USE_MISSING;
    } else if (cell->kind == OTC_CELL_NESTED || cell->text.len == 0) {
        /* A list, or a number of JSON: no text. */
        use->use = cell->kind == OTC_CELL_TEXT ? OTC_USE_MISSING : OTC_USE_INVALID;
    } else if (feature->measure < OTC_N_TEXT_MEASURES) {
        if (feature->measure == OTC_TEXT_LENGTH) {
            otc_text_measure_all(cell->text, input->measures);
        }
        number(use, input->measures[feature->measure]);
    } else if (feature->words) {
        number(use, otc_value_familiar(&value, feature->words, feature->n_words, &share) == OTC_CLASS_VALUE
                        ? share
                        : NAN);
    } else {
        use->use = OTC_USE_TEXT;
        use->text = cell->text;
    }
}

/* ---- Vocabularies ------------------------------------------------------------------------------- */

struct otc_input_vocabularies {
    size_t n;
    struct otc_vocabulary *of_feature[];
};

otc_status
otc_input_vocabularies_new(const struct otc_input *input, struct otc_input_vocabularies **out,
                           struct otc_error *err)
{
    struct otc_input_vocabularies *made =
        calloc(1, sizeof(*made) + input->n_features * sizeof(struct otc_vocabulary *));

    for (size_t i = 0; made && i < input->n_features; i++) {
        const struct otc_input_feature *feature = &input->features[i];

        made->n = i + 1;
        if (feature->is_text && feature->measure == OTC_N_TEXT_MEASURES) {
            made->of_feature[i] = otc_vocabulary_new();
            if (!made->of_feature[i]) {
                otc_input_vocabularies_free(made);
                made = NULL;
            }
        }
    }
    *out = made;
    return made ? OTC_OK : otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
}

void
otc_input_vocabularies_free(struct otc_input_vocabularies *vocabularies)
{
    for (size_t i = 0; vocabularies && i < vocabularies->n; i++) {
        otc_vocabulary_free(vocabularies->of_feature[i]);
    }
    free(vocabularies);
}

static bool
finish(struct otc_vocabulary *vocabulary, struct otc_input *input, size_t feature,
       struct otc_reference_builder *builder)
{
    uint32_t *words = calloc(OTC_VOCABULARY_WORDS, sizeof(*words));

    if (!otc_input_keep(input, words)) {
        return false;
    }
    input->features[feature].words = words;
    input->features[feature].n_words = otc_vocabulary_words(vocabulary, words);
    return otc_reference_builder_vocabulary(builder, feature, words, input->features[feature].n_words);
}

bool
otc_input_vocabularies_take(struct otc_input_vocabularies *vocabularies, struct otc_input *input,
                            size_t feature, struct otc_use *use, struct otc_reference_builder *builder,
                            bool *taken)
{
    struct otc_vocabulary *vocabulary = vocabularies->of_feature[feature];

    *taken = false;
    if (!vocabulary || input->features[feature].words) {
        return true;
    }
    if (otc_table_rows(input->table) > input->columns.rows / 2) {
        if (!finish(vocabulary, input, feature, builder)) {
            return false;
        }
        otc_input_text_use(input, &input->features[feature], use);
        return true;
    }
    *taken = true;
    if (use->use == OTC_USE_TEXT) {
        otc_vocabulary_add(vocabulary, use->text);
    }
    return true;
}
