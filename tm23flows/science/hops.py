"""Hops of atoms from lattice site to lattice site along a whole trajectory.

Owns the rule that says which atoms are in the middle of a rare event, and when. The article
(npj Comput. Mater. 9, 174, 2023) does not state its rule; this one is ours. The errors on such
atoms are in :mod:`tm23flows.science.rare_events`, what is written for a frame is in
:mod:`tm23flows.science.event_frames`.

1. The drift of the centre of mass is removed. A hop moves the lattice against the centre of mass,
   by the length of the hop over the number of atoms. So the lattice is followed besides: the mean
   offset of the atoms from their sites, over short blocks of steps, is removed too.
2. At each step an atom is on the nearest site (minimum image) if that is within ``r_site_A``,
   else on none. An atom *visits* a site from the first to the last step on it before it is on
   another one. A visit *persists* if it lasts for ``persistence_steps``.
3. A hop is a change of the site between two visits that persist; shorter ones in between are
   recrossings. Images of a site are the same site, so crossing the boundary of the cell is none.
4. The atom is in the middle of the hop at the steps strictly between the last one on the old site
   and the first one on the new site after it.

A melt has no lattice sites. Atoms that are anywhere are within ``r_site_A`` of a site with the
chance p = (volume of all spheres) / (volume of the cell), those of a crystal nearly always. So the
*order*, (share - p) / (1 - p), is 0 in a melt and 1 in a crystal. Where it is below ``min_order``
in one of ten equal parts of the trajectory, no hop is counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tm23flows.errors import InputError
from tm23flows.science.label_arrays import FloatArray, finite_array

BLOCK_STEPS: Final = 64
"""Steps that are looked at together: bounds the memory, and is the time over which the offset of
the lattice is averaged."""

N_PARTS: Final = 10
"""Parts of the trajectory each of which must be a crystal."""

NO_SITE: Final = -1

SiteArray = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Lattice:
    """Sites of a supercell before its vacancy was made.

    Parameters
    ----------
    sites_A
        Ideal or time-averaged sites, (sites, 3), A.
    cell_A
        Lattice vectors as rows, (3, 3), A; periodic in all directions.
    """

    sites_A: FloatArray
    cell_A: FloatArray

    def __post_init__(self) -> None:
        sites = finite_array(self.sites_A, "lattice sites")
        cell = finite_array(self.cell_A, "cell")
        if cell.shape != (3, 3) or abs(np.linalg.det(cell)) < 1e-9 * np.prod(
            np.linalg.norm(cell, axis=1)
        ):
            raise InputError("The cell must be three independent lattice vectors in A, (3, 3).")
        if sites.ndim != 2 or sites.shape[1] != 3 or not len(sites):
            raise InputError(f"Lattice sites have shape {sites.shape}: give (sites, 3) in A.")
        object.__setattr__(self, "sites_A", sites)
        object.__setattr__(self, "cell_A", cell)

    @property
    def smallest_spacing(self) -> float:
        """Smallest distance between opposite faces of the cell, A."""
        return float(1 / np.linalg.norm(np.linalg.inv(self.cell_A), axis=0).max())


@dataclass(frozen=True)
class HopRule:
    """Parameters of the rule; record them with whatever is made of it.

    Parameters
    ----------
    r_site_A
        An atom that is at most so far from a site is on it, A.
    persistence_steps
        Steps that a visit must last to count; the default is 250 fs for steps of 5 fs, longer than
        the vibration in which an atom that has overshot comes back.
    min_order
        Least order of a crystal, between 0 (a melt) and 1.
    """

    r_site_A: float = 0.8
    persistence_steps: int = 50
    min_order: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.r_site_A < np.inf or self.persistence_steps < 1:
            raise InputError(
                "A rule for hops needs a positive r_site in A and a persistence of at least one "
                f"step, not {self.r_site_A} and {self.persistence_steps}."
            )
        if not 0 <= self.min_order <= 1:
            raise InputError(f"The least order lies between 0 and 1, as {self.min_order} does not.")


@dataclass(frozen=True)
class Hop:
    """One change of site. Steps are places in the trajectory, counted from 0.

    ``left`` is the last step on the old site, ``entered`` the first on the new one after it.
    """

    atom: int
    from_site: int
    to_site: int
    left: int
    entered: int

    @property
    def steps(self) -> range:
        """Steps at which the atom is in the middle; none if it jumped within one step."""
        return range(self.left + 1, self.entered)


@dataclass(frozen=True, eq=False)
class HopSearch:
    """What was found in a trajectory.

    Parameters
    ----------
    hops
        In the order of ``left``, then of the atoms; empty where there is no lattice.
    undecided
        Changes at the start and the end of the trajectory that are too short to know whether they
        persist. They are not among the hops.
    no_lattice_sites
        Why no hops were looked for; None if they were.
    share_on_site, order
        Share of atoms and steps on a site, and the order of the least ordered tenth.
    sites
        Site of each atom at each step, (steps, atoms), :data:`NO_SITE` between sites.
    shifts_A
        How far drift and offset have moved the lattice at each step, (steps, 3), A.
    lattice, rule
        What was asked.
    """

    hops: tuple[Hop, ...]
    undecided: int
    no_lattice_sites: str | None
    share_on_site: float
    order: float
    sites: SiteArray
    shifts_A: FloatArray
    lattice: Lattice
    rule: HopRule


def find_hops(positions: ArrayLike, lattice: Lattice, rule: HopRule | None = None) -> HopSearch:
    """Find all hops of all atoms.

    Parameters
    ----------
    positions
        Of every step, (steps, atoms, 3), A, wrapped into the cell or not. All atoms weigh the
        same. It is read in blocks of steps, so a memory map will do. Between two steps an atom
        must move by less than half of the smallest distance of opposite faces of the cell. In the
        first step the lattice must be where the sites say, within a part of ``r_site_A``.
    lattice
        Sites and cell.
    rule
        Parameters; None for the defaults.

    Returns
    -------
        Hops, or the reason why there are no lattice sites, and the sites of all atoms.

    Raises
    ------
    InputError
        The shapes do not fit, a number is not finite, or spheres of ``r_site_A`` overlap.
    """
    rule = rule or HopRule()
    frames = as_trajectory(positions)
    chance = _chance_on_site(lattice, rule)
    sites = np.empty(frames.shape[:2], dtype=np.int32)
    shifts = np.empty((len(frames), 3))
    for block, found, moved in _follow(frames, lattice, rule.r_site_A):
        sites[block], shifts[block] = found, moved
    on_site = (sites != NO_SITE).mean(axis=1)
    parts = np.array_split(on_site, min(N_PARTS, len(on_site)))
    order = (min(part.mean() for part in parts) - chance) / (1 - chance)
    melted = None
    if order < rule.min_order:
        melted = (
            f"no lattice sites: in a part of the trajectory the order is {order:.2f}, less than "
            f"{rule.min_order:g}; a melt has 0 and a crystal 1"
        )
    hops, undecided = ((), 0) if melted else _hops_of(sites, rule.persistence_steps)
    return HopSearch(
        hops=hops,
        undecided=undecided,
        no_lattice_sites=melted,
        share_on_site=float(on_site.mean()),
        order=float(order),
        sites=sites,
        shifts_A=shifts,
        lattice=lattice,
        rule=rule,
    )


def as_trajectory(positions: ArrayLike) -> NDArray[Any]:
    """Check the shape of a trajectory without reading it.

    Parameters
    ----------
    positions
        (steps, atoms, 3), A.

    Returns
    -------
        The same.

    Raises
    ------
    InputError
        It has another shape, no step or no atom.
    """
    frames = np.asarray(positions)
    if frames.ndim != 3 or frames.shape[2] != 3 or 0 in frames.shape:
        raise InputError(f"Positions have shape {frames.shape}: give (steps, atoms, 3) in A.")
    return frames


def _chance_on_site(lattice: Lattice, rule: HopRule) -> float:
    """Return the share of the cell within r_site of a site; refuse spheres that overlap."""
    search = _NearestSite(lattice)
    # The nearest image of a site is the site itself.
    closest = search.tree.query(search.home, k=2)[0][:, 1].min()
    largest = min(closest, lattice.smallest_spacing) / 2
    if rule.r_site_A >= largest:
        raise InputError(
            f"Within {rule.r_site_A:g} A an atom could be on two sites at once: r_site must be "
            f"below {largest:.3g} A here, and no two sites may be the same."
        )
    sphere = 4 / 3 * np.pi * rule.r_site_A**3
    return float(len(lattice.sites_A) * sphere / abs(np.linalg.det(lattice.cell_A)))


class _NearestSite:
    """Search tree of the sites in the cell and of their images in all cells around it.

    It finds the true nearest image where that is no farther than opposite faces are.
    """

    def __init__(self, lattice: Lattice) -> None:
        from scipy.spatial import cKDTree

        self.cell, self.inverse = lattice.cell_A, np.linalg.inv(lattice.cell_A)
        self.home = self.into_cell(lattice.sites_A)
        around = np.stack(np.meshgrid(*[[-1, 0, 1]] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
        self.images = ((around @ self.cell)[:, None] + self.home).reshape(-1, 3)
        self.tree = cKDTree(self.images)

    def into_cell(self, points: FloatArray) -> FloatArray:
        """Wrap points into the cell."""
        fractions = points @ self.inverse
        return (fractions - np.floor(fractions)) @ self.cell

    def short(self, vectors: FloatArray) -> FloatArray:
        """Return the image of each vector that is shorter than half of the smallest spacing."""
        fractions = vectors @ self.inverse
        return (fractions - np.round(fractions)) @ self.cell

    def nearest(self, points: FloatArray, r_site_A: float) -> tuple[SiteArray, FloatArray]:
        """Return the site of each point, (...), and the vector from that site, (..., 3)."""
        wrapped = self.into_cell(points)
        distance, image = self.tree.query(wrapped)
        site = np.where(distance <= r_site_A, image % len(self.home), NO_SITE)
        return site.astype(np.int32), wrapped - self.images[image]


def _follow(
    frames: NDArray[Any], lattice: Lattice, r_site_A: float
) -> Iterator[tuple[slice, SiteArray, FloatArray]]:
    """Yield for each block of steps the sites of the atoms and how far the lattice has moved."""
    search = _NearestSite(lattice)
    drift, offset = np.zeros(3), np.zeros(3)
    before = finite_array(frames[:1], "positions")
    for start in range(0, len(frames), BLOCK_STEPS):
        block = slice(start, min(start + BLOCK_STEPS, len(frames)))
        here = finite_array(frames[block], "positions")
        moves = search.short(np.diff(np.concatenate([before, here]), axis=0))
        drifts = drift + np.cumsum(moves.mean(axis=1), axis=0)
        sites, vectors = search.nearest(here - (drifts + offset)[:, None], r_site_A)
        if (sites != NO_SITE).any():
            offset = offset + vectors[sites != NO_SITE].mean(axis=0)
            sites, _ = search.nearest(here - (drifts + offset)[:, None], r_site_A)
        yield block, sites, drifts + offset
        before, drift = here[-1:], drifts[-1]


@dataclass(frozen=True, eq=False)
class _Visits:
    """Visits of one atom in the order of time: site, first and last step, whether it persists."""

    atom: int
    site: SiteArray
    first: NDArray[np.intp]
    last: NDArray[np.intp]
    persists: NDArray[np.bool_]


def _hops_of(sites: SiteArray, persistence_steps: int) -> tuple[tuple[Hop, ...], int]:
    """Return hops of all atoms, and how many changes at the ends are undecided."""
    hops: list[Hop] = []
    undecided = 0
    for atom, along in enumerate(sites.T):
        visits = _visits_of(atom, along, persistence_steps)
        hops += _hops_between(visits)
        undecided += _undecided(visits)
    return tuple(sorted(hops, key=lambda hop: (hop.left, hop.atom))), undecided


def _visits_of(atom: int, along: SiteArray, persistence_steps: int) -> _Visits:
    steps = np.flatnonzero(along != NO_SITE)
    site = along[steps]
    starts = np.flatnonzero(np.diff(site, prepend=NO_SITE))
    ends = np.flatnonzero(np.diff(site, append=NO_SITE))
    first, last = steps[starts], steps[ends]
    return _Visits(atom, site[starts], first, last, last - first + 1 >= persistence_steps)


def _hops_between(visits: _Visits) -> Iterator[Hop]:
    """Yield the changes of site between persistent visits."""
    places = np.flatnonzero(visits.persists)
    for one, other in pairwise(places):
        old, new = visits.site[one], visits.site[other]
        if old == new:
            continue
        # The crossing that led over: after the last return to the old site, however short.
        left = one + np.flatnonzero(visits.site[one:other] == old)[-1]
        entered = left + np.flatnonzero(visits.site[left : other + 1] == new)[0]
        yield Hop(
            atom=visits.atom,
            from_site=int(old),
            to_site=int(new),
            left=int(visits.last[left]),
            entered=int(visits.first[entered]),
        )


def _undecided(visits: _Visits) -> int:
    """Count the ends at which the trajectory cuts a short visit to another site."""
    places = np.flatnonzero(visits.persists)
    if not places.size:
        return int(len(set(visits.site.tolist())) > 1)
    return sum(
        bool(visits.site[end] != visits.site[settled])
        for end, settled in ((0, places[0]), (-1, places[-1]))
    )
