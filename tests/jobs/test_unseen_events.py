"""Events that lie close to training frames of the same run are seen."""

from tm23flows.documents.base import Provenance
from tm23flows.documents.dataset import Dataset
from tm23flows.documents.model import Model
from tm23flows.documents.studies.rare_events import EventRow
from tm23flows.jobs.unseen_events import unseen_events


def row(frame, event, atoms=(), **fields):
    return EventRow(frame_id=frame, event=event, re_atoms=atoms, **fields)


def test_events_near_training_frames_are_seen(archive, walking_vacancy):
    dataset = walking_vacancy()
    model = Model(
        provenance=Provenance.now(), trainer="flare", hyperparameters={}, seed=0,
        dataset_id=dataset.id, files=(), wall_s=0.0,
    )  # fmt: skip
    labels = archive.get(Dataset, dataset.id).parts["train"]
    first = archive.database["labels"].find_one({"_id": labels[0]})
    run, time = first["trajectory_id"], (first["step"] - 1) * 5.0
    rows = [
        row("a", "near", (0,), trajectory_id=run, time_fs=time + 20),
        row("b", "near", (0,), trajectory_id=run, time_fs=1e6),
        row("c", "far", (0,), trajectory_id=run, time_fs=1e6),
        row("d", "other run", (0,), trajectory_id="9" * 64, time_fs=time),
        row(first["frame_id"], "the frame itself", (0,)),
    ]
    assert unseen_events(archive, model, rows, 50.0) == {"far", "other run"}
    assert unseen_events(archive, model, rows, 10.0) == {"far", "near", "other run"}
    elsewhere = model.model_copy(update={"dataset_id": None})
    assert len(unseen_events(archive, elsewhere, rows, 50.0)) == 4
    # Sampled far from a training frame, but the whole event is not.
    long = row("e", "long", (0,), trajectory_id=run, time_fs=1e6, event_fs=(time - 20, 1e6))
    assert unseen_events(archive, model, [long], 50.0) == set()
