"""Tables of the crystal study: models beside the labels.

Owns columns, units, what is compared with what, and how tables are read. Numbers are the study's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tm23flows.documents.studies.crystal import CrystalMetal, CrystalRow, LatticeRow
from tm23flows.report.quantities import MEV_PER_EV, NOT_THERE, number_text
from tm23flows.report.studies.section import StudyTable

GPA_PER_EV_PER_A3 = 160.21766208
"""As in ASE: CODATA 2014."""

LATTICE = (
    "metal", "energies from", "a / Å", "c / Å", "volume / (Å³/atom)", "bulk modulus / GPa",
    "its derivative", "Δ to the labels / (meV/atom)",
)  # fmt: skip
CUBIC = ("C11", "C12", "C44")
AXIAL = ("C11", "C12", "C13", "C14", "C33", "C44", "C66")
VACANCY = ("metal", "energies from", "sites", "unrelaxed / eV", "relaxed / eV")
PHASE = ("metal", "phase", "energies from", "energy / (meV/atom)", "volume / (Å³/atom)")
FAILED = ("metal", "energies from", "what", "why")


@dataclass(frozen=True)
class Shown:
    """One row with the names that tables give it."""

    metal: CrystalMetal
    row: CrystalRow
    name: str

    @property
    def start(self) -> tuple[str, str]:
        """The first two cells of its row."""
        return self.metal.element, self.name

    @property
    def reference(self) -> CrystalRow | None:
        """The row of the labels, where this one is not it."""
        return None if self.row.model_id is None else self.metal.labels


def crystal_tables(shown: Sequence[Shown]) -> tuple[StudyTable, ...]:
    """Make the tables.

    Parameters
    ----------
    shown
        All rows of the study, metal by metal.

    Returns
    -------
    Those that have a row.
    """
    made = (
        _lattice_table(shown),
        _elastic_table([one for one in shown if _is_cubic(one.metal)], CUBIC, "cubic"),
        _elastic_table([one for one in shown if not _is_cubic(one.metal)], AXIAL, "other"),
        _vacancy_table(shown),
        _phase_table(shown),
        _failure_table(shown),
    )
    return tuple(table for table in made if table.rows)


def gpa_text(value: float) -> str:
    """Write a modulus.

    Parameters
    ----------
    value
        In eV/angstrom^3.

    Returns
    -------
    The number in GPa.
    """
    return number_text(GPA_PER_EV_PER_A3 * value)


def percent_change(value: float, reference: float) -> str:
    """Write how far a value is from a reference.

    Parameters
    ----------
    value, reference
        In the same unit.

    Returns
    -------
    Such as ``+0.12 %``.
    """
    # Adding zero makes -0.00 positive.
    return f"{round(100 * (value / reference - 1), 2) + 0.0:+.2f} %"


def _lattice_table(shown: Sequence[Shown]) -> StudyTable:
    return StudyTable(
        title="Lattice and equation of state",
        columns=LATTICE,
        rows=tuple(_lattice_cells(one, one.row.lattice) for one in shown if one.row.lattice),
        note="Labels: the lowest free energy between strained cells. Models: relaxed lattice and "
        "atoms. In brackets the deviation from the labels. Bulk modulus and its derivative are of "
        "Birch and Murnaghan's curve, with the best c/a at each volume. Δ is the root mean square "
        "distance of the two curves within 6 % of the volume, each above its own minimum.",
    )


def _lattice_cells(one: Shown, found: LatticeRow) -> tuple[str, ...]:
    other = None if one.reference is None else one.reference.lattice
    modulus = found.bulk_modulus_eV_per_A3
    apart = found.curve_difference_eV_per_atom
    return (
        *one.start,
        _against(f"{found.a_A:.3f}", found.a_A, other and other.a_A),
        NOT_THERE
        if found.c_A is None
        else _against(f"{found.c_A:.3f}", found.c_A, other and other.c_A),
        f"{found.volume_A3_per_atom:.3f}",
        _against(gpa_text(modulus), modulus, other and other.bulk_modulus_eV_per_A3),
        number_text(found.bulk_modulus_derivative),
        NOT_THERE if apart is None else number_text(MEV_PER_EV * apart),
    )


def _elastic_table(shown: Sequence[Shown], names: tuple[str, ...], family: str) -> StudyTable:
    return StudyTable(
        title=f"Elastic constants of {family} crystals",
        columns=(
            "metal", "energies from", *(f"{name} / GPa" for name in names),
            "mean deviation / GPa",
        ),
        rows=tuple(
            (
                *one.start,
                *(number_text(value) for value in _constants(one.row, names)),
                _mean_deviation(one, names),
            )
            for one in shown
            if one.row.elastic is not None
        ),
        note="Of each source at its own lattice, with atoms at rest, in standard axes; from "
        "stresses of strained cells. The last column is the mean absolute deviation of these "
        "constants from those of the labels.",
    )  # fmt: skip


def _constants(row: CrystalRow, names: Sequence[str]) -> np.ndarray:
    if row.elastic is None:
        raise ValueError("the row has no elastic constants")
    table = np.array(row.elastic.constants_eV_per_A3) * GPA_PER_EV_PER_A3
    return np.array([table[int(name[1]) - 1, int(name[2]) - 1] for name in names])


def _mean_deviation(one: Shown, names: Sequence[str]) -> str:
    if one.reference is None or one.reference.elastic is None:
        return NOT_THERE
    apart = _constants(one.row, names) - _constants(one.reference, names)
    return number_text(float(np.abs(apart).mean()))


def _vacancy_table(shown: Sequence[Shown]) -> StudyTable:
    return StudyTable(
        title="Formation energy of a vacancy",
        columns=VACANCY,
        rows=tuple(
            (
                *one.start,
                str(hole.n_sites),
                f"{hole.unrelaxed_eV:.3f}",
                NOT_THERE if hole.relaxed_eV is None else f"{hole.relaxed_eV:.3f}",
            )
            for one in shown
            if (hole := one.row.vacancy) is not None
        ),
        note="At constant volume, each source at its own lattice, the same supercell for all. "
        "Labels are statics, so atoms around their vacancy stay on their sites: compare the "
        "unrelaxed energies. One site is taken out; where sites differ, there are other vacancies.",
    )


def _phase_table(shown: Sequence[Shown]) -> StudyTable:
    rows = [
        (
            one.metal.element,
            phase.phase,
            one.name,
            number_text(MEV_PER_EV * phase.difference_eV_per_atom),
            NOT_THERE if phase.volume_A3_per_atom is None else f"{phase.volume_A3_per_atom:.3f}",
        )
        for one in shown
        for phase in one.row.phases
        if phase.difference_eV_per_atom is not None
    ]
    order = list(dict.fromkeys(row[0] for row in rows))
    return StudyTable(
        title="Energies of other phases",
        columns=PHASE,
        rows=tuple(sorted(rows, key=lambda row: (order.index(row[0]), row[1]))),
        note="Above that of the metal's own phase; each phase at rest within its own symmetry. "
        "Meshes of k-points differ between phases: differences of a meV are not resolved.",
    )


def _failure_table(shown: Sequence[Shown]) -> StudyTable:
    return StudyTable(
        title="What there is no number for",
        columns=FAILED,
        rows=tuple((*one.start, *words) for one in shown for words in _failures(one.row)),
    )


def _failures(row: CrystalRow) -> Iterator[tuple[str, str]]:
    yield from row.reasons.items()
    if row.vacancy is not None and row.vacancy.reason is not None:
        yield "relaxed vacancy", row.vacancy.reason
    for phase in row.phases:
        if phase.reason is not None:
            yield phase.phase, phase.reason


def _is_cubic(metal: CrystalMetal) -> bool:
    rows = [*([metal.labels] if metal.labels else []), *metal.models]
    return all(row.lattice.c_A is None for row in rows if row.lattice is not None)


def _against(text: str, value: float, reference: float | None) -> str:
    return text if reference is None else f"{text} ({percent_change(value, reference)})"
