"""The columns of a large table: which fields have one.

Owns making columns when they are first asked for and keeping them up to date. It does not
know which documents are wanted (`matching.py`), and what a column is, is `column.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from tm23flows.store.embedded.column import Column
from tm23flows.store.embedded.comparisons import UnfitError

Document = dict[str, Any]


class Columns:
    """The columns of one table, made when they are first asked for.

    Parameters
    ----------
    documents
        Gives the slot and the document of everything in the table.
    """

    def __init__(self, documents: Callable[[], Iterable[tuple[int, Document | None]]]) -> None:
        self._documents = documents
        self._columns: dict[str, Column] = {}
        self._unfit: set[str] = set()

    def get(self, paths: Iterable[str]) -> dict[str, Column]:
        """Return the columns of these fields; those that cannot be are left out."""
        wanted = [path for path in dict.fromkeys(paths) if path not in self._unfit]
        missing = [path for path in wanted if path not in self._columns]
        if missing:
            self._make(missing)
        return {path: self._columns[path] for path in wanted if path in self._columns}

    def has(self, paths: Iterable[str]) -> bool:
        """Whether there are columns of all these fields by now."""
        return all(path in self._columns for path in paths)

    def put(self, slot: int, document: Document) -> None:
        """Note a document that was stored."""
        for path, column in list(self._columns.items()):
            self._put(path, column, slot, document)

    def remove(self, slot: int) -> None:
        """Forget a document."""
        for column in self._columns.values():
            column.remove(slot)

    def clear(self) -> None:
        """Forget everything."""
        self._columns.clear()
        self._unfit.clear()

    def _make(self, paths: list[str]) -> None:
        fresh = {path: Column(path) for path in paths if _is_plain(path)}
        self._unfit.update(path for path in paths if path not in fresh)
        self._columns |= fresh
        for slot, document in self._documents():
            for path, column in fresh.items():
                if path not in self._columns:
                    continue
                self._put(path, column, slot, {} if document is None else document)
                if document is None and path in self._columns:
                    column.remove(slot)

    def _put(self, path: str, column: Column, slot: int, document: Document) -> None:
        try:
            column.put(slot, document)
        except UnfitError:
            del self._columns[path]
            self._unfit.add(path)


def _is_plain(path: str) -> bool:
    return all(path.split(".")) and not path.startswith("$")
