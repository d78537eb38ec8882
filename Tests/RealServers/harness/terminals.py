"""Runs the program on a terminal of its own, as a person sees it."""

import fcntl
import os
import pty
import struct
import termios

from . import programs


def on_terminal(arguments, width=80, environment=None):
    """The exit code, and all that the terminal received, on standard output and standard error."""
    process, terminal = pty.fork()
    if process == 0:
        fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
        command = [str(programs.dcmscu_path()), *map(str, arguments)]
        settings = {"LC_ALL": "C.UTF-8", "TERM": "xterm", "DCMSCU_CONFIG": "/dev/null", **(environment or {})}
        os.execvpe(command[0], command, {**os.environ, **settings})
    shown = b""
    while True:
        try:
            part = os.read(terminal, 1 << 16)
        except OSError:
            break
        if not part:
            break
        shown += part
    os.close(terminal)
    _, status = os.waitpid(process, 0)
    return os.waitstatus_to_exitcode(status), shown.decode().replace("\r\n", "\n")
