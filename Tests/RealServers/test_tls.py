"""TLS with servers that others wrote, in both directions, and with every certificate that is wrong in one way."""

import pathlib
import shutil
import tempfile

from harness import cases, certificates, images, servers
from harness.programs import dcmscu


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
        secret.write_text("open sesame\n")
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
        self.assert_refused(self.authority.issue("expired", first_day=-20, last_day=-1), "expired")

    def test_a_certificate_that_is_not_yet_valid_is_refused(self):
        self.assert_refused(self.authority.issue("early", first_day=2, last_day=20), "not yet valid")

    def test_a_certificate_for_another_name_is_refused(self):
        self.assert_refused(self.authority.issue("elsewhere", names="DNS:elsewhere.example"), "elsewhere.example", "127.0.0.1")

    def test_a_certificate_of_a_foreign_authority_is_refused(self):
        foreign = certificates.Authority(self.folder / "foreign", "foreign authority")
        self.assert_refused(foreign.issue("server"), "issuer")

    def test_a_self_signed_certificate_is_refused(self):
        self.assert_refused(certificates.self_signed(self.folder), "self-signed")

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
        """Orthanc shows its certificate, so the move comes; a plain caller at the same port is told apart and not served."""
        port = servers.free_port()
        server = self.orthanc(port)
        secured = [*self.trust(), *self.identity(), "--tls-client-cert", "required"]
        peer = [servers.LOOPBACK, server.port]
        dcmscu("--store", *self.trust(), *self.identity(), *peer, self.image.path, expect=0)
        dcmscu(
            "--move", *secured, "--port-scp", port, "-o", self.folder / "out", "-k",
            f"StudyInstanceUID={self.image.study}", *peer, expect=0,
        )
