"""A dump into an archive: all of it, once, in the order of parents, beside what is there."""

import pytest
from pymongo.errors import AutoReconnect

from tm23flows.documents.base import Provenance
from tm23flows.documents.label import Label, Rejection
from tm23flows.documents.model import Model
from tm23flows.documents.recipe import Recipe
from tm23flows.documents.structure import Structure
from tm23flows.documents.trajectory import Dynamics, Trajectory
from tm23flows.errors import DatabaseError
from tm23flows.ops.audit.invariants import audit
from tm23flows.store.datasets.names import list_datasets, name_dataset
from tm23flows.store.exchange.dump_intake import import_dumps, sentences
from tm23flows.store.exchange.dump_writer import DumpOptions, dump_archive
from tm23flows.store.trajectories import read_segments
from tm23flows.testing.faults import Fault, injected
from tm23flows.testing.invariants import assert_all_invariants


@pytest.fixture
def path(tmp_path):
    return tmp_path / "whole.tm23.tar.xz"


def contents(archive):
    """Return all documents of an archive and the lengths of its blobs."""
    names = ("structures", "trajectories", "frames", "labels", "rejections", "datasets", "models",
             "evaluations")  # fmt: skip
    found = {name: list(archive.database[name].find().sort("_id", 1)) for name in names}
    found["names"] = [(one.name, one.version, one.dataset.id) for one in list_datasets(archive)]
    found["blobs"] = {one["_id"]: one["length"] for one in archive.database["blobs.files"].find()}
    return found


def test_an_empty_archive_becomes_the_same_and_a_second_import_changes_nothing(
    road, path, elsewhere
):
    archive, evaluation = road
    run = Trajectory(
        provenance=Provenance.now(), structure_id=archive.database["structures"].find_one()["_id"],
        element="Cu", regime=None, dynamics=Dynamics(temperature_K=300.0),
        recipe=Recipe(engine="model", xc="none", options={"model": evaluation.model_id}),
    )  # fmt: skip
    archive.put(run)  # its parent comes after it in the file
    dump_archive(archive, path, DumpOptions("CC0-1.0", ("a paper",)))
    (done,) = import_dumps(elsewhere, [path])
    assert contents(elsewhere) == contents(archive)
    assert_all_invariants(elsewhere)
    said = list(sentences(done))
    assert "1 structures, 4 trajectories" in said[0]
    assert said[-1] == "Licence: CC0-1.0. Cite a paper"
    (again,) = import_dumps(elsewhere, [path])
    assert (again.new, again.notes) == ({}, ())
    assert "nothing new" in next(sentences(again))
    assert contents(elsewhere) == contents(archive)


def test_an_import_that_ends_between_any_two_nouns_leaves_a_sound_archive(road, path, elsewhere):
    archive, _ = road
    dump_archive(archive, path)
    sizes = []
    for call in (2, 4, 7):
        fault = Fault(at="tm23flows.store.archive:Archive.put", do="raise", call=call)
        with injected(fault), pytest.raises(AutoReconnect):
            import_dumps(elsewhere, [path])
        assert_all_invariants(elsewhere, ["I1", "I2", "I3", "I5", "I6", "I7", "I9"])
        sizes.append(sum(map(len, contents(elsewhere).values())))
    import_dumps(elsewhere, [path])
    assert contents(elsewhere) == contents(archive)
    assert sizes == sorted(set(sizes))
    assert sizes[-1] < sum(map(len, contents(archive).values()))


def test_two_archives_become_one(emt_copy, path, tmp_path, elsewhere, make_frame, make_label):
    """The archive has a shorter run, a rejection, another dataset of the name, frames and tags."""
    dump_archive(emt_copy, path)
    run = emt_copy.get(Trajectory, emt_copy.database["trajectories"].find_one()["_id"])
    label = emt_copy.get(Label, emt_copy.database["labels"].find_one()["_id"])
    own = make_frame(7)
    own_label = make_label(own)
    elsewhere.put(
        emt_copy.get(Structure, run.structure_id), own, own_label,
        run.model_copy(update={"segments": (), "run_folder": None}),
        Rejection(provenance=Provenance.now(), frame_id=label.frame_id, recipe=label.recipe,
                  reason="it failed here"),
    )  # fmt: skip
    dataset = emt_copy.dataset("Cu-demo")
    small = dataset.model_copy(update={"parts": {"all": (own_label.id,)}})
    name_dataset(elsewhere, "Cu-demo", small)

    (done,) = import_dumps(elsewhere, [path])
    assert done.notes == ("Cu-demo@1 is Cu-demo@2 here.",)
    assert elsewhere.dataset("Cu-demo@1").id == small.id
    assert elsewhere.dataset("Cu-demo").id == dataset.id
    longer = elsewhere.get(Trajectory, run.id)
    assert longer.segments == run.segments
    assert len(list(read_segments(elsewhere, longer))) == len(run.segments)
    assert elsewhere.database["rejections"].count_documents({}) == 0
    assert elsewhere.get(Label, label.id).checksum == label.checksum
    assert elsewhere.get(Label, own_label.id)
    assert_all_invariants(elsewhere)

    back = tmp_path / "back.tm23.tar.xz"
    dump_archive(elsewhere, back)
    (done,) = import_dumps(emt_copy, [back])
    assert done.new == {"frames": 1, "labels": 1, "datasets": 1}


def test_a_rejection_does_not_take_the_place_of_a_label(emt_copy, path, elsewhere):
    label = emt_copy.get(Label, emt_copy.database["labels"].find_one()["_id"])
    for name in ("datasets", "dataset_names", "labels"):
        emt_copy.database[name].delete_many({})
    emt_copy.put(Rejection(provenance=Provenance.now(), frame_id=label.frame_id,
                           recipe=label.recipe, reason="it failed there"))  # fmt: skip
    dump_archive(emt_copy, path)
    elsewhere.put(label)
    (done,) = import_dumps(elsewhere, [path])
    assert elsewhere.database["rejections"].count_documents({}) == 0
    assert "rejections" not in done.new


def test_a_name_of_nothing_is_no_reason_to_lose_the_rest(emt_copy, path, elsewhere):
    emt_copy.database["datasets"].delete_many({})
    dump_archive(emt_copy, path)
    (done,) = import_dumps(elsewhere, [path])
    assert "Cu-demo@1 was the name of nothing; it is left out." in done.notes
    assert elsewhere.database["dataset_names"].count_documents({}) == 0
    assert elsewhere.labels().count() == emt_copy.labels().count()


def test_tags_of_frames_that_are_there_are_added(emt_copy, path, elsewhere):
    stored = emt_copy.database["frames"].find_one()
    dump_archive(emt_copy, path)
    import_dumps(elsewhere, [path])
    emt_copy.database["frames"].update_one({"_id": stored["_id"]}, {"$set": {"tags": {"a": 1}}})
    dump_archive(emt_copy, path)
    import_dumps(elsewhere, [path])
    assert elsewhere.database["frames"].find_one({"_id": stored["_id"]})["tags"] == {"a": 1}


@pytest.mark.parametrize("where", ["dump", "import"])
def test_files_of_models_that_stayed_behind_are_no_damage(road, path, elsewhere, where):
    archive, evaluation = road
    model = archive.get(Model, evaluation.model_id)
    whole = path.with_name("whole-too.tm23.tar.xz")
    dump_archive(archive, whole)
    dump_archive(archive, path, DumpOptions(model_files=where != "dump"))
    (done,) = import_dumps(elsewhere, [path], "harmless" if where == "dump" else "none")
    assert done.n_files_missing == 1
    assert any("predict nothing" in one for one in sentences(done))
    assert not elsewhere.blobs.has(model.files[0].blob)
    assert_all_invariants(elsewhere)
    notes = audit(elsewhere, ["I2"]).findings["I2"].notes
    assert any("1 files of models were left out" in one for one in notes)
    assert elsewhere.trace(evaluation.id).complete
    # It can be dumped again, and the file can come later.
    dump_archive(elsewhere, path)
    import_dumps(elsewhere, [whole])
    assert elsewhere.blobs.get(model.files[0].blob) == b"model"
    assert not any("left out" in one for one in audit(elsewhere, ["I2"]).findings["I2"].notes)
    assert elsewhere.database["not_shipped"].count_documents({}) == 0


def test_a_run_that_goes_on_meanwhile_is_not_overwritten(emt_copy, path, elsewhere, monkeypatch):
    dump_archive(emt_copy, path)
    monkeypatch.setattr(type(elsewhere), "push_segment", lambda *_arguments: False)
    run = emt_copy.get(Trajectory, emt_copy.database["trajectories"].find_one()["_id"])
    elsewhere.put(run.model_copy(update={"segments": ()}))
    with pytest.raises(DatabaseError, match="Another worker is running"):
        import_dumps(elsewhere, [path])
