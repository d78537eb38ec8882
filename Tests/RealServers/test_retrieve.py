"""C-MOVE and C-GET: every instance comes, in its own transfer syntax, with an equal data set."""

import collections
import shutil

from harness import cases, images, loading, servers
from harness.programs import dcmscu

TITLE = "DCMSCU"


class Retrieve(cases.RealServerTest):
    def retrieve(self, operation, server, *keys, level="study", model="study", expect=0, port_scp=None, timeout=60):
        out = self.folder / "out"
        shutil.rmtree(out, ignore_errors=True)
        arguments = [part for key in keys for part in ("-k", key)]
        if operation == "move":
            arguments += ["--port-scp", port_scp or self.port_scp]
        self.last_run = dcmscu(
            f"--{operation}", f"--{model}root", f"--{level}", "--aetitle", TITLE, "--call", server.ae_title,
            "-o", out, *arguments, servers.LOOPBACK, server.port, expect=expect, timeout=timeout,
        )  # fmt: skip
        return out

    def assert_came(self, out, expected):
        """Exactly the images, one file each, named by SOP Instance UID, compressed ones in their own syntax."""
        files = sorted(path for path in out.rglob("*") if path.is_file()) if out.exists() else []
        found = {str(images.meta(path).MediaStorageSOPInstanceUID): path for path in files}
        wanted = {image.sop_instance: image for image in expected}
        self.assertEqual(len(files), len(found), f"the same instance twice: {files}")
        if set(found) != set(wanted):
            missing = [wanted[uid].name for uid in set(wanted) - set(found)]
            self.fail(f"missing {missing}, not expected {set(found) - set(wanted)}\n{self.last_run}")
        pairs = []
        for uid, image in wanted.items():
            meta = images.meta(found[uid])
            # A server may send an uncompressed image in another uncompressed syntax; a compressed one it keeps.
            if image.syntax in images.NATIVE:
                self.assertIn(str(meta.TransferSyntaxUID), images.NATIVE, image.name)
            else:
                self.assertEqual(str(meta.TransferSyntaxUID), image.syntax, image.name)
            self.assertEqual(str(meta.MediaStorageSOPClassUID), image.sop_class, image.name)
            self.assertEqual(found[uid].name, f"{uid}.dcm")
            pairs.append((image.name, images.read(image.path), images.read(found[uid])))
        self.assert_equal_data_sets(pairs)

    def check_levels(self, server, held, one):
        """The patient, the study, the series and a list of images around one image, by both operations."""

        def around(*levels):
            return [image for image in held if all(getattr(image, n) == getattr(one, n) for n in levels)]

        self.assertTrue(one.patient, one)
        series = around("study", "series")
        some = sorted(series, key=lambda image: (image is not one, image.sop_instance))[:3]
        uids = "\\".join(image.sop_instance for image in some)
        study, place = f"20,d={one.study}", f"20,e={one.series}"
        for operation in ("move", "get"):
            with self.subTest(f"{operation} {one}"):
                patient = {"model": "patient", "level": "patient"}
                self.assert_came(self.retrieve(operation, server, f"10,20={one.patient}", **patient), around("patient"))
                self.assert_came(self.retrieve(operation, server, study), around("study"))
                self.assert_came(self.retrieve(operation, server, study, place, level="series"), series)
                self.assert_came(self.retrieve(operation, server, study, place, f"8,18={uids}", level="image"), some)


class FromOrthanc(Retrieve):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.serve_all(servers.Orthanc())
        # Orthanc 1.10 knows no Color Palette Storage, and palettes belong to no study.
        cls.loaded = [i for i in images.batches(images.whole_images())[0] if i.study]
        loading.load_orthanc(cls.server, cls.loaded)
        cls.studies = collections.defaultdict(list)
        for image in cls.loaded:
            cls.studies[image.study].append(image)
        cls.port_scp = servers.free_port()
        cls.server.register(TITLE, cls.port_scp)

    def test_every_study_comes_by_move(self):
        for study, expected in self.studies.items():
            self.assert_came(self.retrieve("move", self.server, f"20,d={study}"), expected)

    def test_every_study_comes_by_get(self):
        for study, expected in self.studies.items():
            self.assert_came(self.retrieve("get", self.server, f"20,d={study}"), expected)

    def test_a_patient_a_study_a_series_and_a_list_of_images_come(self):
        self.check_levels(self.server, self.loaded, images.archive_images()[0])

    def test_the_same_of_compressed_images(self):
        held = {image.syntax: image for image in self.loaded if image.syntax not in images.NATIVE and image.patient}
        self.assertGreaterEqual(len(held), 4)
        for one in held.values():
            self.check_levels(self.server, self.loaded, one)

    def test_a_destination_that_the_server_does_not_know_ends_at_once_with_a_failure(self):
        study = next(iter(self.studies))
        run = dcmscu(
            "--move", "--studyroot", "--study", "--aetitle", "STRANGER", "-k", f"20,d={study}",
            "--port-scp", servers.free_port(), "-o", self.folder / "out", servers.LOOPBACK, self.server.port,
        )  # fmt: skip
        self.assertIn(run.code, (5, 7), run)
        self.assertLess(run.seconds, 20, run)
        self.assert_names(run, "C-MOVE failed")

    def test_the_output_folder_is_made_with_its_parents(self):
        study, expected = min(self.studies.items(), key=lambda entry: len(entry[1]))
        out = self.folder / "a" / "b" / "c"
        self.last_run = dcmscu(
            "--get", "--studyroot", "-k", f"20,d={study}", "-o", out, servers.LOOPBACK, self.server.port, expect=0
        )
        self.assert_came(out, expected)


class FindThenRetrieve(Retrieve):
    """Keys that are no unique keys, lists and a plan, against a real archive's C-FIND."""

    @classmethod
    def setUpClass(cls):
        cls.server = cls.serve_all(servers.Orthanc())
        cls.loaded = [i for i in images.batches(images.whole_images())[0] if i.study]
        loading.load_orthanc(cls.server, cls.loaded)
        cls.port_scp = servers.free_port()
        cls.server.register(TITLE, cls.port_scp)
        cls.attributes = {image.sop_instance: images.read(image.path) for image in cls.loaded}

    def having(self, test):
        """The images of all studies of which one satisfies the test."""
        studies = {image.study for image in self.loaded if test(self.attributes[image.sop_instance])}
        return [image for image in self.loaded if image.study in studies]

    def test_a_modality_in_a_range_of_dates(self):
        def test(data):
            return data.get("Modality") == "CT" and "19900101" <= str(data.get("StudyDate") or "") <= "20301231"

        expected = self.having(test)
        self.assertTrue(expected)
        for operation in ("move", "get"):
            out = self.retrieve(operation, self.server, "StudyDate=19900101-20301231", "ModalitiesInStudy=CT")
            self.assert_came(out, expected)

    def test_a_patient_by_a_wildcard_in_both_models(self):
        patient = images.archive_images()[0].patient
        expected = self.having(lambda data: str(data.get("PatientID") or "").startswith(patient[:-1]))
        for model in ("study", "patient"):
            out = self.retrieve("get", self.server, f"PatientID={patient[:-1]}*", model=model)
            self.assert_came(out, expected)

    def test_series_of_a_modality_of_one_study(self):
        one = images.archive_images()[0]
        modality = self.attributes[one.sop_instance].Modality
        expected = [
            image for image in self.loaded
            if image.study == one.study and self.attributes[image.sop_instance].get("Modality") == modality
        ]  # fmt: skip
        out = self.retrieve("get", self.server, f"20,d={one.study}", f"Modality={modality}", level="series")
        self.assert_came(out, expected)

    def test_a_list_of_images_and_of_several_studies(self):
        some = self.loaded[::7]
        for study in {image.study for image in some}:
            group = [image for image in some if image.study == study]
            series = [image for image in group if image.series == group[0].series]
            uids = "\\".join(image.sop_instance for image in series)
            out = self.retrieve(
                "move", self.server, f"20,d={study}", f"20,e={series[0].series}", f"8,18={uids}", level="image"
            )
            self.assert_came(out, series)

    def test_what_find_prints_is_a_list(self):
        found = dcmscu("--find", "--study", "-k", "StudyInstanceUID", "--format", "jsonl", servers.LOOPBACK,
                       self.server.port, expect=0)  # fmt: skip
        out = self.folder / "out"
        self.last_run = dcmscu("--get", "--from-list", "-", "--jobs", "3", "-o", out, servers.LOOPBACK,
                               self.server.port, stdin=found.stdout_bytes, expect=0)  # fmt: skip
        self.assert_came(out, self.loaded)

    def test_a_preferred_syntax_loses_nothing(self):
        """Orthanc converts what it can; the rest comes as it is."""
        out = self.folder / "preferred"
        studies = "\\".join(sorted({image.study for image in self.loaded}))
        dcmscu("--get", "-k", f"20,d={studies}", "--prefer", "implicit", "-o", out, servers.LOOPBACK, self.server.port,
               expect=0)  # fmt: skip
        came = [images.meta(path) for path in out.rglob("*.dcm")]
        self.assertEqual({str(meta.MediaStorageSOPInstanceUID) for meta in came}, {i.sop_instance for i in self.loaded})
        syntaxes = collections.Counter(str(meta.TransferSyntaxUID) for meta in came)
        native = sum(image.syntax in images.NATIVE for image in self.loaded)
        self.assertGreaterEqual(syntaxes[images.IMPLICIT_LITTLE], native)

    def test_nothing_that_matches_is_no_failure(self):
        out = self.retrieve("get", self.server, "PatientName=NOBODY^AT^ALL")
        self.assertFalse(out.exists() and list(out.iterdir()))
        self.assert_names(self.last_run, "nothing matches")

    def test_a_dry_run_counts(self):
        patient = images.archive_images()[0].patient
        expected = self.having(lambda data: str(data.get("PatientID") or "") == patient)
        run = dcmscu("--get", "-k", f"PatientID={patient}", "--dry-run", servers.LOOPBACK, self.server.port, expect=0)
        self.assert_names(run, f" {len(expected)} instances")


class FromDcmqrscp(Retrieve):
    """dcmqrscp keeps and sends bytes as they are, but one transfer syntax a SOP class and run: a server for each syntax."""

    def start(self, syntax, batch):
        option = loading.DCMTK_SYNTAX_OPTIONS[syntax]
        self.port_scp = servers.free_port()
        server = self.serve(servers.DcmQRSCP([(TITLE, self.port_scp)], options=[f"+{option}", f"-{option}"]))
        loading.load_dcmqrscp(server, batch)
        return server

    def check(self, operation, syntaxes):
        for syntax, batch in loading.images_by_syntax().items():
            if syntax not in syntaxes:
                continue
            server = self.start(syntax, batch)
            studies = collections.defaultdict(list)
            for image in batch:
                studies[image.study].append(image)
            for study, expected in studies.items():
                self.assert_came(self.retrieve(operation, server, f"20,d={study}"), expected)

    compressed = set(loading.DCMTK_SYNTAX_OPTIONS) - images.NATIVE

    def test_every_study_in_little_endian_comes_by_move(self):
        self.check("move", {images.EXPLICIT_LITTLE})

    def test_every_study_in_little_endian_comes_by_get(self):
        self.check("get", {images.EXPLICIT_LITTLE})

    def test_every_study_in_implicit_little_endian_deflated_or_big_endian_comes_by_move(self):
        self.check("move", {images.IMPLICIT_LITTLE, images.DEFLATED, images.EXPLICIT_BIG})

    def test_every_study_in_implicit_little_endian_deflated_or_big_endian_comes_by_get(self):
        self.check("get", {images.IMPLICIT_LITTLE, images.DEFLATED, images.EXPLICIT_BIG})

    def test_every_compressed_study_comes_by_move(self):
        self.check("move", self.compressed)

    def test_every_compressed_study_comes_by_get(self):
        self.check("get", self.compressed)

    def test_a_patient_a_study_a_series_and_a_list_of_images_come_whatever_their_syntax(self):
        for syntax, batch in loading.images_by_syntax().items():
            if syntax not in loading.DCMTK_SYNTAX_OPTIONS:
                continue
            # Of those that are not alone in their series, if there are any, one with little beside it: this server is slow.
            series = collections.Counter(image.series for image in batch)
            patients = collections.Counter(image.patient for image in batch)
            held = [image for image in batch if image.patient]
            held.sort(key=lambda image: (series[image.series] == 1, patients[image.patient], image.sop_instance))
            if held:
                self.check_levels(self.start(syntax, batch), batch, held[0])
