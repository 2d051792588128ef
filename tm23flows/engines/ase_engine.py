"""What engines that are ASE calculators share: warm batches and dynamics.

Owns the loop over frames with one calculator, which starts each frame from the
density and wavefunctions of the one before, and the sharing of it by streams of
labels that are read in turns. What the calculator is and how it reports its
energies is the business of the subclass.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

import numpy as np
from ase.calculators.calculator import CalculationFailed
from pydantic import ValidationError

from tm23flows.documents.effort import Effort
from tm23flows.documents.label import Energies
from tm23flows.documents.recipe import Recipe
from tm23flows.documents.trajectory import Dynamics
from tm23flows.engines.base import Failure, MDStep, Result, Setup, State
from tm23flows.engines.dynamics import integrate
from tm23flows.engines.meter import Mark, mark, spent_since
from tm23flows.errors import OutOfTimeError, PhysicsError, TM23Error

if TYPE_CHECKING:
    from ase import Atoms
    from ase.calculators.calculator import BaseCalculator

    from tm23flows.science.spectrum import Spectrum


SPARE_S = 20.0
"""Time before the deadline in which the last results are written."""


@dataclass(eq=False)
class _Live:
    """A calculation that the next label may start from."""

    atoms: Atoms | None = None
    recipe: Recipe | None = None


class AseEngine(ABC):
    """An engine whose forces come from an ASE calculator.

    Parameters
    ----------
    workdir
        Folder for the text output of the program.
    setup
        What it is told about its task; None for a batch of labels with the defaults.
    """

    name: str
    failures: tuple[type[Exception], ...] = (CalculationFailed, PhysicsError)
    """Exceptions of the calculator that reject one label instead of ending the batch."""
    computes_here = True
    """Whether the calculator works in this process, whose counters then tell what it costs."""

    def __init__(self, workdir: Path, setup: Setup | None = None) -> None:
        self.workdir = workdir
        self.setup = setup or Setup()
        self._longest_s = 0.0
        # Streams hold what they share, so it is gone with the last of them.
        self._live: WeakValueDictionary[str, _Live] = WeakValueDictionary()

    @abstractmethod
    def complete(self, recipe: Recipe, symbols: Iterable[str]) -> Recipe:
        """Return the recipe with everything explicit that changes numbers."""

    @abstractmethod
    def inputs(self, recipe: Recipe) -> dict[str, object]:
        """Return what the calculator is given."""

    @abstractmethod
    def versions(self) -> dict[str, str]:
        """Return the versions of the programs that do the work."""

    @abstractmethod
    def calculator(self, recipe: Recipe) -> BaseCalculator:
        """Return a new calculator for a complete recipe."""

    def energies(self, atoms: Atoms, recipe: Recipe) -> Energies:
        """Read the three energies off a finished calculation."""
        del recipe
        energy = float(atoms.get_potential_energy())
        return Energies(free=energy, sigma0=energy, without_entropy=energy)

    def stress(self, atoms: Atoms) -> np.ndarray | None:
        """Read the stress off a finished calculation, eV/angstrom^3; None if there is none."""
        return np.array(atoms.get_stress(), dtype=float)

    def iterations(self, atoms: Atoms) -> int | None:
        """Read the number of self-consistency steps off a finished calculation."""
        del atoms

    def family(self, recipe: Recipe) -> str:
        """Name all that recipes must have in common to share one live calculator."""
        return recipe.id

    def adopt(self, atoms: Atoms, recipe: Recipe) -> None:
        """Give a live calculation another recipe of its family."""
        del atoms, recipe

    def check(self, atoms: Atoms) -> None:
        """Raise PhysicsError if a finished calculation is not to be believed."""
        del atoms

    def spectrum(self, atoms: Atoms) -> Spectrum | None:
        """Read the electronic spectrum off a finished calculation; None without electrons."""
        del atoms

    def label(self, frames: Iterable[Atoms], recipe: Recipe) -> Iterator[Result | Failure]:
        """Yield one result or failure per frame, in order, as they are done.

        Streams of one family of recipes that are read in turns share one calculator: each
        label starts from the one before, whichever stream that was of.

        Parameters
        ----------
        frames
            Geometries; only numbers, cell, periodicity and positions are used.
        recipe
            A complete recipe.

        Raises
        ------
        OutOfTimeError
            Shortly before the deadline; all labels until then have been yielded.
        """
        live = self._live.setdefault(self.family(recipe), _Live())
        for frame in frames:
            self._check_time("another label")
            began = mark()
            try:
                yield self._label(live, frame, recipe)
            except self.failures as error:
                live.atoms = None  # the state of a calculator that failed is not to be trusted
                said = f"{type(error).__name__}: {str(error).strip() or 'no message'}"
                yield Failure(said, self._spent(began, None))

    def _label(self, live: _Live, frame: Atoms, recipe: Recipe) -> Result:
        began = mark()
        if live.atoms is None or not _same_cell(live.atoms, frame):
            live.atoms = _bare(frame)
            live.atoms.calc = self.calculator(recipe)
        elif live.recipe != recipe:
            self.adopt(live.atoms, recipe)
        live.recipe = recipe
        live.atoms.set_positions(frame.get_positions())
        result = self._compute(live.atoms, recipe)
        self.check(live.atoms)
        spectrum = self.spectrum(live.atoms) if self.setup.spectra else None
        effort = self._spent(began, result.effort.scf_iterations)
        return replace(result, effort=effort, spectrum=spectrum)

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
        """Yield steps of molecular dynamics; step 1 is the initial geometry.

        Parameters
        ----------
        atoms
            Initial geometry; it is not changed.
        recipe
            A complete recipe.
        dynamics
            Temperature, time step, thermostat, seed.
        n_steps
            Number of the last step.
        start
            State of the last step that is already done.
        segment_steps, leftover
            Without meaning here: every step is a state to go on from.

        Raises
        ------
        PhysicsError
            If a result is not finite, or a calculation fails.
        OutOfTimeError
            Shortly before the deadline; all steps until then have been yielded.
        """
        del segment_steps, leftover
        moving = _bare(atoms)
        moving.calc = self.calculator(recipe)
        try:
            states = integrate(moving, dynamics, n_steps, start)
            yield from self._steps(states, moving, recipe, n_steps)
        except TM23Error:
            raise
        except self.failures as error:
            # One of ours, so that the job keeps the steps before it and knows its class.
            said = str(error).strip() or "no message"
            raise PhysicsError(f"{type(error).__name__}: {said}") from error

    def _steps(
        self,
        states: Iterator[tuple[State, float, float]],
        moving: Atoms,
        recipe: Recipe,
        n_steps: int,
    ) -> Iterator[MDStep]:
        began = mark()
        for state, temperature, conserved in states:
            result = self._compute(moving, recipe)
            # the integrator has asked for the forces already: its time is that of the step
            effort = self._spent(began, result.effort.scf_iterations)
            yield MDStep(
                state=state,
                result=replace(result, effort=effort),
                temperature_K=temperature,
                conserved_eV=conserved,
            )
            if state.step < n_steps:
                self._check_time("another step")
            began = mark()

    def finish(self) -> None:
        """Keep no files: all numbers are in the results."""
        return None  # noqa: RET501 - says that the nothing is meant

    def _compute(self, atoms: Atoms, recipe: Recipe) -> Result:
        forces = np.array(atoms.get_forces(), dtype=float)
        stress = self.stress(atoms)
        if not np.isfinite(forces).all() or not (stress is None or np.isfinite(stress).all()):
            raise PhysicsError("forces or stress are not finite numbers")
        try:
            energies = self.energies(atoms, recipe)
        except ValidationError:
            raise PhysicsError("an energy is not a finite number") from None
        return Result(
            energies=energies,
            forces=forces,
            stress=stress,
            effort=Effort(scf_iterations=self.iterations(atoms)),
        )

    def _check_time(self, what: str) -> None:
        end = self.setup.deadline()
        if end is not None and time.time() + self._longest_s + SPARE_S > end:
            raise OutOfTimeError(f"The time of this worker does not suffice for {what}.")

    def _spent(self, began: Mark, iterations: int | None) -> Effort:
        spent = spent_since(began, iterations)
        self._longest_s = max(self._longest_s, spent.wall_s or 0.0)
        if self.computes_here:
            return spent
        return spent.model_copy(update={"cpu_s": None, "max_memory_bytes": None})


def _bare(atoms: Atoms) -> Atoms:
    from ase import Atoms as AseAtoms

    return AseAtoms(numbers=atoms.numbers, positions=atoms.positions, cell=atoms.cell, pbc=True)


def _same_cell(one: Atoms, other: Atoms) -> bool:
    return np.array_equal(one.numbers, other.numbers) and np.array_equal(
        one.cell.array, other.cell.array
    )
