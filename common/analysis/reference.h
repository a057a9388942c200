// SPDX-License-Identifier: Apache-2.0
/**
 * @file Reference distributions: what a model's features looked like when it was good. Built from rows
 * (`reference build`, `compare`, a learned reference) or read from a file; the same structures in all cases.
 */
#ifndef OTC_ANALYSIS_REFERENCE_H
#define OTC_ANALYSIS_REFERENCE_H

#include "common/base/buf.h"
#include "common/base/slice.h"
#include "common/base/status.h"
#include "common/stats/cells.h"
#include "common/stats/components.h"

enum otc_feature_type { OTC_NUMERIC, OTC_CATEGORICAL };
/** ml.feature.kind: "input", "prediction", "latency", "tokens". */
enum otc_feature_kind { OTC_KIND_INPUT, OTC_KIND_PREDICTION, OTC_KIND_LATENCY, OTC_KIND_TOKENS };
const char *otc_feature_kind_name(enum otc_feature_kind kind);

/** One of the time blocks of a numeric reference. */
struct otc_time_block {
    uint64_t observations;
    double mean_rank; /* mean mid-rank of its values in the whole reference */
};

struct otc_category {
    struct otc_slice name; /* canonical text */
    uint64_t count;
};

/**
 * Whether a numeric feature came already binned: its points are then the bounds of the bins with the counts
 * between them (a value equal to a bound lies below it). Exponential: the points are 0 with the zero bucket,
 * and the boundaries of the buckets of `scale`, one after another.
 */
enum otc_binned { OTC_NOT_BINNED, OTC_BINNED_EXPLICIT, OTC_BINNED_EXPONENTIAL };

/** One feature's reference. Immutable once built. */
struct otc_reference_feature {
    struct otc_slice name;
    enum otc_feature_type type;
    enum otc_feature_kind kind;
    /** Values that count below. Equal to `values`, but when the builder sampled (limits.max_values). */
    uint64_t observations;
    /** Values seen; records = values + missing + invalid. */
    uint64_t values;
    uint64_t missing;
    uint64_t invalid;
    /** Numeric. `edges`: interior bin edges of the default bins (design: quantile bins, or one bin a value up
     * to 20). */
    struct otc_cells cells;
    double min, max, mean, standard_deviation; /* ddof 0, as numpy.std */
    /** What the mean exceeds the first point by: far from zero `mean` has not the digits that shifts are told
     * by. 0 without points, and of binned ones, which have no use for it. */
    double mean_excess;
    double *edges;
    size_t n_edges;
    enum otc_binned binned;
    int32_t scale;   /* OTC_BINNED_EXPONENTIAL */
    bool value_bins; /* `edges` are the <= 20 distinct values: a bin each and one "other", the last */
    /** Numeric, of `type: text`: its values are shares of words that are in this vocabulary (vocabulary.h).
     */
    const uint32_t *vocabulary;
    size_t n_vocabulary;
    /** Numeric, of `type: embedding`: its values are cosine distances to this mean vector (embedding.h). */
    const double *center;
    size_t n_center;
    /** Of the same vectors, as many as it has components: how each of them was distributed. NULL: not known.
     */
    const struct otc_components *components;
    /** Categorical: by falling count, then name; beyond max_categories the rest is pooled in `other`. */
    struct otc_category *categories;
    size_t n_categories;
    uint64_t other;
    /**
     * Design effect of the reference from 24 time blocks of equal numbers of rows (1 when the order of rows
     * is unknown): between-block variance of the mean mid-rank over its independent value; categorical:
     * chi-squared of the blocks against each other over its degrees of freedom. >= 1.
     */
    double design_effect;
    /** Numeric: the blocks, in order of time; none when the order is unknown or the rows are too few. */
    struct otc_time_block *time_blocks;
    size_t n_time_blocks;
};

/** Most interior edges a feature may have. */
#define OTC_REFERENCE_MAX_BINS 1000
/** Numeric features with at most this many distinct values get a bin for each. */
#define OTC_REFERENCE_VALUE_BINS 20

/** Bins of the binned statistics of a numeric feature: n_edges + 1 ("other" included). 0 when categorical. */
size_t otc_reference_bins(const struct otc_reference_feature *feature);
/**
 * Counts per bin of cells shaped like the feature's (its own or a window's); `out` holds
 * otc_reference_bins(). With value_bins the last bin is "other".
 */
void otc_reference_bin_counts(const struct otc_reference_feature *feature, const uint64_t *eq,
                              const uint64_t *gap, uint64_t *out);

/** A model's reference. Reference-counted, immutable, any thread. */
struct otc_reference {
    struct otc_slice model;  /* empty: any model */
    struct otc_slice source; /* file it was built from */
    char source_hash[33];    /* hex XXH3-128 of that file's bytes; "" when unknown */
    /** Hex of the content hash (XXH3-128 of the numbers and names in it); the first 8 digits label metrics.
     */
    char hash[33];
    int64_t created_ns;
    uint64_t rows;
    struct otc_reference_feature *features;
    size_t n_features;
};

struct otc_reference *otc_reference_ref(struct otc_reference *reference);
void otc_reference_unref(struct otc_reference *reference);
/** The feature of this name, or NULL. O(1). */
const struct otc_reference_feature *otc_reference_find(const struct otc_reference *reference,
                                                       struct otc_slice name);
/** The feature of this kind and name, or NULL. O(1). */
const struct otc_reference_feature *otc_reference_find_kind(const struct otc_reference *reference,
                                                            enum otc_feature_kind kind,
                                                            struct otc_slice name);

/** How the bins of a numeric feature are chosen; in the order of the words of `binning`. */
enum otc_binning {
    OTC_BINNING_QUANTILE,
    OTC_BINNING_EQUAL_WIDTH, /* numpy.linspace(min, max, bins + 1) */
    OTC_BINNING_STURGES,     /* the same, as many bins as numpy's "sturges" says */
};
/** "quantile", "equal_width", "sturges"; NULL-ended. */
extern const char *const otc_binning_names[];

struct otc_reference_limits {
    /** Distinct points kept exactly up to this many (10000), else `quantile_points` (1024) quantile points.
     * 0: no cap. */
    size_t exact_points;
    size_t quantile_points;
    size_t max_categories; /* 200 */
    /** Cells with fewer observations than this are merged into their gap, so that no rare value is told. 0 or
     * 1: off. */
    uint64_t min_count;
    size_t bins; /* 10 */
    /**
     * Values kept a feature while building; beyond, a uniform random sample of them (algorithm R,
     * reproducible), so that learning for a day is bounded: 16 bytes a value. 0: all.
     */
    size_t max_values;
    /** Share of a numeric feature's values that is left out at each end, 0 to below ½: floor(share * n) of
     * them. They still count as `values`, so that nothing seems missing. */
    double trim;
    /**
     * Points without observations added on each side of a numeric feature's range, each twice as far out as
     * the one before, from a sixteenth of the range on: a grid on which also what moved far away is told
     * apart.
     */
    size_t outer_points;
    /** Equal parts tell the least and the greatest value: not for private data. */
    enum otc_binning binning;
};
#define OTC_REFERENCE_LIMITS_DEFAULT                                                                         \
    ((struct otc_reference_limits){10000, 1024, 200, 0, 10, 0, 0, 0, OTC_BINNING_QUANTILE})

/**
 * Builds a reference from rows. A column is declared, then fed value by value in row order. Owned by one
 * thread. A number for a categorical feature counts as its canonical text; a text for a numeric one as
 * invalid.
 */
struct otc_reference_builder;
struct otc_reference_builder *otc_reference_builder_new(const struct otc_reference_limits *limits,
                                                        size_t max_features);
void otc_reference_builder_free(struct otc_reference_builder *builder);
/** Index of the column (the same for the same name and kind), or SIZE_MAX at the limit. */
size_t otc_reference_builder_feature(struct otc_reference_builder *builder, struct otc_slice name,
                                     enum otc_feature_type type, enum otc_feature_kind kind);
/** Categories that the feature keeps when finished, in place of the limits' (0: all). */
void otc_reference_builder_max_categories(struct otc_reference_builder *builder, size_t feature, size_t max);
/** Gives a numeric feature its vocabulary: `n` ascending hashes, copied. False out of memory. */
bool otc_reference_builder_vocabulary(struct otc_reference_builder *builder, size_t feature,
                                      const uint32_t *words, size_t n);
/** Gives a numeric feature its mean vector, copied. False out of memory. */
bool otc_reference_builder_center(struct otc_reference_builder *builder, size_t feature, const double *center,
                                  size_t n);
/** Gives it the components of its vectors, counted there until the end; takes them over. */
struct otc_components_builder;
void otc_reference_builder_components(struct otc_reference_builder *builder, size_t feature,
                                      struct otc_components_builder *components);
/** NaN counts as missing, infinity as invalid. `time_ns` orders the rows (INT64_MIN: unknown). False out of
 * memory. */
bool otc_reference_builder_number(struct otc_reference_builder *builder, size_t feature, double value,
                                  int64_t time_ns);
/** Canonical text; an empty slice is missing. */
bool otc_reference_builder_text(struct otc_reference_builder *builder, size_t feature, struct otc_slice value,
                                int64_t time_ns);
/**
 * Values that came binned, for a numeric feature that has none else: false out of memory. They must fit those
 * before (otc_reference_builder_takes_buckets).
 */
struct otc_buckets;
bool otc_reference_builder_buckets(struct otc_reference_builder *builder, size_t feature,
                                   const struct otc_buckets *buckets, int64_t time_ns);
/** False when the feature has values that are not binned, or binned by other bounds. */
bool otc_reference_builder_takes_buckets(const struct otc_reference_builder *builder, size_t feature,
                                         const struct otc_buckets *buckets);
/** An upper bound of the memory that a feature of such buckets takes while it is built. */
size_t otc_reference_binned_bytes(const struct otc_buckets *like);
/** True when the feature has binned values. */
bool otc_reference_builder_is_binned(const struct otc_reference_builder *builder, size_t feature);
void otc_reference_builder_missing(struct otc_reference_builder *builder, size_t feature);
void otc_reference_builder_invalid(struct otc_reference_builder *builder, size_t feature);
/** Values a feature has so far. */
uint64_t otc_reference_builder_observations(const struct otc_reference_builder *builder, size_t feature);
/** Names the bytes the rows came from: 32 hex digits. */
void otc_reference_builder_source_hash(struct otc_reference_builder *builder, const char hex[33]);
/** Freezes; the builder is spent (free it). `model` may be empty. */
OTC_CHECK otc_status otc_reference_builder_finish(struct otc_reference_builder *builder,
                                                  struct otc_slice model, const char *source,
                                                  int64_t created_ns, struct otc_reference **out,
                                                  struct otc_error *err);

struct otc_reader;
/** What a builder has so far, as bytes, for a restart. */
void otc_reference_builder_save(const struct otc_reference_builder *builder, struct otc_buf *out);
/** Fills a fresh builder of the same limits. False: no memory, or no builder's bytes; it is to be freed then.
 */
OTC_CHECK bool otc_reference_builder_load(struct otc_reference_builder *builder, struct otc_reader *in);

/** The canonical text of a number used as a category: integral without decimals, else shortest round trip. */
size_t otc_canonical_number(double value, char out[32]);

/**
 * Reads a reference file (JSON, format version 1). Errors name file, feature and what is allowed. A numeric
 * feature of more than `max_cells` points (bin edges not counted; 0: any) is refused with the command that
 * rebuilds the file.
 */
OTC_CHECK otc_status otc_reference_load(const char *path, size_t max_cells, struct otc_reference **out,
                                        struct otc_error *err);
/** The same from memory (for fuzzing and tests); `name` stands in messages. */
OTC_CHECK otc_status otc_reference_parse(struct otc_slice json, const char *name, size_t max_cells,
                                         struct otc_reference **out, struct otc_error *err);
/** The file's text. */
OTC_CHECK otc_status otc_reference_format(const struct otc_reference *reference, struct otc_buf *out,
                                          struct otc_error *err);

#endif
