// SPDX-License-Identifier: Apache-2.0
/*
 * A queue on disk. A request enters the queue when it is on the disk, which is when its sender is answered;
 * it leaves the disk when it was sent or given up for good. What a shutdown or a crash interrupts stays there
 * for the next start. Of what waits only so much is kept in memory too; the rest is read again when its turn
 * comes.
 */
#include "common/component/exporter_internal.h"

#include "common/component/client.h"
#include "common/component/storage.h"

/* Bytes of waiting requests that one exporter keeps in memory as well. */
#define RESIDENT_MAX ((size_t)32 << 20)
#define VERSION 1
/* So often the process may end while a record is being sent, before the record is believed to be why. It is
 * marked from when it is taken from the queue until the push returns. */
#define CRASHES_MAX 3

/* What stands before a request's bytes, in the machine's byte order. */
struct head {
    uint32_t version;
    uint32_t reserved;
    uint64_t items;
    struct otc_hash128 mix;
};

struct put {
    struct otc_storage_put put;
    struct otc_exporter *exporter;
    struct otc_entry *entry;
    struct head head;
    uint8_t *joined; /* the parts, when they are too many to be named */
};

/* ---- Entering -------------------------------------------------------------------------------------- */

/* The storage's limits are a state of ours: the sender may come again. */
static void
as_refusal(struct otc_error *error)
{
    if (error->status == OTC_RESOURCE_EXHAUSTED) {
        error->status = OTC_UNAVAILABLE;
    }
    error->permanent = error->status == OTC_INVALID_ARGUMENT;
    error->retry_after_ms = error->permanent ? 0 : OTC_REFUSED_RETRY_MS;
}

/* The entry is on the disk: it joins the queue, and its sender may be told. */
static struct otc_done *
join_queue(struct otc_exporter *exporter, struct otc_entry *entry)
{
    struct otc_done *done = entry->done;
    size_t bytes = otc_batch_bytes(entry->batch);

    entry->done = NULL;
    pthread_mutex_lock(&exporter->lock);
    if (exporter->resident + bytes <= RESIDENT_MAX) {
        exporter->resident += bytes;
        entry->resident = bytes;
    } else {
        otc_batch_unref(entry->batch);
        entry->batch = NULL;
    }
    exporter->size -= entry->size; /* it was reserved */
    otc__exporter_enqueue(exporter, entry);
    exporter->n_storing--;
    if (exporter->pumping) {
        exporter->pump_again = true;
    } else {
        exporter->options.host->timer_arm(exporter->options.host, exporter->timer, 0);
    }
    pthread_cond_broadcast(&exporter->told);
    pthread_mutex_unlock(&exporter->lock);
    return done;
}

static void
put_done(struct otc_storage_put *self, struct otc_stored *record, const struct otc_error *result)
{
    struct put *put = OTC_CONTAINER(self, put, put);
    struct otc_exporter *exporter = put->exporter;
    struct otc_entry *entry = put->entry;
    struct otc_done *done = entry->done;

    free(put->joined);
    free(put);
    if (result->status == OTC_OK) {
        entry->stored = record;
        done = join_queue(exporter, entry);
        if (done) {
            done->fn(done, result);
        }
    } else {
        struct otc_error refusal = *result;
        struct otc__news news;

        otc__news_init(&news);
        entry->done = NULL;
        as_refusal(&refusal);
        otc__exporter_note_refusal(exporter, entry->items, refusal.text);
        if (done) {
            done->fn(done, &refusal);
        }
        otc__exporter_unreserve(exporter, entry, &news);
        otc_entry_end(entry, NULL);
        otc__exporter_tell(exporter, &news);
    }
}

/* The slices of a record: the head and the parts, which are one request when they stand in a row. */
static size_t
slices_of(struct put *put, struct otc_slice slices[OTC_STORED_SLICES_MAX])
{
    const struct otc_batch *batch = put->entry->batch;
    size_t n = otc_batch_parts(batch), at = 0;

    slices[0] = otc_slice_of(&put->head, sizeof(put->head));
    if (n < OTC_STORED_SLICES_MAX) {
        for (size_t i = 0; i < n; i++) {
            slices[i + 1] = otc_batch_part(batch, i);
        }
        return n + 1;
    }
    put->joined = malloc(otc_batch_bytes(batch));
    if (!put->joined) {
        return 0;
    }
    for (size_t i = 0; i < n; i++) {
        struct otc_slice part = otc_batch_part(batch, i);

        if (part.len > 0) {
            memcpy(put->joined + at, part.data, part.len);
        }
        at += part.len;
    }
    slices[1] = otc_slice_of(put->joined, at);
    return 2;
}

otc_status
otc__stored_put(struct otc_exporter *exporter, struct otc_entry *entry, struct otc_error *err)
{
    struct put *put = calloc(1, sizeof(*put));
    struct otc_slice slices[OTC_STORED_SLICES_MAX];
    otc_status status = OTC_UNAVAILABLE;
    size_t n = 0;

    if (put) {
        put->put = (struct otc_storage_put){OTC_ABI_OF(otc_storage_put), put_done};
        put->exporter = exporter;
        put->entry = entry;
        put->head = (struct head){VERSION, 0, entry->items, entry->mix};
        n = slices_of(put, slices);
    }
    if (n > 0) {
        status = exporter->storage->put(exporter->storage, slices, n, &put->put, err);
    } else {
        (void)otc_fail(err, OTC_UNAVAILABLE, "out of memory");
    }
    if (status != OTC_PENDING) {
        if (put) {
            free(put->joined);
        }
        free(put);
        as_refusal(err);
    }
    return status == OTC_PENDING ? status : err->status;
}

/* ---- Coming back ----------------------------------------------------------------------------------- */

/* Storage that was built for an older interface ends before the dead letters. */
static bool
keeps_dead_letters(const struct otc_exporter *exporter)
{
    return exporter->storage &&
           exporter->storage->abi.size >= offsetof(struct otc_storage_queue, crashes) + sizeof(void *);
}

static bool
read_head(struct otc_slice content, struct head *head)
{
    if (content.len < sizeof(*head)) {
        return false;
    }
    memcpy(head, content.data, sizeof(*head));
    return head->version == VERSION;
}

/* A record that a former process left. One that is no request of ours is found out when it is loaded. */
static void
found(void *arg, struct otc_stored *record, struct otc_slice content)
{
    struct otc_exporter *exporter = arg;
    struct otc_entry *entry = calloc(1, sizeof(*entry));
    struct head head = {0};
    size_t bytes = read_head(content, &head) ? content.len - sizeof(head) : 0;

    if (!entry) {
        return; /* it stays on the disk for a start with more memory */
    }
    entry->stored = record;
    entry->found = true;
    entry->mix = head.mix;
    entry->items = (size_t)head.items;
    entry->untold = 1;
    entry->left = exporter->gather.unit == OTC_SIZER_BYTES ? (int64_t)bytes : (int64_t)head.items;
    entry->size = exporter->sizer == OTC_SIZER_REQUESTS ? 1
                  : exporter->sizer == OTC_SIZER_BYTES  ? (int64_t)bytes
                                                        : (int64_t)head.items;
    otc_entries_append(&exporter->queue, entry);
}

static bool
letters_are_off(const struct otc_exporter *exporter)
{
    return exporter->storage->abi.size >= offsetof(struct otc_storage_queue, letters_off) + sizeof(bool) &&
           exporter->storage->letters_off;
}

static void
log_poison(const struct otc_exporter *exporter, const struct otc_entry *entry)
{
    const char *text =
        "The process ended 3 times while this was being sent. There is no room for dead letters: "
        "sending it again, alone and after all others.";

    if (entry->dead) {
        text = "The process ended 3 times while this was being sent. Keeping it as a dead letter.";
    } else if (letters_are_off(exporter)) {
        text = "The process ended 3 times while this was being sent. Dead letters are disabled: sending it "
               "again, alone and after all others.";
    }
    otc_log(exporter->options.host->logger, OTC_LOG_ERROR, exporter->options.id, text,
            OTC_FIELD_TEXT("data_type", otc_signal_name(exporter->options.signal)),
            OTC_FIELD_NUMBER(entry->dead ? "dead_lettered_items" : "items", entry->items));
}

/* What a former process left, before anything is sent: what made it end goes to the dead letters. Where it
 * cannot, it was acknowledged all the same, and an end may have had another reason: it is tried again when
 * nothing else can suffer. */
static void
sort_out_poison(struct otc_exporter *exporter)
{
    struct otc_storage_queue *storage = exporter->storage;
    struct otc_entries found = exporter->queue, last = {0};
    struct otc_entry *entry;

    exporter->queue = (struct otc_entries){0};
    while ((entry = otc_entries_take(&found))) {
        if (!keeps_dead_letters(exporter) || storage->crashes(storage, entry->stored) < CRASHES_MAX) {
            otc__exporter_enqueue(exporter, entry);
            continue;
        }
        entry->dead = storage->reserve(storage, entry->stored, sizeof(struct head));
        log_poison(exporter, entry);
        if (!entry->dead) {
            entry->alone = true;
            otc_entries_append(&last, entry);
            continue;
        }
        otc__count_poisoned(&exporter->counters, entry->items);
        otc__stored_end(exporter, entry);
        otc_entry_end(entry, NULL);
    }
    while ((entry = otc_entries_take(&last))) {
        otc__exporter_enqueue(exporter, entry);
    }
}

/* ---- Dead letters ---------------------------------------------------------------------------------- */

size_t
otc__stored_reserve(struct otc_exporter *exporter, const struct otc__request *request)
{
    struct otc_storage_queue *storage = exporter->storage;
    size_t items = 0;

    for (struct otc_share *share = request->shares.first; keeps_dead_letters(exporter) && share;
         share = share->next) {
        struct otc_entry *entry = share->entry;

        entry->dead = entry->dead || storage->reserve(storage, entry->stored, sizeof(struct head));
        items += entry->dead ? share->items : 0;
    }
    return items;
}

/* An entry whose record stays for the next start, which must not think that this one crashed over it. */
static void
leave(struct otc_exporter *exporter, struct otc_entry *entry)
{
    if (entry->marked) {
        exporter->storage->mark(exporter->storage, entry->stored, false);
    }
    exporter->storage->forget(exporter->storage, entry->stored);
}

void
otc__stored_end(struct otc_exporter *exporter, struct otc_entry *entry)
{
    struct otc_storage_queue *storage = exporter->storage;

    if (entry->keep) {
        leave(exporter, entry);
    } else if (entry->dead) {
        storage->reject(storage, entry->stored, sizeof(struct head),
                        entry->error ? entry->error->text : "the process ended 3 times while it was sent");
    } else {
        storage->remove(storage, entry->stored);
    }
    entry->stored = NULL;
}

static void
set_mark(struct otc_exporter *exporter, struct otc_entry *entry, bool begins)
{
    if (entry->marked != begins) {
        exporter->storage->mark(exporter->storage, entry->stored, begins);
        entry->marked = begins;
    }
}

void
otc__stored_mark(struct otc_exporter *exporter)
{
    struct otc_entry *entry = exporter->queue.first;
    size_t n = keeps_dead_letters(exporter) ? otc_gather_reach(&exporter->gather, &exporter->queue) : 0;

    for (; n > 0; n--, entry = entry->next) {
        if (entry->found) {
            set_mark(exporter, entry, true);
        }
    }
}

void
otc__stored_unmark_rest(struct otc_exporter *exporter, const struct otc_shares *taken)
{
    const struct otc_entry *cut = taken->last ? taken->last->entry : NULL;

    for (struct otc_entry *entry = exporter->queue.first; entry && entry->marked; entry = entry->next) {
        if (entry != cut) {
            set_mark(exporter, entry, false);
        }
    }
}

void
otc__stored_unmark(struct otc_exporter *exporter)
{
    struct otc__request *request = exporter->starting;

    exporter->starting = NULL;
    for (struct otc_share *share = request ? request->shares.first : NULL; share; share = share->next) {
        set_mark(exporter, share->entry, false);
    }
}

/* ---- Coming back, one by one ----------------------------------------------------------------------- */

/* The request of an entry, read from the disk. */
static otc_status
load(struct otc_exporter *exporter, const struct otc_entry *entry, struct otc_batch **out,
     struct otc_error *err)
{
    uint8_t *content = NULL;
    size_t len = 0;
    struct otc_part part;
    struct head head;
    otc_status status = exporter->storage->read(exporter->storage, entry->stored, &content, &len, err);

    if (status == OTC_OK && !read_head(otc_slice_of(content, len), &head)) {
        status = otc_fail(err, OTC_DATA_LOSS, "a record of the queue on disk is of another version");
    }
    if (status != OTC_OK) {
        free(content);
        return status;
    }
    part = (struct otc_part){otc_slice_of(content + sizeof(head), len - sizeof(head)), free, content};
    *out = otc_batch_new(exporter->options.signal, &part, 1, entry->items, NULL);
    return *out ? OTC_OK : otc_fail(err, OTC_UNAVAILABLE, "out of memory");
}

/* The first entry of those to be sent next that is on the disk alone. */
static struct otc_entry *
missing(const struct otc_exporter *exporter)
{
    int64_t have = 0;

    for (struct otc_entry *entry = exporter->queue.first; entry; entry = entry->next) {
        if (!entry->batch) {
            return entry;
        }
        have += entry->left;
        if (have >= exporter->gather.enough) {
            break;
        }
    }
    return NULL;
}

/* Takes a damaged entry out of the queue, which makes room for others. Under the lock, which is let go
 * meanwhile. */
static void
give_up(struct otc_exporter *exporter, struct otc_entry *entry, const char *why)
{
    struct otc_storage_queue *storage = exporter->storage;
    struct otc__news news;

    otc__news_init(&news);
    otc_entries_unlink(&exporter->queue, entry);
    exporter->size -= entry->size;
    exporter->queued_left -= entry->left;
    otc__count_given_up(&exporter->counters, entry->items, exporter->size, OTC_DROP_DAMAGED);
    otc__exporter_admit(exporter, false, &news);
    pthread_mutex_unlock(&exporter->lock);
    if (keeps_dead_letters(exporter) && storage->reserve(storage, entry->stored, 0)) {
        storage->reject(storage, entry->stored, 0, why);
    } else {
        storage->forget(storage, entry->stored);
    }
    otc_entry_end(entry, NULL);
    otc__exporter_tell(exporter, &news);
    pthread_mutex_lock(&exporter->lock);
}

bool
otc__stored_load_next(struct otc_exporter *exporter)
{
    struct otc_entry *entry = missing(exporter);
    struct otc_error err = OTC_ERROR_INIT;
    struct otc_batch *batch = NULL;
    otc_status status;

    if (!entry) {
        return false;
    }
    /* Nobody else takes entries from the queue meanwhile. */
    pthread_mutex_unlock(&exporter->lock);
    status = load(exporter, entry, &batch, &err);
    pthread_mutex_lock(&exporter->lock);
    if (status == OTC_OK) {
        entry->batch = batch;
        return true;
    }
    if (status != OTC_DATA_LOSS) {
        return false;
    }
    give_up(exporter, entry, err.text);
    return true;
}

/* ---- Life ------------------------------------------------------------------------------------------ */

otc_status
otc_exporter_start(struct otc_exporter *exporter, struct otc_error *err)
{
    const struct otc_exporter_options *options = &exporter->options;
    otc_status status;

    /* After a reload that had another one of this name until now. */
    otc__count_capacity(&exporter->counters, options->queue ? exporter->capacity : 0);
    if (!options->queue || !options->queue->storage) {
        return OTC_OK;
    }
    status = otc_storage_queue_open(options->host, options->queue->storage, OTC_EXPORTER, options->id,
                                    otc_signal_name(options->signal),
                                    (struct otc_stored_reader){found, exporter}, &exporter->storage, err);
    if (status == OTC_OK) {
        sort_out_poison(exporter);
    } else {
        otc_entries_end(&exporter->queue, NULL); /* of what was found before it failed */
    }
    if (status == OTC_OK && exporter->queue.first) {
        options->host->timer_arm(options->host, exporter->timer, 0);
    }
    return status;
}

/* What a shutdown leaves on the disk, taken out of the queue. Returns its items. Under the lock. */
static uint64_t
take_left(struct otc_exporter *exporter, struct otc_entries *left)
{
    uint64_t items = exporter->left_items;
    struct otc_entry *entry;

    while ((entry = otc_entries_take(&exporter->queue))) {
        items += entry->items;
        exporter->size -= entry->size;
        exporter->queued_left -= entry->left;
        otc_entries_append(left, entry);
    }
    otc__count_left(&exporter->counters, items, exporter->size);
    return items;
}

void
otc__stored_release(struct otc_exporter *exporter, size_t pending)
{
    struct otc_entries left = {0};
    uint64_t items;

    if (!exporter->storage || exporter->released || !exporter->shut_down || exporter->n_pending != pending) {
        return;
    }
    exporter->released = true;
    while (exporter->n_storing > 0) {
        pthread_cond_wait(&exporter->told, &exporter->lock);
    }
    items = take_left(exporter, &left);
    pthread_mutex_unlock(&exporter->lock);
    for (struct otc_entry *entry = left.first; entry; entry = entry->next) {
        leave(exporter, entry);
    }
    otc_entries_end(&left, NULL);
    exporter->storage->close(exporter->storage);
    if (items > 0) {
        otc_log(exporter->options.host->logger, OTC_LOG_INFO, exporter->options.id,
                "Left on the disk for the next start",
                OTC_FIELD_TEXT("data_type", otc_signal_name(exporter->options.signal)),
                OTC_FIELD_NUMBER("items", items));
    }
    pthread_mutex_lock(&exporter->lock);
}
