"""Convergence with the k-mesh: the table, the figure and what is to be said of it.

Owns how a convergence test is shown. The verdict is in the document.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from tm23flows.documents.convergence import Convergence, MeshRow
from tm23flows.report.plotting import (
    NOISE_COLOUR,
    PALETTE,
    Drawing,
    canvas,
    finish,
    plain,
    style,
)
from tm23flows.report.quantities import MEV_PER_EV, NOT_THERE, QUANTITIES, number_text
from tm23flows.store.collections import collection_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tm23flows.store.archive import Archive

COLUMNS = (
    "k-mesh", "spacing / (1/Å)", "points", "|Δ free energy| / (meV/atom)", "|Δ force| / (meV/Å)",
    "|Δ stress| / (meV/Å³)", "CPU / s", "",
)  # fmt: skip
CHOSEN, USED, REFERENCE, NO_LABELS = "chosen", "used, not converged", "reference", "no labels"
GAMMA_MARKER, SHIFTED_MARKER = "o", "s"
SMALLEST_MEV = 1e-3
"""A logarithmic axis shows smaller differences here; labels are not that accurate."""


def convergences(archive: Archive, metals: Collection[str] | None = None) -> list[Convergence]:
    """Read convergence tests.

    Parameters
    ----------
    archive
        The archive.
    metals
        Only of these; all by default.

    Returns
    -------
    Tests by metal, in the order in which they were made.
    """
    wanted = {} if metals is None else {"element": {"$in": sorted(metals)}}
    stored = archive.database[collection_of(Convergence)].find(wanted, {"_id": 1})
    found = archive.get_many(Convergence, [one["_id"] for one in stored])
    return sorted(found, key=lambda one: (one.element, one.provenance.created, one.id))


def mesh_rows(test: Convergence) -> list[list[str]]:
    """Write the table of a test.

    Parameters
    ----------
    test
        The test.

    Returns
    -------
    A row per mesh under :data:`COLUMNS`, from coarse to dense.
    """
    return [_cells(test, row) for row in test.rows]


def _cells(test: Convergence, row: MeshRow) -> list[str]:
    differences = (row.energy_eV_per_atom, row.force_eV_per_A, row.stress_eV_per_A3)
    of_reference = row == test.reference
    return [
        str(row.mesh),
        number_text(row.spacing_per_A),
        str(row.n_points),
        *(NOT_THERE if one is None or of_reference else _mev(one) for one in differences),
        NOT_THERE if row.cpu_s is None else number_text(row.cpu_s),
        _role(test, row),
    ]


def _mev(value: float) -> str:
    return number_text(MEV_PER_EV * value)


def _role(test: Convergence, row: MeshRow) -> str:
    roles = [REFERENCE] if row == test.reference else []
    if row.deviation is None:
        roles.append(NO_LABELS)
    if row == test.chosen:
        roles.append(CHOSEN if test.converged else USED)
    return ", ".join(roles)


def warnings(tests: Sequence[Convergence]) -> list[str]:
    """Say which meshes are not shown to be converged.

    Parameters
    ----------
    tests
        Convergence tests.

    Returns
    -------
    A sentence for each metal and recipe whose last test did not converge.
    """
    last = {(test.element, test.base_recipe.id): test for test in tests}
    return [
        f"No k-mesh of {test.element} was shown to be converged: {test.reason}"
        for test in last.values()
        if not test.converged
    ]


def draw_convergence(test: Convergence) -> Drawing | None:
    """Draw the differences from the densest mesh against the mesh, with the limits.

    Parameters
    ----------
    test
        The test.

    Returns
    -------
    The figure, or None where no mesh but the densest has labels.
    """
    rows = test.rows[:-1]
    panels = [
        ("energy", [row.energy_eV_per_atom for row in rows], test.energy_limit_eV_per_atom),
        ("force", [row.force_eV_per_A for row in rows], test.force_limit_eV_per_A),
        ("stress", [row.stress_eV_per_A3 for row in rows], None),
    ]
    shown = [panel for panel in panels if any(value is not None for value in panel[1])]
    if not shown:
        return None
    with style():
        figure, axes = canvas(len(shown), 3.5, 3.3)
        for panel, colour, (name, values, limit) in zip(axes, PALETTE, shown, strict=False):
            _draw_panel(panel, test, values, limit, colour)
            panel.set_title(f"Largest change of {name}")
            panel.set_ylabel(f"|Δ| / ({QUANTITIES[name]})")
        n_frames = len(test.frame_ids)
        caption = (
            f"{n_frames} {'frame' if n_frames == 1 else 'frames'}; energy is the free energy. "
            "Dashed: the limit. Squares are meshes shifted off Gamma, circles Gamma-centred. "
            "The grey band is the mesh to use."
        )
        title = f"Convergence of {test.element} with the k-mesh, against {test.reference.mesh}"
        return finish(figure, title, caption)


def _draw_panel(
    axes: Axes, test: Convergence, values: Sequence[float | None], limit: float | None, colour: str
) -> None:
    rows = test.rows[:-1]
    there = [
        (place, max(SMALLEST_MEV, MEV_PER_EV * value), any(rows[place].kmesh_offset))
        for place, value in enumerate(values)
        if value is not None
    ]
    axes.plot([x for x, _, _ in there], [y for _, y, _ in there], color=colour, lw=1.2)
    for marker, shifted in ((GAMMA_MARKER, False), (SHIFTED_MARKER, True)):
        some = [(x, y) for x, y, off in there if off == shifted]
        axes.plot([x for x, _ in some], [y for _, y in some], marker, color=colour, ms=6)
    axes.set_yscale("log")
    if limit is not None:
        axes.axhline(MEV_PER_EV * limit, color="black", lw=1.0, ls="--")
    if test.chosen is not None:
        axes.axvline(test.rows.index(test.chosen), color=NOISE_COLOUR, lw=5, alpha=0.35, zorder=0)
    labels = [plain("x".join(map(str, row.kmesh))) for row in test.rows]
    axes.set_xticks(range(len(labels)), labels, rotation=45, ha="right")
    axes.set_xlim(-0.5, len(labels) - 0.5)
    axes.set_xlabel("k-mesh")
