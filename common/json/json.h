// SPDX-License-Identifier: Apache-2.0
/**
 * @file JSON documents: parsing within limits, reading, writing.
 *
 * Parsing makes a tree that is read through borrowed pointers; writing is a stream into an otc_buf. Texts are
 * UTF-8 and may hold NUL (object keys may not).
 */
#ifndef OTC_JSON_JSON_H
#define OTC_JSON_JSON_H

#include "common/base/buf.h"
#include "common/base/slice.h"
#include "common/base/status.h"

/* ---- Reading ------------------------------------------------------------------------------------ */

enum otc_json_type {
    /** What a missing member is. */
    OTC_JSON_ABSENT,
    OTC_JSON_NULL,
    OTC_JSON_BOOL,
    OTC_JSON_INT,
    OTC_JSON_REAL,
    OTC_JSON_STRING,
    OTC_JSON_ARRAY,
    OTC_JSON_OBJECT
};

/** One value of a parsed document. Opaque. A document is owned by one thread, or read by many while none
 * frees it. */
struct otc_json;

/** Limits of a document; a 0 takes the default. */
struct otc_json_limits {
    /** Bytes of text; default 64 MiB. */
    size_t max_bytes;
    /** Nested arrays and objects; default 256, at most 2000. */
    uint32_t max_depth;
    /** Bytes that the parsed tree may take, estimated before parsing; default 512 MiB. */
    size_t max_memory;
};

/**
 * Parses one document (any value, nothing but white space after it). For equal members of an object the last
 * wins; integers outside int64 become REAL. `limits` may be NULL. `*out` is freed with otc_json_free.
 * INVALID_ARGUMENT "bad JSON at line L column C: why"; OUT_OF_RANGE when it nests too deep,
 * RESOURCE_EXHAUSTED for another limit. NaN and Infinity tokens and bad UTF-8 are refused; the escape of a
 * lone surrogate is U+FFFD, as in Go's encoding/json.
 */
OTC_CHECK otc_status otc_json_parse(struct otc_slice text, const struct otc_json_limits *limits,
                                    struct otc_json **out, struct otc_error *err);
/** Frees a whole document. NULL is allowed. */
void otc_json_free(struct otc_json *document);

/** All readers take NULL, which is ABSENT, so that lookups chain. */
enum otc_json_type otc_json_type_of(const struct otc_json *value);
/** "number", "string", "an object", …: for messages ("expected a number, got a string"). */
const char *otc_json_type_name(const struct otc_json *value);
/** The same of a type. */
const char *otc_json_name_of(enum otc_json_type type);
/** A member of an OBJECT, or NULL. */
const struct otc_json *otc_json_get(const struct otc_json *object, const char *key);
/** Elements of an ARRAY, members of an OBJECT, else 0. */
size_t otc_json_size(const struct otc_json *value);
/** Element of an ARRAY, or NULL. */
const struct otc_json *otc_json_at(const struct otc_json *array, size_t index);
/**
 * Members of an OBJECT in the order of the text. `*cursor` starts NULL. False at the end. `key` is
 * NUL-terminated and borrowed, as is `value`.
 */
bool otc_json_next(const struct otc_json *object, void **cursor, const char **key,
                   const struct otc_json **value);
/** Contents of a STRING, else an empty slice. NUL-terminated after its length. */
struct otc_slice otc_json_text(const struct otc_json *value);
/** True with the number for INT and for REAL that is a whole number within int64. */
bool otc_json_int(const struct otc_json *value, int64_t *out);
/** True with the number for INT and REAL. */
bool otc_json_number(const struct otc_json *value, double *out);
/** True with the truth value for BOOL. */
bool otc_json_bool(const struct otc_json *value, bool *out);

/* ---- Writing ------------------------------------------------------------------------------------ */

#define OTC_JSON_WRITER_DEPTH 64

/**
 * Writes one document into `out` (borrowed) with commas, escapes and, where `indent` > 0, line breaks. Check
 * `otc_json_writer_ok` at the end. Zero-initialise and set `out` (and `indent`).
 */
struct otc_json_writer {
    struct otc_buf *out;
    /** Spaces a level; 0: everything on one line. */
    uint32_t indent;
    uint32_t depth;
    /** The state below is the writer's own. */
    uint8_t kinds[OTC_JSON_WRITER_DEPTH];
    bool filled[OTC_JSON_WRITER_DEPTH];
    bool after_key;
    bool failed;
};

void otc_json_begin_object(struct otc_json_writer *writer);
void otc_json_end_object(struct otc_json_writer *writer);
void otc_json_begin_array(struct otc_json_writer *writer);
void otc_json_end_array(struct otc_json_writer *writer);
/** The key of the member that the next call writes. */
void otc_json_key(struct otc_json_writer *writer, const char *key);
void otc_json_key_slice(struct otc_json_writer *writer, struct otc_slice key);
/** Bytes that are no UTF-8 are written as U+FFFD; U+2028 and U+2029, line ends to JavaScript, are escaped. */
void otc_json_write_text(struct otc_json_writer *writer, struct otc_slice text);
void otc_json_write_str(struct otc_json_writer *writer, const char *text);
/** Shortest text that reads back to the same double; NaN and infinities: null. */
void otc_json_write_number(struct otc_json_writer *writer, double number);
/** A value that is JSON already. */
void otc_json_write_raw(struct otc_json_writer *writer, const char *json, size_t len);
void otc_json_write_int(struct otc_json_writer *writer, int64_t number);
void otc_json_write_bool(struct otc_json_writer *writer, bool truth);
void otc_json_write_null(struct otc_json_writer *writer);
/** A key and its value. */
void otc_json_member_number(struct otc_json_writer *writer, const char *key, double number);
/** At most INT64_MAX. */
void otc_json_member_count(struct otc_json_writer *writer, const char *key, uint64_t count);
void otc_json_member_bool(struct otc_json_writer *writer, const char *key, bool truth);
/** NULL is written as null. */
void otc_json_member_str(struct otc_json_writer *writer, const char *key, const char *text);
/** True when everything was written, every begin has its end and the buffer did not overflow. */
bool otc_json_writer_ok(const struct otc_json_writer *writer);

#endif
