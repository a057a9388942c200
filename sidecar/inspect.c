// SPDX-License-Identifier: Apache-2.0
/* The commands that look at a configuration or at the binary, and run nothing. */
#include "sidecar/cli.h"

#include "sidecar/settings.h"

#define OUTPUT_MAX ((size_t)16 << 20)

static int
fail(const struct otc_error *err)
{
    (void)fprintf(stderr, "Error: %s\n", err->text);
    return 1;
}

static void
write_out(const struct otc_buf *out)
{
    (void)fwrite(out->data, 1, out->len, stdout);
}

/* ---- validate
 * --------------------------------------------------------------------------------------------------- */

static void
print_line(void *arg, const char *text)
{
    (void)arg;
    printf("%s\n", text);
}

static otc_status
validate(const struct otc_cli *cli, struct otc_error *err)
{
    struct otc_loaded loaded;
    otc_status status = otc_cli_load(cli, &loaded, err);

    if (status == OTC_OK) {
        status = otc_service_config_validate(loaded.config, err);
    }
    if (status == OTC_OK) {
        status = otc_service_config_check_graph(loaded.config, err);
    }
    if (status == OTC_OK && cli->explain) {
        status = otc_service_config_explain(loaded.config, print_line, NULL, err);
    }
    otc_loaded_release(&loaded);
    return status;
}

int
otc_cmd_validate(int argc, char **argv)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_cli cli;
    otc_status status = otc_cli_read(&cli, argc, argv, OTC_CLI_EXPLAIN, &err);

    if (status == OTC_OK && cli.help) {
        printf("Usage: otelcol-aimon validate --config FILE [--set KEY=VALUE] [--explain]\n");
    } else if (status == OTC_OK) {
        status = validate(&cli, &err);
    }
    otc_cli_release(&cli);
    return status == OTC_OK ? 0 : fail(&err);
}

/* ---- print-config
 * ----------------------------------------------------------------------------------------------- */

static otc_status
render(const struct otc_cli *cli, const struct otc_loaded *loaded, struct otc_buf *out, struct otc_error *err)
{
    struct otc_document *scratch = NULL;
    const struct otc_node *root = otc_document_root(loaded->document);
    otc_status status = OTC_OK;

    if (!cli->unredacted) {
        status = otc_document_parse(OTC_SLICE_NONE, "", &scratch, err);
        root = status == OTC_OK ? otc_service_config_describe(loaded->config, scratch) : NULL;
    }
    if (root == NULL || !otc_node_print(root, cli->json ? OTC_CONFIG_JSON : OTC_CONFIG_YAML, out)) {
        status = otc_fail(err, OTC_RESOURCE_EXHAUSTED, "the configuration is too large to print");
    }
    otc_document_free(scratch);
    return status;
}

static otc_status
print_config(const struct otc_cli *cli, struct otc_error *err)
{
    struct otc_loaded loaded = {0};
    struct otc_buf out = {.limit = OUTPUT_MAX};
    /* What was resolved can be shown although nobody could use it. */
    otc_status status = cli->unredacted && !cli->validate ? otc_cli_resolve(cli, &loaded.document, err)
                                                          : otc_cli_load(cli, &loaded, err);

    if (status == OTC_OK && cli->validate) {
        status = otc_service_config_validate(loaded.config, err);
    }
    if (status == OTC_FAILED_PRECONDITION) {
        otc_error_prefix(err, "invalid configuration");
    }
    if (status == OTC_OK) {
        status = render(cli, &loaded, &out, err);
    }
    if (status == OTC_OK) {
        write_out(&out);
    }
    otc_buf_release(&out);
    otc_loaded_release(&loaded);
    return status;
}

int
otc_cmd_print_config(int argc, char **argv)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_cli cli;
    otc_status status = otc_cli_read(&cli, argc, argv, OTC_CLI_PRINT, &err);

    if (status == OTC_OK && cli.help) {
        printf("Usage: otelcol-aimon print-config --config FILE [--set KEY=VALUE] [--format yaml|json] "
               "[--mode redacted|unredacted] [--validate=false]\n");
    } else if (status == OTC_OK) {
        status = print_config(&cli, &err);
    }
    otc_cli_release(&cli);
    return status == OTC_OK ? 0 : fail(&err);
}

/* ---- components
 * ------------------------------------------------------------------------------------------------- */

static int
by_type(const void *a, const void *b)
{
    const struct otc_factory *const *left = a;
    const struct otc_factory *const *right = b;

    return strcmp((*left)->type, (*right)->type);
}

static void
print_stability(const struct otc_factory *factory)
{
    static const char *const words[] = {[OTC_STABILITY_DEVELOPMENT] = "Development",
                                        [OTC_STABILITY_ALPHA] = "Alpha",
                                        [OTC_STABILITY_BETA] = "Beta",
                                        [OTC_STABILITY_STABLE] = "Stable",
                                        [OTC_STABILITY_DEPRECATED] = "Deprecated"};

    printf("      stability:\n");
    if (factory->kind == OTC_EXTENSION) {
        printf("        extension: %s\n",
               factory->n_pairs > 0 ? words[factory->pairs[0].stability] : words[OTC_STABILITY_BETA]);
        return;
    }
    for (size_t i = 0; i < factory->n_pairs; i++) {
        const struct otc_pair *pair = &factory->pairs[i];

        if (factory->kind == OTC_CONNECTOR) {
            printf("        %s-to-%s: %s\n", otc_signal_name(pair->from), otc_signal_name(pair->to),
                   words[pair->stability]);
        } else {
            printf("        %s: %s\n", otc_signal_name(pair->from), words[pair->stability]);
        }
    }
}

static void
print_kind(enum otc_kind kind)
{
    const struct otc_factory *sorted[256];
    size_t n = 0;

    for (size_t i = 0; otc_components[i] != NULL && n < 256; i++) {
        const struct otc_factory *factory = otc_factory_as(otc_components[i], kind);

        if (factory != NULL) {
            sorted[n++] = factory;
        }
    }
    qsort(sorted, n, sizeof(const struct otc_factory *), by_type);
    printf("%s:%s\n", otc_section_names[kind], n == 0 ? " []" : "");
    for (size_t i = 0; i < n; i++) {
        printf("    - name: %s\n      module: otelcol-aimon/%s v%s\n", sorted[i]->type,
               otc_section_names[kind], OTC_VERSION);
        print_stability(sorted[i]);
    }
}

int
otc_cmd_components(int argc, char **argv)
{
    static const enum otc_kind kinds[] = {OTC_RECEIVER, OTC_PROCESSOR, OTC_EXPORTER, OTC_CONNECTOR,
                                          OTC_EXTENSION};
    static const char *const schemes[] = {"env", "file", "yaml"};
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_cli cli;

    if (otc_cli_read(&cli, argc, argv, 0, &err) != OTC_OK) {
        return fail(&err);
    }
    otc_cli_release(&cli);
    printf(
        "buildinfo:\n    command: otelcol-aimon\n    description: AI monitoring as OpenTelemetry Collector "
        "components\n    version: %s\n",
        OTC_VERSION);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        print_kind(kinds[i]);
    }
    printf("providers:\n");
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        printf("    - scheme: %s\n      module: otelcol-aimon/config v%s\n", schemes[i], OTC_VERSION);
    }
    printf("converters: []\n");
    return 0;
}

/* ---- docs
 * ------------------------------------------------------------------------------------------------------- */

/* `kind` may be singular or plural; a connector's folder is among the processors. */
static const struct otc_factory *
find_component(const char *kind, size_t kind_len, const char *type)
{
    for (size_t i = 0; otc_components[i] != NULL; i++) {
        const struct otc_factory *f = otc_components[i];
        const char *name = otc_kind_name(f->kind);
        size_t len = strlen(name);
        bool same =
            strncmp(kind, name, len) == 0 && (kind_len == len || (kind_len == len + 1 && kind[len] == 's'));
        bool folder = f->kind == OTC_CONNECTOR && kind_len >= 9 && strncmp(kind, "processor", 9) == 0;

        if ((same || folder) && strcmp(f->type, type) == 0) {
            return f;
        }
    }
    return NULL;
}

int
otc_cmd_docs(int argc, char **argv)
{
    const char *slash = argc == 3 ? strchr(argv[2], '/') : NULL;
    const struct otc_factory *factory;
    struct otc_buf out = {.limit = OUTPUT_MAX};

    if (slash == NULL || strcmp(argv[1], "settings") != 0) {
        (void)fprintf(stderr,
                      "Error: usage: otelcol-aimon docs settings KIND/TYPE (for example receivers/otlp)\n");
        return 1;
    }
    factory = find_component(argv[2], (size_t)(slash - argv[2]), slash + 1);
    if (factory == NULL) {
        (void)fprintf(stderr, "Error: there is no component %s\n", argv[2]);
        return 1;
    }
    if (!otc_schema_table(factory->config, &out)) {
        (void)fprintf(stderr, "Error: the table is too large\n");
        return 1;
    }
    write_out(&out);
    otc_buf_release(&out);
    return 0;
}
