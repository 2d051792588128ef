"""Documents cut down to some fields.

Owns the simple projections, fields by name that are taken or left out; the rest is the
engine's. They are cut out of the BSON, which is several times faster than reading it.
"""

from __future__ import annotations

import struct
from typing import Any

Tree = dict[bytes, Any]

_INT = struct.Struct("<i")
_DOCUMENT = 0x03
# double, id, boolean, date, null, int32, timestamp, int64
_FIXED_BYTES = {0x01: 8, 0x07: 12, 0x08: 1, 0x09: 8, 0x0A: 0, 0x10: 4, 0x11: 8, 0x12: 8}
# text, document, array, binary: their length, and these bytes that it does not count
_COUNTED_BYTES = {0x02: 4, 0x03: 0, 0x04: 0, 0x05: 5}


class Projection:
    """A projection that is simple enough.

    Parameters
    ----------
    tree
        Names of fields; below them further trees, or True for a whole field.
    takes
        Whether the fields are taken, or left out.
    with_id
        Whether ``_id`` is shown.
    """

    def __init__(self, tree: Tree, *, takes: bool, with_id: bool) -> None:
        self._tree = tree
        self._takes = takes
        self._with_id = with_id

    @property
    def is_id(self) -> bool:
        """Whether only ``_id`` is shown."""
        return self._takes and not self._tree

    def cut(self, raw: bytes) -> bytes | None:
        """Cut a document down.

        Parameters
        ----------
        raw
            The whole document.

        Returns
        -------
            What is left of it, in its order; None when the engine has to do it.
        """
        return self._cut(raw, 0, self._tree, with_id=self._with_id)

    def _cut(self, raw: bytes, start: int, tree: Tree, *, with_id: bool | None) -> bytes | None:
        """Copy elements of the document at a place; ``_id`` is special at the top only."""
        end = start + _INT.unpack_from(raw, start)[0] - 1
        place = start + 4
        kept = []
        while place < end:
            name_end = raw.index(0, place + 1)
            after = name_end + 1
            kind = raw[place]
            if kind in _COUNTED_BYTES:
                after += _COUNTED_BYTES[kind] + _INT.unpack_from(raw, after)[0]
            elif kind in _FIXED_BYTES:
                after += _FIXED_BYTES[kind]
            else:
                return None  # a rare kind
            name = raw[place + 1 : name_end]
            below = tree.get(name)
            if name == b"_id" and with_id is not None:
                if with_id:
                    kept.append(raw[place:after])
            elif type(below) is dict:
                is_document = kind == _DOCUMENT
                part = self._cut(raw, name_end + 1, below, with_id=None) if is_document else None
                if part is None:
                    return None
                kept += [raw[place : name_end + 1], part]
            elif (below is None) is not self._takes:
                kept.append(raw[place:after])
            place = after
        body = b"".join(kept)
        return b"%b%b\0" % (_INT.pack(len(body) + 5), body)


def read_projection(fields: dict[str, Any]) -> Projection | None:
    """Read what a client wants to see.

    Parameters
    ----------
    fields
        Projection of a command.

    Returns
    -------
        The projection; None when it is not simple.
    """
    kinds = {name: value for name, value in fields.items() if name != "_id"}
    with_id = fields.get("_id", True)
    if not all(_is_flag(value) for value in fields.values()) or len(set(kinds.values())) > 1:
        return None
    if not kinds:
        return Projection({}, takes=True, with_id=True) if with_id else None
    tree: Tree = {}
    for name in kinds:
        *above, last = name.encode().split(b".")
        place = tree
        for part in above:
            place = place.setdefault(part, {})
            if place is True:
                return None
        if not last or b"" in above or last == b"$" or last in place:
            return None
        place[last] = True
    return Projection(tree, takes=bool(next(iter(kinds.values()))), with_id=bool(with_id))


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool | int | float) and value in (0, 1)
