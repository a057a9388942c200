// SPDX-License-Identifier: Apache-2.0
#include "sidecar/row_spans.h"

#include <math.h>

/** Bytes of one request. */
#define MAX_REQUEST ((size_t)16 << 20)
/** Integers up to here are sent as integers. */
#define MAX_INTEGER 0x1p53
/** error.type of a row whose column of errors says that there was one, but not which. */
#define OTHER_ERROR "_OTHER"
#define STATUS_ERROR 2
/** Attributes that the options or the preset set where no column does. */
#define GEN_AI_OPERATION "gen_ai.operation.name"
#define GEN_AI_MODEL "gen_ai.request.model"
/** Longest span, from a column of durations: a day. */
#define MAX_DURATION_S 86400.0

/** A column that is sent. */
struct sent {
    size_t column;
    enum otc_column_content content;
    enum otc_column_role role;
    double scale;
    char *attribute; /* NULL for durations */
};

struct otc_row_spans {
    const struct otc_columns *columns;
    struct otc_spans_builder *builder;
    struct sent *sent;
    struct otc_attribute *attributes; /* room for every column and the fixed ones */
    size_t n;
    struct otc_attribute fixed[2];
    size_t n_fixed;
    char *model;
    char *name;
    int32_t kind;
    uint64_t ids;
};

/** "prefix" and the column's name as one text. */
static char *
join(const char *prefix, struct otc_slice name)
{
    size_t len = strlen(prefix);
    char *text = malloc(len + name.len + 1);

    if (text) {
        memcpy(text, prefix, len);
        memcpy(text + len, name.data, name.len);
        text[len + name.len] = 0;
    }
    return text;
}

static bool
is_named(const struct otc_column *column, const char *name)
{
    return name && otc_slice_equal_str(column->name, name);
}

/** What the options say of a column, whatever the preset; false when they say nothing. */
static bool
choose_named(const struct otc_column *column, const struct otc_row_spans_options *options, struct sent *out)
{
    if (is_named(column, options->duration)) {
        out->role = OTC_ROLE_DURATION;
        return true;
    }
    if (is_named(column, options->error)) {
        out->role = OTC_ROLE_ERROR;
        out->attribute = strdup("error.type");
        return true;
    }
    return false;
}

/** Decides what becomes of a column; false when it is not sent. A NULL attribute of an ATTRIBUTE means out of
 * memory. */
static bool
choose(const struct otc_column *column, const struct otc_row_spans_options *options, struct sent *out)
{
    const struct otc_column_meaning *meaning = otc_gen_ai_column(column->name);
    bool prediction = options->predictions && otc_option_list_has(options->predictions, column->name);

    out->content = column->content;
    out->role = OTC_ROLE_ATTRIBUTE;
    out->scale = 1;
    if (choose_named(column, options, out)) {
        return true;
    }
    if (options->preset == OTC_ROW_ML) {
        if (column->left_out && !prediction) {
            return false;
        }
        out->attribute = join(prediction ? "ml.prediction." : "ml.feature.", column->name);
        return true;
    }
    /* One model, one operation: such columns are constant, which is no reason to leave them out. */
    if (!meaning || column->timestamps || (meaning->role == OTC_ROLE_DURATION && options->duration) ||
        (meaning->role == OTC_ROLE_ERROR && options->error) ||
        (options->model && meaning->attribute && strcmp(meaning->attribute, GEN_AI_MODEL) == 0)) {
        return false;
    }
    out->role = meaning->role;
    out->scale = meaning->scale > 0 ? meaning->scale : 1;
    out->attribute = meaning->attribute ? strdup(meaning->attribute) : NULL;
    return true;
}

/** Two columns may not be the same thing: the first one is. */
static bool
is_taken(const struct otc_row_spans *spans, const struct sent *sent)
{
    for (size_t i = 0; i < spans->n; i++) {
        const struct sent *other = &spans->sent[i];

        if (other->role == sent->role &&
            (!other->attribute || !sent->attribute || strcmp(other->attribute, sent->attribute) == 0)) {
            return true;
        }
    }
    return false;
}

static bool
choose_all(struct otc_row_spans *spans, const struct otc_row_spans_options *options)
{
    const struct otc_columns *columns = spans->columns;

    spans->sent = calloc(columns->n + 1, sizeof(*spans->sent));
    spans->attributes = calloc(columns->n + 2, sizeof(*spans->attributes));
    if (!spans->sent || !spans->attributes) {
        return false;
    }
    for (size_t i = 0; i < columns->n; i++) {
        struct sent *sent = &spans->sent[spans->n];

        if (!choose(&columns->columns[i], options, sent)) {
            continue;
        }
        if (!sent->attribute && sent->role != OTC_ROLE_DURATION) {
            return false;
        }
        if (is_taken(spans, sent)) {
            free(sent->attribute);
            *sent = (struct sent){0};
            continue;
        }
        sent->column = i;
        spans->n++;
    }
    return true;
}

static bool
has_attribute(const struct otc_row_spans *spans, const char *attribute)
{
    for (size_t i = 0; i < spans->n; i++) {
        if (spans->sent[i].attribute && strcmp(spans->sent[i].attribute, attribute) == 0) {
            return true;
        }
    }
    return false;
}

/** What every span says, unless a column says it. */
static bool
set_fixed(struct otc_row_spans *spans, const struct otc_row_spans_options *options)
{
    bool gen_ai = options->preset == OTC_ROW_GEN_AI;

    spans->kind = gen_ai ? 3 : 2;
    spans->name = strdup(gen_ai ? "chat" : "predict");
    spans->model = options->model ? strdup(options->model) : NULL;
    if (!spans->name || (options->model && !spans->model)) {
        return false;
    }
    if (gen_ai && !has_attribute(spans, GEN_AI_OPERATION)) {
        spans->fixed[spans->n_fixed++] = OTC_ATTR_STR(GEN_AI_OPERATION, "chat");
    }
    if (spans->model) {
        spans->fixed[spans->n_fixed++] =
            gen_ai ? OTC_ATTR_STR(GEN_AI_MODEL, spans->model) : OTC_ATTR_STR("ml.model.name", spans->model);
    }
    return true;
}

/** The columns that the options name must be there and fit. */
static otc_status
check_named(const struct otc_columns *columns, const struct otc_row_spans_options *options,
            struct otc_error *err)
{
    const char *const names[] = {options->duration, options->error};
    static const char *const labels[] = {"--duration", "--error"};

    for (size_t i = 0; i < 2; i++) {
        size_t at = names[i] ? otc_columns_find(columns, otc_slice_str(names[i])) : SIZE_MAX;

        if (names[i] && at == SIZE_MAX) {
            return otc_fail(err, OTC_INVALID_ARGUMENT, "%s: there is no column '%s'", labels[i], names[i]);
        }
        if (names[i] && i == 0 && columns->columns[at].content != OTC_COLUMN_NUMBERS) {
            return otc_fail(err, OTC_INVALID_ARGUMENT, "%s: column '%s' does not hold numbers (seconds)",
                            labels[i], names[i]);
        }
    }
    return OTC_OK;
}

otc_status
otc_row_spans_new(const struct otc_columns *columns, const struct otc_row_spans_options *options,
                  struct otc_row_spans **out, struct otc_error *err)
{
    const struct otc_attribute resource = OTC_ATTR_STR("service.name", options->service_name);
    struct otc_row_spans *spans;
    otc_status status = check_named(columns, options, err);
    bool done;

    if (status != OTC_OK) {
        return status;
    }
    spans = calloc(1, sizeof(*spans));
    done = spans != NULL;
    if (done) {
        spans->columns = columns;
        spans->ids = options->seed;
        spans->builder =
            otc_spans_builder_new(&resource, 1, "otelcol-aimon/replay", OTC_VERSION, MAX_REQUEST);
        done = spans->builder && choose_all(spans, options) && set_fixed(spans, options);
    }
    if (!done) {
        otc_row_spans_free(spans);
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    if (spans->n == 0) {
        otc_row_spans_free(spans);
        return otc_fail(
            err, OTC_INVALID_ARGUMENT,
            options->preset == OTC_ROW_ML
                ? "no column is a feature"
                : "no column is one that --preset gen_ai knows (input_tokens, output_tokens, model, "
                  "duration …); --preset ml sends every column");
    }
    *out = spans;
    return OTC_OK;
}

void
otc_row_spans_free(struct otc_row_spans *spans)
{
    if (!spans) {
        return;
    }
    for (size_t i = 0; i < spans->n; i++) {
        free(spans->sent[i].attribute);
    }
    otc_spans_builder_free(spans->builder);
    free(spans->sent);
    free(spans->attributes);
    free(spans->model);
    free(spans->name);
    free(spans);
}

/** A number as the type that says most: integers where the value is one. */
static struct otc_value
number_value(double number)
{
    struct otc_value value = {.type = OTC_VALUE_DOUBLE};

    if (number == floor(number) && fabs(number) < MAX_INTEGER) {
        value.type = OTC_VALUE_INT;
        value.as.integer = (int64_t)number;
    } else {
        value.as.real = number;
    }
    return value;
}

static struct otc_value
text_value(struct otc_slice text)
{
    return (struct otc_value){.type = OTC_VALUE_STRING, .as = {.slice = text}};
}

/** The attribute's value of a cell; ABSENT when it is missing. `list` holds an encoded list while it is used.
 */
static struct otc_value
cell_value(const struct sent *sent, const struct otc_cell *cell, struct otc_buf *list)
{
    struct otc_value value = {.type = OTC_VALUE_ABSENT};

    if (cell->kind == OTC_CELL_MISSING || cell->kind == OTC_CELL_NESTED) {
        return value;
    }
    if (cell->kind == OTC_CELL_NUMBER && (sent->content != OTC_COLUMN_MIXED || cell->text.len == 0)) {
        return number_value(cell->number * sent->scale);
    }
    if (cell->kind == OTC_CELL_BOOL && sent->content != OTC_COLUMN_MIXED) {
        return (struct otc_value){.type = OTC_VALUE_BOOL, .as = {.boolean = cell->truth}};
    }
    value = text_value(cell->text);
    if (sent->role == OTC_ROLE_STRING_LIST && otc_build_text_list(list, cell->text)) {
        value = (struct otc_value){.type = OTC_VALUE_ARRAY, .as = {.slice = otc_buf_slice(list)}};
    }
    return value;
}

/** What went wrong in the row; ABSENT: nothing. */
static struct otc_value
error_value(const struct otc_cell *cell)
{
    bool named = cell->kind == OTC_CELL_TEXT ||
                 (cell->kind == OTC_CELL_NUMBER && cell->number != 0 && cell->text.len > 0);

    if (named && cell->text.len > 0) {
        return text_value(cell->text);
    }
    if ((cell->kind == OTC_CELL_NUMBER && cell->number != 0) ||
        (cell->kind == OTC_CELL_BOOL && cell->truth)) {
        return text_value(otc_slice_str(OTHER_ERROR));
    }
    return (struct otc_value){.type = OTC_VALUE_ABSENT};
}

/** splitmix64: ids that look random and never are zero twice. */
static uint64_t
next_id(struct otc_row_spans *spans)
{
    uint64_t z = spans->ids += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    z ^= z >> 31;
    return z ? z : 1;
}

static void
set_ids(struct otc_row_spans *spans, struct otc_span_head *span)
{
    uint64_t words[3] = {next_id(spans), next_id(spans), next_id(spans)};

    memcpy(span->trace_id, words, sizeof(span->trace_id));
    memcpy(span->span_id, words + 2, sizeof(span->span_id));
}

/** A cell's part of the span. `list` holds an encoded list until the span is built. */
static void
add_cell(const struct otc_row_spans *spans, const struct sent *sent, const struct otc_cell *cell,
         struct otc_buf *list, struct otc_span_head *span)
{
    struct otc_value value;

    if (sent->role == OTC_ROLE_DURATION) {
        double seconds = cell->kind == OTC_CELL_NUMBER ? cell->number * sent->scale : 0;

        seconds = seconds > 0 && seconds <= MAX_DURATION_S ? seconds : 0;
        span->start_unix_nano = span->end_unix_nano - (uint64_t)(seconds * 1e9);
        return;
    }
    value = sent->role == OTC_ROLE_ERROR ? error_value(cell) : cell_value(sent, cell, list);
    if (sent->role == OTC_ROLE_ERROR && value.type != OTC_VALUE_ABSENT) {
        span->status_code = STATUS_ERROR;
    }
    spans->attributes[span->n_attributes++] = (struct otc_attribute){otc_slice_str(sent->attribute), value};
}

bool
otc_row_spans_add(struct otc_row_spans *spans, const struct otc_table *table, int64_t end_ns)
{
    static const struct otc_cell missing = {.kind = OTC_CELL_MISSING};
    struct otc_buf list = {.limit = OTC_TABLE_MAX_ROW};
    struct otc_span_head span = {.kind = spans->kind,
                                 .name = otc_slice_str(spans->name),
                                 .end_unix_nano = (uint64_t)end_ns,
                                 .start_unix_nano = (uint64_t)end_ns,
                                 .attributes = spans->attributes};
    bool done;

    set_ids(spans, &span);
    memcpy(spans->attributes, spans->fixed, sizeof(spans->fixed));
    span.n_attributes = spans->n_fixed;
    for (size_t i = 0; i < spans->n; i++) {
        const struct sent *sent = &spans->sent[i];
        bool there = sent->column < otc_table_columns(table);
        const struct otc_cell *cell = there ? otc_table_cell(table, sent->column) : &missing;

        add_cell(spans, sent, cell, &list, &span);
    }
    done = otc_build_span(spans->builder, &span);
    otc_buf_release(&list);
    return done;
}

bool
otc_row_spans_sends(const struct otc_row_spans *spans, size_t column)
{
    for (size_t i = 0; i < spans->n; i++) {
        if (spans->sent[i].column == column) {
            return true;
        }
    }
    return false;
}

size_t
otc_row_spans_count(const struct otc_row_spans *spans)
{
    return otc_spans_builder_spans(spans->builder);
}

static void
free_bytes(void *arg)
{
    free(arg);
}

struct otc_batch *
otc_row_spans_batch(struct otc_row_spans *spans)
{
    struct otc_buf request = {.limit = MAX_REQUEST * 2};
    size_t n = otc_spans_builder_spans(spans->builder);
    struct otc_part part;
    size_t len;

    if (!otc_spans_builder_finish(spans->builder, &request)) {
        otc_buf_release(&request);
        return NULL;
    }
    part.arg = otc_buf_take(&request, &len);
    part.bytes = otc_slice_of(part.arg, len);
    part.release = free_bytes;
    return otc_batch_new(OTC_TRACES, &part, 1, n, NULL);
}

void
otc_row_spans_explain(const struct otc_row_spans *spans,
                      void (*fn)(void *arg, struct otc_slice column, const char *attribute), void *arg)
{
    for (size_t i = 0; i < spans->n; i++) {
        const struct sent *sent = &spans->sent[i];

        fn(arg, spans->columns->columns[sent->column].name,
           sent->role == OTC_ROLE_DURATION ? "the span's duration"
           : sent->role == OTC_ROLE_ERROR  ? "error.type and the span's status"
                                           : sent->attribute);
    }
}
