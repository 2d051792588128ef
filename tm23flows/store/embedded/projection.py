"""Documents cut down to some fields.

Owns the simple projections, fields by name that are taken or left out; the rest is the
engine's, which copies what it shows value by value.
"""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]
Tree = dict[str, Any]


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

    def cut(self, document: Document) -> Document | None:
        """Cut a document down.

        Parameters
        ----------
        document
            The whole document; it is not changed.

        Returns
        -------
            What is left of it, sharing its values; None when the engine has to do it.
        """
        left = self._cut(document, self._tree)
        if left is None:
            return None
        left.pop("_id", None)
        return {"_id": document["_id"], **left} if self._with_id else left

    def _cut(self, document: Document, tree: Tree) -> Document | None:
        left: Document = {}
        for name, value in document.items():
            below = tree.get(name)
            if type(below) is dict:
                part = self._cut(value, below) if isinstance(value, dict) else None
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
