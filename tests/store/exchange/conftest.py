"""Records with any numbers, and the round trip that every format is put through."""

import json
import uuid
from functools import partial
from hashlib import sha256

import bson
import numpy as np
import pytest
from hypothesis import strategies as st

from tm23flows.documents.base import Provenance
from tm23flows.documents.label import Energies
from tm23flows.documents.recipe import Recipe
from tm23flows.store.archive import Archive
from tm23flows.store.exchange.dump_members import iterate_members, member_writer
from tm23flows.store.exchange.formats import FORMATS
from tm23flows.store.exchange.manifest import Manifest, file_entry, manifest_path
from tm23flows.store.exchange.records import Wanted

numbers = st.floats(allow_nan=False, allow_infinity=False)
places = st.floats(-1e6, 1e6)
words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)
jsons = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=5,
)


@st.composite
def records(draw, make_frame, make_label):
    """A frame and a label with any numbers, any element, any words."""
    n = draw(st.integers(1, 4))
    table = st.lists(st.lists(places, min_size=3, max_size=3), min_size=n, max_size=n)
    forces = st.lists(st.lists(numbers, min_size=3, max_size=3), min_size=n, max_size=n)
    energies = draw(
        st.fixed_dictionaries(
            {"free": numbers},
            optional={"sigma0": numbers, "without_entropy": numbers, "unspecified": numbers},
        )
    )
    frame = make_frame(
        numbers=draw(st.lists(st.integers(1, 100), min_size=n, max_size=n)),
        cell=draw(st.lists(st.lists(places, min_size=3, max_size=3), min_size=3, max_size=3)),
        positions=draw(table),
        origin=draw(words),
        step=draw(st.none() | st.integers(1, 11_000)),
        tags=draw(st.dictionaries(words, jsons, max_size=2)),
    )
    label = make_label(
        frame,
        Recipe(engine="emt", options={"word": draw(words)}),
        energies=Energies(**energies),
        forces=draw(forces),
        stress=draw(st.none() | st.lists(numbers, min_size=6, max_size=6)),
        provenance=Provenance.now({"a": "1"}, draw(st.dictionaries(words, jsons, max_size=2))),
    )
    return frame, label


@pytest.fixture(scope="session")
def any_records(make_frame, make_label):
    """Strategy for lists of such records."""
    return st.lists(records(make_frame, make_label), min_size=1, max_size=3)


@pytest.fixture
def pairs(make_frame, make_label):
    """Seven records, one without stress, one of two elements."""
    frames = [make_frame(seed=seed) for seed in range(6)]
    found = [(frame, make_label(frame)) for frame in frames]
    found[2] = (frames[2], make_label(frames[2], stress=None))
    mixed = make_frame(seed=9, numbers=[29, 47])
    return [*found, (mixed, make_label(mixed))]


@pytest.fixture(scope="session")
def through_file():
    """A function that writes records in a format, with a manifest, and reads them back."""
    return _through_file


@pytest.fixture(scope="session")
def write_file():
    """The first half of it; returns the file."""
    return _write


@pytest.fixture(scope="session")
def manifest_of():
    """A function that makes a manifest of a file, with little in it."""
    return _manifest_of


@pytest.fixture(scope="session")
def assert_same():
    """A function that compares records bit by bit."""
    return _assert_same


@pytest.fixture
def elsewhere(database_server):
    """A second, empty archive on the same server."""
    archive = Archive.open(database_server.uri, f"elsewhere-{uuid.uuid4().hex[:8]}")
    yield archive
    archive.database.client.drop_database(archive.database.name)


@pytest.fixture(scope="session")
def members():
    """A function that reads a dump into a dictionary of names and bytes."""
    return _members


@pytest.fixture(scope="session")
def repack():
    """A function that packs such a dictionary again; checksums of documents are made to fit."""
    return _repack


def _members(path):
    return {one.name: one.read(one.size) for one in iterate_members(path)}


def _repack(path, parts, *, fit=True):
    manifest = json.loads(parts["manifest.json"])
    for name, said in manifest["collections"].items() if fit else ():
        data = parts.get(f"documents/{name}.bson", b"")
        said["bytes"], said["sha256"] = len(data), sha256(data).hexdigest()
        said["count"] = len(bson.decode_all(data)) or 1
    with member_writer(path) as writer:
        if fit:
            parts = {**parts, "manifest.json": json.dumps(manifest).encode()}
        for name, data in parts.items():
            writer.add_bytes(name, data)
    return path


def _through_file(name, folder, pairs, **wanted):
    return list(FORMATS[name].read(_write(name, folder, pairs, **wanted)))


def _write(name, folder, pairs, **wanted):
    chosen = FORMATS[name]
    path = folder / f"labels{chosen.suffixes[0]}"
    n_atoms = sum(label.n_atoms for _, label in pairs)
    chosen.write(path, iter(pairs), Wanted(len(pairs), n_atoms, **wanted))
    assert list(folder.iterdir()) == [path], "nothing else is left in the folder"
    manifest_path(path).write_text(_manifest_of(path).model_dump_json())
    return path


def _manifest_of(path, **fields):
    given = {
        "format": "any",
        "files": (file_entry(path),),
        "count": 1,
        "n_atoms": 1,
        "elements": (),
        "energy": "free",
        "quantities": (),
        "exact": "",
        "recipes": {},
        "source": {},
        "origins": (),
        "licence": "",
        "citation": (),
        "software": {},
        "created": "",
    }
    return Manifest(**{**given, **fields})


def _assert_same(found, written):
    assert len(found) == len(written)
    for pair, expected in zip(found, written, strict=True):
        for document, original in zip(pair, expected, strict=True):
            assert json.loads(document.model_dump_json()) == json.loads(original.model_dump_json())
            arrays = ("numbers", "cell", "positions", "forces", "stress")
            for name in arrays:
                bits = partial(_bits, getattr(document, name, None))
                assert bits() == _bits(getattr(original, name, None)), name


def _bits(array):
    return None if array is None else (array.shape, np.ascontiguousarray(array).tobytes())
