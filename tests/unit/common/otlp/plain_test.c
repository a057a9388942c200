// SPDX-License-Identifier: Apache-2.0
/* The quick reading of plain attributes against the slow one, on attributes as SDKs write them, on others,
 * and on bytes that were changed. */
#include "common/otlp/plain.h"

#include "common/otlp/admit.h"
#include "common/otlp/edit_pairs.h"
#include "tests/fuzz/oracle/otlp_oracle.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define TAG (9u << 3 | OTC_WIRE_BYTES)
#define ROUNDS 20000

/** xorshift64*: the same in every run. */
static uint64_t
next_random(uint64_t *seed)
{
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    return *seed * UINT64_C(2685821657736338717);
}

/** A number of random size. */
static uint64_t
some_number(uint64_t *seed)
{
    uint64_t bits = next_random(seed);

    return bits >> next_random(seed) % 64;
}

static void
put_value(struct otc_buf *out, uint64_t *seed)
{
    uint8_t text[160] = {0};
    size_t value = otc_wire_begin(out, 2), inner;

    memset(text, 'v', sizeof(text));
    switch (next_random(seed) % 7) {
    case 0:
    case 1:
        otc_wire_put_bytes(out, 1,
                           otc_slice_of(text, next_random(seed) % (next_random(seed) % 8 ? 60 : 150)));
        break;
    case 2:
        otc_wire_put_number(out, 2, next_random(seed) % 2);
        break;
    case 3:
        otc_wire_put_number(out, 3, some_number(seed));
        break;
    case 4:
        otc_wire_put_fixed64(out, 4, next_random(seed));
        break;
    case 5:
        inner = otc_wire_begin(out, 5);
        otc_wire_end(out, inner);
        break;
    default: /* empty, or twice */
        for (uint64_t i = next_random(seed) % 3; i > 0; i--) {
            if (next_random(seed) % 2) {
                otc_wire_put_number(out, 3, some_number(seed));
            } else {
                otc_wire_put_fixed64(out, 4, next_random(seed));
            }
        }
    }
    otc_wire_end(out, value);
}

/** An attribute: mostly a plain one. */
static void
put_attribute(struct otc_buf *out, uint64_t *seed)
{
    static const char key[] =
        "a.key.of.a.length.that.varies.from.one.attribute.to.the.next.and.which.is.seldom."
        "longer.than.one.hundred.and.twenty-seven.bytes.but.it.may.be";
    size_t pair = otc_wire_begin(out, 9);
    size_t len = next_random(seed) % (next_random(seed) % 8 ? 40 : sizeof(key));
    bool value_first = next_random(seed) % 16 == 0;

    if (value_first) {
        put_value(out, seed);
    }
    if (next_random(seed) % 32 > 0) {
        otc_wire_put_bytes(out, 1, otc_slice_of(key, len));
    }
    if (!value_first && next_random(seed) % 32 > 0) {
        put_value(out, seed);
    }
    if (next_random(seed) % 32 == 0) {
        otc_wire_put_number(out, 3, 1);
    }
    otc_wire_end(out, pair);
}

/** What otc_plain_read must say. */
static bool
read_slowly(const uint8_t *p, const uint8_t *end, struct otc_plain *plain)
{
    struct otc_wire wire = otc_wire_of(otc_slice_of(p, (size_t)(end - p))), inner;
    struct otc_wire_field attribute, key, value;

    if (!otc_wire_next(&wire, &attribute) || p[0] != TAG || p[1] >= 128) {
        return false;
    }
    inner = otc_wire_of(attribute.bytes);
    if (!otc_wire_next(&inner, &key) || p[2] != (1 << 3 | OTC_WIRE_BYTES) || p[3] >= 128 ||
        !otc_wire_next(&inner, &value) || key.bytes.data[key.bytes.len] != (2 << 3 | OTC_WIRE_BYTES) ||
        inner.p != inner.end || value.bytes.data != key.bytes.data + key.bytes.len + 2) {
        return false;
    }
    *plain = (struct otc_plain){
        .key = key.bytes.data, .key_len = (uint32_t)key.bytes.len, .value = value.bytes.data, .end = wire.p};
    return true;
}

/** Both ways at the start of `bytes`. Nothing beyond them and what may be read is there. */
static bool
read_both_ways(struct otc_slice bytes)
{
    uint8_t *copy = calloc(1, bytes.len > OTC_PLAIN_REACH ? bytes.len : OTC_PLAIN_REACH);
    struct otc_plain quick, slow = {0};
    bool plain;

    assert_non_null(copy);
    memcpy(copy, bytes.data, bytes.len);
    plain = otc_plain_read(copy, copy + bytes.len, TAG, &quick);
    assert_int_equal(plain, read_slowly(copy, copy + bytes.len, &slow));
    if (plain) {
        assert_ptr_equal(quick.key, slow.key);
        assert_int_equal(quick.key_len, slow.key_len);
        assert_ptr_equal(quick.value, slow.value);
        assert_ptr_equal(quick.end, slow.end);
    }
    free(copy);
    return plain;
}

static void
attributes_are_plain_or_not_as_the_slow_reading_says(void **state)
{
    size_t plain = 0, changed_plain = 0;
    uint64_t seed = 1;

    (void)state;
    for (size_t i = 0; i < ROUNDS; i++) {
        OTC_AUTO_BUF struct otc_buf out = {.limit = 4096};

        put_attribute(&out, &seed);
        plain += read_both_ways(otc_buf_slice(&out));
        /* Its end is missing, or something follows it. */
        out.len -= next_random(&seed) % 3;
        put_attribute(&out, &seed);
        (void)read_both_ways(otc_buf_slice(&out));
        out.data[next_random(&seed) % 8 ? next_random(&seed) % 8 : next_random(&seed) % out.len] ^=
            (uint8_t)(1 << next_random(&seed) % 8);
        changed_plain += read_both_ways(otc_buf_slice(&out));
    }
    assert_in_range(plain, ROUNDS / 2, ROUNDS - 1);
    assert_in_range(changed_plain, ROUNDS / 100, ROUNDS - 1);
}

/* Lengths of more than one byte, whose first bytes fit each other as those of a plain attribute do. */
static void
long_lengths_are_not_taken_for_short_ones(void **state)
{
    uint8_t bytes[4096] = {0};

    (void)state;
    for (unsigned len = 0; len < 256; len++) {
        for (unsigned key_len = 0; key_len < 256; key_len++) {
            const uint8_t head[] = {TAG, (uint8_t)len, 1 << 3 | OTC_WIRE_BYTES, (uint8_t)key_len};
            const uint8_t value[] = {2 << 3 | OTC_WIRE_BYTES, (uint8_t)(len - key_len - 4)};

            memcpy(bytes, head, sizeof(head));
            memcpy(bytes + 4 + key_len, value, sizeof(value));
            assert_int_equal(read_both_ways(otc_slice_of(bytes, len % 2 ? sizeof(bytes) : 132)),
                             len < 128 && key_len + 4 <= len);
            memset(bytes, 0, 4 + 255 + 2);
        }
    }
}

/** The `len` bytes at `at`, before which eight more lie, both ways. */
static void
varint_both_ways(const uint8_t *at, size_t len, size_t *varints)
{
    const uint8_t *end = at + len;
    uint64_t bytes = 0, number = 0;
    bool is_one = otc_wire_varint(at, end, &number) == end;

    assert_int_equal(otc_plain_is_varint(end, len, &bytes), is_one && len <= 8);
    if (is_one && len <= 8) {
        assert_int_equal(otc_plain_varint(bytes), number);
        ++*varints;
    }
}

static void
varints_are_read_at_once_as_they_are_byte_by_byte(void **state)
{
    uint8_t bytes[8 + 12];
    size_t varints = 0;
    uint64_t seed = 2;

    (void)state;
    for (size_t i = 0; i < ROUNDS; i++) {
        size_t len = 1 + next_random(&seed) % 10;

        for (size_t k = 0; k < sizeof(bytes); k++) {
            bytes[k] = (uint8_t)next_random(&seed);
        }
        varint_both_ways(bytes + 8, len, &varints);
        /* All that must go on does, and the last does not; but then one bit may be wrong. */
        for (size_t k = 0; k < len; k++) {
            bytes[8 + k] = (uint8_t)(k + 1 < len ? bytes[8 + k] | 0x80 : bytes[8 + k] & 0x7f);
        }
        varint_both_ways(bytes + 8, len, &varints);
        bytes[8 + next_random(&seed) % len] ^= 0x80;
        varint_both_ways(bytes + 8, len, &varints);
    }
    assert_in_range(varints, ROUNDS / 2, (uint64_t)3 * ROUNDS);
}

/** A request with one span of some attributes; `pad`: with an unknown field behind, so that all of them are
 * far enough from the end to be read as plain ones. */
static struct otc_buf
request_of(struct otc_slice attributes, bool pad)
{
    static const uint8_t id[24] = {1, [16] = 1}, padding[OTC_PLAIN_REACH] = {0};
    struct otc_buf out = {.limit = 1 << 16};
    size_t resource = otc_wire_begin(&out, 1), scope = otc_wire_begin(&out, 2),
           span = otc_wire_begin(&out, 2);

    otc_wire_put_bytes(&out, 1, otc_slice_of(id, 16));
    otc_wire_put_bytes(&out, 2, otc_slice_of(id + 16, 8));
    otc_buf_append(&out, attributes.data, attributes.len);
    otc_wire_put_fixed64(&out, 8, 5);
    otc_wire_end(&out, span);
    otc_wire_end(&out, scope);
    otc_wire_end(&out, resource);
    if (pad) {
        otc_wire_put_bytes(&out, 15, otc_slice_of(padding, sizeof(padding)));
    }
    assert_false(out.failed);
    return out;
}

/** The least `max_decoded_bytes` with which the request is admitted. */
static size_t
decoded_size(struct otc_slice request)
{
    size_t too_few = 0, enough = 1 << 20;

    while (enough - too_few > 1) {
        struct otc_admission limits = {.max_decoded_bytes = too_few + (enough - too_few) / 2};
        struct otc_admitted admitted;

        *(otc_admit(OTC_TRACES, request, &limits, &admitted, NULL) == OTC_OK ? &enough : &too_few) =
            limits.max_decoded_bytes;
    }
    return enough;
}

/** The same bytes in both places: both are admitted or neither, with the same findings. */
static bool
admitted_both_ways(struct otc_slice near_the_end, struct otc_slice far_from_it)
{
    struct otc_admitted slow, quick;
    otc_status status = otc_admit(OTC_TRACES, near_the_end, NULL, &slow, NULL);

    assert_int_equal(otc_admit(OTC_TRACES, far_from_it, NULL, &quick, NULL), status);
    if (status == OTC_OK) {
        assert_memory_equal(&slow, &quick, sizeof(slow));
    }
    return status == OTC_OK;
}

static void
rows_of_attributes_are_walked_and_admitted_as_single_ones_are(void **state)
{
    size_t admitted = 0, agreed = 0;
    uint64_t seed = 3;

    (void)state;
    for (size_t i = 0; i < ROUNDS / 10; i++) {
        OTC_AUTO_BUF struct otc_buf attributes = {.limit = 4096};
        char why[256];

        /* Few enough that all lie near the end of the shorter request. */
        put_attribute(&attributes, &seed);
        if (attributes.len < 40) {
            put_attribute(&attributes, &seed);
        }
        if (i % 2) {
            attributes.data[2 + next_random(&seed) % (attributes.len - 2)] ^=
                (uint8_t)(1 << next_random(&seed) % 8);
        }
        OTC_AUTO_BUF struct otc_buf near = request_of(otc_buf_slice(&attributes), false);
        OTC_AUTO_BUF struct otc_buf far = request_of(otc_buf_slice(&attributes), true);
        enum otc_oracle_answer answer = otc_oracle_check(OTC_TRACES, otc_buf_slice(&far), NULL, why);

        if (answer == OTC_ORACLE_DISAGREES) {
            fail_msg("%zu: %s", i, why);
        }
        agreed += answer == OTC_ORACLE_AGREES;
        admitted += admitted_both_ways(otc_buf_slice(&near), otc_buf_slice(&far));
    }
    assert_in_range(admitted, ROUNDS / 20, ROUNDS / 10 - 1);
    assert_in_range(agreed, ROUNDS / 20, ROUNDS / 10 - 1);
}

/* What admission adds up is an upper estimate: of a row of plain attributes not less than of single ones, and
 * not much more. */
static void
rows_of_attributes_have_the_decoded_size_of_single_ones(void **state)
{
    uint64_t seed = 4;

    (void)state;
    for (size_t i = 0; i < 200; i++) {
        OTC_AUTO_BUF struct otc_buf attributes = {.limit = 4096};

        put_attribute(&attributes, &seed);
        OTC_AUTO_BUF struct otc_buf near = request_of(otc_buf_slice(&attributes), false);
        OTC_AUTO_BUF struct otc_buf far = request_of(otc_buf_slice(&attributes), true);
        OTC_AUTO_BUF struct otc_buf none = request_of(OTC_SLICE_NONE, false);
        OTC_AUTO_BUF struct otc_buf pad = request_of(OTC_SLICE_NONE, true);
        size_t slow = decoded_size(otc_buf_slice(&near)) - decoded_size(otc_buf_slice(&none));
        size_t quick = decoded_size(otc_buf_slice(&far)) - decoded_size(otc_buf_slice(&pad));

        assert_in_range(quick, slow, slow + 48);
    }
}

/** The pairs of the request's span. */
static void
load_pairs(struct otc_slice request, struct otc_edit *edit, struct otc_pairs *pairs)
{
    struct otc_slice resource, scope, span;

    assert_true(otc_messages_next(&request, 1, &resource));
    assert_true(otc_messages_next(&resource, 2, &scope));
    assert_true(otc_messages_next(&scope, 2, &span));
    otc_pairs_load(pairs, edit, OTC_ATTRIBUTES_SPAN, span);
}

/** The same text at the same place. */
static void
assert_same_place(struct otc_slice near, const uint8_t *near_start, struct otc_slice far,
                  const uint8_t *far_start)
{
    assert_int_equal(near.len, far.len);
    assert_int_equal(near.data - near_start, far.data - far_start);
}

static void
assert_same_value(const struct otc_value *near, const uint8_t *near_start, const struct otc_value *far,
                  const uint8_t *far_start)
{
    assert_int_equal(near->type, far->type);
    if (near->type == OTC_VALUE_BOOL) {
        assert_int_equal(near->as.boolean, far->as.boolean);
    } else if (near->type == OTC_VALUE_INT || near->type == OTC_VALUE_DOUBLE) {
        assert_int_equal(near->as.integer, far->as.integer);
    } else if (near->type != OTC_VALUE_EMPTY) {
        assert_same_place(near->as.slice, near_start, far->as.slice, far_start);
    }
}

static void
pairs_are_loaded_from_rows_as_from_single_attributes(void **state)
{
    uint64_t seed = 5;
    size_t n = 0;

    (void)state;
    for (size_t i = 0; i < ROUNDS / 10; i++) {
        OTC_AUTO_BUF struct otc_buf attributes = {.limit = 4096};
        OTC_AUTO_PAIRS struct otc_pairs near_pairs = {0}, far_pairs = {0};
        struct otc_edit near_edit, far_edit;

        put_attribute(&attributes, &seed);
        OTC_AUTO_BUF struct otc_buf near = request_of(otc_buf_slice(&attributes), false);
        OTC_AUTO_BUF struct otc_buf far = request_of(otc_buf_slice(&attributes), true);

        otc_edit_init(&near_edit);
        otc_edit_init(&far_edit);
        otc_edit_begin(&near_edit, otc_buf_slice(&near));
        otc_edit_begin(&far_edit, otc_buf_slice(&far));
        load_pairs(otc_buf_slice(&near), &near_edit, &near_pairs);
        load_pairs(otc_buf_slice(&far), &far_edit, &far_pairs);
        assert_int_equal(near_pairs.n, far_pairs.n);
        assert_int_equal(near_pairs.at.data - near.data, far_pairs.at.data - far.data);
        for (size_t k = 0; k < near_pairs.n; k++) {
            const struct otc_pair_edit *a = &near_pairs.items[k], *b = &far_pairs.items[k];

            assert_same_place(a->key, near.data, b->key, far.data);
            assert_same_value(&a->value, near.data, &b->value, far.data);
            assert_same_place(a->encoded, near.data, b->encoded, far.data);
            assert_same_place(a->field, near.data, b->field, far.data);
            assert_int_equal(a->state, b->state);
            n++;
        }
        otc_edit_release(&near_edit);
        otc_edit_release(&far_edit);
    }
    assert_in_range(n, ROUNDS / 20, ROUNDS / 10);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attributes_are_plain_or_not_as_the_slow_reading_says),
        cmocka_unit_test(long_lengths_are_not_taken_for_short_ones),
        cmocka_unit_test(varints_are_read_at_once_as_they_are_byte_by_byte),
        cmocka_unit_test(rows_of_attributes_are_walked_and_admitted_as_single_ones_are),
        cmocka_unit_test(rows_of_attributes_have_the_decoded_size_of_single_ones),
        cmocka_unit_test(pairs_are_loaded_from_rows_as_from_single_attributes),
    };

    return cmocka_run_group_tests_name("common/otlp/plain", tests, NULL, NULL);
}
