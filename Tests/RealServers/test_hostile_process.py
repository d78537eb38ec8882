"""A process in bad surroundings: a clock that is set, no home, a locale that nobody knows, arguments of 1 MB, files that vanish."""

import os
import pathlib
import re
import shutil
import subprocess
import time

from harness import cases, findpeer, images, measured, programs, scripted, servers, wire
from harness.programs import dcmscu

import pydicom

DAY = 86_400
# The most that a row may take, in seconds; what it waits for is far below, the rest is for a busy machine.
SECONDS = 60


def compiler():
    """The one that Swift has beside it, or the system's."""
    swift = shutil.which("swift")
    beside = pathlib.Path(swift).resolve().parent / "clang" if swift else None
    found = shutil.which("cc") or shutil.which("clang") or (str(beside) if beside and beside.exists() else None)
    if not found:
        raise AssertionError("no C compiler is installed, and Swift has one")
    return found


class Clock(cases.RealServerTest):
    def setUp(self):
        super().setUp()
        library = self.folder / "clockjump.so"
        source = pathlib.Path(programs.__file__).with_name("clockjump.c")
        programs.run(compiler(), "-shared", "-fPIC", "-O1", "-o", library, source, expect=0)
        self.loaded = self.folder / "loaded"
        self.preload = {"LD_PRELOAD": library, "LOADED": self.loaded}

    def run_with_jump(self, seconds, *arguments, code):
        run = dcmscu(*arguments, environment={**self.preload, "JUMP": seconds}, expect=code, timeout=SECONDS)
        self.assertTrue(self.loaded.exists(), "the clock was not replaced")
        return run

    def test_a_clock_set_back_or_forward_makes_no_wait_longer(self):
        peer = scripted.Peer(scripted.says_nothing)
        self.addCleanup(peer.stop)
        for jump in (-DAY, DAY):
            run = self.run_with_jump(jump, "--echo", "--timeout", 1, servers.LOOPBACK, peer.port, code=8)
            self.assertGreater(run.seconds, 0.9, run)

    def test_a_clock_set_forward_or_back_makes_no_wait_shorter(self):
        def act(_, connection):
            association = wire.Association.accept(connection)
            command, _ = association.receive()
            time.sleep(1)
            association.send(dict(field=command["field"] | wire.RESPONSE, answers=command["message_id"], status=0))
            association.receive()

        peer = scripted.Peer(act)
        self.addCleanup(peer.stop)
        for jump in (-DAY, DAY):
            self.run_with_jump(
                jump, "--echo", "--timeout", 20, "--total-timeout", 25, servers.LOOPBACK, peer.port, code=0
            )


class Surroundings(cases.RealServerTest):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.serve_all(servers.StoreSCP())

    def echo_in(self, environment):
        line = [programs.dcmscu_path(), "--echo", servers.LOOPBACK, str(self.server.port)]
        run = subprocess.run(line, capture_output=True, timeout=SECONDS, env=environment, cwd=self.folder)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_no_home(self):
        for home in ({}, {"HOME": ""}, {"HOME": "not/absolute"}, {"HOME": "/nowhere/at/all"}, {"HOME": "/dev/null"}):
            with self.subTest(home):
                self.echo_in({"PATH": os.environ.get("PATH", ""), **home})
        self.echo_in({})

    def test_an_unknown_locale(self):
        answer = pydicom.Dataset()
        answer.SpecificCharacterSet = "ISO_IR 192"
        answer.PatientName = "Müller"
        for locale in ("xx_YY.bogus", "C", "", "../../etc/passwd", "\x1b[31m", "de_DE." + "8" * 5000):
            with self.subTest(locale):
                peer = findpeer.FindPeer([answer])
                self.addCleanup(peer.stop)
                run = dcmscu(
                    "--find", "--patient", "-k", "0010,0010", servers.LOOPBACK, peer.port, expect=0, timeout=SECONDS,
                    environment={"LC_ALL": locale, "LANG": locale},
                )  # fmt: skip
                self.assertIn("M", run.stdout)
                self.assertNotIn("\x1b", run.said)


class Arguments(cases.RealServerTest):
    # The system takes no single one that is longer than 128 KiB.
    LONGEST = "A" * 131_000

    @classmethod
    def setUpClass(cls):
        cls.server = cls.serve_all(servers.StoreSCP())

    def test_one_argument_as_long_as_the_system_takes(self):
        peer = [servers.LOOPBACK, self.server.port]
        for code, arguments in (
            (2, ["--echo", "--call", self.LONGEST, *peer]),
            (2, [f"--{self.LONGEST}", *peer]),
            (2, ["--find", "--patient", "-k", f"PatientName={self.LONGEST}", *peer]),
            (2, ["--find", "--patient", "-k", f"{self.LONGEST}=1", *peer]),
            (2, ["--echo", "--timeout", "9" * 131_000, *peer]),
            (4, ["--echo", self.LONGEST, self.server.port]),
            (3, ["--store", *peer, "/" + self.LONGEST]),
        ):
            with self.subTest(arguments[1][:20]):
                run = measured.dcmscu(*arguments, expect=code, timeout=SECONDS)
                self.assertLess(len(run.stderr), 20_000)
                self.assertLess(run.peak, measured.PEAK_MEMORY, run)

    def test_a_megabyte_of_arguments(self):
        self.server.clear()
        good = images.image("CT_small.dcm").path
        missing = ["/nowhere/" + f"{'x' * 200}/" * 4 + f"{number:05}" for number in range(1300)]
        self.assertGreater(sum(map(len, missing)), 1_000_000)
        run = measured.dcmscu(
            "--store", servers.LOOPBACK, self.server.port, *missing, good, expect=1, timeout=2 * SECONDS
        )
        self.assert_names(run, "1 stored", "1300 failed", missing[0], missing[-1])
        self.assertEqual(len(self.server.received()), 1)
        self.assertLess(run.peak, measured.PEAK_MEMORY)


class Vanishing(cases.RealServerTest):
    def test_files_that_vanish_between_scan_and_sending(self):
        """They go when the server is asked for the association: what is open is sent, what is not is named."""
        folder = self.folder / "in"
        folder.mkdir()
        template = images.image("CT_small.dcm")
        old = template.sop_instance.encode()
        for number in range(300):
            uid = old[:-5] + f"{number:05}".encode()
            (folder / f"{number:05}.dcm").write_bytes(template.path.read_bytes().replace(old, uid))
        stored = []

        def act(_, connection):
            for path in sorted(folder.iterdir())[10:]:
                path.unlink(missing_ok=True)
            association = wire.Association.accept(connection)
            while True:
                command, data = association.receive()
                stored.append(command["affected_instance"])
                association.send(
                    dict(
                        field=command["field"] | wire.RESPONSE, answers=command["message_id"], status=0,
                        affected_class=command["affected_class"], affected_instance=command["affected_instance"],
                    )
                )  # fmt: skip

        peer = scripted.Peer(act)
        self.addCleanup(peer.stop)
        run = dcmscu("--store", servers.LOOPBACK, peer.port, folder, expect=1, timeout=SECONDS)
        self.assertGreaterEqual(len(set(stored)), 10)
        self.assert_names(run, f"{len(stored)} stored", f"{300 - len(stored)} failed", "no such file")


class TableOfProofs(cases.RealServerTest):
    def test_every_proof_that_hostile_md_names_is_there(self):
        tests = programs.REPOSITORY / "Tests"
        code = {path: path.read_text() for path in tests.rglob("*") if path.suffix in (".py", ".swift")}
        everything = "\n".join(code.values())
        table = [line for line in (tests / "HOSTILE.md").read_text().splitlines() if line.startswith("| ")]
        self.assertGreater(len(table), 40)
        where = None
        for line in table:
            for proof in re.findall(r"`([^`]+)`", line.split("|")[2]):
                with self.subTest(proof):
                    if proof.endswith(".py"):
                        self.assertTrue(any(path.name == proof for path in code))
                    elif "." in proof:
                        # A table of rows: `.rows` is one more of the type before it.
                        where, rows = (proof.split(".")[0] or where), proof.split(".")[1]
                        (source,) = [text for path, text in code.items() if path.name == f"{where}.swift"]
                        self.assertIn(f"static let {rows}", source)
                    elif proof.startswith("test_"):
                        self.assertIn(f"def {proof}(self", everything)
                    elif " " in proof:
                        self.assertIn(f"func `{proof}`", everything)
                    else:
                        self.assertTrue(any(path.name == f"{proof}.swift" for path in code))
