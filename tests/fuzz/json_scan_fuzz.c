// SPDX-License-Identifier: Apache-2.0
/**
 * @file Scanning JSON, and reading it piece by piece, against parsing it: all take the same texts, and every
 * value that a scan, or a walk over what it found, shows is the one in the tree.
 */
#include "common/json/scan.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>

#define N_PATHS 8
#define STEPS_MAX 3

/* Paths that begin with one another and that share members, so that one scan has to keep them apart. A step
 * is a member's name, or the digit of an index. */
static const char *const named[N_PATHS][STEPS_MAX] = {{NULL}, {"a"}, {"a", "b"},      {"a", "1"},
                                                      {"0"},  {"2"}, {"0", "a", "0"}, {"b", "a", "\xc3\xa9"}};

struct path {
    struct otc_json_step steps[STEPS_MAX];
    size_t n;
};

static void
check(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void *
must(void *made)
{
    if (!made) {
        abort();
    }
    return made;
}

/** What a STRING is without its escapes, malloced. */
static uint8_t *
plain(const struct otc_json_view *view, size_t *len)
{
    uint8_t *out = must(malloc(view->text.len + 1));

    if (view->escaped) {
        *len = otc_json_unescape(view, out);
    } else {
        memcpy(out, view->text.data, view->text.len);
        *len = view->text.len;
    }
    check(*len <= view->text.len);
    out[*len] = '\0';
    return out;
}

static void
check_scalar(const struct otc_json_view *view, const struct otc_json *value)
{
    int64_t integer = 0;
    double real = 0;
    bool truth = false;

    check(view->type == otc_json_type_of(value));
    if (view->type == OTC_JSON_STRING) {
        size_t len;
        uint8_t *text = plain(view, &len);

        check(otc_slice_equal(otc_slice_of(text, len), otc_json_text(value)));
        free(text);
    } else if (view->type == OTC_JSON_BOOL) {
        check(otc_json_bool(value, &truth) && truth == view->truth);
    } else if (view->type == OTC_JSON_INT) {
        check(otc_json_int(value, &integer) && integer == view->integer);
    }
    if (view->type == OTC_JSON_INT || view->type == OTC_JSON_REAL) {
        check(otc_json_number(value, &real) && real == view->real);
    }
}

/* Nests no deeper than a scan follows. */
static void
check_value(const struct otc_json_view *view, const struct otc_json *value)
{
    struct otc_slice rest = view->text;
    struct otc_json_view key, inner;
    size_t n = 0;

    check_scalar(view, value);
    if (view->type == OTC_JSON_ARRAY) {
        for (; otc_json_next_element(&rest, &inner); n++) {
            check_value(&inner, otc_json_at(value, n));
        }
        check(n == otc_json_size(value));
    } else if (view->type == OTC_JSON_OBJECT) {
        for (; otc_json_next_member(&rest, &key, &inner); n++) {
            size_t len;
            uint8_t *name = plain(&key, &len);

            check(otc_json_get(value, (const char *)name) != NULL);
            free(name);
        }
        check(n >= otc_json_size(value)); /* an equal member came before */
    }
}

static struct path
path_of(const char *const names[STEPS_MAX])
{
    struct path path = {.n = 0};

    for (; path.n < STEPS_MAX && names[path.n]; path.n++) {
        struct otc_json_step *step = &path.steps[path.n];

        step->key = otc_slice_str(names[path.n]);
        step->is_index = names[path.n][0] <= '9';
        step->index = step->is_index ? (size_t)(names[path.n][0] - '0') : 0;
    }
    return path;
}

static const struct otc_json *
follow(const struct otc_json *value, const struct path *path)
{
    for (size_t i = 0; i < path->n; i++) {
        const struct otc_json_step *step = &path->steps[i];

        if (step->is_index) {
            value = otc_json_type_of(value) == OTC_JSON_ARRAY ? otc_json_at(value, step->index) : NULL;
        } else {
            value = otc_json_type_of(value) == OTC_JSON_OBJECT
                        ? otc_json_get(value, (const char *)step->key.data)
                        : NULL;
        }
    }
    return value;
}

static bool
reads(struct otc_slice text)
{
    struct otc_json_reader in = otc_json_reader_of(text);
    struct otc_json_view view;
    bool deep = false, ok;

    ok = otc_json_read_value(&in, &view) && otc_json_skip_value(&in, &view, OTC_JSON_SCAN_DEPTH, &deep) &&
         otc_json_read_end(&in);
    check(ok || deep != (in.fault != NULL));
    return ok;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct otc_json_limits limits = {.max_depth = OTC_JSON_SCAN_DEPTH};
    struct otc_json_paths *paths = must(otc_json_paths_new());
    struct otc_json_view views[N_PATHS];
    struct path wanted[N_PATHS];
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_json *tree = NULL;
    size_t slots[N_PATHS];
    bool parses = otc_json_parse(otc_slice_of(data, size), &limits, &tree, &err) == OTC_OK;

    for (size_t i = 0; i < N_PATHS; i++) {
        wanted[i] = path_of(named[i]);
        check(otc_json_paths_add(paths, wanted[i].steps, wanted[i].n, &slots[i]));
    }
    check(otc_json_scan(paths, otc_slice_of(data, size), views) == parses);
    check(reads(otc_slice_of(data, size)) == parses);
    for (size_t i = 0; i < N_PATHS; i++) {
        check_value(&views[slots[i]], parses ? follow(tree, &wanted[i]) : NULL);
    }
    otc_json_free(tree);
    otc_json_paths_free(paths);
    return 0;
}
