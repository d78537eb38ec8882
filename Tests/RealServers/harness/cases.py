"""The test case class that all tests against real servers share."""

import os
import pathlib
import random
import shutil
import tempfile
import time
import unittest


class RealServerTest(unittest.TestCase):
    """Has a temporary folder for every test, ends its servers, and shows their logs when a test failed."""

    def run(self, result=None):
        before = _troubles(result)
        self._servers = []
        self._seed = None
        super().run(result)
        if _troubles(result) > before:
            if self._seed is not None:
                print(f"          random moments: the same ones again with DCMSCU_SEED={self._seed}")
            for log in self._logs:
                print(log)

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="dcmscu-test-"))
        self._logs = []
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        # Cleanups run last in, first out: the logs are taken before the servers' folders vanish.
        self.addCleanup(self._keep_logs)
        for server in getattr(type(self), "shared_servers", []):
            self._servers.append(server)

    def chance(self):
        """A source of random moments. A test that fails prints its seed; DCMSCU_SEED gives the same moments again."""
        self._seed = int(os.environ.get("DCMSCU_SEED") or random.SystemRandom().randrange(1_000_000))
        return random.Random(self._seed)

    def serve(self, server):
        """Starts a server for this test alone."""
        server.start()
        self._servers.append(server)
        self.addCleanup(server.stop)
        self.addCleanup(self._keep_logs)
        return server

    @classmethod
    def serve_all(cls, server):
        """Starts a server for all tests of the class; call it in setUpClass."""
        server.start()
        cls.shared_servers = [*getattr(cls, "shared_servers", []), server]
        cls.addClassCleanup(server.stop)
        return server

    def wait_for(self, condition, limit=60.0):
        """Waits until something has become true: a limit that no machine reaches."""
        end = time.monotonic() + limit
        while not condition():
            self.assertLess(time.monotonic(), end, "it never became true")
            time.sleep(0.05)

    def _keep_logs(self):
        self._logs = [
            f"--- log of {server.name}\n{server.log()}" for server in self._servers if server.folder.exists()
        ] or self._logs

    def assert_equal_data_sets(self, pairs):
        """Every (name, left, right): equal element by element, all differences named at once."""
        from . import images

        found = []
        for name, left, right in pairs:
            found += [f"{name}: {line}" for line in images.differences(left, right)]
        if found:
            shown = "\n".join(found[:40])
            raise AssertionError(f"{len(found)} differences\n{shown}")

    def assert_names(self, run, *words):
        """The program's messages hold every word, whatever its case."""
        for word in words:
            if str(word).lower() not in run.stderr.lower():
                raise AssertionError(f"stderr does not name {word!r}\n{run}")


def _troubles(result):
    return 0 if result is None else len(result.failures) + len(result.errors)
