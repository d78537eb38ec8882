// A peer over TLS that is not the bottleneck, and what a client can do that knows no DICOM.
//
// tls sink CERTIFICATE KEY             takes DICOM as store_sink does, and files as "tls store" sends them; answers at once. After
//                                      each connection it prints how many of all had a full handshake, and how many resumed a session
// tls connect PORT                     a handshake, and no more
// tls store PORT FILE...               reads every file and writes it by SSL_write, an answer awaited after each
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

// The reads and writes of dicom_net.h go through the session of their thread.
static ssize_t session_read(int fd, void *to, size_t count);
static ssize_t session_write(int fd, const void *from, size_t count);
#define read session_read
#define write session_write
#include "dicom_net.h"
#undef read
#undef write

static SSL_CTX *context;
static __thread SSL *session;
static unsigned full_handshakes, resumed_sessions;

static ssize_t session_read(int fd, void *to, size_t count) {
    size_t got = 0;
    (void)fd;
    return SSL_read_ex(session, to, count, &got) == 1 ? (ssize_t)got : 0;
}

static ssize_t session_write(int fd, const void *from, size_t count) {
    size_t written = 0;
    (void)fd;
    return SSL_write_ex(session, from, count, &written) == 1 ? (ssize_t)written : -1;
}

static bool read_exactly(int fd, void *to, size_t count) {
    uint8_t *p = to;
    while (count > 0) {
        ssize_t n = session_read(fd, p, count);
        if (n <= 0) return false;
        p += n;
        count -= (size_t)n;
    }
    return true;
}

static void take_files(int fd) {
    static __thread uint8_t buffer[BUFFER_SIZE];
    uint64_t length;
    while (read_exactly(fd, &length, sizeof length)) {
        length >>= 8;
        while (length > 0) {
            ssize_t n = session_read(fd, buffer, length < BUFFER_SIZE ? length : BUFFER_SIZE);
            if (n <= 0) return;
            length -= (uint64_t)n;
        }
        if (!write_all(fd, "", 1)) return;
    }
}

static void take_instances(int fd) {
    struct association *a = new_association(fd);
    struct message m;
    if (accept_association(a, 131072, false, 0))
        while (read_message(a, &m) > 0)
            if (!send_response(a, &m, 0, NULL)) break;
    SSL_shutdown(session);
    end_association(a);
}

static void *serve(void *argument) {
    int fd = (int)(intptr_t)argument;
    char first;
    session = SSL_new(context);
    SSL_set_fd(session, fd);
    set_option(fd, TCP_NODELAY);
    if (SSL_accept(session) == 1) {
        unsigned full = __atomic_add_fetch(&full_handshakes, !SSL_session_reused(session), __ATOMIC_RELAXED);
        unsigned resumed = __atomic_add_fetch(&resumed_sessions, SSL_session_reused(session), __ATOMIC_RELAXED);
        // An A-ASSOCIATE-RQ begins with 1; the length of a file, with an F.
        if (SSL_peek(session, &first, 1) == 1) {
            if (first == 1) take_instances(fd);
            else {
                take_files(fd);
                close(fd);
            }
        } else close(fd);
        printf("%u full handshakes, %u sessions resumed\n", full, resumed);
        fflush(stdout);
    } else close(fd);
    SSL_free(session);
    return NULL;
}

static int secured(int port) {
    int fd = connect_to_loopback(port);
    context = SSL_CTX_new(TLS_client_method());
    session = SSL_new(context);
    SSL_set_fd(session, fd);
    if (SSL_connect(session) != 1) die("handshake");
    return fd;
}

static int store(int port, char **files) {
    uint8_t *buffer = malloc(BUFFER_SIZE);
    int fd = secured(port);
    for (; *files != NULL; files++) {
        struct stat status;
        uint8_t answer;
        int file = open(*files, O_RDONLY | O_CLOEXEC);
        if (file < 0 || fstat(file, &status)) die(*files);
        uint64_t length = (uint64_t)status.st_size << 8 | 'F';
        memcpy(buffer, &length, sizeof length);
        size_t filled = sizeof length;
        ssize_t n;
        while ((n = read(file, buffer + filled, BUFFER_SIZE - filled)) > 0 || filled > 0) {
            if (n < 0 || !write_all(fd, buffer, filled + (size_t)n)) die(*files);
            filled = 0;
        }
        close(file);
        if (!read_exactly(fd, &answer, 1)) die(*files);
    }
    SSL_shutdown(session);
    return 0;
}

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "";
    if (!strcmp(what, "sink") && argc > 3) {
        context = SSL_CTX_new(TLS_server_method());
        SSL_CTX_set_session_id_context(context, (const uint8_t *)"bench", 5);
        SSL_CTX_set_read_ahead(context, 1);
        SSL_CTX_set_default_read_buffer_len(context, 1 << 18);
        if (SSL_CTX_use_certificate_chain_file(context, argv[2]) != 1) die(argv[2]);
        if (SSL_CTX_use_PrivateKey_file(context, argv[3], SSL_FILETYPE_PEM) != 1) die(argv[3]);
        serve_for_ever(listen_on_loopback(0), serve);
    }
    if (!strcmp(what, "connect") && argc > 2) {
        secured(atoi(argv[2]));
        SSL_shutdown(session);
        return 0;
    }
    if (!strcmp(what, "store") && argc > 3) return store(atoi(argv[2]), argv + 3);
    fprintf(stderr, "usage: tls sink CERTIFICATE KEY | connect PORT | store PORT FILE...\n");
    return 2;
}
