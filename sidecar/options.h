// SPDX-License-Identifier: Apache-2.0
/** @file Options of the offline commands: "--name value", "--name=value", flags, lists with commas or
 * repeated. */
#ifndef OTC_SIDECAR_OPTIONS_H
#define OTC_SIDECAR_OPTIONS_H

#include "common/base/slice.h"
#include "common/base/status.h"

#include <stdio.h>

/** Exit codes of the offline commands. */
#define OTC_EXIT_DONE 0
#define OTC_EXIT_FAILED 1
#define OTC_EXIT_USAGE 2
#define OTC_EXIT_DRIFT 3

#define OTC_OPTION_LIST_MAX 1000

/** Values of an option that may be given several times; borrows from argv. */
struct otc_option_list {
    struct otc_slice items[OTC_OPTION_LIST_MAX];
    size_t n;
};

/** One option: exactly one of the three targets is set. The table ends with a NULL name. */
struct otc_option {
    const char *name;  /* without the dashes */
    const char *value; /* what the help calls the value; NULL for flags */
    const char *help;
    bool *flag;
    const char **text;
    struct otc_option_list *list;
};

/** A command as its help shows it. */
struct otc_command {
    const char *usage; /* "compare --reference FILE --current FILE [options]" */
    const char *description;
    const struct otc_option *options;
    size_t max_arguments; /* words that are no options */
};

/**
 * Reads argv[1…]. True: go on, with the words that are no options in `arguments` (room for max_arguments).
 * False: end with
 * `*exit_code`, help or the error has been printed.
 */
bool otc_options_read(const struct otc_command *command, int argc, char **argv, const char **arguments,
                      int *exit_code);
/** Prints "error: …" and where to find help; returns OTC_EXIT_USAGE. */
int otc_usage_error(const struct otc_command *command, const char *format, ...) OTC_PRINTF(2, 3);
/** Prints "error: …" and returns the exit code for `status`: 2 for unreadable input, else 1. */
int otc_command_failed(const struct otc_error *err);
/** True when the list holds the text; blanks around what the list says may be there by habit ("a, b"). */
bool otc_option_list_has(const struct otc_option_list *list, struct otc_slice text);

#endif
