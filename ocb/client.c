// SPDX-License-Identifier: Apache-2.0
#include "common/component/client.h"

#include "ocb/component.h"

/* Names and values of one client at most. */
#define PAIRS_MAX 256

/* The text up to the next NUL, which is passed over. False at the end. */
static bool
next_word(struct otc_slice *rest, struct otc_slice *word)
{
    const uint8_t *end = rest->len > 0 ? memchr(rest->data, '\0', rest->len) : NULL;

    if (!end) {
        return false;
    }
    *word = otc_slice_of(rest->data, (size_t)(end - rest->data));
    *rest = otc_slice_skip(*rest, word->len + 1);
    return true;
}

struct otc_client *
otc_bridge_client(const char *text, size_t len)
{
    struct otc_slice rest = otc_slice_of(text, len), kind, address = OTC_SLICE_NONE;
    struct otc_client_pair metadata[PAIRS_MAX], auth[PAIRS_MAX], pair;
    size_t n_metadata = 0, n_auth = 0;

    if (len == 0) {
        return NULL;
    }
    while (next_word(&rest, &kind) && next_word(&rest, &pair.name) && next_word(&rest, &pair.value)) {
        if (otc_slice_equal_str(kind, "a")) {
            address = pair.value;
        } else if (otc_slice_equal_str(kind, "m") && n_metadata < PAIRS_MAX) {
            metadata[n_metadata++] = pair;
        } else if (otc_slice_equal_str(kind, "u") && n_auth < PAIRS_MAX) {
            auth[n_auth++] = pair;
        }
    }
    return otc_client_new(address, metadata, n_metadata, auth, n_auth);
}
