"""Short roads through the jobs, to be walked by processes that are killed on them.

Each can be begun again and again: what is there is left alone. They open the archive that the
settings mean, and work in the folder where they are.
"""

from __future__ import annotations

import json
import os
import traceback
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import vasp_kit

from tm23flows.documents.structure import Structure
from tm23flows.errors import InputError
from tm23flows.jobs import context, training
from tm23flows.jobs.context import open_archive
from tm23flows.jobs.evaluation import evaluate_or_find
from tm23flows.jobs.label import label_frames
from tm23flows.jobs.model import Wanted, train_or_find
from tm23flows.jobs.structure import make_structure
from tm23flows.jobs.trajectory import run_trajectory
from tm23flows.settings import get_settings
from tm23flows.store import outbox as outbox_module
from tm23flows.store.claims import acquire, expire_lost, heartbeat, note_attempt, release
from tm23flows.store.datasets.creation import create_dataset
from tm23flows.store.exchange.dump_intake import import_dumps
from tm23flows.store.exchange.dump_writer import DumpOptions, dump_archive
from tm23flows.store.exchange.export import export_labels
from tm23flows.store.files import import_files
from tm23flows.testing.faults import injected
from tm23flows.trainers.base import Hyperparameters, Predictions, TrainResult, get_trainer
from tm23flows.trainers.workers import worker_io

EMT = {"engine": "emt", "xc": "none"}
DYNAMICS = {"temperature_K": 600.0, "seed": 3}
TASK = "t" * 64


def structure() -> Structure:
    """Seven copper atoms around a vacancy, in the archive."""
    made = make_structure("Cu", "primitive", [2, 2, 2], 7.0, "image-distance", 0)
    open_archive().put(made)
    return made


def trajectory():
    run_trajectory(structure().id, EMT, DYNAMICS, 12, 4, "warm")


def labels():
    ids = vasp_kit.put_frames(open_archive(), structure(), 4)
    label_frames(ids, [EMT], 0, 2)
    label_frames(ids, [EMT], 2, 0)


def dataset():
    labels()
    archive = open_archive()
    return create_dataset(
        archive, "Cu-set", archive.labels(), "fraction", {"train_fraction": 0.5}
    ).dataset


def model():
    wanted = Wanted(dataset().id, "counting", get_trainer("counting").hyperparameters(), 0, "train")
    training.REPORT_S = 0.0
    return train_or_find(wanted)


def evaluation():
    made = model()
    evaluate_or_find(made.id, made.dataset_id, "test", "mean-per-atom")


def outbox():
    archive, folder = open_archive(), Path(os.environ["TM23_OUTBOX"])
    recorder = outbox_module.Recorder()
    vasp_kit.put_frames(recorder, structure(), 3)
    recorder.put_arrays(numbers=np.arange(5))
    outbox_module.keep(folder, TASK, archive.database.name, recorder.records)
    for path in outbox_module.pending(folder):
        outbox_module.commit(archive, path)


def claims():
    archive = open_archive()
    expire_lost(archive)
    claim = acquire(archive, TASK, {"kind": "label"}, get_settings().lease_s)
    assert claim is not None, "who was killed still has the task"
    assert heartbeat(archive, claim)
    assert note_attempt(archive, TASK, 1) == 0
    assert release(archive, claim, "done")


def files():
    dataset()
    archive, path = open_archive(), Path("../labels.xyz")
    if not path.exists():
        export_labels(archive, "Cu-set", path)
    import_files(archive, [path], "imported")


def dump():
    path = Path("../whole.tm23.tar.xz")
    if not path.exists():
        with source_archive():
            evaluation()
            dump_archive(open_archive(), path.with_suffix(".part"), DumpOptions(model_files=False))
        path.with_suffix(".part").rename(path)
    import_dumps(open_archive(), [path])


@contextmanager
def source_archive():
    """Let the settings of this process mean another archive for a while."""
    name = os.environ["TM23_DATABASE"]
    os.environ["TM23_DATABASE"] = f"{name}-source"
    context._open.cache_clear()
    try:
        yield
    finally:
        os.environ["TM23_DATABASE"] = name
        context._open.cache_clear()


def vasp_trajectory():
    vasp_kit.run(structure(), 6, 3)


def vasp_labels():
    vasp_kit.label(vasp_kit.put_frames(open_archive(), structure(), 2))


class CountingTrainer:
    """Counts to four as a trainer trains; its model is how far it came."""

    name = "counting"

    def hyperparameters(self, **overrides):
        return Hyperparameters(**overrides)

    def train(self, dataset_dir, hyperparameters, workdir, seed, course=None):
        del hyperparameters, seed
        workdir.mkdir(parents=True)
        begun = json.loads(course.resume[0].read_text())["step"] if course.resume else 0
        for step in range(begun + 1, 5):
            state = workdir / "state.npz"
            state.write_text(json.dumps({"step": step}))
            worker_io.keep_checkpoint(workdir, state, step, float(step))
            worker_io.write_progress(workdir, step, 4, "epoch", {"loss": 1 / step}, float(step))
            if course.look(workdir):
                raise InputError("nothing asks this to stop")
        path = workdir / "model.json"
        n_frames = (dataset_dir / "train.xyz").read_text().count("Lattice")
        path.write_text(json.dumps({"steps": 4, "frames": n_frames}))
        return TrainResult({"model.json": path}, [], {}, {"counting": "1.0"}, 0.1)

    def predict(self, model_dir, frames_file, workdir):
        from ase.io import read

        del model_dir, workdir
        frames = read(frames_file, ":")
        energies = np.array([one.get_potential_energy() for one in frames])
        forces = tuple(1.25 * one.get_forces() for one in frames)
        return Predictions(energies=energies, forces=forces, stresses=None, uncertainties=None)


def walk(road, folder, *faults):
    """Walk a road in a process of its own, in a folder; return its exit status."""
    pid = os.fork()
    if pid == 0:
        os._exit(walk_here(road, folder, *faults))
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def walk_here(road, folder, *faults):
    """Walk a road in this process, which does nothing after it; return its exit status."""
    try:
        folder.mkdir(exist_ok=True)
        os.chdir(folder)
        context._open.cache_clear()  # a connection is of one process
        with injected(*faults):
            road()
    except BaseException:  # noqa: BLE001 - this process ends here, whatever it was
        traceback.print_exc()
        return 1
    return 0
