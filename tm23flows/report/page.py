"""The report: one HTML file with everything inside.

Owns what goes on the page and in which order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tm23flows.documents.convergence import Convergence
from tm23flows.documents.label import Label
from tm23flows.documents.recipe import Recipe
from tm23flows.documents.trajectory import Trajectory
from tm23flows.errors import InputError
from tm23flows.report import convergence, tables
from tm23flows.report.benchmark.arrays import Evaluated, read_benchmark
from tm23flows.report.benchmark.error_figures import draw_parity_density
from tm23flows.report.chapters import FEW_DATASETS, chapters_of_models, chapters_of_runs
from tm23flows.report.data_figures import draw_recipes, draw_trajectories
from tm23flows.report.export import write_files
from tm23flows.report.figures import draw_errors, draw_training
from tm23flows.report.limits import ENERGY_REFERENCE_NOTE, limits
from tm23flows.report.pasts import read_pasts
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
from tm23flows.report.studies.page import study_chapters
from tm23flows.report.studies.section import Chapter
from tm23flows.report.words import recipe_words, short_words

if TYPE_CHECKING:
    from tm23flows.store.archive import Archive

TEMPLATE = "report.html"
OTHER_CHAPTERS = (
    ("road", "The road"), ("errors", "Errors"), ("labels", "Labels"),
    ("convergence", "k-meshes"), ("runs", "Runs of the labels"), ("frame", "One frame"),
    ("provenance", "Where the numbers come from"), ("settings", "Settings"), ("limits", "Limits"),
)  # fmt: skip
"""Chapters of the template itself, in the order of the page: anchors and titles."""


@dataclass(frozen=True)
class Content:
    """All that a report shows, read from the archive.

    Parameters
    ----------
    values
        What the template wants, by name.
    chapters
        Those of models, then those of runs and costs.
    drawings
        The figures that are not in a chapter.
    """

    values: dict[str, Any]
    chapters: tuple[Chapter, ...]
    drawings: tuple[Drawing, ...]


def write_report(
    archive: Archive, path: Path, dataset: str | None = None, files: Path | None = None
) -> Path:
    """Write the report of an archive, from what is stored alone.

    Parameters
    ----------
    archive
        The archive.
    path
        File to write; its folder is made. It is replaced at once when the page is complete.
    dataset
        Name, ``name@version`` or id of one dataset; all by default.
    files
        Folder for every figure as SVG and PNG and every table as CSV; None for none.

    Returns
    -------
    The file.

    Raises
    ------
    InputError
        If there is nothing to report, or a file cannot be written.
    NotFoundError
        If the dataset, or something that the page is made of, is not in the archive.
    """
    content = read_content(archive, dataset)
    write_pages({path: render(TEMPLATE, **content.values)})
    if files is not None:
        write_files(files, content.drawings, content.chapters)
    return path


def render_page(archive: Archive, dataset: str | None = None) -> str:
    """Make the page.

    Parameters
    ----------
    archive
        The archive.
    dataset
        Name, ``name@version`` or id of one dataset; all by default.

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
    return render(TEMPLATE, **read_content(archive, dataset).values)


def read_content(archive: Archive, dataset: str | None = None) -> Content:
    """Read and draw all that the page shows.

    Parameters
    ----------
    archive
        The archive.
    dataset
        Name, ``name@version`` or id of one dataset; all by default.

    Returns
    -------
    The content.

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
    only = None if dataset is None else metals
    evaluated = read_benchmark(archive, dataset)
    before, after = chapters_of_models(archive, evaluated, only)
    if dataset is None:
        after = [*after, *study_chapters(archive)]
    after = [*after, *chapters_of_runs(archive, runs, only)]
    tests = convergence.convergences(archive, only)
    values = {
        "before": before,
        "after": after,
        "metals": sorted(metals | {test.element for test in tests}),
        "dataset": None if dataset is None else chosen[0].name,
        "road": road,
        "rejections": rejection_reasons(archive) if road["rejections"] else {},
        "runs_figures": _runs_figures(archive, runs),
        "recipes": _recipes(archive, chosen, runs),
        "dynamics": [_dynamics_words(run) for run in runs],
        "limits": [*limits(archive, chosen, runs), *convergence.warnings(tests)],
        "convergence_columns": convergence.COLUMNS,
        "convergences": [_convergence(archive, test) for test in tests],
        **_errors_section(archive, evaluated, dataset),
        **_labels_section(archive, chosen, dataset),
    }
    titles = _linked(measured(archive, dataset), (*before, *after))
    pasts = read_pasts(archive, titles)
    values |= {"pasts": pasts, "past_ids": {one.id for one in pasts}}
    values["contents"] = list(_contents(values))
    drawn = [values["error_figures"], values["recipe_figures"], values["runs_figures"]]
    drawn.append([one["drawing"] for one in values["convergences"] if one["drawing"]])
    drawings = tuple(one for some in drawn for one in some)
    return Content(values, (*before, *after), drawings)


def _linked(evaluations: Sequence[Measured], chapters: Sequence[Chapter]) -> dict[str, str]:
    """Name the documents that rows and sections come from."""
    titles = {
        one.evaluation.id: f"{one.title} on {one.named.name}, {one.evaluation.part}"
        for one in evaluations
    }
    for chapter in chapters:
        for section in chapter.sections:
            if section.document:
                titles.setdefault(section.document, section.title)
            for table in section.tables:
                for one in table.documents:
                    titles.setdefault(one, f"{section.title}: {table.title}")
    return titles


def _contents(values: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield anchors and titles of the chapters that there are, in the order of the page."""
    there = {
        "road": True,
        "errors": True,
        "labels": values["sigma_rows"] or values["trajectory_rows"] or values["recipe_figures"],
        "convergence": values["convergences"],
        "runs": values["runs_figures"],
        "frame": values["stories"],
        "provenance": values["pasts"],
        "settings": values["recipes"] or values["dynamics"],
        "limits": values["limits"],
    }
    for anchor, title in OTHER_CHAPTERS:
        if anchor == "errors":
            yield from ((one.anchor, one.title) for one in values["before"])
        if there[anchor]:
            yield anchor, title
        if anchor == "errors":
            yield from ((one.anchor, one.title) for one in values["after"])


def _errors_section(
    archive: Archive, evaluated: Sequence[Evaluated], dataset: str | None
) -> dict[str, Any]:
    evaluations = [one.measured for one in evaluated]
    rows, noise = tables.error_rows(archive, dataset), tables.noise_rows(archive, dataset)
    return {
        "error_blocks": [
            [_error_cells(row) for row in block] for block in tables.sorted_rows(rows, noise)
        ],
        "units": QUANTITIES,
        "noise_note": tables.NOISE_NOTE if noise else tables.MISSING_NOISE_NOTE,
        "energy_note": ENERGY_REFERENCE_NOTE,
        "error_figures": _error_figures(evaluated, rows, noise),
        "models": [_model(one) for one in {one.model.id: one for one in evaluations}.values()],
    }


def _error_cells(row: tables.ErrorTableRow | tables.ComparisonRow) -> dict[str, Any]:
    return {
        "cells": tables.cells(row),
        "is_noise": isinstance(row, tables.ComparisonRow),
        "dataset": f"{row.dataset}, {row.part}",
        "document": getattr(row, "evaluation_id", ""),
    }


def _error_figures(
    evaluated: Sequence[Evaluated],
    rows: Sequence[tables.ErrorTableRow],
    noise: Sequence[tables.ComparisonRow],
) -> list[Drawing]:
    parts: dict[tuple[str, ...], list[Evaluated]] = {}
    for one in evaluated:
        parts.setdefault(one.part, []).append(one)
    drawings: list[Drawing | None] = []
    for key, together in parts.items():
        drawings.append(draw_parity_density(together))
        if len(parts) <= FEW_DATASETS:
            drawings.append(
                draw_errors(
                    [r for r in rows if r.frames == key], [n for n in noise if n.frames == key]
                )
            )
            drawings.append(draw_training([one.measured.model for one in together]))
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
