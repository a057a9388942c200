// SPDX-License-Identifier: Apache-2.0
/* Component and pipeline ids, with the Collector's rules and words. */
#include "sidecar/settings.h"

#define TYPE_MAX 63u
#define NAME_MAX_CHARS 1024u

static struct otc_slice
trim(struct otc_slice text)
{
    while (text.len > 0 && strchr(" \t\r\n", text.data[0]) != NULL) {
        text = otc_slice_skip(text, 1);
    }
    while (text.len > 0 && strchr(" \t\r\n", text.data[text.len - 1]) != NULL) {
        text.len--;
    }
    return text;
}

static bool
type_ok(struct otc_slice type)
{
    for (size_t i = 0; i < type.len; i++) {
        uint8_t c = type.data[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

        if (!letter && (i == 0 || !((c >= '0' && c <= '9') || c == '_'))) {
            return false;
        }
    }
    return type.len > 0 && type.len <= TYPE_MAX;
}

/* No blanks, control characters or ASCII symbols ($+<=>^`|~); other scripts pass. */
static bool
name_ok(struct otc_slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.data[i];

        if (c <= ' ' || c == 0x7f || strchr("$+<=>^`|~", c) != NULL) {
            return false;
        }
    }
    return name.len <= NAME_MAX_CHARS;
}

static otc_status
check_parts(struct otc_slice text, struct otc_slice type, struct otc_slice name, bool has_name,
            struct otc_error *err)
{
    if (has_name && type.len == 0) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "in \"%.*s\" id: the part before / should not be empty",
                        OTC_SLICE_ARG(text));
    }
    if (type.len == 0) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "id must not be empty");
    }
    if (has_name && name.len == 0) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "in \"%.*s\" id: the part after / should not be empty",
                        OTC_SLICE_ARG(text));
    }
    if (!type_ok(type)) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "in \"%.*s\" id: invalid character(s) in type \"%.*s\"",
                        OTC_SLICE_ARG(text), OTC_SLICE_ARG(type));
    }
    if (!name_ok(name)) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "in \"%.*s\" id: invalid character(s) in name \"%.*s\"",
                        OTC_SLICE_ARG(text), OTC_SLICE_ARG(name));
    }
    return OTC_OK;
}

otc_status
otc_id_parse(struct otc_arena *arena, struct otc_slice text, struct otc_id *out, struct otc_error *err)
{
    const uint8_t *slash = text.len > 0 ? memchr(text.data, '/', text.len) : NULL;
    size_t cut = slash != NULL ? (size_t)(slash - text.data) : text.len;
    struct otc_slice type = trim(otc_slice_of(text.data, cut));
    struct otc_slice name = trim(otc_slice_skip(text, cut + 1));
    size_t size = type.len + name.len + 2;
    otc_status status = check_parts(text, type, name, slash != NULL, err);
    char *full;

    if (status != OTC_OK) {
        return status;
    }
    full = otc_arena_alloc(arena, size);
    out->type = otc_arena_strndup(arena, type.data, type.len);
    out->name = name.len > 0 ? otc_arena_strndup(arena, name.data, name.len) : "";
    if (full == NULL || out->type == NULL || out->name == NULL) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory for the configuration");
    }
    snprintf(full, size, "%s%s%s", out->type, name.len > 0 ? "/" : "", out->name);
    out->full = full;
    return OTC_OK;
}

otc_status
otc_pipeline_id_parse(struct otc_arena *arena, struct otc_slice text, const char **id,
                      enum otc_signal *signal, struct otc_error *err)
{
    static const enum otc_signal signals[] = {OTC_TRACES, OTC_METRICS, OTC_LOGS};
    struct otc_id parsed = {.type = "", .full = ""};
    otc_status status = otc_id_parse(arena, text, &parsed, err);

    if (status != OTC_OK) {
        return status;
    }
    *id = parsed.full;
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        if (strcmp(otc_signal_name(signals[i]), parsed.type) == 0) {
            *signal = signals[i];
            return OTC_OK;
        }
    }
    if (strcmp(parsed.type, "profiles") == 0) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "pipeline \"%s\": profiling signal support is at alpha level, gated under the "
                        "\"service.profilesSupport\" feature gate",
                        parsed.full);
    }
    return otc_fail(err, OTC_INVALID_ARGUMENT,
                    "unknown pipeline type \"%s\" in \"%s\" (valid values: [traces metrics logs])",
                    parsed.type, parsed.full);
}

const struct otc_factory *
otc_registry_find(const struct otc_factory *const *registry, enum otc_kind kind, const char *type)
{
    for (size_t i = 0; registry[i] != NULL; i++) {
        const struct otc_factory *f = otc_factory_as(registry[i], kind);

        if (f != NULL && (strcmp(f->type, type) == 0 ||
                          (f->deprecated_type != NULL && strcmp(f->deprecated_type, type) == 0))) {
            return f;
        }
    }
    return NULL;
}
