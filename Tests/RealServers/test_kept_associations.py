"""Associations that are kept from study to study: how many a retrieval opens, and what it does where a server serves few."""

import json
import socket
import threading
import time

from harness import cases, servers
from harness.generated import write_studies
from harness.practice import PracticeArchive
from harness.programs import dcmscu
from harness.scripted_archive import Instance, ScriptedRetrieval, study, text

STUDIES = 40
SECONDARY_CAPTURE, CT = b"1.2.840.10008.5.1.4.1.1.7", b"1.2.840.10008.5.1.4.1.1.2"


class Gate:
    """Passes connections on to a port, no more than `most` at once: others are connected, and wait, or are rejected. Counts them."""

    # A-ASSOCIATE-RJ: for now, by the presentation part of the service provider, as a local limit is exceeded.
    REJECTION = bytes([3, 0, 0, 0, 0, 4, 0, 2, 3, 2])

    def __init__(self, port, most=None, rejects=False):
        self.target, self.count, self.rejects = port, 0, rejects
        # How many are open, and the most that were.
        self.open, self.peak, self.lock = 0, 0, threading.Lock()
        self.room = threading.Semaphore(most) if most else None
        self.listener = socket.create_server((servers.LOOPBACK, 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            if self.room and not self.rejects:
                self.room.acquire()
            try:
                near = self.listener.accept()[0]
            except OSError:
                return
            self.count += 1
            threading.Thread(target=self.pass_on, args=(near,), daemon=True).start()

    def pass_on(self, near):
        if self.rejects and not self.room.acquire(blocking=False):
            with near:
                near.recv(65536)
                near.sendall(self.REJECTION)
                while near.recv(65536):
                    pass
            return
        try:
            far = socket.create_connection((servers.LOOPBACK, self.target))
        except OSError:
            # The server has ended with the test.
            return near.close()
        with near, far:
            self.opened(1)
            back = threading.Thread(target=self.pump, args=(far, near), daemon=True)
            back.start()
            self.pump(near, far)
            back.join()
            self.opened(-1)
        if self.room:
            self.room.release()

    def opened(self, number):
        with self.lock:
            self.open += number
            self.peak = max(self.peak, self.open)

    @staticmethod
    def pump(source, target):
        try:
            while piece := source.recv(65536):
                target.sendall(piece)
        except OSError:
            pass
        try:
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        self.listener.close()


class ListsAhead(ScriptedRetrieval):
    """Studies that are listed together, before it is their turn."""

    def listed_ahead(self, instances, **script):
        archive = self.serve_scripted(instances, **script)
        archive.counts = True
        return archive

    def get(self, studies, *options):
        rows = "StudyInstanceUID\n" + "\n".join(f"1.2.{number}" for number in studies)
        return self.retrieve("get", "--from-list", "-", *options, stdin=rows.encode(), expect=0)

    def test_a_list_made_ahead_that_fails_is_told_of_no_study(self):
        """Two jobs ask for the last studies while they still have the lists of others."""
        numbers = range(1, 41)
        instances = [instance for number in numbers for instance in study(1, number)]
        archive = self.listed_ahead(instances)
        hung = []

        def fault(keys):
            studies = text(keys.get(0x0020000D)).split("\\")
            if len(studies) == 1 or studies[-1] != "1.2.40":
                return None
            hung.append(studies)
            return "hang"

        archive.find_fault = fault
        run = self.get(numbers, "--jobs", "2", "--timeout", "1")
        self.assert_whole(instances)
        self.assertEqual(len(hung), 1)
        self.assertNotIn("there is no list", run.stderr)

    def test_a_study_of_which_a_part_is_here_is_listed_anew_if_its_list_is_old(self):
        """An instance arrives at the server while the study before is on its way, and has to wait."""
        first, second = study(2, 1), study(5, 2)
        archive = self.listed_ahead(first + second[:2])
        self.get([2], "--journal", self.folder / "journal")
        archive.number, archive.requests = 0, []
        archive.instances.append(second[2])

        def plan(number):
            if number == 0:
                archive.instances += second[3:]
                time.sleep(2.1)
            return "send"

        archive.plan = plan
        self.get([1, 2], "--journal", self.folder / "journal", "--resume")
        self.assert_whole(first + second)
        asked = [uid for _, uids in archive.requests for uid in uids]
        self.assertEqual(sorted(asked), sorted(instance.uid for instance in first + second[2:]))


class StudyAlone(ScriptedRetrieval):
    """A study of many series: they are listed together, and one after the other where the server has no use for lists of UIDs."""

    SERIES = 12

    def retrieved(self, fault=None, **properties):
        """The queries that are asked when `fault` says what becomes of a list of series."""
        instances = [
            Instance("1.2.9", f"1.2.9.{series}", f"1.2.9.{series}.{number}")
            for series in range(1, self.SERIES + 1)
            for number in range(1, 4)
        ]
        archive = self.serve_scripted(instances)
        self.out = self.folder / f"out-{archive.port}"
        archive.counts = True
        for name, value in properties.items():
            setattr(archive, name, value)
        archive.find_fault = lambda keys: fault if "\\" in text(keys.get(0x0020000E)) else None
        run = self.retrieve("get", "-k", "StudyInstanceUID=1.2.9", expect=0)
        self.assert_whole(instances)
        self.assertNotIn("there is no list", run.stderr)
        self.assertEqual([len(uids) for _, uids in archive.requests], [len(instances)])
        return [level for level, _ in archive.queries]

    def test_its_series_are_listed_by_one_query(self):
        self.assertEqual(self.retrieved(), ["SERIES", "IMAGE"])

    def test_a_server_that_has_no_use_for_lists_of_series_lists_one_after_the_other(self):
        for fault in ("abort", "close", 0xA900, 0xC001):
            with self.subTest(fault=fault):
                queries = self.retrieved(fault)
                self.assertLessEqual(queries.count("IMAGE"), self.SERIES + 2)
                self.assertEqual(queries[-self.SERIES :], ["IMAGE"] * self.SERIES)

    def test_a_server_that_does_not_count_lists_one_after_the_other(self):
        self.assertEqual(self.retrieved(counts=False), ["SERIES"] + ["IMAGE"] * self.SERIES)

    def test_a_list_that_is_cut_off_makes_no_series_smaller(self):
        """It ends with success after 20 of 36 matches."""
        queries = self.retrieved(find_limits={"IMAGE": 20})
        self.assertEqual(queries[:2], ["SERIES", "IMAGE"])
        self.assertEqual(len(queries), 2 + self.SERIES - 6)


class KeptAssociations(cases.RealServerTest):
    def setUp(self):
        super().setUp()
        self.out = self.folder / "out"
        write_studies(self.folder / "studies", STUDIES)
        self.files = sorted((self.folder / "studies").iterdir())
        for path in self.files:
            path.write_bytes(path.read_bytes().replace(SECONDARY_CAPTURE, CT))

    def filled(self, server):
        self.serve(server)
        dcmscu("--store", servers.LOOPBACK, server.port, *self.files, expect=0)
        return server

    def gate(self, server, *limits):
        gate = Gate(server.port, *limits)
        self.addCleanup(gate.close)
        return gate

    def get(self, gate, *options):
        out = self.folder / f"out-{gate.port}"
        run = dcmscu(
            "--get", "--studyroot", servers.LOOPBACK, gate.port, "-k", "StudyDate=2000-", "-o", out, *options, expect=0
        )
        self.assertEqual(len(list(out.iterdir())), STUDIES, run.stderr)
        return run

    def test_forty_studies_open_no_more_associations_than_jobs(self):
        for server in (self.filled(servers.Orthanc()), self.filled(PracticeArchive())):
            for jobs in (1, 3):
                with self.subTest(server=server.name, jobs=jobs):
                    gate = self.gate(server)
                    self.get(gate, "--jobs", jobs)
                    self.assertLessEqual(gate.count, jobs)

    def test_a_server_that_lets_an_association_wait_is_asked_on_those_that_it_serves(self):
        """It connects everybody, and answers one association after the other, as long as that takes."""
        archive = self.filled(PracticeArchive(options=["--inject", "delay=0.1"]))
        gate = self.gate(archive, 1)
        run = self.get(gate, "--jobs", 2)
        self.assertIn("the server takes no more than 1 association of ours for now", run.stderr)
        # That one, the one that waited, and one for the last study once the first is released.
        self.assertLessEqual(gate.count, 3)

    def test_a_server_that_rejects_more_is_asked_on_those_that_it_takes(self):
        archive = self.filled(PracticeArchive(options=["--inject", "delay=0.05"]))
        for most in (1, 2):
            with self.subTest(most=most):
                run = self.get(self.gate(archive, most, True), "--jobs", 4)
                self.assertIn("the server takes no more than", run.stderr)

    def found_out(self, gate, *options):
        """How many associations a server was found to gain from, and what was said."""
        run = self.get(gate, "--jobs", "auto", "--format", "jsonl", *options)
        summary = json.loads(run.stdout.splitlines()[-1])
        self.assertIn(f"over {summary['associations']} association", run.stderr)
        return summary["associations"], run.stderr.splitlines()

    def test_as_many_associations_are_used_as_a_server_gains_from(self):
        gate = self.gate(self.filled(PracticeArchive(options=["--inject", "delay=0.05"])))
        self.assertGreater(self.found_out(gate)[0], 1)
        self.assertIn(gate.peak, range(2, 9))

    def test_no_more_are_used_than_a_server_takes_where_their_number_is_found_out(self):
        archive = self.filled(PracticeArchive(options=["--inject", "delay=0.05"]))
        for most, rejects in ((1, True), (2, True), (1, False)):
            with self.subTest(most=most, rejects=rejects):
                gate = self.gate(archive, most, rejects)
                self.assertLessEqual(self.found_out(gate)[0], most)
                self.assertLessEqual(gate.peak, most)

    def test_fewer_are_used_after_the_server_has_failed(self):
        """Every tenth C-GET ends for want of resources; what it was for is asked for again."""
        options = ["--inject", "delay=0.05", "--inject", "get-status=A701/10"]
        gate = self.gate(self.filled(PracticeArchive(options=options)))
        number, lines = self.found_out(gate, "--verbose")
        self.assertLess(number, 8)
        self.assertIn(gate.peak, range(2, 8))
        # Those that are too many are not held until the end.
        told = [int(line.split("retrieving over ")[1].split()[0]) for line in lines if "retrieving over " in line]
        fewer = next(index for index in range(1, len(told)) if told[index] < told[index - 1])
        after = [index for index, line in enumerate(lines) if "retrieving over " in line][fewer]
        last = max(index for index, line in enumerate(lines) if "-> C-GET-RQ" in line)
        self.assertIn("dcmscu: -> A-RELEASE-RQ", lines[after:last])
