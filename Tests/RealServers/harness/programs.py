"""Runs programs to their end, with a time limit, and keeps their output."""

import atexit
import dataclasses
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import tempfile
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]

# Everything here talks over loopback about small files: a command that takes longer hangs.
TIME_LIMIT = 60.0

# The working folder of programs unless a test names another: they must not leave files in the checkout.
_scratch = tempfile.mkdtemp(prefix="dcmscu-scratch-")
atexit.register(shutil.rmtree, _scratch, ignore_errors=True)


def dcmscu_path():
    """The binary under test: $DCMSCU, else the release build of this checkout."""
    return os.environ.get("DCMSCU") or str(REPOSITORY / ".build" / "release" / "dcmscu")


@dataclasses.dataclass
class Run:
    """A program that has ended."""

    arguments: list
    code: int
    stdout_bytes: bytes
    stderr_bytes: bytes
    seconds: float

    @property
    def stdout(self):
        return self.stdout_bytes.decode("utf-8", "replace")

    @property
    def stderr(self):
        return self.stderr_bytes.decode("utf-8", "replace")

    @property
    def said(self):
        """Both outputs, for assertions on messages."""
        return self.stdout + self.stderr

    def __str__(self):
        line = shlex.join(self.arguments)
        if len(line) > 2000:
            line = line[:2000] + " ..."
        return (
            f"$ {line}\nexit {self.code} after {self.seconds:.2f} s\n"
            f"--- stdout\n{_shortened(self.stdout)}--- stderr\n{_shortened(self.stderr)}"
        )


def run(*arguments, timeout=TIME_LIMIT, environment=None, directory=None, stdin=b"", expect=None):
    """Runs a program; `expect` is the exit code (or several) without which this is a failure."""
    arguments = [str(argument) for argument in arguments]
    started = time.monotonic()
    process = subprocess.Popen(
        arguments,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **{k: str(v) for k, v in (environment or {}).items()}},
        cwd=directory or _scratch,
    )
    try:
        out, err = process.communicate(stdin, timeout=timeout)
        late = False
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        late = True
    result = Run(arguments, process.returncode, out, err, time.monotonic() - started)
    if late:
        raise AssertionError(f"no end within {timeout:.0f} s\n{result}")
    if expect is not None:
        wanted = expect if isinstance(expect, (tuple, list, set)) else (expect,)
        if result.code not in wanted:
            raise AssertionError(f"exit code {result.code} instead of {' or '.join(map(str, wanted))}\n{result}")
    return result


def dcmscu(*arguments, **options):
    """Runs the binary under test. English messages and UTF-8, whatever the machine's locale."""
    environment = {"LC_ALL": "C.UTF-8", "DCMSCU_CONFIG": "/dev/null", **options.pop("environment", {})}
    return run(dcmscu_path(), *arguments, environment=environment, **options)


def wait_until_heard(pid, number=signal.SIGTERM):
    """Until the program takes the signal by itself: before, it would end it. One --echo does so once a wait lasts."""
    limit = time.monotonic() + TIME_LIMIT
    while time.monotonic() < limit:
        fields = _status(pid)
        if fields is None:
            raise AssertionError("the program has ended")
        if any(int(fields[name], 16) >> (number - 1) & 1 for name in ("SigBlk", "SigIgn")):
            return
        time.sleep(0.005)
    raise AssertionError(f"{number.name} is neither blocked nor ignored")


def send_signals(pid, *numbers):
    """One after the other, each when the one before has been taken: two of a kind that wait are one."""
    for number in numbers:
        os.kill(pid, number)
        limit = time.monotonic() + TIME_LIMIT
        while _waits(pid, number) and time.monotonic() < limit:
            time.sleep(0.01)


def _status(pid):
    """What the system tells of a process; None of one that has ended, and takes no more signals."""
    try:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = dict(line.split(":", 1) for line in status.splitlines())
    return None if fields["State"].strip().startswith("Z") else fields


def _waits(pid, number):
    fields = _status(pid)
    return fields is not None and any(int(fields[name], 16) >> (number - 1) & 1 for name in ("SigPnd", "ShdPnd"))


def _shortened(text, limit=6000):
    if len(text) > limit:
        text = text[: limit // 2] + f"\n... {len(text) - limit} characters ...\n" + text[-limit // 2 :]
    return text if not text or text.endswith("\n") else text + "\n"
