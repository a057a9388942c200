// SPDX-License-Identifier: Apache-2.0
#include "common/component/storage.h"

otc_status
otc_storage_open(struct otc_host *host, const char *extension_id, enum otc_kind kind,
                 const char *component_id, struct otc_storage **out, struct otc_error *err)
{
    struct otc_component *extension = host->extension(host, extension_id);
    /* One that was built for an older interface ends before the member. */
    bool offers =
        extension && extension->ops->abi.size >= sizeof(struct otc_component_ops) && extension->ops->storage;

    if (!extension) {
        return otc_fail(err, OTC_FAILED_PRECONDITION, "storage: extension \"%s\" does not run", extension_id);
    }
    if (!offers) {
        return otc_fail(err, OTC_FAILED_PRECONDITION, "storage: extension \"%s\" is no storage",
                        extension_id);
    }
    return extension->ops->storage(extension, otc_kind_name(kind), component_id, out, err);
}
