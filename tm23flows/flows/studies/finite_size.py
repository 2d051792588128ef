"""The Maker of the finite-size study: one large cell, sequential frames, a coarse grid of FLARE.

Owns the wiring and the defaults of the study. The analysis is
:mod:`tm23flows.jobs.studies.finite_size`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from jobflow import Flow, Maker

from tm23flows.documents.learning_curve import Resampling
from tm23flows.errors import InputError
from tm23flows.flows.grid_search import GridSearchMaker
from tm23flows.flows.naming import tagged
from tm23flows.flows.structure import StructureMaker
from tm23flows.flows.tm23 import TM23Maker
from tm23flows.jobs.studies.finite_size import make_finite_size_study
from tm23flows.science import protocol
from tm23flows.science.cells import repetitions_for
from tm23flows.science.protocol import Regime
from tm23flows.science.sampling import steps_needed

GRID: dict[str, list[Any]] = {
    "cutoff_A": [4.0, 6.0, 8.0, 10.0],
    "nmax": [4, 9, 14],
    "lmax": [2, 4, 6, 8],
}
"""A coarse grid of our own, 48 points, up to the article's 10 A and l_max 8 [C].

The article's largest n_max cannot be read with certainty; its best models have 9 and more. For 200
frames of 640 atoms :mod:`tm23flows.trainers.flare_cost` predicts 2 to 29 GB."""


@dataclass
class FiniteSizeStudyMaker(Maker):
    """Train FLARE on sequential frames of a large cell and see which cutoff is best.

    In the article's usual cells, of 7 A and little more, longer environments are periodic copies,
    so that a short cutoff might be best for that reason alone. In a large cell they are not.

    Parameters
    ----------
    name
        Word for the study in the names of jobs and datasets.
    n_sites
        Sites of the cell; multiples of the cell of the road's structure are chosen so that the
        images are as far apart as can be. None takes the road's own cell.
    vacancy
        Whether an atom is taken out, as in the article's other cells. The article says 640 atoms;
        with a vacancy there would be 639, so the default is none.
    regime
        Temperature.
    n_train, n_test
        Sequential frames: the first ones train, the next ones test.
    spare
        Frames after these that are labelled as well, for the case that labels are rejected.
    grid
        Values by hyperparameter of FLARE; empty takes :data:`GRID`.
    hyperparameters
        The ones that are the same at all points and differ from the trainer's defaults.
    seed
        Seed of the trainings.
    allow_unconverged
        Go on with the densest k-mesh where none is shown to be converged.
    resampling
        How intervals are made.

    Examples
    --------
    >>> from tm23flows.flows.scales import make_tm23
    >>> flow = FiniteSizeStudyMaker().make({"Os": make_tm23("Os", "paper", "gpaw")})
    >>> flow.jobs[0].jobs[0].function_args[2]
    [8, 8, 5]
    """

    name: str = "finite size"
    n_sites: int | None = protocol.FINITE_SIZE_ATOMS
    vacancy: bool = False
    regime: Regime = Regime.MELT
    n_train: int = protocol.FINITE_SIZE_TRAIN
    n_test: int = protocol.FINITE_SIZE_TEST
    spare: int = 0
    grid: dict[str, list[Any]] = field(default_factory=dict)
    hyperparameters: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    allow_unconverged: bool = False
    resampling: Resampling = field(default_factory=Resampling)

    def make(self, roads: Mapping[str, TM23Maker]) -> Flow:
        """Wire the study.

        Parameters
        ----------
        roads
            Settings of structure, run, sampling, labels and k-mesh by chemical symbol; normally
            of one metal. Temperatures, split and models are those of the study.

        Returns
        -------
        A flow whose output has the ``study_id``, the ``verdicts`` and the ``best_cutoffs_A``.

        Raises
        ------
        InputError
            If no metal is given, a cell has no such number of sites, or the trainer does not take
            a point of the grid.
        """
        if not roads:
            raise InputError("A finite-size study needs a metal, such as Os.")
        parts, wired = [], {}
        for element, road in roads.items():
            flow, wired[element] = self._metal(element, road)
            parts.append(flow)
        study = make_finite_size_study(wired, self.settings())
        words = " ".join(roads)
        tagged(study, f"{words} {self.name} study", "analyse", words)
        return Flow([*parts, study], output=study.output, name=f"{words} {self.name} study")

    def settings(self) -> dict[str, Any]:
        """Return what the analysis is told before it sees data.

        Returns
        -------
        JSON values.
        """
        return {
            "n_sites": self.n_sites,
            "vacancy": self.vacancy,
            "regime": str(self.regime),
            "n_train": self.n_train,
            "n_test": self.n_test,
            "grid": self._grid,
            "hyperparameters": self.hyperparameters,
            "seed": self.seed,
            "resampling": self.resampling.model_dump(mode="json"),
        }

    @property
    def _grid(self) -> dict[str, list[Any]]:
        left = {name: values for name, values in GRID.items() if name not in self.hyperparameters}
        return self.grid or left

    def _metal(self, element: str, road: TM23Maker) -> tuple[Flow, dict[str, Any]]:
        maker = self._restricted(element, road)
        way = maker.frames(element)
        labelled = maker.labelled(way, name=f"{element}-{maker.name}")
        grid = GridSearchMaker(
            trainer="flare",
            grid=self._grid,
            hyperparameters=self.hyperparameters,
            seed=self.seed,
        ).make(labelled.dataset_id, element)
        flow = Flow(
            [*way.flows, *labelled.labels, labelled.dataset, grid],
            output=grid.output,
            name=f"{element} {self.name}",
        )
        return flow, {
            "dataset_id": labelled.dataset_id,
            "grid_id": grid.output["grid_id"],
            "mesh": way.convergence,
        }

    def _restricted(self, element: str, road: TM23Maker) -> TM23Maker:
        """Return the road of the large cell, one temperature and no more frames than are used."""
        sampling = replace(road.trajectory.sampling, count=self.n_train + self.n_test + self.spare)
        steps = steps_needed(sampling.discard, sampling.stride, sampling.count)
        convergence = road.convergence
        if convergence is not None:
            convergence = convergence.going_on(self.allow_unconverged)
        return replace(
            road,
            structure=self._structure(element, road.structure),
            trajectory=replace(road.trajectory, sampling=sampling, n_steps=steps),
            regimes=(Regime(self.regime),),
            convergence=convergence,
            extra_labels=(),
            split="finite-size",
            split_options={"n_train": self.n_train, "n_test": self.n_test},
            models=(),
        )

    def _structure(self, element: str, asked: StructureMaker) -> StructureMaker:
        supercell = asked.supercell
        if self.n_sites is not None:
            unit = asked.unit_cell(element)
            supercell = repetitions_for(unit.cell.array, len(unit), self.n_sites)
        seed = asked.vacancy_seed if self.vacancy else None
        if self.vacancy and seed is None:
            seed = 0
        return replace(asked, supercell=supercell, vacancy_seed=seed)
