"""What is on the disk, and in which order: what --fsync promises, held by the calls that the program makes; and each of these
calls failing once, after which nothing is there in part and nothing that failed looks like success."""

import errno
import json
import os
import pathlib
import shutil
import stat
import threading
import time

from harness import commitment, images, practice, programs, servers
from harness.practice import PracticeArchive
from harness.programs import dcmscu
from harness.scripted_archive import Instance, ScriptedArchive, study
from test_hostile import compiler

LOCAL_FILES = 3
NAMING = ["--name", "{PatientID}/{SOPInstanceUID}.dcm"]


class Disk(practice.WithImages):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.library = cls.archive.folder / "diskfaults.so"
        source = pathlib.Path(programs.__file__).with_name("diskfaults.c")
        programs.run(compiler(), "-shared", "-fPIC", "-O1", "-o", cls.library, source, expect=0)
        cls.whole = {images.meta(path).MediaStorageSOPInstanceUID: images.data_set_bytes(path) for path in cls.of_study}

    def setUp(self):
        super().setUp()
        self.output = self.folder / "made" / "out"
        self.journal = self.folder / "journal"
        self.traces = 0

    def clear(self):
        for path in sorted(self.folder.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()

    def traced(self, *arguments, fault=None, at=None, other=None, **options):
        """Runs the program and gives what it did: lists of words, in order. at: the beginnings of the paths that the fault is about."""
        self.traces += 1
        trace = self.folder / f"trace-{self.traces}"
        environment = {"LD_PRELOAD": self.library, "DISK_TRACE": trace, **options.pop("environment", {})}
        if fault:
            environment["DISK_FAULT"] = fault
        if at:
            environment["DISK_AT"] = ",".join(map(str, at))
        if other:
            environment["DISK_OTHER"] = other
        run = dcmscu(*arguments, environment=environment, **options)
        lines = trace.read_text().splitlines()
        self.assertEqual(lines[-1], "exit")
        # A file without a name is shown as "/folder/#inode (deleted)".
        return run, [line.replace(" (deleted)", "!").split(" ") for line in lines]

    def get(self, *options, **keywords):
        return self.traced(
            "--get", *self.peer, "-k", f"StudyInstanceUID={self.study}", "-o", self.output, *NAMING, *options, **keywords
        )

    def move(self, *options, **keywords):
        return self.traced(
            "--move", *self.peer, "--port-scp", self.our_port, "-k", f"StudyInstanceUID={self.study}", "-o", self.output,
            *NAMING, *options, **keywords,
        )  # fmt: skip

    def written(self):
        return sorted(path for path in self.output.rglob("*") if path.is_file()) if self.output.exists() else []

    def assert_synced_before_next_send(self, events, place, path):
        for event in events[place:]:
            if event == ["sync", str(path)]:
                return
            if event[0] in ("send", "exit"):
                break
        self.fail(f"{path} is not synced before what follows it:\n" + "\n".join(map(" ".join, events)))


class Order(Disk):
    def test_each_syncs_the_data_the_name_the_folder_and_then_answers(self):
        for retrieve, folder in ((self.get, "got"), (self.move, "moved")):
            with self.subTest(folder):
                self.output = self.folder / folder / "out"
                _, events = retrieve("--fsync", "each", expect=0)
                self.assert_in_order(events)

    def assert_in_order(self, events):
        names = [(place, event) for place, event in enumerate(events) if event[0] == "name"]
        self.assertEqual(len(names), len(self.of_study))
        for place, (_, source, target) in names:
            written = max(index for index, event in enumerate(events) if event == ["write", source])
            self.assertIn(["sync", source], events[written:place], target)
            self.assert_synced_before_next_send(events, place, pathlib.Path(target).parent)
        self.assertFalse(self.journal.exists())
        folders = [(place, pathlib.Path(event[1])) for place, event in enumerate(events) if event[0] == "folder"]
        self.assertEqual(len(folders), 3)
        for place, folder in folders:
            self.assert_synced_before_next_send(events, place, folder.parent)

    def test_each_syncs_the_line_of_the_journal_before_it_answers(self):
        for retrieve, folder in ((self.get, "got"), (self.move, "moved")):
            self.output, journal = self.folder / folder / "out", self.folder / f"journal-{folder}"
            _, events = retrieve("--fsync", "each", "--journal", journal, expect=0)
            names = [place for place, event in enumerate(events) if event[0] == "name"]
            self.assertEqual(len(names), len(self.of_study))
            for place in names:
                lines = [index for index in range(place, len(events)) if events[index] == ["write", str(journal)]]
                self.assertNotIn(["send"], events[place : lines[0]])
                self.assert_synced_before_next_send(events, lines[0], journal)

    def test_each_syncs_what_was_there_already(self):
        for options in ([], ["--if-exists", "skip"]):
            self.get("--fsync", "none", expect=0)
            _, events = self.get("--fsync", "each", *options, expect=0)
            self.assertFalse([event for event in events if event[0] == "name"])
            for path in self.written():
                place = events.index(["sync", str(path)])
                self.assert_synced_before_next_send(events, place, path.parent)
                # The name of the folder itself may be as unsynced.
                self.assertIn(["sync", str(path.parent.parent)], events[:place])

    def test_end_syncs_every_file_system_before_the_journal_says_so(self):
        self.get("--fsync", "none", expect=0)
        [patient] = {path.parent for path in self.written()}
        for path in self.written():
            path.unlink()
        _, events = self.get("--fsync", "end", "--journal", self.journal, other=f"/{patient.name}", expect=0)
        last_name = max(place for place, event in enumerate(events) if event[0] == "name")
        places = [events.index(["syncfs", str(folder)]) for folder in (self.output, patient)]
        self.assertGreater(min(places), last_name)
        said = max(place for place, event in enumerate(events) if event == ["write", str(self.journal)])
        self.assertGreater(said, max(places))
        self.assertIn("synced", self.journal.read_text().splitlines()[-1])
        self.assertIn(["sync", str(self.journal)], events[said:])

    def test_end_syncs_the_file_system_of_what_was_there_already(self):
        self.get("--fsync", "none", expect=0)
        [patient] = {path.parent for path in self.written()}
        for options in ([], ["--if-exists", "skip"]):
            _, events = self.get("--fsync", "end", *options, other=f"/{patient.name}", expect=0)
            self.assertFalse([event for event in events if event[0] == "name"])
            self.assertIn(["syncfs", str(patient)], events)

    def test_what_an_earlier_run_holds_is_synced_too(self):
        self.get("--fsync", "none", "--journal", self.journal, expect=0)
        resumed = ["--journal", self.journal, "--resume"]
        _, events = self.get("--fsync", "each", *resumed, expect=0)
        self.assertFalse([event for event in events if event[0] == "name"])
        for path in self.written():
            self.assertIn(["sync", str(path)], events)
            self.assertIn(["sync", str(path.parent)], events)
        # Nothing is received: the file system of the held files is synced all the same.
        self.journal.write_text("".join(f"{line}\n" for line in self.journal.read_text().splitlines() if "synced" not in line))
        folder = self.written()[0].parent
        _, events = self.get("--fsync", "end", *resumed, other=f"/{folder.name}", expect=0)
        self.assertIn(["syncfs", str(folder)], events)

    def of_lengths(self, *lengths):
        """The options of a retrieval of instances of these lengths."""
        instances = [Instance("1.2.1", "1.2.1.1", f"1.2.1.1.{n + 1}", size=length) for n, length in enumerate(lengths)]
        archive = ScriptedArchive(instances)
        self.addCleanup(archive.close)
        return ["--get", "-k", "20,d=1.2.1", "-o", self.output, "--name", "{SOPInstanceUID}", servers.LOOPBACK, archive.port]

    def test_end_begins_to_write_a_long_file_once_the_server_is_answered(self):
        lengths = [300_000, 10_000, 20_000_000, 400_000]
        _, events = self.traced(*self.of_lengths(*lengths), "--fsync", "end", expect=0)
        names = {pathlib.Path(event[2]).name: (place, event[1]) for place, event in enumerate(events) if event[0] == "name"}
        for number, (length, in_the_middle, afterwards) in enumerate(zip(lengths, [0, 0, 2, 0], [1, 0, 1, 1], strict=True), 1):
            with self.subTest(length):
                named, source = names[f"1.2.1.1.{number}"]
                begun = [place for place, event in enumerate(events) if event == ["writeback", source]]
                self.assertEqual(len([place for place in begun if place < named]), in_the_middle)
                # What is on its way when the response leaves delays nobody.
                answered = events.index(["send"], named)
                self.assertEqual(len([place for place in begun if place > answered]), afterwards)
                self.assertEqual(len(begun), in_the_middle + afterwards)
        last = max(place for place, event in enumerate(events) if event[0] == "writeback")
        self.assertGreater(events.index(["syncfs", str(self.output)]), last)

    def test_nothing_is_begun_that_is_not_to_be_synced_at_the_end(self):
        for syncing in ("none", "each"):
            self.output = self.folder / syncing
            _, events = self.traced(*self.of_lengths(300_000, 20_000_000), "--fsync", syncing, expect=0)
            self.assertEqual([event for event in events if event[0] == "writeback"], [])

    def test_what_cannot_be_begun_is_synced_at_the_end_all_the_same(self):
        for error in (errno.ENOSYS, errno.EINVAL, errno.EIO):
            self.output = self.folder / str(error)
            asked = self.of_lengths(300_000, 20_000_000)
            _, events = self.traced(*asked, "--fsync", "end", fault=f"writeback:1:{error}:on", expect=0)
            self.assertIn(["fault", "writeback"], events)
            self.assertIn(["syncfs", str(self.output)], events)
            self.assertEqual(len(self.written()), 2)
            # Nor does it hide what the disk says at the end.
            fault = f"writeback:1:{error}:on,syncfs:1:{errno.EIO}"
            run, _ = self.traced(*asked, "--fsync", "end", "--if-exists", "overwrite", fault=fault, expect=LOCAL_FILES)
            self.assertIn("cannot be written", run.stderr, run)

    def test_a_new_journal_is_on_the_disk_with_its_name_before_anything_is_sent(self):
        _, events = self.get("--journal", self.journal, expect=0)
        sent = events.index(["send"])
        self.assertIn(["sync", str(self.journal)], events[:sent])
        self.assertIn(["sync", str(self.folder)], events[:sent])


class Faults(Disk):
    """Each call fails in its turn, as by a full disk or a broken one, and the run says so if it matters."""

    CALLS = ["write", "writev", "linkat", "renameat", "fsync", "fdatasync", "syncfs", "ftruncate", "mkdir"]

    def assert_whole(self, run):
        """What has a name is whole; nothing else is left."""
        found = set()
        for path in self.written():
            self.assertFalse(path.name.startswith("."), f"{path} is left\n{run}")
            uid = images.meta(path).MediaStorageSOPInstanceUID
            self.assertEqual(images.data_set_bytes(path), self.whole[uid], f"{path}\n{run}")
            found.add(uid)
        return found

    def check_get(self, call, number, error, *options, prepare=lambda: None):
        """False: there are no so many calls."""
        self.clear()
        prepare()
        run, events = self.get(
            "--format", "jsonl", "--journal", self.journal, *options, fault=f"{call}:{number}:{error}", timeout=60
        )
        found = self.assert_whole(run)
        if ["fault", call] not in events:
            self.assertEqual((run.code, found), (0, set(self.whole)), run)
            return False
        said = [json.loads(line) for line in run.stdout.splitlines()]
        done = {event["sopInstanceUID"] for event in said if event.get("event") == "receive" and event["status"][:4] == "0000"}
        self.assertLessEqual(done, found, run)
        # A sync that failed is never success, although all files are there.
        if call in ("fsync", "fdatasync", "syncfs"):
            self.assertIn(run.code, (1, 3), run)
        if run.code == 0:
            self.assertEqual(found, set(self.whole), run)
        else:
            self.assertTrue([line for line in run.stderr.splitlines() if not line.startswith("dcmscu: note:")], run)
        # Each whole line of the journal is one, and what it says is there.
        if self.journal.exists():
            for line in self.journal.read_text().splitlines(keepends=True):
                self.assertTrue(line.endswith("\n"), run)
                entry = json.loads(line)
                if entry.get("outcome") == "done":
                    self.assertIn(entry["sopInstanceUID"], found, run)
        return True

    def check_all(self, *options, calls=CALLS, prepare=lambda: None):
        struck = {}
        for call in calls:
            for error in (errno.EIO, errno.ENOSPC):
                for number in range(1, 40):
                    if not self.check_get(call, number, error, *options, prepare=prepare):
                        break
                    struck[call] = number
        return struck

    def test_a_retrieval_that_syncs_each_instance(self):
        struck = self.check_all("--fsync", "each", calls=["write", "writev", "linkat", "fsync", "fdatasync", "mkdir", "ftruncate"])
        self.assertLessEqual({"writev", "linkat", "fsync", "fdatasync", "mkdir", "ftruncate"}, set(struck))

    def test_a_retrieval_that_syncs_at_the_end_and_replaces_what_is_there(self):
        # What is there is of the same UID, and nobody sends it: each has old content of its own.
        old = {uid: b"what was there before, of %s" % str(uid).encode() for uid in self.whole}

        def prepare():
            for uid, content in old.items():
                path = self.output / "x" / f"{uid}.dcm"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)

        def replaced(run):
            # Each is the old one or the new one, whole; only what is the new one counts.
            self.assertEqual({path.name for path in self.written()}, {f"{uid}.dcm" for uid in old}, run)
            found = set()
            for uid in old:
                path = self.output / "x" / f"{uid}.dcm"
                if path.read_bytes() == old[uid]:
                    continue
                self.assertEqual(images.data_set_bytes(path), self.whole[uid], f"{path}\n{run}")
                found.add(uid)
            return found

        self.assert_whole = replaced
        struck = self.check_all(
            "--name", "x/{SOPInstanceUID}.dcm", "--if-exists", "overwrite", calls=["renameat", "syncfs", "linkat"], prepare=prepare
        )
        self.assertLessEqual({"renameat", "syncfs"}, set(struck))

    NO_LINKS = [errno.EPERM, errno.EOPNOTSUPP]

    def test_a_file_system_without_hard_links(self):
        for error in self.NO_LINKS:
            for existing in ("rename", "skip", "overwrite", "fail"):
                for sync in ("each", "none"):
                    with self.subTest(f"{errno.errorcode[error]} {existing} {sync}"):
                        self.clear()
                        options = ["--if-exists", existing, "--fsync", sync]
                        run, events = self.get(*options, fault=f"linkat:1:{error}:on", expect=0)
                        self.assertIn(["fault", "linkat"], events)
                        self.assertEqual(self.assert_whole(run), set(self.whole), run)
                        if sync == "each":
                            for event in [event for event in events if event[0] == "name"]:
                                self.assertIn(["sync", event[1]], events, run)

    def test_a_file_system_without_hard_links_whose_renames_fail(self):
        struck = 0
        for error in self.NO_LINKS:
            for number in range(1, 40):
                self.clear()
                fault = f"linkat:1:{error}:on,renameat:{number}:{errno.EIO}"
                run, events = self.get("--format", "jsonl", fault=fault, timeout=60)
                found = self.assert_whole(run)
                if ["fault", "renameat"] not in events:
                    self.assertEqual((run.code, found), (0, set(self.whole)), run)
                    break
                struck = max(struck, number)
                self.assert_failed(run, found)
        self.assertEqual(struck, len(self.of_study))
        # And where none succeeds, nothing has a name.
        self.clear()
        run, _ = self.get("--format", "jsonl", fault=f"linkat:1:{errno.EPERM}:on,renameat:1:{errno.EIO}:on", timeout=60)
        self.assert_failed(run, self.assert_whole(run))
        self.assertEqual(self.written(), [], run)

    def test_a_file_system_without_hard_links_that_is_full_while_a_file_is_copied(self):
        for number in range(1, 40):
            self.clear()
            fault = f"linkat:1:{errno.EPERM}:on,writev:{number}:{errno.ENOSPC}"
            run, events = self.get("--format", "jsonl", fault=fault, timeout=60)
            found = self.assert_whole(run)
            if ["fault", "writev"] not in events:
                self.assertEqual((run.code, found), (0, set(self.whole)), run)
                break
            self.assert_failed(run, found)
        self.assertGreater(number, len(self.of_study))

    def assert_failed(self, run, found):
        """Something is missing, and only what is here was told as received."""
        self.assertIn(run.code, (1, LOCAL_FILES), run)
        self.assertTrue([line for line in run.stderr.splitlines() if not line.startswith("dcmscu: note:")], run)
        said = [json.loads(line) for line in run.stdout.splitlines()]
        done = {event["sopInstanceUID"] for event in said if event.get("event") == "receive" and event["status"][:4] == "0000"}
        self.assertEqual(done, found, run)
        self.assertLess(found, set(self.whole), run)

    def test_an_error_of_fsync_is_not_forgotten(self):
        # The system tells of it once: the second time the same folder is synced with success.
        clean, events = self.get("--fsync", "each", expect=0)
        folders = [place for place, event in enumerate(event for event in events if event[0] == "sync" and event[1] in self.fsynced())]
        self.assertTrue(folders, clean)
        self.clear()
        # The last but one of the names in the folder of the patient.
        run, _ = self.get("--fsync", "each", fault=f"fsync:{len(folders) - 1}:{errno.EIO}", expect=(1, 3))
        self.assertIn("cannot be written", run.stderr, run)
        self.assertNotIn(f"{len(self.of_study)} of {len(self.of_study)} received", run.stderr, run)

    def fsynced(self):
        return {str(path) for path in [self.folder, *self.folder.rglob("*")] if path.is_dir()}

    def test_a_line_of_the_journal_that_is_written_after_the_answer(self):
        instances = study(6, size=700_000)
        for number in (2, 3, 6, 7):
            self.clear()
            archive = ScriptedArchive(instances)
            self.addCleanup(archive.close)
            run, events = self.traced(
                "--get", "-k", "20,d=1.2.1", "-o", self.output, *NAMING, "--journal", self.journal, servers.LOOPBACK, archive.port,
                fault=f"write:{number}:{errno.ENOSPC}", at=[self.journal], expect=LOCAL_FILES, timeout=60,
            )  # fmt: skip
            self.assertIn(["fault", "write"], events)
            # The files are there; the journal has what could be written, and does not say that all of it is.
            self.assertEqual({path.stem for path in self.written()}, {instance.uid for instance in instances}, run)
            lines = [json.loads(line) for line in self.journal.read_text().splitlines()]
            self.assertEqual(len([line for line in lines if line.get("outcome") == "done"]), number - 2, run)
            self.assertEqual([line for line in lines if line.get("outcome") == "synced"], [], run)
            self.assertIn(str(self.journal), run.stderr, run)

    def test_the_journal_and_the_list_of_a_sending_run(self):
        failed = self.folder / "failed.txt"
        for call in ["write", "fsync", "fdatasync", "ftruncate", "renameat"]:
            for number in range(1, 40):
                self.clear()
                failed.write_text("/old/name.dcm\n")
                run, events = self.traced(
                    "--store", *self.peer, *self.of_study, "--journal", self.journal, "--failed-out", failed,
                    fault=f"{call}:{number}:{errno.EIO}", timeout=60,
                )  # fmt: skip
                if ["fault", call] not in events:
                    self.assertEqual(run.code, 0, run)
                    break
                self.assertEqual(run.code, LOCAL_FILES, f"{call} {number}\n{run}")
                names = failed.read_text()
                self.assertTrue(names == "" or names.endswith("\n"), run)
                self.assertEqual([path.name for path in self.folder.iterdir() if path.name.startswith(".")], [], run)
                if self.journal.exists():
                    for line in self.journal.read_text().splitlines():
                        json.loads(line)
            self.assertGreater(number, 1, f"{call} was never called")


class FaultsOfRecordFiles(Disk):
    """Each file that a run writes beside the instances: a write, a sync or a name of it fails, and the run says so."""

    CALLS = ["write", "writev", "fsync", "fdatasync", "ftruncate", "renameat", "linkat"]

    def strike(self, name, arguments, lines=None, evidence=False, **options):
        """Runs the arguments with each call on the file failing in its turn.

        lines: reads each line that a failed run has left. evidence: once begun, the run may go on without its file, with a warning.
        """
        path = self.folder / name
        struck = set()
        for call in self.CALLS:
            for number in range(1, 30):
                self.clear()
                with self.subTest(f"{name} {call} {number}"):
                    run, events = self.traced(
                        *arguments(path), fault=f"{call}:{number}:{errno.EIO}", at=[path, self.folder / ".dcmscu-"], timeout=60,
                        **options,
                    )  # fmt: skip
                    if ["fault", call] not in events:
                        self.assertEqual(run.code, 0, run)
                        self.assertGreater(path.stat().st_size, 0, run)
                        break
                    struck.add(call)
                    self.assertIn(run.code, (0, LOCAL_FILES) if evidence else (LOCAL_FILES,), run)
                    self.assert_names(run, name, *([] if run.code else ["warning"]))
                    self.assertEqual([path.name for path in self.folder.iterdir() if path.name.startswith(".")], [], run)
                    if lines and path.exists():
                        for line in path.read_text().splitlines(keepends=True):
                            self.assertTrue(line.endswith("\n"), run)
                            lines(line)
        self.assertTrue(struck & {"write", "writev"}, struck)

    def retrieval(self, option):
        return lambda path: [
            "--get", *self.peer, "-k", f"StudyInstanceUID={self.study}", "-o", self.output, *NAMING, option, path
        ]  # fmt: skip

    def query(self, option):
        return lambda path: ["--find", *self.peer, "-k", f"StudyInstanceUID={self.study}", option, path]

    def test_the_report_of_a_list(self):
        rows = self.archive.folder / "rows.csv"
        rows.write_text(f"StudyInstanceUID\n{self.study}\n")
        self.strike("report.csv", lambda path: [
            "--get", *self.peer, "--from-list", rows, "-o", self.output, *NAMING, "--report", path
        ])  # fmt: skip
        self.strike("report.jsonl", lambda path: [
            "--get", *self.peer, "--from-list", rows, "-o", self.output, *NAMING, "--report", path
        ], lines=json.loads)  # fmt: skip

    def test_a_stored_query(self):
        self.strike("query.dcm", self.query("--store-query"))

    def test_a_log(self):
        self.strike("run.log", lambda path: [*self.retrieval("--log-file")(path), "-V"], evidence=True)

    def test_a_capture_and_a_transcript(self):
        self.strike("run.pcapng", self.query("--capture"), evidence=True)
        self.strike("run.txt", self.query("--transcript"), evidence=True)

    def test_metrics(self):
        self.strike("run.prom", self.query("--metrics"))

    def test_the_list_of_what_is_committed(self):
        self.strike("kept.txt", lambda path: [
            "--stgcmt", *self.peer, *self.of_study, "--port-scp", self.our_port, "--committed-out", path
        ])


class FaultsOfReception(Disk):
    """The same at our own port: whoever sends learns of each instance that is not kept."""

    CALLS = ["write", "writev", "linkat", "renameat", "fsync", "fdatasync", "ftruncate", "mkdir"]

    def strike_each(self, once):
        """Calls `once` with each call failing in its turn, until there are no so many; the names of those that did. It returns
        whether the fault struck."""
        struck = set()
        for call in self.CALLS:
            for error in (errno.EIO, errno.ENOSPC):
                for number in range(1, 60):
                    self.clear()
                    with self.subTest(f"{call}:{number}:{errno.errorcode[error]}"):
                        if not once(call, f"{call}:{number}:{error}"):
                            break
                        struck.add(call)
        return struck

    def assert_answers(self, answers, found, run):
        """What was answered with success is there, and what was refused had a status that tells the peer to keep it."""
        for uid, status in answers:
            if status == 0:
                self.assertIn(uid, found, run)
            else:
                self.assertIn(status, (0xA700, 0xC000), run)

    def test_a_move_to_ourselves(self):
        self.assertLessEqual(
            {"writev", "linkat", "fsync", "fdatasync", "mkdir", "ftruncate"}, self.strike_each(self.mover())
        )

    def test_a_move_to_ourselves_that_replaces_what_is_there(self):
        once = self.mover(replacing=True)
        self.CALLS = ["writev", "linkat", "renameat", "fsync", "fdatasync"]
        self.assertLessEqual({"writev", "linkat", "renameat", "fsync", "fdatasync"}, self.strike_each(once))

    def test_a_move_to_ourselves_without_hard_links(self):
        once = self.mover()
        links = f"linkat:1:{errno.EPERM}:on"
        # It strikes, and all is well.
        self.clear()
        self.assertTrue(once("linkat", links, code=0))
        for number in (1, 2, 3):
            self.clear()
            self.assertTrue(once("renameat", f"{links},renameat:{number}:{errno.EIO}", code=LOCAL_FILES))

    def test_one_uid_on_several_associations_at_once_without_hard_links(self):
        """Each has content of its own: what is answered with success is there, whole, as often as the option lets it be."""
        count = 6
        for existing, kept in (("rename", count), ("skip", 1), ("overwrite", 1), ("fail", 1)):
            with self.subTest(existing):
                self.clear()
                instances = [Instance("1.2.1", "1.2.1.1", "1.2.1.1.1", size=100_000 + 2 * number) for number in range(count)]
                together, port = threading.Barrier(count), servers.free_port()
                archive = ScriptedArchive(instances, port, associations=count, plan=lambda _: ("send", together.wait(30))[0])
                self.addCleanup(archive.close)
                # Between the name and the instance in its place there is time for the others.
                _, events = self.traced(
                    "--move", "--no-check", "-k", "20,d=1.2.1", "-o", self.output, *NAMING, "--port-scp", port,
                    "--if-exists", existing, servers.LOOPBACK, archive.port, fault=f"linkat:1:{errno.EPERM}:on",
                    environment={"DISK_PAUSE": 20_000}, expect=1 if existing == "fail" else 0,
                )  # fmt: skip
                self.assertIn(["fault", "linkat"], events)
                self.assertEqual(archive.statuses.count(0), 1 if existing == "fail" else count, archive.statuses)
                names = ["1.2.1.1.1.dcm"] + [f"1.2.1.1.1-{number}.dcm" for number in range(1, kept)]
                self.assertEqual([path.name for path in self.written()], sorted(names))
                found = [[one.data for one in instances if path.read_bytes().endswith(one.data)] for path in self.written()]
                self.assertEqual([len(whole) for whole in found], [1] * kept)
                self.assertEqual(len({whole[0] for whole in found}), kept)

    def mover(self, replacing=False):
        """A move to our own port with a fault; it returns whether that struck. `replacing`: all are there with old content."""
        instances = study(3)
        whole = {instance.uid: instance.data for instance in instances}
        old = {uid: b"what was there before, of %s" % uid.encode() for uid in whole} if replacing else {}

        def once(call, fault, code=None):
            for uid, content in old.items():
                (self.output / "P1").mkdir(parents=True, exist_ok=True)
                (self.output / "P1" / f"{uid}.dcm").write_bytes(content)
            port = servers.free_port()
            archive = ScriptedArchive(instances, destination=port)
            try:
                run, events = self.traced(
                    "--move", "-k", "20,d=1.2.1", "-o", self.output, *NAMING, "--port-scp", port, "--fsync", "each",
                    "--journal", self.journal, "--grace", 1, "--if-exists", "overwrite" if replacing else "rename",
                    servers.LOOPBACK, archive.port, fault=fault, timeout=60,
                )  # fmt: skip
            finally:
                archive.close()
            found = set()
            for path in self.written():
                self.assertIn(path.stem, whole, run)
                if path.read_bytes() != old.get(path.stem):
                    self.assertTrue(path.read_bytes().endswith(whole[path.stem]), f"{path}\n{run}")
                    found.add(path.stem)
            self.assertLessEqual(set(old), {path.stem for path in self.written()}, run)
            self.assert_answers(archive.answers, found, run)
            if ["fault", call] not in events:
                self.assertEqual(run.code, 0, run)
                return False
            kept = {uid for uid, status in archive.answers if status == 0}
            if code is not None:
                self.assertEqual(run.code, code, run)
            if run.code == 0:
                self.assertEqual(kept, set(whole), run)
            else:
                self.assertIn(run.code, (1, LOCAL_FILES), run)
                self.assertTrue([line for line in run.stderr.splitlines() if not line.startswith("dcmscu: note:")], run)
            if self.journal.exists():
                for line in self.journal.read_text().splitlines():
                    entry = json.loads(line)
                    if entry.get("outcome") == "done":
                        self.assertIn(entry["sopInstanceUID"], found, run)
            return True

        return once

    def test_a_disk_that_stays_full_and_a_server_that_ignores_c_cancel(self):
        def slowly(number):
            time.sleep(0.01)
            return "send"

        instances = study(3000)
        archive = ScriptedArchive(instances, plan=slowly)
        archive.ignores_cancel = True
        self.addCleanup(archive.close)
        run, _ = self.traced(
            "--get", "-k", "20,d=1.2.1", "-o", self.output, *NAMING, servers.LOOPBACK, archive.port,
            fault=f"writev:4:{errno.ENOSPC}:on", expect=LOCAL_FILES, timeout=60,
        )  # fmt: skip
        # Two seconds for C-CANCEL, and what a busy machine needs.
        self.assertLess(run.seconds, 20, run)
        found = {path.stem for path in self.written()}
        self.assertEqual(found, {uid for uid, status in archive.answers if status == 0}, run)
        self.assertEqual({status for _, status in archive.answers}, {0, 0xA700}, run)
        self.assertEqual(run.stdout.count("1.2.1,"), len(instances) - len(found), run.stderr)

    def test_the_practice_archive(self):
        sent = self.of_study[:2]
        uids = [images.meta(path).MediaStorageSOPInstanceUID for path in sent]

        def once(call, fault):
            trace = self.folder / "trace"
            archive = PracticeArchive(
                environment={"LD_PRELOAD": self.library, "DISK_FAULT": fault, "DISK_TRACE": trace}
            ).start()
            try:
                store = ["--store", servers.LOOPBACK, archive.port, *sent, "--format", "jsonl"]
                run = dcmscu(*store, expect=(0, 1, 7), timeout=60)
                events = [json.loads(line) for line in run.stdout.splitlines()]
                answers = [
                    (event["sopInstanceUID"], int(event["status"][:4], 16)) for event in events if event.get("event") == "store"
                ]
                files = sorted(path for path in (archive.folder / "archive").rglob("*") if path.is_file())
                found = set()
                for path in files:
                    self.assertEqual(path.suffix, ".dcm", run)
                    uid = images.meta(path).MediaStorageSOPInstanceUID
                    self.assertEqual(images.data_set_bytes(path), self.whole[uid], f"{path}\n{run}")
                    found.add(uid)
                self.assertEqual(len(answers), len(sent), run)
                self.assert_answers(answers, found, run)
                failed = [uid for uid, status in answers if status != 0]
                self.assertEqual(run.code == 0, not failed, run)
                is_struck = f"fault {call}" in trace.read_text().splitlines()
                # It has no such instance, says so, and goes on.
                listed = dcmscu(
                    "--find", "--image", "-k", f"StudyInstanceUID={self.study}", "-k", "SOPInstanceUID", "--format", "jsonl",
                    servers.LOOPBACK, archive.port, expect=0,
                )  # fmt: skip
                self.assertEqual([uid for uid in uids if uid in listed.stdout], [uid for uid in uids if uid not in failed])
                if is_struck:
                    dcmscu(*store, expect=0)
            finally:
                archive.stop()
            return is_struck

        self.assertLessEqual({"writev", "linkat"}, self.strike_each(once))


class FaultsOfTransactions(Disk):
    """The file of open commitments: a line that is not saved asks for nothing and commits to nothing."""

    def test_each_call_that_fails(self):
        file = self.folder / "open.jsonl"
        struck = set()
        for call in ["write", "writev", "fsync", "fdatasync", "ftruncate", "renameat", "linkat"]:
            for number in range(1, 30):
                self.clear()
                with self.subTest(f"{call} {number}"):
                    code, events = self.commit(file, f"{call}:{number}:{errno.EIO}")
                    if ["fault", call] not in events:
                        self.assertEqual(code, 0)
                        break
                    struck.add(call)
        self.assertLessEqual({"write", "fdatasync", "fsync"}, struck)

    def commit(self, file, fault):
        def script(request):
            request.respond()
            request.report()

        files = self.of_study[:2]
        with commitment.CommitmentServer(script) as server:
            run, events = self.traced(
                "--stgcmt", "--transaction", file, "--wait", "2", "--call", "SERVER", servers.LOOPBACK, server.port, *files,
                fault=fault, timeout=60,
            )  # fmt: skip
        self.assertEqual(server.problems, [], run)
        lines = file.read_text().splitlines(keepends=True) if file.exists() else []
        self.assertTrue(all(line.endswith("\n") for line in lines), run)
        told = [json.loads(line)["event"] for line in lines]
        committed = run.stdout.count("committed")
        if run.code == 0:
            self.assertEqual((server.statuses, committed), ([0], 2), run)
            self.assertEqual(told.count("requested"), len(server.requests), run)
        else:
            self.assertEqual(run.code, LOCAL_FILES, run)
            self.assertIn("open.jsonl", run.stderr, run)
            # Nothing is asked for that no later run could know of.
            if server.requests:
                self.assertIn("requested", told, run)
            # A report that was refused commits to nothing, one that was taken is in the file.
            if server.statuses == [0]:
                self.assertEqual(committed, 2, run)
            else:
                self.assertEqual(committed, 0, run)
        return run.code, events


class Modes(Disk):
    """What holds patients' data beside the images is for its owner alone."""

    def mode(self, path):
        return stat.S_IMODE(path.stat().st_mode)

    def run_with(self, umask, *arguments, **options):
        old = os.umask(umask)
        try:
            return dcmscu(*arguments, **options)
        finally:
            os.umask(old)

    def test_journals_logs_lists_reports_and_queries_are_the_owners_alone(self):
        rows = self.folder / "rows.csv"
        rows.write_text(f"StudyInstanceUID\n{self.study}\n")
        for umask in (0o000, 0o022, 0o277):
            made = {kind: self.folder / f"{umask}-{kind}" for kind in ["journal", "log", "failed", "query"]}
            report = self.folder / f"{umask}.csv"
            self.run_with(
                umask, "--store", *self.peer, *self.of_study, "--journal", made["journal"], "-L", made["log"], "--failed-out",
                made["failed"], expect=0,
            )  # fmt: skip
            self.run_with(umask, "--find", *self.peer, "-k", "StudyDate", "--store-query", made["query"], expect=0)
            if umask != 0o277:
                self.run_with(umask, "--get", *self.peer, "--from-list", rows, "--report", report, "-o", self.output, expect=0)
                made["report"] = report
            for kind, path in made.items():
                self.assertEqual(self.mode(path), 0o600, f"{kind}, umask {umask:o}")

    def test_so_are_transactions_and_the_list_of_what_is_committed(self):
        made = [self.folder / "transactions", self.folder / "committed"]
        self.run_with(
            0o000, "--store", *self.peer, *self.of_study, "--verify", "commit", "--port-scp", self.our_port,
            "--transaction", made[0], expect=0,
        )  # fmt: skip
        self.run_with(
            0o000, "--stgcmt", *self.peer, *self.of_study, "--port-scp", self.our_port, "--committed-out", made[1], expect=0
        )
        self.assertEqual([self.mode(path) for path in made], [0o600, 0o600])
        self.assertEqual(len(made[1].read_text().splitlines()), len(self.of_study))

    def test_those_that_exist_keep_their_mode(self):
        log, failed = self.folder / "log", self.folder / "failed"
        for path in (log, failed):
            path.write_text("")
            path.chmod(0o640)
        dcmscu("--store", *self.peer, *self.of_study, "-V", "-L", log, "--failed-out", failed, expect=0)
        dcmscu("--store", *self.peer, self.folder / "none", "-L", log, "--failed-out", failed, expect=3)
        self.assertEqual([self.mode(log), self.mode(failed)], [0o640, 0o640])
        self.assertEqual(failed.read_text(), f"{self.folder}/none\n")
        self.assertIn("end", log.read_text())
        manual = (programs.REPOSITORY / "man" / "dcmscu.1").read_text()
        self.assertIn("made with the mode 600, whatever the umask is; those that exist keep theirs", manual)

    def test_received_files_follow_the_umask_or_have_the_mode_that_is_given(self):
        asked = ["--get", *self.peer, "-k", f"StudyInstanceUID={self.study}", "--if-exists", "overwrite"]
        for umask, option, mode in [(0o022, [], 0o644), (0o027, [], 0o640), (0o077, ["--mode", "664"], 0o664)]:
            self.run_with(umask, *asked, "-o", self.output, *option, expect=0)
            self.assertEqual({self.mode(path) for path in self.written()}, {mode})
        answers = self.folder / "answers"
        find = ["--find", *self.peer, "-k", "StudyDate", "--format", "dcm"]
        self.run_with(0o027, *find, "-o", answers, expect=0)
        self.assertEqual({self.mode(path) for path in answers.iterdir()}, {0o640})
        for wrong in ("999", "44", "0077", "rw-"):
            self.assert_names(dcmscu(*asked, "--mode", wrong, expect=2), "--mode", "not a mode of a file")


class OtherKinds(Disk):
    """A file that is not of the kind that an option writes is never touched: it may be an image."""

    def setUp(self):
        super().setUp()
        self.image = self.folder / "image.dcm"
        self.image.write_bytes(self.of_study[0].read_bytes())

    def refuse(self, *arguments, path=None, expect=LOCAL_FILES):
        path = path or self.image
        before = path.read_bytes()
        run = dcmscu(*arguments, expect=expect)
        self.assertEqual(path.read_bytes(), before, run)
        self.assert_names(run, path.name, "is something else: it exists and is not a", "nothing is written to it")

    def test_an_image_in_the_place_of_each_of_them(self):
        store = ["--store", *self.peer, self.of_study[1]]
        get = ["--get", *self.peer, "-k", f"StudyInstanceUID={self.study}", "-o", self.output]
        rows = self.folder / "rows.csv"
        rows.write_text(f"StudyInstanceUID\n{self.study}\n")
        report = self.folder / "image.csv"
        report.write_bytes(self.image.read_bytes())
        self.refuse(*store, "--journal", self.image)
        self.refuse(*store, "--metrics", self.image)
        self.refuse(*get, "--journal", self.image)
        self.refuse(*store, "--log-file", self.image)
        self.refuse(*store, "--failed-out", self.image)
        self.refuse("--find", *self.peer, "-k", "StudyDate", "--store-query", self.image)
        self.refuse("--get", *self.peer, "--from-list", rows, "-o", self.output, "--report", report, path=report)
        commit = ["--stgcmt", *self.peer, "--port-scp", self.our_port, self.of_study[1]]
        self.refuse(*commit, "--transaction", self.image)
        self.refuse(*commit, "--committed-out", self.image)
        self.assertFalse(self.written())

    def test_one_of_them_in_the_place_of_another(self):
        dcmscu("--store", *self.peer, self.of_study[1], "--journal", self.journal, expect=0)
        store = ["--store", *self.peer, self.of_study[1]]
        for option in ["--log-file", "--failed-out"]:
            self.refuse(*store, option, self.journal, path=self.journal)
        text = self.folder / "keys.txt"
        text.write_text("StudyDate=2026\n")
        self.refuse("--find", *self.peer, "-k", "StudyDate", "--store-query", text, path=text)
        self.refuse(*store, "--journal", text, path=text)

    def test_text_of_any_kind_in_the_place_of_a_list_or_a_log(self):
        store = ["--store", *self.peer, self.of_study[1]]
        commit = ["--stgcmt", *self.peer, "--port-scp", self.our_port, self.of_study[1]]
        for content in [
            "#!/bin/sh\nrm -rf x\n", "PatientID,Name\n1,DOE\n", '{"nodes":{}}\n', "dear diary\nnot a log\n", "1.2.3\n1.2.4\n",
            "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n",
        ]:  # fmt: skip
            text = self.folder / "text"
            text.write_text(content)
            self.refuse(*store, "--failed-out", text, path=text)
            self.refuse(*store, "--log-file", text, path=text)
            self.refuse(*commit, "--committed-out", text, path=text)

    def test_the_list_of_yesterday_whose_files_have_gone_is_replaced(self):
        inner = self.folder / "yesterday"
        inner.mkdir()
        shutil.copy(self.of_study[0], inner / "a.dcm")
        for given in ("yesterday/a.dcm", str(inner / "a.dcm")):
            failed = self.folder / "failed"
            shutil.copy(self.of_study[0], self.folder / "b.dcm")
            store = ["--store", servers.LOOPBACK, 1]
            dcmscu(*store, given, "b.dcm", "--failed-out", failed, directory=self.folder, expect=4)
            names = failed.read_text().splitlines()
            self.assertEqual(names, [given if given[0] == "/" else f"./{given}", "./b.dcm"])
            (self.folder / "b.dcm").unlink()
            moved = inner.rename(self.folder / "elsewhere")
            run = dcmscu(*store, self.of_study[1], "--failed-out", failed, directory=self.folder, expect=4)
            self.assertEqual(failed.read_text(), f"{self.of_study[1]}\n", run)
            moved.rename(inner)

    def test_its_own_kind_is_written_again(self):
        query, log, failed = (self.folder / name for name in ("query.dcm", "log", "failed"))
        for key in ("StudyDate", "StudyTime"):
            find = ["--find", *self.peer, "-k", key, "--store-query", query, "--log-file", log]
            dcmscu(*find, expect=0)
            self.assertIn(key, [element.keyword for element in images.read(query)])
            dcmscu("--store", *self.peer, self.folder / "missing", "--failed-out", failed, "-L", log, expect=3)
        self.assertEqual(failed.read_text(), f"{self.folder}/missing\n")

    def test_pipes_and_devices_take_text(self):
        store = ["--store", *self.peer, self.of_study[1]]
        run = dcmscu(*store, "-V", "--log-file", "/dev/stderr", "--failed-out", "/dev/null", expect=0)
        self.assert_names(run, "1 stored")
        pipe = self.folder / "pipe"
        os.mkfifo(pipe)
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        missing = self.folder / "missing"
        dcmscu("--store", *self.peer, missing, "--failed-out", pipe, expect=3)
        self.assertEqual(os.read(reader, 10_000).decode(), f"{missing}\n")

    def test_a_named_pipe_is_no_journal(self):
        pipe = self.folder / "pipe"
        os.mkfifo(pipe)
        for resume in ([], ["--resume"]):
            run = dcmscu("--store", *self.peer, self.of_study[1], "--journal", pipe, *resume, expect=LOCAL_FILES, timeout=20)
            self.assert_names(run, "pipe: not a regular file: it ")
