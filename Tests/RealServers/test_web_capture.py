"""--capture and --transcript over HTTP: HAR 1.2 that other programs read, without secrets and without patient data."""

import datetime
import json

from harness import cases, images, servers
from harness.programs import dcmscu
from harness.webpeer import WebPeer, answer, multipart, study

INCOMPLETE, USAGE, LOCAL_FILES, UNREACHABLE, ASSOCIATION, FAILURE = 1, 2, 3, 4, 5, 7
CT = images.image("CT_small.dcm")
SECRET = {"WEB_SECRET": "s3cret-of-alice"}
NAME, NUMBER, DESCRIPTION = "Quixote^Alonso", "PID7391", "MANCHA WINDMILLS"
HIDDEN = ["Quixote", "Alonso", NUMBER, "MANCHA", "WINDMILLS", "s3cret", "c29tZQ", "cookie-of-server"]


def archive(request):
    """A server that repeats what it was asked for, in each place where it could, with cookies and tokens."""
    headers = [
        ("Set-Cookie", "session=cookie-of-server"), ("X-Auth-Token", "s3cret-token"), ("X-Request-Id", NUMBER),
        ("Server", "Archive/1"), ("Warning", f'299 a "no {NUMBER} here"'),
    ]  # fmt: skip
    if request.path.endswith("/studies") and request.method == "GET":
        found = study("1.2.3", _00100010=NAME, _00100020=NUMBER)
        found["00081030"] = {"vr": "LO", "Value": [DESCRIPTION]}
        return answer(body=[] if request.value("offset") else [found], headers=headers)
    return answer(404, {"Details": f"no instance of {NUMBER} {NAME}"}, headers=headers)


class Capture(cases.RealServerTest):
    def setUp(self):
        super().setUp()
        self.har = self.folder / "run.har"

    def entries(self, path=None):
        """The entries of a HAR, whose form is that of the specification."""
        path = path or self.har
        log = json.loads(path.read_text())["log"]
        self.assertEqual((log["version"], log["creator"]["name"]), ("1.2", "dcmscu"))
        for entry in log["entries"]:
            datetime.datetime.fromisoformat(entry["startedDateTime"])
            parts = entry["timings"]
            self.assertAlmostEqual(
                entry["time"], sum(parts[key] for key in ("dns", "connect", "send", "wait", "receive")), delta=0.1
            )
            request, response = entry["request"], entry["response"]
            for key in ("method", "url", "httpVersion", "cookies", "headers", "queryString", "headersSize", "bodySize"):
                self.assertIn(key, request)
            for key in ("status", "statusText", "httpVersion", "cookies", "headers", "content", "redirectURL", "headersSize", "bodySize"):
                self.assertIn(key, response)
            self.assertEqual(entry["cache"], {})
        return log["entries"]

    def query(self, peer, *options, expect=0):
        return dcmscu(
            "--find", peer.url, "-k", f"PatientID={NUMBER}", "-k", "StudyDate=20260131-", "--return", "PatientName,StudyDescription",
            "--jwt", "env:WEB_SECRET", *options, environment=SECRET, expect=expect,
        )  # fmt: skip

    def test_a_query_is_an_entry_without_patient_and_secret(self):
        with WebPeer(archive) as peer:
            self.query(peer, "--capture", self.har, expect=None)
        first, *_ = self.entries()
        url = first["request"]["url"]
        self.assertIn("/dicom-web/studies?", url)
        self.assertIn("PatientID=***", url)
        self.assertIn("StudyDate=20260131-", url)
        asked = {one["name"]: one["value"] for one in first["request"]["queryString"]}
        self.assertEqual((asked["PatientID"], asked["StudyDate"]), ("***", "20260131-"))
        sent = {one["name"].lower(): one["value"] for one in first["request"]["headers"]}
        self.assertEqual((sent["accept"], sent["authorization"]), ("application/dicom+json", "Bearer ***"))
        self.assertTrue(sent["host"].startswith("127.0.0.1:") and sent["user-agent"].startswith("dcmscu/"), sent)
        came = {one["name"]: one["value"] for one in first["response"]["headers"]}
        self.assertEqual((came["server"], came["set-cookie"], came["x-auth-token"]), ("Archive/1", "***", "***"))
        (match,) = json.loads(first["response"]["content"]["text"])
        self.assertEqual(match["0020000D"]["Value"], ["1.2.3"])
        self.assertEqual(match["00100020"]["Value"], ["***"])
        self.assertEqual(first["response"]["status"], 200)
        for word in HIDDEN:
            self.assertNotIn(word, self.har.read_text())
        self.assertEqual(self.har.stat().st_mode & 0o777, 0o600)

    def test_with_log_phi_patients_are_shown_and_secrets_are_not(self):
        with WebPeer(archive) as peer:
            self.query(peer, "--capture", self.har, "--log-phi", expect=None)
        self.entries()
        text = self.har.read_text()
        self.assertIn(NUMBER, text)
        self.assertIn(NAME, text)
        for word in ("s3cret", "cookie-of-server"):
            self.assertNotIn(word, text)

    def test_secrets_of_a_redirect_are_never_shown(self):
        def act(request):
            if "/moved" in request.path:
                return answer(body=[])
            return answer(307, headers=[("Location", f"/moved/studies?sig=s3cret-1&X-Amz-Security=s3cret-2&{request.query}#s3cret-3")])

        with WebPeer(act) as peer:
            self.query(peer, "--capture", self.har, "--log-phi", expect=None)
            self.assertIn("sig=s3cret-1", peer.requests[1].target)
        entries = self.entries()
        self.assertEqual([entry["response"]["statusText"] for entry in entries], ["moved", "OK"])
        self.assertIn("sig=***", entries[0]["response"]["redirectURL"])
        self.assertIn(f"PatientID={NUMBER}", entries[1]["request"]["url"])
        self.assertNotIn("s3cret", self.har.read_text())

    def test_a_user_and_the_words_of_a_failure(self):
        with WebPeer(archive) as peer:
            dcmscu(
                "--get", peer.url, "-k", f"PatientID={NUMBER}", "--user", "alice", "--passcode", "env:WEB_SECRET", "--capture", self.har,
                "-o", self.folder / "out", environment=SECRET, expect=None,
            )  # fmt: skip
        self.assertGreater(len(self.entries()), 1)
        text = self.har.read_text()
        self.assertIn("Basic ***", text)
        for word in [*HIDDEN, "YWxpY2U"]:
            self.assertNotIn(word, text)

    def test_images_are_counted_and_not_kept(self):
        def act(request):
            if request.method == "POST":
                return answer(body={"00081199": {"vr": "SQ", "Value": [
                    {"00081150": {"vr": "UI", "Value": [CT.sop_class]}, "00081155": {"vr": "UI", "Value": [CT.sop_instance]}}
                ]}})  # fmt: skip
            kind, body = multipart([CT.path.read_bytes()])
            return answer(body=body, kind=kind)

        with WebPeer(act) as peer:
            dcmscu("--store", peer.url, CT.path, "--capture", self.har, expect=0)
            (entry,) = self.entries()
            self.assertGreater(entry["request"]["bodySize"], CT.path.stat().st_size)
            self.assertIn("not kept", entry["request"]["postData"]["comment"])
            self.assertIn(CT.sop_instance, entry["response"]["content"]["text"])
        self.assertLess(self.har.stat().st_size, 8192)

    def test_long_lists_are_bounded_and_stay_json(self):
        found = [study(f"1.2.{number}", _00100020=NUMBER) for number in range(5000)]
        with WebPeer(lambda request: answer(body=[] if request.value("offset") else found)) as peer:
            dcmscu("--find", peer.url, "--format", "count", "--capture", self.har, expect=0)
        first, *_ = self.entries()
        content = first["response"]["content"]
        self.assertGreater(content["size"], 200_000)
        self.assertLess(len(content["text"]), 70_000)
        self.assertGreater(len(json.loads(content["text"])), 100)
        self.assertIn("the first", content["comment"])
        self.assertNotIn(NUMBER, self.har.read_text())

    def test_further_runs_are_added_and_what_is_none_is_left_alone(self):
        with WebPeer(archive) as peer:
            dcmscu("--echo", peer.url, "--capture", self.har, expect=0)
            count = len(self.entries())
            dcmscu("--echo", peer.url, "-c", 2, "--interval", 0, "--capture", self.har, expect=0)
            self.assertEqual(len(self.entries()), count * 3)
            for content in (b"text", b'{"log":{"version":"1.2","creator":{"name":"dcmscu","version":"0"},"entries":[\n{"cut":'):
                self.har.write_bytes(content)
                run = dcmscu("--echo", peer.url, "--capture", self.har, expect=LOCAL_FILES)
                self.assert_names(run, "run.har")
                self.assertEqual(self.har.read_bytes(), content)

    def test_a_server_that_does_not_answer_is_an_entry_too(self):
        with WebPeer(lambda _: None) as peer:
            dcmscu("--echo", peer.url, "--capture", self.har, "--timeout", 2)
        self.assertEqual(self.entries()[0]["response"]["status"], 0)

    def test_another_name_is_text_and_a_packet_file_is_refused(self):
        path = self.folder / "run.txt"
        with WebPeer(archive) as peer:
            self.query(peer, "--capture", path, expect=None)
            text = path.read_text()
            self.assertIn("> GET", text)
            self.assertIn("< HTTP/1.1 200", text)
            self.assertIn("> Authorization: Bearer ***", text)
            for word in HIDDEN:
                self.assertNotIn(word, text)
            run = dcmscu("--echo", peer.url, "--capture", self.folder / "run.pcapng", expect=USAGE)
            self.assert_names(run, "--capture", "run.pcapng", peer.url, ".har")

    def test_a_transcript_has_messages_and_requests(self):
        path = self.folder / "transcript"
        with WebPeer(archive) as peer:
            self.query(peer, "--transcript", path, "--verbose", expect=None)
        text = path.read_text()
        self.assertTrue(text.startswith("Transcript of dcmscu "))
        self.assertIn("#1 +", text)
        self.assertIn("> GET", text)
        self.assertIn("run +", text)
        for word in HIDDEN:
            self.assertNotIn(word, text)

    def test_orthancs_own_interface_shows_no_patient(self):
        server = self.serve(servers.orthanc_with_web())
        dcmscu("--store", servers.LOOPBACK, server.port, CT.path, expect=0)
        url = f"orthanc+http://{servers.LOOPBACK}:{server.http_port}"
        run = dcmscu("--find", url, "-k", f"PatientID={CT.patient}", "--return", "PatientName", "--capture", self.har, expect=0)
        self.assertIn(CT.patient, run.stdout)
        self.entries()
        text = self.har.read_text()
        self.assertIn("it may be about patients", text)
        self.assertNotIn(CT.patient, text)
        self.assertNotIn(CT.patient_name.split("^")[0], text)
