"""The KPOINTS file of a mesh, and the mesh of a KPOINTS file.

Owns the translation between a recipe's mesh with its offset and VASP's words for it.
VASP's Gamma-centred mesh with N subdivisions and shift s has the points (j + s) / N, its
Monkhorst-Pack mesh (j + s + (1 - N) / 2) / N (VASP wiki, KPOINTS). A recipe's points are
j / N + offset, so that s = N * offset on a Gamma-centred mesh says all of them exactly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tm23flows.errors import InputError

if TYPE_CHECKING:
    from pymatgen.io.vasp import Kpoints

Mesh = tuple[int, int, int]
Offset = tuple[float, float, float]


def write_kpoints(kmesh: Mesh, offset: Offset = (0.0, 0.0, 0.0)) -> Kpoints:
    """Return the KPOINTS file of a mesh.

    Parameters
    ----------
    kmesh
        k-points along each axis.
    offset
        Shift from the Gamma-centred mesh in units of the reciprocal vectors.

    Returns
    -------
    pymatgen's object, always Gamma-centred with a shift.
    """
    from pymatgen.io.vasp import Kpoints

    n1, n2, n3 = (int(n) for n in kmesh)
    s1, s2, s3 = (_within_one(n * o) for n, o in zip((n1, n2, n3), offset, strict=True))
    return Kpoints.gamma_automatic((n1, n2, n3), (s1, s2, s3), comment="regular mesh")


def read_kpoints(kpoints: object) -> tuple[Mesh, Offset]:
    """Return the mesh of a KPOINTS file.

    Parameters
    ----------
    kpoints
        pymatgen's object with a Gamma-centred or Monkhorst-Pack mesh.

    Returns
    -------
    k-points along each axis, and the offset, from zero to less than the distance of two points.

    Raises
    ------
    InputError
        If it is not such a mesh.
    """
    from pymatgen.io.vasp import Kpoints

    modes = Kpoints.supported_modes
    if (
        not isinstance(kpoints, Kpoints)
        or kpoints.style not in {modes.Gamma, modes.Monkhorst}
        or kpoints.num_kpts != 0
        or len(kpoints.kpts[0]) != 3
    ):
        raise InputError(
            "The k-points must be one regular mesh: give update_user_kpoints_settings a Kpoints "
            "with a Gamma-centred or Monkhorst-Pack mesh, or set kmesh. Densities and lists of "
            "points are refused, for a recipe must name the mesh before there is a cell."
        )
    n1, n2, n3 = (int(n) for n in kpoints.kpts[0])
    centred = kpoints.style == modes.Gamma
    o1, o2, o3 = (
        _within_one(shift + (0.0 if centred else (1 - n) / 2)) / n
        for n, shift in zip((n1, n2, n3), kpoints.kpts_shift, strict=True)
    )
    return (n1, n2, n3), (o1, o2, o3)


def same_mesh(left: tuple[Mesh, Offset], right: tuple[Mesh, Offset]) -> bool:
    """Say whether two meshes have the same points.

    Parameters
    ----------
    left
        Points along each axis and offset.
    right
        The same of the other mesh.

    Returns
    -------
    Whether they differ in no point, up to rounding in files.
    """
    if tuple(left[0]) != tuple(right[0]):
        return False
    distances = (n * (a - b) for n, a, b in zip(left[0], left[1], right[1], strict=True))
    return all(abs(d - round(d)) < 1e-3 for d in distances)


def _within_one(shift: float) -> float:
    """Return a shift from 0 to below 1, without the digits that rounding made."""
    return round(shift % 1.0, 12) % 1.0
