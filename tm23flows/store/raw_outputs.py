"""Where the packed files of finished batches are, with the checksum of each.

Owns the records, not the files: they stay on the disk of the cluster, because a
database is no place for them. A label names its run folder; :func:`find_raw_outputs`
finds the pack that this folder went into.
"""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tm23flows.documents.ids import content_id

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

COLLECTION = "raw_outputs"


def record_raw_outputs(archive: Archive, path: Path, sha256: str, members: dict[str, str]) -> None:
    """Write down a pack.

    Parameters
    ----------
    archive
        The archive.
    path
        The file.
    sha256
        Its checksum.
    members
        Checksum of every file in it, by name.
    """
    place = f"{socket.gethostname()}:{path}"
    record = {
        "path": place,
        "folder": place.rpartition("/")[0],
        "sha256": sha256,
        "bytes": path.stat().st_size if path.is_file() else None,
        # Names have dots, which are no good keys of a document.
        "members": [{"name": name, "sha256": digest} for name, digest in members.items()],
    }
    key = content_id("raw-outputs", path=place, sha256=sha256)
    archive.database[COLLECTION].update_one({"_id": key}, {"$setOnInsert": record}, upsert=True)


def find_raw_outputs(archive: Archive, run_folder: str) -> dict[str, Any] | None:
    """Find the pack that a run folder went into.

    Parameters
    ----------
    archive
        The archive.
    run_folder
        ``host:path`` of the folder, as a label names it.

    Returns
    -------
    ``path``, ``sha256`` and ``members`` of the pack; None if the folder was not packed.
    """
    parent, _, name = run_folder.rpartition("/")
    for record in archive.database[COLLECTION].find({"folder": parent}):
        if any(one["name"].startswith(f"{name}/") for one in record["members"]):
            found: dict[str, Any] = record
            return found
    return None
