"""What a dump must not hold is refused before anything of it is stored."""

import json

import bson
import pytest

from tm23flows.documents.dataset import Dataset
from tm23flows.documents.ids import bytes_id
from tm23flows.documents.label import Energies, Label
from tm23flows.documents.model import Model
from tm23flows.documents.trajectory import Trajectory
from tm23flows.errors import DecodeRefusedError, InputError
from tm23flows.store.exchange.dump_check import agree, check_dump, read_document
from tm23flows.store.exchange.dump_intake import import_dumps
from tm23flows.store.exchange.dump_writer import DumpOptions, dump_archive

LABELS, MODELS, NAMES = (f"documents/{name}.bson" for name in ("labels", "models", "dataset_names"))


@pytest.fixture(scope="module")
def parts(_emt_road, database_server, tmp_path_factory, members):
    """The members of the dump of the EMT road, read once."""
    from tm23flows.store.archive import Archive

    path = tmp_path_factory.mktemp("dump") / "a.tm23.tar.xz"
    dump_archive(Archive.open(database_server.uri, _emt_road), path)
    return members(path)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "changed.tm23.tar.xz"


def changed(parts, name, change, place=0):
    """Change one document of a member."""
    documents = bson.decode_all(parts[name])
    change(documents[place])
    return {**parts, name: b"".join(map(bson.encode, documents))}


def set_to(**fields):
    return lambda document: document.update(fields)


def moved(parts, name, after):
    """Put a member behind another one."""
    rest = {key: data for key, data in parts.items() if key != name}
    found = {}
    for key, data in rest.items():
        found[key] = data
        if key == after:
            found[name] = parts[name]
    return found


def first_blob(parts):
    return next(name for name in parts if name.startswith("blobs/"))


BROKEN = {
    "a label whose energy was changed": (
        lambda p: changed(p, LABELS, lambda d: d["energies"].update(free=0.0)),
        "numbers of the label",
    ),
    "a label with a force that is no number": (
        lambda p: changed(p, LABELS, lambda d: d["forces"].update(data=b"\xff" * 168)),
        "is not what it should be",
    ),
    "a frame under another id": (
        lambda p: changed(p, "documents/frames.bson", set_to(id="0" * 64)),
        "does not match its content",
    ),
    "an id that is a condition": (
        lambda p: changed(p, LABELS, set_to(id={"gt": ""})), "is not what it should be"
    ),
    "an id for the database": (
        lambda p: changed(p, LABELS, set_to(_id="x")), "is not what it should be"
    ),
    "a field that there is not": (
        lambda p: changed(p, LABELS, set_to(colour="red")), "is not what it should be"
    ),
    "a layout of a newer program": (
        lambda p: changed(p, LABELS, set_to(schema_version=99)), "install that one"
    ),
    "a document twice": (lambda p: {**p, LABELS: p[LABELS] + p[LABELS]}, "twice"),
    "frames of which one is missing": (
        lambda p: {**p, "documents/frames.bson": b"".join(
            map(bson.encode, bson.decode_all(p["documents/frames.bson"])[1:]))},
        "parents in frames are nowhere",
    ),
    "a blob that is another": (
        lambda p: {**p, first_blob(p): b"another"}, "is damaged"
    ),
    "a blob that is missing": (
        lambda p: {key: data for key, data in p.items() if key != first_blob(p)}, "lacks members"
    ),
    "a blob that nobody named": (
        lambda p: dict(sorted({**p, f"blobs/{bytes_id(b'x')}": b"x"}.items(),
                       key=lambda one: (one[0] != "manifest.json", one[0][:5] != "blobs"))),
        "lacks members|twice or at a wrong place|no document names",
    ),
    "a member from elsewhere": (
        lambda p: {**p, "../../etc/passwd": b"root"}, "does not belong there"
    ),
    "a collection that is not for dumps": (
        lambda p: {**p, "documents/claims.bson": b""}, "does not belong there"
    ),
    "members in another order": (lambda p: moved(p, LABELS, NAMES), "does not belong there"),
    "a name that is none": (
        lambda p: changed(p, NAMES, set_to(name="../x")), "no name for a dataset"
    ),
    "a version that is none": (
        lambda p: changed(p, NAMES, set_to(version=0)), "name of a dataset that is none"
    ),
    "a name of nothing": (
        lambda p: changed(p, NAMES, set_to(dataset_id="0" * 64)), "parents in datasets are nowhere"
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_broken_is_refused_and_nothing_is_stored(parts, repack, path, archive, what):
    change, words = BROKEN[what]
    repack(path, change(parts))
    with pytest.raises(InputError, match=words):
        import_dumps(archive, [path], "trusted")
    for name in archive.database.list_collection_names():
        assert archive.database[name].count_documents({}) == 0, name


def test_documents_that_the_manifest_does_not_know(parts, repack, path, archive):
    other = changed(parts, LABELS, lambda d: d["provenance"].update(host="another"))
    repack(path, other, fit=False)
    with pytest.raises(InputError, match="is not what its manifest"):
        check_dump(archive, path)


def test_documents_that_would_import_something(parts):
    (stored,) = bson.decode_all(parts["documents/structures.bson"])
    stored["provenance"]["inputs"] = {"@module": "os", "@class": "System"}
    with pytest.raises(DecodeRefusedError):
        read_document("structures", stored)


def test_older_layouts_are_read(parts, repack, path, archive):
    def older(frame):
        frame["schema_version"] = 1
        del frame["tags"]

    repack(path, changed(parts, "documents/frames.bson", older))
    import_dumps(archive, [path])
    assert {one["schema_version"] for one in archive.database["frames"].find()} == {2}


@pytest.mark.parametrize("noun", ["labels", "trajectories"])
def test_other_content_under_the_same_id_is_named_and_nothing_is_stored(
    parts, repack, path, archive, noun
):
    repack(path, parts)
    stored = bson.decode_all(parts[f"documents/{noun}.bson"])[0]
    document = read_document(noun, stored)
    if noun == "labels":
        other = document.model_copy(update={"energies": Energies(free=1.0)})
    else:
        one = document.segments[0].model_copy(update={"blob": archive.blobs.put(b"other")})
        other = document.model_copy(update={"segments": (one,)})
    archive.put(other)
    with pytest.raises(InputError, match=rf"1 documents .* nothing was taken: {other.id[:12]}"):
        import_dumps(archive, [path])
    assert archive.database["frames"].count_documents({}) == 0


def test_what_agrees(road):
    archive, evaluation = road
    cheaper = evaluation.model_copy(update={"effort": None})
    assert agree(evaluation, cheaper)
    assert not agree(evaluation, evaluation.model_copy(update={"predictions": "0" * 64}))
    model = archive.get(Model, evaluation.model_id)
    assert agree(model, model.model_copy(update={"wall_s": 9.0}))
    assert not agree(model, model.model_copy(update={"files": ()}))
    run = archive.get(Trajectory, archive.database["trajectories"].find_one()["_id"])
    assert agree(run, run.model_copy(update={"segments": run.segments[:1]}))
    label = archive.get(Label, archive.database["labels"].find_one()["_id"])
    assert not agree(label, label.model_copy(update={"stress": None}))


@pytest.fixture
def code(road, path):
    """A dump of a model whose files can run code when they are loaded."""
    archive, evaluation = road
    model = archive.get(Model, evaluation.model_id)
    archive.put(model.model_copy(update={"trainer": "nequip"}))
    dump_archive(archive, path)
    return path


def test_files_that_can_run_code_must_be_trusted(code, elsewhere):
    with pytest.raises(InputError, match=r"1 files of models that can run code.*--trust-model"):
        check_dump(elsewhere, code)
    assert check_dump(elsewhere, code, "trusted").files
    assert check_dump(elsewhere, code, "none").files


def test_a_file_that_came_before_as_something_else_must_be_trusted_too(code, elsewhere):
    elsewhere.blobs.put(b"model")
    with pytest.raises(InputError, match="can run code"):
        check_dump(elsewhere, code, "none")


def test_models_that_are_there_need_no_trust_again(code, road):
    archive, _ = road
    assert check_dump(archive, code).new["models"] == 0


def test_a_model_that_came_without_its_files_does_not_let_them_in_later(
    code, road, tmp_path, elsewhere
):
    """Its document is there by then, so the second file names no new model, or none at all."""
    import_dumps(elsewhere, [code], "none")
    with pytest.raises(InputError, match="can run code"):
        import_dumps(elsewhere, [code])
    archive, evaluation = road
    archive.database["models"].delete_many({})
    other = evaluation.model_copy(
        update={"part": "train", "predictions": archive.blobs.put(b"model")}
    )
    archive.put(other)
    second = tmp_path / "second.tm23.tar.xz"
    dump_archive(archive, second)
    for model_files in ("harmless", "none"):
        with pytest.raises(InputError, match="can run code"):
            import_dumps(elsewhere, [second], model_files)
    assert not elsewhere.blobs.has(bytes_id(b"model"))
    import_dumps(elsewhere, [code], "trusted")
    assert elsewhere.blobs.has(bytes_id(b"model"))


def test_only_files_of_models_can_be_left_out(parts, repack, path, archive):
    blob = first_blob(parts)
    manifest = json.loads(parts["manifest.json"])
    manifest["files_left_out"] = [blob.partition("/")[2]]
    manifest["blobs"] -= 1
    less = {**parts, "manifest.json": json.dumps(manifest).encode()}
    del less[blob]
    repack(path, less)
    with pytest.raises(InputError, match="1 blobs that it does not hold"):
        check_dump(archive, path)


def test_a_dataset_with_many_labels_is_one_document(emt_copy, path, monkeypatch, elsewhere):
    from tm23flows.store.datasets import large

    monkeypatch.setattr(large, "INLINE_BYTES", 100)
    named = emt_copy.dataset("Cu-demo")
    other = named.model_copy(update={"parts": {"all": named.label_ids}})
    emt_copy.put(other)
    assert "blob" in emt_copy.database["datasets"].find_one({"_id": other.id})["parts"]["all"]
    dump_archive(emt_copy, path, DumpOptions(licence="CC0"))
    import_dumps(elsewhere, [path])
    assert elsewhere.get(Dataset, other.id).label_ids == named.label_ids
