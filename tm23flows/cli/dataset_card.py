"""The card of a dataset as text.

Owns the words; the numbers are :mod:`tm23flows.store.datasets.cards`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tm23flows.documents.recipe import format_kmesh

Card = Mapping[str, Any]

WITHOUT_STEP = (
    "frames say no step: they stand in the order of the dataset they come from, and from a query "
    "in that of their ids, which is not time"
)


def card_lines(card: Card) -> Iterator[str]:
    """Write a card, line by line.

    Parameters
    ----------
    card
        What :func:`tm23flows.store.datasets.cards.dataset_card` returned.

    Yields
    ------
    Lines of text.
    """
    yield f"dataset       {card['id']}"
    yield f"created       {card['created']} UTC"
    metals = ", ".join(f"{metal} {count}" for metal, count in card["metals"].items())
    yield f"labels        {card['n_labels']} ({metals})"
    for part, counts in card["parts"].items():
        where = ", ".join(f"{name} {count}" for name, count in counts["by_temperature"].items())
        yield f"  {part:<11} {counts['n']} ({where})"
    options = ", ".join(f"{key}={value}" for key, value in card["split_options"].items())
    yield f"split         {card['rule']}{f' ({options})' if options else ''}"
    query = ", ".join(f"{key}={value}" for key, value in card["query"].items())
    yield f"query         {query or '-'}"
    if card["pair_of"]:
        yield f"pair of       {card['pair_of']}"
    for recipe in card["recipes"]:
        yield f"recipe        {_recipe(recipe)}"
    yield f"energy        {card['energy']}"
    for name, targets in card["temperatures_K"].items():
        yield f"temperature   {name}: {', '.join(f'{one:g} K' for one in targets) or 'not known'}"
    yield from _ranges(card["ranges"])
    yield from _independent(card)
    yield from _facts(card["facts"])
    yield f"leak check    {_leaks(card['leak_check'])}"


def _recipe(recipe: Card) -> str:
    kmesh = "unknown" if recipe["kmesh"] is None else format_kmesh(tuple(recipe["kmesh"]))
    sigma = "unknown" if recipe["sigma_eV"] is None else f"{recipe['sigma_eV']:g} eV"
    shift = f", electron shift {recipe['electron_shift']:g}" if recipe["electron_shift"] else ""
    return (
        f"{recipe['engine']} {recipe['xc']}, k-mesh {kmesh}, sigma {sigma}{shift}, "
        f"{recipe['id'][:12]}"
    )


def _ranges(ranges: Card) -> Iterator[str]:
    words = {
        "n_atoms": ("atoms", ""),
        "energy_eV_per_atom": ("energies", "eV/atom"),
        "largest_force_eV_per_A": ("largest force", "eV/A"),
        "largest_stress_eV_per_A3": ("largest str.", "eV/A^3"),
    }
    for key, (word, unit) in words.items():
        if ranges[key] is not None:
            low, high = ranges[key]
            yield f"{word:<13} {low:.6g} to {high:.6g} {unit}".rstrip()


def _independent(card: Card) -> Iterator[str]:
    if "runs" not in card:
        return
    for run in card["runs"]:
        known = [
            f"{kind} g = {run[kind]['statistical_inefficiency']:g}{_time(run[kind])}, "
            f"{run[kind]['effective_size']:g} independent"
            f"{'' if run[kind]['long_enough'] else ' (run too short to be sure)'}"
            for kind in ("energy", "forces")
            if run[kind] is not None
        ]
        what = "; ".join(known) or "too few frames to tell"
        yield f"run           {run['run'][:12]} {run['temperature']}, {run['n']} frames: {what}"
    sizes = card["effective_size"]
    if card["runs"]:
        yield f"effective     {sizes['energy']:g} energies, {sizes['forces']:g} forces"


def _time(found: Card) -> str:
    time = found["autocorrelation_time_fs"]
    return "" if time is None else f" (tau = {time:g} fs)"


def _facts(facts: Card) -> Iterator[str]:
    if facts.get("n_left_out"):
        yield f"left out      {facts['n_left_out']} labels of the query"
    for where, count in facts.get("missing", {}).items():
        yield f"missing       {count} of {where}"
    if lost := facts.get("n_without_step"):
        yield f"order         {lost} {WITHOUT_STEP}"
    for run, every in facts.get("kept_every", {}).items():
        yield f"thinned       every {every}. frame of {run[:12]}"
    if without := facts.get("n_without_pair"):
        yield f"missing       {without} frames without a label of this recipe"


def _leaks(leaks: Card) -> str:
    if not leaks["passed"]:
        return f"FAILED: {leaks['message']}"
    if leaks["smallest_gap_fs"] is None:
        gap = "no run has frames in two parts"
    else:
        gap = (
            f"smallest gap in time {leaks['smallest_gap_fs']:g} fs, "
            f"{leaks['required_gap_fs']:g} fs required"
        )
    unknown = leaks["n_without_time"]
    return f"passed: {gap}{f'; {unknown} frames without a time' if unknown else ''}"
