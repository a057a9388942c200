// SPDX-License-Identifier: Apache-2.0
/** @file `payload WORKLOAD FILE [ITEMS [SEED]]`: writes one request of the workload (100 spans, points or log
 * records unless told). */
#include "tests/bench/workloads.h"

int
main(int argc, char **argv)
{
    OTC_AUTO_BUF struct otc_buf out = {.limit = (size_t)1 << 30};
    size_t items = argc > 3 ? strtoul(argv[3], NULL, 10) : 100;
    uint64_t seed = argc > 4 ? strtoull(argv[4], NULL, 10) : 1;
    FILE *file;

    if (argc < 3 || items == 0 || !workload_request(argv[1], items, seed, &out)) {
        fprintf(stderr, "usage: payload " WORKLOAD_NAMES " FILE [ITEMS [SEED]]\n");
        return 2;
    }
    file = fopen(argv[2], "wb");
    if (!file || fwrite(out.data, 1, out.len, file) != out.len || fclose(file) != 0) {
        perror(argv[2]);
        return 1;
    }
    printf("%s: %zu items, %zu bytes\n", argv[2], items, out.len);
    return 0;
}
