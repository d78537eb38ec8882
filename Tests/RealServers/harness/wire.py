"""DICOM on a socket, as little of it as a scripted peer needs: written by hand, so that a test can say anything, also nonsense.

One PDV a PDU, Implicit VR Little Endian, no limits: the other side is the program under test, on loopback.
"""

import socket
import struct

IMPLICIT_LITTLE = "1.2.840.10008.1.2"
APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"

# Reached only if something hangs.
LIMIT = 30.0

ECHO, STORE, N_ACTION, N_EVENT_REPORT = 0x0030, 0x0001, 0x0130, 0x0100
RESPONSE = 0x8000

# Elements of command sets: (0000,eeee) -> form.
_UID, _SHORT = "uid", "short"
_COMMAND = {
    "affected_class": (0x0002, _UID),
    "requested_class": (0x0003, _UID),
    "field": (0x0100, _SHORT),
    "message_id": (0x0110, _SHORT),
    "answers": (0x0120, _SHORT),
    "priority": (0x0700, _SHORT),
    "data_set_type": (0x0800, _SHORT),
    "status": (0x0900, _SHORT),
    "remaining": (0x1020, _SHORT),
    "completed": (0x1021, _SHORT),
    "failed": (0x1022, _SHORT),
    "warnings": (0x1023, _SHORT),
    "affected_instance": (0x1000, _UID),
    "requested_instance": (0x1001, _UID),
    "event_type": (0x1002, _SHORT),
    "action_type": (0x1008, _SHORT),
}


class Ended(Exception):
    """The other side released, aborted or closed; `how` says which."""

    def __init__(self, how):
        super().__init__(how)
        self.how = how


# MARK: data sets


def uid(text, padding=b"\0"):
    value = text.encode()
    return value + padding if len(value) % 2 else value


def element(group, number, value):
    return struct.pack("<HHI", group, number, len(value)) + value


def sequence(group, number, items):
    return element(group, number, b"".join(struct.pack("<HHI", 0xFFFE, 0xE000, len(item)) + item for item in items))


def elements(data):
    """{(group, element): bytes}, for defined lengths, which is what the program sends."""
    found, offset = {}, 0
    while offset < len(data):
        group, number, length = struct.unpack_from("<HHI", data, offset)
        found[(group, number)] = data[offset + 8 : offset + 8 + length]
        offset += 8 + length
    return found


def items(data):
    found, offset = [], 0
    while offset < len(data):
        _, _, length = struct.unpack_from("<HHI", data, offset)
        found.append(elements(data[offset + 8 : offset + 8 + length]))
        offset += 8 + length
    return found


def text(value):
    return value.decode().rstrip("\0 ")


# MARK: command sets


def encode_command(**members):
    body = b""
    for name, (number, form) in sorted(_COMMAND.items(), key=lambda entry: entry[1][0]):
        if name in members:
            value = members[name]
            body += element(0, number, uid(value) if form == _UID else struct.pack("<H", value))
    return element(0, 0, struct.pack("<I", len(body))) + body


def decode_command(data):
    raw = elements(data)
    command = {}
    for name, (number, form) in _COMMAND.items():
        if (0, number) in raw:
            value = raw[(0, number)]
            command[name] = text(value) if form == _UID else struct.unpack("<H", value)[0]
    return command


# MARK: associations


class Association:
    """One end of an association; `contexts` maps the accepted context ids to abstract syntaxes."""

    def __init__(self, connection, contexts, calling="", called="", roles=None):
        self.connection = connection
        self.contexts = contexts
        self.calling, self.called = calling, called
        self.roles = roles or {}

    @classmethod
    def accept(cls, connection, refuse=()):
        """Reads A-ASSOCIATE-RQ and accepts every context but those of the refused classes."""
        connection.settimeout(LIMIT)
        kind, body = _read_pdu(connection)
        if kind != 1:
            raise Ended(f"a PDU of type {kind} where A-ASSOCIATE-RQ belongs")
        called, calling = body[4:20].decode().strip(), body[20:36].decode().strip()
        contexts, results, roles = {}, b"", {}
        for item, value in _items(body[68:]):
            if item == 0x20:
                context_id = value[0]
                abstract = next(text(v) for k, v in _items(value[4:]) if k == 0x30)
                syntaxes = [text(v) for k, v in _items(value[4:]) if k == 0x40]
                # We send implicit VR; instances are accepted in any syntax.
                syntax = IMPLICIT_LITTLE if IMPLICIT_LITTLE in syntaxes else syntaxes[0]
                accepted = abstract not in refuse
                if accepted:
                    contexts[context_id] = abstract
                results += _item(
                    0x21, bytes([context_id, 0, 0 if accepted else 3, 0]) + _item(0x40, syntax.encode())
                )
            elif item == 0x50:
                for sub, data in _items(value):
                    if sub == 0x54:
                        (length,) = struct.unpack_from(">H", data)
                        roles[text(data[2 : 2 + length])] = tuple(data[2 + length : 4 + length])
        answer = body[:68] + _item(0x10, APPLICATION_CONTEXT.encode()) + results + _user_information({})
        _write_pdu(connection, 2, answer)
        return cls(connection, contexts, calling, called, roles)

    @classmethod
    def request(cls, port, called, calling, abstract, roles=None, ids=(1,)):
        """Opens an association with one context, or one for each id; `roles` is (SCU, SCP) that we propose for ourselves."""
        connection = socket.create_connection(("127.0.0.1", port), timeout=LIMIT)
        context = b"".join(
            _item(
                0x20,
                bytes([number, 0, 0, 0]) + _item(0x30, abstract.encode()) + _item(0x40, IMPLICIT_LITTLE.encode()),
            )
            for number in ids
        )
        body = struct.pack(">HH", 1, 0) + called.ljust(16).encode() + calling.ljust(16).encode() + bytes(32)
        body += _item(0x10, APPLICATION_CONTEXT.encode()) + context
        body += _user_information({abstract: roles} if roles else {})
        _write_pdu(connection, 1, body)
        kind, answer = _read_pdu(connection)
        if kind != 2:
            connection.close()
            raise Ended(f"rejected, {tuple(answer)}" if kind == 3 else f"PDU type {kind}")
        granted, contexts = {}, {}
        for item, value in _items(answer[68:]):
            if item == 0x21 and value[2] == 0:
                contexts[value[0]] = abstract
            elif item == 0x50:
                for sub, data in _items(value):
                    if sub == 0x54:
                        (length,) = struct.unpack_from(">H", data)
                        granted[text(data[2 : 2 + length])] = tuple(data[2 + length : 4 + length])
        return cls(connection, contexts, calling, called, granted)

    def send(self, command, data_set=None, context=None):
        context = context or next(iter(self.contexts))
        command = {"data_set_type": 0x0101 if data_set is None else 0x0102, **command}
        self._send_pdv(context, 0x03, encode_command(**command))
        if data_set is not None:
            self._send_pdv(context, 0x02, data_set)

    def _send_pdv(self, context, header, data):
        _write_pdu(self.connection, 4, struct.pack(">IBB", len(data) + 2, context, header) + data)

    def receive(self):
        """The next message: (command, data set bytes or None). A release is answered. Raises Ended."""
        command, parts = None, {True: b"", False: b""}
        while True:
            kind, body = _read_pdu(self.connection)
            if kind == 5:
                _write_pdu(self.connection, 6, bytes(4))
                self.connection.close()
                raise Ended("released")
            if kind == 7:
                self.connection.close()
                raise Ended("aborted")
            if kind != 4:
                raise Ended(f"PDU of type {kind}")
            offset = 0
            while offset < len(body):
                (length,) = struct.unpack_from(">I", body, offset)
                header = body[offset + 5]
                is_command, is_last = bool(header & 1), bool(header & 2)
                parts[is_command] += body[offset + 6 : offset + 4 + length]
                offset += 4 + length
                if not is_last:
                    continue
                if is_command:
                    command = decode_command(parts[True])
                    if command.get("data_set_type") == 0x0101:
                        return command, None
                else:
                    return command, parts[False]

    def release(self):
        _write_pdu(self.connection, 5, bytes(4))
        kind, _ = _read_pdu(self.connection)
        self.connection.close()
        if kind != 6:
            raise Ended(f"PDU of type {kind} where A-RELEASE-RP belongs")

    @property
    def is_open(self):
        return self.connection.fileno() != -1

    def abort(self):
        _write_pdu(self.connection, 7, bytes(4))
        self.connection.close()

    def cut(self):
        """Ends the connection without a word."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()


def _item(kind, value):
    return struct.pack(">BBH", kind, 0, len(value)) + value


def _items(data):
    offset = 0
    while offset < len(data):
        kind, _, length = struct.unpack_from(">BBH", data, offset)
        yield kind, data[offset + 4 : offset + 4 + length]
        offset += 4 + length


def _user_information(roles):
    value = _item(0x51, struct.pack(">I", 0)) + _item(0x52, b"1.2.3.4")
    for abstract, (scu, scp) in roles.items():
        value += _item(0x54, struct.pack(">H", len(abstract)) + abstract.encode() + bytes([scu, scp]))
    return _item(0x50, value)


def _read(connection, count):
    data = b""
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            raise Ended("closed")
        data += part
    return data


def _read_pdu(connection):
    try:
        kind, _, length = struct.unpack(">BBI", _read(connection, 6))
        return kind, _read(connection, length)
    except ConnectionError as error:
        raise Ended("closed") from error


def _write_pdu(connection, kind, body):
    try:
        connection.sendall(struct.pack(">BBI", kind, 0, len(body)) + body)
    except ConnectionError as error:
        raise Ended("closed") from error
