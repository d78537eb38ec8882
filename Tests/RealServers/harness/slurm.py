"""A Slurm of one node on loopback: Debian's munged, slurmctld and slurmd, ended by process id."""

import os
import pwd
import socket

from . import servers
from .programs import run

CPUS = 4


class Munge(servers.Server):
    """Lets the parts of Slurm know each other."""

    name = "munge"

    def prepare(self):
        key = self.folder / "key"
        key.unlink(missing_ok=True)
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)

    @property
    def socket(self):
        return self.folder / "socket"

    def command(self):
        files = {"key-file": "key", "pid-file": "pid", "seed-file": "seed", "log-file": "munged.log", "socket": "socket"}
        return [servers.program("munged"), "--foreground", "--force", *[f"--{option}={self.folder / name}" for option, name in files.items()]]

    def is_ready(self):
        return self.socket.exists()


class Controller(servers.Server):
    name = "slurmctld"

    def __init__(self, munge):
        super().__init__()
        self.munge = munge

    @property
    def configuration(self):
        return self.folder / "slurm.conf"

    def prepare(self):
        host, user = socket.gethostname().partition(".")[0], pwd.getpwuid(os.getuid()).pw_name
        self.node_port = servers.free_port()
        for name in ("state", "spool"):
            (self.folder / name).mkdir(exist_ok=True)
        self.configuration.write_text(f"""
ClusterName=test
SlurmctldHost={host}({servers.LOOPBACK})
SlurmctldPort={self.port}
SlurmdPort={self.node_port}
AuthType=auth/munge
AuthInfo=socket={self.munge.socket}
SlurmUser={user}
SlurmdUser={user}
StateSaveLocation={self.folder}/state
SlurmdSpoolDir={self.folder}/spool
SlurmctldPidFile={self.folder}/slurmctld.pid
SlurmdPidFile={self.folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobacctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0
KillWait=2
SlurmdParameters=config_overrides
NodeName={host} NodeAddr={servers.LOOPBACK} CPUs={CPUS} Boards=1 SocketsPerBoard=1 CoresPerSocket={CPUS} ThreadsPerCore=1 RealMemory=4000
PartitionName=all Nodes={host} Default=YES MaxTime=INFINITE State=UP
""")

    def command(self):
        return [servers.program("slurmctld"), "-D", "-f", self.configuration]


class Node(servers.Server):
    """The node; with it the Slurm is whole."""

    name = "slurmd"

    def __init__(self, controller):
        super().__init__()
        self.controller = controller

    def prepare(self):
        self.port = self.controller.node_port

    def command(self):
        return [servers.program("slurmd"), "-D", "-f", self.controller.configuration]

    @property
    def environment(self):
        return {"SLURM_CONF": self.controller.configuration}

    def is_ready(self):
        said = run(servers.program("sinfo"), "--noheader", "--format=%t", environment=self.environment, timeout=20).stdout
        return said.strip() == "idle"

    def stop(self):
        if self.process:
            # What runs has left our process group.
            run(servers.program("scancel"), "--state=RUNNING", "--signal=KILL", "--full", "--me", environment=self.environment, timeout=20)
        super().stop()
