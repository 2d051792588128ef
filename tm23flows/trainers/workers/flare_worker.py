"""Trains a FLARE model or predicts with one: ``python flare_worker.py request.json``.

Runs in whichever interpreter has FLARE; imports numpy, scipy, ASE and FLARE only.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from model_tasks import predicting, serving
from worker_io import RequestError, answer, versions

if TYPE_CHECKING:
    from ase.calculators.calculator import Calculator


def train(request: dict[str, Any]) -> dict[str, Any]:
    """Train a model on the first frames, for one number of frames or several.

    Parameters
    ----------
    request
        File ``frames``; ``sizes``, and folder ``models`` by size; the ``settings``,
        ``bounds``, ``seed`` and ``noise_fraction``; the ``folder`` of the work,
        ``checkpoint_s`` and files to ``resume`` from; ``predicted_s``.

    Returns
    -------
    History and summary by size, and versions.
    """
    from flare_train import Training

    try:
        training = Training(request)
        training.run()
    except MemoryError as error:
        raise RequestError(
            "out_of_memory",
            "FLARE ran out of memory: use fewer frames, fewer environments_per_frame or a "
            "smaller nmax.",
        ) from error
    for n_frames, folder in request["models"].items():
        training.write(int(n_frames), Path(folder))
    return {
        "history": {n: training.state.models[n]["history"] for n in training.sizes},
        "summary": {n: training.summary(n) for n in training.sizes},
        "versions": versions("mir-flare", "numpy", "scipy", "ase"),
    }


def load_calculator(folder: Path, request: dict[str, Any]) -> Calculator:  # noqa: ARG001
    """Load a model.

    Parameters
    ----------
    folder
        Folder with its files.
    request
        Not used: FLARE has no device to choose.

    Returns
    -------
    An ASE calculator; its results hold ``uncertainties`` per atom too.
    """
    from flare_model import FlareCalculator

    return FlareCalculator(folder)


if __name__ == "__main__":
    extra = "uncertainties"
    tasks = {
        "train": train,
        "predict": predicting(load_calculator, "mir-flare", "numpy", "scipy", "ase", extra=extra),
        "serve": serving(load_calculator, extra),
    }
    answer(["numpy", "scipy", "ase", "flare.bffs.sgp"], tasks)
