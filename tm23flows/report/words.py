"""Recipes in words.

Owns how the settings of a label are said to a reader: in full, and in short where two
recipes are told apart.
"""

from __future__ import annotations

from tm23flows.documents.recipe import Recipe


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
    return f"shifted {recipe.kmesh_text}" if any(recipe.kmesh_offset) else recipe.kmesh_text


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
    words.append(f"SIGMA {recipe.sigma_eV:g} eV")
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
    offset = "Gamma-centred"
    if any(recipe.kmesh_offset):
        offset = "shifted by (" + ", ".join(f"{x:g}" for x in recipe.kmesh_offset) + ")"
    data = "; ".join(f"{key}: {value}" for key, value in sorted(recipe.pseudopotentials.items()))
    options = "; ".join(f"{key} = {value}" for key, value in sorted(recipe.options.items()))
    return (
        f"Engine {recipe.engine}, functional {recipe.xc}; {cutoff}"
        f"k-mesh {recipe.kmesh_text} {offset}; {recipe.smearing} smearing of order "
        f"{recipe.smearing_order}, SIGMA {recipe.sigma_eV:g} eV; {shift}; "
        f"{'spin-polarised' if recipe.spin_polarized else 'not spin-polarised'}"
        + (f"; datasets {data}" if data else "")
        + (f"; options {options}" if options else "")
        + "."
    )
