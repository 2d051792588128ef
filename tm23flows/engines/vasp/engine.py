"""The VASP engine: what the jobs see.

Owns the translation between recipes and atomate2's Makers. Runs of statics are
``statics``, runs of molecular dynamics ``md``; both write and run through ``run`` and
compare through ``check``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from tm23flows.engines.vasp.command import vasp_commands
from tm23flows.engines.vasp.makers import TM23MDMaker, TM23StaticMaker
from tm23flows.engines.vasp.md import Task, run_segments
from tm23flows.engines.vasp.packing import pack
from tm23flows.engines.vasp.recipes import complete_recipe, with_recipe
from tm23flows.engines.vasp.spectra import PROJECTION_TAGS
from tm23flows.engines.vasp.statics import Statics
from tm23flows.errors import InputError
from tm23flows.science import protocol

if TYPE_CHECKING:
    from ase import Atoms
    from atomate2.vasp.jobs.base import BaseVaspMaker

    from tm23flows.documents.recipe import Recipe
    from tm23flows.documents.trajectory import Dynamics
    from tm23flows.engines.base import Failure, MDStep, RawOutputs, Result, Setup, State

ENSEMBLE = "nvt-nose-hoover"
"""VASP's single Nose thermostat; the other engines have a chain."""

DEFAULT_MAKERS = {"label": TM23StaticMaker, "md": TM23MDMaker}


class VaspEngine:
    """VASP, run by custodian.

    Parameters
    ----------
    workdir
        Folder that gets a sub-folder for each run.
    setup
        The task, the Maker of a calculation, and the deadline.

    Raises
    ------
    MissingDependencyError
        If there is no VASP on this machine.
    """

    name = "vasp"

    def __init__(self, workdir: Path, setup: Setup) -> None:
        self.workdir = workdir
        maker: BaseVaspMaker = setup.calculation or DEFAULT_MAKERS[setup.task]()
        self._maker = _with_projections(maker) if setup.spectra else maker
        self._spectra = setup.spectra
        self._deadline = setup.deadline
        self._folders: list[Path] = []
        self._statics = Statics(workdir, setup.deadline, spectra=setup.spectra)
        commands = self._maker.run_vasp_kwargs
        vasp_commands(commands.get("vasp_cmd"), commands.get("vasp_gamma_cmd"))

    def complete(self, recipe: Recipe, symbols: Iterable[str]) -> Recipe:
        """Read off the inputs that would be written what they are.

        Parameters
        ----------
        recipe
            Any recipe of this engine.
        symbols
            Chemical symbols of the atoms.

        Returns
        -------
        The recipe with every tag that changes numbers, and the identities of the PAW
        datasets. What the Maker's ``user_incar_settings`` change is changed here too.

        Raises
        ------
        InputError
            If the settings contradict each other.
        MissingDependencyError
            If a PAW dataset is missing.
        """
        recipe.require_known()
        return complete_recipe(self._maker.input_set_generator, recipe, symbols)

    def inputs(self, recipe: Recipe) -> dict[str, object]:
        """Return the tags, the mesh and the datasets of a complete recipe."""
        return {
            "maker": type(self._maker).__name__,
            "incar": recipe.options.get("incar", {}),
            "user_incar_settings": dict(self._maker.input_set_generator.user_incar_settings),
            "kmesh": list(recipe.kmesh),
            "pseudopotentials": dict(recipe.pseudopotentials),
        }

    def versions(self) -> dict[str, str]:
        """Return what is known before VASP runs; its own version comes with the results."""
        return {name: version(name) for name in ("atomate2", "custodian", "pymatgen")}

    def label(self, frames: Iterable[Atoms], recipe: Recipe) -> Iterator[Result | Failure]:
        """Yield one result or failure per frame, in order, as they are done.

        Parameters
        ----------
        frames
            Geometries.
        recipe
            A complete recipe.

        Raises
        ------
        InputError
            If spectra are asked for with spin.
        OutOfTimeError
            If the time does not suffice for another one.
        DiskFullError
            If the disk is full.
        """
        if self._spectra and recipe.spin_polarized:
            raise InputError(
                "Spectra are read of VASP runs without spin; set spin_polarized false."
            )
        maker = self._with(recipe)
        for frame in frames:
            yield self._statics.compute(frame, maker, recipe)

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
        """Yield steps of molecular dynamics; see :func:`tm23flows.engines.vasp.md.run_segments`.

        Parameters
        ----------
        atoms
            Initial geometry.
        recipe
            A complete recipe.
        dynamics
            Temperature, time step, seed. The thermostat is VASP's with a period of 40 steps.
        n_steps
            Number of the last step.
        start
            State of the last step that is done.
        segment_steps
            Length of one run of VASP; None for one run to the end.
        leftover
            Folder of an earlier attempt.

        Raises
        ------
        InputError
            If the dynamics are not what VASP does.
        """
        _check_dynamics(dynamics)
        maker = self._with(
            recipe, temperature_K=dynamics.temperature_K, timestep_fs=dynamics.timestep_fs
        )
        task = Task(self.workdir, maker, atoms, dynamics, self._deadline)
        length = segment_steps or n_steps
        yield from run_segments(task, n_steps, start, length, leftover, self._folders)

    def finish(self) -> RawOutputs | None:
        """Pack the run folders into one checked file."""
        return pack(self.workdir, [*self._statics.folders, *self._folders])

    def _with(self, recipe: Recipe, **fields: float) -> BaseVaspMaker:
        generator = with_recipe(self._maker.input_set_generator, recipe)
        return replace(self._maker, input_set_generator=replace(generator, **fields))


def _with_projections(maker: BaseVaspMaker) -> BaseVaspMaker:
    """Let VASP write projections; the tag is one of output and no part of a recipe."""
    generator = maker.input_set_generator
    tags = {**generator.user_incar_settings, **PROJECTION_TAGS}
    return replace(maker, input_set_generator=replace(generator, user_incar_settings=tags))


def _check_dynamics(dynamics: Dynamics) -> None:
    if dynamics.ensemble != ENSEMBLE:
        raise InputError(f"VASP has no ensemble '{dynamics.ensemble}'; use {ENSEMBLE}.")
    period = protocol.NOSE_PERIOD_STEPS * dynamics.timestep_fs
    if abs(dynamics.damping_fs - period) > 1e-9 * period:
        raise InputError(
            f"VASP's thermostat has a period of {protocol.NOSE_PERIOD_STEPS} steps, {period:g} fs, "
            f"not {dynamics.damping_fs:g} fs: set damping_fs to it."
        )
