import pytest
from pymatgen.io.vasp import Oszicar


def test_pymatgen_reads_oszicar(run, read):
    folder = run()
    oszicar = Oszicar(folder / "OSZICAR")
    for step, electronic, frame in zip(
        oszicar.ionic_steps, oszicar.electronic_steps, read(folder), strict=True
    ):
        assert len(electronic) == frame.n_scf
        assert step["F"] == pytest.approx(frame.energy, rel=1e-8)
        assert step["E0"] == pytest.approx(frame.values["e_0_energy"], rel=1e-8)
        assert step["EK"] == pytest.approx(frame.values["kinetic"], rel=1e-4)
        assert electronic[-1]["E"] == pytest.approx(frame.energy, rel=1e-12)


def test_a_static_line_has_no_temperature(run):
    (step,) = Oszicar(run(NSW=0, IBRION=-1) / "OSZICAR").ionic_steps
    assert set(step) == {"F", "E0", "dE"}
