"""Keeping what a training knows, and going on from it.

Owns the one file of a checkpoint (npz: arrays, and a text in JSON), what makes it
belong to a training (settings, data, version of FLARE), and the clock that says when
the next one is due. What is in it belongs to the training.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from worker_io import RequestError, is_whole, keep_checkpoint, seal, stop_asked, write_progress

Content = tuple[dict[str, np.ndarray], dict[str, Any]]
_PROGRESS_S = 1.0


def fingerprint(about: dict[str, Any], data: Path) -> str:
    """Say in one word which training this is.

    Parameters
    ----------
    about
        Everything but the data that decides its result.
    data
        npz file of the frames and labels.

    Returns
    -------
    A sha256.
    """
    total = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    with np.load(data, allow_pickle=False) as file:
        for name in sorted(file.files):
            array = np.ascontiguousarray(file[name])
            total.update(f"{name} {array.dtype} {array.shape}".encode())
            total.update(array.tobytes())
    return total.hexdigest()


def write_checkpoint(path: Path, arrays: dict[str, np.ndarray], about: dict[str, Any]) -> None:
    """Write a checkpoint.

    Parameters
    ----------
    path
        The npz file.
    arrays
        Its arrays.
    about
        The rest, as JSON values.
    """
    text = np.frombuffer(json.dumps(about).encode(), np.uint8)
    np.savez(path, about=text, **arrays)
    seal(path)


def read_checkpoint(paths: list[str], training: str) -> tuple[Content | None, int]:
    """Return the first checkpoint that is whole and belongs to a training.

    Parameters
    ----------
    paths
        Files, newest first.
    training
        The training's fingerprint.

    Returns
    -------
    Arrays and the rest, None without a usable file; and how many files were refused.
    """
    for refused, path in enumerate(paths):
        if is_whole(Path(path)):
            try:
                with np.load(path, allow_pickle=False) as file:
                    arrays = {name: file[name] for name in file.files}
                about = json.loads(arrays.pop("about").tobytes())
                of_training = about["training"]
            except (ValueError, KeyError, TypeError):  # sealed, and no checkpoint of ours
                continue
            if of_training == training:
                return (arrays, about), refused
    return None, len(paths)


class Clock:
    """Time of a training over all attempts, its progress and its checkpoints."""

    def __init__(self, folder: Path, checkpoint_s: float, n_frames: int) -> None:
        self.folder, self.checkpoint_s, self.n_frames = folder, checkpoint_s, n_frames
        self.begin = self.kept = time.monotonic()
        self.told = -np.inf
        self.before_s = 0.0

    def elapsed_s(self) -> float:
        """Return the time spent so far, earlier attempts included, in s."""
        return self.before_s + time.monotonic() - self.begin

    def tell(self, step: int, values: dict[str, float], eta_s: float | None) -> None:
        """Write the progress, about once a second.

        Parameters
        ----------
        step
            Frames done.
        values
            The newest numbers.
        eta_s
            Time that it will take yet, in s.
        """
        if time.monotonic() - self.told >= _PROGRESS_S or step == self.n_frames:
            elapsed = self.elapsed_s()
            write_progress(self.folder, step, self.n_frames, "frame", values, elapsed, eta_s)
            self.told = time.monotonic()

    def keep(self, step: int, write: Callable[[Path], None]) -> None:
        """Keep a checkpoint when it is time or when the training shall stop.

        Parameters
        ----------
        step
            Steps done; every one that is kept has a larger number than those before.
        write
            Writes the file.
        """
        stop = stop_asked(self.folder)
        if not stop and time.monotonic() - self.kept < self.checkpoint_s:
            return
        path = self.folder / "checkpoint.npz"
        write(path)
        keep_checkpoint(self.folder, path, step, self.elapsed_s())
        self.kept = time.monotonic()
        if stop:
            raise RequestError("stopped", f"The training was asked to stop after step {step}.")


def pack(matrix: np.ndarray) -> np.ndarray:
    """Return the lower triangle of a matrix as one array.

    Parameters
    ----------
    matrix
        The matrix (m, m).

    Returns
    -------
    Its columns from the diagonal down, one after the other.
    """
    return np.concatenate([matrix[i:, i] for i in range(len(matrix))] or [np.zeros(0)])


def unpack(packed: np.ndarray, m: int) -> np.ndarray:
    """Undo ``pack``.

    Parameters
    ----------
    packed
        What it returned.
    m
        Size of the matrix.

    Returns
    -------
    The matrix (m, m) in Fortran's order, zero above the diagonal.
    """
    matrix = np.zeros((m, m), order="F")
    stops = np.cumsum(np.arange(m, 0, -1))
    for i, stop in enumerate(stops):
        matrix[i:, i] = packed[stop - (m - i) : stop]
    return matrix
