// SPDX-License-Identifier: Apache-2.0
#include "common/prometheus/exposition.h"

#include "common/base/slice.h"

/** Longest name that takes part in a translation; beyond it a name is refused. */
#define NAME_MAX_BYTES 4096
/** Words of one name; beyond it a name is refused. */
#define NAME_WORDS_MAX 256

struct unit_word {
    const char *unit;
    const char *word;
};

static const struct unit_word main_units[] = {
    {"d", "days"},
    {"h", "hours"},
    {"min", "minutes"},
    {"s", "seconds"},
    {"ms", "milliseconds"},
    {"us", "microseconds"},
    {"ns", "nanoseconds"},
    {"By", "bytes"},
    {"KiBy", "kibibytes"},
    {"MiBy", "mebibytes"},
    {"GiBy", "gibibytes"},
    {"TiBy", "tibibytes"},
    {"KBy", "kilobytes"},
    {"MBy", "megabytes"},
    {"GBy", "gigabytes"},
    {"TBy", "terabytes"},
    {"m", "meters"},
    {"V", "volts"},
    {"A", "amperes"},
    {"J", "joules"},
    {"W", "watts"},
    {"g", "grams"},
    {"Cel", "celsius"},
    {"Hz", "hertz"},
    {"1", ""},
    {"%", "percent"},
    {NULL, NULL},
};

static const struct unit_word per_units[] = {
    {"s", "second"}, {"m", "minute"}, {"h", "hour"}, {"d", "day"},
    {"w", "week"},   {"mo", "month"}, {"y", "year"}, {NULL, NULL},
};

static bool
is_alnum(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/** What a word of a name is made of, in the three places that split names. */
static bool
is_token_byte(uint8_t c)
{
    return is_alnum(c) || c == ':';
}

static bool
is_unit_byte(uint8_t c)
{
    return is_alnum(c) || c == ':';
}

static bool
is_plain_byte(uint8_t c)
{
    return is_alnum(c) || c == ':' || c == '_';
}

/** The next run of bytes that belong; false at the end. */
static bool
next_word(struct otc_slice *rest, bool (*belongs)(uint8_t), struct otc_slice *word)
{
    size_t i = 0;
    size_t start;

    while (i < rest->len && !belongs(rest->data[i])) {
        i++;
    }
    start = i;
    while (i < rest->len && belongs(rest->data[i])) {
        i++;
    }
    *word = otc_slice_of(rest->data + start, i - start);
    *rest = otc_slice_skip(*rest, i);
    return word->len > 0;
}

/** Appends the words joined by underscores. */
static void
join_words(struct otc_slice text, bool (*belongs)(uint8_t), struct otc_buf *out)
{
    struct otc_slice word;
    bool first = true;

    while (next_word(&text, belongs, &word)) {
        if (!first) {
            otc_buf_append_byte(out, '_');
        }
        otc_buf_append_slice(out, word);
        first = false;
    }
}

/* ---- Units -------------------------------------------------------------------------------------- */

static struct otc_slice
trim_spaces(struct otc_slice text)
{
    while (text.len > 0 && (text.data[0] == ' ' || text.data[0] == '\t')) {
        text = otc_slice_skip(text, 1);
    }
    while (text.len > 0 && (text.data[text.len - 1] == ' ' || text.data[text.len - 1] == '\t')) {
        text.len--;
    }
    return text;
}

/** Appends one side of a unit as a word; nothing for annotations in braces. */
static void
append_unit_word(const struct unit_word *table, struct otc_slice unit, struct otc_buf *out)
{
    unit = trim_spaces(unit);
    if (unit.len == 0 || memchr(unit.data, '{', unit.len) || memchr(unit.data, '}', unit.len)) {
        return;
    }
    for (const struct unit_word *row = table; row->unit; row++) {
        if (otc_slice_equal_str(unit, row->unit)) {
            otc_buf_append_str(out, row->word);
            return;
        }
    }
    join_words(unit, is_unit_byte, out);
}

/** The main unit and the unit after "per" as words; either may stay empty. */
static void
split_unit(struct otc_slice unit, struct otc_buf *main_word, struct otc_buf *per_word)
{
    const uint8_t *slash = unit.len > 0 ? memchr(unit.data, '/', unit.len) : NULL;
    size_t head = slash ? (size_t)(slash - unit.data) : unit.len;

    append_unit_word(main_units, otc_slice_of(unit.data, head), main_word);
    if (slash) {
        append_unit_word(per_units, otc_slice_skip(unit, head + 1), per_word);
    }
}

bool
otc_prometheus_unit_name(struct otc_slice unit, struct otc_buf *out)
{
    OTC_AUTO_BUF struct otc_buf main_word = {.limit = NAME_MAX_BYTES};
    OTC_AUTO_BUF struct otc_buf per_word = {.limit = NAME_MAX_BYTES};

    split_unit(unit, &main_word, &per_word);
    otc_buf_append_slice(out, otc_buf_slice(&main_word));
    if (per_word.len > 0) {
        otc_buf_append_str(out, main_word.len > 0 ? "_per_" : "per_");
        otc_buf_append_slice(out, otc_buf_slice(&per_word));
    }
    return !main_word.failed && !per_word.failed && !out->failed;
}

/* ---- Metric names ------------------------------------------------------------------------------- */

/** What is appended to a name for its type: "total", "ratio" or nothing. */
static const char *
type_suffix(struct otc_slice unit, enum otc_metric_type type, bool monotonic)
{
    if (type == OTC_METRIC_SUM && monotonic) {
        return "total";
    }
    /* A sum that can fall is a gauge to Prometheus, yet only real gauges are ratios. */
    return type == OTC_METRIC_GAUGE && otc_slice_equal_str(unit, "1") ? "ratio" : "";
}

struct words {
    struct otc_slice items[NAME_WORDS_MAX];
    size_t n;
    bool overflow;
};

static void
words_add(struct words *words, struct otc_slice word)
{
    if (words->n == NAME_WORDS_MAX) {
        words->overflow = true;
        return;
    }
    words->items[words->n++] = word;
}

static bool
words_have(const struct words *words, struct otc_slice word)
{
    for (size_t i = 0; i < words->n; i++) {
        if (otc_slice_equal(words->items[i], word)) {
            return true;
        }
    }
    return false;
}

static void
words_remove(struct words *words, struct otc_slice word)
{
    size_t kept = 0;

    for (size_t i = 0; i < words->n; i++) {
        if (!otc_slice_equal(words->items[i], word)) {
            words->items[kept++] = words->items[i];
        }
    }
    words->n = kept;
}

static void
words_write(const struct words *words, struct otc_buf *out)
{
    for (size_t i = 0; i < words->n; i++) {
        if (i > 0) {
            otc_buf_append_byte(out, '_');
        }
        otc_buf_append_slice(out, words->items[i]);
    }
}

/** Words of the name, then of its unit and type where they are not there yet. */
static bool
name_with_suffixes(struct otc_slice name, struct otc_slice unit, const char *suffix, struct otc_buf *out)
{
    OTC_AUTO_BUF struct otc_buf main_word = {.limit = NAME_MAX_BYTES};
    OTC_AUTO_BUF struct otc_buf per_word = {.limit = NAME_MAX_BYTES};
    struct words words = {.n = 0};
    struct otc_slice word;

    while (next_word(&name, is_token_byte, &word)) {
        words_add(&words, word);
    }
    if (words.n == 0) {
        return true;
    }
    split_unit(unit, &main_word, &per_word);
    if (main_word.len > 0 && !words_have(&words, otc_buf_slice(&main_word))) {
        words_add(&words, otc_buf_slice(&main_word));
    }
    if (per_word.len > 0 && !words_have(&words, otc_buf_slice(&per_word))) {
        words_add(&words, otc_slice_str("per"));
        words_add(&words, otc_buf_slice(&per_word));
    }
    if (*suffix) {
        words_remove(&words, otc_slice_str(suffix));
        words_add(&words, otc_slice_str(suffix));
    }
    words_write(&words, out);
    return !words.overflow && !main_word.failed && !per_word.failed;
}

/** Takes "_suffix" from the end of what was written since `start`. */
static void
trim_suffix(struct otc_buf *out, size_t start, struct otc_slice suffix)
{
    if (suffix.len > 0 && out->len - start > suffix.len + 1 &&
        memcmp(out->data + out->len - suffix.len, suffix.data, suffix.len) == 0 &&
        out->data[out->len - suffix.len - 1] == '_') {
        out->len -= suffix.len + 1;
    }
}

static void
put_suffix(struct otc_buf *out, size_t start, struct otc_slice suffix)
{
    if (suffix.len > 0) {
        trim_suffix(out, start, suffix);
        otc_buf_append_byte(out, '_');
        otc_buf_append_slice(out, suffix);
    }
}

/** UTF-8 names: the name as it is, then the suffixes that it lacks, in the order unit, per, type. */
static bool
utf8_name(struct otc_slice name, struct otc_slice unit, const char *suffix, bool with_suffixes,
          struct otc_buf *out)
{
    OTC_AUTO_BUF struct otc_buf main_word = {.limit = NAME_MAX_BYTES};
    OTC_AUTO_BUF struct otc_buf per_word = {.limit = NAME_MAX_BYTES};
    OTC_AUTO_BUF struct otc_buf per = {.limit = NAME_MAX_BYTES};
    size_t start = out->len;

    otc_buf_append_slice(out, name);
    if (!with_suffixes || name.len == 0) {
        return true;
    }
    split_unit(unit, &main_word, &per_word);
    if (per_word.len > 0) {
        otc_buf_append_str(&per, "per_");
        otc_buf_append_slice(&per, otc_buf_slice(&per_word));
    }
    trim_suffix(out, start, otc_slice_str(suffix));
    put_suffix(out, start, otc_buf_slice(&main_word));
    put_suffix(out, start, otc_buf_slice(&per));
    put_suffix(out, start, otc_slice_str(suffix));
    return !main_word.failed && !per_word.failed && !per.failed;
}

static bool
only_underscores(struct otc_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] != '_') {
            return false;
        }
    }
    return true;
}

/** The namespace in front, and an underscore where a digit would lead. */
static void
write_full_name(struct otc_slice body, const char *name_space, bool utf8, struct otc_buf *out)
{
    size_t start = out->len;

    if (name_space && *name_space) {
        if (utf8) {
            otc_buf_append_str(out, name_space);
        } else {
            join_words(otc_slice_str(name_space), is_plain_byte, out);
        }
        if (out->len > start) {
            otc_buf_append_byte(out, '_');
        }
    }
    otc_buf_append_slice(out, body);
    if (!utf8 && !out->failed && out->data[start] >= '0' && out->data[start] <= '9' &&
        otc_buf_append_byte(out, '_')) {
        memmove(out->data + start + 1, out->data + start, out->len - start - 1);
        out->data[start] = '_';
    }
}

otc_status
otc_prometheus_metric_name(enum otc_translation translation, struct otc_slice name, struct otc_slice unit,
                           enum otc_metric_type type, bool monotonic, const char *namespace_,
                           struct otc_buf *out, struct otc_error *err)
{
    OTC_AUTO_BUF struct otc_buf body = {.limit = 2 * (size_t)NAME_MAX_BYTES};
    bool utf8 = translation == OTC_UTF8_WITH_SUFFIXES || translation == OTC_NO_TRANSLATION;
    const char *suffix = type_suffix(unit, type, monotonic);
    bool fits = true;

    if (name.len > NAME_MAX_BYTES) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "metric name of %zu bytes, at most %d are allowed",
                        name.len, NAME_MAX_BYTES);
    }
    if (utf8) {
        fits = utf8_name(name, unit, suffix, translation == OTC_UTF8_WITH_SUFFIXES, &body);
    } else if (translation == OTC_UNDERSCORE_WITH_SUFFIXES) {
        fits = name_with_suffixes(name, unit, suffix, &body);
    } else {
        join_words(name, is_plain_byte, &body);
    }
    if (!fits || body.failed) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "metric \"%.*s\": name or unit is too long",
                        OTC_SLICE_ARG(name));
    }
    if (body.len == 0) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "normalization for metric \"%.*s\" resulted in empty name",
                        OTC_SLICE_ARG(name));
    }
    /* A name that came as underscores alone is the user's; one that became so lost its meaning. */
    if (!utf8 && only_underscores(otc_buf_slice(&body)) && !otc_slice_equal(otc_buf_slice(&body), name)) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "normalization for metric \"%.*s\" resulted in invalid name \"%.*s\"",
                        OTC_SLICE_ARG(name), OTC_SLICE_ARG(otc_buf_slice(&body)));
    }
    write_full_name(otc_buf_slice(&body), namespace_, utf8, out);
    return out->failed ? otc_fail(err, OTC_RESOURCE_EXHAUSTED, "no room for a metric name") : OTC_OK;
}

/* ---- Labels ------------------------------------------------------------------------------------- */

/** Every run of other bytes and underscores becomes one underscore. */
static void
sanitize_label(struct otc_slice key, struct otc_buf *out)
{
    bool gap = false;

    if (!otc_buf_reserve(out, key.len)) {
        return;
    }
    for (size_t i = 0; i < key.len; i++) {
        bool sound = is_alnum(key.data[i]);

        if (sound || !gap) {
            out->data[out->len++] = sound ? key.data[i] : '_';
        }
        gap = !sound;
    }
}

static bool
is_reserved_label(struct otc_slice key)
{
    return key.len > 4 && memcmp(key.data, "__", 2) == 0 && memcmp(key.data + key.len - 2, "__", 2) == 0;
}

static otc_status
escaped_label(struct otc_slice key, struct otc_buf *out, struct otc_error *err)
{
    bool reserved = is_reserved_label(key);
    struct otc_slice body = reserved ? otc_slice_of(key.data + 2, key.len - 4) : key;
    size_t start = out->len;

    if (!reserved && key.data[0] >= '0' && key.data[0] <= '9') {
        otc_buf_append_str(out, "key_");
    }
    otc_buf_append_str(out, reserved ? "__" : "");
    sanitize_label(body, out);
    if (!out->failed && only_underscores(otc_slice_of(out->data + start, out->len - start))) {
        out->len = start;
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "normalization for label name \"%.*s\" resulted in invalid name \"_\"",
                        OTC_SLICE_ARG(key));
    }
    otc_buf_append_str(out, reserved ? "__" : "");
    return OTC_OK;
}

otc_status
otc_prometheus_label_name(enum otc_translation translation, struct otc_slice key, struct otc_buf *out,
                          struct otc_error *err)
{
    otc_status status = OTC_OK;

    if (key.len == 0) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "label name is empty");
    }
    if (key.len > NAME_MAX_BYTES) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "label name of %zu bytes, at most %d are allowed", key.len,
                        NAME_MAX_BYTES);
    }
    if (translation == OTC_UNDERSCORE_WITH_SUFFIXES || translation == OTC_UNDERSCORE_WITHOUT_SUFFIXES) {
        status = escaped_label(key, out, err);
    } else if (only_underscores(key)) {
        return otc_fail(err, OTC_INVALID_ARGUMENT, "label name \"%.*s\" contains only underscores",
                        OTC_SLICE_ARG(key));
    } else {
        otc_buf_append_slice(out, key);
    }
    if (status == OTC_OK && out->failed) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "no room for a label name");
    }
    return status;
}
