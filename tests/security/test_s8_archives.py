"""S8: an evil archive in an import writes nothing outside, and stores nothing."""

import io
import stat
import tarfile
import zipfile

import pytest

from tm23flows.errors import InputError
from tm23flows.store.exchange.members import take_out
from tm23flows.store.files import import_files

GOOD = "benchmarking_master_collection/Cu_cold_nequip_test.xyz"
WORDS = {"metal": "Cu", "stress": "none"}


def bomb(packed):
    packed.writestr(GOOD, bytes(50 << 20))


def link(packed):
    entry = zipfile.ZipInfo("Cu_warm_nequip_test.xyz")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    packed.writestr(entry, "/etc/passwd")


def outside(name):
    return lambda packed: packed.writestr(name, "1\n\nCu 0 0 0\n")


EVIL = {
    "unpacks to far more": bomb,
    "link or no plain file": link,
    "leads out of the folder": outside("../Cu_warm_nequip_test.xyz"),
    "leads out": outside("/tmp/Cu_warm_nequip_test.xyz"),
}


@pytest.mark.parametrize("why", EVIL)
def test_an_evil_archive_is_refused(archive, tmp_path, why):
    text = io.BytesIO()
    with zipfile.ZipFile(text, "w", zipfile.ZIP_DEFLATED) as packed:
        EVIL[why](packed)
    path = tmp_path / "inside" / "evil.zip"
    path.parent.mkdir()
    path.write_bytes(text.getvalue())
    with pytest.raises(InputError, match=why):
        import_files(archive, [path], "x", "tm23", WORDS)
    assert [one.name for one in tmp_path.rglob("*")] == ["inside", "evil.zip"]
    assert archive.database["frames"].count_documents({}) == 0


def entry(name, kind=tarfile.REGTYPE, target="", size=0):
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.size = kind, target, size
    return made


INSIDE = "Cu_warm_nequip_test.xyz"
EVIL_TAR = {
    "leads out of the folder": [entry("../" + INSIDE)],
    "leads out": [entry("/tmp/" + INSIDE)],
    "d' is a link or no plain file": [
        entry("d", tarfile.SYMTYPE, "/tmp"), entry("d/" + INSIDE, size=4)
    ],
    "is a link or no plain file": [entry(INSIDE, tarfile.LNKTYPE, "../../x")],
    "no plain file": [entry(INSIDE, tarfile.CHRTYPE)],
    "or no plain file": [entry(INSIDE, tarfile.FIFOTYPE)],
    "unpacks to far more than it may": [entry(f"{n}.xyz", size=9 << 20) for n in range(3)],
}  # fmt: skip


@pytest.mark.parametrize("why", EVIL_TAR)
def test_an_evil_tar_is_refused(tmp_path, why):
    path, folder = tmp_path / "evil.tar.gz", tmp_path / "inside"
    folder.mkdir()
    with tarfile.open(path, "w:gz") as packed:
        for one in EVIL_TAR[why]:
            packed.addfile(one, io.BytesIO(bytes(one.size)))
    with pytest.raises(InputError, match=why):
        take_out(path, folder, lambda _name: True)
    assert sorted(one.name for one in tmp_path.rglob("*")) == ["evil.tar.gz", "inside"]


def test_ten_gigabytes_of_nothing_are_not_unpacked(tmp_path):
    """What says that it has ten gigabytes is refused before one of them is read."""
    path = tmp_path / "evil.tar"
    with tarfile.open(path, "w") as packed:
        packed.addfile(entry(INSIDE))
    data = bytearray(path.read_bytes())
    header = entry(INSIDE, size=10 << 30).tobuf(tarfile.GNU_FORMAT)
    data[: len(header)] = header
    path.write_bytes(data)
    with pytest.raises(InputError, match="unpacks to far more"):
        take_out(path, tmp_path, lambda _name: True)
    assert list(tmp_path.iterdir()) == [path]
