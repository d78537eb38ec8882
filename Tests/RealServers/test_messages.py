"""Messages, hints and output channels: every cause in words, every hint provoked by a peer that needs it, no patient data in messages."""

import json
import os
import pathlib
import re
import socket
import subprocess
import time

import pydicom
from pydicom.dataset import Dataset

from harness import cases, findpeer, images, loading, practice, programs, scripted, servers, webpeer
from harness.programs import dcmscu
from harness.scripted_archive import FIND as FIND_SERVICE, GET, MOVE, Instance, ScriptedRetrieval, study
from harness.terminals import on_terminal

FIND = ["--find", "--studyroot", "-k", "20,d"]

# Where each remedy of the table is provoked: here, or in the tests of its topic.
PROVOKED = {
    "calledAETitleNotRecognized": "rejection", "callingAETitleNotRecognized": "rejection",
    "localLimitExceeded": "rejection", "rejectedWithoutReason": "rejection",
    "moveDestinationUnknown": "title_that_the_server_does_not_know", "noIncomingAssociation": "never_calls_back",
    "connectionRefused": "refused", "nameNotFound": "name_not_found", "nameOfNode": "name_of_a_node",
    "logFileNamedAsLevel": "log_file_named_as_a_level", "warningForWorklist": "findscus_worklist", "connectTimedOut": "connect_timed_out",
    "abortedAfterRequest": "aborts_in_words", "noPresentationContext": "refused_contexts",
    "receiverPortTaken": "port_that_is_taken", "peerSpeaksAnotherProtocol": "anything_else", "peerSpeaks": "web_server",
    "closedAtOnce": "closed_at_once", "noRoute": "no_route", "associationUnanswered": "no_answer_to_the_request",
    "silence": "silence", "notAuthorized": "not_authorized", "tooManyMatches": "too_many_matches",
    "outOfResources": "no_room",
    "webCredentials": "credentials", "webNotAllowed": "forbidden", "webBaseURL": "base_url", "webNoService": "not_offered_over_http",
    "webTooLarge": "too_large", "webBusy": "busy", "webTooLate": "asks_for_too_long", "webMoved": "moved", "webNoHTTP": "no_http",
    "webIsDICOM": "dicom_at_a_url",
    "identityUnconfirmed": "identity_that_nobody_confirms", "noCommonTLS": "tls_where_there_is_none",
}  # fmt: skip

ELSEWHERE = {
    # Without the library, and in a build without it: test_web and test_security.
    "webLibrary", "builtWithoutWeb",
    # A token endpoint: test_web_access. Orthanc's own interface: test_orthanc.
    "webToken", "webNoOrthanc",
    "commitment", "certificateRefused", "ourCertificateRefused",
    # With the lists and files that they are about: test_retrieve and test_store.
    "listCutShort", "mislabelled", "noUIDsInDataSet", "oddLength", "noHeader", "uniqueKeysAbove", "ignoredKey", "keyOfLowerLevel", "lostLetters", "modalitiesNotReturned",
    # Over HTTP, at a server that does not decode: test_web.
    "keyNotSentWhole",
    # At ports with and without TLS: test_web.
    "webWantsTLS", "webWithoutTLS",
    # Of a copy: test_between_archives.
    "goOnCopying",
    # At a terminal: test_find.
    "characterSetIsKey",
    # By the unit tests of --find.
    "noMatch",
    # By those of --compare and --find.
    "tooManyMatchesOfPart",
    "undecodable",
    # By the unit tests of causes and retrievals.
    "runTooShort", "nameServersSilent", "abortedQuery", "retrievalTooLarge", "suboperationsImpossible", "storageContextsRefused",
    "storageRoleRefused", "destinationUnreachable", "destinationTakesNotAll", "serverSendsNotAll", "otherIdentifier", "noReasonGiven", "endedByServer",
    "notOnServer", "callerNotAccepted", "moveFailedWithoutReason",
    "moveFailedAndNeverCalledBack", "keysOfOtherLevel",
    # By the unit tests of --store and of retrievals.
    "sopClassNotAccepted", "syntaxNotAccepted", "copyConvertsNothing", "goOn", "goOnCopying", "listOnTerminal",
    # With certificates: test_security.
    "certificateOutOfDate", "certificateForOtherName", "certificateWithoutKey",
    # Through proxies: test_proxies.
    "proxyUnusable", "proxyOfEnvironment", "proxyCredentials", "proxyForbids", "unreachableThroughProxy",
    # Only a binary that was built without it can say so.
    "builtWithoutTLS",
    # Where the library is missing: test_security.
    "noOpenSSL",
}  # fmt: skip

ASSOCIATION, NO_CONTEXT, FAILURE = 5, 6, 7
USAGE = 2
LOCAL_FILES = 3
NAME, NUMBER, ACCESSION, PHYSICIAN = "QUIXOTE^ALONSO", "PID7391", "ACC55017", "PANZA^SANCHO"
BIRTHDAY, ADDRESS = "16051116", "LA MANCHA 1"
SECRETS = ["QUIXOTE", "ALONSO", NUMBER, ACCESSION, "PANZA", "SANCHO", BIRTHDAY, "MANCHA"]
STATION = "STATION"


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

    def test_the_name_of_a_node_that_is_no_host(self):
        configuration = self.folder / "config.json"
        configuration.write_text('{"nodes": {"no-such-host.invalid": {"host": "127.0.0.1"}}}')
        run = dcmscu("no-such-host.invalid", 104, "--config", configuration, expect=(4, 8))
        self.check(run, ["no-such-host.invalid"], "a node of this name: @no-such-host.invalid")

    def test_a_log_file_named_as_a_level(self):
        run = dcmscu(
            "--find", "-L", "STUDY", "-k", "10,10=A", servers.LOOPBACK, servers.free_port(), directory=self.folder,
        )  # fmt: skip
        self.check(run, ["STUDY"], "the level is --study")
        self.assertTrue((self.folder / "STUDY").exists())

    def test_findscus_worklist_option_is_our_warnings(self):
        archive = self.serve(practice.PracticeArchive())
        code, shown = on_terminal(["find", "-W", servers.LOOPBACK, archive.port])
        self.assertEqual(code, 0)
        self.assertIn("hint: -W is --warning here; a worklist is asked for with --worklist", shown.replace("\n", " "))
        self.assertEqual(dcmscu("find", "-W", servers.LOOPBACK, archive.port, expect=0).stderr, "")

    def test_no_route(self):
        # No connection leads to an address of many: the system says so itself, with IPv6 and without, and sends nothing.
        for address in ("255.255.255.255", "224.0.0.1"):
            self.check(dcmscu("--echo", address, 104, "--connect-timeout", 20, expect=4), [address], "network up")

    def test_connect_timed_out(self):
        # A full queue that is never served: further connections are dropped, as by a firewall.
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
        self.check(run, ["time limit", "connecting", "waited for 1 s"], ("firewall", "--connect-timeout"))

    def test_closed_at_once(self):
        self.told(scripted.closes, "closed at once", code=4, hint="--tls")

    def test_reset_at_once(self):
        self.told(scripted.resets, "reset at once", code=4, hint="allowed at the server")

    def test_no_answer_to_the_request(self):
        self.told(
            scripted.says_nothing, "time limit", "A-ASSOCIATE", "waited for 1 s", code=8, arguments=("--echo", "--timeout", 1),
            hint="no answer",
        )  # fmt: skip

    # MARK: Something else

    def test_a_web_server(self):
        reply = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"
        self.told(scripted.says(reply), "not a DICOM peer", "HTTP", code=5, hint="web port")

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
            (1, 1, 7): ("ANY-SCP", "--call", "DCMSCU", "--aetitle"),
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

    def test_too_many_matches(self):
        self.told(scripted.answers(0xA700), "out of resources", code=7, arguments=FIND, hint="too many matches")

    def test_a_server_that_has_no_room(self):
        image = images.image("CT_small.dcm")
        peer = self.peer(scripted.answers(0xA700))
        run = dcmscu("--store", servers.LOOPBACK, peer.port, image.path, expect=7)
        self.check(run, ["out of resources"], "disk or memory")

    def test_silence_after_the_request(self):
        def act(peer, connection):
            scripted.wire.Association.accept(connection).receive()
            peer.hold()

        self.told(act, "time limit", code=8, arguments=("--echo", "--timeout", 1), hint="--timeout")

    def test_an_identity_that_nobody_confirms(self):
        self.told(scripted.answers(0), "identity", code=5, arguments=("--echo", "--user", "me"), hint="--user-unconfirmed")

    # MARK: Waiting

    def test_a_terminal_shows_what_is_waited_for_and_the_limit(self):
        arguments = ["--echo", "--timeout", 4, servers.LOOPBACK, self.peer(scripted.says_nothing).port]
        code, shown = on_terminal(arguments, 100)
        self.assertEqual(code, 8, shown)
        self.assertRegex(shown, r"\r\x1b\[KANY-SCP@127\.0\.0\.1:\d+: waiting for the answer to A-ASSOCIATE: 2 of 4 s\r\x1b\[K")
        self.assertNotIn("waiting for the answer", shown.split("\x1b[K")[-1].split("while")[0])
        # It is one line, which is erased before a message.
        self.assertRegex(shown, r"\x1b\[Kdcmscu: ")
        self.assertNotIn(": waiting", on_terminal([*arguments, "--quiet"], 100)[1])
        self.assertNotIn(": waiting", dcmscu(*arguments, expect=8).said)

    def test_the_limit_of_the_run_is_named(self):
        self.told(
            scripted.says_nothing, "time limit", "the run may last 1 s (--total-timeout)", code=8,
            arguments=("--echo", "--total-timeout", 1), hint="no answer",
        )  # fmt: skip

    # MARK: Files

    def test_a_compressed_file_that_the_server_does_not_take(self):
        archive = self.serve(practice.PracticeArchive(options=["--inject", "refuse-syntax=1.2.840.10008.1.2.4.90"]))
        files = practice.made_up_images(self.folder / "images")
        compressed = [path for path in files if images.meta(path).TransferSyntaxUID == "1.2.840.10008.1.2.4.90"]
        run = dcmscu("--store", servers.LOOPBACK, archive.port, *compressed, expect=6)
        # Nothing else was proposed by the files themselves.
        self.check(
            run, [f"{len(compressed)} files not sent", "JPEG 2000", "not accepted for CT Image Storage"],
            ("the server accepts Explicit VR Little Endian", "gdcmconv"),
        )  # fmt: skip

    # MARK: Keys

    def test_a_key_of_a_lower_level_is_told_with_the_one_that_does_it(self):
        run = dcmscu(*FIND, "-k", "Modality=CT", servers.LOOPBACK, servers.free_port(), expect=4)
        self.assert_names(run, "a key of the SERIES level", "use ModalitiesInStudy, or --series")

    def test_a_query_that_lacks_the_unique_keys_of_the_levels_above(self):
        arguments = ("--find", "--series", "-k", "Modality=CT")
        self.told(scripted.answers(0xA900), "C-FIND failed", code=7, arguments=arguments, hint="StudyInstanceUID=VALUE")
        run = self.told(
            scripted.answers(0), "no match", code=1, arguments=(*arguments, "--fail-if-none"), hint="need StudyInstanceUID",
        )  # fmt: skip
        self.assertIn("at the SERIES level", run.stderr)

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

    def over_http(self, status, code, *words, headers=()):
        with webpeer.WebPeer(lambda _: webpeer.answer(status, headers=headers)) as peer:
            self.assert_names(dcmscu("--find", peer.url, expect=code), f"status {status}", *words)

    def test_credentials_that_a_web_server_wants(self):
        self.over_http(401, ASSOCIATION, "no credentials", "--user", "--passcode", "--jwt")

    def test_forbidden_by_a_web_server(self):
        self.over_http(403, ASSOCIATION, "no credentials were given", "--user", "--jwt", "--header")
        with webpeer.WebPeer(lambda _: webpeer.answer(403)) as peer:
            self.assert_names(dcmscu("--find", peer.url, "--user", "alice", expect=ASSOCIATION), "status 403", "administrator must allow")

    def test_base_url_that_is_not_right(self):
        self.over_http(404, FAILURE, "is the base URL right?", "/dicom-web")

    def test_not_offered_over_http(self):
        self.over_http(405, NO_CONTEXT, "does not offer this")

    def test_too_large_for_a_proxy(self):
        self.over_http(413, FAILURE, "client_max_body_size")

    def test_busy_web_server(self):
        self.over_http(503, FAILURE, "--retries")

    def test_a_web_server_that_asks_for_too_long_a_pause(self):
        busy = webpeer.answer(429, headers=[("Retry-After", "600")])
        with webpeer.WebPeer(lambda _: busy) as peer:
            run = dcmscu("--find", peer.url, "--retries", 1, "--total-timeout", 60, expect=8)
            self.assert_names(run, "asked again in 600 s", "do the rest in another run")

    def test_moved_to_where_nobody_follows(self):
        self.over_http(301, ASSOCIATION, "give the URL", "ftp://elsewhere/", headers=[("Location", "ftp://elsewhere/")])

    def test_no_http_at_a_url(self):
        def act(_, connection):
            connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")

        with webpeer.WebPeer(act, raw=True) as peer:
            self.assert_names(dcmscu("--echo", peer.url, expect=ASSOCIATION), "not HTTP", "give HOST PORT")


    def test_dicom_at_a_url(self):
        peer = self.serve(servers.StoreSCP())
        run = dcmscu("--echo", f"http://{servers.LOOPBACK}:{peer.port}", expect=ASSOCIATION)
        self.assert_names(run, "speaks the DICOM protocol", "host and port without a scheme")


class TableOfHints(cases.RealServerTest):
    def test_every_remedy_is_provoked_by_some_test(self):
        source = programs.REPOSITORY / "Sources" / "CommandLineInterface" / "Messages" / "Hint.swift"
        cases_of_table = source.read_text().partition("package var text")[0]
        names = set(re.findall(r"^    case (\w+)", cases_of_table, re.MULTILINE))
        self.assertEqual(names, set(PROVOKED) | ELSEWHERE)
        tests = [name for name in dir(Messages) if name.startswith("test_")]
        for name, part in PROVOKED.items():
            self.assertTrue([test for test in tests if part in test], f"{name}: no test is named {part}")
        self.assertTrue(pathlib.Path(__file__).with_name("test_security.py").exists())


class BadArguments(cases.RealServerTest):
    """Usage errors: nothing is sent, so a closed port is enough."""

    def refused(self, *arguments, names):
        run = dcmscu(*arguments, expect=USAGE, timeout=10)
        self.assert_names(run, *names)
        self.assertEqual(run.stdout, "")

    def test_an_ae_title_of_17_characters(self):
        title = "SEVENTEENLETTERS1"
        self.refused("--echo", servers.LOOPBACK, 104, "--aetitle", title, names=["--aetitle", title, "16"])
        self.refused("--echo", servers.LOOPBACK, 104, "--call", title, names=["--call", title, "16"])

    def test_a_port_that_cannot_be(self):
        for port in ("70000", "0", "-1", "http", ""):
            self.refused("--echo", "-H", servers.LOOPBACK, f"--port={port}", names=["port", port])
        self.refused("--echo", servers.LOOPBACK, "70000", names=["port", "70000"])
        self.refused(
            "--move", "--studyroot", "-k", "20,d=1.2", "--port-scp", "70000", servers.LOOPBACK, 104,
            names=["--port-scp", "70000"],
        )  # fmt: skip

    def test_an_unknown_option(self):
        self.refused("--ehco", servers.LOOPBACK, 104, names=["--ehco"])

    def test_words_of_other_programs(self):
        host = servers.LOOPBACK
        self.refused("send", host, 104, "a.dcm", names=["did you mean store?"])
        self.refused("query", f"{host}:104", names=["did you mean find?"])
        self.refused("--ping", host, 104, names=["did you mean --echo?"])
        self.refused(f"{host}:104", "find", names=["dcmscu find HOST PORT"])
        self.refused("--find", host, 104, "-k", "PatientName", "DOE", names=["-k PatientName=VALUE"])
        self.refused("--find", host, 104, "-k", "StudyUID=1.2", names=["did you mean StudyInstanceUID?"])
        self.refused("--find", host, 104, "-k", "Patient=DOE", names=["PatientName, PatientID or PatientBirthDate"])

    def test_a_key_that_cannot_be_read(self):
        self.refused(
            "--find", "--studyroot", servers.LOOPBACK, 104, "-k", "10;20", names=["Could not read Tag: 10;20"]
        )

    def test_two_operations(self):
        self.refused("--echo", "--store", servers.LOOPBACK, 104, names=["--echo", "--store"])

    def test_a_move_to_ourselves_without_a_port_to_receive_on(self):
        self.refused("--move", "--studyroot", "-k", "20,d=1.2", servers.LOOPBACK, 104, names=["--port-scp"])

    def test_the_patient_level_of_the_study_root(self):
        self.refused("--find", "--studyroot", "--patient", servers.LOOPBACK, 104, names=["patient", "study"])

    def test_no_host(self):
        self.refused("--echo", names=["host"])


def schema():
    """event -> its members, and the outcomes, as the man page has them."""
    page = dcmscu("--generate", "man", expect=0).stdout
    section = page.split(".SH JSON LINES\n")[1].split("\n.SH ")[0]
    events, rest = section.split("of an object:\n")
    outcomes, causes = rest.split("of a failure, beside the sentence in")
    entries = re.findall(r"\.TP\n\\fB(\w+)\\fR\n.*?:\n(.*?)\.\n", events, re.S)
    return (
        {name: set(re.findall(r"\\fI(\w+)\\fR", members)) for name, members in entries},
        set(re.findall(r"\.TP\n\\fB(\w+)\\fR", outcomes)),
        {cause.replace("\\-", "-") for cause in re.findall(r"\.TP\n\\fB([\w\\-]+)\\fR", causes)},
    )


class JSONLines(cases.RealServerTest):
    @classmethod
    def setUpClass(cls):
        cls.events, cls.outcomes, cls.causes = schema()
        cls.images = images.archive_images()[:6]
        cls.port_scp = servers.free_port()
        cls.orthanc = cls.serve_all(servers.Orthanc(DicomModalities={"mover": ["MOVER", servers.LOOPBACK, cls.port_scp]}))
        loading.load_orthanc(cls.orthanc, cls.images)

    def objects(self, *arguments, expect=0):
        run = dcmscu(*arguments, "--format", "jsonl", expect=expect)
        objects = [json.loads(line) for line in run.stdout.splitlines()]
        for entry in objects:
            self.assertEqual(next(iter(entry)), "event")
            self.assertIn(entry["event"], self.events, run)
            self.assertLessEqual(set(entry) - {"event"}, self.events[entry["event"]], run)
            self.assertNotIn(None, entry.values())
            self.assertIn(entry.get("outcome", "done"), self.outcomes)
            self.assertRegex(entry.get("status", "0000H"), "^[0-9A-F]{4}H$")
            if entry.get("outcome") == "failed" or entry.get("exitCode", 0) != 0:
                self.assertIn(entry.get("cause"), self.causes, run)
        self.assertEqual([entry["event"] for entry in objects].count("summary"), 1, run)
        self.assertEqual(objects[-1]["event"], "summary")
        self.assertEqual(objects[-1]["exitCode"], run.code)
        return objects[:-1], objects[-1]

    def peer(self):
        return ("--call", self.orthanc.ae_title, servers.LOOPBACK, self.orthanc.port)

    def test_the_schema_is_written_down(self):
        self.assertLessEqual({"echo", "store", "receive", "commitment", "summary"}, set(self.events))
        self.assertIn("sopInstanceUID", self.events["store"])
        self.assertEqual(self.outcomes, {"done", "warning", "skipped", "failed", "pending"})

    def test_an_echo_is_one_object(self):
        objects, summary = self.objects("--echo", *self.peer())
        self.assertEqual([entry["event"] for entry in objects], ["echo"])
        self.assertEqual((objects[0]["outcome"], objects[0]["status"]), ("done", "0000H"))
        self.assertEqual(summary["operation"], "echo")

    def test_a_failure_has_a_summary_too(self):
        _, summary = self.objects("--echo", servers.LOOPBACK, servers.free_port(), expect=4)
        self.assertIn("refused", summary["error"])
        self.assertEqual(summary["cause"], "connection-refused")

    def test_a_cause_keeps_its_name_whatever_the_sentence_is(self):
        cut = self.folder / "cut.dcm"
        cut.write_bytes(self.images[0].path.read_bytes()[:400])
        objects, summary = self.objects("--store", *self.peer(), cut, self.images[1].path, expect=1)
        self.assertEqual([entry.get("cause") for entry in objects], ["file", None])
        self.assertEqual(summary["cause"], "file")
        objects, summary = self.objects("--move", *self.peer(), "-k", f"StudyInstanceUID={self.images[0].study}",
                                        "--move-destination", "NOWHERE", expect=7)
        self.assertEqual(summary["cause"], "destination-unknown" if "A801H" in summary["error"] else "failure-status")
        _, summary = self.objects("--get", *self.peer(), "-k", "StudyInstanceUID=1.2.3.4", "-o",
                                  self.folder, "--fail-if-none", expect=[1, 7])
        self.assertIn(summary["cause"], self.causes)

    def test_each_file_stored_is_one_object(self):
        paths = [image.path for image in self.images]
        objects, summary = self.objects("--store", *self.peer(), *paths)
        stored = [entry for entry in objects if entry["event"] == "store"]
        self.assertEqual(sorted(e["sopInstanceUID"] for e in stored), sorted(i.sop_instance for i in self.images))
        self.assertEqual({entry["outcome"] for entry in stored}, {"done"})
        self.assertEqual(summary["done"], len(paths))

    def test_each_instance_retrieved_is_one_object(self):
        study = self.images[0].study
        expected = sorted(image.sop_instance for image in self.images if image.study == study)
        for arguments in (["--get"], ["--move", "--aetitle", "MOVER", "--port-scp", self.port_scp]):
            with self.subTest(arguments[0]):
                folder = self.folder / arguments[0].strip("-")
                objects, summary = self.objects(
                    *arguments, *self.peer(), "-k", f"StudyInstanceUID={study}", "--output", folder
                )
                received = [entry for entry in objects if entry["event"] == "receive"]
                self.assertEqual(sorted(entry["sopInstanceUID"] for entry in received), expected)
                self.assertEqual(summary["done"], len(expected))


class OutputChannels(cases.RealServerTest):
    @classmethod
    def setUpClass(cls):
        cls.storescp = cls.serve_all(servers.StoreSCP())

    def shell(self, redirection, *arguments, expect):
        """Runs the program by a shell, which can close a stream: `>&-`."""
        line = " ".join([programs.dcmscu_path(), *(f"'{argument}'" for argument in arguments), redirection])
        run = subprocess.run(
            ["bash", "-c", line], capture_output=True, timeout=60, env={**os.environ, "DCMSCU_CONFIG": "/dev/null"}
        )
        self.assertEqual(run.returncode, expect, f"{line}\n{run.stdout}\n{run.stderr}")
        return run

    def many_answers(self):
        answer = pydicom.Dataset()
        answer.PatientID = "P" * 60
        peer = findpeer.FindPeer([answer] * 20_000)
        self.addCleanup(peer.stop)
        return ["--find", "--studyroot", "-k", "10,20", servers.LOOPBACK, str(peer.port)]

    @property
    def echo(self):
        return ["--echo", servers.LOOPBACK, str(self.storescp.port)]

    def test_a_reader_that_has_gone(self):
        for form in ("text", "jsonl"):
            arguments = [programs.dcmscu_path(), *self.many_answers(), "--format", form]
            process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            process.stdout.readline()
            process.stdout.close()
            error = process.stderr.read()
            # It has had what it wanted: no failure.
            self.assertEqual((process.wait(60), error), (0, b""))

    def test_a_transfer_goes_on_when_its_reader_has_gone(self):
        self.storescp.clear()
        files = [image.path for image in images.archive_images()[:20]]
        arguments = [programs.dcmscu_path(), "--store", servers.LOOPBACK, str(self.storescp.port), *map(str, files)]
        process = subprocess.Popen([*arguments, "--format", "jsonl"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stdout.close()
        error = process.stderr.read().decode()
        self.assertEqual(process.wait(60), 0, error)
        self.assertNotIn("standard output", error)
        self.assertEqual(len(self.storescp.received()), len(files))

    def test_a_full_disk(self):
        run = self.shell(">/dev/full", *self.many_answers(), expect=LOCAL_FILES)
        self.assertIn(b"standard output", run.stderr)
        self.shell(">/dev/full", *self.echo, expect=LOCAL_FILES)
        self.shell(">/dev/full", "--help", expect=LOCAL_FILES)
        self.shell(">/dev/full", *self.echo, "--format", "jsonl", expect=LOCAL_FILES)

    def test_a_closed_standard_output(self):
        run = self.shell(">&-", *self.many_answers(), expect=LOCAL_FILES)
        self.assertIn(b"standard output", run.stderr)
        self.shell(">&-", *self.echo, expect=LOCAL_FILES)

    def test_a_closed_standard_error_changes_nothing_else(self):
        self.shell("2>&-", *self.echo, "-D", expect=0)
        self.shell("2>&-", "--echo", servers.LOOPBACK, str(servers.free_port()), expect=4)
        self.shell("2>/dev/full", *self.echo, "-D", expect=0)
        self.shell("2>&- >&- <&-", *self.echo, "-D", expect=LOCAL_FILES)
        self.shell("2>&-", "--bogus", expect=2)

    def test_an_instance_is_sent_whole_with_all_streams_closed(self):
        self.storescp.clear()
        image = images.image("CT_small.dcm")
        arguments = ["--store", servers.LOOPBACK, str(self.storescp.port), str(image.path), "-D"]
        self.shell("2>&- >&- <&-", *arguments, expect=0)
        [received] = self.storescp.received()
        self.assertEqual(images.data_set_bytes(received), images.data_set_bytes(image.path))

    def test_a_log_that_cannot_be_written(self):
        run = self.shell("", *self.echo, "-V", "-L", "/dev/full", expect=LOCAL_FILES)
        self.assertIn(b"/dev/full", run.stderr)
        self.shell("", *self.echo, "-L", str(self.folder / "missing" / "log"), expect=LOCAL_FILES)

    def test_lines_have_a_time_if_asked_for_and_a_priority_in_the_journal_of_systemd(self):
        port = servers.free_port()
        timed = dcmscu("--echo", "--log-time", servers.LOOPBACK, port, expect=4).stderr.splitlines()
        for line in timed:
            self.assertRegex(line, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d dcmscu\[\d+\]: ")
        self.assertRegex(timed[0], f"--echo --log-time .* {port}")
        self.assertRegex(timed[-1], "exit code 4")
        log = self.folder / "journal"
        with log.open("wb") as file:
            status = os.fstat(file.fileno())
            # The standard error is the stream that systemd names.
            environment = {**os.environ, "JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}", "DCMSCU_CONFIG": "/dev/null"}
            command = [programs.dcmscu_path(), "--echo", servers.LOOPBACK, str(port)]
            subprocess.run(command, stderr=file, env=environment, timeout=60)
            environment["JOURNAL_STREAM"] = f"{status.st_dev}:{status.st_ino + 1}"
            subprocess.run(command, stderr=file, env=environment, timeout=60)
        lines = log.read_text().splitlines()
        self.assertEqual(len(lines), 4, lines)
        self.assertRegex(lines[0], r"^<3>dcmscu: cannot connect")
        self.assertRegex(lines[1], r"^<3>hint: ")
        self.assertRegex(lines[2], r"^dcmscu: cannot connect")

    def test_a_terminal_gets_no_long_list_of_what_is_missing(self):
        archive = self.serve(practice.PracticeArchive(options=["--inject", "retrieve-failure=1"]))
        files = practice.made_up_images(self.folder / "images")
        dcmscu("--store", servers.LOOPBACK, archive.port, *files, expect=0)
        arguments = ["--get", servers.LOOPBACK, archive.port, "-k", "StudyDate=20260102", "-o", self.folder / "out"]
        code, shown = on_terminal(arguments, 120)
        self.assertEqual(code, 7, shown)
        self.assertIn(f"{len(files)} lines of what is missing not shown", shown)
        self.assertNotIn("StudyInstanceUID,", shown)
        run = dcmscu(*arguments, expect=7)
        self.assertEqual(len(run.stdout.splitlines()), len(files) + 1, run)
        few = [*arguments[:-4], "-k", "StudyDate=20260102", "-k", "ModalitiesInStudy=MR", "-o", self.folder / "few"]
        code, shown = on_terminal(few, 120)
        self.assertIn("StudyInstanceUID,", shown)

    def test_a_quiet_run_leaves_its_first_and_last_line_in_the_log(self):
        archive = self.serve(practice.PracticeArchive())
        log = self.folder / "quiet.log"
        run = dcmscu("--echo", "--quiet", "--log-file", log, servers.LOOPBACK, archive.port, expect=0)
        self.assertEqual((run.stdout, run.stderr), ("", ""))
        lines = log.read_text().splitlines()
        self.assertEqual(len(lines), 2, lines)
        self.assertIn("start: dcmscu --echo --quiet", lines[0])
        self.assertIn("end: exit code 0", lines[1])
        run = dcmscu("--echo", "--quiet", "--log-time", servers.LOOPBACK, archive.port, expect=0)
        self.assertEqual(run.stderr, "")

    def test_a_move_to_a_third_party_names_it_and_shows_no_bytes(self):
        other = self.serve(practice.PracticeArchive())
        archive = self.serve(practice.PracticeArchive([("OTHER", other.port)]))
        files = practice.made_up_images(self.folder / "images")
        dcmscu("--store", servers.LOOPBACK, archive.port, *files, expect=0)
        code, shown = on_terminal(["move", servers.LOOPBACK, archive.port, "-k", "StudyDate=20260102", "--to", "OTHER"], 120)
        self.assertEqual(code, 0, shown)
        self.assertIn("C-MOVE to OTHER, 3 of 3 requests: 3 studies", shown)
        self.assertNotIn("bytes", shown)

    def test_messages_go_to_the_log_and_results_do_not(self):
        log = self.folder / "log"
        run = self.shell("", *self.echo, "-V", "-L", str(log), expect=0)
        self.assertIn(b"answered in", run.stdout)
        self.assertEqual(run.stderr, b"")
        self.assertIn("A-ASSOCIATE-AC", log.read_text())
        self.assertNotIn("answered in", log.read_text())


class PatientData(cases.RealServerTest):
    def setUp(self):
        super().setUp()
        self.port_scp = servers.free_port()
        self.server = self.serve(servers.Orthanc(DicomAlwaysAllowFind=True, DicomAlwaysAllowGet=True, DicomAlwaysAllowMove=True))
        self.server.register(STATION, self.port_scp)
        self.log = self.folder / "log"
        self.file = self.folder / "in" / "image1.dcm"
        self.file.parent.mkdir()
        dataset = pydicom.dcmread(pydicom.data.get_testdata_file("CT_small.dcm"))
        dataset.PatientName, dataset.PatientID, dataset.AccessionNumber = NAME, NUMBER, ACCESSION
        dataset.PatientBirthDate, dataset.PatientAddress = BIRTHDAY, ADDRESS
        dataset.ReferringPhysicianName = dataset.OperatorsName = PHYSICIAN
        self.study = str(dataset.StudyInstanceUID)
        dataset.save_as(self.file)

    def run_all(self, *options):
        """Runs one of each operation, with failures among them; returns all messages in one text."""
        said = ""
        here = [servers.LOOPBACK, self.server.port, "--call", "ORTHANC", "--aetitle", STATION]
        pattern = "{PatientName}/{PatientID}-{AccessionNumber}/{SOPInstanceUID}.dcm"
        keys = ["-k", f"10,10={NAME}", "-k", f"10,20={NUMBER}", "-k", f"8,50={ACCESSION}", "-k", "8,90", "-k", "10,30"]
        refusing = scripted.Peer(scripted.answers(0xC000, scripted.comment(f"no {NAME} with {NUMBER} or {ACCESSION}")))
        self.addCleanup(refusing.stop)
        out = self.folder / "out"
        query = self.folder / "query.txt"
        query.write_text(f"QueryRetrieveLevel=STUDY\nPatientID={NUMBER}\nPatientName={NAME}\nAccessionNumber={ACCESSION}\n")
        lines = [
            ["--echo", *here],
            ["--store", *here, self.file],
            ["--find", *here, *keys, "-k", "20,d"],
            ["--find", "--patient", *here, "-k", f"10,10={NAME.lower()}", "-k", "10,20"],
            ["--find", *here, "--image", "-k", f"20,d={self.study}", "-k", "10,1001", "-k", "8,1110", "--return", "all"],
            ["--get", *here, "-k", f"20,d={self.study}", "-o", out / "get", "--name", pattern],
            ["--get", *here, "-k", f"20,d={self.study}", "-o", out / "get", "--name", pattern],
            ["--move", *here, "-k", f"20,d={self.study}", "-o", out / "move", "--name", pattern, "--port-scp", self.port_scp],
            ["--get", "--patient", *here, "-k", f"10,20={NUMBER}", "-o", out / "get", "--name", pattern, "--if-exists", "fail"],
            ["--find", servers.LOOPBACK, refusing.port, *keys],
            ["--find", servers.LOOPBACK, refusing.port, "--query", query],
            ["--store", servers.LOOPBACK, refusing.port, self.file],
            ["--find", *here, "-k", f"10,30={ADDRESS}"],
            ["--find", *here, "-k", f"PatientNam={NAME}"],
            ["--find", *here, "-k", f"10,10={NAME}", "-k", f"10,10={PHYSICIAN}"],
            ["--find", *here, "-k", f"10,1002[1].10,20={NUMBER}"],
        ]
        for line in lines:
            # Results hold what was requested; only messages count here.
            said += dcmscu(*line, *options).stderr
            said += dcmscu(*line, *options, "-L", self.log).stderr
        return said + self.log.read_text()

    def test_a_full_run_in_every_detail_names_nobody(self):
        said = self.run_all("-D")
        for secret in SECRETS:
            found = [line for line in said.splitlines() if re.search(secret, line, re.IGNORECASE)]
            self.assertEqual(found, [], secret)
        # It was told in every detail all the same.
        for word in ("P-DATA-TF", "C-FIND-RQ", "C-STORE-RSP", "(0010,0010)", "***", "{PatientName}/"):
            self.assertIn(word, said)

    def test_a_run_of_few_words_names_nobody_either(self):
        for level in ([], ["-V"]):
            said = self.run_all(*level)
            for secret in SECRETS:
                self.assertNotIn(secret.lower(), said.lower(), level)

    def test_a_comment_about_the_very_instance_names_nobody(self):
        said = f"no room for {NAME.replace('^', ' ')} ({NUMBER}, born 16.11.1605)"
        peer = scripted.Peer(scripted.answers(0xA700, scripted.comment(said)))
        self.addCleanup(peer.stop)
        journal = self.folder / "journal"
        for options in ([], ["-D"], ["--format", "jsonl"], ["--log-time", "--log-format", "json"], ["--journal", journal]):
            run = dcmscu("--store", servers.LOOPBACK, peer.port, self.file, *options, expect=7)
            told = run.stderr + run.stdout + (journal.read_text() if journal.exists() else "")
            # A year alone may be part of any number.
            for secret in SECRETS + ["11.1605"]:
                self.assertNotIn(secret.lower(), told.lower(), options)
            self.assertIn("no room for", told, options)
            self.assertIn("born ***", told, options)
        run = dcmscu("--store", servers.LOOPBACK, peer.port, self.file, "--log-phi", expect=7)
        self.assertIn(said, run.stderr)

    def test_a_comment_about_the_very_instance_repeats_no_part_of_a_name_and_nothing_that_is_hidden_in_data(self):
        image = pydicom.dcmread(images.image("CT_small.dcm").path)
        image.PatientName, image.PatientID, image.AccessionNumber = "Becker-O'Brien^Jean-Luc Maria", "AB-12 345", "0004711"
        image.StudyDescription, image.InstitutionName, image.PatientComments = "Schizophrenie HIV", "Ward Sieben", "Kassenpatient"
        image.save_as(self.folder / "named.dcm")
        for said, told in (
            ("no room for Brien", "no room for ***"), ("no room for O'BRIEN", "no room for ***'***"), ("no room for Becker", "no room for ***"),
            ("no room for JeanLuc", "no room for ***"), ("no room for Jean", "no room for ***"), ("id AB12", "id ***"),
            ("study 4711", "study ***"), ("a schizophrenie is not taken", "a *** is not taken"), ("HIV refused", "*** refused"),
            ("full: Sieben", "full: ***"), ("kassenpatient refused", "*** refused"), ("forward later", "forward later"),
        ):  # fmt: skip
            peer = scripted.Peer(scripted.answers(0xA700, scripted.comment(said)))
            with self.subTest(said):
                run = dcmscu("--store", servers.LOOPBACK, peer.port, self.folder / "named.dcm", expect=7)
                self.assertIn(f": {told} (A700H)", run.stderr)
            peer.stop()

    def test_whoever_wants_it_sees_it(self):
        said = self.run_all("-D", "--log-phi")
        for secret in SECRETS[:6]:
            self.assertIn(secret, said)


class ReceivedPatientData(ScriptedRetrieval):
    """What a server sent before, in the Error Comment of its final response."""

    PERSON, MRN, ORDER = "Zweistein^Ottilie", "MRN-77123", "ORD-4711"
    COMMENT = "no room for Ottilie Zweistein (MRN-77123, ORD-4711)"
    SECRETS = ["ottilie", "zweistein", "77123", "4711"]

    def assert_hidden(self, line, expect, is_told=True):
        """In every way to be told, and the comment is told all the same."""
        journal = self.folder / "journal"
        log = self.folder / "log"
        report = self.folder / "report.csv"
        forms = [[], ["-D"], ["--format", "jsonl"], ["--log-file", log], ["--log-time", "--log-format", "json"]]
        for options in forms + ([["--journal", journal]] if "--find" not in line else []):
            # Matches hold what they hold: only messages count for a query.
            is_query = "--find" in line
            if not is_query:
                self.archive.number = 0
            run = dcmscu(*line, *options, *([] if is_query else ["-o", self.folder / f"{time.monotonic_ns()}"]), expect=expect)
            told = run.stderr + ("" if is_query else run.stdout)
            told += "".join(path.read_text() for path in (journal, log, report) if path.exists())
            with self.subTest(f"{line[0]} {options}"):
                for secret in self.SECRETS:
                    # Ports, times and folders are longer numbers.
                    self.assertNotRegex(told.lower(), rf"(?<![0-9.]){secret}(?![0-9])", run)
                if is_told:
                    self.assertIn("no room for", told, run)
        if not is_told:
            return
        if "--find" not in line:
            self.archive.number = 0
        run = dcmscu(*line, "--log-phi", *([] if "--find" in line else ["-o", self.folder / "shown"]), expect=expect)
        self.assertIn(self.COMMENT, run.stderr)

    def test_a_comment_about_a_match_names_nobody(self):
        matches = []
        for person, number, order in (
            ("Erster^Anton", "1", "2"), (self.PERSON, self.MRN, self.ORDER), ("Letzter^Emil", "3", "4")
        ):  # fmt: skip
            match = Dataset()
            match.QueryRetrieveLevel, match.PatientName = "STUDY", person
            match.PatientID, match.AccessionNumber, match.StudyInstanceUID = number, order, f"1.2.{number[-1]}"
            matches.append(match)
        for final in (0xC001, 0xB000):
            peer = findpeer.FindPeer(matches, final=final, comment=self.COMMENT)
            self.addCleanup(peer.stop)
            line = ["--find", "--study", "-k", "10,10", "-k", "10,20", "-k", "8,50", "-k", "20,d", servers.LOOPBACK, peer.port]
            self.assert_hidden(line, 7 if final == 0xC001 else 0)

    def held(self):
        more = {0x00100010: self.PERSON, 0x00080050: self.ORDER}
        return [Instance("1.2.1", "1.2.1.1", f"1.2.1.1.{n}", patient=self.MRN, more=more) for n in range(3)]

    def test_a_comment_about_an_instance_that_came_names_nobody(self):
        for operation, kind in (("get", GET), ("move", MOVE)):
            archive = self.serve_scripted(self.held(), plan=lambda number: "fail" if number else "send")
            archive.final, archive.comments = 0xC000, {kind: self.COMMENT}
            line = self.arguments(operation)
            at = line.index("-o")
            self.assert_hidden(line[:at] + line[at + 2 :], (1, 7))

    def test_a_comment_about_a_match_of_the_list_names_nobody(self):
        archive = self.serve_scripted(self.held() + study(1, number=2))
        archive.of_matches = {0x00100010: self.PERSON, 0x00100020: self.MRN, 0x00080050: self.ORDER}
        archive.comments = {FIND_SERVICE: self.COMMENT}
        for level, keys in (("IMAGE", []), ("STUDY", ["-k", "StudyDate=20260102"])):
            for status in (0xC001, 0xB000):
                archive.find_limits, archive.find_status = {level: 1}, status
                line = self.arguments("get", *keys)
                at = line.index("-o")
                # A list that is refused is done without, and its comment not told.
                self.assert_hidden(line[:at] + line[at + 2 :], (0, 1, 7), is_told=level == "STUDY")
