"""Trajectories of existing runs of VASP: their structure, and their steps in segments.

Owns how steps of output files become the arrays of a trajectory. The files say neither
momenta nor the state of the thermostat, so these arrays are empty and nothing can go on
from such a trajectory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tm23flows.documents.structure import Structure
from tm23flows.documents.trajectory import Trajectory
from tm23flows.engines.vasp.past_files import PastRun, chain_steps
from tm23flows.engines.vasp.soundness import temperature, unsound
from tm23flows.engines.vasp.steps import VaspStep
from tm23flows.errors import InputError
from tm23flows.science.cells import min_image_distance
from tm23flows.store.trajectories import append_segment, read_segments

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

SEGMENT_STEPS = 1000
SAME_PLACE_A = 1e-6
Placed = tuple[PastRun, int, VaspStep, np.ndarray]
"""Run, number in the whole trajectory, step, and its positions in angstrom, not wrapped."""


def begin_trajectory(archive: Archive, chain: Sequence[PastRun]) -> Trajectory:
    """Store where runs start and how they move; an older beginning of the same stays.

    Parameters
    ----------
    archive
        The archive.
    chain
        Runs that are one, with dynamics.

    Returns
    -------
    The trajectory as it is in the archive.
    """
    run = chain[0]
    header = run.header
    structure = Structure(
        provenance=run.provenance(),
        element=run.element,
        phase="unknown",
        phase_source=f"first geometry of {run.path.name}, sha256 {run.sha256}",
        basis="given",
        supercell_matrix=((1, 0, 0), (0, 1, 0), (0, 0, 1)),
        supercell_rule="given",
        min_length_A=None,
        min_image_distance_A=min_image_distance(header.cell),
        vacancy_index=None,
        vacancy_seed=None,
        numbers=header.numbers,
        cell=header.cell,
        positions=header.fractional @ header.cell,
    )
    trajectory = Trajectory(
        provenance=run.provenance(),
        structure_id=structure.id,
        element=run.element,
        regime=None,
        recipe=run.recipe,
        dynamics=run.dynamics,
    )
    archive.put(structure, trajectory)
    return archive.get(Trajectory, trajectory.id)


def placed_steps(chain: Sequence[PastRun]) -> Iterator[Placed]:
    """Read the steps of runs that are one, with positions that move on across cell borders.

    Parameters
    ----------
    chain
        The runs.

    Yields
    ------
    The steps. Positions that are no numbers are nan.
    """
    before = None
    for run, number, step in chain_steps(chain):
        positions = step.positions
        if chain[0].dynamics is not None and np.isfinite(positions).all():
            if before is not None:
                moved = step.fractional - before @ np.linalg.inv(step.cell)
                positions = before + (moved - np.rint(moved)) @ step.cell
            before = positions
        yield run, number, step, positions


def keep_steps(
    archive: Archive, trajectory: Trajectory, steps: Iterator[Placed]
) -> Iterator[Placed]:
    """Write steps into segments while they pass; those that are stored are only compared.

    Parameters
    ----------
    archive
        The archive.
    trajectory
        What they belong to, as it is in the archive.
    steps
        All steps from the first.

    Yields
    ------
    The same steps.

    Raises
    ------
    InputError
        If the archive has other steps under these numbers.
    """
    stored = [one for part in read_segments(archive, trajectory) for one in part["positions"]]
    waiting: list[Placed] = []
    for one in steps:
        run, number, _, positions = one
        if number <= len(stored):
            _compare(stored[number - 1], positions, number, run)
        else:
            if waiting and (len(waiting) == SEGMENT_STEPS or waiting[-1][0] is not run):
                trajectory = _append(archive, trajectory, waiting)
                waiting = []
            waiting.append(one)
        yield one
    if waiting:
        _append(archive, trajectory, waiting)


def _compare(stored: np.ndarray, positions: np.ndarray, number: int, run: PastRun) -> None:
    if not np.allclose(stored, positions, rtol=0, atol=SAME_PLACE_A, equal_nan=True):
        raise InputError(
            f"{run.path.name} begins like a run in the archive, but its step {number} is another "
            "one; the files of one run must be given together, in the order of time."
        )


def _append(archive: Archive, trajectory: Trajectory, placed: list[Placed]) -> Trajectory:
    version = placed[0][0].header.version
    return append_segment(archive, trajectory, _arrays(placed), program=f"vasp {version}")


def _arrays(placed: list[Placed]) -> dict[str, np.ndarray]:
    steps = [step for _, _, step, _ in placed]
    nothing = np.full(6, np.nan)
    m = len(steps)
    baths = [step.thermostat_eV for step in steps]
    return {
        "step": np.array([number for _, number, _, _ in placed]),
        "positions": np.array([positions for *_, positions in placed]),
        "momenta": np.empty((m, 0, 3)),
        "thermostat": np.empty((m, 0)),
        "forces": np.array([step.forces for step in steps]),
        "stress": np.array([nothing if step.stress is None else step.stress for step in steps]),
        "energy_free": np.array([step.energy_free for step in steps]),
        "energy_sigma0": np.array([step.energy_sigma0 for step in steps]),
        "energy_without_entropy": np.array([step.energy_without_entropy for step in steps]),
        "temperature": np.array([temperature(s.kinetic_eV, len(s.forces)) for s in steps]),
        "conserved": np.array(
            [
                np.nan
                if None in (step.kinetic_eV, bath)
                else step.energy_free + step.kinetic_eV + bath
                for step, bath in zip(steps, baths, strict=True)
            ]
        ),
        "scf_iterations": np.array([step.n_scf for step in steps]),
        "converged": np.array([int(step.converged and not unsound(step)) for step in steps]),
    }
