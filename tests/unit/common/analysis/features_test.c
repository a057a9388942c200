// SPDX-License-Identifier: Apache-2.0
/* Values as numbers and categories, and what a record shows of the features. */
#include "common/analysis/features.h"
#include "common/analysis/presets.h"
#include "common/otlp/json.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct otc_value
real(double number)
{
    return (struct otc_value){.type = OTC_VALUE_DOUBLE, .as.real = number};
}

static struct otc_value
integer(int64_t number)
{
    return (struct otc_value){.type = OTC_VALUE_INT, .as.integer = number};
}

static struct otc_value
text(const char *string)
{
    return (struct otc_value){.type = OTC_VALUE_STRING, .as.slice = otc_slice_str(string)};
}

static void
test_numbers(void **state)
{
    const struct {
        struct otc_value value;
        enum otc_value_class class;
        double number;
    } cases[] = {{integer(-7), OTC_CLASS_VALUE, -7},
                 {real(0.5), OTC_CLASS_VALUE, 0.5},
                 {real(NAN), OTC_CLASS_MISSING, 0},
                 {real(INFINITY), OTC_CLASS_INVALID, 0},
                 {real(-INFINITY), OTC_CLASS_INVALID, 0},
                 {text("3.2"), OTC_CLASS_INVALID, 0},
                 {text(""), OTC_CLASS_MISSING, 0},
                 {{.type = OTC_VALUE_EMPTY}, OTC_CLASS_MISSING, 0},
                 {{.type = OTC_VALUE_ABSENT}, OTC_CLASS_MISSING, 0},
                 {{.type = OTC_VALUE_BOOL, .as.boolean = true}, OTC_CLASS_INVALID, 0},
                 {{.type = OTC_VALUE_ARRAY}, OTC_CLASS_INVALID, 0}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        double number = 0;

        assert_int_equal(otc_value_number(&cases[i].value, &number), cases[i].class);
        if (cases[i].class == OTC_CLASS_VALUE) {
            assert_float_equal(number, cases[i].number, 0);
        }
    }
}

static void
test_categories(void **state)
{
    const struct {
        struct otc_value value;
        enum otc_value_class class;
        const char *text;
    } cases[] = {{text("DE"), OTC_CLASS_VALUE, "DE"},
                 {text(" DE"), OTC_CLASS_VALUE, " DE"},
                 {integer(1), OTC_CLASS_VALUE, "1"},
                 {real(1.0), OTC_CLASS_VALUE, "1"},
                 {real(-0.0), OTC_CLASS_VALUE, "0"},
                 {real(0.1), OTC_CLASS_VALUE, "0.1"},
                 {integer(INT64_MIN), OTC_CLASS_VALUE, "-9223372036854775808"},
                 {{.type = OTC_VALUE_BOOL, .as.boolean = true}, OTC_CLASS_VALUE, "true"},
                 {{.type = OTC_VALUE_BOOL}, OTC_CLASS_VALUE, "false"},
                 {text(""), OTC_CLASS_MISSING, ""},
                 {real(NAN), OTC_CLASS_MISSING, ""},
                 {real(INFINITY), OTC_CLASS_INVALID, ""},
                 {{.type = OTC_VALUE_KVLIST}, OTC_CLASS_INVALID, ""},
                 {{.type = OTC_VALUE_BYTES}, OTC_CLASS_INVALID, ""}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char scratch[32];
        struct otc_slice found = OTC_SLICE_NONE;

        assert_int_equal(otc_value_category(&cases[i].value, scratch, &found), cases[i].class);
        if (cases[i].class == OTC_CLASS_VALUE && !otc_slice_equal_str(found, cases[i].text)) {
            fail_msg("case %zu: '%.*s'", i, OTC_SLICE_ARG(found));
        }
    }
}

static void
test_tool_calls(void **state)
{
    struct otc_value messages =
        text("[{\"parts\":[{\"type\":\"tool_call\"},{\"type\":\n \"tool_call\"},{\"type\":\"text\"}]}]");
    struct otc_value quoted = text("[{\"parts\":[{\"content\":\"\\\"type\\\":\\\"tool_call\\\"\"}]}]");
    struct otc_value cut = text("[{\"type\"");
    struct otc_value none = integer(3);

    (void)state;
    assert_float_equal(otc_tool_calls_in_messages(&messages), 2, 0);
    assert_float_equal(otc_tool_calls_in_messages(&quoted), 0, 0);
    assert_float_equal(otc_tool_calls_in_messages(&cut), 0, 0);
    assert_true(isnan(otc_tool_calls_in_messages(&none)));
    assert_true(otc_is_tool_call_key(otc_slice_str("0.tool_calls.1.name")));
    assert_false(otc_is_tool_call_key(otc_slice_str("0.tool_calls.1.arguments")));
    assert_false(otc_is_tool_call_key(otc_slice_str("0.name")));
}

/* ---- Records, as they come ------------------------------------------------------------------------ */

/* What a walk over one request showed: the records' features as "name=value" lines, "--" after each record.
 */
struct shown {
    struct otc_feature_reader *reader;
    char text[16384];
    size_t records;
    size_t lost;
    size_t max;
};

static void add(struct shown *shown, const char *format, ...) OTC_PRINTF(2, 3);

static void
add(struct shown *shown, const char *format, ...)
{
    size_t at = strlen(shown->text);
    va_list args;

    va_start(args, format);
    (void)vsnprintf(shown->text + at, sizeof(shown->text) - at, format, args);
    va_end(args);
}

static void
tell(struct shown *shown, const struct otc_observed *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char scratch[32];
        struct otc_slice category = OTC_SLICE_NONE;
        enum otc_value_class class = otc_value_category(&out[i].value, scratch, &category);
        bool number = out[i].value.type == OTC_VALUE_INT || out[i].value.type == OTC_VALUE_DOUBLE;

        add(shown, "%s%.*s=%s%.*s%s\n", out[i].kind == OTC_KIND_PREDICTION ? "*" : "",
            OTC_SLICE_ARG(out[i].name), number ? "" : "'",
            class == OTC_CLASS_VALUE     ? (int)category.len
            : class == OTC_CLASS_MISSING ? 7
                                         : 7,
            class == OTC_CLASS_VALUE     ? (const char *)category.data
            : class == OTC_CLASS_MISSING ? "missing"
                                         : "invalid",
            number ? "" : "'");
    }
    add(shown, "--\n");
}

static void
read_subject(struct shown *shown, const struct otc_subject *subject)
{
    struct otc_observed out[64];
    size_t n, lost;
    size_t records = otc_feature_reader_begin(shown->reader, subject, out, shown->max, &n, &lost);

    shown->lost += lost;
    for (size_t i = 0; i < records; i++) {
        if (i > 0) {
            n = otc_feature_reader_next(shown->reader, out, shown->max, &lost);
            shown->lost += lost;
        }
        tell(shown, out, n);
    }
    shown->records += records;
}

static bool
on_span(void *arg, const struct otc_span *span)
{
    read_subject(arg, &(struct otc_subject){.record = &span->record, .span = span});
    return true;
}

static bool
on_log(void *arg, const struct otc_log_record *log)
{
    read_subject(arg, &(struct otc_subject){.record = &log->record, .log = log});
    return true;
}

/* Compiles, or fails the test. */
static struct otc_feature_set *
compile(const struct otc_feature_settings *settings)
{
    struct otc_feature_set *set = NULL;
    struct otc_error err = OTC_ERROR_INIT;

    if (otc_feature_set_new(settings, &set, &err) != OTC_OK) {
        fail_msg("%s", err.text);
    }
    return set;
}

/* Reads one span (log record) of these JSON members. */
static void
show(const struct otc_feature_settings *settings, enum otc_signal signal, const char *members,
     struct shown *shown)
{
    OTC_AUTO_BUF struct otc_buf json = {.limit = 1 << 20}, bytes = {.limit = 1 << 20};
    struct otc_feature_set *set = compile(settings);
    struct otc_wanted wanted[OTC_PROJECTION_MAX];
    struct otc_projection *projection = NULL;
    struct otc_error err = OTC_ERROR_INIT;

    *shown = (struct shown){.max = 64};
    shown->reader = otc_feature_reader_new(set, 0, 4096);
    assert_non_null(shown->reader);
    assert_int_equal(otc_projection_new(wanted, otc_feature_set_wanted(set, wanted), &projection, &err),
                     OTC_OK);
    (void)otc_buf_printf(&json,
                         signal == OTC_TRACES
                             ? "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{%s}]}]}]}"
                             : "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{%s}]}]}]}",
                         members);
    if (otc_json_to_protobuf(signal, otc_buf_slice(&json), 64, &bytes, &err) != OTC_OK) {
        fail_msg("%s: %s", err.text, otc_buf_cstr(&json));
    }
    assert_int_equal(signal == OTC_TRACES
                         ? otc_walk_spans(projection, otc_buf_slice(&bytes), on_span, shown, &err)
                         : otc_walk_logs(projection, otc_buf_slice(&bytes), on_log, shown, &err),
                     OTC_OK);
    otc_projection_free(projection);
    otc_feature_reader_free(shown->reader);
    otc_feature_set_free(set);
}

#define TEXT(key, value) "{\"key\":\"" key "\",\"value\":{\"stringValue\":\"" value "\"}}"
#define INT(key, value) "{\"key\":\"" key "\",\"value\":{\"intValue\":\"" value "\"}}"
#define DOUBLE(key, value) "{\"key\":\"" key "\",\"value\":{\"doubleValue\":" value "}}"

static void
expect(const struct shown *shown, const char *text)
{
    if (strcmp(shown->text, text) != 0) {
        fail_msg("got:\n%swant:\n%s", shown->text, text);
    }
}

/* One feature from a place; what a span (log record) shows of it, "" nothing. */
static void
check_place(enum otc_signal signal, const char *from, int type, const char *members, const char *want)
{
    char name[] = "x", place[256], got[300];
    struct otc_feature_config config = {name, place, {type}, {0}, 10};
    const otc_list features = {&config, 1};
    /* Fields make no record of their own. */
    const struct otc_feature_settings settings = {NULL, &features, "1 == 1"};
    struct shown shown;

    (void)snprintf(place, sizeof(place), "%s", from);
    show(&settings, signal, members, &shown);
    (void)snprintf(got, sizeof(got), *want ? "x=%s\n--\n" : "--\n", want);
    if (strcmp(shown.text, got) != 0) {
        fail_msg("%s: got %s want %s", from, shown.text, got);
    }
}

static void
test_what_a_record_shows(void **state)
{
    char ml[] = "ml", gen_ai[] = "gen_ai", name[] = "age", from[] = "attributes[\"ml.feature.age\"]";
    char *presets[] = {ml, gen_ai};
    const otc_strings both = {presets, 2};
    struct otc_feature_config explicit_age = {name, from, {OTC_WATCH_CATEGORICAL}, {0}, 10};
    const otc_list features = {&explicit_age, 1};
    const struct otc_feature_settings settings = {&both, &features, NULL};
    static const char generated[] =
        "\"startTimeUnixNano\":\"1000000000\",\"endTimeUnixNano\":\"2500000000\",\"attributes\":[" INT(
            "gen_ai.usage.input_tokens", "10") "," INT("gen_ai.usage.output_tokens",
                                                       "5") "," TEXT("error.type", "timeout") "]";
    struct shown shown;

    (void)state;
    /* The explicit entry counts, not the discovered one; no duration and no error of what is no generative
     * call. */
    show(&settings, OTC_TRACES,
         "\"attributes\":[" INT("ml.feature.age", "30") "," DOUBLE("ml.feature.income", "2.5") "," DOUBLE(
             "ml.prediction.age", "0.5") "," TEXT("error.type", "x") "]",
         &shown);
    expect(&shown, "age=30\nincome=2.5\n*age=0.5\n--\n");
    show(&settings, OTC_TRACES, generated, &shown);
    expect(&shown, "input_tokens=10\noutput_tokens=5\ntoken_ratio=0.5\nduration=1.5\n*error.type='timeout'\n"
                   "--\n");
    assert_int_equal(shown.lost, 0);
    /* An error alone makes no record. */
    show(&settings, OTC_TRACES, "\"attributes\":[" TEXT("error.type", "x") "]", &shown);
    assert_int_equal(shown.records, 0);
}

static void
test_places_of_spans(void **state)
{
    static const char span[] =
        "\"name\":\"chat\",\"kind\":3,\"status\":{\"code\":2},\"startTimeUnixNano\":\"1000000000\","
        "\"endTimeUnixNano\":\"3000000000\",\"events\":[{\"name\":\"other\",\"timeUnixNano\":\"1100000000\"},"
        "{\"name\":\"first\",\"timeUnixNano\":\"1250000000\",\"attributes\":[" INT(
            "k",
            "7") "]},"
                 "{\"name\":\"first\",\"timeUnixNano\":\"2000000000\",\"attributes\":[" INT(
                     "k",
                     "8") "]}],"
                          "\"attributes\":[" TEXT(
                              "input.value",
                              "{\\\"a\\\":{\\\"b\\\":[{\\\"c d\\\":\\\"x\\\\ny\\\"}],"
                              "\\\"n\\\":null}}") "," TEXT("bad",
                                                           "{\\\"a\\\":") "," TEXT("none",
                                                                                   "") "," INT("seven",
                                                                                               "7") ","
                                                                                                    "{\"key\""
                                                                                                    ":\"map\""
                                                                                                    ",\"value"
                                                                                                    "\":{"
                                                                                                    "\"kvlist"
                                                                                                    "Value\":"
                                                                                                    "{\"value"
                                                                                                    "s\":[{"
                                                                                                    "\"key\":"
                                                                                                    "\"a\","
                                                                                                    "\"value"
                                                                                                    "\":{"
                                                                                                    "\"arrayV"
                                                                                                    "alue\":"
                                                                                                    "{\"value"
                                                                                                    "s\":[{"
                                                                                                    "\"intVal"
                                                                                                    "ue\":"
                                                                                                    "\"1\"},{"
                                                                                                    "\"string"
                                                                                                    "Value\":"
                                                                                                    "\"two\"}"
                                                                                                    "]}}}]}}}"
                                                                                                    "]";
    static const struct {
        const char *from;
        const char *want;
    } cases[] = {{"attributes[\"seven\"]", "7"},
                 {"span.attributes[\"seven\"]", "7"},
                 {"attributes[\"map\"][\"a\"][1]", "'two'"},
                 {"attributes[\"map\"].a[2]", ""},
                 {"attributes[\"map\"]", "'invalid'"},
                 {"resource.attributes[\"seven\"]", ""},
                 {"duration", "2"},
                 {"name", "'chat'"},
                 {"kind", "'client'"},
                 {"status", "'error'"},
                 {"events[\"first\"].attributes[\"k\"]", "7"},
                 {"events[\"first\"].elapsed", "0.25"},
                 {"events[\"first\"].count", "2"},
                 {"events[\"never\"].count", "0"},
                 {"events[\"never\"].elapsed", ""},
                 {"json(attributes[\"input.value\"]).a.b[0][\"c d\"]", "'x\ny'"},
                 {"json(attributes[\"input.value\"]).a.n", "'missing'"},
                 {"json(attributes[\"input.value\"]).a.b", "'invalid'"},
                 {"json(attributes[\"input.value\"]).z", ""},
                 {"json(attributes[\"bad\"]).a", "'invalid'"},
                 {"json(attributes[\"none\"]).a", "'missing'"},
                 {"json(attributes[\"seven\"]).a", "'invalid'"},
                 {"json(attributes[\"map\"]).a[0]", "1"},
                 {"json(attributes[\"absent\"]).a", ""},
                 {"body", ""},
                 {"severity_text", ""}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        check_place(OTC_TRACES, cases[i].from, OTC_WATCH_CATEGORICAL, span, cases[i].want);
    }
}

static void
test_places_of_log_records(void **state)
{
    static const char text_log[] =
        "\"severityNumber\":17,\"severityText\":\"ERROR\",\"eventName\":\"scored\","
        "\"body\":{\"stringValue\":\"{\\\"x\\\":0.25}\"}";
    static const char map_log[] =
        "\"body\":{\"kvlistValue\":{\"values\":[{\"key\":\"k\",\"value\":{\"kvlistValue\":{\"values\":"
        "[{\"key\":\"j\",\"value\":{\"doubleValue\":0.5}}]}}}]}}";

    (void)state;
    check_place(OTC_LOGS, "body", OTC_WATCH_CATEGORICAL, text_log, "'{\"x\":0.25}'");
    check_place(OTC_LOGS, "json(body).x", OTC_WATCH_NUMERIC, text_log, "0.25");
    check_place(OTC_LOGS, "severity_number", OTC_WATCH_NUMERIC, text_log, "17");
    check_place(OTC_LOGS, "severity_text", OTC_WATCH_CATEGORICAL, text_log, "'ERROR'");
    check_place(OTC_LOGS, "event_name", OTC_WATCH_CATEGORICAL, text_log, "'scored'");
    check_place(OTC_LOGS, "duration", OTC_WATCH_NUMERIC, text_log, "");
    check_place(OTC_LOGS, "body[\"k\"][\"j\"]", OTC_WATCH_NUMERIC, map_log, "0.5");
    check_place(OTC_LOGS, "json(body).k.j", OTC_WATCH_NUMERIC, map_log, "0.5");
    check_place(OTC_LOGS, "body", OTC_WATCH_NUMERIC, map_log, "'invalid'");
    check_place(OTC_LOGS, "body", OTC_WATCH_NUMERIC, "\"body\":{\"doubleValue\":3.5}", "3.5");
}

static void
test_a_json_text_beyond_the_limit_is_invalid(void **state)
{
    static const char begin[] = "\"attributes\":[{\"key\":\"j\",\"value\":{\"stringValue\":\"[1";
    char *members = malloc(16384);
    size_t at = sizeof(begin) - 1;

    (void)state;
    memcpy(members, begin, at);
    memset(members + at, ' ', 4093); /* with what is around it 4096 bytes, which is the limit */
    memcpy(members + at + 4093, "]\"}}]", 6);
    check_place(OTC_TRACES, "json(attributes[\"j\"])[0]", OTC_WATCH_NUMERIC, members, "1");
    memcpy(members + at + 4093, " ]\"}}]", 7);
    check_place(OTC_TRACES, "json(attributes[\"j\"])[0]", OTC_WATCH_NUMERIC, members, "'invalid'");
    free(members);
}

static void
test_mistakes_in_places_tell_the_character(void **state)
{
    static const struct {
        const char *from;
        const char *error;
    } cases[] = {{"attributes['a']", "character 12: expected a text in double quotes"},
                 {"attributes[\"a\"", "character 15: expected ]"},
                 {"attributes[\"a", "character 14: expected the closing double quote"},
                 {"attributes[\"\"]", "character 12: expected a key of 1 to 256 bytes"},
                 {"attributes", "character 11: expected [\"key\"]"},
                 {"names", "character 1: expected a place; a place is attributes[\"key\"], scope."},
                 {"", "character 1: expected a place"},
                 {"duration.x", "character 9: expected the end"},
                 {"events[\"e\"]", "character 12: expected .attributes[\"key\"], .elapsed or .count"},
                 {"events[\"e\"].elapse", "character 12: expected .attributes"},
                 {"json(body", "character 10: expected \")\""},
                 {"json(json(body))", "character 6: expected a place"},
                 {"json(body).", "character 12: expected the name of a member"},
                 {"json(body)[x]", "character 12: expected [\"member\"] or [index]"},
                 {"body[1", "character 7: expected [\"member\"] or [index]"},
                 {"body x", "character 5: expected the end"}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct otc_place place;
        struct otc_error err = OTC_ERROR_INIT;

        assert_int_equal(otc_place_parse(otc_slice_str(cases[i].from), &place, &err), OTC_INVALID_ARGUMENT);
        if (!strstr(err.text, cases[i].error)) {
            fail_msg("%s: got %s want %s", cases[i].from, err.text, cases[i].error);
        }
        otc_place_release(&place);
    }
}

static void
test_conditions(void **state)
{
    static const char span[] =
        "\"name\":\"chat\",\"kind\":2,\"startTimeUnixNano\":\"1000000000\",\"endTimeUnixNano\":"
        "\"3000000000\",\"attributes\":[" TEXT("k", "v") "," INT("n", "7") "," DOUBLE("d", "7") "," TEXT(
            "j", "{\\\"on\\\":true}") "]";
    static const struct {
        const char *condition;
        bool holds;
    } cases[] = {{"attributes[\"k\"] == \"v\"", true},
                 {"attributes[\"k\"] != \"v\"", false},
                 {"attributes[\"none\"] == nil", true},
                 {"attributes[\"none\"] != \"v\"", true},
                 {"attributes[\"k\"] == nil", false},
                 {"name == \"chat\" and kind == \"server\"", true},
                 {"name == \"x\" or kind == \"server\"", true},
                 {"name == \"x\" or kind == \"server\" and name == \"x\"", false},
                 {"(name == \"x\" or kind == \"server\") and not name == \"x\"", true},
                 {"not (name == \"chat\")", false},
                 {"attributes[\"n\"] == attributes[\"d\"]", true},
                 {"attributes[\"n\"] > 6.5 and attributes[\"n\"] <= 7 and -1 < attributes[\"n\"]", true},
                 {"attributes[\"n\"] == \"7\"", false},
                 {"attributes[\"n\"] < \"8\"", false},
                 {"duration >= 2", true},
                 {"\"a\" < \"b\"", true},
                 {"json(attributes[\"j\"]).on == true", true},
                 {"json(attributes[\"j\"]).off == false", false},
                 {"IsMatch(name, \"^c.*t$\") and attributes[\"n\"] * 2 == 14", true},
                 {"attributes[\"k\"] + 1 == 2", false}};
    char name[] = "x", from[] = "attributes[\"x\"]";
    struct otc_feature_config config = {name, from, {OTC_WATCH_NUMERIC}, {0}, 10};
    const otc_list features = {&config, 1};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct otc_feature_settings settings = {NULL, &features, cases[i].condition};
        struct shown shown;

        show(&settings, OTC_TRACES, span, &shown);
        /* A record that carries nothing counts too: its features are missing. */
        if (shown.records != cases[i].holds) {
            fail_msg("%s: %zu records", cases[i].condition, shown.records);
        }
    }
}

static void
test_mistakes_in_conditions_tell_the_character(void **state)
{
    static const struct {
        const char *condition;
        const char *error;
    } cases[] = {{"name", "character 5: expected ==, !="},
                 {"name == ", "character 9: expected a path, a function or a value"},
                 {"name == chat", "character 9: expected a place; a place is"},
                 {"name == \"a\" kind == \"b\"", "character 13: expected and, or, or the end"},
                 {"(name == \"a\"", "character 13: expected \")\""},
                 {"name == 1x", "character 9: expected a number"},
                 {"attributes['k'] == 1", "character 12: expected a text in double quotes"}};
    char name[] = "x", from[] = "attributes[\"x\"]";
    struct otc_feature_config config = {name, from, {OTC_WATCH_NUMERIC}, {0}, 10};
    const otc_list features = {&config, 1};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct otc_feature_settings settings = {NULL, &features, cases[i].condition};
        struct otc_feature_set *set = NULL;
        struct otc_error err = OTC_ERROR_INIT;

        assert_int_equal(otc_feature_set_new(&settings, &set, &err), OTC_INVALID_ARGUMENT);
        if (!strstr(err.text, cases[i].error) || strncmp(err.text, "select: ", 8) != 0) {
            fail_msg("%s: got %s want %s", cases[i].condition, err.text, cases[i].error);
        }
    }
}

static void
test_a_text_is_watched_by_its_measures(void **state)
{
    char name[] = "q", from[] = "attributes[\"q\"]";
    struct otc_feature_config config = {name, from, {OTC_WATCH_TEXT}, {0}, 10};
    const otc_list features = {&config, 1};
    const struct otc_feature_settings settings = {NULL, &features, NULL};
    struct shown shown;

    (void)state;
    show(&settings, OTC_TRACES, "\"attributes\":[" TEXT("q", "Hi, 2 w\u00e9!!") "]", &shown);
    expect(&shown,
           "q.length=10\nq.words=3\nq.letters=0.3\nq.digits=0.1\nq.whitespace=0.2\nq.punctuation=0.3\n"
           "q.uppercase=0.1\nq.non_ascii=0.1\nq.vocabulary_share='Hi, 2 w\u00e9!!'\n--\n");
    show(&settings, OTC_TRACES, "\"attributes\":[" INT("q", "2") "]", &shown);
    assert_non_null(strstr(shown.text, "q.length='invalid'"));
    show(&settings, OTC_TRACES, "\"attributes\":[" TEXT("q", "") "]", &shown);
    assert_non_null(strstr(shown.text, "q.words='missing'"));
    show(&settings, OTC_TRACES, "\"attributes\":[" TEXT("other", "") "]", &shown);
    assert_int_equal(shown.records, 0);
}

static void
test_mlflow_writes_its_tokens_as_json_or_as_a_map(void **state)
{
    char mlflow[] = "mlflow";
    char *presets[] = {mlflow};
    const otc_strings names = {presets, 1};
    const struct otc_feature_settings settings = {&names, NULL, NULL};
    struct shown shown;

    (void)state;
    show(&settings, OTC_TRACES,
         "\"startTimeUnixNano\":\"1000000000\",\"endTimeUnixNano\":\"2000000000\",\"attributes\":[" TEXT(
             "mlflow.chat.tokenUsage", "{\\\"input_tokens\\\": 12, \\\"output_tokens\\\": 3}") "]",
         &shown);
    expect(&shown, "input_tokens=12\noutput_tokens=3\ntoken_ratio=0.25\nduration=1\n--\n");
    show(&settings, OTC_TRACES,
         "\"attributes\":[{\"key\":\"mlflow.chat.tokenUsage\",\"value\":{\"kvlistValue\":{\"values\":[{"
         "\"key\":"
         "\"input_tokens\",\"value\":{\"intValue\":\"12\"}}]}}}]",
         &shown);
    expect(&shown, "input_tokens=12\n--\n");
    /* Spans around the call. */
    show(&settings, OTC_TRACES, "\"attributes\":[" TEXT("mlflow.spanType", "CHAIN") "]", &shown);
    assert_int_equal(shown.records, 0);
}

static void
test_openinference_tool_calls_and_errors(void **state)
{
    char openinference[] = "openinference";
    char *presets[] = {openinference};
    const otc_strings names = {presets, 1};
    const struct otc_feature_settings settings = {&names, NULL, NULL};
    struct shown shown;

    (void)state;
    show(
        &settings, OTC_TRACES,
        "\"events\":[{\"name\":\"exception\",\"attributes\":[" TEXT(
            "exception.type",
            "RateLimitError") "]}],\"attributes\":[" TEXT("llm.model_name",
                                                          "gpt-5") "," TEXT("llm.output_messages.0.message."
                                                                            "tool_calls.0.tool_call.function."
                                                                            "name",
                                                                            "search") "," TEXT("llm.output_"
                                                                                               "messages.0."
                                                                                               "message.tool_"
                                                                                               "calls.1.tool_"
                                                                                               "call."
                                                                                               "function."
                                                                                               "name",
                                                                                               "add") "," TEXT("llm.output_messages.0.message.tool_calls.1.tool_call.function.arguments",
                                                                                                               "{}") "," TEXT("output.value",
                                                                                                                              "{\\\"choices\\\":[{\\\"finish_reason\\\":\\\"tool_calls\\\"}]}") "]",
        &shown);
    expect(&shown, "*finish_reasons='tool_calls'\n*error.type='RateLimitError'\n*tool_calls=2\n--\n");
}

static void
test_inference_requests(void **state)
{
    char kserve[] = "kserve";
    char *presets[] = {kserve};
    const otc_strings names = {presets, 1};
    const struct otc_feature_settings settings = {&names, NULL, NULL};
    struct shown shown;

    (void)state;
#define BODY(json) "\"body\":{\"stringValue\":\"" json "\"}"
#define Q "\\\""
    show(&settings, OTC_LOGS, BODY("{" Q "instances" Q ":[[6.8,2.8],[6.0,3.4]]}"), &shown);
    expect(&shown, "instance.0=6.8\ninstance.1=2.8\n--\ninstance.0=6\ninstance.1=3.4\n--\n");
    show(&settings, OTC_LOGS,
         BODY("{" Q "instances" Q ":[{" Q "age" Q ":30," Q "country" Q ":" Q "DE" Q "}]," Q "predictions" Q
              ":[0.5,1]}"),
         &shown);
    expect(&shown, "age=30\ncountry='DE'\n*prediction=0.5\n--\n*prediction=1\n--\n");
    show(&settings, OTC_LOGS,
         BODY("{" Q "id" Q ":" Q "1" Q "," Q "inputs" Q ":[{" Q "name" Q ":" Q "x" Q "," Q "shape" Q
              ":[2,2]," Q "datatype" Q ":" Q "FP32" Q "," Q "data" Q ":[1,2,3,4]},{" Q "name" Q ":" Q "y" Q
              "," Q "shape" Q ":[2,1]," Q "datatype" Q ":" Q "BYTES" Q "," Q "data" Q ":[[" Q "a" Q "],[" Q
              "b" Q "]]}]}"),
         &shown);
    expect(&shown, "x.0=1\nx.1=2\ny='a'\n--\nx.0=3\nx.1=4\ny='b'\n--\n");
    /* A shape that is not the data's, and data that is elsewhere. */
    show(&settings, OTC_LOGS,
         BODY("{" Q "outputs" Q ":[{" Q "name" Q ":" Q "p" Q "," Q "shape" Q ":[3]," Q "data" Q ":[1,2]},{" Q
              "name" Q ":" Q "b" Q "," Q "shape" Q ":[1]}]}"),
         &shown);
    expect(&shown, "*p='invalid'\n--\n");
    /* Other log records are none. */
    show(&settings, OTC_LOGS, BODY("started"), &shown);
    assert_int_equal(shown.records, 0);
    show(&settings, OTC_LOGS, BODY("{" Q "instances" Q ":[]}"), &shown);
    assert_int_equal(shown.records, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_categories),
        cmocka_unit_test(test_tool_calls),
        cmocka_unit_test(test_what_a_record_shows),
        cmocka_unit_test(test_places_of_spans),
        cmocka_unit_test(test_places_of_log_records),
        cmocka_unit_test(test_a_json_text_beyond_the_limit_is_invalid),
        cmocka_unit_test(test_mistakes_in_places_tell_the_character),
        cmocka_unit_test(test_conditions),
        cmocka_unit_test(test_mistakes_in_conditions_tell_the_character),
        cmocka_unit_test(test_a_text_is_watched_by_its_measures),
        cmocka_unit_test(test_mlflow_writes_its_tokens_as_json_or_as_a_map),
        cmocka_unit_test(test_openinference_tool_calls_and_errors),
        cmocka_unit_test(test_inference_requests),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
