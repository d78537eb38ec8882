"""Measures dcmscu beside DCMTK's clients, on the same work and in the same minutes, and beside what the machine can do.

`scripts/bench [JOB...] [--rounds N] [--beside BINARY] [--list]` builds what it needs and calls this. Peers
run in turn (A B C C B A ...), so that whatever else the machine does meets all of them; printed are medians, and ratios of
medians with the targets. The peers of all of them are small C programs that take and give data faster than any client, so that the clients are measured.
"""

import argparse
import os
import pathlib
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "RealServers"))

import profiling
import samples
from harness import certificates, practice, servers, wire

LOOPBACK = "127.0.0.1"

# DCMTK at its best: without Nagle's delay, with the largest PDUs that it knows.
DCMTK = {"TCP_NODELAY": "1"}
LARGE = ["--max-pdu", "131072"]
LIMIT_OF_A_RUN = 300.0

# Microseconds for which a server that a client waits for after each instance does not sleep: to be woken takes up to 150 where
# cores are idle, and the client that is there first waits longest.
AWAKE = ["--awake", 500]

# KiB of free memory that this virtual machine has given back to its host, where its kernel says so.
GIVEN_BACK = pathlib.Path("/sys/module/page_reporting/parameters/reported_kib")
TIME_FOR_ATTEMPTS = 3.0


def given_back():
    return GIVEN_BACK.read_text() if GIVEN_BACK.exists() else ""


class Bench:
    """The tools, the folder in memory, and the processes to be ended."""

    def __init__(self, binary, rounds, beside=None, profiles=False):
        self.profiles = profiles
        # As it is installed: a linker's own output lies in small pieces in memory, and starts more slowly.
        self.installed = pathlib.Path(tempfile.mkdtemp(prefix="dcmscu-bench-"))
        self.binary = self.install(binary, "dcmscu")
        self.beside = self.install(beside, "other-dcmscu")
        self.rounds = rounds
        self.dcmscu_options = subprocess.run(
            [binary, "--help", "all"], capture_output=True, text=True, check=False
        ).stdout
        memory = pathlib.Path("/dev/shm")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="dcmscu-bench-", dir=memory if memory.is_dir() else None))
        self.out = self.folder / "out"
        self.servers = []
        for source in HERE.glob("*.c"):
            libraries = ["-lssl", "-lcrypto"] if source.stem == "tls" else []
            subprocess.run(
                ["cc", "-O2", "-std=gnu11", "-o", self.folder / source.stem, source, *libraries, "-lpthread"],
                check=True,
            )

    def install(self, binary, name):
        return binary and shutil.copy(binary, self.installed / name)

    def close(self):
        self.stop()
        shutil.rmtree(self.installed, ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def tool(self, name, *arguments):
        """Starts one of the C servers; its first line is its port."""
        process = subprocess.Popen(
            [self.folder / name, *map(str, arguments)], stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        self.servers.append(process)
        return int(process.stdout.readline())

    def server(self, server):
        server.start()
        self.servers.append(server)
        return server

    def stop(self):
        for server in self.servers:
            if isinstance(server, servers.Server):
                server.stop()
                continue
            server.send_signal(signal.SIGKILL)
            server.wait()
            server.stdout.close()
        self.servers.clear()

    def has(self, option):
        return option in self.dcmscu_options

    def measure(self, contender):
        """One run during which no memory was given back, if there is one within some time: whoever uses such memory
        next waits for it. What is given back while the last run's files are removed does not count."""
        end = time.monotonic() + TIME_FOR_ATTEMPTS
        while True:
            if contender.prepare:
                contender.prepare()
            before = given_back()
            figures = self.run(contender)
            # In a run that takes seconds some is given back each time, and counts for little.
            if isinstance(figures, str) or given_back() == before or time.monotonic() > end:
                return figures

    def run(self, contender):
        """One run: (wall, CPU, peak KiB), or the reason why it does not count."""
        figures = self.folder / "figures"
        figures.unlink(missing_ok=True)
        output = self.folder / "output"
        with open(output, "wb") as stdout, open(self.folder / "errors", "wb") as stderr:
            process = subprocess.Popen(
                [self.folder / "measure", figures, *map(str, contender.command)],
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                env={**os.environ, **contender.environment},
                cwd=self.folder,
                start_new_session=True,
            )
            try:
                process.wait(LIMIT_OF_A_RUN)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                return f"no end within {LIMIT_OF_A_RUN:.0f} s"
        wall, user, system, peak, code = figures.read_text().split()
        if code != str(contender.code):
            said = (self.folder / "errors").read_text(errors="replace")[-400:]
            return f"exit code {code}: {said.strip()}"
        if contender.check:
            trouble = contender.check(output)
            if trouble:
                return trouble
        return float(wall), float(user) + float(system), int(peak)


class Contender:
    def __init__(self, name, command, environment=None, prepare=None, check=None, code=0):
        self.name = name
        self.command = command
        self.code = code
        self.environment = environment or {}
        self.prepare = prepare
        self.check = check


class Target:
    """`metric` of `ours` divided by that of the best of `others` is at most `most`."""

    def __init__(self, metric, ours, others, most, words):
        self.metric, self.ours, self.others, self.most, self.words = metric, ours, others, most, words


class Absolute:
    """`metric` of `ours` is at most `most`, in seconds or MB."""

    def __init__(self, metric, ours, most, words):
        self.metric, self.ours, self.most, self.words = metric, ours, most, words


class Increase:
    """The seconds from `metric` of `before` to that of `ours` are at most `most` more than those from `limits`' first to its second."""

    def __init__(self, metric, before, ours, limits, most, words):
        self.metric, self.before, self.ours, self.limits = metric, before, ours, limits
        self.most, self.words = most, words


class RoundTrips:
    """The wall time that distance adds to `ours`, against `near`, in round trips for each of `count` things, is at most `most`."""

    def __init__(self, ours, near, round_trip, count, most, words):
        self.metric, self.ours, self.near, self.most, self.words = "wall", ours, near, most, words
        self.whole = round_trip * count


METRICS = {"wall": 0, "cpu": 1, "peak": 2}


def run_job(bench, words, contenders, targets, rounds=None):
    rounds = rounds or bench.rounds
    print(f"\n{words}")
    if bench.profiles:
        for contender in contenders:
            if bench.binary in contender.command:
                profiling.profile(contender, bench.folder)
        return 0
    contenders = [found for contender in contenders for found in with_other_binary(bench, contender)]
    runs = {contender.name: [] for contender in contenders}
    troubles = {}
    for number in range(rounds):
        # Forth and back, so that no one always comes after the same neighbour.
        for contender in contenders if number % 2 == 0 else reversed(contenders):
            if contender.name in troubles:
                continue
            figures = bench.measure(contender)
            if isinstance(figures, str):
                troubles[contender.name] = figures
            else:
                runs[contender.name].append(figures)
    medians = {
        name: [statistics.median(column) for column in zip(*figures)]
        for name, figures in runs.items()
        if figures and name not in troubles
    }
    print(f"  {'':34} {'wall s':>9} {'spread':>15} {'CPU s':>8} {'peak MB':>8}   ({rounds} rounds, medians)")
    for contender in contenders:
        name = contender.name
        if name in medians:
            wall, cpu, peak = medians[name]
            walls = [figures[0] for figures in runs[name]]
            spread = f"{min(walls):.3f}..{max(walls):.3f}"
            print(f"  {name:34} {wall:9.4f} {spread:>15} {cpu:8.3f} {peak / 1024:8.1f}")
        else:
            print(f"  {name:34} did not finish: {troubles.get(name)}")
    for contender in contenders:
        ours, other = medians.get(contender.name), medians.get(contender.name + OTHER)
        if ours and other:
            wall, cpu, peak = (mine / max(theirs, 1e-9) for mine, theirs in zip(ours, other))
            print(f"  of the other binary: {wall:.3f} of its time, {cpu:.3f} of its CPU, {peak:.3f} of its memory")
    missed = 0
    for target in targets:
        missed += not judge(target, medians)
    return missed


OTHER = ", other binary"


def with_other_binary(bench, contender):
    """The contender, and the same with the binary of --beside where it runs dcmscu."""
    found = [contender]
    if bench.beside and bench.binary in contender.command:
        command = [bench.beside if word == bench.binary else word for word in contender.command]
        found.append(
            Contender(
                contender.name + OTHER, command, contender.environment, contender.prepare, contender.check,
                contender.code,
            )
        )
    return found


def judge(target, medians):
    column = METRICS[target.metric]
    ours = medians.get(target.ours)
    if ours is None:
        print(f"  MISSED  {target.words}: {target.ours} did not finish")
        return False
    if isinstance(target, Absolute):
        value = ours[column] / 1024 if target.metric == "peak" else ours[column]
    elif isinstance(target, Increase):
        before, *limits = (medians.get(name, [None] * 3)[column] for name in (target.before, *target.limits))
        if None in (before, *limits):
            print(f"  MISSED  {target.words}: nothing to compare with")
            return False
        value = ours[column] - before - (limits[1] - limits[0])
    elif isinstance(target, RoundTrips):
        if target.near not in medians:
            print(f"  MISSED  {target.words}: {target.near} did not finish")
            return False
        value = (ours[column] - medians[target.near][column]) / target.whole
    else:
        others = [medians[name][column] for name in target.others if name in medians]
        if not others:
            print(f"  MISSED  {target.words}: nothing to compare with")
            return False
        value = ours[column] / max(min(others), 1e-9)
    return hold(value, target.most, target.words)


def hold(value, most, words):
    good = value <= most
    print(f"  {'holds ' if good else 'MISSED'}  {words}: {value:.4g} (at most {most:.4g})")
    return good


# Contenders


def free_port():
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return probe.getsockname()[1]


def store_contenders(bench, port, files, limit_port=None):
    found = [
        Contender("dcmscu", [bench.binary, "--store", LOOPBACK, port, *files]),
        Contender("dcmsend at its best", ["dcmsend", *LARGE, "-nh", LOOPBACK, port, *files], DCMTK),
        Contender("storescu at its best", ["storescu", *LARGE, "-R", "-nh", LOOPBACK, port, *files], DCMTK),
    ]
    if limit_port:
        found.append(Contender("limit: sendfile and an answer", [bench.folder / "limits", "store", limit_port, *files]))
    return found


PEERS = ["dcmsend at its best", "storescu at its best"]
LIMIT = "limit: sendfile and an answer"
ECHO_LIMIT = "limit: a C program"


# Jobs; each returns the number of targets missed.


def job_start(bench):
    """Start of the binary."""
    return run_job(
        bench,
        "start: --version",
        [
            Contender("dcmscu", [bench.binary, "--version"]),
            Contender("echoscu", ["echoscu", "--version"]),
            Contender("limit: a C program", [bench.folder / "limits", "nothing"]),
        ],
        [Target("wall", "dcmscu", ["limit: a C program"], 3.3, "starts in at most 3.3 times what a C program takes")],
        rounds=max(bench.rounds, 21),
    )


def job_echo(bench):
    """One C-ECHO, whole process."""
    port = bench.tool("store_sink")
    return run_job(
        bench,
        "echo: one C-ECHO, whole process",
        [
            Contender("dcmscu", [bench.binary, "--echo", LOOPBACK, port]),
            Contender("echoscu at its best", ["echoscu", *LARGE, LOOPBACK, port], DCMTK),
            Contender(ECHO_LIMIT, [bench.folder / "limits", "echo", port]),
        ],
        [Target("wall", "dcmscu", [ECHO_LIMIT], 2.7, "at most 2.7 times what a C program takes")],
        rounds=max(bench.rounds, 21),
    )


def job_find(bench):
    """C-FIND with 100,000 answers of 12 elements."""
    answers = 100_000
    port = bench.tool("find_source", "--answers", answers)
    keys = [part for key in ("0010,0010", "0010,0020", "0020,000d") for part in ("-k", key)]

    def lines(pattern):
        def check(output):
            found = subprocess.run(["grep", "-ac", pattern, output], capture_output=True, text=True, check=False)
            return None if found.stdout.strip() == str(answers) else f"{found.stdout.strip()} answers"

        return check

    find = [bench.binary, "--find", "--studyroot", "--study", LOOPBACK, port, *keys]
    found = [Contender("dcmscu, text", [*find, "--format", "text"], check=lines("^Find Response: "))]
    targets = [
        Target("wall", "dcmscu, text", ["findscu at its best"], 0.2, "text: a fifth of findscu's wall time"),
        Absolute("peak", "dcmscu, text", 20, "text: peak memory in MB"),
    ]
    if bench.has("jsonl"):
        found.append(Contender("dcmscu, jsonl", [*find, "--format", "jsonl"], check=lines("^{")))
        targets += [
            Target("wall", "dcmscu, jsonl", ["findscu at its best"], 0.2, "jsonl: a fifth of findscu's wall time"),
            Absolute("peak", "dcmscu, jsonl", 20, "jsonl: peak memory in MB"),
        ]
    found.append(
        Contender(
            "findscu at its best",
            ["findscu", *LARGE, "-S", "-k", "0008,0052=STUDY", *keys, LOOPBACK, port],
            DCMTK,
        )
    )
    return run_job(bench, f"find: {answers} answers of 12 elements", found, targets)


def job_store_ct(bench):
    """400 CT of 0.53 MB to a sink."""
    files = samples.ct(bench.folder / "ct", 400)
    port, limit = bench.tool("store_sink", *AWAKE), bench.tool("limits", "store-sink", *AWAKE)
    return run_job(
        bench,
        "store-ct: 400 CT of 0.53 MB to a sink, default settings",
        store_contenders(bench, port, files, limit),
        [
            Target("wall", "dcmscu", [LIMIT], 1 / 0.7, "at least 70 % of the limit"),
            Target("wall", "dcmscu", PEERS, 0.45, "wall time of the fastest peer"),
            Target("cpu", "dcmscu", PEERS, 0.4, "CPU seconds of the fastest peer"),
            Absolute("peak", "dcmscu", 20, "peak memory in MB"),
        ],
    )


def job_store_small(bench):
    """2,000 files of 16 KB to a sink."""
    files = samples.small(bench.folder / "small", 2000)
    port, limit = bench.tool("store_sink", *AWAKE), bench.tool("limits", "store-sink", *AWAKE)
    return run_job(
        bench,
        "store-small: 2,000 files of 16 KB to a sink",
        store_contenders(bench, port, files, limit),
        [
            Target("wall", "dcmscu", PEERS, 0.4, "wall time of the fastest peer"),
            Target("wall", "dcmscu", [LIMIT], 2.0, "at least half of the limit"),
        ],
    )


def job_store_large(bench):
    """One multi-frame file of 1 GiB."""
    files = [samples.large(bench.folder / "large")]
    port, limit = bench.tool("store_sink", *AWAKE), bench.tool("limits", "store-sink", *AWAKE)
    return run_job(
        bench,
        "store-large: one multi-frame file of 1 GiB to a sink",
        store_contenders(bench, port, files, limit),
        [
            Absolute("peak", "dcmscu", 20, "peak memory in MB"),
            Target("wall", "dcmscu", [LIMIT], 1 / 0.9, "at least 90 % of the limit"),
        ],
    )


def job_tls(bench):
    """400 CT over TLS, one C-ECHO, and 100 associations, all but one of which resume a session."""
    files = samples.ct(bench.folder / "ct", 400)
    certificate, key = certificates.self_signed(bench.folder, "tls")
    port, plain_port = bench.tool("tls", "sink", certificate, key), bench.tool("store_sink")
    trusted = ["--tls", "--tls-ca", certificate]
    loop, handshake = "limit: a loop of SSL_write", "limit: a C program, TLS handshake"
    plain, secured, insecure = "dcmscu, plain", "dcmscu", "dcmscu, --tls-insecure"
    missed = run_job(
        bench,
        "tls: 400 CT of 0.53 MB to a sink over TLS",
        [
            Contender(secured, [bench.binary, "--store", *trusted, LOOPBACK, port, *files]),
            Contender(loop, [bench.folder / "tls", "store", port, *files]),
        ],
        [
            Target("wall", secured, [loop], 1.2, "at most 1.2 times what a loop of SSL_write takes"),
            Absolute("peak", secured, 25, "peak memory in MB"),
        ],
    )
    missed += run_job(
        bench,
        "tls: one C-ECHO, whole process",
        [
            Contender(plain, [bench.binary, "--echo", LOOPBACK, plain_port]),
            Contender(secured, [bench.binary, "--echo", *trusted, LOOPBACK, port]),
            Contender(insecure, [bench.binary, "--echo", "--tls", "--tls-insecure", LOOPBACK, port]),
            Contender(ECHO_LIMIT, [bench.folder / "limits", "echo", plain_port]),
            Contender(handshake, [bench.folder / "tls", "connect", port]),
        ],
        # Two thirds of what TLS adds are libcrypto's own start, to a C program, too.
        [
            Increase("wall", plain, name, (ECHO_LIMIT, handshake), 0.003, f"{name}: seconds that TLS adds beyond those")
            for name in (secured, insecure)
        ],
        rounds=max(bench.rounds, 21),
    )
    missed += studies_over_tls(bench, certificate, key, trusted)
    return missed + full_handshakes(bench, certificate, key, trusted)


class Archive(servers.Server):
    """The practice archive of the binary that is measured, over a folder."""

    name = "archive"

    def __init__(self, binary, content, *options):
        super().__init__()
        self.binary, self.content, self.options = binary, content, options

    def command(self):
        return [self.binary, "--serve", self.content, "--port-scp", self.port, *self.options]


def studies_over_tls(bench, certificate, key, trusted):
    """300 studies of one instance by C-GET, each with its list: what TLS adds to that."""
    count = 300
    folder = samples.studies(bench.folder / "studies", count)[0].parent
    plain_port = bench.server(Archive(bench.binary, folder)).port
    port = bench.server(Archive(bench.binary, folder, "--tls", "--tls-cert", certificate, "--tls-key", key)).port

    def check(_):
        number = sum(1 for _ in bench.out.iterdir())
        return None if number == count else f"{number} of {count} files came"

    def contender(name, *more):
        command = [bench.binary, "--get", "--studyroot", "-k", "StudyDate=2024-", "-o", bench.out, LOOPBACK, *more]
        return Contender(name, command, prepare=lambda: empty(bench.out), check=check)

    plain, secured = "dcmscu, plain", "dcmscu"
    return run_job(
        bench,
        "tls: 300 studies of one instance of 16 KB by C-GET from the practice archive",
        [contender(plain, plain_port), contender(secured, port, *trusted)],
        [Target("wall", secured, [plain], 1.5, "at most 1.5 times what they take without TLS")],
    )


def full_handshakes(bench, certificate, key, trusted):
    """100 associations, one after the other: the server counts how their handshakes went."""
    missed = 0
    print("\ntls: 100 associations of one run")
    for binary in filter(None, [bench.binary, bench.beside]):
        port = bench.tool("tls", "sink", certificate, key)
        sink = bench.servers.pop()
        subprocess.run(
            [binary, "--echo", *trusted, "--count", "100", "--interval", "0", LOOPBACK, str(port)],
            stdout=subprocess.DEVNULL, check=False,
        )
        sink.send_signal(signal.SIGTERM)
        counts = [tuple(map(int, re.findall(r"\d+", line))) for line in sink.communicate()[0].splitlines()]
        full, resumed = (max(column) for column in zip(*counts)) if counts else (0, 0)
        print(f"  {binary.name}: {full} full handshakes, {resumed} sessions resumed")
        if binary == bench.binary:
            missed += full + resumed != 100
            missed += not hold(full, 1, "full handshakes of 100 associations")
    return missed


def job_store_storescp(bench):
    """400 CT to storescp --ignore, which delays its answers."""
    files = samples.ct(bench.folder / "ct", 400)
    server = bench.server(servers.StoreSCP("--ignore"))
    return run_job(
        bench,
        "store-storescp: 400 CT to storescp --ignore (peers take 18 s a run: one round)",
        store_contenders(bench, server.port, files),
        [Target("wall", "dcmscu", PEERS, 0.06, "wall time of the fastest peer")],
        rounds=1,
    )


def job_store_orthanc(bench):
    """400 CT to Orthanc."""
    files = samples.ct(bench.folder / "ct", 400)
    server = bench.server(servers.Orthanc())
    contenders = store_contenders(bench, server.port, files)
    for contender in contenders:
        contender.prepare = server.clear
    return run_job(
        bench,
        "store-orthanc: 400 CT to Orthanc, no slower than the server lets us be",
        contenders,
        [Target("wall", "dcmscu", PEERS, 1.0, "wall time of the fastest peer")],
        rounds=min(bench.rounds, 3),
    )


def job_store_far(bench):
    """200 small files over a round trip of 10 ms."""
    files = samples.small(bench.folder / "small", 2000)[:200]
    near = bench.tool("store_sink", "--window", 8)
    port = bench.tool("delay_proxy", "--to", near, "--round-trip", 10)
    store = [bench.binary, "--store", LOOPBACK, port, *files]
    one, eight, window = "dcmscu, one association", "dcmscu --jobs 8", "dcmscu, window of 8"
    found = [Contender(one, [*store, *(["--window", "1"] if bench.has("--window") else [])])]
    # Connect, association and release take three round trips more; a proxy's sleep is up to 0.2 ms late each way.
    targets = [Absolute("wall", one, 1.15 * 0.010 * (len(files) + 3), "within 15 % of one round trip a file")]
    if bench.has("--jobs"):
        found.append(Contender(eight, [*store, "--jobs", "8"]))
        targets.append(Target("wall", eight, [one], 1 / 6, "eight associations are 6 times as fast"))
    if bench.has("--window"):
        found.append(Contender(window, [*store, "--window", "8"]))
        targets.append(Target("wall", window, [one], 1 / 5, "a window of 8 is 5 times as fast"))
    return run_job(bench, "store-far: 200 files of 16 KB, round trip 10 ms", found, targets, rounds=min(bench.rounds, 3))


def job_store_one_study(bench):
    """300 small files of one series over a round trip of 10 ms: nothing larger can be shared."""
    files = samples.one_study(bench.folder / "one-study", 300)
    near = bench.tool("store_sink", "--window", 8)
    port = bench.tool("delay_proxy", "--to", near, "--round-trip", 10)
    store = [bench.binary, "--store", LOOPBACK, port, *files]
    one, eight, both = "dcmscu, one association", "dcmscu --jobs 8", "dcmscu --jobs 8 --window 8"
    auto = "dcmscu --jobs auto --window auto"
    return run_job(
        bench,
        "store-one-study: 300 files of 16 KB of one series, round trip 10 ms",
        [
            Contender(one, store),
            Contender(eight, [*store, "--jobs", "8"]),
            Contender(both, [*store, "--jobs", "8", "--window", "8"]),
            Contender(auto, [*store, "--jobs", "auto", "--window", "auto"]),
        ],
        [
            Target("wall", eight, [one], 1 / 6, "eight associations are 6 times as fast on one series"),
            Target("wall", both, [one], 1 / 12, "with a window of 8 they are 12 times as fast"),
            Target("wall", auto, [one], 1 / 5, "what is found out is 5 times as fast"),
        ],
        rounds=min(bench.rounds, 3),
    )


def job_store_four_studies(bench):
    """Four studies of 3,000 small files over a round trip of 2 ms: the first one alone is more than is looked ahead."""
    samples.few_studies(bench.folder / "four-studies", 12000, 3000)
    near = bench.tool("store_sink", "--window", 8)
    port = bench.tool("delay_proxy", "--to", near, "--round-trip", 2)
    store = [bench.binary, "--store", LOOPBACK, port, bench.folder / "four-studies"]
    one, eight, auto = "dcmscu, one association", "dcmscu --jobs 8", "dcmscu --jobs auto"
    return run_job(
        bench,
        "store-four-studies: four studies of 3,000 files of 8 KB, round trip 2 ms",
        [
            Contender(one, store),
            Contender(eight, [*store, "--jobs", "8"]),
            Contender(auto, [*store, "--jobs", "auto"]),
        ],
        [
            Target("wall", eight, [one], 1 / 5, "eight associations are 5 times as fast on four studies"),
            Target("wall", auto, [one], 1 / 4, "what is found out is 4 times as fast"),
        ],
        rounds=1,
    )


def job_get_one_study(bench):
    """300 small instances of one series by C-GET over a round trip of 10 ms."""
    folder = bench.folder / "one-study"
    count = len(samples.one_study(folder, 300))
    near = bench.tool("retrieve_source", "--folder", folder)
    port = bench.tool("delay_proxy", "--to", near, "--round-trip", 10)

    def check(_):
        number = sum(1 for _ in bench.out.iterdir())
        return None if number == count else f"{number} of {count} files came"

    def contender(name, *more):
        command = [bench.binary, "--get", "-k", f"20,d={samples.STUDY}", "-o", bench.out, *more, LOOPBACK, port]
        return Contender(name, command, prepare=lambda: empty(bench.out), check=check)

    one, eight = "dcmscu, one association", "dcmscu --jobs 8"
    return run_job(
        bench,
        "get-one-study: 300 instances of 16 KB of one series, round trip 10 ms",
        [contender(one), contender(eight, "--jobs", "8")],
        [Target("wall", eight, [one], 1 / 4, "eight associations are 4 times as fast on one series")],
        rounds=min(bench.rounds, 3),
    )


def job_get_series(bench):
    """One study of 60 series by C-GET from the practice archive, far and near."""
    count = 600
    files = samples.series(bench.folder / "series", count, 10)
    server = bench.server(practice.PracticeArchive())
    subprocess.run([bench.binary, "--store", LOOPBACK, str(server.port), *files], check=True, capture_output=True)
    far = bench.tool("delay_proxy", "--to", server.port, "--round-trip", 10)

    def check(_):
        number = sum(1 for _ in bench.out.iterdir())
        return None if number == count else f"{number} of {count} files came"

    def contender(name, port, *more):
        command = [bench.binary, "--get", "-k", f"20,d={samples.STUDY}", "-o", bench.out, *more, LOOPBACK, port]
        return Contender(name, command, prepare=lambda: empty(bench.out), check=check)

    one, eight, auto = "dcmscu, one association", "dcmscu --jobs 8", "dcmscu --jobs auto"
    near, near_auto = "without the distance, one association", "without the distance, --jobs auto"
    missed = run_job(
        bench,
        "get-series: 60 series of 10 instances of 16 KB of one study, round trip 10 ms",
        [
            contender(one, far), contender(eight, far, "--jobs", "8"), contender(auto, far, "--jobs", "auto"),
        ],
        [
            Target("wall", eight, [one], 1 / 4, "eight associations are 4 times as fast on one study"),
            Target("wall", auto, [one], 1 / 4, "what is found out is 4 times as fast"),
            Target("wall", auto, [eight], 1.5, "what is found out takes at most 1.5 times as long as eight"),
        ],
        rounds=min(bench.rounds, 3),
    )
    # A tenth of a second: three rounds of it say nothing.
    return missed + run_job(
        bench,
        "get-series: the same without the distance",
        [contender(near, server.port), contender(near_auto, server.port, "--jobs", "auto")],
        [Target("wall", near_auto, [near], 1.1, "without the distance it takes no longer than one")],
        rounds=max(bench.rounds, 15),
    )


def job_get_far(bench):
    """300 studies of one small instance from Orthanc by C-GET over a round trip of 20 ms."""
    count, round_trip = 300, 0.020
    files = samples.studies(bench.folder / "studies", count)
    server = bench.server(servers.Orthanc())
    subprocess.run([bench.binary, "--store", LOOPBACK, str(server.port), *files], check=True, capture_output=True)
    port = bench.tool("delay_proxy", "--to", server.port, "--round-trip", int(round_trip * 1000))

    def check(_):
        number = sum(1 for _ in bench.out.iterdir())
        return None if number == count else f"{number} of {count} files came"

    def contender(name, port, *more):
        command = [bench.binary, "--get", "--studyroot", "-k", "StudyDate=2024-", "-o", bench.out, *more, LOOPBACK, port]
        return Contender(name, command, prepare=lambda: empty(bench.out), check=check)

    near, one, several = "dcmscu, without the distance", "dcmscu, one association", "dcmscu --jobs 8"
    auto = "dcmscu --jobs auto"
    return run_job(
        bench,
        "get-far: 300 studies of one instance of 16 KB from Orthanc, which serves four associations, round trip 20 ms",
        [
            contender(near, server.port), contender(one, port), contender(several, port, "--jobs", "8"),
            contender(auto, port, "--jobs", "auto"),
        ],
        [
            RoundTrips(one, near, round_trip, count, 2.5, "round trips a study"),
            Target("wall", several, [one], 1 / 2, "four associations are twice as fast"),
            Target("wall", auto, [one], 1 / 4, "what is found out is 4 times as fast"),
            Target("wall", auto, [several], 1.5, "what is found out takes at most 1.5 times as long as eight"),
        ],
        rounds=1,
    )


def job_journal(bench):
    """What a journal costs, and how fast one of 1,200,000 lines and a list of 100,000 rows are read."""
    journal = bench.folder / "journal"
    small = samples.small(bench.folder / "small", 2000)
    port = bench.tool("store_sink")
    store = [bench.binary, "--store", LOOPBACK, port, *small]
    without, with_journal = "dcmscu", "dcmscu --journal"

    def forget():
        journal.unlink(missing_ok=True)

    missed = run_job(
        bench,
        "journal: 2,000 files of 16 KB to a sink",
        [Contender(without, store), Contender(with_journal, [*store, "--journal", journal], prepare=forget)],
        [Target("wall", with_journal, [without], 1.3, "a journal of what is sent")],
    )
    samples.ct(bench.folder / "ct", 400)
    source = bench.tool("retrieve_source", "--folder", bench.folder / "ct", "--destination", free_port())
    get = [bench.binary, "--get", "--studyroot", "--study", "-k", f"20,d={samples.STUDY}", "-o", bench.out]

    def prepare():
        forget()
        make_ready(bench, size_of((bench.folder / "ct").iterdir()))

    missed += run_job(
        bench,
        "journal: 400 instances of 0.53 MB by C-GET, to memory",
        [
            Contender(without, [*get, LOOPBACK, source], prepare=prepare),
            Contender(with_journal, [*get, "--journal", journal, LOOPBACK, source], prepare=prepare),
        ],
        [
            Target("wall", with_journal, [without], 1.8, "a journal of what is received, with the digests"),
            Absolute("peak", with_journal, 20, "peak memory in MB"),
        ],
    )
    lines, whole = 1_200_000, bench.folder / "whole"
    samples.store_journal(whole, f"ANY-SCP@{LOOPBACK}:{port}", lines)
    resumed = "dcmscu --resume"
    missed += run_job(
        bench,
        f"journal: one file is sent behind {lines:,} lines",
        [
            Contender(
                resumed,
                [bench.binary, "--store", LOOPBACK, port, small[0], "--journal", journal, "--resume"],
                prepare=lambda: shutil.copy(whole, journal),
            )
        ],
        [Absolute("cpu", resumed, lines * 1e-6 + 0.1, "one microsecond of CPU a line, in seconds")],
        rounds=min(bench.rounds, 3),
    )
    whole.unlink()
    rows = bench.folder / "rows.csv"
    samples.retrieval_list(rows, 100_000)
    shuffled = bench.folder / "shuffled.csv"
    samples.shuffled_list(shuffled, 100_000)
    read, joined = "dcmscu --from-list", "dcmscu --from-list, rows to be joined"
    return missed + run_job(
        bench,
        "journal: a list of 100,000 rows, and nobody there to ask",
        [
            Contender(name, [bench.binary, "--get", "--from-list", path, "-o", bench.out, LOOPBACK, free_port()], code=4)
            for name, path in ((read, rows), (joined, shuffled))
        ],
        [
            Absolute("cpu", read, 1.0, "CPU seconds"),
            Absolute("cpu", joined, 2.0, "CPU seconds where the rows of 2,000 series stand in no order"),
        ],
        rounds=min(bench.rounds, 3),
    )


def job_store_many(bench):
    """100,000 files in nested folders: memory does not grow."""
    root = samples.many(bench.folder / "many", bench.folder / "small", 100_000)
    few = samples.many(bench.folder / "few", bench.folder / "small", 1_000)
    port = bench.tool("store_sink", *AWAKE)
    many, base = "dcmscu, 100,000 files", "dcmscu, 1,000 files"
    missed = run_job(
        bench,
        "store-many: 100,000 files of 16 KB in nested folders",
        [
            Contender(many, [bench.binary, "--store", LOOPBACK, port, "-r", root]),
            Contender(base, [bench.binary, "--store", LOOPBACK, port, "-r", few]),
        ],
        [
            Target("peak", many, [base], 1.25, "memory does not grow with the number of files"),
            Absolute("peak", many, 30, "peak memory in MB"),
        ],
        rounds=min(bench.rounds, 3),
    )
    first = first_instance(bench, root)
    return missed + (not hold(first, 0.2, "seconds from the start of the process to its first C-STORE at the server"))


def first_instance(bench, root):
    """Seconds from the start of a run until the server has its first C-STORE; the run is then interrupted."""
    port = bench.tool("store_sink", "--report")
    sink = bench.servers[-1].stdout
    began = time.monotonic()
    process = subprocess.Popen(
        [bench.binary, "--store", LOOPBACK, str(port), "-r", root], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    time.sleep(1)
    process.send_signal(signal.SIGTERM)
    process.wait()
    return float(sink.readline().split()[-1]) - began


def empty(folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()


def make_ready(bench, size, out=None):
    """Makes the folder for `size` bytes that will be received, and lets somebody use as much memory before.

    Memory that a virtual machine has not used yet costs its first user ten times as much. Three times as much as is needed is
    used, as it is not the memory used last that is used next.
    """
    empty(out or bench.out)
    # What others have left to be written to a disk is not ours to wait for.
    subprocess.run(["sync", "-f", out or bench.out], check=True)
    chunk, path = bytes(1 << 20), bench.folder / "warm"
    with open(path, "wb") as file:
        for _ in range(3 * size // len(chunk) + 1):
            file.write(chunk)
    path.unlink()


def size_of(paths):
    return sum(path.stat().st_size for path in paths)


def retrieve(bench, words, folder, count, operation):
    out = bench.out
    port_scp = free_port()
    # Beside the plain copy, which answers nothing, so that nobody has to be woken.
    source = bench.tool("retrieve_source", "--folder", folder, "--destination", port_scp, *AWAKE)
    copy = bench.tool("limits", "copy-source", *sorted(folder.iterdir()))

    def prepare():
        make_ready(bench, size_of(folder.iterdir()))

    def check(_):
        number = sum(1 for _ in out.iterdir())
        return None if number == count else f"{number} of {count} files came"

    query = ["-k", "0008,0052=STUDY", "-k", f"0020,000d={samples.STUDY}"]
    ours = [bench.binary, f"--{operation}", "--studyroot", "--study", "-k", f"20,d={samples.STUDY}", "-o", out]
    if operation == "get":
        found = [
            Contender("dcmscu", [*ours, LOOPBACK, source]),
            Contender("getscu at its best", ["getscu", *LARGE, "+B", "-S", "-od", out, *query, LOOPBACK, source], DCMTK),
        ]
    else:
        found = [
            Contender("dcmscu", [*ours, "--port-scp", port_scp, LOOPBACK, source]),
            Contender(
                "movescu at its best",
                ["env", "-C", out, "movescu", *LARGE, "+B", "-S", "--port", port_scp, *query, LOOPBACK, source],
                DCMTK,
            ),
        ]
    found.append(Contender("limit: plain copy", [bench.folder / "limits", "copy", copy, out]))
    for contender in found:
        contender.prepare, contender.check = prepare, check
    missed = run_job(
        bench,
        words,
        found,
        [
            Target("wall", "dcmscu", ["limit: plain copy"], 1 / 0.8, "at least 80 % of the plain copy"),
            Target("wall", "dcmscu", [found[1].name], 1.0, "faster than the peer at its best"),
            Absolute("peak", "dcmscu", 20, "peak memory in MB"),
        ],
        # A run takes a tenth of a second or waits for memory: one round differs from the next by half.
        rounds=max(bench.rounds, 15),
    )
    shutil.rmtree(out, ignore_errors=True)
    return missed


def job_get_ct(bench):
    """400 instances of 0.53 MB by C-GET."""
    samples.ct(bench.folder / "ct", 400)
    return retrieve(bench, "get-ct: 400 instances of 0.53 MB by C-GET, to memory", bench.folder / "ct", 400, "get")


def job_move_ct(bench):
    """400 instances of 0.53 MB by C-MOVE."""
    samples.ct(bench.folder / "ct", 400)
    return retrieve(bench, "move-ct: 400 instances of 0.53 MB by C-MOVE, to memory", bench.folder / "ct", 400, "move")


def job_get_large(bench):
    """One instance of 1 GiB by C-GET."""
    samples.large(bench.folder / "large")
    return retrieve(bench, "get-large: one instance of 1 GiB by C-GET, to memory", bench.folder / "large", 1, "get")


def job_get_disk(bench):
    """What --fsync end costs on a disk: 400 CT, 2,000 small instances, one of 1 GiB, and 400 CT at the pace of a network."""
    # /tmp may be memory.
    out = pathlib.Path(tempfile.mkdtemp(prefix="dcmscu-bench-", dir="/var/tmp"))
    missed = 0
    # Beside a plain copy onto the disk, which takes many bytes no sooner than it can, whoever writes them; else beside the same
    # retrieval that leaves the disk to the system.
    for words, folder, count, round_trip, most, rounds in (
        ("400 CT of 0.53 MB", samples.ct, 400, 0, None, bench.rounds),
        ("2,000 instances of 16 KB", samples.one_study, 2000, 0, 1.3, 2 * bench.rounds + 1),
        ("one instance of 1 GiB", samples.large, 1, 0, None, bench.rounds),
        ("400 CT of 0.53 MB over a round trip of 10 ms", samples.ct, 400, 10, 1.03, bench.rounds),
    ):
        place = bench.folder / folder.__name__
        folder(place, *([count] if count > 1 else []))
        source = bench.tool("retrieve_source", "--folder", place)
        if round_trip:
            source = bench.tool("delay_proxy", "--to", source, "--round-trip", round_trip)

        def prepare(place=place):
            make_ready(bench, size_of(place.iterdir()), out)

        def check(_, count=count):
            number = sum(1 for _ in out.iterdir())
            return None if number == count else f"{number} of {count} files came"

        def contender(syncing, source=source):
            key = f"20,d={samples.STUDY}"
            command = [bench.binary, "--get", "--studyroot", "--study", "-k", key, "-o", out, "--fsync", syncing, LOOPBACK, source]
            return Contender(f"dcmscu --fsync {syncing}", command, prepare=prepare, check=check)

        none, end = contender("none"), contender("end")
        found = [none, end]
        if most:
            target = Target("wall", end.name, [none.name], most, "all of it on the disk at the end")
        else:
            copy = bench.tool("limits", "copy-source", *place.iterdir())
            limit = Contender("limit: plain copy", [bench.folder / "limits", "copy-synced", copy, out], prepare=prepare, check=check)
            found.append(limit)
            target = Target("wall", end.name, [limit.name], 1 / 0.8, "at least 80 % of the plain copy, on the disk at the end")
        missed += run_job(bench, f"get-disk: {words} by C-GET, onto a disk", found, [target], rounds=rounds)
        bench.stop()
    shutil.rmtree(out, ignore_errors=True)
    return missed


def job_retrieve_many(bench):
    """1,000 and 100,000 small instances by C-GET and C-MOVE: memory does not grow."""
    folder = bench.folder / "tiny"
    samples.tiny(folder)
    few, many = 1_000, 100_000
    missed = 0
    for operation in ("get", "move"):
        port_scp = free_port()
        sources = {
            count: bench.tool("retrieve_source", "--folder", folder, "--repeat", count, "--destination", port_scp, *AWAKE)
            for count in (few, many)
        }

        def contender(count, *more):
            def check(_):
                number = sum(1 for _ in bench.out.iterdir())
                return None if number == count else f"{number} of {count} files came"

            name = f"dcmscu{''.join(f' {option}' for option in more)}, {count:,}"
            command = [bench.binary, f"--{operation}", "-k", f"20,d={samples.STUDY}", "-o", bench.out, *more]
            if operation == "move":
                command += ["--port-scp", port_scp]
            command += [LOOPBACK, sources[count]]
            # In pages of memory.
            size = count * (3 << 12)
            return Contender(name, command, prepare=lambda: make_ready(bench, size), check=check)

        found = [contender(count, *more) for more in ((), ("--no-check",)) for count in (few, many)]
        # Every listed instance is remembered until the end: its UID, its position and its outcome.
        bound = 256 * many / 1e6
        missed += run_job(
            bench,
            f"retrieve-many: {few:,} and {many:,} instances of 8 KB by C-{operation.upper()}",
            found,
            [
                Target("peak", found[3].name, [found[2].name], 1.1, "memory does not grow with the number of instances"),
                Absolute("peak", found[1].name, 20 + bound, "peak memory in MB, with the list to compare with"),
            ],
            # Without a list a digest of each UID is kept, 1 MB in all: what a run differs from the next is as much as is left.
            rounds=min(bench.rounds, 3),
        )
        bench.stop()
        shutil.rmtree(bench.out, ignore_errors=True)
    return missed


# Over HTTP, beside curl moving the same bytes.

MULTIPART = 'Content-Type: multipart/related; type="application/dicom"; boundary=of-benchmarks'
CURL = ["curl", "--silent", "--show-error", "--fail"]
# As many instances as dcmscu puts into one request.
OF_REQUEST = 10


def bodies(folder, files):
    """Files with the requests of STOW-RS that curl sends, as dcmscu makes them."""
    if folder.is_dir():
        return sorted(folder.iterdir())
    folder.mkdir()
    for start in range(0, len(files), OF_REQUEST):
        with open(folder / f"{start:06}", "wb") as body:
            for path in files[start : start + OF_REQUEST]:
                body.write(b"--of-benchmarks\r\nContent-Type: application/dicom\r\n\r\n" + path.read_bytes() + b"\r\n")
            body.write(b"--of-benchmarks--\r\n")
    return sorted(folder.iterdir())


def lists_of_instances(bench, files):
    """The options of web_source for the lists of the samples' series and instances, as QIDO-RS returns them."""
    series = f"{samples.STUDY}.1"
    common = f'"0020000D":{{"vr":"UI","Value":["{samples.STUDY}"]}},"0020000E":{{"vr":"UI","Value":["{series}"]}}'
    of_series = bench.folder / "series.json"
    of_series.write_text(f'[{{{common},"00201209":{{"vr":"IS","Value":[{len(files)}]}}}}]')
    of_instances = bench.folder / "uids.json"
    of_instances.write_text("[" + ",".join(
        f'{{{common},"00080016":{{"vr":"UI","Value":["1.2.840.10008.5.1.4.1.1.2"]}},"00080018":{{"vr":"UI","Value":["{series}.{file.stem}"]}}}}'
        for file in files
    ) + "]")  # fmt: skip
    return ["--series", of_series, "--uids", of_instances]


def web_store(bench, words, url, files, targets, prepare=None, rounds=None):
    sent = bodies(bench.folder / "bodies", files)
    # A request for each file on one connection that is kept, as dcmscu has it.
    curl = [*CURL, "-H", "Expect:", "-H", MULTIPART, "-H", "Accept: application/dicom+json", "-X", "POST"]
    requests = [word for path in sent for word in ("-T", path, "-o", os.devnull, f"{url}/studies")]
    found = [
        Contender("dcmscu", [bench.binary, "--store", url, *files], prepare=prepare),
        Contender("curl", [*curl, *requests], prepare=prepare),
    ]
    return run_job(bench, words, found, targets, rounds)


def job_web_store(bench):
    """400 CT of 0.53 MB by STOW-RS."""
    files = samples.ct(bench.folder / "ct", 400)
    port = bench.tool("web_source")
    return web_store(
        bench,
        "web-store: 400 CT of 0.53 MB by STOW-RS to a server that keeps nothing, one connection",
        f"http://{LOOPBACK}:{port}/dicom-web",
        files,
        [
            Target("wall", "dcmscu", ["curl"], 1 / 0.7, "at least 70 % of curl's throughput"),
            Absolute("peak", "dcmscu", 25, "peak memory in MB"),
        ],
    )


def web_get(bench, words, url, files, targets, rounds=None, lists=False):
    """lists: curl asks for the list of instances first, as dcmscu does."""
    out = bench.out

    def prepare():
        make_ready(bench, size_of(files))

    def check(_):
        number = sum(1 for _ in out.iterdir())
        return None if number == len(files) else f"{number} of {len(files)} files came"

    accept = 'Accept: multipart/related; type="application/dicom"; transfer-syntax=*'
    study = f"{url}/studies/{samples.STUDY}"
    found = [
        Contender("dcmscu", [bench.binary, "--get", url, "-k", f"20,d={samples.STUDY}", "-o", out], prepare=prepare, check=check),
        Contender(
            "curl, to one file",
            [*CURL, "-H", accept, *([f"{study}/instances", "-o", os.devnull] if lists else []), study, "-o", out / "body"],
            prepare=prepare,
        ),
    ]
    missed = run_job(bench, words, found, targets, rounds)
    shutil.rmtree(out, ignore_errors=True)
    return missed


def job_web_get(bench):
    """400 instances of 0.53 MB by WADO-RS."""
    files = samples.ct(bench.folder / "ct", 400)
    port = bench.tool("web_source", "--folder", bench.folder / "ct", *lists_of_instances(bench, files))
    return web_get(
        bench,
        "web-get: 400 instances of 0.53 MB by WADO-RS to memory, with the check that all came",
        f"http://{LOOPBACK}:{port}/dicom-web",
        files,
        [
            Target("wall", "dcmscu", ["curl, to one file"], 1 / 0.7, "at least 70 % of curl's throughput"),
            Absolute("peak", "dcmscu", 25, "peak memory in MB"),
        ],
        rounds=max(bench.rounds, 15),
    )


def job_web_find(bench):
    """QIDO-RS with 100,000 matches of 12 elements."""
    matches = 100_000
    url = f"http://{LOOPBACK}:{bench.tool('web_source', '--matches', matches)}/dicom-web"

    def check(output):
        with open(output, "rb") as lines:
            number = sum(1 for _ in lines)
        return None if number == matches else f"{number} matches"

    keys = [part for key in ("0010,0010", "0010,0020", "0020,000d") for part in ("-k", key)]
    return run_job(
        bench,
        f"web-find: {matches:,} matches of 12 elements by QIDO-RS, as JSON lines",
        [
            Contender("dcmscu", [bench.binary, "--find", url, *keys, "--format", "jsonl"], check=check),
            Contender("curl", [*CURL, "-H", "Accept: application/dicom+json", f"{url}/studies"]),
        ],
        [
            Absolute("wall", "dcmscu", 1.0, "wall time in seconds"),
            Absolute("peak", "dcmscu", 25, "peak memory in MB"),
        ],
    )


def job_web_orthanc(bench):
    """400 CT to and from Orthanc by STOW-RS and WADO-RS."""
    files = samples.ct(bench.folder / "ct", 400)
    server = bench.server(servers.orthanc_with_web())
    # Orthanc takes up to twice as long from one time to the next for the same request, whoever asks; of its list of instances,
    # for which it reads each file, 1.3 s of its CPU or more. Three rounds say nothing of a tenth.
    rounds = max(bench.rounds, 9)
    missed = web_store(
        bench,
        "web-orthanc: 400 CT of 0.53 MB by STOW-RS to Orthanc, no slower than the server lets curl be",
        server.web_url,
        files,
        [Target("wall", "dcmscu", ["curl"], 1.1, "wall time of curl")],
        prepare=server.clear,
        rounds=rounds,
    )
    return missed + web_get(
        bench,
        "web-orthanc: the same by WADO-RS from Orthanc, with the check that all came, no slower than the server lets curl be",
        server.web_url,
        files,
        [
            Target("wall", "dcmscu", ["curl, to one file"], 1.1, "wall time of curl, which asks for the same list"),
            Absolute("peak", "dcmscu", 25, "peak memory in MB"),
        ],
        rounds=rounds,
        lists=True,
    )


# The practice archive, from outside while it runs.

FIND = "1.2.840.10008.5.1.4.1.2.2.1"
INDEX = ".dcmscu-index"


class ServedArchive:
    """`--serve` over a folder: seconds until it listens, and what the process has used then."""

    def __init__(self, bench, binary, folder):
        self.port = free_port()
        began = time.monotonic()
        self.process = subprocess.Popen(
            [binary, "--serve", folder, "--port-scp", str(self.port)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip
        bench.servers.append(self.process)
        while "listens at" not in self.process.stdout.readline():
            if self.process.poll() is not None:
                raise RuntimeError(f"the archive over {folder} ended with {self.process.returncode}")
        self.start = time.monotonic() - began
        proc = pathlib.Path(f"/proc/{self.process.pid}")
        self.cpu = sum(map(int, (proc / "stat").read_text().rsplit(")", 1)[1].split()[11:13])) / os.sysconf("SC_CLK_TCK")
        self.peak = 1024 * int(re.search(r"VmHWM:\s+(\d+)", (proc / "status").read_text())[1])

    def query(self, association, level, keys, wanted):
        """Milliseconds from the request to the last response, the median of some."""
        fields = {0x00080052: level.encode(), **{tag: value.encode() for tag, value in keys.items()}}
        identifier = b"".join(
            wire.element(tag >> 16, tag & 0xFFFF, value + b" \0"[tag & 0xFFFF in (0x000D, 0x000E, 0x0018) :][:1] * (len(value) % 2))
            for tag, value in sorted(fields.items())
        )
        taken = []
        for number in range(21):
            command = {"affected_class": FIND, "field": 0x0020, "message_id": number + 1, "priority": 0, "data_set_type": 1}
            began = time.perf_counter()
            association.send(command, identifier)
            found = 0
            while association.receive()[0]["status"] != 0:
                found += 1
            taken.append(1e3 * (time.perf_counter() - began))
            if found != wanted:
                raise RuntimeError(f"{found} matches of {keys}, not {wanted}")
        return statistics.median(taken)

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.communicate()


def job_serve_many(bench):
    """The practice archive over 100,000 files: start, queries and memory."""
    count = 100_000
    folder = samples.archive(bench.folder / "archive", count)
    nothing = bench.folder / "nothing"
    nothing.mkdir(exist_ok=True)
    # A file that has just changed may change again at the same time: it is not in the index.
    time.sleep(3)
    study = f"{samples.STUDY}.1796056230.100500"
    series, instance = f"{study}.100002", f"{study}.100002.100042"
    patient, date, accession, name = 0x00100020, 0x00080020, 0x00080050, 0x00100010
    study_uid, series_uid, instance_uid = 0x0020000D, 0x0020000E, 0x00080018
    shown = {name: "", patient: "", date: "", study_uid: ""}
    queries = {
        "study by Patient ID": ("STUDY", {**shown, patient: "PID00123"}, 2),
        "study by its UID, with counts": ("STUDY", {**shown, study_uid: study, 0x00201206: "", 0x00201208: "", 0x00080061: ""}, 1),
        "studies of a range of dates": ("STUDY", {**shown, date: "20240301-20240303"}, 9),
        "studies by a name with a wildcard": ("STUDY", {**shown, name: "NAME0012*"}, 20),
        "study by an Accession Number that nobody has": ("STUDY", {**shown, accession: "NONE"}, 0),
        "series of a study": ("SERIES", {study_uid: study, series_uid: "", 0x00080060: ""}, 4),
        "series by its UID alone": ("SERIES", {series_uid: series, 0x00080060: ""}, 1),
        "instances of a series": ("IMAGE", {study_uid: study, series_uid: series, instance_uid: "", 0x00200013: ""}, 25),
        "instance by its UID alone": ("IMAGE", {instance_uid: instance, 0x00200013: ""}, 1),
    }
    missed = {"": 0, OTHER: 0}
    for binary, whose in [(bench.binary, ""), (bench.beside, OTHER)]:
        if not binary:
            continue
        empty = ServedArchive(bench, binary, nothing)
        empty.stop()
        without, known = [], []
        for _ in range(min(bench.rounds, 3)):
            (folder / INDEX).unlink(missing_ok=True)
            for starts in (without, known):
                starts.append(ServedArchive(bench, binary, folder))
                starts[-1].stop()
        archive = ServedArchive(bench, binary, folder)
        association = wire.Association.request(archive.port, "PRACTICE", "BENCH", FIND)
        association.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        print(f"\nserve-many: an archive of {count:,} files in 1,000 folders{whose}")
        for words, starts in (("all files read", without), ("from its index", known)):
            median = statistics.median(one.start for one in starts)
            print(f"  {words}: {median:.3f} s, {statistics.median(one.cpu for one in starts):.3f} s of CPU")
            missed[whose] += not hold(median, 3.0, f"seconds until it listens, {words}{whose}")
            bytes_each = (max(one.peak for one in starts) - empty.peak) / count
            missed[whose] += not hold(bytes_each, 1024, f"bytes of peak memory an instance, {words}{whose}")
        for words, (level, keys, wanted) in queries.items():
            missed[whose] += not hold(archive.query(association, level, keys, wanted), 5.0, f"milliseconds, {words}{whose}")
        association.release()
        archive.stop()
    return missed[""]


JOBS = {
    name.removeprefix("job_").replace("_", "-"): function
    for name, function in list(globals().items())
    if name.startswith("job_")
}


def main():
    parser = argparse.ArgumentParser(
        prog="scripts/bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("jobs", nargs="*", metavar="JOB", help="all without one")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--list", action="store_true", help="name the jobs only")
    parser.add_argument("--profile", action="store_true", help="say where the time goes instead (needs perf and strace)")
    parser.add_argument("--binary", help="another dcmscu than the release build of this checkout")
    parser.add_argument("--beside", metavar="BINARY", help="run this dcmscu, too, in turn, and print the ratios to it")
    options = parser.parse_args()
    if options.list:
        for name, function in JOBS.items():
            print(f"{name:16} {function.__doc__}")
        return 0
    unknown = [name for name in options.jobs if name not in JOBS]
    if unknown:
        print(f"no job is called {' '.join(unknown)}; there are: {' '.join(JOBS)}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    began = time.monotonic()
    bench = Bench(options.binary, options.rounds, options.beside, options.profile)
    missed = 0
    try:
        for name, function in JOBS.items():
            if not options.jobs or name in options.jobs:
                missed += function(bench)
                bench.stop()
    finally:
        bench.close()
    if not options.profile:
        print(f"\n{missed} targets missed, {time.monotonic() - began:.0f} s")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
