"""Strangers and peers at the receiver's port, many and malicious: who behaves is served, and nothing stays open or on disk."""

import os
import pathlib
import resource
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import tempfile
import time

from harness import cases, certificates, measured, programs, servers, wire
from harness.heldmove import CT, TITLE, HeldMove, instance, request_bytes, store_request

CROWD = 1000
SUCCESS, OUT_OF_RESOURCES = 0x0000, 0xA700
# A peer that behaves is served within this time, in seconds, however many others do not; the rest is for a busy machine.
SERVED = 30


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
        """A file may have 1 MB, as if no more room were left: the peer is told, and what fits is stored on."""
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
        # What root may write cannot be told from what it may not: the program runs as nobody then.
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
        # Where the file system knows no files without a name, the next run removes what is left.
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
