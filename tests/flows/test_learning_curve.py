"""The Maker of learning curves: its wiring, and whole runs with a stand-in and with real FLARE."""

import json
import sys
from types import ModuleType
from typing import ClassVar

import numpy as np
import pytest
from ase.io import read, write
from jobflow import Flow, JobStore, run_locally
from jobflow.managers.fireworks import flow_to_workflow
from maggma.stores import MemoryStore
from monty.json import MontyDecoder

from tm23flows.documents.learning_curve import LearningCurve, Resampling
from tm23flows.documents.model import Model
from tm23flows.errors import InputError, NotFoundError, TrainingError
from tm23flows.flows.learning_curve import (
    LearningCurveMaker,
    datasets_by_size,
    find_curve_datasets,
    make_learning_curve,
)
from tm23flows.jobs.dataset import make_dataset
from tm23flows.ops.audit.invariants import audit
from tm23flows.science import protocol
from tm23flows.store.datasets.creation import create_dataset, create_datasets
from tm23flows.trainers.base import TRAINERS, Hyperparameters, Predictions, TrainResult

IDS = {100: "a" * 64, 300: "b" * 64, 500: "c" * 64}
SIZES = (2, 3, 4)
FLARE = {"nmax": 4, "lmax": 2, "starts": 1, "max_iterations": 5}


class PowerHyperparameters(Hyperparameters):
    exponent: float = -0.5
    l_max: int = 1


class PowerTrainer:
    """Knows the true forces, and adds an error that falls with the number of its frames."""

    name = "power"
    trained: ClassVar[list[tuple[int, int]]] = []
    failing: ClassVar[set[int]] = set()

    def hyperparameters(self, **overrides):
        return PowerHyperparameters(**overrides)

    def train(self, dataset_dir, hyperparameters, workdir, seed, course=None):
        n = len(read(dataset_dir / "train.xyz", ":"))
        type(self).trained.append((n, seed))
        if n in self.failing:
            raise TrainingError("The training did not end.", "diverged")
        workdir.mkdir(parents=True)
        path = workdir / "model.json"
        path.write_text(json.dumps({"error": n**hyperparameters.exponent * (1 + seed)}))
        return TrainResult({"model.json": path}, [], {"frames": n}, {"power": "1.0"}, 0.5 * n)

    def predict(self, model_dir, frames_file, workdir):
        error = json.loads((model_dir / "model.json").read_text())["error"]
        frames = read(frames_file, ":")
        return Predictions(
            energies=np.array([one.get_potential_energy() for one in frames]),
            forces=tuple(one.get_forces() + error for one in frames),
            stresses=None,
            uncertainties=None,
        )


class GrowingTrainer(PowerTrainer):
    """The same, with all sizes in one go."""

    name = "growing"

    def train_sizes(self, dataset_dir, hyperparameters, workdir, seed, sizes, course=None):
        frames = read(dataset_dir / "train.xyz", ":")
        done = {}
        for n in sizes:
            folder = workdir / f"first-{n}"
            folder.mkdir(parents=True)
            write(folder / "train.xyz", frames[:n])
            done[n] = self.train(folder, hyperparameters, folder / "work", seed)
        return done


@pytest.fixture
def power(monkeypatch):
    """Both stand-ins under their names; the list of what they trained, and what is to fail."""
    module = ModuleType("power_trainers")
    for one in (PowerTrainer, GrowingTrainer):
        setattr(module, one.__name__, one)
        monkeypatch.setitem(TRAINERS, one.name, f"power_trainers:{one.__name__}")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(PowerTrainer, "trained", [])
    monkeypatch.setattr(PowerTrainer, "failing", set())
    return PowerTrainer


@pytest.fixture
def melt(emt_copy):
    """The labels of the melt under the recipe of the demonstration, 8 frames."""
    recipe = next(iter(emt_copy.labels(dataset="Cu-demo"))).recipe_id
    return [one for one in emt_copy.labels(regime="melt") if one.recipe_id == recipe]


@pytest.fixture
def curve_datasets(emt_copy, melt):
    """Datasets of 2, 3 and 4 training frames under the name ``Cu-curve``."""
    options = {"sizes": SIZES, "n_test": 4}
    made = create_datasets(emt_copy, "Cu-curve", melt, "learning-curve", options)
    return {len(one.dataset.parts["train"]): one.dataset.id for one in made}


def fits_of(flow, run_flow):
    responses = run_flow(flow)
    return [responses[one.jobs[-1].uuid][1].output for one in flow.jobs]


def run_with_failures(flow):
    return run_locally(flow, store=JobStore(MemoryStore()), raise_immediately=False, log=False)


def counts(archive):
    names = ("models", "evaluations", "learning_curves")
    return [archive.database[name].count_documents({}) for name in names]


def test_sizes_are_independent_jobs_that_meet_in_the_fit(jobs_of):
    flow = LearningCurveMaker(trainer="nequip", seeds=(3,)).make(IDS, "Cu")
    jobs = {job.name: job for job in jobs_of(flow)}
    assert list(jobs) == [
        *(f"Cu nequip model {n}" for n in IDS),
        *(f"Cu nequip evaluation {n}" for n in IDS),
        "Cu nequip learning curve",
    ]
    for n, dataset_id in IDS.items():
        train, test = jobs[f"Cu nequip model {n}"], jobs[f"Cu nequip evaluation {n}"]
        assert train.function_args == (dataset_id, "nequip", {}, 3, "train")
        assert test.function_args[0].uuid == train.uuid
        assert test.function_args[1:] == (dataset_id, "test", "mean-per-atom")
    fit = jobs["Cu nequip learning curve"]
    assert fit.function_args[0] == list(IDS.values())
    assert fit.function_args[3:7] == ("nequip", {}, 3, "train")
    kinds = [job.config.manager_config["_category"] for job in jobs.values()]
    assert kinds == ["train-gpu"] * 6 + ["analyse"]


def test_a_trainer_that_can_grow_gets_one_job(power, jobs_of):
    flow = LearningCurveMaker(trainer="growing").make(dict(reversed(IDS.items())), "Cu")
    train, *tests, fit = jobs_of(flow)
    assert train.name == "Cu growing models 100 to 500"
    assert train.function_args == (list(IDS.values()), "growing", {}, 0, "train")
    for place, (test, dataset_id) in enumerate(zip(tests, IDS.values(), strict=True)):
        assert test.function_args[0].uuid == train.uuid
        assert test.function_args[0].attributes[-1] == ("i", place)
        assert test.function_args[1] == dataset_id
    assert [one.attributes[-1] for one in fit.function_args[1]] == [("i", n) for n in range(3)]


def test_each_l_max_and_each_seed_is_a_curve_with_the_features_of_the_article(jobs_of):
    maker = LearningCurveMaker(
        trainer="nequip", l_max=(0, 3), seeds=(0, 1), hyperparameters={"n_layers": 4}
    )
    flow = maker.make(IDS, "Cu")
    assert [one.name for one in flow.jobs] == [
        f"Cu nequip l_max {l_max} seed {seed} learning curve" for l_max in (0, 3) for seed in (0, 1)
    ]
    settings = [one.jobs[-1].function_args[4:6] for one in flow.jobs]
    assert settings[0] == ({"n_layers": 4, "l_max": 0, "n_features": 64}, 0)
    assert settings[3] == ({"n_layers": 4, "l_max": 3, "n_features": 8}, 1)
    names = [job.name for job in jobs_of(flow)]
    assert len(set(names)) == len(names)
    assert len(flow.output["learning_curves"]) == 4
    # The user's word wins, and other trainers have no such rule.
    maker = LearningCurveMaker(trainer="nequip", l_max=(0, 6), hyperparameters={"n_features": 4})
    assert [one.jobs[-1].function_args[4] for one in maker.make(IDS, "Cu").jobs] == [
        {"n_features": 4, "l_max": 0}, {"n_features": 4, "l_max": 6}
    ]  # fmt: skip
    maker = LearningCurveMaker(trainer="flare", l_max=(3,))
    assert maker.make(IDS, "Cu").jobs[0].jobs[-1].function_args[4] == {"lmax": 3}


def test_any_of_the_sizes_may_be_chosen(jobs_of):
    flow = LearningCurveMaker(trainer="nequip", sizes=(500, 100)).make(IDS, "Cu")
    assert [job.name for job in jobs_of(flow)][:2] == ["Cu nequip model 100", "Cu nequip model 500"]
    with pytest.raises(InputError, match=r"no dataset of 700 frames.*100, 300, 500"):
        LearningCurveMaker(sizes=(100, 700)).make(IDS, "Cu")


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"trainer": "mace"}, "no trainer 'mace'"),
        ({"hyperparameters": {"colour": 1}}, "no hyperparameter 'colour'"),
        ({"energy_reference": "zero"}, "energy reference"),
        ({"sizes": (100,)}, "at least two sizes"),
        ({"sizes": (100, 100)}, "every size once"),
        ({"seeds": ()}, "needs a seed"),
        ({"seeds": (1, 1)}, "every seed once"),
        ({"trainer": "nequip", "l_max": (6,)}, "no multiplicity of features"),
        ({"l_max": (2,), "hyperparameters": {"lmax": 2}}, "say it once"),
        ({"l_max": (-1,)}, "lmax"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_before_anything_runs(fields, why):
    with pytest.raises(InputError, match=why):
        LearningCurveMaker(**fields).make(IDS, "Cu")


def test_it_survives_its_document(jobs_of):
    maker = LearningCurveMaker(
        trainer="nequip", l_max=(1, 2), seeds=(1, 2), resampling=Resampling(level=0.9)
    )
    back = json.loads(maker.to_json(), cls=MontyDecoder)
    assert isinstance(back, LearningCurveMaker)
    names = [[job.name for job in jobs_of(one.make(IDS, "Cu"))] for one in (maker, back)]
    assert names[0] == names[1]
    assert jobs_of(back.make(IDS, "Cu"))[-1].function_args[7]["level"] == 0.9


def test_evaluations_and_fit_survive_a_failed_size():
    workflow = flow_to_workflow(LearningCurveMaker(trainer="nequip").make(IDS, "Cu"))
    for one in workflow.fws:
        waits = "model" not in one.name
        assert bool(one.spec.get("_allow_fizzled_parents")) == waits, one.name


def test_a_whole_run_finds_the_law_and_is_on_record(emt_copy, curve_datasets, power, run_flow):
    flow = LearningCurveMaker(trainer="power", l_max=(1, 2)).make("Cu-curve", "Cu")
    outputs = fits_of(flow, run_flow)
    assert [one["exponent"] for one in outputs] == pytest.approx([-0.5, -0.5])
    assert power.trained == [(n, 0) for _ in range(2) for n in SIZES]
    curves = [emt_copy.get(LearningCurve, one["learning_curve_id"]) for one in outputs]
    assert [one.l_max for one in curves] == [1, 2]
    assert [one.dataset_id for one in curves[0].points] == list(curve_datasets.values())
    assert [one.force.mae for one in curves[0].points] == pytest.approx([n**-0.5 for n in SIZES])
    assert [one.wall_s for one in curves[0].points] == [0.5 * n for n in SIZES]
    past = emt_copy.trace(curves[0].id)
    assert past.complete
    reached = {level.collection: level.count for level in past.levels}
    assert (reached["evaluations"], reached["models"], reached["datasets"]) == (3, 3, 3)
    assert reached["structures"] == 1
    assert audit(emt_copy).ok


def test_nothing_is_done_twice_and_sizes_may_be_added(emt_copy, curve_datasets, power, run_flow):
    first = fits_of(LearningCurveMaker(trainer="growing", sizes=SIZES[:2]).make("Cu-curve", "Cu"),
                    run_flow)  # fmt: skip
    assert "no R^2" in first[0]["reason"]
    for _ in range(2):
        flow = LearningCurveMaker(trainer="growing").make("Cu-curve", "Cu")
        assert fits_of(flow, run_flow)[0]["exponent"] == pytest.approx(-0.5)
        assert power.trained == [(n, 0) for n in SIZES]
        assert counts(emt_copy) == [3, 3, 2]


def test_a_failed_size_is_a_gap_that_is_said_and_can_be_filled(emt_copy, curve_datasets, power):
    power.failing.add(3)
    flow = LearningCurveMaker(trainer="power").make("Cu-curve", "Cu")
    responses = run_with_failures(flow)
    out = responses[flow.jobs[0].jobs[-1].uuid][1].output
    assert out["exponent"] == pytest.approx(-0.5)
    assert "Without a model: N = 3." in out["reason"]
    curve = emt_copy.get(LearningCurve, out["learning_curve_id"])
    assert [(one.n_train, one.model_id is None) for one in curve.points] == [
        (2, False), (3, True), (4, False)
    ]  # fmt: skip
    assert curve.fit.sizes == (2, 4)
    assert audit(emt_copy).ok
    power.failing.clear()
    power.trained.clear()
    flow = LearningCurveMaker(trainer="power").make("Cu-curve", "Cu")
    out = run_with_failures(flow)[flow.jobs[0].jobs[-1].uuid][1].output
    assert "Without" not in out["reason"]
    assert power.trained == [(3, 0)]
    assert counts(emt_copy) == [3, 3, 2]


def test_where_all_sizes_fail_there_is_no_curve(emt_copy, curve_datasets, power):
    power.failing.update(SIZES)
    for trainer in ("power", "growing"):
        flow = LearningCurveMaker(trainer=trainer).make("Cu-curve", "Cu")
        assert flow.jobs[0].jobs[-1].uuid not in run_with_failures(flow)
    assert counts(emt_copy) == [0, 0, 0]


def test_it_takes_what_the_job_of_the_datasets_returns(emt_copy, melt, power, run_flow):
    frames = [one.frame_id for one in melt]
    options = {"sizes": list(SIZES), "n_test": 4}
    made = make_dataset("fresh", [frames], [melt[0].recipe_id], "learning-curve", options)
    datasets = datasets_by_size(made.output["datasets"], "fresh", SIZES)
    curves = LearningCurveMaker(trainer="power").make(datasets, "Cu")
    responses = run_flow(Flow([made, curves]))
    out = responses[curves.jobs[0].jobs[-1].uuid][1].output
    assert out["exponent"] == pytest.approx(-0.5)
    curve = emt_copy.get(LearningCurve, out["learning_curve_id"])
    assert [one.n_train for one in curve.points] == list(SIZES)
    assert list(datasets_by_size({f"x-{n}": str(n) for n in protocol.LEARNING_CURVE_SIZES}, "x")) \
        == [100, 300, 500, 700, 900]  # fmt: skip


def test_datasets_are_found_by_the_name_of_the_curve(emt_copy, curve_datasets, melt, power):
    found = find_curve_datasets(emt_copy, "Cu-curve")
    assert {size: one.id for size, one in found.items()} == curve_datasets
    # Others of a similar name are none of it.
    create_dataset(emt_copy, "Cu-curve-9", melt, "fraction", {"train_fraction": 0.75})
    create_dataset(emt_copy, "Cu-curve-extra", melt, "fraction", {"train_fraction": 0.75})
    assert list(find_curve_datasets(emt_copy, "Cu-curve")) == list(SIZES)
    with pytest.raises(NotFoundError, match=r"learning curve 'Cu'.*dataset create Cu .*Cu-curve-2"):
        find_curve_datasets(emt_copy, "Cu")


def test_a_dataset_that_another_rule_made_first_is_one_of_the_curve(emt_copy, melt):
    create_dataset(emt_copy, "half", melt, "fraction", {"train_fraction": 0.5})
    create_datasets(emt_copy, "Cu-curve", melt, "learning-curve", {"sizes": SIZES, "n_test": 4})
    assert list(find_curve_datasets(emt_copy, "Cu-curve")) == list(SIZES)


def test_words_of_a_user_make_the_flow(emt_copy, curve_datasets, power, run_flow):
    flow = make_learning_curve("power", "Cu-curve", {"exponent": "-0.3"}, l_max=[2], seeds=[0, 1])
    assert flow.name == "Cu power learning curve"
    outputs = fits_of(flow, run_flow)
    assert [one["exponent"] for one in outputs] == pytest.approx([-0.3, -0.3])
    with pytest.raises(NotFoundError, match="no datasets of a learning curve"):
        make_learning_curve("power", "Ag-curve", {})
    with pytest.raises(InputError, match="no dataset of 7 frames"):
        make_learning_curve("power", "Cu-curve", {}, sizes=[2, 7])


def test_flare_gives_a_curve_of_real_models(emt_copy, curve_datasets, run_flow):
    flow = make_learning_curve("flare", "Cu-curve", FLARE)
    (out,) = fits_of(flow, run_flow)
    curve = emt_copy.get(LearningCurve, out["learning_curve_id"])
    assert [one.n_train for one in curve.measured] == list(SIZES)
    models = emt_copy.get_many(Model, [one.model_id for one in curve.points])
    assert [one.dataset_id for one in models] == list(curve_datasets.values())
    assert curve.l_max == FLARE["lmax"]
    assert all(one.force.mae > 0 and one.stress is not None for one in curve.points)
    assert curve.fit.force_mae == pytest.approx([one.force.mae for one in curve.points])
    assert emt_copy.trace(curve.id).complete
    assert audit(emt_copy).ok
    assert fits_of(make_learning_curve("flare", "Cu-curve", FLARE), run_flow) == [out]
    assert counts(emt_copy) == [3, 3, 1]
