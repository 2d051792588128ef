"""The text of OUTCAR and OSZICAR, block by block.

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
from tm23flows.testing.vasp_simulator.vasprun import KBAR, VERSION, number

RULE = "-" * 104
OSZICAR_HEADER = "       N       E                     dE             d eps       ncg     rms\n"


def outcar_head(inputs: Inputs) -> str:
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
        " serial version",
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


def outcar_iteration(step: int, k: int, energies: Energies, inputs: Inputs, seconds: float) -> str:
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


def outcar_step(
    cell: np.ndarray,
    fractional: np.ndarray,
    forces: np.ndarray,
    stress: np.ndarray,
    energies: Energies,
    kinetics: Kinetics | None,
) -> str:
    """Write the end of an ionic step.

    Parameters
    ----------
    cell, fractional
        The geometry of this step.
    forces
        In eV/A.
    stress
        Shape (3, 3), in eV/A^3, ASE's sign.
    energies
        In eV.
    kinetics
        Of molecular dynamics.

    Returns
    -------
    The text.
    """
    kbar = -KBAR * stress
    parts = [kbar[0, 0], kbar[1, 1], kbar[2, 2], kbar[0, 1], kbar[1, 2], kbar[2, 0]]
    places = [
        "".join(f"{x:13.5f}" for x in where) + "    " + "".join(number(f, 6, 14) for f in force)
        for where, force in zip(fractional @ cell, forces, strict=True)
    ]
    drift = np.nan_to_num(forces.sum(axis=0), posinf=0.0, neginf=0.0)
    lines = [
        f" E-fermi : {FERMI_EV:8.4f}     XC(G=0): -10.0000     alpha+bet : -5.0000",
        "",
        "  FORCE on cell =-STRESS in cart. coord.  units (eV):",
        "  Direction    XX          YY          ZZ          XY          YZ          ZX",
        "  in kB   " + "".join(number(x, 5, 12) for x in parts),
        (
            f"  external pressure = {number(np.trace(kbar) / 3, 2, 11)} kB"
            "  Pullay stress =        0.00 kB"
        ),
        "",
        f"  volume of cell : {abs(np.linalg.det(cell)):11.2f}",
        "",
        " POSITION                                       TOTAL-FORCE (eV/Angst)",
        " " + "-" * 83,
        *places,
        " " + "-" * 83,
        "    total drift:                        " + "".join(f"{x:14.6f}" for x in drift),
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
        *(_thermostat_lines(energies, kinetics) if kinetics else []),
        "",
    ]
    return "\n".join(lines)


def _thermostat_lines(energies: Energies, kinetics: Kinetics) -> list[str]:
    total = energies.free + kinetics.kinetic
    total += kinetics.thermostat_potential + kinetics.thermostat_kinetic
    return [
        "  ENERGY OF THE ELECTRON-ION-THERMOSTAT SYSTEM (eV)",
        "  ---------------------------------------------------",
        f"% ion-electron   TOTEN  = {number(energies.free, 6, 16)}  see above",
        f"  kinetic energy EKIN   = {number(kinetics.kinetic, 6, 16)}",
        f"  kin. lattice  EKIN_LAT= {0:16.6f}  (temperature {kinetics.temperature_K:7.2f} K)",
        f"  nose potential ES     = {number(kinetics.thermostat_potential, 6, 16)}",
        f"  nose kinetic   EPS    = {number(kinetics.thermostat_kinetic, 6, 16)}",
        "  ---------------------------------------------------",
        f"  total energy   ETOTAL = {number(total, 6, 16)} eV",
        "",
    ]


def outcar_tail(seconds: float) -> str:
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


def oszicar_iteration(k: int, energy: float, change: float) -> str:
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


def oszicar_step(step: int, energies: Energies, change: float, kinetics: Kinetics | None) -> str:
    """Write the line of an ionic step.

    Parameters
    ----------
    step
        Its number, from 1.
    energies
        In eV.
    change
        Of E0 since the step before, in eV.
    kinetics
        Of molecular dynamics.

    Returns
    -------
    The line.
    """
    free, sigma0 = _exponent(energies.free, 15, 8), _exponent(energies.sigma0, 15, 8)
    if not kinetics:
        return f"{step:4d} F= {free} E0= {sigma0}  d E ={_exponent(change, 14, 6)}\n"
    total = energies.free + kinetics.kinetic
    total += kinetics.thermostat_potential + kinetics.thermostat_kinetic
    return (
        f"{step:7d} T= {kinetics.temperature_K:8.1f} E= {_exponent(total, 15, 8)} F= {free}"
        f" E0= {sigma0}  EK= {_exponent(kinetics.kinetic, 12, 5)}"
        f" SP= {_exponent(kinetics.thermostat_potential, 10, 2)}"
        f" SK= {_exponent(kinetics.thermostat_kinetic, 10, 2)}\n"
    )


def _exponent(value: float, width: int, decimals: int) -> str:
    if not np.isfinite(value):
        return number(value, 0, width).strip()
    return f"{value:{width}.{decimals}E}"
