"""The page of a correlation study: what it found, its tables, and the article's word on each.

Owns words and tables. The figures are in :mod:`tm23flows.report.studies.correlation_figures`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from tm23flows.documents.studies.correlations import (
    ContrastRow,
    CorrelationResults,
    MetalRow,
    Predictor,
    TrendRow,
)
from tm23flows.report.quantities import NOT_THERE, number_text
from tm23flows.report.studies.correlation_figures import ERRORS, PROPERTIES, draw_trends
from tm23flows.report.studies.section import StudySection, StudyTable

if TYPE_CHECKING:
    from tm23flows.documents.study import Study
    from tm23flows.store.archive import Archive

ALL, WITHOUT_XII = "all", "without Zn, Cd, Hg"

ARTICLE: dict[Predictor, str] = {
    "d_band_centre_eV": "force % error: a linear trend that is not negligible",
    "min_k_density_A": "null result: no correlation with force, energy or stress % error",
    "cauchy_pressure_eV_per_A3": "null result: no correlation with force % error",
    "melting_temperature_K": "force MAE rises with it",
    "n_d_product": "groups VI-IX above X-XII; groups IV and V are exceptions",
}
"""What the article says of each property, for NequIP and 27 metals."""

ARTICLE_FAMILY = "looked at without a number"

FEW = 10
"""With fewer metals only a very strong correlation can be seen."""

TREND_COLUMNS = (
    "property", "error", "metals", "n", "slope", "interval of slope", "Pearson", "interval",
    "Spearman", "interval", "p Pearson", "p Spearman", "verdict",
)  # fmt: skip
FAMILY_COLUMNS = ("error", "metals", "n", "median error of each family", "H", "p", "verdict")


def section(archive: Archive, study: Study) -> StudySection:
    """Show a correlation study.

    Parameters
    ----------
    archive
        The archive; everything is in the study itself.
    study
        The study.

    Returns
    -------
    Sentences, tables and figures.
    """
    del archive
    found: CorrelationResults = study.results
    trainer = str(study.settings.get("trainer", ""))
    drawings = [draw_trends(found, error, trainer) for error in ERRORS]
    return StudySection(
        title=f"Force errors of {trainer} against properties of {len(found.metals)} metals",
        answer=tuple(_answer(found)),
        tables=(
            _trend_table(found, study),
            _family_table(found),
            _article_table(found),
            _metal_table(found),
        ),
        drawings=tuple(one for one in drawings if one is not None),
    )


def _answer(found: CorrelationResults) -> Iterator[str]:
    measured = [row for row in found.metals if row.has_error]
    gaps = [row.element for row in found.metals if not row.has_error]
    yield (
        f"{len(measured)} of {len(found.metals)} metals were measured"
        + (f"; without {', '.join(gaps)}." if gaps else ".")
    )
    of_all = [one for one in found.trends if not one.without_group_xii]
    for one in of_all:
        if one.verdict == "correlated":
            yield _found_sentence(one, _twin(found, one))
    of_percent = [one for one in of_all if one.error == "force_percent"]
    null = [_name(one) for one in of_percent if one.verdict == "null result"]
    if null:
        yield f"Null results for the force % error: {', '.join(null)}."
    for one in of_percent:
        twin = _twin(found, one)
        if one.verdict != "correlated" and twin is not None and twin.verdict == "correlated":
            yield f"{_found_sentence(twin, None)[:-1]} without Zn, Cd and Hg alone."
    if untested := [_name(one) for one in of_percent if one.verdict == "not tested"]:
        yield f"Not tested, for want of metals or numbers: {', '.join(untested)}."
    if null and len(measured) < FEW:
        yield (
            f"With {len(measured)} metals only a very strong correlation can be seen, and a null "
            "result says little."
        )
    yield (
        "A correlation over metals names no cause: the properties go with each other, and "
        "neighbours in the periodic table are alike."
    )


def _found_sentence(one: TrendRow, twin: TrendRow | None) -> str:
    said = (
        f"The {ERRORS[one.error].name} is correlated with {_name(one)} (n = {one.n}, slope "
        f"{_slope(one)}, corrected p {_p(_least_p(one))})"
    )
    if twin is None:
        return f"{said}."
    return f"{said}; without Zn, Cd and Hg: {twin.verdict} (slope {_slope(twin)})."


def _least_p(one: TrendRow) -> float | None:
    known = [p for p in (one.pearson_p_corrected, one.spearman_p_corrected) if p is not None]
    return min(known, default=None)


def _twin(found: CorrelationResults, one: TrendRow) -> TrendRow | None:
    return next(
        (
            other
            for other in found.trends
            if other.without_group_xii and (other.predictor, other.error) == _key(one)
        ),
        None,
    )


def _key(one: TrendRow) -> tuple[str, str]:
    return one.predictor, one.error


def _name(one: TrendRow) -> str:
    return PROPERTIES[one.predictor].name


def _trend_table(found: CorrelationResults, study: Study) -> StudyTable:
    analysis = study.settings.get("analysis") or {}
    note = (
        f"p-values by permutation of the metals, corrected over all {found.n_p_values} of this "
        f"study ({found.correction}); correlated where one of the two is at most {found.level:g}. "
        f"Intervals from {analysis.get('resamples')} draws of metals, seed {analysis.get('seed')}."
    )
    rows = [_trend_cells(one) for one in found.trends]
    return StudyTable("Trends", TREND_COLUMNS, rows, note)


def _trend_cells(one: TrendRow) -> tuple[str, ...]:
    scale = _slope_scale(one)
    ends = one.slope_ends and tuple(scale * end for end in one.slope_ends)
    return (
        f"{_name(one)} / {PROPERTIES[one.predictor].unit}",
        ERRORS[one.error].name,
        WITHOUT_XII if one.without_group_xii else ALL,
        str(one.n),
        _number(one.slope, scale),
        _ends(ends),
        _number(one.pearson),
        _ends(one.pearson_ends),
        _number(one.spearman),
        _ends(one.spearman_ends),
        _p(one.pearson_p_corrected),
        _p(one.spearman_p_corrected),
        f"{one.verdict}. {one.reason}".strip() if one.reason else one.verdict,
    )


def _slope_scale(one: TrendRow) -> float:
    return ERRORS[one.error].scale / PROPERTIES[one.predictor].scale


def _slope(one: TrendRow) -> str:
    unit = f"{ERRORS[one.error].unit} per {PROPERTIES[one.predictor].unit}"
    return f"{_number(one.slope, _slope_scale(one))} {unit}"


def _family_table(found: CorrelationResults) -> StudyTable:
    note = (
        "Kruskal and Wallis' test on ranks, p by permutation, corrected with the others. It says "
        "whether families differ, not which; families of one metal are left out."
    )
    return StudyTable(
        "Crystal families", FAMILY_COLUMNS, [_family_cells(one) for one in found.contrasts], note
    )


def _family_cells(one: ContrastRow) -> tuple[str, ...]:
    scale = ERRORS[one.error].scale
    medians = (f"{name} {number_text(scale * value)}" for name, value in one.medians.items())
    return (
        f"{ERRORS[one.error].name} / {ERRORS[one.error].unit}",
        WITHOUT_XII if one.without_group_xii else ALL,
        str(one.n),
        ", ".join(medians) or NOT_THERE,
        _number(one.statistic),
        _p(one.p_corrected),
        f"{one.verdict}. {one.reason}".strip() if one.reason else one.verdict,
    )


def _article_table(found: CorrelationResults) -> StudyTable:
    rows = [
        (PROPERTIES[name].name, said, _ours(one for one in found.trends if one.predictor == name))
        for name, said in ARTICLE.items()
    ]
    rows.append(("crystal family", ARTICLE_FAMILY, _ours(found.contrasts)))
    return StudyTable(
        "Beside the article", ("property", "article (NequIP, 27 metals)", "here"), rows
    )


def _ours(tests: Iterator[TrendRow] | Sequence[ContrastRow]) -> str:
    said = (
        f"{ERRORS[one.error].name}, {WITHOUT_XII if one.without_group_xii else ALL}: {one.verdict}"
        for one in tests
    )
    return "; ".join(said) or NOT_THERE


def _metal_table(found: CorrelationResults) -> StudyTable:
    errors = [f"{one.name} / {one.unit}" for one in ERRORS.values()]
    properties = [f"{one.name} / {one.unit}" for one in PROPERTIES.values()]
    columns = ("metal", "group", "family", *errors, *properties, "missing")
    note = (
        "Minimum k density: points per length of a reciprocal vector with 2 pi, the least of the "
        "three, which is 1 / KSPACING. Cauchy pressure: C12 - C44 for every family, as in the "
        "article. N_d: the group less one s electron, at most 10."
    )
    return StudyTable("Metals", columns, [_metal_cells(row) for row in found.metals], note)


def _metal_cells(row: MetalRow) -> tuple[str, ...]:
    return (
        row.element,
        str(row.group),
        row.family or NOT_THERE,
        *(_number(getattr(row, name), one.scale) for name, one in ERRORS.items()),
        *(_number(row.values.get(name), one.scale) for name, one in PROPERTIES.items()),
        "; ".join(row.missing),
    )


def _number(value: float | None, scale: float = 1.0) -> str:
    return NOT_THERE if value is None else number_text(scale * value)


def _ends(ends: tuple[float, ...] | None) -> str:
    return NOT_THERE if ends is None else " to ".join(number_text(end) for end in ends)


def _p(value: float | None) -> str:
    return NOT_THERE if value is None else number_text(value)
