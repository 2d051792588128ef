"""Descendants: everything that was made from a document, counted whole and shown in part."""

import json

import pytest

from tm23flows.documents.base import Provenance
from tm23flows.documents.convergence import Convergence, MeshRow
from tm23flows.documents.label import Rejection
from tm23flows.errors import NotFoundError
from tm23flows.store.batches import batched
from tm23flows.store.datasets.creation import create_dataset
from tm23flows.store.past.descendants import MEMBERS, NAMED_BY, descendants
from tm23flows.store.past.trace import trace

COUNTS = {
    "structures": {"structures": 1, "trajectories": 3, "frames": 24, "labels": 27, "datasets": 1,
                   "models": 1, "evaluations": 1},
    "datasets": {"datasets": 1, "models": 1, "evaluations": 1},
    "models": {"models": 1, "evaluations": 1},
    "evaluations": {"evaluations": 1},
}  # fmt: skip


def counts(found):
    return {one.collection: one.count for one in found.levels}


def ids(found, collection):
    return {
        one.id for level in found.levels if level.collection == collection for one in level.shown
    }


@pytest.mark.parametrize("start", COUNTS)
def test_everything_below_is_counted(road, start):
    archive, _ = road
    found = descendants(archive, archive.database[start].find_one()["_id"][:12])
    labels = archive.database["labels"].count_documents({})
    expected = COUNTS[start] | ({"labels": labels} if "labels" in COUNTS[start] else {})
    assert counts(found) == expected


@pytest.mark.parametrize("start", ["structures", "trajectories", "frames", "labels", "datasets"])
def test_the_way_down_is_the_way_up_turned_round(road, start):
    archive, _ = road
    for stored in archive.database[start].find({}, {"_id": 1}).limit(2):
        below = descendants(archive, stored["_id"], shown=None)
        for level in below.levels:
            for one in level.shown:
                above = trace(archive, one.id, shown=None)
                assert stored["_id"] in ids(above, start), (level.collection, one.id)
        # And nothing is left out: whoever has this one above is below it.
        for collection in ("labels", "datasets", "evaluations"):
            for other in archive.database[collection].find({}, {"_id": 1}).limit(8):
                if stored["_id"] in ids(trace(archive, other["_id"], shown=None), start):
                    assert other["_id"] in ids(below, collection)


def test_only_datasets_that_hold_the_label(archive, make_frame, make_label):
    frames = [make_frame(seed=seed) for seed in range(8)]
    labels = [make_label(frame) for frame in frames]
    archive.put(*frames, *labels)
    first = create_dataset(archive, "a", labels[:4], "fraction", {"train_fraction": 0.5}).dataset
    create_dataset(archive, "b", labels[4:], "fraction", {"train_fraction": 0.5})
    assert ids(descendants(archive, labels[0].id), "datasets") == {first.id}
    assert ids(descendants(archive, frames[0].id), "datasets") == {first.id}


def test_members_are_whole_ids_not_bytes_that_look_like_them():
    one, two = "ab" * 32, "cd" * 32
    packed = bytes.fromhex(one) + bytes.fromhex(two)
    across = packed[16:48]
    members = set(MEMBERS["datasets"]({"parts": {"train": packed, "test": b""}}))
    assert members == {bytes.fromhex(one), bytes.fromhex(two)}
    assert across not in members


def test_rejections_and_convergences_are_descendants_too(archive, make_frame, make_label):
    frame = make_frame()
    coarse = make_label(frame)
    recipes = [coarse.recipe.model_copy(update={"kmesh": (n, n, n)}) for n in (2, 3)]
    labels = [make_label(frame, recipe) for recipe in recipes]
    refused = coarse.recipe.model_copy(update={"kmesh": (4, 4, 4)})
    rejection = Rejection(
        provenance=coarse.provenance, frame_id=frame.id, recipe=refused, reason="no"
    )
    rows = [
        MeshRow(
            kmesh=recipe.kmesh,
            kmesh_offset=(0, 0, 0),
            spacing_per_A=1.0,
            n_points=4,
            recipe_id=recipe.id,
            energy_eV_per_atom=0.0,
            force_eV_per_A=0.0,
        )
        for recipe in recipes
    ]
    convergence = Convergence(
        provenance=Provenance.now(),
        element="Cu",
        base_recipe=coarse.recipe,
        frame_ids=(frame.id,),
        rows=tuple(rows),
        energy_limit_eV_per_atom=1e-3,
        force_limit_eV_per_A=5e-3,
        converged=True,
        kmesh=(2, 2, 2),
        kmesh_offset=(0, 0, 0),
        reason="it is",
    )
    archive.put(frame, *labels, rejection, convergence)
    found = descendants(archive, frame.id)
    assert counts(found) == {"frames": 1, "labels": 2, "rejections": 1, "convergences": 1}
    assert counts(descendants(archive, labels[0].id)) == {"labels": 1, "convergences": 1}


def test_long_levels_are_counted_and_shown_in_part(emt_archive):
    start = emt_archive.database["structures"].find_one()["_id"]
    found = descendants(emt_archive, start)
    frames = next(one for one in found.levels if one.collection == "frames")
    assert (frames.count, len(frames.shown)) == (24, 3)
    assert found.as_dict() == json.loads(json.dumps(found.as_dict()))
    assert ids(found, "frames") == ids(descendants(emt_archive, start), "frames")


def test_more_ids_than_fit_into_one_question(emt_archive, monkeypatch):
    start = emt_archive.database["structures"].find_one()["_id"]
    whole = counts(descendants(emt_archive, start))
    monkeypatch.setattr("tm23flows.store.past.descendants.batched", lambda ids: batched(ids, 5))
    assert counts(descendants(emt_archive, start)) == whole


def test_a_document_that_is_not_there_has_no_descendants(archive):
    with pytest.raises(NotFoundError):
        descendants(archive, "a" * 64)


def test_every_step_down_has_its_index(archive):
    for collection, parents in NAMED_BY.items():
        indexes = archive.database[collection].index_information().values()
        first_fields = {one["key"][0][0] for one in indexes}
        assert set(parents.values()) <= first_fields, collection
