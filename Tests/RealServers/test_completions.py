"""Completions as the shells run them: options, operations, keywords, nodes, files. The scripts are those that the binary makes."""

import json
import os
import shlex

from harness import cases, programs, servers


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
