"""S8: an evil archive in an import writes nothing outside, and stores nothing."""

import io
import stat
import zipfile

import pytest

from tm23flows.errors import InputError
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
