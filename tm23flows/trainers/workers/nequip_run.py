"""Trains a model of the NequIP framework, and loads one for predictions.

Owns what the workers of NequIP and Allegro do alike; each of them gives the function
that makes the ``model`` part of the configuration. Imports numpy, ASE and NequIP's
stack only. One training per process: NequIP keeps global state.
"""

from __future__ import annotations

import csv
import hashlib
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from worker_io import RequestError, predict_all, read_frames, versions

if TYPE_CHECKING:
    from collections.abc import Callable

CHECKPOINT = "best.ckpt"
_BEST = "validation_force_mae"
_COLUMNS = {
    "epoch": "epoch",
    "lr-Adam": "learning_rate",
    "train_loss_epoch/weighted_sum": "training_loss",
    "val0_epoch/forces_mae": _BEST,
    "val0_epoch/per_atom_energy_mae": "validation_energy_mae",
    "val0_epoch/stress_mae": "validation_stress_mae",
}


def train(
    request: dict[str, Any], model_config: Callable[[dict[str, Any], list[str], int], dict]
) -> dict[str, Any]:
    """Train, and put the checkpoint of the best epoch where the request says.

    Parameters
    ----------
    request
        Settings, elements, seed, device, folder ``workdir`` with the frames and the
        path ``checkpoint``.
    model_config
        Makes the ``model`` part of NequIP's configuration from the settings, the
        chemical symbols in the order of the types, and the seed.

    Returns
    -------
    History (one row per epoch), summary and versions.
    """
    import torch
    from ase.data import chemical_symbols
    from ase.io import write
    from nequip_config import make_config

    torch.set_num_threads(1)
    folder, settings = Path(request["workdir"]), request["settings"]
    sizes = {}
    for part in ("training", "validation"):
        frames = read_frames(folder / f"{part}.npz")
        write(folder / f"{part}.traj", frames)
        sizes[f"n_{part}"] = len(frames)
    request["symbols"] = [chemical_symbols[z] for z in request["elements"]]
    device = _device(request["device"])
    start = time.monotonic()
    model = model_config(settings, request["symbols"], request["seed"])
    _fit(make_config(request, model, "gpu" if device == "cuda" else "cpu"), folder)
    spent = time.monotonic() - start
    history = _history(folder / "history" / "metrics.csv")
    best = folder / "checkpoints" / "best.ckpt"
    if not best.is_file() or not any(_BEST in row for row in history):
        raise RequestError(
            "failed", "No epoch of NequIP has a finite validation error: lower the learning_rate."
        )
    best.replace(request["checkpoint"])
    summary = {
        **sizes,
        "n_weights": _count_weights(request["checkpoint"]),
        "device": device,
        "train_s": spent,
        **_ending(history, settings, spent),
    }
    used = versions("nequip", "torch", "e3nn", "lightning", "numpy", "ase")
    return {"history": history, "summary": summary, "versions": used}


def _fit(config: dict[str, Any], folder: Path) -> None:
    from hydra.core.hydra_config import HydraConfig
    from nequip.scripts.train import main
    from omegaconf import OmegaConf

    # NequIP's entry point asks Hydra where its output goes; there is no Hydra run here.
    HydraConfig.instance().cfg = OmegaConf.create(
        {"hydra": {"runtime": {"output_dir": str(folder)}}}
    )
    for name in ("history", "checkpoints"):
        (folder / name).mkdir(exist_ok=True)
        for old in (folder / name).iterdir():
            old.unlink()
    main.__wrapped__(OmegaConf.create(config))


def _device(wanted: str) -> str:
    import torch

    if wanted not in {"auto", "cpu", "cuda"}:
        raise RequestError(
            "input",
            f"The device '{wanted}' is unknown: set TM23_TRAINER_DEVICE to auto, cpu or cuda.",
        )
    found = torch.cuda.is_available()
    if wanted == "cuda" and not found:
        raise RequestError(
            "input", "There is no CUDA device here: set TM23_TRAINER_DEVICE to auto or cpu."
        )
    return "cuda" if found and wanted != "cpu" else "cpu"


def _history(path: Path) -> list[dict[str, float]]:
    """Join the lines of the log that belong to one epoch.

    The learning rate comes on a line of its own, without its epoch, before the others.
    What is not finite is left out.
    """
    rows: dict[int, dict[str, float]] = {}
    waiting: dict[str, float] = {}
    with path.open() as file:
        for line in csv.DictReader(file):
            values = {_COLUMNS[k]: float(v) for k, v in line.items() if k in _COLUMNS and v}
            waiting |= {key: value for key, value in values.items() if math.isfinite(value)}
            if line["epoch"]:
                rows.setdefault(int(line["epoch"]), {}).update(waiting)
                waiting = {}
    return [rows[epoch] for epoch in sorted(rows)]


def _ending(
    history: list[dict[str, float]], settings: dict[str, Any], spent: float
) -> dict[str, float | int | str]:
    best = min((row for row in history if _BEST in row), key=lambda row: row[_BEST])
    reason = "learning_rate"
    if len(history) >= settings["max_epochs"]:
        reason = "max_epochs"
    elif spent >= settings["max_wall_s"]:
        reason = "max_wall_s"
    return {
        "epochs": len(history),
        "best_epoch": int(best["epoch"]),
        "best_validation_force_mae": best[_BEST],
        "stopped_by": reason,
    }


def _load(path: str, device: str) -> Any:
    from nequip.integrations.ase import NequIPCalculator

    # the only loader that needs no compiler; private, which is why the version is pinned
    return NequIPCalculator._from_saved_model(  # noqa: SLF001
        path, device=device, chemical_species_to_atom_type_map=True
    )


def _count_weights(path: str) -> int:
    return sum(weight.numel() for weight in _load(path, "cpu").model.parameters())


def load_calculator(folder: Path, request: dict[str, Any]) -> Any:
    """Load a model for predictions, after its checksum is found to be right.

    Parameters
    ----------
    folder
        Folder of the model.
    request
        ``sha256`` of each file by name, and the ``device`` (auto, cpu or cuda).

    Returns
    -------
    An ASE calculator with energy (eV), forces (eV/A) and stress (eV/A^3).
    """
    import torch

    torch.set_num_threads(1)
    path = folder / CHECKPOINT
    # a checkpoint is a pickle: loading it runs what is in it
    if hashlib.sha256(path.read_bytes()).hexdigest() != request["sha256"][CHECKPOINT]:
        raise RequestError(
            "failed", f"{path} is not the checkpoint that was trained (its sha256 differs)."
        )
    return _load(str(path), _device(request["device"]))


def predict(request: dict[str, Any]) -> dict[str, Any]:
    """Predict with the checkpoint of a model.

    Parameters
    ----------
    request
        Folder of the ``model``, the ``sha256`` of its files, the device, and the
        files ``frames`` and ``predictions``.

    Returns
    -------
    The versions of what was used.
    """
    calculator = load_calculator(Path(request["model"]), request)
    predict_all(calculator, read_frames(request["frames"]), request["predictions"])
    return {"versions": versions("nequip", "torch", "e3nn", "numpy", "ase")}
