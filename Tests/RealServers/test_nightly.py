"""scripts/nightly-retrieve: the example that hospitals copy works as it stands."""

import json

from harness import cases, images, loading, programs, servers


class Nightly(cases.RealServerTest):
    def test_a_day_comes_into_its_folder_and_a_second_run_has_nothing_to_do(self):
        server = self.serve(servers.Orthanc())
        loaded = [image for image in images.batches(images.whole_images())[0] if image.study]
        loading.load_orthanc(server, loaded)
        dates = {}
        for image in loaded:
            date = str(images.read(image.path).get("StudyDate", "") or "")
            if date and images.read(image.path).get("Modality") == "CT":
                dates.setdefault(date, set()).add(image.study)
        day, studies = max(dates.items(), key=lambda entry: len(entry[1]))
        wanted = {image.sop_instance for image in loaded if image.study in studies}
        environment = {
            "PACS": f"{server.ae_title}@{servers.LOOPBACK}:{server.port}", "ROOT": self.folder, "MODALITY": "CT",
            "DCMSCU": programs.dcmscu_path(),
        }  # fmt: skip
        script = programs.REPOSITORY / "scripts" / "nightly-retrieve"
        first = programs.run(script, day, environment=environment, expect=0)
        came = {str(images.meta(path).MediaStorageSOPInstanceUID) for path in (self.folder / day).rglob("*.dcm")}
        self.assertEqual(came, wanted)
        summary = json.loads(first.stdout)
        self.assertEqual((summary["event"], summary["exitCode"], summary["done"]), ("summary", 0, len(wanted)))
        again = json.loads(programs.run(script, day, environment=environment, expect=0).stdout)
        self.assertEqual((again["done"], again["skipped"], again.get("serverCompleted")), (0, 0, None))
