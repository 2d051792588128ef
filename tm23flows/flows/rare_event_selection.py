"""The Maker of RE-enhanced training: events among the training frames, and models chosen by them.

Owns the wiring: search and labels of events as the study of rare events has them, two training
sets, every model on both, and the choice. The rules are
:mod:`tm23flows.science.enhanced_training`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from jobflow import Flow, Job, Maker
from jobflow.core.reference import OnMissing

from tm23flows.documents.learning_curve import Resampling
from tm23flows.errors import InputError
from tm23flows.flows.model import ModelMaker
from tm23flows.flows.naming import tagged
from tm23flows.flows.studies.rare_events import RareEventStudyMaker
from tm23flows.flows.studies.subjects import Subject, subjects_of
from tm23flows.flows.tm23 import TM23Maker
from tm23flows.jobs.enhanced_sets import TEST, VALIDATION, make_enhanced_sets
from tm23flows.jobs.event_selection import make_selection_study
from tm23flows.jobs.event_sets import evaluate_on_events
from tm23flows.jobs.model import train_model
from tm23flows.science.enhanced_training import Enhancement
from tm23flows.science.model_choice import RMSE_FILTER
from tm23flows.trainers.base import get_trainer

SETS = ("original", "enhanced")


@dataclass
class RareEventSelectionMaker(Maker):
    """Train models with and without events, and choose by RMSE and by rare-event errors.

    Some events train, others validate, and others test. Each model is trained on the original
    frames and on as many of which a share is replaced by frames of events. The choice is made on
    the events that validate; the numbers of the test events are reported and used for nothing.

    Parameters
    ----------
    name
        Word for it in the names of jobs and datasets.
    models
        Trainers with their hyperparameters, each one candidate per training set. Their parts are
        not used.
    train_part
        Part of the dataset whose frames are the original ones.
    search
        How events are looked for, sampled and labelled.
    enhancement
        Shares, gap and seed of the sets.
    rmse_filter
        Models with a force RMSE above so many times the least one are not chosen by their errors.
    resampling
        How intervals are made.

    Examples
    --------
    >>> maker = RareEventSelectionMaker(models=(ModelMaker(hyperparameters={"lmax": 3}),))
    >>> [job.name for job, _ in maker.make({"Cu": TM23Maker()}).iterflow()][-1]
    'Cu choice by rare events'
    """

    name: str = "choice by rare events"
    models: tuple[ModelMaker, ...] = (ModelMaker(trainer="flare"),)
    train_part: str = "train"
    search: RareEventStudyMaker = field(
        default_factory=lambda: RareEventStudyMaker(name="training events", cheap_kmesh=None)
    )
    enhancement: Enhancement = field(default_factory=Enhancement)
    rmse_filter: float = RMSE_FILTER
    resampling: Resampling = field(default_factory=Resampling)

    def make(self, roads: Mapping[str, TM23Maker]) -> Flow:
        """Wire it from structures on; the models of the roads are not trained.

        Parameters
        ----------
        roads
            Settings of structure, runs, labels and dataset by chemical symbol.

        Returns
        -------
        As :meth:`measure`.

        Raises
        ------
        InputError
            As :meth:`measure`, or if a road cannot be gone.
        """
        return self.measure(
            subjects_of({key: replace(road, models=()) for key, road in roads.items()})
        )

    def measure(self, subjects: Sequence[Subject]) -> Flow:
        """Wire it from datasets on.

        Parameters
        ----------
        subjects
            Metals with their datasets; their models are not used.

        Returns
        -------
        A flow whose output has the ``study_id`` and by metal the models ``by_rmse`` and
        ``by_score``.

        Raises
        ------
        InputError
            If there is no metal or no model, or a trainer does not take its hyperparameters.
        """
        if not subjects or not self.models:
            raise InputError("A choice between models needs a metal and at least one model.")
        if not self.rmse_filter >= 1:
            raise InputError(f"The filter of the force RMSE is 1 or more, not {self.rmse_filter}.")
        for maker in self.models:
            get_trainer(maker.trainer).hyperparameters(**maker.hyperparameters)
        parts: list[Flow | Job] = []
        wired = {}
        for subject in subjects:
            flow, wired[subject.element] = self._metal(subject)
            parts += [*subject.flows, flow]
        words = " ".join(wired)
        study = make_selection_study(wired, self.settings())
        study.config.on_missing_references = OnMissing.NONE
        tagged(study, f"{words} {self.name}", "analyse", words)
        return Flow([*parts, study], output=study.output, name=f"{words} {self.name}")

    def settings(self) -> dict[str, Any]:
        """Return what the analysis is told before it sees data.

        Returns
        -------
        JSON values.
        """
        return {
            "search": self.search.settings(),
            "enhancement": asdict(self.enhancement),
            "train_part": self.train_part,
            "rmse_filter": self.rmse_filter,
            "models": [
                {"trainer": m.trainer, "hyperparameters": m.hyperparameters, "seed": m.seed}
                for m in self.models
            ],
            "resampling": self.resampling.model_dump(mode="json"),
        }

    def _metal(self, subject: Subject) -> tuple[Flow, dict[str, Any]]:
        element = subject.element
        events = self.search.labelled_events(subject)
        sets = make_enhanced_sets(
            f"{element}-{self.name.replace(' ', '-')}",
            self.train_part,
            events.found,
            events.recipe_ids,
            asdict(self.enhancement),
        )
        sets.config.on_missing_references = OnMissing.NONE
        tagged(sets, f"{element} training sets of {self.name}", "analyse", element)
        jobs: list[Flow | Job] = [*events.flows, sets]
        candidates = []
        for number, maker in enumerate(self.models, start=1):
            for word in SETS:
                what = f"{element} {maker.trainer} {number} {word}"
                made, candidate = _candidate(maker, sets.output[f"{word}_id"], what, element)
                jobs += made
                candidates.append({**candidate, "training_set": word})
        flow = Flow(jobs, name=f"{element} {self.name} models")
        return flow, {"found": events.found, "sets": sets.output, "candidates": candidates}


def _candidate(
    maker: ModelMaker, dataset_id: Any, what: str, element: str
) -> tuple[list[Job], dict[str, Any]]:
    """Wire one training and its two evaluations, which run whatever becomes of it."""
    train = train_model(dataset_id, maker.trainer, maker.hyperparameters, maker.seed, "train")
    tagged(train, f"{what} model", "train-gpu", element)
    tests = {}
    for word, part in (("validation", VALIDATION), ("test", TEST)):
        test = evaluate_on_events(train.output["model_id"], dataset_id, part)
        test.config.on_missing_references = OnMissing.NONE
        tests[word] = tagged(test, f"{what} on {word} events", "train-gpu", element)
    return [train, *tests.values()], {
        "trainer": maker.trainer,
        "hyperparameters": maker.hyperparameters,
        **{word: test.output for word, test in tests.items()},
    }
