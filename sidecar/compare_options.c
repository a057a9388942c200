// SPDX-License-Identifier: Apache-2.0
#include "sidecar/compare_decision.h"

#include <strings.h>

static bool
read_statistics(const struct otc_command *command, struct otc_compare_options *options)
{
    const struct otc_option_list *list = &options->texts.statistics;
    char names[512];

    for (size_t i = 0; i < list->n; i++) {
        if (!otc_statistic_set_add(&options->statistics, list->items[i])) {
            otc_statistic_names(names, sizeof(names));
            (void)otc_usage_error(command, "--statistic: '%.*s' is not allowed (%s)",
                                  OTC_SLICE_ARG(list->items[i]), names);
            return false;
        }
    }
    return true;
}

static bool
read_windows(const struct otc_command *command, struct otc_compare_options *options)
{
    static const char *const words[] = {"keep", "drop", "append", NULL}; /* as enum otc_incomplete */
    struct otc_error err = OTC_ERROR_INIT;
    const char *windows = options->texts.windows ? options->texts.windows : "2 of 3";
    unsigned incomplete;

    if (!options->texts.window) {
        const char *needs = options->texts.windows       ? "windows"
                            : options->texts.incomplete  ? "incomplete"
                            : options->reference_windows ? "reference-windows"
                                                         : NULL;

        if (needs) {
            (void)otc_usage_error(command, "--%s goes with --window", needs);
        }
        return !needs;
    }
    if (otc_chunk_parse(otc_slice_str(options->texts.window), &options->chunk_rule, &err) != OTC_OK) {
        (void)otc_usage_error(command, "--window: %s", err.text);
        return false;
    }
    if (otc_k_of_n_parse(windows, &options->k, &options->n, &err) != OTC_OK) {
        (void)otc_usage_error(command, "--windows: %s", err.text);
        return false;
    }
    if (!otc_compare_read_word(command, "incomplete", options->texts.incomplete, words, &incomplete)) {
        return false;
    }
    options->incomplete = (enum otc_incomplete)incomplete;
    return true;
}

static bool
read_detectors(const struct otc_command *command, struct otc_compare_options *options)
{
    const struct otc_option_list *list = &options->texts.detectors;
    struct otc_error err = OTC_ERROR_INIT;

    for (size_t i = 0; i < list->n; i++) {
        if (otc_detect_rule_add(&options->detectors, list->items[i], &err) != OTC_OK) {
            (void)otc_usage_error(command, "--detector: %s", err.text);
            return false;
        }
    }
    return true;
}

static bool
read_compat(const struct otc_command *command, struct otc_compare_options *options)
{
    const char *name = options->texts.compat;

    if (name && !otc_compat_parse(otc_slice_str(name), &options->compat)) {
        (void)otc_usage_error(
            command, "--compat: '%s' is not allowed (none, evidently, nannyml, frouros, popmon, scouter)",
            name);
        return false;
    }
    if (name && options->compat != OTC_COMPAT_NONE && options->format == OTC_COMPARE_HTML) {
        (void)otc_usage_error(command, "--compat %s has no HTML report: --format table or json", name);
        return false;
    }
    return true;
}

/** The form that the name of --output asks for; false after saying which endings there are. */
static bool
format_of_name(const struct otc_command *command, const char *path, unsigned *format)
{
    static const struct {
        const char *ending;
        enum otc_compare_format format;
    } endings[] = {{".html", OTC_COMPARE_HTML},
                   {".htm", OTC_COMPARE_HTML},
                   {".json", OTC_COMPARE_JSON},
                   {".txt", OTC_COMPARE_TABLE}};
    const char *slash = strrchr(path, '/');
    const char *dot = strrchr(slash ? slash : path, '.');

    *format = OTC_COMPARE_TABLE;
    for (size_t i = 0; dot && i < sizeof(endings) / sizeof(endings[0]); i++) {
        if (strcasecmp(dot, endings[i].ending) == 0) {
            *format = endings[i].format;
            return true;
        }
    }
    if (dot) {
        (void)otc_usage_error(
            command,
            "--output: '%s' is no ending that says what to write (.html, .htm, .json, .txt): "
            "say it with --format",
            dot);
    }
    return !dot;
}

/** Without a reference there are detectors alone, and nothing to judge; false after saying what needs one. */
static bool
check_alone(const struct otc_command *command, const struct otc_compare_options *options)
{
    const struct {
        const char *name;
        bool set;
    } needs[] = {{"window", options->texts.window},
                 {"compat", options->texts.compat},
                 {"statistic", options->texts.statistics.n > 0},
                 {"rule", options->texts.rule},
                 {"threshold", options->texts.thresholds.n > 0},
                 {"correction", options->texts.correction},
                 {"false-alarms", options->texts.false_alarms},
                 {"level", options->texts.level},
                 {"psi-empty", options->texts.psi_empty},
                 {"min-effect", options->texts.min_effects.n > 0},
                 {"min-observations", options->texts.min_observations},
                 {"dependence", options->texts.dependence},
                 {"fail-on-drift", options->fail_on_drift},
                 {"format html", options->format == OTC_COMPARE_HTML}};

    if (options->calibrate || options->reference) {
        return true;
    }
    for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
        if (needs[i].set) {
            (void)otc_usage_error(command, "--%s needs --reference", needs[i].name);
            return false;
        }
    }
    return true;
}

static bool
check_calibration(const struct otc_command *command, const struct otc_compare_options *options)
{
    const char *wrong = !options->calibrate ? NULL
                        : options->k > 0 && options->chunk_rule.unit != OTC_CHUNK_ROWS
                            ? "--calibrate takes windows of rows: --window 1000"
                        : options->format == OTC_COMPARE_HTML ? "--calibrate has no HTML report"
                        : options->compat != OTC_COMPAT_NONE  ? "--calibrate goes not with --compat"
                        : options->decision.rule == OTC_RULE_THRESHOLDS
                            ? "--calibrate looks for a level: not with --rule thresholds"
                        : options->fail_on_drift ? "--calibrate looks for no drift: not with --fail-on-drift"
                                                 : NULL;

    if (wrong) {
        (void)otc_usage_error(command, "%s", wrong);
    }
    return !wrong;
}

/** The sides, and everything else that comes as text. */
static bool
read_texts(const struct otc_command *command, struct otc_compare_options *options)
{
    static const char *const formats[] = {"table", "json", "html", NULL};
    static const char *const dependences[] = {"panes", "none", NULL};
    unsigned format, dependence;

    if (options->calibrate && (options->reference || options->current || options->input.texts.n > 0 ||
                               options->input.embeddings.n > 0)) {
        (void)otc_usage_error(command, "--calibrate takes one table: not with --%s",
                              options->reference           ? "reference"
                              : options->current           ? "current"
                              : options->input.texts.n > 0 ? "text"
                                                           : "embedding");
        return false;
    }
    if (!options->calibrate &&
        (!options->current || (!options->reference && options->texts.detectors.n == 0))) {
        (void)otc_usage_error(command, "--%s is missing",
                              options->reference || options->texts.detectors.n > 0 ? "current" : "reference");
        return false;
    }
    if (!options->calibrate && options->reference && strcmp(options->reference, "-") == 0 &&
        strcmp(options->current, "-") == 0) {
        (void)otc_usage_error(command, "only one of the tables can be standard input");
        return false;
    }
    if (!otc_compare_read_word(command, "format", options->texts.format, formats, &format) ||
        !otc_compare_read_word(command, "dependence", options->texts.dependence, dependences, &dependence)) {
        return false;
    }
    if (!options->texts.format && options->output && !format_of_name(command, options->output, &format)) {
        return false;
    }
    options->format = (enum otc_compare_format)format;
    options->independent = dependence == 1;
    return check_alone(command, options) && read_compat(command, options) &&
           read_statistics(command, options) && read_detectors(command, options) &&
           read_windows(command, options) && otc_compare_read_decision(command, options) &&
           check_calibration(command, options);
}

bool
otc_compare_options_read(struct otc_compare_options *options, int argc, char **argv, int *exit_code)
{
    const struct otc_option table[] = {
        {"reference", "FILE",
         "a reference file, or a table: CSV with a header, JSON lines; --detector alone needs none",
         .text = &options->reference},
        {"current", "FILE", "the table to judge, - for standard input", .text = &options->current},
        {"calibrate", "FILE",
         "in place of both: how often this decision raises false alarms in windows of this table, each "
         "compared with the other rows",
         .text = &options->calibrate},
        {"format", "table|json|html", "the form of the result (that of --output's name, else table)",
         .text = &options->texts.format},
        {"output", "FILE", "where the result goes: report.html, result.json (standard output)",
         .text = &options->output},
        {"statistic", "a,b", "tell these alone: ks, psi, wasserstein … (verdicts do not depend on it)",
         .list = &options->texts.statistics},
        {"rule", "tests|thresholds", "what decides: p-values and effects, or values alone (tests)",
         .text = &options->texts.rule},
        {"threshold", "NAME=X", "drifted from this value on, with --rule thresholds: psi=0.2,wasserstein=0.1",
         .list = &options->texts.thresholds},
        {"correction", "NAME",
         "of the p-values: benjamini_hochberg, benjamini_yekutieli, bonferroni, none (benjamini_hochberg)",
         .text = &options->texts.correction},
        {"false-alarms", "1/week",
         "false incidents that are accepted, in place of a level; with --window 1h (or longer)",
         .text = &options->texts.false_alarms},
        {"psi-empty", "RULE[=X]", "empty bins in the PSI told: laplace=0.5, clip=0.0001, epsilon=0.0001",
         .text = &options->texts.psi_empty},
        {"level", "X", "level of the adjusted p-values (0.01)", .text = &options->texts.level},
        {"min-effect", "TEST=X",
         "smallest effect that counts: ks=0.08,psi=0.05,total_variation=0.1,missing=0.05",
         .list = &options->texts.min_effects},
        {"min-observations", "N", "values a feature needs to be tested (0)",
         .text = &options->texts.min_observations},
        {"columns", "a,b", "only these columns", .list = &options->input.columns},
        {"categorical", "a,b", "columns whose numbers are categories", .list = &options->input.categorical},
        {"text", "a,b", "columns of texts, watched by length, words, characters and vocabulary",
         .list = &options->input.texts},
        {"embedding", "a,b", "columns of vectors (JSON lists), watched by norm and distance to the mean",
         .list = &options->input.embeddings},
        {"prediction", "a,b", "columns that are predictions", .list = &options->input.predictions},
        {"timestamp", "COLUMN", "the column that orders the rows, in either table",
         .text = &options->input.timestamp},
        {"dependence", "panes|none",
         "panes: p-values allow for rows that resemble their neighbours; none: rows are independent (panes)",
         .text = &options->texts.dependence},
        {"window", "N|1d|M", "also window by window: N rows, a span of time, or a month (H D W M Q Y)",
         .text = &options->texts.window},
        {"windows", "K of N", "detected: drifted now and in K of the last N windows (2 of 3)",
         .text = &options->texts.windows},
        {"incomplete", "keep|drop|append", "a last window that the rows do not fill (keep)",
         .text = &options->texts.incomplete},
        {"reference-windows", NULL, "the windows of the reference table too",
         .flag = &options->reference_windows},
        {"detector", "TYPE:NAME=X,…",
         "where the rows change, in their order: adwin, page_hinkley, cusum, ddm, eddm, hddm_a, hddm_w, "
         "kswin",
         .list = &options->texts.detectors},
        {"compat", "NAME",
         "judge as evidently, nannyml, frouros, popmon or scouter would, with their numbers",
         .text = &options->texts.compat},
        {"fail-on-drift", NULL, "exit with 3 when a feature drifted", .flag = &options->fail_on_drift},
        {.name = NULL}};
    const struct otc_command command = {
        "compare --reference FILE --current FILE [options]",
        "Compares a table with a reference, feature by feature, as the drift connector does.", table, 0};

    *options = (struct otc_compare_options){0};
    if (!otc_options_read(&command, argc, argv, NULL, exit_code)) {
        return false;
    }
    if (!read_texts(&command, options)) {
        *exit_code = OTC_EXIT_USAGE;
        return false;
    }
    return true;
}
