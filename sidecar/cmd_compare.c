// SPDX-License-Identifier: Apache-2.0
#include "sidecar/commands.h"
#include "sidecar/compare_compat.h"
#include "sidecar/compare_run.h"

#include <unistd.h>

/** Colours: on a terminal that has them, unless NO_COLOR says otherwise (no-color.org). */
static bool
wants_color(void)
{
    const char *no_color = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");

    return isatty(STDOUT_FILENO) && !(no_color && *no_color) && !(terminal && strcmp(terminal, "dumb") == 0);
}

static bool
print(const struct otc_comparison *comparison, enum otc_compare_format format)
{
    switch (format) {
    case OTC_COMPARE_TABLE:
        return otc_comparison_print(comparison, wants_color(), stdout);
    case OTC_COMPARE_JSON:
        return otc_comparison_print_json(comparison, stdout);
    }
    return false;
}

int
otc_cmd_compare(int argc, char **argv)
{
    static struct otc_compare_options options; /* lists of a thousand names */
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_compare_run run;
    int exit_code = OTC_EXIT_DONE;

    if (!otc_compare_options_read(&options, argc, argv, &exit_code)) {
        return exit_code;
    }
    if (options.compat != OTC_COMPAT_NONE) {
        return otc_compare_compat(&options);
    }
    if (otc_compare(&run, &options, &err) != OTC_OK) {
        exit_code = otc_command_failed(&err);
    } else if (!print(&run.comparison, options.format)) {
        (void)fputs("error: the result could not be written\n", stderr);
        exit_code = OTC_EXIT_FAILED;
    } else if (options.fail_on_drift && otc_comparison_drifted(&run.comparison) > 0) {
        exit_code = OTC_EXIT_DRIFT;
    }
    otc_compare_release(&run);
    return exit_code;
}
