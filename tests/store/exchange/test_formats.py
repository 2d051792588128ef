"""The list of formats: every one is complete and found by its name or by a file's."""

from pathlib import Path

import pytest

from tm23flows.errors import InputError
from tm23flows.store.exchange.formats import FORMATS, format_named, format_of


def test_the_formats_of_the_command_line():
    assert list(FORMATS) == ["extxyz", "ase-db", "lmdb", "parquet", "hdf5"]
    with pytest.raises(InputError, match="no format 'cif'; use extxyz, ase-db"):
        format_named("cif")


def test_a_files_name_means_one_format():
    ends = [suffix for one in FORMATS.values() for suffix in one.suffixes]
    assert len(set(ends)) == len(ends)
    for one in FORMATS.values():
        for suffix in one.suffixes:
            assert format_of(Path(f"a/b{suffix.upper()}")) is one
    assert format_of(Path("POSCAR")) is None


def test_every_format_says_what_is_exact():
    for one in FORMATS.values():
        assert "float64" in one.exact
