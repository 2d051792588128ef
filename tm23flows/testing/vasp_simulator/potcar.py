"""POTCAR files of the simulator: headers of its own, without any data of VASP.

Owns their text and the reading of it. A header carries the two numbers of the potential of its
metal, so a run needs nothing but its folder. Valences follow the periodic table (group, and 6 or
8 more with semi-core states), cutoffs are round numbers of the right size.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tm23flows.errors import InputError
from tm23flows.testing.vasp_simulator.potential import Gupta

SEMI_CORE = {"": 0, "_pv": 6, "_sv": 8, "_d": 0}
"""Variants that are made for every metal, with the electrons that each adds."""

_ENMAX_EV = {3: 280.0, 4: 230.0, 5: 220.0}
_ENMAX_SEMI_CORE_EV = {"": 0.0, "_pv": 20.0, "_sv": 50.0, "_d": 10.0}


@dataclass(frozen=True)
class Potcar:
    """What the simulator takes from one POTCAR."""

    title: str
    element: str
    mass_u: float
    valence: float
    enmax_eV: float
    gupta: Gupta


def make_potcar(symbol: str, variant: str, gupta: Gupta) -> str:
    """Write the POTCAR of a metal.

    Parameters
    ----------
    symbol
        Chemical symbol.
    variant
        One of ``SEMI_CORE``.
    gupta
        Its potential.

    Returns
    -------
    The text.
    """
    from ase.data import atomic_masses, atomic_numbers

    from tm23flows.science.metals import metal

    number = atomic_numbers[symbol]
    row = 3 + (number > 36) + (number > 54)
    enmax = _ENMAX_EV[row] + _ENMAX_SEMI_CORE_EV[variant]
    valence = metal(symbol).group + SEMI_CORE[variant]
    title = f"PAW_PBE {symbol}{variant} 01Jan2000"
    return f"""\
  {title}
   {valence:.10f}
 parameters from PSCTR are:
   COPYR  = text of the tm23flows VASP simulator, contains no data of VASP
   VRHFIN ={symbol}: simulator
   LEXCH  = PE
   EATOM  = {20.0 * valence:10.4f} eV, {20.0 * valence / 13.605693:10.4f} Ry

   TITEL  = {title}
   LULTRA =        F    use ultrasoft PP ?
   IUNSCR =        1    unscreen: 0-lin 1-nonlin 2-no
   RPACOR =    1.500    partial core radius
   POMASS = {atomic_masses[number]:8.3f}; ZVAL   = {valence:8.3f}    mass and valenz
   RCORE  =    2.000    outmost cutoff radius
   RWIGS  =    2.500; RWIGS  =    1.323    wigner-seitz radius (au A)
   ENMAX  = {enmax:8.3f}; ENMIN  = {0.75 * enmax:8.3f} eV
   LCOR   =        T    correct aug charges
   LPAW   =        T    paw PP
   EAUG   = {2 * enmax:8.3f}
   RMAX   =    2.500    core radius for proj-oper

END of PSCTR-controll parameters
 simulator = {gupta.A_eV!r} {gupta.xi_eV!r} {gupta.r0_A!r}
 strengths of the potential in eV, distance in A
 End of Dataset
"""


def read_potcars(text: str) -> list[Potcar]:
    """Read a POTCAR with one or more datasets.

    Parameters
    ----------
    text
        The whole file.

    Returns
    -------
    Datasets in order.

    Raises
    ------
    InputError
        If it is not one of the simulator.
    """
    datasets = [part for part in text.split("End of Dataset") if part.strip()]
    return [_read(part) for part in datasets]


def _read(text: str) -> Potcar:
    def after(name: str) -> str:
        found = re.search(rf"\b{name}\s*=\s*([^;\n]+)", text)
        if not found:
            raise InputError(
                f"The POTCAR has no {name}: the simulator reads only those that it has installed."
            )
        return found[1].strip()

    numbers = [float(word) for word in after("simulator").split()[:3]]
    return Potcar(
        title=after("TITEL"),
        element=after("VRHFIN").split(":")[0],
        mass_u=float(after("POMASS")),
        valence=float(after("ZVAL").split()[0]),
        enmax_eV=float(after("ENMAX")),
        gupta=Gupta(*numbers),
    )
