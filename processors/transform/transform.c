// SPDX-License-Identifier: Apache-2.0
#include "common/transform/transform.h"

#include "common/config/refused.h"
#include "common/config/schema.h"
#include "common/ottl/subjects.h"
#include "common/transform/groups.h"
#include "processors/transform/statement.h"

#include <stdlib.h>

/* Texts that a statement makes of one subject, and those that are still to be written to an outer message. */
#define TEXTS_MAX ((size_t)64 << 20)
/* Resources and scopes that lie in pieces, put together. */
#define HEADS_MAX OTC_EDIT_BYTES_MAX

struct transform_config {
    otc_choice error_mode;
    otc_list trace_statements;
    otc_list metric_statements;
    otc_list log_statements;
    otc_strings profile_statements;
    bool flatten_data;
};

/* Statements that share a context and conditions. */
struct group {
    enum otc_ottl_context context;
    enum otc_ottl_error_mode error_mode;
    struct otc_ottl_conditions conditions;
    struct transform_statement *statements;
    size_t n;
};

struct program {
    struct group *groups;
    size_t n;
};

struct transform {
    struct otc_transform transform;
    struct program programs[OTC_N_SIGNALS];
};

/* ---- Settings ----------------------------------------------------------------------------------- */

static const struct otc_field fields[] = {
    OTC_FIELD(transform_config, error_mode, .def = "ignore", .choices = otc_ottl_error_modes,
              .doc = "When a statement cannot be done: `propagate` refuses the batch, `ignore` logs it and "
                     "goes on, `silent` goes on."),
    OTC_FIELD(transform_config, trace_statements, .sub = &otc_ottl_statements_schema,
              .parse = otc_ottl_read_statements, .doc = "Statements on traces: texts, or groups."),
    OTC_FIELD(transform_config, metric_statements, .sub = &otc_ottl_statements_schema,
              .parse = otc_ottl_read_statements, .doc = "Statements on metrics."),
    OTC_FIELD(transform_config, log_statements, .sub = &otc_ottl_statements_schema,
              .parse = otc_ottl_read_statements, .doc = "Statements on logs."),
    OTC_FIELD(transform_config, profile_statements, .parse = otc_parse_refused,
              .doc = "Not supported: there are no profiles here."),
    OTC_FIELD(transform_config, flatten_data, .def = "false", .parse = otc_parse_refused,
              .doc = "Not supported but for `false`."),
    OTC_FIELD_END,
};
static const struct otc_schema schema =
    OTC_SCHEMA(transform_config, fields, "Changes data by statements of OTTL.");

/* ---- Compiling ---------------------------------------------------------------------------------- */

static void
release_program(struct program *program)
{
    for (size_t i = 0; i < program->n; i++) {
        struct group *group = &program->groups[i];

        for (size_t j = 0; j < group->n; j++) {
            transform_statement_release(&group->statements[j]);
        }
        free(group->statements);
        otc_ottl_conditions_release(&group->conditions);
    }
    free(program->groups);
    *program = (struct program){0};
}

/*
 * Statements are done one after another to the whole request, and not to one item after another. Both are the
 * same unless what an item writes outside of itself is read for the next one: that is refused.
 */
static otc_status
check_order(const struct group *group, const struct otc_ottl_group *config, struct otc_error *err)
{
    for (size_t i = 0; i < group->n; i++) {
        const struct transform_statement *writer = &group->statements[i];

        for (size_t j = 0; j < group->n && writer->target.owner != group->context; j++) {
            if (otc_ottl_names(group->statements[j].rest, writer->path)) {
                return otc_fail(
                    err, OTC_INVALID_ARGUMENT,
                    "OTTL statement \"%s\" reads %s, which one in context %s writes: move that into "
                    "a group of statements of its own",
                    config->statements.items[j], writer->path, otc_ottl_context_name(group->context));
            }
        }
    }
    return OTC_OK;
}

static otc_status
compile_group(struct group *group, const struct otc_ottl_group *config, struct otc_error *err)
{
    otc_status status = OTC_OK;

    group->statements = calloc(config->statements.n + 1, sizeof(*group->statements));
    if (!group->statements) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    for (size_t i = 0; i < config->conditions.n && status == OTC_OK; i++) {
        status =
            otc_ottl_conditions_add(&group->conditions, group->context, config->conditions.items[i], err);
        if (status != OTC_OK) {
            return otc_error_prefix(err, "unable to parse OTTL condition \"%s\"",
                                    config->conditions.items[i]);
        }
    }
    for (size_t i = 0; i < config->statements.n && status == OTC_OK; i++) {
        status =
            transform_statement_init(&group->statements[i], group->context, config->statements.items[i], err);
        if (status != OTC_OK) {
            return otc_error_prefix(err, "unable to parse OTTL statement \"%s\"",
                                    config->statements.items[i]);
        }
        group->n++;
    }
    return status == OTC_OK ? check_order(group, config, err) : status;
}

static otc_status
compile_program(struct program *program, enum otc_signal signal, const otc_list *list, int error_mode,
                struct otc_error *err)
{
    static const char *const keys[OTC_N_SIGNALS] = {"trace_statements", "metric_statements",
                                                    "log_statements"};
    const struct otc_ottl_group *configs = list->items;
    otc_status status = OTC_OK;

    program->groups = calloc(list->n + 1, sizeof(*program->groups));
    if (!program->groups) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    for (size_t i = 0; i < list->n && status == OTC_OK; i++) {
        struct group *group = &program->groups[program->n++];
        const char *name = NULL;

        status = otc_ottl_group_context(&configs[i], signal, otc_ottl_names, &name, err);
        if (status == OTC_OK) {
            group->context = otc_ottl_context_of(name);
            status = otc_ottl_group_error_mode(&configs[i], (enum otc_ottl_error_mode)error_mode,
                                               &group->error_mode, err);
        }
        if (status == OTC_OK) {
            status = compile_group(group, &configs[i], err);
        }
        if (status != OTC_OK) {
            status = otc_error_prefix(err, "%s[%zu]", keys[signal], i);
        }
    }
    return status;
}

static otc_status
compile(struct program programs[OTC_N_SIGNALS], const struct transform_config *config, struct otc_error *err)
{
    const otc_list *const lists[OTC_N_SIGNALS] = {&config->trace_statements, &config->metric_statements,
                                                  &config->log_statements};
    otc_status status = OTC_OK;

    for (size_t i = 0; i < OTC_N_SIGNALS && status == OTC_OK; i++) {
        status = compile_program(&programs[i], (enum otc_signal)i, lists[i], config->error_mode.index, err);
    }
    for (size_t i = 0; i < OTC_N_SIGNALS && status != OTC_OK; i++) {
        release_program(&programs[i]);
    }
    return status;
}

static otc_status
validate(const void *settings, struct otc_error *err)
{
    struct program programs[OTC_N_SIGNALS] = {{0}};
    otc_status status = compile(programs, settings, err);

    for (size_t i = 0; i < OTC_N_SIGNALS && status == OTC_OK; i++) {
        release_program(&programs[i]);
    }
    return status;
}

/* ---- Data --------------------------------------------------------------------------------------- */

/* One part on its way: what it is now, after the statements so far. */
struct pass {
    struct transform *self;
    struct otc_edit edit;
    struct otc_pairs pairs;
    struct otc_arena texts;
    struct otc_arena heads;
    struct otc_slice bytes;
    uint8_t *owned;
    /* Which subjects of a group meet its conditions, in order. */
    struct otc_buf chosen;
    const struct group *group;
    struct transform_run run;
    size_t at;
};

static void
choose(void *arg, const struct otc_ottl_subject *subject)
{
    struct pass *pass = arg;
    enum otc_ottl_answer answer =
        otc_ottl_any_holds(&pass->group->conditions, subject, &pass->texts, pass->run.why);

    pass->run.failures += answer == OTC_OTTL_FAILED;
    otc_buf_append_byte(&pass->chosen, answer == OTC_OTTL_ONE_HOLDS);
    if (pass->texts.used > TRANSFORM_TEXTS_KEPT) {
        otc_arena_release(&pass->texts);
    }
}

static void
run_on(void *arg, const struct otc_ottl_subject *subject)
{
    struct pass *pass = arg;

    if (pass->group->conditions.n == 0 || pass->chosen.data[pass->at++]) {
        transform_run_on(&pass->run, subject);
    }
}

static otc_status
answer_failures(const struct pass *pass, struct otc_error *err)
{
    const struct transform *self = pass->self;

    if (pass->run.failures == 0 || pass->group->error_mode == OTC_OTTL_SILENT) {
        return OTC_OK;
    }
    if (pass->group->error_mode == OTC_OTTL_PROPAGATE) {
        return otc_fail(err, OTC_UNAVAILABLE, "transform: failed to execute a statement: %s", pass->run.why);
    }
    otc_log(self->transform.host->logger, OTC_LOG_WARN, self->transform.id, "Failed to execute a statement",
            OTC_FIELD_TEXT("error", pass->run.why), OTC_FIELD_NUMBER("times", pass->run.failures));
    return OTC_OK;
}

/* Does one statement to what the part is now. */
static otc_status
do_statement(struct pass *pass, const struct transform_statement *statement, struct otc_error *err)
{
    otc_status status;
    uint8_t *made;
    size_t len;

    otc_edit_begin(&pass->edit, pass->bytes);
    pass->at = 0;
    pass->run = (struct transform_run){
        .statement = statement, .edit = &pass->edit, .pairs = &pass->pairs, .texts = &pass->texts};
    otc_ottl_each(pass->group->context, pass->bytes, &pass->heads, run_on, pass);
    transform_run_end(&pass->run);
    otc_arena_release(&pass->texts);
    otc_arena_release(&pass->heads);
    status = answer_failures(pass, err);
    if (status == OTC_OK && (otc_edit_changes(&pass->edit) || pass->edit.failed)) {
        status = otc_edit_finish(&pass->edit, &made, &len, err);
        if (status == OTC_OK) {
            free(pass->owned);
            pass->owned = made;
            pass->bytes = otc_slice_of(made, len);
        }
    }
    return status;
}

static otc_status
do_group(struct pass *pass, const struct group *group, struct otc_error *err)
{
    otc_status status = OTC_OK;

    pass->group = group;
    pass->run = (struct transform_run){0};
    otc_buf_clear(&pass->chosen);
    if (group->conditions.n > 0) {
        otc_ottl_each(group->context, pass->bytes, &pass->heads, choose, pass);
        otc_arena_release(&pass->texts);
        otc_arena_release(&pass->heads);
        status = pass->chosen.failed ? otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory")
                                     : answer_failures(pass, err);
    }
    for (size_t i = 0; i < group->n && status == OTC_OK; i++) {
        status = do_statement(pass, &group->statements[i], err);
    }
    return status;
}

static otc_status
edit(struct otc_transform *transform, struct otc_transform_part *part, struct otc_error *err)
{
    struct transform *self = OTC_CONTAINER(transform, transform, transform);
    const struct program *program = &self->programs[part->signal];
    struct pass pass = {.self = self, .bytes = part->part, .chosen = {.limit = OTC_EDIT_BYTES_MAX}};
    otc_status status = OTC_OK;

    otc_edit_init(&pass.edit);
    otc_arena_init(&pass.texts, TEXTS_MAX);
    otc_arena_init(&pass.heads, HEADS_MAX);
    for (size_t i = 0; i < program->n && status == OTC_OK; i++) {
        status = do_group(&pass, &program->groups[i], err);
    }
    if (status == OTC_OK && pass.owned) {
        otc_edit_splice(&part->edit, part->part, part->part, pass.bytes);
    }
    free(pass.owned);
    otc_buf_release(&pass.chosen);
    otc_pairs_release(&pass.pairs);
    otc_arena_release(&pass.texts);
    otc_arena_release(&pass.heads);
    otc_edit_release(&pass.edit);
    return status;
}

/* ---- Life --------------------------------------------------------------------------------------- */

static void
release(struct otc_transform *transform)
{
    struct transform *self = OTC_CONTAINER(transform, transform, transform);

    for (size_t i = 0; i < OTC_N_SIGNALS; i++) {
        release_program(&self->programs[i]);
    }
    free(self);
}

static const struct otc_transform_ops ops = {edit, release};

static otc_status
create(const struct otc_settings *settings, struct otc_component **out, struct otc_error *err)
{
    struct transform *self = calloc(1, sizeof(*self));
    otc_status status;

    if (!self) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    otc_transform_init(&self->transform, settings, &ops);
    status = compile(self->programs, settings->config, err);
    if (status != OTC_OK) {
        free(self);
        return status;
    }
    *out = &self->transform.component;
    return OTC_OK;
}

static const struct otc_pair pairs[] = OTC_TRANSFORM_PAIRS(OTC_STABILITY_BETA);

OTC_API const struct otc_factory otc_transform_processor_factory = {
    .abi = OTC_ABI_OF(otc_factory),
    .kind = OTC_PROCESSOR,
    .type = "transform",
    .description = "Changes data by statements of OTTL.",
    .pairs = pairs,
    .n_pairs = 3,
    .config = &schema,
    .validate = validate,
    .create = create,
};
