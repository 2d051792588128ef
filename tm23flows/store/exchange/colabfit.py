"""The column layout of the ColabFit Exchange.

Owns the columns: those of the files ``co/*.parquet`` that ColabFit publishes, as its page
"Parquet File Schema: Configuration" (materials.colabfit.org/docs/configuration_schema) and the
schema of colabfit-tools list them, and what of a label goes into which. ColabFit does not say the
sign of ``cauchy_stress``; here it is positive under tension.
"""

from __future__ import annotations

from functools import cache
from string import ascii_uppercase
from typing import Any

import numpy as np

from tm23flows.documents.frame import Frame
from tm23flows.documents.label import Label
from tm23flows.store.exchange.records import Wanted, document_texts

ID_LENGTH = 25
"""Digits of ColabFit's short ids after ``PO_`` and ``CO_``."""

COLUMNS: dict[str, str] = {
    "property_id": "text",
    "property_hash": "text",
    "last_modified": "time",
    "dataset_id": "text",
    "multiplicity": "integer",
    "software": "text",
    "method": "text",
    "energy": "double",
    "atomic_forces": "table",
    "cauchy_stress": "table",
    "cauchy_stress_volume_normalized": "boolean",
    "electronic_band_gap": "double",
    "electronic_band_gap_type": "text",
    "formation_energy": "double",
    "adsorption_energy": "double",
    "atomization_energy": "double",
    "max_force_norm": "double",
    "mean_force_norm": "double",
    "energy_above_hull": "double",
    "configuration_id": "text",
    "configuration_hash": "text",
    "structure_hash": "text",
    "cell": "table",
    "positions": "table",
    "pbc": "booleans",
    "chemical_formula_hill": "text",
    "chemical_formula_reduced": "text",
    "chemical_formula_anonymous": "text",
    "elements": "texts",
    "elements_ratios": "doubles",
    "atomic_numbers": "integers",
    "nsites": "integer",
    "nelements": "integer",
    "nperiodic_dimensions": "integer",
    "dimension_types": "integers",
    "names": "texts",
    "labels": "texts",
    "configuration_metadata": "text",
    "property_metadata": "text",
}
"""Kind of each column; what we have nothing to say about is null."""


def colabfit_row(frame: Frame, label: Label, wanted: Wanted) -> dict[str, Any]:
    """Fill the columns that are no tables of numbers.

    Parameters
    ----------
    frame
        The frame.
    label
        Its label.
    wanted
        Which energy it is to be, and the id of the dataset.

    Returns
    -------
    Values by column; what is missing is null.
    """
    texts = document_texts(frame, label)
    norms = np.linalg.norm(label.forces, axis=1)
    properties = f'{{"tm23_checksum": "{label.checksum}", "tm23_label": {texts[1]}}}'
    return {
        "property_id": f"PO_{label.id[:ID_LENGTH]}",
        "property_hash": label.id,
        "last_modified": label.provenance.created,
        "dataset_id": wanted.dataset_id,
        "multiplicity": 1,
        "software": label.effort.program or label.recipe.engine,
        "method": f"DFT-{label.recipe.xc}" if label.recipe.engine != "emt" else "EMT",
        "energy": label.energies.of(wanted.energy),
        "cauchy_stress_volume_normalized": None if label.stress is None else True,
        "max_force_norm": float(norms.max()),
        "mean_force_norm": float(norms.mean()),
        "configuration_id": f"CO_{label.frame_id[:ID_LENGTH]}",
        "configuration_hash": label.frame_id,
        "structure_hash": label.frame_id,
        "pbc": [True, True, True],
        **_composition(tuple(frame.numbers.tolist())),
        "nperiodic_dimensions": 3,
        "dimension_types": [1, 1, 1],
        "names": [f"{frame.element}-{label.frame_id[:ID_LENGTH]}"],
        "labels": [frame.regime] if frame.regime else [],
        "configuration_metadata": f'{{"tm23_frame": {texts[0]}}}',
        "property_metadata": properties,
    }


@cache
def _composition(numbers: tuple[int, ...]) -> dict[str, Any]:
    from ase import Atoms
    from ase.formula import Formula

    formula = Formula(Atoms(numbers=numbers).get_chemical_formula("hill"))
    counts = dict(sorted(formula.count().items()))
    reduced, _ = formula.reduce()
    # As OPTIMADE writes it: A is the element with the most atoms.
    shares = sorted(reduced.count().values(), reverse=True)
    letters = zip(ascii_uppercase, shares, strict=False)
    anonymous = "".join(letter + (str(n) if n > 1 else "") for letter, n in letters)
    return {
        "chemical_formula_hill": str(formula),
        "chemical_formula_reduced": reduced.format("hill"),
        "chemical_formula_anonymous": anonymous,
        "elements": list(counts),
        "elements_ratios": [count / len(numbers) for count in counts.values()],
        "atomic_numbers": list(numbers),
        "nsites": len(numbers),
        "nelements": len(counts),
    }
