// Runs a program and writes what it cost: `measure FILE PROGRAM ARGUMENT...` puts "wall user sys peak-KiB code" in FILE.
//
// A small program of its own, since the peak memory of a child counts that of the process that started it.
#define _GNU_SOURCE
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    pid_t child;
    int status;
    struct rusage usage;
    double begin = now();
    if (posix_spawnp(&child, argv[2], NULL, NULL, argv + 2, environ) != 0) {
        perror(argv[2]);
        return 127;
    }
    if (wait4(child, &status, 0, &usage) < 0) return 1;
    double wall = now() - begin;
    FILE *file = fopen(argv[1], "w");
    if (!file) return 1;
    fprintf(file, "%.6f %.6f %.6f %ld %d\n", wall, (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec / 1e6,
            (double)usage.ru_stime.tv_sec + (double)usage.ru_stime.tv_usec / 1e6, usage.ru_maxrss,
            WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    return fclose(file) == 0 ? 0 : 1;
}
