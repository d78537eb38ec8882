"""What comes in a retrieval and what was asked for: strangers, late instances, servers whose queries fail."""

import json
import socket
import threading
import time

from harness import cases, images, loading, servers
from harness.programs import dcmscu
from harness.scripted_archive import CT, Association, Gone, Instance, ScriptedRetrieval, study

OTHER = "9.9.9"


def stranger(uid="9.9.9.1.1", **more):
    """An instance of a study and patient that nobody asks for."""
    return Instance(OTHER, f"{OTHER}.1", uid, patient="P9", size=3000, **more)


class Strangers(ScriptedRetrieval):
    def apart(self):
        return sorted(path.name for path in self.files() if path.parent == self.out / "unexpected")

    def assert_apart(self, run, wanted, strangers):
        """The wanted ones under their names, the others apart, named, and exit code 1."""
        self.assertEqual(self.apart(), sorted(f"{instance.uid}.dcm" for instance in strangers), run)
        for instance in strangers:
            data = (self.out / "unexpected" / f"{instance.uid}.dcm").read_bytes()
            self.assertTrue(data.endswith(instance.data))
            self.assert_names(run, f"unexpected/{instance.uid}.dcm", "nothing that was asked for")
        self.assertEqual({path.stem for path in self.out.glob("*.dcm")}, {instance.uid for instance in wanted}, run)
        for instance in wanted:
            self.assertTrue((self.out / f"{instance.uid}.dcm").read_bytes().endswith(instance.data), instance.uid)

    def call_early(self, instance):
        """Calls our port with the first query, and sends the instance as soon as it is let in."""
        self.was_asked = None

        def call():
            try:
                out = Association(socket.create_connection((servers.LOOPBACK, self.port_scp)))
                out.request("ANYBODY", "DCMSCU", [instance.sop_class])
                self.was_asked = len(self.archive.requests) > 0
                out.store(instance)
                out.release()
            except (Gone, OSError):
                pass

        def on_find(_):
            if self.was_asked is None and not self.caller.is_alive():
                self.caller.start()
                # It has connected, and would have been let in long ago.
                self.archive.over.wait(0.3)

        def plan(number, given=self.archive.plan):
            # What is asked for comes after it: on a busy machine all would be over before it is let in.
            if self.caller.is_alive():
                self.caller.join(10)
            return given(number)

        self.caller = threading.Thread(target=call, daemon=True)
        self.archive.on_find, self.archive.plan = on_find, plan

    def test_nobody_is_let_in_before_something_was_asked_for(self):
        instances = study(6)
        self.serve_scripted(instances)
        self.call_early(stranger())
        run = self.retrieve("move", expect=1)
        self.caller.join(20)
        self.assertTrue(self.was_asked)
        self.assert_apart(run, instances, [stranger()])
        self.assert_names(run, "1 that nobody asked for")

    def test_an_instance_with_the_uid_of_a_wanted_one_does_not_take_its_place(self):
        for existing in ("rename", "skip", "overwrite"):
            with self.subTest(existing):
                instances = study(6)
                self.serve_scripted(instances)
                self.out = self.folder / existing
                false = stranger(instances[2].uid)
                self.call_early(false)
                run = self.retrieve("move", "--if-exists", existing, expect=1)
                self.caller.join(20)
                self.assert_apart(run, instances, [false])

    def test_what_belongs_to_nothing_that_was_asked_for_is_kept_apart_at_every_level(self):
        one = "1.2.1.1"
        keys = {
            "patient": ["-k", "PatientID=p1"],
            "study": ["-k", "20,d=1.2.1"],
            "series": ["-k", "20,d=1.2.1", "-k", f"20,e={one}"],
            "image": ["-k", "20,d=1.2.1", "-k", f"20,e={one}", "-k", f"8,18={one}.1\\{one}.3"],
        }
        for operation in ("move", "get"):
            for level, arguments in keys.items():
                with self.subTest(f"{operation} {level}"):
                    held = study(6)
                    wanted = [i for i in held if level in ("patient", "study") or i.series == one]
                    wanted = [i for i in wanted if level != "image" or i.uid in (f"{one}.1", f"{one}.3")]
                    archive = self.serve_scripted(held)
                    archive.extras = [stranger()] + ([i for i in held if i not in wanted][:1])
                    self.out = self.folder / f"{operation}-{level}"
                    model = "patient" if level == "patient" else "study"
                    run = self.retrieve(operation, f"--{model}root", f"--{level}", *arguments, expect=1)
                    self.assert_apart(run, wanted, archive.extras)

    def test_an_instance_of_the_study_that_is_not_listed_is_kept_and_noted(self):
        for operation in ("move", "get"):
            with self.subTest(operation):
                instances = study(6)
                self.serve_scripted(instances, listed=instances[:4])
                self.out = self.folder / operation
                run = self.retrieve(operation, expect=0)
                self.assert_whole(instances)
                self.assert_names(run, "note: ", "2 instances that it does not list")

    def test_uids_that_the_list_pads_in_another_way_are_those_of_the_instances(self):
        """By a space, or by two NULs where there should be none; the instances have theirs as the standard has it."""
        for operation in ("move", "get"):
            with self.subTest(operation):
                # UIDs of nine characters and of ten.
                instances = study(20)
                padded = [one.uid.encode() + (b" " if len(one.uid) % 2 else b"\0\0") for one in instances]
                listed = [
                    Instance(one.study, one.series, uid, sop_class=CT.encode() + b" ") for one, uid in zip(instances, padded)
                ]
                archive = self.serve_scripted(instances, listed=listed)
                self.out = self.folder / operation
                run = self.retrieve(operation, expect=0)
                self.assert_whole(instances)
                self.assertEqual(len(archive.requests), 1, run)
                for words in ("does not list", "missing", "warning"):
                    self.assertNotIn(words, run.stderr)

    def test_with_several_studies_at_once_only_those_of_them_are_taken(self):
        instances = study(4, number=1) + study(4, number=2) + study(4, number=3)
        archive = self.serve_scripted(instances)
        archive.extras = [stranger()]
        run = self.retrieve("move", "-k", "20,d=1.2.1\\1.2.2\\1.2.3", "--jobs", "2", expect=1)
        self.assertEqual(len([path for path in self.out.glob("*.dcm")]), 12, run)
        self.assertEqual(self.apart(), ["9.9.9.1.1.dcm"])

    def test_a_foreign_caller_in_the_middle_of_two_running_moves(self):
        instances = study(4, number=1) + study(4, number=2) + study(4, number=3)
        # One of nobody's, and one with the UID of an instance that is still to come.
        strangers = [stranger(), stranger(instances[-1].uid)]
        archive = self.serve_scripted(instances)
        lock, statuses, running = threading.Lock(), [], []

        def plan(number):
            with lock:
                if not running:
                    # Both moves are asked for, and neither is over: each waits here for the lock, or sends behind it.
                    limit = time.monotonic() + 60
                    while len(archive.requests) < 2 and time.monotonic() < limit:
                        time.sleep(0.01)
                    running.append(len(archive.requests))
                    out = Association(socket.create_connection((servers.LOOPBACK, self.port_scp)))
                    out.request("ANYBODY", "DCMSCU", [strangers[0].sop_class])
                    statuses.extend(out.store(instance) for instance in strangers)
                    out.release()
            return "send"

        archive.plan = plan
        run = self.retrieve("move", "-k", "20,d=1.2.1\\1.2.2\\1.2.3", "--jobs", "2", expect=1)
        self.assertEqual((running, statuses), ([2], [0, 0]), run)
        self.assert_apart(run, instances, strangers)
        self.assert_names(run, "2 that nobody asked for")

    def test_what_is_kept_apart_is_no_part_of_a_journal(self):
        instances = study(4)
        archive = self.serve_scripted(instances)
        journal = self.folder / "journal"
        # At our port the uid of a wanted instance proves nothing.
        for operation, uid in (("get", "9.9.9.1.1"), ("move", instances[0].uid)):
            self.out = self.folder / operation
            archive.extras = [stranger(uid)]
            run = self.retrieve(operation, "--journal", journal, expect=1)
            self.assert_apart(run, instances, archive.extras)
            paths = [json.loads(line).get("path", "") for line in journal.read_text().splitlines()]
            self.assertFalse([path for path in paths if "unexpected" in path])


class Late(ScriptedRetrieval):
    def test_success_without_counts_and_the_instances_a_moment_later(self):
        # Without counts, with none, with all, and with too few.
        for told, code in (((None, None), 0), ((0, 0), 0), ((6, 0), 0), ((3, 0), 1)):
            with self.subTest(told):
                instances = study(6)
                archive = self.serve_scripted(instances, told=lambda *_, told=told: told)
                archive.late = 0.7
                self.out = self.folder / "-".join(map(str, told))
                run = self.retrieve("move", expect=code)
                self.assert_whole(instances)
                self.assertEqual(len(archive.requests), 1)
                if code:
                    self.assert_names(run, "says that it sent 3 instances, but 6 were received")

    def test_instances_that_are_told_as_failed_and_come_a_moment_later(self):
        instances = study(6)
        archive = self.serve_scripted(instances, told=lambda *_: (3, 3))
        archive.late = 0.7
        # What is told as failed is not waited for and may be asked for again; what comes meanwhile is kept all the same.
        self.retrieve("move", expect=(0, 1))
        self.assert_whole(instances)
        self.assertEqual(len(archive.requests[0][1]), 6)

    def test_what_is_listed_and_does_not_come_in_the_grace_is_asked_for_again(self):
        instances = study(6)
        archive = self.serve_scripted(instances, told=lambda *_: (None, None))
        archive.late = 1.5
        self.retrieve("move", "--grace", "0.3")
        self.assertGreater(len(archive.requests), 1)

    def test_each_late_instance_renews_the_grace(self):
        """Six instances, each of which comes in the grace after the one before, and the last long after the first grace."""
        for apart in (True, False):
            with self.subTest(apart=apart):
                instances = study(6)
                archive = self.serve_scripted(instances, told=lambda *_: (None, None))
                self.out = self.folder / f"{apart}"
                archive.late, archive.comes_apart = 1, apart
                if not apart:
                    archive.plan = lambda number: time.sleep(1) or "send"
                run = self.retrieve("move", "--grace", "3", expect=0)
                self.assert_whole(instances)
                self.assertEqual(len(archive.requests), 1, run)
                self.assertGreater(run.seconds, 5)

    def test_what_comes_when_it_is_asked_for_again(self):
        """(what comes of the first request, of all further ones, exit code)"""
        for first, later, code in ((0, 6, 0), (2, 6, 0), (0, 3, 1), (2, 1, 1), (0, 0, 1), (2, 0, 1)):
            with self.subTest(f"{first} and {later}"):
                instances = study(6)
                archive = self.serve_scripted(instances, told=lambda *_: (None, None))
                self.out = self.folder / f"{first}-{later}"
                came = []

                def plan(number):
                    limit = first if len(archive.requests) == 1 else first + later
                    if len(came) >= limit:
                        return "forget"
                    came.append(number)
                    return "send"

                archive.plan = plan
                run = self.retrieve("move", "--grace", "0.3", expect=code)
                held = min(6, first + later)
                self.assertEqual(len(self.files()), held, run)
                # Only what is missing is asked for again, a request a series, and not without an end.
                again = [uid for _, uids in archive.requests[1:3] for uid in uids]
                self.assertEqual(len(again), 6 - first, run)
                self.assertFalse(set(again) & {instances[number].uid for number in came[:first]})
                self.assertLess(len(archive.requests), 10, run)
                missing = {row["SOPInstanceUID"] for row in self.missing(run)}
                here = {str(images.meta(path).MediaStorageSOPInstanceUID) for path in self.files()}
                self.assertEqual(missing, {instance.uid for instance in instances} - here, run)
                if code:
                    self.assert_names(run, f"{6 - held} of 6 instances listed by the server are missing")

    def test_counts_of_zero_where_all_that_is_listed_is_here_are_a_note(self):
        for operation in ("move", "get"):
            with self.subTest(operation):
                instances = study(6)
                self.serve_scripted(instances, told=lambda *_: (0, 0))
                self.out = self.folder / operation
                run = self.retrieve(operation, expect=0)
                self.assert_whole(instances)
                self.assert_names(run, "note: ", "says that it sent 0 instances, but all 6")

    def test_a_list_of_nothing_although_the_server_sends_and_counts(self):
        for operation in ("move", "get"):
            with self.subTest(operation):
                instances = study(6)
                self.serve_scripted(instances, listed=[])
                self.out = self.folder / operation
                run = self.retrieve(operation, expect=0)
                self.assert_whole(instances)
                self.assert_names(run, "note: ", "6 instances that it does not list")
                # One fewer than the server counts.
                self.serve_scripted(instances, listed=[], told=lambda *_: (7, 0))
                self.retrieve(operation, *(["--grace", "0.2"] if operation == "move" else []), expect=1)

    def test_the_association_of_the_server_is_left_to_its_own_release(self):
        instances = study(6)
        archive = self.serve_scripted(instances)
        archive.kept_open = 1
        self.retrieve("move", expect=0)
        # A-RELEASE-RP.
        self.assertEqual(archive.ends, [6])
        self.assert_whole(instances)

    def test_an_association_that_is_never_released_costs_the_grace(self):
        instances = study(6)
        archive = self.serve_scripted(instances)
        archive.kept_open = 50
        run = self.retrieve("move", "--grace", "0.5", expect=0)
        self.assertLess(run.seconds, 15)


class WithoutQueries(ScriptedRetrieval):
    """Servers that retrieve, and do not let us query."""

    FAULTS = {"abort": "aborted", "close": "connection", "hang": "did not answer", 0xA700: "A700H", "not offered": "not offer"}

    def serve_without_find(self, fault, instances, **script):
        archive = self.serve_scripted(instances, **script)
        archive.offers_find = fault != "not offered"
        archive.find_fault = None if fault == "not offered" else fault
        return archive

    def test_a_retrieval_goes_on_without_a_list(self):
        for operation in ("move", "get"):
            for fault, words in self.FAULTS.items():
                with self.subTest(f"{operation} {fault}"):
                    instances = study(6)
                    self.serve_without_find(fault, instances)
                    self.out = self.folder / f"{operation}{fault}"
                    run = self.retrieve(operation, "--timeout", "2", expect=0)
                    self.assert_whole(instances)
                    self.assert_names(run, "note: ", words, "C-FIND", "server's own counts")
                    self.assertNotIn("over HTTP", run.stderr)

    def test_the_counts_of_the_server_are_compared_then(self):
        for operation in ("move", "get"):
            with self.subTest(operation):
                self.serve_without_find("abort", study(6), told=lambda *_: (7, 0))
                self.out = self.folder / operation
                run = self.retrieve(operation, *(["--grace", "0.2"] if operation == "move" else []), expect=1)
                self.assert_names(run, "says that it sent 7", "6 were received")

    def test_the_limit_of_the_list_is_a_short_one_of_its_own(self):
        for operation in ("move", "get"):
            with self.subTest(operation):
                instances = study(6)
                archive = self.serve_without_find("hang", instances)
                self.out = self.folder / operation
                run = self.retrieve(operation, "--timeout", "120", expect=0, timeout=55)
                self.assertLess(run.seconds, 50, run)
                self.assertEqual(len(archive.queries), 1)
                self.assert_whole(instances)
                self.assert_names(run, "note: ", "did not answer", "C-FIND")

    def test_a_server_that_hangs_is_asked_once(self):
        instances = study(4) + study(4, number=2) + study(4, number=3)
        archive = self.serve_without_find("hang", instances)
        self.retrieve("get", "--timeout", "2", "--from-list", "-", stdin=b"1.2.1\n1.2.2\n1.2.3\n", expect=0)
        self.assertEqual(len(archive.queries), 1)
        self.assert_whole(instances)

    def test_without_the_check_nothing_is_asked(self):
        for operation in ("move", "get"):
            with self.subTest(operation):
                instances = study(6)
                archive = self.serve_scripted(instances)
                self.out = self.folder / operation
                self.retrieve(operation, "--no-check", expect=0)
                self.assert_whole(instances)
                self.assertEqual(archive.queries, [])

    def test_keys_that_a_query_must_resolve_end_the_run(self):
        for fault in ("abort", "close", "not offered"):
            with self.subTest(fault):
                archive = self.serve_without_find(fault, study(6))
                run = self.retrieve("get", "-k", "StudyDate=20260101-", expect=(4, 5, 6, 7))
                self.assertEqual((archive.requests, self.files()), ([], []))
                self.assert_names(run, {"abort": "aborted", "close": "connection lost", "not offered": "C-FIND"}[fault])

    def test_orthanc_that_allows_get_and_move_alone(self):
        port_scp = servers.free_port()
        server = self.serve(servers.Orthanc(DicomAlwaysAllowFind=False, DicomAlwaysAllowGet=False, DicomAlwaysAllowMove=False))
        image = images.archive_images()[0]
        loading.load_orthanc(server, [image])
        server.register("DCMSCU", port_scp, AllowFind=False, AllowGet=True, AllowMove=True, AllowStore=True)
        for operation in (["--get"], ["--move", "--port-scp", port_scp]):
            out = self.folder / operation[0]
            run = dcmscu(
                *operation, "--studyroot", "-k", f"20,d={image.study}", "--aetitle", "DCMSCU", "--call", server.ae_title,
                "-o", out, servers.LOOPBACK, server.port, expect=0,
            )  # fmt: skip
            self.assertEqual([path.stem for path in out.rglob("*.dcm")], [image.sop_instance], run)
            self.assert_names(run, "note: ", "aborted", "C-FIND")
