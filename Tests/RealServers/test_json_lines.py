"""`--format jsonl` of all operations but queries: the schema of the man page holds for what is printed."""

import json
import re

from harness import cases, images, loading, servers
from harness.programs import dcmscu


def schema():
    """event -> its members, and the outcomes, as the man page has them."""
    page = dcmscu("--generate", "man", expect=0).stdout
    section = page.split(".SH JSON LINES\n")[1].split("\n.SH ")[0]
    events, outcomes = section.split("of an object:\n")
    entries = re.findall(r"\.TP\n\\fB(\w+)\\fR\n.*?:\n(.*?)\.\n", events, re.S)
    return (
        {name: set(re.findall(r"\\fI(\w+)\\fR", members)) for name, members in entries},
        set(re.findall(r"\.TP\n\\fB(\w+)\\fR", outcomes)),
    )


class JSONLines(cases.RealServerTest):
    @classmethod
    def setUpClass(cls):
        cls.events, cls.outcomes = schema()
        cls.images = images.archive_images()[:6]
        cls.port_scp = servers.free_port()
        cls.orthanc = cls.serve_all(servers.Orthanc(DicomModalities={"mover": ["MOVER", servers.LOOPBACK, cls.port_scp]}))
        loading.load_orthanc(cls.orthanc, cls.images)

    def objects(self, *arguments, expect=0):
        run = dcmscu(*arguments, "--format", "jsonl", expect=expect)
        objects = [json.loads(line) for line in run.stdout.splitlines()]
        for entry in objects:
            self.assertEqual(next(iter(entry)), "event")
            self.assertIn(entry["event"], self.events, run)
            self.assertLessEqual(set(entry) - {"event"}, self.events[entry["event"]], run)
            self.assertNotIn(None, entry.values())
            self.assertIn(entry.get("outcome", "done"), self.outcomes)
            self.assertRegex(entry.get("status", "0000H"), "^[0-9A-F]{4}H$")
        self.assertEqual([entry["event"] for entry in objects].count("summary"), 1, run)
        self.assertEqual(objects[-1]["event"], "summary")
        self.assertEqual(objects[-1]["exitCode"], run.code)
        return objects[:-1], objects[-1]

    def peer(self):
        return ("--call", self.orthanc.ae_title, servers.LOOPBACK, self.orthanc.port)

    def test_the_schema_is_written_down(self):
        self.assertLessEqual({"echo", "store", "receive", "commitment", "summary"}, set(self.events))
        self.assertIn("sopInstanceUID", self.events["store"])
        self.assertEqual(self.outcomes, {"done", "warning", "skipped", "failed", "pending"})

    def test_an_echo_is_one_object(self):
        objects, summary = self.objects("--echo", *self.peer())
        self.assertEqual([entry["event"] for entry in objects], ["echo"])
        self.assertEqual((objects[0]["outcome"], objects[0]["status"]), ("done", "0000H"))
        self.assertEqual(summary["operation"], "echo")

    def test_a_failure_has_a_summary_too(self):
        _, summary = self.objects("--echo", servers.LOOPBACK, servers.free_port(), expect=4)
        self.assertIn("refused", summary["error"])

    def test_each_file_stored_is_one_object(self):
        paths = [image.path for image in self.images]
        objects, summary = self.objects("--store", *self.peer(), *paths)
        stored = [entry for entry in objects if entry["event"] == "store"]
        self.assertEqual(sorted(e["sopInstanceUID"] for e in stored), sorted(i.sop_instance for i in self.images))
        self.assertEqual({entry["outcome"] for entry in stored}, {"done"})
        self.assertEqual(summary["done"], len(paths))

    def test_each_instance_retrieved_is_one_object(self):
        study = self.images[0].study
        expected = sorted(image.sop_instance for image in self.images if image.study == study)
        for arguments in (["--get"], ["--move", "--aetitle", "MOVER", "--port-scp", self.port_scp]):
            with self.subTest(arguments[0]):
                folder = self.folder / arguments[0].strip("-")
                objects, summary = self.objects(
                    *arguments, *self.peer(), "-k", f"StudyInstanceUID={study}", "--output", folder
                )
                received = [entry for entry in objects if entry["event"] == "receive"]
                self.assertEqual(sorted(entry["sopInstanceUID"] for entry in received), expected)
                self.assertEqual(summary["done"], len(expected))
