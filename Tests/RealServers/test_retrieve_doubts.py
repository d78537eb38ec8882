"""C-MOVE and C-GET that only look complete: what a server leaves out, and what an earlier run has left, must not pass for success."""

import json
import os

from harness.scripted_archive import CANCELLED
from test_retrieve_scripted import Scripted, study


class Lists(Scripted):
    def studies(self, count):
        return [instance for number in range(1, count + 1) for instance in study(4, number=number)]

    def test_a_server_that_limits_its_answers_does_not_make_the_rest_unseen(self):
        for status in (CANCELLED, 0xB001):
            with self.subTest(hex(status)):
                archive = self.serve_scripted(self.studies(5))
                archive.find_status, archive.find_limits = status, {"STUDY": 3}
                run = self.retrieve("get", "-k", "StudyDate=20260101-", expect=1)
                self.assertEqual(len(self.files()), 12)
                self.assert_names(run, "3 answers", f"{status:04X}", "hint: servers limit")

    def test_a_list_of_instances_that_is_cut_short_proves_nothing_and_that_is_told_once(self):
        archive = self.serve_scripted(self.studies(2))
        archive.find_status, archive.find_limits = CANCELLED, {"IMAGE": 1}
        run = self.retrieve("get", "-k", "StudyInstanceUID=1.2.1\\1.2.2", "--jobs", 2, expect=0)
        self.assertEqual(len(self.files()), 8)
        self.assertEqual(run.stderr.count("no whole list"), 1, run)

    def test_an_answer_without_its_unique_key_is_told(self):
        archive = self.serve_scripted(self.studies(2))
        archive.find_unnamed = {"STUDY"}
        run = self.retrieve("get", "-k", "StudyDate=20260101-", expect=1)
        self.assert_names(run, "without StudyInstanceUID")

    def test_a_list_cut_short_with_success_does_not_hide_what_the_server_says_has_failed(self):
        for operation in ("move", "get"):
            with self.subTest(operation):
                instances = study(5)
                self.serve_scripted(instances, listed=instances[:3], plan=lambda n: "send" if n < 3 else "fail")
                self.out = self.folder / operation
                run = self.retrieve(operation, expect=1)
                self.assert_names(run, "2 sub-operations failed")
                self.assert_whole(instances[:3])

    def test_nothing_at_all_is_no_success_without_a_list_either(self):
        for told in ((None, None), (0, 0)):
            for operation in ("move", "get"):
                with self.subTest((operation, told)):
                    self.serve_scripted([], told=lambda *_, told=told: told)
                    run = self.retrieve(operation, "--no-check", expect=1)
                    self.assert_names(run, "nothing came")

    def test_a_quote_that_is_never_closed_does_not_swallow_the_rest_of_a_list(self):
        archive = self.serve_scripted(self.studies(3))
        rows = self.folder / "rows.csv"
        rows.write_text('StudyInstanceUID,PatientName\n1.2.1,"DOE^JOHN\n1.2.2,\n1.2.3,\n')
        run = self.retrieve("get", "--from-list", rows, expect=2)
        self.assert_names(run, "line 2", "quote")
        self.assertEqual(archive.requests, [])

    def test_instances_of_one_uid_and_two_contents_are_both_kept_and_told(self):
        first, second = study(1), study(1, size=3000)
        self.serve_scripted(first + second, listed=first)
        for operation in ("move", "get"):
            self.out = self.folder / operation
            run = self.retrieve(operation)
            self.assertEqual(len(self.files()), 2, run)
            self.assert_names(run, "another content")


    def test_a_name_that_two_instances_can_have_is_refused_where_one_would_be_lost(self):
        instances = study(4)
        archive = self.serve_scripted(instances)
        for existing in ("skip", "overwrite"):
            run = self.retrieve("get", "--name", "{PatientID}.dcm", "--if-exists", existing, expect=2)
            self.assert_names(run, "--if-exists", "{SOPInstanceUID}")
        self.assertEqual(archive.requests, [])
        # Without it both are kept.
        self.retrieve("get", "--name", "{PatientID}.dcm", expect=0)
        self.assert_whole(instances)

    def test_an_instance_without_a_data_set_is_not_kept_as_one(self):
        instances = study(3)
        instances[1].data = b""
        for operation in ("move", "get"):
            self.serve_scripted(instances)
            self.out = self.folder / operation
            run = self.retrieve(operation, expect=1)
            self.assert_names(run, instances[1].uid, "is empty")
            self.assert_whole([instances[0], instances[2]])


class Journals(Scripted):
    def setUp(self):
        super().setUp()
        self.journal = self.folder / "journal"

    def again(self, *more, expect=0):
        self.archive.requests.clear()
        return self.retrieve("get", "--journal", self.journal, "--resume", *more, expect=expect)

    def asked(self):
        return sum(len(uids) for _, uids in self.archive.requests)

    def test_a_file_changed_in_its_length_or_only_in_its_content_is_fetched_again(self):
        instances = study(6)
        self.serve_scripted(instances)
        self.retrieve("get", "--journal", self.journal, expect=0)
        for path in self.files()[:2]:
            data = path.read_bytes()
            path.write_bytes(data[:-4] + bytes(4))
        self.again("--if-exists", "overwrite")
        self.assertEqual(self.asked(), 2)
        self.assert_whole(instances)

    def test_a_file_that_was_only_touched_is_not(self):
        self.serve_scripted(study(3))
        self.retrieve("get", "--journal", self.journal, expect=0)
        for path in self.files():
            os.utime(path, (1, 1))
        self.again()
        self.assertEqual(self.asked(), 0)

    def test_what_an_earlier_run_has_put_elsewhere_is_not_here(self):
        instances = study(3)
        self.serve_scripted(instances)
        self.retrieve("get", "--journal", self.journal, expect=0)
        self.out = self.folder / "another"
        self.again()
        self.assert_whole(instances)
        # The same folder by another name is the same.
        link = self.folder / "link"
        link.symlink_to(self.out)
        self.out = link
        self.again()
        self.assertEqual(self.asked(), 0)

    def test_the_journal_knows_when_a_file_was_written(self):
        self.serve_scripted(study(2))
        self.retrieve("get", "--journal", self.journal, expect=0)
        entries = [json.loads(line) for line in self.journal.read_text().splitlines()]
        done = [entry for entry in entries if entry.get("outcome") == "done"]
        self.assertEqual([entry["modified"] for entry in done], [os.stat(e["path"]).st_mtime_ns for e in done])
