"""The protocol of engines: what every way of getting forces can do.

Owns the value types that cross between engines and jobs, and the lookup by
name. Jobs never ask which engine they talk to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from tm23flows.documents.label import Effort, Energies
from tm23flows.documents.recipe import Recipe
from tm23flows.documents.trajectory import Dynamics
from tm23flows.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from ase import Atoms
    from jobflow import Maker

    from tm23flows.science.spectrum import Spectrum


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
    versions: dict[str, str] = field(default_factory=dict)
    """Versions that are known only from the output."""
    spectrum: Spectrum | None = None
    """Where the setup asks for it and the engine has electrons."""


@dataclass(frozen=True)
class Failure:
    """A label that could not be computed, with the reason in words and what was spent on it."""

    reason: str
    effort: Effort | None = None


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
        Shape (n, 3), in ASE units; (0, 3) where the program does not tell them.
    thermostat
        Variables of the thermostat, shape (k,).
    restart
        The program's own restart file after this step. A program that keeps its state
        there (VASP) gives one at the end of each run, and can go on from nothing else.
    """

    step: int
    positions: np.ndarray
    momenta: np.ndarray
    thermostat: np.ndarray
    restart: bytes | None = None


@dataclass(frozen=True)
class MDStep:
    """One step of a run.

    Parameters
    ----------
    state
        Where the atoms are and how they move.
    result
        Energies, forces and stress there; None if the program wrote no sound numbers.
    temperature_K
        Instantaneous temperature with the degrees of freedom that really move.
    conserved_eV
        Energy of particles and thermostat together, which the dynamics conserves.
    converged
        Whether the electrons converged. A step that did not, or that has no result, moves
        the atoms on but never becomes a frame.
    """

    state: State
    result: Result | None
    temperature_K: float
    conserved_eV: float
    converged: bool = True


@dataclass(frozen=True)
class RawOutputs:
    """The files of a batch, packed.

    Parameters
    ----------
    path
        The archive file.
    sha256
        Its checksum.
    members
        Checksum of every file in it, by name.
    """

    path: Path
    sha256: str
    members: dict[str, str]


Deadline = Callable[[], float | None]


def no_deadline() -> None:
    """Be the deadline of a worker whose time does not end."""


@dataclass(frozen=True)
class Setup:
    """What an engine is told about its task besides the folder.

    Parameters
    ----------
    task
        ``label`` or ``md``.
    calculation
        The engine's own Maker of one calculation (atomate2's for VASP); None for its default.
    deadline
        Says when this worker's time is over, in seconds since 1970, and None if it does not
        end. It is asked again and again, because a signal can bring the end forward.
    spectra
        Whether the results of labels come with the electronic spectrum.
    """

    task: Literal["label", "md"] = "label"
    calculation: Maker | None = None
    deadline: Deadline = no_deadline
    spectra: bool = False


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
        """Yield one result or failure per frame, in order, as they are done.

        Streams of several recipes for the same frames may be read in turns, frame by frame;
        an engine may then start each label from the one before.
        """
        ...

    def run_md(
        self,
        atoms: Atoms,
        recipe: Recipe,
        dynamics: Dynamics,
        n_steps: int,
        start: State | None = None,
        segment_steps: int | None = None,
        leftover: Path | None = None,
    ) -> Iterator[MDStep]:
        """Yield steps up to ``n_steps``, from the first or from after ``start``.

        A program that runs on its own is ended and continued after ``segment_steps``, and
        steps that are complete in the folder of an earlier attempt are taken over.
        """
        ...

    def finish(self) -> RawOutputs | None:
        """Pack the files that the program left; None if there are none to keep."""
        ...


ENGINES = ("vasp", "gpaw", "emt")


def get_engine(name: str, workdir: Path, setup: Setup | None = None) -> Engine:
    """Return the engine of a name.

    Parameters
    ----------
    name
        vasp, gpaw or emt.
    workdir
        Folder for the files of the program.
    setup
        What it is told about its task; None for a batch of labels with the defaults.

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
    if name == "vasp":
        from tm23flows.engines.vasp.engine import VaspEngine

        return VaspEngine(workdir, setup or Setup())
    if name == "gpaw":
        from tm23flows.engines.gpaw import GpawEngine

        return GpawEngine(workdir, setup)
    from tm23flows.engines.emt import EmtEngine

    return EmtEngine(workdir, setup)


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
    if name not in ENGINES:
        raise InputError(f"There is no engine '{name}'; choose one of: {', '.join(ENGINES)}.")
