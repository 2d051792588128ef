"""Which studies there are.

Owns their list; reading one by its id is the archive's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tm23flows.documents.study import Study
from tm23flows.store.collections import collection_of

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive


def list_studies(archive: Archive, kind: str | None = None) -> list[Study]:
    """Read all studies.

    Parameters
    ----------
    archive
        The archive.
    kind
        Only those of this kind.

    Returns
    -------
    The studies, oldest first.
    """
    wanted = {} if kind is None else {"results.kind": kind}
    stored = archive.database[collection_of(Study)].find(wanted, {"_id": 1})
    found = archive.get_many(Study, [one["_id"] for one in stored])
    return sorted(found, key=lambda one: (one.provenance.created, one.id))
