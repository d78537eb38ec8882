"""Orthanc's own interface, `orthanc+http://`: at an Orthanc without the plugin for DICOMweb, and at scripted peers that fail."""

import json

from harness import cases, certificates, generated, images, servers, webpeer
from harness.programs import dcmscu
from harness.webpeer import WebPeer, answer
from test_web import _values
from test_web_transfer import made, uid

INCOMPLETE, USAGE, ASSOCIATION, NOT_OFFERED, FAILURE = 1, 2, 5, 6, 7
SECRET = {"WEB_SECRET": "s3cret"}
STUDY, SERIES = "1.2.3", "1.2.3.4"


class RealOrthanc(cases.RealServerTest):
    @classmethod
    def setUpClass(cls):
        cls.orthanc = cls.serve_all(servers.Orthanc(DefaultEncoding="Utf8"))
        cls.images = images.archive_images()

    def setUp(self):
        super().setUp()
        self.orthanc.clear()

    def store_all(self, *options, expect=0):
        return dcmscu("--store", self.orthanc.own_url, *[image.path for image in self.images], *options, expect=expect)

    def find(self, *options, peer=None, expect=0):
        run = dcmscu("--find", *(peer or [self.orthanc.own_url]), *options, "--format", "jsonl", expect=expect)
        return [json.loads(line) for line in run.stdout.splitlines()]

    def test_echo_names_orthanc_and_its_times(self):
        run = dcmscu("--echo", self.orthanc.own_url, expect=0)
        self.assertIn(f"{self.orthanc.own_url}: Orthanc answered in", run.stdout)
        self.assertIn("look-up", run.stdout)

    def test_what_is_stored_and_fetched_has_the_data_sets_of_the_files(self):
        run = self.store_all("--verify", "find")
        self.assert_names(run, "confirmed by /tools/find")
        held = self.orthanc.sop_instance_uids()
        self.assertEqual(set(held), {image.sop_instance for image in self.images})
        for study in {image.study for image in self.images}:
            run = dcmscu("--get", self.orthanc.own_url, "-k", f"StudyInstanceUID={study}", "-o", self.folder / "got", expect=0)
            self.assertNotIn("warning", run.stderr)
        found = {str(images.read(path).SOPInstanceUID): path for path in (self.folder / "got").rglob("*.dcm")}
        self.assertEqual(set(found), set(held))
        self.assert_equal_data_sets([
            (image.name, images.read(image.path), images.read(found[image.sop_instance])) for image in self.images
        ])

    def test_what_is_there_already_is_stored(self):
        self.store_all()
        run = self.store_all("--format", "jsonl")
        summary = json.loads(run.stdout.splitlines()[-1])
        self.assertEqual((summary["done"], summary.get("failures", 0)), (len(self.images), 0))
        run = self.store_all("--skip-existing", "--format", "jsonl")
        summary = json.loads(run.stdout.splitlines()[-1])
        self.assertEqual((summary["skipped"], summary["done"]), (len(self.images), 0))

    def test_the_matches_of_each_level_are_those_of_c_find(self):
        self.store_all()
        same = [servers.LOOPBACK, self.orthanc.port]
        for options in (
            ["--patient"], ["--study", "-k", "PatientID=*", "--return", "StudyDate,PatientName,ModalitiesInStudy"],
            ["--study", "--return", "NumberOfStudyRelatedSeries,NumberOfStudyRelatedInstances", "-k", "ModalitiesInStudy=CT"],
            ["--series", "--relational", "--return", "Modality,SeriesNumber,StudyInstanceUID,PatientName"],
            ["--image", "--relational", "--return", "SOPClassUID,InstanceNumber,StudyInstanceUID,SeriesInstanceUID,PatientID"],
        ):  # fmt: skip
            own, by_dimse = self.find(*options), self.find(*options, peer=same)
            self.assertGreater(len(own), 0, options)
            self.assertEqual(_values(own), _values(by_dimse), options)

    def test_the_columns_of_the_table_are_the_same(self):
        self.store_all()
        for level in ("--study", "--series"):
            options = [level, *(["--relational"] if level == "--series" else []), "--format", "csv", "--sort", "StudyInstanceUID"]
            own = dcmscu("--find", self.orthanc.own_url, *options, expect=0).stdout.splitlines()
            by_dimse = dcmscu("--find", servers.LOOPBACK, self.orthanc.port, *options, expect=0).stdout.splitlines()
            self.assertEqual(own[0], by_dimse[0])
            self.assertEqual(len(own), len(by_dimse))

    def test_keys_are_matched_and_compared_as_everywhere(self):
        self.store_all()
        every = self.find("--study")
        names = sorted({one["00100010"]["Value"][0]["Alphabetic"] for one in every if "Value" in one.get("00100010", {})})
        name = next(name for name in names if "^" in name)
        found = self.find("-k", f"PatientName={name}")
        self.assertEqual({one["00100010"]["Value"][0]["Alphabetic"] for one in found}, {name})
        self.assertEqual(self.find("-k", "PatientID=NO SUCH PATIENT"), [])
        self.assertEqual(len(self.find("--limit", 2)), 2)
        some = [one["0020000D"]["Value"][0] for one in every[:2]]
        self.assertEqual(len(self.find("-k", "StudyInstanceUID=" + "\\".join(some))), 2)
        modalities = self.find("-k", "ModalitiesInStudy=CT")
        self.assertGreater(len(modalities), 0)
        self.assertLess(len(modalities), len(every))
        both = self.find("-k", "ModalitiesInStudy=CT\\MR")
        self.assertEqual(_values(both), sorted({*_values(modalities), *_values(self.find("-k", "ModalitiesInStudy=MR"))}))
        run = dcmscu("--find", self.orthanc.own_url, "-k", "RequestAttributesSequence.ScheduledProcedureStepID=1", expect=USAGE)
        self.assert_names(run, "RequestAttributesSequence", "not matched")

    def test_series_instances_lists_and_several_connections(self):
        self.store_all("-j", 3)
        dcmscu("--get", self.orthanc.own_url, "-k", "PatientID=*", "-j", 3, "-o", self.folder / "all", expect=0)
        self.assertEqual(len(list((self.folder / "all").rglob("*.dcm"))), len(self.images))
        run = dcmscu("--get", self.orthanc.own_url, "-k", "PatientID=*", "--dry-run", expect=0)
        (self.folder / "list.csv").write_text(run.stdout)
        dcmscu("--get", self.orthanc.own_url, "--from-list", self.folder / "list.csv", "-o", self.folder / "list", expect=0)
        self.assertEqual(len(list((self.folder / "list").rglob("*.dcm"))), len(self.images))
        one = self.images[0]
        for level, key in (("--series", f"SeriesInstanceUID={one.series}"), ("--image", f"SOPInstanceUID={one.sop_instance}")):
            dcmscu("--get", self.orthanc.own_url, level, "-k", key, "-o", self.folder / level[2:], expect=0)
            found = {str(images.read(path).SOPInstanceUID) for path in (self.folder / level[2:]).rglob("*.dcm")}
            self.assertIn(one.sop_instance, found)
        self.assertEqual(len(list((self.folder / "image").rglob("*.dcm"))), 1)

    def test_a_journal_resumes(self):
        journal = ["--journal", self.folder / "journal"]
        self.store_all(*journal)
        run = self.store_all(*journal, "--resume", "--format", "jsonl")
        self.assertEqual(json.loads(run.stdout.splitlines()[-1])["done"], 0)

    def test_more_than_one_page(self):
        (self.folder / "many").mkdir()
        generated.write_instances(self.folder / "many", 520)
        dcmscu("--store", self.orthanc.own_url, self.folder / "many", "-j", 2, expect=0)
        self.assertEqual(len(self.find("--image", "--relational", "--return", "SOPClassUID")), 520)
        dcmscu("--get", self.orthanc.own_url, "-k", "PatientID=*", "-o", self.folder / "got", expect=0)
        self.assertEqual(len(list((self.folder / "got").rglob("*.dcm"))), 520)

    def test_credentials_and_tls_in_front(self):
        server = self.serve(servers.Orthanc(AuthenticationEnabled=True, RegisteredUsers={"alice": "s3cret"}))
        self.assert_names(dcmscu("--echo", server.own_url, expect=ASSOCIATION), "401", "--user")
        good = ["--user", "alice", "--passcode", "env:WEB_SECRET"]
        dcmscu("--echo", server.own_url, *good, environment=SECRET, expect=0)
        authority = certificates.Authority(self.folder / "authority")
        nginx = self.serve(servers.Nginx(server.http_port, authority.issue("server")))
        url = f"orthanc+https://{servers.LOOPBACK}:{nginx.port}"
        path = self.images[0].path
        dcmscu("--store", url, path, *good, "--tls-ca", authority.certificate, environment=SECRET, expect=0)
        self.assertEqual(list(server.sop_instance_uids()), [self.images[0].sop_instance])


class OrthancCommandLine(cases.RealServerTest):
    def test_what_only_others_have_is_refused(self):
        for options in (["--find", "--fuzzy"], ["--echo", "--call", "X"], ["--find", "--qido-url", "http://q"], ["--get", "--prefer", "rle", "-k", "StudyInstanceUID=1"]):
            operation, *rest = options
            run = dcmscu(operation, "orthanc+http://h:8042", *rest, expect=USAGE)
            self.assert_names(run, rest[0], "orthanc+http://h:8042")
        for arguments in (["--worklist"], ["--stgcmt", __file__], ["--doctor"], ["--store", __file__, "--verify", "commit"]):
            operation, *rest = arguments
            run = dcmscu(operation, "orthanc+http://h:8042", *rest, expect=USAGE)
            self.assert_names(run, rest[1] if "--verify" in rest else operation, "does not work with orthanc+http://; HOST is orthanc+http://h:8042")
        run = dcmscu("--find", "http://h", "--qido-url", "orthanc+http://q", expect=USAGE)
        self.assert_names(run, "--qido-url", "orthanc+http://q")
        run = dcmscu("--echo", "orthanc+http://192.0.2.1", "--jwt", "env:WEB_SECRET", environment=SECRET, expect=USAGE)
        self.assert_names(run, "https")

    def test_dicomweb_is_not_orthancs_own_interface(self):
        with WebPeer(lambda _: answer(404, {"Details": "nothing here"}), base="") as peer:
            url = "orthanc+" + peer.url
            self.assert_names(dcmscu("--echo", url, expect=FAILURE), "status 404", "8042")
        with WebPeer(lambda _: answer(body={"Name": "another"}), base="") as peer:
            self.assert_names(dcmscu("--echo", "orthanc+" + peer.url, expect=ASSOCIATION), "not that of Orthanc")


def name_of(number):
    """A name of Orthanc's own form."""
    return "-".join(f"{number + part:08x}" for part in range(5))


class ScriptedOrthanc:
    """Orthanc in a script: one study with one series, and what goes wrong."""

    def __init__(self, files, bulk=True):
        self.files = {name_of(100 + number): data for number, data in enumerate(files.values())}
        self.uids = dict(zip(self.files, files))
        self.bulk = bulk

    def described(self, level, name):
        if level == "Study":
            tags = {"StudyInstanceUID": STUDY}
            return {"ID": name, "MainDicomTags": tags, "PatientMainDicomTags": {"PatientID": "P1"}, "Series": [name_of(2)]}
        if level == "Series":
            tags = {"SeriesInstanceUID": SERIES, "Modality": "OT"}
            return {"ID": name, "ParentStudy": name_of(1), "MainDicomTags": tags, "Instances": list(self.files)}
        return {"ID": name, "ParentSeries": name_of(2), "MainDicomTags": {"SOPInstanceUID": self.uids[name]}}

    def __call__(self, request):
        if request.path == "/tools/find":
            asked = json.loads(request.body)
            names = {"Study": [name_of(1)], "Series": [name_of(2)], "Instance": list(self.files)}[asked["Level"]]
            wanted = asked["Query"].get("00080018")
            if asked["Level"] == "Instance" and wanted:
                names = [name for name in names if self.uids[name] in wanted.split("\\")]
            page = names[asked["Since"]:][: asked["Limit"]]
            return answer(body=[self.described(asked["Level"], name) for name in page], kind="application/json")
        if request.path == "/tools/bulk-content":
            asked = json.loads(request.body)
            if not self.bulk:
                return answer(404, {"Message": "Unknown resource"})
            return answer(body=[self.described(asked["Level"], name) for name in asked["Resources"]], kind="application/json")
        parts = request.path.strip("/").split("/")
        if parts[0] == "instances" and parts[-1] == "file":
            return self.file(parts[1])
        if parts[0] in ("studies", "series"):
            level = {"studies": "Study", "series": "Series"}[parts[0]]
            return answer(body=self.described(level, parts[1]), kind="application/json")
        return answer(404, {"Message": "Unknown resource"})

    def file(self, name):
        return answer(body=self.files[name], kind="application/dicom") if name in self.files else answer(404)


class OrthancRetrieval(cases.RealServerTest):
    def setUp(self):
        super().setUp()
        (self.folder / "files").mkdir()
        self.files = {uid(number): made(self.folder / "files" / f"{number}.dcm", number).read_bytes() for number in range(4)}

    def get(self, server, *options, expect=0):
        with WebPeer(server, base="", raw=not isinstance(server, ScriptedOrthanc)) as peer:
            run = dcmscu("--get", "orthanc+" + peer.url, "-k", f"StudyInstanceUID={STUDY}", "-o", self.folder / "got", *options,
                         expect=expect)  # fmt: skip
            return run, peer.requests

    def got(self):
        return {bytes(images.data_set_bytes(path)) for path in (self.folder / "got").rglob("*.dcm")}

    def ours(self):
        return {bytes(images.data_set_bytes(path)) for path in (self.folder / "files").iterdir()}

    def test_files_are_listed_fetched_and_compared(self):
        _, requests = self.get(ScriptedOrthanc(self.files))
        self.assertEqual(self.got(), self.ours())
        fetched = [request.target for request in requests if request.path.endswith("/file")]
        self.assertEqual(len(fetched), 4)
        self.assertTrue(all(request.method == "POST" for request in requests if request.path.startswith("/tools")))

    def test_a_server_without_bulk_content_is_asked_one_by_one(self):
        _, requests = self.get(ScriptedOrthanc(self.files, bulk=False))
        self.assertEqual(self.got(), self.ours())
        self.assertIn(f"/series/{name_of(2)}", [request.path for request in requests])

    def test_one_file_that_fails_costs_itself(self):
        for status in (404, 500):
            server = ScriptedOrthanc(self.files)
            broken = list(server.files)[1]
            server.file = lambda name, server=server: answer(status, {"Message": "gone"}) if name == broken else ScriptedOrthanc.file(server, name)
            run, _ = self.get(server, "--if-exists", "overwrite", expect=INCOMPLETE)
            self.assert_names(run, "1 of 4 instances", "missing")
            self.assertEqual(len(self.got()), 3)

    def test_a_file_that_is_cut_is_fetched_again_and_never_kept(self):
        server, left = ScriptedOrthanc(self.files), [True]

        def act(request, connection):
            said = server(request)
            if request.path.endswith("/file") and left and left.pop():
                said = said[:-700]
            connection.sendall(said)

        self.get(act)
        self.assertEqual(self.got(), self.ours())

        def always(request, connection):
            said = server(request)
            connection.sendall(said[:-700] if request.path.endswith(f"{list(server.files)[0]}/file") else said)

        for path in (self.folder / "got").rglob("*.dcm"):
            path.unlink()
        self.get(always, expect=INCOMPLETE)
        self.assertEqual(len(self.got()), 3)
        self.assertLessEqual(self.got(), self.ours())

    def test_names_that_would_be_another_path_are_not_believed(self):
        server = ScriptedOrthanc(self.files)
        server.files["../../etc"], server.uids["../../etc"] = b"x", "1.2.3.4.99"
        run, requests = self.get(server, expect=(INCOMPLETE, ASSOCIATION, FAILURE))
        self.assert_names(run, "no resource of Orthanc")
        self.assertFalse([request for request in requests if ".." in request.target])

    def test_a_page_in_the_place_of_a_file(self):
        server = ScriptedOrthanc(self.files)
        server.file = lambda name: answer(200, b"<html><title>Sign in</title></html>", kind="text/html")
        run, _ = self.get(server, expect=(INCOMPLETE, ASSOCIATION))
        self.assert_names(run, "text/html")
        self.assertEqual(self.got(), set())


class OrthancQueries(cases.RealServerTest):
    def find(self, act, expect):
        with WebPeer(act, base="") as peer:
            return dcmscu("--find", "orthanc+" + peer.url, expect=expect)

    def test_more_resources_than_a_page_has_are_not_collected(self):
        found = [{"ID": f"{number:040x}", "MainDicomTags": {"StudyInstanceUID": f"1.2.{number}"}} for number in range(501)]
        run = self.find(lambda _: answer(body=found, kind="application/json"), ASSOCIATION)
        self.assert_names(run, "more than the 500 resources")

    def test_a_query_is_sent_as_orthanc_reads_it(self):
        with WebPeer(lambda _: answer(body=[], kind="application/json"), base="") as peer:
            dcmscu("--find", "orthanc+" + peer.url, "-k", 'PatientID=A "B"', "-k", "StudyDate=20200101-", expect=0)
            (request,) = peer.requests
            self.assertEqual((request.method, request.target), ("POST", "/tools/find"))
            self.assertEqual(request.headers["content-type"], "application/json")
            asked = json.loads(request.body)
            self.assertEqual((asked["Level"], asked["Expand"], asked["Since"]), ("Study", True, 0))
            self.assertEqual(asked["Query"], {"00100020": 'A "B"', "00080020": "20200101-"})
            self.assertTrue(asked["CaseSensitive"])

    def test_lists_that_are_no_lists(self):
        deep = b'[{"ID":' + b"[" * 100_000
        for name, body, code in (
            ("depth", deep, ASSOCIATION), ("no JSON", b"hello", ASSOCIATION), ("names alone", b'["a"]', ASSOCIATION),
            ("cut off", b'[{"ID":"0"},', INCOMPLETE), ("no resource", b'[{"x":1}]', ASSOCIATION),
        ):  # fmt: skip
            with self.subTest(name):
                self.find(lambda _, body=body: answer(body=body, kind="application/json"), code)

    def test_a_server_that_repeats_a_page_is_not_believed(self):
        page = [{"ID": name_of(1), "MainDicomTags": {"StudyInstanceUID": STUDY}}]
        run = self.find(lambda _: answer(body=page, kind="application/json"), FAILURE)
        self.assert_names(run, "repeats a page")

    def test_each_status_has_its_exit_code(self):
        for status, code in ((400, FAILURE), (401, ASSOCIATION), (403, ASSOCIATION), (404, FAILURE), (405, NOT_OFFERED), (500, FAILURE), (503, FAILURE)):
            run = self.find(lambda _, status=status: answer(status, {"Details": "said by Orthanc"}), code)
            self.assert_names(run, f"status {status}", "said by Orthanc")


class OrthancStorage(cases.RealServerTest):
    def setUp(self):
        super().setUp()
        self.paths = [made(self.folder / f"{number}.dcm", number) for number in range(3)]

    def store(self, act, *options, expect=0, raw=False):
        with WebPeer(act, base="", raw=raw) as peer:
            run = dcmscu("--store", "orthanc+" + peer.url, *self.paths, *options, expect=expect)
            return run, peer

    def test_a_file_is_the_body_of_a_request(self):
        stored = lambda _: answer(body={"ID": name_of(1), "Status": "Success"}, kind="application/json")
        _, peer = self.store(stored)
        self.assertEqual([request.body for request in peer.requests], [path.read_bytes() for path in self.paths])
        for request in peer.requests:
            self.assertEqual((request.method, request.target), ("POST", "/instances"))
            self.assertEqual(request.headers["content-type"], "application/dicom")
            self.assertNotIn("expect", request.headers)
        self.assertEqual(peer.connections, 1)

    def said(self, *words):
        left = list(words)

        def act(request):
            if request.path == "/tools/find":
                return answer(body=[], kind="application/json")
            word = left.pop(0) if left else "Success"
            return word if isinstance(word, bytes) else answer(body={"ID": name_of(1), "Status": word}, kind="application/json")

        return act

    def test_each_word_of_the_answer_is_its_outcome(self):
        run, _ = self.store(self.said("Success", "AlreadyStored", "FilteredOut"), "--format", "jsonl", expect=INCOMPLETE)
        events = [json.loads(line) for line in run.stdout.splitlines()][:3]
        self.assertEqual([event["outcome"] for event in events], ["done", "done", "failed"])
        self.assertIn("FilteredOut", events[2]["error"])
        self.store(self.said("Failure", "Failure", "Failure"), expect=FAILURE)

    def test_an_answer_without_a_word_is_no_success(self):
        for said in (answer(200, b""), answer(body={"ID": name_of(1)}), answer(200, b"<html></html>", kind="text/html")):
            run, _ = self.store(self.said(said), expect=INCOMPLETE)
            self.assert_names(run, "does not say")

    def test_a_file_that_the_server_cannot_read_costs_itself(self):
        bad = answer(400, {"Details": "Cannot parse an invalid DICOM file", "Message": "Bad file format"})
        run, _ = self.store(self.said("Success", bad), expect=INCOMPLETE)
        self.assert_names(run, "1.dcm", "Cannot parse an invalid DICOM file")

    def test_refusals_and_busy_servers(self):
        for status, code in ((401, ASSOCIATION), (403, ASSOCIATION), (404, FAILURE)):
            _, peer = self.store(lambda _, status=status: answer(status), expect=code)
            self.assertEqual(len(peer.requests), 1)
        run, _ = self.store(self.said(answer(503), answer(503)), "--retries", 2, "--retry-delay", 0.05)
        self.assert_names(run, "3 stored")
        run, _ = self.store(lambda _: answer(413), expect=FAILURE)
        self.assert_names(run, "status 413", "client_max_body_size")

    def test_an_answer_that_is_lost_is_asked_about(self):
        lost, posts = [True], []

        def act(request):
            if request.path == "/tools/find":
                wanted = json.loads(request.body)["Query"]["00080018"]
                instance = {"ID": name_of(9), "MainDicomTags": {"SOPInstanceUID": wanted}}
                since = json.loads(request.body)["Since"]
                return answer(body=[] if since else [instance], kind="application/json")
            posts.append(request)
            return None if lost and lost.pop() else answer(body={"ID": name_of(1), "Status": "Success"}, kind="application/json")

        self.store(act, "--retries", 2, "--retry-delay", 0.05)
        self.assertEqual(len(posts), 3)
