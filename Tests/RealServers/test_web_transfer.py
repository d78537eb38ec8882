"""DICOMweb: retrieval and storage over HTTP, at Orthanc with its plugin and at scripted peers that play the rows of the contract."""

import json
import re
import threading

from harness import cases, certificates, generated, images, servers, webpeer
from harness.programs import dcmscu
from harness.webpeer import WebPeer, answer, multipart

INCOMPLETE, USAGE, UNREACHABLE, ASSOCIATION, NOT_OFFERED, FAILURE, TIME = 1, 2, 4, 5, 6, 7, 8
STUDY, SERIES = "1.2.3", "1.2.3.4"
ALL_SYNTAXES = 'multipart/related; type="application/dicom"; transfer-syntax=*'


def tag(value, vr="UI"):
    return {"vr": vr, "Value": [value]}


class Archive:
    """A web archive of one study with one series in a script: lists, parts, and what goes wrong."""

    def __init__(self, files, listed=None, counted=None, page=None):
        """counted: the instances of the series as it counts them; page: so many of them are in an answer."""
        self.counted, self.page = counted, page
        self.files = files
        self.listed = list(files) if listed is None else listed

    def __call__(self, request):
        path = request.path.removeprefix("/dicom-web")
        if request.headers["accept"].startswith("multipart") or request.headers["accept"].startswith("application/dicom;"):
            return self.retrieve(request, path)
        if path.endswith("/instances"):
            start = int(request.value("offset") or 0)
            return answer(body=[
                {"00080016": tag("1.2.840.10008.5.1.4.1.1.7"), "00080018": tag(uid), "0020000D": tag(STUDY), "0020000E": tag(SERIES)}
                for uid in self.listed[start:][: self.page]
            ])  # fmt: skip
        if request.value("offset"):
            return answer(body=[])
        if path.endswith("/series"):
            count = {"00201209": tag(self.counted, "IS")} if self.counted else {}
            return answer(body=[{"0020000D": tag(STUDY), "0020000E": tag(SERIES), **count}] if self.listed else [])
        return answer(body=[{"0020000D": tag(STUDY), "00100020": tag("P1", "LO")}])

    def retrieve(self, request, path):
        wanted = [path.rsplit("/", 1)[1]] if "/instances/" in path else list(self.files)
        found = [self.files[uid] for uid in wanted if uid in self.files]
        if not found:
            return answer(404, {"Details": "nothing there"})
        kind, body = multipart(found)
        return answer(body=body, kind=kind)


class Retrieval(cases.RealServerTest):
    def setUp(self):
        super().setUp()
        (self.folder / "files").mkdir()
        self.files = {}
        for number in range(4):
            path = made(self.folder / "files" / f"{number}.dcm", number)
            self.files[uid(number)] = path.read_bytes()

    def get(self, peer, *options, expect=0, keys=("-k", f"StudyInstanceUID={STUDY}")):
        return dcmscu("--get", peer.url, *keys, "-o", self.folder / "got", *options, expect=expect)

    def got(self):
        return sorted(path for path in (self.folder / "got").rglob("*") if path.is_file())

    def assert_whole(self, count=4):
        """Each file has the data set of one that is on the server, and there are no others."""
        found = {bytes(images.data_set_bytes(path)) for path in self.got()}
        ours = {bytes(images.data_set_bytes(path)) for path in (self.folder / "files").iterdir()}
        self.assertEqual(len(found), count)
        self.assertLessEqual(found, ours)
        self.assertEqual(len(self.got()), count)

    def test_a_study_is_listed_and_then_asked_for_in_one_request(self):
        with WebPeer(Archive(self.files)) as peer:
            self.get(peer)
            self.assert_whole()
            retrieved = [request for request in peer.requests if request.headers["accept"].startswith("multipart")]
            self.assertEqual([request.target for request in retrieved], [f"/dicom-web/studies/{STUDY}"])
            self.assertEqual(retrieved[0].headers["accept"], ALL_SYNTAXES)
            self.assertNotIn("accept-encoding", retrieved[0].headers)

    def test_a_list_as_long_as_the_server_counts_is_whole(self):
        for counted, page, offsets in [
            (4, None, [None]), (4, 2, [None, "2", "4"]), (5, None, [None, "4"]), (3, None, [None, "4"]), (None, None, [None, "4"]),
        ]:  # fmt: skip
            with self.subTest(counted=counted, page=page), WebPeer(Archive(self.files, counted=counted, page=page)) as peer:
                self.get(peer, "--if-exists", "overwrite")
                lists = [request for request in peer.requests if request.path.endswith("/instances")]
                self.assertEqual([request.value("offset") for request in lists], offsets)

    def test_series_and_instances_are_asked_for_by_their_paths(self):
        with WebPeer(Archive(self.files)) as peer:
            self.get(peer, keys=["-k", f"SeriesInstanceUID={SERIES}", "--series"])
            self.assert_whole()
            self.assertIn(f"/dicom-web/studies/{STUDY}/series/{SERIES}", [request.target for request in peer.requests])
        with WebPeer(Archive(self.files)) as peer:
            self.get(peer, "--if-exists", "overwrite", keys=["-k", f"SOPInstanceUID={uid(2)}", "--image"])
            target = f"/dicom-web/studies/{STUDY}/series/{SERIES}/instances/{uid(2)}"
            self.assertIn(target, [request.target for request in peer.requests])

    def test_preferred_syntaxes_are_asked_for_in_their_order_and_then_all(self):
        archive = Archive(self.files)

        def act(request):
            syntax = request.headers["accept"].rpartition("transfer-syntax=")[2]
            return answer(406, {"Details": "not that"}) if syntax in refused else archive(request)

        def asked(peer):
            return [
                request.headers["accept"].rpartition("transfer-syntax=")[2]
                for request in peer.requests if request.headers["accept"].startswith("multipart")
            ]  # fmt: skip

        rle, explicit = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.1"
        for refused, expected in (
            ([], [rle]), ([rle], [rle, explicit]), ([rle, explicit], [rle, explicit, "*"]),
        ):  # fmt: skip
            with self.subTest(refused=refused), WebPeer(act) as peer:
                run = self.get(peer, "--prefer", "rle,explicit", "--if-exists", "overwrite")
                self.assert_whole()
                self.assertEqual(asked(peer), expected)
                self.assertNotIn("warning", run.stderr)

    def test_a_missing_instance_is_asked_for_alone_and_then_told(self):
        with WebPeer(Archive(self.files, listed=[*self.files, "1.2.3.999"])) as peer:
            run = self.get(peer, expect=INCOMPLETE)
            self.assert_names(run, "1 of 5 instances", "missing")
            self.assert_whole()
            self.assertTrue(any(request.target.endswith("/instances/1.2.3.999") for request in peer.requests))

    def test_what_a_cut_answer_lacks_is_fetched_one_by_one(self):
        archive, first = Archive(self.files), [True]

        def act(request):
            said = archive(request)
            if request.headers["accept"].startswith("multipart") and first and first.pop():
                head, _, body = said.partition(b"\r\n\r\n")
                return head + b"\r\n\r\n" + body[: len(body) // 2]
            return said

        def raw(request, connection):
            connection.sendall(act(request))

        with WebPeer(raw, raw=True) as peer:
            self.get(peer)
            self.assert_whole()

    def test_an_answer_that_is_not_whole_is_never_success(self):
        archive = Archive(self.files)

        def cut(how):
            def act(request, connection):
                if not request.headers["accept"].startswith("multipart"):
                    return connection.sendall(archive(request))
                kind, body = multipart(list(self.files.values()), closing=how != "boundary")
                if how == "boundary":
                    return connection.sendall(answer(body=body, kind=kind))
                if how == "206":
                    return connection.sendall(answer(206, body, kind, [("Warning", '299 x "2 objects no longer accessible."')]))
                if how == "length":
                    return connection.sendall(webpeer.head(200, f"Content-Type: {kind}", f"Content-Length: {len(body)}") + body[:-100])
                if how == "chunk":
                    data = webpeer.head(200, f"Content-Type: {kind}", "Transfer-Encoding: chunked")
                    return connection.sendall(data + f"{len(body):x}\r\n".encode() + body + b"\r\n")
                # Until the connection closes, in the middle of an instance.
                return connection.sendall(webpeer.head(200, f"Content-Type: {kind}") + body[: len(body) - 3000])

            return act

        for how, options in (
            ("boundary", []), ("206", []), ("length", []), ("chunk", []), ("close", []),
            ("boundary", ["--no-check"]), ("206", ["--no-check"]), ("close", ["--no-check"]),
        ):  # fmt: skip
            with self.subTest(how, options=options), WebPeer(cut(how), raw=True) as peer:
                run = dcmscu("--get", peer.url, "-k", f"StudyInstanceUID={STUDY}", "-o", self.folder / how, *options)
                # With all that is listed on disk nothing is missing; what was wrong is told.
                self.assertIn(run.code, (INCOMPLETE,) if options or how == "close" else (0, INCOMPLETE), run)
                self.assertNotEqual(run.stderr, "")
                for path in (self.folder / how).rglob("*.dcm"):
                    self.assertIn(bytes(images.data_set_bytes(path)), {
                        bytes(images.data_set_bytes(one)) for one in (self.folder / "files").iterdir()
                    })  # fmt: skip

    def without_lists(self, *parts, **how):
        """An archive that refuses every search: its answer to a retrieval has these parts, or what it has."""
        archive, status = Archive(self.files), how.pop("status", 200)

        def act(request):
            if not request.headers["accept"].startswith(("multipart", "application/dicom;")):
                return answer(400, {"Details": "no searches"})
            if not parts:
                return archive(request)
            kind, body = multipart(list(parts), **how)
            return answer(status, body, kind)

        return act

    def test_without_a_list_there_is_nothing_left_to_compare_with_and_that_is_said(self):
        two = list(self.files.values())[:2]
        words = ("note: ", "QIDO-RS has failed", "nothing left to compare with", "goes unnoticed unless", "cut off", "206")
        for name, act, count, code in (
            ("whole", self.without_lists(), 4, 0),
            # What is left out goes unnoticed, as the note says, and is noticed where the note says so.
            ("part", self.without_lists(*two), 2, 0),
            ("cut", self.without_lists(*two, closing=False), None, INCOMPLETE),
            ("206", self.without_lists(*two, status=206), 2, INCOMPLETE),
        ):  # fmt: skip
            with self.subTest(name), WebPeer(act) as peer:
                out = self.folder / name
                run = dcmscu("--get", peer.url, "-k", f"StudyInstanceUID={STUDY}", "-o", out, expect=code)
                self.assert_names(run, *words)
                self.assertNotIn("server's own counts", run.stderr)
                if count is not None:
                    self.assertEqual(len(list(out.rglob("*.dcm"))), count, run)

    def test_what_cannot_be_asked_for_without_a_list_ends_with_the_error_of_the_list(self):
        study, series, instance = f"StudyInstanceUID={STUDY}", f"SeriesInstanceUID={SERIES}", f"SOPInstanceUID={uid(2)}"
        for keys in (
            ["--patient", "-k", "PatientID=P1"], ["--series", "-k", series], ["--image", "-k", instance],
            ["--image", "-k", study, "-k", instance],
        ):  # fmt: skip
            for options in ([], ["--no-check"]):
                with self.subTest(keys=keys, options=options), WebPeer(self.without_lists()) as peer:
                    run = self.get(peer, *options, keys=keys, expect=FAILURE)
                    self.assert_names(run, "status 400", "no searches")
                    for words in ("nothing was received", "compare"):
                        self.assertNotIn(words, run.stderr)

    def test_a_server_that_never_answers_a_search_is_waited_for_once(self):
        released = threading.Event()
        self.addCleanup(released.set)
        archive, silence = Archive(self.files), ("--timeout", "1")

        def act(request):
            if not request.headers["accept"].startswith("multipart"):
                released.wait(20)
            return archive(request)

        patients, mixed = "PatientID\nP1\nP2\nP3\n", "StudyInstanceUID,SeriesInstanceUID\n1.2.3,\n,1.2.3.4\n,1.2.3.5\n"
        for name, rows, code in (("patients", patients, TIME), ("mixed", mixed, TIME)):
            with self.subTest(name), WebPeer(act) as peer:
                (self.folder / "rows.csv").write_text(rows)
                run = self.get(peer, *silence, keys=["--from-list", self.folder / "rows.csv"], expect=code)
                searches = [one for one in peer.requests if not one.headers["accept"].startswith("multipart")]
                self.assertEqual(len(searches), 1, run)
                self.assertNotIn("nothing was received", run.stderr)

    def test_of_what_the_server_lists_nothing_of_no_false_comfort_is_given(self):
        with WebPeer(lambda request: answer(body=[])) as peer:
            run = self.get(peer, keys=["--series", "-k", "SeriesInstanceUID=9.9"])
            self.assert_names(run, "returned nothing by this key alone", "only what is named with its StudyInstanceUID")
            self.assert_names(run, "series 9.9: not found on the server")
            self.assertNotIn("goes unnoticed", run.stderr)

    def test_without_the_check_only_what_the_path_needs_is_listed(self):
        series = ["--series", "-k", f"StudyInstanceUID={STUDY}", "-k", f"SeriesInstanceUID={SERIES}"]
        for keys, count in ((series, 4), (["--image", *series[1:], "-k", f"SOPInstanceUID={uid(2)}"], 1)):
            with self.subTest(keys=keys), WebPeer(Archive(self.files)) as peer:
                run = dcmscu("--get", peer.url, *keys, "--no-check", "-o", self.folder / str(count), expect=0)
                self.assertEqual(len(peer.requests), 1, run)
                self.assertEqual(len(list((self.folder / str(count)).rglob("*.dcm"))), count)

    def test_one_file_in_the_place_of_parts_is_an_instance(self):
        archive = Archive(dict([next(iter(self.files.items()))]))

        def act(request):
            if request.headers["accept"].startswith("multipart") and "/instances/" not in request.path:
                return answer(body=next(iter(self.files.values())), kind="application/dicom")
            return archive(request)

        with WebPeer(act) as peer:
            self.get(peer)
            self.assert_whole(1)

    def test_a_server_that_gives_single_instances_without_parts_alone(self):
        archive = Archive(self.files)

        def act(request):
            if request.headers["accept"].startswith("multipart"):
                return answer(406)
            if request.headers["accept"].startswith("application/dicom;"):
                return answer(body=self.files[request.path.rsplit("/", 1)[1]], kind="application/dicom")
            return archive(request)

        with WebPeer(act) as peer:
            self.get(peer)
            self.assert_whole()

    def test_what_is_not_there_is_no_failure_of_keys_but_one_of_lists(self):
        with WebPeer(Archive({}, listed=[])) as peer:
            run = self.get(peer)
            self.assert_names(run, "not found")
            (self.folder / "list.csv").write_text(f"StudyInstanceUID\n{STUDY}\n")
            self.get(peer, keys=["--from-list", self.folder / "list.csv"], expect=INCOMPLETE)

    def test_instances_that_nobody_asked_for_are_kept_apart(self):
        other = made(self.folder / "other.dcm", 77, study="9.9.9")
        archive = Archive(self.files)

        def act(request):
            if request.headers["accept"].startswith("multipart") and "/instances/" not in request.path:
                kind, body = multipart([*self.files.values(), other.read_bytes()])
                return answer(body=body, kind=kind)
            return archive(request)

        with WebPeer(act) as peer:
            self.assert_names(self.get(peer, expect=INCOMPLETE), "nothing that was asked for")
            self.assertEqual([path.parent.name for path in self.got()].count("unexpected"), 1)

    def test_a_path_of_uids_cannot_leave_the_base_url(self):
        listed = ["../../../etc/passwd", "1.2.3/../../x", "1..2"]
        with WebPeer(Archive(self.files, listed=[*self.files, *listed])) as peer:
            self.get(peer, expect=(INCOMPLETE, USAGE))
            for request in peer.requests:
                self.assertNotIn("..", request.path)

    def test_parts_that_are_no_files_of_dicom(self):
        for body in (b"", b"hello", bytes(5 << 20), b"\0" * 128 + b"DICM", b"\0" * 128 + b"DICM" + b"\x02\0\0\0UL\x04\0\xff\xff\xff\xff"):
            archive = Archive({uid(0): body})
            with WebPeer(archive) as peer:
                run = dcmscu("--get", peer.url, "-k", f"StudyInstanceUID={STUDY}", "-o", self.folder / "none", timeout=30)
                self.assertIn(run.code, (INCOMPLETE, ASSOCIATION), run)
                self.assertEqual([path for path in (self.folder / "none").rglob("*") if path.is_file()], [])

    def test_a_boundary_of_megabytes_and_heads_of_parts_without_an_end(self):
        archive = Archive(self.files)

        def act(request, connection):
            if not request.headers["accept"].startswith("multipart"):
                return connection.sendall(archive(request))
            if request.path.endswith(STUDY):
                connection.sendall(webpeer.head(200, "Content-Type: multipart/related; boundary=" + "b" * (10 << 20)))
            connection.sendall(webpeer.head(200, "Content-Type: multipart/related; boundary=B") + b"--B\r\n")
            while True:
                connection.sendall(b"X-Filler: aaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n" * 100)

        with WebPeer(act, raw=True) as peer:
            run = dcmscu("--get", peer.url, "-k", f"StudyInstanceUID={STUDY}", "-o", self.folder / "none", timeout=60)
            self.assertIn(run.code, (INCOMPLETE, ASSOCIATION), run)
            self.assertEqual([path for path in (self.folder / "none").rglob("*") if path.is_file()], [])

    def test_answers_without_an_end_cost_no_more_than_their_limits(self):
        archive = Archive(self.files)
        kind, body = multipart(list(self.files.values()))
        filler = b" " * 65536
        for name, start, piece in (
            ("epilogue", body, filler), ("preamble", b"", filler), ("part", b"--Boundary\r\n\r\n", filler),
            ("parts", b"", b"--Boundary\r\n\r\n\r\n" * 4000),
        ):  # fmt: skip

            def act(request, connection, start=start, piece=piece):
                if not request.headers["accept"].startswith(("multipart", "application/dicom;")):
                    return connection.sendall(archive(request))
                connection.sendall(webpeer.head(200, f"Content-Type: {kind}") + start)
                while True:
                    connection.sendall(piece)

            with self.subTest(name), WebPeer(act, raw=True) as peer:
                run = dcmscu("--get", peer.url, "-k", f"SOPInstanceUID={uid(0)}", "--image", "-o", self.folder / name, timeout=60)
                got = [path for path in (self.folder / name).rglob("*.dcm")]
                if name == "epilogue":
                    self.assertEqual(len(got), 4, run)
                else:
                    self.assertIn(run.code, (INCOMPLETE, ASSOCIATION), run)
                    self.assertEqual(got, [])

    def test_an_html_page_in_the_place_of_instances(self):
        archive = Archive(self.files)

        def act(request):
            if request.headers["accept"].startswith(("multipart", "application/dicom;")):
                return answer(200, b"<html><title>Welcome</title></html>", kind="text/html")
            return archive(request)

        with WebPeer(act) as peer:
            run = self.get(peer, expect=(INCOMPLETE, ASSOCIATION))
            self.assert_names(run, "text/html")

    def test_a_dry_run_lists_and_a_journal_resumes(self):
        with WebPeer(Archive(self.files)) as peer:
            run = dcmscu("--get", peer.url, "-k", f"StudyInstanceUID={STUDY}", "--dry-run", expect=0)
            self.assertIn(f"{STUDY},,,4", run.stdout.replace("\r", ""))
            journal = ["--journal", self.folder / "journal", "--resume"]
            self.get(peer, "--journal", self.folder / "journal")
            before = len(peer.requests)
            self.get(peer, *journal)
            later = peer.requests[before:]
            self.assertFalse([request for request in later if request.headers["accept"].startswith("multipart")])


def uid(number):
    return f"1.2.3.4.{number + 1}"


def made(path, number, study=STUDY):
    """A small file of DICOM with long values that hold line ends and what looks like boundaries."""
    import pydicom

    dataset = pydicom.Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", uid(number)
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.PatientID = study, SERIES, "P1"
    dataset.add_new(0x00420011, "OB", b"\r\n--Bound\r\n--Boundar-\r\n" * (500 + number) + bytes([number]) * 1000)
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID, dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPClassUID, uid(number)
    dataset.is_little_endian, dataset.is_implicit_VR = True, False
    pydicom.dcmwrite(path, dataset, write_like_original=False)
    return path


class Stored:
    """The answer of STOW-RS about the instances of a request, and what goes wrong."""

    def __init__(self, failed=(), silent=(), status=200, warning=(), most=None, listed=None):
        self.failed, self.silent, self.status, self.warning = dict(failed), set(silent), status, dict(warning)
        self.most, self.listed = most, listed
        self.stored = {}

    def __call__(self, request):
        if request.method == "GET":
            wanted = (request.value("SOPInstanceUID") or "").split(",")
            found = [one for one in wanted if one in (self.stored if self.listed is None else self.listed)]
            return answer(body=[] if request.value("offset") else [{"00080018": tag(one)} for one in found])
        parts = parts_of(request)
        if self.most is not None and len(parts) > self.most:
            return answer(413, b"<html><title>413 Request Entity Too Large</title></html>", kind="text/html")
        done, failed = [], []
        for part in parts:
            name = instance_of(part)
            if name in self.silent:
                continue
            item = {"00081150": tag("1.2.840.10008.5.1.4.1.1.7"), "00081155": tag(name)}
            if name in self.failed:
                failed.append({**item, "00081197": {"vr": "US", "Value": [self.failed[name]]}})
                continue
            if name in self.warning:
                item["00081196"] = {"vr": "US", "Value": [self.warning[name]]}
            self.stored[name] = part
            done.append(item)
        return answer(self.status, {
            "00081198": {"vr": "SQ", **({"Value": failed} if failed else {})}, "00081199": {"vr": "SQ", "Value": done},
        })  # fmt: skip


def parts_of(request):
    boundary = re.search(r"boundary=(\S+)", request.headers["content-type"]).group(1)
    pieces = request.body.split(b"--" + boundary.encode())
    assert pieces[0] == b"" and pieces[-1] == b"--\r\n", "the body is not whole"
    head = b"\r\nContent-Type: application/dicom\r\n\r\n"
    assert all(piece.startswith(head) and piece.endswith(b"\r\n") for piece in pieces[1:-1])
    return [piece[len(head) : -2] for piece in pieces[1:-1]]


def instance_of(part):
    import io

    import pydicom

    return str(pydicom.dcmread(io.BytesIO(part), stop_before_pixels=True).SOPInstanceUID)


class Storage(cases.RealServerTest):
    def setUp(self):
        super().setUp()
        (self.folder / "files").mkdir()
        self.paths = [made(self.folder / "files" / f"{number}.dcm", number) for number in range(25)]

    def store(self, peer, *options, expect=0):
        return dcmscu("--store", peer.url, *options, self.folder / "files", expect=expect)

    def test_files_go_as_they_are_in_requests_of_known_length(self):
        server = Stored()
        with WebPeer(server) as peer:
            run = self.store(peer)
            self.assert_names(run, "25 stored")
            self.assertEqual({instance: data for instance, data in server.stored.items()}, {
                uid(number): path.read_bytes() for number, path in enumerate(self.paths)
            })  # fmt: skip
            for request in peer.requests:
                self.assertEqual((request.method, request.target), ("POST", "/dicom-web/studies"))
                self.assertEqual(int(request.headers["content-length"]), len(request.body))
                self.assertRegex(
                    request.headers["content-type"], r'^multipart/related; type="application/dicom"; boundary=[0-9a-z]+$'
                )
                self.assertEqual(request.headers["accept"], "application/dicom+json")
                self.assertNotIn("expect", request.headers)
            self.assertEqual([len(parts_of(request)) for request in peer.requests], [10, 10, 5])
            self.assertEqual(peer.connections, 1)

    def test_what_became_of_each_instance_is_what_the_body_says_whatever_the_status(self):
        for status in (200, 202, 400, 409):
            with WebPeer(Stored(failed={uid(3): 0xA700, uid(4): 0x0122}, warning={uid(5): 0xB000}, status=status)) as peer:
                run = self.store(peer, "--format", "jsonl", expect=INCOMPLETE)
                said = {event.get("sopInstanceUID"): event for event in map(json.loads, run.stdout.splitlines())}
                self.assertEqual([said[uid(number)]["outcome"] for number in (2, 3, 4, 5)], ["done", "failed", "failed", "warning"])
                self.assertIn("A700", said[uid(3)]["status"])

    def test_an_instance_that_the_answer_does_not_name_is_not_stored(self):
        with WebPeer(Stored(silent=[uid(7)])) as peer:
            run = self.store(peer, expect=INCOMPLETE)
            self.assert_names(run, "7.dcm", "does not say that it was stored")
            self.assert_names(run, "24 stored")
        # A query that finds it is as good as the answer.
        with WebPeer(Stored(silent=[uid(7)], listed=[uid(7)])) as peer:
            self.store(peer)

    def test_an_answer_without_a_body_is_no_success_by_its_status(self):
        for status in (200, 204):
            server = Stored()

            def act(request, server=server, status=status):
                return server(request) if request.method == "GET" else answer(status, b"", kind=None)

            with WebPeer(act) as peer:
                self.assert_names(self.store(peer, expect=FAILURE), "does not say")

    def test_too_large_requests_are_split(self):
        server = Stored(most=3)
        with WebPeer(server) as peer:
            self.store(peer)
            self.assertEqual(len(server.stored), 25)
        with WebPeer(Stored(most=0)) as peer:
            self.assert_names(self.store(peer, expect=FAILURE), "status 413", "client_max_body_size")

    def test_what_may_pass_is_sent_again(self):
        server, left = Stored(), [answer(503), answer(429, headers=[("Retry-After", "0")])]
        with WebPeer(lambda request: left.pop() if left else server(request)) as peer:
            self.store(peer, "--retries", 3, "--retry-delay", 0.05)
            self.assertEqual(len(server.stored), 25)
        with WebPeer(lambda _: answer(503)) as peer:
            self.store(peer, "--retries", 1, "--retry-delay", 0.05, expect=FAILURE)

    def test_a_refusal_of_the_whole_ends_the_run(self):
        for status, code in ((401, ASSOCIATION), (403, ASSOCIATION), (405, NOT_OFFERED), (415, NOT_OFFERED), (404, FAILURE)):
            with WebPeer(lambda _, status=status: answer(status, {"Details": "no"})) as peer:
                run = self.store(peer, expect=code)
                self.assertEqual(len(peer.requests), 1)
                self.assert_names(run, f"status {status}")

    def test_a_post_is_never_made_a_get(self):
        for status in (301, 302, 303):
            with WebPeer(lambda _, status=status: answer(status, headers=[("Location", "/dicom-web/studies")])) as peer:
                self.assert_names(self.store(peer, expect=ASSOCIATION), "would make it a GET")
                self.assertEqual([request.method for request in peer.requests], ["POST"])
        server = Stored()
        with WebPeer(server) as target:
            moved = [("Location", f"{target.url}/studies")]
            with WebPeer(lambda _: answer(307, headers=moved)) as peer:
                self.store(peer)
                self.assertEqual(len(server.stored), 25)

    def test_an_early_answer_is_read_while_the_body_is_sent(self):
        big = made(self.folder / "big.dcm", 99)
        with open(big, "r+b") as file:
            data = file.read()
        import pydicom

        dataset = pydicom.dcmread(big)
        dataset.add_new(0x00420011, "OB", bytes(30 << 20))
        dataset.save_as(big)
        self.assertGreater(len(data), 0)

        def act(_request, connection):
            pass

        peer = WebPeer(act, raw=True)
        original = webpeer.read_request

        def early(connection):
            webpeer.read_head(connection)
            connection.sendall(answer(413, headers=[("Connection", "close")]))
            webpeer.close(connection)
            raise webpeer.Closed

        webpeer.read_request = early
        try:
            with peer:
                run = dcmscu("--store", peer.url, big, expect=FAILURE)
                self.assert_names(run, "status 413")
        finally:
            webpeer.read_request = original

    def test_an_answer_that_is_lost_is_asked_about_before_sending_again(self):
        server, lost = Stored(), [True]

        def act(request):
            said = server(request)
            return None if request.method == "POST" and lost and lost.pop() else said

        with WebPeer(act) as peer:
            self.store(peer, "--retries", 2, "--retry-delay", 0.05)
            posts = [len(parts_of(request)) for request in peer.requests if request.method == "POST"]
            self.assertEqual(sum(posts), 25)

    def test_a_request_that_went_wholly_with_a_kept_connection_is_asked_about_and_not_sent_twice(self):
        for stores in (True, False):
            server, posts = Stored(), []

            def act(request, server=server, posts=posts, stores=stores):
                if request.method == "GET":
                    return server(request)
                posts.append(request)
                if len(posts) != 2:
                    return server(request)
                # The server takes the second one whole, and closes without a word.
                if stores:
                    server(request)
                return None

            with self.subTest(stores=stores), WebPeer(act) as peer:
                self.assert_names(self.store(peer), "25 stored")
                self.assertEqual(len(server.stored), 25)
                self.assertEqual(sum(len(parts_of(request)) for request in posts), 25 if stores else 35)
                before = peer.requests.index(posts[2])
                self.assertIn("GET", [request.method for request in peer.requests[:before]])

    def test_two_files_of_one_uid_are_never_in_one_request(self):
        first = self.folder / "files" / "3.dcm"
        (self.folder / "files" / "3a.dcm").write_bytes(first.read_bytes().replace(b"LO\x02\0P1", b"LO\x02\0P2"))
        server = Stored()

        def act(request):
            if request.method == "POST":
                parts = [instance_of(part) for part in parts_of(request)]
                self.assertEqual(len(parts), len(set(parts)))
            return server(request)

        with WebPeer(act) as peer:
            self.assert_names(self.store(peer), "26 stored")
            self.assertEqual(sum(len(parts_of(request)) for request in peer.requests), 26)

    def test_a_second_file_of_one_uid_is_not_stored_by_what_is_listed_of_the_first(self):
        for path in self.paths[1:]:
            path.unlink()
        (self.folder / "files" / "other.dcm").write_bytes(self.paths[0].read_bytes().replace(b"LO\x02\0P1", b"LO\x02\0P2"))
        server = Stored()

        def act(request):
            said = server(request)
            if request.method == "POST":
                server.silent = set(server.stored)
            return said

        with WebPeer(act) as peer:
            run = self.store(peer, expect=INCOMPLETE)
            self.assert_names(run, "1 stored", "does not say that it was stored")

    def test_an_answer_about_instances_without_an_end_is_not_read_to_it(self):
        def act(_request, connection):
            connection.sendall(webpeer.head(200, "Content-Type: application/dicom+json"))
            while True:
                connection.sendall(b" " * 65536)

        for options in (["--store"], ["--stgcmt"]):
            with self.subTest(options), WebPeer(act, raw=True) as peer:
                run = dcmscu(*options, peer.url, self.paths[0], timeout=60, expect=ASSOCIATION)
                self.assert_names(run, "longer than 16 MB")

    def test_values_of_odd_length_where_the_header_names_the_instance(self):
        data = self.paths[0].read_bytes()
        start = 144 + int.from_bytes(data[140:144], "little")
        dataset, uids = data[start:], [b"\x08\0\x16\0UI", b"\x08\0\x18\0UI"]
        for mark in uids:
            place = dataset.index(mark)
            dataset = dataset[:place] + dataset[place + 8 + int.from_bytes(dataset[place + 6 : place + 8], "little") :]
        self.assertIn(b"LO\x02\0P1", dataset)
        path = self.folder / "odd.dcm"
        path.write_bytes(data[:start] + dataset.replace(b"LO\x02\0P1", b"LO\x01\0P"))
        posted = []

        def act(request):
            posted.extend(parts_of(request))
            return answer(body={"00081199": {"vr": "SQ", "Value": [{"00081155": tag(uid(0))}]}})

        with WebPeer(act) as peer:
            dcmscu("--store", peer.url, path, "--assume-meta", expect=0)
            (part,) = posted
            self.assertEqual(part[start:], dataset.replace(b"LO\x02\0P1", b"LO\x02\0P "))

    def test_a_journal_resumes_and_existing_instances_are_skipped(self):
        server = Stored(failed={uid(3): 0xA700})
        with WebPeer(server) as peer:
            self.store(peer, "--journal", self.folder / "journal", expect=INCOMPLETE)
            before = len(peer.requests)
            server.failed = {}
            self.store(peer, "--journal", self.folder / "journal", "--resume")
            self.assertEqual([len(parts_of(request)) for request in peer.requests[before:]], [1])

    def test_files_that_change_or_end_early_are_not_sent(self):
        self.paths[0].write_bytes(self.paths[0].read_bytes()[:-500])
        server = Stored()
        with WebPeer(server) as peer:
            self.assert_names(self.store(peer, expect=INCOMPLETE), "0.dcm")
            self.assertEqual(len(server.stored), 24)

    def test_a_data_set_alone_gets_a_header_of_ours(self):
        path = self.folder / "alone.dcm"
        path.write_bytes(bytes(images.data_set_bytes(self.paths[0])))
        server = Stored()
        with WebPeer(server) as peer:
            dcmscu("--store", peer.url, path, expect=0)
            (part,) = server.stored.values()
            self.assertTrue(part.endswith(path.read_bytes()))
            self.assertEqual(part[128:132], b"DICM")


class Orthanc(cases.RealServerTest):
    @classmethod
    def setUpClass(cls):
        cls.orthanc = cls.serve_all(servers.orthanc_with_web())
        cls.images = images.archive_images()

    def setUp(self):
        super().setUp()
        self.orthanc.clear()

    def test_what_is_stored_and_fetched_has_the_data_sets_of_the_files(self):
        run = dcmscu("--store", self.orthanc.web_url, *[image.path for image in self.images], "--verify", "find", expect=0)
        self.assert_names(run, "confirmed by QIDO-RS")
        held = self.orthanc.sop_instance_uids()
        self.assertEqual(set(held), {image.sop_instance for image in self.images})
        for study in {image.study for image in self.images}:
            dcmscu("--get", self.orthanc.web_url, "-k", f"StudyInstanceUID={study}", "-o", self.folder / "got", expect=0)
        found = {}
        for path in (self.folder / "got").rglob("*.dcm"):
            found[str(images.read(path).SOPInstanceUID)] = path
        self.assertEqual(set(found), set(held))
        self.assert_equal_data_sets([
            (image.name, images.read(image.path), images.read(found[image.sop_instance])) for image in self.images
        ])

    def test_a_preferred_syntax_loses_nothing(self):
        """Orthanc converts the instances that it can; the others arrive as they are."""
        dcmscu("--store", self.orthanc.web_url, *[image.path for image in self.images], expect=0)
        out = self.folder / "preferred"
        dcmscu("--get", self.orthanc.web_url, "-k", "PatientID=*", "--prefer", "implicit", "-o", out, expect=0)
        came = [images.meta(path) for path in out.rglob("*.dcm")]
        self.assertEqual({str(meta.MediaStorageSOPInstanceUID) for meta in came}, {image.sop_instance for image in self.images})
        converted = sum(str(meta.TransferSyntaxUID) == images.IMPLICIT_LITTLE for meta in came)
        self.assertGreaterEqual(converted, sum(image.syntax in images.NATIVE for image in self.images))

    def test_by_keys_by_lists_and_over_several_connections(self):
        dcmscu("--store", self.orthanc.web_url, *[image.path for image in self.images], "-j", 3, expect=0)
        self.assertEqual(len(self.orthanc.sop_instance_uids()), len(self.images))
        dcmscu("--get", self.orthanc.web_url, "-k", "PatientID=*", "-j", 3, "-o", self.folder / "all", expect=0)
        self.assertEqual(len(list((self.folder / "all").rglob("*.dcm"))), len(self.images))
        run = dcmscu("--get", self.orthanc.web_url, "-k", "PatientID=*", "--dry-run", expect=0)
        (self.folder / "list.csv").write_text(run.stdout)
        dcmscu("--get", self.orthanc.web_url, "--from-list", self.folder / "list.csv", "-o", self.folder / "list", expect=0)
        self.assertEqual(len(list((self.folder / "list").rglob("*.dcm"))), len(self.images))

    def test_existing_instances_are_not_sent_again(self):
        paths = [image.path for image in self.images]
        dcmscu("--store", self.orthanc.web_url, *paths[:3], expect=0)
        run = dcmscu("--store", self.orthanc.web_url, *paths, "--skip-existing", "--format", "jsonl", expect=0)
        summary = json.loads(run.stdout.splitlines()[-1])
        self.assertEqual((summary["skipped"], summary["done"]), (3, len(paths) - 3))

    def test_through_a_proxy_with_tls_http2_and_a_limit_of_bodies(self):
        authority = certificates.Authority(self.folder / "authority")
        trust = ["--tls-ca", authority.certificate]
        (self.folder / "many").mkdir()
        generated.write_instances(self.folder / "many", 40)
        size = max(path.stat().st_size for path in (self.folder / "many").rglob("*") if path.is_file())
        nginx = self.serve(servers.Nginx(self.orthanc.http_port, authority.issue("server"), body_limit=str(3 * size)))
        dcmscu("--store", nginx.web_url, *trust, self.folder / "many", expect=0)
        self.assertEqual(len(self.orthanc.sop_instance_uids()), 40)
        dcmscu("--get", nginx.web_url, *trust, "-k", "PatientID=*", "-o", self.folder / "got", expect=0)
        self.assertEqual(len(list((self.folder / "got").rglob("*.dcm"))), 40)

    def test_a_few_hundred_instances_in_both_directions(self):
        (self.folder / "many").mkdir()
        generated.write_instances(self.folder / "many", 200)
        dcmscu("--store", self.orthanc.web_url, self.folder / "many", expect=0)
        dcmscu("--get", self.orthanc.web_url, "-k", "PatientID=*", "-o", self.folder / "got", expect=0)
        self.assertEqual(len(list((self.folder / "got").rglob("*.dcm"))), 200)
