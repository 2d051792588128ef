"""Cells made out of a perfect crystal, stored as frames that no run has.

Owns what such frames say of themselves: strained, displaced or with a vacancy, they name the
crystal that they come from as their origin, and in their tags what was done to it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pydantic import JsonValue

from tm23flows.documents.base import Provenance
from tm23flows.documents.frame import Frame
from tm23flows.documents.ids import content_id
from tm23flows.documents.structure import Crystal
from tm23flows.jobs.context import open_archive

if TYPE_CHECKING:
    from ase import Atoms


def keep_cells(crystal: Crystal, cells: Iterable[tuple[Atoms, dict[str, JsonValue]]]) -> list[str]:
    """Store cells of a crystal.

    Parameters
    ----------
    crystal
        Where they come from.
    cells
        The cells, and what was done to make each: the tags of the frame.

    Returns
    -------
    Ids of the frames, in their order.
    """
    made = crystal.model_dump(mode="json")
    origin = content_id("crystal", crystal=made)
    frames = [
        Frame(
            provenance=Provenance.now(inputs={"crystal": made}),
            element=crystal.element,
            regime=None,
            temperature_K=None,
            trajectory_id=None,
            origin=origin,
            step=None,
            time_fs=None,
            numbers=atoms.numbers,
            cell=atoms.cell.array,
            positions=atoms.positions,
            tags=tags,
        )
        for atoms, tags in cells
    ]
    open_archive().put(*frames)
    return [frame.id for frame in frames]
