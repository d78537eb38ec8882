"""Every command of README.md and of the man page's EXAMPLES is run, against a practice archive, and ends as it says."""

import json
import os
import re
import shlex
import signal
import subprocess

from harness import cases, programs, servers
from harness.programs import dcmscu, run
from test_practice_archive import PracticeArchive, data_set, made_up_images

README = programs.REPOSITORY / "README.md"


def console_commands(text):
    """(command, exit code) of each `$` line in the console blocks; `# exit N` behind one says that it ends otherwise."""
    for block in re.findall(r"^```console\n(.*?)^```", text, re.S | re.M):
        for line in block.replace("\\\n", " ").splitlines():
            if line.startswith("$ "):
                command, _, remark = line[2:].partition("   # ")
                code = re.search(r"exit (\d+)", remark)
                yield command.strip(), int(code.group(1)) if code else 0


def manual_examples():
    """The commands of EXAMPLES, taken from the page as `man` would show it."""
    source = dcmscu("--generate", "man", expect=0).stdout
    examples = source.split(".SH EXAMPLES")[1].split("\n.SH ")[0]
    for block in re.findall(r"^\.nf\n\.RS 4\n(.*?)^\.RE", examples, re.S | re.M):
        text = block.replace("\\e\n", " ").replace("\\-", "-").replace("\\&", "").replace("\\(aq", "'").replace("\\e", "\\")
        yield text.strip(), 0


class Documentation(cases.RealServerTest):
    """A folder with `study/`, an archive in place of every named server, and two UIDs in place of 1.2.3 and 1.2.3.4."""

    def setUp(self):
        super().setUp()
        self.our_port = servers.free_port()
        titles = ("DCMSCU", "STATION", "OTHER")
        (self.folder / "worklist.txt").write_text(self.worklist())
        items = [f"--worklist-items={self.folder / 'worklist.txt'}"]
        self.archive = self.serve(PracticeArchive([(title, self.our_port) for title in titles], items))
        self.files = made_up_images(self.folder / "study")
        dcmscu("--store", servers.LOOPBACK, self.archive.port, *self.files, expect=0)
        entry = next(entry for entry in map(data_set, self.files) if entry.Modality == "CT")
        self.study, self.series = str(entry.StudyInstanceUID), str(entry.SeriesInstanceUID)

    @staticmethod
    def worklist():
        """The item that the README shows."""
        return next(block for block in re.findall(r"^```\n(.*?)^```", README.read_text(), re.S | re.M) if "Scheduled" in block)

    def replaced(self, command):
        command = command.replace("pacs.example.org:11112", f"{servers.LOOPBACK}:{self.archive.port}")
        command = command.replace("pacs.example.org 11112", f"{servers.LOOPBACK} {self.archive.port}")
        command = re.sub(r"UID=1\.2\.3\.4\b", f"UID={self.series}", command)
        command = re.sub(r"UID=1\.2\.3\b(?!\.)", f"UID={self.study}", command)
        return command.replace("11113", str(self.our_port))

    def check(self, command, code):
        with self.subTest(command=command):
            if "|" in command:
                return self.check_pipe(command, code)
            words = shlex.split(self.replaced(command))
            self.assertEqual(words[0], "dcmscu", "only dcmscu is run from console blocks")
            words[0] = programs.dcmscu_path()
            if "--serve" in words:
                return self.check_server(words)
            if "OTHER" in words:
                # The node that the archive is to send to: a receiver at our port.
                with _Receiver(self.folder / "other", self.our_port):
                    return run(*words, directory=self.folder, expect=code)
            run(*words, directory=self.folder, environment=self.environment, expect=code)

    def check_pipe(self, command, code):
        """As a shell runs it, with the binary under test as `dcmscu`."""
        binary = self.folder / "bin" / "dcmscu"
        if not binary.exists():
            binary.parent.mkdir()
            binary.symlink_to(programs.dcmscu_path())
        path = f"{binary.parent}:{os.environ['PATH']}"
        run(
            "/bin/sh", "-c", self.replaced(command), directory=self.folder,
            environment={**self.environment, "PATH": path}, expect=code,
        )  # fmt: skip

    @property
    def environment(self):
        """The configuration that the README shows, for our archive."""
        shown = json.loads(re.search(r"^```json\n(.*?)^```", README.read_text(), re.S | re.M).group(1))
        shown["nodes"]["pacs1"] |= {"host": servers.LOOPBACK, "port": self.archive.port}
        path = self.folder / "config.json"
        path.write_text(json.dumps(shown))
        return {"DCMSCU_CONFIG": path}

    def check_server(self, words):
        port = servers.free_port()
        words[words.index("--port-scp") + 1] = str(port)
        server = subprocess.Popen(
            words, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL
        )
        try:
            while not servers.accepts_connections(port):
                self.assertIsNone(server.poll(), "the archive ended")
            dcmscu("--echo", servers.LOOPBACK, port, expect=0)
            server.send_signal(signal.SIGTERM)
            _, said = server.communicate(timeout=10)
            self.assertEqual(server.returncode, 0, said)
        finally:
            server.kill()
            server.wait()

    def test_every_command_of_the_readme(self):
        commands = list(console_commands(README.read_text()))
        self.assertGreater(len(commands), 10)
        for command, code in commands:
            self.check(command, code)

    def test_every_example_of_the_man_page(self):
        commands = list(manual_examples())
        self.assertGreater(len(commands), 8)
        for command, code in commands:
            self.check(command, code)

    def test_the_scripts_that_the_readme_names_exist(self):
        for name in set(re.findall(r"scripts/[a-z][a-z-]*(?:/[a-z-]+)?", README.read_text())):
            self.assertTrue((programs.REPOSITORY / name).exists(), name)

    def test_the_exit_codes_of_the_readme_are_those_of_the_help(self):
        help_text = dcmscu("--help", "all", expect=0).stdout
        table = " ".join(help_text.split("Exit codes:")[1].split("Examples:")[0].split())
        for code, meaning in re.findall(r"^\| (\d+) \| (.*) \|$", README.read_text(), re.M):
            self.assertIn(f"{code} {meaning}", table)

    def test_every_option_of_the_readme_exists(self):
        known = set(re.findall(r"--[a-z][a-z-]+", dcmscu("--help", "all", expect=0).stdout)) | {"--generate"}
        ours = {"--prefix", "--uninstall", "--disable-default-traits", "--without-tls"}
        # Options of other tools stand in the first column of the tables, which is left out here.
        text = re.sub(r"^\| [^|]*\|", "", README.read_text(), flags=re.M)
        used = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text))
        self.assertEqual(used - known - ours, set())


class Installation(cases.RealServerTest):
    def test_install_and_uninstall(self):
        script = programs.REPOSITORY / "scripts" / "install"
        environment = {"DCMSCU": programs.dcmscu_path()}
        run(script, "--prefix", self.folder, environment=environment, expect=0)
        run(self.folder / "bin" / "dcmscu", "--version", expect=0)
        self.assertTrue((self.folder / "share/man/man1/dcmscu.1").exists())
        run(script, "--prefix", self.folder, "--uninstall", expect=0)
        self.assertEqual([path for path in self.folder.rglob("*") if path.is_file()], [])
        run(script, "--prefix", self.folder, "--uninstall", expect=1)


class _Receiver(servers.Server):
    """A practice archive at a port that is given, for what is sent on."""

    name = "receiver"

    def __init__(self, directory, port):
        super().__init__()
        self.directory = directory
        self.given = port

    def prepare(self):
        self.port = self.given

    def command(self):
        return [programs.dcmscu_path(), "--serve", self.directory, "--port-scp", self.port]
