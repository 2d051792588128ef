"""Trains a FLARE model or predicts with one: ``python flare_worker.py request.json``.

Runs in whichever interpreter has FLARE; imports numpy, scipy, ASE and FLARE only.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from worker_io import RequestError, answer, predict_all, read_frames, versions, write_json


def train(request: dict[str, Any]) -> dict[str, Any]:
    """Select environments, build the process, optimise it, write ``model.json``.

    Parameters
    ----------
    request
        Folder ``model`` with ``training.npz``, the ``settings``, ``bounds`` and ``seed``.

    Returns
    -------
    History, summary and versions.
    """
    from flare_optimise import NAMES, optimise
    from flare_sgp import atom_energies, build_process, mean_atoms, select_environments

    folder, settings = Path(request["model"]), request["settings"]
    frames = read_frames(folder / "training.npz")
    elements = sorted({int(z) for atoms in frames for z in atoms.numbers})
    clock = [time.monotonic()]
    model = {
        "trainer": "flare",
        "settings": settings,
        "elements": elements,
        "atom_energies": atom_energies(frames, elements),
        "sparse_indices": select_environments(frames, elements, settings),
        "values": {name: settings[name] for name in NAMES},
    }
    clock.append(time.monotonic())
    process = build_process(frames, model)
    clock.append(time.monotonic())
    model["values"], history = optimise(process, request, mean_atoms(frames))
    clock.append(time.monotonic())
    if not history:
        raise RequestError(
            "failed", "The likelihood is not finite anywhere: check the labels of the dataset."
        )
    write_json(folder / "model.json", model)
    summary = {
        "n_frames": len(frames),
        "n_environments": sum(len(sparse) for sparse in model["sparse_indices"]),
        "log_likelihood": max(row["log_likelihood"] for row in history),
        **model["values"],
        "select_s": clock[1] - clock[0],
        "build_s": clock[2] - clock[1],
        "optimise_s": clock[3] - clock[2],
    }
    used = versions("mir-flare", "numpy", "scipy", "ase")
    return {"history": history, "summary": summary, "versions": used}


def predict(request: dict[str, Any]) -> dict[str, Any]:
    """Build the process of a model again and predict with it.

    Parameters
    ----------
    request
        Folder ``model``, and the files ``frames`` and ``predictions``.

    Returns
    -------
    The versions of what was used.
    """
    from flare.bffs.sgp.calculator import SGP_Calculator
    from flare_sgp import build_process

    folder = Path(request["model"])
    model = json.loads((folder / "model.json").read_text())
    process = build_process(read_frames(folder / "training.npz"), model)
    frames = read_frames(request["frames"])
    predict_all(SGP_Calculator(process), frames, request["predictions"], extra="stds")
    return {"versions": versions("mir-flare", "numpy", "ase")}


if __name__ == "__main__":
    answer(["numpy", "scipy", "ase", "flare.bffs.sgp"], {"train": train, "predict": predict})
