"""C-ECHO: whether the peer answers, how long each step takes, several peers, JSON lines."""

import json
import pathlib
import signal
import socket
import subprocess
import tempfile
import time

from harness import cases, programs, servers
from harness.programs import dcmscu

PARTS = ["lookupSeconds", "connectSeconds", "associationSeconds", "seconds", "releaseSeconds"]


class Echo(cases.RealServerTest):
    @classmethod
    def setUpClass(cls):
        cls.orthanc = cls.serve_all(servers.Orthanc())
        cls.storescp = cls.serve_all(servers.StoreSCP())
        cls.dcmqrscp = cls.serve_all(servers.DcmQRSCP())

    def test_every_server_answers_and_the_exit_code_is_0(self):
        for server in (self.orthanc, self.storescp, self.dcmqrscp):
            dcmscu("--echo", servers.LOOPBACK, server.port, "--call", server.ae_title, expect=0)

    def test_echo_is_what_happens_when_no_operation_is_named(self):
        dcmscu(servers.LOOPBACK, self.orthanc.port, expect=0)

    def test_host_and_port_may_be_options(self):
        dcmscu("--echo", "-H", servers.LOOPBACK, "-p", self.orthanc.port, expect=0)
        dcmscu("--echo", f"--hostname={servers.LOOPBACK}", f"--port={self.orthanc.port}", expect=0)

    def test_a_host_name_is_looked_up(self):
        dcmscu("--echo", "localhost", self.orthanc.port, expect=0)

    def test_verbose_echo_still_ends_in_0(self):
        dcmscu("--echo", "-V", servers.LOOPBACK, self.storescp.port, expect=0)
        dcmscu("--echo", "-D", servers.LOOPBACK, self.storescp.port, expect=0)

    def test_a_closed_port_is_exit_code_4_and_the_message_names_it(self):
        port = servers.free_port()
        run = dcmscu("--echo", servers.LOOPBACK, port, expect=4)
        self.assert_names(run, servers.LOOPBACK, port, "refused")

    def test_a_name_that_does_not_exist_is_exit_code_4(self):
        run = dcmscu("--echo", "no-such-host.invalid", 104, expect=4)
        self.assert_names(run, "no-such-host.invalid")

    def test_a_refused_association_is_exit_code_5(self):
        server = self.serve(servers.StoreSCP("--refuse"))
        dcmscu("--echo", servers.LOOPBACK, server.port, expect=5)

    def test_a_server_that_checks_its_title_rejects_another_title_in_words(self):
        server = self.serve(servers.Orthanc(DicomCheckCalledAet=True))
        dcmscu("--echo", servers.LOOPBACK, server.port, "--call", "ORTHANC", expect=0)
        run = dcmscu("--echo", servers.LOOPBACK, server.port, "--call", "SOMEBODYELSE", expect=5)
        self.assert_names(run, "called AE title")


class EchoTimes(cases.RealServerTest):
    @classmethod
    def setUpClass(cls):
        cls.storescp = cls.serve_all(servers.StoreSCP())

    @property
    def here(self):
        return f"{servers.LOOPBACK}:{self.storescp.port}"

    def test_one_echo_prints_one_line_with_its_times(self):
        run = dcmscu("--echo", f"ANY@{self.here}", expect=0)
        self.assertEqual(len(run.stdout.splitlines()), 1, run)
        for part in ("look-up", "connect", "association", "echo", "release", f"ANY@{self.here}"):
            self.assertIn(part, run.stdout)
        self.assertEqual(run.stderr, "")

    def test_a_count_ends_with_a_table(self):
        run = dcmscu("--echo", self.here, "-c", 5, "--interval", 0, expect=0)
        lines = run.stdout.splitlines()
        self.assertEqual(sum("answered in" in line for line in lines), 5, run)
        self.assertIn("5 sent, 5 answered", run.stdout)
        for word in ("min", "median", "p95", "max"):
            self.assertIn(word, run.stdout)

    def test_json_lines_hold_every_part_and_a_summary(self):
        run = dcmscu("--echo", self.here, "--count=3", "--interval=0", "--format", "jsonl", expect=0)
        objects = [json.loads(line) for line in run.stdout.splitlines()]
        self.assertEqual([o["event"] for o in objects], ["echo"] * 3 + ["summary"])
        for echo in objects[:3]:
            self.assertEqual(echo["outcome"], "done")
            for part in PARTS:
                self.assertGreaterEqual(echo[part], 0)
        summary = objects[3]
        self.assertEqual((summary["count"], summary["done"], summary["failures"]), (3, 3, 0))
        self.assertLessEqual(summary["minimumSeconds"], summary["medianSeconds"])
        self.assertLessEqual(summary["percentile95Seconds"], summary["maximumSeconds"])

    def test_several_peers_in_one_call_and_the_worst_one_decides(self):
        closed = servers.free_port()
        run = dcmscu("--echo", self.here, f"{servers.LOOPBACK}:{closed}", self.here, expect=4)
        self.assertEqual(run.stdout.count("answered in"), 2, run)
        self.assert_names(run, f"{servers.LOOPBACK}:{closed}")

    def test_nodes_of_the_configuration(self):
        configuration = self.folder / "config.json"
        configuration.write_text(json.dumps({
            "defaults": {"aetitle": "STATION"},
            "nodes": {"pacs1": {"host": servers.LOOPBACK, "port": self.storescp.port, "called": "ARCHIVE"}},
        }))  # fmt: skip
        for environment, options in (({"DCMSCU_CONFIG": configuration}, []), ({}, ["--config", configuration])):
            run = dcmscu("--echo", "@pacs1", "-V", *options, environment=environment, expect=0)
            self.assertIn(f"ARCHIVE@{self.here}: C-ECHO answered", run.stdout)
            self.assert_names(run, "STATION")
        home = self.folder / "home"
        (home / ".config" / "dcmscu").mkdir(parents=True)
        (home / ".config" / "dcmscu" / "config.json").write_text(configuration.read_text())
        dcmscu("--echo", "@pacs1", environment={"HOME": home, "XDG_CONFIG_HOME": "", "DCMSCU_CONFIG": ""}, expect=0)
        configuration.write_text('{\n "nodes": {\n  "pacs1": { "host": "h",\n   "prot": 104 }\n }\n}\n')
        run = dcmscu("--echo", "@pacs1", "--config", configuration, expect=2)
        self.assert_names(run, "line 4", "prot", "did you mean port?")

    def test_every_node_of_the_configuration_and_the_worst_one_decides(self):
        configuration = self.folder / "config.json"
        closed = servers.free_port()
        configuration.write_text(json.dumps({"nodes": {
            "here": {"host": servers.LOOPBACK, "port": self.storescp.port, "called": "HERE"},
            "gone": {"host": servers.LOOPBACK, "port": closed, "called": "GONE"},
            "there": {"host": servers.LOOPBACK, "port": self.storescp.port, "called": "THERE"},
        }}))  # fmt: skip
        run = dcmscu("--echo", "--nodes", "--config", configuration, expect=4)
        self.assertEqual(run.stdout.count("answered in"), 2, run)
        self.assert_names(run, f"{servers.LOOPBACK}:{closed}")
        shown = dcmscu("--show-config", "--config", configuration, expect=0).stdout
        self.assertIn(f"node: @gone (line 1)\n  hostname  {servers.LOOPBACK}\n  port      {closed}\n  call      GONE\n", shown)
        configuration.write_text("{}")
        self.assert_names(dcmscu("--echo", "--nodes", "--config", configuration, expect=2), "no nodes in")

    def test_the_first_word_is_the_operation(self):
        self.assertIn("answered in", dcmscu("echo", self.here, expect=0).stdout)
        self.assertIn("Usage: dcmscu --echo", dcmscu("echo", "--help", expect=0).stdout)
        self.assertEqual(dcmscu("version", expect=0).stdout, dcmscu("--version", expect=0).stdout)
        # A host of that name is reached by the option.
        run = dcmscu("-H", "echo.invalid", expect=(4, 8))
        self.assert_names(run, "echo.invalid")

    def test_quiet_says_only_what_went_wrong(self):
        run = dcmscu("-q", "echo", self.here, expect=0)
        self.assertEqual((run.stdout, run.stderr), ("", ""))
        run = dcmscu("--quiet", "--format", "jsonl", "echo", self.here, expect=0)
        self.assertEqual(len(run.stdout.splitlines()), 2, run)
        run = dcmscu("--quiet", "echo", servers.LOOPBACK, servers.free_port(), expect=4)
        self.assert_names(run, "refused")

    def test_an_interrupt_ends_with_the_summary_so_far(self):
        process = subprocess.Popen(
            [programs.dcmscu_path(), "--echo", self.here, "-c", "1000", "--interval", "60"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        first = process.stdout.readline()
        self.assertIn(b"answered in", first)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10)
        self.assertEqual(process.returncode, 130, err)
        self.assertIn(b"1 sent, 1 answered", out)

    def waiting(self, listener, *arguments):
        """An echo that waits for the answer of a server that is silent."""
        process = subprocess.Popen(
            [programs.dcmscu_path(), "--echo", servers.LOOPBACK, str(listener.getsockname()[1]), *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        self.addCleanup(process.kill)
        connection, _ = listener.accept()
        self.addCleanup(connection.close)
        self.assertTrue(connection.recv(1))
        programs.wait_until_heard(process.pid)
        return process

    def test_an_interrupt_of_a_wait_is_an_orderly_end(self):
        with socket.create_server((servers.LOOPBACK, 0)) as listener:
            for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
                process = self.waiting(listener)
                process.send_signal(number)
                _, err = process.communicate(timeout=10)
                self.assertEqual(process.returncode, code, err)
                self.assertIn(b"interrupted", err)

    def test_a_wait_can_be_asked_where_it_stands(self):
        with socket.create_server((servers.LOOPBACK, 0)) as listener:
            process = self.waiting(listener)
            process.send_signal(signal.SIGUSR1)
            self.assertIn(b"--echo", process.stderr.readline())
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=10)
            self.assertEqual(process.returncode, 130)

    def test_a_signal_that_comes_at_once_ends_it_in_one_way_or_the_other(self):
        """Before a wait lasts they do what they do by default; a request for where it stands never ends it."""
        for delay in (0, 0.002, 0.01, 0.03):
            with socket.create_server((servers.LOOPBACK, 0)) as listener:
                process = subprocess.Popen(
                    [programs.dcmscu_path(), "--echo", servers.LOOPBACK, str(listener.getsockname()[1])],
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                )  # fmt: skip
                self.addCleanup(process.kill)
                time.sleep(delay)
                process.send_signal(signal.SIGTERM)
                self.assertIn(process.wait(timeout=10), (-signal.SIGTERM, 143))

    def test_several_peers_end_in_order_however_short_their_waits_are(self):
        """No wait lasts, and there is something to lose: what was found out so far."""
        with tempfile.TemporaryDirectory() as folder:
            metrics = pathlib.Path(folder, "dcmscu.prom")
            process = subprocess.Popen(
                [programs.dcmscu_path(), "--echo", *[self.here] * 3000, "--format", "prometheus", "--metrics", metrics],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )  # fmt: skip
            self.addCleanup(process.kill)
            time.sleep(0.5)
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=10)
            self.assertEqual(process.returncode, 143, err)
            self.assertIn(b"probe_success", out)
            self.assertRegex(metrics.read_text(), r"dcmscu_run_exit_code\{.*\} 143")
