"""`--until`: nothing new is begun after a time of day, and another run goes on."""

import datetime
import json
import time

from harness import cases, servers, webpeer
from harness.practice import PracticeArchive, data_set, made_up_images
from harness.programs import dcmscu


def soon(seconds):
    """A time of the clock that dcmscu has here."""
    return (datetime.datetime.now() + datetime.timedelta(seconds=seconds)).strftime("%H:%M:%S")


class Until(cases.RealServerTest):
    def setUp(self):
        super().setUp()
        self.files = made_up_images(self.folder / "images")
        self.out = self.folder / "out"
        self.journal = self.folder / "journal"

    def archive(self, *options):
        return self.serve(PracticeArchive(options=options))

    def came(self):
        return {path.stem for path in self.out.rglob("*.dcm")}

    def test_a_retrieval_ends_between_two_studies_and_goes_on(self):
        archive = self.archive("--inject", "delay=1")
        dcmscu("--store", servers.LOOPBACK, archive.port, "--jobs", 8, *self.files, expect=0)
        arguments = [
            "--get", servers.LOOPBACK, archive.port, "-k", "StudyDate=20260102", "-o", self.out, "--journal", self.journal,
            "--name", "{StudyInstanceUID}/{SOPInstanceUID}.dcm", "--format", "jsonl",
        ]  # fmt: skip
        run = dcmscu(*arguments, "--until", soon(4), expect=8)
        self.assert_names(run, "it is past", "--until", "requests not made", "--resume")
        studies = {}
        for path in self.files:
            studies.setdefault(str(data_set(path).StudyInstanceUID), set()).add(str(data_set(path).SOPInstanceUID))
        self.assertLess(len(self.came()), len(self.files))
        for folder in self.out.iterdir():
            # What was under way was finished.
            self.assertEqual({path.stem for path in folder.iterdir()}, studies[folder.name])
        again = dcmscu(*arguments, "--resume", "--until", soon(3600), expect=0)
        self.assertEqual(self.came(), {str(data_set(path).SOPInstanceUID) for path in self.files})
        summary = json.loads(again.stdout.splitlines()[-1])
        self.assertEqual(summary["done"] + summary["skipped"], summary["expected"])

    def test_sending_ends_after_an_instance_and_goes_on(self):
        archive = self.archive("--inject", "delay=1")
        arguments = ["--store", servers.LOOPBACK, archive.port, *self.files, "--journal", self.journal, "--format", "jsonl"]
        run = dcmscu(*arguments, "--until", soon(4), expect=8)
        self.assert_names(run, "it is past", "(--until)", "not sent", "--resume")
        events = [json.loads(line) for line in run.stdout.splitlines()]
        summary = events[-1]
        self.assertEqual(summary["done"], len(archive.stored()))
        self.assertEqual(summary["done"] + summary["pending"], len(self.files))
        self.assertGreater(summary["pending"], 0)
        self.assertEqual(summary.get("failures", 0), 0)
        pending = [event for event in events if event.get("outcome") == "pending"]
        self.assertEqual(len(pending), summary["pending"])
        self.assertIn("--until", pending[0]["error"])
        again = dcmscu(*arguments, "--resume", expect=0)
        self.assertEqual(json.loads(again.stdout.splitlines()[-1])["done"], summary["pending"])
        self.assertEqual(len(archive.stored()), len(self.files))

    def test_a_run_that_ends_before_is_as_without_it(self):
        archive = self.archive()
        dcmscu("--store", servers.LOOPBACK, archive.port, *self.files, "--until", soon(3600), expect=0)
        dcmscu("--get", servers.LOOPBACK, archive.port, "-k", "StudyDate=20260102", "-o", self.out, "--until", soon(3600), expect=0)
        self.assertEqual(len(list(self.out.rglob("*.dcm"))), len(self.files))

    def test_nothing_is_tried_again_after_a_pause_that_would_end_later(self):
        """A run that ends at six does not wait until then only to find that it may not go on."""
        retries = ("--retries", 5, "--retry-delay", "5m", "--until", soon(60))
        closed = servers.free_port()
        busy = self.archive("--inject", "store-status=A700/1")
        for peer, code in ((closed, 4), (busy.port, 7)):
            start = time.monotonic()
            run = dcmscu("--store", servers.LOOPBACK, peer, *self.files[:3], *retries, expect=code)
            self.assertLess(time.monotonic() - start, 30, run.stderr)
            self.assertNotIn("trying again", run.stderr)
        start = time.monotonic()
        for operation in ("--get", "--move"):
            port = ("--port-scp", servers.free_port()) if operation == "--move" else ()
            dcmscu(operation, servers.LOOPBACK, closed, "-k", "PatientID=1", "-o", self.out, *port, *retries, expect=4)
        self.assertLess(time.monotonic() - start, 30)

    def test_a_web_server_that_wants_to_be_asked_again_later_is_not_waited_for(self):
        busy = webpeer.answer(503, headers=[("Retry-After", "1800")])
        studies = webpeer.answer(body=[webpeer.study("1.2.3")])
        for limit in (["--until", soon(120)], ["--total-timeout", "2m"]):
            retries = ["--retries", 5, *limit]
            # A query has no --until.
            queries = [("--find", [])] if limit[0] != "--until" else []
            for operation, options in (
                *queries, ("--get", ["-k", "StudyInstanceUID=1.2.3", "-o", self.out]), ("--store", self.files[:12]),
            ):  # fmt: skip
                with self.subTest(operation, limit=limit), webpeer.WebPeer(lambda _: busy) as peer:
                    start = time.monotonic()
                    run = dcmscu(operation, peer.url, *options, *retries, expect=8)
                    self.assertLess(time.monotonic() - start, 30, run.stderr)
                    self.assert_names(run, "status 503", "asked again in 1800 s", "--until", "--total-timeout")
                    self.assertNotIn("trying again", run.stderr)
                    self.assertEqual(len(peer.requests), 1)
        # Where no retries are wanted, it is the status that counts.
        with webpeer.WebPeer(lambda _: busy) as peer:
            dcmscu("--find", peer.url, "--total-timeout", "2m", expect=7)
        # A pause that leaves time is made.
        left = [webpeer.answer(503, headers=[("Retry-After", "1")]), studies]
        with webpeer.WebPeer(lambda _: left.pop(0) if left else webpeer.answer(body=[])) as peer:
            dcmscu("--find", peer.url, "--retries", 1, "--retry-delay", "1m", "--total-timeout", "1h", expect=0)

    def test_what_is_not_sent_for_want_of_time_goes_with_a_later_run(self):
        with webpeer.WebPeer(lambda _: webpeer.answer(503, headers=[("Retry-After", "1800")])) as peer:
            run = dcmscu(
                "--store", peer.url, *self.files, "--journal", self.journal, "--retries", 1, "--until", soon(120), "--format", "jsonl",
                expect=8,
            )  # fmt: skip
            summary = json.loads(run.stdout.splitlines()[-1])
            self.assertEqual((summary["pending"], summary.get("failures", 0)), (len(self.files), 0))

    def test_a_time_that_is_none_is_a_usage_error(self):
        for time in ("6", "25:00", "06:00pm", "tomorrow"):
            run = dcmscu("--store", servers.LOOPBACK, 104, *self.files, "--until", time, expect=2)
            self.assert_names(run, "--until", time, "HH:MM")
