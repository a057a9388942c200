// SPDX-License-Identifier: Apache-2.0
#include "sidecar/options.h"

#include "sidecar/screen.h"

#include <stdarg.h>
#include <stdio.h>

/** Columns of the help: of the options' names, and of all. */
#define NAMES_WIDTH 29
#define HELP_WIDTH 80

static void
print_option(const char *left, const char *help)
{
    size_t columns = (size_t)printf("  %s", left) - strlen(left) + otc_screen_columns(left);

    if (columns >= NAMES_WIDTH) {
        (void)putchar('\n');
        columns = 0;
    }
    (void)printf("%*s", (int)(NAMES_WIDTH - columns), "");
    otc_screen_wrap(help, NAMES_WIDTH, NAMES_WIDTH, HELP_WIDTH, stdout);
}

static void
print_help(const struct otc_command *command)
{
    (void)printf("Usage: otelcol-aimon %s\n\n", command->usage);
    otc_screen_wrap(command->description, 0, 0, HELP_WIDTH, stdout);
    (void)fputs("\nOptions:\n", stdout);
    for (const struct otc_option *option = command->options; option->name; option++) {
        char left[64];

        (void)snprintf(left, sizeof(left), "--%s%s%s", option->name, option->value ? " " : "",
                       option->value ? option->value : "");
        print_option(left, option->help);
    }
    print_option("--help", "this text");
}

/** Length of the words that name the command at the beginning of its usage: "reference build". */
static size_t
command_words(const char *usage)
{
    size_t words = 0;

    for (size_t end = 0;; end++) {
        end += strspn(usage + end, "abcdefghijklmnopqrstuvwxyz-");
        if (usage[end] != ' ' && usage[end] != 0) {
            return words;
        }
        words = end;
        if (usage[end] == 0 || usage[end + 1] == '-') {
            return words;
        }
    }
}

int
otc_usage_error(const struct otc_command *command, const char *format, ...)
{
    size_t words = command_words(command->usage);
    va_list args;

    (void)fputs("error: ", stderr);
    va_start(args, format);
    (void)vfprintf(stderr, format, args);
    va_end(args);
    (void)fprintf(stderr, "\nUsage: otelcol-aimon %s\nTry `otelcol-aimon %.*s --help`.\n", command->usage,
                  (int)words, command->usage);
    return OTC_EXIT_USAGE;
}

int
otc_command_failed(const struct otc_error *err)
{
    (void)fprintf(stderr, "error: %s\n", err->text);
    return err->status == OTC_INVALID_ARGUMENT || err->status == OTC_NOT_FOUND ? OTC_EXIT_USAGE
                                                                               : OTC_EXIT_FAILED;
}

bool
otc_option_list_has(const struct otc_option_list *list, struct otc_slice text)
{
    for (size_t i = 0; i < list->n; i++) {
        if (otc_slice_equal(list->items[i], text) || otc_slice_equal(otc_slice_trim(list->items[i]), text)) {
            return true;
        }
    }
    return false;
}

/** Splits at commas; false when the list is full or a part is empty. */
static bool
add_to_list(struct otc_option_list *list, const char *value)
{
    for (;;) {
        size_t len = strcspn(value, ",");

        if (len == 0 || list->n == OTC_OPTION_LIST_MAX) {
            return false;
        }
        list->items[list->n++] = otc_slice_of(value, len);
        if (value[len] == 0) {
            return true;
        }
        value += len + 1;
    }
}

static const struct otc_option *
find_option(const struct otc_command *command, const char *name, size_t len)
{
    for (const struct otc_option *option = command->options; option->name; option++) {
        if (strlen(option->name) == len && memcmp(option->name, name, len) == 0) {
            return option;
        }
    }
    return NULL;
}

/** Takes one option whose first word is argv[*at]; false after printing an error. */
static bool
take_option(const struct otc_command *command, int argc, char **argv, int *at)
{
    const char *word = argv[*at] + 2;
    size_t len = strcspn(word, "=");
    const struct otc_option *option = find_option(command, word, len);
    const char *value = word[len] == '=' ? word + len + 1 : NULL;

    if (!option) {
        (void)otc_usage_error(command, "unknown option --%.*s", (int)len, word);
        return false;
    }
    if (option->flag) {
        if (value) {
            (void)otc_usage_error(command, "--%s takes no value", option->name);
            return false;
        }
        *option->flag = true;
        return true;
    }
    if (!value && *at + 1 < argc) {
        value = argv[++*at];
    }
    if (!value || *value == 0) {
        (void)otc_usage_error(command, "--%s needs a value: %s", option->name, option->value);
        return false;
    }
    if (option->text) {
        *option->text = value;
        return true;
    }
    if (!add_to_list(option->list, value)) {
        (void)otc_usage_error(command, "--%s: '%s' is no list of names with commas", option->name, value);
        return false;
    }
    return true;
}

bool
otc_options_read(const struct otc_command *command, int argc, char **argv, const char **arguments,
                 int *exit_code)
{
    size_t n = 0;
    bool only_arguments = false;

    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];

        if (!only_arguments && (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)) {
            print_help(command);
            *exit_code = OTC_EXIT_DONE;
            return false;
        }
        if (!only_arguments && strcmp(word, "--") == 0) {
            only_arguments = true;
        } else if (!only_arguments && word[0] == '-' && word[1] == '-') {
            if (!take_option(command, argc, argv, &i)) {
                *exit_code = OTC_EXIT_USAGE;
                return false;
            }
        } else if (n == command->max_arguments || (!only_arguments && word[0] == '-' && word[1] != 0)) {
            *exit_code = otc_usage_error(command, "unexpected argument '%s'", word);
            return false;
        } else {
            arguments[n++] = word;
        }
    }
    return true;
}
