"""``tm23 bench``: calculators from elsewhere get the numbers that trained models get."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "trainers"))

EMT = ("bench", "--calculator", "ase.calculators.emt:EMT", "--dataset", "Cu-demo")


SHAKY = """
import os
import numpy as np
from ase.calculators.emt import EMT

class Shaky(EMT):
    def calculate(self, *arguments):
        super().calculate(*arguments)
        # the same frames in every process
        digit = int(round(1e6 * self.results["energy"])) % 3
        if digit == 0:
            self.results["forces"][0, 0] = np.nan
        if digit == 1:
            os._exit(9)
"""


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def wild(tmp_path, monkeypatch) -> None:
    """A module of calculators that fail, where workers find it."""
    from calculator_kit import write_module

    monkeypatch.setenv("PYTHONPATH", str(write_module(tmp_path / "site")))


def test_a_calculator_is_measured_named_and_found_again(tm23, emt_copy):
    ran = tm23(*EMT, "--name", "the oracle", "--json")
    assert ran.code == 0, ran.err
    (model,), (test,) = ran.json["models"], ran.json["evaluations"]
    assert model["name"] == test["name"] == "the oracle"
    assert (test["part"], test["n_failed"], ran.json["failed_jobs"]) == ("test", 0, {})
    assert test["errors"]["all"]["force"]["percent"] < 1e-4  # the labels are EMT's
    assert tm23(*EMT, "--name", "the oracle", "--json").json == ran.json

    # a stored model in place of the calculator, and the words for people
    words = tm23("bench", "--model", model["model_id"][:12], "--dataset", "Cu-demo")
    assert words.code == 0, words.err
    assert "the oracle" in words.out
    assert "the oracle, test: no frame failed" in words.out
    assert emt_copy.database["evaluations"].count_documents({}) == 1
    assert "better" not in words.out

    # another one joins the tables, and is compared on the same frames
    kwargs = '{"sigma": 2.3, "epsilon": 0.1, "smooth": true}'
    other = tm23("bench", "--calculator", "ase.calculators.lj:LennardJones", "--kwargs", kwargs,
                 "--dataset", "Cu-demo", "--name", "spheres")  # fmt: skip
    assert other.code == 0, other.err
    assert "the oracle" in other.out
    assert "Which of two models is better" in other.out
    assert "eV/atom below those of the labels" in other.out

    listed = tm23("model", "list")
    assert "calculator" in listed.out
    assert "the oracle" in listed.out
    shown = tm23("model", "show", model["model_id"][:12])
    assert "ase.calculators.emt:EMT" in shown.out
    traced = tm23("trace", model["model_id"])
    assert traced.code == 0, traced.err
    assert "calculator ase.calculators.emt:EMT  [ase " in traced.out


def test_frames_that_fail_are_counted_and_named_and_the_rest_measured(
    tm23, emt_copy, tmp_path, monkeypatch
):
    from calculator_kit import write_module

    labels = emt_copy.dataset("Cu-demo").parts["test"]
    monkeypatch.setenv("PYTHONPATH", str(write_module(tmp_path / "site", "shaky", SHAKY)))
    words = ("bench", "--calculator", "shaky:Shaky", "--dataset", "Cu-demo")
    ran = tm23(*words, "--json")
    assert ran.code == 0, ran.err
    said = tm23(*words).out
    (test,) = ran.json["evaluations"]
    assert 0 < test["n_failed"] < len(labels)
    assert test["errors"]["all"]["n_frames"] + test["n_failed"] == len(labels)
    assert {one["label_id"] for one in test["failures"]} < set(labels)
    assert {one["reason"] for one in test["failures"]} <= {
        "NaN or infinite values in the forces.",
        "The process ended with exit status 9.",
    }
    assert f"{test['n_failed']} of {len(labels)} frames failed" in said
    assert test["failures"][0]["label_id"][:12] in said
    plain = tm23("evaluate", "--model", test["model_id"], "--dataset", "Cu-demo").out
    assert f"{test['n_failed']} frames failed and are in no error" in plain


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--dataset", "Cu-demo"), "--calculator package.module:Class or --model ID"),
        ((*EMT[1:3], "--dataset", "nothing"), "nothing"),
        ((*EMT[1:], "--kwargs", "cutoff"), "takes JSON"),
        ((*EMT[1:], "--kwargs", "[1]"), "names and values"),
        ((*EMT[1:], "--part", "train2"), "no part 'train2'"),
        ((*EMT[1:], "--python", "/nowhere/python"), "no interpreter '/nowhere/python'"),
        ((*EMT[1:], "--with", "colours"), "no study 'colours' that measures models"),
        ((*EMT[1:], "--set", "phonons.step=1"), "of a study that --with names"),
        ((*EMT[1:], "--energy-reference", "zero"), "energy reference"),
        ((*EMT[1:], "-o", "no/such/wf.yaml"), "no folder"),
        (("--calculator", "EMT", "--dataset", "Cu-demo"), "the value 'EMT'"),
        (("--calculator", "os:system", "--dataset", "Cu-demo"), "no calculator of ASE"),
        (("--model", "0" * 12, "--dataset", "Cu-demo"), "0000"),
        (("--model", "0" * 12, "--name", "a", "--dataset", "Cu-demo"), "belong to a --calculator"),
    ],
    ids=str,
)
def test_what_cannot_be_done_is_one_sentence(tm23, emt_copy, words, why):
    ran = tm23("bench", *words)
    assert ran.code == 2
    assert why.lower() in ran.err.lower()
    assert emt_copy.database["models"].count_documents({}) == 0


def test_one_that_fails_on_every_frame_has_no_errors_and_says_why(tm23, emt_copy, wild):
    # every frame of the demo begins somewhere near the origin: no number is far from it
    faults = json.dumps({"faults": {str(i): "nan_forces" for i in range(-300, 900)}})
    ran = tm23("bench", "--calculator", "wild:Faulty", "--kwargs", faults, "--dataset", "Cu-demo")
    assert ran.code == 1
    assert "Cu benchmark on test failed: None of the 6 frames could be predicted" in ran.err
    assert "NaN or infinite values in the forces" in ran.err


def test_a_workflow_for_the_cluster_instead(tm23, emt_copy, tmp_path):
    from fireworks import Workflow

    ran = tm23(*EMT, "-o", tmp_path / "bench.yaml")
    assert ran.code == 0, ran.err
    workflow = Workflow.from_file(str(tmp_path / "bench.yaml"))
    assert [fw.name for fw in workflow.fws] == ["calculator", "Cu benchmark on test"]
    assert emt_copy.database["models"].count_documents({}) == 0
