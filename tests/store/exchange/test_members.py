"""Members of archives: S8, nothing leaves the folder, nothing unpacks without end."""

import io
import stat
import tarfile
import zipfile
from contextlib import nullcontext

import pytest

from tm23flows.errors import InputError
from tm23flows.store.exchange import members
from tm23flows.store.exchange.members import take_out


def make_zip(path, content, mode=None):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in content.items():
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            if mode is not None:
                entry.external_attr = (mode | 0o644) << 16
            packed.writestr(entry, data)
    return path


def make_tar(path, content, **fields):
    with tarfile.open(path, "w:gz") as packed:
        for name, data in content.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            for key, value in fields.items():
                setattr(entry, key, value)
            packed.addfile(entry, io.BytesIO(data))
    return path


MAKERS = [make_zip, make_tar]


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "inside" / "folder"
    place.mkdir(parents=True)
    return place


def everything(name):
    return True


@pytest.mark.parametrize("make", MAKERS)
def test_wanted_members_come_out(tmp_path, folder, make):
    archive = make(tmp_path / "a", {"x/1.txt": b"one", "2.txt": b"two", "3.dat": b"no"})
    found = take_out(archive, folder, lambda name: name.endswith(".txt"))
    assert {name: path.read_bytes() for name, path in found.items()} == {
        "x/1.txt": b"one",
        "2.txt": b"two",
    }
    assert not (folder / "3.dat").exists()


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/x", "a\\..\\x", "C:/x", "~/x"])
def test_names_that_leave_the_folder_are_refused(tmp_path, folder, make, name):
    archive = make(tmp_path / "a", {"good.txt": b"one", name: b"evil"})
    with pytest.raises(InputError, match="leads out of the folder"):
        take_out(archive, folder, everything)
    assert list(folder.iterdir()) == [], "nothing is unpacked when a member is evil"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a", "inside"]


def test_links_and_devices_are_refused(tmp_path, folder):
    link = make_zip(tmp_path / "a.zip", {"link": b"/etc/passwd"}, mode=stat.S_IFLNK)
    with pytest.raises(InputError, match="link or no plain file"):
        take_out(link, folder, everything)
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
        archive = make_tar(tmp_path / "a.tar", {"link": b""}, type=kind, linkname="/etc/passwd")
        with pytest.raises(InputError, match="link or no plain file"):
            take_out(archive, folder, everything)
    assert list(folder.iterdir()) == []


def test_bombs_are_refused_while_they_unpack(tmp_path, folder, monkeypatch):
    archive = make_zip(tmp_path / "a.zip", {"bomb": bytes(20 << 20)})
    with pytest.raises(InputError, match="unpacks to far more"):
        take_out(archive, folder, everything)
    assert (folder / "bomb").stat().st_size < 20 << 20
    monkeypatch.setattr(members, "MAX_MEMBER_BYTES", 1000)
    for make in MAKERS:
        with pytest.raises(InputError, match="'big' has 2000 bytes, more than 1000"):
            take_out(make(tmp_path / "b", {"big": bytes(2000)}), folder, everything)
    monkeypatch.setattr(members, "MAX_MEMBER_BYTES", 10_000)
    monkeypatch.setattr(members, "MAX_BYTES", 3000)
    with pytest.raises(InputError, match="unpacks to more than 3000"):
        take_out(
            make_tar(tmp_path / "c", {"c1": bytes(2000), "c2": bytes(2000)}), folder, everything
        )
    monkeypatch.setattr(members, "MAX_MEMBERS", 2)
    for make in MAKERS:
        archive = make(tmp_path / "d", {str(i): b"" for i in range(3)})
        with pytest.raises(InputError, match="more than 2 members"):
            take_out(archive, folder, everything)


def test_a_size_that_lies_is_found(tmp_path, folder, monkeypatch):
    archive = make_zip(tmp_path / "a.zip", {"x": b"x" * 5000})
    data = archive.read_bytes()
    size = (5000).to_bytes(4, "little")
    archive.write_bytes(data.replace(size, (10).to_bytes(4, "little")))
    monkeypatch.setattr(members, "MAX_MEMBER_BYTES", 1000)
    try:
        found = take_out(archive, folder, everything)
    except InputError:
        return
    assert found["x"].stat().st_size <= 1000


@pytest.mark.parametrize("make", MAKERS)
def test_a_member_that_is_there_twice_is_refused(tmp_path, folder, make):
    class Twice(dict):
        def items(self):
            return [("x", b"1"), ("x", b"2")]

    with pytest.warns(UserWarning, match="Duplicate name") if make is make_zip else nullcontext():
        archive = make(tmp_path / "a", Twice())
    with pytest.raises(InputError, match="holds x twice"):
        take_out(archive, folder, everything)


def test_broken_archives_are_one_sentence(tmp_path, folder):
    whole = make_tar(tmp_path / "a.tar", {"x": bytes(range(256)) * 99}).read_bytes()
    for content in (b"", b"no archive", whole[:-60], whole[: len(whole) // 2]):
        (tmp_path / "b").write_bytes(content)
        with pytest.raises(InputError, match="no readable zip or tar file"):
            take_out(tmp_path / "b", folder, everything)
    with pytest.raises(InputError, match="no file"):
        take_out(tmp_path / "none", folder, everything)


def test_encrypted_members_are_refused(tmp_path, folder):
    archive = make_zip(tmp_path / "a.zip", {"x": b"1"})
    data = bytearray(archive.read_bytes())
    place = data.rindex(b"PK\x01\x02") + 8
    data[place] |= 1
    archive.write_bytes(data)
    with pytest.raises(InputError, match="is encrypted"):
        take_out(archive, folder, everything)
