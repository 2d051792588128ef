"""The model noun: a trained potential and everything needed to train it again."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from tm23flows.documents.base import Document
from tm23flows.documents.ids import content_id

HISTORY_ROWS = 1000
"""A document has no more rows of history than this; a longer one is kept whole in a blob."""


class ModelFile(BaseModel):
    """A file of a model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(description="File name.")
    blob: str = Field(description="sha256 of the blob.")


class Model(Document):
    """A trained potential."""

    LAYOUT: ClassVar[int] = 3

    trainer: str = Field(description="Name of the trainer, such as flare.")
    hyperparameters: dict[str, JsonValue] = Field(description="All of them, defaults included.")
    seed: int = Field(ge=0, description="Seed of everything random in the training.")
    dataset_id: str | None = Field(
        description="Dataset it was trained on; None for a calculator from elsewhere."
    )
    part: str = Field("train", description="Part of the dataset it was trained on.")
    files: tuple[ModelFile, ...] = Field(description="Everything needed to predict.")
    history: tuple[dict[str, float], ...] = Field(
        (), description="Course of the training; of a long one every so many rows and the last."
    )
    full_history: str | None = Field(
        None, description="sha256 of the blob with the whole course, where it is not all above."
    )
    summary: dict[str, JsonValue] = Field(
        default_factory=dict, description="Final numbers of the training."
    )
    wall_s: float = Field(ge=0, description="Time the training took, in s.")

    @property
    def title(self) -> str:
        """What tables call it: its trainer; of a calculator from elsewhere its name or class."""
        told = self.hyperparameters
        if self.dataset_id is None and "calculator" in told:
            return str(told.get("name") or str(told["calculator"]).rpartition(":")[2])
        return self.trainer

    def compute_id(self) -> str:
        """Hash what the model is made from; a second training of the same is the same model."""
        return model_id(self.trainer, self.hyperparameters, self.seed, self.dataset_id, self.part)


def thin_history(rows: list[dict[str, float]]) -> tuple[dict[str, float], ...]:
    """Choose the rows of a history that a document holds.

    Parameters
    ----------
    rows
        The whole history.

    Returns
    -------
    All rows, or evenly chosen ones and the last where there are too many.
    """
    every = -(-len(rows) // HISTORY_ROWS)
    if every <= 1:
        return tuple(rows)
    return (*rows[:-1:every][: HISTORY_ROWS - 1], rows[-1])


def model_id(
    trainer: str,
    hyperparameters: dict[str, JsonValue],
    seed: int,
    dataset_id: str | None,
    part: str,
) -> str:
    """Return the id that a model will have, before it is trained.

    Parameters
    ----------
    trainer
        Name of the trainer.
    hyperparameters
        All of them.
    seed
        Seed of the training.
    dataset_id
        The dataset; None for a calculator from elsewhere.
    part
        The part of it.

    Returns
    -------
    The id.
    """
    return content_id(
        "model",
        trainer=trainer,
        hyperparameters=hyperparameters,
        seed=seed,
        dataset=dataset_id,
        part=part,
    )
