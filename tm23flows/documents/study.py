"""The study noun: a question about several metals or recipes, and what came out.

Owns what all studies share: their settings, which are fixed before the data, what they are made
from, and their id. What each kind finds is in :mod:`tm23flows.documents.studies`.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, JsonValue, model_validator

from tm23flows.documents.base import Document
from tm23flows.documents.ids import content_id
from tm23flows.documents.studies.correlations import CorrelationResults
from tm23flows.documents.studies.crystal import CrystalResults
from tm23flows.documents.studies.dos import DosResults
from tm23flows.documents.studies.electrons import ElectronResults
from tm23flows.documents.studies.finite_size import FiniteSizeResults
from tm23flows.documents.studies.molecular_dynamics import MolecularDynamicsResults
from tm23flows.documents.studies.phonons import PhononResults
from tm23flows.documents.studies.rare_events import RareEventResults
from tm23flows.documents.studies.smearing import SmearingResults
from tm23flows.documents.studies.transfer import TransferResults

Results = Annotated[
    SmearingResults
    | ElectronResults
    | DosResults
    | CorrelationResults
    | FiniteSizeResults
    | TransferResults
    | MolecularDynamicsResults
    | CrystalResults
    | PhononResults
    | RareEventResults,
    Field(discriminator="kind"),
]

PARENTS = (
    "structures", "trajectories", "frames", "labels", "convergences", "densities_of_states",
    "elastic_constants", "datasets", "models", "evaluations", "grid_searches",
)  # fmt: skip
"""Collections that a study can be made from."""

RULES = 1
"""Version of the rules by which studies are judged. It is part of their ids, so that an answer
under older rules is not given for one under the present ones: raise it when a rule changes."""


class Study(Document):
    """One study: the same settings and the same parents are the same study."""

    elements: tuple[str, ...] = Field(
        min_length=1, description="Chemical symbols, in the order of the first who asked."
    )
    settings: dict[str, JsonValue] = Field(
        description="What the analysis was told before it saw data: widths, seeds, draws, levels."
    )
    parents: dict[str, tuple[str, ...]] = Field(
        description="Ids of all that it is made from, by collection, sorted."
    )
    rules: int = Field(RULES, ge=1, description="Version of the rules of the analysis.")
    results: Results = Field(description="What was found.")
    warnings: tuple[str, ...] = Field(
        (), description="What a reader must know to judge it, such as a mesh that is not converged."
    )

    @model_validator(mode="after")
    def _known_parents(self) -> Self:
        if unknown := sorted(set(self.parents) - set(PARENTS)):
            raise ValueError(f"a study is not made from {unknown[0]}")
        if any(list(ids) != sorted(set(ids)) for ids in self.parents.values()):
            raise ValueError("the parents of a study are sorted, each once")
        return self

    @property
    def kind(self) -> str:
        """Which study it is, such as ``smearing``."""
        return self.results.kind

    def compute_id(self) -> str:
        """Hash the question; the results follow from it."""
        return study_id(self.kind, self.elements, self.settings, self.parents, self.rules)


def study_id(
    kind: str,
    elements: tuple[str, ...],
    settings: dict[str, JsonValue],
    parents: dict[str, tuple[str, ...]],
    rules: int = RULES,
) -> str:
    """Return the id that a study will have, before it is made.

    Parameters
    ----------
    kind
        Which study.
    elements
        Chemical symbols; their order says nothing, and workflow files do not keep it.
    settings
        Settings of the analysis.
    parents
        Ids by collection, sorted.
    rules
        Version of the rules of the analysis.

    Returns
    -------
    The id.
    """
    return content_id(
        "study",
        study=kind,
        rules=rules,
        elements=sorted(elements),
        settings=settings,
        parents={name: list(ids) for name, ids in parents.items() if ids},
    )


def sorted_parents(**ids: list[str]) -> dict[str, tuple[str, ...]]:
    """Bring the parents of a study into the form that it wants.

    Parameters
    ----------
    **ids
        Ids by collection, in any order.

    Returns
    -------
    The same, sorted and each once; collections without any are left out.
    """
    return {name: tuple(sorted(set(found))) for name, found in ids.items() if found}
