"""An executable that behaves like VASP, for testing flows where there is no VASP.

It reads INCAR, POSCAR, KPOINTS and POTCAR from the folder it is started in and writes
vasprun.xml, OUTCAR, OSZICAR, CONTCAR, XDATCAR, WAVECAR and CHGCAR step by step, honours STOPCAR,
and can be told to fail (see ``faults``). Install it with::

    python -m tm23flows.testing.vasp_simulator install DIR

which prints the settings to use, or from Python with ``install_simulator``. The executables are
``vasp_std`` and ``vasp_gam``; the latter refuses every mesh but the Gamma point.

**What it computes is no physics.** Forces come from a Gupta potential that holds each of the 27
metals at its volume (``potential``), and smearing, k-points, cutoff and number of electrons act
on it through a formula (``electrons``), so that they change results smoothly and forces and
stress stay exact derivatives of the free energy. ISPIN, PREC, GGA, ALGO and the mixing are read
and change nothing. Tags that it does not know are refused.

It differs from VASP on purpose in this: numbers have more digits than VASP writes, so that a run
continued from CONTCAR equals the uninterrupted one to 1e-10; velocities that are drawn depend
only on the inputs; k-points are reduced by time reversal alone; WAVECAR and CHGCAR are a few
lines of text that only save electronic steps; the POTCAR files are its own text. A launch takes
about 0.15 s and a step of 30 atoms 1 ms, as nothing slower than numpy is imported.
"""

from __future__ import annotations

from pathlib import Path


def install_simulator(folder: Path) -> dict[str, str]:
    """Write the executables and the POTCAR files of all 27 metals.

    Parameters
    ----------
    folder
        Made if needed.

    Returns
    -------
    Environment variables for the VASP engine: TM23_VASP_CMD, TM23_VASP_GAMMA_CMD and
    PMG_VASP_PSP_DIR.
    """
    from tm23flows.testing.vasp_simulator.install import install_simulator as install

    return install(folder)


__all__ = ["install_simulator"]
