"""Tables of rare events: runs, errors, differences from the bar, candidates of a choice.

Owns how numbers become texts, and the verdict against the bar.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tm23flows.documents.studies.label_sets import Bounded
from tm23flows.documents.studies.rare_events import (
    Candidate,
    Predictor,
    RareEventMetal,
    ScoreRow,
    Selection,
)
from tm23flows.report.quantities import NOT_THERE, UNDEFINED, number_text
from tm23flows.report.studies.section import StudyTable

SCORES = (
    "predictor", "RE_M", "RE_A", "RE_F / (eV/Å)", "dF > 0.5 eV/Å", "dθ > 15°", "dθ > 30°",
    "force RMSE with event / (eV/Å)", "force RMSE without / (eV/Å)", "events", "atoms",
)  # fmt: skip
RMSES = slice(7, 9)
"""Columns of the force RMSE."""

DIFFERENCES = ("predictor", "RE_M", "RE_A", "RE_F / (eV/Å)", "verdict")
RUNS = ("run", "T / K", "steps", "order", "hops", "undecided", "events", "sampled", "why not")
CANDIDATES = (
    "model", "trained on", "validation force RMSE / (eV/Å)", "validation RE_M", "validation RE_A",
    "test force RMSE / (eV/Å)", "test RE_M", "test RE_A", "chosen",
)  # fmt: skip
LOWER = "All numbers are errors: lower is better."
SHOWN_ID = 8


def metal_tables(metal: RareEventMetal) -> Iterator[StudyTable]:
    """Make the tables of a metal.

    Parameters
    ----------
    metal
        One metal of the study.

    Yields
    ------
    Runs that were searched, errors on all events, on unseen ones, and against the bar.
    """
    name = metal.element
    if metal.runs:
        yield _run_table(metal)
    scored = [one for one in metal.predictors if one.score is not None]
    if not scored or metal.undefined is not None:
        return
    yield StudyTable(
        title=f"{name}: errors on all events",
        columns=SCORES,
        rows=tuple(_score_cells(metal, one, one.score) for one in scored if one.score),
        note=f"{LOWER} Intervals from drawing whole events anew.",
        documents=_documents(metal, scored),
    )
    unseen = [one for one in scored if one.unseen is not None and one.unseen.n_atoms]
    if unseen:
        yield StudyTable(
            title=f"{name}: errors on events that are far in time from all training frames",
            columns=(*SCORES[: RMSES.start], *SCORES[RMSES.stop :]),
            rows=tuple(_unseen_cells(metal, one, one.unseen) for one in unseen if one.unseen),
            note=LOWER,
            documents=_documents(metal, unseen),
        )
    compared = [one for one in scored if one.difference is not None]
    if compared and metal.bar is not None:
        yield StudyTable(
            title=f"{name}: errors less those of {metal.predictors[metal.bar].name}",
            columns=DIFFERENCES,
            rows=tuple(_difference_cells(one) for one in compared),
            note="Below zero is better than the bar. The same events in every draw. Intervals are "
            "not corrected for the number of comparisons.",
            documents=_documents(metal, compared),
        )


def _run_table(metal: RareEventMetal) -> StudyTable:
    return StudyTable(
        title=f"{metal.element}: runs that were searched",
        columns=RUNS,
        rows=tuple(
            (
                f"{run.regime or ''} {run.trajectory_id[:SHOWN_ID]}".strip(),
                NOT_THERE if run.temperature_K is None else f"{run.temperature_K:.0f}",
                str(run.n_steps),
                NOT_THERE if run.order is None else f"{run.order:.2f}",
                *(
                    NOT_THERE if run.not_searched else str(number)
                    for number in (run.n_hops, run.n_undecided, run.n_events, run.n_sampled)
                ),
                run.not_searched or "",
            )
            for run in metal.runs
        ),
        note="An order of 1 is a crystal, 0 a melt, where there are no sites to hop between.",
        documents=tuple(run.trajectory_id for run in metal.runs),
    )


def _documents(metal: RareEventMetal, predictors: Sequence[Predictor]) -> tuple[str, ...]:
    """Return where the numbers of each row come from: predictions, or labels in a dataset."""
    labels = metal.event_dataset_id or metal.dataset_id
    return tuple(one.evaluation_id or labels for one in predictors)


def _score_cells(metal: RareEventMetal, one: Predictor, score: ScoreRow) -> tuple[str, ...]:
    is_bar = metal.bar is not None and metal.predictors[metal.bar] is one
    return (
        predictor_name(one) + (" (the bar)" if is_bar else ""),
        _bounded(score.re_m),
        _bounded(score.re_a),
        _bounded(score.re_f_eV_per_A),
        _share(score.above_half_eV_per_A),
        _share(score.above_15_deg),
        _share(score.above_30_deg),
        _number(one.force_rmse_events_eV_per_A),
        _number(one.force_rmse_quiet_eV_per_A),
        str(score.n_events),
        str(score.n_atoms),
    )


def _unseen_cells(metal: RareEventMetal, one: Predictor, score: ScoreRow) -> tuple[str, ...]:
    # Force RMSE is known of all events only.
    cells = _score_cells(metal, one, score)
    return (*cells[: RMSES.start], *cells[RMSES.stop :])


def _difference_cells(one: Predictor) -> tuple[str, ...]:
    found = one.difference
    values = (None,) * 3 if found is None else (found.re_m, found.re_a, found.re_f_eV_per_A)
    return (predictor_name(one), *(_bounded(value, "+") for value in values), verdict_of(one))


def selection_table(selection: Selection) -> StudyTable:
    """Make the table of a choice between models.

    Parameters
    ----------
    selection
        The choice.

    Returns
    -------
    A row for each candidate.
    """
    sources = [one.model_id or selection.enhanced_id or "" for one in selection.candidates]
    return StudyTable(
        title=f"{selection.element}: choice between models",
        columns=CANDIDATES,
        rows=tuple(_candidate_cells(selection, i, c) for i, c in enumerate(selection.candidates)),
        note=f"{LOWER} Chosen on the validation part; the test part holds other events.",
        documents=tuple(sources) if all(sources) else (),
    )


def _candidate_cells(selection: Selection, place: int, one: Candidate) -> tuple[str, ...]:
    words = " ".join(f"{key}={value}" for key, value in one.hyperparameters.items())
    chosen = []
    if place == selection.by_rmse:
        chosen.append("by RMSE")
    if place == selection.by_score:
        chosen.append("by rare events")
    validation, test = one.validation or _NONE, one.test or _NONE
    return (
        f"{one.trainer} {words}".strip(),
        one.training_set,
        _number(one.validation_force_rmse_eV_per_A),
        _bounded(validation.re_m),
        _bounded(validation.re_a),
        _number(one.test_force_rmse_eV_per_A),
        _bounded(test.re_m),
        _bounded(test.re_a),
        " and ".join(chosen) or (one.failure or ""),
    )


_NONE = ScoreRow(n_events=0, n_frames=0, n_atoms=0)


def _number(value: float | None) -> str:
    return NOT_THERE if value is None else number_text(value)


def _share(value: Bounded | None) -> str:
    return UNDEFINED if value is None else f"{100 * value.value:.0f} %"


def _bounded(value: Bounded | None, sign: str = "") -> str:
    if value is None:
        return UNDEFINED
    if value.low is None or value.high is None:
        return f"{value.value:{sign}.3f}"
    return f"{value.value:{sign}.3f} ({value.low:{sign}.3f} to {value.high:{sign}.3f})"


def predictor_name(one: Predictor) -> str:
    """Name a predictor so that two of one trainer can be told apart.

    Parameters
    ----------
    one
        The predictor.

    Returns
    -------
    Its name, with the beginning of its id for a model.
    """
    return f"{one.name} {one.id[:SHOWN_ID]}" if one.kind == "model" and one.id else one.name


def verdict_of(one: Predictor) -> str:
    """Say for RE_M and RE_A on which side of zero the interval of the difference lies.

    Parameters
    ----------
    one
        The predictor.

    Returns
    -------
    Words for both.
    """
    if one.difference is None:
        return NOT_THERE
    pairs = (("RE_M", one.difference.re_m), ("RE_A", one.difference.re_a))
    return ", ".join(f"{name} {_side(found)}" for name, found in pairs)


def _side(found: Bounded | None) -> str:
    if found is None:
        return "undefined"
    if found.low is None or found.high is None:
        return "unresolved, too few events for an interval"
    if found.low > 0:
        return "worse than cheap DFT"
    return "better than cheap DFT" if found.high < 0 else "not told apart from cheap DFT"
