"""C-STORE: what arrives is what was sent."""

import random
import shutil

from harness import cases, images, servers
from harness.programs import dcmscu

COLOR_PALETTE = "1.2.840.10008.5.1.4.39.1"


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
        self.assert_names(run, "DICOMDIR: passed over: a DICOMDIR", "1 passed over")
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
    """Orthanc parses what it receives and writes it again, so elements are compared."""

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
