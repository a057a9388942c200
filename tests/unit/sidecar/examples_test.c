// SPDX-License-Identifier: Apache-2.0
/* Every file of otel-config-examples is valid, and starts and stops on the real host. */
#include "common/component/meter.h"
#include "sidecar/commands.h"
#include "sidecar/host.h"
#include "sidecar/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <dirent.h>
#include <unistd.h>

#define FOLDER "otel-config-examples"
#define LOCATIONS_MAX 32u

static char reference_path[] = "/tmp/aimon-examples-XXXXXX";

/* Tokens of the secure example, and its users. */
static char tokens_path[] = "/tmp/aimon-tokens-XXXXXX";

#define CERTIFICATES "tests/unit/exporters/otlp_grpc/testdata/"

static const char *
get(void *arg, const char *name)
{
    const struct {
        const char *name, *value;
    } values[] = {{"AIMON_REFERENCE", reference_path},
                  {"AIMON_CERT", CERTIFICATES "server_cert.pem"},
                  {"AIMON_KEY", CERTIFICATES "server_key.pem"},
                  {"AIMON_CLIENT_CA", CERTIFICATES "server_cert.pem"},
                  {"AIMON_UPSTREAM_CA", CERTIFICATES "server_cert.pem"},
                  {"AIMON_TOKENS", tokens_path},
                  {"AIMON_HTPASSWD", tokens_path},
                  {"UPSTREAM_TOKEN", "a token"}};

    (void)arg;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        if (strcmp(name, values[i].name) == 0) {
            return values[i].value;
        }
    }
    return NULL;
}

static const struct otc_environment environment = {get, NULL};

/* Where a test listens instead: on ports that are free. */
struct locations {
    char texts[LOCATIONS_MAX][256];
    const char *items[LOCATIONS_MAX];
    size_t n;
};

static void add_location(struct locations *l, const char *format, ...) OTC_PRINTF(2, 3);

static void
add_location(struct locations *l, const char *format, ...)
{
    va_list args;

    assert_true(l->n < LOCATIONS_MAX);
    va_start(args, format);
    vsnprintf(l->texts[l->n], sizeof(l->texts[0]), format, args);
    va_end(args);
    l->items[l->n] = l->texts[l->n];
    l->n++;
}

static bool
is_type(const struct otc_node *component, const char *type)
{
    size_t len = strlen(type);

    return component->key.len >= len && memcmp(component->key.data, type, len) == 0 &&
           (component->key.len == len || component->key.data[len] == '/');
}

static const struct otc_node *
section(const struct otc_node *root, const char *name)
{
    const struct otc_node *node = otc_node_get(root, name);

    return node != NULL ? node->first : NULL;
}

static void
move_ports(struct locations *l, const struct otc_node *root)
{
    for (const struct otc_node *c = section(root, "receivers"); c != NULL; c = c->next) {
        const struct otc_node *protocols = otc_node_get(c, "protocols");

        for (const struct otc_node *p = protocols != NULL ? protocols->first : NULL; p != NULL; p = p->next) {
            add_location(l, "yaml:receivers::%.*s::protocols::%.*s::endpoint: 127.0.0.1:0",
                         OTC_SLICE_ARG(c->key), OTC_SLICE_ARG(p->key));
        }
    }
    for (const struct otc_node *c = section(root, "exporters"); c != NULL; c = c->next) {
        if (is_type(c, "prometheus")) {
            add_location(l, "yaml:exporters::%.*s::endpoint: 127.0.0.1:0", OTC_SLICE_ARG(c->key));
        }
    }
    for (const struct otc_node *c = section(root, "extensions"); c != NULL; c = c->next) {
        if (is_type(c, "file_storage")) {
            add_location(l, "yaml:extensions::%.*s::directory: %s.d", OTC_SLICE_ARG(c->key), reference_path);
        }
        if (is_type(c, "health_check")) {
            add_location(l, "yaml:extensions::%.*s::endpoint: 127.0.0.1:0", OTC_SLICE_ARG(c->key));
        }
    }
}

static void
stop_loop(void *arg)
{
    otc_loop_stop(arg);
}

static void
start_and_stop(const struct otc_service_config *config, const char *name)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_log_sink log;
    struct otc_sidecar_host host;
    struct otc_loop *loop = NULL;
    struct otc_meter *meter = otc_meter_new(100000);
    struct otc_service *service = NULL;

    otc_log_sink_open(&log, stderr, otc_clock_unix_ns);
    log.logger.level = OTC_LOG_WARN;
    assert_int_equal(otc_loop_new(&loop, &err), OTC_OK);
    assert_int_equal(otc_sidecar_host_init(&host, loop, &log.logger, meter, &err), OTC_OK);
    if (otc_service_new(config, &host.host, &service, &err) != OTC_OK) {
        fail_msg("%s: %s", name, err.text);
    }
    atomic_store(&host.service, service);
    if (otc_service_start(service, &err) != OTC_OK) {
        fail_msg("%s: %s", name, err.text);
    }
    atomic_store(&host.ready, true);
    assert_true(otc_loop_post(loop, stop_loop, loop));
    otc_loop_run(loop);
    atomic_store(&host.ready, false);
    if (otc_service_shutdown(service, otc_clock_monotonic_ns() + 2 * OTC_SECOND, &err) != OTC_OK) {
        fail_msg("%s: %s", name, err.text);
    }
    atomic_store(&host.service, NULL);
    otc_service_free(service);
    assert_int_equal(otc_budget_used(&host.budget), 0);
    otc_sidecar_host_release(&host);
    otc_loop_free(loop);
    otc_meter_free(meter);
    otc_log_sink_close(&log);
}

static void
check_example(const char *name)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_document *doc = NULL;
    struct otc_service_config *config = NULL;
    struct locations locations = {.n = 0};

    add_location(&locations, "%s/%s", FOLDER, name);
    if (otc_document_load(locations.items, 1, &environment, &doc, &err) != OTC_OK ||
        otc_service_config_new(otc_document_root(doc), otc_components, &config, &err) != OTC_OK ||
        otc_service_config_validate(config, &err) != OTC_OK ||
        otc_service_config_check_graph(config, &err) != OTC_OK) {
        fail_msg("%s: %s", name, err.text);
    }
    assert_null(otc_document_notes(doc));
    move_ports(&locations, otc_document_root(doc));
    otc_service_config_free(config);
    otc_document_free(doc);
    if (otc_document_load(locations.items, locations.n, &environment, &doc, &err) != OTC_OK ||
        otc_service_config_new(otc_document_root(doc), otc_components, &config, &err) != OTC_OK) {
        fail_msg("%s: %s", name, err.text);
    }
    start_and_stop(config, name);
    otc_service_config_free(config);
    otc_document_free(doc);
}

static void
every_example_is_valid_and_starts(void **state)
{
    DIR *folder = opendir(FOLDER);
    const struct dirent *entry;
    size_t n = 0;

    (void)state;
    assert_non_null(folder);
    while ((entry = readdir(folder)) != NULL) {
        size_t len = strlen(entry->d_name);

        if (len > 5 && strcmp(entry->d_name + len - 5, ".yaml") == 0) {
            check_example(entry->d_name);
            n++;
        }
    }
    closedir(folder);
    assert_true(n >= 3);
}

/* A reference for the examples that name one. */
static int
build_reference(void **state)
{
    char rows[] = "/tmp/aimon-rows-XXXXXX";
    char reference[] = "reference", build[] = "build", input[] = "--input", output[] = "--output";
    char *argv[] = {reference, build, input, rows, output, reference_path, NULL};
    int fd = mkstemp(rows);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    int code;

    int tokens = mkstemp(tokens_path);

    (void)state;
    if (file == NULL || (fd = mkstemp(reference_path)) < 0 || write(tokens, "a:token\n", 8) != 8) {
        return -1;
    }
    close(fd);
    close(tokens);
    fputs("age,country\n", file);
    for (int i = 0; i < 500; i++) {
        fprintf(file, "%d,%s\n", 20 + i % 60, i % 3 ? "de" : "fr");
    }
    fclose(file);
    code = otc_cmd_reference(6, argv);
    unlink(rows);
    return code;
}

static int
remove_reference(void **state)
{
    char folder[64], path[512];
    const struct dirent *entry;
    DIR *files;

    (void)state;
    unlink(reference_path);
    unlink(tokens_path);
    snprintf(folder, sizeof(folder), "%s.d", reference_path);
    files = opendir(folder);
    while (files != NULL && (entry = readdir(files)) != NULL) {
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        unlink(path);
    }
    if (files != NULL) {
        closedir(files);
    }
    return files == NULL ? 0 : rmdir(folder);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_example_is_valid_and_starts),
    };

    return cmocka_run_group_tests_name("sidecar/examples", tests, build_reference, remove_reference);
}
