// A proxy that makes loopback as far away as another building: every byte arrives a fixed time later, in both directions,
// and nothing else is held back.
//
// delay_proxy --to PORT [--round-trip MILLISECONDS]
#include "dicom_net.h"
#include <time.h>

enum { CHUNK = 65536, QUEUE = 2048 };

struct direction {
    int from, to;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct piece {
        double due;
        size_t length;
        uint8_t *bytes;
    } queue[QUEUE];
    unsigned head, tail;
    bool ended;
};

static int target;
static double one_way;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void *reader(void *argument) {
    struct direction *d = argument;
    for (;;) {
        uint8_t *bytes = malloc(CHUNK);
        set_option(d->from, TCP_QUICKACK);
        ssize_t n = read(d->from, bytes, CHUNK);
        pthread_mutex_lock(&d->lock);
        while (n > 0 && d->tail - d->head == QUEUE) pthread_cond_wait(&d->changed, &d->lock);
        if (n > 0) d->queue[d->tail++ % QUEUE] = (struct piece){now() + one_way, (size_t)n, bytes};
        else d->ended = true;
        pthread_cond_broadcast(&d->changed);
        pthread_mutex_unlock(&d->lock);
        if (n <= 0) {
            free(bytes);
            return NULL;
        }
    }
}

static void *writer(void *argument) {
    struct direction *d = argument;
    for (;;) {
        pthread_mutex_lock(&d->lock);
        while (d->head == d->tail && !d->ended) pthread_cond_wait(&d->changed, &d->lock);
        if (d->head == d->tail) {
            pthread_mutex_unlock(&d->lock);
            shutdown(d->to, SHUT_WR);
            return NULL;
        }
        struct piece piece = d->queue[d->head % QUEUE];
        pthread_mutex_unlock(&d->lock);
        double wait = piece.due - now();
        if (wait > 0) {
            struct timespec t = {(time_t)wait, (long)((wait - (double)(time_t)wait) * 1e9)};
            nanosleep(&t, NULL);
        }
        bool good = write_all(d->to, piece.bytes, piece.length);
        free(piece.bytes);
        pthread_mutex_lock(&d->lock);
        d->head++;
        pthread_cond_broadcast(&d->changed);
        pthread_mutex_unlock(&d->lock);
        if (!good) shutdown(d->from, SHUT_RD);
    }
}

static void *serve(void *argument) {
    int near = (int)(intptr_t)argument, far = connect_to_loopback(target);
    struct direction *both = calloc(2, sizeof *both);
    pthread_t threads[4];
    set_option(near, TCP_NODELAY);
    for (int i = 0; i < 2; i++) {
        both[i].from = i ? far : near;
        both[i].to = i ? near : far;
        pthread_mutex_init(&both[i].lock, NULL);
        pthread_cond_init(&both[i].changed, NULL);
        pthread_create(&threads[2 * i], NULL, reader, &both[i]);
        pthread_create(&threads[2 * i + 1], NULL, writer, &both[i]);
    }
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    close(near);
    close(far);
    free(both);
    return NULL;
}

int main(int argc, char **argv) {
    target = integer_option(argc, argv, "--to", 0);
    one_way = integer_option(argc, argv, "--round-trip", 10) / 2000.0;
    serve_for_ever(listen_on_loopback(0), serve);
}
