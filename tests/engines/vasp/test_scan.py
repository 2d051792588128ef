"""The fast reader is the slow one, and never takes a part of a step for a whole one."""

import math
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from vasprun_text import Run, check_step, same

from tm23flows.engines.vasp import scan
from tm23flows.engines.vasp.header import read_header
from tm23flows.engines.vasp.scan import (
    StructureSurpriseError,
    decode,
    final_positions,
    find_steps,
    scan_steps,
)
from tm23flows.engines.vasp.slow_reader import parse_steps
from tm23flows.errors import InputError

ALL = range(1, 10**9)

runs = some.builds(
    Run,
    symbols=some.sampled_from([("Cu",), ("Cu",) * 5, ("V", "O", "O"), ("O", "V", "O")]),
    n_scf=some.lists(some.integers(1, 4), min_size=1, max_size=5).map(tuple),
    nelm=some.sampled_from([2, 60]),
    seed=some.integers(0, 1000),
    md=some.booleans(),
    stress=some.booleans(),
    dos=some.booleans(),
    selective=some.booleans(),
)


def write(folder, text):
    path = Path(folder, "vasprun.xml")
    path.write_text(text)
    return path


def no_help(*_):
    raise AssertionError("the slow reader was asked")


def pieces_of(text, size):
    data = text.encode()
    return [data[i : i + size] for i in range(0, len(data), size)]


@settings(max_examples=60)
@given(runs, some.floats(0, 1))
def test_every_layout_of_vasp_is_read_without_help(run, part):
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(scan, "parse_block", no_help)
        path = write(folder, run.text)
        fast, slow = list(scan_steps(path, ALL)), list(parse_steps(path, ALL))
        assert len(fast) == len(slow) == len(run.steps)
        for number, (one, other) in enumerate(zip(fast, slow, strict=True)):
            assert same(one, other)
            check_step(one, run.steps[number], number + 1)
            assert one.converged == (one.n_scf < run.nelm)
            assert (one.stress is not None) == run.stress
            assert (one.kinetic_eV is not None) == run.md
        # A cut anywhere leaves the steps whose last tag is there.
        cut = run.text[: round(part * len(run.text))]
        path = write(folder, cut)
        if "<modeling" in cut:
            assert len(list(scan_steps(path, ALL))) == cut.count("</calculation>")


@settings(max_examples=40)
@given(runs, some.integers(1, 300), some.integers(1, 6), some.integers(1, 3))
def test_where_pieces_end_does_not_matter(run, size, first, stride):
    wanted = range(first, 10**9, stride)
    found = list(find_steps(pieces_of(run.text, size), wanted, "x"))
    assert found == list(find_steps([run.text.encode()], wanted, "x"))
    assert [number for number, _ in found] == list(range(first, len(run.steps) + 1, stride))
    for number, block in found:
        assert block.decode() == run.step(run.steps[number - 1]).strip()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  <v>  ", "  <v>"),
        ("</v>", "\n</v>\n"),
        (" <energy>", " <energy >"),
        ("<structure>", "<structure><!-- moved -->"),
        ("</scstep>", "</scstep><extra/>"),
        ('<varray name="forces"', '<varray type="float" name="forces"'),
        (".50", ".5_"),
    ],
)
def test_what_is_unusual_in_a_step_is_left_to_the_slow_reader(tmp_path, old, new):
    run = Run(seed=3)
    step = run.step(run.steps[0])
    assert old in step
    path = write(tmp_path, run.head + step.replace(old, new))
    (slow,) = parse_steps(path, ALL)
    text = path.read_bytes()
    block = text[text.index(b"<calculation") : text.rindex(b"</calculation>") + 14]
    fast = decode(block, 1, read_header(path))
    assert fast is None or same(fast, slow)
    if "<!" not in new:
        (step,) = scan_steps(path, ALL)
        assert same(step, slow)


def test_what_fortran_cannot_write_is_nan(tmp_path):
    run = Run()
    step = run.step(run.steps[0])
    for what in (f"{run.steps[0]['free']:16.8f}", f"{run.steps[0]['forces'][0, 0]:16.8f}"):
        for bad in ("****************", "NaN"):
            (one,) = scan_steps(write(tmp_path, run.head + step.replace(what, bad)), ALL)
            assert math.isnan(one.energy_free) or math.isnan(one.forces[0, 0])


def test_a_machine_learned_step_has_no_electronic_ones(tmp_path):
    run = Run(n_scf=(0,))
    (step,) = scan_steps(write(tmp_path, run.text), ALL)
    assert step.n_scf == 0
    assert not step.converged
    assert step.energy_free == run.steps[0]["free"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (" <calculation>", " <!-- note --> <calculation>"),
        (" <calculation>", " <note/> <calculation>"),
        (" <calculation>", " <calculations/> <calculation>"),
        ("</calculation>", "</calculation>  </calculation>"),
    ],
)
@pytest.mark.parametrize("size", [7, 100_000])
def test_steps_that_cannot_be_told_apart_are_a_surprise(old, new, size):
    text = Run(n_scf=(1, 2, 1)).text.replace(old, new)
    with pytest.raises(StructureSurpriseError):
        list(find_steps(pieces_of(text, size), ALL, "x"))


def test_an_exclamation_mark_in_a_title_is_no_comment():
    text = Run().text.replace("Normal", "Normal!")
    assert len(list(find_steps(pieces_of(text, 50), ALL, "x"))) == 3


@given(
    run=some.builds(Run), size=some.integers(1, 60), inner=some.text("<>/projected ", max_size=80)
)
def test_projections_are_passed_over_wherever_pieces_end(run, size, inner):
    inner = inner.replace("</projected>", "")
    begin, step_end, rest = run.text.partition("</calculation>")
    section = f"<projected>{inner}</projected>"
    found = list(find_steps(pieces_of(begin + section + step_end + rest, size), ALL, "x"))
    assert found == list(find_steps([run.text.encode()], ALL, "x"))


def test_projections_larger_than_a_step_may_be_do_no_harm(monkeypatch):
    monkeypatch.setattr(scan, "MAX_STEP_BYTES", 5000)
    pieces = [b"<modeling><calculation>", b"<projected>", *[b" " * 1000] * 50, b"</projected>"]
    ((count, block),) = find_steps([*pieces, b"</calculation>"], ALL, "x")
    assert (count, block) == (1, b"<calculation></calculation>")


def test_a_step_without_an_end_does_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr(scan, "MAX_STEP_BYTES", 10_000)
    begin = Run().text.split("</calculation>")[0].encode()
    with pytest.raises(InputError, match="Step 1 of x has more than 10000 bytes"):
        list(find_steps([begin, *[b" " * 1000] * 50], ALL, "x"))
    # One that nobody asked for is not kept.
    assert list(find_steps([begin, *[b" " * 1000] * 50], range(2, 9), "x")) == []


def test_damage_in_a_step_is_said(tmp_path):
    run = Run()
    text = run.head + run.step(run.steps[0]) + run.step(run.steps[1]).replace("</scstep>", "", 1)
    steps = scan_steps(write(tmp_path, text), ALL)
    assert next(steps).number == 1
    with pytest.raises(InputError, match=r"Step 2 of vasprun\.xml is damaged"):
        next(steps)


def test_where_a_run_ended(tmp_path, real_vasprun):
    run = Run(selective=True)
    assert (final_positions(write(tmp_path, run.text), 3) == run.steps[-1]["fractional"]).all()
    for cut in (run.text[:-200], run.text[: run.text.index("finalpos")], run.head):
        assert final_positions(write(tmp_path, cut), 3) is None
    # After molecular dynamics this is the beginning of the next run.
    end = final_positions(real_vasprun("molecular_dynamics_1"), 2)
    begin = read_header(real_vasprun("molecular_dynamics_2")).fractional
    assert (end == begin).all()
