// SPDX-License-Identifier: Apache-2.0
/** @file The Collector's `auth:` blocks, and how what they name is found. */
#ifndef OTC_NET_AUTH_H
#define OTC_NET_AUTH_H

#include "common/component/otc.h"
#include "common/config/schema.h"

/** Of a server: OTC_HTTP_SERVER_FIELDS has it. */
struct otc_server_auth {
    char *authenticator;
    /** Parameters of the query that stand for headers of the same name, which they override. */
    otc_strings request_params;
};
extern const struct otc_schema otc_server_auth_schema;

/**
 * Of a client. A member `struct otc_client_auth *auth` of the exporter's settings, NULL when absent, with
 * OTC_CLIENT_AUTH_FIELD(<struct>) in its field table. At start:
 *
 *     if (config->auth) status = otc_authenticator_find(host, config->auth->authenticator,
 *                                                       OTC_OFFERS_CLIENT_AUTH, &authenticator, err);
 *
 * and for each attempt, with a sink that collects them: authenticator->headers(authenticator, &sink, err).
 */
struct otc_client_auth {
    char *authenticator;
};
extern const struct otc_schema otc_client_auth_schema;

#define OTC_CLIENT_AUTH_FIELD(struct_name)                                                                   \
    OTC_FIELD_OPTIONAL(struct_name, auth, otc_client_auth_schema, .null_is_absent = true,                    \
                       .doc = "Authentication of the client.")

/**
 * The authenticator of the extension `id` for what `offers` says (OTC_OFFERS_SERVER_AUTH, …_CLIENT_AUTH):
 * valid from the start of the component that asks to its shutdown. FAILED_PRECONDITION in the Collector's
 * words: failed to resolve authenticator "x": authenticator not found.
 */
OTC_CHECK otc_status otc_authenticator_find(struct otc_host *host, const char *id, unsigned offers,
                                            struct otc_authenticator **out, struct otc_error *err);

/** True when both are the same bytes; takes as long for the first difference as for the last. */
bool otc_equal_in_constant_time(struct otc_slice a, struct otc_slice b);

#endif
