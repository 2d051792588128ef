"""``tm23 plan`` says what ``tm23 build`` will write."""

import bson
import pytest
from fireworks import Workflow


@pytest.mark.parametrize(
    "words",
    [
        ("Cu", "--scale", "demo", "--engine", "emt"),
        ("Cu", "Mn", "--scale", "demo", "--engine", "gpaw"),
        ("Os", "--scale", "paper", "--engine", "vasp"),
        ("Mn", "--scale", "paper", "--engine", "gpaw"),
        ("Ti", "--scale", "paper", "--engine", "vasp", "--phase", "omega"),
    ],
)
def test_the_plan_is_what_is_built(tm23, tmp_path, words):
    plan = tm23("plan", *words, "--json").json
    built = tm23("build", *words, "-o", tmp_path / "wf.yaml")
    assert built.out.startswith(f"{plan['fireworks']} jobs in ")
    fireworks = Workflow.from_file(str(tmp_path / "wf.yaml")).fws
    assert len(fireworks) == plan["fireworks"]
    largest = max(len(bson.encode(one.to_db_dict())) for one in fireworks)
    # The file is read with new numbers for the Fireworks, of other lengths at most.
    assert largest == pytest.approx(plan["largest_document_bytes"], abs=64)
    assert largest < 1_000_000


def test_words_for_people(tm23):
    ran = tm23("plan", "Os", "--scale", "paper", "--engine", "vasp")
    assert ran.code == 0
    plan = tm23("plan", "Os", "--scale", "paper", "--engine", "vasp", "--json").json
    assert f"Fireworks: {plan['fireworks']} (" in ran.out
    assert "steps of molecular dynamics: 33000" in ran.out
    assert "frames: 3000" in ran.out


def test_nothing_is_written_and_no_database_is_needed(tm23, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert tm23("plan", "Cu").code == 0
    assert list(tmp_path.iterdir()) == []


def test_a_plan_that_cannot_be_written_is_one_sentence(tm23, tmp_path):
    ran = tm23("plan", "Cu", "--engine", "emt", "-o", tmp_path)
    assert ran.code == 2
    assert "choose another file" in ran.err
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize("words", [("Xx",), ("Cu", "Cu"), ("Cu", "--scale", "huge")])
def test_wrong_words(tm23, words):
    ran = tm23("plan", *words)
    assert ran.code == 2
    assert ran.err.count("\n") == 1
    assert ran.out == ""
