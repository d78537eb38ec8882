"""C-MOVE and C-GET: every instance arrives in its own transfer syntax with an equal data set; servers that leave something out are found out."""

import collections
import csv
import io
import json
import random
import shutil
import signal
import socket
import subprocess
import threading
import time

from harness import cases, images, loading, programs, servers
from harness.programs import dcmscu
from harness.scripted_archive import CANCELLED, DEFLATED, MR, Instance, ScriptedRetrieval, study, text

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
        """Orthanc converts the instances that it can; the others arrive as they are."""
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

    def test_a_modality_that_the_server_does_not_match_brings_no_study_without_it(self):
        batch = loading.images_by_syntax()[images.EXPLICIT_LITTLE]
        server = self.start(images.EXPLICIT_LITTLE, batch)
        modalities = {image.path: str(images.read(image.path).get("Modality", "")) for image in batch}
        studies = {image.study for image in batch if modalities[image.path] == "MR"}
        self.assertTrue(studies)
        self.assertLess(len(studies), len({image.study for image in batch}))
        out = self.retrieve("get", server, "ModalitiesInStudy=MR")
        self.assert_came(out, [image for image in batch if image.study in studies])

    def test_a_key_that_the_server_ignores_brings_nothing(self):
        server = self.start(images.EXPLICIT_LITTLE, loading.images_by_syntax()[images.EXPLICIT_LITTLE])
        out = self.retrieve("get", server, "SOPClassesInStudy=1.2.3", expect=7)
        self.assert_came(out, [])
        self.assertIn("without SOPClassesInStudy", self.last_run.stderr)
        self.assertIn("--trust-server", self.last_run.stderr)

    def test_a_key_of_a_lower_level_brings_no_whole_study(self):
        """The server answers with the value of the first series, whatever was asked for."""
        batch = loading.images_by_syntax()[images.EXPLICIT_LITTLE]
        server = self.start(images.EXPLICIT_LITTLE, batch)
        count = collections.Counter(image.study for image in batch)
        one = max((image for image in batch if image.series), key=lambda image: count[image.study])
        number = str(images.read(one.path).get("SeriesNumber", "") or 1)
        for operation in ("get", "move"):
            for key in (f"SeriesInstanceUID={one.series}", f"SOPInstanceUID={one.sop_instance}", f"SeriesNumber={number}"):
                out = self.retrieve(operation, server, f"StudyInstanceUID={one.study}", key, expect=2)
                self.assert_came(out, [])
                self.assert_names(self.last_run, key.split("=")[0], "level, by which no STUDY can be retrieved", "hint: ")
            out = self.retrieve(
                operation, server, f"StudyInstanceUID={one.study}", f"SOPInstanceUID={one.sop_instance}", level="image",
                model="study", expect=0)
            self.assert_came(out, [one])
        # A row of a list, too: neither less than it says, nor another patient's.
        lines = ("StudyInstanceUID,SeriesNumber", f"{one.study},{number}"), ("StudyInstanceUID,PatientID", f"{one.study},SOMEBODY")
        for code, (head, row) in zip((2, 1), lines):
            (self.folder / "list.csv").write_text(f"{head}\n{row}\n")
            run = dcmscu(
                "--get", "--call", server.ae_title, servers.LOOPBACK, server.port, "-o", self.folder / "listed",
                "--from-list", self.folder / "list.csv", expect=code)
            self.assert_names(run, "SeriesNumber" if code == 2 else "no study with this UID and this PatientID")
        self.assertEqual(list((self.folder / "listed").glob("*.dcm")), [])

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

    def test_a_key_of_a_lower_level_is_named_where_it_is_refused(self):
        for keys in (["-k", "Modality=CT"], ["-k", "SeriesNumber=2"], ["--group-by", "Modality"]):
            run = dcmscu("--find", *self.peer(), *keys, expect=7)
            self.assert_names(run, "a key of the SERIES level", f"the server refuses {keys[1].split('=')[0]} at the STUDY level")
            self.assertNotIn("other information model", run.stderr)

    def test_a_series_that_is_not_there(self):
        run = dcmscu("--get", "--series", *self.peer(), "-k", "SeriesInstanceUID=1.2.3.4", "-o", self.folder, expect=(0, 1))
        self.assert_names(run, "series 1.2.3.4: not found on the server", "it has nothing of it")
        self.assertNotIn("does not say that it sent", run.stderr)

    def test_what_was_stored_is_confirmed_one_by_one_where_a_list_is_refused(self):
        some = [image.path for image in self.sent[:3]]
        run = dcmscu("--store", *self.peer(), *some, "--verify", "find", expect=0)
        self.assert_names(run, "3 of 3 instances confirmed", "3 stored")

    def test_a_study_that_comes_once_an_instance_is_counted_and_listed_once(self):
        studies = collections.Counter(image.study for image in self.sent)
        study, count = studies.most_common(1)[0]
        run = dcmscu("--get", *self.peer(), "-k", f"20,d={study}", "--dry-run", expect=0)
        self.assertEqual(run.stdout.splitlines()[1:], [f"{study},,,{count}"])
        self.assert_names(run, f"1 request to make, {count} instance")
        run = dcmscu("--doctor", *self.peer(), "--only", "query", expect=0)
        self.assertIn(f"all studies: {len(studies)} matches", run.stdout)

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


class ScriptedServers(ScriptedRetrieval):
    def test_a_server_that_wants_the_keys_above_is_given_them(self):
        """PS3.4 C.4.2.2.1: without relational retrieval each level above needs its unique key."""
        for operation in ("move", "get"):
            with self.subTest(operation):
                self.serve_scripted(study(2), status=0xA900)
                run = self.retrieve(operation, "--series", "-k", "20,e=1.2.1.1", expect=7)
                self.assert_names(run, "A900H", "--key StudyInstanceUID=VALUE")

    def test_a_retrieval_has_unique_keys_alone(self):
        """PS3.4 C.4.2.1.4.1: return keys have no place in a retrieval."""
        instances = study(2)
        for operation in ("move", "get"):
            with self.subTest(operation):
                archive = self.serve_scripted(instances)
                self.retrieve(operation, "-k", "20,d=1.2.1", "-k", "10,10", "-k", "8,1030", expect=0)
                self.assert_whole(instances)
                tags = set().union(*archive.identifiers)
                self.assertEqual(tags - {0x00080005, 0x00080052, 0x00100020, 0x0020000D}, set())
                self.assertIn(0x0020000D, tags)

    def test_four_associations_at_once(self):
        instances = study(40)
        self.serve_scripted(instances, associations=4)
        self.retrieve("move", expect=0)
        self.assert_whole(instances)

    def test_one_association_dropped_in_the_middle_of_a_file(self):
        for operation, associations in (("move", 1), ("move", 4), ("get", 1)):
            with self.subTest(f"{operation} over {associations}"):
                instances = study(30, size=100_000)
                plan = lambda number: "drop" if number == 7 else "send"  # noqa: E731
                self.serve_scripted(instances, plan=plan, associations=associations)
                self.out = self.folder / f"{operation}{associations}"
                run = self.retrieve(operation, expect=0)
                self.assert_whole(instances)
                self.assertEqual(run.stdout, "")

    def test_every_tenth_sub_operation_fails(self):
        for operation in ("move", "get"):
            with self.subTest(operation):
                instances = study(100)
                self.serve_scripted(instances, plan=lambda number: "fail" if number % 10 == 9 else "send")
                self.out = self.folder / operation
                self.retrieve(operation, expect=0)
                self.assert_whole(instances)

    def test_one_instance_that_never_comes_is_named_for_another_run(self):
        instances = study(20)
        lost = instances[3]
        for operation in ("move", "get"):
            with self.subTest(operation):
                archive = self.serve_scripted([i for i in instances if i is not lost], listed=instances)
                self.out = self.folder / operation
                run = self.retrieve(operation, expect=1)
                self.assert_whole(archive.instances)
                self.assert_names(run, "1 of 20 instances listed by the server is missing")
                self.assertEqual(
                    self.missing(run),
                    [{"StudyInstanceUID": "1.2.1", "SeriesInstanceUID": lost.series, "SOPInstanceUID": lost.uid}],
                )
                # The server has it back: the difference alone is retrieved.
                archive.instances = instances
                archive.requests.clear()
                self.retrieve(operation, "--from-list", "-", stdin=run.stdout_bytes, expect=0)
                self.assertEqual([uids for _, uids in archive.requests], [[lost.uid]])
                self.assert_whole(instances)

    def test_counts_that_lie(self):
        instances = study(10)
        for told in ((9, 0), (12, 0)):
            for operation in ("move", "get"):
                with self.subTest(f"{operation} {told}"):
                    self.serve_scripted(instances, told=lambda *_, told=told: told)
                    self.out = self.folder / f"{operation}{told[0]}"
                    run = self.retrieve(operation, *(["--grace", "0.2"] if operation == "move" else []), expect=1)
                    self.assert_whole(instances)
                    self.assert_names(run, f"says that it sent {told[0]}", "10 were received")

    def test_no_counts_at_all_are_no_lie(self):
        instances = study(10)
        self.serve_scripted(instances, told=lambda *_: (None, None))
        self.retrieve("get", expect=0)
        self.assert_whole(instances)

    def test_success_and_nothing_sent(self):
        for told in ((0, 0), (10, 0)):
            with self.subTest(told):
                archive = self.serve_scripted([], listed=study(10), told=lambda *_, told=told: told)
                run = self.retrieve("move", "--grace", "0.2", expect=1)
                self.assert_names(run, "10 of 10 instances", "hint:", TITLE, "127.0.0.1", self.port_scp)
                self.assertEqual(len(self.missing(run)), 10)
                self.assertEqual(self.files(), [])
                # Asked for again, once.
                self.assertEqual(len(archive.requests), 3)

    def interrupt(self, operation, number, plan=lambda number: "send"):
        """Interrupts a retrieval at the instance of this running number. (what came, what is missing, seconds until the end,
        standard error)."""
        instances, arrived = self.archive.instances, threading.Event()

        def planned(running):
            if running == number:
                arrived.set()
            time.sleep(0.01)
            return plan(running)

        self.archive.plan = planned
        process = subprocess.Popen(
            [str(part) for part in [programs.dcmscu_path(), *self.arguments(operation)]],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        self.addCleanup(process.kill)
        self.assertTrue(arrived.wait(20))
        # The instance has begun when the signal comes.
        time.sleep(0.2)
        begun = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        seconds = time.monotonic() - begun
        self.assertEqual(process.returncode, 130, err)
        came = {str(images.meta(path).MediaStorageSOPInstanceUID) for path in self.files()}
        self.assert_whole([instance for instance in instances if instance.uid in came])
        missing = {row["SOPInstanceUID"] for row in csv.DictReader(io.StringIO(out.decode()))}
        self.assertEqual(came | missing, {instance.uid for instance in instances})
        self.assertEqual(came & missing, set())
        self.assertTrue(number <= len(came) < len(instances), err)
        self.assertIn(f"{len(came)} instances are on disk, whole", err.decode())
        return came, missing, seconds, err.decode()

    def test_the_first_interrupt_cancels_and_what_came_is_whole_and_the_rest_listed(self):
        self.serve_scripted(study(200))
        self.interrupt("get", 5)

    def test_a_retrieval_that_goes_on_after_c_cancel_is_aborted_soon(self):
        for operation in ("get", "move"):
            with self.subTest(operation):
                self.serve_scripted(study(3000)).ignores_cancel = True
                _, _, seconds, err = self.interrupt(operation, 5)
                # Two seconds for C-CANCEL, and what a busy machine needs.
                self.assertLess(seconds, 15, err)
                shutil.rmtree(self.out)

    def test_a_retrieval_that_falls_silent_after_c_cancel_is_aborted_soon(self):
        over = threading.Event()
        self.addCleanup(over.set)
        for operation in ("get", "move"):
            with self.subTest(operation):
                self.serve_scripted(study(20))
                plan = lambda number: "send" if number < 5 else over.wait(60)  # noqa: E731
                _, _, seconds, err = self.interrupt(operation, 5, plan)
                self.assertLess(seconds, 15, err)
                shutil.rmtree(self.out)

    def test_an_instance_on_its_way_at_c_cancel_is_received_to_its_end(self):
        for operation, ignores in (("get", False), ("get", True), ("move", True)):
            with self.subTest(operation, ignores=ignores):
                archive = self.serve_scripted(study(3000, size=100_000))
                # Longer than the limit for the final response.
                archive.ignores_cancel, archive.slow_seconds = ignores, 5
                came, _, seconds, err = self.interrupt(operation, 5, lambda number: "slow" if number == 5 else "send")
                self.assertIn(archive.instances[5].uid, came)
                self.assertLess(seconds, 20, err)
                shutil.rmtree(self.out)

    def test_a_server_that_uses_the_first_or_the_last_context_of_a_class_sends_natively_at_once(self):
        for picks in ("first", "last"):
            for tells_classes in (True, False):
                with self.subTest(picks, tells_classes=tells_classes):
                    instances = study(4)
                    archive = self.serve_scripted(instances)
                    archive.picks, archive.tells_classes = picks, tells_classes
                    self.retrieve("get", expect=0)
                    self.assert_whole(instances)
                    self.assertEqual(len(archive.requests), 1)
                    shutil.rmtree(self.out)

    def test_every_compressed_syntax_is_tried_alone_where_nothing_comes(self):
        # The last one that is tried, by a server that uses the first context of a class whatever it holds.
        instances = [Instance("1.2.1", "1.2.1.1", "1.2.1.1.1", syntax="1.2.840.10008.1.2.4.203")]
        archive = self.serve_scripted(instances)
        archive.picks, archive.tells_classes = "first", False
        self.retrieve("get", expect=0)
        self.assert_whole(instances)

    def test_an_instance_that_is_deflated_comes_where_nothing_else_does(self):
        for tells_classes in (True, False):
            with self.subTest(tells_classes=tells_classes):
                instances = study(2) + [
                    Instance("1.2.1", "1.2.1.1", "1.2.1.1.9", syntax=DEFLATED, sop_class=MR)
                ]
                archive = self.serve_scripted(instances)
                archive.tells_classes = tells_classes
                self.retrieve("get", expect=0)
                self.assert_whole(instances)
                # As a whole, by name, and by name in all syntaxes.
                self.assertLessEqual(len(archive.requests), 3 if tells_classes else 8)
                shutil.rmtree(self.out)

    def test_a_destination_that_is_not_known(self):
        archive = self.serve_scripted(study(10), status=0xA801)
        run = self.retrieve("move", expect=7)
        self.assert_names(run, "A801H", "hint:", "register", TITLE, "127.0.0.1", self.port_scp)
        self.assertEqual(len(archive.requests), 1)
        self.assertEqual(len(self.missing(run)), 10)

    def test_a_destination_that_is_not_known_is_asked_for_once_whatever_is_to_come(self):
        archive = self.serve_scripted(study(4) + study(4, number=2) + study(4, number=3), status=0xA801)
        run = self.retrieve("move", "--from-list", "-", stdin=b"1.2.1\n1.2.2\n1.2.3\n", expect=7)
        self.assert_names(run, "line 1: incomplete", "line 2: not begun", "line 3: not begun", "hint:", TITLE)
        self.assertEqual(len(archive.requests), 1)
        self.assertEqual({row["StudyInstanceUID"] for row in self.missing(run)}, {"1.2.1", "1.2.2", "1.2.3"})

    def test_a_server_that_never_calls_back(self):
        instances = study(10)
        archive = self.serve_scripted(instances)
        archive.destination = servers.free_port()
        run = self.retrieve("move", expect=(1, 7))
        self.assert_names(run, "hint:", "never called back", TITLE, "127.0.0.1", self.port_scp)
        self.assertEqual(self.files(), [])

    def test_a_study_that_is_not_there_is_like_any_key_that_matches_nothing(self):
        self.serve_scripted(study(5))
        run = self.retrieve("get", "-k", "20,d=1.2.99", expect=0)
        self.assert_names(run, "note: ", "study 1.2.99: not found on the server")
        self.assertEqual(run.stdout, "")
        self.retrieve("get", "-k", "20,d=1.2.99", "--fail-if-none", expect=1)
        # A row of a list is a claim.
        run = self.retrieve("get", "--from-list", "-", stdin=b"1.2.99\n", expect=1)
        self.assert_names(run, "not found")

    def test_more_classes_than_an_association_has_contexts_for(self):
        """Each class in each syntax has a context of its own, of which there are 128."""
        instances = [
            Instance("1.2.1", f"1.2.1.{number}", f"1.2.1.{number}.1", sop_class=f"1.2.840.10008.5.1.4.1.1.{number}")
            for number in (1, 2, 4, 7, 20, 30, 66, 67, 128, 129)
        ] + [
            Instance("1.2.1", f"1.2.1.88{number}", f"1.2.1.88{number}.1", sop_class=f"1.2.840.10008.5.1.4.1.1.88.{number}")
            for number in (11, 22, 33, 34, 35, 40, 50, 59, 65, 67)
        ]  # fmt: skip
        archive = self.serve_scripted(instances)
        self.retrieve("get", expect=0)
        self.assert_whole(instances)
        self.assertGreater(len(archive.requests), 1)

    def test_get_falls_back_to_move(self):
        instances = study(5)
        archive = self.serve_scripted(instances)
        archive.refuses_get = True
        self.retrieve("get", expect=7)
        self.retrieve("get", "--or-move", expect=0)
        self.assert_whole(instances)

    def test_strangers_do_not_get_in(self):
        instances = study(5)
        archive = self.serve_scripted(instances)
        run = self.retrieve("move", "--accept-from", "SOMEBODY", expect=(1, 7))
        self.assert_names(run, "SCRIPTED", "rejected")
        self.assertEqual(self.files(), [])
        archive.requests.clear()
        self.retrieve("move", "--accept-from", "SOMEBODY", "--accept-from", "SCRIPTED", expect=0)
        self.assert_whole(instances)

    def test_noise_at_the_port_disturbs_nobody(self):
        chance = self.chance()
        instances = study(20)
        archive = self.serve_scripted(instances)

        def plan(number):
            with socket.create_connection((servers.LOOPBACK, self.port_scp)) as stranger:
                stranger.sendall(chance.choice([b"GET / HTTP/1.1\r\n\r\n", b"", b"\x16\x03\x01\x00\x05hello", b"\x01"]))
            return "send"

        archive.plan = plan
        self.retrieve("move", expect=0)
        self.assert_whole(instances)

    def test_several_studies_at_once(self):
        for operation in ("move", "get"):
            with self.subTest(operation):
                instances = [instance for number in range(1, 9) for instance in study(10, number)]
                self.serve_scripted(instances, associations=2)
                self.out = self.folder / operation
                studies = "\\".join(f"1.2.{number}" for number in range(1, 9))
                self.retrieve(operation, "-k", f"20,d={studies}", "--jobs", "4", expect=0)
                self.assert_whole(instances)

    def test_one_study_is_shared_by_its_series_or_by_lists_of_instances(self):
        many = [Instance("1.2.1", f"1.2.1.{n % 12}", f"1.2.1.{n % 12}.{n + 1}") for n in range(144)]
        for operation in ("move", "get"):
            for level, instances in (("IMAGE", study(40)), ("SERIES", many)):
                with self.subTest(f"{operation} by {level}"):
                    archive = self.serve_scripted(instances)
                    self.out = self.folder / f"{operation}{level}"
                    self.retrieve(operation, "--jobs", "4", expect=0)
                    self.assert_whole(instances)
                    asked = [uid for _, uids in archive.requests for uid in uids]
                    self.assertEqual(sorted(asked), sorted(instance.uid for instance in instances))
                    self.assertGreaterEqual(len(archive.requests), 4)
                    self.assertEqual({text(keys[0x00080052]) for keys in archive.identifiers}, {level})

    def test_parts_of_one_study_are_requested_by_as_many_associations_as_are_of_use(self):
        many = [Instance("1.2.1", f"1.2.1.{n % 12}", f"1.2.1.{n % 12}.{n + 1}") for n in range(240)]
        for operation in ("move", "get"):
            with self.subTest(operation):
                archive = self.serve_scripted(many, plan=lambda number: "slow")
                archive.slow_seconds = 0.02
                self.out = self.folder / operation
                run = self.retrieve(operation, "--jobs", "auto", "--format", "jsonl", expect=0)
                self.assert_whole(many)
                asked = [uid for _, uids in archive.requests for uid in uids]
                self.assertEqual(sorted(asked), sorted(instance.uid for instance in many))
                self.assertIn(json.loads(run.stdout.splitlines()[-1])["associations"], range(2, 9))

    def test_a_server_that_refuses_parts_of_a_study_is_asked_for_the_whole(self):
        for operation in ("move", "get"):
            with self.subTest(operation):
                instances = study(40)
                archive = self.serve_scripted(instances)
                archive.refused_levels = {"SERIES", "IMAGE"}
                self.out = self.folder / operation
                run = self.retrieve(operation, "--jobs", "4", expect=0)
                self.assert_whole(instances)
                self.assertEqual(text(archive.identifiers[-1][0x00080052]), "STUDY")
                self.assertNotIn("A900", run.stderr)

    PART_FAULTS = ("refuse", "abort", "close", "nothing", "fail", "first", "study")

    def test_what_parts_of_a_study_do_not_bring_comes_with_the_whole_of_it(self):
        """One series is large and shared by lists of instances, the others are asked for as series."""
        many = [Instance("1.2.1", "1.2.1.1", f"1.2.1.1.{n}") for n in range(60)]
        many += [Instance("1.2.1", f"1.2.1.{2 + n % 10}", f"1.2.1.{2 + n % 10}.{n}") for n in range(40)]
        for levels in (("SERIES",), ("IMAGE",), ("SERIES", "IMAGE")):
            for fault in self.PART_FAULTS:
                # A list brings what a series lacks, and then the whole is not needed. It may be here already where all comes at once.
                times = {"study": (0, 1)}.get(fault, (1,) if "IMAGE" in levels else (0,))
                ways = [("get", "4"), ("move", "4"), *([("get", "auto")] if len(levels) == 2 else [])]
                for operation, jobs in ways:
                    with self.subTest(f"{operation} {fault} {levels} --jobs {jobs}"):
                        archive = self.serve_scripted(many)
                        archive.part_faults = dict.fromkeys(levels, fault)
                        self.out = self.folder / f"{operation} {fault} {levels} {jobs}"
                        # Of two that come at the same moment neither is there before the other.
                        exists = "rename" if fault == "study" else "fail"
                        run = self.retrieve_shared(operation, "--if-exists", exists, "--format", "jsonl", "--jobs", jobs)
                        self.assert_whole(many)
                        summary = json.loads(run.stdout.splitlines()[-1])
                        self.assertEqual((summary["expected"], summary["done"], summary["failures"]), (100, 100, 0), summary)
                        asked = [text(keys[0x00080052]) for keys in archive.identifiers]
                        self.assertIn(asked.count("STUDY"), times, run.stderr)
                        told = "not all comes by requests for parts of it; the whole is requested"
                        self.assertEqual(run.stderr.count(told), asked.count("STUDY"), run.stderr)
                        # Not once for each of the parts.
                        self.assertLess(archive.number, 500)

    def retrieve_shared(self, operation, *more, **options):
        grace = ["--grace", "0.1"] if operation == "move" else []
        return self.retrieve(operation, "--verbose", *grace, *more, expect=0, **options)

    def test_a_server_that_fails_with_parts_is_asked_for_the_next_studies_whole(self):
        instances = study(40) + study(40, 2) + study(40, 3)
        for operation in ("get", "move"):
            with self.subTest(operation):
                archive = self.serve_scripted(instances)
                archive.part_faults = {"SERIES": "nothing", "IMAGE": "nothing"}
                self.out = self.folder / operation
                rows = "StudyInstanceUID\n1.2.1\n1.2.2\n1.2.3\n"
                # One of the jobs has no study of its own.
                run = self.retrieve_shared(operation, "--from-list", "-", "--jobs", "4", stdin=rows.encode())
                self.assert_whole(instances)
                whole = [text(keys[0x0020000D]) for keys in archive.identifiers if text(keys[0x00080052]) == "STUDY"]
                self.assertEqual(sorted(whole), ["1.2.1", "1.2.2", "1.2.3"], run.stderr)

    def test_an_instance_that_is_not_to_be_had_does_not_make_the_whole_come_again(self):
        """Where lists bring all of what they name, the server knows parts."""
        instances = study(80)
        archive = self.serve_scripted([instance for instance in instances if instance is not instances[33]], listed=instances)
        run = self.retrieve("get", "--jobs", "4", expect=1)
        self.assert_whole(archive.instances)
        self.assert_names(run, "1 of 80 instances listed by the server is missing")
        self.assertNotIn("STUDY", {text(keys[0x00080052]) for keys in archive.identifiers})

    def test_a_shared_study_is_whole_although_associations_and_instances_fail(self):
        chance = self.chance()
        for operation in ("move", "get"):
            with self.subTest(operation):
                instances = study(120)
                fates = {number: chance.choice(["drop", "fail"]) for number in chance.sample(range(100), 8)}
                self.serve_scripted(instances, plan=lambda number: fates.get(number, "send"))
                self.out = self.folder / operation
                self.retrieve(operation, "--jobs", "4", expect=0)
                self.assert_whole(instances)

    def test_shares_are_all_of_it_and_none_twice(self):
        instances = [instance for number in range(1, 31) for instance in study(2, number)]
        archive = self.serve_scripted(instances)
        studies = "\\".join(f"1.2.{number}" for number in range(1, 31))
        for share in range(1, 4):
            self.retrieve("get", "-k", f"20,d={studies}", "--shard", f"{share}/3", expect=0)
        self.assert_whole(instances)
        asked = [uid for _, uids in archive.requests for uid in uids]
        self.assertEqual(len(asked), len(set(asked)))

    def test_a_dry_run_retrieves_nothing_and_can_be_given_as_list(self):
        instances = study(6) + study(4, number=2)
        archive = self.serve_scripted(instances)
        run = self.retrieve("get", "-k", "20,d=1.2.1\\1.2.2", "--dry-run", expect=0)
        self.assertEqual([row["StudyInstanceUID"] for row in self.missing(run)], ["1.2.1", "1.2.2"])
        self.assert_names(run, "10 instances")
        self.assertEqual((archive.requests, self.files()), ([], []))
        run = self.retrieve("get", "--from-list", "-", stdin=run.stdout_bytes, expect=0)
        self.assert_whole(instances)
        self.assert_names(run, "line 2: complete", "line 3: complete")

    def test_lists_of_every_form(self):
        instances = study(6) + study(4, number=2)
        forms = {
            "uids": b"1.2.1\n1.2.2\n",
            "csv": b"PatientName,StudyInstanceUID\n\"Doe, John\",1.2.1\r\n,1.2.2\r\n",
            "json": b'{"0020000D":{"vr":"UI","Value":["1.2.1"]},"00080020":{"vr":"DA","Value":["20200101"]}}\n'
            b'{"0020000D":{"vr":"UI","Value":["1.2.2"]}}\n',
        }
        for name, content in forms.items():
            with self.subTest(name):
                self.serve_scripted(instances)
                self.out = self.folder / name
                self.retrieve("get", "--from-list", "-", stdin=content, expect=0)
                self.assert_whole(instances)

    def test_a_list_with_a_row_that_is_not_there(self):
        instances = study(6)
        self.serve_scripted(instances)
        run = self.retrieve("get", "--from-list", "-", stdin=b"1.2.77\n1.2.1\n", expect=1)
        self.assert_names(run, "line 1: not found", "line 2: complete")
        self.assert_whole(instances)
        self.assertEqual([row["StudyInstanceUID"] for row in self.missing(run)], ["1.2.77"])

    def test_a_list_with_a_mistake_sends_nothing(self):
        archive = self.serve_scripted(study(6))
        for content in (b"1.2.1\nnonsense\n", b"StudyInstanceUID\nhello world\n", b"Nonsense\n1\n", b"{\n"):
            with self.subTest(content):
                run = self.retrieve("get", "--from-list", "-", stdin=content, expect=2)
                self.assert_names(run, "line")
        self.assertEqual(archive.requests, [])

    def test_json_lines_name_what_came_and_what_is_missing(self):
        instances = study(5)
        archive = self.serve_scripted(instances[1:], listed=instances)
        run = self.retrieve("get", "--format", "jsonl", expect=1)
        events = [json.loads(line) for line in run.stdout.splitlines()]
        self.assertEqual(sum(event["event"] == "receive" for event in events), 4)
        (missing,) = [event for event in events if event["event"] == "missing"]
        self.assertEqual(missing["sopInstanceUID"], instances[0].uid)
        self.assertEqual((events[-1]["event"], events[-1]["exitCode"], events[-1]["expected"]), ("summary", 1, 5))
        archive.instances = instances
        self.retrieve("get", "--from-list", "-", stdin=run.stdout_bytes, expect=0)
        self.assert_whole(instances)


class Lists(ScriptedRetrieval):
    def studies(self, count):
        return [instance for number in range(1, count + 1) for instance in study(4, number=number)]

    def test_a_server_that_limits_its_answers_does_not_make_the_rest_unseen(self):
        for status in (CANCELLED, 0xB001):
            with self.subTest(hex(status)):
                archive = self.serve_scripted(self.studies(5))
                archive.find_status, archive.find_limits = status, {"STUDY": 3}
                run = self.retrieve("get", "-k", "StudyDate=20260101-", expect=1)
                self.assertEqual(len(self.files()), 12)
                self.assert_names(run, "3 matches", f"{status:04X}", "hint: servers limit")

    def test_a_list_of_instances_that_is_cut_short_proves_nothing_and_that_is_told_once(self):
        archive = self.serve_scripted(self.studies(2))
        archive.find_status, archive.find_limits = CANCELLED, {"IMAGE": 1}
        run = self.retrieve("get", "-k", "StudyInstanceUID=1.2.1\\1.2.2", "--jobs", 2, expect=0)
        self.assertEqual(len(self.files()), 8)
        self.assertEqual(run.stderr.count("there is no list"), 1, run)

    def test_a_study_that_is_listed_once_an_instance_is_requested_once(self):
        archive = self.serve_scripted(self.studies(3))
        archive.find_repeats = 4
        self.retrieve("get", "-k", "StudyDate=20260101-", expect=0)
        self.assertEqual(len(self.files()), 12)
        self.assertEqual(len(archive.requests), 3, archive.requests)

    def test_an_answer_without_its_unique_key_is_told(self):
        archive = self.serve_scripted(self.studies(2))
        archive.find_unnamed = {"STUDY"}
        run = self.retrieve("get", "-k", "StudyDate=20260101-", expect=1)
        self.assert_names(run, "without StudyInstanceUID")

    def test_a_list_cut_short_with_success_does_not_hide_what_the_server_says_has_failed(self):
        for operation in ("move", "get"):
            with self.subTest(operation):
                instances = study(5)
                self.serve_scripted(instances, listed=instances[:3], plan=lambda n: "send" if n < 3 else "fail")
                self.out = self.folder / operation
                run = self.retrieve(operation, expect=1)
                self.assert_names(run, "2 sub-operations failed")
                self.assert_whole(instances[:3])

    def test_nothing_at_all_is_no_success_without_a_list_either(self):
        for told in ((None, None), (0, 0)):
            for operation in ("move", "get"):
                with self.subTest((operation, told)):
                    self.serve_scripted([], told=lambda *_, told=told: told)
                    run = self.retrieve(operation, "--no-check", expect=1)
                    self.assert_names(run, "nothing was received")

    def test_each_row_has_its_outcome_and_rows_of_one_study_are_one_request(self):
        instances = self.studies(2)
        archive = self.serve_scripted(instances)
        rows = ["StudyInstanceUID;Ward"] + ["1.2.1;A", "1.2.2;B"] * 25 + ["1.2.77;C", ";D"]
        for name in ("report.csv", "report.jsonl"):
            report = self.folder / name
            self.out = self.folder / name.partition(".")[2]
            archive.requests.clear()
            run = self.retrieve(
                "get", "--from-list", "-", "--report", report, stdin="\n".join(rows).encode(), expect=1
            )
            self.assert_names(
                run, "50 of 52 rows complete, 1 not found, 1 invalid", 'ignored: "Ward"', "line 53",
            )  # fmt: skip
            self.assertLessEqual(len(archive.requests), 3)
            self.assert_whole(instances)
            self.assertEqual(report.stat().st_mode & 0o777, 0o600)
            text = report.read_text()
            told = (
                list(csv.DictReader(io.StringIO(text))) if name.endswith("csv") else [json.loads(line) for line in text.splitlines()]
            )
            self.assertEqual([int(row["line"]) for row in told], list(range(2, 54)))
            self.assertEqual([row["outcome"] for row in told], ["complete"] * 50 + ["not found", "invalid"])
            self.assertEqual([str(told[0][key]) for key in ("listed", "received", "folder", "StudyInstanceUID")], ["4", "4", str(self.out), "1.2.1"])
            self.assertIn("nothing that says what to retrieve", told[-1]["cause"])
            # A report may be written again.
            self.retrieve("get", "--from-list", "-", "--report", report, stdin=b"1.2.1\n", expect=0)
            self.assertLessEqual(len(report.read_text().splitlines()), 2)

    def test_a_page_of_the_run_says_what_was_asked_what_came_and_what_is_missing(self):
        instances = self.studies(2)
        archive = self.serve_scripted(instances, plan=lambda number: "fail" if number >= 7 else "send")
        page = self.folder / "night.html"
        rows = b"PatientID,StudyInstanceUID\nP1,1.2.1\nP1,1.2.2\nEVERYBODY^IS^HERE,1.2.77\n"
        self.retrieve("get", "--from-list", "-", "--report", page, "--retries", 0, "--trust-server", stdin=rows, expect=1)
        text = page.read_text()
        self.assertEqual(page.stat().st_mode & 0o777, 0o600)
        for words in (
            "exit code 1", "<td>associations at once</td><td>1</td>", "1 of 3 rows complete", "line 3, PatientID ***, StudyInstanceUID 1.2.2",
            "line 4, PatientID ***", "<td>not found</td>", "<svg ", 'class="verdict failed"', '<td>CT</td><td class="number">7</td>',
        ):  # fmt: skip
            self.assertIn(words, text)
        for secret in ("P1", "EVERYBODY"):
            self.assertNotIn(secret, text)
        # Nothing is fetched by whoever opens it.
        self.assertNotRegex(text, r"<script|https?://|src=|@import|url\(")
        archive.plan = lambda number: "send"
        # It is written again, and keys are in it as far as they name nobody.
        self.retrieve("get", "-k", "StudyInstanceUID=1.2.1", "-k", "PatientID=P1", "--trust-server", "--report", page, expect=0)
        text = page.read_text()
        for words in ("exit code 0", "<td>StudyInstanceUID</td><td>1.2.1</td>", "<td>PatientID</td><td>***</td>", "1 of 1 request complete"):
            self.assertIn(words, text)
        self.assertNotIn("P1<", text)

    def test_a_modality_that_is_markup_is_text_on_the_page(self):
        self.serve_scripted([Instance("1.2.1", "1.2.1.1", "1.2.1.1.1", more=[(0x00080060, "<b>&'\"")])])
        page = self.folder / "night.html"
        self.retrieve("get", "-k", "StudyInstanceUID=1.2.1", "--report", page, expect=0)
        self.assertIn("<td>&lt;b&gt;&amp;&#39;&quot;</td>", page.read_text())

    def test_a_server_that_cannot_be_asked_leaves_every_row_in_the_report(self):
        report = self.folder / "report.csv"
        run = dcmscu(
            "--get", "--from-list", "-", "--report", report, "-o", self.folder / "out", servers.LOOPBACK, servers.free_port(),
            stdin=b"AccessionNumber\nA1\nA2\n", expect=4,
        )  # fmt: skip
        self.assert_names(run, "refused", "0 of 2 rows complete, 2 not begun")
        rows = list(csv.DictReader(io.StringIO(report.read_text())))
        self.assertEqual([(row["AccessionNumber"], row["outcome"]) for row in rows], [("A1", "not begun"), ("A2", "not begun")])

    def test_a_hundred_thousand_shuffled_rows_are_two_thousand_requests(self):
        """Fifty instances of a series each, wherever their rows stand; none of them comes, and each row is told."""
        count = 100_000
        uids = [(f"1.2.{n // 100}", f"1.2.{n // 100}.{n // 50 % 2}", f"1.2.{n // 100}.{n // 50 % 2}.{n}") for n in range(count)]
        random.Random(7).shuffle(uids)
        path = self.folder / "rows.csv"
        path.write_text("StudyInstanceUID,SeriesInstanceUID,SOPInstanceUID\n" + "".join(",".join(row) + "\n" for row in uids))
        archive = self.serve_scripted([], status=0xC001)
        run = self.retrieve("get", "--no-check", "--from-list", path, expect=(1, 7), timeout=200)
        requests = count // 50
        self.assert_names(run, f"{requests} of {requests} requests", f"0 of {count} rows complete, {count} incomplete")
        self.assertEqual(len(archive.requests), requests)
        self.assertEqual({tuple(row.values())[-1] for row in self.missing(run)}, {row[-1] for row in uids})

    def test_a_report_overwrites_no_other_file(self):
        archive = self.serve_scripted(self.studies(1))
        for name, content in (("a.csv", "StudyInstanceUID\n1.2.1\n"), ("a.jsonl", '{"event":"missing"}\n'), ("b.csv", "l")):
            path = self.folder / name
            path.write_text(content)
            run = self.retrieve("get", "--from-list", "-", "--report", path, stdin=b"1.2.1\n", expect=3)
            self.assert_names(run, name, "nothing is written")
            self.assertEqual(path.read_text(), content)
        self.assertEqual(archive.requests, [])
        self.assert_names(self.retrieve("get", "--report", "a.txt", expect=2), "a.txt", ".csv")

    def test_values_without_a_header_that_can_be_no_uid(self):
        archive = self.serve_scripted(self.studies(1))
        run = self.retrieve("get", "--from-list", "-", stdin=b"ACC05000\nACC05001\n", expect=2)
        self.assert_names(run, "line 1", "ACC05000", "AccessionNumber", "--list-key")
        self.assertEqual(archive.requests, [])

    def test_one_of_several_instances_that_is_not_there_is_told(self):
        instances = study(3)
        self.serve_scripted(instances)
        rows = "StudyInstanceUID,SeriesInstanceUID,SOPInstanceUID\n" + "".join(
            f"{instances[0].study},{instances[0].series},{uid}\n" for uid in (instances[0].uid, "1.2.3.77", instances[2].uid)
        )
        run = self.retrieve("get", "--from-list", "-", stdin=rows.encode(), expect=1)
        self.assert_names(run, "2 of 3 rows complete, 1 not found", "line 3: not found", "1.2.3.77", "1 of them not found")

    def test_a_quote_that_is_never_closed_does_not_swallow_the_rest_of_a_list(self):
        archive = self.serve_scripted(self.studies(3))
        rows = self.folder / "rows.csv"
        rows.write_text('StudyInstanceUID,PatientName\n1.2.1,"DOE^JOHN\n1.2.2,\n1.2.3,\n')
        run = self.retrieve("get", "--from-list", rows, expect=2)
        self.assert_names(run, "line 2", "quote")
        self.assertEqual(archive.requests, [])

    def test_instances_of_one_uid_and_two_contents_are_both_kept_and_told(self):
        first, second = study(1), study(1, size=3000)
        self.serve_scripted(first + second, listed=first)
        for operation in ("move", "get"):
            self.out = self.folder / operation
            run = self.retrieve(operation)
            self.assertEqual(len(self.files()), 2, run)
            self.assert_names(run, "a file with different content")


    def test_a_name_that_two_instances_can_have_is_refused_where_one_would_be_lost(self):
        instances = study(4)
        archive = self.serve_scripted(instances)
        for existing in ("skip", "overwrite"):
            run = self.retrieve("get", "--name", "{PatientID}.dcm", "--if-exists", existing, expect=2)
            self.assert_names(run, "--if-exists", "{SOPInstanceUID}")
        self.assertEqual(archive.requests, [])
        # Without it both are kept.
        self.retrieve("get", "--name", "{PatientID}.dcm", expect=0)
        self.assert_whole(instances)

    def test_an_instance_without_a_data_set_is_not_kept_as_one(self):
        instances = study(3)
        instances[1].data = b""
        for operation in ("move", "get"):
            self.serve_scripted(instances)
            self.out = self.folder / operation
            run = self.retrieve(operation, expect=1)
            self.assert_names(run, instances[1].uid, "is empty")
            self.assert_whole([instances[0], instances[2]])
