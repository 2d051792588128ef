"""The files that are written: all of them, and nothing in them that nobody asked for."""

import warnings

import numpy as np
import pytest
from atomate2 import SETTINGS
from monty.json import MontyDecoder
from pymatgen.core import Lattice, Structure
from pymatgen.io.vasp import Kpoints

from tm23flows.engines.vasp.inputs import TM23MDSet, TM23StaticSet, input_files
from tm23flows.errors import InputError

STATIC = {
    "PREC": "Accurate",
    "ENCUT": 520,
    "EDIFF": 1e-6,
    "ALGO": "Normal",
    "NELM": 100,
    "ISMEAR": 1,
    "SIGMA": 0.2,
    "ISPIN": 1,
    "ISYM": 0,
    "LREAL": False,
    "LMAXMIX": 4,
    "NSW": 0,
    "LWAVE": True,
    "LCHARG": True,
}
MD = {
    **STATIC,
    "PREC": "Normal",
    "EDIFF": 1e-5,
    "NELMIN": 4,
    "NELM": 60,
    "LWAVE": False,
    "LCHARG": False,
    "IBRION": 0,
    "MDALGO": 2,
    "SMASS": 0,
    "ISIF": 2,
    "POTIM": 5,
    "NSW": 11000,
    "TEBEG": 300,
    "TEEND": 300,
}


@pytest.fixture(autouse=True)
def _library(vasp):
    warnings.filterwarnings("ignore", message=".*POTCAR")


def incar(generator, structure):
    return dict(input_files(generator, structure)["INCAR"])


@pytest.mark.parametrize(("make", "whole"), [(TM23StaticSet, STATIC), (TM23MDSet, MD)])
def test_the_incar_is_what_the_protocol_says_and_no_tag_more(make, whole, copper):
    assert incar(make(), copper) == whole


@pytest.mark.parametrize(("symbol", "lmaxmix"), [("Ti", 4), ("Hg", 6)])
def test_the_one_tag_that_pymatgen_would_add_is_ours(symbol, lmaxmix):
    structure = Structure(Lattice.cubic(5), [symbol], [[0, 0, 0]])
    assert incar(TM23StaticSet(), structure)["LMAXMIX"] == lmaxmix


def test_a_magnetic_metal_with_moments_in_the_structure_has_no_spin():
    iron = Structure(
        Lattice.cubic(5),
        ["Fe"] * 2,
        [[0, 0, 0], [0.5, 0.5, 0.5]],
        site_properties={"magmom": [5, 5]},
    )
    assert incar(TM23StaticSet(), iron) == STATIC


def test_settings_of_the_site_are_not_in_the_set(copper, monkeypatch):
    monkeypatch.setattr(SETTINGS, "VASP_INCAR_UPDATES", {"ENCUT": 300})
    assert incar(TM23StaticSet(), copper) == STATIC


def test_atoms_keep_their_order_and_their_digits():
    order = ["Cu", "Ti", "Cu", "Cu"]
    places = np.random.default_rng(3).random((4, 3)) * 3 - 1
    structure = Structure(Lattice.cubic(5.123456789012345), order, places)
    files = input_files(TM23StaticSet(), structure)
    lines = str(files["POSCAR"]).splitlines()
    assert lines[5].split() == ["Cu", "Ti", "Cu"]
    written = np.array([[float(x) for x in line.split()[:3]] for line in lines[8:12]])
    assert np.abs(written - places).max() < 1e-15
    assert [one.symbol for one in files["POTCAR"]] == ["Cu_pv", "Ti_pv", "Cu_pv"]


def test_electrons_are_the_neutral_ones_and_the_shift(copper):
    neutral = sum(one.nelectrons for one in input_files(TM23StaticSet(), copper)["POTCAR"]) * 7
    assert incar(TM23StaticSet(electron_shift=-21), copper)["NELECT"] == neutral - 21
    assert "NELECT" not in incar(TM23StaticSet(electron_shift=0.0), copper)
    mixed = Structure(Lattice.cubic(9), ["Cu", "Ti", "Cu"], np.eye(3) / 2)
    zval = {
        s: input_files(TM23StaticSet(), Structure(Lattice.cubic(9), [s], [[0, 0, 0]]))["POTCAR"][
            0
        ].zval
        for s in ("Cu", "Ti")
    }
    assert (
        incar(TM23StaticSet(electron_shift=1), mixed)["NELECT"] == 2 * zval["Cu"] + zval["Ti"] + 1
    )


def test_a_large_smearing_gets_more_bands(copper):
    counts = {s: incar(TM23StaticSet(sigma_eV=s), copper).get("NBANDS") for s in (0.2, 0.5, 1, 2)}
    assert counts[0.2] is counts[0.5] is None
    electrons = 7 * 17
    assert counts[1] == np.ceil(1.6 * electrons / 2)
    assert counts[2] == electrons
    by_tag = TM23StaticSet(user_incar_settings={"SIGMA": 2.0})
    assert incar(by_tag, copper)["NBANDS"] == counts[2]
    assert (
        incar(TM23StaticSet(sigma_eV=2, user_incar_settings={"NBANDS": 90}), copper)["NBANDS"] == 90
    )
    assert "NBANDS" not in incar(TM23StaticSet(sigma_eV=2, bands_percent=0), copper)


def test_more_bands_are_never_fewer_than_vasps_own(copper):
    few = TM23StaticSet(bands_percent=1)
    electrons, atoms = 7 * 17, 7
    assert incar(few, copper)["NBANDS"] == max(
        (electrons + 2) // 2 + atoms // 2, 0.6 * electrons // 1
    )


def test_gamma_alone_has_no_shift_and_other_meshes_theirs(copper):
    kpoints = input_files(TM23MDSet(), copper)["KPOINTS"]
    assert (tuple(kpoints.kpts[0]), kpoints.kpts_shift) == ((1, 1, 1), (0, 0, 0))
    shifted = TM23StaticSet(kmesh=[2, 2, 3], kmesh_offset=[0.25, 0.25, 0])
    text = str(input_files(shifted, copper)["KPOINTS"])
    assert text.splitlines()[2:] == ["Gamma", "2 2 3", "0.5 0.5 0.0"]


def test_the_comment_of_a_users_mesh_cannot_reach_the_file(copper):
    evil = Kpoints.gamma_automatic((2, 2, 2), comment="x\n0\nGamma\n9 9 9\n")
    text = str(input_files(TM23StaticSet(user_kpoints_settings=evil), copper)["KPOINTS"])
    assert text.splitlines() == ["regular mesh", "0", "Gamma", "2 2 2"]


def test_writing_leaves_the_set_as_it_was(copper):
    generator = TM23StaticSet()
    before = generator.as_dict()
    input_files(generator, copper)
    assert generator.as_dict() == before


def test_tungsten_keeps_the_dataset_that_was_chosen(vasp):
    tungsten = Structure(Lattice.cubic(5), ["W"], [[0, 0, 0]])
    chosen = TM23StaticSet(user_potcar_settings={"W": "W_pv"})
    assert input_files(chosen, tungsten)["POTCAR"].symbols == ["W_pv"]
    old = TM23StaticSet(user_potcar_functional="PBE")
    assert input_files(old, tungsten)["POTCAR"].symbols == ["W_pv"]
    assert input_files(TM23StaticSet(), tungsten)["POTCAR"].symbols == ["W_sv"]


def test_a_set_survives_json_with_all_its_fields(copper):
    generator = TM23MDSet(
        n_steps=5,
        temperature_K=1700.5,
        sigma_eV=1.0,
        kmesh=(2, 2, 1),
        user_kpoints_settings=Kpoints.monkhorst_automatic((2, 4, 2)),
        user_incar_settings={"algo": "All", "MDALGO": None},
    )
    again = MontyDecoder().decode(generator.to_json())
    assert type(again) is TM23MDSet
    assert again == generator
    assert str(input_files(again, copper)["INCAR"]) == str(input_files(generator, copper)["INCAR"])
    assert "MDALGO" not in incar(again, copper)


@pytest.mark.parametrize(
    "settings", [{"NELECT": 300}, {"NSW": 3}, {"ALGO": "A\nSIGMA=9"}, {"potim": 1}], ids=str
)
def test_settings_that_belong_elsewhere_never_reach_a_file(settings, copper):
    with pytest.raises(InputError):
        input_files(TM23StaticSet(user_incar_settings=settings), copper)
