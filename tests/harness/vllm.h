// SPDX-License-Identifier: Apache-2.0
/**
 * @file A vLLM server's histograms made of its published load tests (series/vllm_burstgpt_loadtest): seconds
 * to the first chunk, in the buckets that vLLM has for them.
 */
#ifndef OTC_TESTS_VLLM_H
#define OTC_TESTS_VLLM_H

#include "common/base/number.h"
#include "tests/harness/data.h"

#include <stdlib.h>

/** Bounds of vllm:time_to_first_token_seconds (vllm/v1/metrics/loggers.py). */
static const double vllm_ttft_bounds[] = {0.001, 0.005, 0.01, 0.02,  0.04,  0.06,  0.08, 0.1,
                                          0.25,  0.5,   0.75, 1.0,   2.5,   5.0,   7.5,  10.0,
                                          20.0,  40.0,  80.0, 160.0, 640.0, 2560.0};
#define VLLM_TTFT_BOUNDS (sizeof(vllm_ttft_bounds) / sizeof(vllm_ttft_bounds[0]))

/** The bucket of a value: it lies below the bound that it equals. */
static inline size_t
vllm_bucket(double value)
{
    size_t i = 0;

    while (i < VLLM_TTFT_BOUNDS && vllm_ttft_bounds[i] < value) {
        i++;
    }
    return i;
}

/** Column `first_chunk_time` of the load test at this scale, at most 500 rows in `out`; 0 without the data.
 */
static inline size_t
vllm_first_chunk_times(int scale, double out[500])
{
    struct otc_buf buf = {.limit = (size_t)1 << 20};
    char path[1024], name[128];
    size_t n = 0;
    char *line, *save = NULL;

    (void)snprintf(name, sizeof(name), "series/vllm_burstgpt_loadtest/detail_log_scale%d.csv", scale);
    if (otc_test_data_path(name, path) && otc_test_read(path, &buf) && otc_buf_append_byte(&buf, 0)) {
        (void)strtok_r((char *)buf.data, "\n", &save); /* the header */
        while (n < 500 && (line = strtok_r(NULL, "\n", &save)) != NULL) {
            for (int comma = 0; comma < 6; comma++) {
                line = strchr(line, ',') + 1;
            }
            out[n++] = strtod(line, NULL);
        }
    }
    otc_buf_release(&buf);
    return n;
}

#endif
