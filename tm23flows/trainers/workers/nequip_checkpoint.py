"""Checkpoints of a training in the NequIP framework: one file holds all that is needed.

Owns what marks a training (settings and data), what is in the file, and which of
several files is good enough to go on from. Files are read without running anything
that is in them. Does not train.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from worker_io import SEAL_BYTES, is_whole, seal, versions

_MARKED = ("trainer", "settings", "elements", "seed")


@dataclass
class Progress:
    """What a training has to remember besides weights, optimiser and random numbers.

    ``epoch`` counts finished epochs, ``batch`` the batches done of the next one and
    ``steps`` all batches; ``loss_sum`` adds up the loss of each frame of the epoch.
    ``best`` are the weights of the epoch with the lowest force error on the
    validation frames.
    """

    epoch: int = 0
    batch: int = 0
    steps: int = 0
    loss_sum: float = 0.0
    elapsed_s: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)
    best: dict[str, Any] = field(default_factory=dict)
    best_mae: float = math.inf


def fingerprint(request: dict[str, Any], folder: Path, *libraries: str) -> str:
    """Return what tells this training from every other.

    Parameters
    ----------
    request
        Name of the trainer, settings, elements and seed.
    folder
        Folder with the frames.
    *libraries
        Distributions, besides NequIP, that the network comes from.

    Returns
    -------
    The sha256 of the settings, the numbers of all frames and the versions.
    """
    found = versions("nequip", *libraries)
    found.pop("python")
    about = {key: request[key] for key in _MARKED} | {"versions": found}
    total = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for part in ("training", "validation"):
        with np.load(folder / f"{part}.npz", allow_pickle=False) as arrays:
            for name in sorted(arrays.files):
                values = np.ascontiguousarray(arrays[name])
                total.update(f"{part} {name} {values.dtype} {values.shape}".encode())
                total.update(values.tobytes())
    return total.hexdigest()


def write_checkpoint(path: Path, mark: str, parts: dict[str, Any], progress: Progress) -> None:
    """Write a checkpoint.

    Parameters
    ----------
    path
        The file.
    mark
        The fingerprint of the training.
    parts
        ``module``, ``optimizer`` and ``scheduler``: what has a state_dict.
    progress
        The rest.
    """
    import torch

    random = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        random["cuda"] = torch.cuda.get_rng_state()
    states = {name: part.state_dict() for name, part in parts.items()}
    content = {"mark": mark, "progress": vars(progress), "random": random, **states}
    torch.save(content, path)
    seal(path)


def restore(paths: list[str], mark: str, parts: dict[str, Any]) -> tuple[Progress, int]:
    """Go on from the first file that is whole and of this very training.

    Parameters
    ----------
    paths
        Files, newest first.
    mark
        The fingerprint of the training.
    parts
        ``module``, ``optimizer`` and ``scheduler``, whose states are replaced.

    Returns
    -------
    The progress, a fresh one where no file is good, and the number of files refused.
    """
    import torch

    for refused, path in enumerate(paths):
        content = _read(Path(path))
        if content.get("mark") == mark:
            for name, part in parts.items():
                part.load_state_dict(content[name])
            torch.set_rng_state(content["random"]["cpu"])
            if torch.cuda.is_available() and "cuda" in content["random"]:
                torch.cuda.set_rng_state(content["random"]["cuda"])
            return Progress(**content["progress"]), refused
    return Progress(), len(paths)


def _read(path: Path) -> dict[str, Any]:
    """Read a checkpoint; one that is damaged gives an empty one.

    Torch itself takes a file with a flipped bit for good.
    """
    import torch

    if not is_whole(path):
        return {}
    data = io.BytesIO(path.read_bytes()[:-SEAL_BYTES])
    try:
        # to the memory of the processor: the device may be another one than before
        content = torch.load(data, map_location="cpu", weights_only=True)
    except (RuntimeError, torch.serialization.pickle.PickleError):
        return {}
    return content if isinstance(content, dict) else {}
