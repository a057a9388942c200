// SPDX-License-Identifier: Apache-2.0
#include "common/component/target.h"

#include "common/base/percent.h"

#include <strings.h>

static void
add(struct otc_target *target, const char *key, const char *value)
{
    if (*value != '\0') {
        target->labels[target->n++] = (struct otc_label){key, value};
    }
}

/* `host:port`, `[host]:port` or either without a port; cut into its parts. */
static void
add_authority(struct otc_target *target, char *authority)
{
    char *host = authority, *end = authority[0] == '[' ? strchr(authority, ']') : NULL;
    char *colon = strchr(end ? end : authority, ':');

    if (end) {
        host++;
        *end = '\0';
    }
    if (colon) {
        *colon = '\0';
    }
    add(target, "server.address", host);
    add(target, "server.port", colon ? colon + 1 : "");
}

/* What stands behind "scheme://"; `with_path`: the path is told too. */
static bool
add_url(struct otc_target *target, const char *rest, bool with_path)
{
    size_t authority = strcspn(rest, "/?#");
    struct otc_slice path = otc_slice_of(rest + authority, strcspn(rest + authority, "?#"));
    OTC_AUTO_BUF struct otc_buf decoded = {.limit = path.len + 1};
    char *at;

    if (!otc_percent_decode(path, &decoded)) {
        otc_buf_clear(&decoded);
        otc_buf_append_slice(&decoded, path);
    }
    target->text = malloc(authority + 1 + path.len + 1);
    if (decoded.failed || !target->text) {
        return false;
    }
    snprintf(target->text, authority + 1, "%s", rest);
    at = strrchr(target->text, '@');
    add_authority(target, at ? at + 1 : target->text);
    if (with_path) {
        snprintf(target->text + authority + 1, path.len + 1, "%s", otc_buf_cstr(&decoded));
        add(target, "url.path", target->text + authority + 1);
    }
    return true;
}

bool
otc_target_of_url(struct otc_target *target, const char *url)
{
    const char *rest = strstr(url, "://");

    *target = (struct otc_target){0};
    return add_url(target, rest ? rest + 3 : url, true);
}

bool
otc_target_of_endpoint(struct otc_target *target, const char *endpoint)
{
    *target = (struct otc_target){0};
    if (strncasecmp(endpoint, "http://", 7) == 0 || strncasecmp(endpoint, "https://", 8) == 0) {
        return add_url(target, strstr(endpoint, "://") + 3, false);
    }
    if (strncasecmp(endpoint, "unix:", 5) == 0) {
        add(target, "server.address", "unix");
        return true;
    }
    target->text = strdup(endpoint);
    if (!target->text) {
        return false;
    }
    if (strchr(endpoint, '/')) {
        add(target, "server.address", target->text);
    } else {
        add_authority(target, target->text);
    }
    return true;
}

void
otc_target_release(struct otc_target *target)
{
    free(target->text);
    *target = (struct otc_target){0};
}
