"""What a vasprun.xml says before its first step: program, settings, mesh, atoms.

Owns the reading of settings. INCAR in the file lists only what the user set; what VASP used
is in the parameters. Whether these settings are a recipe is not decided here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tm23flows.engines.vasp.chunks import read_chunks
from tm23flows.engines.vasp.steps import number
from tm23flows.errors import InputError

if TYPE_CHECKING:
    from lxml.etree import _Element

Value = bool | int | float | str | list["Value"] | None

SECTIONS = ("generator", "incar", "kpoints", "parameters", "atominfo", "structure")
_NEEDED = ("generator", "parameters", "atominfo", "structure")

MAX_HEADER_BYTES, MAX_QUIET_BYTES = 1 << 24, 1 << 28
"""Limits of what is kept in memory: before the first step, and between two tags that are asked for.
Thousands of atoms and k-points make some megabytes."""


@dataclass(frozen=True)
class RunHeader:
    """What a run was asked to do.

    Parameters
    ----------
    version
        Of VASP, such as 6.4.2.
    incar
        Settings in the INCAR.
    parameters
        Settings that VASP used, with its defaults. A name that comes twice has its first value.
    kmesh
        Numbers of points; None if the points are a list.
    kmesh_style
        ``Gamma``, ``Monkhorst-Pack`` or as VASP calls it; ``list`` for listed points.
    kmesh_shift
        Shift from the Gamma-centred mesh in units of the reciprocal vectors, from the points
        themselves; None if there is no mesh that has them.
    kpoints
        Points of the irreducible wedge in units of the reciprocal vectors, shape (k, 3).
    symbols
        Chemical symbol of each atom.
    potcar_titles
        First line of the dataset of each element.
    neutral_electrons
        Valence electrons of the neutral cell; nan if the file does not say.
    numbers
        Atomic numbers, shape (n,).
    cell
        Initial cell vectors as rows, shape (3, 3), in angstrom.
    fractional
        Initial positions in units of the cell vectors, shape (n, 3).
    """

    version: str
    incar: dict[str, Value]
    parameters: dict[str, Value]
    kmesh: tuple[int, int, int] | None
    kmesh_style: str
    kmesh_shift: tuple[float, float, float] | None
    kpoints: np.ndarray
    symbols: tuple[str, ...]
    potcar_titles: dict[str, str]
    neutral_electrons: float
    numbers: np.ndarray
    cell: np.ndarray
    fractional: np.ndarray

    @property
    def n_scf_max(self) -> int:
        """The largest number of electronic steps, NELM."""
        value = self.parameters.get("NELM")
        return value if isinstance(value, int) else 0


def read_header(path: Path) -> RunHeader:
    """Read what comes before the first step.

    Parameters
    ----------
    path
        A vasprun.xml, plain or compressed.

    Returns
    -------
    The settings of the run.

    Raises
    ------
    InputError
        If this is no vasprun.xml, or it ends before its header is complete.
    """
    found: dict[str, _Element] = {}
    for event, element in parse_elements(path, ("calculation",)):
        if element.tag == "calculation":
            break
        if event == "end":
            keep_section(found, element)
    return make_header(found, path.name)


def parse_elements(path: Path, more_tags: Iterable[str]) -> Iterator[tuple[str, _Element]]:
    """Parse a file, neither loading nor expanding anything from outside.

    Parameters
    ----------
    path
        A vasprun.xml, plain or compressed.
    more_tags
        Tags to report besides those of the header.

    Yields
    ------
    ``start`` or ``end`` and the element, up to where the file was cut, if it was.

    Raises
    ------
    InputError
        If this is no vasprun.xml, it is damaged, or larger between its tags than what VASP
        writes; what comes before the damage has been yielded then.
    """
    from lxml.etree import XMLPullParser, XMLSyntaxError

    parser = XMLPullParser(
        ("start", "end"),
        tag=(*SECTIONS, *more_tags),
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
    )
    quiet, limit = 0, MAX_HEADER_BYTES
    for chunk in read_chunks(path):
        try:
            parser.feed(chunk)
        except XMLSyntaxError as error:
            yield from parser.read_events()
            raise InputError(f"{path.name} is damaged: {error.msg}.") from error
        quiet += len(chunk)
        for event, element in parser.read_events():
            if element.tag == "calculation":
                limit = MAX_QUIET_BYTES
            if limit == MAX_QUIET_BYTES and element.tag not in SECTIONS:
                quiet = 0
            yield event, element
        if quiet > limit:
            raise InputError(f"{path.name} has more than {limit} bytes where VASP writes little.")
    with suppress(XMLSyntaxError):  # it was cut; what was complete before is all there is
        parser.close()
    yield from parser.read_events()


def keep_section(found: dict[str, _Element], element: _Element) -> None:
    """Keep an element of the header that has ended.

    Parameters
    ----------
    found
        Elements by tag; the first of each tag stays.
    element
        Any element.
    """
    is_initial = element.tag != "structure" or element.get("name") == "initialpos"
    if element.tag in SECTIONS and is_initial:
        found.setdefault(element.tag, element)


def make_header(found: Mapping[str, _Element], name: str) -> RunHeader:
    """Put the elements of a header together.

    Parameters
    ----------
    found
        Elements by tag.
    name
        Of the file, for messages.

    Returns
    -------
    The header.

    Raises
    ------
    InputError
        If something is missing or does not fit together.
    """
    if missing := [tag for tag in _NEEDED if tag not in found]:
        raise InputError(f"{name} has no <{missing[0]}> before its first step: it was cut there.")
    symbols, types = _atoms(found["atominfo"])
    cell = rows(found["structure"].find("crystal/varray[@name='basis']"))
    fractional = rows(found["structure"].find("varray[@name='positions']"))
    if cell.shape != (3, 3) or fractional.shape != (len(symbols), 3) or not symbols:
        raise InputError(f"{name} is damaged: its initial geometry does not fit its atoms.")
    mesh, style, points = _mesh(found.get("kpoints"))
    return RunHeader(
        version=_settings(found["generator"]).get("version", "").strip(),
        incar=_settings(found["incar"]) if "incar" in found else {},
        parameters=_settings(found["parameters"]),
        kmesh=mesh,
        kmesh_style=style,
        kmesh_shift=None if mesh is None else _shift(mesh, points),
        kpoints=points,
        symbols=symbols,
        potcar_titles={symbol: title for _, symbol, _, title in types},
        neutral_electrons=sum(n * valence for n, _, valence, _ in types) if types else np.nan,
        numbers=_atomic_numbers(symbols, name),
        cell=cell,
        fractional=fractional,
    )


def rows(varray: _Element | None) -> np.ndarray:
    """Read an array of vectors.

    Parameters
    ----------
    varray
        The element; None is an empty array.

    Returns
    -------
    Shape (k, 3). What is no number is nan, and so is a row of other than three.
    """
    lines = [] if varray is None else [(v.text or "").split() for v in varray.findall("v")]
    values = [[number(x) for x in line] if len(line) == 3 else [np.nan] * 3 for line in lines]
    return np.array(values, dtype=float).reshape(-1, 3)


def _settings(section: _Element) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for item in section.iter("i", "v"):
        text, kind = item.text or "", item.get("type", "float")
        value = _value(text, kind) if item.tag == "i" else [_value(t, kind) for t in text.split()]
        found.setdefault(item.get("name", ""), value)
    return found


def _value(text: str, kind: str) -> Value:
    if kind == "string":
        return text.strip()
    if kind == "logical":
        return text.strip().strip(".").upper().startswith("T")
    value = number(text)
    if kind == "int":
        return int(value) if np.isfinite(value) else None
    return value


def _atoms(section: _Element) -> tuple[tuple[str, ...], list[tuple[float, str, float, str]]]:
    """Return the symbol of each atom, and number of atoms, symbol, valence, title by type."""
    tables = {
        array.get("name"): [
            [(c.text or "").strip() for c in row.findall("c")] for row in array.findall("set/rc")
        ]
        for array in section.findall("array")
    }
    symbols = tuple(_symbol(row[0]) for row in tables.get("atoms", ()) if row)
    types = [
        (number(row[0]), _symbol(row[1]), number(row[3]), row[4])
        for row in tables.get("atomtypes", ())
        if len(row) > 4
    ]
    return symbols, types


def _symbol(text: str) -> str:
    return "Zr" if text == "r" else text  # what VASP 5 makes of zirconium


def _mesh(section: _Element | None) -> tuple[tuple[int, int, int] | None, str, np.ndarray]:
    if section is None:
        return None, "list", np.empty((0, 3))
    points = rows(section.find("varray[@name='kpointlist']"))
    generation = section.find("generation")
    divisions = None if generation is None else generation.find("v[@name='divisions']")
    if divisions is None:
        # A single point at Gamma is a mesh, however it was given.
        is_gamma = points.shape == (1, 3) and not points.any()
        return ((1, 1, 1) if is_gamma else None), "list", points
    words = (divisions.text or "").split()
    if len(words) != 3 or not all(word.isdecimal() and int(word) for word in words):
        return None, "list", points
    return (int(words[0]), int(words[1]), int(words[2])), generation.get("param", ""), points


def _shift(mesh: tuple[int, int, int], points: np.ndarray) -> tuple[float, float, float] | None:
    """Return the shift that puts all points on the mesh; half a division up is one down."""
    scaled = points * np.array(mesh)
    parts = scaled - np.rint(scaled)
    parts = np.where(np.abs(np.abs(parts) - 0.5) < 1e-4, 0.5, parts)
    if not len(parts) or np.ptp(parts, axis=0).max() > 1e-4:
        return None
    x, y, z = (float(part) for part in np.round(parts[0], 4) / np.array(mesh) + 0.0)
    return x, y, z


def _atomic_numbers(symbols: tuple[str, ...], name: str) -> np.ndarray:
    from ase.data import atomic_numbers

    if unknown := sorted(set(symbols) - set(atomic_numbers)):
        raise InputError(f"{name} has atoms of '{unknown[0]}', which is no element.")
    return np.array([atomic_numbers[symbol] for symbol in symbols])
