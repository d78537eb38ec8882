"""The practice archive over DICOMweb: used by dcmscu, curl and PyPI's dicomweb-client, and by hostile HTTP."""

import html.parser
import ipaddress
import json
import os
import pathlib
import re
import socket
import ssl
import struct
import time

from harness import cases, certificates, images, measured, servers
from harness.practice import PYTHON, WebArchive, data_set, made_up_images
from harness.programs import dcmscu, run

INCOMPLETE, USAGE, UNREACHABLE, NOT_OFFERED, FAILURE, USED_UP = 1, 2, 4, 6, 7, 8
JSON = "application/dicom+json"
ALL_SYNTAXES = 'multipart/related; type="application/dicom"; transfer-syntax=*'
# What a server may take to answer on a busy machine.
LIMIT = 60


class Answer:
    def __init__(self, data, is_head=False):
        head, _, rest = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        self.status = int(first.split(" ")[1]) if first.startswith("HTTP/1.1 ") else None
        self.fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        self.body, self.rest = rest, b""
        if is_head or self.status is None:
            self.rest, self.body = rest, b""
        elif self.fields.get("transfer-encoding") == "chunked":
            self.body, self.rest = _unchunked(rest)
        elif "content-length" in self.fields:
            length = int(self.fields["content-length"])
            self.body, self.rest = rest[:length], rest[length:]

    @property
    def text(self):
        return self.body.decode()

    @property
    def matches(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.fields} {self.body[:500]}"


def _unchunked(data):
    body = b""
    while True:
        size, _, data = data.partition(b"\r\n")
        size = int(size, 16)
        if size == 0:
            return body, data.partition(b"\r\n")[2]
        body, data = body + data[:size], data[size + 2 :]


def said(port, *pieces, pause=0.0, secured=None):
    """Everything that the server says to the bytes until it closes."""
    with socket.create_connection((servers.LOOPBACK, port), timeout=LIMIT) as plain:
        connection = secured.wrap_socket(plain, server_hostname="localhost") if secured else plain
        try:
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(pause)
        except OSError:
            pass  # It has said enough, and listens no more.
        data = b""
        try:
            while piece := connection.recv(1 << 16):
                data += piece
        except ConnectionResetError:
            pass
        return data


def request(method, target, headers=(), body=b"", version="HTTP/1.1"):
    lines = [f"{method} {target} {version}", "Host: archive", "Connection: close", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def parts(files, boundary="Boundary", kind="application/dicom", closing=True):
    """(header field, body) of a store."""
    body = b"".join(
        f"--{boundary}\r\nContent-Type: {kind}\r\n\r\n".encode() + file + b"\r\n" for file in files
    ) + (f"--{boundary}--\r\n".encode() if closing else b"")
    return f'Content-Type: multipart/related; type="application/dicom"; boundary={boundary}', body


def odd_file(instance="1.2.3.4.1", study="1.2.3", series="1.2.3.4", syntax="1.2.840.10008.1.2.1"):
    """A file in Explicit VR Little Endian with these UIDs, which need be none; None leaves the study out."""

    def uid(group, element, value):
        value = value.encode("latin-1")
        value += b"\0" * (len(value) % 2)
        return struct.pack("<HH2sH", group, element, b"UI", len(value)) + value

    secondary_capture = "1.2.840.10008.5.1.4.1.1.7"
    meta = uid(2, 2, secondary_capture) + uid(2, 3, "1.2.3.4.5") + uid(2, 0x10, syntax)
    data = uid(8, 0x16, secondary_capture) + uid(8, 0x18, instance)
    data += (uid(0x20, 0xD, study) if study is not None else b"") + uid(0x20, 0xE, series)
    return b"\0" * 128 + b"DICM" + struct.pack("<HH2sHI", 2, 0, b"UL", 4, len(meta)) + meta + data


class WithWebArchive(cases.RealServerTest):
    """An archive that holds the made-up images."""

    @classmethod
    def setUpClass(cls):
        cls.archive = cls.serve_all(WebArchive())
        cls.images = cls.archive.folder / "images"
        cls.files = made_up_images(cls.images)
        cls.entries = {path: data_set(path) for path in cls.files}
        dcmscu("--store", cls.archive.url, *cls.files, expect=0)

    def of(self, modality):
        """(study UID, files) of the study of a modality."""
        found = [path for path, entry in self.entries.items() if entry.Modality == modality]
        return str(self.entries[found[0]].StudyInstanceUID), found

    def ask(self, method, target, *headers, body=b"", archive=None):
        data = said((archive or self.archive).http_port, request(method, target, headers, body))
        return Answer(data, is_head=method == "HEAD")

    def search(self, target):
        answer = self.ask("GET", target, f"Accept: {JSON}")
        self.assertEqual((answer.status, answer.fields.get("content-type")), (200, JSON), answer)
        return answer.matches

    def assert_same_files(self, folder, files):
        """The data sets in the folder are those of the files, byte for byte."""
        found = sorted(bytes(images.data_set_bytes(path)) for path in folder.rglob("*.dcm"))
        self.assertEqual(found, sorted(bytes(images.data_set_bytes(path)) for path in files))


class Addresses(cases.RealServerTest):
    def listening(self, archive, port):
        """The addresses at which the archive listens on a port."""
        opened, found = set(), set()
        for entry in pathlib.Path(f"/proc/{archive.process.pid}/fd").iterdir():
            try:
                opened.add(os.readlink(entry))
            except FileNotFoundError:
                pass  # Closed meanwhile.
        # Without IPv6 there is no second table.
        for table in filter(pathlib.Path.exists, map(pathlib.Path, ("/proc/net/tcp", "/proc/net/tcp6"))):
            for line in table.read_text().splitlines()[1:]:
                fields = line.split()
                address, number = fields[1].split(":")
                # 0A is LISTEN; the inode is the tenth field.
                if fields[3] == "0A" and int(number, 16) == port and f"socket:[{fields[9]}]" in opened:
                    words = [int(address[start : start + 8], 16) for start in range(0, len(address), 8)]
                    found.add(str(ipaddress.ip_address(b"".join(struct.pack("=I", word) for word in words))))
        return found

    def test_both_ports_are_on_loopback_alone_unless_another_address_is_given(self):
        for options, expected in (([], "127.0.0.1"), (["--bind", "0.0.0.0"], "0.0.0.0")):
            with self.subTest(options):
                archive = self.serve(WebArchive(options=options))
                for port in (archive.port, archive.http_port):
                    self.assertEqual(self.listening(archive, port), {expected}, archive.log())


class OwnClient(WithWebArchive):
    def test_the_first_line_names_both_addresses(self):
        first = self.archive.log(1 << 20).splitlines()[0]
        self.assertIn(f"{servers.LOOPBACK}:{self.archive.port} and {self.archive.url} over", first)

    def test_what_was_stored_is_there_byte_for_byte(self):
        self.assert_same_files(self.archive.folder / "archive", self.files)

    def test_echo(self):
        self.assertIn("DICOMweb answered", dcmscu("--echo", self.archive.url, expect=0).stdout)

    def test_each_level_has_the_matches_of_c_find(self):
        for options in (
            ["--patient"], ["--study", "-k", "PatientID=SELFTEST-*"], ["--series", "--relational", "-k", "Modality=MR"],
            ["--image", "--relational", "--return", "SOPClassUID,InstanceNumber"],
            ["--study", "-k", "PatientName=山田*"], ["--study", "-k", "StudyDate=20260101-20260131"],
            ["--study", "-k", "StudyDate=20270101-"], ["--study", "-k", "ModalitiesInStudy=CT"],
        ):  # fmt: skip
            with self.subTest(options=options):
                web, dimse = (
                    dcmscu("--find", *peer, *options, "--format", "jsonl", expect=0).stdout.splitlines()
                    for peer in ([self.archive.url], [servers.LOOPBACK, self.archive.port])
                )
                self.assertEqual(len(web), len(dimse))
                for left, right in zip(sorted(map(_identity, web)), sorted(map(_identity, dimse))):
                    self.assertEqual(left, right)

    def test_a_study_comes_back_byte_for_byte_in_every_transfer_syntax(self):
        for modality in ("CT", "MR", "OT"):
            study, files = self.of(modality)
            target = self.folder / modality
            dcmscu("--get", self.archive.url, "-k", f"StudyInstanceUID={study}", "-o", target, expect=0)
            self.assert_same_files(target, files)

    def test_several_connections_and_many_peers_at_once(self):
        target = self.folder / "got"
        dcmscu("--get", self.archive.url, "-k", "PatientID=SELFTEST-*", "-o", target, "--jobs", 4, expect=0)
        self.assert_same_files(target, self.files)

    def test_a_file_without_a_header_is_served_as_one_with_it(self):
        study, (path, *_) = self.of("MR")
        pixels = images.data_set_bytes(path)
        archive = WebArchive()
        with archive:
            (archive.folder / "archive" / "bare.dcm").write_bytes(bytes(pixels))
            archive._end()
            archive._launch()
            self.assertTrue(archive._wait_until_ready())
            target = self.folder / "got"
            dcmscu("--get", archive.url, "-k", f"StudyInstanceUID={study}", "-o", target, expect=0)
            (found,) = target.rglob("*.dcm")
            self.assertEqual(bytes(images.data_set_bytes(found)), bytes(pixels))

    def test_over_https_with_a_client_certificate(self):
        authority = certificates.Authority(self.folder / "authority")
        (server, server_key), (client, client_key) = authority.issue("server"), authority.issue("client")
        archive = self.serve(WebArchive(options=[
            "--tls", "--tls-ca", authority.certificate, "--tls-cert", server, "--tls-key", server_key,
            "--tls-client-cert", "required",
        ]))  # fmt: skip
        self.assertIn(f"https://{servers.LOOPBACK}:{archive.http_port}", archive.log())
        trust = ["--tls-ca", authority.certificate, "--tls-cert", client, "--tls-key", client_key]
        url = f"https://localhost:{archive.http_port}"
        dcmscu("--store", url, *self.files, *trust, expect=0)
        target = self.folder / "got"
        dcmscu("--get", url, "-k", "PatientID=SELFTEST-*", "-o", target, *trust, expect=0)
        self.assert_same_files(target, self.files)


def _identity(line):
    """A match without what only one of the two ways has."""
    match = json.loads(line)
    return json.dumps({tag: match[tag] for tag in sorted(match) if tag not in ("00080005", "00080054", "00080052")})


class Searches(WithWebArchive):
    def test_all_forms_of_the_url(self):
        study, files = self.of("CT")
        series = str(self.entries[files[0]].SeriesInstanceUID)
        in_series = [path for path in files if str(self.entries[path].SeriesInstanceUID) == series]
        for target, count in (
            ("/studies", 3), ("/studies/", 3), ("/series", 6), ("/instances", 13), (f"/studies/{study}/series", 3),
            (f"/studies/{study}/instances", 8), (f"/studies/{study}/series/{series}/instances", len(in_series)),
            (f"/studies?StudyInstanceUID={study},1.2.3", 1), ("/studies?PatientID=NOBODY", 0),
            ("/studies?00100020=SELFTEST-%3F", 3), ("/studies?PatientID=%53ELFTEST-1", 1), ("/series?PatientID=SELFTEST-2", 2),
            ("/instances?Modality=MR&limit=2", 2), ("/instances?offset=10", 3), ("/instances?offset=100", 0),
            ("/studies/1.2.3.4/series", 0), ("/studies?limit=0", 0), ("/studies?limit=0&offset=9", 0),
            (f"/studies/{study}/series?RequestAttributesSequence.ScheduledProcedureStepID=NONE", 0),
        ):  # fmt: skip
            with self.subTest(target=target):
                self.assertEqual(len(self.search(target)), count)

    def test_matches_have_the_usual_attributes_their_url_and_what_is_included(self):
        study, files = self.of("MR")
        (match,) = self.search("/studies?PatientID=SELFTEST-2")
        self.assertEqual(match["00081190"]["Value"], [f"http://archive/studies/{study}"])
        self.assertEqual(match["00100010"]["Value"][0]["Ideographic"], "山田^太郎")
        self.assertEqual(match["00201208"]["Value"], [len(files)])
        self.assertNotIn("00081030", match)
        self.assertNotIn("00080052", match)
        for field in ("includefield=StudyDescription", "includefield=00081030", "includefield=StudyID,StudyDescription",
                      "includefield=StudyID&includefield=StudyDescription", "includefield=all"):  # fmt: skip
            (match,) = self.search(f"/studies?PatientID=SELFTEST-2&{field}")
            self.assertEqual(match["00081030"]["Value"], ["MR of nothing"], field)
        (match, *_) = self.search("/instances?includefield=all&limit=1")
        self.assertIn("00280103", match)
        series = str(self.entries[files[0]].SeriesInstanceUID)
        (match, *_) = self.search(f"/studies/{study}/series/{series}/instances?limit=1")
        uid = match["00080018"]["Value"][0]
        self.assertEqual(
            match["00081190"]["Value"], [f"http://archive/studies/{study}/series/{series}/instances/{uid}"]
        )

    def test_urls_begin_with_the_host_that_was_asked(self):
        study, _ = self.of("MR")
        own = f"{servers.LOOPBACK}:{self.archive.http_port}"
        for target, host, origin in (
            ("", "a:1", "http://a:1"), ("http://b:2", "a:1", "http://b:2"), ("", "", f"http://{own}"),
        ):  # fmt: skip
            with self.subTest(target=target, host=host):
                sent = f"GET {target}/studies?PatientID=SELFTEST-2 HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
                (match,) = Answer(said(self.archive.http_port, sent.encode())).matches
                self.assertEqual(match["00081190"]["Value"], [f"{origin}/studies/{study}"])

    def test_what_is_not_understood_is_400_and_in_words(self):
        for query, word in (
            ("NoSuchKeyword=1", "NoSuchKeyword"), ("studyinstanceuid=1.2", "studyinstanceuid"), ("limit=x", "limit"),
            ("PatientID=1&PatientID=2", "more than once"), ("StudyInstanceUID=x", "UID"), ("SOPInstanceUID=1.2", "SOPInstanceUID"),
            ("PatientID=%zz", "hexadecimal"), ("includefield=Nothing", "Nothing"),
        ):  # fmt: skip
            with self.subTest(query=query):
                answer = self.ask("GET", f"/studies?{query}", f"Accept: {JSON}")
                self.assertEqual(answer.status, 400, answer)
                self.assertIn(word, answer.text)
                self.assertEqual(answer.fields["content-type"], "text/plain; charset=utf-8")

    def test_fuzzy_matching_is_refused_with_the_warning_of_the_standard(self):
        answer = self.ask("GET", "/studies?PatientName=muster&fuzzymatching=true")
        self.assertEqual((answer.status, answer.matches), (200, []), answer)
        self.assertRegex(answer.fields["warning"], r'^299 \S+ "The fuzzymatching parameter is not supported\.')
        run = dcmscu("--find", self.archive.url, "-k", "PatientName=Muster*", "--fuzzy", expect=0)
        self.assertIn("fuzzymatching", run.stderr)

    def test_media_types(self):
        for accept, status in (
            ("application/json", 200), ("*/*", 200), ("application/*;q=0.1, text/html", 200), ("text/html", 406),
            ('multipart/related; type="application/dicom+xml"', 406), ("application/dicom+json;q=0", 406),
        ):  # fmt: skip
            with self.subTest(accept=accept):
                self.assertEqual(self.ask("GET", "/studies", f"Accept: {accept}").status, status)
        self.assertEqual(self.ask("GET", "/studies?accept=application/json", "Accept: text/html").status, 200)

    def test_other_methods(self):
        head = self.ask("HEAD", "/studies")
        self.assertEqual((head.status, head.rest), (200, b""))
        self.assertGreater(int(head.fields["content-length"]), 100)
        options = self.ask("OPTIONS", "/studies")
        self.assertEqual((options.status, options.fields["allow"]), (204, "GET, HEAD, OPTIONS, POST"))
        for method, target in (("DELETE", "/studies"), ("POST", "/series"), ("PUT", "/studies/1.2"), ("PURGE", "/")):
            answer = self.ask(method, target)
            self.assertEqual(answer.status, 405, answer)
            self.assertIn("GET", answer.fields["allow"])
        self.assertEqual(self.ask("GET", "/dicom-web/studies").status, 404)

    def test_requests_are_lines_of_the_log_without_values(self):
        self.search("/studies?PatientID=SECRET-1")
        log = self.archive.log(1 << 20)
        self.assertRegex(log, r"127\.0\.0\.1:\d+ GET /studies: 0 matches \(200\)")
        self.assertNotIn("SECRET-1", log)


class Retrievals(WithWebArchive):
    def resource(self, modality="CT", number=0):
        study, files = self.of(modality)
        entry = self.entries[files[number]]
        return study, f"/studies/{study}/series/{entry.SeriesInstanceUID}/instances/{entry.SOPInstanceUID}", files[number]

    def test_one_instance_by_itself_is_the_file_as_it_is_held(self):
        _, target, path = self.resource()
        answer = self.ask("GET", target, "Accept: application/dicom; transfer-syntax=*")
        syntax = str(data_set(path).file_meta.TransferSyntaxUID)
        self.assertEqual(answer.fields["content-type"], f"application/dicom; transfer-syntax={syntax}")
        (held,) = (self.archive.folder / "archive").glob(f"{self.entries[path].SOPInstanceUID}.dcm")
        self.assertEqual(answer.body, held.read_bytes())
        head = self.ask("HEAD", target, "Accept: application/dicom; transfer-syntax=*")
        self.assertEqual((head.fields["content-length"], head.rest), (str(held.stat().st_size), b""))

    def test_transfer_syntaxes_are_given_as_held_or_not_at_all(self):
        study, files = self.of("CT")
        syntaxes = [str(data_set(path).file_meta.TransferSyntaxUID) for path in files]
        explicit, jpeg = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.90"
        for accept, status, count in (
            (ALL_SYNTAXES, 200, 8), ("multipart/related; type=application/dicom; transfer-syntax=*", 200, 8), ("*/*", 200, 8),
            (f'multipart/related; type="application/dicom"; transfer-syntax={jpeg}', 206, syntaxes.count(jpeg)),
            ('multipart/related; type="application/dicom"', 206, syntaxes.count(explicit)),
            (f'multipart/related; type="application/dicom"; transfer-syntax={jpeg}, {ALL_SYNTAXES};q=0.5', 200, 8),
            ('multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.4.50', 406, 0),
            ('multipart/related; type="image/jpeg"', 406, 0), ("application/dicom; transfer-syntax=*", 406, 0),
            ('multipart/related; type="application/octet-stream"', 406, 0), ("image/png", 406, 0),
        ):  # fmt: skip
            with self.subTest(accept=accept):
                answer = self.ask("GET", f"/studies/{study}", f"Accept: {accept}")
                self.assertEqual(answer.status, status, answer)
                if status == 406:
                    self.assertTrue(answer.text.strip())
                    continue
                boundary = answer.fields["content-type"].partition("boundary=")[2]
                self.assertEqual(answer.body.count(f"--{boundary}\r\n".encode()), count)
                self.assertTrue(answer.body.endswith(f"\r\n--{boundary}--\r\n".encode()))
                self.assertEqual("warning" in answer.fields, status == 206)

    def test_what_is_not_there(self):
        study, target, _ = self.resource()
        other = self.of("MR")[0]
        for path, status in (
            ("/studies/1.2.3", 404), (f"/studies/{study}/series/1.2.3", 404), (target[:-1] + "00", 404),
            (target.replace(study, other), 404), (target + "/frames/1", 404), (target + "/rendered", 406),
            (f"/studies/{study}/thumbnail", 406), (target + "/bulkdata/x", 404), ("/studies/..%2f..%2fetc%2fpasswd", 400),
            ("/studies/../../etc/passwd", 400), ("/../../../etc/passwd", 404), ("/studies/%00", 400), ("/archive/", 404),
        ):  # fmt: skip
            with self.subTest(path=path):
                answer = self.ask("GET", path, "Accept: */*")
                self.assertEqual(answer.status, status, answer)
                self.assertTrue(answer.text.strip())

    def test_metadata_are_the_data_set_without_bulk_data(self):
        study, target, path = self.resource("MR")
        (metadata,) = self.ask("GET", target + "/metadata", f"Accept: {JSON}").matches
        entry = self.entries[path]
        self.assertEqual(metadata["00080018"]["Value"], [str(entry.SOPInstanceUID)])
        self.assertEqual(metadata["00083002"]["Value"], [str(data_set(path).file_meta.TransferSyntaxUID)])
        self.assertEqual(metadata["00280010"]["Value"], [entry.Rows])
        self.assertEqual(len(metadata["00081110"]["Value"]), 1)
        self.assertNotIn("7FE00010", metadata)
        self.assertEqual(len(self.ask("GET", f"/studies/{study}/metadata").matches), len(self.of("MR")[1]))
        self.assertEqual(self.ask("GET", f"/studies/{study}/metadata", "Accept: application/dicom+xml").status, 406)

    def test_the_connection_is_kept_for_further_requests(self):
        _, target, _ = self.resource()
        kept = f"GET {target} HTTP/1.1\r\nHost: a\r\nAccept: application/dicom;transfer-syntax=*\r\n\r\n".encode()
        data = said(self.archive.http_port, kept, kept, request("GET", "/studies"))
        statuses = []
        while data:
            answer = Answer(data)
            statuses.append(answer.status)
            data = answer.rest
        self.assertEqual(statuses, [200, 200, 200])

    def test_http_1_0_has_no_chunks(self):
        data = said(self.archive.http_port, b"GET /instances HTTP/1.0\r\n\r\n")
        answer = Answer(data)
        self.assertNotIn("transfer-encoding", answer.fields)
        self.assertEqual(len(answer.matches), 13)


class Stores(WithWebArchive):
    def setUp(self):
        super().setUp()
        self.empty = self.serve(WebArchive())

    def store(self, field, body, *headers, target="/studies", archive=None):
        return self.ask("POST", target, field, f"Accept: {JSON}", *headers, body=body, archive=archive or self.empty)

    def uids(self, answer, tag):
        return [item["00081155"]["Value"][0] for item in answer.matches.get(tag, {}).get("Value", [])]

    def test_all_are_stored_and_named(self):
        data = [path.read_bytes() for path in self.files]
        answer = self.store(*parts(data))
        self.assertEqual((answer.status, answer.fields["content-type"]), (200, JSON), answer)
        self.assertEqual(
            sorted(self.uids(answer, "00081199")), sorted(str(entry.SOPInstanceUID) for entry in self.entries.values())
        )
        self.assertNotIn("00081198", answer.matches)
        # Type 2: of several studies there is no URL of one.
        self.assertEqual(answer.matches["00081190"], {"vr": "UR"})
        self.assertEqual(
            sorted(item["00081190"]["Value"][0] for item in answer.matches["00081199"]["Value"]),
            sorted(
                f"http://archive/studies/{entry.StudyInstanceUID}/series/{entry.SeriesInstanceUID}/instances/{entry.SOPInstanceUID}"
                for entry in self.entries.values()
            ),
        )
        self.assert_same_files(self.empty.folder / "archive", self.files)

    def test_a_part_that_fails_is_told_and_the_others_are_stored(self):
        good = self.files[0].read_bytes()
        for bad, status, tag in ((b"no DICOM at all", 202, "0008119A"), (good[: len(good) // 2], 202, "00081198")):
            answer = self.store(*parts([self.files[1].read_bytes(), bad]))
            self.assertEqual(answer.status, status, answer)
            self.assertEqual(len(answer.matches[tag]["Value"]), 1, answer)
            self.assertEqual(len(self.uids(answer, "00081199")), 1)
        answer = self.store(*parts([b"no DICOM at all"]))
        self.assertEqual((answer.status, answer.matches["0008119A"]["Value"][0]["00081197"]["Value"]), (409, [0xC000]))
        self.assertEqual(len(self.empty.stored()), 1)

    def test_the_answer_has_the_url_of_the_one_study_and_empty_ones_where_uids_make_none(self):
        study, files = self.of("MR")
        answer = self.store(*parts([path.read_bytes() for path in files]))
        self.assertEqual(answer.matches["00081190"]["Value"], [f"http://archive/studies/{study}"])
        answer = self.store(*parts([odd_file(series="1.2/../3")]))
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.matches["00081199"]["Value"][0]["00081190"], {"vr": "UR"})

    def test_what_nobody_would_find_is_not_stored(self):
        for study in (None, ""):
            answer = self.store(*parts([odd_file(study=study)]))
            self.assertEqual(answer.status, 409, answer)
            (item,) = answer.matches["00081198"]["Value"]
            self.assertEqual((item["00081155"]["Value"], item["00081197"]["Value"]), (["1.2.3.4.1"], [0xA900]))
        self.assertEqual(self.empty.stored(), [])
        self.assertIn("no Study Instance UID, not stored", self.empty.log(1 << 20))

    def test_another_study_than_that_of_the_url_is_refused(self):
        study, files = self.of("MR")
        mixed = [files[0].read_bytes(), self.of("CT")[1][0].read_bytes()]
        answer = self.store(*parts(mixed), target=f"/studies/{study}")
        self.assertEqual(answer.status, 202, answer)
        self.assertEqual(self.uids(answer, "00081199"), [str(self.entries[files[0]].SOPInstanceUID)])
        self.assertEqual(answer.matches["00081198"]["Value"][0]["00081197"]["Value"], [0x0110])
        answer = self.store(*parts(mixed[1:]), target=f"/studies/{study}")
        self.assertEqual(answer.status, 409, answer)
        self.assertEqual(len(self.empty.stored()), 1)

    def test_what_is_no_store_has_its_status(self):
        field, body = parts([self.files[0].read_bytes()])
        for given, sent, status in (
            ("Content-Type: application/dicom", body, 415), ("Content-Type: text/plain", b"x", 415),
            ("Content-Type: multipart/related; boundary=Boundary", body, 415),
            ('Content-Type: multipart/related; type="application/dicom+json"; boundary=Boundary', body, 415),
            ('Content-Type: multipart/related; type="application/dicom"', body, 400), (field, b"nothing of the kind", 400),
            ('Content-Type: multipart/related; type="application/dicom"; boundary=' + "b" * 2000, body, 400),
            (f"{field}\r\nContent-Encoding: gzip", body, 415), (field, b"", 411),
        ):  # fmt: skip
            with self.subTest(given=given[:80], status=status):
                answer = self.store(given, sent)
                self.assertEqual(answer.status, status, answer)
                self.assertTrue(answer.text.strip())
        self.assertEqual(self.empty.stored(), [])
        self.assertEqual(self.ask("POST", "/studies", field, "Accept: text/html", body=body, archive=self.empty).status, 406)

    def test_without_its_closing_boundary_a_body_is_not_whole_and_says_what_was_stored(self):
        field, body = parts([self.files[0].read_bytes(), self.files[1].read_bytes()])
        answer = self.store(field, body[:-30])
        self.assertEqual(answer.status, 202, answer)
        self.assertEqual(answer.fields["connection"], "close")
        self.assertEqual(len(self.uids(answer, "00081199")), 1)
        self.assertEqual(answer.matches["0008119A"]["Value"][0]["00081197"]["Value"], [0x0110])
        self.assertEqual(len(self.empty.stored()), 1)
        # Where nothing is stored the request has failed.
        self.assertEqual(self.store(*parts([self.files[2].read_bytes()], closing=False)).status, 400)
        self.assertEqual(len(self.empty.stored()), 1)

    def test_in_chunks_and_after_the_word_to_go_on(self):
        field, body = parts([self.files[0].read_bytes()])
        chunks = b"".join(
            f"{len(body[at:at + 1000]):x};x=y\r\n".encode() + body[at : at + 1000] + b"\r\n" for at in range(0, len(body), 1000)
        ) + b"0\r\nTrailer: x\r\n\r\n"  # fmt: skip
        head = f"POST /studies HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{field}\r\n".encode()
        answer = Answer(said(self.empty.http_port, head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks))
        self.assertEqual(answer.status, 200, answer)
        path = self.folder / "body"
        path.write_bytes(body)
        done = run(
            "curl", "-sS", "-v", "--data-binary", f"@{path}", "-H", field, "-H", "Expect: 100-continue", f"{self.empty.url}/studies", expect=0
        )  # fmt: skip
        self.assertIn("HTTP/1.1 100 Continue", done.stderr)
        self.assertIn("00081199", done.stdout)

    def test_who_waits_for_the_word_and_is_refused_has_sent_nothing(self):
        head = b"POST /studies HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n"
        answer = Answer(said(self.empty.http_port, head))
        self.assertEqual((answer.status, answer.fields["connection"]), (415, "close"), answer)

    def test_the_same_instance_twice_and_by_both_doors_is_one_file(self):
        dcmscu("--store", servers.LOOPBACK, self.empty.port, self.files[0], expect=0)
        for _ in range(2):
            self.assertEqual(self.store(*parts([self.files[0].read_bytes()])).status, 200)
        self.assertEqual(len(self.empty.stored()), 1)
        self.assertIn("stored before, and equal", self.empty.log(1 << 20))


class Page(WithWebArchive):
    class Reader(html.parser.HTMLParser):
        def __init__(self, text):
            super().__init__()
            self.tags, self.links, self.texts = [], [], []
            self.feed(text)

        def handle_starttag(self, tag, attributes):
            self.tags.append(tag)
            self.links += [value for name, value in attributes if name == "href"]

        def handle_data(self, data):
            self.texts.append(data)

    def page(self, target="/", archive=None):
        answer = self.ask("GET", target, archive=archive)
        self.assertEqual((answer.status, answer.fields["content-type"]), (200, "text/html; charset=utf-8"), answer)
        self.assertIn("default-src 'none'", answer.fields["content-security-policy"])
        reader = self.Reader(answer.text)
        self.assertNotIn("script", reader.tags)
        return reader

    def test_it_lists_studies_and_the_series_of_each(self):
        page = self.page()
        text = " ".join(page.texts)
        for words in ("3 patients, 3 studies, 6 series, 13 instances", "Muster^Karla", "山田^太郎", "SELFTEST-3", "Übersicht"):
            self.assertIn(words, text)
        study, _ = self.of("CT")
        self.assertIn(f"/?study={study}", page.links)
        series = self.page(f"/?study={study}")
        self.assertEqual(series.tags.count("tr"), 4)
        self.assertEqual(self.ask("GET", "/?study=1.2.3").status, 404)
        for target in ("/?study=../etc", "/?offset=-1", "/?offset=x"):
            self.assertEqual(self.ask("GET", target).status, 400)

    def test_what_data_sets_hold_is_never_markup(self):
        import pydicom

        archive = self.serve(WebArchive())
        entry = pydicom.dcmread(self.of("OT")[1][0])
        entry.PatientName = '<script>alert("1")</script>^\'x\'&amp;'
        entry.StudyDescription = "</td><img src=x onerror=alert(1)>\u202e"
        entry.StudyInstanceUID = '1.2"><b>3'
        path = self.folder / "odd.dcm"
        entry.save_as(path)
        dcmscu("--store", servers.LOOPBACK, archive.port, path, expect=0)
        page = self.page(archive=archive)
        self.assertEqual(set(page.tags) & {"script", "img", "b"}, set())
        self.assertIn('<script>alert("1")</script>', " ".join(page.texts))

    def test_a_browser_shows_it(self):
        shown = run(
            "chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={self.folder / 'browser'}",
            "--dump-dom", f"{self.archive.url}/", timeout=120, expect=0,
        )  # fmt: skip
        self.assertIn("13 instances", shown.stdout)


class OtherClients(WithWebArchive):
    def test_curl(self):
        got = run("curl", "-sS", "--fail", f"{self.archive.url}/studies?PatientID=SELFTEST-1", expect=0)
        self.assertEqual(len(json.loads(got.stdout)), 1)
        study, files = self.of("MR")
        got = run("curl", "-sS", "--fail", "-H", f"Accept: {ALL_SYNTAXES}", f"{self.archive.url}/studies/{study}", expect=0)
        self.assertGreater(len(got.stdout_bytes), sum(path.stat().st_size for path in files))

    def test_dicomweb_client(self):
        """PyPI's dicomweb-client searches, retrieves, asks for metadata and stores."""
        study, files = self.of("MR")
        empty = self.serve(WebArchive())
        script = self.folder / "client.py"
        script.write_text(DICOMWEB_CLIENT)
        done = run(PYTHON, script, self.archive.url, empty.url, study, *files, timeout=120, expect=0)
        told = json.loads(done.stdout.splitlines()[-1])
        self.assertEqual(
            told,
            {
                "studies": 3, "named": 1, "series": 2, "instances": len(files), "metadata": len(files), "page": 1,
                "retrieved": sorted(str(self.entries[path].SOPInstanceUID) for path in files), "one": True,
                "stored": len(files), "equal": True,
            },
            done,
        )  # fmt: skip


DICOMWEB_CLIENT = '''
import json, sys
import pydicom
from dicomweb_client.api import DICOMwebClient

url, empty, study, *files = sys.argv[1:]
client, other = DICOMwebClient(url=url), DICOMwebClient(url=empty)
told = {}
told["studies"] = len(client.search_for_studies())
told["named"] = len(client.search_for_studies(search_filters={"PatientName": "Muster^Karla"}, fields=["StudyDescription"]))
told["page"] = len(client.search_for_studies(limit=1, offset=1))
told["series"] = len(client.search_for_series(study))
instances = client.search_for_instances(study)
told["instances"] = len(instances)
told["metadata"] = len(client.retrieve_study_metadata(study))
any_syntax = (("application/dicom", "*"),)
retrieved = client.retrieve_study(study, media_types=any_syntax)
told["retrieved"] = sorted(str(entry.SOPInstanceUID) for entry in retrieved)
first = instances[0]
one = client.retrieve_instance(
    study, first["0020000E"]["Value"][0] if "0020000E" in first else None, first["00080018"]["Value"][0], media_types=any_syntax
)
told["one"] = str(one.SOPInstanceUID) == first["00080018"]["Value"][0]
sent = [pydicom.dcmread(path) for path in files]
answer = other.store_instances(datasets=sent)
told["stored"] = len(answer.ReferencedSOPSequence)
back = {str(entry.SOPInstanceUID): entry for entry in other.retrieve_study(study, media_types=any_syntax)}
told["equal"] = all(back[str(entry.SOPInstanceUID)].PixelData == entry.PixelData for entry in sent)
print(json.dumps(told))
'''


class Faults(WithWebArchive):
    """Each fault over HTTP, and what our client makes of it."""

    def faulty(self, *faults, holds=True):
        archive = self.serve(WebArchive(options=[f"--inject={fault}" for fault in faults]))
        if holds:
            dcmscu("--store", servers.LOOPBACK, archive.port, *self.files, expect=0)
        return archive

    def test_http_status(self):
        archive = self.faulty("http-status=503")
        self.assert_names(dcmscu("--echo", archive.url, expect=FAILURE), "503")
        self.assertIn("status 503 (injected) (503)", archive.log())
        archive = self.faulty("http-status=503/2", holds=False)
        dcmscu("--store", archive.url, *self.files, "--retries", 3, "--retry-delay", 0, expect=0)
        self.assert_same_files(archive.folder / "archive", self.files)
        # Retrieved study by study: a request that fails is sent again, and what was listed before it stays.
        for every in (3, 5):
            archive = self.faulty(f"http-status=503/{every}")
            folder = self.folder / f"got{every}"
            options = ["-k", "PatientID=SELFTEST-*", "-o", folder, "--retries", 5, "--retry-delay", 0]
            run = dcmscu("--get", archive.url, *options, expect=0)
            self.assert_same_files(folder, self.files)
            self.assertLessEqual(run.stderr.count("trying again in 0.0 s: "), 3, run.stderr)
        self.assert_names(dcmscu("--find", self.faulty("http-status=413").url, expect=FAILURE), "413")

    def test_short_body(self):
        archive = self.faulty("short-body")
        run = dcmscu("--get", archive.url, "-k", "PatientID=SELFTEST-1", "-o", self.folder / "got", expect=(INCOMPLETE, FAILURE))
        self.assertEqual(list((self.folder / "got").rglob("*.dcm")), [], run)
        dcmscu("--find", archive.url, expect=(INCOMPLETE, FAILURE))
        # The last request of a retrieval is that for the instances: where it is cut, it is sent again.
        plain = self.faulty("delay=0")
        keys = ["-k", "PatientID=SELFTEST-1"]
        dcmscu("--get", plain.url, *keys, "-o", self.folder / "plain", expect=0)
        count = len(re.findall(r" GET /studies", plain.log(1 << 20)))
        archive = self.faulty(f"short-body={count}")
        dcmscu("--get", archive.url, *keys, "-o", self.folder / "again", "--retries", 5, "--retry-delay", 0, expect=0)
        self.assert_same_files(self.folder / "again", self.of("CT")[1])
        self.assertIn("cut in the middle of the answer (injected)", archive.log(1 << 20))

    def test_ignore_keys(self):
        archive = self.faulty("ignore-keys")
        run = dcmscu("--find", archive.url, "-k", "PatientID=SELFTEST-1", "--format", "jsonl", expect=None)
        self.assertEqual(len(run.stdout.splitlines()), 1, run)
        self.assertIn("PatientID", run.stderr)
        answer = self.ask("GET", "/studies?NoSuchKeyword=1", archive=archive)
        self.assertEqual((answer.status, len(answer.matches)), (200, 3))

    def test_silent_drop(self):
        archive = self.faulty("silent-drop=5", holds=False)
        run = dcmscu("--store", archive.url, *self.files, expect=INCOMPLETE)
        self.assertLess(len(archive.stored()), len(self.files), run)
        # What the answer does not name is sent once more, alone.
        archive = self.faulty("silent-drop=9", holds=False)
        dcmscu("--store", archive.url, *self.files, "--retries", 5, "--retry-delay", 0, expect=0)
        self.assert_same_files(archive.folder / "archive", self.files)

    def test_no_decode(self):
        archive = self.faulty("no-decode")
        run = dcmscu("--find", archive.url, "-k", "PatientName=Muster^Karla", "--format", "jsonl", expect=0)
        self.assertEqual(len(run.stdout.splitlines()), 1, run)
        self.assertEqual(self.ask("GET", "/studies?limit=%31", archive=archive).status, 400)
        self.assertEqual(self.ask("GET", "/studies?PatientName=Muster%5EKarla", archive=archive).matches, [])

    def test_the_faults_of_both_doors(self):
        archive = self.faulty("store-status=A700/3", holds=False)
        self.assert_names(dcmscu("--store", archive.url, *self.files, expect=INCOMPLETE), "A700")
        self.assertEqual(len(archive.stored()), len(self.files) - len(self.files) // 3)
        archive = self.faulty("retrieve-failure=4")
        study, _ = self.of("CT")
        answer = self.ask("GET", f"/studies/{study}", f"Accept: {ALL_SYNTAXES}", archive=archive)
        self.assertEqual(answer.status, 206, answer)
        self.assertIn("2 of 8 instances", answer.fields["warning"])
        archive = self.faulty("unmatched-key=PatientID")
        self.assertEqual(len(self.ask("GET", "/studies?PatientID=NOBODY", archive=archive).matches), 3)

    def test_wrong_faults_and_ports_are_usage_errors(self):
        for options in (["--inject", "http-status=200"], ["--inject", "no-decode=1"], ["--http-port", "65536"]):
            dcmscu("--serve", self.folder, "--port-scp", servers.free_port(), *options, expect=USAGE)
        run = dcmscu(
            "--serve", self.folder, "--port-scp", servers.free_port(), "--http-port", self.archive.http_port, expect=None
        )
        self.assertNotEqual(run.code, 0)
        self.assert_names(run, f"port {self.archive.http_port}", "--http-port")


class HostileHTTP(WithWebArchive):
    """What a server has to put up with. After each row it still answers."""

    def assert_alive(self, archive=None):
        self.assertEqual(self.ask("GET", "/studies?limit=1", archive=archive).status, 200)

    def peak(self):
        text = open(f"/proc/{self.archive.process.pid}/status").read()
        return int(re.search(r"VmHWM:\s+(\d+) kB", text)[1]) * 1024

    def test_requests_that_are_none(self):
        for name, sent, status in (
            ("both lengths", b"POST /studies HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
            ("two lengths", b"POST /studies HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde", 400),
            ("a length with a sign", b"POST /studies HTTP/1.1\r\nHost: a\r\nContent-Length: +4\r\n\r\nabcd", 400),
            ("a hidden coding", b"POST /studies HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400),
            ("another coding", b"POST /studies HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501),
            ("a line feed alone", b"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400),
            ("a NUL", b"GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n", 400),
            ("no host", b"GET / HTTP/1.1\r\n\r\n", 400),
            ("two hosts", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
            ("a host that is markup", b"GET /studies HTTP/1.1\r\nHost: <b>\r\n\r\n", 400),
            ("a folded field", b"GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n", 400),
            ("another version", b"GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505),
            ("HTTP/2 at once", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
            ("a field of 100 KB", b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"b" * 100_000 + b"\r\n\r\n", 431),
            ("10,000 fields", b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: b\r\n" * 10_000 + b"\r\n", 431),
            ("200 fields", b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: b\r\n" * 200 + b"\r\n", 431),
            ("a URL of 20 KB", b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
            ("a header without an end", b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"b" * (8 << 20), 431),
            ("DICOM", b"\x01\x00\x00\x00\x00\xcd" + b"\0" * 300, 400),
            ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 300, 400),
            ("a boundary of 10 MB", b'POST /studies HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/related; boundary="' + b"b" * (10 << 20), 431),
        ):  # fmt: skip
            with self.subTest(name=name):
                answer = Answer(said(self.archive.http_port, sent))
                self.assertEqual(answer.status, status, answer)
                self.assertTrue(answer.text.strip())
                self.assert_alive()
        self.assertLess(self.peak(), measured.PEAK_MEMORY)

    def test_bodies_that_lie(self):
        field, body = parts([self.files[0].read_bytes()])
        head = f"POST /studies HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{field}\r\n".encode()
        before = len(self.archive.stored())
        for name, sent, status in (
            ("shorter than said", head + b"Content-Length: %d\r\n\r\n" % (len(body) // 2) + body, 400),
            ("chunks that are none", head + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
            ("a chunk with a sign", head + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n", 400),
            ("a chunk of 2^64", head + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 16 + b"\r\n", 400),
            ("a line of chunks without an end", head + b"Transfer-Encoding: chunked\r\n\r\n" + b"1" * 100_000, 400),
            ("a trailer without an end", head + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"A: b\r\n" * 100_000, 400),
            ("a head of a part without an end", head + b"Content-Length: 1000000\r\n\r\n--Boundary\r\nX: " + b"y" * 999_983, 400),
            ("a body nobody wants", b"GET /studies HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 9000000\r\n\r\n" + b"x" * 9_000_000, 200),
        ):  # fmt: skip
            with self.subTest(name=name):
                answer = Answer(said(self.archive.http_port, sent))
                self.assertEqual(answer.status, status, answer)
                self.assert_alive()
        self.assertEqual(len(self.archive.stored()), before)
        self.assertLess(self.peak(), measured.PEAK_MEMORY)

    def test_uids_longer_than_any_can_be_are_not_kept(self):
        before = len(self.archive.stored())
        files = [odd_file(f"1.{number}." + "9" * 60_000, study=f"1.2.{number}") for number in range(200)]
        field, body = parts(files)
        answer = self.ask("POST", "/studies", field, body=body)
        self.assertEqual((answer.status, len(answer.matches["0008119A"]["Value"])), (409, 200))
        self.assertLess(len(answer.body), 20_000)
        self.assertEqual(len(self.archive.stored()), before)
        self.assertLess(self.peak(), measured.PEAK_MEMORY)

    def test_a_transfer_syntax_cannot_end_a_header(self):
        archive = self.serve(WebArchive())
        for number, evil in enumerate((
            "1.2.3\r\nX-Evil: 1", "1.2.3\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nX-Evil: 1\r\n\r\n", "1.2\nX-Evil: 1",
        )):  # fmt: skip
            with self.subTest(evil=evil):
                field, body = parts([odd_file(f"1.2.9.{number}", f"1.2.8.{number}", f"1.2.7.{number}", evil)])
                stored = self.ask("POST", "/studies", field, body=body, archive=archive)
                self.assertEqual(stored.status, 200, stored)
                study = f"/studies/1.2.8.{number}"
                single = f"{study}/series/1.2.7.{number}/instances/1.2.9.{number}"
                for method, target, accept in (
                    ("GET", single, "application/dicom; transfer-syntax=*"), ("HEAD", single, "application/dicom; transfer-syntax=*"),
                    ("GET", study, ALL_SYNTAXES),
                ):  # fmt: skip
                    answer = self.ask(method, target, f"Accept: {accept}", archive=archive)
                    self.assertEqual((answer.status, answer.rest), (200, b""), answer)
                    self.assertNotIn("x-evil", answer.fields)
                    self.assertNotIn("evil", str(answer.fields).lower())
                    head, _, _ = answer.body.partition(b"DICM")
                    self.assertNotIn(b"X-Evil", head)
                self.assert_alive(archive)

    def test_a_connection_that_ends_says_so(self):
        for length in (b"Content-Length: 9000000\r\n", b"Transfer-Encoding: chunked\r\n"):
            sent = b"GET /studies HTTP/1.1\r\nHost: a\r\n" + length + b"\r\n"
            answer = Answer(said(self.archive.http_port, sent))
            self.assertEqual((answer.status, answer.fields.get("connection")), (200, "close"), answer)
        kept = b"GET /studies HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
        answer = Answer(said(self.archive.http_port, kept + request("GET", "/studies")))
        self.assertNotIn("connection", answer.fields)
        self.assertEqual(Answer(answer.rest).status, 200)

    def test_a_page_beyond_all_numbers(self):
        for target in ("/?offset=9223372036854775807", "/?offset=9223372036854775808", "/?offset=" + "9" * 5000):
            self.assertEqual(self.ask("GET", target).status, 400)
            self.assert_alive()
        self.assertEqual(self.search("/studies?offset=9223372036854775807"), [])

    def test_more_parts_than_a_request_may_have(self):
        body = b"--B\r\n\r\nx\r\n" * 10_001 + b"--B--\r\n"
        answer = self.ask("POST", "/studies", 'Content-Type: multipart/related; type="application/dicom"; boundary=B', body=body)
        self.assertEqual(answer.status, 413, answer)
        self.assertLess(self.peak(), measured.PEAK_MEMORY)

    def test_a_client_that_goes_away_in_a_store_leaves_nothing(self):
        field, body = parts([self.files[0].read_bytes() + b"\0" * 200_000])
        head = f"POST /studies HTTP/1.1\r\nHost: a\r\n{field}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        archive = self.serve(WebArchive())
        with socket.create_connection((servers.LOOPBACK, archive.http_port), timeout=LIMIT) as connection:
            connection.sendall(head + body[: len(body) - 1000])
        limit = time.monotonic() + LIMIT
        while "cut off, not stored" not in archive.log(1 << 20) and time.monotonic() < limit:
            time.sleep(0.05)
        self.assertIn("cut off, not stored", archive.log(1 << 20))
        self.assertEqual(list((archive.folder / "archive").iterdir()), [])
        self.assert_alive(archive)

    def test_slow_headers_and_silent_connections_keep_nobody_out(self):
        slow = []
        try:
            for number in range(300):
                connection = socket.create_connection((servers.LOOPBACK, self.archive.http_port), timeout=LIMIT)
                slow.append(connection)
                if number % 2:
                    connection.sendall(b"GET /studies HTTP/1.1\r\nHost:")
            for _ in range(3):
                for connection in slow[-150:]:
                    try:
                        connection.sendall(b"x")
                    except OSError:
                        pass  # Closed, as there are too many.
                self.assert_alive()
        finally:
            for connection in slow:
                connection.close()

    def test_clients_that_keep_their_connections_keep_nobody_out(self):
        kept = []
        try:
            for _ in range(100):
                connection = socket.create_connection((servers.LOOPBACK, self.archive.http_port), timeout=LIMIT)
                kept.append(connection)
                connection.sendall(b"GET /studies?limit=1 HTTP/1.1\r\nHost: a\r\n\r\n")
                self.assertTrue(connection.recv(10).startswith(b"HTTP/1.1 "))
            self.assert_alive()
        finally:
            for connection in kept:
                connection.close()

    def test_silence_in_a_body_costs_the_limit(self):
        archive = self.serve(WebArchive(options=["--timeout", "2"]))
        field, _ = parts([])
        head = f"POST /studies HTTP/1.1\r\nHost: a\r\n{field}\r\nContent-Length: 1000\r\n\r\n--Boundary\r\n".encode()
        started = time.monotonic()
        self.assertEqual(said(archive.http_port, head), b"")
        self.assertLess(time.monotonic() - started, LIMIT / 2)
        self.assertIn("time limit passed", archive.log())

    def test_a_client_that_reads_nothing_costs_the_limit_and_no_memory(self):
        archive = self.serve(WebArchive(options=["--timeout", "2"]))
        dcmscu("--store", archive.url, *self.files, expect=0)
        with socket.create_connection((servers.LOOPBACK, archive.http_port), timeout=LIMIT) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            for _ in range(400):
                try:
                    connection.sendall(b"GET /instances?includefield=all HTTP/1.1\r\nHost: a\r\n\r\n")
                except OSError:
                    break
            limit = time.monotonic() + LIMIT
            while "time limit passed" not in archive.log(1 << 20) and time.monotonic() < limit:
                time.sleep(0.05)
        self.assertIn("time limit passed", archive.log(1 << 20))
        self.assert_alive(archive)

    def test_slow_tls_handshakes_keep_nobody_out(self):
        authority = certificates.Authority(self.folder / "authority")
        server, key = authority.issue("server")
        archive = self.serve(WebArchive(options=[
            "--tls", "--tls-client-cert", "none", "--tls-cert", server, "--tls-key", key,
        ]))  # fmt: skip
        context = ssl.create_default_context(cafile=str(authority.certificate))
        silent = [socket.create_connection((servers.LOOPBACK, archive.http_port), timeout=LIMIT) for _ in range(100)]
        try:
            for target in ("/studies", "/"):
                answer = Answer(said(archive.http_port, request("GET", target), secured=context))
                self.assertEqual(answer.status, 200)
            # In pieces of a byte.
            slow = [bytes([byte]) for byte in request("GET", "/studies")]
            self.assertEqual(Answer(said(archive.http_port, *slow, secured=context)).status, 200)
            self.assertEqual(said(archive.http_port, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")[:4].find(b"HTTP"), -1)
        finally:
            for connection in silent:
                connection.close()


