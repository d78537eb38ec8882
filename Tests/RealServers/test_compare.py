"""`--compare`: archives of several makers, DICOMweb and folders, compared, repaired and compared again."""

import csv
import io
import json
import shutil
import signal
import subprocess
import threading
import time

import pydicom

from harness import cases, findpeer, generated, measured, programs, servers, webpeer
from harness.practice import PracticeArchive, WebArchive, made_up_images
from harness.programs import dcmscu

COMPARED = ("--study", "--series", "--image")


def peer(server, title=None):
    return f"{title or server.ae_title}@{servers.LOOPBACK}:{server.port}"


class Comparing(cases.RealServerTest):
    def compare(self, first, second, *options, expect=0):
        return dcmscu("--compare", first, second, *options, expect=expect)

    def marked(self, run):
        """The UIDs of each mark."""
        found = {}
        for line in run.stdout.splitlines():
            mark, *uids = line.split("  ")[0].split(" ")
            found.setdefault(mark, set()).add(tuple(uids))
        return found

    def store(self, server, *paths):
        dcmscu("--store", peer(server), "-r", *paths, expect=0)


class SeveralMakers(Comparing):
    """One set of instances in every kind of archive: three studies of one instance, and one of thirty in three series."""

    @classmethod
    def setUpClass(cls):
        cls.practice = cls.serve_all(WebArchive())
        cls.orthanc = cls.serve_all(servers.orthanc_with_web())
        cls.dcmtk = cls.serve_all(servers.DcmQRSCP())
        cls.images = cls.practice.folder / "images"
        generated.write_instances(cls.images / "one", 30, series_size=10)
        (cls.images / "more").mkdir()
        for number in range(3):
            data = generated.instance(100 + number, series=100 + number, study=f"{generated.ROOT}.5.{number}", date="20260102")
            (cls.images / "more" / f"{number}.dcm").write_bytes(data)
        for server in (cls.practice, cls.orthanc, cls.dcmtk):
            dcmscu("--store", peer(server), "-r", cls.images, expect=0)

    def sides(self):
        """Each kind of side, by its name on the command line."""
        return {
            "practice": peer(self.practice),
            "practice over HTTP": self.practice.url,
            "Orthanc": peer(self.orthanc),
            "Orthanc over DICOMweb": self.orthanc.web_url,
            "Orthanc's own interface": self.orthanc.own_url,
            "dcmqrscp": peer(self.dcmtk),
            "folder": str(self.images),
        }

    def test_each_kind_of_side_is_equal_to_each_other_at_each_level(self):
        sides = self.sides()
        names = list(sides)
        numbers = {"--study": "4 studies", "--series": "6 series", "--image": "33 instances"}
        # Each beside the next one, and the last beside the first: every kind on either side.
        for first, second in zip(names, names[1:] + names[:1]):
            for level in COMPARED:
                with self.subTest(first=first, second=second, level=level):
                    run = self.compare(sides[first], sides[second], level)
                    self.assertEqual(run.stdout, "")
                    self.assert_names(run, f"{numbers[level]} compared")

    def test_a_server_that_does_not_tell_the_number_of_instances_is_asked_for_them(self):
        run = self.compare(str(self.images), peer(self.dcmtk))
        if "counted by a query" not in run.stderr:
            self.assertIn("4 equal", run.stderr)
        less = self.folder / "less"
        shutil.copytree(self.images, less)
        (less / "one" / "000007.dcm").unlink()
        run = self.compare(str(less), peer(self.dcmtk), expect=1)
        self.assertEqual(run.stdout, f"* {generated.ROOT}.1  NumberOfStudyRelatedInstances 29 | 30\n")

    def test_keys_are_those_of_a_retrieval_at_every_kind_of_side(self):
        sides = self.sides()
        for name, side in sides.items():
            with self.subTest(side=name):
                run = self.compare(side, str(self.images / ".." / "images"), "-k", "StudyDate=20260102", "--show", "all")
                self.assertEqual({mark: len(uids) for mark, uids in self.marked(run).items()}, {"=": 3})
                run = self.compare(side, peer(self.practice, "ARCHIVE"), "--series", "-k", "StudyDate=20260102", "-k", "Modality=OT", "--show", "all")
                self.assertEqual({mark: len(uids) for mark, uids in self.marked(run).items()}, {"=": 3})

    def test_attributes_are_compared_whatever_the_archive_makes_of_them(self):
        sides = self.sides()
        for name in ("Orthanc", "Orthanc over DICOMweb", "dcmqrscp", "folder"):
            with self.subTest(side=name):
                run = self.compare(
                    sides["practice"], sides[name], "--columns", "PatientID,PatientName,StudyDate,StudyTime", "--show", "all"
                )
                self.assertEqual(set(self.marked(run)), {"="}, run)


class Repair(Comparing):
    def setUp(self):
        super().setUp()
        self.new = self.serve(PracticeArchive())
        self.old = self.serve(PracticeArchive([("NEW", self.new.port)]))
        self.images = made_up_images(self.folder / "images")
        self.studies = {}
        for path in self.images:
            entry = pydicom.dcmread(path, stop_before_pixels=True)
            self.studies.setdefault(str(entry.StudyInstanceUID), []).append((path, str(entry.SOPInstanceUID)))
        self.store(self.old, self.folder / "images")

    def spoil(self):
        """Everything at the new archive but one study, and one instance of another one."""
        by_size = sorted(self.studies, key=lambda uid: len(self.studies[uid]))
        self.missing, self.spoilt = by_size[0], by_size[-1]
        left = [path for uid, files in self.studies.items() if uid != self.missing for path, _ in files]
        left.remove(self.studies[self.spoilt][0][0])
        dcmscu("--store", peer(self.new), *left, expect=0)

    def test_what_is_missing_is_moved_by_the_list_and_then_equal(self):
        self.spoil()
        for format in ("csv", "jsonl"):
            with self.subTest(format=format):
                run = self.compare(peer(self.old), peer(self.new), "--format", format, expect=1)
                listed = self.folder / f"list.{format}"
                listed.write_text(run.stdout)
                if format == "csv":
                    rows = list(csv.DictReader(io.StringIO(run.stdout)))
                    self.assertEqual(
                        {(row["Comparison"], row["StudyInstanceUID"]) for row in rows},
                        {("missing", self.missing), ("different", self.spoilt)},
                    )
                    # At the first peer, as it is: C-GET brings the same studies.
                    got = dcmscu("--get", peer(self.old), "--from-list", listed, "-o", self.folder / "got", expect=0)
                    count = len(self.studies[self.missing]) + len(self.studies[self.spoilt])
                    self.assertEqual(len(list((self.folder / "got").rglob("*.dcm"))), count, got)
                    continue
                events = [json.loads(line) for line in run.stdout.splitlines()]
                self.assertEqual(
                    {(event["event"], event["studyInstanceUID"]) for event in events if "studyInstanceUID" in event},
                    {("missing", self.missing), ("different", self.spoilt)},
                )
                summary = events[-2]
                self.assertEqual((summary["missing"], summary["different"], summary["equal"], summary["exitCode"]), (1, 1, 1, 1))
                dcmscu("--move", peer(self.old), "--move-destination", "NEW", "--from-list", listed, expect=0)
        run = self.compare(peer(self.old), peer(self.new))
        self.assert_names(run, "3 studies compared: 3 equal")

    def test_instances_are_moved_by_the_list(self):
        self.spoil()
        run = self.compare(peer(self.old), peer(self.new), "--image", "--format", "csv", expect=1)
        rows = list(csv.DictReader(io.StringIO(run.stdout)))
        missing = {uid for _, uid in self.studies[self.missing]} | {self.studies[self.spoilt][0][1]}
        self.assertEqual({row["SOPInstanceUID"] for row in rows}, missing)
        (self.folder / "list.csv").write_text(run.stdout)
        dcmscu(
            "--move", "--image", peer(self.old), "--move-destination", "NEW", "--from-list", self.folder / "list.csv", expect=0
        )
        self.compare(peer(self.old), peer(self.new), "--image")

    def test_a_list_that_cannot_be_divided_says_what_to_do(self):
        cut = self.serve(PracticeArchive(options=["--inject=find-limit=4"]))
        self.store(cut, self.folder / "images")
        run = self.compare(peer(self.old), peer(cut), "--image", expect=1)
        self.assertEqual(set(self.marked(run)), {"?"})
        self.assert_names(run, "is not listed whole", "no date or modality divides this list", "8 equal")

    def test_what_only_the_second_one_has_is_not_asked_for_at_the_first(self):
        extra = generated.instance(1, study="1.2.3.4")
        (self.folder / "images" / "extra.dcm").write_bytes(extra)
        self.store(self.new, self.folder / "images")
        run = self.compare(peer(self.old), peer(self.new), "--format", "csv", expect=1)
        self.assertIn("extra,1.2.3.4,", run.stdout)
        (self.folder / "list.csv").write_text(run.stdout)
        got = dcmscu("--get", peer(self.old), "--from-list", self.folder / "list.csv", "-o", self.folder / "got", expect=0)
        self.assert_names(got, "the list is empty")


class CutAndLost(Comparing):
    STUDIES = 3000

    def archive(self, *faults, without=(), studies=None):
        archive = PracticeArchive(options=[f"--inject={fault}" for fault in faults])
        prepare = archive.prepare

        def fill():
            prepare()
            folder = archive.folder / "archive"
            self.studies = generated.write_studies(folder, studies or self.STUDIES)
            for number in without:
                (folder / f"{number:06}.dcm").unlink()

        archive.prepare = fill
        return self.serve(archive)

    def test_lists_that_are_cut_short_are_whole_and_two_lacks_are_found(self):
        first = self.archive("find-limit=500")
        second = self.archive("find-limit=200/0000", without=(17, 2999))
        run = self.compare(peer(first), peer(second), expect=1)
        root = f"{generated.ROOT}.4."
        self.assertEqual(self.marked(run), {"-": {(f"{root}17",), (f"{root}2999",)}})
        self.assert_names(run, "3000 studies compared", "2998 equal", "ends lists after 500 matches")
        again = self.compare(peer(second), peer(first), "-k", "StudyDate=20160101-20161231", expect=1)
        self.assertEqual(self.marked(again), {"+": {(f"{root}17",)}})

    def test_what_cannot_be_divided_is_no_difference_and_ends_in_1(self):
        whole = self.serve(self.of_one_day())
        cut = self.serve(self.of_one_day("find-limit=4"))
        run = self.compare(peer(whole), peer(cut), expect=1)
        # Each that the cut lists lack is there when it is asked for alone.
        self.assertEqual(run.stdout, "")
        self.assert_names(run, "cannot be divided further", "120 equal", "24 studies not listed for the keys")

    def of_one_day(self, *faults):
        archive = PracticeArchive(options=[f"--inject={fault}" for fault in faults])
        prepare = archive.prepare

        def fill():
            prepare()
            generated.write_studies(archive.folder / "archive", 24 * 5, days=1)

        archive.prepare = fill
        return archive

    def test_a_server_that_does_not_answer_about_one_study_leaves_a_doubt(self):
        first = self.archive(studies=40)
        second = self.archive("find-status=A700/2", without=(3,), studies=40)
        run = self.compare(peer(first), peer(second), expect=7)
        self.assertEqual(self.marked(run), {"?": {(f"{generated.ROOT}.4.3",)}})
        self.assert_names(run, "A700H", "1 not known (?)")
        # A list of doubts retrieves nothing.
        run = self.compare(peer(first), peer(second), "--format", "csv", "--show", "doubtful", expect=7)
        (self.folder / "list.csv").write_text(run.stdout)
        got = dcmscu("--get", peer(first), "--from-list", self.folder / "list.csv", "-o", self.folder / "got", expect=1)
        self.assert_names(got, "the list is empty", "1 row of what --compare could not find out")

    def test_a_server_that_ends_idle_associations_is_called_again(self):
        # Both sides are listed before anything is asked, and each lacks something of the other one.
        first = self.archive("abort-after=2", without=(5,), studies=40)
        second = self.archive("abort-after=2", without=(6, 7), studies=40)
        run = self.compare(peer(first), peer(second), "--retries", "5", "--retry-delay", "0.01", expect=1)
        self.assertEqual({mark: len(uids) for mark, uids in self.marked(run).items()}, {"-": 2, "+": 1})


class Odd(Comparing):
    def test_an_interrupt_ends_in_order_and_keeps_what_was_found(self):
        waiting = threading.Event()
        answers = [self.answer(f"1.2.{number}") for number in range(3)]
        slow = findpeer.FindPeer(answers, after_first=waiting)
        self.addCleanup(slow.stop)
        self.addCleanup(waiting.set)
        process = subprocess.Popen(
            [programs.dcmscu_path(), "--compare", f"{servers.LOOPBACK}:{slow.port}", str(self.folder)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        while not slow.queries:
            time.sleep(0.01)
        programs.send_signals(process.pid, signal.SIGINT)
        waiting.set()
        _, messages = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130, messages)
        self.assertIn("the comparison ended early", messages)

    def answer(self, uid):
        answer = pydicom.Dataset()
        answer.QueryRetrieveLevel = "STUDY"
        answer.StudyInstanceUID = uid
        answer.NumberOfStudyRelatedInstances = "1"
        return answer

    def test_a_server_that_is_not_there_has_its_own_exit_code(self):
        port = servers.free_port()
        run = self.compare(str(self.folder), f"{servers.LOOPBACK}:{port}", expect=4)
        self.assert_names(run, "connection refused")
        self.assertEqual(run.stdout, "")

    def test_a_folder_that_is_written_like_a_host_is_named(self):
        (self.folder / "made").mkdir()
        run = dcmscu("--compare", "made", f"{servers.LOOPBACK}:{servers.free_port()}", directory=self.folder, expect=4)
        self.assert_names(run, "a folder of this name is here: write made/")

    def test_an_attribute_that_neither_of_two_returns_over_http_is_not_equal(self):
        def act(request):
            match = webpeer.study("1.2.3", _00080020="20260101")
            match["00201208"] = {"vr": "IS", "Value": [2]}
            return webpeer.answer(body=[match])

        first, second = webpeer.WebPeer(act), webpeer.WebPeer(act)
        self.addCleanup(first.stop)
        self.addCleanup(second.stop)
        self.compare(first.url, second.url, "--columns", "StudyDate")
        run = self.compare(first.url, second.url, "--columns", "StudyDate,AccessionNumber", expect=1)
        self.assert_names(run, "AccessionNumber is not compared", "neither")

    def test_help_is_found_by_each_of_its_names(self):
        for words in (["--compare", "--help"], ["compare", "--help"], ["help", "compare"], ["--help", "compare"]):
            self.assertIn("--compare study/ pacs.example.org:11112 --image", dcmscu(*words, expect=0).stdout)

    def test_lists_of_any_length_take_little_memory(self):
        source = programs.REPOSITORY / "Tests" / "Benchmarks"
        tool = self.folder / "find_source"
        subprocess.run(["cc", "-O2", "-pthread", "-o", tool, source / "find_source.c"], check=True)
        process = subprocess.Popen([tool, "--answers", "150003"], stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.addCleanup(process.stdout.close)
        port = process.stdout.readline().split()[-1]
        side = f"{servers.LOOPBACK}:{port}"
        run = measured.dcmscu("--compare", f"ONE@{side}", f"OTHER@{side}", expect=0, timeout=600)
        self.assert_names(run, "150003 studies compared: 150003 equal")
        self.assertLess(run.peak, measured.PEAK_MEMORY)
