"""What is measured on one run of molecular dynamics.

Owns which steps are looked at and the numbers of a row of the study: the first failure ends what is
believed, the first steps are left out of averages. What is compared with what is the business of
:mod:`tm23flows.jobs.studies.molecular_dynamics`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tm23flows.documents.structure import Structure
from tm23flows.documents.studies.label_sets import Bounded
from tm23flows.documents.studies.molecular_dynamics import DiffusionRow, MeltingRow, RunFailureRow
from tm23flows.documents.trajectory import Trajectory
from tm23flows.science.diffusion import DiffusionRule, mean_square_displacement, self_diffusion
from tm23flows.science.label_arrays import FloatArray
from tm23flows.science.melting import MIN_FRAMES, Melting, MeltingRule, judge_melting
from tm23flows.science.rdf import Rdf, halves, radial_distribution, rdf_difference
from tm23flows.science.stability import RunArrays, StabilityRule, examine_run
from tm23flows.store.trajectories import read_segments

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

DIFFUSION_FRAMES: Final = 1000
"""More frames of a run add nothing to its diffusion, but time."""


@dataclass(frozen=True, eq=False)
class Measured:
    """A run: its g(r), and the fields of its row that stand on nothing else.

    Parameters
    ----------
    rdf
        None where there are too few sound steps.
    noise
        Difference between the g(r) of its halves.
    fields
        Of :class:`tm23flows.documents.studies.molecular_dynamics.RunRow`.
    """

    rdf: Rdf | None
    noise: float | None
    fields: dict[str, Any]


def measure_run(
    archive: Archive,
    run: Trajectory,
    asked_steps: int,
    stopped: str | None,
    settings: dict[str, Any],
) -> Measured:
    """Measure a run up to a step.

    Parameters
    ----------
    archive
        The archive.
    run
        The run, with one step at least.
    asked_steps
        Later steps are not looked at.
    stopped
        Why it ended before that, where it is known.
    settings
        Of the study.

    Returns
    -------
    What was found.
    """
    structure = archive.get(Structure, run.structure_id)
    arrays = _arrays(archive, run, structure.cell, asked_steps)
    n_steps = len(arrays.positions_A)
    rule = StabilityRule(**settings["stability"])
    early = stopped if n_steps < asked_steps else None
    stability = examine_run(arrays, run.dynamics.temperature_K, rule, early)
    sound = n_steps if stability.failure is None else stability.failure.step - 1
    first = int(settings["discard_share"] * sound)
    positions = arrays.positions_A[:sound]
    rdf, noise = _rdf(positions[first:], structure.cell, settings)
    few = thinned(positions, settings["max_frames"])
    duration_fs = sound * run.dynamics.timestep_fs
    limits = MeltingRule(**settings["melting"])
    melting = judge_melting(few, structure.cell, limits, duration_fs)
    failure = stability.failure
    return Measured(
        rdf,
        noise,
        {
            "trajectory_id": run.id,
            "temperature_K": run.dynamics.temperature_K,
            "n_atoms": len(structure.numbers),
            "asked_steps": asked_steps,
            "n_steps": n_steps,
            "timestep_fs": run.dynamics.timestep_fs,
            "failure": None if failure is None else RunFailureRow(**asdict(failure)),
            "temperature_mean_K": stability.temperature_mean_K,
            "temperature_std_K": stability.temperature_std_K,
            "drift_meV_per_atom_per_ps": stability.drift_meV_per_atom_per_ps,
            "min_distance_A": stability.min_distance_A,
            "melting": melting_row(melting),
            **_motion(positions[first:], structure.cell, run.dynamics.timestep_fs, settings),
        },
    )


def thinned(positions_A: FloatArray, most: int) -> FloatArray:
    """Take equally spaced frames of a run.

    Parameters
    ----------
    positions_A
        All frames.
    most
        At most so many of them.

    Returns
    -------
    The first of every so many, and all where there are not more.
    """
    return positions_A[:: max(1, -(-len(positions_A) // most))]


def melting_row(found: Melting) -> MeltingRow:
    """Put what was found about melting into a row.

    Parameters
    ----------
    found
        What was found.

    Returns
    -------
    The row.
    """
    return MeltingRow(**asdict(found))


def _arrays(archive: Archive, run: Trajectory, cell: FloatArray, most: int) -> RunArrays:
    names = ("positions", "temperature", "conserved")
    parts: dict[str, list[FloatArray]] = {name: [] for name in names}
    done = 0
    for segment in read_segments(archive, run):
        for name in names:
            parts[name].append(segment[name])
        done += len(segment["step"])
        if done >= most:
            break
    found = {name: np.concatenate(some)[:most] for name, some in parts.items()}
    return RunArrays(
        positions_A=found["positions"],
        temperature_K=found["temperature"],
        conserved_eV=found["conserved"],
        cell_A=cell,
        timestep_fs=run.dynamics.timestep_fs,
    )


def _rdf(
    positions: FloatArray, cell: FloatArray, settings: dict[str, Any]
) -> tuple[Rdf | None, float | None]:
    few = thinned(positions, settings["max_frames"])
    if len(few) < MIN_FRAMES:
        return None, None
    r_max, width = settings["r_max_A"], settings["bin_A"]
    one, other = halves(few, cell, r_max, width)
    return radial_distribution(few, cell, r_max, width), rdf_difference(one, other)


def _motion(
    positions: FloatArray, cell: FloatArray, timestep_fs: float, settings: dict[str, Any]
) -> dict[str, Any]:
    """Measure displacements and diffusion."""
    if len(positions) < MIN_FRAMES:
        reason = f"{len(positions)} sound steps are too few"
        return {"diffusion": DiffusionRow(value_A2_per_ps=None, reason=reason)}
    few = thinned(positions, DIFFUSION_FRAMES)
    spacing_ps = timestep_fs / 1000 * max(1, -(-len(positions) // DIFFUSION_FRAMES))
    rule = DiffusionRule(**settings["diffusion"])
    lags, squares = mean_square_displacement(few, rule.n_intervals)
    found = self_diffusion(few, cell, spacing_ps, rule)
    value = None
    if found.value_A2_per_ps is not None:
        value = Bounded(
            value=found.value_A2_per_ps, low=found.low_A2_per_ps, high=found.high_A2_per_ps
        )
    return {
        "msd_ps": tuple((lags * spacing_ps).tolist()),
        "msd_A2": tuple(squares.tolist()),
        "diffusion": DiffusionRow(value_A2_per_ps=value, reason=found.reason),
    }
