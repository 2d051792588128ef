"""The Maker of the electron-count study: two metals that swap their numbers of electrons.

Owns how many electrons a cell gets. The wiring is in :mod:`tm23flows.flows.studies.label_sets`, the
analysis in :mod:`tm23flows.jobs.studies.electrons`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jobflow import Flow

from tm23flows.errors import InputError
from tm23flows.flows.naming import tagged
from tm23flows.flows.structure import StructureMaker
from tm23flows.flows.studies.label_sets import LabelSets, LabelSetStudyMaker, wire_sets
from tm23flows.flows.tm23 import TM23Maker
from tm23flows.jobs.studies.electrons import make_electron_study
from tm23flows.science.metals import metal
from tm23flows.science.protocol import N_VACANCIES


@dataclass
class ElectronStudyMaker(LabelSetStudyMaker):
    """Label the frames of two metals as they are and with each other's electrons, and compare.

    The k-mesh is that of the neutral cells for both. Charged cells carry a compensating
    background, so only forces are compared.

    Fields that are not named here are those of
    :class:`tm23flows.flows.studies.label_sets.LabelSetStudyMaker`.

    Parameters
    ----------
    name
        Name of the study.
    electrons_per_atom
        Electrons per atom more than neutral, by chemical symbol. None swaps the valence electrons:
        the difference of the groups, for Au and Os 3 each way.

    Examples
    --------
    >>> from tm23flows.flows.convergence import KpointConvergenceMaker
    >>> road = TM23Maker(convergence=KpointConvergenceMaker())
    >>> ElectronStudyMaker().make({"Au": road, "Os": road}).name
    'Au Os electrons'
    """

    name: str = "electrons"
    electrons_per_atom: dict[str, float] | None = None

    def make(self, roads: Mapping[str, TM23Maker]) -> Flow:
        """Wire the study.

        Parameters
        ----------
        roads
            Structure, trajectories, labels, convergence and split of two metals.

        Returns
        -------
        A flow whose output has the ``study_id`` and the ``verdicts`` by metal.

        Raises
        ------
        InputError
            If there are not two metals, or one would keep its electrons; if a road has no
            convergence test and that is not allowed; and as :meth:`.TM23Maker.make`.
        """
        shifts = self._shifts(list(roads))
        sets = {element: self._sets(roads[element], element, shifts[element]) for element in roads}
        analysis = make_electron_study(
            {element: one.wired for element, one in sets.items()},
            {"electrons_per_atom": shifts, **self.analysis_settings()},
        )
        metals = " ".join(sets)
        tagged(analysis, f"{metals} {self.name}", "analyse", "-".join(sets))
        flows = [flow for one in sets.values() for flow in one.flows]
        return Flow([*flows, analysis], output=analysis.output, name=f"{metals} {self.name}")

    def _shifts(self, elements: list[str]) -> dict[str, float]:
        if len(elements) != 2:
            raise InputError(
                f"Two metals swap their electrons, not {len(elements)}: name two, such as Au and "
                "Os in the article."
            )
        first, second = (metal(one) for one in elements)
        given = self.electrons_per_atom
        if given is None:
            more = float(second.group - first.group)
            given = {first.symbol: more, second.symbol: -more}
        if set(given) != {first.symbol, second.symbol}:
            raise InputError(
                f"electrons_per_atom is of {', '.join(sorted(given))}, and the study of "
                f"{first.symbol} and {second.symbol}."
            )
        if any(shift == 0 for shift in given.values()):
            raise InputError(
                f"{first.symbol} and {second.symbol} would keep their electrons: take metals of "
                "different groups, or say electrons_per_atom."
            )
        return {one: float(given[one]) for one in elements}

    def _sets(self, maker: TM23Maker, element: str, per_atom: float) -> LabelSets:
        road = self.with_rule(maker)
        if road.label.recipe.electron_shift:
            raise InputError(f"The labels of {element} that the study starts from are not neutral.")
        neutral = replace(road.label, sigma_variants_eV=(), spectra=False)
        shift = per_atom * atoms_in_cell(road.structure, element)
        recipe = neutral.recipe.model_copy(update={"electron_shift": shift})
        word = f"{'plus' if per_atom > 0 else 'minus'}{abs(per_atom):g}e"
        return wire_sets(
            self,
            replace(road, label=neutral),
            element,
            [neutral, replace(neutral, recipe=recipe)],
            ["neutral", word],
        )


def atoms_in_cell(structure: StructureMaker, element: str) -> int:
    """Count the atoms of the cell that a Maker makes.

    Parameters
    ----------
    structure
        The Maker.
    element
        Chemical symbol.

    Returns
    -------
    Atoms of the supercell, less the vacancy if it gets one.

    Raises
    ------
    InputError
        If there is no such cell.
    """
    unit = structure.unit_cell(element)
    ratio = np.linalg.det(structure.supercell_vectors(element)) / unit.cell.volume
    vacancies = 0 if structure.vacancy_seed is None else N_VACANCIES
    return len(unit) * round(abs(ratio)) - vacancies
