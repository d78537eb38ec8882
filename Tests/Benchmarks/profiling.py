"""Where the time of a run goes: samples of `perf` by kind of work, and the system calls that `strace` counts."""

import collections
import os
import re
import subprocess

# The first that fits the name of a function of the kernel.
KERNEL = [
    ("copies", "copy_|_copy|memcpy|memmove|shmem_write_end|clear_page|iov_iter"),
    ("network", "tcp|skb|sock|inet|ip_|net_|netif|loopback|napi|process_backlog"),
    ("page cache", "shmem|folio|page|charge|memcg|xas_|xa_|alloc|lru|filemap|mapping"),
    ("files", "dentry|path|open|inode|link|lookup|namei|vfs|statx|d_"),
]
# The same of the program.
PROGRAM = [
    ("counting references", "swift_retain|swift_release|swift_bridgeObject|RefCounts|isUniquelyReferenced"),
    ("memory", "swift_alloc|swift_dealloc|swift_slow|Dealloc|deallocating|_consumeAndCreateNew|reserveCapacity"),
    ("types and conformances", "Metadata|conform|Conform|Witness|swift_getGeneric|instantiate|Demangle"),
]
LIBRARIES = [
    ("digests", "sha|SHA"),
    ("memory", "malloc|free|calloc"),
    ("copies", "mem(move|cpy|set|cmp)"),
]
FREQUENCY = 10_000
ROUNDS = 5


def kind(library, is_kernel, function, program):
    if is_kernel:
        rules, rest = KERNEL, "the rest of the kernel"
    elif library == program:
        rules, rest = PROGRAM, "the program"
    else:
        rules, rest = LIBRARIES, library
    return next((name for name, pattern in rules if re.search(pattern, function)), rest)


def run(command, contender, folder):
    """One run of the contender under `command`; whether it ended as it should."""
    if contender.prepare:
        contender.prepare()
    words = [*command, *map(str, contender.command)]
    environment = {**os.environ, **contender.environment}
    done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder, env=environment)
    return done.returncode == contender.code


def profile(contender, folder):
    """Prints where the CPU time of the contender goes, and its system calls."""
    program = str(contender.command[0]).rpartition("/")[2]
    samples, every = collections.Counter(), 0
    data = folder / "perf.data"
    for _ in range(ROUNDS):
        if not run(["perf", "record", "-e", "cpu-clock", "-F", str(FREQUENCY), "-o", data], contender, folder):
            print(f"  {contender.name}: did not end as it should")
            return
        report = subprocess.run(
            ["perf", "report", "-i", data, "--stdio", "-n", "--sort", "dso,sym"], capture_output=True, text=True, check=True
        ).stdout
        for line in report.splitlines():
            found = re.match(r"\s+[\d.]+%\s+(\d+)\s+(\S+)\s+\[(.)\] (.*)", line)
            if found:
                number = int(found[1])
                samples[kind(found[2], found[3] == "k", found[4], program)] += number
                every += number
    data.unlink()
    parts = ", ".join(f"{name} {100 * number / every:.0f} %" for name, number in samples.most_common(8))
    print(f"  {contender.name}: {1000 * every / FREQUENCY / ROUNDS:.1f} ms of CPU: {parts}")
    counts = folder / "calls"
    run(["strace", "-f", "-c", "-o", counts], contender, folder)
    rows = [line.split() for line in counts.read_text().splitlines()[2:]]
    calls = sorted(((int(row[3]), row[-1]) for row in rows if len(row) > 4 and row[3].isdigit() and row[-1] != "total"), reverse=True)
    print(f"    {', '.join(f'{number} {name}' for number, name in calls[:8])}")
