// SPDX-License-Identifier: Apache-2.0
#include "exporters/otlp_grpc/channel.h"

#include "common/base/clock.h"

#include <grpc/grpc_security.h>

#define MAX_ARGS 20
#define MAX_AUTHORITIES ((size_t)16 << 20)

/* gRPC's plain SSL credentials do for most; its TLS credentials are for what those cannot: certificates that
 * change, and servers that nobody looks at. */
static grpc_channel_credentials *
tls_credentials_with(grpc_tls_certificate_provider *provider, bool root, bool identity, bool verify)
{
    grpc_tls_credentials_options *options = grpc_tls_credentials_options_create();

    if (provider) {
        grpc_tls_credentials_options_set_certificate_provider(options, provider);
        grpc_tls_certificate_provider_release(provider);
    }
    if (root) {
        grpc_tls_credentials_options_watch_root_certs(options);
    }
    if (identity) {
        grpc_tls_credentials_options_watch_identity_key_cert_pairs(options);
    }
    if (!verify) {
        grpc_tls_certificate_verifier *verifier = grpc_tls_certificate_verifier_no_op_create();

        grpc_tls_credentials_options_set_verify_server_cert(options, 0);
        grpc_tls_credentials_options_set_check_call_host(options, 0);
        grpc_tls_credentials_options_set_certificate_verifier(options, verifier);
        grpc_tls_certificate_verifier_release(verifier);
    }
    return grpc_tls_credentials_create(options);
}

/* Read again by gRPC every so many seconds, for connections to come. */
static grpc_channel_credentials *
watched_credentials(const struct otc_tls_client *tls)
{
    const int64_t seconds = tls->reload_interval.ns / OTC_SECOND;
    const bool verify = !tls->insecure_skip_verify;
    const char *root = verify ? tls->ca_file : NULL;

    return tls_credentials_with(grpc_tls_certificate_provider_file_watcher_create(
                                    tls->key_file, tls->cert_file, root,
                                    seconds < 1 ? 1 : (unsigned)(seconds > INT32_MAX ? INT32_MAX : seconds)),
                                root != NULL, tls->cert_file != NULL, verify);
}

static grpc_channel_credentials *
unverified_credentials(const char *cert, const char *key)
{
    grpc_tls_certificate_provider *provider = NULL;

    if (cert && key) {
        grpc_tls_identity_pairs *pairs = grpc_tls_identity_pairs_create();

        grpc_tls_identity_pairs_add_pair(pairs, key, cert);
        provider = grpc_tls_certificate_provider_static_data_create(NULL, pairs);
    }
    return tls_credentials_with(provider, false, provider != NULL, false);
}

static const char *
text_of(struct otc_buf *pem)
{
    return pem->len > 0 ? otc_buf_cstr(pem) : NULL;
}

static grpc_channel_credentials *
fixed_credentials(const struct otc_tls_client *tls, struct otc_tls_client_pems *pems)
{
    const char *ca = text_of(&pems->ca), *cert = text_of(&pems->cert), *key = text_of(&pems->key);
    grpc_ssl_pem_key_cert_pair pair = {key, cert};

    return tls->insecure_skip_verify
               ? unverified_credentials(cert, key)
               : grpc_ssl_credentials_create_ex(ca, cert && key ? &pair : NULL, NULL, NULL);
}

/* gRPC's file watcher wants something to watch. */
static bool
is_watched(const struct otc_tls_client *tls)
{
    return tls->reload_interval.ns > 0 && ((tls->ca_file && !tls->insecure_skip_verify) || tls->cert_file);
}

static otc_status
tls_credentials(const struct otc_tls_client *tls, grpc_channel_credentials **out, struct otc_error *err)
{
    struct otc_tls_client_pems pems;
    otc_status status = otc_tls_client_load(tls, &pems, err);

    if (status == OTC_OK && tls->include_system_ca_certs_pool && pems.ca.len > 0) {
        pems.ca.limit = MAX_AUTHORITIES;
        status = otc_tls_system_authorities(&pems.ca, err);
    }
    if (status == OTC_OK) {
        *out = is_watched(tls) ? watched_credentials(tls) : fixed_credentials(tls, &pems);
        if (!*out) {
            status = otc_fail(err, OTC_FAILED_PRECONDITION,
                              "failed to load TLS config: gRPC refused the certificates");
        }
    }
    otc_tls_client_release(&pems);
    return status;
}

struct args {
    grpc_arg items[MAX_ARGS];
    size_t n;
};

/* gRPC's headers want writable strings, but only read them. */
static char *
as_arg(const char *text)
{
    return (char *)(uintptr_t)text;
}

static void
add_int(struct args *args, const char *key, int value)
{
    args->items[args->n++] = (grpc_arg){.type = GRPC_ARG_INTEGER, .key = as_arg(key), .value.integer = value};
}

static void
add_text(struct args *args, const char *key, const char *value)
{
    if (value && *value) {
        args->items[args->n++] =
            (grpc_arg){.type = GRPC_ARG_STRING, .key = as_arg(key), .value.string = as_arg(value)};
    }
}

static int
milliseconds(otc_duration duration)
{
    int64_t ms = duration.ns / OTC_MILLISECOND;

    return ms > INT32_MAX ? INT32_MAX : (int)ms;
}

static void
fill_args(const struct otlp_grpc_config *config, const char *user_agent, struct args *args)
{
    add_int(args, GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, OTLP_GRPC_MAX_REPLY);
    add_int(args, GRPC_ARG_MAX_SEND_MESSAGE_LENGTH, -1);
    /* Replies are inflated by us, with a limit; requests are compressed by us (`attempt.c`). */
    add_int(args, GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
    add_int(args, GRPC_ARG_ENABLE_RETRIES, 0);
    add_int(args, GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
    add_int(args, GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    add_int(args, GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 1000);
    add_int(args, GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 10000);
    if (config->compression.index == OTLP_GRPC_GZIP) {
        add_int(args, GRPC_COMPRESSION_CHANNEL_DEFAULT_ALGORITHM, GRPC_COMPRESS_GZIP);
    }
    if (config->keepalive) {
        add_int(args, GRPC_ARG_KEEPALIVE_TIME_MS, milliseconds(config->keepalive->time));
        add_int(args, GRPC_ARG_KEEPALIVE_TIMEOUT_MS, milliseconds(config->keepalive->timeout));
        add_int(args, GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, config->keepalive->permit_without_stream);
        add_int(args, GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
    }
    add_text(args, GRPC_ARG_LB_POLICY_NAME, otlp_grpc_balancers[config->balancer_name.index]);
    add_text(args, GRPC_ARG_DEFAULT_AUTHORITY, config->authority);
    add_text(args, GRPC_SSL_TARGET_NAME_OVERRIDE_ARG, config->tls.server_name_override);
    add_text(args, GRPC_ARG_PRIMARY_USER_AGENT_STRING,
             config->user_agent && *config->user_agent ? config->user_agent : user_agent);
}

otc_status
otlp_grpc_channel_new(const struct otlp_grpc_config *config, const char *user_agent, grpc_channel **out,
                      struct otc_error *err)
{
    grpc_channel_credentials *credentials;
    struct otlp_grpc_target target;
    struct args args = {.n = 0};
    grpc_channel_args channel_args;
    otc_status status = otlp_grpc_target(config, &target, err);

    if (status != OTC_OK) {
        return status;
    }
    if (target.plaintext) {
        credentials = grpc_insecure_credentials_create();
    } else if ((status = tls_credentials(&config->tls, &credentials, err)) != OTC_OK) {
        return status;
    }
    fill_args(config, user_agent, &args);
    channel_args = (grpc_channel_args){args.n, args.items};
    *out = grpc_channel_create(target.name, credentials, &channel_args);
    grpc_channel_credentials_release(credentials);
    return *out ? OTC_OK : otc_fail(err, OTC_UNAVAILABLE, "out of memory");
}
