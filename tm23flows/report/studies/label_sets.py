"""Tables and panels of several label sets of the same frames.

Owns how errors, label noise, force response and densities of states of label sets are shown; the
smearing and the electron-count study say what their sets are called.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tm23flows.documents.density_of_states import DensityOfStates
from tm23flows.documents.studies.label_sets import Bounded, LabelSetRow
from tm23flows.report.plotting import PALETTE
from tm23flows.report.quantities import MEV_PER_EV, NOT_THERE, number_text
from tm23flows.report.records import SHORT_ID
from tm23flows.report.studies.section import StudyTable
from tm23flows.science.density_of_states import WIDTH_EV, density_of_states, energy_grid
from tm23flows.science.kpoints import KMesh
from tm23flows.science.spectrum import Spectrum

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tm23flows.documents.studies.label_sets import MetalRow
    from tm23flows.store.archive import Archive

Named = tuple["MetalRow", str, LabelSetRow]
"""A metal, what one of its label sets is called, and that set."""

DOS_WINDOW_EV = (-8.0, 6.0)
"""Energies against the Fermi level that are drawn."""

VERDICT_WORDS = {
    "falls": "falls",
    "rises": "rises",
    "noise": "may be label noise",
    "unresolved": "not resolved",
}


def error_table(sets: Sequence[Named], head: str) -> StudyTable:
    """Show the force errors and their changes.

    Parameters
    ----------
    sets
        All label sets.
    head
        Head of the column that tells those of a metal apart.

    Returns
    -------
    The table.
    """
    return StudyTable(
        title="Force errors",
        columns=(
            "metal", head, "MAE / (meV/Å)", "MAV / (meV/Å)", "error / %", "change / points",
            "100 RMSE / MAV", "the same without label noise", "change without label noise",
            "verdict",
        ),
        rows=[_error_cells(*one) for one in sets],
        note="Error: 100 MAE / MAV of force components on the same test frames, each set with its "
        "own labels and model. In brackets the interval from blocks of test frames, the same "
        "draws for all sets of a metal; it does not hold other training frames, other seeds or "
        "other runs. Twice the mean square of the label noise is taken out, for the labels that "
        "are tested against and at most as much for those that were learned from.",
    )  # fmt: skip


def noise_table(sets: Sequence[Named], head: str) -> StudyTable:
    """Show the label noise.

    Parameters
    ----------
    sets
        All label sets.
    head
        Head of the column that tells those of a metal apart.

    Returns
    -------
    The table.
    """
    return StudyTable(
        title="Label noise of the k-mesh",
        columns=(
            "metal", head, "k-mesh", "shown to be converged", "against", "frames",
            "mean |Δ force| / (meV/Å)", "rms / (meV/Å)", "largest / (meV/Å)", "mean / % of MAV",
        ),
        rows=[_noise_cells(*one) for one in sets],
        note="Differences of force components from labels of the same frames on a denser mesh "
        "under the same recipe, in percent of the MAV of all test frames. Labels on that mesh have "
        "noise of their own.",
    )  # fmt: skip


def response_table(sets: Sequence[Named], head: str) -> StudyTable:
    """Show how forces differ from those of the first set.

    Parameters
    ----------
    sets
        All label sets.
    head
        Head of the column that tells those of a metal apart.

    Returns
    -------
    The table.
    """
    rows = [
        (
            metal.element,
            name,
            *(bounded_text(part, MEV_PER_EV) for part in (found.radial, found.angular)),
            bounded_text(found.difference, MEV_PER_EV),
            bounded_text(found.excess, MEV_PER_EV, signed=True),
            str(found.n_frames),
            str(found.n_atoms),
        )
        for metal, name, one in sets
        if (found := one.response) is not None
    ]
    return StudyTable(
        title="Force response",
        columns=(
            "metal", head, "radial / (meV/Å)", "angular / (meV/Å)", "difference / (meV/Å)",
            "angular - 2 radial / (meV/Å)", "frames", "atoms",
        ),
        rows=rows,
        note="Means over all atoms of the dataset against the first label set: radial is "
        "| |F| - |F0| |, angular |F - F0|, which is never the smaller of the two. Small changes in "
        "random directions, such as label noise, have an angular response of twice the radial one: "
        "angular - 2 radial is zero.",
    )  # fmt: skip


def parents_table(sets: Sequence[Named], head: str) -> StudyTable:
    """Show what each set is made of.

    Parameters
    ----------
    sets
        All label sets.
    head
        Head of the column that tells those of a metal apart.

    Returns
    -------
    The table.
    """
    ids = ("recipe_id", "dataset_id", "model_id", "evaluation_id")
    rows = [
        (
            metal.element,
            name,
            *(getattr(one, field)[:SHORT_ID] for field in ids),
            str(metal.n_train),
            str(metal.n_test),
            number_text(metal.effective_frames),
        )
        for metal, name, one in sets
    ]
    return StudyTable(
        title="Label sets",
        columns=(
            "metal", head, "recipe", "dataset", "model", "evaluation", "training frames",
            "test frames", "independent ones at most",
        ),
        rows=rows,
    )  # fmt: skip


def bounded_text(found: Bounded | None, factor: float = 1.0, *, signed: bool = False) -> str:
    """Write a value with its interval.

    Parameters
    ----------
    found
        The value; None where there is none.
    factor
        Change of unit.
    signed
        Whether a plus is written.

    Returns
    -------
    Such as ``8.30 (7.90 to 8.80)``.
    """
    if found is None:
        return NOT_THERE

    def text(value: float) -> str:
        return ("+" if signed and value > 0 else "") + number_text(factor * value)

    if found.low is None or found.high is None:
        return text(found.value)
    return f"{text(found.value)} ({text(found.low)} to {text(found.high)})"


def error_bars(found: Sequence[Bounded], factor: float = 1.0) -> np.ndarray:
    """Return the lengths of error bars, (2, n); none where there is no interval.

    Parameters
    ----------
    found
        Values with intervals.
    factor
        Change of unit.

    Returns
    -------
    Below and above.
    """
    ends = [
        (0.0, 0.0)
        if one.low is None or one.high is None
        else (max(one.value - one.low, 0.0), max(one.high - one.value, 0.0))
        for one in found
    ]
    return factor * np.array(ends).T


def draw_densities(
    archive: Archive, axes: Axes, metal: MetalRow, names: Sequence[str], rows: Sequence[LabelSetRow]
) -> None:
    """Draw the densities of states of one metal around the Fermi level, one colour for each set.

    Parameters
    ----------
    archive
        Has the spectra.
    axes
        Where to.
    metal
        The metal.
    names
        What its sets are called.
    rows
        Its sets.
    """
    grid = energy_grid(DOS_WINDOW_EV)
    for name, row, colour in zip(names, rows, PALETTE, strict=False):
        found = archive.get_many(DensityOfStates, row.dos_ids)
        if not found:
            continue
        spectra = [Spectrum.from_arrays(archive.blobs.get_arrays(one.spectrum)) for one in found]
        curves = [density_of_states(one, grid) for one in spectra]
        atoms = [one.n_atoms for one in found]
        shown = np.all([one.shown for one in curves], axis=0)
        total = np.mean([one.total / n for one, n in zip(curves, atoms, strict=True)], axis=0)
        of_d = np.mean([one.d / n for one, n in zip(curves, atoms, strict=True)], axis=0)
        axes.plot(grid[shown], total[shown], color=colour, lw=1.2, label=name)
        axes.plot(grid[shown], of_d[shown], color=colour, lw=1.2, ls="--")
    axes.axvline(0, color="black", lw=0.8)
    axes.set_title(metal.element)
    axes.set_xlabel("energy - Fermi level / eV")
    axes.set_ylabel("states / (eV atom)")
    axes.set_ylim(bottom=0)
    axes.legend()


def densities_caption(rows: Sequence[LabelSetRow]) -> str:
    """Say how to read the densities of states.

    Parameters
    ----------
    rows
        Label sets that are drawn.

    Returns
    -------
    Sentences.
    """
    most = max(len(one.dos_ids) for one in rows)
    return (
        f"Mean over {most} test {'frame' if most == 1 else 'frames'} of the melt, both spins. "
        f"Solid: all states; dashed: their d part. Every curve has the same Gaussian of "
        f"{WIDTH_EV:g} eV, whatever the label set, and ends where states are missing. Each has its "
        "own Fermi level as zero."
    )


def all_sets(metals: Sequence[MetalRow], name: Callable[[LabelSetRow], str]) -> list[Named]:
    """List the label sets of all metals.

    Parameters
    ----------
    metals
        Metals with ``rows``.
    name
        What a set is called.

    Returns
    -------
    Metal by metal.
    """
    return [(metal, name(one), one) for metal in metals for one in metal.rows]


def _error_cells(metal: MetalRow, name: str, one: LabelSetRow) -> tuple[str, ...]:
    force, change = one.force, one.force.change
    return (
        metal.element,
        name,
        number_text(MEV_PER_EV * force.mae),
        number_text(MEV_PER_EV * force.mav),
        bounded_text(force.percent),
        bounded_text(change.percent, signed=True) if change else NOT_THERE,
        bounded_text(force.percent_rms),
        bounded_text(force.percent_without_noise),
        bounded_text(change.percent_without_noise, signed=True) if change else NOT_THERE,
        VERDICT_WORDS[change.verdict] if change else NOT_THERE,
    )


def _noise_cells(metal: MetalRow, name: str, one: LabelSetRow) -> tuple[str, ...]:
    used = (metal.element, name, str(KMesh(metal.kmesh, metal.kmesh_offset)))
    converged = "yes" if metal.converged else "no"
    noise = one.noise
    if noise is None:
        return (*used, converged, *[NOT_THERE] * 6)
    return (
        *used,
        converged,
        str(KMesh(noise.kmesh, noise.kmesh_offset)),
        str(noise.n_frames),
        *(number_text(MEV_PER_EV * value) for value in (noise.mae, noise.rms, noise.largest)),
        number_text(noise.percent),
    )
