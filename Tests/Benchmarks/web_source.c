// A server of DICOMweb that is not the bottleneck: lists and sends what it has in memory, takes everything and keeps nothing.
//
// web_source [--folder DIR] [--series FILE] [--uids FILE] [--matches N]
//   --folder DIR   the files of the one study that it sends: GET of any path without a query
//   --series FILE  the body of the list of their series, in JSON: GET of a path that ends in /series
//   --uids FILE    the body of the list of their instances, in JSON: GET of a path that ends in /instances
//   --matches N    the number of studies that it lists: GET of /studies
// POST of any path: each instance is stored, by the UID of its file meta information.
#include "dicom_net.h"
#include <dirent.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum { MAXIMUM_FILES = 4096, HEAD_LENGTH = 65536 };

static const char boundary[] = "source-of-benchmarks";
static struct { uint8_t *bytes; size_t count; } files[MAXIMUM_FILES];
static unsigned file_count;
static uint8_t *series, *uids, *matches;
static size_t series_length, uids_length, matches_length;

static void *map(const char *path, size_t *length) {
    int fd = open(path, O_RDONLY);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) != 0) die(path);
    *length = (size_t)status.st_size;
    void *bytes = mmap(NULL, *length, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (bytes == MAP_FAILED) die(path);
    close(fd);
    return bytes;
}

static int is_file(const struct dirent *entry) { return entry->d_name[0] != '.'; }

static void map_folder(const char *folder) {
    struct dirent **entries;
    int count = scandir(folder, &entries, is_file, alphasort);
    if (count < 0) die(folder);
    for (int i = 0; i < count && i < MAXIMUM_FILES; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        files[i].bytes = map(path, &files[i].count);
        file_count++;
    }
}

// 12 elements each, as C-FIND has them in the other benchmark.
static void make_matches(unsigned count) {
    size_t room = (size_t)count * 1200 + 16;
    matches = malloc(room);
    if (!matches) die("malloc");
    char *p = (char *)matches;
    *p++ = '[';
    for (unsigned i = 0; i < count; i++)
        p += sprintf(p,
            "%s{\"00080005\":{\"vr\":\"CS\",\"Value\":[\"ISO_IR 192\"]},\"00080020\":{\"vr\":\"DA\",\"Value\":[\"20260131\"]},"
            "\"00080030\":{\"vr\":\"TM\",\"Value\":[\"101112\"]},\"00080050\":{\"vr\":\"SH\",\"Value\":[\"A%07u\"]},"
            "\"00080061\":{\"vr\":\"CS\",\"Value\":[\"CT\"]},\"00080090\":{\"vr\":\"PN\",\"Value\":[{\"Alphabetic\":\"Doctor^Good\"}]},"
            "\"00081030\":{\"vr\":\"LO\",\"Value\":[\"Head and neck\"]},\"00100010\":{\"vr\":\"PN\",\"Value\":[{\"Alphabetic\":\"Patient^%07u\"}]},"
            "\"00100020\":{\"vr\":\"LO\",\"Value\":[\"P%07u\"]},\"00100030\":{\"vr\":\"DA\",\"Value\":[\"19700101\"]},"
            "\"0020000D\":{\"vr\":\"UI\",\"Value\":[\"1.2.826.0.1.3680043.10.999.%u\"]},\"00201208\":{\"vr\":\"IS\",\"Value\":[%u]}}",
            i ? "," : "", i, i, i, i + 1, i % 1000);
    *p++ = ']';
    matches_length = (size_t)(p - (char *)matches);
}

static bool send_head(int fd, const char *type, size_t length) {
    char head[512];
    int count = snprintf(head, sizeof head,
        "HTTP/1.1 200 OK\r\nServer: source\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n", type, length);
    return write_all(fd, head, (size_t)count);
}

static bool send_json(int fd, const uint8_t *bytes, size_t count) {
    return send_head(fd, "application/dicom+json", count) && write_all(fd, bytes, count);
}

static bool send_study(int fd) {
    char start[256], type[256];
    int start_length = snprintf(start, sizeof start, "--%s\r\nContent-Type: application/dicom\r\n\r\n", boundary);
    size_t length = sizeof boundary - 1 + 6;
    for (unsigned i = 0; i < file_count; i++) length += (size_t)start_length + files[i].count + 2;
    snprintf(type, sizeof type, "multipart/related; type=\"application/dicom\"; boundary=%s", boundary);
    if (!send_head(fd, type, length)) return false;
    for (unsigned i = 0; i < file_count; i++) {
        struct iovec parts[3] = {
            {start, (size_t)start_length}, {files[i].bytes, files[i].count}, {(void *)"\r\n", 2},
        };
        if (!writev_all(fd, parts, 3)) return false;
    }
    char end[256];
    int count = snprintf(end, sizeof end, "--%s--\r\n", boundary);
    return write_all(fd, end, (size_t)count);
}

// Finds (0002,0003) in the file meta information of each part, and answers that all of them are stored.
static bool answer_store(int fd, const uint8_t *body, size_t length) {
    static const uint8_t mark[6] = {0x02, 0x00, 0x03, 0x00, 'U', 'I'};
    char *text = malloc(1 << 20), *p = text;
    p += sprintf(p, "{\"00081199\":{\"vr\":\"SQ\",\"Value\":[");
    const uint8_t *at = body, *end = body + length;
    bool first = true;
    while ((at = memmem(at, (size_t)(end - at), mark, sizeof mark)) && end - at > 72 && p - text < (1 << 20) - 512) {
        unsigned count = le16(at + 6);
        if (count <= 64) {
            p += sprintf(p, "%s{\"00081150\":{\"vr\":\"UI\",\"Value\":[\"1.2.840.10008.5.1.4.1.1.2\"]},\"00081155\":{\"vr\":\"UI\",\"Value\":[\"%.*s\"]}}",
                first ? "" : ",", (int)strnlen((const char *)at + 8, count), at + 8);
            first = false;
        }
        at += 8;
    }
    p += sprintf(p, "]}}");
    bool sent = send_json(fd, (const uint8_t *)text, (size_t)(p - text));
    free(text);
    return sent;
}

static bool ends_with(const char *text, const char *end) {
    size_t length = strlen(text), count = strlen(end);
    return length >= count && !strcmp(text + length - count, end);
}

static void *serve(void *argument) {
    int fd = (int)(intptr_t)argument;
    set_option(fd, TCP_NODELAY);
    static __thread uint8_t head[HEAD_LENGTH + 1];
    uint8_t *body = NULL;
    size_t room = 0, have = 0;
    for (;;) {
        uint8_t *end;
        while (!(end = memmem(head, have, "\r\n\r\n", 4))) {
            ssize_t count = have < HEAD_LENGTH ? read(fd, head + have, HEAD_LENGTH - have) : 0;
            if (count <= 0) goto over;
            have += (size_t)count;
        }
        size_t head_length = (size_t)(end + 4 - head), length = 0;
        *end = 0;
        char *field = strcasestr((char *)head, "\r\nContent-Length:");
        if (field) length = strtoull(field + 17, NULL, 10);
        if (strcasestr((char *)head, "\r\nExpect:") && !write_all(fd, "HTTP/1.1 100 Continue\r\n\r\n", 25)) goto over;
        if (length > room) {
            free(body);
            if (!(body = malloc(room = length))) die("malloc");
        }
        size_t begun = have - head_length < length ? have - head_length : length;
        if (length) memcpy(body, head + head_length, begun);
        for (size_t got = begun; got < length;) {
            ssize_t count = read(fd, body + got, length - got);
            if (count <= 0) goto over;
            got += (size_t)count;
        }
        char *target = strchr((char *)head, ' ') + 1, *target_end = strpbrk(target, " \r");
        if (target_end) *target_end = 0;
        bool is_get = !strncmp((char *)head, "GET", 3), is_further = strstr(target, "offset=") != NULL;
        char *query = strchr(target, '?');
        if (query) *query = 0;
        bool sent;
        if (!is_get) sent = answer_store(fd, body, length);
        else if (is_further) sent = send_json(fd, (const uint8_t *)"[]", 2);
        else if (ends_with(target, "/studies")) sent = send_json(fd, matches, matches_length);
        else if (ends_with(target, "/series")) sent = send_json(fd, series, series_length);
        else if (ends_with(target, "/instances")) sent = send_json(fd, uids, uids_length);
        else sent = send_study(fd);
        if (!sent) goto over;
        memmove(head, head + head_length + begun, have - head_length - begun);
        have -= head_length + begun;
    }
over:
    free(body);
    close(fd);
    return NULL;
}

static const char *text_option(int argc, char **argv, const char *name) {
    for (int i = 1; i + 1 < argc; i++)
        if (!strcmp(argv[i], name)) return argv[i + 1];
    return NULL;
}

int main(int argc, char **argv) {
    const char *folder = text_option(argc, argv, "--folder"), *list = text_option(argc, argv, "--uids"),
               *series_list = text_option(argc, argv, "--series");
    if (folder) map_folder(folder);
    if (list) uids = map(list, &uids_length);
    if (series_list) series = map(series_list, &series_length);
    make_matches((unsigned)integer_option(argc, argv, "--matches", 1));
    serve_for_ever(listen_on_loopback(integer_option(argc, argv, "--port", 0)), serve);
}
