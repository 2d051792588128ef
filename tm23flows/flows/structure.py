"""The Maker of the supercell with one vacancy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jobflow import Maker

from tm23flows.flows.naming import tagged
from tm23flows.jobs.structure import build_structure, repetition, unit_cell
from tm23flows.science import protocol

if TYPE_CHECKING:
    from ase import Atoms
    from jobflow import Job


@dataclass
class StructureMaker(Maker):
    """Build the supercell of a metal and take one atom out, unless told otherwise.

    Parameters
    ----------
    name
        Word for the job in its name.
    basis
        ``primitive`` or ``conventional``: the cell that is repeated. The article does
        not say; conventional cells come near to the atom counts that it states. ``given``
        repeats the cell of ``crystal`` as it is.
    supercell
        Multiples of its vectors; None lets the rule choose.
    min_length_A
        Length that the rule is given, in angstrom.
    supercell_rule
        ``image-distance`` or ``vector-length``, the article's two wordings.
    vacancy_seed
        Seed of the choice of the missing atom; None leaves the crystal perfect.
    phase
        One of ``tm23flows.science.prototypes.PHASES``; None for the metal's own.
    a_A
        Lattice constant in angstrom. None for the table's, and for a phase that is not
        the metal's own the one that keeps the volume per atom.
    c_over_a
        Ratio of the hexagonal lattice constants; None for the table's, else the ideal one.
    crystal
        A cell in place of phase and lattice constants: a
        :class:`tm23flows.documents.structure.Crystal` as a dict, such as
        :mod:`tm23flows.ops.structure_sources` makes.

    Examples
    --------
    >>> StructureMaker().make("Cu").name
    'Cu structure'
    >>> len(StructureMaker(phase="omega").unit_cell("Ti"))
    3
    """

    name: str = "structure"
    basis: str = "conventional"
    supercell: tuple[int, int, int] | None = None
    min_length_A: float = protocol.MIN_LENGTH_A
    supercell_rule: str = "image-distance"
    vacancy_seed: int | None = 0
    phase: str | None = None
    a_A: float | None = None
    c_over_a: float | None = None
    crystal: dict[str, Any] | None = None

    def make(self, element: str) -> Job:
        """Make the job.

        Parameters
        ----------
        element
            Chemical symbol.

        Returns
        -------
        The job; its output has ``structure_id``.

        Raises
        ------
        InputError
            If there is no such cell: better now than in the queue.
        """
        self.unit_cell(element)
        job = build_structure(
            element,
            self.basis,
            self._multiples,
            self.min_length_A,
            self.supercell_rule,
            self.vacancy_seed,
            self._lattice,
            self.crystal,
        )
        return tagged(job, f"{element} {self.name}", "analyse", element)

    def unit_cell(self, element: str) -> Atoms:
        """Return the cell that is repeated.

        Parameters
        ----------
        element
            Chemical symbol.

        Returns
        -------
        The perfect crystal, for meshes that must follow the phase.

        Raises
        ------
        InputError
            If there is no such cell.
        """
        return unit_cell(element, self.basis, self._lattice, self.crystal)

    def supercell_vectors(self, element: str) -> np.ndarray:
        """Return the cell of the structure that the job makes.

        Parameters
        ----------
        element
            Chemical symbol.

        Returns
        -------
        Vectors as rows, shape (3, 3), in angstrom.

        Raises
        ------
        InputError
            If there is no such cell.
        """
        unit = self.unit_cell(element)
        matrix = repetition(unit, self._multiples, self.min_length_A, self.supercell_rule)
        return np.asarray(matrix) @ unit.cell.array

    @property
    def _multiples(self) -> list[int] | None:
        return None if self.supercell is None else list(self.supercell)

    @property
    def _lattice(self) -> dict[str, Any]:
        return {"phase": self.phase, "a_A": self.a_A, "c_over_a": self.c_over_a}
