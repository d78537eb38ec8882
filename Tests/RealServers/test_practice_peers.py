"""The practice archive and the clients that others wrote: every level, every model, several syntaxes in a context, worklist, TLS."""

import pathlib
import shutil
import tempfile

from harness import cases, certificates, images, servers
from harness.programs import dcmscu, run
from test_find import WORKLIST_ITEM
from test_practice_archive import PYTHON, PracticeArchive, WithImages, data_set, made_up_images

MODELS = {"patient": "-P", "study": "-S", "patient/study": "-O"}


class Peers(WithImages):
    """DCMTK's, pynetdicom's and odil's clients ask for the MR study: two series, of three instances and of one."""

    def questions(self):
        """(model, level, keys, instances): one entity, named as a hierarchical query names it."""
        entries = [data_set(path) for path in self.of_study]
        first = next(entry for entry in entries if sum(e.SeriesInstanceUID == entry.SeriesInstanceUID for e in entries) == 3)
        patient, study = [f"PatientID={first.PatientID}"], [f"StudyInstanceUID={self.study}"]
        series = [f"SeriesInstanceUID={first.SeriesInstanceUID}"]
        image = [f"SOPInstanceUID={first.SOPInstanceUID}"]
        return [
            ("patient", "PATIENT", patient, 4),
            ("patient", "STUDY", patient + study, 4),
            ("patient", "SERIES", patient + study + series, 3),
            ("patient", "IMAGE", patient + study + series + image, 1),
            ("study", "STUDY", study, 4),
            ("study", "SERIES", study + series, 3),
            ("study", "IMAGE", study + series + image, 1),
            ("patient/study", "PATIENT", patient, 4),
            ("patient/study", "STUDY", patient + study, 4),
        ]

    def each(self, *models):
        """Each question with its keys as options, and a folder for what comes."""
        for number, (model, level, keys, count) in enumerate(self.questions()):
            if models and model not in models:
                continue
            folder = self.folder / f"{number}"
            folder.mkdir()
            yield model, [f"QueryRetrieveLevel={level}", *keys], count, folder

    def assert_came(self, folder, count):
        """As many as there have to be, each as it was sent, in whichever of the native syntaxes."""
        sent = {str(data_set(path).SOPInstanceUID): path for path in self.of_study}
        came = [images.read(path) for path in folder.rglob("*") if path.is_file()]
        self.assertEqual(len(came), count)
        self.assert_equal_data_sets(
            (str(entry.SOPInstanceUID), images.read(sent[str(entry.SOPInstanceUID)]), entry) for entry in came
        )

    @staticmethod
    def options(keys):
        return [part for key in keys for part in ("-k", key)]

    def pynetdicom(self, name, *arguments):
        return run(PYTHON, "-m", "pynetdicom", name, *arguments, directory=self.folder, expect=0)

    def test_findscu_of_dcmtk(self):
        for model, keys, _, _ in self.each():
            answer = run("findscu", MODELS[model], *self.options(keys), *self.peer, expect=0)
            self.assertEqual(answer.said.count("Find Response:"), 1, answer)

    def test_movescu_of_dcmtk(self):
        for model, keys, count, folder in self.each():
            run(
                "movescu", MODELS[model], "-aem", "MOVESCU", "+P", self.our_port, "-od", folder, *self.options(keys),
                *self.peer, expect=0,
            )  # fmt: skip
            self.assert_came(folder, count)

    def test_getscu_of_dcmtk(self):
        for model, keys, count, folder in self.each():
            run("getscu", MODELS[model], "-od", folder, *self.options(keys), *self.peer, expect=0)
            self.assert_came(folder, count)

    def test_findscu_of_pynetdicom(self):
        for model, keys, _, _ in self.each():
            answer = self.pynetdicom("findscu", "-v", MODELS[model], *self.peer, *self.options(keys))
            self.assertEqual(answer.said.count("(Pending)"), 1, answer)

    def test_movescu_of_pynetdicom(self):
        for model, keys, count, folder in self.each():
            self.pynetdicom(
                "movescu", MODELS[model], *self.peer, "-aem", "PYNETDICOM", "--store", "--store-port", self.our_port,
                "-od", folder, *self.options(keys),
            )  # fmt: skip
            self.assert_came(folder, count)

    def test_getscu_of_pynetdicom(self):
        for model, keys, count, folder in self.each():
            self.pynetdicom("getscu", MODELS[model], *self.peer, "-od", folder, *self.options(keys))
            self.assert_came(folder, count)

    def test_find_and_get_of_odil(self):
        for model, keys, count, folder in self.each("patient", "study"):
            answer = run("odil", "find", *self.peer, "ODIL", "PRACTICE", model, *keys, expect=0)
            self.assertIn("1 answer\n", answer.stdout)
            run("odil", "get", "-d", folder, *self.peer, "ODIL", "PRACTICE", model, *keys, expect=0)
            self.assert_came(folder, count)

    def test_storescu_of_each(self):
        """pynetdicom proposes all native syntaxes in one context and sends nothing but what is in the one that is accepted."""
        implicit = [path for path in self.of_study if images.meta(path).TransferSyntaxUID.is_implicit_VR]
        archive = self.serve(PracticeArchive())
        peer = [servers.LOOPBACK, str(archive.port)]
        for sender, files in (
            (["storescu", *peer], self.of_study),
            ([PYTHON, "-m", "pynetdicom", "storescu", *peer], implicit),
            (["odil", "store", *peer, "ODIL", "PRACTICE"], self.of_study),
        ):
            for path in archive.stored():
                path.unlink()
            run(*sender, *files, directory=self.folder, expect=0)
            self.assert_came(archive.folder / "archive", len(files))

    def test_relational_queries_and_retrievals_are_granted(self):
        """A series by its own UID alone; pynetdicom asks for what the extended negotiation has."""
        series = next(keys for model, level, keys, _ in self.questions() if level == "SERIES" and model == "study")[-1:]
        keys = self.options(["QueryRetrieveLevel=SERIES", *series])
        answer = self.pynetdicom("findscu", "-d", "-S", "--relational-query", "--fuzzy-names", *self.peer, *keys)
        self.assertEqual(answer.said.count("(Pending)"), 1, answer)
        folder = self.folder / "relational"
        folder.mkdir()
        self.pynetdicom("getscu", "-S", "--relational-retrieval", *self.peer, "-od", folder, *keys)
        self.assert_came(folder, 3)
        run = dcmscu(
            "--find", "--series", "--relational", "--datetime-matching", "--fuzzy", *self.peer, "-k", series[0], expect=0
        )
        self.assert_names(run, "grants relational queries, date-time matching", "does not grant fuzzy matching")

    def test_ranges_of_dates_and_times_are_one_where_that_was_negotiated(self):
        """Studies are of 2 January, 03:04:05: from the first, ten o'clock, on they are, at ten o'clock and later they are not."""
        keys = ["-k", "StudyDate=20260101-20260102", "-k", "StudyTime=1000-", "-k", "StudyInstanceUID"]
        for options, count in (([], 0), (["--datetime-matching"], 3)):
            answer = dcmscu("--find", *options, *self.peer, *keys, "--format", "jsonl", expect=0)
            self.assertEqual(len(answer.stdout.splitlines()), count, answer)


class SeveralSyntaxes(cases.RealServerTest):
    """C-GET of a study of which five instances are native, one deflated and two in JPEG 2000, by a context for each class."""

    @classmethod
    def setUpClass(cls):
        cls.archive = cls.serve_all(PracticeArchive())
        cls.files = made_up_images(cls.archive.folder / "images")
        dcmscu("--store", servers.LOOPBACK, cls.archive.port, *cls.files, expect=0)
        cls.ct = {str(e.SOPInstanceUID): path for path in cls.files if (e := data_set(path)).Modality == "CT"}
        cls.study = data_set(next(iter(cls.ct.values()))).StudyInstanceUID

    def got(self, *options):
        run(
            "getscu", "-S", *options, "+B", "-od", self.folder, "-k", "QueryRetrieveLevel=STUDY", "-k",
            f"StudyInstanceUID={self.study}", servers.LOOPBACK, self.archive.port,
        )  # fmt: skip
        came = [images.read(path) for path in self.folder.iterdir()]
        self.assert_equal_data_sets(
            (str(entry.SOPInstanceUID), images.read(self.ct[str(entry.SOPInstanceUID)]), entry) for entry in came
        )
        return sorted(entry.file_meta.TransferSyntaxUID.name for entry in came)

    def test_the_syntax_that_most_can_be_sent_in_is_chosen(self):
        """JPEG 2000 is proposed first, for which there are two; the deflated one is rewritten."""
        self.assertEqual(self.got("+xv"), ["Explicit VR Little Endian"] * 6)

    def test_a_proposal_of_native_syntaxes_brings_all_native_instances(self):
        self.assertEqual(self.got(), ["Explicit VR Little Endian"] * 6)

    def test_where_all_are_compressed_they_come_as_they_are(self):
        archive = self.serve(PracticeArchive())
        compressed = [
            path for path in self.files if images.meta(path).TransferSyntaxUID.name == "JPEG 2000 Image Compression (Lossless Only)"
        ]
        dcmscu("--store", servers.LOOPBACK, archive.port, *compressed, expect=0)
        run(
            "getscu", "-S", "+xv", "+B", "-od", self.folder, "-k", "QueryRetrieveLevel=STUDY", "-k",
            f"StudyInstanceUID={self.study}", servers.LOOPBACK, archive.port, expect=0,
        )  # fmt: skip
        self.assertEqual(len(list(self.folder.iterdir())), len(compressed))


class Worklist(cases.RealServerTest):
    """Items in the three forms that they may have: as DCMTK makes them, DICOM JSON, and lines of keys."""

    LINES = """
# one item, and with an empty line another
PatientName=Doe^Jane
PatientID=LINES-1
ScheduledProcedureStepSequence[0].Modality=US
ScheduledProcedureStepSequence[0].ScheduledProcedureStepStartDate=today

PatientName=Müller^Jörg
PatientID=LINES-2
ScheduledProcedureStepSequence[0].Modality=US
ScheduledProcedureStepSequence[0].ScheduledProcedureStepStartDate=20200101
"""
    JSON = """[{
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Json^Jason"}]}, "00100020": {"vr": "LO", "Value": ["JSON-1"]},
        "00400100": {"vr": "SQ", "Value": [
            {"00080060": {"vr": "CS", "Value": ["CT"]}, "00400009": {"vr": "SH", "Value": ["STEP-1"]}},
            {"00080060": {"vr": "CS", "Value": ["PT"]}, "00400009": {"vr": "SH", "Value": ["STEP-2"]}}]}
    }]"""

    def setUp(self):
        super().setUp()
        items = self.folder / "items"
        items.mkdir()
        (items / "lockfile").touch()
        (items / "lines.txt").write_text(self.LINES)
        (items / "item.json").write_text(self.JSON)
        (self.folder / "item.txt").write_text(WORKLIST_ITEM)
        run("dump2dcm", "-q", self.folder / "item.txt", items / "item.wl", expect=0)
        self.archive = self.serve(PracticeArchive(options=[f"--worklist-items={items}"]))

    @property
    def peer(self):
        return [servers.LOOPBACK, str(self.archive.port)]

    def names(self, *keys):
        options = [part for key in keys for part in ("-k", key)]
        return sorted(
            dcmscu("--worklist", *self.peer, "--columns", "PatientName", "--format", "csv", *options, expect=0)
            .stdout.splitlines()[1:]
        )  # fmt: skip

    def test_every_form_is_read_and_each_step_is_an_answer(self):
        every = self.names()
        self.assertIn("4 worklist items", self.archive.log())
        self.assertEqual(len(every), 5, every)
        self.assertEqual(every.count("Json^Jason"), 2)
        self.assertIn("Müller^Jörg", every)

    def test_keys_match_within_the_step(self):
        step = "ScheduledProcedureStepSequence[0]"
        self.assertEqual(self.names(f"{step}.ScheduledProcedureStepID=STEP-2"), ["Json^Jason"])
        # The item is of the day on which the archive began.
        recent = f"{step}.ScheduledProcedureStepStartDate=today-1d..today"
        self.assertEqual(self.names(recent, f"{step}.Modality=US"), ["Doe^Jane"])
        self.assertEqual(self.names("PatientName=M*", f"{step}.Modality=US"), ["Müller^Jörg"])
        self.assertEqual(self.names(f"{step}.Modality=XA"), [])

    def test_findscu_of_dcmtk_and_of_pynetdicom(self):
        keys = ["-k", "PatientName", "-k", "ScheduledProcedureStepSequence[0].Modality=US"]
        answer = run("findscu", "-W", *keys, *self.peer, expect=0)
        self.assertEqual(answer.said.count("Find Response:"), 2, answer)
        answer = run(
            PYTHON, "-m", "pynetdicom", "findscu", "-v", "-W", *self.peer, "-k", "PatientName=Doe*", "-k",
            "(0040,0100)[0].(0008,0060)=US", directory=self.folder, expect=0,
        )  # fmt: skip
        self.assertEqual(answer.said.count("(Pending)"), 1, answer)

    def test_answers_that_were_written_as_files_are_items_again(self):
        run_ = dcmscu(
            "--worklist", *self.peer, "-k", "PatientID=LINES-1", "--return", "all", "--format", "dcm", "-o",
            self.folder / "answers", expect=0,
        )  # fmt: skip
        self.assertEqual(len(list((self.folder / "answers").iterdir())), 1, run_)
        again = self.serve(PracticeArchive(options=[f"--worklist-items={self.folder / 'answers'}"]))
        answer = dcmscu("--worklist", servers.LOOPBACK, again.port, "--return", "PatientName", expect=0)
        self.assertIn("Doe^Jane", answer.stdout)

    def test_without_items_there_is_no_worklist(self):
        bare = self.serve(PracticeArchive())
        dcmscu("--worklist", servers.LOOPBACK, bare.port, "-k", "PatientName", expect=6)

    def test_what_is_no_item_is_named(self):
        wrong = self.folder / "wrong.txt"
        wrong.write_text("PatientNam=Doe\n")
        said = dcmscu("--serve", self.folder / "a", "--worklist-items", wrong, expect=2)
        self.assert_names(said, "wrong.txt", "line 1", "PatientName")
        said = dcmscu("--serve", self.folder / "a", "--worklist-items", self.folder / "none", expect=3)
        self.assert_names(said, "none")


class Secured(cases.RealServerTest):
    """DCMTK's clients and the archive with TLS, and certificates on both sides."""

    @classmethod
    def setUpClass(cls):
        cls.keys = pathlib.Path(tempfile.mkdtemp(prefix="dcmscu-keys-"))
        cls.addClassCleanup(shutil.rmtree, cls.keys, ignore_errors=True)
        cls.authority = certificates.Authority(cls.keys / "authority")
        cls.certificate, cls.key = cls.authority.issue("archive")
        cls.client = cls.authority.issue("client")
        cls.tls = ["+tls", cls.client[1], cls.client[0], "+cf", cls.authority.certificate]
        cls.our_port = servers.free_port()
        cls.archive = cls.serve_all(
            PracticeArchive(
                [("STORESCP", cls.our_port)],
                [
                    "--tls", f"--tls-cert={cls.certificate}", f"--tls-key={cls.key}", "--tls-client-cert=required",
                    f"--tls-ca={cls.authority.certificate}",
                ],
            )
        )  # fmt: skip
        cls.files = made_up_images(cls.archive.folder / "images")
        cls.files = [path for path in cls.files if data_set(path).Modality == "MR"]
        cls.study = data_set(cls.files[0]).StudyInstanceUID

    @property
    def peer(self):
        return [servers.LOOPBACK, str(self.archive.port)]

    def test_echoscu_storescu_findscu_and_storescp_of_dcmtk(self):
        run("echoscu", *self.tls, *self.peer, expect=0)
        run("storescu", *self.tls, *self.peer, *self.files, expect=0)
        self.assertEqual(len(self.archive.stored()), len(self.files))
        keys = ["-S", "-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={self.study}"]
        answer = run("findscu", *self.tls, *keys, *self.peer, expect=0)
        self.assertEqual(answer.said.count("Find Response:"), 1, answer)
        # Debian's getscu and movescu know no TLS. The archive calls back with it, and DCMTK's storescp is where it calls.
        moved = self.folder / "moved"
        moved.mkdir()
        ours = ["--tls-ca", self.authority.certificate, "--tls-cert", self.client[0], "--tls-key", self.client[1]]
        with _Receiver(["storescp", *self.tls, "-od", moved, self.our_port], self.our_port):
            dcmscu(
                "--move", "--tls", *ours, "--move-destination", "STORESCP", "-k", f"StudyInstanceUID={self.study}",
                *self.peer, expect=0,
            )  # fmt: skip
        self.assertEqual(len(list(moved.iterdir())), len(self.files))

    def test_without_a_certificate_or_without_tls_nobody_gets_in(self):
        anonymous = ["+tla", "+cf", self.authority.certificate]
        for options in (anonymous, []):
            refused = run("echoscu", *options, *self.peer)
            self.assertNotEqual(refused.code, 0, refused)


class _Receiver(servers.Server):
    """A program that listens at a port that is given."""

    name = "receiver"

    def __init__(self, arguments, port):
        super().__init__()
        self.arguments = arguments
        self.given = port

    def prepare(self):
        self.port = self.given

    def command(self):
        return self.arguments
