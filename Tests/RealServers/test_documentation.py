"""Every command that README.md and the man page show is run, against practice archives, and ends as they say.

A block of a kind that nothing here runs, or a command that nothing here knows, is a failure: there is no way to write one that is
not tried.
"""

import json
import os
import pathlib
import re
import shlex
import signal
import subprocess

import pydicom

from harness import cases, certificates, markdown, programs, servers
from harness.markdown import cron_entry
from harness.practice import PYTHON, PracticeArchive, data_set, made_up_images
from harness.programs import dcmscu, run

README = programs.REPOSITORY / "README.md"

# How a command begins, so that none hides in a block that is not run.
COMMAND = re.compile(r"^\s*(\$ |dcmscu\b|scripts/|swift\b|sudo\b|apt|pip|git\b|curl\b|man \w)", re.M)
SCRIPT = pathlib.Path(__file__).with_name("gdcmscu-examples")
TITLE = "ACME1"


def manual_examples():
    """The commands of EXAMPLES, taken from the page as `man` would show it."""
    source = dcmscu("--generate", "man", expect=0).stdout
    examples = source.split(".SH EXAMPLES")[1].split("\n.SH ")[0]
    found = re.findall(r"^\.nf\n\.RS 4\n(.*?)^\.RE", examples, re.S | re.M)
    if len(found) != examples.count(".nf"):
        raise AssertionError("an example of the man page is not written as the others are")
    for block in found:
        text = block.replace("\\e\n", " ").replace("\\-", "-").replace("\\&", "").replace("\\(aq", "'").replace("\\e", "\\")
        yield text.strip()


def comparable(text):
    """Output without what differs from run to run: times, rates, bytes, ports."""
    text = re.sub(r"\d+(?:\.\d+)? (s|ms|MB/s|bytes)\b", r"N \1", text)
    text = re.sub(r"\b\d+(\.\d+){2,}", "UID", re.sub(r"127\.0\.0\.1:\d+|port \d+", "PORT", text))
    return [re.sub(r" +", " ", line.rstrip()) for line in text.splitlines()]


class Documented(cases.RealServerTest):
    """A folder with `study/`, archives in place of every named server, and UIDs in place of 1.2.3 and 1.2.3.4."""

    TITLES = ("DCMSCU", "STATION", "OTHER", "ME")

    def setUp(self):
        super().setUp()
        self.our_port = servers.free_port()
        destinations = [(title, self.our_port) for title in self.TITLES]
        (self.folder / "worklist.txt").write_text(self.worklist())
        items = [f"--worklist-items={self.folder / 'worklist.txt'}"]
        self.archive = self.serve(PracticeArchive(destinations, items))
        # In the order of the patients, in which the archive then lists them: the names of the files are new with each run.
        self.files = sorted(made_up_images(self.folder / "study"), key=lambda path: data_set(path).PatientID)
        dcmscu("--store", servers.LOOPBACK, self.archive.port, *self.files, expect=0)
        entry = next(entry for entry in map(data_set, self.files) if entry.Modality == "CT")
        self.study, self.series = str(entry.StudyInstanceUID), str(entry.SeriesInstanceUID)
        # As a shell finds it.
        bin_folder = self.folder / "bin"
        bin_folder.mkdir()
        (bin_folder / "dcmscu").symlink_to(programs.dcmscu_path())
        (self.folder / "config.json").write_text(json.dumps(self.configuration()))
        self.environment = {
            "PATH": f"{bin_folder}:{os.environ['PATH']}", "DCMSCU_CONFIG": self.folder / "config.json", "LC_ALL": "C.UTF-8",
            "DCMSCU": programs.dcmscu_path(), "HOME": self.folder / "home",
        }  # fmt: skip

    @staticmethod
    def worklist():
        """The item that the README shows."""
        texts = [block.text for block in markdown.blocks(README.read_text()) if block.kind == "text"]
        return next(text for text in texts if "ScheduledProcedureStep" in text)

    def configuration(self):
        """What the README shows, for our archive."""
        shown = next(block.text for block in markdown.blocks(README.read_text()) if block.kind == "json")
        shown = json.loads(shown)
        shown["nodes"]["pacs1"] |= {"host": servers.LOOPBACK, "port": self.archive.port}
        return shown

    def replaced(self, command):
        plain = f"{servers.LOOPBACK} {self.archive.port}"
        command = command.replace("pacs.example.org:11112", plain.replace(" ", ":")).replace("host:104", plain.replace(" ", ":"))
        command = re.sub(r"(?:pacs\.example\.org|127\.0\.0\.1) 11112|host 104", plain, command)
        if "pacs.example.org 2762" in command:
            command = command.replace("pacs.example.org 2762", f"{servers.LOOPBACK} {self.secured().port}")
        command = re.sub(r"UID=1\.2\.3\.4\b", f"UID={self.series}", command)
        command = re.sub(r"UID=1\.2\.3\b(?!\.)", f"UID={self.study}", command)
        return command.replace("11113", str(self.our_port))

    def secured(self):
        """An archive with TLS that wants a certificate; the files of the authority and of ours have the README's names."""
        authority = certificates.Authority(self.folder / "authority", "hospital")
        (self.folder / "hospital-ca.pem").write_bytes(authority.certificate.read_bytes())
        station = authority.issue("station")
        (self.folder / "station.pem").write_bytes(b"".join(path.read_bytes() for path in station))
        certificate, key = authority.issue("pacs")
        options = ["--tls", "--tls-cert", certificate, "--tls-key", key, "--tls-ca", authority.certificate]
        return self.serve(PracticeArchive(options=[*options, "--tls-client-cert", "required"]))

    def check(self, command, code=0, output=None, line=0):
        """Runs one command line as a shell does."""
        with self.subTest(command=command, line=line):
            ready = self.replaced(command)
            words = shlex.split(ready)
            if "--serve" in words:
                return self.check_server(words)
            if "OTHER" in words:
                # The node that the archive is to send to: a receiver at our port.
                with servers.Receiver(
                    [programs.dcmscu_path(), "--serve", self.folder / "other", "--port-scp", self.our_port], self.our_port
                ):
                    return self.shell(ready, code)
            ended = self.shell(ready, code)
            if output is not None:
                self.assertEqual(comparable(ended.said), comparable(output), ended)

    def shell(self, command, code=0):
        # What was moved or fetched before is asked for once more by the next example.
        return run("/bin/bash", "-c", command, directory=self.folder, environment=self.environment, expect=code)

    def check_server(self, words):
        self.assertEqual(words.pop(0), "dcmscu")
        port = servers.free_port()
        if "--port-scp" in words:
            words[words.index("--port-scp") + 1] = str(port)
        else:
            words += ["--port-scp", str(port)]
        server = subprocess.Popen(
            [programs.dcmscu_path(), *words], cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            while not servers.accepts_connections(port):
                self.assertIsNone(server.poll(), "the archive ended")
            dcmscu("--echo", servers.LOOPBACK, port, expect=0)
            server.send_signal(signal.SIGTERM)
            _, said = server.communicate(timeout=30)
            self.assertEqual(server.returncode, 0, said)
        finally:
            server.kill()
            server.wait()


class ReadmeText(cases.RealServerTest):
    """What holds without running anything but programs' help."""

    def setUp(self):
        super().setUp()
        self.text = README.read_text()

    def test_every_block_is_of_a_kind_that_is_run_or_has_no_command(self):
        kinds = {block.kind for block in markdown.blocks(self.text)}
        self.assertEqual(kinds - {"console", "sh", "cron", "json", "text"}, set(), "nothing runs blocks of this kind")
        for block in markdown.blocks(self.text):
            if block.kind in ("json", "text"):
                self.assertIsNone(COMMAND.search(block.text), f"line {block.line}: a command in a block that is not run")

    def test_the_options_of_other_tools_exist(self):
        """Of DCMTK and pynetdicom, whose help is here."""
        sections = re.findall(r"^\| (\w+) \| dcmscu \|\n\|---\|---\|\n((?:\|.*\n)+)", self.text, re.M)
        self.assertEqual([name for name, _ in sections], ["DCMTK", "dcm4che", "pynetdicom"])
        rows = dict(sections)
        helps = {
            "DCMTK": "".join(run(name, "--help").said for name in ("echoscu", "storescu", "dcmsend", "findscu", "movescu", "getscu")),
            "pynetdicom": "".join(
                run(PYTHON, "-m", "pynetdicom", name, "--help").said
                for name in ("echoscu", "storescu", "findscu", "movescu", "getscu", "qrscp", "storescp")
            ),
        }
        for tool, text in helps.items():
            for row in rows[tool].splitlines():
                given = " ".join(re.findall(r"`([^`]*)`", row.split("|")[1])).replace("python -m", "")
                for option in re.findall(r"(?<![\w=\"-])[-+]-?[A-Za-z][\w-]*", given):
                    self.assertTrue(re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", text), f"{tool} has no {option}: {row}")

    def test_the_scripts_that_the_readme_names_exist(self):
        for name in set(re.findall(r"scripts/[a-z][a-z-]*(?:/[a-z-]+)?", self.text)):
            self.assertTrue((programs.REPOSITORY / name).exists(), name)

    def test_the_exit_codes_of_the_readme_are_those_of_the_help(self):
        help_text = dcmscu("--help", "all", expect=0).stdout
        table = " ".join(help_text.split("Exit codes:")[1].split("Examples:")[0].split())
        for code, meaning in re.findall(r"^\| (\d+) \| (.*) \|$", self.text, re.M):
            self.assertIn(f"{code} {meaning}", table)

    def test_every_option_of_the_readme_exists(self):
        known = set(re.findall(r"--[a-z][a-z-]+", dcmscu("--help", "all", expect=0).stdout)) | {"--generate"}
        ours = {"--prefix", "--uninstall", "--disable-default-traits", "--without-tls"}
        # Options of other tools stand in the first column of the tables, which is left out here.
        text = re.sub(r"^\| [^|]*\|", "", self.text, flags=re.M)
        used = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text))
        self.assertEqual(used - known - ours, set())

    def test_the_messages_in_the_table_of_troubles_are_those_of_the_program(self):
        table = self.text.split("| What you see |")[1].split("\n\n")[0]
        sources = "".join(path.read_text() for path in (programs.REPOSITORY / "Sources").rglob("*.swift"))
        # As the source has them, with what is put in between.
        found = re.sub(r"\\\([^()]*\)", "...", sources)
        shown = [words for row in table.splitlines() for words in re.findall(r"`([^`]+)`", row.split("|")[1] if "|" in row else "")]
        self.assertGreater(len(shown), 4)
        for words in shown:
            if not re.fullmatch(r"[0-9A-F]{4}H", words):
                self.assertIn(words, found)

    def test_the_links_of_the_readme_lead_somewhere(self):
        for target in re.findall(r"\]\(([^)]+)\)", self.text):
            if "://" not in target:
                self.assertTrue((programs.REPOSITORY / target.split("#")[0]).exists(), target)


class Readme(Documented):
    def setUp(self):
        super().setUp()
        self.text = README.read_text()

    def test_every_console_block(self):
        """`echo $?` tells what the command before it ends with, and all that is shown as output has to come."""
        steps = [step for block in markdown.blocks(self.text) if block.kind == "console" for step in markdown.console_steps(block)]
        self.assertGreater(len(steps), 30)
        for step, following in zip(steps, [*steps[1:], None]):
            if step.command == "echo $?":
                continue
            code = int(following.output) if following and following.command == "echo $?" else 0
            self.check(step.command, code, step.output, step.line)

    def test_every_line_of_the_shell_blocks(self):
        lines = [entry for block in markdown.blocks(self.text) if block.kind == "sh" for entry in markdown.shell_lines(block)]
        self.assertGreater(len(lines), 5)
        # What a later run waits for is left by an earlier one, which stands in a console block.
        self.check(next(
            step.command for block in markdown.blocks(self.text) if block.kind == "console"
            for step in markdown.console_steps(block) if "--transaction open.transactions" in step.command
        ))  # fmt: skip
        for number, command in lines:
            with self.subTest(command=command, line=number):
                self.run_line(command)

    def run_line(self, command):
        """What builds and tests is what runs this: scripts/test has to have the very line, or the checks of a change have it."""
        first = command.split()[0]
        if first == "dcmscu":
            return self.check(command)
        if first in ("scripts/demo", "scripts/install"):
            # With the binary that is tested in place of a build of its own.
            return self.shell(f"{programs.REPOSITORY}/{command}")
        words = command.split()
        if first == "scripts/test" and len(words) > 1:
            # It names its parts to whoever asks for one that it does not have.
            said = run(programs.REPOSITORY / first, "no-such-part", expect=2).stderr
            return self.assertEqual(set(words[1:]) - set(said.partition("there are:")[2].split()), set(), said)
        if first == "scripts/fuzz/run":
            # Minutes each: `scripts/test fuzz` runs all of them.
            run(programs.REPOSITORY / first, "no-such-target", "check", expect=2)
            targets = re.search(r"^targets=\((.*)\)$", (programs.REPOSITORY / first).read_text(), re.M).group(1).split()
            self.assertIn(words[1], targets)
            return self.assertRegex(words[2], r"^(check|\d+)$")
        callers = [programs.REPOSITORY / "scripts" / "test", programs.REPOSITORY / ".ci" / "run"]
        ran = [line.strip() for path in callers for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
        self.assertTrue(any(re.search(rf"\b{re.escape(command)}(\s|$)", line) for line in ran), "nothing runs this command")

    def test_every_line_of_the_crontabs(self):
        lines = [line for block in markdown.blocks(self.text) if block.kind == "cron" for line in block.text.splitlines() if line]
        self.assertTrue(lines)
        for line in lines:
            _, command = cron_entry(line)
            self.check(command.replace("/var/lib/mr", str(self.folder)).replace("/data/mr", f"{self.folder}/mr"))

    def test_commands_within_the_text_and_in_the_tables(self):
        """Whole ones; those of the other tools too, where Debian or PyPI have them."""
        (self.folder / "native").mkdir()
        for path in self.files:
            if data_set(path).Modality == "MR":
                (self.folder / "native" / path.name).symlink_to(path)
        tried = 0
        for number, code in markdown.inline_code(self.text):
            words = code.split()
            ours = words[0] == "dcmscu" and len(words) > 1 and words[-1] != "--serve"
            fragment = words[0] in ("--store", "--find", "--get", "--move") and "host" in words
            theirs = words[:3] == ["python", "-m", "pynetdicom"] or words[0] in ("echoscu", "storescu", "dcmsend") and "host" in words
            if not (ours or fragment or theirs):
                continue
            tried += 1
            command = code.replace("-k ...", "-k StudyInstanceUID=1.2.3").replace("DIR", "study" if "-r" in code or "+r" in code else "out")
            command = command.replace("FILE", "study").replace("python -m", f"{shlex.quote(PYTHON)} -m")
            if theirs:
                # They send nothing compressed unless they are told.
                command = command.replace("study", "native")
            if fragment:
                command = f"dcmscu {command}"
            self.check(command, line=number)
        self.assertGreater(tried, 10)


class ManualPage(Documented):
    def test_every_example(self):
        commands = list(manual_examples())
        self.assertGreater(len(commands), 8)
        for command in commands:
            self.assertTrue(command.startswith("dcmscu "), command)
            self.check(command)


class Installation(cases.RealServerTest):
    def test_install_and_uninstall(self):
        script = programs.REPOSITORY / "scripts" / "install"
        environment = {"DCMSCU": programs.dcmscu_path()}
        run(script, "--prefix", self.folder, environment=environment, expect=0)
        run(self.folder / "bin" / "dcmscu", "--version", expect=0)
        self.assertTrue((self.folder / "share/man/man1/dcmscu.1").exists())
        run(script, "--prefix", self.folder, "--uninstall", expect=0)
        self.assertEqual(list(self.folder.iterdir()), [], "something is left behind")
        run(script, "--prefix", self.folder, "--uninstall", expect=1)

    def test_the_folders_of_the_system_stay(self):
        script = programs.REPOSITORY / "scripts" / "install"
        environment = {"DCMSCU": programs.dcmscu_path(), "DESTDIR": self.folder}
        run(script, "--prefix", "/usr/local", environment=environment, expect=0)
        run(script, "--prefix", "/usr/local", "--uninstall", environment=environment, expect=0)
        left = list(self.folder.rglob("*"))
        self.assertIn(self.folder / "usr" / "local" / "bin", left)
        self.assertEqual([path for path in left if path.is_file()], [])

    def test_what_was_there_before_stays(self):
        script = programs.REPOSITORY / "scripts" / "install"
        other = self.folder / "share" / "man" / "man1" / "other.1"
        other.parent.mkdir(parents=True)
        other.touch()
        (self.folder / "bin").mkdir()
        run(script, "--prefix", self.folder, environment={"DCMSCU": programs.dcmscu_path()}, expect=0)
        run(script, "--prefix", self.folder, "--uninstall", expect=0)
        self.assertEqual([path for path in self.folder.rglob("*") if path.is_file()], [other])


class Completions(cases.RealServerTest):
    def setUp(self):
        super().setUp()
        # Completions ask the program that is typed, by its name.
        (self.folder / "bin").mkdir()
        (self.folder / "bin" / "dcmscu").symlink_to(programs.dcmscu_path())
        (self.folder / "images").mkdir()
        (self.folder / "image1.dcm").touch()
        configuration = self.folder / "config.json"
        configuration.write_text(json.dumps({"nodes": {"pacs1": {"host": "h"}, "research": {"host": "i"}}}))
        self.environment = {
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}", "DCMSCU_CONFIG": configuration, "HOME": self.folder
        }  # fmt: skip
        for shell in ("bash", "zsh", "fish"):
            script = programs.dcmscu("--generate", shell, expect=0).stdout_bytes
            (self.folder / f"dcmscu.{shell}").write_bytes(script)

    def shell(self, *arguments):
        return programs.run(*arguments, environment=self.environment, directory=self.folder, expect=0)

    def bash(self, *words):
        line = " ".join(shlex.quote(word) for word in words)
        script = f"source ./dcmscu.bash; COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _dcmscu; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        return self.shell("bash", "-c", script).stdout.split()

    def test_bash(self):
        self.assertEqual(self.bash("dcmscu", "--ec"), ["--echo"])
        self.assertIn("--find", self.bash("dcmscu", "--"))
        self.assertIn("jsonl", self.bash("dcmscu", "--find", "--format", ""))
        self.assertEqual(self.bash("dcmscu", "--find", "-k", "PatientBirthD"), ["PatientBirthDate", "PatientBirthDateInAlternativeCalendar"])
        self.assertIn("PatientName", self.bash("dcmscu", "--find", "--key", "=", "PatientNam"))
        self.assertEqual(self.bash("dcmscu", "--echo", "@"), ["@pacs1", "@research"])
        self.assertEqual(self.bash("dcmscu", "--echo", "@p"), ["@pacs1"])
        self.assertEqual(self.bash("dcmscu", "--echo", "@", "re"), ["research"])
        self.assertEqual(sorted(self.bash("dcmscu", "--store", "ima")), ["image1.dcm", "images"])
        self.assertEqual(self.bash("dcmscu", "--get", "--output", "ima"), ["images"])

    def fish(self, line):
        script = f"source ./dcmscu.fish; complete -C {shlex.quote(line)}"
        return [entry.split("\t")[0] for entry in self.shell(servers.program("fish"), "-c", script).stdout.splitlines()]

    def test_fish(self):
        self.assertIn("--echo", self.fish("dcmscu --ec"))
        self.assertIn("jsonl", self.fish("dcmscu --find --format j"))
        self.assertIn("PatientBirthDate", self.fish("dcmscu --find --key PatientBirthD"))
        self.assertIn("@pacs1", self.fish("dcmscu --echo @p"))
        self.assertIn("image1.dcm", self.fish("dcmscu --store ima"))

    def test_zsh_takes_the_script(self):
        self.shell(servers.program("zsh"), "-f", "-n", self.folder / "dcmscu.zsh")
        loaded = self.shell(
            servers.program("zsh"), "-f", "-c",
            f"fpath=({self.folder} $fpath); mkdir -p f; cp dcmscu.zsh f/_dcmscu; fpath=($PWD/f $fpath); "
            "autoload -Uz compinit; compinit -u -d ./dump; print ${_comps[dcmscu]}",
        )  # fmt: skip
        self.assertEqual(loaded.stdout.strip(), "_dcmscu")


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
