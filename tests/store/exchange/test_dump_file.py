"""The layout of a dump: known by its content, read with care."""

import json
import struct

import bson
import pytest

from tm23flows.errors import InputError
from tm23flows.store.exchange import dump_file
from tm23flows.store.exchange.dump_file import (
    DumpManifest,
    blob_name,
    blob_of,
    collection_of_member,
    documents_name,
    is_dump,
    iterate_documents,
    manifest_of,
)
from tm23flows.store.exchange.dump_members import iterate_members, member_writer

EMPTY = DumpManifest(
    collections={}, blobs=0, blob_bytes=0, newest=None, licence="", citation=(), software={}
)


@pytest.fixture
def member(tmp_path):
    """A function that makes a member of bytes."""
    streams = []  # a member can be read as long as its file is open

    def make(data, name="documents/labels.bson"):
        path = tmp_path / "one.tar.xz"
        with member_writer(path) as writer:
            writer.add_bytes(name, data)
        streams.append(iterate_members(path))
        return next(streams[-1])

    return make


def test_a_dump_is_known_by_what_is_in_it(tmp_path):
    path = tmp_path / "called.anything"
    with member_writer(path) as writer:
        writer.add_bytes("manifest.json", EMPTY.model_dump_json(indent=1).encode())
    assert is_dump(path)
    with member_writer(path) as writer:
        writer.add_bytes("manifest.json", b'{"kind": "another"}')
    assert not is_dump(path)
    path.write_bytes(path.read_bytes()[:20])
    assert not is_dump(path)
    path.write_text("2\nLattice=...")
    assert not is_dump(path)
    assert not is_dump(tmp_path)
    assert not is_dump(tmp_path / "nothing")


def test_names_of_members():
    key = "ab" * 32
    assert blob_of(blob_name(key)) == key
    assert collection_of_member(documents_name("labels")) == "labels"
    for strange in ("blobs/../../x", f"blobs/{key}x", "blobs/" + key.upper(), f"/blobs/{key}"):
        assert blob_of(strange) is None
    for strange in ("documents/claims.bson", "documents/../labels.bson", "labels.bson"):
        assert collection_of_member(strange) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": 2}, "version"),
        ({"kind": "tm23flows export"}, "kind"),
        ({"more": 1}, "newer"),
        ({"collections": {"claims": {"count": 1, "bytes": 9, "sha256": "0" * 64}}}, "claims"),
    ],
)
def test_a_manifest_that_this_program_does_not_know(member, change, words):
    text = json.dumps({**json.loads(EMPTY.model_dump_json()), **change})
    with pytest.raises(InputError, match=words):
        manifest_of(member(text.encode(), "manifest.json"))


def test_the_manifest_comes_first(member):
    with pytest.raises(InputError, match="first member is"):
        manifest_of(member(b"{}"))


def test_documents_come_back_one_by_one(member):
    given = [{"id": "a", "x": [1.5, None, b"\0", {"y": True}]}, {}, {"id": "b", "n": 2**40}]
    assert list(iterate_documents(member(b"".join(map(bson.encode, given))))) == given


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (bson.encode({"x": bson.Code("f()")}), "of the kind Code"),
        (bson.encode({"x": [{"y": bson.Regex("a*")}]}), "of the kind Regex"),
        (bson.encode({"x": bson.ObjectId("0" * 24)}), "of the kind ObjectId"),
        (bson.encode({"x": {"$where": "f()"}}), "dollar"),
        (bson.encode({"x": 1})[:-2], "damaged"),
        (bson.encode({"x": 1})[:-1] + b"\1", "damaged"),
        (struct.pack("<i", 2_000_000_000), "2000000000 bytes"),
        (struct.pack("<i", -1), "-1 bytes"),
        (b"\5\0", "damaged|bytes"),
    ],
)
def test_documents_that_are_none(member, data, words):
    with pytest.raises(InputError, match=words):
        list(iterate_documents(member(data)))


def test_the_size_of_one_document_has_a_limit(member, monkeypatch):
    monkeypatch.setattr(dump_file, "MAX_DOCUMENT_BYTES", 50)
    with pytest.raises(InputError, match="bytes"):
        list(iterate_documents(member(bson.encode({"x": "y" * 60}))))
