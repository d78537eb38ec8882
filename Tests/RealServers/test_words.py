"""What a person reads when something is not as expected: the true cause, once, and what helps; against real servers."""

import json
import subprocess
import time

from harness import cases, practice, programs, servers
from harness.programs import dcmscu
from harness.terminals import on_terminal

CT, EXPLICIT, JPEG_2000 = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.90"


def arguments(line):
    """The words of a line; a blank inside of a word is written as ~."""
    return [word.replace("~", " ") for word in line.split()]


class Words(cases.RealServerTest):
    """One archive of each kind, all with the made-up images, and one table of what is asked and said."""

    @classmethod
    def setUpClass(cls):
        cls.receiver = cls.serve_all(servers.StoreSCP())
        # Takes nothing that is compressed.
        cls.plain = cls.serve_all(servers.StoreSCP(profile=servers.association_profile({(CT, EXPLICIT)})))
        known = [("WS2", cls.receiver.port), ("PLAIN", cls.plain.port)]
        cls.servers = {
            "orthanc": cls.serve_all(servers.Orthanc()),
            "dcmqrscp": cls.serve_all(servers.DcmQRSCP(known)),
            "practice": cls.serve_all(practice.PracticeArchive(known)),
            "pynetdicom": cls.serve_all(servers.PynetdicomQRSCP(known)),
        }
        images = cls.servers["practice"].folder / "images"
        practice.made_up_images(images)
        for name in cls.servers:
            # dcmqrscp takes no compressed ones.
            dcmscu("--store", *cls.peer(name), images, expect=(0, 1))
        for title, port in known:
            cls.servers["orthanc"].register(title, port)

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
        # Names in other scripts are in another component group.
        ("orthanc", "find -k name=山田*", 0, ["after the first =", "'PatientName=*=山田*'"], []),
        # A script's variable that is empty: everything is counted, and said so.
        ("orthanc", "find --image -k study= --limit 9", 0, ["StudyInstanceUID", "has no value, and matches everything"], []),
        # What the series tell is nothing to warn of.
        ("dcmqrscp", "find -k modalities=MR --limit 9", 0, ["SELFTEST-2"], ["warning", "--series"]),
        ("orthanc", "find -k date=1950 --group-by ModalitiesInStudy", 0, ["no match"], ["warning"]),
        # A retrieval asks for each key at its own level.
        ("orthanc", "get --series -k id=SELFTEST-1 -k SeriesNumber=2 -o {folder}", 0, ["1 received"], ["warning", "relational"]),
        (
            "orthanc", "get --series -k id=SELFTEST-1 -k SeriesDescription=*2* -o {folder}", 0, ["nothing matches"],
            ["warning", "not a key of"],
        ),
        # One in the other byte order, which pynetdicom sends in a context of that syntax alone.
        ("pynetdicom", "get -k id=SELFTEST-2 -o {folder}/mr", 0, ["4 listed", "4 received"], ["failed"]),
        # Images in JPEG 2000 to a destination that takes none of them; one server says in what it holds them.
        ("practice", "move -k id=SELFTEST-1 --to PLAIN", 1, ["JPEG 2000", '"PLAIN" may not take that', "--get"], []),
        ("pynetdicom", "move -k id=SELFTEST-1 --to PLAIN", 1, ['does "PLAIN" take', "transfer syntax", "--get"], []),
        ("orthanc", "move -k id=SELFTEST-1 --to PLAIN", 7, ["does that one take the transfer syntax of what is sent"], []),
    ]

    def test_what_is_said(self):
        for server, line, code, says, says_not in self.ROWS:
            with self.subTest(server=server, line=line):
                line = line.replace("{folder}", str(self.folder))
                found, shown = on_terminal([*arguments(line), *self.peer(server)], width=400)
                self.assertEqual(found, code, shown)
                for words in says:
                    self.assertIn(words, shown)
                for words in says_not:
                    self.assertNotIn(words, shown)

    def test_studies_by_modality_at_servers_with_modalities_in_study_and_without(self):
        groups = {}
        for server in ("orthanc", "dcmqrscp"):
            run = dcmscu(
                "find", *self.peer(server), "-k", "date=2026", "--group-by", "ModalitiesInStudy", "--format", "csv", "-V", expect=0
            )
            groups[server] = run.stdout
            self.assertNotIn("warning", run.stderr)
            looked_up = "ModalitiesInStudy looked up at another level by 3 requests"
            self.assertEqual(looked_up in run.stderr, server == "dcmqrscp", run)
        self.assertEqual(groups["orthanc"], "ModalitiesInStudy,Count\nCT,1\nMR,1\nOT,1\n")
        self.assertEqual(groups["dcmqrscp"], groups["orthanc"])
        run = dcmscu(
            "find", *self.peer("dcmqrscp"), "-k", "ModalitiesInStudy=MR", "--group-by", "ModalitiesInStudy,PatientID", "--format",
            "csv", expect=0,
        )  # fmt: skip
        self.assertEqual(run.stdout, "ModalitiesInStudy,PatientID,Count\nMR,SELFTEST-2,1\n")
        # As it answers, without more requests.
        run = dcmscu(
            "find", *self.peer("dcmqrscp"), "-k", "date=2026", "--group-by", "ModalitiesInStudy", "--trust-server", "-V", expect=0
        )
        self.assertNotIn("looked up", run.stderr)
        self.assert_names(run, "no match has ModalitiesInStudy")

    def test_compressed_images_that_a_server_takes_and_does_not_propose(self):
        port = servers.free_port()
        model = "1.2.840.10008.5.1.4.1.2.2"
        profile = servers.association_profile({(CT, JPEG_2000), (CT, EXPLICIT)}, [f"{model}.1", f"{model}.2"])
        incoming, named, outgoing = profile.partition(f"[{servers.OUTGOING}]")
        profile = incoming + named + outgoing.replace(f"{CT}\\Syntax1", f"{CT}\\Little", 1)
        server = self.serve(servers.DcmQRSCP([("DCMSCU", port)], profile=profile))
        peer = ["--call", server.ae_title, "-H", servers.LOOPBACK, "-p", server.port]
        dcmscu("store", *peer, self.servers["practice"].folder / "images", expect=(0, 1))
        run = dcmscu("move", *peer, "-k", "id=SELFTEST-1", "--port-scp", port, "-o", self.folder / "out")
        self.assert_names(run, "do not propose the transfer syntaxes of compressed instances", "--get proposes each")

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
