// SPDX-License-Identifier: Apache-2.0
/** @file TLS for servers: the Collector's `tls:` block and the OpenSSL context made of it. */
#ifndef OTC_NET_TLS_H
#define OTC_NET_TLS_H

#include "common/config/schema.h"

/** Keys in a trusted platform module: known, so that they can be refused by name. */
struct otc_tls_tpm {
    bool enabled;
    char *path;
    otc_secret auth;
    otc_secret owner_auth;
};

/** The Collector's server TLS block. Filled by otc_tls_server_schema. */
struct otc_tls_server {
    char *ca_file;
    char *cert_file;
    char *cert_pem;
    char *key_file;
    otc_secret key_pem;
    /** Set: clients must present a certificate signed by it. */
    char *client_ca_file;
    otc_choice min_version; /* "", "1.2", "1.3" */
    otc_choice max_version; /* "", "1.2", "1.3" */
    char *ca_pem;
    otc_strings cipher_suites;
    otc_strings curve_preferences;
    bool include_system_ca_certs_pool;
    bool include_insecure_cipher_suites;
    bool client_ca_file_reload;
    otc_duration reload_interval;
    struct otc_tls_tpm tpm;
};

extern const struct otc_schema otc_tls_server_schema;

/** A server context: certificate, key, client authority, versions, ALPN. One owner, one thread. */
struct otc_tls;

/**
 * Loads the files. FAILED_PRECONDITION in the Collector's words: "failed to load TLS config: for auth via
 * TLS, provide both certificate and key, or neither". `http1`, `http2`: what ALPN may agree on.
 */
OTC_CHECK otc_status otc_tls_server_new(const struct otc_tls_server *config, bool http1, bool http2,
                                        struct otc_tls **out, struct otc_error *err);
/**
 * Reads the files again: new connections use what is there now, those that are open keep what they have. On
 * an error nothing changes.
 */
OTC_CHECK otc_status otc_tls_server_reload(struct otc_tls *tls, const struct otc_tls_server *config,
                                           struct otc_error *err);
/** How often to do so; 0: never. */
int64_t otc_tls_reload_interval(const struct otc_tls_server *config);
/** Bytes of a note with the NUL. */
#define OTC_TLS_NOTE 64
/** Writes "certificate has expired on 2024-02-01" where clients will refuse the server's; false: it is valid
 * now. */
bool otc_tls_server_note(const struct otc_tls *tls, char out[OTC_TLS_NOTE]);
void otc_tls_free(struct otc_tls *tls);

#endif
