// SPDX-License-Identifier: Apache-2.0
#include "exporters/otlp_grpc/channel.h"

#include "common/base/buf.h"

#include <grpc/grpc_security.h>

#include <errno.h>

#define MAX_PEM (4 << 20)
#define MAX_ARGS 20

/* Reads a PEM file; `what` names it in the error. */
static otc_status
read_pem(const char *path, const char *what, struct otc_buf *out, struct otc_error *err)
{
    FILE *file = fopen(path, "rb");
    char chunk[4096];
    bool ok = file != NULL;
    size_t n;

    if (!file) {
        return otc_fail(err, OTC_FAILED_PRECONDITION, "failed to load TLS config: failed to load %s %s: %s",
                        what, path,
                        strerror(errno)); // NOLINT(concurrency-mt-unsafe)
    }
    while (ok && (n = fread(chunk, 1, sizeof(chunk), file)) > 0) {
        ok = otc_buf_append(out, chunk, n);
    }
    ok = ok && !ferror(file) && out->len > 0 && memmem(out->data, out->len, "-----BEGIN ", 11);
    fclose(file);
    if (!ok) {
        return otc_fail(err, OTC_FAILED_PRECONDITION,
                        "failed to load TLS config: failed to load %s %s: not a PEM file", what, path);
    }
    return OTC_OK;
}

/* The PEM text from a file or given as text; `*text` NULL when neither is set. */
static otc_status
load_pem(const char *path, const char *given, const char *what, struct otc_buf *buf, const char **text,
         struct otc_error *err)
{
    otc_status status;

    *text = given;
    if (!path) {
        return OTC_OK;
    }
    status = read_pem(path, what, buf, err);
    if (status == OTC_OK) {
        *text = otc_buf_cstr(buf);
    }
    return status;
}

otc_status
otlp_grpc_check_files(const struct otlp_grpc_tls *tls, struct otc_error *err)
{
    const struct {
        const char *key, *path, *what;
    } files[] = {{"ca_file", tls->ca_file, "CA CertPool file"},
                 {"cert_file", tls->cert_file, "TLS cert"},
                 {"key_file", tls->key_file, "TLS key"}};

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        OTC_AUTO_BUF struct otc_buf buf = {.limit = MAX_PEM};

        if (files[i].path && read_pem(files[i].path, files[i].what, &buf, err) != OTC_OK) {
            return otc_error_prefix(err, "tls::%s", files[i].key);
        }
    }
    return OTC_OK;
}

/* Encrypts without looking at who the server is: gRPC's plain SSL credentials cannot, its TLS credentials
 * can. */
static grpc_channel_credentials *
unverified_credentials(const char *cert, const char *key)
{
    grpc_tls_credentials_options *options = grpc_tls_credentials_options_create();
    grpc_tls_certificate_verifier *verifier = grpc_tls_certificate_verifier_no_op_create();

    if (cert && key) {
        grpc_tls_identity_pairs *pairs = grpc_tls_identity_pairs_create();
        grpc_tls_certificate_provider *provider;

        grpc_tls_identity_pairs_add_pair(pairs, key, cert);
        provider = grpc_tls_certificate_provider_static_data_create(NULL, pairs);
        grpc_tls_credentials_options_set_certificate_provider(options, provider);
        grpc_tls_credentials_options_watch_identity_key_cert_pairs(options);
        grpc_tls_certificate_provider_release(provider);
    }
    grpc_tls_credentials_options_set_verify_server_cert(options, 0);
    grpc_tls_credentials_options_set_check_call_host(options, 0);
    grpc_tls_credentials_options_set_certificate_verifier(options, verifier);
    grpc_tls_certificate_verifier_release(verifier);
    return grpc_tls_credentials_create(options);
}

static otc_status
tls_credentials(const struct otlp_grpc_tls *tls, grpc_channel_credentials **out, struct otc_error *err)
{
    OTC_AUTO_BUF struct otc_buf ca_buf = {.limit = MAX_PEM}, cert_buf = {.limit = MAX_PEM},
                                key_buf = {.limit = MAX_PEM};
    const char *ca, *cert, *key;
    otc_status status;

    if ((status = load_pem(tls->ca_file, tls->ca_pem, "CA CertPool file", &ca_buf, &ca, err)) != OTC_OK ||
        (status = load_pem(tls->cert_file, tls->cert_pem, "TLS cert", &cert_buf, &cert, err)) != OTC_OK ||
        (status = load_pem(tls->key_file, tls->key_pem.text, "TLS key", &key_buf, &key, err)) != OTC_OK) {
        return status;
    }
    if (tls->insecure_skip_verify) {
        *out = unverified_credentials(cert, key);
    } else {
        grpc_ssl_pem_key_cert_pair pair = {key, cert};

        *out = grpc_ssl_credentials_create_ex(ca, cert && key ? &pair : NULL, NULL, NULL);
    }
    if (!*out) {
        return otc_fail(err, OTC_FAILED_PRECONDITION,
                        "failed to load TLS config: gRPC refused the certificates");
    }
    return OTC_OK;
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
