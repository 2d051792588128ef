"""The job that makes the crystal study: lattice, stiffness and vacancy of models beside labels.

Owns the study and what a reader is warned of. The rows are made in
:mod:`tm23flows.jobs.studies.crystal_labels` and :mod:`tm23flows.jobs.studies.crystal_models`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jobflow import job

from tm23flows.documents.base import Provenance
from tm23flows.documents.label import Label
from tm23flows.documents.studies.crystal import CrystalMetal, CrystalResults, CrystalRow
from tm23flows.documents.study import Study, sorted_parents, study_id
from tm23flows.jobs.context import open_archive
from tm23flows.jobs.studies.crystal_labels import NOT_ASKED, label_row, vacancy_labels
from tm23flows.jobs.studies.crystal_models import model_row, with_difference

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

KIND = "crystal"

FORCE_AT_REST_EV_PER_A = 0.01
"""Above this, atoms of the unit cell would move if they could."""

STRAIN_OF_STRESS = 0.01
"""Part of the volume by which the stress and the energies may have their rest apart."""


@job
def make_crystal_study(metals: list[dict[str, Any]], settings: dict[str, Any]) -> dict[str, Any]:
    """Measure the models of each metal, put them beside the labels, and store the study.

    A study that is there stays, and nothing is measured.

    Parameters
    ----------
    metals
        For each metal ``element``, ``phase``, ``unit`` (a crystal as a dict, to start from),
        ``phases`` (the same by phase), ``multiples``, ``dataset_id``, ``model_ids``, and
        ``labels``: None, or what :func:`tm23flows.jobs.studies.crystal_labels.label_row` takes,
        with ``phases``, the outputs of their equilibria, besides.
    settings
        Settings of the analysis.

    Returns
    -------
    ``study_id``, and by metal the number of ``models`` and of those that came ``at_rest``.
    """
    archive = open_archive()
    elements = tuple(one["element"] for one in metals)
    parents = _parents(archive, metals)
    key = study_id(KIND, elements, settings, parents)
    if not archive.existing(Study, [key]):
        found = tuple(_metal(archive, one, settings) for one in metals)
        study = Study(
            provenance=Provenance.now(inputs={"metals": metals}),
            elements=elements,
            settings=settings,
            parents=parents,
            results=CrystalResults(metals=found),
            warnings=tuple(one for metal in found for one in _warnings(metal)),
        )
        archive.put(study)
    results = archive.get(Study, key).results
    return {
        "study_id": key,
        "models": {one.element: len(one.models) for one in results.metals},
        "at_rest": {
            one.element: sum(row.lattice is not None for row in one.models)
            for one in results.metals
        },
    }


def _parents(archive: Archive, metals: Sequence[Mapping[str, Any]]) -> dict[str, tuple[str, ...]]:
    labels, constants = [], []
    for one in (metal["labels"] for metal in metals if metal["labels"] is not None):
        labels += one["rest"]["label_ids"]
        labels += [label for phase in one["phases"].values() for label in phase["label_ids"]]
        if one["vacancy"] is not None:
            labels += vacancy_labels(one["vacancy"])
        if one["elastic_constants_id"] is not None:
            constants.append(one["elastic_constants_id"])
    return sorted_parents(
        datasets=[one["dataset_id"] for one in metals],
        models=[model for one in metals for model in one["model_ids"]],
        labels=list(archive.existing(Label, labels)),
        elastic_constants=constants,
    )


def _metal(archive: Archive, wired: Mapping[str, Any], settings: Mapping[str, Any]) -> CrystalMetal:
    told = wired["labels"]
    labels = None if told is None else label_row(archive, told, told["phases"])
    return CrystalMetal(
        element=wired["element"],
        phase=wired["phase"],
        dataset_id=wired["dataset_id"],
        multiples=wired["multiples"],
        labels=labels,
        models=tuple(
            with_difference(model_row(archive, one, wired, settings), labels)
            for one in wired["model_ids"]
        ),
    )


def _warnings(metal: CrystalMetal) -> Iterator[str]:
    if metal.labels is None:
        yield (
            f"{metal.element}: the recipe of the labels cannot be computed with here, so there is "
            "no reference beside the models."
        )
    for row in (*([metal.labels] if metal.labels else []), *metal.models):
        yield from _row_warnings(metal.element, row)


def _row_warnings(element: str, row: CrystalRow) -> Iterator[str]:
    name = f"{element}, labels" if row.model_id is None else f"{element}, model {row.model_id[:8]}"
    for why in dict.fromkeys(row.reasons.values()):
        if why != NOT_ASKED:
            which = " and ".join(one for one, given in row.reasons.items() if given == why)
            yield f"{name}: no {which}. {why}"
    if row.vacancy is not None and row.model_id is not None and row.vacancy.reason:
        yield f"{name}: no vacancy with atoms at rest. {row.vacancy.reason}"
    for phase in row.phases:
        if phase.reason:
            yield f"{name}: no energy of {phase.phase}. {phase.reason}"
    if row.lattice is None:
        return
    if row.lattice.largest_force_eV_per_A > FORCE_AT_REST_EV_PER_A:
        yield (
            f"{name}: atoms of the crystal at rest have forces up to "
            f"{row.lattice.largest_force_eV_per_A:.3f} eV/A, because they follow their cell only."
        )
    apart = abs(row.lattice.curve_volume_A3_per_atom / row.lattice.volume_A3_per_atom - 1)
    if row.elastic is not None:
        stress = row.elastic.residual_stress_eV_per_A3 / row.lattice.bulk_modulus_eV_per_A3
        apart = max(apart, stress)
    if apart > STRAIN_OF_STRESS:
        yield (
            f"{name}: energies and stress do not agree on the crystal at rest: they are "
            f"{100 * apart:.1f} % of the volume apart."
        )
