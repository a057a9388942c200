// SPDX-License-Identifier: Apache-2.0
#include "common/analysis/select.h"

#include "common/analysis/features_internal.h"
#include "common/ottl/condition.h"

#include <stdlib.h>

/* Texts that functions make for one record. */
#define TEXTS_MAX ((size_t)1 << 20)

struct otc_select {
    struct otc_condition *condition;
};

/* A path is a place of the set. */
static otc_status
parse_place(void *arg, struct otc_slice text, size_t *at, size_t *out, struct otc_error *err)
{
    struct otc_place place;
    otc_status status = otc_place_parse_at(text, at, &place, err);

    if (status != OTC_OK) {
        otc_place_release(&place);
        return status;
    }
    return otc_feature_set_add_place(arg, &place, out, err);
}

otc_status
otc_select_parse(const char *text, struct otc_feature_set *set, struct otc_select **out,
                 struct otc_error *err)
{
    const struct otc_condition_language language = {.path = parse_place, .arg = set};
    struct otc_select *select = calloc(1, sizeof(*select));
    otc_status status;

    if (!select) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "out of memory");
    }
    status = otc_condition_parse(text, &language, &select->condition, err);
    if (status != OTC_OK) {
        free(select);
        return status;
    }
    *out = select;
    return OTC_OK;
}

void
otc_select_free(struct otc_select *select)
{
    if (select) {
        otc_condition_free(select->condition);
    }
    free(select);
}

static struct otc_value
read_place(void *arg, size_t place)
{
    return otc_feature_reader_value(arg, place);
}

bool
otc_select_matches(const struct otc_select *select, struct otc_feature_reader *reader)
{
    OTC_AUTO_ARENA struct otc_arena texts;
    struct otc_condition_reader condition = {.read = read_place, .arg = reader, .texts = &texts};

    otc_arena_init(&texts, TEXTS_MAX);
    return otc_condition_holds(select->condition, &condition);
}
