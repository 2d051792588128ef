"""Every way in which a run is not what was asked for is found."""

import gzip
import shutil
from dataclasses import replace

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure
from pymatgen.io.vasp import Incar, Kpoints, Poscar

from tm23flows.engines.vasp.check import drifts, highest_occupation, used_drifts
from tm23flows.engines.vasp.header import read_header
from tm23flows.engines.vasp.incar_tags import FROZEN_TAGS
from tm23flows.engines.vasp.inputs import TM23MDSet, TM23StaticSet, input_files
from tm23flows.engines.vasp.makers import TM23MDMaker, TM23StaticMaker
from tm23flows.engines.vasp.run import run_in

pytestmark = pytest.mark.filterwarnings("ignore")

SETS = {
    "static": TM23StaticSet(kmesh=(2, 2, 2), kmesh_offset=(0.25, 0.25, 0.25), electron_shift=-3),
    "md": TM23MDSet(n_steps=3, temperature_K=1697.5),
}


@pytest.fixture
def finished(tmp_path, vasp, copper):
    """A function that gives the folder of a good run of a set, to be damaged."""

    def make(kind, generator=None, name="run", structure=copper):
        maker = {"static": TM23StaticMaker, "md": TM23MDMaker}[kind]()
        maker.input_set_generator = generator or SETS[kind]
        maker.run_vasp_kwargs["custodian_kwargs"] = {"polling_time_step": 0.05}
        report = run_in(tmp_path / name, maker, structure)
        assert report.error is None
        return tmp_path / name

    return make


@pytest.mark.parametrize("kind", SETS)
def test_a_run_as_asked_for_has_no_drift(kind, finished, copper):
    assert drifts(finished(kind), SETS[kind], copper) == []


FROZEN = {
    "ENCUT": 400,
    "PREC": "Single",
    "EDIFF": 1e-3,
    "LREAL": "Auto",
    "ISPIN": 2,
    "GGA": "Ps",
    "ISMEAR": 0,
    "SIGMA": 0.05,
    "NELECT": 118,
    "ISYM": 2,
    "SYMPREC": 1e-8,
    "NSW": 2,
    "IBRION": 2,
    "ISIF": 3,
    "POTIM": 2.5,
    "SMASS": -3,
    "MDALGO": 3,
    "TEBEG": 300,
    "TEEND": 1000,
}


@pytest.mark.parametrize("tag", FROZEN)
def test_a_frozen_tag_that_changed_in_the_input_is_named(tag, finished, copper):
    folder = finished("md")
    incar = Incar.from_file(folder / "INCAR")
    incar[tag] = FROZEN[tag]
    incar.write_file(folder / "INCAR")
    (drift,) = drifts(folder, SETS["md"], copper)
    assert f"INCAR has {tag} = " in drift


@pytest.mark.parametrize("tag", ["SIGMA", "ISMEAR", "POTIM", "MDALGO"])
def test_a_frozen_tag_that_is_gone_is_named(tag, finished, copper):
    folder = finished("md")
    incar = Incar.from_file(folder / "INCAR")
    del incar[tag]
    incar.write_file(folder / "INCAR")
    (drift,) = drifts(folder, SETS["md"], copper)
    assert f"INCAR has {tag} = None" in drift


ALSO_PHYSICS = {"LASPH": True, "ADDGRID": True, "NGX": 20, "NUPDOWN": 2, "DIPOL": [0.5, 0.5, 0.1]}


@pytest.mark.parametrize("tag", ALSO_PHYSICS)
def test_any_tag_that_is_no_numerics_is_named_when_it_comes_or_changes(tag, finished, copper):
    folder = finished("static")
    asked = replace(SETS["static"], user_incar_settings={"DIPOL": [0.5, 0.5, 0], "ROPT": "2*-1e-4"})
    # The simulator knows neither of the two.
    input_files(asked, copper)["INCAR"].write_file(folder / "INCAR")
    assert drifts(folder, asked, copper) == []
    incar = Incar.from_file(folder / "INCAR")
    incar[tag] = ALSO_PHYSICS[tag]
    incar.write_file(folder / "INCAR")
    (drift,) = drifts(folder, asked, copper)
    assert f"INCAR has {tag} = " in drift


@pytest.mark.parametrize("tag", ["ALGO", "NBANDS", "IMIX", "KPAR", "ISTART"])
def test_tags_of_numerics_may_change(tag, finished, copper):
    folder = finished("static")
    incar = Incar.from_file(folder / "INCAR")
    incar[tag] = {"ALGO": "All", "NBANDS": 90}.get(tag, 1)
    incar.write_file(folder / "INCAR")
    assert drifts(folder, SETS["static"], copper) == []


PARAMETERS = {
    "ENMAX": ("520.0", "400.0"),
    "PREC": ("accura", "single"),
    "EDIFF": ("0.000001", "0.001"),
    "ISPIN": ("1", "2"),
    "ISMEAR": ("1", "2"),
    "SIGMA": ("0.2", "0.636"),
    "ISYM": ("0", "2"),
    "NELECT": ("116.0", "119.0"),
    "NSW": ("0", "3"),
    "GGA": ("--", "PS"),
}


def rewrite(folder, tag, value, section="parameters"):
    """Put another value of a tag into a section of vasprun.xml."""
    path = folder / "vasprun.xml"
    before, opening, rest = path.read_text().partition(f"<{section}>")
    body, closing, after = rest.partition(f"</{section}>")
    start = body.index(">", body.index(f'name="{tag}"')) + 1
    body = body[:start] + f" {value} " + body[body.index("<", start) :]
    path.write_text(before + opening + body + closing + after)


@pytest.mark.parametrize("tag", PARAMETERS)
def test_what_vasp_used_counts_and_not_only_what_it_was_given(tag, finished, copper):
    folder = finished("static")
    rewrite(folder, tag, PARAMETERS[tag][1])
    (drift,) = drifts(folder, SETS["static"], copper)
    assert drift.startswith("VASP has ")
    assert {"ENMAX": "ENCUT"}.get(tag, tag) in drift


def test_what_vasp_read_counts(finished, copper):
    folder = finished("static")
    rewrite(folder, "SIGMA", "0.636", section="incar")
    assert drifts(folder, SETS["static"], copper) == ["vasprun.xml has SIGMA = 0.636, not 0.2"]


def test_electrons_are_compared_also_where_no_tag_says_them(finished, copper):
    generator = TM23StaticSet()
    folder = finished("static", generator)
    rewrite(folder, "NELECT", "118.0")
    assert drifts(folder, generator, copper) == ["VASP has NELECT = 118.0, not 119.0"]


@pytest.mark.parametrize(
    "kpoints",
    [
        Kpoints.gamma_automatic((2, 2, 2)),
        Kpoints.gamma_automatic((3, 3, 3)),
        Kpoints.automatic(20),
    ],
)
def test_another_mesh_is_found(kpoints, finished, copper):
    folder = finished("static")
    kpoints.write_file(folder / "KPOINTS")
    assert drifts(folder, SETS["static"], copper)


def test_the_same_mesh_written_otherwise_is_the_same(finished, copper):
    folder = finished("static")
    Kpoints.monkhorst_automatic((2, 2, 2)).write_file(folder / "KPOINTS")
    assert drifts(folder, SETS["static"], copper) == []


def test_a_run_with_another_mesh_is_found_though_the_inputs_look_right(finished, copper):
    other, good = (
        finished("static", TM23StaticSet(kmesh=(2, 2, 2), electron_shift=-3)),
        SETS["static"],
    )
    shutil.copy(finished("static", name="good") / "KPOINTS", other / "KPOINTS")
    (drift,) = drifts(other, good, copper)
    assert "vasprun.xml has the mesh" in drift


def test_another_cell_and_other_positions_are_found(finished, copper):
    folder = finished("static")
    stretched = copper.copy()
    stretched.apply_strain(1e-4)
    Poscar(stretched).write_file(folder / "POSCAR")
    assert drifts(folder, SETS["static"], copper) == ["POSCAR has another cell"]
    moved = copper.copy()
    moved.translate_sites([0], [1e-4, 0, 0])
    Poscar(moved).write_file(folder / "POSCAR")
    assert drifts(folder, SETS["static"], copper) == ["POSCAR has other positions"]


def test_atoms_in_another_order_are_found(finished, faults, copper):
    faults({"do": "permute"})
    folder = finished("static")
    (drift,) = drifts(folder, SETS["static"], copper)
    assert "another order" in drift


def test_atoms_of_several_elements_keep_their_order(finished):
    mixed = Structure(
        Lattice.cubic(6),
        ["Cu", "Ti", "Cu"],
        [[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5]],
    )
    folder = finished("static", structure=mixed)
    assert drifts(folder, SETS["static"], mixed) == []
    other = Structure(mixed.lattice, ["Cu", "Cu", "Ti"], mixed.frac_coords)
    assert any("other atoms" in drift for drift in drifts(folder, SETS["static"], other))


def test_another_dataset_is_found(finished, copper):
    folder = finished("static", TM23StaticSet(user_potcar_settings={"Cu": "Cu"}))
    found = drifts(folder, TM23StaticSet(), copper)
    assert any("dataset PAW_PBE Cu " in drift for drift in found)


@pytest.mark.parametrize("text", ["", "<modeling>", "no xml"])
def test_output_that_cannot_be_read_is_a_drift(text, finished, copper):
    folder = finished("static")
    (folder / "vasprun.xml").write_text(text)
    (drift,) = drifts(folder, SETS["static"], copper)
    assert drift.startswith("vasprun.xml cannot be read: vasprun.xml ")
    (folder / "vasprun.xml").unlink()
    (drift,) = drifts(folder, SETS["static"], copper)
    assert drift.startswith("vasprun.xml cannot be read: ")


def test_an_input_that_is_gone_is_a_drift(finished, copper):
    folder = finished("static")
    (folder / "KPOINTS").unlink()
    (drift,) = drifts(folder, SETS["static"], copper)
    assert "input cannot be read" in drift


def eigenvalues(*occupations):
    points = "".join(
        f'<set comment="kpoint {k}">' + "".join(f"<r> 1.0 {o:.4f} </r>" for o in point) + "</set>"
        for k, point in enumerate(occupations, 1)
    )
    return (
        f'<eigenvalues><array><set><set comment="spin 1">{points}</set></set></array></eigenvalues>'
    )


@pytest.mark.parametrize(
    ("bands", "n", "expected"),
    [
        ([(1, 0.5, 0.0), (1, 1, 0.002)], 3, 0.002),
        ([(1, 0.5, -0.01), (1, 1, 0.002)], 3, 0.01),
        ([(1, 0.5), (1, 1)], 3, None),
    ],
)
def test_the_occupation_of_the_highest_band_is_its_largest(bands, n, expected, tmp_path):
    path = tmp_path / "vasprun.xml"
    path.write_text(f"<modeling>{eigenvalues(*bands)}</modeling>")
    assert highest_occupation(path, n) == expected


def test_a_file_without_bands_says_nothing(tmp_path):
    (tmp_path / "vasprun.xml").write_text("<modeling></modeling>")
    assert highest_occupation(tmp_path / "vasprun.xml", 3) is None


@pytest.mark.parametrize(("occupation", "enough"), [(0.0, True), (0.0005, True), (0.02, False)])
def test_too_few_bands_for_the_smearing_are_found(occupation, enough, finished, copper):
    folder = finished("static")
    path = folder / "vasprun.xml"
    text = path.read_text()
    rewrite(folder, "NBANDS", "2")
    text = path.read_text()
    start, end = text.index("<eigenvalues>"), text.index("</eigenvalues>") + len("</eigenvalues>")
    path.write_text(text[:start] + eigenvalues((1, occupation)) + text[end:])
    found = drifts(folder, SETS["static"], copper)
    assert found == [] if enough else "highest band is not empty" in found[0]


def test_no_real_run_differs_from_its_own_input_and_a_changed_one_does(real_vaspruns):
    for real in real_vaspruns:
        header = read_header(real)
        asked = {tag: value for tag, value in header.incar.items() if tag in FROZEN_TAGS}
        assert used_drifts(header.parameters, asked) == [], real
        if "ENCUT" in asked:
            assert used_drifts(header.parameters, {**asked, "ENCUT": asked["ENCUT"] + 1})


def test_a_mass_that_was_asked_for_is_compared_and_the_one_that_vasp_chooses_is_not():
    assert used_drifts({"SMASS": 0.0163}, {"SMASS": 0}) == []
    assert used_drifts({"SMASS": -3.0}, {"SMASS": 0})
    assert used_drifts({"SMASS": 0.0163}, {"SMASS": 2})


def test_real_space_projection_is_compared_as_a_truth_value():
    assert used_drifts({"LREAL": True}, {"LREAL": "Auto"}) == []
    assert used_drifts({"LREAL": True}, {"LREAL": False})
    assert used_drifts({"LREAL": False}, {"LREAL": "Auto"})


def test_bands_of_real_runs_are_read(real_vaspruns, tmp_path):
    from pymatgen.io.vasp import Vasprun

    checked = 0
    for real in real_vaspruns:
        with gzip.open(real) as file:
            (tmp_path / "vasprun.xml").write_bytes(file.read())
        run = Vasprun(tmp_path / "vasprun.xml", parse_dos=False, parse_potcar_file=False)
        if not run.eigenvalues:
            continue
        theirs = max(np.abs(spin[:, -1, 1]).max() for spin in run.eigenvalues.values())
        n_bands = run.parameters["NBANDS"]
        assert highest_occupation(tmp_path / "vasprun.xml", n_bands) == pytest.approx(theirs)
        checked += 1
    assert checked >= 5
