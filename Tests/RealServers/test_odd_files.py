"""Files that break rules: sent as the rules want it, or refused with the reason before a server aborts at them."""

import struct

import pydicom

from harness import cases, images, servers
from harness.faulty import FaultyStoreSCP
from harness.programs import dcmscu

SECONDARY_CAPTURE = b"1.2.840.10008.5.1.4.1.1.7"
IMPLICIT, EXPLICIT = b"1.2.840.10008.1.2", b"1.2.840.10008.1.2.1"
BIG_ENDIAN, BASELINE = b"1.2.840.10008.1.2.2", b"1.2.840.10008.1.2.4.50"
LOCAL_FILES = 3
PIXEL_DATA = (0x7FE0, 0x0010)


def explicit(group, number, vr, value, order="<"):
    """An element whose length is that of its value, even or odd."""
    head = struct.pack(order + "HH", group, number) + vr
    if vr in (b"OB", b"OW", b"SQ", b"UN"):
        return head + struct.pack(order + "HI", 0, len(value)) + value
    return head + struct.pack(order + "H", len(value)) + value


def uid(text):
    return text + b"\0" * (len(text) % 2)


def meta(instance, syntax):
    group = explicit(2, 1, b"OB", b"\0\1") + explicit(2, 2, b"UI", uid(SECONDARY_CAPTURE))
    group += explicit(2, 3, b"UI", uid(instance)) + explicit(2, 0x10, b"UI", uid(syntax))
    return bytes(128) + b"DICM" + explicit(2, 0, b"UL", struct.pack("<I", len(group))) + group


def identity(instance, order="<"):
    body = explicit(8, 0x16, b"UI", uid(SECONDARY_CAPTURE), order) if instance else b""
    body += explicit(8, 0x18, b"UI", uid(instance), order) if instance else b""
    return body + explicit(8, 0x60, b"CS", b"OT", order)


def rest(pixels, order="<", patient=b"ODD1", between=b""):
    def short(number):
        return struct.pack(order + "H", number)

    body = between + explicit(0x10, 0x10, b"PN", b"ODD^FILE", order) + explicit(0x10, 0x20, b"LO", patient, order)
    body += explicit(0x20, 0x0D, b"UI", uid(b"2.25.99.1"), order) + explicit(0x20, 0x0E, b"UI", uid(b"2.25.99.1.1"), order)
    for number, value in [(2, 1), (0x10, 1), (0x11, 3), (0x100, 8), (0x101, 8), (0x102, 7), (0x103, 0)]:
        if number == 0x10:
            body += explicit(0x28, 4, b"CS", b"MONOCHROME2 ", order)
        body += explicit(0x28, number, b"US", short(value), order)
    return body + pixels


def fragments(*values):
    """Pixel Data of fragments, with an offset table of a frame for each."""
    offsets, place = [], 0
    for value in values:
        offsets.append(place)
        place += 8 + len(value)
    items = b"".join(
        struct.pack("<HHI", 0xFFFE, 0xE000, len(value)) + value
        for value in [struct.pack(f"<{len(offsets)}I", *offsets), *values]
    )
    head = struct.pack("<HH", *PIXEL_DATA) + b"OB\0\0\xff\xff\xff\xff"
    return head + items + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


def items(value):
    found = []
    while value[:4] == b"\xfe\xff\0\xe0":
        length = struct.unpack_from("<I", value, 4)[0]
        found.append(value[8 : 8 + length])
        value = value[8 + length :]
    return found


NATIVE_ODD = explicit(*PIXEL_DATA, b"OB", b"\1\2\3")
EVEN = explicit(*PIXEL_DATA, b"OB", b"\1\2\3\4")


class OddLengths(cases.RealServerTest):
    """PS3.5 7.1.1 and A.4, PS3.8 annex E.1: DCMTK's receivers and Orthanc abort at values and fragments of odd length."""

    def write(self, name, content):
        path = self.folder / "in" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        return path

    def write_three_kinds(self):
        self.write("native.dcm", meta(b"2.25.99.2", EXPLICIT) + identity(b"2.25.99.2") + rest(NATIVE_ODD))
        self.write(
            "text.dcm", meta(b"2.25.99.4", EXPLICIT) + identity(b"2.25.99.4") + rest(NATIVE_ODD, patient=b"ODD"))
        self.write(
            "jpeg.dcm",
            meta(b"2.25.99.3", BASELINE) + identity(b"2.25.99.3") + rest(fragments(b"\xff\xd8\xff", b"\xff\xd8\1\xff\xd9")),
        )

    def test_storescp_stores_them_with_padding(self):
        server = self.serve(servers.StoreSCP())
        self.write_three_kinds()
        run = dcmscu("--store", servers.LOOPBACK, server.port, self.folder / "in", expect=0)
        self.assert_names(run, "text.dcm: values of odd length were sent with a padding byte (PS3.5 7.1.1)", "3 stored")
        received = {str(images.meta(path).MediaStorageSOPInstanceUID): path for path in server.received()}
        self.assertEqual(set(received), {"2.25.99.2", "2.25.99.3", "2.25.99.4"})
        self.assertEqual(pydicom.dcmread(received["2.25.99.2"]).PixelData, b"\1\2\3\0")
        self.assertEqual(images.data_set_bytes(received["2.25.99.4"])[-4:], b"\1\2\3\0")
        table, *frames = items(pydicom.dcmread(received["2.25.99.3"]).PixelData)
        self.assertEqual(struct.unpack("<2I", table), (0, 12))
        self.assertEqual(frames, [b"\xff\xd8\xff\0", b"\xff\xd8\1\xff\xd9\0"])

    def test_orthanc_stores_them(self):
        server = self.serve(servers.Orthanc())
        self.write_three_kinds()
        dcmscu("--store", servers.LOOPBACK, server.port, self.folder / "in", expect=0)
        self.assertEqual(set(server.sop_instance_uids()), {"2.25.99.2", "2.25.99.3", "2.25.99.4"})

    def test_never_rewrite_pads_the_last_value_alone_and_says_why_others_are_not_sent(self):
        server = self.serve(servers.StoreSCP())
        self.write_three_kinds()
        run = dcmscu("--store", servers.LOOPBACK, server.port, self.folder / "in", "--never-rewrite", expect=1)
        self.assert_names(
            run, "2 stored, 1 failed", "text.dcm: has values of odd length: 2, which must be even (PS3.5 7.1.1)", "--never-rewrite"
        )

    def test_many_odd_ones_in_a_row_cost_nothing(self):
        server = self.serve(servers.StoreSCP())
        for number in range(11):
            instance = f"2.25.99.5.{number}".encode()
            pixels = NATIVE_ODD if number < 6 else EVEN
            self.write(f"{number:02}.dcm", meta(instance, EXPLICIT) + identity(instance) + rest(pixels))
        run = dcmscu("--store", servers.LOOPBACK, server.port, self.folder / "in", expect=0)
        self.assert_names(run, "11 stored")

    def test_a_file_that_a_server_aborts_at_costs_itself(self):
        server = FaultyStoreSCP(abort_first=6)
        self.addCleanup(server.stop)
        for number in range(11):
            instance = f"2.25.99.5.{number}".encode()
            self.write(f"{number:02}.dcm", meta(instance, EXPLICIT) + identity(instance) + rest(EVEN))
        run = dcmscu("--store", servers.LOOPBACK, server.port, self.folder / "in", expect=1)
        self.assert_names(run, "5 stored, 6 failed")
        # What it is about are the files, and no titles.
        self.assertNotIn("AE title", run.stderr)


class Contradictions(cases.RealServerTest):
    """Files that cannot be sent as they are, and those that others read and we did not."""

    @classmethod
    def setUpClass(cls):
        cls.server = cls.serve_all(servers.StoreSCP())

    def setUp(self):
        super().setUp()
        self.server.clear()

    def store(self, *names, **options):
        return dcmscu("--store", servers.LOOPBACK, self.server.port, *names, **options)

    def write(self, name, content):
        path = self.folder / name
        path.write_bytes(content)
        return path

    def test_a_data_set_without_uids_is_incomplete_unless_those_of_the_header_are_assumed(self):
        path = self.write("no-uid.dcm", meta(b"2.25.99.6", EXPLICIT) + identity(b"") + rest(EVEN))
        run = self.store(path, expect=LOCAL_FILES)
        self.assert_names(
            run, "no-uid.dcm: is incomplete: SOP Class UID and SOP Instance UID missing from the data set", "--assume-meta"
        )
        server = FaultyStoreSCP()
        self.addCleanup(server.stop)
        dcmscu("--store", servers.LOOPBACK, server.port, path, "--assume-meta", expect=0)
        self.assertEqual(list(server.stored), ["2.25.99.6"])

    def test_pixels_of_defined_length_in_an_encapsulated_syntax_are_refused_with_the_reason(self):
        path = self.write("defined.dcm", meta(b"2.25.99.7", BASELINE) + identity(b"2.25.99.7") + rest(EVEN))
        run = self.store(path, expect=LOCAL_FILES)
        self.assert_names(run, "defined.dcm: has pixels that are not encapsulated", "JPEG Baseline", "PS3.5 A.4")
        # That comes before what the server does not accept.
        server = FaultyStoreSCP(refuse_syntaxes=[BASELINE.decode()])
        self.addCleanup(server.stop)
        run = dcmscu("--store", servers.LOOPBACK, server.port, path, expect=LOCAL_FILES)
        self.assert_names(run, "defined.dcm: has pixels that are not encapsulated")

    def test_a_uid_that_is_too_long_is_named_before_it_is_sent_and_when_the_server_aborts(self):
        long = b"2.25." + b"9" * 63
        path = self.write("long.dcm", meta(long, EXPLICIT) + identity(long) + rest(EVEN))
        good = self.write("good.dcm", meta(b"2.25.99.8", EXPLICIT) + identity(b"2.25.99.8") + rest(EVEN))
        run = self.store(path, good, expect=1)
        why = "its SOP Instance UID has 68 characters, of which 64 are allowed (PS3.5 9.1)"
        self.assert_names(run, f"warning: {path}: {why}: the server may abort", "sent, but not answered", "1 stored")
        self.assertEqual(run.stderr.count(why), 2, run)
        self.assertLess(run.stderr.index("the server may abort"), run.stderr.index("not answered"))

    def test_group_0002_again_in_an_implicit_data_set_is_not_sent_with_it(self):
        def implicit(group, number, value):
            return struct.pack("<HHI", group, number, len(value)) + value

        instance = b"2.25.99.9"
        body = implicit(8, 0x16, uid(SECONDARY_CAPTURE)) + implicit(8, 0x18, uid(instance)) + implicit(0x10, 0x20, b"AB")
        again = implicit(2, 0x10, uid(IMPLICIT)) + implicit(2, 0x12, b"2.25.1")
        path = self.write("again.dcm", meta(instance, IMPLICIT) + again + body)
        self.store(path, expect=0)
        [received] = self.server.received()
        self.assertEqual(images.data_set_bytes(received), body)

    def test_empty_files_in_a_folder_are_passed_over_like_others_that_are_no_dicom(self):
        self.write("good.dcm", meta(b"2.25.99.10", EXPLICIT) + identity(b"2.25.99.10") + rest(EVEN))
        self.write(".gitkeep", b"")
        run = self.store(self.folder, expect=0)
        self.assert_names(run, "1 stored", "1 other file ignored")
        self.assert_names(self.store(self.folder / ".gitkeep", expect=LOCAL_FILES), "is empty")

    def test_private_representations_that_are_lost_are_a_warning(self):
        private = explicit(9, 0x10, b"LO", b"VENDOR") + explicit(9, 0x1001, b"DS", b"1.50")
        content = meta(b"2.25.99.11", EXPLICIT) + identity(b"2.25.99.11") + rest(EVEN, between=private)
        path = self.write("private.dcm", content)
        server = FaultyStoreSCP(refuse_syntaxes=[EXPLICIT.decode(), BIG_ENDIAN.decode()])
        self.addCleanup(server.stop)
        run = dcmscu("--store", servers.LOOPBACK, server.port, path, expect=0)
        self.assert_names(run, "warning: ", "value representations of private elements are lost", "1 stored (1 warning)")
        run = dcmscu("--store", servers.LOOPBACK, server.port, path, "--fail-on", "warning", expect=1)
        self.assert_names(run, "value representations of 1 private element are lost")
        # Where the syntax is taken, or nothing is lost, there is nothing to warn of.
        self.assertNotIn("warning", self.store(path, expect=0).stderr)
        plain = self.write("plain.dcm", meta(b"2.25.99.12", EXPLICIT) + identity(b"2.25.99.12") + rest(EVEN))
        self.assertNotIn("warning", dcmscu("--store", servers.LOOPBACK, server.port, plain, expect=0).stderr)

    def test_private_representations_are_kept_where_the_server_prefers_implicit_vr(self):
        """The server takes Implicit VR in every context that has it: the explicit syntax needs one of its own."""
        private = explicit(9, 0x10, b"LO", b"VENDOR") + explicit(9, 0x1001, b"DS", b"1.50")
        body = identity(b"2.25.99.13") + rest(EVEN, between=private)
        path = self.write("private.dcm", meta(b"2.25.99.13", EXPLICIT) + body)
        plain = self.write("plain.dcm", meta(b"2.25.99.14", EXPLICIT) + identity(b"2.25.99.14") + rest(EVEN))
        server = FaultyStoreSCP(prefers_implicit=True)
        self.addCleanup(server.stop)
        # Whichever comes first: the contexts are those of all.
        for files in ([path, plain], [plain, path]):
            server.stored.clear()
            run = dcmscu("--store", servers.LOOPBACK, server.port, *files, expect=0)
            self.assertNotIn("warning", run.stderr)
            self.assertEqual(server.stored["2.25.99.13"], body, run)
