// SPDX-License-Identifier: Apache-2.0
/* Which extensions a component's settings name. */
#include "common/config/schema.h"

#include <stdio.h>

struct search {
    void (*fn)(void *arg, const char *path, const char *id, unsigned offers);
    void *arg;
};

static void
look(const struct search *search, const struct otc_schema *schema, const void *value, const char *above)
{
    for (const struct otc_field *field = schema->fields; field->key; field++) {
        const void *member = (const char *)value + field->offset;
        char path[512];

        (void)snprintf(path, sizeof(path), "%s%s%s", above, *above ? "::" : "", field->key);
        if (field->type == OTC_TYPE_STRING && field->names_extension) {
            const char *id = *(char *const *)member;

            if (id && *id) {
                search->fn(search->arg, path, id, field->names_extension);
            }
        } else if (field->type == OTC_TYPE_STRUCT) {
            look(search, field->sub, member, path);
        } else if (field->type == OTC_TYPE_OPTIONAL && *(void *const *)member) {
            look(search, field->sub, *(void *const *)member, path);
        }
    }
}

void
otc_config_extensions(const struct otc_schema *schema, const void *value,
                      void (*fn)(void *arg, const char *path, const char *id, unsigned offers), void *arg)
{
    const struct search search = {fn, arg};

    look(&search, schema, value, "");
}
