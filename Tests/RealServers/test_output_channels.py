"""Standard streams that are closed, full or without a reader: a clear exit code, never the death by a signal."""

import os
import pydicom
import subprocess

from harness import cases, findpeer, images, programs, servers

LOCAL_FILES = 3


class OutputChannels(cases.RealServerTest):
    @classmethod
    def setUpClass(cls):
        cls.storescp = cls.serve_all(servers.StoreSCP())

    def shell(self, redirection, *arguments, expect):
        """Runs the program by a shell, which can close a stream: `>&-`."""
        line = " ".join([programs.dcmscu_path(), *(f"'{argument}'" for argument in arguments), redirection])
        run = subprocess.run(
            ["bash", "-c", line], capture_output=True, timeout=60, env={**os.environ, "DCMSCU_CONFIG": "/dev/null"}
        )
        self.assertEqual(run.returncode, expect, f"{line}\n{run.stdout}\n{run.stderr}")
        return run

    def many_answers(self):
        answer = pydicom.Dataset()
        answer.PatientID = "P" * 60
        peer = findpeer.FindPeer([answer] * 20_000)
        self.addCleanup(peer.stop)
        return ["--find", "--studyroot", "-k", "10,20", servers.LOOPBACK, str(peer.port)]

    @property
    def echo(self):
        return ["--echo", servers.LOOPBACK, str(self.storescp.port)]

    def test_a_reader_that_has_gone(self):
        for form in ("text", "jsonl"):
            arguments = [programs.dcmscu_path(), *self.many_answers(), "--format", form]
            process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            process.stdout.readline()
            process.stdout.close()
            error = process.stderr.read()
            self.assertEqual(process.wait(60), LOCAL_FILES, error)
            self.assertIn(b"standard output", error)

    def test_a_full_disk(self):
        run = self.shell(">/dev/full", *self.many_answers(), expect=LOCAL_FILES)
        self.assertIn(b"standard output", run.stderr)
        self.shell(">/dev/full", *self.echo, expect=LOCAL_FILES)
        self.shell(">/dev/full", "--help", expect=LOCAL_FILES)
        self.shell(">/dev/full", *self.echo, "--format", "jsonl", expect=LOCAL_FILES)

    def test_a_closed_standard_output(self):
        run = self.shell(">&-", *self.many_answers(), expect=LOCAL_FILES)
        self.assertIn(b"standard output", run.stderr)
        self.shell(">&-", *self.echo, expect=LOCAL_FILES)

    def test_a_closed_standard_error_changes_nothing_else(self):
        self.shell("2>&-", *self.echo, "-D", expect=0)
        self.shell("2>&-", "--echo", servers.LOOPBACK, str(servers.free_port()), expect=4)
        self.shell("2>/dev/full", *self.echo, "-D", expect=0)
        self.shell("2>&- >&- <&-", *self.echo, "-D", expect=LOCAL_FILES)
        self.shell("2>&-", "--bogus", expect=2)

    def test_an_instance_is_sent_whole_with_all_streams_closed(self):
        self.storescp.clear()
        image = images.image("CT_small.dcm")
        arguments = ["--store", servers.LOOPBACK, str(self.storescp.port), str(image.path), "-D"]
        self.shell("2>&- >&- <&-", *arguments, expect=0)
        [received] = self.storescp.received()
        self.assertEqual(images.data_set_bytes(received), images.data_set_bytes(image.path))

    def test_a_log_that_cannot_be_written(self):
        run = self.shell("", *self.echo, "-V", "-L", "/dev/full", expect=LOCAL_FILES)
        self.assertIn(b"/dev/full", run.stderr)
        self.shell("", *self.echo, "-L", str(self.folder / "missing" / "log"), expect=LOCAL_FILES)

    def test_messages_go_to_the_log_and_results_do_not(self):
        log = self.folder / "log"
        run = self.shell("", *self.echo, "-V", "-L", str(log), expect=0)
        self.assertIn(b"answered in", run.stdout)
        self.assertEqual(run.stderr, b"")
        self.assertIn("A-ASSOCIATE-AC", log.read_text())
        self.assertNotIn("answered in", log.read_text())
