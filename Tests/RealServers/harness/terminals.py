"""Runs the program on a terminal of its own, as a person sees it."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios

from . import programs


def on_terminal(arguments, width=80, environment=None):
    """The exit code, and all that the terminal received, on standard output and standard error."""
    own, given = pty.openpty()
    fcntl.ioctl(given, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    settings = {"LC_ALL": "C.UTF-8", "TERM": "xterm", "DCMSCU_CONFIG": "/dev/null", **(environment or {})}
    # In our session: with the leader of a session ends what its terminal has not passed on yet.
    process = subprocess.Popen(
        [programs.dcmscu_path(), *map(str, arguments)], stdin=given, stdout=given, stderr=given,
        env={**os.environ, **settings},
    )  # fmt: skip
    os.set_blocking(own, False)
    shown = b""
    while True:
        has_ended = process.poll() is not None
        try:
            shown += os.read(own, 1 << 16)
        except BlockingIOError:
            if has_ended:
                break
            select.select([own], [], [], 0.02)
    os.close(own)
    os.close(given)
    return process.returncode, shown.decode().replace("\r\n", "\n")
