"""The VASP process: custodian's job, with nothing left over before or after it.

Owns what custodian's VaspJob leaves open: outputs of an earlier attempt that a handler
could take for new ones, which command really ran, and processes of the group that live on
when the first of them has ended.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

from custodian.vasp.jobs import VaspJob

STALE = ("vasprun.xml", "vaspout.h5", "OUTCAR", "OSZICAR", "CONTCAR", "XDATCAR", "STOPCAR")
"""Files of an attempt that the next one must not find; custodian has packed them by then."""


class GroupVaspJob(VaspJob):
    """A VASP run in a process group of its own, all of which ends with it."""

    launched: tuple[str, ...] = ()
    """The command that ran, Gamma-point or standard; empty before the first start."""

    @property
    def exit_code(self) -> int | None:
        """Exit code of the last attempt, minus the signal that killed it; None before its end."""
        return self._vasp_process.returncode if self.launched else None

    def run(self, directory: str = "./") -> subprocess.Popen:
        """Start VASP in a folder without outputs."""
        for name in STALE:
            (Path(directory) / name).unlink(missing_ok=True)
        process = super().run(directory)
        self.launched = tuple(process.args)
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
            if not _send(group, sign):
                return
            end = time.monotonic() + self.terminate_timeout
            while time.monotonic() < end:
                time.sleep(0.02)
                if not _send(group, 0):
                    return


def _send(group: int, sign: int) -> bool:
    """Send a signal to a group; say whether it had members."""
    try:
        os.killpg(group, sign)
    except (ProcessLookupError, PermissionError):
        return False
    return True
