"""The Maker of the transfer study: models of one temperature, tested at all temperatures.

Owns the wiring. The analysis is :mod:`tm23flows.jobs.studies.transfer`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from jobflow import Flow, Job, Maker
from jobflow.core.reference import OnMissing

from tm23flows.documents.learning_curve import Resampling
from tm23flows.errors import InputError
from tm23flows.flows.model import ModelMaker
from tm23flows.flows.naming import tagged
from tm23flows.flows.tm23 import Labelled, Road, TM23Maker
from tm23flows.jobs.dataset import make_dataset
from tm23flows.jobs.studies.transfer import make_transfer_study
from tm23flows.science.protocol import Regime
from tm23flows.science.transfer_splits import TEST, TRAIN

DIVIDES = ("full", "fraction")
"""Splits of a road whose way of dividing a temperature the matrix takes over."""


@dataclass
class TransferStudyMaker(Maker):
    """Train each model of the road at single temperatures and test it at all of them.

    Two protocols. The **matrix** trains on the training part of each temperature and tests on the
    test part of each, so that all models are tested on the same frames. The **article** trains on
    all frames of one temperature and tests on all frames of each other one, separately, as the
    paper does from cold to warm and melt. Labels are those of the road and are shared.

    Parameters
    ----------
    name
        Word for the study in the names of jobs and datasets.
    matrix
        Whether the matrix is made.
    article
        Whether the article's transfer is made.
    train_on
        Temperature of the article's transfer.
    resampling
        How intervals are made.

    Examples
    --------
    >>> from tm23flows.flows.scales import make_tm23
    >>> flow = TransferStudyMaker().make({"Cu": make_tm23("Cu", "demo", "emt")})
    >>> flow.jobs[-1].name
    'Cu transfer study'
    """

    name: str = "transfer"
    matrix: bool = True
    article: bool = True
    train_on: Regime = Regime.COLD
    resampling: Resampling = field(default_factory=Resampling)

    def make(self, roads: Mapping[str, TM23Maker]) -> Flow:
        """Wire the study.

        Parameters
        ----------
        roads
            Settings of structure, runs, labels, split and models by chemical symbol. The parts
            that models train and test on are those of the study.

        Returns
        -------
        A flow whose output has the ``study_id`` and how many models were ``measured`` and are
        ``missing``.

        Raises
        ------
        InputError
            If no metal is given, a road has no models or fewer than two temperatures, or its
            split is not one by which each temperature could be divided.
        """
        if not roads:
            raise InputError("A transfer study needs a metal, such as Cu.")
        if not (self.matrix or self.article):
            raise InputError("A transfer study needs the matrix, the article's transfer, or both.")
        parts, wired = [], {}
        for element, road in roads.items():
            flow, wired[element] = self._metal(element, road)
            parts.append(flow)
        study = make_transfer_study(wired, self.settings())
        words = " ".join(roads)
        tagged(study, f"{words} {self.name} study", "analyse", words)
        # A model that fails is a gap, which the study knows.
        study.config.on_missing_references = OnMissing.NONE
        return Flow([*parts, study], output=study.output, name=f"{words} {self.name} study")

    def settings(self) -> dict[str, Any]:
        """Return what the analysis is told before it sees data.

        Returns
        -------
        JSON values.
        """
        return {
            "matrix": self.matrix,
            "article": self.article,
            "train_on": str(self.train_on),
            "resampling": self.resampling.model_dump(mode="json"),
        }

    def _metal(self, element: str, road: TM23Maker) -> tuple[Flow, dict[str, Any]]:
        regimes = tuple(str(one) for one in sorted(road.regimes, key=list(Regime).index))
        self._check(element, road, regimes)
        divided = replace(
            road,
            split="transfer-matrix",
            split_options=_options(road),
            extra_labels=(),
            models=(),
        )
        way = divided.frames(element)
        labelled = divided.labelled(way, name=f"{element}-{road.name}-{self.name}-matrix")
        datasets, plans = [], []
        if self.matrix:
            labelled.dataset.name = f"{way.element} {self.name} matrix dataset"
            datasets.append(labelled.dataset)
            tests = {one: f"{TEST}{one}" for one in regimes}
            plans += [
                _Plan("matrix", one, f"{TRAIN}{one}", tests, labelled.dataset_id) for one in regimes
            ]
        if self.article:
            datasets.append(self._whole(road, way, labelled))
            tests = {one: f"{TEST}{one}" for one in regimes if one != self.train_on}
            made = datasets[-1].output["dataset_id"]
            plans.append(_Plan("article", str(self.train_on), "train", tests, made))
        pairs = [one for plan in plans for one in _train(way.element, road.models, plan)]
        flow = Flow(
            [*way.flows, *labelled.labels, *datasets, *(model for model, _ in pairs)],
            name=f"{way.element} {self.name}",
        )
        return flow, {"regimes": list(regimes), "trainings": [wired for _, wired in pairs]}

    def _check(self, element: str, road: TM23Maker, regimes: Sequence[str]) -> None:
        if not road.models:
            raise InputError(f"The transfer study of {element} has no models to train.")
        if len(regimes) < 2:
            raise InputError(f"The transfer study of {element} needs at least two temperatures.")
        if self.article and self.train_on not in regimes:
            raise InputError(
                f"The transfer study trains on '{self.train_on}', which is not among the "
                f"temperatures of {element}: {', '.join(regimes)}."
            )

    def _whole(self, road: TM23Maker, way: Road, labelled: Labelled) -> Job:
        """Return the job that makes the article's dataset from the labels that there are."""
        kept = {k: v for k, v in road.split_options.items() if k in {"allow_missing", "thin"}}
        n_frames: int | str = "all" if "thin" in kept else way.count
        options = {"train_on": str(self.train_on), "n_frames": n_frames, **kept}
        dataset = make_dataset(
            f"{way.element}-{road.name}-{self.name}",
            list(way.frame_ids.values()),
            [batch.output["recipe_id"] for flow in labelled.labels for batch in flow.jobs],
            "transfer",
            options,
            road.energy,
        )
        return tagged(dataset, f"{way.element} {self.name} dataset", "analyse", way.element)


@dataclass(frozen=True)
class _Plan:
    """What the models of one temperature are trained and tested on."""

    protocol: str
    regime: str
    train_part: str
    test_parts: dict[str, str]
    dataset_id: Any


def _train(
    element: str, models: Sequence[ModelMaker], plan: _Plan
) -> Iterator[tuple[Flow, dict[str, Any]]]:
    """Train every model of the road once; yield its flow, and what the study has to know."""
    numbers: Counter[str] = Counter()
    for model in models:
        number = numbers[model.trainer]
        numbers[model.trainer] += 1
        maker = replace(
            model, train_part=plan.train_part, test_parts=list(plan.test_parts.values())
        )
        flow = maker.make(plan.dataset_id, element)
        train, *tests = flow.jobs
        words = f"trained on {'all of ' if plan.protocol == 'article' else ''}{plan.regime}"
        for one in flow.jobs:
            called = one.name if not number else f"{one.name} {number + 1}"
            one.name = f"{called} {words}"
        # The model may be missing: then its evaluations fail, and are gaps as well.
        for one in tests:
            one.config.on_missing_references = OnMissing.NONE
        evaluations = [one.output["evaluation_id"] for one in tests]
        flow.name = f"{element} {model.trainer} {words}"
        yield (
            flow,
            {
                "protocol": plan.protocol,
                "trainer": model.trainer,
                "number": number,
                "trained_on": plan.regime,
                "train_part": plan.train_part,
                "dataset_id": plan.dataset_id,
                "model_id": train.output["model_id"],
                "evaluations": dict(zip(plan.test_parts, evaluations, strict=True)),
            },
        )


def _options(road: TM23Maker) -> dict[str, Any]:
    if road.split not in DIVIDES:
        raise InputError(
            f"The transfer study divides each temperature as the splits {' and '.join(DIVIDES)} "
            f"do, and that of the road is '{road.split}': choose one of these."
        )
    return road.split_options
