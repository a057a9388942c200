// SPDX-License-Identifier: Apache-2.0
/** @file A compiled feature set, shared between the files that make and that read it. */
#ifndef OTC_ANALYSIS_FEATURES_INTERNAL_H
#define OTC_ANALYSIS_FEATURES_INTERNAL_H

#include "common/analysis/features.h"
#include "common/analysis/presets.h"
#include "common/analysis/select.h"
#include "common/analysis/text.h"

#define OTC_NOWHERE SIZE_MAX

/** A place that is read. */
struct otc_read_place {
    struct otc_place place;
    size_t wanted;   /* of its attribute; OTC_NOWHERE: it is none */
    size_t document; /* of json(); OTC_NOWHERE: it is none */
    size_t slot;     /* in the document */
};

/** A JSON text that is read once a record for all its places. */
struct otc_read_document {
    size_t place; /* the first that lies in it: all have the same base */
    struct otc_json_paths *paths;
    size_t first_view; /* in the reader */
};

/** How a known feature is read: the first of its places that is present, then `reader`. */
struct otc_source {
    /** All its places are plain attributes, and stand side by side in the projection from here on. */
    size_t first_wanted;
    size_t n_wanted;
    /** Else: places of the set. */
    size_t first_place;
    size_t n_places;
    enum otc_source_reader reader;
    enum otc_text_measure measure; /* of OTC_READ_TEXT */
    size_t vector;                 /* of OTC_READ_NORM and OTC_READ_VECTOR: the reader's */
    size_t element;                /* in place of all these places: of the set's elements + 1; 0: none */
    /** Carrying it makes a record. */
    bool qualifies;
    /** It is read as it is from a plain attribute, and nothing else is to be known of it. */
    bool plain;
};

/** Where an inference request or answer (KServe V1, V2) may be: places of the set, json(base).member. */
struct otc_tensor_source {
    size_t instances, predictions, inputs, outputs;
};

/** A member of the elements of a list that is spread over attributes of a record, each of which makes a
 * record of its own: `prefix` number `suffix`. */
struct otc_element {
    size_t prefix; /* its place in `wanted` */
    struct otc_slice suffix;
};

struct otc_feature_set {
    struct otc_feature *features;
    struct otc_source *sources;
    size_t n;
    size_t n_explicit; /* of them from `features:`; the others are the generative presets' */
    size_t capacity;
    struct otc_wanted *wanted;
    size_t n_wanted;
    size_t wanted_capacity;
    struct otc_read_place *places;
    size_t n_places;
    struct otc_read_document *documents;
    size_t n_documents;
    size_t n_views;
    size_t n_vectors;
    /** Places in `wanted`, OTC_NOWHERE: not there. */
    size_t feature_prefix, prediction_prefix, completion_prefix, output_message_prefix;
    size_t input_tokens, output_tokens; /* features, for their ratio */
    /** Attributes (places in `wanted`) that only a generative call has, its features' among them. */
    size_t *markers;
    size_t n_markers;
    struct otc_tensor_source *tensors;
    size_t n_tensors;
    struct otc_element *elements;
    size_t n_elements;
    struct otc_select *select; /* NULL: none */
    char **texts;              /* names and origins that were made */
    size_t n_texts;
    struct otc_metric_set *metrics; /* NULL: none */
};

/** Adds a place (taken over, also on failure) and what it needs; `*index` is its place in the set. */
OTC_CHECK otc_status otc_feature_set_add_place(struct otc_feature_set *set, struct otc_place *place,
                                               size_t *index, struct otc_error *err);

/* ---- Making ------------------------------------------------------------------------------------- */

#define OTC__SITES_MAX ((size_t)OTC_PRESET_PLACES_MAX * 8)

/* The places of one feature while it is made. */
struct otc__sites {
    struct otc_place places[OTC__SITES_MAX];
    size_t n;
};
void otc__sites_release(struct otc__sites *sites);
/** Gives a source its places, which are taken over. Plain ones stand side by side in the projection, which is
 * read fastest. */
OTC_CHECK otc_status otc__features_set_sites(struct otc_feature_set *set, struct otc__sites *sites,
                                             struct otc_source *source, struct otc_error *err);
/** Fails; the answer. */
otc_status otc__features_no_memory(struct otc_error *err);
/** Both false out of memory; copied. */
bool otc__features_add_wanted(struct otc_feature_set *set, struct otc_wanted wanted);
bool otc__features_add(struct otc_feature_set *set, const struct otc_feature *feature,
                       const struct otc_source *source);
/** A text of the set's own (malloced `text` is taken over, also on failure). NULL out of memory. */
const char *otc__features_own(struct otc_feature_set *set, char *text);
/** Inference requests and answers at a place. */
OTC_CHECK otc_status otc__features_add_tensors(struct otc_feature_set *set, const char *from,
                                               struct otc_error *err);
/** A site that is a member of such elements (a key with a number that is a star) is given to `source`; any
 * other leaves it as it is. INVALID_ARGUMENT: the star is where it cannot be. */
OTC_CHECK otc_status otc__features_element(struct otc_feature_set *set, const struct otc_place *site,
                                           struct otc_source *source, struct otc_error *err);
/** Adds what the presets watch, after the features of `features:`. */
OTC_CHECK otc_status otc__features_add_presets(struct otc_feature_set *set, const otc_strings *presets,
                                               struct otc_error *err);

/* ---- Reading ------------------------------------------------------------------------------------ */

/** Most elements of one record; further ones are counted as lost. */
#define OTC_ELEMENTS_MAX ((size_t)512)
/** Most lists and tensors of one request; further ones are counted as lost. */
#define OTC_TENSORS_MAX 64
/** Nested lists in a tensor's data. */
#define OTC_TENSOR_DEPTH 8

/** Values of a tensor, or instances, one after another. */
struct otc_tensor_column {
    struct otc_slice name;
    enum otc_feature_kind kind;
    bool instances; /* an element a record; else `width` flattened values a record */
    size_t width;
    size_t depth;
    struct otc_slice rest[OTC_TENSOR_DEPTH];
};

enum otc_document_state {
    OTC_DOCUMENT_UNREAD,
    OTC_DOCUMENT_ABSENT,
    OTC_DOCUMENT_EMPTY,
    OTC_DOCUMENT_BAD, /* no JSON, or too long */
    OTC_DOCUMENT_MAP, /* a list or map of values, not a text */
    OTC_DOCUMENT_GOOD
};

struct otc_feature_reader {
    const struct otc_feature_set *set;
    size_t first;
    size_t json_bytes;
    const struct otc_subject *subject;
    const struct otc_value *values; /* of the set's own entries */
    /** Of each document: its state, and the value it lies in. */
    enum otc_document_state *states;
    struct otc_value *bases;
    struct otc_json_view *views;
    /** Texts of this record without their escapes, and names that are made. */
    uint8_t *scratch;
    size_t scratch_size, scratch_used;
    double tokens[2]; /* input, output; NaN: none */
    double measures[OTC_N_TEXT_MEASURES];
    /** OTC_EMBEDDING_MAX components of each vector, and how many it has. */
    double *vectors;
    size_t *n_components;
    /** Of the elements found in the record their numbers, and the values of each member: those of one element
     * side by side, NULL where it has none. `element` is that being read. */
    uint32_t *numbers;
    const struct otc_value **members;
    size_t n_found, element;
    struct otc_tensor_column columns[OTC_TENSORS_MAX];
    size_t n_columns;
    size_t shared; /* observations that every record of a request shows */
    size_t scratch_shared;
    /** While a record is read. */
    struct otc_observed *out;
    size_t n, max, lost;
};

void otc_feature_reader_observe(struct otc_feature_reader *reader, size_t feature, struct otc_slice name,
                                enum otc_feature_kind kind, const struct otc_value *value);
/** Observes a discovered feature, unless `features:` names it. */
void otc_feature_reader_discover(struct otc_feature_reader *reader, struct otc_slice name,
                                 enum otc_feature_kind kind, const struct otc_value *value);
/** Room in the scratch until the record ends, or NULL. */
uint8_t *otc_feature_reader_room(struct otc_feature_reader *reader, size_t bytes);
/** What is at a place (of the set, by its index) in its document; ABSENT when that is no JSON text. */
struct otc_json_view otc_feature_reader_view(struct otc_feature_reader *reader, size_t index);

/** The value of a member of the element being read; ABSENT when it has none. */
const struct otc_value *otc_elements_member(const struct otc_feature_reader *reader, size_t member);
/** Finds the elements of the record; how many there are. */
size_t otc_elements_begin(struct otc_feature_reader *reader);
/** Room for them; false out of memory. And gives it back. */
bool otc_elements_init(struct otc_feature_reader *reader);
void otc_elements_release(struct otc_feature_reader *reader);

/** Finds the inference requests and answers of the record; how many instances they have, 0: none. */
size_t otc_tensors_begin(struct otc_feature_reader *reader);
/** Observes the next instance. */
void otc_tensors_next(struct otc_feature_reader *reader);

/** The value of a place in the reader's record. For otc_select_matches. */
struct otc_value otc_feature_reader_value(struct otc_feature_reader *reader, size_t index);

/** A JSON value as an attribute value; texts with escapes are written into the reader's scratch. */
struct otc_value otc_feature_reader_json(struct otc_feature_reader *reader, const struct otc_json_view *view);

#endif
