"""The choice between models by rare-event errors, beside that by force RMSE.

Owns the rule. The authors' formula is not known; ours was fixed before any data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tm23flows.errors import InputError

RMSE_FILTER = 1.5
"""Models with a force RMSE of more than this times the least one are not chosen by their errors on
rare events: those say nothing of all other atoms."""


@dataclass(frozen=True)
class Choices:
    """Names of the models that are chosen, by force RMSE and by rare-event errors."""

    by_rmse: str | None
    by_score: str | None
    reason: str


def choose_model(
    rmse: Mapping[str, float | None],
    errors: Mapping[str, tuple[float | None, float | None]],
    rmse_filter: float = RMSE_FILTER,
) -> Choices:
    """Choose a model by force RMSE, and one by the mean of RE_M and RE_A beside it.

    The rule is ours: of the models whose force RMSE is at most ``rmse_filter`` times the least
    one, that with the least mean of RE_M and RE_A, which both lie between 0 and 1. Of equal ones
    the first is taken.

    Parameters
    ----------
    rmse
        Force RMSE of all atoms on the validation part by model, eV/A; None without predictions.
    errors
        RE_M and RE_A there; None where undefined.
    rmse_filter
        See above; 1 or more.

    Returns
    -------
        The choices; None where no model has the numbers.

    Raises
    ------
    InputError
        The filter is below 1.
    """
    if not rmse_filter >= 1:
        raise InputError(f"The filter of the force RMSE is 1 or more, not {rmse_filter}.")
    known = {name: value for name, value in rmse.items() if value is not None}
    if not known:
        return Choices(None, None, "No model has predictions of the validation part.")
    by_rmse = min(known, key=known.__getitem__)
    limit = rmse_filter * known[by_rmse]
    means = {
        name: (pair[0] + pair[1]) / 2
        for name, pair in errors.items()
        if name in known and known[name] <= limit and pair[0] is not None and pair[1] is not None
    }
    if not means:
        return Choices(by_rmse, None, "No model has rare-event errors on the validation part.")
    by_score = min(means, key=means.__getitem__)
    return Choices(
        by_rmse,
        by_score,
        f"{len(means)} of {len(rmse)} models have a validation force RMSE of at most "
        f"{rmse_filter:g} times the least one; among them the mean of RE_M and RE_A decides.",
    )
