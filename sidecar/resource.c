// SPDX-License-Identifier: Apache-2.0
#include "sidecar/resource.h"

#define PATH "service::telemetry::resource"

typedef otc_status (*put_fn)(void *arg, struct otc_slice key, const struct otc_node *value,
                             struct otc_error *err);

static otc_status
refuse(const struct otc_node *node, struct otc_error *err)
{
    otc_node_error(node, err);
    return OTC_FAILED_PRECONDITION;
}

static otc_status
put_one(const struct otc_node *node, struct otc_slice key, const struct otc_node *value, put_fn put,
        void *arg, struct otc_error *err)
{
    otc_status status;

    if (value != NULL && (value->kind == OTC_NODE_MAP || value->kind == OTC_NODE_LIST)) {
        otc_fail(err, OTC_FAILED_PRECONDITION, PATH "::%.*s: must be a scalar", OTC_SLICE_ARG(key));
        return refuse(node, err);
    }
    status = put != NULL ? put(arg, key, value, err) : OTC_OK;
    return status;
}

/* The newer form: attributes: [{name, value}]. */
static otc_status
put_attributes(const struct otc_node *list, put_fn put, void *arg, struct otc_error *err)
{
    otc_status status = OTC_OK;

    for (const struct otc_node *item = list->first; item != NULL && status == OTC_OK; item = item->next) {
        const struct otc_node *name = otc_node_get(item, "name");

        if (name == NULL || name->kind != OTC_NODE_STRING || name->text.len == 0) {
            otc_fail(err, OTC_FAILED_PRECONDITION, PATH "::attributes: each item needs a name and a value");
            return refuse(item, err);
        }
        status = put_one(item, name->text, otc_node_get(item, "value"), put, arg, err);
    }
    return status;
}

/* Of the newer form's keys those that find attributes by themselves would change what comes out. */
static otc_status
check_keys(const struct otc_node *resource, struct otc_error *err)
{
    for (const struct otc_node *n = resource->first; n != NULL; n = n->next) {
        if (!otc_slice_equal_str(n->key, "attributes") && !otc_slice_equal_str(n->key, "schema_url") &&
            !otc_node_is_null(n)) {
            otc_fail(err, OTC_FAILED_PRECONDITION,
                     PATH "::%.*s: beside `attributes` only `schema_url` is supported",
                     OTC_SLICE_ARG(n->key));
            return refuse(n, err);
        }
    }
    return OTC_OK;
}

otc_status
otc_resource_read(const struct otc_node *resource, put_fn put, void *arg, struct otc_error *err)
{
    const struct otc_node *attributes = otc_node_get(resource, "attributes");
    bool listed = resource != NULL && attributes != NULL && attributes->kind == OTC_NODE_LIST;
    otc_status status = OTC_OK;

    if (resource != NULL && (listed ? attributes->n : resource->n) > OTC_RESOURCE_MAX - 3) {
        otc_fail(err, OTC_FAILED_PRECONDITION, PATH ": at most %u attributes", OTC_RESOURCE_MAX - 3);
        return refuse(resource, err);
    }
    if (listed) {
        status = check_keys(resource, err);
        return status == OTC_OK ? put_attributes(attributes, put, arg, err) : status;
    }
    for (const struct otc_node *n = resource != NULL ? resource->first : NULL; n != NULL && status == OTC_OK;
         n = n->next) {
        status = put_one(n, n->key, n, put, arg, err);
    }
    return status;
}
