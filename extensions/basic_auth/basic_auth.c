// SPDX-License-Identifier: Apache-2.0
#include "common/base/base64.h"
#include "common/base/clock.h"
#include "common/component/file_watch.h"
#include "common/net/auth.h"
#include "common/net/digest.h"
#include "extensions/basic_auth/htpasswd.h"

#include <pthread.h>
#include <stdlib.h>
#include <strings.h>

/** Longest header value, decoded or not. */
#define CREDENTIALS_MAX ((size_t)4096)
/**
 * Requests are checked on the thread that serves them all, and a slow hash (bcrypt) holds it up. So hashing
 * may take a fifth of the time, and half a second at once; passwords that were right before need none.
 */
#define HASHING_SHARE 5
#define HASHING_AT_ONCE (OTC_SECOND / 2)
#define HASHING_RETRY_MS 1000

struct basic_auth_htpasswd {
    char *file;
    otc_secret inline_text;
};

struct basic_auth_client {
    char *username;
    char *username_file;
    otc_secret password;
    char *password_file;
};

struct basic_auth_config {
    struct basic_auth_htpasswd *htpasswd;
    struct basic_auth_client *client_auth;
};

struct basic_auth {
    struct otc_component component;
    struct otc_authenticator authenticator;
    struct otc_host *host;
    const char *id;
    const struct basic_auth_config *config;
    struct otc_file_watch *watches[2];
    pthread_mutex_t lock; /* guards what follows */
    struct basic_auth_users *users;
    int64_t hashing_ns; /* what hashing took of late; drains as time passes */
    int64_t hashed_at_ns;
    struct otc_buf username, password; /* the client's */
    struct otc_buf header;             /* "Basic dXNlcjpwYXNz" */
};

/* ---- Settings ----------------------------------------------------------------------------------- */

static bool
is_set(const char *text)
{
    return text && *text;
}

static const struct otc_field htpasswd_fields[] = {
    OTC_FIELD(basic_auth_htpasswd, file, .doc = "File that htpasswd wrote; read again when it changes."),
    OTC_FIELD_AS(basic_auth_htpasswd, inline_text, "inline",
                 .doc = "The same as text; its users override those of the file."),
    OTC_FIELD_END,
};
static const struct otc_schema htpasswd_schema =
    OTC_SCHEMA(basic_auth_htpasswd, htpasswd_fields, "Who may come in (servers).");

static otc_status
check_client(const void *value, struct otc_error *err)
{
    const struct basic_auth_client *client = value;

    if (is_set(client->username) && !is_set(client->username_file) && strchr(client->username, ':')) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "username: a colon is not allowed in it");
    }
    return OTC_OK;
}

static const struct otc_field client_fields[] = {
    OTC_FIELD(basic_auth_client, username, .doc = "Name that is sent."),
    OTC_FIELD(basic_auth_client, username_file,
              .doc = "File of the name, instead; read again when it changes."),
    OTC_FIELD(basic_auth_client, password, .doc = "Password that is sent."),
    OTC_FIELD(basic_auth_client, password_file,
              .doc = "File of the password, instead; read again when it changes."),
    OTC_FIELD_END,
};
static const struct otc_schema client_schema =
    OTC_SCHEMA(basic_auth_client, client_fields, "What is sent (clients).", .check = check_client);

static const struct otc_field fields[] = {
    OTC_FIELD_OPTIONAL(basic_auth_config, htpasswd, htpasswd_schema, .null_is_absent = true,
                       .doc = "Who may come in: for `auth` of servers."),
    OTC_FIELD_OPTIONAL(basic_auth_config, client_auth, client_schema, .null_is_absent = true,
                       .doc = "What is sent: for `auth` of exporters."),
    OTC_FIELD_END,
};
static const struct otc_schema schema =
    OTC_SCHEMA(basic_auth_config, fields, "Lets in and sends requests with a name and a password.");

static otc_status
validate(const void *settings, struct otc_error *err)
{
    const struct basic_auth_config *config = settings;
    const struct basic_auth_htpasswd *htpasswd = config->htpasswd;

    if (htpasswd && config->client_auth) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "only one of `htpasswd` or `client_auth` can be specified");
    }
    if (!config->client_auth &&
        (!htpasswd || (!is_set(htpasswd->file) && !is_set(htpasswd->inline_text.text)))) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "no credential source provided");
    }
    return OTC_OK;
}

/* ---- Servers ------------------------------------------------------------------------------------ */

static otc_status
take_users(struct basic_auth *self, struct otc_slice file, struct otc_error *err)
{
    struct basic_auth_users *users, *before;
    size_t bad;

    users = basic_auth_users_new(file, otc_slice_str(self->config->htpasswd->inline_text.text), &bad);
    if (!users) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "read htpasswd content: more than %d users",
                        BASIC_AUTH_USERS_MAX);
    }
    if (bad > 0) {
        otc_log(self->host->logger, OTC_LOG_WARN, self->id, "lines of htpasswd cannot be used",
                OTC_FIELD_NUMBER("lines", bad));
    }
    pthread_mutex_lock(&self->lock);
    before = self->users;
    self->users = users;
    pthread_mutex_unlock(&self->lock);
    basic_auth_users_free(before);
    return OTC_OK;
}

static void
log_reload(const struct basic_auth *self, const char *what, const char *path, const struct otc_error *failure)
{
    if (failure) {
        otc_log(self->host->logger, OTC_LOG_ERROR, self->id, "credentials not read again, those in use stay",
                OTC_FIELD_TEXT("error", failure->text));
    } else {
        otc_log(self->host->logger, OTC_LOG_INFO, self->id, what, OTC_FIELD_TEXT("filename", path));
    }
}

static void
on_htpasswd(void *arg, struct otc_slice contents, const struct otc_error *failure)
{
    struct basic_auth *self = arg;
    struct otc_error err = OTC_ERROR_INIT;

    if (!failure && take_users(self, contents, &err) != OTC_OK) {
        failure = &err;
    }
    log_reload(self, "refresh htpasswd", self->config->htpasswd->file, failure);
}

/** Splits "Basic <base64 of name:password>" into the parts of `decoded`. */
static otc_status
parse(struct otc_slice value, struct otc_buf *decoded, struct otc_slice *name, struct otc_slice *password,
      struct otc_slice *raw, struct otc_error *err)
{
    static const char prefix[] = "Basic ";
    const size_t len = sizeof(prefix) - 1;
    const uint8_t *colon = NULL;

    if (!value.data || value.len == 0) {
        return otc_fail(err, OTC_UNAUTHENTICATED, "no basic auth provided");
    }
    if (value.len < len || strncasecmp((const char *)value.data, prefix, len) != 0) {
        return otc_fail(err, OTC_UNAUTHENTICATED, "invalid authorization scheme prefix");
    }
    *raw = otc_slice_skip(value, len);
    if (otc_base64_decode(*raw, decoded) && decoded->len > 0) {
        colon = memchr(decoded->data, ':', decoded->len);
    }
    if (!colon) {
        return otc_fail(err, OTC_UNAUTHENTICATED, "invalid authorization format");
    }
    *name = otc_slice_of(decoded->data, (size_t)(colon - decoded->data));
    *password = otc_slice_skip(otc_buf_slice(decoded), name->len + 1);
    return OTC_OK;
}

/** Under the lock: false when hashing took more than its share of the time. */
static bool
may_hash(struct basic_auth *self, int64_t now)
{
    const int64_t drained = (now - self->hashed_at_ns) / HASHING_SHARE;

    self->hashing_ns = self->hashing_ns > drained ? self->hashing_ns - drained : 0;
    self->hashed_at_ns = now;
    return self->hashing_ns < HASHING_AT_ONCE;
}

/** Under the lock. */
static otc_status
verify(struct basic_auth *self, struct otc_slice name, struct otc_slice password, struct otc_error *err)
{
    struct basic_auth_user *user = self->users ? basic_auth_user_find(self->users, name) : NULL;
    int64_t begin;
    bool ok;

    if (user && basic_auth_user_remembers(user, password)) {
        return OTC_OK;
    }
    begin = self->host->monotonic_ns(self->host);
    if (user && !may_hash(self, begin)) {
        if (err) {
            err->retry_after_ms = HASHING_RETRY_MS;
        }
        return otc_fail(err, OTC_UNAVAILABLE, "too many passwords to check, try again later");
    }
    ok = user && basic_auth_user_matches(user, password);
    if (user) {
        self->hashed_at_ns = self->host->monotonic_ns(self->host);
        self->hashing_ns += self->hashed_at_ns - begin;
    }
    return ok ? OTC_OK : otc_fail(err, OTC_UNAUTHENTICATED, "invalid credentials");
}

static otc_status
check(struct otc_authenticator *authenticator, const struct otc_auth_request *request,
      struct otc_auth_sink *learnt, struct otc_error *err)
{
    struct basic_auth *self = OTC_CONTAINER(authenticator, basic_auth, authenticator);
    struct otc_buf decoded = {.limit = CREDENTIALS_MAX};
    struct otc_slice name = OTC_SLICE_NONE, password = OTC_SLICE_NONE, raw = OTC_SLICE_NONE;
    otc_status status =
        parse(request->header(request, "authorization"), &decoded, &name, &password, &raw, err);

    if (status == OTC_OK) {
        pthread_mutex_lock(&self->lock);
        status = verify(self, name, password, err);
        pthread_mutex_unlock(&self->lock);
    }
    if (status == OTC_OK) {
        learnt->put(learnt, otc_slice_str("username"), name);
        learnt->put(learnt, otc_slice_str("raw"), raw);
    }
    if (decoded.data) {
        otc_wipe(decoded.data, decoded.capacity);
    }
    otc_buf_release(&decoded);
    return status;
}

/* ---- Clients ------------------------------------------------------------------------------------ */

static otc_status
headers(struct otc_authenticator *authenticator, struct otc_auth_sink *sink, struct otc_error *err)
{
    struct basic_auth *self = OTC_CONTAINER(authenticator, basic_auth, authenticator);

    (void)err;
    pthread_mutex_lock(&self->lock);
    sink->put(sink, otc_slice_str("Authorization"), otc_buf_slice(&self->header));
    pthread_mutex_unlock(&self->lock);
    return OTC_OK;
}

static struct otc_slice
trim(struct otc_slice text)
{
    while (text.len > 0 && strchr(" \t\r\n", text.data[0])) {
        text = otc_slice_skip(text, 1);
    }
    while (text.len > 0 && strchr(" \t\r\n", text.data[text.len - 1])) {
        text.len--;
    }
    return text;
}

/** Puts the name or the password, and makes the header anew. */
static otc_status
take_credential(struct basic_auth *self, struct otc_buf *member, struct otc_slice text, struct otc_error *err)
{
    struct otc_buf pair = {.limit = 2 * CREDENTIALS_MAX + 1};
    otc_status status = OTC_OK;

    if (member == &self->username && text.len > 0 && memchr(text.data, ':', text.len)) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "username: a colon is not allowed in it");
    }
    pthread_mutex_lock(&self->lock);
    otc_buf_clear(member);
    otc_buf_append_slice(member, text);
    otc_buf_append_slice(&pair, otc_buf_slice(&self->username));
    otc_buf_append_byte(&pair, ':');
    otc_buf_append_slice(&pair, otc_buf_slice(&self->password));
    otc_buf_clear(&self->header);
    otc_buf_append_str(&self->header, "Basic ");
    if (member->failed || pair.failed || !otc_base64_encode(otc_buf_slice(&pair), true, &self->header)) {
        status =
            otc_fail(err, OTC_RESOURCE_EXHAUSTED, "username, password: at most %zu bytes", CREDENTIALS_MAX);
    }
    pthread_mutex_unlock(&self->lock);
    if (pair.data) {
        otc_wipe(pair.data, pair.capacity);
    }
    otc_buf_release(&pair);
    return status;
}

static void
on_credential(struct basic_auth *self, struct otc_buf *member, const char *path, struct otc_slice contents,
              const struct otc_error *failure)
{
    struct otc_error err = OTC_ERROR_INIT;

    if (!failure && take_credential(self, member, trim(contents), &err) != OTC_OK) {
        failure = &err;
    }
    log_reload(self, "refresh credentials", path, failure);
}

static void
on_username(void *arg, struct otc_slice contents, const struct otc_error *failure)
{
    struct basic_auth *self = arg;

    on_credential(self, &self->username, self->config->client_auth->username_file, contents, failure);
}

static void
on_password(void *arg, struct otc_slice contents, const struct otc_error *failure)
{
    struct basic_auth *self = arg;

    on_credential(self, &self->password, self->config->client_auth->password_file, contents, failure);
}

/* ---- Life --------------------------------------------------------------------------------------- */

static otc_status
read_first(struct basic_auth *self, size_t slot, const char *path, otc_file_watch_fn fn, struct otc_buf *out,
           struct otc_error *err)
{
    return is_set(path)
               ? otc_file_watch_new(self->host, path, false, fn, self, out, &self->watches[slot], err)
               : OTC_OK;
}

static otc_status
start_server(struct basic_auth *self, struct otc_error *err)
{
    OTC_AUTO_BUF struct otc_buf contents = {.limit = OTC_FILE_WATCH_MAX};
    otc_status status = read_first(self, 0, self->config->htpasswd->file, on_htpasswd, &contents, err);

    if (status != OTC_OK) {
        return otc_error_prefix(err, "htpasswd::file");
    }
    return take_users(self, otc_buf_slice(&contents), err);
}

static otc_status
start_credential(struct basic_auth *self, bool password, struct otc_error *err)
{
    const struct basic_auth_client *config = self->config->client_auth;
    const char *path = password ? config->password_file : config->username_file;
    const char *text = password ? config->password.text : config->username;
    OTC_AUTO_BUF struct otc_buf contents = {.limit = OTC_FILE_WATCH_MAX};
    otc_status status =
        read_first(self, password, path, password ? on_password : on_username, &contents, err);

    if (status != OTC_OK) {
        return otc_error_prefix(err, "client_auth::%s", password ? "password_file" : "username_file");
    }
    return take_credential(self, password ? &self->password : &self->username,
                           is_set(path) ? trim(otc_buf_slice(&contents)) : otc_slice_str(text), err);
}

static otc_status
start(struct otc_component *component, struct otc_error *err)
{
    struct basic_auth *self = OTC_CONTAINER(component, basic_auth, component);
    otc_status status;

    if (self->config->htpasswd) {
        return start_server(self, err);
    }
    status = start_credential(self, false, err);
    return status == OTC_OK ? start_credential(self, true, err) : status;
}

static otc_status
stop(struct otc_component *component, int64_t deadline_ns, struct otc_error *err)
{
    struct basic_auth *self = OTC_CONTAINER(component, basic_auth, component);

    (void)deadline_ns;
    (void)err;
    for (size_t i = 0; i < 2; i++) {
        otc_file_watch_free(self->watches[i]);
        self->watches[i] = NULL;
    }
    return OTC_OK;
}

static void
forget(struct otc_buf *secret)
{
    if (secret->data) {
        otc_wipe(secret->data, secret->capacity);
    }
    otc_buf_release(secret);
}

static void
destroy(struct otc_component *component)
{
    struct basic_auth *self = OTC_CONTAINER(component, basic_auth, component);

    stop(component, 0, NULL);
    basic_auth_users_free(self->users);
    forget(&self->username);
    forget(&self->password);
    forget(&self->header);
    pthread_mutex_destroy(&self->lock);
    free(self);
}

static struct otc_authenticator *
authenticator_of(struct otc_component *component)
{
    return &OTC_CONTAINER(component, basic_auth, component)->authenticator;
}

static const struct otc_component_ops ops = {
    .abi = OTC_ABI_OF(otc_component_ops),
    .start = start,
    .shutdown = stop,
    .free = destroy,
    .authenticator = authenticator_of,
};

static otc_status
create(const struct otc_settings *settings, struct otc_component **out, struct otc_error *err)
{
    struct basic_auth *self = calloc(1, sizeof(*self));

    if (!self) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    self->component = (struct otc_component){OTC_ABI_OF(otc_component), &ops};
    self->id = settings->id;
    self->host = settings->host;
    self->config = settings->config;
    self->authenticator = (struct otc_authenticator){.abi = OTC_ABI_OF(otc_authenticator),
                                                     .check = self->config->htpasswd ? check : NULL,
                                                     .headers = self->config->client_auth ? headers : NULL,
                                                     .challenge = "Basic realm=\"otelcol-aimon\""};
    otc_buf_init(&self->username, CREDENTIALS_MAX);
    otc_buf_init(&self->password, CREDENTIALS_MAX);
    otc_buf_init(&self->header, 4 * CREDENTIALS_MAX);
    pthread_mutex_init(&self->lock, NULL);
    *out = &self->component;
    return OTC_OK;
}

OTC_API const struct otc_factory otc_basic_auth_extension_factory = {
    .abi = OTC_ABI_OF(otc_factory),
    .kind = OTC_EXTENSION,
    .type = "basic_auth",
    .deprecated_type = "basicauth",
    .description = "Lets in and sends requests with a name and a password.",
    .config = &schema,
    .offers = OTC_OFFERS_SERVER_AUTH | OTC_OFFERS_CLIENT_AUTH,
    .validate = validate,
    .create = create,
};
