"""Associations that are kept from study to study: how many a retrieval opens, and what it does where a server serves few."""

import socket
import threading

from harness import cases, servers
from harness.generated import write_studies
from harness.practice import PracticeArchive
from harness.programs import dcmscu

STUDIES = 40
SECONDARY_CAPTURE, CT = b"1.2.840.10008.5.1.4.1.1.7", b"1.2.840.10008.5.1.4.1.1.2"


class Gate:
    """Passes connections on to a port, no more than `most` at once: others are connected, and wait, or are rejected. Counts them."""

    # A-ASSOCIATE-RJ: for now, by the presentation part of the service provider, as a local limit is exceeded.
    REJECTION = bytes([3, 0, 0, 0, 0, 4, 0, 2, 3, 2])

    def __init__(self, port, most=None, rejects=False):
        self.target, self.count, self.rejects = port, 0, rejects
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
        with near, socket.create_connection((servers.LOOPBACK, self.target)) as far:
            back = threading.Thread(target=self.pump, args=(far, near), daemon=True)
            back.start()
            self.pump(near, far)
            back.join()
        if self.room:
            self.room.release()

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
