"""The practice archive as a server, and the made-up images that it is filled with."""

import os

from . import cases, programs, servers
from .programs import dcmscu

PYTHON = os.environ.get("PYNETDICOM") or str(
    programs.REPOSITORY / ".build" / "pynetdicom" / "bin" / "python"
)


class PracticeArchive(servers.Server):
    """`dcmscu --serve` over a folder of its own."""

    name = "practice"
    ae_title = "PRACTICE"

    def __init__(self, destinations=(), options=(), environment=None):
        super().__init__()
        self.environment = environment or {}
        self.destinations = list(destinations)
        self.options = list(options)

    def command(self):
        known = [f"--destination={title}={servers.LOOPBACK}:{port}" for title, port in self.destinations]
        settings = ["env", *(f"{name}={value}" for name, value in self.environment.items())] if self.environment else []
        return [
            *settings, programs.dcmscu_path(), "--serve", self.folder / "archive", "--port-scp", self.port, *known, *self.options,
        ]  # fmt: skip

    def prepare(self):
        (self.folder / "archive").mkdir(exist_ok=True)

    def stored(self):
        return sorted((self.folder / "archive").glob("*.dcm"))


class WebArchive(PracticeArchive):
    """The same with DICOMweb at a port of its own."""

    def prepare(self):
        super().prepare()
        self.http_port = servers.free_port()

    def command(self):
        return [*super().command(), "--http-port", self.http_port]

    def is_ready(self):
        return super().is_ready() and servers.accepts_connections(self.http_port)

    @property
    def url(self):
        return f"http://{servers.LOOPBACK}:{self.http_port}"


def made_up_images(folder):
    """Thirteen instances of three studies, from the program itself."""
    dcmscu("--self-test", "--images", folder, expect=0)
    return sorted(folder.glob("*.dcm"))


def data_set(path):
    import pydicom

    return pydicom.dcmread(path, stop_before_pixels=True)


class WithImages(cases.RealServerTest):
    """An archive that holds the made-up images, and our port that it knows under several titles."""

    TITLES = ("DCMSCU", "MOVESCU", "PYNETDICOM")

    @classmethod
    def setUpClass(cls):
        cls.our_port = servers.free_port()
        cls.archive = cls.serve_all(PracticeArchive([(title, cls.our_port) for title in cls.TITLES]))
        cls.images = cls.archive.folder / "images"
        cls.files = made_up_images(cls.images)
        dcmscu("--store", servers.LOOPBACK, cls.archive.port, *cls.files, expect=0)
        ct = [data_set(path) for path in cls.files]
        cls.study = next(str(entry.StudyInstanceUID) for entry in ct if entry.Modality == "MR")
        cls.of_study = [path for path, entry in zip(cls.files, ct) if entry.StudyInstanceUID == cls.study]
        # DCMTK's and odil's clients propose no compressed or deflated syntax unless told: the MR study has none.

    @property
    def peer(self):
        return [servers.LOOPBACK, str(self.archive.port)]
