"""The container of a dump: what goes in comes out, and nothing else gets through."""

import io
import lzma
import tarfile
import tracemalloc
from random import Random

import pytest

from tm23flows.errors import InputError
from tm23flows.store.exchange import dump_members
from tm23flows.store.exchange.dump_members import iterate_members, member_writer

PARTS = {
    "manifest.json": b"{}",
    "empty": b"",
    "block": b"x" * 512,
    "odd": Random(0).randbytes(1_100_001),
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "any.tar.xz"


def written(path, parts=PARTS):
    with member_writer(path) as writer:
        for name, data in parts.items():
            writer.add_bytes(name, data)
    return path.read_bytes()


def read(path):
    return {one.name: b"".join(one.pieces()) for one in iterate_members(path)}


def packed_tar(path, fill):
    with lzma.open(path, "wb") as file, tarfile.open(fileobj=file, mode="w") as tar:
        fill(tar)


def test_what_goes_in_comes_out_and_tar_reads_it_too(path):
    written(path)
    assert read(path) == PARTS
    with tarfile.open(path) as tar:
        assert tar.getnames() == list(PARTS)
        assert tar.extractfile("odd").read() == PARTS["odd"]


def test_the_same_members_are_the_same_bytes(path, tmp_path):
    assert written(path) == written(tmp_path / "again.tar.xz")


def test_members_that_nobody_reads_are_passed_over(path):
    written(path)
    names = [(one.name, one.read(1)) for one in iterate_members(path)]
    assert names == [
        ("manifest.json", b"{"),
        ("empty", b""),
        ("block", b"x"),
        ("odd", PARTS["odd"][:1]),
    ]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE,
                                  tarfile.FIFOTYPE, tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])  # fmt: skip
def test_only_plain_files_are_members(path, kind):
    def fill(tar):
        entry = tarfile.TarInfo("strange")
        entry.type, entry.linkname = kind, "/etc/passwd"
        tar.addfile(entry)

    packed_tar(path, fill)
    with pytest.raises(InputError, match="no plain file"):
        read(path)


@pytest.mark.parametrize("size", [-1, -5])
def test_a_member_of_less_than_no_bytes_is_refused(path, size):
    header = bytearray(tarfile.TarInfo("strange").tobuf(tarfile.USTAR_FORMAT))
    header[124:136] = tarfile.itn(size, 12, tarfile.GNU_FORMAT)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header[:512])
    path.write_bytes(lzma.compress(bytes(header) + bytes(10_240)))
    with pytest.raises(InputError, match="no length"):
        read(path)


def test_a_file_that_is_cut_anywhere_or_changed_is_refused(path):
    data = written(path)
    for length in (0, 5, 30, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:length])
        with pytest.raises(InputError):
            read(path)
    changed = bytearray(data)
    changed[len(data) // 2] ^= 1
    path.write_bytes(changed)
    with pytest.raises(InputError):
        read(path)


@pytest.mark.parametrize("more", [b"more", lzma.compress(b"more")])
def test_nothing_may_come_after_the_end(path, more):
    path.write_bytes(written(path) + more)
    with pytest.raises(InputError, match="goes on after its end"):
        read(path)


def test_nothing_may_be_hidden_after_the_last_member(path):
    tar = io.BytesIO()
    tarfile.open(fileobj=tar, mode="w").close()
    path.write_bytes(lzma.compress(tar.getvalue() + b"hidden"))
    with pytest.raises(InputError, match="after its last member"):
        read(path)


def test_a_bomb_is_refused_before_it_fills_the_memory(path):
    bomb = tarfile.TarInfo("bomb")
    bomb.size = 40_000_000
    with lzma.open(path, "wb", preset=0) as file:
        file.write(bomb.tobuf(tarfile.USTAR_FORMAT))
        for _ in range(4):
            file.write(bytes(10_000_000))
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match="far more than it may"):
            list(iterate_members(path))
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_a_file_that_wants_much_memory_is_refused(path, monkeypatch):
    written(path)
    monkeypatch.setattr(dump_members, "MAX_UNPACKING_BYTES", 1_000_000)
    with pytest.raises(InputError, match=r"[Mm]emory"):
        read(path)
