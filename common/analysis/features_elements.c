// SPDX-License-Identifier: Apache-2.0
/* Lists that are spread over attributes, such as OpenInference's embedding.embeddings.0.embedding.vector:
 * every element makes a record of its own. */
#include "common/analysis/features_internal.h"

#include <stdlib.h>

static const struct otc_value absent = {.type = OTC_VALUE_ABSENT};

/* ---- Making ------------------------------------------------------------------------------------- */

/* Where the star of a key is that stands for a number: behind a dot, and before one or the end. NULL: the key
 * has none. */
static const char *
star_of(const char *key)
{
    const char *star = strstr(key, ".*");

    while (star && star[2] != '.' && star[2] != '\0') {
        star = strstr(star + 2, ".*");
    }
    return star ? star + 1 : NULL;
}

static bool
add_prefix(struct otc_feature_set *set, struct otc_slice prefix, size_t *index)
{
    char *key = strndup((const char *)prefix.data, prefix.len);
    bool added = true;

    for (*index = 0; key && *index < set->n_wanted; (*index)++) {
        if (set->wanted[*index].prefix && strcmp(set->wanted[*index].key, key) == 0) {
            free(key);
            return true;
        }
    }
    added = key && otc__features_add_wanted(set, (struct otc_wanted){.key = key, .prefix = true});
    free(key);
    return added;
}

static bool
add_element(struct otc_feature_set *set, const char *key, const char *star, struct otc_source *source)
{
    struct otc_element *grown = reallocarray(set->elements, set->n_elements + 1, sizeof(*grown));
    struct otc_element *element;
    const char *suffix;

    if (!grown) {
        return false;
    }
    set->elements = grown;
    element = &grown[set->n_elements];
    suffix = otc__features_own(set, strdup(star + 1));
    if (!suffix || !add_prefix(set, otc_slice_of(key, (size_t)(star - key)), &element->prefix)) {
        return false;
    }
    element->suffix = otc_slice_str(suffix);
    source->element = ++set->n_elements;
    return true;
}

otc_status
otc__features_element(struct otc_feature_set *set, const struct otc_place *site, struct otc_source *source,
                      struct otc_error *err)
{
    const char *star = site->root == OTC_PLACE_ATTRIBUTE ? star_of(site->key) : NULL;

    if (!star) {
        return OTC_OK;
    }
    if (site->json || site->n_steps > 0 || site->level == OTC_AT_SCOPE || site->level == OTC_AT_RESOURCE ||
        star_of(star)) {
        return otc_fail(err, OTC_INVALID_ARGUMENT,
                        "a * stands for the numbers in an attribute of the span or log record itself, once, "
                        "and the attribute is the value: attributes[\"list.*.member\"]");
    }
    return add_element(set, site->key, star, source) ? OTC_OK : otc__features_no_memory(err);
}

/* ---- Reading ------------------------------------------------------------------------------------ */

bool
otc_elements_init(struct otc_feature_reader *reader)
{
    size_t n = reader->set->n_elements;

    if (n > 0) {
        reader->numbers = calloc(OTC_ELEMENTS_MAX, sizeof(*reader->numbers));
        reader->members = calloc(OTC_ELEMENTS_MAX * n, sizeof(const struct otc_value *));
    }
    return n == 0 || (reader->numbers && reader->members);
}

void
otc_elements_release(struct otc_feature_reader *reader)
{
    free(reader->numbers);
    free((void *)reader->members);
}

/* The number that `rest` begins with, of at most nine digits; false when it does not, or not the suffix
 * follows. */
static bool
is_member(struct otc_slice rest, struct otc_slice suffix, uint32_t *number)
{
    size_t digits = 0;

    *number = 0;
    while (digits < rest.len && digits < 10 && rest.data[digits] >= '0' && rest.data[digits] <= '9') {
        *number = *number * 10 + (uint32_t)(rest.data[digits] - '0');
        digits++;
    }
    return digits > 0 && digits < 10 && otc_slice_equal(otc_slice_skip(rest, digits), suffix);
}

/* Place of the element of a number, which mostly is that of the attribute before; SIZE_MAX: there are too
 * many. */
static size_t
place_of(struct otc_feature_reader *reader, uint32_t number)
{
    size_t n = reader->n_found;

    for (size_t i = n; i > 0; i--) {
        if (reader->numbers[i - 1] == number) {
            return i - 1;
        }
    }
    if (n == OTC_ELEMENTS_MAX) {
        return SIZE_MAX;
    }
    memset((void *)(reader->members + n * reader->set->n_elements), 0,
           reader->set->n_elements * sizeof(const struct otc_value *));
    reader->numbers[n] = number;
    return reader->n_found++;
}

static void
note(struct otc_feature_reader *reader, size_t member, const struct otc_match *match)
{
    uint32_t number;
    size_t place;

    if (match->wanted - reader->first != reader->set->elements[member].prefix ||
        !is_member(match->rest, reader->set->elements[member].suffix, &number)) {
        return;
    }
    place = place_of(reader, number);
    if (place == SIZE_MAX) {
        reader->lost++;
    } else {
        reader->members[place * reader->set->n_elements + member] = &match->value;
    }
}

size_t
otc_elements_begin(struct otc_feature_reader *reader)
{
    const struct otc_record *record = reader->subject->record;

    reader->n_found = 0;
    for (size_t i = 0; i < record->n_matches; i++) {
        for (size_t member = 0; member < reader->set->n_elements; member++) {
            note(reader, member, &record->matches[i]);
        }
    }
    return reader->n_found;
}

const struct otc_value *
otc_elements_member(const struct otc_feature_reader *reader, size_t member)
{
    const struct otc_value *value = reader->members[reader->element * reader->set->n_elements + member];

    return value ? value : &absent;
}
