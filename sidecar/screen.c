// SPDX-License-Identifier: Apache-2.0
#include "sidecar/screen.h"

/** A character: its code point and bytes; 0 bytes: not UTF-8. */
struct character {
    uint32_t code;
    size_t bytes;
};

static struct character
character_at(struct otc_slice text)
{
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t first = text.data[0];
    size_t bytes = first < 0x80 ? 1 : first >> 5 == 6 ? 2 : first >> 4 == 14 ? 3 : first >> 3 == 30 ? 4 : 0;
    struct character c = {bytes == 1 ? first : first & (0x7fu >> bytes), bytes};

    if (bytes > text.len) {
        return (struct character){0, 0};
    }
    for (size_t i = 1; i < bytes; i++) {
        if (text.data[i] >> 6 != 2) {
            return (struct character){0, 0};
        }
        c.code = c.code << 6 | (text.data[i] & 0x3f);
    }
    return bytes == 0 || c.code < least[bytes] ? (struct character){0, 0} : c;
}

/** C0, DEL and C1, and the marks that turn the direction of writing. */
static bool
is_control(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0x200e && code <= 0x200f) ||
           (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

/** Blocks of East Asian wide and full-width characters and emoji (Unicode's EastAsianWidth). */
static bool
is_wide(uint32_t code)
{
    return (code >= 0x1100 && code <= 0x115f) || (code >= 0x2e80 && code <= 0xa4cf) ||
           (code >= 0xac00 && code <= 0xd7a3) || (code >= 0xf900 && code <= 0xfaff) ||
           (code >= 0xfe30 && code <= 0xfe6f) || (code >= 0xff00 && code <= 0xff60) ||
           (code >= 0xffe0 && code <= 0xffe6) || (code >= 0x1f300 && code <= 0x1faff) ||
           (code >= 0x20000 && code <= 0x3fffd);
}

static size_t
columns_of(uint32_t code)
{
    if (code >= 0x300 && code <= 0x36f) {
        return 0; /* combining marks */
    }
    return is_wide(code) ? 2 : 1;
}

/** Appends one character to `out` as it may be shown; returns its columns. */
static size_t
put(struct otc_slice text, const struct character *c, char *out, size_t *len)
{
    if (c->bytes == 0 || is_control(c->code)) {
        out[(*len)++] = '?';
        return 1;
    }
    memcpy(out + *len, text.data, c->bytes);
    *len += c->bytes;
    return columns_of(c->code);
}

size_t
otc_screen_next(struct otc_slice *rest, char out[4])
{
    struct character c = character_at(*rest);
    size_t len = 0;

    (void)put(*rest, &c, out, &len);
    *rest = otc_slice_skip(*rest, c.bytes ? c.bytes : 1);
    return len;
}

size_t
otc_screen_name(struct otc_slice name, char out[OTC_SCREEN_NAME_BYTES])
{
    static const char ellipsis[] = "…";
    /* Where an ellipsis would stand if the next characters do not fit. */
    size_t cut = 0, cut_columns = 0;
    size_t len = 0, columns = 0;

    while (name.len > 0) {
        struct character c = character_at(name);
        size_t wanted = c.bytes == 0 || is_control(c.code) ? 1 : columns_of(c.code);

        if (columns < OTC_SCREEN_NAME_COLUMNS) {
            cut = len;
            cut_columns = columns;
        }
        if (columns + wanted > OTC_SCREEN_NAME_COLUMNS ||
            len + c.bytes + sizeof(ellipsis) > OTC_SCREEN_NAME_BYTES) {
            memcpy(out + cut, ellipsis, sizeof(ellipsis));
            return cut_columns + 1;
        }
        columns += put(name, &c, out, &len);
        name = otc_slice_skip(name, c.bytes ? c.bytes : 1);
    }
    out[len] = 0;
    return columns;
}

/** Columns of the first `len` bytes of UTF-8 text. */
static size_t
columns_of_word(const char *text, size_t len)
{
    struct otc_slice rest = otc_slice_of(text, len);
    size_t columns = 0;

    while (rest.len > 0) {
        struct character c = character_at(rest);

        columns += c.bytes ? columns_of(c.code) : 1;
        rest = otc_slice_skip(rest, c.bytes ? c.bytes : 1);
    }
    return columns;
}

size_t
otc_screen_columns(const char *text)
{
    return columns_of_word(text, strlen(text));
}

void
otc_screen_print(struct otc_slice text, FILE *to)
{
    char character[4];

    while (text.len > 0) {
        size_t len = otc_screen_next(&text, character);

        (void)fwrite(character, 1, len, to);
    }
}

void
otc_screen_wrap(const char *text, size_t at, size_t indent, size_t width, FILE *to)
{
    bool begun = false; /* the line has a word */

    while (*text) {
        size_t len = strcspn(text, " ");
        size_t columns = columns_of_word(text, len);

        if (begun && at + 1 + columns > width) {
            (void)fprintf(to, "\n%*s", (int)indent, "");
            at = indent;
            begun = false;
        }
        (void)fprintf(to, "%s%.*s", begun ? " " : "", (int)len, text);
        at += begun + columns;
        begun = true;
        text += len + (text[len] == ' ');
    }
    (void)fputc('\n', to);
}

void
otc_name_line_add(struct otc_name_line *line, struct otc_slice name)
{
    char shown[OTC_SCREEN_NAME_BYTES];
    size_t columns = otc_screen_name(name, shown) + otc_screen_columns(line->text) + 2;

    line->n++;
    if (line->left > 0 || columns > OTC_NAME_LINE_COLUMNS) {
        line->left++;
        return;
    }
    (void)snprintf(line->text + strlen(line->text), sizeof(line->text) - strlen(line->text), "%s%s",
                   line->text[0] ? ", " : "", shown);
}

const char *
otc_name_line_rest(struct otc_name_line *line)
{
    line->rest[0] = 0;
    if (line->left > 0) {
        (void)snprintf(line->rest, sizeof(line->rest), " and %zu more", line->left);
    }
    return line->rest;
}
