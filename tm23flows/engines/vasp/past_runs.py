"""What an existing run of VASP says about recipe and dynamics, in the words of the documents.

Owns the translation from the settings in an output file. What the words cannot say is
refused with the reason, never rounded to something that they can. The checksum of a
POTCAR is not in the outputs: a dataset is known by its title alone, so that imported
labels never pass for ones of a recipe whose datasets are known exactly.
"""

from __future__ import annotations

import hashlib
import math
from typing import Any

import numpy as np
from ase import units

from tm23flows.documents.recipe import Recipe
from tm23flows.documents.trajectory import Dynamics
from tm23flows.engines.vasp.header import RunHeader
from tm23flows.engines.vasp.incar_tags import (
    MOTION_TAGS,
    OUTPUT_TAGS,
    RECIPE_TAGS,
    WAY_TAGS,
)
from tm23flows.errors import InputError
from tm23flows.science import protocol

NOSE_ENSEMBLE = "nvt-nose-hoover"
SMEARINGS = {-1: "fermi-dirac", -4: "tetrahedron", -5: "tetrahedron-bloechl"}
"""Schemes by ISMEAR; 0 and more are orders of Methfessel and Paxton, 0 being Gaussian."""

_FUNCTIONALS = dict(
    zip(
        ("PE", "PS", "RP", "RE", "91", "AM", "CA"),
        ("PBE", "PBEsol", "RPBE", "revPBE", "PW91", "AM05", "LDA"),
        strict=True,
    )
)
_OF_DATASETS = {"PAW_PBE": "PBE", "PAW_GGA": "PW91", "PAW": "LDA"}
_PRECISIONS = ("Low", "Medium", "High", "Normal", "Single", "Accurate")
_OF_DYNAMICS = "MDALGO ANDERSEN_PROB LANGEVIN_GAMMA LANGEVIN_GAMMA_L PMASS EDIFFG NFREE CSVR_PERIOD"
_OF_DYNAMICS += " NHC_NCHAINS NHC_NRESPA NHC_NS NHC_PERIOD PSTRESS RANDOM_SEED LBLUEOUT NPACO APACO"
_ELSEWHERE = "ENMAX NELECT KSPACING KGAMMA GGA METAGGA PREC KPOINT_BSE"
NOT_OPTIONS = frozenset(
    {*RECIPE_TAGS, *MOTION_TAGS, *OUTPUT_TAGS, *WAY_TAGS}
    | {*_OF_DYNAMICS.split(), *_ELSEWHERE.split()}
)
"""Tags of motion, files, parallel work and the way to convergence change no converged number;
others are fields of the recipe."""


def recipe_of(header: RunHeader, name: str) -> Recipe:
    """Say which electronic problem a run has solved.

    Parameters
    ----------
    header
        Of its output file.
    name
        Of the file, for messages.

    Returns
    -------
    The recipe. The tags of its INCAR that change numbers are in ``options["incar"]``.

    Raises
    ------
    InputError
        If a recipe cannot say it, or the file does not.
    """
    used = header.parameters
    kmesh, offset = header.kmesh, header.kmesh_shift
    if kmesh is None or offset is None:
        raise InputError(f"{name} has k-points that are no mesh, which a recipe cannot say.")
    cutoff = used.get("ENMAX") or used.get("ENCUT")
    sigma = used.get("SIGMA")
    if not _is_positive(cutoff) or not _is_positive(sigma):
        raise InputError(f"{name} does not say which {'SIGMA' if cutoff else 'ENCUT'} was used.")
    return Recipe(
        engine="vasp",
        xc=_functional(header, name),
        cutoff_eV=cutoff,
        kmesh=kmesh,
        kmesh_offset=offset,
        sigma_eV=sigma,
        **_smearing(used.get("ISMEAR"), name),
        electron_shift=_electron_shift(header, name),
        spin_polarized=used.get("ISPIN", 1) == 2,
        pseudopotentials=header.potcar_titles,
        options={"incar": _other_tags(header)},
    )


def dynamics_of(header: RunHeader, first_two: list[np.ndarray]) -> tuple[Dynamics | None, str]:
    """Say how a run has moved its atoms.

    Parameters
    ----------
    header
        Of its output file.
    first_two
        Fractional positions of its first two steps, fewer if there are none. The seed of
        the velocities is not in the file; in its place stands a number made from these,
        which tells two runs apart that differ in nothing else.

    Returns
    -------
    The dynamics and an empty sentence, or None and why this is no run of molecular
    dynamics that a trajectory can say.
    """
    used = header.parameters
    if why_not := _no_dynamics(used, len(first_two)):
        return None, why_not
    start, timestep = used["TEBEG"], used["POTIM"]
    return (
        Dynamics(
            ensemble=NOSE_ENSEMBLE,
            temperature_K=start,
            timestep_fs=timestep,
            damping_fs=_nose_period(header, start, timestep),
            seed=_stand_in_seed(first_two),
        ),
        "",
    )


def _no_dynamics(used: dict[str, Any], n_steps: int) -> str | None:
    start, end, smass = used.get("TEBEG"), used.get("TEEND"), used.get("SMASS")
    reasons = {
        "it is no molecular dynamics": used.get("IBRION") != 0,
        "it has fewer than two steps": n_steps < 2,
        f"its temperature goes from {start} K to {end} K": end not in (start, None),
        "its temperature is not known": not _is_positive(start),
        "its cell moves": (used.get("ISIF") or 0) > 2,
        "its thermostat is not that of Nose": used.get("MDALGO", 0) not in (0, 2)
        or smass is None
        or smass < 0,
        "its time step is not known": not _is_positive(used.get("POTIM")),
    }
    return next((reason for reason, is_so in reasons.items() if is_so), None)


def plain(value: Any) -> Any:
    """Make JSON of settings as they were read.

    Parameters
    ----------
    value
        Numbers, words, lists and dictionaries of them.

    Returns
    -------
    The same with None for what is not a finite number.
    """
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _nose_period(header: RunHeader, temperature_K: float, timestep_fs: float) -> float:
    """Return the period of the thermostat in fs.

    VASP's mass in units of amu and the length of the first cell vector is
    Q = 2 f k_B T (period / 2 pi)^2 with f = 3n - 3; checked on outputs of VASP 5.4 and 6.4,
    which write the mass that SMASS=0 (a period of 40 steps) stands for.
    """
    default = protocol.NOSE_PERIOD_STEPS * timestep_fs
    mass, freedom = header.parameters["SMASS"], 3 * len(header.symbols) - 3
    if header.incar.get("SMASS", mass) == 0 or not freedom:
        return default
    inertia = mass * float(header.cell[0] @ header.cell[0])
    period = 2 * math.pi * math.sqrt(inertia / (2 * freedom * units.kB * temperature_K))
    return round(period / units.fs, 3)


def _stand_in_seed(first_two: list[np.ndarray]) -> int:
    places = np.rint(np.nan_to_num(first_two) * 1e8).astype("<i8")
    return int.from_bytes(hashlib.sha256(places.tobytes()).digest()[:4], "little") >> 1


def _smearing(ismear: Any, name: str) -> dict[str, Any]:
    if isinstance(ismear, int) and ismear >= 0:
        return {"smearing": "methfessel-paxton", "smearing_order": ismear}
    if ismear in SMEARINGS:
        return {"smearing": SMEARINGS[ismear], "smearing_order": 0}
    raise InputError(f"{name} has ISMEAR = {ismear}, which a recipe cannot say.")


def _electron_shift(header: RunHeader, name: str) -> float:
    asked = header.incar.get("NELECT")
    used = header.parameters.get("NELECT", asked)
    if used is None:
        return 0.0
    if not math.isfinite(header.neutral_electrons):
        if asked is None:
            return 0.0
        raise InputError(f"{name} has NELECT = {asked}, but does not say what neutral would be.")
    return round(used - header.neutral_electrons, 6) + 0.0


def _functional(header: RunHeader, name: str) -> str:
    tag = str(header.parameters.get("GGA") or "").strip("-").upper()
    meta = header.parameters.get("METAGGA") or header.incar.get("METAGGA")
    kinds = {title.split()[0] for title in header.potcar_titles.values() if title.split()}
    functional = _FUNCTIONALS.get(tag, tag) or _OF_DATASETS.get("".join(kinds))
    if isinstance(meta, str) and meta.strip("-").upper() not in ("", "NONE"):
        functional = meta.upper()
    if functional is None:
        raise InputError(f"{name} does not say which functional was used.")
    return f"{functional} with exact exchange" if header.parameters.get("LHFCALC") else functional


def _other_tags(header: RunHeader) -> dict[str, Any]:
    """Return the tags that change numbers, with what VASP used where the file says it."""
    chosen = {tag: value for tag, value in header.incar.items() if tag not in NOT_OPTIONS}
    for tag in ("EDIFF", "LREAL"):
        # LREAL is given as Auto, and used as true.
        if tag in header.parameters:
            chosen.setdefault(tag, header.parameters[tag])
    # VASP 5 cuts it to six letters.
    word = str(header.parameters.get("PREC", header.incar.get("PREC", "Normal"))).lower()[:3]
    chosen["PREC"] = next((p for p in _PRECISIONS if p.lower().startswith(word)), word)
    return plain({tag: chosen[tag] for tag in sorted(chosen)})


def _is_positive(value: Any) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value) and value > 0
