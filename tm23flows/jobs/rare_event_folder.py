"""Rare-event errors on a folder in the format of the authors, without an archive of its frames.

Owns the score of predictions, or of another label of the folder, against the true one. Predictions
of a stored model are :mod:`tm23flows.jobs.rare_event_predictions`, the reader is
:mod:`tm23flows.store.exchange.rare_folder`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from tm23flows.errors import InputError
from tm23flows.science.block_bootstrap import Bootstrap
from tm23flows.science.label_arrays import FloatArray
from tm23flows.science.rare_event_intervals import event_sums, measure
from tm23flows.science.rare_events import (
    RareEventErrors,
    pool_frames,
    rare_event_scores_of_frames,
)
from tm23flows.store.exchange.rare_folder import KMESHES, RareEvents

Frames = Sequence[FloatArray | None]
"""Forces of each frame, (atoms, 3), eV/A; None where there are none."""


@dataclass(frozen=True)
class FolderScore:
    """What a folder says of a predictor.

    Parameters
    ----------
    truth
        Label that was taken for true.
    errors
        The errors; lower is better.
    intervals
        By measure the value with the ends of its interval; every frame counts as an event.
    failures
        Frames that were not predicted and are left out, with the reason, by number.
    """

    truth: str
    errors: RareEventErrors
    intervals: dict[str, dict[str, float | None] | None]
    failures: Mapping[int, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "truth": self.truth,
            "lower_is_better": True,
            **asdict(self.errors),
            "intervals": self.intervals,
            "failures": {str(number): why for number, why in self.failures.items()},
        }


def forces_of_label(found: RareEvents, label: str) -> list[FloatArray]:
    """Return the forces of a label of a folder; it need not have energies.

    Parameters
    ----------
    found
        The folder.
    label
        Such as ``DFT_K1``.

    Returns
    -------
    Forces of each frame, eV/A.

    Raises
    ------
    InputError
        If the folder has no such forces, or a frame has forces on other atoms.
    """
    given = found.data["Forces"].get(label)
    if given is None:
        known = ", ".join(one for one in KMESHES if one in found.data["Forces"])
        raise InputError(f"{found.path.name} has no forces of '{label}'; it has those of {known}.")
    forces = []
    for number, rows in enumerate(given):
        frame = np.array(rows, dtype=float)
        if frame.shape != (len(found.structures[number]), 3):
            raise InputError(
                f"Frame {number} of {found.path.name} has {len(found.structures[number])} atoms, "
                f"and forces of {label} of shape {frame.shape}."
            )
        forces.append(frame)
    return forces


def true_label(found: RareEvents) -> str:
    """Return the label with the densest k-mesh, which is taken for true.

    Parameters
    ----------
    found
        The folder.

    Returns
    -------
    Its name.
    """
    return next(one for one in KMESHES if one in found.data["Forces"])


def score_folder(
    found: RareEvents,
    predicted: Frames,
    failures: Mapping[int, str] | None = None,
    bootstrap: Bootstrap | None = None,
) -> FolderScore:
    """Score forces against the true ones of a folder.

    Parameters
    ----------
    found
        The folder; frames without events are in it and add nothing but themselves.
    predicted
        Forces of each frame; None for one that is left out.
    failures
        Why, by number of the frame.
    bootstrap
        How frames are drawn; None for the defaults.

    Returns
    -------
    The errors.

    Raises
    ------
    InputError
        If the forces do not fit the frames.
    """
    label = true_label(found)
    truth = forces_of_label(found, label)
    if len(predicted) != len(truth):
        raise InputError(f"There are {len(predicted)} predictions of {len(truth)} frames.")
    there = [place for place, one in enumerate(predicted) if one is not None]
    chosen = (
        [np.asarray(predicted[place]) for place in there],
        [truth[place] for place in there],
        [found.data["r"][place] for place in there],
    )
    errors = rare_event_scores_of_frames(*chosen)
    pool = pool_frames(*chosen)
    names = sorted(set(pool.frame.tolist()))
    sums = event_sums(pool.forces_pred, pool.forces_ref, pool.frame.tolist(), names)
    intervals = measure(sums, bootstrap or Bootstrap())
    return FolderScore(
        truth=label,
        errors=errors,
        intervals={
            name: None if one is None else {"value": one.value, "low": one.low, "high": one.high}
            for name, one in intervals.items()
        },
        failures=dict(failures or {}),
    )
