// SPDX-License-Identifier: Apache-2.0
#include "sidecar/cli.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define ARGS(...) ((char *[]){(char[]){"x"}, __VA_ARGS__})
#define WORD(text) ((char[]){text})

static void
configs_come_before_sets(void **state)
{
    struct otc_cli cli;
    struct otc_error err = OTC_ERROR_INIT;

    (void)state;
    assert_int_equal(otc_cli_read(&cli, 7,
                                  ARGS(WORD("--set"), WORD("a.b=1"), WORD("--config=one"), WORD("--config"),
                                       WORD("two"), WORD("--feature-gates=-x,+y")),
                                  0, &err),
                     OTC_OK);
    assert_int_equal(cli.n_locations, 3);
    assert_string_equal(cli.locations[0], "one");
    assert_string_equal(cli.locations[1], "two");
    assert_string_equal(cli.locations[2], "yaml:a::b: 1");
    otc_cli_release(&cli);
}

static void
flags_are_read(void **state)
{
    struct otc_cli cli;
    struct otc_error err = OTC_ERROR_INIT;

    (void)state;
    assert_int_equal(otc_cli_read(&cli, 2, ARGS(WORD("-v")), OTC_CLI_VERSION, &err), OTC_OK);
    assert_true(cli.version);
    assert_int_equal(otc_cli_read(&cli, 2, ARGS(WORD("--explain")), OTC_CLI_EXPLAIN, &err), OTC_OK);
    assert_true(cli.explain);
    assert_int_equal(otc_cli_read(&cli, 5,
                                  ARGS(WORD("--format=json"), WORD("--mode"), WORD("unredacted"),
                                       WORD("--validate=false")),
                                  OTC_CLI_PRINT, &err),
                     OTC_OK);
    assert_true(cli.json);
    assert_true(cli.unredacted);
    assert_false(cli.validate);
}

static void
wrong_arguments_are_refused(void **state)
{
    static const struct {
        const char *word;
        const char *error;
    } cases[] = {
        {"--foo", "unknown flag: --foo"},
        {"--explain", "unknown flag: --explain"},
        {"--config", "flag needs an argument: --config"},
        {"--set=x", "invalid argument \"x\" for \"--set\" flag: missing equal sign"},
        {"-x", "unknown shorthand flag: 'x' in -x"},
        {"run", "unknown command \"run\" for \"otelcol-aimon\""},
        {"--format=xml", "invalid argument \"xml\" for \"--format\" flag: must be yaml or json"},
        {"--validate=maybe", "must be false or true"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct otc_cli cli;
        struct otc_error err = OTC_ERROR_INIT;
        char word[64];

        snprintf(word, sizeof(word), "%s", cases[i].word);
        assert_int_equal(otc_cli_read(&cli, 2, ARGS(word), OTC_CLI_PRINT, &err), OTC_INVALID_ARGUMENT);
        if (strstr(err.text, cases[i].error) == NULL) {
            fail_msg("%s: expected \"%s\", got \"%s\"", cases[i].word, cases[i].error, err.text);
        }
    }
}

static void
loading_says_at_which_stage_it_failed(void **state)
{
    struct otc_cli cli = {0};
    struct otc_loaded loaded;
    struct otc_error err = OTC_ERROR_INIT;

    (void)state;
    assert_int_not_equal(otc_cli_load(&cli, &loaded, &err), OTC_OK);
    assert_string_equal(err.text, "at least one config flag must be provided");
    cli.locations[0] = "/nonexistent.yaml";
    cli.n_locations = cli.n_configs = 1;
    assert_int_not_equal(otc_cli_load(&cli, &loaded, &err), OTC_OK);
    assert_non_null(strstr(err.text,
                           "failed to get config: cannot resolve the configuration: cannot retrieve the "
                           "configuration: unable to read the file file:/nonexistent.yaml"));
    cli.locations[0] = "yaml:receivers: {nosuch: }";
    assert_int_not_equal(otc_cli_load(&cli, &loaded, &err), OTC_OK);
    assert_non_null(strstr(err.text,
                           "failed to get config: cannot unmarshal the configuration: decoding failed due to "
                           "the following error(s):\n\n'receivers' unknown type: \"nosuch\""));
    cli.locations[0] = "yaml:receivers: {otlp: {protocols: {grpc: }}}";
    assert_int_equal(otc_cli_load(&cli, &loaded, &err), OTC_OK);
    otc_loaded_release(&loaded);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(configs_come_before_sets),
        cmocka_unit_test(flags_are_read),
        cmocka_unit_test(wrong_arguments_are_refused),
        cmocka_unit_test(loading_says_at_which_stage_it_failed),
    };

    return cmocka_run_group_tests_name("sidecar/cli", tests, NULL, NULL);
}
