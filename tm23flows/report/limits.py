"""What the numbers of a report do not say.

Owns the plain sentences about small cells, short runs, few frames and coarse settings,
each next to the value of the paper.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from tm23flows.documents.label import Label
from tm23flows.documents.recipe import Recipe
from tm23flows.documents.structure import Structure
from tm23flows.documents.trajectory import Trajectory
from tm23flows.report.records import NamedDataset
from tm23flows.science import protocol
from tm23flows.store.batches import batched
from tm23flows.store.collections import collection_of

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

ENERGY_REFERENCE_NOTE = (
    "The article does not say from where the energy MAV is measured. Here it is the mean absolute "
    "deviation from the mean energy per atom of the same frames, so percent errors of the energy "
    "are large where the energies hardly vary."
)


def limits(
    archive: Archive, chosen: Sequence[NamedDataset], runs: Sequence[Trajectory]
) -> list[str]:
    """Say where the data are smaller or coarser than the paper's.

    Parameters
    ----------
    archive
        The archive.
    chosen
        Datasets of the report.
    runs
        Trajectories of the report.

    Returns
    -------
    Sentences; none where nothing is to be said.
    """
    wanted = dict.fromkeys(run.structure_id for run in runs)
    # A structure that is gone is reported by the traces; the rest can still be said.
    there = archive.existing(Structure, wanted)
    structures = archive.get_many(Structure, [one for one in wanted if one in there])
    said = [
        *map(_cell, structures),
        *_length(runs),
        *(sentence for named in chosen for sentence in _dataset(archive, named)),
    ]
    return list(dict.fromkeys(sentence for sentence in said if sentence))


def _cell(structure: Structure) -> str:
    distance = structure.min_image_distance_A
    if distance >= protocol.MIN_LENGTH_A:
        return ""
    return (
        f"The {structure.element} cell has {len(structure.numbers)} atoms and its periodic images "
        f"are {distance:.1f} Å apart (paper: at least {protocol.MIN_LENGTH_A:g} Å): atoms see "
        "their own images, and one vacancy is a large concentration."
    )


def _length(runs: Sequence[Trajectory]) -> list[str]:
    short = [run for run in runs if run.n_steps < protocol.N_STEPS]
    if not short:
        return []
    longest = max(short, key=lambda run: run.n_steps)
    time_ps = longest.n_steps * longest.dynamics.timestep_fs / 1000
    sentence = (
        f"The runs have at most {longest.n_steps} steps, {time_ps:.2g} ps (paper: "
        f"{protocol.N_STEPS} steps, 55 ps): such runs are hardly in equilibrium, and "
        "neighbouring frames resemble each other."
    )
    return [sentence]


def _dataset(archive: Archive, named: NamedDataset) -> list[str]:
    parts = {name: list(_origins(archive, ids)) for name, ids in named.dataset.parts.items() if ids}
    ids = dict.fromkeys(recipe_id for part in parts.values() for recipe_id, _ in part)
    recipes = {one: archive.recipes.of(one) for one in ids}
    said = [_recipe(named.name, recipe) for recipe in recipes.values()]
    sizes = ", ".join(f"{len(labels)} {name}" for name, labels in parts.items())
    if len(parts.get("test", ())) < protocol.FULL_TEST_PER_TEMPERATURE:
        said.append(
            f"{named.name} has {sizes} frames (paper: {protocol.FULL_TRAIN_PER_TEMPERATURE} train "
            f"and {protocol.FULL_TEST_PER_TEMPERATURE} test at each temperature): with so few "
            "test frames differences between models of some tens of percent mean nothing."
        )
    runs = [{run for _, run in part if run} for part in parts.values()]
    if len(runs) > 1 and set.intersection(*runs):
        said.append(
            f"Training and test frames of {named.name} come from the same runs, at different "
            "times: the errors say how well a model continues these runs, not how it transfers."
        )
    return said


def _origins(archive: Archive, label_ids: Iterable[str]) -> Iterator[tuple[str, str | None]]:
    """Yield recipe and run of labels, without reading their numbers."""
    fields = {"recipe_id": 1, "trajectory_id": 1}
    for batch in batched(label_ids):
        for one in archive.database[collection_of(Label)].find({"_id": {"$in": batch}}, fields):
            yield one["recipe_id"], one["trajectory_id"]


def _recipe(name: str, recipe: Recipe) -> str:
    if recipe.engine == "emt":
        return (
            f"The labels of {name} come from effective-medium theory, not from density "
            "functional theory: they show that the road works and nothing about the metal."
        )
    if recipe.cutoff_eV is not None and recipe.cutoff_eV < protocol.CUTOFF_EV:
        return (
            f"The labels of {name} use plane waves up to {recipe.cutoff_eV:g} eV (paper: "
            f"{protocol.CUTOFF_EV:g} eV): pressures and energies are less converged than forces."
        )
    return ""
