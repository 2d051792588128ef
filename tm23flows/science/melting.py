"""Did a run melt, or stay a crystal? Two signs that must agree.

Owns the signs, the rule and its verdict. The article shows g(r) and says that cold runs keep their
peaks and melts lose them; it states no rule. This one is ours:

1. *Structure*. ``min_over_max`` is the smallest g(r) behind the first peak, before 1.7 times its
   radius, over the height of the peak, averaged over the second half of the run. A crystal has
   hardly any atoms between its first shells; a liquid does (Wendt and Abraham, Phys. Rev. Lett.
   41, 1244, 1978, use the same ratio for glasses).
2. *Motion*. ``moved_share`` is the share of atoms whose mean place in the last quarter of the run
   is farther from that in the first quarter than half the radius of the first peak, with the drift
   of all atoms removed. Vibrations average out, and a few atoms that hop into a vacancy move a few
   atoms only; in a liquid nearly all leave their place.

Both signs say melted: ``melted``. Both say crystal: ``solid``, unless the run is shorter than
``least_fs``: atoms of a liquid metal, which diffuse with about 0.4 A^2/ps, need about 1 ps to leave
their place, so a shorter run cannot tell. They disagree: ``unclear``, as for a run too short for a
liquid to flow, one that melts at its end, or a crystal that transforms into another. Checked with
runs of effective-medium theory (fcc) only, so in other crystals near their melting point an
``unclear`` deserves a look at the figure.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import ArrayLike

from tm23flows.errors import InputError
from tm23flows.science.label_arrays import FloatArray
from tm23flows.science.rdf import Rdf, radial_distribution

MeltingVerdict = Literal["solid", "melted", "unclear"]

MIN_FRAMES: Final = 8
"""With fewer frames there is no quarter of a run to average over."""

FIRST: Final = 1.5
"""The first peak lies within so many cube roots of the volume per atom; close packings have it at
1.12, and no arrangement of atoms has it farther out."""

BEHIND: Final = 1.7
"""The first minimum is looked for up to so many radii of the first peak. Second shells of close
packings lie at 1.41 and 1.63, the second peak of a liquid at about 1.8."""


@dataclass(frozen=True)
class MeltingRule:
    """Limits between solid and melted.

    Parameters
    ----------
    min_over_max
        Above this the structure is that of a melt.
    moved_share
        Above this the atoms move as in a melt.
    bin_A
        Width of a bin of g(r), A; wide, so that short runs have smooth ones.
    least_fs
        A shorter run is never called solid, fs.
    """

    min_over_max: float = 0.15
    moved_share: float = 0.5
    bin_A: float = 0.1
    least_fs: float = 1000.0

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values.

        Returns
        -------
        The limits by name.
        """
        return asdict(self)


@dataclass(frozen=True)
class Melting:
    """What the signs say.

    Parameters
    ----------
    verdict
        What became of the crystal; None where it cannot be said.
    min_over_max
        The sign of structure, None where g(r) has no first minimum.
    moved_share
        The sign of motion, between 0 and 1.
    reason
        Why there is no verdict, or why it is unclear; empty else.
    """

    verdict: MeltingVerdict | None
    min_over_max: float | None
    moved_share: float | None
    reason: str = ""


def judge_melting(
    positions_A: ArrayLike,
    cell_A: ArrayLike,
    rule: MeltingRule | None = None,
    duration_fs: float | None = None,
) -> Melting:
    """Say whether a run has melted.

    Parameters
    ----------
    positions_A
        Equally spaced frames of the whole run in time order, not wrapped, (frames, atoms, 3), A.
    cell_A
        Lattice vectors as rows, (3, 3), A; the same for all frames.
    rule
        Limits; None for the defaults.
    duration_fs
        Length of the run, fs; None where it is not known, and then long enough.

    Returns
    -------
    The verdict and its signs.

    Raises
    ------
    InputError
        If the shapes are wrong or a position is not finite.
    """
    used = rule or MeltingRule()
    positions = np.asarray(positions_A, dtype=float)
    if positions.ndim != 3:
        raise InputError(f"Positions have shape {positions.shape}: give (frames, atoms, 3) in A.")
    if len(positions) < MIN_FRAMES:
        return Melting(None, None, None, f"{len(positions)} frames are too few to judge melting")
    spacing = (abs(np.linalg.det(np.asarray(cell_A))) / positions.shape[1]) ** (1 / 3)
    late = positions[len(positions) // 2 :]
    rdf = radial_distribution(late, cell_A, 2.5 * spacing, used.bin_A)
    peak, ratio = first_minimum(rdf, FIRST * spacing)
    share = moved_share(positions, peak / 2)
    if ratio is None:
        return Melting(None, None, share, "g(r) has no first minimum")
    flows, disordered = share > used.moved_share, ratio > used.min_over_max
    if flows and disordered:
        return Melting("melted", ratio, share)
    if not flows and not disordered:
        if duration_fs is not None and duration_fs < used.least_fs:
            said = f"{duration_fs:.0f} fs are too short to tell a solid from a melt"
            return Melting("unclear", ratio, share, said)
        return Melting("solid", ratio, share)
    said = "is disordered, but its atoms have not left their places"
    if flows:
        said = "is ordered, but its atoms have left their places"
    return Melting("unclear", ratio, share, f"the run {said}")


def first_minimum(rdf: Rdf, within_A: float) -> tuple[float, float | None]:
    """Find the first peak of a g(r) and how deep the minimum behind it is.

    Parameters
    ----------
    rdf
        A g(r) that reaches beyond its first peak.
    within_A
        The first peak lies within this radius, A. Farther out a small cell has higher ones, for
        all atoms are equally far from their own images.

    Returns
    -------
    Radius of the highest bin there, A, and the lowest g behind it over its height; None for that
    where g(r) ends before 1.7 times the radius.
    """
    top = int(np.argmax(np.where(rdf.r_A <= within_A, rdf.g, 0.0)))
    radius = float(rdf.r_A[top])
    behind = (rdf.r_A > radius) & (rdf.r_A <= BEHIND * radius)
    if rdf.r_A[-1] < BEHIND * radius or not behind.any() or rdf.g[top] <= 0:
        return radius, None
    return radius, float(rdf.g[behind].min() / rdf.g[top])


def moved_share(positions_A: FloatArray, limit_A: float) -> float:
    """Count the atoms that ended somewhere else than they began.

    Parameters
    ----------
    positions_A
        Frames of the whole run in time order, not wrapped, (frames, atoms, 3), A.
    limit_A
        Atoms whose mean places in the first and last quarter are farther apart have moved, A.

    Returns
    -------
    Their share, between 0 and 1. The median of all displacements is taken for drift: unlike the
    mean it does not follow a few atoms that went far.
    """
    quarter = max(1, len(positions_A) // 4)
    moved = positions_A[-quarter:].mean(axis=0) - positions_A[:quarter].mean(axis=0)
    moved = moved - np.median(moved, axis=0)
    return float((np.linalg.norm(moved, axis=1) > limit_A).mean())
