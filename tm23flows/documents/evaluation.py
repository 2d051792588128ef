"""The evaluation noun: a model's predictions on a dataset and the errors made from them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from tm23flows.documents.base import Document
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


class Evaluation(Document):
    """Predictions of one model on one part of one dataset."""

    model_id: str = Field(description="Id of the model.")
    dataset_id: str = Field(description="Id of the dataset.")
    part: str = Field("test", description="Part of the dataset that was predicted.")
    energy_reference: str = Field(description="How the energy MAV was referenced.")
    predictions: str = Field(description="sha256 of the blob with the per-frame predictions.")
    errors: tuple[GroupErrors, ...] = Field(description="All frames first, then by regime.")

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
