"""Cells from elsewhere: which phase they are, and their standard cells."""

import numpy as np
import pytest
from ase import Atoms
from hypothesis import given, settings
from hypothesis import strategies as st

from tm23flows.errors import InputError
from tm23flows.science.crystals import identify_phase, standard_cell
from tm23flows.science.metals import METALS, metal
from tm23flows.science.prototypes import PHASES, build_conventional, build_primitive


@pytest.mark.parametrize("symbol", METALS)
def test_every_shipped_cell_is_what_the_table_says(symbol):
    entry = metal(symbol)
    assert identify_phase(build_conventional(entry)) == entry.phase
    assert identify_phase(build_primitive(entry)) == entry.phase


@given(st.sampled_from([one for one in PHASES if one != "rhombohedral"]), st.integers(0, 999))
@settings(max_examples=20)
def test_neither_origin_nor_orientation_nor_repetition_matter(phase, seed):
    numbers = np.random.default_rng(seed)
    atoms = build_primitive(metal("Ti"), phase).repeat((1, 2, 1))
    atoms.positions += numbers.uniform(-2, 2, 3)
    atoms.rotate(numbers.uniform(0, 360), numbers.normal(size=3), rotate_cell=True)
    assert identify_phase(atoms) == phase


def test_a_rhombohedral_cell_at_60_degrees_is_fcc():
    assert identify_phase(build_primitive(metal("Cu"), "rhombohedral")) == "fcc"


def test_what_has_no_name_is_its_space_group():
    cube = Atoms("Cu", cell=[2.5, 2.5, 2.5], pbc=True)
    assert identify_phase(cube) == "Pm-3m, primitive cell of 1"
    kagome = Atoms(
        "Ti3", scaled_positions=[(0.5, 0, 0), (0, 0.5, 0), (0.5, 0.5, 0)],
        cell=[5, 5, 3, 90, 90, 120], pbc=True,
    )  # fmt: skip
    assert identify_phase(kagome) == "P6/mmm, primitive cell of 3"


def test_a_vacancy_is_no_phase_of_the_list():
    atoms = build_conventional(metal("Cu")).repeat(2)
    del atoms[3]
    assert identify_phase(atoms) not in PHASES


@pytest.mark.parametrize(
    ("phase", "primitive", "conventional"),
    [("fcc", 1, 4), ("bcc", 1, 2), ("hcp", 2, 2), ("omega", 3, 3), ("alpha-Mn", 29, 58)],
)
def test_standard_cells_keep_the_volume_per_atom(phase, primitive, conventional):
    given_cell = build_primitive(metal("Ti"), phase).repeat((2, 1, 1))
    for basis, count in (("primitive", primitive), ("conventional", conventional)):
        found = standard_cell(given_cell, basis)
        assert len(found) == count
        assert found.get_volume() / count == pytest.approx(
            given_cell.get_volume() / len(given_cell)
        )
        assert identify_phase(found) == phase


def test_the_conventional_cell_of_mercury_is_hexagonal():
    found = standard_cell(build_primitive(metal("Hg")), "conventional")
    assert len(found) == 3
    assert found.cell.angles() == pytest.approx([90, 90, 120])


def test_senseless_input_is_refused():
    with pytest.raises(InputError, match="primitive, conventional"):
        standard_cell(build_primitive(metal("Cu")), "given")
    with pytest.raises(InputError, match="on top of"):
        identify_phase(Atoms("Cu2", positions=np.zeros((2, 3)), cell=[3, 3, 3], pbc=True))


def test_it_is_refused_in_the_same_words_after_phonopy_has_changed_spglib(monkeypatch):
    monkeypatch.setattr("spglib.error.OLD_ERROR_HANDLING", False)
    with pytest.raises(InputError, match="on top of"):
        identify_phase(Atoms("Cu2", positions=np.zeros((2, 3)), cell=[3, 3, 3], pbc=True))
