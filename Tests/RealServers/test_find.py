"""C-FIND: what was stored is listed, at every level, with both models."""

import re

from harness import cases, images, loading, servers
from harness.programs import dcmscu

PATIENT_ID = "0010,0020"
STUDY_UID = "0020,000d"
SERIES_UID = "0020,000e"
INSTANCE_UID = "0008,0018"

LINE = re.compile(r"^\(([0-9a-f]{4},[0-9a-f]{4})\) ([A-Z]{2}) (.*?)\s*# ")


def answers(run):
    """The matches of a find as gdcmscu scripts read them: `Find Response: N`, then one line an element."""
    found = []
    for line in run.stdout.splitlines():
        if re.match(r"^(WL )?Find Response: \d+$", line):
            found.append({})
            continue
        match = LINE.match(line)
        if match and found:
            found[-1][match[1]] = match[3].strip().removeprefix("[").removesuffix("]").strip(" \0")
    return found


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


class Worklist(cases.RealServerTest):
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
