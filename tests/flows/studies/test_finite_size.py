"""The finite-size study: wired from a road, and run on EMT with FLARE."""

import json
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from monty.json import MontyDecoder

from tm23flows.documents.dataset import Dataset
from tm23flows.documents.grid_search import GridSearch
from tm23flows.documents.label import Label
from tm23flows.documents.structure import Structure
from tm23flows.documents.study import Study
from tm23flows.errors import InputError
from tm23flows.flows.convergence import KpointConvergenceMaker
from tm23flows.flows.scales import make_tm23
from tm23flows.flows.studies.finite_size import GRID, FiniteSizeStudyMaker
from tm23flows.flows.trajectory import Sampling
from tm23flows.ops.audit.invariants import audit
from tm23flows.report.studies.finite_size import section
from tm23flows.science import protocol
from tm23flows.store.archive import Archive

SMALL = {
    "n_sites": 32,
    "n_train": 6,
    "n_test": 8,
    "grid": {"cutoff_A": [3.0, 4.5], "nmax": [3, 4], "lmax": [1]},
    "hyperparameters": {"starts": 1, "max_iterations": 5, "environments_per_frame": 2},
}


def jobs_of(flow):
    return [j for one in flow.jobs for j in jobs_of(one)] if hasattr(flow, "jobs") else [flow]


def road_of_copper():
    """The demonstration on EMT, with a run that goes on quickly."""
    road = make_tm23("Cu", "demo", "emt")
    trajectory = replace(road.trajectory, sampling=Sampling(discard=20, stride=2, count=8))
    return replace(road, trajectory=trajectory, name="emt")


@pytest.fixture(autouse=True)
def _in_a_run_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_the_defaults_are_the_articles_and_a_stated_grid():
    maker = FiniteSizeStudyMaker()
    assert (maker.n_sites, maker.n_train, maker.n_test) == (640, 200, 50)
    assert protocol.FINITE_SIZE_METALS == ("Os",)
    assert (max(GRID["cutoff_A"]), max(GRID["lmax"])) == (10.0, 8)
    assert maker.settings()["grid"] == GRID
    flow = maker.make({"Os": make_tm23("Os", "paper", "gpaw")})
    jobs = jobs_of(flow)
    assert jobs[0].function_args[2] == [8, 8, 5]
    assert jobs[0].function_args[5] is None  # no vacancy
    names = [job.name for job in jobs]
    assert len(set(names)) == len(names)
    assert sum(name.startswith("Os flare model ") for name in names) == 48
    assert names[-1] == "Os finite size study"
    assert {name.split()[1] for name in names if "trajectory" in name} == {"melt"}
    # 1000 steps of equilibration and 250 frames, not the whole run of the paper.
    trajectory = next(job for job in jobs if job.name == "Os melt trajectory")
    assert trajectory.function_args[3] == 1000 + 250 * 10
    dataset = next(job for job in jobs if job.name == "Os dataset")
    assert dataset.function_args[3] == "finite-size"
    assert dataset.function_args[4] == {"min_gap_fs": 25.0, "n_train": 200, "n_test": 50}


def test_a_vacancy_is_a_choice_and_takes_one_site():
    maker = FiniteSizeStudyMaker(vacancy=True)
    structure = jobs_of(maker.make({"Os": make_tm23("Os", "paper", "gpaw")}))[0]
    assert structure.function_args[5] == 0
    own = FiniteSizeStudyMaker(n_sites=None).make({"Cu": road_of_copper()})
    assert jobs_of(own)[0].function_args[2] == [2, 2, 2]


def test_the_road_keeps_its_mesh_test_and_may_go_on_without():
    road = replace(make_tm23("Os", "paper", "gpaw"), convergence=KpointConvergenceMaker())
    found = {}
    for allowed in (False, True):
        flow = FiniteSizeStudyMaker(allow_unconverged=allowed).make({"Os": road})
        verdict = next(job for job in jobs_of(flow) if job.name == "Os k-mesh convergence")
        found[allowed] = repr((verdict.function_args, verdict.function_kwargs))
    assert found[False] != found[True]


def test_it_survives_its_document():
    maker = FiniteSizeStudyMaker(**SMALL)
    assert json.loads(maker.to_json(), cls=MontyDecoder) == maker


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"n_sites": 33, "structure": "conventional"}, "take 32 or 36"),
        ({"grid": {"colour": [1]}}, "no hyperparameter 'colour'"),
        ({"grid": {"starts": [1, 2]}}, "both fixed and on the grid"),
        ({"n_train": 0}, "n_train"),
    ],
)
def test_what_cannot_be_made_is_refused_before_anything_runs(fields, why):
    road = road_of_copper()
    if fields.pop("structure", None):
        road = replace(road, structure=replace(road.structure, basis="conventional"))
    with pytest.raises(InputError, match=why):
        FiniteSizeStudyMaker(**{**SMALL, **fields}).make({"Cu": road})


def test_it_needs_a_metal():
    with pytest.raises(InputError, match="needs a metal"):
        FiniteSizeStudyMaker().make({})


@pytest.mark.flare
@pytest.mark.slow
def test_the_whole_study(archive, run_flow):
    maker = FiniteSizeStudyMaker(**SMALL)
    responses = run_flow(maker.make({"Cu": road_of_copper()}))
    output = list(responses.values())[-1][1].output
    study = archive.get(Study, output["study_id"])
    (metal,) = study.results.metals
    structure = archive.get(Structure, metal.structure_id)
    assert metal.n_atoms == len(structure.numbers) == 32
    assert structure.vacancy_index is None
    assert not metal.has_vacancy

    dataset = archive.get(Dataset, metal.dataset_id)
    steps = [
        one.step
        for part in ("train", "test")
        for one in archive.get_many(Label, dataset.parts[part])
    ]
    assert steps == list(range(22, 22 + 2 * 14, 2))
    assert metal.spacing_fs == 2 * 5.0
    assert {one.regime for one in archive.get_many(Label, dataset.label_ids)} == {"melt"}

    grid = archive.get(GridSearch, metal.grid_id)
    assert len(metal.points) == 4
    assert metal.best == grid.chosen
    assert metal.best_point.force_percent == grid.best.force_percent
    assert output["best_cutoffs_A"] == {"Cu": metal.best_point.cutoff_A}
    for row in metal.cutoffs:
        errors = [p.force_percent for p in metal.points if p.cutoff_A == row.cutoff_A]
        assert row.force_percent.value == pytest.approx(min(errors))
        assert metal.points[row.point].force_percent == min(errors)
    short, long = metal.cutoffs
    expected = long.force_percent.value - short.force_percent.value
    assert long.change.value == pytest.approx(expected)
    shifts = np.array([one for one in product(range(-3, 4), repeat=3) if any(one)])
    half = np.linalg.norm(shifts @ structure.cell, axis=1).min() / 2
    assert metal.image_distance_A == pytest.approx(2 * half)
    assert [one.has_copies for one in metal.cutoffs] == [
        half < one.cutoff_A for one in metal.cutoffs
    ]
    assert set(study.parents) == {"datasets", "grid_searches", "evaluations"}

    shown = section(archive, study)
    assert grid.reason in " ".join(shown.answer)
    assert audit(archive).ok
    _again(archive, run_flow, maker, study)


def _again(archive: Archive, run_flow, maker, study) -> None:
    before = archive.database["studies"].find_one({"_id": study.id})
    run_flow(maker.make({"Cu": road_of_copper()}))
    assert archive.database["studies"].count_documents({}) == 1
    assert archive.database["studies"].find_one({"_id": study.id}) == before
