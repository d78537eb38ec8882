"""A scripted peer over HTTP: a function of the test answers each request, by an answer or by bytes as they stand."""

import json
import socket
import threading
import time

JSON = "application/dicom+json"
# No request of a test is longer.
LONGEST = 64 << 20
LIMIT = 30.0


class Request:
    def __init__(self, method, target, headers, body):
        self.method, self.target, self.headers, self.body = method, target, headers, body
        self.path, _, self.query = target.partition("?")

    @property
    def parameters(self):
        """The query as it stands: [(name, value)], not decoded."""
        return [tuple(part.partition("=")[::2]) for part in self.query.split("&") if part]

    def value(self, name):
        return dict(self.parameters).get(name)


class Closed(Exception):
    """The client has closed its side."""


def answer(status=200, body=b"", kind=JSON, headers=(), reason="Said"):
    """The bytes of an answer with its length."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} {reason}", f"Content-Length: {len(data)}"]
    if kind:
        lines.append(f"Content-Type: {kind}")
    lines += [f"{name}: {value}" for name, value in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + data


def head(status=200, *fields):
    """The head alone, for bodies that a test writes itself."""
    return ("\r\n".join([f"HTTP/1.1 {status} Said", *fields]) + "\r\n\r\n").encode()


def study(uid, **values):
    """A match of the level STUDY in the JSON model."""
    found = {"00080005": {"vr": "CS", "Value": ["ISO_IR 192"]}, "0020000D": {"vr": "UI", "Value": [uid]}}
    for tag, value in values.items():
        vr = {"00100010": "PN", "00100020": "LO", "00080020": "DA"}[tag[1:]]
        found[tag[1:]] = {"vr": vr, "Value": [{"Alphabetic": value} if vr == "PN" else value]}
    return found


def multipart(parts, boundary="Boundary", closing=True, kind="application/dicom"):
    """(Content-Type, body) of parts."""
    body = b"".join(
        f"--{boundary}\r\nContent-Type: {kind}\r\n\r\n".encode() + part + b"\r\n" for part in parts
    )  # fmt: skip
    if closing:
        body += f"--{boundary}--\r\n".encode()
    return f'multipart/related; type="{kind}"; boundary={boundary}', body


class WebPeer:
    """Calls `act(request)` for each request; it returns bytes to send, or None to close at once. With `raw` it is called as
    act(request, connection) and does all itself, and the connection is closed afterwards."""

    def __init__(self, act, raw=False, base="/dicom-web"):
        self.act, self.raw, self.base = act, raw, base
        self.requests = []
        self.connections = 0
        self._held = threading.Event()
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=32)
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}{self.base}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self._held.set()
        self.socket.close()

    def hold(self, seconds=LIMIT):
        """Says nothing until the test is over."""
        self._held.wait(seconds)

    def _serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection):
        connection.settimeout(LIMIT)
        with connection:
            try:
                while True:
                    request = read_request(connection)
                    self.requests.append(request)
                    if self.raw:
                        self.act(request, connection)
                        return close(connection)
                    data = self.act(request)
                    if data is None:
                        return None
                    connection.sendall(data)
            except (OSError, Closed):
                return None


def close(connection):
    """Closes our side, and waits a moment for the other one, so that nothing that was sent is lost."""
    connection.shutdown(socket.SHUT_WR)
    connection.settimeout(1)
    limit = time.monotonic() + 1
    while time.monotonic() < limit and connection.recv(65536):
        pass


def read_head(connection):
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            raise Closed
        data += piece
    text, _, rest = data.partition(b"\r\n\r\n")
    first, *lines = text.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return method, target, headers, rest


def read_request(connection):
    method, target, headers, body = read_head(connection)
    length = min(int(headers.get("content-length", 0)), LONGEST)
    pieces, count = [body], len(body)
    while count < length:
        piece = connection.recv(1 << 20)
        if not piece:
            raise Closed
        pieces.append(piece)
        count += len(piece)
    return Request(method, target, headers, b"".join(pieces))
