// SPDX-License-Identifier: Apache-2.0
#include "common/base/arena.h"
#include "common/base/clock.h"
#include "common/component/file_watch.h"
#include "common/net/auth.h"
#include "common/net/digest.h"

#include <ctype.h>
#include <pthread.h>
#include <stdlib.h>

/** Room for the tokens of a file and what is made of them. */
#define TOKENS_MAX (4 * OTC_FILE_WATCH_MAX)

struct bearer_token_auth_retry {
    bool enabled;
    int64_t max_retries;
    otc_duration retry_interval;
};

struct bearer_token_auth_config {
    char *scheme;
    char *header;
    otc_secret token;
    otc_strings tokens;
    char *filename;
    struct bearer_token_auth_retry file_retry;
};

/** One state of the tokens, as whole header values ("Bearer abc"). */
struct values {
    struct otc_arena arena;
    struct otc_slice *items;
    size_t n;
};

struct bearer_token_auth {
    struct otc_component component;
    struct otc_authenticator authenticator;
    struct otc_host *host;
    const char *id;
    const struct bearer_token_auth_config *config;
    struct otc_file_watch *watch;
    pthread_rwlock_t lock; /* guards `values` */
    struct values values;
};

/* ---- Settings ----------------------------------------------------------------------------------- */

static const struct otc_field retry_fields[] = {
    OTC_FIELD(bearer_token_auth_retry, enabled, .def = "false",
              .doc =
                  "Start although `filename` cannot be read yet; until then nobody is let in and nothing is "
                  "sent."),
    OTC_FIELD(bearer_token_auth_retry, max_retries, .def = "0", .inert = true,
              .doc = "The file is looked for as long as the extension runs."),
    OTC_FIELD(bearer_token_auth_retry, retry_interval, .def = "0s", .inert = true,
              .doc = "The file is looked for every second."),
    OTC_FIELD_END,
};
static const struct otc_schema retry_schema =
    OTC_SCHEMA(bearer_token_auth_retry, retry_fields, "A file that is not there yet.");

static const struct otc_field fields[] = {
    OTC_FIELD(bearer_token_auth_config, scheme, .def = "Bearer",
              .doc = "What stands before the token in the header; empty: nothing."),
    OTC_FIELD(bearer_token_auth_config, header, .def = "Authorization", .doc = "The header of the token."),
    OTC_FIELD(bearer_token_auth_config, token, .doc = "The token."),
    OTC_FIELD(bearer_token_auth_config, tokens, .secret = true,
              .doc = "Several tokens: servers take each of them, clients send the first."),
    OTC_FIELD(bearer_token_auth_config, filename,
              .doc =
                  "File of tokens, the first word of each line; read again when it changes. `token` is then "
                  "ignored."),
    OTC_FIELD_STRUCT(bearer_token_auth_config, file_retry, retry_schema,
                     .doc = "A file that is not there yet."),
    OTC_FIELD_END,
};
static const struct otc_schema schema =
    OTC_SCHEMA(bearer_token_auth_config, fields, "Lets in and sends requests with a bearer token.");

static bool
is_set(const char *text)
{
    return text && *text;
}

static bool
is_header_text(const char *text)
{
    for (const char *at = text; *at; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7f) {
            return false;
        }
    }
    return true;
}

static bool
is_header_name(const char *text)
{
    for (const char *at = text; *at; at++) {
        if (!isalnum((unsigned char)*at) && !strchr("!#$%&'*+-.^_`|~", *at)) {
            return false;
        }
    }
    return *text != '\0';
}

static otc_status
validate(const void *settings, struct otc_error *err)
{
    const struct bearer_token_auth_config *config = settings;
    bool printable = is_header_text(config->scheme ? config->scheme : "") &&
                     is_header_text(config->token.text ? config->token.text : "");

    if (!is_set(config->token.text) && config->tokens.n == 0 && !is_set(config->filename)) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "no bearer token provided");
    }
    if (is_set(config->token.text) && config->tokens.n > 0) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "either tokens or token should be provided, not both");
    }
    if (!config->header || !is_header_name(config->header)) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "header: must be the name of a header");
    }
    for (size_t i = 0; i < config->tokens.n; i++) {
        if (!is_set(config->tokens.items[i])) {
            return otc_fail(err, OTC_INVALID_ARGUMENT, "tokens: token %zu is empty", i);
        }
        printable = printable && is_header_text(config->tokens.items[i]);
    }
    if (!printable) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "scheme, token, tokens: no control characters, such as line ends, are allowed");
    }
    return OTC_OK;
}

/* ---- Tokens ------------------------------------------------------------------------------------- */

static void
values_release(struct values *values)
{
    for (size_t i = 0; i < values->n; i++) {
        otc_wipe((void *)(uintptr_t)values->items[i].data, values->items[i].len);
    }
    otc_arena_release(&values->arena);
    *values = (struct values){0};
}

static bool
values_add(struct values *values, const char *scheme, struct otc_slice token)
{
    const size_t before = is_set(scheme) ? strlen(scheme) + 1 : 0;
    uint8_t *text = otc_arena_alloc(&values->arena, before + token.len + 1);
    struct otc_slice *items;

    if (!text) {
        return false;
    }
    if ((values->n & (values->n - 1)) == 0) { /* full at each power of two */
        items = otc_arena_alloc(&values->arena, (values->n ? 2 * values->n : 1) * sizeof(*items));
        if (!items) {
            return false;
        }
        if (values->n > 0) {
            memcpy(items, values->items, values->n * sizeof(*items));
        }
        values->items = items;
    }
    if (before > 0) {
        memcpy(text, scheme, before - 1);
        text[before - 1] = ' ';
    }
    memcpy(text + before, token.data, token.len);
    values->items[values->n++] = otc_slice_of(text, before + token.len);
    return true;
}

/** The first word of each line that has one. */
static bool
values_read(struct values *values, const char *scheme, struct otc_slice text)
{
    bool ok = true;

    while (text.len > 0 && ok) {
        const uint8_t *newline = memchr(text.data, '\n', text.len);
        const size_t line = newline ? (size_t)(newline - text.data) : text.len;
        size_t begin = 0, end;

        while (begin < line && isspace(text.data[begin])) {
            begin++;
        }
        for (end = begin; end < line && !isspace(text.data[end]);) {
            end++;
        }
        if (end > begin) {
            ok = values_add(values, scheme, otc_slice_of(text.data + begin, end - begin));
        }
        text = otc_slice_skip(text, line + 1);
    }
    return ok;
}

/** The new values take the place of those in use; `values` gets these, to be released. */
static void
exchange_values(struct bearer_token_auth *self, struct values *values)
{
    const struct values before = self->values;

    pthread_rwlock_wrlock(&self->lock);
    self->values = *values;
    pthread_rwlock_unlock(&self->lock);
    *values = before;
}

static otc_status
take_file(struct bearer_token_auth *self, struct otc_slice contents, struct otc_error *err)
{
    struct values values = {0};
    otc_status status = OTC_OK;

    otc_arena_init(&values.arena, TOKENS_MAX);
    if (!values_read(&values, self->config->scheme, contents)) {
        status = otc_fail(err, OTC_RESOURCE_EXHAUSTED, "%s: too many tokens", self->config->filename);
    } else if (values.n == 0) {
        status = otc_fail(err, OTC_FAILED_PRECONDITION, "%s: no token in it", self->config->filename);
    } else {
        exchange_values(self, &values);
    }
    values_release(&values);
    return status;
}

static void
on_file(void *arg, struct otc_slice contents, const struct otc_error *failure)
{
    struct bearer_token_auth *self = arg;
    struct otc_error err = OTC_ERROR_INIT;

    if (!failure && take_file(self, contents, &err) != OTC_OK) {
        failure = &err;
    }
    if (failure) {
        otc_log(self->host->logger, OTC_LOG_ERROR, self->id, "tokens not read again, those in use stay",
                OTC_FIELD_TEXT("error", failure->text));
    } else {
        otc_log(self->host->logger, OTC_LOG_INFO, self->id, "refresh token",
                OTC_FIELD_TEXT("filename", self->config->filename));
    }
}

/* ---- Requests ----------------------------------------------------------------------------------- */

static otc_status
check(struct otc_authenticator *authenticator, const struct otc_auth_request *request,
      struct otc_auth_sink *learnt, struct otc_error *err)
{
    struct bearer_token_auth *self = OTC_CONTAINER(authenticator, bearer_token_auth, authenticator);
    const struct otc_slice value = request->header(request, self->config->header);
    bool known = false;

    (void)learnt;
    if (!value.data || value.len == 0) {
        return otc_fail(err, OTC_UNAUTHENTICATED, "missing or empty authorization header: %s",
                        self->config->header);
    }
    pthread_rwlock_rdlock(&self->lock);
    for (size_t i = 0; i < self->values.n; i++) { /* all of them: which one it is, time does not tell */
        known |= otc_equal_in_constant_time(self->values.items[i], value);
    }
    pthread_rwlock_unlock(&self->lock);
    if (!known) {
        return otc_fail(err, OTC_UNAUTHENTICATED,
                        "provided authorization does not match expected scheme or token");
    }
    return OTC_OK;
}

static otc_status
headers(struct otc_authenticator *authenticator, struct otc_auth_sink *sink, struct otc_error *err)
{
    struct bearer_token_auth *self = OTC_CONTAINER(authenticator, bearer_token_auth, authenticator);
    bool any;

    pthread_rwlock_rdlock(&self->lock);
    any = self->values.n > 0;
    if (any) {
        sink->put(sink, otc_slice_str(self->config->header), self->values.items[0]);
    }
    pthread_rwlock_unlock(&self->lock);
    return any ? OTC_OK
               : otc_fail(err, OTC_UNAVAILABLE, "no bearer token yet: %s could not be read",
                          self->config->filename);
}

static struct otc_authenticator *
authenticator_of(struct otc_component *component)
{
    return &OTC_CONTAINER(component, bearer_token_auth, component)->authenticator;
}

/* ---- Life --------------------------------------------------------------------------------------- */

static otc_status
watch_file(struct bearer_token_auth *self, struct otc_error *err)
{
    const struct bearer_token_auth_config *config = self->config;
    OTC_AUTO_BUF struct otc_buf contents = {.limit = OTC_FILE_WATCH_MAX};
    const bool may_be_missing = config->file_retry.enabled;
    otc_status status;

    if (is_set(config->token.text)) {
        otc_log(self->host->logger, OTC_LOG_WARN, self->id,
                "a filename is specified. Configured token(s) is ignored!");
    }
    status = otc_file_watch_new(self->host, config->filename, may_be_missing, on_file, self, &contents,
                                &self->watch, err);
    if (status == OTC_OK && (contents.len > 0 || !may_be_missing)) {
        status = take_file(self, otc_buf_slice(&contents), err);
    }
    return status == OTC_OK ? OTC_OK : otc_error_prefix(err, "filename");
}

static otc_status
start(struct otc_component *component, struct otc_error *err)
{
    struct bearer_token_auth *self = OTC_CONTAINER(component, bearer_token_auth, component);
    const struct bearer_token_auth_config *config = self->config;
    struct values values = {0};
    bool ok = true;

    if (config->tokens.n == 0 && is_set(config->filename)) {
        return watch_file(self, err);
    }
    otc_arena_init(&values.arena, TOKENS_MAX);
    for (size_t i = 0; i < config->tokens.n && ok; i++) {
        ok = values_add(&values, config->scheme, otc_slice_str(config->tokens.items[i]));
    }
    if (config->tokens.n == 0) {
        ok = values_add(&values, config->scheme, otc_slice_str(config->token.text));
    }
    exchange_values(self, &values);
    values_release(&values);
    return ok ? OTC_OK : otc_fail(err, OTC_RESOURCE_EXHAUSTED, "tokens: too long");
}

static otc_status
stop(struct otc_component *component, int64_t deadline_ns, struct otc_error *err)
{
    struct bearer_token_auth *self = OTC_CONTAINER(component, bearer_token_auth, component);

    (void)deadline_ns;
    (void)err;
    otc_file_watch_free(self->watch);
    self->watch = NULL;
    return OTC_OK;
}

static void
destroy(struct otc_component *component)
{
    struct bearer_token_auth *self = OTC_CONTAINER(component, bearer_token_auth, component);

    stop(component, 0, NULL);
    values_release(&self->values);
    pthread_rwlock_destroy(&self->lock);
    free(self);
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
    struct bearer_token_auth *self = calloc(1, sizeof(*self));

    if (!self) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    self->component = (struct otc_component){OTC_ABI_OF(otc_component), &ops};
    self->id = settings->id;
    self->host = settings->host;
    self->config = settings->config;
    self->authenticator = (struct otc_authenticator){
        OTC_ABI_OF(otc_authenticator), check, headers,
        is_set(self->config->scheme) && is_header_name(self->config->scheme) ? self->config->scheme : NULL};
    pthread_rwlock_init(&self->lock, NULL);
    *out = &self->component;
    return OTC_OK;
}

OTC_API const struct otc_factory otc_bearer_token_auth_extension_factory = {
    .abi = OTC_ABI_OF(otc_factory),
    .kind = OTC_EXTENSION,
    .type = "bearer_token_auth",
    .deprecated_type = "bearertokenauth",
    .description = "Lets in and sends requests with a bearer token.",
    .config = &schema,
    .offers = OTC_OFFERS_SERVER_AUTH | OTC_OFFERS_CLIENT_AUTH,
    .validate = validate,
    .create = create,
};
