// SPDX-License-Identifier: Apache-2.0
#include "common/otlp/edit_each.h"

#define ATTRIBUTES_LINK ((enum otc_attributes_of)4)
#define SPAN_EVENTS 11
#define SPAN_LINKS 13

struct each {
    unsigned kinds;
    void (*fn)(void *arg, const struct otc_edit_place *place);
    void *arg;
};

static void
show(const struct each *each, enum otc_edit_kind kind, struct otc_slice message, enum otc_attributes_of of)
{
    const struct otc_edit_place place = {kind, message, of};

    if (each->kinds & kind) {
        each->fn(each->arg, &place);
    }
}

static void
show_members(const struct each *each, struct otc_slice message, uint32_t field, enum otc_edit_kind kind,
             enum otc_attributes_of of)
{
    struct otc_slice member;

    while ((each->kinds & kind) && otc_messages_next(&message, field, &member)) {
        show(each, kind, member, of);
    }
}

static void
show_span(const struct each *each, struct otc_slice span)
{
    show(each, OTC_EDIT_ITEM, span, OTC_ATTRIBUTES_SPAN);
    show_members(each, span, SPAN_EVENTS, OTC_EDIT_EVENT, OTC_ATTRIBUTES_EVENT);
    show_members(each, span, SPAN_LINKS, OTC_EDIT_LINK, ATTRIBUTES_LINK);
}

static void
show_metric(const struct each *each, struct otc_slice metric)
{
    static const struct {
        uint32_t field;
        enum otc_attributes_of of;
    } data[] = {{5, OTC_ATTRIBUTES_NUMBER_POINT},
                {7, OTC_ATTRIBUTES_NUMBER_POINT},
                {9, OTC_ATTRIBUTES_HISTOGRAM_POINT},
                {10, OTC_ATTRIBUTES_EXPONENTIAL_POINT},
                {11, OTC_ATTRIBUTES_SUMMARY_POINT}};

    show(each, OTC_EDIT_METRIC, metric, OTC_ATTRIBUTES_NUMBER_POINT);
    for (size_t i = 0; i < sizeof(data) / sizeof(data[0]); i++) {
        struct otc_slice rest = metric, member;

        while (otc_messages_next(&rest, data[i].field, &member)) {
            show_members(each, member, 1, OTC_EDIT_ITEM, data[i].of);
        }
    }
}

void
otc_edit_each(enum otc_signal signal, struct otc_slice part, unsigned kinds,
              void (*fn)(void *arg, const struct otc_edit_place *place), void *arg)
{
    const struct each each = {kinds, fn, arg};
    struct otc_slice group;

    while (otc_messages_next(&part, 1, &group)) {
        struct otc_slice scopes = group, scope;

        show(&each, OTC_EDIT_RESOURCE, group, OTC_ATTRIBUTES_RESOURCE);
        while ((kinds & ~(unsigned)OTC_EDIT_RESOURCE) && otc_messages_next(&scopes, 2, &scope)) {
            struct otc_slice items = scope, item;

            show(&each, OTC_EDIT_SCOPE, scope, OTC_ATTRIBUTES_SCOPE);
            while ((kinds & ~(unsigned)(OTC_EDIT_RESOURCE | OTC_EDIT_SCOPE)) &&
                   otc_messages_next(&items, 2, &item)) {
                if (signal == OTC_TRACES) {
                    show_span(&each, item);
                } else if (signal == OTC_METRICS) {
                    show_metric(&each, item);
                } else {
                    show(&each, OTC_EDIT_ITEM, item, OTC_ATTRIBUTES_LOG_RECORD);
                }
            }
        }
    }
}
