"""What a Markdown file tells a reader to type: fenced blocks by their language, and code within the text."""

import dataclasses
import re


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


def blocks(text):
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


def console_steps(block):
    """The lines behind `$ `, each with what stands below it; a backslash at the end of a line joins the next one to it."""
    steps, output = [], []

    def close():
        if steps:
            steps[-1] = dataclasses.replace(steps[-1], output="\n".join(output) + "\n" if output else None)
        elif output:
            raise AssertionError(f"line {block.line}: output without a command before it")

    for number, line in enumerate(block.text.replace("\\\n", " ").splitlines(), block.line + 1):
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
    for number, line in enumerate(block.text.replace("\\\n", " ").splitlines(), block.line + 1):
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
