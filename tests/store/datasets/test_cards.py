"""The card of a dataset says what is in the archive, and fails when parts know each other."""

import json

import pytest

from tm23flows.documents.base import Provenance
from tm23flows.documents.dataset import Dataset
from tm23flows.errors import NotFoundError
from tm23flows.store.datasets.cards import dataset_card
from tm23flows.store.datasets.creation import create_dataset


@pytest.fixture
def labels(archive, make_frame, make_label):
    frames = [
        make_frame(
            seed=10 * place + n,
            regime=regime,
            temperature_K=kelvin,
            trajectory_id=regime[0] * 64,
            step=10 * n + 1,
            time_fs=50.0 * n,
        )
        for place, (regime, kelvin) in enumerate((("cold", 339.5), ("melt", 1697.5)))
        for n in range(8)
    ]
    labels = [make_label(frame) for frame in frames]
    archive.put(*frames, *labels)
    return labels


def test_a_card_counts_and_measures(archive, labels):
    dataset = create_dataset(archive, "x", labels, "fraction", {"train_fraction": 0.75}).dataset
    card = dataset_card(archive, dataset)
    assert card["parts"] == {
        "train": {"n": 12, "by_temperature": {"cold": 6, "melt": 6}},
        "test": {"n": 4, "by_temperature": {"cold": 2, "melt": 2}},
    }
    assert (card["n_labels"], card["metals"]) == (16, {"Cu": 16})
    assert card["temperatures_K"] == {"cold": [339.5], "melt": [1697.5]}
    (recipe,) = card["recipes"]
    assert (recipe["engine"], recipe["kmesh"], recipe["sigma_eV"]) == ("emt", [1, 1, 1], 0.2)
    per_atom = [label.energies.free / 2 for label in labels]
    assert card["ranges"]["energy_eV_per_atom"] == [min(per_atom), max(per_atom)]
    forces = [label.magnitudes.max_force for label in labels]
    assert card["ranges"]["largest_force_eV_per_A"] == [min(forces), max(forces)]
    assert card["ranges"]["n_with_stress"] == 16
    assert card["leak_check"] == {
        "passed": True, "required_gap_fs": 50.0, "smallest_gap_fs": 50.0, "n_without_time": 0,
    }  # fmt: skip
    assert [(run["temperature"], run["n"]) for run in card["runs"]] == [("cold", 8), ("melt", 8)]
    for run in card["runs"]:
        tau_fs = run["energy"]["statistical_inefficiency"] / 2 * run["stride_fs"]
        assert run["stride_fs"] == 50.0
        assert run["energy"]["autocorrelation_time_fs"] == pytest.approx(tau_fs, abs=0.05)
    total = sum(run["forces"]["effective_size"] for run in card["runs"])
    assert card["effective_size"]["forces"] == pytest.approx(total, abs=0.1)
    assert 0 < card["effective_size"]["energy"] <= 16
    assert json.loads(json.dumps(card)) == card


def test_the_energy_of_the_ranges_is_that_of_the_policy(archive, labels):
    dataset = create_dataset(archive, "x", labels, "fraction", energy="sigma0").dataset
    card = dataset_card(archive, dataset, correlations=False)
    assert card["ranges"]["energy_eV_per_atom"][0] == min(x.energies.sigma0 for x in labels) / 2
    assert "runs" not in card


def test_labels_of_an_older_program_have_ranges_too(archive, labels):
    dataset = create_dataset(archive, "x", labels, "fraction").dataset
    before = dataset_card(archive, dataset)
    archive.database["labels"].update_many(
        {}, {"$unset": {"magnitudes": 1}, "$set": {"schema_version": 1}}
    )
    assert dataset_card(archive, dataset) == before


def test_a_dataset_that_leaks_is_said_to(archive, labels):
    ids = [label.id for label in labels[:8]]
    dataset = Dataset(
        provenance=Provenance.now(),
        element="Cu",
        parts={"train": ids[::2], "test": ids[1::2]},
        rule="import",
        query={},
        facts={"required_gap_fs": 100.0},
    )
    archive.put(dataset)
    leaks = dataset_card(archive, dataset)["leak_check"]
    assert not leaks["passed"]
    assert "100 fs are required" in leaks["message"]


def test_a_label_that_is_gone_is_named(archive, labels):
    dataset = create_dataset(archive, "x", labels, "fraction").dataset
    archive.database["labels"].delete_one({"_id": labels[0].id})
    with pytest.raises(NotFoundError, match=labels[0].id[:12]):
        dataset_card(archive, dataset)
