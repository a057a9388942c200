// SPDX-License-Identifier: Apache-2.0
/**
 * @file A compact binary form for state that a process keeps for its successor: varints, doubles as their
 * bits, byte strings with a length, and named sections with a version that a reader may pass over.
 *
 * Writing appends to an otc_buf and is checked once, by its `failed`. Reading is bounds-checked: after the
 * first value that is not there `failed` stays true and everything reads as zero, so that a reader may check
 * once at its end. Neither knows what the bytes mean; whoever stores them adds a checksum.
 */
#ifndef OTC_BASE_CODEC_H
#define OTC_BASE_CODEC_H

#include "common/base/buf.h"

/** LEB128. */
void otc_put_u64(struct otc_buf *out, uint64_t value);
/** Zigzag, then LEB128. */
void otc_put_i64(struct otc_buf *out, int64_t value);
/** The eight bytes of the bits, little-endian: every NaN and both zeros come back as they were. */
void otc_put_f64(struct otc_buf *out, double value);
void otc_put_bool(struct otc_buf *out, bool value);
void otc_put_bytes(struct otc_buf *out, struct otc_slice value);
/** Begins a section; what follows until otc_end_section with the place returned belongs to it. Sections
 * nest. */
size_t otc_put_section(struct otc_buf *out, const char *name, uint64_t version);
void otc_end_section(struct otc_buf *out, size_t place);

/** Borrowed bytes and whether they ended too early. */
struct otc_reader {
    struct otc_slice rest;
    bool failed;
};
static inline struct otc_reader
otc_reader_of(struct otc_slice bytes)
{
    return (struct otc_reader){bytes, false};
}
uint64_t otc_take_u64(struct otc_reader *reader);
int64_t otc_take_i64(struct otc_reader *reader);
double otc_take_f64(struct otc_reader *reader);
bool otc_take_bool(struct otc_reader *reader);
/** Borrowed from what is read. */
struct otc_slice otc_take_bytes(struct otc_reader *reader);
/**
 * A count of things of at least `least` bytes each (1 or more); more than the rest can hold fails, so that
 * nobody allocates for a number that damage made.
 */
size_t otc_take_count(struct otc_reader *reader, size_t least);
/** The next section, its content in `body`. False at the end or after a failure. */
bool otc_take_section(struct otc_reader *reader, struct otc_slice *name, uint64_t *version,
                      struct otc_reader *body);

#endif
