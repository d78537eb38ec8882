"""From one archive to another: --move to a third party with its completeness proven there, and --copy over a buffer."""

import csv
import io
import json
import os
import pathlib
import signal
import subprocess
import threading
import time

from harness import cases, images, programs, servers
from harness.generated import sop_instance, write_instances, write_studies
from harness.practice import PracticeArchive, WebArchive, data_set, made_up_images
from harness.programs import dcmscu

DAY = "StudyDate=20260102"  # of the made-up images


class BetweenArchives(cases.RealServerTest):
    """An old archive with the made-up images, and a new one that it knows as NEW."""

    def setUp(self):
        super().setUp()
        self.images = made_up_images(self.folder / "images")
        self.uids = {str(data_set(path).SOPInstanceUID) for path in self.images}

    def archives(self, *faults, new=None, old=()):
        self.new = self.serve(new or PracticeArchive(options=options(faults)))
        self.old = self.serve(PracticeArchive([("NEW", self.new.port)], options=options(old)))
        dcmscu("--store", servers.LOOPBACK, self.old.port, *self.images, expect=0)

    def configuration(self, **new):
        path = self.folder / "nodes.json"
        node = {"host": servers.LOOPBACK, "port": self.new.port, "called": "NEW", **new}
        nodes = {"old": {"host": servers.LOOPBACK, "port": self.old.port, "called": "OLD"}, "new": node}
        path.write_text(json.dumps({"nodes": {name: {k: v for k, v in node.items() if v is not None} for name, node in nodes.items()}}))
        return ["--config", path]

    def stored(self):
        return {path.stem for path in self.new.stored()}


def options(faults):
    return [word for fault in faults for word in ("--inject", fault)]


class ProvenMoves(BetweenArchives):
    def move(self, *arguments, configuration=None, **expected):
        return dcmscu(
            "--move", "@old", *(configuration or self.configuration()), "--to", "@new", "-k", DAY, *arguments, **expected
        )

    def test_what_the_destination_lists_is_proven(self):
        self.archives()
        run = self.move("--verify", "find", "--format", "jsonl", expect=0)
        summary = json.loads(run.stdout.splitlines()[-1])
        self.assertEqual((summary["confirmed"], summary["expected"]), (len(self.images), len(self.images)))
        self.assertEqual(self.stored(), self.uids)
        run = self.move("--verify", "find", "--jobs", 3, expect=0)
        self.assert_names(run, f"{len(self.images)} listed by NEW@")

    def test_what_it_drops_without_a_word_is_missing_and_the_list_brings_it(self):
        self.archives("silent-drop=6")
        run = self.move("--verify", "find", "--grace", 1, expect=1)
        missing = self.uids - self.stored()
        self.assertEqual(len(missing), len(self.images) // 6)
        self.assertEqual({row["SOPInstanceUID"] for row in rows(run)}, missing)
        self.assert_names(run, "not listed there", "NEW@")
        path = self.folder / "missing.csv"
        path.write_text(run.stdout)
        run = dcmscu(
            "--move", "@old", *self.configuration(), "--to", "@new", "--from-list", path, "--verify", "find", "--grace", 1, expect=0
        )
        self.assertEqual(self.stored(), self.uids)

    def test_what_it_lists_late_is_waited_for(self):
        self.archives("silent-drop=5")

        def store_the_rest():
            end = time.monotonic() + 30
            while time.monotonic() < end and len(self.stored()) < len(self.images) - len(self.images) // 5:
                time.sleep(0.1)
            # Others are dropped now.
            while time.monotonic() < end and self.stored() != self.uids:
                dcmscu("--store", servers.LOOPBACK, self.new.port, *[p for p in self.images if uid(p) not in self.stored()])

        storing = threading.Thread(target=store_the_rest)
        storing.start()
        self.addCleanup(storing.join)
        run = self.move("--verify", "find", "--grace", 30, expect=0)
        self.assert_names(run, "not listed yet", f"{len(self.images)} listed by")

    def test_over_DICOMweb_too(self):
        self.archives(new=WebArchive(options=options(["silent-drop=5"])))
        configuration = self.configuration(host=self.new.url, port=None)
        run = self.move("--verify", "find", "--grace", 0, configuration=configuration, expect=1)
        self.assertEqual({row["SOPInstanceUID"] for row in rows(run)}, self.uids - self.stored())

    def test_what_fails_at_the_source_and_is_at_the_destination_is_there(self):
        self.archives(old=["retrieve-failure=4"])
        run = self.move(expect=1)
        self.assertLess(len(self.stored()), len(self.uids))
        dcmscu("--store", servers.LOOPBACK, self.new.port, *self.images, expect=0)
        run = self.move("--verify", "find", expect=0)
        self.assert_names(run, "warning: ", "sub-operation", f"{len(self.images)} listed by NEW@")

    def test_a_destination_that_cannot_be_asked_proves_nothing(self):
        self.archives()
        configuration = self.configuration(port=servers.free_port())
        run = self.move("--verify", "find", "--grace", 0, configuration=configuration, expect=4)
        self.assert_names(run, "cannot verify what was sent there", "not confirmed: it cannot be asked")
        self.assertNotIn("not listed there", run.stderr)
        self.assertEqual({row["SOPInstanceUID"] for row in rows(run)}, self.uids)
        self.assertEqual(self.stored(), self.uids)

    def test_what_cannot_prove_anything_is_a_usage_error(self):
        self.archives()
        peer = ["--move", "@old", *self.configuration(), "-k", DAY]
        run = dcmscu(*peer, "--move-destination", "NEW", "--verify", "find", expect=2)
        self.assert_names(run, "--verify find needs --to @NODE")
        run = dcmscu(*peer, "--to", "@new", "--verify", "commit", expect=2)
        self.assert_names(run, "--verify commit does not apply to --move")
        run = dcmscu(*peer, "--to", "@new", "--grace", 3, expect=2)
        self.assert_names(run, "--grace", "--verify find")
        run = self.move("--journal", self.folder / "journal", expect=2)
        self.assert_names(run, "--journal", "nothing is received here", "--copy")
        run = self.move("--verify", "find", "--no-check", expect=2)
        self.assert_names(run, "--no-check")
        self.assertEqual(self.stored(), set())


class Copies(BetweenArchives):
    """`--copy`: what arrives is byte for byte what was there."""

    def setUp(self):
        super().setUp()
        self.place = self.folder / "buffer"
        self.place.mkdir()
        self.journal = self.folder / "journal"

    def words(self, *arguments, configuration=None, keys=("-k", DAY)):
        return ["--copy", "@old", "@new", *(configuration or self.configuration()), *keys, *arguments]

    def copy(self, *arguments, expect, environment=None, **options):
        run = dcmscu(
            *self.words(*arguments, **options), expect=expect, environment={"TMPDIR": self.place, **(environment or {})}
        )
        self.assertEqual(list(self.place.iterdir()), [], "files are left in the buffer")
        return run

    def start(self, *arguments, **options):
        """A run in the background, for signals."""
        process = subprocess.Popen(
            [programs.dcmscu_path(), *map(str, self.words(*arguments, **options))], text=True,
            env={**os.environ, "LC_ALL": "C.UTF-8", "TMPDIR": str(self.place)}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        self.addCleanup(process.kill)
        return process

    def assert_same_bytes(self, paths, stored=None):
        """The data sets, whatever stands before them."""
        there = {path.stem: path for path in stored or self.new.stored()}
        for path in paths:
            name = uid(path)
            self.assertIn(name, there)
            self.assertEqual(data_set_bytes(there[name]), data_set_bytes(path), path)

    def confirmed(self):
        """How often the journal has each instance as confirmed."""
        counts = {}
        for line in self.journal.read_text().splitlines():
            entry = json.loads(line)
            if entry.get("outcome") in ("confirmed", "skipped"):
                counts[entry["sopInstanceUID"]] = counts.get(entry["sopInstanceUID"], 0) + 1
        return counts

    def test_studies_begin_at_even_distances_and_bytes_keep_to_the_rate(self):
        self.archives()
        run = self.copy("--per-minute", 40, "--max-rate", "400kB/s", "--jobs", 3, "--journal", self.journal, expect=0)
        bytes_of_all = sum(path.stat().st_size for path in self.images)
        self.assertGreaterEqual(run.seconds, 3)
        self.assertGreaterEqual(run.seconds, (bytes_of_all - 200_000) / 400_000)
        self.assert_same_bytes(self.images)
        # What is there already takes no turn.
        self.copy("--per-minute", 1, "--journal", self.journal, "--resume", expect=0)

    def test_a_copy_waits_for_the_hours_and_says_where_it_stands(self):
        self.archives()
        # Of every zone it is the wrong time of the week, but for a minute.
        day = time.strftime("%a", time.gmtime(time.time() + 3 * 86_400))
        process = self.start("--hours", f"{day} 12:00-12:01")
        for line in process.stderr:
            if "waiting until" in line:
                break
        self.assertIn(f"no study is begun outside of --hours '{day} 12:00-12:01'", line)
        process.send_signal(signal.SIGUSR1)
        self.assertRegex(process.stderr.readline(), r"status of --copy .*: waiting until .* \(--hours\); running for ")
        process.send_signal(signal.SIGHUP)
        process.communicate(timeout=programs.TIME_LIMIT)
        self.assertEqual(process.returncode, 129)
        self.assertEqual(self.new.stored(), [])

    def test_data_sets_arrive_byte_for_byte(self):
        self.archives()
        run = self.copy("--format", "jsonl", "--jobs", 3, "--journal", self.journal, expect=0)
        self.assert_same_bytes(self.images)
        events = [json.loads(line) for line in run.stdout.splitlines()]
        self.assertEqual({event["sopInstanceUID"] for event in events if event["event"] == "copy"}, self.uids)
        summary = events[-1]
        self.assertEqual(
            (summary["operation"], summary["confirmed"], summary["expected"], summary["skipped"], summary["failures"]),
            ("copy", len(self.uids), len(self.uids), 0, 0),
        )
        self.assertTrue(summary["destination"].startswith("NEW@"))
        self.assertEqual(set(self.confirmed()), self.uids)
        again = self.copy(expect=0)
        self.assert_names(again, f"{len(self.uids)} there before")

    def test_compressed_and_odd_data_sets_arrive_byte_for_byte(self):
        """Real files of many syntaxes, between two practice archives."""
        self.archives()
        files = [image.path for image in images.archive_images()]
        dcmscu("--store", servers.LOOPBACK, self.old.port, *files, "--never-rewrite", expect=(0, 1))
        held = [path for path in self.old.stored()]
        run = self.copy(keys=["-k", "PatientID=*"], expect=(0, 1))
        there = {path.stem for path in self.new.stored()}
        left = [path for path in held if path.stem not in there]
        self.assertEqual(left, [], run)
        self.assert_same_bytes(held)

    def test_to_orthanc_and_from_dcmqrscp(self):
        self.new = self.serve(servers.Orthanc())
        self.old = self.serve(servers.DcmQRSCP())
        native = [path for path in self.images if not data_set(path).file_meta.TransferSyntaxUID.is_compressed]
        dcmscu("--store", "--call", self.old.ae_title, servers.LOOPBACK, self.old.port, *native, expect=0)
        configuration = self.configuration(called=self.new.ae_title)
        text = json.loads(pathlib.Path(configuration[1]).read_text())
        text["nodes"]["old"]["called"] = self.old.ae_title
        pathlib.Path(configuration[1]).write_text(json.dumps(text))
        self.copy(configuration=configuration, expect=0)
        self.assertEqual(set(self.new.sop_instance_uids()), {uid(path) for path in native})

    def test_over_DICOMweb_on_either_side(self):
        self.archives(new=WebArchive())
        self.copy(configuration=self.configuration(host=self.new.url, port=None), expect=0)
        self.assert_same_bytes(self.images)
        third = self.serve(PracticeArchive())
        configuration = self.configuration()
        nodes = json.loads(configuration[1].read_text())
        nodes["nodes"]["old"] = {"url": self.new.url}
        nodes["nodes"]["new"]["port"] = third.port
        configuration[1].write_text(json.dumps(nodes))
        self.copy(configuration=configuration, expect=0)
        self.assert_same_bytes(self.images, third.stored())
        fourth = self.serve(WebArchive())
        nodes["nodes"]["new"] = {"url": fourth.url}
        configuration[1].write_text(json.dumps(nodes))
        self.copy("--grace", 3, "--jobs", 2, configuration=configuration, expect=0)
        self.assert_same_bytes(self.images, fourth.stored())

    def test_the_buffer_holds_no_more_than_it_may(self):
        self.archives(new=PracticeArchive(options=options(["delay=0.05"])))
        size = max(path.stat().st_size for path in self.images)
        limit = 2 * size
        process = self.start("--buffer", limit, "--jobs", 2)
        highest = 0
        while process.poll() is None:
            highest = max(highest, sum(map(size_now, files_below(self.place))))
            time.sleep(0.002)
        _, said = process.communicate()
        self.assertEqual(process.returncode, 0, said)
        self.assertGreater(highest, 0)
        self.assertLessEqual(highest, limit)
        self.assertEqual(list(self.place.iterdir()), [])
        self.assert_same_bytes(self.images)

    def test_an_instance_larger_than_the_buffer_goes_alone(self):
        self.archives()
        self.copy("--buffer", 1000, "--jobs", 3, expect=0)
        self.assert_same_bytes(self.images)

    def test_a_run_that_is_killed_goes_on_and_nothing_counts_twice(self):
        chance = self.chance()
        self.archives(new=PracticeArchive(options=options(["delay=0.005"])))
        paths = write_instances(self.folder / "many", 300, series_size=20)
        dcmscu("--store", servers.LOOPBACK, self.old.port, *paths, expect=0)
        keys = ("-k", "PatientID=G1")
        for _ in range(3):
            process = self.start("--journal", self.journal, "--resume", "--series", "--jobs", 2, keys=("-k", "StudyInstanceUID=2.25.71.1"))
            time.sleep(chance.uniform(0.2, 1.2))
            process.kill()
            process.communicate()
        run = self.copy(
            "--journal", self.journal, "--resume", "--series", "--jobs", 2, "--format", "jsonl",
            keys=("-k", "StudyInstanceUID=2.25.71.1"), expect=0,
        )  # fmt: skip
        summary = json.loads(run.stdout.splitlines()[-1])
        self.assertEqual(summary["confirmed"] + summary["skipped"], len(paths))
        counts = self.confirmed()
        self.assertEqual(set(counts), {sop_instance(number) for number in range(len(paths))})
        self.assertEqual(set(counts.values()), {1})
        self.assertEqual(len(self.new.stored()), len(paths))
        again = self.copy("--journal", self.journal, "--resume", keys=keys, expect=0)
        self.assert_names(again, f"{len(paths)} confirmed in an earlier run")

    def test_what_the_new_archive_drops_is_found_and_repaired_by_the_list(self):
        self.archives("silent-drop=6")
        run = self.copy("--grace", 1, "--journal", self.journal, expect=1)
        missing = self.uids - self.stored()
        self.assertEqual({row["SOPInstanceUID"] for row in rows(run)}, missing)
        self.assert_names(run, "not listed there", "failed", "the same command line with --resume copies what is not confirmed yet")
        self.assertEqual(set(self.confirmed()), self.stored())
        path = self.folder / "missing.csv"
        path.write_text(run.stdout)
        again = self.copy("--grace", 1, "--journal", self.journal, "--resume", keys=["--from-list", path], expect=0)
        self.assertEqual(self.stored(), self.uids)
        self.assert_names(again, "rows complete")

    def test_a_new_archive_that_is_full_is_a_failure_with_its_reason(self):
        self.archives("store-status=A700/3")
        run = self.copy("--format", "jsonl", expect=1)
        failed = [event for event in map(json.loads, run.stdout.splitlines()) if event.get("outcome") == "failed"]
        self.assertEqual(len(failed), len(self.uids) // 3)
        self.assertEqual({event["status"] for event in failed}, {"A700H"})
        self.assertEqual({event["sopInstanceUID"] for event in failed}, self.uids - self.stored())
        # Another run sends what is left.
        self.copy("--retries", 3, "--retry-delay", 0.1, expect=0)
        self.assertEqual(self.stored(), self.uids)

    def test_an_old_archive_that_fails_in_the_middle_is_asked_again(self):
        self.archives(old=["retrieve-failure=4"])
        self.copy(expect=0)
        self.assert_same_bytes(self.images)

    def test_an_old_archive_that_dies_leaves_a_list(self):
        self.archives(new=PracticeArchive(options=options(["delay=0.2"])))
        process = self.start("--journal", self.journal, "--buffer", 1000)
        self.wait_for(lambda: len(self.new.stored()) >= 2)
        self.old.stop()
        out, said = process.communicate(timeout=60)
        self.assertIn(process.returncode, (1, 4), said)
        self.assertIn("StudyInstanceUID", out)
        self.assertLess(len(self.stored()), len(self.uids))
        self.assertEqual(list(self.place.iterdir()), [])

    def test_a_new_archive_that_dies_ends_the_run(self):
        self.archives(new=PracticeArchive(options=options(["delay=0.2"])))
        process = self.start("--journal", self.journal, "--jobs", 2)
        self.wait_for(lambda: len(self.new.stored()) >= 2)
        self.new._end()
        out, said = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 4, said)
        self.assertEqual(list(self.place.iterdir()), [])
        self.assertNotIn("OLD@", "".join(line for line in said.splitlines(True) if not line.startswith("dcmscu: note")), said)
        self.assertNotIn("cut off", said)
        self.assertNotIn("not listed", said)
        # The list and what is confirmed make the whole.
        path = self.folder / "missing.csv"
        path.write_text(out)
        with path.open() as file:
            listed = list(csv.DictReader(file))
        studies = {row["StudyInstanceUID"] for row in listed if not row["SOPInstanceUID"]}
        named = {row["SOPInstanceUID"] for row in listed}
        named |= {uid(image) for image in self.images if str(data_set(image).StudyInstanceUID) in studies}
        self.assertLessEqual(self.uids, named | set(self.confirmed()))
        self.new.port = servers.free_port()
        self.new._launch()
        self.assertTrue(self.new._wait_until_ready())
        self.copy(keys=["--from-list", path], expect=0)
        self.assert_same_bytes(self.images)
        dcmscu("--compare", "@old", "@new", *self.configuration(), "--image", "-k", DAY, expect=0)

    def test_a_new_archive_that_speaks_no_TLS_is_told_before_anything_is_fetched(self):
        self.archives(new=WebArchive())
        configuration = self.configuration(host=self.new.url.replace("http:", "https:"), port=None)
        run = self.copy(configuration=configuration, expect=(4, 5))
        self.assertEqual(len([line for line in run.stderr.splitlines() if not line.startswith(("dcmscu: note", "hint"))]), 1, run)
        self.assertEqual(len(rows(run)), 3)
        self.assertNotIn("received", run.stderr)
        path = self.folder / "missing.csv"
        path.write_text(run.stdout)
        self.copy(configuration=self.configuration(host=self.new.url, port=None), keys=["--from-list", path], expect=0)
        self.assert_same_bytes(self.images)

    def test_what_was_not_asked_for_is_not_confirmed(self):
        """The UIDs of study and series are behind a sequence that is longer than what is read of a file to send it."""
        self.archives("silent-drop=1")
        third = self.folder / "long.dcm"
        import pydicom

        long = pydicom.dcmread(self.images[0])
        long.ReferencedStudySequence = pydicom.Sequence([])
        for number in range(400):
            item = pydicom.Dataset()
            item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = "1.2.840.10008.3.1.2.3.1", f"2.25.99.{number}"
            long.ReferencedStudySequence.append(item)
        long.PatientID, long.StudyInstanceUID, long.SeriesInstanceUID = "LONG", "2.25.98.1", "2.25.98.2"
        long.SOPInstanceUID = long.file_meta.MediaStorageSOPInstanceUID = "2.25.98.3"
        long.save_as(third)
        dcmscu("--store", servers.LOOPBACK, self.old.port, third, expect=0)
        run = self.copy("--no-check", "--grace", 0, "--journal", self.journal, keys=["-k", "PatientID=LONG"], expect=1)
        self.assertEqual(self.confirmed(), {})
        self.assertEqual([row["SOPInstanceUID"] for row in rows(run)], ["2.25.98.3"])

    def test_two_instances_of_one_UID_are_not_one(self):
        """An old archive, by pynetdicom, that has a UID in two series: the new one keeps one instance of it."""
        self.archives()
        self.old = self.serve(Scripted(TWICE, self.images[0]))
        study = str(data_set(self.images[0]).StudyInstanceUID)
        keys = ["-k", f"StudyInstanceUID={study}"]
        for arguments in ([], ["--resume"], ["--resume", "--no-check"]):
            run = self.copy(*arguments, "--journal", self.journal, "--grace", 0, keys=keys, expect=1)
            self.assert_names(run, "another instance of this UID")
            self.assertLessEqual(sum(self.confirmed().values()), 1 + len(arguments), run)
            self.assertEqual({row["SOPInstanceUID"] for row in rows(run)}, {uid(self.images[0])})

    def test_an_instance_that_is_not_what_was_announced_is_not_copied(self):
        """An old archive, by pynetdicom, that sends another data set in the place of an instance."""
        self.archives()
        self.old = self.serve(Scripted(IN_ITS_PLACE, self.images[0]))
        study, listed = str(data_set(self.images[0]).StudyInstanceUID), uid(self.images[0])
        run = self.copy("--journal", self.journal, "--grace", 0, keys=["-k", f"StudyInstanceUID={study}"], expect=1)
        self.assert_names(run, "the old archive has sent the instance 2.25.5.5 in its place")
        self.assertNotIn(str(self.place), run.stderr)
        self.assertEqual({row["SOPInstanceUID"] for row in rows(run)}, {listed + ".2"})
        self.assertEqual(set(self.confirmed()), {listed})
        self.assertEqual(self.stored(), {listed})

    def test_what_is_there_in_another_study_is_not_there(self):
        """The new archive, by pynetdicom, answers with the instances that it is asked for, and says that they are of another study."""
        self.archives()
        self.new = self.serve(Scripted(IN_ANOTHER_STUDY, *self.images))
        run = self.copy("--grace", 0, "--format", "jsonl", "--journal", self.journal, expect=1)
        summary = json.loads(run.stdout.splitlines()[-1])
        self.assertEqual((summary["skipped"], summary["confirmed"]), (0, 0), run)
        self.assertEqual(self.confirmed(), {})

    def test_one_signal_ends_in_order_and_two_at_once(self):
        for signals in ([signal.SIGINT], [signal.SIGTERM], [signal.SIGINT, signal.SIGINT]):
            with self.subTest(signals):
                self.archives(new=PracticeArchive(options=options(["delay=0.2"])))
                self.journal.unlink(missing_ok=True)
                process = self.start("--journal", self.journal, "--jobs", 2, "--buffer", 1000)
                self.wait_for(lambda: len(self.new.stored()) >= 2)
                programs.send_signals(process.pid, *signals)
                _, said = process.communicate(timeout=60)
                self.assertEqual(process.returncode, 143 if signal.SIGTERM in signals else 130, said)
                self.assertIn("interrupted", said)
                self.assertEqual(list(self.place.iterdir()), [])
                self.assertLess(len(self.stored()), len(self.uids))
                self.copy("--journal", self.journal, "--resume", expect=0)
                self.assert_same_bytes(self.images)

    def test_what_is_left_of_a_killed_run_is_removed_by_the_next(self):
        self.archives(new=PracticeArchive(options=options(["delay=0.2"])))
        process = self.start()
        self.wait_for(lambda: files_below(self.place))
        process.kill()
        process.communicate()
        self.assertNotEqual(list(self.place.iterdir()), [])
        self.copy(expect=0)

    def test_a_place_that_cannot_be_written_is_told_before_anything_is_asked(self):
        self.archives()
        run = dcmscu(*self.words(), environment={"TMPDIR": self.folder / "nowhere"}, expect=3)
        self.assert_names(run, "nowhere")
        self.assertEqual(self.stored(), set())

    def test_a_buffer_whose_disk_is_full_ends_the_run(self):
        """No file may be longer than 100 KiB, which ends a write as a full disk does: one image is."""
        self.archives()
        limits = 'trap "" XFSZ; ulimit -f 100; exec "$@"'
        run = programs.run(
            "/bin/bash", "-c", limits, "limited", programs.dcmscu_path(), *self.words("--journal", self.journal), expect=3,
            environment={"TMPDIR": self.place, "LC_ALL": "C.UTF-8"},
        )  # fmt: skip
        self.assertEqual(list(self.place.iterdir()), [])
        self.assertIn("StudyInstanceUID", run.stdout)
        self.assertLess(len(self.stored()), len(self.uids))
        self.copy("--journal", self.journal, "--resume", expect=0)
        self.assert_same_bytes(self.images)

    def test_a_journal_of_another_archive_counts_for_nothing(self):
        self.archives()
        self.copy("--journal", self.journal, expect=0)
        other = self.serve(PracticeArchive())
        configuration = self.configuration(port=other.port)
        self.copy("--journal", self.journal, "--resume", configuration=configuration, expect=0)
        self.assertEqual(len(other.stored()), len(self.uids))

    def test_a_night_ends_between_two_studies(self):
        self.archives()
        studies = write_studies(self.folder / "years", 40)
        dcmscu("--store", servers.LOOPBACK, self.old.port, "-r", self.folder / "years", expect=0)
        keys = ("-k", "PatientID=G1")
        run = self.copy("--journal", self.journal, "--limit", 10, "--sort", "-StudyDate", keys=keys, expect=0)
        newest = sorted(studies, key=studies.get)[-10:]
        self.assertEqual({str(data_set(path).StudyInstanceUID) for path in self.new.stored()}, set(newest))
        run = self.copy("--journal", self.journal, "--resume", "--shard", "1/2", "--dry-run", keys=keys, expect=0)
        self.assertLess(len(rows(run)), 30)
        self.copy("--journal", self.journal, "--resume", "--jobs", 4, keys=keys, expect=0)
        self.assertEqual(len(self.new.stored()), 40)


class Scripted(servers.Server):
    """An archive by pynetdicom: a script with its port and files as arguments."""

    name = "scripted"

    def __init__(self, script, *paths):
        super().__init__()
        self.script, self.paths = script, paths

    def command(self):
        python = os.environ.get("PYNETDICOM") or str(programs.REPOSITORY / ".build" / "pynetdicom" / "bin" / "python")
        return [python, "-c", self.script, str(self.port), *map(str, self.paths)]


# Lists and sends an instance and another one, made of it.
BOTH = """
import copy, sys
import pydicom
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom import AE, evt
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind, StudyRootQueryRetrieveInformationModelGet, Verification

one = pydicom.dcmread(sys.argv[2])
other = copy.deepcopy(one)
OTHER
both = [one, other]

def find(event):
    keys = event.identifier
    for image in both:
        series = keys.get("SeriesInstanceUID")
        if series and series != image.SeriesInstanceUID:
            continue
        match = pydicom.Dataset()
        match.QueryRetrieveLevel = keys.QueryRetrieveLevel
        for element in keys:
            if element.keyword in image:
                match[element.keyword] = image[element.keyword]
        yield 0xFF00, match
        if keys.QueryRetrieveLevel == "STUDY":
            return

def get(event):
    yield 2
    for image in both:
        if image is other:
            SENT
        yield 0xFF00, image

ae = AE("OLD")
ae.add_supported_context(Verification)
ae.add_supported_context(StudyRootQueryRetrieveInformationModelFind)
ae.add_supported_context(StudyRootQueryRetrieveInformationModelGet)
ae.add_supported_context(one.SOPClassUID, [one.file_meta.TransferSyntaxUID], scu_role=False, scp_role=True)
ae.start_server(("127.0.0.1", int(sys.argv[1])), evt_handlers=[(evt.EVT_C_FIND, find), (evt.EVT_C_GET, get)])
"""

TWICE = BOTH.replace("OTHER", "other.SeriesInstanceUID += '.1'").replace("SENT", "pass")

# Sends a data set with another UID than the command has, which was listed.
IN_ITS_PLACE = """
def announce(self, name, value):
    wrong = name == "AffectedSOPInstanceUID" and value == "2.25.5.5"
    object.__setattr__(self, name, one.SOPInstanceUID + ".2" if wrong else value)
"""
IN_ITS_PLACE = BOTH.replace("OTHER", "other.SOPInstanceUID += '.2'" + IN_ITS_PLACE).replace(
    "SENT", "C_STORE.__setattr__, image = announce, copy.deepcopy(image); image.SOPInstanceUID = '2.25.5.5'"
)

# Takes everything, and finds what it is asked for in another study.
IN_ANOTHER_STUDY = """
import sys
import pydicom
from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, AllStoragePresentationContexts, evt
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind, Verification

images = [pydicom.dcmread(path, stop_before_pixels=True) for path in sys.argv[2:]]

def find(event):
    keys = event.identifier
    wanted = keys.get("SOPInstanceUID")
    wanted = [wanted] if isinstance(wanted, str) else wanted
    for image in images:
        if keys.QueryRetrieveLevel == "IMAGE" and image.SOPInstanceUID not in (wanted or []):
            continue
        match = pydicom.Dataset()
        match.QueryRetrieveLevel = keys.QueryRetrieveLevel
        match.StudyInstanceUID = image.StudyInstanceUID + ".1"
        match.SeriesInstanceUID = image.SeriesInstanceUID
        if keys.QueryRetrieveLevel == "IMAGE":
            match.SOPInstanceUID = image.SOPInstanceUID
        yield 0xFF00, match

ae = AE("NEW")
ae.add_supported_context(Verification)
ae.add_supported_context(StudyRootQueryRetrieveInformationModelFind)
for context in AllStoragePresentationContexts:
    ae.add_supported_context(context.abstract_syntax, ALL_TRANSFER_SYNTAXES)
handlers = [(evt.EVT_C_FIND, find), (evt.EVT_C_STORE, lambda event: 0)]
ae.start_server(("127.0.0.1", int(sys.argv[1])), evt_handlers=handlers)
"""


def files_below(folder):
    found = []
    for root, _, names in os.walk(folder):
        for name in names:
            path = pathlib.Path(root) / name
            if path.exists():
                found.append(path)
    return found


def size_now(path):
    """0 if it was taken away meanwhile."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def data_set_bytes(path):
    """What follows group 0002."""
    content = path.read_bytes()
    length = int.from_bytes(content[140:144], "little")
    return content[144 + length :]


def uid(path):
    return str(data_set(path).SOPInstanceUID)


def rows(run):
    return list(csv.DictReader(io.StringIO(run.stdout)))
