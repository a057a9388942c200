// SPDX-License-Identifier: Apache-2.0
#include "common/component/otc.h"
#include "common/config/schema.h"

#include <stdlib.h>

#define NO_PROFILER "There is no Go runtime here to profile."

struct pprof_dialer {
    otc_duration timeout;
};

struct pprof_config {
    char *endpoint;
    struct pprof_dialer dialer;
    int64_t block_profile_fraction;
    int64_t mutex_profile_fraction;
    char *save_to_file;
};

static const struct otc_field dialer_fields[] = {
    OTC_FIELD(pprof_dialer, timeout, .def = "0s", .inert = true, .doc = NO_PROFILER),
    OTC_FIELD_END,
};
static const struct otc_schema dialer_schema = OTC_SCHEMA(pprof_dialer, dialer_fields, NO_PROFILER);

static const struct otc_field fields[] = {
    OTC_FIELD(pprof_config, endpoint, .def = "localhost:1777", .inert = true,
              .doc = "Nothing is listened on. " NO_PROFILER),
    OTC_FIELD_STRUCT(pprof_config, dialer, dialer_schema, .inert = true, .doc = NO_PROFILER),
    OTC_FIELD(pprof_config, block_profile_fraction, .def = "0", .inert = true, .doc = NO_PROFILER),
    OTC_FIELD(pprof_config, mutex_profile_fraction, .def = "0", .inert = true, .doc = NO_PROFILER),
    OTC_FIELD(pprof_config, save_to_file, .inert = true, .doc = "No file is written. " NO_PROFILER),
    OTC_FIELD_END,
};
static const struct otc_schema schema =
    OTC_SCHEMA(pprof_config, fields, "Accepted for the Collector's sake; does nothing.");

struct pprof {
    struct otc_component component;
    const char *id;
    struct otc_host *host;
};

static otc_status
start(struct otc_component *component, struct otc_error *err)
{
    struct pprof *self = OTC_CONTAINER(component, pprof, component);

    (void)err;
    otc_log(self->host->logger, OTC_LOG_INFO, self->id,
            "pprof does nothing: there is no Go runtime to profile");
    return OTC_OK;
}

static void
destroy(struct otc_component *component)
{
    free(OTC_CONTAINER(component, pprof, component));
}

static const struct otc_component_ops ops = {
    .abi = OTC_ABI_OF(otc_component_ops), .start = start, .free = destroy};

static otc_status
create(const struct otc_settings *settings, struct otc_component **out, struct otc_error *err)
{
    struct pprof *self = calloc(1, sizeof(*self));

    if (!self) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    self->component = (struct otc_component){OTC_ABI_OF(otc_component), &ops};
    self->id = settings->id;
    self->host = settings->host;
    *out = &self->component;
    return OTC_OK;
}

OTC_API const struct otc_factory otc_pprof_extension_factory = {
    .abi = OTC_ABI_OF(otc_factory),
    .kind = OTC_EXTENSION,
    .type = "pprof",
    .description = "Accepted for the Collector's sake; does nothing.",
    .config = &schema,
    .create = create,
};
