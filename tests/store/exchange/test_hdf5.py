"""HDF5: bit by bit, with units, and refused when it is damaged."""

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tm23flows.errors import InputError, MissingDependencyError
from tm23flows.store.exchange import hdf5


@settings(max_examples=30)
@given(data=st.data())
def test_any_numbers_and_words_come_back(
    tmp_path_factory, any_records, through_file, assert_same, data
):
    pairs = data.draw(any_records)
    assert_same(through_file("hdf5", tmp_path_factory.mktemp("h5"), pairs), pairs)


def test_batches_join_without_a_seam(tmp_path, pairs, through_file, assert_same, monkeypatch):
    monkeypatch.setattr(hdf5, "BATCH", 3)
    assert_same(through_file("hdf5", tmp_path, pairs), pairs)


def test_other_programs_find_numbers_and_units(tmp_path, pairs, write_file):
    path = write_file("hdf5", tmp_path, pairs, energy="sigma0")
    with h5py.File(path) as file:
        first, end = file["offset"][1:3]
        frame, label = pairs[1]
        assert np.array_equal(file["forces"][first:end], label.forces)
        assert np.array_equal(file["numbers"][first:end], frame.numbers)
        assert file["energy"][1] == label.energies.sigma0
        assert np.isnan(file["stress"][2]).all()
        assert np.isnan(file["energy_unspecified"][()]).all()
        assert file["forces"].attrs["unit"] == "eV/angstrom"
        assert file["stress"].attrs["unit"].startswith("eV/angstrom^3, positive under tension")


@pytest.mark.parametrize("what", ["forces", "positions", "energy", "stress"])
def test_a_number_that_was_edited_is_found(tmp_path, pairs, write_file, what):
    path = write_file("hdf5", tmp_path, pairs)
    with h5py.File(path, "a") as file:
        file[what][3] = file[what][3] + 0.01
    with pytest.raises(InputError, match="was changed in the file"):
        list(hdf5.read(path))


def test_files_that_are_none_of_ours_are_refused(tmp_path):
    path = tmp_path / "x.h5"
    path.write_bytes(b"no HDF5")
    with pytest.raises(InputError, match="not a readable HDF5 file"):
        list(hdf5.read(path))
    with h5py.File(path, "w") as file:
        file["forces"] = [1.0]
    with pytest.raises(InputError, match="not written by 'tm23 export'"):
        list(hdf5.read(path))


def test_a_label_without_the_energy_is_refused(tmp_path, pairs, write_file):
    with pytest.raises(InputError, match="'unspecified' of a label is not known"):
        write_file("hdf5", tmp_path, pairs, energy="unspecified")


def test_without_h5py_it_says_so(tmp_path, pairs, write_file, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    with pytest.raises(MissingDependencyError, match=r"tm23flows\[exchange\]"):
        write_file("hdf5", tmp_path, pairs)
