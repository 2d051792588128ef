"""The report: one HTML file with everything inside, and one beside it for each kind of study.

Owns what goes on the main page and in which order.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tm23flows.documents.convergence import Convergence
from tm23flows.documents.label import Label
from tm23flows.documents.recipe import Recipe
from tm23flows.documents.trajectory import Trajectory
from tm23flows.errors import InputError
from tm23flows.report import convergence, tables
from tm23flows.report.data_figures import draw_recipes, draw_trajectories
from tm23flows.report.figures import draw_errors, draw_parity, draw_training
from tm23flows.report.limits import ENERGY_REFERENCE_NOTE, limits
from tm23flows.report.plotting import Drawing
from tm23flows.report.provenance import LABEL_COLUMNS, frame_story, steps
from tm23flows.report.quantities import QUANTITIES
from tm23flows.report.records import (
    SHORT_ID,
    Measured,
    NamedDataset,
    counts,
    datasets,
    measured,
    rejection_reasons,
    trajectories,
)
from tm23flows.report.rendering import render, write_pages
from tm23flows.report.studies.page import StudyPage, render_study_page, study_pages
from tm23flows.report.words import recipe_words, short_words

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

TEMPLATE = "report.html"


def write_report(archive: Archive, path: Path, dataset: str | None = None) -> Path:
    """Write the report of an archive, from what is stored alone.

    Parameters
    ----------
    archive
        The archive.
    path
        File to write; its folder is made. It is replaced at once when the page is complete.
    dataset
        Name, ``name@version`` or id of one dataset; all by default.

    Returns
    -------
    The file.

    Raises
    ------
    InputError
        If there is nothing to report, the file has the name of a page beside it, or it cannot
        be written.
    NotFoundError
        If the dataset, or something that the page is made of, is not in the archive.
    """
    pages = study_pages(archive) if dataset is None else []
    if path.name in {page.file for page in pages}:
        raise InputError(
            f"{path.name} is the name of the page of a study, which is written beside the report; "
            "choose another one, such as index.html."
        )
    written = {path: render_page(archive, dataset, pages)}
    for page in pages:
        written[path.with_name(page.file)] = render_study_page(archive, page, path.name)
    write_pages(written)
    return path


def render_page(
    archive: Archive, dataset: str | None = None, pages: Sequence[StudyPage] = ()
) -> str:
    """Make the page.

    Parameters
    ----------
    archive
        The archive.
    dataset
        Name, ``name@version`` or id of one dataset; all by default.
    pages
        Pages of studies that lie beside this one.

    Returns
    -------
    HTML.

    Raises
    ------
    InputError
        If there is nothing to report.
    NotFoundError
        If the dataset, or something that the page is made of, is not in the archive.
    """
    road = counts(archive)
    if not any(road.values()):
        raise InputError(
            "There is nothing to report yet; run 'tm23 run Cu --scale demo' or 'make demo' first."
        )
    chosen = datasets(archive, dataset)
    runs = trajectories(archive, None if dataset is None else chosen)
    metals = {one.dataset.element for one in chosen} | {run.element for run in runs}
    tests = convergence.convergences(archive, None if dataset is None else metals)
    return render(
        TEMPLATE,
        study_pages=pages,
        metals=sorted(metals | {test.element for test in tests}),
        dataset=None if dataset is None else chosen[0].name,
        road=road,
        rejections=rejection_reasons(archive) if road["rejections"] else {},
        runs_figures=_runs_figures(archive, runs),
        recipes=_recipes(archive, chosen, runs),
        dynamics=[_dynamics_words(run) for run in runs],
        limits=[*limits(archive, chosen, runs), *convergence.warnings(tests)],
        convergence_columns=convergence.COLUMNS,
        convergences=[_convergence(archive, test) for test in tests],
        **_errors_section(archive, dataset),
        **_labels_section(archive, chosen, dataset),
    )


def _errors_section(archive: Archive, dataset: str | None) -> dict[str, Any]:
    evaluations = measured(archive, dataset)
    rows, noise = tables.error_rows(archive, dataset), tables.noise_rows(archive, dataset)
    return {
        "error_blocks": [
            [_error_cells(row) for row in block] for block in tables.sorted_rows(rows, noise)
        ],
        "units": QUANTITIES,
        "noise_note": tables.NOISE_NOTE if noise else tables.MISSING_NOISE_NOTE,
        "energy_note": ENERGY_REFERENCE_NOTE,
        "error_figures": _error_figures(archive, evaluations, rows, noise),
        "evaluations": [_evaluation(archive, one) for one in evaluations],
        "models": [_model(one) for one in {one.model.id: one for one in evaluations}.values()],
    }


def _error_cells(row: tables.ErrorTableRow | tables.ComparisonRow) -> dict[str, Any]:
    return {
        "cells": tables.cells(row),
        "is_noise": isinstance(row, tables.ComparisonRow),
        "dataset": f"{row.dataset}, {row.part}",
    }


def _error_figures(
    archive: Archive,
    evaluations: Sequence[Measured],
    rows: Sequence[tables.ErrorTableRow],
    noise: Sequence[tables.ComparisonRow],
) -> list[Drawing]:
    parts: dict[tuple[str, ...], list[Measured]] = {}
    for one in evaluations:
        made = one.evaluation
        parts.setdefault((made.dataset_id, made.part, made.energy_reference), []).append(one)
    drawings: list[Drawing | None] = []
    for key, together in parts.items():
        drawings += [
            draw_errors(
                [r for r in rows if r.frames == key], [n for n in noise if n.frames == key]
            ),
            draw_parity(archive, together),
            draw_training([one.model for one in together]),
        ]
    return [drawing for drawing in drawings if drawing is not None]


def _labels_section(
    archive: Archive, chosen: Sequence[NamedDataset], dataset: str | None
) -> dict[str, Any]:
    stories = [frame_story(archive, named.dataset) for named in chosen]
    drawings = [draw_recipes(archive, named) for named in chosen]
    return {
        "sigma_rows": [tables.comparison_cells(r) for r in tables.sigma_rows(archive, dataset)],
        "trajectory_rows": [
            tables.comparison_cells(r) for r in tables.trajectory_rows(archive, dataset)
        ],
        "recipe_figures": [drawing for drawing in drawings if drawing is not None],
        "label_columns": LABEL_COLUMNS,
        "stories": [
            {"story": story, **_trace(archive, story.label_id)}
            for story in stories
            if story is not None
        ],
    }


def _convergence(archive: Archive, test: Convergence) -> dict[str, Any]:
    return {
        "title": f"{test.element}, {short_words(test.base_recipe, mesh=False)}",
        "id": test.id[:SHORT_ID],
        "rows": convergence.mesh_rows(test),
        "reason": test.reason,
        "drawing": convergence.draw_convergence(test),
        **_trace(archive, test.id),
    }


def _evaluation(archive: Archive, one: Measured) -> dict[str, Any]:
    return {
        "title": f"{one.title} on {one.named.name}, {one.evaluation.part}",
        "id": one.evaluation.id[:SHORT_ID],
        **_trace(archive, one.evaluation.id),
    }


def _model(one: Measured) -> dict[str, str]:
    settings = "; ".join(f"{key} {value}" for key, value in one.model.hyperparameters.items())
    return {"title": one.title, "words": f"{settings}; seed {one.model.seed}"}


def _trace(archive: Archive, document_id: str) -> dict[str, Any]:
    found = archive.trace(document_id)
    return {"complete": found.complete, "steps": steps(found)}


def _runs_figures(archive: Archive, runs: Sequence[Trajectory]) -> list[Drawing]:
    by_metal: dict[str, list[Trajectory]] = {}
    for run in runs:
        by_metal.setdefault(run.element, []).append(run)
    drawings = [draw_trajectories(archive, together) for together in by_metal.values()]
    return [drawing for drawing in drawings if drawing is not None]


def _recipes(
    archive: Archive, chosen: Sequence[NamedDataset], runs: Sequence[Trajectory]
) -> list[dict[str, str]]:
    used: dict[str, tuple[Recipe, list[str]]] = {}
    for run in runs:
        _, words = used.setdefault(run.recipe.id, (run.recipe, []))
        words.append(f"{run.element} {run.regime or ''} trajectory")
    for named in chosen:
        for label in archive.get_many(Label, named.dataset.label_ids[:1]):
            _, words = used.setdefault(label.recipe_id, (label.recipe, []))
            words.append(f"dataset {named.name}")
    return [
        {"id": key[:SHORT_ID], "words": recipe_words(recipe), "used": ", ".join(words)}
        for key, (recipe, words) in used.items()
    ]


def _dynamics_words(run: Trajectory) -> str:
    moved = run.dynamics
    return (
        f"{run.element} {run.regime or ''}: {moved.ensemble} at {moved.temperature_K:.1f} K, "
        f"{run.n_steps} steps of {moved.timestep_fs:g} fs, damping {moved.damping_fs:g} fs, "
        f"seed {moved.seed}"
    )
