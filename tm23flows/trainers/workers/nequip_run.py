"""Trains a model of the NequIP framework, and loads one for predictions.

Owns what the workers of NequIP and Allegro do alike; each of them gives the function
that makes the ``model`` part of the configuration. Imports numpy, ASE and NequIP's
stack only. One training per process: NequIP keeps global state.
"""

from __future__ import annotations

import hashlib
import os
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nequip_targets import strange_targets
from worker_io import RequestError, predict_all, read_frames, versions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    ModelConfig = Callable[[dict[str, Any], list[str], int], dict[str, Any]]

CHECKPOINT = "best.ckpt"
_USED = ("nequip", "torch", "e3nn", "lightning", "numpy", "ase")
# what torch and the C++ library say when there is no more memory
_NO_MEMORY = (
    "out of memory",
    "can't allocate memory",
    "bad_alloc",
    "Cannot allocate memory",
    "ALLOC_FAILED",  # cuBLAS, whose workspace is not torch's
)


def train(request: dict[str, Any], model_config: ModelConfig, *libraries: str) -> dict[str, Any]:
    """Train, and put the checkpoint of the best epoch where the request says.

    Parameters
    ----------
    request
        Settings, elements, seed, device, folder ``workdir`` with the frames, the path
        ``checkpoint``, the files ``resume`` and ``checkpoint_s``.
    model_config
        Makes the ``model`` part of NequIP's configuration from the settings, the
        chemical symbols in the order of the types, and the seed.
    *libraries
        Distributions, besides the framework's own, that the network comes from.

    Returns
    -------
    History (one row per epoch), summary and versions.
    """
    start = time.monotonic()
    with _named_failures():
        return _train(request, model_config, libraries, start)


def _train(
    request: dict[str, Any], model_config: ModelConfig, libraries: tuple[str, ...], start: float
) -> dict[str, Any]:
    import torch
    from nequip_build import build, write_model
    from nequip_checkpoint import fingerprint
    from nequip_loop import BEST, Task, fit

    torch.set_num_threads(1)
    folder, settings = Path(request["workdir"]), request["settings"]
    device = find_device(request["device"])
    module, data = build(request, model_config)
    task = Task(
        settings=settings,
        seed=request["seed"],
        device=device,
        folder=folder,
        mark=fingerprint(request, folder, *libraries),
        checkpoint_s=request["checkpoint_s"],
        start=start,
    )
    progress, about = fit(task, module, data, request["resume"])
    write_model(module, progress.best, Path(request["checkpoint"]))
    best = min(progress.history, key=lambda row: row[BEST])
    summary = {
        **{f"n_{part}": len(frames) for part, frames in data.items()},
        "n_weights": sum(weight.numel() for weight in module.model.parameters()),
        "device": device,
        "epochs": progress.epoch,
        "best_epoch": int(best["epoch"]),
        "best_validation_force_mae": best[BEST],
        "elapsed_s": progress.elapsed_s,
        **about,
    }
    used = versions(*_USED, *libraries)
    return {"history": progress.history, "summary": summary, "versions": used}


@contextmanager
def _named_failures() -> Iterator[None]:
    """Turn what libraries raise for want of memory into an error with a name."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        chain: BaseException | None = error
        while chain is not None:
            said = str(chain)
            if isinstance(chain, MemoryError) or any(words in said for words in _NO_MEMORY):
                raise RequestError(
                    "out_of_memory",
                    "There is too little memory for this training: lower batch_size, n_features "
                    "or l_max, or use a machine with more.",
                ) from error
            chain = chain.__cause__
        raise


def find_device(wanted: str) -> str:
    """Choose the device.

    Parameters
    ----------
    wanted
        auto, cpu or cuda.

    Returns
    -------
    cpu or cuda.
    """
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


def checked(folder: Path, request: dict[str, Any]) -> Path:
    """Return the checkpoint of a model after it is found to be right.

    Not even a file whose checksum was forged can run anything: from here on torch loads
    numbers and plain containers only, where NequIP itself would load any pickle, and what
    the file names, which NequIP would call, is looked at first.

    Parameters
    ----------
    folder
        Folder of the model.
    request
        ``sha256`` of each file by name.

    Returns
    -------
    The path.
    """
    import torch

    path = folder / CHECKPOINT
    if hashlib.sha256(path.read_bytes()).hexdigest() != request["sha256"][CHECKPOINT]:
        raise RequestError(
            "failed", f"{path} is not the checkpoint that was trained (its sha256 differs)."
        )
    os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] = "1"
    if strange := strange_targets(torch.load(path, map_location="cpu", weights_only=True)):
        raise RequestError(
            "failed", f"{path} names {strange[0]}, which is no part of a model: do not use it."
        )
    return path


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
    from nequip.integrations.ase import NequIPCalculator

    torch.set_num_threads(1)
    path = checked(folder, request)
    # the only loader that needs no compiler; private, which is why the version is pinned
    return NequIPCalculator._from_saved_model(  # noqa: SLF001
        str(path),
        device=find_device(request["device"]),
        chemical_species_to_atom_type_map=True,
    )


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
    return {"versions": versions(*_USED)}
