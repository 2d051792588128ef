"""The job that asks which properties of the metals their force errors go with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, get_args

from jobflow import job

from tm23flows.documents.base import Provenance
from tm23flows.documents.convergence import Convergence
from tm23flows.documents.studies.correlations import (
    ContrastRow,
    CorrelationResults,
    ErrorName,
    MetalRow,
    Predictor,
    TrendRow,
)
from tm23flows.documents.study import Study, sorted_parents, study_id
from tm23flows.errors import TrainingError
from tm23flows.jobs.context import open_archive
from tm23flows.jobs.studies.correlation_metals import MetalIds, read_metal
from tm23flows.science.correlations import (
    Analysis,
    correct,
    group_contrast,
    linear_trend,
    verdict,
)

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

GROUP_XII = 12
PREDICTORS: tuple[Predictor, ...] = get_args(Predictor)
ERRORS: tuple[ErrorName, ...] = get_args(ErrorName)

NEAR_ZERO = 0.5
"""A stress at rest above this share of the Cauchy pressure is worth a warning: it enters twice."""


@job
def correlate(
    metals: list[dict[str, Any]], trainer: str, part: str, settings: dict[str, Any]
) -> dict[str, Any]:
    """Test the trends of a study, store it and say how many there are.

    Parameters
    ----------
    metals
        Fields of :class:`tm23flows.jobs.studies.correlation_metals.MetalIds` for each metal; None
        where the job that was to make something has failed.
    trainer
        Trainer of the models.
    part
        Part of the datasets that was predicted.
    settings
        What was fixed before the data; ``analysis`` has the fields of
        :class:`tm23flows.science.correlations.Analysis`.

    Returns
    -------
    ``study_id``, the names of the properties that are ``correlated`` with an error of all
    metals, and the metals that are ``missing`` from all tests.

    Raises
    ------
    TrainingError
        If no metal was measured.
    InputError
        If documents do not belong together.
    """
    archive = open_archive()
    rows = [read_metal(archive, MetalIds.of(one), trainer, part) for one in metals]
    if not any(row.has_error for row in rows):
        raise TrainingError(
            "No metal of the correlation study was measured: see why its trainings failed, and "
            "run them again."
        )
    elements = tuple(row.element for row in rows)
    told = {**settings, "trainer": trainer, "part": part}
    parents = _parents(rows)
    key = study_id("correlations", elements, told, parents)
    if not archive.existing(Study, [key]):
        archive.put(
            Study(
                provenance=Provenance.now(inputs={"metals": _named(rows)}),
                elements=elements,
                settings=told,
                parents=parents,
                results=make_results(rows, Analysis(**settings["analysis"])),
                warnings=tuple(_warnings(archive, rows)),
            )
        )
    return _in_short(archive.get(Study, key))


def make_results(rows: Sequence[MetalRow], analysis: Analysis) -> CorrelationResults:
    """Test every property against every error, with and without group XII, and correct.

    Parameters
    ----------
    rows
        The metals.
    analysis
        What was fixed before the data.

    Returns
    -------
    The results. Where no metal is of group XII there is one choice of metals only, so that
    nothing is counted twice.
    """
    choices = [False, True] if any(_counts_apart(row) for row in rows) else [False]
    asked = [(error, without) for without in choices for error in ERRORS]
    trends = [_trend(rows, name, *one, analysis) for name in PREDICTORS for one in asked]
    contrasts = [_contrast(rows, *one, analysis) for one in asked]
    found = [p for one in trends for p in (one["pearson_p"], one["spearman_p"])]
    found += [one["p"] for one in contrasts]
    corrected = iter(correct(found, analysis.correction))
    for one in trends:
        pair = next(corrected), next(corrected)
        one |= {"pearson_p_corrected": pair[0], "spearman_p_corrected": pair[1]}
        one["verdict"] = verdict(pair, analysis.level)
    for one in contrasts:
        one["p_corrected"] = next(corrected)
        one["verdict"] = verdict([one["p_corrected"]], analysis.level)
    return CorrelationResults(
        metals=tuple(rows),
        trends=tuple(TrendRow(**one) for one in trends),
        contrasts=tuple(ContrastRow(**one) for one in contrasts),
        n_p_values=sum(p is not None for p in found),
        level=analysis.level,
        correction=analysis.correction,
    )


def _counts_apart(row: MetalRow) -> bool:
    return row.group == GROUP_XII and row.has_error


def _chosen(rows: Sequence[MetalRow], *, without: bool) -> list[MetalRow]:
    return [row for row in rows if row.has_error and not (without and row.group == GROUP_XII)]


def _trend(
    rows: Sequence[MetalRow], name: Predictor, error: ErrorName, without: bool, analysis: Analysis
) -> dict[str, Any]:
    chosen = [row for row in _chosen(rows, without=without) if name in row.values]
    x, y = [row.values[name] for row in chosen], [getattr(row, error) for row in chosen]
    return {
        "predictor": name,
        "error": error,
        "without_group_xii": without,
        "elements": tuple(row.element for row in chosen),
        **asdict(linear_trend(x, y, analysis)),
    }


def _contrast(
    rows: Sequence[MetalRow], error: ErrorName, without: bool, analysis: Analysis
) -> dict[str, Any]:
    chosen = [row for row in _chosen(rows, without=without) if row.family is not None]
    found = group_contrast(
        [row.family for row in chosen], [getattr(row, error) for row in chosen], analysis
    )
    return {
        "error": error,
        "without_group_xii": without,
        "elements": tuple(row.element for row in chosen),
        **asdict(found),
    }


def _parents(rows: Sequence[MetalRow]) -> dict[str, tuple[str, ...]]:
    def of(name: str) -> list[str]:
        return [one for row in rows if (one := getattr(row, name)) is not None]

    return sorted_parents(
        datasets=of("dataset_id"),
        models=of("model_id"),
        evaluations=of("evaluation_id"),
        densities_of_states=[one for row in rows for one in row.dos_ids],
        elastic_constants=of("elastic_constants_id"),
        convergences=of("convergence_id"),
    )


def _named(rows: Sequence[MetalRow]) -> dict[str, str | None]:
    return {row.element: row.evaluation_id for row in rows}


def _warnings(archive: Archive, rows: Sequence[MetalRow]) -> Iterator[str]:
    for row in rows:
        if row.missing:
            yield f"{row.element}: {'; '.join(row.missing)}."
        if row.has_error and row.convergence_id is None:
            yield f"{row.element}: the k-mesh of its labels was taken without a convergence test."
    ids = [row.convergence_id for row in rows if row.convergence_id is not None]
    for test in archive.get_many(Convergence, ids):
        if not test.converged:
            yield f"{test.element}: the k-mesh of its labels was not shown to be converged."
    for row in rows:
        pressure, stress = _pressures(row)
        if stress > NEAR_ZERO * abs(pressure):
            yield (
                f"{row.element}: its crystal is not at rest, and its stress is more than "
                f"{NEAR_ZERO:g} of its Cauchy pressure, which it enters twice."
            )


def _pressures(row: MetalRow) -> tuple[float, float]:
    found = row.values.get("cauchy_pressure_eV_per_A3", 0.0)
    return found, row.residual_stress_eV_per_A3 or 0.0


def _in_short(study: Study) -> dict[str, Any]:
    results = study.results
    of_all = [one for one in results.trends if not one.without_group_xii]
    seen = [one.predictor for one in of_all if one.verdict == "correlated"]
    return {
        "study_id": study.id,
        "correlated": list(dict.fromkeys(seen)),
        "missing": [row.element for row in results.metals if not row.has_error],
    }
