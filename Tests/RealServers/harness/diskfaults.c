// The calls by which a program writes to the disk, loaded with LD_PRELOAD: each is recorded in the file DISK_TRACE as it
// returns (a send: as it begins), and one of them fails where DISK_FAULT says "call:number:errno": the number-th call of that
// name, counted from 1, of those about files and folders; with ":on" behind it every later one as well. A second fault may
// stand behind a comma. With DISK_AT only calls about a file count whose path begins with that, or with
// what stands there behind a comma. The folders whose paths hold DISK_OTHER are in a file system of their own, as fstat tells it.
// Each rename waits first for DISK_PAUSE microseconds, while others go on.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static struct {
    char name[32];
    int number, error, goes_on;
    atomic_int count;
} faults[2];
static int trace = -1;

__attribute__((constructor)) static void begin(void) {
    const char *fault = getenv("DISK_FAULT"), *path = getenv("DISK_TRACE");
    for (int index = 0; fault && index < 2; index++) {
        char tail[8] = "";
        if (sscanf(fault, "%31[a-z]:%d:%d:%7[a-z]", faults[index].name, &faults[index].number, &faults[index].error, tail) >= 3)
            faults[index].goes_on = strcmp(tail, "on") == 0;
        fault = strchr(fault, ',');
        if (fault) fault++;
    }
    if (path) trace = (int)syscall(SYS_openat, AT_FDCWD, path, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
}

static void record(const char *format, ...) {
    char line[3 * PATH_MAX];
    int error = errno;
    va_list values;
    if (trace < 0) return;
    va_start(values, format);
    int count = vsnprintf(line, sizeof line - 1, format, values);
    va_end(values);
    if (count > (int)sizeof line - 2) count = sizeof line - 2;
    line[count] = '\n';
    syscall(SYS_write, trace, line, (size_t)count + 1);
    errno = error;
}

__attribute__((destructor)) static void end(void) { record("exit"); }

static const char *path_of(int descriptor, char *buffer) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t count = readlink(link, buffer, PATH_MAX - 1);
    buffer[count < 0 ? 0 : count] = 0;
    return buffer;
}

static const char *path_at(int folder, const char *name, char *buffer) {
    char base[PATH_MAX];
    if (*name == '/') return name;
    if (folder == AT_FDCWD) {
        if (!getcwd(base, sizeof base)) base[0] = 0;
    } else {
        path_of(folder, base);
    }
    snprintf(buffer, 2 * PATH_MAX, *name ? "%s/%s" : "%s", base, name);
    return buffer;
}

static mode_t kind_of(int descriptor) {
    struct stat status;
    return syscall(SYS_fstat, descriptor, &status) == 0 ? status.st_mode & S_IFMT : 0;
}

// 1: this call is the one that fails.
static int fails_at(const char *path, const char *name) {
    const char *at = getenv("DISK_AT"), *other = at ? strchr(at, ',') : NULL;
    if (at && strncmp(path, at, other ? (size_t)(other - at) : strlen(at)) != 0
        && !(other && strncmp(path, other + 1, strlen(other + 1)) == 0))
        return 0;
    for (int index = 0; index < 2; index++) {
        if (strcmp(name, faults[index].name) != 0) continue;
        int number = atomic_fetch_add(&faults[index].count, 1) + 1;
        if (number != faults[index].number && !(faults[index].goes_on && number > faults[index].number)) continue;
        record("fault %s", name);
        errno = faults[index].error;
        return 1;
    }
    return 0;
}

static int fails(int descriptor, const char *name) {
    char path[PATH_MAX];
    return fails_at(path_of(descriptor, path), name);
}

ssize_t write(int descriptor, const void *bytes, size_t count) {
    char path[PATH_MAX];
    // The name of a thread is written to a file of /proc.
    if (kind_of(descriptor) != S_IFREG || strncmp(path_of(descriptor, path), "/proc/", 6) == 0)
        return REAL(write)(descriptor, bytes, count);
    if (fails(descriptor, "write")) return -1;
    ssize_t result = REAL(write)(descriptor, bytes, count);
    record("write %s", path_of(descriptor, path));
    return result;
}

ssize_t writev(int descriptor, const struct iovec *parts, int count) {
    char path[PATH_MAX];
    mode_t kind = kind_of(descriptor);
    if (kind == S_IFSOCK) record("send");
    if (kind != S_IFREG) return REAL(writev)(descriptor, parts, count);
    if (fails(descriptor, "writev")) return -1;
    ssize_t result = REAL(writev)(descriptor, parts, count);
    record("write %s", path_of(descriptor, path));
    return result;
}

ssize_t send(int descriptor, const void *bytes, size_t count, int flags) {
    record("send");
    return REAL(send)(descriptor, bytes, count, flags);
}

ssize_t sendmsg(int descriptor, const struct msghdr *message, int flags) {
    record("send");
    return REAL(sendmsg)(descriptor, message, flags);
}

int linkat(int from, const char *name, int to, const char *other, int flags) {
    char source[2 * PATH_MAX], target[2 * PATH_MAX], linked[PATH_MAX];
    if (fails_at(path_at(to, other, target), "linkat")) return -1;
    const char *path = path_at(from, name, source);
    if (flags & AT_SYMLINK_FOLLOW) {
        ssize_t count = readlink(path, linked, sizeof linked - 1);
        if (count > 0) linked[count] = 0, path = linked;
    }
    char before[2 * PATH_MAX];
    snprintf(before, sizeof before, "%s", path);
    int result = REAL(linkat)(from, name, to, other, flags);
    if (result == 0) record("name %s %s", before, path_at(to, other, target));
    return result;
}

int renameat(int from, const char *name, int to, const char *other) {
    char source[2 * PATH_MAX], target[2 * PATH_MAX];
    const char *pause = getenv("DISK_PAUSE");
    if (pause) usleep((useconds_t)atoi(pause));
    if (fails_at(path_at(to, other, target), "renameat")) return -1;
    int result = REAL(renameat)(from, name, to, other);
    if (result == 0) record("name %s %s", path_at(from, name, source), path_at(to, other, target));
    return result;
}

int mkdir(const char *name, mode_t mode) {
    char path[2 * PATH_MAX];
    if (fails_at(path_at(AT_FDCWD, name, path), "mkdir")) return -1;
    int result = REAL(mkdir)(name, mode);
    if (result == 0) record("folder %s", path_at(AT_FDCWD, name, path));
    return result;
}

int mkdirat(int folder, const char *name, mode_t mode) {
    char path[2 * PATH_MAX];
    if (fails_at(path_at(folder, name, path), "mkdir")) return -1;
    int result = REAL(mkdirat)(folder, name, mode);
    if (result == 0) record("folder %s", path_at(folder, name, path));
    return result;
}

int fsync(int descriptor) {
    char path[PATH_MAX];
    if (fails(descriptor, "fsync")) return -1;
    int result = REAL(fsync)(descriptor);
    if (result == 0) record("sync %s", path_of(descriptor, path));
    return result;
}

int fdatasync(int descriptor) {
    char path[PATH_MAX];
    if (fails(descriptor, "fdatasync")) return -1;
    int result = REAL(fdatasync)(descriptor);
    if (result == 0) record("sync %s", path_of(descriptor, path));
    return result;
}

int syncfs(int descriptor) {
    char path[PATH_MAX];
    if (fails(descriptor, "syncfs")) return -1;
    int result = REAL(syncfs)(descriptor);
    if (result == 0) record("syncfs %s", path_of(descriptor, path));
    return result;
}

// Called "writeback": the system is told to begin.
int sync_file_range(int descriptor, off64_t offset, off64_t count, unsigned flags) {
    char path[PATH_MAX];
    if (fails(descriptor, "writeback")) return -1;
    int result = REAL(sync_file_range)(descriptor, offset, count, flags);
    if (result == 0) record("writeback %s", path_of(descriptor, path));
    return result;
}

int ftruncate(int descriptor, off_t length) {
    if (fails(descriptor, "ftruncate")) return -1;
    return REAL(ftruncate)(descriptor, length);
}

int fstat(int descriptor, struct stat *status) {
    const char *other = getenv("DISK_OTHER");
    char path[PATH_MAX];
    int result = REAL(fstat)(descriptor, status);
    if (result == 0 && other && strstr(path_of(descriptor, path), other)) status->st_dev ^= 0x5A5A;
    return result;
}
