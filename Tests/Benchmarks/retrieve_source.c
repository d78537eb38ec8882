// A C-FIND, C-GET and C-MOVE SCP that is not the bottleneck: answers every request with all the instances of a folder,
// which are of one series, or with those that a list in the request names.
//
// retrieve_source --folder DIR [--repeat N] [--destination PORT] [--awake MICROSECONDS]
//
// With --repeat there are N instances, all like the first one, whose SOP Instance UIDs end in six other digits. C-MOVE
// connects to the port of loopback, whatever the title. With --awake a thread does not sleep before it has waited so long
// for bytes.
#include "dicom_net.h"
#include <dirent.h>
#include <sys/mman.h>
#include <sys/stat.h>

struct instance {
    const uint8_t *data;
    size_t length;
    char sop_class[65], sop_instance[65], transfer_syntax[65], study[65], series[65];
};

static struct instance *instances;
static int loaded_count, instance_count, first_number, destination;

// The value of a UID of an Explicit VR Little Endian data set.
static const uint8_t *find_uid(const struct instance *i, uint16_t group, uint16_t number, char *to) {
    uint8_t tag[6] = {0, 0, 0, 0, 'U', 'I'};
    put_le16(put_le16(tag, group), number);
    const uint8_t *p = memmem(i->data, i->length, tag, sizeof tag);
    if (p) copy_uid(to, p + 8, le16(p + 6));
    return p ? p + 8 : NULL;
}

static void load(const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (fd < 0 || fstat(fd, &status)) die(path);
    const uint8_t *bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
    close(fd);
    if (bytes == MAP_FAILED || memcmp(bytes + 128, "DICM", 4)) die(path);
    struct instance *i = &instances[loaded_count++];
    const uint8_t *p = bytes + 132;
    while (le16(p) == 0x0002) {
        bool is_long = !memcmp(p + 4, "OB", 2) || !memcmp(p + 4, "UN", 2);
        uint32_t length = is_long ? le32(p + 8) : le16(p + 6);
        const uint8_t *value = p + (is_long ? 12 : 8);
        switch (le16(p + 2)) {
        case 0x0002: copy_uid(i->sop_class, value, length); break;
        case 0x0003: copy_uid(i->sop_instance, value, length); break;
        case 0x0010: copy_uid(i->transfer_syntax, value, length); break;
        }
        p = value + length;
    }
    i->data = p;
    i->length = (size_t)status.st_size - (size_t)(p - bytes);
    find_uid(i, 0x0020, 0x000D, i->study);
    find_uid(i, 0x0020, 0x000E, i->series);
}

// The n-th instance; one of those that are made by --repeat is made in `room`, which has its data set.
static const struct instance *instance(int n, struct instance *room) {
    if (instance_count == loaded_count) return &instances[n];
    char *number = room->sop_instance + strlen(room->sop_instance) - 6;
    put_digits((uint8_t *)number, 6, (unsigned)(first_number + n));
    char previous[65];
    uint8_t *place = (uint8_t *)find_uid(room, 0x0008, 0x0018, previous);
    if (place) memcpy(place, room->sop_instance, strlen(room->sop_instance));
    return room;
}

// NULL where there is nothing to be made.
static struct instance *new_room(void) {
    if (instance_count == loaded_count) return NULL;
    struct instance *room = malloc(sizeof *room);
    *room = instances[0];
    uint8_t *data = malloc(room->length);
    room->data = memcpy(data, instances[0].data, room->length);
    return room;
}

static void free_room(struct instance *room) {
    if (room) free((void *)room->data);
    free(room);
}

// Queries for series and instances, whatever else their keys are.
static bool answer_query(struct association *a, const struct message *m) {
    bool explicit_vr = is_explicit(a, m->context);
    size_t known = m->data_length < HEAD_SIZE ? m->data_length : HEAD_SIZE;
    bool is_image = memmem(m->head, known, "IMAGE", 5) != NULL, is_series = memmem(m->head, known, "SERIES", 6) != NULL;
    int count = is_image ? instance_count : is_series ? 1 : 0;
    uint8_t *chunk = malloc(BUFFER_SIZE);
    size_t used = 0;
    bool good = true;
    struct instance *room = new_room();
    for (int n = 0; n < count && good; n++) {
        const struct instance *i = instance(n, room);
        struct command c;
        command_begin(&c);
        command_text(&c, 0x0002, m->sop_class, 0);
        command_us(&c, 0x0100, 0x8020);
        command_us(&c, 0x0120, m->id);
        command_us(&c, 0x0800, 0x0001);
        command_us(&c, 0x0900, 0xFF00);
        size_t length = command_finish(&c, m->context);
        memcpy(chunk + used, c.bytes, length);
        uint8_t *pdu = chunk + used + length, *p = pdu + 12;
        if (is_image) {
            p = element(p, explicit_vr, 0x0008, 0x0016, "UI", i->sop_class);
            p = element(p, explicit_vr, 0x0008, 0x0018, "UI", i->sop_instance);
        }
        p = element(p, explicit_vr, 0x0008, 0x0052, "CS", is_image ? "IMAGE" : "SERIES");
        p = element(p, explicit_vr, 0x0020, 0x000D, "UI", i->study);
        p = element(p, explicit_vr, 0x0020, 0x000E, "UI", i->series);
        data_set_finish(pdu, p, m->context);
        used = (size_t)(p - chunk);
        if (used + 2048 > BUFFER_SIZE || n + 1 == count) {
            good = write_all(a->fd, chunk, used);
            used = 0;
        }
    }
    free_room(room);
    free(chunk);
    return good && send_response(a, m, 0, NULL);
}

static bool send_instance(struct association *a, const struct instance *i, uint8_t context, uint16_t id, const char *originator, uint16_t originator_id) {
    struct command c;
    command_begin(&c);
    command_text(&c, 0x0002, i->sop_class, 0);
    command_us(&c, 0x0100, 0x0001);
    command_us(&c, 0x0110, id);
    command_us(&c, 0x0700, 0);
    command_us(&c, 0x0800, 1);
    command_text(&c, 0x1000, i->sop_instance, 0);
    if (originator) {
        command_text(&c, 0x1030, originator, ' ');
        command_us(&c, 0x1031, originator_id);
    }
    enum { PIECES = 256 };
    struct iovec vector[1 + 2 * PIECES];
    uint8_t headers[PIECES][12];
    int count = 0, pieces = 0;
    vector[count++] = (struct iovec){c.bytes, command_finish(&c, context)};
    size_t room = a->peer_maximum - 6, offset = 0;
    do {
        size_t size = i->length - offset < room ? i->length - offset : room;
        uint8_t *header = headers[pieces++];
        header[0] = 4;
        header[1] = 0;
        put_be32(header + 2, (uint32_t)size + 6);
        put_be32(header + 6, (uint32_t)size + 2);
        header[10] = context;
        header[11] = offset + size == i->length ? 2 : 0;
        vector[count++] = (struct iovec){header, 12};
        vector[count++] = (struct iovec){(void *)(i->data + offset), size};
        offset += size;
        if (pieces == PIECES || offset == i->length) {
            if (!writev_all(a->fd, vector, count)) return false;
            count = pieces = 0;
        }
    } while (offset < i->length);
    return true;
}

// Whether the request is for an instance: it names none, or this one.
static bool is_asked_for(const struct instance *i, const struct message *m) {
    static const uint8_t tag[] = {0x08, 0x00, 0x18, 0x00};
    size_t known = m->data_length < HEAD_SIZE ? m->data_length : HEAD_SIZE;
    return !memmem(m->head, known, tag, sizeof tag)
        || memmem(m->head, known, i->sop_instance, strlen(i->sop_instance));
}

// Sends everything over `out`, which is the requestor's association (C-GET) or one of our own (C-MOVE).
static bool perform(struct association *a, struct association *out, const struct message *m) {
    uint16_t failed = 0, completed = 0;
    char originator[17] = "";
    copy_uid(originator, a->title_calling, 16);
    struct instance *room = new_room();
    bool good = true;
    for (int n = 0; n < instance_count && good; n++) {
        const struct instance *i = instance(n, room);
        if (!is_asked_for(i, m)) continue;
        const struct context *context = find_context(out, i->sop_class, i->transfer_syntax);
        struct message response;
        if (!context) {
            failed++;
            continue;
        }
        good = send_instance(out, i, context->id, (uint16_t)(n % 65000 + 1), out == a ? NULL : originator, m->id);
        do good = good && read_message(out, &response) > 0;
        while (good && response.command != 0x8001);
        if (good && response.status == 0) completed++;
        else failed++;
        // A pending response now and then, as servers send them; one after each would measure something else.
        if (good && n % 50 == 49) {
            uint16_t counts[4] = {(uint16_t)(instance_count - n - 1), completed, failed, 0};
            good = send_response(a, m, 0xFF00, counts);
        }
    }
    free_room(room);
    if (!good) return false;
    uint16_t counts[4] = {0, completed, failed, 0};
    return send_response(a, m, failed == 0 ? 0 : completed ? 0xB000 : 0xA702, counts);
}

static bool move(struct association *a, const struct message *m) {
    struct association *out = new_association(connect_to_loopback(destination));
    for (int n = 0; n < loaded_count && out->context_count < 128; n++) {
        struct context *context = &out->contexts[out->context_count];
        strcpy(context->abstract_syntax, instances[n].sop_class);
        strcpy(context->transfer_syntax, instances[n].transfer_syntax);
        context->accepted = true;
        if (find_context(out, context->abstract_syntax, context->transfer_syntax) == NULL) {
            context->id = (uint8_t)(2 * out->context_count + 1);
            out->context_count++;
        }
    }
    bool good = request_association(out, m->destination, "SOURCE", 131072) && perform(a, out, m);
    release_association(out);
    end_association(out);
    return good;
}

static void *serve(void *argument) {
    struct association *a = new_association((int)(intptr_t)argument);
    struct message m;
    if (accept_association(a, 131072, true, 0)) {
        while (read_message(a, &m) > 0) {
            bool good = m.command == 0x0010   ? perform(a, a, &m)
                        : m.command == 0x0021 ? move(a, &m)
                        : m.command == 0x0020 ? answer_query(a, &m)
                                              : m.command == 0x0FFF || send_response(a, &m, 0, NULL);
            if (!good) break;
        }
    }
    end_association(a);
    return NULL;
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

int main(int argc, char **argv) {
    const char *folder = NULL;
    for (int i = 1; i + 1 < argc; i++)
        if (!strcmp(argv[i], "--folder")) folder = argv[i + 1];
    if (!folder) {
        fprintf(stderr, "usage: retrieve_source --folder DIR [--repeat N] [--destination PORT] [--awake MICROSECONDS]\n");
        return 2;
    }
    awake = integer_option(argc, argv, "--awake", 0);
    destination = integer_option(argc, argv, "--destination", 0);
    DIR *directory = opendir(folder);
    if (!directory) die(folder);
    char **names = NULL;
    int count = 0;
    for (struct dirent *entry; (entry = readdir(directory));) {
        if (entry->d_name[0] == '.') continue;
        names = realloc(names, sizeof *names * (size_t)(count + 1));
        names[count] = NULL;
        if (asprintf(&names[count], "%s/%s", folder, entry->d_name) < 0) die("memory");
        count++;
    }
    qsort(names, (size_t)count, sizeof *names, by_name);
    instances = calloc((size_t)count, sizeof *instances);
    for (int i = 0; i < count; i++) load(names[i]);
    if (loaded_count == 0) die(folder);
    instance_count = integer_option(argc, argv, "--repeat", loaded_count);
    // Six digits stay six.
    first_number = 100000;
    if (instance_count > 900000) instance_count = 900000;
    serve_for_ever(listen_on_loopback(integer_option(argc, argv, "--port", 0)), serve);
}
