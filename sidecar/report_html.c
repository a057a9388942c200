// SPDX-License-Identifier: Apache-2.0
#include "sidecar/report_html.h"

#include "sidecar/screen.h"

#include <math.h>

/** Characters of a foreign text, at most. */
#define MAX_CHARACTERS 200

static void
put_character(struct otc_buf *out, const char *character, size_t len)
{
    switch (character[0]) {
    case '&':
        (void)otc_buf_append_str(out, "&amp;");
        break;
    case '<':
        (void)otc_buf_append_str(out, "&lt;");
        break;
    case '>':
        (void)otc_buf_append_str(out, "&gt;");
        break;
    case '"':
        (void)otc_buf_append_str(out, "&quot;");
        break;
    case '\'':
        (void)otc_buf_append_str(out, "&#39;");
        break;
    default:
        (void)otc_buf_append(out, character, len);
    }
}

void
otc_html_text(struct otc_buf *out, struct otc_slice text)
{
    char character[4];

    for (size_t i = 0; text.len > 0; i++) {
        size_t len = otc_screen_next(&text, character);

        if (i == MAX_CHARACTERS) {
            (void)otc_buf_append_str(out, "…");
            return;
        }
        put_character(out, character, len);
    }
}

void
otc_html_str(struct otc_buf *out, const char *text)
{
    otc_html_text(out, otc_slice_str(text));
}

void
otc_html_number(struct otc_buf *out, double value, int digits)
{
    if (isnan(value)) {
        (void)otc_buf_append_str(out, "–");
    } else {
        (void)otc_buf_printf(out, "%.*g", digits, value);
    }
}

void
otc_html_percent(struct otc_buf *out, double share)
{
    if (isnan(share)) {
        (void)otc_buf_append_str(out, "–");
    } else if (share > 0 && share < 0.001) {
        (void)otc_buf_append_str(out, "&lt; 0.1 %");
    } else {
        (void)otc_buf_printf(out, "%.1f %%", 100 * share);
    }
}

void
otc_html_p(struct otc_buf *out, double p)
{
    if (isnan(p)) {
        (void)otc_buf_append_str(out, "–");
    } else if (p < 1e-300) {
        (void)otc_buf_append_str(out, "&lt; 1e-300");
    } else {
        (void)otc_buf_printf(out, "%.2g", p);
    }
}

void
otc_html_count(struct otc_buf *out, uint64_t count)
{
    char digits[24];
    int len = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)count);

    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0) {
            (void)otc_buf_append_byte(out, ',');
        }
        (void)otc_buf_append_byte(out, (uint8_t)digits[i]);
    }
}
