"""S3: no file of a model or of data is a program: pickles are not loaded, changed files neither.

A file that leaves a marker when it is unpickled is put wherever a file of numbers is read.
"""

import ast
import io
import pickle
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk

from tm23flows.errors import DatabaseError, InputError, TM23Error, TrainingError
from tm23flows.ops.structure_sources import read_crystal
from tm23flows.store.files import import_files
from tm23flows.trainers.frames import read_predictions
from tm23flows.trainers.manifest import check_manifest, write_manifest

PACKAGE = Path(__file__).resolve().parents[2] / "tm23flows"
WORKERS = PACKAGE / "trainers/workers"

UNPICKLING = {"pickle", "cPickle", "_pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}
LOADERS = {"read_pickle", "load_from_checkpoint", "torch_load", "to_pickle"}


class Bomb:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.fixture
def marker(tmp_path):
    path = tmp_path / "marker"
    yield path
    assert not path.exists()


@pytest.fixture
def bomb(marker):
    """The pickle itself."""
    return pickle.dumps(Bomb(marker))


@pytest.fixture
def packed_bomb(marker):
    """An npz file whose arrays are pickles."""
    file = io.BytesIO()
    objects = np.array([Bomb(marker)], dtype=object)
    names = ("energies", "forces", "stresses", "numbers", "positions", "cells", "about")
    np.savez(file, **dict.fromkeys(names, objects))
    return file.getvalue()


@pytest.fixture
def workers(monkeypatch):
    monkeypatch.syspath_prepend(str(WORKERS))


def test_the_danger_is_real(tmp_path):
    path = tmp_path / "sprung"
    pickle.loads(pickle.dumps(Bomb(path))).close()
    assert path.exists()
    path.unlink()
    np.save(tmp_path / "x.npy", np.array([Bomb(path)], dtype=object))
    np.load(tmp_path / "x.npy", allow_pickle=True)
    assert path.exists()


def test_a_blob_of_objects_is_refused(archive, packed_bomb, marker):
    key = archive.blobs.put(packed_bomb)
    with pytest.raises((ValueError, DatabaseError)):
        archive.blobs.get_arrays(key)


def test_predictions_of_objects_are_refused(packed_bomb, marker):
    with pytest.raises(ValueError, match="allow_pickle"):
        read_predictions(io.BytesIO(packed_bomb), [bulk("Cu")])


def test_frames_of_objects_are_refused_by_workers(packed_bomb, marker, workers):
    from worker_io import read_frames

    with pytest.raises((ValueError, KeyError)) as refused:
        read_frames(io.BytesIO(packed_bomb))
    assert "pickle" in str(refused.value) or refused.type is KeyError


def test_a_checkpoint_that_is_a_pickle_is_passed_over(bomb, marker, tmp_path, workers):
    """Whole, sealed as ours are, and a program: the training begins anew."""
    pytest.importorskip("torch")
    from nequip_checkpoint import restore
    from worker_io import seal

    path = tmp_path / "checkpoint"
    path.write_bytes(bomb)
    seal(path)
    progress, refused = restore([str(path)], "mark", {})
    assert refused == 1
    assert progress == type(progress)()


def test_a_checkpoint_of_objects_is_passed_over(packed_bomb, marker, tmp_path, workers):
    from flare_checkpoint import read_checkpoint
    from worker_io import seal

    path = tmp_path / "checkpoint"
    path.write_bytes(packed_bomb)
    seal(path)
    assert read_checkpoint([str(path)], "training") == (None, 1)


@pytest.mark.parametrize("change", ["changed", "unlisted", "no manifest"])
def test_a_model_of_unknown_checksum_is_not_loaded(change, bomb, marker, tmp_path):
    (tmp_path / "model.pt").write_bytes(b"weights")
    files = write_manifest(tmp_path, ["model.pt"])
    if change == "changed":
        (tmp_path / "model.pt").write_bytes(bomb)
    elif change == "no manifest":
        files["manifest.json"].unlink()
    names = ["model.pt", "more.pt"] if change == "unlisted" else ["model.pt"]
    (tmp_path / "more.pt").write_bytes(bomb)
    with pytest.raises(TrainingError, match="from the archive again"):
        check_manifest(tmp_path, names)


def test_a_stored_model_that_was_changed_is_not_handed_out(road, bomb, marker, tm23, tmp_path):
    """Who can write to the blobs cannot put a program there: the id is the checksum."""
    archive, evaluation = road
    model = archive.find(evaluation.model_id)
    blobs = archive.database["blobs.chunks"]
    changed = blobs.update_one(
        {"files_id": model.files[0].blob}, {"$set": {"data": bomb[: len(b"model")]}}
    )
    assert changed.modified_count == 1
    ran = tm23("model", "export", model.id, tmp_path / "out")
    assert ran.code == 2
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "name", ["x.npy", "x.npz", "x.pkl", "x.pickle", "x.pt", "x.xyz", "x.h5", "x.db", "x.lmdb"]
)
def test_a_pickle_is_no_data(name, bomb, marker, archive, tmp_path):
    path = tmp_path / name
    path.write_bytes(bomb)
    with pytest.raises(TM23Error):
        import_files(archive, [path], "x", None, {})


@pytest.mark.parametrize("name", ["cu.pkl", "cu.traj", "cu.npy", "cu.json", "cu.db", "cu.gpw"])
def test_a_pickle_is_no_crystal(name, bomb, marker, tmp_path):
    path = tmp_path / name
    path.write_bytes(bomb)
    with pytest.raises(InputError):
        read_crystal(path, "Cu")


def loads_in(source):
    """Yield what in a module could unpickle: imports, and calls without the word that forbids it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names if one.name.split(".")[0] in UNPICKLING)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in UNPICKLING:
            yield node.module
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = getattr(node.func.value, "id", "")
            words = {one.arg: getattr(one.value, "value", None) for one in node.keywords}
            if owner in {"np", "numpy"} and node.func.attr == "load":
                if words.get("allow_pickle") is not False:
                    yield "np.load"
            elif owner == "torch" and node.func.attr == "load":
                if words.get("weights_only") is not True:
                    yield "torch.load"
            elif node.func.attr in LOADERS or owner in UNPICKLING:
                yield node.func.attr


@pytest.mark.parametrize(
    "source",
    ["import pickle", "from joblib import load", "np.load(x)", "np.load(x, allow_pickle=flag)",
     "torch.load(x)", "torch.load(x, weights_only=False)", "pd.read_pickle(x)",
     "Model.load_from_checkpoint(x)"],
)  # fmt: skip
def test_what_could_unpickle_is_seen(source):
    assert list(loads_in(source))


def test_nothing_of_ours_unpickles(modules_with):
    found = modules_with(*UNPICKLING, *LOADERS, "np.load", "numpy.load", "torch.load")
    assert "trainers/workers/nequip_checkpoint.py" in found
    assert not {path: what for path, text in found.items() if (what := list(loads_in(text)))}
    assert list(loads_in(Path(__file__).read_text()))  # this file does, to show the danger
