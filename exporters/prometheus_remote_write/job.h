// SPDX-License-Identifier: Apache-2.0
/**
 * @file A batch on its way: the requests made of it, and which of them the receiver has. When some have to be
 * sent again, the job is kept, so that those that arrived are not sent twice.
 */
#ifndef OTC_EXPORTERS_PRW_JOB_H
#define OTC_EXPORTERS_PRW_JOB_H

#include "common/component/otc.h"
#include "common/net/compress.h"
#include "exporters/prometheus_remote_write/encode.h"

enum prw_state { PRW_WAITING, PRW_UNDER_WAY, PRW_SENT, PRW_AGAIN, PRW_REFUSED };

struct prw_job;

struct prw_request {
    struct prw_job *job;
    struct otc_buf body; /* compressed */
    size_t samples, histograms, exemplars;
    enum prw_state state;
};

struct prw_job {
    void *owner;
    struct otc_batch *batch; /* a reference */
    bool v2;
    struct prw_request *requests;
    size_t n;
    size_t under_way;
    unsigned attempt; /* from 0 */
    struct otc_done *done;
    struct otc_error again;   /* of the last request that has to be sent again */
    struct otc_error refused; /* of the first one that was refused */
    size_t n_refused;
    /** What the batch came to. */
    size_t series;
    struct prw_dropped dropped;
};

struct prw_job_options {
    const struct prw_options *series;
    struct prw_encoding encoding;
    struct otc_compressor *compressor; /* snappy */
};

/** Translates, encodes and compresses; takes a reference of its own. Milliseconds a MiB. */
otc_status prometheus_remote_write_job_new(const struct prw_job_options *options, struct otc_batch *batch,
                                           void *owner, struct prw_job **out, struct otc_error *err);
/** NULL is allowed. */
void prometheus_remote_write_job_free(struct prw_job *job);
/** Another attempt: what has to be sent again waits. */
void prometheus_remote_write_job_restart(struct prw_job *job, struct otc_done *done);
/** The next request to send, now under way; NULL: none waits. */
struct prw_request *prometheus_remote_write_job_next(struct prw_job *job);
/** A request's end. */
void prometheus_remote_write_job_settle(struct prw_request *request, const struct otc_error *result);
/** What to tell of the job when nothing is under way and nothing waits: sent, again (keep the job), or
 * refused. */
void prometheus_remote_write_job_result(const struct prw_job *job, struct otc_error *out);

#endif
