// SPDX-License-Identifier: Apache-2.0
#include "common/ottl/subjects.h"

#include "common/base/buf.h"

#include <ctype.h>

#define HEAD_MAX ((size_t)64 << 20)
#define SPAN_EVENTS 11

struct otc_slice
otc_ottl_head(struct otc_slice group, struct otc_arena *texts)
{
    OTC_AUTO_BUF struct otc_buf joined = {.limit = HEAD_MAX};
    struct otc_slice rest = group, piece, head = OTC_SLICE_NONE;
    size_t n = 0;

    while (otc_messages_next(&rest, 1, &piece)) {
        head = piece;
        n++;
    }
    if (n < 2) {
        return head;
    }
    while (otc_messages_next(&group, 1, &piece)) {
        otc_buf_append_slice(&joined, piece);
    }
    return otc_arena_copy(texts, otc_buf_slice(&joined));
}

/* ---- Walking ------------------------------------------------------------------------------------ */

struct walk {
    enum otc_ottl_context context;
    void (*fn)(void *arg, const struct otc_ottl_subject *subject);
    void *arg;
    struct otc_ottl_subject subject;
};

/* A span, metric or log record. */
static void
show_item(struct walk *walk)
{
    struct otc_ottl_subject *subject = &walk->subject;
    struct otc_slice rest = subject->item, data;

    if (walk->context == OTC_OTTL_METRIC || walk->context == OTC_OTTL_DATAPOINT) {
        subject->metric = subject->item;
        subject->metric_type = otc_ottl_metric_data(subject->metric, &data);
        while (walk->context == OTC_OTTL_DATAPOINT && otc_messages_next(&data, 1, &subject->item)) {
            walk->fn(walk->arg, subject);
        }
    }
    if (walk->context == OTC_OTTL_SPANEVENT) {
        for (subject->event_index = 0; otc_messages_next(&rest, SPAN_EVENTS, &subject->event);
             subject->event_index++) {
            walk->fn(walk->arg, subject);
        }
    }
    if (walk->context != OTC_OTTL_SPANEVENT && walk->context != OTC_OTTL_DATAPOINT) {
        walk->fn(walk->arg, subject);
    }
}

static void
show_scope(struct walk *walk)
{
    struct otc_slice items = walk->subject.scope_group;

    if (walk->context == OTC_OTTL_SCOPE) {
        walk->fn(walk->arg, &walk->subject);
        return;
    }
    while (otc_messages_next(&items, 2, &walk->subject.item)) {
        show_item(walk);
    }
}

void
otc_ottl_each(enum otc_ottl_context context, struct otc_slice part, struct otc_arena *texts,
              void (*fn)(void *arg, const struct otc_ottl_subject *subject), void *arg)
{
    struct otc_slice group;

    while (otc_messages_next(&part, 1, &group)) {
        struct walk walk = {
            context, fn, arg, {.resource_group = group, .resource = otc_ottl_head(group, texts)}};
        struct otc_slice scopes = group;

        if (context == OTC_OTTL_RESOURCE) {
            fn(arg, &walk.subject);
            continue;
        }
        while (otc_messages_next(&scopes, 2, &walk.subject.scope_group)) {
            walk.subject.scope = otc_ottl_head(walk.subject.scope_group, texts);
            show_scope(&walk);
        }
    }
}

/* ---- Inferring ---------------------------------------------------------------------------------- */

bool
otc_ottl_names(const char *text, const char *prefix)
{
    bool quoted = false;
    size_t len = strlen(prefix);

    for (const char *p = text; *p; p++) {
        if (quoted && *p == '\\' && p[1]) {
            p++;
        } else if (*p == '"') {
            quoted = !quoted;
        } else if (!quoted && strncmp(p, prefix, len) == 0 &&
                   (p == text || (!isalnum((unsigned char)p[-1]) && !strchr("_.", p[-1])))) {
            return true;
        }
    }
    return false;
}
