"""Evaluations as the benchmark needs them: read once, measured once.

Owns going through the evaluations of an archive one at a time. Of each it keeps sums over frames
and a two-dimensional histogram of its forces, so that many metals fit into memory, and the errors
with their intervals. Reading is :mod:`tm23flows.store.predictions`, the numbers are
:mod:`tm23flows.science.bounded_errors`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tm23flows.errors import NotFoundError
from tm23flows.report.records import Measured, measured
from tm23flows.science.block_bootstrap import Bootstrap
from tm23flows.science.bounded_errors import GroupErrors, measure_groups
from tm23flows.science.force_bins import MAGNITUDE_EDGES_EV_PER_A
from tm23flows.science.frame_sums import FrameSums, sums_of_frames
from tm23flows.store.predictions import Arrays, PredictedFrames, read_predictions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tm23flows.science.label_arrays import FloatArray
    from tm23flows.store.archive import Archive

DRAWS = Bootstrap(resamples=1000)
"""How frames are drawn for the tables of the benchmark, where nothing else is asked for."""

PARITY_BINS = (40, 120)
"""Bins of a parity histogram along each axis: of few components, and of many."""


@dataclass(frozen=True)
class ForceDensity:
    """How often a force component was labelled and predicted as what.

    Parameters
    ----------
    edges_eV_per_A
        Edges of the bins, the same for both axes, (n + 1,); they hold every component.
    counts
        Components in each bin, predicted down and labelled across, (n, n).
    """

    edges_eV_per_A: FloatArray
    counts: NDArray[np.int_]


@dataclass(frozen=True)
class Evaluated:
    """One evaluation, measured.

    Parameters
    ----------
    measured
        The evaluation with its model and dataset.
    label_ids
        Labels of the frames that were predicted, in the order of time in each run.
    runs
        What run each is of.
    sums
        Errors frame by frame.
    density
        Its forces.
    errors
        Errors by group, all frames first.
    level
        Level of the intervals.
    """

    measured: Measured
    label_ids: tuple[str, ...]
    runs: tuple[tuple[str, str], ...]
    sums: FrameSums
    density: ForceDensity
    errors: dict[str, GroupErrors]
    level: float

    @property
    def part(self) -> tuple[str, str, str]:
        """What it is on: dataset, part and energy reference."""
        made = self.measured.evaluation
        return (made.dataset_id, made.part, made.energy_reference)

    @property
    def title(self) -> str:
        """The model."""
        return self.measured.title


def read_benchmark(
    archive: Archive, dataset: str | None = None, bootstrap: Bootstrap = DRAWS
) -> list[Evaluated]:
    """Read and measure all evaluations.

    Parameters
    ----------
    archive
        The archive.
    dataset
        Name, ``name@version`` or id of a dataset; all by default.
    bootstrap
        How frames are drawn for intervals.

    Returns
    -------
    Evaluations in the order of datasets, parts and trainers. Those whose arrays or labels are
    gone are left out; their trace names what is missing.

    Raises
    ------
    NotFoundError
        If the dataset, or the model or dataset of an evaluation, is not there.
    """
    return list(evaluate_all(archive, measured(archive, dataset), bootstrap, strict=False))


def evaluate_all(
    archive: Archive,
    chosen: Iterable[Measured],
    bootstrap: Bootstrap = DRAWS,
    *,
    strict: bool = True,
) -> Iterator[Evaluated]:
    """Measure evaluations one after the other.

    Parameters
    ----------
    archive
        The archive.
    chosen
        Evaluations; those on one part beside each other, which saves reading its labels again.
    bootstrap
        How frames are drawn for intervals.
    strict
        Whether an evaluation that cannot be read is an error; else it is left out.

    Yields
    ------
    Each, measured.

    Raises
    ------
    NotFoundError
        If a blob or a label is gone.
    """
    known: dict[str, Arrays] = {}
    for one in chosen:
        if one.evaluation.reference not in known:
            known.clear()  # one part at a time is in memory
        try:
            frames = read_predictions(archive, one.evaluation, known)
        except NotFoundError:
            if strict:
                raise
            continue
        yield _measure(one, frames, bootstrap)


def _measure(one: Measured, frames: PredictedFrames, bootstrap: Bootstrap) -> Evaluated:
    reference = one.evaluation.energy_reference
    sums = sums_of_frames(
        frames.predicted,
        frames.reference,
        reference,  # type: ignore[arg-type]
        MAGNITUDE_EDGES_EV_PER_A,
    )
    return Evaluated(
        measured=one,
        label_ids=frames.label_ids,
        runs=frames.runs,
        sums=sums,
        density=force_density(frames.predicted.forces_eV_per_A, frames.reference.forces_eV_per_A),
        errors=measure_groups(sums, frames.runs, frames.groups, bootstrap),
        level=bootstrap.level,
    )


def force_density(
    predicted: FloatArray, labelled: FloatArray, n_bins: int | None = None
) -> ForceDensity:
    """Count force components in square bins.

    Parameters
    ----------
    predicted, labelled
        Components, same shape, eV/angstrom.
    n_bins
        Bins along each axis; None takes more for more components, within :data:`PARITY_BINS`.

    Returns
    -------
    The histogram, as wide as the largest component wants it.
    """
    if n_bins is None:
        n_bins = int(np.clip(np.sqrt(labelled.size), *PARITY_BINS))
    widest = max(float(np.abs(one).max()) for one in (predicted, labelled)) or 1.0
    places = [
        np.minimum(((one.ravel() / widest + 1) * n_bins / 2).astype(int), n_bins - 1)
        for one in (predicted, labelled)
    ]
    counts = np.bincount(places[0] * n_bins + places[1], minlength=n_bins**2)
    edges = np.linspace(-widest, widest, n_bins + 1)
    return ForceDensity(edges, counts.reshape(n_bins, n_bins))
