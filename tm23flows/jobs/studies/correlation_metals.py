"""What is known of one metal in a correlation study: errors, properties, and what is missing.

Owns the reading of a metal's documents. A part that failed is a gap, which is named.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from tm23flows.documents.dataset import Dataset
from tm23flows.documents.density_of_states import DensityOfStates, dos_id
from tm23flows.documents.elastic_constants import ElasticConstants
from tm23flows.documents.evaluation import Evaluation
from tm23flows.documents.frame import Frame
from tm23flows.documents.label import Label
from tm23flows.documents.model import Model
from tm23flows.documents.studies.correlations import MetalRow
from tm23flows.errors import InputError
from tm23flows.science.d_shell import N_SPIN_ORBITALS, d_electrons
from tm23flows.science.density_of_states import D_WINDOW_EV
from tm23flows.science.elasticity import cauchy_pressures
from tm23flows.science.kpoints import largest_spacing
from tm23flows.science.metals import metal
from tm23flows.science.spectrum import Spectrum

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

LEAST_END_EV = 3.0
"""A d band whose states end below this, against the Fermi level, has no centre to compare: in early
metals, and only there, a part of it would be missing."""


@dataclass(frozen=True)
class MetalIds:
    """What the jobs of one metal have made; None where one failed or was not asked for.

    Parameters
    ----------
    element
        Chemical symbol.
    family
        Crystal structure of the perfect crystal.
    evaluation_id
        The model on the test frames.
    dos_frame_ids
        Frames with densities of states.
    dos_recipe_ids
        Recipe of these, as every labelling job reported it.
    elastic_constants_id
        Its elastic constants.
    convergence_id
        The test that chose the k-mesh of the labels.
    unavailable
        What was not asked for, and why.
    """

    element: str
    family: str | None = None
    evaluation_id: str | None = None
    dos_frame_ids: tuple[str, ...] = ()
    dos_recipe_ids: tuple[str, ...] = ()
    elastic_constants_id: str | None = None
    convergence_id: str | None = None
    unavailable: tuple[str, ...] = ()

    @classmethod
    def of(cls, given: dict[str, Any]) -> Self:
        """Read what a job was given, in which anything may be None.

        Parameters
        ----------
        given
            Fields by their names.

        Returns
        -------
        The ids.
        """
        found = {name: value for name, value in given.items() if value is not None}
        for name in ("dos_frame_ids", "dos_recipe_ids", "unavailable"):
            found[name] = tuple(one for one in found.get(name, ()) if one is not None)
        return cls(**found)


@dataclass
class _Known:
    """What has been found so far."""

    fields: dict[str, Any] = field(default_factory=dict)
    values: dict[str, float] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)


def read_metal(archive: Archive, ids: MetalIds, trainer: str, part: str) -> MetalRow:
    """Read the errors and the properties of a metal.

    Parameters
    ----------
    archive
        The archive.
    ids
        What there is.
    trainer
        Trainer of the model.
    part
        Part of the dataset that was predicted.

    Returns
    -------
    The metal, with a word for everything that is missing.

    Raises
    ------
    InputError
        If a document is one of another metal, trainer or part.
    """
    facts = metal(ids.element)
    n_d = d_electrons(ids.element)
    known = _Known(missing=list(ids.unavailable))
    known.values["melting_temperature_K"] = facts.melting_temperature_K
    known.values["n_d_product"] = n_d * (N_SPIN_ORBITALS - n_d)
    _errors(archive, ids, trainer, part, known)
    _d_band(archive, ids, known)
    _elastic(archive, ids, known)
    return MetalRow(
        element=ids.element,
        group=facts.group,
        family=ids.family,
        values=known.values,
        convergence_id=ids.convergence_id,
        missing=tuple(known.missing),
        **known.fields,
    )


def _errors(archive: Archive, ids: MetalIds, trainer: str, part: str, known: _Known) -> None:
    if ids.evaluation_id is None:
        known.missing.append(f"no evaluation of a {trainer} model")
        return
    evaluation = archive.get(Evaluation, ids.evaluation_id)
    model, dataset = (
        archive.get(Model, evaluation.model_id),
        archive.get(Dataset, evaluation.dataset_id),
    )
    if (model.trainer, evaluation.part, dataset.element) != (trainer, part, ids.element):
        raise InputError(
            f"The evaluation {evaluation.id[:12]} is of a {model.trainer} model on the part "
            f"'{evaluation.part}' of {dataset.element}, not of {trainer} on '{part}' of "
            f"{ids.element}."
        )
    force = evaluation.errors[0].force
    known.fields |= {
        "force_percent": force.percent,
        "force_mae_eV_per_A": force.mae,
        "dataset_id": dataset.id,
        "model_id": model.id,
        "evaluation_id": evaluation.id,
    }
    if force.percent is None:
        known.missing.append("the forces have no magnitude, so no percent error")
    density = _min_k_density(archive, dataset.parts[part])
    if density is None:
        known.missing.append("the k-mesh of the labels is not known")
    else:
        known.values["min_k_density_A"] = density


def _min_k_density(archive: Archive, label_ids: tuple[str, ...]) -> float | None:
    """Return the smallest density of k-points along a vector, over all test frames."""
    labels = archive.get_many(Label, label_ids)
    if any(label.recipe.kmesh is None for label in labels):
        return None
    frames = archive.get_many(Frame, [label.frame_id for label in labels])
    return min(
        1 / largest_spacing(frame.cell, label.recipe.kmesh)
        for frame, label in zip(frames, labels, strict=True)
    )


def _d_band(archive: Archive, ids: MetalIds, known: _Known) -> None:
    if not ids.dos_frame_ids or len(set(ids.dos_recipe_ids)) != 1:
        known.missing.append("no density of states")
        return
    wanted = [dos_id(one, ids.dos_recipe_ids[0], D_WINDOW_EV) for one in ids.dos_frame_ids]
    there = archive.existing(DensityOfStates, wanted)
    found = archive.get_many(DensityOfStates, [one for one in wanted if one in there])
    if len(found) < len(wanted):
        known.missing.append(f"{len(wanted) - len(found)} of {len(wanted)} densities of states")
    if any(one.element != ids.element for one in found):
        raise InputError(f"A density of states in the study is not one of {ids.element}.")
    known.fields["dos_ids"] = tuple(one.id for one in found)
    seen = [
        one for one in found if one.window_complete or _states_end(archive, one) >= LEAST_END_EV
    ]
    centres = [one.d_band_centre_eV for one in seen if one.d_band_centre_eV is not None]
    if centres:
        known.values["d_band_centre_eV"] = float(np.mean(centres))
    elif seen:
        known.missing.append("no d states in the window")
    if not all(one.window_complete for one in found):
        known.missing.append("the d band was cut off above the highest computed state")


def _states_end(archive: Archive, one: DensityOfStates) -> float:
    """Return the energy against the Fermi level up to which all states were computed."""
    spectrum = Spectrum.from_arrays(archive.blobs.get_arrays(one.spectrum))
    return spectrum.complete_up_to_eV - spectrum.fermi_eV


def _elastic(archive: Archive, ids: MetalIds, known: _Known) -> None:
    if ids.elastic_constants_id is None:
        known.missing.append("no elastic constants")
        return
    found = archive.get(ElasticConstants, ids.elastic_constants_id)
    if found.element != ids.element:
        raise InputError(f"The elastic constants of {found.element} are none of {ids.element}.")
    known.values["cauchy_pressure_eV_per_A3"] = found.cauchy_pressure_eV_per_A3
    known.fields |= {
        "elastic_constants_id": found.id,
        "cauchy_relations_eV_per_A3": cauchy_pressures(found.constants_eV_per_A3),
        "residual_stress_eV_per_A3": found.residual_stress_eV_per_A3,
    }
