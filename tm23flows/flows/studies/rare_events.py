"""The Maker of rare events: models and cheap labels on the hops of the runs of a dataset.

Owns the wiring and the defaults. Hops are found by :mod:`tm23flows.jobs.event_search`, errors by
:mod:`tm23flows.jobs.studies.rare_events`. Choosing models by these errors is
:mod:`tm23flows.flows.rare_event_selection`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from jobflow import Flow, Job, Maker
from jobflow.core.reference import OnMissing

from tm23flows.documents.learning_curve import Resampling
from tm23flows.errors import InputError
from tm23flows.flows.label import LabelMaker
from tm23flows.flows.naming import tagged
from tm23flows.flows.studies.subjects import Subject, subjects_of
from tm23flows.flows.tm23 import TM23Maker
from tm23flows.jobs.event_search import find_rare_events
from tm23flows.jobs.event_sets import evaluate_on_events, make_event_set
from tm23flows.jobs.studies.rare_events import make_rare_event_study
from tm23flows.science.event_rule import EventRule
from tm23flows.science.event_splits import STRIDE_FS
from tm23flows.science.kpoints import GAMMA_CENTRED

GAMMA = (1, 1, 1)
"""The cheapest mesh there is; the files of the authors have labels of it, too."""


@dataclass(frozen=True)
class LabelledEvents:
    """Events of one metal with their labels, wired.

    Parameters
    ----------
    flows
        What is to be run.
    found
        Reference to the output of the search.
    recipe_ids
        References to the recipes of the labels; empty where none can be computed.
    cheap
        The same of the labels with the cheap k-mesh.
    """

    flows: tuple[Flow | Job, ...]
    found: Any
    recipe_ids: list[Any]
    cheap: list[Any]


@dataclass
class RareEventStudyMaker(Maker):
    """Find hops in the runs of each metal, label frames of them again, and score models there.

    The runs are searched step by step. Frames of the events get labels under the recipe of the
    dataset, and once more with a cheap k-mesh: the errors of these against the others are the bar
    that models are held to. Where no labels can be computed, those of the runs themselves are
    taken, or those that frames of an imported folder have. In a melt there are no lattice sites,
    and no hops.

    Parameters
    ----------
    name
        Word for the study in the names of jobs and datasets.
    events
        How events are looked for and sampled.
    max_frames
        Frames of one metal that are labelled at most.
    batch_size
        Frames of a job of labels.
    cheap_kmesh
        k-mesh of the bar, centred on Gamma; None leaves it out.
    gap_fs
        An event is unseen by a model if all its frames are so far in time from training frames.
    resampling
        How intervals are made; always whole events are drawn.

    Examples
    --------
    >>> flow = RareEventStudyMaker().make({"Cu": TM23Maker()})
    >>> [job.name for job, _ in flow.iterflow()][-1]
    'Cu rare events study'
    """

    name: str = "rare events"
    events: EventRule = field(default_factory=EventRule)
    max_frames: int = 100
    batch_size: int = 25
    cheap_kmesh: list[int] | None = field(default_factory=lambda: list(GAMMA))
    gap_fs: float = STRIDE_FS
    resampling: Resampling = field(default_factory=Resampling)

    def make(self, roads: Mapping[str, TM23Maker]) -> Flow:
        """Wire the study from structures on.

        Parameters
        ----------
        roads
            Settings of structure, runs, labels, dataset and models by chemical symbol.

        Returns
        -------
        As :meth:`measure`.

        Raises
        ------
        InputError
            As :meth:`measure`, or if a road cannot be gone.
        """
        return self.measure(subjects_of(roads))

    def measure(self, subjects: Sequence[Subject]) -> Flow:
        """Wire the study of datasets and models.

        Parameters
        ----------
        subjects
            Metals with their datasets and models.

        Returns
        -------
        A flow whose output has the ``study_id`` and by metal the number of ``events``.

        Raises
        ------
        InputError
            If there is no metal, or a number makes no sense.
        """
        if not subjects:
            raise InputError("A study of rare events needs a metal, such as Cu.")
        if self.max_frames < 1 or self.batch_size < 1 or not self.gap_fs >= 0:
            raise InputError(
                "A study of rare events needs at least one frame and one in a batch, and a gap of "
                "0 fs or more."
            )
        if self.cheap_kmesh is not None and (
            len(self.cheap_kmesh) != 3 or min(self.cheap_kmesh) < 1
        ):
            raise InputError(f"{self.cheap_kmesh} is no k-mesh; give three numbers, as 1,1,1.")
        parts: list[Flow | Job] = []
        wired = {}
        for subject in subjects:
            flow, wired[subject.element] = self._metal(subject)
            parts += [*subject.flows, flow]
        words = " ".join(wired)
        study = make_rare_event_study(wired, self.settings())
        study.config.on_missing_references = OnMissing.NONE
        tagged(study, f"{words} {self.name} study", "analyse", words)
        return Flow([*parts, study], output=study.output, name=f"{words} {self.name} study")

    def settings(self) -> dict[str, Any]:
        """Return what the analysis is told before it sees data.

        Returns
        -------
        JSON values.
        """
        return {
            "events": asdict(self.events),
            "max_frames": self.max_frames,
            "cheap_kmesh": None if self.cheap_kmesh is None else list(self.cheap_kmesh),
            "gap_fs": self.gap_fs,
            "resampling": self.resampling.model_dump(mode="json"),
        }

    def labelled_events(self, subject: Subject) -> LabelledEvents:
        """Wire the search and the labels of what it finds.

        Parameters
        ----------
        subject
            A metal with its dataset.

        Returns
        -------
        What is to be run, and references.
        """
        element = subject.element
        search = find_rare_events(
            subject.dataset_id, asdict(self.events), self.max_frames, self.batch_size
        )
        tagged(search, f"{element} search of {self.name}", "analyse", element)
        labels: list[Flow] = []
        cheap: list[Flow] = []
        if subject.label is not None:
            found = search.output
            true = replace(subject.label, sigma_variants_eV=(), spectra=False)
            labels = self._labels(true, found["batches"], element, found["mesh"], "event labels")
            if self.cheap_kmesh is not None:
                recipe = true.recipe.model_copy(
                    update={"kmesh": tuple(self.cheap_kmesh), "kmesh_offset": GAMMA_CENTRED}
                )
                coarse = replace(true, recipe=recipe)
                cheap = self._labels(coarse, found["batches"], element, None, "cheap event labels")
        return LabelledEvents(
            flows=(search, *labels, *cheap),
            found=search.output,
            recipe_ids=_recipes(labels),
            cheap=_recipes(cheap),
        )

    def _metal(self, subject: Subject) -> tuple[Flow, dict[str, Any]]:
        element = subject.element
        events = self.labelled_events(subject)
        frames = make_event_set(
            f"{element}-{self.name.replace(' ', '-')}",
            events.found,
            events.recipe_ids,
            asdict(self.events),
        )
        frames.config.on_missing_references = OnMissing.NONE
        tagged(frames, f"{element} dataset of {self.name}", "analyse", element)
        models = []
        for number, model_id in enumerate(subject.model_ids, start=1):
            test = evaluate_on_events(model_id, frames.output["dataset_id"])
            test.config.on_missing_references = OnMissing.NONE
            models.append(
                tagged(test, f"{element} model {number} on {self.name}", "train-gpu", element)
            )
        flow = Flow([*events.flows, frames, *models], name=f"{element} {self.name}")
        return flow, {
            "found": events.found,
            "set": frames.output,
            "models": [one.output for one in models],
            "cheap": events.cheap,
        }

    def _labels(
        self, maker: LabelMaker, batches: Any, element: str, mesh: Any, name: str
    ) -> list[Flow]:
        """Wire the labels of all batches; how many frames each holds is known when it runs."""
        n_batches = -(-self.max_frames // self.batch_size)
        size = -(-self.max_frames // n_batches)
        return [
            replace(maker, name=f"{name} {place + 1}", batch_size=size).make(
                batches[place], size, element, "all", mesh
            )
            for place in range(n_batches)
        ]


def _recipes(flows: Sequence[Flow]) -> list[Any]:
    return [job.output["recipe_id"] for flow in flows for job in flow.jobs]
