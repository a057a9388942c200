// SPDX-License-Identifier: Apache-2.0
/* A snapshot whose checksums are right, with the state of a detector that none can have written. */
#include "tests/fuzz/drift_stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

/* What a journal has when records with the known feature n come. */
static void
numbers(const struct drift *drift, size_t n, struct otc_buf *out)
{
    const struct drift_entry entry = {DRIFT_ENTRY_BATCH, OTC_VHOST_EPOCH_NS + (int64_t)n * OTC_SECOND,
                                      (int64_t)(3600 + n) * OTC_SECOND, 0};

    drift_entry_write(out, &entry);
    for (size_t i = 0; i < n; i++) {
        const struct otc_observed observed = {fuzz_stage_feature(drift, "n"),
                                              otc_slice_str("n"),
                                              OTC_KIND_INPUT,
                                              {OTC_VALUE_INT, {.integer = (int64_t)i % 5}}};
        const struct drift_record record = {
            .key = {.name = otc_slice_str("m"), .version = otc_slice_str("1")},
            .event_ns = OTC_VHOST_EPOCH_NS + (int64_t)i * OTC_SECOND,
            .n = 1,
            .weight = 1};

        drift_record_write(out, &record, &observed, drift->set);
    }
}

static void
a_detector_of_other_bytes_is_refused(void **state)
{
    struct otc_buf journal = {.limit = 1 << 20}, bytes = {.limit = 1 << 26};
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_rig rig;
    struct drift *drift = fuzz_stage_new(&rig, FUZZ_STAGE_RECORDS);
    const char *section;

    (void)state;
    numbers(drift, 10, &journal); /* it still learns: no reference is needed to read it */
    assert_true(fuzz_stage_replay(drift, otc_buf_slice(&journal)));
    drift_snapshot_write(drift, &bytes);
    otc_rig_free(&rig);

    section = memmem(bytes.data, bytes.len, "detectors", 9);
    assert_non_null(section);
    memset((uint8_t *)(uintptr_t)section + 250, 0x7f, 3000); /* within ADWIN's rows */

    drift = fuzz_stage_new(&rig, FUZZ_STAGE_RECORDS);
    assert_false(drift_snapshot_read(drift, otc_reader_of(otc_buf_slice(&bytes)), NULL, NULL, &err));
    otc_rig_free(&rig);
    otc_buf_release(&bytes);
    otc_buf_release(&journal);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_detector_of_other_bytes_is_refused)};

    return cmocka_run_group_tests_name("drift/hostile_detectors", tests, NULL, NULL);
}
