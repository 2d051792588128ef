"""Joins: what other collections know restricts a selection, in the filter or batch by batch."""

import pytest

from tm23flows.documents.base import Provenance
from tm23flows.documents.convergence import Convergence, MeshRow, gamma_recipe
from tm23flows.documents.dataset import Dataset
from tm23flows.documents.recipe import Recipe
from tm23flows.errors import DatabaseError, InputError, NotFoundError
from tm23flows.store.datasets.creation import name_dataset
from tm23flows.store.query import plans

FINE = Recipe(engine="emt", kmesh=(4, 4, 4))
COARSE = Recipe(engine="emt", kmesh=(2, 2, 2))
DENSE = Recipe(engine="emt", kmesh=(5, 5, 5))


def convergence(**fields):
    """A test of copper that chose the fine mesh and not the coarse one."""
    rows = [
        MeshRow(
            kmesh=recipe.kmesh,
            kmesh_offset=recipe.kmesh_offset,
            spacing_per_A=0.1,
            n_points=8,
            recipe_id=recipe.id,
            energy_eV_per_atom=deviation,
            force_eV_per_A=deviation,
        )
        for recipe, deviation in ((COARSE, 0.1), (FINE, 0.0), (DENSE, 0.0))
    ]
    given = {
        "provenance": Provenance.now(),
        "element": "Cu",
        "base_recipe": gamma_recipe(FINE),
        "frame_ids": ("a" * 64,),
        "rows": rows,
        "energy_limit_eV_per_atom": 0.001,
        "force_limit_eV_per_A": 0.005,
        "converged": True,
        "kmesh": FINE.kmesh,
        "kmesh_offset": FINE.kmesh_offset,
        "reason": "it agrees",
    }
    return Convergence(**{**given, **fields})


@pytest.fixture(params=["in the filter", "batch by batch"])
def either_way(request, monkeypatch):
    """Both ways of a join, of which only the second is for large answers."""
    if request.param == "batch by batch":
        monkeypatch.setattr(plans, "JOIN_LIMIT", 0)
    return request.param


@pytest.fixture
def world(archive, make_frame, make_label):
    """Six frames in two events, each with a fine and a coarse label."""
    frames = [
        make_frame(seed, trajectory_id="ab" * 32, step=seed + 1, tags={"event": seed % 2})
        for seed in range(6)
    ]
    fine, coarse = ([make_label(one, recipe) for one in frames] for recipe in (FINE, COARSE))
    archive.put(*frames, *fine, *coarse)
    return frames, fine, coarse


def ids(documents):
    return [one.id for one in documents]


def both(selection, expected):
    """Check reading, listing and counting at once."""
    assert ids(selection) == list(selection.ids()) == ids(expected)
    assert selection.count() == len(expected)


def test_what_only_frames_know_restricts_labels(archive, world, either_way):
    _, fine, coarse = world
    both(archive.labels(tag="event=1", kmesh="4x4x4"), fine[1::2])
    both(archive.labels(tag="event=1", where="time_fs>=15", kmesh="2x2x2"), coarse[3::2])
    both(archive.labels(tag="event=3"), [])


def test_what_only_labels_know_restricts_frames(archive, world, either_way):
    frames, fine, _ = world
    archive.database["labels"].delete_one({"_id": fine[2].id})
    both(archive.frames(kmesh="4x4x4"), frames[:2] + frames[3:])
    both(archive.frames(kmesh="4x4x4", tag="event=0"), [frames[0], frames[4]])
    both(archive.frames(kmesh="4x4x4", first_step=4), frames[3:])
    both(archive.frames(engine="gpaw"), [])
    largest = max(one.magnitudes.max_force for one in fine)
    assert archive.frames(min_force_eV_per_A=largest).count() == 1


def test_dates_are_those_of_what_is_looked_for(archive, world, either_way):
    frames, _, _ = world
    early = {"$set": {"provenance.created": Provenance.now().created.replace(year=2020)}}
    archive.database["frames"].update_many({}, early)
    both(archive.frames(created_before="2021-01-01", kmesh="4x4x4"), frames)
    assert archive.labels(created_before="2021-01-01", tag="event=1").count() == 0
    assert archive.labels(created_after="2021-01-01", tag="event=1").count() == 6
    assert archive.labels(where="provenance.created>=2021-01-01", tag="event=1").count() == 6


@pytest.fixture
def dataset(archive, world):
    _, fine, _ = world
    parts = {"train": tuple(ids(fine[4:0:-1])), "test": tuple(ids(fine[5:]))}
    made = Dataset(provenance=Provenance.now(), element="Cu", parts=parts, rule="by hand", query={})
    return name_dataset(archive, "some", made)


def test_members_of_datasets_are_found(archive, world, dataset, either_way):
    frames, fine, _ = world
    both(archive.labels(dataset="some"), fine[1:])
    both(archive.labels(dataset="some@1", part="train"), fine[1:5])
    both(archive.labels(dataset=dataset.dataset.id, part="test"), fine[5:])
    both(archive.labels(dataset="some", tag="event=1"), fine[1::2])
    both(archive.labels(dataset="some", kmesh="2x2x2"), [])
    both(archive.frames(dataset="some", part="train"), frames[1:5])


def test_datasets_and_parts_that_are_not_there(archive, dataset):
    with pytest.raises(NotFoundError, match="no dataset 'other'"):
        archive.labels(dataset="other").count()
    with pytest.raises(InputError, match="'some' has no part 'tset'; it has train, test"):
        list(archive.labels(dataset="some", part="tset"))


def test_labels_on_a_mesh_that_was_shown_to_be_converged(archive, world):
    frames, fine, coarse = world
    both(archive.labels(kmesh_converged=True), [])
    assert archive.labels(kmesh_converged=False).count() == 12
    archive.put(convergence(element="Ag"))
    both(archive.labels(kmesh_converged=True), [])  # the same recipe, but shown for silver
    archive.put(convergence())
    both(archive.labels(kmesh_converged=True), fine)
    both(archive.labels(kmesh_converged=True, metal="Cu", last_step=2), fine[:2])
    both(archive.labels(kmesh_converged=True, kmesh="2x2x2"), [])
    both(archive.labels(kmesh_converged=False), coarse)
    both(archive.frames(kmesh_converged=True), frames)


def test_a_test_that_did_not_converge_shows_nothing(archive, world):
    archive.put(convergence(converged=False, kmesh=None, kmesh_offset=None))
    assert archive.database["convergences"].count_documents({}) == 1
    assert archive.labels(kmesh_converged=True).count() == 0


def test_a_damaged_convergence_test_is_refused(archive, world):
    test = convergence()
    archive.put(test)
    archive.database["convergences"].update_one({"_id": test.id}, {"$set": {"element": "Ag"}})
    with pytest.raises(DatabaseError, match=test.id[:12]):
        archive.labels(kmesh_converged=True).count()


def test_no_command_grows_with_the_archive(archive, world, monkeypatch):
    """A join with many partners asks for a batch of them at a time."""
    monkeypatch.setattr(plans, "JOIN_LIMIT", 2)
    plan = plans.plan_labels(archive, archive.labels(tag="event=1").query)
    assert plan.filter == {}
    assert len(plan.tests) == 1
    plan = plans.plan_frames(archive, archive.frames(kmesh="4x4x4").query)
    assert plan.filter == {}


@pytest.mark.parametrize(
    "words",
    [{"min_force_eV_per_A": 0}, {"max_energy_eV": 9}, {"where": "magnitudes.max_stress>=0"}],
)
def test_labels_of_an_older_program_are_not_missed_in_silence(archive, world, words):
    assert archive.labels(**words).count() == archive.labels().count()
    archive.database["labels"].update_one(
        {}, {"$unset": {"magnitudes": 1}, "$set": {"schema_version": 1}}
    )
    for selection in (archive.labels(**words), archive.frames(**words)):
        with pytest.raises(DatabaseError, match="tm23 db upgrade"):
            selection.count()
    assert archive.labels(metal="Cu").count() == archive.labels().count()
