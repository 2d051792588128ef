"""All split rules by name, with the options that each takes.

Owns the table from a name on the command line to a rule, and the reading of options, which
come as numbers or as text. The rules themselves are in ``paper_splits``, ``whole_splits`` and
``splits``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tm23flows.errors import InputError, TooFewFramesError
from tm23flows.science import paper_splits, whole_splits
from tm23flows.science.moments import Moment, by_temperature
from tm23flows.science.protocol import Regime
from tm23flows.science.splits import Frames, Split, fraction_split

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
        return {"parts": {name: _words(value) for name, value in options.items()}}
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


def _whole(value: Any) -> int:
    number = _number(value)
    if not number.is_integer():
        raise ValueError(f"is a whole number, not '{value}'")
    return int(number)


def _number(value: Any) -> float:
    try:
        return float("none" if isinstance(value, bool) else value)
    except (TypeError, ValueError):
        raise ValueError(f"is a number, not '{value}'") from None


def _whole_or_all(value: Any) -> int | None:
    return None if value is None or value == "all" else _whole(value)


def _words(value: Any) -> tuple[str, ...]:
    words = value.split(",") if isinstance(value, str) else value
    try:
        read = tuple(str(one).strip() for one in words)
    except TypeError:
        read = ("",)
    if not all(read):
        raise InputError(f"'{value}' is no list of names; write them as cold,warm.")
    return read


def _wholes(value: Any) -> tuple[int, ...]:
    if isinstance(value, int | float):
        return (_whole(value),)
    return tuple(_whole(one) for one in (value.split(",") if isinstance(value, str) else value))


def _ids(moments: Sequence[Moment]) -> Frames:
    return {name: [m.id for m in group] for name, group in by_temperature(moments).items()}


def _one(rule: Callable[..., Split]) -> Callable[..., Made]:
    """Let a rule over ids by temperature take frames."""
    return lambda moments, **options: {"": rule(_ids(moments), **options)}


def _of_moments(rule: Callable[..., Split]) -> Callable[..., Made]:
    return lambda moments, **options: {"": rule(moments, **options)}


def _temperature(moments: Sequence[Moment], wanted: str | None, rule: str) -> Sequence[str]:
    """Return the ids of one temperature: the one asked for, the only one, or the article's."""
    groups = _ids(moments)
    name = wanted or (next(iter(groups)) if len(groups) == 1 else str(Regime.MELT))
    if name not in groups:
        raise TooFewFramesError(
            f"The {rule} split takes the frames of one temperature, and of '{name}' there are "
            f"none: set temperature to one of {', '.join(groups) or 'none'}."
        )
    return groups[name]


def _learning_curve(
    moments: Sequence[Moment], temperature: str | None = None, **options: Any
) -> Made:
    ids = _temperature(moments, temperature, "learning-curve")
    splits = paper_splits.learning_curve_splits(ids, **options)
    return {f"-{split.options['n_train']:g}": split for split in splits}


def _finite_size(moments: Sequence[Moment], temperature: str | None = None, **options: Any) -> Made:
    ids = _temperature(moments, temperature, "finite-size")
    return {"": paper_splits.finite_size_split(ids, **options)}


RULES: dict[str, Rule] = {
    "full": Rule(
        _one(paper_splits.full_split),
        {"n_train": _whole, "n_test": _whole, "allow_missing": _whole},
    ),
    "fraction": Rule(_one(fraction_split), {"train_fraction": _number}),
    "transfer": Rule(
        _one(paper_splits.transfer_split),
        {"train_on": str, "n_frames": _whole_or_all, "allow_missing": _whole},
    ),
    "learning-curve": Rule(
        _learning_curve,
        {"sizes": _wholes, "n_test": _whole, "temperature": str, "allow_missing": _whole},
    ),
    "grid": Rule(
        _one(paper_splits.grid_split),
        {"n_train": _whole, "n_test": _whole, "n_reserved": _whole},
    ),
    "finite-size": Rule(
        _finite_size, {"n_train": _whole, "n_test": _whole, "temperature": str}
    ),
    "block": Rule(
        _of_moments(whole_splits.block_split),
        {
            "block_fs": _number,
            "gap_fs": _number,
            "train": _whole,
            "validation": _whole,
            "test": _whole,
        },
        gap_option="gap_fs",
    ),
    "temperature": Rule(_of_moments(whole_splits.temperature_split), None),
    "event": Rule(
        _of_moments(whole_splits.event_split),
        {
            "test_fraction": _number,
            "validation_fraction": _number,
            "others": str,
            "gap_fs": _number,
            "seed": _whole,
        },
        gap_option="gap_fs",
    ),
}  # fmt: skip
"""Rules by the names that users call them."""
