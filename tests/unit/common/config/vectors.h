// SPDX-License-Identifier: Apache-2.0
/** @file Reads the shared verification files. JSON is YAML, so the loader under test reads its own vectors.
 */
#ifndef TESTS_CONFIG_VECTORS_H
#define TESTS_CONFIG_VECTORS_H

#include "common/config/node.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/** The document at a path below AIMON_TESTDATA, or NULL after saying that it is absent. */
static inline struct otc_document *
vectors_load(const char *path)
{
    const char *root = getenv("AIMON_TESTDATA");
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_document *doc = NULL;
    char full[4096];
    char *text;
    size_t len;
    FILE *file;

    snprintf(full, sizeof(full), "%s/%s", root != NULL ? root : "../shared/data", path);
    file = fopen(full, "rb");
    if (file == NULL) {
        printf("skipped: no verification data (%s)\n", full);
        return NULL;
    }
    text = malloc(OTC_CONFIG_FILE_MAX);
    assert_non_null(text);
    len = fread(text, 1, OTC_CONFIG_FILE_MAX, file);
    fclose(file);
    if (otc_document_parse(otc_slice_of(text, len), path, &doc, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    free(text);
    return doc;
}

static inline const char *
vectors_text(const struct otc_node *node, char *out, size_t size)
{
    const struct otc_slice text = node != NULL && node->text.len > 0 ? node->text : otc_slice_str("");

    snprintf(out, size, "%.*s", OTC_SLICE_ARG(text));
    return out;
}

/** Same kind, same values, keys in any order. */
static inline bool
vectors_equal(const struct otc_node *a, const struct otc_node *b)
{
    if (a->kind != b->kind && !(a->kind == OTC_NODE_DOUBLE && b->kind == OTC_NODE_INT)) {
        return false;
    }
    switch (a->kind) {
    case OTC_NODE_NULL:
        return true;
    case OTC_NODE_BOOL:
        return a->boolean == b->boolean;
    case OTC_NODE_INT:
        return a->integer == b->integer;
    case OTC_NODE_DOUBLE:
        return a->number == (b->kind == OTC_NODE_INT ? (double)b->integer : b->number);
    case OTC_NODE_STRING:
        return otc_slice_equal(a->text, b->text);
    case OTC_NODE_LIST:
    case OTC_NODE_MAP:
        break;
    }
    if (a->n != b->n) {
        return false;
    }
    for (const struct otc_node *x = a->first, *y = b->first; x != NULL; x = x->next, y = y->next) {
        const struct otc_node *other = y;

        for (other = a->kind == OTC_NODE_MAP ? b->first : y; a->kind == OTC_NODE_MAP && other != NULL;
             other = other->next) {
            if (otc_slice_equal(other->key, x->key)) {
                break;
            }
        }
        if (other == NULL || !vectors_equal(x, other)) {
            return false;
        }
    }
    return true;
}

#endif
