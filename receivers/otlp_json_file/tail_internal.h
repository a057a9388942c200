// SPDX-License-Identifier: Apache-2.0
/** @file What tail.c, tail_known.c, tail_read.c and tail_state.c share. */
#ifndef OTC_OTLP_JSON_FILE_TAIL_INTERNAL_H
#define OTC_OTLP_JSON_FILE_TAIL_INTERNAL_H

#include "common/base/map.h"
#include "common/net/gunzip.h"
#include "receivers/otlp_json_file/paths.h"
#include "receivers/otlp_json_file/tail.h"

#include <sys/stat.h>

/** Compressed bytes that are read at once. */
#define PACKED_BYTES ((size_t)64 << 10)

/** How far a file was read. */
struct position {
    /** Of the first byte that was not given, in what comes out where it is compressed. */
    int64_t offset;
    /** Compressed files: where the member begins that `offset` is counted from. */
    int64_t base;
    /** Compressed files: the size at which all of it was read; -1: not yet. */
    int64_t read_to;
    size_t n_head;
    bool packed;
};
/** Those that nobody has seen yet. */
#define POSITION_NONE ((struct position){.offset = -1})

struct followed {
    uint64_t id;
    uint8_t *head; /* its first bytes, decompressed */
    struct position at;
    struct position written; /* as otlp_json_file_tail_write told it last */
    int64_t size;
    int64_t grown_ns; /* when it was seen to have grown */
    uint64_t device, inode;
    int64_t changed_ns; /* the file's own time */
    unsigned done;      /* what the caller has noted of the line at `at`, which it refused; 0: nothing */
    unsigned gone;      /* polls without it */
    bool seen;          /* in this poll */
    bool skipping;      /* the rest of a line that is too long */
    bool damaged;       /* no gzip, from some byte on */
    bool complained;
};

/** The compressed file that is being read; one at a time, others wait. */
struct unpacking {
    struct otc_gunzip *gunzip; /* NULL: none */
    uint64_t owner;            /* a file's id */
    int64_t at;                /* of the next compressed byte */
    int64_t skip;              /* bytes that were given before, to be passed over */
    size_t n;                  /* in `unpacked`: came out and was not given yet */
};

struct tail {
    struct tail_settings settings;
    struct tail_calls calls;
    struct patterns include, exclude;
    struct followed *files;
    size_t n;
    uint64_t ids;
    bool polled;
    bool refused;               /* a line, in this poll */
    size_t first;               /* path that the next poll reads first; those before it are only looked at */
    struct otc_map *complained; /* paths of files that could not be read before they were known */
    struct otc_buf forgotten;   /* ids, not written yet; failed: too many, and all is to be written */
    uint8_t *head;
    uint8_t *line;     /* max_line + 1 bytes */
    uint8_t *packed;   /* PACKED_BYTES */
    uint8_t *unpacked; /* max_line + 1 bytes */
    struct unpacking unpacking;
};

/** The file of an open descriptor; NULL: there is nothing to read in it. Its `seen` is set. */
struct followed *otlp_json_file_identify(struct tail *tail, int fd, const char *path, const struct stat *stat,
                                         int64_t monotonic_ns, int64_t unix_ns);
/** After a poll: files that were not seen for some polls. */
void otlp_json_file_forget_gone(struct tail *tail);
/** Of a file that is not followed; once until it can be read. */
void otlp_json_file_complain_of(struct tail *tail, const char *path, const char *text);

void otlp_json_file_complain(struct tail *tail, struct followed *file, const char *path, const char *text);
/** Gives what is new, at most about `*left` bytes, which shrink. False when there is more to read. */
bool otlp_json_file_read(struct tail *tail, struct followed *file, int fd, const char *path,
                         int64_t monotonic_ns, size_t *left);
/** Whether all there is was given. */
bool otlp_json_file_at_end(const struct tail *tail, const struct followed *file);
void otlp_json_file_stop_unpacking(struct tail *tail);

#endif
