"""`--split`: lists that a server cuts short become whole, or are told."""

import json

from harness import cases, generated, servers
from harness.practice import PracticeArchive
from harness.programs import dcmscu

STUDIES = 3000


class CutShort(cases.RealServerTest):
    def archive(self, *faults, write=None):
        """An archive of generated studies that cuts its lists."""
        archive = PracticeArchive(options=[f"--inject={fault}" for fault in faults])
        write = write or (lambda folder: generated.write_studies(folder, STUDIES))
        prepare = archive.prepare

        def fill():
            prepare()
            self.studies = write(archive.folder / "archive")

        archive.prepare = fill
        return self.serve(archive)

    def find(self, archive, *options, expect=0):
        return dcmscu("--find", servers.LOOPBACK, archive.port, "--format", "jsonl", *options, expect=expect)

    def found(self, run):
        uids = [json.loads(line)["0020000D"]["Value"][0] for line in run.stdout.splitlines()]
        self.assertEqual(len(uids), len(set(uids)), "a study is listed twice")
        return set(uids)

    def test_a_list_that_ends_with_a_status_becomes_whole(self):
        archive = self.archive("find-limit=500")
        cut = self.find(archive, expect=7)
        self.assertEqual(len(self.found(cut)), 500)
        self.assert_names(cut, "A700H", "--split auto")
        run = self.find(archive, "--split", "auto")
        self.assertEqual(self.found(run), set(self.studies))
        self.assert_names(run, "ends lists after 500 matches, with A700H", "asked in parts")
        # A key with a range keeps it.
        year = self.find(archive, "--split", "auto", "-k", "StudyDate=20160101-20191231")
        self.assertEqual(self.found(year), {uid for uid, date in self.studies.items() if "20160101" <= date <= "20191231"})

    def test_a_list_that_ends_without_a_word_becomes_whole(self):
        archive = self.archive("find-limit=200/0000")
        cut = self.find(archive)
        self.assertEqual(len(self.found(cut)), 200)
        self.assert_names(cut, "exactly 200 matches", "may be a limit of the server", "--split auto")
        self.assertEqual(self.find(archive, "--split", "off").stderr, "")
        self.assertEqual(self.found(self.find(archive, "--split", "auto")), set(self.studies))

    def test_steps_of_days_ask_for_what_is_there(self):
        archive = self.archive("find-limit=200/0000")
        for step in ("P90D", "12w"):
            self.assertEqual(self.found(self.find(archive, "--split", step)), set(self.studies))
        self.find(archive, "--split", "fortnight", expect=2)

    def test_a_retrieval_takes_the_whole_list_by_itself(self):
        archive = self.archive("find-limit=100", write=lambda folder: generated.write_studies(folder, 450))
        out = self.folder / "out"
        run = dcmscu(
            "--get", servers.LOOPBACK, archive.port, "-k", "StudyDate=20160101-20261231", "-o", out, "--format", "jsonl",
            "--jobs", 2, expect=0,
        )  # fmt: skip
        self.assertEqual(len(list(out.rglob("*.dcm"))), 450)
        summary = json.loads(run.stdout.splitlines()[-1])
        self.assertEqual(summary["done"], 450)
        self.assertGreater(summary["queries"], 5)
        self.assertNotIn("doubtfulParts", summary)

    def test_what_cannot_be_divided_is_told_and_ends_in_1(self):
        # 24 hours of one day with five studies each, of which the server names four.
        archive = self.archive("find-limit=4", write=lambda folder: generated.write_studies(folder, 24 * 5, days=1))
        run = self.find(archive, "-k", "StudyDate=2016", "--split", "auto", expect=1)
        self.assertEqual(len(self.found(run)), 24 * 4)
        self.assert_names(run, "2016-01-01, 00:00:00 to 00:00:00", "cannot be divided further", "24 parts")
