// SPDX-License-Identifier: Apache-2.0
#include "sidecar/gates.h"

#include <stdio.h>
#include <string.h>

/* Gates of components that are not here, or of Go's workings, mean nothing here and are not listed. */
const struct otc_gate otc_gates[] = {
    {"confmap.enableMergeAppendOption", false, "Alpha",
     "Lists of several configurations are appended instead of replaced"},
    {"confmap.newExpandedValueSanitizer", true, "Stable", "Values of references keep their original text"},
    {"confmap.strictlyTypedInput", true, "Stable", "A value of the wrong type is an error"},
    {"confmap.unifyEnvVarExpansion", true, "Stable", "${NAME} stands for ${env:NAME}, and $NAME for itself"},
    {"exporter.prometheusremotewritexporter.EnableMultipleWorkers", false, "Alpha",
     "Series may be sent by several workers at once, and out of order"},
    {"exporter.prometheusremotewritexporter.RetryOn429", true, "Alpha", "429 Too Many Requests is retried"},
    {"otelcol.printInitialConfig", true, "Beta", "The command print-config"},
    {"pkg.exporterhelper.queueBatchEnabled", false, "Alpha", "sending_queue::batch is on by default"},
    {"service.AllowNoPipelines", false, "Alpha", "A service without pipelines may run"},
    {"service.noopTracerProvider", true, "Alpha", "The service records no spans of its own"},
    {"service.profilesSupport", false, "Alpha", "Pipelines of profiles"},
    {"telemetry.UseLocalHostAsDefaultMetricsAddress", true, "Stable", "Metrics are served on localhost"},
    {"telemetry.newPipelineTelemetry", false, "Alpha", "Metrics otelcol.*.produced and consumed.items"},
    {NULL, false, NULL, NULL},
};

const struct otc_gate *
otc_gate_find(struct otc_slice id)
{
    for (const struct otc_gate *gate = otc_gates; gate->id != NULL; gate++) {
        if (otc_slice_equal_str(id, gate->id)) {
            return gate;
        }
    }
    return NULL;
}

static void
log_gate(struct otc_slice id, bool enable, struct otc_logger *logger)
{
    const struct otc_gate *gate = otc_gate_find(id);

    if (gate == NULL) {
        otc_log(logger, OTC_LOG_WARN, NULL, "Feature gate is not known here and has no effect",
                OTC_FIELD_SLICE("id", id));
    } else if (gate->enabled != enable) {
        otc_log(logger, OTC_LOG_WARN, NULL, "Feature gate cannot be switched here", OTC_FIELD_SLICE("id", id),
                OTC_FIELD_TEXT("enabled", gate->enabled ? "true" : "false"));
    }
}

void
otc_gates_log(const char *list, struct otc_logger *logger)
{
    while (*list != '\0') {
        struct otc_slice id = otc_slice_of(list, strcspn(list, ","));
        bool enable = *list != '-';

        list += id.len + (list[id.len] == ',');
        if (id.len > 0 && (id.data[0] == '-' || id.data[0] == '+')) {
            id = otc_slice_skip(id, 1);
        }
        if (id.len > 0) {
            log_gate(id, enable, logger);
        }
    }
}

static void
print_gate(const struct otc_gate *gate)
{
    printf("%-62s %-8s %-7s %s\n", gate->id, gate->enabled ? "true" : "false", gate->stage,
           gate->description);
}

int
otc_cmd_featuregate(int argc, char **argv)
{
    const struct otc_gate *one = NULL;

    if (argc > 2 || (argc == 2 && argv[1][0] == '-')) {
        (void)fprintf(argc == 2 && strcmp(argv[1], "--help") == 0 ? stdout : stderr,
                      "Usage: otelcol-aimon featuregate [ID]\n");
        return argc == 2 && strcmp(argv[1], "--help") == 0 ? 0 : 1;
    }
    if (argc == 2) {
        one = otc_gate_find(otc_slice_str(argv[1]));
        if (one == NULL) {
            (void)fprintf(stderr, "Error: feature \"%s\" not found\n", argv[1]);
            return 1;
        }
    }
    printf("%-62s %-8s %-7s %s\n", "ID", "Enabled", "Stage", "Description");
    if (one != NULL) {
        print_gate(one);
        return 0;
    }
    for (const struct otc_gate *gate = otc_gates; gate->id != NULL; gate++) {
        print_gate(gate);
    }
    return 0;
}
