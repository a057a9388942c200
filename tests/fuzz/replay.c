// SPDX-License-Identifier: Apache-2.0
/** @file Runs a fuzz target over the files of a folder, where there is no libFuzzer. */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#define INPUT_MAX ((size_t)1 << 20)

static bool
replay(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = malloc(INPUT_MAX);
    size_t len;

    if (!file || !bytes) {
        fprintf(stderr, "%s: cannot be read\n", path);
        free(bytes);
        return false;
    }
    len = fread(bytes, 1, INPUT_MAX, file);
    fclose(file);
    LLVMFuzzerTestOneInput(bytes, len);
    free(bytes);
    return true;
}

/** The corpus of build/…/x_replay: tests/fuzz/corpus/x. */
static void
own_corpus(const char *program, char path[256])
{
    const char *name = strrchr(program, '/') ? strrchr(program, '/') + 1 : program;
    const char *suffix = strstr(name, "_replay");

    snprintf(path, 256, "tests/fuzz/corpus/%.*s", suffix ? (int)(suffix - name) : (int)strlen(name), name);
}

int
main(int argc, char **argv)
{
    char folder[256], path[512];
    const struct dirent *entry;
    size_t n = 0;
    DIR *corpus;

    own_corpus(argv[0], folder);
    if (argc > 1) {
        snprintf(folder, sizeof(folder), "%s", argv[1]);
    }
    corpus = opendir(folder);
    if (!corpus) {
        fprintf(stderr, "%s: no such corpus\n", folder);
        return EXIT_FAILURE;
    }
    while ((entry = readdir(corpus))) {
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        if (entry->d_name[0] != '.' && !replay(path)) {
            closedir(corpus);
            return EXIT_FAILURE;
        }
        n += entry->d_name[0] != '.';
    }
    closedir(corpus);
    printf("replayed %zu inputs of %s\n", n, folder);
    return n > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
