// SPDX-License-Identifier: Apache-2.0
/* Vocabularies and vectors of a learner across a restart: what the first half of learning makes. */
#include "processors/drift/learn_internal.h"

#include "common/analysis/embedding.h"
#include "common/base/codec.h"

/* What a column has, as it is stored. */
enum contents { NOTHING, COUNTED_WORDS, VOCABULARY, VECTOR_SUMS, MEAN_VECTOR };

static enum contents
contents_of(const struct drift_column *column)
{
    if (column->vocabulary || column->words) {
        return column->vocabulary ? COUNTED_WORDS : VOCABULARY;
    }
    return !column->sums ? NOTHING : column->is_mean ? MEAN_VECTOR : VECTOR_SUMS;
}

bool
drift_learner_is_whole(const struct drift_learner *learner)
{
    for (size_t known = 0; known < otc_feature_set_count(learner->set); known++) {
        const struct otc_feature *feature = otc_feature_set_at(learner->set, known);
        size_t index = learner->of_known[known];

        if ((feature->vocabulary || feature->embedding) && index && !learner->columns[index - 1].gave_up &&
            contents_of(&learner->columns[index - 1]) == NOTHING) {
            return false;
        }
    }
    return true;
}

/* ---- Writing -------------------------------------------------------------------------------------- */

static void
save_vector(const struct drift_column *column, struct otc_buf *out)
{
    otc_put_u64(out, column->n_components);
    otc_put_u64(out, column->n_vectors);
    for (size_t i = 0; i < column->n_components; i++) {
        otc_put_f64(out, column->sums[i]);
    }
    otc_put_bool(out, column->components != NULL);
    if (column->components) {
        otc_components_builder_save(column->components, out);
    }
}

void
drift_learner_save_contents(const struct drift_learner *learner, struct otc_buf *out)
{
    for (size_t i = 0; i < learner->n; i++) {
        const struct drift_column *column = &learner->columns[i];
        enum contents contents = contents_of(column);

        if (contents == NOTHING) {
            continue;
        }
        otc_put_u64(out, i);
        otc_put_u64(out, contents);
        otc_put_bool(out, column->apart);
        if (contents == COUNTED_WORDS) {
            otc_vocabulary_save(column->vocabulary, out);
        } else if (contents == VOCABULARY) {
            otc_put_u64(out, column->n_words);
            for (size_t w = 0; w < column->n_words; w++) {
                otc_put_u64(out, column->words[w]);
            }
        } else {
            save_vector(column, out);
        }
    }
}

/* ---- Reading -------------------------------------------------------------------------------------- */

static bool
load_words(struct drift_learner *learner, struct drift_column *column, struct otc_reader *in)
{
    size_t n = otc_take_count(in, 1);

    column->words = calloc(OTC_VOCABULARY_WORDS, sizeof(*column->words));
    if (!column->words || n > OTC_VOCABULARY_WORDS) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        uint64_t word = otc_take_u64(in);

        if (word > UINT32_MAX || (i > 0 && word <= column->words[i - 1])) {
            return false;
        }
        column->words[i] = (uint32_t)word;
    }
    column->n_words = n;
    return !in->failed && (n > 0 || column->gave_up) &&
           otc_reference_builder_vocabulary(learner->builder, column->index, column->words, n);
}

static bool
load_components(struct drift_learner *learner, struct drift_column *column, struct otc_reader *in)
{
    if (!otc_take_bool(in)) {
        return !in->failed;
    }
    column->components = otc_components_builder_load(column->n_components, in);
    otc_reference_builder_components(learner->builder, column->index, column->components);
    return column->components != NULL;
}

static bool
load_vector(struct drift_learner *learner, struct drift_column *column, bool is_mean, struct otc_reader *in)
{
    column->sums = calloc(OTC_EMBEDDING_MAX, sizeof(*column->sums));
    column->n_components = otc_take_u64(in);
    column->n_vectors = otc_take_u64(in);
    column->is_mean = is_mean;
    if (!column->sums || column->n_components > OTC_EMBEDDING_MAX ||
        (column->n_components == 0) != (column->n_vectors == 0)) {
        return false;
    }
    for (size_t i = 0; i < column->n_components; i++) {
        column->sums[i] = otc_take_f64(in);
    }
    if (in->failed || !load_components(learner, column, in)) {
        return false;
    }
    return !is_mean || ((column->n_vectors > 0 || column->gave_up) &&
                        otc_reference_builder_center(learner->builder, column->index, column->sums,
                                                     column->n_components));
}

/* True when another column, loaded before, has filled the same feature of the builder. */
static bool
is_taken(const struct drift_learner *learner, const struct drift_column *column)
{
    for (size_t i = 0; i < learner->n; i++) {
        const struct drift_column *other = &learner->columns[i];

        if (other != column && other->index == column->index && contents_of(other) != NOTHING) {
            return true;
        }
    }
    return false;
}

/* The known feature of a column. */
static const struct otc_feature *
feature_of(const struct drift_learner *learner, size_t index)
{
    for (size_t known = 0; known < otc_feature_set_count(learner->set); known++) {
        if (learner->of_known[known] == index + 1) {
            return otc_feature_set_at(learner->set, known);
        }
    }
    return NULL;
}

static bool
load_one(struct drift_learner *learner, struct otc_reader *in)
{
    uint64_t index = otc_take_u64(in), contents = otc_take_u64(in);
    bool apart = otc_take_bool(in);
    struct drift_column *column = &learner->columns[index < learner->n ? index : 0];
    const struct otc_feature *feature = index < learner->n ? feature_of(learner, index) : NULL;

    if (in->failed || !feature || contents_of(column) != NOTHING || is_taken(learner, column)) {
        return false;
    }
    column->apart = apart;
    switch (contents) {
    case COUNTED_WORDS:
        column->vocabulary = feature->vocabulary ? otc_vocabulary_load(in) : NULL;
        return column->vocabulary != NULL;
    case VOCABULARY:
        return feature->vocabulary && load_words(learner, column, in);
    case VECTOR_SUMS:
    case MEAN_VECTOR:
        return feature->embedding && load_vector(learner, column, contents == MEAN_VECTOR, in);
    default:
        return false;
    }
}

bool
drift_learner_load_contents(struct drift_learner *learner, struct otc_reader *in)
{
    while (in->rest.len > 0) {
        if (!load_one(learner, in)) {
            return false;
        }
    }
    return !in->failed;
}
