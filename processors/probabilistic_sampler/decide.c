// SPDX-License-Identifier: Apache-2.0
#include "processors/probabilistic_sampler/decide.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

/* 2^56 */
#define COUNT_MAX SAMPLER_FOREVER_NOT
#define RANDOMNESS_MAX (COUNT_MAX - 1)
#define DIGITS 14
#define HASH_BITS 14
#define HASH_BUCKETS ((uint32_t)1 << HASH_BITS)

/* ---- Probabilities ------------------------------------------------------------------------------ */

bool
probabilistic_sampler_threshold(double probability, int precision, uint64_t *threshold)
{
    int leading_f, leading_0, digits;

    if (!(probability >= 1.0 / (double)COUNT_MAX && probability <= 1)) {
        return false;
    }
    *threshold = SAMPLER_ALWAYS;
    if (probability == 1) {
        return true;
    }
    /* A leading 0 or f says little: each makes room for one digit more. */
    (void)frexp(probability, &leading_f);
    (void)frexp(1 - probability, &leading_0);
    digits = precision + (leading_f < leading_0 ? leading_f : leading_0) / -4;
    *threshold = COUNT_MAX - (uint64_t)round(probability * (double)COUNT_MAX);
    if (digits < DIGITS) {
        int shift = 4 * (DIGITS - digits);

        *threshold = (*threshold + ((uint64_t)1 << (shift - 1))) >> shift << shift;
    }
    return true;
}

void
probabilistic_sampler_init(struct sampler *sampler, enum sampler_mode mode, float percentage, uint32_t seed,
                           int precision, bool fail_closed)
{
    float capped = percentage > 100 ? 100 : percentage;
    double ratio = (double)capped / 100;
    /* In single precision and rounded down, as since the Collector's first release. */
    uint32_t accepted = (uint32_t)(capped * (float)(HASH_BUCKETS / 100.0));

    *sampler = (struct sampler){mode, 0, ratio, precision, seed, fail_closed};
    if (percentage == 0 || (mode == SAMPLER_HASH_SEED && accepted == 0)) {
        sampler->mode = SAMPLER_NEVER;
    } else if (mode == SAMPLER_HASH_SEED) {
        sampler->threshold = (uint64_t)(HASH_BUCKETS - accepted) << (56 - HASH_BITS);
    } else if (mode == SAMPLER_EQUALIZING) {
        (void)probabilistic_sampler_threshold(ratio, precision, &sampler->threshold);
    }
}

/* ---- Randomness --------------------------------------------------------------------------------- */

/* FNV-1a of 32 bits. */
static uint32_t
hash_on(uint32_t hash, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ bytes[i]) * UINT32_C(16777619);
    }
    return hash;
}

/* The hash as a randomness: on top the 14 bits that decide, turned around since the older rule samples small
 * ones; the others keep it apart from those of other seeds. */
static uint64_t
hashed_randomness(struct otc_slice bytes, uint32_t seed)
{
    const uint8_t seed_bytes[] = {(uint8_t)seed, (uint8_t)(seed >> 8), (uint8_t)(seed >> 16),
                                  (uint8_t)(seed >> 24)};
    uint32_t hash = hash_on(hash_on(UINT32_C(2166136261), seed_bytes, 4), bytes.data, bytes.len);
    uint64_t bucket = hash & (HASH_BUCKETS - 1);
    uint64_t unused = hash >> (32 - HASH_BITS);
    uint64_t mixed = unused ^ unused << 10;

    return (HASH_BUCKETS - 1 - bucket) << 42 | mixed << 14 | bucket;
}

/* The last 7 bytes. */
static uint64_t
id_randomness(struct otc_slice trace_id)
{
    uint64_t randomness = 0;

    for (size_t i = trace_id.len - 7; i < trace_id.len; i++) {
        randomness = randomness << 8 | trace_id.data[i];
    }
    return randomness;
}

static void
set_randomness(struct sampler_item *item, uint64_t randomness)
{
    int len = snprintf(item->randomness_text, sizeof(item->randomness_text), "%014" PRIx64, randomness);

    item->sampling.has_randomness = true;
    item->sampling.randomness = randomness;
    item->sampling.randomness_text = otc_slice_of(item->randomness_text, (size_t)len);
}

static void
set_threshold(struct sampler_item *item, uint64_t threshold)
{
    int len = snprintf(item->threshold_text, sizeof(item->threshold_text), "%014" PRIx64, threshold);

    while (len > 1 && item->threshold_text[len - 1] == '0') {
        len--;
    }
    item->sampling.has_threshold = true;
    item->sampling.threshold = threshold;
    item->sampling.threshold_text = otc_slice_of(item->threshold_text, (size_t)len);
}

/* The hash is none of the specification's numbers: it is not mixed with them. */
static uint64_t
randomness_by_hash(const struct sampler *sampler, struct sampler_item *item)
{
    uint64_t randomness = RANDOMNESS_MAX;

    item->policy = SAMPLER_MISSING;
    if (item->trace_id.len > 0) {
        item->policy = SAMPLER_TRACE_ID_HASH;
        randomness = hashed_randomness(item->trace_id, sampler->seed);
    } else if (item->attribute.len > 0) {
        item->policy = SAMPLER_ATTRIBUTE;
        randomness = hashed_randomness(item->attribute, sampler->seed);
    }
    if (item->unreadable) {
        return randomness;
    }
    if (item->sampling.has_randomness) {
        item->problem = "item has sampling randomness, equalizing or proportional mode recommended";
    } else if (item->sampling.has_threshold) {
        item->problem = "item has sampling threshold, equalizing or proportional mode recommended";
    } else if (item->policy != SAMPLER_MISSING || !item->is_record) {
        set_randomness(item, randomness);
    }
    item->writes = !item->problem;
    return randomness;
}

static uint64_t
randomness_of(const struct sampler *sampler, struct sampler_item *item)
{
    item->problem = item->unreadable;
    item->writes = !item->unreadable;
    if (sampler->mode == SAMPLER_HASH_SEED) {
        return randomness_by_hash(sampler, item);
    }
    if (sampler->mode == SAMPLER_NEVER) {
        item->policy = SAMPLER_PRIORITY;
        item->writes |= item->is_record;
        return RANDOMNESS_MAX;
    }
    if (!item->unreadable && item->sampling.has_randomness) {
        item->policy = SAMPLER_RANDOMNESS;
        return item->sampling.randomness;
    }
    if (!item->unreadable && item->trace_id.len > 0) {
        item->policy = SAMPLER_TRACE_ID_W3C;
        return id_randomness(item->trace_id);
    }
    item->policy = SAMPLER_MISSING;
    return RANDOMNESS_MAX;
}

/* ---- Decision ----------------------------------------------------------------------------------- */

/* An item whose threshold says that it should not be here lost its meaning. */
static void
check_consistency(struct sampler_item *item, uint64_t randomness)
{
    struct otc_sampling *sampling = &item->sampling;

    if (item->problem) {
        return;
    }
    if (item->policy == SAMPLER_MISSING) {
        item->problem = "missing randomness";
    } else if (item->writes && sampling->has_threshold && sampling->threshold > randomness) {
        item->problem = "inconsistent arriving threshold: item should not have been sampled";
        sampling->has_threshold = false;
    }
}

static uint64_t
threshold_of(const struct sampler *sampler, const struct otc_sampling *arrived)
{
    uint64_t threshold = sampler->threshold;

    switch (sampler->mode) {
    case SAMPLER_HASH_SEED:
        break;
    case SAMPLER_NEVER:
        return SAMPLER_FOREVER_NOT;
    case SAMPLER_EQUALIZING:
        return arrived->has_threshold && arrived->threshold > threshold ? arrived->threshold : threshold;
    case SAMPLER_PROPORTIONAL: {
        double probability =
            arrived->has_threshold ? (double)(COUNT_MAX - arrived->threshold) / (double)COUNT_MAX : 1;

        return probabilistic_sampler_threshold(probability * sampler->ratio, sampler->precision, &threshold)
                   ? threshold
                   : SAMPLER_FOREVER_NOT;
    }
    }
    return threshold;
}

void
probabilistic_sampler_decide(const struct sampler *sampler, struct sampler_item *item)
{
    uint64_t randomness = randomness_of(sampler, item);
    uint64_t threshold;

    check_consistency(item, randomness);
    threshold = !item->problem         ? threshold_of(sampler, &item->sampling)
                : sampler->fail_closed ? SAMPLER_FOREVER_NOT
                                       : SAMPLER_ALWAYS;
    if (item->has_priority) {
        item->policy = SAMPLER_PRIORITY;
        threshold = item->priority;
    }
    item->sampled = threshold <= randomness;
    item->writes &= item->sampled;
    /* A probability never rises: what was sampled before at less stands for more. */
    if (item->writes && !(item->sampling.has_threshold && item->sampling.threshold > threshold)) {
        set_threshold(item, threshold);
    }
}
