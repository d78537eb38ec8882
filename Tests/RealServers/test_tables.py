"""The tables that a terminal shows: dcmscu-tables(7) has them as they really are.

With DCMSCU_WRITE_TABLES=1 the page is written instead of compared.
"""

import os
import re

from pydicom.dataset import Dataset

from harness import cases, programs, servers
from harness.findpeer import FindPeer
from harness.terminals import on_terminal

PAGE = programs.REPOSITORY / "man" / "dcmscu-tables.7"
WIDTHS = (80, 120, 200)
ROOT = "1.2.826.0.1.3680043.8.498."

PATIENTS = [
    ("DOE^JANE", "10002345"),
    ("Größe^Änne", "10004711"),
    ("Yamada^Tarou=山田^太郎=やまだ^たろう", "JP-0815"),
    ("כהן^דוד", "IL-77"),
]
TEXTS = ["CT Thorax/Abdomen mit Kontrastmittel", "MR Brain", "胸部X線", "US Abdomen"]


def data_set(**values):
    found = Dataset()
    found.SpecificCharacterSet = "ISO_IR 192"
    for keyword, value in values.items():
        setattr(found, keyword, value)
    return found


def studies():
    for number, ((name, patient), text) in enumerate(zip(PATIENTS, TEXTS)):
        yield data_set(
            StudyDate=f"202601{28 - number:02}", StudyTime=f"1{number}4500.250", PatientName=name, PatientID=patient,
            ModalitiesInStudy=[["CT", "SR"], "MR", "CR", "US"][number], StudyDescription=text, AccessionNumber=f"A26-00{number}7",
            NumberOfStudyRelatedSeries=number + 1, NumberOfStudyRelatedInstances=[412, 96, 2, 18][number],
            StudyInstanceUID=f"{ROOT}4038123456789012345678901234567890{number}",
        )  # fmt: skip


def series():
    for number, text in enumerate(["Topogram 0.6 T80s", "Abdomen 5.0 I41f 3", "Befund"]):
        yield data_set(
            SeriesNumber=[1, 2, 501][number], Modality=["CT", "CT", "SR"][number], SeriesDate="20260128",
            SeriesTime=f"1045{number}0", SeriesDescription=text, BodyPartExamined=["ABDOMEN", "ABDOMEN", ""][number],
            NumberOfSeriesRelatedInstances=[2, 409, 1][number], SeriesInstanceUID=f"{ROOT}50123456789012345{number}",
            StudyInstanceUID=f"{ROOT}40381234567890123456789012345678900",
        )  # fmt: skip


def images():
    for number in range(1, 4):
        yield data_set(
            InstanceNumber=number, SOPClassUID="1.2.840.10008.5.1.4.1.1.2", ContentDate="20260128",
            ContentTime=f"10450{number}.5", Rows=512, Columns=512, SOPInstanceUID=f"{ROOT}60123456789012345{number}",
            SeriesInstanceUID=f"{ROOT}501234567890123451", StudyInstanceUID=f"{ROOT}40381234567890123456789012345678900",
        )  # fmt: skip


def steps():
    for number, (name, patient) in enumerate(PATIENTS[:3]):
        step = data_set(
            ScheduledProcedureStepStartDate="20260128", ScheduledProcedureStepStartTime=f"{9 + number:02}3000",
            Modality="CT", ScheduledStationAETitle="CT1", ScheduledProcedureStepDescription=TEXTS[number],
            ScheduledProcedureStepID=f"SPS{number}",
        )  # fmt: skip
        yield data_set(
            ScheduledProcedureStepSequence=[step], PatientName=name, PatientID=patient, PatientBirthDate=f"19{50 + number}0203",
            PatientSex="FMM"[number], AccessionNumber=f"A26-01{number}3", RequestedProcedureDescription=TEXTS[number],
            RequestedProcedureID=f"RP{number}", StudyInstanceUID=f"{ROOT}7012345678901234{number}",
        )  # fmt: skip


TABLES = [
    ("Studies", ["--find"], studies, ""),
    ("Series", ["--find", "--series"], series, ""),
    ("Images", ["--find", "--image"], images, ""),
    ("Worklist", ["--worklist"], steps, ""),
    ("Keys of a set", ["--find", "--return", "study"], studies, "With all keys that the standard has for a study:"),
]

HEAD = r""".\" The screens are written by Tests/RealServers/test_tables.py with DCMSCU_WRITE_TABLES=1, which holds them.
.TH DCMSCU\-TABLES 7 "" "dcmscu" "User Commands"
.SH NAME
dcmscu\-tables \- the tables of a query on a terminal
.SH DESCRIPTION
On a terminal \fB\-\-find\fR and \fB\-\-worklist\fR show their matches as a table that fits it. Columns without values are
left out, unless \fB\-\-columns\fR names them. A heading that is too long stands on several lines. Texts are cut, with an ellipsis at the end, and where that is not enough the less important columns are left out;
the last line names them, and \fB\-\-wide\fR shows them. A UID is whole or left out. Here are the tables of queries
without keys on terminals of 80, 120 and 200 columns, plain and then with the colour of a terminal: bold is bold here,
and what is faint there is in italics here.
.PP
Through a pipe matches are the text of gdcmscu, which scripts may rely on. In a pager the table needs to be asked for:
\fBdcmscu find @pacs1 \-\-format table | less \-S\fR.
"""

TAIL = r""".SH SEE ALSO
.BR dcmscu (1)
"""


def screen(width, arguments, environment):
    """What a terminal of so many columns shows."""
    code, text = on_terminal(arguments, width, environment)
    assert code == 0, text
    return re.sub(r"\d+\.\d\d s", "0.02 s", text)


def roff(text):
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("^", "\\(ha")
    text = text.replace("\x1b[1m", "\\fB").replace("\x1b[2m", "\\fI").replace("\x1b[0m", "\\fR")
    return "".join(("\\&" if line.startswith(".") else "") + line + "\n" for line in text.splitlines())


class Tables(cases.RealServerTest):
    def screens(self, answers, arguments, environment):
        peer = FindPeer(list(answers()))
        self.addCleanup(peer.stop)
        return [screen(width, [*arguments, servers.LOOPBACK, peer.port], environment) for width in WIDTHS]

    def test_the_page_has_the_tables_as_they_are(self):
        page = HEAD
        for title, arguments, answers, remark in TABLES:
            page += f".SH {title.upper()}\n{roff(' '.join(['dcmscu', *arguments, 'HOST', 'PORT']))}"
            page += f".PP\n{roff(remark)}" if remark else ""
            plain = self.screens(answers, arguments, {"NO_COLOR": "1"})
            coloured = self.screens(answers, arguments, {"NO_COLOR": ""})
            for width, first, second in zip(WIDTHS, plain, coloured):
                self.assertNotIn("\x1b", first)
                self.assertEqual(re.sub(r"\x1b\[\dm", "", second), first)
                page += f".SS {title}, {width} columns\n.\\\" text\n.EX\n{roff(first)}\n{roff(second)}.EE\n"
        page += TAIL
        if os.environ.get("DCMSCU_WRITE_TABLES"):
            PAGE.write_text(page)
        self.assertEqual(PAGE.read_text().splitlines(), page.splitlines())

    def test_colour_is_for_terminals_unless_asked_for(self):
        arguments = ["--find", servers.LOOPBACK, self.serve_peer().port]
        self.assertNotIn("\x1b", programs.dcmscu(*arguments, "--format", "table", expect=0).stdout)
        self.assertIn("\x1b", programs.dcmscu(*arguments, "--format", "table", "--color", "always", expect=0).stdout)
        self.assertIn("\x1b", screen(80, arguments, {"NO_COLOR": "1"}) + screen(80, arguments, {}))
        self.assertNotIn("\x1b", screen(80, [*arguments, "--color", "never"], {}))
        self.assertNotIn("\x1b", screen(80, arguments, {"TERM": "dumb"}))

    def test_no_line_is_wider_than_the_terminal_and_no_uid_is_cut(self):
        port = self.serve_peer().port
        whole = {str(answer.StudyInstanceUID) for answer in studies()}
        for width in (*range(60, 130, 7), *WIDTHS):
            for options in ([], ["--return", "study"], ["-k", "PatientName", "-k", "StudyInstanceUID"]):
                shown = screen(width, ["--find", servers.LOOPBACK, port, *options], {"NO_COLOR": "1"})
                for line in shown.splitlines()[:-1]:
                    self.assertLessEqual(len(line), width)
                for uid in re.findall(re.escape(ROOT) + r"\S*", shown):
                    self.assertIn(uid, whole)
        shown = screen(60, ["--find", servers.LOOPBACK, port, "--wide"], {"NO_COLOR": "1"})
        for uid in whole:
            self.assertIn(uid, shown)

    def serve_peer(self):
        peer = FindPeer(list(studies()))
        self.addCleanup(peer.stop)
        return peer
