// A C-STORE SCP that is not the bottleneck: takes everything, keeps nothing, answers at once.
//
// store_sink [--max-pdu N] [--window N] [--fail-every N] [--abort-every N] [--cut-every N] [--awake N] [--report]
//   --window N       grants up to N operations in flight to those who ask
//   --fail-every N   answers 0xA700 to every Nth instance
//   --abort-every N  sends A-ABORT instead of answering every Nth instance
//   --cut-every N    closes the connection after every Nth instance, without an answer
//   --awake N        does not sleep before it has waited N microseconds for bytes
//   --report         prints, when an association ends, instances, bytes, seconds from connect to the first instance, and when
//                    that was, in seconds of the monotonic clock
#include "dicom_net.h"

static uint32_t max_pdu, window, fail_every, abort_every, cut_every;
static bool report;
static unsigned total;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void *serve(void *argument) {
    struct association *a = new_association((int)(intptr_t)argument);
    struct message m;
    double begin = now(), first = 0;
    uint64_t bytes = 0;
    unsigned count = 0;
    if (accept_association(a, max_pdu, false, window)) {
        while (read_message(a, &m) > 0) {
            if (m.command == 0x0001) {
                if (count++ == 0) first = now() - begin;
                bytes += m.data_length;
                unsigned number = __atomic_add_fetch(&total, 1, __ATOMIC_RELAXED);
                if (abort_every && number % abort_every == 0) {
                    uint8_t abort_pdu[10] = {7, 0, 0, 0, 0, 4};
                    write_all(a->fd, abort_pdu, sizeof abort_pdu);
                    break;
                }
                if (cut_every && number % cut_every == 0) break;
                if (!send_response(a, &m, fail_every && number % fail_every == 0 ? 0xA700 : 0, NULL)) break;
            } else if (!send_response(a, &m, 0, NULL)) break;
        }
    }
    if (report) {
        printf("%u instances, %llu bytes, first after %.6f s, at %.6f\n", count, (unsigned long long)bytes, first, begin + first);
        fflush(stdout);
    }
    end_association(a);
    return NULL;
}

int main(int argc, char **argv) {
    max_pdu = (uint32_t)integer_option(argc, argv, "--max-pdu", 131072);
    window = (uint32_t)integer_option(argc, argv, "--window", 0);
    fail_every = (uint32_t)integer_option(argc, argv, "--fail-every", 0);
    abort_every = (uint32_t)integer_option(argc, argv, "--abort-every", 0);
    cut_every = (uint32_t)integer_option(argc, argv, "--cut-every", 0);
    awake = integer_option(argc, argv, "--awake", 0);
    for (int i = 1; i < argc; i++) report |= !strcmp(argv[i], "--report");
    serve_for_ever(listen_on_loopback(integer_option(argc, argv, "--port", 0)), serve);
}
