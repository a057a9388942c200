// SPDX-License-Identifier: Apache-2.0
/** @file Asks an authenticator, as servers and clients do, for tests. */
#ifndef OTC_TESTS_AUTH_H
#define OTC_TESTS_AUTH_H

#include "common/component/otc.h"

#include <stdio.h>
#include <strings.h>

/** A request with one header. */
struct otc_test_request {
    struct otc_auth_request request; /* first */
    const char *name;
    const char *value; /* NULL: there is none */
};

static inline struct otc_slice
otc_test_request_header(const struct otc_auth_request *self, const char *name)
{
    const struct otc_test_request *request = (const struct otc_test_request *)(const void *)self;

    return request->value && strcasecmp(request->name, name) == 0 ? otc_slice_str(request->value)
                                                                  : OTC_SLICE_NONE;
}

/** What was put: `name=value`, separated by blanks. */
struct otc_test_auth_sink {
    struct otc_auth_sink sink;
    char text[1024];
};

static inline void
otc_test_auth_put(struct otc_auth_sink *self, struct otc_slice name, struct otc_slice value)
{
    struct otc_test_auth_sink *sink = OTC_CONTAINER(self, otc_test_auth_sink, sink);
    const size_t len = strlen(sink->text);

    (void)snprintf(sink->text + len, sizeof(sink->text) - len, "%s%.*s=%.*s", len ? " " : "",
                   OTC_SLICE_ARG(name), OTC_SLICE_ARG(value));
}

#define OTC_TEST_AUTH_SINK                                                                                   \
    ((struct otc_test_auth_sink){.sink = {OTC_ABI_OF(otc_auth_sink), otc_test_auth_put}})

/** What the authenticator of a component says to a request with this header; what it learnt in `sink`. */
static inline otc_status
otc_test_check(struct otc_component *component, const char *name, const char *value,
               struct otc_test_auth_sink *sink, struct otc_error *err)
{
    struct otc_authenticator *authenticator = component->ops->authenticator(component);
    const struct otc_test_request request = {
        {OTC_ABI_OF(otc_auth_request), otc_test_request_header}, name, value};

    *sink = OTC_TEST_AUTH_SINK;
    *err = OTC_ERROR_INIT;
    return authenticator->check(authenticator, &request.request, &sink->sink, err);
}

static inline otc_status
otc_test_auth_headers(struct otc_component *component, struct otc_test_auth_sink *sink, struct otc_error *err)
{
    struct otc_authenticator *authenticator = component->ops->authenticator(component);

    *sink = OTC_TEST_AUTH_SINK;
    *err = OTC_ERROR_INIT;
    return authenticator->headers(authenticator, &sink->sink, err);
}

#endif
