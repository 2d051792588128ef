"""The evaluation noun: a model's predictions on a dataset and the errors made from them."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from tm23flows.documents.base import Document
from tm23flows.documents.effort import Effort
from tm23flows.documents.ids import content_id


class ErrorRow(BaseModel):
    """Errors of one quantity; percent errors are None where the reference has no magnitude."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mae: float = Field(description="Mean absolute error, in the quantity's unit.")
    rmse: float = Field(description="Root mean square error, in the quantity's unit.")
    mav: float = Field(description="Mean absolute value of the reference, same unit.")
    percent: float | None = Field(description="100 MAE / MAV.")


class GroupErrors(BaseModel):
    """Errors over one group of frames."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    group: str = Field(description="all, or a regime.")
    n_frames: int = Field(ge=1, description="Number of frames.")
    energy: ErrorRow = Field(description="Per atom, in eV/atom.")
    force: ErrorRow = Field(description="Components, in eV/angstrom.")
    stress: ErrorRow | None = Field(description="Components, in eV/angstrom^3.")


class FailedFrame(BaseModel):
    """A frame that a model could not predict; it is in no table."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    label_id: str = Field(description="Label that it was to be compared with.")
    reason: str = Field(min_length=1, description="What happened, in words.")


PREDICTION_ARRAYS = {
    "label_id": "ids of the labels, (frames,)",
    "n_atoms": "(frames,)",
    "energy": "total, eV, (frames,)",
    "forces": "eV/angstrom, frame after frame, (atoms of all, 3)",
    "stress": "eV/angstrom^3, ASE sign, xx yy zz yz xz xy, (frames, 6); nan rows where there is "
    "none; left out where no frame has any",
    "uncertainty": "of the trainer, frame after frame, (atoms of all,); left out where it has none",
}
"""Arrays in the blob of predictions: of the frames that were predicted, in their order."""

REFERENCE_ARRAYS = {
    "label_id": "ids of the labels, (frames,)",
    "n_atoms": "(frames,)",
    "energy": "what the label policy of the dataset says, eV, (frames,)",
    "forces": "eV/angstrom, frame after frame, (atoms of all, 3)",
    "stress": "as in the predictions",
    "regime": "cold, warm, melt, or empty, (frames,)",
    "run": "id of the trajectory, or another word for the run, or empty, (frames,)",
    "step": "step in the run, (frames,); -1 where it has none",
}
"""Arrays in the blob of what was predicted: the whole part of the dataset, in its order. All
evaluations on one part share one blob, so tables are made without reading a single label."""


class Evaluation(Document):
    """Predictions of one model on one part of one dataset."""

    LAYOUT: ClassVar[int] = 2

    model_id: str = Field(description="Id of the model.")
    dataset_id: str = Field(description="Id of the dataset.")
    part: str = Field("test", description="Part of the dataset that was predicted.")
    energy_reference: str = Field(description="How the energy MAV was referenced.")
    predictions: str = Field(description="sha256 of the blob with the per-frame predictions.")
    reference: str | None = Field(
        None,
        description="sha256 of the blob with the labels that were predicted; None in evaluations "
        "of older programs, whose labels are read from the archive.",
    )
    failures: tuple[FailedFrame, ...] = Field(
        (), description="Frames without a prediction, each with its reason; in no table."
    )
    errors: tuple[GroupErrors, ...] = Field(description="All frames first, then by regime.")
    effort: Effort | None = Field(
        None, description="What predicting cost; None where it was not measured."
    )

    def compute_id(self) -> str:
        """Hash the model, the data and the options."""
        return evaluation_id(self.model_id, self.dataset_id, self.part, self.energy_reference)


def evaluation_id(model_id: str, dataset_id: str, part: str, energy_reference: str) -> str:
    """Return the id that an evaluation will have, before it is made.

    Parameters
    ----------
    model_id
        Id of the model.
    dataset_id
        Id of the dataset.
    part
        Part of the dataset.
    energy_reference
        How the energy MAV is referenced.

    Returns
    -------
    The id.
    """
    return content_id(
        "evaluation",
        model=model_id,
        dataset=dataset_id,
        part=part,
        energy_reference=energy_reference,
    )
