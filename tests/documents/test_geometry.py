"""Geometries become atoms and back without loss."""

import numpy as np
import pytest
from pydantic import ValidationError

from tm23flows.documents.geometry import MAX_ATOMS


def test_atoms_are_the_geometry(make_frame):
    frame = make_frame(3)
    atoms = frame.atoms
    assert atoms.pbc.all()
    assert atoms.calc is None
    for name, found in (("numbers", atoms.numbers), ("cell", atoms.cell.array)):
        np.testing.assert_array_equal(getattr(frame, name), found)
    np.testing.assert_array_equal(frame.positions, atoms.positions)


def test_moving_the_atoms_leaves_the_document_alone(make_frame):
    frame = make_frame(3)
    before = frame.positions.copy()
    frame.atoms.positions += 1
    np.testing.assert_array_equal(frame.positions, before)


def test_a_cell_that_no_document_holds_is_refused_at_once(make_frame):
    with pytest.raises(ValidationError, match=f"at most {MAX_ATOMS}"):
        make_frame(
            numbers=np.full(MAX_ATOMS + 1, 29),
            positions=np.zeros((MAX_ATOMS + 1, 3)),
            cell=np.eye(3),
        )
