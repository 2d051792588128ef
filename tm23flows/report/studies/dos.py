"""The page of the density-of-states study: total and d densities, and where the d bands are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from tm23flows.documents.density_of_states import DensityOfStates
from tm23flows.documents.studies.dos import DosMetal, DosResults
from tm23flows.report.plotting import NOISE_COLOUR, PALETTE, Drawing, canvas, finish, style
from tm23flows.report.quantities import NOT_THERE, number_text
from tm23flows.report.records import SHORT_ID
from tm23flows.report.studies.section import StudySection, StudyTable
from tm23flows.science.density_of_states import density_of_states, energy_grid
from tm23flows.science.spectrum import Spectrum

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tm23flows.documents.study import Study
    from tm23flows.store.archive import Archive

DRAWN_EV = (-12.0, 8.0)
"""Energies against the Fermi level that are drawn."""

MAX_COLUMNS = 3
ARTICLE = (
    "The article reports large d densities on both sides of the Fermi level for groups IV to IX, "
    "and mostly or fully below it for groups X to XII."
)


def section(archive: Archive, study: Study) -> StudySection:
    """Show a density-of-states study.

    Parameters
    ----------
    archive
        Has the densities of states.
    study
        The study.

    Returns
    -------
    Sentences, tables and figures.
    """
    results = study.results
    assert isinstance(results, DosResults), "the page of a study is chosen by its kind"
    names = [one.element for one in results.metals]
    return StudySection(
        title=f"Densities of states of {', '.join(names)}",
        answer=(*_answer(results), ARTICLE),
        tables=(_moments_table(results), _electrons_table(results)),
        drawings=(_draw(archive, study, results),),
    )


def _answer(results: DosResults) -> Iterator[str]:
    known = [one for one in results.metals if one.d_band_centre_eV is not None]
    if known:
        ordered = sorted(known, key=lambda one: one.d_band_centre_eV or 0.0)
        centres = ", ".join(f"{one.element} {_centre(one)} eV" for one in ordered)
        yield f"Centre of the d band against the Fermi level, from low to high: {centres}."
        shares = ", ".join(f"{one.element} {_percent(one.d_below_fermi)}" for one in ordered)
        yield f"Share of the d states of the window at or below the Fermi level: {shares}."
    if without := [one.element for one in results.metals if one.d_band_centre_eV is None]:
        yield f"No d states in the window: {', '.join(without)}."


def _moments_table(results: DosResults) -> StudyTable:
    low, high = results.window_eV
    return StudyTable(
        title="Moments of the d band",
        columns=(
            "metal",
            "frames",
            "SIGMA / eV",
            "centre / eV",
            "width / eV",
            "filling",
            "below the Fermi level",
            "window / eV",
        ),
        rows=[_moments(one, low) for one in results.metals],
        note=(
            f"First moment and root of the second central moment of the d-projected states from "
            f"{low:g} to {high:g} eV against the Fermi level, without broadening; means over the "
            "frames. After ± stands the standard error of the mean. The filling goes by the "
            "occupations, and so by SIGMA; the share below the Fermi level does not. A window "
            "with * ends where states are missing."
        ),
    )


def _moments(metal: DosMetal, low: float) -> tuple[str, ...]:
    end = min(one.window_end_eV for one in metal.frames)
    width = metal.d_band_width_eV
    return (
        metal.element,
        str(len(metal.frames)),
        f"{metal.sigma_eV:g}",
        _centre(metal),
        NOT_THERE if width is None else number_text(width),
        _percent(metal.d_filling),
        _percent(metal.d_below_fermi),
        f"{low:g} to {end:.1f}{'' if metal.window_complete else ' *'}",
    )


def _electrons_table(results: DosResults) -> StudyTable:
    return StudyTable(
        title="Electrons of the curves",
        columns=("metal", "density of states", "electrons", "under the curve", "difference"),
        rows=[
            (
                metal.element,
                frame.dos_id[:SHORT_ID],
                f"{frame.electrons:g}",
                f"{frame.integrated_electrons:.3f}",
                f"{frame.integrated_electrons - frame.electrons:+.4f}",
            )
            for metal in results.metals
            for frame in metal.frames
        ],
        note="Valence electrons of the cell, and the area under its occupied density of states.",
    )


def _draw(archive: Archive, study: Study, results: DosResults) -> Drawing:
    metals = results.metals
    columns = min(len(metals), MAX_COLUMNS)
    n_rows = -(-len(metals) // columns)
    with style():
        figure, axes = canvas(columns, 3.4, 2.7, n_rows)
        for panel, metal in zip(axes, metals, strict=False):
            _draw_metal(archive, panel, metal, results.width_eV)
        for panel in axes[len(metals) :]:
            panel.set_visible(False)
        caption = (
            f"Mean over frames of the {study.settings.get('regime', 'dataset')}, both spins. Grey: "
            "all states; blue: their d part. The dashed line is the centre of the d band, the "
            f"black one the Fermi level. All curves have the same Gaussian of {results.width_eV:g} "
            "eV, whatever SIGMA and engine, and end where states are missing. Projections are "
            "those of the engine and do not add up to all states."
        )
        return finish(figure, "Densities of states around the Fermi level", caption)


def _draw_metal(archive: Archive, axes: Axes, metal: DosMetal, width_eV: float) -> None:
    grid = energy_grid(DRAWN_EV)
    found = archive.get_many(DensityOfStates, [one.dos_id for one in metal.frames])
    curves = [
        density_of_states(
            Spectrum.from_arrays(archive.blobs.get_arrays(one.spectrum)), grid, width_eV
        )
        for one in found
    ]
    shown = np.all([one.shown for one in curves], axis=0)
    total = np.mean([one.total for one in curves], axis=0)[shown] / metal.n_atoms
    of_d = np.mean([one.d for one in curves], axis=0)[shown] / metal.n_atoms
    axes.fill_between(grid[shown], total, color=NOISE_COLOUR, alpha=0.35, lw=0)
    axes.plot(grid[shown], total, color=NOISE_COLOUR, lw=1.0)
    axes.plot(grid[shown], of_d, color=PALETTE[0], lw=1.3)
    axes.axvline(0, color="black", lw=0.8)
    if metal.d_band_centre_eV is not None:
        axes.axvline(metal.d_band_centre_eV, color=PALETTE[0], lw=1.0, ls="--")
    axes.set_xlim(*DRAWN_EV)
    axes.set_ylim(bottom=0)
    axes.set_title(metal.element)
    axes.set_xlabel("energy - Fermi level / eV")
    axes.set_ylabel("states / (eV atom)")


def _centre(metal: DosMetal) -> str:
    if metal.d_band_centre_eV is None:
        return NOT_THERE
    error = metal.d_band_centre_error_eV
    return f"{metal.d_band_centre_eV:.2f}" + ("" if error is None else f" ± {error:.2f}")


def _percent(share: float | None) -> str:
    return NOT_THERE if share is None else f"{100 * share:.0f} %"
