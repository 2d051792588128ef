"""Texts in the tables of rare events: nothing that is undefined looks like a number."""

from tm23flows.documents.studies.label_sets import Bounded
from tm23flows.documents.studies.rare_events import (
    Candidate,
    Difference,
    Predictor,
    RareEventMetal,
    ScoreRow,
    Selection,
)
from tm23flows.report.quantities import NOT_THERE, UNDEFINED
from tm23flows.report.studies.rare_event_tables import (
    metal_tables,
    predictor_name,
    selection_table,
    verdict_of,
)


def predictor(**fields):
    score = ScoreRow(re_m=Bounded(value=0.1), n_events=3, n_frames=3, n_atoms=3)
    return Predictor(**{"kind": "model", "id": "c" * 64, "name": "flare", "score": score, **fields})


def metal(**fields):
    given = {
        "element": "Cu",
        "dataset_id": "d",
        "source": "tags",
        "event_dataset_id": None,
        "recipe_id": "r",
        "recipe_name": "vasp 4x4x4",
        "predictors": (predictor(),),
    }
    return RareEventMetal(**{**given, **fields})


def test_undefined_measures_are_said_and_small_sets_have_no_interval():
    (scores,) = metal_tables(metal())
    row = scores.rows[0]
    assert row[0] == "flare cccccccc"
    assert row[1] == "0.100"  # no interval of three events
    assert row[2] == UNDEFINED
    assert row[7] == NOT_THERE
    assert (row[9], row[10]) == ("3", "3")


def test_without_anything_there_is_no_table():
    assert list(metal_tables(metal(predictors=(), undefined="why"))) == []


def test_names_tell_models_apart_and_recipes_are_named_by_their_mesh():
    assert predictor_name(predictor(id="d" * 64)) == "flare dddddddd"
    assert predictor_name(predictor(kind="labels", name="vasp 1x1x1")) == "vasp 1x1x1"


def test_a_verdict_needs_an_interval():
    none = Difference(re_m=Bounded(value=1.0), re_a=None, re_f_eV_per_A=None)
    said = verdict_of(predictor(difference=none))
    assert said == "RE_M unresolved, too few events for an interval, RE_A undefined"
    assert verdict_of(predictor()) == NOT_THERE


def test_candidates_without_numbers_have_a_row_with_the_reason():
    lost = Candidate(
        trainer="flare",
        hyperparameters={"lmax": 3},
        training_set="original",
        model_id=None,
        failure="it failed",
    )
    table = selection_table(
        Selection(
            element="Cu",
            original_id=None,
            enhanced_id=None,
            candidates=(lost,),
            by_rmse=None,
            by_score=None,
            reason="why",
        )
    )
    assert table.rows[0][0] == "flare lmax=3"
    assert table.rows[0][-1] == "it failed"
    assert table.rows[0][3] == UNDEFINED


def test_unseen_events_have_no_force_rmse_of_all_events():
    seen = predictor(force_rmse_events_eV_per_A=0.7, force_rmse_quiet_eV_per_A=0.6)
    unseen = ScoreRow(re_m=Bounded(value=0.3), n_events=1, n_frames=1, n_atoms=2)
    every, apart = metal_tables(metal(predictors=(seen.model_copy(update={"unseen": unseen}),)))
    assert every.rows[0][7:9] == ("0.700", "0.600")
    assert len(apart.columns) == len(apart.rows[0]) == len(every.columns) - 2
    assert apart.rows[0][-2:] == ("1", "2")
    assert not {"0.700", "0.600"} & set(apart.rows[0])
    assert not any("RMSE" in one for one in apart.columns)
