"""Molecular dynamics as a row of VASP runs that continue each other.

Owns the loop over runs: what to start from, what of a run that ended early is kept,
and when to give up. Step k of a run of m steps is calculation k of its vasprun.xml, and
a run that reads CONTCAR begins with step m + 1 (``restart`` says why), so nothing is there
twice.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tm23flows.documents.label import Effort, Energies
from tm23flows.engines.base import Deadline, MDStep, Result, State
from tm23flows.engines.vasp.accounts import read_account
from tm23flows.engines.vasp.check import drifts
from tm23flows.engines.vasp.handlers import was_aborted
from tm23flows.engines.vasp.places import (
    attempts,
    await_file,
    fresh_folder,
    raise_if_disk_full,
    read_output,
    write_here,
)
from tm23flows.engines.vasp.restart import age, first_poscar, read_contcar
from tm23flows.engines.vasp.run import RunReport, run_in
from tm23flows.engines.vasp.soundness import exploded, shortest_distance, temperature, unsound
from tm23flows.errors import InputError, OutOfTimeError, PhysicsError

if TYPE_CHECKING:
    from ase import Atoms
    from atomate2.vasp.jobs.base import BaseVaspMaker

    from tm23flows.documents.trajectory import Dynamics
    from tm23flows.engines.vasp.header import RunHeader
    from tm23flows.engines.vasp.outputs import VaspStep

UNKNOWN_MOMENTA = np.empty((0, 3))
UNKNOWN_THERMOSTAT = np.empty(0)


MAX_FAILURES = 5
"""Runs of one job that may fail after some progress; failing twice at one step ends it earlier."""


@dataclass(frozen=True)
class Task:
    """What stays the same over all runs of a trajectory.

    Parameters
    ----------
    workdir
        Folder that gets a sub-folder for each run.
    maker
        Its input set already carries recipe, temperature and time step.
    atoms
        Initial geometry of the trajectory.
    dynamics
        Equations of motion.
    deadline
        Says when the time is over, in seconds since 1970; None if it does not end.
    """

    workdir: Path
    maker: BaseVaspMaker
    atoms: Atoms
    dynamics: Dynamics
    deadline: Deadline


@dataclass(frozen=True)
class Harvest:
    """Steps of a run that can be gone on from, and why there are no more."""

    steps: list[MDStep]
    problem: str | None = None
    hopeless: bool = False


def run_segments(
    task: Task,
    n_steps: int,
    start: State | None,
    segment_steps: int,
    leftover: Path | None,
    folders: list[Path],
) -> Iterator[MDStep]:
    """Yield steps, run after run.

    Parameters
    ----------
    task
        What is run.
    n_steps
        Number of the last step.
    start
        State of the last step that is done; None for a new trajectory.
    segment_steps
        Length of one run.
    leftover
        Folder of an earlier attempt.
    folders
        Gets the folder of each run.

    Yields
    ------
    Steps; the last one of each run has a restart file.

    Raises
    ------
    PhysicsError
        If the trajectory exploded, what ran is not what was asked for, or VASP fails twice
        at the same step.
    OutOfTimeError
        When the time is over; all complete steps have been yielded.
    DiskFullError
        If the disk is full; all complete steps have been yielded.
    """
    state, failures, stuck = start, 0, 0
    while (done := state.step if state else 0) < n_steps:
        name, length = f"steps-{done + 1:06d}", min(segment_steps, n_steps - done)
        stretch = Stretch(task, state, length)
        harvest, stopped = _salvage(stretch, [leftover, task.workdir], name), None
        if harvest is None:
            folder = fresh_folder(task.workdir, name)
            folders.append(folder)
            report = stretch.run(folder)
            harvest, stopped = stretch.harvest(folder, report), report.stopped
        yield from harvest.steps
        if folders:
            raise_if_disk_full(folders[-1])
        state = harvest.steps[-1].state if harvest.steps else state
        if stopped and (state is None or state.step < n_steps):
            raise OutOfTimeError(f"The time of this worker was over ({stopped}).")
        failures += harvest.problem is not None
        stuck = 0 if harvest.steps else stuck + 1
        if harvest.hopeless or stuck == 2 or failures == MAX_FAILURES:
            last = done + len(harvest.steps)
            raise PhysicsError(f"The run cannot go on after step {last}: {harvest.problem}.")


def _salvage(stretch: Stretch, places: list[Path | None], name: str) -> Harvest | None:
    """Take over what an earlier attempt at the same stretch has completed."""
    for place in places:
        for folder in [] if place is None else attempts(place, name):
            # A VASP that has outlived its worker would compute what nobody will read. It ends
            # after a whole step: LABORT would leave one whose electrons only seem converged.
            with suppress(OSError):
                write_here(folder, "STOPCAR", "LSTOP = .TRUE.\n")
            harvest = stretch.harvest(folder, None)
            if harvest.steps:
                return harvest
    return None


class Stretch:
    """The next steps of a trajectory, as one run.

    Parameters
    ----------
    task
        What is run.
    state
        State of the last step that is done; None for a new trajectory.
    length
        Number of steps.

    Raises
    ------
    PhysicsError
        If there is no state to go on from.
    """

    def __init__(self, task: Task, state: State | None, length: int) -> None:
        from pymatgen.io.vasp import Poscar

        if state is not None and state.restart is None:
            raise PhysicsError(
                f"The run ended for good at step {state.step}: it exploded there, or its last "
                "state is not sound; start another one with another seed or a shorter time step."
            )
        self._task = task
        self._done = state.step if state else 0
        self._length = length
        self._before = task.atoms.positions if state is None else state.positions
        self._poscar = (
            first_poscar(task.atoms, task.dynamics) if state is None else state.restart.decode()
        )
        self._structure = Poscar.from_str(self._poscar).structure

    def run(self, folder: Path) -> RunReport:
        """Run VASP in an empty folder."""
        maker = self._maker(self._length)
        task = self._task
        return run_in(
            folder, maker, self._structure, poscar_text=self._poscar, deadline=task.deadline
        )

    def _maker(self, length: int) -> BaseVaspMaker:
        generator = replace(self._task.maker.input_set_generator, n_steps=length)
        return replace(self._task.maker, input_set_generator=generator)

    def harvest(self, folder: Path, report: RunReport | None) -> Harvest:
        """Read what a run has left, whether it ended well, badly, or in an unknown way.

        Parameters
        ----------
        folder
            Its folder.
        report
            How it ended; None if nobody knows.

        Returns
        -------
        Its steps up to the last one from which the trajectory can go on.
        """
        problem = report.error if report else None
        if report and not problem:
            await_file(folder / "CONTCAR")
        # Before the steps: if VASP is still running, there are steps for it.
        contcar = _content(folder / "CONTCAR")
        try:
            header, raw = read_output(folder)
        except InputError as error:
            return Harvest([], problem or str(error))
        if not raw:
            return Harvest([], problem or "VASP completed no step")
        if why := self._foreign(folder, header, report):
            return Harvest([], why, hopeless=report is not None)
        if was_aborted(folder):
            raw = [*raw[:-1], replace(raw[-1], converged=False)]
        steps, explosion = self._sound_steps(raw)
        if explosion:
            return Harvest(steps, explosion, hopeless=True)
        going_on = self._goes_on_after(contcar, raw)
        if not going_on:
            return Harvest([], problem or "CONTCAR does not go on from the complete steps")
        past = _Past(header.version, report, folder)
        return Harvest(_with_restart(steps[:going_on], contcar, past), problem)

    def _foreign(self, folder: Path, header: RunHeader, report: RunReport | None) -> str | None:
        """Say why the output in a folder is not that of this stretch."""
        if _content(folder / "POSCAR") != self._poscar.encode():
            return "it began from another POSCAR"
        length = self._length if report else int(header.incar.get("NSW", self._length))
        asked = self._maker(length).input_set_generator
        if differences := drifts(folder, asked, self._structure):
            return "what ran is not what was asked for: " + "; ".join(differences)
        return None

    def _sound_steps(self, raw: list[VaspStep]) -> tuple[list[MDStep], str | None]:
        """Turn what VASP wrote into steps, up to where the trajectory explodes."""
        steps: list[MDStep] = []
        before, target = self._before, self._task.dynamics.temperature_K
        atoms = self._task.atoms
        bond = shortest_distance(atoms.get_scaled_positions(), atoms.cell.array)
        for one in raw:
            kelvin = temperature(one.kinetic_eV, len(one.forces))
            if reason := exploded(one.fractional, one.cell, kelvin, target, bond):
                return steps, f"step {self._done + one.number} exploded: {reason}"
            before = _unwrapped(one, before)
            steps.append(_md_step(one, self._done + one.number, before, kelvin))
        return steps, None

    def _goes_on_after(self, content: bytes, raw: list[VaspStep]) -> int:
        """Return after how many of the steps CONTCAR goes on; 0 if after none."""
        contcar = read_contcar(content, len(self._task.atoms))
        if contcar is None:
            return 0
        timestep_fs = self._task.dynamics.timestep_fs
        for count in range(len(raw), 0, -1):
            step = raw[count - 1]
            when = age(contcar, step.fractional, step.cell, timestep_fs)
            if when != "other":
                return count if when == "next" else count - 1
        return 0


@dataclass(frozen=True)
class _Past:
    """Facts of a whole run, which its last step carries."""

    version: str
    report: RunReport | None
    folder: Path

    def effort(self, own: Effort) -> Effort:
        report = self.report
        return own.model_copy(
            update={
                "program": f"vasp {self.version}" + (f" ({report.binary})" if report else ""),
                "corrections": report.corrections if report else (),
                **read_account(self.folder, report.wall_s if report else None),
                "folder": f"{socket.gethostname()}:{self.folder}",
            }
        )


def _with_restart(steps: list[MDStep], contcar: bytes, past: _Past) -> list[MDStep]:
    """Give the restart file, and the facts of the whole run, to the last step."""
    last = replace(steps[-1], state=replace(steps[-1].state, restart=contcar))
    if last.result is not None:
        effort = past.effort(last.result.effort)
        last = replace(last, result=replace(last.result, effort=effort))
    return [*steps[:-1], last]


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _unwrapped(step: VaspStep, before: np.ndarray) -> np.ndarray:
    """Return positions in angstrom that move on from the ones before, across cell borders."""
    moved = step.fractional - before @ np.linalg.inv(step.cell)
    return before + (moved - np.rint(moved)) @ step.cell


def _md_step(step: VaspStep, number: int, positions: np.ndarray, temperature_K: float) -> MDStep:
    thermostat = (step.kinetic_eV, step.thermostat_eV)
    known = None not in thermostat
    return MDStep(
        state=State(number, positions, UNKNOWN_MOMENTA, UNKNOWN_THERMOSTAT),
        result=None if unsound(step) else _result(step),
        temperature_K=temperature_K,
        conserved_eV=step.energy_free + sum(thermostat) if known else np.nan,
        converged=step.converged,
    )


def _result(step: VaspStep) -> Result:
    return Result(
        energies=Energies(
            free=step.energy_free,
            sigma0=step.energy_sigma0,
            without_entropy=step.energy_without_entropy,
        ),
        forces=step.forces,
        stress=step.stress,
        effort=Effort(scf_iterations=step.n_scf),
    )
