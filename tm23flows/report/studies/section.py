"""What the page of a study is made of, whatever it is about.

Owns the value types between the modules of the studies, which fill them, and what shows them:
the page (:mod:`tm23flows.report.studies.page`) and ``tm23 study show``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
    """

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    note: str = ""


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
    """

    title: str
    answer: tuple[str, ...]
    tables: tuple[StudyTable, ...]
    drawings: tuple[Drawing, ...]
