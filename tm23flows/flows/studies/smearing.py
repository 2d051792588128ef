"""The Maker of the smearing study: the same frames at several SIGMA, a model of each.

Owns which labels there are. The wiring is in :mod:`tm23flows.flows.studies.label_sets`, the
analysis in :mod:`tm23flows.jobs.studies.smearing`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from jobflow import Flow

from tm23flows.errors import InputError
from tm23flows.flows.naming import tagged
from tm23flows.flows.studies.label_sets import LabelSetStudyMaker, wire_sets
from tm23flows.flows.tm23 import TM23Maker
from tm23flows.jobs.studies.smearing import make_smearing_study
from tm23flows.science.protocol import SIGMA_EV, SIGMA_VARIANTS_EV


@dataclass
class SmearingStudyMaker(LabelSetStudyMaker):
    """Label the frames of each metal at several SIGMA, train on each and compare.

    Each frame gets all its labels in one job, so that an engine goes from one width to the next
    with the density that it has. The k-mesh is that of the smallest width for all of them.

    Fields that are not named here are those of
    :class:`tm23flows.flows.studies.label_sets.LabelSetStudyMaker`.

    Parameters
    ----------
    name
        Name of the study.
    sigmas_eV
        Smearing widths in eV; the smallest is what the others are compared with. It takes the
        place of that in the label recipe of a road.

    Examples
    --------
    >>> from tm23flows.flows.convergence import KpointConvergenceMaker
    >>> road = TM23Maker(convergence=KpointConvergenceMaker())
    >>> flow = SmearingStudyMaker().make({"Cu": road})
    >>> flow.name, flow.jobs[-1].name
    ('Cu smearing', 'Cu smearing')
    """

    name: str = "smearing"
    sigmas_eV: tuple[float, ...] = (SIGMA_EV, *SIGMA_VARIANTS_EV)

    def make(self, roads: Mapping[str, TM23Maker]) -> Flow:
        """Wire the study.

        Parameters
        ----------
        roads
            Structure, trajectories, labels, convergence and split of each metal.

        Returns
        -------
        A flow whose output has the ``study_id`` and the ``verdicts`` by metal.

        Raises
        ------
        InputError
            If there are not two widths, each once and positive; if a road has no convergence test
            and that is not allowed; and as :meth:`.TM23Maker.make`.
        """
        if not roads:
            raise InputError("A study needs at least one metal.")
        widths = self._widths()
        sets = {
            element: wire_sets(
                self,
                road := self._at_smallest(maker, widths[0]),
                element,
                [replace(road.label, sigma_variants_eV=tuple(widths[1:]))],
                [f"{width:g}eV" for width in widths],
            )
            for element, maker in roads.items()
        }
        analysis = make_smearing_study(
            {element: one.wired for element, one in sets.items()},
            {"sigmas_eV": widths, **self.analysis_settings()},
        )
        metals = " ".join(sets)
        tagged(analysis, f"{metals} {self.name}", "analyse", "-".join(sets))
        flows = [flow for one in sets.values() for flow in one.flows]
        return Flow([*flows, analysis], output=analysis.output, name=f"{metals} {self.name}")

    def _widths(self) -> list[float]:
        widths = sorted(float(one) for one in self.sigmas_eV)
        if len(widths) < 2 or len(set(widths)) < len(widths) or widths[0] <= 0:
            raise InputError(
                "A smearing study compares at least two widths, each once and above zero, not "
                f"{', '.join(f'{one:g}' for one in widths) or 'none'} eV."
            )
        return widths

    def _at_smallest(self, maker: TM23Maker, width: float) -> TM23Maker:
        """Return the road whose labels, and so its convergence, are at the smallest width."""
        recipe = maker.label.recipe.model_copy(update={"sigma_eV": width})
        label = replace(maker.label, recipe=recipe, sigma_variants_eV=(), spectra=False)
        return replace(self.with_rule(maker), label=label)
