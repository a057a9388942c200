// SPDX-License-Identifier: Apache-2.0
#include "processors/latency/objectives.h"

#include <math.h>

/* ---- Apdex ----------------------------------------------------------------------------------------- */

void
latency_apdex_add(struct latency_apdex *apdex, const struct latency_apdex_config *config, double seconds,
                  bool failed)
{
    double target = (double)config->threshold.ns / 1e9;

    apdex->all++;
    if (!failed && seconds <= target) {
        apdex->satisfied++;
    } else if (!failed && seconds <= 4 * target) {
        apdex->tolerating++;
    }
}

double
latency_apdex_value(const struct latency_apdex *apdex)
{
    return apdex->all > 0 ? ((double)apdex->satisfied + (double)apdex->tolerating / 2) / (double)apdex->all
                          : NAN;
}

/* ---- Service level objective ------------------------------------------------------------------------ */

size_t
latency_slo_lengths(const struct latency_slo_config *config, int64_t *out, size_t max, struct otc_error *err)
{
    if (config->windows.n > max) {
        (void)otc_fail(err, OTC_INVALID_ARGUMENT, "slo::windows: at most %zu, got %zu", max,
                       config->windows.n);
        return SIZE_MAX;
    }
    for (size_t i = 0; i < config->windows.n; i++) {
        struct otc_error why = OTC_ERROR_INIT;
        otc_duration length;

        if (otc_duration_parse(otc_slice_str(config->windows.items[i]), &length, &why) != OTC_OK) {
            (void)otc_fail(err, OTC_INVALID_ARGUMENT, "slo::windows: %s", why.text);
            return SIZE_MAX;
        }
        if (length.ns < OTC_MINUTE || length.ns > config->period.ns) {
            (void)otc_fail(err, OTC_INVALID_ARGUMENT, "slo::windows: %s is not between 1m and the period",
                           config->windows.items[i]);
            return SIZE_MAX;
        }
        for (size_t j = 0; j < i; j++) {
            if (out[j] == length.ns) {
                (void)otc_fail(err, OTC_INVALID_ARGUMENT, "slo::windows: %s and %s are the same window",
                               config->windows.items[j], config->windows.items[i]);
                return SIZE_MAX;
            }
        }
        out[i] = length.ns;
    }
    return config->windows.n;
}

void
latency_slo_init(struct latency_slo *slo, const struct latency_slo_config *config, int64_t monotonic_ns)
{
    int64_t lengths[LATENCY_SLO_WINDOWS_MAX];

    slo->n = latency_slo_lengths(config, lengths, LATENCY_SLO_WINDOWS_MAX - 1, NULL);
    slo->n = slo->n == SIZE_MAX ? 0 : slo->n; /* validated before */
    lengths[slo->n++] = config->period.ns;
    for (size_t i = 0; i < slo->n; i++) {
        slo->windows[i].part_ns = lengths[i] / LATENCY_SLO_PARTS;
        slo->windows[i].last = monotonic_ns / slo->windows[i].part_ns;
    }
    latency_slo_advance(slo, monotonic_ns);
}

void
latency_slo_add(struct latency_slo *slo, const struct latency_slo_config *config, double seconds, bool failed,
                uint64_t weight, int64_t monotonic_ns)
{
    bool bad = failed || (config->threshold.ns > 0 && !(seconds <= (double)config->threshold.ns / 1e9));
    double requests = (double)weight / (double)OTC_WEIGHT_ONE;

    if (monotonic_ns >= slo->next_ns) {
        latency_slo_advance(slo, monotonic_ns);
    }
    slo->waiting.all += requests;
    if (bad) {
        slo->waiting.bad += requests;
        otc_weighted_add(&slo->bad, weight);
    }
}

/* Parts that are over and those that nothing came in begin empty. */
static void
move_window(struct latency_slo_window *window, int64_t now)
{
    if (now - window->last > LATENCY_SLO_PARTS) {
        window->last = now - LATENCY_SLO_PARTS;
    }
    while (window->last < now) {
        window->last++;
        window->parts[window->last % LATENCY_SLO_PARTS] = (struct latency_slo_part){0};
    }
}

void
latency_slo_advance(struct latency_slo *slo, int64_t monotonic_ns)
{
    slo->next_ns = INT64_MAX;
    for (size_t i = 0; i < slo->n; i++) {
        struct latency_slo_window *window = &slo->windows[i];
        struct latency_slo_part *newest = &window->parts[window->last % LATENCY_SLO_PARTS];
        int64_t over;

        newest->all += slo->waiting.all;
        newest->bad += slo->waiting.bad;
        move_window(window, monotonic_ns / window->part_ns);
        over = (window->last + 1) * window->part_ns;
        slo->next_ns = over < slo->next_ns ? over : slo->next_ns;
    }
    slo->waiting = (struct latency_slo_part){0};
}

double
latency_slo_burn_rate(const struct latency_slo *slo, const struct latency_slo_config *config, size_t window)
{
    struct latency_slo_part sum = {0};

    for (size_t i = 0; i < LATENCY_SLO_PARTS; i++) {
        sum.bad += slo->windows[window].parts[i].bad;
        sum.all += slo->windows[window].parts[i].all;
    }
    return sum.all > 0 ? sum.bad / sum.all / (1 - config->objective) : 0;
}

double
latency_slo_budget(const struct latency_slo *slo, const struct latency_slo_config *config)
{
    return 1 - latency_slo_burn_rate(slo, config, slo->n - 1);
}
