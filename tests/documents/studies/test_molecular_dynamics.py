"""Results of molecular dynamics: what they refuse."""

import pytest
from pydantic import ValidationError

from tm23flows.documents.studies.label_sets import Bounded
from tm23flows.documents.studies.molecular_dynamics import (
    DiffusionRow,
    MeltingRow,
    MolecularDynamicsResults,
    RunFailureRow,
    RunRow,
)

FAILURE = RunFailureRow(kind="too hot", step=7, time_ps=0.03, reason="hotter than 900 K")
SOLID = MeltingRow(verdict="solid", min_over_max=0.02, moved_share=0.0, reason="")
DIFFUSION = DiffusionRow(value_A2_per_ps=Bounded(value=0.4, low=0.3, high=0.5), reason="")


def row(**fields):
    given = {
        "element": "Cu",
        "regime": "cold",
        "temperature_K": 339.5,
        "dataset_id": "d",
        "is_reference": False,
        "model_id": "m",
        "trajectory_id": "t",
        "reference_id": "r",
        "n_atoms": 31,
        "asked_steps": 10,
        "n_steps": 6,
        "timestep_fs": 5.0,
        "failure": FAILURE,
        "temperature_mean_K": 340.0,
        "temperature_std_K": 12.0,
        "drift_meV_per_atom_per_ps": None,
        "min_distance_A": 2.1,
        "g": (0.0, 1.5),
        "rdf_frames": 6,
        "rdf_difference": 0.1,
        "melting": SOLID,
        "diffusion": DIFFUSION,
    }
    return RunRow(**{**given, **fields})


def test_they_come_back_as_they_were():
    results = MolecularDynamicsResults(r_A=(0.5, 1.5), runs=(row(), row(g=None)))
    assert MolecularDynamicsResults.model_validate_json(results.model_dump_json()) == results
    assert results.kind == "molecular-dynamics"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"msd_ps": (0.1,)}, "for each interval"),
        ({"trajectory_id": None, "failure": None}, "has failed"),
        ({"is_reference": True}, "not of a model"),
        ({"rdf_difference": float("nan")}, "finite"),
        ({"rdf_difference": -0.1}, "greater"),
    ],
)
def test_rows_that_make_no_sense_are_refused(fields, words):
    with pytest.raises(ValidationError, match=words):
        row(**fields)


def test_an_undefined_number_has_a_reason():
    with pytest.raises(ValidationError, match="the reason why not"):
        DiffusionRow(value_A2_per_ps=None, reason="")
    with pytest.raises(ValidationError, match="the reason why not"):
        DiffusionRow(value_A2_per_ps=Bounded(value=1.0), reason="too short")
    with pytest.raises(ValidationError):
        RunFailureRow(kind="stopped", step=1, time_ps=0.0, reason="")


def test_all_curves_have_the_same_bins():
    with pytest.raises(ValidationError, match="same bins"):
        MolecularDynamicsResults(r_A=(0.5,), runs=(row(),))
