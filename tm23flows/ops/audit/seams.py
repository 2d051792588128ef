"""The audit of seams (I5): runs whose segments do not follow each other.

Owns the reading of runs, segment by segment. What makes a seam bad is in
:mod:`tm23flows.science.seams`.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from tm23flows.documents.structure import Structure
from tm23flows.errors import DatabaseError, NotFoundError
from tm23flows.ops.audit.ledger import Ledger, Violation
from tm23flows.science.seams import Stretch, bad_seams

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

Stored = dict[str, Any]


def check_seams(ledger: Ledger, archive: Archive) -> None:
    """Follow every trajectory through its segments.

    Parameters
    ----------
    ledger
        Takes what is found.
    archive
        The archive; nothing in it is changed.
    """
    for stored in archive.database["trajectories"].find().sort("_id", 1):
        ledger.checked("I5", 1, "trajectories")
        if isinstance(stored.get("segments"), list):  # else the business of I3
            ledger.add(_contiguous(stored))
            ledger.add(_smooth(archive, stored, ledger))


def _contiguous(stored: Stored) -> Iterator[Violation]:
    done = 0
    for number, segment in enumerate(stored["segments"], start=1):
        first, last = segment["first_step"], segment["last_step"]
        if first != done + 1 or last < first:
            kind = "overlap" if first <= done else "gap"
            what = f"{kind}: segment {number} has steps {first} to {last} after step {done}"
            yield Violation("I5", "trajectories", str(stored["_id"]), what, _fix(stored))
        done = last


def _smooth(archive: Archive, stored: Stored, ledger: Ledger) -> Iterator[Violation]:
    """Yield blobs that hold other steps than their segment says, and seams that show."""
    key, wrong = str(stored["_id"]), list[str]()

    def stretches() -> Iterator[Stretch]:
        for segment in stored["segments"]:
            arrays = archive.blobs.get_arrays(segment["blob"])
            steps = np.arange(segment["first_step"], segment["last_step"] + 1)
            if not np.array_equal(arrays["step"], steps):
                wrong.append(
                    f"the blob of steps {segment['first_step']} to {segment['last_step']} holds "
                    f"steps {arrays['step'][:1]} to {arrays['step'][-1:]}"
                )
            yield Stretch(**{name: arrays[name] for name in Stretch.__dataclass_fields__})

    try:
        structure = archive.get(Structure, stored["structure_id"])
        masses, timestep_fs = structure.atoms.get_masses(), stored["dynamics"]["timestep_fs"]
        seams = bad_seams(stretches(), masses, timestep_fs)
    except (NotFoundError, DatabaseError, ValueError, KeyError, OSError, zipfile.BadZipFile) as err:
        # Its own violation is I2, I3 or I7; here it only says that seams are not known.
        ledger.note("I5", f"trajectory {key[:12]} could not be followed: {err}")
        return
    for what in wrong:
        yield Violation("I5", "trajectories", key, what, _fix(stored))
    for seam in seams:
        what = (
            f"its {seam.quantity} do not go on at step {seam.step}: what the equation of motion "
            f"leaves unexplained is {seam.residual:.2e}, inside segments at most {seam.usual:.2e}"
        )
        yield Violation("I5", "trajectories", key, what, _fix(stored))


def _fix(stored: Stored) -> str:
    key = str(stored["_id"])[:12]
    return (
        f"restore it from a backup, or use frames of none of its later steps "
        f"('tm23 trace {key} --down' lists what was made from them)"
    )
