// SPDX-License-Identifier: Apache-2.0
/* Shapes that no SDK writes and every reader must understand. */
#include "common/otlp/walk.h"

#include "common/otlp/admit.h"
#include "common/otlp/wire.h"
#include "tests/fuzz/oracle/otlp_oracle.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Opens request, resource and scope messages around what a test writes. */
struct around {
    struct otc_buf out;
    size_t request, scope;
};

static struct around
open_request(void)
{
    struct around a = {.out = {.limit = (size_t)1 << 24}};

    a.request = otc_wire_begin(&a.out, 1);
    a.scope = otc_wire_begin(&a.out, 2);
    return a;
}

static void
close_scope(struct around *a)
{
    otc_wire_end(&a->out, a->scope);
}

static struct otc_slice
close_request(struct around *a)
{
    otc_wire_end(&a->out, a->request);
    assert_false(a->out.failed);
    return otc_buf_slice(&a->out);
}

static void
put_pair(struct otc_buf *out, uint32_t field, const char *key, const char *text)
{
    size_t pair = otc_wire_begin(out, field), value;

    otc_wire_put_bytes(out, 1, otc_slice_str(key));
    value = otc_wire_begin(out, 2);
    otc_wire_put_bytes(out, 1, otc_slice_str(text));
    otc_wire_end(out, value);
    otc_wire_end(out, pair);
}

#define SEEN_MAX 8

/** What the visitor saw, copied. */
struct seen {
    size_t n;
    size_t stop_after;
    size_t n_wanted;
    char values[SEEN_MAX][4][32];
    char name[SEEN_MAX][32];
    size_t matches[SEEN_MAX], lost[SEEN_MAX], resource_index[SEEN_MAX], scope_index[SEEN_MAX];
    int32_t status_code;
    char status_message[32];
};

static void
copy(char out[32], struct otc_slice text)
{
    snprintf(out, 32, "%.*s", OTC_SLICE_ARG(text));
}

static bool
see_span(void *arg, const struct otc_span *span)
{
    struct seen *seen = arg;
    size_t at = seen->n++;

    assert_true(at < SEEN_MAX);
    for (size_t i = 0; i < seen->n_wanted; i++) {
        const struct otc_value *value = &span->record.values[i];

        copy(seen->values[at][i], value->type == OTC_VALUE_STRING   ? value->as.slice
                                  : value->type == OTC_VALUE_ABSENT ? otc_slice_str("-")
                                                                    : otc_slice_str("?"));
    }
    copy(seen->name[at], span->name);
    copy(seen->status_message, span->status_message);
    seen->status_code = span->status_code;
    seen->matches[at] = span->record.n_matches;
    seen->lost[at] = span->record.matches_lost;
    seen->resource_index[at] = span->record.resource_index;
    seen->scope_index[at] = span->record.scope_index;
    return seen->n != seen->stop_after;
}

static struct seen
walk_spans(struct otc_slice request, const struct otc_wanted *wanted, size_t n, size_t stop_after)
{
    struct seen seen = {.stop_after = stop_after, .n_wanted = n};
    struct otc_projection *projection = NULL;
    struct otc_error err = OTC_ERROR_INIT;

    assert_int_equal(otc_projection_new(wanted, n, &projection, &err), OTC_OK);
    if (otc_walk_spans(projection, request, see_span, &seen, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    otc_projection_free(projection);
    return seen;
}

static void
resource_and_scope_may_follow_their_spans_and_come_in_pieces(void **state)
{
    static const struct otc_wanted wanted[] = {{"r1", OTC_AT_RESOURCE, false},
                                               {"r2", OTC_AT_ANY, false},
                                               {"s", OTC_AT_SCOPE, false},
                                               {"s", OTC_AT_RECORD, false}};
    struct around a = open_request();
    size_t mark = otc_wire_begin(&a.out, 2);

    (void)state;
    otc_wire_put_bytes(&a.out, 5, otc_slice_str("late"));
    otc_wire_end(&a.out, mark);
    mark = otc_wire_begin(&a.out, 1);
    put_pair(&a.out, 3, "s", "one");
    otc_wire_end(&a.out, mark);
    mark = otc_wire_begin(&a.out, 1);
    put_pair(&a.out, 3, "s", "two");
    otc_wire_end(&a.out, mark);
    close_scope(&a);
    mark = otc_wire_begin(&a.out, 1);
    put_pair(&a.out, 1, "r1", "x");
    otc_wire_end(&a.out, mark);
    mark = otc_wire_begin(&a.out, 1);
    put_pair(&a.out, 1, "r2", "y");
    otc_wire_end(&a.out, mark);

    struct seen seen = walk_spans(close_request(&a), wanted, 4, 0);

    assert_int_equal(seen.n, 1);
    assert_string_equal(seen.values[0][0], "x");
    assert_string_equal(seen.values[0][1], "y");
    assert_string_equal(seen.values[0][2], "two");
    assert_string_equal(seen.values[0][3], "-");
    otc_buf_release(&a.out);
}

static void
a_record_hides_scope_and_resource_and_the_next_record_does_not_inherit(void **state)
{
    static const struct otc_wanted wanted[] = {
        {"k", OTC_AT_ANY, false},
        {"k", OTC_AT_RECORD, false},
        {"a.prefix.", OTC_AT_RECORD, true},
        {"a-key-of-more-than-sixty-three-bytes-a-key-of-more-than-sixty-three-bytes", OTC_AT_ANY, false}};
    struct around a = {.out = {.limit = 65536}};
    size_t mark;

    (void)state;
    a.request = otc_wire_begin(&a.out, 1);
    mark = otc_wire_begin(&a.out, 1);
    put_pair(&a.out, 1, "k", "resource");
    otc_wire_end(&a.out, mark);
    a.scope = otc_wire_begin(&a.out, 2);
    mark = otc_wire_begin(&a.out, 2);
    put_pair(&a.out, 9, "k", "first");
    put_pair(&a.out, 9, "k", "last");
    put_pair(&a.out, 9, "a.prefix.x", "1");
    put_pair(&a.out, 9, "a.prefix", "too short");
    put_pair(&a.out, 9, wanted[3].key, "long");
    otc_wire_end(&a.out, mark);
    mark = otc_wire_begin(&a.out, 2);
    otc_wire_end(&a.out, mark);
    close_scope(&a);

    struct seen seen = walk_spans(close_request(&a), wanted, 4, 0);

    assert_int_equal(seen.n, 2);
    assert_string_equal(seen.values[0][0], "last");
    assert_string_equal(seen.values[0][1], "last");
    assert_string_equal(seen.values[0][3], "long");
    assert_int_equal(seen.matches[0], 1);
    assert_string_equal(seen.values[1][0], "resource");
    assert_string_equal(seen.values[1][1], "-");
    assert_string_equal(seen.values[1][3], "-");
    assert_int_equal(seen.matches[1], 0);
    otc_buf_release(&a.out);
}

static void
a_value_may_precede_its_key_groups_are_skipped_and_the_last_scalar_wins(void **state)
{
    static const struct otc_wanted wanted[] = {{"key", OTC_AT_RECORD, false}};
    /* KeyValue{value: "v", key: "key"}; group 99 around an unknown field; name twice; status in two pieces.
     */
    static const uint8_t span[] = {0x4a, 0x0a, 0x12, 0x03, 0x0a, 0x01, 'v',  0x0a, 0x03, 'k',  'e',
                                   'y',  0x9b, 0x06, 0x08, 0x01, 0x9c, 0x06, 0x2a, 0x01, 'a',  0x2a,
                                   0x01, 'b',  0x7a, 0x02, 0x18, 0x02, 0x7a, 0x03, 0x12, 0x01, 'm'};
    struct around a = open_request();

    (void)state;
    otc_wire_put_bytes(&a.out, 2, otc_slice_of(span, sizeof(span)));
    close_scope(&a);

    struct seen seen = walk_spans(close_request(&a), wanted, 1, 0);
    struct otc_admitted admitted;

    assert_string_equal(seen.values[0][0], "v");
    assert_string_equal(seen.name[0], "b");
    assert_int_equal(seen.status_code, 2);
    assert_string_equal(seen.status_message, "m");
    assert_int_equal(otc_admit(OTC_TRACES, otc_buf_slice(&a.out), NULL, &admitted, NULL), OTC_OK);
    otc_buf_release(&a.out);
}

static void
a_visitor_may_stop_and_resources_are_numbered(void **state)
{
    /* Two resources of one span each, the second with a second scope of two spans. */
    static const uint8_t request[] = {0x0a, 0x04, 0x12, 0x02, 0x12, 0x00, 0x0a, 0x0a, 0x12,
                                      0x02, 0x12, 0x00, 0x12, 0x04, 0x12, 0x00, 0x12, 0x00};
    struct seen seen = walk_spans(otc_slice_of(request, sizeof(request)), NULL, 0, 0);

    (void)state;
    assert_int_equal(seen.n, 4);
    for (size_t i = 0; i < 4; i++) {
        static const size_t resources[] = {0, 1, 1, 1}, scopes[] = {0, 1, 2, 2};

        assert_int_equal(seen.resource_index[i], resources[i]);
        assert_int_equal(seen.scope_index[i], scopes[i]);
    }
    assert_int_equal(walk_spans(otc_slice_of(request, sizeof(request)), NULL, 0, 1).n, 1);
    assert_int_equal(walk_spans(OTC_SLICE_NONE, NULL, 0, 0).n, 0);
}

static void
a_record_owns_what_is_its_own(void **state)
{
    uint64_t own[3] = {0};
    const struct otc_record record = {.own = own};

    (void)state;
    for (size_t bit = 0; bit < 192; bit++) {
        memset(own, 0, sizeof(own));
        own[bit / 64] = UINT64_C(1) << (bit % 64);
        assert_false(otc_record_owns(&record, 0));
        assert_false(otc_record_owns(&record, bit));
        assert_true(otc_record_owns(&record, bit + 1));
        assert_true(otc_record_owns(&record, 192));
    }
}

static void
surplus_prefix_matches_are_counted(void **state)
{
    static const struct otc_wanted wanted[] = {{"p", OTC_AT_RECORD, true}};
    struct around a = open_request();
    size_t mark = otc_wire_begin(&a.out, 2);

    (void)state;
    for (int i = 0; i < OTC_MATCHES_MAX + 5; i++) {
        put_pair(&a.out, 9, "pq", "v");
    }
    otc_wire_end(&a.out, mark);
    close_scope(&a);

    struct seen seen = walk_spans(close_request(&a), wanted, 1, 0);

    assert_int_equal(seen.matches[0], OTC_MATCHES_MAX);
    assert_int_equal(seen.lost[0], 5);
    otc_buf_release(&a.out);
}

static bool
see_histogram(void *arg, const struct otc_point *point)
{
    static const uint64_t want[] = {1, 2, 3, 4, 5};
    struct otc_words_cursor cursor = {0};
    struct otc_varint_cursor varints = {0};
    uint64_t got;
    size_t *n = arg;

    if (point->type == OTC_METRIC_EXPONENTIAL_HISTOGRAM) {
        assert_int_equal(point->positive.n, 3);
        assert_int_equal(point->positive.offset, -3);
        for (uint64_t i = 0; i < 3; i++) {
            assert_true(otc_exp_buckets_next(&point->positive, &varints, &got));
            assert_int_equal(got, 300 + i);
        }
        assert_false(otc_exp_buckets_next(&point->positive, &varints, &got));
        ++*n;
        return true;
    }
    assert_int_equal(point->bucket_counts.n, 5);
    assert_int_equal(point->bucket_counts.runs, 3);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(otc_words_get(&point->bucket_counts, i), want[i]);
        assert_true(otc_words_next(&point->bucket_counts, &cursor, &got));
        assert_int_equal(got, want[i]);
    }
    assert_false(otc_words_next(&point->bucket_counts, &cursor, &got));
    assert_int_equal(otc_words_get(&point->bucket_counts, 5), 0);
    assert_int_equal(otc_words_get(&point->explicit_bounds, 0), 0);
    ++*n;
    return true;
}

static void
words_and_buckets_may_come_in_several_runs(void **state)
{
    static const uint64_t first[] = {1, 2}, last[] = {4, 5};
    struct around a = open_request();
    size_t metric = otc_wire_begin(&a.out, 2), data = otc_wire_begin(&a.out, 9),
           mark = otc_wire_begin(&a.out, 1), n = 0;

    (void)state;
    otc_wire_put_bytes(&a.out, 6, otc_slice_of(first, 16));
    otc_wire_put_fixed64(&a.out, 6, 3);
    otc_wire_put_bytes(&a.out, 6, OTC_SLICE_NONE);
    otc_wire_put_bytes(&a.out, 6, otc_slice_of(last, 16));
    otc_wire_end(&a.out, mark);
    otc_wire_end(&a.out, data);
    otc_wire_end(&a.out, metric);
    metric = otc_wire_begin(&a.out, 2);
    data = otc_wire_begin(&a.out, 10);
    mark = otc_wire_begin(&a.out, 1);
    otc_wire_put_bytes(&a.out, 8, otc_slice_of("\x08\x05\x12\x04\xac\x02\xad\x02", 8));
    otc_wire_put_bytes(&a.out, 8, otc_slice_of("\x10\xae\x02", 3));
    otc_wire_end(&a.out, mark);
    otc_wire_end(&a.out, data);
    otc_wire_end(&a.out, metric);
    close_scope(&a);
    assert_int_equal(otc_walk_points(NULL, close_request(&a), see_histogram, &n, NULL), OTC_OK);
    assert_int_equal(n, 2);
    otc_buf_release(&a.out);
}

static bool
see_nothing(void *arg, const struct otc_span *span)
{
    (void)span;
    ++*(size_t *)arg;
    return true;
}

static void
malformed_bytes_are_refused_with_their_place(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *text;
    } cases[] = {
        {"\x0a", 1, "otlp: malformed protobuf at byte 0"},             /* no length */
        {"\x0a\x05\x12", 3, "otlp: malformed protobuf at byte 0"},     /* beyond the end */
        {"\x0a\x02\x12\x7f", 4, "otlp: malformed protobuf at byte 2"}, /* inner length */
        {"\x08\x01", 2, "otlp: malformed protobuf at byte 0"},         /* wrong type on field 1 */
        {"\x02\x00", 2, "otlp: malformed protobuf at byte 0"},         /* field 0 */
        {"\x16\x00", 2, "otlp: malformed protobuf at byte 0"},         /* wire type 6 */
        {"\x13\x1c", 2, "otlp: malformed protobuf at byte 0"},         /* group ended by another */
        {"\x13", 1, "otlp: malformed protobuf at byte 0"},             /* open group */
        {"\x14", 1, "otlp: malformed protobuf at byte 0"},             /* end of no group */
        {"\x10\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 12, "otlp: malformed protobuf at byte 0"},
        {"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 10,
         "otlp: malformed protobuf at byte 0"},                                        /* length 2^63 */
        {"\x0a\x06\x12\x04\x12\x02\x0a\x7f", 8, "otlp: malformed protobuf at byte 6"}, /* in the span */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct otc_slice request = otc_slice_of(cases[i].bytes, cases[i].len);
        struct otc_error err = OTC_ERROR_INIT, walked = OTC_ERROR_INIT;
        struct otc_admitted admitted;
        size_t n = 0;

        assert_int_equal(otc_admit(OTC_TRACES, request, NULL, &admitted, &err), OTC_INVALID_ARGUMENT);
        assert_string_equal(err.text, cases[i].text);
        assert_true(err.permanent);
        assert_int_equal(otc_walk_spans(NULL, request, see_nothing, &n, &walked), OTC_INVALID_ARGUMENT);
        assert_string_equal(walked.text, cases[i].text);
        assert_int_equal(n, 0);
    }
}

static void
a_projection_has_a_limit(void **state)
{
    struct otc_wanted wanted[OTC_PROJECTION_MAX + 1];
    struct otc_projection *projection = NULL;

    (void)state;
    for (size_t i = 0; i <= OTC_PROJECTION_MAX; i++) {
        wanted[i] = (struct otc_wanted){"k", OTC_AT_ANY, false};
    }
    assert_int_equal(otc_projection_new(wanted, OTC_PROJECTION_MAX + 1, &projection, NULL),
                     OTC_INVALID_ARGUMENT);
    assert_int_equal(otc_projection_new(wanted, OTC_PROJECTION_MAX, &projection, NULL), OTC_OK);
    otc_projection_free(projection);
    otc_projection_free(NULL);
}

#define N_NAMES 368

/* Names of every length up to 120 with a letter more or less in their middle, and names that differ in their
 * last eight bytes alone. */
static void
name_of(size_t i, char name[128])
{
    size_t len = i < 240 ? 1 + i % 120 : 8;

    memset(name, 'x', len);
    name[len] = '\0';
    if (i >= 240) {
        snprintf(name + len, 9, "%08x", (unsigned)i * 2654435761u);
    } else if (i >= 120) {
        name[len / 2] = 'y';
    }
}

/** Half of the names are wanted, some of them twice. Returns how many are. */
static size_t
wanted_names(char names[N_NAMES][128], struct otc_wanted *wanted)
{
    size_t n = 0;

    for (size_t i = 0; i < N_NAMES; i++) {
        name_of(i, names[i]);
        for (size_t times = (i + i / 120 + i / 16) % 2 ? 0 : 1 + (i % 6 == 0); times > 0; times--) {
            wanted[n++] = (struct otc_wanted){names[i], OTC_AT_RECORD, false};
        }
    }
    return n;
}

struct named {
    const struct otc_wanted *wanted;
    size_t n;
    bool seen;
};

static bool
see_names(void *arg, const struct otc_span *span)
{
    struct named *named = arg;

    for (size_t i = 0; i < named->n; i++) {
        assert_int_equal(span->record.values[i].type, OTC_VALUE_STRING);
        if (!otc_slice_equal(span->record.values[i].as.slice, otc_slice_str(named->wanted[i].key))) {
            fail_msg("%s has the value of %.*s", named->wanted[i].key,
                     OTC_SLICE_ARG(span->record.values[i].as.slice));
        }
    }
    named->seen = true;
    return true;
}

/* The value of each attribute is its name. */
static void
wanted_names_are_told_apart_by_all_of_their_bytes(void **state)
{
    static char names[N_NAMES][128];
    struct otc_wanted wanted[OTC_PROJECTION_MAX];
    struct named named = {.wanted = wanted, .n = wanted_names(names, wanted)};
    struct otc_projection *projection = NULL;
    struct around a = open_request();
    size_t span = otc_wire_begin(&a.out, 2);

    (void)state;
    for (size_t i = 0; i < N_NAMES; i++) {
        put_pair(&a.out, 9, names[i], names[i]);
    }
    otc_wire_end(&a.out, span);
    close_scope(&a);
    assert_int_equal(otc_projection_new(wanted, named.n, &projection, NULL), OTC_OK);
    assert_int_equal(otc_walk_spans(projection, close_request(&a), see_names, &named, NULL), OTC_OK);
    assert_true(named.seen);
    otc_projection_free(projection);
    otc_buf_release(&a.out);
}

static const char *const prefixes[] = {"",           "x",         "y",        "xxx",
                                       "xxxxxxx",    "xxxxxxxx",  "xxxxxxxy", "xxxxxxxxxx",
                                       "xxxxxxxyxx", "xxxxxxxx8", "yx",       "z"};
#define N_PREFIXES (sizeof(prefixes) / sizeof(prefixes[0]))

struct prefixed {
    size_t wanted[2], found[2];
};

static bool
see_prefixed(void *arg, const struct otc_span *span)
{
    struct prefixed *prefixed = arg;

    assert_int_equal(span->record.matches_lost, 0);
    for (size_t i = 0; i < span->record.n_matches; i++) {
        const struct otc_match *match = &span->record.matches[i];
        const struct otc_slice prefix = otc_slice_str(prefixes[prefixed->wanted[match->wanted]]);

        assert_true(otc_slice_starts(match->value.as.slice, prefix));
        assert_true(otc_slice_equal(match->rest, otc_slice_skip(match->value.as.slice, prefix.len)));
        prefixed->found[match->wanted]++;
    }
    return true;
}

static void
check_prefixes(struct otc_slice request, size_t first, size_t second)
{
    const struct otc_wanted wanted[] = {{prefixes[first], OTC_AT_RECORD, true},
                                        {prefixes[second], OTC_AT_RECORD, true}};
    struct prefixed prefixed = {.wanted = {first, second}};
    struct otc_projection *projection = NULL;
    size_t expected[2] = {0};
    char name[128];

    for (size_t i = 0; i < N_NAMES; i++) {
        name_of(i, name);
        for (size_t k = 0; k < 2; k++) {
            expected[k] += strncmp(name, wanted[k].key, strlen(wanted[k].key)) == 0;
        }
    }
    assert_int_equal(otc_projection_new(wanted, 2, &projection, NULL), OTC_OK);
    assert_int_equal(otc_walk_spans(projection, request, see_prefixed, &prefixed, NULL), OTC_OK);
    assert_int_equal(prefixed.found[0], expected[0]);
    assert_int_equal(prefixed.found[1], expected[1]);
    otc_projection_free(projection);
}

static void
names_with_a_prefix_are_all_found_and_no_others(void **state)
{
    struct around a = open_request();
    size_t span = otc_wire_begin(&a.out, 2);
    char name[128];

    (void)state;
    for (size_t i = 0; i < N_NAMES; i++) {
        name_of(i, name);
        put_pair(&a.out, 9, name, name);
    }
    otc_wire_end(&a.out, span);
    close_scope(&a);
    struct otc_slice request = close_request(&a);

    for (size_t first = 0; first < N_PREFIXES; first++) {
        for (size_t second = 0; second < N_PREFIXES; second++) {
            check_prefixes(request, first, second);
        }
    }
    otc_buf_release(&a.out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resource_and_scope_may_follow_their_spans_and_come_in_pieces),
        cmocka_unit_test(a_record_hides_scope_and_resource_and_the_next_record_does_not_inherit),
        cmocka_unit_test(a_value_may_precede_its_key_groups_are_skipped_and_the_last_scalar_wins),
        cmocka_unit_test(a_visitor_may_stop_and_resources_are_numbered),
        cmocka_unit_test(a_record_owns_what_is_its_own),
        cmocka_unit_test(surplus_prefix_matches_are_counted),
        cmocka_unit_test(words_and_buckets_may_come_in_several_runs),
        cmocka_unit_test(malformed_bytes_are_refused_with_their_place),
        cmocka_unit_test(a_projection_has_a_limit),
        cmocka_unit_test(wanted_names_are_told_apart_by_all_of_their_bytes),
        cmocka_unit_test(names_with_a_prefix_are_all_found_and_no_others),
    };

    return cmocka_run_group_tests_name("common/otlp/walk", tests, NULL, NULL);
}
