"""The VASP process: custodian's job, with nothing left over before or after it.

Owns what custodian's VaspJob leaves open: outputs of an earlier attempt that a handler
could take for new ones, which command really ran, what it is told in its environment, and
processes of the group that live on when the first of them has ended.
"""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

from custodian.vasp.jobs import VaspJob

from tm23flows.private import private_variables
from tm23flows.process_group import birth, signal_group

STALE = ("vasprun.xml", "vaspout.h5", "OUTCAR", "OSZICAR", "CONTCAR", "XDATCAR", "STOPCAR")
"""Files of an attempt that the next one must not find; custodian has packed them by then."""


class GroupVaspJob(VaspJob):
    """A VASP run in a process group of its own, all of which ends with it."""

    launched: tuple[str, ...] = ()
    """The command that ran, Gamma-point or standard; empty before the first start."""

    _born: int | None = None

    @property
    def exit_code(self) -> int | None:
        """Exit code of the last attempt, minus the signal that killed it; None before its end."""
        return self._vasp_process.returncode if self.launched else None

    def run(self, directory: str = "./") -> subprocess.Popen:
        """Start VASP in a folder without outputs, and without our passwords."""
        for name in STALE:
            (Path(directory) / name).unlink(missing_ok=True)
        # custodian hands our whole environment on, and changing it here would change it for
        # all threads, some of which look for the database in it.
        commands = self.vasp_cmd, self.gamma_vasp_cmd
        words = ["env", *(word for name in private_variables() for word in ("-u", name))]
        try:
            self.vasp_cmd, self.gamma_vasp_cmd = (one and [*words, *one] for one in commands)
            process = super().run(directory)
        finally:
            self.vasp_cmd, self.gamma_vasp_cmd = commands
        self._born = birth(process.pid)
        self.launched = tuple(process.args[len(words) :])
        return process

    def terminate(self, directory: str = "./") -> None:
        """End the whole group, and return when it is gone.

        custodian waits for the first process only: a launcher's children would still write
        into the folder while the next attempt starts.
        """
        super().terminate(directory)
        self.end_group()

    def end_group(self) -> None:
        """Kill what is left of the group, after a moment in which it may end by itself."""
        if not self.launched:
            return
        group = self._vasp_process.pid
        if self._vasp_process.poll() is None:
            super().terminate()
        for sign in (signal.SIGTERM, signal.SIGKILL):
            if not signal_group(group, self._born, sign):
                return
            end = time.monotonic() + self.terminate_timeout
            while time.monotonic() < end:
                time.sleep(0.02)
                if not signal_group(group, self._born, 0):
                    return
