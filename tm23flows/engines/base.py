"""The protocol of engines: what every way of getting forces can do.

Owns the value types that cross between engines and jobs, and the lookup by
name. Jobs never ask which engine they talk to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from tm23flows.documents.label import Effort, Energies
from tm23flows.documents.recipe import Recipe
from tm23flows.documents.trajectory import Dynamics
from tm23flows.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from ase import Atoms


@dataclass(frozen=True)
class Result:
    """Energies, forces and stress of one geometry.

    Parameters
    ----------
    energies
        In eV per cell.
    forces
        Shape (n, 3), in eV/angstrom; derivatives of the free energy.
    stress
        Shape (6,), in eV/angstrom^3, ASE sign, order xx yy zz yz xz xy; None if
        the engine has none. Never with a kinetic part.
    effort
        What it cost.
    """

    energies: Energies
    forces: np.ndarray
    stress: np.ndarray | None
    effort: Effort


@dataclass(frozen=True)
class Failure:
    """A label that could not be computed, with the reason in words."""

    reason: str


@dataclass(frozen=True)
class State:
    """All that is needed to go on with a run as if it had never stopped.

    Parameters
    ----------
    step
        Number of the step that this is the state of, 1-based.
    positions
        Shape (n, 3), in angstrom, not wrapped.
    momenta
        Shape (n, 3), in ASE units.
    thermostat
        Variables of the thermostat, shape (k,).
    """

    step: int
    positions: np.ndarray
    momenta: np.ndarray
    thermostat: np.ndarray


@dataclass(frozen=True)
class MDStep:
    """One step of a run.

    Parameters
    ----------
    state
        Where the atoms are and how they move.
    result
        Energies, forces and stress there.
    temperature_K
        Instantaneous temperature with the degrees of freedom that really move.
    conserved_eV
        Energy of particles and thermostat together, which the dynamics conserves.
    """

    state: State
    result: Result
    temperature_K: float
    conserved_eV: float


class Engine(Protocol):
    """A way of getting energies, forces and stress."""

    name: str

    def complete(self, recipe: Recipe, symbols: Iterable[str]) -> Recipe:
        """Return the recipe with everything explicit that changes numbers."""
        ...

    def inputs(self, recipe: Recipe) -> dict[str, object]:
        """Return what the program is given for a complete recipe, as JSON values."""
        ...

    def versions(self) -> dict[str, str]:
        """Return the versions of the programs that do the work."""
        ...

    def label(self, frames: Iterable[Atoms], recipe: Recipe) -> Iterator[Result | Failure]:
        """Yield one result or failure per frame, in order, as they are done."""
        ...

    def run_md(
        self,
        atoms: Atoms,
        recipe: Recipe,
        dynamics: Dynamics,
        n_steps: int,
        start: State | None = None,
    ) -> Iterator[MDStep]:
        """Yield steps up to ``n_steps``, from the first or from after ``start``."""
        ...


ENGINES = ("gpaw", "emt")


def get_engine(name: str, workdir: Path) -> Engine:
    """Return the engine of a name.

    Parameters
    ----------
    name
        gpaw or emt.
    workdir
        Folder for the text output of the program.

    Returns
    -------
    The engine.

    Raises
    ------
    InputError
        If there is no such engine.
    MissingDependencyError
        If its program is not installed.
    """
    check_engine_name(name)
    if name == "gpaw":
        from tm23flows.engines.gpaw import GpawEngine

        return GpawEngine(workdir)
    from tm23flows.engines.emt import EmtEngine

    return EmtEngine(workdir)


def check_engine_name(name: str) -> None:
    """Refuse names of engines that are not there.

    Parameters
    ----------
    name
        What the user asked for.

    Raises
    ------
    InputError
        With one sentence that says what to use.
    """
    if name == "vasp":
        raise InputError("The VASP engine is not part of this release yet; use --engine gpaw.")
    if name not in ENGINES:
        raise InputError(f"There is no engine '{name}'; choose one of: {', '.join(ENGINES)}.")
