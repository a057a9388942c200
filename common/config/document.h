// SPDX-License-Identifier: Apache-2.0
/** @file How common/config itself makes and changes nodes. Private to the folder. */
#ifndef OTC_CONFIG_DOCUMENT_H
#define OTC_CONFIG_DOCUMENT_H

#include "common/base/arena.h"
#include "common/config/node.h"

struct otc_document {
    struct otc_arena arena;
    struct otc_node *root;
    size_t n_nodes;
    struct otc_config_note *notes;
    struct otc_config_note *last_note;
};

struct otc_document *otc_document_new(void);
/** A zeroed node, or NULL at the document's limits. */
struct otc_node *otc_document_node(struct otc_document *doc, enum otc_node_kind kind);
/** A deep copy without siblings; NULL at the document's limits. */
struct otc_node *otc_document_copy(struct otc_document *doc, const struct otc_node *node);
/** A string node of a copied text. */
struct otc_node *otc_document_string(struct otc_document *doc, struct otc_slice text);
/** Says that a limit was reached. */
static inline otc_status
otc_document_full(struct otc_error *err)
{
    (void)otc_fail(err, OTC_RESOURCE_EXHAUSTED, "the configuration is too large: more than %u values",
                   OTC_CONFIG_NODES_MAX);
    return OTC_RESOURCE_EXHAUSTED;
}

/** `text` is constant; `name` may be NULL and is borrowed from the document's memory. */
void otc_document_note(struct otc_document *doc, enum otc_log_level level, const char *text,
                       const char *name);

/** Appends to a list or map. */
void otc_node_append(struct otc_node *parent, struct otc_node *child);
/** Puts a value under a key, replacing (in place) what was there. */
void otc_node_put(struct otc_node *map, struct otc_node *child);
struct otc_node *otc_node_find(const struct otc_node *map, struct otc_slice key);
/** Becomes `value` but keeps its own key, position and siblings. */
void otc_node_assign(struct otc_node *node, const struct otc_node *value);

/** Gives a plain scalar the type the Collector's YAML library reads in it. `node->text` is set. */
void otc_scalar_resolve(struct otc_node *node);

/** Reads one YAML text into a tree of `doc`. `file` must live as long as the document. */
OTC_CHECK otc_status otc_yaml_read(struct otc_document *doc, struct otc_slice text, const char *file,
                                   struct otc_node **out, struct otc_error *err);

/** `base` with `over` laid over it; the result reuses the nodes of both. */
struct otc_node *otc_node_merge(struct otc_node *base, struct otc_node *over);

/** The contents of a regular file of at most OTC_CONFIG_FILE_MAX bytes, in the document's memory. */
OTC_CHECK otc_status otc_document_read_file(struct otc_document *doc, const char *path, struct otc_slice *out,
                                            struct otc_error *err);
OTC_CHECK otc_status otc_node_expand(struct otc_document *doc, const struct otc_environment *env,
                                     struct otc_node *root, struct otc_error *err);
/** Length of the scheme that `uri` begins with ("file" of "file:x"), or 0: two letters at least, so that a
 * drive letter is a path. */
size_t otc_scheme_len(struct otc_slice uri);
/** True for a name a variable can have. */
bool otc_environment_name_ok(struct otc_slice name);

#endif
