// SPDX-License-Identifier: Apache-2.0
/* The service's life: start, wait for a signal, drain, stop; SIGHUP puts a new configuration in its place. */
#include "sidecar/cli.h"

#include "common/component/meter.h"
#include "common/net/listen.h"
#include "sidecar/gates.h"
#include "sidecar/host.h"
#include "sidecar/log.h"
#include "sidecar/telemetry.h"

#include <signal.h>
#include <unistd.h>

#define METER_SERIES_MAX 100000u
/* A supervisor kills after 10 s. */
#define DRAIN_NS (9 * OTC_SECOND)
#define RELOAD_DRAIN_NS (5 * OTC_SECOND)
/* What backends of the own metrics may cost the end; a black hole among them must not hold up a reload. */
#define LAST_EXPORT_NS (OTC_SECOND / 2)
#define LAST_EXPORT_MAX_NS (2 * OTC_SECOND)

/* Beside the health page, which tells whether something runs, not whether it is what was asked for last. */
static const struct otc_instrument reloaded_instrument = {
    "aimon_config_last_reload_successful", "",
    "1; 0 when the last reload failed and the former configuration runs", OTC_GAUGE};

/* What one configuration becomes. */
struct generation {
    struct otc_loaded loaded;
    struct otc_service *service;
};

struct program {
    const struct otc_cli *cli;
    struct otc_log_sink log;
    struct otc_loop *loop;
    struct otc_meter *meter;
    struct otc_series *reloaded;
    struct otc_sidecar_host host;
    struct generation current;
    struct otc_self_source source;
    struct otc_telemetry *telemetry;
    struct otc_loop_signal *signals[3];
    /** Set when a failed reload or a fatal component ends the program. */
    bool failed;
    struct otc_error failure;
};

static struct otc_logger *
logger_of(struct program *p)
{
    return &p->log.logger;
}

static void
log_note(void *arg, const struct otc_config_note *note)
{
    struct program *p = arg;

    if (note->name != NULL) {
        otc_log(logger_of(p), note->level, NULL, note->text, OTC_FIELD_TEXT("name", note->name));
    } else {
        otc_log(logger_of(p), note->level, NULL, note->text);
    }
}

static void
log_notes(struct program *p, const struct otc_loaded *loaded)
{
    for (const struct otc_config_note *n = otc_document_notes(loaded->document); n != NULL; n = n->next) {
        log_note(p, n);
    }
    otc_service_config_notes(loaded->config, log_note, p);
}

/* ---- Generations
 * ------------------------------------------------------------------------------------------------ */

/* Loads and validates. */
static otc_status
prepare(struct program *p, struct generation *g, struct otc_error *err)
{
    otc_status status;

    *g = (struct generation){0};
    status = otc_cli_load(p->cli, &g->loaded, err);
    if (status == OTC_OK) {
        status = otc_service_config_validate(g->loaded.config, err);
    }
    if (status == OTC_FAILED_PRECONDITION) {
        otc_error_prefix(err, "invalid configuration");
    }
    if (status != OTC_OK) {
        otc_loaded_release(&g->loaded);
    }
    return status;
}

/* Makes the components; nothing runs yet, no address is taken. */
static otc_status
create(struct program *p, struct generation *g, struct otc_error *err)
{
    return otc_service_new(g->loaded.config, &p->host.host, &g->service, err);
}

/* The resource goes first: components read it when they are made. No component may run. */
static otc_status
create_with_resource(struct program *p, struct generation *g, struct otc_error *err)
{
    otc_status status =
        otc_sidecar_host_set_resource(&p->host, otc_service_telemetry(g->loaded.config)->resource, err);

    if (status == OTC_OK) {
        status = otc_log_sink_configure(&p->log, &otc_service_telemetry(g->loaded.config)->logs,
                                        p->host.resource, p->host.n_resource, err);
    }
    p->source.level = otc_service_metrics_level(g->loaded.config);
    otc_meter_set_detailed(p->meter, p->source.level == OTC_METRICS_DETAILED);
    return status == OTC_OK ? create(p, g, err) : status;
}

static void
discard_service(struct generation *g)
{
    otc_service_free(g->service);
    g->service = NULL;
}

static void
discard(struct generation *g)
{
    discard_service(g);
    otc_loaded_release(&g->loaded);
}

/* The service that runs, for components that look for extensions and for the log. */
static void
set_service(struct program *p, struct otc_service *service)
{
    atomic_store(&p->host.service, service);
    otc_log_sink_set_scope(&p->log, service != NULL ? otc_service_scope : NULL, service);
}

/* Starts a prepared generation, the readers of its own metrics included. */
static otc_status
start(struct program *p, const struct generation *g, struct otc_error *err)
{
    otc_status status = otc_telemetry_open(g->loaded.config, &p->source, &p->telemetry, err);

    if (status == OTC_OK) {
        set_service(p, g->service);
        status = otc_service_start(g->service, err);
    }
    if (status != OTC_OK) {
        set_service(p, NULL);
        otc_telemetry_close(p->telemetry, 0);
        p->telemetry = NULL;
        return status;
    }
    atomic_store(&p->host.ready, true);
    otc_log(logger_of(p), OTC_LOG_INFO, NULL, "Everything is ready. Begin running and processing data.");
    return OTC_OK;
}

/* What is told last has the rest of the time, some of it at least. */
static void
close_telemetry(struct program *p, int64_t deadline)
{
    int64_t now = otc_clock_monotonic_ns();
    int64_t least = now + LAST_EXPORT_NS, most = now + LAST_EXPORT_MAX_NS;

    otc_telemetry_close(p->telemetry, deadline < least ? least : deadline < most ? deadline : most);
    p->telemetry = NULL;
}

static otc_status
stop(struct program *p, const struct generation *g, int64_t drain_ns, struct otc_error *err)
{
    int64_t deadline = otc_clock_monotonic_ns() + drain_ns;
    otc_status status;

    atomic_store(&p->host.ready, false);
    status = otc_service_shutdown(g->service, deadline, err);
    set_service(p, NULL);
    close_telemetry(p, deadline);
    return status;
}

static void
end_failed(struct program *p, const struct otc_error *err)
{
    p->failed = true;
    p->failure = *err;
    otc_loop_stop(p->loop);
}

/* ---- Reload
 * ----------------------------------------------------------------------------------------------------- */

/* The old configuration again, with components made anew: those that were stopped stay stopped. What they
 * know is theirs yet, or the failed service's. */
static void
restore(struct program *p, const struct generation *failed)
{
    struct otc_service *stopped = p->current.service;
    struct otc_error err = OTC_ERROR_INIT;
    otc_status status;

    p->current.service = NULL;
    status = create_with_resource(p, &p->current, &err);
    if (status == OTC_OK) {
        otc_service_adopt(p->current.service, failed->service != NULL ? failed->service : stopped);
        status = start(p, &p->current, &err);
    }
    otc_service_free(stopped);
    if (status != OTC_OK) {
        otc_log_sink_configure(&p->log, NULL, NULL, 0, NULL);
        otc_error_prefix(&err, "failed to setup configuration components");
        end_failed(p, &err);
    }
}

/* True when the new configuration could run. Its components are made once on trial, beside those that run;
 * they know the old resource yet. */
static bool
acceptable(struct program *p, struct generation *next, struct otc_error *err)
{
    otc_status status = prepare(p, next, err);

    if (status == OTC_OK) {
        status = otc_log_outputs_check(&otc_service_telemetry(next->loaded.config)->logs, err);
        status = status == OTC_OK ? create(p, next, err) : status;
        discard_service(next);
        if (status != OTC_OK) {
            discard(next);
        }
    }
    return status == OTC_OK;
}

static otc_status
create_and_start(struct program *p, struct generation *next, struct otc_error *err)
{
    otc_status status = create_with_resource(p, next, err);

    if (status == OTC_OK) {
        otc_service_adopt(next->service, p->current.service);
        status = start(p, next, err);
    }
    return status;
}

static void
tell_reload(struct program *p, bool successful)
{
    const struct otc_count count = {p->reloaded, successful};

    otc_meter_add(p->meter, &count, 1);
}

/* From the old to the new one, or back. Clients that connect meanwhile wait: sockets stay open. */
static void
replace(struct program *p, struct generation *next)
{
    struct otc_error err = OTC_ERROR_INIT;

    if (stop(p, &p->current, RELOAD_DRAIN_NS, &err) != OTC_OK) {
        otc_log(logger_of(p), OTC_LOG_WARN, NULL, "Error while stopping the old configuration",
                OTC_FIELD_TEXT("error", err.text));
    }
    if (create_and_start(p, next, &err) == OTC_OK) {
        struct generation old = p->current;

        p->current = *next;
        discard(&old);
        log_notes(p, &p->current.loaded);
        tell_reload(p, true);
        return;
    }
    tell_reload(p, false);
    otc_log(logger_of(p), OTC_LOG_ERROR, NULL, "Reload failed, going back to the former configuration",
            OTC_FIELD_TEXT("error", err.text));
    restore(p, next);
    /* What the log borrows of it has been replaced. */
    discard(next);
}

/* On the control loop. Any failure leaves the old configuration running. */
static void
reload(struct program *p)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct generation next;

    otc_log(logger_of(p), OTC_LOG_INFO, NULL, "Config updated, restart service");
    if (!acceptable(p, &next, &err)) {
        tell_reload(p, false);
        otc_log(logger_of(p), OTC_LOG_ERROR, NULL, "Reload failed, the running configuration stays",
                OTC_FIELD_TEXT("error", err.text));
        return;
    }
    otc_listen_keep(true);
    p->host.handover = otc_handover_new();
    replace(p, &next);
    otc_handover_free(p->host.handover);
    p->host.handover = NULL;
    otc_listen_keep(false);
}

/* ---- The program
 * ------------------------------------------------------------------------------------------------ */

static void
on_signal(void *arg, int signo)
{
    struct program *p = arg;

    otc_log(logger_of(p), OTC_LOG_INFO, NULL, "Received signal from OS",
            OTC_FIELD_TEXT("signal", strsignal(signo)));
    if (signo == SIGHUP) {
        reload(p);
    } else {
        otc_loop_stop(p->loop);
    }
}

static void
on_fatal(void *arg)
{
    struct program *p = arg;
    struct otc_error err = OTC_ERROR_INIT;

    otc_fail(&err, OTC_INTERNAL, "a component reported a fatal error");
    end_failed(p, &err);
}

static otc_status
open_signals(struct program *p, struct otc_error *err)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};

    /* A peer that is gone, a file at the limit of its size (ulimit -f): the write says so. */
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        p->signals[i] = otc_loop_signal_new(p->loop, numbers[i], on_signal, p);
        if (p->signals[i] == NULL) {
            return otc_fail(err, OTC_INTERNAL, "the system refuses signal handling");
        }
    }
    return OTC_OK;
}

/* Afterwards a second SIGTERM ends the process at once. */
static void
close_signals(struct program *p)
{
    for (size_t i = 0; i < sizeof(p->signals) / sizeof(p->signals[0]); i++) {
        if (p->signals[i] != NULL) {
            otc_loop_signal_free(p->signals[i]);
            p->signals[i] = NULL;
        }
    }
}

static otc_status
open_program(struct program *p, struct otc_error *err)
{
    otc_status status = otc_loop_new(&p->loop, err);

    if (status != OTC_OK) {
        return status;
    }
    p->meter = otc_meter_new(METER_SERIES_MAX);
    if (p->meter == NULL) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    p->reloaded = otc_meter_series(p->meter, &reloaded_instrument, NULL, 0);
    tell_reload(p, true);
    status = otc_sidecar_host_init(&p->host, p->loop, logger_of(p), p->meter, err);
    p->host.fatal = on_fatal;
    p->host.fatal_arg = p;
    otc_self_source_init(&p->source, &p->host.host, OTC_METRICS_NORMAL);
    return status == OTC_OK ? open_signals(p, err) : status;
}

static void
close_program(struct program *p)
{
    close_signals(p);
    otc_log_sink_configure(&p->log, NULL, NULL, 0, NULL);
    discard(&p->current);
    otc_sidecar_host_release(&p->host);
    if (p->loop != NULL) {
        otc_loop_free(p->loop);
    }
    otc_meter_free(p->meter);
    otc_log_sink_close(&p->log);
}

static otc_status
run_until_stopped(struct program *p, struct otc_error *err)
{
    char cpus[24];
    otc_status status;

    snprintf(cpus, sizeof(cpus), "%ld", sysconf(_SC_NPROCESSORS_ONLN));
    for (size_t i = 0; i < p->cli->n_gates; i++) {
        otc_gates_log(p->cli->gates[i], logger_of(p));
    }
    log_notes(p, &p->current.loaded);
    otc_log(logger_of(p), OTC_LOG_INFO, NULL, "Starting otelcol-aimon...",
            OTC_FIELD_TEXT("Version", OTC_VERSION), OTC_FIELD_TEXT("NumCPU", cpus));
    status = start(p, &p->current, err);
    if (status != OTC_OK) {
        return status;
    }
    otc_loop_run(p->loop);
    close_signals(p);
    otc_log(logger_of(p), OTC_LOG_INFO, NULL, "Starting shutdown...");
    if (p->current.service != NULL) {
        status = stop(p, &p->current, DRAIN_NS, err);
    }
    otc_log(logger_of(p), OTC_LOG_INFO, NULL, "Shutdown complete.");
    if (p->failed) {
        *err = p->failure;
        status = OTC_INTERNAL;
    }
    return status;
}

static otc_status
run(struct program *p, struct otc_error *err)
{
    otc_status status = open_program(p, err);

    if (status == OTC_OK) {
        status = prepare(p, &p->current, err);
    }
    if (status == OTC_OK) {
        status = create_with_resource(p, &p->current, err);
    }
    return status == OTC_OK ? run_until_stopped(p, err) : status;
}

static void
print_help(void)
{
    (void)fputs(
        "AI monitoring as OpenTelemetry Collector components.\n"
        "\n"
        "Usage:\n"
        "  otelcol-aimon --config FILE [flags]     run the service\n"
        "  otelcol-aimon [command]\n"
        "\n"
        "Commands:\n"
        "  components     Outputs available components in this collector distribution\n"
        "  featuregate    Displays the Collector's feature gates and what they stand at here\n"
        "  print-config   Prints the final configuration (alias print-initial-config)\n"
        "  validate       Validates the config without running the collector (--explain: what it will do)\n"
        "  reference      Builds and shows reference files for drift detection\n"
        "  compare        Compares current data with a reference\n"
        "  replay         Sends the rows of a file to a running service\n"
        "  docs           Prints the settings of a component (docs settings connectors/drift)\n"
        "\n"
        "Flags:\n"
        "      --config LOCATION       a file, or file:, env:, yaml: with what follows; several are merged\n"
        "      --set KEY=VALUE         set a value, e.g. --set=processors.memory_limiter.check_interval=2s\n"
        "      --feature-gates LIST    accepted for compatibility; none can be switched (see featuregate)\n"
        "  -h, --help                  this help\n"
        "  -v, --version               the version\n",
        stdout);
}

int
otc_cmd_run(int argc, char **argv)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct program *p;
    struct otc_cli cli;
    otc_status status = otc_cli_read(&cli, argc, argv, OTC_CLI_VERSION, &err);

    if (status != OTC_OK) {
        (void)fprintf(stderr, "Error: %s\n", err.text);
        return 1;
    }
    if (cli.help || cli.version) {
        if (cli.help) {
            print_help();
        } else {
            printf("otelcol-aimon version %s\n", OTC_VERSION);
        }
        otc_cli_release(&cli);
        return 0;
    }
    p = calloc(1, sizeof(*p));
    if (p == NULL) {
        otc_cli_release(&cli);
        return 1;
    }
    p->cli = &cli;
    otc_log_sink_open(&p->log, stderr, otc_clock_unix_ns);
    status = run(p, &err);
    close_program(p);
    free(p);
    otc_cli_release(&cli);
    if (status != OTC_OK) {
        (void)fprintf(stderr, "collector server run finished with error: %s\n", err.text);
        return 1;
    }
    return 0;
}
