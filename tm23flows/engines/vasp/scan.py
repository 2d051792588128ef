"""Steps of a vasprun.xml by looking for their tags: an order of magnitude faster than XML.

Owns the finding of steps in a stream of bytes and the decoding of the layout that VASP
writes. Steps that are not asked for are passed over without being decoded, and memory is
that of one step. It is strict: a step whose bytes are not exactly in the known layout is
given to the slow reader, and a file whose steps cannot be told apart by their tags raises
:class:`StructureSurpriseError`, upon which :mod:`tm23flows.engines.vasp.outputs` has the slow
reader do the whole file.

Projections of the electronic states, which can be larger than all the rest, are passed over.

Surprises within a step: other than three plain numbers in a row or one in an energy, a
number that Python cannot read (``*****``), another number of rows, elements missing or in
another order. Surprises of a file: comments, CDATA and declarations, tags that do not take
turns, anything but space between steps. Damage in a step that is not asked for is not seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from tm23flows.engines.vasp.chunks import read_chunks
from tm23flows.engines.vasp.header import RunHeader, read_header
from tm23flows.engines.vasp.slow_reader import parse_block
from tm23flows.engines.vasp.steps import VaspStep, ase_stress, energies, has_converged, motion
from tm23flows.errors import InputError

MAX_STEP_BYTES = 1 << 29
_BEGIN, _END = b"<calculation", b"</calculation>"
_PROJECTIONS = (b"<projected>", b"</projected>")
_ITEM = re.compile(rb'<i name="([A-Za-z0-9_ ]+)">([^<_]*)</i>')
_NAMES = {
    name.encode(): name
    for name in ("e_fr_energy", "e_wo_entrp", "e_0_energy", "kinetic", "nosepot", "nosekinetic")
}


class StructureSurpriseError(Exception):
    """The steps of this file cannot be told apart by their tags."""


def scan_steps(path: Path, wanted: range) -> Iterator[VaspStep]:
    """Read steps of a file from its beginning.

    Parameters
    ----------
    path
        A vasprun.xml, plain or compressed.
    wanted
        Numbers of the steps, 1-based.

    Yields
    ------
    The complete steps among them. A file that was cut ends with its last complete step.

    Raises
    ------
    StructureSurpriseError
        If the steps cannot be told apart.
    InputError
        If this is no vasprun.xml, or a wanted step is damaged.
    """
    header = None
    for count, block in find_steps(read_chunks(path), wanted, path.name):
        header = header or read_header(path)
        yield decode(block, count, header) or parse_block(block, count, header, path.name)


def final_positions(path: Path, n_atoms: int) -> np.ndarray | None:
    """Read where a run has put its atoms at its very end.

    After molecular dynamics these are the positions of the step that VASP would do next,
    with which a run begins that goes on from this one.

    Parameters
    ----------
    path
        A vasprun.xml, plain or compressed.
    n_atoms
        Number of atoms.

    Returns
    -------
    Positions in units of the cell vectors, shape (n, 3); None if the run did not get there.

    Raises
    ------
    InputError
        If this is no vasprun.xml.
    """
    n_kept, tail = (1 << 14) + 512 * n_atoms, b""
    for chunk in read_chunks(path):
        tail = (tail + chunk)[-n_kept:]
    begin = tail.rfind(b'<structure name="finalpos"')
    try:
        return _vectors(tail, b"positions", begin, n_atoms)[0] if begin >= 0 else None
    except ValueError:
        return None


def find_steps(chunks: Iterable[bytes], wanted: range, name: str) -> Iterator[tuple[int, bytes]]:
    """Cut steps out of a stream of bytes.

    Parameters
    ----------
    chunks
        The bytes of the file.
    wanted
        Numbers of the steps, 1-based.
    name
        Of the file, for messages.

    Yields
    ------
    Number and bytes of each wanted step, both tags included.

    Raises
    ------
    StructureSurpriseError
        If the steps cannot be told apart.
    InputError
        If a step is larger than what fits into memory with reason.
    """
    buffer = bytearray()
    count, inside, begin, place, only_space = 0, False, 0, 0, True
    for chunk in _without_projections(_without_comments(chunks)):
        buffer += chunk
        while True:
            if not inside:
                begin = buffer.find(_BEGIN, place)
                between = begin if begin >= 0 else max(place, len(buffer) - len(_BEGIN))
                only_space = only_space and (not count or not buffer[place:between].strip())
                place = between
                if not 0 <= begin < len(buffer) - len(_BEGIN):
                    break
                if not only_space or buffer[begin + len(_BEGIN)] not in b"> \t\r\n":
                    raise StructureSurpriseError
                count, inside = count + 1, True
                if count >= wanted.stop:
                    return
            end = buffer.find(_END, place)
            if end < 0:
                place = max(place, len(buffer) - len(_END) + 1)
                break
            place = end + len(_END)
            if count in wanted:
                yield count, bytes(buffer[begin:place])
            inside = False
        # What is behind is not needed again, but for the beginning of a step that is.
        done = begin if inside and count in wanted else place
        del buffer[:done]
        begin, place = begin - done, place - done
        if len(buffer) > MAX_STEP_BYTES:
            raise InputError(f"Step {count} of {name} has more than {MAX_STEP_BYTES} bytes.")


def _without_comments(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Pass bytes on until there is a comment, CDATA or a declaration."""
    last = b""
    for chunk in chunks:
        # VASP writes none of them, and hardly an exclamation mark, which is quickly found.
        if b"!" in chunk and b"<!" in last + chunk:
            raise StructureSurpriseError
        last = chunk[-1:]
        yield chunk


def _without_projections(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Leave out the sections of projections, wherever the pieces begin and end."""
    rest, inside = b"", 0
    for chunk in chunks:
        rest += chunk
        while (place := rest.find(_PROJECTIONS[inside])) >= 0:
            if not inside:
                yield rest[:place]
            rest, inside = rest[place + len(_PROJECTIONS[inside]) :], 1 - inside
        # The beginning of the next tag may be at the end of this piece.
        kept = max(0, len(rest) - len(_PROJECTIONS[inside]) + 1)
        if not inside and kept:
            yield rest[:kept]
        rest = rest[kept:]
    if not inside:
        yield rest


def decode(block: bytes, count: int, header: RunHeader) -> VaspStep | None:
    """Read one step in the layout that VASP writes.

    Parameters
    ----------
    block
        The bytes of the step.
    count
        Its number.
    header
        Of the file.

    Returns
    -------
    The step; None if its layout is another one.
    """
    # The electronic steps come first, then structure, forces, stress and energy.
    scf_end = block.rfind(b"</scstep>")
    n_scf = block.count(b"<scstep>", 0, max(scf_end, 0))
    if not n_scf or n_scf != block.count(b"</scstep>", 0, scf_end) + 1:
        return None
    try:
        last = block.index(b"<energy>", block.rfind(b"<scstep>", 0, scf_end), scf_end)
        electronic, _ = _items(block, last)
        structure = block.index(b"<structure>", scf_end)
        if b"<scstep" in block[scf_end:structure]:
            return None
        cell, end = _vectors(block, b"basis", structure, 3)
        fractional, end = _vectors(block, b"positions", end, len(header.symbols))
        end = block.index(b"</structure>", end)
        forces, end = _vectors(block, b"forces", end, len(header.symbols))
        energy = block.index(b"<energy>", end)
        has_stress = block.find(b"<varray", end, energy) >= 0
        stress = _vectors(block, b"stress", end, 3)[0] if has_stress else None
        ionic, end = _items(block, energy)
    except ValueError:
        return None
    if b"<energy>" in block[end:]:
        return None
    return VaspStep(
        number=count,
        fractional=fractional,
        cell=cell,
        forces=forces,
        stress=None if stress is None else ase_stress(stress),
        n_scf=n_scf,
        converged=has_converged(n_scf, header.n_scf_max),
        **energies(ionic, electronic),
        **motion(ionic),
    )


def _vectors(block: bytes, name: bytes, begin: int, n_rows: int) -> tuple[np.ndarray, int]:
    """Read the next array of a name, and say where it ends."""
    begin = block.index(b">", block.index(b'<varray name="%s"' % name, begin)) + 1
    end = block.index(b"</varray>", begin)
    words = block[begin:end].split()
    is_plain = (
        len(words) == 5 * n_rows
        and words[0::5].count(b"<v>") == words[4::5].count(b"</v>") == n_rows
        and b"_" not in block[begin:end]
    )
    if not is_plain:
        raise ValueError(name)
    del words[4::5], words[0::4]
    return np.fromiter(map(float, words), float, 3 * n_rows).reshape(n_rows, 3), end


def _items(block: bytes, begin: int) -> tuple[dict[str, float], int]:
    """Read the energies that begin here, and say where they end."""
    begin += len(b"<energy>")
    end = block.index(b"</energy>", begin)
    section = block[begin:end]
    found = _ITEM.findall(section)
    if 2 * len(found) != section.count(b"<"):
        raise ValueError(section)
    values = {_NAMES[name]: float(value) for name, value in found if name in _NAMES}
    if "e_fr_energy" not in values:
        raise ValueError(section)
    return values, end
