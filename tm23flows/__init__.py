"""tm23flows: from the name of a metal to benchmarked machine-learned force fields.

The public names are loaded on first use, so that importing the package (and
starting the command line) stays fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tm23flows._version import __version__

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

__all__ = ["Archive", "__version__"]


def __getattr__(name: str) -> object:
    if name == "Archive":
        from tm23flows.store.archive import Archive

        return Archive
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
