"""Runs the program under limits of the system, and measures its peak of memory."""

import os
import pathlib
import sys
import tempfile

from . import programs

# The most that a run may take, whatever a peer does: 14 MB that it has anyway (18 with TLS), one answer of 16 MiB that grows to its length, and
# buffers. Not reached: a process that takes what a peer announces would have gigabytes.
PEAK_MEMORY = 64 << 20

# The peak that `wait4` tells of a process begins with that of the process which it was forked from: this small one.
_WRAPPER = """
import ctypes, os, resource, sys
result, files, longest, identity, program = sys.argv[1], *map(int, sys.argv[2:5]), sys.argv[5]
pid = os.fork()
if pid == 0:
    ctypes.CDLL(None).prctl(1, 9)
    if files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    if longest:
        resource.setrlimit(resource.RLIMIT_FSIZE, (longest, longest))
    if identity:
        os.setgroups([])
        os.setresgid(identity, identity, identity)
        os.setresuid(identity, identity, identity)
    os.execv(program, sys.argv[5:])
with open(result + ".pid", "w") as file:
    file.write(str(pid))
os.rename(result + ".pid", result + "-pid")
_, status, usage = os.wait4(pid, 0)
with open(result, "w") as file:
    file.write(str(usage.ru_maxrss * 1024))
code = os.waitstatus_to_exitcode(status)
os._exit(code if code >= 0 else 200 - code)
"""


def command(result, *arguments, files=0, longest=0, identity=None):
    """The command line that writes the peak in bytes to `result` when it ends, and when it begins the program's number beside it.

    files: descriptors at most; longest: bytes of a file at most; identity: (number of a user, path of the program).
    """
    user, program = identity or (0, programs.dcmscu_path())
    wrapper = [sys.executable, "-I", "-S", "-c", _WRAPPER, result, files, longest, user]
    return [str(word) for word in [*wrapper, program, *arguments]]


def environment(**more):
    return {**os.environ, "LC_ALL": "C.UTF-8", "DCMSCU_CONFIG": "/dev/null", **more}


def dcmscu(*arguments, files=0, longest=0, **options):
    """Like `programs.dcmscu`; the run has its `peak`. A death by a signal is the exit code 200 and its number."""
    with tempfile.TemporaryDirectory(prefix="dcmscu-peak-") as folder:
        result = pathlib.Path(folder) / "peak"
        line = command(result, *arguments, files=files, longest=longest)
        run = programs.run(*line, environment={"LC_ALL": "C.UTF-8", "DCMSCU_CONFIG": "/dev/null"}, **options)
        run.peak = int(result.read_text())
    return run
