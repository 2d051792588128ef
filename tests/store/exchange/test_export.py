"""Exports: whole with their manifest or not there, and streamed."""

import json

import pytest

from tm23flows.documents.base import Provenance
from tm23flows.documents.dataset import Dataset
from tm23flows.errors import InputError, NotFoundError
from tm23flows.store.datasets.creation import name_dataset
from tm23flows.store.exchange.export import export_labels
from tm23flows.store.exchange.formats import FORMATS
from tm23flows.store.exchange.manifest import manifest_path, verify_manifest
from tm23flows.store.files import import_labels


@pytest.fixture
def small(archive, make_frame, make_label):
    """An archive with a dataset of four labels that were imported from elsewhere."""
    origin = {"file": "a.xyz", "sha256": "f" * 64, "licence": "CC-BY-4.0", "citation": "A, B 1, 2"}
    past = Provenance.now(inputs={"import": origin})
    frames = [make_frame(seed=seed, provenance=past) for seed in range(4)]
    labels = [make_label(frame, provenance=past) for frame in frames]
    archive.put(*frames, *labels)
    parts = {"train": tuple(one.id for one in labels[:3]), "test": (labels[3].id,)}
    dataset = Dataset(
        provenance=past, element="Cu", parts=parts, rule="r", query={}, energy="sigma0"
    )
    name_dataset(archive, "small", dataset)
    return archive


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_has_a_manifest_that_is_right(small, tmp_path, name):
    path = tmp_path / f"out{FORMATS[name].suffixes[0]}"
    assert export_labels(small, "small", path, file_format=name) == 4
    assert sorted(tmp_path.iterdir()) == [path, manifest_path(path)]
    manifest = verify_manifest(path)
    dataset = small.dataset("small")
    assert (manifest.format, manifest.count, manifest.n_atoms) == (name, 4, 8)
    assert manifest.energy == "sigma0", "the label policy of the dataset"
    assert manifest.elements == ("Cu",)
    assert manifest.source["id"] == dataset.id
    assert manifest.source["version"] == 1
    assert manifest.licence == "CC-BY-4.0"
    assert manifest.citation[0] == "A, B 1, 2"
    assert manifest.origins[0]["sha256"] == "f" * 64
    (recipe,) = manifest.recipes.values()
    assert recipe["engine"] == "emt"
    assert manifest.software["ase"]
    again = import_labels(small, [path], "again", name)
    assert again.named.dataset.label_ids == dataset.label_ids
    assert again.n_known == again.n_frames == 4


def test_energy_part_and_licence_can_be_chosen(small, tmp_path):
    path = tmp_path / "out.xyz"
    assert export_labels(small, "small", path, "test", "free", licence="CC0-1.0") == 1
    manifest = verify_manifest(path)
    assert (manifest.energy, manifest.licence) == ("free", "CC0-1.0")
    assert manifest.source["part"] == "test"


def test_a_licence_that_nobody_gave_is_said_to_be_missing(emt_archive, tmp_path):
    path = tmp_path / "out.xyz"
    words = "kmesh=3x3x3,sigma_eV=0.2"
    export_labels(emt_archive, words, path)
    manifest = verify_manifest(path)
    assert manifest.licence == "not stated"
    assert manifest.source == {"query": words}


@pytest.mark.parametrize("name", FORMATS)
def test_an_export_that_fails_in_the_middle_leaves_what_was_there(small, tmp_path, name):
    path = tmp_path / f"out{FORMATS[name].suffixes[0]}"
    path.write_text("before")
    small.database["frames"].delete_one({"step": 3})
    with pytest.raises(NotFoundError, match="frames are not in the archive"):
        export_labels(small, "small", path, file_format=name)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ({"file_format": "cif"}, "no format 'cif'"),
        ({"energy": "total"}, "no energy 'total'"),
        ({"energy": "unspecified"}, "is not known"),
        ({"keys": "ref"}, "no keys 'ref'"),
        ({"keys": "REF", "file_format": "hdf5"}, "hdf5 has no keys 'REF'"),
    ],
)
def test_wrong_wishes_write_nothing(small, tmp_path, words, why):
    with pytest.raises(InputError, match=why):
        export_labels(small, "small", tmp_path / "out", **words)
    assert list(tmp_path.iterdir()) == []


def test_a_manifest_holds_only_plain_json(small, tmp_path):
    path = tmp_path / "out.xyz"
    export_labels(small, "small", path, keys="REF")
    stored = json.loads(manifest_path(path).read_text())
    assert [one["name"] for one in stored["quantities"]][2:] == [
        "REF_energy",
        "REF_forces",
        "REF_stress",
    ]


@pytest.mark.parametrize("name", FORMATS)
def test_a_manifest_calls_numbers_as_the_file_does(small, tmp_path, name):
    path = tmp_path / f"out{FORMATS[name].suffixes[0]}"
    export_labels(small, "small", path, file_format=name)
    said = [one.name for one in verify_manifest(path).quantities]
    assert said == {
        "lmdb": ["pos", "cell", "total_energy", "forces", "stress"],
        "parquet": ["positions", "cell", "energy", "atomic_forces", "cauchy_stress"],
    }.get(name, ["positions", "cell", "energy", "forces", "stress"])


def test_the_licence_of_some_is_not_that_of_all(small, make_frame, make_label, tmp_path):
    frame = make_frame(seed=9)
    small.put(frame, make_label(frame))
    export_labels(small, "metal=Cu", tmp_path / "out.xyz")
    manifest = verify_manifest(tmp_path / "out.xyz")
    assert (manifest.count, manifest.licence) == (5, "CC-BY-4.0 and not stated")


def test_a_folder_is_no_file_to_write(small, tmp_path):
    with pytest.raises(InputError, match="is a folder"):
        export_labels(small, "small", tmp_path)
    assert list(tmp_path.iterdir()) == []
