"""Steps of real and of made files: the same numbers as other readers, nothing of a cut step."""

import gzip
import random
import zlib

import numpy as np
import pytest
from ase.io import read as ase_read
from vasprun_text import Run, check_step, same

from tm23flows.engines.vasp.outputs import iter_steps, read_run_header
from tm23flows.engines.vasp.slow_reader import parse_steps
from tm23flows.errors import InputError

END = b"</calculation>"


@pytest.fixture
def made(tmp_path):
    """A file with 12 steps, and what was written to it."""
    run = Run(symbols=("Cu",) * 4, n_scf=(3, 4) * 6)
    path = tmp_path / "vasprun.xml"
    path.write_text(run.text)
    return path, run


def test_real_files_are_read_as_ase_reads_them(real_vaspruns):
    for path in real_vaspruns:
        for step, atoms in zip(iter_steps(path), _ase(path), strict=True):
            np.testing.assert_allclose(step.cell, atoms.cell.array, atol=1e-12)
            shift = step.fractional - atoms.get_scaled_positions(wrap=False)
            np.testing.assert_allclose(shift, 0, atol=1e-10)
            np.testing.assert_allclose(step.positions, atoms.positions, atol=1e-9)
            forces = atoms.get_forces(apply_constraint=False)
            np.testing.assert_array_equal(step.forces, forces)
            np.testing.assert_allclose(step.stress, atoms.calc.results["stress"], rtol=1e-9)
            results = atoms.calc.results
            assert step.energy_free == pytest.approx(results["free_energy"], abs=1e-9)
            assert step.energy_sigma0 == pytest.approx(results["energy"], abs=2e-8)


def _ase(path):
    frames = ase_read(path, ":", format="vasp-xml")
    return frames if isinstance(frames, list) else [frames]


def test_real_files_are_read_as_pymatgen_reads_them(real_vaspruns):
    from pymatgen.io.vasp import Vasprun

    for path in real_vaspruns:
        quiet = {"parse_dos": False, "parse_eigen": False, "parse_potcar_file": False}
        other = Vasprun(str(path), **quiet)
        steps = list(iter_steps(path))
        assert len(steps) == len(other.ionic_steps)
        for step, ionic in zip(steps, other.ionic_steps, strict=True):
            structure = ionic["structure"]
            np.testing.assert_allclose(step.fractional, structure.frac_coords, atol=1e-12)
            np.testing.assert_array_equal(step.cell, structure.lattice.matrix)
            np.testing.assert_array_equal(step.forces, ionic["forces"])
            kbar = -1602.1766208 * step.stress
            (xx, xy, xz), (_, yy, yz), (_, _, zz) = ionic["stress"]
            np.testing.assert_allclose(kbar, [xx, yy, zz, yz, xz, xy], rtol=1e-12, atol=1e-12)
            assert step.energy_free == ionic["e_fr_energy"]
            assert step.n_scf == len(ionic["electronic_steps"])
            assert step.converged == (step.n_scf < other.parameters["NELM"])
        assert steps[-1].energy_sigma0 == pytest.approx(other.final_energy, abs=2e-8)


def test_real_energies_obey_the_identity_of_the_smearing(real_vaspruns):
    checked = 0
    for path in real_vaspruns:
        order = read_run_header(path).parameters["ISMEAR"]
        for step in iter_steps(path) if order >= 0 else ():
            mixed = (order + 1) * step.energy_free + step.energy_without_entropy
            assert step.energy_sigma0 == pytest.approx(mixed / (order + 2), abs=2e-8)
            checked += 1
    assert checked > 100


def test_energies_that_vasp_5_wrote_wrongly_are_right(real_vasprun):
    *_, step = iter_steps(real_vasprun("Si_molecular_dynamics"))
    assert step.energy_sigma0 == pytest.approx(-11.46520398)  # the file says -0.00036345
    assert step.energy_without_entropy == pytest.approx(-11.46502225)  # -11.46520398


def test_corrections_after_the_electronic_steps_are_in_all_energies(real_vasprun):
    step = next(iter_steps(real_vasprun("etest4")))
    assert step.energy_free == -14.20653192
    assert step.energy_sigma0 == pytest.approx(-14.17904149, abs=2e-8)
    assert step.energy_without_entropy == pytest.approx(-14.12406061, abs=2e-8)


def test_unconverged_steps_are_seen(real_vasprun):
    assert not any(step.converged for step in iter_steps(real_vasprun("unconverged")))


def test_quantities_of_molecular_dynamics(real_vasprun):
    steps = list(iter_steps(real_vasprun("vasprun.md.xml.gz")))
    assert steps[0].kinetic_eV == 16.28687400
    assert steps[2].thermostat_eV == pytest.approx(-0.03330618 + 0.00284107)
    assert next(iter_steps(real_vasprun("etest2"))).kinetic_eV is None


def test_the_fast_reader_is_the_slow_one_on_real_files(real_vaspruns):
    for path in real_vaspruns:
        slow = list(parse_steps(path, range(1, 10**9)))
        fast = list(iter_steps(path))
        assert len(fast) == len(slow)
        assert all(map(same, fast, slow))


@pytest.mark.parametrize("name", ["vasprun.md.xml.gz", "Si_multi_md/molecular_dynamics_1"])
@pytest.mark.parametrize("packed", [False, True])
def test_real_files_cut_anywhere_have_their_complete_steps(real_vasprun, tmp_path, name, packed):
    source = gzip.decompress(real_vasprun(name).read_bytes())
    _check_cuts(source, list(iter_steps(real_vasprun(name))), tmp_path, packed)


@pytest.mark.parametrize("packed", [False, True])
def test_made_files_cut_anywhere_have_their_complete_steps(made, tmp_path, packed):
    path, _ = made
    _check_cuts(path.read_bytes(), list(iter_steps(path)), tmp_path, packed)


def _check_cuts(content, whole, folder, packed):
    """Cut at 30 places: some of them inside numbers, at the ends of tags, in the header."""
    dice = random.Random(23)
    begin = content.index(b"<calculation")
    cuts = [dice.randrange(begin, len(content)) for _ in range(20)]
    ends = [i + len(END) for i in range(len(content)) if content.startswith(END, i)]
    cuts += [ends[0], ends[0] - 1, ends[-1], ends[-1] - 1, ends[-1] + 1, begin, begin + 9, 300]
    force = content.index(b'name="forces"', begin)
    cuts += [content.index(b".", force) + 3, content.index(b".", ends[1]) + 2]
    assert len(cuts) == 30
    for cut in cuts:
        path = folder / "cut"
        path.write_bytes(gzip.compress(content[:cut]) if packed else content[:cut])
        _check_steps(path, whole, content[:cut].count(END))


def _check_steps(path, whole, n_complete):
    for steps in (list(iter_steps(path)), list(parse_steps(path, range(1, 10**9)))):
        assert len(steps) == n_complete
        assert all(map(same, steps, whole))


def test_a_cut_archive_has_the_steps_that_can_be_decompressed(real_vasprun, tmp_path):
    source = real_vasprun("vasprun.md.xml.gz")
    packed, whole = source.read_bytes(), list(iter_steps(source))
    dice = random.Random(5)
    counts = set()
    for length in [dice.randrange(9000, len(packed)) for _ in range(30)]:
        path = tmp_path / "cut.gz"
        path.write_bytes(packed[:length])
        left = zlib.decompressobj(wbits=31).decompress(packed[:length])
        _check_steps(path, whole, left.count(END))
        counts.add(left.count(END))
    assert len(counts) > 5


def test_steps_are_chosen_by_number(made, real_vasprun):
    path, run = made
    assert [s.number for s in iter_steps(path, 3, 4)] == [3, 7, 11]
    assert [s.number for s in iter_steps(path, 3, 4, 11)] == [3, 7, 11]
    assert [s.number for s in iter_steps(path, 3, 4, 10)] == [3, 7]
    assert [s.number for s in iter_steps(path, 13)] == []
    for step in iter_steps(path, 2, 5):
        check_step(step, run.steps[step.number - 1], step.number)
    real = real_vasprun("vasprun.md.xml.gz")
    whole = list(iter_steps(real))
    assert all(map(same, iter_steps(real, 2, 3), whole[1::3]))


@pytest.mark.parametrize("choice", [(0,), (1, 0), (5, 1, 4), (-1, 1)])
def test_a_choice_of_nothing_is_refused(made, choice):
    with pytest.raises(InputError, match="steps count from 1"):
        next(iter_steps(made[0], *choice))


def test_what_comes_after_the_last_wanted_step_is_not_read(made):
    path, _ = made
    text = path.read_text()
    end = text.index("</calculation>", len(text) // 2)
    path.write_text(text[:end] + "<!-- \0 broken")
    assert [s.number for s in iter_steps(path, 1, 1, 3)] == [1, 2, 3]


def test_a_surprise_in_the_middle_is_read_on_by_the_slow_reader(made):
    path, run = made
    parts = path.read_text().split(" <calculation>")
    parts[6] = " <!-- by hand --> " + parts[6]
    path.write_text(" <calculation>".join(parts))
    steps = list(iter_steps(path, 2, 2))
    assert [step.number for step in steps] == [2, 4, 6, 8, 10, 12]
    for step in steps:
        check_step(step, run.steps[step.number - 1], step.number)


def test_a_comment_in_the_header_changes_nothing(made):
    path, run = made
    path.write_text(path.read_text().replace(" <incar>", " <!-- <calculation> --> <incar>"))
    steps = list(iter_steps(path))
    assert len(steps) == 12
    check_step(steps[5], run.steps[5], 6)


def test_damage_between_steps_ends_the_reading_after_the_good_ones(made):
    path, _ = made
    content = path.read_bytes()
    place = content.index(b"</calculation>", len(content) // 2) + len(END)
    path.write_bytes(content[:place] + b"\0" * 64 + content[place:])
    n_good = content[:place].count(END)
    assert 1 < n_good < 12
    steps = iter_steps(path)
    assert [next(steps).number for _ in range(n_good)] == list(range(1, n_good + 1))
    with pytest.raises(InputError, match="damaged"):
        next(steps)


def test_files_that_are_no_output_are_one_sentence(tmp_path):
    path = tmp_path / "vasprun.xml"
    path.write_text("POSCAR\n1.0\n")
    for what in (iter_steps, read_run_header):
        with pytest.raises(InputError, match=r"^vasprun\.xml is no vasprun\.xml; .*\.$"):
            list(what(path))
    with pytest.raises(InputError, match="There is no file"):
        list(iter_steps(tmp_path / "other"))


def test_entities_are_not_expanded(tmp_path):
    laughs = "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10 if i else "ha"}">' for i in range(10))
    path = tmp_path / "vasprun.xml"
    path.write_text(f'<?xml version="1.0"?><!DOCTYPE m [{laughs}]>' + Run().text[44:])
    with pytest.raises(InputError, match="document type"):
        list(iter_steps(path))
