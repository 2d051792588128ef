import numpy as np

from tm23flows.testing.vasp_simulator.bands import FERMI_EV, block, eigenvalues
from tm23flows.testing.vasp_simulator.kpoints import points, read_kpoints

MESH = read_kpoints("c\n0\nG\n3 3 3\n")


def test_bands_cross_the_fermi_level():
    bands = eigenvalues(MESH)
    assert len(bands) == len(points(MESH)[0])
    assert any(np.ptp(np.sign(band - FERMI_EV)) > 0 for band in bands.T)


def test_the_block_has_every_point():
    text = block(MESH, 0.2)
    assert text.count("kpoint ") == len(points(MESH)[0])
    assert f'<i name="efermi">{FERMI_EV:16.8f} </i>' in text


def test_pymatgen_sees_a_metal(run):
    from pymatgen.io.vasp import Vasprun

    folder = run(mesh="Gamma\n2 2 2\n", NSW=0, IBRION=-1)
    whole = Vasprun(folder / "vasprun.xml", parse_potcar_file=False)
    assert whole.efermi == FERMI_EV
    assert whole.get_band_structure().is_metal()
    assert not whole.dos_has_errors
