"""The Maker that labels frames in batches."""

from __future__ import annotations

from dataclasses import dataclass, field

from jobflow import Flow, Maker

from tm23flows.documents.recipe import Recipe
from tm23flows.errors import InputError
from tm23flows.flows.naming import tagged
from tm23flows.jobs.label import label_frames


@dataclass
class LabelMaker(Maker):
    """Label frames under one recipe, a batch per job, each with one warm calculator.

    Parameters
    ----------
    name
        Word for the labels in the names of the jobs.
    recipe
        What to compute.
    batch_size
        Frames per job.

    Examples
    --------
    >>> flow = LabelMaker(batch_size=50).make(["id"] * 120, 120, "Cu", "cold")
    >>> [job.name for job in flow.jobs][-1]
    'Cu cold labels 1x1x1 0.2 eV 3/3'
    """

    name: str = "labels"
    recipe: Recipe = field(default_factory=lambda: Recipe(engine="emt"))
    batch_size: int = 50

    def make(self, frame_ids: list[str], count: int, element: str, regime: str) -> Flow:
        """Wire the batches; the last ``count`` frames are labelled.

        Parameters
        ----------
        frame_ids
            Frames; usually a reference.
        count
            How many of them, counted from the end.
        element
            Chemical symbol.
        regime
            cold, warm or melt.

        Returns
        -------
        A flow whose output is the list of the batches' outputs.

        Raises
        ------
        InputError
            If a batch holds no frame.
        """
        if self.batch_size < 1:
            raise InputError(f"A batch needs at least one frame, not {self.batch_size}.")
        starts = range(-count, 0, self.batch_size)
        what = f"{element} {regime} {self.name} {self.recipe.kmesh_text} {self.recipe.sigma_eV} eV"
        if self.recipe.electron_shift:
            what += f" {self.recipe.electron_shift:+g} e"
        jobs = []
        for number, first in enumerate(starts, start=1):
            last = min(first + self.batch_size, 0)
            job = label_frames(frame_ids, self.recipe.model_dump(mode="json"), first, last)
            jobs.append(tagged(job, f"{what} {number}/{len(starts)}", "dft", element))
        return Flow(jobs, output=[job.output for job in jobs], name=what)
