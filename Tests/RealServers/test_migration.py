"""The rehearsal of a migration: a whole list from an archive that cuts it short, a copy over two nights with a kill in between, a
comparison, and the repair of what is missing by its list."""

import collections
import csv
import io
import json
import os
import signal
import subprocess
import time

from harness import cases, generated, programs, servers
from harness.practice import PracticeArchive, data_set
from harness.programs import dcmscu

STUDIES = 12_000
# Every so many studies have a second instance.
WITH_TWO = 100
LIMIT = 500
YEARS = "StudyDate=2016-2025"
# Studies that may begin in a minute, and bytes in a second: the hospital works on.
PER_MINUTE = 6000
RATE = "20MB/s"


def fill(folder):
    """Studies of ten years. Gives the SOP instances of each."""
    dates = generated.write_studies(folder, STUDIES)
    held = {uid: {generated.sop_instance(number)} for number, uid in enumerate(dates)}
    for number, (uid, date) in enumerate(dates.items()):
        if number % WITH_TWO == 0:
            second = STUDIES + number
            (folder / f"{second:06}.dcm").write_bytes(generated.instance(second, series=number, study=uid, date=date))
            held[uid].add(generated.sop_instance(second))
    return held


class Migration(cases.RealServerTest):
    def setUp(self):
        super().setUp()
        self.old = PracticeArchive(options=[f"--inject=find-limit={LIMIT}"])
        prepare = self.old.prepare

        def prepared():
            prepare()
            self.studies = fill(self.old.folder / "archive")

        self.old.prepare = prepared
        self.serve(self.old)
        self.new = self.serve(PracticeArchive(options=[f"--inject=find-limit={LIMIT}"]))
        self.count = sum(map(len, self.studies.values()))
        self.journal = self.folder / "copy.journal"
        self.buffer = self.folder / "buffer"
        self.buffer.mkdir()

    def peers(self):
        return [f"OLD@{servers.LOOPBACK}:{self.old.port}", f"NEW@{servers.LOOPBACK}:{self.new.port}"]

    def copy(self, *arguments):
        return [
            "--copy", *self.peers(), *arguments, "--jobs", 4, "--journal", self.journal, "--resume", "--format", "jsonl",
            "--per-minute", PER_MINUTE, "--max-rate", RATE,
        ]  # fmt: skip

    def held(self):
        """How many instances the new archive has as files."""
        return sum(1 for entry in os.scandir(self.new.folder / "archive") if entry.name.endswith(".dcm"))

    def run_copy(self, *arguments, expect=0):
        run = dcmscu(*self.copy(*arguments), expect=expect, timeout=400, environment={"TMPDIR": self.buffer})
        self.assertEqual(list(self.buffer.iterdir()), [])
        return json.loads(run.stdout.splitlines()[-1])

    def compare(self, *arguments, expect):
        return dcmscu("--compare", *self.peers(), "-k", YEARS, *arguments, expect=expect, timeout=200)

    def spoil(self):
        """While the new archive is down it loses a study, and of another one an instance."""
        lost = next(uid for uid, instances in self.studies.items() if len(instances) == 1)
        spoilt = next(uid for uid, instances in self.studies.items() if len(instances) == 2)
        gone = [*self.studies[lost], sorted(self.studies[spoilt])[0]]
        self.new._end()
        for path in (self.new.folder / "archive").iterdir():
            if path.name.endswith(".dcm") and str(data_set(path).SOPInstanceUID) in gone:
                path.unlink()
        self.new._launch()
        self.assertTrue(self.new._wait_until_ready())
        return lost, spoilt

    def test_an_archive_is_moved_to_another_one(self):
        # The list is whole although no answer of the server is.
        run = dcmscu(
            "--find", servers.LOOPBACK, self.old.port, "-k", YEARS, "--split", "auto", "--return", "StudyInstanceUID",
            "--format", "jsonl", expect=0, timeout=120,
        )  # fmt: skip
        listed = collections.Counter(json.loads(line)["0020000D"]["Value"][0] for line in run.stdout.splitlines())
        self.assertEqual((set(listed), set(listed.values())), (set(self.studies), {1}))

        # The first night ends in the middle, by whatever ends a process.
        night = subprocess.Popen(
            [programs.dcmscu_path(), *map(str, self.copy("-k", YEARS))], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, env={**os.environ, "TMPDIR": str(self.buffer)},
        )  # fmt: skip
        self.addCleanup(night.kill)
        limit = time.monotonic() + 200
        part = self.chance().randrange(self.count // 4, self.count // 2)
        while self.held() < part:
            self.assertIsNone(night.poll(), "the first night has ended by itself")
            self.assertLess(time.monotonic(), limit, "the first night does not get on")
            time.sleep(0.2)
        night.send_signal(signal.SIGKILL)
        night.wait()

        # The second one brings the rest; what the first one had confirmed is believed, and nothing is there twice.
        summary = self.run_copy("-k", YEARS)
        self.assertEqual(summary["expected"], self.count)
        self.assertEqual(summary["confirmed"] + summary["skipped"], self.count)
        self.assertGreater(summary["skipped"], self.count // 5)
        self.assertGreater(summary["confirmed"], self.count // 3)
        studies = summary["confirmed"] * STUDIES / self.count
        self.assertGreaterEqual(summary["seconds"], (studies - 100) * 60 / PER_MINUTE * 0.95)
        self.assertEqual(summary["failures"], 0)
        self.assertEqual(self.held(), self.count)
        confirmed = collections.Counter(
            entry["sopInstanceUID"]
            for entry in map(json.loads, self.journal.read_text().splitlines())
            if entry.get("outcome") in ("confirmed", "skipped")
        )
        self.assertEqual((set(confirmed), set(confirmed.values())), (set().union(*self.studies.values()), {1}))
        self.assert_names(self.compare(expect=0), f"{STUDIES}")

        # What is lost afterwards is found by a comparison, and repaired by its list.
        lost, spoilt = self.spoil()
        found = self.compare("--format", "csv", expect=1)
        rows = list(csv.DictReader(io.StringIO(found.stdout)))
        self.assertEqual({row["StudyInstanceUID"] for row in rows}, {lost, spoilt})
        path = self.folder / "different.csv"
        path.write_text(found.stdout)
        # A journal would say that all of it was there once.
        self.journal.unlink()
        summary = self.run_copy("--from-list", path)
        self.assertEqual((summary["confirmed"], summary["skipped"]), (2, 1))
        self.compare(expect=0)
