import numpy as np
import pytest
from pymatgen.electronic_structure.core import Spin
from pymatgen.io.vasp import Vasprun

from tm23flows.testing.vasp_simulator.bands import FERMI_EV
from tm23flows.testing.vasp_simulator.inputs import read_inputs
from tm23flows.testing.vasp_simulator.projections import CORE_EV, IN_SPHERES, occupy, states

STATIC = {"NSW": 0, "IBRION": -1, "LORBIT": 11, "mesh": "Gamma\n2 2 2\n"}


def vasprun(folder):
    return Vasprun(folder / "vasprun.xml", parse_projected_eigen=True, parse_potcar_file=False)


def d_share_below(prepare, symbol):
    # enough bands for all d states
    inputs = read_inputs(prepare(symbol, symbol=symbol, NBANDS=200, **STATIC), "std")
    energies, kinds = states(inputs)
    assert (kinds == "d").sum(axis=1).tolist() == [5 * len(inputs.per_atom)] * len(energies)
    return np.mean(energies[kinds == "d"] < FERMI_EV)


def test_pymatgen_reads_what_the_states_are(run, prepare):
    folder = run(**STATIC)
    whole = vasprun(folder)
    inputs = read_inputs(folder, "std")
    energies, kinds = states(inputs)
    assert energies.shape == (len(whole.actual_kpoints), whole.parameters["NBANDS"])
    found = whole.eigenvalues[Spin.up]
    np.testing.assert_allclose(found[..., 0], energies, atol=6e-5)
    np.testing.assert_allclose(found[..., 1], occupy(energies, 0.2), atol=6e-5)
    projected = whole.projected_eigenvalues[Spin.up].sum(axis=2)
    of_kind = {"s": slice(0, 1), "p": slice(1, 4), "d": slice(4, 9)}
    for kind, columns in of_kind.items():
        in_spheres = projected[..., columns].sum(axis=-1)
        np.testing.assert_allclose(in_spheres[kinds == kind], IN_SPHERES, atol=5e-3)
        assert not in_spheres[kinds != kind].any()


@pytest.mark.parametrize(("symbol", "shift"), [("Cu", 0), ("Ti", 0), ("Ti", 2), ("Os", -1)])
def test_occupations_hold_the_electrons(run, symbol, shift, prepare):
    neutral = read_inputs(prepare("neutral", symbol=symbol, **STATIC), "std").electrons.neutral
    whole = vasprun(run(symbol=symbol, NELECT=neutral + shift, SIGMA=0.4, **STATIC))
    occupations = whole.eigenvalues[Spin.up][..., 1].sum(axis=1)
    held = 2 * np.array(whole.actual_kpoints_weights) @ occupations
    assert held == pytest.approx(neutral + shift, abs=2e-3)
    assert whole.efermi == FERMI_EV


def test_d_bands_are_where_the_periodic_table_has_them(prepare):
    shares = {symbol: d_share_below(prepare, symbol) for symbol in ("Zr", "Os", "Au")}
    assert 0.05 < shares["Zr"] < shares["Os"] < shares["Au"]
    assert shares["Zr"] < 0.5
    assert shares["Au"] > 0.95


def test_semi_core_states_lie_far_below(prepare):
    inputs = read_inputs(prepare(symbol="Zr", **STATIC), "std")
    energies, kinds = states(inputs)
    deep = energies < FERMI_EV + CORE_EV / 2
    assert set(kinds[deep]) == {"p"}
    assert deep.sum(axis=1).tolist() == [8 // 2 * len(inputs.per_atom)] * len(energies)


def test_lorbit_10_has_one_column_for_each_letter(run):
    whole = vasprun(run(**{**STATIC, "LORBIT": 10}))
    assert whole.projected_eigenvalues[Spin.up].shape[-1] == 3


def test_two_spins_are_written_twice(run):
    whole = vasprun(run(**STATIC, ISPIN=2))
    assert set(whole.projected_eigenvalues) == {Spin.up, Spin.down}


def test_without_it_there_are_none(run):
    assert "<projected>" not in (run(NSW=0, IBRION=-1) / "vasprun.xml").read_text()
