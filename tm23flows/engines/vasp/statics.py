"""Statics one after another in sub-folders, each warm from the one before.

Owns the judgement whether a finished static is a label. Writing inputs and running is
``run``, comparing inputs is ``check``, limits of numbers are ``soundness``.
"""

from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tm23flows.documents.effort import Effort
from tm23flows.documents.label import Energies
from tm23flows.engines.base import Deadline, Failure, Result
from tm23flows.engines.vasp.accounts import read_account
from tm23flows.engines.vasp.check import drifts
from tm23flows.engines.vasp.deadline import STOP_S
from tm23flows.engines.vasp.places import fresh_folder, raise_if_disk_full, read_output
from tm23flows.engines.vasp.run import RunReport, run_in
from tm23flows.engines.vasp.soundness import unsound
from tm23flows.engines.vasp.spectra import read_spectrum
from tm23flows.errors import InputError, OutOfTimeError, PhysicsError

if TYPE_CHECKING:
    from ase import Atoms
    from atomate2.vasp.jobs.base import BaseVaspMaker

    from tm23flows.documents.recipe import Recipe
    from tm23flows.engines.vasp.outputs import VaspStep

LARGE_FILES = ("WAVECAR", "CHGCAR", "CHG", "PROCAR")
SAME_START = (
    "kmesh",
    "kmesh_offset",
    "cutoff_eV",
    "electron_shift",
    "pseudopotentials",
    "spin_polarized",
)
"""Fields of two recipes that must agree for one to start from the other; SIGMA need not."""

MAX_SILENT = 3
"""So many statics in a row may end without any output; a batch on a broken node ends there."""

POSITION_TOLERANCE = 1e-6
"""Fractional; VASP writes eight digits."""


class Statics:
    """A row of statics in one folder.

    Parameters
    ----------
    workdir
        Folder that gets a sub-folder for each.
    deadline
        Says when the time is over, in seconds since 1970; None if it does not end.
    spectra
        Whether to read the electronic spectrum too, which the Maker then has to ask VASP for.
    """

    def __init__(self, workdir: Path, deadline: Deadline, *, spectra: bool = False) -> None:
        self.workdir = workdir
        self._spectra = spectra
        self.folders: list[Path] = []
        self._deadline = deadline
        self._longest_s = 0.0
        self._silent: list[str] = []
        self._warm: tuple[Path, Recipe, Atoms] | None = None

    def compute(self, atoms: Atoms, maker: BaseVaspMaker, recipe: Recipe) -> Result | Failure:
        """Run one static and judge it.

        Parameters
        ----------
        atoms
            The frame.
        maker
            Its input sets already carry the recipe.
        recipe
            A complete recipe.

        Returns
        -------
        The numbers, or the reason why they must not be used.

        Raises
        ------
        OutOfTimeError
            If the time does not suffice for another static.
        DiskFullError
            If the disk is full.
        PhysicsError
            If VASP wrote nothing in the last statics: another one would not either.
        """
        from pymatgen.io.ase import AseAtomsAdaptor

        self._check_node()
        self._check_time()
        folder = fresh_folder(self.workdir, f"label-{len(self.folders) + 1:04d}")
        self.folders.append(folder)
        structure = AseAtomsAdaptor.get_structure(atoms)
        warm_from = self._warm_folder(recipe, atoms)
        report = run_in(folder, maker, structure, warm_from=warm_from, deadline=self._deadline)
        self._longest_s = max(self._longest_s, report.wall_s)
        raise_if_disk_full(folder)
        self._silent = [*self._silent, str(report.error)] if _is_silent(folder, report) else []
        if report.stopped:
            raise OutOfTimeError(f"The time of this worker was over ({report.stopped}).")
        differences = drifts(folder, maker.input_set_generator, structure)
        outcome = _judge(folder, report, atoms, differences, spectra=self._spectra)
        self._keep_warm(None if isinstance(outcome, Failure) else folder, recipe, atoms)
        return outcome

    def _check_node(self) -> None:
        if len(self._silent) == MAX_SILENT:
            raise PhysicsError(
                f"VASP wrote no output {MAX_SILENT} times in a row on {socket.gethostname()} "
                f"({self._silent[-1]}): look at this machine and at vasp_cmd, then run this again."
            )

    def _check_time(self) -> None:
        end = self._deadline()
        if end is None or time.time() + self._longest_s + STOP_S < end:
            return
        raise OutOfTimeError("The time of this worker does not suffice for another label.")

    def _warm_folder(self, recipe: Recipe, atoms: Atoms) -> Path | None:
        """Return the folder to start from: same cell and atoms, recipes alike but for SIGMA."""
        if self._warm is None:
            return None
        folder, before, last = self._warm
        same = all(getattr(before, name) == getattr(recipe, name) for name in SAME_START)
        same = same and np.array_equal(last.cell.array, atoms.cell.array)
        return folder if same and np.array_equal(last.numbers, atoms.numbers) else None

    def _keep_warm(self, folder: Path | None, recipe: Recipe, atoms: Atoms) -> None:
        for old in self.folders:
            if old != folder:
                for name in LARGE_FILES:
                    (old / name).unlink(missing_ok=True)
        self._warm = None if folder is None else (folder, recipe, atoms.copy())


def _is_silent(folder: Path, report: RunReport) -> bool:
    """Say whether the program that was to be VASP has not even begun to write."""
    return bool(report.error) and not (folder / "vasprun.xml").exists()


def _judge(
    folder: Path, report: RunReport, atoms: Atoms, differences: list[str], *, spectra: bool
) -> Result | Failure:
    spent = Effort(**read_account(folder, report.wall_s))
    if report.error:
        return Failure(report.error, spent)
    if differences:
        return Failure("what ran is not what was asked for: " + "; ".join(differences), spent)
    try:
        header, steps = read_output(folder)
        spectrum = read_spectrum(folder / "vasprun.xml") if spectra else None
    except InputError as error:
        return Failure(str(error), spent)
    if len(steps) != 1:
        return Failure(f"a static has one step, not {len(steps)}", spent)
    (step,) = steps
    if reason := _refusal(step, atoms):
        return Failure(reason, spent)
    return Result(
        energies=Energies(
            free=step.energy_free,
            sigma0=step.energy_sigma0,
            without_entropy=step.energy_without_entropy,
        ),
        forces=step.forces,
        stress=step.stress,
        effort=spent.model_copy(
            update={
                "scf_iterations": step.n_scf,
                "program": f"vasp {header.version} ({report.binary})",
                "corrections": report.corrections,
                "folder": f"{socket.gethostname()}:{folder}",
            }
        ),
        versions={"vasp": header.version},
        spectrum=spectrum,
    )


def _refusal(step: VaspStep, atoms: Atoms) -> str | None:
    if not step.converged:
        return f"the electrons did not converge in {step.n_scf} iterations"
    if step.stress is None:
        return "there is no stress"
    asked = atoms.get_scaled_positions(wrap=False)
    if step.fractional.shape != asked.shape:
        return f"{len(step.fractional)} atoms came back, not {len(asked)}"
    away = step.fractional - asked
    if np.abs(away - np.rint(away)).max() > POSITION_TOLERANCE:
        return "the atoms came back in other places, or in another order"
    return unsound(step)
