// SPDX-License-Identifier: Apache-2.0
/** @file Status codes (gRPC's numbers) and the error every fallible call can explain itself in. */
#ifndef OTC_BASE_STATUS_H
#define OTC_BASE_STATUS_H

#include <stdbool.h>
#include <stdint.h>

/** Version of the component interface. A structure that crosses it begins with `struct otc_abi`. */
#define OTC_ABI_VERSION 1u

/** First member of every public structure that is not opaque: its size and the interface version. */
struct otc_abi {
    uint32_t size;
    uint32_t version;
};

#define OTC_ABI_OF(type)                                                                                     \
    {                                                                                                        \
        (uint32_t)sizeof(struct type), OTC_ABI_VERSION                                                       \
    }

#define OTC_API __attribute__((visibility("default")))
#define OTC_CHECK __attribute__((warn_unused_result))
#define OTC_PRINTF(at, first) __attribute__((format(printf, at, first)))

/** X(name, gRPC number, text). PENDING is ours: accepted, the result comes through `otc_done`. */
#define OTC_STATUS_MAP(X)                                                                                    \
    X(OK, 0, "ok")                                                                                           \
    X(CANCELLED, 1, "cancelled")                                                                             \
    X(UNKNOWN, 2, "unknown error")                                                                           \
    X(INVALID_ARGUMENT, 3, "invalid argument")                                                               \
    X(DEADLINE_EXCEEDED, 4, "deadline exceeded")                                                             \
    X(NOT_FOUND, 5, "not found")                                                                             \
    X(ALREADY_EXISTS, 6, "already exists")                                                                   \
    X(PERMISSION_DENIED, 7, "permission denied")                                                             \
    X(RESOURCE_EXHAUSTED, 8, "a limit was reached")                                                          \
    X(FAILED_PRECONDITION, 9, "failed precondition")                                                         \
    X(ABORTED, 10, "aborted")                                                                                \
    X(OUT_OF_RANGE, 11, "out of range")                                                                      \
    X(UNIMPLEMENTED, 12, "not supported")                                                                    \
    X(INTERNAL, 13, "internal error")                                                                        \
    X(UNAVAILABLE, 14, "temporarily unavailable")                                                            \
    X(DATA_LOSS, 15, "data loss")                                                                            \
    X(UNAUTHENTICATED, 16, "unauthenticated")                                                                \
    X(PENDING, 100, "pending")

typedef enum otc_status {
#define OTC_STATUS_ENUM(name, number, text) OTC_##name = (number),
    OTC_STATUS_MAP(OTC_STATUS_ENUM)
#undef OTC_STATUS_ENUM
} otc_status;

#define OTC_ERROR_TEXT_MAX 1024

/**
 * Where a failing call explains itself: what was wrong, where, what is allowed. Lives on the
 * caller's stack; every function takes NULL for "not interested". Written only on failure.
 */
struct otc_error {
    struct otc_abi abi;
    otc_status status;
    /** True when sending the same data again cannot succeed. */
    bool permanent;
    /** A retry is welcome after this long; 0: unknown. Milliseconds. */
    uint32_t retry_after_ms;
    char text[OTC_ERROR_TEXT_MAX];
};

#define OTC_ERROR_INIT                                                                                       \
    (struct otc_error)                                                                                       \
    {                                                                                                        \
        .abi = OTC_ABI_OF(otc_error), .text = ""                                                             \
    }

/** The constant's English text; "unknown error" for a number that is none. Never NULL. */
OTC_API const char *otc_status_text(otc_status status);

/** The constant's name without prefix, as gRPC spells it ("INVALID_ARGUMENT"). Never NULL. */
OTC_API const char *otc_status_name(otc_status status);

/**
 * True for the codes after which OTLP lets a client send the same data again: CANCELLED,
 * DEADLINE_EXCEEDED, ABORTED, OUT_OF_RANGE, UNAVAILABLE, DATA_LOSS, and RESOURCE_EXHAUSTED only
 * when `err` holds a retry delay.
 */
OTC_API bool otc_error_retryable(const struct otc_error *err);

/** Sets status and text (printf style, cut at OTC_ERROR_TEXT_MAX) and returns `status`. */
OTC_API otc_status otc_fail(struct otc_error *err, otc_status status, const char *format, ...)
    OTC_PRINTF(3, 4);

/** Puts "<context>: " before the text that is there and returns its status. */
OTC_API otc_status otc_error_prefix(struct otc_error *err, const char *format, ...) OTC_PRINTF(2, 3);

#endif
