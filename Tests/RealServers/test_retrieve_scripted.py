"""C-MOVE and C-GET from servers that do what no honest server does: the exit code, the hint, nothing half, nothing lost."""

import csv
import io
import json
import os
import random
import signal
import socket
import subprocess
import threading
import time

from harness import cases, images, programs, servers
from harness.programs import dcmscu
from harness.scripted_archive import CT, Instance, ScriptedArchive

TITLE = "DCMSCU"
MR = "1.2.840.10008.5.1.4.1.1.4"


def study(count, number=1, size=2000, sop_class=CT):
    """A study of two series."""
    return [
        Instance(f"1.2.{number}", f"1.2.{number}.{1 + n % 2}", f"1.2.{number}.{1 + n % 2}.{n + 1}", size, sop_class)
        for n in range(count)
    ]


class Scripted(cases.RealServerTest):
    def serve_scripted(self, instances, **script):
        self.port_scp = servers.free_port()
        self.archive = ScriptedArchive(instances, destination=self.port_scp, **script)
        self.addCleanup(self.archive.close)
        self.out = self.folder / "out"
        return self.archive

    def arguments(self, operation, *more):
        port = ["--port-scp", self.port_scp] if operation == "move" or "--or-move" in more else []
        keys = [] if {"-k", "--from-list"} & set(more) else ["-k", "20,d=1.2.1"]
        return [
            f"--{operation}", *keys, "-o", self.out, *port, *more, servers.LOOPBACK, self.archive.port,
        ]  # fmt: skip

    def retrieve(self, operation, *more, **options):
        return dcmscu(*self.arguments(operation, *more), **options)

    def files(self):
        return sorted(path for path in self.out.rglob("*") if path.is_file()) if self.out.exists() else []

    def assert_whole(self, instances):
        """Exactly these, each with its data set, and nothing half."""
        found = {}
        for path in self.files():
            data = path.read_bytes()
            self.assertEqual(data[128:132], b"DICM", path)
            found[str(images.meta(path).MediaStorageSOPInstanceUID)] = data
        self.assertEqual(set(found), {instance.uid for instance in instances})
        for instance in instances:
            self.assertTrue(found[instance.uid].endswith(instance.data), instance.uid)

    def missing(self, run):
        """The rows that the run printed for another one."""
        return list(csv.DictReader(io.StringIO(run.stdout)))


class Servers(Scripted):
    def test_a_server_that_wants_the_keys_above_is_given_them(self):
        """PS3.4 C.4.2.2.1: without relational retrieval each level above needs its unique key."""
        for operation in ("move", "get"):
            with self.subTest(operation):
                self.serve_scripted(study(2), status=0xA900)
                run = self.retrieve(operation, "--series", "-k", "20,e=1.2.1.1", expect=7)
                self.assert_names(run, "A900H", "--key StudyInstanceUID=VALUE")

    def test_a_retrieval_has_unique_keys_alone(self):
        """PS3.4 C.4.2.1.4.1: what asks a query for an answer has no place in it."""
        instances = study(2)
        for operation in ("move", "get"):
            with self.subTest(operation):
                archive = self.serve_scripted(instances)
                self.retrieve(operation, "-k", "20,d=1.2.1", "-k", "10,10", "-k", "8,1030", expect=0)
                self.assert_whole(instances)
                tags = set().union(*archive.identifiers)
                self.assertEqual(tags - {0x00080005, 0x00080052, 0x00100020, 0x0020000D}, set())
                self.assertIn(0x0020000D, tags)

    def test_four_associations_at_once(self):
        instances = study(40)
        self.serve_scripted(instances, associations=4)
        self.retrieve("move", expect=0)
        self.assert_whole(instances)

    def test_one_association_dropped_in_the_middle_of_a_file(self):
        for operation, associations in (("move", 1), ("move", 4), ("get", 1)):
            with self.subTest(f"{operation} over {associations}"):
                instances = study(30, size=100_000)
                plan = lambda number: "drop" if number == 7 else "send"  # noqa: E731
                self.serve_scripted(instances, plan=plan, associations=associations)
                self.out = self.folder / f"{operation}{associations}"
                run = self.retrieve(operation, expect=0)
                self.assert_whole(instances)
                self.assertEqual(run.stdout, "")

    def test_every_tenth_sub_operation_fails(self):
        for operation in ("move", "get"):
            with self.subTest(operation):
                instances = study(100)
                self.serve_scripted(instances, plan=lambda number: "fail" if number % 10 == 9 else "send")
                self.out = self.folder / operation
                self.retrieve(operation, expect=0)
                self.assert_whole(instances)

    def test_one_instance_that_never_comes_is_named_for_another_run(self):
        instances = study(20)
        lost = instances[3]
        for operation in ("move", "get"):
            with self.subTest(operation):
                archive = self.serve_scripted([i for i in instances if i is not lost], listed=instances)
                self.out = self.folder / operation
                run = self.retrieve(operation, expect=1)
                self.assert_whole(archive.instances)
                self.assert_names(run, "1 of 20 instances that the server lists are missing")
                self.assertEqual(
                    self.missing(run),
                    [{"StudyInstanceUID": "1.2.1", "SeriesInstanceUID": lost.series, "SOPInstanceUID": lost.uid}],
                )
                # The server has it back: the difference alone is retrieved.
                archive.instances = instances
                archive.requests.clear()
                self.retrieve(operation, "--from-list", "-", stdin=run.stdout_bytes, expect=0)
                self.assertEqual([uids for _, uids in archive.requests], [[lost.uid]])
                self.assert_whole(instances)

    def test_counts_that_lie(self):
        instances = study(10)
        for told in ((9, 0), (12, 0), (0, 0)):
            for operation in ("move", "get"):
                with self.subTest(f"{operation} {told}"):
                    self.serve_scripted(instances, told=lambda *_, told=told: told)
                    self.out = self.folder / f"{operation}{told[0]}"
                    run = self.retrieve(operation, *(["--grace", "0.2"] if operation == "move" else []), expect=1)
                    self.assert_whole(instances)
                    self.assert_names(run, f"says that it sent {told[0]}", "10 came")

    def test_no_counts_at_all_are_no_lie(self):
        instances = study(10)
        self.serve_scripted(instances, told=lambda *_: (None, None))
        self.retrieve("get", expect=0)
        self.assert_whole(instances)

    def test_success_and_nothing_sent(self):
        for told in ((0, 0), (10, 0)):
            with self.subTest(told):
                archive = self.serve_scripted([], listed=study(10), told=lambda *_, told=told: told)
                run = self.retrieve("move", "--grace", "0.2", expect=1)
                self.assert_names(run, "10 of 10 instances", "hint:", TITLE, "127.0.0.1", self.port_scp)
                self.assertEqual(len(self.missing(run)), 10)
                self.assertEqual(self.files(), [])
                # Asked for again, once.
                self.assertEqual(len(archive.requests), 3)

    def test_the_first_interrupt_cancels_and_what_came_is_whole_and_the_rest_listed(self):
        instances = study(200)
        archive = self.serve_scripted(instances)
        arrived = threading.Event()

        def plan(number):
            if number == 5:
                arrived.set()
            time.sleep(0.01)
            return "send"

        archive.plan = plan
        process = subprocess.Popen(
            [str(part) for part in [programs.dcmscu_path(), *self.arguments("get")]],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        self.assertTrue(arrived.wait(20))
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 130, err)
        came = {str(images.meta(path).MediaStorageSOPInstanceUID) for path in self.files()}
        missing = {row["SOPInstanceUID"] for row in csv.DictReader(io.StringIO(out.decode()))}
        self.assertEqual(came | missing, {instance.uid for instance in instances})
        self.assertEqual(came & missing, set())
        self.assertTrue(5 <= len(came) < 200)
        self.assertIn(f"{len(came)} instances are on disk, whole", err.decode())

    def test_a_destination_that_is_not_known(self):
        archive = self.serve_scripted(study(10), status=0xA801)
        run = self.retrieve("move", expect=7)
        self.assert_names(run, "A801H", "hint:", "register", TITLE, "127.0.0.1", self.port_scp)
        self.assertEqual(len(archive.requests), 1)
        self.assertEqual(len(self.missing(run)), 10)

    def test_a_destination_that_is_not_known_is_asked_for_once_whatever_is_to_come(self):
        archive = self.serve_scripted(study(4) + study(4, number=2) + study(4, number=3), status=0xA801)
        run = self.retrieve("move", "--from-list", "-", stdin=b"1.2.1\n1.2.2\n1.2.3\n", expect=7)
        self.assert_names(run, "line 1: incomplete", "line 2: not begun", "line 3: not begun", "hint:", TITLE)
        self.assertEqual(len(archive.requests), 1)
        self.assertEqual({row["StudyInstanceUID"] for row in self.missing(run)}, {"1.2.1", "1.2.2", "1.2.3"})

    def test_a_server_that_never_calls_back(self):
        instances = study(10)
        archive = self.serve_scripted(instances)
        archive.destination = servers.free_port()
        run = self.retrieve("move", expect=(1, 7))
        self.assert_names(run, "hint:", "never called back", TITLE, "127.0.0.1", self.port_scp)
        self.assertEqual(self.files(), [])

    def test_an_instance_that_was_not_listed_is_kept_and_told(self):
        instances = study(5)
        self.serve_scripted(instances, listed=instances[:4])
        run = self.retrieve("get", expect=1)
        self.assert_whole(instances)
        self.assert_names(run, "1 instances that it does not list")
        self.retrieve("get", "--no-check", expect=0)

    def test_a_study_that_is_not_there(self):
        self.serve_scripted(study(5))
        run = self.retrieve("get", "-k", "20,d=1.2.99", expect=1)
        self.assert_names(run, "nothing of it")

    def test_more_classes_than_an_association_has_contexts_for(self):
        """Each class in each syntax has a context of its own, of which there are 128."""
        instances = [
            Instance("1.2.1", f"1.2.1.{number}", f"1.2.1.{number}.1", sop_class=f"1.2.840.10008.5.1.4.1.1.{number}")
            for number in (1, 2, 4, 7, 20, 30, 66, 67, 128, 129)
        ] + [
            Instance("1.2.1", f"1.2.1.88{number}", f"1.2.1.88{number}.1", sop_class=f"1.2.840.10008.5.1.4.1.1.88.{number}")
            for number in (11, 22, 33, 34, 35, 40, 50, 59, 65, 67)
        ]  # fmt: skip
        archive = self.serve_scripted(instances)
        self.retrieve("get", expect=0)
        self.assert_whole(instances)
        self.assertGreater(len(archive.requests), 1)

    def test_get_falls_back_to_move(self):
        instances = study(5)
        archive = self.serve_scripted(instances)
        archive.refuses_get = True
        self.retrieve("get", expect=7)
        self.retrieve("get", "--or-move", expect=0)
        self.assert_whole(instances)

    def test_strangers_do_not_get_in(self):
        instances = study(5)
        archive = self.serve_scripted(instances)
        run = self.retrieve("move", "--accept-from", "SOMEBODY", expect=(1, 7))
        self.assert_names(run, "SCRIPTED", "rejected")
        self.assertEqual(self.files(), [])
        archive.requests.clear()
        self.retrieve("move", "--accept-from", "SOMEBODY", "--accept-from", "SCRIPTED", expect=0)
        self.assert_whole(instances)

    def test_noise_at_the_port_disturbs_nobody(self):
        instances = study(20)
        archive = self.serve_scripted(instances)

        def plan(number):
            with socket.create_connection((servers.LOOPBACK, self.port_scp)) as stranger:
                stranger.sendall(random.choice([b"GET / HTTP/1.1\r\n\r\n", b"", b"\x16\x03\x01\x00\x05hello", b"\x01"]))
            return "send"

        archive.plan = plan
        self.retrieve("move", expect=0)
        self.assert_whole(instances)

    def test_several_studies_at_once(self):
        for operation in ("move", "get"):
            with self.subTest(operation):
                instances = [instance for number in range(1, 9) for instance in study(10, number)]
                self.serve_scripted(instances, associations=2)
                self.out = self.folder / operation
                studies = "\\".join(f"1.2.{number}" for number in range(1, 9))
                self.retrieve(operation, "-k", f"20,d={studies}", "--jobs", "4", expect=0)
                self.assert_whole(instances)

    def test_shares_are_all_of_it_and_none_twice(self):
        instances = [instance for number in range(1, 31) for instance in study(2, number)]
        archive = self.serve_scripted(instances)
        studies = "\\".join(f"1.2.{number}" for number in range(1, 31))
        for share in range(1, 4):
            self.retrieve("get", "-k", f"20,d={studies}", "--shard", f"{share}/3", expect=0)
        self.assert_whole(instances)
        asked = [uid for _, uids in archive.requests for uid in uids]
        self.assertEqual(len(asked), len(set(asked)))

    def test_a_dry_run_retrieves_nothing_and_can_be_given_as_list(self):
        instances = study(6) + study(4, number=2)
        archive = self.serve_scripted(instances)
        run = self.retrieve("get", "-k", "20,d=1.2.1\\1.2.2", "--dry-run", expect=0)
        self.assertEqual([row["StudyInstanceUID"] for row in self.missing(run)], ["1.2.1", "1.2.2"])
        self.assert_names(run, "10 instances")
        self.assertEqual((archive.requests, self.files()), ([], []))
        run = self.retrieve("get", "--from-list", "-", stdin=run.stdout_bytes, expect=0)
        self.assert_whole(instances)
        self.assert_names(run, "line 2: complete", "line 3: complete")

    def test_lists_of_every_form(self):
        instances = study(6) + study(4, number=2)
        forms = {
            "uids": b"1.2.1\n1.2.2\n",
            "csv": b"PatientName,StudyInstanceUID\n\"Doe, John\",1.2.1\r\n,1.2.2\r\n",
            "json": b'{"0020000D":{"vr":"UI","Value":["1.2.1"]},"00080020":{"vr":"DA","Value":["20200101"]}}\n'
            b'{"0020000D":{"vr":"UI","Value":["1.2.2"]}}\n',
        }
        for name, content in forms.items():
            with self.subTest(name):
                self.serve_scripted(instances)
                self.out = self.folder / name
                self.retrieve("get", "--from-list", "-", stdin=content, expect=0)
                self.assert_whole(instances)

    def test_a_list_with_a_row_that_is_not_there(self):
        instances = study(6)
        self.serve_scripted(instances)
        run = self.retrieve("get", "--from-list", "-", stdin=b"1.2.77\n1.2.1\n", expect=1)
        self.assert_names(run, "line 1: incomplete", "line 2: complete")
        self.assert_whole(instances)
        self.assertEqual([row["StudyInstanceUID"] for row in self.missing(run)], ["1.2.77"])

    def test_a_list_with_a_mistake_sends_nothing(self):
        archive = self.serve_scripted(study(6))
        for content in (b"1.2.1\nnonsense\n", b"StudyInstanceUID\n1.2.x\n", b"Nonsense\n1\n", b"{\n"):
            with self.subTest(content):
                run = self.retrieve("get", "--from-list", "-", stdin=content, expect=2)
                self.assert_names(run, "line")
        self.assertEqual(archive.requests, [])

    def test_json_lines_name_what_came_and_what_is_missing(self):
        instances = study(5)
        archive = self.serve_scripted(instances[1:], listed=instances)
        run = self.retrieve("get", "--format", "jsonl", expect=1)
        events = [json.loads(line) for line in run.stdout.splitlines()]
        self.assertEqual(sum(event["event"] == "receive" for event in events), 4)
        (missing,) = [event for event in events if event["event"] == "missing"]
        self.assertEqual(missing["sopInstanceUID"], instances[0].uid)
        self.assertEqual((events[-1]["event"], events[-1]["exitCode"], events[-1]["expected"]), ("summary", 1, 5))
        archive.instances = instances
        self.retrieve("get", "--from-list", "-", stdin=run.stdout_bytes, expect=0)
        self.assert_whole(instances)


class HostileNames(Scripted):
    UIDS = [
        b"../../x", b"/etc/x", b"", b"1." + b"2" * 298, b"1.2\x003", b"1.2\n3", b"1.2\x1b[31m3", b"-rf", b"..", b".",
        b"1.2/../../y", b"1.2\\3",
    ]  # fmt: skip

    def test_no_instance_uid_leaves_the_folder_or_makes_a_strange_name(self):
        for operation in ("move", "get"):
            with self.subTest(operation):
                instances = [Instance("1.2.1", "1.2.1.1", uid) for uid in self.UIDS]
                self.serve_scripted(instances, listed=[])
                inner = self.folder / operation
                self.out = inner / "a" / "b" / "out"
                self.retrieve(operation, "--no-check", expect=0)
                names = [path.relative_to(self.out) for path in self.files()]
                self.assertEqual(len(names), len(instances))
                for name in names:
                    self.assertRegex(str(name), r"^[A-Za-z0-9][A-Za-z0-9.-]*\.dcm$")
                everything = [path for path in inner.rglob("*") if path.is_file()]
                self.assertEqual(len(everything), len(instances))
                self.assertEqual(list(self.out.rglob(".*")), [])

    def test_the_same_where_the_server_lists_them_and_all_parts_of_the_name_are_hostile(self):
        for operation in ("move", "get"):
            with self.subTest(operation):
                instances = [Instance("1.2.1", uid, uid) for uid in self.UIDS]
                self.serve_scripted(instances)
                inner = self.folder / operation
                self.out = inner / "a" / "b" / "out"
                run = self.retrieve(
                    operation, "--name", "{SeriesInstanceUID}/{SOPInstanceUID}.dcm", expect=(0, 1)
                )
                names = [path.relative_to(self.out) for path in self.files()]
                self.assertEqual(len(names), len(instances), run)
                for name in names:
                    self.assertRegex(str(name), r"^[A-Za-z0-9][A-Za-z0-9.-]*/[A-Za-z0-9][A-Za-z0-9.-]*\.dcm$")
                    self.assertLessEqual(max(map(len, name.parts)), 255)
                everything = [path for path in inner.rglob("*") if path.is_file()]
                self.assertEqual(len(everything), len(instances))
                for channel in (run.stdout, run.stderr):
                    self.assertNotRegex(channel, r"[\x00-\x09\x0b-\x1f\x7f]")

    def test_a_link_in_the_output_folder_leads_nowhere(self):
        for operation in ("move", "get"):
            with self.subTest(operation):
                instances = study(4)
                self.serve_scripted(instances)
                self.out = self.folder / operation / "out"
                elsewhere = self.folder / operation / "elsewhere"
                elsewhere.mkdir(parents=True)
                self.out.mkdir()
                (self.out / "1.2.1").symlink_to(elsewhere)
                run = self.retrieve(operation, "--name", "{StudyInstanceUID}/{SOPInstanceUID}.dcm", expect=(1, 3))
                self.assert_names(run, "symbolic link")
                self.assertEqual(list(elsewhere.iterdir()), [])
                # A name of the file itself that is a link is not written through either.
                target = elsewhere / "target"
                (self.out / f"{instances[0].uid}.dcm").symlink_to(target)
                self.retrieve(operation, "--if-exists", "overwrite", expect=0)
                self.assertEqual(list(elsewhere.iterdir()), [])
                self.assert_whole(instances)


class Resume(Scripted):
    COUNT = 60

    def test_killed_at_twenty_random_moments(self):
        """SIGKILL leaves whole files and a journal that the next run believes; the last one completes."""
        for operation in ("move", "get"):
            with self.subTest(operation):
                instances = study(self.COUNT, size=50_000)
                archive = self.serve_scripted(instances)
                archive.plan = lambda number: time.sleep(0.004) or "send"
                self.out = self.folder / operation
                journal = self.folder / f"{operation}.journal"
                for attempt in range(20):
                    goal = archive.number + attempt % 5
                    process = subprocess.Popen(
                        [str(part) for part in [
                            programs.dcmscu_path(), *self.arguments(operation, "--journal", journal, "--resume"),
                        ]],
                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                    )  # fmt: skip
                    # Before anything came, and in the middle of it, however slow the machine is.
                    while archive.number < goal and process.poll() is None:
                        time.sleep(0.001)
                    time.sleep(random.uniform(0.0, 0.01))
                    process.send_signal(signal.SIGKILL)
                    process.wait()
                    for path in self.files():
                        if path.name.endswith(".dcm"):
                            self.assertIn(path.read_bytes()[-50_000:], {i.data[-50_000:] for i in instances})
                archive.requests.clear()
                run = self.retrieve(operation, "--journal", journal, "--resume", expect=0)
                self.assert_whole(instances)
                # Nothing that was journalled is asked for again, and a further run asks for nothing.
                lines = [json.loads(line) for line in journal.read_text().splitlines()]
                self.assertEqual({line["sopInstanceUID"] for line in lines if "sopInstanceUID" in line},
                                 {instance.uid for instance in instances}, run)  # fmt: skip
                archive.requests.clear()
                run = self.retrieve(operation, "--journal", journal, "--resume", expect=0)
                self.assertEqual(archive.requests, [])
                self.assert_names(run, f"{self.COUNT} listed, {self.COUNT} here from an earlier run")

    def test_what_was_damaged_is_fetched_again(self):
        instances = study(10)
        archive = self.serve_scripted(instances)
        journal = self.folder / "journal"
        self.retrieve("get", "--journal", journal, expect=0)
        files = self.files()
        os.truncate(files[0], 100)
        files[1].unlink()
        archive.requests.clear()
        self.retrieve("get", "--journal", journal, "--resume", "--if-exists", "overwrite", expect=0)
        self.assertEqual(sum(len(uids) for _, uids in archive.requests), 2)
        self.assert_whole(instances)

    def test_the_digest_of_the_journal_is_that_of_the_file(self):
        self.serve_scripted(study(3, size=300_000))
        journal = self.folder / "journal"
        self.retrieve("get", "--journal", journal, expect=0)
        for line in map(json.loads, journal.read_text().splitlines()):
            if "sha256" in line:
                said = programs.run("sha256sum", line["path"], expect=0).stdout.split()[0]
                self.assertEqual(line["sha256"], said)
                self.assertEqual(line["bytes"], os.path.getsize(line["path"]))


class Existing(Scripted):
    def test_the_same_content_is_kept_once_and_another_under_a_second_name(self):
        instances = study(4)
        self.serve_scripted(instances)
        self.retrieve("get", expect=0)
        run = self.retrieve("get", "--call", "ANOTHER", expect=0)
        self.assert_names(run, "4 there already")
        self.assertEqual(len(self.files()), 4)
        path = self.files()[0]
        path.write_bytes(path.read_bytes()[:-1] + b"\x7f")
        run = self.retrieve("get", expect=0)
        self.assert_names(run, "another content has the proper one")
        self.assertEqual(len(self.files()), 5)

    def test_a_file_that_is_there_may_be_an_error_of_ours_alone(self):
        for operation in ("move", "get"):
            with self.subTest(operation):
                archive = self.serve_scripted(study(4))
                self.out = self.folder / operation
                self.retrieve(operation, expect=0)
                run = self.retrieve(operation, "--if-exists", "fail", expect=1)
                self.assert_names(run, "exists", "is not kept", "(C000H)", "4 of 4 instances")
                # The server only passes on what it was told: no cause of its own, no remedy at its side.
                self.assertNotRegex(run.stderr, r"hint|A702")
                self.assertEqual(len(archive.requests), 2)
                self.assertEqual(len(self.missing(run)), 4)

    def test_a_full_disk_is_told_to_the_server_and_leaves_no_half_file(self):
        """No file may be longer than 100 KiB, which ends a write as a full disk does."""
        for operation in ("move", "get"):
            with self.subTest(operation):
                instances = study(40)
                big = Instance("1.2.1", "1.2.1.1", "1.2.1.1.999", 500_000)
                archive = self.serve_scripted(instances[:5] + [big] + instances[5:])
                self.out = self.folder / operation
                limits = 'trap "" XFSZ; ulimit -f 100; exec "$@"'
                run = programs.run(
                    "bash", "-c", limits, "-", programs.dcmscu_path(), *self.arguments(operation),
                    environment={"LC_ALL": "C.UTF-8", "DCMSCU_CONFIG": "/dev/null"}, expect=3,
                )  # fmt: skip
                self.assertIn(0xA700, archive.statuses)
                self.assert_names(run, "no space left", big.uid, "(A700H)")
                self.assertNotIn("hint", run.stderr)
                # What is whole stays, what is not there is named.
                came = {str(images.meta(path).MediaStorageSOPInstanceUID) for path in self.files()}
                missing = {row["SOPInstanceUID"] for row in self.missing(run)}
                self.assertEqual(came | missing, {instance.uid for instance in [*instances, big]})
                self.assertEqual(came & missing, set())
                self.assertIn(big.uid, missing)

    def test_every_way_to_sync(self):
        for when in ("each", "end", "none"):
            instances = study(4)
            self.serve_scripted(instances)
            self.out = self.folder / when
            self.retrieve("get", "--fsync", when, expect=0)
            self.assert_whole(instances)
