// SPDX-License-Identifier: Apache-2.0
/* otelcol-aimon: the command line. */
#include "sidecar/cli.h"
#include "sidecar/commands.h"
#include "sidecar/gates.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"validate", otc_cmd_validate},
    {"components", otc_cmd_components},
    {"featuregate", otc_cmd_featuregate},
    {"print-config", otc_cmd_print_config},
    {"print-initial-config", otc_cmd_print_config},
    {"docs", otc_cmd_docs},
    {"reference", otc_cmd_reference},
    {"compare", otc_cmd_compare},
    {"replay", otc_cmd_replay},
};

int
main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            return commands[i].run(argc - 1, argv + 1);
        }
    }
    return otc_cmd_run(argc, argv);
}
