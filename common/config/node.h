// SPDX-License-Identifier: Apache-2.0
/**
 * @file A configuration as a tree of values that know where they were written, and how it is loaded: YAML
 * text,
 * `${env:X}` expansion, merging of several sources.
 */
#ifndef OTC_CONFIG_NODE_H
#define OTC_CONFIG_NODE_H

#include "common/base/buf.h"
#include "common/base/log.h"
#include "common/base/slice.h"
#include "common/base/status.h"

#include <stddef.h>

/** A source is at most this long; values nest at most this deep; aliases and expansions are budgeted. */
#define OTC_CONFIG_FILE_MAX (1u << 20)
#define OTC_CONFIG_DEPTH_MAX 64u
#define OTC_CONFIG_ALIAS_NODES_MAX 10000u
#define OTC_CONFIG_NODES_MAX 20000u

enum otc_node_kind {
    OTC_NODE_NULL,
    OTC_NODE_BOOL,
    OTC_NODE_INT,
    OTC_NODE_DOUBLE,
    OTC_NODE_STRING,
    OTC_NODE_LIST,
    OTC_NODE_MAP
};

/** One value. Immutable for readers; owned by its document. Lists and maps chain their members in order. */
struct otc_node {
    enum otc_node_kind kind;
    /** A plain scalar whose type came from its looks; false for quoted text. */
    bool plain;
    /** True when the value came whole from an expansion: a string setting then takes `original`. */
    bool has_original;
    union {
        bool boolean;
        int64_t integer;
        double number;
    };
    /** A scalar as written (for STRING: the value). */
    struct otc_slice text;
    struct otc_slice original;
    /** The key under which it stands in its map. */
    struct otc_slice key;
    const char *file;
    /** 1-based; of the key for a member of a map. 0: made up. */
    uint32_t line;
    uint32_t column;
    struct otc_node *first;
    struct otc_node *last;
    struct otc_node *next;
    size_t n;
};

/** The member of a map, or NULL (also when `map` is NULL or no map). */
const struct otc_node *otc_node_get(const struct otc_node *map, const char *key);
/** True for NULL and for a null value. */
bool otc_node_is_null(const struct otc_node *node);
/** The text a string setting takes from it: strings, and whole-value expansions. False for anything else. */
bool otc_node_string(const struct otc_node *node, struct otc_slice *out);
/** Same kinds, values and texts, keys in the same order. NULL is a null value. */
bool otc_node_equal(const struct otc_node *a, const struct otc_node *b);
/** "string", "int", "float64", "bool", "map", "slice", "<nil>": as error texts name it. */
const char *otc_node_type_name(const struct otc_node *node);
/** "config.yaml:3:5", or "" for a node without position. */
void otc_node_position(const struct otc_node *node, char *out, size_t size);
/** Appends " (config.yaml:3:5)" to an error, where the node has a position. Returns its status. */
otc_status otc_node_error(const struct otc_node *node, struct otc_error *err);
/**
 * The node that the longest existing beginning of a key path leads to: of "window::pane: must be …" the one
 * of `pane`, else of `window`, else `node`. Items of lists by number ("features::0" or "features[0]"). Ends
 * at the first ": ".
 */
const struct otc_node *otc_node_nearest(const struct otc_node *node, const char *path);

/** A tree and the memory under it. Owned by one thread. */
struct otc_document;

/** The world as far as a configuration may look at it; the program lends it. */
struct otc_environment {
    /** The variable's value, or NULL when unset. NULL function: nothing is set. */
    const char *(*get)(void *arg, const char *name);
    void *arg;
};

/**
 * Loads locations in order, merges them (maps deeply, everything else replaced), expands `${…}` and unescapes
 * `$$`. A location is a path, `file:path`, `env:NAME` or `yaml:text` (keys split at `::`). `env` may be NULL.
 * INVALID_ARGUMENT with position for what cannot be read.
 */
OTC_CHECK otc_status otc_document_load(const char *const *locations, size_t n_locations,
                                       const struct otc_environment *env, struct otc_document **out,
                                       struct otc_error *err);
/** One YAML text, neither expanded nor merged; what follows the first document is ignored. `name` stands in
 * positions. */
OTC_CHECK otc_status otc_document_parse(struct otc_slice text, const char *name, struct otc_document **out,
                                        struct otc_error *err);
/** Expands a parsed document in place. */
OTC_CHECK otc_status otc_document_expand(struct otc_document *doc, const struct otc_environment *env,
                                         struct otc_error *err);
/** Errors name no places from now on: for a text that no user wrote. */
void otc_document_forget_positions(struct otc_document *doc);
/**
 * In a text that a program wrote: a map of one member, `"${}": [value, "original"]`, becomes the value, with
 * the original that a string setting takes, as if it had come whole from an expansion.
 */
void otc_document_take_originals(struct otc_document *doc);
/** Never NULL; a null node for an empty document. Borrowed. */
const struct otc_node *otc_document_root(const struct otc_document *doc);
void otc_document_free(struct otc_document *doc);

/** Something to tell the user that is no error: an unset variable, a deprecated key. */
struct otc_config_note {
    enum otc_log_level level;
    const char *text;
    /** What it is about, for a field of its own (a variable's name), or NULL. */
    const char *name;
    const struct otc_config_note *next;
};
/** The first note or NULL. Borrowed. */
const struct otc_config_note *otc_document_notes(const struct otc_document *doc);

/** `a.b.c=value` of --set as a location ("yaml:a::b::c: value"). INVALID_ARGUMENT: missing equal sign. */
OTC_CHECK otc_status otc_config_set_location(const char *argument, struct otc_buf *out,
                                             struct otc_error *err);

enum otc_config_format { OTC_CONFIG_YAML, OTC_CONFIG_JSON };
/** Writes the tree as YAML (block style) or indented JSON. False when the buffer failed. */
bool otc_node_print(const struct otc_node *node, enum otc_config_format format, struct otc_buf *out);

#endif
