"""Whether what ran is what was asked for.

Owns the comparison after a run, which finds whatever any handler of any release, any user
or any accident has changed: the inputs as they are in the end, and what VASP itself says it
used, against what the input set writes. Does not judge the results.
"""

from __future__ import annotations

import math
import mmap
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from atomate2.vasp.sets.base import VaspInputGenerator
from pymatgen.core import Structure
from pymatgen.io.vasp import Incar, Kpoints, Poscar, VaspInput

from tm23flows.engines.vasp.header import RunHeader, read_header
from tm23flows.engines.vasp.incar_tags import FREE_TAGS, FROZEN_TAGS
from tm23flows.engines.vasp.inputs import input_files
from tm23flows.engines.vasp.kpoints_file import read_kpoints, same_mesh
from tm23flows.engines.vasp.places import patiently
from tm23flows.engines.vasp.restart import first_positions
from tm23flows.errors import InputError
from tm23flows.science.spectrum import EMPTY_BAND

OTHER_NAMES = {"ENCUT": "ENMAX"}
"""Tags that VASP's parameters have under another name."""

POSITION_TOLERANCE = 1e-6
"""Fractional; VASP writes eight digits."""

CELL_TOLERANCE_A = 1e-6


def drifts(folder: Path, generator: VaspInputGenerator, structure: Structure) -> list[str]:
    """Compare a finished run with what was asked for.

    Parameters
    ----------
    folder
        Folder of the run.
    generator
        The input set that wrote its inputs.
    structure
        The atoms that were asked for.

    Returns
    -------
    One phrase for each difference; empty if the run may be believed.
    """
    asked = input_files(generator, structure)
    found = [*_input_drifts(folder, asked)]
    path = folder / "vasprun.xml"
    try:
        header = patiently(lambda: read_header(path))
    except (InputError, OSError) as error:
        return [*found, f"vasprun.xml cannot be read: {error}"]
    found += _settings_drifts(header, asked, _electrons(generator, asked))
    found += _atoms_drifts(header, asked, structure, _start(folder, structure))
    if not asked["INCAR"].get("NSW"):
        found += _band_drifts(path, header.parameters.get("NBANDS"))
    return list(dict.fromkeys(found))


def used_drifts(parameters: Mapping[str, Any], asked: Mapping[str, Any]) -> list[str]:
    """Compare what VASP says it used with an INCAR.

    Parameters
    ----------
    parameters
        VASP's settings with its defaults, from vasprun.xml.
    asked
        Tags and values of the INCAR.

    Returns
    -------
    One phrase for each difference. A tag that VASP does not report is no difference.
    """
    used = {tag: parameters.get(OTHER_NAMES.get(tag, tag)) for tag in asked}
    told = {tag for tag, value in used.items() if value is not None}
    wanted = dict(asked)
    if "LREAL" in told:
        # VASP reports whether it projects in real space, and no longer by which of its ways.
        wanted["LREAL"] = _word(asked["LREAL"]) != "f"
    if "SMASS" in told and asked["SMASS"] == 0 and used["SMASS"] > 0:
        # VASP reports the mass that it made of 0.
        told.remove("SMASS")
    return list(_tag_drifts("VASP", used, wanted, told))


def highest_occupation(path: Path, n_bands: int) -> float | None:
    """Return the largest occupation that the highest band has at any k-point.

    Parameters
    ----------
    path
        A vasprun.xml of a static run, not compressed.
    n_bands
        Number of bands, NBANDS.

    Returns
    -------
    The occupation without its sign (1 is full), for Methfessel-Paxton's can be negative;
    None if the file has not all the bands.
    """
    # What follows the eigenvalues can be large, where there are projections.
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as whole:
        begin = whole.rfind(b"<eigenvalues>")
        text = whole[begin : whole.find(b"</eigenvalues>", begin)] if begin >= 0 else b""
    points = re.findall(rb'<set comment="kpoint[^>]*>(.*?)</set>', text, re.DOTALL)
    bands = [re.findall(rb"<r>\s*\S+\s+(\S+)\s*</r>", point) for point in points]
    if not bands or any(len(point) != n_bands for point in bands):
        return None
    return max(abs(float(point[-1])) for point in bands)


def _electrons(generator: VaspInputGenerator, asked: VaspInput) -> float:
    """Return the electrons of the neutral atoms of the datasets, and those more than neutral."""
    valence = {dataset.element: dataset.nelectrons for dataset in asked["POTCAR"]}
    neutral = sum(valence[site.specie.symbol] for site in asked["POSCAR"].structure)
    return neutral + getattr(generator, "electron_shift", 0.0)


def _input_drifts(folder: Path, asked: VaspInput) -> Iterator[str]:
    """Compare the files of the inputs as they are now."""
    try:
        incar = Incar.from_file(folder / "INCAR")
        mesh = read_kpoints(Kpoints.from_file(folder / "KPOINTS"))
        poscar = Poscar.from_file(folder / "POSCAR", check_for_potcar=False).structure
    except (InputError, OSError, ValueError, LookupError) as error:
        yield f"an input cannot be read: {error}"
        return
    # Written and read again, for pymatgen reads some values otherwise than they were given.
    written = Incar.from_str(asked["INCAR"].get_str())
    yield from _tag_drifts("INCAR", incar, written, {*incar, *written} - FREE_TAGS)
    if not same_mesh(mesh, read_kpoints(asked["KPOINTS"])):
        yield f"KPOINTS has the mesh {mesh}, not {read_kpoints(asked['KPOINTS'])}"
    wanted = asked["POSCAR"].structure
    if not np.allclose(poscar.lattice.matrix, wanted.lattice.matrix, rtol=0, atol=CELL_TOLERANCE_A):
        yield "POSCAR has another cell"
    if poscar.species != wanted.species:
        yield "POSCAR has other atoms"
    elif _moved(poscar.frac_coords, wanted.frac_coords):
        yield "POSCAR has other positions"


def _settings_drifts(header: RunHeader, asked: VaspInput, electrons: float) -> Iterator[str]:
    """Compare what VASP says it read and used."""
    incar = asked["INCAR"]
    expected = {"NELECT": electrons, **{tag: incar[tag] for tag in FROZEN_TAGS & set(incar)}}
    if not incar.get("NSW"):
        expected |= {"NSW": 0, "IBRION": -1, "ISIF": 2}
    given = {tag: value for tag, value in header.incar.items() if tag in FROZEN_TAGS}
    yield from _tag_drifts("vasprun.xml", given, incar, set(given))
    yield from used_drifts(header.parameters, expected)
    if str(header.parameters.get("GGA", "--")).strip() not in {"--", "PE", ""}:
        yield f"VASP has GGA = {header.parameters['GGA']}, not PBE"
    mesh = read_kpoints(asked["KPOINTS"])
    if header.kmesh is None or header.kmesh_shift is None:
        yield "vasprun.xml has no regular k-mesh"
    elif not same_mesh((header.kmesh, header.kmesh_shift), mesh):
        yield f"vasprun.xml has the mesh {header.kmesh} shifted {header.kmesh_shift}, not {mesh}"
    for dataset in asked["POTCAR"]:
        title = header.potcar_titles.get(dataset.element, "")
        if title.split() != dataset.header.split():
            yield f"VASP has the dataset {title}, not {dataset.header}"


def _start(folder: Path, structure: Structure) -> np.ndarray:
    """Return where the run should begin: one step on, if its POSCAR was a CONTCAR."""
    try:
        poscar = Poscar.from_file(folder / "POSCAR", check_for_potcar=False)
    except (OSError, ValueError, LookupError):
        return structure.frac_coords
    return structure.frac_coords if poscar.predictor_corrector is None else first_positions(poscar)


def _atoms_drifts(
    header: RunHeader, asked: VaspInput, structure: Structure, start: np.ndarray
) -> Iterator[str]:
    """Compare cell, species and the order of atoms."""
    if list(header.symbols) != [site.specie.symbol for site in asked["POSCAR"].structure]:
        yield "vasprun.xml has other atoms"
    elif _moved(header.fractional, start):
        yield "vasprun.xml has the atoms in other places, or in another order"
    if not np.allclose(header.cell, structure.lattice.matrix, rtol=0, atol=CELL_TOLERANCE_A):
        yield "vasprun.xml has another cell"


def _band_drifts(path: Path, n_bands: object) -> Iterator[str]:
    occupation = highest_occupation(path, n_bands) if isinstance(n_bands, int) else None
    if occupation is not None and not occupation <= EMPTY_BAND:
        yield (
            f"the highest band is not empty (occupation {occupation:g}): raise bands_percent of "
            "the input set"
        )


def _moved(found: np.ndarray, wanted: np.ndarray) -> bool:
    away = found - wanted
    return not np.abs(away - np.rint(away)).max() <= POSITION_TOLERANCE


def _tag_drifts(
    where: str, found: Mapping[str, Any], asked: Mapping[str, Any], tags: set[str] | frozenset[str]
) -> Iterator[str]:
    for tag in sorted(tags):
        have, want = found.get(tag), asked.get(tag)
        if not _same(have, want):
            said = "no value" if want is None else want
            yield f"{where} has {tag} = {have}, not {said}"


def _same(one: object, other: object) -> bool:
    """Compare values as VASP writes them: numbers with some digits, words with some letters."""
    if isinstance(one, bool) or isinstance(other, bool):
        return _word(one) == _word(other)
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        return math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-8)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return _word(one) == _word(other)


def _word(value: object) -> str:
    text = str(value).strip().strip(".").lower()
    # VASP cuts words to six letters ("accura") and knows truth values by their first.
    return text[:1] if text in {"t", "f", "true", "false"} else text[:6]
