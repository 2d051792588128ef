"""Files of existing runs: read whole, and put together where they are one run."""

import gzip
import hashlib

import pytest
from vasprun_text import TAIL, Run

from tm23flows.engines.vasp.past_files import (
    chain_steps,
    chains,
    check_together,
    examine,
    is_vasp_output,
)
from tm23flows.errors import InputError


def write(path, run, end=None):
    """Write a run whose end is where another one goes on."""
    path.parent.mkdir(exist_ok=True)
    final = run.structure({"fractional": end}, "finalpos") if end is not None else ""
    path.write_text(run.head + "".join(map(run.step, run.steps)) + final + TAIL)
    return examine(path)


def continued(folder, second=None):
    """Two runs of which the second goes on where the first ended."""
    one, two = Run(seed=1), second or Run(seed=2)
    two.cell = one.cell
    for step in two.steps:
        step["cell"] = one.cell
    end = (two.steps[0]["fractional"] + 0.25).round(8) - 0.25
    return [write(folder / "a" / "vasprun.xml", one, end), write(folder / "b" / "vasprun.xml", two)]


def test_outputs_are_known_by_their_content(tmp_path, real_vaspruns):
    assert all(map(is_vasp_output, real_vaspruns))
    other = tmp_path / "vasprun.xml"
    assert not is_vasp_output(other)
    other.write_text("2\nLattice=...\n")
    assert not is_vasp_output(other)
    other.write_bytes(b"\x89HDF\r\n\x1a\n")
    assert is_vasp_output(other)


def test_a_file_is_read_to_its_end(tmp_path):
    run = write(tmp_path / "a" / "vasprun.xml", Run())
    assert (run.n_steps, run.element, run.is_single) == (3, "Cu", False)
    assert run.sha256 == hashlib.sha256(run.path.read_bytes()).hexdigest()
    past = run.provenance()
    assert past.software["vasp"] == "6.4.2"
    assert past.inputs["sha256"] == run.sha256
    assert past.inputs["incar"] == {"PREC": "Normal", "NSW": 3}


@pytest.mark.parametrize(
    ("run", "sentence"),
    [
        (Run(symbols=("Cu", "Au")), "atoms of Au and Cu; frames here have one element"),
        (Run(n_scf=()), "has no complete step"),
        (Run(ismear=-3), "ISMEAR = -3"),
    ],
)
def test_what_the_documents_cannot_say_is_refused(tmp_path, run, sentence):
    with pytest.raises(InputError, match=f"vasprun.xml .*{sentence}"):
        write(tmp_path / "a" / "vasprun.xml", run)


def test_real_runs_with_different_settings_do_not_go_together(real_vasprun):
    runs = [examine(real_vasprun(f"Si_multi_md/molecular_dynamics_{i}")) for i in (1, 2, 3)]
    check_together(runs[1:])
    with pytest.raises(InputError, match=r"smearing is tetrahedron-bloechl, not methfessel"):
        check_together(runs)
    with pytest.raises(InputError, match="element is Au, not Si"):
        check_together([runs[0], examine(real_vasprun("Au_slab"))])


def test_real_runs_of_a_chain_are_one(real_vasprun):
    one, two, three = (
        examine(real_vasprun(f"Si_multi_md/molecular_dynamics_{i}")) for i in (1, 2, 3)
    )
    # Positions go on from 1 to 2 as well, but their settings are not the same.
    assert chains([one, two, three]) == [[one], [two, three]]
    assert chains([three, two]) == [[three], [two]]
    numbers = [number for _, number, _ in chain_steps([two, three])]
    assert numbers == [1, 2, 3, 4, 5, 6]


def test_runs_go_on_across_cell_borders_and_packing(tmp_path):
    one, two = continued(tmp_path)
    assert [len(chain) for chain in chains([one, two])] == [2]
    packed = tmp_path / "packed.xml.gz"
    packed.write_bytes(gzip.compress(one.path.read_bytes()))
    assert [len(chain) for chain in chains([examine(packed), two])] == [2]


def test_a_run_that_was_killed_has_no_end_to_go_on_from(tmp_path):
    one, two = continued(tmp_path)
    text = one.path.read_text()
    one.path.write_text(text[: text.index('<structure name="finalpos"')])
    assert [len(chain) for chain in chains([examine(one.path), two])] == [1, 1]


def test_runs_with_another_thermostat_are_two(tmp_path):
    one, two = continued(tmp_path)
    text = two.path.read_text().replace('"TEBEG">    300.', '"TEBEG">    301.')
    two.path.write_text(text.replace('"TEEND">    300.', '"TEEND">    301.'))
    assert [len(chain) for chain in chains([one, examine(two.path)])] == [1, 1]
