"""Storage commitment with servers that report in every way the standard allows, and in some that it does not."""

import json
import signal
import subprocess
import threading
import time

from harness import cases, commitment, images, programs, servers

TITLE = "DCMSCU"


class ScriptedTest(cases.RealServerTest):
    """Runs the program against a script; see harness/commitment.py."""

    def setUp(self):
        super().setUp()
        self.port_scp = servers.free_port()
        self.batch = [images.image("CT_small.dcm"), images.image("MR_small.dcm")]

    def commit(self, script, *options, expect, listens=True, wait="5", refuse=(), count=2):
        """Runs --stgcmt against the script. Gives (run, server)."""
        with commitment.CommitmentServer(script, self.port_scp, refuse) as server:
            receiver = ["--port-scp", self.port_scp] if listens else []
            run = programs.dcmscu(
                "--stgcmt", "--aetitle", TITLE, "--call", "SERVER", "--wait", wait, *receiver, *options,
                servers.LOOPBACK, server.port, *(image.path for image in self.batch[:count]), expect=expect,
            )  # fmt: skip
        self.assertEqual(server.problems, [], run)
        return run, server

    def assert_lines(self, run, *starts):
        lines = run.stdout.splitlines()
        self.assertEqual(len(lines), len(starts), run)
        for line, start, image in zip(lines, starts, self.batch):
            self.assertEqual(" ".join(line.split()[: len(start.split())]), start, run)
            self.assertIn(image.sop_instance, line, run)


class Scripted(ScriptedTest):
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

    # MARK: what the report says

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

    def test_another_event_type_is_refused(self):
        def script(request):
            request.report(event_type=3)
            request.report()
            request.respond()

        run, server = self.commit(script, expect=0)
        self.assertEqual(server.statuses, [0x0113, 0], run)

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
            except Exception:  # noqa: BLE001: it is rejected, which is what the program has to tell
                pass

        run, _ = self.commit(script, expect=8, wait="1")
        self.assert_names(run, 'the server called back, but for "WRONG"', TITLE)

    def test_a_refused_request_is_9_and_asks_no_more(self):
        run, _ = self.commit(lambda request: request.respond(0x0131), expect=9, wait="30")
        self.assert_lines(run, "not committed", "not committed")
        self.assertIn("duplicate transaction UID (0131H)", run.stderr, run)
        self.assertLess(run.seconds, 4, run)

    def test_a_server_without_the_class_is_6(self):
        run, _ = self.commit(lambda request: None, expect=6, refuse=[commitment.CLASS])
        self.assert_names(run, "no presentation context", "Storage Commitment")

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


class KeptTransactions(ScriptedTest):
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
        self.assert_names(run, "kept in", "--listen --transaction")
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
        answered = threading.Event()

        def script(request):
            request.respond()
            answered.set()

        with commitment.CommitmentServer(script, self.port_scp) as server:
            process = subprocess.Popen(
                [
                    programs.dcmscu_path(), "--stgcmt", "--transaction", str(self.file), "--wait", "60",
                    servers.LOOPBACK, str(server.port), *(str(image.path) for image in self.batch),
                ],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            )  # fmt: skip
            self.assertTrue(answered.wait(20))
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


class OtherSources(ScriptedTest):
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


class VerifiedStoring(ScriptedTest):
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

        run, server = self.store(script, expect=0)
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
        self.assert_names(run, "0 stored", "2 failed")
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
