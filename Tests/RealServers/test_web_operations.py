"""Worklist and storage commitment over HTTP, at scripted peers that play PS3.18 13 and 14."""

import json
import re

from harness import cases, images, programs, servers
from harness.programs import dcmscu
from harness.webpeer import WebPeer, answer

INCOMPLETE, USAGE, ASSOCIATION, NOT_OFFERED, FAILURE, TIME_LIMIT, NOT_COMMITTED = 1, 2, 5, 6, 7, 8, 9
STANDARD = "/dicom-web/modality-scheduled-procedure-steps"
DCM4CHEE = "/dicom-web/mwlitems"


def step(number, modality="MR"):
    """An item of a worklist in the JSON model."""
    scheduled = {
        "00080060": {"vr": "CS", "Value": [modality]}, "00400002": {"vr": "DA", "Value": ["20260131"]},
        "00400009": {"vr": "SH", "Value": [f"STEP{number}"]},
    }  # fmt: skip
    return {
        "00080005": {"vr": "CS", "Value": ["ISO_IR 192"]},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": f"Patient^{number}"}]},
        "0020000D": {"vr": "UI", "Value": [f"1.2.{number}"]}, "00400100": {"vr": "SQ", "Value": [scheduled]},
    }  # fmt: skip


class Worklist(cases.RealServerTest):
    def serve_list(self, path, steps):
        def act(request):
            if request.path != path:
                return answer(404)
            start = int(request.value("offset") or 0)
            return answer(body=steps[start : start + 2])

        return WebPeer(act)

    def ask(self, peer, *options, expect=0):
        run = dcmscu("--worklist", peer.url, *options, "--format", "jsonl", expect=expect)
        return [json.loads(line)["0020000D"]["Value"][0] for line in run.stdout.splitlines()]

    def test_the_list_of_the_standard_is_read_to_its_end(self):
        with self.serve_list(STANDARD, [step(number) for number in range(5)]) as peer:
            self.assertEqual(sorted(self.ask(peer)), [f"1.2.{number}" for number in range(5)])
            self.assertEqual([request.value("offset") for request in peer.requests], [None, "2", "4", "5"])
            self.assertEqual(peer.requests[0].headers["accept"], "application/dicom+json")

    def test_keys_are_paths_into_the_scheduled_step(self):
        with self.serve_list(STANDARD, [step(1)]) as peer:
            self.ask(peer, "-k", "Modality=MR", "--station", "MR1", "--date", "2026-01-31")
            asked = dict(peer.requests[0].parameters)
            self.assertEqual(asked["ScheduledProcedureStepSequence.Modality"], "MR")
            self.assertEqual(asked["ScheduledProcedureStepSequence.ScheduledStationAETitle"], "MR1")
            self.assertEqual(asked["ScheduledProcedureStepSequence.ScheduledProcedureStepStartDate"], "20260131")

    def test_matches_are_compared_with_the_keys(self):
        with self.serve_list(STANDARD, [step(1, "MR"), step(2, "CT")]) as peer:
            self.assertEqual(self.ask(peer, "-k", "Modality=CT", expect=None), ["1.2.2"])

    def test_the_older_path_of_dcm4chee_is_asked_where_the_first_is_not_found(self):
        with self.serve_list(DCM4CHEE, [step(number) for number in range(3)]) as peer:
            self.assertEqual(len(self.ask(peer)), 3)
            paths = [request.path for request in peer.requests]
            self.assertEqual(paths, [STANDARD, DCM4CHEE, DCM4CHEE, DCM4CHEE])

    def test_a_server_without_a_worklist_is_exit_code_6(self):
        with WebPeer(lambda _: answer(404)) as peer:
            run = dcmscu("--worklist", peer.url, expect=NOT_OFFERED)
            self.assert_names(run, "no worklist at this URL", "does not offer this")

    def test_a_server_that_repeats_a_page_is_not_believed(self):
        act = lambda request: answer(body=[step(1)] if request.value("offset") else [step(1), step(2)])
        with WebPeer(act) as peer:
            self.assert_names(dcmscu("--worklist", peer.url, expect=FAILURE), "repeats a page")

    def test_an_empty_list_is_success(self):
        for empty in (answer(body=[]), answer(204, kind=None)):
            with WebPeer(lambda _, empty=empty: empty) as peer:
                self.assertEqual(self.ask(peer), [])


class Commitment(cases.RealServerTest):
    @classmethod
    def setUpClass(cls):
        cls.images = images.archive_images()[:3]
        cls.paths = [image.path for image in cls.images]
        cls.uids = [image.sop_instance for image in cls.images]

    def items(self, uids, reason=None):
        classes = {image.sop_instance: image.sop_class for image in self.images}
        more = {"00081197": {"vr": "US", "Value": [reason]}} if reason else {}
        return [
            {"00081150": {"vr": "UI", "Value": [classes[uid]]}, "00081155": {"vr": "UI", "Value": [uid]}, **more}
            for uid in uids
        ]  # fmt: skip

    def result(self, committed=(), failed=(), reason=0x0112):
        body = {}
        if failed:
            body["00081198"] = {"vr": "SQ", "Value": self.items(failed, reason)}
        if committed:
            body["00081199"] = {"vr": "SQ", "Value": self.items(committed)}
        return answer(body=body)

    def commit(self, act, *options, expect=0):
        with WebPeer(act) as peer:
            return dcmscu("--stgcmt", peer.url, *self.paths, *options, expect=expect), peer.requests

    def test_a_result_at_once(self):
        run, requests = self.commit(lambda _: self.result(self.uids))
        self.assertEqual(
            run.stdout.splitlines(), [f"committed      {image.sop_instance}  {image.path}" for image in self.images]
        )
        (request,) = requests
        self.assertEqual(request.method, "POST")
        self.assertRegex(request.path, r"^/dicom-web/commitment-requests/[\d.]+$")
        self.assertEqual(request.headers["content-type"], "application/dicom+json")
        body = json.loads(request.body)
        self.assertEqual(list(body), ["00081199"])
        self.assertEqual([item["00081155"]["Value"][0] for item in body["00081199"]["Value"]], self.uids)
        self.assertNotIn("--port-scp", run.stderr)

    def test_the_form_of_json_lines_and_the_report_are_those_of_associations(self):
        answered = lambda _: self.result(self.uids[:2], self.uids[2:])
        run, _ = self.commit(answered, "--format", "jsonl", "-o", self.folder / "reports", expect=NOT_COMMITTED)
        *events, summary = [json.loads(line) for line in run.stdout.splitlines()]
        self.assertEqual([event["outcome"] for event in events], ["done", "done", "failed"])
        self.assertEqual([events[2][key] for key in ("status", "cause")], ["0112H", "not-committed"])
        self.assertEqual([summary[key] for key in ("done", "failures", "exitCode")], [2, 1, NOT_COMMITTED])
        self.assertEqual(len(list((self.folder / "reports").iterdir())), 1)

    def test_a_refusal_of_an_instance_names_its_reason(self):
        run, _ = self.commit(lambda _: self.result(self.uids[:2], self.uids[2:]), expect=NOT_COMMITTED)
        self.assertIn(f"not committed  {self.uids[2]}", run.stdout)
        self.assertIn("no such object instance (0112H)", run.stdout)

    def test_an_instance_that_the_result_leaves_out_is_not_committed(self):
        run, _ = self.commit(lambda _: self.result(self.uids[:2]), expect=NOT_COMMITTED)
        self.assertIn("does not mention it", run.stdout)

    def test_a_server_that_works_on_is_asked_again_when_it_wants(self):
        def act(request):
            if request.method == "POST":
                return answer(202, kind=None, headers=[("Retry-After", "1")])
            asked.append(request.path)
            return answer(202, kind=None) if len(asked) == 1 else self.result(self.uids)

        asked = []
        run, requests = self.commit(act)
        self.assertEqual(run.stdout.count("committed  "), 3)
        self.assertEqual([request.method for request in requests], ["POST", "GET", "GET"])
        self.assertEqual({request.path for request in requests}, {requests[0].path})
        self.assertGreater(run.seconds, 1)

    def test_a_result_that_never_comes_is_exit_code_8(self):
        run, _ = self.commit(lambda _: answer(202, kind=None), "--wait", 1, expect=TIME_LIMIT)
        self.assertIn(f"no answer      {self.uids[0]}", run.stdout)
        self.assert_names(run, "no report on 3 instances", "--wait")
        self.assertNotIn("--transaction", run.stderr)

    def test_a_server_that_forgets_the_request_has_committed_to_nothing(self):
        act = lambda request: answer(202 if request.method == "POST" else 404, kind=None)
        run, _ = self.commit(act, expect=NOT_COMMITTED)
        self.assertEqual(run.stdout.count("not committed"), 3)

    def test_a_server_without_the_service_is_exit_code_6(self):
        for status in (404, 405, 501):
            run, _ = self.commit(lambda _, status=status: answer(status), expect=NOT_OFFERED)
            self.assert_names(run, "no storage commitment at this URL", f"status {status}", "3 not requested")
            self.assertNotIn("no answer", run.stdout)

    def test_a_request_that_is_refused_is_no_commitment(self):
        for status in (400, 409, 413):
            run, _ = self.commit(lambda _, status=status: answer(status, {"Details": "said so"}), expect=NOT_COMMITTED)
            self.assert_names(run, f"status {status}", "said so")
            self.assertIn("request refused", run.stdout)

    def test_a_busy_server_is_asked_again_as_another_transaction(self):
        def act(_):
            left.append(1)
            return answer(503) if len(left) < 3 else self.result(self.uids)

        left = []
        run, requests = self.commit(act, "--retries", 3, "--retry-delay", 0.05)
        self.assertEqual(len({request.path for request in requests}), 3)
        run, _ = self.commit(lambda _: answer(503), expect=FAILURE)
        self.assert_names(run, "status 503")

    def test_credentials_and_what_is_no_result(self):
        self.commit(lambda _: answer(401), expect=ASSOCIATION)
        for body in (b"hello", b"[1]", b'{"00081199":'):
            self.commit(lambda _, body=body: answer(body=body), expect=ASSOCIATION)

    def test_transactions_of_several_requests_are_asked_for_each(self):
        def act(request):
            if request.method == "POST":
                wanted[request.path] = re.findall(r'"00081155":\{"vr":"UI","Value":\["([\d.]+)"', request.body.decode())
                return answer(202, kind=None)
            return self.result(wanted[request.path])

        wanted = {}
        run, requests = self.commit(act, "--max-references", 1)
        self.assertEqual(run.stdout.count("committed  "), 3)
        self.assertEqual(len(wanted), 3)

    def test_options_of_call_backs_are_refused_and_both_are_named(self):
        with WebPeer(lambda _: answer(404)) as peer:
            for options in (["--port-scp", 11113], ["--transaction", self.folder / "t"]):
                run = dcmscu("--stgcmt", peer.url, *self.paths, *options, expect=USAGE)
                self.assert_names(run, options[0], peer.url)
            self.assertEqual(peer.connections, 0)

    def test_files_that_were_stored_are_committed_and_safe_to_delete(self):
        def act(request):
            if request.path.endswith("/studies"):
                return answer(body={"00081199": {"vr": "SQ", "Value": self.items(self.uids)}})
            committed = self.uids if len(asked) else self.uids[:2]
            asked.append(request.path)
            return self.result(committed, [uid for uid in self.uids if uid not in committed])

        asked = []
        with WebPeer(act) as peer:
            run = dcmscu("--store", peer.url, *self.paths, "--verify", "commit", expect=0)
            self.assertEqual(run.stdout.count("safe to delete"), 3)
            # The one that was not committed was sent and requested once more.
            self.assertEqual([request.path.rsplit("/", 1)[0] for request in peer.requests].count("/dicom-web"), 2)
            self.assertEqual(len(asked), 2)


class Monitored(cases.RealServerTest):
    """What monitors are told of peers over HTTP is what they are told of others."""

    @classmethod
    def setUpClass(cls):
        cls.orthanc = cls.serve_all(servers.orthanc_with_web())
        cls.images = images.archive_images()[:3]
        cls.paths = [image.path for image in cls.images]
        dcmscu("--store", cls.orthanc.web_url, *cls.paths, expect=0)

    def test_the_line_of_a_plugin(self):
        url = self.orthanc.web_url
        for arguments, words in (
            (["--echo", url], "DICOMweb answered"), (["--find", url, "-k", "PatientID"], "match"),
            (["--get", url, "-k", "PatientID=*", "-o", self.folder / "out"], "WADO-RS, 3 done"),
            (["--store", url, *self.paths], "STOW-RS, 3 done"), (["--probe", url], "services offered"),
        ):  # fmt: skip
            run = dcmscu(*arguments, "--format", "nagios", expect=0, timeout=60)
            self.assertRegex(run.stdout, rf"^DICOM OK - {url}: .*{words}.* \| .*time=[\d.]+s", run)
            self.assertNotIn("associate=", run.stdout)
        run = dcmscu("--find", url, "-k", "PatientID", "--format", "nagios", "--crit", "100:", expect=2)
        self.assertTrue(run.stdout.startswith("DICOM CRITICAL"), run)
        run = dcmscu("--echo", url + "/nowhere", "--format", "nagios", expect=2)
        self.assertIn("404", run.stdout)

    def test_metrics_of_a_run(self):
        path = self.folder / "web.prom"
        dcmscu("--store", self.orthanc.web_url, *self.paths, "--metrics", path, expect=0)
        text = path.read_text()
        peer = f'operation="store",peer="{self.orthanc.web_url}"'
        self.assertIn(f"dcmscu_run_exit_code{{{peer}}} 0", text)
        self.assertIn(f'dcmscu_run_instances{{{peer},outcome="done"}} 3', text)
        programs.run("promtool", "check", "metrics", stdin=path.read_bytes(), expect=0)
        dcmscu("--find", self.orthanc.web_url, "-k", "PatientID", "--metrics", path, expect=0)
        self.assertIn(f'dcmscu_run_matches{{operation="find",peer="{self.orthanc.web_url}"}}', path.read_text())

    def test_nodes_of_both_kinds_are_echoed_and_examined(self):
        configuration = self.folder / "config.json"
        configuration.write_text(json.dumps({
            "defaults": {"aetitle": "STATION", "transaction": str(self.folder / "t"), "capture": str(self.folder / "c.pcapng")},
            "nodes": {
                "web": {"url": self.orthanc.web_url}, "pacs": {"host": servers.LOOPBACK, "port": self.orthanc.port},
            },
        }))  # fmt: skip
        run = dcmscu("--echo", "--nodes", "--config", configuration, expect=0)
        self.assertEqual([run.stdout.count(word) for word in ("DICOMweb answered", "C-ECHO answered")], [1, 1])
        run = dcmscu("--echo", "--nodes", "--config", configuration, "--format", "prometheus", expect=0)
        self.assertEqual(len(re.findall(r"^probe_success\{.*\} 1$", run.stdout, re.M)), 2, run)
        programs.run("promtool", "check", "metrics", stdin=run.stdout.encode(), expect=0)
        run = dcmscu("--doctor", "--nodes", "--config", configuration, "--only", "port", expect=0)
        self.assertEqual([run.stdout.count(word) for word in ("ok     base-url", "ok     association")], [1, 1], run)

    def test_many_echoes_have_a_table(self):
        run = dcmscu("--echo", self.orthanc.web_url, "-c", 5, "--interval", 0, expect=0)
        self.assertIn("5 sent, 5 answered", run.stdout)
        self.assertRegex(run.stdout, r"(?m)^  echo +[\d.]+ +[\d.]+ +[\d.]+ +[\d.]+$")
        self.assertNotIn("association", run.stdout)
