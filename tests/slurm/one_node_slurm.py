"""A real SLURM of one node that a test starts from Debian's packages, and stops.

Owns its daemons: munge with a key of its own, the controller and the node, on free ports of the
loopback interface, with all their files in one folder. A SLURM that this machine has is left alone.
The node claims more cores than the machine has, and a GPU that is none: no test computes on it.
"""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import time
from contextlib import ExitStack, contextmanager

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol", "sinfo")
PATIENCE_S = 400.0
KILL_WAIT_S = 60
"""SLURM's own default is 30 s; these tests share their cores with others."""

CONFIGURATION = """\
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=1,bf_interval=1
MpiDefault=none
ReturnToService=2
KillWait={kill_wait}
SlurmdParameters=config_overrides
GresTypes=gpu
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
NodeName={host} NodeAddr=127.0.0.1 CPUs=16 RealMemory=1000 Gres=gpu:1 State=UNKNOWN
PartitionName=debug Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def missing():
    """Say what is not here; empty if SLURM can be started."""
    lost = [name for name in PROGRAMS if _program(name) is None]
    if lost:
        return f"{', '.join(lost)} not installed (apt-get install slurm-wlm munge)"
    return "" if os.geteuid() == 0 else "a SLURM daemon needs root"


class Slurm:
    """A running SLURM; ``environment`` makes its commands find it."""

    def __init__(self, folder):
        self.folder = folder
        self.environment = {"SLURM_CONF": str(folder / "slurm.conf")}
        self._daemons = []
        self._seen = set()

    def start(self):
        """Start the daemons and wait until the node takes jobs."""
        for name in ("state", "spool"):
            (self.folder / name).mkdir()
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)
        # --force: the folder of a test is closed to other users, which is what we want.
        files = {"socket": "munge.socket", "pid-file": "munge.pid", "log-file": "munge.log"}
        files |= {"key-file": "munge.key", "seed-file": "munge.seed"}
        options = [f"--{name}={self.folder / file}" for name, file in files.items()]
        self._daemon("munged", "--foreground", "--force", *options)
        host = socket.gethostname().partition(".")[0]
        ports = dict(zip(("controller_port", "node_port"), _free_ports(2), strict=True))
        text = CONFIGURATION.format(
            host=host, user=getpass.getuser(), folder=self.folder, kill_wait=KILL_WAIT_S, **ports
        )
        (self.folder / "slurm.conf").write_text(text)
        (self.folder / "gres.conf").write_text("Name=gpu File=/dev/null\n")
        self._daemon("slurmctld", "-D")
        self._daemon("slurmd", "-D")
        self._wait(lambda: self.ask("sinfo", "-h", "-o", "%T", check=False) == "idle")

    def ask(self, *command, check=True):
        """Run one of SLURM's commands; return what it prints."""
        done = subprocess.run(
            [_program(command[0]), *map(str, command[1:])],
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert not check or done.returncode == 0, done.stderr
        return done.stdout.strip()

    def jobs(self):
        """Map the numbers of the jobs in the queue to their names."""
        lines = self.ask("squeue", "-h", "-o", "%i %j").splitlines()
        found = dict(line.split(maxsplit=1) for line in lines)
        self._seen |= found.keys()
        return found

    def describe(self, job):
        """Return what the controller knows of a job, which it forgets after some minutes."""
        pairs = self.ask("scontrol", "show", "job", job, "-o").split()
        return dict(pair.split("=", 1) for pair in pairs if "=" in pair)

    def wait_until_empty(self, explain=lambda: ""):
        """Wait until no job is in the queue."""
        self._wait(lambda: not self.jobs(), explain)

    def clear(self):
        """Kill all jobs at once."""
        if jobs := self.jobs():
            self.ask("scancel", "--batch", "--signal=KILL", *jobs, check=False)
            self.ask("scancel", *jobs, check=False)
            self.wait_until_empty()

    def stop(self):
        """Kill the jobs and end the daemons, in the order in which they need each other."""
        try:
            if self._daemons:
                self.clear()
        finally:
            for daemon in reversed(self._daemons):
                daemon.terminate()
                try:
                    daemon.wait(20.0)
                except subprocess.TimeoutExpired:
                    daemon.kill()
                    daemon.wait()

    def last_words(self):
        """Return the end of what the daemons wrote."""
        logs = sorted(self.folder.glob("*.log"))
        return "\n".join(f"{log.name}: ...{log.read_text()[-1500:]}" for log in logs)

    def _daemon(self, program, *options):
        self._daemons.append(
            subprocess.Popen(
                [_program(program), *options],
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )

    def _wait(self, condition, explain=lambda: ""):
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, f"in vain; {explain()}\n{self.last_words()}"
            time.sleep(0.1)


@contextmanager
def open_slurm(folder):
    """Have a SLURM while the block lasts."""
    slurm = Slurm(folder)
    try:
        slurm.start()
        yield slurm
    finally:
        slurm.stop()


def _program(name):
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")


def _free_ports(count):
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
