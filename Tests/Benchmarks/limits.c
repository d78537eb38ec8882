// What the machine can do without DICOM: the figures that the others are measured against.
//
// limits store-sink                    takes files, answers each with one byte
// limits store PORT FILE...            sendfile of every file, an answer awaited after each
// limits copy-source FILE...           sends all files to everyone who connects
// limits copy PORT DIR                 plain socket-to-file copy of what such a source sends
// limits nothing                       ends at once: what the start of a C program takes
// limits echo-server                   answers every message of 68 bytes with one
// limits echo PORT                     connects, three exchanges, closes: what a C-ECHO needs
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

static int copy(int port, const char *folder) {
    int fd = connect_to_loopback(port);
    uint8_t *buffer = new_buffer();
    uint64_t length;
    char path[4096];
    for (int n = 0; read_exactly(fd, &length, sizeof length) && length > 0; n++) {
        snprintf(path, sizeof path, "%s/%d", folder, n);
        int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        if (file < 0) die(path);
        while (length > 0) {
            ssize_t got = read(fd, buffer, length < BUFFER_SIZE ? length : BUFFER_SIZE);
            if (got <= 0 || !write_all(file, buffer, (size_t)got)) die("copy");
            length -= (uint64_t)got;
        }
        close(file);
    }
    return 0;
}

static void *echo_server(void *argument) {
    int fd = (int)(intptr_t)argument;
    uint8_t message[68];
    set_option(fd, TCP_NODELAY);
    while (read_exactly(fd, message, sizeof message) && write_all(fd, message, sizeof message)) {
    }
    close(fd);
    return NULL;
}

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "";
    if (!strcmp(what, "nothing")) return 0;
    if (!strcmp(what, "store-sink")) serve_for_ever(listen_on_loopback(0), store_sink);
    if (!strcmp(what, "echo-server")) serve_for_ever(listen_on_loopback(0), echo_server);
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
    if (!strcmp(what, "copy") && argc > 3) return copy(atoi(argv[2]), argv[3]);
    if (!strcmp(what, "echo") && argc > 2) {
        int fd = connect_to_loopback(atoi(argv[2]));
        uint8_t message[68] = {0};
        for (int i = 0; i < 3; i++)
            if (!write_all(fd, message, sizeof message) || !read_exactly(fd, message, sizeof message)) die("echo");
        return 0;
    }
    fprintf(stderr, "usage: limits store-sink | store | copy-source | copy | echo-server | echo ...\n");
    return 2;
}
