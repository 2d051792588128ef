"""Prototype cells: counts, coordination, volumes and overrides."""

import numpy as np
import pytest
from ase import Atoms

from tm23flows.errors import InputError
from tm23flows.science.metals import METALS, metal
from tm23flows.science.prototypes import PHASES, build_conventional, build_primitive

SITES = {"fcc": 1, "bcc": 1, "hcp": 2, "omega": 3, "rhombohedral": 1, "alpha-Mn": 29}


def neighbours(atoms: Atoms) -> tuple[float, int]:
    """Distance to the nearest atoms and how many of them the first atom has."""
    repeated = atoms.repeat(4)
    distances = np.sort(repeated.get_distances(0, range(1, len(repeated)), mic=True))
    return distances[0], int((distances < distances[0] + 0.01).sum())


@pytest.mark.parametrize("symbol", METALS)
def test_every_metal_builds_in_its_default_phase(symbol):
    entry = metal(symbol)
    atoms = build_primitive(entry)
    assert len(atoms) == SITES[entry.phase]
    assert set(atoms.symbols) == {symbol}
    assert atoms.pbc.all()
    assert 2.2 < neighbours(atoms)[0] < 3.3


@pytest.mark.parametrize("symbol", METALS)
@pytest.mark.parametrize("phase", PHASES)
def test_another_phase_keeps_the_volume_per_atom(symbol, phase):
    default, other = build_primitive(metal(symbol)), build_primitive(metal(symbol), phase)
    assert len(other) == SITES[phase]
    expected = default.get_volume() / len(default)
    assert other.get_volume() / len(other) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("phase", "count"), [("fcc", 12), ("bcc", 8)])
def test_coordination_of_cubic_phases(phase, count):
    assert neighbours(build_primitive(metal("Cu"), phase))[1] == count


def test_ideal_hcp_has_twelve_neighbours():
    assert neighbours(build_primitive(metal("Cu"), "hcp"))[1] == 12


def test_alpha_manganese_has_58_atoms_in_the_cube_and_no_close_pair():
    cube = build_conventional(metal("Mn"), "alpha-Mn", a_A=8.911)
    assert len(cube) == 58
    assert cube.cell.cellpar() == pytest.approx([8.911] * 3 + [90] * 3)
    distances = cube.get_all_distances(mic=True) + 10 * np.eye(58)
    assert distances.min() == pytest.approx(2.258, abs=1e-3)
    assert not cube.info


def test_manganese_is_alpha_manganese_and_bcc_keeps_its_volume():
    assert len(build_primitive(metal("Mn"))) == 29
    cube = build_conventional(metal("Mn"))
    assert len(cube) == 58
    assert cube.cell.cellpar() == pytest.approx([8.89] * 3 + [90] * 3)
    bcc = build_primitive(metal("Mn"), "bcc")
    assert bcc.get_volume() == pytest.approx(8.89**3 / 58)
    assert build_primitive(metal("Mn"), a_A=8.6).get_volume() == pytest.approx(8.6**3 / 2)


@pytest.mark.parametrize(
    ("symbol", "label"),
    [("Cu", "A1"), ("W", "A2"), ("Mn", "A12"), ("Hg", "A10")],
)
def test_cells_agree_with_the_prototypes_of_pymatgen(symbol, label):
    """An independent table: AFLOW's cells of just these metals, as shipped with pymatgen."""
    from pymatgen.analysis.prototypes import AFLOW_PROTOTYPE_LIBRARY
    from pymatgen.analysis.structure_matcher import StructureMatcher
    from pymatgen.io.ase import AseAtomsAdaptor

    (theirs,) = [
        entry["snl"].structure
        for entry in AFLOW_PROTOTYPE_LIBRARY
        if entry["tags"]["strukturbericht"] == label
    ]
    ours = AseAtomsAdaptor.get_structure(build_primitive(metal(symbol)))
    assert ours.volume / len(ours) == pytest.approx(theirs.volume / len(theirs), rel=0.01)
    ours.replace_species({symbol: theirs.species[0]})
    strict = StructureMatcher(ltol=0.01, stol=0.01, angle_tol=0.1, scale=False)
    assert strict.fit(ours, theirs)


def test_lattice_constants_can_be_given():
    assert build_conventional(metal("Cu"), a_A=3.7).cell.lengths() == pytest.approx([3.7] * 3)
    titanium = build_primitive(metal("Ti"), "omega", a_A=4.6, c_over_a=0.61)
    assert titanium.cell.lengths() == pytest.approx([4.6, 4.6, 4.6 * 0.61])
    assert build_primitive(metal("Ti"), c_over_a=1.6).cell.lengths()[2] == pytest.approx(2.95 * 1.6)


@pytest.mark.parametrize(("symbol", "sites"), [("Cu", 4), ("W", 2), ("Ti", 2), ("Hg", 1)])
def test_conventional_cells(symbol, sites):
    assert len(build_conventional(metal(symbol))) == sites


def test_an_unknown_phase_is_refused_with_the_list():
    with pytest.raises(InputError, match=r"'diamond'.*fcc, bcc, hcp"):
        build_primitive(metal("Cu"), "diamond")


@pytest.mark.parametrize("option", ["a_A", "c_over_a"])
@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_lattice_constants_must_be_positive(option, value):
    with pytest.raises(InputError, match=option):
        build_primitive(metal("Ti"), **{option: value})
