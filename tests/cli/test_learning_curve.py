"""``tm23 learning-curve`` with real models on few frames."""

import pytest

FEW = ("--set", "nmax=3", "--set", "lmax=2", "--set", "starts=1", "--set", "max_iterations=10")
CURVE = ("learning-curve", "flare", "--dataset", "curve", *FEW)


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def _datasets(tm23, emt_copy):
    made = tm23(
        "dataset", "create", "curve", "--from",
        "metal=Cu,kmesh=3x3x3,sigma_eV=0.2,regime=melt", "--split", "learning-curve",
        "--set", "sizes=2,4,6", "--set", "n_test=2",
    )  # fmt: skip
    assert made.code == 0, made.err


@pytest.mark.usefixtures("_datasets")
def test_a_curve_is_made_once_and_said(tm23, emt_copy):
    made = tm23(*CURVE, "--json")
    assert made.code == 0, made.err
    (curve,) = made.json
    assert [point["n_train"] for point in curve["points"]] == [2, 4, 6]
    assert curve["fits"][0]["group"] == "all"
    assert emt_copy.database["models"].count_documents({}) == 3
    words = tm23(*CURVE).out
    assert emt_copy.database["models"].count_documents({}) == 3
    assert f"learning curve {curve['id'][:12]}: Cu flare" in words
    assert f"  4 frames: force {1000 * curve['points'][1]['force']['mae']:.2f} meV/A" in words
    assert f"N^{curve['fits'][0]['exponent']:.3f}" in words


@pytest.mark.usefixtures("_datasets")
def test_a_workflow_and_what_makes_no_sense(tm23, emt_copy, tmp_path):
    ran = tm23(*CURVE, "--sizes", "2,4", "-o", tmp_path / "curve.yaml")
    assert "4 jobs" in ran.out  # one growing model, two evaluations, the fit
    for words, why in (
        ((*CURVE, "--sizes", "2,5"), "no dataset of 5 frames"),
        ((*CURVE, "--sizes", "few"), "whole numbers"),
        (("learning-curve", "flare", "--dataset", "nothing"), "no datasets"),
    ):
        wrong = tm23(*words)
        assert (wrong.code, why in wrong.err) == (2, True), wrong.err
    assert emt_copy.database["models"].count_documents({}) == 0
