"""Molecular dynamics with a stored model: an engine like the others.

Owns the engine whose forces come from a model of the archive, what it refuses, and the choice
between it and the programs. Such a run is an ordinary trajectory: its recipe has the engine
``model`` and names the model. It is killed, resumed and moved to another worker as all others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from ase.calculators.calculator import PropertyNotImplementedError

from tm23flows.documents.model import Model
from tm23flows.documents.recipe import MODEL, Recipe
from tm23flows.documents.trajectory import Dynamics
from tm23flows.engines.ase_engine import AseEngine
from tm23flows.engines.base import Engine, MDStep, Setup, State, get_engine
from tm23flows.errors import PhysicsError
from tm23flows.jobs.model_calculator import stored_model

if TYPE_CHECKING:
    from ase import Atoms
    from ase.calculators.calculator import Calculator

    from tm23flows.store.archive import Archive

RUNAWAY = 20.0
"""A run so many times hotter than its target is ended: no thermostat brings it back, and every
further step only costs. What counts as a failure before that is decided when a run is judged
(:mod:`tm23flows.science.stability`)."""


class ModelEngine(AseEngine):
    """An engine whose forces come from a stored model.

    Parameters
    ----------
    archive
        The archive.
    model
        The model.
    workdir
        Folder of the run.
    setup
        What it is told about its task.
    """

    name = MODEL
    computes_here = False

    def __init__(
        self, archive: Archive, model: Model, workdir: Path, setup: Setup | None = None
    ) -> None:
        super().__init__(workdir, setup)
        self._archive, self._model = archive, model
        self._served = ExitStack()
        self._calculator: Calculator | None = None

    def complete(self, recipe: Recipe, symbols: Iterable[str]) -> Recipe:
        """Leave nothing in the recipe but the model: it has no electrons.

        Parameters
        ----------
        recipe
            A recipe of this model.
        symbols
            Not used: the calculator refuses elements that the model does not know.

        Returns
        -------
        The same recipe for all runs with this model.
        """
        del recipe, symbols
        return model_recipe(self._model.id)

    def inputs(self, recipe: Recipe) -> dict[str, object]:
        """Return what the calculator is given: the model."""
        del recipe
        return {"model": self._model.id, "trainer": self._model.trainer}

    def versions(self) -> dict[str, str]:
        """Return the versions of ASE, which moves the atoms, and of all that made the model."""
        import ase

        return {**self._model.provenance.software, "ase": ase.__version__}

    def calculator(self, recipe: Recipe) -> Calculator:
        """Return the calculator of the model; it is loaded when it is first asked for."""
        del recipe
        if self._calculator is None:
            served = stored_model(self._archive, self._model.id)
            self._calculator = self._served.enter_context(served)
        return self._calculator

    def stress(self, atoms: Atoms) -> np.ndarray | None:
        """Read the stress; a model from elsewhere may have none."""
        try:
            return super().stress(atoms)
        except PropertyNotImplementedError:
            return None

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
        """Yield steps as the other engines do; see :meth:`.AseEngine.run_md`.

        Raises
        ------
        PhysicsError
            If forces are not finite, or the run is :data:`RUNAWAY` times too hot.
        OutOfTimeError
            Shortly before the deadline; all steps until then have been yielded.
        """
        too_hot = RUNAWAY * dynamics.temperature_K
        for step in super().run_md(
            atoms, recipe, dynamics, n_steps, start, segment_steps, leftover
        ):
            yield step
            if not step.temperature_K < too_hot:
                raise PhysicsError(
                    f"The run with the model {self._model.id[:12]} ran away: "
                    f"{step.temperature_K:.3g} K at step {step.state.step} instead of "
                    f"{dynamics.temperature_K:g} K."
                )

    def close(self) -> None:
        """End the worker of the model, if there is one."""
        self._calculator = None
        self._served.close()


def model_recipe(model_id: str) -> Recipe:
    """Return the recipe of all runs with a model.

    Parameters
    ----------
    model_id
        The model.

    Returns
    -------
    A recipe without anything of electrons that could make two of one.
    """
    return Recipe(engine=MODEL, xc="none", options={"model": model_id})


@contextmanager
def opened_engine(
    archive: Archive, recipe: Recipe, workdir: Path, setup: Setup
) -> Iterator[Engine]:
    """Open the engine of a recipe for a run, whether that is a program or a model.

    Parameters
    ----------
    archive
        The archive.
    recipe
        The recipe.
    workdir
        Folder for the files of a program.
    setup
        What it is told about its task.

    Yields
    ------
    The engine; the worker of a model ends with the block.

    Raises
    ------
    InputError
        If there is no such engine.
    NotFoundError
        If the model is not in the archive.
    """
    if recipe.model_id is None:
        yield get_engine(recipe.engine, workdir, setup)
        return
    engine = ModelEngine(archive, archive.get(Model, recipe.model_id), workdir, setup)
    try:
        yield engine
    finally:
        engine.close()
