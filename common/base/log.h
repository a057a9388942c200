// SPDX-License-Identifier: Apache-2.0
/** @file Structured log records: a level, a message and typed fields. Writing them is the host's. */
#ifndef OTC_BASE_LOG_H
#define OTC_BASE_LOG_H

#include "common/base/slice.h"
#include "common/base/status.h"

enum otc_log_level { OTC_LOG_DEBUG, OTC_LOG_INFO, OTC_LOG_WARN, OTC_LOG_ERROR };

/** One field of a record: text when `text.data` is not NULL, else the number. */
struct otc_log_field {
    const char *key;
    struct otc_slice text;
    double number;
};

#define OTC_FIELD_TEXT(key, text) ((struct otc_log_field){(key), otc_slice_str(text), 0})
#define OTC_FIELD_SLICE(key, slice) ((struct otc_log_field){(key), (slice), 0})
#define OTC_FIELD_NUMBER(key, number) ((struct otc_log_field){(key), OTC_SLICE_NONE, (double)(number)})

/**
 * Writes one record. May be called from any thread; borrows everything for the call alone. `fields[-1]` is
 * there too: the place in the source, its key the file and its number the line.
 */
struct otc_logger {
    void (*write)(struct otc_logger *self, enum otc_log_level level, const char *component,
                  const char *message, const struct otc_log_field *fields, size_t n_fields);
    enum otc_log_level level;
};

/**
 * otc_log(logger, level, "drift/credit", "Window closed", OTC_FIELD_NUMBER("records", n)): the fields are
 * optional. `component` is the id of the component that speaks, NULL for the service. A NULL logger is
 * silent.
 */
#define otc_log(logger, level, component, ...) OTC_LOG_PICK(logger, level, component, __VA_ARGS__)
#define OTC_LOG_PICK(logger, lvl, component, message, ...)                                                   \
    do {                                                                                                     \
        struct otc_logger *otc_logger_ = (logger);                                                           \
        if (otc_logger_ && otc_logger_->level <= (lvl)) {                                                    \
            const struct otc_log_field otc_fields_[] = {OTC_FIELD_NUMBER(__FILE__, __LINE__),                \
                                                        ##__VA_ARGS__};                                      \
            otc_logger_->write(otc_logger_, (lvl), (component), (message), otc_fields_ + 1,                  \
                               sizeof(otc_fields_) / sizeof(otc_fields_[0]) - 1);                            \
        }                                                                                                    \
    } while (0)

#endif
