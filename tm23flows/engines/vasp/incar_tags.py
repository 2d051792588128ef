"""What the tags of an INCAR mean to us: which belong where, and which values are safe.

Owns the lists of tags and the refusal of settings that would change the physics behind
the recipe. Does not know the values of the protocol (``inputs``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from tm23flows.errors import InputError

RECIPE_TAGS = {
    "ENCUT": "cutoff_eV",
    "ISMEAR": "smearing_order",
    "SIGMA": "sigma_eV",
    "ISPIN": "spin_polarized",
}
"""Tags that are fields of a recipe; users may set either, and the tag wins."""

MOTION_TAGS = {
    "NSW": "the field n_steps of the Maker's input set",
    "TEBEG": "the field temperature_K of the Maker's input set",
    "TEEND": "the field temperature_K of the Maker's input set",
    "POTIM": "the field timestep_fs of the Maker's input set",
    "IBRION": "a Maker of the other kind (static or molecular dynamics)",
    "ISIF": "a Maker of the other kind (static or molecular dynamics)",
    "SMASS": "another engine, for this protocol has a Nose period of 40 steps",
}
"""Tags of how atoms move, and what to use instead. They are no part of a recipe."""

_FOREIGN_TAGS = {
    "NELECT": "the field electron_shift, the electrons more than neutral",
    "KSPACING": "the field kmesh",
    "KGAMMA": "the field kmesh",
    "GGA": "another engine, for this one computes PBE",
    "METAGGA": "another engine, for this one computes PBE",
    "LHFCALC": "another engine, for this one computes PBE",
}

_FILES = "LWAVE LCHARG LAECHG LVTOT LVHAR LELF LPARD LORBIT NEDOS EMIN EMAX NWRITE SYSTEM ISTART"
_PARALLEL = "NCORE NPAR KPAR NSIM LPLANE LSCALAPACK LSCALU KBLOCK NBLOCK"
OUTPUT_TAGS = frozenset(f"{_FILES} {_PARALLEL}".split())
"""Tags of files and of parallel work, which change no converged number."""

_ELECTRONIC_LOOP = "ALGO IALGO ISEARCH NELM NELMIN NELMDL TIME WEIMIN LSUBROT LDIAG ICHARG INIWAV"
_MIXING = "AMIX BMIX AMIX_MAG BMIX_MAG AMIN IMIX MAXMIX INIMIX MIXPRE WC LMAXMIX LMIXTAU"
WAY_TAGS = frozenset(f"{_ELECTRONIC_LOOP} {_MIXING}".split())
"""Tags of the way to convergence, which change no converged number."""

FREE_TAGS = OUTPUT_TAGS | WAY_TAGS | {"NBANDS"}
"""All that corrections of a run may touch; a list of what is allowed, for VASP has many tags."""

_ELECTRONS = "ENCUT PREC EDIFF LREAL ISPIN ISMEAR SIGMA NELECT ISYM SYMPREC KSPACING KGAMMA"
_FUNCTIONAL = "GGA METAGGA LHFCALC LDAU IVDW"
FROZEN_TAGS = frozenset(f"{_ELECTRONS} {_FUNCTIONAL} MDALGO {' '.join(MOTION_TAGS)}".split())
"""Tags that are compared with what VASP says it used; no correction of a run may touch them."""


def check_user_incar(settings: Mapping[str, object]) -> None:
    """Refuse settings that would not be what the recipe says, or that smuggle in others.

    Parameters
    ----------
    settings
        ``user_incar_settings`` of an input set; None removes a tag.

    Raises
    ------
    InputError
        For a tag that has another place, with its name; for a name or value that VASP
        would read as something else.
    """
    for tag, value in settings.items():
        if place := MOTION_TAGS.get(tag) or _FOREIGN_TAGS.get(tag):
            raise InputError(f"{tag} cannot be set in user_incar_settings; use {place}.")
        if not re.fullmatch(r"[A-Z][A-Z0-9_]*", tag):
            raise InputError(f"{tag!r} is no INCAR tag; use capitals, digits and underscores.")
        if tag == "MDALGO" and value not in (None, 0, 2):
            raise InputError("MDALGO can be 2 (Nose thermostat) or, for old builds, None or 0.")
        # An empty list would leave a tag without a value, and VASP reads on.
        values = list(value) or [" "] if isinstance(value, (list, tuple)) else [value]
        for one in values:
            _check_value(tag, one)


def _check_value(tag: str, value: object) -> None:
    if value is None or isinstance(value, (bool, int, float)):
        return
    # VASP ends a value at each of these, and could read another tag behind it.
    if isinstance(value, str) and value.strip() and not re.search(r"[^ -~]|[;#!=\"\\]", value):
        return
    raise InputError(
        f"The value {value!r} of {tag} is not safe in an INCAR; use a number, a truth value or a "
        "word, without line breaks, ; # ! = and quotes."
    )
