"""The INCAR: which tags the simulator knows, what they are when not given, how they are read.

Owns the table of tags and the reading of the file. A tag that is not in the table, or a value
that would change physics the simulator does not have, is refused, so that a set of inputs that
passes here has no typing errors in it. Real VASP is less strict.
"""

from __future__ import annotations

from typing import Final

from tm23flows.errors import InputError

Value = bool | int | float | str | list[float]

GROUPS: Final[dict[str, dict[str, Value]]] = {
    "general": {"SYSTEM": "unknown system", "LCOMPAT": False},
    "electronic": (
        {"PREC": "normal", "ENMAX": 0.0, "ENAUG": 0.0, "EDIFF": 1e-4, "IALGO": 38}
        | {"ALGO": "Normal", "IWAVPR": 12, "NBANDS": 0, "NELECT": 0.0}
    ),
    "electronic smearing": {"ISMEAR": 1, "SIGMA": 0.2, "KSPACING": 0.5, "KGAMMA": True},
    "electronic projectors": {"LREAL": False, "LMAXPAW": -100, "LMAXMIX": 2},
    "electronic startup": {"ISTART": 0, "ICHARG": 2, "INIWAV": 1},
    "electronic spin": {"ISPIN": 1, "LNONCOLLINEAR": False, "MAGMOM": [], "NUPDOWN": -1.0},
    "electronic exchange-correlation": {"GGA": "--", "LASPH": False, "LMETAGGA": False},
    "electronic convergence": {
        "ISEARCH": 0,
        "NELM": 60,
        "NELMDL": -5,
        "NELMIN": 2,
        "LDIAG": True,
        "TIME": 0.4,
    },
    "electronic mixer": (
        {"AMIX": 0.4, "BMIX": 1.0, "AMIN": 0.1, "AMIX_MAG": 1.6, "BMIX_MAG": 1.0}
        | {"IMIX": 4, "MAXMIX": -45, "WC": 100.0, "INIMIX": 1, "MIXPRE": 1, "LMIXTAU": False}
    ),
    "electronic dipolcorrection": {"LDIPOL": False, "IDIPOL": 0},
    "grids": {"NGX": 24, "NGY": 24, "NGZ": 24, "ADDGRID": False},
    "ionic": (
        {"NSW": 0, "IBRION": -1, "MDALGO": 0, "ISIF": 2, "PSTRESS": 0.0, "EDIFFG": 1e-3}
        | {"NFREE": 0, "POTIM": 0.5, "SMASS": -3.0}
    ),
    "ionic md": {"TEBEG": 0.0, "TEEND": 0.0, "NBLOCK": 1, "KBLOCK": 1, "RANDOM_SEED": []},
    "symmetry": {"ISYM": 2, "SYMPREC": 1e-5},
    "dos": {"LORBIT": 0, "NEDOS": 301, "EMIN": 10.0, "EMAX": -10.0, "EFERMI": 0.0},
    "writing": (
        {"NWRITE": 2, "LWAVE": True, "LCHARG": True, "LVTOT": False, "LVHAR": False}
        | {"LELF": False, "LAECHG": False, "LOPTICS": False, "LPARD": False}
    ),
    "performance": (
        {"NPAR": 1, "NCORE": 1, "KPAR": 1, "NSIM": 4, "LPLANE": True, "LSCALAPACK": True}
        | {"LSCALU": False}
    ),
    "miscellaneous": {"LCORR": True, "LDAU": False, "LHFCALC": False, "LSORBIT": False, "IVDW": 0},
}
"""Separators of ``<parameters>``, with the tags in each and their values when not given."""

OTHER_NAMES: Final = {"ENCUT": "ENMAX"}
"""Tags of the INCAR that ``<parameters>`` has under another name."""

DEFAULTS: Final = {name: value for group in GROUPS.values() for name, value in group.items()}

MUST_BE: Final[dict[str, tuple[Value, ...]]] = {
    "LNONCOLLINEAR": (False,),
    "LMETAGGA": (False,),
    "LDAU": (False,),
    "LHFCALC": (False,),
    "LSORBIT": (False,),
    "IVDW": (0,),
    "IBRION": (-1, 0),
    "MDALGO": (0, 2),
    "SMASS": (0.0, -3.0),
    "ISPIN": (1, 2),
}
"""Tags of physics that the simulator has in these variants only."""

_TRUE = {"t", ".t", ".t.", "true", ".true", ".true."}
_FALSE = {"f", ".f", ".f.", "false", ".false", ".false."}


def read_incar(text: str) -> dict[str, Value]:
    """Read an INCAR.

    Parameters
    ----------
    text
        Lines of ``TAG = value``, comments after ``#`` and ``!``, several tags joined by ``;``.

    Returns
    -------
    Values of the tags that are given, with the types of the table.

    Raises
    ------
    InputError
        If a tag is unknown or its value is none of its type.
    """
    given: dict[str, Value] = {}
    for line in text.replace("\\\n", " ").splitlines():
        for statement in line.split("#")[0].split("!")[0].split(";"):
            name, equals, value = statement.partition("=")
            if equals:
                tag = name.strip().upper()
                given.setdefault(tag, _parse(tag, value.strip()))
    return given


def complete(given: dict[str, Value]) -> dict[str, Value]:
    """Add what was not given.

    Parameters
    ----------
    given
        From ``read_incar``.

    Returns
    -------
    Every tag of the table under its name in ``<parameters>``.

    Raises
    ------
    InputError
        If the simulator has nothing for a value.
    """
    all_tags = dict(DEFAULTS)
    all_tags.update({OTHER_NAMES.get(tag, tag): value for tag, value in given.items()})
    for tag, allowed in MUST_BE.items():
        if all_tags[tag] not in allowed:
            choices = ", ".join(map(str, allowed))
            raise InputError(
                f"The simulator has nothing for {tag} = {all_tags[tag]}; use one of: {choices}."
            )
    if "TEEND" not in given:
        all_tags["TEEND"] = all_tags["TEBEG"]
    if all_tags["TEEND"] != all_tags["TEBEG"]:
        raise InputError("The simulator holds one temperature: TEEND must equal TEBEG.")
    if all_tags["NSW"] and all_tags["IBRION"] != 0:
        raise InputError("The simulator does not relax; set IBRION = 0 for MD or NSW = 0.")
    return all_tags


def _parse(tag: str, text: str) -> Value:
    default = DEFAULTS.get(OTHER_NAMES.get(tag, tag))
    if default is None:
        raise InputError(f"The INCAR has a tag that the simulator does not know: {tag}.")
    try:
        return _convert(default, text, tag)
    except ValueError:
        raise InputError(f"The INCAR says {tag} = {text}, which is no value for it.") from None


def _convert(default: Value, text: str, tag: str) -> Value:
    if isinstance(default, bool):
        low = text.lower()
        if tag == "LREAL" and low not in _TRUE | _FALSE:
            return text  # LREAL = Auto
        if low not in _TRUE | _FALSE:
            raise ValueError
        return low in _TRUE
    if isinstance(default, list):
        return [number for word in text.split() for number in _repeated(word)]
    if isinstance(default, str):
        return text
    words = text.split()
    return type(default)(words[0]) if isinstance(default, int) else float(words[0])


def _repeated(word: str) -> list[float]:
    """Read ``31*0.6`` as VASP does."""
    count, star, value = word.rpartition("*")
    return [float(value)] * (int(count) if star else 1)
