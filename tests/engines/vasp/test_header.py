"""What a run was asked to do."""

import gzip

import numpy as np
import pytest
from vasprun_text import GAMMA, Run

from tm23flows.engines.vasp.header import read_header
from tm23flows.errors import InputError


def read(folder, run, cut=None):
    path = folder / "vasprun.xml"
    path.write_text(run.text[:cut])
    return read_header(path)


def test_real_headers_are_what_pymatgen_reads(real_vaspruns):
    from pymatgen.io.vasp import Vasprun

    for path in real_vaspruns:
        header = read_header(path)
        quiet = {"parse_dos": False, "parse_eigen": False, "parse_potcar_file": False}
        other = Vasprun(str(path), **quiet)
        assert header.version.lower() == other.vasp_version
        assert header.symbols == tuple(other.atomic_symbols)
        assert list(header.numbers) == list(other.initial_structure.atomic_numbers)
        np.testing.assert_array_equal(header.fractional, other.initial_structure.frac_coords)
        np.testing.assert_array_equal(header.cell, other.initial_structure.lattice.matrix)
        assert header.kmesh == tuple(other.kpoints.kpts[0])
        assert list(header.potcar_titles.values()) == list(other.potcar_symbols)
        for name in ("NELECT", "ISMEAR", "SIGMA", "ENMAX", "NELM", "ISPIN", "IBRION", "POTIM"):
            assert header.parameters[name] == other.parameters[name], (path, name)
        assert set(header.incar) == set(other.incar)


def test_settings_that_the_user_did_not_give_are_there(real_vasprun):
    header = read_header(real_vasprun("etest2"))
    assert "ISMEAR" not in header.incar
    assert (header.parameters["ISMEAR"], header.parameters["SIGMA"]) == (1, 0.2)
    assert header.neutral_electrons == header.parameters["NELECT"] == 11.0


def test_an_added_electron_is_seen(real_vasprun):
    header = read_header(real_vasprun("charged"))
    assert header.parameters["NELECT"] - header.neutral_electrons == 1.0


def test_a_shifted_mesh_is_seen(real_vasprun):
    header = read_header(real_vasprun("unconverged"))
    assert header.kmesh == (2, 8, 6)
    assert header.kmesh_style == "Monkhorst-Pack"
    assert header.kmesh_shift == pytest.approx((1 / 4, 1 / 16, 1 / 12))


def test_points_that_are_no_mesh_have_no_mesh(tmp_path):
    listed = Run(points=GAMMA + GAMMA.replace("0.00000000 </v>", "0.30000000 </v>"))
    assert read(tmp_path, listed).kmesh_shift is None
    head = listed.text
    path = tmp_path / "vasprun.xml"
    path.write_text(head.replace('name="divisions"', 'name="other"'))
    assert read_header(path).kmesh is None
    path.write_text(Run().text.replace('name="divisions"', 'name="other"'))
    assert read_header(path).kmesh == (1, 1, 1)


def test_zirconium_of_vasp_5(tmp_path):
    path = tmp_path / "vasprun.xml"
    path.write_text(Run(symbols=("Zr", "Zr")).text.replace("<c>Zr</c>", "<c>r </c>"))
    header = read_header(path)
    assert header.symbols == ("Zr", "Zr")
    assert list(header.numbers) == [40, 40]
    assert set(header.potcar_titles) == {"Zr"}


def test_several_elements_and_asterisks(tmp_path):
    run = Run(symbols=("V", "V", "O"), more_parameters='  <i type="int" name="NPACO">*****</i>')
    header = read(tmp_path, run)
    assert header.neutral_electrons == 33.0
    assert header.parameters["NPACO"] is None
    assert list(header.numbers) == [23, 23, 8]


def test_only_the_header_is_needed(tmp_path):
    run = Run()
    whole = read(tmp_path, run)
    length = len(run.head)
    assert read(tmp_path, run, cut=length).symbols == whole.symbols
    for cut in (len(run.head) - 30, length // 2, 400):
        with pytest.raises(InputError, match="cut"):
            read(tmp_path, run, cut=cut)


def test_an_atom_that_is_no_element_is_refused(tmp_path):
    with pytest.raises(InputError, match="'Qq', which is no element"):
        read(tmp_path, Run(symbols=("Qq",)))


def test_compressed(tmp_path):
    path = tmp_path / "vasprun.xml.gz"
    path.write_bytes(gzip.compress(Run().text.encode()))
    assert read_header(path).n_scf_max == 60
