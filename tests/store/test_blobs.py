"""Blobs: bytes by their sha256, whole or not at all."""

import io
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tm23flows.documents.ids import bytes_id
from tm23flows.errors import DatabaseError, InputError, NotFoundError
from tm23flows.store.blobs import Blobs

BIG = np.random.default_rng(0).bytes(700_000)  # three chunks of GridFS


@pytest.fixture
def blobs(archive):
    return archive.blobs


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(st.binary(max_size=2000))
def test_bytes_come_back_under_their_hash(blobs, data):
    key = blobs.put(data)
    assert key == bytes_id(data)
    assert blobs.get(key) == data


def test_the_same_bytes_are_stored_once(archive):
    keys = {archive.blobs.put(BIG) for _ in range(3)}
    assert len(keys) == 1
    assert archive.database["blobs"].files.count_documents({}) == 1
    assert archive.database["blobs"].chunks.count_documents({}) == 3


def test_what_a_dead_writer_left_is_replaced(archive):
    key = bytes_id(BIG)
    chunks = archive.database["blobs"].chunks
    chunks.insert_many([{"files_id": key, "n": n, "data": b"half"} for n in range(2)])
    assert not archive.blobs.has(key)
    with pytest.raises(NotFoundError, match=key[:12]):
        archive.blobs.get(key)
    assert archive.blobs.put(BIG) == key
    assert archive.blobs.get(key) == BIG


WRITER = """
import os
import sys

import pymongo.collection

from tm23flows.store.archive import Archive

real, written = pymongo.collection.Collection.insert_one, []

def dying(self, *args, **kwargs):
    if self.name.endswith("files"):
        os.kill(os.getpid(), 9)
    return real(self, *args, **kwargs)

pymongo.collection.Collection.insert_one = dying
Archive.open().blobs.put(sys.stdin.buffer.read())
"""


def test_a_writer_that_is_killed_leaves_no_blob(archive):
    done = subprocess.run([sys.executable, "-c", WRITER], input=BIG, env=os.environ, check=False)
    assert done.returncode == -9
    key = bytes_id(BIG)
    assert archive.database["blobs"].chunks.count_documents({"files_id": key}) > 0
    assert not archive.blobs.has(key)
    archive.blobs.put(BIG)
    assert archive.blobs.get(key) == BIG


@pytest.mark.parametrize(
    "damage",
    [
        lambda chunks, key: chunks.delete_one({"files_id": key, "n": 1}),
        lambda chunks, key: chunks.update_one(
            {"files_id": key, "n": 1}, {"$set": {"data": b"\0" * 261_120}}
        ),
        lambda chunks, key: chunks.update_one({"files_id": key, "n": 2}, {"$set": {"data": b"x"}}),
    ],
    ids=["lost", "overwritten", "cut"],
)
def test_a_damaged_chunk_is_noticed(archive, damage):
    key = archive.blobs.put(BIG)
    damage(archive.database["blobs"].chunks, key)
    with pytest.raises(DatabaseError, match=f"{key[:12]} is damaged"):
        archive.blobs.get(key)


def test_arrays_come_back_by_name(blobs):
    arrays = {"a": np.arange(6.0).reshape(2, 3), "b": np.array([1, 2]), "c": np.array(["x", "yz"])}
    key = blobs.put_arrays(**arrays)
    back = blobs.get_arrays(key)
    assert set(back) == set(arrays)
    for name, array in arrays.items():
        assert np.array_equal(back[name], array)
        assert back[name].dtype == array.dtype
    assert blobs.put_arrays(**arrays) == key  # no time of writing inside


def test_objects_are_no_arrays(blobs):
    with pytest.raises(InputError, match="'a' holds objects"):
        blobs.put_arrays(a=np.array([{"code": "anything"}], dtype=object))
    buffer = io.BytesIO()
    np.savez(buffer, a=np.array([{"code": "anything"}], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle"):
        blobs.get_arrays(blobs.put(buffer.getvalue()))


def test_a_blob_that_is_not_there(blobs):
    assert not blobs.has("a" * 64)
    with pytest.raises(NotFoundError, match="aaaaaaaaaaaa"):
        blobs.get("a" * 64)


def test_another_connection_sees_what_was_stored(archive):
    key = archive.blobs.put(b"data")
    assert Blobs(archive.database.client[archive.database.name]).get(key) == b"data"
