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
    """

    def __init__(self, tree: Tree, *, takes: bool) -> None:
        self._tree = tree
        self._takes = takes

    @property
    def is_id(self) -> bool:
        """Whether only ``_id`` is shown."""
        return self._takes and list(self._tree) == [b"_id"]

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
        return self._cut(raw, 0, self._tree)

    def _cut(self, raw: bytes, start: int, tree: Tree) -> bytes | None:
        """Copy elements of the document at a place, up to the last that is wanted."""
        end = start + _INT.unpack_from(raw, start)[0] - 1
        place = start + 4
        kept = []
        wanted = len(tree) if self._takes else -1
        while place < end and wanted:
            name_end = raw.index(0, place + 1)
            after = name_end + 1
            kind = raw[place]
            if kind in _COUNTED_BYTES:
                after += _COUNTED_BYTES[kind] + _INT.unpack_from(raw, after)[0]
            elif kind in _FIXED_BYTES:
                after += _FIXED_BYTES[kind]
            else:
                return None  # a rare kind
            below = tree.get(raw[place + 1 : name_end])
            if below is not None:
                wanted -= 1
            if type(below) is dict:
                part = self._cut(raw, name_end + 1, below) if kind == _DOCUMENT else None
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
        return Projection({b"_id": True}, takes=True) if with_id else None
    tree: Tree = {}
    for name in kinds:
        *above, last = name.encode().split(b".")
        place = tree
        for part in above:
            place = place.setdefault(part, {})
            if place is True:
                return None
        if above[:1] == [b"_id"] or not last or b"" in above or last == b"$" or last in place:
            return None
        place[last] = True
    takes = bool(next(iter(kinds.values())))
    if takes is bool(with_id):
        tree[b"_id"] = True
    return Projection(tree, takes=takes)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool | int | float) and value in (0, 1)
