"""The jobs that strain a crystal and make elastic constants from the labels of its cells.

Strained cells are frames, and their stresses are labels like all others: computed by the same job,
never twice, and to be found again with their whole past. Owns what lies before and after that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jobflow import job

from tm23flows.documents.base import Provenance
from tm23flows.documents.elastic_constants import VOIGT, ElasticConstants, elastic_id
from tm23flows.documents.label import Label, label_id
from tm23flows.documents.structure import Crystal
from tm23flows.errors import InputError, PhysicsError
from tm23flows.jobs.context import open_archive
from tm23flows.jobs.crystal_cells import keep_cells
from tm23flows.science.elasticity import elasticity, probes

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

GROUP = "elastic-constants"
"""Tag ``group`` of the frames, by which queries leave them out or find them."""

LARGEST_ASYMMETRY = 0.01
"""Given constants may differ from their transpose by rounding, not by more of the largest."""


@job
def strain_crystal(crystal: dict[str, Any], strain: float, displacement_A: float) -> dict[str, Any]:
    """Store the cells of a crystal whose stresses and forces make its elastic constants.

    Parameters
    ----------
    crystal
        A :class:`tm23flows.documents.structure.Crystal` as a dict, in standard axes; see
        :func:`tm23flows.science.elasticity.standard_crystal`.
    strain
        Component of the Voigt strain.
    displacement_A
        Length of the displacements of single atoms, in angstrom.

    Returns
    -------
    ``frame_ids`` in the order of :func:`tm23flows.science.elasticity.probes`.

    Raises
    ------
    InputError
        If the strain is zero or too large.
    """
    given = Crystal.model_validate(crystal)
    cells = (
        (probe.apply(given.atoms, strain, displacement_A), {"group": GROUP, "probe": str(probe)})
        for probe in probes(len(given.positions))
    )
    return {"frame_ids": keep_cells(given, cells)}


@job
def fit_elastic_constants(
    frame_ids: list[str],
    recipe_ids: list[str],
    crystal: dict[str, Any],
    strain: float,
    displacement_A: float,
) -> dict[str, Any]:
    """Make elastic constants from labels and store them.

    Parameters
    ----------
    frame_ids
        The cells that :func:`strain_crystal` stored.
    recipe_ids
        Recipe of their labels, as every labelling job reported it; all the same.
    crystal, strain, displacement_A
        As there.

    Returns
    -------
    ``elastic_constants_id`` and the Cauchy pressure C12 - C44 in eV/angstrom^3.

    Raises
    ------
    InputError
        If the labels come from several recipes.
    PhysicsError
        If a cell has no label or no stress, or its atoms are not in a minimum.
    """
    if len(set(recipe_ids)) != 1:
        raise InputError("Elastic constants are made from labels of one recipe.")
    archive = open_archive()
    given = Crystal.model_validate(crystal)
    key = elastic_id(given, recipe_ids[0], strain, displacement_A)
    if not archive.existing(ElasticConstants, [key]):
        labels = _labels(archive, given, frame_ids, recipe_ids[0])
        archive.put(_constants(given, labels, strain, displacement_A))
    return _in_short(archive.get(ElasticConstants, key))


@job
def keep_elastic_constants(
    element: str, constants_GPa: Sequence[Sequence[float]], source: str
) -> dict[str, Any]:
    """Store elastic constants that were not computed here.

    Parameters
    ----------
    element
        Chemical symbol.
    constants_GPa
        Shape (6, 6), in GPa, Voigt order xx yy zz yz xz xy, in standard axes.
    source
        Where they come from, in words.

    Returns
    -------
    As :func:`fit_elastic_constants`.

    Raises
    ------
    InputError
        If they are no elastic constants, or nobody says where they come from.
    """
    from ase.units import GPa

    made = ElasticConstants(
        provenance=Provenance.now(inputs={"source": source}),
        element=element,
        crystal=None,
        recipe=None,
        source=source,
        strain=None,
        clamped_eV_per_A3=None,
        constants_eV_per_A3=checked_constants(element, constants_GPa, source) * GPa,
        residual_stress_eV_per_A3=None,
    )
    open_archive().put(made)
    return _in_short(made)


def checked_constants(
    element: str, constants_GPa: Sequence[Sequence[float]], source: str
) -> np.ndarray:
    """Refuse what cannot be elastic constants.

    Parameters
    ----------
    element, constants_GPa, source
        As in :func:`keep_elastic_constants`.

    Returns
    -------
    The constants, shape (6, 6), in GPa.

    Raises
    ------
    InputError
        If they are none, or nobody says where they come from.
    """
    what = f"The elastic constants given for {element}"
    try:
        given = np.array(constants_GPa, dtype=float)
    except (TypeError, ValueError):
        raise InputError(f"{what} are no numbers.") from None
    if given.shape != VOIGT or not np.isfinite(given).all():
        raise InputError(f"{what} must be 6 rows of 6 numbers in GPa.")
    if np.abs(given - given.T).max() > LARGEST_ASYMMETRY * np.abs(given).max():
        raise InputError(f"{what} are not symmetric: C_ij is C_ji.")
    if not source.strip():
        raise InputError(f"{what} need a source: say where they come from.")
    return given


def _labels(archive: Archive, crystal: Crystal, frame_ids: list[str], recipe: str) -> list[Label]:
    wanted = [label_id(frame, recipe) for frame in frame_ids]
    there = archive.existing(Label, wanted)
    listed = probes(len(crystal.positions))
    missing = [str(probe) for probe, one in zip(listed, wanted, strict=True) if one not in there]
    if missing:
        raise PhysicsError(
            f"Of {len(listed)} cells of {crystal.element} {len(missing)} have no label (the first: "
            f"{missing[0]}), so there are no elastic constants: see the rejections, and run again."
        )
    labels = archive.get_many(Label, wanted)
    if any(label.stress is None for label in labels):
        raise PhysicsError(f"A label of the strained cells of {crystal.element} has no stress.")
    return labels


def _constants(
    crystal: Crystal, labels: list[Label], strain: float, displacement_A: float
) -> ElasticConstants:
    found = elasticity(
        crystal.atoms,
        [label.stress for label in labels],
        [label.forces for label in labels],
        strain,
        displacement_A,
    )
    return ElasticConstants(
        provenance=Provenance.now(labels[0].provenance.software, {"crystal": crystal.source}),
        element=crystal.element,
        crystal=crystal,
        recipe=labels[0].recipe,
        strain=strain,
        displacement_A=displacement_A,
        label_ids=tuple(label.id for label in labels),
        clamped_eV_per_A3=found.clamped_eV_per_A3,
        constants_eV_per_A3=found.constants_eV_per_A3,
        residual_stress_eV_per_A3=float(np.abs(found.stress_eV_per_A3).max()),
        residual_force_eV_per_A=found.largest_force_eV_per_A,
        asymmetry_eV_per_A3=found.asymmetry_eV_per_A3,
    )


def _in_short(constants: ElasticConstants) -> dict[str, Any]:
    return {
        "elastic_constants_id": constants.id,
        "cauchy_pressure_eV_per_A3": constants.cauchy_pressure_eV_per_A3,
    }
