"""Bad input: a message that names it, the exit code of the table, and the good files of the same run still go."""

from harness import cases, images, loading, servers
from harness.programs import dcmscu

SOME_FAILED = 1
USAGE = 2
LOCAL_FILES = 3


class BadFiles(cases.RealServerTest):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.serve_all(servers.StoreSCP())

    def setUp(self):
        super().setUp()
        self.server.clear()
        self.good = [images.image("CT_small.dcm"), images.image("MR_small_RLE.dcm")]

    def store_between_good_ones(self, bad):
        run = dcmscu(
            "--store", servers.LOOPBACK, self.server.port, self.good[0].path, bad, self.good[1].path,
            expect=SOME_FAILED,
        )  # fmt: skip
        self.assert_names(run, bad.name)
        found = {str(images.meta(path).MediaStorageSOPInstanceUID) for path in self.server.received()}
        self.assertEqual(found, {image.sop_instance for image in self.good}, run)
        for image in self.good:
            self.assertNotIn(image.name, run.stderr, run)
        return run

    def bad_files(self):
        text = self.folder / "notes.txt"
        text.write_text("These are notes, and no DICOM file.\n" * 100)
        empty = self.folder / "empty.dcm"
        empty.touch()
        zeros = self.folder / "zeros.dcm"
        zeros.write_bytes(bytes(5000))
        header = self.folder / "header-only.dcm"
        header.write_bytes(bytes(128) + b"DICM")
        cut = self.folder / "cut.dcm"
        cut.write_bytes(images.image("CT_small.dcm").path.read_bytes()[:-1000])
        return [text, empty, zeros, header, cut]

    def test_a_file_that_is_not_dicom(self):
        for bad in self.bad_files():
            self.server.clear()
            self.store_between_good_ones(bad)

    def test_the_truncated_real_files(self):
        for name in sorted(images.TRUNCATED):
            self.server.clear()
            run = self.store_between_good_ones(images.image(name).path)
            self.assert_names(run, "truncated")

    def test_a_missing_file(self):
        run = self.store_between_good_ones(self.folder / "missing.dcm")
        self.assert_names(run, "no such file")

    def test_nothing_but_bad_files_is_exit_code_3(self):
        bad = [*self.bad_files(), self.folder / "missing.dcm"]
        run = dcmscu("--store", servers.LOOPBACK, self.server.port, *bad, expect=LOCAL_FILES)
        self.assert_names(run, *(path.name for path in bad))
        self.assertEqual(self.server.received(), [])

    def test_an_empty_folder_is_exit_code_3_and_no_hang(self):
        (self.folder / "nothing").mkdir()
        dcmscu("--store", servers.LOOPBACK, self.server.port, self.folder / "nothing", expect=LOCAL_FILES)


class BadOutput(cases.RealServerTest):
    def test_an_output_folder_that_cannot_be_is_exit_code_3(self):
        port_scp = servers.free_port()
        server = self.serve(servers.DcmQRSCP([("DCMSCU", port_scp)]))
        image = images.archive_images()[0]
        loading.load_dcmqrscp(server, [image])
        # Below a regular file nobody can write, not even root.
        (self.folder / "file").write_text("not a folder")
        for operation in (["--get"], ["--move", "--port-scp", port_scp]):
            run = dcmscu(
                *operation, "--studyroot", "-k", f"20,d={image.study}", "--aetitle", "DCMSCU", "--call", "QRSCP",
                "-o", self.folder / "file" / "out", servers.LOOPBACK, server.port, expect=LOCAL_FILES,
            )  # fmt: skip
            self.assert_names(run, str(self.folder / "file" / "out"))


class BadArguments(cases.RealServerTest):
    """Usage errors: nothing is sent, so a closed port is enough."""

    def refused(self, *arguments, names):
        run = dcmscu(*arguments, expect=USAGE, timeout=10)
        self.assert_names(run, *names)
        self.assertEqual(run.stdout, "")

    def test_an_ae_title_of_17_characters(self):
        title = "SEVENTEENLETTERS1"
        self.refused("--echo", servers.LOOPBACK, 104, "--aetitle", title, names=["--aetitle", title, "16"])
        self.refused("--echo", servers.LOOPBACK, 104, "--call", title, names=["--call", title, "16"])

    def test_a_port_that_cannot_be(self):
        for port in ("70000", "0", "-1", "http", ""):
            self.refused("--echo", "-H", servers.LOOPBACK, f"--port={port}", names=["port", port])
        self.refused("--echo", servers.LOOPBACK, "70000", names=["port", "70000"])
        self.refused(
            "--move", "--studyroot", "-k", "20,d=1.2", "--port-scp", "70000", servers.LOOPBACK, 104,
            names=["--port-scp", "70000"],
        )  # fmt: skip

    def test_an_unknown_option(self):
        self.refused("--ehco", servers.LOOPBACK, 104, names=["--ehco"])

    def test_a_key_that_cannot_be_read(self):
        self.refused(
            "--find", "--studyroot", servers.LOOPBACK, 104, "-k", "10;20", names=["Could not read Tag: 10;20"]
        )

    def test_two_operations(self):
        self.refused("--echo", "--store", servers.LOOPBACK, 104, names=["--echo", "--store"])

    def test_a_move_to_ourselves_without_a_port_to_receive_on(self):
        self.refused("--move", "--studyroot", "-k", "20,d=1.2", servers.LOOPBACK, 104, names=["--port-scp"])

    def test_the_patient_level_of_the_study_root(self):
        self.refused("--find", "--studyroot", "--patient", servers.LOOPBACK, 104, names=["patient", "study"])

    def test_no_host(self):
        self.refused("--echo", names=["host"])
