// SPDX-License-Identifier: Apache-2.0
#include "common/base/shortest.h"

#include <math.h>

__extension__ typedef unsigned __int128 wide;

/* A double as whole numbers, so that nothing is ever rounded: value = digits * 10^-decimals
 * and a rest. */
struct scaled {
    uint64_t digits; /* 17 of them */
    int decimals;
    unsigned shift; /* what follows is in units of 2^-shift of a digit */
    wide rest;
    wide below, above; /* how far texts may be off that read back as the same double */
    bool touching;     /* those that are off so far do so too */
};

static struct scaled
scale(double value)
{
    struct scaled out = {.decimals = 16};
    int exponent;
    uint64_t mantissa = (uint64_t)ldexp(frexp(value, &exponent), 53);
    bool lowest = mantissa == UINT64_C(1) << 52;
    wide ten = UINT64_C(10000000000000000), product;

    for (double d = value; d >= 10 && out.decimals > 1; d /= 10, ten /= 10) {
        out.decimals--;
    }
    for (double d = value; d < 1 && out.decimals < 20; d *= 10, ten *= 10) {
        out.decimals++;
    }
    out.shift = (unsigned)(53 - exponent);
    if ((uint64_t)(mantissa * ten >> out.shift) < UINT64_C(10000000000000000)) {
        ten *= 10; /* the quotients above were rounded up */
        out.decimals++;
    }
    /* Two bits more: half the distance to the next double, and a quarter below a power of two. */
    out.shift += 2;
    product = mantissa * ten << 2;
    out.digits = (uint64_t)(product >> out.shift);
    out.rest = product - ((wide)out.digits << out.shift);
    out.above = 2 * ten;
    out.below = lowest ? ten : 2 * ten;
    out.touching = mantissa % 2 == 0; /* strtod rounds to even */
    return out;
}

/* How many units, a power of ten, are nearest to the value and read back as it; 0: none. A unit is 1 of the
 * last of its digits. */
static uint64_t
shorter(const struct scaled *value, uint64_t unit)
{
    uint64_t lower = value->digits / unit;
    wide down = ((wide)(value->digits % unit) << value->shift) + value->rest,
         up = ((wide)unit << value->shift) - down;
    bool down_fits = value->touching ? down <= value->below : down < value->below;
    bool up_fits = value->touching ? up <= value->above : up < value->above;

    if (down_fits && up_fits) {
        return lower + (up < down || (up == down && lower % 2 == 1));
    }
    return down_fits ? lower : up_fits ? lower + 1 : 0;
}

size_t
otc_format_shortest(double value, char out[OTC_DOUBLE_TEXT_MAX])
{
    struct scaled scaled = scale(value);
    uint64_t digits = shorter(&scaled, 1), unit = 1, next;
    char text[OTC_INT64_TEXT_MAX];
    int len, whole;
    size_t n = 0;

    while (scaled.decimals > 0 && (next = shorter(&scaled, unit * 10)) > 0) {
        digits = next;
        unit *= 10;
        scaled.decimals--;
    }
    len = (int)otc_format_int64((int64_t)digits, text);
    whole = len - scaled.decimals; /* digits before the point */
    for (int i = whole < 1 ? whole - 1 : 0; i < len; i++) {
        if (i == whole) {
            out[n++] = '.';
        }
        out[n++] = (char)(i < 0 ? '0' : text[i]);
    }
    out[n] = '\0';
    return n;
}
