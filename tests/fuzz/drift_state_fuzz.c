// SPDX-License-Identifier: Apache-2.0
/**
 * @file What a drift stage finds in its storage, past the checksums: a snapshot, or entries of the journal.
 * Whatever the bytes are, they are refused or a stage stands on them that goes on counting, tells results and
 * can be stored again; within its memory, of which nothing stays charged when all is forgotten.
 */
#include "tests/fuzz/drift_stage.h"
#include "tests/fuzz/fuzz.h"

static void
check(bool holds)
{
    if (!holds) {
        abort();
    }
}

/** The reference, or grid, that a stage makes of the seeds' first entries. */
static struct otc_reference *
learned(enum fuzz_stage_kind kind)
{
    struct otc_reference *reference;
    struct otc_rig rig;
    struct drift *drift = fuzz_stage_new(&rig, kind);
    const struct drift_model *model;

    for (size_t i = 0; i < FUZZ_STAGE_LEARNED_AT; i++) {
        OTC_AUTO_BUF struct otc_buf entry = {.limit = (size_t)1 << 20};

        fuzz_stage_entry(drift, kind, i, &entry);
        check(fuzz_stage_replay(drift, otc_buf_slice(&entry)));
    }
    check(otc_models_count(drift->models) == 1);
    model = otc_models_at(drift->models, 0)->state;
    check(model->binding != NULL);
    reference = otc_reference_ref(model->binding->reference);
    otc_rig_free(&rig);
    return reference;
}

/** That of the stage's kind, whatever the hash is. */
static struct otc_reference *
find_reference(void *arg, struct otc_slice hash)
{
    static struct otc_reference *references[FUZZ_STAGE_KINDS];
    enum fuzz_stage_kind kind = *(const enum fuzz_stage_kind *)arg;

    (void)hash;
    if (!references[kind]) {
        references[kind] = learned(kind);
    }
    return otc_reference_ref(references[kind]);
}

/** Entries, each with two bytes of length before it. */
static bool
replay_all(struct drift *drift, struct otc_slice data)
{
    bool done = true;

    while (done && data.len > 2) {
        size_t len = (size_t)data.data[0] << 8 | data.data[1];

        data = otc_slice_skip(data, 2);
        len = len < data.len ? len : data.len;
        done = fuzz_stage_replay(drift, otc_slice_of(data.data, len));
        data = otc_slice_skip(data, len);
    }
    return done;
}

/** What any stage can do next. */
static void
go_on(struct drift *drift)
{
    OTC_AUTO_BUF struct otc_buf bytes = {.limit = (size_t)64 << 20};
    OTC_AUTO_BUF struct otc_buf journal = {.limit = (size_t)1 << 20};
    struct otc_host *host = drift->host;

    drift_shift_monotonic(drift, OTC_SECOND);
    drift_collect_at(drift, drift->emitter, host->now_ns(host), host->monotonic_ns(host));
    fuzz_stage_journal(drift, 0, (size_t)2 * FUZZ_STAGE_LEARNS, &journal);
    check(fuzz_stage_replay(drift, otc_buf_slice(&journal)));
    otc_buf_clear(&journal);
    fuzz_stage_metrics(drift, 0, (size_t)2 * FUZZ_STAGE_LEARNS, &journal);
    check(fuzz_stage_replay(drift, otc_buf_slice(&journal)));
    drift_work(drift);
    drift_collect_at(drift, drift->emitter, host->now_ns(host) + OTC_HOUR, host->monotonic_ns(host));
    drift_work(drift);
    drift_snapshot_write(drift, &bytes);
    check(!bytes.failed);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct otc_slice rest = otc_slice_skip(otc_slice_of(data, size), 1);
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_rig rig;
    enum fuzz_stage_kind kind;
    struct drift *drift;
    bool done;

    if (size < 2) {
        return 0;
    }
    kind = data[0] / 2 % FUZZ_STAGE_KINDS;
    drift = fuzz_stage_new(&rig, kind);
    if (data[0] % 2) {
        done = replay_all(drift, rest);
    } else {
        done = drift_snapshot_read(drift, otc_reader_of(rest), find_reference, &kind, &err);
        check(done || err.text[0] != '\0');
    }
    check(drift->budget.used <= drift->budget.limit);
    if (done) {
        go_on(drift);
    }
    check(drift_forget(drift) && drift->budget.used == 0);
    otc_rig_free(&rig);
    return 0;
}
