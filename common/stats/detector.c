// SPDX-License-Identifier: Apache-2.0
#include "common/stats/detector.h"

#include "common/stats/detector_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct otc__detector_ops *const types[OTC_N_DETECTORS] = {
    [OTC_ADWIN] = &otc__adwin,   [OTC_PAGE_HINKLEY] = &otc__page_hinkley,
    [OTC_CUSUM] = &otc__cusum,   [OTC_DDM] = &otc__ddm,
    [OTC_EDDM] = &otc__eddm,     [OTC_HDDM_A] = &otc__hddm_a,
    [OTC_HDDM_W] = &otc__hddm_w, [OTC_KSWIN] = &otc__kswin,
};

/* Beyond this squares and their sums could overflow, and a NaN would blind a detector for good. */
#define MOST 1e100

struct otc_detector {
    const struct otc__detector_ops *ops;
    double parameters[OTC_DETECTOR_PARAMETERS_MAX];
    size_t bytes; /* from `values` on */
    /* What a snapshot holds. */
    uint64_t values;
    uint64_t changed;
    _Alignas(16) unsigned char state[];
};

const char *
otc_detector_name(enum otc_detector_type type)
{
    return types[type]->name;
}

enum otc_detector_type
otc_detector_find(struct otc_slice name)
{
    unsigned type = 0;

    while (type < OTC_N_DETECTORS && !otc_slice_equal_str(name, types[type]->name)) {
        type++;
    }
    return (enum otc_detector_type)type;
}

const struct otc_detector_parameter *
otc_detector_parameters(enum otc_detector_type type)
{
    return types[type]->parameters;
}

size_t
otc_detector_parameter_find(enum otc_detector_type type, struct otc_slice name)
{
    const struct otc_detector_parameter *all = types[type]->parameters;

    for (size_t i = 0; all[i].name; i++) {
        if (otc_slice_equal_str(name, all[i].name)) {
            return i;
        }
    }
    return OTC_DETECTOR_PARAMETERS_MAX;
}

bool
otc_detector_parameter_allows(const struct otc_detector_parameter *parameter, double value)
{
    return value >= parameter->min && value <= parameter->max &&
           (!parameter->integer || value == floor(value));
}

void
otc_detector_parameter_names(enum otc_detector_type type, char out[OTC_DETECTOR_NAMES_BYTES])
{
    const struct otc_detector_parameter *all = types[type]->parameters;

    out[0] = 0;
    for (size_t i = 0; all[i].name; i++) {
        size_t len = strlen(out);

        (void)snprintf(out + len, OTC_DETECTOR_NAMES_BYTES - len, "%s%s", i ? ", " : "", all[i].name);
    }
}

static void
fill_parameters(const struct otc__detector_ops *ops, const double *from, double *to)
{
    for (size_t i = 0; ops->parameters[i].name; i++) {
        const struct otc_detector_parameter *parameter = &ops->parameters[i];
        double value = from && !isnan(from[i]) ? from[i] : parameter->def;

        to[i] = fmin(parameter->max, fmax(parameter->min, value));
        to[i] = parameter->integer ? floor(to[i]) : to[i];
    }
}

size_t
otc_detector_bytes(enum otc_detector_type type, const double *parameters)
{
    double filled[OTC_DETECTOR_PARAMETERS_MAX] = {0};

    fill_parameters(types[type], parameters, filled);
    return sizeof(struct otc_detector) + types[type]->bytes(filled);
}

struct otc_detector *
otc_detector_new(enum otc_detector_type type, const double *parameters)
{
    size_t bytes = otc_detector_bytes(type, parameters);
    struct otc_detector *detector = calloc(1, bytes);

    if (detector) {
        detector->ops = types[type];
        detector->bytes = bytes - offsetof(struct otc_detector, values);
        fill_parameters(detector->ops, parameters, detector->parameters);
        detector->ops->reset(detector->state, detector->parameters);
    }
    return detector;
}

void
otc_detector_free(struct otc_detector *detector)
{
    free(detector);
}

enum otc_detector_signal
otc_detector_add(struct otc_detector *detector, double value)
{
    enum otc_detector_signal signal;

    if (!isfinite(value)) {
        return OTC_DETECTOR_STABLE;
    }
    if (detector->changed) {
        detector->changed = 0;
        detector->values = 0;
        detector->ops->reset(detector->state, detector->parameters);
    }
    if (detector->ops->counts_errors) {
        value = value != 0;
    } else if (detector->ops->needs_shares) {
        value = fmin(1, fmax(0, value));
    }
    value = fmin(MOST, fmax(-MOST, value));
    detector->values++;
    signal = detector->ops->add(detector->state, detector->parameters, value);
    detector->changed = signal == OTC_DETECTOR_CHANGE;
    return signal;
}

uint64_t
otc_detector_values(const struct otc_detector *detector)
{
    return detector->values;
}

const void *
otc_detector_state(const struct otc_detector *detector, size_t *bytes)
{
    *bytes = detector->bytes;
    return &detector->values;
}

bool
otc_detector_restore(struct otc_detector *detector, const void *state, size_t bytes)
{
    if (bytes != detector->bytes) {
        return false;
    }
    memcpy((unsigned char *)detector + offsetof(struct otc_detector, values), state, bytes);
    if (detector->ops->holds && !detector->ops->holds(detector->state, detector->parameters)) {
        detector->values = detector->changed = 0;
        detector->ops->reset(detector->state, detector->parameters);
        return false;
    }
    return true;
}
