"""All databases of a server and the tables in them.

Owns which tables there are and under which names. What is in a table is its own business
(`tables.py`).
"""

from __future__ import annotations

from collections.abc import Iterator

from mongomock_ng.store import DatabaseStore, ServerStore

from tm23flows.store.embedded.tables import Changes, Table


class Shelf(DatabaseStore):
    """The tables of one database."""

    def __init__(self, name: str, changes: Changes) -> None:
        super().__init__()
        self.name = name
        self._changes = changes

    def __getitem__(self, name: str) -> Table:
        table = self._collections.get(name)
        if table is None:
            table = self._collections[name] = Table(name, self.name, self._changes)
        return table

    def rename(self, name: str, new_name: str) -> None:
        """Rename a collection within this database."""
        table = self._collections.pop(name)
        self._changes.note({"op": "rename", "db": self.name, "coll": name, "to": new_name})
        table.name = new_name
        self._collections[new_name] = table


class Catalog(ServerStore):
    """All databases of the server."""

    def __init__(self) -> None:
        super().__init__()
        self.changes = Changes()

    def __getitem__(self, name: str) -> Shelf:
        shelf = self._databases.get(name)
        if shelf is None:
            shelf = self._databases[name] = Shelf(name, self.changes)
        return shelf

    def tables(self) -> Iterator[Table]:
        """Every collection that exists."""
        for database in list(self.list_created_database_names()):
            shelf = self[database]
            for name in list(shelf.list_created_collection_names()):
                yield shelf[name]
