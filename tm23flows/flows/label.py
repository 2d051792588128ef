"""The Maker that labels frames in batches."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from jobflow import Flow, Maker

from tm23flows.documents.recipe import Recipe
from tm23flows.errors import InputError
from tm23flows.flows.naming import tagged
from tm23flows.jobs.label import LabelJobMaker


@dataclass
class LabelMaker(Maker):
    """Label frames under one recipe, a batch per job, each warm from the frame before.

    Parameters
    ----------
    name
        Word for the labels in the names of the jobs.
    recipe
        What to compute.
    batch_size
        Frames per job.
    sigma_variants_eV
        Further smearing widths. Each frame gets them right after its label under the
        recipe, so that an engine can start each from the one before.
    calculation
        The engine's own Maker of one calculation, such as
        :class:`tm23flows.engines.vasp.makers.TM23StaticMaker`; None for the default.
    spectra
        Whether each label comes with the density of states, out of the same calculation.

    Examples
    --------
    >>> flow = LabelMaker(batch_size=50).make(["id"] * 120, 120, "Cu", "cold")
    >>> [job.name for job in flow.jobs][-1]
    'Cu cold labels 1x1x1 0.2 eV 3/3'
    """

    name: str = "labels"
    recipe: Recipe = field(default_factory=lambda: Recipe(engine="emt"))
    batch_size: int = 50
    sigma_variants_eV: tuple[float, ...] = ()
    calculation: Maker | None = None
    spectra: bool = False

    def make(
        self,
        frame_ids: list[str],
        count: int,
        element: str,
        regime: str,
        mesh: dict[str, Any] | None = None,
    ) -> Flow:
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
        mesh
            ``kmesh`` and ``kmesh_offset`` in place of those of the recipe; usually the
            reference to the verdict of a convergence.

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
        sigmas = [self.recipe.sigma_eV, *self.sigma_variants_eV]
        recipes = [
            self.recipe.model_copy(update={"sigma_eV": sigma}).model_dump(mode="json")
            for sigma in sigmas
        ]
        what = self._title(element, regime, converged=mesh is not None)
        worker = LabelJobMaker(calculation=self.calculation, spectra=self.spectra)
        jobs = []
        for number, first in enumerate(starts, start=1):
            last = min(first + self.batch_size, 0)
            job = worker.make(frame_ids, recipes, first, last, mesh)
            jobs.append(tagged(job, f"{what} {number}/{len(starts)}", "label", element))
        return Flow(jobs, output=[job.output for job in jobs], name=what)

    def _title(self, element: str, regime: str, *, converged: bool) -> str:
        mesh = "converged" if converged else self.recipe.kmesh_text
        sigmas = ", ".join(str(one) for one in (self.recipe.sigma_eV, *self.sigma_variants_eV))
        title = f"{element} {regime} {self.name} {mesh} {sigmas} eV"
        if self.recipe.electron_shift:
            title += f" {self.recipe.electron_shift:+g} e"
        return f"{title} with spectra" if self.spectra else title
