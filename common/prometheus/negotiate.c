// SPDX-License-Identifier: Apache-2.0
#include "common/prometheus/exposition.h"

#include "common/base/number.h"

#include <strings.h>

/** Members of an Accept header that are looked at. */
#define MEMBERS_MAX 64

/** The part before `separator`, trimmed; `*rest` moves behind it. False when nothing is left. */
static bool
next_part(struct otc_slice *rest, char separator, struct otc_slice *part)
{
    if (rest->len == 0) {
        return false;
    }
    *part = otc_slice_trim(otc_slice_take(rest, separator));
    return true;
}

static bool
equals_word(struct otc_slice text, const char *word)
{
    return text.len == strlen(word) && strncasecmp((const char *)text.data, word, text.len) == 0;
}

/** One member: media type (or coding) and the parameters that matter. */
struct member {
    struct otc_slice name;
    struct otc_slice version;
    bool utf8;
    double q;
};

static void
read_parameter(struct otc_slice parameter, struct member *member)
{
    struct otc_slice key;
    struct otc_slice value;

    if (!next_part(&parameter, '=', &key)) {
        return;
    }
    value = otc_slice_trim(parameter);
    if (value.len >= 2 && value.data[0] == '"' && value.data[value.len - 1] == '"') {
        value = otc_slice_of(value.data + 1, value.len - 2);
    }
    if (equals_word(key, "q")) {
        if (!otc_parse_double(value, &member->q) || !(member->q >= 0 && member->q <= 1)) {
            member->q = 0;
        }
    } else if (equals_word(key, "version")) {
        member->version = value;
    } else if (equals_word(key, "escaping")) {
        member->utf8 = equals_word(value, "allow-utf-8");
    }
}

static bool
next_member(struct otc_slice *rest, struct member *member)
{
    struct otc_slice text;
    struct otc_slice parameter;

    *member = (struct member){.q = 1};
    if (!next_part(rest, ',', &text)) {
        return false;
    }
    if (!next_part(&text, ';', &member->name)) {
        member->name = OTC_SLICE_NONE;
    }
    while (next_part(&text, ';', &parameter)) {
        read_parameter(parameter, member);
    }
    return true;
}

static bool
is_openmetrics(const struct member *member)
{
    return equals_word(member->name, "application/openmetrics-text") &&
           (member->version.len == 0 || equals_word(member->version, "1.0.0") ||
            equals_word(member->version, "0.0.1"));
}

static bool
is_text(const struct member *member)
{
    if (equals_word(member->name, "text/plain")) {
        return member->version.len == 0 || equals_word(member->version, "0.0.4") ||
               equals_word(member->version, "1.0.0");
    }
    return equals_word(member->name, "text/*") || equals_word(member->name, "*/*");
}

struct otc_exposition_type
otc_exposition_negotiate(struct otc_slice accept, bool openmetrics)
{
    struct otc_exposition_type best = {.format = OTC_TEXT_0_0_4};
    double best_q = 0;
    struct member member;

    for (size_t i = 0; i < MEMBERS_MAX && next_member(&accept, &member); i++) {
        bool om = openmetrics && is_openmetrics(&member);

        if ((!om && !is_text(&member)) || member.q <= best_q) {
            continue;
        }
        best_q = member.q;
        best.format = om ? OTC_OPENMETRICS_1_0_0 : OTC_TEXT_0_0_4;
        /* Quoted names came with version 1.0.0 of either format. */
        best.utf8_names = member.utf8 && equals_word(member.version, "1.0.0");
    }
    return best;
}

const char *
otc_exposition_content_type(struct otc_exposition_type type)
{
    if (type.format == OTC_OPENMETRICS_1_0_0) {
        return type.utf8_names
                   ? "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8"
                   : "application/openmetrics-text; version=1.0.0; charset=utf-8";
    }
    return type.utf8_names ? "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8"
                           : "text/plain; version=0.0.4; charset=utf-8";
}

bool
otc_exposition_accepts_gzip(struct otc_slice accept_encoding)
{
    bool any = false;
    struct member member;

    for (size_t i = 0; i < MEMBERS_MAX && next_member(&accept_encoding, &member); i++) {
        if (equals_word(member.name, "gzip") || equals_word(member.name, "x-gzip")) {
            return member.q > 0;
        }
        any = any || (equals_word(member.name, "*") && member.q > 0);
    }
    return any;
}
