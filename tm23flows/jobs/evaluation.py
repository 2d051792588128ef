"""The job that measures a model on a part of a dataset."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jobflow import Response, job

from tm23flows.documents.base import Provenance
from tm23flows.documents.dataset import Dataset
from tm23flows.documents.effort import Effort
from tm23flows.documents.evaluation import (
    ErrorRow,
    Evaluation,
    FailedFrame,
    GroupErrors,
    evaluation_id,
)
from tm23flows.documents.label import Label, label_arrays
from tm23flows.documents.model import Model
from tm23flows.errors import InputError, OutOfTimeError, TrainingError
from tm23flows.jobs.claimed import Hold
from tm23flows.jobs.context import as_this_job, begin_job, open_archive, wait_for_deadline
from tm23flows.jobs.model import write_part
from tm23flows.science.label_arrays import LabelArrays
from tm23flows.science.metrics import error_table
from tm23flows.store.exchange.models import write_model_file
from tm23flows.store.predictions import reference_arrays
from tm23flows.trainers.base import Predictions, get_trainer

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive


@job
def evaluate_model(
    model_id: str | None, dataset_id: str, part: str, energy_reference: str
) -> dict[str, Any] | Response:
    """Predict a part of a dataset and store predictions and errors.

    Parameters
    ----------
    model_id
        The model; None where the job that was to train it has failed.
    dataset_id
        The dataset.
    part
        Part of the dataset to predict.
    energy_reference
        How the energy MAV is referenced; see :mod:`tm23flows.science.metrics`.

    Returns
    -------
    ``evaluation_id`` and the force percent error over all frames. Where the worker had to stop
    first, the latter is None, and the job begins anew as a detour.

    Raises
    ------
    InputError
        If there is no model.
    TrainingError
        If the prediction fails.
    """
    asked = (model_id, dataset_id, part, energy_reference)
    begin_job()  # not below, where it would be one more reason to go on elsewhere
    try:
        return evaluate_or_find(*asked)
    except OutOfTimeError:
        key = evaluation_id(*asked)
        wait_for_deadline(key, 0)
        unfinished = {"evaluation_id": key, "force_percent_error": None}
        return Response(unfinished, detour=as_this_job(evaluate_model(*asked)))


def evaluate_or_find(
    model_id: str | None, dataset_id: str, part: str, energy_reference: str
) -> dict[str, Any]:
    """Predict a part of a dataset, unless that was done; see :func:`evaluate_model`.

    Returns
    -------
    ``evaluation_id`` and the force percent error over all frames.

    Raises
    ------
    OutOfTimeError
        If this process had to stop first.
    InputError
        If there is no model.
    TrainingError
        If the prediction fails.
    """
    if model_id is None:
        raise InputError(
            "There is no model to measure: its training failed; mend that and run both again."
        )
    archive, key = open_archive(), evaluation_id(model_id, dataset_id, part, energy_reference)
    if not archive.existing(Evaluation, [key]):
        model, dataset = archive.get(Model, model_id), archive.get(Dataset, dataset_id)
        hold = Hold(archive)
        with hold.claim(key, "evaluation", dataset.element):
            if not archive.existing(Evaluation, [key]):
                _evaluate(archive, hold, model, dataset, part, energy_reference)
    evaluation = archive.get(Evaluation, key)
    return {"evaluation_id": key, "force_percent_error": evaluation.errors[0].force.percent}


def _evaluate(
    archive: Archive,
    hold: Hold,
    model: Model,
    dataset: Dataset,
    part: str,
    energy_reference: str,
) -> None:
    with tempfile.TemporaryDirectory(prefix="tm23-evaluate-") as scratch:
        folder = Path(scratch)
        labels = write_part(archive, dataset, part, folder / "frames.xyz")
        for one in model.files:
            write_model_file(archive, one, folder / "model")
        trainer, began = get_trainer(model.trainer), time.monotonic()
        predictions = trainer.predict(folder / "model", folder / "frames.xyz", folder / "work")
        effort = Effort(wall_s=time.monotonic() - began)
    asked = (model, dataset, part, energy_reference)

    def keep(target: Archive) -> None:
        made = evaluation_of(target, *asked, labels, predictions)
        target.put(made.model_copy(update={"effort": effort}))

    hold.write(keep)


def evaluation_of(
    archive: Archive,
    model: Model,
    dataset: Dataset,
    part: str,
    energy_reference: str,
    labels: Sequence[Label],
    predictions: Predictions,
) -> Evaluation:
    """Store the arrays of an evaluation and make the document of it.

    Parameters
    ----------
    archive
        Takes the arrays.
    model
        What predicted.
    dataset
        What was predicted.
    part
        Part of the dataset.
    energy_reference
        How the energy MAV is referenced.
    labels
        Labels of the part, in its order.
    predictions
        One for each label.

    Returns
    -------
    The evaluation; it is not stored yet.

    Raises
    ------
    TrainingError
        If no frame could be predicted.
    """
    done = [place for place in range(len(labels)) if place not in predictions.failures]
    if not done:
        raise TrainingError(
            f"None of the {len(labels)} frames could be predicted: the first failed with "
            f"'{predictions.failures[0]}'."
        )
    predicted = [labels[place] for place in done]
    errors = _errors_by_group(predicted, _only(predictions, done), dataset.energy, energy_reference)
    return Evaluation(
        provenance=Provenance.now(model.provenance.software, {"trainer": model.trainer}),
        model_id=model.id,
        dataset_id=dataset.id,
        part=part,
        energy_reference=energy_reference,
        predictions=_store_predictions(archive, predicted, _only(predictions, done)),
        reference=archive.blobs.put_arrays(**reference_arrays(labels, dataset.energy)),
        failures=tuple(
            FailedFrame(label_id=labels[place].id, reason=reason)
            for place, reason in sorted(predictions.failures.items())
        ),
        errors=tuple(errors),
    )


def _only(predictions: Predictions, places: list[int]) -> Predictions:
    """Leave out the frames that failed."""
    stresses, uncertainties = predictions.stresses, predictions.uncertainties
    return Predictions(
        energies=predictions.energies[places],
        forces=tuple(predictions.forces[place] for place in places),
        stresses=None if stresses is None else stresses[places],
        uncertainties=None if uncertainties is None else tuple(uncertainties[i] for i in places),
    )


def _store_predictions(archive: Archive, labels: Sequence[Label], predictions: Predictions) -> str:
    arrays = {
        "label_id": np.array([label.id for label in labels]),
        "n_atoms": np.array([label.n_atoms for label in labels]),
        "energy": predictions.energies,
        "forces": np.concatenate(predictions.forces),
    }
    if predictions.stresses is not None:
        arrays["stress"] = predictions.stresses
    if predictions.uncertainties is not None:
        arrays["uncertainty"] = np.concatenate(predictions.uncertainties)
    return archive.blobs.put_arrays(**arrays)


def _errors_by_group(
    labels: Sequence[Label], predictions: Predictions, energy: str, energy_reference: str
) -> list[GroupErrors]:
    everything = list(range(len(labels)))
    groups: dict[str, list[int]] = {"all": everything}
    for place in everything:
        groups.setdefault(labels[place].regime or "other", []).append(place)
    rows = []
    for name, places in groups.items():
        reference = label_arrays([labels[i] for i in places], energy)
        table = error_table(_predicted(predictions, places), reference, energy_reference)
        rows.append(
            GroupErrors(
                group=name,
                n_frames=table.n_frames,
                energy=ErrorRow(**asdict(table.energy)),
                force=ErrorRow(**asdict(table.force)),
                stress=None if table.stress is None else ErrorRow(**asdict(table.stress)),
            )
        )
    return rows


def _predicted(predictions: Predictions, places: list[int]) -> LabelArrays:
    stresses = predictions.stresses
    return LabelArrays(
        energies_eV=predictions.energies[places],
        n_atoms=np.array([len(predictions.forces[i]) for i in places]),
        forces_eV_per_A=np.concatenate([predictions.forces[i] for i in places]),
        stresses_eV_per_A3=None if stresses is None else stresses[places],
    )
