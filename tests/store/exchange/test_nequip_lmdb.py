"""NequIP's LMDB: what NequIP's own classes read, and nothing read before its checksum is right."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tm23flows.errors import InputError, MissingDependencyError
from tm23flows.store.exchange import nequip_lmdb
from tm23flows.store.exchange.manifest import manifest_path

pytest.importorskip("nequip", reason="NequIP is not installed")
pytestmark = pytest.mark.nequip


@settings(max_examples=15)
@given(data=st.data())
def test_any_numbers_and_words_come_back(
    tmp_path_factory, any_records, through_file, assert_same, data
):
    pairs = data.draw(any_records)
    assert_same(through_file("lmdb", tmp_path_factory.mktemp("lmdb"), pairs), pairs)


def test_nequip_reads_batches_as_it_reads_extended_xyz(tmp_path, pairs, write_file):
    import torch
    from nequip.data import AtomicDataDict
    from nequip.data.dataset import ASEDataset, NequIPLMDBDataset
    from nequip.data.transforms import ChemicalSpeciesToAtomTypeMapper, NeighborListTransform

    whole = [pair for pair in pairs if pair[1].stress is not None]
    path = write_file("lmdb", tmp_path, whole, energy="sigma0")
    (tmp_path / "xyz").mkdir()
    xyz = write_file("extxyz", tmp_path / "xyz", whole, energy="sigma0")
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        transforms = [ChemicalSpeciesToAtomTypeMapper(["Cu", "Ag"]), NeighborListTransform(3.0)]
        ours = NequIPLMDBDataset(str(path), transforms=transforms)
        theirs = ASEDataset(str(xyz), transforms=transforms)
        assert len(ours) == len(theirs) == 6
        assert list(ours.get_metadata("num_atoms_per_entry")) == [2] * 6
        one, other = (
            AtomicDataDict.batched_from_list([data[i] for i in range(6)]) for data in (ours, theirs)
        )
    finally:
        torch.set_default_dtype(default)
    assert set(one) <= set(other) | {"free_energy"}
    for key, value in one.items():
        assert value.dtype == other[key].dtype, key
        assert torch.equal(value, other[key]), key


def test_the_stress_is_the_full_tensor_with_ases_sign(tmp_path, pairs, write_file):
    from nequip.data.dataset import NequIPLMDBDataset

    path = write_file("lmdb", tmp_path, pairs)
    data = NequIPLMDBDataset(str(path))
    xx, yy, zz, yz, xz, xy = pairs[0][1].stress
    full = [[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]
    assert np.array_equal(data[0]["stress"].numpy(), [full])
    assert np.isnan(data[2]["stress"].numpy()).all(), "all frames have the same keys"


def test_long_documents_and_large_cells_fit(
    tmp_path, make_frame, make_label, through_file, assert_same
):
    rng = np.random.default_rng(0)
    frame = make_frame(
        numbers=[29] * 5000, positions=rng.normal(0, 9, (5000, 3)), tags={"long": "x" * 9_000_000}
    )
    pairs = [(frame, make_label(frame))]
    assert_same(through_file("lmdb", tmp_path, pairs), pairs)


EVIL = b"cos\nsystem\n(S'touch %s'\ntR."


def test_what_is_in_a_changed_file_never_runs(tmp_path, pairs, write_file):
    import lmdb

    path, marker = write_file("lmdb", tmp_path, pairs), tmp_path / "ran"
    with (
        lmdb.open(str(path), subdir=False, map_size=1 << 24) as store,
        store.begin(write=True) as transaction,
    ):
        transaction.put(b"0", EVIL % str(marker).encode())
        transaction.put(b"__metadata__", EVIL % str(marker).encode())
    with pytest.raises(InputError, match="not the file that its manifest describes"):
        list(nequip_lmdb.read(path))
    manifest_path(path).unlink()
    with pytest.raises(InputError, match=r"has no manifest .* run as a program"):
        list(nequip_lmdb.read(path))
    assert not marker.exists()


def test_files_that_are_none_of_ours_are_refused(tmp_path, pairs, write_file, manifest_of):
    import lmdb

    path = write_file("lmdb", tmp_path, pairs)
    with (
        lmdb.open(str(path), subdir=False, map_size=1 << 24) as store,
        store.begin(write=True) as transaction,
    ):
        transaction.delete(b"tm23:3")
    manifest_path(path).write_text(manifest_of(path).model_dump_json())
    with pytest.raises(InputError, match="not written by 'tm23 export'"):
        list(nequip_lmdb.read(path))


def test_without_nequip_it_says_so(tmp_path, pairs, write_file, monkeypatch):
    monkeypatch.setitem(sys.modules, "lmdb", None)
    with pytest.raises(MissingDependencyError, match=r"tm23flows\[nequip\]"):
        write_file("lmdb", tmp_path, pairs)
