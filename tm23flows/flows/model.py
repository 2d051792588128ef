"""The Maker that trains a model and measures it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from jobflow import Flow, Maker

from tm23flows.flows.naming import tagged
from tm23flows.jobs.evaluation import evaluate_model
from tm23flows.jobs.model import train_model
from tm23flows.science.metrics import check_energy_reference
from tm23flows.trainers.base import get_trainer


@dataclass
class ModelMaker(Maker):
    """Train on one part of a dataset and evaluate on another.

    Parameters
    ----------
    name
        Word for the pair of jobs.
    trainer
        flare or nequip.
    hyperparameters
        The ones that differ from the trainer's defaults.
    seed
        Seed of everything random.
    train_part
        Part of the dataset to train on.
    test_part
        Part of the dataset to predict.
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
    test_part: str = "test"
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
        A flow whose output is the evaluation's.

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
        test = evaluate_model(
            train.output["model_id"], dataset_id, self.test_part, self.energy_reference
        )
        tagged(train, f"{element} {self.trainer} {self.name}", "train", element)
        tagged(test, f"{element} {self.trainer} evaluation", "train", element)
        return Flow([train, test], output=test.output, name=f"{element} {self.trainer}")
