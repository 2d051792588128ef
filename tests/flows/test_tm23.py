"""The whole road: how it is wired, and that running it again makes nothing new."""

import json

import bson
import pytest
from jobflow.managers.fireworks import flow_to_workflow
from monty.json import MontyDecoder

from tm23flows.documents.frame import Frame
from tm23flows.documents.label import Label
from tm23flows.documents.trajectory import Trajectory
from tm23flows.errors import InputError
from tm23flows.flows.label import LabelMaker
from tm23flows.flows.model import ModelMaker
from tm23flows.flows.scales import make_tm23
from tm23flows.flows.tm23 import ExtraLabels, TM23Maker
from tm23flows.flows.trajectory import Sampling
from tm23flows.science.protocol import Regime
from tm23flows.store.archive import Archive
from tm23flows.store.collections import COLLECTIONS


def counts(archive):
    return {name: archive.database[name].count_documents({}) for name in COLLECTIONS}


def everything(archive):
    names = [*COLLECTIONS, "dataset_names"]
    return {name: list(archive.database[name].find().sort("_id", 1)) for name in names}


@pytest.mark.parametrize("scale", ["demo", "paper"])
def test_jobs_have_names_of_their_own_and_workers(scale, jobs_of):
    jobs = jobs_of(make_tm23("Cu", scale, "gpaw").make("Cu"))
    names = [job.name for job in jobs]
    assert len(set(names)) == len(names)
    assert all(name.startswith("Cu ") for name in names)
    kinds = {job.name: job.config.manager_config["_category"] for job in jobs}
    assert set(kinds.values()) == {"aimd", "label", "train-gpu", "analyse"}
    for name, kind in kinds.items():
        words = {"trajectory": "aimd", "labels": "label"}
        words |= dict.fromkeys(("model", "evaluation"), "train-gpu")
        assert kind == next((one for word, one in words.items() if word in name), "analyse")


@pytest.mark.parametrize("scale", ["demo", "paper"])
def test_a_workflow_carries_settings_and_no_arrays(scale):
    workflow = flow_to_workflow(make_tm23("Cu", scale, "gpaw").make("Cu"))
    sizes = [len(bson.encode(firework.to_dict())) for firework in workflow.fws]
    assert max(sizes) < 50_000
    assert sum(sizes) < 1_000_000


def test_batches_of_one_temperature_wait_for_nothing_but_its_frames():
    workflow = flow_to_workflow(make_tm23("Cu", "demo", "gpaw").make("Cu"))
    names = {firework.fw_id: firework.name for firework in workflow.fws}
    parents = {}
    for parent, children in workflow.links.items():
        for child in children:
            parents.setdefault(names[child], set()).add(names[parent])
    labels = [name for name in names.values() if " labels " in name]
    for name in labels:
        regime = name.split()[1]
        assert parents[name] == {f"Cu {regime} frames"}
    assert parents["Cu cold trajectory"] == {"Cu structure"}
    assert {f"Cu {one} frames" for one in ("cold", "warm", "melt")} < parents["Cu dataset"]
    assert parents["Cu flare model"] == {"Cu dataset"}


def plain_arguments(job):
    """Arguments that do not come from another job, whose number is new every time."""
    return [arg for arg in job.function_args if "OutputReference" not in repr(arg)]


@pytest.mark.parametrize(("scale", "element"), [("demo", "Cu"), ("paper", "Ti")])
def test_makers_survive_their_document(jobs_of, scale, element):
    maker = make_tm23(element, scale, "gpaw")
    back = json.loads(maker.to_json(), cls=MontyDecoder)
    assert isinstance(back, TM23Maker)
    both = [jobs_of(one.make(element)) for one in (maker, back)]
    for one, other in zip(*both, strict=True):
        assert one.name == other.name
        assert plain_arguments(one) == plain_arguments(other)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"split": "random"}, "choose one of"),
        ({"split": "full", "split_options": {}}, "1000 frames of cold but there are 8"),
        ({"split_options": {"train_fraction": 2.0}}, "between 0 and 1"),
        ({"split": "transfer", "split_options": {"n_frames": 8}}, "wants the part 'test'"),
        ({"models": (ModelMaker(test_parts=["validation"]),)}, "'validation'"),
        ({"models": (ModelMaker(trainer="mace"),)}, "mace"),
        ({"extra_labels": (ExtraLabels(LabelMaker(), 9),)}, "9 frames"),
        ({"regimes": ()}, "no frames"),
        ({"split": "event", "split_options": {}}, "0 separate events"),
        ({"split": "block", "split_options": {}}, "no frames: add frames, or try shorter"),
        ({"split": "learning-curve", "split_options": {"sizes": [9]}}, "needs 109 frames"),
    ],
    ids=str,
)
def test_what_would_fail_at_the_end_is_refused_at_the_beginning(fields, why):
    maker = make_tm23("Cu", "demo", "emt")
    for name, value in fields.items():
        setattr(maker, name, value)
    with pytest.raises(InputError, match=why):
        maker.make("Cu")


@pytest.mark.parametrize(
    ("split", "options", "given"),
    [
        ("fraction", {"train_fraction": 0.75}, {"train_fraction": 0.75, "min_gap_fs": 7.5}),
        ("full", {"n_train": 5, "n_test": 2, "min_gap_fs": 1}, {"n_train": 5, "n_test": 2, "min_gap_fs": 1}),
        ("block", {"block_fs": 60, "gap_fs": 15, "train": 1}, {"block_fs": 60, "gap_fs": 15, "train": 1}),
        ("temperature", {"train": "cold", "test": "melt"}, {"train": "cold", "test": "melt", "min_gap_fs": 7.5}),
        ("learning-curve", {"sizes": [2, 4], "n_test": 2}, {"sizes": [2, 4], "n_test": 2, "min_gap_fs": 7.5}),
    ],
)  # fmt: skip
def test_every_split_can_be_wired_with_a_gap_of_half_a_stride(split, options, given, jobs_of):
    maker = make_tm23("Cu", "demo", "emt")
    maker.split, maker.split_options = split, options
    job = next(job for job in jobs_of(maker.make("Cu")) if job.name == "Cu dataset")
    assert job.function_args[3:5] == (split, given)


def test_a_run_too_short_for_its_frames_is_refused(emt_maker):
    emt_maker.trajectory.sampling = Sampling(discard=24, stride=3, count=9)
    with pytest.raises(InputError, match="48 steps but 51"):
        emt_maker.make("Cu")
    with pytest.raises(InputError, match="27 metals"):
        emt_maker.make("Xx")


def test_the_road_fills_the_archive(emt_archive):
    there = {name: number for name, number in counts(emt_archive).items() if number}
    assert there == {
        "structures": 1, "trajectories": 3, "frames": 24, "labels": 24 + 24 + 6 + 3, "datasets": 1,
    }  # fmt: skip
    for run in emt_archive.database["trajectories"].find():
        trajectory = emt_archive.get(Trajectory, run["_id"])
        frames = list(emt_archive.frames(trajectory=trajectory.id))
        assert [frame.step for frame in frames] == list(range(27, 49, 3))
        assert trajectory.n_steps == 48
    seen = [len(list(emt_archive.labels(frame=frame.id))) for frame in emt_archive.frames()]
    assert sorted(seen) == sorted([2] * 18 + [3] * 3 + [4] * 3)
    dataset = emt_archive.dataset("Cu-demo")
    assert {name: len(ids) for name, ids in dataset.parts.items()} == {"train": 18, "test": 6}
    for part, steps in (("train", range(27, 43, 3)), ("test", (45, 48))):
        labels = emt_archive.get_many(Label, dataset.parts[part])
        assert [label.step for label in labels] == list(steps) * 3
        assert {label.recipe.kmesh_text for label in labels} == {"3x3x3"}


def test_the_same_road_again_changes_nothing_at_all(emt_copy, emt_maker, run_flow):
    before = everything(emt_copy)
    run_flow(emt_maker.make("Cu"))
    assert everything(emt_copy) == before


def test_a_longer_run_goes_on_where_the_shorter_one_ended(archive, emt_maker, run_flow):
    emt_maker.trajectory.n_steps = 36
    emt_maker.trajectory.sampling = Sampling(discard=12, stride=3, count=8)
    run_flow(emt_maker.make("Cu"))
    runs = {run["_id"]: run for run in archive.database["trajectories"].find()}
    frames = set(archive.database["frames"].distinct("_id"))
    emt_maker.trajectory.n_steps = 48
    emt_maker.trajectory.sampling = Sampling(discard=24, stride=3, count=8)
    run_flow(emt_maker.make("Cu"))
    for run in archive.database["trajectories"].find():
        short = runs.pop(run["_id"])
        assert run["segments"][: len(short["segments"])] == short["segments"]
        assert run["segments"][-1]["last_step"] == 48
        assert run["provenance"] == short["provenance"]
    assert not runs
    # Steps 27 to 36 are the same frames, and 39 to 48 are new.
    assert counts(archive)["frames"] == 24 + 3 * 4
    assert frames < set(archive.database["frames"].distinct("_id"))
    versions = archive.database["dataset_names"].distinct("version")
    assert sorted(versions) == [1, 2]


def test_one_temperature_alone_is_the_same_run(emt_copy, emt_maker, run_flow):
    before = counts(emt_copy)
    emt_maker.regimes = (Regime.WARM,)
    run_flow(emt_maker.make("Cu"))
    after = counts(emt_copy)
    assert after == {**before, "datasets": 2}


TINY = {
    "flare": {"nmax": 4, "lmax": 2, "starts": 1, "max_iterations": 5},
    "nequip": {
        "n_features": 4, "n_layers": 2, "cutoff_A": 4.0, "radial_width": 8, "max_epochs": 3,
        "batch_size": 4,
    },
}  # fmt: skip


@pytest.mark.flare
@pytest.mark.nequip
@pytest.mark.slow
def test_the_whole_road_with_both_trainers(emt_copy, emt_maker, run_flow, monkeypatch):
    monkeypatch.setenv("TM23_TRAINER_DEVICE", "cpu")
    emt_maker.models = tuple(
        ModelMaker(trainer=name, hyperparameters=given) for name, given in TINY.items()
    )
    run_flow(emt_maker.make("Cu"))
    assert (counts(emt_copy)["models"], counts(emt_copy)["evaluations"]) == (2, 2)
    for stored in list(emt_copy.database["evaluations"].find()):
        trace = emt_copy.trace(stored["_id"])
        assert trace.complete
        levels = {level.collection: level for level in trace.levels}
        model = levels["models"].shown[0]
        assert model.summary["trainer"] in TINY
        library = {"flare": "mir-flare", "nequip": "nequip"}[model.summary["trainer"]]
        assert any(library in name for name in model.software), model.software
        assert levels["labels"].shown[0].inputs == {"calculator": "ase.calculators.emt.EMT"}
        assert levels["trajectories"].shown[0].software["ase"]
        assert levels["structures"].shown[0].summary["vacancy_seed"] == 0
        errors = {one["group"]: one for one in stored["errors"]}
        assert set(errors) == {"all", "cold", "warm", "melt"}
        assert errors["all"]["n_frames"] == 6
        assert 0 < errors["all"]["force"]["percent"] < 1000
    before = everything(emt_copy)
    run_flow(emt_maker.make("Cu"))
    assert everything(emt_copy) == before


def test_the_archive_of_the_road_is_the_one_of_the_settings(emt_archive):
    assert Archive.open().database.name == emt_archive.database.name
    assert emt_archive.get(Frame, next(iter(emt_archive.frames())).id).element == "Cu"
