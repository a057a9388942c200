// SPDX-License-Identifier: Apache-2.0
#include "common/net/reply.h"

#define PAGE_STREAMS 16

struct otc_page_set {
    const struct otc_page *pages;
    size_t n;
    void *arg;
};

static const struct otc_page *
find_page(const struct otc_page_set *set, struct otc_slice path)
{
    for (size_t i = 0; i < set->n; i++) {
        if (!set->pages[i].path || otc_slice_equal_str(path, set->pages[i].path)) {
            return &set->pages[i];
        }
    }
    return NULL;
}

static void
refuse_method(struct otc_exchange *exchange)
{
    static const struct otc_field_line headers[] = {
        {OTC_SLICE_LIT("content-type"), OTC_SLICE_LIT("text/plain; charset=utf-8")},
        {OTC_SLICE_LIT("allow"), OTC_SLICE_LIT("GET, HEAD")},
    };

    otc_exchange_respond(exchange, &(struct otc_response){.status = 405,
                                                          .headers = headers,
                                                          .n_headers = 2,
                                                          .body = OTC_SLICE_LIT("405 method not allowed\n")});
}

static void
on_page(void *arg, struct otc_exchange *exchange)
{
    const struct otc_page_set *set = arg;
    const struct otc_page *page = find_page(set, otc_exchange_path(exchange));
    const struct otc_slice method = otc_exchange_method(exchange);

    if (!page) {
        otc_exchange_respond_text(exchange, 404, "text/plain; charset=utf-8",
                                  otc_slice_str("404 page not found\n"));
    } else if (!otc_slice_equal_str(method, "GET") && !otc_slice_equal_str(method, "HEAD")) {
        refuse_method(exchange);
    } else if (otc_replies_full(exchange)) { /* before the work of making the page */
        otc_exchange_respond_text(exchange, 503, "text/plain; charset=utf-8",
                                  otc_slice_str("too many answers wait for their readers\n"));
    } else {
        page->serve(set->arg, exchange);
    }
}

otc_status
otc_pages_open(const struct otc_server_options *options, const struct otc_page *pages, size_t n_pages,
               struct otc_server **out, struct otc_error *err)
{
    static const struct otc_handler handler = {.on_request = on_page};
    struct otc_page_set *set = calloc(1, sizeof(*set));
    struct otc_server_options own = *options;
    otc_status status;

    *out = NULL;
    if (!set) {
        return otc_fail(err, OTC_INTERNAL, "listen %s: out of memory", options->endpoint);
    }
    *set = (struct otc_page_set){pages, n_pages, options->arg};
    own.handler = &handler;
    own.arg = set;
    own.max_concurrent_streams = own.max_concurrent_streams ? own.max_concurrent_streams : PAGE_STREAMS;
    status = otc_server_open(&own, out, err);
    if (status != OTC_OK) {
        free(set);
        return status;
    }
    (*out)->pages = set;
    return OTC_OK;
}
