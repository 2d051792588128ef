"""``tm23 grid-search`` with real models on few frames."""

import pytest

from tm23flows.cli.grid_search import grid_lines
from tm23flows.documents.base import Provenance
from tm23flows.documents.grid_search import GridRow, GridSearch

FEW = ("--set", "lmax=2", "--set", "starts=1", "--set", "max_iterations=10")
SEARCH = ("grid-search", "flare", "--dataset", "Cu-demo", "--grid", "nmax=3,4", *FEW)


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_a_piece_of_a_grid_then_all_of_it(tm23, emt_copy):
    piece = tm23(*SEARCH, "--only", "nmax=3", "--json")
    assert piece.code == 0, piece.err
    assert [row["point"] for row in piece.json["rows"]] == [{"nmax": 3}]
    whole = tm23(*SEARCH, "--json").json
    assert whole["rows"][0]["model_id"] == piece.json["rows"][0]["model_id"]
    assert emt_copy.database["models"].count_documents({}) == 2
    errors = [row["force_mae_eV_per_A"] for row in whole["rows"]]
    assert errors[whole["chosen"]] == min(errors)

    words = tm23(*SEARCH).out
    assert f"grid search {whole['id'][:12]}: 2 points of flare" in words
    assert whole["reason"] in words


def test_a_point_that_fails_stops_nothing(tm23, emt_copy):
    ran = tm23(*SEARCH[:-6], "--grid", "cutoff_A=0.5,4", *FEW, "--json")
    assert ran.code == 0, ran.err
    failed = [row for row in ran.json["rows"] if row["failure"]]
    assert [row["point"]["cutoff_A"] for row in failed] == [0.5, 0.5]
    assert all("neighbour" in row["failure"] for row in failed)
    assert ran.json["rows"][ran.json["chosen"]]["point"]["cutoff_A"] == 4


def test_a_search_in_which_everything_fails_says_why(tm23, emt_copy):
    ran = tm23(*SEARCH, "--set", "cutoff_A=0.5")
    assert ran.code == 2
    assert "None of 2 points" in ran.err
    assert "choose a larger cutoff_A" in ran.err


def test_a_workflow_and_what_makes_no_sense(tm23, emt_copy, tmp_path):
    ran = tm23(*SEARCH, "-o", tmp_path / "grid.yaml")
    assert "5 jobs" in ran.out
    for words, why in (
        ((*SEARCH, "--grid", "nmax=5"), "nmax"),
        (("grid-search", "flare", "--dataset", "Cu-demo", "--grid", "colour=1,2"), "colour"),
        ((*SEARCH, "--only", "nmax=7"), "7"),
    ):
        wrong = tm23(*words)
        assert (wrong.code, why in wrong.err) == (2, True), wrong.err
    assert emt_copy.database["models"].count_documents({}) == 0


def test_the_best_point_comes_first_even_without_any_error():
    def row(nmax, **fields):
        return GridRow(point={"nmax": nmax}, **fields)

    def measured(nmax, mae):
        return row(nmax, model_id="m" * 64, evaluation_id="e" * 64, force_mae_eV_per_A=mae)

    found = GridSearch(
        provenance=Provenance.now(),
        trainer="flare",
        element="Cu",
        dataset_id="d" * 64,
        train_part="train",
        test_part="test",
        energy_reference="mean-per-atom",
        seed=0,
        fixed={},
        rows=(row(3, failure="it was killed"), measured(4, 0.1), measured(5, 0.0)),
        chosen=2,
        by_likelihood=None,
        by_validation=None,
        conflicts=(),
        at_edge={},
        reason="It is the best.",
    )
    assert [line.split(":")[0].strip() for line in grid_lines(found)[1:-1]] == [
        "nmax=5", "nmax=4", "nmax=3",
    ]  # fmt: skip
