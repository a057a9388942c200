// SPDX-License-Identifier: Apache-2.0
#include "exporters/otlp_grpc/config.h"

#include "common/base/clock.h"
#include "common/component/otc.h"
#include "tests/harness/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

extern const struct otc_factory otc_otlp_grpc_exporter_factory;

static void
defaults_are_the_collectors(void **state)
{
    const struct otlp_grpc_config *config;
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_config *owner;

    (void)state;
    assert_int_equal(otc_test_config(&otc_otlp_grpc_exporter_factory, "endpoint: backend:4317", &owner, &err),
                     OTC_OK);
    config = otc_config_value(owner);
    assert_int_equal(config->compression.index, OTLP_GRPC_GZIP);
    assert_int_equal(config->timeout.ns, 5 * OTC_SECOND);
    assert_false(config->tls.insecure);
    assert_null(config->keepalive);
    assert_non_null(config->sending_queue);
    assert_int_equal(config->sending_queue->num_consumers, 10);
    assert_int_equal(config->sending_queue->queue_size, 1000);
    assert_null(config->sending_queue->batch);
    assert_true(config->retry_on_failure.enabled);
    assert_int_equal(config->retry_on_failure.initial_interval.ns, 5 * OTC_SECOND);
    assert_int_equal(config->retry_on_failure.max_interval.ns, 30 * OTC_SECOND);
    assert_int_equal(config->retry_on_failure.max_elapsed_time.ns, 5 * OTC_MINUTE);
    assert_false(config->retry_on_failure.elapsed_is_set);
    assert_true(config->retry_on_failure.multiplier == 1.5);
    assert_true(config->retry_on_failure.randomization_factor == 0.5);
    otc_config_free(owner);
}

static void
sections_can_be_switched_off_and_on(void **state)
{
    const struct otlp_grpc_config *config;
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_config *owner;

    (void)state;
    assert_int_equal(otc_test_config(&otc_otlp_grpc_exporter_factory,
                                     "endpoint: b:1\nsending_queue: {enabled: false}\nkeepalive:\n", &owner,
                                     &err),
                     OTC_OK);
    config = otc_config_value(owner);
    assert_null(config->sending_queue);
    assert_non_null(config->keepalive);
    otc_config_free(owner);
    assert_int_equal(
        otc_test_config(&otc_otlp_grpc_exporter_factory,
                        "endpoint: b:1\nsending_queue: {sizer: bytes, queue_size: 1000000, batch: {}}",
                        &owner, &err),
        OTC_OK);
    config = otc_config_value(owner);
    assert_int_equal(config->sending_queue->batch->min_size, 8192);
    assert_int_equal(config->sending_queue->batch->flush_timeout.ns, 200 * OTC_MILLISECOND);
    assert_int_equal(otc_queue_batch_sizer(config->sending_queue), OTC_SIZER_BYTES);
    otc_config_free(owner);
}

/* A queue with storage gives nothing up unless somebody says so. */
static void
it_is_known_who_set_max_elapsed_time(void **state)
{
    static const struct {
        const char *yaml;
        bool is_set;
    } cases[] = {{"endpoint: b:1\nretry_on_failure: {max_elapsed_time: 5m}", true},
                 {"endpoint: b:1\nretry_on_failure: {max_elapsed_time: 0s}", true},
                 {"endpoint: b:1\nretry_on_failure: {max_elapsed_time: }", false},
                 {"endpoint: b:1\nretry_on_failure: {initial_interval: 1s}", false}};
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_config *owner;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct otlp_grpc_config *config;

        assert_int_equal(otc_test_config(&otc_otlp_grpc_exporter_factory, cases[i].yaml, &owner, &err),
                         OTC_OK);
        config = otc_config_value(owner);
        assert_int_equal(config->retry_on_failure.elapsed_is_set, cases[i].is_set);
        otc_config_free(owner);
    }
}

static void
bad_settings_are_named(void **state)
{
    static const struct {
        const char *yaml;
        const char *error;
    } cases[] = {
        {"", "requires a non-empty \"endpoint\""},
        {"endpoint: ''", "requires a non-empty \"endpoint\""},
        {"endpoint: 'http://'", "requires a non-empty \"endpoint\""},
        {"endpoint: backend", "missing port in address"},
        {"endpoint: 'backend:port'", "invalid port \"port\""},
        {"endpoint: 'backend:70000'", "invalid port \"70000\""},
        {"endpoint: '[::1]'", "missing port in address"},
        {"endpoint: b:1\ncompression: zstd",
         "gRPC's C library names no other encoding to a server than gzip and deflate; take gzip or none"},
        {"endpoint: b:1\ncompression: lzma", "lzma"},
        {"endpoint: b:1\ntls: {insecure: true}\nauth: {authenticator: a}",
         "auth: the credentials require transport level security"},
        {"endpoint: b:1\nauth: {}", "auth::authenticator: must name an extension"},
        {"endpoint: b:1\nheaders: {grpc-timeout: x}", "headers::grpc-timeout"},
        {"endpoint: b:1\nheaders: {'a b': x}", "headers::a b"},
        {"endpoint: b:1\ntls: {cert_file: x}",
         "for auth via TLS, provide both certificate and key, or neither"},
        {"endpoint: b:1\ntls: {ca_file: /nonexistent/ca.pem}",
         "tls::ca_file: failed to load TLS config: failed to load CA CertPool file /nonexistent/ca.pem"},
        {"endpoint: b:1\ntls: {max_version: '1.2'}", "gRPC's C library always offers TLS 1.2 and 1.3"},
        {"endpoint: b:1\ntls: {min_version: '1.3', max_version: '1.2'}",
         "min_version cannot be greater than max_version"},
        {"endpoint: b:1\ntls: {cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]}",
         "tls::cipher_suites: gRPC's C library has no setting for it"},
        {"endpoint: b:1\ntls: {cipher_suites: [NONSENSE]}", "invalid TLS cipher suite: \"NONSENSE\""},
        {"endpoint: b:1\ntls: {curve_preferences: [P256]}",
         "tls::curve_preferences: gRPC's C library has no setting for it"},
        {"endpoint: b:1\ntls: {include_insecure_cipher_suites: true}",
         "include_insecure_cipher_suites: not supported"},
        {"endpoint: b:1\ntls: {tpm: {enabled: true}}", "tpm: not supported"},
        {"endpoint: b:1\ntls: {reload_interval: 1h, ca_file: x, cert_pem: y, key_pem: z}",
         "tls::reload_interval: give certificates and key as files alone"},
        {"endpoint: b:1\ntls: {reload_interval: 1h, ca_file: x, include_system_ca_certs_pool: true}",
         "tls::reload_interval: not together with include_system_ca_certs_pool"},
        {"endpoint: b:1\nmiddlewares: [{id: m}]", "middlewares are not supported"},
        {"endpoint: b:1\ntls: {min_version: '1.3'}", "gRPC's C library always offers TLS 1.2 and 1.3"},
        {"endpoint: b:1\nsending_queue: {num_consumers: 0}", "`num_consumers` must be positive"},
        {"endpoint: b:1\nsending_queue: {queue_size: 0}", "`queue_size` must be positive"},
        {"endpoint: b:1\nsending_queue: {storage: file_storage, wait_for_result: true}",
         "`wait_for_result` is not supported with a persistent queue configured with `storage`"},
        {"endpoint: b:1\nsending_queue: {batch: {sizer: requests}}",
         "`batch` supports only `items` or `bytes` sizer, found \"requests\""},
        {"endpoint: b:1\nsending_queue: {batch: {flush_timeout: 0s}}",
         "`flush_timeout` must be positive, found 0"},
        {"endpoint: b:1\nsending_queue: {batch: {max_size: 5, min_size: 9}}",
         "`max_size` (5) must be greater or equal to `min_size` (9)"},
        {"endpoint: b:1\nsending_queue: {sizer: items, queue_size: 10, batch: {min_size: 11}}",
         "`min_size` must be less than or equal to `queue_size`"},
        {"endpoint: b:1\nsending_queue: {batch: {partition: {metadata_keys: [a, A]}}}",
         "duplicate entry in metadata_keys: \"A\" (case-insensitive)"},
        {"endpoint: b:1\nretry_on_failure: {randomization_factor: 2}",
         "'randomization_factor' must be within [0, 1]"},
        {"endpoint: b:1\nretry_on_failure: {max_elapsed_time: 1s}",
         "'max_elapsed_time' must not be less than 'initial_interval'"},
        {"endpoint: b:1\nno_such_key: 1", "no_such_key"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct otc_error err = OTC_ERROR_INIT;

        if (!otc_test_refuses(&otc_otlp_grpc_exporter_factory, cases[i].yaml, cases[i].error, &err)) {
            fail_msg("\"%s\" lacks \"%s\"", err.text, cases[i].error);
        }
    }
}

static void
endpoints_of_all_schemes_are_understood(void **state)
{
    static const struct {
        const char *endpoint;
        bool insecure;
        const char *target;
        bool plaintext;
    } cases[] = {
        {"backend:4317", false, "dns:///backend:4317", false},
        {"backend:4317", true, "dns:///backend:4317", true},
        {"http://backend:4317", false, "dns:///backend:4317", true},
        {"https://backend:4317", true, "dns:///backend:4317", false},
        {"dns:///backend:4317", true, "dns:///backend:4317", true},
        {"dns://8.8.8.8/backend:4317", true, "dns://8.8.8.8/backend:4317", true},
        {"passthrough:///backend:4317", true, "dns:///backend:4317", true},
        {"unix:///run/otlp.sock", true, "unix:/run/otlp.sock", true},
        {"[::1]:4317", true, "dns:///[::1]:4317", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char endpoint[64];
        struct otlp_grpc_config config = {.endpoint = endpoint, .tls.insecure = cases[i].insecure};
        struct otlp_grpc_target target;

        snprintf(endpoint, sizeof(endpoint), "%s", cases[i].endpoint);
        assert_int_equal(otlp_grpc_target(&config, &target, NULL), OTC_OK);
        assert_string_equal(target.name, cases[i].target);
        assert_int_equal(target.plaintext, cases[i].plaintext);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_the_collectors),
        cmocka_unit_test(sections_can_be_switched_off_and_on),
        cmocka_unit_test(it_is_known_who_set_max_elapsed_time),
        cmocka_unit_test(bad_settings_are_named),
        cmocka_unit_test(endpoints_of_all_schemes_are_understood),
    };

    return cmocka_run_group_tests_name("exporters/otlp_grpc/config", tests, NULL, NULL);
}
