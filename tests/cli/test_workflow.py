"""The words about the structure: what reaches the workflow, and what is refused."""

import hashlib

import numpy as np
import pytest
from ase.io import write
from fireworks import Workflow

from tm23flows.documents.structure import Crystal
from tm23flows.jobs.structure import make_structure
from tm23flows.science.metals import metal
from tm23flows.science.prototypes import build_primitive

KEY = "0123456789abcdefghijklmnopqrstuv"


@pytest.fixture
def poscar(tmp_path):
    path = tmp_path / "POSCAR"
    write(path, build_primitive(metal("Ti"), "omega", a_A=4.57, c_over_a=0.62), format="vasp")
    return path


@pytest.fixture
def structure_of(tm23, tmp_path):
    """Build a workflow; make the structure from the arguments in its file alone."""

    def build(*words, name="Ti structure"):
        path = tmp_path / "wf.yaml"
        ran = tm23("build", *words, "--engine", "emt", "-o", path)
        assert ran.code == 0, ran.err
        jobs = {fw.name: fw.tasks[0]["job"] for fw in Workflow.from_file(str(path)).fws}
        return make_structure(*jobs[name].function_args)

    return build


def test_the_default_is_the_table(structure_of):
    structure = structure_of("Ti", "--scale", "paper")
    assert structure.phase == "hcp"
    assert structure.phase_source == metal("Ti").sources["phase"]


def test_the_paper_has_alpha_manganese_and_the_demonstration_bcc(structure_of):
    paper = structure_of("Mn", "--scale", "paper", name="Mn structure")
    assert (paper.phase, len(paper.numbers)) == ("alpha-Mn", 57)
    demo = structure_of("Mn", name="Mn structure")
    assert (demo.phase, len(demo.numbers)) == ("bcc", 7)
    assert "bcc was asked for; volume per atom of alpha-Mn" in demo.phase_source


def test_a_phase(structure_of):
    paper = structure_of("Ti", "--phase", "omega", "--scale", "paper")
    assert paper.phase == "omega"
    assert paper.phase_source.startswith("omega was asked for; volume per atom of hcp")
    assert structure_of("Ti", "--phase", "omega").phase == "omega"


def test_the_article_s_titanium_has_80_atoms(structure_of):
    structure = structure_of("Ti", "--phase", "omega", "--supercell", "3x3x3", "--scale", "paper")
    assert len(structure.numbers) == 80
    assert (structure.supercell_rule, structure.min_length_A) == ("given", None)


def test_a_file_is_not_needed_by_the_worker(tm23, structure_of, poscar, tmp_path):
    checksum = hashlib.sha256(poscar.read_bytes()).hexdigest()
    ran = tm23("build", "Ti", "--structure", poscar, "--engine", "emt", "-o", tmp_path / "x.yaml")
    assert ran.err == f"Ti: omega; file POSCAR, sha256 {checksum}\n"
    poscar.rename(tmp_path / "elsewhere")
    jobs = {fw.name: fw.tasks[0]["job"] for fw in Workflow.from_file(str(tmp_path / "x.yaml")).fws}
    structure = make_structure(*jobs["Ti structure"].function_args)
    assert (structure.phase, structure.basis) == ("omega", "given")
    assert structure.phase_source == f"file POSCAR, sha256 {checksum}"
    assert structure.provenance.inputs["crystal"]["details"] == {
        "file": "POSCAR",
        "sha256": checksum,
    }
    assert str(tmp_path) not in structure.model_dump_json()
    volume = abs(np.linalg.det(structure.cell))
    assert volume == pytest.approx(4.57**3 * 0.62 * 3**0.5 / 2 * 4)


def test_a_file_at_the_scale_of_the_paper(structure_of, poscar):
    structure = structure_of("Ti", "--structure", poscar, "--scale", "paper")
    assert structure.min_image_distance_A >= 7
    assert structure.supercell_rule == "image-distance"


@pytest.fixture
def project(monkeypatch):
    """A stand-in for the service; the real client is tested in tests/ops."""
    asked = []

    def fetch(element, material_id=None):
        asked.append((element, material_id))
        atoms = build_primitive(metal(element), "hcp")
        words = f"Materials Project {material_id or 'mp-1'}, observed"
        return Crystal.from_atoms(atoms, "hcp", words, material_id=material_id)

    monkeypatch.setattr("tm23flows.ops.materials_project.fetch_crystal", fetch)
    return asked


def test_the_materials_project(structure_of, project):
    by_id = structure_of("Ti", "--mp-id", "mp-46", "--scale", "paper")
    assert by_id.phase_source == "Materials Project mp-46, observed"
    assert by_id.basis == "conventional"
    by_rule = structure_of("Zr", "Ti", "--mp")
    assert by_rule.phase_source == "Materials Project mp-1, observed"
    assert by_rule.basis == "primitive"
    assert len(by_rule.numbers) == 7
    assert project == [("Ti", "mp-46"), ("Zr", None), ("Ti", None)]


def test_nobody_is_asked_when_something_else_is_wrong(tm23, tmp_path, project):
    for words in (("Xx",), ("Ti", "--scale", "huge"), ("Ti", "Ti"), ("Ti", "--phase", "fcc")):
        assert tm23("build", *words, "--mp", "-o", tmp_path / "wf.yaml").code == 2
    assert project == []


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("Ti", "--phase", "bct"), "'bct' is not a known phase: choose one of fcc, bcc, hcp"),
        (("Ti", "--structure", "POSCAR", "--mp"), "--structure and --mp contradict each other"),
        (("Ti", "--phase", "hcp", "--mp-id", "mp-46"), "--phase and --mp-id contradict"),
        (("Ti", "Zr", "--structure", "POSCAR"), "--structure is for one metal, not for Ti, Zr"),
        (("Ti", "Zr", "--mp-id", "mp-46"), "--mp-id is for one metal"),
        (("Ti", "--structure", "nowhere.cif"), "cannot be read: No such file"),
        (("Cu", "--structure", "POSCAR"), "holds Ti, not Cu alone"),
        (("Ti", "--supercell", "2x2"), "three numbers above zero such as 3x3x2, not '2x2'"),
        (("Ti", "--supercell", "2x0x2"), "three numbers above zero"),
        (("Ti", "--supercell", "axbxc"), "three numbers above zero"),
        (("Ti", "--mp"), "MP_API_KEY"),
    ],
)
def test_wrong_words_write_no_file(tm23, poscar, tmp_path, monkeypatch, words, sentence):
    monkeypatch.delenv("MP_API_KEY", raising=False)
    monkeypatch.delenv("PMG_MAPI_KEY", raising=False)
    monkeypatch.chdir(poscar.parent)
    ran = tm23("build", *words, "-o", "wf.yaml")
    assert ran.code == 2
    assert sentence in ran.err
    assert ran.err.count("\n") == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["POSCAR"]


def test_no_network_is_one_sentence(tm23, tmp_path, monkeypatch):
    pytest.importorskip("mp_api", reason="needs mp-api: pip install 'tm23flows[mp]'")
    monkeypatch.setenv("MP_API_KEY", KEY)
    monkeypatch.setenv("MP_API_ENDPOINT", "http://127.0.0.1:9/")
    ran = tm23("build", "Ti", "--mp", "-o", tmp_path / "wf.yaml")
    assert ran.code == 2
    assert ran.err.count("\n") == 1
    assert "does not answer" in ran.err
    assert KEY not in ran.err
