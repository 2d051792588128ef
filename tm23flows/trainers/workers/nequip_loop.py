"""The training itself: epochs over the frames, validation, checkpoints, the ends.

Owns the order in which things happen, so that a training that was interrupted and goes
on does the same as one that was not. Loss, metrics, averaged weights and the network
are NequIP's. Its own loop, Lightning's, is not used: that one leaves the step of the
learning rate out when it goes on, and stops only between epochs.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from nequip_checkpoint import Progress, restore, write_checkpoint
from worker_io import RequestError, keep_checkpoint, stop_asked, write_progress

if TYPE_CHECKING:
    from collections.abc import Iterator

BEST = "validation_force_mae"
_METRICS = {
    "forces_mae": BEST,
    "per_atom_energy_mae": "validation_energy_mae",
    "stress_mae": "validation_stress_mae",
}


@dataclass
class Task:
    """What a training needs and does not change: see ``fit``."""

    settings: dict[str, Any]
    seed: int
    device: str
    folder: Path
    mark: str
    checkpoint_s: float
    start: float


def fit(task: Task, module: Any, data: dict[str, Any], resume: list[str]) -> tuple[Progress, dict]:
    """Train until the first of the ends: learning rate, epochs, time.

    Parameters
    ----------
    task
        Settings, seed, device, folder, fingerprint, seconds between checkpoints, and the
        reading of ``time.monotonic`` at the start.
    module
        NequIP's training module.
    data
        NequIP's datasets ``training`` and ``validation``.
    resume
        Checkpoints of earlier attempts, newest first.

    Returns
    -------
    What the training has come to, and for the summary: ``stopped_by``,
    ``resumed_from`` (steps of the checkpoint) and ``checkpoints_refused``.
    """
    module.to(task.device)
    made = module.configure_optimizers()
    optimizer, scheduler = made["optimizer"], made["lr_scheduler"]["scheduler"]
    parts = {"module": module, "optimizer": optimizer, "scheduler": scheduler}
    progress, refused = restore(resume, task.mark, parts)
    about = {"resumed_from": progress.steps, "checkpoints_refused": refused}
    task.start -= progress.elapsed_s
    keeper = _Keeper(task, parts, progress)
    stopped_by = _end(task, optimizer, progress)
    while not stopped_by:
        if not _epoch(task, module, optimizer, data["training"], keeper):
            stopped_by = "max_wall_s"
            break
        row = {
            "epoch": progress.epoch,
            "learning_rate": optimizer.param_groups[0]["lr"],
            "training_loss": progress.loss_sum / len(data["training"]),
            **_validate(task, module, data["validation"]),
        }
        _close_epoch(progress, row, module)
        scheduler.step(row[BEST])
        keeper.look()
        stopped_by = _end(task, optimizer, progress)
    progress.elapsed_s = time.monotonic() - task.start
    return progress, about | {"stopped_by": stopped_by}


class _Keeper:
    """Writes progress and checkpoints, and hears the word to stop."""

    def __init__(self, task: Task, parts: dict[str, Any], progress: Progress) -> None:
        self.task, self.parts, self.progress = task, parts, progress
        self.kept = self.began = time.monotonic()
        self.first = progress.epoch
        self.say()

    def look(self) -> None:
        """Do what is due between two batches; raise if the training shall stop."""
        if self.progress.batch == 0:
            self.say()
        stop = stop_asked(self.task.folder)
        if stop or time.monotonic() - self.kept >= self.task.checkpoint_s:
            self.keep()
        if stop:
            raise RequestError(
                "stopped", f"The training was asked to stop after {self.progress.epoch} epochs."
            )

    def keep(self) -> None:
        progress, path = self.progress, self.task.folder / "checkpoint.ckpt"
        progress.elapsed_s = time.monotonic() - self.task.start
        write_checkpoint(path, self.task.mark, self.parts, progress)
        keep_checkpoint(self.task.folder, path, progress.steps, progress.elapsed_s)
        self.kept = time.monotonic()

    def say(self) -> None:
        now, done, of = time.monotonic(), self.progress.epoch, self.task.settings["max_epochs"]
        elapsed, eta = now - self.task.start, None
        if done > self.first:
            left = (of - done) * (now - self.began) / (done - self.first)
            eta = max(0.0, min(left, self.task.settings["max_wall_s"] - elapsed))
        values = self.progress.history[-1] if self.progress.history else {}
        write_progress(self.task.folder, done, of, "epoch", values, elapsed, eta)


def _epoch(task: Task, module: Any, optimizer: Any, frames: Any, keeper: _Keeper) -> bool:
    """Go through the frames that are left of this epoch; False when time is over."""
    progress = keeper.progress
    module.train()
    size = task.settings["batch_size"]
    # the order follows from seed and epoch, so an interrupted epoch is taken up where it was left
    order = np.random.default_rng([task.seed, progress.epoch]).permutation(len(frames))
    for batch in _batches(frames, order[progress.batch * size :], size, task.device):
        # a training without any whole epoch has no model, so the first one takes the time it needs
        if progress.history and time.monotonic() - task.start >= task.settings["max_wall_s"]:
            return False
        loss = module.loss(module(batch.copy()), batch)["weighted_sum"]
        value = loss.item()
        if not math.isfinite(value):
            raise _diverged(progress, "loss")
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        if hasattr(module, "ema"):
            module.ema.update_parameters(module.model)
        progress.batch += 1
        progress.steps += 1
        progress.loss_sum += value * len(batch["num_atoms"])
        if progress.batch * size < len(frames):
            keeper.look()
    return True


def _batches(frames: Any, order: np.ndarray, size: int, device: str) -> Iterator[dict[str, Any]]:
    from nequip.data import AtomicDataDict

    for first in range(0, len(order), size):
        chosen = [frames[int(i)] for i in order[first : first + size]]
        yield AtomicDataDict.to_(AtomicDataDict.batched_from_list(chosen), device)


def _validate(task: Task, module: Any, frames: Any) -> dict[str, float]:
    """Measure the weights that predictions would use, averaged ones where there are any."""
    import torch

    module.eval()
    metrics = module.val_metrics[0]
    module.on_validation_start()
    order = np.arange(len(frames))
    for batch in _batches(frames, order, task.settings["batch_size"], task.device):
        output = module(batch.copy())
        with torch.no_grad():
            metrics(output, batch)
    found = metrics.compute()
    metrics.reset()
    module.loss.reset()
    module.on_validation_end()
    return {ours: float(found[theirs]) for theirs, ours in _METRICS.items()}


def _close_epoch(progress: Progress, row: dict[str, float], module: Any) -> None:
    if not all(math.isfinite(value) for value in row.values()):
        raise _diverged(progress, "error on the validation frames")
    progress.history.append(row)
    if row[BEST] < progress.best_mae:
        progress.best_mae = row[BEST]
        progress.best = {
            key: value.detach().cpu().clone() if hasattr(value, "detach") else value
            for key, value in module.state_dict().items()
        }
    progress.epoch, progress.batch, progress.loss_sum = progress.epoch + 1, 0, 0.0


def _diverged(progress: Progress, what: str) -> RequestError:
    return RequestError(
        "diverged",
        f"The {what} is not a finite number in epoch {progress.epoch + 1}: "
        f"lower the learning_rate, or look for a wrong label.",
    )


def _end(task: Task, optimizer: Any, progress: Progress) -> str:
    if optimizer.param_groups[0]["lr"] < task.settings["minimum_learning_rate"]:
        return "learning_rate"
    if progress.epoch >= task.settings["max_epochs"]:
        return "max_epochs"
    if progress.history and time.monotonic() - task.start >= task.settings["max_wall_s"]:
        return "max_wall_s"
    return ""
