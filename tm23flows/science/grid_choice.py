"""The choice between points of a grid search, and the record of where criteria disagree.

The article chooses FLARE's hyperparameters "by maximum likelihood and minimum force MAE"; where
the two disagree the minimum force MAE wins [C]. NequIP's are those of the lowest validation
force error [C]. Here the force MAE is that on the grid's test part, which no training has seen
and which is not the test part of the full training; the force MAE on the frames that a trainer
itself holds back is a second opinion like the likelihood, because they also decided when to
stop [I].

Log marginal likelihoods can be compared between models of any descriptor, kernel and noise, as
long as they are of the same labels: they are sums over labels, so one of fewer labels is
larger or smaller for that reason alone. They say nothing between datasets, nor between trainers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Criterion = Literal["likelihood", "validation"]

WORDS: dict[Criterion, str] = {
    "likelihood": "maximum likelihood",
    "validation": "minimum validation force MAE",
}


@dataclass(frozen=True)
class Score:
    """What is known of one point; None and what is not finite is not known.

    Parameters
    ----------
    force_mae_eV_per_A
        On the grid's test part.
    log_likelihood
        Log marginal likelihood of the training labels.
    validation_mae_eV_per_A
        Force MAE on frames that the trainer held back.
    n_frames
        Frames that the likelihood is of.
    """

    force_mae_eV_per_A: float | None
    log_likelihood: float | None = None
    validation_mae_eV_per_A: float | None = None
    n_frames: int | None = None


@dataclass(frozen=True)
class Conflict:
    """Another criterion prefers another point than the one with the minimum force MAE.

    Parameters
    ----------
    criterion
        The one that lost.
    preferred
        Index of its point.
    preferred_value, chosen_value
        Its value at that point and at the chosen one.
    preferred_mae_eV_per_A, chosen_mae_eV_per_A
        Force MAE at both.
    """

    criterion: Criterion
    preferred: int
    preferred_value: float
    chosen_value: float
    preferred_mae_eV_per_A: float
    chosen_mae_eV_per_A: float

    @property
    def cost_percent(self) -> float | None:
        """How much larger the force MAE would be with the other point; None if it was zero."""
        if self.chosen_mae_eV_per_A == 0:
            return None
        return 100 * (self.preferred_mae_eV_per_A / self.chosen_mae_eV_per_A - 1)


@dataclass(frozen=True)
class Choice:
    """The point to use, by index, and what each criterion says.

    Parameters
    ----------
    chosen
        The point with the minimum force MAE; None where no point has one.
    by_likelihood, by_validation
        The points of the other criteria; None where one cannot be judged by it.
    conflicts
        Where another criterion is better at another point.
    notes
        What could not be compared, and why.
    """

    chosen: int | None
    by_likelihood: int | None
    by_validation: int | None
    conflicts: tuple[Conflict, ...]
    notes: tuple[str, ...]


def choose(scores: Sequence[Score]) -> Choice:
    """Choose the point with the minimum force MAE, and compare with the other criteria.

    A point without a force MAE is chosen by no criterion. Of points with the same value of a
    criterion the likelier one is taken, or the one with the smaller force MAE, then the first.

    Parameters
    ----------
    scores
        One for each point, in the order of the grid.

    Returns
    -------
    The choice.
    """
    forces = [_known(one.force_mae_eV_per_A) for one in scores]
    likelihoods, notes = _likelihoods(scores, forces)
    measured = [i for i, force in enumerate(forces) if force is not None]
    validations = {
        i: value
        for i in measured
        if (value := _known(scores[i].validation_mae_eV_per_A)) is not None
    }
    chosen = min(
        measured, key=lambda i: (forces[i], -likelihoods.get(i, -math.inf), i), default=None
    )
    by_likelihood = min(likelihoods, key=lambda i: (-likelihoods[i], forces[i], i), default=None)
    by_validation = min(validations, key=lambda i: (validations[i], forces[i], i), default=None)
    conflicts = [
        _conflict("likelihood", likelihoods, by_likelihood, chosen, forces, sign=-1),
        _conflict("validation", validations, by_validation, chosen, forces, sign=1),
    ]
    return Choice(
        chosen,
        by_likelihood,
        by_validation,
        tuple(one for one in conflicts if one is not None),
        tuple(notes),
    )


def _likelihoods(
    scores: Sequence[Score], forces: Sequence[float | None]
) -> tuple[dict[int, float], list[str]]:
    """Return the likelihoods that can be compared, by index, and why others cannot."""
    known = {
        i: value
        for i, one in enumerate(scores)
        if (value := _known(one.log_likelihood)) is not None
    }
    there = {i: value for i, value in known.items() if forces[i] is not None}
    if not there:
        return {}, []
    counts = {scores[i].n_frames for i in there}
    if len(counts) > 1:
        words = ", ".join(sorted("unknown" if one is None else str(one) for one in counts))
        return {}, [
            f"The likelihoods are not compared: they are of different numbers of frames ({words})."
        ]
    notes = []
    if missing := sum(force is not None for force in forces) - len(there):
        notes.append(f"Points with a force error but without a likelihood: {missing}.")
    if max(known.values()) > max(there.values()):
        notes.append("A point without a force error has a higher likelihood than all others.")
    return there, notes


def _conflict(
    criterion: Criterion,
    values: dict[int, float],
    preferred: int | None,
    chosen: int | None,
    forces: Sequence[float | None],
    sign: int,
) -> Conflict | None:
    """Return the conflict of a criterion with the choice; ``sign`` is -1 if more is better."""
    if preferred is None or chosen is None or chosen not in values:
        return None
    if sign * values[preferred] >= sign * values[chosen]:
        return None
    of_preferred, of_chosen = forces[preferred], forces[chosen]
    if of_preferred is None or of_chosen is None:
        return None
    return Conflict(
        criterion, preferred, values[preferred], values[chosen], of_preferred, of_chosen
    )


def _known(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
