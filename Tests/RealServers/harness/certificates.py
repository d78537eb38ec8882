"""Certificates for TLS tests, made by the openssl command: good ones and ones that are wrong in exactly one way."""

import datetime
import pathlib
import subprocess

from . import servers

NAMES = "DNS:localhost,IP:127.0.0.1"


class Authority:
    """A certificate authority in a folder of its own."""

    def __init__(self, folder, name="dcmscu test authority"):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True)
        self.key = self.folder / "ca.key"
        self.certificate = self.folder / "ca.pem"
        _openssl(
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", self.key, "-out", self.certificate,
            "-days", "30", "-subj", f"/CN={name}",
        )
        (self.folder / "index").touch()
        (self.folder / "index.attr").write_text("unique_subject = no\n")
        (self.folder / "serial").write_text("1000\n")
        (self.folder / "ca.cnf").write_text(
            f"""[ca]
default_ca = here
[here]
database = {self.folder}/index
serial = {self.folder}/serial
new_certs_dir = {self.folder}
certificate = {self.certificate}
private_key = {self.key}
default_md = sha256
policy = any
copy_extensions = copy
default_crl_days = 20
[any]
commonName = supplied
"""
        )

    def issue(self, name, names=NAMES, first_day=-1, last_day=20, password=None):
        """(certificate, key) for a name, valid from and to days from today."""
        key, request, certificate = (self.folder / f"{name}.{ending}" for ending in ("key", "csr", "pem"))
        secret = ["-nodes"] if password is None else ["-passout", f"pass:{password}"]
        _openssl(
            "req", "-newkey", "rsa:2048", *secret, "-keyout", key, "-out", request, "-subj", f"/CN={name}",
            "-addext", f"subjectAltName={names}",
        )
        _openssl(
            "ca", "-batch", "-notext", "-config", self.folder / "ca.cnf", "-in", request, "-out", certificate,
            "-startdate", _day(first_day), "-enddate", _day(last_day),
        )
        return certificate, key

    def subordinate(self, folder):
        """An authority whose certificate is issued by this one."""
        below = Authority(folder, "dcmscu intermediate authority")
        request = folder / "ca.csr"
        _openssl("req", "-new", "-key", below.key, "-out", request, "-subj", "/CN=dcmscu intermediate authority")
        extensions = folder / "extensions"
        extensions.write_text("basicConstraints = critical, CA:TRUE\n")
        _openssl(
            "x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-set_serial", "77", "-days",
            "20", "-extfile", extensions, "-out", below.certificate,
        )
        return below

    def revoke(self, certificate):
        _openssl("ca", "-config", self.folder / "ca.cnf", "-revoke", certificate)

    def revocation_list(self):
        """The file of all that was revoked until now."""
        path = self.folder / "crl.pem"
        _openssl("ca", "-config", self.folder / "ca.cnf", "-gencrl", "-out", path)
        return path

    def status_response(self, certificate, signer=None, minutes_ago=0):
        """An OCSP response about a certificate, signed by this authority or by another one."""
        signer = signer or self
        name = f"{certificate.stem}-{signer.folder.name}-{minutes_ago}"
        request, response = self.folder / f"{name}.ocsp", self.folder / f"{name}.der"
        _openssl("ocsp", "-issuer", self.certificate, "-cert", certificate, "-no_nonce", "-reqout", request)
        _openssl(
            "ocsp", "-index", self.folder / "index", "-CA", self.certificate, "-rsigner", signer.certificate, "-rkey",
            signer.key, "-reqin", request, "-respout", response, "-nmin", "60", minutes_ago=minutes_ago,
        )
        return response


class StaplingServer(servers.Server):
    """OpenSSL's own server, which shows an OCSP response with its certificate and speaks no DICOM."""

    name = "stapling"

    def __init__(self, pair, response):
        super().__init__()
        self.pair, self.response = pair, response

    def command(self):
        certificate, key = self.pair
        return [
            servers.program("openssl"), "s_server", "-accept", f"{servers.LOOPBACK}:{self.port}", "-cert", certificate,
            "-key", key, "-status_file", self.response, "-quiet",
        ]  # fmt: skip


def self_signed(folder, name="self-signed"):
    folder = pathlib.Path(folder)
    key, certificate = folder / f"{name}.key", folder / f"{name}.pem"
    _openssl(
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "20",
        "-subj", f"/CN={name}", "-addext", f"subjectAltName={NAMES}",
    )
    return certificate, key


def fingerprint(certificate):
    """The SHA-256 fingerprint as the openssl command prints it, with colons."""
    return _openssl("x509", "-in", certificate, "-noout", "-fingerprint", "-sha256").strip().split("=")[1]


def _day(days):
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)
    return moment.strftime("%Y%m%d%H%M%SZ")


def _openssl(*arguments, minutes_ago=0):
    before = [servers.program("faketime"), "-f", f"-{minutes_ago}m"] if minutes_ago else []
    run = subprocess.run([*before, "openssl", *map(str, arguments)], capture_output=True, text=True, timeout=60)
    if run.returncode != 0:
        raise AssertionError(f"openssl {' '.join(map(str, arguments))}\n{run.stderr}")
    return run.stdout
