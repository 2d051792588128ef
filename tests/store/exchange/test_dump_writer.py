"""A whole archive to one file: complete, the same bytes again, whole while workers write."""

import json
import uuid

import bson
import numpy as np
import pytest

from tm23flows.documents.base import Provenance
from tm23flows.documents.dataset import Dataset
from tm23flows.documents.label import Rejection
from tm23flows.documents.model import Model, ModelFile
from tm23flows.documents.recipe import Recipe
from tm23flows.documents.structure import Structure
from tm23flows.documents.trajectory import Dynamics, Segment, Trajectory
from tm23flows.errors import DatabaseError, InputError
from tm23flows.store.datasets.names import name_dataset
from tm23flows.store.exchange import dump_writer
from tm23flows.store.exchange.dump_intake import import_dumps
from tm23flows.store.exchange.dump_writer import DumpOptions, dump_archive
from tm23flows.testing.invariants import assert_all_invariants


@pytest.fixture
def path(tmp_path):
    return tmp_path / "whole.tm23.tar.xz"


def test_everything_is_in_the_file_and_the_manifest_counts_it(road, path, members):
    archive, _ = road
    before = {name: archive.database[name].count_documents({})
              for name in archive.database.list_collection_names()}  # fmt: skip
    manifest = dump_archive(archive, path, DumpOptions("CC-BY-4.0", ("a paper",)))
    parts = members(path)
    assert json.loads(parts["manifest.json"]) == json.loads(manifest.model_dump_json())
    assert (manifest.licence, manifest.citation) == ("CC-BY-4.0", ("a paper",))
    for name, said in manifest.collections.items():
        documents = bson.decode_all(parts[f"documents/{name}.bson"])
        assert len(documents) == said.count == before[name]
        if name != "dataset_names":
            ids = [one["id"] for one in documents]
            assert ids == sorted(ids)
    assert set(manifest.collections) >= {"structures", "trajectories", "frames", "labels",
                                         "datasets", "models", "evaluations", "dataset_names"}  # fmt: skip
    blobs = {name.partition("/")[2]: data for name, data in parts.items() if name[:6] == "blobs/"}
    assert len(blobs) == manifest.blobs == before["blobs.files"]
    for key, data in blobs.items():
        assert archive.blobs.get(key) == data
    assert not any("claims" in name or "trainings" in name for name in parts)
    assert list(path.parent.iterdir()) == [path], "nothing else is left in the folder"


def test_the_same_archive_is_the_same_file_and_so_is_a_copy_of_it(road, path, elsewhere):
    archive, _ = road
    dump_archive(archive, path)
    first = path.read_bytes()
    dump_archive(archive, path)
    assert path.read_bytes() == first
    import_dumps(elsewhere, [path])
    dump_archive(elsewhere, path)
    assert path.read_bytes() == first


def test_files_of_models_can_stay_behind(road, path, members):
    archive, _ = road
    (stored,) = archive.database["models"].find()
    file = stored["files"][0]["blob"]
    manifest = dump_archive(archive, path, DumpOptions(model_files=False))
    assert manifest.files_left_out == (file,)
    parts = members(path)
    assert f"blobs/{file}" not in parts
    assert len(bson.decode_all(parts["documents/models.bson"])) == 1


def test_a_blob_that_is_also_something_else_is_no_file_of_a_model(road, path, members):
    archive, evaluation = road
    model = archive.get(Model, evaluation.model_id)
    both = model.model_copy(
        update={"seed": 5, "files": (ModelFile(name="a.npz", blob=evaluation.predictions),)}
    )
    archive.put(both)
    dump_archive(archive, path, DumpOptions(model_files=False))
    assert f"blobs/{evaluation.predictions}" in members(path)


@pytest.mark.parametrize("owner", ["blob", "document"])
def test_an_archive_that_is_damaged_is_not_dumped(road, path, owner):
    archive, evaluation = road
    if owner == "blob":
        archive.database["blobs"].files.delete_one({"_id": evaluation.predictions})
        words = "1 blobs are not in the archive"
    else:
        archive.database["frames"].update_one({}, {"$set": {"numbers.data": b"\x1d" * 56}})
        words = "not what it should be"
    with pytest.raises(DatabaseError, match=words):
        dump_archive(archive, path)
    assert list(path.parent.iterdir()) == []


def test_there_must_be_something_and_a_place_for_it(archive, tmp_path):
    with pytest.raises(InputError, match="empty"):
        dump_archive(archive, tmp_path / "a.tm23.tar.xz")
    with pytest.raises(InputError, match="is a folder"):
        dump_archive(archive, tmp_path)
    with pytest.raises(InputError, match="no folder"):
        dump_archive(archive, tmp_path / "no" / "a.tm23.tar.xz")
    assert list(tmp_path.iterdir()) == []


def test_parents_that_the_archive_lacks_are_counted(emt_copy, path, elsewhere):
    n = emt_copy.database["trajectories"].delete_many({}).deleted_count
    assert dump_archive(emt_copy, path).parents_lacking == {"trajectories": n}
    import_dumps(elsewhere, [path])
    assert elsewhere.database["labels"].count_documents({}) > 0


def test_few_documents_are_in_memory(emt_copy, path, monkeypatch):
    monkeypatch.setattr(dump_writer, "DOCUMENTS_AT_ONCE", 3)
    seen = []
    dump_archive(emt_copy, path, tick=lambda what, number: seen.append(number))
    assert max(seen) == 3
    assert sum(seen) > 100


class Worker:
    """Writes, whenever it is called, a whole new road: a run with a model at its end."""

    def __init__(self, archive, make_frame, make_label):
        self.archive, self.make_frame, self.make_label = archive, make_frame, make_label
        (self.crystal,) = (archive.get(Structure, one["_id"])
                           for one in archive.database["structures"].find().limit(1))  # fmt: skip
        self.calls = 0
        self.rejected = []

    def run(self, recipe, structure, **arrays):
        past = Provenance.now({"program": "1"})
        made = Trajectory(
            provenance=past, structure_id=structure.id, element="Cu", regime="warm", recipe=recipe,
            dynamics=Dynamics(temperature_K=300.0 + self.calls),
        )  # fmt: skip
        self.archive.put(structure, made)
        segment = Segment(first_step=1, last_step=1, blob=self.archive.blobs.put_arrays(**arrays))
        self.archive.push_segment(made.id, 0, segment)
        return made

    def __call__(self, what, number):
        del what, number
        self.calls += 1
        archive, past = self.archive, Provenance.now({"program": "1"})
        moved = self.crystal.positions + 1e-3 * self.calls
        structure = self.crystal.model_copy(update={"positions": moved})
        run = self.run(Recipe(engine="emt", xc="none"), structure, step=np.arange(self.calls))
        frames = [self.make_frame(1000 * self.calls + i, trajectory_id=run.id, origin=None)
                  for i in range(3)]  # fmt: skip
        labels = [self.make_label(one) for one in frames]
        archive.put(*frames)
        reasons = [Rejection(provenance=past, frame_id=one.frame_id, recipe=one.recipe,
                             reason="it failed") for one in labels]  # fmt: skip
        archive.record([labels[0], *reasons[1:]])
        # What was rejected before is accepted now.
        archive.record(self.rejected)
        self.rejected = labels[1:2]
        dataset = Dataset(provenance=past, element="Cu", rule="all", query={},
                          parts={"all": [labels[0].id]})  # fmt: skip
        name_dataset(archive, "busy", dataset)
        model = Model(
            provenance=past, trainer="flare", hyperparameters={}, seed=0, dataset_id=dataset.id,
            files=(ModelFile(name="model.json", blob=archive.blobs.put(b"%d" % self.calls)),),
            wall_s=1.0,
        )  # fmt: skip
        archive.put(model)
        again = self.crystal.model_copy(update={"positions": moved + 5e-4})
        of_model = Recipe(engine="model", xc="none", options={"model": model.id})
        self.run(of_model, again, step=np.arange(self.calls) + 1)


def test_children_are_never_without_parents_while_workers_write(
    emt_copy, path, elsewhere, make_frame, make_label
):
    """Between any two readings of the dump, somebody writes a whole road."""
    worker = Worker(emt_copy, make_frame, make_label)
    worker("", 0)
    manifest = dump_archive(emt_copy, path, tick=worker)
    assert worker.calls > 10
    assert manifest.parents_lacking == {}
    import_dumps(elsewhere, [path])
    assert_all_invariants(
        elsewhere, ["I1", "I3", "I6", "I7", "I8", "I9"], f"none-{uuid.uuid4().hex[:6]}"
    )
    named = elsewhere.database["models"].count_documents({})
    assert 0 < named < worker.calls
    assert elsewhere.database["rejections"].count_documents({}) > 0
    runs = elsewhere.database["trajectories"].find({"recipe.engine": "model"})
    assert any(one["segments"] for one in runs)
