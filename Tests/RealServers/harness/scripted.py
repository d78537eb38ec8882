"""A peer in a thread that runs the function of a test on every connection."""

import socket
import struct
import threading
import time

from . import wire


class Peer:
    """Calls `act(connection)` for each connection, and closes it."""

    def __init__(self, act, backlog=8):
        self.act = act
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=backlog)
        self.port = self.socket.getsockname()[1]
        self._held = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def stop(self):
        self._held.set()
        self.socket.close()

    def _serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._act, args=(connection,), daemon=True).start()

    def _act(self, connection):
        with connection:
            try:
                self.act(self, connection)
            except (OSError, wire.Ended, struct.error):
                pass

    def hold(self):
        """Says nothing until the test is over."""
        self._held.wait(wire.LIMIT)


def request(connection):
    """Reads the A-ASSOCIATE-RQ, whole."""
    head = connection.recv(6, socket.MSG_WAITALL)
    return connection.recv(struct.unpack(">I", head[2:6])[0], socket.MSG_WAITALL)


def says(data):
    """Answers the request with these bytes, and closes."""

    def act(_, connection):
        request(connection)
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        time.sleep(0.2)

    return act


def closes(_, connection):
    request(connection)


def resets(_, connection):
    request(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def says_nothing(peer, connection):
    request(connection)
    peer.hold()


def rejects(result, source, reason):
    return says(bytes([3, 0, 0, 0, 0, 4, 0, result, source, reason]))


def aborts(source, reason):
    return says(bytes([7, 0, 0, 0, 0, 4, 0, 0, source, reason]))


def refuses(*classes):
    """Accepts the association without the contexts of these classes."""

    def act(_, connection):
        wire.Association.accept(connection, refuse=classes).receive()

    return act


def answers(status, *elements, data_set=None, release=True):
    """Answers every request with a status and further elements of group 0000, given as encoded bytes."""

    def act(_, connection):
        association = wire.Association.accept(connection)
        while True:
            command, _data = association.receive()
            body = wire.element(0, 0x0002, wire.uid(command.get("affected_class", "1.2.840.10008.1.1")))
            body += wire.element(0, 0x0100, struct.pack("<H", command["field"] | wire.RESPONSE))
            body += wire.element(0, 0x0120, struct.pack("<H", command["message_id"]))
            body += wire.element(0, 0x0800, struct.pack("<H", 0x0101 if data_set is None else 1))
            body += wire.element(0, 0x0900, struct.pack("<H", status)) + b"".join(elements)
            message = wire.element(0, 0, struct.pack("<I", len(body))) + body
            context = next(iter(association.contexts))
            association._send_pdv(context, 3, message)
            if data_set is not None:
                association._send_pdv(context, 2, data_set)

    return act


def comment(text):
    return wire.element(0, 0x0902, text.encode() + b" " * (len(text) % 2))


def offending(*tags):
    return wire.element(0, 0x0901, b"".join(struct.pack("<HH", *tag) for tag in tags))


def error_id(number):
    return wire.element(0, 0x0903, struct.pack("<H", number))
