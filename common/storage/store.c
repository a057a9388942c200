// SPDX-License-Identifier: Apache-2.0
#include "common/storage/store.h"

#include "common/base/clock.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Tells our files from any other SQLite file ("AIMN"), and the layout of the tables. */
#define APPLICATION_ID 0x41494d4e
#define LAYOUT 1

struct otc_store {
    char path[OTC_STORE_PATH_MAX];
    struct otc_store_options options;
    sqlite3 *db;
    sqlite3_stmt *select, *upsert, *erase;
};

/* ---- Errors --------------------------------------------------------------------------------------- */

static bool
is_damage(int code)
{
    return (code & 255) == SQLITE_CORRUPT || (code & 255) == SQLITE_NOTADB;
}

static otc_status
status_of(int code)
{
    switch (code & 255) {
    case SQLITE_FULL:
    case SQLITE_NOMEM:
    case SQLITE_TOOBIG:
        return OTC_RESOURCE_EXHAUSTED;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return OTC_UNAVAILABLE;
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
        return OTC_PERMISSION_DENIED;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return OTC_DATA_LOSS;
    default:
        return OTC_INTERNAL;
    }
}

static otc_status
fail(const struct otc_store *store, int code, struct otc_error *err)
{
    const char *text = store->db ? sqlite3_errmsg(store->db) : sqlite3_errstr(code);
    int reason = store->db ? sqlite3_system_errno(store->db) : 0;

    if ((code & 255) == SQLITE_FULL && store->options.max_bytes > 0 && reason == 0) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED,
                        "%s: the file's limit of %lld bytes, or the disk, is full", store->path,
                        (long long)store->options.max_bytes);
    }
    return otc_fail(
        err, reason == EACCES || reason == EPERM || reason == EROFS ? OTC_PERMISSION_DENIED : status_of(code),
        "%s: %s%s%s", store->path, text, reason ? ": " : "", reason ? strerror(reason) : "");
}

/* ---- Opening -------------------------------------------------------------------------------------- */

static void
close_db(struct otc_store *store)
{
    (void)sqlite3_finalize(store->select);
    (void)sqlite3_finalize(store->upsert);
    (void)sqlite3_finalize(store->erase);
    (void)sqlite3_close(store->db);
    store->select = store->upsert = store->erase = NULL;
    store->db = NULL;
}

static int
run(struct otc_store *store, const char *sql)
{
    return sqlite3_exec(store->db, sql, NULL, NULL, NULL);
}

/* First column of the first row as a number (-1: none), and as text where it is wanted. */
static int
ask(struct otc_store *store, const char *sql, int64_t *number, char *text, size_t size)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL);

    *number = -1;
    if (code == SQLITE_OK) {
        code = sqlite3_step(statement);
        if (code == SQLITE_ROW) {
            *number = sqlite3_column_int64(statement, 0);
            if (text) {
                (void)snprintf(text, size, "%s", (const char *)sqlite3_column_text(statement, 0));
            }
        }
        code = code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
    }
    (void)sqlite3_finalize(statement);
    return code;
}

static int
set_up(struct otc_store *store)
{
    char limit[96];
    int64_t page = 4096, pages;
    int code = run(store, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA journal_size_limit=0;"
                          "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON;");

    if (code == SQLITE_OK) {
        code = ask(store, "PRAGMA page_size", &page, NULL, 0);
    }
    if (code == SQLITE_OK && store->options.max_bytes > 0) {
        pages = store->options.max_bytes / (page > 0 ? page : 4096) + 1;
        (void)snprintf(limit, sizeof(limit), "PRAGMA max_page_count=%lld", (long long)pages);
        code = run(store, limit);
    }
    if (code == SQLITE_OK) {
        code = run(store, "CREATE TABLE IF NOT EXISTS state(key BLOB NOT NULL UNIQUE, value BLOB NOT NULL);"
                          "PRAGMA application_id=0x41494d4e; PRAGMA user_version=1;");
    }
    return code;
}

/* Whether the file is a store of ours and sound; `why` says what is wrong with it. */
static int
check(struct otc_store *store, char why[256])
{
    int64_t id, layout, tables;
    int code = ask(store, "PRAGMA application_id", &id, NULL, 0);

    if (code == SQLITE_OK) {
        code = ask(store, "PRAGMA user_version", &layout, NULL, 0);
    }
    if (code == SQLITE_OK) {
        code = ask(store, "SELECT count(*) FROM sqlite_master", &tables, NULL, 0);
    }
    if (code == SQLITE_OK && tables > 0 && (id != APPLICATION_ID || layout != LAYOUT)) {
        (void)snprintf(why, 256, "it is no store of this program's, or of a later release");
        return SQLITE_NOTADB;
    }
    if (code == SQLITE_OK) {
        code = ask(store, "PRAGMA quick_check(1)", &tables, why, 256);
        if (code == SQLITE_OK && strcmp(why, "ok") != 0) {
            return SQLITE_CORRUPT;
        }
    }
    if (code != SQLITE_OK) {
        (void)snprintf(why, 256, "%s", sqlite3_errmsg(store->db));
    }
    return code;
}

static int
open_db(struct otc_store *store, char why[256])
{
    static const char *const statements[] = {
        "SELECT value FROM state WHERE key=?1",
        "INSERT INTO state(key, value) VALUES(?1, ?2) ON CONFLICT(key) DO UPDATE SET value=excluded.value",
        "DELETE FROM state WHERE key=?1"};
    int code = sqlite3_open_v2(store->path, &store->db,
                               SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX, NULL);

    why[0] = '\0';
    if (code == SQLITE_OK) {
        (void)sqlite3_busy_timeout(store->db, (int)(store->options.timeout_ns / OTC_MILLISECOND));
        code = check(store, why);
    }
    if (code == SQLITE_OK) {
        code = set_up(store);
    }
    for (int i = 0; i < 3 && code == SQLITE_OK; i++) {
        sqlite3_stmt **const into[] = {&store->select, &store->upsert, &store->erase};

        code = sqlite3_prepare_v3(store->db, statements[i], -1, SQLITE_PREPARE_PERSISTENT, into[i], NULL);
    }
    if (code != SQLITE_OK && why[0] == '\0') {
        (void)snprintf(why, 256, "%s", sqlite3_errmsg(store->db));
    }
    return code;
}

/* Takes the file and what was written ahead of it out of the way; sqlite3 reads them together. */
static otc_status
move_aside(struct otc_store *store, struct otc_store_moved *moved, struct otc_error *err)
{
    char from[OTC_STORE_PATH_MAX + 8], to[OTC_STORE_PATH_MAX], ahead[OTC_STORE_PATH_MAX + 8];
    int n = snprintf(to, sizeof(to), "%s.corrupt-%lld", store->path,
                     (long long)(store->options.now_ns / OTC_SECOND));

    if (n < 0 || (size_t)n >= sizeof(to) || (rename(store->path, to) != 0 && errno != ENOENT)) {
        return otc_fail(err, OTC_INTERNAL, "%s: damaged, and cannot be moved aside: %s", store->path,
                        strerror(errno));
    }
    (void)snprintf(from, sizeof(from), "%s-wal", store->path);
    (void)snprintf(ahead, sizeof(ahead), "%s-wal", to);
    if (rename(from, ahead) != 0) {
        (void)unlink(from);
    }
    (void)snprintf(from, sizeof(from), "%s-shm", store->path);
    (void)unlink(from);
    if (moved) {
        (void)snprintf(moved->path, sizeof(moved->path), "%s", to);
    }
    return OTC_OK;
}

/* Opens the file, or in the place of a damaged one an empty one. */
static otc_status
open_sound(struct otc_store *store, struct otc_store_moved *moved, struct otc_error *err)
{
    char why[256];
    int code = open_db(store, why);

    if (is_damage(code)) {
        otc_status status;

        close_db(store);
        status = move_aside(store, moved, err);
        if (status != OTC_OK) {
            return status;
        }
        if (moved) {
            (void)snprintf(moved->why, sizeof(moved->why), "%s", why);
        }
        code = open_db(store, why);
    }
    return code == SQLITE_OK ? OTC_OK : fail(store, code, err);
}

otc_status
otc_store_open(const char *path, const struct otc_store_options *options, struct otc_store_moved *moved,
               struct otc_store **out, struct otc_error *err)
{
    struct otc_store *store = calloc(1, sizeof(*store));
    otc_status status;

    *moved = (struct otc_store_moved){.path = ""};
    if (!store) {
        return otc_fail(err, OTC_RESOURCE_EXHAUSTED, "%s: out of memory", path);
    }
    store->options = *options;
    if ((size_t)snprintf(store->path, sizeof(store->path), "%s", path) >= sizeof(store->path) - 64) {
        free(store);
        return otc_fail(err, OTC_INVALID_ARGUMENT, "%s: the path is too long", path);
    }
    status = open_sound(store, moved, err);
    if (status != OTC_OK) {
        otc_store_close(store);
        return status;
    }
    *out = store;
    return OTC_OK;
}

void
otc_store_close(struct otc_store *store)
{
    if (store) {
        close_db(store);
        free(store);
    }
}

/* ---- Reading and writing -------------------------------------------------------------------------- */

/* A call that met damage: the file goes aside and an empty one begins. */
static otc_status
after_damage(struct otc_store *store, struct otc_store_moved *moved, struct otc_error *err)
{
    char why[256];
    otc_status status;
    int code;

    (void)snprintf(why, sizeof(why), "%s", sqlite3_errmsg(store->db));
    close_db(store);
    status = move_aside(store, moved, err);
    if (status != OTC_OK) {
        return status;
    }
    if (moved) {
        (void)snprintf(moved->why, sizeof(moved->why), "%s", why);
    }
    otc_fail(err, OTC_DATA_LOSS, "%s: %s", store->path, why);
    code = open_db(store, why);
    if (code != SQLITE_OK) {
        status = fail(store, code, err);
        close_db(store);
        return status;
    }
    return OTC_DATA_LOSS;
}

static otc_status
outcome(struct otc_store *store, int code, struct otc_store_moved *moved, struct otc_error *err)
{
    return is_damage(code) ? after_damage(store, moved, err) : fail(store, code, err);
}

/* A store that could not be opened in the place of a damaged one may be able to now. */
static otc_status
open_again(struct otc_store *store, struct otc_store_moved *moved, struct otc_error *err)
{
    otc_status status = store->db ? OTC_OK : open_sound(store, moved, err);

    if (status != OTC_OK) {
        close_db(store);
    }
    return status;
}

otc_status
otc_store_get(struct otc_store *store, struct otc_slice key, void (*fn)(void *arg, struct otc_slice value),
              void *arg, struct otc_store_moved *moved, struct otc_error *err)
{
    otc_status status;
    int code;

    status = open_again(store, moved, err);
    if (status != OTC_OK) {
        return status;
    }
    code = sqlite3_bind_blob(store->select, 1, key.len ? (const void *)key.data : "", (int)key.len,
                             SQLITE_STATIC);
    if (code == SQLITE_OK) {
        code = sqlite3_step(store->select);
    }
    if (code == SQLITE_ROW) {
        const void *value = sqlite3_column_blob(store->select, 0);

        fn(arg, otc_slice_of(value, (size_t)sqlite3_column_bytes(store->select, 0)));
    }
    (void)sqlite3_reset(store->select);
    (void)sqlite3_clear_bindings(store->select);
    if (code == SQLITE_ROW) {
        return OTC_OK;
    }
    return code == SQLITE_DONE ? otc_fail(err, OTC_NOT_FOUND, "%s: no such key", store->path)
                               : outcome(store, code, moved, err);
}

static int
change(struct otc_store *store, const struct otc_store_change *item)
{
    sqlite3_stmt *statement = item->delete ? store->erase : store->upsert;
    int code = sqlite3_bind_blob(statement, 1, item->key.len ? (const void *)item->key.data : "",
                                 (int)item->key.len, SQLITE_STATIC);

    if (code == SQLITE_OK && !item->delete) {
        code = sqlite3_bind_blob(statement, 2, item->value.len ? (const void *)item->value.data : "",
                                 (int)item->value.len, SQLITE_STATIC);
    }
    if (code == SQLITE_OK) {
        code = sqlite3_step(statement);
    }
    (void)sqlite3_reset(statement);
    (void)sqlite3_clear_bindings(statement);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

otc_status
otc_store_apply(struct otc_store *store, const struct otc_store_change *changes, size_t n,
                struct otc_store_moved *moved, struct otc_error *err)
{
    otc_status status;
    int code;

    for (size_t i = 0; i < n; i++) {
        if (changes[i].key.len > OTC_STORE_KEY_MAX || changes[i].value.len > OTC_STORE_VALUE_MAX) {
            return otc_fail(err, OTC_INVALID_ARGUMENT,
                            "%s: a key may have %d bytes and a value %zu (got %zu and %zu)", store->path,
                            OTC_STORE_KEY_MAX, OTC_STORE_VALUE_MAX, changes[i].key.len, changes[i].value.len);
        }
    }
    status = open_again(store, moved, err);
    if (status != OTC_OK) {
        return status;
    }
    code = run(store, "BEGIN IMMEDIATE");
    for (size_t i = 0; i < n && code == SQLITE_OK; i++) {
        code = change(store, &changes[i]);
    }
    if (code == SQLITE_OK) {
        code = run(store, "COMMIT");
    }
    if (code == SQLITE_OK) {
        return OTC_OK;
    }
    status = outcome(store, code, moved, err);
    if (store->db && !sqlite3_get_autocommit(store->db)) {
        (void)run(store, "ROLLBACK");
    }
    return status;
}
