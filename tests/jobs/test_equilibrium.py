"""The jobs that bring a lattice to rest: frames that are stored, labels that must be there."""

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT

from tm23flows.documents.frame import Frame
from tm23flows.documents.label import Label
from tm23flows.documents.recipe import Recipe
from tm23flows.documents.structure import Crystal
from tm23flows.errors import InputError, PhysicsError
from tm23flows.jobs.equilibrium import find_equilibrium, scan_lattice
from tm23flows.jobs.label import label_frames
from tm23flows.science.elasticity import standard_crystal
from tm23flows.science.lattice_scan import AXIAL_RATIOS, VOLUMES

EMT_RECIPE = Recipe(engine="emt", kmesh=(4, 4, 4)).model_dump(mode="json")
CELLS = (list(VOLUMES), list(AXIAL_RATIOS))


def crystal(a_A=2.56, c_A=4.15):
    atoms = standard_crystal(bulk("Cu", "hcp", a=a_A, c=c_A))
    return Crystal.from_atoms(atoms, "hcp", "a test").model_dump(mode="json")


def labelled(given):
    frame_ids = scan_lattice.original(given, *CELLS)["frame_ids"]
    return frame_ids, label_frames(frame_ids, [EMT_RECIPE], 0, 0)["recipe_id"]


def test_cells_are_frames_that_say_what_they_are(archive):
    frame_ids = scan_lattice.original(crystal(), *CELLS)["frame_ids"]
    frames = archive.get_many(Frame, frame_ids)
    assert len(set(frame_ids)) == 35
    assert frames[0].tags == {"group": "lattice", "shape": "V 0.91, c/a 0.96"}
    assert frames[0].trajectory_id is None
    volumes = [np.linalg.det(one.cell) for one in (frames[0], frames[-1])]
    assert volumes[1] / volumes[0] == pytest.approx(1.09 / 0.91, rel=1e-6)


def test_the_crystal_at_rest_has_no_stress_and_names_its_labels(archive):
    frame_ids, recipe = labelled(crystal())
    found = find_equilibrium.original(frame_ids, [recipe], crystal(), *CELLS)
    at_rest = Crystal.model_validate(found["crystal"])
    atoms = at_rest.atoms
    atoms.calc = EMT()
    # 0.0005 eV/A^3 are 80 MPa, or 0.02 % of a lattice constant.
    assert np.abs(atoms.get_stress()).max() < 5e-4
    assert found["energy_eV_per_atom"] == pytest.approx(atoms.get_potential_energy() / 2, abs=1e-5)
    assert found["volume_A3_per_atom"] == pytest.approx(atoms.get_volume() / 2)
    assert found["largest_force_eV_per_A"] < 1e-6
    assert at_rest.phase == "hcp"
    assert at_rest.details["recipe_id"] == recipe
    assert at_rest.details["label_ids"] == found["label_ids"]
    assert len(archive.get_many(Label, found["label_ids"])) == 35


def test_a_round_that_finds_an_edge_goes_on_from_it_and_the_last_one_fails(archive):
    far = crystal(2.85, 4.62)
    frame_ids, recipe = labelled(far)
    found = find_equilibrium.original(frame_ids, [recipe], far, *CELLS, final=False)
    assert set(found) == {"crystal", "recipe_id", "label_ids", "reason"}
    assert "no minimum" in found["reason"]
    there = Crystal.model_validate(found["crystal"]).atoms
    given = Crystal.model_validate(far).atoms
    assert there.get_volume() == pytest.approx(0.91 * given.get_volume())
    with pytest.raises(PhysicsError, match="no minimum"):
        find_equilibrium.original(frame_ids, [recipe], far, *CELLS)


def test_a_cell_without_a_label_is_named(archive):
    frame_ids, recipe = labelled(crystal())
    archive.database["labels"].delete_one({"frame_id": frame_ids[3]})
    with pytest.raises(PhysicsError, match=r"Of 35 cells of Cu 1 have no label.*V 0.91, c/a 1.02"):
        find_equilibrium.original(frame_ids, [recipe], crystal(), *CELLS)
    with pytest.raises(InputError, match="one recipe"):
        find_equilibrium.original(frame_ids, [recipe, "other"], crystal(), *CELLS)
