// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/features.h"

#include "common/analysis/presets.h"
#include "common/base/number.h"

#include <math.h>

static const char *const feature_types[] = {"numeric", "categorical", NULL};

static const struct otc_field feature_fields[] = {
    OTC_FIELD(otc_feature_config, name, .required = true, .doc = "Name of the feature in the results."),
    OTC_FIELD(otc_feature_config, from, .required = true,
              .doc = "Where its value is: `attributes[\"key\"]`, `scope.attributes[\"key\"]` or "
                     "`resource.attributes[\"key\"]`."),
    OTC_FIELD(otc_feature_config, type, .def = "numeric", .choices = feature_types,
              .doc = "What its values are."),
    OTC_FIELD(otc_feature_config, max_categories, .def = "200", .min = "1", .max = "10000",
              .doc = "Categories told apart; the rest is pooled."),
    OTC_FIELD_END,
};
const struct otc_schema otc_feature_schema = {
    .size = sizeof(struct otc_feature_config), .fields = feature_fields, .doc = "One feature to watch."};

enum otc_value_class
otc_value_number(const struct otc_value *value, double *out)
{
    switch (value->type) {
    case OTC_VALUE_INT:
        *out = (double)value->as.integer;
        return OTC_CLASS_VALUE;
    case OTC_VALUE_DOUBLE:
        if (isnan(value->as.real)) {
            return OTC_CLASS_MISSING;
        }
        *out = value->as.real;
        return isinf(value->as.real) ? OTC_CLASS_INVALID : OTC_CLASS_VALUE;
    case OTC_VALUE_STRING:
        return value->as.slice.len == 0 ? OTC_CLASS_MISSING : OTC_CLASS_INVALID;
    case OTC_VALUE_ABSENT:
    case OTC_VALUE_EMPTY:
        return OTC_CLASS_MISSING;
    case OTC_VALUE_BOOL:
    case OTC_VALUE_ARRAY:
    case OTC_VALUE_KVLIST:
    case OTC_VALUE_BYTES:
        break;
    }
    return OTC_CLASS_INVALID;
}

enum otc_value_class
otc_value_category(const struct otc_value *value, char scratch[32], struct otc_slice *out)
{
    switch (value->type) {
    case OTC_VALUE_STRING:
        *out = value->as.slice;
        return out->len == 0 ? OTC_CLASS_MISSING : OTC_CLASS_VALUE;
    case OTC_VALUE_BOOL:
        *out = otc_slice_str(value->as.boolean ? "true" : "false");
        return OTC_CLASS_VALUE;
    case OTC_VALUE_INT:
        *out = otc_slice_of(scratch, (size_t)snprintf(scratch, 32, "%lld", (long long)value->as.integer));
        return OTC_CLASS_VALUE;
    case OTC_VALUE_DOUBLE:
        if (isnan(value->as.real)) {
            return OTC_CLASS_MISSING;
        }
        if (isinf(value->as.real)) {
            return OTC_CLASS_INVALID;
        }
        *out = otc_slice_of(scratch, otc_canonical_number(value->as.real, scratch));
        return OTC_CLASS_VALUE;
    case OTC_VALUE_ABSENT:
    case OTC_VALUE_EMPTY:
        return OTC_CLASS_MISSING;
    case OTC_VALUE_ARRAY:
    case OTC_VALUE_KVLIST:
    case OTC_VALUE_BYTES:
        break;
    }
    return OTC_CLASS_INVALID;
}

/* How a known feature is read: the first of its keys that is present, then `reader`. */
struct source {
    size_t first_wanted;
    size_t n_wanted;
    enum otc_source_reader reader;
    /* Carrying it makes a record. */
    bool qualifies;
};

struct otc_feature_set {
    struct otc_feature *features;
    struct source *sources;
    size_t n;
    size_t n_explicit; /* of them from `features:`; the others are gen_ai's */
    size_t capacity;
    struct otc_wanted *wanted;
    size_t n_wanted;
    size_t wanted_capacity;
    /* Places in `wanted`, SIZE_MAX: not there. */
    size_t feature_prefix, prediction_prefix, completion_prefix;
    size_t input_tokens, output_tokens; /* features of gen_ai, for their ratio */
    size_t markers, n_markers; /* attributes that only a generative call has, its features' among them */
};

static bool
add_wanted(struct otc_feature_set *set, struct otc_wanted wanted)
{
    if (set->n_wanted == set->wanted_capacity) {
        size_t capacity = set->wanted_capacity ? set->wanted_capacity * 2 : 32;
        struct otc_wanted *grown = reallocarray(set->wanted, capacity, sizeof(*grown));

        if (!grown) {
            return false;
        }
        set->wanted = grown;
        set->wanted_capacity = capacity;
    }
    wanted.key = strdup(wanted.key);
    if (!wanted.key) {
        return false;
    }
    set->wanted[set->n_wanted++] = wanted;
    return true;
}

static bool
add_feature(struct otc_feature_set *set, const struct otc_feature *feature, const struct source *source)
{
    if (set->n == set->capacity) {
        size_t capacity = set->capacity ? set->capacity * 2 : 16;
        struct otc_feature *features = reallocarray(set->features, capacity, sizeof(*features));
        struct source *sources;

        if (!features) {
            return false;
        }
        set->features = features;
        sources = reallocarray(set->sources, capacity, sizeof(*sources));
        if (!sources) {
            return false;
        }
        set->sources = sources;
        set->capacity = capacity;
    }
    set->features[set->n] = *feature;
    set->sources[set->n] = *source;
    set->n++;
    return true;
}

static otc_status
no_memory(struct otc_error *err)
{
    return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "features: out of memory");
}

/* attributes["key"] and its scope and resource forms: the key, cut out of `from` in place of its quotes. */
static bool
parse_from(const char *from, enum otc_attribute_level *level, struct otc_slice *key)
{
    static const struct {
        const char *prefix;
        enum otc_attribute_level level;
    } forms[] = {
        {"attributes[\"", OTC_AT_RECORD},      {"span.attributes[\"", OTC_AT_RECORD},
        {"log.attributes[\"", OTC_AT_RECORD},  {"resource.attributes[\"", OTC_AT_RESOURCE},
        {"scope.attributes[\"", OTC_AT_SCOPE}, {"instrumentation_scope.attributes[\"", OTC_AT_SCOPE}};
    struct otc_slice text = otc_slice_str(from);

    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct otc_slice prefix = otc_slice_str(forms[i].prefix);

        if (otc_slice_starts(text, prefix) && text.len > prefix.len + 2 &&
            memcmp(text.data + text.len - 2, "\"]", 2) == 0) {
            *level = forms[i].level;
            *key = otc_slice_of(text.data + prefix.len, text.len - prefix.len - 2);
            return memchr(key->data, '"', key->len) == NULL;
        }
    }
    return false;
}

static otc_status
add_explicit(struct otc_feature_set *set, const struct otc_feature_config *config, struct otc_error *err)
{
    static const struct otc_slice prediction = OTC_SLICE_LIT("ml.prediction.");
    enum otc_attribute_level level = OTC_AT_RECORD;
    struct otc_slice key;
    char *text;
    bool ok;

    if (!config->name || !config->name[0]) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "features::name: must not be empty");
    }
    if (!config->from || !parse_from(config->from, &level, &key)) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "features::from: '%s' (feature '%s') is not of the form attributes[\"key\"], "
                        "scope.attributes[\"key\"] or resource.attributes[\"key\"]",
                        config->from ? config->from : "", config->name);
    }
    const struct otc_feature feature = {
        .name = otc_slice_str(config->name),
        .kind = otc_slice_starts(key, prediction) ? OTC_KIND_PREDICTION : OTC_KIND_INPUT,
        .type = config->type.index == OTC_CATEGORICAL ? OTC_CATEGORICAL : OTC_NUMERIC,
        .max_categories = (size_t)config->max_categories,
        .origin = config->from};
    const struct source source = {set->n_wanted, 1, OTC_READ_VALUE, true};

    for (size_t i = 0; i < set->n; i++) {
        if (otc_slice_equal(set->features[i].name, feature.name) && set->features[i].kind == feature.kind) {
            return otc_fail(err, OTC_INVALID_ARGUMENT, "features::name: '%s' is named twice", config->name);
        }
    }
    text = strndup((const char *)key.data, key.len);
    ok = text && add_wanted(set, (struct otc_wanted){.key = text, .level = level}) &&
         add_feature(set, &feature, &source);
    free(text);
    return ok ? OTC_OK : no_memory(err);
}

/* The feature of this name, or SIZE_MAX. */
static size_t
named(const struct otc_feature_set *set, const char *name)
{
    for (size_t i = 0; i < set->n; i++) {
        if (otc_slice_equal_str(set->features[i].name, name)) {
            return i;
        }
    }
    return SIZE_MAX;
}

static bool
add_gen_ai(struct otc_feature_set *set)
{
    set->markers = set->n_wanted;
    for (const char *const *key = otc_gen_ai_markers; *key; key++) {
        if (!add_wanted(set, (struct otc_wanted){.key = *key, .level = OTC_AT_RECORD})) {
            return false;
        }
        set->n_markers++;
    }
    for (const struct otc_preset_feature *preset = otc_gen_ai_features; preset->name; preset++) {
        const struct otc_feature feature = {.name = otc_slice_str(preset->name),
                                            .kind = preset->kind,
                                            .type = preset->type,
                                            .max_categories = 200,
                                            .origin = preset->origin};
        struct source source = {set->n_wanted, 0, preset->reader, preset->qualifies};
        size_t index = named(set, preset->name);
        bool says_more = index != SIZE_MAX; /* an entry of `features:` stands for it */

        index = says_more ? index : set->n;
        set->input_tokens = preset->is_input_tokens ? index : set->input_tokens;
        set->output_tokens = preset->is_output_tokens ? index : set->output_tokens;
        if (says_more) {
            continue;
        }
        for (size_t i = 0; i < OTC_PRESET_KEYS_MAX && preset->keys[i]; i++) {
            if (!add_wanted(set, (struct otc_wanted){.key = preset->keys[i], .level = OTC_AT_RECORD})) {
                return false;
            }
            source.n_wanted++;
            set->n_markers += preset->qualifies;
        }
        if (!add_feature(set, &feature, &source)) {
            return false;
        }
    }
    set->completion_prefix = set->n_wanted;
    return add_wanted(set, (struct otc_wanted){"gen_ai.completion.", OTC_AT_RECORD, true});
}

static bool
add_ml(struct otc_feature_set *set)
{
    set->feature_prefix = set->n_wanted;
    set->prediction_prefix = set->n_wanted + 1;
    return add_wanted(set, (struct otc_wanted){"ml.feature.", OTC_AT_RECORD, true}) &&
           add_wanted(set, (struct otc_wanted){"ml.prediction.", OTC_AT_RECORD, true});
}

static otc_status
add_preset(struct otc_feature_set *set, const char *name, struct otc_error *err)
{
    if (strcmp(name, "ml") == 0 && set->feature_prefix == SIZE_MAX) {
        return add_ml(set) ? OTC_OK : no_memory(err);
    }
    if (strcmp(name, "gen_ai") == 0 && set->n_markers == 0) {
        return add_gen_ai(set) ? OTC_OK : no_memory(err);
    }
    for (size_t i = 0; otc_preset_names[i]; i++) {
        if (strcmp(name, otc_preset_names[i]) == 0) {
            return i < OTC_PRESETS_SUPPORTED
                       ? otc_fail(err, OTC_INVALID_ARGUMENT, "presets: '%s' is named twice", name)
                       : otc_fail(err, OTC_INVALID_ARGUMENT,
                                  "presets: '%s' is not supported yet; this release has ml and gen_ai", name);
        }
    }
    return otc_fail(err, OTC_INVALID_ARGUMENT, "presets: unknown preset '%s'; allowed are ml and gen_ai",
                    name);
}

static otc_status
fill_set(struct otc_feature_set *set, const otc_strings *presets, const otc_list *features,
         struct otc_error *err)
{
    otc_status status = OTC_OK;

    for (size_t i = 0; features && i < features->n && status == OTC_OK; i++) {
        status = add_explicit(set, (const struct otc_feature_config *)features->items + i, err);
    }
    set->n_explicit = set->n;
    for (size_t i = 0; presets && i < presets->n && status == OTC_OK; i++) {
        status = add_preset(set, presets->items[i], err);
    }
    if (status == OTC_OK && set->n == 0 && set->feature_prefix == SIZE_MAX) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "features: nothing to watch; name presets (ml, gen_ai) or features");
    }
    return status;
}

otc_status
otc_feature_set_new(const otc_strings *presets, const otc_list *features, struct otc_feature_set **out,
                    struct otc_error *err)
{
    struct otc_feature_set *set = calloc(1, sizeof(*set));
    otc_status status;

    if (!set) {
        return no_memory(err);
    }
    set->feature_prefix = set->prediction_prefix = set->completion_prefix = SIZE_MAX;
    set->input_tokens = set->output_tokens = SIZE_MAX;
    status = fill_set(set, presets, features, err);
    if (status != OTC_OK) {
        otc_feature_set_free(set);
        return status;
    }
    *out = set;
    return OTC_OK;
}

void
otc_feature_set_free(struct otc_feature_set *set)
{
    if (!set) {
        return;
    }
    for (size_t i = 0; i < set->n_wanted; i++) {
        free((void *)(uintptr_t)set->wanted[i].key);
    }
    free(set->wanted);
    free(set->features);
    free(set->sources);
    free(set);
}

size_t
otc_feature_set_count(const struct otc_feature_set *set)
{
    return set->n;
}

const struct otc_feature *
otc_feature_set_at(const struct otc_feature_set *set, size_t index)
{
    return &set->features[index];
}

bool
otc_feature_set_discovers(const struct otc_feature_set *set)
{
    return set->feature_prefix != SIZE_MAX;
}

size_t
otc_feature_set_wanted(const struct otc_feature_set *set, struct otc_wanted *out)
{
    if (out) {
        memcpy(out, set->wanted, set->n_wanted * sizeof(*out));
    }
    return set->n_wanted;
}

/* One record as it is read. */
struct reading {
    const struct otc_feature_set *set;
    const struct otc_record *record;
    const struct otc_value *values; /* of the set's own entries */
    size_t first;
    double duration_s;
    double tokens[2]; /* input, output; NaN: none */
    struct otc_observed *out;
    size_t n, max, lost;
    bool qualified;
};

static void
observe(struct reading *reading, size_t feature, struct otc_slice name, enum otc_feature_kind kind,
        const struct otc_value *value)
{
    struct otc_observed *to = reading->out + reading->n;

    if (reading->n == reading->max) {
        reading->lost++;
        return;
    }
    /* In place: a copy of what was just written piece by piece would wait for the pieces. */
    to->feature = feature;
    to->name = name;
    to->kind = kind;
    to->value = *value;
    reading->n++;
}

static struct otc_value
number_value(double number)
{
    return isnan(number) ? (struct otc_value){.type = OTC_VALUE_ABSENT}
                         : (struct otc_value){.type = OTC_VALUE_DOUBLE, .as = {.real = number}};
}

static const struct otc_value absent = {.type = OTC_VALUE_ABSENT};

/* The first of the source's attributes that the record has. */
static const struct otc_value *
first_present(const struct reading *reading, const struct source *source)
{
    const struct otc_value *value = reading->values + source->first_wanted;

    for (size_t i = 0; i < source->n_wanted; i++, value++) {
        if (value->type != OTC_VALUE_ABSENT) {
            return value;
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
tool_calls(const struct reading *reading, const struct otc_value *messages)
{
    double calls = NAN;

    if (messages->type != OTC_VALUE_ABSENT) {
        return number_value(otc_tool_calls_in_messages(messages));
    }
    for (size_t i = 0; i < reading->record->n_matches; i++) {
        const struct otc_match *match = &reading->record->matches[i];

        if (match->wanted == reading->first + reading->set->completion_prefix) {
            calls = (isnan(calls) ? 0 : calls) + (otc_is_tool_call_key(match->rest) ? 1 : 0);
        }
    }
    return number_value(calls);
}

static double
token_ratio(const struct reading *reading)
{
    return reading->tokens[0] > 0 ? reading->tokens[1] / reading->tokens[0] : NAN;
}

/* The value of a known feature; `scratch` holds one that is made. */
static const struct otc_value *
read_source(struct reading *reading, size_t index, struct otc_value *scratch)
{
    const struct source *source = &reading->set->sources[index];
    const struct otc_value *value = first_present(reading, source);
    double number;

    switch (source->reader) {
    case OTC_READ_VALUE:
        break;
    case OTC_READ_FIRST:
        *scratch = first_element(value);
        return scratch;
    case OTC_READ_DURATION:
        *scratch = number_value(reading->duration_s);
        return scratch;
    case OTC_READ_TOKEN_RATIO:
        *scratch = number_value(token_ratio(reading));
        return scratch;
    case OTC_READ_TOOL_CALLS:
        *scratch = tool_calls(reading, value);
        return scratch;
    }
    if ((index == reading->set->input_tokens || index == reading->set->output_tokens) &&
        otc_value_number(value, &number) == OTC_CLASS_VALUE) {
        reading->tokens[index == reading->set->output_tokens] = number;
    }
    return value;
}

/* A call of a generative model: it carries a marker, or one of the features that only such a call has. */
static bool
is_generative(const struct reading *reading)
{
    const struct otc_value *markers = reading->values + reading->set->markers;

    for (size_t i = 0; i < reading->set->n_markers; i++) {
        if (markers[i].type != OTC_VALUE_ABSENT) {
            return true;
        }
    }
    return false;
}

static void
read_known(struct reading *reading)
{
    const struct otc_feature_set *set = reading->set;
    bool generative = is_generative(reading);
    size_t n = generative ? set->n : set->n_explicit;

    for (size_t i = 0; i < n; i++) {
        struct otc_value scratch;
        const struct otc_value *value = read_source(reading, i, &scratch);

        if (value->type != OTC_VALUE_ABSENT) {
            reading->qualified = reading->qualified || set->sources[i].qualifies;
            observe(reading, i, set->features[i].name, set->features[i].kind, value);
        }
    }
    reading->qualified = reading->qualified || generative;
}

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

static void
read_discovered(struct reading *reading)
{
    const struct otc_feature_set *set = reading->set;

    for (size_t i = 0; i < reading->record->n_matches; i++) {
        const struct otc_match *match = &reading->record->matches[i];
        size_t wanted = match->wanted - reading->first;
        enum otc_feature_kind kind = wanted == set->prediction_prefix ? OTC_KIND_PREDICTION : OTC_KIND_INPUT;

        if ((wanted != set->feature_prefix && wanted != set->prediction_prefix) || match->rest.len == 0 ||
            is_explicit(set, match->rest, kind)) {
            continue;
        }
        reading->qualified = true;
        observe(reading, OTC_FEATURE_DISCOVERED, match->rest, kind, &match->value);
    }
}

size_t
otc_feature_set_observe(const struct otc_feature_set *set, const struct otc_record *record, size_t first,
                        double duration_s, struct otc_observed *out, size_t max, size_t *lost)
{
    struct reading reading = {.set = set,
                              .record = record,
                              .values = record->values + first,
                              .first = first,
                              .duration_s = duration_s,
                              .tokens = {NAN, NAN},
                              .out = out,
                              .max = max};

    read_known(&reading);
    if (set->feature_prefix != SIZE_MAX) {
        read_discovered(&reading);
        reading.lost += record->matches_lost;
    }
    *lost = reading.lost;
    return reading.qualified ? reading.n : 0;
}
