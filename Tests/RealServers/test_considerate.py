"""`--max-rate`, `--per-minute` and `--hours`: a run that leaves something of network and archive to others; SIGUSR1, which asks it
where it stands."""

import datetime
import json
import os
import pathlib
import pty
import re
import signal
import subprocess
import time

import pydicom
from pydicom.uid import ExplicitVRLittleEndian

from harness import cases, certificates, programs, servers
from harness.practice import PracticeArchive, WebArchive, data_set, made_up_images
from harness.programs import dcmscu
from test_hostile import compiler

RATE = 400_000
# Bytes that go without a wait: what was not used for a tenth of a second, and the last piece of each connection.
UNPAID = RATE // 10


def at(clock, zone=datetime.timezone.utc):
    """A time of Monday, 5 January 2026, or of another day, in seconds."""
    moment = datetime.datetime.fromisoformat(clock if " " in clock else f"2026-01-05 {clock}")
    return int(moment.replace(tzinfo=zone).timestamp())


class Considerate(cases.RealServerTest):
    def setUp(self):
        super().setUp()
        self.files = made_up_images(self.folder / "images")
        self.bytes = sum(path.stat().st_size for path in self.files)
        self.studies = {}
        for path in self.files:
            self.studies.setdefault(str(data_set(path).StudyInstanceUID), set()).add(str(data_set(path).SOPInstanceUID))
        self.out = self.folder / "out"
        self.journal = self.folder / "journal"
        self.library = self.folder / "clockjump.so"

    def archive(self, *options, **more):
        return self.serve(PracticeArchive(options=options, **more))

    def filled(self, *options, **more):
        archive = self.archive(*options, **more)
        dcmscu("--store", servers.LOOPBACK, archive.port, *self.files, expect=0)
        return archive

    def clock(self, seconds, zone="UTC"):
        """The environment of a program whose clock begins there."""
        if not self.library.exists():
            source = pathlib.Path(programs.__file__).with_name("clockjump.c")
            programs.run(compiler(), "-shared", "-fPIC", "-O1", "-o", self.library, source, expect=0)
        return {"LD_PRELOAD": str(self.library), "CLOCK": str(seconds), "TZ": zone}

    def start(self, *arguments, clock=None, zone="UTC", stderr=subprocess.PIPE):
        process = subprocess.Popen(
            [programs.dcmscu_path(), *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr,
            cwd=self.folder,
            env={
                **os.environ, "LC_ALL": "C.UTF-8", "DCMSCU_CONFIG": "/dev/null", "TERM": "xterm",
                **(self.clock(clock, zone) if clock else {}),
            },
        )  # fmt: skip
        self.addCleanup(process.kill)
        return process

    def faked(self, clock, *arguments, **options):
        return dcmscu(*arguments, environment=self.clock(clock), **options)

    def read_until(self, process, words):
        """The lines of the standard error up to one with the words."""
        lines = []
        for line in iter(process.stderr.readline, b""):
            lines.append(line.decode())
            if words in lines[-1]:
                return lines
        self.fail(f"{words} was not said: {''.join(lines)}")

    # MARK: Rates

    def assert_took(self, seconds, count, jobs=1):
        self.assertGreaterEqual(seconds, (count - UNPAID * (1 + jobs)) / RATE)

    def large_files(self):
        """Some 1.2 MB in three studies: sent from the file, piece by piece, and laid out in memory."""
        plain = next(path for path in self.files if data_set(path).file_meta.TransferSyntaxUID == ExplicitVRLittleEndian)
        files = []
        for number, length in enumerate((600_000, 300_000, 40_000, 160_000, 100_000)):
            content = pydicom.dcmread(plain)
            content.StudyInstanceUID = f"1.2.3.{number % 3}"
            content.SOPInstanceUID = content.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{number % 3}.{number}"
            content.Rows, content.Columns, content.BitsAllocated = length // 200, 100, 16
            content.PixelData = os.urandom(length)
            files.append(self.folder / f"large{number}.dcm")
            content.save_as(files[-1])
        return files

    def test_sending_keeps_to_one_budget_over_all_associations(self):
        files = self.large_files()
        count = sum(path.stat().st_size for path in files)
        archive = self.archive()
        for jobs in (1, 4):
            run = dcmscu("--store", servers.LOOPBACK, archive.port, *files, "--jobs", jobs, "--max-rate", "400kB/s", expect=0)
            self.assert_took(run.seconds, count, jobs)
        free = dcmscu("--store", servers.LOOPBACK, archive.port, *files, expect=0)
        self.assertLess(free.seconds, run.seconds)
        sent = {data_set(path).SOPInstanceUID: path for path in files}
        for path in archive.stored():
            self.assertEqual(pydicom.dcmread(path).PixelData, pydicom.dcmread(sent[data_set(path).SOPInstanceUID]).PixelData)

    def test_receiving_keeps_to_it_by_every_way(self):
        files = self.large_files()
        count = sum(path.stat().st_size for path in files)
        port = servers.free_port()
        archive = self.serve(WebArchive([("DCMSCU", port)]))
        dcmscu("--store", servers.LOOPBACK, archive.port, *files, expect=0)
        peer = [servers.LOOPBACK, archive.port]
        for way in (["--get", *peer], ["--get", *peer, "--jobs", 4], ["--move", *peer, "--port-scp", port], ["--get", archive.url]):
            out = self.folder / f"{way[0][2:]}-{len(way)}"
            # A limit of silence that is shorter than the whole: our own pauses are not the peer's.
            run = dcmscu(
                *way, "-k", "StudyDate=20260102", "-o", out, "--max-rate", "400kB/s", "--timeout", 2, expect=0,
            )  # fmt: skip
            self.assert_took(run.seconds, count, 4)
            self.assertEqual(len(list(out.rglob("*.dcm"))), len(files), way)

    def test_it_holds_over_http_and_over_tls(self):
        files = self.large_files()
        count = sum(path.stat().st_size for path in files)
        web = self.serve(WebArchive())
        for jobs in (1, 4):
            run = dcmscu("--store", web.url, *files, "--jobs", jobs, "--max-rate", "400kB/s", expect=0)
            self.assert_took(run.seconds, count, jobs)
        certificate, key = certificates.self_signed(self.folder)
        secured = self.archive("--tls", "--tls-cert", certificate, "--tls-key", key)
        run = dcmscu(
            "--store", servers.LOOPBACK, secured.port, *files, "--tls", "--tls-insecure", "--max-rate", "400kB/s", expect=0
        )
        self.assert_took(run.seconds, count)

    def test_a_signal_ends_a_slow_run_in_order(self):
        archive = self.archive()
        process = self.start("--store", servers.LOOPBACK, archive.port, *self.large_files(), "--max-rate", "50kB/s")
        limit = time.monotonic() + programs.TIME_LIMIT
        while not list((archive.folder / "archive").iterdir()) and time.monotonic() < limit:
            time.sleep(0.05)
        programs.send_signals(process.pid, signal.SIGTERM, signal.SIGTERM)
        _, err = process.communicate(timeout=programs.TIME_LIMIT)
        self.assertEqual(process.returncode, 143, err)

    # MARK: Studies a minute

    def test_studies_begin_at_even_distances(self):
        archive = self.filled()
        peer = [servers.LOOPBACK, archive.port]
        # A second and a half between two of the three.
        for jobs in (1, 3):
            out = self.folder / f"out{jobs}"
            got = ["--get", *peer, "-k", "StudyDate=20260102", "-o", out, "--jobs", jobs, "--per-minute", 40]
            resumed = [*got, "--journal", self.folder / f"journal{jobs}", "--resume"]
            self.assertGreaterEqual(dcmscu(*resumed, expect=0).seconds, 3)
            # What is here already does not count.
            again = dcmscu(*resumed, "--per-minute", 1, expect=0)
            self.assertLess(again.seconds, 60)
            self.assertIn("present from an earlier run", again.stderr)
            sent = ["--store", *peer, *self.files, "--jobs", jobs, "--per-minute", 40, "--journal", self.folder / f"sent{jobs}", "--resume"]
            self.assertGreaterEqual(dcmscu(*sent, expect=0).seconds, 3)
            dcmscu(*sent, "--per-minute", 1, expect=0, timeout=50)

    def test_no_association_is_kept_over_a_long_pause(self):
        """Between two studies of two a minute an association would be idle for thirty seconds."""
        archive = self.archive()
        process = self.start("--store", servers.LOOPBACK, archive.port, *self.files, "--per-minute", 2, "--verbose")
        self.read_until(process, "A-RELEASE-RP")
        self.assertIsNone(process.poll())
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=programs.TIME_LIMIT)
        self.assertEqual(process.returncode, 143, err)
        self.assertIn(len(archive.stored()), {len(instances) for instances in self.studies.values()})

    # MARK: Hours

    def test_a_run_waits_for_the_hours_and_says_until_when(self):
        archive = self.filled()
        peer = [servers.LOOPBACK, archive.port]
        for arguments in (
            ["--get", *peer, "-k", "StudyDate=20260102", "-o", self.out], ["--store", *peer, *self.files],
            ["--get", *peer, "-k", "StudyDate=20260102", "-o", self.out, "--dry-run"],
        ):  # fmt: skip
            process = self.start(*arguments, "--hours", "19:00-06:00", "--verbose", clock=at("18:59:57"))
            if "--dry-run" not in arguments:
                lines = self.read_until(process, "waiting until 19:00: no study is begun outside of --hours 19:00-06:00")
                # Nothing was asked of the server before.
                self.assertNotIn("A-ASSOCIATE", "".join(lines))
            _, err = process.communicate(timeout=programs.TIME_LIMIT)
            self.assertEqual(process.returncode, 0, err)

    def test_every_signal_ends_the_wait_at_once(self):
        archive = self.filled()
        peer = [servers.LOOPBACK, archive.port]
        for arguments in (["--get", *peer, "-k", "StudyDate=20260102", "-o", self.out], ["--store", *peer, *self.files]):
            for one, code in ((signal.SIGHUP, 129), (signal.SIGINT, 130), (signal.SIGTERM, 143)):
                with self.subTest(f"{arguments[0]} {one.name}"):
                    process = self.start(
                        *arguments, "--hours", "Mon-Fri 19:00-06:00,Sat-Sun 00:00-24:00", "--journal", self.journal,
                        clock=at("12:00"),
                    )  # fmt: skip
                    self.read_until(process, "waiting until 19:00")
                    process.send_signal(one)
                    _, err = process.communicate(timeout=programs.TIME_LIMIT)
                    self.assertEqual(process.returncode, code, err)
                    self.assertIn("interrupted", err.decode())

    def test_what_is_under_way_at_the_end_of_the_hours_is_finished_and_no_other_study_begun(self):
        """The hours end in a second; the first study takes longer."""
        archive = self.archive("--inject", "delay=0.4")
        for arguments in (["--store", servers.LOOPBACK, archive.port, *self.files],):
            process = self.start(*arguments, "--hours", "19:00-06:00", "--journal", self.journal, clock=at("2026-01-06 05:59:58"))
            self.read_until(process, "waiting until 19:00")
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=programs.TIME_LIMIT)
            self.assertEqual(process.returncode, 143)
        stored = {str(data_set(path).SOPInstanceUID) for path in archive.stored()}
        self.assertTrue(stored)
        self.assertLess(len(stored), len(self.files))
        for instances in self.studies.values():
            self.assertIn(len(stored & instances), (0, len(instances)))
        # The next night goes on.
        self.faked(at("2026-01-06 20:00"), *arguments, "--hours", "19:00-06:00", "--journal", self.journal, "--resume", expect=0)
        self.assertEqual(len(archive.stored()), len(self.files))

    def test_a_retrieval_ends_with_the_hours_between_two_studies(self):
        # Before the first study three queries are answered: the third of them begins after six.
        archive = self.archive("--inject", "delay=0.7")
        dcmscu("--store", servers.LOOPBACK, archive.port, "--jobs", 8, *self.files, expect=0)
        arguments = [
            "--get", servers.LOOPBACK, archive.port, "-k", "StudyDate=20260102", "-o", self.out, "--journal", self.journal,
            "--name", "{StudyInstanceUID}/{SOPInstanceUID}.dcm", "--hours", "19:00-06:00",
        ]  # fmt: skip
        # With --until in the hours' pause the run ends instead of waiting.
        run = self.faked(at("2026-01-06 05:59:57"), *arguments, "--until", "12:00", "--format", "jsonl", expect=8)
        self.assert_names(
            run, "the hours (--hours 19:00-06:00) begin again at 19:00, and the run ends before (--until)", "requests not made", "--resume",
        )
        came = {path.name: {file.stem for file in path.iterdir()} for path in self.out.iterdir()}
        self.assertTrue(came)
        self.assertLess(len(came), len(self.studies))
        for study, instances in came.items():
            self.assertEqual(instances, self.studies[study])
        self.faked(at("2026-01-06 19:00"), *arguments, "--resume", "--until", "06:00", expect=0)
        self.assertEqual(len(list(self.out.rglob("*.dcm"))), len(self.files))

    def test_a_run_whose_hours_begin_after_its_end_ends_at_once(self):
        archive = self.filled()
        peer = [servers.LOOPBACK, archive.port]
        for arguments in (["--get", *peer, "-k", "StudyDate=20260102", "-o", self.out], ["--store", *peer, *self.files]):
            for limit, name in ((["--until", "18:00"], "--until"), (["--total-timeout", "1h"], "--total-timeout")):
                run = self.faked(at("12:00"), *arguments, "--hours", "19:00-06:00", *limit, expect=8)
                self.assert_names(run, f"begin again at 19:00, and the run ends before ({name})")
                self.assertNotIn("nothing had to be requested", run.stderr)
                self.assertNotIn("waiting", run.stderr)
        # Six in the morning is after the night's beginning.
        self.faked(at("18:59:58"), *peer_store(peer, self.files), "--hours", "19:00-06:00", "--until", "06:00", expect=0)

    def test_hours_count_by_the_local_clock_where_it_is_changed(self):
        """In Berlin the clock goes from 02:00 to 03:00 on 29 March 2026: hours from 02:30 begin at 03:00."""
        archive = self.filled()
        process = self.start(
            *peer_store([servers.LOOPBACK, archive.port], self.files), "--hours", "02:30-05:00", clock=at("2026-03-29 00:59:57"),
            zone="Europe/Berlin",
        )  # fmt: skip
        _, err = process.communicate(timeout=programs.TIME_LIMIT)
        self.assertEqual(process.returncode, 0, err)
        self.assertIn("waiting until 03:00", err.decode())

    def test_the_wait_is_shown_on_a_terminal(self):
        archive = self.filled()
        reading, writing = pty.openpty()
        process = self.start(
            *peer_store([servers.LOOPBACK, archive.port], self.files), "--hours", "19:00-06:00", clock=at("12:00"), stderr=writing
        )
        os.close(writing)
        shown = b""
        while b"waiting until 19:00 (--hours), 6:59:5" not in shown:
            shown += os.read(reading, 4096)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(programs.TIME_LIMIT), 143)
        os.close(reading)

    # MARK: Where it stands

    def told(self, process, words):
        """Asks until the answer has the words; the answer."""
        programs.wait_until_heard(process.pid, signal.SIGUSR1)
        for _ in range(200):
            process.send_signal(signal.SIGUSR1)
            line = process.stderr.readline().decode()
            if re.search(words, line):
                return line
            time.sleep(0.05)
        self.fail(f"no answer with {words}: {line}")

    def test_a_run_says_where_it_stands_and_goes_on(self):
        archive = self.archive("--inject", "delay=0.2")
        dcmscu("--store", servers.LOOPBACK, archive.port, "--jobs", 8, *self.files, expect=0)
        peer, name = [servers.LOOPBACK, archive.port], f"ANY-SCP@127.0.0.1:{archive.port}"
        log = self.folder / "log"
        for arguments, words in (
            (["--store", *peer, *self.files], rf"status of --store {name}: [1-9]\d* stored, .*; last: study [\d.]+; running for 0:"),
            (["--get", *peer, "-k", "StudyDate=20260102", "-o", self.out], rf"status of --get {name}: [12] of 3 studies, \d+ instance.*; "),
        ):  # fmt: skip
            with self.subTest(arguments[0]):
                # What is asked for is said whatever else is.
                process = self.start(*arguments, "--log-file", log, "--quiet")
                self.assertIn("dcmscu: note: status", self.told(process, words))
                _, err = process.communicate(timeout=programs.TIME_LIMIT)
                self.assertEqual(process.returncode, 0, err)
        self.assertRegex(log.read_text(), "status of --store .*\n(.*\n)*.*status of --get")
        waiting = self.start(
            "--get", *peer, "-k", "StudyDate=20260102", "-o", self.out, "--hours", "19:00-06:00", clock=at("12:00")
        )
        self.assertRegex(
            self.told(waiting, "status"), rf"status of --get {name}: waiting until 19:00 \(--hours\); running for 0:0\d$"
        )
        waiting.send_signal(signal.SIGTERM)
        waiting.communicate(timeout=programs.TIME_LIMIT)

    def test_the_other_operations_say_it_too(self):
        slow = self.archive("--inject", "delay=2")
        peer, name = [servers.LOOPBACK, slow.port], f"ANY-SCP@127.0.0.1:{slow.port}"
        for operation, words in (("--find", "0 matches; running for"), ("--echo", "running for")):
            process = self.start(operation, *peer)
            # Before the query there is nothing to count.
            self.told(process, f"status of {operation} {name}: {words}")
            process.communicate(timeout=programs.TIME_LIMIT)
            self.assertEqual(process.returncode, 0)
        process = self.start("--stgcmt", *peer, *self.files)
        words = rf"status of --stgcmt {name}: 0 of 13 instances reported, \d transaction"
        self.assertRegex(self.told(process, words), words)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=programs.TIME_LIMIT)
        for operation, words in (
            (["--watch"], "running for"), (["--serve", self.folder / "images"], "13 instances in 3 studies; running"),
        ):  # fmt: skip
            port = servers.free_port()
            process = self.start(*operation, "--port-scp", port)
            self.assertIn(f"status of {operation[0]} at port {port}: {words}", self.told(process, words))
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=programs.TIME_LIMIT)
            self.assertEqual(process.returncode, 0)

    def test_whoever_asks_at_the_very_start_is_told_when_the_run_has_begun(self):
        slow = self.archive("--inject", "delay=1")
        for _ in range(5):
            process = self.start("--echo", servers.LOOPBACK, slow.port)
            programs.wait_until_heard(process.pid, signal.SIGUSR1)
            process.send_signal(signal.SIGUSR1)
            self.assertIn(b"note: status of --echo", process.stderr.readline())
            process.communicate(timeout=programs.TIME_LIMIT)
            self.assertEqual(process.returncode, 0)

    def test_a_signal_at_any_moment_ends_no_run(self):
        """Hundreds of them, while instances are sent and received."""
        archive = self.archive()
        for arguments in (["--store", *self.files], ["--get", "-k", "StudyDate=20260102", "-o", self.out]):
            process = self.start(arguments[0], servers.LOOPBACK, archive.port, *arguments[1:], "--max-rate", "200kB/s", "--log-file", self.folder / "log")
            programs.wait_until_heard(process.pid, signal.SIGUSR1)
            count = 0
            while process.poll() is None and count < 2000:
                try:
                    process.send_signal(signal.SIGUSR1)
                except ProcessLookupError:
                    break
                count += 1
                time.sleep(0.002)
            _, err = process.communicate(timeout=programs.TIME_LIMIT)
            self.assertEqual(process.returncode, 0, err)
            self.assertGreater(count, 10)
        self.assertEqual(len(list(self.out.rglob("*.dcm"))), len(self.files))

    def test_one_that_was_ignored_stays_so(self):
        archive = self.archive("--inject", "delay=0.2")
        command = [programs.dcmscu_path(), *map(str, peer_store([servers.LOOPBACK, archive.port], self.files))]
        process = subprocess.Popen(
            ["sh", "-c", "trap '' USR1; exec \"$@\"", "sh", *command], stderr=subprocess.PIPE,
            env={**os.environ, "LC_ALL": "C.UTF-8", "DCMSCU_CONFIG": "/dev/null"},
        )  # fmt: skip
        programs.wait_until_heard(process.pid, signal.SIGUSR1)
        process.send_signal(signal.SIGUSR1)
        _, err = process.communicate(timeout=programs.TIME_LIMIT)
        self.assertEqual(process.returncode, 0, err)
        self.assertNotIn("status", err.decode())

    # MARK: Mistakes

    def test_what_cannot_be_read_is_a_usage_error(self):
        for option, value, words in (
            ("--max-rate", "20", "without a unit"), ("--max-rate", "20Mb/s", "not a rate"), ("--max-rate", "10B/s", "out of range"),
            ("--hours", "19-6", "19 is neither a day"), ("--hours", "Mon-Fri", "days without hours"), ("--per-minute", "0", "out of range"),
        ):  # fmt: skip
            run = dcmscu("--store", servers.LOOPBACK, 104, *self.files, option, value, expect=2)
            self.assert_names(run, option, value, words, "accepted")
        run = dcmscu(
            "--move", servers.LOOPBACK, 104, "-k", "StudyInstanceUID=1.2", "--to", "OTHER", "--max-rate", "1MB/s", expect=2
        )
        self.assert_names(run, "--max-rate", "nothing is received here")


def peer_store(peer, files):
    return ["--store", *peer, *files]
