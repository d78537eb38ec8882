"""--watch: who calls our port is told, nobody is made to believe anything, and nothing is kept unless it is said where."""

import json
import signal
import socket

from harness import cases, images, programs, servers
from harness.programs import dcmscu
from harness.scripted_archive import CT, Association, Instance


class Watch(servers.Server):
    """`dcmscu --watch`, whose log is what it prints."""

    name = "watch"

    def __init__(self, *options):
        super().__init__()
        self.options = options

    def command(self):
        return [programs.dcmscu_path(), "--watch", "--port-scp", self.port, "--aetitle", "STATION", *self.options]

    def end(self):
        """What it has said until it is interrupted, which is no failure."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(programs.TIME_LIMIT)
        return code, self.log_path.read_text()


class WatchTest(cases.RealServerTest):
    CT = "CT_small.dcm"

    def watch(self, *options):
        return self.serve(Watch(*options))

    def peer(self, watch, title="STATION"):
        return ["--call", title, servers.LOOPBACK, watch.port]


class Calls(WatchTest):
    def test_a_caller_with_many_contexts_is_told_in_few_lines(self):
        # Nothing but what happens; by transfer syntaxes; each context.
        for options, least, most in ((["-q"], 1, 1), ([], 3, 8), (["-V"], 100, 200)):
            with self.subTest(options=options):
                watch = self.watch(*options)
                dcmscu("--get", *self.peer(watch), "-k", "StudyInstanceUID=1.2.3", "--no-check", "--retries", 0)
                _, said = watch.end()
                lines = said.splitlines()
                start = next(number for number, line in enumerate(lines) if "proposes" in line)
                end = next(number for number, line in enumerate(lines) if "C-GET-RQ" in line)
                self.assertTrue(least <= end - start <= most, said)

    def test_who_calls_with_what_and_for_what(self):
        watch = self.watch()
        image = images.image(self.CT)
        dcmscu("--echo", *self.peer(watch), "--aetitle", "SCANNER", expect=0)
        stored = dcmscu("--store", *self.peer(watch), "--aetitle", "SCANNER", image.path, "--retries", 0, expect=7)
        self.assertIn("A700H", stored.stderr)
        found = dcmscu("--find", *self.peer(watch, "ARCHIVE"), "-k", f"PatientName={image.patient_name}", "--retries", 0, expect=7)
        self.assertIn("A700H", found.stderr)
        dcmscu("--worklist", *self.peer(watch), "--retries", 0, expect=7)
        dcmscu("--stgcmt", *self.peer(watch), image.path, "--retries", 0, expect=9)
        code, said = watch.end()
        self.assertEqual(code, 0, said)
        for words in (
            "SCANNER@127.0.0.1:", "calls STATION, proposes 1 presentation context", "    Verification",
            "C-ECHO-RQ 1, Verification", ": answered", "CT Image Storage in Explicit VR Little Endian",
            "C-STORE-RQ 1, CT Image Storage", "told to try again later (A700H)", image.sop_class,
            "calls ARCHIVE (our AE title is STATION; any is taken here)", "C-FIND-RQ 1, Study Root",
            "(0010,0010) PN [***]", "Modality Worklist", "N-ACTION-RQ 1", "told to try again later (0213H)", "released",
            "nothing is kept", "5 associations and 5 requests seen",
        ):  # fmt: skip
            self.assertIn(words, said.replace(image.sop_instance, image.sop_class))
        for secret in (image.patient_name, image.patient):
            self.assertNotIn(secret, said)
        self.assertEqual(list(watch.folder.glob("**/*.dcm")), [])

    def test_clients_of_dcmtk_are_told_to_try_again(self):
        watch = self.watch()
        peer = ["-aet", "MODALITY", "-aec", "WHOEVER", servers.LOOPBACK, watch.port]
        programs.run(servers.program("echoscu"), *peer, expect=0)
        programs.run(servers.program("storescu"), *peer, images.image(self.CT).path)
        _, said = watch.end()
        self.assertIn("MODALITY@127.0.0.1:", said)
        self.assertIn("calls WHOEVER (our AE title is STATION", said)
        self.assertIn("OFFIS_DCMTK", said)
        self.assertIn("C-STORE-RQ 1, CT Image Storage", said)

    def test_what_is_sent_is_kept_where_it_is_said(self):
        watch = self.watch("-o", "kept")
        image = images.image(self.CT)
        dcmscu("--store", *self.peer(watch), image.path, expect=0)
        _, said = watch.end()
        (kept,) = (watch.folder / "kept").glob("*.dcm")
        self.assertEqual(images.data_set_bytes(kept), images.data_set_bytes(image.path))
        self.assertIn(f"kept as kept/{kept.name}", said)

    def test_a_data_set_that_is_cut_or_nonsense_is_refused_and_not_kept(self):
        watch = self.watch("-o", "kept")
        one = Instance("1.2.1", "1.2.1.1", "1.2.1.1.1")
        whole = one.data
        association = Association(socket.create_connection((servers.LOOPBACK, watch.port)))
        association.request("SCANNER", "STATION", [CT])
        for data in (whole[:-2], whole[:12], b"no data set at all. " * 100):
            one.data = data
            self.assertEqual(association.store(one), 0xC000)
        one.data = whole
        self.assertEqual(association.store(one), 0)
        association.release()
        _, said = watch.end()
        self.assertEqual(said.count("not kept: kept/1.2.1.1.1.dcm: is truncated: the data set ends too early"), 3, said)
        (kept,) = [path for path in (watch.folder / "kept").rglob("*") if path.is_file()]
        self.assertTrue(kept.read_bytes().endswith(whole), said)

    def test_strangers_are_told(self):
        watch = self.watch()
        with socket.create_connection((servers.LOOPBACK, watch.port)) as web:
            web.sendall(b"GET / HTTP/1.1\r\n\r\n")
            while web.recv(4096):
                pass
        socket.create_connection((servers.LOOPBACK, watch.port)).close()
        _, said = watch.end()
        self.assertTrue(said.split("\n")[0].startswith("dcmscu: note: watching port"), said)
        self.assertIn("connected and did not associate: it speaks HTTP, not DICOM", said)
        self.assertIn("connected and did not associate: connection closed by the peer", said)
        self.assertIn("0 associations and 0 requests seen", said)

    def test_json_lines(self):
        watch = self.watch("--format", "jsonl")
        dcmscu("--echo", *self.peer(watch, "OTHER"), "--aetitle", "SCANNER", expect=0)
        code, said = watch.end()
        lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
        call = next(line for line in lines if line["event"] == "call" and "data" in line)
        self.assertEqual((call["data"]["callingAETitle"], call["data"]["calledAETitle"]), ("SCANNER", "OTHER"))
        self.assertEqual(call["data"]["contexts"][0]["abstractSyntax"], "1.2.840.10008.1.1")
        request = next(line for line in lines if line["event"] == "request")
        self.assertEqual((request["outcome"], request["status"]), ("done", "0000H"))
        summary = lines[-1]
        self.assertEqual((summary["event"], summary["operation"], summary["associations"], summary["count"]), ("summary", "watch", 1, 1))


class NoCall(WatchTest):
    def test_that_nobody_calls_is_told_with_what_to_look_at(self):
        port = servers.free_port()
        run = dcmscu("--watch", "--port-scp", port, "--total-timeout", 0.3, expect=0)
        self.assert_names(run, f"nobody has connected to port {port}", "firewall")
        self.assertEqual(run.stdout, "")

    def test_it_needs_a_port_and_takes_no_host(self):
        self.assert_names(dcmscu("--watch", expect=2), "--watch", "--port-scp")
        self.assert_names(dcmscu("--watch", "--port-scp", servers.free_port(), "pacs", expect=2), "takes no arguments", "pacs")
