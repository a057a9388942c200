// SPDX-License-Identifier: Apache-2.0
#include "sidecar/input.h"

#include "common/base/hash.h"
#include "sidecar/input_embedding.h"
#include "sidecar/input_text.h"
#include "sidecar/screen.h"

#include <unistd.h>

const char otc_input_not_asked_for[] = "not asked for";

/** A table of fewer rows is read before anybody asks how far. */
#define PROGRESS_ROWS 100000

otc_status
otc_input_check_names(const struct otc_columns *columns, const char *path, const char *option,
                      const struct otc_option_list *list, struct otc_error *err)
{
    for (size_t i = 0; i < list->n; i++) {
        struct otc_slice name = otc_slice_trim(list->items[i]);

        if (otc_columns_find(columns, list->items[i]) == SIZE_MAX &&
            otc_columns_find(columns, name) == SIZE_MAX) {
            return otc_fail(err, OTC_INVALID_ARGUMENT, "%s: %s has no column '%.*s'", option, path,
                            OTC_SLICE_ARG(name));
        }
    }
    return OTC_OK;
}

static otc_status
check_names(const struct otc_input *input, const char *option, const struct otc_option_list *list,
            struct otc_error *err)
{
    return otc_input_check_names(&input->columns, otc_table_path(input->table), option, list, err);
}

/** Whether and as what a column counts. */
static bool
choose_feature(const struct otc_input *input, const struct otc_input_options *options, size_t column,
               struct otc_input_feature *out)
{
    const struct otc_column *facts = &input->columns.columns[column];
    const struct otc_column_meaning *meaning = options->preset ? otc_gen_ai_column(facts->name) : NULL;
    bool asked = otc_option_list_has(&options->columns, facts->name) ||
                 otc_option_list_has(&options->categorical, facts->name) ||
                 otc_option_list_has(&options->predictions, facts->name);

    if ((options->columns.n > 0 || facts->left_out) && !asked) {
        return false;
    }
    if (options->preset && (!meaning || !meaning->feature) && !asked) {
        return false;
    }
    *out = (struct otc_input_feature){
        .column = column, .name = facts->name, .type = facts->type, .kind = OTC_KIND_INPUT, .scale = 1};
    if (meaning && meaning->feature) {
        out->name = otc_slice_str(meaning->feature);
        out->kind = meaning->kind;
        out->scale = meaning->scale > 0 ? meaning->scale : 1;
    }
    if (otc_option_list_has(&options->categorical, facts->name)) {
        out->type = OTC_CATEGORICAL;
    }
    if (otc_option_list_has(&options->predictions, facts->name)) {
        out->kind = OTC_KIND_PREDICTION;
    }
    return true;
}

static otc_status
choose_features(struct otc_input *input, const struct otc_input_options *options, struct otc_error *err)
{
    const char *path = otc_table_path(input->table);
    otc_status status = check_names(input, "--columns", &options->columns, err);

    if (status == OTC_OK) {
        status = check_names(input, "--categorical", &options->categorical, err);
    }
    if (status == OTC_OK) {
        status = check_names(input, "--prediction", &options->predictions, err);
    }
    if (status == OTC_OK) {
        status = check_names(input, "--text", &options->texts, err);
    }
    if (status == OTC_OK) {
        status = check_names(input, "--embedding", &options->embeddings, err);
    }
    if (status == OTC_OK) {
        input->time_column = otc_columns_time(&input->columns);
        status = options->timestamp ? otc_columns_take_time(&input->columns, options->timestamp, path,
                                                            &input->time_column, err)
                                    : OTC_OK;
    }
    if (status != OTC_OK) {
        return status;
    }
    input->features = calloc(input->columns.n + options->texts.n * OTC_INPUT_TEXT_FEATURES +
                                 options->embeddings.n * OTC_INPUT_EMBEDDING_FEATURES + 1,
                             sizeof(*input->features));
    if (!input->features) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    for (size_t i = 0; i < input->columns.n; i++) {
        struct otc_input_feature *next = &input->features[input->n_features];
        struct otc_slice name = input->columns.columns[i].name;
        enum otc_feature_kind kind =
            otc_option_list_has(&options->predictions, name) ? OTC_KIND_PREDICTION : OTC_KIND_INPUT;

        if (otc_option_list_has(&options->texts, name)) {
            if (!otc_input_text_features(input, i, name, kind, next)) {
                return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
            }
            input->n_features += OTC_INPUT_TEXT_FEATURES;
        } else if (otc_option_list_has(&options->embeddings, name)) {
            if (!otc_input_embedding_features(input, i, name, kind, next)) {
                return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
            }
            input->n_features += OTC_INPUT_EMBEDDING_FEATURES;
        } else if (choose_feature(input, options, i, next)) {
            input->n_features++;
        }
    }
    return OTC_OK;
}

otc_status
otc_input_open(struct otc_input *input, const char *path, const struct otc_input_options *options,
               struct otc_error *err)
{
    otc_status status;

    *input = (struct otc_input){.time_column = SIZE_MAX, .progress = isatty(STDERR_FILENO) != 0};
    status = otc_table_open(path, &input->table, err);
    if (status == OTC_OK) {
        status = otc_columns_read(input->table, &input->columns, err);
    }
    return status == OTC_OK ? choose_features(input, options, err) : status;
}

bool
otc_input_keep(struct otc_input *input, void *memory)
{
    void **grown = memory ? reallocarray(input->kept, input->n_kept + 1, sizeof(*grown)) : NULL;

    if (!grown) {
        free(memory);
        return false;
    }
    input->kept = grown;
    grown[input->n_kept++] = memory;
    return true;
}

void
otc_input_close(struct otc_input *input)
{
    otc_columns_release(&input->columns);
    otc_table_close(input->table);
    for (size_t i = 0; i < input->n_kept; i++) {
        free(input->kept[i]);
    }
    free(input->kept);
    free(input->features);
    *input = (struct otc_input){.time_column = SIZE_MAX};
}

/** The current row's cell of a feature, as the feature sees it. */
static void
use_cell(struct otc_input *input, const struct otc_input_feature *feature, struct otc_use *use)
{
    if (feature->is_text && feature->column < otc_table_columns(input->table)) {
        otc_input_text_use(input, feature, use);
    } else if (feature->embedding && feature->column < otc_table_columns(input->table)) {
        otc_input_embedding_use(input, feature, use);
    } else if (feature->column < otc_table_columns(input->table)) {
        otc_cell_use(otc_table_cell(input->table, feature->column),
                     input->columns.columns[feature->column].content, feature->type, use);
    } else {
        use->use = OTC_USE_MISSING; /* a JSON member that no row has shown yet */
    }
    if (use->use == OTC_USE_NUMBER && feature->scale != 1) {
        use->number *= feature->scale;
    }
}

/** Says how far a long table has been read, over and over on one line. */
static void
show_progress(const struct otc_input *input, bool more)
{
    uint64_t rows = otc_table_rows(input->table);

    if (input->progress && rows >= PROGRESS_ROWS && (!more || rows % PROGRESS_ROWS == 0)) {
        if (more) {
            (void)fprintf(stderr, "\r%s: %.0f %%", otc_table_path(input->table),
                          100 * otc_table_progress(input->table));
        } else {
            (void)fputs("\r\033[K", stderr);
        }
    }
}

otc_status
otc_input_visit(struct otc_input *input, const struct otc_input_visitor *visitor, struct otc_error *err)
{
    struct otc_use use;

    for (;;) {
        bool more;
        otc_status status = otc_table_next(input->table, &more, err);
        int64_t time_ns = INT64_MIN;

        show_progress(input, status == OTC_OK && more);
        if (status != OTC_OK || !more) {
            return status;
        }
        if (input->time_column != SIZE_MAX && input->time_column < otc_table_columns(input->table)) {
            time_ns = otc_cell_time(otc_table_cell(input->table, input->time_column));
        }
        if (visitor->row) {
            status = visitor->row(visitor->arg, otc_table_rows(input->table) - 1, time_ns, err);
        }
        for (size_t i = 0; status == OTC_OK && i < input->n_features; i++) {
            use_cell(input, &input->features[i], &use);
            if (!visitor->cell(visitor->arg, i, &use, time_ns)) {
                status = otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
            }
        }
        if (status != OTC_OK) {
            return status;
        }
    }
}

otc_status
otc_input_rows(struct otc_input *input,
               bool (*fn)(void *arg, size_t feature, const struct otc_use *use, int64_t time_ns), void *arg,
               struct otc_error *err)
{
    return otc_input_visit(input, &(struct otc_input_visitor){.arg = arg, .cell = fn}, err);
}

/* A reference while it is built. */
struct building {
    struct otc_input *input;
    struct otc_reference_builder *builder;
    struct otc_input_vocabularies *vocabularies;
    struct otc_input_means *means;
};

static bool
add_to_builder(void *arg, size_t feature, const struct otc_use *cell, int64_t time_ns)
{
    struct building *building = arg;
    struct otc_reference_builder *builder = building->builder;
    struct otc_use seen, *use = &seen;
    bool taken;

    seen = *cell;
    if (!otc_input_vocabularies_take(building->vocabularies, building->input, feature, use, builder,
                                     &taken)) {
        return false;
    }
    if (!taken && !otc_input_means_take(building->means, building->input, feature, use, builder, &taken)) {
        return false;
    }
    if (taken) {
        return true;
    }
    switch (use->use) {
    case OTC_USE_MISSING:
        otc_reference_builder_missing(builder, feature);
        return true;
    case OTC_USE_INVALID:
        otc_reference_builder_invalid(builder, feature);
        return true;
    case OTC_USE_NUMBER:
        return otc_reference_builder_number(builder, feature, use->number, time_ns);
    case OTC_USE_TEXT:
        return otc_reference_builder_text(builder, feature, use->text, time_ns);
    }
    return true;
}

/** Declares the features: those of the builder have the same numbers. */
static otc_status
declare_features(const struct otc_input *input, struct otc_reference_builder *builder, struct otc_error *err)
{
    for (size_t i = 0; i < input->n_features; i++) {
        const struct otc_input_feature *feature = &input->features[i];
        size_t at = otc_reference_builder_feature(builder, feature->name, feature->type, feature->kind);

        if (at < i) {
            return otc_fail(err, OTC_INVALID_ARGUMENT,
                            "%s: two columns are the feature '%.*s': choose with --columns",
                            otc_table_path(input->table), OTC_SLICE_ARG(feature->name));
        }
        if (at == SIZE_MAX) {
            return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
        }
    }
    return OTC_OK;
}

otc_status
otc_input_reference(struct otc_input *input, const struct otc_reference_limits *limits, const char *model,
                    int64_t now_ns, struct otc_reference **out, struct otc_error *err)
{
    struct building building = {input, otc_reference_builder_new(limits, input->n_features), NULL, NULL};
    struct otc_reference_builder *builder = building.builder;
    char hash[OTC_HASH_TEXT];
    otc_status status;

    if (!builder) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    status = declare_features(input, builder, err);
    if (status == OTC_OK) {
        status = otc_input_vocabularies_new(input, &building.vocabularies, err);
    }
    if (status == OTC_OK) {
        status = otc_input_means_new(input, &building.means, err);
    }
    if (status == OTC_OK) {
        status = otc_table_hash(input->table, hash, err);
    }
    if (status == OTC_OK) {
        otc_reference_builder_source_hash(builder, hash);
        status = otc_input_rows(input, add_to_builder, &building, err);
    }
    if (status == OTC_OK) {
        status = otc_reference_builder_finish(builder, otc_slice_str(model), otc_table_path(input->table),
                                              now_ns, out, err);
    }
    otc_reference_builder_free(builder);
    otc_input_vocabularies_free(building.vocabularies);
    otc_input_means_free(building.means);
    return status;
}

const char *
otc_input_left_out(const struct otc_input *input, size_t column)
{
    for (size_t i = 0; i < input->n_features; i++) {
        if (input->features[i].column == column) {
            return NULL;
        }
    }
    return input->columns.columns[column].left_out ? input->columns.columns[column].left_out
                                                   : otc_input_not_asked_for;
}

void
otc_input_print_left_out(const struct otc_input *input, const char *label, FILE *to)
{
    struct otc_name_line others = {0};

    for (size_t i = 0; i < input->columns.n; i++) {
        const char *reason = otc_input_left_out(input, i);

        if (reason == otc_input_not_asked_for) {
            otc_name_line_add(&others, input->columns.columns[i].name);
        } else if (reason) {
            (void)fprintf(to, "%s: left out ", label);
            otc_screen_print(input->columns.columns[i].name, to);
            (void)fprintf(to, " (%s)\n", reason);
        }
    }
    if (others.n > 0) {
        (void)fprintf(to, "%s: left out %s%s (%s)\n", label, others.text, otc_name_line_rest(&others),
                      otc_input_not_asked_for);
    }
}
