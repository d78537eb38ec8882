"""The files that C-MOVE and C-GET write: names, files that exist already, journals, runs that are killed and resumed, full disks."""

import json
import os
import pathlib
import signal
import struct
import subprocess
import time

from harness import cases, images, loading, programs, servers
from harness.programs import dcmscu
from harness.scripted_archive import CT, MR, Instance, ScriptedRetrieval, elements, explicit, fragments, study
from test_hostile import compiler

LOCAL_FILES = 3


class BadOutput(cases.RealServerTest):
    def test_an_output_folder_that_cannot_be_is_exit_code_3(self):
        port_scp = servers.free_port()
        server = self.serve(servers.DcmQRSCP([("DCMSCU", port_scp)]))
        image = images.archive_images()[0]
        loading.load_dcmqrscp(server, [image])
        # Nothing can be written below a regular file, not even by root.
        (self.folder / "file").write_text("not a folder")
        for operation in (["--get"], ["--move", "--port-scp", port_scp]):
            run = dcmscu(
                *operation, "--studyroot", "-k", f"20,d={image.study}", "--aetitle", "DCMSCU", "--call", "QRSCP",
                "-o", self.folder / "file" / "out", servers.LOOPBACK, server.port, expect=LOCAL_FILES,
            )  # fmt: skip
            self.assert_names(run, str(self.folder / "file" / "out"))


class HostileNames(ScriptedRetrieval):
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


class Resume(ScriptedRetrieval):
    COUNT = 60

    def test_killed_at_twenty_random_moments(self):
        """SIGKILL leaves whole files and a journal that the next run believes; the last one completes."""
        chance = self.chance()
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
                    time.sleep(chance.uniform(0.0, 0.01))
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
                self.assert_names(run, f"{self.COUNT} listed, {self.COUNT} present from an earlier run")

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


    def test_the_journal_has_every_instance_before_it_says_that_all_is_synced(self):
        """The digests of long files are made while others come: none is left behind, at whatever length it ends."""
        for syncing in ("each", "end", "none"):
            with self.subTest(syncing):
                instances = [
                    Instance("1.2.1", f"1.2.1.{1 + n % 2}", f"1.2.1.{1 + n % 2}.{n + 1}", size=length)
                    for n, length in enumerate([*range(130_000, 1_100_000, 32_768), 3_000, 65_000])
                ]
                self.serve_scripted(instances)
                self.out = self.folder / syncing
                journal = self.folder / f"{syncing}.journal"
                self.retrieve("get", "--journal", journal, "--fsync", syncing, expect=0)
                lines = [json.loads(line) for line in journal.read_text().splitlines()]
                outcomes = [line["outcome"] for line in lines[1:]]
                self.assertEqual(outcomes, ["done"] * len(instances) + ["synced"] * (syncing != "none"))
                done = lines[1 : 1 + len(instances)]
                self.assertEqual({line["sopInstanceUID"] for line in done}, {instance.uid for instance in instances})
                said = programs.run("sha256sum", *[line["path"] for line in done], expect=0).stdout.split()[::2]
                self.assertEqual([line["sha256"] for line in done], said)
                for line in done:
                    self.assertEqual((line["bytes"], line["modified"]), (os.stat(line["path"]).st_size, os.stat(line["path"]).st_mtime_ns))

    def test_a_signal_while_what_is_held_is_compared_with_the_journal(self):
        """A journal of a run that was killed: what it names is read again, here 200 GB of it."""
        self.serve_scripted(study(3))
        journal = self.folder / "journal"
        self.retrieve("get", "--journal", journal, expect=0)
        length, lines = 200 << 30, []
        for line in map(json.loads, journal.read_text().splitlines()):
            if "sha256" in line:
                os.truncate(line["path"], length)
                line["bytes"] = length
            if line.get("outcome") != "synced":
                lines.append(json.dumps(line, separators=(",", ":")) + "\n")
        journal.write_text("".join(lines))
        command = [programs.dcmscu_path(), *map(str, self.arguments("get", "--journal", journal, "--resume"))]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(process.kill)
        held, limit = {str(path) for path in self.files()}, time.monotonic() + programs.TIME_LIMIT
        while not held & self.open_files(process) and process.poll() is None and time.monotonic() < limit:
            time.sleep(0.01)
        self.assertIsNone(process.poll(), "nothing was read")
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=10)
        self.assertEqual(process.returncode, 143, err)
        self.assertEqual(len(self.archive.requests), 1)

    def open_files(self, process):
        found = set()
        for entry in pathlib.Path(f"/proc/{process.pid}/fd").iterdir():
            try:
                found.add(os.readlink(entry))
            except FileNotFoundError:
                pass
        return found

    def test_the_digest_is_made_by_openssl(self):
        library, counted = self.folder / "digestcount.so", self.folder / "counted"
        source = pathlib.Path(programs.__file__).with_name("digestcount.c")
        programs.run(compiler(), "-shared", "-fPIC", "-O1", "-o", library, source, expect=0)
        self.serve_scripted(study(3, size=300_000))
        environment = {"LD_PRELOAD": library, "COUNTED": counted}
        self.retrieve("get", "--journal", self.folder / "journal", environment=environment, expect=0)
        # Whoever asks for no digest pays for none.
        self.assertEqual(int(counted.read_text()), sum(path.stat().st_size for path in self.files()))
        self.out = self.folder / "without"
        self.retrieve("get", environment=environment, expect=0)
        self.assertEqual(int(counted.read_text()), 0)


class Existing(ScriptedRetrieval):
    def test_the_same_content_is_kept_once_and_another_under_a_second_name(self):
        instances = study(4)
        self.serve_scripted(instances)
        self.retrieve("get", expect=0)
        run = self.retrieve("get", "--call", "ANOTHER", expect=0)
        self.assert_names(run, "4 of them already present")
        self.assertEqual(len(self.files()), 4)
        path = self.files()[0]
        path.write_bytes(path.read_bytes()[:-1] + b"\x7f")
        run = self.retrieve("get", expect=0)
        self.assert_names(run, "a file with different content has the usual one")
        self.assertEqual(len(self.files()), 5)

    def test_a_file_that_is_there_may_be_an_error_of_ours_alone(self):
        for operation in ("move", "get"):
            with self.subTest(operation):
                archive = self.serve_scripted(study(4))
                self.out = self.folder / operation
                self.retrieve(operation, expect=0)
                run = self.retrieve(operation, "--if-exists", "fail", expect=1)
                self.assert_names(run, "exists", "was not stored", "(C000H)", "4 of 4 instances")
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
                # Complete files stay; missing ones are named.
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


class Untrue(ScriptedRetrieval):
    """What comes is not what was announced."""

    def serve_changed(self, operation, change):
        """Four instances, the data set of the third changed."""
        instances = study(4)
        instances[2].data = change(instances[2].data)
        self.serve_scripted(instances)
        self.out = self.folder / operation
        return instances

    def test_a_data_set_that_is_cut_is_refused_and_not_there(self):
        for operation in ("move", "get"):
            with self.subTest(operation):
                instances = self.serve_changed(operation, lambda data: data[:-2])
                journal = self.folder / f"{operation}.jsonl"
                run = self.retrieve(operation, "--journal", journal, expect=1)
                broken = instances[2]
                self.assertEqual(self.archive.statuses.count(0xC000), 1)
                self.assert_names(
                    run, f"{broken.uid}.dcm: is truncated", "ends too early in element (7FE0,0010)",
                    f"instance {broken.uid} was not stored (C000H)",
                )  # fmt: skip
                self.assertEqual([row["SOPInstanceUID"] for row in self.missing(run)], [broken.uid])
                self.assert_whole([instance for instance in instances if instance is not broken])
                self.assertNotIn(broken.uid, journal.read_text())
                # What is kept can be sent on.
                self.assertEqual(len(self.files()), 3)

    def test_a_broken_data_set_is_kept_aside_on_request(self):
        for operation in ("move", "get"):
            with self.subTest(operation):
                instances = self.serve_changed(operation, lambda data: data[: len(data) // 2])
                run = self.retrieve(operation, "--keep-broken", expect=1)
                broken = self.out / f"{instances[2].uid}.dcm.broken"
                self.assert_names(run, "was not stored", f"kept as {broken}")
                self.assertTrue(broken.read_bytes().endswith(instances[2].data))
                self.assertEqual(len(self.files()), 4)

    def test_whatever_is_received_has_the_mode_of_received_files(self):
        """Instances of C-GET and C-MOVE, those that nobody asked for, and broken ones."""
        for operation in ("get", "move"):
            for umask, option, mode in ((0o022, [], 0o644), (0o027, [], 0o640), (0o077, ["--mode", "664"], 0o664)):
                with self.subTest(f"{operation} {umask:o} {option}"):
                    self.serve_changed(operation, lambda data: data[: len(data) // 2])
                    self.archive.extras = [Instance("9.9.9", "9.9.9.1", "9.9.9.1.1")]
                    self.out = self.folder / f"{operation}{umask:o}"
                    old = os.umask(umask)
                    try:
                        run = self.retrieve(operation, "--keep-broken", *option, expect=1)
                    finally:
                        os.umask(old)
                    modes = {path.relative_to(self.out).as_posix(): path.stat().st_mode & 0o7777 for path in self.files()}
                    self.assertEqual(len(modes), 5, run)
                    self.assertIn("1.2.1.1.3.dcm.broken", modes)
                    self.assertIn("unexpected/9.9.9.1.1.dcm", modes)
                    self.assertEqual(set(modes.values()), {mode}, modes)

    def test_another_native_syntax_is_kept_as_what_it_is(self):
        explicit = b"\x08\0\x16\0UI\x1a\0" + b"1.2.840.10008.5.1.4.1.1.2\0"
        for operation in ("move", "get"):
            with self.subTest(operation):
                instances = self.serve_changed(operation, lambda data: data)
                uid = instances[2].uid.encode()
                uid += b"\0" * (len(uid) % 2)
                instances[2].data = explicit + b"\x08\0\x18\0UI" + len(uid).to_bytes(2, "little") + uid
                run = self.retrieve(operation, expect=0)
                self.assert_names(
                    run, "the data set is in Explicit VR Little Endian", "Implicit VR Little Endian", "1 of them with a warning",
                )  # fmt: skip
                self.assert_whole(instances)
                meta = images.meta(self.out / f"{instances[2].uid}.dcm")
                self.assertEqual(str(meta.TransferSyntaxUID), "1.2.840.10008.1.2.1")

    def test_native_pixels_in_an_encapsulated_context_are_kept_in_the_native_syntax_and_can_be_sent(self):
        jpeg = "1.2.840.10008.1.2.4.70"
        for size in (2000, 300_000):
            with self.subTest(size=size):
                native = Instance("1.2.1", "1.2.1.1", "1.2.1.1.3")
                native.make_explicit()
                pixels = native.data.index(b"\xe0\x7f\x10\0OW")
                private = struct.pack("<HH2sHL", 0x0029, 0x1010, b"OB", 0, size) + bytes(size)
                native.data = native.data[:pixels] + private + native.data[pixels:]
                native.syntax = jpeg
                instances = [*study(2), native]
                archive = self.serve_scripted(instances)
                archive.available = lambda instance: instance.syntax
                self.out = self.folder / str(size)
                run = self.retrieve("get", expect=0)
                self.assert_names(
                    run, "the data set is in Explicit VR Little Endian, although JPEG Lossless", "1 of them with a warning"
                )  # fmt: skip
                self.assert_whole(instances)
                kept = self.out / "1.2.1.1.3.dcm"
                self.assertEqual(str(images.meta(kept).TransferSyntaxUID), "1.2.840.10008.1.2.1")
                server = self.serve(servers.StoreSCP())
                dcmscu("--store", servers.LOOPBACK, server.port, kept, expect=0)

    def test_fragments_in_a_native_context_and_a_data_set_sent_twice_are_refused(self):
        def fragmented(instance):
            return b"".join(explicit(tag, value) for tag, value in instance.fields.items()) + fragments(instance.pixels)

        for change in (fragmented, lambda instance: instance.data * 2):
            for operation in ("get", "move"):
                with self.subTest(operation):
                    instances = study(4)
                    instances[2].data = change(instances[2])
                    archive = self.serve_scripted(instances)
                    self.out = self.folder / operation
                    run = self.retrieve(operation, expect=1)
                    self.assert_names(run, instances[2].uid, "is malformed")
                    self.assertIn(0xC000, archive.statuses)
                    self.assert_whole(instances[:2] + instances[3:])

    def test_a_whole_file_in_the_place_of_a_data_set(self):
        group = b"\x02\0\x10\0UI\x12\0" + b"1.2.840.10008.1.2\0"
        length = b"\x02\0\0\0UL\x04\0" + len(group).to_bytes(4, "little")
        for operation in ("move", "get"):
            with self.subTest(operation):
                instances = self.serve_changed(operation, lambda data: bytes(128) + b"DICM" + length + group + data)
                run = self.retrieve(operation, "--format", "jsonl", expect=0)
                events = [json.loads(line) for line in run.stdout.splitlines()]
                outcomes = {event["sopInstanceUID"]: event["outcome"] for event in events if "sopInstanceUID" in event}
                self.assertEqual(outcomes[instances[2].uid], "warning")
                self.assertEqual(sorted(outcomes.values()), ["done", "done", "done", "warning"])
                instances[2].data = instances[2].data[128 + 4 + len(length + group) :]
                self.assert_whole(instances)

    def test_uids_other_than_those_of_the_request(self):
        """Another instance, another class, and none: done, with a warning, under the UID of the request."""
        def without(*tags):
            return lambda instance: elements({tag: value for tag, value in instance.fields.items() if tag not in tags})

        changes = {
            "the SOP Instance UID 1.2.1.1.9": lambda instance: instance.data.replace(b"1.2.1.1.3", b"1.2.1.1.9"),
            f"the SOP Class UID {MR}": lambda instance: instance.data.replace(CT.encode() + b"\0", MR.encode() + b"\0"),
            "no SOP Instance UID": without(0x00080018), "no SOP Class UID": without(0x00080016),
        }  # fmt: skip
        for operation in ("move", "get"):
            for number, (words, change) in enumerate(changes.items()):
                with self.subTest(f"{operation} {words}"):
                    instances = study(4)
                    instances[2].data = change(instances[2])
                    self.serve_scripted(instances)
                    self.out = self.folder / f"{operation}{number}"
                    run = self.retrieve(operation, "--format", "jsonl", expect=0)
                    self.assert_names(run, f"the data set has {words}", "warning")
                    self.assert_whole(instances)
                    events = [json.loads(line) for line in run.stdout.splitlines()]
                    outcomes = [event["outcome"] for event in events if event["event"] == "receive"]
                    self.assertEqual(sorted(outcomes), ["done", "done", "done", "warning"], run)
                    warned = [event for event in events if event.get("outcome") == "warning"]
                    self.assertEqual(warned[0]["sopInstanceUID"], instances[2].uid)
                    self.out = self.folder / f"{operation}{number}again"
                    run = self.retrieve(operation, "--fail-on", "warning", expect=1)
                    self.assert_names(run, "1 of them with a warning")


class Journals(ScriptedRetrieval):
    def setUp(self):
        super().setUp()
        self.journal = self.folder / "journal"

    def again(self, *more, expect=0):
        self.archive.requests.clear()
        return self.retrieve("get", "--journal", self.journal, "--resume", *more, expect=expect)

    def asked(self):
        return sum(len(uids) for _, uids in self.archive.requests)

    def test_a_file_changed_in_its_length_or_only_in_its_content_is_fetched_again(self):
        instances = study(6)
        self.serve_scripted(instances)
        self.retrieve("get", "--journal", self.journal, expect=0)
        for path in self.files()[:2]:
            data = path.read_bytes()
            path.write_bytes(data[:-4] + bytes(4))
        self.again("--if-exists", "overwrite")
        self.assertEqual(self.asked(), 2)
        self.assert_whole(instances)

    def test_a_file_that_was_only_touched_is_not(self):
        self.serve_scripted(study(3))
        self.retrieve("get", "--journal", self.journal, expect=0)
        for path in self.files():
            os.utime(path, (1, 1))
        self.again()
        self.assertEqual(self.asked(), 0)

    def test_what_an_earlier_run_has_put_elsewhere_is_not_here(self):
        instances = study(3)
        self.serve_scripted(instances)
        self.retrieve("get", "--journal", self.journal, expect=0)
        self.out = self.folder / "another"
        self.again()
        self.assert_whole(instances)
        # The same folder by another name is the same.
        link = self.folder / "link"
        link.symlink_to(self.out)
        self.out = link
        self.again()
        self.assertEqual(self.asked(), 0)

    def test_the_journal_knows_when_a_file_was_written(self):
        self.serve_scripted(study(2))
        self.retrieve("get", "--journal", self.journal, expect=0)
        entries = [json.loads(line) for line in self.journal.read_text().splitlines()]
        done = [entry for entry in entries if entry.get("outcome") == "done"]
        self.assertEqual([entry["modified"] for entry in done], [os.stat(e["path"]).st_mtime_ns for e in done])
