"""What a model that came last is told: how it stands among all that met the same frames.

Owns the choice of what belongs into the answer: comparisons in which one of the asked models takes
part, the constant by which its energies lie beside the labels, and what the article prints for the
metal. Errors and comparisons are those of the report.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tm23flows.report.benchmark.arrays import DRAWS, evaluate_all
from tm23flows.report.benchmark.seen import seen_lines
from tm23flows.report.benchmark.significance import Paired, compare_evaluations
from tm23flows.report.quantities import MEV_PER_EV
from tm23flows.report.records import Measured, measured
from tm23flows.science.block_bootstrap import Bootstrap
from tm23flows.science.noise import label_noise
from tm23flows.science.published import published
from tm23flows.store.predictions import Arrays, read_predictions

if TYPE_CHECKING:
    from tm23flows.documents.evaluation import Evaluation
    from tm23flows.store.archive import Archive

OFFSET_SHARE = 0.5
"""A constant that makes so much of the energy error is said in words."""


@dataclass(frozen=True)
class EnergyOffset:
    """How the energies of one model lie beside those of the labels.

    Forces do not depend on a constant per atom, and calculators from elsewhere have their own
    zero of energy; the tables count it as an error.

    Parameters
    ----------
    evaluation_id
        Of which evaluation.
    offset_eV_per_atom
        Mean of prediction less label.
    mae_eV_per_atom
        MAE of the energies as they are.
    mae_without_eV_per_atom
        MAE without the constant; None for a single frame, where nothing would be left.
    """

    evaluation_id: str
    offset_eV_per_atom: float
    mae_eV_per_atom: float
    mae_without_eV_per_atom: float | None

    @property
    def matters(self) -> bool:
        """Whether most of the error is the constant."""
        without = self.mae_without_eV_per_atom
        return without is not None and without < (1 - OFFSET_SHARE) * self.mae_eV_per_atom


@dataclass(frozen=True)
class Verdict:
    """How some evaluations stand among all on the same frames.

    Parameters
    ----------
    pairs
        Comparisons with one of them.
    offsets
        Of each of them, in their order.
    seen
        Sentences about those of them that were trained on frames that test them.
    """

    pairs: list[Paired]
    offsets: list[EnergyOffset]
    seen: list[str]


def verdict_of(
    archive: Archive, evaluations: Sequence[Evaluation], bootstrap: Bootstrap = DRAWS
) -> Verdict:
    """Compare evaluations with all that are on the same part of the same dataset.

    Parameters
    ----------
    archive
        The archive.
    evaluations
        The ones that are asked about.
    bootstrap
        How frames are drawn.

    Returns
    -------
    The comparisons. Their p values are adjusted for all pairs of models that were measured on the
    same frames, also those that are not asked about.

    Raises
    ------
    NotFoundError
        If something that an evaluation needs is gone.
    """
    asked = {one.id for one in evaluations}
    parts = {(one.dataset_id, one.part, one.energy_reference) for one in evaluations}
    chosen = [
        one
        for dataset_id in sorted({part[0] for part in parts})
        for one in measured(archive, dataset_id)
        if _part_of(one) in parts
    ]
    pairs = [
        pair
        for pair in compare_evaluations(list(evaluate_all(archive, chosen, bootstrap)), bootstrap)
        if {pair.first.measured.evaluation.id, pair.second.measured.evaluation.id} & asked
    ]
    known: dict[str, Arrays] = {}
    return Verdict(
        pairs=pairs,
        offsets=[energy_offset(archive, one, known) for one in evaluations],
        seen=list(seen_lines(archive, (one for one in chosen if one.evaluation.id in asked))),
    )


def published_line(element: str) -> str | None:
    """Say what the article prints for a metal, and how sure its reading is.

    Parameters
    ----------
    element
        Chemical symbol.

    Returns
    -------
    A sentence; None for a metal without a number. It judges nothing.
    """
    theirs = published("force_percent")
    value = theirs.values.get(element)
    if value is None:
        return None
    return (
        f"The article prints {value:g} % for {element}: {theirs.what}, {theirs.model}, "
        f"{theirs.figure}; confidence of the reading: {theirs.confidence}. Its test frames are "
        "others."
    )


def offset_line(offset: EnergyOffset) -> str:
    """Say what a constant does to the energy error.

    Parameters
    ----------
    offset
        Of a model whose error it makes.

    Returns
    -------
    A sentence.
    """
    side = "above" if offset.offset_eV_per_atom > 0 else "below"
    without = MEV_PER_EV * (offset.mae_without_eV_per_atom or 0.0)
    return (
        f"its energies lie {abs(offset.offset_eV_per_atom):.4g} eV/atom {side} those of the "
        f"labels, which the tables count as an error; without that constant the MAE is "
        f"{without:.3g} meV/atom"
    )


def offset_row(offset: EnergyOffset) -> dict[str, Any]:
    """Return an offset as plain values for JSON.

    Parameters
    ----------
    offset
        The offset.

    Returns
    -------
    Values with their unit in the name.
    """
    without = offset.mae_without_eV_per_atom
    return {
        "energy_offset_meV_per_atom": MEV_PER_EV * offset.offset_eV_per_atom,
        "energy_mae_without_offset_meV_per_atom": None if without is None else MEV_PER_EV * without,
    }


def _part_of(one: Measured) -> tuple[str, str, str]:
    made = one.evaluation
    return (made.dataset_id, made.part, made.energy_reference)


def energy_offset(archive: Archive, one: Evaluation, known: dict[str, Arrays]) -> EnergyOffset:
    """Measure how the energies of an evaluation lie beside those of the labels.

    Parameters
    ----------
    archive
        The archive.
    one
        The evaluation.
    known
        Labels that were read before, by their blob; this function adds to it.

    Returns
    -------
    The offset.
    """
    frames = read_predictions(archive, one, known)
    noise = label_noise(
        frames.predicted,
        frames.reference,
        one.energy_reference,  # type: ignore[arg-type]
    )
    alone = len(frames.label_ids) == 1
    return EnergyOffset(
        evaluation_id=one.id,
        offset_eV_per_atom=noise.energy_offset_eV_per_atom,
        mae_eV_per_atom=one.errors[0].energy.mae,
        mae_without_eV_per_atom=None if alone else noise.errors.energy.mae,
    )
