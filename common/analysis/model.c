// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/model.h"

#include "common/analysis/features.h"

static const struct otc_field model_fields[] = {
    OTC_FIELD(
        otc_model_config, name,
        .def = "[ml.model.name, gen_ai.request.model, gen_ai.response.model, llm.model_name, "
               "embedding.model_name, mlflow.llm.model, ai.model.id, service.name]",
        .doc = "Attributes of the record, its scope or its resource; the first one present names the model."),
    OTC_FIELD(otc_model_config, version, .def = "[ml.model.version, gen_ai.response.model, service.version]",
              .doc = "The same for its version."),
    OTC_FIELD_END,
};

static otc_status
check_model(const void *value, struct otc_error *err)
{
    const struct otc_model_config *config = value;
    const otc_strings *lists[] = {&config->name, &config->version};
    static const char *const keys[] = {"name", "version"};

    for (size_t i = 0; i < 2; i++) {
        if (lists[i]->n > 16) {
            return otc_fail(err, OTC_INVALID_ARGUMENT, "%s: at most 16 attributes, got %zu", keys[i],
                            lists[i]->n);
        }
        for (size_t j = 0; j < lists[i]->n; j++) {
            if (!lists[i]->items[j] || !lists[i]->items[j][0]) {
                return otc_fail(err, OTC_INVALID_ARGUMENT, "%s: an attribute's key must not be empty",
                                keys[i]);
            }
        }
    }
    return OTC_OK;
}

const struct otc_schema otc_model_schema = {.size = sizeof(struct otc_model_config),
                                            .fields = model_fields,
                                            .doc = "Which attributes tell the model and its version.",
                                            .check = check_model};

size_t
otc_model_wanted(const struct otc_model_config *config, struct otc_wanted *out)
{
    size_t n = 0;

    for (size_t i = 0; i < config->name.n; i++) {
        out[n++] = (struct otc_wanted){.key = config->name.items[i], .level = OTC_AT_ANY};
    }
    for (size_t i = 0; i < config->version.n; i++) {
        out[n++] = (struct otc_wanted){.key = config->version.items[i], .level = OTC_AT_ANY};
    }
    return n;
}

/* What of a long text is kept: not half a character, which no OTLP string may hold. */
static struct otc_slice
cut(struct otc_slice text)
{
    if (text.len > OTC_MODEL_TEXT_MAX) {
        text.len = OTC_MODEL_TEXT_MAX;
        for (int i = 0; i < 3 && (text.data[text.len] & 0xc0) == 0x80; i++) {
            text.len--;
        }
    }
    return text;
}

static struct otc_slice
first_present(const struct otc_value *values, size_t n, char scratch[32])
{
    for (size_t i = 0; i < n; i++) {
        struct otc_slice text;

        if (values[i].type != OTC_VALUE_ABSENT &&
            otc_value_category(&values[i], scratch, &text) == OTC_CLASS_VALUE) {
            return cut(text);
        }
    }
    return OTC_SLICE_NONE;
}

void
otc_model_key_of(const struct otc_model_config *config, const struct otc_value *values,
                 struct otc_model_key *out)
{
    out->name = first_present(values, config->name.n, out->scratch[0]);
    out->version = first_present(values + config->name.n, config->version.n, out->scratch[1]);
    out->arm = OTC_SLICE_NONE;
}

void
otc_model_arm(struct otc_model_key *key, const struct otc_value *value)
{
    key->arm = first_present(value, 1, key->scratch[2]);
}

struct otc_models {
    struct otc_models_limits limits;
    const struct otc_model_ops *ops;
    void *owner;
    struct otc_map *by_name;
    struct otc_model **models;
    size_t n;
    struct otc_model_version *recent; /* of the last record */
    uint64_t overflow;
    uint64_t forgotten;
};

struct otc_models *
otc_models_new(const struct otc_models_limits *limits, const struct otc_model_ops *ops, void *owner)
{
    struct otc_models *models = calloc(1, sizeof(*models));

    if (!models) {
        return NULL;
    }
    models->limits = *limits;
    models->ops = ops;
    models->owner = owner;
    models->by_name = otc_map_new(limits->models);
    models->models = calloc(limits->models ? limits->models : 1, sizeof(struct otc_model *));
    if (!models->by_name || !models->models) {
        otc_models_free(models);
        return NULL;
    }
    return models;
}

static void
free_version(struct otc_models *models, struct otc_model_version *version)
{
    if (!version) {
        return;
    }
    if (models->recent == version) {
        models->recent = NULL;
    }
    if (version->state) {
        models->ops->version_free(models->owner, version->state);
    }
    free(version);
}

static void
free_model(struct otc_models *models, struct otc_model *model)
{
    for (size_t i = 0; i < model->n_versions; i++) {
        free_version(models, model->versions[i]);
    }
    if (model->state && models->ops->model_free) {
        models->ops->model_free(models->owner, model->state);
    }
    free(model->versions);
    free(model);
}

void
otc_models_set_owner(struct otc_models *models, void *owner)
{
    models->owner = owner;
}

void
otc_models_free(struct otc_models *models)
{
    if (!models) {
        return;
    }
    for (size_t i = 0; models->models && i < models->n; i++) {
        free_model(models, models->models[i]);
    }
    otc_map_free(models->by_name, NULL);
    free(models->models);
    free(models);
}

static void
forget_model(struct otc_models *models, size_t index)
{
    struct otc_model *model = models->models[index];

    (void)otc_map_remove(models->by_name, model->name);
    memmove(models->models + index, models->models + index + 1,
            (models->n - index - 1) * sizeof(struct otc_model *));
    models->n--;
    models->forgotten += model->n_versions;
    free_model(models, model);
}

static void
forget_version(struct otc_models *models, struct otc_model *model, size_t index)
{
    struct otc_model_version *version = model->versions[index];

    memmove(model->versions + index, model->versions + index + 1,
            (model->n_versions - index - 1) * sizeof(struct otc_model_version *));
    model->n_versions--;
    models->forgotten++;
    free_version(models, version);
}

/* Room for one more model: true as long as there is, or an expired one could be forgotten. */
static bool
make_room(struct otc_models *models, int64_t monotonic_ns)
{
    size_t oldest = 0;

    if (models->n < models->limits.models) {
        return true;
    }
    for (size_t i = 1; i < models->n; i++) {
        if (models->models[i]->last_seen_ns < models->models[oldest]->last_seen_ns) {
            oldest = i;
        }
    }
    if (models->n == 0 ||
        monotonic_ns - models->models[oldest]->last_seen_ns < models->limits.expiration_ns) {
        return false;
    }
    forget_model(models, oldest);
    return true;
}

static struct otc_model *
add_model(struct otc_models *models, struct otc_slice name)
{
    struct otc_model *model = calloc(1, sizeof(*model) + name.len + 1);

    if (!model) {
        return NULL;
    }
    if (name.len) {
        memcpy(model + 1, name.data, name.len);
    }
    model->name = otc_slice_of(model + 1, name.len);
    model->versions =
        calloc(models->limits.versions ? models->limits.versions : 1, sizeof(struct otc_model_version *));
    if (model->versions && models->ops->model_new) {
        model->state = models->ops->model_new(models->owner, model);
    }
    if (!model->versions || (models->ops->model_new && !model->state) ||
        !otc_map_put(models->by_name, name, model)) {
        free_model(models, model);
        return NULL;
    }
    models->models[models->n++] = model;
    return model;
}

static struct otc_model *
find_model(struct otc_models *models, struct otc_slice name, int64_t monotonic_ns)
{
    struct otc_model *model = otc_map_get(models->by_name, name);

    if (model) {
        return model;
    }
    return make_room(models, monotonic_ns) ? add_model(models, name) : NULL;
}

static struct otc_model_version *
add_version(struct otc_models *models, struct otc_model *model, const struct otc_model_key *key)
{
    struct otc_slice text = key->version, arm = key->arm;
    struct otc_model_version *version;
    size_t oldest = 0;

    if (model->n_versions >= models->limits.versions) {
        for (size_t i = 1; i < model->n_versions; i++) {
            if (model->versions[i]->last_seen_ns < model->versions[oldest]->last_seen_ns) {
                oldest = i;
            }
        }
        forget_version(models, model, oldest);
    }
    version = calloc(1, sizeof(*version) + text.len + arm.len + 1);
    if (!version) {
        return NULL;
    }
    if (text.len) {
        memcpy(version + 1, text.data, text.len);
    }
    if (arm.len) {
        memcpy((char *)(version + 1) + text.len, arm.data, arm.len);
    }
    version->version = otc_slice_of(version + 1, text.len);
    version->arm = otc_slice_of((char *)(version + 1) + text.len, arm.len);
    version->model = model;
    version->state = models->ops->version_new(models->owner, version);
    if (!version->state) {
        free_version(models, version);
        return NULL;
    }
    model->versions[model->n_versions++] = version;
    return version;
}

static bool
is_version(const struct otc_model_version *version, const struct otc_model_key *key)
{
    return otc_slice_equal(version->version, key->version) && otc_slice_equal(version->arm, key->arm);
}

static struct otc_model_version *
find_version(struct otc_models *models, struct otc_model *model, const struct otc_model_key *key)
{
    for (size_t i = 0; i < model->n_versions; i++) {
        if (is_version(model->versions[i], key)) {
            return model->versions[i];
        }
    }
    return add_version(models, model, key);
}

struct otc_model_version *
otc_models_get(struct otc_models *models, const struct otc_model_key *key, int64_t monotonic_ns)
{
    struct otc_model_version *version = models->recent;

    if (!version || !is_version(version, key) || !otc_slice_equal(version->model->name, key->name)) {
        struct otc_model *model = find_model(models, key->name, monotonic_ns);

        version = model ? find_version(models, model, key) : NULL;
        if (!version) {
            models->overflow++;
            return NULL;
        }
        models->recent = version;
    }
    version->last_seen_ns = monotonic_ns;
    version->model->last_seen_ns = monotonic_ns;
    return version;
}

struct otc_model_version *
otc_models_find(const struct otc_models *models, const struct otc_model_key *key)
{
    const struct otc_model *model = otc_map_get(models->by_name, key->name);

    for (size_t i = 0; model && i < model->n_versions; i++) {
        if (is_version(model->versions[i], key)) {
            return model->versions[i];
        }
    }
    return NULL;
}

size_t
otc_models_count(const struct otc_models *models)
{
    return models->n;
}

struct otc_model *
otc_models_at(const struct otc_models *models, size_t index)
{
    return models->models[index];
}

void
otc_models_expire(struct otc_models *models, int64_t before_ns)
{
    for (size_t i = models->n; i-- > 0;) {
        struct otc_model *model = models->models[i];

        for (size_t j = model->n_versions; j-- > 0;) {
            if (model->versions[j]->last_seen_ns < before_ns) {
                forget_version(models, model, j);
            }
        }
        if (model->n_versions == 0) {
            forget_model(models, i);
        }
    }
}

uint64_t
otc_models_overflow(const struct otc_models *models)
{
    return models->overflow;
}

uint64_t
otc_models_forgotten(const struct otc_models *models)
{
    return models->forgotten;
}

void
otc_models_set_counts(struct otc_models *models, uint64_t overflow, uint64_t forgotten)
{
    models->overflow = overflow;
    models->forgotten = forgotten;
}
