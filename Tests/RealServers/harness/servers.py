"""Starts and ends real servers: on loopback, on free ports, in temporary folders, by process id."""

import base64
import ctypes
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

from . import programs

LOOPBACK = "127.0.0.1"

# A server that has not opened its port by then will not do so. Orthanc needs one to three seconds.
START_LIMIT = 30.0
# Time to end by SIGTERM before SIGKILL. Orthanc finishes its jobs first.
END_LIMIT = 10.0

DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG


# The ports of this process: the first and how many. They lie below those that the system gives to whoever asks for any, so
# that no connection takes one before its server does; what runs beside (DCMSCU_PORTS: "NUMBER COUNT") has others.
_number, _processes = map(int, os.environ.get("DCMSCU_PORTS", "0 1").split())
_PORTS = 20_000 // _processes
_FIRST_PORT = 12_000 + _number * _PORTS


def free_port():
    """A TCP port that nothing listens on at this moment."""
    while True:
        port = _FIRST_PORT + random.randrange(_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return port


def program(name):
    """The path of an installed server; Debian keeps Orthanc in sbin. A missing one is a failure, never a skip."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin:/usr/local/sbin")
    if not found:
        raise AssertionError(f"{name} is not installed; scripts/test installs it")
    return found


class Server:
    """One server process and its folder. Use as a context manager, or start() and stop()."""

    name = "server"
    ae_title = "SERVER"

    def __init__(self):
        self.folder = None
        self.port = None
        self.process = None

    # Set by each subclass.
    def prepare(self):
        """Writes configuration into the folder; called with `port` set, before each attempt."""

    def command(self):
        raise NotImplementedError

    def is_ready(self):
        return accepts_connections(self.port)

    def start(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"dcmscu-{self.name}-"))
        try:
            # Somebody else may take the free port before the server does: a few attempts.
            for attempt in range(3):
                self.port = free_port()
                self.prepare()
                self._launch()
                if self._wait_until_ready():
                    return self
                self._end()
            raise AssertionError(f"{self.name} did not start\n{self.log()}")
        except BaseException:
            self.stop()
            raise

    def stop(self):
        self._end()
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    __enter__ = start

    def __exit__(self, *_):
        self.stop()

    @property
    def log_path(self):
        return self.folder / "server.log"

    def log(self, limit=6000):
        """The end of the log of the server, for failures."""
        try:
            text = self.log_path.read_text(errors="replace")
        except OSError as error:
            return f"(no log: {error})"
        return text[-limit:]

    def _launch(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [str(part) for part in self.command()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                # A session of its own, so that children of dcmqrscp are ended with it.
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )

    def _wait_until_ready(self):
        limit = time.monotonic() + START_LIMIT
        while time.monotonic() < limit:
            if self.process.poll() is not None:
                return False
            if self.is_ready():
                # It is our server that answered only if it has not lost the port to another.
                return self.process.poll() is None
            time.sleep(0.02)
        return False

    def _end(self):
        process, self.process = self.process, None
        if process is None:
            return
        for ending in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(process.pid, ending)
            except ProcessLookupError:
                pass
            try:
                process.wait(END_LIMIT)
                break
            except subprocess.TimeoutExpired:
                continue
        # Children that a forking server left behind share its group.
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


_libc = ctypes.CDLL(None, use_errno=True)


def _die_with_parent():
    _libc.prctl(DEATH_SIGNAL, signal.SIGKILL)


def accepts_connections(port, host=LOOPBACK):
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


class Orthanc(Server):
    """Orthanc with its REST interface, which gives a second opinion on everything that it stored."""

    name = "orthanc"
    ae_title = "ORTHANC"

    def __init__(self, **settings):
        super().__init__()
        self.settings = settings
        self.http_port = None

    def prepare(self):
        self.http_port = free_port()
        configuration = {
            "Name": "dcmscu tests",
            "StorageDirectory": str(self.folder / "storage"),
            "IndexDirectory": str(self.folder / "index"),
            "Plugins": [],
            "HttpServerEnabled": True,
            "HttpPort": self.http_port,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False,
            "DicomServerEnabled": True,
            "DicomPort": self.port,
            "DicomAet": self.ae_title,
            "DicomCheckCalledAet": False,
            "DicomAlwaysAllowEcho": True,
            "DicomAlwaysAllowStore": True,
            "DicomAlwaysAllowFind": True,
            "DicomAlwaysAllowGet": True,
            "DicomAlwaysAllowMove": True,
            "UnknownSopClassAccepted": True,
            "OverwriteInstances": True,
            "ConcurrentJobs": 4,
            "DicomModalities": {},
            **self.settings,
        }
        (self.folder / "orthanc.json").write_text(json.dumps(configuration, indent=2))

    def command(self):
        return [program("Orthanc"), self.folder / "orthanc.json"]

    def is_ready(self):
        try:
            self.rest("/system")
        except (OSError, ValueError):
            return False
        return accepts_connections(self.port)

    def rest(self, path, method="GET", body=None):
        """One REST call; JSON in and out, bytes out where it is not JSON."""
        request = urllib.request.Request(
            f"http://{LOOPBACK}:{self.http_port}{path}",
            method=method,
            data=None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode(),
        )
        for name, password in self.settings.get("RegisteredUsers", {}).items():
            request.add_header("Authorization", "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode())
        # Never through a proxy of the environment.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=30) as answer:
            data = answer.read()
            return json.loads(data) if "json" in answer.headers.get("Content-Type", "") and data else data

    def register(self, ae_title, port, host=LOOPBACK, **allowed):
        """Makes a destination known, for C-MOVE and for reports of storage commitment; `AllowFind=False` and the like."""
        self.rest(f"/modalities/{ae_title.lower()}", "PUT", {"AET": ae_title, "Host": host, "Port": port, **allowed})

    @property
    def web_url(self):
        """The base URL of DICOMweb, where the server has its plugin."""
        return f"http://{LOOPBACK}:{self.http_port}/dicom-web"

    @property
    def own_url(self):
        """The URL of its own interface, which every Orthanc has."""
        return f"orthanc+http://{LOOPBACK}:{self.http_port}"

    def clear(self):
        for patient in self.rest("/patients"):
            self.rest(f"/patients/{patient}", "DELETE")

    def sop_instance_uids(self):
        """SOP Instance UID -> Orthanc's own id."""
        return {
            entry["MainDicomTags"]["SOPInstanceUID"]: entry["ID"] for entry in self.rest("/instances?expand")
        }

    def file(self, orthanc_id):
        """The bytes of the DICOM file that Orthanc keeps."""
        return self.rest(f"/instances/{orthanc_id}/file")


def orthanc_with_web(**settings):
    """Orthanc with its plugin for DICOMweb, whose text is UTF-8."""
    web = {"Enable": True, "Root": "/dicom-web/", "StudiesMetadata": "Full", "SeriesMetadata": "Full"}
    plugin = "/usr/share/orthanc/plugins/libOrthancDicomWeb.so"
    if not pathlib.Path(plugin).exists():
        raise AssertionError(f"{plugin} is not installed (orthanc-dicomweb); scripts/test installs it")
    return Orthanc(**{"Plugins": [plugin], "DicomWeb": web, "DefaultEncoding": "Utf8", **settings})


class Nginx(Server):
    """nginx in front of a web server: TLS and HTTP/2, client certificates, limits of bodies, redirects."""

    name = "nginx"

    def __init__(self, upstream, pair=None, client_authority=None, body_limit="0", location=""):
        super().__init__()
        self.upstream = upstream
        self.pair = pair
        self.client_authority = client_authority
        self.body_limit = body_limit
        self.location = location

    @property
    def web_url(self):
        return f"{'https' if self.pair else 'http'}://{LOOPBACK}:{self.port}/dicom-web"

    def prepare(self):
        lines = [f"listen {LOOPBACK}:{self.port}{' ssl http2' if self.pair else ''};"]
        if self.pair:
            lines += [f"ssl_certificate {self.pair[0]};", f"ssl_certificate_key {self.pair[1]};"]
        if self.client_authority:
            lines += [f"ssl_client_certificate {self.client_authority};", "ssl_verify_client on;"]
        paths = "".join(
            f"{name}_temp_path {self.folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )  # fmt: skip
        (self.folder / "nginx.conf").write_text(f"""
            daemon off; master_process off; pid {self.folder}/pid; error_log stderr;
            events {{ worker_connections 64; }}
            http {{
                access_log {self.folder}/access.log; {paths}
                client_max_body_size {self.body_limit}; proxy_request_buffering off; proxy_http_version 1.1;
                server {{ {' '.join(lines)} {self.location} location / {{ proxy_pass http://{LOOPBACK}:{self.upstream}; }} }}
            }}
        """)

    def command(self):
        return [program("nginx"), "-p", self.folder, "-c", self.folder / "nginx.conf"]


class StoreSCP(Server):
    """DCMTK's storescp, keeping the bytes as they came (+B)."""

    name = "storescp"
    ae_title = "STORESCP"

    def __init__(self, *options, profile=None):
        super().__init__()
        self.options = list(options)
        self.profile = profile

    def prepare(self):
        (self.folder / "received").mkdir(exist_ok=True)
        if self.profile:
            (self.folder / "profile.cfg").write_text(self.profile)

    def command(self):
        # Each association in a process of its own, so that parallel senders are served.
        negotiation = ["-xf", self.folder / "profile.cfg", INCOMING] if self.profile else ["+xa", "-pm"]
        return [
            program("storescp"), "-v", "--fork", *negotiation, "-dhl", "+B", "-od", self.folder / "received",
            "-aet", self.ae_title, *self.options, self.port,
        ]  # fmt: skip

    def received(self):
        return sorted(path for path in (self.folder / "received").iterdir() if path.is_file())

    def clear(self):
        for path in self.received():
            path.unlink()


class DcmQRSCP(Server):
    """DCMTK's dcmqrscp, an archive with find, move and get, in bit preserving mode.

    `destinations` are (AE title, port) pairs that it moves to; `profile` is an association profile that names the SOP
    classes and transfer syntaxes (see `association_profile`), without it compressed objects are not taken.
    """

    name = "dcmqrscp"
    ae_title = "QRSCP"

    def __init__(self, destinations=(), profile=None, options=()):
        super().__init__()
        self.destinations = list(destinations)
        self.profile = profile
        self.options = list(options)

    def prepare(self):
        (self.folder / "archive").mkdir(exist_ok=True)
        hosts = "\n".join(
            f"peer{number} = ({title}, {LOOPBACK}, {port})"
            for number, (title, port) in enumerate(self.destinations, 1)
        )
        (self.folder / "dcmqrscp.cfg").write_text(
            "NetworkTCPPort = {port}\nMaxPDUSize = 16384\nMaxAssociations = 16\n\n"
            "HostTable BEGIN\n{hosts}\nHostTable END\n\nVendorTable BEGIN\nVendorTable END\n\n"
            "AETable BEGIN\n{title}  {archive}  RW  (500, 1024mb)  ANY\nAETable END\n".format(
                port=self.port, hosts=hosts, title=self.ae_title, archive=self.folder / "archive"
            )
        )
        if self.profile:
            (self.folder / "profile.cfg").write_text(self.profile)

    def command(self):
        profile = ["-xf", self.folder / "profile.cfg", INCOMING, OUTGOING] if self.profile else []
        return [
            program("dcmqrscp"), "-v", "-dhl", "+B", "-c", self.folder / "dcmqrscp.cfg", *profile, *self.options,
            self.port,
        ]  # fmt: skip


INCOMING = "Incoming"
OUTGOING = "Outgoing"


def association_profile(classes_and_syntaxes, query_classes=()):
    """A DCMTK configuration with two association profiles for (SOP class, transfer syntax) pairs.

    Incoming: one entry a class, with all the syntaxes that occur. Outgoing: one context for every pair, since a context
    has one accepted syntax only, and an archive that holds the same class in two syntaxes needs both to send them as they are.
    """
    pairs = sorted(classes_and_syntaxes)
    classes = sorted({sop_class for sop_class, _ in pairs})
    syntaxes = sorted({syntax for _, syntax in pairs})
    if len(pairs) > 128:
        raise ValueError("an association has at most 128 presentation contexts")

    lines = ["[[TransferSyntaxes]]", "[All]"]
    lines += [f"TransferSyntax{n} = {syntax}" for n, syntax in enumerate(syntaxes, 1)]
    for number, syntax in enumerate(syntaxes, 1):
        lines += [f"[Syntax{number}]", f"TransferSyntax1 = {syntax}"]
    lines += ["[Little]", "TransferSyntax1 = 1.2.840.10008.1.2.1", "TransferSyntax2 = 1.2.840.10008.1.2"]

    incoming = [f"{query}\\Little" for query in query_classes] + [f"{sop_class}\\All" for sop_class in classes]
    outgoing = [f"{sop_class}\\Syntax{syntaxes.index(syntax) + 1}" for sop_class, syntax in pairs]
    lines += ["[[PresentationContexts]]"]
    for name, contexts in ((INCOMING, incoming), (OUTGOING, outgoing)):
        lines += [f"[{name}]", *(f"PresentationContext{n} = {context}" for n, context in enumerate(contexts, 1))]
    # For C-GET the requestor is the SCP of the storage classes.
    lines += ["[[SCPSCURoleSelection]]", "[Roles]"]
    lines += [f"Role{n} = {sop_class}\\both" for n, sop_class in enumerate(classes, 1)]
    lines += ["[[Profiles]]", f"[{INCOMING}]", f"PresentationContexts = {INCOMING}", "SCPSCURoleSelection = Roles"]
    lines += [f"[{OUTGOING}]", f"PresentationContexts = {OUTGOING}"]
    return "\n".join(lines) + "\n"


def run_dcmtk(name, *arguments, **options):
    """Runs one of DCMTK's own clients; the harness is checked with them."""
    return programs.run(program(name), *arguments, **options)


class WlmSCPFS(Server):
    """DCMTK's worklist server, over files made of `dump2dcm` texts."""

    name = "wlmscpfs"
    ae_title = "WORKLIST"

    def __init__(self, items):
        super().__init__()
        self.items = list(items)

    def prepare(self):
        folder = self.folder / "worklists" / self.ae_title
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "lockfile").touch()
        for number, item in enumerate(self.items, 1):
            text = self.folder / f"item{number}.txt"
            text.write_text(item)
            run_dcmtk("dump2dcm", "-q", text, folder / f"item{number}.wl", expect=0)

    def command(self):
        return [program("wlmscpfs"), "-v", "-dhl", "-dfp", self.folder / "worklists", self.port]


class PynetdicomQRSCP(Server):
    """pynetdicom's archive: echo, store, find, move and get, by code that shares nothing with DCMTK."""

    name = "pynetdicom"
    ae_title = "PYQRSCP"

    def __init__(self, destinations=()):
        super().__init__()
        self.destinations = list(destinations)

    def prepare(self):
        (self.folder / "instances").mkdir(exist_ok=True)
        lines = [
            "[DEFAULT]", f"ae_title: {self.ae_title}", f"port: {self.port}", "max_pdu: 16382", "acse_timeout: 30",
            "dimse_timeout: 30", "network_timeout: 30", f"bind_address: {LOOPBACK}",
            f"instance_location: {self.folder / 'instances'}", f"database_location: {self.folder / 'instances.sqlite'}",
        ]  # fmt: skip
        for title, port in self.destinations:
            lines += [f"[{title}]", f"ae_title: {title}", f"address: {LOOPBACK}", f"port: {port}"]
        (self.folder / "qrscp.ini").write_text("\n".join(lines) + "\n")

    def command(self):
        python = os.environ.get("PYNETDICOM") or str(programs.REPOSITORY / ".build" / "pynetdicom" / "bin" / "python")
        if not os.access(python, os.X_OK):
            raise AssertionError(f"{python} is not there: scripts/test makes it, with pynetdicom in it")
        return [python, "-m", "pynetdicom", "qrscp", "-v", "-c", self.folder / "qrscp.ini"]


class Receiver(Server):
    """A program that listens at a port that is given."""

    name = "receiver"

    def __init__(self, arguments, port):
        super().__init__()
        self.arguments = arguments
        self.given = port

    def prepare(self):
        self.port = self.given

    def command(self):
        return self.arguments
