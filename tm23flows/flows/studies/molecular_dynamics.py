"""The Maker of the study of molecular dynamics with models.

Owns the wiring and the defaults. The analysis is
:mod:`tm23flows.jobs.studies.molecular_dynamics`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jobflow import Flow, Job, Maker

from tm23flows.errors import InputError
from tm23flows.flows.naming import tagged
from tm23flows.flows.studies.subjects import Subject, subjects_of
from tm23flows.flows.tm23 import TM23Maker
from tm23flows.jobs.model_runs import ModelRunsJobMaker
from tm23flows.jobs.studies.molecular_dynamics import make_molecular_dynamics_study
from tm23flows.science.diffusion import DiffusionRule
from tm23flows.science.melting import MIN_FRAMES, MeltingRule
from tm23flows.science.rdf import BIN_A, R_MAX_A
from tm23flows.science.stability import StabilityRule


@dataclass
class MolecularDynamicsStudyMaker(Maker):
    """Repeat the runs of a dataset with each model, and compare.

    A run with a model begins at the structure of the run that it repeats, with the same
    temperature, time step, seed of the velocities and number of steps.

    Parameters
    ----------
    name
        Word for the study in the names of jobs.
    n_steps
        Steps of each run; None for as many as the run that is repeated has.
    segment_steps
        Steps between two writes.
    discard_share
        Share of the sound steps that is left out of averages, at their beginning. The article
        leaves out 1000 of 11000 [C].
    max_frames
        Frames in a g(r), at most.
    r_max_A
        Where g(r) ends, A.
    bin_A
        Width of its bins, A.
    stability
        What counts as a failure.
    melting
        What counts as melted.
    diffusion
        How diffusion coefficients are made.

    Examples
    --------
    >>> from tm23flows.flows.scales import make_tm23
    >>> flow = MolecularDynamicsStudyMaker().make({"Cu": make_tm23("Cu", "demo", "emt")})
    >>> flow.jobs[-1].name
    'Cu molecular dynamics study'
    """

    name: str = "molecular dynamics"
    n_steps: int | None = None
    segment_steps: int = 100
    discard_share: float = 0.1
    max_frames: int = 200
    r_max_A: float = R_MAX_A
    bin_A: float = BIN_A
    stability: StabilityRule = field(default_factory=StabilityRule)
    melting: MeltingRule = field(default_factory=MeltingRule)
    diffusion: DiffusionRule = field(default_factory=DiffusionRule)

    def make(self, roads: Mapping[str, TM23Maker]) -> Flow:
        """Wire the study of models that are trained first.

        Parameters
        ----------
        roads
            Settings of structure, runs, labels, dataset and models by chemical symbol.

        Returns
        -------
        See :meth:`measure`.

        Raises
        ------
        InputError
            See :meth:`measure`.
        """
        return self.measure(subjects_of(roads))

    def measure(self, subjects: Sequence[Subject]) -> Flow:
        """Wire the study of models that are there.

        Parameters
        ----------
        subjects
            Metals, their datasets and the models.

        Returns
        -------
        A flow whose output has the ``study_id``, ``n_runs`` and ``n_failed``.

        Raises
        ------
        InputError
            If there is no metal, no model, no temperature, or a setting is out of range.
        """
        self._check()
        if not subjects:
            raise InputError("A study of molecular dynamics needs a metal, such as Cu.")
        parts: list[Flow | Job] = []
        wired: list[dict[str, Any]] = []
        for subject in subjects:
            jobs = self._runs(subject, wired)
            flows = [*subject.flows, *jobs]
            parts.append(Flow(flows, name=f"{subject.element} {self.name}"))
        study = make_molecular_dynamics_study(wired, self.settings())
        words = " ".join(dict.fromkeys(one.element for one in subjects))
        tagged(study, f"{words} {self.name} study", "analyse", words)
        return Flow([*parts, study], output=study.output, name=f"{words} {self.name} study")

    def settings(self) -> dict[str, Any]:
        """Return what the analysis is told before it sees data.

        Returns
        -------
        JSON values.
        """
        return {
            "n_steps": self.n_steps,
            "discard_share": self.discard_share,
            "max_frames": self.max_frames,
            "r_max_A": self.r_max_A,
            "bin_A": self.bin_A,
            "stability": self.stability.as_dict(),
            "melting": self.melting.as_dict(),
            "diffusion": self.diffusion.as_dict(),
        }

    def _runs(self, subject: Subject, wired: list[dict[str, Any]]) -> list[Job]:
        """Wire a job for each model and temperature."""
        element = subject.element
        if not subject.model_ids:
            raise InputError(f"There is no model of {element} to run: name or train one.")
        if not subject.regimes:
            raise InputError(
                f"The dataset of {element} names no temperatures (cold, warm, melt), so nobody "
                "knows how hot a run should be: label its frames with them."
            )
        jobs = []
        for place, model_id in enumerate(subject.model_ids, 1):
            for regime in subject.regimes:
                job = ModelRunsJobMaker().make(
                    model_id, subject.dataset_id, regime, self.n_steps, self.segment_steps
                )
                tagged(job, f"{element} {regime} runs with model {place}", "train-gpu", element)
                jobs.append(job)
                about = {"element": element, "dataset_id": subject.dataset_id, "regime": regime}
                wired.append({**about, "model_id": model_id, "runs": job.output["runs"]})
        return jobs

    def _check(self) -> None:
        if self.n_steps is not None and self.n_steps < MIN_FRAMES:
            raise InputError(
                f"Runs of {self.n_steps} steps show nothing: {MIN_FRAMES} are the least."
            )
        if not 0 <= self.discard_share < 1 or self.max_frames < MIN_FRAMES:
            raise InputError(
                "The share of steps to leave out lies between 0 and 1, and a g(r) is of "
                f"{MIN_FRAMES} frames at least, not {self.discard_share} and {self.max_frames}."
            )
