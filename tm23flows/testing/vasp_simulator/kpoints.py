"""KPOINTS: automatic meshes, and the points that follow from them.

Owns the format and the reduction by time reversal, which is all that ISYM = 0 leaves; the
simulator never reduces by the symmetry of the crystal. Lists of points and meshes by length are
refused.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tm23flows.errors import InputError


@dataclass(frozen=True)
class Mesh:
    """An automatic mesh.

    ``offset`` is the distance of the mesh from Gamma in units of its spacing: the shift of the
    file, and one half more along even axes of a Monkhorst-Pack mesh.
    """

    style: str
    divisions: tuple[int, int, int]
    shift: tuple[float, float, float]
    offset: tuple[float, float, float]

    @property
    def is_gamma_only(self) -> bool:
        """Whether the mesh is the Gamma point alone."""
        return self.divisions == (1, 1, 1) and not any(self.offset)


def read_kpoints(text: str) -> Mesh:
    """Read a KPOINTS file.

    Parameters
    ----------
    text
        An automatic mesh, Gamma-centred or Monkhorst-Pack.

    Returns
    -------
    The mesh.

    Raises
    ------
    InputError
        If it is anything else.
    """
    lines = [*text.splitlines(), "", ""]
    try:
        automatic = int(lines[1].split()[0]) == 0
        style = lines[2].strip()[:1].upper()
        divisions = tuple(int(word) for word in lines[3].split()[:3])
        shift = tuple(float(word) for word in (lines[4].strip() or "0 0 0").split()[:3])
    except (ValueError, IndexError) as error:
        raise InputError(f"The KPOINTS file cannot be read: {error}.") from error
    if not automatic or style not in ("G", "M") or len(divisions) != 3 or len(shift) != 3:
        raise InputError("The simulator reads automatic Gamma or Monkhorst-Pack meshes only.")
    if min(divisions) < 1:
        raise InputError("Every number of the k-mesh must be at least 1.")
    even = [0.5 * (style == "M" and n % 2 == 0) for n in divisions]
    offset = tuple(s + e for s, e in zip(shift, even, strict=True))
    return Mesh({"G": "Gamma", "M": "Monkhorst-Pack"}[style], divisions, shift, offset)


def points(mesh: Mesh) -> tuple[np.ndarray, np.ndarray]:
    """List the points that time reversal leaves different.

    Parameters
    ----------
    mesh
        The mesh.

    Returns
    -------
    Points in units of the reciprocal vectors, shape (k, 3), and weights that sum to 1.
    """
    axes = [
        (np.arange(n) + offset) / n for n, offset in zip(mesh.divisions, mesh.offset, strict=True)
    ]
    whole = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    whole -= np.round(whole)
    weights: dict[tuple[float, ...], int] = {}
    for point in whole:
        mine, other = _key(point), _key(-point)
        key = other if other in weights else mine
        weights[key] = weights.get(key, 0) + 1
    counts = np.array(list(weights.values()), dtype=float)
    return np.array(list(weights)), counts / counts.sum()


def _key(point: np.ndarray) -> tuple[float, ...]:
    """Name a point without regard to reciprocal vectors: -1/2 is 1/2."""
    rounded = np.round(point, 10)
    return tuple(float(x) for x in np.where(rounded <= -0.5, rounded + 1.0, rounded) + 0.0)
