"""Every example of gdcmscu's manual page, with this program in gdcmscu's place, against Orthanc and dcmqrscp."""

import os
import pathlib

import pydicom

from harness import cases, programs, servers

SCRIPT = pathlib.Path(__file__).with_name("gdcmscu-examples")
TITLE = "ACME1"


class GdcmscuExamples(cases.RealServerTest):
    def run_examples(self, server, port_scp):
        images = self.folder / "images"
        images.mkdir()
        people = {
            "anderson": ("ANDERSON^ANNA", "ABCD1234"), "fischer": ("FISCHER^FRANZ", "F1"), "martin": ("MARTIN^Jérôme", "M1")
        }  # fmt: skip
        for number, (name, (person, number_of_patient)) in enumerate(people.items(), 1):
            dataset = pydicom.dcmread(pydicom.data.get_testdata_file("CT_small.dcm"))
            dataset.SpecificCharacterSet, dataset.PatientName, dataset.PatientID = "ISO_IR 192", person, number_of_patient
            for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
                setattr(dataset, keyword, f"{dataset[keyword].value}.{number}")
            dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
            dataset.save_as(images / f"{name}.dcm")
        run = programs.run(
            SCRIPT, servers.LOOPBACK, server.port, server.ae_title, TITLE, port_scp, images,
            environment={"GDCMSCU": programs.dcmscu_path(), "DCMSCU_CONFIG": os.devnull},
        )  # fmt: skip
        self.assertEqual(run.code, 0, run)
        self.assertIn(" 0 do not", run.stdout)

    def test_against_orthanc(self):
        port_scp = servers.free_port()
        server = self.serve(
            servers.Orthanc(DicomAlwaysAllowFind=True, DicomAlwaysAllowMove=True, DicomAlwaysAllowStore=True)
        )
        server.register(TITLE, port_scp)
        self.run_examples(server, port_scp)

    def test_against_dcmqrscp(self):
        port_scp = servers.free_port()
        self.run_examples(self.serve(servers.DcmQRSCP([(TITLE, port_scp)])), port_scp)
