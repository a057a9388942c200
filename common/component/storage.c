// SPDX-License-Identifier: Apache-2.0
#include "common/component/storage.h"

/* The extension, when it offers storage. One that was built for an older interface ends before the member. */
static struct otc_component *
find_storage(struct otc_host *host, const char *extension_id, otc_status *status, struct otc_error *err)
{
    struct otc_component *extension = host->extension(host, extension_id);

    if (!extension) {
        *status =
            otc_fail(err, OTC_FAILED_PRECONDITION, "storage: extension \"%s\" does not run", extension_id);
        return NULL;
    }
    if (extension->ops->abi.size < sizeof(struct otc_component_ops) || !extension->ops->storage ||
        !extension->ops->queue) {
        *status =
            otc_fail(err, OTC_FAILED_PRECONDITION, "storage: extension \"%s\" is no storage", extension_id);
        return NULL;
    }
    return extension;
}

otc_status
otc_storage_open(struct otc_host *host, const char *extension_id, enum otc_kind kind,
                 const char *component_id, struct otc_storage **out, struct otc_error *err)
{
    otc_status status = OTC_OK;
    struct otc_component *extension = find_storage(host, extension_id, &status, err);

    return extension ? extension->ops->storage(extension, otc_kind_name(kind), component_id, out, err)
                     : status;
}

otc_status
otc_storage_queue_open(struct otc_host *host, const char *extension_id, enum otc_kind kind,
                       const char *component_id, const char *name, struct otc_stored_reader reader,
                       struct otc_storage_queue **out, struct otc_error *err)
{
    otc_status status = OTC_OK;
    struct otc_component *extension = find_storage(host, extension_id, &status, err);

    return extension
               ? extension->ops->queue(extension, otc_kind_name(kind), component_id, name, reader, out, err)
               : status;
}

struct otc_storage *
otc_handover(struct otc_host *host, enum otc_kind kind, const char *component_id)
{
    /* One that was built for an older interface ends before the member. */
    bool offers = host->abi.size >= sizeof(struct otc_host) && host->handover;

    return offers ? host->handover(host, otc_kind_name(kind), component_id) : NULL;
}
