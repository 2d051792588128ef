"""Labels placed in time, thinned, divided, and checked for leaks before anything is stored."""

import pytest

from tm23flows.documents.base import Provenance
from tm23flows.documents.dataset import Dataset
from tm23flows.documents.recipe import Recipe
from tm23flows.errors import InputError
from tm23flows.store.datasets.candidates import Candidate, find_candidates
from tm23flows.store.datasets.creation import (
    create_dataset,
    create_datasets,
    list_datasets,
    name_dataset,
)
from tm23flows.store.datasets.splitting import divide, moments_of


@pytest.fixture
def put(archive, make_frame, make_label):
    """A function that stores labels of one run, 50 fs apart, with energies of one's choice."""

    def store(count, run="a", energies=None, forces=None, stride=50.0, first=0, **fields):
        frames, labels = [], []
        for n in range(first, first + count):
            given = {
                "seed": 1000 * ord(run) + n,
                "trajectory_id": run * 64,
                "step": n + 1,
                "time_fs": stride * n,
                **fields,
            }
            frame = make_frame(**given)
            label = make_label(frame)
            if energies is not None:
                label = label.model_copy(
                    update={
                        "energies": label.energies.model_copy(update={"free": float(energies[n])}),
                        "forces": forces[n],
                    }
                )
            frames.append(frame)
            labels.append(label)
        archive.put(*frames, *labels)
        return labels

    return store


def facts(labels):
    return [Candidate.of(label) for label in labels]


def test_labels_are_placed_in_time(archive, put):
    warm = put(2, "b", regime="warm", temperature_K=1018.5)
    cold = put(3, tags={"event": 7})
    moments = moments_of(archive, facts([*warm, *cold[::-1]]))
    assert [m.id for m in moments] == [label.id for label in (*cold, *warm)]
    assert [m.temperature for m in moments] == ["cold"] * 3 + ["warm"] * 2
    assert [m.time_fs for m in moments] == [0, 50, 100, 0, 50]
    assert [m.event for m in moments] == ["7"] * 3 + [None] * 2
    assert {m.run for m in moments} == {"a" * 64, "b" * 64}


def test_temperatures_of_several_metals_are_their_own(archive, put):
    labels = [*put(2), *put(2, "b", element="Ag"), *put(1, "c", regime=None, temperature_K=None)]
    assert [m.temperature for m in moments_of(archive, facts(labels))] == [
        "Cu cold", "Cu cold", "Ag cold", "Ag cold", "Cu unknown",
    ]  # fmt: skip


def test_frames_of_one_file_with_times_are_a_run(archive, put):
    labels = put(4, trajectory_id=None, origin="e" * 64)
    assert {m.run for m in moments_of(archive, facts(labels))} == {"e" * 64}
    with pytest.raises(InputError, match="min_gap_fs"):
        create_dataset(archive, "x", labels, "fraction", {"min_gap_fs": 60})


def test_the_gap_is_found_required_and_kept_with_the_dataset(archive, put):
    labels = put(10)
    made = create_dataset(archive, "x", labels, "fraction").dataset
    assert made.facts == {
        "n_left_out": 0, "required_gap_fs": 50.0, "smallest_gap_fs": 50.0, "n_without_time": 0,
    }  # fmt: skip
    blocks = {"block_fs": 150, "gap_fs": 100, "train": 1}
    made = create_dataset(archive, "x", labels, "block", blocks).dataset
    assert (made.facts["required_gap_fs"], made.facts["smallest_gap_fs"]) == (100.0, 150.0)
    assert made.facts["n_left_out"] == 5
    assert made.split_options["gap_fs"] == 100


def test_a_leak_is_loud_and_stores_nothing(archive, put, make_frame, make_label):
    labels = [*put(10), *put(1, stride=5.0, first=71)]  # 5 fs after a frame of the stride
    with pytest.raises(InputError, match="5 fs apart"):
        create_dataset(archive, "x", labels, "full", {"n_train": 8, "n_test": 3})
    with pytest.raises(InputError, match="60 fs are required"):
        create_dataset(archive, "x", labels[:10], "fraction", {"min_gap_fs": "60"})
    for gap in ("far", -1, "nan", "inf", [1]):
        with pytest.raises(InputError, match="min_gap_fs is a time"):
            create_dataset(archive, "x", labels, "fraction", {"min_gap_fs": gap})
    assert list_datasets(archive) == []
    assert (
        create_dataset(
            archive, "x", labels, "full", {"n_train": 8, "n_test": 3, "min_gap_fs": 0}
        ).dataset.facts["smallest_gap_fs"]
        == 5.0
    )


def test_one_frame_under_two_recipes_is_refused_even_without_the_check_of_recipes(
    archive, put, make_frame, make_label
):
    labels = put(4)
    twin = make_label(
        make_frame(seed=1000 * ord("a"), trajectory_id="a" * 64, time_fs=0.0),
        Recipe(engine="emt", xc="none", sigma_eV=1.0),
    )
    assert twin.frame_id == labels[0].frame_id
    with pytest.raises(InputError, match="labels of one frame must stay together"):
        divide(archive, facts([*labels, twin]), "fraction", {}, "free")


def test_the_learning_curve_is_one_dataset_per_size(archive, put):
    options = {"sizes": "5,10", "n_test": 4}
    made = create_datasets(archive, "curve", put(20), "learning-curve", options)
    assert [one.name for one in made] == ["curve-5", "curve-10"]
    assert [len(one.dataset.parts["train"]) for one in made] == [5, 10]
    assert made[0].dataset.parts["test"] == made[1].dataset.parts["test"]
    last = create_dataset(archive, "curve", put(20), "learning-curve", options)
    assert (last.name, last.version) == ("curve-10", 1)
    with pytest.raises(InputError, match="needs 24 frames"):
        create_datasets(archive, "more", put(20), "learning-curve", {**options, "sizes": "5,20"})
    assert [one.name for one in list_datasets(archive)] == ["curve-10", "curve-5"]


def test_what_a_rule_missed_is_kept_with_the_dataset(archive, put):
    labels = [*put(9), *put(10, "b", regime="warm")]
    with pytest.raises(InputError, match="allow_missing=1"):
        create_dataset(archive, "x", labels, "full", {"n_train": 8, "n_test": 2})
    options = {"n_train": 8, "n_test": 2, "allow_missing": 1}
    made = create_dataset(archive, "x", labels, "full", options).dataset
    assert made.facts["missing"] == {"cold": 1}
    assert made.split_options == options
    assert [len(ids) for ids in made.parts.values()] == [15, 4]


def test_frames_without_a_step_keep_the_order_of_their_dataset(archive, put):
    labels = put(20, step=None, time_fs=None, trajectory_id=None)
    imported = Dataset(
        provenance=Provenance.now(),
        element="Cu",
        parts={"all": tuple(label.id for label in labels)},
        rule="import",
        query={},
    )
    name_dataset(archive, "imported", imported)
    found = find_candidates(archive, "imported")
    made = create_dataset(archive, "x", found, "full", {"n_train": 15, "n_test": 5}).dataset
    # The ids are hashes: in their order the first frames would be drawn at random.
    assert made.label_ids == imported.label_ids
    assert made.facts["n_without_step"] == 20
