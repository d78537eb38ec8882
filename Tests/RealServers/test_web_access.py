"""DICOMweb: what a site wants beside a URL: header fields, tokens that are renewed, OAuth 2, a base for each service."""

import base64
import json
import os
import pathlib
import shutil
import tempfile
import urllib.parse

from harness import cases, certificates, servers
from harness.practice import made_up_images
from harness.programs import dcmscu
from harness.webpeer import WebPeer, answer, study
from test_web_transfer import Archive, Stored, made, uid

INCOMPLETE, USAGE, UNREACHABLE, ASSOCIATION, TIME_LIMIT = 1, 2, 4, 5, 8
SECRET = {"WEB_SECRET": "s3cret"}


def lists(request):
    return answer(body=[] if request.value("offset") else [study("1.2")])


def guarded(allowed):
    """A server that lists a study to whom it knows: `allowed(the field Authorization)`."""
    return lambda request: lists(request) if allowed(request.headers.get("authorization")) else answer(401, {"Details": "who?"})


class HeaderFields(cases.RealServerTest):
    def test_fields_go_with_every_request_and_never_to_another_host(self):
        key = self.folder / "key"
        key.write_text("from a file\nnote\n")
        fields = ["--header", "X-Site: north", "--header", "X-Api-Key: env:WEB_SECRET", "--header", f"X-File: file:{key}"]
        moved = lambda request: answer(307, headers=[("Location", f"{target.url}/studies?{request.query}")])
        with WebPeer(lists) as target, WebPeer(moved) as peer:
            dcmscu("--find", peer.url, *fields, environment=SECRET, expect=0)
            sent = peer.requests[0].headers
            self.assertEqual([sent.get(name) for name in ("x-site", "x-api-key", "x-file")], ["north", "s3cret", "from a file"])
            self.assertEqual([name for name in target.requests[0].headers if name.startswith("x-")], [])

    def test_values_are_in_no_log_and_in_no_message(self):
        with WebPeer(lambda _: answer(500, {"Details": "no"})) as peer:
            for field in ("X-Api-Key: s3cret", "X-Api-Key: env:WEB_SECRET"):
                log = self.folder / "log"
                run = dcmscu(
                    "--find", peer.url, "--header", field, "--log-file", log, "--log-phi", "-D", environment=SECRET, expect=7
                )  # fmt: skip
                self.assertIn("X-Api-Key", log.read_text())
                for text in (run.stderr, run.stdout, log.read_text()):
                    self.assertNotIn("s3cret", text)
        run = dcmscu("--find", "http://h", "--header", "X-Api-Key: s3cret", "--show-config", expect=0)
        self.assertIn("X-Api-Key", run.stdout)
        self.assertNotIn("s3cret", run.stdout)

    def test_fields_that_are_not_for_others_to_set(self):
        for field in ("Host: other", "Content-Length: 3", "transfer-encoding: chunked", "Accept: text/html", "no field"):
            with WebPeer(lists) as peer:
                run = dcmscu("--find", peer.url, "--header", field, expect=USAGE)
                self.assert_names(run, "--header", field.split(":")[0] if ":" in field else "")
                self.assertEqual(peer.connections, 0)
        run = dcmscu("--find", "http://h", "--header", "s3cret", expect=USAGE)
        self.assertNotIn("s3cret", run.stderr)

    def test_authorization_is_a_field_where_nothing_else_gives_it(self):
        with WebPeer(guarded(lambda value: value == "Special s3cret")) as peer:
            dcmscu("--find", peer.url, "--header", "Authorization: env:OWN", environment={"OWN": "Special s3cret"}, expect=0)
        run = dcmscu(
            "--find", "https://h", "--header", "Authorization: env:OWN", "--user", "alice", environment={"OWN": "x"}, expect=USAGE
        )  # fmt: skip
        self.assert_names(run, "several identities", "--header")

    def test_a_field_of_a_node_and_one_whose_source_is_not_there(self):
        with WebPeer(lists) as peer:
            configuration = self.folder / "config.json"
            configuration.write_text(json.dumps({"nodes": {"web": {"url": peer.url, "header": ["X-A: 1", "X-B: env:WEB_SECRET"]}}}))
            dcmscu("--find", "@web", "--config", configuration, environment=SECRET, expect=0)
            self.assertEqual((peer.requests[0].headers["x-a"], peer.requests[0].headers["x-b"]), ("1", "s3cret"))
            before = len(peer.requests)
            run = dcmscu("--find", peer.url, "--header", "X-B: env:NOT_THERE", expect=USAGE)
            self.assert_names(run, "X-B", "NOT_THERE")
            self.assertEqual(len(peer.requests), before)


class TokensInFiles(cases.RealServerTest):
    def setUp(self):
        super().setUp()
        self.token = self.folder / "token"
        self.write("first")

    def write(self, text):
        """As a program that renews it: aside, and put in place."""
        aside = self.folder / "token.new"
        aside.write_text(text + "\n")
        os.rename(aside, self.token)

    def test_a_token_that_was_renewed_meanwhile_is_used(self):
        seen = []

        def act(request):
            seen.append(request.headers["authorization"])
            if len(seen) == 1:
                self.write("second")
            return answer(body=[study(f"1.{len(seen)}")] if len(seen) < 3 else [])

        with WebPeer(act) as peer:
            dcmscu("--find", peer.url, "--jwt", f"file:{self.token}", expect=0)
            self.assertEqual(seen, ["Bearer first", "Bearer second", "Bearer second"])

    def test_after_a_401_the_file_is_read_again_once(self):
        seen = []

        def act(request):
            seen.append(request.headers["authorization"])
            if seen[-1] != "Bearer second":
                self.write("second")
                return answer(401)
            return lists(request)

        with WebPeer(act) as peer:
            dcmscu("--find", peer.url, "--jwt", f"file:{self.token}", expect=0)
            self.assertEqual(seen[:2], ["Bearer first", "Bearer second"])
        with WebPeer(lambda _: answer(401)) as peer:
            dcmscu("--find", peer.url, "--jwt", f"file:{self.token}", "--retries", 3, "--retry-delay", 0.05, expect=ASSOCIATION)
            self.assertEqual(len(peer.requests), 1)

    def test_a_body_is_sent_again_with_the_token_that_is_new(self):
        server = Stored()

        def act(request):
            if request.headers["authorization"] == "Bearer second":
                return server(request)
            self.write("second")
            return answer(401)

        files = made_up_images(self.folder / "images")
        with WebPeer(act) as peer:
            dcmscu("--store", peer.url, *files, "--jwt", f"file:{self.token}", expect=0)
            self.assertEqual(len(server.stored), len(files))

    def test_a_file_that_is_gone_or_empty_for_a_moment_changes_nothing(self):
        seen = []

        def act(request):
            seen.append(request.headers["authorization"])
            if len(seen) == 1:
                self.token.write_text("")
            else:
                self.token.unlink(missing_ok=True)
            return answer(body=[study(f"1.{len(seen)}")] if len(seen) < 3 else [])

        with WebPeer(act) as peer:
            dcmscu("--find", peer.url, "--jwt", f"file:{self.token}", expect=0)
            self.assertEqual(seen, ["Bearer first"] * 3)


class Tokens:
    """A token endpoint that gives token after token."""

    def __init__(self, client="cl ient", secret="s3cret", lifetime=3600, **more):
        self.basic = "Basic " + base64.b64encode(f"{urllib.parse.quote_plus(client)}:{secret}".encode()).decode()
        self.lifetime, self.more, self.given = lifetime, more, 0

    def __call__(self, request):
        if request.headers.get("authorization") != self.basic:
            return answer(401, {"error": "invalid_client", "error_description": "unknown client"}, kind="application/json")
        self.given += 1
        said = {"access_token": f"token{self.given}", "token_type": "Bearer", "expires_in": self.lifetime, **self.more}
        return answer(body=said, kind="application/json")


class OAuth(cases.RealServerTest):
    def options(self, endpoint, *more):
        return ["--oauth-url", f"{endpoint.url}/token", "--oauth-client", "cl ient", "--oauth-secret", "env:WEB_SECRET", *more]

    def find(self, peer, endpoint, *more, expect=0, environment=SECRET):
        return dcmscu("--find", peer.url, *self.options(endpoint, *more), environment=environment, expect=expect)

    def test_a_token_is_had_once_by_client_credentials(self):
        with WebPeer(Tokens()) as endpoint, WebPeer(guarded(lambda value: value == "Bearer token1")) as peer:
            self.find(peer, endpoint, "--oauth-scope", "read all", "--header", "X-Own: 1")
            (asked,) = endpoint.requests
            self.assertEqual((asked.method, asked.target), ("POST", "/dicom-web/token"))
            self.assertEqual(asked.body, b"grant_type=client_credentials&scope=read+all")
            self.assertEqual(asked.headers["content-type"], "application/x-www-form-urlencoded")
            self.assertEqual(asked.headers["accept"], "application/json")
            self.assertNotIn("x-own", asked.headers)
            self.assertGreater(len(peer.requests), 1)

    def test_one_token_is_enough_for_all_connections(self):
        files = made_up_images(self.folder / "images")
        server = Stored()
        with WebPeer(Tokens()) as endpoint, WebPeer(server) as peer:
            dcmscu("--store", peer.url, *files, "-j", 4, *self.options(endpoint), environment=SECRET, expect=0)
            self.assertEqual(len(endpoint.requests), 1)
            self.assertEqual({request.headers["authorization"] for request in peer.requests}, {"Bearer token1"})

    def test_a_token_is_renewed_before_its_end(self):
        tokens = Tokens(lifetime=0)
        with WebPeer(tokens) as endpoint, WebPeer(lists) as peer:
            self.find(peer, endpoint)
            self.assertEqual(
                [request.headers["authorization"] for request in peer.requests], ["Bearer token1", "Bearer token2"]
            )

    def test_after_a_401_another_token_is_had_once(self):
        with WebPeer(Tokens()) as endpoint, WebPeer(guarded(lambda value: value == "Bearer token2")) as peer:
            self.find(peer, endpoint)
            self.assertEqual(len(endpoint.requests), 2)
        with WebPeer(Tokens()) as endpoint, WebPeer(guarded(lambda _: False)) as peer:
            self.assert_names(self.find(peer, endpoint, expect=ASSOCIATION), "status 401")
            self.assertEqual((len(endpoint.requests), len(peer.requests)), (2, 2))

    def test_an_endpoint_that_gives_none_is_exit_code_5_in_clear_words(self):
        page = b"<html><head><title>Sign in</title></head></html>"
        for said, words in (
            (answer(400, {"error": "invalid_scope"}, kind="application/json"), ["invalid_scope", "status 400"]),
            (answer(404, page, kind="text/html"), ["status 404", "Sign in"]),
            (answer(200, page, kind="text/html"), ["not JSON"]),
            (answer(200, {"token": "x"}, kind="application/json"), ["no access_token"]),
            (answer(200, {"access_token": "x", "token_type": "mac"}, kind="application/json"), ["mac", "not Bearer"]),
            (answer(302, headers=[("Location", "/login")]), ["redirect", "GET"]),
        ):  # fmt: skip
            with self.subTest(words), WebPeer(lambda _, said=said: said) as endpoint, WebPeer(lists) as peer:
                run = self.find(peer, endpoint, expect=ASSOCIATION)
                self.assert_names(run, f"no token from {endpoint.url}/token", "--oauth-url", *words)
                self.assertEqual(len(peer.requests), 0)
                self.assertNotIn("s3cret", run.stderr)
        with WebPeer(Tokens()) as endpoint, WebPeer(lists) as peer:
            run = self.find(peer, endpoint, expect=ASSOCIATION, environment={"WEB_SECRET": "wrong"})
            self.assert_names(run, "invalid_client: unknown client", "status 401")

    def test_an_endpoint_that_is_not_there_or_busy(self):
        with WebPeer(lists) as peer:
            closed = f"http://{servers.LOOPBACK}:{servers.free_port()}"
            options = ["--oauth-url", closed, "--oauth-client", "a", "--oauth-secret", "env:WEB_SECRET"]
            run = dcmscu("--find", peer.url, *options, environment=SECRET, expect=ASSOCIATION)
            self.assert_names(run, "no token from", "connection refused")
            self.assertEqual(len(peer.requests), 0)
            tokens, left = Tokens(), [answer(503), answer(503)]
            with WebPeer(lambda request: left.pop() if left else tokens(request)) as endpoint:
                self.find(peer, endpoint, "--retries", 2, "--retry-delay", 0.05)

    def test_what_is_for_this_machine_goes_through_no_proxy_of_the_environment(self):
        with WebPeer(Tokens()) as endpoint, WebPeer(lists) as peer, WebPeer(lambda _: answer(502), base="") as proxy:
            names = {name: proxy.url for name in ("http_proxy", "all_proxy")}
            run = self.find(peer, endpoint, environment={**SECRET, **names, "no_proxy": "", "NO_PROXY": ""})
            self.assertEqual((proxy.connections, len(endpoint.requests)), (0, 1), run)
            self.assertEqual({request.headers["authorization"] for request in peer.requests}, {"Bearer token1"})

    def test_a_token_without_an_end_of_the_answer_costs_the_limits(self):
        with WebPeer(lambda _request, _connection: endpoint.hold(), raw=True) as endpoint, WebPeer(lists) as peer:
            run = self.find(peer, endpoint, "--timeout", 1, expect=ASSOCIATION)
            self.assert_names(run, "no token from", "in time")

    def test_a_redirect_of_the_endpoint_takes_no_secret_along(self):
        with WebPeer(Tokens()) as target, WebPeer(lists) as peer:
            moved = answer(307, headers=[("Location", f"{target.url}/token")])
            with WebPeer(lambda _: moved) as endpoint:
                self.find(peer, endpoint, expect=ASSOCIATION)
                self.assertNotIn("authorization", target.requests[0].headers)

    def test_settings_of_a_node_and_what_the_command_line_sets_aside(self):
        with WebPeer(Tokens()) as endpoint, WebPeer(lists) as peer:
            configuration = self.folder / "config.json"
            configuration.write_text(json.dumps({"nodes": {"web": {
                "url": peer.url, "oauth-url": f"{endpoint.url}/token", "oauth-client": "cl ient", "oauth-secret": "env:WEB_SECRET",
            }}}))  # fmt: skip
            dcmscu("--find", "@web", "--config", configuration, environment=SECRET, expect=0)
            self.assertEqual(peer.requests[-1].headers["authorization"], "Bearer token1")
            dcmscu("--find", "@web", "--config", configuration, "--jwt", "env:WEB_SECRET", environment=SECRET, expect=0)
            self.assertEqual(peer.requests[-1].headers["authorization"], "Bearer s3cret")
            self.assertEqual(len(endpoint.requests), 1)


class OAuthSecured(cases.RealServerTest):
    @classmethod
    def setUpClass(cls):
        cls.keys = pathlib.Path(tempfile.mkdtemp(prefix="dcmscu-keys-"))
        cls.addClassCleanup(shutil.rmtree, cls.keys, ignore_errors=True)
        cls.authority = certificates.Authority(cls.keys / "authority")

    def test_the_endpoint_is_held_to_the_rules_of_tls(self):
        tokens = self.enterContext(WebPeer(Tokens()))
        peer = self.enterContext(WebPeer(guarded(lambda value: value and value.startswith("Bearer token"))))
        nginx = self.serve(servers.Nginx(tokens.port, self.authority.issue("tokens")))
        options = ["--oauth-url", f"{nginx.web_url}/token", "--oauth-client", "cl ient", "--oauth-secret", "env:WEB_SECRET"]
        run = dcmscu("--find", peer.url, *options, environment=SECRET, expect=ASSOCIATION)
        self.assert_names(run, "no token from https://", "certificate")
        self.assertEqual(len(tokens.requests), 0)
        trust = ["--tls-ca", self.authority.certificate]
        dcmscu("--find", peer.url, *options, *trust, environment=SECRET, expect=0)


class Bases(cases.RealServerTest):
    """A site whose services have URLs of their own."""

    def setUp(self):
        super().setUp()
        self.path = made(self.folder / "0.dcm", 0)
        archive = Archive({uid(0): self.path.read_bytes()})
        rooted = lambda request: archive(Rebased(request))
        self.queries = self.enterContext(WebPeer(rooted, base="/qidors"))
        self.retrievals = self.enterContext(WebPeer(rooted, base="/wadors"))
        self.storage = self.enterContext(WebPeer(Stored(), base="/stowrs"))
        self.other = self.enterContext(WebPeer(lambda _: answer(404), base="/nothing"))
        self.urls = ["--qido-url", self.queries.url, "--wado-url", self.retrievals.url, "--stow-url", self.storage.url]

    def test_each_service_is_asked_at_its_own(self):
        dcmscu("--echo", self.other.url, *self.urls, expect=0)
        dcmscu("--find", self.other.url, *self.urls, expect=0)
        self.assertTrue(all(request.target.startswith("/qidors/studies") for request in self.queries.requests))
        before = len(self.queries.requests)
        dcmscu("--get", self.other.url, *self.urls, "-k", "StudyInstanceUID=1.2.3", "-o", self.folder / "got", expect=0)
        self.assertEqual([request.target for request in self.retrievals.requests], ["/wadors/studies/1.2.3"])
        self.assertGreater(len(self.queries.requests), before)
        dcmscu("--store", self.other.url, *self.urls, self.path, expect=0)
        self.assertEqual([request.target for request in self.storage.requests], ["/stowrs/studies"])
        self.assertEqual(self.other.requests, [])

    def test_a_node_has_them_and_credentials_go_to_each(self):
        configuration = self.folder / "config.json"
        configuration.write_text(json.dumps({"nodes": {"web": {
            "url": self.other.url, "qido-url": self.queries.url, "wado-url": self.retrievals.url, "stow-url": self.storage.url,
            "jwt": "env:WEB_SECRET",
        }}}))  # fmt: skip
        arguments = ["--config", configuration]
        dcmscu("--get", "@web", *arguments, "-k", "StudyInstanceUID=1.2.3", "-o", self.folder / "got", environment=SECRET, expect=0)
        dcmscu("--store", "@web", *arguments, self.path, environment=SECRET, expect=0)
        for peer in (self.queries, self.retrievals, self.storage):
            self.assertEqual({request.headers["authorization"] for request in peer.requests}, {"Bearer s3cret"})

    def test_a_message_names_the_url_that_was_asked(self):
        run = dcmscu("--find", self.queries.url, "--qido-url", self.other.url, expect=7)
        self.assert_names(run, f"GET {self.other.url}/studies", "status 404")
        closed = servers.free_port()
        run = dcmscu("--find", self.queries.url, "--qido-url", f"http://{servers.LOOPBACK}:{closed}", expect=UNREACHABLE)
        self.assert_names(run, f"{servers.LOOPBACK}:{closed}")
        self.assert_names(dcmscu("--find", "h", "--qido-url", "http://q", expect=USAGE), "--qido-url", "HOST is no URL")
        self.assert_names(dcmscu("--find", "http://h", "--qido-url", "q", expect=USAGE), "--qido-url q", "another kind")


class Rebased:
    """A request as if it had come at the usual base."""

    def __init__(self, request):
        path = "/" + request.path.split("/", 2)[2]
        self.path, self.headers, self.method, self.body = f"/dicom-web{path}", request.headers, request.method, request.body
        self.value = request.value
