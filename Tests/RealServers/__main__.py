"""Runs the tests against real servers: `/usr/bin/python3 Tests/RealServers [PATTERN...] [--counts FILE] [--list]`.

A pattern is a part of a test's name. A test that is skipped counts as failed: a missing server must not go unseen.
Most tests wait most of the time: two processes take one class of tests after the other (`--workers`).
"""

import argparse
import json
import os
import pathlib
import queue
import subprocess
import sys
import threading
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from harness import programs  # noqa: E402 (found by the path above)


def sentence(test):
    """`test_an_echo_ends_in_0` of `AgainstOrthanc` reads `AgainstOrthanc: an echo ends in 0`."""
    parts = test.id().split(".")
    name = parts[-1].removeprefix("test_").replace("_", " ")
    return f"{parts[-2]}: {name}" if len(parts) > 1 else name


class Result(unittest.TestResult):
    """What one class of tests said; `say` takes whole lines."""

    def __init__(self, say):
        super().__init__()
        self.say = say
        self.troubles = []

    def failed(self, count):
        """How many of the `count` tests of the class failed; what the set-up of the class kept from running has failed."""
        bad = {test.id().partition(" ")[0] for test, _ in self.failures + self.errors}
        tests = len(bad - {"setUpClass", "tearDownClass"}) + count - self.testsRun
        # The end of a class may fail after all its tests have passed.
        return max(tests, 1) if bad else tests

    def startTest(self, test):
        super().startTest(test)
        self.troubled = False
        self.started = time.monotonic()

    def addError(self, test, err):
        super().addError(test, err)
        self._tell(test, self.errors[-1][1])

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._tell(test, self.failures[-1][1])

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            found = self.failures if issubclass(err[0], test.failureException) else self.errors
            self._tell(subtest, found[-1][1])

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.errors.append((test, reason))
        self._tell(test, f"skipped: {reason}")

    def addSuccess(self, test):
        super().addSuccess(test)
        if not self.troubled:
            self.say(f"  ok      {sentence(test)} ({time.monotonic() - self.started:.1f} s)\n")

    def _tell(self, test, text):
        self.troubled = True
        self.troubles.append(sentence(test))
        self.say(f"  FAILED  {sentence(test)}\n" + "".join(f"          {line}\n" for line in text.splitlines()))


def tests_of(suite):
    for entry in suite:
        if isinstance(entry, unittest.TestSuite):
            yield from tests_of(entry)
        else:
            yield entry


def classes(patterns):
    """The tests that are wanted, by class: [("module.Class", [test])]."""
    found = unittest.TestLoader().discover(str(HERE), pattern="test_*.py", top_level_dir=str(HERE))
    by_class = {}
    for test in tests_of(found):
        if not patterns or any(p in test.id() or p in sentence(test) for p in patterns):
            by_class.setdefault(test.id().rpartition(".")[0], []).append(test)
    return list(by_class.items())


def run(tests, say):
    """Runs the tests of one class; returns how many failed, and the names of those that said so."""
    result = Result(say)
    unittest.TestSuite(tests).run(result)
    return result.failed(len(tests)), result.troubles


def work(patterns):
    """Runs each class whose name comes on standard input, and says in lines of JSON what happens."""
    names, ours = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    # No test and no program reads the names; what they print goes where errors go.
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)

    def tell(kind, what):
        print(json.dumps([kind, what]), file=ours, flush=True)

    wanted = dict(classes(patterns))
    for line in names:
        tell("failed", run(wanted[line.strip()], lambda text: tell("text", text)))


class Worker(threading.Thread):
    """A process of its own that takes one class after the other."""

    def __init__(self, number, workers, patterns, pending):
        super().__init__()
        self.pending = pending
        self.failed, self.troubles = 0, []
        self.process = subprocess.Popen(
            [sys.executable, "-B", str(HERE), "--work", *patterns],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "DCMSCU_PORTS": f"{number} {workers}"},
        )

    def run(self):
        while True:
            try:
                name, tests = self.pending.get_nowait()
            except queue.Empty:
                break
            failed, troubles = self.result(name, len(tests))
            self.failed += failed
            self.troubles += troubles
        self.process.stdin.close()
        self.process.wait()

    def result(self, name, count):
        try:
            self.process.stdin.write(name + "\n")
            self.process.stdin.flush()
        except OSError:
            pass
        for line in self.process.stdout:
            kind, what = json.loads(line)
            if kind == "failed":
                return what
            sys.stdout.write(what)
            sys.stdout.flush()
        print(f"  FAILED  {name}: the process that ran the tests has died", flush=True)
        return count, [name]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("patterns", nargs="*")
    parser.add_argument("--counts", help="file that receives 'PASSED FAILED', then the names of what failed")
    parser.add_argument("--list", action="store_true", help="name the tests only")
    parser.add_argument("--workers", type=int, default=2, help="processes that run tests (2)")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()

    if options.work:
        work(options.patterns)
        return 0
    wanted = classes(options.patterns)
    if options.list:
        print("\n".join(sentence(test) for _, tests in wanted for test in tests))
        return 0
    binary = programs.dcmscu_path()
    if not os.access(binary, os.X_OK):
        print(f"{binary} is not there: build it (swift build -c release), or name another with DCMSCU", file=sys.stderr)
        return 1
    pending = queue.SimpleQueue()
    for one in wanted:
        pending.put(one)
    count = max(1, min(options.workers, len(wanted)))
    workers = [Worker(number, count, options.patterns, pending) for number in range(count)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    every = sum(len(tests) for _, tests in wanted)
    failed = sum(worker.failed for worker in workers)
    print(f"tests against real servers: {every - failed} passed, {failed} failed")
    if options.counts:
        names = [name for worker in workers for name in worker.troubles]
        pathlib.Path(options.counts).write_text("\n".join([f"{every - failed} {failed}", *names]) + "\n")
    return 1 if failed or not every else 0


sys.exit(main())
