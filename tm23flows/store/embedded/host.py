"""What every command works with.

Owns the bundle of engine and cursors that command handlers receive, and the
checks that several families of commands share. It runs no command itself.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from tm23flows.store.embedded.catalog import Catalog
from tm23flows.store.embedded.clock import utc_now
from tm23flows.store.embedded.cursors import Cursors
from tm23flows.store.embedded.engine import Engine, EngineCollection

Command = dict[str, Any]
Reply = dict[str, Any]


@dataclass
class Host:
    """The engine and the open cursors of one server."""

    engine: Engine
    cursors: Cursors = field(default_factory=Cursors)
    started: dt.datetime = field(default_factory=utc_now)

    def collection(self, database: str, name: str) -> EngineCollection:
        """Collection of a database; it need not exist yet."""
        return self.engine.get_database(database).get_collection(name)

    @property
    def catalog(self) -> Catalog:
        """Storage behind the engine."""
        return self.engine.catalog


def refuse_collation(command: Command) -> None:
    """Refuse what would silently give other results than MongoDB."""
    collation = command.get("collation")
    if collation and collation.get("locale") != "simple":
        raise NotImplementedError("collation")
    if command.get("let"):
        raise NotImplementedError("let")
