"""The pages of the studies: one file for each kind, beside the report.

Owns which module shows which study, and the frame around it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tm23flows.documents.study import Study
from tm23flows.report.provenance import steps
from tm23flows.report.records import SHORT_ID
from tm23flows.report.rendering import render
from tm23flows.report.studies import correlations, dos, electrons, finite_size, smearing
from tm23flows.report.studies.section import StudySection
from tm23flows.store.studies import list_studies

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

SECTIONS: dict[str, Callable[[Archive, Study], StudySection]] = {
    "smearing": smearing.section,
    "electrons": electrons.section,
    "dos": dos.section,
    "correlations": correlations.section,
    "finite-size": finite_size.section,
}
"""What shows a study, by its kind."""

TITLES = {
    "smearing": "Smearing",
    "electrons": "Electron count",
    "dos": "Densities of states",
    "correlations": "Correlations",
    "finite-size": "Finite size",
}


@dataclass(frozen=True)
class StudyPage:
    """A page of the report about the studies of one kind.

    Parameters
    ----------
    title
        What it is about.
    file
        Name of the file, beside that of the report.
    studies
        What is on it, newest first.
    """

    title: str
    file: str
    studies: tuple[Study, ...]


def section_of(archive: Archive, study: Study) -> StudySection:
    """Return what shows a study.

    Parameters
    ----------
    archive
        The archive.
    study
        The study.

    Returns
    -------
    Sentences, tables and figures, from what is stored alone.
    """
    return SECTIONS[study.kind](archive, study)


def study_pages(archive: Archive) -> list[StudyPage]:
    """List the pages that there are.

    Parameters
    ----------
    archive
        The archive.

    Returns
    -------
    One for each kind that has a study.
    """
    return list(_pages(list_studies(archive)))


def render_study_page(archive: Archive, page: StudyPage, index: str) -> str:
    """Make a page.

    Parameters
    ----------
    archive
        The archive.
    page
        Which.
    index
        Name of the file of the report.

    Returns
    -------
    HTML.
    """
    return render(
        "study.html",
        title=page.title,
        index=index,
        studies=[_shown(archive, study) for study in page.studies],
    )


def _pages(studies: list[Study]) -> Iterator[StudyPage]:
    for kind, title in TITLES.items():
        if found := tuple(one for one in reversed(studies) if one.kind == kind):
            yield StudyPage(title, f"{kind}.html", found)


def _shown(archive: Archive, study: Study) -> dict[str, Any]:
    past = archive.trace(study.id)
    return {
        "id": study.id[:SHORT_ID],
        "section": section_of(archive, study),
        "warnings": study.warnings,
        "settings": study.settings,
        "complete": past.complete,
        "steps": steps(past),
    }
