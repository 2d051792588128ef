"""Where every number of a page comes from: one trace for each document that a row is of.

Owns which traces a page has and how they hang together: that of a model ends at its dataset, and
the dataset has its own, because thousands of labels are behind each. How a trace reads is
:mod:`tm23flows.report.provenance`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tm23flows.errors import NotFoundError
from tm23flows.report.provenance import Step, steps
from tm23flows.report.records import SHORT_ID
from tm23flows.store.past.trace import trace

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive
    from tm23flows.store.past.relatives import Trace

DATASETS = "datasets"


@dataclass(frozen=True)
class Past:
    """The past of one document.

    Parameters
    ----------
    id
        The beginning of its id, which links name.
    title
        What it is.
    complete
        Whether nothing is missing, also not behind the datasets that it goes through.
    steps
        Level by level, nearest first.
    """

    id: str
    title: str
    complete: bool
    steps: list[Step]


def read_pasts(archive: Archive, titles: Mapping[str, str]) -> list[Past]:
    """Trace documents.

    Parameters
    ----------
    archive
        The archive.
    titles
        What each document is, by its id.

    Returns
    -------
    Their pasts in this order, then those of the datasets that they go through.

    Raises
    ------
    NotFoundError
        If a document is not there.
    """
    traces = {one: trace(archive, one, closed=(DATASETS,)) for one in titles if one}
    through = {one: list(_datasets(found)) for one, found in traces.items()}
    wanted = dict.fromkeys(one for ids in through.values() for one in ids)
    behind = {one: found for one in wanted if (found := _full(archive, one)) is not None}
    return [
        *(
            Past(
                one[:SHORT_ID],
                titles[one],
                found.complete and all(behind[d].complete for d in through[one] if d in behind),
                steps(found),
            )
            for one, found in traces.items()
            if one not in behind
        ),
        *(
            Past(one[:SHORT_ID], titles.get(one, f"dataset {one[:SHORT_ID]}"), t.complete, steps(t))
            for one, t in behind.items()
        ),
    ]


def _datasets(found: Trace) -> Iterable[str]:
    return (one.id for level in found.levels if level.collection == DATASETS for one in level.shown)


def _full(archive: Archive, dataset_id: str) -> Trace | None:
    """Trace a dataset; None where it is gone, which the trace of its child says."""
    try:
        return trace(archive, dataset_id)
    except NotFoundError:
        return None
