"""The comparison itself, with runs of EMT in the archive and no model served."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tm23flows.documents.base import Provenance
from tm23flows.documents.dataset import Dataset
from tm23flows.documents.model import Model, ModelFile
from tm23flows.documents.study import Study
from tm23flows.documents.trajectory import Trajectory
from tm23flows.flows.studies.molecular_dynamics import MolecularDynamicsStudyMaker
from tm23flows.jobs.model_engine import model_recipe
from tm23flows.jobs.run_starts import starts_of
from tm23flows.jobs.studies import molecular_dynamics as module
from tm23flows.jobs.studies.molecular_dynamics import make_molecular_dynamics_study
from tm23flows.store.trajectories import append_segment, read_segments

SETTINGS = MolecularDynamicsStudyMaker().settings()


def put_model(archive, name):
    model = Model(
        provenance=Provenance.now(),
        trainer="calculator",
        hyperparameters={"calculator": "a:B", "name": name},
        seed=0,
        dataset_id=None,
        files=(ModelFile(name="calculator.json", blob=archive.blobs.put(name.encode())),),
        wall_s=0.0,
    )
    archive.put(model)
    return model


@pytest.fixture
def wired(emt_copy):
    """A function that stores a run with a model: the reference's, moved by so much."""
    dataset = emt_copy.dataset("Cu-demo")

    def wire(regime="melt", moved=0.0, n_steps=None, name="sound", **fields):
        (start,) = starts_of(emt_copy, dataset.id, regime)
        model = put_model(emt_copy, name)
        reference = emt_copy.get(Trajectory, start.reference_id)
        run = Trajectory(
            provenance=Provenance.now(),
            structure_id=start.structure_id,
            element="Cu",
            regime=regime,
            recipe=model_recipe(model.id),
            dynamics=start.dynamics,
        )
        emt_copy.put(run)
        rng = np.random.default_rng(0)
        parts = list(read_segments(emt_copy, reference))
        arrays = {key: np.concatenate([one[key] for one in parts])[:n_steps] for key in parts[0]}
        noise = moved * rng.standard_normal(arrays["positions"].shape)
        noise[0] = 0
        append_segment(emt_copy, run, {**arrays, "positions": arrays["positions"] + noise})
        row = {
            "reference_id": start.reference_id,
            "structure_id": start.structure_id,
            "temperature_K": start.dynamics.temperature_K,
            "trajectory_id": run.id,
            "n_steps": len(arrays["step"]),
            "asked_steps": start.n_steps,
            "stopped": None,
            **fields,
        }
        about = {"element": "Cu", "dataset_id": dataset.id, "regime": regime}
        return {**about, "model_id": model.id, "runs": [row]}

    return wire


def study_of(archive, *wired, settings=SETTINGS):
    out = make_molecular_dynamics_study.original(list(wired), settings)
    return out, archive.get(Study, out["study_id"])


def test_the_difference_grows_with_the_distance(emt_copy, wired):
    out, study = study_of(emt_copy, wired(name="a"), wired(moved=0.2, name="b"))
    reference, same, other = study.results.runs
    assert [reference.is_reference, same.is_reference] == [True, False]
    assert same.rdf_difference == 0
    assert other.rdf_difference > 0.1
    expected = np.abs(np.subtract(other.g, reference.g)).sum() / np.sum(reference.g)
    assert other.rdf_difference == pytest.approx(expected)
    assert out == {"study_id": study.id, "n_runs": 2, "n_failed": 0}


def test_a_run_that_ended_early_is_said_with_its_model(emt_copy, wired):
    given = wired(n_steps=12, stopped="forces are not finite", name="broken")
    out, study = study_of(emt_copy, given)
    row = study.results.runs[1]
    assert (row.failure.kind, row.failure.step) == ("stopped", 13)
    assert out["n_failed"] == 1
    unclear, said = study.warnings
    assert unclear.startswith("Cu melt: whether the reference melted is unclear: the run is dis")
    assert said.startswith("Cu melt: the run with broken failed at step 13 (stopped): forces are")


def test_a_model_without_a_run_is_a_row(emt_copy, wired):
    given = wired(trajectory_id=None, n_steps=1, stopped="its library is another")
    given["runs"][0]["n_steps"] = 0
    _, study = study_of(emt_copy, given)
    row = study.results.runs[1]
    assert row.failure.kind == "not begun"
    assert row.failure.reason == "its library is another"
    assert row.g is row.melting.verdict is row.trajectory_id is None
    assert row.temperature_K == study.results.runs[0].temperature_K


def test_melting_on_one_side_only_is_a_warning(emt_copy, wired, monkeypatch):
    verdicts = iter(["solid", "melted"])
    real = module.measure_run

    def measured(*given):
        found = real(*given)
        row = found.fields["melting"].model_copy(update={"verdict": next(verdicts)})
        return replace(found, fields={**found.fields, "melting": row})

    monkeypatch.setattr(module, "measure_run", measured)
    _, study = study_of(emt_copy, wired(name="soft"))
    assert "Cu melt: the reference is solid, the run with soft is melted." in study.warnings


def test_another_thermostat_is_said(emt_copy, wired):
    given = wired()
    row = given["runs"][0]
    reference = emt_copy.get(Trajectory, row["reference_id"])
    dynamics = reference.dynamics.model_copy(update={"ensemble": "nvt-nose-hoover"})
    other = Trajectory(
        **{**reference.model_dump(exclude={"id", "schema_version"}), "dynamics": dynamics}
    )
    emt_copy.put(other)
    row["reference_id"] = other.id
    _, study = study_of(emt_copy, given)
    assert any("another thermostat" in one for one in study.warnings)


def test_longer_runs_and_other_settings_are_other_studies(emt_copy, wired):
    given = wired()
    first, _ = study_of(emt_copy, given)
    assert study_of(emt_copy, given)[0] == first
    longer = {**given, "runs": [{**given["runs"][0], "n_steps": 999}]}
    assert study_of(emt_copy, longer)[0] != first
    other, _ = study_of(emt_copy, given, settings={**SETTINGS, "discard_share": 0.5})
    assert other != first


def test_frames_without_a_run_are_the_reference_of_their_cell(archive, make_frame, make_label):
    frames = [make_frame(seed=seed) for seed in range(12)]
    labels = [make_label(one) for one in frames]
    dataset = Dataset(
        provenance=Provenance.now(), element="Cu", parts={"test": [one.id for one in labels]},
        rule="full", query={},
    )  # fmt: skip
    archive.put(*frames, *labels, dataset)
    (start,) = starts_of(archive, dataset.id, "cold")
    row = {
        "reference_id": None, "structure_id": start.structure_id, "temperature_K": 339.5,
        "trajectory_id": None, "n_steps": 0, "asked_steps": 20, "stopped": "it is lost",
    }  # fmt: skip
    given = {"element": "Cu", "dataset_id": dataset.id, "regime": "cold", "model_id": None}
    _, study = study_of(archive, {**given, "runs": [row]})
    reference, model = study.results.runs
    assert reference.is_reference
    assert reference.rdf_frames == 12
    assert reference.melting.verdict is None
    assert model.failure.reason == "it is lost"
    assert any("the frames name no run" in one for one in study.warnings)
