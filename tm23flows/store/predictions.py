"""The frames of an evaluation: what was predicted beside what it is compared with.

Owns labels as the arrays that predictions are compared with, reading the blobs of an evaluation,
the way back to the labels where an older program kept only the predictions, and the order of the
frames, which is that of time in each run. Every table of errors begins here; nothing is computed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tm23flows.documents.dataset import Dataset
from tm23flows.documents.evaluation import Evaluation
from tm23flows.documents.label import Label, label_arrays
from tm23flows.errors import DatabaseError
from tm23flows.science.label_arrays import LabelArrays

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

Arrays = dict[str, np.ndarray]
OTHER = "other"
"""Group of the frames of which no regime is known, as in the errors of an evaluation."""


@dataclass(frozen=True)
class PredictedFrames:
    """Frames that a model predicted, in the order of time in each run.

    Parameters
    ----------
    label_ids
        Their labels.
    predicted, reference
        Arrays of both.
    groups
        Regime of each frame.
    runs
        What run each is of, for blocks of frames that are alike.
    n_failed
        Frames of the same part that the model could not predict; they are not among these.
    """

    label_ids: tuple[str, ...]
    predicted: LabelArrays
    reference: LabelArrays
    groups: tuple[str, ...]
    runs: tuple[tuple[str, str], ...]
    n_failed: int

    def only(self, label_ids: Iterable[str]) -> PredictedFrames:
        """Choose frames by their labels.

        Parameters
        ----------
        label_ids
            Labels of which the frames are wanted; others that are not there do not matter.

        Returns
        -------
        The frames among these, in the order in which they are here.
        """
        wanted = set(label_ids)
        places = [i for i, one in enumerate(self.label_ids) if one in wanted]
        return replace(
            self,
            label_ids=tuple(self.label_ids[i] for i in places),
            predicted=_chosen(self.predicted, places),
            reference=_chosen(self.reference, places),
            groups=tuple(self.groups[i] for i in places),
            runs=tuple(self.runs[i] for i in places),
        )


def read_predictions(
    archive: Archive, evaluation: Evaluation, known: dict[str, Arrays] | None = None
) -> PredictedFrames:
    """Read the frames of an evaluation.

    Parameters
    ----------
    archive
        The archive.
    evaluation
        Of whatever program.
    known
        What was read before, by blob; evaluations on one part share their labels. It is filled.

    Returns
    -------
    The frames that were predicted.

    Raises
    ------
    NotFoundError
        If a blob or a label is gone.
    DatabaseError
        If a label was predicted that is not among those it is to be compared with.
    """
    predicted = archive.blobs.get_arrays(evaluation.predictions)
    reference = _reference(archive, evaluation, predicted, known)
    place = {str(one): i for i, one in enumerate(reference["label_id"])}
    ids = [str(one) for one in predicted["label_id"]]
    if lost := [one for one in ids if one not in place]:
        raise DatabaseError(
            f"The evaluation {evaluation.id[:12]} has a prediction of the label {lost[0][:12]}, "
            "which is not among those that it was compared with."
        )
    rows = [place[one] for one in ids]
    runs = [str(one) for one in reference["run"][rows]]
    groups = [str(one) or OTHER for one in reference["regime"][rows]]
    order = _in_time(runs, reference["step"][rows].tolist())
    return PredictedFrames(
        label_ids=tuple(ids[i] for i in order),
        predicted=_chosen(_arrays(predicted), order),
        reference=_chosen(_arrays(reference), [rows[i] for i in order]),
        groups=tuple(groups[i] for i in order),
        runs=tuple((runs[i], groups[i]) for i in order),
        n_failed=len(evaluation.failures),
    )


def reference_arrays(labels: Sequence[Label], energy: str) -> Arrays:
    """Put labels into the arrays that predictions are compared with.

    Parameters
    ----------
    labels
        Labels of a part of a dataset, in its order.
    energy
        Label policy of the dataset.

    Returns
    -------
    All of :data:`tm23flows.documents.evaluation.REFERENCE_ARRAYS`.
    """
    values = label_arrays(labels, energy)
    arrays = {
        "label_id": np.array([label.id for label in labels]),
        "n_atoms": values.n_atoms,
        "energy": values.energies_eV,
        "forces": values.forces_eV_per_A,
        "regime": np.array([label.regime or "" for label in labels]),
        "run": np.array([label.trajectory_id or "" for label in labels]),
        "step": np.array([-1 if label.step is None else label.step for label in labels]),
    }
    if values.stresses_eV_per_A3 is not None:
        arrays["stress"] = values.stresses_eV_per_A3
    return arrays


def _reference(
    archive: Archive, evaluation: Evaluation, predicted: Arrays, known: dict[str, Arrays] | None
) -> Arrays:
    if evaluation.reference is None:
        labels = archive.get_many(Label, [str(one) for one in predicted["label_id"]])
        return reference_arrays(labels, archive.get(Dataset, evaluation.dataset_id).energy)
    cache = {} if known is None else known
    if evaluation.reference not in cache:
        cache[evaluation.reference] = archive.blobs.get_arrays(evaluation.reference)
    return cache[evaluation.reference]


def _arrays(stored: Arrays) -> LabelArrays:
    return LabelArrays(stored["energy"], stored["n_atoms"], stored["forces"], stored.get("stress"))


def _in_time(runs: list[str], steps: list[int]) -> list[int]:
    """Order frames by run, in the order in which runs come, and by step; unknown ones stay."""
    first = {run: place for place, run in reversed(list(enumerate(runs)))}
    return sorted(range(len(runs)), key=lambda i: (first[runs[i]], steps[i], i))


def _chosen(arrays: LabelArrays, places: list[int]) -> LabelArrays:
    if places == list(range(len(arrays.n_atoms))):
        return arrays
    starts = np.cumsum(arrays.n_atoms) - arrays.n_atoms
    counts = arrays.n_atoms[places]
    # Places of all atoms: the first of each chosen frame, and on from there.
    offsets = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    atoms = np.repeat(starts[places], counts) + offsets
    stresses = arrays.stresses_eV_per_A3
    return LabelArrays(
        energies_eV=arrays.energies_eV[places],
        n_atoms=counts,
        forces_eV_per_A=arrays.forces_eV_per_A[atoms],
        stresses_eV_per_A3=None if stresses is None else stresses[places],
    )
