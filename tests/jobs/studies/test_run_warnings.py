"""What is said of runs that failed or melted, by rows that are made up."""

from __future__ import annotations

import pytest

from tm23flows.documents.studies.molecular_dynamics import (
    DiffusionRow,
    MeltingRow,
    MolecularDynamicsResults,
    RunFailureRow,
    RunRow,
)
from tm23flows.jobs.studies.run_warnings import run_warnings

LOST = RunFailureRow(kind="too hot", step=9, time_ps=0.04, reason="hotter than 900 K")
NUMBERS = (
    "temperature_mean_K", "temperature_std_K", "drift_meV_per_atom_per_ps", "min_distance_A",
    "rdf_difference", "g", "timestep_fs", "n_atoms", "reference_id", "failure", "model_id",
)  # fmt: skip


def melting(verdict):
    reason = "" if verdict in ("solid", "melted") else "they disagree"
    return MeltingRow(verdict=verdict, min_over_max=None, moved_share=None, reason=reason)


def row(verdict, reference=False, **fields):
    given = {
        **dict.fromkeys(NUMBERS),
        "element": "Cu",
        "regime": "melt",
        "temperature_K": 1700.0,
        "dataset_id": "d",
        "is_reference": reference,
        "trajectory_id": None if reference else "t",
        "asked_steps": 10,
        "n_steps": 10,
        "rdf_frames": 5,
        "melting": melting(verdict),
        "diffusion": DiffusionRow(value_A2_per_ps=None, reason="short"),
    }
    return RunRow(**{**given, **fields})


def said(archive, *rows):
    found = run_warnings(archive, MolecularDynamicsResults(r_A=(1.0,), runs=rows))
    return [one for one in found if "name no run" not in one]


@pytest.mark.parametrize(
    ("reference", "model", "words"),
    [
        ("melted", "solid", ["the reference is melted, the run with a model is solid."]),
        ("solid", "melted", ["the reference is solid, the run with a model is melted."]),
        ("solid", "solid", []),
        ("solid", "unclear", []),
        (None, "melted", []),
    ],
)
def test_melting_on_one_side_only(archive, reference, model, words):
    found = said(archive, row(reference, reference=True), row(model))
    assert found == [f"Cu melt: {one}" for one in words]


def test_an_unclear_reference_and_failures(archive):
    rows = row("unclear", reference=True, failure=LOST), row("solid", failure=LOST)
    assert said(archive, *rows) == [
        "Cu melt: the reference itself fails at step 9 (too hot: hotter than 900 K).",
        "Cu melt: whether the reference melted is unclear: they disagree.",
        "Cu melt: the run with a model failed at step 9 (too hot): hotter than 900 K.",
    ]


def test_a_run_that_failed_while_solid_does_not_disagree_about_melting(archive):
    found = said(archive, row("melted", reference=True), row("solid", failure=LOST))
    assert found == ["Cu melt: the run with a model failed at step 9 (too hot): hotter than 900 K."]
    found = said(archive, row("solid", reference=True), row("melted", failure=LOST))
    assert len(found) == 2
