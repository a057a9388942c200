// SPDX-License-Identifier: Apache-2.0
/** @file A plug-in's processors that pass on what they are given in the ways that the interface allows:
 * without editing, none, several, later, and with an otc_done of their own. */
#ifndef TESTS_OCB_PASSES_H
#define TESTS_OCB_PASSES_H

#include "common/component/otc.h"
#include "common/config/schema.h"

#include <stdlib.h>

enum passes_how { PASSES_SAME, PASSES_NONE, PASSES_TWICE, PASSES_LATER, PASSES_OWN_DONE };

struct passes_config {
    otc_choice how;
};

struct passes {
    struct otc_component component;
    struct otc_consumer input;
    struct otc_consumer *next;
    enum passes_how how;
    /* LATER: what is kept, until the next one comes or the end. */
    struct otc_batch *kept;
    struct otc_done *answer;
    /* What a sender is told of what is kept. */
    struct otc_error outcome;
    /* OWN_DONE: something around it, that nobody else may touch. */
    struct passes_guarded {
        uint64_t before;
        struct otc_done done;
        uint64_t behind[8];
    } own;
};

static inline void
passes_never(struct otc_done *self, const struct otc_error *result)
{
    (void)self;
    (void)result;
    abort(); /* who answers at once does not answer again */
}

/* Passes on what is kept, and tells its sender what became of it. */
static inline void
passes_release(struct passes *passes)
{
    struct otc_batch *batch = passes->kept;
    struct otc_done *answer = passes->answer;
    struct otc_error outcome = passes->outcome;

    passes->kept = NULL;
    if (batch && outcome.status == OTC_OK) {
        (void)otc_consume(passes->next, batch, answer, &outcome);
    } else {
        otc_batch_unref(batch);
    }
    if (batch && answer) {
        answer->fn(answer, &outcome);
    }
}

static inline otc_status
passes_consume(struct otc_consumer *self, struct otc_batch *batch, struct otc_done *done,
               struct otc_error *err)
{
    struct passes *passes = OTC_CONTAINER(self, passes, input);

    switch (passes->how) {
    case PASSES_NONE:
        otc_batch_unref(batch);
        return OTC_OK;
    case PASSES_TWICE:
        (void)otc_consume(passes->next, otc_batch_ref(batch), done, err);
        return otc_consume(passes->next, batch, done, err);
    case PASSES_LATER:
        passes_release(passes);
        passes->kept = batch;
        passes->answer = done;
        return OTC_PENDING;
    case PASSES_OWN_DONE:
        return otc_consume(passes->next, batch, &passes->own.done, err);
    case PASSES_SAME:
    default:
        return otc_consume(passes->next, batch, done, err);
    }
}

static inline otc_status
passes_shutdown(struct otc_component *self, int64_t deadline_ns, struct otc_error *err)
{
    (void)deadline_ns;
    (void)err;
    passes_release(OTC_CONTAINER(self, passes, component));
    return OTC_OK;
}

static inline void
passes_free(struct otc_component *self)
{
    free(OTC_CONTAINER(self, passes, component));
}

static inline struct otc_consumer *
passes_input(struct otc_component *self, enum otc_signal from)
{
    (void)from;
    return &OTC_CONTAINER(self, passes, component)->input;
}

static inline otc_status
passes_connect(struct otc_component *self, enum otc_signal to, struct otc_consumer *next,
               struct otc_error *err)
{
    (void)to;
    (void)err;
    OTC_CONTAINER(self, passes, component)->next = next;
    return OTC_OK;
}

static const struct otc_component_ops passes_ops = {.abi = OTC_ABI_OF(otc_component_ops),
                                                    .shutdown = passes_shutdown,
                                                    .free = passes_free,
                                                    .input = passes_input,
                                                    .connect = passes_connect};

/** The one that was made last. */
static struct passes *passes_last;

static inline otc_status
passes_create(const struct otc_settings *settings, struct otc_component **out, struct otc_error *err)
{
    struct passes *passes = calloc(1, sizeof(*passes));

    if (!passes) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    passes->component = (struct otc_component){OTC_ABI_OF(otc_component), &passes_ops};
    passes->input = (struct otc_consumer){.abi = OTC_ABI_OF(otc_consumer), .consume = passes_consume};
    passes->how = (enum passes_how)((const struct passes_config *)settings->config)->how.index;
    passes->outcome = OTC_ERROR_INIT;
    passes->own = (struct passes_guarded){.done = {OTC_ABI_OF(otc_done), passes_never}};
    passes_last = passes;
    *out = &passes->component;
    return OTC_OK;
}

static const char *const passes_ways[] = {"same", "none", "twice", "later", "own_done", NULL};
static const struct otc_field passes_fields[] = {
    OTC_FIELD(passes_config, how, .def = "same", .choices = passes_ways, .doc = "How it passes on."),
    OTC_FIELD_END};
static const struct otc_schema passes_schema =
    OTC_SCHEMA(passes_config, passes_fields, "A processor of the tests.");
static const struct otc_pair passes_pairs[] = {{OTC_TRACES, OTC_TRACES, OTC_STABILITY_BETA}};
static const struct otc_factory passes_factory = {.abi = OTC_ABI_OF(otc_factory),
                                                  .kind = OTC_PROCESSOR,
                                                  .type = "passes",
                                                  .deprecated_type = "pass",
                                                  .description = "Passes on.",
                                                  .pairs = passes_pairs,
                                                  .n_pairs = 1,
                                                  .config = &passes_schema,
                                                  .create = passes_create};

#endif
