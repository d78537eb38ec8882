"""--skip-existing and --verify find, with servers that answer C-FIND."""

from harness import cases, images, servers
from harness.programs import dcmscu


class AgainstOrthanc(cases.RealServerTest):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.serve_all(servers.Orthanc())

    def setUp(self):
        super().setUp()
        self.server.clear()
        self.files = [image.path for image in images.archive_images()[:12]]

    def store(self, *arguments, **options):
        return dcmscu("--store", servers.LOOPBACK, self.server.port, *arguments, **options)

    def test_skip_existing_sends_what_the_server_lacks(self):
        self.store(*self.files[:7], expect=0)
        run = self.store("--skip-existing", *self.files, expect=0)
        self.assert_names(run, "5 stored", "7 skipped")
        run = self.store("--skip-existing", "--jobs", 3, *self.files, expect=0)
        self.assert_names(run, "0 stored", "12 skipped")

    def test_verify_find_confirms_each_instance(self):
        run = self.store("--verify", "find", *self.files, expect=0)
        self.assert_names(run, "12 of 12 instances confirmed")
