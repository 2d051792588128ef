"""Bytes of a file: plain and compressed are the same, and what is no vasprun.xml is refused."""

import gzip
import os

import pytest

from tm23flows.engines.vasp import chunks
from tm23flows.engines.vasp.chunks import first_bytes, read_chunks
from tm23flows.errors import InputError

BODY = b"<modeling>" + os.urandom(300_000).hex().encode()


def write(folder, content):
    path = folder / "vasprun.xml"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("size", [1 << 18, 1000, 40])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_all_bytes_come_back(tmp_path, monkeypatch, size, pack):
    monkeypatch.setattr(chunks, "CHUNK_BYTES", size)
    body = BODY[:50_000] if size < 1000 else BODY
    pieces = list(read_chunks(write(tmp_path, pack(body))))
    assert b"".join(pieces) == body
    assert max(map(len, pieces[1:])) <= size


def test_compressed_in_several_members_and_filled_with_zeros(tmp_path):
    packed = gzip.compress(BODY[:5000]) + gzip.compress(BODY[5000:]) + b"\0" * 512
    assert b"".join(read_chunks(write(tmp_path, packed))) == BODY


def test_a_cut_archive_gives_what_is_there(tmp_path):
    packed = gzip.compress(BODY)
    for length in (len(packed) // 3, len(packed) - 9, len(packed) - 1):
        got = b"".join(read_chunks(write(tmp_path, packed[:length])))
        assert BODY.startswith(got)
        assert len(got) > 0.9 * len(BODY) * length / len(packed)


def test_a_damaged_archive_is_an_error(tmp_path):
    packed = bytearray(gzip.compress(BODY))
    packed[-6] ^= 1  # the checksum
    with pytest.raises(InputError, match="damaged"):
        list(read_chunks(write(tmp_path, packed)))


def test_memory_does_not_follow_what_a_bomb_expands_to(tmp_path):
    packed = gzip.compress(b"<modeling>" + bytes(50_000_000))
    assert len(packed) < 100_000
    assert max(map(len, read_chunks(write(tmp_path, packed)))) <= chunks.CHUNK_BYTES


@pytest.mark.parametrize(
    "content",
    [b"", b"\x1f\x8b", b"# a list of atoms", b"<html></html>", b"<?xml version='1.0'?>"],
)
def test_other_files_are_refused(tmp_path, content):
    with pytest.raises(InputError, match=r"vasprun\.xml is no vasprun\.xml"):
        list(read_chunks(write(tmp_path, content)))


@pytest.mark.parametrize(
    "prolog",
    [
        b'<!DOCTYPE modeling [<!ENTITY a "aaaa">]>',
        b"<!-- <modeling> --><!DOCTYPE modeling SYSTEM 'file:///etc/passwd'>",
    ],
)
def test_a_document_type_is_refused(tmp_path, prolog):
    with pytest.raises(InputError, match="document type"):
        list(read_chunks(write(tmp_path, b"<?xml version='1.0'?>" + prolog + b"<modeling>&a;")))


def test_no_file_and_a_folder_are_one_sentence(tmp_path):
    with pytest.raises(InputError, match="There is no file"):
        first_bytes(tmp_path / "vasprun.xml")
    with pytest.raises(InputError, match="cannot be read"):
        list(read_chunks(tmp_path))
