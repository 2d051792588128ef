"""The choice of a grid search from what the archive has: gaps, conflicts, edges and pasts."""

from dataclasses import asdict, replace

import numpy as np
import pytest

from tm23flows.documents.base import Provenance
from tm23flows.documents.evaluation import ErrorRow, Evaluation, GroupErrors
from tm23flows.documents.grid_search import GridSearch
from tm23flows.documents.model import Model, ModelFile
from tm23flows.errors import NotFoundError, TrainingError
from tm23flows.jobs.grid_search import Search, choose_point, evaluate_point
from tm23flows.jobs.model import train_model
from tm23flows.ops.audit.invariants import audit
from tm23flows.store.past.descendants import descendants
from tm23flows.store.trainings import begin_training, end_training
from tm23flows.trainers.base import get_trainer

POINTS = [{"nmax": n} for n in (4, 6, 8)]


@pytest.fixture
def search(emt_copy):
    dataset_id = emt_copy.dataset("Cu-demo").id
    return Search(dataset_id, "flare", {"lmax": 2}, 0, "train", "test", "mean-per-atom")


@pytest.fixture
def measured(emt_copy, search):
    """A function that stores the model of a point and its errors, as documents only."""

    def put(point, mae, likelihood=None, search=search, **summary):
        settings = get_trainer(search.trainer).hyperparameters(**search.fixed, **point)
        model = Model(
            provenance=Provenance.now({"trainer": "1.0"}),
            trainer=search.trainer,
            hyperparameters=settings.model_dump(mode="json"),
            seed=search.seed,
            dataset_id=search.dataset_id,
            part=search.train_part,
            files=(ModelFile(name="model.json", blob=emt_copy.blobs.put(b"model")),),
            summary={"n_frames": 18, "log_likelihood": likelihood, **summary},
            wall_s=2.0,
        )
        emt_copy.put(model)
        if mae is not None:
            emt_copy.put(evaluation_of(emt_copy, search, model, mae))
        return model

    return put


def evaluation_of(archive, search, model, mae):
    errors = GroupErrors(
        group="all",
        n_frames=6,
        energy=ErrorRow(mae=mae / 100, rmse=mae, mav=1.0, percent=mae),
        force=ErrorRow(mae=mae, rmse=2 * mae, mav=0.5, percent=200 * mae),
        stress=None,
    )
    return Evaluation(
        provenance=Provenance.now({"trainer": "1.0"}),
        model_id=model.id,
        dataset_id=search.dataset_id,
        part=search.test_part,
        energy_reference=search.energy_reference,
        predictions=archive.blobs.put_arrays(energy=np.zeros(6)),
        errors=(errors,),
    )


def choose(search, points=POINTS):
    return choose_point.original(asdict(search), points)


def test_the_minimum_force_error_wins_and_the_conflict_is_on_record(emt_copy, search, measured):
    for point, mae, likelihood in zip(POINTS, (0.05, 0.04, 0.044), (1e3, 2e3, 3e3), strict=True):
        measured(point, mae, likelihood, n_environments=18)
    out = choose(search)
    stored = emt_copy.get(GridSearch, out["grid_id"])
    assert out["hyperparameters"] == stored.hyperparameters == {"lmax": 2, "nmax": 6}
    assert (out["model_id"], out["evaluation_id"]) == (
        stored.rows[1].model_id,
        stored.rows[1].evaluation_id,
    )
    assert out["force_percent_error"] == pytest.approx(8)
    assert (stored.chosen, stored.by_likelihood) == (1, 2)
    (conflict,) = stored.conflicts
    assert (conflict.preferred_value, conflict.chosen_value) == (3e3, 2e3)
    assert conflict.cost_percent == pytest.approx(10)
    assert "maximum likelihood prefers nmax=8 (3000 against 2000)" in out["reason"]
    assert "10 % more" in out["reason"]
    assert stored.at_edge == {}
    row = stored.rows[0]
    assert (row.energy_mae_eV_per_atom, row.force_percent) == pytest.approx((0.0005, 10))
    assert (row.n_frames, row.n_environments, row.wall_s) == (18, 18, 2.0)
    assert row.stress_mae_eV_per_A3 is row.failure is None


def test_it_has_a_past_and_passes_the_audit(emt_copy, search, measured):
    models = [measured(point, mae).id for point, mae in zip(POINTS, (0.3, 0.2, 0.1), strict=True)]
    grid_id = choose(search)["grid_id"]
    found = emt_copy.trace(grid_id)
    assert found.complete
    assert [one.collection for one in found.levels] == [
        "grid_searches", "evaluations", "models", "datasets", "labels", "frames", "trajectories",
        "structures",
    ]  # fmt: skip
    assert [one.count for one in found.levels][:4] == [1, 3, 3, 1]
    for start in (models[0], search.dataset_id, emt_copy.database["structures"].find_one()["_id"]):
        below = descendants(emt_copy, start)
        assert below.levels[-1].collection == "grid_searches"
        assert below.levels[-1].shown[0].id == grid_id
    assert audit(emt_copy).violations == []


def test_criteria_that_agree_are_said_to(emt_copy, search, measured):
    measured(POINTS[0], 0.05, 1e3, best_validation_force_mae=0.03)
    measured(POINTS[1], 0.04, 2e3, best_validation_force_mae=0.05)
    out = choose(search)
    assert "It has the maximum likelihood, too." in out["reason"]
    assert "minimum validation force MAE prefers nmax=4 (0.03 against 0.05)" in out["reason"]
    stored = emt_copy.get(GridSearch, out["grid_id"])
    assert [one.criterion for one in stored.conflicts] == ["validation"]


def test_it_is_a_descendant_of_a_model_that_was_not_evaluated(emt_copy, search, measured):
    measured(POINTS[0], 0.1)
    alone = measured(POINTS[1], None)
    grid_id = choose(search)["grid_id"]
    below = descendants(emt_copy, alone.id)
    assert [one.collection for one in below.levels] == ["models", "grid_searches"]
    assert below.levels[-1].shown[0].id == grid_id


def test_the_audit_misses_a_model_that_is_gone(emt_copy, search, measured):
    model = measured(POINTS[0], 0.1)
    grid_id = choose(search)["grid_id"]
    emt_copy.database["models"].delete_one({"_id": model.id})
    (violation,) = [one for one in audit(emt_copy, ["I7"]).violations if one.id == grid_id]
    assert model.id in violation.what
    assert not emt_copy.trace(grid_id).complete


def test_a_point_that_failed_is_a_gap_with_its_reason(emt_copy, search, measured):
    measured(POINTS[0], 0.05)
    measured(POINTS[1], None)
    lost = search.model_id(POINTS[2])
    begin_training(emt_copy, lost, {"trainer": "flare"}, "here")
    end_training(emt_copy, lost, "failed", "out_of_memory", "It wants 90 GB.")
    stored = emt_copy.get(GridSearch, choose(search, [*POINTS, {"nmax": 9}])["grid_id"])
    assert stored.chosen == 0
    assert [row.failure for row in stored.rows] == [
        None,
        "its model was not evaluated: that failed, or did not run",
        "out_of_memory: It wants 90 GB.",
        "there is no model: its training failed, or did not run",
    ]
    assert [row.model_id is None for row in stored.rows] == [False, False, True, True]
    assert "3 of 4 points have no errors" in stored.reason
    assert emt_copy.trace(stored.id).complete


def test_a_search_without_any_point_is_stored_and_stops(emt_copy, search):
    lost = search.model_id(POINTS[0])
    begin_training(emt_copy, lost, {"trainer": "flare"}, "here")
    end_training(emt_copy, lost, "failed", "diverged", "It is not finite.")
    with pytest.raises(TrainingError, match=r"None of 3 points .*nmax=4: diverged: It is not"):
        choose(search)
    stored = emt_copy.get(GridSearch, emt_copy.database["grid_searches"].find_one()["_id"])
    assert stored.hyperparameters is None
    assert len(stored.failed) == 3


def test_a_force_error_that_is_no_number_is_a_failure(emt_copy, search, measured):
    measured(POINTS[0], float("nan"), 9e9)
    measured(POINTS[1], 0.1, 1.0)
    stored = emt_copy.get(GridSearch, choose(search)["grid_id"])
    assert stored.rows[0].failure == "its force error is not finite"
    assert (stored.chosen, stored.by_likelihood) == (1, 1)
    assert "higher likelihood than all others" in stored.reason


@pytest.mark.parametrize(
    ("points", "best", "edge"),
    [
        (POINTS, 2, {"nmax": "largest"}),
        (POINTS, 0, {"nmax": "smallest"}),
        (POINTS, 1, {}),
        # The trainer takes no power above 2 and none below 1.
        ([{"power": 1}, {"power": 2}], 1, {}),
        ([{"power": 1}, {"power": 2}], 0, {}),
        ([{"cutoff_A": 4.0}, {"cutoff_A": 5.0}], 1, {"cutoff_A": "largest"}),
    ],
    ids=str,
)
def test_a_choice_at_the_edge_says_where_to_widen(emt_copy, search, measured, points, best, edge):
    for place, point in enumerate(points):
        measured(point, 0.1 if place == best else 0.2)
    out = choose(search, points)
    assert emt_copy.get(GridSearch, out["grid_id"]).at_edge == edge
    assert ("widen the grid" in out["reason"]) == bool(edge)


def test_nothing_lies_below_a_weight_of_zero(emt_copy, search, measured):
    nequip = replace(search, trainer="nequip", fixed={})
    points = [{"energy_weight": 0.0}, {"energy_weight": 1.0}]
    for point, mae in zip(points, (0.1, 0.2), strict=True):
        measured(point, mae, search=nequip)
    assert emt_copy.get(GridSearch, choose(nequip, points)["grid_id"]).at_edge == {}


def test_the_edge_is_that_of_what_was_measured(emt_copy, search, measured):
    measured(POINTS[0], 0.2)
    measured(POINTS[1], 0.1)
    stored = emt_copy.get(GridSearch, choose(search)["grid_id"])
    assert stored.at_edge == {"nmax": "largest"}


def test_likelihoods_of_fewer_frames_are_not_compared(emt_copy, search, measured):
    measured(POINTS[0], 0.1, 5.0)
    measured(POINTS[1], 0.2, 9.0, n_frames=12)
    stored = emt_copy.get(GridSearch, choose(search)["grid_id"])
    assert (stored.by_likelihood, stored.conflicts) == (None, ())
    assert "different numbers of frames (12, 18)" in stored.reason


def test_the_same_search_is_one_document_and_a_filled_gap_another(emt_copy, search, measured):
    measured(POINTS[0], 0.1)
    first = choose(search)["grid_id"]
    assert choose(search)["grid_id"] == first
    measured(POINTS[2], 0.05)
    assert choose(search)["grid_id"] != first
    assert emt_copy.database["grid_searches"].count_documents({}) == 2


def test_a_search_on_no_dataset_is_refused(emt_copy, search):
    del emt_copy
    with pytest.raises(NotFoundError, match="no dataset"):
        choose(replace(search, dataset_id="e" * 64))


def test_a_point_without_a_model_has_no_errors_and_fails_nothing(
    emt_copy, search, constant_trainer
):
    del constant_trainer
    nothing = {"evaluation_id": None, "force_percent_error": None}
    given = (search.dataset_id, "test", "mean-per-atom")
    assert evaluate_point.original(None, *given) == nothing
    assert evaluate_point.original("a" * 64, *given) == nothing
    model = train_model.original(search.dataset_id, "constant", {}, 0, "train")
    out = evaluate_point.original(model["model_id"], *given)
    assert emt_copy.get(Evaluation, out["evaluation_id"]).model_id == model["model_id"]
