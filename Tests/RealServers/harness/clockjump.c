// A wall clock that is set while a program runs: loaded with LD_PRELOAD, it moves everything but the monotonic clock by JUMP
// seconds from a fifth of a second after the start, or shows CLOCK (seconds since 1970) at the start and goes on from there. The
// file LOADED shows that it was there.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static struct timespec start;
static long set_by;

static void read_clock(clockid_t id, struct timespec *now) { syscall(SYS_clock_gettime, id, now); }

__attribute__((constructor)) static void begin(void) {
    const char *loaded = getenv("LOADED");
    const char *clock = getenv("CLOCK");
    read_clock(CLOCK_MONOTONIC, &start);
    if (clock) {
        struct timespec now;
        read_clock(CLOCK_REALTIME, &now);
        set_by = atol(clock) - (long)now.tv_sec;
    }
    if (loaded) close(open(loaded, O_CREAT | O_WRONLY, 0600));
}

static long jump(void) {
    const char *seconds = getenv("JUMP");
    struct timespec now;
    read_clock(CLOCK_MONOTONIC, &now);
    double passed = (double)(now.tv_sec - start.tv_sec) + (double)(now.tv_nsec - start.tv_nsec) / 1e9;
    return set_by + (seconds && passed > 0.2 ? atol(seconds) : 0);
}

int clock_gettime(clockid_t id, struct timespec *now) {
    int result = (int)syscall(SYS_clock_gettime, id, now);
    if (result == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) now->tv_sec += jump();
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec time;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &time);
    now->tv_sec = time.tv_sec;
    now->tv_usec = time.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *result) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (result) *result = now.tv_sec;
    return now.tv_sec;
}
