"""TLS and user identity: servers that others wrote, certificates that are wrong in one way each, and the binary without TLS."""

import hashlib
import json
import os
import pathlib
import pty
import resource
import select
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import termios
import time

from harness import cases, certificates, images, programs, scripted, servers, wire
from harness.practice import PracticeArchive, data_set, made_up_images
from harness.programs import dcmscu, run
from test_watch import Watch

UNREACHABLE, USAGE, ASSOCIATION = 4, 2, 5


class TLSTest(cases.RealServerTest):
    @classmethod
    def setUpClass(cls):
        cls.keys = pathlib.Path(tempfile.mkdtemp(prefix="dcmscu-keys-"))
        cls.addClassCleanup(shutil.rmtree, cls.keys, ignore_errors=True)
        cls.authority = certificates.Authority(cls.keys / "authority")
        cls.server_pair = cls.authority.issue("server")
        cls.client_pair = cls.authority.issue("client")
        cls.image = images.archive_images()[0]

    def trust(self):
        return ["--tls", "--tls-ca", self.authority.certificate]

    def assert_resumed(self, peer, *options):
        """The first of the associations of a run has a full handshake, and the others resume its session."""
        run = dcmscu("--echo", "--count", "4", "--interval", "0", "-V", *self.trust(), *options, *peer, expect=0)
        handshakes = [line for line in run.stderr.splitlines() if "TLSv1" in line]
        self.assertEqual(["session resumed" in line for line in handshakes], [False, True, True, True], run)

    def identity(self):
        certificate, key = self.client_pair
        return ["--tls-cert", certificate, "--tls-key", key]


class WithDCMTK(TLSTest):
    def storescp(self, pair, *options):
        certificate, key = pair
        return self.serve(servers.StoreSCP("+tls", key, certificate, "+cf", self.authority.certificate, *options))

    def test_echo_and_store_with_a_client_certificate(self):
        server = self.storescp(self.server_pair, "--require-peer-cert")
        peer = [servers.LOOPBACK, server.port]
        run = dcmscu("--echo", "-V", *self.trust(), *self.identity(), *peer, expect=0)
        self.assert_names(run, "TLSv1")
        dcmscu("--store", *self.trust(), *self.identity(), *peer, self.image.path, expect=0)
        (arrived,) = server.received()
        self.assertEqual(images.data_set_bytes(arrived), images.data_set_bytes(self.image.path))
        self.assert_resumed(peer, *self.identity())

    def test_a_server_that_asks_for_no_certificate_needs_none(self):
        server = self.storescp(self.server_pair, "--ignore-peer-cert")
        dcmscu("--echo", *self.trust(), servers.LOOPBACK, server.port, expect=0)

    def test_a_server_that_requires_a_certificate_says_so(self):
        server = self.storescp(self.server_pair, "--require-peer-cert")
        run = dcmscu("--echo", *self.trust(), servers.LOOPBACK, server.port, expect=4)
        self.assert_names(run, "certificate", "--tls-cert")

    def test_a_key_with_a_password_from_the_environment_or_a_file(self):
        certificate, key = self.authority.issue("locked", password="open sesame")
        server = self.storescp(self.server_pair, "--require-peer-cert")
        secret = self.folder / "secret"
        secret.write_text("open sesame\nthe password of the client's key\n")
        asked = ["--echo", *self.trust(), "--tls-cert", certificate, "--tls-key", key, servers.LOOPBACK, server.port]
        dcmscu(*asked, "--tls-key-password", f"file:{secret}", expect=0)
        dcmscu(*asked, "--tls-key-password", "env:KEY_PASSWORD", environment={"KEY_PASSWORD": "open sesame"}, expect=0)
        secret.write_text("wrong\n")
        dcmscu(*asked, "--tls-key-password", f"file:{secret}", expect=2)
        dcmscu(*asked, "--tls-key-password", "open sesame", expect=2)

    def assert_refused(self, pair, *words):
        server = self.storescp(pair, "--ignore-peer-cert")
        run = dcmscu("--store", *self.trust(), servers.LOOPBACK, server.port, self.image.path)
        self.assertEqual(run.code, 4, run)
        self.assert_names(run, *words)
        self.assertFalse(server.received(), "something was sent")

    def test_an_expired_certificate_is_refused(self):
        self.assert_refused(self.authority.issue("expired", first_day=-20, last_day=-1), "expired", "hint: the server's administrator must renew")

    def test_a_certificate_that_is_not_yet_valid_is_refused(self):
        self.assert_refused(self.authority.issue("early", first_day=2, last_day=20), "not yet valid", "clock")

    def test_a_certificate_for_another_name_is_refused(self):
        self.assert_refused(self.authority.issue("elsewhere", names="DNS:elsewhere.example"), "elsewhere.example", "127.0.0.1", "hint: connect to a name", "--tls-name")

    def test_a_certificate_of_a_foreign_authority_is_refused(self):
        foreign = certificates.Authority(self.folder / "foreign", "foreign authority")
        self.assert_refused(foreign.issue("server"), "issuer")

    def test_a_self_signed_certificate_is_refused(self):
        self.assert_refused(certificates.self_signed(self.folder), "self-signed")

    def test_a_certificate_without_a_key_is_2_and_asks_for_it(self):
        run = dcmscu(
            "--echo", *self.trust(), "--tls-cert", self.client_pair[0], servers.LOOPBACK, servers.free_port(), expect=USAGE
        )
        self.assert_names(run, str(self.client_pair[0]), "no private key", "hint:", "--tls-key")

    def test_the_certificate_of_the_server_is_shown(self):
        server = self.storescp(self.server_pair, "--ignore-peer-cert")
        peer = [servers.LOOPBACK, server.port]
        pin = certificates.fingerprint(self.server_pair[0])
        for option in ("--tls-show", "-D"):
            run = dcmscu("--echo", *self.trust(), option, *peer, expect=0)
            self.assert_names(run, "subject: CN=", "issuer: CN=", "names: ", "127.0.0.1", "valid: 20")
        [shown] = [line.partition("SHA-256: ")[2] for line in run.stderr.splitlines() if "SHA-256: " in line]
        self.assertEqual(shown.replace(":", "").lower(), pin.replace(":", "").lower())
        dcmscu("--echo", "--tls", "--tls-pin", shown, *peer, expect=0)
        # Also of a server whose certificate is not accepted, which is when it is needed.
        run = dcmscu("--echo", "--tls", "--tls-show", *peer, expect=UNREACHABLE)
        self.assert_names(run, shown)
        self.assertNotIn("SHA-256", dcmscu("--echo", *self.trust(), *peer, expect=0).stderr)

    def test_a_certificate_that_expires_soon_is_accepted_with_a_warning(self):
        server = self.storescp(self.authority.issue("soon", last_day=3), "--ignore-peer-cert")
        run = dcmscu("--echo", *self.trust(), servers.LOOPBACK, server.port, expect=0)
        self.assert_names(run, "warning", "expires in")

    def test_a_pin_takes_the_place_of_authority_and_name(self):
        certificate, key = certificates.self_signed(self.folder, "pinned")
        server = self.storescp((certificate, key), "--ignore-peer-cert")
        pin = certificates.fingerprint(certificate)
        dcmscu("--echo", "--tls", "--tls-pin", pin, servers.LOOPBACK, server.port, expect=0)
        other = certificates.fingerprint(self.server_pair[0])
        dcmscu("--echo", "--tls", "--tls-pin", other, servers.LOOPBACK, server.port, expect=4)

    def test_an_intermediate_authority_that_is_trusted_is_enough(self):
        intermediate = self.authority.subordinate(self.folder / "intermediate")
        server = self.storescp(intermediate.issue("below"), "--ignore-peer-cert")
        dcmscu("--echo", "--tls", "--tls-ca", intermediate.certificate, servers.LOOPBACK, server.port, expect=0)
        run = dcmscu("--echo", *self.trust(), servers.LOOPBACK, server.port, expect=4)
        self.assert_names(run, "issuer")

    def test_a_certificate_that_was_revoked_is_refused_by_a_list_beside_the_authority_or_in_its_file(self):
        good, revoked = self.authority.issue("kept"), self.authority.issue("lost")
        self.authority.revoke(revoked[0])
        lists = self.authority.revocation_list()
        together = self.folder / "together.pem"
        together.write_bytes(self.authority.certificate.read_bytes() + lists.read_bytes())
        for pair, code in ((good, 0), (revoked, UNREACHABLE)):
            server = self.storescp(pair, "--ignore-peer-cert")
            peer = [servers.LOOPBACK, server.port]
            dcmscu("--echo", *self.trust(), *peer, expect=0)
            for options in ([*self.trust(), "--tls-crl", lists], ["--tls", "--tls-ca", together]):
                run = dcmscu("--echo", *options, *peer, expect=code)
                if code:
                    self.assert_names(run, "certificate revoked", "CN=lost")
        dcmscu("--echo", *self.trust(), "--tls-crl", self.authority.certificate, *peer, expect=USAGE)

    def test_certificates_and_keys_from_a_shell_s_pipes(self):
        """Each gives its bytes once, though a run that listens needs them twice."""
        server = self.storescp(self.server_pair, "--require-peer-cert")
        both = self.folder / "both.pem"
        both.write_bytes(self.client_pair[0].read_bytes() + self.client_pair[1].read_bytes())
        lists = self.authority.revocation_list()
        pipes = f"--tls --tls-ca <(cat '{self.authority.certificate}') --tls-crl <(cat '{lists}') --tls-cert <(cat '{both}')"
        peer = f"{servers.LOOPBACK} {server.port}"
        line = f"exec '{programs.dcmscu_path()}' --echo {pipes} {peer}"
        run("bash", "-c", line, environment={"DCMSCU_CONFIG": "/dev/null"}, expect=0)
        line = f"exec '{programs.dcmscu_path()}' --stgcmt {pipes} --port-scp {servers.free_port()} {peer} '{self.image.path}'"
        # The server has no storage commitment: it was spoken to.
        ended = run("bash", "-c", line, environment={"DCMSCU_CONFIG": "/dev/null"}, expect=(5, 6, 7))
        self.assertNotIn("tls", ended.stderr.lower())

    def test_a_caller_whose_certificate_was_revoked_is_not_served(self):
        pair = self.authority.issue("former")
        self.authority.revoke(pair[0])
        archive = self.serve(
            PracticeArchive(
                options=[
                    *self.trust(), "--tls-crl", self.authority.revocation_list(), "--tls-cert", self.server_pair[0],
                    "--tls-key", self.server_pair[1], "--tls-client-cert", "required",
                ]
            )
        )  # fmt: skip
        peer = [servers.LOOPBACK, archive.port]
        dcmscu("--echo", *self.trust(), *self.identity(), *peer, expect=0)
        # The port is open a moment before this is said.
        self.assertIn("callers must show a certificate of a trusted authority", archive.log())
        run = dcmscu("--echo", *self.trust(), "--tls-cert", pair[0], "--tls-key", pair[1], *peer, expect=4)
        self.assert_names(run, "revoked")
        dcmscu("--echo", *self.trust(), *peer, expect=4)
        # The log says what was refused, and why.
        said = [
            line for line in archive.log().splitlines()
            # The harness connects, too, to see that the port is open.
            if "did not associate" in line and "the peer closed the connection" not in line
        ]  # fmt: skip
        self.assertEqual(len(said), 2, archive.log())
        self.assertIn("certificate revoked", said[0].lower())
        self.assertIn("certificate", said[1].lower())

    def test_a_stapled_response_is_believed(self):
        """The server is OpenSSL's: it shows an OCSP response, and never speaks DICOM."""
        good, revoked = self.authority.issue("stapled"), self.authority.issue("unstapled")
        self.authority.revoke(revoked[0])
        foreign = certificates.Authority(self.folder / "foreign", "foreign authority")
        rows = [
            # The handshake is done; that the server then ends is its way.
            (good, self.authority.status_response(good[0]), "the connection was closed at once, before any answer"),
            (revoked, self.authority.status_response(revoked[0]), "certificate revoked, by its OCSP response"),
            (good, self.authority.status_response(good[0], signer=foreign), "not signed by the certificate's issuer"),
            (good, self.authority.status_response(good[0], minutes_ago=100), "out of date"),
        ]
        for pair, response, words in rows:
            with self.subTest(words):
                server = self.serve(certificates.StaplingServer(pair, response))
                run = dcmscu("--echo", *self.trust(), "--timeout", 2, servers.LOOPBACK, server.port)
                self.assertEqual(run.code, UNREACHABLE, run)
                self.assert_names(run, words)

    def test_a_node_that_says_whom_to_trust_but_not_tls_is_not_called(self):
        server = self.storescp(self.server_pair, "--ignore-peer-cert")
        configuration = self.folder / "configuration.json"
        pin = certificates.fingerprint(self.server_pair[0])
        certificate, key = self.client_pair
        for setting in (
            f'"tls-ca": "{self.authority.certificate}"', f'"tls-pin": "{pin}"', f'"tls-cert": "{certificate}", "tls-key": "{key}"',
            f'"tls-key": "{key}"', '"tls-name": "localhost"', '"tls-profile": "bcp195"', '"tls-client-cert": "required"',
            '"tls-min": "1.3"', '"tls-insecure": true', '"tls-show": true',
        ):  # fmt: skip
            node = f'"host": "{servers.LOOPBACK}", "port": {server.port}, {setting}'
            with self.subTest(setting):
                configuration.write_text(f'{{"nodes": {{"pacs": {{{node}}}}}}}')
                run = dcmscu("--echo", "@pacs", "--config", configuration, expect=USAGE)
                self.assert_names(run, "node pacs", "tls", "line 1")
        node = f'"host": "{servers.LOOPBACK}", "port": {server.port}, "tls-ca": "{self.authority.certificate}"'
        configuration.write_text(f'{{"nodes": {{"pacs": {{{node}, "tls": true}}}}}}')
        dcmscu("--echo", "@pacs", "--config", configuration, expect=0)

    def test_a_node_that_the_defaults_give_certificates_and_nothing_tls_is_warned_of(self):
        server = self.serve(servers.StoreSCP())
        configuration = self.folder / "configuration.json"
        node = f'"host": "{servers.LOOPBACK}", "port": {server.port}'
        for defaults, of_node, is_warned in (
            (f'"tls-ca": "{self.authority.certificate}"', "", True), ('"tls-client-cert": "required"', "", True),
            (f'"tls-ca": "{self.authority.certificate}"', ', "tls": false', False),
            (f'"tls-ca": "{self.authority.certificate}", "tls": false', "", False), ("", "", False),
        ):  # fmt: skip
            with self.subTest(defaults + of_node):
                configuration.write_text(f'{{"defaults": {{{defaults}}}, "nodes": {{"pacs": {{{node}{of_node}}}}}}}')
                run = dcmscu("--echo", "--count", 2, "--interval", "0.01", "@pacs", "--config", configuration, expect=0)
                self.assertEqual(run.stderr.count("warning: node pacs: its connections are plain"), int(is_warned), run)
                run = dcmscu("--echo", servers.LOOPBACK, server.port, "--config", configuration, expect=0)
                self.assertNotIn("warning", run.stderr)

    def test_insecure_is_loud(self):
        server = self.storescp(certificates.self_signed(self.folder, "any"), "--ignore-peer-cert")
        run = dcmscu("--echo", "--tls", "--tls-insecure", servers.LOOPBACK, server.port, expect=0)
        self.assert_names(run, "warning", "--tls-insecure")

    def test_tls_to_a_plain_server_and_the_reverse_fail_with_a_reason(self):
        plain = self.serve(servers.StoreSCP())
        run = dcmscu("--echo", *self.trust(), servers.LOOPBACK, plain.port, expect=4)
        self.assert_names(run, "TLS")
        secured = self.storescp(self.server_pair, "--ignore-peer-cert")
        self.assertIn(dcmscu("--echo", servers.LOOPBACK, secured.port).code, (4, 5))


class WithOrthanc(TLSTest):
    def orthanc(self, receiver_port=0, require=True):
        certificate, key = self.server_pair
        return self.serve(
            servers.Orthanc(
                DicomTlsEnabled=True,
                DicomTlsCertificate=str(certificate),
                DicomTlsPrivateKey=str(key),
                DicomTlsTrustedCertificates=str(self.authority.certificate),
                DicomTlsRemoteCertificateRequired=require,
                DicomModalities={
                    "us": {"AET": "DCMSCU", "Host": "localhost", "Port": receiver_port or 1, "UseDicomTls": True}
                },
            )
        )

    def test_every_operation_over_tls_with_client_certificates_in_both_directions(self):
        port = servers.free_port()
        server = self.orthanc(port)
        secured = [*self.trust(), *self.identity()]
        peer = [servers.LOOPBACK, server.port]
        dcmscu("--echo", *secured, *peer, expect=0)
        self.assert_resumed(peer, *self.identity())
        dcmscu("--store", *secured, *peer, self.image.path, expect=0)
        run = dcmscu("--find", *secured, *peer, "-k", "StudyInstanceUID", expect=0)
        self.assertIn(self.image.study, run.stdout)
        for operation, options in (("--move", ["--port-scp", port]), ("--get", [])):
            output = self.folder / operation.strip("-")
            dcmscu(
                operation, *secured, *options, "-o", output, "-k", f"StudyInstanceUID={self.image.study}", *peer, expect=0
            )
            (arrived,) = output.iterdir()
            self.assert_equal_data_sets([(operation, images.read(self.image.path), images.read(arrived))])
        dcmscu("--stgcmt", *secured, "--port-scp", port, *peer, self.image.path, expect=0)

    def test_without_a_client_certificate(self):
        server = self.orthanc(require=False)
        peer = [servers.LOOPBACK, server.port]
        dcmscu("--echo", *self.trust(), *peer, expect=0)
        dcmscu("--store", *self.trust(), *peer, self.image.path, expect=0)
        dcmscu(
            "--get", *self.trust(), "-o", self.folder / "out", "-k", f"StudyInstanceUID={self.image.study}", *peer,
            expect=0,
        )

    def test_a_receiver_that_requires_certificates_takes_none_without(self):
        """Orthanc shows its certificate, so the move comes."""
        port = servers.free_port()
        server = self.orthanc(port)
        secured = [*self.trust(), *self.identity(), "--tls-client-cert", "required"]
        peer = [servers.LOOPBACK, server.port]
        dcmscu("--store", *self.trust(), *self.identity(), *peer, self.image.path, expect=0)
        dcmscu(
            "--move", *secured, "--port-scp", port, "-o", self.folder / "out", "-k",
            f"StudyInstanceUID={self.image.study}", *peer, expect=0,
        )


def answer_echo(connection):
    association = wire.Association.accept(connection)
    command, _ = association.receive()
    association.send(dict(field=command["field"] | wire.RESPONSE, answers=command["message_id"], status=0))
    association.receive()


def ciphers_offered(connection):
    """Of a ClientHello that has arrived, RFC 8446 4.1.2, without those of TLS 1.3 and without signals."""
    head = b""
    while len(head) < 5 or len(head) < 5 + struct.unpack_from(">H", head, 3)[0]:
        head = connection.recv(1 << 16, socket.MSG_PEEK)
        if not head:
            return set()
    # Record and handshake headers, version, random, session.
    at = 5 + 4 + 2 + 32
    at += 1 + head[at]
    (length,) = struct.unpack_from(">H", head, at)
    numbers = struct.unpack_from(f">{length // 2}H", head, at + 2)
    return {number for number in numbers if number >> 8 != 0x13 and number not in (0x00FF, 0x5600)}


class TLSOptions(cases.RealServerTest):
    @classmethod
    def setUpClass(cls):
        cls.keys = pathlib.Path(tempfile.mkdtemp(prefix="dcmscu-keys-"))
        cls.addClassCleanup(shutil.rmtree, cls.keys, ignore_errors=True)
        cls.authority = certificates.Authority(cls.keys / "authority")
        cls.pair = cls.authority.issue("server")
        cls.elsewhere = cls.authority.issue("elsewhere", names="DNS:pacs.example")

    def server(self, pair=None, change=lambda context: None):
        """A TLS server; `seen` has what it saw of each client: (version, numbers of the ciphers offered, certificate, whether it has
        resumed a session)."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*(pair or self.pair))
        change(context)
        self.seen = []

        def act(_, connection):
            offered = ciphers_offered(connection)
            with context.wrap_socket(connection, server_side=True) as secured:
                self.seen.append((secured.version(), offered, secured.getpeercert(), secured.session_reused))
                answer_echo(secured)

        peer = scripted.Peer(act)
        self.addCleanup(peer.stop)
        return [servers.LOOPBACK, peer.port]

    def trust(self):
        return ["--echo", "--tls", "--tls-ca", self.authority.certificate]

    def test_the_oldest_version(self):
        def only(version):
            def change(context):
                context.minimum_version = context.maximum_version = version

            return change

        dcmscu(*self.trust(), *self.server(change=only(ssl.TLSVersion.TLSv1_2)), expect=0)
        self.assertEqual(self.seen[0][0], "TLSv1.2")
        run = dcmscu(
            *self.trust(), "--tls-min", "1.3", *self.server(change=only(ssl.TLSVersion.TLSv1_2)), expect=UNREACHABLE
        )
        self.assert_names(run, "no version of TLS in common")
        dcmscu(*self.trust(), "--tls-min", "1.3", *self.server(), expect=0)
        self.assertEqual(self.seen[0][0], "TLSv1.3")
        dcmscu(*self.trust(), "--tls-min", "1.1", *self.server(), expect=USAGE)

    def test_the_associations_of_a_run_resume_the_session_of_the_first(self):
        def only(version, resumes):
            def change(context):
                context.minimum_version = context.maximum_version = version
                if not resumes:
                    context.options |= ssl.OP_NO_TICKET
                    context.num_tickets = 0

            return change

        repeated = ["--count", "3", "--interval", "0", "-V"]
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            for resumes in (True, False):
                with self.subTest(f"{version.name}, {resumes}"):
                    run = dcmscu(*self.trust(), *repeated, *self.server(change=only(version, resumes)), expect=0)
                    resumed = [one[3] for one in self.seen]
                    expected = [False, True, True] if resumes else [False] * 3
                    self.assertEqual(resumed, expected)
                    self.assertEqual(run.stderr.count("session resumed"), sum(expected))
        # One run knows nothing of another.
        server = self.server()
        for _ in range(2):
            dcmscu(*self.trust(), *server, expect=0)
        self.assertEqual([one[3] for one in self.seen], [False, False])

    def test_the_profiles_of_bcp_195_by_name(self):
        # ECDHE with ECDSA and with RSA, AES in GCM with 128 and with 256 bits.
        recommended = {0xC02B, 0xC02F, 0xC02C, 0xC030}
        finite = {0x009E, 0x009F}
        profiles = {
            "bcp195": recommended,
            "bcp195-nd": recommended | finite,
            # ChaCha20 with Poly1305, and AES in CCM.
            "bcp195-modified": recommended | finite | {0xCCA9, 0xCCA8, 0xC0AC, 0xC0AD},
        }
        for profile, ciphers in profiles.items():
            with self.subTest(profile):
                dcmscu(*self.trust(), "--tls-profile", profile, *self.server(), expect=0)
                self.assertEqual(self.seen[0][1], ciphers)
        dcmscu(*self.trust(), *self.server(), expect=0)
        self.assertEqual(self.seen[0][1], recommended, "the default is bcp195")

    def test_a_folder_of_authorities(self):
        folder = self.folder / "authorities"
        folder.mkdir()
        shutil.copy(self.authority.certificate, folder / "ca.pem")
        programs.run("openssl", "rehash", folder, expect=0)
        dcmscu("--echo", "--tls", "--tls-ca", folder, *self.server(), expect=0)
        empty = self.folder / "empty"
        empty.mkdir()
        run = dcmscu("--echo", "--tls", "--tls-ca", empty, *self.server(), expect=UNREACHABLE)
        self.assert_names(run, "certificate", "issuer")
        dcmscu("--echo", "--tls", "--tls-ca", self.folder / "missing", *self.server(), expect=USAGE)

    def test_the_systems_authorities_do_not_know_ours(self):
        run = dcmscu("--echo", "--tls", *self.server(), expect=UNREACHABLE)
        self.assert_names(run, "certificate")

    def test_the_systems_authorities_are_looked_up_by_name_and_the_bundle_is_the_last_resort(self):
        folder, missing = self.folder / "authorities", self.folder / "missing"
        folder.mkdir()
        shutil.copy(self.authority.certificate, folder / "ca.pem")
        echo = ["--echo", "--tls", *self.server()]

        def places(directory, bundle):
            return {"SSL_CERT_DIR": str(directory), "SSL_CERT_FILE": str(bundle)}

        # Without hashed names the folder has none.
        dcmscu(*echo, environment=places(folder, missing), expect=UNREACHABLE)
        dcmscu(*echo, environment=places(folder, self.authority.certificate), expect=0)
        dcmscu(*echo, environment=places(missing, self.authority.certificate), expect=0)
        programs.run("openssl", "rehash", folder, expect=0)
        # Nobody ever writes to this pipe: whoever opens it waits.
        bundle = self.folder / "bundle.pem"
        os.mkfifo(bundle)
        dcmscu(*echo, environment=places(folder, bundle), expect=0)

    def test_another_name(self):
        run = dcmscu(*self.trust(), *self.server(self.elsewhere), expect=UNREACHABLE)
        self.assert_names(run, "pacs.example", "not for 127.0.0.1")
        dcmscu(*self.trust(), "--tls-name", "pacs.example", *self.server(self.elsewhere), expect=0)
        run = dcmscu(*self.trust(), "--tls-name", "other.example", *self.server(self.elsewhere), expect=UNREACHABLE)
        self.assert_names(run, "not for other.example")

    def test_our_certificate_is_shown(self):
        certificate, key = self.authority.issue("client")

        def ask(context):
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.authority.certificate)

        dcmscu(*self.trust(), "--tls-cert", certificate, "--tls-key", key, *self.server(change=ask), expect=0)
        self.assertIn((("commonName", "client"),), self.seen[0][2]["subject"])

    def test_a_password_is_asked_for_at_the_terminal_and_not_shown(self):
        certificate, key = self.authority.issue("locked", password="open sesame")
        line = [*self.trust(), "--tls-cert", certificate, "--tls-key", key, "--tls-key-password", "prompt", *self.server()]
        echoing = []
        code, said = self.at_a_terminal(line, "open sesame\n", at_the_end=self.noting(echoing))
        self.assertEqual(code, 0, said)
        self.assertIn("password", said)
        self.assertNotIn("sesame", said)
        self.assertEqual(echoing, [True], "the terminal shows nothing that is typed")
        # Without a terminal the program cannot ask; it must not use that of the test either.
        run = programs.run("setsid", programs.dcmscu_path(), *line, expect=USAGE)
        self.assert_names(run, "no terminal")

    def test_a_prompt_ends_with_the_first_signal_and_the_terminal_is_as_it_was(self):
        line = [*self.trust(), "--user", "night", "--passcode", "prompt", *self.server()]
        # Those of a quit are not our own: the system ends the program.
        for typed, expected in (
            ("\x03", 130), (signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129), ("\x1c", -signal.SIGQUIT),
            (signal.SIGQUIT, -signal.SIGQUIT),
        ):  # fmt: skip
            with self.subTest(typed):
                echoing = []
                code, said = self.at_a_terminal(line, typed, at_the_end=self.noting(echoing))
                self.assertEqual(code, expected, said)
                self.assertEqual(self.seen, [])
                self.assertEqual(echoing, [True], "the terminal shows nothing that is typed")

    # What a shell does with a job: it is in the foreground, and when it is stopped it is told and goes on.
    SHELL = """
import os, signal, sys, termios
job = os.fork()
if job == 0:
    os.setpgid(0, 0)
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    os.tcsetpgrp(0, os.getpid())
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
    os.execv(sys.argv[1], sys.argv[1:])
while True:
    _, status = os.waitpid(job, os.WUNTRACED)
    if not os.WIFSTOPPED(status):
        sys.exit(os.waitstatus_to_exitcode(status) % 256)
    echo = "on" if termios.tcgetattr(0)[3] & termios.ECHO else "off"
    print(f"stopped by {os.WSTOPSIG(status)} with echo {echo}", flush=True)
    os.kill(job, signal.SIGCONT)
"""

    def test_a_prompt_that_is_stopped_leaves_the_terminal_as_it_was_and_asks_again(self):
        certificate, key = self.authority.issue("stopped", password="open sesame")
        line = [*self.trust(), "--tls-cert", certificate, "--tls-key", key, "--tls-key-password", "prompt", *self.server()]
        echoing = []
        code, said = self.at_a_terminal(
            line, "\x1a", "open\x1a", "open sesame\n", shell=[sys.executable, "-c", self.SHELL], at_the_end=self.noting(echoing)
        )
        self.assertEqual(code, 0, said)
        self.assertEqual(said.count(f"stopped by {int(signal.SIGTSTP)} with echo on"), 2, said)
        self.assertNotIn("sesame", said)
        self.assertEqual(echoing, [True], "the terminal shows nothing that is typed")

    @staticmethod
    def noting(echoing):
        return lambda terminal: echoing.append(bool(termios.tcgetattr(terminal)[3] & termios.ECHO))

    def at_a_terminal(self, line, *typed, at_the_end=lambda terminal: None, shell=()):
        """`typed`: one text for each prompt, or a signal."""
        process, terminal = pty.fork()
        if process == 0:
            # A quit leaves no core, and is not ignored, as a shell without jobs has what it starts in the background do.
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            signal.signal(signal.SIGQUIT, signal.SIG_DFL)
            command = [*shell, str(programs.dcmscu_path()), *map(str, line)]
            os.execve(command[0], command, {"LC_ALL": "C.UTF-8", "DCMSCU_CONFIG": "/dev/null"})
        said, limit, typed, known = b"", time.monotonic() + programs.TIME_LIMIT, list(typed), 0
        while time.monotonic() < limit:
            if not select.select([terminal], [], [], 1)[0]:
                continue
            try:
                piece = os.read(terminal, 4096)
            except OSError:
                break
            if not piece:
                break
            said += piece
            if typed and said[known:].rstrip().endswith(b":"):
                # It does not echo while it asks.
                self.assertFalse(termios.tcgetattr(terminal)[3] & termios.ECHO)
                known, now = len(said), typed.pop(0)
                if isinstance(now, str):
                    os.write(terminal, now.encode())
                else:
                    os.kill(process, now)
        at_the_end(terminal)
        os.close(terminal)
        return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), said.decode()


def identity(body):
    """(type, response asked for, primary field, secondary field) of an A-ASSOCIATE-RQ, PS3.7 D.3.3.7.1; None without one."""
    for item, value in wire._items(body[68:]):
        if item == 0x50:
            for sub, data in wire._items(value):
                if sub == 0x58:
                    (length,) = struct.unpack_from(">H", data, 2)
                    return data[0], data[1], data[4 : 4 + length], data[6 + length :]
    return None


class Identity(cases.RealServerTest):
    def server(self, confirms=True, response=b""):
        self.seen = []

        def act(_, connection):
            request = scripted.request(connection)
            self.seen.append(identity(request))
            user = wire._item(0x51, bytes(4)) + wire._item(0x52, b"1.2.3.4")
            if confirms:
                user += wire._item(0x59, struct.pack(">H", len(response)) + response)
            context = bytes([1, 0, 0, 0]) + wire._item(0x40, wire.IMPLICIT_LITTLE.encode())
            body = request[:68] + wire._item(0x10, wire.APPLICATION_CONTEXT.encode()) + wire._item(0x21, context)
            wire._write_pdu(connection, 2, body + wire._item(0x50, user))
            association = wire.Association(connection, {1: "1.2.840.10008.1.1"})
            command, _ = association.receive()
            association.send(dict(field=command["field"] | wire.RESPONSE, answers=command["message_id"], status=0))
            association.receive()

        peer = scripted.Peer(act)
        self.addCleanup(peer.stop)
        return ["--echo", servers.LOOPBACK, peer.port]

    def test_every_kind_is_sent_and_its_confirmation_asked_for(self):
        secret = self.folder / "secret"
        secret.write_bytes(b"s3cret\n")
        ticket = self.folder / "ticket"
        ticket.write_bytes(bytes(range(1, 256)))
        kinds = [
            (["--user", "night"], (1, 1, b"night", b"")),
            (["--user", "night", "--passcode", f"file:{secret}"], (2, 1, b"night", b"s3cret")),
            (["--user", "night", "--passcode", "env:CODE"], (2, 1, b"night", b"from the environment")),
            (["--kerberos", f"file:{ticket}"], (3, 1, bytes(range(1, 256)), b"")),
            (["--saml", f"file:{secret}"], (4, 1, b"s3cret", b"")),
            (["--jwt", "env:CODE"], (5, 1, b"from the environment", b"")),
        ]
        for options, expected in kinds:
            with self.subTest(options[0]):
                if expected[0] > 1:
                    run = dcmscu(*self.server(), *options, environment={"CODE": "x"}, expect=USAGE)
                    self.assert_names(run, "--tls", "--user-in-clear")
                    self.assertEqual(self.seen, [])
                line = [*self.server(response=b"welcome"), *options, "--user-in-clear"]
                run = dcmscu(*line, "-D", environment={"CODE": "from the environment"}, expect=0)
                self.assertEqual(self.seen, [expected])
                self.assertNotIn("s3cret", run.said)
                self.assertNotIn("from the environment", run.said)
        dcmscu(*self.server(), expect=0)
        self.assertEqual(self.seen, [None])

    def test_an_identity_that_is_not_confirmed_ends_the_run_unless_that_is_allowed(self):
        run = dcmscu(*self.server(confirms=False), "--user", "night", expect=ASSOCIATION)
        self.assert_names(run, "did not confirm", "--user-unconfirmed")
        dcmscu(*self.server(confirms=False), "--user", "night", "--user-unconfirmed", expect=0)

    def test_a_secret_on_the_command_line_or_none_at_all_is_2_and_nobody_is_called(self):
        for options in (
            ["--user", "night", "--passcode", "s3cret"], ["--jwt", "s3cret"], ["--passcode", "env:CODE"],
            ["--user", "night", "--passcode", "env:NOT_SET"], ["--saml", f"file:{self.folder}/missing"],
            ["--user", "night", "--jwt", "env:CODE"],
        ):  # fmt: skip
            with self.subTest(options[-1]):
                run = dcmscu(*self.server(), *options, "--user-in-clear", environment={"CODE": "x"}, expect=USAGE)
                self.assertNotIn("s3cret", run.said)
                self.assertEqual(self.seen, [])


class Secured(cases.RealServerTest):
    """DCMTK's clients and the archive with TLS, and certificates on both sides."""

    @classmethod
    def setUpClass(cls):
        cls.keys = pathlib.Path(tempfile.mkdtemp(prefix="dcmscu-keys-"))
        cls.addClassCleanup(shutil.rmtree, cls.keys, ignore_errors=True)
        cls.authority = certificates.Authority(cls.keys / "authority")
        cls.certificate, cls.key = cls.authority.issue("archive")
        cls.client = cls.authority.issue("client")
        cls.tls = ["+tls", cls.client[1], cls.client[0], "+cf", cls.authority.certificate]
        cls.our_port = servers.free_port()
        cls.archive = cls.serve_all(
            PracticeArchive(
                [("STORESCP", cls.our_port)],
                [
                    "--tls", f"--tls-cert={cls.certificate}", f"--tls-key={cls.key}", "--tls-client-cert=required",
                    f"--tls-ca={cls.authority.certificate}",
                ],
            )
        )  # fmt: skip
        cls.files = made_up_images(cls.archive.folder / "images")
        cls.files = [path for path in cls.files if data_set(path).Modality == "MR"]
        cls.study = data_set(cls.files[0]).StudyInstanceUID

    @property
    def peer(self):
        return [servers.LOOPBACK, str(self.archive.port)]

    def test_echoscu_storescu_findscu_and_storescp_of_dcmtk(self):
        run("echoscu", *self.tls, *self.peer, expect=0)
        ours = ["--tls-ca", self.authority.certificate, "--tls-cert", self.client[0], "--tls-key", self.client[1]]
        ended = dcmscu("--echo", "-V", "--count", "3", "--interval", "0", "--tls", *ours, *self.peer, expect=0)
        self.assertEqual(ended.stderr.count("session resumed"), 2, ended)
        run("storescu", *self.tls, *self.peer, *self.files, expect=0)
        self.assertEqual(len(self.archive.stored()), len(self.files))
        keys = ["-S", "-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={self.study}"]
        answer = run("findscu", *self.tls, *keys, *self.peer, expect=0)
        self.assertEqual(answer.said.count("Find Response:"), 1, answer)
        # Debian's getscu and movescu know no TLS. The archive calls back with it, and DCMTK's storescp is where it calls.
        moved = self.folder / "moved"
        moved.mkdir()
        with servers.Receiver(["storescp", *self.tls, "-od", moved, self.our_port], self.our_port):
            dcmscu(
                "--move", "--tls", *ours, "--move-destination", "STORESCP", "-k", f"StudyInstanceUID={self.study}",
                *self.peer, expect=0,
            )  # fmt: skip
        self.assertEqual(len(list(moved.iterdir())), len(self.files))

    def first_line(self, process):
        """The first line that a receiver says; it goes on."""
        limit = time.monotonic() + servers.START_LIMIT
        while "\n" not in process.log() and time.monotonic() < limit:
            time.sleep(0.02)
        return process.log().split("\n")[0]

    def kinds_of_receivers(self):
        """(options, whether it serves a caller without a certificate, the words of its first line)"""
        ours = [f"--tls-cert={self.certificate}", f"--tls-key={self.key}", f"--tls-ca={self.authority.certificate}"]
        yield ["--tls", *ours], True, "callers are not authenticated; their connections are secured by TLS"
        yield ["--tls", "--tls-client-cert=optional", *ours], True, "a caller's certificate is checked if it shows one"
        yield ["--tls", "--tls-client-cert=required", *ours], False, "callers must show a certificate of a trusted authority"

    def test_a_receiver_says_in_its_first_line_whether_it_authenticates_anybody(self):
        kinds = [([], None, "callers are not authenticated"), *self.kinds_of_receivers()]
        for options, _, words in kinds:
            for make in (lambda options: PracticeArchive(options=options), lambda options: Watch(*options)):
                with self.subTest(options), make(options) as receiver:
                    line = self.first_line(receiver)
                    self.assertIn(words, line)
                    self.assertEqual(line.count("callers"), words.count("callers"), line)

    def test_the_receivers_of_runs_say_it_too(self):
        images, known = [*self.files[:1]], self.folder / "transactions"
        for options, _, words in [([], None, "callers are not authenticated"), *self.kinds_of_receivers()]:
            peer = [servers.LOOPBACK, servers.free_port(), "--timeout", "1", *options, "-V"]
            for line in (
                ["--move", *peer, "-k", "StudyInstanceUID=1.2.3", "--no-check", "-o", self.folder / "out"],
                ["--stgcmt", *peer, "--wait", "0.1", *images], ["--store", *peer, "--verify", "commit", "--wait", "0.1", *images],
                ["--stgcmt", *peer, "--wait", "0.1", "--transaction", known, *images],
            ):  # fmt: skip
                with self.subTest(f"{line[0]} {options}"):
                    run = dcmscu(*line, "--port-scp", servers.free_port())
                    told = [said for said in run.stderr.splitlines() if "listening at" in said]
                    self.assertEqual(len(told), 1, run)
                    self.assertTrue(told[0].endswith(words), run)

    def test_a_caller_without_a_certificate_is_served_unless_one_is_required(self):
        anonymous = ["+tla", "+cf", self.authority.certificate]
        for options, is_served, _ in self.kinds_of_receivers():
            for make in (lambda options: PracticeArchive(options=options), lambda options: Watch(*options)):
                with self.subTest(options), make(options) as receiver:
                    self.first_line(receiver)
                    echo = run("echoscu", *anonymous, servers.LOOPBACK, receiver.port)
                    self.assertEqual(echo.code == 0, is_served, f"{echo} {receiver.log()}")

    def receivers_of_runs(self, peer, known):
        """Lines of runs that wait at their port for what their server does not send; `known` has an open transaction."""
        yield ["--stgcmt", *peer, self.files[0]]
        yield ["--store", "--verify", "commit", *peer, self.files[0]]
        yield ["--stgcmt", "--listen", "--transaction", known]

    def waiting(self, line, port, *options):
        """A run that waits at the port: it takes connections."""
        arguments = [*line, "--port-scp", port, *options, *([] if "--move" in line else ["--wait", "60"])]
        process = subprocess.Popen(
            [programs.dcmscu_path(), *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, env={**os.environ, "DCMSCU_CONFIG": "/dev/null"}, cwd=self.folder,
        )  # fmt: skip
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        limit = time.monotonic() + programs.TIME_LIMIT
        while not servers.accepts_connections(port):
            self.assertIsNone(process.poll(), f"{line} ended")
            self.assertLess(time.monotonic(), limit, "nothing listens")
            time.sleep(0.02)
        return process

    def end(self, process, line):
        self.assertIsNone(process.poll(), f"{line} ended before its callers")
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGTERM)
        process.wait(programs.TIME_LIMIT)

    def test_the_receivers_of_runs_serve_nobody_without_a_certificate_where_one_is_required(self):
        """A plain caller, one without a certificate, one whose certificate is of another authority; and one that has a good one."""
        ours = ["--tls", f"--tls-cert={self.certificate}", f"--tls-key={self.key}", f"--tls-ca={self.authority.certificate}"]
        foreign = certificates.Authority(self.folder / "foreign").issue("client")
        trust = ["--tls", "--tls-ca", self.authority.certificate]
        known = self.folder / "known"
        archive = self.serve(PracticeArchive(options=[*ours, "--inject", "commit-report=never"]))
        peer = [servers.LOOPBACK, archive.port]
        dcmscu("--stgcmt", *ours, *peer, self.files[0], "--transaction", known, "--wait", "0", expect=None)
        slow = self.serve(PracticeArchive(options=[*ours, "--inject", "delay=60"]))
        move = ["--move", "--no-check", "-k", "StudyInstanceUID=1.2.3", "-o", self.folder / "out", "--timeout", "60"]
        lines = [*self.receivers_of_runs(peer, known), [*move, servers.LOOPBACK, slow.port]]
        for line in lines:
            with self.subTest(line[:3]):
                port = servers.free_port()
                process = self.waiting(line, port, *ours, "--tls-client-cert", "required")
                echo = ["--echo", "--call", "DCMSCU", "--timeout", "10"]
                here = [servers.LOOPBACK, port]
                dcmscu(*echo, *here, expect=(UNREACHABLE, ASSOCIATION))
                dcmscu(*echo, *trust, *here, expect=(UNREACHABLE, ASSOCIATION))
                strange = ["--tls-cert", foreign[0], "--tls-key", foreign[1]]
                dcmscu(*echo, *trust, *strange, *here, expect=(UNREACHABLE, ASSOCIATION))
                known_client = ["--tls-cert", self.client[0], "--tls-key", self.client[1]]
                dcmscu(*echo, *trust, *known_client, *here, expect=0)
                self.end(process, line)

    def test_the_receivers_of_runs_serve_only_callers_that_they_accept(self):
        known = self.folder / "known"
        archive = self.serve(PracticeArchive(options=["--inject", "commit-report=never"]))
        peer = [servers.LOOPBACK, archive.port, "--call", "PRACTICE"]
        dcmscu("--stgcmt", *peer, self.files[0], "--transaction", known, "--wait", "0", expect=None)
        for line in self.receivers_of_runs(peer, known):
            with self.subTest(line[:3]):
                port = servers.free_port()
                process = self.waiting(line, port, "--accept-from", "GATEWAY")
                echo = ["--echo", servers.LOOPBACK, port, "--call", "DCMSCU", "--timeout", "10", "--aetitle"]
                dcmscu(*echo, "STRANGER", expect=ASSOCIATION)
                for accepted in ("GATEWAY", "PRACTICE"):
                    dcmscu(*echo, accepted, expect=0)
                self.end(process, line)

    def test_without_a_certificate_or_without_tls_nobody_gets_in(self):
        anonymous = ["+tla", "+cf", self.authority.certificate]
        for options in (anonymous, []):
            refused = run("echoscu", *options, *self.peer)
            self.assertNotEqual(refused.code, 0, refused)


LATE = ("libssl.so.3", "libcrypto.so.3", "libz.so.1")


class LateLibraries(TLSTest):
    """OpenSSL and zlib are opened when they are needed, from where the system has them."""

    def spoil(self, folder, *names):
        for name in names:
            (folder / name).write_bytes(b"not a library")

    def without(self, *names):
        """The environment of a system whose libraries of these names cannot be opened."""
        folder = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        self.spoil(folder, *names)
        return {"LD_LIBRARY_PATH": str(folder)}

    def test_none_is_linked(self):
        linked = run("ldd", programs.dcmscu_path(), expect=0).stdout
        self.assertNotRegex(linked, "libssl|libcrypto|libz")

    def test_one_beside_the_program_is_never_opened(self):
        beside = self.folder / "dcmscu"
        shutil.copy(programs.dcmscu_path(), beside)
        self.spoil(self.folder, *LATE)
        page = run(beside, "--self-test", environment={"LC_ALL": "C.UTF-8", "DCMSCU_CONFIG": "/dev/null"}, expect=0).stdout
        self.assertIn("all 15 steps passed", page)
        self.assertIn("with certificates on both sides", page)

    def test_tls_without_openssl_is_a_usage_error_that_names_it(self):
        archive = self.serve(PracticeArchive())
        bare = self.without("libssl.so.3")
        ended = dcmscu("--echo", *self.trust(), servers.LOOPBACK, archive.port, environment=bare, expect=USAGE)
        self.assert_names(ended, "TLS: ", "libssl.so.3", "hint: TLS needs the system's OpenSSL 3", "Debian")
        self.assertNotIn("associates", archive.log())

    def test_the_self_test_without_libcurl_says_what_to_install(self):
        page = dcmscu("--self-test", environment=self.without("libcurl.so.4", "libcurl-gnutls.so.4"), expect=0).stdout
        self.assertRegex(page, r"DICOMweb: .* left out: libcurl.so.4 is not installed; install libcurl: libcurl4 of Debian")

    def test_all_else_works_without_them(self):
        archive = self.serve(PracticeArchive())
        bare, peer = self.without(*LATE), [servers.LOOPBACK, archive.port]
        dcmscu("--echo", *peer, environment=bare, expect=0)
        journal = self.folder / "journal"
        dcmscu("--store", "--journal", journal, *peer, self.image.path, environment=bare, expect=0)
        study = str(data_set(self.image.path).StudyInstanceUID)
        journal = self.folder / "retrieved"
        got = self.folder / "got"
        dcmscu(
            "--get", "--journal", journal, "-k", f"StudyInstanceUID={study}", "-o", got, *peer, environment=bare, expect=0
        )
        # The sum is our own where OpenSSL's is missing.
        (file,) = [path for path in got.rglob("*") if path.is_file()]
        self.assertIn(hashlib.sha256(file.read_bytes()).hexdigest(), journal.read_text())

    def test_a_deflated_file_without_zlib_is_left_out_and_the_library_is_named(self):
        archive = self.serve(PracticeArchive())
        deflated = self.folder / "deflated.dcm"
        run("dcmconv", "+td", self.image.path, deflated, expect=0)
        peer = [servers.LOOPBACK, archive.port]
        ended = dcmscu("--store", *peer, deflated, environment=self.without("libz.so.1"))
        self.assertNotEqual(ended.code, 0, ended)
        self.assert_names(ended, "deflated.dcm", "a deflated data set cannot be read", "libz.so.1")
        dcmscu("--store", *peer, deflated, expect=0)


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
        self.assertIn("all 15 steps passed", page)
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

    def test_a_url_is_a_usage_error_that_says_why(self):
        self.assert_names(self.dcmscu("--echo", "http://127.0.0.1:1", expect=2), "built without DICOMweb", "hint:")

    def test_it_is_not_linked_with_openssl(self):
        self.assertNotRegex(run("ldd", binary(), expect=0).stdout, "libssl|libcrypto")

    def test_both_binaries_record_the_same_digests(self):
        archive = self.serve(PracticeArchive())
        files = made_up_images(self.folder / "images")
        dcmscu("--store", servers.LOOPBACK, archive.port, *files, expect=0)
        studies = "StudyInstanceUID=" + "\\".join(sorted({str(data_set(path).StudyInstanceUID) for path in files}))
        found = []
        for number, program in enumerate((binary(), programs.dcmscu_path())):
            # Only what was retrieved has a digest.
            journal, output = self.folder / f"{number}.jsonl", self.folder / str(number)
            line = [program, "--get", servers.LOOPBACK, archive.port, "-k", studies, "-o", output, "--journal", journal]
            run(*line, environment={"LC_ALL": "C.UTF-8", "DCMSCU_CONFIG": "/dev/null"}, expect=0)
            lines = map(json.loads, journal.read_text().splitlines())
            found.append({line["sopInstanceUID"]: line["sha256"] for line in lines if "sha256" in line})
            written = {hashlib.sha256(path.read_bytes()).hexdigest() for path in output.rglob("*.dcm")}
            self.assertEqual(set(found[-1].values()), written)
        self.assertEqual(len(found[0]), len(files))
        self.assertEqual(found[0], found[1])

    def test_the_two_binaries_talk_with_each_other(self):
        archive = self.serve(PracticeArchive())
        self.dcmscu("--echo", servers.LOOPBACK, archive.port, expect=0)
