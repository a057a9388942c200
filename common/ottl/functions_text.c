// SPDX-License-Identifier: Apache-2.0
/* Functions that make texts of texts, as Go's package strings does. */
#include "common/base/hash.h"
#include "common/base/utf8.h"
#include "common/otlp/wire.h"
#include "common/ottl/condition_impl.h"

#include <locale.h>
#include <pthread.h>
#include <wctype.h>

/* What stands for bytes that are no UTF-8. */
#define REPLACEMENT 0xFFFDu

bool
otc_ottl_keep(struct otc_condition_reader *reader, const struct otc_buf *made, enum otc_value_type type,
              struct otc_value *out)
{
    struct otc_slice copy = otc_arena_copy(reader->texts, otc_buf_slice(made));

    if (made->failed || (made->len > 0 && !copy.data)) {
        return otc_ottl_fail(reader,
                             made->failed ? "what it makes is above 16 MiB" : "out of memory for a text");
    }
    *out = (struct otc_value){type, {.slice = copy}};
    return true;
}

static bool
are_texts(const struct otc_ottl_node *node, struct otc_condition_reader *reader,
          const struct otc_value *arguments, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (arguments[i].type != OTC_VALUE_STRING) {
            return otc_ottl_fail(reader, "%s takes %s", node->function->name, n > 1 ? "texts" : "a text");
        }
    }
    return true;
}

/* ---- Characters ------------------------------------------------------------------------------------ */

/* The first character of a text that is not empty, and its length; REPLACEMENT and 1 for a byte that begins
 * none. */
static uint32_t
first_character(struct otc_slice text, size_t *len)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t lead = text.data[0];
    size_t n = lead < 0x80 ? 1 : lead >= 0xF0 && lead < 0xF8 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 0;
    uint32_t c = n == 1 ? lead : lead & (0xFFu >> (n + 1));

    *len = 1;
    if (n == 0 || n > text.len || lead >= 0xF8) {
        return REPLACEMENT;
    }
    for (size_t i = 1; i < n; i++) {
        if ((text.data[i] & 0xC0) != 0x80) {
            return REPLACEMENT;
        }
        c = c << 6 | (text.data[i] & 0x3Fu);
    }
    if (c < least[n] || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)) {
        return REPLACEMENT;
    }
    *len = n;
    return c;
}

void
otc_ottl_put_character(struct otc_buf *out, uint32_t c)
{
    uint8_t bytes[4];

    (void)otc_buf_append(out, bytes, otc_utf8_put(c, bytes));
}

/* ---- Case ------------------------------------------------------------------------------------------ */

/* Unicode's mappings of single characters, whatever locale the process has; never freed. */
static locale_t unicode;

static void
make_unicode(void)
{
    unicode = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

static bool
change_case(struct otc_condition_reader *reader, struct otc_slice text, bool upper, struct otc_value *out)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    OTC_AUTO_BUF struct otc_buf made = {.limit = OTC_OTTL_MADE_MAX};
    size_t len;

    if (pthread_once(&once, make_unicode) != 0 || !unicode) {
        return otc_ottl_fail(reader, "the system does not know the case of characters");
    }
    while (text.len > 0) {
        uint32_t c = first_character(text, &len);

        otc_ottl_put_character(
            &made, (uint32_t)(upper ? towupper_l((wint_t)c, unicode) : towlower_l((wint_t)c, unicode)));
        text = otc_slice_skip(text, len);
    }
    return otc_ottl_keep(reader, &made, OTC_VALUE_STRING, out);
}

bool
otc_ottl_to_case(OTC_OTTL_ARGUMENTS)
{
    return are_texts(node, reader, arguments, n) &&
           change_case(reader, arguments[0].as.slice, strcmp(node->function->name, "ToUpperCase") == 0, out);
}

/* ---- Ends ------------------------------------------------------------------------------------------ */

static bool
holds_character(struct otc_slice set, struct otc_slice character)
{
    return set.len > 0 && memmem(set.data, set.len, character.data, character.len) != NULL;
}

/* Trim("text", "characters"), or without blanks at its ends. */
bool
otc_ottl_trim(OTC_OTTL_ARGUMENTS)
{
    struct otc_slice text = arguments[0].as.slice, set = n > 1 ? arguments[1].as.slice : otc_slice_str(" ");
    size_t len;

    if (!are_texts(node, reader, arguments, n)) {
        return false;
    }
    while (text.len > 0) {
        (void)first_character(text, &len);
        if (!holds_character(set, otc_slice_of(text.data, len))) {
            break;
        }
        text = otc_slice_skip(text, len);
    }
    while (text.len > 0) {
        size_t at = text.len - 1;

        while (at > 0 && (text.data[at] & 0xC0) == 0x80) {
            at--;
        }
        if (!holds_character(set, otc_slice_of(text.data + at, text.len - at))) {
            break;
        }
        text.len = at;
    }
    *out = (struct otc_value){OTC_VALUE_STRING, {.slice = text}};
    return true;
}

/* TrimPrefix, TrimSuffix. */
bool
otc_ottl_trim_end(OTC_OTTL_ARGUMENTS)
{
    struct otc_slice text = arguments[0].as.slice, end = arguments[1].as.slice;

    if (!are_texts(node, reader, arguments, n)) {
        return false;
    }
    if (strcmp(node->function->name, "TrimPrefix") == 0) {
        text = otc_slice_starts(text, end) ? otc_slice_skip(text, end.len) : text;
    } else if (text.len >= end.len && otc_slice_equal(otc_slice_skip(text, text.len - end.len), end)) {
        text.len -= end.len;
    }
    *out = (struct otc_value){OTC_VALUE_STRING, {.slice = text}};
    return true;
}

/* ---- Pieces ---------------------------------------------------------------------------------------- */

static void
put_piece(struct otc_buf *out, struct otc_slice piece)
{
    size_t element = otc_wire_begin(out, 1);

    (void)otc_wire_put_bytes(out, 1, piece);
    otc_wire_end(out, element);
}

/* Split("a,b", ","); without a delimiter into characters. */
bool
otc_ottl_split(OTC_OTTL_ARGUMENTS)
{
    OTC_AUTO_BUF struct otc_buf list = {.limit = OTC_OTTL_MADE_MAX};
    struct otc_slice rest = arguments[0].as.slice, delimiter = arguments[1].as.slice;
    const uint8_t *found;
    size_t len;

    if (!are_texts(node, reader, arguments, n)) {
        return false;
    }
    while (delimiter.len == 0 && rest.len > 0) {
        (void)first_character(rest, &len);
        put_piece(&list, otc_slice_of(rest.data, len));
        rest = otc_slice_skip(rest, len);
    }
    while (delimiter.len > 0) {
        found = rest.len > 0 ? memmem(rest.data, rest.len, delimiter.data, delimiter.len) : NULL;
        len = found ? (size_t)(found - rest.data) : rest.len;
        put_piece(&list, otc_slice_of(rest.data, len));
        if (!found) {
            break;
        }
        rest = otc_slice_skip(rest, len + delimiter.len);
    }
    return otc_ottl_keep(reader, &list, OTC_VALUE_ARRAY, out);
}

/* FNV: 64 bits, variant 1a. */
bool
otc_ottl_fnv(OTC_OTTL_ARGUMENTS)
{
    if (!are_texts(node, reader, arguments, n)) {
        return false;
    }
    *out = (struct otc_value){OTC_VALUE_INT, {.integer = (int64_t)otc_hash_fnv1a(arguments[0].as.slice)}};
    return true;
}
