// SPDX-License-Identifier: Apache-2.0
#include "common/component/counters.h"

const double otc_size_bounds[OTC_N_SIZE_BOUNDS] = {10,   25,    50,    75,    100,   250,   500,  750,
                                                   1000, 2000,  3000,  4000,  5000,  6000,  7000, 8000,
                                                   9000, 10000, 20000, 30000, 50000, 100000};
const double otc_bytes_bounds[OTC_N_BYTES_BOUNDS] = {128,    256,     512,     1024,    2048,    4096,
                                                     8192,   16384,   32768,   65536,   131072,  262144,
                                                     524288, 1048576, 2097152, 4194304, 8388608, 16777216};

/* Names by signal; spelled out so that they can be searched for. */
static const struct otc_instrument accepted_of[OTC_N_SIGNALS] = {
    {"otelcol_receiver_accepted_spans", "{span}", "Number of spans successfully pushed into the pipeline.",
     OTC_COUNTER},
    {"otelcol_receiver_accepted_metric_points", "{datapoint}",
     "Number of metric points successfully pushed into the pipeline.", OTC_COUNTER},
    {"otelcol_receiver_accepted_log_records", "{record}",
     "Number of log records successfully pushed into the pipeline.", OTC_COUNTER},
};
static const struct otc_instrument refused_of[OTC_N_SIGNALS] = {
    {"otelcol_receiver_refused_spans", "{span}",
     "Number of spans that could not be pushed into the pipeline.", OTC_COUNTER},
    {"otelcol_receiver_refused_metric_points", "{datapoint}",
     "Number of metric points that could not be pushed into the pipeline.", OTC_COUNTER},
    {"otelcol_receiver_refused_log_records", "{record}",
     "Number of log records that could not be pushed into the pipeline.", OTC_COUNTER},
};
static const struct otc_instrument failed_of[OTC_N_SIGNALS] = {
    {"otelcol_receiver_failed_spans", "{span}", "Number of spans that failed within the receiver.",
     OTC_COUNTER},
    {"otelcol_receiver_failed_metric_points", "{datapoint}",
     "Number of metric points that failed within the receiver.", OTC_COUNTER},
    {"otelcol_receiver_failed_log_records", "{record}",
     "Number of log records that failed within the receiver.", OTC_COUNTER},
};
static const struct otc_instrument requests = {"otelcol_receiver_requests", "{request}",
                                               "Number of requests by outcome.", OTC_COUNTER};

void
otc_receiver_counters_init(struct otc_receiver_counters *counters, struct otc_meter *meter, const char *id,
                           const char *transport, enum otc_signal signal)
{
    struct otc_label labels[] = {{"receiver", id}, {"transport", transport}, {"outcome", NULL}};

    counters->meter = meter;
    counters->accepted = otc_meter_series(meter, &accepted_of[signal], labels, 2);
    counters->refused = otc_meter_series(meter, &refused_of[signal], labels, 2);
    counters->failed = otc_meter_series(meter, &failed_of[signal], labels, 2);
    labels[2].value = "success";
    counters->requests_accepted = otc_meter_series(meter, &requests, labels, 3);
    labels[2].value = "refused";
    counters->requests_refused = otc_meter_series(meter, &requests, labels, 3);
    labels[2].value = "failure";
    counters->requests_failed = otc_meter_series(meter, &requests, labels, 3);
}

void
otc_receiver_count(const struct otc_receiver_counters *counters, size_t items, otc_status status)
{
    struct otc_count counts[2] = {{counters->refused, (int64_t)items}, {counters->requests_refused, 1}};

    if (status == OTC_OK) {
        counts[0].series = counters->accepted;
        counts[1].series = counters->requests_accepted;
    } else if (status == OTC_INVALID_ARGUMENT || status == OTC_INTERNAL || status == OTC_UNKNOWN ||
               status == OTC_UNIMPLEMENTED) {
        counts[0].series = counters->failed;
        counts[1].series = counters->requests_failed;
    }
    otc_meter_add(counters->meter, counts, 2);
}
