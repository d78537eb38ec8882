"""Patient data stays out of messages and logs, whatever is done and however much is told, unless it is asked for."""

import pydicom
import re

from harness import cases, programs, scripted, servers
from harness.programs import dcmscu

NAME, NUMBER, ACCESSION, PHYSICIAN = "QUIXOTE^ALONSO", "PID7391", "ACC55017", "PANZA^SANCHO"
BIRTHDAY, ADDRESS = "16051116", "LA MANCHA 1"
SECRETS = ["QUIXOTE", "ALONSO", NUMBER, ACCESSION, "PANZA", "SANCHO", BIRTHDAY, "MANCHA"]
STATION = "STATION"


class PatientData(cases.RealServerTest):
    def setUp(self):
        super().setUp()
        self.port_scp = servers.free_port()
        self.server = self.serve(servers.Orthanc(DicomAlwaysAllowFind=True, DicomAlwaysAllowGet=True, DicomAlwaysAllowMove=True))
        self.server.register(STATION, self.port_scp)
        self.log = self.folder / "log"
        self.file = self.folder / "in" / "image1.dcm"
        self.file.parent.mkdir()
        dataset = pydicom.dcmread(pydicom.data.get_testdata_file("CT_small.dcm"))
        dataset.PatientName, dataset.PatientID, dataset.AccessionNumber = NAME, NUMBER, ACCESSION
        dataset.PatientBirthDate, dataset.PatientAddress = BIRTHDAY, ADDRESS
        dataset.ReferringPhysicianName = dataset.OperatorsName = PHYSICIAN
        self.study = str(dataset.StudyInstanceUID)
        dataset.save_as(self.file)

    def run_all(self, *options):
        """One of everything, also what goes wrong; all messages in one text."""
        said = ""
        here = [servers.LOOPBACK, self.server.port, "--call", "ORTHANC", "--aetitle", STATION]
        pattern = "{PatientName}/{PatientID}-{AccessionNumber}/{SOPInstanceUID}.dcm"
        keys = ["-k", f"10,10={NAME}", "-k", f"10,20={NUMBER}", "-k", f"8,50={ACCESSION}", "-k", "8,90", "-k", "10,30"]
        refusing = scripted.Peer(scripted.answers(0xC000, scripted.comment(f"no {NAME} with {NUMBER} or {ACCESSION}")))
        self.addCleanup(refusing.stop)
        out = self.folder / "out"
        query = self.folder / "query.txt"
        query.write_text(f"QueryRetrieveLevel=STUDY\nPatientID={NUMBER}\nPatientName={NAME}\nAccessionNumber={ACCESSION}\n")
        lines = [
            ["--echo", *here],
            ["--store", *here, self.file],
            ["--find", *here, *keys, "-k", "20,d"],
            ["--find", "--patient", *here, "-k", f"10,10={NAME.lower()}", "-k", "10,20"],
            ["--find", *here, "--image", "-k", f"20,d={self.study}", "-k", "10,1001", "-k", "8,1110", "--return", "all"],
            ["--get", *here, "-k", f"20,d={self.study}", "-o", out / "get", "--name", pattern],
            ["--get", *here, "-k", f"20,d={self.study}", "-o", out / "get", "--name", pattern],
            ["--move", *here, "-k", f"20,d={self.study}", "-o", out / "move", "--name", pattern, "--port-scp", self.port_scp],
            ["--get", "--patient", *here, "-k", f"10,20={NUMBER}", "-o", out / "get", "--name", pattern, "--if-exists", "fail"],
            ["--find", servers.LOOPBACK, refusing.port, *keys],
            ["--find", servers.LOOPBACK, refusing.port, "--query", query],
            ["--store", servers.LOOPBACK, refusing.port, self.file],
            ["--find", *here, "-k", f"10,30={ADDRESS}"],
            ["--find", *here, "-k", f"PatientNam={NAME}"],
            ["--find", *here, "-k", f"10,10={NAME}", "-k", f"10,10={PHYSICIAN}"],
            ["--find", *here, "-k", f"10,1002[1].10,20={NUMBER}"],
        ]
        for line in lines:
            # What is printed is what was asked for; only messages count here.
            said += dcmscu(*line, *options).stderr
            said += dcmscu(*line, *options, "-L", self.log).stderr
        return said + self.log.read_text()

    def test_a_full_run_in_every_detail_names_nobody(self):
        said = self.run_all("-D")
        for secret in SECRETS:
            found = [line for line in said.splitlines() if re.search(secret, line, re.IGNORECASE)]
            self.assertEqual(found, [], secret)
        # It was told in every detail all the same.
        for word in ("P-DATA-TF", "C-FIND-RQ", "C-STORE-RSP", "(0010,0010)", "***", "{PatientName}/"):
            self.assertIn(word, said)

    def test_a_run_of_few_words_names_nobody_either(self):
        for level in ([], ["-V"]):
            said = self.run_all(*level)
            for secret in SECRETS:
                self.assertNotIn(secret.lower(), said.lower(), level)

    def test_whoever_wants_it_sees_it(self):
        said = self.run_all("-D", "--log-phi")
        for secret in SECRETS[:6]:
            self.assertIn(secret, said)
