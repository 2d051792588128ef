"""The Maker of the supercell with one vacancy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobflow import Maker

from tm23flows.flows.naming import tagged
from tm23flows.jobs.structure import build_structure
from tm23flows.science import protocol

if TYPE_CHECKING:
    from jobflow import Job


@dataclass
class StructureMaker(Maker):
    """Build the supercell of a metal and take one atom out.

    Parameters
    ----------
    name
        Word for the job in its name.
    basis
        ``primitive`` or ``conventional``: the cell that is repeated. The article does
        not say; conventional cells give the atom counts that it states.
    supercell
        Multiples of its vectors; None lets the rule choose.
    min_length_A
        Length that the rule is given, in angstrom.
    supercell_rule
        ``image-distance`` or ``vector-length``, the article's two wordings.
    vacancy_seed
        Seed of the choice of the missing atom.

    Examples
    --------
    >>> StructureMaker().make("Cu").name
    'Cu structure'
    """

    name: str = "structure"
    basis: str = "conventional"
    supercell: tuple[int, int, int] | None = None
    min_length_A: float = protocol.MIN_LENGTH_A
    supercell_rule: str = "image-distance"
    vacancy_seed: int = 0

    def make(self, element: str) -> Job:
        """Make the job.

        Parameters
        ----------
        element
            Chemical symbol.

        Returns
        -------
        The job; its output has ``structure_id``.
        """
        job = build_structure(
            element,
            self.basis,
            None if self.supercell is None else list(self.supercell),
            self.min_length_A,
            self.supercell_rule,
            self.vacancy_seed,
        )
        return tagged(job, f"{element} {self.name}", "data", element)
