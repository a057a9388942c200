// SPDX-License-Identifier: Apache-2.0
/** @file The parts of a log on disk, shared between its files. */
#ifndef OTC_STORAGE_LOG_INTERNAL_H
#define OTC_STORAGE_LOG_INTERNAL_H

#include "common/base/buf.h"
#include "common/base/now.h"
#include "common/storage/log.h"

#include <pthread.h>

#define OTC__LOG_PATH 1400
#define OTC__LOG_PAGE 4096
/** Bytes of a record's note. */
#define OTC__LOG_NOTE 4
/** Where the two seals of a segment lie, and its first record. */
#define OTC__LOG_SEAL 2048
#define OTC__LOG_SEAL_COPY (OTC__LOG_PAGE + OTC_LOG_SEGMENT_RECORDS * OTC__LOG_NOTE)
#define OTC__LOG_RECORDS OTC_LOG_RECORDS_AT
_Static_assert(OTC__LOG_RECORDS == OTC__LOG_SEAL_COPY + 64, "the copy of the seal lies before the records");
/** The note of a removed record; 1 to 3 is how often a process had marked one. */
#define OTC__LOG_REMOVED 0

struct otc__log_header {
    uint32_t magic;
    uint32_t index; /* in the segment */
    uint64_t number;
    uint64_t len;
    uint64_t content_check;
    uint64_t header_check; /* of what stands before */
};

/** Of a segment to which nothing more will be written. */
struct otc__log_seal {
    uint64_t magic;
    uint64_t used; /* where the next record would lie */
    uint64_t records;
    uint64_t check; /* of what stands before */
};

struct otc__segment {
    struct otc__segment *next;
    uint64_t number;
    int fd;
    int64_t used; /* where the next record would lie */
    int64_t size;
    uint32_t records; /* in it, removed ones included */
    uint32_t live;
    int64_t live_bytes;
    struct otc_log_record *first; /* the live ones, in no order */
    uint32_t readers;             /* the file may not go */
    int64_t tried;                /* when it could not be written anew (CLOCK_MONOTONIC); 0: never */
    bool damaged;                 /* not to be compacted: a record cannot be read, or was forgotten */
    bool suspect;                 /* a flush of what was told failed: to be written anew */
    bool evidence;                /* damaged bytes could not be copied aside: the file is not removed */
};

struct otc_log_record {
    struct otc_log_record *next, *previous; /* of the segment */
    struct otc__segment *segment;
    int64_t offset; /* of its header */
    uint64_t number;
    uint64_t len;
    uint32_t index;
    uint8_t crashes;
    uint8_t noted; /* the mark that its note has: 0 to OTC_LOG_CRASHES_MAX */
};

/** A record that waits for the disk. */
struct otc__log_put {
    struct otc__log_put *next;
    struct otc_log_record *record;
    otc_log_done_fn done;
    void *arg;
    int64_t arrived;
    int refused; /* errno or OTC__LOG_MIN_FREE: there is no room for it; 0: it is written with the others */
    size_t n;
    struct otc_slice slices[];
};

/** A record that waits to be set aside. */
struct otc__log_aside {
    struct otc__log_aside *next;
    struct otc_log_record *record;
    size_t skip;
    void (*done)(void *arg, int failed);
    void *arg;
    int failed;
    char folder[1100];
    char name[256];
    char why[1024];
};

struct otc_log {
    struct otc_log_writer *writer;
    struct otc_log *next;
    struct otc_log_io io;
    char directory[1024];
    char base[256];
    int64_t segment_bytes;
    int64_t max_bytes;
    int64_t min_free_bytes;
    enum otc_log_sync sync;
    int64_t sync_interval_ns;
    int64_t opened_ns; /* Unix time, for names of damaged bytes */
    int directory_fd;
    /* Guarded by the writer's lock. */
    struct otc__segment *segments; /* oldest first; the last is the one that is written to, when `active` */
    struct otc__segment *active;
    struct otc__segment *dead; /* to be unlinked */
    struct otc__log_put *first, *last;
    struct otc__log_aside *first_aside, *last_aside;
    size_t n_waiting;
    size_t waiting_bytes;
    uint64_t next_number;
    uint64_t next_segment;
    uint64_t failures;
    int64_t bytes;      /* used by all segments */
    int64_t live_bytes; /* of them, by records that are needed, with their headers */
    int64_t compact_at; /* nothing is compacted before: it failed */
    int64_t compact_retry_ns;
    int64_t dirty_since; /* when something was told that is not flushed; 0: nothing is */
    bool busy;           /* a commit is under way */
    bool opened;         /* else its files are left as they are */
};

struct otc_log_writer {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t work; /* something waits */
    pthread_cond_t idle; /* a commit ended */
    struct otc_log *logs;
    bool stop;
};

#define OTC__LOG_MAGIC 0x4c435441u
/** Beside errno values: a new segment would leave less than min_free_bytes. */
#define OTC__LOG_MIN_FREE (-1)

extern const struct otc_log_io otc__log_system;

static inline int64_t
otc__log_aligned(uint64_t len)
{
    return (int64_t)((sizeof(struct otc__log_header) + len + 7) & ~(uint64_t)7);
}

void otc__log_path(const struct otc_log *log, uint64_t segment, const char *suffix, char path[OTC__LOG_PATH]);
/** Fills in the magic and the check of a header that lies at `offset`. */
void otc__log_seal_header(struct otc__log_header *header, uint64_t segment, int64_t offset);
bool otc__log_header_is_sound(const struct otc__log_header *header, uint64_t segment, int64_t offset);
/** What stands in a segment for a record that was removed (0) or marked (1 to 3 times); 0 for neither. */
uint32_t otc__log_note(uint64_t segment, uint32_t index, unsigned what);
/** Writes one, over bytes that have their room: a full disk does not hinder it, and failing costs a
 * repetition. */
void otc__log_write_note(const struct otc__segment *segment, uint32_t index, uint32_t note);
/** Writes the mark that a record has. Under the lock. */
void otc__log_write_mark(const struct otc_log_record *record);

/** Notes that nothing more will be written to a segment; failing costs exactness after damage alone. */
void otc__segment_seal(const struct otc_log *log, const struct otc__segment *segment, int64_t used,
                       uint64_t records);
bool otc__log_seal_is_sound(const struct otc__log_seal *seal, uint64_t segment);
/** Makes a segment with room for `bytes` of records. Not under the lock. errno, OTC__LOG_MIN_FREE or 0. */
int otc__segment_make(struct otc_log *log, int64_t bytes, struct otc__segment **out);
/** Closes it and removes its file; one that is evidence is renamed. */
void otc__segment_drop(struct otc_log *log, struct otc__segment *segment);

/** Reads what former processes left (log_recover.c). */
otc_status otc__log_recover(struct otc_log *log, const struct otc_log_options *options,
                            struct otc_log_found *found, struct otc_error *err);
/** Writes what waits; the lock is held at entry and return (log_write.c). */
void otc__log_commit(struct otc_log *log);
/** Writes puts to the end, to another segment when that fails; `sync`: and flushes them. Those for which
 * there is no room are marked as refused, which is no failure of the disk. Not under the lock, which is held
 * at return, with the books changed. errno or 0. */
int otc__log_write_puts(struct otc_log *log, struct otc__log_put *puts, bool sync);
/** Flushes the names in the folder. errno or 0. */
int otc__log_sync_directory(const struct otc_log *log);
/** Path of what is damaged of a segment. */
void otc__log_corrupt_path(const struct otc_log *log, uint64_t segment, char path[OTC__LOG_PATH]);
/** Adds a record to its segment, and takes it out. Under the lock. */
void otc__segment_add(struct otc_log *log, struct otc_log_record *record);
void otc__segment_remove(struct otc_log *log, struct otc_log_record *record);
/** otc_log_remove, under the lock. */
void otc__log_remove_locked(struct otc_log *log, struct otc_log_record *record);
/** Takes a segment that nobody needs off the list, to be dropped. Under the lock. */
void otc__segment_retire(struct otc_log *log, struct otc__segment *segment);
/** Moves some of the records that are to be set aside (log_aside.c). By the writer's thread, under the lock,
 * which is let go meanwhile. */
void otc__log_write_asides(struct otc_log *log);
/** Bytes that what waits for the disk will take of it at most. Under the lock. */
int64_t otc__log_waiting(const struct otc_log *log);
/** A suspect segment, one of which little is needed any more, when the log has many, or the one with most
 * that is not needed, when the files would grow too large; NULL: none. It may be compacted from `compact_at`
 * on. Under the lock. */
struct otc__segment *otc__log_sparse(const struct otc_log *log);
/** The segment with most that is not needed, when all that is not needed (but for what lies in the segment
 * that is written to) takes more than an eighth of the limit beyond what is needed and what waits; NULL:
 * none. So much of what was written lies in segments that may be chosen that no more than ten bytes are
 * written to win one. Under the lock. */
struct otc__segment *otc__log_crowding(const struct otc_log *log);
/** Writes what is needed of a segment, or a piece of 16 MiB of it, to the end and lets go of it when that was
 * all; when that fails, it is tried again later. By the writer's thread, under the lock, which is let go
 * meanwhile. */
void otc__log_compact(struct otc_log *log, struct otc__segment *segment);
/** Reads a record's content, whose segment does not go meanwhile. */
otc_status otc__record_read(const struct otc__segment *segment, const struct otc_log_record *record,
                            struct otc_buf *out, struct otc_error *err);

#endif
