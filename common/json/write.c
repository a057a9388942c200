// SPDX-License-Identifier: Apache-2.0
#include "common/base/number.h"
#include "common/base/utf8.h"
#include "common/json/json.h"
#include "common/json/plain.h"

#include <math.h>

static void
new_line(struct otc_json_writer *writer)
{
    if (writer->indent == 0) {
        return;
    }
    otc_buf_append_byte(writer->out, '\n');
    for (uint32_t i = 0; i < writer->depth * writer->indent; i++) {
        otc_buf_append_byte(writer->out, ' ');
    }
}

/** What stands before a value or key: a comma, a line break, nothing after a key. */
static void
before_value(struct otc_json_writer *writer)
{
    if (writer->after_key) {
        writer->after_key = false;
        return;
    }
    if (writer->depth > 0) {
        if (writer->filled[writer->depth - 1]) {
            otc_buf_append_byte(writer->out, ',');
        }
        writer->filled[writer->depth - 1] = true;
        new_line(writer);
    }
}

static void
begin(struct otc_json_writer *writer, uint8_t open)
{
    before_value(writer);
    if (writer->depth == OTC_JSON_WRITER_DEPTH) {
        writer->failed = true;
        return;
    }
    otc_buf_append_byte(writer->out, open);
    writer->kinds[writer->depth] = open;
    writer->filled[writer->depth] = false;
    writer->depth++;
}

static void
end(struct otc_json_writer *writer, uint8_t open, uint8_t close)
{
    if (writer->depth == 0 || writer->kinds[writer->depth - 1] != open || writer->after_key) {
        writer->failed = true;
        return;
    }
    writer->depth--;
    if (writer->filled[writer->depth]) {
        new_line(writer);
    }
    otc_buf_append_byte(writer->out, close);
}

void
otc_json_begin_object(struct otc_json_writer *writer)
{
    begin(writer, '{');
}

void
otc_json_end_object(struct otc_json_writer *writer)
{
    end(writer, '{', '}');
}

void
otc_json_begin_array(struct otc_json_writer *writer)
{
    begin(writer, '[');
}

void
otc_json_end_array(struct otc_json_writer *writer)
{
    end(writer, '[', ']');
}

static void
put_escaped(struct otc_buf *out, uint8_t byte)
{
    static const char named[] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r', ['"'] = '"', ['\\'] = '\\'};

    if (byte < sizeof(named) && named[byte]) {
        otc_buf_append_byte(out, '\\');
        otc_buf_append_byte(out, (uint8_t)named[byte]);
    } else {
        otc_buf_printf(out, "\\u%04x", byte);
    }
}

static void
put_text(struct otc_buf *out, struct otc_slice text)
{
    otc_buf_append_byte(out, '"');
    while (text.len > 0) {
        const uint8_t *p = otc__json_plain(text.data, text.data + text.len);
        size_t len;

        otc_buf_append(out, text.data, (size_t)(p - text.data));
        text = otc_slice_skip(text, (size_t)(p - text.data));
        if (text.len == 0) {
            break;
        }
        len = otc_utf8_length(p, text.len);
        if (len == 0) {
            otc_buf_append_str(out, "\xef\xbf\xbd");
            len = 1;
        } else if (len == 1 && *p != 0x7f) {
            put_escaped(out, *p);
        } else if (len == 3 && memcmp(p, "\xe2\x80", 2) == 0 && (p[2] & 0xfe) == 0xa8) {
            otc_buf_append_str(out, p[2] == 0xa8 ? "\\u2028" : "\\u2029");
        } else {
            otc_buf_append(out, p, len);
        }
        text = otc_slice_skip(text, len);
    }
    otc_buf_append_byte(out, '"');
}

void
otc_json_key_slice(struct otc_json_writer *writer, struct otc_slice key)
{
    if (writer->depth == 0 || writer->kinds[writer->depth - 1] != '{' || writer->after_key) {
        writer->failed = true;
        return;
    }
    before_value(writer);
    put_text(writer->out, key);
    otc_buf_append_str(writer->out, writer->indent ? ": " : ":");
    writer->after_key = true;
}

void
otc_json_key(struct otc_json_writer *writer, const char *key)
{
    otc_json_key_slice(writer, otc_slice_str(key));
}

void
otc_json_write_text(struct otc_json_writer *writer, struct otc_slice text)
{
    before_value(writer);
    put_text(writer->out, text);
}

void
otc_json_write_str(struct otc_json_writer *writer, const char *text)
{
    otc_json_write_text(writer, otc_slice_str(text));
}

void
otc_json_write_number(struct otc_json_writer *writer, double number)
{
    char text[OTC_DOUBLE_TEXT_MAX];

    before_value(writer);
    if (!isfinite(number)) {
        otc_buf_append_str(writer->out, "null");
        return;
    }
    otc_buf_append(writer->out, text, otc_format_double(number, text));
}

void
otc_json_write_raw(struct otc_json_writer *writer, const char *json, size_t len)
{
    before_value(writer);
    otc_buf_append(writer->out, json, len);
}

void
otc_json_write_int(struct otc_json_writer *writer, int64_t number)
{
    char text[OTC_INT64_TEXT_MAX];

    before_value(writer);
    otc_buf_append(writer->out, text, otc_format_int64(number, text));
}

void
otc_json_write_bool(struct otc_json_writer *writer, bool truth)
{
    before_value(writer);
    otc_buf_append_str(writer->out, truth ? "true" : "false");
}

void
otc_json_write_null(struct otc_json_writer *writer)
{
    before_value(writer);
    otc_buf_append_str(writer->out, "null");
}

bool
otc_json_writer_ok(const struct otc_json_writer *writer)
{
    return !writer->failed && writer->depth == 0 && !writer->after_key && !writer->out->failed;
}

void
otc_json_member_number(struct otc_json_writer *writer, const char *key, double number)
{
    otc_json_key(writer, key);
    otc_json_write_number(writer, number);
}

void
otc_json_member_count(struct otc_json_writer *writer, const char *key, uint64_t count)
{
    otc_json_key(writer, key);
    otc_json_write_int(writer, count <= INT64_MAX ? (int64_t)count : INT64_MAX);
}

void
otc_json_member_bool(struct otc_json_writer *writer, const char *key, bool truth)
{
    otc_json_key(writer, key);
    otc_json_write_bool(writer, truth);
}

void
otc_json_member_str(struct otc_json_writer *writer, const char *key, const char *text)
{
    otc_json_key(writer, key);
    if (text) {
        otc_json_write_str(writer, text);
    } else {
        otc_json_write_null(writer);
    }
}
