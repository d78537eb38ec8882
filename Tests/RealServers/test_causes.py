"""Why do they not talk? The causes that --doctor knows, provoked one by one: a row for each, with what the page says of it.

A row is a function that makes the peer and returns the arguments. Its decorator has the check that finds the cause, the outcome,
the cause, the exit code, and words of the finding or of the remedy.
"""

import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

from harness import certificates, commitment, faulty, findpeer, images, programs, scripted, scripted_archive, servers, wire
from harness.practice import PracticeArchive
from harness.programs import dcmscu
from test_doctor import DoctorTest, checks
from test_hostile import compiler
from test_proxies import MicroSocks, TinyProxy

FAILED, NOTE, FOUND = "failed", "warning", "done"
TITLE = "STATION"
NAME = "pacs.dcmscu.invalid"
ROWS = {}


def row(check, outcome, cause, code, *words, within=10):
    def add(function):
        ROWS[function.__name__] = (function, check, outcome, cause, code, words, within)
        return function

    return add


def only(check, *arguments):
    return [*arguments, "--only", check]


# MARK: Name, route, port


@row("name", FAILED, "name-not-found", 4, "spelled")
def a_name_that_nobody_knows(test):
    return [NAME, 104]


@row("port", FAILED, "connection-refused", 4, "nothing listens")
def a_closed_port(test):
    return [servers.LOOPBACK, servers.free_port()]


@row("port", FAILED, "connect-time-limit", 8, "firewall")
def a_port_that_is_filtered(test):
    return [servers.LOOPBACK, test.black_hole(), "--connect-timeout", 0.5]


@row("port", NOTE, "connect-time-limit", 0, "::1 does not answer", "give 127.0.0.1 instead")
def a_black_hole_of_ipv6(test):
    server = test.serve(servers.StoreSCP())
    test.black_hole("::1", server.port)
    test.give_name("::1 127.0.0.1")
    return only("port", NAME, server.port, "--connect-timeout", 0.5)


@row("route", FAILED, "no-route", 4, "255.255.255.255")
def an_address_that_no_route_leads_to(test):
    return ["255.255.255.255", 104]


# MARK: Other protocols, TLS


@row("association", FAILED, "foreign-protocol", 5, "HTTP")
def a_web_server(test):
    return test.scripted(scripted.says(b"HTTP/1.1 400 Bad Request\r\n\r\n"))


@row("association", FAILED, "foreign-protocol", 5, "SSH")
def a_secure_shell(test):
    return test.scripted(scripted.says(b"SSH-2.0-OpenSSH_9.2\r\n"))


@row("tls", FAILED, "tls-handshake", 4, "does the server speak TLS")
def tls_to_a_plain_server(test):
    return [servers.LOOPBACK, test.serve(servers.StoreSCP()).port, "--tls"]


@row("tls", FAILED, "tls-required", (4, 5), "TLSv1.3", "CN=pacs", "for DNS:", "days)", "give --tls")
def plain_to_a_server_with_tls(test):
    return [servers.LOOPBACK, test.secured("pacs").port]


@row("tls", FAILED, "certificate-dates", 4, "must renew")
def an_expired_certificate(test):
    return test.trusting(test.secured("old", first_day=-20, last_day=-1).port)


@row("tls", FAILED, "certificate-dates", 4, "not yet valid", "clock")
def a_clock_that_is_days_behind(test):
    # The certificate is of yesterday.
    test.program = ["faketime", "-f", "-3d", programs.dcmscu_path()]
    return test.trusting(test.secured("pacs").port)


@row("tls", FAILED, "certificate-not-trusted", 4, "--tls-ca")
def a_certificate_of_a_foreign_authority(test):
    foreign = certificates.Authority(test.folder / "foreign", "foreign")
    return ["localhost", test.secured("pacs").port, "--tls", "--tls-ca", foreign.certificate]


@row("tls", FAILED, "certificate-name", 4, "--tls-name")
def a_certificate_for_another_name(test):
    return test.trusting(test.secured("other", names="DNS:other.example").port)


@row("association", FAILED, "own-certificate-refused", (4, 5), "--tls-cert")
def a_certificate_of_ours_that_is_missing(test):
    return test.trusting(
        test.secured("pacs", "--tls-ca", test.authority().certificate, "--tls-client-cert", "required").port)


@row("tls", FAILED, "own-certificate-refused", 4, "--tls-cert")
def a_certificate_of_ours_that_is_missing_in_tls_1_2(test):
    certificate, key = test.authority().issue("pacs")
    port = servers.free_port()
    test.start([servers.program("openssl"), "s_server", "-accept", f"{servers.LOOPBACK}:{port}", "-tls1_2", "-Verify", "1",
                "-verify_return_error", "-cert", certificate, "-key", key, "-quiet"], port)  # fmt: skip
    return test.trusting(port)


# MARK: Proxies


@row("proxy", FAILED, "proxy-unusable", 4, "--proxy none")
def a_proxy_that_is_not_there(test):
    return [NAME, 104, "--proxy", f"socks5h://{servers.LOOPBACK}:{servers.free_port()}"]


@row("port", FAILED, "proxy-refused", 4, "allow connections")
def a_proxy_for_the_web_alone(test):
    return [NAME, 104, "--proxy", f"http://{servers.LOOPBACK}:{test.serve(TinyProxy('ConnectPort 443')).port}"]


@row("port", FAILED, "proxy-refused", 4, "--proxy-password")
def a_proxy_that_wants_a_user(test):
    return [NAME, 104, "--proxy", f"socks5h://{servers.LOOPBACK}:{test.serve(MicroSocks('-u', 'a', '-P', 'b')).port}"]


@row("port", FAILED, "unreachable-through-proxy", 4, "does the proxy know")
def a_peer_that_the_proxy_cannot_reach(test):
    return [servers.LOOPBACK, servers.free_port(), "--proxy", f"socks5h://{servers.LOOPBACK}:{test.serve(MicroSocks()).port}"]


# MARK: The association


@row("association", FAILED, "called-ae-title", 5, "--call")
def a_called_title_that_is_not_theirs(test):
    return test.scripted(scripted.rejects(1, 1, 7))


@row("association", FAILED, "calling-ae-title", 5, "--aetitle")
def a_calling_title_that_they_do_not_know(test):
    return test.scripted(scripted.rejects(1, 1, 3))


@row("association", FAILED, "association-limit", 5, "try again later")
def too_many_associations(test):
    return test.scripted(scripted.rejects(2, 3, 2))


@row("association", FAILED, "association-limit", 5, "try again later")
def a_server_that_is_busy_for_the_moment(test):
    return test.scripted(scripted.rejects(2, 3, 1))


@row("association", FAILED, "rejected", 5)
def a_rejection_without_a_reason(test):
    return test.scripted(scripted.rejects(1, 1, 1))


@row("association", FAILED, "aborted", 5)
def an_abort_of_the_request(test):
    return test.scripted(scripted.aborts(2, 0))


@row("association", FAILED, "no-response", 8, "DICOM port")
def silence_after_the_request(test):
    return [*test.scripted(scripted.says_nothing), "--timeout", 0.5]


@row("association", FAILED, "closed-at-once", 4)
def a_connection_that_is_closed_at_once(test):
    return test.scripted(scripted.closes)


@row("association", FAILED, "closed-at-once", 4)
def a_connection_that_is_reset_at_once(test):
    return test.scripted(scripted.resets)


@row("association", FAILED, "identity-unconfirmed", 5)
def a_user_that_nobody_confirms(test):
    return [*test.scripted(lambda _, connection: wire.Association.accept(connection).receive()), "--user", "me"]


@row("titles", FOUND, None, 0, "associations")
def a_server_that_takes_one_association_at_a_time(test):
    server = faulty.FaultyStoreSCP(most_associations=1, frees_after=0.1)
    test.addCleanup(server.stop)
    return only("titles,storage", servers.LOOPBACK, server.port)


# MARK: Echo


@row("echo", FAILED, "failure-status", 7, "0122H")
def an_echo_that_is_refused(test):
    return only("echo", *test.scripted(scripted.answers(0x0122)))


@row("echo", FAILED, "no-response", 8)
def a_server_that_is_too_slow(test):
    return only("echo", *test.scripted(accepts(lambda association: time.sleep(3))), "--timeout", 0.5)


@row("echo", FAILED, "aborted", 5)
def an_abort_in_place_of_the_echo(test):
    return only("echo", *test.scripted(accepts(lambda association: association.abort())))


@row("echo", FAILED, "connection-lost", 4)
def a_connection_that_is_cut_in_place_of_the_echo(test):
    return only("echo", *test.scripted(accepts(lambda association: association.cut())))


@row("echo", FOUND, None, 0, "10 of 10")
def a_release_that_is_ignored(test):
    def act(peer, connection):
        connection.settimeout(wire.LIMIT)
        association = wire.Association.accept(connection)
        while True:
            kind, body = wire._read_pdu(connection)
            if kind == 5:
                return peer.hold()
            command = wire.decode_command(body[6:])
            association.send({"field": 0x8030, "affected_class": command["affected_class"], "answers": command["message_id"], "status": 0})

    return only("echo", *test.scripted(act), "--timeout", 0.5)


# MARK: Services and storage


@row("services", FAILED, "not-offered", 6, "does not offer C-FIND")
def no_query(test):
    return only("find", servers.LOOPBACK, test.serve(servers.StoreSCP()).port)


@row("services", FAILED, "not-offered", 6, "does not offer worklist")
def no_worklist(test):
    return only("worklist", servers.LOOPBACK, test.serve(PracticeArchive()).port)


@row("services", FAILED, "not-offered", 6, "does not offer C-GET")
def no_c_get(test):
    refused = [f"--inject=refuse-class=1.2.840.10008.5.1.4.1.2.{model}.3" for model in (1, 2, 3)]
    return only("get", servers.LOOPBACK, test.serve(PracticeArchive(options=refused)).port)


@row("services", NOTE, "roles-refused", 0, "--move")
def c_get_without_the_roles_of_storage(test):
    return only("get", *test.scripted(accepts(lambda association: None)))


@row("storage", FAILED, "not-offered", 6, "MR Image Storage is not accepted")
def a_storage_class_that_is_not_accepted(test):
    return only("MR", servers.LOOPBACK, test.serve(PracticeArchive(options=["--inject=refuse-class=MRImageStorage"])).port)


@row("storage", FOUND, None, 0, "1.2.840.10008.1.2\"]")
def transfer_syntaxes_that_are_missing(test):
    return [*only("storage", servers.LOOPBACK, test.serve(servers.StoreSCP("+xi")).port), "--classes", "CT"]


# MARK: Queries


@row("query", FAILED, "aborted", 5, "AE title")
def a_query_that_is_aborted(test):
    return only("query", *test.scripted(accepts(lambda association: association.abort())))


@row("query", FAILED, "failure-status", 7, "A700H")
def a_query_that_fails(test):
    return only("query", servers.LOOPBACK, test.serve(PracticeArchive(options=["--inject=find-status=A700"])).port)


@row("query", NOTE, "list-cut-short", 0, "a round number")
def a_query_that_is_cut_short(test):
    class Fifty(findpeer.FindPeer):
        def _answer(self, connection, context):
            asked = self.query(-1)
            # Of a key that no study has there is no match.
            is_all = not any(getattr(asked, name, "") for name in ("PatientID", "PatientName", "StudyDate", "AccessionNumber", "ModalitiesInStudy"))
            self.answers = [findpeer.encoded(study(number)) for number in range(50)] if is_all else []
            super()._answer(connection, context)

    def study(number):
        import pydicom

        match = pydicom.Dataset()
        match.QueryRetrieveLevel, match.StudyInstanceUID = "STUDY", f"1.2.{number}"
        return match

    peer = Fifty()
    test.addCleanup(peer.stop)
    return only("query", servers.LOOPBACK, peer.port)


@row("query", NOTE, "keys-ignored", 0, "PatientID", "compare what comes back")
def keys_that_are_ignored(test):
    server = test.serve(PracticeArchive(options=["--inject=ignore-key=PatientID"]))
    dcmscu("--store", servers.LOOPBACK, server.port, images.image("CT_small.dcm").path, expect=0)
    return only("query", servers.LOOPBACK, server.port)


# MARK: Our port, the call-back


def calling_back(*arguments, port):
    return [*arguments, "--aetitle", TITLE, "--port-scp", port, "--only", "receiver,call-back", "--wait", 0.5]


@row("receiver", FAILED, "cannot-listen", 3, "another")
def a_port_of_ours_that_is_taken(test):
    server = test.serve(servers.StoreSCP())
    return [servers.LOOPBACK, server.port, "--port-scp", server.port]


@row("call-back", FAILED, "destination-unknown", 7, TITLE, "A801H")
def a_destination_that_they_do_not_know(test):
    server = test.serve(servers.DcmQRSCP())
    dcmscu("--store", servers.LOOPBACK, server.port, "--call", server.ae_title, images.image("CT_small.dcm").path, expect=0)
    return calling_back(f"{server.ae_title}@{servers.LOOPBACK}:{server.port}", port=servers.free_port())


@row("call-back", FOUND, None, 0, f"QRSCP called {TITLE} from 127.0.0.1", "sent 1 instance, which is not kept")
def a_destination_that_is_right(test):
    port = servers.free_port()
    server = test.serve(servers.DcmQRSCP([(TITLE, port)]))
    dcmscu("--store", servers.LOOPBACK, server.port, "--call", server.ae_title, images.image("CT_small.dcm").path, expect=0)
    return calling_back(f"{server.ae_title}@{servers.LOOPBACK}:{server.port}", port=port)


@row("call-back", NOTE, "no-call-back", 0, "nothing connected", "firewall")
def a_call_back_to_a_closed_port(test):
    server = test.serve(servers.DcmQRSCP([(TITLE, servers.free_port())]))
    dcmscu("--store", servers.LOOPBACK, server.port, "--call", server.ae_title, images.image("CT_small.dcm").path, expect=0)
    return calling_back(f"{server.ae_title}@{servers.LOOPBACK}:{server.port}", port=servers.free_port())


@row("call-back", NOTE, "no-call-back", 0, "nothing connected", TITLE)
def a_call_back_to_another_port(test):
    other = test.serve(servers.StoreSCP())
    server = test.serve(PracticeArchive([(TITLE, other.port)]))
    return calling_back(servers.LOOPBACK, server.port, port=servers.free_port())


@row("call-back", FAILED, "other-ae-title-called", 5, "OTHER", TITLE)
def a_call_back_under_another_title(test):
    port = servers.free_port()

    def script(request):
        request.respond()
        request.report_on_new_association(called="OTHER")

    return calling_back(servers.LOOPBACK, test.committing(script, port).port, port=port)


@row("call-back", NOTE, "no-call-back", 0, "nothing connected")
def a_call_back_that_never_comes(test):
    archive = scripted_archive.ScriptedArchive(scripted_archive.study(1), status=0)
    test.addCleanup(archive.close)
    archive.refused = (commitment.CLASS,)
    return calling_back(servers.LOOPBACK, archive.port, port=servers.free_port())


@row("call-back", NOTE, "no-call-back", 0, "nothing connected")
def a_commitment_that_is_never_reported(test):
    port = servers.free_port()
    return calling_back(servers.LOOPBACK, test.committing(lambda request: request.respond(), port).port, port=port)


@row("call-back", FOUND, None, 0, "on our own association")
def a_report_on_the_same_association(test):
    port = servers.free_port()

    def script(request):
        request.respond()
        request.report(request.result(committed=[], failed=[(request.references[0], 0x0112)]))

    return calling_back(servers.LOOPBACK, test.committing(script, port).port, port=port)


@row("call-back", NOTE, "no-call-back", 0, "aborted our request")
def a_server_that_aborts_the_commitment_of_strangers(test):
    return calling_back(
        servers.LOOPBACK, test.committing(lambda request: request.association.abort(), 0).port, port=servers.free_port())


# MARK: This machine


@row("limits", NOTE, "not-writable", 0, "--output")
def a_folder_that_is_read_only(test):
    test.directory = test.folder / "locked"
    test.directory.mkdir()
    test.folder.chmod(0o755)
    test.directory.chmod(0o555)
    if os.geteuid() == 0:
        # Root may write everywhere: the program runs as the user nobody then.
        copy = pathlib.Path(tempfile.mkdtemp(prefix="dcmscu-nobody-"))
        test.addCleanup(shutil.rmtree, copy)
        copy.chmod(0o755)
        shutil.copy(programs.dcmscu_path(), copy / "dcmscu")
        test.program = ["setpriv", "--reuid", "65534", "--clear-groups", copy / "dcmscu"]
    return only("limits")


@row("limits", NOTE, "local", 0, "ulimit -n 1024")
def few_descriptors(test):
    test.program = ["bash", "-c", 'ulimit -n 100; exec "$0" "$@"', programs.dcmscu_path()]
    return only("limits")


@row("clock", FAILED, "local", 3, "time server")
def a_clock_of_another_century(test):
    test.program = ["faketime", "2001-01-01", programs.dcmscu_path()]
    return only("clock")


def accepts(answer):
    """Accepts everything, and has `answer` done for each message."""

    def act(_, connection):
        association = wire.Association.accept(connection)
        while True:
            association.receive()
            answer(association)

    return act


class TableOfCauses(DoctorTest):
    def setUp(self):
        super().setUp()
        self.program, self.environment, self.directory = [programs.dcmscu_path()], {}, None
        self._authority = None

    # MARK: What rows are made with

    def scripted(self, act):
        peer = scripted.Peer(act)
        self.addCleanup(peer.stop)
        return [servers.LOOPBACK, peer.port]

    def black_hole(self, host=servers.LOOPBACK, port=0):
        """A port that takes no more connections and refuses none, as behind a firewall."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        sockets = [socket.socket(family) for _ in range(5)]
        for opened in sockets:
            self.addCleanup(opened.close)
        sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sockets[0].bind((host, port))
        sockets[0].listen(0)
        for waiting in sockets[1:]:
            waiting.setblocking(False)
            waiting.connect_ex(sockets[0].getsockname())
        return sockets[0].getsockname()[1]

    def give_name(self, addresses):
        library = self.folder / "addresses.so"
        source = pathlib.Path(programs.__file__).with_name("addresses.c")
        programs.run(compiler(), "-shared", "-fPIC", "-O1", "-o", library, source, expect=0)
        self.environment = {"LD_PRELOAD": library, "NAMED": NAME, "ADDRESSES": addresses}

    def authority(self):
        self._authority = self._authority or certificates.Authority(self.folder / "authority", "hospital")
        return self._authority

    def secured(self, name, *options, **certificate):
        certificate, key = self.authority().issue(name, **certificate)
        return self.serve(PracticeArchive(options=["--tls", "--tls-cert", certificate, "--tls-key", key, *options]))

    def trusting(self, port):
        return ["localhost", port, "--tls", "--tls-ca", self.authority().certificate]

    def start(self, command, port):
        process = subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(lambda: (process.kill(), process.communicate()))
        limit = time.monotonic() + wire.LIMIT
        while not servers.accepts_connections(port):
            self.assertLess(time.monotonic(), limit, "the server did not start")
            time.sleep(0.05)

    def committing(self, script, port):
        server = commitment.CommitmentServer(script, port)
        server.__enter__()
        self.addCleanup(server.__exit__)
        return server

    # MARK: The rows

    def check(self, name):
        make, check, outcome, cause, code, words, within = ROWS[name]
        arguments = make(self)
        run = programs.run(
            *self.program, "--doctor", *arguments, "--format", "jsonl", directory=self.directory, timeout=60,
            environment={"LC_ALL": "C.UTF-8", "DCMSCU_CONFIG": "/dev/null", **self.environment}, expect=code)
        found = checks(run)
        self.assertIn(check, found, run)
        finding = found[check]
        self.assertEqual((finding["outcome"], finding.get("cause")), (outcome, cause), run)
        said = f"{finding['found']} {finding.get('fix', '')} {finding.get('data', '')}".replace("'", '"')
        for word in words:
            self.assertIn(word, f"{said} {run.stdout.splitlines()[-1]}", run)
        # One cause has one failure: what has no meaning after it is not said to have failed as well.
        failed = [each for each, value in found.items() if value["outcome"] == "failed"]
        self.assertEqual(failed, [check] if outcome == "failed" else [], run)
        if outcome != "done":
            self.assertTrue(finding.get("fix"), run)
        self.assertLess(run.seconds, within, run)
        self.assertNotIn("error:", run.stderr)

    def test_there_are_forty(self):
        self.assertGreaterEqual(len(ROWS), 40)


for name in ROWS:
    def test(self, name=name):
        self.check(name)

    setattr(TableOfCauses, f"test_{name}", test)
