"""Files: whole or not there, and what comes back is what went out."""

import pytest

from tm23flows.documents.frame import Frame
from tm23flows.documents.label import Rejection
from tm23flows.errors import InputError, NotFoundError
from tm23flows.store.archive import Archive
from tm23flows.store.collections import COLLECTIONS
from tm23flows.store.files import export_labels, import_labels, labels_of, parse_words


def test_a_query_is_read_from_text():
    assert parse_words("metal=Cu, kmesh=3x3x3 ") == {"metal": "Cu", "kmesh": "3x3x3"}
    for wrong in ("metal", "metal=", "metal=Cu,,"):
        with pytest.raises(InputError, match="word=value"):
            parse_words(wrong)


def test_a_source_is_a_name_or_a_query(emt_archive):
    assert len(labels_of(emt_archive, "Cu-demo")) == 24
    assert len(labels_of(emt_archive, "Cu-demo", "test")) == 6
    assert len(labels_of(emt_archive, "kmesh=3x3x3,sigma_eV=0.2,regime=melt")) == 8
    with pytest.raises(InputError, match="no part 'validation'; it has train, test"):
        labels_of(emt_archive, "Cu-demo", "validation")
    with pytest.raises(InputError, match="parts"):
        labels_of(emt_archive, "kmesh=3x3x3", "test")
    with pytest.raises(NotFoundError, match="Cu-demo"):
        labels_of(emt_archive, "Ag-demo")


def test_an_export_comes_back_in_an_empty_archive(
    emt_archive, database_server, monkeypatch, tmp_path
):
    path = tmp_path / "copper.xyz"
    assert export_labels(emt_archive, "Cu-demo", path) == 24
    dataset = emt_archive.dataset("Cu-demo")
    fresh = Archive.open(database_server.uri, f"{tmp_path.name}-fresh")
    named = import_labels(fresh, [path], "copper").named
    assert named.dataset.parts == {"all": dataset.label_ids}
    assert fresh.dataset("copper").id == named.dataset.id
    for label in fresh.labels():
        (original,) = emt_archive.labels(frame=label.frame_id, recipe=label.recipe_id)
        assert label.model_dump_json() == original.model_dump_json()
    frames = list(fresh.frames())
    originals = emt_archive.get_many(Frame, [frame.id for frame in frames])
    assert [one.model_dump_json() for one in frames] == [one.model_dump_json() for one in originals]
    again = import_labels(fresh, [path], "copper").named
    assert (again.version, again.dataset.id) == (1, named.dataset.id)


def test_an_import_takes_the_place_of_rejections(emt_copy, tmp_path):
    path = tmp_path / "copper.xyz"
    export_labels(emt_copy, "Cu-demo", path)
    label = next(iter(emt_copy.labels(kmesh="3x3x3", sigma_eV=0.2)))
    emt_copy.database["labels"].delete_one({"_id": label.id})
    rejection = Rejection(
        provenance=label.provenance, frame_id=label.frame_id, recipe=label.recipe, reason="x"
    )
    emt_copy.record([rejection])
    import_labels(emt_copy, [path], "copper")
    assert emt_copy.database["rejections"].count_documents({}) == 0


def test_an_export_that_fails_leaves_no_file(emt_copy, tmp_path):
    path = tmp_path / "copper.xyz"
    path.write_text("what was there before")
    with pytest.raises(InputError, match="no energy 'total'"):
        export_labels(emt_copy, "Cu-demo", path, energy="total")
    emt_copy.database["frames"].delete_one({})
    with pytest.raises(NotFoundError, match="frames are not in the archive"):
        export_labels(emt_copy, "Cu-demo", path)
    assert path.read_text() == "what was there before"
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(InputError, match="no folder"):
        export_labels(emt_copy, "kmesh=2x2x2", tmp_path / "no" / "x.xyz")


def test_an_import_that_fails_stores_nothing(emt_archive, archive, tmp_path):
    good, bad = tmp_path / "good.xyz", tmp_path / "bad.xyz"
    export_labels(emt_archive, "Cu-demo", good)
    bad.write_text(good.read_text().replace("forces:R:3", "other:R:3"))
    fresh = Archive.open(database=f"{archive.database.name}-fresh")
    for paths, name, why in (
        ([good, bad], "copper", "bad.xyz has no forces"),
        ([good], "no name", "no name"),
        ([tmp_path / "none.xyz"], "copper", "no file"),
    ):
        with pytest.raises(InputError, match=why):
            import_labels(fresh, paths, name)
    assert all(fresh.database[name].count_documents({}) == 0 for name in COLLECTIONS)
