// SPDX-License-Identifier: Apache-2.0
#include "processors/batch/batch.h"

#include "common/base/clock.h"
#include "common/component/client.h"
#include "common/otlp/wire.h"
#include "tests/harness/rig.h"
#include "tests/harness/sink.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

extern const struct otc_factory otc_batch_processor_factory;
static const struct otc_factory *const factory = &otc_batch_processor_factory;

struct fixture {
    struct otc_rig rig;
    struct otc_sink *sink;
    struct otc_error err;
};

static int
setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    f->sink = otc_sink_new();
    f->err = OTC_ERROR_INIT;
    *state = f;
    return 0;
}

static void
make(struct fixture *f, const char *yaml)
{
    if (otc_rig_create(&f->rig, factory, yaml, &f->err) != OTC_OK) {
        fail_msg("%s", f->err.text);
    }
    for (int i = 0; i < OTC_N_SIGNALS; i++) {
        assert_int_equal(f->rig.component->ops->connect(f->rig.component, (enum otc_signal)i,
                                                        otc_sink_consumer(f->sink), &f->err),
                         OTC_OK);
    }
}

static int64_t
metric(struct fixture *f, const char *name)
{
    return otc_vhost_metric_sum(f->rig.vhost, name);
}

/* Law 4 in one moment, and nothing left at the end. */
static int
teardown(void **state)
{
    struct fixture *f = *state;

    if (f->rig.component) {
        assert_int_equal(f->rig.component->ops->shutdown(f->rig.component, 0, &f->err), OTC_OK);
        while (otc_sink_complete(f->sink, OTC_CANCELLED, "cancelled")) {
        }
        assert_int_equal(metric(f, "aimon_processor_batch_held_items"), 0);
        assert_int_equal(metric(f, "aimon_processor_batch_accepted_items"),
                         metric(f, "aimon_processor_batch_sent_items") +
                             metric(f, "aimon_processor_batch_refused_items"));
    }
    otc_rig_free(&f->rig);
    otc_sink_free(f->sink);
    free(f);
    return 0;
}

static struct otc_batch *
spans(size_t n, struct otc_client *client)
{
    struct otc_buf out = {.limit = (size_t)1 << 20};
    size_t resource = otc_wire_begin(&out, 1), scope = otc_wire_begin(&out, 2);
    struct otc_batch *batch;

    for (size_t i = 0; i < n; i++) {
        (void)otc_wire_put_bytes(&out, 2, OTC_SLICE_NONE);
    }
    otc_wire_end(&out, scope);
    otc_wire_end(&out, resource);
    batch = otc_batch_copy_of(OTC_TRACES, otc_buf_slice(&out), n, client);
    otc_buf_release(&out);
    return batch;
}

static otc_status
send_as(struct fixture *f, size_t n, struct otc_client *client, struct otc_test_done *done)
{
    return otc_consume(f->rig.component->ops->input(f->rig.component, OTC_TRACES), spans(n, client),
                       done ? &done->done : NULL, &f->err);
}

static otc_status
send(struct fixture *f, size_t n)
{
    return send_as(f, n, NULL, NULL);
}

static void
check_sent(struct fixture *f, const size_t *sizes, size_t n)
{
    assert_int_equal(otc_sink_batches(f->sink), n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(otc_batch_items(otc_sink_batch(f->sink, i)), sizes[i]);
    }
}

static void
a_batch_goes_at_its_size_or_after_the_timeout(void **state)
{
    struct fixture *f = *state;

    make(f, "{send_batch_size: 10}");
    assert_int_equal(send(f, 4), OTC_OK);
    assert_int_equal(send(f, 5), OTC_OK);
    check_sent(f, NULL, 0);
    assert_int_equal(metric(f, "aimon_processor_batch_held_items"), 9);
    assert_int_equal(send(f, 5), OTC_OK);
    check_sent(f, (const size_t[]){14}, 1);
    assert_int_equal(otc_batch_parts(otc_sink_batch(f->sink, 0)), 3);
    assert_int_equal(send(f, 2), OTC_OK);
    otc_vhost_advance(f->rig.vhost, 199 * OTC_MILLISECOND);
    check_sent(f, (const size_t[]){14}, 1);
    otc_vhost_advance(f->rig.vhost, OTC_MILLISECOND);
    check_sent(f, (const size_t[]){14, 2}, 2);
    assert_int_equal(metric(f, "otelcol_processor_batch_batch_size_trigger_send"), 1);
    assert_int_equal(metric(f, "otelcol_processor_batch_timeout_trigger_send"), 1);
    assert_int_equal(metric(f, "otelcol_processor_batch_batch_send_size"), 16);
    assert_int_equal(metric(f, "otelcol_processor_batch_metadata_cardinality"), 1);
    otc_vhost_advance(f->rig.vhost, OTC_SECOND);
    check_sent(f, (const size_t[]){14, 2}, 2);
}

static void
what_is_larger_than_the_maximum_is_cut(void **state)
{
    struct fixture *f = *state;

    make(f, "{send_batch_size: 4, send_batch_max_size: 5, timeout: 1s}");
    assert_int_equal(send(f, 12), OTC_OK);
    check_sent(f, (const size_t[]){5, 5}, 2);
    assert_int_equal(send(f, 9), OTC_OK);
    check_sent(f, (const size_t[]){5, 5, 5, 5}, 4);
    otc_vhost_advance(f->rig.vhost, OTC_SECOND);
    check_sent(f, (const size_t[]){5, 5, 5, 5, 1}, 5);
}

static void
without_a_timeout_everything_goes_at_once(void **state)
{
    struct fixture *f = *state;

    make(f, "{send_batch_size: 100, send_batch_max_size: 100, timeout: 0s}");
    assert_int_equal(send(f, 3), OTC_OK);
    assert_int_equal(send(f, 130), OTC_OK);
    check_sent(f, (const size_t[]){3, 100, 30}, 3);
}

static void
a_size_of_0_sends_at_once_too(void **state)
{
    struct fixture *f = *state;

    make(f, "{send_batch_size: 0}");
    assert_int_equal(send(f, 3), OTC_OK);
    assert_int_equal(send(f, 0), OTC_OK);
    check_sent(f, (const size_t[]){3}, 1);
}

/* core#12443: the sender has its answer already; the loss is counted and logged. */
static void
a_refusal_behind_it_is_not_the_senders(void **state)
{
    struct fixture *f = *state;
    struct otc_test_done done = OTC_TEST_DONE_INIT;

    make(f, "{send_batch_size: 4}");
    otc_sink_answer(f->sink, OTC_UNAVAILABLE, "sending queue is full");
    assert_int_equal(send_as(f, 4, NULL, &done), OTC_OK);
    assert_int_equal(done.calls, 0);
    assert_int_equal(metric(f, "aimon_processor_batch_refused_items"), 4);
    assert_int_equal(otc_vhost_logged(f->rig.vhost, "Sender failed"), 1);
}

static void
before_a_queue_on_a_disk_the_answer_waits(void **state)
{
    struct fixture *f = *state;
    struct otc_test_done done[3] = {OTC_TEST_DONE_INIT, OTC_TEST_DONE_INIT, OTC_TEST_DONE_INIT};

    otc_sink_consumer(f->sink)->holds = true;
    make(f, "{send_batch_size: 8, send_batch_max_size: 8}");
    otc_sink_answer(f->sink, OTC_PENDING, NULL);
    assert_int_equal(send_as(f, 5, NULL, &done[0]), OTC_PENDING);
    assert_int_equal(send_as(f, 6, NULL, &done[1]), OTC_PENDING);
    assert_int_equal(otc_sink_pending(f->sink), 1);
    assert_true(otc_sink_complete(f->sink, OTC_OK, NULL));
    assert_int_equal(done[0].calls, 1);
    assert_int_equal(done[0].result.status, OTC_OK);
    assert_int_equal(done[1].calls, 0);
    otc_vhost_advance(f->rig.vhost, 200 * OTC_MILLISECOND);
    assert_true(otc_sink_complete(f->sink, OTC_UNAVAILABLE, "disk full"));
    assert_int_equal(done[1].calls, 1);
    assert_int_equal(done[1].result.status, OTC_UNAVAILABLE);
    assert_string_equal(done[1].result.text, "disk full");
    assert_false(done[1].result.permanent);
    otc_sink_answer(f->sink, OTC_UNAVAILABLE, "storage is full");
    assert_int_equal(send_as(f, 8, NULL, &done[2]), OTC_PENDING);
    assert_string_equal(done[2].result.text, "storage is full");
    assert_int_equal(otc_vhost_logged(f->rig.vhost, "Sender failed"), 0);
}

static void
a_drain_sends_what_waits_and_whatever_comes(void **state)
{
    struct fixture *f = *state;

    make(f, "{}");
    assert_int_equal(send(f, 2), OTC_OK);
    f->rig.component->ops->drain(f->rig.component);
    check_sent(f, (const size_t[]){2}, 1);
    assert_int_equal(send(f, 3), OTC_OK);
    check_sent(f, (const size_t[]){2, 3}, 2);
}

static struct otc_client *
tenant(const char *name, const char *user)
{
    const struct otc_client_pair pairs[] = {{otc_slice_str("Tenant"), otc_slice_str(name)},
                                            {otc_slice_str("user"), otc_slice_str(user)}};

    return otc_client_new(OTC_SLICE_NONE, pairs, 2, NULL, 0);
}

static void
clients_are_batched_apart_up_to_a_limit(void **state)
{
    struct fixture *f = *state;
    struct otc_client *clients[] = {tenant("a", "1"), tenant("b", "1"), tenant("a", "2"), tenant("c", "1")};
    struct otc_slice value;

    make(f, "{metadata_keys: [tenant], metadata_cardinality_limit: 2}");
    assert_int_equal(send_as(f, 1, clients[0], NULL), OTC_OK);
    assert_int_equal(send_as(f, 2, clients[1], NULL), OTC_OK);
    assert_int_equal(send_as(f, 4, clients[2], NULL), OTC_OK);
    assert_int_equal(send_as(f, 8, clients[3], NULL), OTC_INTERNAL);
    assert_string_equal(f->err.text, "too many batcher metadata-value combinations");
    assert_true(f->err.permanent);
    otc_vhost_advance(f->rig.vhost, 200 * OTC_MILLISECOND);
    check_sent(f, (const size_t[]){5, 2}, 2);
    const struct otc_client *sent = otc_batch_client(otc_sink_batch(f->sink, 0));
    assert_true(otc_client_metadata(sent, otc_slice_str("tenant"), 0, &value));
    assert_true(otc_slice_equal(value, otc_slice_str("a")));
    assert_false(otc_client_metadata(sent, otc_slice_str("user"), 0, &value));
    assert_int_equal(metric(f, "otelcol_processor_batch_metadata_cardinality"), 2);
    for (size_t i = 0; i < 4; i++) {
        otc_client_unref(clients[i]);
    }
}

/* As the Collector's: of the client nothing goes on but the keys. */
static void
without_keys_no_metadata_goes_on(void **state)
{
    struct fixture *f = *state;
    struct otc_client *client = tenant("a", "1");

    make(f, "{send_batch_size: 1}");
    assert_int_equal(send_as(f, 1, client, NULL), OTC_OK);
    assert_null(otc_batch_client(otc_sink_batch(f->sink, 0)));
    otc_client_unref(client);
}

static void
wrong_settings_are_told_in_the_collectors_words(void **state)
{
    static const struct {
        const char *yaml;
        const char *text;
    } cases[] = {
        {"{send_batch_size: 9, send_batch_max_size: 8}",
         "send_batch_max_size must be greater or equal to send_batch_size"},
        {"{timeout: -1s}", "timeout must be greater or equal to 0"},
        {"{metadata_keys: [a, A]}", "duplicate entry in metadata_keys: \"A\" (case-insensitive)"},
        {"{send_batch_size: -1}", "must be at least 0"},
        {"{send_batch: 1}", "has invalid keys: send_batch"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct otc_rig rig = {0};
        struct otc_error err = OTC_ERROR_INIT;

        if (otc_rig_create(&rig, factory, cases[i].yaml, &err) == OTC_OK ||
            !strstr(err.text, cases[i].text)) {
            fail_msg("%s: \"%s\"", cases[i].yaml, err.text);
        }
        otc_rig_free(&rig);
    }
}

int
main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(a_batch_goes_at_its_size_or_after_the_timeout),
        CASE(what_is_larger_than_the_maximum_is_cut),
        CASE(without_a_timeout_everything_goes_at_once),
        CASE(a_size_of_0_sends_at_once_too),
        CASE(a_refusal_behind_it_is_not_the_senders),
        CASE(before_a_queue_on_a_disk_the_answer_waits),
        CASE(a_drain_sends_what_waits_and_whatever_comes),
        CASE(clients_are_batched_apart_up_to_a_limit),
        CASE(without_keys_no_metadata_goes_on),
        CASE(wrong_settings_are_told_in_the_collectors_words),
    };

    return cmocka_run_group_tests_name("processors/batch", tests, NULL, NULL);
}
