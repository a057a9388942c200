// SPDX-License-Identifier: Apache-2.0
#include "common/net/curl_api.h"

#include <dlfcn.h>
#include <pthread.h>

#define LIBRARY "libcurl.so.4"

struct otc_curl otc_curl;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char failure[256];

/* Kept until the process ends. */
static void
load(void)
{
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

    if (!library) {
        snprintf(failure, sizeof(failure), "%.200s", dlerror()); // NOLINT(concurrency-mt-unsafe)
        return;
    }
#define OTC_CURL_FIND(name)                                                                                  \
    *(void **)(void *)&otc_curl.name = dlsym(library, "curl_" #name);                                        \
    if (!otc_curl.name) {                                                                                    \
        snprintf(failure, sizeof(failure), LIBRARY ": has no curl_" #name);                                  \
    }
    OTC_CURL_FUNCTIONS(OTC_CURL_FIND)
#undef OTC_CURL_FIND
    if (!failure[0] && otc_curl.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        snprintf(failure, sizeof(failure), LIBRARY ": curl_global_init failed");
    }
}

otc_status
otc_curl_load(struct otc_error *err)
{
    pthread_once(&once, load);
    if (failure[0]) {
        return otc_fail(err, OTC_FAILED_PRECONDITION,
                        "HTTP clients need libcurl 7.84 or later (Debian: libcurl4): %s", failure);
    }
    return OTC_OK;
}
