"""Labels of the same frames under two recipes.

Owns how they are compared, and two of the comparisons: another SIGMA, and the recipe of the
trajectory. That with another k-mesh is :mod:`tm23flows.report.label_noise`. The formulas are in
:mod:`tm23flows.science.noise`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tm23flows.documents.label import Label, label_arrays
from tm23flows.documents.recipe import Recipe
from tm23flows.documents.trajectory import Trajectory
from tm23flows.report.quantities import Quantity
from tm23flows.report.records import NamedDataset, datasets, labels_of_shared_frames
from tm23flows.report.words import short_words
from tm23flows.science.metrics import EnergyReference
from tm23flows.science.noise import label_noise
from tm23flows.science.protocol import Regime

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

Pair = tuple[Label, Label]
"""A label under another recipe, and the dataset's label of the same frame."""

ALL_PARTS = "all"
FOLLOWS_SIGMA = {"nbands"}
"""Options that engines choose by the smearing width; converged, they change no number."""
GROUP_ORDER = ("all", *map(str, Regime))


@dataclass(frozen=True)
class ComparisonRow:
    """How far another recipe is from the recipe of a dataset, for one group of frames.

    ``energy`` is without the constant offset between the recipes, and None for one frame.
    """

    metal: str
    dataset: str
    dataset_id: str
    part: str
    energy_reference: EnergyReference
    group: str
    what: str
    n_frames: int
    force: Quantity
    energy: Quantity | None
    stress: Quantity | None

    @property
    def frames(self) -> tuple[str, str, str]:
        """What the row is of: dataset, part and how the energy MAV is referenced."""
        return (self.dataset_id, self.part, self.energy_reference)


@dataclass(frozen=True)
class ComparedFrames:
    """The part of a dataset whose labels are compared, and how.

    Parameters
    ----------
    named
        The dataset.
    part
        Its part; :data:`ALL_PARTS` for all of it.
    energy_reference
        How the energy MAV is referenced.
    """

    named: NamedDataset
    part: str
    energy_reference: EnergyReference = "mean-per-atom"

    @property
    def label_ids(self) -> Sequence[str]:
        """Ids of the labels of the part."""
        dataset = self.named.dataset
        return dataset.label_ids if self.part == ALL_PARTS else dataset.parts.get(self.part, ())


def sigma_rows(archive: Archive, dataset: str | None = None) -> list[ComparisonRow]:
    """Compare labels with those of the same frames at another SIGMA and the same k-mesh.

    Parameters
    ----------
    archive
        The archive.
    dataset
        Name or id of a dataset; all by default.

    Returns
    -------
    Rows for all frames and by regime, SIGMA rising.
    """
    rows = []
    for named in datasets(archive, dataset):
        frames = ComparedFrames(named, ALL_PARTS)
        others = pairs_by_recipe(archive, frames.label_ids)
        for pairs in sorted(others, key=lambda pairs: pairs[0][0].recipe.sigma_eV or 0):
            other, base = (label.recipe for label in pairs[0])
            if other.unknown or base.unknown:
                continue
            if other.sigma_eV != base.sigma_eV and _differ_in_sigma_only(other, base):
                what = f"SIGMA {other.sigma_eV:g} eV against {base.sigma_eV:g} eV"
                rows.extend(rows_by_group(frames, pairs, what))
    return rows


def trajectory_rows(archive: Archive, dataset: str | None = None) -> list[ComparisonRow]:
    """Compare labels with the forces that moved the atoms in the trajectory.

    Parameters
    ----------
    archive
        The archive.
    dataset
        Name or id of a dataset; all by default.

    Returns
    -------
    Rows for all frames and by regime.
    """
    rows = []
    for named in datasets(archive, dataset):
        frames = ComparedFrames(named, ALL_PARTS)
        others = pairs_by_recipe(archive, frames.label_ids)
        runs = {base.trajectory_id for pairs in others for _, base in pairs if base.trajectory_id}
        recipes = {one.recipe.id for one in archive.get_many(Trajectory, sorted(runs))}
        for pairs in others:
            other, base = (label.recipe for label in pairs[0])
            if other.id in recipes:
                what = f"{short_words(other)} against {short_words(base)}"
                rows.extend(rows_by_group(frames, pairs, what))
    return rows


def pairs_by_recipe(archive: Archive, label_ids: Iterable[str]) -> list[list[Pair]]:
    """Find the other labels of the frames of some labels.

    Parameters
    ----------
    archive
        The archive.
    label_ids
        Labels of one dataset.

    Returns
    -------
    Pairs of another label and the dataset's label, one list per other recipe of the same
    engine, most frames first.
    """
    base, labels = labels_of_shared_frames(archive, label_ids)
    found: dict[tuple[str, str], list[Pair]] = {}
    for label in base:
        for other in labels[label.frame_id]:
            if other.id != label.id and other.recipe.engine == label.recipe.engine:
                key = (other.recipe_id, label.recipe_id)
                found.setdefault(key, []).append((other, label))
    return [found[key] for key in sorted(found, key=lambda key: (-len(found[key]), key))]


def same_except(one: Recipe, other: Recipe, fields: set[str]) -> bool:
    """Say whether two recipes agree in all but some fields.

    Parameters
    ----------
    one
        A recipe.
    other
        Another one.
    fields
        What may differ.

    Returns
    -------
    Whether they do.
    """
    return one.model_dump(exclude=fields) == other.model_dump(exclude=fields)


def _differ_in_sigma_only(one: Recipe, other: Recipe) -> bool:
    options = [
        {key: value for key, value in recipe.options.items() if key not in FOLLOWS_SIGMA}
        for recipe in (one, other)
    ]
    return options[0] == options[1] and same_except(one, other, {"sigma_eV", "options"})


def rows_by_group(frames: ComparedFrames, pairs: list[Pair], what: str) -> list[ComparisonRow]:
    """Compare the labels of each pair, for all frames and by regime.

    Parameters
    ----------
    frames
        What is compared.
    pairs
        A label and the better one of the same frame, of which the errors are percentages.
    what
        Words for the two recipes.

    Returns
    -------
    All frames first, then rising temperature.
    """
    groups: dict[str, list[Pair]] = {"all": pairs}
    for pair in pairs:
        groups.setdefault(pair[1].regime or "other", []).append(pair)
    return [_row(frames, group, groups[group], what) for group in sorted(groups, key=group_place)]


def group_place(group: str) -> tuple[int, str]:
    """Order groups: all frames, then rising temperature, then the rest.

    Parameters
    ----------
    group
        Name of the group.

    Returns
    -------
    A key to sort by.
    """
    return (GROUP_ORDER.index(group) if group in GROUP_ORDER else len(GROUP_ORDER), group)


def _row(frames: ComparedFrames, group: str, pairs: list[Pair], what: str) -> ComparisonRow:
    dataset = frames.named.dataset
    other, base = (label_arrays(labels, dataset.energy) for labels in zip(*pairs, strict=True))
    errors = label_noise(other, base, frames.energy_reference).errors
    return ComparisonRow(
        metal=dataset.element,
        dataset=frames.named.name,
        dataset_id=dataset.id,
        part=frames.part,
        energy_reference=frames.energy_reference,
        group=group,
        what=what,
        n_frames=len(pairs),
        force=Quantity.of(errors.force),
        # One frame's energy difference is all offset: nothing would be left of it.
        energy=Quantity.of(errors.energy) if len(pairs) > 1 else None,
        stress=None if errors.stress is None else Quantity.of(errors.stress),
    )
