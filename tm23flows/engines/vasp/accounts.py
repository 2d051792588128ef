"""What a run of VASP cost, from its own account at the end of OUTCAR.

Owns the reading of that account. Rank 0 writes it, of itself alone, so time and memory are
multiplied by the number of ranks; VASP 5.4 and 6 name it near the top, each in its own words.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

HEAD_BYTES = 1 << 14
TAIL_BYTES = 1 << 13
_RANKS = re.compile(r"running on\s+(\d+) total cores|running\s+(\d+) mpi-ranks")
_THREADS = re.compile(r"with\s+(\d+) threads/rank")
_CPU_S = re.compile(r"Total CPU time used \(sec\):\s+([0-9.]+)")
_MEMORY_KB = re.compile(r"Maximum memory used \(kb\):\s+([0-9.]+)")


def read_account(folder: Path, wall_s: float | None) -> dict[str, Any]:
    """Read what a run cost.

    Parameters
    ----------
    folder
        Where it ran. Of a run that was killed there is no account.
    wall_s
        Seconds that it took by the clock of whoever started it; None where nobody watched.

    Returns
    -------
    Fields of an :class:`tm23flows.documents.effort.Effort`: ``wall_s``, and ``cpu_s``, ``cores``
    and ``max_memory_bytes`` as far as VASP tells. Without the number of ranks the account is of
    one among nobody knows how many, and so none.
    """
    head, tail = _ends(folder / "OUTCAR")
    ranks = _RANKS.search(head)
    if ranks is None:
        return {"wall_s": wall_s}
    n_ranks = int(ranks[1] or ranks[2])
    threads = _THREADS.search(head)
    cpu_s, memory_kB = _CPU_S.search(tail), _MEMORY_KB.search(tail)
    return {
        "wall_s": wall_s,
        "cores": n_ranks * (int(threads[1]) if threads else 1),
        "cpu_s": float(cpu_s[1]) * n_ranks if cpu_s else None,
        "max_memory_bytes": round(float(memory_kB[1]) * 1024) * n_ranks if memory_kB else None,
    }


def _ends(path: Path) -> tuple[str, str]:
    """Return the beginning and the end of a file that may be large, or may not be there."""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
            size = file.seek(0, 2)
            file.seek(max(0, size - TAIL_BYTES))
            return head.decode(errors="replace"), file.read().decode(errors="replace")
    except OSError:
        return "", ""
