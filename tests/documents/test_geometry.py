"""Geometries become atoms and back without loss."""

import numpy as np


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
