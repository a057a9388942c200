// SPDX-License-Identifier: Apache-2.0
#include "common/component/factory.h"

#include "common/config/schema.h"

#define TYPE_MAX 63u

/** As long as the members that every release of this interface had. */
#define FACTORY_MIN offsetof(struct otc_factory, offers)

static bool
type_ok(const char *type)
{
    return type != NULL && strlen(type) <= TYPE_MAX && type[0] >= 'a' && type[0] <= 'z' &&
           strspn(type, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(type);
}

/** What is missing, or NULL. */
static const char *
incomplete(const struct otc_factory *f)
{
    return !type_ok(f->type)                   ? "a type of a-z, 0-9 and _ that begins with a letter"
           : (unsigned)f->kind > OTC_EXTENSION ? "a kind"
           : f->config == NULL || f->config->fields == NULL         ? "a table of settings"
           : f->create == NULL                                      ? "a create function"
           : f->kind != OTC_EXTENSION && (!f->pairs || !f->n_pairs) ? "the signals it takes"
                                                                    : NULL;
}

otc_status
otc_factory_copy(const struct otc_factory *theirs, struct otc_factory *out, struct otc_error *err)
{
    size_t size = theirs->abi.size < sizeof(*theirs) ? theirs->abi.size : sizeof(*theirs);
    const char *lacks;

    if (theirs->abi.version == OTC_ABI_VERSION && size < FACTORY_MIN) {
        return otc_fail(
            err, OTC_FAILED_PRECONDITION,
            "is built for version %u of the component interface, but its factory has %zu bytes of at "
            "least %zu: build it with the headers of otelcol-aimon %s",
            (unsigned)theirs->abi.version, size, (size_t)FACTORY_MIN, OTC_VERSION);
    }
    if (theirs->abi.version != OTC_ABI_VERSION) {
        return otc_fail(err, OTC_FAILED_PRECONDITION,
                        "is built for version %u of the component interface, this program has version %u: "
                        "build it with the headers of otelcol-aimon %s",
                        (unsigned)theirs->abi.version, OTC_ABI_VERSION, OTC_VERSION);
    }
    memset(out, 0, sizeof(*out));
    memcpy(out, theirs, size);
    out->abi = (struct otc_abi)OTC_ABI_OF(otc_factory);
    lacks = incomplete(out);
    return lacks ? otc_fail(err, OTC_FAILED_PRECONDITION, "component \"%s\" lacks %s",
                            type_ok(out->type) ? out->type : "?", lacks)
                 : OTC_OK;
}

const struct otc_factory *
otc_factory_as(const struct otc_factory *factory, enum otc_kind kind)
{
    return factory->kind == kind                                  ? factory
           : factory->face != NULL && factory->face->kind == kind ? factory->face
                                                                  : NULL;
}
