import sys
from pathlib import Path

import pytest

from tm23flows.documents.frame import Frame
from tm23flows.documents.label import Label
from tm23flows.store.archive import Archive

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "engines" / "vasp"))

from vasprun_text import Run


@pytest.fixture
def exported(tm23, emt_archive, tmp_path):
    path = tmp_path / "cu.xyz"
    ran = tm23("export", "Cu-demo", "--format", "extxyz", "-o", path)
    assert ran.code == 0, ran.err
    return path


def test_export_and_import_lose_nothing(tm23, emt_archive, exported, monkeypatch):
    wanted = emt_archive.dataset("Cu-demo").label_ids
    monkeypatch.setenv("TM23_DATABASE", "another-archive")
    ran = tm23("import", exported, "--name", "back")
    assert ran.code == 0, ran.err
    other = Archive.open()
    assert sorted(other.dataset("back").label_ids) == sorted(wanted)
    for one in wanted:
        label = emt_archive.get(Label, one)
        assert other.get(Label, one).model_dump_json() == label.model_dump_json()
        frame = emt_archive.get(Frame, label.frame_id)
        assert other.get(Frame, frame.id).model_dump_json() == frame.model_dump_json()
    other.database.client.drop_database("another-archive")


def test_importing_twice_adds_nothing(tm23, exported, archive):
    assert tm23("import", exported, "--name", "back").code == 0
    first = archive.database["labels"].count_documents({})
    assert tm23("import", exported, "--name", "back").code == 0
    assert archive.database["labels"].count_documents({}) == first
    assert archive.database["datasets"].count_documents({}) == 1


def test_a_part_of_a_dataset(tm23, emt_archive, tmp_path):
    ran = tm23("export", "Cu-demo", "--part", "test", "-o", tmp_path / "test.xyz")
    assert f"{len(emt_archive.dataset('Cu-demo').parts['test'])} frames" in ran.out


def test_ase_reads_energy_forces_and_stress(tm23, emt_archive, exported):
    from ase.io import read

    label = emt_archive.get(Label, emt_archive.dataset("Cu-demo").label_ids[0])
    atoms = next(a for a in read(exported, ":") if a.info["label_id"] == label.id)
    assert atoms.get_potential_energy() == label.energies.free
    assert (atoms.get_forces() == label.forces).all()
    assert (atoms.get_stress() == label.stress).all()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("nothing-like-this", "-o", "x.xyz"), "There is no dataset"),
        (("metal=Os", "-o", "x.xyz"), "finds no labels"),
        (("Cu-demo", "-o", "no/such/folder/x.xyz"), "There is no folder"),
        (("Cu-demo", "-o", "x.xyz", "--format", "cif"), "There is no format"),
        (("Cu-demo", "-o", "x.xyz", "--part", "valid"), "has no part"),
        (("Cu-demo", "-o", "x.xyz", "--energy", "total"), "There is no energy"),
    ],
)
def test_wrong_exports_write_no_file(tm23, emt_archive, tmp_path, monkeypatch, words, sentence):
    monkeypatch.chdir(tmp_path)
    ran = tm23("export", *words)
    assert ran.code == 2
    assert sentence in ran.err
    assert list(tmp_path.iterdir()) == []


def test_a_run_of_vasp_is_known_and_imported(tm23, archive, tmp_path):
    path = tmp_path / "vasprun.xml"
    path.write_text(Run(n_scf=(2, 2, 60, 2)).text)
    for words in ((), ("--format", "vasprun")):
        ran = tm23("import", path, "--name", "copper", *words)
        assert ran.code == 0, ran.err
        assert ran.out == "3 labels as copper@1, 1 rejected, 1 trajectory\n"
    ran = tm23("import", path, "--name", "copper", "--first", 2, "--stride", 2)
    assert ran.out.startswith("2 labels as copper@2, 0 rejected")
    assert sorted(one.step for one in archive.labels(metal="Cu")) == [1, 2, 4]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--format", "extxyz"), "not a readable extended XYZ file"),
        (("--format", "outcar"), "There is no format 'outcar'; use extxyz, ase-db"),
        (("--stride", "0"), "stride"),
    ],
)
def test_wrong_imports_of_runs_are_one_sentence(tm23, archive, tmp_path, words, sentence):
    path = tmp_path / "vasprun.xml"
    path.write_text(Run().text)
    ran = tm23("import", path, "--name", "copper", *words)
    assert ran.code == 2
    assert sentence in ran.err
    assert archive.database["labels"].count_documents({}) == 0
