// SPDX-License-Identifier: Apache-2.0
#include "common/otlp/split.h"

/* Depths: the request, a resource, a scope, and for metrics the metric and its data. */
enum { REQUEST, RESOURCE, SCOPE, METRIC, DATA };

/* Gauge 5, Sum 7, Histogram 9, ExponentialHistogram 10, Summary 11. */
#define METRIC_DATA (1u << 5 | 1u << 7 | 1u << 9 | 1u << 10 | 1u << 11)

/* What stands next below a message that has children: an item, or another message that has. */
struct unit {
    struct otc_slice whole; /* tag and length included */
    struct otc_slice message;
    size_t items;
    bool divisible;
};

struct limit {
    enum otc_split_unit unit;
    size_t room;
};

static otc_status
malformed(struct otc_error *err)
{
    if (err) {
        err->permanent = true;
    }
    return otc_fail(err, OTC_INVALID_ARGUMENT, "otlp: malformed protobuf");
}

static otc_status
out_of_memory(struct otc_error *err)
{
    return otc_fail(err, OTC_UNAVAILABLE, "out of memory");
}

/* ---- Reading -------------------------------------------------------------------------------------- */

static size_t
count_children(struct otc_slice message, uint32_t field)
{
    struct otc_wire wire = otc_wire_of(message);
    struct otc_wire_field child;
    size_t n = 0;

    while (otc_wire_next(&wire, &child)) {
        n += child.field == field && child.type == OTC_WIRE_BYTES;
    }
    return n;
}

/* Which field holds the data of a metric, and how many there are. */
static size_t
find_data(struct otc_slice metric, struct otc_wire_field *data)
{
    struct otc_wire wire = otc_wire_of(metric);
    struct otc_wire_field field;
    size_t n = 0;

    *data = (struct otc_wire_field){0};
    while (otc_wire_next(&wire, &field)) {
        if (field.type == OTC_WIRE_BYTES && field.field < 32 && (METRIC_DATA >> field.field & 1)) {
            *data = field;
            n++;
        }
    }
    return n;
}

size_t
otc_split_count(enum otc_signal signal, struct otc_slice part)
{
    struct otc_wire wires[SCOPE + 1] = {otc_wire_of(part)};
    size_t depth = REQUEST, n = 0;
    struct otc_wire_field child, data;

    for (;;) {
        if (!otc_wire_next(&wires[depth], &child)) {
            if (depth == REQUEST) {
                return n;
            }
            depth--;
        } else if (child.type == OTC_WIRE_BYTES && child.field == (depth == REQUEST ? 1 : 2)) {
            if (depth < SCOPE) {
                wires[++depth] = otc_wire_of(child.bytes);
            } else if (signal != OTC_METRICS) {
                n++;
            } else if (find_data(child.bytes, &data) > 0) {
                n += count_children(data.bytes, 1);
            }
        }
    }
}

/* Reads the field at the cursor with the bytes it takes. False at the end; `*sound` says whether it is one.
 */
static bool
read_field(struct otc_wire *wire, struct otc_wire_field *field, struct otc_slice *whole, bool *sound)
{
    const uint8_t *start = wire->p;

    if (!otc_wire_next(wire, field)) {
        *sound = wire->p == wire->end;
        return false;
    }
    *whole = otc_slice_of(start, (size_t)(wire->p - start));
    return true;
}

/* The next child of the innermost message; the cursor stays before it. False when there is none. */
static bool
peek(struct otc_split *split, struct unit *unit, bool *sound)
{
    size_t depth = split->depth - 1;
    struct otc_split_level *level = &split->levels[depth];
    struct otc_wire_field field, data;
    const uint8_t *start;

    *sound = true;
    do {
        start = level->rest.p;
        if (!read_field(&level->rest, &field, &unit->whole, sound)) {
            return false;
        }
    } while (field.type != OTC_WIRE_BYTES || field.field != level->child);
    level->rest.p = start;
    unit->message = field.bytes;
    unit->divisible = depth < SCOPE || depth == METRIC;
    unit->items = 1;
    if (depth == SCOPE && split->signal == OTC_METRICS) {
        size_t n = find_data(field.bytes, &data);

        unit->divisible = n < 2;
        unit->items = n < 2 ? 0 : count_children(data.bytes, 1);
    }
    return true;
}

/* ---- The stack ------------------------------------------------------------------------------------ */

static uint32_t
child_field(size_t depth, struct otc_slice message)
{
    struct otc_wire_field data;

    if (depth == METRIC) {
        return find_data(message, &data) > 0 ? data.field : 0;
    }
    return depth == RESOURCE || depth == SCOPE ? 2 : 1;
}

/* Enters a message: gathers what is to be repeated around its children. */
static otc_status
push(struct otc_split *split, uint32_t field, struct otc_slice message, struct otc_error *err)
{
    struct otc_split_level *level = &split->levels[split->depth];
    struct otc_wire wire = otc_wire_of(message);
    struct otc_slice whole;
    struct otc_wire_field at;
    bool sound = true;

    level->child = child_field(split->depth, message);
    level->field = field;
    level->rest = otc_wire_of(message);
    level->open = false;
    level->emitted = false;
    otc_buf_clear(&level->context);
    level->context.limit = message.len;
    split->depth++;
    while (read_field(&wire, &at, &whole, &sound)) {
        if (at.type != OTC_WIRE_BYTES || at.field != level->child) {
            (void)otc_buf_append_slice(&level->context, whole);
        }
    }
    if (!sound) {
        return malformed(err);
    }
    return level->context.failed ? out_of_memory(err) : OTC_OK;
}

static void
close_level(struct otc_split_level *level, bool outermost, struct otc_buf *out)
{
    if (level->open && !outermost) {
        otc_wire_end(out, level->mark);
    }
    level->open = false;
}

static void
pop(struct otc_split *split, struct otc_buf *out)
{
    close_level(&split->levels[split->depth - 1], split->depth == 1, out);
    split->depth--;
    if (split->depth > 0) {
        /* Past the message that ended. */
        struct otc_split_level *above = &split->levels[split->depth - 1];
        struct otc_wire_field ended;

        (void)otc_wire_next(&above->rest, &ended);
    }
}

/* Writes the messages around the next item that are not open in this piece. */
static void
open_levels(struct otc_split *split, struct otc_buf *out)
{
    for (size_t i = 0; i < split->depth; i++) {
        struct otc_split_level *level = &split->levels[i];

        if (!level->open) {
            level->mark = i > 0 ? otc_wire_begin(out, level->field) : out->len;
            (void)otc_buf_append_slice(out, otc_buf_slice(&level->context));
            level->open = true;
            level->emitted = true;
        }
    }
}

/* Bytes that the piece has when `more` bytes are added to the innermost message and all is closed. */
static size_t
closed_size(const struct otc_split *split, const struct otc_buf *out, size_t base, size_t more)
{
    size_t extra = more;

    for (size_t i = split->depth; i-- > 1;) {
        const struct otc_split_level *level = &split->levels[i];

        if (level->open) {
            extra += otc_wire_varint_size(out->len - level->mark + extra) - 1;
        } else {
            size_t contents = level->context.len + extra;

            extra =
                otc_wire_varint_size((uint64_t)level->field << 3) + otc_wire_varint_size(contents) + contents;
        }
    }
    return out->len - base + extra + (split->levels[0].open ? 0 : split->levels[0].context.len);
}

static bool
fits(const struct otc_split *split, const struct limit *limit, const struct otc_buf *out, size_t base,
     size_t items, const struct unit *unit)
{
    return limit->unit == OTC_SPLIT_ITEMS ? items + unit->items <= limit->room
                                          : closed_size(split, out, base, unit->whole.len) <= limit->room;
}

/* ---- Pieces --------------------------------------------------------------------------------------- */

otc_status
otc_split_init(struct otc_split *split, enum otc_signal signal, struct otc_slice part, struct otc_error *err)
{
    *split = (struct otc_split){.signal = signal};
    return push(split, 0, part, err);
}

void
otc_split_release(struct otc_split *split)
{
    for (size_t i = 0; i < OTC_SPLIT_LEVELS; i++) {
        otc_buf_release(&split->levels[i].context);
    }
    split->depth = 0;
}

/*
 * Takes units into the piece until one does not fit. A message without items counts as one of none, once all
 * of it was passed.
 */
static otc_status
fill(struct otc_split *split, const struct limit *limit, bool must, struct otc_buf *out, size_t *items,
     struct otc_error *err)
{
    const size_t base = out->len;
    bool taken = false, sound = true;
    struct unit unit;

    while (split->depth > 0) {
        struct otc_split_level *level = &split->levels[split->depth - 1];
        bool child = level->child != 0 && peek(split, &unit, &sound);
        otc_status status;

        if (!sound) {
            return malformed(err);
        }
        if (child && unit.divisible) {
            status = push(split, level->child, unit.message, err);
            if (status != OTC_OK) {
                return status;
            }
            continue;
        }
        if (!child) {
            unit = (struct unit){0};
        }
        if (child || !level->emitted) {
            if (!fits(split, limit, out, base, *items, &unit) && (taken || !must)) {
                break;
            }
            open_levels(split, out);
            (void)otc_buf_append_slice(out, unit.whole);
            *items += unit.items;
            taken = true;
        }
        if (child) {
            level->rest.p += unit.whole.len;
        } else {
            pop(split, out);
        }
    }
    for (size_t i = split->depth; i-- > 0;) {
        close_level(&split->levels[i], i == 0, out);
    }
    return out->failed ? out_of_memory(err) : OTC_OK;
}

otc_status
otc_split_next(struct otc_split *split, enum otc_split_unit unit, size_t room, bool must, struct otc_buf *out,
               size_t *items, struct otc_error *err)
{
    const struct limit limit = {unit, room};

    *items = 0;
    return fill(split, &limit, must, out, items, err);
}
