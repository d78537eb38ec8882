"""--doctor and --probe over HTTP: real servers and scripted peers are described, and what is spoken at a port is told apart."""

import json
import re
import socketserver
import threading

from harness import cases, certificates, images, servers
from harness.programs import dcmscu
from harness.webpeer import WebPeer, answer, multipart, study
from test_doctor import DoctorTest, checks, page

USAGE, UNREACHABLE, ASSOCIATION, NOT_OFFERED, FAILURE, TIME_LIMIT = 2, 4, 5, 6, 7, 8
SECRET = {"WEB_SECRET": "s3cret"}
ALL = [
    "name", "route", "port", "tls", "http", "credentials", "base-url", "echo", "query", "parameters", "retrieve",
    "services",
]  # fmt: skip
CT = images.image("CT_small.dcm").path


class Archive:
    """Plays an archive of DICOMweb with these studies; what `act` returns for a request comes first."""

    def __init__(self, uids=("1.2", "1.3"), act=lambda request: None):
        self.uids, self.act = list(uids), act

    def __call__(self, request):
        said = self.act(request)
        if said is not None:
            return said
        path = request.path.removeprefix("/dicom-web")
        if request.method == "POST":
            return answer(400 if path == "/studies" else 404)
        if path == "/studies":
            return answer(body=self.studies(request))
        if re.fullmatch(r"/studies/[\d.]+/series", path):
            return answer(body=[{**study(path.split("/")[2]), "0020000E": {"vr": "UI", "Value": ["1.2.9"]}}])
        if path in ("/series", "/instances"):
            return answer(body=[])
        if path.endswith("/instances"):
            return answer(body=[{**study(path.split("/")[2]), "00080018": {"vr": "UI", "Value": ["1.2.9.9"]}}])
        if path.endswith("/instances/1.2.9.9"):
            kind, body = multipart([CT.read_bytes()])
            return answer(body=body, kind=kind)
        return answer(404)

    def studies(self, request):
        if any(request.value(key) for key in ("PatientID", "PatientName", "StudyDate", "AccessionNumber", "ModalitiesInStudy")):
            return []
        start = int(request.value("offset") or 0)
        limit = request.value("limit")
        count = int(limit.replace("%31", "1")) if limit else len(self.uids)
        return [study(uid) for uid in self.uids[start : start + count]]


class OrthancOverHTTP(DoctorTest):
    @classmethod
    def setUpClass(cls):
        cls.orthanc = cls.serve_all(servers.orthanc_with_web())
        cls.images = images.archive_images()
        dcmscu("--store", servers.LOOPBACK, cls.orthanc.port, *[image.path for image in cls.images], expect=0)

    def test_the_page_has_each_check_and_nothing_fails_or_is_stored(self):
        before = dcmscu("--find", self.orthanc.web_url, "--format", "count", expect=0).stdout
        run = self.examine(self.orthanc.web_url)
        self.assertLess(run.seconds, 10, run)
        found = page(run)
        self.assertEqual(list(found), ALL, run)
        self.assertNotIn("FAILED", [mark for mark, _ in found.values()])
        for name, words in {
            "name": "127.0.0.1", "http": "HTTP/1.1", "credentials": "none are asked for", "base-url": "application/dicom+json",
            "echo": "10 of 10 answered", "parameters": "values are not decoded", "retrieve": "as it is stored",
        }.items():  # fmt: skip
            self.assertIn(words, found[name][1])
        self.assertIn("limit and offset are taken", found["parameters"][1])
        for word in ("QIDO-RS (studies", "WADO-RS", "STOW-RS", "not offered: worklist, storage commitment"):
            self.assertIn(word, found["services"][1])
        self.assertRegex(run.stdout.splitlines()[-1], r"the server's log has \d+ requests of this run")
        self.assertNotIn("DCMSCU", run.stdout)
        self.assertEqual(run.stderr, "")
        self.assertEqual(dcmscu("--find", self.orthanc.web_url, "--format", "count", expect=0).stdout, before)

    def test_no_patient_data_is_on_the_page(self):
        run = self.examine(self.orthanc.web_url, "--report", self.folder / "page.html")
        text = run.stdout + (self.folder / "page.html").read_text()
        for image in self.images:
            self.assertNotIn(image.sop_instance, text)
        self.assertNotIn("CompressedSamples", text)
        self.assertIn("base-url", text)
        self.assertIn(self.orthanc.web_url, text)

    def test_json_lines_hold_the_same(self):
        found = checks(self.examine(self.orthanc.web_url, "--format", "jsonl"))
        self.assertEqual(list(found), ALL)
        self.assertEqual(found["parameters"]["data"]["percentDecoding"], False)
        self.assertEqual(found["services"]["data"]["store"], True)
        self.assertEqual(found["services"]["data"]["worklist"], False)

    def test_a_wrong_path_is_told_with_the_right_one(self):
        url = f"http://{servers.LOOPBACK}:{self.orthanc.http_port}"
        found = self.assert_cause(
            "base-url", "failure-status", f"there is DICOMweb at {self.orthanc.web_url}", arguments=[url + "/wrong"], expect=FAILURE
        )
        self.assertEqual(found["base-url"]["data"]["found"], self.orthanc.web_url)
        self.assertEqual(found["echo"]["outcome"], "skipped")

    def test_credentials_are_wanted_taken_and_needed(self):
        server = self.serve(servers.orthanc_with_web(AuthenticationEnabled=True, RegisteredUsers={"alice": "s3cret"}))
        found = self.assert_cause("credentials", "not-authorized", "--user", arguments=[server.web_url], expect=ASSOCIATION)
        self.assertIn("Basic realm", found["credentials"]["found"])
        run = self.examine(server.web_url, "--user", "alice", "--passcode", "env:WEB_SECRET", environment=SECRET)
        self.assertIn("without them the status is 401", page(run)["credentials"][1])

    def test_the_probe_has_the_same_in_one_document_with_a_peer_of_dicom(self):
        run = dcmscu(
            "--probe", self.orthanc.web_url, f"{servers.LOOPBACK}:{self.orthanc.port}", "--format", "json", expect=0, timeout=60
        )
        web, associated = json.loads(run.stdout)
        self.assertEqual(web["peer"], self.orthanc.web_url)
        self.assertNotIn("callingAETitle", web)
        self.assertIn("callingAETitle", associated)
        self.assertEqual([web["exitCode"], web["limit"], web["offset"], web["percentDecoding"]], [0, True, True, False])
        self.assertIn("fuzzyMatching", web)
        self.assertIn("includeFieldAll", web)
        self.assertEqual(web["forms"]["metadata in JSON"], True)
        self.assertEqual(web["forms"]["as a single part"], False)
        self.assertTrue(web["transferSyntaxes"])
        self.assertEqual(web["services"]["find"], True)

    def test_a_demanded_service_that_is_missing_is_exit_code_6(self):
        for operation in ("--doctor", "--probe"):
            run = dcmscu(operation, self.orthanc.web_url, "--only", "worklist", expect=NOT_OFFERED, timeout=60)
            self.assertIn("worklist is not offered", run.stdout)
            dcmscu(operation, self.orthanc.web_url, "--only", "find,get,store", expect=0, timeout=60)
            run = dcmscu(operation, self.orthanc.web_url, "--only", "move", expect=NOT_OFFERED, timeout=60)

    def test_a_monitor_reads_the_probe(self):
        run = dcmscu("--probe", self.orthanc.web_url, "--format", "nagios", expect=0, timeout=60)
        self.assertTrue(run.stdout.startswith("DICOM OK"), run)
        self.assertIn("3 services offered", run.stdout)


class Scripted(DoctorTest):
    def page_of(self, act, *arguments, expect=0):
        with WebPeer(act) as peer:
            return page(self.examine(peer.url, *arguments, expect=expect)), peer

    def test_an_archive_without_oddities_has_no_notes(self):
        found, _ = self.page_of(Archive())
        self.assertEqual([mark for mark, _ in found.values()], ["ok", "ok", "ok", "-"] + ["ok"] * 8, found)
        self.assertIn("values are decoded", found["parameters"][1])
        self.assertIn("limit and offset are taken", found["parameters"][1])

    def test_ignored_keys_and_offsets_are_noted(self):
        class Ignoring(Archive):
            def studies(self, request):
                limit = request.value("limit")
                return [study(uid) for uid in self.uids[: 1 if limit else 2]]

        found, _ = self.page_of(Ignoring(["1.2", "1.3"]))
        self.assertEqual(found["parameters"][0], "note")
        self.assertIn("does not go on at an offset", found["parameters"][1])

        def key_ignored(request):
            return answer(body=[study("1.2")]) if request.value("StudyDate") and not request.value("offset") else None

        found, _ = self.page_of(Archive(act=key_ignored))
        self.assertEqual(found["query"][0], "note")
        self.assertIn("ignores StudyDate", found["query"][1])

    def test_a_worklist_a_commitment_and_a_store_that_is_not_allowed_are_told(self):
        def act(request):
            if request.path.endswith("/mwlitems"):
                return answer(body=[])
            if request.method == "POST":
                return answer(403 if request.path.endswith("/studies") else 400)

        found, _ = self.page_of(Archive(act=act))
        self.assertIn("worklist, storage commitment", found["services"][1])
        self.assertIn("not offered: STOW-RS (status 403)", found["services"][1])

    def test_an_instance_that_only_comes_converted_or_not_at_all(self):
        def refused(request):
            return answer(406) if "transfer-syntax=*" in request.headers.get("accept", "") else None

        with WebPeer(Archive(act=refused)) as peer:
            self.assert_cause("retrieve", "not-offered", arguments=[peer.url], expect=NOT_OFFERED)

        def missing(request):
            return answer(404) if request.path.endswith("/1.2.9.9") else None

        found, _ = self.page_of(Archive(act=missing))
        self.assertIn("not offered: status 404", found["retrieve"][1])
        self.assertIn("not offered: WADO-RS", found["services"][1])

    def test_an_answer_that_is_cut_short_fails(self):
        def cut(request):
            if request.path.endswith("/1.2.9.9"):
                kind, body = multipart([CT.read_bytes()], closing=False)
                return answer(body=body, kind=kind)

        with WebPeer(Archive(act=cut)) as peer:
            self.assert_cause("retrieve", "incomplete", arguments=[peer.url], expect=1)

    def test_a_web_page_is_no_archive(self):
        html = b"<html><head><title>Welcome</title></head></html>"
        with WebPeer(lambda _: answer(404, html, kind="text/html")) as peer:
            found = self.assert_cause("base-url", "failure-status", "base URL", arguments=[peer.url], expect=FAILURE)
            self.assertIn("Welcome", found["base-url"]["found"])
        with WebPeer(lambda _: answer(200, html, kind="text/html")) as peer:
            self.assert_cause("base-url", "protocol-violation", "base URL", arguments=[peer.url], expect=ASSOCIATION)

    def test_nothing_of_an_endless_instance_or_list_is_kept(self):
        uids = [f"1.2.{number}" for number in range(3000)]
        found, _ = self.page_of(Archive(uids))
        self.assertIn("the first 2000 matches", found["query"][1])

    def test_checks_of_the_other_kind_are_refused_and_both_are_named(self):
        with WebPeer(Archive()) as peer:
            for check in ("titles", "association", "call-back", "CT"):
                run = self.examine(peer.url, "--only", check, expect=USAGE)
                self.assert_names(run, "--only", peer.url, "about associations")
            self.assert_names(self.examine(peer.url, "--classes", "CT", expect=USAGE), "--classes", peer.url)
            self.assertEqual(peer.connections, 0)
        self.assert_names(self.examine(servers.LOOPBACK, 1, "--only", "base-url", expect=USAGE), "base-url", "no URL")


class Waiting(socketserver.BaseRequestHandler):
    """A web server that reads a line before it says anything, as that of Python does."""

    def handle(self):
        lines = self.request.makefile("rb")
        first = lines.readline(65536)
        if first.endswith(b"\n"):
            self.request.sendall(b"HTTP/1.0 404 File not found\r\nContent-Length: 0\r\n\r\n")


class OtherProtocols(DoctorTest):
    def test_a_web_server_that_waits_for_a_line_is_told_by_echo_and_doctor(self):
        server = socketserver.ThreadingTCPServer((servers.LOOPBACK, 0), Waiting)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        port = server.server_address[1]
        run = dcmscu("--echo", servers.LOOPBACK, port, "--timeout", 1, expect=ASSOCIATION)
        self.assert_names(run, "not a DICOM peer", "speaks HTTP", "web port")
        self.assert_cause("association", "foreign-protocol", "web port", arguments=[servers.LOOPBACK, port, "--timeout", "1"], expect=ASSOCIATION)

    def test_a_silent_port_stays_silent(self):
        with WebPeer(lambda request, connection: peer.hold(), raw=True) as peer:
            run = dcmscu("--echo", servers.LOOPBACK, peer.port, "--timeout", 1, expect=TIME_LIMIT)
            self.assertNotIn("HTTP", run.stderr)

    def test_a_dicom_server_at_a_url_is_told_by_echo_and_doctor(self):
        for server in (servers.StoreSCP(), servers.PynetdicomQRSCP()):
            with self.subTest(server=server.name):
                self.serve(server)
                url = f"http://{servers.LOOPBACK}:{server.port}/dicom-web"
                run = dcmscu("--echo", url, "--timeout", 3, expect=ASSOCIATION)
                self.assert_names(run, "speaks the DICOM protocol", f"{servers.LOOPBACK} {server.port}")
                self.assert_cause("http", "foreign-protocol", f"{servers.LOOPBACK} {server.port}", arguments=[url], expect=ASSOCIATION)

    def test_a_port_of_tls_is_told_at_a_url_without_it(self):
        authority = certificates.Authority(self.folder / "authority")
        with WebPeer(Archive()) as peer:
            nginx = self.serve(servers.Nginx(peer.port, authority.issue("server")))
            url = nginx.web_url.replace("https", "http")
            self.assert_cause("http", "tls-required", nginx.web_url, arguments=[url], expect=FAILURE)
            found = page(self.examine(nginx.web_url, "--tls-ca", authority.certificate))
            self.assertIn("TLSv1.", found["tls"][1])
            self.assertIn("nginx", found["http"][1])
            self.assert_cause("tls", "certificate-not-trusted", "--tls-ca", arguments=[nginx.web_url], expect=UNREACHABLE)
