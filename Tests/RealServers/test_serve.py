"""The practice archive, used by clients that others wrote (DCMTK, odil, pynetdicom) and by dcmscu itself."""

import concurrent.futures
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time

import pydicom

from harness import cases, images, measured, programs, servers, wire
from harness.practice import PYTHON, PracticeArchive, WithImages, data_set, made_up_images
from harness.programs import dcmscu, run
from harness.scripted_archive import CT, Association, Instance, element, elements

# The peak of a process that serves as many associations as it may, whatever comes on them: its budget of 128 MiB, which is counted
# with room to spare, and what it has anyway.
MANY_ASSOCIATIONS = 200 << 20

MODELS = {"patient": "-P", "study": "-S", "patient/study": "-O"}


class Dcmtk(WithImages):
    def test_what_the_archive_has_is_skipped(self):
        archive = self.serve(PracticeArchive())
        files = made_up_images(self.folder / "images")
        dcmscu("--store", servers.LOOPBACK, archive.port, *files[:7], expect=0)
        run = dcmscu("--store", servers.LOOPBACK, archive.port, "--skip-existing", *files, "--format", "jsonl", expect=0)
        summary = json.loads(run.stdout.splitlines()[-1])
        self.assertEqual((summary["done"], summary["skipped"]), (len(files) - 7, 7), run)
        self.assertEqual(len(archive.stored()), len(files))

    def test_echoscu(self):
        run("echoscu", *self.peer, expect=0)

    def test_storescu_stores_what_findscu_finds(self):
        archive = self.serve(PracticeArchive())
        run("storescu", servers.LOOPBACK, archive.port, *self.of_study)
        answer = run(
            "findscu", "-S", "-k", "QueryRetrieveLevel=STUDY", "-k", "PatientName=*", "-k",
            f"StudyInstanceUID={self.study}", servers.LOOPBACK, archive.port, expect=0,
        )  # fmt: skip
        self.assertEqual(answer.said.count("Find Response:"), 1, answer)
        self.assertEqual(len(archive.stored()), len(self.of_study))

    def test_findscu_at_four_levels(self):
        for model, level, keys, count in (
            ("-P", "PATIENT", ["PatientID=SELFTEST-*"], 3),
            ("-P", "STUDY", ["PatientID=SELFTEST-2", "StudyInstanceUID"], 1),
            ("-S", "SERIES", [f"StudyInstanceUID={self.study}", "SeriesInstanceUID"], 2),
            ("-S", "IMAGE", [f"StudyInstanceUID={self.study}", "SOPInstanceUID"], 4),
            ("-S", "STUDY", ["StudyDate=20260101-20260131", "StudyInstanceUID"], 3),
            ("-S", "STUDY", ["StudyDate=20250101-20251231", "StudyInstanceUID"], 0),
        ):
            with self.subTest(level=level, keys=keys):
                given = [part for key in keys for part in ("-k", key)]
                answer = run("findscu", model, "-k", f"QueryRetrieveLevel={level}", *given, *self.peer, expect=0)
                self.assertEqual(answer.said.count("Find Response:"), count, answer)

    def test_movescu(self):
        target = self.folder / "moved"
        target.mkdir()
        run(
            "movescu", "-S", "-aem", "MOVESCU", "+P", self.our_port, "-od", target, "-k", "QueryRetrieveLevel=STUDY",
            "-k", f"StudyInstanceUID={self.study}", *self.peer, expect=0,
        )  # fmt: skip
        self.assert_received(target)

    def test_movescu_to_an_unknown_title_is_a801(self):
        answer = run(
            "movescu", "-v", "-S", "-aem", "NOBODY", "-k", "QueryRetrieveLevel=STUDY",
            "-k", f"StudyInstanceUID={self.study}", *self.peer,
        )  # fmt: skip
        self.assertIn("a801", answer.said.lower().replace("movedestinationunknown", "a801"), answer)

    def test_getscu(self):
        target = self.folder / "got"
        target.mkdir()
        run(
            "getscu", "-S", "+B", "-od", target, "-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={self.study}",
            *self.peer, expect=0,
        )  # fmt: skip
        self.assert_received(target)

    def assert_received(self, target):
        self.assert_same_instances(target)

    def assert_same_instances(self, target):
        import pydicom

        received = {}
        for path in target.rglob("*"):
            if path.is_file():
                entry = pydicom.dcmread(path, force=True)
                received[str(entry.SOPInstanceUID)] = entry
        sent = {str(entry.SOPInstanceUID): entry for entry in (pydicom.dcmread(path) for path in self.of_study)}
        self.assertEqual(set(received), set(sent))
        for uid, entry in sent.items():
            self.assertEqual(received[uid].PatientName, entry.PatientName)
            self.assertEqual(len(received[uid].PixelData), len(entry.PixelData))


class Odil(WithImages):
    def test_echo(self):
        run("odil", "echo", *self.peer, "ODIL", "PRACTICE", expect=0)

    def test_store(self):
        archive = self.serve(PracticeArchive())
        run("odil", "store", servers.LOOPBACK, archive.port, "ODIL", "PRACTICE", *self.of_study, expect=0)
        self.assertEqual(len(archive.stored()), len(self.of_study))

    def test_find(self):
        answer = run(
            "odil", "find", *self.peer, "ODIL", "PRACTICE", "study", "QueryRetrieveLevel=STUDY", "PatientID=SELFTEST-2",
            "StudyInstanceUID", expect=0,
        )  # fmt: skip
        self.assertIn(self.study, answer.said)

    def test_get(self):
        target = self.folder / "got"
        run(
            "odil", "get", "-d", target, *self.peer, "ODIL", "PRACTICE", "study", "QueryRetrieveLevel=STUDY",
            f"StudyInstanceUID={self.study}", expect=0,
        )  # fmt: skip
        # odil proposes Implicit and Explicit VR Little Endian: the big endian instance is rewritten on its way.
        self.assertEqual(len([path for path in target.rglob("*") if path.is_file()]), len(self.of_study))


class Pynetdicom(WithImages):
    def client(self, name, *arguments, expect=0):
        return run(PYTHON, "-m", "pynetdicom", name, *arguments, directory=self.folder, expect=expect)

    def test_echoscu(self):
        self.client("echoscu", *self.peer)

    def test_storescu(self):
        archive = self.serve(PracticeArchive())
        self.client("storescu", servers.LOOPBACK, archive.port, *self.of_study[:3])
        self.assertGreaterEqual(len(archive.stored()), 2)

    def test_findscu(self):
        answer = self.client(
            "findscu", "-v", "-S", *self.peer, "-k", "QueryRetrieveLevel=STUDY", "-k", "PatientID=SELFTEST-2", "-k",
            "StudyInstanceUID=",
        )  # fmt: skip
        self.assertIn(self.study, answer.said)

    def test_getscu(self):
        self.client(
            "getscu", "-S", *self.peer, "-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={self.study}", "-od",
            self.folder / "got",
        )  # fmt: skip
        self.assertGreaterEqual(len(list((self.folder / "got").iterdir())), 3)

    def test_movescu(self):
        self.client(
            "movescu", "-S", *self.peer, "-aem", "PYNETDICOM", "--store", "--store-port", self.our_port, "-k",
            "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={self.study}", "-od", self.folder / "moved",
        )  # fmt: skip
        self.assertGreaterEqual(len(list((self.folder / "moved").iterdir())), 3)


class Ourselves(WithImages):
    def test_it_says_that_it_is_no_pacs(self):
        self.assertIn("this is not a PACS", self.archive.log())
        self.assertIn(f"listens at 127.0.0.1:{self.archive.port} ", self.archive.log())
        self.assertIn("only this machine can connect: --bind :: accepts connections from other machines", self.archive.log())
        self.assertIn("callers are not authenticated", self.archive.log())

    def test_the_index_is_rebuilt_from_the_files(self):
        folder = self.folder / "archive"
        folder.mkdir()
        for path in self.files:
            (folder / path.name).write_bytes(path.read_bytes())
        archive = PracticeArchive()
        archive.start()
        self.addCleanup(archive.stop)
        dcmscu("--store", servers.LOOPBACK, archive.port, *self.files, expect=0)
        archive.process.send_signal(signal.SIGTERM)
        self.assertEqual(archive.process.wait(10), 0)
        archive._launch()
        self.assertTrue(archive._wait_until_ready())
        answer = dcmscu(
            "--find", "--image", servers.LOOPBACK, archive.port, "-k", f"StudyInstanceUID={self.study}", "--format",
            "jsonl", expect=0,
        )  # fmt: skip
        self.assertEqual(len(answer.stdout.splitlines()), len(self.of_study))

    def test_one_line_an_event_without_names_of_patients(self):
        archive = self.serve(PracticeArchive())
        dcmscu("--store", servers.LOOPBACK, archive.port, *self.files, expect=0)
        dcmscu("--find", servers.LOOPBACK, archive.port, "-k", "PatientName=Muster*", expect=0)
        log = archive.log(limit=100_000)
        self.assertEqual(log.count("C-STORE"), len(self.files), log)
        self.assertEqual(log.count("C-FIND STUDY: 1 match\n"), 1, log)
        for name in ("Muster", "SELFTEST", "Yamada"):
            self.assertNotIn(name, log)

    def test_what_is_refused_is_told_with_its_remedy(self):
        archive = self.serve(PracticeArchive())
        peer = [servers.LOOPBACK, archive.port]
        dcmscu("--worklist", *peer, "-k", "PatientName", expect=6)
        dcmscu("--store", *peer, *self.files, expect=0)
        dcmscu("--move", *peer, "-k", f"StudyInstanceUID={self.study}", "--move-destination", "NODE", expect=7)
        log = archive.log(limit=100_000)
        self.assertRegex(log, r"proposes 1 context, refused: Modality Worklist Information Model - FIND\n")
        self.assertRegex(log, r"destination NODE is not known here \(A801H\); --destination NODE=HOST:PORT makes it known\n")

    def test_several_associations_at_once(self):
        archive = self.serve(PracticeArchive())
        senders = [
            subprocess.Popen(
                [programs.dcmscu_path(), "--store", servers.LOOPBACK, str(archive.port), str(path)],
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            )
            for path in self.files
        ]  # fmt: skip
        for sender in senders:
            _, said = sender.communicate(timeout=60)
            self.assertEqual(sender.returncode, 0, said)
        self.assertEqual(len(archive.stored()), len(self.files))

    def test_a_move_is_cancelled_in_its_middle(self):
        slow = self.serve(PracticeArchive(options=["--inject=delay=0.3"]))
        archive = self.serve(PracticeArchive([("SLOW", slow.port)]))
        dcmscu("--store", servers.LOOPBACK, archive.port, *self.files, expect=0)
        mover = subprocess.Popen(
            [
                programs.dcmscu_path(), "--move", "-k", f"StudyInstanceUID={self.study}", "--move-destination", "SLOW",
                servers.LOOPBACK, str(archive.port),
            ],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        while not slow.stored():
            self.assertIsNone(mover.poll(), "the move ended")
        mover.send_signal(signal.SIGINT)
        said, _ = mover.communicate(timeout=30)
        self.assertEqual(mover.returncode, 130, said)
        self.assertIn("cancelled", archive.log())
        self.assertLess(len(slow.stored()), len(self.of_study))

    def test_sigint_and_sigterm_end_it_cleanly(self):
        for ending in (signal.SIGINT, signal.SIGTERM):
            archive = PracticeArchive()
            archive.start()
            self.addCleanup(archive.stop)
            # Its port is open before the folder is read, which a signal interrupts.
            limit = time.monotonic() + 30
            while "listens at" not in archive.log() and time.monotonic() < limit:
                time.sleep(0.01)
            archive.process.send_signal(ending)
            started = time.monotonic()
            self.assertEqual(archive.process.wait(10), 0)
            self.assertLess(time.monotonic() - started, 3)
            self.assertIn("practice archive ended", archive.log())

    def test_the_self_test_is_well(self):
        page = dcmscu("--self-test", expect=0)
        self.assertIn("all 15 steps passed", page.stdout)


class Faults(WithImages):
    def archive_with(self, *faults):
        return self.serve(PracticeArchive(options=[f"--inject={fault}" for fault in faults]))

    def store(self, archive, expect):
        return dcmscu("--store", servers.LOOPBACK, archive.port, *self.files, expect=expect)

    def test_a_status_for_every_fifth_instance(self):
        archive = self.archive_with("store-status=0xA900/5")
        run = self.store(archive, 1)
        self.assertIn("A900H", run.stderr)
        self.assertEqual(len(archive.stored()), len(self.files) - len(self.files) // 5)

    def test_an_abort_after_three_instances_loses_those_that_were_not_answered(self):
        archive = self.archive_with("abort-after=3")
        self.store(archive, (1, 5))

    def test_a_connection_closed_in_the_middle_of_an_instance_leaves_no_half_file(self):
        archive = self.archive_with("close-in-file=4")
        self.store(archive, (1, 4))
        left = [path for path in (archive.folder / "archive").iterdir() if path.suffix != ".dcm"]
        self.assertEqual(left, [])

    def test_a_refused_syntax(self):
        archive = self.archive_with("refuse-syntax=JPEG2000Lossless")
        run = self.store(archive, 1)
        self.assertIn("JPEG 2000", run.stderr)
        self.assertEqual(len(archive.stored()), len(self.files) - 2)

    def test_a_refused_class(self):
        archive = self.archive_with("refuse-class=MRImageStorage")
        self.store(archive, 1)
        self.assertEqual(len(archive.stored()), len(self.files) - len(self.of_study))

    def test_a_rejected_association(self):
        archive = self.archive_with("reject=1")
        dcmscu("--echo", servers.LOOPBACK, archive.port, expect=5)

    def test_find_move_and_get_that_fail(self):
        archive = self.archive_with("find-status=A700", "move-status=A702", "get-status=A701")
        key = ("-k", f"StudyInstanceUID={self.study}")
        self.assertIn("A700H", dcmscu("--find", servers.LOOPBACK, archive.port, *key, expect=7).stderr)
        dcmscu("--get", "--no-check", servers.LOOPBACK, archive.port, *key, "-o", self.folder, expect=(1, 7))

    def test_a_delay(self):
        archive = self.archive_with("delay=0.5")
        started = time.monotonic()
        dcmscu("--echo", servers.LOOPBACK, archive.port, expect=0)
        self.assertGreaterEqual(time.monotonic() - started, 0.5)

    def test_commitment_that_fails_or_never_comes(self):
        archive = self.archive_with("commit-failure=0110/2")
        self.store(archive, 0)
        run = dcmscu("--stgcmt", servers.LOOPBACK, archive.port, *self.files, expect=9)
        self.assertIn("processing failure", run.said)
        archive = self.archive_with("commit-report=never")
        self.store(archive, 0)
        dcmscu("--stgcmt", "--wait", "1", servers.LOOPBACK, archive.port, *self.files, expect=8)

    def test_a_fault_that_is_none_is_a_usage_error(self):
        run = dcmscu("--serve", self.folder, "--inject", "nonsense=1", expect=2)
        self.assert_names(run, "nonsense", "store-status")


class Strangers(WithImages):
    VERIFICATION = "1.2.840.10008.1.1"

    def test_a_prober_with_more_contexts_than_ids(self):
        ids = [number % 256 for number in range(1, 2 * 131, 2)]
        prober = wire.Association.request(self.archive.port, "PRACTICE", "PROBER", self.VERIFICATION, ids=ids)
        self.assertEqual(len(prober.contexts), 128)
        prober.release()
        self.assertIn("proposes 128 contexts and 3 more that repeat an id and are ignored", self.archive.log())

    def test_a_request_with_one_id_twice_is_not_understood_and_that_is_said(self):
        with self.assertRaises(wire.Ended):
            wire.Association.request(self.archive.port, "PRACTICE", "PROBER", self.VERIFICATION, ids=[1, 3, 3])
        # The caller may hear of it before it is written.
        limit = time.monotonic() + programs.TIME_LIMIT
        while "request not understood" not in self.archive.log() and time.monotonic() < limit:
            time.sleep(0.05)
        self.assertIn("request not understood: presentation context 3 stands twice", self.archive.log())

    def test_a_receiver_says_so_too(self):
        port = servers.free_port()
        kept = self.folder / "open.jsonl"
        dcmscu(
            "--stgcmt", "--transaction", kept, "--wait", "0", servers.LOOPBACK, self.archive.port, self.files[0], expect=0
        )
        with concurrent.futures.ThreadPoolExecutor() as pool:
            run = pool.submit(
                dcmscu, "--stgcmt", "--listen", "--transaction", kept, "--port-scp", port, "--wait", "2", expect=8
            )
            while not servers.accepts_connections(port):
                time.sleep(0.02)
            with self.assertRaises(wire.Ended):
                wire.Association.request(port, "DCMSCU", "PROBER", self.VERIFICATION, ids=[1, 3, 3])
            self.assert_names(run.result(30), "its request was not understood", "presentation context 3 stands twice")


class HeldInstances(WithImages):
    """What the archive keeps of its instances, and of those that are stored again."""

    def test_equal_and_other_instances_stored_meanwhile_do_not_disturb_who_reads(self):
        archive = self.serve(PracticeArchive())
        versions = []
        for number, text in enumerate(("A", "B")):
            folder = self.folder / text
            folder.mkdir()
            for path in self.of_study:
                entry = pydicom.dcmread(path)
                entry.ImageComments = text * (number + 1)
                entry.save_as(folder / path.name)
            versions.append(sorted(folder.glob("*.dcm")))
        peer = [servers.LOOPBACK, archive.port]
        dcmscu("--store", *peer, *versions[0], expect=0)
        stop = threading.Event()

        def store(files):
            while not stop.is_set():
                dcmscu("--store", *peer, *files, expect=0)

        def get(number):
            for turn in range(3):
                out = self.folder / f"got-{number}-{turn}"
                dcmscu("--get", *peer, "-k", f"20,d={self.study}", "-o", out, expect=0)
                self.assertEqual(len(list(out.glob("*.dcm"))), len(self.of_study))

        with concurrent.futures.ThreadPoolExecutor() as pool:
            stores = [pool.submit(store, files) for files in (versions[0], versions[0], versions[1])]
            gets = [pool.submit(get, number) for number in range(3)]
            try:
                for job in gets:
                    job.result(timeout=120)
            finally:
                stop.set()
            for job in stores:
                job.result(timeout=60)
        # Nothing is left of the versions that were replaced.
        self.assertEqual(len(archive.stored()), len(self.of_study))

    def test_an_equal_instance_stays_the_file_that_it_is(self):
        archive = self.serve(PracticeArchive())
        peer = [servers.LOOPBACK, archive.port]
        dcmscu("--store", *peer, *self.of_study, expect=0)
        before = [(path.name, path.stat().st_ino) for path in archive.stored()]
        dcmscu("--store", *peer, *self.of_study, expect=0)
        self.assertEqual([(path.name, path.stat().st_ino) for path in archive.stored()], before)
        self.assertIn("stored before, and equal", archive.log())

    def serve_many(self, distinct):
        """An archive that has just begun to read many files, of which some are different instances."""
        archive = PracticeArchive()

        def prepare():
            inside = archive.folder / "archive"
            inside.mkdir(exist_ok=True)
            content = self.of_study[0].read_bytes()
            uid = str(data_set(self.of_study[0]).SOPInstanceUID)
            for number in range(distinct):
                other = uid[: -len(str(number)) - 1] + "." + str(number)
                (inside / f"{number}.dcm").write_bytes(content.replace(uid.encode(), other.encode()))
            for number in range(10_000):
                (inside / f"link{number}.dcm").hardlink_to(inside / "0.dcm")

        archive.prepare = prepare
        return self.serve(archive)

    def test_who_calls_while_the_index_is_read_waits_for_it(self):
        archive = self.serve_many(500)
        query = ["-k", f"StudyInstanceUID={self.study}", "--format", "count"]
        run = dcmscu("--find", "--image", servers.LOOPBACK, archive.port, *query, expect=0)
        self.assertEqual(run.stdout.strip(), "500", run)
        # Its first line came no sooner.
        self.assertIn("500 instances in 1 study", archive.log().splitlines()[0])

    def test_a_signal_while_the_index_is_read_ends_it(self):
        for one, code in ((signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)):
            with self.subTest(one.name):
                archive = self.serve_many(1)
                archive.process.send_signal(one)
                self.assertEqual(archive.process.wait(10), code, archive.log())
                self.assertIn("interrupted while", archive.log())
                self.assertNotIn("listens at", archive.log())

    def flood(self, connection, requests, sent):
        """Sends without an end, and reads no response."""
        try:
            while True:
                connection.sendall(requests)
                sent.append(len(requests))
        except OSError:
            connection.close()

    def test_a_flood_of_instances_whose_responses_nobody_reads_is_bounded(self):
        """In memory, by back pressure; in time, by the limit of silence. Others are served meanwhile."""
        archive = self.serve(PracticeArchive(options=["--timeout", "3"]))
        # Without UIDs in the data set: refused, so that it is fast.
        one = Instance("1.2.1", "1.2.1.1", "1.2.1.1.1", size=20)
        one.data = elements({0x00080060: "CT"})
        command = elements({0x00000002: CT, 0x00000100: 1, 0x00000110: 1, 0x00000700: 0, 0x00000800: 1, 0x00001000: one.uid})
        command = element(0x00000000, struct.pack("<L", len(command))) + command
        floods = []
        for _ in range(2):
            connection = socket.socket()
            # What nobody reads is to fill soon.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect((servers.LOOPBACK, archive.port))
            association = Association(connection)
            association.request("FLOOD", archive.ae_title, [CT])
            requests, sent = (association.values(1, command, 1) + association.values(1, one.data, 0)) * 50, []
            thread = threading.Thread(target=self.flood, args=(connection, requests, sent), daemon=True)
            thread.start()
            floods.append((thread, sent))
        dcmscu("--echo", servers.LOOPBACK, archive.port, expect=0)
        for thread, sent in floods:
            thread.join(programs.TIME_LIMIT)
            self.assertFalse(thread.is_alive(), "the flood goes on")
            self.assertGreater(sum(sent), 1 << 20)
        peak = next(line for line in open(f"/proc/{archive.process.pid}/status") if line.startswith("VmHWM"))
        self.assertLess(int(peak.split()[1]) << 10, measured.PEAK_MEMORY, peak)
        self.assertEqual(archive.log().count("time limit passed while waiting for the peer to take data"), 2)
        dcmscu("--echo", servers.LOOPBACK, archive.port, expect=0)

    def test_links_do_not_lead_out_of_the_folder(self):
        outside = self.folder / "outside"
        outside.mkdir()
        for path in self.files:
            (outside / path.name).write_bytes(path.read_bytes())
        archive = PracticeArchive()

        def prepare():
            inside = archive.folder / "archive"
            inside.mkdir(exist_ok=True)
            (inside / "folder").symlink_to(outside)
            (inside / "file.dcm").symlink_to(outside / self.files[0].name)

        archive.prepare = prepare
        self.serve(archive)
        run = dcmscu("--find", "--patient", servers.LOOPBACK, archive.port, "--format", "count", expect=0)
        self.assertEqual(run.stdout.strip(), "0", run)
        self.assertIn("a symbolic link, which is not followed", archive.log())

    def test_a_link_that_is_placed_meanwhile_is_not_followed(self):
        """In the place of a file that is held, and in that of one that comes."""
        archive = self.serve(PracticeArchive())
        held, coming = self.of_study[:2]
        peer = [servers.LOOPBACK, archive.port]
        dcmscu("--store", *peer, held, expect=0)
        [inside] = archive.stored()
        outside = self.folder / "outside.dcm"
        outside.write_bytes(inside.read_bytes())
        inside.unlink()
        inside.symlink_to(outside)
        out = self.folder / "out"
        run = dcmscu("--get", *peer, "-k", f"StudyInstanceUID={self.study}", "-o", out, expect=(1, 7))
        self.assertEqual([path for path in out.rglob("*") if path.is_file()], [], run)
        # The name of the next instance is a link that leads to a file, or to nowhere.
        name = inside.name.replace(str(data_set(held).SOPInstanceUID), str(data_set(coming).SOPInstanceUID))
        victim, nowhere = self.folder / "victim", self.folder / "nowhere"
        victim.write_text("precious")
        for target in (victim, nowhere):
            link = inside.with_name(name)
            link.unlink(missing_ok=True)
            link.symlink_to(target)
            dcmscu("--store", *peer, coming)
            self.assertEqual(victim.read_text(), "precious")
            self.assertFalse(nowhere.exists())
        # What is there is what came, or nothing: never what the link led to.
        dcmscu("--get", *peer, "-k", f"SOPInstanceUID={data_set(coming).SOPInstanceUID}", "--image", "-o", out)
        for path in out.rglob("*.dcm"):
            self.assertEqual(data_set(path).SOPInstanceUID, data_set(coming).SOPInstanceUID)

    def test_a_data_set_without_uids_is_refused_as_servers_do(self):
        archive = self.serve(PracticeArchive())
        one = Instance("1.2.1", "1.2.1.1", "1.2.1.1.1")
        fields = one.fields
        association = Association(socket.create_connection((servers.LOOPBACK, archive.port)))
        association.request("ANYBODY", archive.ae_title, [CT])
        for missing in ((0x00080018,), (0x00080016,), (0x00080016, 0x00080018)):
            one.data = elements({tag: value for tag, value in fields.items() if tag not in missing})
            self.assertEqual(association.store(one), 0xA900, missing)
            self.assertEqual(archive.stored(), [])
        # The association goes on, and a whole one is stored.
        one.data = elements(fields)
        self.assertEqual(association.store(one), 0)
        association.release()
        self.assertEqual(len(archive.stored()), 1)

    def test_a_data_set_that_is_cut_or_nonsense_is_refused_and_not_found(self):
        archive = self.serve(PracticeArchive())
        one = Instance("1.2.1", "1.2.1.1", "1.2.1.1.1")
        whole = one.data
        association = Association(socket.create_connection((servers.LOOPBACK, archive.port)))
        association.request("ANYBODY", archive.ae_title, [CT])
        find = [
            "--find", "--image", "-k", "StudyInstanceUID=1.2.1", "-k", "SeriesInstanceUID=1.2.1.1", "-k", "SOPInstanceUID",
            "--format", "jsonl", servers.LOOPBACK, archive.port,
        ]  # fmt: skip
        for name, data in (
            ("cut in the pixels", whole[:-2]), ("cut in a header", whole[:12]), ("nonsense", b"no data set at all. " * 100),
            ("nonsense behind it", whole + b"no data set at all. " * 100),
        ):  # fmt: skip
            with self.subTest(name):
                one.data = data
                self.assertEqual(association.store(one), 0xC000)
                self.assertEqual([path for path in (archive.folder / "archive").rglob("*") if path.is_file()], [])
                self.assertNotIn("1.2.1.1.1", dcmscu(*find, expect=0).stdout)
        # The association goes on, and a whole one is stored and found.
        one.data = whole
        self.assertEqual(association.store(one), 0)
        association.release()
        self.assertEqual(len(archive.stored()), 1)
        self.assertIn("1.2.1.1.1", dcmscu(*find, expect=0).stdout)

    def peak(self, archive):
        (line,) = [line for line in open(f"/proc/{archive.process.pid}/status") if line.startswith("VmHWM")]
        return int(line.split()[1]) << 10

    def test_bombs_on_many_associations_stay_below_one_limit(self):
        count = 30
        archive = self.serve(PracticeArchive())
        entry = pydicom.dcmread(self.of_study[0])
        entry.private_block(0x0009, "MAKER", create=True).add_new(1, "OB", bytes(24 << 20))
        entry.file_meta.TransferSyntaxUID = pydicom.uid.DeflatedExplicitVRLittleEndian
        paths = []
        for number in range(count):
            entry.SOPInstanceUID = entry.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{number}"
            paths.append(self.folder / f"bomb{number}.dcm")
            entry.is_implicit_VR, entry.is_little_endian = False, True
            entry.save_as(paths[-1])
        peer = [servers.LOOPBACK, archive.port]
        with concurrent.futures.ThreadPoolExecutor(count) as pool:
            bombs = pool.map(lambda path: dcmscu("--store", *peer, path, expect=0), paths)
            # Honest clients beside them.
            dcmscu("--store", *peer, *self.of_study, expect=0)
            run = dcmscu("--find", *peer, "-k", f"StudyInstanceUID={self.study}", "--format", "count", expect=0)
            self.assertEqual(int(run.stdout), 1)
            list(bombs)
        self.assertEqual(len(archive.stored()), count + len(self.of_study))
        self.assertNotIn("hold too much", archive.log())
        self.assertLess(self.peak(archive), MANY_ASSOCIATIONS)

    # Of a query, a retrieval and a list of commitment: abstract syntax, command, the status where there is no memory.
    LISTS = (
        ("1.2.840.10008.5.1.4.1.2.2.1", {"field": 0x0020}, 0xA700), ("1.2.840.10008.5.1.4.1.2.2.3", {"field": 0x0010}, 0xA701),
        ("1.2.840.10008.1.20.1", {"field": wire.N_ACTION, "action_type": 1}, 0x0213),
    )  # fmt: skip

    def test_what_all_associations_hold_in_memory_has_one_limit(self):
        """Thirty lists of 15 MB at once: those beyond the limit are refused, and the associations go on."""
        archive = self.serve(PracticeArchive())
        # Private elements of nothing: each is eight bytes, and a hundred in memory.
        tiny = b"".join(wire.element(0x0009, 0x1000 + number % 256, b"") for number in range(10_000))
        large = wire.element(0x0008, 0x0052, b"STUDY ") + wire.element(0x0010, 0x4000, b"x" * (12 << 20)) + tiny * 30
        small = wire.element(0x0008, 0x0052, b"STUDY ") + wire.element(0x0020, 0x000D, wire.uid(self.study))
        callers = []
        for number in range(30):
            abstract, command, refused = self.LISTS[number % 3]
            caller = wire.Association.request(archive.port, archive.ae_title, "CALLER", abstract)
            names = ("requested_class", "requested_instance") if command["field"] == wire.N_ACTION else ("affected_class", "affected_instance")
            command = {**command, "message_id": 1, "data_set_type": 0x0102, **dict(zip(names, (abstract, "1.2.840.10008.1.20.1.1")))}
            callers.append((caller, command, refused))
        (context,) = callers[0][0].contexts

        def begin(caller, command):
            caller._send_pdv(context, 3, wire.encode_command(**command))
            for start in range(0, len(large), 16_000):
                caller._send_pdv(context, 0, large[start : start + 16_000])

        def end(caller):
            caller._send_pdv(context, 2, b"")
            return caller.receive()[0]["status"]

        with concurrent.futures.ThreadPoolExecutor(len(callers)) as pool:
            list(pool.map(lambda one: begin(*one[:2]), callers))
            # An honest client, while all of that is held.
            dcmscu("--store", servers.LOOPBACK, archive.port, *self.of_study, expect=0)
            statuses = list(pool.map(lambda one: end(one[0]), callers))
        self.assertGreaterEqual(sum(status == refused for status, (_, _, refused) in zip(statuses, callers)), 20, statuses)
        self.assertEqual(archive.log().count("hold too much"), sum(status in (0xA700, 0xA701, 0x0213) for status in statuses))
        self.assertLess(self.peak(archive), MANY_ASSOCIATIONS)
        # What was held is given back, also by those who go in the middle.
        for caller, command, _ in callers[3:]:
            begin(caller, command)
            caller.connection.close()
        for caller, command, refused in callers[:3]:
            caller.send(command, small)
            self.assertNotEqual(caller.receive()[0]["status"], refused)
        self.assertLess(self.peak(archive), MANY_ASSOCIATIONS)

    def test_a_dozen_lists_of_ten_thousand_references_have_room(self):
        archive = self.serve(PracticeArchive())
        abstract = "1.2.840.10008.1.20.1"
        references = [
            wire.element(0x0008, 0x1150, wire.uid(CT)) + wire.element(0x0008, 0x1155, wire.uid(f"1.2.826.0.1.3680043.2.1125.1.77.{number}"))
            for number in range(10_000)
        ]  # fmt: skip
        body = wire.element(0x0008, 0x1195, wire.uid("1.2.3")) + wire.sequence(0x0008, 0x1199, references)
        command = {"field": wire.N_ACTION, "message_id": 1, "action_type": 1, "requested_class": abstract}
        command["requested_instance"] = "1.2.840.10008.1.20.1.1"
        callers = [wire.Association.request(archive.port, archive.ae_title, f"C{number}", abstract) for number in range(12)]
        for caller in callers:
            caller.send(command, body)
        for caller in callers:
            self.assertEqual(caller.receive()[0]["status"], 0)
        self.assertNotIn("hold too much", archive.log())

    def small_instance(self):
        """A file of the study with one pixel, and with 10000 in place of its number and at the end of its UID."""
        entry = pydicom.dcmread(self.of_study[0])
        entry.PixelData, entry.Rows, entry.Columns = bytes(2), 1, 1
        entry.SOPInstanceUID = entry.file_meta.MediaStorageSOPInstanceUID = "1.2.826.0.1.3680043.2.1125.1.10000"
        entry.InstanceNumber = 10000
        path = self.folder / "one.dcm"
        entry.save_as(path)
        return path.read_bytes()

    def test_what_is_asked_for_existing_instances_grows_with_their_number_alone(self):
        """Counted, not timed: the requests, and the matches of all of them. One that asked or answered for a whole study each time
        would have many times as many."""
        content = self.small_instance()
        for count in (300, 1_200):
            folder = self.folder / f"study{count}"
            folder.mkdir()
            for number in range(count):
                (folder / f"{number}.dcm").write_bytes(content.replace(b"10000", b"%d" % (10000 + number)))
            archive = self.serve(PracticeArchive())
            peer = [servers.LOOPBACK, archive.port]
            dcmscu("--store", *peer, folder, expect=0)
            run = dcmscu("--store", *peer, folder, "--skip-existing", "--format", "jsonl", expect=0)
            self.assertEqual(json.loads(run.stdout.splitlines()[-1])["skipped"], count, run)
            answers = [int(number) for number in re.findall(r"C-FIND IMAGE: (\d+) match", archive.log())]
            self.assertEqual(sum(answers), count)
            self.assertLessEqual(max(answers), 50)

    def test_an_instance_of_the_index_takes_a_kilobyte(self):
        # As many as make the rest of the process small beside them.
        count = 10_000
        template = self.small_instance()
        sizes = []
        for images in (0, count):
            archive = PracticeArchive()

            def prepare():
                folder = archive.folder / "archive"
                folder.mkdir(exist_ok=True)
                for number in range(images):
                    (folder / f"{number}.dcm").write_bytes(template.replace(b"10000", b"%d" % (10000 + number)))

            archive.prepare = prepare
            self.serve(archive)
            # Answered once all files are read.
            keys = ["-k", "InstanceNumber", "--format", "count"]
            run = dcmscu("--find", "--image", servers.LOOPBACK, archive.port, *keys, expect=0)
            self.assertEqual(int(run.stdout), images)
            (line,) = [line for line in open(f"/proc/{archive.process.pid}/status") if line.startswith("VmRSS")]
            sizes.append(int(line.split()[1]) << 10)
        self.assertLess((sizes[1] - sizes[0]) / count, 1_024)


class LongHeaders(cases.RealServerTest):
    def test_keys_behind_long_private_elements_match_and_are_returned(self):
        archive = self.serve(PracticeArchive())
        entry = data_set(made_up_images(self.folder)[0])
        entry.private_block(0x0019, "MAKER", create=True).add_new(1, "OB", bytes(100_000))
        entry.StudyID, entry.SeriesNumber = "S7", 11
        path = self.folder / "long.dcm"
        entry.save_as(path)
        peer = [servers.LOOPBACK, archive.port]
        for _ in range(2):
            dcmscu("--store", *peer, path, expect=0)
            run = dcmscu("--find", *peer, "--series", "-k", "StudyID=S7", "-k", "SeriesNumber", "--format", "csv", expect=0)
            self.assertIn("11", run.stdout)


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


class Over(PracticeArchive):
    """An archive over a folder that is there."""

    def __init__(self, held, before=()):
        super().__init__()
        self.held, self.before = held, list(before)

    def command(self):
        return [*self.before, programs.dcmscu_path(), "--serve", self.held, "--port-scp", self.port]


class ManyFiles(cases.RealServerTest):
    """A folder of so many files that the archive keeps an index of it."""

    COUNT = 300

    def setUp(self):
        super().setUp()
        # One that is not deflated: its UID is replaced in the bytes.
        file = next(
            path for path in made_up_images(self.folder / "images")
            if path.read_bytes().count(str(data_set(path).SOPInstanceUID).encode()) == 2
        )  # fmt: skip
        self.data, self.image = file.read_bytes(), data_set(file)
        self.held = self.folder / "held"
        self.held.mkdir()
        for number in range(self.COUNT):
            (self.held / f"{number}.dcm").write_bytes(self.instance(number))
        self.index = self.held / ".dcmscu-index"

    def instance(self, number, patient=None):
        uid, own = str(self.image.SOPInstanceUID), str(self.image.PatientID).encode()
        return self.data.replace(uid.encode(), f"{uid[:-4]}{number + 1000}".encode()).replace(own, patient or own)

    def found(self, archive, *keys, level="IMAGE"):
        given = [part for key in keys for part in ("-k", key)]
        answer = run(
            "findscu", "-S", "-k", f"QueryRetrieveLevel={level}", "-k", "SOPInstanceUID", *given, servers.LOOPBACK,
            archive.port, expect=0,
        )  # fmt: skip
        return answer.said.count("Find Response:")

    def test_an_index_tells_what_has_not_changed_and_nothing_else(self):
        # A file that has just changed may change again at the same time, and is not in the index.
        time.sleep(2.5)
        study, own = f"StudyInstanceUID={self.image.StudyInstanceUID}", str(self.image.PatientID)
        with Over(self.held) as archive:
            self.assertEqual(self.found(archive, study), self.COUNT)
            self.assertEqual(self.index.stat().st_mode & 0o7777, 0o600)
        first = self.index.stat()
        with Over(self.held) as archive:
            self.assertEqual(self.found(archive, study), self.COUNT)
        self.assertEqual((self.index.stat().st_ino, self.index.stat().st_mtime_ns), (first.st_ino, first.st_mtime_ns))
        # Of the same length and time, gone, and new.
        changed, before = self.held / "7.dcm", (self.held / "7.dcm").stat()
        changed.write_bytes(self.instance(7, b"X" * len(own)))
        os.utime(changed, ns=(before.st_atime_ns, before.st_mtime_ns))
        (self.held / "8.dcm").unlink()
        (self.held / "more.dcm").write_bytes(self.instance(5000))
        with Over(self.held) as archive:
            self.assertEqual(self.found(archive, study, "PatientID=" + "X" * len(own)), 1)
            self.assertEqual(self.found(archive, study, f"PatientID={own}"), self.COUNT - 1)
            stored = self.folder / "stored.dcm"
            stored.write_bytes(self.instance(6000))
            dcmscu("--store", servers.LOOPBACK, archive.port, stored, expect=0)
        # What came from a peer has its name from the archive itself, however short ago.
        self.assertIn(str(data_set(stored).SOPInstanceUID).encode(), self.index.read_bytes())
        self.index.write_bytes(self.index.read_bytes()[:5000])
        with Over(self.held) as archive:
            self.assertEqual(self.found(archive, study), self.COUNT + 1)

    def test_the_index_is_no_file_to_be_sent(self):
        time.sleep(2.5)
        with Over(self.held):
            self.wait_for(self.index.exists)
        archive = self.serve(PracticeArchive())
        sent = dcmscu("--store", servers.LOOPBACK, archive.port, "-r", self.held, "--format", "jsonl", expect=0)
        self.assertEqual(json.loads(sent.stdout.splitlines()[-1])["done"], self.COUNT)
        self.assertNotIn("index", sent.said)
        self.assertEqual(len(archive.stored()), self.COUNT)

    def test_a_folder_that_can_only_be_read_is_served(self):
        # Root may write everywhere: the program runs as the user nobody then.
        before = []
        if os.geteuid() == 0:
            program = self.folder / "dcmscu"
            shutil.copy(programs.dcmscu_path(), program)
            program.chmod(0o755)
            before = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "env", "HOME=/", program]
        self.folder.chmod(0o755)
        self.held.chmod(0o555)
        self.addCleanup(self.held.chmod, 0o755)
        archive = Over(self.held)
        usual = archive.command
        archive.command = lambda: [*before, *usual()[1 if before else 0 :]]
        self.serve(archive)
        self.assertEqual(self.found(archive, f"StudyInstanceUID={self.image.StudyInstanceUID}"), self.COUNT)
        self.assertIn("nothing can be stored", archive.log())
        other = self.folder / "images" / "other.dcm"
        other.write_bytes(self.instance(6000))
        dcmscu("--store", servers.LOOPBACK, archive.port, other, expect=7)
        self.assertEqual(len(list(self.held.iterdir())), self.COUNT)
