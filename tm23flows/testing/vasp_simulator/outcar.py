"""The text of OUTCAR, block by block.

Owns the lines that pymatgen, emmet and custodian look for, and the few that people look for.
OUTCAR is for handlers and eyes; data belong to vasprun.xml.
"""

from __future__ import annotations

import numpy as np

from tm23flows.testing.vasp_simulator.bands import FERMI_EV
from tm23flows.testing.vasp_simulator.electrons import Energies
from tm23flows.testing.vasp_simulator.inputs import Inputs
from tm23flows.testing.vasp_simulator.kpoints import points
from tm23flows.testing.vasp_simulator.motion import Kinetics
from tm23flows.testing.vasp_simulator.vasprun import KBAR, VERSION, Step, number

RULE = "-" * 104


def head(inputs: Inputs) -> str:
    """Write OUTCAR up to the first step.

    Parameters
    ----------
    inputs
        The problem.

    Returns
    -------
    The text.
    """
    tags, n = inputs.tags, sum(inputs.poscar.counts)
    where, weights = points(inputs.mesh)
    kind = "gamma-only" if inputs.build == "gam" else "complex"
    lines = [
        f" vasp.{VERSION} (tm23flows testing, build {inputs.build}) {kind}",
        " executed on            simulator",
        " running on    1 total cores",
        "",
        " INCAR:",
        *[f"   {name} = {value}" for name, value in inputs.given.items()],
        "",
        *[f" POTCAR:    {potcar.title}" for potcar in inputs.potcars],
        *[f"   TITEL  = {potcar.title}" for potcar in inputs.potcars],
        "",
        " Dimension of arrays:",
        (
            f"   k-points           NKPTS ={len(where):7d}"
            f"   k-points in BZ     NKDIM ={len(where):7d}"
            f"   number of bands    NBANDS={tags['NBANDS']:7d}"
        ),
        f"   number of dos      NEDOS ={tags['NEDOS']:7d}   number of ions     NIONS ={n:7d}",
        f"   total plane-waves  NPLWV ={24**3:7d}",
        f"   ions per type =        {''.join(f'{count:8d}' for count in inputs.poscar.counts)}",
        *_start_lines(inputs),
        "",
        " k-points in reciprocal lattice and weights: simulator",
        *[
            "  " + "".join(f"{x:12.8f}" for x in point) + f"{weight:12.3f}"
            for point, weight in zip(where, weights, strict=True)
        ],
        "",
        RULE,
        "",
    ]
    return "\n".join(lines) + "\n"


def _start_lines(inputs: Inputs) -> list[str]:
    tags = inputs.tags
    wavecar = "used" if inputs.guess else "not used"
    return [
        " Startparameter for this run:",
        f"   PREC   = {tags['PREC']}",
        f"   ISTART = {tags['ISTART']:6d}    job; WAVECAR or CHGCAR of before {wavecar}",
        f"   ICHARG = {tags['ICHARG']:6d}    charge",
        f"   ISPIN  = {tags['ISPIN']:6d}    spin polarized calculation?",
        f"   ENCUT  = {tags['ENMAX']:6.1f} eV",
        f"   NELM   = {tags['NELM']:6d};   NELMIN={tags['NELMIN']:3d}; NELMDL={tags['NELMDL']:3d}",
        f"   EDIFF  = {tags['EDIFF']:.1E}   stopping-criterion for ELM",
        f"   NSW    = {tags['NSW']:6d}    number of steps for IOM",
        f"   IBRION = {tags['IBRION']:6d}    ionic relax: 0-MD",
        f"   MDALGO = {tags['MDALGO']:3d}",
        f"   POTIM  = {tags['POTIM']:6.4f}    time-step for ionic-motion",
        f"   TEBEG  = {tags['TEBEG']:6.1f};   TEEND  = {tags['TEEND']:6.1f} temperature",
        f"   SMASS  = {tags['SMASS']:6.2f}    Nose mass-parameter (am)",
        f"   NELECT = {tags['NELECT']:12.4f}    total number of electrons",
        f"   ISMEAR = {tags['ISMEAR']:5d};   SIGMA  = {tags['SIGMA']:6.2f}  broadening in eV",
    ]


def electronic_step(step: int, k: int, energies: Energies, inputs: Inputs, seconds: float) -> str:
    """Write one electronic step.

    Parameters
    ----------
    step, k
        Numbers of the ionic and the electronic step, from 1.
    energies
        In eV.
    inputs
        The problem.
    seconds
        How long it took.

    Returns
    -------
    The text.
    """
    entropy = energies.free - energies.without_entropy
    dashes = "-" * 39
    time = f"cpu time {seconds:11.4f}: real time {seconds:11.4f}"
    magnetization = "0.0000000" if inputs.tags["ISPIN"] == 2 else ""
    lines = [
        f"{dashes} Iteration {step:6d}({k:4d})  {dashes}",
        "",
        f"      LOOP:  {time}",
        "",
        f" number of electron {inputs.tags['NELECT']:15.7f} magnetization {magnetization}",
        "",
        " Free energy of the ion-electron system (eV)",
        "  ---------------------------------------------------",
        f"  entropy T*S    EENTRO = {number(entropy, 8, 18)}",
        f"  eigenvalues    EBANDS = {number(energies.sigma0, 8, 18)}",
        "  ---------------------------------------------------",
        f"  free energy    TOTEN  = {number(energies.free, 8, 18)} eV",
        "",
        (
            f"  energy without entropy = {number(energies.without_entropy, 8, 18)}"
            f"  energy(sigma->0) = {number(energies.sigma0, 8, 18)}"
        ),
        "",
        "",
    ]
    return "\n".join(lines)


def step_end(step: Step, cell: np.ndarray) -> str:
    """Write the end of an ionic step.

    Parameters
    ----------
    step
        What was found.
    cell
        Rows are the vectors, in angstrom.

    Returns
    -------
    The text.
    """
    energies = step.energies
    lines = [
        f" E-fermi : {FERMI_EV:8.4f}     XC(G=0): -10.0000     alpha+bet : -5.0000",
        "",
        *_stress_lines(step.stress),
        "",
        f"  volume of cell : {abs(np.linalg.det(cell)):11.2f}",
        "",
        *_force_lines(step.fractional @ cell, step.forces),
        "",
        "  FREE ENERGIE OF THE ION-ELECTRON SYSTEM (eV)",
        "  ---------------------------------------------------",
        f"  free  energy   TOTEN  = {number(energies.free, 8, 18)} eV",
        "",
        (
            f"  energy  without entropy= {number(energies.without_entropy, 8, 18)}"
            f"  energy(sigma->0) = {number(energies.sigma0, 8, 18)}"
        ),
        "",
        *(_thermostat_lines(energies, step.kinetics) if step.kinetics else []),
        "",
    ]
    return "\n".join(lines)


def _stress_lines(stress: np.ndarray) -> list[str]:
    kbar = -KBAR * stress
    parts = [kbar[0, 0], kbar[1, 1], kbar[2, 2], kbar[0, 1], kbar[1, 2], kbar[2, 0]]
    pressure = number(np.trace(kbar) / 3, 2, 11)
    return [
        "  FORCE on cell =-STRESS in cart. coord.  units (eV):",
        "  Direction    XX          YY          ZZ          XY          YZ          ZX",
        "  in kB   " + "".join(number(x, 5, 12) for x in parts),
        f"  external pressure = {pressure} kB  Pullay stress =        0.00 kB",
    ]


def _force_lines(positions: np.ndarray, forces: np.ndarray) -> list[str]:
    places = [
        "".join(f"{x:13.5f}" for x in where) + "    " + "".join(number(f, 6, 14) for f in force)
        for where, force in zip(positions, forces, strict=True)
    ]
    drift = np.nan_to_num(forces.sum(axis=0), posinf=0.0, neginf=0.0)
    return [
        " POSITION                                       TOTAL-FORCE (eV/Angst)",
        " " + "-" * 83,
        *places,
        " " + "-" * 83,
        "    total drift:                        " + "".join(f"{x:14.6f}" for x in drift),
    ]


def _thermostat_lines(energies: Energies, kinetics: Kinetics) -> list[str]:
    return [
        "  ENERGY OF THE ELECTRON-ION-THERMOSTAT SYSTEM (eV)",
        "  ---------------------------------------------------",
        f"% ion-electron   TOTEN  = {number(energies.free, 6, 16)}  see above",
        f"  kinetic energy EKIN   = {number(kinetics.kinetic, 6, 16)}",
        f"  kin. lattice  EKIN_LAT= {0:16.6f}  (temperature {kinetics.temperature_K:7.2f} K)",
        f"  nose potential ES     = {number(kinetics.thermostat_potential, 6, 16)}",
        f"  nose kinetic   EPS    = {number(kinetics.thermostat_kinetic, 6, 16)}",
        "  ---------------------------------------------------",
        f"  total energy   ETOTAL = {number(kinetics.total(energies.free), 6, 16)} eV",
        "",
    ]


def tail(seconds: float) -> str:
    """Write the end of OUTCAR.

    Parameters
    ----------
    seconds
        How long the run took.

    Returns
    -------
    The text.
    """
    return f"""
 General timing and accounting informations for this job:
 ========================================================

                  Total CPU time used (sec): {seconds:12.3f}
                            User time (sec): {seconds:12.3f}
                          System time (sec): {0:12.3f}
                         Elapsed time (sec): {seconds:12.3f}

                   Maximum memory used (kb):       30000.
                   Average memory used (kb):          N/A
"""
