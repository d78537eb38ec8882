// A C-FIND SCP that is not the bottleneck: answers every query with N canned matches of 12 elements, as fast as the
// socket takes them. Stops early when the peer cancels.
//
// find_source [--answers N] [--pause MILLISECONDS]    the pause comes after the first answer
#include "dicom_net.h"
#include <poll.h>

static int answers, pause_milliseconds;

struct template {
    uint8_t bytes[2048];
    size_t length, id_offset, uid_offset;
};

// One pending response: a P-DATA-TF with the command, one with the match.
static void make(struct template *t, const struct message *m, bool explicit_vr) {
    struct command c;
    command_begin(&c);
    command_text(&c, 0x0002, m->sop_class, 0);
    command_us(&c, 0x0100, 0x8020);
    command_us(&c, 0x0120, m->id);
    command_us(&c, 0x0800, 0x0001);
    command_us(&c, 0x0900, 0xFF00);
    size_t length = command_finish(&c, m->context);
    memcpy(t->bytes, c.bytes, length);
    uint8_t *pdu = t->bytes + length, *p = pdu + 12;
    p = element(p, explicit_vr, 0x0008, 0x0005, "CS", "ISO_IR 192");
    p = element(p, explicit_vr, 0x0008, 0x0020, "DA", "20240517");
    p = element(p, explicit_vr, 0x0008, 0x0030, "TM", "101530.250");
    p = element(p, explicit_vr, 0x0008, 0x0050, "SH", "A2024000017");
    p = element(p, explicit_vr, 0x0008, 0x0052, "CS", "STUDY");
    p = element(p, explicit_vr, 0x0008, 0x0061, "CS", "CT\\SR");
    p = element(p, explicit_vr, 0x0008, 0x1030, "LO", "Thorax and abdomen, contrast enhanced");
    p = element(p, explicit_vr, 0x0010, 0x0010, "PN", "M\xC3\xBCller-L\xC3\xBC""denscheidt^Anna Katharina");
    p = element(p, explicit_vr, 0x0010, 0x0020, "LO", "P00000000");
    t->id_offset = (size_t)(p - 9 - t->bytes);
    p = element(p, explicit_vr, 0x0010, 0x0030, "DA", "19680229");
    p = element(p, explicit_vr, 0x0020, 0x000D, "UI", "1.2.826.0.1.3680043.10.999.7.20240517.100000000");
    t->uid_offset = (size_t)(p - 9 - t->bytes);
    p = element(p, explicit_vr, 0x0020, 0x1208, "IS", "412");
    data_set_finish(pdu, p, m->context);
    t->length = (size_t)(p - t->bytes);
}

static bool answer(struct association *a, const struct message *m) {
    bool explicit_vr = is_explicit(a, m->context);
    struct template t;
    make(&t, m, explicit_vr);
    uint8_t *chunk = malloc(BUFFER_SIZE);
    size_t used = 0;
    uint16_t status = 0;
    for (int i = 0; i < answers; i++) {
        put_digits(t.bytes + t.id_offset, 8, (unsigned)i);
        put_digits(t.bytes + t.uid_offset, 8, (unsigned)i);
        memcpy(chunk + used, t.bytes, t.length);
        used += t.length;
        bool pausing = i == 0 && pause_milliseconds > 0;
        if (used + t.length > BUFFER_SIZE || i + 1 == answers || pausing) {
            if (!write_all(a->fd, chunk, used)) {
                free(chunk);
                return false;
            }
            used = 0;
            if (pausing) usleep((useconds_t)pause_milliseconds * 1000);
            // Whatever the peer says while it is being answered is a C-CANCEL.
            struct pollfd ready = {.fd = a->fd, .events = POLLIN};
            if (poll(&ready, 1, 0) > 0) {
                struct message cancel;
                if (read_message(a, &cancel) <= 0) {
                    free(chunk);
                    return false;
                }
                status = 0xFE00;
                break;
            }
        }
    }
    free(chunk);
    return send_response(a, m, status, NULL);
}

static void *serve(void *argument) {
    struct association *a = new_association((int)(intptr_t)argument);
    struct message m;
    if (accept_association(a, 131072, true, 0))
        while (read_message(a, &m) > 0)
            if (!(m.command == 0x0020 ? answer(a, &m) : m.command == 0x0FFF || send_response(a, &m, 0, NULL))) break;
    end_association(a);
    return NULL;
}

int main(int argc, char **argv) {
    answers = integer_option(argc, argv, "--answers", 100000);
    pause_milliseconds = integer_option(argc, argv, "--pause", 0);
    serve_for_ever(listen_on_loopback(integer_option(argc, argv, "--port", 0)), serve);
}
