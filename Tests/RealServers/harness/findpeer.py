"""A C-FIND SCP in a thread that sends the bytes that a test gives it, including those that no real server sends."""

import re
import socket
import struct
import threading

import pydicom
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

EXPLICIT_LITTLE = b"1.2.840.10008.1.2.1"
SUCCESS, CANCEL, PENDING = 0x0000, 0xFE00, 0xFF00


def encoded(dataset):
    """A data set in Explicit VR Little Endian."""
    stream = DicomBytesIO()
    stream.is_little_endian, stream.is_implicit_VR = True, False
    write_dataset(stream, dataset)
    return stream.getvalue()


def element(group, number, vr, value):
    """One element with a short length, from bytes, including values that pydicom would not write."""
    value += b" " * (len(value) % 2)
    return struct.pack("<HH2sH", group, number, vr.encode(), len(value)) + value


class FindPeer:
    """Answers every C-FIND with `answers` (bytes each).

    `negotiation` maps SOP classes to the application information that is answered; `after_first` is waited for between the
    first answer and the second; `final` is the last status, `comment` its Error Comment, and `last` a match that comes with it.
    """

    ae_title = "FINDPEER"
    name = "find peer"

    def __init__(self, answers=(), negotiation=None, after_first=None, final=SUCCESS, last=None, comment=None):
        self.answers = [answer if isinstance(answer, bytes) else encoded(answer) for answer in answers]
        self.negotiation = negotiation or {}
        self.after_first = after_first
        self.final, self.comment = final, comment
        self.last = last if last is None or isinstance(last, bytes) else encoded(last)
        self.offered = {}
        self.queries = []
        self.connections = 0
        self.wasCancelled = False
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def stop(self):
        self.socket.close()

    def query(self, number=0):
        """A query that came, as a data set."""
        context, data = self.queries[number]
        return pydicom.filereader.read_dataset(DicomBytesIO(data), False, True)

    def _serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            with connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                try:
                    self._association(connection)
                except (ConnectionError, struct.error):
                    pass

    def _association(self, connection):
        while True:
            kind, body = self._pdu(connection)
            if kind == 1:
                connection.sendall(self._accept(body))
            elif kind == 4:
                self._data(connection, body)
            elif kind == 5:
                connection.sendall(b"\x06\0" + struct.pack(">I", 4) + bytes(4))
                return
            else:
                return

    def _pdu(self, connection):
        head = self._read(connection, 6)
        return head[0], self._read(connection, struct.unpack(">I", head[2:])[0])

    @staticmethod
    def _read(connection, count):
        data = b""
        while len(data) < count:
            part = connection.recv(count - len(data))
            if not part:
                raise ConnectionError
            data += part
        return data

    def _accept(self, body):
        items = b"\x10\0\0\x151.2.840.10008.3.1.1.1"
        for kind, item in _items(body[68:]):
            if kind == 0x20:
                syntaxes = [value for sub, value in _items(item[4:]) if sub == 0x40]
                chosen = EXPLICIT_LITTLE if EXPLICIT_LITTLE in syntaxes else syntaxes[0]
                items += _item(0x21, item[:1] + b"\0\0\0" + _item(0x40, chosen))
            if kind == 0x50:
                for sub, value in _items(item):
                    if sub == 0x56:
                        (length,) = struct.unpack(">H", value[:2])
                        self.offered[value[2 : 2 + length].decode()] = value[2 + length :]
        user = _item(0x51, struct.pack(">I", 16384)) + _item(0x52, b"1.2.3.4")
        for sop_class, information in self.negotiation.items():
            user += _item(0x56, struct.pack(">H", len(sop_class)) + sop_class.encode() + information)
        body = body[:4] + body[4:36] + bytes(32) + items + _item(0x50, user)
        return b"\x02\0" + struct.pack(">I", len(body)) + body

    def _data(self, connection, body):
        while body:
            (length,) = struct.unpack(">I", body[:4])
            context, control, fragment = body[4], body[5], body[6 : 4 + length]
            body = body[4 + length :]
            if control & 1:
                self.command = fragment
                if b"\x00\x01\x02\0\0\0\xff\x0f" in fragment:
                    self.wasCancelled = True
            else:
                self.queries.append((context, fragment))
                self._answer(connection, context)

    def _answer(self, connection, context):
        at = self.command.index(b"\0\0\x10\x01\x02\0\0\0") + 8
        message = self.command[at : at + 2]
        for number, answer in enumerate(self.answers):
            connection.sendall(_message(context, message, PENDING, answer))
            if number == 0 and self.after_first:
                self.after_first.wait(30)
            if self._cancelled(connection):
                connection.sendall(_message(context, message, CANCEL))
                return
        connection.sendall(_message(context, message, self.final, self.last, self.comment))

    def _cancelled(self, connection):
        """Takes a C-CANCEL that has come, if one has."""
        connection.setblocking(False)
        try:
            if not connection.recv(1, socket.MSG_PEEK):
                return True
        except BlockingIOError:
            return False
        finally:
            connection.setblocking(True)
        kind, body = self._pdu(connection)
        self._data(connection, body)
        return self.wasCancelled


def _items(data):
    while data:
        kind, _, length = struct.unpack(">BBH", data[:4])
        yield kind, data[4 : 4 + length]
        data = data[4 + length :]


def _item(kind, value):
    return struct.pack(">BBH", kind, 0, len(value)) + value


def _message(context, message, status, answer=None, comment=None):
    elements = struct.pack("<HHIH", 0, 0x0100, 2, 0x8020) + struct.pack("<HHI", 0, 0x0120, 2) + message
    elements += struct.pack("<HHIH", 0, 0x0800, 2, 0x0101 if answer is None else 1)
    elements += struct.pack("<HHIH", 0, 0x0900, 2, status)
    if comment is not None:
        text = comment.encode() + b" " * (len(comment) % 2)
        elements += struct.pack("<HHI", 0, 0x0902, len(text)) + text
    command = struct.pack("<HHII", 0, 0, 4, len(elements)) + elements
    sent = _data_pdu(context, 3, command)
    return sent if answer is None else sent + _data_pdu(context, 2, answer)


def _data_pdu(context, control, fragment):
    value = struct.pack(">IBB", len(fragment) + 2, context, control) + fragment
    return b"\x04\0" + struct.pack(">I", len(value)) + value


LINE = re.compile(r"^\(([0-9a-f]{4},[0-9a-f]{4})\) ([A-Z]{2}) (.*?)\s*# ")


def answers(run):
    """The matches of a find as gdcmscu scripts read them: `Find Response: N`, then one line an element."""
    found = []
    for line in run.stdout.splitlines():
        if re.match(r"^(WL )?Find Response: \d+$", line):
            found.append({})
            continue
        match = LINE.match(line)
        if match and found:
            found[-1][match[1]] = match[3].strip().removeprefix("[").removesuffix("]").strip(" \0")
    return found
