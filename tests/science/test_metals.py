"""The table of metals against the reference values and against ASE."""

import json
from pathlib import Path

import pytest
from ase.data import atomic_numbers, reference_states

from tm23flows.errors import InputError
from tm23flows.science.metals import METALS, Metal, metal

REFERENCE = Path(__file__).resolve().parents[2].parent / "shared/science/reference_values.json"


def test_the_27_metals_stand_in_groups_of_three():
    assert len(METALS) == len(set(METALS)) == 27
    assert METALS[:3] == ("Ti", "Zr", "Hf")
    assert METALS[-3:] == ("Zn", "Cd", "Hg")
    assert [metal(symbol).group for symbol in METALS] == [g for g in range(4, 13) for _ in range(3)]


@pytest.mark.parametrize("symbol", METALS)
def test_every_value_names_its_source_and_confidence(symbol):
    entry = metal(symbol)
    assert entry.symbol == symbol
    assert entry.atomic_number == atomic_numbers[symbol]
    filled = {name for name, value in vars(entry).items() if value is not None}
    assert set(entry.sources) == filled - {"symbol", "sources"}
    assert all(source.endswith("]") and "[" in source for source in entry.sources.values())


@pytest.mark.parametrize("symbol", METALS)
def test_values_agree_with_the_reference_table(symbol):
    if not REFERENCE.exists():
        pytest.skip(f"needs {REFERENCE.name} beside the repository")
    row = json.loads(REFERENCE.read_text())["paper1"]["elements"][symbol]
    entry = metal(symbol)
    assert entry.group == row["group"]
    assert entry.melting_temperature_K == row["T_melt_K"]["value"]
    assert entry.potcar_title == row["POTCAR_title"]["value"]


@pytest.mark.parametrize("symbol", METALS)
def test_what_is_said_to_come_from_ase_does(symbol):
    entry, theirs = metal(symbol), reference_states[atomic_numbers[symbol]]
    names = {"a_A": "a", "c_over_a": "c/a", "alpha_deg": "alpha", "phase": "symmetry"}
    said = [one for one in names if entry.sources.get(one, "").startswith("ase.data")]
    assert {name: getattr(entry, name) for name in said} == {n: theirs[names[n]] for n in said}
    assert set(said) >= ({"a_A"} if symbol != "Hg" else set())


def test_where_ase_is_not_followed():
    others = {one for one in METALS if not metal(one).sources["phase"].startswith("ase.data")}
    assert others == {"Mn", "Hg"}
    # 70.45 in ASE is 70 degrees 45 minutes; with the same a this is the cell of the literature.
    assert metal("Hg").alpha_deg == pytest.approx(70 + 45 / 60, abs=0.02)


def test_the_phase_of_group_4_is_said_to_be_open():
    for symbol in ("Ti", "Zr", "Hf"):
        assert "omega" in metal(symbol).sources["phase"]


def test_hexagonal_metals_have_a_c_lattice_constant_and_cubic_ones_do_not():
    assert metal("Os").c_A == pytest.approx(2.74 * 1.579)
    assert metal("Cu").c_A is None


def test_metals_are_hashable_and_compare_by_value():
    assert {metal("Cu"), metal("Cu")} == {metal("Cu")}
    assert metal("Cu") == Metal("Cu", 29, 11, 1358, "fcc", 3.61, "Cu_pv")


@pytest.mark.parametrize(
    ("name", "hint"),
    [("cu", "'Cu'"), ("CU", "'Cu'"), ("copper", "'Cu'"), ("Iron", "'Fe'"), (" ", "Ti, Zr, Hf")],
)
def test_an_unknown_name_gets_one_sentence_with_a_suggestion(name, hint):
    with pytest.raises(InputError) as caught:
        metal(name)
    assert hint in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("symbol", ["Al", "Sc", "La", "X", "", None, 29])
def test_other_elements_are_refused_with_the_whole_list(symbol):
    with pytest.raises(InputError, match=r"27 metals.*Ti, Zr, Hf.*Cd, Hg"):
        metal(symbol)
