// What the machine can do without DICOM: the figures that the others are measured against.
//
// limits store-sink [--awake N]        takes files, answers each with one byte; does not sleep before it has waited N
//                                      microseconds for bytes
// limits store PORT FILE...            sendfile of every file, an answer awaited after each
// limits copy-source FILE...           sends all files to everyone who connects
// limits copy PORT DIR                 plain socket-to-file copy of what such a source sends
// limits copy-synced PORT DIR          the same, forced onto the disk at the end, to which 8 MiB at a time are on their way before
// limits nothing                       ends at once: what the start of a C program takes
// limits echo PORT                     one C-ECHO
#include "dicom_net.h"
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

static char **files;
static int file_count;
static void **contents;
static uint64_t *lengths;
static uint8_t *new_buffer(void) { return malloc(BUFFER_SIZE); }

static bool read_exactly(int fd, void *to, size_t count) {
    uint8_t *p = to;
    while (count > 0) {
        await_bytes(fd);
        set_option(fd, TCP_QUICKACK);
        ssize_t n = read(fd, p, count);
        if (n <= 0) return false;
        p += n;
        count -= (size_t)n;
    }
    return true;
}

static void *store_sink(void *argument) {
    int fd = (int)(intptr_t)argument;
    uint8_t *buffer = new_buffer();
    uint64_t length;
    set_option(fd, TCP_NODELAY);
    while (read_exactly(fd, &length, sizeof length)) {
        while (length > 0) {
            set_option(fd, TCP_QUICKACK);
            ssize_t n = read(fd, buffer, length < BUFFER_SIZE ? length : BUFFER_SIZE);
            if (n <= 0) goto end;
            length -= (uint64_t)n;
        }
        if (!write_all(fd, "", 1)) break;
    }
end:
    close(fd);
    free(buffer);
    return NULL;
}

static bool send_file(int fd, const char *path) {
    struct stat status;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &status)) die(path);
    uint64_t length = (uint64_t)status.st_size;
    if (send(fd, &length, sizeof length, MSG_MORE) != sizeof length) return false;
    while (length > 0) {
        ssize_t n = sendfile(fd, file, NULL, length);
        if (n <= 0) return false;
        length -= (uint64_t)n;
    }
    close(file);
    return true;
}

// From memory, as the DICOM source does: sendfile is slower here.
static void *copy_source(void *argument) {
    int fd = (int)(intptr_t)argument;
    uint64_t end = 0;
    set_option(fd, TCP_NODELAY);
    for (int i = 0; i < file_count; i++) {
        uint64_t length = lengths[i];
        struct iovec both[2] = {{&length, sizeof length}, {contents[i], length}};
        if (!writev_all(fd, both, 2)) break;
    }
    write_all(fd, &end, sizeof end);
    close(fd);
    return NULL;
}

enum { SYNCED_AT_ONCE = 8 << 20 };

static int copy(int port, const char *folder, bool synced) {
    int fd = connect_to_loopback(port);
    uint8_t *buffer = new_buffer();
    uint64_t length;
    char path[4096];
    for (int n = 0; read_exactly(fd, &length, sizeof length) && length > 0; n++) {
        snprintf(path, sizeof path, "%s/%d", folder, n);
        int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        if (file < 0) die(path);
        off64_t written = 0, begun = 0;
        while (length > 0) {
            ssize_t got = read(fd, buffer, length < BUFFER_SIZE ? length : BUFFER_SIZE);
            if (got <= 0 || !write_all(file, buffer, (size_t)got)) die("copy");
            length -= (uint64_t)got;
            written += got;
            if (synced && (length == 0 || written - begun >= SYNCED_AT_ONCE)) {
                sync_file_range(file, begun, written - begun, SYNC_FILE_RANGE_WRITE);
                begun = written;
            }
        }
        close(file);
    }
    int directory = synced ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (synced && (directory < 0 || syncfs(directory))) die(folder);
    return 0;
}

static uint8_t *put_text(uint8_t *p, uint8_t type, const char *text) { return put_item(p, type, text, strlen(text)); }

// Sends a PDU, whose header is filled in, and takes one of the type that has to answer it.
static void exchange(int fd, uint8_t type, uint8_t *pdu, size_t length, uint8_t answer) {
    static uint8_t received[1 << 16];
    pdu[0] = type;
    pdu[1] = 0;
    put_be32(pdu + 2, (uint32_t)length - 6);
    if (!write_all(fd, pdu, length) || !read_exactly(fd, received, 6)) die("exchange");
    uint32_t rest = be32(received + 2);
    if (received[0] != answer || rest > sizeof received || !read_exactly(fd, received, rest)) die("answer");
}

static int echo(int port) {
    static const char *const verification = "1.2.840.10008.1.1";
    static const uint8_t maximum[] = {0, 0, 64, 0};
    uint8_t pdu[512] = {0}, context[128] = {1}, user[64], *p = pdu + 6;
    int fd = connect_to_loopback(port);
    put_be16(p, 1);
    memcpy(p + 4, "ANY-SCP         LIMITS          ", 32);
    p += 68;
    p = put_text(p, 0x10, "1.2.840.10008.3.1.1.1");
    uint8_t *end = put_text(put_text(context + 4, 0x30, verification), 0x40, implicit_little);
    p = put_item(p, 0x20, context, (size_t)(end - context));
    end = put_text(put_item(user, 0x51, maximum, sizeof maximum), 0x52, "1.2.3.4");
    p = put_item(p, 0x50, user, (size_t)(end - user));
    exchange(fd, 1, pdu, (size_t)(p - pdu), 2);

    // One value for the header of PDU and fragment, then the command set of C-ECHO-RQ (PS3.7 9.3.5.1), without a data set.
    static uint8_t request[] = {
        0, 0, 0, 0, 0, 0, 0, 0, 0, 70, 1, 3, 0, 0, 0, 0, 4, 0, 0, 0, 56, 0, 0, 0, 0, 0, 2, 0, 18, 0, 0, 0, '1', '.', '2', '.',
        '8', '4', '0', '.', '1', '0', '0', '0', '8', '.', '1', '.', '1', 0, 0, 0, 0, 1, 2, 0, 0, 0, 0x30, 0, 0, 0, 0x10, 1,
        2, 0, 0, 0, 1, 0, 0, 0, 0, 8, 2, 0, 0, 0, 1, 1,
    };
    exchange(fd, 4, request, sizeof request, 4);
    memset(pdu, 0, 10);
    exchange(fd, 5, pdu, 10, 6);
    close(fd);
    return 0;
}

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "";
    if (!strcmp(what, "nothing")) return 0;
    awake = integer_option(argc, argv, "--awake", 0);
    if (!strcmp(what, "store-sink")) serve_for_ever(listen_on_loopback(0), store_sink);
    if (!strcmp(what, "copy-source")) {
        files = argv + 2;
        file_count = argc - 2;
        contents = calloc((size_t)file_count, sizeof *contents);
        lengths = calloc((size_t)file_count, sizeof *lengths);
        for (int i = 0; i < file_count; i++) {
            struct stat status;
            int file = open(files[i], O_RDONLY | O_CLOEXEC);
            if (file < 0 || fstat(file, &status)) die(files[i]);
            lengths[i] = (uint64_t)status.st_size;
            contents[i] = mmap(NULL, lengths[i], PROT_READ, MAP_SHARED | MAP_POPULATE, file, 0);
            if (contents[i] == MAP_FAILED) die(files[i]);
            close(file);
        }
        serve_for_ever(listen_on_loopback(0), copy_source);
    }
    if (!strcmp(what, "store") && argc > 3) {
        int fd = connect_to_loopback(atoi(argv[2]));
        uint8_t answer;
        for (int i = 3; i < argc; i++)
            if (!send_file(fd, argv[i]) || !read_exactly(fd, &answer, 1)) die(argv[i]);
        return 0;
    }
    if (!strcmp(what, "copy") && argc > 3) return copy(atoi(argv[2]), argv[3], false);
    if (!strcmp(what, "copy-synced") && argc > 3) return copy(atoi(argv[2]), argv[3], true);
    if (!strcmp(what, "echo") && argc > 2) return echo(atoi(argv[2]));
    fprintf(stderr, "usage: limits store-sink | store | copy-source | copy | copy-synced | echo | nothing ...\n");
    return 2;
}
