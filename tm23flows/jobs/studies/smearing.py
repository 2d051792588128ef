"""The job that makes the smearing study from datasets, models and labels that are there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jobflow import job

from tm23flows.documents.studies.label_sets import Bounded
from tm23flows.documents.studies.smearing import (
    MetalComparison,
    SmearingMetal,
    SmearingResults,
    SmearingRow,
)
from tm23flows.jobs.studies.label_set_study import store_study
from tm23flows.jobs.studies.measured_sets import Measured, metal_fields
from tm23flows.science.block_bootstrap import Bootstrap
from tm23flows.science.paired_errors import difference_of_changes

KIND = "smearing"


@job
def make_smearing_study(wired: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    """Compare the label sets of each metal and store the study; one that is there stays.

    Parameters
    ----------
    wired
        By chemical symbol what :func:`tm23flows.flows.studies.label_sets.wire_sets` describes,
        the widths from narrow to wide.
    settings
        Settings of the analysis; ``resampling`` and ``allow_missing`` are used, all are stored.

    Returns
    -------
    ``study_id``, and the ``verdicts`` by metal.

    Raises
    ------
    InputError
        If label sets are not of the same frames, or differ in more than SIGMA.
    """
    study = store_study(KIND, wired, settings, "sigma_eV", make_results)
    verdicts = {one.element: one.verdict for one in study.results.metals}
    return {"study_id": study.id, "verdicts": verdicts}


def make_results(measured: Sequence[Measured], bootstrap: Bootstrap) -> SmearingResults:
    """Make the results from what was measured on each metal.

    Parameters
    ----------
    measured
        Each metal, the widths from narrow to wide.
    bootstrap
        What the intervals were made with.

    Returns
    -------
    The results, with the comparison of the metals.
    """
    comparisons, falls_most = compare_metals(measured, bootstrap)
    return SmearingResults(
        metals=tuple(_metal(one, bootstrap) for one in measured),
        comparisons=tuple(comparisons),
        falls_most=falls_most,
        sentence=_metals_in_words(comparisons, falls_most),
    )


def compare_metals(
    measured: Sequence[Measured], bootstrap: Bootstrap
) -> tuple[list[MetalComparison], str | None]:
    """Compare the change of each metal with that of the one whose error falls most.

    Parameters
    ----------
    measured
        Each metal.
    bootstrap
        What the intervals were made with.

    Returns
    -------
    The comparisons; and the metal, if its error falls by its own verdict, no metal's change may be
    noise, and it falls by more than each other one by the same rule, so also without label noise.
    """
    changes = [(one, one.comparison.sets[-1].change) for one in measured]
    first, change = min(changes, key=lambda pair: pair[1].percent.value)
    rows, resolved = [], change.verdict == "falls" and len(changes) > 1
    for second, other in changes:
        if second is first:
            continue
        found = difference_of_changes(first.comparison, second.comparison, bootstrap)
        resolved = resolved and found.verdict == "falls" and other.verdict != "noise"
        left = found.percent_without_noise
        rows.append(
            MetalComparison(
                first=first.element,
                second=second.element,
                difference=Bounded.model_validate(found.percent),
                without_noise=None if left is None else Bounded.model_validate(left),
            )
        )
    return rows, first.element if resolved else None


def _metal(measured: Measured, bootstrap: Bootstrap) -> SmearingMetal:
    widths = [one.recipe.sigma_eV for one in measured.sets]
    change = f"from SIGMA {widths[0]:g} to {widths[-1]:g} eV"
    return SmearingMetal(
        **metal_fields(measured, change, bootstrap),
        rows=tuple(
            SmearingRow(sigma_eV=width, **row)
            for width, row in zip(widths, measured.rows, strict=True)
        ),
    )


def _metals_in_words(comparisons: Sequence[MetalComparison], falls_most: str | None) -> str:
    if not comparisons:
        return ""
    if falls_most is None:
        return "Of which metal the force error falls most is not resolved."
    others = ", ".join(one.second for one in comparisons)
    return f"The force error of {falls_most} falls most, by more than that of {others}."
