"""The Maker that trains a model and measures it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jobflow import Flow, Maker

from tm23flows.flows.naming import tagged
from tm23flows.jobs.evaluation import evaluate_model
from tm23flows.jobs.model import train_model
from tm23flows.science.metrics import check_energy_reference
from tm23flows.trainers.base import get_trainer

if TYPE_CHECKING:
    from jobflow import Job


@dataclass
class ModelMaker(Maker):
    """Train on one part of a dataset and evaluate on others.

    Parameters
    ----------
    name
        Word for the pair of jobs.
    trainer
        One of :data:`tm23flows.trainers.base.TRAINERS`.
    hyperparameters
        The ones that differ from the trainer's defaults.
    seed
        Seed of everything random.
    train_part
        Part of the dataset to train on.
    test_parts
        Parts of the dataset to predict, such as those of a transfer between temperatures.
    energy_reference
        How the energy MAV is referenced.

    Examples
    --------
    >>> flow = ModelMaker(trainer="nequip").make("id", "Cu")
    >>> [job.name for job in flow.jobs]
    ['Cu nequip model', 'Cu nequip evaluation']
    """

    name: str = "model"
    trainer: str = "flare"
    hyperparameters: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    train_part: str = "train"
    test_parts: list[str] = field(default_factory=lambda: ["test"])
    energy_reference: str = "mean-per-atom"

    def make(self, dataset_id: str, element: str) -> Flow:
        """Wire training and evaluation.

        Parameters
        ----------
        dataset_id
            The dataset; usually a reference.
        element
            Chemical symbol, for names and tags.

        Returns
        -------
        A flow whose output has the ``model_id`` and the ``evaluations``, one per test part.

        Raises
        ------
        InputError
            If there is no such trainer, it takes no such hyperparameters, or the energy
            reference is unknown: better now than after the training.
        """
        check_energy_reference(self.energy_reference)
        get_trainer(self.trainer).hyperparameters(**self.hyperparameters)
        train = train_model(
            dataset_id, self.trainer, self.hyperparameters, self.seed, self.train_part
        )
        tagged(train, f"{element} {self.trainer} {self.name}", "train-gpu", element)
        tests = [
            self._test(train.output["model_id"], dataset_id, p, element) for p in self.test_parts
        ]
        output = {
            "model_id": train.output["model_id"],
            "evaluations": [test.output for test in tests],
        }
        return Flow([train, *tests], output=output, name=f"{element} {self.trainer}")

    def _test(self, model_id: str, dataset_id: str, part: str, element: str) -> Job:
        test = evaluate_model(model_id, dataset_id, part, self.energy_reference)
        what = "evaluation" if part == "test" else f"evaluation on {part}"
        return tagged(test, f"{element} {self.trainer} {what}", "train-gpu", element)
