"""A storage SCP with scripted faults: what servers do on a bad night, on demand and in exact numbers.

It runs in the test's own process, a thread for each association, and keeps the bytes of every data set that it has answered
with success. Only sockets and the standard library: the referee shares no code with any toolkit.
"""

import collections
import socket
import struct
import threading
import time

IMPLICIT = "1.2.840.10008.1.2"
SUCCESS = 0x0000
OUT_OF_RESOURCES = 0xA700


class FaultyStoreSCP:
    """Stores in memory; counts of instances are over all associations.

    abort_every: A-ABORT instead of the answer to every so many-th instance.
    abort_first: A-ABORT instead of the answers to so many instances, from the first on.
    close_every: closes the connection in the middle of the data set of every so many-th instance.
    status_every: (number, status): that status for every so many-th instance.
    most_associations: more at a time are rejected as transient, local limit exceeded.
    frees_after: an association that has ended counts for so many seconds more.
    mute_beyond: associations beyond so many at a time get no answer at all.
    reject_first: so many associations, from the first on, are rejected in that way.
    silent_every: no answer at all to every so many-th instance.
    prefers_implicit: of a context that has it, Implicit VR Little Endian is accepted.
    refuse: SOP classes of which no context is accepted, besides those of queries; refuse_syntaxes: transfer syntaxes likewise.
    window: asynchronous operations granted; answers come in reverse order, so many at a time.
    pause: seconds before each answer.
    max_pdu: the largest PDU that it takes; large images are sent to it from their files, not by way of memory, if that is large.
    one_by_study: an instance that comes while one of its study is being answered on another association gets A700H; they are
        counted as clashes.
    slow_every: takes a millisecond for each PDU of every so many-th instance.
    """

    def __init__(self, **faults):
        self.faults = faults
        self.stored = {}
        self.arrivals = collections.Counter()
        self.received = 0
        self.fragments = 0
        self.most_seen = 0
        self.rejected = 0
        self.clashes = 0
        self._at_work = collections.Counter()
        self._open = 0
        self._lock = threading.Lock()
        self._sockets = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self._listener.close()
        with self._lock:
            for connection in self._sockets:
                connection.close()

    def _listen(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with self._lock:
            self._sockets.add(connection)
            self._open += 1
            self.most_seen = max(self.most_seen, self._open)
            number = self._open
        try:
            self._associate(connection, number)
        except (OSError, EOFError):
            pass
        finally:
            time.sleep(self.faults.get("frees_after", 0))
            with self._lock:
                self._open -= 1
                self._sockets.discard(connection)
            connection.close()

    def _associate(self, connection, number):
        kind, body = _pdu(connection)
        if kind != 1:
            return
        if number > self.faults.get("mute_beyond", 1 << 30):
            # Until the other side gives up.
            connection.recv(1)
            return
        is_early = self.rejected < self.faults.get("reject_first", 0)
        if is_early or number > self.faults.get("most_associations", 1 << 30):
            self.rejected += 1
            connection.sendall(struct.pack(">BBIBBBB", 3, 0, 4, 0, 2, 3, 2))
            connection.recv(1)
            return
        connection.sendall(self._acceptance(body))
        waiting = []
        while True:
            kind, body = _pdu(connection)
            if kind == 5:
                connection.sendall(struct.pack(">BBII", 6, 0, 4, 0))
                return
            if kind != 4:
                return
            if not self._take(connection, body, waiting):
                return

    def _acceptance(self, body):
        contexts, position = b"", 68
        while position < len(body):
            item, length = body[position], struct.unpack_from(">H", body, position + 2)[0]
            content = body[position + 4 : position + 4 + length]
            position += 4 + length
            if item != 0x20:
                continue
            syntaxes, inner = [], 4
            abstract = ""
            while inner < len(content):
                kind, size = content[inner], struct.unpack_from(">H", content, inner + 2)[0]
                uid = content[inner + 4 : inner + 4 + size].rstrip(b"\0 ").decode()
                inner += 4 + size
                if kind == 0x30:
                    abstract = uid
                else:
                    syntaxes.append(uid)
            syntaxes = [uid for uid in syntaxes if uid not in self.faults.get("refuse_syntaxes", ())]
            refused = abstract in self.faults.get("refuse", ()) or abstract.startswith("1.2.840.10008.5.1.4.1.2.")
            result = 3 if refused else 0 if syntaxes else 4
            first = IMPLICIT if self.faults.get("prefers_implicit") and IMPLICIT in syntaxes else (syntaxes or [IMPLICIT])[0]
            chosen = _item(0x40, first.encode())
            contexts += _item(0x21, bytes([content[0], 0, result, 0]) + chosen)
        user = _item(0x51, struct.pack(">I", self.faults.get("max_pdu", 16384)))
        user += _item(0x52, b"1.2.826.0.1.3680043.10.999.9")
        if "window" in self.faults:
            user += _item(0x53, struct.pack(">HH", self.faults["window"], 1))
        body = body[:68] + _item(0x10, b"1.2.840.10008.3.1.1.1") + contexts + _item(0x50, user)
        return struct.pack(">BBI", 2, 0, len(body)) + body

    def _take(self, connection, body, waiting):
        """One PDU; False: the association is over."""
        state = waiting[-1] if waiting and not waiting[-1]["whole"] else None
        position = 0
        while position < len(body):
            length, context, flags = struct.unpack_from(">IBB", body, position)
            data = body[position + 6 : position + 4 + length]
            position += 4 + length
            if state is None:
                state = {"context": context, "command": b"", "data": [], "whole": False, "number": 0}
                waiting.append(state)
            if flags & 1:
                state["command"] += data
                if flags & 2:
                    with self._lock:
                        self.received += 1
                        state["number"] = self.received
            else:
                state["data"].append(data)
                self.fragments += 1
                if self._strikes("slow_every", state):
                    time.sleep(0.001)
                if self._strikes("close_every", state):
                    # Reset: bytes on their way are lost.
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    return False
                if flags & 2:
                    state["whole"] = True
        if not state["whole"]:
            return True
        if self._strikes("abort_every", state) or state["number"] <= self.faults.get("abort_first", 0):
            connection.sendall(struct.pack(">BBIBBBB", 7, 0, 4, 0, 0, 0, 0))
            return False
        if self._strikes("silent_every", state):
            connection.recv(1)
            return False
        # With a window, answers are held back until it is full or nothing more comes, and then given in reverse.
        if len(waiting) < self.faults.get("window", 1) and _more(connection):
            return True
        studies = [_study(state) for state in waiting] if "one_by_study" in self.faults else []
        with self._lock:
            for state, study in zip(waiting, studies):
                state["clash"] = self._at_work[study] > 0
                self.clashes += state["clash"]
            self._at_work.update(studies)
        time.sleep(self.faults.get("pause", 0))
        for state in reversed(waiting):
            self._answer(connection, state)
        with self._lock:
            self._at_work.subtract(studies)
        waiting.clear()
        return True

    def _strikes(self, fault, state):
        every = self.faults.get(fault)
        return bool(every) and state["number"] % every == 0

    def _answer(self, connection, state):
        command = _elements(state["command"])
        instance = command[0x1000].rstrip(b"\0 ").decode()
        every, status = self.faults.get("status_every", (0, 0))
        status = status if every and state["number"] % every == 0 else SUCCESS
        status = OUT_OF_RESOURCES if state.get("clash") else status
        with self._lock:
            self.arrivals[instance] += 1
            if status == SUCCESS:
                self.stored[instance] = b"".join(state["data"])
        answer = b"".join(
            struct.pack("<HHI", 0, element, len(value)) + value
            for element, value in [
                (0x0002, command[0x0002]),
                (0x0100, struct.pack("<H", 0x8001)),
                (0x0120, command[0x0110]),
                (0x0800, struct.pack("<H", 0x0101)),
                (0x0900, struct.pack("<H", status)),
                (0x1000, command[0x1000]),
            ]
        )
        answer = struct.pack("<HHII", 0, 0, 4, len(answer)) + answer
        connection.sendall(struct.pack(">BBIIBB", 4, 0, len(answer) + 6, len(answer) + 2, state["context"], 3) + answer)


def _item(kind, content):
    return struct.pack(">BBH", kind, 0, len(content)) + content


def _study(state):
    """The Study Instance UID of a data set in Explicit VR."""
    data = b"".join(state["data"])
    place = data.index(b"\x20\x00\x0d\x00UI")
    return data[place + 8 : place + 8 + struct.unpack_from("<H", data, place + 6)[0]]


def _elements(command):
    found, position = {}, 0
    while position < len(command):
        _, element, length = struct.unpack_from("<HHI", command, position)
        found[element] = command[position + 8 : position + 8 + length]
        position += 8 + length
    return found


def _more(connection):
    """Whether something comes within a moment."""
    connection.settimeout(0.2)
    try:
        return bool(connection.recv(1, socket.MSG_PEEK))
    except TimeoutError:
        return False
    finally:
        connection.settimeout(None)


def _pdu(connection):
    kind, _, length = struct.unpack(">BBI", _exactly(connection, 6))
    return kind, _exactly(connection, length)


def _exactly(connection, count):
    parts = bytearray()
    while len(parts) < count:
        data = connection.recv(count - len(parts))
        if not data:
            raise EOFError
        parts += data
    return bytes(parts)
