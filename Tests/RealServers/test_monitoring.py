"""What monitors are told: the line of a plugin, metrics in a file and on the standard output, checked with Prometheus' promtool."""

import json
import os
import re
import signal
import subprocess
import time

from harness import cases, images, practice, programs, servers
from harness.programs import dcmscu

LINE = re.compile(r"DICOM (OK|WARNING|CRITICAL|UNKNOWN) - [^|\n]+( \| (\S+=[0-9.]+(s|B)?;[^;]*;[^;]*;0; ?)+)?\n")


def samples(text):
    """The samples of metrics by their series."""
    found = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            series, value = line.rsplit(" ", 1)
            assert series not in found, line
            found[series] = float(value)
    return found


class Monitoring(cases.RealServerTest):
    @classmethod
    def setUpClass(cls):
        cls.orthanc = cls.serve_all(servers.Orthanc())
        cls.images = images.archive_images()[:5]
        dcmscu("--store", servers.LOOPBACK, cls.orthanc.port, *[image.path for image in cls.images], expect=0)

    def setUp(self):
        super().setUp()
        self.metrics = self.folder / "run.prom"

    def peer(self):
        return [servers.LOOPBACK, self.orthanc.port]

    def plugin(self, *arguments, state):
        run = dcmscu(*arguments, "--format", "nagios", expect=["OK", "WARNING", "CRITICAL", "UNKNOWN"].index(state))
        first = run.stdout.splitlines(keepends=True)[0]
        self.assertRegex(first, LINE)
        self.assertTrue(first.startswith(f"DICOM {state} - "), run)
        self.assertEqual(run.stderr, "", run)
        return run.stdout

    def promtool(self, text):
        """What promtool finds in metrics is nothing."""
        check = programs.run("promtool", "check", "metrics", stdin=text.encode(), expect=0)
        self.assertEqual(check.said, "")

    def test_a_plugin_s_line_has_the_state_of_each_operation(self):
        self.assertIn("C-ECHO answered", self.plugin("--echo", *self.peer(), state="OK"))
        everything = self.plugin("--find", *self.peer(), "--studyroot", "--image", "-k", "SOPInstanceUID", state="OK")
        self.assertRegex(everything, r"\| matches=5;;;0; time=")
        self.plugin("--find", *self.peer(), "--warn", "100:", state="WARNING")
        self.plugin("--find", *self.peer(), "--warn", "100:", "--crit", "50:", state="CRITICAL")
        self.plugin("--echo", *self.peer(), "--crit", "60", state="OK")
        self.plugin("--echo", *self.peer(), "--crit", "@0:60", state="CRITICAL")
        store = self.plugin("--store", *self.peer(), self.images[0].path, state="OK")
        self.assertIn("done=1;;;0;", store)
        get = self.plugin("--get", *self.peer(), "-k", f"StudyInstanceUID={self.images[0].study}",
                          "-o", self.folder / "out", state="OK")
        self.assertRegex(get, r" done=[1-9]")

    def test_what_is_wrong_with_the_peer_is_critical_and_what_is_wrong_here_is_unknown(self):
        closed = servers.free_port()
        said = self.plugin("--echo", servers.LOOPBACK, closed, state="CRITICAL")
        self.assertIn("refused", said)
        self.assertIn("\nhint: ", said)
        self.plugin("--get", servers.LOOPBACK, closed, "-k", "PatientID=1", "-o", self.folder, state="CRITICAL")
        self.plugin("--store", *self.peer(), self.folder / "nothing.dcm", state="UNKNOWN")
        self.plugin("--echo", state="UNKNOWN")
        self.plugin("--echo", *self.peer(), servers.LOOPBACK, closed, state="UNKNOWN")
        self.plugin("--find", *self.peer(), "-k", "NoSuchKey=1", state="UNKNOWN")

    def test_a_link_named_check_dicom_is_a_plugin(self):
        check = self.folder / "check_dicom"
        check.symlink_to(os.path.abspath(programs.dcmscu_path()))
        run = programs.run(check, "-H", servers.LOOPBACK, "-p", self.orthanc.port, "-w", "30", "-c", "60", "-t", "20", expect=0)
        self.assertRegex(run.stdout, LINE)
        self.assertIn("time=", run.stdout)
        self.assertIn(";30;60;0;", run.stdout)
        silent = self.serve(servers.StoreSCP("--sleep-during", "20"))
        run = programs.run(check, "find", "-H", servers.LOOPBACK, "-p", silent.port, "-t", "1", "-k", "PatientID=1")
        self.assertIn(run.code, (2,), run)
        run = programs.run(check, "-H", servers.LOOPBACK, "-w", "x", expect=3)
        self.assertTrue(run.stdout.startswith("DICOM UNKNOWN - "), run)
        run = programs.run(check, expect=3)
        self.assertTrue(run.stdout.startswith("DICOM UNKNOWN - no HOST given"), run)

    def test_metrics_of_a_run_are_what_was_done_and_pass_promtool(self):
        study = self.images[0].study
        line = ["--get", *self.peer(), "-k", f"StudyInstanceUID={study}", "-o", self.folder / "out",
                "--metrics", self.metrics, "--metrics-label", "job=night"]
        before = time.time()
        dcmscu(*line, expect=0)
        text = self.metrics.read_text()
        self.promtool(text)
        found = samples(text)
        labels = f'operation="get",peer="ANY-SCP@{servers.LOOPBACK}:{self.orthanc.port}",job="night"'
        self.assertEqual(found[f"dcmscu_run_exit_code{{{labels}}}"], 0)
        done = found[f'dcmscu_run_instances{{{labels},outcome="done"}}']
        files = list((self.folder / "out").rglob("*.dcm"))
        self.assertEqual(done, len(files))
        self.assertGreater(done, 0)
        self.assertGreater(found[f"dcmscu_run_bytes{{{labels}}}"], 0)
        success = found[f"dcmscu_run_last_success_timestamp_seconds{{{labels}}}"]
        self.assertGreaterEqual(success, int(before))
        # Another user's exporter reads the file.
        self.assertEqual(self.metrics.stat().st_mode & 0o777, 0o666 & ~self.umask())
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()), ["out", "run.prom"])
        run = dcmscu(*line, "--call", "ELSEWHERE", "--connect-timeout", "5", "--tls", "--tls-insecure")
        self.assertNotEqual(run.code, 0)
        again = samples(self.metrics.read_text())
        self.assertEqual(again[f"dcmscu_run_exit_code{{{labels}}}".replace("ANY-SCP", "ELSEWHERE")], run.code)

    def umask(self):
        mask = os.umask(0o022)
        os.umask(mask)
        return mask

    def test_a_run_that_fails_keeps_the_time_of_the_last_success(self):
        server = self.serve(servers.StoreSCP())
        line = ["--echo", servers.LOOPBACK, server.port, "--metrics", self.metrics]
        dcmscu(*line, expect=0)
        success = [line for line in self.metrics.read_text().splitlines() if "last_success" in line]
        server.stop()
        dcmscu(*line, expect=4)
        text = self.metrics.read_text()
        self.promtool(text)
        self.assertEqual([line for line in text.splitlines() if "last_success" in line], success)
        self.assertEqual([value for series, value in samples(text).items() if "exit_code" in series], [4])

    def test_a_query_that_cannot_begin_leaves_none_out_of_the_metrics(self):
        config = self.folder / "config.json"
        config.write_text(json.dumps({"nodes": {
            "good": {"host": servers.LOOPBACK, "port": self.orthanc.port},
            "bad": {"host": servers.LOOPBACK, "port": self.orthanc.port + 1, "tls": True, "tls-ca": str(self.folder / "none.pem")}}}))
        dcmscu("--find", "@good", "@bad", "@good", "--config", config, "--metrics", self.metrics, expect=2)
        found = [series for series in samples(self.metrics.read_text()) if series.startswith("dcmscu_run_exit_code")]
        for port in (self.orthanc.port, self.orthanc.port + 1):
            self.assertTrue(any(f":{port}" in series for series in found), found)
        self.promtool(self.metrics.read_text())

    def test_thresholds_are_of_the_matches_that_a_limit_leaves(self):
        limited = ["--sort", "StudyInstanceUID", "--limit", 1]
        self.plugin("--find", *self.peer(), "--warn", "2:", state="OK")
        line = self.plugin("--find", *self.peer(), *limited, "--warn", "2:", state="WARNING")
        self.assertIn("matches=1;", line)

    def test_a_signal_is_in_the_metrics(self):
        archive = self.serve(practice.PracticeArchive(options=["--inject", "delay=5"]))
        process = subprocess.Popen(
            [programs.dcmscu_path(), "--echo", servers.LOOPBACK, str(archive.port), "--metrics", self.metrics],
            stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        time.sleep(1)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(20), 143)
        self.assertEqual([value for series, value in samples(self.metrics.read_text()).items() if "exit_code" in series], [143])

    def test_several_peers_have_the_metrics_of_the_blackbox_exporter(self):
        closed = servers.free_port()
        run = dcmscu("--echo", f"{servers.LOOPBACK}:{self.orthanc.port}", f"{servers.LOOPBACK}:{closed}",
                     "--format", "prometheus", "--metrics-label", "site=north", expect=4)
        self.promtool(run.stdout)
        found = samples(run.stdout)
        target = f'target="ANY-SCP@{servers.LOOPBACK}:{{}}",site="north"'
        self.assertEqual(found[f"probe_success{{{target.format(self.orthanc.port)}}}"], 1)
        self.assertEqual(found[f"probe_success{{{target.format(closed)}}}"], 0)
        self.assertGreater(found[f'probe_dicom_duration_seconds{{{target.format(self.orthanc.port)},phase="echo"}}'], 0)
        # Why it failed is for a person.
        self.assertIn("refused", run.stderr)
