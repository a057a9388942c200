// SPDX-License-Identifier: Apache-2.0
#include "sidecar/compare_detect.h"

#include "common/base/number.h"

#include <math.h>

/* ---- Options -------------------------------------------------------------------------------------- */

/* The text up to `end`, which is passed over. */
static struct otc_slice
take_until(struct otc_slice *rest, char end)
{
    const uint8_t *at = memchr(rest->data, end, rest->len);
    size_t len = at ? (size_t)(at - rest->data) : rest->len;
    struct otc_slice taken = otc_slice_of(rest->data, len);

    *rest = otc_slice_skip(*rest, at ? len + 1 : len);
    return taken;
}

static otc_status
no_such_type(struct otc_slice name, struct otc_error *err)
{
    char names[160] = "";
    size_t at = 0;

    for (unsigned type = 0; type < OTC_N_DETECTORS; type++) {
        at += (size_t)snprintf(names + at, sizeof(names) - at, "%s%s", type ? ", " : "",
                               otc_detector_name((enum otc_detector_type)type));
    }
    return otc_fail(err, OTC_INVALID_ARGUMENT, "'%.*s' is not allowed (%s)", OTC_SLICE_ARG(name), names);
}

static otc_status
read_parameter(struct otc_detect_rule *rule, struct otc_slice text, struct otc_error *err)
{
    struct otc_slice rest = text, name = take_until(&rest, '=');
    size_t at = otc_detector_parameter_find(rule->type, name);
    const struct otc_detector_parameter *parameter;
    char names[OTC_DETECTOR_NAMES_BYTES];
    double value = NAN;

    if (at == OTC_DETECTOR_PARAMETERS_MAX) {
        otc_detector_parameter_names(rule->type, names);
        return otc_fail(err, OTC_INVALID_ARGUMENT, "'%.*s' is not allowed: %s has %s", OTC_SLICE_ARG(text),
                        otc_detector_name(rule->type), names);
    }
    parameter = &otc_detector_parameters(rule->type)[at];
    if (!otc_parse_double(rest, &value) || !otc_detector_parameter_allows(parameter, value)) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "'%.*s' is not allowed: %s from %g to %g",
                        OTC_SLICE_ARG(text), parameter->integer ? "a whole number" : "a number",
                        parameter->min, parameter->max);
    }
    rule->parameters[at] = value;
    return OTC_OK;
}

otc_status
otc_detect_rule_add(struct otc_detect_rules *rules, struct otc_slice text, struct otc_error *err)
{
    struct otc_slice rest = text, name = take_until(&rest, ':');
    struct otc_detect_rule rule = {.type = otc_detector_find(name)};

    if (rule.type == OTC_N_DETECTORS) {
        return no_such_type(name, err);
    }
    if (rules->n == OTC_DETECT_MAX) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "at most %d detectors", OTC_DETECT_MAX);
    }
    for (size_t i = 0; i < OTC_DETECTOR_PARAMETERS_MAX; i++) {
        rule.parameters[i] = NAN;
    }
    while (rest.len > 0) {
        otc_status status = read_parameter(&rule, take_until(&rest, ':'), err);

        if (status != OTC_OK) {
            return status;
        }
    }
    rules->items[rules->n++] = rule;
    return OTC_OK;
}

/* ---- Values --------------------------------------------------------------------------------------- */

bool
otc_detect_init(struct otc_detect *detect, const struct otc_detect_rules *rules, size_t n_features)
{
    *detect = (struct otc_detect){.rules = *rules, .n_features = n_features};
    detect->all = calloc(n_features * rules->n + 1, sizeof(*detect->all));
    for (size_t i = 0; detect->all && i < n_features * rules->n; i++) {
        const struct otc_detect_rule *rule = &rules->items[i % rules->n];

        detect->all[i].detector = otc_detector_new(rule->type, rule->parameters);
        if (!detect->all[i].detector) {
            return false;
        }
    }
    return detect->all != NULL;
}

void
otc_detect_release(struct otc_detect *detect)
{
    for (size_t i = 0; detect->all && i < detect->n_features * detect->rules.n; i++) {
        otc_detector_free(detect->all[i].detector);
        free(detect->all[i].listed);
    }
    free(detect->all);
    *detect = (struct otc_detect){0};
}

/* Room for twice as many, from 8 on. */
static bool
list(struct otc_detections *detections, struct otc_detected change)
{
    size_t n = detections->n_listed;

    if (n == OTC_DETECT_LISTED) {
        return true;
    }
    if (n == 0 || (n >= 8 && (n & (n - 1)) == 0)) {
        struct otc_detected *more = reallocarray(detections->listed, n ? 2 * n : 8, sizeof(*more));

        if (!more) {
            return false;
        }
        detections->listed = more;
    }
    detections->listed[detections->n_listed++] = change;
    return true;
}

bool
otc_detect_add(struct otc_detect *detect, size_t feature, const struct otc_use *use, int64_t time_ns)
{
    double value = use->number;
    bool listed = true;

    if (use->use == OTC_USE_TEXT) {
        value = otc_slice_equal_str(use->text, "true") || otc_slice_equal_str(use->text, "1")    ? 1
                : otc_slice_equal_str(use->text, "false") || otc_slice_equal_str(use->text, "0") ? 0
                                                                                                 : NAN;
    }
    if ((use->use != OTC_USE_NUMBER && use->use != OTC_USE_TEXT) || isnan(value)) {
        return true;
    }
    for (size_t i = 0; i < detect->rules.n && listed; i++) {
        struct otc_detections *detections = &detect->all[feature * detect->rules.n + i];

        detections->observations++;
        if (otc_detector_add(detections->detector, value) == OTC_DETECTOR_CHANGE) {
            detections->changes++;
            listed = list(detections, (struct otc_detected){detect->row, time_ns});
        }
    }
    return listed;
}

const struct otc_detections *
otc_detect_of(const struct otc_detect *detect, size_t feature, size_t rule)
{
    return &detect->all[feature * detect->rules.n + rule];
}
