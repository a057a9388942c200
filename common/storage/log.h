// SPDX-License-Identifier: Apache-2.0
/**
 * @file A queue on disk: records that are added at one end and removed one by one, in segment files
 * `<base>.<number>.segment` of a folder.
 *
 * A record whose `done` said OK survives the end of the process and, with OTC_LOG_SYNC_GROUP, a power cut.
 * What is removed does not come back after the end of the process; after a power cut it may (the note of it
 * is not flushed). A damaged record costs itself alone: it is counted and its bytes are copied to
 * `<base>.<number>.corrupt-<time>`, and nothing keeps a log from opening but a disk that cannot be read at
 * all, or rights, open files or memory that are missing.
 *
 * Segment: a page that names the format and, once nothing more will be written to it, says where it ends (the
 * seal); a note of 4 bytes for each of 16384 records, that says which was removed, by a hash of the segment's
 * number and the record's place in it; a copy of the seal; then records, aligned to 8 bytes: a header (magic,
 * index, number, length, XXH3-64 of the content and of the header, seeded with the segment's number and with
 * where it lies) and the content. So nothing counts that lies in a place that is not its own, and a note that
 * is damaged costs a repetition, never a record. Room is allocated when a segment is made, so that a full
 * disk keeps nobody from removing. A segment goes when all of it was removed; the last one is begun anew by
 * each process. One record that stays long therefore keeps the segment that holds it, until it is written
 * anew to the end: when an eighth of the segment or less is needed and there are many, or when what is not
 * needed would make the files too large.
 *
 * One thread a folder writes (otc_log_writer): with OTC_LOG_SYNC_GROUP it commits when 64 records or 1 MiB
 * wait, or 2 ms after the first came, with one flush for all; else at once. When a write or flush fails, what
 * it should have saved is written anew to another segment; if that fails too, its senders are told and the
 * next commit tries again. Where there is no room for another segment, what fits into the last one is still
 * taken and the rest refused, which is no failure.
 */
#ifndef OTC_STORAGE_LOG_H
#define OTC_STORAGE_LOG_H

#include "common/base/slice.h"
#include "common/base/status.h"

#include <sys/types.h>
#include <sys/uio.h>

#define OTC_LOG_RECORD_MAX ((size_t)256 << 20)
/** Records in one segment. */
#define OTC_LOG_SEGMENT_RECORDS 16384
/** Where the first of them lies. */
#define OTC_LOG_RECORDS_AT (4096 + OTC_LOG_SEGMENT_RECORDS * 4 + 64)
/** Records and bytes that may wait for the disk; further ones are refused. */
#define OTC_LOG_WAITING_MAX 10000
#define OTC_LOG_WAITING_BYTES ((size_t)64 << 20)
/** Slices in one put. */
#define OTC_LOG_SLICES_MAX 256

/** When what was put is flushed to the disk. */
enum otc_log_sync {
    OTC_LOG_SYNC_GROUP,    /* before it is told, with what others put meanwhile */
    OTC_LOG_SYNC_INTERVAL, /* told at once, flushed `sync_interval_ns` later at most */
    OTC_LOG_SYNC_NONE      /* told at once, flushed when the system likes */
};

/** Crashes (otc_log_mark) that are counted at most. */
#define OTC_LOG_CRASHES_MAX 3

/** All opaque. A record is a handle, valid until it is removed. */
struct otc_log;
struct otc_log_record;
struct otc_log_writer;

/** The system's calls, so that tests can let them fail: errno values, 0 for success. */
struct otc_log_io {
    int (*create)(void *arg, const char *path, off_t size, int *fd);
    int (*write)(void *arg, int fd, struct iovec *parts, int n, off_t offset);
    int (*sync)(void *arg, int fd);
    void *arg;
};

/** What opening found. */
struct otc_log_found {
    uint64_t records; /* to be sent again */
    uint64_t bytes;   /* their contents */
    uint64_t lost;    /* damaged records that were not removed */
    uint64_t damaged_bytes;
    uint64_t copied_bytes; /* of the damaged ones, to a file of their own */
    uint64_t torn_bytes;   /* at the end, where a write was interrupted: nobody had an answer for it */
};

struct otc_log_options {
    const char *directory;
    const char *base;
    int64_t segment_bytes; /* of one segment, unless a record is larger */
    /** Ceiling of the records that were not removed, with 40 to 47 bytes for each. The files may take an
     * eighth of it and two segments more, and each of them OTC_LOG_RECORDS_AT. */
    int64_t max_bytes;
    int64_t min_free_bytes; /* of the disk, that no new segment may take; 0: none */
    enum otc_log_sync sync;
    int64_t sync_interval_ns;
    int64_t now_ns;              /* Unix time, for names of damaged bytes */
    const struct otc_log_io *io; /* NULL: the system's */
    /** Called for each record that is there, oldest first; content borrowed for the call. */
    void (*found)(void *arg, struct otc_log_record *record, struct otc_slice content);
    void *arg;
};

/** Starts the thread, with all signals blocked. */
OTC_CHECK otc_status otc_log_writer_new(struct otc_log_writer **out, struct otc_error *err);
/** No log may be open any more. NULL is allowed. */
void otc_log_writer_free(struct otc_log_writer *writer);

/** Waits for the disk. */
OTC_CHECK otc_status otc_log_open(struct otc_log_writer *writer, const struct otc_log_options *options,
                                  struct otc_log_found *found, struct otc_log **out, struct otc_error *err);
/** Waits until everything that was put or set aside is told. Nobody may use a record any more. NULL is
 * allowed. */
void otc_log_close(struct otc_log *log);

/** Runs once, on the writer's thread. */
typedef void (*otc_log_done_fn)(void *arg, struct otc_log_record *record, const struct otc_error *result);
/**
 * Adds a record: `n` slices one after another, borrowed until `done` ran. Never waits. PENDING: `done` runs
 * when it is on the disk or could not be (then the record is gone). RESOURCE_EXHAUSTED: the log or what waits
 * for the disk is at its limit; INVALID_ARGUMENT: it is too large.
 */
OTC_CHECK otc_status otc_log_put(struct otc_log *log, const struct otc_slice *slices, size_t n,
                                 otc_log_done_fn done, void *arg, struct otc_error *err);
/** Waits for the disk. Appends the content to `out`. DATA_LOSS: it is damaged. Any thread. */
struct otc_buf;
OTC_CHECK otc_status otc_log_read(struct otc_log *log, const struct otc_log_record *record,
                                  struct otc_buf *out, struct otc_error *err);
/** The record is not needed any more. One system call, no waiting. */
void otc_log_remove(struct otc_log *log, struct otc_log_record *record);
/** Frees the handle of a record that stays for the next process. `log` NULL: it is closed. */
void otc_log_forget(struct otc_log *log, struct otc_log_record *record);
/**
 * Says that something is done with the record that may end the process, or that it is over. Survives the end
 * of the process, without a flush. One system call.
 */
void otc_log_mark(struct otc_log *log, struct otc_log_record *record, bool begins);
/** How often the process ended within a mark, in a row; at most OTC_LOG_CRASHES_MAX. */
unsigned otc_log_crashes(const struct otc_log_record *record);
/** Its place in the queue; and the bytes of its content. */
uint64_t otc_log_record_number(const struct otc_log_record *record);
uint64_t otc_log_record_len(const struct otc_log_record *record);

/** A file in which a record is kept that nobody wants. */
struct otc_log_aside {
    const char *folder; /* exists; the same for all of a log */
    const char *name;   /* `<name>.pb` has the content from byte `skip` on, `<name>.txt` the reason */
    size_t skip;
    const char *why;
    /** Runs once, on the writer's thread, with errno or 0. */
    void (*done)(void *arg, int failed);
    void *arg;
};
/**
 * Moves a record to a file. PENDING: `done` tells when that is flushed to the disk and the record is removed,
 * or could not be written: then the record stays for the next process. The handle ends in either case.
 * Anything else: nothing was done. Never waits.
 */
OTC_CHECK otc_status otc_log_set_aside(struct otc_log *log, struct otc_log_record *record,
                                       const struct otc_log_aside *aside, struct otc_error *err);
/** Bytes of all segments that are in use, and how many times writing or flushing failed so far; a disk
 * without room for another segment is none. */
int64_t otc_log_bytes(struct otc_log *log);
uint64_t otc_log_failures(struct otc_log *log);

#endif
