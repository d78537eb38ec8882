"""The whole job against pynetdicom's archive: a stack that shares no code with DCMTK, on which Orthanc is built too."""

from harness import cases, images, servers
from harness.programs import dcmscu

TITLE = "DCMSCU"


class WithPynetdicom(cases.RealServerTest):
    @classmethod
    def setUpClass(cls):
        cls.port_scp = servers.free_port()
        cls.server = cls.serve_all(servers.PynetdicomQRSCP([(TITLE, cls.port_scp)]))
        cls.sent = images.archive_images()[:20]
        # Several transfer syntaxes of one SOP class in one association.
        cls.sent += [image for image in images.whole_images() if image.name.startswith("SC_rgb_dcmtk_")]
        dcmscu("--store", *cls.peer(), *(image.path for image in cls.sent), expect=0)

    @classmethod
    def peer(cls):
        return ["--aetitle", TITLE, "--call", cls.server.ae_title, servers.LOOPBACK, cls.server.port]

    def test_echo_ends_in_0(self):
        dcmscu("--echo", *self.peer(), expect=0)

    def test_every_instance_is_found_at_the_image_level(self):
        study = self.sent[0].study
        run = dcmscu(
            "--find", "--studyroot", "--image", *self.peer(), "-k", f"20,d={study}", "-k", "20,e", "-k", "8,18", expect=0
        )
        for image in self.sent:
            self.assertEqual(image.study == study, f"[{image.sop_instance}" in run.stdout, run)

    def retrieve(self, study, *operation):
        expected = {image.sop_instance: image for image in self.sent if image.study == study}
        out = self.folder / operation[0].strip("-") / study
        dcmscu(*operation, "--studyroot", "-k", f"20,d={study}", "-o", out, *self.peer(), expect=0)
        came = {str(images.meta(path).MediaStorageSOPInstanceUID): path for path in out.iterdir()}
        self.assertEqual(set(came), set(expected), operation)
        self.assert_equal_data_sets(
            (image.name, images.read(image.path), images.read(came[uid])) for uid, image in expected.items()
        )

    def test_every_study_comes_by_move(self):
        for study in sorted({image.study for image in self.sent}):
            self.retrieve(study, "--move", "--port-scp", self.port_scp)

    def test_every_uncompressed_study_comes_by_get(self):
        # This archive names no SOP classes, and fails on a request that lists several SOP Instance UIDs.
        for study in sorted({image.study for image in self.sent if image.syntax in images.NATIVE}):
            self.retrieve(study, "--get")
