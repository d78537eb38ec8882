"""Storage commitment: with Orthanc, and with servers that report in every way that the standard allows and in some that it does not."""

import concurrent.futures
import json
import resource
import signal
import subprocess
import threading
import time

from harness import cases, commitment, generated, images, loading, programs, servers, wire
from harness.commitment import CommitmentTest
from harness.programs import dcmscu

TITLE = "DCMSCU"


class WithOrthanc(cases.RealServerTest):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.serve_all(servers.Orthanc())

    def setUp(self):
        super().setUp()
        self.server.clear()
        self.port_scp = servers.free_port()
        self.server.register(TITLE, self.port_scp)

    def commit(self, *batch, expect):
        run = dcmscu(
            "--stgcmt", "--aetitle", TITLE, "--call", self.server.ae_title, "--port-scp", self.port_scp,
            servers.LOOPBACK, self.server.port, *(image.path for image in batch), expect=expect,
        )  # fmt: skip
        # Orthanc reports within milliseconds: the run must not wait on once everything has been reported.
        self.assertLess(run.seconds, 5, run)
        return run

    def store(self, *batch):
        dcmscu("--store", servers.LOOPBACK, self.server.port, *(image.path for image in batch), expect=0)

    def test_an_instance_that_it_does_not_hold_is_exit_code_9_with_the_reason_in_words(self):
        image = images.image("CT_small.dcm")
        run = self.commit(image, expect=9)
        self.assertIn("no such object instance", run.said.lower(), run)
        self.assertIn("0112", run.said, run)
        self.assertIn(image.sop_instance, run.said, run)

    def test_the_files_that_may_be_deleted_are_listed(self):
        held, missing = images.archive_images()[:2]
        self.store(held)
        listed = self.folder / "deletable"
        run = dcmscu(
            "--stgcmt", "--aetitle", TITLE, "--call", self.server.ae_title, "--port-scp", self.port_scp,
            "--committed-out", listed, servers.LOOPBACK, self.server.port, held.path, missing.path, expect=9,
        )  # fmt: skip
        self.assertEqual(listed.read_text(), f"{held.path}\n", run)

    def test_after_store_it_ends_in_0(self):
        image = images.image("CT_small.dcm")
        self.store(image)
        self.commit(image, expect=0)

    def test_many_instances_are_committed_in_one_run(self):
        batch = images.archive_images()
        self.store(*batch)
        self.commit(*batch, expect=0)

    def test_one_that_is_missing_among_many_is_named(self):
        missing, *held = images.archive_images()
        loading.load_orthanc(self.server, held)
        run = self.commit(missing, *held, expect=9)
        self.assertIn(missing.sop_instance, run.said, run)

    def test_a_report_that_can_never_come_ends_by_a_time_limit_and_not_in_0(self):
        # The server connects to the port that it was given, where nothing listens.
        self.server.register(TITLE, servers.free_port())
        image = images.image("CT_small.dcm")
        run = dcmscu(
            "--stgcmt", "--aetitle", TITLE, "--port-scp", self.port_scp, "--wait", "2",
            servers.LOOPBACK, self.server.port, image.path, expect=8,
        )  # fmt: skip
        self.assertLess(run.seconds, 15, run)

    def test_verified_storing_makes_files_safe_to_delete_and_deletes_none(self):
        batch = images.archive_images()
        run = dcmscu(
            "--store", "--verify", "commit", "--aetitle", TITLE, "--call", self.server.ae_title, "--port-scp", self.port_scp,
            servers.LOOPBACK, self.server.port, *(image.path for image in batch), expect=0,
        )  # fmt: skip
        self.assertEqual(
            sorted(run.stdout.splitlines()), sorted(f"safe to delete  {image.path}" for image in batch), run
        )
        self.assertEqual(len(self.server.sop_instance_uids()), len(batch), run)
        self.assertTrue(all(image.path.exists() for image in batch))

    def test_a_run_that_did_not_wait_is_finished_by_one_that_listens(self):
        image = images.image("CT_small.dcm")
        self.store(image)
        kept = self.folder / "open.jsonl"
        # Nothing listens yet: Orthanc's only attempt to report fails.
        before = {job["ID"] for job in self.commitment_jobs()}
        dcmscu(
            "--stgcmt", "--aetitle", TITLE, "--transaction", kept, "--wait", "0", servers.LOOPBACK, self.server.port,
            image.path, expect=0,
        )  # fmt: skip
        (job,) = self.failed_reports(besides=before)
        listen = [
            "--stgcmt", "--listen", "--aetitle", TITLE, "--transaction", kept, "--port-scp", self.port_scp, "--wait",
        ]  # fmt: skip
        run = dcmscu(*listen, "1", expect=8)
        self.assert_names(run, "no report from any server on 1 instance:", f"port {self.port_scp}", "hint:")

        def resubmit():
            while not servers.accepts_connections(self.port_scp):
                time.sleep(0.02)
            self.server.rest(f"/jobs/{job}/resubmit", "POST", {})

        with concurrent.futures.ThreadPoolExecutor() as pool:
            asked = pool.submit(resubmit)
            run = dcmscu(*listen, "20", expect=0)
            asked.result(timeout=20)
        self.assertTrue(run.stdout.startswith(f"committed      {image.sop_instance}"), run)

    def commitment_jobs(self):
        return [job for job in self.server.rest("/jobs?expand") if job["Type"] == "StorageCommitmentScp"]

    def failed_reports(self, besides):
        """Orthanc's new jobs that could not report; each is awaited to its end. Its list of jobs has no order in time."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            jobs = [job for job in self.commitment_jobs() if job["ID"] not in besides]
            if jobs and all(job["State"] in ("Success", "Failure") for job in jobs):
                return [job["ID"] for job in jobs if job["State"] == "Failure"]
            time.sleep(0.05)
        raise AssertionError("jobs without end")


class ManyInstances(cases.RealServerTest):
    """One, just more than a transaction takes, and several transactions: unknown to the server, then stored there."""

    # Orthanc was seen to need a second for a transaction of 500; on a busy machine several times that.
    LIMIT = 60

    @classmethod
    def setUpClass(cls):
        cls.server = cls.serve_all(servers.Orthanc(ConcurrentJobs=4))

    def setUp(self):
        super().setUp()
        self.server.clear()
        self.port_scp = servers.free_port()
        self.server.register(TITLE, self.port_scp)

    def check(self, count, transactions):
        generated.write_instances(self.folder / "images", count)
        line = [
            "--stgcmt", "--aetitle", TITLE, "--call", self.server.ae_title, "--port-scp", self.port_scp,
            "--transaction", self.folder / "transactions.jsonl", servers.LOOPBACK, self.server.port,
            "-r", self.folder / "images",
        ]  # fmt: skip
        run = dcmscu(*line, expect=9, timeout=self.LIMIT)
        lines = run.stdout.splitlines()
        self.assertEqual(len(lines), count, run)
        self.assertTrue(all(line.startswith("not committed") and "0112H" in line for line in lines), run)
        self.assertIn(f"not committed: {count} of {count} instance{'s' * (count > 1)}: no such object instance (0112H)", run.stderr, run)

        dcmscu(
            "--store", "--call", self.server.ae_title, servers.LOOPBACK, self.server.port, "-r",
            self.folder / "images", expect=0, timeout=self.LIMIT,
        )  # fmt: skip
        run = dcmscu(*line, expect=0, timeout=self.LIMIT)
        lines = run.stdout.splitlines()
        self.assertEqual(len(lines), count, run)
        self.assertTrue(all(line.startswith("committed") for line in lines), run)
        requested = (self.folder / "transactions.jsonl").read_text().count('"event":"requested"')
        self.assertEqual(requested, 2 * transactions, run)

    def test_one_instance(self):
        self.check(1, 1)

    def test_501_instances_are_two_transactions(self):
        self.check(501, 2)

    def test_2000_instances_are_four_transactions(self):
        self.check(2000, 4)

    def test_one_of_501_that_the_server_does_not_hold_is_named(self):
        generated.write_instances(self.folder / "images", 501)
        missing = sorted((self.folder / "images").iterdir())[250]
        held = [path for path in (self.folder / "images").iterdir() if path != missing]
        dcmscu("--store", servers.LOOPBACK, self.server.port, *held, expect=0, timeout=self.LIMIT)
        run = dcmscu(
            "--stgcmt", "--aetitle", TITLE, "--call", self.server.ae_title, "--port-scp", self.port_scp,
            servers.LOOPBACK, self.server.port, self.folder / "images", expect=9, timeout=self.LIMIT,
        )  # fmt: skip
        failed = [line for line in run.stdout.splitlines() if not line.startswith("committed")]
        self.assertEqual(len(failed), 1, run)
        self.assertIn(str(missing), failed[0], run)


class Unregistered(cases.RealServerTest):
    def test_orthanc_that_does_not_know_our_title_is_told_in_a_hint(self):
        server = self.serve(servers.Orthanc())
        port_scp = servers.free_port()
        run = dcmscu(
            "--stgcmt", "--aetitle", "STRANGER", "--port-scp", port_scp, servers.LOOPBACK, server.port,
            images.image("CT_small.dcm").path, expect=5,
        )  # fmt: skip
        self.assert_names(run, "aborted", "hint:", "STRANGER", f"port {port_scp}")
        self.assertLess(run.seconds, 5, run)


class ScriptedServers(CommitmentTest):
    # MARK: where the report comes

    def test_a_report_on_the_same_association_is_taken(self):
        def script(request):
            request.respond()
            request.report()

        for listens in (True, False):
            run, server = self.commit(script, expect=0, listens=listens)
            self.assert_lines(run, "committed", "committed")
            self.assertEqual(server.statuses, [0], run)
            # The association ends in order, not by an abort.
            self.assertEqual(server.ends, ["released"], run)

    def test_a_report_on_a_new_association_is_taken(self):
        def script(request):
            request.respond()
            request.report_on_new_association()

        run, server = self.commit(script, expect=0)
        self.assert_lines(run, "committed", "committed")
        self.assertEqual(server.statuses, [0], run)
        self.assertLess(run.seconds, 4, run)

    def test_a_report_before_the_response_to_the_request_is_taken(self):
        def on_new(request):
            request.report_on_new_association()
            request.respond()

        def on_same(request):
            request.report(message_id=77)
            request.respond()

        for script in (on_new, on_same):
            run, server = self.commit(script, expect=0)
            self.assert_lines(run, "committed", "committed")
            self.assertEqual(server.statuses, [0], run)

    def test_a_report_with_the_message_id_of_our_request_is_no_response_to_it(self):
        def script(request):
            request.report(message_id=request.command["message_id"])
            request.respond()

        run, server = self.commit(script, expect=0)
        self.assertEqual(server.statuses, [0], run)

    # MARK: the content of the report

    def test_a_result_in_two_reports_is_put_together(self):
        def script(request):
            request.respond()
            first, second = request.references
            request.report_on_new_association(request.result([first]), request.result([second]))

        run, server = self.commit(script, expect=0)
        self.assert_lines(run, "committed", "committed")
        self.assertEqual(server.statuses, [0, 0], run)

    def test_halves_on_two_associations_are_put_together_too(self):
        def script(request):
            request.respond()
            first, second = request.references
            request.report(request.result([first]), message_id=1)
            request.report_on_new_association(request.result([], [(second, 0x0213)]))

        run, _ = self.commit(script, expect=9)
        self.assert_lines(run, "committed", "not committed")
        self.assertIn("resource limitation (0213H)", run.stderr, run)

    def test_a_reference_that_is_left_out_is_failed(self):
        def script(request):
            request.respond()
            request.report(request.result(request.references[:1]))

        run, server = self.commit(script, expect=9, wait="1")
        self.assert_lines(run, "committed", "not committed")
        self.assertIn("the server's report does not mention it", run.stderr, run)
        self.assertEqual(server.statuses, [0], run)

    def test_uids_padded_with_a_space_are_the_same_uids(self):
        def script(request):
            request.respond()
            request.report(request.result(padding=b" "))

        run, _ = self.commit(script, expect=0)
        self.assert_lines(run, "committed", "committed")

    def test_every_reason_is_told_in_words(self):
        reasons = {
            0x0110: "processing failure",
            0x0112: "no such object instance",
            0x0119: "class and instance conflict",
            0x0122: "referenced SOP class not supported",
            0x0131: "duplicate transaction UID",
            0x0213: "resource limitation",
        }
        for reason, words in reasons.items():
            def script(request, reason=reason):
                request.respond()
                request.report(request.result(request.references[1:], [(request.references[0], reason)]))

            run, _ = self.commit(script, expect=9)
            self.assert_lines(run, "not committed", "committed")
            self.assertIn(f"{words} ({reason:04X}H)", run.stdout, run)
            self.assertIn(f"not committed: 1 of 2 instances: {words} ({reason:04X}H)", run.stderr, run)

    def test_an_instance_in_both_lists_is_failed(self):
        def script(request):
            request.respond()
            request.report(request.result(failed=[(request.references[0], 0x0110)]))

        run, _ = self.commit(script, expect=9)
        self.assert_lines(run, "not committed", "committed")

    # MARK: which transaction

    def test_a_report_for_a_foreign_transaction_changes_nothing_and_is_refused(self):
        def script(request):
            request.respond()
            request.report_on_new_association(request.result(transaction="2.25.99"))

        run, server = self.commit(script, expect=8, wait="1")
        self.assert_lines(run, "no answer", "no answer")
        self.assertEqual(server.statuses, [0x0115], run)
        self.assert_names(run, "2.25.99", "hint: a report came for transaction 2.25.99")

    def test_a_report_of_a_stranger_who_knows_the_transaction_is_not_believed(self):
        def script(request):
            request.respond()
            request.report_on_new_association(calling="STRANGER")

        run, server = self.commit(script, expect=8, wait="1")
        self.assert_lines(run, "no answer", "no answer")
        self.assertEqual(server.statuses, [0x0115], run)
        self.assert_names(run, "is not believed", "STRANGER", "SERVER", "hint:", "--accept-from STRANGER")

    def test_a_caller_that_is_accepted_reports_for_the_server_and_others_do_not_get_in(self):
        def script(request):
            request.respond()
            request.report_on_new_association(calling="GATEWAY")

        run, server = self.commit(script, "--accept-from", "GATEWAY", expect=0)
        self.assertEqual(server.statuses, [0], run)
        run, server = self.commit(lambda request: (request.respond(), request.report_on_new_association()),
                                  "--accept-from", "GATEWAY", expect=0)  # fmt: skip
        self.assertEqual(server.statuses, [0], run)
        rejected = []

        def stranger(request):
            request.respond()
            try:
                request.report_on_new_association(calling="STRANGER")
            except wire.Ended as end:
                rejected.append(end.how)

        run, _ = self.commit(stranger, "--accept-from", "GATEWAY", expect=8, wait="1")
        self.assertEqual(len(rejected), 1, run)
        self.assert_names(run, "hint:", "STRANGER", "--accept-from does not name it")

    def test_our_report_still_counts_after_a_foreign_one(self):
        def script(request):
            request.respond()
            request.report_on_new_association(request.result(transaction="2.25.99"), request.result())

        run, server = self.commit(script, expect=0)
        self.assertEqual(server.statuses, [0x0115, 0], run)

    def test_a_repeated_report_is_answered_as_the_first_time(self):
        def script(request):
            first, second = request.references
            half = request.result([first])
            request.report_on_new_association(half, half, request.result([second]))
            request.respond()

        run, server = self.commit(script, expect=0)
        self.assertEqual(server.statuses, [0, 0, 0], run)
        self.assertIn("repeated its report", run.stderr, run)

    def test_an_unknown_event_type_is_refused_and_told(self):
        def script(request):
            request.report(event_type=3)
            request.report()
            request.respond()

        run, server = self.commit(script, expect=0)
        self.assertEqual(server.statuses, [0x0113, 0], run)
        self.assert_names(run, "warning: ", "its event type is 3", "0113H")

    # MARK: when nothing comes

    def test_no_report_ever_is_8_and_names_the_registration(self):
        run, _ = self.commit(lambda request: request.respond(), expect=8, wait="1")
        self.assert_lines(run, "no answer", "no answer")
        self.assert_names(run, "no report on 2 instances", f"nothing connected to our port {self.port_scp}", TITLE)
        self.assertLess(run.seconds, 4, run)

    def test_without_a_port_the_hint_is_to_give_one(self):
        run, _ = self.commit(lambda request: request.respond(), expect=8, wait="1", listens=False)
        self.assert_names(run, "hint:", "--port-scp")

    def test_a_server_that_releases_at_once_ends_the_wait_unless_we_listen(self):
        def script(request):
            request.respond()
            request.association.release()

        run, _ = self.commit(script, expect=8, wait="30", listens=False)
        self.assert_names(run, "the server has ended the association", "hint:", "--port-scp")
        self.assertLess(run.seconds, 4, run)

    def test_a_release_and_a_report_on_a_new_association_is_success(self):
        def script(request):
            request.respond()
            request.association.release()
            request.report_on_new_association()

        run, server = self.commit(script, expect=0)
        self.assertEqual(server.statuses, [0], run)

    def test_a_connection_cut_between_request_and_result_is_4_without_a_port(self):
        def script(request):
            request.respond()
            request.association.cut()

        run, _ = self.commit(script, expect=4, wait="30", listens=False)
        self.assert_lines(run, "no answer", "no answer")
        self.assert_names(run, "connection lost", "hint:", "--port-scp")
        self.assertLess(run.seconds, 4, run)

    def test_a_connection_cut_between_request_and_result_is_survived_with_one(self):
        def script(request):
            request.respond()
            request.association.cut()
            request.report_on_new_association()

        run, server = self.commit(script, expect=0)
        self.assertEqual(server.statuses, [0], run)

    def test_a_connection_cut_before_the_response_is_4_unless_the_report_comes(self):
        run, _ = self.commit(lambda request: request.association.cut(), expect=4, wait="1")
        self.assert_lines(run, "no answer", "no answer")

        def script(request):
            request.association.cut()
            request.report_on_new_association()

        run, _ = self.commit(script, expect=0)
        self.assert_lines(run, "committed", "committed")

    def test_an_abort_of_the_request_is_5_and_names_title_and_port(self):
        run, _ = self.commit(lambda request: request.association.abort(), expect=5, wait="30")
        self.assert_names(run, "aborted", TITLE, f"port {self.port_scp}", "hint:")
        self.assertLess(run.seconds, 4, run)

    def test_a_server_that_calls_another_title_is_named(self):
        def script(request):
            request.respond()
            try:
                request.report_on_new_association(called="WRONG")
            except Exception:  # noqa: BLE001: it is rejected, and the program has to report that
                pass

        run, _ = self.commit(script, expect=8, wait="1")
        self.assert_names(run, 'the server called back, but called "WRONG"', TITLE)

    def test_a_refused_request_is_9_and_asks_no_more(self):
        run, _ = self.commit(lambda request: request.respond(0x0131), expect=9, wait="30")
        self.assert_lines(run, "not committed", "not committed")
        self.assertIn("duplicate transaction UID (0131H)", run.stderr, run)
        self.assertLess(run.seconds, 4, run)

    def test_a_server_without_the_class_is_6(self):
        run, _ = self.commit(lambda request: None, expect=6, refuse=[commitment.CLASS])
        self.assert_names(run, "no presentation context", "Storage Commitment", "2 not requested")
        # One cause, told once, and no line that says that there was no answer.
        self.assertEqual(run.stdout, "", run)
        self.assertEqual(len(run.stderr.splitlines()), 3, run)

    # MARK: transactions

    def test_references_are_divided_and_all_transactions_are_open_at_once(self):
        pending = []

        def script(request):
            pending.append(request)
            request.respond()
            if len(pending) == 2:
                # The last one first.
                for open_request in reversed(pending):
                    open_request.report_on_new_association()

        run, server = self.commit(script, "--max-references", "1", expect=0)
        self.assertEqual([len(request.references) for request in server.requests], [1, 1], run)
        self.assertNotEqual(server.requests[0].transaction, server.requests[1].transaction, run)
        self.assert_lines(run, "committed", "committed")

    def test_what_was_not_asked_before_a_cut_is_asked_on_another_association(self):
        def script(request):
            request.respond()
            if len(request.server.requests) == 1:
                request.association.cut()
            request.report_on_new_association()

        run, server = self.commit(script, "--max-references", "1", expect=0)
        self.assertEqual(len({request.transaction for request in server.requests}), 2, run)
        self.assert_lines(run, "committed", "committed")

    def test_what_an_abort_kept_from_being_asked_is_accounted_for(self):
        def script(request):
            request.respond()
            request.report()
            request.association.abort()

        run, server = self.commit(script, "--max-references", "1", expect=5)
        self.assertEqual(len(server.requests), 1, run)
        self.assert_lines(run, "committed", "no answer")

    def test_per_study_gives_each_study_a_transaction(self):
        def script(request):
            request.respond()
            request.report()

        run, server = self.commit(script, "--per", "study", expect=0)
        self.assertEqual([len(request.references) for request in server.requests], [1, 1], run)

    def test_the_root_of_the_transaction_uid_is_that_of_the_user(self):
        def script(request):
            request.respond()
            request.report()

        run, server = self.commit(script, "--root-uid", "1.2.3", expect=0)
        self.assertTrue(server.requests[0].transaction.startswith("1.2.3."), run)

    def test_wait_0_asks_and_leaves(self):
        run, server = self.commit(lambda request: request.respond(), expect=0, wait="0")
        self.assertEqual(len(server.requests), 1, run)
        self.assert_lines(run, "no answer", "no answer")
        self.assertLess(run.seconds, 4, run)

    # MARK: results

    def test_json_lines_tell_of_each_instance_and_of_the_run(self):
        def script(request):
            request.respond()
            request.report(request.result(request.references[:1], [(request.references[1], 0x0112)]))

        run, server = self.commit(script, "--format", "jsonl", expect=9)
        done, failed, summary = [json.loads(line) for line in run.stdout.splitlines()]
        self.assertEqual(
            (done["event"], done["outcome"], done["sopInstanceUID"], done["transactionUID"]),
            ("commitment", "done", self.batch[0].sop_instance, server.requests[0].transaction), run,
        )  # fmt: skip
        self.assertEqual(
            (failed["outcome"], failed["status"], failed["meaning"]),
            ("failed", "0112H", "no such object instance"), run,
        )  # fmt: skip
        self.assertEqual((summary["event"], summary["done"], summary["failures"]), ("summary", 1, 1), run)
        self.assertEqual(summary["exitCode"], 9, run)

    def test_the_report_is_kept_as_a_dicom_file_on_request(self):
        def script(request):
            request.respond()
            first, second = request.references
            request.report_on_new_association(request.result([first]), request.result([], [(second, 0x0112)]))

        output = self.folder / "reports"
        run, server = self.commit(script, "--output", output, expect=9)
        files = sorted(output.iterdir())
        self.assertEqual(len(files), 2, run)
        transaction = server.requests[0].transaction
        for file in files:
            self.assertTrue(file.name.startswith(transaction), file)
            report = images.read(file)
            self.assertEqual(report.TransactionUID, transaction)
            self.assertEqual(report.file_meta.MediaStorageSOPClassUID, commitment.CLASS)
        reasons = [item.FailureReason for file in files for item in images.read(file).get("FailedSOPSequence", [])]
        self.assertEqual(reasons, [0x0112])


class KeptTransactions(CommitmentTest):
    """`--transaction FILE`, and `--listen` in a later run."""

    def setUp(self):
        super().setUp()
        self.file = self.folder / "open.jsonl"

    def events(self):
        return [json.loads(line)["event"] for line in self.file.read_text().splitlines()]

    def listen(self, report, *options, expect):
        """Runs --listen, and the report once its port is open. Gives the run."""
        with commitment.CommitmentServer(lambda request: None, self.port_scp) as server:
            if report:
                server.start(_when_open, self.port_scp, report)
            run = programs.dcmscu(
                "--stgcmt", "--listen", "--transaction", self.file, "--port-scp", self.port_scp, "--aetitle", TITLE,
                "--wait", "5", *options, expect=expect,
            )  # fmt: skip
        self.assertEqual(server.problems, [], run)
        return run

    def ask_in_vain(self):
        written = []

        def script(request):
            # It is there before the request is.
            written.append(self.file.read_text())
            request.respond()

        run, server = self.commit(script, "--transaction", self.file, expect=8, wait="0.5")
        self.assertIn(server.requests[0].transaction, written[0], run)
        self.assertEqual(self.events(), ["requested"], run)
        self.assert_names(run, "saved in", "--listen --transaction")
        return server.requests[0]

    def test_what_was_not_answered_is_waited_for_by_a_later_run(self):
        request = self.ask_in_vain()
        run = self.listen(request.report_on_new_association, expect=0)
        self.assert_lines(run, "committed", "committed")
        self.assertEqual(self.events(), ["requested", "reported", "closed"], run)
        # Once reported there is nothing left to wait for.
        run = self.listen(None, expect=0)
        self.assertIn("nothing to wait for", run.stderr, run)
        self.assertLess(run.seconds, 4, run)

    def test_a_failure_that_comes_later_is_9(self):
        request = self.ask_in_vain()

        def report():
            failed = [(reference, 0x0112) for reference in request.references]
            request.report_on_new_association(request.result([], failed))

        run = self.listen(report, expect=9)
        self.assert_lines(run, "not committed", "not committed")

    def test_a_later_run_that_waits_in_vain_is_8_and_keeps_the_file(self):
        self.ask_in_vain()
        run = self.listen(None, "--wait", "0.5", expect=8)
        self.assert_lines(run, "no answer", "no answer")
        self.assertEqual(self.events(), ["requested"], run)

    def test_an_interrupted_wait_is_130_and_keeps_what_is_open(self):
        with commitment.CommitmentServer(lambda request: request.respond(), self.port_scp) as server:
            process = subprocess.Popen(
                [
                    programs.dcmscu_path(), "--stgcmt", "--verbose", "--transaction", str(self.file), "--wait", "60",
                    servers.LOOPBACK, str(server.port), *(str(image.path) for image in self.batch),
                ],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            )  # fmt: skip
            # An interruption before it has read the response would abort the association.
            before = []
            while not any(" accepted, " in line for line in before[-1:]):
                before.append(process.stderr.readline())
                self.assertTrue(before[-1], before)
            process.send_signal(signal.SIGINT)
            said, complained = process.communicate(timeout=20)
        self.assertEqual(process.returncode, 130, complained)
        self.assertEqual(said.count("no answer"), 2, said)
        self.assertEqual(self.events(), ["requested"], complained)
        self.assertEqual(server.ends, ["released"], complained)

    def test_a_report_repeated_in_a_later_run_is_known(self):
        request = self.ask_in_vain()
        self.listen(request.report_on_new_association, expect=0)

        def script(other):
            other.respond()
            request.report_on_new_association()
            other.report()

        run, server = self.commit(script, "--transaction", self.file, expect=0)
        self.assertEqual(request.server.statuses, [0, 0], run)
        self.assertEqual(server.statuses, [0], run)

    def test_an_answered_transaction_is_closed_at_once(self):
        def script(request):
            request.respond()
            request.report()

        run, _ = self.commit(script, "--transaction", self.file, expect=0)
        self.assertEqual(self.events(), ["requested", "reported", "closed"], run)

    def test_a_refused_transaction_is_closed_at_once(self):
        self.commit(lambda request: request.respond(0x0110), "--transaction", self.file, expect=9)
        self.assertEqual(self.events(), ["requested", "closed"])

    def test_a_file_that_cannot_be_written_is_3_and_nothing_is_asked(self):
        run, server = self.commit(
            lambda request: request.respond(), "--transaction", self.folder / "none" / "open.jsonl", expect=3
        )
        self.assertEqual(server.requests, [], run)

    def test_a_line_that_was_cut_off_is_passed_over(self):
        request = self.ask_in_vain()
        with open(self.file, "a") as file:
            file.write('{"event":"repor')
        run = self.listen(request.report_on_new_association, expect=0)
        self.assert_lines(run, "committed", "committed")
        self.listen(None, expect=0)

    def test_a_damaged_line_costs_itself(self):
        request = self.ask_in_vain()
        self.file.write_text('{"event":"requested","transac\n' + self.file.read_text() + "\0\0\0{\n")
        run = self.listen(request.report_on_new_association, expect=0)
        self.assert_lines(run, "committed", "committed")
        self.assert_names(run, "2 damaged lines skipped")

    def test_a_listener_knows_what_is_requested_while_it_waits(self):
        # One transaction is open, so that the listener waits; another run with the same file requests a second.
        self.ask_in_vain()
        requests = []

        def ask():
            def script(request):
                request.respond()
                requests.append(request)

            with commitment.CommitmentServer(script, self.port_scp) as server:
                programs.dcmscu(
                    "--stgcmt", "--aetitle", TITLE, "--call", "SERVER", "--wait", "0", "--transaction", self.file,
                    servers.LOOPBACK, server.port, self.batch[0].path, expect=0,
                )  # fmt: skip
                requests[0].report_on_new_association()
                self.statuses = server.statuses

        run = self.listen(ask, "--wait", "2", expect=8)
        self.assertEqual(self.statuses, [0], run)
        self.assert_lines(run, "no answer", "no answer", "committed")

    def test_a_report_of_a_stranger_in_a_later_run_is_not_believed(self):
        request = self.ask_in_vain()
        stranger = lambda: request.report_on_new_association(calling="STRANGER")  # noqa: E731
        run = self.listen(stranger, "--wait", "0.5", expect=8)
        self.assert_names(run, "is not believed", "STRANGER")
        run = self.listen(stranger, "--accept-from", "STRANGER", expect=0)
        self.assert_lines(run, "committed", "committed")

    def test_another_address_is_warned_of_and_refused_with_strict(self):
        request = self.ask_in_vain()
        entry = json.loads(self.file.read_text())
        self.assertEqual(entry["address"], servers.LOOPBACK)
        entry["address"] = "192.0.2.1"
        self.file.write_text(json.dumps(entry) + "\n")
        run = self.listen(request.report_on_new_association, "--wait", "0.5", "--strict", expect=8)
        self.assert_names(run, "is not believed", "192.0.2.1", "hint:", "leave out --strict")
        run = self.listen(request.report_on_new_association, expect=0)
        self.assert_names(run, "warning", f"it came from {servers.LOOPBACK}", "192.0.2.1", "--strict refuses")
        self.assert_lines(run, "committed", "committed")

    def test_a_report_that_cannot_be_saved_is_not_committed(self):
        def script(request):
            request.respond()
            # Room for no further line.
            size = self.file.stat().st_size
            (process,) = self.running
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size, size))
            request.report()

        with commitment.CommitmentServer(script, self.port_scp) as server:
            process = subprocess.Popen(
                [
                    programs.dcmscu_path(), "--stgcmt", "--transaction", str(self.file), "--wait", "2", "--call", "SERVER",
                    servers.LOOPBACK, str(server.port), *(str(image.path) for image in self.batch),
                ],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            )  # fmt: skip
            self.running = [process]
            said, complained = process.communicate(timeout=20)
        self.assertEqual(server.problems, [], complained)
        self.assertEqual(server.statuses, [0x0110], complained)
        self.assertEqual(process.returncode, 3, complained)
        self.assertEqual(said.count("no answer"), 2, said)
        self.assertIn("was not saved", complained)
        self.assertEqual(self.events(), ["requested"], complained)
        # The run after it knows that the transaction is open: it waits for the report, and keeps it.
        run = self.listen(None, "--wait", "0.5", expect=8)
        self.assert_lines(run, "no answer", "no answer")
        self.assertEqual(self.events(), ["requested"], run)
        run = self.listen(server.requests[0].report_on_new_association, expect=0)
        self.assert_lines(run, "committed", "committed")
        self.assertEqual(self.events(), ["requested", "reported", "closed"], run)

    def test_listening_without_a_file_or_a_port_is_2(self):
        run = programs.dcmscu("--stgcmt", "--listen", "--port-scp", self.port_scp, expect=2)
        self.assert_names(run, "--transaction")
        run = programs.dcmscu("--stgcmt", "--listen", "--transaction", self.file, expect=2)
        self.assert_names(run, "--port-scp")
        run = programs.dcmscu(
            "--stgcmt", "--listen", "--transaction", self.file, "--port-scp", self.port_scp, "host", "104", expect=2
        )
        self.assert_names(run, "--listen", "host")


def _when_open(port, report):
    """Calls report() once somebody listens at the port; connecting is the only way to find out."""
    for _ in range(1000):
        if servers.accepts_connections(port):
            return report()
        time.sleep(0.01)
    raise AssertionError(f"nobody listens at port {port}")


class OtherSources(CommitmentTest):
    """References from a list or a journal instead of files."""

    def ask(self, *options, expect, script=None):
        def report(request):
            request.respond()
            request.report()

        with commitment.CommitmentServer(script or report, self.port_scp) as server:
            run = programs.dcmscu(
                "--stgcmt", "--aetitle", TITLE, "--call", "SERVER", "--wait", "5", servers.LOOPBACK, server.port, *options,
                expect=expect,
            )  # fmt: skip
        self.assertEqual(server.problems, [], run)
        return run, server

    def test_a_list_with_classes_and_instances_is_asked_for_as_it_stands(self):
        list_file = self.folder / "list.csv"
        rows = "".join(f"{image.sop_class},{image.sop_instance},ignored\n" for image in self.batch)
        list_file.write_text("SOPClassUID,SOPInstanceUID,PatientID\n" + rows)
        run, server = self.ask("--from-list", list_file, expect=0)
        self.assertEqual(
            server.requests[0].references, [(image.sop_class, image.sop_instance) for image in self.batch], run
        )
        self.assert_lines(run, "committed", "committed")

    def test_a_list_without_classes_is_2_and_nothing_is_asked(self):
        list_file = self.folder / "list.csv"
        list_file.write_text("".join(f"{image.sop_instance}\n" for image in self.batch))
        run, server = self.ask("--from-list", list_file, expect=2)
        self.assertEqual(server.requests, [], run)
        self.assert_names(run, "line 1", "SOPClassUID")

    def test_a_journal_of_sending_is_asked_for_and_told_the_outcome(self):
        journal = self.folder / "journal.jsonl"
        with commitment.CommitmentServer(lambda request: None) as storage:
            programs.dcmscu(
                "--store", "--journal", journal, servers.LOOPBACK, storage.port, *(image.path for image in self.batch),
                expect=0,
            )  # fmt: skip

        def script(request):
            request.respond()
            request.report(request.result(request.references[:1], [(request.references[1], 0x0112)]))

        run, server = self.ask("--journal", journal, expect=9, script=script)
        self.assert_lines(run, "committed", "not committed")
        entries = [json.loads(line) for line in journal.read_text().splitlines()]
        told = {(entry["sopInstanceUID"], entry["outcome"]) for entry in entries if "transactionUID" in entry}
        first, second = (image.sop_instance for image in self.batch)
        self.assertEqual(told, {(first, "committed"), (second, "uncommitted")}, run)

    def test_a_journal_knows_the_studies(self):
        journal = self.folder / "journal.jsonl"
        with commitment.CommitmentServer(lambda request: None) as storage:
            programs.dcmscu(
                "--store", "--journal", journal, servers.LOOPBACK, storage.port, *(image.path for image in self.batch),
                expect=0,
            )  # fmt: skip
        run, server = self.ask("--journal", journal, "--per", "study", expect=0)
        self.assertEqual([len(request.references) for request in server.requests], [1, 1], run)

    def test_a_journal_that_is_missing_is_3(self):
        run, _ = self.ask("--journal", self.folder / "none", expect=3)
        self.assert_names(run, "none", "no such file")
