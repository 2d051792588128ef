"""The job of a vacancy's cells: frames that say what they are."""

import numpy as np
import pytest
from ase.build import bulk

from tm23flows.documents.frame import Frame
from tm23flows.documents.structure import Crystal
from tm23flows.errors import InputError
from tm23flows.jobs.vacancy import cut_vacancy

CRYSTAL = Crystal.from_atoms(bulk("Cu"), "fcc", "a test").model_dump(mode="json")


def test_the_perfect_cell_comes_first_and_both_say_what_they_are(archive):
    frame_ids = cut_vacancy.original(CRYSTAL, [2, 2, 2])["frame_ids"]
    perfect, holed = archive.get_many(Frame, frame_ids)
    assert [len(one.numbers) for one in (perfect, holed)] == [32, 31]
    assert perfect.tags == {"group": "vacancy", "cell": "perfect", "multiples": [2, 2, 2]}
    assert holed.tags["cell"] == "one atom less"
    assert np.array_equal(holed.positions, perfect.positions[1:])
    assert perfect.origin == holed.origin
    assert perfect.trajectory_id is None
    assert cut_vacancy.original(CRYSTAL, [2, 2, 2])["frame_ids"] == frame_ids
    assert archive.database["frames"].count_documents({}) == 2


def test_a_supercell_that_cannot_be_is_refused(archive):
    with pytest.raises(InputError, match="three multiples"):
        cut_vacancy.original(CRYSTAL, [2, 2])
    assert archive.database["frames"].count_documents({}) == 0
