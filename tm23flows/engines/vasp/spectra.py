"""The electronic spectrum of a VASP run, from vasprun.xml.

Owns the reading of eigenvalues, occupations and projections. Steps are the business of
``outputs``. The section of projections has a row for every atom, band and k-point and can be
larger than the memory should be: rows are summed over the atoms as they pass by.

Projections (LORBIT = 11) are those on spherical harmonics inside the spheres of the PAW datasets.
They do not sum to 1: what lies between the spheres is in none of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from tm23flows.engines.vasp.header import keep_section, make_header, parse_elements
from tm23flows.engines.vasp.steps import number
from tm23flows.errors import InputError
from tm23flows.science.spectrum import CHANNELS, Spectrum

if TYPE_CHECKING:
    from lxml.etree import _Element

PROJECTION_TAGS: Final = {"LORBIT": 11}
"""What makes VASP write projections; they change no number that was there without them."""

_TAGS = ("calculation", "eigenvalues", "dos", "projected", "set")
_OTHER_CHANNELS = ("f",)
_D_WITHOUT_ITS_LETTER = "x2-y2"

WEIGHT_SLACK = 1e-3
"""Weights of k-points are written with eight digits, and sum to 1 only up to that."""


@dataclass
class _Found:
    """What has been read so far; later steps replace earlier ones."""

    header: dict[str, _Element] = field(default_factory=dict)
    fermi_eV: float | None = None
    bands: np.ndarray | None = None
    columns: list[int | None] | None = None
    points: list[list[np.ndarray]] = field(default_factory=list)
    spins: int = 0


def read_spectrum(path: Path) -> Spectrum:
    """Read the spectrum of the last step of a run.

    Parameters
    ----------
    path
        A vasprun.xml, plain or compressed, of a run with LORBIT = 10 or 11.

    Returns
    -------
    The spectrum.

    Raises
    ------
    InputError
        If this is no vasprun.xml, it is damaged, spin was treated, or it has no eigenvalues or
        projections.
    """
    found, projecting = _Found(), False
    for event, element in parse_elements(path, _TAGS):
        if event == "start":
            if element.tag == "projected":
                projecting, found.points, found.spins, found.columns = True, [], 0, None
            continue
        keep_section(found.header, element)
        if element.tag == "projected":
            projecting = False
            element.clear()
        elif element.tag == "set" and projecting:
            _keep_projections(found, element, path.name)
        elif element.tag == "eigenvalues":
            if not projecting:
                found.bands = _bands(element, path.name)
            element.clear()
        elif element.tag == "dos":
            fermi = element.findtext("i[@name='efermi']")
            found.fermi_eV = found.fermi_eV if fermi is None else number(fermi)
            element.clear()
        elif element.tag == "calculation":
            element.clear()
    return _spectrum(found, path.name)


def _bands(section: _Element, name: str) -> np.ndarray:
    """Return energies and occupations, shape (k, b, 2)."""
    spins = section.findall("array/set/set")
    if len(spins) != 1:
        raise _with_spin(name, len(spins))
    rows = [
        [[number(x) for x in (r.text or "").split()] for r in point.findall("r")]
        for point in spins[0].findall("set")
    ]
    try:
        return np.array(rows, dtype=float).reshape(len(rows), -1, 2)
    except ValueError:
        raise InputError(f"The eigenvalues in {name} are damaged.") from None


def _keep_projections(found: _Found, element: _Element, name: str) -> None:
    """Sum a band over its atoms; a point or a spin ends where its bands do."""
    comment = element.get("comment", "")
    if comment.startswith("band"):
        if found.columns is None:
            found.columns = _columns(next(element.iterancestors("array")), name)
        if not found.points:
            found.points.append([])
        found.points[-1].append(_sum_over_atoms(element, found.columns, name))
        element.clear()
    elif comment.startswith("kpoint"):
        # The section begins with the eigenvalues once more, which have points and no bands.
        if found.points and found.points[-1]:
            found.points.append([])
        element.clear()
    elif comment.startswith("spin") and found.points:
        found.spins += 1
        if found.spins > 1:
            raise _with_spin(name, found.spins)


def _columns(array: _Element, name: str) -> list[int | None]:
    """Return the channel of each column; None for those above d."""
    columns: list[int | None] = []
    for one in array.findall("field"):
        word = (one.text or "").strip()
        letter = "d" if word == _D_WITHOUT_ITS_LETTER else word[:1]
        if letter not in (*CHANNELS, *_OTHER_CHANNELS):
            raise InputError(f"The projections in {name} have an unknown column '{word}'.")
        columns.append(CHANNELS.index(letter) if letter in CHANNELS else None)
    return columns


def _sum_over_atoms(band: _Element, columns: Iterable[int | None], name: str) -> np.ndarray:
    columns = list(columns)
    rows = [(r.text or "").split() for r in band.findall("r")]
    try:
        by_column = np.array(rows, dtype=float).reshape(-1, len(columns)).sum(axis=0)
    except ValueError:
        raise InputError(f"The projections in {name} are damaged.") from None
    summed = np.zeros(len(CHANNELS))
    for channel, value in zip(columns, by_column, strict=True):
        if channel is not None:
            summed[channel] += value
    return summed


def _spectrum(found: _Found, name: str) -> Spectrum:
    header = make_header(found.header, name)
    points = [point for point in found.points if point]
    if found.bands is None or found.fermi_eV is None:
        raise InputError(f"{name} has no eigenvalues or no Fermi level: the run has not ended.")
    if not points:
        raise InputError(f"{name} has no projections; set LORBIT = 11 and run it again.")
    if found.bands.shape[:2] != (len(points), len(points[0])) or len({*map(len, points)}) > 1:
        raise InputError(f"The projections in {name} are of other states than its eigenvalues.")
    electrons = header.parameters.get("NELECT")
    if not isinstance(electrons, float):
        raise InputError(f"{name} does not say the number of electrons (NELECT).")
    return Spectrum(
        eigenvalues_eV=found.bands[..., 0],
        weights=_weights(found.header.get("kpoints"), name),
        # Without spin VASP writes 1 for a state that holds two electrons.
        occupations=found.bands[..., 1],
        projections=np.array(points),
        fermi_eV=found.fermi_eV,
        electrons=electrons,
    )


def _weights(section: _Element | None, name: str) -> np.ndarray:
    array = None if section is None else section.find("varray[@name='weights']")
    rows = [] if array is None else array.findall("v")
    weights = np.array([number((row.text or "").strip()) for row in rows])
    if not len(weights) or not abs(weights.sum() - 1) < WEIGHT_SLACK:
        raise InputError(f"The weights of the k-points in {name} do not sum to 1.")
    return weights / weights.sum()


def _with_spin(name: str, n_spins: int) -> InputError:
    return InputError(
        f"{name} has states of {n_spins} spins; spectra are read of runs without spin (ISPIN = 1)."
    )
