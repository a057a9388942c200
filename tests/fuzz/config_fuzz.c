// SPDX-License-Identifier: Apache-2.0
/**
 * @file A configuration as text: refused with a reason, or read and expanded; what is then printed reads back
 * as the same tree. An input is YAML with references to the variables A (text), B (a reference to A) and C (a
 * list).
 */
#include "common/config/node.h"
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PRINT_MAX ((size_t)16 << 20)

static const char *
get(void *arg, const char *name)
{
    (void)arg;
    return strcmp(name, "A") == 0   ? "x$$y"
           : strcmp(name, "B") == 0 ? "${A}"
           : strcmp(name, "C") == 0 ? "[1, b]"
                                    : NULL;
}

static bool
is_number(const struct otc_node *node)
{
    return node->kind == OTC_NODE_INT || node->kind == OTC_NODE_DOUBLE;
}

/* A whole double is printed as yaml.v3 does, and then reads as an integer. */
static bool
same_number(const struct otc_node *a, const struct otc_node *b)
{
    double x = a->kind == OTC_NODE_INT ? (double)a->integer : a->number;
    double y = b->kind == OTC_NODE_INT ? (double)b->integer : b->number;

    return a->kind == OTC_NODE_INT && b->kind == OTC_NODE_INT ? a->integer == b->integer
                                                              : x == y || (x != x && y != y);
}

static bool
same(const struct otc_node *a, const struct otc_node *b)
{
    const struct otc_node *x = a->first, *y = b->first;

    if (is_number(a) && is_number(b)) {
        return otc_slice_equal(a->key, b->key) && same_number(a, b);
    }
    if (a->kind != b->kind || a->n != b->n || !otc_slice_equal(a->key, b->key)) {
        return false;
    }
    for (; x != NULL; x = x->next, y = y->next) {
        if (!same(x, y)) {
            return false;
        }
    }
    switch (a->kind) {
    case OTC_NODE_BOOL:
        return a->boolean == b->boolean;
    case OTC_NODE_STRING:
        return otc_slice_equal(a->text, b->text);
    case OTC_NODE_INT:
    case OTC_NODE_DOUBLE:
    case OTC_NODE_NULL:
    case OTC_NODE_LIST:
    case OTC_NODE_MAP:
        break;
    }
    return true;
}

static void
check_print(const struct otc_node *root)
{
    struct otc_buf out = {.limit = PRINT_MAX};
    struct otc_document *again = NULL;
    struct otc_error err = OTC_ERROR_INIT;

    /* What was printed may exceed the limits of what is read: then there is nothing to compare. */
    if (otc_node_print(root, OTC_CONFIG_YAML, &out) && out.len <= OTC_CONFIG_FILE_MAX) {
        if (otc_document_parse(otc_buf_slice(&out), "again", &again, &err) != OTC_OK ||
            !same(root, otc_document_root(again))) {
            fprintf(stderr, "%s\n%.*s\n", err.text, OTC_SLICE_ARG(otc_buf_slice(&out)));
            abort();
        }
    }
    otc_document_free(again);
    otc_buf_release(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct otc_environment environment = {get, NULL};
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_document *doc = NULL;

    if (otc_document_parse(otc_slice_of(data, size), "fuzz", &doc, &err) != OTC_OK ||
        otc_document_expand(doc, &environment, &err) != OTC_OK) {
        if (err.text[0] == '\0') {
            abort(); /* refused without a reason */
        }
    } else {
        check_print(otc_document_root(doc));
    }
    otc_document_free(doc);
    return 0;
}
