// SPDX-License-Identifier: Apache-2.0
/* Drift of metrics with storage, killed and started again on one virtual clock: pods that come, go and
 * restart, cumulative and delta histograms, explicit and exponential, counters and gauges. What comes out is
 * what would have come out without. */
#include "common/otlp/build.h"
#include "common/stats/exponential_histogram.h"
#include "tests/harness/vllm.h"
#include "tests/scenarios/lives.h"

/* ---- Pods ----------------------------------------------------------------------------------------- */

#define PODS 5
#define EXPONENTIAL_BUCKETS 160
#define EXPONENTIAL_OFFSET (-80)

static const struct otc_metric ttft = {.name = "vllm:time_to_first_token_seconds",
                                       .type = OTC_METRIC_HISTOGRAM,
                                       .temporality = OTC_TEMPORALITY_CUMULATIVE};
static const struct otc_metric per_token = {.name = "vllm:inter_token_latency_seconds",
                                            .type = OTC_METRIC_HISTOGRAM,
                                            .temporality = OTC_TEMPORALITY_CUMULATIVE};
static const struct otc_metric per_token_formerly = {.name = "vllm:time_per_output_token_seconds",
                                                     .type = OTC_METRIC_HISTOGRAM,
                                                     .temporality = OTC_TEMPORALITY_CUMULATIVE};
static const struct otc_metric exponential = {.name = "rpc.duration",
                                              .type = OTC_METRIC_EXPONENTIAL_HISTOGRAM,
                                              .temporality = OTC_TEMPORALITY_CUMULATIVE};
static const struct otc_metric exponential_delta = {
    .name = "rpc.delta", .type = OTC_METRIC_EXPONENTIAL_HISTOGRAM, .temporality = OTC_TEMPORALITY_DELTA};
static const struct otc_metric hits = {.name = "vllm:prefix_cache_hits_total",
                                       .type = OTC_METRIC_SUM,
                                       .monotonic = true,
                                       .temporality = OTC_TEMPORALITY_CUMULATIVE};
static const struct otc_metric queries = {.name = "vllm:prefix_cache_queries_total",
                                          .type = OTC_METRIC_SUM,
                                          .monotonic = true,
                                          .temporality = OTC_TEMPORALITY_CUMULATIVE};
static const struct otc_metric waiting = {.name = "vllm:num_requests_waiting", .type = OTC_METRIC_GAUGE};

/* A server and what its counters have come to since it started. */
struct pod {
    char name[32];
    int64_t start_ns, last_ns;
    uint64_t counts[VLLM_TTFT_BOUNDS + 1], fresh[EXPONENTIAL_BUCKETS];
    uint64_t buckets[EXPONENTIAL_BUCKETS];
    uint64_t hits, queries;
    int32_t scale;
};

struct fleet {
    uint64_t random;
    const double *times;
    size_t n_times, next;
    int generation;
    struct pod pods[PODS];
};

static uint64_t
next(struct fleet *fleet)
{
    fleet->random ^= fleet->random << 13;
    fleet->random ^= fleet->random >> 7;
    fleet->random ^= fleet->random << 17;
    return fleet->random;
}

static double
uniform(struct fleet *fleet)
{
    return (double)(next(fleet) >> 11) / 9007199254740992.0;
}

/* In the place of one that is no more: a name of its own, or the same again. */
static void
start_pod(struct fleet *fleet, struct pod *pod, int64_t now, bool another)
{
    *pod = (struct pod){.start_ns = now, .last_ns = now, .scale = another ? 3 : 4};
    if (another) {
        fleet->generation++;
    }
    (void)snprintf(pod->name, sizeof(pod->name), "vllm-%d-%d", (int)(pod - fleet->pods),
                   another ? fleet->generation : 0);
}

static void
serve(struct fleet *fleet, struct pod *pod)
{
    for (int n = (int)(uniform(fleet) * 20); n > 0; n--) {
        double seconds = fleet->times[fleet->next++ * 137 % fleet->n_times];
        int64_t bucket = (int64_t)otc_exp_index(seconds, pod->scale) - EXPONENTIAL_OFFSET;

        bucket = bucket < 0 ? 0 : bucket >= EXPONENTIAL_BUCKETS ? EXPONENTIAL_BUCKETS - 1 : bucket;
        pod->counts[vllm_bucket(seconds)]++;
        pod->buckets[bucket]++;
        pod->fresh[bucket]++;
        pod->queries += 10;
        pod->hits += (uint64_t)(uniform(fleet) * 10);
    }
}

/* ---- Scrapes -------------------------------------------------------------------------------------- */

static void
send_metrics(struct lives *lives, struct otc_metrics_builder *builder)
{
    struct otc_component *component = lives->stage.component;
    struct otc_buf request = {.limit = 1 << 20};
    struct otc_error err = OTC_ERROR_INIT;
    size_t points = 0;

    assert_true(otc_metrics_builder_finish(builder, &request, &points));
    assert_int_equal(otc_consume(component->ops->input(component, OTC_METRICS),
                                 otc_batch_copy_of(OTC_METRICS, otc_buf_slice(&request), points, NULL), NULL,
                                 &err),
                     OTC_OK);
    otc_buf_release(&request);
    otc_metrics_builder_free(builder);
}

static void
add_exponential(struct otc_metrics_builder *builder, const struct otc_metric *metric,
                const struct otc_point_head *head, const struct pod *pod, const uint64_t *counts)
{
    const struct otc_exponential_value value = {.scale = pod->scale,
                                                .positive_offset = EXPONENTIAL_OFFSET,
                                                .positive = counts,
                                                .n_positive = EXPONENTIAL_BUCKETS,
                                                .has_sum = true,
                                                .sum = (double)pod->queries};

    assert_true(otc_build_exponential(builder, metric, head, &value));
}

/* All that a pod tells; the delta since it was asked last. */
static void
scrape(struct fleet *fleet, struct lives *lives, struct pod *pod)
{
    const struct otc_attribute resource[] = {OTC_ATTR_STR("service.name", "vllm"),
                                             OTC_ATTR_STR("service.instance.id", pod->name)};
    const struct otc_attribute labels[] = {
        OTC_ATTR_STR("model_name", uniform(fleet) < 0.9 ? "llama" : "qwen"),
        OTC_ATTR_STR("arm", (pod - fleet->pods) % 2 ? "canary" : "stable")};
    struct otc_metrics_builder *builder = otc_metrics_builder_new(resource, 2, "scraper", "1", 1 << 20);
    int64_t now = stage_now(&lives->stage);
    double dice = uniform(fleet);
    struct otc_point_head head = {.attributes = labels,
                                  .n_attributes = 2,
                                  /* A scraper that began anew does not know the true start. */
                                  .start_unix_nano = (uint64_t)(dice < 0.02 ? now : pod->start_ns),
                                  .time_unix_nano = (uint64_t)(dice > 0.98 ? now - 20 * OTC_SECOND : now),
                                  .flags = dice > 0.96 && dice < 0.97 ? OTC_POINT_NO_RECORDED_VALUE : 0};
    struct otc_histogram_value value = {
        .counts = pod->counts, .bounds = vllm_ttft_bounds, .n_bounds = VLLM_TTFT_BOUNDS};

    assert_non_null(builder);
    assert_true(otc_build_histogram(builder, &ttft, &head, &value));
    assert_true(otc_build_histogram(builder, &per_token_formerly, &head, &value));
    if (pod->name[5] == '1') { /* under its present name too */
        assert_true(otc_build_histogram(builder, &per_token, &head, &value));
    }
    add_exponential(builder, &exponential, &head, pod, pod->buckets);
    assert_true(otc_build_number(builder, &hits, &head, (double)pod->hits));
    assert_true(otc_build_integer(builder, &queries, &head, (int64_t)pod->queries));
    assert_true(otc_build_number(builder, &waiting, &head, floor(uniform(fleet) * 30)));
    head.start_unix_nano = (uint64_t)pod->last_ns;
    add_exponential(builder, &exponential_delta, &head, pod, pod->fresh);
    memset(pod->fresh, 0, sizeof(pod->fresh));
    pod->last_ns = now;
    send_metrics(lives, builder);
}

/* Scrapes over so much time; `lives` NULL: nobody asks the pods meanwhile. */
static void
go_on(struct fleet *fleet, struct lives *lives, bool asked, int64_t ns)
{
    for (int64_t passed = 0; passed < ns;) {
        int64_t step = (int64_t)(uniform(fleet) * 4 * OTC_SECOND), now = stage_now(&lives->stage);

        step = step < ns - passed ? step : ns - passed;
        for (size_t i = 0; i < PODS; i++) {
            struct pod *pod = &fleet->pods[i];
            double dice = uniform(fleet);

            if (pod->start_ns == 0 || dice < 0.01) {
                start_pod(fleet, pod, now - (pod->start_ns == 0 ? OTC_DAY : 0), dice < 0.005);
            }
            serve(fleet, pod);
            if (asked && uniform(fleet) < 0.7) {
                scrape(fleet, lives, pod);
            }
        }
        otc_vhost_advance(lives->stage.vhost, step);
        passed += step;
    }
}

/* ---- Runs ----------------------------------------------------------------------------------------- */

enum end { NO_END, KILLED, SHUT_DOWN };

/* What a run is: the same for the one that is interrupted and the one that is not. */
struct plan {
    const char *yaml;
    uint64_t seed;
    int64_t every_ns; /* a life */
    int64_t gap_ns;   /* nobody asks the pods for so long, in the middle of it */
    const double *times;
    size_t n_times;
};

static struct lines *
run(const struct plan *plan, enum end end, bool durable)
{
    struct fleet fleet = {.random = plan->seed, .times = plan->times, .n_times = plan->n_times};
    struct lives *lives = lives_of(OTC_METRICS, plan->yaml, durable);

    for (int64_t at = 0; at < 8 * OTC_MINUTE; at += plan->every_ns) {
        bool gap = plan->gap_ns && at <= 4 * OTC_MINUTE && at + plan->every_ns > 4 * OTC_MINUTE;

        go_on(&fleet, lives, true, plan->every_ns);
        if (end == KILLED) {
            kill_now(lives);
        } else if (end == SHUT_DOWN) {
            shut_down(lives);
        }
        if (end != NO_END && gap) { /* the process is away */
            go_on(&fleet, lives, false, plan->gap_ns);
            begin_life(lives);
        } else if (end != NO_END) {
            begin_life(lives);
        } else if (gap) { /* the network is */
            go_on(&fleet, lives, false, plan->gap_ns);
        }
    }
    return last_results(lives);
}

/* The plan without a storage, with one, and with an end of the process after each piece of it. */
static void
equals_uninterrupted(const struct plan *plan, enum end end, const char *const told[])
{
    struct lines *memory = run(plan, NO_END, false), *whole = run(plan, NO_END, true);
    struct lines *ended = run(plan, end, true);

    assert_same(memory, whole);
    assert_same(whole, ended);
    for (size_t i = 0; told[i]; i++) {
        if (count_of(ended, told[i]) == 0) {
            fail_msg("%s is not told", told[i]);
        }
    }
    free_lines(memory);
    free_lines(whole);
    free_lines(ended);
}

/* ---- The tests ------------------------------------------------------------------------------------ */

#define WATCHED(limits)                                                                                      \
    "window: {length: 2m, pane: 10s, min_observations: 50}, emit: {bins: true, p_value: true}, "             \
    "series_expiration: 3m, limits: {memory: 256MiB, versions: 9" limits "}, presets: [vllm], features: ["   \
    "{name: rpc, from: 'metric[\"rpc.duration\"]'}, {name: rpc_delta, from: 'metric[\"rpc.delta\"]'}, "      \
    "{name: load, from: 'metric[\"vllm:num_requests_waiting\"]'}, "                                          \
    "{name: hit_rate, from: 'rate(metric[\"vllm:prefix_cache_hits_total\"]) where "                          \
    "attributes[\"arm\"] == \"stable\"'}, "                                                                  \
    "{name: milliseconds, from: 'metric[\"vllm:time_to_first_token_seconds\"] * 1000'}]"
#define LEARNED "reference: {learn: {observations: 4000, duration: 60s}}, " WATCHED("")
/* The end of what a partial window says, and that features of each kind were compared. */
static const char *const told[] = {"ml.drift.ks ml.model.name=llama ml.feature.name=time_to_first_token",
                                   "ml.drift.ks ml.model.name=llama ml.feature.name=inter_token_latency",
                                   "ml.drift.ks ml.model.name=llama ml.feature.name=rpc ",
                                   "ml.drift.ks ml.model.name=llama ml.feature.name=rpc_delta",
                                   "ml.drift.ks ml.model.name=llama ml.feature.name=prefix_cache_hit_ratio",
                                   "ml.drift.ks ml.model.name=llama ml.feature.name=load",
                                   "ml.drift.ks ml.model.name=llama ml.feature.name=hit_rate",
                                   "ml.drift.ks ml.model.name=llama ml.feature.name=milliseconds",
                                   NULL};

static double synthetic_times[500];

/* The load test's times where its data is, else of the same sort. */
static struct plan
plan_of(const char *yaml, uint64_t seed, int64_t every_ns, int64_t gap_ns)
{
    struct plan plan = {yaml, seed, every_ns, gap_ns, synthetic_times, 500};
    struct fleet dice = {.random = 88172645463325252};

    if (vllm_first_chunk_times(2000, synthetic_times) != 500) {
        for (size_t i = 0; i < 500; i++) {
            synthetic_times[i] = 0.02 - 0.5 * log(1 - uniform(&dice));
        }
    }
    return plan;
}

static void
killed_and_resumed_equals_uninterrupted(void **state)
{
    const struct plan plan = plan_of(LEARNED, 7919, 15 * OTC_SECOND, 0);

    (void)state;
    equals_uninterrupted(&plan, KILLED, told);
}

static void
shut_down_and_resumed_equals_uninterrupted(void **state)
{
    const struct plan plan = plan_of(LEARNED, 4711, 45 * OTC_SECOND, 0);

    (void)state;
    equals_uninterrupted(&plan, SHUT_DOWN, told);
}

/* The pods go on while the process is away, and some restart: what they counted meanwhile is counted with the
 * first scrape after it, as it would be had the network been away. The longer gap is one in which streams
 * expire. */
static void
a_gap_equals_one_of_the_network(void **state)
{
    static const char *const compared[] = {"ml.drift.ks ", "ml.drift.versions.forgotten ", NULL};
    const struct plan brief = plan_of(LEARNED, 271828, 15 * OTC_SECOND, 45 * OTC_SECOND);
    const struct plan long_one = plan_of(LEARNED, 314159, 30 * OTC_SECOND, 4 * OTC_MINUTE);

    (void)state;
    equals_uninterrupted(&brief, KILLED, told);
    equals_uninterrupted(&long_one, SHUT_DOWN, compared);
}

/* More streams than there is room for: the same ones are left out. */
static void
the_same_streams_find_no_room(void **state)
{
    static const char *const no_room[] = {"ml.drift.ks ", "reason=streams", NULL};
    const struct plan plan =
        plan_of("reference: {learn: {observations: 1000, duration: 60s}}, " WATCHED(", streams: 30"), 31337,
                15 * OTC_SECOND, 0);

    (void)state;
    equals_uninterrupted(&plan, KILLED, no_room);
}

static void
references_that_move_last(void **state)
{
    static const char *const moved[] = {"ml.drift.ks ", "ml.feature.bin.reference ", NULL};
    static const char *const yaml[] = {
        "reference: {trailing: {offset: 3m}, grid_observations: 1000}, " WATCHED(""),
        "reference: {arm: {attribute: arm, baseline: stable}, grid_observations: 1000}, " WATCHED("")};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        const struct plan plan = plan_of(yaml[i], 1618 + i, 15 * OTC_SECOND, 0);

        equals_uninterrupted(&plan, KILLED, moved);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_and_resumed_equals_uninterrupted),
        cmocka_unit_test(shut_down_and_resumed_equals_uninterrupted),
        cmocka_unit_test(a_gap_equals_one_of_the_network),
        cmocka_unit_test(the_same_streams_find_no_room),
        cmocka_unit_test(references_that_move_last),
    };

    return cmocka_run_group_tests_name("restart_metrics", tests, scratch_setup, scratch_teardown);
}
