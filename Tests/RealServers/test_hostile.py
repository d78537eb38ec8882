"""Hostile servers, callers and surroundings: the process says why it ended, within its time, its memory and its folder."""

import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import tempfile
import time

import pydicom

from harness import cases, certificates, findpeer, images, measured, programs, scripted, servers, wire
from harness.practice import PracticeArchive
from harness.heldmove import HeldMove, instance, request_bytes, store_request
from harness.programs import dcmscu

CT = "1.2.840.10008.5.1.4.1.1.2"
PENDING = 0xFF00
FIND_RQ = 0x0020
FIND = ["--find", "--patient", "-k", "0010,0020", "-k", "0010,0010"]
GOOD = wire.element(0x0010, 0x0010, b"Nightingale^Florence") + wire.element(0x0010, 0x0020, b"ID 7")

# The most that a row may take, in seconds. Its waits are far shorter; the rest is for a busy machine.
SECONDS = 60
MEGABYTE = bytes(1 << 20)
NESTED = (struct.pack("<HHI", 0x0040, 0xA730, 0xFFFFFFFF) + struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)) * 100_000
CROWD = 1000
SUCCESS, OUT_OF_RESOURCES = 0x0000, 0xA700

# A peer that behaves is served within this time, in seconds, however many others do not; the rest is for a busy machine.
SERVED = 30
DAY = 86_400


def response(command, status, has_data_set=False):
    return wire.encode_command(
        field=command["field"] | wire.RESPONSE, answers=command["message_id"], status=status,
        data_set_type=0x0102 if has_data_set else 0x0101, affected_class=command["affected_class"],
    )  # fmt: skip


class Asked:
    """The association of a server, and the request on it."""

    def __init__(self, connection):
        self.association = wire.Association.accept(connection)
        self.command, _ = self.association.receive()
        self.context = next(iter(self.association.contexts))
        self.connection = connection

    def pdv(self, header, data):
        return struct.pack(">BBIIBB", 4, 0, len(data) + 6, len(data) + 2, self.context, header) + data

    def answer(self, *pieces):
        """A pending response whose identifier comes in these pieces."""
        pieces = list(pieces)
        self.connection.sendall(self.pdv(3, response(self.command, PENDING, True)))
        for number, piece in enumerate(pieces):
            self.connection.sendall(self.pdv(2 if number == len(pieces) - 1 else 0, piece))

    def succeed(self):
        self.connection.sendall(self.pdv(3, response(self.command, 0)))
        self.association.receive()

    def flood(self, data):
        while True:
            self.connection.sendall(data)


def after(*answers):
    """Answers a query with identifiers, each a list of pieces, then a good one, then success."""

    def act(_, connection):
        asked = Asked(connection)
        for pieces in [*answers, [GOOD]]:
            asked.answer(*pieces)
        asked.succeed()

    return act


def flooding(data):
    """Answers a request with the same bytes without end; `data` makes them from the request."""

    def act(_, connection):
        asked = Asked(connection)
        asked.flood(data(asked) * 64)

    return act


def then_silent(data):
    """Answers a request once, and says nothing more."""

    def act(peer, connection):
        asked = Asked(connection)
        connection.sendall(data(asked))
        peer.hold()

    return act


def at_once(data):
    """Instead of an answer to the A-ASSOCIATE-RQ."""

    def act(_, connection):
        scripted.request(connection)
        connection.sendall(data)
        while True:
            connection.sendall(bytes(1 << 16))

    return act


class Memory(cases.RealServerTest):
    def run_against(self, act, *arguments, code, words, files=()):
        peer = scripted.Peer(act)
        self.addCleanup(peer.stop)
        run = measured.dcmscu(*arguments, servers.LOOPBACK, peer.port, *files, expect=code, timeout=SECONDS)
        self.assert_names(run, *words)
        self.assertLess(run.peak, measured.PEAK_MEMORY, run)
        return run

    def test_100_mb_in_one_element(self):
        element = struct.pack("<HHI", 0x7FE0, 0x0010, 100 << 20)
        act = after([element, *[MEGABYTE] * 100])
        run = self.run_against(
            act, *FIND, code=1, words=["match 1 cannot be read", "it has 104857608 bytes", "16777216 held"]
        )
        self.assertIn("Nightingale", run.stdout)

    def test_15_mb_in_one_element_are_shown_as_little_of_it(self):
        element = struct.pack("<HHI", 0x7FE0, 0x0010, 15 << 20)
        run = self.run_against(after([element, *[MEGABYTE] * 15]), *FIND, code=0, words=[])
        self.assertLess(len(run.stdout), 10_000)

    def test_a_million_tiny_elements(self):
        tiny = b"".join(struct.pack("<HHI", 0x0011, number, 0) for number in range(1, 60_000))
        run = self.run_against(after([tiny, tiny]), *FIND, code=1, words=["match 1 cannot be read", "more than 100000"])
        self.assertIn("Nightingale", run.stdout)

    def test_100_000_levels_of_nesting(self):
        run = self.run_against(after([NESTED]), *FIND, code=1, words=["match 1 cannot be read", "64 sequences"])
        self.assertIn("Nightingale", run.stdout)

    def test_an_identifier_without_an_end(self):
        def act(_, connection):
            asked = Asked(connection)
            asked.answer(GOOD)
            asked.connection.sendall(asked.pdv(3, response(asked.command, PENDING, True)))
            asked.flood(asked.pdv(0, MEGABYTE))

        run = self.run_against(act, *FIND, code=5, words=["more than 268435456 bytes", "PS3.7 6.3"])
        self.assertIn("Nightingale", run.stdout)

    def test_pending_without_an_end(self):
        act = flooding(lambda asked: asked.pdv(3, response(asked.command, PENDING, True)) + asked.pdv(2, GOOD))
        run = self.run_against(act, *FIND, "--total-timeout", 2, code=8, words=["time limit passed"])
        self.assertIn("Nightingale", run.stdout)

    def test_a_query_that_ignores_c_cancel_is_aborted_soon(self):
        match = lambda asked: asked.pdv(3, response(asked.command, PENDING, True)) + asked.pdv(2, GOOD)  # noqa: E731
        for act in (flooding(match), then_silent(match)):
            run = self.run_against(act, *FIND, "--limit", 1, code=0, words=[])
            self.assertIn("Nightingale", run.stdout)
            # Two seconds for C-CANCEL, and what a busy machine needs.
            self.assertLess(run.seconds, 15, run)

    def test_a_move_that_is_pending_without_an_end(self):
        act = flooding(lambda asked: asked.pdv(3, response(asked.command, PENDING)))
        self.run_against(
            act, "--move", "--study", "-k", "0020,000d=1.2.3", "--move-destination", "ELSEWHERE", "--no-check",
            "--total-timeout", 2, code=8, words=["time limit passed"],
        )  # fmt: skip

    def test_command_fragments_without_an_end(self):
        self.run_against(
            flooding(lambda asked: asked.pdv(1, bytes(4096))), "--echo", code=5, words=["command set of more than"]
        )
        self.run_against(flooding(lambda asked: asked.pdv(1, b"")), "--echo", code=5, words=["empty fragments"])

    def test_a_control_pdu_of_4_gb(self):
        for kind in (2, 3, 5, 7):
            with self.subTest(kind):
                self.run_against(at_once(struct.pack(">BBI", kind, 0, 0xFFFFFFFF)), "--echo", code=5, words=["4294967295"])

    def test_a_control_pdu_just_below_its_limit(self):
        self.run_against(at_once(struct.pack(">BBI", 2, 0, 1 << 20)), "--echo", code=5, words=["broke the protocol"])

    def test_a_server_that_talks_on_and_reads_nothing(self):
        large = self.folder / "large.dcm"
        meta = b"\x02\x00\x02\x00UI\x1a\x00" + CT.encode() + b"\0" + b"\x02\x00\x03\x00UI\x08\x001.2.3.4\x00"
        meta += b"\x02\x00\x10\x00UI\x12\x001.2.840.10008.1.2\x00"
        head = wire.element(8, 0x16, wire.uid(CT)) + wire.element(8, 0x18, b"1.2.3.4\0")
        head += struct.pack("<HHI", 0x7FE0, 0x0010, 256 << 20)
        with open(large, "wb") as file:
            file.write(bytes(128) + b"DICM\x02\x00\x00\x00UL\x04\x00" + struct.pack("<I", len(meta)) + meta + head)
            file.truncate(file.tell() + (256 << 20))

        def act(_, connection):
            association = wire.Association.accept(connection)
            context = next(iter(association.contexts))
            while True:
                connection.sendall(struct.pack(">BBIIBB", 4, 0, 16_006, 16_002, context, 1) + bytes(16_000))

        self.run_against(act, "--store", "--timeout", 1, code=8, words=["time limit passed", "0 stored"], files=[large])

    def test_a_deflated_file_that_swells(self):
        import zlib

        deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
        head = b"\x08\x00\x16\x00UI\x1a\x00" + CT.encode() + b"\0" + b"\x08\x00\x18\x00UI\x08\x001.2.3.4\0"
        data = deflater.compress(head + b"\xe0\x7f\x10\x00OW\0\0" + struct.pack("<I", 0xFFFFFFF0))
        for _ in range(100):
            data += deflater.compress(MEGABYTE)
        data += deflater.flush()
        meta = b"\x02\x00\x02\x00UI\x1a\x00" + CT.encode() + b"\0" + b"\x02\x00\x03\x00UI\x08\x001.2.3.4\x00"
        meta += b"\x02\x00\x10\x00UI\x16\x001.2.840.10008.1.2.1.99"
        bomb = self.folder / "bomb.dcm"
        bomb.write_bytes(
            bytes(128) + b"DICM\x02\x00\x00\x00UL\x04\x00" + struct.pack("<I", len(meta)) + meta + data
        )
        peer = servers.StoreSCP()
        self.serve(peer)
        run = measured.dcmscu("--store", servers.LOOPBACK, peer.port, bomb, expect=3, timeout=SECONDS)
        self.assert_names(run, "bomb.dcm", "truncated")
        self.assertLess(run.peak, measured.PEAK_MEMORY, run)

    def test_an_object_of_10_gb_that_is_announced_and_cut(self):
        def act(_, connection):
            asked = Asked(connection)
            if asked.command["field"] == FIND_RQ:
                # Which classes there are is not told.
                return asked.succeed()
            context = next(id for id, name in asked.association.contexts.items() if name == CT)
            store = wire.encode_command(
                field=wire.STORE, message_id=7, affected_class=CT, affected_instance="1.2.3.4", data_set_type=0x0102
            )
            connection.sendall(struct.pack(">BBIIBB", 4, 0, len(store) + 6, len(store) + 2, context, 3) + store)
            head = wire.element(8, 0x16, wire.uid(CT)) + wire.element(8, 0x18, b"1.2.3.4\0")
            head += struct.pack("<HHI", 0x7FE0, 0x0010, 0xFFFFFFFF)
            # Three fragments of more than 3 GB, in PDUs that say they have 1 GB.
            head += struct.pack("<HHI", 0xFFFE, 0xE000, 0) + struct.pack("<HHI", 0xFFFE, 0xE000, 0xE0000000)
            connection.sendall(struct.pack(">BBIIBB", 4, 0, 1 << 30, (1 << 30) - 4, context, 0) + head)
            for _ in range(100):
                connection.sendall(MEGABYTE)

        output = self.folder / "out"
        run = self.run_against(
            act, "--get", "--study", "-k", "0020,000d=1.2.3", "--no-check", "-o", output, code=4, words=["closed"]
        )
        self.assertEqual(list(output.rglob("*")), [], run)


def make_room():
    """This process has one end of each connection."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CROWD + 200
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))


class Callers(cases.RealServerTest):
    def setUp(self):
        super().setUp()
        make_room()
        self.output = self.folder / "out"

    def held(self, *options, output=None, **limits):
        move = HeldMove(output or self.output, *options, **limits)
        self.addCleanup(move.stop)
        return move

    def connect(self, move, data=b""):
        connection = socket.create_connection((servers.LOOPBACK, move.port), timeout=wire.LIMIT)
        self.addCleanup(connection.close)
        if data:
            connection.sendall(data)
        return connection

    def assert_serves(self, move, uid):
        started = time.monotonic()
        self.assertEqual(move.store(uid), SUCCESS, move.said)
        self.assertLess(time.monotonic() - started, SERVED)
        self.assertIn(f"{uid}.dcm", move.files())

    def assert_settles(self, move, before):
        """Descriptors and threads are again as many as before."""
        limit = time.monotonic() + wire.LIMIT
        while any(now > then for now, then in zip(move.open, before)) and time.monotonic() < limit:
            time.sleep(0.05)
        self.assertTrue(all(now <= then for now, then in zip(move.open, before)), f"{before}, then {move.open}")

    def assert_ends_well(self, move, uids):
        self.assertLess(move.peak, measured.PEAK_MEMORY)
        self.assertEqual(move.files(), sorted(f"{uid}.dcm" for uid in uids))
        self.assertEqual(move.finish(len(uids)), 0, move.said)
        for line in move.said.splitlines():
            self.assertTrue(line.startswith(("dcmscu: ", "hint: ")), move.said)

    # MARK: Crowds

    def test_a_thousand_connections_that_say_nothing(self):
        move = self.held()
        self.assert_serves(move, "1.2.1")
        before = move.open
        crowd = [self.connect(move) for _ in range(CROWD)]
        self.assert_serves(move, "1.2.2")
        for connection in crowd:
            connection.close()
        self.assert_settles(move, before)
        self.assert_ends_well(move, ["1.2.1", "1.2.2"])

    def test_two_hundred_that_say_a_byte_a_second(self):
        move = self.held()
        self.assert_serves(move, "1.2.1")
        before = move.open
        request = request_bytes()
        crowd = [self.connect(move) for _ in range(200)]
        for number in range(3):
            for connection in crowd:
                connection.sendall(request[number : number + 1])
            time.sleep(1)
        self.assert_serves(move, "1.2.2")
        for connection in crowd:
            connection.close()
        self.assert_settles(move, before)
        self.assert_ends_well(move, ["1.2.1", "1.2.2"])

    def test_an_association_a_millisecond(self):
        move = self.held()
        self.assert_serves(move, "1.2.1")
        before = move.open
        data = request_bytes() + struct.pack(">BBII", 7, 0, 4, 0)
        for _ in range(CROWD):
            with socket.create_connection((servers.LOOPBACK, move.port), timeout=wire.LIMIT) as connection:
                connection.sendall(data)
        self.assert_serves(move, "1.2.2")
        self.assert_settles(move, before)
        self.assert_ends_well(move, ["1.2.1", "1.2.2"])

    def test_descriptors_used_up(self):
        move = self.held(files=48)
        self.assert_serves(move, "1.2.1")
        before = move.open
        crowd = [self.connect(move) for _ in range(100)]
        self.assert_serves(move, "1.2.2")
        for connection in crowd:
            connection.close()
        self.assert_settles(move, before)
        self.assert_ends_well(move, ["1.2.1", "1.2.2"])

    # MARK: Instances

    def begin(self, move, uid, size):
        """An instance of which so many bytes come, in PDUs of 1 GiB that are not whole."""
        association = move.associate()
        command = wire.encode_command(data_set_type=0x0102, **store_request(uid))
        association._send_pdv(1, 3, command)
        association.connection.sendall(struct.pack(">BBIIBB", 4, 0, 1 << 30, (1 << 30) - 4, 1, 0))
        data = instance(uid, 0)[:-4] + struct.pack("<I", 0xFFFFFFFF)
        data += struct.pack("<HHI", 0xFFFE, 0xE000, 0) + struct.pack("<HHI", 0xFFFE, 0xE000, 0xE0000000) * 3
        association.connection.sendall(data + bytes(max(0, size - len(data))))
        return association

    def test_an_object_of_10_gb_is_announced_and_cut(self):
        move = self.held()
        self.assert_serves(move, "1.2.1")
        before = move.open
        for end in (wire.Association.cut, wire.Association.abort, lambda association: association.connection.close()):
            end(self.begin(move, "1.2.9", 8 << 20))
        self.assert_settles(move, before)
        self.assert_serves(move, "1.2.2")
        self.assert_ends_well(move, ["1.2.1", "1.2.2"])

    def test_a_disk_that_is_full(self):
        """A file may have 1 MB, as if the disk were full: the peer gets a failure, and smaller instances are still stored."""
        move = self.held(longest=1 << 20)
        self.assert_serves(move, "1.2.1")
        self.assertEqual(move.store("1.2.9", 3 << 20), OUT_OF_RESOURCES)
        self.assert_serves(move, "1.2.2")
        self.assertEqual(move.files(), ["1.2.1.dcm", "1.2.2.dcm"])
        self.assertEqual(move.finish(3), 3, move.said)
        self.assertRegex(move.said, r"1\.2\.9\.dcm: .*no space left")

    def test_a_folder_that_vanishes(self):
        move = self.held()
        self.assert_serves(move, "1.2.1")
        shutil.rmtree(self.output)
        self.assertEqual(move.store("1.2.2"), OUT_OF_RESOURCES)
        self.assertFalse(self.output.exists())
        self.assertEqual(move.finish(2), 3, move.said)
        self.assertIn("1.2.2.dcm", move.said)

    def test_a_folder_that_becomes_read_only(self):
        # Root may write everywhere: the program runs as the user nobody then.
        identity = None
        if os.geteuid() == 0:
            program = pathlib.Path(tempfile.mkdtemp(prefix="dcmscu-nobody-"))
            self.addCleanup(shutil.rmtree, program)
            program.chmod(0o755)
            shutil.copy(programs.dcmscu_path(), program / "dcmscu")
            (program / "dcmscu").chmod(0o755)
            identity = (65534, program / "dcmscu")
        self.folder.chmod(0o755)
        self.output.mkdir()
        self.output.chmod(0o777)
        move = self.held(identity=identity)
        self.assert_serves(move, "1.2.1")
        self.output.chmod(0o555)
        self.assertEqual(move.store("1.2.2"), OUT_OF_RESOURCES)
        self.assertEqual(move.files(), ["1.2.1.dcm"])
        self.output.chmod(0o755)
        self.assertEqual(move.finish(2), 3, move.said)
        self.assertRegex(move.said, r"1\.2\.2\.dcm: .*cannot be written")

    def test_a_folder_below_that_is_a_link(self):
        elsewhere = self.folder / "elsewhere"
        elsewhere.mkdir()
        self.output.mkdir()
        (self.output / "below").symlink_to(elsewhere)
        move = self.held("--name", "below/{SOPInstanceUID}.dcm")
        self.assertEqual(move.store("1.2.1"), OUT_OF_RESOURCES)
        self.assertEqual(list(elsewhere.iterdir()), [])
        self.assertEqual(move.finish(1), 3, move.said)
        self.assertIn("symbolic link, which is not followed", move.said)

    # MARK: Signals in the middle of an instance

    def test_a_signal_in_the_middle_of_an_instance_leaves_nothing(self):
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            with self.subTest(number):
                move = self.held()
                association = self.begin(move, "1.2.9", 4 << 20)
                self.assert_serves(move, "1.2.1")
                programs.send_signals(move.pid, number, number)
                started = time.monotonic()
                # A-ABORT as the last word, within a second; the rest is for a busy machine.
                self.assertEqual(association.connection.recv(100)[:6], bytes([7, 0, 0, 0, 0, 4]))
                self.assertLess(time.monotonic() - started, 8)
                association.connection.close()
                self.assertEqual(move.process.wait(wire.LIMIT), code, move.said)
                self.assertEqual(move.files(), ["1.2.1.dcm"])
                os.unlink(self.output / "1.2.1.dcm")

    def test_sigkill_in_the_middle_of_an_instance_leaves_nothing_that_looks_whole(self):
        move = self.held()
        self.assert_serves(move, "1.2.1")
        association = self.begin(move, "1.2.9", 4 << 20)
        self.assert_serves(move, "1.2.2")
        move.kill()
        move.process.wait(wire.LIMIT)
        association.connection.close()
        whole = ["1.2.1.dcm", "1.2.2.dcm"]
        self.assertEqual([name for name in move.files() if not name.startswith(".dcmscu-")], whole)
        # On a file system without unnamed files, the next run removes the remains.
        after = self.held()
        self.assertEqual(after.files(), whole)
        self.assert_serves(after, "1.2.3")
        self.assertEqual(after.finish(1), 0, after.said)

    def test_sigpipe_in_the_middle_of_an_instance_changes_nothing(self):
        move = self.held()
        association = move.associate()
        association._send_pdv(1, 3, wire.encode_command(data_set_type=0x0102, **store_request("1.2.1")))
        data = instance("1.2.1", 1000)
        association._send_pdv(1, 0, data[:500])
        move.kill(signal.SIGPIPE)
        association._send_pdv(1, 2, data[500:])
        self.assertEqual(association.receive()[0]["status"], SUCCESS)
        association.release()
        self.assert_ends_well(move, ["1.2.1"])


class OverTLS(cases.RealServerTest):
    """The practice archive's port is answered by the same code as the receiver's."""

    def setUp(self):
        super().setUp()
        make_room()
        authority = certificates.Authority(self.folder / "authority")
        certificate, key = authority.issue("server")
        self.port = servers.free_port()
        self.context = ssl.create_default_context(cafile=str(authority.certificate))
        archive = self.folder / "archive"
        archive.mkdir()
        self.process = subprocess.Popen(
            [
                programs.dcmscu_path(), "--serve", str(archive), "--port-scp", str(self.port), "--bind", servers.LOOPBACK,
                "--tls", "--tls-cert", str(certificate), "--tls-key", str(key), "--tls-ca", str(authority.certificate),
            ],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=measured.environment(),
        )  # fmt: skip
        self.addCleanup(self.process.wait)
        self.addCleanup(self.process.kill)
        self.echo = ["--echo", "--tls", "--tls-ca", authority.certificate, servers.LOOPBACK, self.port]
        limit = time.monotonic() + wire.LIMIT
        while programs.dcmscu(*self.echo).code != 0:
            self.assertLess(time.monotonic(), limit, "the archive does not answer")

    def open(self):
        process = pathlib.Path(f"/proc/{self.process.pid}")
        return len(os.listdir(process / "fd")), len(os.listdir(process / "task"))

    def test_a_thousand_frozen_handshakes_keep_nobody_waiting(self):
        before = self.open()
        crowd = []
        for number in range(CROWD):
            connection = socket.create_connection((servers.LOOPBACK, self.port), timeout=wire.LIMIT)
            self.addCleanup(connection.close)
            if number % 4 == 1:
                # The beginning of a ClientHello.
                connection.sendall(bytes.fromhex("16 03 01 02 00 01 00 01 fc 03 03") + bytes(32))
            if number % 10 == 2:
                connection = self.context.wrap_socket(connection, server_hostname="localhost")
                self.addCleanup(connection.close)
            if number % 20 == 3:
                connection = self.context.wrap_socket(connection, server_hostname="localhost")
                self.addCleanup(connection.close)
                connection.sendall(request_bytes()[:-9])
            crowd.append(connection)
        programs.dcmscu(*self.echo, expect=0)
        # None of them has a thread for which others would have to wait.
        self.assertLess(self.open()[1], before[1] + 10)
        (line,) = [
            line for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines() if "VmHWM" in line
        ]
        self.assertLess(int(line.split()[1]) * 1024, measured.PEAK_MEMORY)
        for connection in crowd:
            connection.close()
        limit = time.monotonic() + wire.LIMIT
        while any(now > then for now, then in zip(self.open(), before)) and time.monotonic() < limit:
            time.sleep(0.05)
        self.assertTrue(all(now <= then for now, then in zip(self.open(), before)), f"{before}, then {self.open()}")


def compiler():
    """The one that Swift has beside it, or the system's."""
    swift = shutil.which("swift")
    beside = pathlib.Path(swift).resolve().parent / "clang" if swift else None
    found = shutil.which("cc") or shutil.which("clang") or (str(beside) if beside and beside.exists() else None)
    if not found:
        raise AssertionError("no C compiler is installed, and Swift has one")
    return found


class Clock(cases.RealServerTest):
    def setUp(self):
        super().setUp()
        library = self.folder / "clockjump.so"
        source = pathlib.Path(programs.__file__).with_name("clockjump.c")
        programs.run(compiler(), "-shared", "-fPIC", "-O1", "-o", library, source, expect=0)
        self.loaded = self.folder / "loaded"
        self.preload = {"LD_PRELOAD": library, "LOADED": self.loaded}

    def run_with_jump(self, seconds, *arguments, code):
        run = dcmscu(*arguments, environment={**self.preload, "JUMP": seconds}, expect=code, timeout=SECONDS)
        self.assertTrue(self.loaded.exists(), "the clock was not replaced")
        return run

    def test_a_clock_set_back_or_forward_makes_no_wait_longer(self):
        peer = scripted.Peer(scripted.says_nothing)
        self.addCleanup(peer.stop)
        for jump in (-DAY, DAY):
            run = self.run_with_jump(jump, "--echo", "--timeout", 1, servers.LOOPBACK, peer.port, code=8)
            self.assertGreater(run.seconds, 0.9, run)

    def test_a_clock_set_forward_or_back_makes_no_wait_shorter(self):
        def act(_, connection):
            association = wire.Association.accept(connection)
            command, _ = association.receive()
            time.sleep(1)
            association.send(dict(field=command["field"] | wire.RESPONSE, answers=command["message_id"], status=0))
            association.receive()

        peer = scripted.Peer(act)
        self.addCleanup(peer.stop)
        for jump in (-DAY, DAY):
            self.run_with_jump(
                jump, "--echo", "--timeout", 20, "--total-timeout", 25, servers.LOOPBACK, peer.port, code=0
            )


class Surroundings(cases.RealServerTest):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.serve_all(servers.StoreSCP())

    def echo_in(self, environment):
        line = [programs.dcmscu_path(), "--echo", servers.LOOPBACK, str(self.server.port)]
        run = subprocess.run(line, capture_output=True, timeout=SECONDS, env=environment, cwd=self.folder)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_a_small_stack(self):
        for kilobytes in (30, 60, 200):
            with self.subTest(kilobytes):
                line = f'ulimit -s {kilobytes}; exec "$@"'
                echo = [programs.dcmscu_path(), "--echo", servers.LOOPBACK, self.server.port]
                # The other one does every operation, in both roles.
                for arguments in (echo, [programs.dcmscu_path(), "--self-test"]):
                    programs.run("sh", "-c", line, "sh", *arguments, expect=0, environment={"DCMSCU_CONFIG": "/dev/null"})

    def test_no_home(self):
        for home in ({}, {"HOME": ""}, {"HOME": "not/absolute"}, {"HOME": "/nowhere/at/all"}, {"HOME": "/dev/null"}):
            with self.subTest(home):
                self.echo_in({"PATH": os.environ.get("PATH", ""), **home})
        self.echo_in({})

    def test_a_system_without_proc(self):
        library, refused = self.folder / "noproc.so", self.folder / "refused"
        source = pathlib.Path(programs.__file__).with_name("noproc.c")
        programs.run(compiler(), "-shared", "-fPIC", "-O1", "-o", library, source, expect=0)
        environment = {"LD_PRELOAD": library, "REFUSED": refused}
        made = self.folder / "made"
        dcmscu("--self-test", "--images", made, expect=0)
        files = sorted(made.glob("*.dcm"))
        archive = self.serve(PracticeArchive())
        for line in (
            ["--echo", servers.LOOPBACK, archive.port], ["--store", servers.LOOPBACK, archive.port, *files],
            ["--get", servers.LOOPBACK, archive.port, "-k", "PatientID=*", "-o", self.folder / "out"],
        ):  # fmt: skip
            with self.subTest(line[0]):
                dcmscu(*line, environment=environment, expect=0)
        received = [path for path in (self.folder / "out").rglob("*") if path.is_file()]
        self.assertEqual(len(received), len(files))
        self.assertEqual({images.data_set_bytes(path) for path in received} - {images.data_set_bytes(path) for path in files}, set())
        # It asked for something there, and did without.
        self.assertIn("/proc/", refused.read_text())

    def test_an_unknown_locale(self):
        answer = pydicom.Dataset()
        answer.SpecificCharacterSet = "ISO_IR 192"
        answer.PatientName = "Müller"
        for locale in ("xx_YY.bogus", "C", "", "../../etc/passwd", "\x1b[31m", "de_DE." + "8" * 5000):
            with self.subTest(locale):
                peer = findpeer.FindPeer([answer])
                self.addCleanup(peer.stop)
                run = dcmscu(
                    "--find", "--patient", "-k", "0010,0010", servers.LOOPBACK, peer.port, expect=0, timeout=SECONDS,
                    environment={"LC_ALL": locale, "LANG": locale},
                )  # fmt: skip
                self.assertIn("M", run.stdout)
                self.assertNotIn("\x1b", run.said)


class Arguments(cases.RealServerTest):
    # The system takes no single one that is longer than 128 KiB.
    LONGEST = "A" * 131_000

    @classmethod
    def setUpClass(cls):
        cls.server = cls.serve_all(servers.StoreSCP())

    def test_one_argument_as_long_as_the_system_takes(self):
        peer = [servers.LOOPBACK, self.server.port]
        for code, arguments in (
            (2, ["--echo", "--call", self.LONGEST, *peer]),
            (2, [f"--{self.LONGEST}", *peer]),
            (2, ["--find", "--patient", "-k", f"PatientName={self.LONGEST}", *peer]),
            (2, ["--find", "--patient", "-k", f"{self.LONGEST}=1", *peer]),
            (2, ["--echo", "--timeout", "9" * 131_000, *peer]),
            (4, ["--echo", self.LONGEST, self.server.port]),
            (3, ["--store", *peer, "/" + self.LONGEST]),
        ):
            with self.subTest(arguments[1][:20]):
                run = measured.dcmscu(*arguments, expect=code, timeout=SECONDS)
                self.assertLess(len(run.stderr), 20_000)
                self.assertLess(run.peak, measured.PEAK_MEMORY, run)

    def test_a_megabyte_of_arguments(self):
        self.server.clear()
        good = images.image("CT_small.dcm").path
        missing = ["/nowhere/" + f"{'x' * 200}/" * 4 + f"{number:05}" for number in range(1300)]
        self.assertGreater(sum(map(len, missing)), 1_000_000)
        run = measured.dcmscu(
            "--store", "-V", servers.LOOPBACK, self.server.port, *missing, good, expect=1, timeout=2 * SECONDS
        )
        self.assert_names(run, "1 stored", "1300 failed", missing[0], missing[-1])
        self.assertEqual(len(self.server.received()), 1)
        self.assertLess(run.peak, measured.PEAK_MEMORY)


class Vanishing(cases.RealServerTest):
    def test_files_that_vanish_between_scan_and_sending(self):
        """They vanish while the association is requested: open files are sent, the others are named as failed."""
        folder = self.folder / "in"
        folder.mkdir()
        template = images.image("CT_small.dcm")
        old = template.sop_instance.encode()
        for number in range(300):
            uid = old[:-5] + f"{number:05}".encode()
            (folder / f"{number:05}.dcm").write_bytes(template.path.read_bytes().replace(old, uid))
        stored = []

        def act(_, connection):
            for path in sorted(folder.iterdir())[10:]:
                path.unlink(missing_ok=True)
            association = wire.Association.accept(connection)
            while True:
                command, data = association.receive()
                stored.append(command["affected_instance"])
                association.send(
                    dict(
                        field=command["field"] | wire.RESPONSE, answers=command["message_id"], status=0,
                        affected_class=command["affected_class"], affected_instance=command["affected_instance"],
                    )
                )  # fmt: skip

        peer = scripted.Peer(act)
        self.addCleanup(peer.stop)
        run = dcmscu("--store", servers.LOOPBACK, peer.port, folder, expect=1, timeout=SECONDS)
        self.assertGreaterEqual(len(set(stored)), 10)
        self.assert_names(run, f"{len(stored)} stored", f"{300 - len(stored)} failed", "no such file")


class TableOfProofs(cases.RealServerTest):
    def test_every_proof_that_hostile_md_names_is_there(self):
        tests = programs.REPOSITORY / "Tests"
        code = {path: path.read_text() for path in tests.rglob("*") if path.suffix in (".py", ".swift")}
        # Megabytes, which no message should show.
        everything = "\n".join(code.values())
        table = [line for line in (tests / "HOSTILE.md").read_text().splitlines() if line.startswith("| ")]
        self.assertGreater(len(table), 40)
        where = None
        for line in table:
            for proof in re.findall(r"`([^`]+)`", line.split("|")[2]):
                with self.subTest(proof):
                    if proof.endswith(".py"):
                        self.assertTrue(any(path.name == proof for path in code))
                    elif "." in proof:
                        # A table of rows: `.rows` is one more of the type before it.
                        where, rows = (proof.split(".")[0] or where), proof.split(".")[1]
                        (source,) = [text for path, text in code.items() if path.name == f"{where}.swift"]
                        self.assertTrue(f"static let {rows}" in source)
                    elif proof.startswith("test_"):
                        self.assertTrue(f"def {proof}(self" in everything)
                    elif " " in proof:
                        self.assertTrue(f"func `{proof}`" in everything)
                    else:
                        self.assertTrue(any(path.name == f"{proof}.swift" for path in code))
