"""Jobs of a process that was told to stop: they do nothing more, and go on elsewhere."""

import pytest
from jobflow import JobStore, run_locally
from maggma.stores import MemoryStore

from tm23flows import stopping
from tm23flows.documents.trajectory import Trajectory
from tm23flows.engines.emt import EmtEngine
from tm23flows.errors import OutOfTimeError
from tm23flows.jobs import event_sets
from tm23flows.jobs.evaluation import evaluate_model
from tm23flows.jobs.event_sets import evaluate_on_events
from tm23flows.jobs.label import LabelJobMaker
from tm23flows.jobs.model import train_model
from tm23flows.jobs.trajectory import TrajectoryJobMaker

EMT = {"engine": "emt"}
DYNAMICS = {"temperature_K": 600.0, "seed": 4}

pytestmark = pytest.mark.filterwarnings("ignore:cd is deprecated")


@pytest.fixture(autouse=True)
def _no_request():
    yield
    stopping.forget_request()


def store():
    return JobStore(MemoryStore())


def run_in_worker(job):
    """Run a job as 'tm23 worker' does that was told to stop when it had just taken it."""
    with stopping.stopping_on_signals():
        stopping.request_stop("SIGUSR1")
        opened = store()
        opened.connect()
        return job.run(opened)


def stops(*_args):
    raise OutOfTimeError("told to stop")


@pytest.fixture
def frame_ids(archive, make_frame):
    frames = [make_frame(seed=seed) for seed in range(4)]
    archive.put(*frames)
    return [frame.id for frame in frames]


def test_a_trajectory_that_was_just_taken_goes_back(archive, structure):
    response = run_in_worker(TrajectoryJobMaker().make(structure.id, EMT, DYNAMICS, 9, 3, "warm"))
    assert response.detour is not None
    assert archive.get(Trajectory, response.output["trajectory_id"]).n_steps == 1


def test_labels_that_were_just_taken_go_back(archive, frame_ids):
    response = run_in_worker(LabelJobMaker().make(frame_ids, [EMT], 0, 0))
    assert response.detour is not None
    assert response.output["waiting"] == 4
    assert archive.labels().count() == 0


def test_a_signal_ends_a_batch_after_the_label_under_way(archive, frame_ids, monkeypatch):
    genuine, computed = EmtEngine._compute, []

    def compute(self, atoms, recipe):
        computed.append(1)
        if len(computed) == 2:
            stopping.request_stop("SIGUSR1")
        return genuine(self, atoms, recipe)

    monkeypatch.setattr(EmtEngine, "_compute", compute)
    opened = store()
    opened.connect()
    response = LabelJobMaker().make(frame_ids, [EMT], 0, 0).run(opened)
    assert response.detour is not None
    assert (response.output["accepted"], response.output["waiting"]) == (2, 2)
    assert archive.labels().count() == 2


def test_a_training_that_was_just_taken_goes_back(emt_copy, constant_trainer):
    dataset = emt_copy.dataset("Cu-demo")
    response = run_in_worker(train_model(dataset.id, "constant", {}, 0, "train"))
    assert response.detour is not None
    assert emt_copy.database["models"].count_documents({"trainer": "constant"}) == 0


def test_a_prediction_of_events_that_was_stopped_goes_back(emt_copy, constant_trainer, monkeypatch):
    dataset = emt_copy.dataset("Cu-demo")
    model_id = train_model.original(dataset.id, "constant", {}, 0, "train")["model_id"]
    monkeypatch.setattr(event_sets, "evaluate_or_find", stops)
    response = run_in_worker(evaluate_on_events(model_id, dataset.id))
    assert response.detour is not None
    assert response.output["failure"] is None


@pytest.mark.parametrize("kind", ["training", "evaluation"])
def test_where_nobody_else_goes_on_it_ends_and_does_not_go_round_in_circles(
    emt_copy, constant_trainer, tmp_path, kind
):
    dataset = emt_copy.dataset("Cu-demo")
    stopping.request_stop("SIGTERM")
    job = (
        train_model(dataset.id, "constant", {}, 0, "train")
        if kind == "training"
        else evaluate_model("a" * 64, dataset.id, "test", "mean-per-atom")
    )
    with pytest.raises(OutOfTimeError, match="told to stop"):
        run_locally(job, store=store(), raise_immediately=True, root_dir=tmp_path)
