// SPDX-License-Identifier: Apache-2.0
#include "processors/drift/identity.h"

#include "common/base/hash.h"
#include "common/config/node.h"

/* Settings that change what is told or kept, not what counts mean. Every other one counts, so that a setting
 * that is added later is not forgotten here. */
static const char *const free_settings[] = {"decision", "dependence",        "metrics_flush_interval",
                                            "storage",  "series_expiration", NULL};

#define REFERENCE_FILE "reference::file"
/* What the presets of this release make of the settings: snapshot and journal number features by their place.
 */
#define FEATURES "what is watched"

static bool
is_free(struct otc_slice key)
{
    for (size_t i = 0; free_settings[i]; i++) {
        if (otc_slice_equal_str(key, free_settings[i])) {
            return true;
        }
    }
    return false;
}

static void
print_features(const struct drift *drift, struct otc_buf *text)
{
    const struct otc_metric_set *metrics = otc_feature_set_metrics(drift->set);

    for (size_t i = 0; i < otc_feature_set_count(drift->set); i++) {
        const struct otc_feature *feature = otc_feature_set_at(drift->set, i);

        otc_buf_printf(text, "%d %d %.*s\n", (int)feature->kind, (int)feature->type,
                       OTC_SLICE_ARG(feature->name));
    }
    for (size_t i = 0; i < otc_metric_set_count(metrics); i++) {
        const struct otc_metric_feature *feature = otc_metric_set_at(metrics, i);

        otc_buf_printf(text, "%d %.*s %s\n", (int)feature->kind, OTC_SLICE_ARG(feature->name),
                       feature->origin);
    }
}

/* Calls for each part with its name and hash; false at a limit or out of memory. */
static bool
each_part(const struct drift *drift, void (*fn)(void *arg, struct otc_slice name, const char *hash),
          void *arg)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_document *doc = NULL;
    const struct otc_node *root;
    struct otc_buf text = {.limit = (size_t)4 << 20};
    char hash[OTC_HASH_TEXT];
    bool done;

    if (otc_document_parse(OTC_SLICE_NONE, "settings", &doc, &err) != OTC_OK) {
        return false;
    }
    root = otc_config_describe(&drift_schema, drift->config, NULL, doc);
    done = root != NULL;
    for (const struct otc_node *part = done ? root->first : NULL; part && done; part = part->next) {
        if (!is_free(part->key)) {
            otc_buf_clear(&text);
            done = otc_node_print(part, OTC_CONFIG_JSON, &text);
            otc_hash_hex(otc_buf_slice(&text), hash);
            fn(arg, part->key, hash);
        }
    }
    if (drift->file) {
        fn(arg, otc_slice_str(REFERENCE_FILE), drift->file->reference->hash);
    }
    otc_buf_clear(&text);
    print_features(drift, &text);
    done = done && !text.failed;
    otc_hash_hex(otc_buf_slice(&text), hash);
    fn(arg, otc_slice_str(FEATURES), hash);
    otc_buf_release(&text);
    otc_document_free(doc);
    return done;
}

static void
write_part(void *arg, struct otc_slice name, const char *hash)
{
    otc_put_bytes(arg, name);
    otc_put_bytes(arg, otc_slice_str(hash));
}

void
drift_identity_write(const struct drift *drift, struct otc_buf *out)
{
    out->failed |= !each_part(drift, write_part, out);
}

struct comparison {
    struct otc_reader in;
    char *why;
    size_t size;
    bool differs;
};

static void
compare_part(void *arg, struct otc_slice name, const char *hash)
{
    struct comparison *comparison = arg;
    struct otc_slice stored_name = otc_take_bytes(&comparison->in);
    struct otc_slice stored_hash = otc_take_bytes(&comparison->in);

    if (comparison->differs ||
        (otc_slice_equal(name, stored_name) && otc_slice_equal_str(stored_hash, hash))) {
        return;
    }
    comparison->differs = true;
    if (otc_slice_equal_str(name, REFERENCE_FILE)) {
        (void)snprintf(comparison->why, comparison->size, "it belongs to another reference file");
    } else if (otc_slice_equal_str(name, FEATURES)) {
        (void)snprintf(comparison->why, comparison->size, "this release watches other features");
    } else {
        (void)snprintf(comparison->why, comparison->size, "the settings `%.*s` have changed",
                       OTC_SLICE_ARG(name));
    }
}

bool
drift_identity_check(const struct drift *drift, struct otc_reader *in, char *why, size_t size)
{
    struct comparison comparison = {*in, why, size, false};

    if (!each_part(drift, compare_part, &comparison)) {
        (void)snprintf(why, size, "the settings cannot be compared");
        return false;
    }
    if (!comparison.differs && comparison.in.rest.len > 0) {
        (void)snprintf(why, size, "it belongs to other settings");
        return false;
    }
    return !comparison.differs;
}
