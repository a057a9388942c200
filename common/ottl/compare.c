// SPDX-License-Identifier: Apache-2.0
/* Values against each other, as the Collector's OTTL compares them. */
#include "common/otlp/walk.h"
#include "common/ottl/condition_impl.h"

#include <stdlib.h>

/* Levels of lists and maps; admission lets 64 in. */
#define DEPTH_MAX 64

struct pair {
    struct otc_slice key;
    struct otc_value value;
};

static bool same(struct otc_condition_reader *reader, const struct otc_value *a, const struct otc_value *b,
                 unsigned depth);

/* ---- Lists and maps ----------------------------------------------------------------------------- */

static bool
same_lists(struct otc_condition_reader *reader, struct otc_slice a, struct otc_slice b, unsigned depth)
{
    struct otc_value x, y;

    for (;;) {
        bool more = otc_array_next(&a, &x);

        if (more != otc_array_next(&b, &y)) {
            return false;
        }
        if (!more || !same(reader, &x, &y, depth)) {
            return !more;
        }
    }
}

static bool
next_pair(struct otc_slice *rest, struct pair *out)
{
    return otc_attributes_next(OTC_ATTRIBUTES_KVLIST, rest, &out->key, &out->value);
}

/* By key; of those that come twice by place. */
static int
compare_pairs(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    int order = otc_slice_compare(x->key, y->key);

    return order ? order : (x->key.data > y->key.data) - (x->key.data < y->key.data);
}

static struct pair *
sorted(struct otc_condition_reader *reader, struct otc_slice map, size_t n)
{
    struct pair *pairs = otc_arena_alloc(reader->texts, n * sizeof(*pairs));

    for (size_t i = 0; pairs && i < n; i++) {
        (void)next_pair(&map, &pairs[i]);
    }
    if (pairs) {
        qsort(pairs, n, sizeof(*pairs), compare_pairs);
    }
    return pairs;
}

/* Maps of n pairs each, whose keys are in different orders. */
static bool
same_sorted(struct otc_condition_reader *reader, struct otc_slice a, struct otc_slice b, size_t n,
            unsigned depth)
{
    const struct pair *x = sorted(reader, a, n), *y = x ? sorted(reader, b, n) : NULL;

    if (!y) {
        return otc_ottl_fail(reader, "out of memory for two maps");
    }
    for (size_t i = 0; i < n; i++) {
        if (!otc_slice_equal(x[i].key, y[i].key) || !same(reader, &x[i].value, &y[i].value, depth)) {
            return false;
        }
    }
    return true;
}

/* Maps whose keys are in one order. */
static bool
same_in_order(struct otc_condition_reader *reader, struct otc_slice a, struct otc_slice b, unsigned depth)
{
    struct pair x, y;

    while (next_pair(&a, &x) && next_pair(&b, &y)) {
        if (!same(reader, &x.value, &y.value, depth)) {
            return false;
        }
    }
    return true;
}

/* Keys first: values, which may be maps again, are looked at once. */
static bool
same_maps(struct otc_condition_reader *reader, struct otc_slice a, struct otc_slice b, unsigned depth)
{
    struct otc_slice rest_a = a, rest_b = b;
    struct pair x, y;
    bool in_order = true;
    size_t n = 0;

    for (;; n++) {
        bool more = next_pair(&rest_a, &x);

        if (more != next_pair(&rest_b, &y)) {
            return false;
        }
        if (!more) {
            return in_order ? same_in_order(reader, a, b, depth) : same_sorted(reader, a, b, n, depth);
        }
        in_order = in_order && otc_slice_equal(x.key, y.key);
    }
}

/* Types included: an integer within a list is no double. */
static bool
same(struct otc_condition_reader *reader, const struct otc_value *a, const struct otc_value *b,
     unsigned depth)
{
    bool nested = a->type == OTC_VALUE_ARRAY || a->type == OTC_VALUE_KVLIST;

    if (a->type != b->type) {
        return otc_ottl_is_nil(a) && otc_ottl_is_nil(b);
    }
    if (nested && depth == DEPTH_MAX) {
        return otc_slice_equal(a->as.slice, b->as.slice);
    }
    if (nested) {
        return (a->type == OTC_VALUE_ARRAY ? same_lists : same_maps)(reader, a->as.slice, b->as.slice,
                                                                     depth + 1);
    }
    return otc_ottl_compare(reader, a, b) == 0;
}

/* ---- Values ------------------------------------------------------------------------------------- */

/* What is not there; empty bytes, too. */
static bool
is_nothing(const struct otc_value *value)
{
    return otc_ottl_is_nil(value) || (value->type == OTC_VALUE_BYTES && value->as.slice.len == 0);
}

int
otc_ottl_compare(struct otc_condition_reader *reader, const struct otc_value *a, const struct otc_value *b)
{
    double x, y;
    int order;

    if (is_nothing(a) && is_nothing(b)) {
        return 0;
    }
    if (a->type == OTC_VALUE_INT && b->type == OTC_VALUE_INT) {
        return (a->as.integer > b->as.integer) - (a->as.integer < b->as.integer);
    }
    if (otc_ottl_as_number(a, &x) && otc_ottl_as_number(b, &y)) {
        return x < y ? -1 : x > y ? 1 : x == y ? 0 : OTC_OTTL_UNORDERED;
    }
    if (a->type != b->type || is_nothing(a) || is_nothing(b)) {
        return OTC_OTTL_UNORDERED;
    }
    if (a->type == OTC_VALUE_BOOL) {
        return a->as.boolean - b->as.boolean;
    }
    if (a->type == OTC_VALUE_STRING || a->type == OTC_VALUE_BYTES) {
        order = otc_slice_compare(a->as.slice, b->as.slice);
        return (order > 0) - (order < 0);
    }
    return same(reader, a, b, 0) ? OTC_OTTL_SAME : OTC_OTTL_UNORDERED;
}
