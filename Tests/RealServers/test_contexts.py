"""The presentation contexts of a C-GET: what is proposed for what a server has, and how often it is asked."""

from harness import images
from harness.scripted_archive import CT, GE_PRIVATE, IMPLICIT, MR, Instance, ScriptedRetrieval, study

RLE, JPEG_LOSSLESS = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.70"
# Retired, new and private ones: JPEG spectral selection and full progression, JPEG XL, HTJ2K, GE, Philips.
RARE = [
    "1.2.840.10008.1.2.4.53", "1.2.840.10008.1.2.4.55", "1.2.840.10008.1.2.4.110", "1.2.840.10008.1.2.4.201", GE_PRIVATE,
    "1.3.46.670589.33.1.4.1",
]  # fmt: skip


def mixed(*syntaxes, sop_class=None):
    """An instance for each syntax, in one series."""
    more = {"sop_class": sop_class} if sop_class else {}
    return [
        Instance("1.2.1", "1.2.1.1", f"1.2.1.1.{number}", syntax=syntax, **more) for number, syntax in enumerate(syntaxes, 1)
    ]


class Contexts(ScriptedRetrieval):
    def assert_syntaxes(self, instances):
        self.assert_whole(instances)
        found = {str(images.meta(path).MediaStorageSOPInstanceUID): str(images.meta(path).TransferSyntaxUID) for path in self.files()}
        self.assertEqual(found, {instance.uid: instance.syntax for instance in instances})

    def test_what_the_server_names_is_proposed_also_retired_and_private_syntaxes(self):
        instances = mixed(*RARE)
        archive = self.serve_scripted(instances)
        archive.available = lambda instance: instance.syntax
        self.retrieve("get", expect=0)
        self.assert_syntaxes(instances)
        self.assertEqual(len(archive.requests), 1)

    def test_many_classes_in_the_syntaxes_that_the_server_names_need_one_association(self):
        instances = [
            Instance("1.2.1", "1.2.1.1", f"1.2.1.1.{n}", sop_class=f"1.2.840.10008.5.1.4.1.1.{n}", syntax=RARE[n % 2])
            for n in (1, 2, 4, 7, 20, 30, 66, 67, 128, 129)
        ]
        archive = self.serve_scripted(instances)
        archive.available = lambda instance: instance.syntax
        self.retrieve("get", expect=0)
        self.assert_syntaxes(instances)
        self.assertEqual(len(archive.requests), 1)

    def test_a_server_that_refuses_to_name_syntaxes_is_asked_without(self):
        instances = study(6)
        archive = self.serve_scripted(instances[:5], listed=instances)
        archive.refuses_unknown_keys = True
        run = self.retrieve("get", expect=1)
        self.assert_names(run, "1 of 6 instances listed by the server is missing")
        self.assertNotIn("there is no list", run.stderr)

    def test_thousands_of_syntaxes_are_not_believed(self):
        instances = study(4)
        archive = self.serve_scripted(instances)
        archive.available = lambda _: "\\".join(["nonsense", "1..2"] + [f"1.2.3.{n}" for n in range(5000)])
        self.retrieve("get", expect=0)
        self.assert_whole(instances)
        self.assertEqual(len(archive.requests), 1)

    def test_without_classes_what_came_is_not_asked_for_again(self):
        """The list has the UIDs of the instances, and not their classes."""
        instances = mixed(IMPLICIT, JPEG_LOSSLESS, RLE, "1.2.840.10008.1.2.4.81") + [
            Instance("1.2.1", "1.2.1.2", f"1.2.1.2.{number}", sop_class=MR) for number in range(3)
        ]
        archive = self.serve_scripted(instances[:-1], listed=instances)
        archive.tells_classes = False
        run = self.retrieve("get", expect=1)
        self.assert_syntaxes(instances[:-1])
        self.assert_names(run, "1 of 7 instances listed by the server is missing")
        self.assertLessEqual(len(archive.requests), 12)
        asked = [uid for _, uids in archive.requests[1:] for uid in uids]
        came_first = {instance.uid for instance in instances[:-1] if instance.syntax in (IMPLICIT, JPEG_LOSSLESS)}
        self.assertFalse(came_first & set(asked))
        self.assertEqual(run.stderr.count("sub-operation"), 0, run)

    def test_without_a_list_each_instance_is_kept_once(self):
        """A server that converts sends an instance in whatever is accepted for its class."""
        instances = [
            Instance("1.2.1", "1.2.1.3", f"1.2.1.3.{number}", sop_class=MR if number > 5 else CT) for number in range(8)
        ]
        archive = self.serve_scripted(instances, plan=lambda number: "fail" if number == 3 else "send")
        run = self.retrieve("get", "--no-check", expect=1)
        self.assertEqual(len(self.files()), 7, run)
        self.assert_names(run, "1 sub-operation failed")
        self.assertEqual(run.stderr.count("sub-operation failed"), 1, run)
        # The rounds that are left, without the classes that came.
        self.assertLessEqual(len(archive.requests), 6)

    def test_without_a_list_a_class_that_is_not_frequent_comes_in_the_next_round(self):
        rare = [Instance("1.2.1", "1.2.1.4", "1.2.1.4.1", sop_class="1.2.840.10008.5.1.4.1.1.77.1.5.4")]
        instances = study(4)
        archive = self.serve_scripted(instances + rare)
        run = self.retrieve("get", "--no-check", expect=0)
        self.assert_whole(instances + rare)
        self.assertEqual(len(self.files()), 5, run)
        self.assertEqual(len(archive.requests), 2)
        # Of the classes that came nothing more is proposed, and nothing twice.
        first, second = archive.offered
        self.assertIn(CT, {sop_class for sop_class, _ in first})
        self.assertNotIn(CT, {sop_class for sop_class, _ in second})
        self.assertFalse(first & second)
