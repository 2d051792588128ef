"""The text of OSZICAR, line by line.

Owns its two kinds of lines. The header before each electronic loop is part of the format:
pymatgen takes the names of the columns from it.
"""

from __future__ import annotations

from math import isfinite

from tm23flows.testing.vasp_simulator.vasprun import Step, number

HEADER = "       N       E                     dE             d eps       ncg     rms\n"


def electronic_step(k: int, energy: float, change: float) -> str:
    """Write one electronic step.

    Parameters
    ----------
    k
        Its number, from 1.
    energy, change
        In eV.

    Returns
    -------
    The line.
    """
    return (
        f"DAV: {k:3d}   {_exponent(energy, 20, 12)}   {_exponent(change, 12, 5)}"
        f"   {_exponent(change, 12, 5)}{100:7d}   {_exponent(abs(change), 10, 3)}\n"
    )


def step_end(step: Step, change: float) -> str:
    """Write the line of an ionic step.

    Parameters
    ----------
    step
        What was found.
    change
        Of E0 since the step before, in eV.

    Returns
    -------
    The line.
    """
    energies, kinetics = step.energies, step.kinetics
    free, sigma0 = _exponent(energies.free, 15, 8), _exponent(energies.sigma0, 15, 8)
    if not kinetics:
        return f"{step.number:4d} F= {free} E0= {sigma0}  d E ={_exponent(change, 14, 6)}\n"
    total = kinetics.total(energies.free)
    return (
        f"{step.number:7d} T= {kinetics.temperature_K:8.1f} E= {_exponent(total, 15, 8)} F= {free}"
        f" E0= {sigma0}  EK= {_exponent(kinetics.kinetic, 12, 5)}"
        f" SP= {_exponent(kinetics.thermostat_potential, 10, 2)}"
        f" SK= {_exponent(kinetics.thermostat_kinetic, 10, 2)}\n"
    )


def _exponent(value: float, width: int, decimals: int) -> str:
    if not isfinite(value):
        return number(value, 0, width).strip()
    return f"{value:{width}.{decimals}E}"
