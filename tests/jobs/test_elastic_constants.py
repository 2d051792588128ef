"""The jobs of elastic constants: frames that are stored, labels that must be there."""

import numpy as np
import pytest
from ase.build import bulk

from tm23flows.documents.elastic_constants import ElasticConstants
from tm23flows.documents.frame import Frame
from tm23flows.documents.label import Label
from tm23flows.documents.recipe import Recipe
from tm23flows.documents.structure import Crystal
from tm23flows.errors import InputError, PhysicsError
from tm23flows.jobs.elastic_constants import (
    checked_constants,
    fit_elastic_constants,
    keep_elastic_constants,
    strain_crystal,
)
from tm23flows.jobs.label import label_frames
from tm23flows.science.elasticity import standard_crystal

EMT = Recipe(engine="emt", kmesh=(4, 4, 4)).model_dump(mode="json")
STEPS = (0.005, 0.01)
GIVEN = (np.diag([100.0, 100, 100, 50, 50, 50]) + np.pad(np.full((3, 3), 60.0), (0, 3))).tolist()


@pytest.fixture
def crystal():
    atoms = standard_crystal(bulk("Cu", "hcp", a=2.54, c=4.145))
    return Crystal.from_atoms(atoms, "hcp", "a test").model_dump(mode="json")


def strained_and_labelled(crystal):
    frame_ids = strain_crystal.original(crystal, *STEPS)["frame_ids"]
    recipe = label_frames(frame_ids, [EMT], 0, 0)["recipe_id"]
    return frame_ids, recipe


def test_cells_are_frames_that_say_what_they_are(archive, crystal):
    frame_ids = strain_crystal.original(crystal, *STEPS)["frame_ids"]
    frames = archive.get_many(Frame, frame_ids)
    assert len(set(frame_ids)) == 19
    assert frames[0].tags == {"group": "elastic-constants", "probe": "at rest"}
    assert {one.element for one in frames} == {"Cu"}
    assert len({one.origin for one in frames}) == 1
    assert frames[0].positions == pytest.approx(np.array(crystal["positions"]))
    moved = frames[1].positions - frames[0].positions
    assert moved[0] == pytest.approx([0.01, 0, 0])
    assert np.linalg.det(frames[-12].cell) == pytest.approx(
        1.005 * np.linalg.det(frames[0].cell), rel=1e-9
    )
    assert len(list(archive.frames(tag="group=elastic-constants"))) == 19


def test_labels_become_constants_with_a_past(archive, crystal):
    frame_ids, recipe = strained_and_labelled(crystal)
    out = fit_elastic_constants.original(frame_ids, [recipe], crystal, *STEPS)
    found = archive.get(ElasticConstants, out["elastic_constants_id"])
    assert out["cauchy_pressure_eV_per_A3"] == found.cauchy_pressure_eV_per_A3
    assert found.constants_eV_per_A3[0, 0] < found.clamped_eV_per_A3[0, 0]
    assert found.residual_force_eV_per_A < 1e-9
    assert found.residual_stress_eV_per_A3 == pytest.approx(
        np.abs(archive.get(Label, found.label_ids[0]).stress).max()
    )
    past = archive.trace(found.id)
    assert past.complete
    assert {level.collection: level.count for level in past.levels}["labels"] == 19


def test_a_cell_without_a_label_is_named(archive, crystal):
    frame_ids, recipe = strained_and_labelled(crystal)
    lost = archive.database["labels"].delete_one({"frame_id": frame_ids[-1]})
    assert lost.deleted_count == 1
    with pytest.raises(PhysicsError, match=r"Of 19 cells of Cu 1 have no label.*strain -xy"):
        fit_elastic_constants.original(frame_ids, [recipe], crystal, *STEPS)
    with pytest.raises(InputError, match="one recipe"):
        fit_elastic_constants.original(frame_ids, [recipe, "other"], crystal, *STEPS)


def test_given_constants_are_kept_with_their_source(archive):
    out = keep_elastic_constants.original("Cu", GIVEN, "a book")
    found = archive.get(ElasticConstants, out["elastic_constants_id"])
    assert found.source == "a book"
    # 10 GPa are 0.0624 eV/A^3.
    assert found.cauchy_pressure_eV_per_A3 == pytest.approx(10 / 160.21766, rel=1e-6)
    assert archive.trace(found.id).complete


@pytest.mark.parametrize(
    ("given", "source", "why"),
    [
        ([[1, 2], [3, 4]], "a book", "6 rows of 6"),
        ("abc", "a book", "no numbers"),
        (np.full((6, 6), np.nan).tolist(), "a book", "6 rows of 6"),
        (np.triu(np.ones((6, 6))).tolist(), "a book", "not symmetric"),
        (GIVEN, " ", "need a source"),
    ],
    ids=str,
)
def test_what_cannot_be_constants_is_refused(given, source, why):
    with pytest.raises(InputError, match=why):
        checked_constants("Cu", given, source)
