"""The job that makes the electron-count study from datasets, models and labels that are there.

Only forces are compared: a charged cell has a compensating background, which is in its energies
and stresses.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from jobflow import job

from tm23flows.documents.studies.electrons import ElectronMetal, ElectronResults, ElectronRow
from tm23flows.errors import InputError
from tm23flows.jobs.studies.label_set_study import store_study
from tm23flows.jobs.studies.measured_sets import Measured, metal_fields
from tm23flows.science.block_bootstrap import Bootstrap
from tm23flows.science.metals import metal

KIND = "electrons"
TOLERANCE = 1e-6
"""Electrons by which a cell may differ from what its atoms should have together."""

BACKGROUND = (
    "Charged cells have a compensating background, so energies and stresses are not compared with "
    "those of neutral cells; models were trained on them all the same, each on its own label set."
)


@job
def make_electron_study(wired: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    """Compare neutral and shifted labels of two metals and store the study.

    Parameters
    ----------
    wired
        By chemical symbol what :func:`tm23flows.flows.studies.label_sets.wire_sets` describes,
        neutral first.
    settings
        Settings of the analysis; ``resampling``, ``allow_missing`` and ``electrons_per_atom`` by
        metal are used, all are stored.

    Returns
    -------
    ``study_id``, and the ``verdicts`` by metal.

    Raises
    ------
    InputError
        If label sets are not of the same frames, differ in more than the electrons, or have
        another number of them than their atoms should have together.
    """
    results = partial(make_results, electrons_per_atom=settings["electrons_per_atom"])
    study = store_study(KIND, wired, settings, "electron_shift", results, [BACKGROUND])
    verdicts = {one.element: one.verdict for one in study.results.metals}
    return {"study_id": study.id, "verdicts": verdicts}


def make_results(
    measured: Sequence[Measured], bootstrap: Bootstrap, electrons_per_atom: dict[str, float]
) -> ElectronResults:
    """Make the results from what was measured on each metal.

    Parameters
    ----------
    measured
        Both metals, neutral first.
    bootstrap
        What the intervals were made with.
    electrons_per_atom
        Electrons per atom more than neutral, by metal.

    Returns
    -------
    The results.

    Raises
    ------
    InputError
        If a cell has another number of electrons.
    """
    first, second = measured
    shifts = electrons_per_atom
    return ElectronResults(
        metals=(
            _metal(first, second.element, shifts[first.element], bootstrap),
            _metal(second, first.element, shifts[second.element], bootstrap),
        )
    )


def _metal(measured: Measured, other: str, per_atom: float, bootstrap: Bootstrap) -> ElectronMetal:
    _check_electrons(measured, per_atom)
    swapped = per_atom == metal(other).group - metal(measured.element).group
    goal = f"the valence electrons of {other}" if swapped else f"{per_atom:+g} electrons per atom"
    neutral, shifted = (
        ElectronRow(
            electron_shift=one.recipe.electron_shift,
            electrons_per_atom=per_atom if one.recipe.electron_shift else 0.0,
            **row,
        )
        for one, row in zip(measured.sets, measured.rows, strict=True)
    )
    return ElectronMetal(
        **metal_fields(measured, f"from neutral to {goal}", bootstrap),
        rows=(neutral, shifted),
        as_metal=other if swapped else None,
    )


def _check_electrons(measured: Measured, per_atom: float) -> None:
    """Refuse cells whose electrons are not those of their atoms together."""
    shifted = measured.sets[-1]
    shift = shifted.recipe.electron_shift
    for label in shifted.labels.values():
        if abs(shift - per_atom * label.n_atoms) > TOLERANCE:
            raise InputError(
                f"Cells of {label.n_atoms} atoms of {measured.element} were to get {per_atom:+g} "
                f"electrons per atom, but their labels have {shift:+g} per cell."
            )
