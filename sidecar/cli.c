// SPDX-License-Identifier: Apache-2.0
#include "sidecar/cli.h"

#define SET_BYTES_MAX ((size_t)256 << 10)

/* An option's argument: after "=", or the next word. */
static otc_status
take_value(const char *name, const char *inline_value, int argc, char **argv, int *at, const char **out,
           struct otc_error *err)
{
    if (inline_value != NULL) {
        *out = inline_value;
        return OTC_OK;
    }
    if (*at + 1 >= argc) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "flag needs an argument: --%s", name);
    }
    *out = argv[++*at];
    return OTC_OK;
}

static otc_status
add_config(struct otc_cli *cli, const char *value, struct otc_error *err)
{
    if (cli->n_configs == OTC_LOCATIONS_MAX) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "at most %u --config flags", OTC_LOCATIONS_MAX);
    }
    /* Those of --set go behind, wherever they stood. */
    memmove(&cli->locations[cli->n_configs + 1], &cli->locations[cli->n_configs],
            (cli->n_locations - cli->n_configs) * sizeof(const char *));
    cli->locations[cli->n_configs++] = value;
    cli->n_locations++;
    return OTC_OK;
}

static otc_status
add_set(struct otc_cli *cli, const char *value, struct otc_error *err)
{
    struct otc_buf *text;
    otc_status status;

    if (cli->n_texts == OTC_LOCATIONS_MAX) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "at most %u --set flags", OTC_LOCATIONS_MAX);
    }
    text = &cli->texts[cli->n_texts++];
    otc_buf_init(text, SET_BYTES_MAX);
    status = otc_config_set_location(value, text, err);
    if (status != OTC_OK) {
        return otc_error_prefix(err, "invalid argument \"%s\" for \"--set\" flag", value);
    }
    cli->locations[cli->n_locations++] = otc_buf_cstr(text);
    return OTC_OK;
}

static otc_status
pick(const char *name, const char *value, const char *off, const char *on, bool *out, struct otc_error *err)
{
    if (strcmp(value, on) != 0 && strcmp(value, off) != 0) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "invalid argument \"%s\" for \"--%s\" flag: must be %s or %s", value, name, off, on);
    }
    *out = strcmp(value, on) == 0;
    return OTC_OK;
}

static otc_status
apply_value(struct otc_cli *cli, const char *name, const char *value, struct otc_error *err)
{
    if (strcmp(name, "config") == 0) {
        return add_config(cli, value, err);
    }
    if (strcmp(name, "set") == 0) {
        return add_set(cli, value, err);
    }
    if (strcmp(name, "format") == 0) {
        return pick(name, value, "yaml", "json", &cli->json, err);
    }
    if (strcmp(name, "mode") == 0) {
        return pick(name, value, "redacted", "unredacted", &cli->unredacted, err);
    }
    if (cli->n_gates == OTC_GATE_LISTS_MAX) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "at most %u --feature-gates flags", OTC_GATE_LISTS_MAX);
    }
    cli->gates[cli->n_gates++] = value;
    return OTC_OK;
}

static bool
takes_value(const char *name, unsigned known)
{
    return strcmp(name, "config") == 0 || strcmp(name, "set") == 0 || strcmp(name, "feature-gates") == 0 ||
           ((known & OTC_CLI_PRINT) && (strcmp(name, "format") == 0 || strcmp(name, "mode") == 0));
}

static bool *
flag_of(struct otc_cli *cli, const char *name, unsigned known)
{
    if (strcmp(name, "help") == 0) {
        return &cli->help;
    }
    if ((known & OTC_CLI_VERSION) && strcmp(name, "version") == 0) {
        return &cli->version;
    }
    if ((known & OTC_CLI_EXPLAIN) && strcmp(name, "explain") == 0) {
        return &cli->explain;
    }
    if ((known & OTC_CLI_PRINT) && strcmp(name, "validate") == 0) {
        return &cli->validate;
    }
    return NULL;
}

static otc_status
apply_flag(struct otc_cli *cli, const char *name, const char *value, unsigned known, struct otc_error *err)
{
    bool *flag = flag_of(cli, name, known);

    if (flag == NULL) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "unknown flag: --%s", name);
    }
    *flag = true;
    return value != NULL ? pick(name, value, "false", "true", flag, err) : OTC_OK;
}

static otc_status
read_option(struct otc_cli *cli, int argc, char **argv, int *at, unsigned known, struct otc_error *err)
{
    const char *word = argv[*at] + 2;
    const char *equal = strchr(word, '=');
    size_t len = equal != NULL ? (size_t)(equal - word) : strlen(word);
    char name[64];
    const char *value = equal != NULL ? equal + 1 : NULL;
    const char *argument = "";
    otc_status status;

    snprintf(name, sizeof(name), "%.*s", len < sizeof(name) ? (int)len : (int)sizeof(name) - 1, word);
    if (!takes_value(name, known)) {
        return apply_flag(cli, name, value, known, err);
    }
    status = take_value(name, value, argc, argv, at, &argument, err);
    return status == OTC_OK ? apply_value(cli, name, argument, err) : status;
}

otc_status
otc_cli_read(struct otc_cli *cli, int argc, char **argv, unsigned known, struct otc_error *err)
{
    otc_status status = OTC_OK;

    *cli = (struct otc_cli){.validate = true};
    for (int i = 1; i < argc && status == OTC_OK; i++) {
        const char *word = argv[i];

        if (strcmp(word, "-h") == 0) {
            cli->help = true;
        } else if (strcmp(word, "-v") == 0 && (known & OTC_CLI_VERSION)) {
            cli->version = true;
        } else if (strncmp(word, "--", 2) == 0 && word[2] != '\0') {
            status = read_option(cli, argc, argv, &i, known, err);
        } else if (word[0] == '-') {
            status = otc_fail(err, OTC_INVALID_ARGUMENT, "unknown shorthand flag: '%c' in %s", word[1], word);
        } else {
            status =
                otc_fail(err, OTC_INVALID_ARGUMENT, "unknown command \"%s\" for \"otelcol-aimon\"", word);
        }
    }
    if (status != OTC_OK) {
        otc_cli_release(cli);
    }
    return status;
}

void
otc_cli_release(struct otc_cli *cli)
{
    for (size_t i = 0; i < cli->n_texts; i++) {
        otc_buf_release(&cli->texts[i]);
    }
    cli->n_texts = 0;
}

static const char *
environment_get(void *arg, const char *name)
{
    (void)arg;
    return getenv(name);
}

otc_status
otc_cli_resolve(const struct otc_cli *cli, struct otc_document **out, struct otc_error *err)
{
    static const struct otc_environment environment = {environment_get, NULL};
    otc_status status;

    if (cli->n_configs == 0) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "at least one config flag must be provided");
    }
    status = otc_document_load(cli->locations, cli->n_locations, &environment, out, err);
    return status == OTC_OK ? OTC_OK
                            : otc_error_prefix(err, "failed to get config: cannot resolve the configuration");
}

otc_status
otc_cli_load(const struct otc_cli *cli, struct otc_loaded *out, struct otc_error *err)
{
    otc_status status;

    *out = (struct otc_loaded){0};
    status = otc_cli_resolve(cli, &out->document, err);
    if (status != OTC_OK) {
        return status;
    }
    status = otc_service_config_new(otc_document_root(out->document), otc_components, &out->config, err);
    if (status == OTC_OK) {
        return OTC_OK;
    }
    otc_loaded_release(out);
    /* Values out of bounds of the top level are no decoding error and carry their own prefix. */
    return status == OTC_FAILED_PRECONDITION
               ? status
               : otc_error_prefix(err, "failed to get config: cannot unmarshal the configuration");
}

void
otc_loaded_release(struct otc_loaded *loaded)
{
    otc_service_config_free(loaded->config);
    otc_document_free(loaded->document);
    *loaded = (struct otc_loaded){0};
}
