"""All split rules by name, with the options that each takes.

Owns the table from a name on the command line to a rule. The rules themselves are in
``paper_splits``, ``transfer_splits``, ``block_splits``, ``event_splits`` and ``splits``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tm23flows.errors import InputError, TooFewFramesError
from tm23flows.science import paper_splits
from tm23flows.science.block_splits import block_split, temperature_split
from tm23flows.science.event_splits import event_split
from tm23flows.science.moments import Moment, by_temperature
from tm23flows.science.protocol import FULL_TEST_PER_TEMPERATURE, Regime
from tm23flows.science.split_options import (
    read_number,
    read_whole,
    read_whole_or_all,
    read_wholes,
    read_words,
)
from tm23flows.science.splits import Frames, Split, fraction_split, in_turn
from tm23flows.science.transfer_splits import transfer_matrix_split

ALL = "all"
"""In place of the name of a temperature: frames of each in turn."""

Options = Mapping[str, Any]
Made = dict[str, Split]
"""Splits by what is added to the name of the dataset; nothing for a rule that makes one."""


@dataclass(frozen=True)
class Rule:
    """A rule as users call it.

    Parameters
    ----------
    make
        From frames in time order and read options to splits.
    options
        What reads each option; None for a rule whose options are names of parts.
    gap_option
        Option that is the smallest gap in time between parts; None for a rule whose parts
        may be neighbours in time.
    """

    make: Callable[..., Made]
    options: dict[str, Callable[[Any], Any]] | None
    gap_option: str | None = None


def apply_rule(moments: Sequence[Moment], rule: str, options: Options) -> Made:
    """Apply a rule by its name.

    Parameters
    ----------
    moments
        Frames in the order that parts keep: temperature by temperature, in time.
    rule
        One of :data:`RULES`.
    options
        Numbers and names for the rule, also as text.

    Returns
    -------
        One split, or one per size for the learning curve, by what is added to the name of the
        dataset.

    Raises
    ------
    InputError
        The rule is unknown, takes no such option, or an option makes no sense.
    TooFewFramesError
        There are too few frames.
    """
    if rule not in RULES:
        raise InputError(f"There is no split '{rule}'; choose one of: {', '.join(RULES)}.")
    return RULES[rule].make(moments, **read_options(rule, options))


def read_options(rule: str, options: Options) -> dict[str, Any]:
    """Read the options of a rule.

    Parameters
    ----------
    rule
        One of :data:`RULES`.
    options
        Options as numbers or text.

    Returns
    -------
        Options as the rule takes them.

    Raises
    ------
    InputError
        The rule takes no such option, or its value is of another kind.
    """
    known = RULES[rule].options
    if known is None:
        return {"parts": {name: read_words(value) for name, value in options.items()}}
    read = {}
    for name, value in options.items():
        if name not in known:
            raise InputError(
                f"The split '{rule}' takes no such option: {name}; it takes {', '.join(known)}."
            )
        try:
            read[name] = known[name](value)
        except (TypeError, ValueError) as error:
            raise InputError(f"The option {name} of the split '{rule}' {error}.") from None
    return read


def _ids(moments: Sequence[Moment]) -> Frames:
    return {name: [m.id for m in group] for name, group in by_temperature(moments).items()}


def _one(rule: Callable[..., Split]) -> Callable[..., Made]:
    """Let a rule over ids by temperature take frames."""
    return lambda moments, **options: {"": rule(_ids(moments), **options)}


def _of_moments(rule: Callable[..., Split]) -> Callable[..., Made]:
    return lambda moments, **options: {"": rule(moments, **options)}


def _temperature(moments: Sequence[Moment], wanted: str | None, rule: str) -> Sequence[str]:
    """Return the ids of one run: of the temperature asked for, the only one, or the article's."""
    groups = by_temperature(moments)
    name = wanted or (next(iter(groups)) if len(groups) == 1 else str(Regime.MELT))
    if name not in groups:
        raise TooFewFramesError(
            f"The {rule} split takes the frames of one temperature, and of '{name}' there are "
            f"none: set temperature to one of {', '.join(groups) or 'none'}."
        )
    if len(runs := {m.run for m in groups[name] if m.has_place}) > 1:
        raise InputError(
            f"The {rule} split takes frames of one run in sequence, and those of '{name}' are of "
            f"{len(runs)}: ask for one with trajectory={min(map(str, runs))[:12]} or another id."
        )
    return [m.id for m in groups[name]]


def _learning_curve(
    moments: Sequence[Moment], temperature: str | None = None, **options: Any
) -> Made:
    ids: Sequence[str]
    if temperature == ALL:
        frames = _ids(moments)
        n_test = options.get("n_test", FULL_TEST_PER_TEMPERATURE)
        ids = in_turn(frames, n_test, "learning-curve")
        options["n_test"] = n_test * len(frames)
    else:
        ids = _temperature(moments, temperature, "learning-curve")
    splits = paper_splits.learning_curve_splits(ids, **options)
    return {f"-{split.options['n_train']:g}": split for split in splits}


def _finite_size(moments: Sequence[Moment], temperature: str | None = None, **options: Any) -> Made:
    ids = _temperature(moments, temperature, "finite-size")
    return {"": paper_splits.finite_size_split(ids, **options)}


RULES: dict[str, Rule] = {
    "full": Rule(
        _one(paper_splits.full_split),
        {"n_train": read_whole, "n_test": read_whole, "allow_missing": read_whole},
    ),
    "fraction": Rule(_one(fraction_split), {"train_fraction": read_number}),
    "transfer": Rule(
        _one(paper_splits.transfer_split),
        {"train_on": str, "n_frames": read_whole_or_all, "allow_missing": read_whole},
    ),
    "transfer-matrix": Rule(
        _one(transfer_matrix_split),
        {
            "n_train": read_whole,
            "n_test": read_whole,
            "allow_missing": read_whole,
            "train_fraction": read_number,
        },
    ),
    "learning-curve": Rule(
        _learning_curve,
        {
            "sizes": read_wholes,
            "n_test": read_whole,
            "temperature": str,
            "allow_missing": read_whole,
        },
    ),
    "grid": Rule(
        _one(paper_splits.grid_split),
        {"n_train": read_whole, "n_test": read_whole, "n_reserved": read_whole},
    ),
    "finite-size": Rule(
        _finite_size, {"n_train": read_whole, "n_test": read_whole, "temperature": str}
    ),
    "block": Rule(
        _of_moments(block_split),
        {
            "block_fs": read_number,
            "gap_fs": read_number,
            "train": read_whole,
            "validation": read_whole,
            "test": read_whole,
        },
        gap_option="gap_fs",
    ),
    "temperature": Rule(_of_moments(temperature_split), None),
    "event": Rule(
        _of_moments(event_split),
        {
            "test_fraction": read_number,
            "validation_fraction": read_number,
            "others": str,
            "gap_fs": read_number,
            "seed": read_whole,
        },
        gap_option="gap_fs",
    ),
}  # fmt: skip
"""Rules by the names that users call them."""
