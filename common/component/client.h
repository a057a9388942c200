// SPDX-License-Identifier: Apache-2.0
/** @file Who sent a batch: peer address, metadata (headers) and what an authenticator learnt. */
#ifndef OTC_COMPONENT_CLIENT_H
#define OTC_COMPONENT_CLIENT_H

#include "common/component/otc.h"

/** A name and a value; metadata names are compared without case, auth names as they are. */
struct otc_client_pair {
    struct otc_slice name;
    struct otc_slice value;
};

/**
 * An immutable client with one reference; everything is copied. `metadata` may hold a name several times.
 * `auth` is empty when nobody authenticated. NULL out of memory. Any thread.
 */
struct otc_client *otc_client_new(struct otc_slice address, const struct otc_client_pair *metadata,
                                  size_t n_metadata, const struct otc_client_pair *auth, size_t n_auth);
/** NULL is allowed in all of the following. */
struct otc_client *otc_client_ref(struct otc_client *client);
void otc_client_unref(struct otc_client *client);
/** "127.0.0.1:53012", "unix:@"; borrowed. */
struct otc_slice otc_client_address(const struct otc_client *client);
/** The index-th value of a metadata name, in the order received. False when there is none. */
bool otc_client_metadata(const struct otc_client *client, struct otc_slice name, size_t index,
                         struct otc_slice *value);
/** An attribute of the authentication ("subject", "raw"). False when there is none. */
bool otc_client_auth(const struct otc_client *client, struct otc_slice name, struct otc_slice *value);
/**
 * A client with the authentication of `client` and, of its metadata, the values of these names alone: what a
 * batch of several clients may carry. NULL when that is nothing. False out of memory.
 */
bool otc_client_narrow(const struct otc_client *client, char *const *names, size_t n_names,
                       struct otc_client **out);
struct otc_hash128;
/** A hash of what otc_client_narrow keeps, the same in every process; of no client a value of its own. Zeroes
 * out of memory. */
struct otc_hash128 otc_client_hash(const struct otc_client *client, char *const *names, size_t n_names);
/** True when both carry the same authentication: only then may their batches merge. */
bool otc_client_same_auth(const struct otc_client *a, const struct otc_client *b);

#endif
