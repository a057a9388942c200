// SPDX-License-Identifier: Apache-2.0
/**
 * @file A processor that changes data, for tests: attributes in and out as short texts, `a='x' b=2 c=1.5
 * d=true e=nil`, in the order of the wire. All of it fails the running cmocka test when something is wrong.
 */
#ifndef OTC_TESTS_EDITED_H
#define OTC_TESTS_EDITED_H

#include "common/base/buf.h"
#include "tests/harness/rig.h"
#include "tests/harness/sink.h"

struct otc_edited {
    struct otc_rig rig;
    struct otc_sink *sink;
    struct otc_buf text;
};

/** Creates the processor with its settings, wired for all signals, before a sink. */
void otc_edited_begin(struct otc_edited *edited, const struct otc_factory *factory, const char *yaml);
/** The same for one signal. */
void otc_edited_begin_for(struct otc_edited *edited, const struct otc_factory *factory,
                          enum otc_signal signal, const char *yaml);
void otc_edited_end(struct otc_edited *edited);

/** Sends a request in OTLP/JSON and returns what came out, NULL when nothing did: for each message with
 * attributes `resource{…}`, `scope{…}`, `item{…}`, `event{…}`, `link{…}`, one after another. Borrowed until
 * the next call. `client` may be NULL. */
const char *otc_edited_json(struct otc_edited *edited, enum otc_signal signal, const char *json,
                            struct otc_client *client);
/** The same for one span, gauge point or log record with these attributes, and what came of them alone. */
const char *otc_edited_item(struct otc_edited *edited, enum otc_signal signal, const char *attributes);
/** Appends `"attributes":[…]` of a short text. */
void otc_edited_attributes(struct otc_buf *json, const char *attributes);

#endif
