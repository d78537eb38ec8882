"""The documents of the project as tests read them: blocks of commands, code within the text, entries of tables.

README.md and its like are Markdown. Manual pages are roff: a block stands between `.EX` and `.EE`, and the comment before its
`.RS` says its kind, as the word behind a fence does in Markdown; code within the text is bold.
"""

import dataclasses
import functools
import re

from . import programs


@dataclasses.dataclass(frozen=True)
class Block:
    """A fenced block; `kind` is the language behind the fence, empty where there is none."""

    kind: str
    text: str
    line: int


@dataclasses.dataclass(frozen=True)
class Step:
    """A command of a `console` block and the output that is shown below it; None where none is shown."""

    command: str
    output: str | None
    line: int


class Document:
    """A file of the repository; `blocks`, `codes` and `plain` are the same for Markdown and for a manual page."""

    def __init__(self, name):
        self.name = name
        self.path = programs.REPOSITORY / name
        self.is_manual = not name.endswith(".md")

    @functools.cached_property
    def text(self):
        return self.path.read_text()

    @property
    def blocks(self):
        return manual_blocks(self.text) if self.is_manual else markdown_blocks(self.text)

    @property
    def codes(self):
        """(line number, code) of all code outside of the blocks."""
        return list(bold_text(self.text) if self.is_manual else inline_code(self.text))

    @property
    def plain(self):
        """The text without the marks of roff."""
        return unescaped(self.text) if self.is_manual else self.text

    def block(self, kind, holding=""):
        return next(block.text for block in self.blocks if block.kind == kind and holding in block.text)

    def entries(self, section):
        """(term, meaning) of each tagged paragraph in a section of a manual page, with code in backticks."""
        lines = self.text.partition(f".SH {section}\n")[2].partition("\n.SH ")[0].splitlines()
        found = []
        for number, line in enumerate(lines):
            if line == ".TP":
                meaning = []
                for following in lines[number + 2 :]:
                    if following.startswith("."):
                        break
                    meaning.append(following)
                found.append((marked(lines[number + 1]), marked(" ".join(meaning))))
        return found


README = Document("README.md")
CONTRIBUTING = Document("CONTRIBUTING.md")
MANUAL = Document("man/dcmscu.1")
CONFIGURATION = Document("man/dcmscu-config.5")
NIGHTLY = Document("man/dcmscu-nightly.7")
TROUBLESHOOTING = Document("man/dcmscu-troubleshooting.7")
MIGRATING = Document("man/dcmscu-migrating.7")
TABLES = Document("man/dcmscu-tables.7")
ALL = [README, CONTRIBUTING, MANUAL, CONFIGURATION, NIGHTLY, TROUBLESHOOTING, MIGRATING, TABLES]

_ESCAPES = {"\\-": "-", "\\e": "\\", "\\&": "", "\\(aq": "'", "\\(ga": "`", "\\(ha": "^", "\\(ti": "~"}


def unescaped(text):
    """Text of a manual page without comments and fonts, its escapes as the characters that they stand for."""
    text = re.sub(r"\\f[BIR]", "", re.sub(r'^\.\\".*\n', "", text, flags=re.M))
    return re.sub(r"\\(?:\(\w\w|.)", lambda match: _ESCAPES[match.group()], text)


def marked(text):
    """A line of a manual page with its bold words in backticks."""
    return unescaped(re.sub(r"\\fB(.*?)\\fR", r"`\1`", text))


def bold_text(text):
    is_block = False
    for number, line in enumerate(text.splitlines(), 1):
        is_block = line == ".EX" or is_block and line != ".EE"
        if not is_block:
            for code in re.findall(r"\\fB(.*?)\\fR", line):
                yield number, unescaped(code)


def manual_blocks(text):
    found, kind, lines, start = [], "", None, 0
    for number, line in enumerate(text.splitlines(), 1):
        if match := re.fullmatch(r'\.\\" (\w+)', line):
            kind = match.group(1)
        elif line == ".EX":
            lines, start = [], number
        elif line == ".EE":
            found.append(Block(kind, "".join(entry + "\n" for entry in lines), start))
            kind, lines = "", None
        elif lines is not None:
            lines.append(unescaped(line))
        elif line == ".nf":
            raise AssertionError(f"line {number}: a block that tests do not see: write .EX")
    return found


def markdown_blocks(text):
    found, kind, lines, start = [], None, [], 0
    for number, line in enumerate(text.splitlines(), 1):
        if kind is None:
            if match := re.fullmatch(r"\s*```(\w*)\s*", line):
                kind, lines, start = match.group(1), [], number
        elif line.strip() == "```":
            found.append(Block(kind, "\n".join(lines) + "\n", start))
            kind = None
        else:
            lines.append(line)
    if kind is not None:
        raise AssertionError(f"line {start}: a block that does not end")
    return found


def inline_code(text):
    """(line number, code) of each span in backticks outside of the blocks."""
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip().startswith("```"):
            fenced = not fenced
        elif not fenced:
            for code in re.findall(r"`([^`]+)`", line):
                yield number, code.replace("\\|", "|")


def joined(text):
    """The text with the lines that end in a backslash and those that follow them in one."""
    return re.sub(r"[ \t]*\\\n[ \t]*", " ", text)


def console_steps(block):
    """The lines behind `$ `, each with what stands below it; a backslash at the end of a line joins the next one to it."""
    steps, output = [], []

    def close():
        if steps:
            steps[-1] = dataclasses.replace(steps[-1], output="\n".join(output) + "\n" if output else None)
        elif output:
            raise AssertionError(f"line {block.line}: output without a command before it")

    for number, line in enumerate(joined(block.text).splitlines(), block.line + 1):
        if line.startswith("$ "):
            close()
            steps.append(Step(line[2:].strip(), None, number))
            output = []
        else:
            output.append(line)
    close()
    return steps


def shell_lines(block):
    """The commands of a `sh` block without their comments."""
    for number, line in enumerate(joined(block.text).splitlines(), block.line + 1):
        command = re.sub(r"(^|\s)#.*", "", line).strip()
        if command:
            yield number, command


def cron_entry(line):
    """(when, command) of a line of a crontab; fields out of range are a failure."""
    *when, command = line.split(None, 5)
    limits = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
    if len(when) != len(limits):
        raise AssertionError(f"no line of a crontab: {line}")
    for field, (low, high) in zip(when, limits):
        for part in field.split(","):
            match = re.fullmatch(r"(?:\*|(\d+)(?:-(\d+))?)(?:/\d+)?", part)
            numbers = [int(number) for number in match.groups() if number] if match else []
            if not match or not all(low <= number <= high for number in numbers):
                raise AssertionError(f"no field of a crontab: {field}")
    # cron turns a percent sign into the end of the line.
    if "%" in command.replace("\\%", ""):
        raise AssertionError(f"cron ends this command at its percent sign: {command}")
    return when, command
