"""Servers that send more than anybody can hold: the process says why it ended, within its time, its memory and its folder."""

import struct

from harness import cases, measured, scripted, servers, wire

CT = "1.2.840.10008.5.1.4.1.1.2"
PENDING = 0xFF00
FIND_RQ = 0x0020
FIND = ["--find", "--patient", "-k", "0010,0020", "-k", "0010,0010"]
GOOD = wire.element(0x0010, 0x0010, b"Nightingale^Florence") + wire.element(0x0010, 0x0020, b"ID 7")

# The most that a row may take, in seconds. What it waits for is far below; the rest is for a busy machine.
SECONDS = 60


def response(command, status, has_data_set=False):
    return wire.encode_command(
        field=command["field"] | wire.RESPONSE, answers=command["message_id"], status=status,
        data_set_type=0x0102 if has_data_set else 0x0101, affected_class=command["affected_class"],
    )  # fmt: skip


class Asked:
    """The association of a server, and what it was asked."""

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
    """Answers a request with the same bytes without an end; `data` is made of what was asked."""

    def act(_, connection):
        asked = Asked(connection)
        asked.flood(data(asked) * 64)

    return act


def at_once(data):
    """Instead of an answer to the A-ASSOCIATE-RQ."""

    def act(_, connection):
        scripted.request(connection)
        connection.sendall(data)
        while True:
            connection.sendall(bytes(1 << 16))

    return act


MEGABYTE = bytes(1 << 20)
NESTED = (struct.pack("<HHI", 0x0040, 0xA730, 0xFFFFFFFF) + struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)) * 100_000


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
            act, *FIND, code=1, words=["answer 1 cannot be read", "it has 104857608 bytes", "16777216 held"]
        )
        self.assertIn("Nightingale", run.stdout)

    def test_15_mb_in_one_element_are_shown_as_little_of_it(self):
        element = struct.pack("<HHI", 0x7FE0, 0x0010, 15 << 20)
        run = self.run_against(after([element, *[MEGABYTE] * 15]), *FIND, code=0, words=[])
        self.assertLess(len(run.stdout), 10_000)

    def test_a_million_tiny_elements(self):
        tiny = b"".join(struct.pack("<HHI", 0x0011, number, 0) for number in range(1, 60_000))
        run = self.run_against(after([tiny, tiny]), *FIND, code=1, words=["answer 1 cannot be read", "more than 100000"])
        self.assertIn("Nightingale", run.stdout)

    def test_100_000_levels_of_nesting(self):
        run = self.run_against(after([NESTED]), *FIND, code=1, words=["answer 1 cannot be read", "64 sequences"])
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
