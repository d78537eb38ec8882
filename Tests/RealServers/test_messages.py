"""Messages that help: every cause in words, and every remedy of the table provoked by a peer that needs it."""

import pathlib
import re
import socket

from harness import cases, images, loading, programs, scripted, servers
from harness.programs import dcmscu

FIND = ["--find", "--studyroot", "-k", "20,d"]


class Messages(cases.RealServerTest):
    def peer(self, act, **options):
        peer = scripted.Peer(act, **options)
        self.addCleanup(peer.stop)
        return peer

    def told(self, act, *words, code, arguments=("--echo",), hint=None):
        """The program's message holds the words, its hint the remedy, its exit code the cause; no line is a trap's."""
        run = dcmscu(*arguments, servers.LOOPBACK, self.peer(act).port, expect=code)
        self.check(run, words, hint)
        return run

    def check(self, run, words, hint):
        self.assert_names(run, *words)
        hints = [line for line in run.stderr.splitlines() if line.startswith("hint: ")]
        if hint is None:
            self.assertEqual(hints, [], run)
        else:
            for part in hint if isinstance(hint, tuple) else (hint,):
                self.assertIn(part, "\n".join(hints), run)

    # MARK: No connection

    def test_refused(self):
        port = servers.free_port()
        self.check(dcmscu("--echo", servers.LOOPBACK, port, expect=4), ["refused"], ("nothing listens", str(port)))

    def test_name_not_found(self):
        run = dcmscu("--echo", "no-such-host.invalid", 104, expect=(4, 8))
        self.check(run, ["no-such-host.invalid"], "spelled right")

    def test_no_route(self):
        # No connection leads to an address of many: the system says so itself, with IPv6 and without, and sends nothing.
        for address in ("255.255.255.255", "224.0.0.1"):
            self.check(dcmscu("--echo", address, 104, "--connect-timeout", 20, expect=4), [address], "network up")

    def test_connect_timed_out(self):
        # A queue that is full and never served: what comes next is dropped, as by a firewall.
        full = socket.socket()
        self.addCleanup(full.close)
        full.bind((servers.LOOPBACK, 0))
        full.listen(0)
        port = full.getsockname()[1]
        for _ in range(3):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex((servers.LOOPBACK, port))
            self.addCleanup(filler.close)
        run = dcmscu("--echo", servers.LOOPBACK, port, "--connect-timeout", 1, expect=8)
        self.check(run, ["time limit", "connecting"], ("firewall", "--connect-timeout"))

    def test_closed_at_once(self):
        self.told(scripted.closes, "closed at once", code=4, hint="--tls")

    def test_reset_at_once(self):
        self.told(scripted.resets, "reset at once", code=4, hint="allowed at the server")

    def test_no_answer_to_the_request(self):
        self.told(
            scripted.says_nothing, "time limit", "A-ASSOCIATE", code=8, arguments=("--echo", "--timeout", 1),
            hint="does not answer",
        )  # fmt: skip

    # MARK: Something else

    def test_a_web_server(self):
        reply = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"
        self.told(scripted.says(reply), "no DICOM peer", "HTTP", code=5, hint="web port")

    def test_orthancs_own_web_port(self):
        server = self.serve(servers.Orthanc())
        run = dcmscu("--echo", servers.LOOPBACK, server.http_port, expect=(4, 5))
        self.assertRegex(run.stderr, r"(?m)^hint: ")

    def test_a_secure_shell(self):
        self.told(scripted.says(b"SSH-2.0-OpenSSH_9.2p1\r\n"), "SSH", code=5, hint="DICOM port of this server")

    def test_a_server_that_wants_tls(self):
        self.told(scripted.says(bytes.fromhex("15 03 03 00 02 02 46")), "TLS", code=5, hint="--tls")

    def test_an_hl7_listener(self):
        self.told(scripted.says(b"\x0bMSH|^~\\&|\x1c\r"), "HL7", code=5, hint="HL7")

    def test_anything_else(self):
        self.told(scripted.says(b"\xff\xfe\xfd\xfc\xfb\xfa"), "protocol", code=5, hint="another protocol")

    def test_tls_where_there_is_none(self):
        server = self.serve(servers.StoreSCP())
        run = dcmscu("--echo", "--tls", "--tls-insecure", servers.LOOPBACK, server.port, expect=4)
        self.assert_names(run, "TLS")
        self.assertRegex(run.stderr, r"(?m)^hint: ")

    # MARK: Rejected, aborted

    def test_every_rejection_of_table_9_21_in_words(self):
        table = {
            (1, 1, 1): ("permanently", "service user", "no reason given"),
            (1, 1, 2): ("application context name not supported",),
            (1, 1, 3): ("calling AE title not recognized",),
            (1, 1, 7): ("called AE title not recognized",),
            (1, 2, 1): ("service provider", "no reason given"),
            (1, 2, 2): ("protocol version not supported",),
            (2, 3, 1): ("for now", "temporary congestion"),
            (2, 3, 2): ("local limit exceeded",),
            (1, 1, 9): ("unknown reason 9",),
        }
        hints = {
            (1, 1, 1): ("--aetitle", "--call"),
            (1, 1, 3): ("DCMSCU", "--aetitle"),
            (1, 1, 7): ("ANY-SCP", "--call"),
            (2, 3, 1): "try again later",
            (2, 3, 2): "try again later",
        }
        for reject, words in table.items():
            with self.subTest(reject=reject):
                self.told(scripted.rejects(*reject), "rejected", *words, code=5, hint=hints.get(reject))

    def test_aborts_in_words(self):
        self.told(scripted.aborts(0, 0), "aborted", "service user", code=5, hint="--aetitle")
        self.told(scripted.aborts(2, 6), "service provider", "invalid PDU parameter value", code=5, hint="C-ECHO")

    # MARK: Answers

    def test_refused_contexts_with_what_was_proposed(self):
        self.told(
            scripted.refuses("1.2.840.10008.1.1"), "Verification SOP Class", "abstract syntax", "proposed in",
            "Implicit VR Little Endian", code=6, hint="does not offer C-ECHO",
        )  # fmt: skip

    def test_a_status_with_all_that_the_server_says(self):
        act = scripted.answers(
            0xC123, scripted.offending((0x0008, 0x0052), (0x0020, 0x000D)), scripted.comment("archive is asleep"),
            scripted.error_id(4711),
        )  # fmt: skip
        self.told(
            act, "C-FIND failed", "unable to process", "C123", "QueryRetrieveLevel (0008,0052)",
            "StudyInstanceUID (0020,000d)", "archive is asleep", "4711", code=7, arguments=FIND,
        )  # fmt: skip

    def test_what_the_peer_says_moves_no_cursor(self):
        run = self.told(scripted.answers(0xC000, scripted.comment("a\x1b[2Jb\r\nhint: run this")), "unable", code=7, arguments=FIND)
        self.assertNotIn("\x1b", run.stderr)

    def test_not_authorized(self):
        self.told(scripted.answers(0x0124), "not authorized", "0124", code=7, hint="administrator")

    def test_out_of_resources(self):
        self.told(scripted.answers(0xA700), "out of resources", code=7, arguments=FIND, hint="disk or memory")

    def test_silence_after_the_request(self):
        def act(peer, connection):
            scripted.wire.Association.accept(connection).receive()
            peer.hold()

        self.told(act, "time limit", code=8, arguments=("--echo", "--timeout", 1), hint="--timeout")

    def test_an_identity_that_nobody_confirms(self):
        self.told(scripted.answers(0), "identity", code=5, arguments=("--echo", "--user", "me"), hint="--user-unconfirmed")

    # MARK: Our receiver

    def test_a_port_that_is_taken(self):
        taken = self.serve(servers.StoreSCP())
        run = dcmscu(
            "--move", "--studyroot", "-k", "20,d=1.2", "--port-scp", taken.port, servers.LOOPBACK, servers.free_port(),
            expect=(2, 3, 4),
        )  # fmt: skip
        self.check(run, [str(taken.port)], "--port-scp")

    def test_a_move_to_a_title_that_the_server_does_not_know(self):
        server = self.serve(servers.DcmQRSCP([]))
        image = images.archive_images()[0]
        loading.load_dcmqrscp(server, [image])
        run = dcmscu(
            "--move", "--studyroot", "-k", f"20,d={image.study}", "--aetitle", "NOBODY", "--call", server.ae_title,
            "--port-scp", servers.free_port(), servers.LOOPBACK, server.port, "-o", self.folder / "out", expect=7,
        )  # fmt: skip
        self.check(run, ["A801", "destination unknown"], ("register", "NOBODY"))

    def test_a_server_that_never_calls_back(self):
        # It sends to the address that it knows for the title, and that is another one.
        server = self.serve(servers.DcmQRSCP([("STATION", servers.free_port())]))
        image = images.archive_images()[0]
        loading.load_dcmqrscp(server, [image])
        run = dcmscu(
            "--move", "--studyroot", "-k", f"20,d={image.study}", "--aetitle", "STATION", "--call", server.ae_title,
            "--port-scp", servers.free_port(), "--grace", 1, servers.LOOPBACK, server.port, "-o", self.folder / "out",
        )  # fmt: skip
        self.assertNotEqual(run.code, 0)
        self.assertRegex(run.stderr, r"(?m)^hint: .*STATION")


# Where each remedy of the table is provoked: here, or in the tests of its topic.
PROVOKED = {
    "calledAETitleNotRecognized": "rejection", "callingAETitleNotRecognized": "rejection",
    "localLimitExceeded": "rejection", "rejectedWithoutReason": "rejection",
    "moveDestinationUnknown": "title_that_the_server_does_not_know", "noIncomingAssociation": "never_calls_back",
    "connectionRefused": "refused", "nameNotFound": "name_not_found", "connectTimedOut": "connect_timed_out",
    "abortedAfterRequest": "aborts_in_words", "noPresentationContext": "refused_contexts",
    "receiverPortTaken": "port_that_is_taken", "peerSpeaksAnotherProtocol": "anything_else", "peerSpeaks": "web_server",
    "closedAtOnce": "closed_at_once", "noRoute": "no_route", "associationUnanswered": "no_answer_to_the_request",
    "silence": "silence", "notAuthorized": "not_authorized", "outOfResources": "out_of_resources",
    "identityUnconfirmed": "identity_that_nobody_confirms", "noCommonTLS": "tls_where_there_is_none",
}  # fmt: skip
ELSEWHERE = {
    "commitment", "certificateRefused", "ourCertificateRefused",
    # With the lists and files that they are about: test_retrieve_doubts, test_store, test_retrieve_scripted.
    "listCutShort", "mislabelled", "uniqueKeysAbove",
    # Only a binary that was built without it can say so.
    "builtWithoutTLS",
}  # fmt: skip


class TableOfHints(cases.RealServerTest):
    def test_every_remedy_is_provoked_by_some_test(self):
        source = programs.REPOSITORY / "Sources" / "CommandLineInterface" / "Messages" / "Hint.swift"
        cases_of_table = source.read_text().partition("package var text")[0]
        names = set(re.findall(r"^    case (\w+)", cases_of_table, re.MULTILINE))
        self.assertEqual(names, set(PROVOKED) | ELSEWHERE)
        tests = [name for name in dir(Messages) if name.startswith("test_")]
        for name, part in PROVOKED.items():
            self.assertTrue([test for test in tests if part in test], f"{name}: no test is named {part}")
        self.assertTrue(pathlib.Path(__file__).with_name("test_tls.py").exists())
