"""DICOMweb: the rows of `Tests/DICOMWEB.md` that the other tests of the web do not hold, at scripted peers."""

import json
import pathlib
import re
import threading
import time

from harness import cases, images, programs, servers, webpeer
from harness.programs import dcmscu
from harness.webpeer import WebPeer, answer, multipart, study
from test_web_transfer import STUDY, Archive, Stored, instance_of, made, parts_of, tag, uid

INCOMPLETE, USAGE, UNREACHABLE, ASSOCIATION, NOT_OFFERED, FAILURE, TIME_LIMIT = 1, 2, 4, 5, 6, 7, 8

# Status -> exit code of a run in which nothing else was done.
STATUSES = {
    304: ASSOCIATION, 400: FAILURE, 401: ASSOCIATION, 402: FAILURE, 403: ASSOCIATION, 404: FAILURE, 405: NOT_OFFERED,
    406: NOT_OFFERED, 407: FAILURE, 408: FAILURE, 409: FAILURE, 410: INCOMPLETE, 411: FAILURE, 412: FAILURE, 413: FAILURE, 414: FAILURE,
    415: NOT_OFFERED, 422: FAILURE, 429: FAILURE, 431: FAILURE, 500: FAILURE, 501: NOT_OFFERED, 502: FAILURE, 503: FAILURE,
    504: FAILURE, 505: FAILURE, 507: FAILURE, 599: FAILURE,
}  # fmt: skip
RETRIED = {408, 429, 500, 502, 503, 504, 507, 599}


def is_retrieval(request):
    return request.headers["accept"].startswith(("multipart", "application/dicom;"))


class StatusRows(cases.RealServerTest):
    def test_each_status_of_a_query_is_its_exit_code_and_tried_again_where_it_may_pass(self):
        retries = ["--retries", 1, "--retry-delay", 0.02]
        for status, code in STATUSES.items():
            with self.subTest(status), WebPeer(lambda _, status=status: answer(status)) as peer:
                run = dcmscu("--find", peer.url, *retries)
                self.assertEqual(run.code, code, run)
                self.assert_names(run, f"status {status}")
                # Pages of 1000 matches, and of 100, where the list is too large.
                wanted = 2 if status in RETRIED else 3 if status == 413 else 1
                self.assertEqual(len(peer.requests), wanted, run)

    def test_each_status_of_an_echo_is_its_exit_code(self):
        for status, code in STATUSES.items():
            with self.subTest(status), WebPeer(lambda _, status=status: answer(status)) as peer:
                self.assertEqual(dcmscu("--echo", peer.url).code, code)

    def test_each_status_of_a_store_is_its_exit_code(self):
        path = made(self.folder / "0.dcm", 0)
        # Nothing is stored, whatever is not modified or gone.
        for status, code in {**STATUSES, 304: FAILURE, 410: FAILURE}.items():
            with self.subTest(status), WebPeer(lambda _, status=status: answer(status)) as peer:
                run = dcmscu("--store", peer.url, path)
                self.assertEqual(run.code, code, run)
                self.assert_names(run, f"status {status}")

    def test_each_status_of_a_retrieval_is_its_exit_code(self):
        archive = Archive({uid(0): made(self.folder / "0.dcm", 0).read_bytes()})
        for status, code in STATUSES.items():
            act = lambda request, status=status: answer(status) if is_retrieval(request) else archive(request)
            with self.subTest(status), WebPeer(act) as peer:
                run = dcmscu("--get", peer.url, "-k", f"StudyInstanceUID={STUDY}", "-o", self.folder / "got")
                # What is listed and does not come is missing, whatever else is said.
                self.assertIn(run.code, (code, INCOMPLETE) if code == FAILURE else (code,), run)
                self.assert_names(run, f"status {status}")
                self.assertFalse((self.folder / "got").exists() and list((self.folder / "got").rglob("*.dcm")))

    def test_tries_that_are_used_up_end_with_the_status(self):
        for status in (408, 429, 502, 503, 504):
            with WebPeer(lambda _, status=status: answer(status, headers=[("Retry-After", "0")])) as peer:
                dcmscu("--find", peer.url, "--retries", 3, "--retry-delay", 60, expect=FAILURE)
                self.assertEqual(len(peer.requests), 4)

    def test_a_date_of_retry_after_that_is_past_is_now(self):
        left = [answer(503, headers=[("Retry-After", "Sun, 06 Nov 1994 08:49:37 GMT")])]
        with WebPeer(lambda _: left.pop() if left else answer(body=[])) as peer:
            dcmscu("--find", peer.url, "--retries", 1, "--retry-delay", "1h", timeout=60, expect=0)

    def test_a_busy_server_is_asked_for_instances_again_when_it_says(self):
        archive = Archive({uid(0): made(self.folder / "0.dcm", 0).read_bytes()})
        left = [answer(503, headers=[("Retry-After", "1")])]
        act = lambda request: left.pop() if left and is_retrieval(request) else archive(request)
        with WebPeer(act) as peer:
            run = dcmscu(
                "--get", peer.url, "-k", f"StudyInstanceUID={STUDY}", "-o", self.folder / "got", "--retries", 1, "--retry-delay", "1h",
                timeout=60, expect=0,
            )  # fmt: skip
            self.assert_names(run, "again in 1")
            self.assertEqual(len(list((self.folder / "got").rglob("*.dcm"))), 1)

    def test_the_words_of_an_error_are_one_line_of_200_characters_without_patient_data(self):
        with WebPeer(lambda _: answer(500, {"Details": "no room for Becker"})) as peer:
            run = dcmscu("--find", peer.url, "-k", "PatientName=Becker^Anna", expect=FAILURE)
            self.assert_names(run, "no room for")
            self.assertNotIn("Becker", run.stderr)
        for body in ({"Details": "no room " + "x" * 500}, b"no room " + b"x" * 500 + b"\nsecond"):
            with WebPeer(lambda _, body=body: answer(500, body)) as peer:
                run = dcmscu("--find", peer.url, expect=FAILURE)
                self.assert_names(run, "no room")
                self.assertNotIn("x" * 201, run.stderr)
                self.assertNotIn("second", run.stderr)


class RedirectRows(cases.RealServerTest):
    def test_a_get_follows_each_kind_of_redirect(self):
        for status in (301, 302, 303, 307, 308):
            def act(request, status=status):
                if "/moved" in request.path:
                    return answer(body=[] if request.value("offset") else [study("1.2")])
                return answer(status, headers=[("Location", f"/moved/studies?{request.query}")])

            with self.subTest(status), WebPeer(act) as peer:
                self.assertEqual(dcmscu("--find", peer.url, "--format", "count", expect=0).stdout.strip(), "1")

    def test_instances_are_followed_to_another_archive_without_credentials(self):
        archive = Archive({uid(0): made(self.folder / "0.dcm", 0).read_bytes()})
        with WebPeer(archive) as other:
            def act(request):
                return answer(302, headers=[("Location", f"{other.url}/studies/{STUDY}")]) if is_retrieval(request) else archive(request)

            with WebPeer(act) as peer:
                dcmscu(
                    "--get", peer.url, "-k", f"StudyInstanceUID={STUDY}", "-o", self.folder / "got", "--jwt", "env:T",
                    environment={"T": "s3cret"}, expect=0,
                )  # fmt: skip
                self.assertNotIn("authorization", other.requests[0].headers)
                self.assertEqual(len(list((self.folder / "got").rglob("*.dcm"))), 1)

    def test_a_post_is_sent_again_whole_to_where_308_leads_and_no_further_than_five(self):
        path = made(self.folder / "0.dcm", 0)
        server = Stored()
        with WebPeer(server) as target:
            with WebPeer(lambda _: answer(308, headers=[("Location", f"{target.url}/studies")])) as peer:
                dcmscu("--store", peer.url, path, expect=0)
                self.assertEqual(list(server.stored.values()), [path.read_bytes()])
        with WebPeer(lambda request: answer(307, headers=[("Location", request.target)])) as peer:
            self.assert_names(dcmscu("--store", peer.url, path, expect=ASSOCIATION), "moved more than 5 times")
            self.assertEqual(len(peer.requests), 6)


class SearchingRows(cases.RealServerTest):
    def test_a_part_of_a_list_is_asked_on(self):
        def act(request):
            start = int(request.value("offset") or 0)
            found = [study(f"1.{number}") for number in range(start + 1, min(start + 10, 25) + 1)]
            return answer(206 if found else 204, found, kind="application/dicom+json" if found else None)

        with WebPeer(act) as peer:
            self.assertEqual(dcmscu("--find", peer.url, "--format", "count", expect=0).stdout.strip(), "25")

    def test_text_is_utf_8_whatever_the_character_set_of_the_source(self):
        one = study("1.2", _00100010="王^小東")
        for terms in (["ISO_IR 100"], ["ISO 2022 IR 13", "ISO 2022 IR 87"], ["no such set"]):
            one["00080005"] = {"vr": "CS", "Value": terms}
            with WebPeer(lambda request, one=one: answer(body=[] if request.value("offset") else [one])) as peer:
                run = dcmscu("--find", peer.url, "--return", "PatientName", "--format", "jsonl", expect=0)
                self.assertEqual(json.loads(run.stdout)["00100010"]["Value"][0]["Alphabetic"], "王^小東")

    def test_what_is_left_out_of_a_match_is_empty_and_no_failure(self):
        with WebPeer(lambda request: answer(body=[] if request.value("offset") else [{"0020000D": tag("1.2")}])) as peer:
            run = dcmscu("--find", peer.url, "--columns", "StudyInstanceUID,AccessionNumber,StudyDate", "--format", "csv", expect=0)
            self.assertEqual(run.stdout.splitlines()[1].strip(), "1.2,,")

    def test_the_forms_that_json_may_have(self):
        one = {
            "0020000d": tag("1.2"), "00080061": {"vr": "CS", "Value": ["CT", None, "MR"]}, "00201206": {"vr": "IS", "Value": ["3"]},
            "00201208": {"vr": "IS", "Value": [7]}, "00080020": {"vr": "DA"}, "00081110": {"vr": "SQ", "Value": [{}]},
            "00100010": {"vr": "PN", "Value": [{"Alphabetic": "A^B", "Ideographic": "王"}]}, "00080090": {"vr": "PN", "Value": [None]},
        }  # fmt: skip
        with WebPeer(lambda request: answer(body=[] if request.value("offset") else [one])) as peer:
            run = dcmscu(
                "--find", peer.url, "--return", "ModalitiesInStudy,NumberOfStudyRelatedSeries,NumberOfStudyRelatedInstances,PatientName",
                "--format", "jsonl", expect=0,
            )  # fmt: skip
            found = json.loads(run.stdout)
            self.assertEqual(found["0020000D"]["Value"], ["1.2"])
            self.assertEqual([str(found[key]["Value"][0]) for key in ("00201206", "00201208")], ["3", "7"])
            self.assertEqual(found["00100010"]["Value"][0]["Ideographic"], "王")

    def test_urls_that_the_server_names_are_not_asked(self):
        def never(_request):
            return answer(500)

        data = made(self.folder / "0.dcm", 0).read_bytes()
        archive = Archive({uid(0): data})
        with WebPeer(never) as other:
            def act(request):
                said = archive(request)
                if is_retrieval(request):
                    return said
                body = json.loads(said.partition(b"\r\n\r\n")[2])
                for one in body:
                    one["00081190"] = {"vr": "UR", "Value": [f"{other.url}/studies/{STUDY}"]}
                    one["00420011"] = {"vr": "OB", "BulkDataURI": f"{other.url}/bulk"}
                return answer(body=body)

            with WebPeer(act) as peer:
                dcmscu("--get", peer.url, "-k", f"StudyInstanceUID={STUDY}", "-o", self.folder / "got", expect=0)
                dcmscu("--find", peer.url, "--image", "-k", f"StudyInstanceUID={STUDY}", expect=0)
                self.assertEqual(other.connections, 0)

    def test_names_are_matched_whatever_their_case_and_numbers_are_not(self):
        found = [study("1.2", _00100010="DOE^JOHN"), study("1.3", _00100010="Roe^Jane")]
        with WebPeer(lambda request: answer(body=[] if request.value("offset") else found)) as peer:
            run = dcmscu("--find", peer.url, "-k", "PatientName=doe^john", "--format", "count")
            self.assertEqual(run.stdout.strip(), "1")

    def test_xml_and_parts_are_no_lists(self):
        for kind in ("application/dicom+xml", "multipart/related; type=\"application/dicom+xml\"; boundary=B", "text/html; charset=utf-8"):
            with WebPeer(lambda _, kind=kind: answer(body=b"<x/>", kind=kind)) as peer:
                self.assert_names(dcmscu("--find", peer.url, expect=ASSOCIATION), kind.partition(";")[0])

    def test_no_match_is_204_at_an_echo_too(self):
        with WebPeer(lambda _: answer(204, kind=None)) as peer:
            dcmscu("--echo", peer.url, expect=0)
            (request,) = peer.requests
            self.assertEqual((request.method, request.target), ("GET", "/dicom-web/studies?limit=1"))


class RetrievingRows(cases.RealServerTest):
    def setUp(self):
        super().setUp()
        (self.folder / "files").mkdir()
        self.files = {uid(number): made(self.folder / "files" / f"{number}.dcm", number).read_bytes() for number in range(3)}

    def ours(self):
        return {bytes(images.data_set_bytes(path)) for path in (self.folder / "files").iterdir()}

    def get(self, act, expect=0, options=()):
        out = self.folder / f"got{time.monotonic_ns()}"
        with WebPeer(act, raw=True) as peer:
            run = dcmscu("--get", peer.url, "-k", f"StudyInstanceUID={STUDY}", "-o", out, *options, expect=expect)
        return run, {bytes(images.data_set_bytes(path)) for path in out.rglob("*.dcm")}

    def test_parts_in_every_form_that_is_legal(self):
        archive = Archive(self.files)
        parts = list(self.files.values())

        def body(boundary, head, before=b"", after=b"", space=b""):
            text = before
            for part in parts:
                text += b"--" + boundary + space + b"\r\n" + head + b"\r\n" + part + b"\r\n"
            return text + b"--" + boundary + b"--" + after

        usual = b"Content-Type: application/dicom\r\n"
        long = b"b" * 200
        forms = {
            "no header": ("boundary=B", body(b"B", b"")),
            "lying length": ("boundary=B", body(b"B", usual + b"Content-Length: 3\r\nMIME-Version: 1.0\r\n")),
            "syntax in the header": ("boundary=B", body(b"B", b"Content-Type: application/dicom;transfer-syntax=1.2.840.10008.1.2.4.90\r\n")),
            "location": ("boundary=B", body(b"B", b"content-location: http://elsewhere/\r\n" + usual)),
            "preamble and epilogue": ("boundary=B", body(b"B", usual, b"This is\r\n--Boundary\r\na preamble\r\n", b"\r\nepilogue--B", b" \t")),
            "first parameter": ('boundary="B"; type="application/dicom"', body(b"B", usual)),
            "type with a syntax": ('type="application/dicom; transfer-syntax=1.2.840.10008.1.2.1"; boundary=B', body(b"B", usual)),
            "long": (f"boundary={long.decode()}", body(long, usual)),
        }
        for name, (parameters, data) in forms.items():
            for how in ("length", "chunks", "close"):
                def act(request, connection, parameters=parameters, data=data, how=how):
                    if not is_retrieval(request):
                        return connection.sendall(archive(request))
                    fields = [f"Content-Type: multipart/related; {parameters}"]
                    if how == "length":
                        return connection.sendall(webpeer.head(200, *fields, f"Content-Length: {len(data)}") + data)
                    if how == "close":
                        return connection.sendall(webpeer.head(200, *fields, "Connection: close") + data)
                    connection.sendall(webpeer.head(200, *fields, "Transfer-Encoding: chunked"))
                    for start in range(0, len(data), 777):
                        piece = data[start : start + 777]
                        connection.sendall(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
                    connection.sendall(b"0\r\n\r\n")

                with self.subTest(name, how=how):
                    run, got = self.get(act)
                    self.assertEqual(got, self.ours(), run)

    def test_the_transfer_syntax_is_that_of_the_file(self):
        archive = Archive(self.files)

        def act(request, connection):
            if not is_retrieval(request):
                return connection.sendall(archive(request))
            kind, body = multipart(list(self.files.values()), kind="application/dicom; transfer-syntax=1.2.840.10008.1.2")
            connection.sendall(answer(body=body, kind=kind))

        out = self.folder / "got"
        with WebPeer(act, raw=True) as peer:
            dcmscu("--get", peer.url, "-k", f"StudyInstanceUID={STUDY}", "-o", out, expect=0)
        for path in out.rglob("*.dcm"):
            self.assertEqual(images.read(path).file_meta.TransferSyntaxUID, "1.2.840.10008.1.2.1")

    def test_a_preamble_of_zeros_changes_nothing(self):
        archive = Archive({name: bytes(128) + data[128:] for name, data in self.files.items()})
        _, got = self.get(lambda request, connection: connection.sendall(archive(request)))
        self.assertEqual(got, self.ours())

    def test_a_refusal_of_many_types_is_met_with_one_for_single_instances(self):
        archive = Archive(self.files)
        for status in (400, 406):
            def act(request, connection, status=status):
                if request.headers["accept"].startswith("multipart"):
                    return connection.sendall(answer(status, {"Details": "Unsupported transfer syntax"}))
                if is_retrieval(request):
                    data = self.files[request.path.rsplit("/", 1)[1]]
                    return connection.sendall(answer(body=data, kind="application/dicom"))
                connection.sendall(archive(request))

            run, got = self.get(act)
            self.assertEqual(got, self.ours(), run)

    def test_neither_ranges_nor_heads_are_asked_for(self):
        archive, seen = Archive(self.files, listed=[*self.files, "1.2.3.999"]), []

        def act(request, connection):
            seen.append(request)
            connection.sendall(archive(request))

        self.get(act, expect=INCOMPLETE)
        self.assertEqual({request.method for request in seen}, {"GET"})
        self.assertFalse([request for request in seen if "range" in request.headers or "/metadata" in request.path])


class StoringRows(cases.RealServerTest):
    def test_many_go_together_and_a_large_one_alone(self):
        import pydicom

        paths = []
        for number, size in enumerate((100, 6 << 20, 6 << 20, 100, 12 << 20, 100, 100)):
            path = made(self.folder / f"{number}.dcm", number)
            data = pydicom.dcmread(path)
            data.add_new(0x00420011, "OB", bytes(size))
            data.save_as(path)
            paths.append(path)
        server = Stored()
        with WebPeer(server) as peer:
            dcmscu("--store", peer.url, *paths, expect=0)
            lengths = [int(request.headers["content-length"]) for request in peer.requests]
            self.assertEqual([len(parts_of(request)) for request in peer.requests], [2, 2, 1, 2])
            self.assertEqual(sum(length > 11 << 20 for length in lengths), 1)

    def test_an_answer_in_an_array_of_one_is_read(self):
        server = Stored(failed={uid(1): 0xC122})
        paths = [made(self.folder / f"{number}.dcm", number) for number in range(2)]

        def act(request):
            said = server(request)
            return said if request.method == "GET" else answer(202, [json.loads(said.partition(b"\r\n\r\n")[2])])

        with WebPeer(act) as peer:
            run = dcmscu("--store", peer.url, *paths, "--format", "jsonl", expect=INCOMPLETE)
            events = [json.loads(line) for line in run.stdout.splitlines()]
            self.assertEqual([event.get("outcome") for event in events[:2]], ["done", "failed"])
            self.assertIn("C122", events[1]["status"])

    def test_parts_without_uids_and_sequences_without_items_are_no_failures_of_others(self):
        path = made(self.folder / "0.dcm", 0)
        item = {"00081150": tag("1.2.840.10008.5.1.4.1.1.7"), "00081155": tag(uid(0))}
        body = {
            "00081198": {"vr": "SQ"}, "00081199": {"vr": "SQ", "Value": [item]},
            "0008119A": {"vr": "SQ", "Value": [{"00081197": {"vr": "US", "Value": [272]}}]},
        }  # fmt: skip
        with WebPeer(lambda _: answer(202, body)) as peer:
            dcmscu("--store", peer.url, path, expect=0)

    def test_failures_that_servers_have_of_their_own(self):
        # A duplicate and a wrong study as Azure and Orthanc answer them.
        path = made(self.folder / "0.dcm", 0)
        for reason in (45070, 43265, 272, 290):
            for status in (202, 409):
                with WebPeer(Stored(failed={uid(0): reason}, status=status)) as peer:
                    run = dcmscu("--store", peer.url, path, "--format", "jsonl", expect=FAILURE)
                    self.assertEqual(json.loads(run.stdout.splitlines()[0])["outcome"], "failed")

    def test_an_instance_in_both_sequences_has_failed(self):
        path = made(self.folder / "0.dcm", 0)
        item = {"00081150": tag("1.2.840.10008.5.1.4.1.1.7"), "00081155": tag(uid(0))}
        failed = {**item, "00081197": {"vr": "US", "Value": [0xA700]}}
        body = {"00081198": {"vr": "SQ", "Value": [failed]}, "00081199": {"vr": "SQ", "Value": [item]}}
        with WebPeer(lambda _: answer(200, body)) as peer:
            self.assert_names(dcmscu("--store", peer.url, path, expect=FAILURE), "A700")

    def test_errors_of_a_server_cut_the_request_down_to_the_instance(self):
        paths = [made(self.folder / f"{number}.dcm", number) for number in range(8)]
        for status in (400, 413, 500, 507):
            server = Stored()

            def act(request, status=status, server=server):
                if request.method == "POST" and any(instance_of(part) == uid(5) for part in parts_of(request)):
                    return answer(status, b"<html></html>", kind="text/html")
                return server(request)

            with self.subTest(status), WebPeer(act) as peer:
                run = dcmscu("--store", peer.url, *paths, expect=INCOMPLETE)
                self.assertEqual(set(server.stored), {uid(number) for number in range(8)} - {uid(5)})
                self.assert_names(run, "5.dcm", f"status {status}")

    def test_early_answers_are_read_whatever_their_status(self):
        import pydicom

        path = made(self.folder / "0.dcm", 0)
        data = pydicom.dcmread(path)
        data.add_new(0x00420011, "OB", bytes(30 << 20))
        data.save_as(path)
        for status, code in ((401, ASSOCIATION), (403, ASSOCIATION), (413, FAILURE), (415, NOT_OFFERED), (503, FAILURE)):
            with self.subTest(status), EarlyPeer(status) as peer:
                run = dcmscu("--store", f"http://127.0.0.1:{peer.port}/dicom-web", path, expect=code)
                self.assert_names(run, f"status {status}")


class EarlyPeer:
    """Answers when it has the head of a request, and reads a little of the body at most."""

    def __init__(self, status):
        self.status = status

    def __enter__(self):
        import socket

        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.socket.close()

    def serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with connection:
                try:
                    webpeer.read_head(connection)
                    connection.sendall(answer(self.status, {"Details": "said early"}, headers=[("Connection", "close")]))
                    webpeer.close(connection)
                except (OSError, webpeer.Closed):
                    pass


class ConnectionRows(cases.RealServerTest):
    def test_a_kept_connection_that_has_died_costs_no_instance(self):
        server = Stored()
        paths = [made(self.folder / f"{number}.dcm", number) for number in range(25)]

        def answer_one(request, connection):
            connection.sendall(server(request))
            # The next one is taken whole, and lost.
            webpeer.read_request(connection)

        with WebPeer(answer_one, raw=True) as peer:
            run = dcmscu("--store", peer.url, *paths, expect=0)
            self.assertEqual(len(server.stored), 25)
            self.assert_names(run, "25 stored")
            self.assertGreaterEqual(peer.connections, 3)

    def test_a_request_that_is_lost_again_is_a_failure(self):
        left = [answer(body=[study("1.2")])]

        # The second request comes on the connection of the first, and is lost with it; so is the third.
        with WebPeer(lambda _: left.pop() if left else None) as peer:
            run = dcmscu("--find", peer.url, expect=UNREACHABLE)
            self.assert_names(run, "connection lost")
            self.assertEqual((len(peer.requests), peer.connections), (3, 2))

    def test_a_whole_exchange_may_last_longer_than_the_limit_of_silence(self):
        archive = Archive({uid(0): made(self.folder / "0.dcm", 0).read_bytes()})

        def act(request, connection):
            said = archive(request)
            if not is_retrieval(request):
                return connection.sendall(said)
            for start in range(0, len(said), len(said) // 5):
                connection.sendall(said[start : start + len(said) // 5])
                peer.hold(0.7)

        with WebPeer(act, raw=True) as peer:
            dcmscu("--get", peer.url, "-k", f"StudyInstanceUID={STUDY}", "-o", self.folder / "got", "--timeout", 2, expect=0)

    def test_an_interim_answer_is_passed_over(self):
        def act(request, connection):
            said = answer(body=[] if request.value("offset") else [study("1.2")])
            connection.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + said)

        with WebPeer(act, raw=True) as peer:
            self.assertEqual(dcmscu("--find", peer.url, "--format", "count", expect=0).stdout.strip(), "1")

    def test_an_answer_of_http_1_0_until_the_end_of_the_connection(self):
        def act(request, connection):
            body = b"[]" if request.value("offset") else json.dumps([study("1.2")]).encode()
            connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: application/dicom+json\r\n\r\n" + body)

        with WebPeer(act, raw=True) as peer:
            self.assertEqual(dcmscu("--find", peer.url, "--format", "count", expect=0).stdout.strip(), "1")


class TableOfTheContract(cases.RealServerTest):
    def test_every_test_that_dicomweb_md_names_is_there(self):
        tests = programs.REPOSITORY / "Tests"
        everything = "\n".join(path.read_text() for path in tests.rglob("*") if path.suffix in (".py", ".swift"))
        table = [line for line in (tests / "DICOMWEB.md").read_text().splitlines() if line.startswith("| ")]
        self.assertGreater(len(table), 60)
        for line in table:
            if set(line) <= set("|- ") or line.startswith("| Rule"):
                continue
            named = re.findall(r"`([^`]+)`", line.split("|")[2])
            self.assertGreater(len(named), 0, line)
            for test in named:
                with self.subTest(test):
                    # Of Python, or of Swift.
                    self.assertIn(f"def {test}(self" if test.startswith("test_") else f"func `{test}`", everything)
