"""--proxy and the proxies of the environment: real ones, and some that lie, end or never answer."""

import json
import socket
import struct
import subprocess
import threading
import time

from harness import cases, certificates, images, programs, scripted, servers, wire
from harness.practice import PracticeArchive
from harness.programs import dcmscu
from test_doctor import checks, page

# A name that this machine cannot look up: the proxies of these tests connect to the archive in its place.
PACS = "pacs.dcmscu.invalid"


class MicroSocks(servers.Server):
    """A SOCKS proxy of another author."""

    name = "microsocks"

    def __init__(self, *options):
        super().__init__()
        self.options = options

    def command(self):
        return [servers.program("microsocks"), "-i", servers.LOOPBACK, "-p", self.port, *self.options]


class TinyProxy(servers.Server):
    """An HTTP proxy of another author."""

    name = "tinyproxy"

    def __init__(self, *settings):
        super().__init__()
        self.settings = settings

    def prepare(self):
        (self.folder / "tinyproxy.conf").write_text(
            "\n".join([f"Port {self.port}", f"Listen {servers.LOOPBACK}", "Timeout 60", "LogLevel Connect",
                       f'LogFile "{self.folder}/proxy.log"', *self.settings, ""]))  # fmt: skip

    def command(self):
        return [servers.program("tinyproxy"), "-d", "-c", self.folder / "tinyproxy.conf"]


def copy(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def tunnels(port, names):
    """Speaks SOCKS, notes what name it is given, and connects to this port."""

    def act(_, connection):
        methods = connection.recv(2, socket.MSG_WAITALL)[1]
        connection.recv(methods, socket.MSG_WAITALL)
        connection.sendall(b"\5\0")
        head = connection.recv(4, socket.MSG_WAITALL)
        if head[3] == 3:
            name = connection.recv(connection.recv(1, socket.MSG_WAITALL)[0], socket.MSG_WAITALL).decode()
        else:
            name = socket.inet_ntoa(connection.recv(4, socket.MSG_WAITALL))
        names.append((name, struct.unpack(">H", connection.recv(2, socket.MSG_WAITALL))[0]))
        with socket.create_connection((servers.LOOPBACK, port)) as peer:
            connection.sendall(b"\5\0\0\1\0\0\0\0\0\0")
            there = threading.Thread(target=copy, args=(connection, peer), daemon=True)
            there.start()
            copy(peer, connection)
            there.join(wire.LIMIT)

    return act


class ProxyTest(cases.RealServerTest):
    @classmethod
    def setUpClass(cls):
        cls.archive = cls.serve_all(PracticeArchive())
        dcmscu("--store", *cls.peer(), images.image("CT_small.dcm").path, expect=0)

    @classmethod
    def peer(cls):
        return [servers.LOOPBACK, str(cls.archive.port)]

    def scripted(self, act):
        peer = scripted.Peer(act)
        self.addCleanup(peer.stop)
        return peer.port

    def mapped(self, port=None):
        """A SOCKS proxy that connects to the archive whatever it is asked for, with what it was asked for."""
        names = []
        return f"socks5h://{servers.LOOPBACK}:{self.scripted(tunnels(port or self.archive.port, names))}", names


class RealProxies(ProxyTest):
    def test_every_operation_goes_through_socks_and_http(self):
        for proxy in (MicroSocks(), TinyProxy()):
            self.serve(proxy)
            url = f"{'http' if isinstance(proxy, TinyProxy) else 'socks5h'}://{servers.LOOPBACK}:{proxy.port}"
            with self.subTest(proxy=proxy.name):
                option = ["--proxy", url]
                dcmscu("--echo", *self.peer(), *option, expect=0)
                found = dcmscu("--find", *self.peer(), *option, "--format", "count", expect=0)
                self.assertEqual(found.stdout, "1\n")
                dcmscu("--get", *self.peer(), *option, "-k", "PatientID=1CT1", "-o", self.folder / proxy.name, expect=0)
                self.assertEqual(len(list((self.folder / proxy.name).iterdir())), 1)
                dcmscu("--store", *self.peer(), *option, images.image("CT_small.dcm").path, expect=0)
                probe = json.loads(dcmscu("--probe", *self.peer(), *option, "CT", "--format", "json", expect=0).stdout)
                self.assertTrue(probe[0]["services"]["find"])
                # It did go there: without the proxy there is nothing.
                proxy.stop()
                run = dcmscu("--echo", *self.peer(), *option, expect=4)
                self.assert_names(run, url, self.archive.port, "connection refused", "--proxy none")

    def test_user_and_password_come_from_where_secrets_do(self):
        password = self.folder / "password"
        password.write_text("correct horse\n")
        password.chmod(0o600)
        socks = self.serve(MicroSocks("-u", "station", "-P", "correct horse"))
        http = self.serve(TinyProxy('BasicAuth station correcthorse'))
        for port, scheme, secret in ((socks.port, "socks5h", f"file:{password}"), (http.port, "http", "env:SECRET")):
            url = f"{scheme}://station@{servers.LOOPBACK}:{port}"
            with self.subTest(scheme=scheme):
                environment = {"SECRET": "correcthorse", "WRONG": "wrong"}
                run = dcmscu("--echo", *self.peer(), "--proxy", url, "--proxy-password", secret, environment=environment, expect=0)
                self.assertEqual(run.stderr, "")
                run = dcmscu(
                    "--echo", *self.peer(), "--proxy", url, "--proxy-password", "env:WRONG", environment=environment, expect=4)
                self.assert_names(run, "refused our user name and password", "--proxy-password")
                run = dcmscu("--echo", *self.peer(), "--proxy", url.replace("station@", ""), expect=4)
                self.assert_names(run, "wants a user name and a password", "USER@")
        log = self.folder / "log"
        dcmscu("--echo", *self.peer(), "--proxy", f"http://station:correcthorse@{servers.LOOPBACK}:{http.port}",
               "--log-file", log, "--debug", expect=0)  # fmt: skip
        self.assertIn("station:", log.read_text())
        self.assertNotIn("correcthorse", log.read_text())

    def test_tls_goes_through_and_the_name_is_that_of_the_peer(self):
        authority = certificates.Authority(self.folder / "authority", "hospital")
        certificate, key = authority.issue("pacs", names=f"DNS:{PACS}")
        secured = self.serve(PracticeArchive(options=["--tls", "--tls-cert", certificate, "--tls-key", key]))
        url, names = self.mapped(secured.port)
        arguments = ["--echo", PACS, 2762, "--proxy", url, "--tls", "--tls-ca", authority.certificate]
        dcmscu(*arguments, expect=0)
        self.assertEqual(names, [(PACS, 2762)])
        run = dcmscu(*arguments, "--tls-name", "other.example", expect=4)
        self.assert_names(run, "not for other.example")

    def test_a_proxy_that_cannot_reach_the_peer_or_may_not(self):
        closed = servers.free_port()
        socks, http = self.serve(MicroSocks()), self.serve(TinyProxy("ConnectPort 443"))
        run = dcmscu("--echo", servers.LOOPBACK, closed, "--proxy", f"socks5h://{servers.LOOPBACK}:{socks.port}", expect=4)
        self.assert_names(run, f"socks5h://{servers.LOOPBACK}:{socks.port}", closed, "connection refused", "firewall")
        run = dcmscu("--echo", *self.peer(), "--proxy", f"http://{servers.LOOPBACK}:{http.port}", expect=4)
        self.assert_names(run, "403", f"port {self.archive.port}", "web servers")

    def test_the_doctor_tells_of_the_proxy(self):
        socks = self.serve(MicroSocks())
        url = f"socks5h://{servers.LOOPBACK}:{socks.port}"
        found = page(dcmscu("--doctor", *self.peer(), "--proxy", url, expect=0))
        self.assertEqual(found["proxy"][0], "ok")
        self.assertIn("does not go through it", found["proxy"][1])
        self.assertEqual(found["name"][0], "-")
        self.assertEqual(found["route"][0], "-")
        self.assertIn("through the proxy", found["port"][1])
        self.assertIn("10 of 10", found["echo"][1])
        socks.stop()
        found = checks(dcmscu("--doctor", *self.peer(), "--proxy", url, "--format", "jsonl", expect=4))
        self.assertEqual(found["proxy"]["cause"], "proxy-unusable")
        self.assertEqual(found["port"]["outcome"], "skipped")
        found = page(dcmscu("--doctor", *self.peer(), "--only", "proxy", expect=0))
        self.assertEqual(found["proxy"][0], "-")


class Environments(ProxyTest):
    def echo(self, host, *arguments, expect=0, **variables):
        cleared = {name: "" for name in ("all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY")}
        return dcmscu("--echo", host, self.archive.port, *arguments, environment={**cleared, **variables}, expect=expect)

    def test_all_proxy_counts_lower_case_first_and_the_name_is_looked_up_there(self):
        url, names = self.mapped()
        self.echo(PACS, ALL_PROXY=url)
        self.echo(PACS, all_proxy=url, ALL_PROXY="socks5h://127.0.0.1:1")
        self.assertEqual(names, [(PACS, self.archive.port)] * 2)
        run = self.echo(PACS, "--proxy", "none", ALL_PROXY=url, expect=4)
        self.assertNotIn("proxy", run.stderr)
        run = self.echo(PACS, expect=4, HTTPS_PROXY=url, http_proxy=url)
        self.assert_names(run, PACS)
        self.assertEqual(len(names), 2)

    def test_no_proxy_and_this_machine_are_connected_to_directly(self):
        url, names = self.mapped()
        self.echo(servers.LOOPBACK, ALL_PROXY=url)
        self.echo("localhost", ALL_PROXY=url)
        self.echo(PACS, ALL_PROXY=url, NO_PROXY="example, .dcmscu.invalid", expect=4)
        self.echo(servers.LOOPBACK, "--proxy", url, NO_PROXY="127.0.0.0/8")
        self.assertEqual(names, [])
        self.echo(servers.LOOPBACK, "--proxy", url)
        self.assertEqual(names, [(servers.LOOPBACK, self.archive.port)])

    def test_what_is_no_proxy_is_a_usage_error_and_never_a_direct_connection(self):
        run = self.echo(servers.LOOPBACK, ALL_PROXY="https://me:secret@p", expect=2)
        self.assert_names(run, "ALL_PROXY", "https://", "socks5h")
        self.assertNotIn("secret", run.stderr)
        run = self.echo(servers.LOOPBACK, "--proxy", "https://me:secret@p", expect=2)
        self.assert_names(run, "--proxy", "socks5h://")
        self.assertNotIn("secret", run.stderr)
        self.assert_names(self.echo(servers.LOOPBACK, "--proxy", "http://p", "--proxy-password", "x", expect=2), "env:NAME")
        self.assert_names(self.echo(servers.LOOPBACK, "--proxy-password", "env:X", expect=2), "needs --proxy")

    def test_a_node_of_the_configuration_names_its_proxy(self):
        url, names = self.mapped()
        config = self.folder / "config.json"
        config.write_text(json.dumps({"nodes": {"far": {"host": PACS, "port": 104, "proxy": url}}}))
        dcmscu("--echo", "@far", "--config", config, expect=0)
        self.assertEqual(names, [(PACS, 104)])
        shown = dcmscu("--show-config", "--echo", "@far", "--proxy", "http://me:s3same@p", "--config", config, expect=0)
        self.assertIn("http://me:", shown.stdout)
        self.assertNotIn("s3same", shown.stdout)


class HostileProxies(ProxyTest):
    """Each ends in a message with the proxy and the peer, a hint, exit code 4 and a cause."""

    def assert_ends(self, url, cause, *words, arguments=()):
        run = dcmscu("--echo", PACS, 104, "--proxy", url, *arguments, "--format", "jsonl", expect=4, timeout=20)
        self.assert_names(run, url, f"{PACS}:104", "hint: ", *words)
        self.assertEqual(json.loads(run.stdout.splitlines()[-1])["cause"], cause)

    def test_the_rows(self):
        def says(*answers):
            def act(peer, connection):
                for answer in answers:
                    connection.recv(4096)
                    connection.sendall(answer)
                peer.hold()

            return act

        def endless(_, connection):
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 200 OK\r\n")
            while True:
                connection.sendall(b"X-Header: " + b"x" * 1000 + b"\r\n")

        def closes(_, connection):
            connection.recv(4096)

        # scheme, what the proxy does, cause, words
        rows = [
            ("socks5h", closes, "proxy-unusable", "closed the connection"),
            ("http", closes, "proxy-unusable", "closed the connection"),
            ("socks5h", says(b"SSH-2.0-x\r\n"), "proxy-unusable", "not one of SOCKS"),
            ("http", says(b"SSH-2.0-x\r\n"), "proxy-unusable", "not one of HTTP"),
            ("socks5h", says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "proxy-unusable", "HTTP server"),
            ("http", endless, "proxy-unusable", "no end"),
            ("socks5h", says(b"\5\0", b"\5\0\0\7"), "proxy-unusable", "address type 7"),
            ("socks5h", says(b"\5\0", b"\5\2\0\1"), "proxy-refused", "not allowed"),
            ("socks5h", says(b"\5\0", b"\5\5\0\1"), "unreachable-through-proxy", "connection refused"),
            ("http", says(b"HTTP/1.1 504 Gateway\x1b[31m Timeout\r\n\r\n"), "unreachable-through-proxy", "504"),
            ("http", says(b"HTTP/1.1 403 No\r\n\r\n"), "proxy-refused", "403"),
        ]
        for scheme, act, cause, words in rows:
            with self.subTest(scheme=scheme, words=words):
                self.assert_ends(f"{scheme}://{servers.LOOPBACK}:{self.scripted(act)}", cause, words)

    def test_silence_and_lies_about_lengths_cost_the_limit(self):
        def silent(peer, connection):
            connection.recv(4096)
            peer.hold()

        def lies(peer, connection):
            connection.recv(4096)
            connection.sendall(b"\5\0")
            connection.recv(4096)
            connection.sendall(b"\5\0\0\3\xffab")
            peer.hold()

        for scheme, act in (("socks5h", silent), ("http", silent), ("socks5h", lies)):
            with self.subTest(scheme=scheme, act=act.__name__):
                began = time.monotonic()
                self.assert_ends(
                    f"{scheme}://{servers.LOOPBACK}:{self.scripted(act)}", "proxy-unusable", "does not answer", "waited for 0.5 s",
                    arguments=["--connect-timeout", "0.5"])
                self.assertLess(time.monotonic() - began, 10)

    def test_an_interrupt_ends_the_wait(self):
        waiting = threading.Event()

        def silent(peer, connection):
            connection.recv(4096)
            waiting.set()
            peer.hold()

        url = f"http://{servers.LOOPBACK}:{self.scripted(silent)}"
        process = subprocess.Popen(
            [programs.dcmscu_path(), "--echo", PACS, "104", "--proxy", url], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertTrue(waiting.wait(20))
        programs.wait_until_heard(process.pid)
        process.terminate()
        process.communicate(timeout=10)
        self.assertEqual(process.returncode, 143)
