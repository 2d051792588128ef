"""The Maker that searches a grid and trains the full model with the point that was chosen.

Owns the way from one dataset to both. The search is :mod:`tm23flows.flows.grid_search`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jobflow import Flow, Maker

from tm23flows.errors import InputError
from tm23flows.flows.grid_search import GridSearchMaker
from tm23flows.flows.naming import tagged
from tm23flows.jobs.chosen_model import make_grid_dataset, train_chosen
from tm23flows.jobs.evaluation import evaluate_model
from tm23flows.science import protocol
from tm23flows.science.metrics import check_energy_reference
from tm23flows.trainers.base import get_trainer

if TYPE_CHECKING:
    from jobflow import Job


@dataclass
class ChosenModelMaker(Maker):
    """Search a grid, train with the best point, evaluate.

    It takes the place of a :class:`tm23flows.flows.model.ModelMaker`, also in a ``TM23Maker``.
    The grid is compared on frames of the training part, so the test parts choose nothing.

    Parameters
    ----------
    name
        Word for the model in the names of the jobs.
    grid
        Makes the grid search; its trainer is that of the model.
    grid_train, grid_test
        Frames of the grid search; the article's 200 and 100.
    overrides
        Hyperparameters in which the full training differs from those of the points, such as
        the time that it may take.
    seed
        Seed of everything random in the full training.
    train_part
        Part of the dataset to train on, and to take the frames of the grid from.
    test_parts
        Parts of the dataset to predict.
    energy_reference
        How the energy MAV is referenced.

    Examples
    --------
    >>> maker = ChosenModelMaker(grid=GridSearchMaker(grid={"nmax": [8]}))
    >>> [job.name for job in maker.make("id", "Cu").jobs]
    ['Cu flare grid dataset', 'Cu flare grid search', 'Cu flare model', 'Cu flare evaluation']
    """

    name: str = "model"
    grid: GridSearchMaker = field(default_factory=GridSearchMaker)
    grid_train: int = protocol.GRID_TRAIN
    grid_test: int = protocol.GRID_TEST
    overrides: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    train_part: str = "train"
    test_parts: list[str] = field(default_factory=lambda: ["test"])
    energy_reference: str = "mean-per-atom"

    @property
    def trainer(self) -> str:
        """Name of the trainer."""
        return self.grid.trainer

    def make(self, dataset_id: str, element: str, grid_dataset_id: str | None = None) -> Flow:
        """Wire the dataset of the grid, the search, the training and its evaluations.

        Parameters
        ----------
        dataset_id
            The dataset of the full training; usually a reference.
        element
            Chemical symbol, for names and tags.
        grid_dataset_id
            The dataset of the grid search; None makes one from the training part.

        Returns
        -------
        A flow whose output has ``grid_id``, ``model_id`` and ``evaluations``, one per test part.

        Raises
        ------
        InputError
            If the grid makes no sense, or the trainer does not take a hyperparameter.
        """
        check_energy_reference(self.energy_reference)
        self._check_overrides()
        before = []
        if grid_dataset_id is None:
            made = make_grid_dataset(dataset_id, self.train_part, self.grid_train, self.grid_test)
            tagged(made, f"{element} {self.trainer} grid dataset", "analyse", element)
            before, grid_dataset_id = [made], made.output["dataset_id"]
        search = self.grid.make(grid_dataset_id, element)
        grid_id = search.output["grid_id"]
        train = train_chosen(grid_id, dataset_id, self.train_part, self.seed, self.overrides)
        tagged(train, f"{element} {self.trainer} {self.name}", "train-gpu", element)
        model_id = train.output["model_id"]
        tests = [self._test(model_id, dataset_id, part, element) for part in self.test_parts]
        output = {
            "grid_id": grid_id,
            "model_id": model_id,
            "evaluations": [test.output for test in tests],
        }
        name = f"{element} {self.trainer} chosen"
        return Flow([*before, search, train, *tests], output=output, name=name)

    def _check_overrides(self) -> None:
        trainer = get_trainer(self.trainer)
        for point in self.grid.candidates():
            if ignored := sorted(set(point) & set(self.overrides)):
                raise InputError(
                    f"The hyperparameter '{ignored[0]}' is on the grid and overridden in the full "
                    "training, so the choice would say nothing: leave it out of one."
                )
            trainer.hyperparameters(**{**self.grid.hyperparameters, **point, **self.overrides})

    def _test(self, model_id: str, dataset_id: str, part: str, element: str) -> Job:
        test = evaluate_model(model_id, dataset_id, part, self.energy_reference)
        what = "evaluation" if part == "test" else f"evaluation on {part}"
        return tagged(test, f"{element} {self.trainer} {what}", "train-gpu", element)
