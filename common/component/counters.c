// SPDX-License-Identifier: Apache-2.0
#include "common/component/counters.h"

/* Names by signal; spelled out so that they can be searched for. */
static const struct otc_instrument accepted_of[OTC_N_SIGNALS] = {
    {"otelcol_receiver_accepted_spans", "{spans}", "Number of spans successfully pushed into the pipeline.",
     OTC_COUNTER},
    {"otelcol_receiver_accepted_metric_points", "{datapoints}",
     "Number of metric points successfully pushed into the pipeline.", OTC_COUNTER},
    {"otelcol_receiver_accepted_log_records", "{records}",
     "Number of log records successfully pushed into the pipeline.", OTC_COUNTER},
};
static const struct otc_instrument refused_of[OTC_N_SIGNALS] = {
    {"otelcol_receiver_refused_spans", "{spans}",
     "Number of spans that could not be pushed into the pipeline.", OTC_COUNTER},
    {"otelcol_receiver_refused_metric_points", "{datapoints}",
     "Number of metric points that could not be pushed into the pipeline.", OTC_COUNTER},
    {"otelcol_receiver_refused_log_records", "{records}",
     "Number of log records that could not be pushed into the pipeline.", OTC_COUNTER},
};
static const struct otc_instrument failed_of[OTC_N_SIGNALS] = {
    {"otelcol_receiver_failed_spans", "{spans}", "Number of spans that failed within the receiver.",
     OTC_COUNTER},
    {"otelcol_receiver_failed_metric_points", "{datapoints}",
     "Number of metric points that failed within the receiver.", OTC_COUNTER},
    {"otelcol_receiver_failed_log_records", "{records}",
     "Number of log records that failed within the receiver.", OTC_COUNTER},
};
static const struct otc_instrument requests = {"otelcol_receiver_requests", "{requests}",
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
