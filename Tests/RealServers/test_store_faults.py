"""C-STORE to servers that fail: nothing is lost, nothing is said to be stored that is not."""

import collections
import json
import os
import random
import signal
import subprocess
import time

from harness import cases, images, servers
from harness.faulty import OUT_OF_RESOURCES, FaultyStoreSCP
from harness.programs import dcmscu, dcmscu_path

CT = "1.2.840.10008.5.1.4.1.1.2"
ROOT = "1.2.826.0.1.3680043.10.999.4"


class Sent:
    """A file to send and what must arrive of it."""

    def __init__(self, path, data, uid):
        self.path, self.data, self.uid = path, data, uid


def make(folder, count, studies=1):
    """Copies of a real CT with UIDs of their own; the studies take turns."""
    template = images.image("CT_small.dcm")
    data = template.path.read_bytes()
    old_study = str(images.read(template.path).StudyInstanceUID).encode()
    sent = []
    for number in range(count):
        # As long as the one it replaces, in group 0002 as well: every length stays what it is.
        old = template.sop_instance.encode()
        uid = f"{ROOT}.{number:06}".ljust(len(old), "1")[: len(old)]
        uid = f"{uid[:-6]}{number:06}"
        study = old_study[:-4] + f"{1000 + number % studies}".encode()
        bytes_ = data.replace(old, uid.encode()).replace(old_study, study)
        path = folder / f"{number:06}.dcm"
        path.write_bytes(bytes_)
        sent.append(Sent(path, images.data_set_bytes(path), uid))
    return sent


def entries(journal):
    """The journal's lines about instances; what cannot be read is passed over, as the program does."""
    found = []
    for line in journal.read_bytes().split(b"\n"):
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if "journal" not in entry:
            found.append(entry)
    return found


class FaultyServers(cases.RealServerTest):
    def setUp(self):
        super().setUp()
        self.input = self.folder / "in"
        self.input.mkdir()

    def faulty(self, **faults):
        server = FaultyStoreSCP(**faults)
        self.addCleanup(server.stop)
        return server

    def store(self, server, *options, **keywords):
        return dcmscu("--store", servers.LOOPBACK, server.port, self.input, *options, **keywords)

    def assert_stored(self, server, sent):
        self.assertEqual(set(server.stored), {one.uid for one in sent})
        for one in sent:
            self.assertEqual(server.stored[one.uid], one.data, one.path)

    def assert_listed(self, server, sent, failed):
        """The list of failures is exactly what the server has not said to have."""
        names = failed.read_text().splitlines()
        self.assertEqual(len(names), len(set(names)))
        missing = {str(one.path) for one in sent if one.uid not in server.stored}
        self.assertEqual(set(names), missing)
        self.assertTrue(missing)

    def check_fault(self, **faults):
        sent = make(self.input, 40, studies=4)
        failed = self.folder / "failed.txt"
        server = self.faulty(**faults)
        run = self.store(server, "--failed-out", failed, expect=1)
        self.assert_listed(server, sent, failed)
        # The list goes back in, to a server that has recovered.
        again = self.faulty()
        dcmscu("--store", servers.LOOPBACK, again.port, "-i", "-", stdin=failed.read_bytes(), expect=0)
        self.assertEqual(set(server.stored) | set(again.stored), {one.uid for one in sent}, run)
        for jobs in (1, 3):
            for window in (1, 4):
                server = self.faulty(**faults, **({"window": window} if window > 1 else {}))
                run = self.store(
                    server, "--retries", 8, "--retry-delay", "0.05", "--jobs", jobs, "--window", window,
                    "--failed-out", failed, expect=0,
                )  # fmt: skip
                self.assert_stored(server, sent)
                self.assertEqual(failed.read_bytes(), b"", run)

    def test_a_server_that_aborts_at_every_7th_instance(self):
        self.check_fault(abort_every=7)

    def test_a_server_that_answers_a700_to_every_5th_instance(self):
        self.check_fault(status_every=(5, OUT_OF_RESOURCES))

    def test_a_server_that_closes_the_connection_in_mid_file(self):
        self.check_fault(close_every=6)

    def test_what_is_refused_for_good_is_not_tried_again(self):
        sent = make(self.input, 10)
        server = self.faulty(status_every=(5, 0xC001))
        self.store(server, "--retries", 3, "--retry-delay", "0.05", expect=1)
        self.assertEqual(set(server.arrivals.values()), {1})
        self.assertEqual(len(server.stored), len(sent) - 2)

    def test_a_class_that_is_refused_fails_by_name_and_the_others_are_sent(self):
        make(self.input, 3)
        other = images.image("MR_small.dcm")
        (self.input / "other.dcm").write_bytes(other.path.read_bytes())
        server = self.faulty(refuse=[CT])
        run = self.store(server, expect=1)
        self.assertEqual(list(server.stored), [other.sop_instance])
        self.assert_names(run, "000000.dcm", "CT Image Storage")

    def test_never_rewrite_sends_nothing_that_would_have_to_be_rewritten(self):
        make(self.input, 2)
        server = self.faulty(refuse_syntaxes=["1.2.840.10008.1.2.1"])
        self.store(server, expect=0)
        self.assertEqual(len(server.stored), 2)
        server = self.faulty(refuse_syntaxes=["1.2.840.10008.1.2.1"])
        self.store(server, "--never-rewrite", expect=(1, 6))
        self.assertEqual(server.received, 0)

    def test_strict_stops_at_the_first_failure(self):
        sent = make(self.input, 30)
        failed = self.folder / "failed.txt"
        server = self.faulty(status_every=(5, 0xC001))
        self.store(server, "--strict", "--failed-out", failed, expect=1)
        self.assertEqual(server.received, 5)
        self.assert_listed(server, sent, failed)

    def test_a_server_that_takes_two_associations_only(self):
        sent = make(self.input, 60, studies=12)
        server = self.faulty(most_associations=2, pause=0.005)
        run = self.store(server, "--jobs", 6, expect=0)
        self.assert_stored(server, sent)
        self.assertGreater(server.rejected, 0)
        self.assertEqual(run.stderr.count("going on with"), 1, run)

    def test_associations_that_are_kept_waiting_hold_nothing_up(self):
        sent = make(self.input, 60, studies=12)
        server = self.faulty(mute_beyond=2, pause=0.002)
        run = self.store(server, "--jobs", 6, expect=0)
        self.assert_stored(server, sent)
        self.assertLess(run.seconds, 15)

    def test_a_server_that_is_busy_at_first_is_tried_again(self):
        sent = make(self.input, 8)
        self.store(self.faulty(reject_first=2), expect=5)
        for jobs in (1, 3):
            server = self.faulty(reject_first=2)
            run = self.store(server, "--jobs", jobs, "--retries", 4, "--retry-delay", "0.05", expect=0)
            self.assert_stored(server, sent)
            self.assertEqual(server.rejected, 2, run)

    def test_a_server_that_sometimes_does_not_answer(self):
        sent = make(self.input, 8)
        server = self.faulty(silent_every=5)
        self.store(server, "--timeout", "0.5", "--retries", 2, "--retry-delay", "0.05", expect=0)
        self.assert_stored(server, sent)

    def test_a_server_that_is_not_there_gets_nothing_and_every_file_is_accounted_for(self):
        make(self.input, 700)
        failed, journal = self.folder / "failed.txt", self.folder / "journal"
        run = dcmscu(
            "--store", servers.LOOPBACK, servers.free_port(), self.input, "--failed-out", failed, "--journal", journal,
            expect=4,
        )  # fmt: skip
        self.assert_names(run, "700 files not sent", "0 stored", "700 not sent")
        self.assertEqual(len(failed.read_text().splitlines()), 700)
        self.assertEqual(len(run.stderr.splitlines()), 4, run)

    def test_a_run_in_which_nothing_more_is_sent_waits_for_no_further_names(self):
        (one,) = make(self.input, 1)
        refusing = self.faulty(status_every=(1, 0xC001))
        for code, port, *options in ((4, servers.free_port()), (7, refusing.port, "--strict")):
            with self.subTest(code=code):
                command = [dcmscu_path(), "--store", servers.LOOPBACK, str(port), *options, "-i", "-"]
                process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
                self.addCleanup(process.kill)
                process.stdin.write(f"{one.path}\n".encode())
                process.stdin.flush()
                # Whoever gives the names goes on: the run ends all the same.
                self.assertEqual(process.wait(timeout=30), code)
                self.assertIn(b"0 stored", process.stderr.read())
                process.stdin.close()
                process.stderr.close()

    def test_each_instance_is_an_event_and_the_run_is_the_last(self):
        make(self.input, 6)
        server = self.faulty(status_every=(3, 0xA900))
        run = self.store(server, "--format", "jsonl", expect=1)
        events = [json.loads(line) for line in run.stdout.splitlines()]
        self.assertEqual([event["event"] for event in events], ["store"] * 6 + ["summary"])
        self.assertEqual([event["outcome"] for event in events[:6]], ["done", "done", "failed"] * 2)
        self.assertEqual(events[2]["status"], "A900H")
        self.assertEqual((events[6]["done"], events[6]["failures"], events[6]["exitCode"]), (4, 2, 1))

    def test_what_cannot_be_verified_counts_as_failed_and_is_sent_again(self):
        sent = make(self.input, 3)
        journal = self.folder / "journal"
        server = self.faulty()
        run = self.store(server, "--verify", "find", "--journal", journal, expect=1)
        self.assert_names(run, *(one.uid for one in sent), "not confirmed")
        self.store(server, "--journal", journal, "--resume", expect=0)
        self.assertEqual(set(server.arrivals.values()), {2})

    def test_several_associations_at_once(self):
        sent = make(self.input, 100, studies=10)
        server = self.faulty(pause=0.01)
        self.store(server, "--jobs", 5, expect=0)
        self.assert_stored(server, sent)
        self.assertEqual(server.most_seen, 5)

    def test_the_window_keeps_several_instances_in_flight(self):
        sent = make(self.input, 50)
        server = self.faulty(window=8)
        self.store(server, "--window", 8, expect=0)
        self.assert_stored(server, sent)

    def test_a_resumed_run_leaves_out_what_is_stored_and_sends_what_has_changed(self):
        sent = make(self.input, 12)
        journal = self.folder / "journal"
        server = self.faulty(status_every=(4, OUT_OF_RESOURCES))
        self.store(server, "--journal", journal, expect=1)
        self.assertEqual(len(server.stored), 9)
        self.assertEqual(collections.Counter(e["outcome"] for e in entries(journal)), {"done": 9, "failed": 3})
        # Another server at another port has none of it; the journal is of a peer.
        self.store(self.faulty(), "--journal", journal, "--resume", expect=0)
        server.faults.clear()
        os.utime(sent[0].path)
        before = sum(server.arrivals.values())
        self.store(server, "--journal", journal, "--resume", expect=0)
        self.assertEqual(sum(server.arrivals.values()) - before, 4)
        self.assert_stored(server, sent)
        self.store(server, "--journal", journal, "--resume", expect=0)
        self.assertEqual(sum(server.arrivals.values()) - before, 4)

    def test_a_run_killed_at_20_random_moments_loses_nothing(self):
        chance = random.Random(20)
        sent = make(self.input, 400, studies=7)
        journal = self.folder / "journal"
        server = self.faulty(pause=0.001)
        command = [
            dcmscu_path(), "--store", servers.LOOPBACK, str(server.port), str(self.input),
            "--journal", str(journal), "--resume",
        ]  # fmt: skip
        for round_ in range(20):
            process = subprocess.Popen(
                [*command, "--jobs", str(1 + round_ % 3)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            time.sleep(chance.uniform(0.005, 0.08))
            process.send_signal(signal.SIGKILL)
            process.wait()
            # What a power cut may leave behind.
            if round_ % 4 == 3 and journal.exists() and journal.stat().st_size > 200:
                with open(journal, "r+b") as file:
                    file.truncate(journal.stat().st_size - chance.randint(1, 120))
        run = self.store(server, "--journal", journal, "--resume", expect=0)
        self.assert_stored(server, sent)
        done = {e["sopInstanceUID"] for e in entries(journal) if e["outcome"] == "done"}
        self.assertEqual(done, {one.uid for one in sent}, run)
        # At most what was on its way at each kill was sent a second time.
        self.assertLess(sum(server.arrivals.values()), len(sent) + 20 * 4)

    def test_an_interrupted_run_finishes_its_instance_and_says_what_is_left(self):
        sent = make(self.input, 200)
        server = self.faulty(pause=0.01)
        failed, journal = self.folder / "failed.txt", self.folder / "journal"
        process = subprocess.Popen(
            [
                dcmscu_path(), "--store", servers.LOOPBACK, str(server.port), str(self.input),
                "--failed-out", str(failed), "--journal", str(journal),
            ],  # fmt: skip
            stderr=subprocess.PIPE,
        )
        while len(server.stored) < 5:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
        self.assertEqual(process.returncode, 130, said)
        self.assertIn(b" stored", said)
        self.assert_listed(server, sent, failed)
        done = {e["sopInstanceUID"] for e in entries(journal) if e["outcome"] == "done"}
        self.assertEqual(done, set(server.stored))

    def test_a_second_interruption_ends_the_run_at_once(self):
        make(self.input, 5)
        server = self.faulty(pause=60)
        process = subprocess.Popen(
            [dcmscu_path(), "--store", servers.LOOPBACK, str(server.port), str(self.input)], stderr=subprocess.PIPE
        )
        while not server.received:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        self.assertIsNone(process.poll(), "the first one waits for the instance on its way")
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=5)
        self.assertEqual(process.returncode, 130, said)
        self.assertIn(b"0 stored", said)

    def test_a_file_that_becomes_shorter_while_it_is_sent_fails_and_the_others_arrive(self):
        self.check_shortened(max_pdu=16384)

    def test_so_does_one_that_is_sent_from_the_file_itself(self):
        self.check_shortened(max_pdu=65536)

    def check_shortened(self, **faults):
        sent = make(self.input, 3)
        large = self.input / "000000-large.dcm"
        template = images.image("CT_small.dcm").path.read_bytes()
        large.write_bytes(template)
        dataset = images.read(large)
        dataset.Rows = dataset.Columns = 4096
        dataset.PixelData = bytes(4096 * 4096 * 2)
        dataset.save_as(large)
        server = self.faulty(slow_every=1, **faults)
        process = subprocess.Popen(
            [dcmscu_path(), "--store", servers.LOOPBACK, str(server.port), str(self.input)], stderr=subprocess.PIPE
        )
        while server.fragments < 200:
            time.sleep(0.005)
        os.truncate(large, 8 << 20)
        _, said = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 1, said)
        self.assertIn(b"000000-large.dcm", said)
        self.assert_stored(server, sent)
