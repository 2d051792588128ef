import numpy as np
import pytest
from pymatgen.io.vasp import Outcar


def test_pymatgen_reads_outcar(run, read):
    folder = run(mesh="Gamma\n2 2 2\n")
    outcar = Outcar(folder / "OUTCAR")
    last = read(folder)[-1]
    assert outcar.nelect == 7 * 17
    assert outcar.final_fr_energy == pytest.approx(last.energy, abs=1e-7)
    assert outcar.final_energy == pytest.approx(last.values["e_0_energy"], abs=1e-7)
    assert outcar.final_energy_wo_entrp == pytest.approx(last.values["e_wo_entrp"], abs=1e-7)
    assert outcar.efermi == 5.0
    assert not outcar.is_stopped
    assert np.allclose(outcar.drift, 0)
    assert len(outcar.drift) == 6
    entropy = last.energy - last.values["e_wo_entrp"]
    assert outcar.final_energy_contribs["EENTRO"] == pytest.approx(entropy, abs=1e-7)
    assert outcar.run_stats["Elapsed time (sec)"] >= 0


def test_the_first_line_names_version_and_build(run):
    for build in ("std", "gam"):
        line = (run(build, build=build) / "OUTCAR").read_text().splitlines()[0]
        assert "6.4.3-simulator" in line
        assert f"build {build}" in line


def test_custodian_finds_a_large_sigma(run):
    from custodian.vasp.handlers import LargeSigmaHandler

    small, large = (run(f"s{s}", NSW=0, IBRION=-1, SIGMA=s) for s in (0.2, 2.0))
    assert not LargeSigmaHandler().check(str(small))
    assert LargeSigmaHandler().check(str(large))
