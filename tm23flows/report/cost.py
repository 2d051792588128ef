"""What data and models cost: processor hours of labels, hours of trainings.

Owns the sums. Effort is written into every label and model when it is made; what was imported, or
made before effort was kept, has none and is counted as such.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tm23flows.documents.dataset import Dataset
from tm23flows.documents.label import Label
from tm23flows.documents.model import Model
from tm23flows.report.quantities import NOT_THERE, number_text
from tm23flows.report.records import SHORT_ID, read_all
from tm23flows.report.studies.section import StudySection, StudyTable
from tm23flows.report.words import short_words
from tm23flows.science.published import published
from tm23flows.store.collections import collection_of

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

S_PER_HOUR = 3600.0


@dataclass
class LabelCost:
    """Labels of one metal under one recipe."""

    n_labels: int = 0
    n_known: int = 0
    cpu_s: float = 0.0


def section(archive: Archive, metals: set[str] | None = None) -> StudySection | None:
    """Show what labels and models cost.

    Parameters
    ----------
    archive
        The archive.
    metals
        Only of these; all by default.

    Returns
    -------
    Two tables; None where there is nothing.
    """
    tables = [_labels(archive, metals), _models(archive, metals)]
    tables = [one for one in tables if one.rows]
    if not tables:
        return None
    return StudySection("Cost", (), tuple(tables), ())


def label_costs(
    archive: Archive, metals: set[str] | None = None
) -> dict[tuple[str, str], LabelCost]:
    """Sum the effort of labels.

    Parameters
    ----------
    archive
        The archive.
    metals
        Only of these; all by default.

    Returns
    -------
    By metal and id of the recipe.
    """
    fields = {"element": 1, "recipe_id": 1, "effort.cpu_s": 1}
    wanted = {} if metals is None else {"element": {"$in": sorted(metals)}}
    costs: dict[tuple[str, str], LabelCost] = {}
    for one in archive.database[collection_of(Label)].find(wanted, fields):
        cost = costs.setdefault((one["element"], one["recipe_id"]), LabelCost())
        cost.n_labels += 1
        if (spent := one.get("effort", {}).get("cpu_s")) is not None:
            cost.n_known += 1
            cost.cpu_s += spent
    return costs


def _labels(archive: Archive, metals: set[str] | None) -> StudyTable:
    recipes = archive.recipes
    rows = []
    for (element, recipe_id), cost in sorted(label_costs(archive, metals).items()):
        known = cost.n_known > 0
        rows.append(
            (
                element,
                short_words(recipes.of(recipe_id)),
                str(cost.n_labels),
                number_text(cost.cpu_s / S_PER_HOUR) if known else NOT_THERE,
                number_text(cost.cpu_s / cost.n_known) if known else NOT_THERE,
                recipe_id[:SHORT_ID],
            )
        )
    return StudyTable(
        title="Labels",
        columns=("metal", "recipe", "labels", "CPU hours", "CPU s per label", "recipe id"),
        rows=rows,
        note="Processor time of the labels alone; those that do not say what they cost, such as "
        "imported ones, add nothing.",
    )


def _models(archive: Archive, metals: set[str] | None) -> StudyTable:
    theirs = published("training_cost")
    elements = {one.id: one.element for one in read_all(archive, Dataset)}
    rows, documents = [], []
    for one in _trained(read_all(archive, Model), elements, metals):
        element = elements[one.dataset_id or ""]
        row = theirs.values.get(element, {})
        their = {
            "flare": f"{row.get('flare_train_hours', NOT_THERE)} h in all",
            "nequip": f"{row.get('nequip_hours_per_epoch', NOT_THERE)} h per epoch",
        }
        rows.append(
            (
                element,
                f"{one.trainer} {one.id[:SHORT_ID]}",
                number_text(float(one.summary.get("elapsed_s") or one.wall_s) / S_PER_HOUR),
                str(len(one.history)),
                their.get(one.trainer, NOT_THERE),
            )
        )
        documents.append(one.id)
    return StudyTable(
        title="Trainings",
        columns=("metal", "model", "hours", "rows of history", "published"),
        rows=rows,
        documents=documents,
        note="Time on the clock of all attempts together, on whatever machine. Published: "
        f"{theirs.figure} of the article, full sets on its own machines; confidence of the "
        f"reading: {theirs.confidence}.",
    )


def _trained(
    models: Iterable[Model], elements: dict[str, str], metals: set[str] | None
) -> list[Model]:
    found = [one for one in models if one.dataset_id in elements]
    if metals is not None:
        found = [one for one in found if elements[one.dataset_id or ""] in metals]
    return sorted(found, key=lambda one: (elements[one.dataset_id or ""], one.trainer, one.id))
