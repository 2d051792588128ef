"""Labels as short rows, read without their arrays.

Owns what a listing of labels shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tm23flows.documents.recipe import format_kmesh
from tm23flows.store.query import Query

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

PROJECTION = {"forces": 0, "stress": 0, "provenance": 0}


def label_rows(archive: Archive, query: Query) -> Iterator[dict[str, Any]]:
    """Stream labels that match a query as rows of plain values.

    Parameters
    ----------
    archive
        The archive.
    query
        What to look for.

    Yields
    ------
    Ids, where the frame comes from, how it was labelled, and the free energy in eV.
    """
    found = archive.database["labels"].find(query.label_filter(), PROJECTION)
    for stored in found.sort([("trajectory_id", 1), ("step", 1), ("_id", 1)]):
        recipe = stored["recipe"]
        yield {
            "label_id": stored["_id"],
            "frame_id": stored["frame_id"],
            "metal": stored["element"],
            "regime": stored["regime"],
            "temperature_K": stored["temperature_K"],
            "step": stored["step"],
            "engine": recipe["engine"],
            "kmesh": format_kmesh(recipe["kmesh"]),
            "sigma_eV": recipe["sigma_eV"],
            "electron_shift": recipe["electron_shift"],
            "n_atoms": stored["n_atoms"],
            "energy_free_eV": stored["energies"]["free"],
        }
