"""Forces on the atoms of events, by whoever predicted them, scored.

Owns the matching of predictions with labels by frame, and the step from forces to the rows of
:mod:`tm23flows.documents.studies.rare_events`. The measures are
:mod:`tm23flows.science.rare_events`, their intervals
:mod:`tm23flows.science.rare_event_intervals`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tm23flows.documents.evaluation import Evaluation
from tm23flows.documents.studies.label_sets import Bounded
from tm23flows.documents.studies.rare_events import Difference, EventRow, ScoreRow
from tm23flows.errors import InputError
from tm23flows.science.block_bootstrap import Bootstrap, Estimate
from tm23flows.science.label_arrays import FloatArray
from tm23flows.science.rare_event_intervals import compare, event_sums, measure
from tm23flows.science.rare_events import error_curves, rare_event_scores

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

Forces = Mapping[str, FloatArray]
"""Forces by id of the frame, (atoms, 3), eV/A."""

DOCUMENTED = {
    "re_m": "re_m_error",
    "re_a": "re_a_error",
    "re_f_eV_per_A": "re_f_error_eV_per_A",
    "above_half_eV_per_A": "fraction_above_half_eV_per_A",
    "above_15_deg": "fraction_above_15_deg",
    "above_30_deg": "fraction_above_30_deg",
}
"""Measure by field of a row."""


@dataclass(frozen=True)
class EventSet:
    """Frames with their events and the forces that are taken for true.

    Parameters
    ----------
    rows
        Frames; those without an event are for comparison.
    truth
        Forces of all of them.
    """

    rows: tuple[EventRow, ...]
    truth: Forces

    @property
    def of_events(self) -> tuple[EventRow, ...]:
        """The frames in which something happens."""
        return tuple(one for one in self.rows if one.re_atoms)

    def only(self, events: Collection[str | None]) -> EventSet:
        """Return the frames of some events.

        Parameters
        ----------
        events
            Their names.

        Returns
        -------
        The frames.
        """
        return EventSet(tuple(one for one in self.rows if one.event in events), self.truth)


@dataclass(frozen=True)
class _Atoms:
    """Atoms in the middle of a hop that somebody predicted."""

    predicted: FloatArray
    truth: FloatArray
    event: tuple[str, ...]
    n_frames: int


def score(events: EventSet, predicted: Forces, bootstrap: Bootstrap) -> ScoreRow:
    """Score forces on the frames that were predicted.

    Parameters
    ----------
    events
        Frames, truth, and the atoms that count.
    predicted
        Forces; frames without any are left out.
    bootstrap
        How events are drawn.

    Returns
    -------
    The errors, or why they are undefined.
    """
    atoms = _atoms(events, predicted)
    names = list(dict.fromkeys(atoms.event))
    plain = rare_event_scores(atoms.predicted, atoms.truth)
    found = measure(event_sums(atoms.predicted, atoms.truth, atoms.event, names), bootstrap)
    return ScoreRow(
        **{field: bounded(found[name]) for field, name in DOCUMENTED.items()},
        n_events=len(names),
        n_frames=atoms.n_frames,
        n_atoms=plain.n_atoms,
        n_without_angle=plain.n_atoms_without_angle,
        undefined=plain.undefined,
        angle_undefined=plain.angle_undefined,
    )


def difference(events: EventSet, one: Forces, other: Forces, bootstrap: Bootstrap) -> Difference:
    """Compare two predictors on the frames that both have.

    Parameters
    ----------
    events
        Frames, truth, and the atoms that count.
    one, other
        Forces of the two.
    bootstrap
        How events are drawn.

    Returns
    -------
    Errors of the first less those of the second.
    """
    first = _atoms(events, {key: one[key] for key in one if key in other})
    second = _atoms(events, {key: other[key] for key in other if key in one})
    names = list(dict.fromkeys(first.event))
    sums = [event_sums(a.predicted, a.truth, a.event, names) for a in (first, second)]
    found = compare(sums[0], sums[1], bootstrap)
    return Difference(
        re_m=bounded(found["re_m_error"]),
        re_a=bounded(found["re_a_error"]),
        re_f_eV_per_A=bounded(found["re_f_error_eV_per_A"]),
    )


def curves(events: EventSet, predicted: Forces) -> dict[str, tuple[float, ...] | None]:
    """Return the cumulative distributions from which the errors are made.

    Parameters
    ----------
    events, predicted
        As in :func:`score`.

    Returns
    -------
    ``magnitude_curve`` and ``angle_curve``; None without an atom.
    """
    atoms = _atoms(events, predicted)
    shares = [one.share for one in error_curves(atoms.predicted, atoms.truth)]
    plain = [None if one is None else tuple(one.tolist()) for one in shares]
    return {"magnitude_curve": plain[0], "angle_curve": plain[1]}


def force_rmse(rows: Sequence[EventRow], truth: Forces, predicted: Forces) -> float | None:
    """Return the force RMSE over all atoms of some frames.

    Parameters
    ----------
    rows
        The frames.
    truth, predicted
        Forces; frames that are not predicted are left out.

    Returns
    -------
    In eV/A; None without a frame.
    """
    found = [(predicted[r.frame_id] - truth[r.frame_id]) for r in rows if r.frame_id in predicted]
    return float(np.sqrt(np.mean(np.concatenate(found) ** 2))) if found else None


def bounded(found: Estimate | None) -> Bounded | None:
    """Turn an estimate into what documents keep.

    Parameters
    ----------
    found
        The estimate.

    Returns
    -------
    The same.
    """
    return None if found is None else Bounded(value=found.value, low=found.low, high=found.high)


def predicted_forces(
    archive: Archive, evaluation_id: str, frame_of_label: Mapping[str, str]
) -> dict[str, FloatArray]:
    """Read the forces of an evaluation.

    Parameters
    ----------
    archive
        The archive.
    evaluation_id
        The evaluation.
    frame_of_label
        Frame of each label that is wanted.

    Returns
    -------
    Forces by frame; frames that the model failed on are not there.
    """
    arrays = archive.blobs.get_arrays(archive.get(Evaluation, evaluation_id).predictions)
    parts = np.split(arrays["forces"], np.cumsum(arrays["n_atoms"])[:-1])
    return {
        frame_of_label[str(label)]: forces
        for label, forces in zip(arrays["label_id"], parts, strict=True)
        if str(label) in frame_of_label
    }


def _atoms(events: EventSet, predicted: Forces) -> _Atoms:
    """Pool the atoms of all frames that were predicted."""
    rows = [one for one in events.of_events if one.frame_id in predicted]
    none: Any = np.empty((0, 3))
    first, second, event = [none], [none], []
    for row in rows:
        truth, forces = events.truth[row.frame_id], predicted[row.frame_id]
        if truth.shape != forces.shape:
            raise InputError(
                f"Frame {row.frame_id[:12]} has {len(truth)} atoms and forces on {len(forces)} "
                "were predicted."
            )
        chosen = list(row.re_atoms)
        first.append(forces[chosen])
        second.append(truth[chosen])
        event += [str(row.event)] * len(chosen)
    return _Atoms(np.concatenate(first), np.concatenate(second), tuple(event), len(rows))
