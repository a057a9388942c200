// SPDX-License-Identifier: Apache-2.0
#include "exporters/prometheus_remote_write/job.h"

static otc_status
compress(const struct prw_job_options *options, const struct prw_pieces *pieces, struct prw_job *job,
         struct otc_error *err)
{
    otc_status status = OTC_OK;

    job->requests = calloc(pieces->n + 1, sizeof(*job->requests));
    if (!job->requests) {
        return otc_fail(err, OTC_UNAVAILABLE, "out of memory for a remote-write request");
    }
    for (size_t i = 0; i < pieces->n && status == OTC_OK; i++) {
        const struct prw_piece *piece = &pieces->items[i];
        struct prw_request *request = &job->requests[job->n++];

        *request = (struct prw_request){.job = job,
                                        .body = {.limit = SIZE_MAX / 2},
                                        .samples = piece->samples,
                                        .histograms = piece->histograms,
                                        .exemplars = piece->exemplars};
        status = otc_compress(options->compressor, otc_buf_slice(&piece->body), &request->body, err);
    }
    return status;
}

static otc_status
translate(const struct prw_job_options *options, struct prw_job *job, struct otc_error *err)
{
    struct prw_pieces pieces = {0};
    struct prw_set set;
    otc_status status = prometheus_remote_write_set_init(&set, options->series)
                            ? OTC_OK
                            : otc_fail(err, OTC_UNAVAILABLE, "out of memory for the series of a batch");

    for (size_t i = 0; i < otc_batch_parts(job->batch) && status == OTC_OK; i++) {
        status = prometheus_remote_write_set_add(&set, otc_batch_part(job->batch, i), err);
    }
    if (status == OTC_OK) {
        prometheus_remote_write_set_finish(&set);
        job->series = set.n_series;
        job->dropped = set.dropped;
        status = prometheus_remote_write_encode(&set, &options->encoding, &pieces, err);
    }
    if (status == OTC_OK) {
        status = compress(options, &pieces, job, err);
    }
    prometheus_remote_write_pieces_release(&pieces);
    prometheus_remote_write_set_release(&set);
    return status;
}

otc_status
prometheus_remote_write_job_new(const struct prw_job_options *options, struct otc_batch *batch, void *owner,
                                struct prw_job **out, struct otc_error *err)
{
    struct prw_job *job = calloc(1, sizeof(*job));
    otc_status status;

    *out = NULL;
    if (!job) {
        return otc_fail(err, OTC_UNAVAILABLE, "out of memory for a remote-write request");
    }
    job->owner = owner;
    job->batch = otc_batch_ref(batch);
    job->v2 = options->encoding.v2;
    status = translate(options, job, err);
    if (status != OTC_OK) {
        prometheus_remote_write_job_free(job);
        return status;
    }
    *out = job;
    return OTC_OK;
}

void
prometheus_remote_write_job_free(struct prw_job *job)
{
    if (!job) {
        return;
    }
    for (size_t i = 0; i < job->n; i++) {
        otc_buf_release(&job->requests[i].body);
    }
    free(job->requests);
    otc_batch_unref(job->batch);
    free(job);
}

void
prometheus_remote_write_job_restart(struct prw_job *job, struct otc_done *done)
{
    job->done = done;
    job->again = OTC_ERROR_INIT;
    for (size_t i = 0; i < job->n; i++) {
        if (job->requests[i].state == PRW_AGAIN) {
            job->requests[i].state = PRW_WAITING;
        }
    }
}

struct prw_request *
prometheus_remote_write_job_next(struct prw_job *job)
{
    for (size_t i = 0; i < job->n; i++) {
        if (job->requests[i].state == PRW_WAITING) {
            job->requests[i].state = PRW_UNDER_WAY;
            job->under_way++;
            return &job->requests[i];
        }
    }
    return NULL;
}

void
prometheus_remote_write_job_settle(struct prw_request *request, const struct otc_error *result)
{
    struct prw_job *job = request->job;

    job->under_way--;
    if (result->status == OTC_OK) {
        request->state = PRW_SENT;
    } else if (otc_error_retryable(result)) {
        uint32_t longest = job->again.retry_after_ms;

        request->state = PRW_AGAIN;
        job->again = *result;
        job->again.retry_after_ms = longest > result->retry_after_ms ? longest : result->retry_after_ms;
    } else {
        request->state = PRW_REFUSED;
        if (job->n_refused++ == 0) {
            job->refused = *result;
        }
    }
}

void
prometheus_remote_write_job_result(const struct prw_job *job, struct otc_error *out)
{
    *out = job->again.status != OTC_OK ? job->again : job->refused;
    if (out->status == OTC_OK) {
        *out = OTC_ERROR_INIT;
    } else if (job->again.status == OTC_OK && job->n > 1) {
        snprintf(out->text, sizeof(out->text), "%zu of %zu requests: %.900s", job->n_refused, job->n,
                 job->refused.text);
    }
}
