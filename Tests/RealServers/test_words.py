"""What a person reads when something is not as expected: the true cause, once, and what helps; against real servers."""

import json
import subprocess
import time

from harness import cases, practice, programs, servers
from harness.programs import dcmscu
from harness.terminals import on_terminal


def arguments(line):
    """The words of a line; a blank inside of a word is written as ~."""
    return [word.replace("~", " ") for word in line.split()]


class Words(cases.RealServerTest):
    """One archive of each kind, all with the made-up images, and one table of what is asked and said."""

    @classmethod
    def setUpClass(cls):
        cls.receiver = cls.serve_all(servers.StoreSCP())
        known = [("WS2", cls.receiver.port)]
        cls.servers = {
            "orthanc": cls.serve_all(servers.Orthanc()),
            "dcmqrscp": cls.serve_all(servers.DcmQRSCP(known)),
            "practice": cls.serve_all(practice.PracticeArchive(known)),
        }
        images = cls.servers["practice"].folder / "images"
        practice.made_up_images(images)
        for name in cls.servers:
            # dcmqrscp takes no compressed ones.
            dcmscu("--store", *cls.peer(name), images, expect=(0, 1))
        cls.servers["orthanc"].register("WS2", cls.receiver.port)

    @classmethod
    def peer(cls, name):
        server = cls.servers[name]
        return ["--call", server.ae_title, "-H", servers.LOOPBACK, "-p", server.port]

    # Server, command, exit code, what is said, what is not said.
    ROWS = [
        # No match, at a terminal: the cause alone.
        ("orthanc", 'find -k accession="" --limit 9', 0, ["the server does not match empty values"], ["ABC*"]),
        ("orthanc", "find -k accession=A1 -k SeriesDescription=X", 0, [], ["must be the whole one"]),
        ("orthanc", "find --patient -k id=SELFTEST-1 -k StudyID=7", 0, [], ["must be the whole one"]),
        ("dcmqrscp", "find -k name=muster* --limit 9", 0, ["case counts in names, too (PatientName)"], ["except in names"]),
        ("dcmqrscp", "find -k id=SELFTEST-1,SELFTEST-2 --limit 9", 0, ["several values have a backslash"], []),
        # What the series tell is nothing to warn of.
        ("dcmqrscp", "find -k modalities=MR --limit 9", 0, ["SELFTEST-2"], ["warning", "--series"]),
    ]

    def test_what_is_said(self):
        for server, line, code, says, says_not in self.ROWS:
            with self.subTest(server=server, line=line):
                found, shown = on_terminal([*arguments(line), *self.peer(server)], width=400)
                self.assertEqual(found, code, shown)
                for words in says:
                    self.assertIn(words, shown)
                for words in says_not:
                    self.assertNotIn(words, shown)

    def test_what_goes_to_another_node_is_sent(self):
        study = dcmscu(
            "find", *self.peer("practice"), "-k", "id=SELFTEST-1", "--columns", "StudyInstanceUID", "--format", "csv", expect=0
        ).stdout.split()[1]
        rows = self.folder / "list.csv"
        rows.write_text(f"StudyInstanceUID\n{study}\n")
        for form in ("csv", "jsonl"):
            report = self.folder / f"report.{form}"
            run = dcmscu(
                "move", *self.peer("practice"), "--from-list", rows, "--to", "WS2", "--report", report, expect=0
            )
            self.assert_names(run, "line 2: complete", "8 of 8 sent to WS2")
            self.assertNotIn("received", run.stderr)
            if form == "csv":
                self.assertEqual(
                    report.read_text().splitlines(),
                    ["line,outcome,listed,sent,cause,destination,StudyInstanceUID", f"2,complete,8,8,,WS2,{study}"],
                )
            else:
                row = json.loads(report.read_text())
                self.assertEqual((row["sent"], row["destination"]), (8, "WS2"))
                self.assertNotIn("received", row)
        # Without a list there is no line.
        report = self.folder / "single.jsonl"
        dcmscu("get", *self.peer("practice"), "-k", "id=SELFTEST-1", "-o", self.folder / "out", "--report", report, expect=0)
        self.assertNotIn("line", json.loads(report.read_text()))

    def test_the_name_of_a_node_where_an_ae_title_is_wanted(self):
        configuration = self.folder / "config.json"
        configuration.write_text(json.dumps({"nodes": {"ws": {"host": "h", "called": "WS2"}}}))
        for server in ("orthanc", "practice"):
            run = dcmscu(
                "move", *self.peer(server), "-k", "id=SELFTEST-1", "--patient", "--patientroot", "--to", "ws", "--config",
                configuration,
            )  # fmt: skip
            self.assertNotEqual(run.code, 0)
            self.assert_names(run, "hint: the configuration has a node of this name: @ws")
        configuration.write_text('{"defaults": {"aet": "X"}}')
        run = dcmscu("echo", *self.peer("practice"), "--config", configuration, expect=2)
        self.assert_names(run, "did you mean aetitle?")

    def test_an_ae_title_that_may_not_query(self):
        server = self.serve(servers.Orthanc(DicomAlwaysAllowFind=False))
        run = dcmscu("find", servers.LOOPBACK, server.port, expect=5)
        self.assert_names(run, "an AE title may not be used for C-FIND")
        self.assertNotIn("key", run.stderr)

    def test_letters_that_a_server_drops(self):
        server = self.serve(servers.Orthanc(DefaultEncoding="Latin1"))
        dcmscu("store", servers.LOOPBACK, server.port, self.servers["practice"].folder / "images", expect=0)
        run = dcmscu("find", servers.LOOPBACK, server.port, "-k", "date=2026", expect=0)
        self.assert_names(run, "without any letter", "its administrator can change")

    def test_a_run_without_time_left(self):
        archive = self.serve(practice.PracticeArchive(options=["--inject", "delay=0.4"]))
        dcmscu("store", servers.LOOPBACK, archive.port, self.servers["practice"].folder / "images", expect=0)
        run = dcmscu(
            "get", "localhost", archive.port, "-k", "StudyDate=2026", "-o", self.folder / "out", "--total-timeout", 1.5, expect=8
        )
        self.assert_names(run, "--total-timeout")
        for words in ("firewall", "looking up", "--connect-timeout"):
            self.assertNotIn(words, run.stderr)
        self.assertEqual(run.stderr.count("hint: "), 1, run)

    def test_a_server_that_is_lost_while_a_journal_is_kept(self):
        archive = self.serve(practice.PracticeArchive(options=["--inject", "delay=0.2"]))
        command = [
            programs.dcmscu_path(), "store", servers.LOOPBACK, archive.port, self.servers["practice"].folder / "images",
            "--journal", self.folder / "journal",
        ]  # fmt: skip
        with subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE, text=True) as process:
            limit = time.monotonic() + programs.TIME_LIMIT
            while len(archive.stored()) < 3 and time.monotonic() < limit:
                time.sleep(0.02)
            archive.process.kill()
            said = process.communicate(timeout=programs.TIME_LIMIT)[1]
        self.assertNotEqual(process.returncode, 0, said)
        self.assertIn("with --resume continues where this run ended", said)

    def test_a_report_that_nobody_can_bring(self):
        archive = self.serve(practice.PracticeArchive(options=["--inject", "commit-report=never"]))
        run = dcmscu(
            "store", servers.LOOPBACK, archive.port, self.servers["practice"].folder / "images", "--verify", "commit",
            "--wait", 3,
        )  # fmt: skip
        self.assertNotEqual(run.code, 0)
        note = "without --port-scp a report can only come on the association of the request"
        self.assertIn(note, run.stderr)
        self.assertLess(run.stderr.index(note), run.stderr.index(" stored"), run)
        seconds = float(run.stderr.split(" s (")[0].split(" ")[-1])
        self.assertLess(seconds, 2, run)

    def test_names_that_hide_a_patient(self):
        for quiet in ([], ["-q"]):
            run = dcmscu(
                "get", *self.peer("practice"), "-k", "StudyDate=2026", "-o", self.folder / "out", "--name",
                "{PatientID}.dcm", *quiet, expect=0,
            )  # fmt: skip
        self.assertNotIn("SELFTEST", run.stderr)
