"""Calculators of ASE that were made elsewhere, as models: measured as trained ones are.

Owns what the files of such a model are (``calculator.json`` and what its kwargs name), what
makes it that model and no other, and its predictions, frame by frame, because code of others
may fail in any way. It is not trained. Its worker imports nothing of this package and runs in
the interpreter that the calculator lives in.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

from pydantic import Field, JsonValue

from tm23flows.errors import InputError, TrainingError
from tm23flows.settings import get_settings
from tm23flows.trainers.base import (
    Course,
    Hyperparameters,
    Predictions,
    parse_hyperparameters,
)
from tm23flows.trainers.calculator import conversation
from tm23flows.trainers.frame_by_frame import predict_one_by_one
from tm23flows.trainers.frames import read_geometries
from tm23flows.trainers.manifest import check_manifest, write_manifest
from tm23flows.trainers.prediction import OpenModel
from tm23flows.trainers.worker import Worker, run_worker

DESCRIPTION = "calculator.json"
FILE = "$file"


class CalculatorHyperparameters(Hyperparameters):
    """What a calculator is: it is the same model wherever all of this is the same."""

    calculator: str = Field(
        pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_][\w.]*$",
        description="Where it is, such as ase.calculators.emt:EMT; a class, or what makes one.",
    )
    kwargs: dict[str, JsonValue] = Field(
        default_factory=dict, description="What it is made with; files as their place in the model."
    )
    name: str | None = Field(
        None, pattern=r"^\S(.*\S)?$", max_length=40, description="What tables call it."
    )
    files: dict[str, str] = Field(
        default_factory=dict, description="sha256 of the files that the kwargs name."
    )
    package: dict[str, str] = Field(
        default_factory=dict, description="Versions of the packages that its module belongs to."
    )
    source: str | None = Field(None, description="sha256 of the module that it is written in.")
    frame_limit_s: float = Field(
        300.0, gt=0, description="A frame that takes longer, in s, counts as failed."
    )
    give_up_after: int = Field(
        20, ge=1, description="So many frames in a row that end the process end the evaluation."
    )


@dataclass(frozen=True)
class Prepared:
    """A calculator as a model: its files by relative name, what it is, and versions."""

    files: dict[str, Path]
    hyperparameters: CalculatorHyperparameters
    versions: dict[str, str]


class CalculatorTrainer:
    """Predicts with a calculator of others (see ``base.Trainer``); trains nothing."""

    name = "calculator"
    files = (DESCRIPTION,)
    worker = Worker(
        library="The calculator",
        script="ase_calculator_worker.py",
        setting="trainer_python_calculator",
        fix="install its package there or put its folder on PYTHONPATH, name its interpreter "
        "with --python",
    )

    def hyperparameters(self, **overrides: Any) -> CalculatorHyperparameters:
        """Make the hyperparameters (see ``base.Trainer.hyperparameters``)."""
        if "calculator" not in overrides:
            raise _not_trained()
        return parse_hyperparameters(CalculatorHyperparameters, self.name, overrides)

    def train(
        self,
        dataset_dir: Path,  # noqa: ARG002
        hyperparameters: Hyperparameters,  # noqa: ARG002
        workdir: Path,  # noqa: ARG002
        seed: int,  # noqa: ARG002
        course: Course | None = None,  # noqa: ARG002
    ) -> NoReturn:
        """Refuse (see ``base.Trainer.train``)."""
        raise _not_trained()

    def opened(self, model_dir: Path) -> tuple[Worker, OpenModel]:
        """Check the files of a model, and find the interpreter that it names.

        Parameters
        ----------
        model_dir
            Folder of the model.

        Returns
        -------
        The worker and what it needs; which elements it knows, the calculator has to say.

        Raises
        ------
        TrainingError
            If a file is missing or was changed.
        """
        about = _description(model_dir)
        sums = check_manifest(model_dir, [DESCRIPTION, *about.get("files", {})])
        request = {"model": str(model_dir.resolve()), "sha256": sums}
        return self._worker(about.get("python")), OpenModel(None, request)

    def predict(self, model_dir: Path, frames_file: Path, workdir: Path) -> Predictions:
        """Predict frame by frame; what fails is in ``failures`` (see ``base.Trainer.predict``).

        Where the calculator ends its process or does not answer, a new one goes on.
        """
        frames = read_geometries(frames_file)
        worker, model = self.opened(model_dir)
        about = _description(model_dir)
        return predict_one_by_one(
            lambda n: conversation(worker, model.request, workdir / f"process_{n}"),
            frames,
            limit_s=float(about.get("frame_limit_s", _default("frame_limit_s"))),
            give_up_after=int(about.get("give_up_after", _default("give_up_after"))),
        )

    def prepare(
        self,
        settings: CalculatorHyperparameters,
        python: str | None,
        folder: Path,
        workdir: Path,
    ) -> Prepared:
        """Make the files of a model from a calculator, which is made once to look at it.

        Parameters
        ----------
        settings
            The calculator and its kwargs. Strings in them that name a file (they have a dot or
            a slash) stand for its content, which is copied; folders are not.
        python
            Interpreter that it lives in; None for that of the setting, or this one.
        folder
            Folder for the files.
        workdir
            Folder for the log.

        Returns
        -------
        The files, and the settings with the sha256 of each file, the package and its version.

        Raises
        ------
        InputError
            If there is no such interpreter or class, it is no calculator, or does not take the
            kwargs.
        MissingDependencyError
            If it cannot be imported.
        TrainingError
            If it ends its process.
        """
        folder.mkdir(parents=True, exist_ok=True)
        sums: dict[str, str] = {}
        kwargs = _kept(settings.kwargs, folder, sums)
        settings = settings.model_copy(update={"kwargs": kwargs, "files": sums})
        python = None if python is None else find_interpreter(python)
        _describe(folder, settings, python)
        request = {"model": str(folder.resolve())}
        said = run_worker(self._worker(python), "describe", request, workdir.resolve())
        known = {"package": said["package"], "source": said["source"]}
        settings = settings.model_copy(update=known)
        _describe(folder, settings, python)
        files = write_manifest(folder, [DESCRIPTION, *sums])
        return Prepared(files, settings, said["versions"])

    def _worker(self, python: str | None) -> Worker:
        """The worker of one model: on another machine its interpreter may be elsewhere."""
        if python is None or (
            not os.access(python, os.X_OK) and get_settings().trainer_python_calculator
        ):
            return self.worker
        return replace(self.worker, interpreter=python)


def find_interpreter(python: str) -> str:
    """Find an interpreter by its path or its name.

    Parameters
    ----------
    python
        Such as ``~/mace/bin/python`` or ``python3.12``.

    Returns
    -------
    Its absolute path; links are not followed, because they are what an environment is.

    Raises
    ------
    InputError
        If there is none.
    """
    place = str(Path(python).expanduser().absolute()) if "/" in python else python
    found = shutil.which(place)
    if found is None:
        raise InputError(f"There is no interpreter '{python}': name one that can be run.")
    return str(Path(found).absolute())


def map_files(value: JsonValue, change: Callable[[Path], JsonValue]) -> JsonValue:
    """Put something else in the place of every file that kwargs name.

    Parameters
    ----------
    value
        The kwargs, or a part of them. A string names a file where it has a dot or a slash, and
        the file is there.
    change
        From the file to what takes its place.

    Returns
    -------
    The same with the changes.
    """
    if isinstance(value, dict):
        return {key: map_files(one, change) for key, one in value.items()}
    if isinstance(value, list):
        return [map_files(one, change) for one in value]
    if isinstance(value, str) and ("/" in value or "." in value):
        try:
            path = Path(value).expanduser()
            is_there = path.is_file()
        except (OSError, RuntimeError):  # no path at all: a text that is too long, nobody's home
            return value
        return change(path) if is_there else value
    return value


def _kept(kwargs: dict[str, JsonValue], folder: Path, sums: dict[str, str]) -> JsonValue:
    def keep(path: Path) -> JsonValue:
        content = path.read_bytes()
        sha256 = hashlib.sha256(content).hexdigest()
        # libraries look at the ending of a name, so it stays
        name = f"files/{sha256[:12]}/{path.name}"
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
        sums[name] = sha256
        return {FILE: name}

    return map_files(kwargs, keep)


def _describe(folder: Path, settings: CalculatorHyperparameters, python: str | None) -> None:
    about = {**settings.model_dump(mode="json"), "python": python}
    (folder / DESCRIPTION).write_text(json.dumps(about, indent=1, sort_keys=True))


def _description(folder: Path) -> dict[str, Any]:
    try:
        return dict(json.loads((folder / DESCRIPTION).read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise TrainingError(
            f"{folder} has no readable {DESCRIPTION}: take the model from the archive again."
        ) from error


def _default(name: str) -> Any:
    return CalculatorHyperparameters.model_fields[name].default


def _not_trained() -> InputError:
    return InputError(
        "A calculator is not trained here: measure it with 'tm23 bench --calculator'."
    )
