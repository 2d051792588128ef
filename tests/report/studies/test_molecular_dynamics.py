"""The study of molecular dynamics on its page: everything that failed is on it."""

from __future__ import annotations

import pytest

from tm23flows.documents.base import Provenance
from tm23flows.documents.model import Model, ModelFile
from tm23flows.documents.studies.crystal import CrystalResults
from tm23flows.documents.studies.label_sets import Bounded
from tm23flows.documents.studies.molecular_dynamics import (
    DiffusionRow,
    MeltingRow,
    MolecularDynamicsResults,
    RunFailureRow,
    RunRow,
)
from tm23flows.documents.study import Study
from tm23flows.report.quantities import NOT_THERE
from tm23flows.report.studies.molecular_dynamics import (
    STABILITY,
    STRUCTURE,
    section,
)

SOLID = MeltingRow(verdict="solid", min_over_max=0.02, moved_share=0.0, reason="")
MELTED = MeltingRow(verdict="melted", min_over_max=0.31, moved_share=0.9, reason="")
LOST = RunFailureRow(kind="too close", step=41, time_ps=0.2, reason="two atoms nearer than 1.2 A")
D = DiffusionRow(value_A2_per_ps=Bounded(value=0.4123, low=0.3, high=0.5), reason="")
NO_D = DiffusionRow(value_A2_per_ps=None, reason="only 0 % of the atoms left their places")


def row(model_id, **fields):
    given = {
        "element": "Cu",
        "regime": "cold",
        "temperature_K": 339.5,
        "dataset_id": "d" * 64,
        "is_reference": model_id is None,
        "model_id": model_id,
        "trajectory_id": f"run of {model_id}",
        "reference_id": None if model_id is None else "run of None",
        "n_atoms": 31,
        "asked_steps": 100,
        "n_steps": 100,
        "timestep_fs": 5.0,
        "failure": None,
        "temperature_mean_K": 340.4,
        "temperature_std_K": 12.0,
        "drift_meV_per_atom_per_ps": 0.1234,
        "min_distance_A": 2.1,
        "g": (0.0, 1.5, 1.0),
        "rdf_frames": 90,
        "rdf_difference": 0.0567,
        "melting": SOLID,
        "msd_ps": (0.1, 0.2),
        "msd_A2": (0.01, 0.02),
        "diffusion": NO_D,
    }
    return RunRow(**{**given, **fields})


@pytest.fixture
def models(archive):
    """Two models of one trainer and one calculator from elsewhere."""
    made = []
    for trainer, name in (("nequip", "a"), ("nequip", "b"), ("calculator", "costly $ one")):
        made.append(
            Model(
                provenance=Provenance.now(),
                trainer=trainer,
                hyperparameters={"calculator": "a:B", "name": name},
                seed=0,
                dataset_id=None if trainer == "calculator" else "d" * 64,
                files=(ModelFile(name="m", blob="b" * 64),),
                wall_s=0.0,
            )
        )
    archive.put(*made)
    return [one.id for one in made]


def shown(archive, *rows):
    study = Study(
        provenance=Provenance.now(),
        elements=("Cu",),
        settings={},
        parents={},
        results=MolecularDynamicsResults(r_A=(0.5, 1.5, 2.5), runs=rows),
    )
    return section(archive, study)


def test_every_run_has_its_rows(archive, models):
    first, second, other = models
    made = shown(
        archive,
        row(None),
        row(first),
        row(second, failure=LOST, n_steps=60, melting=MELTED, diffusion=D),
        row(other, trajectory_id=None, failure=RunFailureRow(
            kind="not begun", step=1, time_ps=0.0, reason="no such element"), g=None, n_steps=0,
            msd_ps=(), msd_A2=(), min_distance_A=None, rdf_difference=None),
    )  # fmt: skip
    stability, structure = made.tables
    assert stability.columns == STABILITY
    assert structure.columns == STRUCTURE
    assert {len(one) for one in stability.rows} == {len(STABILITY)}
    assert {len(one) for one in structure.rows} == {len(STRUCTURE)}
    names = [one[1] for one in stability.rows]
    assert names == ["labels", f"nequip {first[:8]}", f"nequip {second[:8]}", "costly $ one"]
    assert [one[3] for one in stability.rows] == [
        "none",
        "none",
        "too close at 0.2 ps: two atoms nearer than 1.2 A",
        "not begun: no such element",
    ]
    assert stability.rows[2][2] == "60 of 100"
    assert stability.rows[3][6] == NOT_THERE
    assert structure.rows[1][2] == "5.67"
    assert structure.rows[2][3] == "melted"
    assert structure.rows[2][6] == "0.412 (0.3 to 0.5)"
    assert structure.rows[0][6].startswith("undefined: only 0 %")
    runs = ["run of None", f"run of {first}", f"run of {second}", other]
    assert list(stability.documents) == list(structure.documents) == runs
    assert made.title == "Molecular dynamics of Cu"
    assert [one.title for one in made.drawings] == [
        "Radial distribution functions with models and labels: Cu",
        "Mean-square displacements: Cu",
    ]


def test_the_answer_names_failures_and_melting(archive, models):
    first, second, _ = models
    made = shown(archive, row(None), row(first), row(second, failure=LOST, melting=MELTED))
    assert made.answer == (
        "2 runs with models, 1 of them failed.",
        f"nequip {first[:8]}: 1 of 1 runs sound to the end.",
        f"nequip {second[:8]}: 0 of 1 runs sound to the end; first failure after 0.2 ps (cold).",
        f"Cu cold: labels solid; nequip {first[:8]} solid, nequip {second[:8]} melted.",
    )


def test_another_study_is_refused(archive):
    study = Study(
        provenance=Provenance.now(), elements=("Cu",), settings={}, parents={},
        results=CrystalResults.model_construct(kind="crystal"),
    )  # fmt: skip
    with pytest.raises(TypeError):
        section(archive, study)
