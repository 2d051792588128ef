"""The demonstration as a user would do it by hand: the same commands, in order.

Owns the work folder and the processes of the demo. It runs ``tm23 build``,
``lpad add`` and ``rlaunch rapidfire`` as subprocesses, so that what it shows is
what a user can do; watching them is the business of the command line.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

from tm23flows.errors import TM23Error
from tm23flows.ops.fireworks_config import write_config
from tm23flows.ops.launchpad import open_launchpad

if TYPE_CHECKING:
    from fireworks import LaunchPad

STOP_TIMEOUT_S = 10.0
POLL_S = "1"
WORKER_TIMEOUT_S = "14400"
"""Workers end by themselves, so that none is left for ever when the demo is killed."""


@dataclass
class Demo:
    """One demonstration.

    Parameters
    ----------
    work
        Folder of everything that it writes.
    uri
        Database that it uses.
    workers
        Processes that it has started.

    Raises
    ------
    TM23Error
        If another one is running in the same folder.
    """

    work: Path
    uri: str
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.work.mkdir(parents=True, exist_ok=True)
        self._lock = _lock(self.work)
        # FireWorks looks for its files in the working folder first, before the
        # ones of the user's home, so the demo can run beside production.
        self._environment = {
            **os.environ,
            **write_config(self.work, self.uri, launchpad=self.launchpad_name),
            "TM23_MONGO_URI": self.uri,
            "OMP_NUM_THREADS": "1",
        }

    @property
    def launchpad_name(self) -> str:
        """Name of a launchpad that only demos in this folder use.

        Its workers must not take the jobs of production, nor those of another demo.
        """
        place = str(self.work.resolve()).encode()
        return f"tm23_demo_{hashlib.sha256(place).hexdigest()[:8]}"

    def new_launchpad(self) -> LaunchPad:
        """Open this demo's launchpad, empty.

        What an earlier demo left there is jobs; what it computed is in the archive
        and will be found. A job that was running when that demo was stopped would
        look as if it ran for ever.
        """
        launchpad = open_launchpad(self.uri, self.launchpad_name)
        launchpad.reset("", require_password=False)
        return launchpad

    def add(self, metal: str, scale: str, engine: str) -> Path:
        """Build the workflow and add it to the launchpad.

        Parameters
        ----------
        metal
            Chemical symbol.
        scale
            ``demo`` or ``paper``.
        engine
            Name of the engine.

        Returns
        -------
        The workflow file.

        Raises
        ------
        TM23Error
            If one of the commands fails.
        """
        file = self.work / f"{metal.lower()}.yaml"
        build = ["build", metal, "--scale", scale, "--engine", engine, "-o", file.name]
        self._run([*program("tm23"), *build])
        self._run([*program("lpad"), "add", file.name])
        return file

    def start_workers(self, count: int) -> None:
        """Start workers that take jobs until they are stopped.

        Parameters
        ----------
        count
            How many.
        """
        command = [*program("rlaunch"), "rapidfire", "--nlaunches", "infinite", "--sleep", POLL_S]
        command += ["--timeout", WORKER_TIMEOUT_S]
        for number in range(1, count + 1):
            with (self.work / f"worker-{number}.log").open("ab") as log:
                self.workers.append(
                    subprocess.Popen(
                        command,
                        cwd=self.work,
                        env=self._environment,
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=subprocess.STDOUT,
                        start_new_session=True,
                        # They hold the lock too: no second demo beside orphans.
                        pass_fds=(self._lock.fileno(),),
                    )
                )

    def dead_workers(self) -> list[int]:
        """Return the exit codes of workers that ended although nobody stopped them."""
        return [code for one in self.workers if (code := one.poll()) is not None]

    def stop_workers(self) -> None:
        """Stop the workers and what they started."""
        for sign in (signal.SIGINT, signal.SIGKILL):
            for one in self.workers:
                if one.poll() is None:
                    os.killpg(one.pid, sign)
            for one in self.workers:
                try:
                    one.wait(STOP_TIMEOUT_S)
                except subprocess.TimeoutExpired:
                    continue
        self.workers = []

    def close(self) -> None:
        """Stop the workers and let another demo use the folder."""
        self.stop_workers()
        self._lock.close()

    def _run(self, command: list[str]) -> None:
        done = subprocess.run(
            command,
            cwd=self.work,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
            raise TM23Error(f"'{' '.join(Path(command[0]).name.split())}' failed: {' '.join(last)}")


def _lock(work: Path) -> IO[str]:
    """Take the folder, for as long as the returned file is open here or in a worker."""
    file = (work / "demo.lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise TM23Error(
            f"A demo, or a worker of one, is still running in {work}; wait for it or end it."
        ) from None
    return file


def program(name: str) -> list[str]:
    """Return the command of a program that is installed beside this interpreter.

    Parameters
    ----------
    name
        Such as ``lpad``.

    Returns
    -------
    The beginning of a command line.
    """
    beside = Path(sys.executable).with_name(name)
    return [str(beside)] if beside.exists() else [name]
