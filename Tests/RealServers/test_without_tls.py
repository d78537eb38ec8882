"""The binary that was built with --disable-default-traits: it does all but TLS, says so where TLS is asked for, and needs no OpenSSL."""

import os

from harness import cases, programs, servers
from harness.programs import run
from test_practice_archive import PracticeArchive


def binary():
    path = os.environ.get("DCMSCU_WITHOUT_TLS") or str(programs.REPOSITORY / ".build-without-tls" / "release" / "dcmscu")
    if not os.access(path, os.X_OK):
        raise AssertionError(f"{path} is not there: scripts/test builds it")
    return path


class WithoutTLS(cases.RealServerTest):
    def dcmscu(self, *arguments, expect):
        return run(binary(), *arguments, environment={"LC_ALL": "C.UTF-8", "DCMSCU_CONFIG": "/dev/null"}, expect=expect)

    def test_the_self_test_is_well_and_names_what_it_left_out(self):
        page = self.dcmscu("--self-test", expect=0).stdout
        self.assertIn("all 14 steps are well", page)
        self.assertRegex(page, r"over TLS .* left out: this program was built without TLS")

    def test_tls_is_a_usage_error_that_says_why_and_nothing_is_sent_plainly(self):
        archive = self.serve(PracticeArchive())
        for operation in ("--echo", "--store", "--find", "--get"):
            more = {"--store": ["/dev/null"], "--find": ["-k", "PatientID"], "--get": ["-k", "StudyInstanceUID=1"]}
            peer = [servers.LOOPBACK, archive.port]
            self.assert_refused(self.dcmscu(operation, "--tls", *peer, *more.get(operation, []), expect=2))
        self.assert_refused(self.dcmscu("--serve", self.folder / "a", "--tls", expect=2))
        self.assertNotIn("associates", archive.log())

    def assert_refused(self, ended):
        self.assert_names(ended, "built without TLS", "hint:")

    def test_it_is_not_linked_with_openssl(self):
        self.assertNotRegex(run("ldd", binary(), expect=0).stdout, "libssl|libcrypto")

    def test_the_two_binaries_talk_with_each_other(self):
        archive = self.serve(PracticeArchive())
        self.dcmscu("--echo", servers.LOOPBACK, archive.port, expect=0)
