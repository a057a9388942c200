// SPDX-License-Identifier: Apache-2.0
/** @file Verification data for the tests of this folder: files, and lines of JSON. */
#ifndef TESTS_PROMETHEUS_VERIFICATION_H
#define TESTS_PROMETHEUS_VERIFICATION_H

#include "common/json/json.h"

#include <stdio.h>
#include <stdlib.h>

/** The contents of a file below $AIMON_TESTDATA; NULL data when it is not there. The caller frees. */
static inline char *
read_test_data(const char *name, size_t *len)
{
    const char *root = getenv("AIMON_TESTDATA");
    char path[1024];
    char *text = NULL;
    FILE *file;
    long size;

    snprintf(path, sizeof(path), "%s/%s", root ? root : "../shared/data", name);
    file = fopen(path, "rb");
    if (!file) {
        return NULL;
    }
    if (fseek(file, 0, SEEK_END) == 0 && (size = ftell(file)) >= 0 && fseek(file, 0, SEEK_SET) == 0) {
        text = malloc((size_t)size + 1);
        if (text) {
            *len = fread(text, 1, (size_t)size, file);
            text[*len] = '\0';
        }
    }
    fclose(file);
    return text;
}

/** A JSON file, parsed; NULL when it is not there or not JSON. */
static inline struct otc_json *
read_test_json(const char *name)
{
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_json *document = NULL;
    size_t len = 0;
    char *text = read_test_data(name, &len);

    if (text && otc_json_parse(otc_slice_of(text, len), NULL, &document, &err) != OTC_OK) {
        fprintf(stderr, "%s: %s\n", name, err.text);
        document = NULL;
    }
    free(text);
    return document;
}

#define SKIP_WITHOUT(pointer)                                                                                \
    do {                                                                                                     \
        if (!(pointer)) {                                                                                    \
            printf("skipped: no verification data\n");                                                       \
            skip();                                                                                          \
        }                                                                                                    \
    } while (0)

#endif
