"""Runs of EMT beside those of EMT, which must be the same, and of a model that explodes."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace

import numpy as np
import pytest
from monty.json import MontyDecoder, MontyEncoder

from tm23flows.documents.structure import Structure
from tm23flows.documents.study import Study
from tm23flows.documents.trajectory import Trajectory
from tm23flows.errors import InputError
from tm23flows.flows.scales import make_tm23
from tm23flows.flows.studies.molecular_dynamics import MolecularDynamicsStudyMaker
from tm23flows.flows.studies.subjects import stored_subject
from tm23flows.jobs.benchmark import store_calculator
from tm23flows.ops.audit.invariants import audit

# SECTION
from tm23flows.report.studies.molecular_dynamics import section
from tm23flows.science.rdf import radial_distribution
from tm23flows.store.archive import Archive
from tm23flows.store.trajectories import read_segments

EMT = {"calculator": "ase.calculators.emt:EMT"}
WILD = {
    "calculator": "ase.calculators.lj:LennardJones",
    "kwargs": {"epsilon": 4.0, "sigma": 3.2, "rc": 6.0},
    "name": "wild",
}


@pytest.fixture(scope="module")
def study(_emt_road, database_server, run_flow, tmp_path_factory):
    """The study of the demonstration on EMT, with EMT itself and a model that explodes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TM23_DB_PATH", str(database_server.path))
        patch.setenv("TM23_DATABASE", f"test-{uuid.uuid4().hex[:8]}")
        patch.chdir(tmp_path_factory.mktemp("molecular-dynamics"))
        archive, source = Archive.open(), Archive.open(database=_emt_road).database
        for name in source.list_collection_names():
            if stored := list(source[name].find()):
                archive.database[name].insert_many(stored)
        models = [store_calculator(archive, one).id for one in (EMT, WILD)]
        found = stored_subject(archive, archive.dataset("Cu-demo"), models)
        subject = replace(found, regimes=("cold", "melt"))
        flow = MolecularDynamicsStudyMaker(n_steps=30).measure([subject])
        output = run_flow(flow)[flow.jobs[-1].uuid][1].output
        yield archive, output, models, subject


def rows(study, **wanted):
    archive, output, _, _ = study
    found = archive.get(Study, output["study_id"]).results.runs
    return [
        one for one in found if all(getattr(one, name) == value for name, value in wanted.items())
    ]


def test_each_temperature_has_its_reference_and_each_model(study):
    _, output, models, _ = study
    found = [(one.regime, one.is_reference, one.model_id) for one in rows(study)]
    assert found == [
        (regime, model is None, model) for regime in ("cold", "melt") for model in (None, *models)
    ]
    assert (output["n_runs"], output["n_failed"]) == (4, 2)


def test_a_model_that_is_the_program_makes_the_same_run(study):
    archive, _, models, _ = study
    for row in rows(study, model_id=models[0]):
        (reference,) = rows(study, regime=row.regime, is_reference=True)
        assert row.reference_id == reference.trajectory_id
        assert row.failure is None
        assert row.n_steps == reference.n_steps == 30
        assert row.rdf_difference == pytest.approx(0, abs=1e-12)
        assert reference.rdf_difference > 0.01
        same = ("temperature_mean_K", "min_distance_A", "drift_meV_per_atom_per_ps", "msd_A2")
        for name in same:
            assert getattr(row, name) == pytest.approx(getattr(reference, name), rel=1e-6), name
        run = archive.get(Trajectory, row.trajectory_id)
        assert run.dynamics == archive.get(Trajectory, row.reference_id).dynamics
        assert run.recipe.model_id == models[0]


def test_the_g_of_a_row_is_that_of_its_positions(study):
    archive, output, models, _ = study
    row = rows(study, model_id=models[0], regime="melt")[0]
    run = archive.get(Trajectory, row.trajectory_id)
    positions = np.concatenate([one["positions"] for one in read_segments(archive, run)])
    cell = archive.get(Structure, run.structure_id).cell
    expected = radial_distribution(positions[3:30], cell)
    np.testing.assert_allclose(row.g, expected.g)
    results = archive.get(Study, output["study_id"]).results
    np.testing.assert_allclose(results.r_A, expected.r_A)
    assert row.rdf_frames == 27


def test_a_model_that_explodes_is_reported_with_where_and_why(study):
    archive, output, models, _ = study
    for row in rows(study, model_id=models[1]):
        assert row.failure is not None
        assert row.n_steps <= 30
        assert row.failure.step <= row.n_steps + 1
    warnings = archive.get(Study, output["study_id"]).warnings
    assert sum("the run with wild failed at step" in one for one in warnings) == 2


def test_short_runs_have_no_diffusion_and_say_why(study):
    assert all(row.diffusion.value_A2_per_ps is None for row in rows(study))
    assert "too short" in rows(study)[0].diffusion.reason


def test_again_is_the_same_study(study, run_flow, monkeypatch, tmp_path):
    archive, output, _, subject = study
    monkeypatch.chdir(tmp_path)
    count = archive.database["trajectories"].count_documents({})
    flow = MolecularDynamicsStudyMaker(n_steps=30).measure([subject])
    assert run_flow(flow)[flow.jobs[-1].uuid][1].output == output
    assert archive.database["trajectories"].count_documents({}) == count


def test_its_past_is_whole(study):
    archive, output, _, _ = study
    assert archive.trace(output["study_id"]).complete
    assert audit(archive).ok


def test_it_is_shown(study):
    archive, output, _, _ = study
    shown = section(archive, archive.get(Study, output["study_id"]))
    words = " ".join(shown.answer)
    assert "failed" in words
    assert len(shown.drawings) >= 1


def test_a_road_trains_first_and_then_runs(jobs_of):
    flow = MolecularDynamicsStudyMaker().make({"Cu": make_tm23("Cu", "demo", "emt")})
    names = [job.name for job in jobs_of(flow)]
    assert names[-1] == "Cu molecular dynamics study"
    assert "Cu melt runs with model 2" in names
    assert len(names) == len(set(names))


def test_it_goes_through_a_file(jobs_of, study):
    flow = MolecularDynamicsStudyMaker(n_steps=20).measure([study[3]])
    read = json.loads(json.dumps(flow.as_dict(), cls=MontyEncoder), cls=MontyDecoder)
    assert [job.name for job in jobs_of(read)] == [job.name for job in jobs_of(flow)]
    given = jobs_of(read)[-1].function_args
    assert given[1] == jobs_of(flow)[-1].function_args[1]
    assert given[0][0]["model_id"] == study[2][0]


def test_what_cannot_be_run_is_said_before_anything_is(study):
    subject = study[3]
    for name, words in (("model_ids", "no model"), ("regimes", "names no temperatures")):
        with pytest.raises(InputError, match=words):
            MolecularDynamicsStudyMaker().measure([replace(subject, **{name: ()})])
    with pytest.raises(InputError, match="needs a metal"):
        MolecularDynamicsStudyMaker().measure([])
    with pytest.raises(InputError, match="are the least"):
        MolecularDynamicsStudyMaker(n_steps=3).measure([subject])
    with pytest.raises(InputError, match="between 0 and 1"):
        MolecularDynamicsStudyMaker(discard_share=1.0).measure([subject])
