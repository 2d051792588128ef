"""``tm23 train`` and ``tm23 evaluate``, with real trainers on few frames."""

import json
from pathlib import Path

import pytest

SMALL = ("--set", "nmax=4", "--set", "lmax=2", "--set", "starts=1", "--set", "max_iterations=10")
FLARE = ("train", "flare", "--dataset", "Cu-demo", *SMALL)


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_a_model_is_trained_measured_and_found_again(tm23, emt_copy):
    made = tm23(*FLARE, "--json")
    assert made.code == 0, made.err
    (test,) = made.json["evaluations"]
    assert test["part"] == "test"
    assert test["errors"]["all"]["n_frames"] == 6
    assert 0 < test["errors"]["all"]["force"]["percent"] < 100
    again = tm23(*FLARE, "--json")
    assert again.json == made.json
    assert emt_copy.database["models"].count_documents({}) == 1

    out = tm23("model", "export", made.json["model_id"][:10], "model")
    assert out.code == 0, out.err
    assert json.loads(Path("model/card.json").read_text())["id"] == made.json["model_id"]
    assert tm23("model", "export", made.json["model_id"][:10], "model").code == 2  # it is there

    for words, why in (
        (("cu.nequip.pt2",), "cannot be compiled"),
        (("cu.nequip.pt2", "--for", "gromacs"), "not 'gromacs'"),
    ):
        refused = tm23("model", "deploy", made.json["model_id"][:10], *words)
        assert (refused.code, why in refused.err) == (2, True)

    words = tm23(*FLARE).out
    assert f"model {made.json['model_id']}" in words
    assert "test, all, 6 frames: force " in words


def test_a_stored_model_is_measured_on_other_data(tm23, emt_copy):
    model = tm23(*FLARE, "--json").json
    same = tm23("evaluate", "--model", model["model_id"][:10], "--dataset", "Cu-demo", "--json")
    assert same.json["evaluations"] == model["evaluations"]
    train = tm23("evaluate", "--model", model["model_id"][:10], "--dataset", "Cu-demo",
                 "--part", "train", "--json").json  # fmt: skip
    errors = {
        part: one["errors"]["all"]["force"]["mae"]
        for part, (one,) in (("test", same.json["evaluations"]), ("train", train["evaluations"]))
    }
    assert errors["train"] != errors["test"]


def test_a_workflow_for_the_cluster_instead(tm23, emt_copy, tmp_path):
    from fireworks import Workflow

    ran = tm23(*FLARE, "-o", tmp_path / "train.yaml")
    assert ran.code == 0, ran.err
    assert "lpad add" in ran.out
    workflow = Workflow.from_file(str(tmp_path / "train.yaml"))
    assert [fw.name for fw in workflow.fws] == ["Cu flare model", "Cu flare evaluation"]
    assert emt_copy.database["models"].count_documents({}) == 0


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("train", "mace", "--dataset", "Cu-demo"), "no trainer 'mace'"),
        (("train", "flare", "--dataset", "nothing"), "nothing"),
        ((*FLARE, "--set", "nmax=4"), "says nmax twice"),
        (("train", "flare", "--dataset", "Cu-demo", "--set", "nmax"), "a name and a value"),
        (("train", "flare", "--dataset", "Cu-demo", "--set", "nmax=many"), "nmax"),
        ((*FLARE, "-o", "no/such/folder/wf.yaml"), "no folder"),
        ((*FLARE, "--part", "colour"), "no part 'colour'"),
        (("evaluate", "--model", "0" * 12, "--dataset", "Cu-demo"), "0000"),
    ],
    ids=str,
)
def test_what_cannot_be_done_is_one_sentence(tm23, emt_copy, words, why):
    ran = tm23(*words)
    assert ran.code == 2
    assert why in ran.err
    assert emt_copy.database["models"].count_documents({}) == 0
    assert emt_copy.database["trainings"].count_documents({}) == 0


def test_a_dataset_is_no_model(tm23, emt_copy):
    dataset = emt_copy.dataset("Cu-demo").id
    ran = tm23("evaluate", "--model", dataset, "--dataset", "Cu-demo")
    assert (ran.code, "is a dataset, not a model" in ran.err) == (2, True)
