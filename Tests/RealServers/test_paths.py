"""File names with a tab, a line feed, ESC or bytes that are no UTF-8, as the value of every option that takes a path."""

import base64
import json
import os
import shutil

from harness import certificates, servers
from harness.practice import PracticeArchive, WithImages
from harness.programs import dcmscu

NAMES = {"tab": b"tab\there", "line feed": b"line\nfeed", "escape": b"esc\x1b[31m", "no UTF-8": b"c\xff\xfe"}


def path_of(event):
    """The bytes of the path in an event of `--format jsonl`."""
    return base64.b64decode(event["pathBytes"]) if "pathBytes" in event else event["path"].encode()


class StrangeNames(WithImages):
    """Each table runs with every name; afterwards nothing has another name than the one that was given."""

    def setUp(self):
        super().setUp()
        self.uid = str(self.dataset.SOPInstanceUID)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        from harness.practice import data_set

        cls.dataset = data_set(cls.files[0])

    def each(self):
        """(folder, path): a new folder, and a path with a strange name in it that does not exist yet."""
        for kind, name in NAMES.items():
            folder = self.folder / kind.replace(" ", "-")
            folder.mkdir()
            yield folder, folder / os.fsdecode(name)

    def only(self, folder, *paths):
        self.assertEqual(sorted(os.listdir(os.fsencode(folder))), sorted(os.fsencode(path.name) for path in paths))

    def series(self):
        return ["-k", f"StudyInstanceUID={self.dataset.StudyInstanceUID}"]

    def test_failed_out(self):
        for folder, path in self.each():
            dcmscu("--store", servers.LOOPBACK, 1, self.files[0], "--failed-out", path, expect=(4, 5))
            self.only(folder, path)
            self.assertEqual(path.read_text(), f"{self.files[0]}\n")

    def test_inputs_and_their_events(self):
        for folder, path in self.each():
            shutil.copy(self.files[0], path)
            run = dcmscu("--store", *self.peer, path, "--format", "jsonl", expect=0)
            event = json.loads(run.stdout.splitlines()[0])
            self.assertEqual(event["outcome"], "done")
            given = os.fsencode(path)
            self.assertEqual(path_of(event), given)
            self.assertEqual("pathBytes" in event, "\\xff" in repr(given))
            # By a list of names, too.
            dcmscu("--store", *self.peer, "--input", "-", stdin=given + b"\0", expect=0)

    def test_journal(self):
        for folder, path in self.each():
            store = ["--store", *self.peer, self.files[0], "--journal", path, "--format", "jsonl"]
            dcmscu(*store, expect=0)
            run = dcmscu(*store, "--resume", expect=0)
            self.assertIn('"outcome":"skipped"', run.stdout)
            self.only(folder, path)

    def test_from_list_and_output(self):
        for folder, path in self.each():
            path.write_text(f"{self.dataset.StudyInstanceUID}\n")
            output = folder / "out" / path.name
            get = ["--get", *self.peer, "--format", "jsonl", "-o", output]
            run = dcmscu(*get, "--study", "--from-list", path, expect=0)
            events = [json.loads(line) for line in run.stdout.splitlines()]
            received = [event for event in events if event["event"] == "receive"]
            self.assertTrue(received)
            for event in received:
                self.assertTrue(os.path.isfile(path_of(event)), event)
            self.only(folder / "out", output)

    def test_configuration(self):
        for folder, path in self.each():
            path.write_text('{"defaults": {"aetitle": "STRANGE"}}')
            for given in (["--config", path], []):
                run = dcmscu(*given, "--show-config", environment={"DCMSCU_CONFIG": os.fsdecode(path)}, expect=0)
                self.assertIn("STRANGE", run.said)
            shutil.move(path, folder / "gone")
            run = dcmscu("--config", path, "--show-config", expect=2)
            self.assertNotRegex(run.stderr, "[\x00-\x09\x0b-\x1f\x7f\U0010ff80-\U0010ffff]")

    def test_store_query_and_query(self):
        for folder, path in self.each():
            dcmscu("--find", "--study", *self.series(), "--store-query", path, *self.peer, expect=0)
            self.only(folder, path)
            dcmscu("--find", "--study", "--query", path, *self.peer, expect=0)

    def test_log_file(self):
        for folder, path in self.each():
            dcmscu("--echo", "--verbose", "--log-file", path, *self.peer, expect=0)
            self.only(folder, path)
            self.assertTrue(path.read_text())

    def test_transaction(self):
        for folder, path in self.each():
            commit = ["--stgcmt", "--aetitle", "DCMSCU", "--transaction", path, "--wait", 0]
            dcmscu(*commit, *self.peer, self.files[0], expect=(0, 8))
            self.only(folder, path)
            self.assertIn('"event":"requested"', path.read_text())

    def test_worklist_items(self):
        for folder, path in self.each():
            items = folder / path.name
            items.mkdir()
            (items / path.name).write_text("PatientName=Strange^Name\n")
            for given in (items, items / path.name):
                archive = self.serve(PracticeArchive(options=["--worklist-items", given]))
                run = dcmscu("--worklist", "-k", "PatientName", servers.LOOPBACK, archive.port, expect=0)
                self.assertIn("Strange", run.stdout)

    def test_tls_and_secrets(self):
        authority = certificates.Authority(self.folder / "authority")
        certificate, key = authority.issue("archive", password="s3cret")
        for folder, path in self.each():
            named = {}
            for name, source in (("ca", authority.certificate), ("cert", certificate), ("key", key)):
                (folder / name).mkdir()
                named[name] = folder / name / path.name
                shutil.copy(source, named[name])
            path.write_text("s3cret\n")
            secured = ["--tls", "--tls-ca", named["ca"], "--tls-cert", named["cert"], "--tls-key", named["key"]]
            secured += ["--tls-key-password", f"file:{path}"]
            archive = self.serve(PracticeArchive(options=secured))
            dcmscu("--echo", *secured, servers.LOOPBACK, archive.port, expect=0)

    def test_temporary_folder_of_the_self_test(self):
        for folder, path in self.each():
            path.mkdir()
            page = dcmscu("--self-test", environment={"TMPDIR": os.fsdecode(os.fsencode(path))}, expect=0)
            self.assertIn("all 15 steps passed", page.stdout)
            self.only(folder, path)
            self.assertEqual(os.listdir(path), [])
