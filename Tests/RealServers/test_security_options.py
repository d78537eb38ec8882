"""Each option of TLS and of user identity, seen from the other side: what a server is offered, shown and told."""

import os
import pathlib
import pty
import select
import shutil
import socket
import ssl
import struct
import tempfile
import time

from harness import cases, certificates, programs, scripted, servers, wire
from harness.programs import dcmscu

UNREACHABLE, USAGE, ASSOCIATION = 4, 2, 5


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
        """A TLS server; `seen` has what it saw of each client: (version, numbers of the ciphers offered, certificate)."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*(pair or self.pair))
        change(context)
        self.seen = []

        def act(_, connection):
            offered = ciphers_offered(connection)
            with context.wrap_socket(connection, server_side=True) as secured:
                self.seen.append((secured.version(), offered, secured.getpeercert()))
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
        code, said = self.at_a_terminal(line, "open sesame\n")
        self.assertEqual(code, 0, said)
        self.assertIn("password", said)
        self.assertNotIn("sesame", said)
        # Without one there is nobody to ask; the test's own must not be asked either.
        run = programs.run("setsid", programs.dcmscu_path(), *line, expect=USAGE)
        self.assert_names(run, "no terminal")

    def at_a_terminal(self, line, typed):
        process, terminal = pty.fork()
        if process == 0:
            os.execve(
                programs.dcmscu_path(), [programs.dcmscu_path(), *map(str, line)],
                {"LC_ALL": "C.UTF-8", "DCMSCU_CONFIG": "/dev/null"},
            )  # fmt: skip
        said, limit, was_typed = b"", time.monotonic() + programs.TIME_LIMIT, False
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
            if not was_typed and said.rstrip().endswith(b":"):
                os.write(terminal, typed.encode())
                was_typed = True
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
                line = [*self.server(response=b"welcome"), *options]
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
                run = dcmscu(*self.server(), *options, environment={"CODE": "x"}, expect=USAGE)
                self.assertNotIn("s3cret", run.said)
                self.assertEqual(self.seen, [])
