"""ASE atoms from the archive: the numbers of the labels, their signs, their ids, no damage."""

import numpy as np
import pytest
from ase.stress import full_3x3_to_voigt_6_stress

from tm23flows.documents.frame import Frame
from tm23flows.documents.label import Energies
from tm23flows.documents.recipe import Recipe
from tm23flows.errors import DatabaseError, InputError


def test_atoms_carry_the_numbers_of_their_labels(emt_archive):
    selection = emt_archive.labels(sigma_eV=0.2, kmesh="3x3x3")
    labels = list(selection)
    found = list(selection.atoms())
    assert len(found) == len(labels) > 0
    for atoms, label in zip(found, labels, strict=True):
        frame = emt_archive.get(Frame, label.frame_id)
        assert atoms.get_potential_energy() == label.energies.free
        assert atoms.get_potential_energy(force_consistent=True) == label.energies.free
        np.testing.assert_array_equal(atoms.get_forces(), label.forces)
        np.testing.assert_array_equal(atoms.get_stress(), label.stress)
        np.testing.assert_array_equal(atoms.positions, frame.positions)
        np.testing.assert_array_equal(atoms.numbers, frame.numbers)
        np.testing.assert_array_equal(atoms.cell.array, frame.cell)
        assert atoms.pbc.all()
        assert atoms.info == {
            "frame_id": label.frame_id,
            "label_id": label.id,
            "recipe_id": label.recipe_id,
            "element": "Cu",
            "regime": label.regime,
            "temperature_K": label.temperature_K,
            "trajectory_id": label.trajectory_id,
            "step": label.step,
        }


def test_stress_has_the_sign_and_order_of_ase(emt_archive):
    """EMT itself, asked again about the same atoms, says the same."""
    from ase.calculators.emt import EMT

    (atoms, *_) = emt_archive.labels(sigma_eV=0.2, kmesh="3x3x3").atoms()
    stored = atoms.get_stress(voigt=False)
    forces = atoms.get_forces()
    atoms.calc = EMT()
    np.testing.assert_allclose(full_3x3_to_voigt_6_stress(stored), atoms.get_stress(), atol=1e-9)
    np.testing.assert_allclose(forces, atoms.get_forces(), atol=1e-9)


@pytest.fixture
def pair(archive, make_frame, make_label):
    frame = make_frame()
    energies = Energies(free=-3.0, sigma0=-2.0, without_entropy=-1.0)
    label = make_label(frame, energies=energies)
    archive.put(frame, label)
    return frame, label


@pytest.mark.parametrize(("kind", "value"), [("free", -3), ("sigma0", -2), ("without_entropy", -1)])
def test_the_energy_is_the_one_that_was_asked_for(archive, pair, kind, value):
    (atoms,) = archive.labels().atoms(energy=kind)
    assert atoms.get_potential_energy() == value
    assert atoms.get_potential_energy(force_consistent=True) == -3


def test_energies_that_are_not_there_are_refused(archive, pair, make_frame, make_label):
    with pytest.raises(InputError, match="'unspecified' of a label is not known"):
        list(archive.labels().atoms(energy="unspecified"))
    with pytest.raises(InputError, match="no energy 'E0'; choose one of free"):
        list(archive.frames().atoms(energy="E0"))
    frame = make_frame(5, regime="melt")
    archive.put(frame, make_label(frame, energies=Energies(unspecified=-7.0), stress=None))
    (atoms,) = archive.labels(regime="melt").atoms(energy="unspecified")
    assert atoms.calc.results.keys() == {"energy", "forces"}
    with pytest.raises(InputError, match="'free' of a label is not known"):
        list(archive.labels(regime="melt").atoms())


def test_frames_alone_are_atoms_without_a_calculator(archive, pair):
    frame, _ = pair
    (atoms,) = archive.frames().atoms()
    assert atoms.calc is None
    assert atoms.info["frame_id"] == frame.id
    assert atoms == frame.atoms


def test_labels_of_one_frame_do_not_share_their_atoms(archive, pair, make_label):
    frame, label = pair
    other = make_label(frame, Recipe(engine="emt", sigma_eV=1.0), energies=Energies(free=-9.0))
    archive.put(other)
    first, second = archive.labels().atoms()
    assert {first.info["label_id"], second.info["label_id"]} == {label.id, other.id}
    first.positions += 1
    assert {second.get_potential_energy()} < {-3.0, -9.0}
    assert not np.allclose(first.positions, second.positions)
    assert first.calc.calculation_required(first, ["energy"])


def test_documents_of_the_layout_before_are_read(archive, pair):
    """Frames without tags, labels without magnitudes."""
    for collection, field in (("frames", "tags"), ("labels", "magnitudes")):
        older = {"$set": {"schema_version": 1}, "$unset": {field: 1}}
        archive.database[collection].update_one({}, older)
    (atoms,) = archive.labels().atoms()
    assert atoms.get_potential_energy() == -3.0


DAMAGE = [
    ("frames", {"$set": {"schema_version": 99}}),
    ("frames", {"$set": {"positions.data": b"\0" * 48}}),
    ("frames", {"$set": {"positions.data": b"\0"}}),
    ("frames", {"$unset": {"cell": 1}}),
    ("labels", {"$set": {"schema_version": 99}}),
    ("labels", {"$set": {"recipe_id": "a" * 64}}),
    ("labels", {"$set": {"forces.data": np.full(6, np.nan).tobytes()}}),
    ("labels", {"$set": {"forces.shape": [3, 2]}}),
    ("labels", {"$set": {"stress.data": np.full(6, np.inf).tobytes()}}),
    ("labels", {"$set": {"n_atoms": 3}}),
    ("labels", {"$set": {"energies.free": float("nan")}}),
    ("labels", {"$set": {"energies": {}}}),
    ("labels", {"$unset": {"forces": 1}}),
    ("labels", {"$unset": {"stress": 1}}),
]


@pytest.mark.parametrize(("collection", "damage"), DAMAGE, ids=str)
def test_damaged_documents_are_refused_by_name(archive, pair, collection, damage):
    frame, label = pair
    damaged = {"frames": frame, "labels": label}[collection]
    archive.database[collection].update_one({"_id": damaged.id}, damage)
    with pytest.raises(DatabaseError, match=damaged.id[:12]):
        list(archive.labels().atoms())
    if collection == "frames":
        with pytest.raises(DatabaseError, match=damaged.id[:12]):
            list(archive.frames().atoms())


def test_a_label_without_a_frame_is_named(archive, pair):
    archive.database["labels"].update_one({}, {"$unset": {"frame_id": 1}})
    with pytest.raises(DatabaseError, match=f"of the label {pair[1].id[:12]}"):
        list(archive.labels().atoms())


def test_a_label_whose_frame_is_gone_is_named(archive, pair):
    frame, label = pair
    archive.database["frames"].delete_one({"_id": frame.id})
    with pytest.raises(DatabaseError, match=f"{frame.id[:12]} of the label {label.id[:12]}"):
        list(archive.labels().atoms())


def test_forces_on_another_number_of_atoms_are_refused(archive, pair, make_frame, make_label):
    frame = make_frame(7)
    forces = np.ones((3, 3))
    wrong = make_label(frame, Recipe(engine="emt", sigma_eV=2.0), forces=forces, n_atoms=3)
    archive.put(frame, wrong)
    with pytest.raises(DatabaseError, match="forces on 3 atoms, its frame has 2"):
        list(archive.labels(sigma_eV=2.0).atoms())


def test_results_are_those_of_a_calculator_of_ase_and_of_these_atoms_alone(archive, emt_archive):
    from ase.calculators.singlepoint import SinglePointCalculator

    first, second, *_ = emt_archive.labels(sigma_eV=0.2).atoms()
    made = SinglePointCalculator(first, **first.calc.results)
    assert type(first.calc) is SinglePointCalculator
    assert vars(first.calc).keys() == vars(made).keys()
    assert first.calc.atoms == made.atoms == first
    first.calc.parameters["a"] = 1
    first.calc.results["energy"] = 0.0
    assert "a" not in second.calc.parameters
    assert second.get_potential_energy() != 0.0
    first.positions += 0.1
    assert first.calc.calculation_required(first, ["forces"])
    assert not second.calc.calculation_required(second, ["forces"])
    assert first.calc.todict() == made.todict() | {"a": 1}
