"""One launch of the simulator, from the inputs to the last byte.

Owns the order of things: empty the outputs, read the inputs, step by step the electronic loop,
the ionic step and STOPCAR, and the faults in between.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TextIO

import numpy as np

from tm23flows.errors import InputError
from tm23flows.testing.vasp_simulator import electrons, faults, motion, potential
from tm23flows.testing.vasp_simulator.inputs import Inputs, read_inputs
from tm23flows.testing.vasp_simulator.outputs import Outputs
from tm23flows.testing.vasp_simulator.poscar import Poscar
from tm23flows.testing.vasp_simulator.vasprun import Step

FAILURE = 1
DISK_FULL = 38
"""Exit status of a Fortran run-time error while writing."""


@dataclass(frozen=True)
class Launch:
    """What all parts of a run need."""

    folder: Path
    inputs: Inputs
    outputs: Outputs
    plan: faults.Plan


def simulate(folder: Path, build: str, environment: Mapping[str, str], screen: TextIO) -> int:
    """Run the simulator in a folder.

    Parameters
    ----------
    folder
        With INCAR, POSCAR, POTCAR and KPOINTS.
    build
        std or gam.
    environment
        May name a plan of faults.
    screen
        Standard output.

    Returns
    -------
    Exit status.
    """
    plan = faults.read_plan(environment, folder)
    if plan.due("no_output"):
        return 0
    outputs = Outputs.open(folder, screen)
    try:
        _strike(plan, outputs, 0)
        inputs = _with_velocities(read_inputs(folder, build))
        if plan.due("permute"):
            inputs = _permuted(inputs)
        outputs.begin(inputs)
        last = _run(Launch(folder, inputs, outputs, plan))
        outputs.end(inputs, last)
    except InputError as error:
        outputs.say(f" ERROR: {error}\n I REFUSE TO CONTINUE WITH THIS SICK JOB ... BYE!!!")
        return FAILURE
    except OSError as error:
        _give_up_writing(outputs, error)
    for fault in plan.at_end():
        if fault.kind == "truncate":
            faults.cut(folder / "vasprun.xml", float(fault.argument))
        faults.stop_here(fault.kind, fault.argument, folder, fault.silent_s)
    return 0


def _give_up_writing(outputs: Outputs, error: OSError) -> None:
    outputs.say(f"forrtl: {error.strerror}\nforrtl: severe (38): error during write, unit 99")
    # what is still in buffers can go nowhere, so nothing may be flushed on the way out
    sys.stdout.flush()
    os._exit(DISK_FULL)


def _with_velocities(inputs: Inputs) -> Inputs:
    """Draw the velocities that the POSCAR does not have; they depend on the inputs alone."""
    poscar = inputs.poscar
    if not inputs.is_md or poscar.velocities is not None:
        return inputs
    seed = f"{inputs.tags['TEBEG']} {inputs.tags['RANDOM_SEED']} {poscar.fractional.tolist()}"
    velocities = motion.draw_velocities(inputs.ensemble, seed)
    return replace(inputs, poscar=replace(poscar, velocities=velocities))


def _permuted(inputs: Inputs) -> Inputs:
    poscar, order = inputs.poscar, np.roll(np.arange(len(inputs.poscar.fractional)), 1)
    moved = None if poscar.velocities is None else poscar.velocities[order]
    next_ones = None if poscar.predicted is None else poscar.predicted[order]
    poscar = replace(
        poscar, fractional=poscar.fractional[order], velocities=moved, predicted=next_ones
    )
    return replace(inputs, poscar=poscar)


def _run(launch: Launch) -> Poscar:
    """Do all ionic steps; return the last CONTCAR."""
    inputs, plan = launch.inputs, launch.plan
    poscar, ensemble = inputs.poscar, inputs.ensemble
    state, is_half = _first_state(inputs)
    guessed = inputs.guess
    for step in range(1, max(inputs.tags["NSW"], 1) + 1):
        started = time.monotonic()
        terms = potential.evaluate(
            state.fractional, poscar.cell, [potcar.gupta for potcar in inputs.per_atom]
        )
        point = electrons.solve(inputs.electrons, terms, poscar.cell)
        error, aborted = _electronic_loop(launch, step, point.energies, guessed=guessed)
        _strike(plan, launch.outputs, step)
        guessed, kinetics, here = True, None, state.fractional
        if inputs.is_md:
            if not is_half:
                state, is_half = motion.half_step_back(state, point.forces, ensemble), True
            if plan.due("explode", step):
                state = replace(state, velocities=30 * state.velocities)
            state, kinetics = motion.advance(state, point.forces, poscar.cell, ensemble)
        energies = point.energies.moved(error)
        record = Step(step, here, point.forces, point.stress, energies, kinetics)
        record = _spoiled(record, plan)
        seconds = time.monotonic() - started
        launch.outputs.end_step(record, inputs, seconds, converged=error == 0.0)
        poscar = _next_poscar(inputs, here, state) if inputs.is_md else poscar
        launch.outputs.contcar(poscar)
        if aborted or _told_to_stop(launch):
            _remove_stopcar(launch.folder)
            break
    return poscar


def _first_state(inputs: Inputs) -> tuple[motion.State, bool]:
    """Return the state, and whether its velocities are those of half a step before."""
    poscar = inputs.poscar
    if not inputs.is_md:
        return motion.State(poscar.fractional, np.zeros_like(poscar.fractional)), True
    wrapped = poscar.start - np.floor(poscar.start)
    thermostat = poscar.thermostat or (0.0, 0.0)
    return motion.State(wrapped, poscar.velocities, *thermostat), poscar.thermostat is not None


def _next_poscar(inputs: Inputs, here: np.ndarray, state: motion.State) -> Poscar:
    return replace(
        inputs.poscar,
        fractional=here,
        predicted=state.fractional,
        velocities=state.velocities,
        thermostat=(state.friction, state.integral),
        timestep_fs=inputs.tags["POTIM"],
    )


def _electronic_loop(
    launch: Launch, step: int, energies: electrons.Energies, *, guessed: bool
) -> tuple[float, bool]:
    """Write the electronic steps; return the error of the last, and whether to abort."""
    tags, plan = launch.inputs.tags, launch.plan
    errors = electrons.electronic_errors(
        tags["EDIFF"],
        tags["NELMIN"],
        tags["NELM"],
        guessed=guessed,
        converges=not plan.due("unconverged", step),
    )
    launch.outputs.begin_step()
    for k, error in enumerate(errors, start=1):
        launch.outputs.electronic(step, k, energies.moved(error), launch.inputs)
        time.sleep(plan.step_s / len(errors))
        if _stopcar_says(launch.folder, "LABORT"):
            launch.outputs.say("hard stop encountered!  aborting job ...")
            launch.outputs.write("OUTCAR", "\n hard stop encountered!  aborting job ...\n")
            return error, True
    return errors[-1], False


def _strike(plan: faults.Plan, outputs: Outputs, step: int) -> None:
    """Let the faults happen that do so inside a step; step 0 is before anything is read."""
    message = plan.due("message", step)
    if message:
        outputs.say(message.argument)
        _do(outputs, message.then or "", message.silent_s)
    for kind in (*faults.STOPS, "enospc"):
        fault = plan.due(kind, step)
        if fault:
            _do(outputs, fault.do, fault.silent_s)


def _do(outputs: Outputs, do: str, silent_s: float) -> None:
    kind, _, argument = do.partition(":")
    if kind == "enospc":
        outputs.fill_the_disk()
    faults.stop_here(kind, argument, outputs.folder, silent_s)


def _spoiled(record: Step, plan: faults.Plan) -> Step:
    """Put what a broken run writes in place of the numbers."""
    if plan.due("nan", record.number):
        nothing = electrons.Energies(np.nan, np.nan, np.nan)
        forces = np.full_like(record.forces, np.nan)
        stress = np.full_like(record.stress, np.nan)
        record = replace(record, energies=nothing, forces=forces, stress=stress)
    if plan.due("garbage", record.number):
        forces = record.forces.copy()
        forces[0] = np.inf  # written as stars
        record = replace(record, energies=record.energies.moved(1e6), forces=forces)
    return record


def _stopcar_says(folder: Path, tag: str) -> bool:
    try:
        text = (folder / "STOPCAR").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return False
    return bool(re.search(rf"^\s*{tag}\s*=\s*\.?T", text, re.IGNORECASE | re.MULTILINE))


def _told_to_stop(launch: Launch) -> bool:
    if not _stopcar_says(launch.folder, "LSTOP"):
        return False
    launch.outputs.say("soft stop encountered!  aborting job ...")
    launch.outputs.write("OUTCAR", "\n soft stop encountered!  aborting job ...\n")
    return True


def _remove_stopcar(folder: Path) -> None:
    """Remove STOPCAR as VASP does, unless it is read-only: custodian counts on that."""
    stopcar = folder / "STOPCAR"
    if stopcar.stat().st_mode & 0o222:
        stopcar.unlink()
