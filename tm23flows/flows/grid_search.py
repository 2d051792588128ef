"""The Maker of grid searches: hyperparameters compared on a small dataset.

Owns how a grid is wired and which grids are offered. The choice is
:mod:`tm23flows.science.grid_choice`, and the training that follows it
:mod:`tm23flows.flows.chosen_model`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from jobflow import Flow, Maker
from jobflow.core.reference import OnMissing

from tm23flows.errors import InputError
from tm23flows.flows.naming import tagged
from tm23flows.jobs.grid_search import Search, choose_point, evaluate_point
from tm23flows.jobs.model import train_model
from tm23flows.science import protocol
from tm23flows.science.grid_points import Point, grid_points, point_words
from tm23flows.science.metrics import check_energy_reference
from tm23flows.trainers.base import get_trainer

GRIDS: dict[str, dict[str, list[Any]]] = {
    "flare": {
        "cutoff_A": [4.0, 5.0, 6.0],
        "nmax": [7, 9, 12, 17],
        "lmax": [3, 4, 5],
    },
    "nequip": {
        "cutoff_A": [4.0, 5.0, 6.0],
        "n_layers": [3, 4],
        "size": [
            {"l_max": l_max, "n_features": protocol.NEQUIP.features_by_lmax[l_max]}
            for l_max in (1, 2, 3)
        ],
        "learning_rate": [0.01, 0.005],
    },
}
"""Grids of our own, 36 points each: those of the article are in a supplement that is not public.

FLARE's spans the descriptors that the dimensions in Table 1 of the article allow only one reading
of (radial functions 7 to 17, angular momenta 3 to 5); NequIP's has the features by angular momentum
that reproduce the weight counts of its Table 2. The weights of forces and energies can be axes too.
"""

WITHOUT_ANGLES = ("lmax",)
"""What a two-body descriptor ignores: points that differ in nothing else are the same model."""


@dataclass
class GridSearchMaker(Maker):
    """Train and measure a model at each point of a grid, and choose one.

    Each point is a training of its own, found by its content if it was done before, in whatever
    grid: a grid can be run in pieces, grow, and go on after a failure. A point that fails leaves
    a gap in the table and does not stop the choice.

    Parameters
    ----------
    name
        Word for the search in the names of the jobs.
    trainer
        One of :data:`tm23flows.trainers.base.TRAINERS`.
    grid
        Values by hyperparameter; hyperparameters that change together are one axis, under any
        word, with a mapping for each of its values. Empty takes the one in :data:`GRIDS`.
    points
        Parts of points, such as ``[{"nmax": 8}]``: only points that agree with one of them are
        computed. None takes the whole grid.
    hyperparameters
        Those that are the same at all points and differ from the trainer's defaults.
    seed
        Seed of all trainings.
    train_part
        Part of the dataset to train on.
    test_part
        Part of the dataset to compare on; not that on which the final model is tested.
    energy_reference
        How the energy MAV is referenced.

    Examples
    --------
    >>> maker = GridSearchMaker(grid={"nmax": [6, 8]}, hyperparameters={"lmax": 3})
    >>> [job.name for job in maker.make("id", "Cu").jobs][-2:]
    ['Cu flare evaluation nmax=8', 'Cu flare grid search']
    """

    name: str = "grid search"
    trainer: str = "flare"
    grid: dict[str, list[Any]] = field(default_factory=dict)
    points: list[Point] | None = None
    hyperparameters: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    train_part: str = "train"
    test_part: str = "test"
    energy_reference: str = "mean-per-atom"

    def make(self, dataset_id: str, element: str) -> Flow:
        """Wire a training and an evaluation for each point, and the choice.

        Parameters
        ----------
        dataset_id
            The small dataset; also a reference.
        element
            Chemical symbol, for names and tags.

        Returns
        -------
        A flow whose output has ``grid_id``, the ``model_id``, ``evaluation_id``,
        ``force_percent_error`` and ``hyperparameters`` of the chosen point, and the ``reason``.

        Raises
        ------
        InputError
            If the grid makes no sense, or the trainer does not take one of its points.
        """
        check_energy_reference(self.energy_reference)
        points = self.candidates()
        fixed = self._typed(points[0], self.hyperparameters)
        search = Search(
            dataset_id,
            self.trainer,
            fixed,
            self.seed,
            self.train_part,
            self.test_part,
            self.energy_reference,
        )
        jobs, before = [], []
        for point in points:
            settings = {**fixed, **point}
            train = train_model(dataset_id, self.trainer, settings, self.seed, self.train_part)
            model_id = train.output["model_id"]
            test = evaluate_point(model_id, dataset_id, self.test_part, self.energy_reference)
            # FireWorks starts a job only when those before it have ended: one that would wait
            # for ever behind a training that failed would keep the choice waiting, too.
            test.config.on_missing_references = OnMissing.NONE
            words = point_words(point)
            tagged(train, f"{element} {self.trainer} model {words}", "train-gpu", element)
            tagged(test, f"{element} {self.trainer} evaluation {words}", "train-gpu", element)
            jobs += [train, test]
            before += [model_id, test.output["evaluation_id"]]
        verdict = choose_point(asdict(search), points, before)
        verdict.config.on_missing_references = OnMissing.NONE
        name = f"{element} {self.trainer} {self.name}"
        tagged(verdict, name, "analyse", element)
        return Flow([*jobs, verdict], output=verdict.output, name=name)

    def candidates(self) -> list[Point]:
        """Return the points that are computed, with values of the trainer's own types.

        Returns
        -------
        The points.

        Raises
        ------
        InputError
            If the grid makes no sense, or the trainer does not take one of its points.
        """
        grid = self.grid or default_grid(self.trainer, self.hyperparameters)
        points = []
        for given in grid_points(grid, self.points):
            if twice := sorted(set(given) & set(self.hyperparameters)):
                raise InputError(
                    f"The hyperparameter '{twice[0]}' is both fixed and on the grid: leave it out "
                    "of one."
                )
            point = self._typed(given, given)
            if point not in points:
                points.append(point)
        return points

    def _typed(self, point: Point, names: Iterable[str]) -> Point:
        """Return some hyperparameters of a point as the trainer reads them, words as numbers."""
        settings = get_trainer(self.trainer).hyperparameters(**self.hyperparameters, **point)
        typed = settings.model_dump(mode="json")
        return {name: typed[name] for name in names}


def default_grid(trainer: str, fixed: dict[str, Any]) -> dict[str, list[Any]]:
    """Return the grid that is offered for a trainer.

    Parameters
    ----------
    trainer
        Its name.
    fixed
        Hyperparameters that have their values already, so they are not on the grid. With
        FLARE's descriptor B1 among them the grid has no angular momenta.

    Returns
    -------
    Values by hyperparameter.

    Raises
    ------
    InputError
        If none is offered.
    """
    if trainer not in GRIDS:
        raise InputError(
            f"No grid is offered for the trainer '{trainer}': give values for its hyperparameters."
        )
    left_out = set(fixed)
    if fixed.get("descriptor") == "B1":
        left_out |= set(WITHOUT_ANGLES)
    grid = {name: values for name, values in GRIDS[trainer].items() if name not in left_out}
    return {name: values for name, values in grid.items() if not left_out & _names(values)}


def _names(values: list[Any]) -> set[str]:
    return {name for one in values if isinstance(one, dict) for name in one}
