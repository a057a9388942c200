// SPDX-License-Identifier: Apache-2.0
/**
 * @file Reading a JSON text piece by piece, without a tree and without allocation.
 *
 * Who reads a whole text has checked it: what otc_json_parse() refuses is refused here too, and what both
 * take reads the same. Values are borrowed views of the text. One thread.
 */
#ifndef OTC_JSON_READ_H
#define OTC_JSON_READ_H

#include "common/json/json.h"

/** Deepest nesting that otc_json_skip_value follows. */
#define OTC_JSON_SKIP_DEPTH 2048

/** A value where it stands in the text. */
struct otc_json_view {
    /** ABSENT: the text has nothing there. */
    enum otc_json_type type;
    /** STRING: what stands between the quotes; ARRAY, OBJECT: the value, brackets included. */
    struct otc_slice text;
    /** STRING: `text` has escapes, see otc_json_unescape(). */
    bool escaped;
    bool truth;      /* BOOL */
    int64_t integer; /* INT */
    double real;     /* INT, REAL */
};

/** Where reading stands. */
struct otc_json_reader {
    const uint8_t *p, *end;
    /** What is wrong at `p`; NULL: nothing so far. */
    const char *fault;
};

static inline struct otc_json_reader
otc_json_reader_of(struct otc_slice text)
{
    return (struct otc_json_reader){text.data, text.len ? text.data + text.len : text.data, NULL};
}

/** Reads the value that comes next; of an ARRAY or OBJECT the opening bracket alone, and `text` is empty.
 * False: there is a fault. */
bool otc_json_read_value(struct otc_json_reader *in, struct otc_json_view *out);
/** In an ARRAY: whether a value comes next. `*first` starts true. False at its end, which is passed, and for
 * a fault. */
bool otc_json_read_element(struct otc_json_reader *in, bool *first);
/** In an OBJECT: the key (a STRING) of the value that comes next. The same otherwise. */
bool otc_json_read_member(struct otc_json_reader *in, bool *first, struct otc_json_view *key);
/** Passes the rest of an ARRAY or OBJECT whose bracket was read; nothing for other values. `*too_deep`: it
 * has more than `max_depth` levels, itself included. False then too. */
bool otc_json_skip_value(struct otc_json_reader *in, const struct otc_json_view *view, uint32_t max_depth,
                         bool *too_deep);
/** True when nothing but white space is left. */
bool otc_json_read_end(struct otc_json_reader *in);
/** "line 1 column 20" for the place of the fault, counted in bytes from 1. */
void otc_json_where(const struct otc_json_reader *in, struct otc_slice text, size_t *line, size_t *column);

/** Writes a STRING's contents without its escapes, and U+FFFD for each lone surrogate, as otc_json_parse()
 * does; `out` holds view->text.len bytes, which is enough. Returns the length. */
size_t otc_json_unescape(const struct otc_json_view *view, uint8_t *out);
/** The same as jsoniter does, by which the Collector reads OTLP: the escape after a lone surrogate stands
 * alone too, so that a pair cannot begin with it ("\ud83d\ud83d\ude00" is three U+FFFD). */
size_t otc_json_unescape_by_twos(const struct otc_json_view *view, uint8_t *out);

#endif
