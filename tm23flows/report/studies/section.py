"""What a section of the report is made of, whatever it is about.

Owns the value types between the modules that fill them, such as those of the studies, and what
shows them: the page (:mod:`tm23flows.report.page`), the files beside it
(:mod:`tm23flows.report.export`) and ``tm23 study show``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tm23flows.report.plotting import Drawing


@dataclass(frozen=True)
class StudyTable:
    """A table of texts.

    Parameters
    ----------
    title
        What it shows.
    columns
        Heads of the columns, units included.
    rows
        Texts, as many in each row as there are columns.
    note
        How to read it.
    documents
        Id of the document that each row comes from, as many as there are rows, or none: the page
        links to where they come from.
    """

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    note: str = ""
    documents: Sequence[str] = ()


@dataclass(frozen=True)
class StudySection:
    """One study, ready to be shown.

    Parameters
    ----------
    title
        Such as ``Smearing study of Cu and Ti``.
    answer
        Sentences that say what was found, nothing more than the numbers allow.
    tables
        Tables.
    drawings
        Figures.
    warnings
        What a reader must know to judge the answer; it stands before it.
    settings
        What the analysis was told before it saw data.
    document
        Id of the document that all of it comes from, where it is one.
    """

    title: str
    answer: tuple[str, ...]
    tables: tuple[StudyTable, ...]
    drawings: tuple[Drawing, ...]
    warnings: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    document: str = ""


@dataclass(frozen=True)
class Chapter:
    """What the page says about one subject.

    Parameters
    ----------
    anchor
        Its name in links.
    title
        Its heading.
    sections
        What is in it; not empty.
    """

    anchor: str
    title: str
    sections: tuple[StudySection, ...]
