"""The page of ``tm23 status --serve``: what it shows.

Owns the words and numbers of the template beside it, which loads nothing from anywhere. Who may
see it is the business of :mod:`tm23flows.ops.status.server`.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from pathlib import Path
from typing import Any

from tm23flows.ops.failures import ERROR_CLASSES
from tm23flows.ops.status.jobs import Place
from tm23flows.ops.status.overview import Overview
from tm23flows.ops.status.trainings import training_line
from tm23flows.ops.status.words import (
    all_reasons,
    duration,
    heard,
    measured_span,
    per_hour,
    reasons,
    rest_of,
    states,
    time_left,
)

HEADING = "TM23: where the work stands"


STYLE = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
SCRIPT = Path(__file__).with_name("page.js").read_text(encoding="utf-8")


def policy() -> str:
    """Return the content security policy of the page: its own style and script, and no other."""
    style, script = (
        base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in (STYLE, SCRIPT)
    )
    return (
        f"default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{script}'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def render(view: Overview | None, problem: str | None, every_s: int) -> str:
    """Write the page.

    Parameters
    ----------
    view
        What is to be seen; None if nothing was seen yet.
    problem
        Why it is not new.
    every_s
        When it is to be looked at again, in s.

    Returns
    -------
    HTML.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    loader = FileSystemLoader(Path(__file__).parent)
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
    return environment.get_template("page.html").render(
        heading=HEADING,
        when=f"{view.time:%Y-%m-%d %H:%M:%S} UTC" if view else "never",
        problem=problem,
        every_s=every_s,
        style=STYLE,
        script=SCRIPT,
        view=_shown(view) if view else None,
    )


def _shown(view: Overview) -> dict[str, Any]:
    """Return what the template shows, all of it in words and whole numbers."""
    estimates, _ = view.estimates
    return {
        "tiles": _tiles(view),
        "stages": view.stages,
        "rows": [_row(view, name) for name in view.elements],
        "pace": [
            {
                "name": stage,
                "left": numbers.total() - numbers["done"] - numbers["defused"],
                "rate": per_hour(rate.per_hour if (rate := view.ends.rates.get(stage)) else None),
                "eta": time_left(estimates.get(stage)),
                "assumes": one.assumes if (one := estimates.get(stage)) else "",
            }
            for stage in view.stages
            for numbers in (view.jobs.by_stage()[stage],)
        ],
        "failures": [
            {"name": found, "meaning": ERROR_CLASSES[found], "number": len(some),
             "example": f"{some[0].name}: {some[0].reason}"}
            for found, some in view.failure_classes().items()
        ],
        "running": [
            {"name": one.name, "host": one.host, "heard": heard(one), "silent": one.silent,
             "ran": "" if one.ran_s is None else duration(one.ran_s)}
            for one in view.running
        ],
        "trainings": [training_line(one) for one in view.progress.trainings],
    }  # fmt: skip


def _tiles(view: Overview) -> list[dict[str, Any]]:
    numbers = sum((Counter(one) for one in view.jobs.counts.values()), Counter())
    rates = [*view.ends.rates.values(), view.steps.rate, view.labels]
    span = f"over the last {measured_span(rates, view)}"
    jobs = sum(one.per_hour for one in view.ends.rates.values())
    labels = sum(one.labels for one in view.frames.values())
    refused = all_reasons(view)
    silent = sum(one.silent for one in view.running)
    _, together = view.estimates
    classes = [f"{len(some)} {found}" for found, some in view.failure_classes().items()]
    told = [
        ("jobs done", f"{numbers['done']} of {numbers.total()}", rest_of(numbers), False),
        (
            "running",
            str(len(view.running)),
            f"{silent} not heard of" if silent else "",
            bool(silent),
        ),
        ("failed", str(numbers["failed"]), ", ".join(classes), bool(numbers["failed"])),
        ("time left", time_left(together), together.assumes, False),
        ("jobs per hour", per_hour(jobs), span, False),
        ("steps per hour", per_hour(view.steps.rate.per_hour), span, False),
        ("labels per hour", per_hour(view.labels.per_hour), span, False),
        ("labels", str(labels), f"rejected: {reasons(refused) or 'none'}", False),
    ]
    return [dict(zip(("name", "value", "words", "bad"), one, strict=True)) for one in told]


def _row(view: Overview, element: str) -> dict[str, Any]:
    counts = view.frames.get(element)
    return {
        "name": element or "no metal",
        "cells": [_cell(view.jobs.counts.get(Place(element, stage))) for stage in view.stages],
        "accepted": counts.frames_accepted if counts else 0,
        "rejected": counts.frames_rejected if counts else 0,
        "reasons": reasons(counts.reasons) if counts else "",
        "labels": counts.labels if counts else 0,
    }


def _cell(numbers: Counter[str] | None) -> dict[str, Any] | None:
    if not numbers:
        return None
    total = numbers.total()
    percent = {word: round(100 * numbers[word] / total, 2) for word in numbers}
    return {
        "done": numbers["done"],
        "total": total,
        "running": numbers["running"],
        "failed": numbers["failed"],
        "words": states(numbers),
        "done_percent": percent.get("done", 0),
        "run_percent": percent.get("running", 0),
        "fail_percent": percent.get("failed", 0),
    }
