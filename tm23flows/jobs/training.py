"""What every job that trains shares: a folder, checkpoints, the live account, the end.

Owns the life of one training as the archive sees it. What a training does is the trainer's
business, what becomes of its result that of :mod:`tm23flows.jobs.model`.
"""

from __future__ import annotations

import json
import shutil
import socket
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tm23flows.documents.model import Model
from tm23flows.errors import OutOfTimeError, StaleClaimError, TM23Error, TrainingError
from tm23flows.jobs.claimed import Hold
from tm23flows.jobs.context import run_folder
from tm23flows.settings import get_settings
from tm23flows.store.trainings import (
    begin_training,
    end_training,
    fetch_checkpoints,
    keep_checkpoint,
    report_progress,
)
from tm23flows.trainers.base import Course

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

REPORT_S = 5.0
"""Seconds between two reports of a training's progress."""

STOP_MARGIN_S = 60.0
"""A training is asked to stop so long before its worker's time is over, and two steps more."""

Done = TypeVar("Done")


def run_training(
    archive: Archive,
    model_id: str,
    about: dict[str, str],
    train: Callable[[Path, Course], Done],
    keep: Callable[[Archive, Done], None],
) -> None:
    """Run a training from its newest checkpoint to its end, and keep what it made.

    Parameters
    ----------
    archive
        The archive.
    model_id
        Id of the model; the checkpoints of earlier attempts are found by it.
    about
        Trainer, element and dataset, for people.
    train
        Trains in a folder.
    keep
        Puts what ``train`` returned into the archive, before its folder goes.

    Raises
    ------
    OutOfTimeError
        If the time of this worker is over; the checkpoint is kept.
    TrainingError
        If there is no model. The folder is left, because its log says more.
    """
    hold = Hold(archive)
    end = hold.deadline()
    if end is not None and time.time() > end - STOP_MARGIN_S:
        # begun now it would be asked to stop at once, come one step further, and so again
        raise OutOfTimeError("This worker has too little time left to begin a training.")
    with hold.claim(model_id, "model", about["element"]):
        if not archive.existing(Model, [model_id]):
            _run(archive, hold, model_id, about, train, keep)


def _run(
    archive: Archive,
    hold: Hold,
    model_id: str,
    about: dict[str, str],
    train: Callable[[Path, Course], Done],
    keep: Callable[[Archive, Done], None],
) -> None:
    from pymongo.errors import ConnectionFailure, PyMongoError

    folder = Path(tempfile.mkdtemp(prefix=f"{about['trainer']}-", dir=run_folder()))
    watch = _Watch(archive, model_id, hold)
    resume = fetch_checkpoints(archive, model_id, folder / "resume")
    begin_training(archive, model_id, about, socket.gethostname())
    course = Course(resume, get_settings().checkpoint_s, watch.look)
    try:
        done = train(folder, course)
        hold.write(lambda target: keep(target, done))
    except OutOfTimeError:
        hold.check()  # what was lost is told by whoever has it now
        watch.take_rest()
        end_training(archive, model_id, "stopped")
        shutil.rmtree(folder)
        raise
    except StaleClaimError:
        raise
    except (TM23Error, OSError, PyMongoError) as error:
        reason = error.reason if isinstance(error, TrainingError) else "failed"
        # why it failed is said even where the database cannot hear it
        with suppress(ConnectionFailure):
            watch.take_rest()
            end_training(archive, model_id, "failed", reason, str(error))
        raise
    end_training(archive, model_id, "done")
    shutil.rmtree(folder)


class _Watch:
    """Looks at a worker's folder: takes its checkpoints in, reports, and says when to stop."""

    def __init__(self, archive: Archive, model_id: str, hold: Hold) -> None:
        self.archive, self.model_id, self.hold = archive, model_id, hold
        self.begun = time.monotonic()
        self.reported = -REPORT_S
        self.folder: Path | None = None
        self.taken: set[str] = set()
        self.first_step: int | None = None

    def look(self, folder: Path) -> bool:
        """Look once; see ``Course.look``.

        A database that does not answer now is asked again at the next look: no training
        of weeks ends because of it.
        """
        from pymongo.errors import ConnectionFailure

        self.folder = folder
        progress = _read_json(folder / "progress.json")
        if time.monotonic() - self.reported >= REPORT_S:
            self.reported = time.monotonic()
            try:
                self.hold.check()
                self.take_rest()
                if progress:
                    report_progress(self.archive, self.model_id, progress)
            except ConnectionFailure:
                pass
        end = self.hold.deadline()
        return end is not None and time.time() > end - self._margin_s(progress)

    def take_rest(self) -> None:
        """Take in the checkpoints that came after the last look."""
        if self.folder is None:
            return
        for path in sorted((self.folder / "checkpoints").glob("*.json")):
            account = _read_json(path)
            if not account or account["sha256"] in self.taken:
                continue
            file, sha256 = path.with_name(account["file"]), account["sha256"]
            step, elapsed_s = account["step"], account["elapsed_s"]
            # one that is gone gave its place to a newer one
            with suppress(FileNotFoundError):
                keep_checkpoint(self.archive, self.model_id, file, sha256, step, elapsed_s)
                self.taken.add(sha256)

    def _margin_s(self, progress: dict[str, Any]) -> float:
        """Return how long before the end to ask: a step under way may have to be finished first.

        No earlier than a kill would cost.
        """
        step = progress.get("step")
        if step is None:
            return STOP_MARGIN_S
        if self.first_step is None:
            self.first_step, self.begun = step, time.monotonic()
        steps = step - self.first_step
        per_step = (time.monotonic() - self.begun) / steps if steps else 0.0
        return STOP_MARGIN_S + min(2 * per_step, get_settings().checkpoint_s)


def _read_json(path: Path) -> dict[str, Any]:
    """Read what a worker wrote; nothing where it is not there, or gone meanwhile."""
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return {}
