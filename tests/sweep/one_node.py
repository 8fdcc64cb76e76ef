"""A Slurm of this one machine: munged, slurmctld and slurmd of this user, with all their files in a folder of their own.

Debian's packages `slurm-wlm` and `munge` are enough; nothing of /etc is read or written. There is no accounting, as on many
small clusters. The node claims more processors than there are, so that several jobs run at a time.
"""

from __future__ import annotations

import getpass
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

DAEMONS = ("munged", "slurmctld", "slurmd")
NEEDED = (*DAEMONS, "sbatch", "srun", "squeue", "scontrol", "scancel")
PROCESSORS = 4

CONFIG = """
ClusterName=one
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SwitchType=switch/none
ReturnToService=2
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=2,sched_min_interval=0,bf_interval=1
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
MaxArraySize=2
KillWait=2
MailProg=/bin/true
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
NodeName={host} NodeAddr=127.0.0.1 CPUs={processors} State=UNKNOWN
PartitionName=low Nodes={host} Default=YES MaxTime=INFINITE State=UP PriorityTier=1 PreemptMode=REQUEUE
PartitionName=high Nodes={host} MaxTime=INFINITE State=UP PriorityTier=10 PreemptMode=OFF
"""


def missing() -> list[str]:
    """The programs of Slurm that this machine lacks."""
    return [name for name in NEEDED if _place(name) is None]


class OneNode:
    """The cluster; `SLURM_CONF` in the environment of whoever uses it says where it is."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="slurm-", dir="/tmp"))  # a socket's path must be short
        self.config = self.folder / "slurm.conf"
        self._daemons: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Begin the daemons; RuntimeError, with their logs, when the node does not come up."""
        for name in ("state", "spool"):
            (self.folder / name).mkdir()
        host = socket.gethostname().split(".")[0]
        self.config.write_text(
            CONFIG.format(
                host=host, folder=self.folder, user=getpass.getuser(), ports=_free_ports(2), processors=PROCESSORS
            )
        )
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        places = {"key-file": key, "socket": "munge.socket", "pid-file": "munge.pid", "seed-file": "munge.seed"}
        self._begin(
            "munged", "--force", "--foreground", *(f"--{name}={self.folder / at}" for name, at in places.items())
        )
        _wait(lambda: (self.folder / "munge.socket").exists(), 20)
        self._begin("slurmctld", "-D")
        # What Slurm calls having no control groups differs with its version; older ones look for themselves.
        for plugin in (None, "disabled"):
            if plugin:
                (self.folder / "cgroup.conf").write_text(f"CgroupPlugin={plugin}\n")
            if self._comes_up(self._begin("slurmd", "-D")):
                return
        raise RuntimeError("\n".join(path.read_text() for path in self.folder.glob("*.log")))

    def _comes_up(self, node: subprocess.Popen[bytes]) -> bool:
        _wait(lambda: node.poll() is not None or self.say("sinfo", "-h", "-o", "%T").strip() == "idle", 30)
        return node.poll() is None

    def say(self, *command: str) -> str:
        """What a command of Slurm's prints; empty where it fails."""
        done = subprocess.run(command, capture_output=True, text=True, env=self.environment, timeout=60, check=False)
        return done.stdout if done.returncode == 0 else ""

    @property
    def environment(self) -> dict[str, str]:
        """Of whoever speaks to the cluster."""
        return {**os.environ, "SLURM_CONF": str(self.config)}

    def states(self) -> dict[str, str]:
        """Job -> state, of all jobs that the cluster remembers."""
        said = self.say("squeue", "--noheader", "--array", "--states=all", "--format=%i %T")
        return dict(line.split() for line in said.splitlines())

    def restarts(self) -> dict[str, int]:
        """Job -> how often it was queued again."""
        found = re.findall(
            r"ArrayJobId=(\d+) ArrayTaskId=(\d+) .*? Restarts=(\d+)", self.say("scontrol", "-o", "show", "job")
        )
        return {f"{array}_{task}": int(count) for array, task, count in found}

    def stop(self) -> None:
        """End jobs and daemons, and remove the folder."""
        self.say("scancel", "--user", getpass.getuser())
        _wait(lambda: not self.say("squeue", "--noheader"), 15)
        for one in reversed(self._daemons):
            one.terminate()
            try:
                one.wait(10)
            except subprocess.TimeoutExpired:
                one.kill()
                one.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _begin(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.out.log").open("ab") as log:
            begun = subprocess.Popen(
                [_place(name), *arguments],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._daemons.append(begun)
        return begun


def _place(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")


def _free_ports(count: int) -> list[int]:
    asked = [socket.socket() for _ in range(count)]
    for one in asked:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in asked]
    for one in asked:
        one.close()
    return ports


def _wait(true, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.1)
    return False
