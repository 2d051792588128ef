"""The paper as a flow: from a metal to measured models."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from jobflow import Flow, Job, Maker
from monty.json import MSONable

from tm23flows.errors import InputError
from tm23flows.flows.convergence import KpointConvergenceMaker
from tm23flows.flows.label import LabelMaker
from tm23flows.flows.model import ModelMaker
from tm23flows.flows.naming import tagged
from tm23flows.flows.structure import StructureMaker
from tm23flows.flows.trajectory import TrajectoryMaker
from tm23flows.jobs.dataset import make_dataset
from tm23flows.science.metals import metal
from tm23flows.science.moments import Moment
from tm23flows.science.protocol import Regime, temperature_K
from tm23flows.science.split_rules import RULES, apply_rule


@dataclass
class ExtraLabels(MSONable):
    """A second recipe for a few frames, so that one frame is seen with several labels.

    Parameters
    ----------
    maker
        How to label.
    count
        How many frames of each temperature, counted from the end, where the test
        frames are.
    """

    maker: LabelMaker
    count: int


@dataclass(frozen=True)
class Road:
    """The way to the frames of one metal, wired.

    Parameters
    ----------
    element
        Chemical symbol.
    flows
        What is to be run.
    frame_ids
        Reference to the list of frames of each regime.
    count
        Frames of each regime.
    convergence
        Reference to what :func:`tm23flows.jobs.convergence.choose_kmesh` returns; None where
        the k-mesh is that of the recipe.
    """

    element: str
    flows: tuple[Flow | Job, ...]
    frame_ids: dict[str, Any]
    count: int
    convergence: Any | None


@dataclass(frozen=True)
class Labelled:
    """The labels of all frames of a road and their dataset, wired.

    Parameters
    ----------
    labels
        A flow for each regime, whose jobs are its batches.
    dataset
        The job that freezes them.
    """

    labels: tuple[Flow, ...]
    dataset: Job

    @property
    def dataset_id(self) -> Any:
        """Reference to the id of the dataset."""
        return self.dataset.output["dataset_id"]


@dataclass
class TM23Maker(Maker):
    """Structure, trajectories, frames, labels, dataset, models, evaluations.

    Parameters
    ----------
    name
        Name of the flow, and with the element in front that of the dataset.
    structure
        Makes the supercell.
    trajectory
        Runs each temperature.
    regimes
        Temperatures, as multiples of the melting temperature.
    label
        Labels all frames for the dataset.
    convergence
        Finds the k-mesh of the labels on the last frame of each temperature, with ``label``
        in place of its own Maker of labels; None takes the mesh of the recipe.
    extra_labels
        Other recipes for a few frames.
    split
        Rule that divides the labels.
    split_options
        What the rule takes; ``min_gap_fs`` is half a stride if it is not there, because a step
        that is not usable gives its place to one at most half a stride away.
    energy
        Label policy of the dataset: the energy that models are trained on.
    models
        Train and measure.

    Examples
    --------
    >>> flow = TM23Maker().make("Cu")
    >>> flow.name
    'Cu tm23'
    """

    name: str = "tm23"
    structure: StructureMaker = field(default_factory=StructureMaker)
    trajectory: TrajectoryMaker = field(default_factory=TrajectoryMaker)
    regimes: tuple[Regime, ...] = tuple(Regime)
    label: LabelMaker = field(default_factory=LabelMaker)
    convergence: KpointConvergenceMaker | None = None
    extra_labels: tuple[ExtraLabels, ...] = ()
    split: str = "full"
    split_options: dict[str, Any] = field(default_factory=dict)
    energy: str = "free"
    models: tuple[ModelMaker, ...] = (
        ModelMaker(trainer="flare"),
        ModelMaker(trainer="nequip"),
    )

    def make(self, element: str) -> Flow:
        """Wire the road for one metal.

        Parameters
        ----------
        element
            Chemical symbol.

        Returns
        -------
        A flow whose output is the list of evaluations.

        Raises
        ------
        InputError
            If the metal is unknown, a run too short for its sampling, or the frames too
            few for the split: better now than after all of them have been computed.
        """
        road = self.frames(element)
        labelled = self.labelled(road)
        extras = [
            extra.maker.make(frame_ids, extra.count, road.element, regime)
            for extra in self.extra_labels
            for regime, frame_ids in road.frame_ids.items()
        ]
        models = [maker.make(labelled.dataset_id, road.element) for maker in self.models]
        return Flow(
            [*road.flows, *labelled.labels, *extras, labelled.dataset, *models],
            output=[model.output for model in models],
            name=f"{road.element} {self.name}",
        )

    def frames(self, element: str) -> Road:
        """Wire the road as far as the frames and the k-mesh of their labels.

        Parameters
        ----------
        element
            Chemical symbol.

        Returns
        -------
        What is to be run, and references to what comes out of it.

        Raises
        ------
        InputError
            As :meth:`make`.
        """
        element = metal(element).symbol
        self._check_counts()
        structure = self.structure.make(element)
        runs = [self._run(structure.output["structure_id"], element, r) for r in self.regimes]
        convergence = self._converge(runs, element)
        return Road(
            element=element,
            flows=(structure, *runs, *convergence),
            frame_ids={
                str(regime): run.output["frame_ids"]
                for regime, run in zip(self.regimes, runs, strict=True)
            },
            count=self.trajectory.sampling.count,
            convergence=convergence[0].output if convergence else None,
        )

    def labelled(
        self, road: Road, label: LabelMaker | None = None, name: str | None = None
    ) -> Labelled:
        """Wire the labels of all frames and the dataset of them.

        Parameters
        ----------
        road
            The frames; see :meth:`frames`.
        label
            How to label, where it is not with the field ``label``. Of several smearing widths
            the dataset has that of the recipe.
        name
            Name of the dataset; None for that of the flow with the element in front.

        Returns
        -------
        What is to be run, and the dataset.
        """
        maker = label or self.label
        labels = [
            maker.make(frame_ids, road.count, road.element, regime, road.convergence)
            for regime, frame_ids in road.frame_ids.items()
        ]
        dataset = make_dataset(
            name or f"{road.element}-{self.name}",
            list(road.frame_ids.values()),
            [batch.output["recipe_id"] for flow in labels for batch in flow.jobs],
            self.split,
            self._split_options(),
            self.energy,
        )
        tagged(dataset, f"{road.element} dataset", "analyse", road.element)
        return Labelled(tuple(labels), dataset)

    def _check_counts(self) -> None:
        count = self.trajectory.sampling.count
        rest = {k: v for k, v in self.split_options.items() if k not in ("min_gap_fs", "thin")}
        made = apply_rule(self._moments(), self.split, rest)
        # Models are trained on the last one, which is the largest of a learning curve.
        parts = list(made.values())[-1].parts
        for model in self.models:
            for part in (model.train_part, *model.test_parts):
                if part not in parts:
                    raise InputError(
                        f"A {model.trainer} model wants the part '{part}', but the split "
                        f"'{self.split}' makes {', '.join(parts)}."
                    )
        if most := max(
            (extra.count for extra in self.extra_labels if extra.count > count), default=0
        ):
            raise InputError(f"{most} frames cannot get extra labels, there are only {count}.")

    def _moments(self) -> list[Moment]:
        """Return the frames that there will be, as far as a split has to know them."""
        sampling, timestep = self.trajectory.sampling, self.trajectory.timestep_fs
        times = [
            (sampling.discard + sampling.stride * (n + 1) - 1) * timestep
            for n in range(sampling.count)
        ]
        return [
            Moment(f"{regime} {time}", f"{regime} {time}", str(regime), str(regime), time)
            for regime in self.regimes
            for time in times
        ]

    def _split_options(self) -> dict[str, Any]:
        if self.split in RULES and RULES[self.split].gap_option is not None:
            return self.split_options
        half = self.trajectory.sampling.stride * self.trajectory.timestep_fs / 2
        return {"min_gap_fs": half, **self.split_options}

    def _run(self, structure_id: str, element: str, regime: Regime) -> Flow:
        temperature = temperature_K(element, regime)
        return self.trajectory.make(structure_id, element, str(regime), temperature)

    def _converge(self, runs: list[Flow], element: str) -> list[Flow]:
        if self.convergence is None:
            return []
        frames = [run.output["frame_ids"][-1] for run in runs]
        maker = replace(self.convergence, label=self.label, n_frames=len(frames))
        return [maker.make(frames, element, self.structure.supercell_vectors(element))]
