// SPDX-License-Identifier: Apache-2.0
/* Texts, learnt by the share of their words that are in a vocabulary. */
#include "processors/drift/learn_internal.h"

bool
drift_learn_begin_familiar(struct drift_learner *learner, struct drift_column *column)
{
    column->apart = true;
    column->vocabulary = drift_learn_charge(learner, OTC_VOCABULARY_BYTES) ? otc_vocabulary_new() : NULL;
    column->gave_up = column->vocabulary == NULL;
    return !column->gave_up;
}

/* The first half of learning is over. */
static bool
end_vocabulary(struct drift_learner *learner, struct drift_column *column)
{
    column->words = calloc(OTC_VOCABULARY_WORDS, sizeof(*column->words));
    if (!column->words) {
        return false;
    }
    column->n_words = otc_vocabulary_words(column->vocabulary, column->words);
    otc_vocabulary_free(column->vocabulary);
    column->vocabulary = NULL;
    /* Texts that came late, or that repeat nothing, make no vocabulary to compare with. */
    column->gave_up = column->n_words == 0;
    column->apart = column->gave_up;
    return otc_reference_builder_vocabulary(learner->builder, column->index, column->words, column->n_words);
}

bool
drift_learn_familiar(struct drift_learner *learner, struct drift_column *column,
                     const struct otc_value *value, int64_t time_ns)
{
    struct otc_value share = {.type = OTC_VALUE_EMPTY};

    if (column->vocabulary && drift_learner_progress(learner) >= 0.5 && !end_vocabulary(learner, column)) {
        return false;
    }
    if (column->gave_up) {
        return true;
    }
    if (column->vocabulary) {
        if (value->type == OTC_VALUE_STRING) {
            otc_vocabulary_add(column->vocabulary, value->as.slice);
        } else if (value->type == OTC_VALUE_BYTES) {
            otc_vocabulary_add_words(column->vocabulary, value->as.slice); /* from a journal */
        }
        return true;
    }
    switch (otc_value_familiar(value, column->words, column->n_words, &share.as.real)) {
    case OTC_CLASS_VALUE:
        share.type = OTC_VALUE_DOUBLE;
        break;
    case OTC_CLASS_MISSING:
        break;
    case OTC_CLASS_INVALID:
        share.type = OTC_VALUE_BYTES;
        break;
    }
    return drift_learn_number(learner, column, &share, time_ns);
}
