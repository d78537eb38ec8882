#include "CProcess.h"

#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

extern char __bss_start[], _end[];

// A run reads and then writes on more than half of the pages that hold nothing but zeros at first, wherever the linker put what it
// needs: two faults each, 4 microseconds. Together they take 1.4 each, needed or not. A kernel before 5.14 refuses it, and nothing is
// lost; a program with many of them, such as one with a sanitizer, is left alone.
__attribute__((constructor(101))) static void touchZeros(void) {
    const uintptr_t page = 4096, start = (uintptr_t)__bss_start & ~(page - 1), end = ((uintptr_t)_end + page - 1) & ~(page - 1);
    if (end - start <= 1 << 20) madvise((void *)start, end - start, MADV_POPULATE_WRITE);
}

static int argumentCount;
static char **arguments;

/// glibc passes the arguments of `main` to whatever runs before it.
__attribute__((constructor)) static void keepArguments(int count, char **values) {
    argumentCount = count;
    arguments = values;
}

char **processArguments(int *count) {
    *count = argumentCount;
    return arguments;
}

void setThreadName(const char *name) { prctl(PR_SET_NAME, name); }

int makeEvent(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

// Swift's library has these two as well, in an object of their own that reads /proc/self/maps at each start to find the
// arguments: 7 % of its instructions. Of a static library only what is missing is linked.

char **_swift_stdlib_getUnsafeArgvArgc(int *count);
char **_swift_stdlib_getUnsafeArgvArgc(int *count) { return processArguments(count); }

void _swift_stdlib_overrideUnsafeArgvArgc(char **values, int count);
void _swift_stdlib_overrideUnsafeArgvArgc(char **values, int count) { keepArguments(count, values); }
