// The least of DICOM's upper layer that a peer of a benchmark needs. Not a model of anything: it trusts its peer, keeps
// everything in fixed places, and does nothing that costs time.
#ifndef DICOM_NET_H
#define DICOM_NET_H

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER_SIZE = 1 << 20, MAXIMUM_CONTEXTS = 256, COMMAND_SIZE = 4096, RAW_ITEMS_SIZE = 65536, HEAD_SIZE = 1 << 15 };

static const char *const implicit_little = "1.2.840.10008.1.2";
static const char *const explicit_little = "1.2.840.10008.1.2.1";

struct context {
    uint8_t id;
    bool accepted;
    char abstract_syntax[65];
    char transfer_syntax[65];
};

struct association {
    int fd;
    uint8_t *buffer;
    size_t start, end;
    uint32_t peer_maximum;   // of the PDUs that we may send
    uint32_t pdu_remaining;  // of the P-DATA-TF being read
    int context_count;
    struct context contexts[MAXIMUM_CONTEXTS];
    uint8_t title_called[16], title_calling[16];
};

struct message {
    uint8_t context;
    uint16_t command, id, status, data_set_type;
    char sop_class[65], sop_instance[65];
    char destination[17];
    uint64_t data_length;
    uint8_t head[HEAD_SIZE];  // the beginning of the data set
};

static inline void die(const char *what) {
    perror(what);
    exit(1);
}

static inline uint16_t be16(const uint8_t *p) { return (uint16_t)(p[0] << 8 | p[1]); }
static inline uint32_t be32(const uint8_t *p) { return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]; }
static inline uint16_t le16(const uint8_t *p) { return (uint16_t)(p[1] << 8 | p[0]); }
static inline uint32_t le32(const uint8_t *p) { return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0]; }
static inline uint8_t *put_be16(uint8_t *p, uint32_t v) { p[0] = (uint8_t)(v >> 8); p[1] = (uint8_t)v; return p + 2; }
static inline uint8_t *put_be32(uint8_t *p, uint32_t v) { return put_be16(put_be16(p, v >> 16), v & 0xFFFF); }
static inline uint8_t *put_le16(uint8_t *p, uint32_t v) { p[0] = (uint8_t)v; p[1] = (uint8_t)(v >> 8); return p + 2; }
static inline uint8_t *put_le32(uint8_t *p, uint32_t v) { return put_le16(put_le16(p, v & 0xFFFF), v >> 16); }

// Sockets

static inline void set_option(int fd, int option) {
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, option, &one, sizeof one);
}

// Listens on loopback and prints the port, which tells the driver that all is ready.
static inline int listen_on_loopback(int port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    socklen_t length = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 128)) die("listen");
    getsockname(fd, (struct sockaddr *)&address, &length);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

static inline int connect_to_loopback(int port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, (struct sockaddr *)&address, sizeof address)) die("connect");
    set_option(fd, TCP_NODELAY);
    return fd;
}

static inline bool write_all(int fd, const void *bytes, size_t count) {
    const uint8_t *p = bytes;
    while (count > 0) {
        ssize_t n = write(fd, p, count);
        if (n <= 0) {
            if (n < 0 && errno == EINTR) continue;
            return false;
        }
        p += n;
        count -= (size_t)n;
    }
    return true;
}

// Gathers; changes the vector.
static inline bool writev_all(int fd, struct iovec *vector, int count) {
    while (count > 0) {
        ssize_t n = writev(fd, vector, count > 512 ? 512 : count);
        if (n <= 0) {
            if (n < 0 && errno == EINTR) continue;
            return false;
        }
        while (count > 0 && (size_t)n >= vector->iov_len) {
            n -= (ssize_t)vector->iov_len;
            vector++;
            count--;
        }
        if (count > 0) {
            vector->iov_base = (uint8_t *)vector->iov_base + n;
            vector->iov_len -= (size_t)n;
        }
    }
    return true;
}

// Microseconds for which a thread waits for bytes before it sleeps: to be woken takes a while where cores are idle, and would
// be counted as time of the other side.
static int awake;

static inline void await_bytes(int fd) {
    if (awake == 0) return;
    struct timespec now, begun;
    uint8_t byte;
    clock_gettime(CLOCK_MONOTONIC, &begun);
    do clock_gettime(CLOCK_MONOTONIC, &now);
    while (recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN
           && (now.tv_sec - begun.tv_sec) * 1000000 + (now.tv_nsec - begun.tv_nsec) / 1000 < awake);
}

static inline bool fill(struct association *a) {
    if (a->start == a->end) a->start = a->end = 0;
    await_bytes(a->fd);
    set_option(a->fd, TCP_QUICKACK);
    ssize_t n;
    do n = read(a->fd, a->buffer + a->end, BUFFER_SIZE - a->end); while (n < 0 && errno == EINTR);
    if (n <= 0) return false;
    a->end += (size_t)n;
    return true;
}

// At least `count` bytes (far fewer than the buffer holds) are in the buffer.
static inline bool ensure(struct association *a, size_t count) {
    while (a->end - a->start < count) {
        if (BUFFER_SIZE - a->start < count) {
            memmove(a->buffer, a->buffer + a->start, a->end - a->start);
            a->end -= a->start;
            a->start = 0;
        }
        if (!fill(a)) return false;
    }
    return true;
}

static inline void copy_uid(char *to, const uint8_t *from, size_t length) {
    if (length > 64) length = 64;
    memcpy(to, from, length);
    to[length] = 0;
    while (length > 0 && (to[length - 1] == 0 || to[length - 1] == ' ')) to[--length] = 0;
}

static inline struct association *new_association(int fd) {
    struct association *a = calloc(1, sizeof *a);
    a->fd = fd;
    a->buffer = malloc(BUFFER_SIZE);
    a->peer_maximum = 16384;
    set_option(fd, TCP_NODELAY);
    return a;
}

static inline void end_association(struct association *a) {
    close(a->fd);
    free(a->buffer);
    free(a);
}

// Association establishment (PS3.8 9.3.2, 9.3.3)

static inline uint8_t *put_item(uint8_t *p, uint8_t type, const void *bytes, size_t length) {
    *p++ = type;
    *p++ = 0;
    p = put_be16(p, (uint32_t)length);
    memcpy(p, bytes, length);
    return p + length;
}

static inline uint8_t *put_user_information(uint8_t *p, uint32_t maximum_length, uint32_t window, const uint8_t *roles, size_t roles_length) {
    uint8_t bytes[4], *begin = p;
    p += 4;
    put_be32(bytes, maximum_length);
    p = put_item(p, 0x51, bytes, 4);
    p = put_item(p, 0x52, "1.2.826.0.1.3680043.10.999.1", 28);
    if (window) {
        put_be16(put_be16(bytes, window), 1);
        p = put_item(p, 0x53, bytes, 4);
    }
    memcpy(p, roles, roles_length);
    p += roles_length;
    p = put_item(p, 0x55, "BENCH", 5);
    begin[0] = 0x50;
    begin[1] = 0;
    put_be16(begin + 2, (uint32_t)(p - begin - 4));
    return p;
}

// Answers a request: every context is accepted with the first transfer syntax proposed, or with Explicit VR Little
// Endian if it is among them and `prefer_explicit`. Roles are granted as proposed; `window` bounds the operations in flight.
static inline bool accept_association(struct association *a, uint32_t maximum_length, bool prefer_explicit, uint32_t window) {
    if (!ensure(a, 6) || a->buffer[a->start] != 1) return false;
    uint32_t length = be32(a->buffer + a->start + 2);
    if (length < 68 || length > BUFFER_SIZE - 6 || !ensure(a, 6 + length)) return false;
    const uint8_t *pdu = a->buffer + a->start + 6, *end = pdu + length;
    memcpy(a->title_called, pdu + 4, 16);
    memcpy(a->title_calling, pdu + 20, 16);
    uint8_t *roles = malloc(RAW_ITEMS_SIZE), *answer = malloc(1 << 18), *p = answer + 6;
    size_t roles_length = 0;
    uint32_t proposed_window = 0;
    memcpy(p, pdu, 68);
    p = put_item(p + 68, 0x10, "1.2.840.10008.3.1.1.1", 21);
    for (const uint8_t *item = pdu + 68; item + 4 <= end; item += 4 + be16(item + 2)) {
        const uint8_t *value = item + 4, *value_end = value + be16(item + 2);
        if (item[0] == 0x20 && a->context_count < MAXIMUM_CONTEXTS) {
            struct context *context = &a->contexts[a->context_count++];
            context->id = value[0];
            context->accepted = true;
            for (const uint8_t *sub = value + 4; sub + 4 <= value_end; sub += 4 + be16(sub + 2)) {
                char uid[65];
                copy_uid(uid, sub + 4, be16(sub + 2));
                if (sub[0] == 0x30) strcpy(context->abstract_syntax, uid);
                else if (!context->transfer_syntax[0] || (prefer_explicit && !strcmp(uid, explicit_little)))
                    strcpy(context->transfer_syntax, uid);
            }
            uint8_t result[80] = {context->id, 0, 0, 0};
            uint8_t *q = put_item(result + 4, 0x40, context->transfer_syntax, strlen(context->transfer_syntax));
            p = put_item(p, 0x21, result, (size_t)(q - result));
        } else if (item[0] == 0x50) {
            for (const uint8_t *sub = value; sub + 4 <= value_end; sub += 4 + be16(sub + 2)) {
                size_t whole = 4u + be16(sub + 2);
                if (sub[0] == 0x51) a->peer_maximum = be32(sub + 4);
                if (sub[0] == 0x53) proposed_window = be16(sub + 4) ? be16(sub + 4) : 0xFFFF;
                if (sub[0] == 0x54 && roles_length + whole <= RAW_ITEMS_SIZE) {
                    memcpy(roles + roles_length, sub, whole);
                    roles_length += whole;
                }
            }
        }
    }
    if (proposed_window && window) proposed_window = proposed_window < window ? proposed_window : window;
    else proposed_window = 0;
    p = put_user_information(p, maximum_length, proposed_window, roles, roles_length);
    answer[0] = 2;
    answer[1] = 0;
    put_be32(answer + 2, (uint32_t)(p - answer - 6));
    a->start += 6 + length;
    bool written = write_all(a->fd, answer, (size_t)(p - answer));
    free(roles);
    free(answer);
    if (a->peer_maximum == 0 || a->peer_maximum > BUFFER_SIZE) a->peer_maximum = BUFFER_SIZE;
    return written;
}

// Requests an association with the contexts already entered; marks those that were accepted.
static inline bool request_association(struct association *a, const char *called, const char *calling, uint32_t maximum_length) {
    uint8_t *request = calloc(1, 1 << 18), *p = request + 6;
    p = put_be16(p, 1);
    p += 2;
    memset(p, ' ', 32);
    memcpy(p, called, strlen(called) > 16 ? 16 : strlen(called));
    memcpy(p + 16, calling, strlen(calling) > 16 ? 16 : strlen(calling));
    p += 32 + 32;
    p = put_item(p, 0x10, "1.2.840.10008.3.1.1.1", 21);
    for (int i = 0; i < a->context_count; i++) {
        struct context *context = &a->contexts[i];
        uint8_t value[160] = {context->id, 0, 0, 0};
        uint8_t *q = put_item(value + 4, 0x30, context->abstract_syntax, strlen(context->abstract_syntax));
        q = put_item(q, 0x40, context->transfer_syntax, strlen(context->transfer_syntax));
        p = put_item(p, 0x20, value, (size_t)(q - value));
    }
    p = put_user_information(p, maximum_length, 0, NULL, 0);
    request[0] = 1;
    put_be32(request + 2, (uint32_t)(p - request - 6));
    bool written = write_all(a->fd, request, (size_t)(p - request));
    free(request);
    if (!written || !ensure(a, 6) || a->buffer[a->start] != 2) return false;
    uint32_t length = be32(a->buffer + a->start + 2);
    if (length > BUFFER_SIZE - 6 || !ensure(a, 6 + length)) return false;
    const uint8_t *pdu = a->buffer + a->start + 6, *end = pdu + length;
    for (const uint8_t *item = pdu + 68; item + 4 <= end; item += 4 + be16(item + 2)) {
        const uint8_t *value = item + 4, *value_end = value + be16(item + 2);
        if (item[0] == 0x21) {
            for (int i = 0; i < a->context_count; i++)
                if (a->contexts[i].id == value[0]) a->contexts[i].accepted = value[2] == 0;
        } else if (item[0] == 0x50) {
            for (const uint8_t *sub = value; sub + 4 <= value_end; sub += 4 + be16(sub + 2))
                if (sub[0] == 0x51) a->peer_maximum = be32(sub + 4);
        }
    }
    a->start += 6 + length;
    if (a->peer_maximum == 0 || a->peer_maximum > BUFFER_SIZE) a->peer_maximum = BUFFER_SIZE;
    return true;
}

static inline const struct context *find_context(const struct association *a, const char *abstract, const char *transfer) {
    for (int i = 0; i < a->context_count; i++) {
        const struct context *context = &a->contexts[i];
        if (context->accepted && !strcmp(context->abstract_syntax, abstract) && !strcmp(context->transfer_syntax, transfer)) return context;
    }
    return NULL;
}

static inline void release_association(struct association *a) {
    uint8_t release[10] = {5, 0, 0, 0, 0, 4};
    if (write_all(a->fd, release, sizeof release)) ensure(a, 10);
}

// Messages

static inline void parse_command(struct message *m, const uint8_t *p, size_t length) {
    const uint8_t *end = p + length;
    m->status = 0;
    m->data_set_type = 0x0101;
    m->sop_class[0] = m->sop_instance[0] = m->destination[0] = 0;
    while (p + 8 <= end) {
        uint32_t tag = (uint32_t)le16(p) << 16 | le16(p + 2), size = le32(p + 4);
        const uint8_t *value = p + 8;
        if (size > (size_t)(end - value)) return;
        switch (tag) {
        case 0x00000002: copy_uid(m->sop_class, value, size); break;
        case 0x00001000: copy_uid(m->sop_instance, value, size); break;
        case 0x00000600: copy_uid(m->destination, value, size > 16 ? 16 : size); break;
        case 0x00000100: m->command = le16(value); break;
        case 0x00000110: case 0x00000120: m->id = le16(value); break;
        case 0x00000800: m->data_set_type = le16(value); break;
        case 0x00000900: m->status = le16(value); break;
        }
        p = value + size;
    }
}

// Reads one message and throws its data set away but for its beginning. 1: a message; 0: the peer released, and was answered; -1: it is gone.
static inline int read_message(struct association *a, struct message *m) {
    uint8_t command[COMMAND_SIZE];
    size_t command_length = 0;
    bool in_data = false;
    m->data_length = 0;
    for (;;) {
        if (a->pdu_remaining == 0) {
            if (!ensure(a, 6)) return -1;
            uint8_t type = a->buffer[a->start];
            uint32_t length = be32(a->buffer + a->start + 2);
            a->start += 6;
            if (type == 5) {
                uint8_t answer[10] = {6, 0, 0, 0, 0, 4};
                ensure(a, length);
                write_all(a->fd, answer, sizeof answer);
                return 0;
            }
            if (type != 4) return -1;
            a->pdu_remaining = length;
            continue;
        }
        if (!ensure(a, 6)) return -1;
        uint32_t length = be32(a->buffer + a->start);
        uint8_t context = a->buffer[a->start + 4], flags = a->buffer[a->start + 5];
        a->start += 6;
        if (length < 2 || length + 4 > a->pdu_remaining) return -1;
        a->pdu_remaining -= length + 4;
        length -= 2;
        if (flags & 1) {
            if (command_length + length > COMMAND_SIZE || !ensure(a, length)) return -1;
            memcpy(command + command_length, a->buffer + a->start, length);
            command_length += length;
            a->start += length;
            if (flags & 2) {
                parse_command(m, command, command_length);
                m->context = context;
                if (m->data_set_type == 0x0101) return 1;
                in_data = true;
            }
        } else {
            while (length > 0) {
                if (a->start == a->end && !fill(a)) return -1;
                size_t there = a->end - a->start < length ? a->end - a->start : length;
                if (m->data_length < HEAD_SIZE) {
                    size_t room = HEAD_SIZE - m->data_length;
                    memcpy(m->head + m->data_length, a->buffer + a->start, there < room ? there : room);
                }
                m->data_length += there;
                a->start += there;
                length -= (uint32_t)there;
            }
            if ((flags & 2) && in_data) return 1;
        }
    }
}

// A command set, written as one P-DATA-TF with one PDV.
struct command {
    uint8_t bytes[1024];
    uint8_t *end;
};

static inline void command_begin(struct command *c) { c->end = c->bytes + 12 + 12; }

static inline void command_us(struct command *c, uint16_t element, uint16_t value) {
    c->end = put_le32(put_le16(put_le16(c->end, 0), element), 2);
    c->end = put_le16(c->end, value);
}

static inline void command_text(struct command *c, uint16_t element, const char *value, char padding) {
    size_t length = strlen(value);
    c->end = put_le32(put_le16(put_le16(c->end, 0), element), (uint32_t)(length + (length & 1)));
    memcpy(c->end, value, length);
    c->end += length;
    if (length & 1) *c->end++ = (uint8_t)padding;
}

static inline size_t command_finish(struct command *c, uint8_t context) {
    uint8_t *p = c->bytes;
    uint32_t length = (uint32_t)(c->end - c->bytes - 12);
    *p++ = 4;
    *p++ = 0;
    p = put_be32(p, length + 6);
    p = put_be32(p, length + 2);
    *p++ = context;
    *p++ = 3;
    p = put_le32(put_le16(put_le16(p, 0), 0), 4);
    put_le32(p, length - 12);
    return (size_t)(c->end - c->bytes);
}

// Data sets, for what is found

static inline uint8_t *element(uint8_t *p, bool explicit_vr, uint16_t group, uint16_t number, const char *vr, const char *value) {
    size_t length = strlen(value), even = length + (length & 1);
    p = put_le16(put_le16(p, group), number);
    if (explicit_vr) {
        *p++ = (uint8_t)vr[0];
        *p++ = (uint8_t)vr[1];
        p = put_le16(p, (uint32_t)even);
    } else p = put_le32(p, (uint32_t)even);
    memcpy(p, value, length);
    if (length & 1) p[length] = vr[0] == 'U' && vr[1] == 'I' ? 0 : ' ';
    return p + even;
}

static inline bool is_explicit(const struct association *a, uint8_t context) {
    for (int i = 0; i < a->context_count; i++)
        if (a->contexts[i].id == context) return strcmp(a->contexts[i].transfer_syntax, implicit_little) != 0;
    return false;
}

// Puts the header before a data set, which begins 12 bytes behind `pdu`.
static inline void data_set_finish(uint8_t *pdu, const uint8_t *end, uint8_t context) {
    uint32_t size = (uint32_t)(end - pdu - 12);
    pdu[0] = 4;
    pdu[1] = 0;
    put_be32(pdu + 2, size + 6);
    put_be32(pdu + 6, size + 2);
    pdu[10] = context;
    pdu[11] = 2;
}

static inline void put_digits(uint8_t *p, int count, unsigned value) {
    for (int i = count - 1; i >= 0; i--, value /= 10) p[i] = (uint8_t)('0' + value % 10);
}

// A response without a data set: for C-STORE, C-ECHO, and the last one of C-FIND, C-GET and C-MOVE.
static inline bool send_response(struct association *a, const struct message *m, uint16_t status, const uint16_t counts[4]) {
    struct command c;
    command_begin(&c);
    command_text(&c, 0x0002, m->sop_class, 0);
    command_us(&c, 0x0100, m->command | 0x8000);
    command_us(&c, 0x0120, m->id);
    command_us(&c, 0x0800, 0x0101);
    command_us(&c, 0x0900, status);
    if (m->sop_instance[0]) command_text(&c, 0x1000, m->sop_instance, 0);
    if (counts)
        for (uint16_t i = 0; i < 4; i++)
            if (i > 0 || status == 0xFF00) command_us(&c, (uint16_t)(0x1020 + i), counts[i]);
    size_t length = command_finish(&c, m->context);
    return write_all(a->fd, c.bytes, length);
}

static inline int integer_option(int argc, char **argv, const char *name, int otherwise) {
    for (int i = 1; i + 1 < argc; i++)
        if (!strcmp(argv[i], name)) return atoi(argv[i + 1]);
    return otherwise;
}

// A thread for every connection.
static inline void serve_for_ever(int listener, void *(*body)(void *)) {
    // A client that goes away ends its connection and not the server.
    signal(SIGPIPE, SIG_IGN);
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0) continue;
        pthread_t thread;
        if (pthread_create(&thread, NULL, body, (void *)(intptr_t)fd) == 0) pthread_detach(thread);
        else close(fd);
    }
}

#endif
