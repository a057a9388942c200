// SPDX-License-Identifier: Apache-2.0
/**
 * @file Reading a few values out of a JSON text in one pass, without a tree and without allocation.
 *
 * The whole text is checked: what otc_json_parse() refuses, a scan refuses too, and what both take reads the
 * same (the last of equal members wins, integers beyond int64 are REAL). Values are borrowed views of the
 * text.
 */
#ifndef OTC_JSON_SCAN_H
#define OTC_JSON_SCAN_H

#include "common/json/read.h"

/** Deepest nesting that a scan follows; deeper texts are refused. */
#define OTC_JSON_SCAN_DEPTH 64
/** Longest key of a path. */
#define OTC_JSON_KEY_MAX 256

/** One step down: the element of an array, or the member of an object. */
struct otc_json_step {
    struct otc_slice key;
    size_t index;
    bool is_index;
};

/** Paths into one text. Opaque; immutable once a scan used it, any thread. */
struct otc_json_paths;

/** NULL out of memory. */
struct otc_json_paths *otc_json_paths_new(void);
/** NULL is allowed. */
void otc_json_paths_free(struct otc_json_paths *paths);
/** Adds a path (no steps: the whole text); `*slot` is its view's place, the same for the same path. False out
 * of memory. */
bool otc_json_paths_add(struct otc_json_paths *paths, const struct otc_json_step *steps, size_t n,
                        size_t *slot);
/** Views that a scan fills. */
size_t otc_json_paths_count(const struct otc_json_paths *paths);

/** Fills `views`, one a path. False: `text` is no JSON, or nests too deep; all are ABSENT then. */
bool otc_json_scan(const struct otc_json_paths *paths, struct otc_slice text, struct otc_json_view *views);

/**
 * The elements of an ARRAY that a scan found. `*rest` starts as its text, and `*out` is the next element.
 * False at the end.
 */
bool otc_json_next_element(struct otc_slice *rest, struct otc_json_view *out);
/** The same for the members of an OBJECT, duplicates included; `key` is a STRING. */
bool otc_json_next_member(struct otc_slice *rest, struct otc_json_view *key, struct otc_json_view *out);

#endif
