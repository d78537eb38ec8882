"""A C-MOVE to ourselves that lasts until it is told to end, so that anybody can call its receiver meanwhile."""

import os
import pathlib
import signal
import subprocess
import tempfile
import threading
import time

from . import measured, scripted, servers, wire

CT = "1.2.840.10008.5.1.4.1.1.2"
TITLE = "DCMSCU"
PEER = "ANY-SCP"


class HeldMove:
    """The process, its port and its output folder. `files` and `longest` are limits of the system for it."""

    def __init__(self, output, *options, files=0, longest=0, identity=None):
        self.port = servers.free_port()
        self.output = pathlib.Path(output)
        self._asked, self._over, self._sent = threading.Event(), threading.Event(), 0
        self._peer = scripted.Peer(self._serve)
        self._folder = tempfile.TemporaryDirectory(prefix="dcmscu-held-")
        folder = pathlib.Path(self._folder.name)
        self._messages = open(folder / "messages", "w+b")
        self.process = subprocess.Popen(
            measured.command(
                folder / "peak", "--move", "--study", "-k", "0020,000d=1.2.3", "--no-check", "--grace", "0",
                "--port-scp", self.port, "--bind", servers.LOOPBACK, "-o", output, *options, servers.LOOPBACK,
                self._peer.port, files=files, longest=longest, identity=identity,
            ),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self._messages, env=measured.environment(),
            cwd=folder,
        )  # fmt: skip
        # The wrapper has written the number by then, or does so at once.
        number = folder / "peak-pid"
        limit = time.monotonic() + wire.LIMIT
        while not (self._asked.wait(0.05) and number.exists()):
            if time.monotonic() < limit and self.process.poll() is None:
                continue
            raise AssertionError(f"no C-MOVE came\n{self.said}")

    def _serve(self, peer, connection):
        association = wire.Association.accept(connection)
        command, _ = association.receive()
        self._asked.set()
        self._over.wait()
        counts = {"remaining": 0, "completed": self._sent, "failed": 0, "warnings": 0}
        answer = dict(field=command["field"] | wire.RESPONSE, answers=command["message_id"], status=0, **counts)
        association.send({"affected_class": command["affected_class"], **answer})
        association.receive()

    @property
    def said(self):
        return pathlib.Path(self._messages.name).read_text("utf-8", "replace")

    # MARK: The process

    @property
    def pid(self):
        """Of the program, which the wrapper has started."""
        return int((pathlib.Path(self._folder.name) / "peak-pid").read_text())

    @property
    def peak(self):
        (line,) = [l for l in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines() if "VmHWM" in l]
        return int(line.split()[1]) * 1024

    @property
    def open(self):
        """(descriptors, threads) that it has now."""
        process = pathlib.Path(f"/proc/{self.pid}")
        return len(os.listdir(process / "fd")), len(os.listdir(process / "task"))

    def files(self):
        """All that is below the output folder, hidden ones as well."""
        return sorted(str(path.relative_to(self.output)) for path in self.output.rglob("*"))

    def kill(self, number=signal.SIGKILL):
        os.kill(self.pid, number)

    def finish(self, sent):
        """The server says that it has sent so many; the exit code follows."""
        self._sent = sent
        self._over.set()
        return self.process.wait(wire.LIMIT)

    def stop(self):
        self._over.set()
        self.process.kill()
        self.process.wait()
        self._peer.stop()
        self._messages.close()
        self._folder.cleanup()

    # MARK: Those who call it

    def associate(self):
        return wire.Association.request(self.port, called=TITLE, calling=PEER, abstract=CT)

    def store(self, uid, size=1000):
        """Sends an instance as it should be; the status of the answer."""
        association = self.associate()
        association.send(store_request(uid), instance(uid, size))
        answer, _ = association.receive()
        association.release()
        return answer["status"]


def store_request(uid):
    return dict(field=wire.STORE, message_id=1, affected_class=CT, affected_instance=uid)


def instance(uid, size):
    head = wire.element(0x0008, 0x0016, wire.uid(CT)) + wire.element(0x0008, 0x0018, wire.uid(uid))
    return head + wire.element(0x7FE0, 0x0010, bytes(size))


def request_bytes():
    """An A-ASSOCIATE-RQ as it should be."""
    item = wire._item
    context = item(0x20, bytes([1, 0, 0, 0]) + item(0x30, CT.encode()) + item(0x40, wire.IMPLICIT_LITTLE.encode()))
    body = b"\0\1\0\0" + TITLE.ljust(16).encode() + PEER.ljust(16).encode() + bytes(32)
    body += item(0x10, wire.APPLICATION_CONTEXT.encode()) + context + wire._user_information({})
    return bytes([1, 0]) + len(body).to_bytes(4, "big") + body
