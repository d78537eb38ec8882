"""C-FIND: where queries come from, what is sent, every level and model, every output format and character set."""

import csv
import io
import json
import os
import pathlib
import re
import subprocess
import threading
import warnings

from pydicom.dataset import Dataset
import pydicom

from harness import cases, images, loading, servers
from harness.findpeer import FindPeer, answers, element, encoded
from harness.programs import dcmscu, dcmscu_path
from harness.terminals import on_terminal

PATIENT_ID = "0010,0020"
STUDY_UID = "0020,000d"
SERIES_UID = "0020,000e"
INSTANCE_UID = "0008,0018"

# Root, level, and the empty keys that are added on their own beside Specific Character Set and Query/Retrieve Level.
ROWS = [
    ("patient", "patient", []),
    ("patient", "study", ["PatientID"]),
    ("patient", "series", ["PatientID", "StudyInstanceUID"]),
    ("patient", "image", ["PatientID", "StudyInstanceUID", "SeriesInstanceUID"]),
    ("study", "study", []),
    ("study", "series", ["StudyInstanceUID"]),
    ("study", "image", ["StudyInstanceUID", "SeriesInstanceUID"]),
]

# The keys that a retrieval at a level must have a value for.
UNIQUE_KEYS = {
    "patient": "PatientID",
    "study": "StudyInstanceUID",
    "series": "SeriesInstanceUID",
    "image": "SOPInstanceUID",
}

# The attributes that a query without keys asks for.
USUAL = {
    "patient": [
        "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "NumberOfPatientRelatedStudies",
        "NumberOfPatientRelatedInstances",
    ],
    "study": [
        "StudyDate", "StudyTime", "PatientName", "PatientID", "ModalitiesInStudy", "StudyDescription",
        "AccessionNumber", "NumberOfStudyRelatedSeries", "NumberOfStudyRelatedInstances", "StudyInstanceUID",
    ],
    "series": [
        "SeriesNumber", "Modality", "SeriesDate", "SeriesTime", "SeriesDescription", "BodyPartExamined",
        "NumberOfSeriesRelatedInstances", "SeriesInstanceUID", "StudyInstanceUID",
    ],
    "image": [
        "InstanceNumber", "SOPClassUID", "ContentDate", "ContentTime", "NumberOfFrames", "Rows", "Columns",
        "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID",
    ],
}  # fmt: skip

STUDY_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
WORKLIST_FIND = "1.2.840.10008.5.1.4.31"
CHARSET_FILES = images.DATA / "charset_files"


class FindOnAServer:
    """The tests, once for each server; `loaded` is what it holds."""

    def find(self, *keys, model="study", level="study", expect=0):
        arguments = [part for key in keys for part in ("-k", key)]
        return dcmscu(
            "--find", f"--{model}root", f"--{level}", "--call", self.server.ae_title,
            servers.LOOPBACK, self.server.port, *arguments, expect=expect,
        )  # fmt: skip

    def assert_lists(self, run, tag, expected):
        found = [answer.get(tag) for answer in answers(run)]
        if sorted(map(str, found)) != sorted(set(expected)):
            missing, extra = set(expected) - set(found), set(found) - set(expected)
            self.fail(f"{len(found)} answers; missing {missing}, not expected {extra}\n{run}")

    def test_patients_of_the_patient_root(self):
        self.assert_lists(self.find(PATIENT_ID, model="patient", level="patient"), PATIENT_ID, self.all("patient"))

    def test_studies_of_the_patient_root(self):
        for patient in self.all("patient"):
            run = self.find(f"{PATIENT_ID}={patient}", STUDY_UID, model="patient", level="study")
            self.assert_lists(run, STUDY_UID, self.all("study", patient=patient))

    def test_series_of_the_patient_root(self):
        for study in self.all("study"):
            (patient,) = self.all("patient", study=study)
            run = self.find(f"{PATIENT_ID}={patient}", f"{STUDY_UID}={study}", SERIES_UID, model="patient", level="series")
            self.assert_lists(run, SERIES_UID, self.all("series", study=study))

    def test_images_of_the_patient_root(self):
        for series in self.all("series"):
            (patient,), (study,) = self.all("patient", series=series), self.all("study", series=series)
            run = self.find(
                f"{PATIENT_ID}={patient}", f"{STUDY_UID}={study}", f"{SERIES_UID}={series}", INSTANCE_UID,
                model="patient", level="image",
            )  # fmt: skip
            self.assert_lists(run, INSTANCE_UID, self.all("sop_instance", series=series))

    def test_studies_of_the_study_root(self):
        self.assert_lists(self.find(STUDY_UID), STUDY_UID, self.all("study"))

    def test_series_of_the_study_root(self):
        for study in self.all("study"):
            run = self.find(f"{STUDY_UID}={study}", SERIES_UID, level="series")
            self.assert_lists(run, SERIES_UID, self.all("series", study=study))

    def test_images_of_the_study_root(self):
        for series in self.all("series"):
            (study,) = self.all("study", series=series)
            run = self.find(f"{STUDY_UID}={study}", f"{SERIES_UID}={series}", INSTANCE_UID, level="image")
            self.assert_lists(run, INSTANCE_UID, self.all("sop_instance", series=series))

    def test_a_value_comes_back_as_it_was_stored(self):
        image = self.loaded[0]
        (answer,) = answers(self.find(f"20,d={image.study}", "10,10", "10,20", "8,20"))
        dataset = images.read(image.path)
        self.assertEqual(answer["0010,0020"], dataset.PatientID)
        self.assertEqual(answer["0008,0020"], dataset.StudyDate)
        self.assertEqual(answer["0010,0010"].rstrip("^"), str(dataset.PatientName).rstrip("^"))

    def test_a_modality_lists_the_studies_that_have_it(self):
        """At dcmqrscp, too, which does not know the key: it is looked up in the series."""
        studies = {image.study for image in self.loaded if images.read(image.path).get("Modality") == "MR"}
        self.assertTrue(0 < len(studies) < len(self.all("study")))
        self.assert_lists(self.find("8,61=MR", STUDY_UID), STUDY_UID, studies)
        run = self.find("8,61=MR", "8,20")
        self.assertEqual(len(answers(run)), len(studies), run)
        self.assertNotIn("(0020,000d)", run.stdout)

    def test_the_series_of_a_name_are_those_of_its_studies(self):
        """At dcmqrscp, too, which ignores keys of the levels above."""
        named = {image.series: str(images.read(image.path).get("PatientName", "")) for image in self.loaded}
        name = max((n for n in named.values() if re.fullmatch(r"[A-Za-z^]+", n)), key=lambda n: sum(m == n for m in named.values()))
        series = {uid for uid, value in named.items() if value.rstrip("^").upper() == name.rstrip("^").upper()}
        self.assertLess(len(series), len(named))
        self.assert_lists(self.find(f"PatientName={name}", SERIES_UID, level="series"), SERIES_UID, series)

    def test_a_query_without_matches_is_exit_code_0_and_says_nothing(self):
        run = self.find("20,d=1.2.3.4.5.6.7.8.9")
        self.assertEqual(answers(run), [])

    def test_answers_are_numbered_from_1(self):
        run = self.find(STUDY_UID)
        numbers = re.findall(r"^Find Response: (\d+)$", run.stdout, re.M)
        self.assertEqual(numbers, [str(n) for n in range(1, len(self.all("study")) + 1)])

    def test_results_are_on_standard_output_and_nothing_else_is(self):
        run = self.find(STUDY_UID)
        for line in run.stdout.splitlines():
            self.assertRegex(line, r"^(Find Response: \d+|\s*\([0-9a-f]{4},[0-9a-f]{4}\).*|)$", run)

    def all(self, attribute, **where):
        return sorted(
            {
                getattr(image, attribute)
                for image in self.loaded
                if all(getattr(image, key) == value for key, value in where.items())
            }
        )


class OnOrthanc(FindOnAServer, cases.RealServerTest):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.serve_all(servers.Orthanc())
        cls.loaded = images.archive_images()
        loading.load_orthanc(cls.server, cls.loaded)


class OnDcmqrscp(FindOnAServer, cases.RealServerTest):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.serve_all(servers.DcmQRSCP())
        cls.loaded = images.archive_images()
        loading.load_dcmqrscp(cls.server, cls.loaded)


class StoreQuery(cases.RealServerTest):
    def write(self, *arguments, expect=4, environment=None):
        """The query is written before connecting, so a closed port is as good as a server."""
        path = self.folder / "query.dcm"
        port = servers.free_port()
        run = dcmscu(
            *arguments, "--store-query", path, servers.LOOPBACK, port, expect=expect, environment=environment or {}
        )
        self.assertTrue(path.exists(), run)
        dump = servers.run_dcmtk("dcmdump", path, expect=0)
        self.assertNotRegex(dump.said, r"(?m)^[WEF]: ", "dcmdump warns")
        # The File Meta Information is whole: pydicom reads it without force.
        dataset = pydicom.dcmread(path)
        self.assertEqual(images.meta(path).TransferSyntaxUID, images.IMPLICIT_LITTLE)
        for keyword in ("FileMetaInformationGroupLength", "FileMetaInformationVersion", "ImplementationClassUID"):
            self.assertIn(keyword, dataset.file_meta)
        return dataset

    def assert_exactly(self, dataset, **expected):
        found = {element.keyword: "" if element.value is None else str(element.value) for element in dataset}
        self.assertEqual(found, expected)

    def test_every_row_of_the_table_for_find(self):
        for root, level, keys in ROWS:
            dataset = self.write("--find", f"--{root}root", f"--{level}", "-k", "10,21=X")
            self.assert_exactly(
                dataset,
                SpecificCharacterSet="ISO_IR 192",
                QueryRetrieveLevel=level.upper(),
                IssuerOfPatientID="X",
                **dict.fromkeys(keys, ""),
            )

    def test_without_keys_the_usual_attributes_are_asked_for_at_every_level(self):
        for root, level, keys in ROWS:
            dataset = self.write("--find", f"--{root}root", f"--{level}")
            automatic = {"SpecificCharacterSet", "QueryRetrieveLevel", *keys}
            usual = set(USUAL[level])
            if (root, level) == ("patient", "study"):
                # The name is a key of the level above, which this model does not match there.
                usual.remove("PatientName")
            self.assertEqual({element.keyword for element in dataset}, automatic | usual, (root, level))
            # Neither the format nor a level or model that is the default changes what is sent, but that only gdcmscu's
            # command lines name a character set that no value needs.
            del dataset.SpecificCharacterSet
            for options in (["--format", "csv"], ["--format", "jsonl"], ["--wide"]):
                self.assertEqual(self.write("--find", f"--{root}root", f"--{level}", *options), dataset)

    def test_the_unique_key_is_asked_for_unless_the_command_line_is_gdcmscus(self):
        for level in ("study", "series", "image"):
            line = ["--find", f"--{level}", "-k", "PatientName"]
            self.assertNotIn(UNIQUE_KEYS[level], self.write(*line))
            self.assertIn(UNIQUE_KEYS[level], self.write(*line, "--format", "jsonl"))
            self.assertIn(UNIQUE_KEYS[level], self.write("--find", f"--{level}", "--return", "PatientName"))
        # Keys that only select leave open what is to be returned.
        self.assertIn("StudyDescription", self.write("--find", "-k", "PatientName=A*", "--format", "csv"))
        self.assertNotIn("StudyDescription", self.write("--find", "-k", "PatientName=A*"))

    def test_the_usual_attributes_are_asked_for_where_the_operation_is_the_first_word(self):
        """gdcmscu has no such command lines."""
        dataset = self.write("find", "-k", "10,10=DOE*")
        self.assertLessEqual(set(USUAL["study"]), {element.keyword for element in dataset})
        self.assertEqual(str(dataset.PatientName), "DOE*")

    def test_every_row_of_the_table_for_get_and_move(self):
        for root, level, keys in ROWS:
            unique = UNIQUE_KEYS[level]
            for operation in (["--get"], ["--move", "--port-scp", str(servers.free_port())]):
                dataset = self.write(
                    *operation, f"--{root}root", f"--{level}", "-o", self.folder / "out", "-k", f"{unique}=1.2.3"
                )
                self.assert_exactly(
                    dataset,
                    SpecificCharacterSet="ISO_IR 192",
                    QueryRetrieveLevel=level.upper(),
                    **{**dict.fromkeys(keys, ""), unique: "1.2.3"},
                )

    def test_a_worklist_query_has_the_character_set_and_its_keys(self):
        dataset = self.write("--worklist", "-k", "10,10=A*")
        self.assert_exactly(dataset, SpecificCharacterSet="ISO_IR 192", PatientName="A*")

    def test_a_worklist_query_without_keys_asks_for_the_usual_attributes(self):
        dataset = self.write("--worklist")
        self.assertEqual(
            {element.keyword for element in dataset},
            {
                "SpecificCharacterSet", "ScheduledProcedureStepSequence", "PatientName", "PatientID",
                "PatientBirthDate", "PatientSex", "AccessionNumber", "RequestedProcedureDescription",
                "RequestedProcedureID", "StudyInstanceUID",
            },
        )  # fmt: skip
        step = dataset.ScheduledProcedureStepSequence[0]
        self.assertIn("ScheduledProcedureStepStartDate", step)
        self.assertIn("ScheduledStationAETitle", step)

    def test_the_example_of_the_contract(self):
        dataset = self.write("--find", "--patient", "--patientroot", "--key", "10,20=*", "--key", "10,10")
        self.assert_exactly(
            dataset, SpecificCharacterSet="ISO_IR 192", QueryRetrieveLevel="PATIENT", PatientName="", PatientID="*"
        )

    def test_a_key_given_replaces_an_automatic_one(self):
        dataset = self.write("--find", "--studyroot", "--series", "-k", "20,d=1.2.840.1", "-k", "8,52=IMAGE")
        self.assert_exactly(
            dataset, SpecificCharacterSet="ISO_IR 192", QueryRetrieveLevel="IMAGE", StudyInstanceUID="1.2.840.1"
        )

    def test_all_forms_of_a_key(self):
        for key in ("10,20=A B", "0010,0020=A B", "10,20,A B", "0x10,0x20=A B", "(0010,0020)=A B", "PatientID=A B"):
            dataset = self.write("--find", "--studyroot", "--study", "-k", key)
            self.assertEqual(dataset.PatientID, "A B", key)

    def test_the_character_set_is_named_where_a_value_needs_it_or_gdcmscu_would(self):
        for line, is_named in (
            (["--find", "-k", "PatientID=A"], True),
            (["--find", "-k", "PatientID=A", "--format", "csv"], False),
            (["--find", "-k", "PatientName=Müller*", "--format", "csv"], True),
            (["--find", "-k", "PatientID=A", "--charset", "utf-8"], True),
            (["--find", "-k", "PatientID=A", "--charset", "ISO_IR 6"], False),
            (["--get", "-k", "20,d=1.2.3", "--jobs", "2"], False),
        ):
            self.assertEqual("SpecificCharacterSet" in self.write(*line), is_named, line)

    def test_the_locale_chooses_the_character_set(self):
        dataset = self.write("--find", "--studyroot", "-k", "10,10=M*", environment={"LC_ALL": "C"})
        self.assertEqual(dataset.SpecificCharacterSet, "ISO_IR 100")

    def test_a_query_file_that_cannot_be_written_is_exit_code_3_and_nothing_is_sent(self):
        server = self.serve(servers.DcmQRSCP())
        (self.folder / "file").write_text("not a folder")
        run = dcmscu(
            "--find", "--studyroot", "--aetitle", "DCMSCU", "--store-query", self.folder / "file" / "q.dcm",
            servers.LOOPBACK, server.port, expect=3,
        )  # fmt: skip
        self.assert_names(run, "q.dcm")
        self.assertNotIn("DCMSCU", server.log())


def study_answer(**values):
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.QueryRetrieveLevel = "STUDY"
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


class PeerTest(cases.RealServerTest):
    def peer(self, *answers, **options):
        peer = FindPeer(answers, **options)
        self.addCleanup(peer.stop)
        return peer

    def find(self, peer, *arguments, expect=0, **options):
        return dcmscu("--find", servers.LOOPBACK, peer.port, *arguments, expect=expect, **options)


class EqualsFindscu(cases.RealServerTest):
    """`--format jsonl`, read by pydicom, is what DCMTK's findscu -X writes for the same query."""

    LEVELS = {
        "PATIENT": ("patient", "-P", ["0008,0052=PATIENT", "0010,0020", "0010,0010", "0010,0030", "0010,0040"]),
        "STUDY": ("study", "-S", ["0008,0052=STUDY", "0020,000d", "0008,0020", "0010,0010", "0008,1030", "0008,0050"]),
        "SERIES": ("study", "-S", ["0008,0052=SERIES", "0020,000d={study}", "0020,000e", "0008,0060", "0020,0011"]),
        "IMAGE": (
            "study", "-S",
            ["0008,0052=IMAGE", "0020,000d={study}", "0020,000e={series}", "0008,0018", "0020,0013"],
        ),
    }  # fmt: skip

    @classmethod
    def setUpClass(cls):
        cls.images = images.archive_images()
        cls.dcmqrscp = cls.serve_all(servers.DcmQRSCP())
        loading.load_dcmqrscp(cls.dcmqrscp, cls.images)
        cls.orthanc = cls.serve_all(servers.Orthanc())
        loading.load_orthanc(cls.orthanc, cls.images)

    def check(self, server):
        for level, (root, option, keys) in self.LEVELS.items():
            with self.subTest(level):
                keys = [key.format(study=self.images[0].study, series=self.images[0].series) for key in keys]
                folder = self.folder / f"{server.name}-{level}"
                folder.mkdir()
                arguments = [part for key in keys for part in ("-k", key)]
                servers.run_dcmtk(
                    "findscu", option, "-X", "-od", folder, "-aec", server.ae_title, *arguments,
                    "-k", "0008,0005=ISO_IR 192", servers.LOOPBACK, server.port, expect=0,
                )  # fmt: skip
                expected = [pydicom.dcmread(path, force=True) for path in sorted(folder.iterdir())]
                run = dcmscu(
                    "--find", f"--{root}root", "--call", server.ae_title, "--format", "jsonl",
                    servers.LOOPBACK, server.port, *arguments, expect=0,
                )  # fmt: skip
                found = [Dataset.from_json(line) for line in run.stdout.splitlines()]
                self.assertTrue(found, run)
                self.assertEqual(len(found), len(expected), run)
                for ours, theirs in zip(found, expected):
                    self.assertEqual(comparable(ours), comparable(theirs))

    def test_answers_of_dcmqrscp(self):
        self.check(self.dcmqrscp)

    def test_answers_of_orthanc(self):
        self.check(self.orthanc)


def comparable(dataset):
    """Values as a person sees them: JSON has numbers where DICOM has text, and says UTF-8 whatever it was."""
    found = {}
    for entry in dataset:
        if entry.tag == 0x00080005:
            continue
        value = entry.value
        if entry.VR == "SQ":
            value = [comparable(item) for item in value]
        elif value is None or value == "":
            value = ""
        elif entry.VR in ("IS", "DS"):
            value = float(value)
        else:
            value = str(value).rstrip("\0 ")
        found[entry.tag] = (entry.VR, value)
    return found


class Formats(PeerTest):
    def test_csv_is_read_back_by_the_csv_module(self):
        peer = self.peer(
            study_answer(PatientName='Comma, "Quote"^Anna', PatientID="=1+1", StudyDescription="-5", StudyID="-x"),
            study_answer(PatientName="Müller^Jörg=山田^太郎", PatientID="@SUM", ModalitiesInStudy=["CT", "SR"]),
        )
        columns = "PatientName,PatientID,StudyDescription,StudyID,ModalitiesInStudy"
        run = self.find(peer, "--format", "csv", "--columns", columns)
        rows = list(csv.reader(io.StringIO(run.stdout)))
        self.assertEqual(rows[0], columns.split(","))
        self.assertEqual(rows[1], ['Comma, "Quote"^Anna', "'=1+1", "-5", "'-x", ""])
        self.assertEqual(rows[2], ["Müller^Jörg=山田^太郎", "'@SUM", "", "", "CT\\SR"])
        # The attributes of columns are requested.
        self.assertIn("StudyDescription", peer.query())

    def test_tsv_has_one_line_an_answer_whatever_is_in_it(self):
        answer = element(8, 5, "CS", b"ISO_IR 192") + element(0x10, 0x20, "LO", b"A\tB\r\nC\x1b[31m")
        run = self.find(self.peer(answer), "--format", "tsv", "-k", "PatientID")
        self.assertEqual(run.stdout, "PatientID\nA␉B␍␊C␛[31m\n")

    def test_no_format_lets_a_control_character_through(self):
        answer = element(8, 5, "CS", b"ISO_IR 192") + element(0x10, 0x10, "PN", b"\x1b]0;owned\x07^\xc2\x9b31m")
        peer = self.peer(answer)
        for name in ("text", "table", "csv", "tsv", "json", "jsonl"):
            run = self.find(peer, "--format", name, "-k", "PatientName")
            self.assertFalse(set(run.stdout) & set(map(chr, [*range(10), *range(11, 32), *range(127, 160)])), run)

    def test_json_is_an_array_and_empty_without_answers(self):
        self.assertEqual(json.loads(self.find(self.peer(), "--format", "json").stdout), [])
        run = self.find(self.peer(study_answer(PatientID="1"), study_answer(PatientID="2")), "--format", "json")
        self.assertEqual([Dataset.from_json(answer).PatientID for answer in json.loads(run.stdout)], ["1", "2"])

    def test_csv_without_answers_is_its_titles(self):
        self.assertEqual(self.find(self.peer(), "--format", "csv", "-k", "PatientID").stdout, "PatientID\n")

    def test_dcm_writes_one_file_an_answer_as_it_came(self):
        answers = [study_answer(PatientID="1", PatientName="Müller"), study_answer(PatientID="2")]
        peer = self.peer(*answers)
        folder = self.folder / "deep" / "down"
        self.find(peer, "--format", "dcm", "--output", folder)
        self.assertEqual(sorted(path.name for path in folder.iterdir()), ["rsp0001.dcm", "rsp0002.dcm"])
        for path, answer in zip(sorted(folder.iterdir()), peer.answers):
            self.assertEqual(images.data_set_bytes(path), answer)
            self.assertEqual(images.meta(path).MediaStorageSOPClassUID, STUDY_ROOT_FIND)

    def test_dcm_never_loses_what_an_earlier_run_has_written(self):
        folder = self.folder / "answers"
        first, second = study_answer(PatientID="1"), study_answer(PatientID="2")
        options = ("--format", "dcm", "--output", folder)

        def values():
            return {path.name: images.read(path).PatientID for path in folder.iterdir()}

        self.find(self.peer(first), *options)
        # The same answer again is there already.
        self.find(self.peer(first), *options)
        self.assertEqual(values(), {"rsp0001.dcm": "1"})
        run = self.find(self.peer(second), *options)
        self.assertEqual(values(), {"rsp0001.dcm": "1", "rsp0001-1.dcm": "2"})
        self.assert_names(run, "rsp0001-1.dcm", "a file with different content")
        run = self.find(self.peer(second), *options, "--if-exists", "fail", expect=3)
        self.assert_names(run, "rsp0001.dcm", "exists")
        self.find(self.peer(second), *options, "--if-exists", "overwrite")
        self.assertEqual(values(), {"rsp0001.dcm": "2", "rsp0001-1.dcm": "2"})
        run = self.find(self.peer(first), "--format", "json", "--if-exists", "skip", expect=2)
        self.assert_names(run, "--if-exists", "--format dcm")

    def test_a_list_that_ends_with_a_warning_is_told(self):
        peer = FindPeer([study_answer(PatientID="1")], final=0xB001)
        self.addCleanup(peer.stop)
        arguments = ("--find", "--key", "PatientID", servers.LOOPBACK, peer.port)
        self.assert_names(dcmscu(*arguments, expect=0), "after 1 match", "B001")
        dcmscu(*arguments, "--fail-on", "warning", expect=1)

    def test_a_list_that_the_server_cuts_short_is_no_success(self):
        peer = FindPeer([study_answer(PatientID="1")], final=0xFE00)
        self.addCleanup(peer.stop)
        run = dcmscu("--find", "--key", "PatientID", servers.LOOPBACK, peer.port, expect=7)
        self.assert_names(run, "FE00", "hint: servers limit")
        self.assertIn("1", run.stdout, run)

    def test_the_first_answer_is_printed_before_the_second_arrives(self):
        for name in ("text", "jsonl", "csv"):
            go_on = threading.Event()
            peer = self.peer(study_answer(PatientID="1"), study_answer(PatientID="2"), after_first=go_on)
            command = [dcmscu_path(), "--find", servers.LOOPBACK, peer.port, "--format", name, "-k", "PatientID"]
            with subprocess.Popen([*map(str, command)], stdout=subprocess.PIPE, text=True) as process:
                head = process.stdout.readline() + (process.stdout.readline() if name == "csv" else "")
                self.assertTrue(head)
                go_on.set()
                rest = process.stdout.read()
            self.assertEqual(process.returncode, 0)
            self.assertIn("2", rest)

    def test_a_limit_sends_c_cancel_and_says_so(self):
        go_on = threading.Event()
        go_on.set()
        peer = self.peer(*[study_answer(PatientID=str(n)) for n in range(1000)], after_first=go_on)
        run = self.find(peer, "--limit", "2", "--format", "jsonl")
        self.assertEqual(len(run.stdout.splitlines()), 2)
        self.assertTrue(peer.wasCancelled)
        self.assertIn("--limit", run.stderr)


class Sources(PeerTest):
    def test_text_lines_with_several_queries_go_over_one_association(self):
        peer = self.peer(study_answer(PatientID="7"))
        text = "# comment\r\nPatientName=DOE*\nStudyDate=20240101-\n\n\n0010,0020=7\n"
        run = self.find(peer, "--query", "-", "--key", "AccessionNumber", "--format", "jsonl", stdin=text.encode())
        self.assertEqual(len(run.stdout.splitlines()), 2)
        self.assertEqual((peer.connections, len(peer.queries)), (1, 2))
        self.assertEqual(peer.query(0).PatientName, "DOE*")
        self.assertEqual(peer.query(0).StudyDate, "20240101-")
        self.assertNotIn("PatientName", peer.query(1))
        self.assertEqual(peer.query(1).PatientID, "7")
        self.assertIn("AccessionNumber", peer.query(1))

    def test_what_store_query_wrote_is_sent_again(self):
        peer = self.peer()
        path = self.folder / "query.dcm"
        self.find(peer, "--series", "--patientroot", "-k", "StudyInstanceUID=1.2", "-k", "Modality=CT", "--store-query", path)
        self.find(peer, "--query", path)
        self.assertEqual(peer.queries[0], peer.queries[1])

    def test_a_key_replaces_what_the_file_says(self):
        peer = self.peer()
        path = self.folder / "query.json"
        path.write_text('{"00100010":{"vr":"PN","Value":[{"Alphabetic":"Müller*"}]},"00100020":{"vr":"LO","Value":["1"]}}')
        self.find(peer, "--query", path, "--key", "PatientID=2")
        self.assertEqual(peer.query().PatientName, "Müller*")
        self.assertEqual(peer.query().PatientID, "2")

    def test_a_query_of_another_character_set_is_sent_in_the_one_asked_for(self):
        peer = self.peer()
        path = self.folder / "query.json"
        path.write_text('[{"00100010":{"vr":"PN","Value":[{"Alphabetic":"Müller*"}]}}]')
        self.find(peer, "--query", path, "--charset", "ISO_IR 100")
        self.assertEqual(peer.query().SpecificCharacterSet, "ISO_IR 100")
        self.assertIn(b"M\xfcller*", peer.queries[0][1])

    def test_a_dicom_query_keeps_its_level(self):
        peer = self.peer()
        path = self.folder / "query.dcm"
        self.find(peer, "--image", "-k", "SOPInstanceUID=1.2.3", "--store-query", path)
        self.find(peer, "--query", path)
        self.assertEqual(peer.query(1).QueryRetrieveLevel, "IMAGE")
        self.find(peer, "--query", path, "--series")
        self.assertEqual(peer.query(2).QueryRetrieveLevel, "SERIES")


class NothingIsSent(PeerTest):
    """Usage errors: exit code 2 before anybody is called."""

    def test_what_is_wrong_with_a_query_is_exit_code_2_and_nobody_is_called(self):
        peer = self.peer()
        for arguments in (
            ["-k", "PatientNam=X"],
            ["-k", "StudyDate=2024-13-01"],
            ["-k", "StudyDate=today-7x"],
            ["--strict", "-k", "StudyInstanceUID=1.2.x"],
            ["--strict", "-k", r"ModalitiesInStudy=CT\MR"],
            ["-k", "StudyInstanceUID=1.2.*"],
            ["--charset", "nonsense"],
            ["--charset", "ISO_IR 100", "-k", "PatientName=山田"],
            ["--assume-charset", "nonsense"],
            ["--columns", "PatientNam"],
            ["--columns", "PatientID,all"],
            ["--columns", "PatientID", "--format", "jsonl"],
            ["--format", "xml"],
            ["--output", "x"],
            ["--limit", "0"],
            ["--timezone", "CET"],
            ["--strict", "-k", "Modality"],
            ["--query", "-"],
            ["--return", "PatientID,Nonsense"],
        ):
            run = self.find(peer, *arguments, expect=2)
            self.assertTrue(run.stderr.startswith("dcmscu: "), run)
            self.assertEqual(run.stdout, "")
        self.assertEqual(peer.connections, 0)

    def test_a_broken_query_file_names_its_line(self):
        peer = self.peer()
        run = self.find(peer, "--query", "-", stdin=b"PatientID=1\nStudyDat=x\n", expect=2)
        self.assert_names(run, "line 2", "StudyDate")
        run = self.find(peer, "--query", "-", stdin=b'{"0010":1}', expect=2)
        self.assert_names(run, "line 1")
        run = self.find(peer, "--query", self.folder / "missing", expect=3)
        self.assertEqual(peer.connections, 0)


class Negotiation(PeerTest):
    def test_what_is_granted_and_what_is_not_is_noted(self):
        peer = self.peer(negotiation={STUDY_ROOT_FIND: b"\x01\x00\x01"})
        run = self.find(peer, "--relational", "--datetime-matching", "--fuzzy")
        self.assertEqual(peer.offered, {STUDY_ROOT_FIND: b"\x01\x01\x01"})
        self.assert_names(run, "grants relational queries, fuzzy matching of names", "does not grant date-time matching")

    def test_a_timezone_is_negotiated_and_sent(self):
        peer = self.peer()
        run = self.find(peer, "--timezone", "+0100")
        self.assertEqual(peer.offered, {STUDY_ROOT_FIND: b"\x00\x00\x00\x01"})
        self.assertEqual(peer.query().TimezoneOffsetFromUTC, "+0100")
        self.assert_names(run, "does not grant timezone")

    def test_a_worklist_has_two_reserved_bytes(self):
        peer = self.peer()
        dcmscu("--worklist", "--fuzzy", servers.LOOPBACK, peer.port, expect=0)
        self.assertEqual(peer.offered, {WORKLIST_FIND: b"\x01\x01\x01"})

    def test_nothing_is_negotiated_unasked(self):
        peer = self.peer()
        self.find(peer)
        self.assertEqual(peer.offered, {})


class Values(PeerTest):
    """Values that archives have, whatever the standard says of them, and what was printed."""

    def test_a_value_against_the_rules_is_warned_of_and_sent(self):
        peer = self.peer()
        for key, value in (
            ("StudyInstanceUID", "1.2.03"), ("StudyInstanceUID", "1.2.a"), ("AccessionNumber", "123456789012345678"),
            ("ModalitiesInStudy", r"CT\MR"), ("Modality", "ct"),
        ):  # fmt: skip
            run = self.find(peer, "-k", f"{key}={value}")
            self.assert_names(run, "warning: ", key)
            sent = peer.query(-1)[key].value
            self.assertEqual("\\".join(sent) if isinstance(sent, (list, pydicom.multival.MultiValue)) else sent, value)

    def test_a_list_and_an_empty_value_are_negotiated(self):
        peer = self.peer()
        self.find(peer, "-k", r"ModalitiesInStudy=CT\MR")
        self.assertEqual(peer.offered, {STUDY_ROOT_FIND: bytes([0, 0, 0, 0, 0, 0, 1])})
        peer = self.peer(negotiation={STUDY_ROOT_FIND: bytes([0, 0, 0, 0, 0, 1])})
        run = self.find(peer, "-k", 'AccessionNumber=""')
        self.assertEqual(peer.offered, {STUDY_ROOT_FIND: bytes([0, 0, 0, 0, 0, 1])})
        self.assert_names(run, "grants empty value matching")
        self.assertEqual(peer.query().AccessionNumber, '""')

    def test_a_list_means_all_of_its_values_where_that_is_granted(self):
        answers_of = [
            study_answer(PatientID=patient, StudyInstanceUID=f"1.2.{patient}", ModalitiesInStudy=modalities)
            for patient, modalities in (("1", ["CT", "MR", "SR"]), ("2", "CT"), ("3", "MR"))
        ]
        for granted, patients, words in (
            (bytes([0, 0, 0, 0, 0, 0, 1]), ["1"], ["grants multiple value matching", "2 matches left out"]),
            (bytes([0, 0, 0, 0, 0, 0, 0]), ["1", "2", "3"], ["does not grant multiple value matching"]),
        ):
            peer = self.peer(*answers_of, negotiation={STUDY_ROOT_FIND: granted})
            run = self.find(peer, "-k", r"ModalitiesInStudy=CT\MR", "--format", "tsv", "--columns", "PatientID")
            self.assertEqual(run.stdout.split()[1:], patients)
            self.assert_names(run, *words)

    def test_equal_responses_are_one_match(self):
        answer = study_answer(PatientID="1", StudyInstanceUID="1.2.1")
        peer = self.peer(answer, answer, study_answer(PatientID="1", StudyInstanceUID="1.2.2"), answer)
        self.assertEqual(len(answers(self.find(peer))), 2)
        self.assertEqual(self.find(peer, "--format", "count").stdout, "2\n")
        # Without the unique key they may be two studies.
        peer = self.peer(study_answer(PatientID="1"), study_answer(PatientID="1"))
        self.assertEqual(len(answers(self.find(peer))), 2)

    def test_a_match_in_the_final_response_is_taken(self):
        peer = self.peer(study_answer(PatientID="1"), last=study_answer(PatientID="2"))
        self.assertEqual([answer["0010,0020"] for answer in answers(self.find(peer))], ["1", "2"])

    def test_what_was_printed_is_a_key_again(self):
        values = {
            "PatientName": "=1^a, b", "PatientID": "-x\"y", "StudyDate": "20260131", "StudyTime": "101500.25",
            "AccessionNumber": "123456789012345678", "StudyInstanceUID": "1.2.03.a", "StudyDescription": "@SUM(1)",
        }  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            peer = self.peer(study_answer(**values))
        run = self.find(peer, "--format", "tsv", "--columns", ",".join(values))
        printed = dict(zip(values, run.stdout.splitlines()[1].split("\t")))
        run = self.find(peer, *[part for item in printed.items() for part in ("-k", "=".join(item))])
        for keyword, value in values.items():
            self.assertEqual(str(peer.query(-1)[keyword].value), value)
        self.assertEqual(len(answers(run)), 1, run)


class Placement(PeerTest):
    def test_keys_out_of_place_are_warned_of_and_sent(self):
        peer = self.peer()
        run = self.find(peer, "-k", "Modality=CT", "-k", "PatientName")
        self.assert_names(run, "Modality (0008,0060)", "SERIES")
        self.assertNotIn("PatientName", run.stderr)
        self.assertEqual(peer.query().Modality, "CT")

    def test_a_worklist_key_outside_of_its_sequence_is_warned_of(self):
        run = dcmscu("--worklist", servers.LOOPBACK, self.peer().port, "-k", "40,1=X", expect=0)
        self.assert_names(run, "ScheduledProcedureStepSequence.ScheduledStationAETitle")

    def test_a_worklist_key_that_is_named_finds_its_sequence(self):
        peer = self.peer()
        run = dcmscu(
            "--worklist", servers.LOOPBACK, peer.port, "-k", "ScheduledStationAETitle=CT1", "--return", "Modality",
            "--date", "2026-01", "--station", "CT1", expect=2,
        )  # fmt: skip
        self.assert_names(run, "two values for", "ScheduledStationAETitle")
        run = dcmscu(
            "--worklist", servers.LOOPBACK, peer.port, "-k", "scheduledstationaetitle=CT1", "--return", "Modality",
            "--date", "2026-01", expect=0,
        )  # fmt: skip
        self.assertEqual(run.stderr, "")
        (step,) = peer.query().ScheduledProcedureStepSequence
        self.assertEqual(step.ScheduledStationAETitle, "CT1")
        self.assertEqual(step.ScheduledProcedureStepStartDate, "20260101-20260131")
        self.assertIn("Modality", step)
        self.assertNotIn("Modality", peer.query())


def decoded(path):
    dataset = pydicom.dcmread(path)
    dataset.decode()
    return dataset


class CharacterSets(PeerTest):
    """The files of python3-pydicom come out as pydicom itself reads them."""

    def names(self, dataset):
        return [str(entry.value) for entry in dataset.iterall() if entry.VR == "PN"]

    def test_names_of_all_files_in_all_component_groups(self):
        paths = sorted(CHARSET_FILES.glob("*.dcm"))
        self.assertEqual(len(paths), 17)
        for path in paths:
            with self.subTest(path.name):
                run = self.find(self.peer(self.answer(path)), "--format", "jsonl")
                found = Dataset.from_json(run.stdout)
                self.assertEqual(self.names(found), self.names(decoded(path)))

    def answer(self, path):
        """The bytes of the data set without pixels and group lengths, in Explicit VR Little Endian."""
        dataset = pydicom.dcmread(path)
        kept = Dataset()
        for entry in dataset:
            if entry.tag.group < 0x0028:
                kept.add(dataset.get_item(entry.tag))
        kept.is_little_endian, kept.is_implicit_VR = True, dataset.is_implicit_VR
        data = images.data_set_bytes(path)
        return data if not dataset.is_implicit_VR else kept

    def test_a_match_that_lost_its_letters_is_listed_and_not_retrieved(self):
        peer = self.serve(servers.Orthanc())
        path = self.folder / "hebrew.dcm"
        instance = images.read(images.image("CT_small.dcm").path)
        instance.SpecificCharacterSet, instance.PatientName = "ISO_IR 192", "כהן^דוד"
        instance.save_as(path)
        arguments = ["--call", peer.ae_title, servers.LOOPBACK, peer.port]
        dcmscu("--store", *arguments, path, expect=0)
        keys = ["-k", "PatientName=*דוד*"]
        run = dcmscu("--find", *arguments, *keys, "--format", "count", expect=0)
        self.assertEqual(run.stdout, "1\n")
        self.assert_names(run, "1 match with a PatientName that lost its letters", "ISO_IR 100", "PatientID")
        run = dcmscu("--get", *arguments, *keys, "-o", self.folder / "out", expect=7)
        self.assert_names(run, "lost its letters", "nothing is retrieved")

    def test_a_set_is_assumed_for_answers_that_forget_theirs(self):
        answer = element(0x10, 0x10, "PN", "Müller^Jörg".encode("latin1")) + element(0x10, 0x20, "LO", b"1")
        peer = self.peer(answer)
        self.assertIn("Müller^Jörg", self.find(peer, "--assume-charset", "ISO_IR 100").stdout)
        run = self.find(peer, "--assume-charset", "ISO_IR 100", "--format", "jsonl")
        self.assertEqual(Dataset.from_json(run.stdout).PatientName, "Müller^Jörg")
        self.assertNotIn("Müller", self.find(peer).stdout)

    def test_an_assumed_set_counts_for_an_empty_one_a_forced_one_for_all(self):
        name = element(0x10, 0x10, "PN", "Müller^Jörg – x".encode("windows-1252"))
        empty, wrong = self.peer(element(8, 5, "CS", b"") + name), self.peer(element(8, 5, "CS", b"ISO_IR 192") + name)
        for peer, option in ((empty, "--assume-charset"), (wrong, "--force-charset")):
            run = self.find(peer)
            self.assertNotIn("Müller", run.stdout)
            self.assert_names(run, "3 characters in 1 match cannot be decoded", "hint: ", option)
            self.assertNotIn("UTF-8", run.stderr)
            run = self.find(peer, option, "windows-1252", "--format", "jsonl")
            self.assertEqual(Dataset.from_json(run.stdout).PatientName, "Müller^Jörg – x")
            self.assertEqual(run.stderr, "")
        run = self.find(wrong, "--assume-charset", "windows-1252")
        self.assertNotIn("Müller", run.stdout)

    def test_bytes_that_are_utf_8_are_told_to_be(self):
        name = element(0x10, 0x10, "PN", "Müller^Jörg".encode())
        for peer, option in ((self.peer(name), "--assume-charset"), (self.peer(element(8, 5, "CS", b"ISO_IR 6") + name), "--force-charset")):
            run = self.find(peer)
            self.assert_names(run, "cannot be decoded", f"the bytes are UTF-8: {option} UTF-8")
            self.assertIn("Müller^Jörg", self.find(peer, option, "UTF-8").stdout)

    def test_sets_that_dicom_does_not_have_are_read_and_not_sent(self):
        for term, codec, text in (
            ("GB2312", "gb2312", "王^小东"), ("windows-1251", "cp1251", "Люкceмбypг"), ("SHIFT_JIS", "shift_jis", "ヤマダ^タロウ"),
            ("EUC-KR", "euc_kr", "김^철수"), ("Big5", "big5", "陳^大文"), ("cp1253", "cp1253", "Διονυσιος"),
        ):  # fmt: skip
            answer = element(8, 5, "CS", term.encode()) + element(0x10, 0x10, "PN", text.encode(codec))
            run = self.find(self.peer(answer), "--format", "jsonl")
            self.assertEqual(Dataset.from_json(run.stdout).PatientName, text, term)
            self.assertEqual(run.stderr, "")
        self.find(self.peer(), "--charset", "windows-1252", "-k", "PatientName=A", expect=2)

    def test_the_locale_of_c_says_nothing_about_the_terminal(self):
        peer = self.peer(study_answer(PatientName="Müller^Jörg"))
        run = self.find(peer, "-k", "PatientName=Müller", environment={"LC_ALL": "C"})
        self.assertIn("Müller^Jörg", run.stdout)
        self.assertEqual(peer.query().PatientName, "Müller")


class CharacterSetAsKey(PeerTest):
    """A server that matches (0008,0005) as a key gives what is stored in that very set, and seems to have no more."""

    KEYS = ["--find", "--study", "-k", "PatientID=*", "-k", "StudyInstanceUID"]

    def ask(self, peer, *options, environment=None):
        code, shown = on_terminal([*self.KEYS, *options, servers.LOOPBACK, peer.port], 200, environment)
        self.assertEqual(code, 0, shown)
        return shown

    @staticmethod
    def studies(terms):
        return [
            study_answer(SpecificCharacterSet=term, StudyInstanceUID=f"1.2.{number}", PatientID=str(number))
            for number, term in enumerate(terms)
        ]

    def test_few_matches_that_all_name_it_are_told_to_who_looks_closely(self):
        peer = self.peer(*self.studies(["ISO_IR 192", "ISO_IR 192"]))
        shown = " ".join(self.ask(peer, "-V").split())
        self.assertIn("the query names the character set ISO_IR 192, and so does every match", shown)
        self.assertIn('hint: --charset "ISO_IR 6" leaves it out', shown)
        # What is sent does not depend on the terminal.
        self.assertEqual(len(peer.queries), 1)
        self.assertNotIn("character set", self.ask(peer))

    def test_without_a_match_the_hint_names_it_where_it_was_sent(self):
        shown = " ".join(self.ask(self.peer()).split())
        self.assertIn("no match", shown)
        self.assertIn('--charset "ISO_IR 6"', shown)
        self.assertNotIn("--charset", self.ask(self.peer(), "--charset", "ISO_IR 6"))

    def test_where_it_cannot_be_the_cause_nothing_is_said(self):
        stored = self.studies(["ISO_IR 192"] * 3)
        for answers, options in (
            # Another set in a match: it is no key.
            (self.studies(["ISO_IR 192", "ISO_IR 100"]), []), (self.studies([None, "ISO_IR 192"]), []),
            # The value needs it.
            (stored, ["-k", "PatientName=M\u00fcller*"]),
            (stored, ["--charset", "ISO_IR 6"]),
            # Many matches.
            (self.studies(["ISO_IR 192"] * 101), []),
        ):  # fmt: skip
            with self.subTest(options=options, matches=len(answers)):
                self.assertNotIn("names the character set", self.ask(self.peer(*answers), "-V", *options))


class RawBytes(PeerTest):
    def test_a_path_that_is_no_utf_8_still_opens(self):
        path = os.fsencode(self.folder) + b"/query-\xfc.txt"
        with open(path, "w") as file:
            file.write("PatientID=7")
        peer = self.peer()
        self.find(peer, "--query", os.fsdecode(path))
        self.assertEqual(peer.query().PatientID, "7")

    def test_a_key_that_is_no_text_is_refused(self):
        peer = self.peer()
        run = self.find(peer, "-k", os.fsdecode(b"PatientName=M\xfcller"), expect=2)
        self.assertIn("PatientName", run.stderr)
        self.assertEqual(peer.connections, 0)


class Locales(PeerTest):
    """A locale of another encoding, compiled for the test."""

    @classmethod
    def setUpClass(cls):
        source = pathlib.Path("/usr/share/i18n/locales/de_DE")
        if not source.exists():
            raise AssertionError(f"{source} is missing; scripts/test installs the package locales")

    def test_latin_1_comes_in_and_goes_out(self):
        servers.programs.run("localedef", "-i", "de_DE", "-f", "ISO-8859-1", self.folder / "de_DE", expect=(0, 1))
        environment = {"LOCPATH": self.folder, "LC_ALL": "de_DE"}
        peer = self.peer(study_answer(PatientName="Müller^Jörg=山田^太郎"))
        run = self.find(peer, "-k", b"PatientName=M\xfcller*".decode("utf-8", "surrogateescape"), environment=environment)
        self.assertIn(b"[M\xfcller^J\xf6rg=??^?? ]", run.stdout_bytes)
        self.assertEqual(peer.query().SpecificCharacterSet, "ISO_IR 100")
        self.assertEqual(peer.query().PatientName, "Müller*")
        # A path is bytes: the file opens, whatever encoding its name has.
        folder = os.fsencode(self.folder) + b"/M\xfcller"
        self.find(peer, "--format", "dcm", "--output", os.fsdecode(folder), environment=environment)
        self.assertEqual(os.listdir(folder), [b"rsp0001.dcm"])
        run = self.find(peer, "--format", "jsonl", environment=environment)
        self.assertEqual(Dataset.from_json(run.stdout).PatientName, "Müller^Jörg=山田^太郎")
