"""Every command that README.md, CONTRIBUTING.md and the manual pages show is run, against practice archives, and ends as they say.

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

from harness import cases, certificates, documents, programs, servers
from harness.documents import ALL, CONFIGURATION, MIGRATING, README, TABLES, TROUBLESHOOTING, cron_entry
from harness.practice import PYTHON, PracticeArchive, data_set, made_up_images
from harness.programs import dcmscu, run
from harness.terminals import on_terminal

# How a command begins, so that none hides in a block that is not run.
COMMAND = re.compile(r"^\s*(\$ |dcmscu\b|scripts/|swift\b|sudo\b|apt|pip|git\b|curl\b|man \w)", re.M)
SCRIPT = pathlib.Path(__file__).with_name("gdcmscu-examples")
TITLE = "ACME1"
WEB = "https://pacs.example.org/dicom-web"


def comparable(text):
    """Output without the values that differ from run to run: times, rates, bytes, ports."""
    text = re.sub(r"\d+(?:\.\d+)? (s|ms|MB/s|kB|MB|bytes)\b", r"N \1", text)
    text = re.sub(r"\b\d+(\.\d+){2,}", "UID", re.sub(r"127\.0\.0\.1:\d+|port \d+", "PORT", text))
    return [re.sub(r" +", " ", line.rstrip()) for line in text.splitlines()]


class Documented(cases.RealServerTest):
    """A folder with `study/`, archives in place of every named server, and UIDs in place of 1.2.3 and 1.2.3.4."""

    TITLES = ("DCMSCU", "STATION", "OTHER", "ME")

    def setUp(self):
        super().setUp()
        # Made for the first command that names it.
        self.web_url = None
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
        """The item that the page of troubles shows."""
        return TROUBLESHOOTING.block("text", "ScheduledProcedureStep")

    def configuration(self):
        """The file that its page shows, for our archive."""
        shown = json.loads(CONFIGURATION.block("json"))
        shown["nodes"]["pacs1"] |= {"host": servers.LOOPBACK, "port": self.archive.port}
        # The certificate of a node of the page is made here.
        for node in shown["nodes"].values():
            if "tls-ca" in node:
                node["tls-ca"] = str(certificates.Authority(self.folder / "node", "node").certificate)
        return shown

    def replaced(self, command):
        plain = f"{servers.LOOPBACK} {self.archive.port}"
        command = command.replace("pacs.example.org:11112", plain.replace(" ", ":")).replace("host:104", plain.replace(" ", ":"))
        command = re.sub(r"(?:pacs\.example\.org|127\.0\.0\.1) 11112|host 104", plain, command)
        if "pacs.example.org 2762" in command:
            command = command.replace("pacs.example.org 2762", f"{servers.LOOPBACK} {self.secured().port}")
        if WEB in command:
            command = command.replace(WEB, self.web())
        command = re.sub(r"UID=1\.2\.3\.4\b", f"UID={self.series}", command)
        command = re.sub(r"UID=1\.2\.3\b(?!\.)", f"UID={self.study}", command)
        return command.replace("11113", str(self.our_port))

    def web(self):
        """Orthanc behind nginx, with what the archive has; the files with secrets have the names of the pages."""
        if self.web_url:
            return self.web_url
        authority = certificates.Authority(self.folder / "authority-of-web", "hospital")
        (self.folder / "hospital-ca.pem").write_bytes(authority.certificate.read_bytes())
        # Where no file of authorities is named, those of the machine are trusted.
        self.environment["SSL_CERT_FILE"] = str(self.folder / "hospital-ca.pem")
        (self.folder / "token").write_text("a.b.c")
        (self.folder / "secret").write_text("s3cret")
        orthanc = self.serve(servers.orthanc_with_web())
        dcmscu("--store", servers.LOOPBACK, orthanc.port, "-r", self.folder / "study", expect=0)
        self.web_url = self.serve(servers.Nginx(orthanc.http_port, authority.issue("server"))).web_url
        return self.web_url

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
            if "--serve" in words or "--watch" in words:
                return self.check_server(words)
            if "OTHER" in words:
                # The node that the archive is to send to: a receiver at our port.
                with servers.Receiver(
                    [programs.dcmscu_path(), "--serve", self.folder / "other", "--port-scp", self.our_port], self.our_port
                ):
                    return self.shell(ready, code)
            if output is not None and re.match(r"dcmscu (--)?find\b(?!.*--show-config)", command):
                # As a person sees it.
                environment = {**{name: str(value) for name, value in self.environment.items()}, "NO_COLOR": "1"}
                ended, shown = on_terminal(words[1:], 100, environment)
                self.assertEqual(ended, code, shown)
                return self.assertEqual(comparable(shown), comparable(output))
            ended = self.shell(ready, code)
            if output is not None:
                self.assertEqual(comparable(ended.said), comparable(output), ended)

    def shell(self, command, code=0):
        # Instances that one example retrieved are retrieved again by the next one.
        return run("/bin/bash", "-c", command, directory=self.folder, environment=self.environment, expect=code)

    def check_server(self, words):
        self.assertEqual(words.pop(0), "dcmscu")
        port = servers.free_port()
        if "--port-scp" in words:
            words[words.index("--port-scp") + 1] = str(port)
        else:
            words += ["--port-scp", str(port)]
        web = servers.free_port() if "--http-port" in words else None
        if web:
            words[words.index("--http-port") + 1] = str(web)
        server = subprocess.Popen(
            [programs.dcmscu_path(), *words], cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            while not all(map(servers.accepts_connections, [port, web] if web else [port])):
                self.assertIsNone(server.poll(), "the server ended")
            dcmscu("--echo", servers.LOOPBACK, port, expect=0)
            if web:
                # One in five fails, where that is what the example wants.
                dcmscu("--echo", f"http://{servers.LOOPBACK}:{web}", expect=0)
            server.send_signal(signal.SIGTERM)
            _, said = server.communicate(timeout=30)
            self.assertEqual(server.returncode, 0, said)
        finally:
            server.kill()
            server.wait()


class DocumentText(cases.RealServerTest):
    """Rules that hold without running anything but programs' help."""

    def test_every_block_is_of_a_kind_that_is_run_or_has_no_command(self):
        for document in ALL:
            kinds = {block.kind for block in document.blocks}
            self.assertEqual(kinds - {"console", "sh", "cron", "json", "text"}, set(), f"{document.name}: nothing runs these")
            for block in document.blocks:
                if block.kind in ("json", "text"):
                    place = f"{document.name} line {block.line}"
                    self.assertIsNone(COMMAND.search(block.text), f"{place}: a command in a block that is not run")

    def test_the_readme_is_short_and_narrow(self):
        lines = README.text.splitlines()
        self.assertLessEqual(len(lines), 150)
        self.assertEqual([line for line in lines if len(line) > 100], [])

    def test_the_options_of_other_tools_exist(self):
        """Of DCMTK and pynetdicom, whose help is here."""
        helps = {
            "DCMTK": "".join(run(name, "--help").said for name in ("echoscu", "storescu", "dcmsend", "findscu", "movescu", "getscu")),
            "PYNETDICOM": "".join(
                run(PYTHON, "-m", "pynetdicom", name, "--help").said
                for name in ("echoscu", "storescu", "findscu", "movescu", "getscu", "qrscp", "storescp")
            ),
        }
        for tool, text in helps.items():
            rows = MIGRATING.entries(tool)
            self.assertGreater(len(rows), 5)
            for theirs, _ in rows:
                given = " ".join(re.findall(r"`([^`]*)`", theirs)).replace("python -m", "")
                for option in re.findall(r"(?<![\w=\"-])[-+]-?[A-Za-z][\w-]*", given):
                    self.assertTrue(re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", text), f"{tool} has no {option}: {theirs}")
        self.assertGreater(len(MIGRATING.entries("DCM4CHE")), 5)

    def test_the_scripts_that_documents_name_exist(self):
        for document in ALL:
            for name in set(re.findall(r"scripts/[a-z][a-z-]*(?:/[a-z-]+)?", document.plain)):
                self.assertTrue((programs.REPOSITORY / name).exists(), f"{document.name}: {name}")

    def test_the_exit_codes_of_the_readme_are_those_of_the_help(self):
        help_text = dcmscu("--help", "all", expect=0).stdout
        table = " ".join(help_text.split("Exit codes:")[1].split("Examples:")[0].split())
        rows = re.findall(r"^\| (\d+) \| (.*) \|$", README.text, re.M)
        self.assertGreater(len(rows), 10)
        for code, meaning in rows:
            self.assertIn(f"{code} {meaning}", table)

    def test_every_option_that_documents_name_exists(self):
        known = set(re.findall(r"--[a-z][a-z-]+", dcmscu("--help", "all", expect=0).stdout)) | {"--generate"}
        ours = {"--prefix", "--uninstall", "--disable-default-traits", "--without-tls", "--dry-run", "--filter", "--check", "--list"}
        ours |= {"--beside", "--binary", "--folders", "--disable-sandbox", "--profile"}
        for document in ALL:
            text = document.plain
            if document is MIGRATING:
                # The terms are options of other tools.
                text = " ".join(meaning for tool in ("DCMTK", "DCM4CHE", "PYNETDICOM") for _, meaning in document.entries(tool))
            used = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text))
            self.assertEqual(used - known - ours, set(), document.name)

    def test_the_messages_in_the_table_of_troubles_are_those_of_the_program(self):
        sources = "".join(path.read_text() for path in (programs.REPOSITORY / "Sources").rglob("*.swift"))
        # As the source has them, with an ellipsis for each interpolation.
        found = re.sub(r"\\\([^()]*\)", "...", sources)
        shown = [words for term, _ in TROUBLESHOOTING.entries("MESSAGES") for words in re.findall(r"`([^`]+)`", term)]
        self.assertGreater(len(shown), 4)
        for words in shown:
            if not re.fullmatch(r"[0-9A-F]{4}H", words):
                self.assertIn(words, found)

    def test_the_links_of_the_documents_lead_somewhere(self):
        for document in ALL:
            targets = re.findall(r"\]\(([^)]+)\)", document.text)
            if document.is_manual:
                targets = [f"man/{name}.{part}" for name, part in re.findall(r"\b(dcmscu(?:-\w+)?) ?\((\d)\)", document.plain)]
                self.assertTrue(targets, document.name)
            for target in targets:
                if "://" not in target:
                    self.assertTrue((programs.REPOSITORY / target.split("#")[0]).exists(), f"{document.name}: {target}")

    def test_groff_has_nothing_to_say_of_the_manual_pages(self):
        for document in ALL:
            if document.is_manual:
                shown = run("man", "--warnings", "-E", "UTF-8", "-l", document.path, environment={"LC_ALL": "C.UTF-8"}, expect=0)
                self.assertEqual(shown.stderr, "", document.name)


class Commands(Documented):
    """Runs every command of a document, from its beginning to its end; one class for each document is made below."""

    document = None

    def run_blocks(self):
        ran = 0
        for block in self.document.blocks:
            if block.kind == "console":
                ran += self.run_console(block)
            elif block.kind == "sh":
                for number, command in documents.shell_lines(block):
                    ran += 1
                    with self.subTest(command=command, line=number):
                        self.run_line(command)
            elif block.kind == "cron":
                for line in filter(None, block.text.splitlines()):
                    ran += 1
                    _, command = cron_entry(line)
                    self.check(command.replace("/var/lib/mr", str(self.folder)).replace("/data/mr", f"{self.folder}/mr"))
        return ran

    def run_console(self, block):
        """`echo $?` tells what the command before it ends with, and all that is shown as output has to come."""
        steps = documents.console_steps(block)
        for step, following in zip(steps, [*steps[1:], None]):
            if step.command == "echo $?":
                continue
            code = int(following.output) if following and following.command == "echo $?" else 0
            self.check(step.command, code, step.output, step.line)
        return len(steps)

    def run_line(self, command):
        """Checks a line that builds or tests: scripts/test or .ci/run has to have the same line, since they run this test."""
        first = command.split()[0]
        if first == "dcmscu":
            return self.check(command)
        if first in ("scripts/demo", "scripts/install"):
            # With the binary that is tested in place of a build of its own.
            return self.shell(f"{programs.REPOSITORY}/{command}")
        words = command.split()
        if first == "scripts/setup":
            return run(programs.REPOSITORY / first, "--dry-run", *words[1:], expect=0)
        if first in ("scripts/check-architecture", "scripts/generate-dictionary"):
            return run(programs.REPOSITORY / first, "--check" if first.endswith("dictionary") else "--help", expect=0)
        if first == "scripts/package":
            # `scripts/test packages` makes all of them.
            said = run(programs.REPOSITORY / first, "no-such-kind", expect=2).stderr
            return self.assertIn(f"'{words[1]}'", said.partition("choose from")[2], said)
        if first == "scripts/test" and len(words) > 1:
            # It lists its parts when asked for an unknown one.
            said = run(programs.REPOSITORY / first, "no-such-part", expect=2).stderr
            return self.assertEqual(set(words[1:]) - set(said.partition("there are:")[2].split()), set(), said)
        if first == "scripts/fuzz/run":
            # Minutes each: `scripts/test fuzz` runs all of them.
            run(programs.REPOSITORY / first, "no-such-target", "check", expect=2)
            targets = re.search(r"^targets=\((.*)\)$", (programs.REPOSITORY / first).read_text(), re.M).group(1).split()
            self.assertIn(words[1], targets)
            return self.assertRegex(words[2], r"^(check|\d+)$")
        if words[:3] == ["swift", "test", "--filter"]:
            # There is a test target, or a type of tests, of this name.
            tests = programs.REPOSITORY / "Tests"
            names = [path.stem for path in tests.rglob("*.swift")] + [path.name for path in tests.iterdir()]
            return self.assertTrue(all(name in names for name in words[3].split(".")), command)
        if first.startswith("DCMSCU") or first == "/usr/bin/python3":
            return self.assertIn("Tests/RealServers", command)
        callers = [programs.REPOSITORY / "scripts" / "test", programs.REPOSITORY / ".ci" / "run"]
        ran = [line.strip() for path in callers for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
        self.assertTrue(any(re.search(rf"\b{re.escape(command)}(\s|$)", line) for line in ran), "nothing runs this command")


def commands_of(document):
    def test_every_command(self):
        self.assertTrue(self.run_blocks() or document in (MIGRATING, TABLES), f"{document.name} has no command")

    name = "CommandsOf" + "".join(re.findall(r"[A-Za-z]+", document.path.stem.title()))
    return name, type(name, (Commands,), {"document": document, "test_every_command": test_every_command, "__module__": __name__})


globals().update(commands_of(document) for document in ALL)


class Migrating(Documented):
    def test_the_command_lines_of_other_tools_and_ours_work(self):
        """Whole ones; those of the other tools too, where Debian or PyPI have them."""
        (self.folder / "native").mkdir()
        for path in self.files:
            if data_set(path).Modality == "MR":
                (self.folder / "native" / path.name).symlink_to(path)
        tried = 0
        rows = [row for tool in ("DCMTK", "DCM4CHE", "PYNETDICOM") for row in MIGRATING.entries(tool)]
        for code in (code for row in rows for side in row for code in re.findall(r"`([^`]+)`", side)):
            words = code.split()
            ours = words[0] == "dcmscu"
            fragment = words[0] in ("--store", "--find", "--get", "--move", "--stgcmt") and ("host" in words or "PACS@host:104" in words)
            theirs = words[:3] == ["python", "-m", "pynetdicom"] or words[0] in ("echoscu", "storescu", "dcmsend")
            if not (ours or fragment or theirs and "host" in words):
                continue
            tried += 1
            command = code.replace("DIR", "study" if "-r" in words or "+r" in words else "out").replace("FILE", "study")
            command = command.replace("python -m", f"{shlex.quote(PYTHON)} -m")
            if theirs:
                # They send nothing compressed unless they are told.
                command = command.replace("study", "native")
            self.check(f"dcmscu {command}" if fragment else command)
        self.assertGreater(tried, 10)


class Installation(cases.RealServerTest):
    def test_install_and_uninstall(self):
        script = programs.REPOSITORY / "scripts" / "install"
        environment = {"DCMSCU": programs.dcmscu_path()}
        run(script, "--prefix", self.folder, environment=environment, expect=0)
        run(self.folder / "bin" / "dcmscu", "--version", expect=0)
        for document in ALL:
            if document.is_manual:
                part = document.path.suffix[1:]
                self.assertTrue((self.folder / f"share/man/man{part}" / document.path.name).exists())
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
