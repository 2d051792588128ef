"""What the scheduler of this machine has in its queue.

Owns the question to SLURM. Where nobody answers nothing is concluded: a queue that is not asked
is not empty.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

ASK_S = 30.0


@dataclass(frozen=True)
class QueuedJobs:
    """Jobs of SLURM that wait or run.

    Parameters
    ----------
    folders
        Working folder by the number of the job.
    """

    folders: dict[str, str]

    def has(self, number: str) -> bool:
        """Say whether a job is there."""
        return number in self.folders

    def has_folder(self, folder: str) -> bool:
        """Say whether a job there works in a folder."""
        return folder in self.folders.values()


def ask_queue() -> QueuedJobs | None:
    """Ask ``squeue`` for all jobs of all users.

    Returns
    -------
    The jobs; None if there is no SLURM, or it does not answer.
    """
    try:
        answer = subprocess.run(
            ["squeue", "--all", "--noheader", "--array", "--format", "%A|%i|%Z"],
            capture_output=True,
            text=True,
            timeout=ASK_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    if answer.returncode:
        return None
    folders = {}
    for line in answer.stdout.splitlines():
        number, written, folder = [*line.strip().split("|", 2), "", ""][:3]
        folders |= {number: folder, written: folder}
    return QueuedJobs(folders)
