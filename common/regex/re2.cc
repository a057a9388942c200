// SPDX-License-Identifier: Apache-2.0
#include "common/regex/re2.h"

#include <re2/re2.h>

#include <new>

/* Of regex.h. */
#define FOUND_MAX 65

struct otc_re2 {
    RE2 re;
    otc_re2(const re2::StringPiece &pattern, const RE2::Options &options) : re(pattern, options) {}
};

struct otc_re2 *
otc_re2_new(const char *pattern, size_t len, long max_bytes)
{
    RE2::Options options;

    options.set_log_errors(false);
    options.set_max_mem(max_bytes);
    return new (std::nothrow) otc_re2(re2::StringPiece(pattern, len), options);
}

void
otc_re2_free(struct otc_re2 *re)
{
    delete re;
}

const char *
otc_re2_error(const struct otc_re2 *re, struct otc_re2_span *argument)
{
    argument->text = re->re.error_arg().data();
    argument->len = re->re.error_arg().size();
    switch (re->re.error_code()) {
    case RE2::NoError:
        return nullptr;
    case RE2::ErrorBadEscape:
        return "invalid escape sequence";
    case RE2::ErrorBadCharClass:
        return "invalid character class";
    case RE2::ErrorBadCharRange:
        return "invalid character class range";
    case RE2::ErrorMissingBracket:
        return "missing closing ]";
    case RE2::ErrorMissingParen:
        return "missing closing )";
    case RE2::ErrorUnexpectedParen:
        return "unexpected )";
    case RE2::ErrorTrailingBackslash:
        return "trailing backslash at end of expression";
    case RE2::ErrorRepeatArgument:
        return "missing argument to repetition operator";
    case RE2::ErrorRepeatSize:
        return "invalid repeat count";
    case RE2::ErrorRepeatOp:
        return "invalid nested repetition operator";
    case RE2::ErrorBadPerlOp:
        return "invalid or unsupported Perl syntax";
    case RE2::ErrorBadUTF8:
        return "invalid UTF-8";
    case RE2::ErrorBadNamedCapture:
        return "invalid named capture";
    case RE2::ErrorPatternTooLarge:
        return "expression too large";
    case RE2::ErrorInternal:
        break;
    }
    return "internal error";
}

size_t
otc_re2_groups(const struct otc_re2 *re)
{
    return static_cast<size_t>(re->re.NumberOfCapturingGroups());
}

const char *
otc_re2_group_name(const struct otc_re2 *re, size_t i)
{
    const auto &names = re->re.CapturingGroupNames();
    const auto found = names.find(static_cast<int>(i));

    return found == names.end() ? nullptr : found->second.c_str();
}

static bool
copy_spans(const re2::StringPiece *from, size_t n, struct otc_re2_span *to)
{
    for (size_t i = 0; i < n; i++) {
        to[i].text = from[i].data();
        to[i].len = from[i].size();
    }
    return true;
}

bool
otc_re2_find(const struct otc_re2 *re, const char *text, size_t len, size_t from, struct otc_re2_span *found,
             size_t n)
{
    const re2::StringPiece whole(text, len);

    /* Most want to know whether there is one, or the match itself; room for groups is not made for them. */
    if (n == 0) {
        return re->re.Match(whole, from, len, RE2::UNANCHORED, nullptr, 0);
    }
    if (n == 1) {
        re2::StringPiece match;

        return re->re.Match(whole, from, len, RE2::UNANCHORED, &match, 1) && copy_spans(&match, 1, found);
    }
    re2::StringPiece groups[FOUND_MAX];

    return n <= FOUND_MAX && re->re.Match(whole, from, len, RE2::UNANCHORED, groups, static_cast<int>(n)) &&
           copy_spans(groups, n, found);
}
