"""The text of one frame: exact, ASCII, and what ASE's own parser makes of it."""

from io import StringIO

import numpy as np
import pytest
from ase.io import read

from tm23flows.store.exchange.extxyz_text import frame_text

HARD = [0.1 + 0.2, -0.0, 5e-324, 1.7976931348623157e308, 1e16, 123456789.12345679]


@pytest.mark.parametrize("prefix", ["", "REF_"])
def test_hard_numbers_are_read_back_exactly(make_frame, make_label, prefix):
    frame = make_frame(positions=[[1 / 3, -0.0, 1e-300], [0.1, 1e5, 2 / 3]])
    label = make_label(frame, forces=[HARD[:3], HARD[3:]], stress=None)
    text = frame_text(frame, label, HARD[0], prefix)
    assert text.isascii()
    atoms = read(StringIO(text), format="extxyz")
    forces = atoms.arrays[f"{prefix}forces"] if prefix else atoms.get_forces()
    energy = atoms.info[f"{prefix}energy"] if prefix else atoms.get_potential_energy()
    assert forces.tobytes() == label.forces.tobytes()
    assert atoms.positions.tobytes() == frame.positions.tobytes()
    assert energy == HARD[0]
    assert np.array_equal(atoms.cell.array, frame.cell)


def test_only_known_energies_are_written(make_frame, make_label):
    frame = make_frame()
    label = make_label(frame, energies={"unspecified": -1.5})
    text = frame_text(frame, label, -1.5, "")
    assert " energy_unspecified=-1.5 " in text
    assert "energy_free" not in text
    assert text.startswith("2\nLattice=")
    assert text.count("\n") == 4


def test_one_and_several_elements(make_frame, make_label):
    for numbers, symbols in (([29, 29], ["Cu", "Cu"]), ([29, 47], ["Cu", "Ag"])):
        frame = make_frame(numbers=numbers)
        lines = frame_text(frame, make_label(frame), 0.0, "").splitlines()[2:]
        assert [line.split()[0] for line in lines] == symbols
        assert all(len(line.split()) == 7 for line in lines)
