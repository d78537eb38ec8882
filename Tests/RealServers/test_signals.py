"""SIGINT, SIGTERM, SIGHUP and SIGKILL at each stage: an orderly end or A-ABORT within a second, nothing half is left, 130, 143 or 129."""

import fcntl
import os
import pathlib
import pty
import signal
import socket
import struct
import subprocess
import termios
import threading
import time

from pydicom.dataset import Dataset

from harness import cases, certificates, findpeer, programs, servers, webpeer
from test_hostile import compiler

INTERRUPTED = 130
TERMINATED = 143
HUNG_UP = 129
NEWLINE = b"\n"

# The design's limit is one second; the rest is for a busy machine. Without a signal's help these runs last 30 s and more.
AT_ONCE = 8.0


def pdu(kind, body):
    return struct.pack(">BBI", kind, 0, len(body)) + body


def received(connection):
    """One PDU, or nothing when the client has gone."""
    header = b""
    while len(header) < 6:
        more = connection.recv(6 - len(header))
        if not more:
            return None, b""
        header += more
    body = b""
    length = struct.unpack(">I", header[2:])[0]
    while len(body) < length:
        more = connection.recv(length - len(body))
        if not more:
            return None, b""
        body += more
    return header[0], body


def acceptance(request):
    """Takes every context in its first transfer syntax."""
    body = request[:68] + b"\x10\x00\x00\x151.2.840.10008.3.1.1.1"
    offset = 68
    while offset + 4 <= len(request):
        kind, length = request[offset], struct.unpack(">H", request[offset + 2 : offset + 4])[0]
        item = request[offset + 4 : offset + 4 + length]
        if kind == 0x20:
            inner = 4
            while item[inner] != 0x40:
                inner += 4 + struct.unpack(">H", item[inner + 2 : inner + 4])[0]
            end = inner + 4 + struct.unpack(">H", item[inner + 2 : inner + 4])[0]
            result = bytes([item[0], 0, 0, 0]) + item[inner:end]
            body += struct.pack(">BBH", 0x21, 0, len(result)) + result
        offset += 4 + length
    user = b"\x51\x00\x00\x04\x00\x00\x40\x00" + b"\x52\x00\x00\x051.2.3"
    return pdu(2, body + struct.pack(">BBH", 0x50, 0, len(user)) + user)


class StuckServer:
    """Serves a client up to a stage, then stops; records the bytes that the client sends afterwards."""

    def __init__(self, stage):
        self.stage = stage
        self.reached = threading.Event()
        self.go_on = threading.Event()
        self.heard = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        connection, _ = self.listener.accept()
        with connection:
            try:
                self._talk(connection)
            except OSError:
                pass

    def _talk(self, connection):
        if self.stage == "handshake":
            # The first byte of the ClientHello, and then nothing more.
            connection.recv(1)
            self.reached.set()
            while connection.recv(1 << 16):
                pass
            return
        kind, request = received(connection)
        if self.stage == "association":
            return self._wait(connection)
        connection.sendall(acceptance(request))
        if self.stage == "transfer":
            # Reads a little of the instance, then nothing until the client has been told to stop.
            connection.recv(100_000)
            self.reached.set()
            self.go_on.wait(20)
            rest = b""
            while more := connection.recv(1 << 20):
                rest = (rest + more)[-100:]
            self.heard.append(("end", rest))
            return
        _, message = received(connection)
        if self.stage == "release":
            # C-ECHO-RSP 1, success.
            body = b"".join(
                struct.pack("<HHIH", 0, number, 2, value)
                for number, value in ((0x0100, 0x8030), (0x0120, 1), (0x0800, 0x0101), (0x0900, 0))
            )
            command = struct.pack("<HHII", 0, 0, 4, len(body)) + body
            connection.sendall(pdu(4, struct.pack(">IBB", len(command) + 2, message[4], 3) + command))
            received(connection)
        self._wait(connection)

    def _wait(self, connection):
        self.reached.set()
        while True:
            kind, body = received(connection)
            if kind is None:
                return
            self.heard.append((kind, body))

    def close(self):
        self.go_on.set()
        self.listener.close()
        self.thread.join(5)


class Signals(cases.RealServerTest):
    def setUp(self):
        super().setUp()
        # Where a program leaves things that it should not.
        self.scratch = self.folder / "scratch"
        self.scratch.mkdir()

    def start(self, *arguments, **variables):
        process = subprocess.Popen(
            [programs.dcmscu_path(), *map(str, arguments)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=self.scratch,
            env={**os.environ, "LC_ALL": "C.UTF-8", "DCMSCU_CONFIG": "/dev/null", "TMPDIR": str(self.scratch), **variables},
        )  # fmt: skip
        self.addCleanup(process.kill)
        return process

    def stop(self, process, server, *signals):
        """Sends the signals one after the other; exit code and seconds from the last one to the end."""
        server.client = process
        self.assertTrue(server.reached.wait(20), "the server was not asked")
        programs.wait_until_heard(process.pid)
        programs.send_signals(process.pid, *signals)
        started = time.monotonic()
        server.go_on.set()
        _, err = process.communicate(timeout=30)
        seconds = time.monotonic() - started
        server.close()
        self.assertEqual(list(self.scratch.iterdir()), [], err)
        return process.returncode, seconds, err.decode()

    def large_file(self):
        path = self.folder / "large.dcm"
        meta = b"\x02\x00\x02\x00UI\x1a\x001.2.840.10008.5.1.4.1.1.2\x00" + b"\x02\x00\x03\x00UI\x08\x001.2.3.4\x00"
        meta += b"\x02\x00\x10\x00UI\x14\x001.2.840.10008.1.2.1\x00"
        data = b"\x08\x00\x16\x00UI\x1a\x001.2.840.10008.5.1.4.1.1.2\x00" + b"\x08\x00\x18\x00UI\x08\x001.2.3.4\x00"
        pixels = 64 << 20
        data += b"\xe0\x7f\x10\x00OW\x00\x00" + struct.pack("<I", pixels)
        header = bytes(128) + b"DICM\x02\x00\x00\x00UL\x04\x00" + struct.pack("<I", len(meta)) + meta + data
        with open(path, "wb") as file:
            file.write(header)
            file.truncate(len(header) + pixels)
        return path

    def test_while_the_association_is_waited_for(self):
        for one, code in ((signal.SIGINT, INTERRUPTED), (signal.SIGTERM, TERMINATED)):
            server = StuckServer("association")
            process = self.start("--echo", "127.0.0.1", server.port)
            found, seconds, err = self.stop(process, server, one)
            self.assertEqual(found, code, err)
            self.assertLess(seconds, AT_ONCE)
            self.assertIn("interrupted", err)

    def test_while_an_answer_is_waited_for(self):
        for arguments in (("--echo",), ("--find", "--patient", "-k", "0010,0020")):
            for one, code in ((signal.SIGINT, INTERRUPTED), (signal.SIGTERM, TERMINATED)):
                server = StuckServer("answer")
                process = self.start(*arguments, "127.0.0.1", server.port)
                found, seconds, err = self.stop(process, server, one, one)
                self.assertEqual(found, code, err)
                self.assertLess(seconds, AT_ONCE)
                # A-ABORT, or A-RELEASE-RQ where the first signal could be followed at once.
                self.assertTrue(server.heard and server.heard[-1][0] in (5, 7), f"{server.heard} {err}")

    def test_in_the_middle_of_an_instance(self):
        path = self.large_file()
        for one, code in ((signal.SIGINT, INTERRUPTED), (signal.SIGTERM, TERMINATED)):
            server = StuckServer("transfer")
            process = self.start("--store", "127.0.0.1", server.port, path)
            found, seconds, err = self.stop(process, server, one, one)
            self.assertEqual(found, code, err)
            self.assertLess(seconds, AT_ONCE)
            # The PDU that had begun was sent to its end, followed by A-ABORT.
            self.assertEqual(server.heard[-1][1][-10:-4], b"\x07\x00\x00\x00\x00\x04", err)

    def test_while_incoming_instances_are_waited_for(self):
        output = self.folder / "out"
        server = StuckServer("answer")
        process = self.start(
            "--move", "--study", "-k", "0020,000D=1.2.3", "--no-check", "--port-scp", servers.free_port(), "-o", output,
            "127.0.0.1", server.port,
        )  # fmt: skip
        found, seconds, err = self.stop(process, server, signal.SIGINT, signal.SIGINT)
        self.assertEqual(found, INTERRUPTED, err)
        self.assertLess(seconds, AT_ONCE)
        self.assertEqual(list(pathlib.Path(output).rglob("*")), [])

    def test_while_a_named_pipe_or_the_standard_input_is_read(self):
        """Nothing has begun that would have to be brought to its end: the first signal is enough."""
        peer = ["127.0.0.1", "1"]
        pipe = self.folder / "pipe"
        os.mkfifo(pipe)
        for options in (
            ["--find", *peer, "--config", pipe], ["--find", *peer, "--query", pipe],
            ["--get", *peer, "--from-list", pipe], ["--get", *peer, "--from-list", "-"], ["--find", *peer, "--query", "-"],
            ["--echo", "--tls", "--tls-cert", pipe, "--tls-key-password", f"file:{pipe}", *peer],
            ["--echo", "--tls", "--tls-ca", pipe, *peer], ["--echo", "--tls", "--tls-cert", pipe, *peer],
            ["--echo", "--tls", "--tls-ca", self.certificate(), "--tls-crl", pipe, *peer],
            ["--echo", "--tls", "--tls-cert", self.certificate(), "--tls-key", pipe, *peer],
        ):  # fmt: skip
            for one, code in ((signal.SIGINT, INTERRUPTED), (signal.SIGTERM, TERMINATED), (signal.SIGHUP, HUNG_UP)):
                with self.subTest(f"{options} {one.name}"):
                    process = subprocess.Popen(
                        [programs.dcmscu_path(), *map(str, options)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                        stderr=subprocess.PIPE, cwd=self.scratch, env={**os.environ, "DCMSCU_CONFIG": "/dev/null"},
                    )  # fmt: skip
                    self.addCleanup(process.kill)
                    if "-" in options:
                        # More than the pipe holds: when it is written, it is being read.
                        process.stdin.write(b"\n" * 300_000)
                        process.stdin.flush()
                    else:
                        writing = self.writing_end(pipe)
                        self.addCleanup(os.close, writing)
                    process.send_signal(one)
                    self.assertEqual(process.wait(AT_ONCE), code)
                    process.communicate()

    def certificate(self):
        return certificates.self_signed(self.folder, "any")[0]

    def test_while_another_process_keeps_the_transaction_file_locked(self):
        known = self.folder / "known"
        for one, code in ((signal.SIGINT, INTERRUPTED), (signal.SIGTERM, TERMINATED), (signal.SIGHUP, HUNG_UP)):
            for options in (["--listen"], [servers.LOOPBACK, "1", self.large_file()]):
                with self.subTest(f"{options[0]} {one.name}"), open(known, "ab") as locked:
                    fcntl.flock(locked, fcntl.LOCK_EX)
                    line = ["--stgcmt", "--transaction", known, "--port-scp", servers.free_port(), *options]
                    process = self.start(*line)
                    self.opens(process, known)
                    started = time.monotonic()
                    process.send_signal(one)
                    _, err = process.communicate(timeout=programs.TIME_LIMIT)
                    self.assertEqual(process.returncode, code, err)
                    # It would have waited for ten seconds.
                    self.assertLess(time.monotonic() - started, AT_ONCE)
                    self.assertIn(b"another process keeps it locked", err)

    def opens(self, process, path):
        """Waits until the process has the file open."""
        limit = time.monotonic() + programs.TIME_LIMIT
        folder = pathlib.Path(f"/proc/{process.pid}/fd")
        while True:
            try:
                if any(entry.resolve() == path.resolve() for entry in folder.iterdir()):
                    return
            except OSError:
                pass  # It was closed meanwhile.
            self.assertIsNone(process.poll(), "it ended")
            self.assertLess(time.monotonic(), limit, "it does not open the file")
            time.sleep(0.01)

    def writing_end(self, pipe):
        """Of a named pipe that somebody reads or is about to read."""
        limit = time.monotonic() + programs.TIME_LIMIT
        while True:
            try:
                return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
            except OSError:
                if time.monotonic() > limit:
                    raise
                time.sleep(0.01)

    def test_a_hangup_that_was_ignored_at_the_start_stays_ignored(self):
        # As under nohup.
        server = StuckServer("answer")
        process = subprocess.Popen(
            ["nohup", programs.dcmscu_path(), "--echo", "127.0.0.1", str(server.port)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=self.scratch,
            env={**os.environ, "DCMSCU_CONFIG": "/dev/null"},
        )  # fmt: skip
        self.addCleanup(process.kill)
        self.assertTrue(server.reached.wait(20), "the server was not asked")
        os.kill(process.pid, signal.SIGHUP)
        with self.assertRaises(subprocess.TimeoutExpired):
            process.wait(1)
        found, _, err = self.stop(process, server, signal.SIGTERM, signal.SIGTERM)
        self.assertEqual(found, TERMINATED, err)

    def test_while_a_name_is_looked_up(self):
        """Name servers that never answer."""
        library = self.folder / "hanglookup.so"
        source = pathlib.Path(programs.__file__).with_name("hanglookup.c")
        programs.run(compiler(), "-shared", "-fPIC", "-O1", "-o", library, source, expect=0)
        name = "pacs.example"
        for options in (
            ["--echo", name, 104], ["--find", name, 104, "-k", "PatientID"], ["--store", name, 104, self.large_file()],
            ["--get", name, 104, "-k", "PatientID=1"], ["--doctor", name, 104], ["--find", f"http://{name}/", "-k", "PatientID"],
            ["--serve", self.folder / "archive", "--port-scp", servers.free_port(), "--bind", name],
        ):  # fmt: skip
            for one, code in ((signal.SIGINT, INTERRUPTED), (signal.SIGTERM, TERMINATED), (signal.SIGHUP, HUNG_UP)):
                with self.subTest(f"{options[0]} {one.name}"):
                    reached = self.folder / "reached"
                    reached.unlink(missing_ok=True)
                    process = self.start(*options, LD_PRELOAD=library, REACHED=reached)
                    limit = time.monotonic() + programs.TIME_LIMIT
                    while not reached.exists() and process.poll() is None and time.monotonic() < limit:
                        time.sleep(0.01)
                    self.assertTrue(reached.exists(), "no name was looked up")
                    process.send_signal(one)
                    _, err = process.communicate(timeout=AT_ONCE)
                    self.assertEqual(process.returncode, code, err)

    def test_while_a_web_server_is_waited_for(self):
        """It has the request, and says nothing: nobody can take that back, and the first signal ends it."""
        file, out = self.large_file(), self.folder / "out"
        for options in (
            ["--echo"], ["--find", "-k", "PatientID"], ["--get", "-k", "StudyInstanceUID=1.2.3", "-o", out], ["--store", file],
            ["--stgcmt", file], ["--doctor"],
        ):  # fmt: skip
            for one, code in ((signal.SIGINT, INTERRUPTED), (signal.SIGTERM, TERMINATED), (signal.SIGHUP, HUNG_UP)):
                reached = threading.Event()

                def silent(*_):
                    reached.set()
                    peer.hold()

                with self.subTest(f"{options[0]} {one.name}"), webpeer.WebPeer(silent, raw=True) as peer:
                    process = self.start(options[0], peer.url, *options[1:])
                    self.assertTrue(reached.wait(programs.TIME_LIMIT), "the server was not asked")
                    process.send_signal(one)
                    _, err = process.communicate(timeout=AT_ONCE)
                    self.assertEqual(process.returncode, code, err)
                    self.assertEqual([path for path in out.rglob("*") if path.is_file()], [], err)

    def test_while_a_folder_without_an_end_is_read(self):
        """One that is very large or slow: also the account of what was not sent does not hold the run."""
        library = self.folder / "endlessfolder.so"
        source = pathlib.Path(programs.__file__).with_name("endlessfolder.c")
        programs.run(compiler(), "-shared", "-fPIC", "-O1", "-o", library, source, expect=0)
        endless = self.folder / "endless"
        endless.mkdir()
        for number in range(10):
            (endless / f"{number}").touch()
        peer = ["127.0.0.1", "1"]
        for options in (
            ["--store", *peer, endless], ["--store", "-r", *peer, self.folder], ["--stgcmt", *peer, endless],
            ["--serve", endless, "--port-scp", servers.free_port()],
        ):  # fmt: skip
            for one, code in ((signal.SIGINT, INTERRUPTED), (signal.SIGTERM, TERMINATED), (signal.SIGHUP, HUNG_UP)):
                with self.subTest(f"{options[0]} {one.name}"):
                    reached = self.folder / "reached"
                    reached.unlink(missing_ok=True)
                    process = self.start(*options, LD_PRELOAD=library, REACHED=reached, ENDLESS=endless)
                    limit = time.monotonic() + programs.TIME_LIMIT
                    while not reached.exists() and process.poll() is None and time.monotonic() < limit:
                        time.sleep(0.01)
                    self.assertTrue(reached.exists(), "the folder was not read")
                    process.send_signal(one)
                    _, err = process.communicate(timeout=AT_ONCE)
                    self.assertEqual(process.returncode, code, err)

    def test_while_a_request_of_commitment_is_not_answered(self):
        """Nobody can take it back (PS3.7 10.1.4 has no cancel): the first signal ends it."""
        for one, code in ((signal.SIGINT, INTERRUPTED), (signal.SIGTERM, TERMINATED), (signal.SIGHUP, HUNG_UP)):
            for options in ([], ["--port-scp", servers.free_port()]):
                with self.subTest(f"{options} {one.name}"):
                    server = StuckServer("answer")
                    process = self.start("--stgcmt", *options, "127.0.0.1", server.port, self.large_file())
                    found, seconds, err = self.stop(process, server, one)
                    self.assertEqual(found, code, err)
                    self.assertLess(seconds, AT_ONCE)
                    self.assertIn("1 without a report", err)

    # MARK: Output that nobody reads

    def patients(self, count):
        for number in range(count):
            match = Dataset()
            match.QueryRetrieveLevel = "PATIENT"
            match.PatientName = f"Doe^{number}"
            match.PatientID = f"id-{number:08}"
            yield match

    def find_of_thousands(self):
        peer = findpeer.FindPeer(list(self.patients(20_000)))
        self.addCleanup(peer.stop)
        return ["--find", "--patient", "-k", "PatientName", "-k", "PatientID", servers.LOOPBACK, peer.port]

    def full(self, ends):
        """Waits until the descriptor holds what the kernel keeps for a reader: no more comes for half a second."""
        held, since, limit = -1, time.monotonic(), time.monotonic() + programs.TIME_LIMIT
        while time.monotonic() - since < 0.5:
            self.assertLess(time.monotonic(), limit, "no end of the output")
            waiting = struct.unpack("i", fcntl.ioctl(ends, termios.FIONREAD, bytes(4)))[0]
            if waiting != held or not waiting:
                held, since = waiting, time.monotonic()
            time.sleep(0.02)
        self.assertGreater(held, 2000)

    def test_output_that_nobody_reads_ends_at_the_first_signal(self):
        """A pipe, a socket and a terminal in the place of the standard output; a pipe in that of the standard error, of the log and
        of the transcript; and where nobody is called."""
        query = self.find_of_thousands()
        fifo = self.folder / "fifo"
        os.mkfifo(fifo)
        cases = [
            ("pipe", os.pipe, "stdout", query), ("socket", self.sockets, "stdout", query), ("terminal", pty.openpty, "stdout", query),
            ("error", os.pipe, "stderr", [*query, "--debug"]), ("both", os.pipe, "both", [*query, "--debug"]),
            ("log", None, fifo, [*query, "--debug", "--log-file", fifo]),
            ("transcript", None, fifo, [*query, "--transcript", fifo]), ("manual", os.pipe, "stdout", ["--generate", "man"]),
        ]  # fmt: skip
        codes = {signal.SIGTERM: TERMINATED, signal.SIGINT: INTERRUPTED, signal.SIGHUP: HUNG_UP}
        for name, make, stream, arguments in cases:
            for one in codes if name == "pipe" else [signal.SIGTERM]:
                with self.subTest(f"{name} {one.name}"):
                    # What only prints a text leaves signals to the system.
                    self.ends_at_the_first(one, -one if name == "manual" else codes[one], make, stream, arguments)

    def sockets(self):
        reading, writing = socket.socketpair()
        return reading.detach(), writing.detach()

    def ends_at_the_first(self, one, code, make, stream, arguments):
        null = subprocess.DEVNULL
        streams = {"stdout": null, "stderr": null}
        if make:
            reading, writing = make()
            streams = {key: writing if stream in (key, "both") else null for key in streams}
        else:
            reading, writing = os.open(stream, os.O_RDONLY | os.O_NONBLOCK), None
        process = subprocess.Popen(
            [programs.dcmscu_path(), *map(str, arguments)], stdin=null, cwd=self.scratch, **streams,
            env={**os.environ, "LC_ALL": "C.UTF-8", "DCMSCU_CONFIG": "/dev/null"},
        )  # fmt: skip
        self.addCleanup(process.kill)
        try:
            self.full(reading)
            self.assertIsNone(process.poll(), "it waited for nobody")
            process.send_signal(one)
            self.assertEqual(process.wait(AT_ONCE), code)
        finally:
            process.kill()
            process.wait()
            os.close(reading)
            if writing is not None:
                os.close(writing)

    def test_what_was_received_is_written_to_a_reader_that_goes_on(self):
        process = self.start(*self.find_of_thousands(), "--format", "csv")
        self.full(process.stdout.fileno())
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=programs.TIME_LIMIT)
        self.assertEqual(process.returncode, TERMINATED, err)
        self.assertIn(f"interrupted after {out.count(NEWLINE) - 1} matches", err.decode())

    # MARK: Every signal at every stage

    def stages(self):
        """(name, how many signals end it at once, server, arguments): each run is started anew."""
        large = self.large_file()
        find = ["--find", "--patient", "-k", "0010,0020"]
        move = ["--move", "--study", "-k", "0020,000D=1.2.3", "--no-check", "-o", self.folder / "out"]
        yield "connect", 1, FullBacklog, ["--echo"], []
        yield "handshake", 1, lambda: StuckServer("handshake"), ["--echo", "--tls", "--tls-insecure"], []
        yield "association", 1, lambda: StuckServer("association"), ["--echo"], []
        yield "answer", 2, lambda: StuckServer("answer"), find, []
        yield "sub-association", 2, lambda: StuckServer("answer"), [*move, "--port-scp", servers.free_port()], []
        yield "transfer", 2, lambda: StuckServer("transfer"), ["--store"], [large]
        yield "release", 2, lambda: StuckServer("release"), ["--echo"], []

    def test_every_signal_at_every_stage(self):
        for name, count, make, before, after in self.stages():
            for one, code in (
                (signal.SIGINT, INTERRUPTED), (signal.SIGTERM, TERMINATED), (signal.SIGHUP, HUNG_UP),
                (signal.SIGKILL, -signal.SIGKILL),
            ):  # fmt: skip
                with self.subTest(stage=name, signal=one.name):
                    server = make()
                    process = self.start(*before, "127.0.0.1", server.port, *after)
                    # SIGPIPE is no request to stop: the run goes on.
                    found, seconds, err = self.stop(
                        process, server, signal.SIGPIPE, *[one] * (1 if one == signal.SIGKILL else count)
                    )
                    self.assertEqual(found, code, err)
                    self.assertLess(seconds, AT_ONCE, err)
                    if "-o" in before:
                        self.assertEqual(list((self.folder / "out").rglob("*")), [], err)


class FullBacklog:
    """A port whose queue is full and never served: further connections are dropped, as by a firewall."""

    def __init__(self):
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(0)
        self.port = self.listener.getsockname()[1]
        self.fillers = [socket.socket() for _ in range(3)]
        for filler in self.fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", self.port))
        self.go_on = threading.Event()

    @property
    def reached(self):
        return self

    def wait(self, seconds):
        """Until the process waits for its connection."""
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            # SYN_SENT is 02; the inode is the tenth field.
            fields = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()]
            waiting = {f"socket:[{line[9]}]" for line in fields if line[3] == "02"}
            if waiting & set(self._open()):
                return True
            time.sleep(0.01)
        return False

    def _open(self):
        for entry in pathlib.Path(f"/proc/{self.client.pid}/fd").iterdir():
            try:
                yield os.readlink(entry)
            except FileNotFoundError:
                pass

    def close(self):
        for one in (self.listener, *self.fillers):
            one.close()
