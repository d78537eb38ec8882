"""A small archive that follows a script, even where it breaks the standard. On raw sockets: it shares no code with any toolkit."""

import csv
import io
import random
import socket
import struct
import threading
import time
import zlib

from . import cases, images, servers
from .programs import dcmscu

IMPLICIT, EXPLICIT, DEFLATED = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99"
CT = "1.2.840.10008.5.1.4.1.1.2"
MR = "1.2.840.10008.5.1.4.1.1.4"
STUDY_FIND, STUDY_MOVE, STUDY_GET = (f"1.2.840.10008.5.1.4.1.2.2.{n}" for n in (1, 2, 3))
GE_PRIVATE = "1.2.840.113619.5.2"
PATIENT_FIND = "1.2.840.10008.5.1.4.1.2.1.1"

ECHO, STORE, GET, FIND, MOVE, CANCEL = 0x0030, 0x0001, 0x0010, 0x0020, 0x0021, 0x0FFF
SUCCESS, PENDING, WARNING, CANCELLED = 0x0000, 0xFF00, 0xB000, 0xFE00


def element(tag, value):
    """Implicit VR Little Endian."""
    if isinstance(value, int):
        value = struct.pack("<H", value)
    if isinstance(value, str):
        value = value.encode("latin-1")
    if len(value) % 2:
        value += b"\0" if tag & 0xFFFF in (0x0002, 0x1000, 0x0018, 0x0016, 0x000D, 0x000E) else b" "
    return struct.pack("<HHL", tag >> 16, tag & 0xFFFF, len(value)) + value


def elements(fields):
    return b"".join(element(tag, value) for tag, value in sorted(fields.items()))


def parsed(data):
    fields, position = {}, 0
    while position + 8 <= len(data):
        group, number, length = struct.unpack_from("<HHL", data, position)
        fields[group << 16 | number] = data[position + 8 : position + 8 + length]
        position += 8 + length
    return fields


def text(value):
    return (value or b"").rstrip(b"\0 ").decode("latin-1")


def explicit(tag, value):
    """Explicit VR Little Endian, of the few elements that instances here have."""
    vr = {0x00080060: b"CS", 0x00100020: b"LO"}.get(tag, b"UI")
    encoded = element(tag, value)
    return encoded[:4] + vr + struct.pack("<H", len(encoded) - 8) + encoded[8:]


def fragments(pixels):
    item = struct.pack("<HHL", 0xFFFE, 0xE000, 0) + struct.pack("<HHL", 0xFFFE, 0xE000, len(pixels)) + pixels
    return struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF) + item + struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)


class Gone(Exception):
    """The peer has closed, released or aborted."""


class Association:
    """One side of an association, after it is established; contexts are {id: (abstract syntax, transfer syntax)}."""

    def __init__(self, connection):
        self.connection = connection
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.contexts = {}
        self.maximum = 16384
        self.calling = self.called = ""
        self.message_id = 0
        self.is_cancelled = False
        # Of the contexts of a class, the one that instances are sent in: the one of their syntax, or nil, or the "first" or
        # "last" of all, where an instance in another syntax fails unless both are native.
        self.picks = None

    def exactly(self, count):
        data = b""
        while len(data) < count:
            piece = self.connection.recv(count - len(data))
            if not piece:
                raise Gone
            data += piece
        return data

    def pdu(self):
        kind, length = struct.unpack(">BxL", self.exactly(6))
        return kind, self.exactly(length)

    def send_pdu(self, kind, body):
        self.connection.sendall(struct.pack(">BxL", kind, len(body)) + body)

    # Establishing

    @staticmethod
    def item(kind, body):
        return struct.pack(">BxH", kind, len(body)) + body

    @staticmethod
    def items(body):
        position = 0
        while position + 4 <= len(body):
            kind, length = struct.unpack_from(">BxH", body, position)
            yield kind, body[position + 4 : position + 4 + length]
            position += 4 + length

    def accept(self, refused=()):
        """Accepts every context but those of the refused classes."""
        kind, body = self.pdu()
        if kind != 1:
            raise Gone
        self.called, self.calling = body[4:20].decode().strip(), body[20:36].decode().strip()
        answer, roles = self.item(0x10, b"1.2.840.10008.3.1.1.1"), b""
        for kind, item in self.items(body[68:]):
            if kind == 0x20:
                names = {}
                for sub, name in self.items(item[4:]):
                    names.setdefault(sub, []).append(text(name))
                syntaxes = names[0x40]
                syntax = IMPLICIT if IMPLICIT in syntaxes else syntaxes[0]
                is_refused = names[0x30][0] in refused
                if not is_refused:
                    self.contexts[item[0]] = (names[0x30][0], syntax)
                result = bytes([item[0], 0, 3 if is_refused else 0, 0])
                answer += self.item(0x21, result + self.item(0x40, syntax.encode()))
            if kind == 0x50:
                for sub, value in self.items(item):
                    if sub == 0x51:
                        self.maximum = struct.unpack(">L", value)[0] or 1 << 17
                    if sub == 0x54:
                        roles += self.item(0x54, value)
        information = self.item(0x51, struct.pack(">L", 1 << 17)) + self.item(0x52, b"1.2.3.4") + roles
        answer += self.item(0x50, information)
        self.send_pdu(2, body[:68] + answer)

    def request(self, calling, called, classes):
        body = struct.pack(">HH", 1, 0) + called.ljust(16).encode() + calling.ljust(16).encode() + bytes(32)
        body += self.item(0x10, b"1.2.840.10008.3.1.1.1")
        for number, sop_class in enumerate(classes):
            names = self.item(0x30, sop_class.encode()) + self.item(0x40, IMPLICIT.encode())
            body += self.item(0x20, bytes([2 * number + 1, 0, 0, 0]) + names)
            self.contexts[2 * number + 1] = (sop_class, IMPLICIT)
        body += self.item(0x50, self.item(0x51, struct.pack(">L", 1 << 17)) + self.item(0x52, b"1.2.3.4"))
        self.send_pdu(1, body)
        kind, _ = self.pdu()
        if kind != 2:
            raise Gone

    def release(self):
        self.send_pdu(5, bytes(4))
        try:
            self.pdu()
        except (Gone, OSError):
            pass
        self.connection.close()

    # Messages

    def send(self, context, fields, data=None, stop_after=None, seconds=0):
        """`stop_after` bytes of the data set the connection is dropped; it takes `seconds` to send it."""
        command = elements({**fields, 0x00000800: 0x0101 if data is None else 1})
        command = element(0x00000000, struct.pack("<L", len(command))) + command
        self.connection.sendall(self.values(context, command, 1))
        if data is not None:
            stream = self.values(context, data, 0)
            if stop_after is not None:
                self.connection.sendall(stream[:stop_after])
                self.connection.close()
                raise Gone
            step = max(1, len(stream) // 20) if seconds else len(stream)
            for position in range(0, len(stream), step):
                self.connection.sendall(stream[position : position + step])
                time.sleep(seconds / 20)

    def values(self, context, data, is_command):
        room, pdus, position = self.maximum - 6, [], 0
        while True:
            piece = data[position : position + room]
            position += len(piece)
            last = 2 if position >= len(data) else 0
            value = struct.pack(">LBB", len(piece) + 2, context, is_command | last) + piece
            pdus.append(struct.pack(">BxL", 4, len(value)) + value)
            if last:
                return b"".join(pdus)

    def receive(self):
        command, data, fields, context = b"", b"", None, 0
        while True:
            kind, body = self.pdu()
            if kind == 5:
                self.send_pdu(6, bytes(4))
            if kind != 4:
                raise Gone
            position = 0
            while position < len(body):
                length, context, control = struct.unpack_from(">LBB", body, position)
                value = body[position + 6 : position + 4 + length]
                position += 4 + length
                if control & 1:
                    command += value
                else:
                    data += value
                if control & 2 and control & 1:
                    fields = parsed(command)
                    if struct.unpack("<H", fields[0x00000800])[0] == 0x0101:
                        return context, fields, b""
                elif control & 2:
                    return context, fields, data

    def respond(self, context, request, status, counts=None, data=None, comment=None):
        fields = {
            0x00000002: request.get(0x00000002, b""),
            0x00000100: struct.unpack("<H", request[0x00000100])[0] | 0x8000,
            0x00000120: request[0x00000110],
            0x00000900: status,
        }
        if comment is not None:
            fields[0x00000902] = comment
        for tag, count in zip((0x00001020, 0x00001021, 0x00001022, 0x00001023), counts or ()):
            if count is not None:
                fields[tag] = count
        self.send(context, fields, data)

    def store(self, instance, originator=None, stop_after=None, seconds=0):
        """Sends an instance; its status."""
        wanted = (instance.sop_class, instance.syntax)
        names = [number for number, names in self.contexts.items() if names[0] == instance.sop_class]
        if self.picks and names:
            names = [names[0 if self.picks == "first" else -1]]
        if self.picks and names and self.contexts[names[0]][1] == EXPLICIT and instance.syntax == IMPLICIT:
            instance.make_explicit()
            wanted = (instance.sop_class, EXPLICIT)
        context = next((number for number in names if self.contexts[number] == wanted), None)
        if context is None:
            return None
        self.message_id += 1
        fields = {
            0x00000002: instance.sop_class, 0x00000100: STORE, 0x00000110: self.message_id % 65535 + 1,
            0x00000700: 0, 0x00001000: instance.uid,
        }  # fmt: skip
        if originator:
            fields[0x00001030], fields[0x00001031] = originator
        self.send(context, fields, instance.data, stop_after, seconds)
        while True:
            _, answer, _ = self.receive()
            if struct.unpack("<H", answer[0x00000100])[0] != CANCEL:
                return struct.unpack("<H", answer[0x00000900])[0]
            self.is_cancelled = True


class Instance:
    """`uid` may be bytes that are no UID."""

    def __init__(self, study, series, uid, size=2000, sop_class=CT, patient="P1", syntax=IMPLICIT, more=()):
        self.study, self.series, self.uid, self.sop_class = study, series, uid, sop_class
        self.syntax = syntax
        pixels = random.Random(repr(uid)).randbytes(size // 2 * 2)
        fields = {
            0x00080016: sop_class, 0x00080018: uid, 0x00080060: "CT", 0x00100020: patient, 0x0020000D: study,
            0x0020000E: series, **dict(more),
        }  # fmt: skip
        # GE's private syntax is implicit, too; every other but the default one is explicit, with its pixels in fragments.
        self.fields, self.pixels = fields, pixels
        if syntax in (IMPLICIT, GE_PRIVATE):
            self.data = elements({**fields, 0x7FE00010: pixels})
        elif syntax == DEFLATED:
            self.make_explicit()
            deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
            self.data = deflater.compress(self.data) + deflater.flush()
            self.syntax = syntax
            self.data += bytes(len(self.data) % 2)
        else:
            self.data = b"".join(explicit(tag, value) for tag, value in fields.items()) + fragments(pixels)


    def make_explicit(self):
        """Explicit VR Little Endian, from here on."""
        self.data = b"".join(explicit(tag, value) for tag, value in self.fields.items())
        self.data += struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OW", 0, len(self.pixels)) + self.pixels
        self.syntax = EXPLICIT


class ScriptedArchive:
    """Lists and sends its instances. `plan` is called for each instance to be sent, with its running number from 0, and says
    what becomes of it: "send", "slow" (in `slow_seconds`), "fail", "forget" (neither sent nor counted) or "drop" (the association,
    in the middle of the data set)."""

    ae_title = "SCRIPTED"

    def __init__(self, instances, destination=None, associations=1, plan=None, told=None, status=None, listed=None):
        self.instances = instances
        self.destination = destination
        self.associations = associations
        self.plan = plan or (lambda number: "send")
        # The counts that the server claims instead of the true ones: a function of (completed, failed).
        self.told = told or (lambda completed, failed: (completed, failed))
        # The status of every final response to C-MOVE and C-GET; nothing is sent then.
        self.status = status
        self.listed = instances if listed is None else listed
        self.refuses_get = False
        # The levels of C-MOVE and C-GET that are refused.
        self.refused_levels = set()
        # What becomes of a C-MOVE or C-GET at a level: "refuse" (by a status that is not of the level), "abort" and "close" (the
        # association), "nothing" (success, and nothing is sent), "fail" (every instance), "first" (of several, the first alone),
        # "study" (all of it comes, whatever was asked for).
        self.part_faults = {}
        # The final status of every C-MOVE and C-GET after all was sent, and the Error Comment of each final response to a service.
        self.final, self.comments = None, {}
        # Elements of every match.
        self.of_matches = {}
        # How a query ends: its last status, and the most answers that are given of it, by level.
        self.find_status, self.find_limits = SUCCESS, {}
        # Levels at which an answer lacks its unique key, which it must not.
        self.find_unnamed = set()
        # How often each match is sent.
        self.find_repeats = 1
        # What becomes of a query instead of an answer: "abort", "close", "hang", or a status; or a function of its keys that says so.
        self.find_fault = None
        # True: matches have the unique keys above, and count series and instances, so that studies are listed together.
        self.counts = False
        # False: the contexts of queries are refused.
        self.offers_find = True
        # False: matches at the level of images have no SOP Class UID.
        self.tells_classes = True
        # The transfer syntaxes that matches name for an instance; nil: they name none.
        self.available = None
        # The context that an instance is sent in, as of an association.
        self.picks = None
        # True: a query with a key that this server does not know is refused.
        self.refuses_unknown_keys = False
        # Called with each query, by its level.
        self.on_find = lambda level: None
        # The level and the tags of each query.
        self.queries = []
        # Instances that are sent with those of each C-MOVE or C-GET, though nobody asked for them, and are not counted.
        self.extras = []
        # The time between the final response to a C-MOVE and what it sends; nil: the instances come first.
        self.late = None
        # True: each of them comes on an association of its own, as long after the one before.
        self.comes_apart = False
        # True: a C-CANCEL changes nothing. A C-MOVE is never cancelled: it is not looked for one.
        self.ignores_cancel = False
        self.slow_seconds = 0
        # The time for which an association to the destination is kept after the last instance; how each then ended.
        self.kept_open, self.ends = 0, []
        self.over = threading.Event()
        self.number = 0
        self.requests = []
        # Of each C-GET, the classes and syntaxes of its association that instances can be sent in.
        self.offered = []
        # The status that we got for each instance that was sent, and the UIDs with them.
        self.statuses, self.answers = [], []
        # The identifiers of C-MOVE and C-GET.
        self.identifiers = []
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        # The port of the destination was free a moment ago, too.
        if self.listener.getsockname()[1] == destination:
            taken, self.listener = self.listener, socket.create_server(("127.0.0.1", 0), backlog=64)
            taken.close()
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def close(self):
        self.over.set()
        self.listener.close()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.answer, args=(connection,), daemon=True).start()

    def answer(self, connection):
        association = Association(connection)
        association.picks = self.picks
        try:
            association.accept(() if self.offers_find else (STUDY_FIND, PATIENT_FIND))
            while True:
                context, command, data = association.receive()
                kind = struct.unpack("<H", command[0x00000100])[0]
                if kind == FIND:
                    self.find(association, context, command, parsed(data))
                elif kind in (MOVE, GET):
                    self.retrieve(association, context, command, parsed(data), kind)
                elif kind != CANCEL:
                    association.respond(context, command, SUCCESS)
        except (Gone, OSError):
            connection.close()

    @staticmethod
    def matches(instance, keys):
        for tag, value in ((0x0020000D, instance.study), (0x0020000E, instance.series), (0x00080018, instance.uid)):
            wanted = [part for part in text(keys.get(tag)).split("\\") if part]
            if wanted and (value if isinstance(value, str) else value.decode("latin-1")) not in wanted:
                return False
        return True

    def find(self, association, context, command, keys):
        level = text(keys.get(0x00080052))
        self.queries.append((level, set(keys)))
        self.on_find(level)
        if self.refuses_unknown_keys and 0x00083002 in keys:
            return association.respond(context, command, 0xA900)
        fault = self.find_fault(keys) if callable(self.find_fault) else self.find_fault
        if fault == "hang":
            self.over.wait(60)
        if fault == "abort":
            association.send_pdu(7, bytes(4))
        if fault in ("abort", "close", "hang"):
            raise Gone
        if fault is not None:
            return association.respond(context, command, fault)
        seen = []
        for instance in self.listed:
            answer = {"STUDY": {0x0020000D: instance.study}, "SERIES": {0x0020000E: instance.series}}.get(
                level,
                {
                    0x00080018: instance.uid,
                    **({0x00080016: instance.sop_class} if self.tells_classes else {}),
                    **({0x00083002: self.available(instance)} if self.available and 0x00083002 in keys else {}),
                },
            )
            if self.counts:
                answer = {**answer, **self.counted(instance, level)}
            if self.matches(instance, keys) and answer not in seen:
                seen.append(answer)
        limit = self.find_limits.get(level, len(seen))
        for answer in seen[:limit]:
            if level in self.find_unnamed:
                answer = {}
            # Every study is of the same day, and says so where it is asked.
            date = {0x00080020: "20260102"} if level == "STUDY" and 0x00080020 in keys else {}
            for _ in range(self.find_repeats):
                association.respond(context, command, PENDING, data=elements({**date, 0x00080052: level, **answer, **self.of_matches}))
        status = self.find_status if limit < len(seen) else SUCCESS
        association.respond(context, command, status, comment=self.comments.get(FIND))

    def counted(self, instance, level):
        """The unique keys above a match, and the number of what is below."""
        of_study = [other for other in self.listed if other.study == instance.study]
        if level == "STUDY":
            return {0x00201206: str(len({other.series for other in of_study}))}
        if level == "SERIES":
            of_series = [other for other in of_study if other.series == instance.series]
            return {0x0020000D: instance.study, 0x00201209: str(len(of_series))}
        return {0x0020000D: instance.study, 0x0020000E: instance.series}

    def retrieve(self, association, context, command, keys, kind):
        asked = [instance for instance in self.instances if self.matches(instance, keys)]
        with self.lock:
            self.requests.append((kind, [instance.uid for instance in asked]))
            self.offered.append({pair for pair in association.contexts.values() if pair[0] not in (STUDY_FIND, STUDY_GET)})
            self.identifiers.append(keys)
        if kind == GET and self.refuses_get:
            return association.respond(context, command, 0x0122)
        if text(keys.get(0x00080052)) in self.refused_levels:
            return association.respond(context, command, 0xA900)
        fault = self.part_faults.get(text(keys.get(0x00080052)))
        if fault == "refuse":
            return association.respond(context, command, 0xC001)
        if fault == "abort":
            association.send_pdu(7, bytes(4))
        if fault in ("abort", "close"):
            raise Gone
        if fault == "fail":
            return association.respond(context, command, 0xA702, (None, 0, len(asked), 0))
        if fault == "nothing":
            asked = []
        if fault == "first":
            asked = asked[:1]
        if fault == "study":
            asked = [instance for instance in self.instances if instance.study == text(keys[0x0020000D])]
        if self.status is not None:
            return association.respond(context, command, self.status, (None, 0, len(asked), 0))
        counts = [0, 0]
        originator = (association.calling, struct.unpack("<H", command[0x00000110])[0])
        if self.late is not None and kind == MOVE:
            association.respond(context, command, SUCCESS, (None, *self.told(len(asked), 0), None))
            return threading.Thread(target=self.send_late, args=(asked, context, command, originator), daemon=True).start()
        asked = asked + self.extras
        if kind == GET:
            self.send(association, asked, counts, association, context, command, None)
        else:
            shares = [asked[number :: self.associations] for number in range(self.associations)]
            threads = [
                threading.Thread(
                    target=self.send_over, args=(share, counts, association, context, command, originator)
                )
                for share in shares
                if share
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        counts[0] -= min(counts[0], len(self.extras))
        completed, failed = self.told(*counts)
        if association.is_cancelled:
            left = len(asked) - completed - failed
            return association.respond(context, command, CANCELLED, (left, completed, failed, 0))
        status = SUCCESS if not failed else WARNING if completed else 0xA702
        told = (None, completed, failed, None if completed is None else 0)
        status = status if self.final is None else self.final
        association.respond(context, command, status, told, comment=self.comments.get(kind))

    def send_late(self, asked, context, command, originator):
        for share in [[instance] for instance in asked] if self.comes_apart else [asked]:
            if self.over.wait(self.late):
                return
            self.send_over(share, [0, 0], None, context, command, originator)

    def send_over(self, share, counts, association, context, command, originator):
        while share:
            try:
                out = Association(socket.create_connection(("127.0.0.1", self.destination)))
                out.request(self.ae_title, text(command[0x00000600]), sorted({i.sop_class for i in share}))
            except (Gone, OSError):
                with self.lock:
                    counts[1] += len(share)
                return
            share = self.send(out, share, counts, association, context, command, originator)
            if not share:
                if self.kept_open:
                    threading.Thread(target=self.release_later, args=(out,), daemon=True).start()
                else:
                    out.release()

    def release_later(self, out):
        time.sleep(self.kept_open)
        try:
            out.send_pdu(5, bytes(4))
            self.ends.append(out.pdu()[0])
        except (Gone, OSError):
            self.ends.append(None)

    def send(self, out, share, counts, association, context, command, originator):
        """The instances left after a dropped association."""
        for position, instance in enumerate(share):
            with self.lock:
                number, self.number = self.number, self.number + 1
            fate = self.plan(number)
            if fate == "forget":
                continue
            if fate == "fail":
                good = False
            else:
                try:
                    half = len(instance.data) // 2 if fate == "drop" else None
                    seconds = self.slow_seconds if fate == "slow" else 0
                    status = out.store(instance, originator, stop_after=half, seconds=seconds)
                    self.statuses.append(status)
                    self.answers.append((instance.uid, status))
                    good = status == SUCCESS
                except (Gone, OSError):
                    if out is association:
                        raise Gone from None
                    with self.lock:
                        counts[1] += 1
                    return share[position + 1 :]
            with self.lock:
                counts[0 if good else 1] += 1
                if number % 10 == 9 and association:
                    association.respond(context, command, PENDING, (len(share), *counts, 0))
            if out.is_cancelled and not self.ignores_cancel:
                return []
        return []


def study(count, number=1, size=2000, sop_class=CT):
    """A study of two series."""
    return [
        Instance(f"1.2.{number}", f"1.2.{number}.{1 + n % 2}", f"1.2.{number}.{1 + n % 2}.{n + 1}", size, sop_class)
        for n in range(count)
    ]


class ScriptedRetrieval(cases.RealServerTest):
    def serve_scripted(self, instances, **script):
        self.port_scp = servers.free_port()
        self.archive = ScriptedArchive(instances, destination=self.port_scp, **script)
        self.addCleanup(self.archive.close)
        self.out = self.folder / "out"
        return self.archive

    def arguments(self, operation, *more):
        port = ["--port-scp", self.port_scp] if operation == "move" or "--or-move" in more else []
        keys = [] if {"-k", "--from-list"} & set(more) else ["-k", "20,d=1.2.1"]
        return [
            f"--{operation}", *keys, "-o", self.out, *port, *more, servers.LOOPBACK, self.archive.port,
        ]  # fmt: skip

    def retrieve(self, operation, *more, **options):
        return dcmscu(*self.arguments(operation, *more), **options)

    def files(self):
        return sorted(path for path in self.out.rglob("*") if path.is_file()) if self.out.exists() else []

    def assert_whole(self, instances):
        """Exactly these, each with its data set, and nothing half."""
        found = {}
        for path in self.files():
            data = path.read_bytes()
            self.assertEqual(data[128:132], b"DICM", path)
            found[str(images.meta(path).MediaStorageSOPInstanceUID)] = data
        self.assertEqual(set(found), {instance.uid for instance in instances})
        for instance in instances:
            self.assertTrue(found[instance.uid].endswith(instance.data), instance.uid)

    def missing(self, run):
        """The rows that the run printed for another one."""
        return list(csv.DictReader(io.StringIO(run.stdout)))
