// SPDX-License-Identifier: Apache-2.0
/**
 * @file A drift stage with a storage that lives more than once on one virtual clock: it ends as by SIGKILL or
 * in order, and begins again. And everything that it tells, as lines to compare.
 */
#ifndef OTC_TESTS_LIVES_H
#define OTC_TESTS_LIVES_H

#include "tests/unit/common/storage/scratch.h"
#include "tests/unit/processors/drift/stage.h"

extern const struct otc_factory otc_file_storage_extension_factory;

/* ---- Lives ---------------------------------------------------------------------------------------- */

/* A stage, and the storage of its present life (NULL: it has none). */
struct lives {
    struct stage stage;
    const char *yaml;
    bool durable;
    struct otc_config *storage_config;
    struct otc_component *storage;
};

static inline struct otc_component *
create(const struct otc_factory *factory, struct lives *lives, const struct otc_config *config)
{
    const struct otc_settings settings = {.abi = OTC_ABI_OF(otc_settings),
                                          .id = factory->type,
                                          .host = lives->stage.host,
                                          .config = otc_config_value(config)};
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_component *component = NULL;

    if (factory->create(&settings, &component, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    return component;
}

static inline void
start(struct otc_component *component)
{
    struct otc_error err = OTC_ERROR_INIT;

    if (component->ops->start(component, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
}

static inline struct otc_config *
storage_config(const char *more)
{
    struct otc_document *doc = NULL;
    struct otc_config *config = NULL;
    struct otc_error err = OTC_ERROR_INIT;
    char yaml[512];

    (void)snprintf(yaml, sizeof(yaml), "{directory: %s%s}", scratch, more);
    assert_int_equal(otc_document_parse(otc_slice_str(yaml), "test.yaml", &doc, &err), OTC_OK);
    if (otc_config_decode(otc_file_storage_extension_factory.config, otc_document_root(doc), "", &config,
                          &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    otc_document_free(doc);
    return config;
}

/* Where detections go; NULL: nowhere. Before lives_new(). */
static struct otc_sink *log_sink;

static inline void
begin_life(struct lives *lives)
{
    struct stage *stage = &lives->stage;
    struct otc_error err = OTC_ERROR_INIT;

    if (lives->durable) {
        lives->storage = create(&otc_file_storage_extension_factory, lives, lives->storage_config);
        otc_vhost_add_extension(stage->vhost, "file_storage", lives->storage);
        start(lives->storage);
    }
    stage->component = create(&otc_drift_processor_factory, lives, stage->config);
    (void)stage->component->ops->input(stage->component, stage->signal);
    assert_int_equal(
        stage->component->ops->connect(stage->component, OTC_METRICS, otc_sink_consumer(stage->sink), &err),
        OTC_OK);
    if (log_sink) {
        assert_int_equal(
            stage->component->ops->connect(stage->component, OTC_LOGS, otc_sink_consumer(log_sink), &err),
            OTC_OK);
    }
    start(stage->component);
}

/* As SIGKILL does: nothing is told, nothing is finished. */
static inline void
kill_now(struct lives *lives)
{
    lives->stage.component->ops->free(lives->stage.component);
    if (lives->storage) {
        lives->storage->ops->free(lives->storage);
        lives->storage = NULL;
    }
}

static inline void
shut_down(struct lives *lives)
{
    struct otc_error err = OTC_ERROR_INIT;

    assert_int_equal(lives->stage.component->ops->shutdown(lives->stage.component, INT64_MAX, &err), OTC_OK);
    if (lives->storage) {
        assert_int_equal(lives->storage->ops->shutdown(lives->storage, INT64_MAX, &err), OTC_OK);
    }
    kill_now(lives);
}

static inline void
set_settings(struct lives *lives, const char *yaml)
{
    char whole[2048], text[2048];

    (void)snprintf(whole, sizeof(whole), "{%s%s}", yaml, lives->durable ? ", storage: file_storage" : "");
    lives->stage.config = stage_config(whole, text, sizeof(text));
    if (!lives->stage.config) {
        fail_msg("%s", text);
    }
}

/* `signal` comes in. */
static inline struct lives *
lives_of(enum otc_signal signal, const char *yaml, bool durable)
{
    struct lives *lives = calloc(1, sizeof(*lives));

    assert_non_null(lives);
    scratch_clear();
    lives->durable = durable;
    lives->stage.vhost = otc_vhost_new();
    lives->stage.host = otc_vhost_host(lives->stage.vhost);
    lives->stage.sink = otc_sink_new();
    lives->stage.records.limit = (size_t)64 << 20;
    lives->stage.signal = signal;
    lives->stage.model = "credit";
    lives->stage.version = "1";
    lives->storage_config = storage_config("");
    set_settings(lives, yaml);
    begin_life(lives);
    return lives;
}

static inline struct lives *
lives_new(const char *yaml, bool durable)
{
    return lives_of(OTC_TRACES, yaml, durable);
}

static inline void
lives_free(struct lives *lives)
{
    shut_down(lives);
    otc_sink_free(lives->stage.sink);
    otc_config_free(lives->stage.config);
    otc_config_free(lives->storage_config);
    otc_buf_release(&lives->stage.records);
    otc_vhost_free(lives->stage.vhost);
    free(lives);
}

/* ---- What comes out ------------------------------------------------------------------------------- */

struct lines {
    char *items[4096];
    size_t n;
};

static inline bool
write_line(void *arg, const struct otc_point *point)
{
    struct lines *lines = arg;
    struct otc_slice rest = point->encoded, name;
    struct otc_value value;
    struct otc_buf line = {.limit = 4096};

    otc_buf_printf(&line, "%.*s", OTC_SLICE_ARG(point->name));
    while (otc_attributes_next(otc_point_attributes(point->type), &rest, &name, &value)) {
        otc_buf_printf(&line, " %.*s=%.*s", OTC_SLICE_ARG(name), OTC_SLICE_ARG(value.as.slice));
    }
    otc_buf_printf(&line, " start %llu flags %u = ", (unsigned long long)point->start_unix_nano,
                   point->flags);
    if (point->value.type == OTC_VALUE_INT) {
        otc_buf_printf(&line, "%lld", (long long)point->value.as.integer);
    } else {
        otc_buf_printf(&line, "%.17g", point->value.as.real);
    }
    assert_true(lines->n < sizeof(lines->items) / sizeof(lines->items[0]));
    assert_non_null(otc_buf_cstr(&line));
    lines->items[lines->n++] = (char *)otc_buf_take(&line, NULL);
    return true;
}

static inline int
by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Everything that the next emission tells. */
static inline struct lines *
results(struct lives *lives)
{
    struct lines *lines = calloc(1, sizeof(*lines));
    struct otc_error err = OTC_ERROR_INIT;

    assert_non_null(lines);
    otc_sink_clear(lives->stage.sink);
    otc_vhost_advance(lives->stage.vhost, 15 * OTC_SECOND);
    assert_true(otc_sink_batches(lives->stage.sink) > 0);
    for (size_t i = 0; i < otc_sink_batches(lives->stage.sink); i++) {
        struct otc_batch *batch = otc_sink_batch(lives->stage.sink, i);

        for (size_t p = 0; p < otc_batch_parts(batch); p++) {
            assert_int_equal(otc_walk_points(NULL, otc_batch_part(batch, p), write_line, lines, &err),
                             OTC_OK);
        }
    }
    qsort(lines->items, lines->n, sizeof(lines->items[0]), by_text);
    return lines;
}

static inline void
free_lines(struct lines *lines)
{
    for (size_t i = 0; i < lines->n; i++) {
        free(lines->items[i]);
    }
    free(lines);
}

static inline void
assert_same(const struct lines *a, const struct lines *b)
{
    for (size_t i = 0; i < a->n && i < b->n; i++) {
        if (strcmp(a->items[i], b->items[i]) != 0) {
            fail_msg("uninterrupted: %s\n  interrupted: %s", a->items[i], b->items[i]);
        }
    }
    assert_int_equal(a->n, b->n);
    assert_true(a->n > 100);
}

/* Nothing was lost or refused; what is told of records that came with old times is no matter of the state. */
static inline void
assert_quiet(struct lives *lives)
{
    for (size_t i = 0; i < otc_vhost_logs(lives->stage.vhost); i++) {
        struct otc_vhost_log log = otc_vhost_log(lives->stage.vhost, i);

        if (log.level >= OTC_LOG_WARN && !strstr(log.message, "24 hours") &&
            !strstr(log.message, "are not compared")) {
            fail_msg("%s %s", log.message, log.fields);
        }
    }
}

/* The end of a gauge is told once, in the first emission after it: which one that is depends on when the
 * process began. */
static inline void
drop_ends(struct lines *lines)
{
    size_t n = 0;

    for (size_t i = 0; i < lines->n; i++) {
        if (strstr(lines->items[i], " flags 1 = ")) {
            free(lines->items[i]);
        } else {
            lines->items[n++] = lines->items[i];
        }
    }
    lines->n = n;
}

/* What the last emission of a stage tells that lost and refused nothing; the end of it. */
static inline struct lines *
last_results(struct lives *lives)
{
    struct lines *lines;

    assert_quiet(lives);
    lines = results(lives);
    drop_ends(lines);
    lives_free(lives);
    return lines;
}

static inline size_t
count_of(const struct lines *lines, const char *text)
{
    size_t n = 0;

    for (size_t i = 0; i < lines->n; i++) {
        n += strstr(lines->items[i], text) != NULL;
    }
    return n;
}

#endif
