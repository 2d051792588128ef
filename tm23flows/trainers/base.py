"""What every trainer is: a way from a dataset to files, and from files to predictions.

Owns the protocol, the values that pass through it and the reading of
hyperparameters. Knows no trainer but by name: each lives in its own module, is
imported when asked for, and does its work in a subprocess (see ``worker``).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from tm23flows.errors import InputError, MissingDependencyError

TRAINERS = {
    "flare": "tm23flows.trainers.flare:FlareTrainer",
    "nequip": "tm23flows.trainers.nequip:NequipTrainer",
    "allegro": "tm23flows.trainers.allegro:AllegroTrainer",
}
NOT_TRAINED = {"calculator": "tm23flows.trainers.ase_calculator:CalculatorTrainer"}
"""What predicts as trainers do and is not trained here: a calculator from elsewhere."""

ENTRY_POINTS = "tm23flows.trainers"
"""Group of the entry points under which other packages offer their trainers."""


class Hyperparameters(BaseModel):
    """Base of the settings of one trainer: complete, immutable, no unknown names."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True)
class Course:
    """How a training hangs together with the world around it.

    Parameters
    ----------
    resume
        Checkpoint files of earlier attempts at the same training, newest first. One that
        is damaged or belongs to another training is passed over.
    checkpoint_s
        Seconds between two checkpoints.
    look
        Called about once a second with the folder of the work, where the worker keeps
        ``progress.json`` and ``checkpoints``; True asks the training to keep a checkpoint
        and stop.
    """

    resume: tuple[Path, ...] = ()
    checkpoint_s: float = 600.0
    look: Callable[[Path], bool] | None = None


@dataclass(frozen=True)
class TrainResult:
    """What a training leaves behind.

    ``files`` maps relative names to paths and holds everything that a prediction
    needs; ``history`` has one row per epoch or per step of the optimiser. ``summary``
    has, besides the trainer's own numbers, ``elapsed_s`` over all attempts,
    ``resumed_from`` (the step of the checkpoint that was used, 0 for none) and
    ``checkpoints_refused``. ``wall_s`` is the time of the last attempt.
    """

    files: dict[str, Path]
    history: list[dict[str, float]]
    summary: dict[str, float | int | str]
    versions: dict[str, str]
    wall_s: float


@dataclass(frozen=True)
class Predictions:
    """Predictions for n frames, in the order of the frames.

    Energies (n,) in eV are total energies in the convention of the training
    labels. Forces are n arrays (atoms, 3) in eV/A. Stresses (n, 6) are in eV/A^3
    with ASE's sign, in the order xx yy zz yz xz xy. Uncertainties, where the
    trainer has them, are n arrays (atoms,); their meaning is the trainer's.

    ``failures`` says of frames that could not be predicted why, by their place; their
    numbers are nan. A trainer that cannot tell good from bad raises instead.
    """

    energies: np.ndarray
    forces: tuple[np.ndarray, ...]
    stresses: np.ndarray | None
    uncertainties: tuple[np.ndarray, ...] | None
    failures: Mapping[int, str] = field(default_factory=dict)


class Trainer(Protocol):
    """A way to train a force field and to predict with it."""

    name: str

    def hyperparameters(self, **overrides: Any) -> Hyperparameters:
        """Make the trainer's hyperparameters from its defaults and some overrides.

        Parameters
        ----------
        overrides
            Values by name; strings, as a command line has them, are converted.

        Returns
        -------
        The hyperparameters, complete and checked.

        Raises
        ------
        InputError
            If a name is unknown or a value is wrong.
        """
        ...

    def train(
        self,
        dataset_dir: Path,
        hyperparameters: Hyperparameters,
        workdir: Path,
        seed: int,
        course: Course | None = None,
    ) -> TrainResult:
        """Train a model.

        Parameters
        ----------
        dataset_dir
            Folder with ``train.xyz`` and optionally ``validation.xyz``: extended
            XYZ with the keys energy (free energy, eV), forces and stress.
        hyperparameters
            What ``hyperparameters`` returned.
        workdir
            Folder for everything that the training writes.
        seed
            Seed of everything that is random.
        course
            What to go on from, and who looks at it meanwhile; None for neither.

        Returns
        -------
        The files of the model and the account of its training.

        Raises
        ------
        InputError
            If the dataset cannot be trained on.
        MissingDependencyError
            If the trainer's library is not installed.
        OutOfTimeError
            If the training was asked to stop; its last checkpoint is in ``workdir``.
        TrainingError
            If the training ends without a model; ``reason`` says in a word why.
        """
        ...

    def predict(self, model_dir: Path, frames_file: Path, workdir: Path) -> Predictions:
        """Predict energies, forces and stresses.

        Parameters
        ----------
        model_dir
            Folder with the files of a ``TrainResult`` under their relative names.
        frames_file
            Extended XYZ file; labels in it are ignored.
        workdir
            Folder for everything that the prediction writes.

        Returns
        -------
        The predictions in the order of the file.

        Raises
        ------
        InputError
            If the frames do not fit the model.
        MissingDependencyError
            If the trainer's library is not installed.
        TrainingError
            If a file of the model is missing or was changed, or the prediction fails.
        """
        ...


def get_trainer(name: str) -> Trainer:
    """Return the trainer of this name.

    Parameters
    ----------
    name
        One of the names in ``TRAINERS`` or ``NOT_TRAINED``, or an entry point of an installed
        package.

    Returns
    -------
    The trainer.

    Raises
    ------
    InputError
        If there is no such trainer.
    MissingDependencyError
        If another package has it and cannot be imported.
    """
    ours = {**NOT_TRAINED, **TRAINERS}
    if name in ours:
        module, _, class_name = ours[name].partition(":")
        return cast("Trainer", getattr(importlib.import_module(module), class_name)())
    foreign = {one.name: one for one in metadata.entry_points(group=ENTRY_POINTS)}
    if name not in foreign:
        known = ", ".join([*TRAINERS, *sorted(foreign)])
        raise InputError(f"There is no trainer '{name}': use one of {known}.")
    try:
        return cast("Trainer", foreign[name].load()())
    except (ImportError, AttributeError) as error:
        raise MissingDependencyError(
            f"The trainer '{name}' is installed, and {foreign[name].value} cannot be imported "
            f"({error}): install its package again."
        ) from error


H = TypeVar("H", bound=Hyperparameters)


def parse_hyperparameters(kind: type[H], trainer: str, overrides: dict[str, Any]) -> H:
    """Make hyperparameters, turning what is wrong into one sentence.

    Parameters
    ----------
    kind
        Class of the trainer's hyperparameters.
    trainer
        Name of the trainer, for the message.
    overrides
        Values by name; strings are converted.

    Returns
    -------
    The hyperparameters.

    Raises
    ------
    InputError
        If a name is unknown or a value is wrong.
    """
    unknown = sorted(set(overrides) - set(kind.model_fields))
    if unknown:
        raise InputError(
            f"The trainer {trainer} has no hyperparameter '{unknown[0]}': "
            f"use one of {', '.join(kind.model_fields)}."
        )
    try:
        return kind(**overrides)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "together"
        reason = first["msg"].removeprefix("Value error, ")
        raise InputError(
            f"The value {first['input']!r} of the {trainer} hyperparameter '{where}' is wrong "
            f"({reason}): the known ones are {', '.join(kind.model_fields)}."
        ) from error
