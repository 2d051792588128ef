"""The job that makes a calculator from elsewhere a model of the archive."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobflow import job

from tm23flows.documents.base import Provenance
from tm23flows.documents.model import Model, ModelFile
from tm23flows.jobs.context import open_archive
from tm23flows.trainers.ase_calculator import CalculatorTrainer

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive


@job
def register_calculator(
    hyperparameters: dict[str, Any], python: str | None = None
) -> dict[str, Any]:
    """Store a calculator as a model, unless that very model exists.

    Parameters
    ----------
    hyperparameters
        Of :class:`tm23flows.trainers.ase_calculator.CalculatorHyperparameters`; at least the
        ``calculator``.
    python
        Interpreter that it lives in; None for that of the setting, or this one.

    Returns
    -------
    ``model_id``, the ``name`` that tables call it, and the ``versions`` of what it stands on.

    Raises
    ------
    TM23Error
        If it cannot be made.
    """
    model = store_calculator(open_archive(), hyperparameters, python)
    return {
        "model_id": model.id,
        "name": model.hyperparameters["name"] or model.hyperparameters["calculator"],
        "versions": model.provenance.software,
    }


def store_calculator(
    archive: Archive, hyperparameters: dict[str, Any], python: str | None = None
) -> Model:
    """Store a calculator as a model; it is made once, to see that it can be made.

    Parameters
    ----------
    archive
        The archive.
    hyperparameters
        At least ``calculator``, such as ``ase.calculators.emt:EMT``; perhaps ``kwargs``, ``name``,
        ``frame_limit_s`` and ``give_up_after``.
    python
        Interpreter that it lives in; None for that of the setting, or this one.

    Returns
    -------
    The model, as it is in the archive. Its files hold those that the kwargs name.

    Raises
    ------
    TM23Error
        If it cannot be made.
    """
    trainer = CalculatorTrainer()
    settings = trainer.hyperparameters(**hyperparameters)
    with tempfile.TemporaryDirectory(prefix="tm23-calculator-") as scratch:
        folder = Path(scratch)
        made = trainer.prepare(settings, python, folder / "model", folder / "work")
        files = tuple(
            ModelFile(name=name, blob=archive.blobs.put(path.read_bytes()))
            for name, path in sorted(made.files.items())
        )
    model = Model(
        provenance=Provenance.now(made.versions, {"trainer": trainer.name}),
        trainer=trainer.name,
        hyperparameters=made.hyperparameters.model_dump(mode="json"),
        seed=0,
        dataset_id=None,
        files=files,
        summary={},
        wall_s=0.0,
    )
    archive.put(model)
    return archive.get(Model, model.id)
