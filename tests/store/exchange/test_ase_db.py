"""ASE's database: what ASE reads, and what comes back bit by bit."""

import sqlite3

import numpy as np
import pytest
from ase.build import bulk
from ase.db import connect
from hypothesis import given, settings
from hypothesis import strategies as st

from tm23flows.errors import InputError
from tm23flows.store.exchange import ase_db


@settings(max_examples=15)
@given(data=st.data())
def test_any_numbers_and_words_come_back(
    tmp_path_factory, any_records, through_file, assert_same, data
):
    pairs = data.draw(any_records)
    assert_same(through_file("ase-db", tmp_path_factory.mktemp("db"), pairs), pairs)


@pytest.mark.parametrize("energy", ["free", "sigma0"])
def test_ase_reads_energies_forces_and_stress(tmp_path, pairs, write_file, energy):
    path = write_file("ase-db", tmp_path, pairs, energy=energy)
    rows = list(connect(path).select())
    for row, (frame, label) in zip(rows, pairs, strict=True):
        atoms = row.toatoms()
        assert atoms.get_potential_energy() == getattr(label.energies, energy)
        assert atoms.get_potential_energy(force_consistent=True) == label.energies.free
        assert np.array_equal(atoms.get_forces(), label.forces)
        assert np.array_equal(atoms.positions, frame.positions)
        assert row.label_id == label.id
        assert row.energy_sigma0 == label.energies.sigma0
        if label.stress is not None:
            assert np.array_equal(atoms.get_stress(), label.stress)
    assert [row.step for row in connect(path).select("step>4")] == [5, 6, 10]


@pytest.mark.parametrize("column", ["energy", "forces", "positions", "stress"])
def test_a_number_that_was_edited_is_found(tmp_path, pairs, write_file, column):
    path = write_file("ase-db", tmp_path, pairs)
    value = 7.5 if column == "energy" else np.full(6, 7.5).tobytes()
    with sqlite3.connect(path) as database:
        database.execute(f"UPDATE systems SET {column}=? WHERE id=2", (value,))
    with pytest.raises(InputError, match=r"Row 2 of labels.db .* was changed"):
        list(ase_db.read(path))


def test_files_that_are_none_of_ours_are_refused(tmp_path):
    path = tmp_path / "x.db"
    with pytest.raises(InputError, match="no file"):
        list(ase_db.read(path))
    path.write_bytes(b"no database, but long enough to be looked at as one" * 20)
    with pytest.raises(InputError, match="no database of ASE"):
        list(ase_db.read(path))
    path.unlink()
    with connect(path) as database:
        database.write(bulk("Cu"))
    with pytest.raises(InputError, match=r"Row 1 .* not written by 'tm23 export'"):
        list(ase_db.read(path))


def test_an_empty_database_is_refused(tmp_path):
    path = tmp_path / "x.db"
    connect(path).metadata = {"title": "nothing"}
    with pytest.raises(InputError, match="holds no frame"):
        list(ase_db.read(path))
