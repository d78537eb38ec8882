"""--capture, --transcript and SSLKEYLOGFILE: what others can read of a run, without the patient and without privileges."""

import os
import pathlib
import re
import shutil
import signal
import stat
import tempfile

from harness import cases, certificates, images, programs, scripted, servers
from harness.practice import PracticeArchive, made_up_images
from harness.programs import dcmscu


def tshark(path, *arguments):
    """The lines of tshark, which is told nothing about ports."""
    return programs.run("tshark", "-r", path, *arguments, expect=0).stdout.splitlines()


def messages(path):
    """What Wireshark says of each DICOM packet."""
    return tshark(path, "-Y", "dicom", "-T", "fields", "-e", "_ws.col.Info")


def disk_faults(folder):
    """The library with which a call to the disk fails."""
    library = folder / "diskfaults.so"
    source = pathlib.Path(programs.__file__).with_name("diskfaults.c")
    programs.run("cc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl", expect=0)
    return library


def move_to_ourselves(archive, port, folder, *evidence):
    """Fills an archive, and has one study sent to our port."""
    files = made_up_images(folder / "images")
    dcmscu("--store", servers.LOOPBACK, archive.port, *files, expect=0)
    study = images.read(files[0]).StudyInstanceUID
    dcmscu(
        "--move", servers.LOOPBACK, archive.port, "--port-scp", port, "-k", f"StudyInstanceUID={study}",
        "-o", folder / "out", *evidence, expect=0,
    )  # fmt: skip


class EvidenceTest(cases.RealServerTest):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="dcmscu-evidence-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.file = self.folder / "run.pcapng"

    def assert_sound(self, path=None):
        """Wireshark finds no fault in the made-up headers, and nothing of the patient is in the file."""
        path = path or self.file
        self.assertEqual(tshark(path, "-Y", "tcp.analysis.flags"), [])
        checks = ["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"]
        bad = tshark(path, *checks, "-Y", "(tcp.checksum.status == 0 || ip.checksum.status == 0) && !frame.cap_len < frame.len")
        self.assertEqual(bad, [])
        self.assertEqual(tshark(path, "-Y", "_ws.malformed && !(frame.cap_len < frame.len)"), [])
        content = path.read_bytes()
        for secret in (b"CompressedSamples", b"1CT1", b"MRT1"):
            self.assertNotIn(secret, content)


class Captures(EvidenceTest):
    CT = "CT_small.dcm"

    def exchange(self, host, port, *options):
        """Echo, store and find, each with a section of its own."""
        dcmscu("--echo", host, port, "--capture", self.file, *options, expect=0)
        dcmscu("--store", host, port, images.image(self.CT).path, "--capture", self.file, *options, expect=0)
        run = dcmscu("--find", host, port, "-k", "PatientName=*^*", "-k", "StudyDate", "--capture", self.file, *options, expect=0)
        self.assertIn("CompressedSamples", run.stdout)

    def assert_exchange(self):
        said = "\n".join(messages(self.file))
        for word in (
            "A-ASSOCIATE request", "A-ASSOCIATE accept", "C-ECHO-RQ", "C-ECHO-RSP", "C-STORE-RQ", "C-STORE-RSP",
            "C-FIND-RQ", "C-FIND-RSP", "A-RELEASE request", "A-RELEASE response",
        ):  # fmt: skip
            self.assertIn(word, said)
        self.assert_sound()
        # The pixels are left out: the file has a part of the image's 39 KB.
        self.assertLess(self.file.stat().st_size, 30_000)
        cut = tshark(self.file, "-Y", "frame.cap_len < frame.len", "-T", "fields", "-e", "frame.len")
        self.assertGreater(sum(map(int, cut)), 32_768)

    def test_ipv4_and_ipv6_plain_and_inside_tls(self):
        authority = certificates.Authority(self.folder / "ca")
        certificate, key = authority.issue("server", names="DNS:localhost,IP:127.0.0.1,IP:::1")
        secured = ["--tls", "--tls-ca", authority.certificate]
        listening = ["--tls", "--tls-cert", certificate, "--tls-key", key, "--tls-ca", authority.certificate]
        for host in (servers.LOOPBACK, "::1"):
            for name, client, server in (("plain", [], []), ("TLS", secured, listening)):
                with self.subTest(host=host, over=name):
                    archive = self.serve(PracticeArchive(options=["--bind", "::" if ":" in host else host, *server]))
                    self.file.unlink(missing_ok=True)
                    self.exchange(host, archive.port, *client)
                    self.assert_exchange()
                    comments = "".join(tshark(self.file, "-T", "fields", "-e", "frame.comment"))
                    self.assertEqual("TLSv1" in comments, name == "TLS", comments)
                    field = "ipv6.addr" if ":" in host else "ip.addr"
                    ends = set(tshark(self.file, "-T", "fields", "-e", field, "-e", "tcp.dstport"))
                    self.assertTrue(any(str(archive.port) in end for end in ends), ends)
                    archive.stop()

    def test_against_orthanc_with_every_pixel(self):
        server = self.serve(servers.Orthanc())
        self.exchange(servers.LOOPBACK, server.port, "--capture-bytes", "100000000")
        said = "\n".join(messages(self.file))
        self.assertIn("CT Image Storage", said)
        self.assertEqual(tshark(self.file, "-Y", "frame.cap_len < frame.len"), [])
        # The elements of the instance, too, with the name masked in its length.
        elements = "\n".join(tshark(self.file, "-Y", "dicom", "-V"))
        self.assertRegex(elements, r"\(0010,0010\) +22 Patient's Name +\[PN\] \*{22}")
        self.assertRegex(elements, r"\(0028,0010\) +2 Rows +\[US\] 128")
        self.assert_sound()
        # All of the pixels, as they are in the file.
        pixels = images.data_set_bytes(images.image(self.CT).path)[-20_000:-19_000]
        self.assertIn(pixels, self.file.read_bytes())

    def test_patient_data_on_request_and_uids_always(self):
        server = self.serve(PracticeArchive())
        self.exchange(servers.LOOPBACK, server.port, "--log-phi")
        content = self.file.read_bytes()
        self.assertIn(b"CompressedSamples^CT1", content)
        self.assertIn(b"1.3.6.1.4.1.5962.1.2.1", content)
        self.file.unlink()
        self.exchange(servers.LOOPBACK, server.port)
        content = self.file.read_bytes()
        self.assertIn(b"1.3.6.1.4.1.5962.1.2.1", content)
        self.assertIn(b"*" * len("CompressedSamples^CT1"), content)

    def test_what_comes_to_our_port_is_in_it_and_what_an_archive_does(self):
        port = servers.free_port()
        other = self.folder / "archive.pcapng"
        archive = self.serve(PracticeArchive([("DCMSCU", port)], ["--capture", other]))
        move_to_ourselves(archive, port, self.folder, "--capture", self.file)
        archive.process.send_signal(signal.SIGTERM)
        archive.process.wait(programs.TIME_LIMIT)
        for path in (self.file, other):
            said = "\n".join(messages(path))
            for word in ("C-MOVE-RQ", "C-MOVE-RSP", "C-STORE-RQ", "C-STORE-RSP"):
                self.assertIn(word, said)
            self.assert_sound(path)
            ports = set("\t".join(tshark(path, "-T", "fields", "-e", "tcp.port")).replace("\t", ",").split(","))
            self.assertLessEqual({str(port), str(archive.port)}, ports)

    def test_the_bytes_that_are_received_do_not_depend_on_it(self):
        archive = self.serve(PracticeArchive())
        files = made_up_images(self.folder / "images")
        dcmscu("--store", servers.LOOPBACK, archive.port, *files, "--capture", self.file, "--jobs", 3, expect=0)
        self.assertEqual(
            {images.read(path).SOPInstanceUID for path in archive.stored()}, {images.read(path).SOPInstanceUID for path in files}
        )
        for path in archive.stored():
            match = next(one for one in files if images.read(one).SOPInstanceUID == images.read(path).SOPInstanceUID)
            self.assertEqual(images.data_set_bytes(path), images.data_set_bytes(match))
        self.assert_sound()

    def test_a_password_is_never_in_it(self):
        archive = self.serve(PracticeArchive())
        dcmscu(
            "--echo", servers.LOOPBACK, archive.port, "--capture", self.file, "--log-phi", "--user", "jane", "--passcode",
            "env:WORD", "--user-in-clear", "--user-unconfirmed", environment={"WORD": "open sesame"}, expect=0,
        )  # fmt: skip
        content = self.file.read_bytes()
        self.assertIn(b"*" * len("open sesame"), content)
        for secret in (b"jane", b"open sesame"):
            self.assertNotIn(secret, content)

    def test_only_a_capture_of_ours_is_added_to_and_it_is_the_owners(self):
        server = self.serve(PracticeArchive())
        echo = ["--echo", servers.LOOPBACK, server.port, "--capture"]
        previous = os.umask(0)
        self.addCleanup(os.umask, previous)
        dcmscu(*echo, self.file, expect=0)
        self.assertEqual(stat.S_IMODE(self.file.stat().st_mode), 0o600)
        count = len(messages(self.file))
        dcmscu(*echo, self.file, expect=0)
        self.assertEqual(len(messages(self.file)), 2 * count)
        foreign = self.folder / "foreign"
        for content in (images.image(self.CT).path.read_bytes(), b"\n\r\r\n" + bytes(200), b"a log\n"):
            foreign.write_bytes(content)
            self.assert_names(dcmscu(*echo, foreign, expect=3), "capture", "is not a capture of dcmscu")
            self.assertEqual(foreign.read_bytes(), content)

    def test_a_full_disk_ends_the_capture_and_not_the_run(self):
        server = self.serve(PracticeArchive())
        run = dcmscu(
            "--echo", servers.LOOPBACK, server.port, "--count", 3, "--interval", 0, "--capture", self.file,
            environment={"LD_PRELOAD": disk_faults(self.folder), "DISK_FAULT": "write:5:28:on"}, expect=0,
        )  # fmt: skip
        self.assertEqual(run.stderr.count("the capture"), 1, run)
        self.assertIn("no space left on device", run.stderr)
        self.assertEqual(len(tshark(self.file)), 3)

    def test_a_peer_that_speaks_http_is_seen(self):
        peer = scripted.Peer(scripted.says(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
        self.addCleanup(peer.stop)
        dcmscu("--echo", servers.LOOPBACK, peer.port, "--capture", self.file, expect=5)
        self.assertIn(b"HTTP/1.1 400 Bad Request", self.file.read_bytes())


class Transcripts(EvidenceTest):
    def setUp(self):
        super().setUp()
        self.text = self.folder / "run.txt"

    def lines(self):
        """Each line without its time."""
        lines = self.text.read_text().splitlines()
        for line in lines[3:]:
            self.assertRegex(line, r"^(run|#\d+) \+\d+\.\d{3} |^Transcript of |^peer: |^patient data ")
        return [re.sub(r" \+\d+\.\d{3}", "", line) for line in lines]

    def test_associations_messages_states_and_elements_without_the_patient(self):
        server = self.serve(servers.Orthanc())
        peer = [servers.LOOPBACK, server.port, "--transcript", self.text]
        dcmscu("--store", *peer, images.image("CT_small.dcm").path, expect=0)
        dcmscu("--find", *peer, "-k", "PatientName=CompressedSamples*", expect=0)
        self.assertEqual(stat.S_IMODE(self.text.stat().st_mode), 0o600)
        lines = self.lines()
        self.assertRegex(lines[0], r"^Transcript of dcmscu \d+\.\d+\.\d+, \d{4}-")
        self.assertEqual(lines[1], f"peer: ANY-SCP@{servers.LOOPBACK}:{server.port}")
        said = "\n".join(lines)
        for words in (
            "run start: dcmscu --store", "#1 connecting to", "#1 Evt2, connection open: Sta4 to Sta5 by AE-2",
            "Evt3, A-ASSOCIATE-AC received: Sta5 to Sta6 by AE-3", "#1 -> C-STORE-RQ 1, CT Image Storage",
            "#1    (0010,0010) PN [***]", "(0028,0010) US 128", "<- C-STORE-RSP 1", "status 0000H", "#1 -> A-RELEASE-RQ",
            "Sta7 to Sta1 by AR-3", "run end: exit code 0", "--find", "'PatientName=***'", "<- C-FIND-RSP 1",
        ):  # fmt: skip
            self.assertIn(words, said)
        for secret in ("CompressedSamples", "1CT1"):
            self.assertNotIn(secret, said)
        self.assertEqual(said.count("Transcript of dcmscu"), 2)

    def test_patient_data_on_request(self):
        server = self.serve(PracticeArchive())
        image = images.image("CT_small.dcm").path
        dcmscu("--store", servers.LOOPBACK, server.port, image, "--transcript", self.text, "--log-phi", expect=0)
        self.assertIn("PN [CompressedSamples^CT1 ]", self.text.read_text())

    def test_a_failure_with_its_hint_and_both_sides_of_a_retrieval(self):
        dcmscu("--echo", servers.LOOPBACK, servers.free_port(), "--transcript", self.text, expect=4)
        said = "\n".join(self.lines())
        for words in ("connection refused", "hint: nothing listens", "end: exit code 4"):
            self.assertIn(words, said)
        port = servers.free_port()
        archive = self.serve(PracticeArchive([("DCMSCU", port)]))
        move_to_ourselves(archive, port, self.folder, "--transcript", self.text)
        said = "\n".join(self.lines())
        for words in ("-> C-MOVE-RQ", "<- C-STORE-RQ", "-> C-STORE-RSP", "Evt5, connection of the peer: Sta1 to Sta2 by AE-5"):
            self.assertIn(words, said)
        # The association of the instances is another one than that of the request.
        move = next(line for line in self.lines() if "-> C-MOVE-RQ" in line).split()[0]
        store = next(line for line in self.lines() if "<- C-STORE-RQ" in line).split()[0]
        self.assertNotEqual(move, store)

    def test_another_file_is_never_written_to(self):
        self.text.write_text("my notes\n")
        run = dcmscu("--echo", servers.LOOPBACK, servers.free_port(), "--transcript", self.text, expect=3)
        self.assert_names(run, "is not a transcript of dcmscu")
        self.assertEqual(self.text.read_text(), "my notes\n")

    def test_a_full_disk_ends_a_transcript_and_not_the_run(self):
        server = self.serve(PracticeArchive())
        run = dcmscu(
            "--echo", servers.LOOPBACK, server.port, "--transcript", self.text, expect=0,
            environment={"LD_PRELOAD": disk_faults(self.folder), "DISK_FAULT": "write:5:28:on"},
        )  # fmt: skip
        self.assertEqual(run.stderr.count("the transcript"), 1, run)
        self.assertIn("no space left on device", run.stderr)


class KeyLogs(EvidenceTest):
    def test_the_secrets_of_both_sides_go_to_the_file_of_the_environment(self):
        authority = certificates.Authority(self.folder / "ca")
        certificate, key = authority.issue("server")
        own = self.folder / "server.keys"
        os.environ["SSLKEYLOGFILE"] = str(own)
        try:
            listening = ["--tls", "--tls-cert", certificate, "--tls-key", key, "--tls-ca", authority.certificate]
            server = self.serve(PracticeArchive(options=listening))
        finally:
            del os.environ["SSLKEYLOGFILE"]
        keys = self.folder / "client.keys"
        echo = ["--echo", servers.LOOPBACK, server.port, "--tls", "--tls-ca", authority.certificate]
        run = dcmscu(*echo, environment={"SSLKEYLOGFILE": keys}, expect=0)
        self.assert_names(run, "SSLKEYLOGFILE", str(keys))
        lines = keys.read_text().splitlines()
        self.assertIn("CLIENT_TRAFFIC_SECRET_0", {line.split()[0] for line in lines})
        self.assertEqual(stat.S_IMODE(keys.stat().st_mode), 0o600)
        # Both sides know the same secrets.
        self.assertLessEqual(set(lines), set(own.read_text().splitlines()))
        keys.write_bytes(images.image("CT_small.dcm").path.read_bytes())
        content = keys.read_bytes()
        self.assert_names(dcmscu(*echo, environment={"SSLKEYLOGFILE": keys}, expect=0), "SSLKEYLOGFILE", "not a log of TLS secrets")
        self.assertEqual(keys.read_bytes(), content)
