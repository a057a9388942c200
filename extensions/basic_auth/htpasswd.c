// SPDX-License-Identifier: Apache-2.0
#include "extensions/basic_auth/htpasswd.h"

#include "common/base/base64.h"
#include "common/base/map.h"
#include "common/net/auth.h"
#include "common/net/digest.h"

#include <crypt.h>
#include <stdlib.h>

#define SHA1_BYTES 20
#define MD5_BYTES 16
#define SALT_MAX 8

enum kind { PLAIN, CRYPT, APR1, SHA, SALTED_SHA };

struct basic_auth_user {
    enum kind kind;
    bool remembers;
    uint8_t remembered[OTC_DIGEST_MAX]; /* of the salt and the password that was right */
    uint8_t salt[16];
    size_t hash_len;
    char hash[]; /* NUL-terminated; a plain password is wiped at the end */
};

struct basic_auth_users {
    struct otc_map *map;
};

/* ---- Apache's variant of MD5-crypt --------------------------------------------------------------- */

/** Three bytes as four characters of crypt's alphabet, low bits first. */
static void
put24(char **out, uint32_t word, int n)
{
    static const char alphabet[] = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    for (int i = 0; i < n; i++) {
        *(*out)++ = alphabet[word & 63];
        word >>= 6;
    }
}

/** The 16 bytes in the order that MD5-crypt prints them: 22 characters. */
static void
print_md5(const uint8_t sum[MD5_BYTES], char out[23])
{
    static const uint8_t order[5][3] = {{0, 6, 12}, {1, 7, 13}, {2, 8, 14}, {3, 9, 15}, {4, 10, 5}};

    for (size_t i = 0; i < 5; i++) {
        put24(&out, (uint32_t)sum[order[i][0]] << 16 | (uint32_t)sum[order[i][1]] << 8 | sum[order[i][2]], 4);
    }
    put24(&out, sum[11], 2);
    *out = '\0';
}

/** What the thousand rounds begin with. */
static bool
apr1_begin(struct otc_slice password, struct otc_slice salt, uint8_t sum[OTC_DIGEST_MAX])
{
    static const uint8_t zero[1] = {0};
    const struct otc_slice first[] = {password, salt, password};
    struct otc_slice pieces[3 + BASIC_AUTH_PASSWORD_MAX / MD5_BYTES + 1 + 16];
    uint8_t inner[OTC_DIGEST_MAX];
    size_t n = 0;

    if (!otc_digest(OTC_MD5, first, 3, inner)) {
        return false;
    }
    pieces[n++] = password;
    pieces[n++] = otc_slice_str("$apr1$");
    pieces[n++] = salt;
    for (size_t left = password.len; left > 0;) {
        const size_t part = left > MD5_BYTES ? MD5_BYTES : left;

        pieces[n++] = otc_slice_of(inner, part);
        left -= part;
    }
    for (size_t bits = password.len; bits > 0; bits >>= 1) {
        pieces[n++] = otc_slice_of(bits & 1 ? zero : password.data, 1);
    }
    return otc_digest(OTC_MD5, pieces, n, sum) == MD5_BYTES;
}

static bool
apr1(struct otc_slice password, struct otc_slice salt, char out[23])
{
    uint8_t sum[OTC_DIGEST_MAX] = {0};
    bool ok = apr1_begin(password, salt, sum);

    for (unsigned i = 0; i < 1000 && ok; i++) {
        uint8_t before[MD5_BYTES];
        struct otc_slice pieces[4], last = otc_slice_of(before, MD5_BYTES);
        size_t n = 0;

        memcpy(before, sum, MD5_BYTES);
        pieces[n++] = i & 1 ? password : last;
        if (i % 3) {
            pieces[n++] = salt;
        }
        if (i % 7) {
            pieces[n++] = password;
        }
        pieces[n++] = i & 1 ? last : password;
        ok = otc_digest(OTC_MD5, pieces, n, sum) == MD5_BYTES;
    }
    print_md5(sum, out);
    return ok;
}

static bool
matches_apr1(const struct basic_auth_user *user, struct otc_slice password)
{
    const struct otc_slice rest = otc_slice_skip(otc_slice_of(user->hash, user->hash_len), 6);
    const uint8_t *end = rest.len ? memchr(rest.data, '$', rest.len) : NULL;
    struct otc_slice salt = rest;
    char sum[23];

    if (!end) {
        return false;
    }
    salt.len = (size_t)(end - rest.data) > SALT_MAX ? SALT_MAX : (size_t)(end - rest.data);
    return apr1(password, salt, sum) &&
           otc_equal_in_constant_time(otc_slice_skip(rest, (size_t)(end - rest.data) + 1),
                                      otc_slice_str(sum));
}

/* ---- The others ---------------------------------------------------------------------------------- */

/** {SHA} and {SSHA}: base64 of SHA-1, and of the salt behind it. */
static bool
matches_sha(const struct basic_auth_user *user, struct otc_slice password)
{
    const size_t prefix = user->kind == SHA ? 5 : 6;
    OTC_AUTO_BUF struct otc_buf bytes = {.limit = 1024};
    struct otc_slice pieces[2] = {password, OTC_SLICE_NONE};
    uint8_t sum[OTC_DIGEST_MAX];

    if (!otc_base64_decode(otc_slice_skip(otc_slice_of(user->hash, user->hash_len), prefix), &bytes) ||
        bytes.len < SHA1_BYTES || (user->kind == SHA && bytes.len != SHA1_BYTES)) {
        return false;
    }
    pieces[1] = otc_slice_of(bytes.data + SHA1_BYTES, bytes.len - SHA1_BYTES);
    return otc_digest(OTC_SHA1, pieces, 2, sum) == SHA1_BYTES &&
           otc_equal_in_constant_time(otc_slice_of(bytes.data, SHA1_BYTES), otc_slice_of(sum, SHA1_BYTES));
}

static bool
matches_crypt(const struct basic_auth_user *user, const char *password)
{
    struct crypt_data *data = calloc(1, sizeof(*data));
    const char *sum = data ? crypt_r(password, user->hash, data) : NULL;
    const bool ok =
        sum && sum[0] != '*' && otc_equal_in_constant_time(otc_slice_str(sum), otc_slice_str(user->hash));

    if (data) {
        otc_wipe(data, sizeof(*data));
        free(data);
    }
    return ok;
}

static bool
starts(struct otc_slice text, const char *prefix)
{
    return otc_slice_starts(text, otc_slice_str(prefix));
}

static enum kind
kind_of(struct otc_slice hash)
{
    if (starts(hash, "$2") || starts(hash, "$1$") || starts(hash, "$5$") || starts(hash, "$6$")) {
        return CRYPT;
    }
    return starts(hash, "$apr1$")   ? APR1
           : starts(hash, "{SHA}")  ? SHA
           : starts(hash, "{SSHA}") ? SALTED_SHA
                                    : PLAIN;
}

/* ---- The table ----------------------------------------------------------------------------------- */

static void
drop_user(void *value)
{
    struct basic_auth_user *user = value;

    otc_wipe(user->hash, user->hash_len);
    free(user);
}

/** What crypt can hash with; it does not look at the cost of bcrypt before it is asked to. */
static bool
usable(const char *hash)
{
    const bool bcrypt = strncmp(hash, "$2", 2) == 0;
    long cost = 0;

    if (bcrypt) {
        if (strlen(hash) != 60 || hash[3] != '$' || hash[6] != '$') {
            return false;
        }
        cost = strtol(hash + 4, NULL, 10);
    }
    return (!bcrypt || (cost >= 4 && cost <= 31)) && crypt_checksalt(hash) != CRYPT_SALT_INVALID;
}

static bool
put_user(struct basic_auth_users *users, struct otc_slice name, struct otc_slice hash, size_t *bad)
{
    struct basic_auth_user *user = calloc(1, sizeof(*user) + hash.len + 1);
    void *before;

    if (!user || !otc_random(user->salt, sizeof(user->salt))) {
        free(user);
        return false;
    }
    user->kind = kind_of(hash);
    user->hash_len = hash.len;
    if (hash.len > 0) {
        memcpy(user->hash, hash.data, hash.len);
    }
    if (user->kind == CRYPT && !usable(user->hash)) {
        (*bad)++;
        drop_user(user);
        return true;
    }
    before = otc_map_remove(users->map, name);
    if (before) {
        drop_user(before);
    }
    if (!otc_map_put(users->map, name, user)) {
        drop_user(user);
        return false;
    }
    return true;
}

static struct otc_slice
trim(struct otc_slice text)
{
    while (text.len > 0 && (text.data[0] == ' ' || text.data[0] == '\t')) {
        text = otc_slice_skip(text, 1);
    }
    while (text.len > 0 && strchr(" \t\r", text.data[text.len - 1])) {
        text.len--;
    }
    return text;
}

static bool
read_lines(struct basic_auth_users *users, struct otc_slice text, size_t *bad)
{
    bool ok = true;

    while (text.len > 0 && ok) {
        const uint8_t *newline = memchr(text.data, '\n', text.len);
        const size_t len = newline ? (size_t)(newline - text.data) : text.len;
        const struct otc_slice line = trim(otc_slice_of(text.data, len));
        const uint8_t *colon = line.len ? memchr(line.data, ':', line.len) : NULL;

        if (line.len > 0 && line.data[0] != '#') {
            if (!colon || colon == line.data) {
                (*bad)++;
            } else {
                const size_t name = (size_t)(colon - line.data);

                ok = put_user(users, otc_slice_of(line.data, name), otc_slice_skip(line, name + 1), bad);
            }
        }
        text = otc_slice_skip(text, len + 1);
    }
    return ok;
}

struct basic_auth_users *
basic_auth_users_new(struct otc_slice file, struct otc_slice inline_text, size_t *bad)
{
    struct basic_auth_users *users = calloc(1, sizeof(*users));

    *bad = 0;
    if (users) {
        users->map = otc_map_new(BASIC_AUTH_USERS_MAX);
    }
    if (!users || !users->map || !read_lines(users, file, bad) || !read_lines(users, inline_text, bad)) {
        basic_auth_users_free(users);
        return NULL;
    }
    return users;
}

void
basic_auth_users_free(struct basic_auth_users *users)
{
    if (users) {
        otc_map_free(users->map, drop_user);
        free(users);
    }
}

size_t
basic_auth_users_count(const struct basic_auth_users *users)
{
    return otc_map_count(users->map);
}

struct basic_auth_user *
basic_auth_user_find(struct basic_auth_users *users, struct otc_slice name)
{
    return otc_map_get(users->map, name);
}

static bool
fingerprint(const struct basic_auth_user *user, struct otc_slice password, uint8_t out[OTC_DIGEST_MAX])
{
    const struct otc_slice pieces[] = {otc_slice_of(user->salt, sizeof(user->salt)), password};

    return otc_digest(OTC_SHA256, pieces, 2, out) == OTC_DIGEST_MAX;
}

bool
basic_auth_user_remembers(const struct basic_auth_user *user, struct otc_slice password)
{
    uint8_t sum[OTC_DIGEST_MAX];

    return user->remembers && fingerprint(user, password, sum) &&
           otc_equal_in_constant_time(otc_slice_of(sum, sizeof(sum)),
                                      otc_slice_of(user->remembered, sizeof(user->remembered)));
}

bool
basic_auth_user_matches(struct basic_auth_user *user, struct otc_slice password)
{
    char text[BASIC_AUTH_PASSWORD_MAX + 1] = "";
    bool ok = false;

    if (password.len > BASIC_AUTH_PASSWORD_MAX ||
        (password.len && memchr(password.data, '\0', password.len))) {
        return false;
    }
    if (password.len > 0) {
        memcpy(text, password.data, password.len);
    }
    switch (user->kind) {
    case CRYPT:
        ok = matches_crypt(user, text);
        break;
    case APR1:
        ok = matches_apr1(user, password);
        break;
    case SHA:
    case SALTED_SHA:
        ok = matches_sha(user, password);
        break;
    case PLAIN:
        ok = otc_equal_in_constant_time(password, otc_slice_of(user->hash, user->hash_len));
        break;
    }
    otc_wipe(text, sizeof(text));
    user->remembers = (ok && fingerprint(user, password, user->remembered)) || (user->remembers && !ok);
    return ok;
}
