"""Output files of existing runs: what is in each, and which go on where another ended.

Owns the reading of whole files before anything is stored. It makes no documents.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tm23flows.documents.base import Provenance
from tm23flows.documents.recipe import Recipe
from tm23flows.documents.trajectory import Dynamics
from tm23flows.engines.vasp.chunks import HDF5_MAGIC, first_bytes, read_chunks
from tm23flows.engines.vasp.header import RunHeader
from tm23flows.engines.vasp.outputs import iter_steps, read_run_header
from tm23flows.engines.vasp.past_runs import dynamics_of, plain, recipe_of
from tm23flows.engines.vasp.scan import final_positions
from tm23flows.engines.vasp.steps import VaspStep
from tm23flows.errors import InputError

SAME_PLACE = 1e-7
"""Files have eight digits of positions in units of the cell vectors."""


@dataclass(frozen=True)
class PastRun:
    """One output file that has been read to its end.

    Parameters
    ----------
    path
        The file.
    sha256
        Its checksum.
    header
        What the run was asked to do.
    recipe
        The same in our words.
    dynamics
        How it moved its atoms; None if it is no run that a trajectory can say.
    no_trajectory
        Why not.
    n_steps
        Complete steps in the file.
    """

    path: Path
    sha256: str
    header: RunHeader
    recipe: Recipe
    dynamics: Dynamics | None
    no_trajectory: str
    n_steps: int

    @property
    def element(self) -> str:
        """Chemical symbol of all its atoms."""
        return self.header.symbols[0]

    @property
    def is_single(self) -> bool:
        """Whether it is one calculation of one geometry."""
        return self.n_steps == 1

    def provenance(self) -> Provenance:
        """Say which program computed it, from what, and which file says so.

        Returns
        -------
        The record.
        """
        return Provenance.now(
            {"vasp": self.header.version},
            {
                "file": self.path.name,
                "sha256": self.sha256,
                "incar": plain(self.header.incar),
                "potcar_titles": dict(self.header.potcar_titles),
            },
        )


def is_vasp_output(path: Path) -> bool:
    """Say whether a file is a vasprun.xml or a vaspout.h5, by its content.

    Parameters
    ----------
    path
        Any file.

    Returns
    -------
    Whether it is. False for a file that is not there.
    """
    try:
        return first_bytes(path).startswith(HDF5_MAGIC) or bool(next(read_chunks(path)))
    except InputError:
        return False


def examine(path: Path) -> PastRun:
    """Read a file to its end.

    Parameters
    ----------
    path
        vasprun.xml, plain or compressed, or vaspout.h5.

    Returns
    -------
    What is in it.

    Raises
    ------
    InputError
        If it cannot be read, has no complete step, or the documents cannot say what it is.
    """
    header = read_run_header(path)
    elements = sorted(set(header.symbols))
    if len(elements) != 1:
        raise InputError(
            f"{path.name} has atoms of {' and '.join(elements)}; frames here have one element."
        )
    recipe = recipe_of(header, path.name)
    first_two: list[np.ndarray] = []
    n_steps = 0
    for step in iter_steps(path):
        n_steps = step.number
        if n_steps <= 2:
            first_two.append(step.fractional)
    if not n_steps:
        raise InputError(f"{path.name} has no complete step.")
    dynamics, why_not = dynamics_of(header, first_two)
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return PastRun(path, sha256, header, recipe, dynamics, why_not, n_steps)


def check_together(runs: Sequence[PastRun]) -> None:
    """Refuse runs whose labels do not belong into one dataset.

    Parameters
    ----------
    runs
        At least one.

    Raises
    ------
    InputError
        If they are of different elements or were computed with different settings.
    """
    first = runs[0]
    ours = first.recipe.model_dump()
    for run in runs[1:]:
        if run.element != first.element:
            what, one, other = "element", first.element, run.element
        elif run.recipe != first.recipe:
            theirs = run.recipe.model_dump()
            what = next(key for key in ours if ours[key] != theirs[key])
            one, other = ours[what], theirs[what]
        else:
            continue
        raise InputError(
            f"{_place(run)} does not belong to {_place(first)}: {what} is {other}, not {one}; "
            "import them under two names."
        )


def chains(runs: Sequence[PastRun]) -> list[list[PastRun]]:
    """Find runs of molecular dynamics that go on where the one before ended.

    VASP ends its output with the positions of the step that would come next, which is the
    first step of a run that was continued from CONTCAR.

    Parameters
    ----------
    runs
        In the order of time.

    Returns
    -------
    The same runs in the same order, together where they are one.
    """
    found: list[list[PastRun]] = []
    end: np.ndarray | None = None
    for run in runs:
        if found and end is not None and _goes_on(found[-1][-1], end, run):
            found[-1].append(run)
        else:
            found.append([run])
        is_last = run is runs[-1]
        end = None if run.dynamics is None or is_last else _end_of(run)
    return found


def chain_steps(chain: Sequence[PastRun]) -> Iterator[tuple[PastRun, int, VaspStep]]:
    """Read the steps of runs that are one.

    Parameters
    ----------
    chain
        The runs.

    Yields
    ------
    The run, the number of the step in the whole of them, and the step.
    """
    done = 0
    for run in chain:
        for step in iter_steps(run.path, last=run.n_steps):
            yield run, done + step.number, step
        done += run.n_steps


def _goes_on(before: PastRun, end: np.ndarray, run: PastRun) -> bool:
    same = {"seed": 0}
    if run.dynamics is None or before.dynamics is None:
        return False
    if run.dynamics.model_copy(update=same) != before.dynamics.model_copy(update=same):
        return False
    begin = run.header.fractional
    if run.recipe != before.recipe or begin.shape != end.shape:
        return False
    away = begin - end
    return bool(
        np.abs(away - np.rint(away)).max() < SAME_PLACE
        and np.abs(run.header.cell - before.header.cell).max() < SAME_PLACE
    )


def _end_of(run: PastRun) -> np.ndarray | None:
    if first_bytes(run.path).startswith(HDF5_MAGIC):
        return None
    return final_positions(run.path, len(run.header.symbols))


def _place(run: PastRun) -> str:
    """Return the end of a path; files of different folders have one name."""
    return "/".join(run.path.parts[-2:])
