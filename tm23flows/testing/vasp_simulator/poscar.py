"""POSCAR and CONTCAR: cell, atoms, velocities and the state of the thermostat.

Owns the format. CONTCAR is written with 17 significant digits, where VASP writes 16 and, in the
velocities and the predictor-corrector block, 8: a run continued from it is then the same to the
last bit. As in VASP's, the positions are those of the step just done, and the block begins with
those of the next one, from which a run starts that reads it. The four numbers in the third line
of the block, whose meaning VASP does not document, are here the friction (1/fs), the integral of
the friction, and two zeros.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tm23flows.errors import InputError


@dataclass(frozen=True)
class Poscar:
    """A POSCAR.

    ``velocities`` (n, 3) are in A/fs or None; ``thermostat`` is (friction in 1/fs, its integral)
    or None where there is no predictor-corrector block; ``timestep_fs`` and ``predicted``, the
    fractional positions of the next step, are those of the block.
    """

    title: str
    cell: np.ndarray
    symbols: tuple[str, ...]
    counts: tuple[int, ...]
    fractional: np.ndarray
    velocities: np.ndarray | None = None
    thermostat: tuple[float, float] | None = None
    timestep_fs: float | None = None
    predicted: np.ndarray | None = None

    @property
    def start(self) -> np.ndarray:
        """Fractional positions at which a run begins that reads this."""
        return self.fractional if self.predicted is None else self.predicted


def read_poscar(text: str) -> Poscar:
    """Read a POSCAR of VASP 5 or later.

    Parameters
    ----------
    text
        The whole file.

    Returns
    -------
    What it says.

    Raises
    ------
    InputError
        If it cannot be understood.
    """
    try:
        return _read(text.splitlines())
    except (ValueError, IndexError) as error:
        raise InputError(f"The POSCAR cannot be read: {error}.") from error


def _numbers(lines: list[str]) -> np.ndarray:
    return np.array([[float(word) for word in line.split()[:3]] for line in lines])


def _read(lines: list[str]) -> Poscar:
    scale = float(lines[1])
    cell = _numbers(lines[2:5])
    if scale < 0:
        scale = (-scale / abs(np.linalg.det(cell))) ** (1 / 3)
    cell = cell * scale
    symbols = tuple(lines[5].split())
    if not symbols or symbols[0][0].isdigit():
        raise ValueError("line 6 must name the elements")
    counts = tuple(int(word) for word in lines[6].split())
    n, at = sum(counts), 7
    if lines[at].strip()[:1] in "sS":
        raise ValueError("selective dynamics is not known to the simulator")
    direct = lines[at].strip()[:1] not in "cCkK"
    coordinates = _numbers(lines[at + 1 : at + 1 + n])
    if len(coordinates) != n:
        raise ValueError(f"it names {n} atoms and has {len(coordinates)}")
    fractional = coordinates if direct else coordinates * scale @ np.linalg.inv(cell)
    rest = lines[at + 1 + n :]
    return Poscar(lines[0].strip(), cell, symbols, counts, fractional, *_motion(rest, n, cell))


def _motion(
    rest: list[str], n: int, cell: np.ndarray
) -> tuple[np.ndarray | None, tuple[float, float] | None, float | None, np.ndarray | None]:
    """Read what follows the positions: velocities, and the predictor-corrector block."""
    while rest and not rest[-1].strip():
        rest = rest[:-1]
    if len(rest) < n + 1:
        return None, None, None, None
    velocities = _numbers(rest[1 : n + 1])
    if rest[0].strip()[:1] in ("d", "D"):
        velocities = velocities @ cell
    block = [line for line in rest[n + 1 :] if line.strip()]
    if not block:
        return velocities, None, None, None
    if len(block) < 3 + 3 * n:
        raise ValueError("the predictor-corrector block is cut")
    friction, integral = (float(word) for word in block[2].split()[:2])
    return velocities, (friction, integral), float(block[1]), _numbers(block[3 : 3 + n])


def write_poscar(poscar: Poscar) -> str:
    """Write a CONTCAR.

    Parameters
    ----------
    poscar
        With velocities and thermostat, or without.

    Returns
    -------
    The text, with 17 significant digits.
    """
    lines = [poscar.title or "unknown", "   1.0", *rows(poscar.cell)]
    lines += [" ".join(poscar.symbols), " ".join(map(str, poscar.counts)), "Direct"]
    lines += rows(poscar.fractional)
    if poscar.velocities is not None:
        lines += ["", *rows(poscar.velocities)]
    if poscar.thermostat is not None:
        state = np.array([*poscar.thermostat, 0.0, 0.0])
        lines += ["", "           1", f"  {poscar.timestep_fs:.17g}", *rows(state[None])]
        nothing = np.zeros_like(poscar.fractional)
        lines += [*rows(poscar.start), *rows(nothing), *rows(nothing)]
    return "\n".join(lines) + "\n"


def rows(array: np.ndarray) -> list[str]:
    """Write one line per row, with 17 significant digits.

    Parameters
    ----------
    array
        Two-dimensional.

    Returns
    -------
    The lines.
    """
    return ["".join(f" {value:24.16E}" for value in row) for row in array]
