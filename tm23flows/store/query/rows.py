"""Labels and frames as short rows, read without their arrays.

Owns what a listing shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tm23flows.documents.frame import Frame
from tm23flows.documents.label import Label
from tm23flows.documents.recipe import format_kmesh
from tm23flows.store.query.selection import Selection

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive
    from tm23flows.store.query.words import Query

_COMMON = ("element", "regime", "temperature_K", "trajectory_id", "step")
_RECIPE = ("engine", "kmesh", "sigma_eV", "electron_shift")
_LABEL = ("frame_id", "n_atoms", "energies", "magnitudes", "provenance.created")

LABEL_FIELDS = dict.fromkeys((*_COMMON, *_LABEL, *(f"recipe.{name}" for name in _RECIPE)), 1)
FRAME_FIELDS = dict.fromkeys(
    (*_COMMON, "time_fs", "tags", "numbers.shape", "provenance.created"), 1
)


def label_rows(archive: Archive, query: Query, limit: int = 0) -> Iterator[dict[str, Any]]:
    """Stream labels that match a query as rows of plain values.

    Parameters
    ----------
    archive
        The archive.
    query
        What to look for.
    limit
        How many rows at most; 0 means all.

    Yields
    ------
    Ids, where the frame comes from, how it was labelled, the free energy in eV, and how large
    the numbers are: energy in eV per atom, largest force in eV/angstrom, largest stress
    component in eV/angstrom^3. What is not known is None.
    """
    for stored in Selection(archive, Label, query).stored(LABEL_FIELDS, limit):
        recipe = stored["recipe"]
        sizes = stored.get("magnitudes") or {}
        yield {
            "label_id": stored["_id"],
            "frame_id": stored["frame_id"],
            **_where_from(stored),
            "engine": recipe["engine"],
            "kmesh": format_kmesh(recipe["kmesh"]),
            "sigma_eV": recipe["sigma_eV"],
            "electron_shift": recipe["electron_shift"],
            "n_atoms": stored["n_atoms"],
            "energy_free_eV": stored["energies"].get("free"),
            "energy_eV_per_atom": sizes.get("energy_per_atom"),
            "max_force_eV_per_A": sizes.get("max_force"),
            "max_stress_eV_per_A3": sizes.get("max_stress"),
            "created": stored["provenance"]["created"].isoformat(),
        }


def frame_rows(archive: Archive, query: Query, limit: int = 0) -> Iterator[dict[str, Any]]:
    """Stream frames that match a query as rows of plain values.

    Parameters
    ----------
    archive
        The archive.
    query
        What to look for; words about labels ask for a label like that.
    limit
        How many rows at most; 0 means all.

    Yields
    ------
    Ids, where the frame comes from, its time in fs, its number of atoms and its tags.
    """
    for stored in Selection(archive, Frame, query).stored(FRAME_FIELDS, limit):
        yield {
            "frame_id": stored["_id"],
            **_where_from(stored),
            "time_fs": stored["time_fs"],
            "n_atoms": stored["numbers"]["shape"][0],
            "tags": stored.get("tags") or {},
            "created": stored["provenance"]["created"].isoformat(),
        }


def _where_from(stored: dict[str, Any]) -> dict[str, Any]:
    return {
        "metal": stored["element"],
        "regime": stored["regime"],
        "temperature_K": stored["temperature_K"],
        "trajectory_id": stored["trajectory_id"],
        "step": stored["step"],
    }
