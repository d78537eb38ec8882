"""Runs the tests against real servers: `/usr/bin/python3 Tests/RealServers [PATTERN...] [--counts FILE] [--list]`.

A pattern is a part of a test's name. A test that is skipped counts as failed: a missing server must not go unseen.
"""

import argparse
import os
import pathlib
import sys
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
            print(f"  ok      {sentence(test)} ({time.monotonic() - self.started:.1f} s)", flush=True)

    def _tell(self, test, text):
        self.troubled = True
        print(f"  FAILED  {sentence(test)}\n" + "".join(f"          {line}\n" for line in text.splitlines()), flush=True)


def tests_of(suite):
    for entry in suite:
        if isinstance(entry, unittest.TestSuite):
            yield from tests_of(entry)
        else:
            yield entry


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("patterns", nargs="*")
    parser.add_argument("--counts", help="file that receives 'PASSED FAILED'")
    parser.add_argument("--list", action="store_true", help="name the tests only")
    options = parser.parse_args()

    found = unittest.TestLoader().discover(str(HERE), pattern="test_*.py", top_level_dir=str(HERE))
    wanted = [
        test
        for test in tests_of(found)
        if not options.patterns or any(p in test.id() or p in sentence(test) for p in options.patterns)
    ]
    if options.list:
        print("\n".join(sentence(test) for test in wanted))
        return 0
    binary = programs.dcmscu_path()
    if not os.access(binary, os.X_OK):
        print(f"{binary} is not there: build it (swift build -c release), or name another with DCMSCU", file=sys.stderr)
        return 1
    result = Result()
    unittest.TestSuite(wanted).run(result)
    bad = {test.id().partition(" ")[0] for test, _ in result.failures + result.errors}
    # A class whose set-up failed ran none of its tests: each of them counts as failed.
    ran = result.testsRun
    failed = len(bad) + max(0, len(wanted) - ran - sum(1 for test in bad if test.startswith("setUpClass")))
    passed = len(wanted) - failed
    print(f"tests against real servers: {passed} passed, {failed} failed")
    if options.counts:
        pathlib.Path(options.counts).write_text(f"{passed} {failed}\n")
    return 1 if failed or not result.testsRun else 0


sys.exit(main())
