"""What a reader of a study of molecular dynamics is warned of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tm23flows.documents.model import Model
from tm23flows.documents.studies.molecular_dynamics import MolecularDynamicsResults, RunRow
from tm23flows.documents.trajectory import Trajectory
from tm23flows.engines.dynamics import ENSEMBLE

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive


def run_warnings(archive: Archive, results: MolecularDynamicsResults) -> Iterator[str]:
    """Say what a reader must know: runs that failed, and crystals that melted on one side only.

    Parameters
    ----------
    archive
        The archive, for the names of the models and the settings of the runs.
    results
        The results.

    Yields
    ------
    Sentences, in the order of the runs.
    """
    beside: RunRow | None = None
    for row in results.runs:
        where = f"{row.element} {row.regime}"
        if row.is_reference:
            beside = row
            yield from _about_reference(archive, row, where)
            continue
        name = _name(archive, row.model_id)
        if row.failure is not None:
            step, said = row.failure.step, f"({row.failure.kind}): {row.failure.reason}"
            yield f"{where}: the run with {name} failed at step {step} {said}."
        expected = None if beside is None else beside.melting.verdict
        # A run that failed while it was solid had no time to melt: that is no disagreement.
        cut_short = row.failure is not None and row.melting.verdict == "solid"
        if not cut_short and {expected, row.melting.verdict} == {"solid", "melted"}:
            found = row.melting.verdict
            yield f"{where}: the reference is {expected}, the run with {name} is {found}."


def _about_reference(archive: Archive, row: RunRow, where: str) -> Iterator[str]:
    if row.trajectory_id is None:
        yield (
            f"{where}: the frames name no run, so models begin at one of them with settings of "
            f"ours, and g(r) is that of {row.rdf_frames} frames."
        )
    elif archive.get(Trajectory, row.trajectory_id).dynamics.ensemble != ENSEMBLE:
        yield (
            f"{where}: the reference was moved with another thermostat and other initial "
            "velocities, so runs are comparable in their averages only."
        )
    if row.failure is not None:
        said = f"step {row.failure.step} ({row.failure.kind}: {row.failure.reason})"
        yield f"{where}: the reference itself fails at {said}."
    if row.melting.verdict == "unclear":
        yield f"{where}: whether the reference melted is unclear: {row.melting.reason}."


def _name(archive: Archive, model_id: str | None) -> str:
    return "a model" if model_id is None else archive.get(Model, model_id).title
