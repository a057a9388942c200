// SPDX-License-Identifier: Apache-2.0
#include "extensions/file_storage/file_storage.h"

#include "common/storage/directory.h"
#include "common/storage/log.h"

struct file_storage {
    struct otc_component component;
    struct file_storage_context context;
    int lock;
    size_t clients;
};

/* ---- Settings ------------------------------------------------------------------------------------- */

const char *const file_storage_syncs[] = {"group", "interval", "none", NULL};

#define INERT_DOC "Accepted for the Collector's sake; the store keeps itself compact."

static const struct otc_field compaction_fields[] = {
    OTC_FIELD(file_storage_compaction, on_start, .def = "false", .inert = true, .doc = INERT_DOC),
    OTC_FIELD(file_storage_compaction, on_rebound, .def = "false", .inert = true, .doc = INERT_DOC),
    OTC_FIELD(file_storage_compaction, directory, .def = "/tmp", .inert = true, .doc = INERT_DOC),
    OTC_FIELD(file_storage_compaction, max_transaction_size, .def = "65536", .min = "0", .inert = true,
              .doc = INERT_DOC),
    OTC_FIELD(file_storage_compaction, cleanup_on_start, .def = "false", .inert = true, .doc = INERT_DOC),
    OTC_FIELD(file_storage_compaction, rebound_needed_threshold_mib, .def = "100", .min = "0", .inert = true,
              .doc = INERT_DOC),
    OTC_FIELD(file_storage_compaction, rebound_trigger_threshold_mib, .def = "10", .min = "0", .inert = true,
              .doc = INERT_DOC),
    OTC_FIELD(file_storage_compaction, check_interval, .def = "5s", .min = "0s", .inert = true,
              .doc = INERT_DOC),
    OTC_FIELD_END,
};
static const struct otc_schema compaction_schema =
    OTC_SCHEMA(file_storage_compaction, compaction_fields, INERT_DOC);

static const struct otc_field dead_letter_fields[] = {
    OTC_FIELD(file_storage_dead_letter, max_size, .def = "64MiB", .min = "64KiB",
              .doc = "Ceiling of the dead letters of one queue, which are 10000 at most; beyond it what is "
                     "rejected is dropped."),
    OTC_FIELD_END,
};
static const struct otc_schema dead_letter_schema = OTC_SCHEMA(
    file_storage_dead_letter, dead_letter_fields, "Keeps what a destination rejects for good in files.");

static const struct otc_field fields[] = {
    OTC_FIELD(file_storage_config, directory, .def = "/var/lib/otelcol/file_storage",
              .doc = "Folder of the files; one process a folder."),
    OTC_FIELD(file_storage_config, timeout, .def = "1s", .min = "0s", .max = "1m",
              .doc = "How long a start waits for another process to let go of the folder."),
    OTC_FIELD(file_storage_config, sync, .def = "group", .choices = file_storage_syncs,
              .doc =
                  "When queues are flushed to the disk: `group` before the sender is answered, with what "
                  "others sent meanwhile; `interval` every `sync_interval`; `none` when the system likes."),
    OTC_FIELD(file_storage_config, sync_interval, .def = "500ms", .min = "1ms", .max = "1m",
              .doc = "With `sync: interval`."),
    OTC_FIELD(file_storage_config, fsync, .def = "false",
              .doc = "The Collector's: `true` is `sync: group`, which is the default here, and refused with "
                     "another `sync`; `false` leaves it to `sync`."),
    OTC_FIELD(file_storage_config, create_directory, .def = "true",
              .doc = "Make the folder when it is missing; with `false` a missing one is an error."),
    OTC_FIELD(file_storage_config, directory_permissions, .def = "0750",
              .doc = "Permissions of a folder that is made, octal."),
    OTC_FIELD(file_storage_config, recreate, .def = "false", .inert = true,
              .doc = "Accepted for the Collector's sake: a damaged file is always moved aside "
                     "(`.corrupt-<time>`), and an empty one begins."),
    OTC_FIELD_STRUCT(file_storage_config, compaction, compaction_schema, .inert = true, .doc = INERT_DOC),
    OTC_FIELD(file_storage_config, max_size, .def = "1GiB", .min = "1MiB",
              .doc = "Ceiling of the store of one component; beyond it snapshots fail, which is logged and "
                     "counted."),
    OTC_FIELD(file_storage_config, max_journal_size, .def = "256MiB", .min = "1MiB",
              .doc = "Ceiling of the journal of one component; a snapshot is taken at a quarter of it."),
    OTC_FIELD(
        file_storage_config, max_queue_size, .def = "1GiB", .min = "1MiB",
        .doc =
            "Ceiling of what waits in one queue (of one exporter and signal), with 40 to 47 bytes for each "
            "request; beyond it data is refused. Its files may take somewhat more (\"Files\")."),
    OTC_FIELD(file_storage_config, min_free_bytes, .def = "32MiB", .min = "0",
              .doc = "What queues leave free on the disk: a segment that would take of it is not begun, and "
                     "data is refused; 0: nothing."),
    OTC_FIELD_OPTIONAL(file_storage_config, dead_letter, dead_letter_schema, .on_by_default = true,
                       .doc = "Keeps what a destination rejects for good in files (\"Dead letters\")."),
    OTC_FIELD_END,
};
static const struct otc_schema schema = OTC_SCHEMA(
    file_storage_config, fields, "Keeps the state of components in files, so that it survives a restart.");

/* "0750" as a mode; false for anything that is no octal number up to 0777. */
static bool
mode_of(const char *text, unsigned *out)
{
    unsigned mode = 0;
    size_t n = 0;

    for (; text && text[n]; n++) {
        if (text[n] < '0' || text[n] > '7' || n > 3) {
            return false;
        }
        mode = mode * 8 + (unsigned)(text[n] - '0');
    }
    *out = mode;
    return n > 0 && mode <= 0777;
}

static otc_status
validate(const void *settings, struct otc_error *err)
{
    const struct file_storage_config *config = settings;
    unsigned mode;

    if (!config->directory || !*config->directory) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "directory: must be specified");
    }
    if (config->fsync && config->sync.index != OTC_LOG_SYNC_GROUP) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "fsync: true asks for `sync: group`, and `sync` is %s: leave one of them out",
                        file_storage_syncs[config->sync.index]);
    }
    if (!mode_of(config->directory_permissions, &mode)) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "directory_permissions: '%s' is no octal number from 0 to 0777 (\"0750\")",
                        config->directory_permissions ? config->directory_permissions : "");
    }
    if (!config->create_directory && otc_directory_check(config->directory, err) != OTC_OK) {
        return otc_error_prefix(err, "directory");
    }
    return OTC_OK;
}

/* ---- Life ----------------------------------------------------------------------------------------- */

static otc_status
start(struct otc_component *component, struct otc_error *err)
{
    struct file_storage *self = OTC_CONTAINER(component, file_storage, component);
    const struct file_storage_config *config = self->context.config;
    unsigned mode = 0750;
    otc_status status;

    if (config->create_directory) {
        (void)mode_of(config->directory_permissions, &mode);
        status = otc_directory_make(config->directory, (mode_t)mode, err);
    } else {
        status = otc_directory_check(config->directory, err);
    }
    if (status == OTC_OK) {
        status = otc_directory_lock(config->directory, config->timeout.ns, &self->lock, err);
    }
    if (status != OTC_OK) {
        return otc_error_prefix(err, "directory");
    }
    self->context.orphans = file_storage_orphans_new(&self->context);
    return self->context.orphans ? OTC_OK : otc_fail(err, OTC_UNAVAILABLE, "out of memory");
}

static otc_status
stop(struct otc_component *component, int64_t deadline_ns, struct otc_error *err)
{
    struct file_storage *self = OTC_CONTAINER(component, file_storage, component);

    (void)deadline_ns;
    (void)err;
    file_storage_orphans_free(self->context.orphans);
    self->context.orphans = NULL;
    if (self->clients > 0) {
        otc_log(self->context.host->logger, OTC_LOG_WARN, self->context.id,
                "Storage stops while components still use it", OTC_FIELD_NUMBER("clients", self->clients));
    }
    otc_log_writer_free(self->context.writer);
    self->context.writer = NULL;
    otc_directory_unlock(self->lock);
    self->lock = -1;
    return OTC_OK;
}

static void
destroy(struct otc_component *component)
{
    struct file_storage *self = OTC_CONTAINER(component, file_storage, component);

    file_storage_orphans_free(self->context.orphans);
    otc_log_writer_free(self->context.writer);
    otc_directory_unlock(self->lock);
    free(self);
}

static otc_status
give_storage(struct otc_component *component, const char *kind, const char *component_id,
             struct otc_storage **out, struct otc_error *err)
{
    struct file_storage *self = OTC_CONTAINER(component, file_storage, component);

    if (self->lock < 0) {
        return otc_fail(err, OTC_FAILED_PRECONDITION, "extension \"%s\" does not run", self->context.id);
    }
    return file_storage_client_new(&self->context, kind, component_id, &self->clients, out, err);
}

/* One thread writes all queues of the folder; it starts with the first. */
static otc_status
give_queue(struct otc_component *component, const char *kind, const char *component_id, const char *name,
           struct otc_stored_reader reader, struct otc_storage_queue **out, struct otc_error *err)
{
    struct file_storage *self = OTC_CONTAINER(component, file_storage, component);
    otc_status status;

    if (self->lock < 0) {
        return otc_fail(err, OTC_FAILED_PRECONDITION, "extension \"%s\" does not run", self->context.id);
    }
    if (!self->context.writer) {
        status = otc_log_writer_new(&self->context.writer, err);
        if (status != OTC_OK) {
            return status;
        }
    }
    return file_storage_queue_new(&self->context, kind, component_id, name, reader, &self->clients, out, err);
}

static const struct otc_component_ops ops = {
    .abi = OTC_ABI_OF(otc_component_ops),
    .start = start,
    .shutdown = stop,
    .free = destroy,
    .storage = give_storage,
    .queue = give_queue,
};

static otc_status
create(const struct otc_settings *settings, struct otc_component **out, struct otc_error *err)
{
    struct file_storage *self = calloc(1, sizeof(*self));

    if (!self) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    self->component = (struct otc_component){OTC_ABI_OF(otc_component), &ops};
    self->context =
        (struct file_storage_context){.id = settings->id, .host = settings->host, .config = settings->config};
    self->lock = -1;
    *out = &self->component;
    return OTC_OK;
}

OTC_API const struct otc_factory otc_file_storage_extension_factory = {
    .abi = OTC_ABI_OF(otc_factory),
    .kind = OTC_EXTENSION,
    .type = "file_storage",
    .description = "Keeps the state of components in files, so that it survives a restart.",
    .config = &schema,
    .validate = validate,
    .create = create,
    .offers = OTC_OFFERS_STORAGE,
};
