// SPDX-License-Identifier: Apache-2.0
/* What a record shows of the features. */
#include "common/analysis/embedding.h"
#include "common/analysis/features_internal.h"

#include <math.h>
#include <stdlib.h>

static const struct otc_value absent = {.type = OTC_VALUE_ABSENT};
static const struct otc_value unusable = {.type = OTC_VALUE_BYTES};

/* Names of tensor columns, beside the texts. */
#define NAMES_BYTES ((size_t)64 << 10)

struct otc_feature_reader *
otc_feature_reader_new(const struct otc_feature_set *set, size_t first, size_t json_bytes)
{
    struct otc_feature_reader *reader = calloc(1, sizeof(*reader));

    if (!reader) {
        return NULL;
    }
    reader->set = set;
    reader->first = first;
    reader->json_bytes = json_bytes;
    if (set->n_vectors > 0) {
        reader->vectors = calloc(set->n_vectors * OTC_EMBEDDING_MAX, sizeof(*reader->vectors));
        reader->n_components = calloc(set->n_vectors, sizeof(*reader->n_components));
        if (!reader->vectors || !reader->n_components) {
            otc_feature_reader_free(reader);
            return NULL;
        }
    }
    if (!otc_elements_init(reader)) {
        otc_feature_reader_free(reader);
        return NULL;
    }
    if (set->n_documents == 0) {
        return reader;
    }
    /* Without its escapes no text is longer; a text is read by a condition and by a feature at most. */
    reader->scratch_size = 2 * set->n_documents * json_bytes + NAMES_BYTES;
    reader->scratch = malloc(reader->scratch_size);
    reader->states = calloc(set->n_documents, sizeof(*reader->states));
    reader->bases = calloc(set->n_documents, sizeof(*reader->bases));
    reader->views = calloc(set->n_views, sizeof(*reader->views));
    if (!reader->scratch || !reader->states || !reader->bases || !reader->views) {
        otc_feature_reader_free(reader);
        return NULL;
    }
    return reader;
}

void
otc_feature_reader_free(struct otc_feature_reader *reader)
{
    if (reader) {
        free(reader->scratch);
        free(reader->vectors);
        free(reader->n_components);
        otc_elements_release(reader);
        free(reader->states);
        free(reader->bases);
        free(reader->views);
    }
    free(reader);
}

uint8_t *
otc_feature_reader_room(struct otc_feature_reader *reader, size_t bytes)
{
    uint8_t *room = reader->scratch + reader->scratch_used;

    if (reader->scratch_size - reader->scratch_used < bytes) {
        return NULL;
    }
    reader->scratch_used += bytes;
    return room;
}

/* ---- Places ------------------------------------------------------------------------------------- */

struct otc_value
otc_feature_reader_json(struct otc_feature_reader *reader, const struct otc_json_view *view)
{
    struct otc_value value = unusable;
    uint8_t *room;

    switch (view->type) {
    case OTC_JSON_ABSENT:
        return absent;
    case OTC_JSON_NULL:
        value.type = OTC_VALUE_EMPTY;
        break;
    case OTC_JSON_BOOL:
        value.type = OTC_VALUE_BOOL;
        value.as.boolean = view->truth;
        break;
    case OTC_JSON_INT:
        value.type = OTC_VALUE_INT;
        value.as.integer = view->integer;
        break;
    case OTC_JSON_REAL:
        value.type = OTC_VALUE_DOUBLE;
        value.as.real = view->real;
        break;
    case OTC_JSON_STRING:
        value.type = OTC_VALUE_STRING;
        value.as.slice = view->text;
        if (view->escaped) {
            room = otc_feature_reader_room(reader, view->text.len);
            value.as.slice = otc_slice_of(room, room ? otc_json_unescape(view, room) : 0);
            value.type = room ? OTC_VALUE_STRING : OTC_VALUE_BYTES;
        }
        break;
    case OTC_JSON_ARRAY:
    case OTC_JSON_OBJECT:
        break;
    }
    return value;
}

static struct otc_value
read_base(const struct otc_feature_reader *reader, const struct otc_read_place *place)
{
    return otc_place_read(&place->place, reader->subject,
                          place->wanted == OTC_NOWHERE ? &absent : reader->values + place->wanted);
}

static enum otc_document_state
read_document(struct otc_feature_reader *reader, size_t index)
{
    const struct otc_read_document *document = &reader->set->documents[index];
    struct otc_value base = read_base(reader, &reader->set->places[document->place]);

    reader->bases[index] = base;
    switch (base.type) {
    case OTC_VALUE_ABSENT:
        return OTC_DOCUMENT_ABSENT;
    case OTC_VALUE_EMPTY:
        return OTC_DOCUMENT_EMPTY;
    case OTC_VALUE_ARRAY:
    case OTC_VALUE_KVLIST:
        return OTC_DOCUMENT_MAP;
    case OTC_VALUE_STRING:
    case OTC_VALUE_BYTES:
        if (base.as.slice.len == 0) {
            return OTC_DOCUMENT_EMPTY;
        }
        return base.as.slice.len <= reader->json_bytes &&
                       otc_json_scan(document->paths, base.as.slice, reader->views + document->first_view)
                   ? OTC_DOCUMENT_GOOD
                   : OTC_DOCUMENT_BAD;
    case OTC_VALUE_BOOL:
    case OTC_VALUE_INT:
    case OTC_VALUE_DOUBLE:
        break;
    }
    return OTC_DOCUMENT_BAD;
}

static enum otc_document_state
document_of(struct otc_feature_reader *reader, const struct otc_read_place *place)
{
    enum otc_document_state *state = &reader->states[place->document];

    if (*state == OTC_DOCUMENT_UNREAD) {
        *state = read_document(reader, place->document);
    }
    return *state;
}

static const struct otc_json_view *
view_of(const struct otc_feature_reader *reader, const struct otc_read_place *place)
{
    return &reader->views[reader->set->documents[place->document].first_view + place->slot];
}

struct otc_json_view
otc_feature_reader_view(struct otc_feature_reader *reader, size_t index)
{
    const struct otc_read_place *place = &reader->set->places[index];

    return document_of(reader, place) == OTC_DOCUMENT_GOOD ? *view_of(reader, place)
                                                           : (struct otc_json_view){.type = OTC_JSON_ABSENT};
}

struct otc_value
otc_feature_reader_value(struct otc_feature_reader *reader, size_t index)
{
    const struct otc_read_place *place = &reader->set->places[index];

    if (place->document == OTC_NOWHERE) {
        return read_base(reader, place);
    }
    switch (document_of(reader, place)) {
    case OTC_DOCUMENT_UNREAD:
    case OTC_DOCUMENT_ABSENT:
        return absent;
    case OTC_DOCUMENT_EMPTY:
        return (struct otc_value){.type = OTC_VALUE_EMPTY};
    case OTC_DOCUMENT_BAD:
        return unusable;
    case OTC_DOCUMENT_MAP:
        return otc_place_descend(reader->bases[place->document], place->place.json_steps,
                                 place->place.n_json_steps);
    case OTC_DOCUMENT_GOOD:
        break;
    }
    return otc_feature_reader_json(reader, view_of(reader, place));
}

/* ---- Known features ----------------------------------------------------------------------------- */

void
otc_feature_reader_observe(struct otc_feature_reader *reader, size_t feature, struct otc_slice name,
                           enum otc_feature_kind kind, const struct otc_value *value)
{
    struct otc_observed *to = reader->out + reader->n;

    if (reader->n == reader->max) {
        reader->lost++;
        return;
    }
    /* In place: a copy of what was just written piece by piece would wait for the pieces. */
    to->feature = feature;
    to->name = name;
    to->kind = kind;
    to->value = *value;
    reader->n++;
}

static struct otc_value
number_value(double number)
{
    return isnan(number) ? absent : (struct otc_value){.type = OTC_VALUE_DOUBLE, .as = {.real = number}};
}

/* The first of the source's places that the record has. `scratch` holds a value that is made. */
static const struct otc_value *
first_present(struct otc_feature_reader *reader, const struct otc_source *source, struct otc_value *scratch)
{
    const struct otc_value *value = reader->values + source->first_wanted;

    for (size_t i = 0; i < source->n_wanted; i++, value++) {
        if (value->type != OTC_VALUE_ABSENT) {
            return value;
        }
    }
    for (size_t i = 0; i < source->n_places; i++) {
        *scratch = otc_feature_reader_value(reader, source->first_place + i);
        if (scratch->type != OTC_VALUE_ABSENT) {
            return scratch;
        }
    }
    return &absent;
}

static struct otc_value
first_element(const struct otc_value *value)
{
    struct otc_value element = {.type = OTC_VALUE_EMPTY};
    struct otc_slice rest = value->as.slice;

    if (value->type != OTC_VALUE_ARRAY) {
        return *value;
    }
    return otc_array_next(&rest, &element) ? element : (struct otc_value){.type = OTC_VALUE_EMPTY};
}

static struct otc_value
tool_calls(const struct otc_feature_reader *reader, const struct otc_value *messages)
{
    const struct otc_record *record = reader->subject->record;
    double calls = NAN;

    if (messages->type != OTC_VALUE_ABSENT) {
        return number_value(otc_tool_calls_in_messages(messages));
    }
    for (size_t i = 0; i < record->n_matches; i++) {
        const struct otc_match *match = &record->matches[i];
        size_t wanted = match->wanted - reader->first;

        if (wanted == reader->set->completion_prefix) {
            calls = (isnan(calls) ? 0 : calls) + (otc_is_tool_call_key(match->rest) ? 1 : 0);
        } else if (wanted == reader->set->output_message_prefix) {
            calls = (isnan(calls) ? 0 : calls) + (otc_is_openinference_tool_call_key(match->rest) ? 1 : 0);
        }
    }
    return number_value(calls);
}

static double
token_ratio(const struct otc_feature_reader *reader)
{
    return reader->tokens[0] > 0 ? reader->tokens[1] / reader->tokens[0] : NAN;
}

/* A text's features follow one another, its length first. */
static struct otc_value
measure(struct otc_feature_reader *reader, enum otc_text_measure measure, const struct otc_value *text)
{
    if (text->type == OTC_VALUE_STRING && text->as.slice.len > 0) {
        if (measure == OTC_TEXT_LENGTH) {
            otc_text_measure_all(text->as.slice, reader->measures);
        }
        return number_value(reader->measures[measure]);
    }
    return text->type == OTC_VALUE_ABSENT ? absent
           : text->type == OTC_VALUE_EMPTY || text->type == OTC_VALUE_STRING
               ? (struct otc_value){.type = OTC_VALUE_EMPTY}
               : unusable;
}

/* Reads the components of a list, encoded or of a JSON text; 0 when it is none, or too long. */
static size_t
read_components(struct otc_feature_reader *reader, const struct otc_source *source,
                const struct otc_value *value, double *out)
{
    struct otc_json_view list = {.type = OTC_JSON_ABSENT}, number;
    struct otc_slice rest = value->as.slice;
    struct otc_value element;
    size_t n = 0;

    for (; value->type == OTC_VALUE_ARRAY && otc_array_next(&rest, &element); n++) {
        if (n == OTC_EMBEDDING_MAX || otc_value_number(&element, &out[n]) != OTC_CLASS_VALUE) {
            return 0;
        }
    }
    for (size_t i = 0; value->type == OTC_VALUE_BYTES && list.type == OTC_JSON_ABSENT && i < source->n_places;
         i++) {
        size_t place = source->first_place + i;

        if (reader->set->places[place].document != OTC_NOWHERE) {
            list = otc_feature_reader_view(reader, place);
        }
    }
    rest = list.text;
    for (; list.type == OTC_JSON_ARRAY && otc_json_next_element(&rest, &number); n++) {
        if (n == OTC_EMBEDDING_MAX || (number.type != OTC_JSON_INT && number.type != OTC_JSON_REAL)) {
            return 0;
        }
        out[n] = number.real;
    }
    return n;
}

/* The vector's length (which reads it), or the vector. */
static struct otc_value
vector(struct otc_feature_reader *reader, const struct otc_source *source, const struct otc_value *value)
{
    double *components = reader->vectors + source->vector * OTC_EMBEDDING_MAX;
    size_t *n = &reader->n_components[source->vector];

    if (value->type == OTC_VALUE_ABSENT || value->type == OTC_VALUE_EMPTY) {
        return *value;
    }
    if (source->reader == OTC_READ_NORM) {
        *n = read_components(reader, source, value, components);
        /* One vector with 1e200 in it would be the end of a mean, two with 1e154 of a deviation. */
        *n = otc_embedding_is_usable(components, *n) ? *n : 0;
    }
    if (*n == 0) {
        return unusable;
    }
    return source->reader == OTC_READ_NORM ? number_value(otc_embedding_norm(components, *n))
                                           : otc_embedding_value(components, *n);
}

/* The value of a known feature; `scratch` holds one that is made. */
static const struct otc_value *
read_source(struct otc_feature_reader *reader, size_t index, struct otc_value *scratch)
{
    const struct otc_source *source = &reader->set->sources[index];
    const struct otc_value *value = source->element ? otc_elements_member(reader, source->element - 1)
                                                    : first_present(reader, source, scratch);
    double number;

    switch (source->reader) {
    case OTC_READ_VALUE:
        break;
    case OTC_READ_WORDS:
        return value->type == OTC_VALUE_BYTES ? &unusable : value;
    case OTC_READ_FIRST:
        *scratch = first_element(value);
        return scratch;
    case OTC_READ_TOKEN_RATIO:
        *scratch = number_value(token_ratio(reader));
        return scratch;
    case OTC_READ_TOOL_CALLS:
        *scratch = tool_calls(reader, value);
        return scratch;
    case OTC_READ_NORM:
    case OTC_READ_VECTOR:
        *scratch = vector(reader, source, value);
        return scratch;
    case OTC_READ_TEXT:
        *scratch = measure(reader, source->measure, value);
        return scratch;
    }
    if ((index == reader->set->input_tokens || index == reader->set->output_tokens) &&
        otc_value_number(value, &number) == OTC_CLASS_VALUE) {
        reader->tokens[index == reader->set->output_tokens] = number;
    }
    return value;
}

/* A call of a generative model: it carries a marker, or one of the features that only such a call has. */
static bool
is_generative(const struct otc_feature_reader *reader)
{
    const struct otc_feature_set *set = reader->set;

    for (size_t i = 0; i < set->n_markers; i++) {
        if (reader->values[set->markers[i]].type != OTC_VALUE_ABSENT) {
            return true;
        }
    }
    return false;
}

/* True when the record carries one that makes it a record. */
static bool
read_known(struct otc_feature_reader *reader)
{
    const struct otc_feature_set *set = reader->set;
    bool qualified = is_generative(reader);
    size_t n = qualified ? set->n : set->n_explicit;

    for (size_t i = 0; i < n; i++) {
        const struct otc_source *source = &set->sources[i];
        struct otc_value scratch;
        const struct otc_value *value = source->plain     ? reader->values + source->first_wanted
                                        : source->element ? &absent
                                                          : read_source(reader, i, &scratch);

        if (value->type != OTC_VALUE_ABSENT) {
            qualified |= source->qualifies;
            otc_feature_reader_observe(reader, i, set->features[i].name, set->features[i].kind, value);
        }
    }
    return qualified;
}

/* What the next element shows; `features:` alone names such ones. */
static void
read_element(struct otc_feature_reader *reader)
{
    const struct otc_feature_set *set = reader->set;

    for (size_t i = 0; i < set->n_explicit; i++) {
        struct otc_value scratch;
        const struct otc_value *value = set->sources[i].element ? read_source(reader, i, &scratch) : &absent;

        if (value->type != OTC_VALUE_ABSENT) {
            otc_feature_reader_observe(reader, i, set->features[i].name, set->features[i].kind, value);
        }
    }
    reader->element++;
}

/* ---- Discovered features ------------------------------------------------------------------------ */

/* True when `features:` names it too; then that entry is the one that counts. */
static bool
is_explicit(const struct otc_feature_set *set, struct otc_slice name, enum otc_feature_kind kind)
{
    for (size_t i = 0; i < set->n_explicit; i++) {
        if (set->features[i].kind == kind && otc_slice_equal(set->features[i].name, name)) {
            return true;
        }
    }
    return false;
}

void
otc_feature_reader_discover(struct otc_feature_reader *reader, struct otc_slice name,
                            enum otc_feature_kind kind, const struct otc_value *value)
{
    if (!is_explicit(reader->set, name, kind)) {
        otc_feature_reader_observe(reader, OTC_FEATURE_DISCOVERED, name, kind, value);
    }
}

static void
read_discovered(struct otc_feature_reader *reader)
{
    const struct otc_feature_set *set = reader->set;
    const struct otc_record *record = reader->subject->record;

    for (size_t i = 0; i < record->n_matches; i++) {
        const struct otc_match *match = &record->matches[i];
        size_t wanted = match->wanted - reader->first;
        enum otc_feature_kind kind = wanted == set->prediction_prefix ? OTC_KIND_PREDICTION : OTC_KIND_INPUT;

        if ((wanted == set->feature_prefix || wanted == set->prediction_prefix) && match->rest.len > 0) {
            otc_feature_reader_discover(reader, match->rest, kind, &match->value);
        }
    }
    reader->lost += record->matches_lost;
}

/* ---- Records ------------------------------------------------------------------------------------ */

static void
start(struct otc_feature_reader *reader, const struct otc_subject *subject, struct otc_observed *out,
      size_t max)
{
    reader->subject = subject;
    reader->values = subject->record->values + reader->first;
    reader->tokens[0] = reader->tokens[1] = NAN;
    reader->scratch_used = 0;
    reader->n_columns = 0;
    reader->n_found = reader->element = 0;
    reader->out = out;
    reader->n = 0;
    reader->max = max;
    reader->lost = 0;
    for (size_t i = 0; i < reader->set->n_documents; i++) {
        reader->states[i] = OTC_DOCUMENT_UNREAD;
    }
}

size_t
otc_feature_reader_begin(struct otc_feature_reader *reader, const struct otc_subject *subject,
                         struct otc_observed *out, size_t max, size_t *n, size_t *lost)
{
    const struct otc_feature_set *set = reader->set;
    size_t before, instances = 0;
    bool qualified;

    start(reader, subject, out, max);
    *n = *lost = 0;
    if (set->select && !otc_select_matches(set->select, reader)) {
        return 0;
    }
    qualified = read_known(reader) || set->select;
    if (set->feature_prefix != OTC_NOWHERE) {
        before = reader->n;
        read_discovered(reader);
        qualified = qualified || reader->n > before;
    }
    reader->shared = reader->n;
    reader->scratch_shared = reader->scratch_used;
    if (set->n_tensors > 0) {
        instances = otc_tensors_begin(reader);
        reader->scratch_shared = reader->scratch_used;
        if (instances > 0) {
            otc_tensors_next(reader);
        }
    }
    if (instances == 0 && set->n_elements > 0) {
        instances = otc_elements_begin(reader);
        reader->lost += set->feature_prefix == OTC_NOWHERE ? subject->record->matches_lost : 0;
        if (instances > 0) {
            read_element(reader);
        }
    }
    *n = reader->n;
    *lost = reader->lost;
    return instances > 0 ? instances : qualified;
}

size_t
otc_feature_reader_next(struct otc_feature_reader *reader, struct otc_observed *out, size_t max, size_t *lost)
{
    reader->out = out;
    reader->max = max;
    reader->n = reader->shared;
    reader->lost = 0;
    reader->scratch_used = reader->scratch_shared;
    if (reader->n_found > 0) {
        read_element(reader);
    } else {
        otc_tensors_next(reader);
    }
    *lost = reader->lost;
    return reader->n;
}
