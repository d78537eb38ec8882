"""C-STORE: instances arrive as they were sent; files that cannot be sent; servers that fail.

No instance is lost, and none is reported as stored that is not.
"""

import collections
import json
import os
import random
import shutil
import signal
import subprocess
import time

import pydicom

from harness import cases, images, programs, scripted, servers, wire
from harness.faulty import OUT_OF_RESOURCES, FaultyStoreSCP
from harness.programs import dcmscu, dcmscu_path

COLOR_PALETTE = "1.2.840.10008.5.1.4.39.1"
SOME_FAILED = 1
LOCAL_FILES = 3
CT = "1.2.840.10008.5.1.4.1.1.2"
ROOT = "1.2.826.0.1.3680043.10.999.4"


def padded(data):
    """A fragment has an even length (PS3.8 annex E.1), so a deflated data set of odd length gains a zero byte."""
    return data + b"\0" if len(data) % 2 else data


class ToStoreSCP(cases.RealServerTest):
    """DCMTK's storescp writes the bytes that it receives, so bytes are compared."""

    @classmethod
    def setUpClass(cls):
        cls.server = cls.serve_all(servers.StoreSCP())

    def setUp(self):
        super().setUp()
        self.server.clear()

    def received(self):
        """SOP Instance UID -> file."""
        return {str(images.meta(path).MediaStorageSOPInstanceUID): path for path in self.server.received()}

    def assert_arrived_as_sent(self, sent):
        received = self.received()
        troubles = []
        for image in sent:
            path = received.pop(image.sop_instance, None)
            if path is None:
                troubles.append(f"{image.name}: did not arrive")
                continue
            meta = images.meta(path)
            if str(meta.TransferSyntaxUID) != image.syntax:
                troubles.append(f"{image.name}: transfer syntax {image.syntax} became {meta.TransferSyntaxUID}")
            elif images.data_set_bytes(path) != padded(images.data_set_bytes(image.path)):
                troubles.append(f"{image.name}: other bytes")
            if str(meta.MediaStorageSOPClassUID) != image.sop_class:
                troubles.append(f"{image.name}: SOP class {image.sop_class} became {meta.MediaStorageSOPClassUID}")
        troubles += [f"{uid} was never sent" for uid in received]
        self.assertFalse(troubles, "\n" + "\n".join(troubles))

    def test_all_real_files_arrive_byte_for_byte(self):
        # Color Palette Storage is no storage class to storescp, unless a profile says so: see below.
        for batch in images.batches([i for i in images.whole_images() if i.sop_class != COLOR_PALETTE]):
            self.server.clear()
            dcmscu("--store", servers.LOOPBACK, self.server.port, *(i.path for i in batch), expect=0)
            self.assert_arrived_as_sent(batch)

    def test_large_ones_arrive_byte_for_byte_where_the_server_takes_large_pdus(self):
        # They are sent from their files, without passing through memory.
        self.server = self.serve(servers.StoreSCP("--max-pdu", "131072"))
        large = [
            i for i in images.whole_images() if i.sop_class != COLOR_PALETTE and i.path.stat().st_size > 128 * 1024
        ]
        self.assertTrue(large)
        for batch in images.batches(large):
            self.server.clear()
            dcmscu("--store", servers.LOOPBACK, self.server.port, *(i.path for i in batch), expect=0)
            self.assert_arrived_as_sent(batch)

    def test_data_sets_of_every_length_beside_a_page_arrive_byte_for_byte(self):
        self.server = self.serve(servers.StoreSCP("--max-pdu", "131072"))
        template = images.read(images.image("CT_small.dcm").path)
        sent = {}
        for number in range(60):
            # From below the length from which files are sent by themselves to three PDUs beyond it, around ends of pages.
            template.PixelData = random.Random(number).randbytes((31 + number) * 4096 + (number % 7 - 3) * 2)
            uid = f"1.2.826.0.1.3680043.10.999.5.{number + 1}"
            template.SOPInstanceUID = template.file_meta.MediaStorageSOPInstanceUID = uid
            path = self.folder / f"{number}.dcm"
            template.save_as(path)
            sent[uid] = path
        dcmscu("--store", servers.LOOPBACK, self.server.port, *sent.values(), expect=0)
        received = self.received()
        self.assertEqual(set(received), set(sent))
        for uid, path in sent.items():
            self.assertEqual(images.data_set_bytes(received[uid]), images.data_set_bytes(path), path)

    def test_classes_that_most_servers_do_not_know_arrive_where_one_does(self):
        palettes = [image for image in images.whole_images() if image.sop_class == COLOR_PALETTE]
        self.assertEqual(len(palettes), 8)
        profile = servers.association_profile({(image.sop_class, image.syntax) for image in palettes})
        self.server = self.serve(servers.StoreSCP(profile=profile))
        dcmscu("--store", servers.LOOPBACK, self.server.port, *(i.path for i in palettes), expect=0)
        self.assert_arrived_as_sent(palettes)

    def test_a_file_that_lies_about_its_transfer_syntax_is_refused_and_the_lie_is_told(self):
        for name in images.MISLABELLED:
            image = images.image(name)
            run = dcmscu("--store", servers.LOOPBACK, self.server.port, image.path, expect=3)
            self.assert_names(run, name, "says JPEG Baseline", "looks like Implicit VR Little Endian", "hint:")

    def test_the_list_of_a_medium_and_a_head_without_a_data_set_are_called_what_they_are(self):
        image = images.archive_images()[0]
        whole, data_set = image.path.read_bytes(), images.data_set_bytes(image.path)
        head = self.folder / "head.dcm"
        head.write_bytes(whole[: len(whole) - len(data_set)])
        run = dcmscu("--store", servers.LOOPBACK, self.server.port, head, expect=3)
        self.assert_names(run, "head.dcm", "file meta information and no data set")
        shutil.copy(image.path, self.folder / "image.dcm")
        head.unlink()
        shutil.copy(images.DATA / "test_files" / "dicomdirtests" / "DICOMDIR", self.folder / "DICOMDIR")
        run = dcmscu("--store", servers.LOOPBACK, self.server.port, self.folder, expect=0)
        self.assert_names(run, "DICOMDIR: skipped: a DICOMDIR", "1 other file ignored")
        self.assertNotIn("not DICOM", run.stderr, run)
        self.assert_arrived_as_sent([image])
        run = dcmscu("--store", servers.LOOPBACK, self.server.port, self.folder / "DICOMDIR", expect=3)
        self.assert_names(run, "lists the instances of a medium")

    def test_a_directory_is_listed_one_level_deep(self):
        near, far = images.archive_images()[:2]
        (self.folder / "deep" / "deeper").mkdir(parents=True)
        shutil.copy(near.path, self.folder / "deep" / "near.dcm")
        shutil.copy(far.path, self.folder / "deep" / "deeper" / "far.dcm")
        dcmscu("--store", servers.LOOPBACK, self.server.port, self.folder / "deep", expect=0)
        self.assert_arrived_as_sent([near])

    def test_recursion_sends_everything_below_a_directory(self):
        batch = images.archive_images()
        for number, image in enumerate(batch):
            folder = self.folder / "tree" / str(number % 3) / str(number % 7)
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(image.path, folder / str(number))
        dcmscu("--store", servers.LOOPBACK, self.server.port, "-r", self.folder / "tree", expect=0)
        self.assert_arrived_as_sent(batch)

    def test_input_options_name_files_and_directories(self):
        one, two, three = images.archive_images()[:3]
        (self.folder / "more").mkdir()
        shutil.copy(three.path, self.folder / "more")
        dcmscu(
            "--store", "-H", servers.LOOPBACK, "-p", self.server.port,
            "-i", one.path, f"--input={two.path}", "-i", self.folder / "more", expect=0,
        )  # fmt: skip
        self.assert_arrived_as_sent([one, two, three])

    def test_a_name_with_spaces_and_umlauts_is_a_name_like_any_other(self):
        image = images.image("CT_small.dcm")
        path = self.folder / "ein Bild für Ärzte ().dcm"
        shutil.copy(image.path, path)
        dcmscu("--store", servers.LOOPBACK, self.server.port, path, expect=0)
        self.assert_arrived_as_sent([image])


class ToOrthanc(cases.RealServerTest):
    """Orthanc parses data sets and writes them again, so elements are compared."""

    # Orthanc 1.10 knows no Color Palette Storage, and its objects belong to no study.
    refused_classes = {COLOR_PALETTE}
    # Orthanc answers 0xC000 to every sender of these.
    refused_files = images.UNKNOWN_REPRESENTATIONS

    @classmethod
    def setUpClass(cls):
        cls.server = cls.serve_all(servers.Orthanc())

    def setUp(self):
        super().setUp()
        self.server.clear()

    def takes(self, image):
        return image.sop_class not in self.refused_classes and image.name not in self.refused_files

    def test_all_real_files_that_it_takes_arrive_with_equal_data_sets(self):
        for batch in images.batches([i for i in images.whole_images() if self.takes(i)]):
            self.server.clear()
            dcmscu("--store", servers.LOOPBACK, self.server.port, *(i.path for i in batch), expect=0)
            self.assert_held(batch)

    def test_files_that_it_refuses_are_named_and_the_others_go(self):
        (refused,) = [i for i in images.whole_images() if i.name == "hotiron.dcm"]
        taken = images.image("CT_small.dcm")
        run = dcmscu("--store", servers.LOOPBACK, self.server.port, refused.path, taken.path, expect=(1, 6))
        self.assert_names(run, refused.name)
        self.assertNotIn(taken.name, run.stderr)
        self.assert_held([taken])

    def test_a_failure_status_is_told_in_words_and_the_others_go(self):
        refused = images.image("rtdose_rle.dcm")
        taken = images.image("CT_small.dcm")
        run = dcmscu("--store", servers.LOOPBACK, self.server.port, refused.path, taken.path, expect=(1, 7))
        self.assert_names(run, refused.name, "C000")
        self.assert_held([taken])

    def assert_held(self, sent):
        held = self.server.sop_instance_uids()
        self.assertEqual(sorted(held), sorted({image.sop_instance for image in sent}))
        self.assert_equal_data_sets(
            (image.name, images.read(image.path), images.read(self.server.file(held[image.sop_instance])))
            for image in sent
        )
        for image in sent:
            syntax = images.read(self.server.file(held[image.sop_instance])).file_meta.TransferSyntaxUID
            self.assertEqual(str(syntax), image.syntax, image.name)


class BadFiles(cases.RealServerTest):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.serve_all(servers.StoreSCP())

    def setUp(self):
        super().setUp()
        self.server.clear()
        self.good = [images.image("CT_small.dcm"), images.image("MR_small_RLE.dcm")]

    def store_between_good_ones(self, bad):
        run = dcmscu(
            "--store", servers.LOOPBACK, self.server.port, self.good[0].path, bad, self.good[1].path,
            expect=SOME_FAILED,
        )  # fmt: skip
        self.assert_names(run, bad.name)
        found = {str(images.meta(path).MediaStorageSOPInstanceUID) for path in self.server.received()}
        self.assertEqual(found, {image.sop_instance for image in self.good}, run)
        for image in self.good:
            self.assertNotIn(image.name, run.stderr, run)
        return run

    def bad_files(self):
        text = self.folder / "notes.txt"
        text.write_text("These are notes, and no DICOM file.\n" * 100)
        empty = self.folder / "empty.dcm"
        empty.touch()
        zeros = self.folder / "zeros.dcm"
        zeros.write_bytes(bytes(5000))
        header = self.folder / "header-only.dcm"
        header.write_bytes(bytes(128) + b"DICM")
        cut = self.folder / "cut.dcm"
        cut.write_bytes(images.image("CT_small.dcm").path.read_bytes()[:-1000])
        return [text, empty, zeros, header, cut]

    def test_a_file_that_is_not_dicom(self):
        for bad in self.bad_files():
            self.server.clear()
            self.store_between_good_ones(bad)

    def test_a_value_where_the_dictionary_has_a_sequence_is_sent_as_it_is(self):
        entry = pydicom.dcmread(images.image("CT_small.dcm").path)
        entry.file_meta.TransferSyntaxUID = images.IMPLICIT_LITTLE
        entry.add_new(0x0040A170, "CS", "T110")
        path = self.folder / "code.dcm"
        entry.is_implicit_VR, entry.is_little_endian = True, True
        entry.save_as(path)
        self.server.clear()
        dcmscu("--store", servers.LOOPBACK, self.server.port, path, expect=0)
        [received] = self.server.received()
        self.assertEqual(images.data_set_bytes(received), images.data_set_bytes(path))

    def test_the_truncated_real_files(self):
        for name in sorted(images.TRUNCATED):
            self.server.clear()
            run = self.store_between_good_ones(images.image(name).path)
            self.assert_names(run, "truncated")

    def test_a_missing_file(self):
        run = self.store_between_good_ones(self.folder / "missing.dcm")
        self.assert_names(run, "no such file")

    def test_nothing_but_bad_files_is_exit_code_3(self):
        bad = [*self.bad_files(), self.folder / "missing.dcm"]
        run = dcmscu("--store", servers.LOOPBACK, self.server.port, *bad, expect=LOCAL_FILES)
        self.assert_names(run, *(path.name for path in bad))
        self.assertEqual(self.server.received(), [])

    def test_an_empty_folder_is_exit_code_3_and_no_hang(self):
        (self.folder / "nothing").mkdir()
        dcmscu("--store", servers.LOOPBACK, self.server.port, self.folder / "nothing", expect=LOCAL_FILES)


class Sent:
    """A file to send, and the data set that must arrive."""

    def __init__(self, path, data, uid):
        self.path, self.data, self.uid = path, data, uid


class TwoAssociations(servers.Server):
    """A storage SCP by pynetdicom that takes two associations at a time and ten milliseconds for each instance."""

    name = "two-associations"
    ae_title = "TWO"
    SCRIPT = """
import sys, time
from pynetdicom import AE, AllStoragePresentationContexts, evt
from pynetdicom.sop_class import Verification

def store(event):
    time.sleep(0.01)
    return 0

ae = AE("TWO")
ae.maximum_associations = 2
ae.supported_contexts = AllStoragePresentationContexts
ae.add_supported_context(Verification)
ae.start_server(("127.0.0.1", int(sys.argv[1])), evt_handlers=[(evt.EVT_C_STORE, store)])
"""

    def command(self):
        python = os.environ.get("PYNETDICOM") or str(programs.REPOSITORY / ".build" / "pynetdicom" / "bin" / "python")
        return [python, "-c", self.SCRIPT, self.port]


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
    """The lines of the journal about instances; unreadable ones are skipped, as the program does."""
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
        """The list of failures has exactly the instances that the server has not confirmed."""
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

    def test_a_response_that_names_another_instance_is_a_warning_and_is_verified(self):
        file = images.image("CT_small.dcm").path
        peer = scripted.Peer(scripted.answers(0, wire.element(0, 0x1000, wire.uid("1.2.9"))))
        self.addCleanup(peer.stop)
        run = dcmscu("--store", servers.LOOPBACK, peer.port, file, "--format", "jsonl", expect=0)
        self.assert_names(run, "stored with a warning: the response names the instance 1.2.9")
        events = [json.loads(line) for line in run.stdout.splitlines()]
        self.assertEqual([event.get("outcome") for event in events[:-1]], ["warning"], run)
        self.assertEqual(events[-1]["warnings"], 1, run)
        # The server, asked for it, has no such instance.
        dcmscu("--store", "--verify", "find", servers.LOOPBACK, peer.port, file, expect=SOME_FAILED)

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
        self.assertEqual(run.stderr.count("continuing with"), 1, run)

    def test_associations_that_are_kept_waiting_hold_nothing_up(self):
        sent = make(self.input, 60, studies=12)
        server = self.faulty(mute_beyond=2, pause=0.002)
        run = self.store(server, "--jobs", 6, expect=0)
        self.assert_stored(server, sent)
        self.assertLess(run.seconds, 15)

    def test_the_number_of_associations_is_found_out(self):
        sent = make(self.input, 200)
        server = self.faulty(pause=0.03)
        run = self.store(server, "--jobs", "auto", "--format", "jsonl", expect=0)
        self.assert_stored(server, sent)
        self.assertEqual(server.received, len(sent))
        self.assertIn(server.most_seen, range(3, 9), run)
        summary = json.loads(run.stdout.splitlines()[-1])
        self.assertIn(summary["associations"], range(2, 9), run)
        self.assertIn(f", over {summary['associations']} associations", run.stderr)

    def test_a_server_that_rejects_the_third_association_gets_two(self):
        sent = make(self.input, 150, studies=7)
        server = self.faulty(most_associations=2, pause=0.03)
        run = self.store(server, "--jobs", "auto", expect=0)
        self.assert_stored(server, sent)
        self.assertEqual(server.rejected, 1, run)
        self.assertEqual(run.stderr.count("continuing with fewer associations: one of 3 has ended"), 1, run)
        self.assertIn(", over 2 associations", run.stderr)

    def test_a_third_association_that_is_kept_waiting_holds_nothing_up(self):
        sent = make(self.input, 300)
        server = self.faulty(mute_beyond=2, pause=0.01)
        run = self.store(server, "--jobs", "auto", expect=0)
        self.assert_stored(server, sent)
        self.assertLess(run.seconds, 15)

    def test_a_server_that_has_no_room_gets_less_at_a_time(self):
        sent = make(self.input, 300)
        for faults in ({"status_every": (40, OUT_OF_RESOURCES)}, {"abort_every": 40}, {"close_every": 40}):
            with self.subTest(**faults):
                server = self.faulty(pause=0.005, **faults)
                run = self.store(
                    server, "--jobs", "auto", "--window", "auto", "--retries", 8, "--retry-delay", "0.05", expect=0
                )
                self.assert_stored(server, sent)
                self.assertRegex(run.stderr, "over [1-3] associations? with a window of 1")

    def test_a_server_that_fails_with_a_study_on_associations_that_were_found_out_gets_it_on_one(self):
        sent = make(self.input, 240, studies=2)
        server = self.faulty(one_by_study=True, pause=0.01)
        run = self.store(server, "--jobs", "auto", expect=0)
        self.assert_stored(server, sent)
        self.assertEqual(server.received, len(sent) + server.clashes, run)

    def test_a_server_of_pynetdicom_that_takes_two_associations(self):
        sent = make(self.input, 200)
        server = self.serve(TwoAssociations())
        run = self.store(server, "--jobs", "auto", "--window", "auto", expect=0)
        self.assertIn(f"{len(sent)} stored", run.stderr)
        self.assertRegex(run.stderr, "over [12] associations? with a window of 1")
        self.assertLessEqual(run.stderr.count("continuing with fewer associations"), 1, run)

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
                # The writer of names goes on: the run ends all the same.
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
        run = self.store(server, "-V", "--verify", "find", "--journal", journal, expect=1)
        self.assert_names(run, *(one.uid for one in sent), "not confirmed")
        self.store(server, "--journal", journal, "--resume", expect=0)
        self.assertEqual(set(server.arrivals.values()), {2})

    def test_several_associations_at_once(self):
        sent = make(self.input, 100, studies=10)
        server = self.faulty(pause=0.01)
        self.store(server, "--jobs", 5, expect=0)
        self.assert_stored(server, sent)
        self.assertEqual(server.most_seen, 5)

    def test_one_study_is_shared_by_several_associations(self):
        sent = make(self.input, 200)
        server = self.faulty(pause=0.01)
        self.store(server, "--jobs", 5, expect=0)
        self.assert_stored(server, sent)
        self.assertEqual(server.received, len(sent))
        self.assertEqual(server.most_seen, 5)

    def test_a_server_that_fails_with_a_study_on_several_associations_gets_it_on_one(self):
        sent = make(self.input, 120, studies=2)
        server = self.faulty(one_by_study=True, pause=0.005)
        run = self.store(server, "--jobs", 4, expect=0)
        self.assert_stored(server, sent)
        self.assertGreater(server.clashes, 0)
        self.assertEqual(server.received, len(sent) + server.clashes)
        self.assertEqual(run.stderr.count("each study on one association"), 1, run)

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
        chance = self.chance()
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
            # A power cut may leave the journal like this.
            if round_ % 4 == 3 and journal.exists() and journal.stat().st_size > 200:
                with open(journal, "r+b") as file:
                    file.truncate(journal.stat().st_size - chance.randint(1, 120))
        run = self.store(server, "--journal", journal, "--resume", expect=0)
        self.assert_stored(server, sent)
        done = {e["sopInstanceUID"] for e in entries(journal) if e["outcome"] == "done"}
        self.assertEqual(done, {one.uid for one in sent}, run)
        # Only instances on their way at a kill were sent a second time.
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
