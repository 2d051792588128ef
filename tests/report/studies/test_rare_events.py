"""Rare events as they are shown: sentences, verdicts against the bar, tables and the figure."""

from xml.etree import ElementTree as ET

import pytest

from tm23flows.documents.base import Provenance
from tm23flows.documents.studies.label_sets import Bounded
from tm23flows.documents.studies.rare_events import (
    Candidate,
    Difference,
    EventRow,
    Predictor,
    RareEventMetal,
    RareEventResults,
    ScoreRow,
    SearchedRun,
    Selection,
)
from tm23flows.documents.study import Study
from tm23flows.report.studies.rare_events import draw_curves, section


def bounded(value, spread=0.05):
    return Bounded(value=value, low=value - spread, high=value + spread)


def scored(value, **fields):
    given = {
        "re_m": bounded(value), "re_a": bounded(2 * value), "re_f_eV_per_A": bounded(value),
        "above_half_eV_per_A": bounded(0.1), "above_15_deg": bounded(0.3),
        "above_30_deg": bounded(0.2), "n_events": 9, "n_frames": 20, "n_atoms": 23,
    }  # fmt: skip
    return ScoreRow(**{**given, **fields})


def predictor(name, value, difference=None, **fields):
    found = None
    if difference is not None:
        found = Difference(
            re_m=bounded(difference), re_a=Bounded(value=difference), re_f_eV_per_A=None
        )
    given = {
        "kind": "model", "id": f"{name}-id", "name": name, "score": scored(value),
        "magnitude_curve": (0.0, 0.5, 1.0), "angle_curve": (0.0, 0.4, 0.8), "difference": found,
        "force_rmse_events_eV_per_A": 0.123, "force_rmse_quiet_eV_per_A": 0.1,
    }  # fmt: skip
    return Predictor(**{**given, **fields})


def searched(regime, **fields):
    given = {"temperature_K": 1000.0, "n_steps": 500, "timestep_fs": 5.0, "order": 0.9, "n_hops": 7}
    return SearchedRun(trajectory_id=f"{regime}-run", regime=regime, **{**given, **fields})


def metal(**fields):
    given = {
        "element": "Cu", "dataset_id": "d", "source": "runs", "event_dataset_id": "e",
        "recipe_id": "r", "recipe_name": "gpaw 3x3x3",
        "runs": (searched("warm"), searched("melt", n_hops=0, not_searched="no lattice sites")),
        "frames": (EventRow(frame_id="f", event="1", re_atoms=(0,)),
                   EventRow(frame_id="g", event=None, re_atoms=())),
        "predictors": (predictor("good", 0.1, -0.2), predictor("bad", 0.5, 0.2),
                       predictor("same", 0.3, 0.0),
                       predictor("gpaw 1x1x1", 0.3, kind="labels")),
        "bar": 3,
    }  # fmt: skip
    return RareEventMetal(**{**given, **fields})


def shown(*metals, **fields):
    study = Study(
        provenance=Provenance.now(), elements=("Cu",), settings={}, parents={},
        results=RareEventResults(metals=metals, **fields),
    )  # fmt: skip
    return section(None, study)


def test_the_melt_is_said_and_lower_is_better():
    answer = " ".join(shown(metal()).answer)
    assert "Cu, melt: no lattice sites." in answer
    assert "1 events in 1 frames with labels of gpaw 3x3x3" in answer
    assert "lower is better" in answer


@pytest.mark.parametrize(
    ("name", "verdict"),
    [("good", "better than cheap DFT"), ("bad", "worse than cheap DFT"),
     ("same", "not told apart from cheap DFT")],
)  # fmt: skip
def test_the_verdict_is_the_side_of_zero(name, verdict):
    answer = " ".join(shown(metal()).answer)
    assert f"Cu: {name} {name}-id against gpaw 1x1x1: RE_M {verdict}, RE_A unresolved" in answer


def test_tables_have_a_row_for_everybody_and_mark_the_bar():
    runs, scores, differences = shown(metal()).tables
    assert runs.rows[1][-1] == "no lattice sites"
    assert runs.rows[1][4] != "0"  # nothing was counted, which is not a count of nothing
    assert [row[0] for row in scores.rows][-1] == "gpaw 1x1x1 (the bar)"
    assert scores.rows[0][1] == "0.100 (0.050 to 0.150)"
    assert len(differences.rows) == 3
    # Rows lead to the run, and to predictions or labels.
    assert runs.documents == ("warm-run", "melt-run")
    assert scores.documents == ("e",) * 4
    assert all(len(t.documents) == len(t.rows) for t in (runs, scores, differences))
    assert all(len(row) == len(t.columns) for t in (runs, scores, differences) for row in t.rows)


def test_unseen_events_have_a_table_of_their_own():
    one = predictor("good", 0.1, unseen=scored(0.4, n_events=2))
    tables = shown(metal(predictors=(one,), bar=None, no_bar="none was asked for")).tables
    assert "far in time" in tables[2].title
    assert tables[2].rows[0][1].startswith("0.400")


def test_undefined_errors_and_failures_are_said():
    answer = shown(metal(undefined="no atom hopped", frames=(), predictors=(), bar=None)).answer
    assert answer[-1] == "Cu: rare-event errors are undefined: no atom hopped."
    broken = Predictor(kind="model", id="b" * 64, name="flare", failure="it crashed")
    page = shown(metal(predictors=(broken,), bar=None, no_bar="none"))
    assert "Cu: flare bbbbbbbb has no numbers: it crashed." in page.answer
    assert page.drawings == ()


def test_the_figure_is_a_drawing_with_both_panels():
    drawing = draw_curves(metal())
    ET.fromstring(drawing.svg)
    assert "Cu" in drawing.title
    assert drawing.svg == draw_curves(metal()).svg


def test_both_choices_are_shown():
    rows = tuple(
        Candidate(
            trainer="flare", hyperparameters={"lmax": n}, training_set="enhanced", model_id=f"{n}",
            validation=scored(0.1 * n), test=scored(0.2), validation_force_rmse_eV_per_A=0.1,
            test_force_rmse_eV_per_A=0.2,
        )
        for n in (1, 2)
    )  # fmt: skip
    lost = Candidate(
        trainer="nequip", hyperparameters={}, training_set="original", model_id=None, failure="gone"
    )
    selection = Selection(
        element="Cu", original_id="o", enhanced_id="e", n_train=40, n_replaced=20,
        candidates=(*rows, lost), by_rmse=1, by_score=0, reason="2 of 3 models are good.",
    )  # fmt: skip
    page = shown(selections=(selection,))
    (table,) = page.tables
    assert [row[-1] for row in table.rows] == ["by rare events", "by RMSE", "gone"]
    assert "the two ways choose differently" in " ".join(page.answer)
    assert all(len(row) == len(table.columns) for row in table.rows)
