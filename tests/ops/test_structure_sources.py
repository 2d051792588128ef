"""Structure files: what is taken from them, and what is refused."""

import hashlib
import json

import numpy as np
import pytest
from ase import Atoms
from ase.io import write

from tm23flows.documents.structure import Crystal
from tm23flows.errors import InputError
from tm23flows.jobs.structure import make_structure
from tm23flows.ops.structure_sources import read_crystal
from tm23flows.science.metals import metal
from tm23flows.science.prototypes import build_conventional, build_primitive


@pytest.fixture
def omega():
    return build_primitive(metal("Ti"), "omega", a_A=4.57, c_over_a=0.62)


@pytest.mark.parametrize(
    ("name", "file_format"),
    [
        ("POSCAR", "vasp"),
        ("CONTCAR.relaxed", "vasp"),
        ("ti.cif", "cif"),
        ("ti.extxyz", "extxyz"),
        ("ti@0.xyz", "extxyz"),
    ],
)
def test_formats_of_ase(tmp_path, omega, name, file_format):
    write(tmp_path / name, omega, format=file_format)
    crystal = read_crystal(tmp_path / name, "Ti")
    checksum = hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
    assert (crystal.element, crystal.phase) == ("Ti", "omega")
    assert crystal.source == f"file {name}, sha256 {checksum}"
    assert crystal.details == {"file": name, "sha256": checksum}
    assert crystal.atoms.cell.cellpar() == pytest.approx(omega.cell.cellpar())
    # CIF keeps the lattice and turns it; distances stay.
    ours, theirs = (one.get_all_distances(mic=True) for one in (crystal.atoms, omega))
    assert ours == pytest.approx(theirs, abs=1e-6)


def test_formats_that_only_pymatgen_reads(tmp_path, omega):
    from pymatgen.io.ase import AseAtomsAdaptor

    path = tmp_path / "ti.json"
    path.write_text(json.dumps(AseAtomsAdaptor.get_structure(omega).as_dict()))
    assert read_crystal(path, "Ti").phase == "omega"


def test_a_crystal_survives_the_way_to_the_worker(tmp_path, omega):
    write(tmp_path / "POSCAR", omega, format="vasp")
    crystal = read_crystal(tmp_path / "POSCAR", "Ti")
    back = Crystal.model_validate(json.loads(json.dumps(crystal.model_dump(mode="json"))))
    assert back == crystal
    (tmp_path / "POSCAR").unlink()
    given = back.model_dump(mode="json")
    structure = make_structure("Ti", "given", None, 7.0, "image-distance", 0, None, given)
    assert len(structure.numbers) == 35  # 2 x 2 x 3 cells: 4.57 A and 2.83 A against 7 A
    assert structure.phase_source == crystal.source
    assert structure.provenance.inputs["crystal"]["details"]["sha256"] == crystal.details["sha256"]


def _broken(tmp_path, name, **cell):
    write(tmp_path / name, Atoms("Ti2", **cell), format="extxyz")
    return tmp_path / name


@pytest.mark.parametrize(
    ("name", "cell", "why"),
    [
        ("flat.xyz", {"positions": [[0, 0, 0], [0, 0, 3]], "pbc": False}, "no cell"),
        ("slab.xyz", {"positions": [[0, 0, 0], [0, 0, 3]], "cell": [3, 3, 9],
                      "pbc": [True, True, False]}, "no cell"),
        ("near.xyz", {"positions": [[0, 0, 0], [0.5, 0.5, 0.5]], "cell": [3, 3, 3], "pbc": True},
         "0.87 A apart"),
        ("small.xyz", {"positions": [[0, 0, 0], [0.5, 0.5, 0.5]], "cell": [1, 1, 1], "pbc": True},
         "A apart"),
        ("nan.xyz", {"positions": [[0, 0, 0], [np.nan, 1.5, 1.5]], "cell": [3, 3, 3], "pbc": True},
         "not a number"),
    ],
)  # fmt: skip
def test_what_is_no_crystal_is_refused(tmp_path, name, cell, why):
    with pytest.raises(InputError, match=why):
        read_crystal(_broken(tmp_path, name, **cell), "Ti")


def test_other_elements_and_alloys_are_refused(tmp_path, omega):
    write(tmp_path / "POSCAR", omega, format="vasp")
    with pytest.raises(InputError, match="holds Ti, not Zr alone"):
        read_crystal(tmp_path / "POSCAR", "Zr")
    omega.symbols[0] = "Zr"
    write(tmp_path / "POSCAR", omega, format="vasp")
    with pytest.raises(InputError, match="holds Ti, Zr, not Ti alone"):
        read_crystal(tmp_path / "POSCAR", "Ti")


def test_partly_filled_sites_are_refused(tmp_path, omega):
    from pymatgen.core import Structure

    sites = [{"Ti": 0.5}, "Ti", "Ti"]
    half = Structure(omega.cell.array, sites, omega.get_scaled_positions())
    half.to(filename=str(tmp_path / "half.cif"))
    with pytest.raises(InputError, match="partly filled"):
        read_crystal(tmp_path / "half.cif", "Ti")


def test_one_structure_of_the_size_of_a_cell(tmp_path, omega):
    write(tmp_path / "two.extxyz", [omega, omega], format="extxyz")
    with pytest.raises(InputError, match="holds 2 structures"):
        read_crystal(tmp_path / "two.extxyz", "Ti")
    write(tmp_path / "POSCAR", build_conventional(metal("Cu")).repeat(7), format="vasp")
    with pytest.raises(InputError, match="1372 atoms: give the unit cell"):
        read_crystal(tmp_path / "POSCAR", "Cu")


@pytest.mark.parametrize("name", ["x.txt", "x.cif", "POSCAR", "x.xyz", "x.json", "x.vasp"])
@pytest.mark.parametrize("content", ["", "hello\n", "\x00\x01\xff"])
def test_what_is_no_structure_file_is_refused_in_one_sentence(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match="Neither ASE nor pymatgen") as caught:
        read_crystal(tmp_path / name, "Ti")
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        read_crystal(tmp_path / "POSCAR", "Ti")
    with pytest.raises(InputError, match="Is a directory"):
        read_crystal(tmp_path, "Ti")
