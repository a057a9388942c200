// SPDX-License-Identifier: Apache-2.0
/**
 * @file Configuration declared once: a table of fields gives parsing, defaults, limits, error texts,
 * redaction and the README's settings table.
 *
 *     struct demo_config { otc_duration window; int64_t bins; char *name; };
 *     static const struct otc_field demo_fields[] = {
 *         OTC_FIELD(demo_config, window, .def = "5m", .min = "1s", .max = "24h", .doc = "Span of live
 * data."), OTC_FIELD(demo_config, bins, .def = "10", .min = "2", .max = "1000", .doc = "Bins."),
 *         OTC_FIELD(demo_config, name, .required = true, .doc = "A name."),
 *         OTC_FIELD_END,
 *     };
 *     static const struct otc_schema demo_schema = OTC_SCHEMA(demo_config, demo_fields, "Demo settings.");
 */
#ifndef OTC_CONFIG_SCHEMA_H
#define OTC_CONFIG_SCHEMA_H

#include "common/base/clock.h"
#include "common/base/status.h"

#include <stddef.h>

struct otc_node;
struct otc_schema;
struct otc_config;

/** A byte size: plain integer, or with KiB, MiB, GiB, or with KB, MB, GB of 1000 ("256MiB", "1kb"). */
typedef struct otc_bytes {
    int64_t n;
} otc_bytes;

/** Index into the field's `choices`. */
typedef struct otc_choice {
    int index;
} otc_choice;

/** Text that is never printed ([REDACTED]). NULL when unset. */
typedef struct otc_secret {
    char *text;
} otc_secret;

/** A list of strings. */
typedef struct otc_strings {
    char **items;
    size_t n;
} otc_strings;

struct otc_header {
    char *name;
    char *value;
};
/** Name-value pairs; in YAML a map, or a list of {name, value}. Values are opaque when printed. */
typedef struct otc_headers {
    struct otc_header *items;
    size_t n;
} otc_headers;

/** String → double, e.g. `min_effect: {ks: 0.1}`. Keys may be limited by the field's `choices`. */
struct otc_number_entry {
    char *key;
    double value;
};
typedef struct otc_numbers {
    struct otc_number_entry *items;
    size_t n;
} otc_numbers;

/** A list of structs, each filled by the field's `sub` schema: `items` is an array of `sub->size` bytes each.
 */
typedef struct otc_list {
    void *items;
    size_t n;
} otc_list;

enum otc_field_type {
    OTC_TYPE_BOOL,
    OTC_TYPE_INT,
    OTC_TYPE_DOUBLE,
    OTC_TYPE_STRING,
    OTC_TYPE_DURATION,
    OTC_TYPE_BYTES,
    OTC_TYPE_CHOICE,
    OTC_TYPE_SECRET,
    OTC_TYPE_STRINGS,
    OTC_TYPE_HEADERS,
    OTC_TYPE_NUMBERS,
    OTC_TYPE_LIST,
    OTC_TYPE_STRUCT,  /* an embedded struct, OTC_FIELD_STRUCT */
    OTC_TYPE_OPTIONAL /* a pointer to a struct, NULL when the section is absent, OTC_FIELD_OPTIONAL */
};

/**
 * One setting. `def` is text that goes through the same parser and limits as the user's input; NULL: zero
 * value. Limits are text for the same reason and inclusive.
 */
struct otc_field {
    const char *key;
    enum otc_field_type type;
    size_t offset;
    const char *def;
    const char *min;
    const char *max;
    /** NULL-ended words of a CHOICE, or allowed items of STRINGS and keys of NUMBERS. */
    const char *const *choices;
    /** For STRUCT, OPTIONAL and LIST. */
    const struct otc_schema *sub;
    /** Former spelling, still accepted with a warning. */
    const char *deprecated_key;
    /** One sentence for the README table. */
    const char *doc;
    /** Refused when it is missing; of texts, lists and maps also when it is empty. */
    bool required;
    /** Accepted for the Collector's sake, without effect here; documented as such. */
    bool inert;
    /** STRING: the id of an extension that offers this (OTC_OFFERS_…); 0: plain text. Empty text names none.
     */
    unsigned names_extension;
    /** STRING, STRINGS: never printed, nor are the items. */
    bool secret;
    /**
     * OPTIONAL: present with its defaults even when the key is absent (`enabled: false` or null-less absence
     * rules of the Collector's configoptional: a "default" section exists unless disabled).
     */
    bool on_by_default;
    /**
     * OPTIONAL: `key:` with nothing behind it is as if it were not written, as the Collector reads a section
     * that has no defaults there. Without it such a key is the section with its defaults: the Collector's
     * sections that have some, and our own.
     */
    bool null_is_absent;
    /** Offset of a bool that becomes true where the user set the key, if only to its default; 0: none. */
    uint32_t set_at;
    /**
     * Parses what the types above cannot (a mapping-or-scalar such as `window: 1h`). Called instead of the
     * built-in parser with the node and the member's address; strings it stores come from otc_config_strdup.
     * May be NULL.
     */
    otc_status (*parse)(const struct otc_node *node, void *member, struct otc_config *owner,
                        struct otc_error *err);
};

struct otc_schema {
    /** sizeof the struct. */
    size_t size;
    const struct otc_field *fields;
    /** What the section is, for the README. */
    const char *doc;
    /** What needs two fields; the text begins with the key ("min_size: must be …"). May be NULL. */
    otc_status (*check)(const void *value, struct otc_error *err);
    /**
     * Rewrites a short form into the full one before the fields are read: given a scalar (or any node),
     * returns the key under which the scalar is meant (`window: 1h` → "length"), or NULL to refuse. May be
     * NULL.
     */
    const char *scalar_key;
};

#define OTC_TYPE_OF(struct_name, member)                                                                     \
    _Generic(((struct struct_name *)0)->member,       \
             bool: OTC_TYPE_BOOL,                     \
             int64_t: OTC_TYPE_INT,                   \
             double: OTC_TYPE_DOUBLE,                 \
             char *: OTC_TYPE_STRING,                 \
             otc_duration: OTC_TYPE_DURATION,         \
             otc_bytes: OTC_TYPE_BYTES,               \
             otc_choice: OTC_TYPE_CHOICE,             \
             otc_secret: OTC_TYPE_SECRET,             \
             otc_strings: OTC_TYPE_STRINGS,           \
             otc_headers: OTC_TYPE_HEADERS,           \
             otc_numbers: OTC_TYPE_NUMBERS,           \
             otc_list: OTC_TYPE_LIST)

/** A field whose YAML key is the member's name and whose parser follows from the member's C type. */
#define OTC_FIELD(struct_name, member, ...)                                                                  \
    {                                                                                                        \
        .key = #member, .type = OTC_TYPE_OF(struct_name, member),                                            \
        .offset = offsetof(struct struct_name, member), __VA_ARGS__                                          \
    }
/** The same under another key (`"endpoint"` for a member with another name, keys that are C keywords). */
#define OTC_FIELD_AS(struct_name, member, yaml_key, ...)                                                     \
    {                                                                                                        \
        .key = (yaml_key), .type = OTC_TYPE_OF(struct_name, member),                                         \
        .offset = offsetof(struct struct_name, member), __VA_ARGS__                                          \
    }
/** An embedded struct with a schema of its own. */
#define OTC_FIELD_STRUCT(struct_name, member, schema, ...)                                                   \
    {                                                                                                        \
        .key = #member, .type = OTC_TYPE_STRUCT, .sub = &(schema),                                           \
        .offset = offsetof(struct struct_name, member), __VA_ARGS__                                          \
    }
/** A pointer to a struct: NULL unless the key is there (with a null value: see null_is_absent) and not
 * `enabled: false`. */
#define OTC_FIELD_OPTIONAL(struct_name, member, schema, ...)                                                 \
    {                                                                                                        \
        .key = #member, .type = OTC_TYPE_OPTIONAL, .sub = &(schema),                                         \
        .offset = offsetof(struct struct_name, member), __VA_ARGS__                                          \
    }
#define OTC_FIELD_END                                                                                        \
    {                                                                                                        \
        .key = NULL                                                                                          \
    }

#define OTC_SCHEMA(struct_name, field_table, ...)                                                            \
    {                                                                                                        \
        .size = sizeof(struct struct_name), .fields = (field_table), .doc = __VA_ARGS__                      \
    }

/** Owner of one decoded configuration struct and everything it points to (an arena). Opaque. */
struct otc_config;

/**
 * Decodes a node (NULL or a null node: all defaults) with a field table. Collects every error of the subtree,
 * each with file and line. `path` is the key path of the node ("receivers::otlp"), "" for the root. On
 * success `*out` owns the struct.
 *
 * INVALID_ARGUMENT: unknown keys and wrong types, in the Collector's words, keys relative to the node:
 *     decoding failed due to the following error(s):\n\n'protocols.grpc' has invalid keys: endpiont
 * (a.yaml:4:7) FAILED_PRECONDITION: missing settings, limits and checks, by full path, one a line:
 *     receivers::otlp::protocols::grpc::max_streams: must be at least 1, got 0 (a.yaml:4:7)
 */
OTC_CHECK otc_status otc_config_decode(const struct otc_schema *schema, const struct otc_node *node,
                                       const char *path, struct otc_config **out, struct otc_error *err);
/** The decoded struct. Borrowed. */
const void *otc_config_value(const struct otc_config *config);
void otc_config_free(struct otc_config *config);
/** A string owned by the configuration, for custom parsers. NULL out of memory. */
OTC_API char *otc_config_strdup(struct otc_config *config, struct otc_slice text);
/** Zeroed memory owned by the configuration. */
OTC_API void *otc_config_alloc(struct otc_config *config, size_t size);

/** What the user should know though it is no error: deprecated keys, settings without effect. First note or
 * NULL. */
struct otc_config_note;
const struct otc_config_note *otc_config_notes(const struct otc_config *config);

/**
 * Puts a key path before an error of a check: "path::key: …" where the text begins with a key of the schema,
 * else "path: …". Returns its status.
 */
otc_status otc_config_error_path(const struct otc_schema *schema, const char *path, struct otc_error *err);

/**
 * Calls `fn` for each extension that the settings name (fields with `names_extension`), with the key path
 * below the component ("storage", "sending_queue::storage").
 */
void otc_config_extensions(const struct otc_schema *schema, const void *value,
                           void (*fn)(void *arg, const char *path, const char *id, unsigned offers),
                           void *arg);

struct otc_document;
struct otc_buf;
/**
 * The decoded struct as a tree again, defaults included, secrets and header values as [REDACTED]. Settings
 * with a parser of their own are shown as the user wrote them (`node`, may be NULL) or by their default. NULL
 * at the limits of `doc`.
 */
struct otc_node *otc_config_describe(const struct otc_schema *schema, const void *value,
                                     const struct otc_node *node, struct otc_document *doc);
/** The README's settings table (Markdown), nested keys dotted. False when the buffer failed. */
bool otc_schema_table(const struct otc_schema *schema, struct otc_buf *out);

#endif
