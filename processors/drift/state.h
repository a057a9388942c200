// SPDX-License-Identifier: Apache-2.0
/**
 * @file State of the drift connector: models, their versions, and what each has seen.
 *
 * `lock` guards all of it. Evaluating a window and freezing a learned reference take long and run on the
 * control loop without the lock: the version (the model) is marked `busy` meanwhile, and freed afterwards
 * when it was forgotten. Records that arrive while their model freezes are kept and counted right after.
 */
#ifndef OTC_DRIFT_STATE_H
#define OTC_DRIFT_STATE_H

#include "common/analysis/dependence.h"
#include "common/analysis/emit.h"
#include "common/analysis/emit_logs.h"
#include "common/analysis/recent.h"
#include "common/analysis/reference_watch.h"
#include "common/analysis/weight.h"
#include "processors/drift/binding.h"
#include "processors/drift/compat.h"
#include "processors/drift/drift_config.h"
#include "processors/drift/history.h"
#include "processors/drift/kept.h"
#include "processors/drift/learn.h"
#include "processors/drift/notices.h"
#include "processors/drift/watch.h"

#include <pthread.h>

/** Why a record, or a value of one, was not used. */
enum drift_excluded {
    DRIFT_LATE,
    DRIFT_TOO_OLD,
    DRIFT_FUTURE,
    DRIFT_MEMORY,
    DRIFT_FEATURES,
    DRIFT_NO_REFERENCE,     /* a record: its model has none */
    DRIFT_NO_ARM,           /* without the arm's attribute */
    DRIFT_REFERENCE_MEMORY, /* counted in windows, but not kept for the references of later ones */
    /* Of data points of metrics alone: */
    DRIFT_BOUNDS,  /* other bounds than the reference's, or none that tell a distribution */
    DRIFT_TYPE,    /* a summary, or another kind than the reference's */
    DRIFT_STREAMS, /* limits::streams */
    /* Of spans alone: */
    DRIFT_TRACE_STATE, /* not valid: the span counts as one */
    /* Behind the others, so that counters stored before it was one of them mean what they meant: */
    DRIFT_UNKNOWN_FEATURE, /* a value: the model's reference lacks its feature */
    DRIFT_N_EXCLUDED
};
/** "late", "too_old", "future", "memory", "features", "no_reference", "no_arm", "reference_memory", "bounds",
 * "type", "streams", "trace_state", "unknown_feature". */
const char *drift_excluded_name(enum drift_excluded reason);

/** Which gauges the last emission showed, by their numbers (results.h). Zero-initialised: none. */
#define DRIFT_SHOWN_MAX 256
struct drift_shown {
    uint64_t words[DRIFT_SHOWN_MAX / 64];
};

/** Numbers of one feature for one pane that wait to be counted together. */
#define DRIFT_WAITING 64
struct drift_waiting {
    struct drift_version *version; /* NULL: it is gone */
    size_t index;                  /* of the feature in the binding */
    struct drift_counts *counts;   /* of the pane */
    size_t n;
    double values[DRIFT_WAITING];
};
/** Features, of any version, whose numbers wait at once: 550 KiB a stage, beside `limits::memory`, of which
 * what is used is resident. */
#define DRIFT_WAITING_FEATURES 1024

/** One feature of one version. */
struct drift_feature {
    /** Since the version's binding; missing follows from the version's records. */
    uint64_t values, invalid, overflow, unseen, out_of_range;
    uint64_t missing;             /* of a feature that counts its own records (drift_bound::apart) */
    uint64_t pooled;              /* of `values`, those of categories that are not told apart */
    uint64_t records_before;      /* bound_records when it began: a reload added it */
    uint64_t last_record;         /* a feature counts once a record */
    struct otc_map *unseen_texts; /* text to cell */
    struct otc_k_of_n ring;
    /** Of the windows so far. */
    struct otc_dependence dependence;
    /** Of the last evaluation. */
    struct otc_feature_result result;
    uint64_t window_observations, reference_observations;
    /** Bins of the closed panes since the binding (emit::bins): otc_reference_bins(), or categories + 1. */
    uint64_t *bins;
    size_t n_bins;
    /** Dynamic references: the counts of the last one in the same bins, else NULL. */
    uint64_t *reference_bins;
    struct drift_shown shown;
    struct drift_waiting *waiting; /* while a batch is counted, else NULL */
};

/** Result of the last evaluation of a version. */
struct drift_verdict {
    bool exists;
    /** The window reaches back to where records may be missing: before the first one of this process, or
     * before what a crash took. */
    bool partial;
    bool model_detected;
    size_t drifted, judged; /* detected features; features with a standing verdict */
    size_t skipped[OTC_SKIP_TYPE + 1];
    uint64_t records, duplicates;
    int64_t end_ns;
    double coverage;
};

/** What a version is among the arms of its model. */
enum drift_role {
    DRIFT_COMPARED,     /* no arms */
    DRIFT_COMPARED_ARM, /* with the baseline arm of its model */
    DRIFT_BASELINE_ARM,
    DRIFT_ARMLESS /* its records carry no arm */
};

/** FREEZING from the record on that completes the learning until the last record kept meanwhile is counted.
 */
enum drift_phase { DRIFT_LEARNING, DRIFT_FREEZING, DRIFT_READY, DRIFT_UNREFERENCED };

struct drift_model {
    struct drift *owner;
    struct otc_slice name; /* of the registry */
    enum drift_phase phase;
    struct drift_learner *learner;
    struct drift_binding *binding;
    struct drift_kept_list kept; /* while FREEZING, and a grid is LEARNING */
    double progress;
    struct drift_notices notices;
    /** Dynamic references: closed panes, and the cells of categories that the grid lacks, by feature (in the
     * place of drift_feature::unseen_texts, so that all versions count into the same cells). */
    struct drift_history history;
    struct otc_map **texts;
    size_t charged;
    bool busy, dead;
};

struct drift_version {
    struct drift *owner;
    struct drift_model *model;
    enum drift_role role;
    struct otc_window window;
    struct drift_binding *binding; /* NULL while its model learns */
    struct drift_feature *features;
    size_t charged;
    uint64_t records;                   /* all */
    struct otc_weighted_count weighted; /* the same with sampling undone */
    uint64_t bound_records;             /* counted since the binding */
    uint64_t excluded[DRIFT_N_EXCLUDED];
    struct otc_map *unknown;   /* observed features that the reference does not have; none is taken out */
    size_t told_unknown;       /* walked up to here to tell them (notices.h) */
    int64_t start_ns;          /* of the counters */
    int64_t last_record_ns;    /* monotonic */
    size_t *hints;             /* feature of the i-th discovered attribute of the last record */
    struct otc_recent *recent; /* ids; NULL without `duplicates` */
    uint64_t duplicates;
    struct drift_watched *watched; /* one for each of `detectors` */
    struct drift_verdict verdict;
    struct drift_compat_result *compat; /* of the last window, one a feature; NULL: none */
    int64_t evaluated_ns; /* end of the last window evaluated; a gap after it empties the rings */
    /** After a reload of the reference file: counts the same records for the new one, panes from
     * `next_from_ns` on completely, until it takes over. */
    struct drift_version *next;
    int64_t next_from_ns;
    /** Whom it took over from, until its features are told as ended. */
    struct drift_version *previous;
    bool busy, dead;
    struct drift_shown shown;
};

struct drift_input {
    struct otc_consumer consumer;
    struct drift *owner;
};

struct drift {
    struct otc_component component;
    struct drift_input inputs[OTC_N_SIGNALS];
    const char *id;
    struct otc_host *host;
    const struct drift_config *config;
    struct drift_rule rule;
    unsigned statistics;
    char window_label[32];
    struct otc_feature_set *set;
    struct otc_feature_reader *reader;
    struct drift_watch *watch; /* of `detectors` */
    struct otc_projection *projection;
    size_t first_feature;          /* in the projection, after the model's entries and the arm's */
    size_t first_id;               /* of `duplicates`, after the features' */
    struct drift_metrics *metrics; /* NULL: no metric is watched */
    bool metrics_in, spans_in;     /* metrics, spans come in */
    enum otc_kind kind;            /* OTC_CONNECTOR or OTC_PROCESSOR */
    struct otc_consumer *next;     /* a processor's: where what passes goes */
    struct otc_emitter *emitter;
    struct otc_events *events; /* detections, where a logs pipeline takes them */
    struct otc_timer *worker;

    pthread_mutex_t lock;
    struct otc_models *models;
    struct drift_binding *file; /* of reference::file, else NULL */
    struct drift_budget budget;
    struct otc_observed *observed;
    size_t max_observed;
    struct drift_waiting *waiting; /* DRIFT_WAITING_FEATURES; none of them between batches */
    size_t n_waiting;
    int64_t start_ns;
    int64_t told_ns; /* monotonic: when results were told last */
    /** Time of the first record since when every record is known; INT64_MAX: none came yet. */
    int64_t since_ns;
    struct drift_keeper *keeper; /* NULL: without storage */
    uint64_t malformed;          /* parts whose walk failed */
    uint64_t calls;              /* of consume */
    /** Of reference::file: how often it had changed, and versions that had no memory yet to pass over.
     * `seen`, `left` and `timer` belong to the control loop. */
    struct {
        struct otc_timer *timer;
        struct otc_file_mark seen;
        uint64_t good, bad;
        size_t left;
    } reloads;
    bool stopped;
};

/** What a pane holds: counts of each feature of the version's binding. */
struct drift_pane {
    struct drift_binding *binding;
    uint64_t duplicates;
    uint64_t apart; /* of its records, those of features that count their own */
    struct drift_counts features[];
};

extern const struct otc_model_ops drift_model_ops;
struct otc_models_limits drift_models_limits(const struct drift_config *config);
/** Gives a version what its model's binding needs; false without memory. Under the lock. */
bool drift_version_bind(struct drift_version *version);
/** The same for a binding of another reference than the model's has now; of a version that counted nothing.
 */
bool drift_version_bind_to(struct drift_version *version, struct drift_binding *binding);
void drift_version_release(struct drift_version *version);
void drift_model_release(struct drift_model *model);

/** An empty version beside this one that counts for the model's binding; NULL without memory. Under the lock.
 */
struct drift_version *drift_version_successor(const struct drift_version *version);

/** The map of texts to the cells of categories that the binding's reference lacks, made when there is none.
 * `*charged` is what pays for a text. */
struct otc_map *drift_unseen_texts(struct drift_version *version, size_t index, size_t **charged);

struct otc_reader;
/** Fills such a map with what a former process's held, paid for in `*charged`. False: not what it can have
 * written, or no memory. */
OTC_CHECK bool drift_unseen_texts_read(const struct drift_bound *bound, struct otc_map **texts,
                                       size_t *charged, struct drift_budget *budget, struct otc_reader *in);

/** Counts the records of a batch. Takes the lock once. */
otc_status drift_consume(struct otc_consumer *consumer, struct otc_batch *batch, struct otc_done *done,
                         struct otc_error *err);

/**
 * Counts the records of a batch again, as its journal entry has them (record.h). Under the lock, which is let
 * go while a reference is frozen or a window evaluated. False when the entry is damaged.
 */
bool drift_replay_batch(struct drift *drift, const struct drift_entry *entry, struct otc_reader *records);
/** Counts what a batch holds of a model whose reference stands, or failed. Under the lock; true when a window
 * is due. */
bool drift_count_kept(struct drift_model *model, const struct drift_kept *kept);

/** Freezes and evaluates all that is due; on the control loop, without the lock. `arg` is the struct drift.
 */
void drift_work(void *arg);

/** Forgets versions and streams that were silent for series_expiration. Under the lock; nothing is busy. */
void drift_expire(struct drift *drift, int64_t monotonic_ns);

/** The emitter's collection. `arg` is the struct drift. */
void drift_collect(void *arg, struct otc_emitter *emitter);
/** The same as of these clocks. On the control loop, without the lock. */
void drift_collect_at(struct drift *drift, struct otc_emitter *emitter, int64_t now_ns, int64_t monotonic_ns);

#endif
