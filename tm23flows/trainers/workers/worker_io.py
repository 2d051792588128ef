"""What the worker scripts share: reading requests, answering, frames as arrays.

Imports the standard library alone at the top, so that an interpreter without
numpy, ASE or the trainer's library can still say so in its answer.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib
import json
import signal
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ase import Atoms

_PR_SET_PDEATHSIG = 1
_KEPT = 2
SEAL_BYTES = 32


class RequestError(Exception):
    """A request that cannot be met; ``kind`` says which error the user sees."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


def answer(libraries: Iterable[str], tasks: dict[str, Callable[[dict], dict]]) -> None:
    """Do the task of the request named on the command line, and write its result.

    Parameters
    ----------
    libraries
        Modules that the tasks import.
    tasks
        Function of each task: from the request to the answer.
    """
    request = json.loads(Path(sys.argv[1]).read_text())
    _die_with_parent()
    try:
        for library in libraries:
            _need(library)
        reply = tasks[request["task"]](request)
    except RequestError as error:
        reply = {"error": {"kind": error.kind, "message": error.message}}
    write_json(Path(request["result"]), reply)


def _need(library: str) -> None:
    try:
        importlib.import_module(library)
    except ImportError as error:
        raise RequestError("library", str(error)) from error


def _die_with_parent() -> None:
    """Ask the kernel to end this process when its parent dies, however that happens."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def write_json(path: Path, value: Any) -> None:
    """Write JSON so that the file is either complete or not there.

    Parameters
    ----------
    path
        The file.
    value
        Its content.
    """
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(value, indent=1))
    part.replace(path)


def write_progress(
    folder: Path,
    step: int,
    of: int | None,
    unit: str,
    values: dict[str, float],
    elapsed_s: float,
    eta_s: float | None = None,
) -> None:
    """Say how far a training is.

    Parameters
    ----------
    folder
        Folder of the work; ``progress.json`` in it is replaced.
    step
        Steps done, over all attempts.
    of
        Steps that there will be at most; None where that is not known.
    unit
        What a step is: epoch or frame.
    values
        The newest numbers by name, such as losses.
    elapsed_s
        Time spent, over all attempts, in s.
    eta_s
        Time that it will take yet, in s; None where that is not known.
    """
    about = {"step": step, "of": of, "unit": unit, "values": values}
    times = {"elapsed_s": elapsed_s, "eta_s": eta_s, "updated": time.time()}
    write_json(folder / "progress.json", {**about, **times})


def keep_checkpoint(folder: Path, path: Path, step: int, elapsed_s: float) -> None:
    """Put a finished file among the checkpoints, and drop all but the last two.

    Parameters
    ----------
    folder
        Folder of the work.
    path
        The file, on the same disk; it is moved.
    step
        Steps done when it was written.
    elapsed_s
        Time spent until then, over all attempts, in s.
    """
    kept = folder / "checkpoints"
    kept.mkdir(exist_ok=True)
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    final = kept / f"{step:012d}{path.suffix}"
    path.replace(final)
    about = {"file": final.name, "sha256": sha256, "step": step, "elapsed_s": elapsed_s}
    # the account comes last: a checkpoint with one is complete
    write_json(final.with_suffix(".json"), about)
    for account in sorted(kept.glob("*.json"))[:-_KEPT]:
        for old in kept.glob(f"{account.stem}.*"):
            old.unlink()


def seal(path: Path) -> None:
    """Append the sha256 of a file to it, so that it says by itself whether it is whole.

    Parameters
    ----------
    path
        The finished file, in a format whose readers do not mind what follows, or are not
        given the last ``SEAL_BYTES``.
    """
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").digest()
    with path.open("ab") as file:
        file.write(digest)


def is_whole(path: Path) -> bool:
    """Say whether a file is as it was when it was sealed.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    False too where there is no such file, or none that was sealed.
    """
    try:
        left, total = path.stat().st_size - SEAL_BYTES, hashlib.sha256()
        with path.open("rb") as file:
            while left > 0:
                part = file.read(min(left, 2**20))
                total.update(part)
                left -= len(part) or left
            return file.read() == total.digest()
    except OSError:
        return False


def stop_asked(folder: Path) -> bool:
    """Say whether the training shall keep a checkpoint and stop.

    Parameters
    ----------
    folder
        Folder of the work.

    Returns
    -------
    True if it shall.
    """
    return (folder / "stop").exists()


def read_frames(path: str | Path | BinaryIO) -> list[Atoms]:
    """Read frames, with their labels where the file has them.

    Parameters
    ----------
    path
        npz file or stream with counts, numbers, positions, cells (A) and perhaps energies (eV),
        forces (eV/A) and stresses (eV/A^3, ASE's sign and order).

    Returns
    -------
    Periodic frames; labels sit in a SinglePointCalculator.
    """
    import numpy as np
    from ase import Atoms
    from ase.calculators.singlepoint import SinglePointCalculator

    with np.load(path, allow_pickle=False) as file:
        data = {key: file[key] for key in file.files}
    stops = np.cumsum(data["counts"])
    frames = []
    for i, (start, stop) in enumerate(zip(stops - data["counts"], stops, strict=True)):
        atoms = Atoms(
            data["numbers"][start:stop],
            positions=data["positions"][start:stop],
            cell=data["cells"][i],
            pbc=True,
        )
        if "energies" in data:
            atoms.calc = SinglePointCalculator(
                atoms,
                energy=float(data["energies"][i]),
                forces=data["forces"][start:stop],
                stress=data["stresses"][i],
            )
        frames.append(atoms)
    return frames


def predict_all(
    calculator: Any, frames: list[Atoms], path: str | BinaryIO, extra: str | None = None
) -> None:
    """Predict frame by frame with an ASE calculator, and write the arrays.

    Parameters
    ----------
    calculator
        The calculator.
    frames
        The frames.
    path
        npz file or stream for energies (eV), forces (eV/A), stresses (eV/A^3).
    extra
        Key of the calculator's results that is the uncertainty per atom (n,).
    """
    import numpy as np

    rows = []
    for atoms in frames:
        calculator.calculate(atoms, ["energy", "forces", "stress"])
        rows.append({key: np.array(value, float) for key, value in calculator.results.items()})
    arrays = {
        "energies": np.array([float(row["energy"]) for row in rows]),
        "forces": np.concatenate([row["forces"] for row in rows]),
        "stresses": np.array([row["stress"] for row in rows]),
    }
    if extra is not None:
        arrays["uncertainties"] = np.concatenate([row[extra] for row in rows])
    np.savez(path, **arrays)


def versions(*distributions: str) -> dict[str, str]:
    """Return the versions of installed distributions and of Python.

    Parameters
    ----------
    distributions
        Names as pip knows them; one that is not installed is left out.

    Returns
    -------
    Version by name.
    """
    found = {"python": sys.version.split()[0]}
    for name in distributions:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
