"""DICOMweb: echo and queries over HTTP, at Orthanc with its plugin and at scripted peers that play the rows of the contract."""

import json
import pathlib
import shutil
import tempfile
import time

from harness import cases, certificates, images, measured, servers, webpeer
from harness.programs import dcmscu
from harness.webpeer import WebPeer, answer, study

INCOMPLETE, USAGE, UNREACHABLE, ASSOCIATION, NOT_OFFERED, FAILURE, TIME_LIMIT = 1, 2, 4, 5, 6, 7, 8
SECRET = {"WEB_SECRET": "s3cret"}


def pages(*answers, otherwise=None):
    """Answers the requests one after the other, then with an empty list."""
    left = list(answers)
    return lambda _request: left.pop(0) if left else (otherwise or answer(body=[]))


def lists(*uids):
    """A server with these studies, all in one answer."""
    return lambda request: answer(body=[] if request.value("offset") else [study(uid) for uid in uids])


class Orthanc(cases.RealServerTest):
    @classmethod
    def setUpClass(cls):
        cls.orthanc = cls.serve_all(servers.orthanc_with_web())
        cls.images = images.archive_images()
        dcmscu(
            "--store", servers.LOOPBACK, cls.orthanc.port, *[image.path for image in cls.images], expect=0
        )  # fmt: skip

    def find(self, *options, peer=None, expect=0):
        run = dcmscu("--find", *(peer or [self.orthanc.web_url]), *options, "--format", "jsonl", expect=expect)
        return [json.loads(line) for line in run.stdout.splitlines()]

    def test_echo_answers_and_tells_its_times(self):
        run = dcmscu("--echo", self.orthanc.web_url, expect=0)
        self.assertIn(f"{self.orthanc.web_url}: DICOMweb answered in", run.stdout)
        for part in ("look-up", "connect", "echo"):
            self.assertIn(part, run.stdout)
        run = dcmscu("--echo", self.orthanc.web_url + "/", "-c", 3, "--interval", 0, "--format", "jsonl", expect=0)
        *echoes, summary = [json.loads(line) for line in run.stdout.splitlines()]
        self.assertEqual([echo["outcome"] for echo in echoes], ["done"] * 3)
        self.assertEqual(summary["done"], 3)
        self.assertNotIn("associationSeconds", echoes[0])

    def test_a_node_with_a_url_and_several_peers_of_both_kinds(self):
        configuration = self.folder / "config.json"
        configuration.write_text(json.dumps({
            "defaults": {"aetitle": "STATION", "max-pdu": 32768, "port": 11112},
            "nodes": {"web": {"url": self.orthanc.web_url}},
        }))  # fmt: skip
        run = dcmscu("--echo", "@web", "--config", configuration, expect=0)
        self.assertIn("DICOMweb answered", run.stdout)
        run = dcmscu("--echo", self.orthanc.web_url, f"{servers.LOOPBACK}:{self.orthanc.port}", expect=0)
        self.assertEqual([run.stdout.count(word) for word in ("DICOMweb answered", "C-ECHO answered")], [1, 1])

    def test_another_path_is_not_found_and_the_hint_is_about_the_base_url(self):
        run = dcmscu("--echo", f"http://{servers.LOOPBACK}:{self.orthanc.http_port}/nothing", expect=FAILURE)
        self.assert_names(run, "404", "base URL", "/dicom-web")

    def test_the_matches_of_each_level_are_those_of_c_find(self):
        same = [servers.LOOPBACK, self.orthanc.port]
        for options in (
            [], ["--study", "-k", "PatientID=*", "--return", "StudyDate,PatientName,ModalitiesInStudy"],
            ["--series", "--return", "Modality,SeriesNumber,StudyInstanceUID"],
            ["--image", "--return", "SOPClassUID,InstanceNumber"], ["--patient"],
        ):  # fmt: skip
            over_http = self.find(*options, "--relational") if "--patient" not in options else self.find(*options)
            by_dimse = self.find(*options, *([] if "--patient" in options else ["--relational"]), peer=same)
            self.assertEqual(len(over_http), len(by_dimse), options)
            self.assertEqual(_values(over_http), _values(by_dimse), options)
            self.assertGreater(len(over_http), 1)

    def test_unique_keys_of_the_levels_above_narrow_the_list(self):
        (first, *_) = self.find("--study")
        uid = first["0020000D"]["Value"][0]
        series = self.find("--series", "-k", f"StudyInstanceUID={uid}", "-k", "SeriesInstanceUID")
        self.assertGreater(len(series), 0)
        instances = self.find(
            "--image", "-k", f"StudyInstanceUID={uid}", "-k", f"SeriesInstanceUID={series[0]['0020000E']['Value'][0]}",
            "-k", "SOPInstanceUID",
        )  # fmt: skip
        self.assertGreater(len(instances), 0)
        ours = {image.sop_instance for image in self.images}
        self.assertLessEqual({one["00080018"]["Value"][0] for one in instances}, ours)

    def test_a_name_with_a_caret_is_found_although_this_server_does_not_decode(self):
        names = {
            one["00100010"]["Value"][0]["Alphabetic"] for one in self.find("-k", "PatientName")
            if "Value" in one.get("00100010", {})
        }  # fmt: skip
        name = next(name for name in sorted(names) if "^" in name)
        found = self.find("-k", f"PatientName={name}")
        self.assertGreater(len(found), 0)
        self.assertEqual({one["00100010"]["Value"][0]["Alphabetic"] for one in found}, {name})

    def test_modalities_of_studies_although_this_server_ignores_offset_with_them(self):
        found = self.find("-k", "ModalitiesInStudy=CT")
        self.assertEqual(_values(found), _values(self.find("-k", "ModalitiesInStudy=CT", peer=[servers.LOOPBACK, self.orthanc.port])))
        self.assertGreater(len(found), 1)
        run = dcmscu("--get", self.orthanc.web_url, "-k", "ModalitiesInStudy=CT", "-o", self.folder / "got", expect=0)
        self.assertNotIn("warning", run.stderr)
        uids = {one["0020000D"]["Value"][0] for one in found}
        expected = {image.sop_instance for image in self.images if str(image.study) in uids}
        self.assertEqual({str(images.read(path).SOPInstanceUID) for path in (self.folder / "got").rglob("*.dcm")}, expected)

    def test_nothing_that_matches_is_success_without_output(self):
        self.assertEqual(self.find("-k", "PatientID=NO SUCH PATIENT"), [])
        dcmscu("--find", self.orthanc.web_url, "-k", "PatientID=NOSUCH", "--fail-if-none", expect=INCOMPLETE)

    def test_limit_sort_and_count_are_as_everywhere(self):
        self.assertEqual(len(self.find("--limit", 2)), 2)
        dates = [one.get("00080020", {}).get("Value", [""])[0] for one in self.find("--sort", "StudyDate")]
        self.assertEqual(dates, sorted(dates))
        run = dcmscu("--find", self.orthanc.web_url, "--format", "count", expect=0)
        self.assertEqual(int(run.stdout), len(self.find()))

    def test_credentials_are_wanted_and_sent_as_basic(self):
        server = self.serve(servers.orthanc_with_web(AuthenticationEnabled=True, RegisteredUsers={"alice": "s3cret"}))
        run = dcmscu("--echo", server.web_url, expect=ASSOCIATION)
        self.assert_names(run, "401", "--user")
        run = dcmscu("--echo", server.web_url, "--user", "alice", expect=ASSOCIATION)
        self.assert_names(run, "the server refused user alice (status 401)", "without a passcode", "--passcode")
        good = ["--user", "alice", "--passcode", "env:WEB_SECRET"]
        dcmscu("--echo", server.web_url, *good, environment=SECRET, expect=0)
        dcmscu("--echo", server.web_url, *good, environment={"WEB_SECRET": "other"}, expect=ASSOCIATION)
        run = dcmscu("--find", server.web_url, *good, environment={"WEB_SECRET": "other"}, expect=ASSOCIATION)
        self.assert_names(run, "the server refused user alice (status 401)", "of this server?")
        run = dcmscu("--find", server.web_url, "--jwt", "env:WEB_SECRET", environment=SECRET, expect=ASSOCIATION)
        self.assert_names(run, "the server refused the token (status 401)", "--jwt")

    def test_the_root_of_orthanc_is_no_dicomweb_and_the_hint_says_where_it_is(self):
        for operation in ("--echo", "--find"):
            run = dcmscu(operation, f"http://{servers.LOOPBACK}:{self.orthanc.http_port}")
            self.assertIn(run.code, (ASSOCIATION, FAILURE))
            self.assert_names(run, "base URL", "/dicom-web")

    def test_https_at_the_plain_port_of_orthanc(self):
        run = dcmscu("--echo", self.orthanc.web_url.replace("http://", "https://"), "--tls-insecure", expect=UNREACHABLE)
        self.assert_names(run, "does not speak TLS", self.orthanc.web_url)


class LettersBeyondASCII(cases.RealServerTest):
    """Orthanc does not decode them, and is sent wildcards: no other patient may become a match by that."""

    NAMES = {"U1": "Größe^Anna", "U2": "Grosse^Bob", "U3": "Gree^Carl", "U4": "山田^太郎", "U5": "Yamada^Tarou=山田^太郎=やまだ^たろう"}

    def store(self, server):
        import pydicom

        image = images.archive_images()[0]
        for patient, name in self.NAMES.items():
            dataset = pydicom.dcmread(image.path)
            dataset.SpecificCharacterSet, dataset.PatientID, dataset.PatientName = "ISO_IR 192", patient, name
            number = 1 + int(patient[1:])
            dataset.StudyInstanceUID, dataset.SeriesInstanceUID = f"1.2.9.{number}", f"1.2.9.{number}.1"
            dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.9.{number}.1.1"
            dataset.save_as(self.folder / f"{patient}.dcm")
        dcmscu("--store", servers.LOOPBACK, server.port, *sorted(self.folder.glob("U?.dcm")), expect=0)

    def asked(self, server, name):
        run = dcmscu("--find", server.web_url, "-k", f"PatientName={name}", "--format", "jsonl", expect=0)
        return sorted(json.loads(line)["00100020"]["Value"][0] for line in run.stdout.splitlines()), run

    def planned(self, server, name, expect=0):
        run = dcmscu("--get", server.web_url, "-k", f"PatientName={name}", "--dry-run", expect=expect)
        return sorted(patient for patient in self.NAMES if f"1.2.9.{1 + int(patient[1:])}" in run.stdout.replace(",", " ").split()), run

    def test_each_match_is_compared_with_the_key_as_it_was_typed(self):
        server = self.serve(servers.orthanc_with_web())
        self.store(server)
        for name, patients in (
            ("*山田*", ["U4", "U5"]), ("*ß*", ["U1"]), ("größe*", ["U1"]), ("Größe^Anna", ["U1"]), ("*ñ*", []), ("山田^太郎", ["U4", "U5"]),
        ):  # fmt: skip
            with self.subTest(name):
                found, run = self.asked(server, name)
                self.assertEqual(found, patients)
                if name != "Größe^Anna":
                    self.assert_names(run, "left out", "wildcards")
                self.assertEqual(self.planned(server, name)[0], patients)
        found, run = self.asked(server, "xyzß*")
        self.assertEqual(found, [])
        self.assert_names(run, "could not be sent whole")

    def test_a_name_that_lost_its_letters_is_listed_with_a_warning_and_not_retrieved(self):
        server = self.serve(servers.orthanc_with_web(DefaultEncoding="Latin1"))
        self.store(server)
        found, run = self.asked(server, "*山田*")
        self.assertEqual(found, ["U4", "U5"])
        self.assert_names(run, "2 matches with a PatientName that lost its letters", "3 matches left out")
        plan, run = self.planned(server, "*山田*", expect=None)
        self.assertEqual(plan, [])
        self.assertNotEqual(run.code, 0)
        self.assert_names(run, "lost its letters", "nothing is retrieved")
        # These letters the server has.
        self.assertEqual(self.asked(server, "größe*")[0], ["U1"])


def _values(matches):
    """The values of matches without what only one of the ways has: order, padding, empty attributes, counts of patients."""
    left_out = {"00080005", "00080052", "00080054", "00080056", "00201200", "00201202", "00201204"}
    found = []
    for match in matches:
        kept = {}
        for tag, element in match.items():
            value = [_plain(one) for one in element.get("Value", [])]
            if any(value) and tag not in left_out:
                kept[tag] = value
        found.append(json.dumps(kept, sort_keys=True))
    return sorted(found)


def _plain(value):
    if isinstance(value, dict):
        return value
    text = str(value)
    try:
        return float(text)
    except ValueError:
        return text.rstrip()


class CommandLine(cases.RealServerTest):
    def refused(self, *arguments, expect=USAGE, environment=None):
        with WebPeer(lists()) as peer:
            run = dcmscu(*[peer.url if one == "URL" else one for one in arguments], environment=environment or {})
            self.assertEqual(run.code, expect, run)
            self.assertEqual(peer.connections, 0)
            return run

    def test_options_of_associations_are_refused_and_both_are_named(self):
        for options in (
            ["--aetitle", "ME"], ["--call", "YOU"], ["--port", 104], ["--max-pdu", 16384], ["--tls"],
            ["--user-unconfirmed"],
        ):  # fmt: skip
            run = self.refused("--echo", "URL", *options)
            self.assert_names(run, options[0], "http://127.0.0.1:")
        self.assert_names(self.refused("--find", "URL", "--datetime-matching"), "--datetime-matching", "http://")
        self.assert_names(
            self.refused("--get", "URL", "-k", "StudyInstanceUID=1.2", "--or-move", "--port-scp", 11112), "--or-move"
        )  # fmt: skip

    def test_operations_that_are_not_there_are_refused(self):
        run = self.refused("--move", "URL", "-k", "StudyInstanceUID=1.2", "--move-destination", "ME")
        self.assert_names(run, "--move does not work over HTTP; HOST is http://127.0.0.1:")

    def test_what_is_no_url_is_refused_and_a_password_is_not_repeated(self):
        run = dcmscu("--echo", "https://alice:s3cret@pacs/dicom-web", expect=USAGE)
        self.assertNotIn("s3cret", run.stderr)
        self.assert_names(run, "--passcode")
        self.assert_names(dcmscu("--echo", "other+http://pacs", expect=USAGE), "other+http://pacs")
        self.assert_names(dcmscu("--echo", "http://pacs/?a=b", expect=USAGE), "query")

    def test_a_secret_never_goes_over_plain_http_to_another_machine(self):
        secret = ["--user", "alice", "--passcode", "env:WEB_SECRET"]
        run = dcmscu("--echo", "http://192.0.2.1/dicom-web", *secret, environment=SECRET, expect=USAGE)
        self.assert_names(run, "https", "--passcode", "--user-in-clear")
        # Loopback is this machine.
        with WebPeer(lists("1.2")) as peer:
            dcmscu("--echo", peer.url, *secret, environment=SECRET, expect=0)
            self.assertEqual(peer.requests[0].headers["authorization"], "Basic YWxpY2U6czNjcmV0")

    def test_a_token_is_sent_as_bearer(self):
        with WebPeer(lists("1.2")) as peer:
            dcmscu("--echo", peer.url, "--jwt", "env:WEB_SECRET", environment=SECRET, expect=0)
            self.assertEqual(peer.requests[0].headers["authorization"], "Bearer s3cret")

    def test_without_the_library_the_message_names_the_package(self):
        # A folder in its place makes the library unreadable for the loader.
        for name in ("libcurl.so.4", "libcurl-gnutls.so.4"):
            (self.folder / name).write_bytes(b"no library")
        environment = {"LD_LIBRARY_PATH": str(self.folder)}
        with WebPeer(lists()) as peer:
            run = dcmscu("--echo", peer.url, environment=environment, expect=USAGE)
            self.assert_names(run, f"{peer.url}: libcurl.so.4", "install libcurl")
        dcmscu("--version", environment=environment, expect=0)


class Requests(cases.RealServerTest):
    def test_a_query_is_sent_as_servers_read_it(self):
        with WebPeer(lists("1.2")) as peer:
            dcmscu(
                "--find", peer.url, "-k", "StudyDate=20200101-", "-k", "PatientID=A B&C", "--return", "StudyTime", "--fuzzy",
                expect=0,
            )  # fmt: skip
            probe, first, last = peer.requests
            self.assertEqual(probe.target, "/dicom-web/studies?limit=%31")
            self.assertEqual(first.path, "/dicom-web/studies")
            self.assertEqual(first.headers["accept"], "application/dicom+json")
            self.assertTrue(first.headers["user-agent"].startswith("dcmscu/"))
            self.assertNotIn("accept-encoding", first.headers)
            parameters = dict(first.parameters)
            self.assertEqual(parameters["StudyDate"], "20200101-")
            self.assertEqual(parameters["PatientID"], "A%20B%26C")
            self.assertEqual(parameters["fuzzymatching"], "true")
            self.assertIn(("includefield", "StudyTime"), first.parameters)
            self.assertEqual(last.value("offset"), "1")
            names = [name for name, _ in first.parameters if name != "includefield"]
            self.assertEqual(len(names), len(set(names)))
            self.assertEqual(peer.connections, 1)

    def test_what_nobody_asked_for_is_not_kept_in_memory(self):
        """A match shares its memory with all that came with it; hundreds of the last ones are held."""
        for count, length, more in ((400, 300_000, {}), (40, 1_500_000, {"BulkDataURI": "elsewhere"})):
            long = {"vr": "LT", "Value": ["x" * length], **more}
            body = [{"00081030": long, "0020000D": {"vr": "UI", "Value": [f"1.2.{number}"]}} for number in range(count)]
            act = lambda request, body=body: answer(body=[] if request.value("offset") else body)
            with self.subTest(count=count), WebPeer(act) as peer:
                run = measured.dcmscu("--find", peer.url, "--study", "-k", "StudyInstanceUID", "--format", "count", expect=0)
                self.assertEqual(run.stdout.strip(), str(count))
                self.assertLess(run.peak, measured.PEAK_MEMORY, run)

    def test_a_server_that_does_not_decode_gets_wildcards_and_its_matches_are_compared(self):
        def act(request):
            if request.value("limit") == "%31":
                return answer(400)
            if request.value("offset"):
                return answer(body=[])
            return answer(body=[study("1.2", _00100010="Größe^Anna"), study("1.3", _00100010="Gabby^Bob")])

        with WebPeer(act) as peer:
            run = dcmscu("--find", peer.url, "-k", "PatientName=Größe^Anna", "--format", "count", expect=0)
            self.assertEqual(run.stdout.strip(), "1")
            self.assertEqual(peer.requests[1].value("PatientName"), "Gr*e^Anna")
            self.assert_names(run, "1 match left out", "wildcards")

    def test_an_empty_list_of_a_server_that_was_sent_wildcards_is_told(self):
        with WebPeer(lambda request: answer(400) if request.value("limit") == "%31" else answer(body=[])) as peer:
            run = dcmscu("--find", peer.url, "-k", "PatientName=Größe*", "--format", "count", expect=0)
            self.assertEqual(run.stdout.strip(), "0")
            self.assert_names(run, "warning", "could not be sent whole", "wildcards", "PatientID")
            run = dcmscu("--find", peer.url, "-k", "PatientName=Nobody^At", "--format", "count", expect=0)
            self.assertNotIn("sent whole", run.stderr)

    def test_a_busy_server_is_not_taken_for_one_that_decodes(self):
        """Its answer to the probe says nothing, and a query that is sent wrongly would find nothing."""
        def act(request):
            if request.value("limit") == "%31":
                probes.append(request)
                return answer(503 if len(probes) == 1 else 400)
            return answer(body=[] if request.value("offset") else [study("1.2", _00100010="Größe^Anna")])

        probes = []
        with WebPeer(act) as peer:
            run = dcmscu("--find", peer.url, "-k", "PatientName=Größe*", "--format", "count", "--retries", 1, "--retry-delay", 0, expect=0)
            self.assertEqual(run.stdout.strip(), "1")
            self.assertEqual(peer.requests[2].value("PatientName"), "Gr*e*")
            probes.clear()
            dcmscu("--find", peer.url, "-k", "PatientName=Größe*", expect=FAILURE)

    def test_pages_are_asked_for_to_the_end(self):
        def act(request):
            start = int(request.value("offset") or 0)
            return answer(
                body=[study(f"1.{number}") for number in range(start + 1, min(start + 100, 250) + 1)],
                headers=[("Warning", '299 pacs:80 "There are 50 additional results that can be requested"')],
            )  # fmt: skip

        with WebPeer(act) as peer:
            run = dcmscu("--find", peer.url, "--format", "count", expect=0)
            self.assertEqual(run.stdout.strip(), "250")
            self.assertEqual([request.value("offset") for request in peer.requests], [None, "100", "200", "250"])
            self.assertNotIn("additional", run.stderr)

    def test_an_end_of_204_is_an_end(self):
        with WebPeer(pages(answer(body=[study("1.2")]), otherwise=answer(204, kind=None))) as peer:
            self.assertEqual(dcmscu("--find", peer.url, "--format", "count", expect=0).stdout.strip(), "1")
        with WebPeer(pages(otherwise=answer(204, kind=None))) as peer:
            self.assertEqual(dcmscu("--find", peer.url, "--format", "count", expect=0).stdout.strip(), "0")
        with WebPeer(pages(otherwise=answer(200, b"", kind="application/json; charset=utf-8"))) as peer:
            dcmscu("--find", peer.url, expect=0)

    def test_a_server_that_repeats_a_page_is_not_believed(self):
        """Where it repeats a part, or where a limit is visible or likely."""
        two, one = [study("1.2"), study("1.3")], [study("1.2")]
        more = [("Warning", '299 pacs "There are 50 additional results that can be requested"')]
        for name, first, second in (
            ("a part", answer(body=two), answer(body=one)),
            ("another order", answer(body=two), answer(body=two[::-1])),
            ("more", answer(body=two, headers=more), answer(body=two, headers=more)),
            ("status 206", answer(206, body=two), answer(206, body=two)),
            ("a usual limit", *[answer(body=[study(f"1.{number}") for number in range(100)])] * 2),
        ):  # fmt: skip
            with self.subTest(name), WebPeer(pages(first, otherwise=second)) as peer:
                run = dcmscu("--find", peer.url, expect=FAILURE)
                self.assert_names(run, "repeats a page")
                self.assertEqual(len(peer.requests), 2)

    def test_a_server_that_returns_its_whole_list_once_more_ignores_offset(self):
        with WebPeer(lambda _: answer(body=[study("1.2"), study("1.3")])) as peer:
            run = dcmscu("--find", peer.url, "--format", "count", "-V", expect=0)
            self.assertEqual(run.stdout.strip(), "2")
            self.assert_names(run, "taken as complete")
            self.assertEqual(len(peer.requests), 2)
            self.assertEqual(dcmscu("--find", peer.url, "--format", "count", expect=0).stderr, "")

    def test_a_limit_that_was_sent_makes_a_repeated_page_doubtful(self):
        def act(request):
            return answer(body=[study("1.2"), study("1.3")]) if request.value("limit") else answer(413)

        with WebPeer(act) as peer:
            self.assert_names(dcmscu("--find", peer.url, expect=FAILURE), "repeats a page")

    def test_too_many_matches_are_asked_for_in_pages(self):
        def act(request):
            if not request.value("limit"):
                return answer(413)
            start = int(request.value("offset") or 0)
            return answer(body=[study(f"1.{number}") for number in range(start, min(start + 1000, 1500))])

        with WebPeer(act) as peer:
            self.assertEqual(dcmscu("--find", peer.url, "--format", "count", expect=0).stdout.strip(), "1500")

    def test_one_object_in_the_place_of_an_array_is_a_match(self):
        with WebPeer(pages(answer(body=study("1.2")))) as peer:
            self.assertEqual(dcmscu("--find", peer.url, "--format", "count", expect=0).stdout.strip(), "1")

    def test_an_ignored_key_is_seen_by_the_answers(self):
        found = answer(body=[study("1.2", _00100020="A"), study("1.3", _00100020="B")])
        with WebPeer(pages(found)) as peer:
            run = dcmscu("--find", peer.url, "-k", "PatientID=A", "--format", "count")
            self.assertEqual(run.stdout.strip(), "1")
            self.assert_names(run, "left out", "PatientID")

    def test_a_warning_of_the_server_is_told(self):
        warned = answer(body=[study("1.2")], headers=[("Warning", '299 x "Only literal matching has been performed."')])
        with WebPeer(pages(warned)) as peer:
            self.assert_names(dcmscu("--find", peer.url, "--fuzzy", expect=0), "Only literal matching")

    def test_a_list_of_values_is_asked_for_value_by_value_and_joined(self):
        def act(request):
            if request.value("offset"):
                return answer(body=[])
            found = {"CT": ("1.2", "1.3"), "MR": ("1.3", "1.4")}[request.value("ModalitiesInStudy")]
            modalities = {"1.2": ["CT"], "1.3": ["CT", "MR"], "1.4": ["MR"]}
            return answer(body=[{**study(uid), "00080061": {"vr": "CS", "Value": modalities[uid]}} for uid in found])

        with WebPeer(act) as peer:
            run = dcmscu("--find", peer.url, "-k", "ModalitiesInStudy=CT\\MR", "--format", "jsonl", expect=0)
            uids = [json.loads(line)["0020000D"]["Value"][0] for line in run.stdout.splitlines()]
            self.assertEqual(uids, ["1.2", "1.3", "1.4"])
            self.assertNotIn("warning", run.stderr)

    def test_a_list_of_very_many_values_is_refused_before_anything_is_sent(self):
        with WebPeer(lists()) as peer:
            run = dcmscu("--find", peer.url, "-k", "PatientID=" + "\\".join(f"P{number}" for number in range(65)), expect=USAGE)
            self.assert_names(run, "PatientID", "one value")
            self.assertEqual(peer.connections, 0)


class Statuses(cases.RealServerTest):
    def test_each_status_has_its_exit_code_and_shows_the_words_of_the_server(self):
        for status, code in (
            (400, FAILURE), (401, ASSOCIATION), (403, ASSOCIATION), (404, FAILURE), (405, NOT_OFFERED),
            (406, NOT_OFFERED), (408, FAILURE), (409, FAILURE), (410, INCOMPLETE), (415, NOT_OFFERED), (429, FAILURE),
            (500, FAILURE), (501, NOT_OFFERED), (503, FAILURE), (304, ASSOCIATION),
        ):  # fmt: skip
            with WebPeer(lambda _, status=status: answer(status, {"Details": "said by the archive"})) as peer:
                run = dcmscu("--find", peer.url)
                self.assertEqual(run.code, code, run)
                self.assert_names(run, f"status {status}", "said by the archive" if status != 304 else "moved")
                self.assertEqual(run.stdout, "")

    def test_a_page_of_a_proxy_is_told_from_the_words_of_an_archive(self):
        page = b"<html><head><title>502 Bad Gateway</title></head></html>"
        with WebPeer(lambda _: answer(502, page, kind="text/html")) as peer:
            self.assert_names(dcmscu("--find", peer.url, expect=FAILURE), "502 Bad Gateway", "no archive writes")
        with WebPeer(lambda _: answer(200, page, kind="text/html")) as peer:
            self.assert_names(dcmscu("--echo", peer.url, expect=ASSOCIATION), "text/html", "base URL")

    def test_what_may_pass_is_tried_again(self):
        with WebPeer(pages(answer(503), answer(429), answer(body=[study("1.2")]))) as peer:
            run = dcmscu("--find", peer.url, "--retries", 2, "--retry-delay", 0.05, "--format", "count", expect=0)
            self.assertEqual(run.stdout.strip(), "1")
        with WebPeer(pages(otherwise=answer(503))) as peer:
            dcmscu("--find", peer.url, "--retries", 2, "--retry-delay", 0.05, expect=FAILURE)
            self.assertEqual(len(peer.requests), 3)
            dcmscu("--get", peer.url, "-k", "PatientID=A", "-o", self.folder / "got", "--retries", 2, "--retry-delay", 0.05, expect=FAILURE)
            self.assertEqual(len(peer.requests), 6)
        with WebPeer(pages(otherwise=answer(404))) as peer:
            dcmscu("--find", peer.url, "--retries", 2, "--retry-delay", 0.05, expect=FAILURE)
            self.assertEqual(len(peer.requests), 1)

    def test_a_page_that_failed_is_asked_for_again_and_not_the_list(self):
        def act(request):
            start = int(request.value("offset") or 0)
            failed[start] = failed.get(start, 0) + 1
            if failed[start] <= 2:
                return answer(503)
            return answer(body=[study(f"1.{number}") for number in range(start, min(start + 10, 35))])

        failed = {}
        with WebPeer(act) as peer:
            run = dcmscu("--find", peer.url, "--retries", 2, "--retry-delay", 0, "--format", "count", expect=0)
            self.assertEqual(run.stdout.strip(), "35")
            self.assertEqual(failed, {start: 3 for start in (0, 10, 20, 30, 35)})

    def test_the_server_says_when_it_wants_to_be_asked_again(self):
        busy = answer(503, headers=[("Retry-After", "1")])
        with WebPeer(pages(busy, answer(body=[]))) as peer:
            start = time.monotonic()
            run = dcmscu("--find", peer.url, "--retries", 1, "--retry-delay", 30, expect=0)
            self.assertLess(time.monotonic() - start, 15)
            self.assert_names(run, "again in 1")

    def test_a_get_follows_redirects_without_its_credentials(self):
        with WebPeer(lists("1.2")) as target:
            moved = lambda request: answer(307, headers=[("Location", target.url + request.target.removeprefix("/dicom-web"))])
            with WebPeer(moved) as peer:
                run = dcmscu("--find", peer.url, "--jwt", "env:WEB_SECRET", "--format", "count", environment=SECRET, expect=0)
                self.assertEqual(run.stdout.strip(), "1")
                self.assertIn("authorization", peer.requests[0].headers)
                self.assertNotIn("authorization", target.requests[0].headers)

    def test_redirects_without_an_end_or_to_elsewhere_are_not_followed(self):
        with WebPeer(lambda request: answer(302, headers=[("Location", request.target)])) as peer:
            self.assert_names(dcmscu("--find", peer.url, expect=ASSOCIATION), "moved more than")
            self.assertLess(len(peer.requests), 10)
        for location in ("ftp://pacs/", "file:///etc/passwd", ""):
            fields = [("Location", location)] if location else []
            with WebPeer(lambda _, fields=fields: answer(301, headers=fields)) as peer:
                self.assert_names(dcmscu("--find", peer.url, expect=ASSOCIATION), "status 301")


class Secured(cases.RealServerTest):
    """https by nginx, with the rules of our own TLS."""

    @classmethod
    def setUpClass(cls):
        cls.keys = pathlib.Path(tempfile.mkdtemp(prefix="dcmscu-keys-"))
        cls.addClassCleanup(shutil.rmtree, cls.keys, ignore_errors=True)
        cls.authority = certificates.Authority(cls.keys / "authority")
        cls.pair = cls.authority.issue("server")
        cls.peer = WebPeer(lists("1.2"))
        cls.addClassCleanup(cls.peer.stop)
        cls.nginx = cls.serve_all(servers.Nginx(cls.peer.port, cls.pair))
        cls.trust = ["--tls-ca", cls.authority.certificate]

    def test_a_trusted_certificate_is_accepted_and_its_handshake_timed(self):
        run = dcmscu("--echo", self.nginx.web_url, *self.trust, expect=0)
        self.assertIn("TLS", run.stdout)
        run = dcmscu("--find", self.nginx.web_url, *self.trust, "--format", "count", expect=0)
        self.assertEqual(run.stdout.strip(), "1")

    def test_a_certificate_of_an_unknown_authority_is_exit_code_4(self):
        run = dcmscu("--echo", self.nginx.web_url, expect=UNREACHABLE)
        self.assert_names(run, "certificate", "--tls-ca", "--tls-pin")
        dcmscu("--echo", self.nginx.web_url, "--tls-insecure", expect=0)

    def test_a_pin_is_the_fingerprint_of_the_certificate(self):
        pin = certificates.fingerprint(self.pair[0])
        dcmscu("--echo", self.nginx.web_url, "--tls-pin", pin, expect=0)
        wrong = pin[:-1] + ("0" if pin[-1] != "0" else "1")
        run = dcmscu("--echo", self.nginx.web_url, "--tls-pin", wrong, expect=UNREACHABLE)
        self.assert_names(run, "not the pinned one")

    def test_the_certificate_must_be_for_the_name_that_is_called(self):
        run = dcmscu("--echo", self.nginx.web_url, *self.trust, "--tls-name", "other.example", expect=UNREACHABLE)
        self.assert_names(run, "other.example")

    def test_the_certificate_is_shown_where_that_is_asked(self):
        run = dcmscu("--echo", self.nginx.web_url, *self.trust, "--tls-show", expect=0)
        self.assert_names(run, "the server's certificate: SHA-256", certificates.fingerprint(self.pair[0]))

    def test_a_client_certificate_is_presented(self):
        nginx = self.serve(servers.Nginx(self.peer.port, self.pair, self.authority.certificate))
        certificate, key = self.authority.issue("client")
        dcmscu("--echo", nginx.web_url, *self.trust, "--tls-cert", certificate, "--tls-key", key, expect=0)
        run = dcmscu("--echo", nginx.web_url, *self.trust, expect=FAILURE)
        self.assert_names(run, "status 400", "No required SSL certificate was sent")

    def test_plain_http_at_a_port_of_tls_and_tls_at_one_of_plain_http(self):
        run = dcmscu("--echo", self.nginx.web_url.replace("https", "http"), expect=FAILURE)
        self.assert_names(run, "status 400", "plain HTTP request was sent to HTTPS port", f"speaks TLS: give {self.nginx.web_url}")
        plain = self.serve(servers.Nginx(self.peer.port))
        run = dcmscu("--echo", plain.web_url.replace("http", "https"), *self.trust, expect=UNREACHABLE)
        self.assert_names(run, "does not speak TLS", plain.web_url)

    def test_from_https_no_redirect_leads_to_http(self):
        nginx = self.serve(
            servers.Nginx(self.peer.port, self.pair, location=f"location /dicom-web {{ return 307 {self.peer.url}; }}")
        )
        before = len(self.peer.requests)
        run = dcmscu("--find", nginx.web_url, *self.trust, expect=ASSOCIATION)
        self.assert_names(run, "status 307", self.peer.url)
        self.assertEqual(len(self.peer.requests), before)


class Connections(cases.RealServerTest):
    def test_a_closed_port_is_exit_code_4(self):
        run = dcmscu("--echo", f"http://{servers.LOOPBACK}:{servers.free_port()}", expect=UNREACHABLE)
        self.assert_names(run, "connection refused")

    def test_a_name_that_does_not_exist_is_exit_code_4(self):
        self.assert_names(dcmscu("--echo", "http://no-such-host.invalid/", expect=UNREACHABLE), "no-such-host.invalid")

    def test_another_protocol_is_told(self):
        def act(_, connection):
            connection.sendall(b"220 mail.example ESMTP\r\n")

        with WebPeer(act, raw=True) as peer:
            self.assert_names(dcmscu("--echo", peer.url, expect=ASSOCIATION), "not HTTP")

    def test_a_kept_connection_that_was_closed_is_opened_again(self):
        left = [True]

        def act(_, connection):
            connection.sendall(answer(body=[study("1.2")] if left and left.pop() else []))

        with WebPeer(act, raw=True) as peer:
            self.assertEqual(dcmscu("--find", peer.url, "--format", "count", expect=0).stdout.strip(), "1")
            self.assertEqual(peer.connections, 2)

    def test_silence_and_interruption_end_a_wait(self):
        def silent(_request, _connection):
            peer.hold()

        with WebPeer(silent, raw=True) as peer:
            start = time.monotonic()
            run = dcmscu("--find", peer.url, "--timeout", 1, expect=TIME_LIMIT)
            self.assertLess(time.monotonic() - start, 10)
            self.assert_names(run, "--timeout")
            dcmscu("--find", peer.url, "--total-timeout", 1, expect=TIME_LIMIT)

    def test_slow_bytes_are_no_silence(self):
        data = answer(body=[study("1.2")])

        def act(request, connection):
            if request.value("offset"):
                return connection.sendall(answer(body=[]))
            for start in range(0, len(data), 40):
                connection.sendall(data[start : start + 40])
                peer.hold(0.3)

        with WebPeer(act, raw=True) as peer:
            self.assertEqual(dcmscu("--find", peer.url, "--timeout", 1, "--format", "count", expect=0).stdout.strip(), "1")


class Hostile(cases.RealServerTest):
    """What a web server may do to a query: no crash, no hang, no memory, and the exit code of what it did."""

    def test_lists_that_are_no_lists(self):
        deep = b'[{"00100020":' + b"[" * 100_000
        for name, body, code in (
            ("depth", deep, ASSOCIATION), ("no JSON", b"hello", ASSOCIATION), ("a number", b"[1]", ASSOCIATION),
            ("cut off", b'[{"0020000D":{"vr":"UI","Value":["1.2"]}},', INCOMPLETE),
            ("no data set", b'[{"x":1}]', ASSOCIATION), ("no UTF-8", b'[{"00100020":{"vr":"LO","Value":["\xff"]}}]', ASSOCIATION),
            ("gzip", b"\x1f\x8b\x08\x00" + bytes(1000), ASSOCIATION),
        ):  # fmt: skip
            with self.subTest(name), WebPeer(pages(otherwise=answer(body=body))) as peer:
                run = dcmscu("--find", peer.url)
                self.assertEqual(run.code, code, run)

    def test_heads_without_an_end(self):
        def act(_request, connection):
            connection.sendall(b"HTTP/1.1 200 OK\r\n")
            while True:
                connection.sendall(b"X-Filler: " + b"a" * 1000 + b"\r\n")

        with WebPeer(act, raw=True) as peer:
            self.assertEqual(dcmscu("--find", peer.url, timeout=30).code, ASSOCIATION)

        def interim(_request, connection):
            while True:
                connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)

        with WebPeer(interim, raw=True) as peer:
            self.assertEqual(dcmscu("--find", peer.url, timeout=30).code, ASSOCIATION)

    def test_white_space_and_byte_order_marks_without_an_end(self):
        for piece in (b" " * 65536, b"\xef\xbb\xbf" * 20000):
            def act(_request, connection, piece=piece):
                connection.sendall(webpeer.head(200, "Content-Type: application/dicom+json"))
                while True:
                    connection.sendall(piece)

            with WebPeer(act, raw=True) as peer:
                self.assertEqual(dcmscu("--find", peer.url, timeout=60).code, ASSOCIATION)

    def test_lengths_that_lie(self):
        def short(_request, connection):
            connection.sendall(webpeer.head(200, "Content-Type: application/dicom+json", "Content-Length: 1000") + b"[")

        def unfinished(_request, connection):
            connection.sendall(webpeer.head(200, "Transfer-Encoding: chunked") + b"2\r\n[]\r\n")

        for act in (short, unfinished):
            with WebPeer(act, raw=True) as peer:
                self.assert_names(dcmscu("--find", peer.url, expect=INCOMPLETE), "not whole")

    def test_a_page_about_a_failure_without_an_end_is_not_read_to_it(self):
        def act(_request, connection):
            connection.sendall(webpeer.head(500, "Content-Type: text/plain"))
            while True:
                connection.sendall(b"all is lost\n" * 1000)

        with WebPeer(act, raw=True) as peer:
            self.assert_names(dcmscu("--find", peer.url, timeout=30, expect=FAILURE), "all is lost")

    def test_words_of_a_server_cannot_move_the_terminal(self):
        with WebPeer(lambda _: answer(500, b"\x1b[2J\x07bad\r\nwords", kind="text/plain")) as peer:
            run = dcmscu("--find", peer.url, expect=FAILURE)
            self.assertNotIn("\x1b", run.stderr)
            self.assertNotIn("\x07", run.stderr)
