"""--doctor: real servers are described rightly, and each cause that can be provoked is named with its remedy."""

import json
import re
import socket
import subprocess
import time
import zlib

from harness import cases, certificates, images, programs, scripted, servers
from harness.practice import PracticeArchive
from harness.programs import dcmscu


def page(run):
    """The checks of a page by name: their mark and all that they say."""
    found, name = {}, None
    for line in run.stdout.splitlines():
        if line.startswith("  ") and not line.startswith("   "):
            mark, name, text = (line.split(maxsplit=2) + [""])[:3]
            found[name] = (mark, text)
        elif line.startswith("   ") and name:
            mark, text = found[name]
            found[name] = (mark, f"{text} {line.strip()}")
    return found


def checks(run):
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    return {line["check"]: line for line in lines if line["event"] == "check"}


class DoctorTest(cases.RealServerTest):
    def examine(self, *arguments, expect=0, **options):
        return dcmscu("--doctor", *arguments, expect=expect, timeout=60, **options)

    def assert_cause(self, check, cause, *remedy, arguments, expect):
        """One check fails by this cause, the page names it with the remedy, and what follows is not checked."""
        found = checks(self.examine(*arguments, "--format", "jsonl", expect=expect))
        self.assertEqual(found[check]["outcome"], "failed", found)
        self.assertEqual(found[check]["cause"], cause, found[check])
        for word in remedy:
            self.assertIn(word, found[check]["fix"], found[check])
        return found


class WellServers(DoctorTest):
    def examine(self, *arguments, expect=0):
        run = super().examine(*arguments, expect=expect)
        self.assertLess(run.seconds, 10, run)
        return run

    def test_orthanc_is_described_and_nothing_fails(self):
        server = self.serve(servers.Orthanc())
        run = self.examine(f"ORTHANC@{servers.LOOPBACK}:{server.port}")
        found = page(run)
        self.assertEqual([mark for mark, _ in found.values() if mark == "FAILED"], [], run)
        self.assertIn("127.0.0.1", found["name"][1])
        self.assertIn("our address towards it is 127.0.0.1", found["route"][1])
        self.assertIn("accepted by OFFIS_DCMTK", found["association"][1])
        self.assertIn("10 of 10 answered", found["echo"][1])
        for word in ("C-FIND (patient root, study root)", "C-MOVE", "storage commitment", "not accepted: worklist"):
            self.assertIn(word, found["services"][1])
        self.assertIn("25 of 25 storage SOP classes accepted", found["storage"][1])
        self.assertEqual(found["query"][0], "ok", run)
        self.assertEqual(found["receiver"][0], "-")
        self.assertIn("association", run.stdout.splitlines()[-1])
        self.assertEqual(run.stderr, "")

    def test_json_lines_hold_the_same(self):
        server = self.serve(servers.Orthanc())
        run = self.examine(servers.LOOPBACK, server.port, "--format", "jsonl")
        found = checks(run)
        self.assertEqual(found["services"]["data"]["worklist"], [])
        self.assertIn("1.2.840.10008.5.1.4.1.2.2.1", found["services"]["data"]["find"])
        self.assertIn("1.2.840.10008.1.2.1", found["storage"]["data"]["classes"]["1.2.840.10008.5.1.4.1.1.2"])
        self.assertEqual(found["tls"]["outcome"], "skipped")
        summary = json.loads(run.stdout.splitlines()[-1])
        self.assertEqual((summary["event"], summary["operation"], summary["exitCode"]), ("summary", "doctor", 0))

    def test_dcmqrscp_ignores_modalities_in_study_and_the_page_says_so(self):
        server = self.serve(servers.DcmQRSCP())
        dcmscu("--store", servers.LOOPBACK, server.port, "--call", server.ae_title, images.image("CT_small.dcm").path, expect=0)
        found = page(self.examine(f"{server.ae_title}@{servers.LOOPBACK}:{server.port}"))
        self.assertEqual(found["query"][0], "note", found)
        self.assertIn("ignores ModalitiesInStudy", found["query"][1])
        self.assertIn("C-GET", found["services"][1])

    def test_storescp_offers_storage_alone_and_one_association_at_a_time(self):
        server = self.serve(servers.StoreSCP())
        found = page(self.examine(servers.LOOPBACK, server.port))
        self.assertIn("C-ECHO; not accepted: C-FIND", found["services"][1])
        self.assertEqual(found["query"], ("-", "C-FIND is not accepted"))

    def test_pynetdicom_and_the_practice_archive_are_described(self):
        for server in (servers.PynetdicomQRSCP(), PracticeArchive()):
            with self.subTest(server=server.name):
                self.serve(server)
                found = page(self.examine(servers.LOOPBACK, server.port))
                self.assertEqual([name for name, (mark, _) in found.items() if mark == "FAILED"], [], found)
                self.assertIn("C-MOVE", found["services"][1])

    def test_no_patient_data_is_on_the_page(self):
        server = self.serve(servers.Orthanc())
        dcmscu("--store", servers.LOOPBACK, server.port, images.image("CT_small.dcm").path, expect=0)
        run = self.examine(servers.LOOPBACK, server.port)
        self.assertIn("1 match", run.stdout)
        for word in ("CompressedSamples", "1CT1", "1.3.6.1.4.1.5962.1.2.1"):
            self.assertNotIn(word, run.stdout)

    def test_checked_titles_are_told(self):
        server = self.serve(servers.Orthanc(DicomCheckCalledAet=True))
        found = page(self.examine(f"ORTHANC@{servers.LOOPBACK}:{server.port}", "--only", "titles"))
        self.assertIn("as the calling AE title a made-up one is accepted, as the called one it is rejected", found["titles"][1])
        self.assertNotIn("storage", found)

    def test_the_title_that_was_refused_is_found_out(self):
        allowed = {f"DicomAlwaysAllow{name}": False for name in ("Echo", "Store", "Find", "Get", "Move")}
        server = self.serve(servers.Orthanc(DicomCheckCalledAet=True, **allowed))
        server.register("KNOWN", servers.free_port())
        # It looks at the called title first.
        for ours, theirs, says, fix in (
            ("NOBODY", "ORTHANC", 'ours, "NOBODY", is wrong, and "ORTHANC", which we called, is right', "--aetitle"),
            ("NOBODY", "WRONG", '"WRONG", which we called, is wrong; whether ours, "NOBODY", is known', "--call"),
            ("KNOWN", "WRONG", '"WRONG", which we called, is wrong', "--call"),
        ):
            with self.subTest(ours=ours, theirs=theirs):
                address = f"{theirs}@{servers.LOOPBACK}:{server.port}"
                found = checks(self.examine(address, "--aetitle", ours, "--format", "jsonl", expect=5))
                self.assertEqual(found["association"]["outcome"], "failed")
                self.assertIn(says, found["titles"]["found"])
                self.assertIn(fix, found["titles"]["fix"])
                self.assertEqual(found["echo"]["outcome"], "skipped")


class Causes(DoctorTest):
    def peer(self, act):
        peer = scripted.Peer(act)
        self.addCleanup(peer.stop)
        return [servers.LOOPBACK, peer.port]

    def test_an_unknown_name(self):
        found = self.assert_cause(
            "name", "name-not-found", "spelled", arguments=["no-such-host.invalid", 104], expect=4)
        self.assertEqual({check["outcome"] for name, check in found.items() if name != "name"}, {"skipped"})

    def test_a_closed_port(self):
        self.assert_cause(
            "port", "connection-refused", "nothing listens", arguments=[servers.LOOPBACK, servers.free_port()], expect=4)

    def test_a_full_backlog_is_a_time_limit(self):
        with socket.socket() as listener:
            listener.bind((servers.LOOPBACK, 0))
            listener.listen(0)
            port = listener.getsockname()[1]
            waiting = [socket.socket() for _ in range(4)]
            for connection in waiting:
                connection.setblocking(False)
                connection.connect_ex((servers.LOOPBACK, port))
            self.assert_cause(
                "port", "connect-time-limit", "firewall",
                arguments=[servers.LOOPBACK, port, "--connect-timeout", 1], expect=8)
            for connection in waiting:
                connection.close()

    def test_other_protocols(self):
        for name, said in (("HTTP", b"HTTP/1.1 400 Bad Request\r\n\r\n"), ("SSH", b"SSH-2.0-OpenSSH_9.2\r\n")):
            with self.subTest(name):
                found = self.assert_cause(
                    "association", "foreign-protocol", arguments=self.peer(scripted.says(said)), expect=5)
                self.assertIn(name, found["association"]["found"] + found["association"]["fix"])

    def test_silence_after_the_connection(self):
        self.assert_cause(
            "association", "no-response", arguments=[*self.peer(scripted.says_nothing), "--timeout", 1], expect=8)

    def test_a_connection_that_is_closed_or_reset_at_once(self):
        for act in (scripted.closes, scripted.resets):
            with self.subTest(act.__name__):
                self.assert_cause("association", "closed-at-once", arguments=self.peer(act), expect=4)

    def test_rejections(self):
        for numbers, cause, expect, word in (
            ((1, 1, 7), "called-ae-title", 5, "--call"), ((1, 1, 3), "calling-ae-title", 5, "--aetitle"),
            ((2, 3, 2), "association-limit", 5, ""), ((2, 3, 1), "association-limit", 5, ""),
            ((1, 1, 1), "rejected", 5, ""), ((1, 1, 2), "rejected", 5, None),
        ):  # fmt: skip
            with self.subTest(cause=cause, numbers=numbers):
                words = [word] if word else []
                found = checks(
                    self.examine(*self.peer(scripted.rejects(*numbers)), "--format", "jsonl", expect=expect))
                self.assertEqual(found["association"]["cause"], cause, found["association"])
                for word in words:
                    self.assertIn(word, found["association"]["fix"])

    def test_an_abort_of_the_request(self):
        self.assert_cause(
            "association", "aborted", arguments=self.peer(scripted.aborts(0, 0)), expect=5)

    def test_an_echo_that_is_refused(self):
        found = self.assert_cause(
            "echo", "failure-status", arguments=[*self.peer(scripted.answers(0x0122)), "--only", "echo"], expect=7)
        self.assertIn("0122H", found["echo"]["found"])

    def test_a_service_that_must_be_there_and_is_not(self):
        server = self.serve(servers.StoreSCP())
        self.assert_cause(
            "services", "not-offered", arguments=[servers.LOOPBACK, server.port, "--only", "move"], expect=6)


    def test_a_query_that_is_not_allowed_names_the_query(self):
        server = self.serve(servers.Orthanc(DicomAlwaysAllowFind=False))
        found = self.assert_cause(
            "query", "aborted", "NOBODY", "C-FIND", arguments=[
                f"ORTHANC@{servers.LOOPBACK}:{server.port}", "--aetitle", "NOBODY", "--only", "query"], expect=5)  # fmt: skip
        self.assertNotIn("C-ECHO", found["query"]["fix"])

    def test_a_worklist_server_that_rejects_storage_is_well(self):
        server = self.serve(servers.WlmSCPFS([]))
        found = page(self.examine(f"{server.ae_title}@{servers.LOOPBACK}:{server.port}", expect=0))
        self.assertEqual(found["storage"][0], "-", found)
        self.assertIn("not offered", found["storage"][1])
        run = dcmscu("--find", f"{server.ae_title}@{servers.LOOPBACK}:{server.port}", expect=5)
        self.assert_names(run, "does the server offer C-FIND", "--doctor")


class CallBacks(DoctorTest):
    def test_an_ae_title_that_orthanc_does_not_know_is_told_without_a_wait(self):
        server = self.serve(servers.Orthanc())
        port = servers.free_port()
        # The check of the call-back alone listens for it.
        arguments = [f"ORTHANC@{servers.LOOPBACK}:{server.port}", "--port-scp", port, "--only", "call-back"]
        mark, text = page(self.examine(*arguments, "--aetitle", "NOBODY"))["call-back"]
        self.assertEqual(mark, "note")
        self.assertIn("aborted our request to call back", text)
        self.assertIn(str(port), text)
        self.assertNotIn("0 s", text)
        server.register("STATION", port)
        run = self.examine(*arguments, "--aetitle", "STATION")
        self.assertEqual(page(run)["call-back"][0], "ok", run)
        self.assertEqual(run.stderr, "")

    def test_the_practice_archive_calls_back(self):
        port = servers.free_port()
        server = self.serve(PracticeArchive(options=["--destination", f"STATION=127.0.0.1:{port}"]))
        found = page(self.examine(servers.LOOPBACK, server.port, "--aetitle", "STATION", "--port-scp", port))
        self.assertEqual(found["receiver"][0], "ok", found)
        self.assertEqual(found["call-back"][0], "ok", found)
        self.assertIn("called STATION from 127.0.0.1", found["call-back"][1])

    def test_orthanc_that_knows_us_calls_back(self):
        port = servers.free_port()
        server = self.serve(servers.Orthanc(DicomModalities={"us": ["OTHER", servers.LOOPBACK, port]}))
        found = checks(
            self.examine(
                f"ORTHANC@{servers.LOOPBACK}:{server.port}", "--aetitle", "OTHER", "--port-scp", port, "--only", "receiver,call-back",
                "--format", "jsonl"))
        self.assertEqual(found["call-back"]["outcome"], "done", found["call-back"])
        self.assertEqual(found["call-back"]["data"]["callingAETitle"], "ORTHANC")

    def test_a_destination_that_is_not_known_names_what_to_register(self):
        server = self.serve(servers.DcmQRSCP())
        dcmscu("--store", servers.LOOPBACK, server.port, "--call", server.ae_title, images.image("CT_small.dcm").path, expect=0)
        port = servers.free_port()
        found = self.assert_cause(
            "call-back", "destination-unknown", "NOBODY", "127.0.0.1", str(port),
            arguments=[
                f"{server.ae_title}@{servers.LOOPBACK}:{server.port}", "--aetitle", "NOBODY", "--port-scp", port,
                "--only", "call-back,receiver",
            ],
            expect=7)  # fmt: skip
        self.assertIn("A801H", found["call-back"]["found"])

    def test_a_server_that_calls_another_port_is_a_note_with_what_to_register(self):
        server = self.serve(PracticeArchive(options=["--destination", f"STATION=127.0.0.1:{servers.free_port()}"]))
        port = servers.free_port()
        found = checks(
            self.examine(
                servers.LOOPBACK, server.port, "--aetitle", "STATION", "--port-scp", port, "--wait", 1, "--format", "jsonl"))
        self.assertEqual(found["call-back"]["outcome"], "warning", found["call-back"])
        self.assertEqual(found["call-back"]["cause"], "no-call-back")
        self.assertIn(str(port), found["call-back"]["fix"])

    def test_our_port_is_taken(self):
        server = self.serve(servers.StoreSCP())
        self.assert_cause(
            "receiver", "cannot-listen", str(server.port),
            arguments=[servers.LOOPBACK, server.port, "--port-scp", server.port], expect=3)  # fmt: skip


class Probe(DoctorTest):
    """--probe: the table of the doctor alone, for scripts."""

    CT, IMPLICIT, EXPLICIT = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"

    def probe(self, *arguments, expect=0):
        run = dcmscu("--probe", *arguments, "--format", "json", expect=expect)
        self.assertEqual(run.stderr, "")
        return json.loads(run.stdout)

    def test_real_servers_are_described_in_one_document(self):
        orthanc, qrscp, archive = (
            self.serve(server) for server in (servers.Orthanc(), servers.DcmQRSCP(), PracticeArchive()))
        peers = [f"{server.ae_title}@{servers.LOOPBACK}:{server.port}" for server in (orthanc, qrscp, archive)]
        began = time.monotonic()
        found = self.probe(*peers)
        self.assertLess(time.monotonic() - began, 3)
        self.assertEqual([peer["peer"] for peer in found], peers)
        for peer in found:
            self.assertEqual(peer["exitCode"], 0)
            self.assertIn(self.IMPLICIT, peer["classes"][self.CT])
            self.assertEqual(len(peer["classes"]), 25)
            self.assertTrue(peer["services"]["find"] and peer["services"]["move"])
            self.assertEqual(peer["services"]["worklist"], [])
        self.assertTrue(found[0]["implementationVersionName"].startswith("OFFIS_DCMTK"))
        self.assertIn("1.2.840.10008.1.20.1", found[0]["services"]["commitment"])
        self.assertEqual(found[1]["services"]["commitment"], [])

    def test_words_limit_the_classes_and_a_node_is_a_peer(self):
        server = self.serve(servers.StoreSCP())
        config = self.folder / "config.json"
        config.write_text(json.dumps({"nodes": {"store": {"host": servers.LOOPBACK, "port": server.port}}}))
        found = self.probe("CT", "MR", "@store", "1.2.840.10008.5.1.4.1.1.9", "--config", config)
        self.assertEqual(
            list(found[0]["classes"]), [self.CT, "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.9"])
        self.assertEqual(found[0]["services"]["find"], [])
        self.assertEqual(found, self.probe("--nodes", "--config", config, "--classes", "CT,MR,1.2.840.10008.5.1.4.1.1.9"))

    def test_text_is_that_of_the_doctor_and_what_is_demanded_decides(self):
        server = self.serve(servers.StoreSCP())
        run = dcmscu("probe", servers.LOOPBACK, server.port, expect=0)
        found = page(run)
        self.assertEqual(list(found)[:3], ["association", "services", "storage"])
        self.assertIn("25 of 25 storage SOP classes accepted", found["storage"][1])
        found = self.probe(servers.LOOPBACK, server.port, "--only", "move", expect=6)
        self.assertEqual((found[0]["cause"], found[0]["exitCode"]), ("not-offered", 6))
        self.assertIn("C-MOVE is not accepted", found[0]["error"])
        run = dcmscu("--probe", servers.LOOPBACK, server.port, "--only", "CT,verification", expect=0)
        self.assertEqual(run.stderr, "")
        run = dcmscu("--probe", servers.LOOPBACK, server.port, "--only", "echo", expect=2)
        self.assert_names(run, "echo is no service", "verification")

    def test_a_peer_that_does_not_answer_is_in_the_document(self):
        server = self.serve(servers.StoreSCP())
        found = self.probe(f"{servers.LOOPBACK}:{servers.free_port()}", f"{servers.LOOPBACK}:{server.port}", "CT", expect=4)
        self.assertEqual((found[0]["cause"], found[0]["exitCode"]), ("connection-refused", 4))
        self.assertNotIn("classes", found[0])
        self.assertIn(self.EXPLICIT, found[1]["classes"][self.CT])

    def test_a_monitor_reads_it(self):
        server = self.serve(servers.StoreSCP())
        run = dcmscu("--probe", servers.LOOPBACK, server.port, "--format", "nagios", expect=0)
        self.assertRegex(run.stdout, r"^DICOM OK - .*: 25 storage SOP classes accepted in .*classes=25;;;0;\n$")
        run = dcmscu("--probe", servers.LOOPBACK, server.port, "--only", "find", "--format", "nagios", expect=2)
        self.assertRegex(run.stdout, r"^DICOM CRITICAL - C-FIND is not accepted")
        self.assertIn("\nhint: ", run.stdout)


class DoctorOptions(DoctorTest):
    def test_the_list_of_checks_needs_no_peer(self):
        run = dcmscu("--doctor", "--list-checks", expect=0)
        for word in ("call-back", "commitment", "called-ae-title"):
            self.assertIn(word, run.stdout)

    def test_the_help_has_the_defaults_of_the_doctor(self):
        run = dcmscu("--help", "doctor", expect=0)
        self.assertIn("[5]", run.stdout)
        self.assertNotIn("[60]", run.stdout)
        self.assertNotIn("table on a terminal", run.stdout)
        self.assertIn("CT-enhanced (Enhanced CT Image Storage)", " ".join(dcmscu("--help", "all", expect=0).stdout.split()))

    def test_what_is_no_check_or_class_is_a_usage_error_that_names_it(self):
        for arguments in (["--only", "nome"], ["--classes", "QQ"]):
            run = dcmscu("--doctor", "h", 104, *arguments, expect=2)
            self.assertIn(arguments[1], run.stderr)

    def test_several_peers_have_a_page_each_and_the_worst_decides(self):
        server = self.serve(servers.StoreSCP())
        run = dcmscu(
            "doctor", f"{servers.LOOPBACK}:{server.port}", f"{servers.LOOPBACK}:{servers.free_port()}", expect=4)
        self.assertEqual(sum("as DCMSCU" in line for line in run.stdout.splitlines()), 2, run)

    def test_an_interrupt_ends_it(self):
        peer = scripted.Peer(scripted.says_nothing)
        self.addCleanup(peer.stop)
        process = subprocess.Popen(
            [programs.dcmscu_path(), "--doctor", servers.LOOPBACK, str(peer.port), "--timeout", "60"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip
        time.sleep(0.5)
        process.terminate()
        process.communicate(timeout=10)
        self.assertEqual(process.returncode, 143)


class Report(DoctorTest):
    """The page as HTML, as a browser shows it."""

    @classmethod
    def setUpClass(cls):
        cls.orthanc = cls.serve_all(servers.Orthanc())

    def report(self):
        path = self.folder / "page.html"
        self.examine(f"ORTHANC@{servers.LOOPBACK}:{self.orthanc.port}", f"{servers.LOOPBACK}:{servers.free_port()}",
                     "--report", path, expect=4)
        return path

    def browser(self, page, *arguments):
        return programs.run(
            "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
            f"--user-data-dir={self.folder / 'browser'}", *arguments, f"file://{page}", expect=0)  # fmt: skip

    def background(self, page, scheme):
        """The first pixel of a screenshot: its three bytes."""
        picture = self.folder / f"{scheme}.png"
        self.browser(page, f"--blink-settings=preferredColorScheme={scheme}", "--window-size=900,600", f"--screenshot={picture}")
        chunks = picture.read_bytes()[8:]
        pixels = b""
        while chunks:
            length, kind = int.from_bytes(chunks[:4]), chunks[4:8]
            if kind == b"IDAT":
                pixels += chunks[8 : 8 + length]
            chunks = chunks[12 + length :]
        return zlib.decompress(pixels)[1:4]

    def test_the_page_holds_all_peers_and_loads_nothing(self):
        path = self.report()
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        text = path.read_text()
        for foreign in ("<script", "http:", "https:", "src=", "href=", "url(", "@import"):
            self.assertNotIn(foreign, text)
        shown = self.browser(path, "--dump-dom").stdout
        rows = re.findall(r'<tr class="(\w+)"><td class="mark">[^<]*</td><th scope="row">([\w-]+)</th>', shown)
        self.assertEqual(len(rows), 24)
        self.assertIn(("passed", "echo"), rows)
        self.assertIn(("failed", "port"), rows)
        self.assertEqual(shown.count("<rect "), 10)
        self.assertIn("1 check failed: port", shown)
        self.assertIn('<th scope="row">CT Image Storage</th>', shown)
        self.assertIn('<p class="remedy">nothing listens at', shown)

    def test_it_is_light_or_dark_as_the_reader_has_it_and_prints(self):
        path = self.report()
        self.assertEqual(self.background(path, 1), b"\xff\xff\xff")
        self.assertLess(max(self.background(path, 0)), 0x40)
        printed = self.folder / "page.pdf"
        self.browser(path, "--no-pdf-header-footer", f"--print-to-pdf={printed}")
        pages = len(re.findall(rb"/Type\s*/Page\b", printed.read_bytes()))
        # A peer begins on a sheet of its own.
        self.assertIn(pages, (2, 3, 4))

    def test_a_file_of_another_kind_is_left_alone_and_the_name_is_checked(self):
        mine = self.folder / "mine.html"
        mine.write_text("<!DOCTYPE html>\n<p>mine")
        run = dcmscu("--doctor", servers.LOOPBACK, self.orthanc.port, "--report", mine, expect=3)
        self.assert_names(run, "mine.html", "it exists")
        self.assertEqual(mine.read_text(), "<!DOCTYPE html>\n<p>mine")
        run = dcmscu("--doctor", servers.LOOPBACK, self.orthanc.port, "--report", "page.csv", expect=2)
        self.assert_names(run, "--report", ".html")


class ThisMachine(DoctorTest):
    def test_without_a_peer_the_machine_is_examined(self):
        found = page(self.examine())
        self.assertEqual(list(found), ["config", "certificates", "clock", "locale", "limits", "receiver"])
        self.assertEqual({mark for mark, _ in found.values()}, {"ok", "-"}, found)

    def test_the_configuration_its_certificates_and_our_port_are_told(self):
        made = self.folder / "made"
        made.mkdir()
        for name, days in (("good", 400), ("soon", 3)):
            programs.run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", made / f"{name}.key",
                         "-out", made / f"{name}.pem", "-days", days, "-subj", f"/CN={name}", expect=0)  # fmt: skip
        config = self.folder / "config.json"
        config.write_text(json.dumps({"nodes": {
            "pacs": {"host": "pacs.example", "port": 104, "tls": True, "tls-ca": str(made / "good.pem")}}}))
        found = page(self.examine("--config", config))
        self.assertIn("1 node: @pacs", found["config"][1])
        self.assertEqual(found["certificates"][0], "ok")
        self.assertIn("CN=good, until 20", found["certificates"][1])
        port = servers.free_port()
        run = self.examine("--config", config, "--tls", "--tls-cert", made / "soon.pem", "--tls-key", made / "soon.key",
                           "--port-scp", port)
        found = page(run)
        self.assertEqual(found["certificates"][0], "note")
        self.assertRegex(found["certificates"][1], "it ends in [23] days")
        self.assertIn(f"port {port} of this machine is listened at", found["receiver"][1])
        ended = programs.run("faketime", "+500 days", programs.dcmscu_path(), "--doctor", "--config", config, expect=2)
        self.assertEqual(page(ended)["certificates"][0], "FAILED")
        self.assertIn("have a new certificate made for CN=good", ended.stdout)

    def test_few_descriptors_and_a_clock_that_is_wrong_are_told(self):
        few = programs.run("bash", "-c", 'ulimit -n 100; "$0" --doctor', programs.dcmscu_path(), expect=0)
        self.assertEqual(page(few)["limits"][0], "note")
        self.assertIn("ulimit -n 1024", few.stdout)
        early = programs.run("faketime", "2001-01-01", programs.dcmscu_path(), "--doctor", "--only", "clock", expect=3)
        self.assertEqual(page(early)["clock"][0], "FAILED")

    def test_checks_of_a_peer_need_one_and_those_of_the_machine_none(self):
        self.assert_names(dcmscu("--doctor", "--only", "echo", expect=2), "no HOST given")
        self.assert_names(dcmscu("--doctor", "h", "--only", "clock", expect=2), "clock is about this machine")
