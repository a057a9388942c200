// SPDX-License-Identifier: Apache-2.0
/** @file `payload W2|W5 FILE [SPANS]`: writes one request of the workload (100 spans unless told). */
#include "tests/bench/payload.h"

int
main(int argc, char **argv)
{
    OTC_AUTO_BUF struct otc_buf out = {.limit = (size_t)1 << 30};
    enum payload_kind kind;
    size_t spans = argc > 3 ? strtoul(argv[3], NULL, 10) : 100;
    FILE *file;

    if (argc < 3 || !payload_kind_of(argv[1], &kind) || spans == 0 || !payload_traces(kind, spans, 1, &out)) {
        fprintf(stderr, "usage: payload W2|W5 FILE [SPANS]\n");
        return 2;
    }
    file = fopen(argv[2], "wb");
    if (!file || fwrite(out.data, 1, out.len, file) != out.len || fclose(file) != 0) {
        perror(argv[2]);
        return 1;
    }
    printf("%s: %zu spans, %zu bytes\n", argv[2], spans, out.len);
    return 0;
}
