"""One labelled frame as text of extended XYZ.

Owns the line of facts and the table of atoms, in the shortest digits that read back exactly.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
from ase.data import chemical_symbols

from tm23flows.documents.frame import Frame
from tm23flows.documents.label import ENERGY_KINDS, Label
from tm23flows.store.exchange.records import document_texts

FULL = np.array([0, 5, 4, 5, 1, 3, 4, 3, 2])
"""Places of ASE's six components in the full tensor."""

COMMA_TO_SPACE = bytes.maketrans(b",", b" ")


def frame_text(frame: Frame, label: Label, energy: float, prefix: str) -> str:
    """Write a frame with its label.

    Parameters
    ----------
    frame
        The frame.
    label
        Its label.
    energy
        The energy that programs train on, in eV.
    prefix
        Beginning of the names of energy, forces and stress.

    Returns
    -------
    The lines, in ASCII.
    """
    kinds = ((kind, getattr(label.energies, kind)) for kind in ENERGY_KINDS)
    energies = " ".join(f"energy_{kind}={known!r}" for kind, known in kinds if known is not None)
    stress = ""
    if label.stress is not None:
        stress = f'{prefix}stress="{_row(label.stress[FULL])}" '
    of_frame, of_label = document_texts(frame, label)
    return (
        f'{label.n_atoms}\nLattice="{_row(frame.cell.ravel())}" '
        f'Properties=species:S:1:pos:R:3:{prefix}forces:R:3 pbc="T T T" '
        f"{prefix}energy={energy!r} {energies} frame_id={label.frame_id} label_id={label.id} "
        f'config_type="{_config_type(frame)}" tm23_checksum={label.checksum} {stress}'
        f'tm23_frame="_JSON {_escape(of_frame)}" tm23_label="_JSON {_escape(of_label)}"\n'
        f"{_atom_lines(frame, label)}"
    )


def _atom_lines(frame: Frame, label: Label) -> str:
    # orjson writes a whole table with the shortest exact digits, many times faster than repr.
    table = np.empty((label.n_atoms, 6))
    table[:, :3], table[:, 3:] = frame.positions, label.forces
    text = orjson.dumps(table, option=orjson.OPT_SERIALIZE_NUMPY)[2:-2].translate(COMMA_TO_SPACE)
    symbols = [chemical_symbols[number] for number in frame.numbers.tolist()]
    if symbols.count(symbols[0]) == len(symbols):
        start = f"{symbols[0]} ".encode()
        return (start + text.replace(b"] [", b"\n" + start) + b"\n").decode()
    rows = zip(symbols, text.decode().split("] ["), strict=True)
    return "".join(f"{symbol} {row}\n" for symbol, row in rows)


def _row(numbers: Any) -> str:
    text = orjson.dumps(numbers, option=orjson.OPT_SERIALIZE_NUMPY)
    return text[1:-1].translate(COMMA_TO_SPACE).decode()


def _config_type(frame: Frame) -> str:
    words = str(frame.tags.get("config_type") or frame.regime or "none").split()
    return _escape(" ".join(words).encode("ascii", "replace").decode())


def _escape(text: str) -> str:
    """Escape as ASE's reader understands it; its writer forgets the backslashes."""
    return text.replace("\\", "\\\\").replace('"', '\\"')
