"""Recipes in words.

Owns how the settings of a label are said to a reader: in full, and in short where two
recipes are told apart.
"""

from __future__ import annotations

from tm23flows.documents.recipe import Recipe

SPIN_WORDS = {True: "spin-polarised", False: "not spin-polarised", None: "spin unknown"}


def mesh_words(recipe: Recipe) -> str:
    """Name the k-mesh.

    Parameters
    ----------
    recipe
        The recipe.

    Returns
    -------
    Such as ``3x3x3`` or ``shifted 2x2x2``.
    """
    return f"shifted {recipe.kmesh_text}" if _shifted(recipe) else recipe.kmesh_text


def short_words(recipe: Recipe, *, mesh: bool = True) -> str:
    """Name a recipe by what differs most often.

    Parameters
    ----------
    recipe
        The recipe.
    mesh
        Whether its k-mesh is named.

    Returns
    -------
    Such as ``3x3x3, SIGMA 0.2 eV, 350 eV``.
    """
    words = [mesh_words(recipe)] if mesh else []
    words.append(_sigma_words(recipe))
    if recipe.cutoff_eV is not None:
        words.append(f"{recipe.cutoff_eV:g} eV cutoff")
    if recipe.electron_shift:
        words.append(f"{recipe.electron_shift:+g} electrons")
    return ", ".join(words)


def recipe_words(recipe: Recipe) -> str:
    """Say a recipe in full.

    Parameters
    ----------
    recipe
        The recipe.

    Returns
    -------
    One sentence.
    """
    cutoff = "" if recipe.cutoff_eV is None else f"plane waves up to {recipe.cutoff_eV:g} eV; "
    shift = f"{recipe.electron_shift:+g} electrons per cell" if recipe.electron_shift else "neutral"
    offset = "Gamma-centred" if recipe.kmesh_offset else ""
    if _shifted(recipe):
        offset = "shifted by (" + ", ".join(f"{x:g}" for x in recipe.kmesh_offset) + ")"
    data = "; ".join(f"{key}: {value}" for key, value in sorted(recipe.pseudopotentials.items()))
    options = "; ".join(f"{key} = {value}" for key, value in sorted(recipe.options.items()))
    return (
        f"Engine {recipe.engine}, functional {recipe.xc}; {cutoff}"
        f"k-mesh {recipe.kmesh_text} {offset}; {_smearing_words(recipe)}, "
        f"{_sigma_words(recipe)}; {shift}; {SPIN_WORDS[recipe.spin_polarized]}"
        + (f"; datasets {data}" if data else "")
        + (f"; options {options}" if options else "")
        + "."
    )


def _shifted(recipe: Recipe) -> bool:
    return any(recipe.kmesh_offset or ())


def _sigma_words(recipe: Recipe) -> str:
    return "SIGMA unknown" if recipe.sigma_eV is None else f"SIGMA {recipe.sigma_eV:g} eV"


def _smearing_words(recipe: Recipe) -> str:
    if recipe.smearing is None:
        return "smearing unknown"
    order = "unknown" if recipe.smearing_order is None else recipe.smearing_order
    return f"{recipe.smearing} smearing of order {order}"
