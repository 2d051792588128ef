"""Files: whole or not there, and what comes back is what went out."""

import pytest

from tm23flows.documents.frame import Frame
from tm23flows.documents.ids import content_id
from tm23flows.documents.label import Rejection
from tm23flows.errors import InputError, NotFoundError
from tm23flows.store.archive import Archive
from tm23flows.store.collections import COLLECTIONS
from tm23flows.store.exchange.manifest import file_entry, read_manifest
from tm23flows.store.files import (
    export_labels,
    import_files,
    import_labels,
    labels_of,
    parse_words,
)


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


def foreign(path, size=1):
    """Write a file of another program."""
    from ase.build import bulk
    from ase.calculators.singlepoint import SinglePointCalculator
    from ase.io import write

    atoms = bulk("Cu", cubic=True) * (size, 1, 1)
    atoms.calc = SinglePointCalculator(atoms, energy=-3.0, forces=atoms.positions * 0)
    write(path, atoms, format="extxyz")
    return path


DECLARED = {"energy": "unspecified", "energy_unit": "eV", "force_unit": "eV/A"}


def test_every_file_finds_its_importer(emt_archive, archive, tmp_path):
    ours, theirs = tmp_path / "ours.xyz", foreign(tmp_path / "theirs.xyz")
    export_labels(emt_archive, "Cu-demo", ours, "test")
    (done,) = import_files(archive, [ours], "ours")
    assert done.named.dataset.label_ids == emt_archive.dataset("Cu-demo").parts["test"]
    with pytest.raises(InputError, match="does not say what its numbers are"):
        import_files(archive, [theirs], "theirs")
    (done,) = import_files(archive, [theirs], "theirs", declared=DECLARED)
    assert done.named.dataset.energy == "unspecified"
    assert done.named.dataset.query == {"files": ["theirs.xyz"], "format": "declared"}
    (label,) = archive.labels(dataset="theirs")
    assert label.recipe.options["source"] == "theirs"
    assert label.provenance.inputs["import"]["licence"] == "not stated"
    with pytest.raises(InputError, match="import them apart"):
        import_files(archive, [ours, theirs], "both")


def test_another_declaration_never_hides_behind_the_first(archive, tmp_path):
    path = foreign(tmp_path / "theirs.xyz")
    import_files(archive, [path], "x", declared=DECLARED)
    import_files(archive, [path], "x", declared={**DECLARED, "energy_unit": "Ha"})
    energies = sorted(label.energies.unspecified for label in archive.labels())
    assert energies == [pytest.approx(-3.0 * 27.211386, rel=1e-6), -3.0]
    assert archive.database["frames"].count_documents({}) == 1


@pytest.mark.parametrize(
    ("name", "file_format", "declared", "why"),
    [
        ("a.xyz", "cif", {}, "no format 'cif'; use extxyz, ase-db, .* mvl-snap, .* rare-events"),
        ("none.xyz", None, {}, "no file"),
        ("a.parquet", None, DECLARED, "declarations are for extxyz and ase-db"),
        ("a.xyz", None, {"colour": "red"}, "no word 'colour'|does not say"),
    ],
)
def test_wrong_imports_are_one_sentence(archive, tmp_path, name, file_format, declared, why):
    foreign(tmp_path / "a.xyz")
    (tmp_path / "a.parquet").write_bytes(b"x")
    with pytest.raises(InputError, match=why):
        import_files(archive, [tmp_path / name], "x", file_format, declared)
    assert archive.database["frames"].count_documents({}) == 0


def test_a_licence_that_was_given_at_export_survives(
    emt_archive, archive, database_server, tmp_path
):
    first, second = tmp_path / "first.xyz", tmp_path / "second.h5"
    export_labels(emt_archive, "Cu-demo", first, "test", licence="CC-BY-4.0")
    import_files(archive, [first], "copper")
    original = labels_of(emt_archive, "Cu-demo", "test")[0]
    (label,) = archive.labels(frame=original.frame_id)
    assert label.provenance.inputs["import"]["licence"] == "CC-BY-4.0"
    assert original.provenance.inputs.items() <= label.provenance.inputs.items()
    past = label.provenance
    assert past.inputs_sha256 == content_id("inputs", inputs=past.inputs)
    export_labels(archive, "metal=Cu", second, file_format="hdf5")
    assert read_manifest(second).licence == "CC-BY-4.0"
    # A licence that somebody else gives later does not take the place of the first.
    export_labels(archive, "copper", second, file_format="hdf5", licence="CC0-1.0")
    third = Archive.open(database_server.uri, f"{tmp_path.name}-third")
    import_files(third, [second], "copper")
    (found,) = third.labels(frame=original.frame_id)
    assert found.provenance.inputs == label.provenance.inputs


def test_what_we_wrote_takes_no_declaration(emt_archive, archive, tmp_path):
    path = tmp_path / "ours.xyz"
    export_labels(emt_archive, "Cu-demo", path, "test")
    for words in ({"licence": "CC0-1.0"}, DECLARED):
        with pytest.raises(InputError, match="says itself what it holds"):
            import_files(archive, [path], "ours", declared=words)
    assert archive.database["frames"].count_documents({}) == 0


def test_files_of_the_same_name_keep_their_checksums(archive, tmp_path):
    paths = [tmp_path / one / "theirs.xyz" for one in "ab"]
    for size, path in enumerate(paths, start=1):
        path.parent.mkdir()
        foreign(path, size)
    (done,) = import_files(archive, paths, "x", declared=DECLARED)
    sums = {file_entry(path).sha256 for path in paths}
    assert set(done.named.dataset.provenance.inputs.values()) == sums
    assert len(sums) == 2


def test_an_at_sign_in_a_name_is_a_letter(archive, tmp_path):
    path = foreign(tmp_path / "theirs@300K.xyz")
    (done,) = import_files(archive, [path], "x", declared=DECLARED)
    assert done.n_frames == 1
    path.rename(tmp_path / "theirs.xyz.gz")  # which it is not
    with pytest.raises(InputError, match="not a readable extended XYZ file"):
        import_files(archive, [tmp_path / "theirs.xyz.gz"], "x", "extxyz", DECLARED)
