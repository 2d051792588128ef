"""Displaced cells as frames, and their labels, which must all be there."""

import numpy as np
import pytest
from ase.build import bulk

from tm23flows.documents.frame import Frame
from tm23flows.documents.recipe import Recipe
from tm23flows.documents.structure import Crystal
from tm23flows.errors import InputError, PhysicsError
from tm23flows.jobs.displaced_cells import (
    displace_crystal,
    displaced_label_ids,
    displaced_labels,
)
from tm23flows.jobs.label import label_frames
from tm23flows.science.elasticity import standard_crystal

EMT = Recipe(engine="emt").model_dump(mode="json")


@pytest.fixture
def crystal():
    atoms = standard_crystal(bulk("Cu", "hcp", a=2.54, c=4.145))
    return Crystal.from_atoms(atoms, "hcp", "a test").model_dump(mode="json")


def test_cells_are_frames_that_say_what_they_are(archive, crystal):
    (key,) = displace_crystal.original(crystal, [2, 2, 2], 0.02, 1)["frame_ids"]
    frame = archive.get(Frame, key)
    assert frame.tags == {"group": "phonons", "cell": "1/1"}
    assert frame.element == "Cu"
    assert frame.trajectory_id is None
    assert len(frame.numbers) == 16
    assert frame.cell == pytest.approx(2 * np.array(crystal["cell"]))
    sites = Crystal.model_validate(crystal).atoms.repeat(2)
    inverse = np.linalg.inv(frame.cell)
    apart = (frame.positions[:, None] - sites.positions[None]) @ inverse
    distances = np.linalg.norm((apart - np.rint(apart)) @ frame.cell, axis=2).min(axis=1)
    assert np.sort(distances) == pytest.approx([0] * 15 + [0.02], abs=1e-8)
    assert [one.id for one in archive.frames(tag="group=phonons")] == [key]


def test_a_crystal_of_other_symmetry_than_planned_is_refused(archive, crystal):
    with pytest.raises(PhysicsError, match="needs 1 displaced cells and not the 2"):
        displace_crystal.original(crystal, [2, 2, 2], 0.02, 2)
    assert not list(archive.frames(tag="group=phonons"))


def test_labels_are_found_again_and_missing_ones_are_said(archive, crystal):
    frames = displace_crystal.original(crystal, [2, 2, 2], 0.02, 1)["frame_ids"]
    with pytest.raises(PhysicsError, match="Of 1 displaced cells of Cu 1 have no label"):
        displaced_labels(archive, "Cu", displaced_label_ids(frames, ["a" * 64]))
    recipe = label_frames(frames, [EMT], 0, 0)["recipe_id"]
    (label,) = displaced_labels(archive, "Cu", displaced_label_ids(frames, [recipe, recipe]))
    assert label.frame_id == frames[0]
    with pytest.raises(InputError, match="one recipe"):
        displaced_label_ids(frames, [recipe, "other"])
