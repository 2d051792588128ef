"""Documents cut down to some fields, without reading the others.

Owns the simple projections, fields by name that are taken or left out; the rest is the
engine's. Works on BSON: what is neither taken nor left out in part is copied as it is.
"""

from __future__ import annotations

from typing import Any

import bson
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument

from tm23flows.store.embedded.wire import CODEC

Tree = dict[str, Any]
_RAW: CodecOptions[RawBSONDocument] = CODEC.with_options(document_class=RawBSONDocument)


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

    def cut(self, raw: bytes) -> bytes | None:
        """Cut a document down.

        Parameters
        ----------
        raw
            The whole document.

        Returns
        -------
            What is left of it; None when the engine has to do it.
        """
        document = RawBSONDocument(raw, _RAW)
        if self._takes and not any(name in self._tree for name in document if name != "_id"):
            left: dict[str, Any] | None = {}
        else:
            left = self._cut(document, self._tree)
        if left is None:
            return None
        left.pop("_id", None)
        if self._with_id and "_id" in document:
            left = {"_id": document["_id"], **left}
        return bson.encode(left, codec_options=CODEC)

    def _cut(self, document: RawBSONDocument, tree: Tree) -> dict[str, Any] | None:
        left: dict[str, Any] = {}
        for name, value in document.items():
            below = tree.get(name)
            if type(below) is dict:
                if not isinstance(value, RawBSONDocument):
                    return None
                part = self._cut(value, below)
                if part is None:
                    return None
                left[name] = part
            elif (below is None) is not self._takes:
                left[name] = value
        return left


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
        *above, last = name.split(".")
        place = tree
        for part in above:
            place = place.setdefault(part, {})
            if place is True:
                return None
        if not last or "" in above or last == "$" or last in place:
            return None
        place[last] = True
    return Projection(tree, takes=bool(next(iter(kinds.values()))), with_id=bool(with_id))


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool | int | float) and value in (0, 1)
