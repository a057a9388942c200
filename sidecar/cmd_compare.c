// SPDX-License-Identifier: Apache-2.0
#include "common/base/clock.h"
#include "common/base/now.h"
#include "sidecar/cmd_calibrate.h"
#include "sidecar/commands.h"
#include "sidecar/compare_compat.h"
#include "sidecar/compare_run.h"
#include "sidecar/output.h"
#include "sidecar/report.h"

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
print(const struct otc_comparison *comparison, enum otc_compare_format format, FILE *to)
{
    switch (format) {
    case OTC_COMPARE_TABLE:
        return otc_comparison_print(comparison, to == stdout && wants_color(), to);
    case OTC_COMPARE_JSON:
        return otc_comparison_print_json(comparison, to);
    case OTC_COMPARE_HTML:
        return otc_report_write(comparison, otc_clock_unix_ns(), to);
    }
    return false;
}

/** Prints the result and says in one line where it is, when that is a file. */
static otc_status
write_result(const struct otc_comparison *comparison, const struct otc_compare_options *options,
             struct otc_error *err)
{
    struct otc_output output;
    otc_status status = otc_output_open(&output, options->output, err);
    bool written;

    if (status != OTC_OK) {
        return status;
    }
    written = print(comparison, options->format, output.file);
    status = otc_output_close(&output, written, err);
    if (status == OTC_OK && !written) {
        status = otc_fail(err, OTC_UNAVAILABLE, "the result could not be written");
    }
    if (status == OTC_OK && output.temporary[0] && !options->reference) {
        (void)printf("written to %s\n", options->output);
    } else if (status == OTC_OK && output.temporary[0]) {
        (void)printf("%zu of %zu features drifted; written to %s\n", otc_comparison_drifted(comparison),
                     comparison->n_features, options->output);
    }
    return status;
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
    if (options.calibrate) {
        return otc_compare_calibrate(&options);
    }
    if (options.compat != OTC_COMPAT_NONE) {
        return otc_compare_compat(&options);
    }
    if (otc_compare(&run, &options, &err) != OTC_OK ||
        write_result(&run.comparison, &options, &err) != OTC_OK) {
        exit_code = otc_command_failed(&err);
    } else if (options.fail_on_drift && otc_comparison_drifted(&run.comparison) > 0) {
        exit_code = OTC_EXIT_DRIFT;
    }
    otc_compare_release(&run);
    return exit_code;
}
