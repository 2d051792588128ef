"""The reader that is right for every layout: measured with what was written."""

import math

import numpy as np
import pytest
from vasprun_text import Run, check_step

from tm23flows.engines.vasp.header import read_header
from tm23flows.engines.vasp.slow_reader import parse_block, parse_steps
from tm23flows.errors import InputError

ALL = range(1, 10**9)


def write(folder, text):
    path = folder / "vasprun.xml"
    path.write_text(text)
    return path


def test_steps_are_what_was_written(tmp_path):
    run = Run(symbols=("V", "V", "O"), selective=True)
    steps = list(parse_steps(write(tmp_path, run.text), ALL))
    assert len(steps) == 3
    for number, (step, written) in enumerate(zip(steps, run.steps, strict=True), start=1):
        check_step(step, written, number)
        assert step.kinetic_eV == written["kinetic"]
        assert step.thermostat_eV == sum(written["nose"])
        np.testing.assert_allclose(step.positions, written["fractional"] @ run.cell)


def test_comments_and_other_spacing_change_nothing(tmp_path):
    run = Run()
    text = run.text.replace("<v>  ", "<v>").replace(" <calc", "<!-- </calculation> --> <calc")
    for number, step in enumerate(parse_steps(write(tmp_path, text), ALL)):
        check_step(step, run.steps[number], number + 1)


def test_a_selection_stops_in_time(tmp_path):
    run = Run(n_scf=(2,) * 6)
    text = run.text
    end = text.rindex("<scstep>")  # the file is damaged there
    path = write(tmp_path, text[:end] + "</wrong>" + text[end:])
    assert [step.number for step in parse_steps(path, range(2, 6, 2))] == [2, 4]
    with pytest.raises(InputError, match="damaged"):
        list(parse_steps(path, ALL))


def test_a_cut_file_has_its_complete_steps(tmp_path):
    text = Run().text
    cut = text.rindex("</calculation>") + len("</calculation>")
    assert len(list(parse_steps(write(tmp_path, text[: cut - 1]), ALL))) == 2
    assert len(list(parse_steps(write(tmp_path, text[:cut]), ALL))) == 3


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('name="forces"', 'name="farces"', "forces has 0 rows, not 3"),
        ('name="positions"', 'name="place"', "fractional has 0 rows, not 3"),
        ("e_fr_energy", "e_free", "no free energy"),
    ],
)
def test_a_step_without_what_it_needs_is_damaged(tmp_path, old, new, sentence):
    run = Run(n_scf=(2,))
    text = run.head + run.step(run.steps[0]).replace(old, new)
    with pytest.raises(InputError, match=f"Step 1 of vasprun.xml .*{sentence}"):
        list(parse_steps(write(tmp_path, text), ALL))


def test_rows_that_are_no_three_numbers_are_nan(tmp_path):
    run = Run(n_scf=(2,))
    begin = run.text.index('name="forces"')
    head, forces = run.text[:begin], run.text[begin:]
    first = forces.index("<v>")
    row = forces[first : forces.index("</v>")]
    for bad in ("<v> ******** 1.0 2.0 ", "<v> 1.0-2.0 3.0 ", "<v> NaN 1.0 2.0 "):
        (step,) = parse_steps(write(tmp_path, head + forces.replace(row, bad)), ALL)
        assert math.isnan(step.forces[0, 0])
        assert np.isfinite(step.forces[1:]).all()


def test_a_block_that_is_no_xml_is_damaged(tmp_path):
    run = Run()
    header = read_header(write(tmp_path, run.text))
    block = run.step(run.steps[0]).strip().encode()
    check_step(parse_block(block, 1, header, "x"), run.steps[0], 1)
    with pytest.raises(InputError, match="Step 7 of x is damaged"):
        parse_block(block.replace(b"<structure>", b"\0\0\0"), 7, header, "x")
