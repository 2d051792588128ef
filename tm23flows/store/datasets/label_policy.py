"""Which labels may be in one dataset.

Owns the two conditions: all are of one recipe, and all have the energy that models are trained
on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from tm23flows.documents.label import ENERGY_KINDS, Label
from tm23flows.documents.recipe import Recipe
from tm23flows.errors import InputError

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive
    from tm23flows.store.datasets.candidates import Candidate

NAMED_RECIPES = 6
"""Recipes that a message names; imports may bring one for every frame."""


def check_energy(labels: Sequence[Candidate], energy: str) -> None:
    """Refuse labels that lack the energy that models are to be trained on.

    Parameters
    ----------
    labels
        Labels.
    energy
        Label policy.

    Raises
    ------
    InputError
        If there is no such energy, or a label has none.
    """
    if energy not in ENERGY_KINDS:
        raise InputError(f"There is no energy '{energy}'; choose one of {', '.join(ENERGY_KINDS)}.")
    lacking = [one for one in labels if energy not in one.energies]
    if lacking:
        common = set(ENERGY_KINDS).intersection(*(one.energies for one in labels))
        instead = [f"'{kind}'" for kind in ENERGY_KINDS if kind in common]
        raise InputError(
            f"{len(lacking)} of {len(labels)} labels have no energy '{energy}' (the first is "
            f"{lacking[0].id[:12]}); all of them have {' and '.join(instead) or 'none in common'}."
        )


def check_one_recipe(archive: Archive, of_recipe: Mapping[str, str]) -> None:
    """Refuse labels that do not belong together.

    Parameters
    ----------
    archive
        The archive with the labels.
    of_recipe
        Id of one label by the id of its recipe.

    Raises
    ------
    InputError
        If there is more than one recipe.
    """
    if len(of_recipe) > 1:
        some = archive.get_many(Label, islice(of_recipe.values(), NAMED_RECIPES))
        seen = "; ".join(recipe_words(label.recipe) for label in some)
        seen += "; ..." if len(of_recipe) > NAMED_RECIPES else ""
        raise InputError(
            f"These are labels of {len(of_recipe)} recipes ({seen}); "
            "ask for one of them with engine, kmesh, sigma_eV, electron_shift or recipe."
        )


def recipe_words(recipe: Recipe) -> str:
    """Write in what recipes of one study differ.

    Parameters
    ----------
    recipe
        The recipe.

    Returns
    -------
    Engine, k-mesh, smearing width, shift of the electron count, and the beginning of the id,
    because they may differ in something else.
    """
    return (
        f"{recipe.engine} {recipe.kmesh_text} sigma={recipe.sigma_eV} "
        f"shift={recipe.electron_shift} recipe={recipe.id[:12]}"
    )
