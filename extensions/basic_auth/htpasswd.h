// SPDX-License-Identifier: Apache-2.0
/** @file Users and the hashes of their passwords, as Apache's htpasswd writes them. */
#ifndef OTC_EXTENSIONS_BASIC_AUTH_HTPASSWD_H
#define OTC_EXTENSIONS_BASIC_AUTH_HTPASSWD_H

#include "common/base/slice.h"
#include "common/base/status.h"

/** A table of users. One thread at a time. */
struct basic_auth_users;

/** Most users of one table, and the longest password that is looked at (bcrypt sees 72 bytes of it). */
#define BASIC_AUTH_USERS_MAX 100000
#define BASIC_AUTH_PASSWORD_MAX 512

/**
 * Reads lines `name:hash`; blank lines and those that begin with '#' are skipped, of several lines of one
 * user the last one counts. Hashes: bcrypt ($2a$, $2b$, $2y$), crypt's $5$, $6$ and $1$, $apr1$, {SHA},
 * {SSHA}; anything else is the password itself. `*bad` counts lines that are none of these: without a name or
 * a colon, or with a hash that the system's crypt does not know. NULL out of memory or with too many users.
 */
struct basic_auth_users *basic_auth_users_new(struct otc_slice file, struct otc_slice inline_text,
                                              size_t *bad);
/** NULL is allowed. */
void basic_auth_users_free(struct basic_auth_users *users);
size_t basic_auth_users_count(const struct basic_auth_users *users);

struct basic_auth_user;
/** NULL: there is none of this name. */
struct basic_auth_user *basic_auth_user_find(struct basic_auth_users *users, struct otc_slice name);
/** True when the answer is known without hashing anything anew: this password was right before. */
bool basic_auth_user_remembers(const struct basic_auth_user *user, struct otc_slice password);
/** True when the password is the user's; bcrypt takes its time (that is what it is for: 50 ms and more). */
bool basic_auth_user_matches(struct basic_auth_user *user, struct otc_slice password);

#endif
