// SPDX-License-Identifier: Apache-2.0
/** @file The command line of the service: `run`, `validate`, `components`, `print-config`, `docs`. */
#ifndef OTC_SIDECAR_CLI_H
#define OTC_SIDECAR_CLI_H

#include "sidecar/service.h"

#define OTC_LOCATIONS_MAX 64u
#define OTC_GATE_LISTS_MAX 8u

/** What the options of a service command say. Strings are borrowed from argv, or owned by `texts`. */
struct otc_cli {
    /** --config in order, then --set in order. */
    const char *locations[2 * OTC_LOCATIONS_MAX];
    size_t n_locations;
    size_t n_configs;
    struct otc_buf texts[OTC_LOCATIONS_MAX];
    size_t n_texts;
    /** Lists of --feature-gates. */
    const char *gates[OTC_GATE_LISTS_MAX];
    size_t n_gates;
    bool help;
    bool version;
    bool explain;
    bool json;
    bool unredacted;
    bool validate;
};

/** Options a command knows besides --config, --set, --feature-gates and --help. */
enum otc_cli_options { OTC_CLI_VERSION = 1, OTC_CLI_EXPLAIN = 2, OTC_CLI_PRINT = 4 };

/** Reads argv[1…]; `known` is a set of otc_cli_options. INVALID_ARGUMENT "unknown flag: --x". */
OTC_CHECK otc_status otc_cli_read(struct otc_cli *cli, int argc, char **argv, unsigned known,
                                  struct otc_error *err);
void otc_cli_release(struct otc_cli *cli);

/** A loaded configuration; ended with otc_loaded_release. */
struct otc_loaded {
    struct otc_document *document;
    struct otc_service_config *config;
};

/** Loads, merges and expands what the options name, in the process's environment. "failed to get config: …".
 */
OTC_CHECK otc_status otc_cli_resolve(const struct otc_cli *cli, struct otc_document **out,
                                     struct otc_error *err);
/**
 * Resolves and decodes what the options name, against the binary's registry and the process's environment.
 * "failed to get config: …"; FAILED_PRECONDITION: as otc_service_config_validate.
 */
OTC_CHECK otc_status otc_cli_load(const struct otc_cli *cli, struct otc_loaded *out, struct otc_error *err);
void otc_loaded_release(struct otc_loaded *loaded);

/** The commands; argv[0] is the command's name. They return the exit code. */
int otc_cmd_run(int argc, char **argv);
int otc_cmd_validate(int argc, char **argv);
int otc_cmd_components(int argc, char **argv);
int otc_cmd_print_config(int argc, char **argv);
int otc_cmd_docs(int argc, char **argv);

#endif
