"""How correlated the labels of each run are.

Owns reading them, one run in memory at a time; the estimate is
:mod:`tm23flows.science.decorrelation`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tm23flows.documents.label import Label
from tm23flows.science.decorrelation import (
    Correlation,
    energy_correlation,
    force_correlation,
    independent_every,
)
from tm23flows.science.moments import Moment, by_run, strides_fs

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive


@dataclass(frozen=True)
class RunCorrelation:
    """One run: how many labels it has and how far apart, and how correlated they are."""

    run: str
    temperature: str
    n: int
    stride_fs: float | None
    energy: Correlation | None
    forces: Correlation | None

    @property
    def independent_every(self) -> int:
        """Every how many labels one is independent of the one before."""
        return independent_every(self.energy, self.forces)


def run_correlations(
    archive: Archive, moments: Sequence[Moment], energy: str
) -> Iterator[RunCorrelation]:
    """Work out the correlation of each run.

    Parameters
    ----------
    archive
        The archive with the labels.
    moments
        Labels in time; those without a place in a run are passed over.
    energy
        Which energy.

    Yields
    ------
    Correlations, run by run.

    Raises
    ------
    InputError
        If a label lacks that energy, or labels of a run differ in their number of atoms.
    """
    for run, frames in by_run(moments).items():
        labels = archive.get_many(Label, [frame.id for frame in frames])
        yield RunCorrelation(
            run=run,
            temperature=frames[0].temperature,
            n=len(frames),
            stride_fs=strides_fs(frames).get(run),
            energy=energy_correlation([label.energies.of(energy) for label in labels]),
            forces=force_correlation([label.forces for label in labels]),
        )
