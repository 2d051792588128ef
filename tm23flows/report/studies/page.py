"""The studies in the report: a chapter for each kind.

Owns which module shows which study.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from tm23flows.documents.study import Study
from tm23flows.errors import DatabaseError, NotFoundError
from tm23flows.report.studies import (
    correlations,
    crystal,
    dos,
    electrons,
    finite_size,
    molecular_dynamics,
    phonons,
    rare_events,
    smearing,
    transfer,
)
from tm23flows.report.studies.section import Chapter, StudySection
from tm23flows.store.studies import list_studies

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

SECTIONS: dict[str, Callable[[Archive, Study], StudySection]] = {
    "transfer": transfer.section,
    "molecular-dynamics": molecular_dynamics.section,
    "crystal": crystal.section,
    "phonons": phonons.section,
    "rare-events": rare_events.section,
    "smearing": smearing.section,
    "electrons": electrons.section,
    "dos": dos.section,
    "correlations": correlations.section,
    "finite-size": finite_size.section,
}
"""What shows a study, by its kind."""

TITLES = {
    "transfer": "Transfer between temperatures",
    "molecular-dynamics": "Molecular dynamics with the models",
    "crystal": "Crystal and vacancy",
    "phonons": "Phonons",
    "rare-events": "Rare events",
    "smearing": "Smearing",
    "electrons": "Electron count",
    "dos": "Densities of states",
    "correlations": "Correlations",
    "finite-size": "Finite size",
}


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
    Sentences, tables and figures, from what is stored alone; its warnings and settings with them.
    """
    return _of_study(study, SECTIONS[study.kind](archive, study))


def _of_study(study: Study, section: StudySection) -> StudySection:
    return replace(
        section,
        warnings=(*study.warnings, *section.warnings),
        settings=study.settings,
        document=study.id,
    )


def study_chapters(archive: Archive) -> list[Chapter]:
    """Show all studies, a chapter for each kind.

    Parameters
    ----------
    archive
        The archive.

    Returns
    -------
    Chapters in the order of :data:`TITLES`, the newest study first. A study that cannot be shown
    says why in its place, and the others are not lost with it.
    """
    studies = list_studies(archive)
    chapters = []
    for kind, title in TITLES.items():
        if found := [one for one in reversed(studies) if one.kind == kind]:
            sections = tuple(_shown(archive, study) for study in found)
            chapters.append(Chapter(kind, title, sections))
    return chapters


def _shown(archive: Archive, study: Study) -> StudySection:
    try:
        return section_of(archive, study)
    except (NotFoundError, DatabaseError) as error:
        why = f"This study cannot be shown: {error}"
        title = f"{TITLES[study.kind]} of {', '.join(study.elements)}"
        return _of_study(study, StudySection(title, (), (), (), warnings=(why,)))
