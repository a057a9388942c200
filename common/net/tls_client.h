// SPDX-License-Identifier: Apache-2.0
/** @file TLS for clients: the Collector's `tls:` block of exporters, and the PEM texts that it names. */
#ifndef OTC_NET_TLS_CLIENT_H
#define OTC_NET_TLS_CLIENT_H

#include "common/base/buf.h"
#include "common/net/tls.h"

/** The Collector's client TLS block. Filled by otc_tls_client_schema. */
struct otc_tls_client {
    bool insecure;
    bool insecure_skip_verify;
    char *ca_file;
    char *ca_pem;
    char *cert_file;
    char *cert_pem;
    char *key_file;
    otc_secret key_pem;
    bool include_system_ca_certs_pool;
    otc_choice min_version; /* "", "1.2", "1.3" */
    otc_choice max_version; /* the same */
    otc_strings cipher_suites;
    otc_strings curve_preferences;
    bool include_insecure_cipher_suites;
    otc_duration reload_interval;
    char *server_name_override;
    struct otc_tls_tpm tpm;
};

extern const struct otc_schema otc_tls_client_schema;

/** What the block's files and texts hold; empty where neither is given. */
struct otc_tls_client_pems {
    struct otc_buf ca;
    struct otc_buf cert;
    struct otc_buf key;
};

/**
 * Reads the PEM texts and looks whether they are what they should be: certificates, a key without a pass
 * phrase, and of the same pair. FAILED_PRECONDITION with the key first ("ca_file: failed to load TLS config:
 * failed to load CA CertPool file /x: No such file or directory"); `out` is then empty. Release it with
 * otc_tls_client_release.
 */
OTC_CHECK otc_status otc_tls_client_load(const struct otc_tls_client *config, struct otc_tls_client_pems *out,
                                         struct otc_error *err);
/** For a component's validate: the same, without keeping anything; the text begins with "tls::". */
OTC_CHECK otc_status otc_tls_client_check(const struct otc_tls_client *config, struct otc_error *err);
/** Appends the system's authorities (a bundle of certificates in PEM). FAILED_PRECONDITION: none were found.
 */
OTC_CHECK otc_status otc_tls_system_authorities(struct otc_buf *out, struct otc_error *err);
/** NULL is allowed. */
void otc_tls_client_release(struct otc_tls_client_pems *pems);

#endif
