// SPDX-License-Identifier: Apache-2.0
/** @file The OTLP schema as OTLP/JSON spells it. */
#ifndef OTC_OTLP_JSON_SCHEMA_H
#define OTC_OTLP_JSON_SCHEMA_H

#include "common/component/otc.h"

enum otc_json_form {
    OTC_FORM_STRING,
    OTC_FORM_HEX,
    OTC_FORM_BASE64,
    OTC_FORM_BOOL,
    OTC_FORM_DOUBLE,
    OTC_FORM_ENUM,
    OTC_FORM_UINT32,
    OTC_FORM_FIXED32,
    OTC_FORM_SINT32,
    OTC_FORM_INT64,
    OTC_FORM_SFIXED64,
    OTC_FORM_UINT64,
    OTC_FORM_FIXED64,
    OTC_FORM_MESSAGE
};

struct otc_json_message;

struct otc_json_field {
    /** lowerCamelCase, and its length. */
    const char *name;
    uint32_t name_len;
    uint32_t number;
    enum otc_json_form form;
    bool repeated;
    /** MESSAGE. */
    const struct otc_json_message *message;
    /** ENUM: names by number, NULL at the end; may be NULL. */
    const char *const *names;
};

struct otc_json_message {
    const struct otc_json_field *fields;
    size_t n_fields;
    /** An AnyValue: counts towards the depth limit. */
    bool nests;
    /** Bit n: field n is a member of the message's oneof. */
    uint32_t oneof;
};

/** The Export…ServiceRequest of a signal. */
const struct otc_json_message *otc_json_request(enum otc_signal signal);

#endif
