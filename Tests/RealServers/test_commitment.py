"""Storage commitment: the server says that it holds the instance, or why not."""

from harness import cases, images, loading, servers
from harness.programs import dcmscu

TITLE = "DCMSCU"


class WithOrthanc(cases.RealServerTest):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.serve_all(servers.Orthanc())

    def setUp(self):
        super().setUp()
        self.server.clear()
        self.port_scp = servers.free_port()
        self.server.register(TITLE, self.port_scp)

    def commit(self, *batch, expect):
        run = dcmscu(
            "--stgcmt", "--aetitle", TITLE, "--call", self.server.ae_title, "--port-scp", self.port_scp,
            servers.LOOPBACK, self.server.port, *(image.path for image in batch), expect=expect,
        )  # fmt: skip
        # Orthanc reports within milliseconds: nobody may wait for more once all has been reported.
        self.assertLess(run.seconds, 5, run)
        return run

    def store(self, *batch):
        dcmscu("--store", servers.LOOPBACK, self.server.port, *(image.path for image in batch), expect=0)

    def test_an_instance_that_it_does_not_hold_is_exit_code_9_with_the_reason_in_words(self):
        image = images.image("CT_small.dcm")
        run = self.commit(image, expect=9)
        self.assertIn("no such object instance", run.said.lower(), run)
        self.assertIn("0112", run.said, run)
        self.assertIn(image.sop_instance, run.said, run)

    def test_after_store_it_ends_in_0(self):
        image = images.image("CT_small.dcm")
        self.store(image)
        self.commit(image, expect=0)

    def test_many_instances_are_committed_in_one_run(self):
        batch = images.archive_images()
        self.store(*batch)
        self.commit(*batch, expect=0)

    def test_one_that_is_missing_among_many_is_named(self):
        missing, *held = images.archive_images()
        loading.load_orthanc(self.server, held)
        run = self.commit(missing, *held, expect=9)
        self.assertIn(missing.sop_instance, run.said, run)

    def test_a_report_that_can_never_come_ends_by_a_time_limit_and_not_in_0(self):
        # The server connects to the port that it was told, where nobody listens.
        self.server.register(TITLE, servers.free_port())
        image = images.image("CT_small.dcm")
        run = dcmscu(
            "--stgcmt", "--aetitle", TITLE, "--port-scp", self.port_scp, "--wait", "2",
            servers.LOOPBACK, self.server.port, image.path, expect=8,
        )  # fmt: skip
        self.assertLess(run.seconds, 15, run)
