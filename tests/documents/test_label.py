"""Labels: complete or not there at all."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tm23flows.documents.ids import content_id
from tm23flows.documents.label import (
    ENERGY_KINDS,
    Energies,
    Label,
    Rejection,
    label_arrays,
    label_id,
)
from tm23flows.documents.recipe import Recipe
from tm23flows.errors import InputError


def test_a_label_is_named_by_its_frame_and_its_recipe(make_frame, make_label):
    frame, wide = make_frame(), Recipe(engine="emt", xc="none", sigma_eV=1.0)
    label = make_label(frame)
    assert label.id == label_id(frame.id, label.recipe.id)
    assert make_label(frame, forces=np.zeros((2, 3))).id == label.id
    ids = {label.id, make_label(frame, wide).id, make_label(make_frame(seed=1)).id}
    assert len(ids) == 3


def test_a_rejection_has_the_id_of_the_label_that_it_is_not(make_frame, make_label):
    label = make_label(make_frame())
    fields = {"frame_id": label.frame_id, "recipe": label.recipe, "reason": "no convergence"}
    assert Rejection(provenance=label.provenance, **fields).id == label.id


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"forces": np.zeros((3, 3))}, "shape"),
        ({"forces": np.full((2, 3), np.nan)}, "not a finite"),
        ({"forces": [[0, 0, 0], [0, 0, np.inf]]}, "not a finite"),
        ({"stress": np.zeros(3)}, "six finite"),
        ({"stress": [0, 0, 0, 0, 0, np.nan]}, "six finite"),
        ({"recipe_id": "0" * 64}, "recipe id"),
        ({"n_atoms": 0}, "n_atoms"),
    ],
    ids=str,
)
def test_an_incomplete_label_is_refused(make_frame, make_label, wrong, why):
    with pytest.raises(ValidationError, match=why):
        make_label(make_frame(), **wrong)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("which", ["free", "sigma0", "without_entropy"])
def test_energies_are_numbers(which, bad):
    with pytest.raises(ValidationError):
        Energies(**{"free": 0.0, "sigma0": 0.0, "without_entropy": 0.0, which: bad})


def test_a_label_without_stress_is_complete_and_comes_back(make_frame, make_label):
    label = make_label(make_frame(), stress=None)
    back = Label.from_stored({"_id": label.id, **label.model_dump()})
    assert back.stress is None
    assert back.model_dump_json() == label.model_dump_json()


def test_labels_become_arrays_in_their_order(make_frame, make_label):
    labels = [make_label(make_frame(seed=2)), make_label(make_frame(seed=1), stress=None)]
    arrays = label_arrays(labels)
    assert arrays.energies_eV.tolist() == [labels[0].energies.free, labels[1].energies.free]
    assert np.array_equal(arrays.forces_eV_per_A[2:], labels[1].forces)
    assert arrays.has_stress.tolist() == [True, False]
    assert arrays.n_atoms.tolist() == [2, 2]


@pytest.mark.parametrize("energy", ["free", "sigma0", "without_entropy"])
def test_the_policy_chooses_the_energy(make_frame, make_label, energy):
    label = make_label(make_frame())
    chosen = label_arrays([label], energy).energies_eV[0]
    assert chosen == getattr(label.energies, energy)
    assert len({label.energies.free, label.energies.sigma0, label.energies.without_entropy}) == 3


def test_magnitudes_say_how_large_the_numbers_are(make_frame, make_label):
    forces, stress = np.array([[3.0, 0, -4.0], [1.0, 1, 1]]), np.array([1e-3, 0, 0, -5e-3, 0, 0])
    label = make_label(make_frame(), forces=forces, stress=stress)
    assert label.magnitudes.max_force == pytest.approx(5.0, abs=1e-12)
    assert label.magnitudes.max_stress == 5e-3
    assert label.magnitudes.energy_per_atom * 2 == pytest.approx(label.energies.free)
    assert make_label(make_frame(), forces=forces, stress=None).magnitudes.max_stress is None
    assert label.model_dump()["magnitudes"]["max_stress"] == 5e-3


def test_a_label_without_any_energy_is_none():
    with pytest.raises(ValidationError, match="at least one energy"):
        Energies()


@pytest.mark.parametrize("kind", ENERGY_KINDS)
def test_an_energy_that_is_not_known_is_not_made_up(make_frame, make_label, kind):
    label = make_label(make_frame(), energies=Energies(**{kind: -7.0}))
    assert label.energies.of(kind) == label.energies.best == -7.0
    for other in set(ENERGY_KINDS) - {kind}:
        with pytest.raises(InputError, match=f"known is {kind}"):
            label_arrays([label], other)
    with pytest.raises(InputError, match="no energy 'E0'"):
        label.energies.of("E0")


@given(st.text(), st.text())
def test_the_id_is_the_hash_of_frame_and_recipe(frame, recipe):
    assert label_id(frame, recipe) == content_id("label", frame=frame, recipe=recipe)
    given_ids = content_id("x", a=frame), content_id("x", a=recipe)
    assert label_id(*given_ids) == content_id("label", frame=given_ids[0], recipe=given_ids[1])


def test_a_checksum_is_of_every_bit(make_frame, make_label):
    frame = make_frame()
    label = make_label(frame, stress=np.arange(6) / 1e3)
    same = make_label(frame, energies=Energies(**label.energies.model_dump()), stress=label.stress)
    assert same.checksum == label.checksum
    for other in (
        {"forces": label.forces * (1 + 1e-15), "stress": label.stress},
        {"stress": None},
        {"stress": label.stress[::-1]},
        {"energies": Energies(free=label.energies.free), "stress": label.stress},
    ):
        assert make_label(frame, **other).checksum != label.checksum


def test_numbers_that_were_changed_outside_are_not_read(make_frame, make_label):
    label = make_label(make_frame())
    stored = {"_id": label.id, **label.model_dump()}
    assert Label.from_stored(stored).id == label.id
    energies = {**stored["energies"], "sigma0": stored["energies"]["sigma0"] + 1e-9}
    with pytest.raises(ValueError, match="were changed"):
        Label.from_stored({**stored, "energies": energies})
    del stored["checksum"]  # an older layout
    Label.from_stored({**stored, "energies": energies})
