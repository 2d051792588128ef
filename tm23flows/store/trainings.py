"""Trainings under way: how far each is, and the checkpoints to go on from.

Owns the one collection of documents that change, and a bucket of files that are deleted: what
is true of a training while it runs. When it ends well there is a model, which says all of it
again and does not change; the checkpoints are removed then.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tm23flows.documents.ids import bytes_id
from tm23flows.store.collections import CHECKPOINTS, TRAININGS

if TYPE_CHECKING:
    from gridfs import GridFS

    from tm23flows.store.archive import Archive

KEPT = 2
"""Checkpoints of one training: the newest, and the one before in case the newest is damaged."""

_NOW = {"$currentDate": {"updated": True}}
"""The moment by the clock of the database: those of workers differ."""

State = Literal["running", "stopped", "failed", "done"]


@dataclass(frozen=True)
class Training:
    """A training as it was last heard of.

    Parameters
    ----------
    model_id
        Id of the model that it makes.
    about
        Trainer, element and dataset.
    state
        running, stopped (asked to, goes on later), failed or done.
    attempts
        How often it was begun or gone on with.
    host
        Machine of the last attempt.
    updated
        When it was last heard of, UTC.
    progress
        The newest account of the worker: step, of, unit, values, elapsed_s, eta_s.
    reason
        Why it failed, in a word.
    message
        Why it failed, in a sentence.
    """

    model_id: str
    about: dict[str, str]
    state: State
    attempts: int
    host: str
    updated: datetime
    progress: dict[str, Any]
    reason: str | None
    message: str | None


def begin_training(archive: Archive, model_id: str, about: dict[str, str], host: str) -> None:
    """Write down that a training begins or goes on.

    Parameters
    ----------
    archive
        The archive.
    model_id
        Id of the model that it makes.
    about
        Trainer, element and dataset, for people.
    host
        Name of this machine.
    """
    fields = {"about": about, "state": "running", "host": host, "reason": None, "message": None}
    archive.database[TRAININGS].update_one(
        {"_id": model_id},
        {"$set": fields, **_NOW, "$inc": {"attempts": 1}},
        upsert=True,
    )


def report_progress(archive: Archive, model_id: str, progress: dict[str, Any]) -> None:
    """Write down how far a training is.

    Parameters
    ----------
    archive
        The archive.
    model_id
        Id of the model that it makes.
    progress
        The account of the worker.
    """
    archive.database[TRAININGS].update_one(
        {"_id": model_id}, {"$set": {"progress": progress}, **_NOW}
    )


def end_training(
    archive: Archive,
    model_id: str,
    state: State,
    reason: str | None = None,
    message: str | None = None,
) -> None:
    """Write down how a training ended; with a model it needs no checkpoint any more.

    One that is done stays so, whatever becomes of a second worker at the same model. It does no
    harm to say so of a model that is there already.

    Parameters
    ----------
    archive
        The archive.
    model_id
        Id of the model that it makes.
    state
        stopped, failed or done.
    reason
        Why it failed, in a word.
    message
        Why it failed, in a sentence.
    """
    fields = {"state": state, "reason": reason, "message": message}
    archive.database[TRAININGS].update_one(
        {"_id": model_id, "state": {"$ne": "done"}}, {"$set": fields, **_NOW}
    )
    if state == "done":
        _drop(archive, _checkpoints(archive, model_id))
        # chunks of files whose writing, or whose removal, was killed half-way
        of_this = {"$gte": f"{model_id}/", "$lt": f"{model_id}0"}  # 0 comes after /
        archive.database[CHECKPOINTS].chunks.delete_many({"files_id": of_this})


def keep_checkpoint(
    archive: Archive, model_id: str, path: Path, sha256: str, step: int, elapsed_s: float
) -> bool:
    """Take a checkpoint into the archive, and drop all but the last two.

    The last two are those of the newest attempt, however many steps an older one did: it may
    have begun anew because their checkpoints could not be used.

    Parameters
    ----------
    archive
        The archive.
    model_id
        Id of the model.
    path
        The file.
    sha256
        Checksum that the worker wrote beside it.
    step
        Steps done when it was written.
    elapsed_s
        Time spent until then, over all attempts, in s.

    Returns
    -------
    False if the file is not what the worker wrote; then it is not taken.
    """
    data = path.read_bytes()
    if bytes_id(data) != sha256:
        return False
    training = archive.database[TRAININGS].find_one({"_id": model_id}, {"attempts": 1})
    attempt = training["attempts"] if training else 0
    metadata = {"step": step, "elapsed_s": elapsed_s, "sha256": sha256, "attempt": attempt}
    key, name, bucket = f"{model_id}/{sha256}", f"{model_id}/{path.name}", _bucket(archive)
    if not bucket.exists(key):
        # A writer that died half-way leaves chunks that no file names.
        archive.database[CHECKPOINTS].chunks.delete_many({"files_id": key})
        bucket.put(data, _id=key, filename=name, metadata=metadata, model_id=model_id)
    _drop(archive, _checkpoints(archive, model_id)[KEPT:])
    return True


def fetch_checkpoints(archive: Archive, model_id: str, folder: Path) -> tuple[Path, ...]:
    """Write the checkpoints of a training into a folder.

    Parameters
    ----------
    archive
        The archive.
    model_id
        Id of the model.
    folder
        Folder to write to; it is made.

    Returns
    -------
    The files, newest first. One whose bytes are not those that were taken in is left out.
    """
    from gridfs.errors import CorruptGridFile, NoFile

    found = []
    for number, one in enumerate(_checkpoints(archive, model_id)):
        try:
            data = _bucket(archive).get(one["_id"]).read()
        except (CorruptGridFile, NoFile):
            continue
        if bytes_id(data) != one["metadata"]["sha256"]:
            continue
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{number}-{Path(one['filename']).name}"
        path.write_bytes(data)
        found.append(path)
    return tuple(found)


def newest_step(archive: Archive, model_id: str) -> int:
    """Return how far the newest checkpoint of a training is.

    Parameters
    ----------
    archive
        The archive.
    model_id
        Id of the model.

    Returns
    -------
    Steps done; 0 without a checkpoint.
    """
    there = _checkpoints(archive, model_id)
    return there[0]["metadata"]["step"] if there else 0


def list_trainings(archive: Archive, *states: State) -> list[Training]:
    """List trainings, the newest first.

    Parameters
    ----------
    archive
        The archive.
    *states
        Only those in one of these states; none for all.

    Returns
    -------
    The trainings.
    """
    wanted = {"state": {"$in": list(states)}} if states else {}
    found = archive.database[TRAININGS].find(wanted).sort([("updated", -1), ("_id", 1)])
    return [
        Training(
            model_id=one["_id"],
            about=one["about"],
            state=one["state"],
            attempts=one["attempts"],
            host=one["host"],
            updated=one["updated"],
            progress=one.get("progress", {}),
            reason=one["reason"],
            message=one["message"],
        )
        for one in found
    ]


def _bucket(archive: Archive) -> GridFS:
    from gridfs import GridFS

    return GridFS(archive.database, CHECKPOINTS)


def _checkpoints(archive: Archive, model_id: str) -> list[dict[str, Any]]:
    files = archive.database[CHECKPOINTS].files.find({"model_id": model_id})
    return sorted(files, key=_newness, reverse=True)


def _newness(file: dict[str, Any]) -> tuple[int, int, datetime]:
    about = file["metadata"]
    return about["attempt"], about["step"], file["uploadDate"]


def _drop(archive: Archive, files: list[dict[str, Any]]) -> None:
    for one in files:
        _bucket(archive).delete(one["_id"])
