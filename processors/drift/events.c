// SPDX-License-Identifier: Apache-2.0
#include "processors/drift/events.h"

#include <math.h>
#include <stdarg.h>

/* What a record is made of. The keys of what moved are written here. */
#define EVENT_ATTRIBUTES_MAX 32
#define EVENT_KEY_BYTES 64

struct event {
    struct otc_attribute attributes[EVENT_ATTRIBUTES_MAX];
    size_t n;
    char keys[3 * OTC_MOVED_MAX][EVENT_KEY_BYTES];
    size_t n_keys;
    char body[1024];
    size_t body_len;
};

static void
put(struct event *event, struct otc_attribute attribute)
{
    bool empty = attribute.value.type == OTC_VALUE_STRING && attribute.value.as.slice.len == 0;
    bool nan = attribute.value.type == OTC_VALUE_DOUBLE && isnan(attribute.value.as.real);

    if (!empty && !nan && event->n < EVENT_ATTRIBUTES_MAX) {
        event->attributes[event->n++] = attribute;
    }
}

static void say(struct event *event, const char *format, ...) OTC_PRINTF(2, 3);

static void
say(struct event *event, const char *format, ...)
{
    size_t room = sizeof(event->body) - event->body_len;
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(event->body + event->body_len, room, format, args);
    va_end(args);
    event->body_len += len < 0 ? 0 : (size_t)len < room ? (size_t)len : room - 1;
}

static void
put_origin(struct event *event, const struct drift_turn *turn)
{
    const struct drift *drift = turn->version->owner;

    put(event, OTC_ATTR_SLICE("ml.model.name", turn->version->model->name));
    put(event, OTC_ATTR_SLICE("ml.model.version", turn->version_name));
    put(event, OTC_ATTR_STR("ml.drift.window", drift->window_label));
    put(event, OTC_ATTR_INT("ml.drift.window.end", turn->end_ns / OTC_SECOND));
    put(event, OTC_ATTR_SLICE("ml.drift.reference", otc_slice_of(turn->binding->reference->hash, 8)));
}

static const char *
key_of(struct event *event, size_t place, const char *name)
{
    char *key = event->keys[event->n_keys++];

    (void)snprintf(key, EVENT_KEY_BYTES, "ml.drift.moved.%zu.%s", place, name);
    return key;
}

static void
put_moved(struct event *event, const struct otc_feature_result *result)
{
    for (size_t i = 0; i < result->n_moved; i++) {
        const struct otc_moved *moved = &result->moved[i];

        put(event, (struct otc_attribute){otc_slice_str(key_of(event, i + 1, "bin")),
                                          {OTC_VALUE_STRING, {.slice = otc_slice_str(moved->name)}}});
        put(event, (struct otc_attribute){otc_slice_str(key_of(event, i + 1, "reference_share")),
                                          {OTC_VALUE_DOUBLE, {.real = moved->reference_share}}});
        put(event, (struct otc_attribute){otc_slice_str(key_of(event, i + 1, "current_share")),
                                          {OTC_VALUE_DOUBLE, {.real = moved->current_share}}});
    }
}

/* The statistic itself, where it is not the effect. */
static double
statistic_of(const struct otc_feature_result *result, enum otc_test test)
{
    return test == OTC_TEST_KS            ? result->ks
           : test == OTC_TEST_PSI         ? result->psi
           : test == OTC_TEST_CHI_SQUARED ? result->chi_squared
           : test == OTC_TEST_MISSING     ? result->missing_share
                                          : (double)NAN;
}

/* With `rule: thresholds`: the value that decided. */
static void
put_threshold(struct event *event, const struct otc_decision *decision,
              const struct otc_feature_result *result)
{
    enum otc_threshold over = result->over_threshold;
    double value = otc_threshold_value(result, over), limit = decision->thresholds[over];

    if (result->rejected) {
        put(event, OTC_ATTR_STR("ml.drift.test", otc_threshold_names[over]));
        put(event, OTC_ATTR_DOUBLE("ml.drift.statistic", value));
        put(event, OTC_ATTR_DOUBLE("ml.drift.threshold", limit));
        say(event, ": %s %.4g, threshold %.3g", otc_threshold_names[over], value, limit);
    }
}

static void
put_test(struct event *event, const struct otc_decision *decision, const struct otc_feature_result *result)
{
    enum otc_test test = otc_deciding_test(result);

    if (decision->rule == OTC_RULE_THRESHOLDS) {
        put_threshold(event, decision, result);
        return;
    }
    if (test == OTC_N_TESTS) {
        return;
    }
    put(event, OTC_ATTR_STR("ml.drift.test", otc_test_name(test)));
    put(event, OTC_ATTR_DOUBLE("ml.drift.statistic", statistic_of(result, test)));
    put(event, OTC_ATTR_DOUBLE("ml.drift.effect", result->tests[test].effect));
    put(event, OTC_ATTR_DOUBLE("ml.drift.min_effect", decision->min_effect[test]));
    put(event, OTC_ATTR_DOUBLE("ml.drift.p_value.adjusted", result->tests[test].adjusted_p));
    put(event, OTC_ATTR_DOUBLE("ml.drift.level", decision->level));
    put(event, OTC_ATTR_DOUBLE("ml.drift.design_effect", result->design_effect));
    say(event, ": %s %.4g, effect %.3g (from %.3g on), adjusted p %.3g", otc_test_name(test),
        statistic_of(result, test), result->tests[test].effect, decision->min_effect[test],
        result->tests[test].adjusted_p);
}

static void
tell(const struct event *event, const struct drift_turn *turn, const char *name)
{
    const struct drift *drift = turn->version->owner;
    const struct otc_log_head head = {.time_unix_nano = (uint64_t)turn->end_ns,
                                      .observed_unix_nano = (uint64_t)drift->host->now_ns(drift->host),
                                      .severity = turn->detected ? OTC_SEVERITY_WARN : OTC_SEVERITY_INFO,
                                      .event_name = otc_slice_str(name),
                                      .body = otc_slice_of(event->body, event->body_len),
                                      .attributes = event->attributes,
                                      .n_attributes = event->n};

    otc_events_add(drift->events, &head);
}

void
drift_event_feature(const struct drift_turn *turn, size_t index)
{
    const struct drift_bound *bound = &turn->binding->features[index];
    const struct drift_feature *feature = &turn->version->features[index];
    struct event event = {.n = 0};
    char moved[512];

    put_origin(&event, turn);
    put(&event, OTC_ATTR_SLICE("ml.feature.name", bound->reference->name));
    put(&event, OTC_ATTR_STR("ml.feature.kind", otc_feature_kind_name(bound->kind)));
    put(&event, OTC_ATTR_INT("ml.drift.window.observations", (int64_t)feature->window_observations));
    say(&event, "%s in %s %.*s of model %.*s", turn->detected ? "Drift" : "No more drift",
        otc_feature_kind_name(bound->kind), OTC_SLICE_ARG(bound->reference->name),
        OTC_SLICE_ARG(turn->version->model->name));
    put_test(&event, &turn->version->owner->rule.decision, &feature->result);
    put_moved(&event, &feature->result);
    if (turn->detected && feature->result.n_moved > 0) {
        (void)otc_evidence_text(feature->result.moved, feature->result.n_moved, moved, sizeof(moved));
        say(&event, "; moved most: %s", moved);
    }
    tell(&event, turn, turn->detected ? "ml.drift.detected" : "ml.drift.resolved");
}

void
drift_event_model(const struct drift_turn *turn, const struct drift_verdict *verdict)
{
    struct event event = {.n = 0};

    put_origin(&event, turn);
    put(&event, OTC_ATTR_INT("ml.drift.features.drifted", (int64_t)verdict->drifted));
    put(&event, OTC_ATTR_INT("ml.drift.features.monitored", (int64_t)turn->binding->n));
    say(&event, "Model %.*s %s: %zu of %zu features", OTC_SLICE_ARG(turn->version->model->name),
        turn->detected ? "has drifted" : "counts as drifted no more", verdict->drifted, turn->binding->n);
    tell(&event, turn, turn->detected ? "ml.drift.model.detected" : "ml.drift.model.resolved");
}
