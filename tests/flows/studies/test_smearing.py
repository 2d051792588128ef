"""The Maker of the smearing study: its wiring, whole runs on EMT, and the rule about the mesh."""

import json
from dataclasses import replace

import pytest
from jobflow import JobStore, run_locally
from jobflow.managers.fireworks import flow_to_workflow
from maggma.stores import MemoryStore
from monty.json import MontyDecoder

from tm23flows.documents.dataset import Dataset
from tm23flows.documents.label import Label
from tm23flows.errors import InputError
from tm23flows.flows.model import ModelMaker
from tm23flows.flows.studies.smearing import SmearingStudyMaker
from tm23flows.ops.audit.invariants import audit
from tm23flows.trainers.base import get_trainer

WIDTHS = (0.2, 1.0, 2.0)
OFFSET = ModelMaker(trainer="offset")
FLARE = {"nmax": 4, "lmax": 2, "starts": 1, "max_iterations": 5}


def names(jobs):
    return [job.name for job in jobs]


def counts(archive):
    collections = ("labels", "datasets", "models", "evaluations", "convergences", "studies")
    return {name: archive.database[name].count_documents({}) for name in collections}


def test_each_frame_gets_all_widths_in_one_job(label_set_road, jobs_of):
    flow = SmearingStudyMaker().make({"Cu": label_set_road()})
    jobs = {job.name: job for job in jobs_of(flow)}
    assert len(jobs) == len(jobs_of(flow)), "names are unique"
    batch = jobs["Cu cold labels converged 0.2, 1.0, 2.0 eV 1/2"]
    assert [one["sigma_eV"] for one in batch.function_args[1]] == list(WIDTHS)
    meshes = [job for name, job in jobs.items() if "k-mesh labels" in name]
    assert len(meshes) == 3
    assert all([one["sigma_eV"] for one in job.function_args[1]] == [0.2] for job in meshes)
    for width in ("0.2eV", "1eV", "2eV"):
        assert f"Cu flare model {width}" in jobs
        assert f"Cu flare evaluation {width}" in jobs
    assert jobs["Cu small 2eV dataset"].function_args[1] == "Cu-small-2eV"
    denser = jobs["Cu melt denser labels converged 0.2, 1.0, 2.0 eV 1/1"]
    assert denser.function_args[2:4] == (-1, 0)
    assert flow_to_workflow(flow).name == "Cu smearing"


def test_the_paper_is_the_default(jobs_of):
    study = SmearingStudyMaker()
    assert study.sigmas_eV == WIDTHS
    flare = get_trainer(study.model.trainer).hyperparameters(**study.model.hyperparameters)
    assert (study.model.trainer, flare.descriptor, flare.power) == ("flare", "B2", 2)


def test_the_smallest_width_is_that_of_the_convergence_and_the_baseline(label_set_road, jobs_of):
    flow = SmearingStudyMaker(sigmas_eV=(1.0, 0.4)).make({"Cu": label_set_road()})
    widths = [
        [one["sigma_eV"] for one in job.function_args[1]]
        for job in jobs_of(flow)
        if "labels" in job.name
    ]
    assert sorted(map(tuple, widths)) == [(0.4,)] * 3 + [(0.4, 1.0)] * (len(widths) - 3)


def test_densities_of_states_are_made_of_a_few_melt_test_frames(label_set_road, jobs_of):
    road = label_set_road()
    recipe = road.label.recipe.model_copy(update={"engine": "gpaw"})
    road = replace(road, label=replace(road.label, recipe=recipe))
    jobs = {job.name: job for job in jobs_of(SmearingStudyMaker(dos_seed=5).make({"Cu": road}))}
    choice = jobs["Cu frames of the densities of states"]
    assert choice.function_args[1:] == ("test", "melt", 3, 5)
    dos = jobs["Cu melt labels converged 0.2, 1.0, 2.0 eV with spectra 1/1"]
    assert dos.maker.spectra
    assert [one["sigma_eV"] for one in dos.function_args[1]] == list(WIDTHS)
    assert not any(job.maker.spectra for name, job in jobs.items() if name.endswith("1/2"))
    none = jobs_of(SmearingStudyMaker(n_dos_frames=0).make({"Cu": road}))
    assert not any("spectra" in name or "densities" in name for name in names(none))


def test_a_road_without_a_convergence_test_is_refused_unless_that_is_allowed(label_set_road):
    road = label_set_road(convergence=None)
    with pytest.raises(InputError, match="--allow-unconverged"):
        SmearingStudyMaker().make({"Cu": road})
    SmearingStudyMaker(allow_unconverged=True).make({"Cu": road})
    told = label_set_road()
    told = replace(told, convergence=replace(told.convergence, fallback=(2, 2, 2)))
    with pytest.raises(InputError, match="--allow-unconverged"):
        SmearingStudyMaker().make({"Cu": told})


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"sigmas_eV": (0.2,)}, "at least two widths"),
        ({"sigmas_eV": (0.2, 0.2)}, "each once"),
        ({"sigmas_eV": (0.0, 0.2)}, "above zero"),
        ({"n_noise_frames": 0}, "1 to 6 frames"),
        ({"n_noise_frames": 7}, "1 to 6 frames"),
        ({"n_dos_frames": -1}, "no -1 densities"),
        ({"model": ModelMaker(trainer="flare", test_parts=["cold"])}, "wants the part 'cold'"),
    ],
    ids=str,
)
def test_senseless_studies_are_refused_when_they_are_wired(label_set_road, fields, why):
    with pytest.raises(InputError, match=why):
        SmearingStudyMaker(**fields).make({"Cu": label_set_road()})
    with pytest.raises(InputError, match="at least one metal"):
        SmearingStudyMaker().make({})


def test_it_survives_its_document(label_set_road, jobs_of):
    study = SmearingStudyMaker(sigmas_eV=(0.1, 0.3), model=OFFSET, dos_seed=3)
    back = json.loads(study.to_json(), cls=MontyDecoder)
    assert isinstance(back, SmearingStudyMaker)
    assert (back.model.trainer, back.resampling, back.dos_seed) == ("offset", study.resampling, 3)


def test_a_study_runs_and_a_second_time_changes_nothing(
    archive, electrons, offset_trainer, label_set_road, study_of
):
    study = SmearingStudyMaker(model=OFFSET)
    output, found = study_of(study.make({"Cu": label_set_road()}))
    (metal,) = found.results.metals
    assert (metal.kmesh, metal.converged) == ((2, 2, 2), True)
    assert (metal.n_train, metal.n_test) == (9, 9)
    assert [row.sigma_eV for row in metal.rows] == list(WIDTHS)
    # Forces shrink by 36 % to 2 eV and the error of the models does not: percent errors rise.
    first, _, last = metal.rows
    assert last.force.percent.value == pytest.approx(first.force.percent.value / 0.64, rel=0.01)
    assert last.force.mae == pytest.approx(first.force.mae, rel=1e-6)
    assert output["verdicts"] == {"Cu": "rises"}
    # Forces that shrink change in length, by 36 % of it.
    assert last.response.angular.value == pytest.approx(last.response.radial.value, rel=1e-6)
    # The noise of the mesh in use against the densest one of the convergence.
    for row in metal.rows:
        assert (row.noise.kmesh, row.noise.n_frames) == ((3, 3, 3), 3)
        assert row.noise.rms == pytest.approx(0.0005)
    assert any("has no electrons" in one for one in found.warnings)
    assert not any("not shown to be converged" in one for one in found.warnings)
    before = counts(archive)
    # 18 frames with the labels of the run and at 3 widths; 3 frames more on two meshes of the
    # convergence, and on the denser one at the two other widths.
    assert before["labels"] == 18 * 4 + 3 * 2 + 3 * 2
    assert (before["datasets"], before["models"], before["studies"]) == (3, 3, 1)
    assert offset_trainer.trainings == 3
    again, same = study_of(study.make({"Cu": label_set_road()}))
    assert (again, same) == (output, found)
    assert counts(archive) == before
    assert offset_trainer.trainings == 3
    assert audit(archive).ok
    assert archive.trace(found.id).complete


def test_all_widths_have_the_same_frames_in_the_same_split(
    archive, electrons, offset_trainer, label_set_road, study_of
):
    _, found = study_of(SmearingStudyMaker(model=OFFSET).make({"Cu": label_set_road()}))
    frames = []
    for row in found.results.metals[0].rows:
        dataset = archive.get(Dataset, row.dataset_id)
        labels = {one.id: one for one in archive.get_many(Label, dataset.label_ids)}
        assert {one.recipe.sigma_eV for one in labels.values()} == {row.sigma_eV}
        assert {one.recipe.kmesh for one in labels.values()} == {(2, 2, 2)}
        frames.append(
            {part: [labels[one].frame_id for one in ids] for part, ids in dataset.parts.items()}
        )
    assert frames[0] == frames[1] == frames[2]
    assert archive.dataset("Cu-small-1eV").pair_of == archive.dataset("Cu-small-0.2eV").id


def test_what_is_not_converged_stops_the_study_or_is_told(
    archive, electrons, offset_trainer, label_set_road, study_of
):
    electrons.noise.update({2: 0.05, 3: 0.03, 4: 0.0})
    roads = {"Cu": label_set_road()}
    stopped = SmearingStudyMaker(model=OFFSET).make(roads)
    run_locally(stopped, store=JobStore(MemoryStore()), log=False)
    assert counts(archive)["studies"] == 0
    # 18 frames with the labels of the run, 3 of them on the meshes of the test, and no others.
    assert counts(archive)["labels"] == 18 + 9
    _, found = study_of(SmearingStudyMaker(model=OFFSET, allow_unconverged=True).make(roads))
    (metal,) = found.results.metals
    assert (metal.kmesh, metal.converged) == ((3, 3, 3), False)
    # One point more along each axis than the mesh in use.
    assert all(row.noise.kmesh == (4, 4, 4) for row in metal.rows)
    assert metal.rows[0].noise.rms == pytest.approx(0.03)
    assert "not shown to be converged" in found.warnings[0]
    assert found.parents["convergences"] == (metal.convergence_id,)
    # The rise of 36 % of the error is not seen through such noise.
    assert metal.rows[2].force.change.percent.low > 0
    assert metal.verdict == "noise"


def test_without_a_convergence_the_mesh_is_that_of_the_recipe(
    archive, electrons, offset_trainer, label_set_road, study_of
):
    road = label_set_road(convergence=None)
    _, found = study_of(SmearingStudyMaker(model=OFFSET, allow_unconverged=True).make({"Cu": road}))
    (metal,) = found.results.metals
    assert (metal.kmesh, metal.convergence_id, metal.converged) == ((3, 3, 3), None, False)
    assert metal.rows[0].noise.kmesh == (4, 4, 4)
    assert "not shown to be converged" in found.warnings[0]


def test_frames_without_a_label_at_one_width_are_refused_unless_that_is_allowed(
    archive, electrons, offset_trainer, label_set_road, study_of, monkeypatch
):
    from ase.calculators.calculator import CalculationFailed

    from tm23flows.engines.emt import EmtEngine

    made, seen = EmtEngine.calculator, []

    def failing(self, recipe):
        one = made(self, recipe)
        calculate = one.calculate

        def sometimes(*args, **kwargs):
            seen.append(recipe.sigma_eV)
            if recipe.sigma_eV == 2.0 and recipe.kmesh == (2, 2, 2) and seen.count(2.0) == 4:
                raise CalculationFailed("no convergence")
            calculate(*args, **kwargs)

        one.calculate = sometimes
        return one

    monkeypatch.setattr(EmtEngine, "calculator", failing)
    roads = {"Cu": label_set_road()}
    with pytest.raises(Exception, match="1 of 18 frames have no label"):
        study_of(SmearingStudyMaker(model=OFFSET).make(roads))
    seen[:] = [2.0] * 3
    _, found = study_of(SmearingStudyMaker(model=OFFSET, allow_missing=True).make(roads))
    (metal,) = found.results.metals
    assert metal.rows[2].response.n_frames == 17
    assert found.settings["allow_missing"] is True
    assert any("have 17 to 18 frames" in one for one in found.warnings)


@pytest.mark.flare
@pytest.mark.slow
def test_a_study_of_two_metals_with_real_flare(archive, electrons, label_set_road, study_of):
    pytest.importorskip("flare")
    study = SmearingStudyMaker(
        sigmas_eV=(0.2, 1.0), model=ModelMaker(trainer="flare", hyperparameters=FLARE)
    )
    output, found = study_of(study.make({"Cu": label_set_road(), "Au": label_set_road("Au")}))
    assert set(output["verdicts"]) == {"Cu", "Au"}
    for metal in found.results.metals:
        assert all(0 < row.force.percent.value < 100 for row in metal.rows)
        # The labels at 1 eV are the others times a number: models of them are as good.
        assert metal.verdict in {"unresolved", "falls", "rises"}
        assert metal.rows[1].force.change.percent.value == pytest.approx(0, abs=3)
    assert len(found.results.comparisons) == 1
    assert audit(archive).ok
