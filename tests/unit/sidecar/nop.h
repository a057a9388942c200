// SPDX-License-Identifier: Apache-2.0
/** @file Components that do nothing but pass on, and write down when they are started and stopped. */
#ifndef TESTS_SIDECAR_NOP_H
#define TESTS_SIDECAR_NOP_H

#include "common/config/schema.h"
#include "sidecar/service.h"
#include "tests/harness/vhost.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct nop_config {
    int64_t size;
    otc_duration timeout;
    otc_secret token;
    char *needs;
};

/** The deadline that each kind of component was given at its shutdown. */
static int64_t nop_deadlines[OTC_EXTENSION + 1];

/** What happened, in order: "+exporter:nop -receiver:nop". */
static char nop_journal[4096];

static void
nop_write(const char *sign, const char *kind, const char *id, const char *pipeline)
{
    size_t len = strlen(nop_journal);

    snprintf(nop_journal + len, sizeof(nop_journal) - len, "%s%s%s:%s%s%s", len > 0 ? " " : "", sign, kind,
             id, pipeline != NULL ? "@" : "", pipeline != NULL ? pipeline : "");
}

struct nop {
    struct otc_component component;
    struct otc_consumer input;
    const struct otc_factory *factory;
    const char *id;
    char pipeline[32];
    struct otc_consumer *next[OTC_N_SIGNALS];
    size_t received;
    bool fail_start;
    bool stopped;
};

static struct nop *nop_sources[8];

static otc_status
nop_consume(struct otc_consumer *self, struct otc_batch *batch, struct otc_done *done, struct otc_error *err)
{
    struct nop *nop = OTC_CONTAINER(self, nop, input);
    enum otc_signal signal = otc_batch_signal(batch);
    enum otc_signal to =
        nop->factory->kind == OTC_CONNECTOR && nop->next[signal] == NULL ? OTC_METRICS : signal;

    nop->received++;
    nop_write(">", otc_kind_name(nop->factory->kind), nop->id,
              nop->pipeline[0] != '\0' ? nop->pipeline : NULL);
    if (nop->next[to] != NULL && to == signal) {
        return otc_consume(nop->next[to], batch, done, err);
    }
    otc_batch_unref(batch);
    if (nop->next[to] != NULL) {
        return otc_consume(nop->next[to], otc_batch_copy_of(to, OTC_SLICE_NONE, 0, NULL), done, err);
    }
    return OTC_OK;
}

static otc_status
nop_start(struct otc_component *self, struct otc_error *err)
{
    struct nop *nop = OTC_CONTAINER(self, nop, component);

    nop_write("+", otc_kind_name(nop->factory->kind), nop->id,
              nop->pipeline[0] != '\0' ? nop->pipeline : NULL);
    return strstr(nop->id, "fails") != NULL ? otc_fail(err, OTC_UNAVAILABLE, "no luck") : OTC_OK;
}

static otc_status
nop_shutdown(struct otc_component *self, int64_t deadline_ns, struct otc_error *err)
{
    struct nop *nop = OTC_CONTAINER(self, nop, component);

    nop_deadlines[nop->factory->kind] = deadline_ns;
    nop_write("-", otc_kind_name(nop->factory->kind), nop->id,
              nop->pipeline[0] != '\0' ? nop->pipeline : NULL);
    return strstr(nop->id, "sticks") != NULL ? otc_fail(err, OTC_INTERNAL, "stuck") : OTC_OK;
}

static void
nop_free(struct otc_component *self)
{
    struct nop *nop = OTC_CONTAINER(self, nop, component);

    for (size_t i = 0; i < 8; i++) {
        if (nop_sources[i] == nop) {
            nop_sources[i] = NULL;
        }
    }
    free(nop);
}

static struct otc_consumer *
nop_input(struct otc_component *self, enum otc_signal from)
{
    (void)from;
    return &OTC_CONTAINER(self, nop, component)->input;
}

static otc_status
nop_connect(struct otc_component *self, enum otc_signal to, struct otc_consumer *next, struct otc_error *err)
{
    (void)err;
    OTC_CONTAINER(self, nop, component)->next[to] = next;
    return OTC_OK;
}

static const struct otc_component_ops nop_ops = {
    .abi = OTC_ABI_OF(otc_component_ops),
    .start = nop_start,
    .shutdown = nop_shutdown,
    .free = nop_free,
    .input = nop_input,
    .connect = nop_connect,
};

static otc_status
nop_create(const struct otc_settings *settings, const struct otc_factory *factory, struct otc_component **out)
{
    struct nop *nop = calloc(1, sizeof(*nop));

    assert_non_null(nop);
    nop->component = (struct otc_component){OTC_ABI_OF(otc_component), &nop_ops};
    nop->input = (struct otc_consumer){.abi = OTC_ABI_OF(otc_consumer), .consume = nop_consume};
    nop->factory = factory;
    nop->id = settings->id;
    snprintf(nop->pipeline, sizeof(nop->pipeline), "%s",
             settings->pipeline != NULL ? settings->pipeline : "");
    for (size_t i = 0; i < 8 && factory->kind == OTC_RECEIVER; i++) {
        if (nop_sources[i] == NULL) {
            nop_sources[i] = nop;
            break;
        }
    }
    *out = &nop->component;
    return OTC_OK;
}

static const struct otc_field nop_fields[] = {
    OTC_FIELD(nop_config, size, .def = "10", .min = "1", .max = "100", .doc = "A size."),
    OTC_FIELD(nop_config, timeout, .def = "5s", .min = "0s", .doc = "A time."),
    OTC_FIELD(nop_config, token, .doc = "A secret."),
    OTC_FIELD(nop_config, needs, .names_extension = OTC_OFFERS_STORAGE, .doc = "An extension."),
    OTC_FIELD_END,
};
static const struct otc_schema nop_schema = OTC_SCHEMA(nop_config, nop_fields, "Nothing.");

static otc_status
nop_validate(const void *config, struct otc_error *err)
{
    const struct nop_config *nop = config;

    return nop->size == 13 ? otc_fail(err, OTC_INVALID_ARGUMENT, "size: 13 brings bad luck") : OTC_OK;
}

static otc_status
nop_explain(const void *config, void (*line)(void *arg, const char *text), void *arg, struct otc_error *err)
{
    char text[64];

    (void)err;
    snprintf(text, sizeof(text), "  size %lld", (long long)((const struct nop_config *)config)->size);
    line(arg, text);
    return OTC_OK;
}

#define NOP_FACTORY(name, kind_, type_, pairs_)                                                              \
    static otc_status name##_create(const struct otc_settings *settings, struct otc_component **out,         \
                                    struct otc_error *err);                                                  \
    static const struct otc_factory name = {.abi = OTC_ABI_OF(otc_factory),                                  \
                                            .kind = (kind_),                                                 \
                                            .type = (type_),                                                 \
                                            .description = "Nothing",                                        \
                                            .pairs = (pairs_),                                               \
                                            .n_pairs = sizeof(pairs_) / sizeof((pairs_)[0]),                 \
                                            .config = &nop_schema,                                           \
                                            .validate = nop_validate,                                        \
                                            .explain = nop_explain,                                          \
                                            .deprecated_type = (kind_) == OTC_EXPORTER ? "null" : NULL,      \
                                            .offers = (kind_) == OTC_EXTENSION ? OTC_OFFERS_STORAGE : 0u,    \
                                            .create = name##_create};                                        \
    static otc_status name##_create(const struct otc_settings *settings, struct otc_component **out,         \
                                    struct otc_error *err)                                                   \
    {                                                                                                        \
        (void)err;                                                                                           \
        return nop_create(settings, &name, out);                                                             \
    }

static const struct otc_pair nop_all[] = {
    {OTC_TRACES, OTC_TRACES, OTC_STABILITY_STABLE},
    {OTC_METRICS, OTC_METRICS, OTC_STABILITY_STABLE},
    {OTC_LOGS, OTC_LOGS, OTC_STABILITY_STABLE},
};
static const struct otc_pair nop_connections[] = {
    {OTC_TRACES, OTC_TRACES, OTC_STABILITY_STABLE},
    {OTC_LOGS, OTC_LOGS, OTC_STABILITY_STABLE},
    {OTC_TRACES, OTC_METRICS, OTC_STABILITY_STABLE},
    {OTC_TRACES, OTC_LOGS, OTC_STABILITY_STABLE},
};
static const struct otc_pair nop_traces[] = {{OTC_TRACES, OTC_TRACES, OTC_STABILITY_STABLE}};

NOP_FACTORY(nop_receiver, OTC_RECEIVER, "nop", nop_all)
NOP_FACTORY(nop_processor, OTC_PROCESSOR, "nop", nop_all)
NOP_FACTORY(nop_exporter, OTC_EXPORTER, "nop", nop_all)
NOP_FACTORY(nop_connector, OTC_CONNECTOR, "nop", nop_connections)
NOP_FACTORY(nop_extension, OTC_EXTENSION, "nop", nop_all)
NOP_FACTORY(traces_receiver, OTC_RECEIVER, "traces_only", nop_traces)

/* What stands behind periodic readers. */
extern const struct otc_factory otc_otlp_http_exporter_factory;

static const struct otc_factory *const nop_registry[] = {
    &nop_receiver,
    &traces_receiver,
    &nop_processor,
    &nop_exporter,
    &nop_connector,
    &nop_extension,
    &otc_otlp_http_exporter_factory,
    NULL,
};

/** Decodes, validates and builds what `doc` (taken over) says, as far as it goes; the error is the stage's.
 */
static inline otc_status
nop_build(struct otc_document *doc, struct otc_vhost *vhost, struct otc_error *err)
{
    struct otc_service_config *config = NULL;
    struct otc_service *service = NULL;
    otc_status status = otc_service_config_new(otc_document_root(doc), nop_registry, &config, err);

    if (status == OTC_OK) {
        status = otc_service_config_validate(config, err);
    }
    if (status == OTC_OK) {
        status = otc_service_new(config, otc_vhost_host(vhost), &service, err);
    }
    otc_service_free(service);
    otc_service_config_free(config);
    otc_document_free(doc);
    return status;
}

#endif
