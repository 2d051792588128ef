"""Cells of a crystal as frames: they say where they come from, and the same cell is one frame."""

import numpy as np
from ase.build import bulk

from tm23flows.documents.frame import Frame
from tm23flows.documents.structure import Crystal
from tm23flows.jobs.crystal_cells import keep_cells


def test_they_name_their_crystal_and_what_was_done(archive):
    copper = bulk("Cu")
    crystal = Crystal.from_atoms(copper, "fcc", "a textbook")
    wide = copper.copy()
    wide.set_cell(1.1 * copper.cell, scale_atoms=True)
    ids = keep_cells(crystal, [(copper, {"group": "a"}), (wide, {"group": "b"})])
    assert keep_cells(crystal, [(wide, {"group": "b"})]) == ids[1:]
    assert archive.database["frames"].count_documents({}) == 2
    frames = archive.get_many(Frame, ids)
    assert [one.tags for one in frames] == [{"group": "a"}, {"group": "b"}]
    assert frames[0].origin == frames[1].origin
    assert frames[0].trajectory_id is None
    assert frames[0].provenance.inputs["crystal"]["source"] == "a textbook"
    np.testing.assert_allclose(frames[1].cell, 1.1 * copper.cell.array)
    assert archive.trace(ids[0]).complete
