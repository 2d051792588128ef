"""The same question to two calculators whose answers are known."""

import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.mixing import LinearCombinationCalculator

from tm23flows.documents.structure import Crystal
from tm23flows.jobs.studies.phonon_question import PhononQuestion
from tm23flows.science.elasticity import standard_crystal
from tm23flows.science.relaxation import relax_crystal
from tm23flows.science.wave_vectors import high_symmetry_path, irreducible_mesh

SETTINGS = {"displacement_A": 0.01, "force_limit_eV_per_A": 1e-5, "imaginary_THz": 0.05}


@pytest.fixture
def question():
    crystal = standard_crystal(bulk("Cu", "hcp", a=2.58, c=4.10))
    return PhononQuestion(
        Crystal.from_atoms(crystal, "hcp", "a test"),
        (2, 2, 2),
        high_symmetry_path(crystal, 0.5),
        irreducible_mesh(crystal, (4, 4, 3)),
        SETTINGS,
    )


def test_forces_that_are_twice_as_large_have_frequencies_larger_by_the_root_of_two(question):
    one = question.in_own_crystal(EMT())
    two = question.in_own_crystal(LinearCombinationCalculator([EMT()], [2.0]))
    errors = question.errors(two, one)
    for row in (errors.all, errors.acoustic, errors.optical):
        assert row.percent == pytest.approx(100 * (2**0.5 - 1), rel=1e-3)
        assert row.mean_THz == pytest.approx(row.mae_THz)
    assert question.errors(None, one) is None
    assert question.errors(two, None) is None


def test_the_lattice_is_that_of_the_calculator_and_the_start_stays(question):
    made = question.curves(question.in_own_crystal(EMT()), "here")
    relaxed = relax_crystal(question.start.atoms, EMT(), 1e-5)
    assert [made.a_A, made.c_A] == pytest.approx(relaxed.cell.lengths()[[0, 2]], abs=1e-6)
    assert made.crystal.source == "here"
    there = question.phonons(question.start.atoms, EMT())
    assert question.curves(there, "there").a_A == pytest.approx(2.58)
    assert len(made.path_THz) == len(question.path.q_points)
