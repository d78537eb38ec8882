"""Modality worklist: from DCMTK's wlmscpfs, and from the practice archive."""

import csv
import io
import re

from pydicom.dataset import Dataset

from harness import cases, servers
from harness.findpeer import answers
from harness.practice import PYTHON, PracticeArchive
from harness.programs import dcmscu, run

WORKLIST_ITEM = """
(0008,0005) CS ISO_IR 100
(0008,0050) SH 00011
(0010,0010) PN CRANE^ICHABOD
(0010,0020) LO WORK1
(0010,0030) DA 19700101
(0010,0040) CS M
(0020,000d) UI 1.2.276.0.7230010.3.2.101
(0032,1032) PN SMITH
(0032,1060) LO EXAM6
(0040,0100) SQ
(fffe,e000) -
(0008,0060) CS MR
(0040,0001) AE AA32
(0040,0002) DA 20251011
(0040,0003) TM 085607
(0040,0006) PN JOHNSON
(0040,0007) LO EXAM74
(0040,0009) SH SPD3445
(0040,0010) SH STN456
(fffe,e00d) -
(fffe,e0dd) -
(0040,1001) SH RP454G234
(0040,1003) SH LOW
"""


class FromWlmscpfs(cases.RealServerTest):
    """DCMTK's wlmscpfs answers from files."""

    @classmethod
    def setUpClass(cls):
        cls.server = cls.serve_all(servers.WlmSCPFS([WORKLIST_ITEM, WORKLIST_ITEM.replace("CRANE", "POOLE")]))

    def test_a_worklist_is_listed(self):
        run = dcmscu(
            "--worklist", "--call", self.server.ae_title, servers.LOOPBACK, self.server.port,
            "-k", "10,10", "-k", "10,20", expect=0,
        )  # fmt: skip
        self.assertEqual(sorted(a["0010,0010"] for a in answers(run)), ["CRANE^ICHABOD", "POOLE^ICHABOD"], run)
        self.assertEqual(len(re.findall(r"^WL Find Response: \d+$", run.stdout, re.M)), 2, run)

    def test_a_worklist_is_matched(self):
        run = dcmscu(
            "--worklist", "--call", self.server.ae_title, servers.LOOPBACK, self.server.port,
            "-k", "10,10=CRANE*", "-k", "10,20", expect=0,
        )  # fmt: skip
        self.assertEqual([a["0010,0010"] for a in answers(run)], ["CRANE^ICHABOD"], run)


class WorklistKeys(cases.RealServerTest):
    """Keys inside of the Scheduled Procedure Step Sequence, against DCMTK's wlmscpfs."""

    @classmethod
    def setUpClass(cls):
        other = WORKLIST_ITEM.replace("CRANE", "POOLE").replace("CS MR", "CS CT").replace("20251011", "20251012")
        cls.server = cls.serve_all(servers.WlmSCPFS([WORKLIST_ITEM, other]))

    def names(self, *keys):
        run = dcmscu(
            "--worklist", "--call", self.server.ae_title, servers.LOOPBACK, self.server.port, "--format", "csv",
            "--columns", "PatientName,ScheduledProcedureStepSequence.Modality",
            *[part for key in keys for part in ("-k", key)], expect=0,
        )  # fmt: skip
        return sorted(tuple(row) for row in csv.reader(io.StringIO(run.stdout)))[:-1]

    def test_a_step_is_matched_by_modality_and_date(self):
        crane, poole = ("CRANE^ICHABOD", "MR"), ("POOLE^ICHABOD", "CT")
        self.assertEqual(self.names(), [crane, poole])
        self.assertEqual(self.names("ScheduledProcedureStepSequence[0].Modality=CT"), [poole])
        self.assertEqual(self.names("0040,0100.0040,0002=20251011"), [crane])
        self.assertEqual(self.names("(0040,0100)[0].ScheduledProcedureStepStartDate=20251010-20251012"), [crane, poole])
        self.assertEqual(self.names("ScheduledProcedureStepSequence.Modality=US"), [])

    def test_without_keys_the_usual_attributes_come_sorted_by_time(self):
        peer = ["--call", self.server.ae_title, servers.LOOPBACK, self.server.port]
        run = dcmscu("--worklist", *peer, "--format", "csv", expect=0)
        rows = list(csv.DictReader(io.StringIO(run.stdout)))
        step = "ScheduledProcedureStepSequence."
        self.assertEqual([row["PatientName"] for row in rows], ["CRANE^ICHABOD", "POOLE^ICHABOD"])
        self.assertEqual(rows[0][step + "ScheduledProcedureStepStartDate"], "20251011")
        self.assertEqual(rows[0][step + "ScheduledStationAETitle"], "AA32")
        run = dcmscu("--worklist", *peer, "--format", "csv", "--sort", "-ScheduledProcedureStepStartDate", expect=0)
        rows = list(csv.DictReader(io.StringIO(run.stdout)))
        self.assertEqual([row["PatientName"] for row in rows], ["POOLE^ICHABOD", "CRANE^ICHABOD"])

    def test_a_station_and_a_date_select_steps(self):
        peer = ["--call", self.server.ae_title, servers.LOOPBACK, self.server.port, "--format", "count"]
        for options, count in (
            (["--date", "2025-10-11"], 1), (["--date", "2025-10"], 2), (["--date", "2025-10-12.."], 1),
            (["--station", "AA32"], 2), (["--station", "OTHER"], 0), (["-k", "ScheduledStationAETitle=AA32"], 2),
            (["-k", "Modality=CT"], 1),
        ):  # fmt: skip
            self.assertEqual(dcmscu("--worklist", *peer, *options, expect=0).stdout, f"{count}\n", options)

    def test_all_keys_of_the_standard_can_be_asked_for(self):
        run = dcmscu(
            "--worklist", "--call", self.server.ae_title, servers.LOOPBACK, self.server.port, "--format", "jsonl",
            "--return", "all", "--strict", expect=0,
        )  # fmt: skip
        for line in run.stdout.splitlines():
            answer = Dataset.from_json(line)
            self.assertEqual(answer.ScheduledProcedureStepSequence[0].ScheduledStationAETitle, "AA32")
            self.assertEqual(answer.RequestedProcedureID, "RP454G234")


class FromThePracticeArchive(cases.RealServerTest):
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
