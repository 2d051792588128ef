"""The Maker that measures models which are there, or a calculator from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jobflow import Flow, Maker

from tm23flows.errors import InputError
from tm23flows.flows.naming import tagged
from tm23flows.flows.studies.scales import KINDS, study_maker
from tm23flows.flows.studies.settings import read_settings
from tm23flows.flows.studies.subjects import stored_subject
from tm23flows.jobs.benchmark import register_calculator
from tm23flows.jobs.evaluation import evaluate_model
from tm23flows.science.metrics import check_energy_reference
from tm23flows.trainers.ase_calculator import CalculatorTrainer, find_interpreter, map_files

if TYPE_CHECKING:
    from jobflow import Job

    from tm23flows.documents.dataset import Dataset
    from tm23flows.store.archive import Archive

NOT_TESTED = {"train", "validation"}
"""Parts of a dataset that a model is not measured on unless they are asked for."""


@dataclass
class BenchmarkMaker(Maker):
    """Measure models on a dataset, and on what studies ask of them.

    Parameters
    ----------
    name
        Word for the flow.
    calculator
        A calculator from elsewhere, see
        :class:`tm23flows.trainers.ase_calculator.CalculatorHyperparameters`; files that its
        kwargs name are read when it is registered. None where there are only models.
    python
        Interpreter that the calculator lives in; None for that of the setting, or this one.
    model_ids
        Models of the archive to measure.
    parts
        Parts of the dataset; empty for all but those for training and validation.
    energy_reference
        How the energy MAV is referenced.
    studies
        Settings by the name of a study that measures models, such as ``phonons``: fields of its
        Maker that differ from the defaults.

    Examples
    --------
    >>> BenchmarkMaker(calculator={"calculator": "ase.calculators.emt:EMT"}).name
    'benchmark'
    """

    name: str = "benchmark"
    calculator: dict[str, Any] | None = None
    python: str | None = None
    model_ids: list[str] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    energy_reference: str = "mean-per-atom"
    studies: dict[str, dict[str, Any]] = field(default_factory=dict)

    def make(self, archive: Archive, dataset: Dataset) -> Flow:
        """Wire the registration, an evaluation for each model and part, and the studies.

        Parameters
        ----------
        archive
            The archive; the cell and the recipe of the labels are read from it.
        dataset
            What models are measured on.

        Returns
        -------
        A flow whose output has the ``models``, their ``evaluations`` and the ``studies``.

        Raises
        ------
        InputError
            If there is nothing to measure, or a part, a study or a setting is unknown.
        """
        if self.calculator is None and not self.model_ids:
            raise InputError("There is nothing to measure: name a calculator or a model.")
        check_energy_reference(self.energy_reference)
        parts = self._parts(dataset)
        check_studies(self.studies)
        jobs = [] if self.calculator is None else [self._registration(dataset.element)]
        models = [*(job.output["model_id"] for job in jobs), *self.model_ids]
        tests = [
            self._test(model, number, dataset, part, alone=len(models) == 1)
            for number, model in enumerate(models, start=1)
            for part in parts
        ]
        flows = []
        if self.studies:
            subject = stored_subject(archive, dataset, models)
            engine = None if subject.label is None else subject.label.recipe.engine
            flows = [
                study_maker(name, engine, told).measure([subject])
                for name, told in self.studies.items()
            ]
        output = {
            "models": models,
            "evaluations": [test.output for test in tests],
            "studies": [flow.output for flow in flows],
        }
        return Flow([*jobs, *tests, *flows], output=output, name=f"{dataset.element} {self.name}")

    def _parts(self, dataset: Dataset) -> list[str]:
        parts = self.parts or [name for name in dataset.parts if name not in NOT_TESTED]
        if not parts:
            raise InputError("The dataset has no part to test on: name one.")
        for name in parts:
            if name not in dataset.parts:
                raise InputError(
                    f"The dataset has no part '{name}'; it has {', '.join(dataset.parts)}."
                )
        return parts

    def _registration(self, element: str) -> Job:
        told = dict(self.calculator or {})
        # the job runs in another folder
        kwargs = map_files(told.get("kwargs", {}), lambda path: str(path.absolute()))
        settings = CalculatorTrainer().hyperparameters(**told)
        told = {**settings.model_dump(mode="json", exclude_unset=True), "kwargs": kwargs}
        python = None if self.python is None else find_interpreter(self.python)
        return tagged(register_calculator(told, python), "calculator", "train-gpu", element)

    def _test(self, model: Any, number: int, dataset: Dataset, part: str, alone: bool) -> Job:
        test = evaluate_model(model, dataset.id, part, self.energy_reference)
        which = "" if alone else f" of model {number}"
        return tagged(
            test, f"{dataset.element} benchmark on {part}{which}", "train-gpu", dataset.element
        )


def check_studies(settings: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse studies that measure no models, and settings that they do not have.

    Parameters
    ----------
    settings
        Fields that differ from the defaults, by the name of the study.

    Raises
    ------
    InputError
        If a study is unknown or measures no models, or has no such setting.
    """
    able = {name: kind.maker for name, kind in KINDS.items() if hasattr(kind.maker, "measure")}
    for name, told in settings.items():
        if name not in able:
            raise InputError(
                f"There is no study '{name}' that measures models; choose one of: "
                f"{', '.join(able) or 'none'}."
            )
        read_settings(able[name], told)
