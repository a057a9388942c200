// SPDX-License-Identifier: Apache-2.0
/**
 * @file Preloaded into a process: counts its allocations. On SIGUSR2 the count so far is appended as a line
 * to the file that MALLOC_COUNT_FILE names.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

static _Atomic uint64_t count;
static int report_fd = -1;

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *old, size_t size);

__attribute__((visibility("default"))) void *malloc(size_t size);
__attribute__((visibility("default"))) void *calloc(size_t n, size_t size);
__attribute__((visibility("default"))) void *realloc(void *old, size_t size);

void *
malloc(size_t size)
{
    atomic_fetch_add_explicit(&count, 1, memory_order_relaxed);
    return __libc_malloc(size);
}

void *
calloc(size_t n, size_t size)
{
    atomic_fetch_add_explicit(&count, 1, memory_order_relaxed);
    return __libc_calloc(n, size);
}

void *
realloc(void *old, size_t size)
{
    atomic_fetch_add_explicit(&count, 1, memory_order_relaxed);
    return __libc_realloc(old, size);
}

static void
report(int signal_number)
{
    char digits[24];
    size_t at = sizeof(digits);
    uint64_t n = atomic_load(&count);

    (void)signal_number;
    digits[--at] = '\n';
    do {
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n != 0);
    if (write(report_fd, digits + at, sizeof(digits) - at) < 0) {
        _exit(70);
    }
}

__attribute__((constructor)) static void
install(void)
{
    const char *path = getenv("MALLOC_COUNT_FILE");

    if (path) {
        report_fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
        signal(SIGUSR2, report);
    }
}
