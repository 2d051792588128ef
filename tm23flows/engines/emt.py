"""The effective-medium engine: not density functional theory, for tests of everything else.

ASE's EMT knows Ni, Cu, Pd, Ag, Pt, Au and Al. It has no electrons: recipes may
carry any k-mesh and smearing width, and the numbers do not depend on them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tm23flows.documents.recipe import Recipe
from tm23flows.engines.ase_engine import AseEngine
from tm23flows.errors import InputError

if TYPE_CHECKING:
    from ase.calculators.emt import EMT

ELEMENTS = ("Ni", "Cu", "Pd", "Ag", "Pt", "Au", "Al")


class EmtEngine(AseEngine):
    """ASE's effective-medium theory."""

    name = "emt"

    def complete(self, recipe: Recipe, symbols: Iterable[str]) -> Recipe:
        """Check the elements and take out what EMT does not have.

        Parameters
        ----------
        recipe
            Any recipe of this engine.
        symbols
            Chemical symbols of the atoms.

        Returns
        -------
        The recipe without functional and cutoff; k-mesh and smearing stay, so that
        tests can label one frame under several recipes.

        Raises
        ------
        InputError
            If EMT does not know an element.
        """
        recipe.require_known()
        unknown = sorted(set(symbols) - set(ELEMENTS))
        if unknown:
            raise InputError(
                f"The EMT engine does not know {', '.join(unknown)}; use --engine gpaw."
            )
        return recipe.model_copy(update={"xc": "none", "cutoff_eV": None})

    def inputs(self, recipe: Recipe) -> dict[str, object]:
        """Return what the calculator is given: nothing."""
        del recipe
        return {"calculator": "ase.calculators.emt.EMT"}

    def versions(self) -> dict[str, str]:
        """Return the version of ASE."""
        import ase

        return {"ase": ase.__version__}

    def calculator(self, recipe: Recipe) -> EMT:
        """Return a new calculator."""
        from ase.calculators.emt import EMT

        del recipe
        return EMT()
