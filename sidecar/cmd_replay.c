// SPDX-License-Identifier: Apache-2.0
#include "common/base/clock.h"
#include "common/base/number.h"
#include "common/net/loop.h"
#include "sidecar/commands.h"
#include "sidecar/input.h"
#include "sidecar/row_spans.h"
#include "sidecar/screen.h"
#include "sidecar/sender.h"

#include <math.h>
#include <signal.h>
#include <unistd.h>

#define BATCH_SPANS 100
#define MAX_BATCH_SPANS 10000
/** Between two drawings of the progress bar. */
#define REDRAW (100 * OTC_MILLISECOND)
#define BAR_WIDTH 30
/** window::max_age of drift and latency where nobody sets it. */
#define MAX_AGE (24 * OTC_HOUR)

enum stamps { STAMPS_SHIFT, STAMPS_ORIGINAL, STAMPS_NOW };

/** Options of `replay`. */
struct replay_options {
    const char *path, *endpoint, *preset, *speed, *timestamps, *timestamp, *model, *service_name, *batch;
    const char *duration, *error;
    struct otc_option_list predictions;
    bool loop;
    /** What they say. */
    enum stamps stamps;
    enum otc_row_preset row_preset;
    double speed_factor; /* 0: as fast as the endpoint takes it */
    size_t batch_spans;
};

/** A replay under way. */
struct replay {
    const struct replay_options *options;
    struct otc_table *table;
    struct otc_columns columns;
    size_t time_column;
    struct otc_row_spans *spans;
    struct otc_sender *sender;
    int64_t first_ns, last_ns; /* range of the table's stamps */
    uint64_t disordered;       /* rows stamped earlier than one before them */
    int64_t row_ns;            /* the current row's own stamp */
    int64_t began_ns;          /* monotonic: this pass */
    int64_t shift_ns;          /* what STAMPS_SHIFT adds */
    int64_t started_ns;        /* monotonic: the first pass */
    int64_t drawn_ns;
    uint64_t rows, passes;
    bool draws;
};

/* The only thing a signal handler may touch. */
static volatile sig_atomic_t interrupted;

static void
on_signal(int signo)
{
    (void)signo;
    interrupted = 1;
}

/** The range of stamps, in a pass of its own: the last row need not be the latest. */
static otc_status
find_range(struct replay *replay, struct otc_error *err)
{
    bool more = replay->time_column != SIZE_MAX;
    otc_status status = OTC_OK;

    replay->first_ns = INT64_MAX;
    replay->last_ns = INT64_MIN;
    while (status == OTC_OK && more) {
        int64_t ns;

        status = otc_table_next(replay->table, &more, err);
        if (status != OTC_OK || !more || replay->time_column >= otc_table_columns(replay->table)) {
            continue;
        }
        ns = otc_cell_time(otc_table_cell(replay->table, replay->time_column));
        if (ns != INT64_MIN) {
            replay->disordered += ns < replay->last_ns;
            replay->first_ns = ns < replay->first_ns ? ns : replay->first_ns;
            replay->last_ns = ns > replay->last_ns ? ns : replay->last_ns;
        }
    }
    if (replay->first_ns > replay->last_ns) {
        replay->first_ns = replay->last_ns = 0; /* no stamps */
    }
    return status == OTC_OK ? otc_table_rewind(replay->table, err) : status;
}

static otc_status
choose_time(struct replay *replay, struct otc_error *err)
{
    const char *name = replay->options->timestamp;
    otc_status status = OTC_OK;

    replay->time_column = otc_columns_time(&replay->columns);
    if (name) {
        status =
            otc_columns_take_time(&replay->columns, name, replay->options->path, &replay->time_column, err);
    }
    if (status != OTC_OK) {
        return status;
    }
    if (replay->time_column == SIZE_MAX &&
        (replay->options->stamps == STAMPS_ORIGINAL || replay->options->speed_factor > 0)) {
        return otc_fail(
            err, OTC_INVALID_ARGUMENT,
            "%s: --timestamps original and --speed need a column of timestamps (--timestamp COLUMN)",
            replay->options->path);
    }
    return find_range(replay, err);
}

/** Sleeps until a monotonic time, or a signal. */
static void
sleep_until(int64_t when_ns)
{
    struct timespec until = {when_ns / OTC_SECOND, when_ns % OTC_SECOND};

    while (!interrupted && otc_clock_monotonic_ns() < when_ns) {
        (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
    }
}

/** "[======>      ]  42 %  12345 rows  9876 rows/s  ETA 3 s", over the line before. */
static void
draw(struct replay *replay, bool last)
{
    int64_t now = otc_clock_monotonic_ns();
    double seconds = (double)(now - replay->started_ns) / 1e9;
    uint64_t total = replay->columns.rows * (replay->passes + 1);
    double share = total > 0 ? (double)replay->rows / (double)total : 1;
    double rate = seconds > 0 ? (double)replay->rows / seconds : 0;
    char bar[BAR_WIDTH + 1];
    int full;

    if (!replay->draws || (!last && now - replay->drawn_ns < REDRAW)) {
        return;
    }
    replay->drawn_ns = now;
    if (replay->options->loop && total > 0) {
        share = (double)(replay->rows - replay->columns.rows * replay->passes) / (double)replay->columns.rows;
    }
    share = share > 1 ? 1 : share;
    full = (int)(share * BAR_WIDTH);
    for (int i = 0; i < BAR_WIDTH; i++) {
        bar[i] = (char)(i < full ? '=' : i == full ? '>' : ' ');
    }
    bar[BAR_WIDTH] = 0;
    (void)fprintf(stderr, "\r[%s] %3.0f %%  %llu rows  %.0f rows/s", bar, 100 * share,
                  (unsigned long long)replay->rows, rate);
    if (!replay->options->loop && rate > 0) {
        (void)fprintf(stderr, "  ETA %.0f s", (double)(total - replay->rows) / rate);
    }
    (void)fputs(last ? "\033[K\n" : "\033[K", stderr);
    (void)fflush(stderr);
}

static otc_status
send_batch(struct replay *replay, struct otc_error *err)
{
    struct otc_batch *batch;

    if (otc_row_spans_count(replay->spans) == 0) {
        return OTC_OK;
    }
    batch = otc_row_spans_batch(replay->spans);
    return batch ? otc_sender_send(replay->sender, batch, err)
                 : otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
}

/** The stamp a row is sent with; waits until it is time to send it. */
static otc_status
stamp_row(struct replay *replay, int64_t *stamp, struct otc_error *err)
{
    const struct replay_options *options = replay->options;
    otc_status status = OTC_OK;
    int64_t ns = replay->time_column < otc_table_columns(replay->table)
                     ? otc_cell_time(otc_table_cell(replay->table, replay->time_column))
                     : INT64_MIN;

    replay->row_ns =
        ns != INT64_MIN ? ns : replay->row_ns; /* a row without a stamp is as late as the one before */
    if (options->speed_factor > 0) {
        double after = (double)(replay->row_ns - replay->first_ns) / options->speed_factor;
        int64_t due = replay->began_ns + (int64_t)fmin(after, 1e18);

        if (due > otc_clock_monotonic_ns() + OTC_MILLISECOND) {
            status = send_batch(replay, err);
            draw(replay, false);
            sleep_until(due);
        }
    }
    *stamp = replay->row_ns;
    if (options->stamps == STAMPS_NOW || replay->time_column == SIZE_MAX) {
        *stamp = otc_clock_unix_ns();
    } else if (options->stamps == STAMPS_SHIFT) {
        *stamp += replay->shift_ns;
    }
    return status;
}

/** Sends the whole table once. */
static otc_status
send_pass(struct replay *replay, struct otc_error *err)
{
    otc_status status = OTC_OK;
    int64_t stamp;

    replay->began_ns = otc_clock_monotonic_ns();
    replay->shift_ns = otc_clock_unix_ns() - replay->last_ns;
    replay->row_ns = replay->first_ns;
    while (status == OTC_OK && !interrupted) {
        bool more;

        status = otc_table_next(replay->table, &more, err);
        if (status != OTC_OK || !more) {
            break;
        }
        status = stamp_row(replay, &stamp, err);
        if (status == OTC_OK && !otc_row_spans_add(replay->spans, replay->table, stamp)) {
            status = otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
        }
        replay->rows += status == OTC_OK;
        if (status == OTC_OK && otc_row_spans_count(replay->spans) >= replay->options->batch_spans) {
            status = send_batch(replay, err);
            draw(replay, false);
        }
    }
    return status == OTC_OK ? send_batch(replay, err) : status;
}

static otc_status
open_input(struct replay *replay, struct otc_error *err)
{
    const struct replay_options *options = replay->options;
    struct otc_row_spans_options rows = {.preset = options->row_preset,
                                         .model = options->model,
                                         .service_name =
                                             options->service_name ? options->service_name : "replay",
                                         .predictions = &options->predictions,
                                         .duration = options->duration,
                                         .error = options->error,
                                         .seed = (uint64_t)otc_clock_unix_ns()};
    otc_status status = otc_table_open(options->path, &replay->table, err);

    if (status == OTC_OK) {
        status = otc_columns_read(replay->table, &replay->columns, err);
    }
    if (status == OTC_OK) {
        status = otc_input_check_names(&replay->columns, options->path, "--prediction", &options->predictions,
                                       err);
    }
    if (status == OTC_OK) {
        status = choose_time(replay, err);
    }
    return status == OTC_OK ? otc_row_spans_new(&replay->columns, &rows, &replay->spans, err) : status;
}

static void
print_column(void *arg, struct otc_slice column, const char *attribute)
{
    otc_screen_print(column, arg);
    (void)fputs(" -> ", arg);
    otc_screen_print(otc_slice_str(attribute), arg);
    (void)fputc('\n', arg);
}

/** What the stages behind the endpoint leave out by default, though it is accepted: rows that are old when
 * they arrive. */
static void
print_age(const struct replay *replay)
{
    bool original = replay->options->stamps == STAMPS_ORIGINAL;
    double age = (double)(original ? otc_clock_unix_ns() : replay->last_ns) - (double)replay->first_ns;

    if (replay->options->stamps == STAMPS_NOW || replay->first_ns == 0 || age <= (double)MAX_AGE) {
        return;
    }
    (void)fprintf(
        stderr,
        "the rows %s %.1f days: those older than window::max_age of drift and latency (24h by default) "
        "when they arrive are counted as too_old and compared with nothing; raise it there, or send "
        "with --timestamps now\n",
        original ? "go back" : "span", age / (double)OTC_DAY);
}

static void
print_plan(const struct replay *replay)
{
    otc_row_spans_explain(replay->spans, print_column, stderr);
    for (size_t i = 0; i < replay->columns.n; i++) {
        const struct otc_column *column = &replay->columns.columns[i];

        if (column->left_out && i != replay->time_column && !otc_row_spans_sends(replay->spans, i)) {
            (void)fputs("left out ", stderr);
            otc_screen_print(column->name, stderr);
            (void)fprintf(stderr, " (%s)\n", column->left_out);
        }
    }
    if (replay->time_column == SIZE_MAX) {
        (void)fputs("no column of timestamps: every row is stamped as it is sent\n", stderr);
    }
    print_age(replay);
    if (replay->disordered > 0) {
        (void)fprintf(
            stderr,
            "%llu rows are stamped earlier than a row before them: they may count as late; sort the file "
            "by time\n",
            (unsigned long long)replay->disordered);
    }
}

static otc_status
send_all(struct replay *replay, struct otc_error *err)
{
    otc_status status = otc_sender_new(replay->options->endpoint, &replay->sender, err);

    replay->started_ns = otc_clock_monotonic_ns();
    while (status == OTC_OK) {
        status = send_pass(replay, err);
        if (status != OTC_OK || !replay->options->loop || interrupted) {
            break;
        }
        replay->passes++;
        status = otc_table_rewind(replay->table, err);
    }
    if (status == OTC_OK) {
        status = otc_sender_flush(replay->sender, err);
    }
    return status;
}

static int
run_replay(const struct replay_options *options)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct replay replay = {.options = options, .draws = isatty(STDERR_FILENO)};
    int exit_code = OTC_EXIT_DONE;

    if (open_input(&replay, &err) != OTC_OK) {
        exit_code = otc_command_failed(&err);
    } else {
        struct otc_sender_counts counts = {0};
        double seconds;

        print_plan(&replay);
        if (send_all(&replay, &err) != OTC_OK) {
            if (replay.draws && replay.drawn_ns > 0) {
                (void)fputc('\n', stderr);
            }
            (void)fprintf(stderr, "error: %s: %s\n", options->endpoint, err.text);
            exit_code = OTC_EXIT_FAILED;
        } else {
            draw(&replay, true);
        }
        seconds = (double)(otc_clock_monotonic_ns() - replay.started_ns) / 1e9;
        if (replay.sender) {
            counts = otc_sender_counts(replay.sender);
        }
        (void)printf("%llu spans accepted in %llu requests, %.1f s, %.0f spans/s\n",
                     (unsigned long long)counts.items, (unsigned long long)counts.requests, seconds,
                     seconds > 0 ? (double)counts.items / seconds : 0);
    }
    otc_sender_free(replay.sender);
    otc_row_spans_free(replay.spans);
    otc_columns_release(&replay.columns);
    otc_table_close(replay.table);
    return exit_code;
}

/** Words and numbers of the options; false after printing an error. */
static bool
read_options(const struct otc_command *command, struct replay_options *options)
{
    static const char *const stamps[] = {"shift", "original", "now"};
    int64_t batch = BATCH_SPANS;
    size_t i = 0;

    options->endpoint = options->endpoint ? options->endpoint : "localhost:4317";
    if (options->preset && !otc_row_preset_parse(options->preset, &options->row_preset)) {
        (void)otc_usage_error(command, "--preset: '%s' is not allowed (ml, gen_ai)", options->preset);
        return false;
    }
    while (options->timestamps && i < 3 && strcmp(options->timestamps, stamps[i]) != 0) {
        i++;
    }
    if (i == 3) {
        (void)otc_usage_error(command, "--timestamps: '%s' is not allowed (shift, original, now)",
                              options->timestamps);
        return false;
    }
    options->stamps = (enum stamps)i;
    if (options->speed && (!otc_parse_double(otc_slice_str(options->speed), &options->speed_factor) ||
                           !(options->speed_factor > 0 && options->speed_factor <= 1e9))) {
        (void)otc_usage_error(command, "--speed: '%s' is not allowed (a number above 0: 1 is real time)",
                              options->speed);
        return false;
    }
    if (options->batch &&
        (!otc_parse_int64(otc_slice_str(options->batch), &batch) || batch < 1 || batch > MAX_BATCH_SPANS)) {
        (void)otc_usage_error(command, "--batch: '%s' is not allowed (1 to %d)", options->batch,
                              MAX_BATCH_SPANS);
        return false;
    }
    options->batch_spans = (size_t)batch;
    return true;
}

int
otc_cmd_replay(int argc, char **argv)
{
    static struct replay_options options; /* a list of a thousand names */
    const struct otc_option table[] = {
        {"input", "FILE", "CSV with a header or JSON lines, - for standard input", .text = &options.path},
        {"endpoint", "HOST:PORT", "OTLP/gRPC endpoint (localhost:4317); https://… for TLS",
         .text = &options.endpoint},
        {"preset", "ml|gen_ai", "columns become ml.feature.<name>, or gen_ai attributes (ml)",
         .text = &options.preset},
        {"timestamps", "shift|original|now",
         "shift: the last row is now; now: each row is, as it is sent (shift)", .text = &options.timestamps},
        {"timestamp", "COLUMN", "the column of timestamps (the only one)", .text = &options.timestamp},
        {"speed", "X", "pace: 1 is real time, 60 an hour a minute (as fast as it goes)",
         .text = &options.speed},
        {"loop", NULL, "begin again at the end, until interrupted", .flag = &options.loop},
        {"model", "NAME", "ml.model.name or gen_ai.request.model of every span", .text = &options.model},
        {"service-name", "NAME", "service.name (replay)", .text = &options.service_name},
        {"prediction", "a,b", "columns that become ml.prediction.<name>", .list = &options.predictions},
        {"duration", "COLUMN", "seconds that become the span's duration, and no feature",
         .text = &options.duration},
        {"error", "COLUMN", "not empty: the span failed, with this as its error.type",
         .text = &options.error},
        {"batch", "N", "spans a request (100)", .text = &options.batch},
        {.name = NULL}};
    const struct otc_command command = {
        "replay --input FILE --endpoint HOST:PORT [options]",
        "Sends the rows of a table as spans over OTLP/gRPC.\nRows older than "
        "window::max_age of drift and latency (24h by default) are accepted there, "
        "but not compared.",
        table, 0};
    const struct sigaction action = {.sa_handler = on_signal};
    int exit_code = OTC_EXIT_DONE;

    options = (struct replay_options){0};
    if (!otc_options_read(&command, argc, argv, NULL, &exit_code)) {
        return exit_code;
    }
    if (!options.path) {
        return otc_usage_error(&command, "--input is missing");
    }
    if (!read_options(&command, &options)) {
        return OTC_EXIT_USAGE;
    }
    interrupted = 0;
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    return run_replay(&options);
}
