"""Packs: what is in, what is not, and that nothing is lost on the way."""

import gzip
import hashlib
import tarfile

import pytest

from tm23flows.engines.vasp import packing
from tm23flows.engines.vasp.packing import is_packed, pack, read_back
from tm23flows.errors import TM23Error

KEPT = {
    "INCAR": b"NSW = 0\n",
    "POTCAR.spec": b"Cu\n",
    "vasprun.xml": b"<modeling>" * 1000,
    "OUTCAR": bytes(range(256)) * 50,
    "error.1.tar.gz": b"of an attempt",
}
LEFT_OUT = ("POTCAR", "POTCAR.orig", "POTCAR.gz", "WAVECAR", "CHGCAR", "CHG", "EIGENVAL", "DOSCAR")
SECRET = b"licensed marker text"


@pytest.fixture
def folders(tmp_path):
    made = [tmp_path / "label-0001", tmp_path / "label-0002"]
    for folder in made:
        folder.mkdir()
        for name, content in KEPT.items():
            (folder / name).write_bytes(content)
        for name in LEFT_OUT:
            (folder / name).write_bytes(SECRET * 10)
        (folder / "link").symlink_to("POTCAR")
    return made


def digest(content):
    return hashlib.sha256(content).hexdigest()


def test_a_pack_has_the_slim_files_of_all_folders_and_replaces_them(folders, tmp_path):
    packed = pack(tmp_path, [*folders, tmp_path / "never made"])
    expected = {
        f"{one.name}/{name}": digest(text) for one in folders for name, text in KEPT.items()
    }
    assert packed.members == expected == read_back(packed.path)
    assert packed.sha256 == digest(packed.path.read_bytes())
    assert sorted(tmp_path.iterdir()) == [packed.path]
    with tarfile.open(packed.path) as tar:
        for member in tar:
            content = tar.extractfile(member).read()
            assert content == KEPT[member.name.partition("/")[2]]
            assert SECRET not in content


@pytest.mark.parametrize("name", LEFT_OUT)
def test_licensed_and_large_files_are_left_out(name):
    assert not is_packed(name)
    assert is_packed(f"my{name}")


def test_a_second_pack_leaves_the_first_alone(folders, tmp_path):
    first = pack(tmp_path, folders[:1])
    second = pack(tmp_path, folders[1:])
    assert first.path != second.path
    assert set(read_back(first.path)) == set(first.members)
    assert set(read_back(second.path)) == set(second.members)


def test_nothing_to_pack_is_no_pack(tmp_path):
    assert pack(tmp_path, []) is None
    assert pack(tmp_path, [tmp_path / "never made"]) is None
    assert list(tmp_path.iterdir()) == []


def test_a_pack_that_is_cut_anywhere_is_refused(folders, tmp_path):
    packed = pack(tmp_path, folders)
    content = packed.path.read_bytes()
    cut = tmp_path / "cut.tar.gz"
    for size in range(0, len(content), max(1, len(content) // 60)):
        cut.write_bytes(content[:size])
        with pytest.raises(TM23Error, match="damaged"):
            read_back(cut)


def test_a_damaged_pack_is_refused_or_seen_to_differ(folders, tmp_path):
    packed = pack(tmp_path, folders)
    content = packed.path.read_bytes()
    broken = tmp_path / "broken.tar.gz"
    refused = 0
    for place in range(0, len(content), max(1, len(content) // 60)):
        flipped = bytes([content[place] ^ 0x10])
        broken.write_bytes(content[:place] + flipped + content[place + 1 :])
        try:
            same = read_back(broken) == packed.members
        except TM23Error:
            refused += 1
            continue
        # Some bits of gzip mean nothing.
        assert not same or gzip.decompress(broken.read_bytes()) == gzip.decompress(content)
    assert refused > 45


def assert_kept(folders, tmp_path):
    for folder in folders:
        assert {path.name for path in folder.iterdir()} == {*KEPT, *LEFT_OUT, "link"}
    assert not list(tmp_path.glob("*.tar.gz*"))


def test_a_pack_that_reads_back_otherwise_keeps_the_folders(folders, tmp_path, monkeypatch):
    monkeypatch.setattr(packing, "read_back", lambda path: {"label-0001/INCAR": "00"})
    with pytest.raises(TM23Error, match="kept"):
        pack(tmp_path, folders)
    assert_kept(folders, tmp_path)


def test_a_disk_that_fills_up_keeps_the_folders(folders, tmp_path, monkeypatch):
    def full(self, *args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tarfile.TarFile, "addfile", full)
    with pytest.raises(TM23Error, match="No space left"):
        pack(tmp_path, folders)
    assert_kept(folders, tmp_path)
