"""--store-query: the query that goes out, as a DICOM file, with exactly the elements of the gdcmscu contract."""


import pydicom

from harness import cases, images, servers
from harness.programs import dcmscu

# Root, level, and the empty keys that are added on their own beside Specific Character Set and Query/Retrieve Level.
ROWS = [
    ("patient", "patient", []),
    ("patient", "study", ["PatientID"]),
    ("patient", "series", ["PatientID", "StudyInstanceUID"]),
    ("patient", "image", ["PatientID", "StudyInstanceUID", "SeriesInstanceUID"]),
    ("study", "study", []),
    ("study", "series", ["StudyInstanceUID"]),
    ("study", "image", ["StudyInstanceUID", "SeriesInstanceUID"]),
]

# What a retrieval at a level must give a value for.
UNIQUE_KEYS = {
    "patient": "PatientID",
    "study": "StudyInstanceUID",
    "series": "SeriesInstanceUID",
    "image": "SOPInstanceUID",
}


class StoreQuery(cases.RealServerTest):
    def write(self, *arguments, expect=4, environment=None):
        """The query is written before connecting, so a closed port is as good as a server."""
        path = self.folder / "query.dcm"
        port = servers.free_port()
        run = dcmscu(
            *arguments, "--store-query", path, servers.LOOPBACK, port, expect=expect, environment=environment or {}
        )
        self.assertTrue(path.exists(), run)
        dump = servers.run_dcmtk("dcmdump", path, expect=0)
        self.assertNotRegex(dump.said, r"(?m)^[WEF]: ", "dcmdump warns")
        # The File Meta Information is whole: pydicom reads it without force.
        dataset = pydicom.dcmread(path)
        self.assertEqual(images.meta(path).TransferSyntaxUID, images.IMPLICIT_LITTLE)
        for keyword in ("FileMetaInformationGroupLength", "FileMetaInformationVersion", "ImplementationClassUID"):
            self.assertIn(keyword, dataset.file_meta)
        return dataset

    def assert_exactly(self, dataset, **expected):
        found = {element.keyword: "" if element.value is None else str(element.value) for element in dataset}
        self.assertEqual(found, expected)

    def test_every_row_of_the_table_for_find(self):
        for root, level, keys in ROWS:
            dataset = self.write("--find", f"--{root}root", f"--{level}")
            self.assert_exactly(
                dataset,
                SpecificCharacterSet="ISO_IR 192",
                QueryRetrieveLevel=level.upper(),
                **dict.fromkeys(keys, ""),
            )

    def test_every_row_of_the_table_for_get_and_move(self):
        for root, level, keys in ROWS:
            unique = UNIQUE_KEYS[level]
            for operation in (["--get"], ["--move", "--port-scp", str(servers.free_port())]):
                dataset = self.write(
                    *operation, f"--{root}root", f"--{level}", "-o", self.folder / "out", "-k", f"{unique}=1.2.3"
                )
                self.assert_exactly(
                    dataset,
                    SpecificCharacterSet="ISO_IR 192",
                    QueryRetrieveLevel=level.upper(),
                    **{**dict.fromkeys(keys, ""), unique: "1.2.3"},
                )

    def test_a_worklist_query_has_the_character_set_alone(self):
        self.assert_exactly(self.write("--worklist"), SpecificCharacterSet="ISO_IR 192")

    def test_the_example_of_the_contract(self):
        dataset = self.write("--find", "--patient", "--patientroot", "--key", "10,20=*", "--key", "10,10")
        self.assert_exactly(
            dataset, SpecificCharacterSet="ISO_IR 192", QueryRetrieveLevel="PATIENT", PatientName="", PatientID="*"
        )

    def test_a_key_given_replaces_an_automatic_one(self):
        dataset = self.write("--find", "--studyroot", "--series", "-k", "20,d=1.2.840.1", "-k", "8,52=IMAGE")
        self.assert_exactly(
            dataset, SpecificCharacterSet="ISO_IR 192", QueryRetrieveLevel="IMAGE", StudyInstanceUID="1.2.840.1"
        )

    def test_all_forms_of_a_key(self):
        for key in ("10,20=A B", "0010,0020=A B", "10,20,A B", "0x10,0x20=A B", "(0010,0020)=A B", "PatientID=A B"):
            dataset = self.write("--find", "--studyroot", "--study", "-k", key)
            self.assertEqual(dataset.PatientID, "A B", key)

    def test_the_locale_chooses_the_character_set(self):
        dataset = self.write("--find", "--studyroot", "-k", "10,10=M*", environment={"LC_ALL": "C"})
        self.assertEqual(dataset.SpecificCharacterSet, "ISO_IR 100")

    def test_a_query_file_that_cannot_be_written_is_exit_code_3_and_nothing_is_sent(self):
        server = self.serve(servers.DcmQRSCP())
        (self.folder / "file").write_text("not a folder")
        run = dcmscu(
            "--find", "--studyroot", "--aetitle", "DCMSCU", "--store-query", self.folder / "file" / "q.dcm",
            servers.LOOPBACK, server.port, expect=3,
        )  # fmt: skip
        self.assert_names(run, "q.dcm")
        self.assertNotIn("DCMSCU", server.log())


