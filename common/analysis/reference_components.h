// SPDX-License-Identifier: Apache-2.0
/** @file The components of an embedding in a reference: built, written, read. */
#ifndef OTC_ANALYSIS_REFERENCE_COMPONENTS_H
#define OTC_ANALYSIS_REFERENCE_COMPONENTS_H

#include "common/analysis/reference.h"
#include "common/base/arena.h"
#include "common/base/codec.h"
#include "common/json/json.h"
#include "common/stats/components.h"

/** Vectors that choose the points of a component. */
#define OTC_COMPONENT_SAMPLE 128

/** Counts vectors into components: the first OTC_COMPONENT_SAMPLE set the points. Opaque. */
struct otc_components_builder;
/** Bytes that one of vectors of `n` components takes. */
size_t otc_components_builder_bytes(size_t n);
/** NULL out of memory. */
struct otc_components_builder *otc_components_builder_new(size_t n);
/** NULL is allowed. */
void otc_components_builder_free(struct otc_components_builder *builder);
/** A vector (its doubles, perhaps unaligned) for the points; those beyond OTC_COMPONENT_SAMPLE are left out.
 */
void otc_components_builder_sample(struct otc_components_builder *builder, const void *vector);
/** A vector of the reference. The first one fixes the points, and there must have been a sample. */
void otc_components_builder_count(struct otc_components_builder *builder, const void *vector);
/** What was counted, a view of the builder's; `vectors` 0: nothing. */
struct otc_components otc_components_builder_result(struct otc_components_builder *builder);

/** What was counted so far, as bytes, for a restart. */
void otc_components_builder_save(const struct otc_components_builder *builder, struct otc_buf *out);
/** One of vectors of `n` components; NULL: no memory, or not what was saved. */
struct otc_components_builder *otc_components_builder_load(size_t n, struct otc_reader *in);

/** A copy in the arena, NULL out of memory. */
const struct otc_components *otc__components_copy(const struct otc_components *from, struct otc_arena *arena);
/** The value of the member `components`. */
void otc__components_write(struct otc_json_writer *writer, const struct otc_components *components);
/** Reads it; vectors have as many components as the feature's center. */
OTC_CHECK otc_status otc__components_parse(const struct otc_json *json, struct otc_arena *arena,
                                           struct otc_reference_feature *feature, struct otc_error *err);

#endif
