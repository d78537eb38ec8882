"""C-STORE with proof: --skip-existing, --verify find and storage commitment of the sent instances."""

import json

from harness import cases, commitment, images, programs, servers
from harness.commitment import CommitmentTest
from harness.programs import dcmscu

TITLE = "DCMSCU"


class AgainstOrthanc(cases.RealServerTest):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.serve_all(servers.Orthanc())

    def setUp(self):
        super().setUp()
        self.server.clear()
        self.files = [image.path for image in images.archive_images()[:12]]

    def store(self, *arguments, **options):
        return dcmscu("--store", servers.LOOPBACK, self.server.port, *arguments, **options)

    def test_skip_existing_sends_what_the_server_lacks(self):
        self.store(*self.files[:7], expect=0)
        run = self.store("--skip-existing", *self.files, expect=0)
        self.assert_names(run, "5 stored", "7 skipped")
        run = self.store("--skip-existing", "--jobs", 3, *self.files, expect=0)
        self.assert_names(run, "0 stored", "12 skipped")

    def test_verify_find_confirms_each_instance(self):
        run = self.store("--verify", "find", *self.files, expect=0)
        self.assert_names(run, "12 of 12 instances confirmed")


class AgainstStoreSCP(cases.RealServerTest):
    def test_what_is_stored_and_not_committed_is_said_so(self):
        server = self.serve(servers.StoreSCP())
        path = images.image("CT_small.dcm").path
        run = dcmscu("--store", servers.LOOPBACK, server.port, path, "--verify", "commit", expect=6)
        self.assert_names(run, "0 stored, 1 accepted, but not committed")
        self.assertEqual(len(server.received()), 1)
        run = dcmscu("--store", servers.LOOPBACK, server.port, path, "--verify", "find", expect=(1, 6))
        self.assert_names(run, "0 stored, 1 accepted, but not confirmed")


class VerifiedStoring(CommitmentTest):
    """`--store --verify commit`."""

    def setUp(self):
        super().setUp()
        self.journal = self.folder / "journal.jsonl"

    def store(self, script, *options, expect, wait="5", files=None):
        with commitment.CommitmentServer(script, self.port_scp) as server:
            run = programs.dcmscu(
                "--store", "--verify", "commit", "--aetitle", TITLE, "--call", "SERVER", "--wait", wait,
                "--port-scp", self.port_scp, "--journal", self.journal, *options, servers.LOOPBACK, server.port,
                *(files or [image.path for image in self.batch]), expect=expect,
            )  # fmt: skip
        self.assertEqual(server.problems, [], run)
        return run, server

    def outcomes(self, image):
        entries = [json.loads(line) for line in self.journal.read_text().splitlines()]
        return [entry["outcome"] for entry in entries if entry.get("sopInstanceUID") == image.sop_instance]

    def test_what_is_committed_is_safe_to_delete_and_still_there(self):
        def script(request):
            request.respond()
            request.report_on_new_association()

        deletable = self.folder / "deletable"
        run, server = self.store(script, "--committed-out", deletable, expect=0)
        self.assertEqual(deletable.read_text().splitlines(), [str(image.path) for image in self.batch], run)
        asked = [instance for request in server.requests for _, instance in request.references]
        self.assertEqual(asked, server.stored, run)
        self.assertEqual(
            run.stdout.splitlines(), [f"safe to delete  {image.path}" for image in self.batch], run
        )
        for image in self.batch:
            self.assertTrue(image.path.exists(), run)
            self.assertEqual(self.outcomes(image), ["done", "committed"], run)

    def test_what_failed_is_sent_once_more_and_asked_for_again(self):
        first, second = self.batch

        def script(request):
            request.respond()
            if len(request.server.requests) == 1:
                request.report(request.result(request.references[:1], [(request.references[1], 0x0112)]))
            else:
                request.report()

        run, server = self.store(script, expect=0)
        self.assertEqual(server.stored, [first.sop_instance, second.sop_instance, second.sop_instance], run)
        self.assertEqual([len(request.references) for request in server.requests], [2, 1], run)
        self.assertEqual(server.requests[1].references[0][1], second.sop_instance, run)
        self.assertEqual(len(run.stdout.splitlines()), 2, run)

    def test_what_failed_twice_is_9_and_not_safe_to_delete(self):
        first, second = self.batch

        def script(request):
            request.respond()
            failed = [reference for reference in request.references if reference[1] == second.sop_instance]
            committed = [reference for reference in request.references if reference not in failed]
            request.report(request.result(committed, [(reference, 0x0213) for reference in failed]))

        failed_out = self.folder / "failed"
        run, server = self.store(script, "--failed-out", failed_out, expect=9)
        self.assertEqual(len(server.requests), 2, run)
        self.assertEqual(run.stdout.count("safe to delete"), 1, run)
        self.assertIn(f"safe to delete  {first.path}", run.stdout, run)
        self.assert_names(run, "resource limitation (0213H)")
        self.assertEqual(self.outcomes(first)[-1], "committed", run)
        self.assertEqual(self.outcomes(second)[-1], "uncommitted", run)
        self.assertEqual(failed_out.read_text().splitlines(), [str(second.path)], run)

    def test_a_resumed_run_sends_what_was_not_committed_and_asks_for_all(self):
        second = self.batch[1]

        def refuse(request):
            request.respond()
            failed = [reference for reference in request.references if reference[1] == second.sop_instance]
            committed = [reference for reference in request.references if reference not in failed]
            request.report(request.result(committed, [(reference, 0x0213) for reference in failed]))

        def agree(request):
            request.respond()
            request.report()

        # The journal goes on for the same server only, so both runs meet it at one port.
        with commitment.CommitmentServer(refuse, self.port_scp) as server:
            line = [
                "--store", "--verify", "commit", "--journal", self.journal, servers.LOOPBACK, server.port,
                *(image.path for image in self.batch),
            ]  # fmt: skip
            programs.dcmscu(*line, expect=9)
            server.script = agree
            server.stored.clear()
            run = programs.dcmscu(*line, "--resume", expect=0)
        self.assertEqual(server.problems, [], run)
        self.assertEqual(server.stored, [second.sop_instance], run)
        self.assertEqual(len(server.requests[-1].references), 2, run)
        self.assertEqual(run.stdout.count("safe to delete"), 2, run)

    def test_what_is_not_answered_is_8_and_not_safe_to_delete(self):
        run, server = self.store(lambda request: request.respond(), expect=8, wait="0.5")
        self.assertEqual(len(server.stored), 2, run)
        self.assertNotIn("safe to delete", run.said, run)
        for image in self.batch:
            self.assertEqual(self.outcomes(image), ["done", "unanswered"], run)

    def test_a_server_without_storage_commitment_makes_nothing_safe(self):
        with commitment.CommitmentServer(lambda request: None, self.port_scp, [commitment.CLASS]) as server:
            run = programs.dcmscu(
                "--store", "--verify", "commit", "--port-scp", self.port_scp, servers.LOOPBACK, server.port,
                *(image.path for image in self.batch), expect=6,
            )  # fmt: skip
        self.assertNotIn("safe to delete", run.said, run)
        # Each file counts once: it was taken, and is not committed to.
        self.assert_names(run, "0 stored", "2 accepted, but not committed")
        self.assert_names(run, "no presentation context", "Storage Commitment")

    def test_two_files_of_one_instance_are_never_safe_to_delete(self):
        copy = self.folder / "copy.dcm"
        copy.write_bytes(self.batch[0].path.read_bytes())

        def script(request):
            request.respond()
            request.report()

        run, _ = self.store(script, expect=0, files=[self.batch[0].path, copy, self.batch[1].path])
        self.assertEqual(run.stdout.splitlines(), [f"safe to delete  {self.batch[1].path}"], run)
        self.assertIn("2 files have its SOP instance UID", run.stderr, run)

    def test_a_file_that_changed_meanwhile_is_not_safe_to_delete(self):
        file = self.folder / "mine.dcm"
        file.write_bytes(self.batch[0].path.read_bytes())

        def script(request):
            with open(file, "ab") as end:
                end.write(b"\xfc\xff\xfc\xff\0\0\0\0" + b"x" * 8)
            request.respond()
            request.report()

        run, _ = self.store(script, expect=0, files=[file])
        self.assertNotIn("safe to delete  ", run.stdout, run)
        self.assertIn("has changed since it was sent", run.stderr, run)

    def test_what_was_taken_with_a_warning_is_committed_and_not_safe_to_delete(self):
        def script(request):
            request.respond()
            request.report()

        for status in (0xB000, 0xB006, 0xB007):
            with self.subTest(hex(status)), commitment.CommitmentServer(script, self.port_scp) as server:
                server.store_status = status
                line = [
                    "--store", "--verify", "commit", "--journal", self.folder / hex(status), servers.LOOPBACK,
                    server.port, *(image.path for image in self.batch),
                ]  # fmt: skip
                run = programs.dcmscu(*line, "--format", "jsonl", expect=0)
                events = [json.loads(line) for line in run.stdout.splitlines()]
                outcomes = [event["outcome"] for event in events if event["event"] == "commitment"]
                self.assertEqual(outcomes, ["warning", "warning"], run)
                self.assertEqual(run.stderr.count("not safe to delete: the server has stored it with a warning"), 2, run)
                # Nor does another run forget it, which sends nothing.
                server.stored.clear()
                run = programs.dcmscu(*line, "--resume", expect=0)
                self.assertEqual((server.stored, run.stdout), ([], ""), run)

    def test_what_the_server_had_before_is_committed_and_not_safe_to_delete(self):
        def script(request):
            request.respond()
            request.report()

        with commitment.CommitmentServer(script, self.port_scp) as server:
            line = [
                "--store", "--verify", "commit", "--journal", self.journal, servers.LOOPBACK, server.port,
                *(image.path for image in self.batch),
            ]  # fmt: skip
            programs.dcmscu(*line, expect=0)
            # As --skip-existing records it: the server has an instance of this UID.
            self.journal.write_text(self.journal.read_text().replace('"outcome":"done"', '"outcome":"skipped"'))
            server.stored.clear()
            run = programs.dcmscu(*line, "--resume", expect=0)
        self.assertEqual(server.stored, [], run)
        self.assertEqual(run.stdout, "", run)
        self.assertEqual(run.stderr.count("it was not sent"), 2, run)

    def test_each_file_counts_once_whatever_becomes_of_it(self):
        second = self.batch[1]

        def script(request):
            request.respond()
            failed = [reference for reference in request.references if reference[1] == second.sop_instance]
            committed = [reference for reference in request.references if reference not in failed]
            request.report(request.result(committed, [(reference, 0x0213) for reference in failed]))

        run, _ = self.store(script, "--format", "jsonl", expect=9)
        summary = json.loads(run.stdout.splitlines()[-1])
        self.assertEqual((summary["done"], summary["failures"]), (1, 1), run)

    def test_json_lines_have_an_event_of_each_kind(self):
        def script(request):
            request.respond()
            request.report()

        run, _ = self.store(script, "--format", "jsonl", expect=0)
        events = [json.loads(line) for line in run.stdout.splitlines()]
        self.assertEqual([event["event"] for event in events], ["store"] * 2 + ["commitment"] * 2 + ["summary"], run)
        self.assertEqual({event["outcome"] for event in events[2:4]}, {"done"}, run)

    def test_options_of_commitment_without_it_are_2(self):
        for option in (["--wait", "5"], ["--transaction", "f"], ["--port-scp", "104"], ["--per", "study"]):
            run = programs.dcmscu("--store", *option, servers.LOOPBACK, "104", self.batch[0].path, expect=2)
            self.assert_names(run, option[0], "--verify commit")
