"""Traces: the whole way back, and every gap on it is named."""

import json

import pytest

from tm23flows._version import __version__
from tm23flows.documents.label import Rejection
from tm23flows.documents.recipe import Recipe
from tm23flows.documents.trajectory import Trajectory
from tm23flows.errors import NotFoundError
from tm23flows.store.batches import batched
from tm23flows.store.past.descendants import descendants
from tm23flows.store.past.trace import trace as trace_of

ROAD = ["evaluations", "models", "datasets", "labels", "frames", "trajectories", "structures"]


def level(trace, collection):
    return next(one for one in trace.levels if one.collection == collection)


def first_id(archive, collection):
    return archive.database[collection].find_one()["_id"]


def test_an_evaluation_reaches_structure_inputs_and_versions(road):
    archive, evaluation = road
    trace = archive.trace(evaluation.id)
    assert trace.complete
    assert [one.collection for one in trace.levels] == ROAD
    assert [one.count for one in trace.levels] == [1, 1, 1, 24, 24, 3, 1]
    structure = level(trace, "structures").shown[0]
    assert structure.summary["phase"] == "fcc"
    assert structure.summary["vacancy_seed"] == 0
    assert "metals_table" in structure.inputs
    for one in trace.levels:
        for ancestor in one.shown:
            assert ancestor.software["tm23flows"] == __version__
            assert len(ancestor.inputs_sha256) == 64
    label = level(trace, "labels").shown[0]
    assert label.software["ase"]
    assert label.inputs == {"calculator": "ase.calculators.emt.EMT"}
    assert label.summary["recipe"]["kmesh"] == [3, 3, 3]
    assert level(trace, "trajectories").shown[0].summary["dynamics"]["seed"] == 0


@pytest.mark.parametrize("start", ROAD)
def test_every_noun_has_a_complete_way_back(road, start):
    archive, _ = road
    trace = archive.trace(first_id(archive, start)[:12])
    assert trace.complete
    assert [one.collection for one in trace.levels] == ROAD[ROAD.index(start) :]


def test_it_is_json(road):
    archive, evaluation = road
    found = json.loads(json.dumps(archive.trace(evaluation.id).as_dict()))
    assert found["complete"] is True
    assert found["id"] == evaluation.id


def test_a_run_with_a_model_has_the_past_of_the_model_too(road):
    """Its model was made from other runs, and nothing is told twice."""
    archive, evaluation = road
    stored = archive.get(Trajectory, first_id(archive, "trajectories"))
    recipe = Recipe(engine="model", xc="none", options={"model": evaluation.model_id})
    run = Trajectory(
        provenance=stored.provenance,
        structure_id=stored.structure_id,
        element="Cu",
        regime="cold",
        recipe=recipe,
        dynamics=stored.dynamics,
    )
    archive.put(run)
    trace = archive.trace(run.id)
    assert trace.complete
    assert [(one.collection, one.count) for one in trace.levels] == [
        ("trajectories", 1), ("structures", 1), ("models", 1), ("datasets", 1), ("labels", 24),
        ("frames", 24), ("trajectories", 3),
    ]  # fmt: skip
    for above in (evaluation.model_id, stored.structure_id):
        below = descendants(archive, above, shown=None)
        runs = next(one for one in below.levels if one.collection == "trajectories")
        assert run.id in {one.id for one in runs.shown}
    of_a_label = descendants(archive, first_id(archive, "frames"))
    assert "trajectories" in {one.collection for one in of_a_label.levels}


@pytest.mark.parametrize("gone", ROAD[1:])
def test_a_deleted_ancestor_is_reported_by_its_id(road, gone):
    archive, evaluation = road
    victim = level(archive.trace(evaluation.id), gone).shown[-1].id
    archive.database[gone].delete_one({"_id": victim})
    trace = archive.trace(evaluation.id)
    assert not trace.complete
    assert level(trace, gone).missing == [victim]
    assert trace.as_dict()["complete"] is False


@pytest.mark.parametrize("gone", ROAD[2:])
def test_a_noun_that_is_gone_altogether_is_reported(road, gone):
    archive, evaluation = road
    count = archive.database[gone].count_documents({})
    archive.database[gone].delete_many({})
    trace = archive.trace(evaluation.id)
    assert not trace.complete
    assert 0 < len(level(trace, gone).missing) <= count


def named_blob(archive, collection):
    one = archive.database[collection].find_one()
    if collection == "trajectories":
        return one["segments"][-1]["blob"]
    return one["files"][0]["blob"] if collection == "models" else one["predictions"]


@pytest.mark.parametrize("owner", ["trajectories", "models", "evaluations"])
def test_a_deleted_blob_is_reported(road, owner):
    archive, evaluation = road
    blob = named_blob(archive, owner)
    archive.database["blobs"].files.delete_one({"_id": blob})
    trace = archive.trace(evaluation.id)
    assert not trace.complete
    assert level(trace, owner).missing_blobs == [blob]


def test_imported_frames_end_at_their_origin(archive, make_frame, make_label):
    frame = make_frame(trajectory_id=None, origin="file sha256")
    archive.put(frame, make_label(frame))
    trace = archive.trace(make_label(frame).id)
    assert trace.complete
    assert [one.collection for one in trace.levels] == ["labels", "frames"]
    assert level(trace, "frames").shown[0].summary["origin"] == "file sha256"


def test_a_frame_without_any_past_is_reported_however_many_have_one(
    archive, make_frame, make_label
):
    frames = [make_frame(seed=seed) for seed in range(6)]
    frames[5] = make_frame(seed=5, origin=None)
    archive.put(*frames, *(make_label(frame) for frame in frames))
    from tm23flows.store.datasets.creation import create_dataset

    labels = list(archive.labels())
    dataset = create_dataset(archive, "x", labels, "fraction", {"train_fraction": 0.5}).dataset
    trace = archive.trace(dataset.id)
    assert not trace.complete
    assert level(trace, "frames").rootless == [frames[5].id]


def test_a_rejection_has_a_past_too(emt_copy):
    label = next(iter(emt_copy.labels()))
    recipe = label.recipe.model_copy(update={"sigma_eV": 9.0})
    rejection = Rejection(
        provenance=label.provenance, frame_id=label.frame_id, recipe=recipe, reason="x"
    )
    emt_copy.record([rejection])
    trace = emt_copy.trace(rejection.id)
    assert trace.complete
    assert [one.collection for one in trace.levels] == [
        "rejections", "frames", "trajectories", "structures",
    ]  # fmt: skip


def test_long_levels_are_counted_not_listed(emt_archive):
    labels = level(emt_archive.trace(emt_archive.dataset("Cu-demo").id), "labels")
    assert (labels.count, len(labels.shown)) == (24, 3)


def test_a_document_that_is_not_there_has_no_trace(archive):
    with pytest.raises(NotFoundError):
        archive.trace("a" * 64)


def test_all_of_a_level_can_be_shown(emt_archive):
    labels = level(trace_of(emt_archive, emt_archive.dataset("Cu-demo").id, shown=None), "labels")
    assert len({one.id for one in labels.shown}) == labels.count == 24


def test_more_ids_than_fit_into_one_question(emt_archive, monkeypatch):
    monkeypatch.setattr("tm23flows.store.past.trace.batched", lambda ids: batched(ids, 5))
    found = emt_archive.trace(emt_archive.dataset("Cu-demo").id)
    assert found.complete
    assert [one.count for one in found.levels] == [1, 24, 24, 3, 1]
    assert len(level(found, "labels").shown) == 3
