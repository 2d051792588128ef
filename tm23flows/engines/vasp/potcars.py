"""PAW datasets (POTCAR files): which one an element gets, and which one it is.

Owns the table of titles, the search for the files and their identity. The files are
licensed: their content goes into run folders only, never into documents or messages.
"""

from __future__ import annotations

import os
import re
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from tm23flows.errors import InputError, MissingDependencyError
from tm23flows.science.metals import metal

if TYPE_CHECKING:
    from pymatgen.io.vasp import PotcarSingle

DEFAULT_FUNCTIONAL = "PBE_54"
"""Release of the PBE datasets, in pymatgen's words."""

# The releases from 5.4 on have no W_pv. pymatgen takes W_sv there, and so do we.
_TITLES_SINCE_54 = {"W": "W_sv"}
_SINCE_54 = ("PBE_54", "PBE_54_W_HASH", "PBE_64")


def potcar_title(symbol: str, functional: str = DEFAULT_FUNCTIONAL) -> str:
    """Return the dataset that an element gets unless the user names another.

    Parameters
    ----------
    symbol
        One of the 27 metals.
    functional
        Release of the datasets, such as ``PBE_54`` or ``PBE``.

    Returns
    -------
    The title, such as ``Cu_pv``: the table of the package, which is pymatgen's MPRelaxSet.

    Raises
    ------
    InputError
        If the element is not one of the 27.
    """
    if functional in _SINCE_54 and symbol in _TITLES_SINCE_54:
        return _TITLES_SINCE_54[symbol]
    return metal(symbol).potcar_title


def read_potcar(title: str, functional: str = DEFAULT_FUNCTIONAL) -> PotcarSingle:
    """Read a dataset from the user's POTCAR library.

    Parameters
    ----------
    title
        Name of the dataset, such as ``Cu_pv``.
    functional
        Release of the datasets.

    Returns
    -------
    The dataset. The variable ``PMG_VASP_PSP_DIR`` is read now, not at import as in pymatgen.

    Raises
    ------
    InputError
        If the release is unknown.
    MissingDependencyError
        If the library is not set or has no such dataset; the sentence says where it was sought.
    """
    path = _find(title, functional)
    return _read(path, title, path.stat().st_mtime_ns)


def potcar_identity(title: str, functional: str = DEFAULT_FUNCTIONAL) -> str:
    """Return what tells this dataset from every other one.

    Parameters
    ----------
    title
        Name of the dataset.
    functional
        Release of the datasets.

    Returns
    -------
    VASP's own title and the first 16 digits of the checksum of the file's text, such as
    ``PAW_PBE Cu_pv 06Sep2000 sha256:0123456789abcdef``.
    """
    potcar = read_potcar(title, functional)
    digest = sha256(potcar.data.encode()).hexdigest()[:16]
    return f"{' '.join(potcar.TITEL.split())} sha256:{digest}"


@lru_cache(maxsize=64)
def _read(path: Path, title: str, changed: int) -> PotcarSingle:  # noqa: ARG001 - part of the key
    """Read a file once for as long as it does not change; a batch needs it many times."""
    from monty.io import zopen
    from pymatgen.io.vasp import PotcarSingle

    with zopen(path, mode="rt", encoding="utf-8") as file:
        return PotcarSingle(file.read(), symbol=title)


def _find(title: str, functional: str) -> Path:
    from pymatgen.core import SETTINGS
    from pymatgen.io.vasp import PotcarSingle

    folder = SETTINGS.get("PMG_VASP_PSP_SUB_DIRS", {}).get(
        functional, PotcarSingle.functional_dir.get(functional)
    )
    if not re.fullmatch(r"[A-Za-z0-9_.]+", title):
        raise InputError(f"'{title}' is no name of a dataset; use one such as Cu_pv.")
    if folder is None:
        known = ", ".join(PotcarSingle.functional_dir)
        raise InputError(f"There is no POTCAR functional '{functional}'; use one of: {known}.")
    library = os.environ.get("PMG_VASP_PSP_DIR") or SETTINGS.get("PMG_VASP_PSP_DIR")
    if not library:
        raise MissingDependencyError(
            f"The dataset {title} ({functional}) is not here: set PMG_VASP_PSP_DIR to the folder "
            f"that holds {folder}."
        )
    tried = Path(library).expanduser() / folder
    for base in (tried / f"POTCAR.{title}", tried / title / "POTCAR"):
        for ending in ("", ".gz", ".bz2", ".Z"):
            if (path := base.with_name(base.name + ending)).is_file():
                return path
    raise MissingDependencyError(
        f"The dataset {title} ({functional}) is not here: looked for POTCAR.{title} and "
        f"{title}/POTCAR in {tried}; add it there or mend PMG_VASP_PSP_DIR."
    )
