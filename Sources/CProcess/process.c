#include "CProcess.h"

#include <sys/eventfd.h>
#include <sys/prctl.h>

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
